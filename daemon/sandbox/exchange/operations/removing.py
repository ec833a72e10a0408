"""DeleteItem, MoveItem and CopyItem."""

from __future__ import annotations

from daemon.sandbox.exchange import tasks
from daemon.sandbox.exchange.calls import Call, each, required, success, with_items
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.items import Draft, Folder, Item
from daemon.sandbox.exchange.markup import Element, boolean, child_text, children
from daemon.sandbox.exchange.meetings import Answer, SendMode, is_organizers
from daemon.sandbox.exchange.permissions import Act
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.shapes import ID_ONLY, item_markup

_BINS = {"MoveToDeletedItems": "deleteditems", "SoftDelete": "recoverableitemsdeletions"}


def delete_item(call: Call, request: Element) -> Element:
    def delete(element: Element) -> Element:
        item = call.item(element)
        mode = request.get("SendMeetingCancellations")
        affected = request.get("AffectedTaskOccurrences")
        if item.kind is ItemKind.CALENDAR_ITEM and mode is None:
            raise EwsError("ErrorSendMeetingCancellationsRequired", "SendMeetingCancellations is missing.")
        if item.kind is ItemKind.TASK and affected is None:
            raise EwsError("ErrorAffectedTaskOccurrencesRequired", "AffectedTaskOccurrences is missing.")
        if tasks.is_recurring(item) and affected == "SpecifiedOccurrenceOnly":
            _skip_occurrence(call, item)
            return success(call.operation)
        if item.kind is ItemKind.CALENDAR_ITEM and mode is not None:
            item = _tell_others(call, item, SendMode.named(mode))
        _dispose(call, item, request.get("DeleteType", ""))
        return success(call.operation)

    return each(call, children(required(request, "ItemIds")), delete)


def _skip_occurrence(call: Call, item: Item) -> None:
    """The current occurrence of a recurring task is deleted: the task shows the next."""
    onwards = tasks.following(item.values, completed=None, zone=call.zone)
    if onwards is None:
        text = "Deleting the occurrence of a regenerating task, or the last one, is not allowed."
        raise EwsError("ErrorCannotDeleteTaskOccurrence", text)
    call.world.modify(item, onwards, by=call.person.name)


def _tell_others(call: Call, item: Item, mode: SendMode) -> Item:
    """An organizer's delete cancels the meeting; an attendee's declines it, if anybody is to be told."""
    if mode.to == "nobody" or not item.get("IsMeeting") or item.is_cancelled:
        return item
    if is_organizers(item):
        call.meetings.cancel(item, mode, call.cause)
        return item
    answer = Answer("Decline", send=True, save_copy=mode.save_copy)
    return call.meetings.answer(item, answer, call.cause)[0]


def _dispose(call: Call, item: Item, how: str) -> None:
    folder = call.world.folder(item.mailbox, _BINS[how]) if how in _BINS else None
    if folder is None:
        call.world.delete(item)
    elif item.folder != folder.id:
        call.world.throw(item, folder)


def move_item(call: Call, request: Element) -> Element:
    folder = call.target(request, "ToFolderId", act=Act.CREATE)

    def move(element: Element) -> Element:
        item = call.item(element)
        _refuse_misplaced(item, folder)
        if folder.mailbox != item.mailbox:
            raise EwsError("ErrorMoveCopyFailed", "The sandbox Exchange moves nothing from mailbox to mailbox.")
        return _with_id(call, request, call.world.move(item, folder))

    return each(call, children(required(request, "ItemIds")), move)


def copy_item(call: Call, request: Element) -> Element:
    folder = call.target(request, "ToFolderId", act=Act.CREATE)

    def copy(element: Element) -> Element:
        item = call.item(element, Act.SEE)
        _refuse_misplaced(item, folder)
        if item.part is not None:
            raise EwsError("ErrorCalendarCannotMoveOrCopyOccurrence", "An occurrence cannot be moved or copied.")
        draft = Draft(item.kind, item.values, item.extended)
        copied = call.world.create(folder, draft, by=call.person.name, author=call.mailbox)
        return _with_id(call, request, copied)

    return each(call, children(required(request, "ItemIds")), copy)


def _with_id(call: Call, request: Element, item: Item) -> Element:
    if not boolean(child_text(request, "ReturnNewItemIds", "true")):
        return success(call.operation, with_items())
    return success(call.operation, with_items(item_markup(call.world, item, ID_ONLY)))


def _refuse_misplaced(item: Item, folder: Folder) -> None:
    if item.kind is not ItemKind.CALENDAR_ITEM and folder.folder_class == "IPF.Appointment":
        raise EwsError("ErrorMoveCopyFailed", "Only calendar items go into a calendar.")
