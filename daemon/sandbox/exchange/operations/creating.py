"""CreateItem: new items, and the answers to meetings that EWS sends by the same operation."""

from __future__ import annotations

from daemon.sandbox.exchange.calls import Call, each, required, success, with_items
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.incoming import new_draft
from daemon.sandbox.exchange.items import Folder
from daemon.sandbox.exchange.markup import Element, children, local_name
from daemon.sandbox.exchange.meetings import SendMode
from daemon.sandbox.exchange.operations import responding
from daemon.sandbox.exchange.permissions import Act
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.shapes import ID_ONLY, item_markup

_HOME = {"CalendarItem": "calendar", "Task": "tasks", "Message": "drafts", "Item": "drafts"}


def create_item(call: Call, request: Element) -> Element:
    def create(element: Element) -> Element:
        if local_name(element) in responding.RESPONSES:
            return responding.respond(call, request, element)
        return _create(call, request, element)

    return each(call, children(required(request, "Items")), create)


def _create(call: Call, request: Element, element: Element) -> Element:
    mode = request.get("SendMeetingInvitations")
    kind = local_name(element)
    if kind == ItemKind.CALENDAR_ITEM and mode is None:
        raise EwsError("ErrorSendMeetingInvitationsRequired", "SendMeetingInvitations is missing.")
    if kind == ItemKind.MESSAGE:
        _refuse_sending(request)
    home = _HOME.get(kind, "drafts")
    folder = call.target(request, "SavedItemFolderId", home, act=Act.CREATE)
    draft = new_draft(call, element, call.world.owner(folder.mailbox))
    _refuse_misplaced(kind, folder)
    item = call.world.create(folder, draft, by=call.person.name, author=call.mailbox)
    if mode is not None and item.kind is ItemKind.CALENDAR_ITEM:
        item = call.meetings.announce(item, SendMode.named(mode), call.cause)
    return success(call.operation, with_items(item_markup(call.world, item, ID_ONLY)))


def _refuse_sending(request: Element) -> None:
    disposition = request.get("MessageDisposition")
    if disposition is None:
        raise EwsError("ErrorMessageDispositionRequired", "MessageDisposition is missing.")
    if disposition != "SaveOnly":
        raise EwsError("ErrorInvalidOperation", "The sandbox Exchange does not model mail that is no meeting's.")


def _refuse_misplaced(kind: str, folder: Folder) -> None:
    if kind == ItemKind.CALENDAR_ITEM and folder.folder_class != "IPF.Appointment":
        raise EwsError("ErrorCannotCreateCalendarItemInNonCalendarFolder", "A calendar item needs a calendar.")
    if kind == ItemKind.TASK and folder.folder_class != "IPF.Task":
        raise EwsError("ErrorCannotCreateTaskInNonTaskFolder", "A task needs a task folder.")
