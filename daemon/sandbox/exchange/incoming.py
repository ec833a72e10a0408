"""Items as clients send them: what may be set, what is filled in, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from lxml import etree

from daemon.sandbox.exchange import extended, reminders, series, tasks, values
from daemon.sandbox.exchange.calls import Call
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.items import ATTENDEE_LISTS, Draft, ExtendedName, ExtendedValue
from daemon.sandbox.exchange.markup import Element, child_text, children, local_name
from daemon.sandbox.exchange.properties import ItemKind, Property, Trait, by_name
from daemon.sandbox.exchange.timezones import display_name, zone_of
from daemon.sandbox.exchange.values import Attendee, Recipient, Zone
from daemon.sandbox.people import People, Person, PersonKind

# A plain `Item` becomes a message, as Exchange makes it.
CREATABLE = {
    "CalendarItem": ItemKind.CALENDAR_ITEM,
    "Item": ItemKind.MESSAGE,
    "Message": ItemKind.MESSAGE,
    "Task": ItemKind.TASK,
}
_CLASSES = {ItemKind.CALENDAR_ITEM: "IPM.Appointment", ItemKind.MESSAGE: "IPM.Note", ItemKind.TASK: "IPM.Task"}
_LONGEST = timedelta(days=5 * 366)
_SUBJECT_LIMIT = 255
_DEFAULTS = {"Sensitivity": "Normal", "Importance": "Normal", "Culture": "en-US"}
_CALENDAR_DEFAULTS = {
    "LegacyFreeBusyStatus": "Busy",
    "IsAllDayEvent": False,
    **reminders.BY_DEFAULT,
    "IsResponseRequested": True,
    "AllowNewTimeProposal": True,
    "AppointmentSequenceNumber": 0,
    "IsCancelled": False,
    "MeetingRequestWasSent": False,
}


@dataclass(frozen=True, slots=True)
class Given:
    """What a request sets."""

    values: dict[str, Any]
    extended: dict[ExtendedName, ExtendedValue]


def read_given(element: Element, kind: ItemKind, zone: tzinfo) -> Given:
    """The properties within an item's element.

    Raises:
        EwsError: one of them may not be set, or cannot be read.
    """
    given = Given({}, {})
    for each in children(element):
        name = local_name(each)
        if name == "ExtendedProperty":
            path, value = extended.read(each)
            given.extended[path] = value
        elif (prop := settable(kind, name)).writable:
            given.values[name] = values.read(prop.form, each, zone=zone)
    return given


def settable(kind: ItemKind, name: str) -> Property:
    """The property of this name, if clients may set it."""
    prop = by_name(kind).get(name)
    if prop is None or not (prop.writable or Trait.IGNORED in prop.traits):
        uri = prop.uri if prop else None
        raise EwsError("ErrorInvalidPropertySet", f"The property {name} cannot be set.", field_uri=uri)
    return prop


def new_draft(call: Call, element: Element, owner: Person) -> Draft:
    """What CreateItem stores for an item's element in somebody's mailbox."""
    kind = CREATABLE.get(local_name(element))
    if kind is None:
        raise EwsError("ErrorInvalidOperation", f"The sandbox Exchange does not model {local_name(element)} items.")
    given = read_given(element, kind, zone_given(call, element))
    stored = {"ItemClass": _CLASSES[kind], **_DEFAULTS, **given.values}
    check_common(kind, stored)
    if kind is ItemKind.CALENDAR_ITEM:
        stored = _new_calendar_item(call, stored, owner)
    if kind is ItemKind.TASK:
        begun = tasks.begun(stored, today=call.today)
        placed = tasks.placed(begun, zone=call.zone)
        stored = {"Owner": owner.name, **tasks.settled(placed, today=call.today, zone=call.zone)}
    if kind is ItemKind.MESSAGE:
        me = Recipient(call.person.name, call.person.email)
        stored = {"IsRead": True, "From": Recipient(owner.name, owner.email), "Sender": me, **stored}
    return Draft(kind, stored, given.extended)


def location_within(markup: bytes) -> str:
    """The display name of an `EnhancedLocation`."""
    return child_text(etree.fromstring(markup), "DisplayName")


def zone_given(call: Call, element: Element) -> tzinfo:
    """The zone of times without an offset: the item's, else the request's."""
    for name in ("StartTimeZone", "MeetingTimeZone"):
        for each in children(element):
            if local_name(each) == name:
                return zone_of(each.get("Id") or each.get("TimeZoneName") or "") or call.zone
    return call.zone


def check_common(kind: ItemKind, stored: Mapping[str, Any]) -> None:
    if not str(stored.get("ItemClass", "")).startswith(_CLASSES.get(kind, "IPM.")):
        raise EwsError("ErrorObjectTypeChanged", "The item class does not fit the item's type.")
    if len(stored.get("Subject", "")) > _SUBJECT_LIMIT:
        raise EwsError("ErrorPropertyValidationFailure", "The subject is longer than 255 characters.")
    reminders.check(stored)


def _new_calendar_item(call: Call, stored: dict[str, Any], owner: Person) -> dict[str, Any]:
    zone = stored.pop("MeetingTimeZone", None) or Zone(call.zone_name or "UTC", display_name(call.zone_name or "UTC"))
    start = stored.get("Start") or _next_half_hour(call.world.now())
    stored = {
        **_CALENDAR_DEFAULTS,
        "StartTimeZone": zone,
        "EndTimeZone": stored.get("StartTimeZone", zone),
        "Start": start,
        "End": start + timedelta(minutes=30),
        "UID": call.world.new_uid(),
        "Organizer": Recipient(owner.name, owner.email),
        "MyResponseType": "Organizer",
        **stored,
    }
    return settled(stored, call.world.people)


def settled(stored: dict[str, Any], people: People) -> dict[str, Any]:
    """An organizer's item made consistent: whole days, known people, meeting or appointment.

    Raises:
        EwsError: it ends before it starts or lasts too long.
    """
    stored = {**stored, **_whole_days(stored)}
    if "EnhancedLocation" in stored:
        stored["Location"] = location_within(stored["EnhancedLocation"])
    start, end = stored["Start"], stored["End"]
    if end < start:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate", "The item ends before it starts.")
    if end - start > _LONGEST:
        raise EwsError("ErrorCalendarDurationIsTooLong", "The item lasts longer than five years.")
    stored |= series.settled(stored)
    for name in ATTENDEE_LISTS:
        if name in stored:
            stored[name] = tuple(_known(each, people) for each in stored[name])
    is_meeting = any(stored.get(name) for name in ATTENDEE_LISTS)
    stored["IsMeeting"] = is_meeting
    stored["AppointmentState"] = 1 if is_meeting else 0
    return stored


def _whole_days(stored: Mapping[str, Any]) -> dict[str, datetime]:
    """All-day items start and end at midnight of their own zone."""
    if not stored.get("IsAllDayEvent"):
        return {}
    start_zone = zone_of(stored["StartTimeZone"].id) or UTC
    end_zone = zone_of(stored["EndTimeZone"].id) or UTC
    start = _midnight(stored["Start"], start_zone)
    end = _midnight(stored["End"], end_zone)
    if end < stored["End"] or end <= start:
        end = _midnight(end.astimezone(end_zone) + timedelta(hours=36), end_zone)
    return {"Start": start, "End": end}


def _midnight(moment: datetime, zone: tzinfo) -> datetime:
    local = moment.astimezone(zone)
    return datetime(local.year, local.month, local.day, tzinfo=zone).astimezone(UTC)


def _next_half_hour(moment: datetime) -> datetime:
    past = timedelta(minutes=moment.minute % 30, seconds=moment.second)
    return moment - past + timedelta(minutes=30)


def _known(attendee: Attendee, people: People) -> Attendee:
    return replace(attendee, recipient=known_recipient(attendee.recipient, people))


def known_recipient(recipient: Recipient, people: People) -> Recipient:
    """With the address book's name and address; X500 names stay as they were given, unresolvable ones too."""
    person = people.find(recipient.address) if recipient.address else None
    if person is None:
        return replace(recipient, name=recipient.name or recipient.address, mailbox_type=_outside(recipient))
    if recipient.routing_type != "SMTP":
        return replace(recipient, name=recipient.name or person.name)
    mailbox_type = {PersonKind.LIST: "PublicDL", PersonKind.EXTERNAL: "OneOff"}.get(person.kind, "Mailbox")
    return Recipient(person.name, person.email, "SMTP", mailbox_type)


def _outside(recipient: Recipient) -> str:
    return recipient.mailbox_type if recipient.mailbox_type != "Mailbox" else "OneOff"
