"""The response objects of CreateItem: accept, tentatively accept, decline, cancel, remove."""

from __future__ import annotations

from daemon.sandbox.exchange import values
from daemon.sandbox.exchange.calls import Call, required, success, with_items
from daemon.sandbox.exchange.content import cancelled_by_organizer
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.inboxes import principal_of
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.markup import Element, child
from daemon.sandbox.exchange.markup import local_name as name_of
from daemon.sandbox.exchange.meetings import Answer, SendMode, is_organizers, refuse_answer
from daemon.sandbox.exchange.permissions import Act, check_item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.shapes import ID_ONLY, item_markup

_ANSWERS = {"AcceptItem": "Accept", "TentativelyAcceptItem": "Tentative", "DeclineItem": "Decline"}
RESPONSES = frozenset((*_ANSWERS, "CancelCalendarItem", "RemoveItem"))


def respond(call: Call, request: Element, element: Element) -> Element:
    name = name_of(element)
    reference = call.item(required(element, "ReferenceItemId"))
    if name == "RemoveItem":
        return _remove(call, reference)
    disposition = request.get("MessageDisposition")
    if disposition is None:
        raise EwsError("ErrorMessageDispositionRequired", "MessageDisposition is missing.")
    if name == "CancelCalendarItem":
        return _cancel(call, _calendar_item(call, reference), element, disposition=disposition)
    return _answer(call, reference, element, disposition=disposition)


def _answer(call: Call, reference: Item, element: Element, *, disposition: str) -> Element:
    response = _ANSWERS[name_of(element)]
    if reference.get("IsOutOfDate"):
        raise EwsError("ErrorCalendarMeetingRequestIsOutOfDate", "The request was overtaken by an update.")
    copy = _calendar_item(call, reference)
    refuse_answer(copy, response)
    body = child(element, "Body")
    answer = Answer(
        response,
        send=disposition != "SaveOnly",
        save_copy=disposition != "SendOnly",
        body=values.read(values.Form.BODY, body, zone=call.zone) if body is not None else None,
    )
    made = call.meetings.answer(copy, answer, call.cause)
    return success(call.operation, with_items(*(item_markup(call.world, item, ID_ONLY) for item in made)))


def _cancel(call: Call, item: Item, element: Element, *, disposition: str) -> Element:
    """The organizer calls the meeting off: his item goes to Deleted Items, in state 5."""
    if not is_organizers(item):
        raise EwsError("ErrorCalendarIsNotOrganizer", "Only the organizer cancels a meeting.")
    content = child(element, "NewBodyContent")
    body = values.read(values.Form.BODY, content, zone=call.zone) if content is not None else None
    mode = SendMode("nobody" if disposition == "SaveOnly" else "all", disposition == "SendAndSaveCopy")
    call.meetings.cancel(item, mode, call.cause, body=body)
    done = call.world.modify(item, cancelled_by_organizer(item), by=call.person.name)
    gone = call.world.throw(done, call.world.folder(item.mailbox, "deleteditems"))
    return success(call.operation, with_items(item_markup(call.world, gone, ID_ONLY)))


def _remove(call: Call, reference: Item) -> Element:
    """The attendee drops a cancelled meeting."""
    copy = _calendar_item(call, reference)
    if not copy.is_cancelled:
        raise EwsError("ErrorInvalidOperation", "The meeting is not cancelled.")
    call.meetings.put_away(copy)
    return success(call.operation, with_items())


def _calendar_item(call: Call, reference: Item) -> Item:
    """The calendar item itself, or the one that a meeting message is about."""
    if reference.kind is ItemKind.CALENDAR_ITEM:
        return reference
    mailbox, at = principal_of(reference), reference.recurrence_id
    found = call.meetings.calendar_item(mailbox, reference.uid, at) if reference.uid else None
    if found is None:
        raise EwsError("ErrorItemNotFound", "The calendar item of this message does not exist.")
    check_item(call.world, call.person, found, Act.CHANGE)
    return found
