"""UpdateItem: set, append and delete properties, under one of the three ways to resolve conflicts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

from daemon.sandbox.exchange import extended, reminders, series, tasks
from daemon.sandbox.exchange.calls import Call, each, first, required, success, with_items
from daemon.sandbox.exchange.errors import EwsError, malformed
from daemon.sandbox.exchange.incoming import Given, check_common, read_given, settable, settled, zone_given
from daemon.sandbox.exchange.items import ATTENDEE_LISTS, Draft, Item
from daemon.sandbox.exchange.markup import Element, child, children, local_name, m, t
from daemon.sandbox.exchange.meetings import SendMode, is_organizers
from daemon.sandbox.exchange.properties import ItemKind, Property, by_uri
from daemon.sandbox.exchange.shapes import ID_ONLY, item_markup
from daemon.sandbox.exchange.values import Body, Day, Form
from daemon.sandbox.exchange.world import is_change_key

_UNDELETABLE = frozenset(
    ("ItemClass", "Start", "End", "StartTimeZone", "EndTimeZone", "Sensitivity", "Importance", "UID")
)
# Clients that write whole items also delete what the item never had.
_NEVER_THERE = frozenset(("item:MimeContent",))
_OF_THE_SERIES = frozenset(("UID", "Recurrence"))
_APPENDABLE = frozenset((Form.BODY, Form.ATTENDEES, Form.PEOPLE, Form.STRINGS))
_SEVERITY = {"Normal": 0, "Personal": 1, "Private": 2, "Confidential": 3}
_TIMES = ("Start", "End", "IsAllDayEvent", "Recurrence")


def update_item(call: Call, request: Element) -> Element:
    def update(change: Element) -> Element:
        item = _update(call, request, change)
        conflicts = m("ConflictResults", t("Count", "0"))
        return success(call.operation, with_items(item_markup(call.world, item, ID_ONLY)), conflicts)

    return each(call, children(required(request, "ItemChanges")), update)


def _update(call: Call, request: Element, change: Element) -> Item:
    reference = first(change)
    item = call.item(reference)
    mode = request.get("SendMeetingInvitationsOrCancellations")
    if item.kind is ItemKind.CALENDAR_ITEM and mode is None:
        text = "SendMeetingInvitationsOrCancellations is missing."
        raise EwsError("ErrorSendMeetingInvitationsOrCancellationsRequired", text)
    if item.kind is ItemKind.MESSAGE and request.get("MessageDisposition") is None:
        raise EwsError("ErrorMessageDispositionRequired", "MessageDisposition is missing.")
    is_stale = _is_stale(item, reference, request.get("ConflictResolution", ""))
    given = Given(dict(item.values), dict(item.extended))
    for description in children(required(change, "Updates")):
        _apply(call, item, given, description)
    if is_stale:
        _keep_more_sensitive(item, given)
    changed = _store(call, item, given)
    if mode is None or item.kind is not ItemKind.CALENDAR_ITEM:
        return changed
    return _announce(call, changed, SendMode.named(mode), before=item)


def _is_stale(item: Item, reference: Element, resolution: str) -> bool:
    """Whether the client saw an older state, where that may be.

    Raises:
        EwsError: it did and wants to know, or does not say what it saw.
    """
    key = reference.get("ChangeKey")
    if resolution == "AlwaysOverwrite":
        return False
    if not key:
        raise EwsError("ErrorChangeKeyRequiredForWriteOperations", "The change key is missing.")
    if not is_change_key(key):
        raise EwsError("ErrorInvalidChangeKey", "The change key is invalid.")
    if key != item.change_key and resolution == "NeverOverwrite":
        raise EwsError("ErrorIrresolvableConflict", "The item was changed in the meantime.")
    return key != item.change_key


def _keep_more_sensitive(item: Item, given: Given) -> None:
    """In an automatic merge sensitivity is only raised."""
    before = item.get("Sensitivity", "Normal")
    if _SEVERITY.get(given.values.get("Sensitivity", "Normal"), 0) < _SEVERITY.get(before, 0):
        given.values["Sensitivity"] = before


def _apply(call: Call, item: Item, given: Given, description: Element) -> None:
    path, action = first(description), local_name(description)
    if local_name(path) == "ExtendedFieldURI":
        _apply_extended(given, description, path, deletes=action == "DeleteItemField")
        return
    if local_name(path) != "FieldURI":
        raise EwsError("ErrorInvalidPropertySet", "The sandbox Exchange does not model indexed properties.")
    if action == "DeleteItemField" and path.get("FieldURI") in _NEVER_THERE:
        return
    prop = _property(item, path.get("FieldURI", ""))
    if item.part is not None and prop.name in _OF_THE_SERIES:
        _refuse_for_occurrence(item, prop, description, deletes=action == "DeleteItemField")
        return
    if action == "DeleteItemField":
        _delete(item, given, prop)
        return
    element = only_child_property(description)
    if local_name(element[0]) != prop.name:
        raise EwsError("ErrorUpdatePropertyMismatch", "Property and path differ.", field_uri=prop.uri)
    value = read_given(element, item.kind, zone_given(call, element)).values.get(prop.name)
    if value is None:
        return
    _put(call, item, given, prop, value=value, appends=action != "SetItemField")


def _put(call: Call, item: Item, given: Given, prop: Property, *, value: Any, appends: bool) -> None:
    """Sets a property, or appends to it, and what hangs on it."""
    if item.kind is ItemKind.TASK and not appends:
        tasks.set_property(given.values, prop.name, value, today=call.today)
        return
    given.values[prop.name] = _appended(prop, given.values.get(prop.name), value) if appends else value
    if prop.name == "Location":
        given.values.pop("EnhancedLocation", None)
    if prop.name == "MeetingTimeZone":
        given.values["StartTimeZone"] = given.values["EndTimeZone"] = given.values.pop("MeetingTimeZone")


def _refuse_for_occurrence(item: Item, prop: Property, description: Element, *, deletes: bool) -> None:
    """What only its series has is not for an occurrence to change."""
    if deletes:
        raise EwsError("ErrorInvalidPropertyDelete", "The property is the series' own.", field_uri=prop.uri)
    given = read_given(only_child_property(description), item.kind, UTC).values.get(prop.name)
    if given != item.get(prop.name):
        raise EwsError("ErrorInvalidPropertySet", "The property is the series' own.", field_uri=prop.uri)


def _apply_extended(given: Given, description: Element, path: Element, *, deletes: bool) -> None:
    name = extended.name_of(path)
    if deletes:
        given.extended.pop(name, None)
        return
    holder = child(only_child_property(description), "ExtendedProperty")
    if holder is None:
        raise malformed("SetItemField without the property it sets")
    found, value = extended.read(holder)
    if found != name:
        raise EwsError("ErrorUpdatePropertyMismatch", "Property and path differ.")
    given.extended[name] = value


def only_child_property(description: Element) -> Element:
    """The item's element of a change description, which holds exactly one property."""
    element = description[1] if len(description) > 1 else None
    if element is None or len(element) != 1:
        raise EwsError("ErrorIncorrectUpdatePropertyCount", "Each change sets exactly one property.")
    return element


def _property(item: Item, uri: str) -> Property:
    prop = by_uri(item.kind).get(uri)
    if prop is None:
        name = uri.partition(":")[2]
        settable(item.kind, name)
        raise EwsError("ErrorInvalidPropertySet", f"The property {uri} cannot be set.", field_uri=uri)
    return settable(item.kind, prop.name)


def _delete(item: Item, given: Given, prop: Property) -> None:
    if prop.name in _UNDELETABLE:
        raise EwsError("ErrorInvalidPropertyDelete", "The property cannot be deleted.", field_uri=prop.uri)
    if item.kind is ItemKind.TASK:
        tasks.delete_property(given.values, prop.name)
    else:
        given.values[prop.name] = reminders.NONE_BY_DEFAULT.get(prop.name)


def _appended(prop: Property, before: Any, value: Any) -> Any:
    if prop.form not in _APPENDABLE:
        raise EwsError("ErrorInvalidPropertyAppend", "The property cannot be appended to.", field_uri=prop.uri)
    if before is None:
        return value
    return Body(before.type, before.text + value.text) if prop.form is Form.BODY else (*before, *value)


def _store(call: Call, item: Item, given: Given) -> Item:
    stored = {name: value for name, value in given.values.items() if value is not None}
    check_common(item.kind, stored)
    if item.kind is ItemKind.CALENDAR_ITEM:
        stored = _settled_series(item, _settled_calendar_item(call, item, stored))
    if item.kind is ItemKind.TASK:
        if stored.get("Recurrence") != item.get("Recurrence"):
            stored = tasks.placed(stored, zone=call.zone)
        stored = tasks.settled(stored, today=call.today, zone=call.zone)
        if tasks.one_off_of(item.values, stored):
            return _one_off(call, item, Given(stored, given.extended))
    return _keep(call, item, Given(stored, given.extended))


def _one_off(call: Call, item: Item, changed: Given) -> Item:
    """What happens to the current occurrence of a recurring task: a task of its own, unless it is the last one."""
    done: Day | None = changed.values.get("CompleteDate")
    onwards = tasks.following(item.values, completed=done, zone=call.zone)
    if onwards is None:
        return _keep(call, item, changed)
    alone = {name: value for name, value in changed.values.items() if name != "Recurrence"}
    if done is not None:
        alone["ReminderIsSet"] = False
    folder = call.world.folder_by_id(item.folder)
    draft = Draft(item.kind, alone, changed.extended)
    made = call.world.create(folder, draft, by=call.person.name, author=call.mailbox)
    stored = {name: value for name, value in {**changed.values, **onwards}.items() if value is not None}
    _keep(call, item, Given(stored, changed.extended))
    return made


def _keep(call: Call, item: Item, given: Given) -> Item:
    stored = given.values
    removed: dict[str, Any] = {name: None for name in item.values if name not in stored}
    changed = {name: value for name, value in stored.items() if item.get(name) != value}
    extended_too = given.extended if given.extended != item.extended else None
    woken = reminders.woken({**removed, **changed})
    return call.world.modify(item, {**removed, **changed, **woken}, by=call.person.name, extended=extended_too)


def _settled_calendar_item(call: Call, item: Item, stored: dict[str, Any]) -> dict[str, Any]:
    """Consistent again; an attendee's changes of his own copy make nobody an organizer and give nobody another name."""
    settled_values = settled(stored, call.world.people)
    if not is_organizers(item):
        own = {name: item.values[name] for name in ("IsMeeting", "AppointmentState") if name in item.values}
        untouched = {name: stored[name] for name in ATTENDEE_LISTS if name in stored}
        return {**settled_values, **untouched, **own}
    answers = {each.recipient: each for each in item.attendees}
    for name in ATTENDEE_LISTS:
        if name in settled_values:
            settled_values[name] = tuple(answers.get(each.recipient, each) for each in settled_values[name])
    return settled_values


def _settled_series(item: Item, stored: dict[str, Any]) -> dict[str, Any]:
    """An occurrence stays between its neighbours; a series with other days or hours keeps nothing customized."""
    if item.part is not None and any(stored[name] != item.get(name) for name in ("Start", "End")):
        series.refuse_crossing(item.part, stored["Start"], stored["End"])
    if item.part is not None:
        return stored
    bare = {name: value for name, value in stored.items() if name not in series.CUSTOMIZED}
    return bare if series.is_rescheduled(item.values, stored) else {**bare, **series.trimmed(stored)}


def _announce(call: Call, item: Item, mode: SendMode, *, before: Item) -> Item:
    """Tells the attendees; who has new times is asked anew."""
    if mode.to != "nobody" and before.get("MeetingRequestWasSent") and _moved(item, before) and is_organizers(item):
        asked_anew: dict[str, Any] = {
            name: tuple(replace(each, response="Unknown", replied=None) for each in item.values[name])
            for name in ATTENDEE_LISTS
            if name in item.values
        }
        asked_anew["AppointmentSequenceNumber"] = item.get("AppointmentSequenceNumber", 0) + 1
        item = call.world.modify(item, asked_anew, by=item.modified_by)
    return call.meetings.announce(item, mode, call.cause, before=before)


def _moved(item: Item, before: Item) -> bool:
    return any(item.get(name) != before.get(name) for name in _TIMES)
