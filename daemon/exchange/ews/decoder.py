"""EWS items to canonical copies (ID-1, ID-5, ALM-1, MAP-4, PRIV-1, CON-4, S25a).

Written by hand over lxml's tree, because this is where a hint's CPU goes: one pass over an item's children, nothing
built that is not asked for. An item never raises: what cannot be a meeting (no start, end before start, a year that
means "none") is `Unreadable` with its rule. Unknown words of the server (a new sensitivity, importance) are kept as
they are, for the decision to judge.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from daemon.exchange.ews import fields, people, properties, recurrences, times, uids, zones
from daemon.exchange.ews.envelopes import MESSAGES, TYPES, Element, Message
from daemon.exchange.ews.fields import Fields
from daemon.exchange.ews.unreadable import NotReadable
from daemon.exchange.port import Unreadable
from handlers.bodies import notes_of
from schemas.copies import Copy, Folder, Kind, Shape

BODY_TOO_LARGE = "body_too_large"
SHAPE_UNKNOWN = "shape_unknown"

LONGEST_BODY = 1_000_000
LONGEST_MARKUP = 4_000_000
MOST_TAGS = 100_000
"""Characters of what people wrote, beyond which it fits no record of the bus; those with all their HTML; and how often
it may open or close an element, so that reading it holds nobody up."""

IS_MEETING = 1
IS_CANCELLED = 4
"""Bits of AppointmentState."""

LONGEST_REMINDER = 2_629_800
DEFAULT_REMINDER = 0x5AE980E1
DEFAULT_REMINDER_MINUTES = 15
"""The value that stands for "as the mailbox's owner likes it", and what Outlook makes of it."""

_KINDS = {f"{TYPES}CalendarItem": Kind.SCHEDULE_ITEM, f"{TYPES}Task": Kind.TASK}
_SHAPES = {shape.value: shape for shape in Shape}
_ITEMS = f"{MESSAGES}Items"
_EXTENDED = f"{TYPES}ExtendedProperty"
_CLEAN_ID_SPELLINGS = (str(properties.CLEAN_GLOBAL_OBJECT_ID_TAG), hex(properties.CLEAN_GLOBAL_OBJECT_ID_TAG))


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer does not say of itself: whose mailbox, which folder is which, and whether times were asked for."""

    mailbox: str
    folders: Mapping[str, Folder] = field(default_factory=dict)
    zones: zones.Zones = field(default_factory=zones.Zones)
    whole: bool = True


def items(message: Message, reading: Reading) -> tuple[Copy | Unreadable, ...]:
    """The items of a response message, wherever its operation keeps them."""
    return tuple([item(element, reading) for element in item_elements(message.element)])


def item(element: Element, reading: Reading) -> Copy | Unreadable:
    """One item element."""
    found = fields.of(element)
    try:
        if _KINDS.get(element.tag) is Kind.SCHEDULE_ITEM:
            return _calendar_item(element, found, reading)
        return _other_item(element, found, reading)
    except NotReadable as error:
        return Unreadable(found.attribute("ItemId", "Id"), error.rule)


def item_elements(message: Element) -> list[Element]:
    """Children of `Items` (Get, Create, Update, Find, also grouped) or of the changes of SyncFolderItems."""
    for child in message:
        if child.tag == _ITEMS:
            return list(child)
    changes = message.find(f"{MESSAGES}Changes")
    if changes is not None:
        return [child for change in changes for child in change if child.find(f"{TYPES}ItemId") is not None]
    return [child for found in message.iterfind(f"{MESSAGES}RootFolder//{TYPES}Items") for child in found]


def _calendar_item(element: Element, found: Fields, reading: Reading) -> Copy:
    marker, clean_id = _extended(element) if "ExtendedProperty" in found.elements else (None, None)
    when = times.of(found, reading.zones, must_be_there=reading.whole)
    state = fields.number(found.text("AppointmentState")) or 0
    organizer = people.organizer(found)
    copy = Copy(
        mailbox=reading.mailbox,
        item_id=found.attribute("ItemId", "Id"),
        change_key=found.attribute("ItemId", "ChangeKey"),
        shape=_shape(found),
        folder=folder(found, reading),
        uid=clean_id or uids.canonical(found.text("UID")),
        subject=found.text("Subject"),
        body=body(found),
        html=is_html(found),
        location=found.text("Location"),
        start=when.start,
        end=when.end,
        zone_id=when.zone_id,
        zone=when.zone,
        all_day=when.all_day,
        importance=found.text("Importance") or "Normal",
        sensitivity=found.text("Sensitivity") or "Normal",
        organizer=organizer,
        attendees=people.attendees(found, organizer),
        is_meeting=found.flag("IsMeeting") or bool(state & IS_MEETING),
        is_cancelled=found.flag("IsCancelled") or bool(state & IS_CANCELLED),
        my_response=people.response(found.text("MyResponseType")),
        replied_at=times.instant_or_none(found.text("AppointmentReplyTime")),
        reminder=_reminder(found),
        marker=marker,
        modified_at=times.instant_or_none(found.text("LastModifiedTime")),
    )
    return _of_series(copy, found) if reading.whole and _is_of_series(copy, found) else copy


def _is_of_series(copy: Copy, found: Fields) -> bool:
    return copy.shape is not Shape.SINGLE or "RecurrenceId" in found.elements


def _of_series(copy: Copy, found: Fields) -> Copy:
    if copy.shape is Shape.MASTER:
        return recurrences.master(copy, found)
    return replace(copy, original_start=recurrences.original_start(copy, found))


def _other_item(element: Element, found: Fields, reading: Reading) -> Copy:
    """A task, a mail, a meeting message: what it is and where, no more."""
    return Copy(
        mailbox=reading.mailbox,
        item_id=found.attribute("ItemId", "Id"),
        change_key=found.attribute("ItemId", "ChangeKey"),
        kind=_KINDS.get(element.tag, Kind.OTHER),
        folder=folder(found, reading),
        subject=found.text("Subject"),
        sensitivity=found.text("Sensitivity") or "Normal",
        marker=_extended(element)[0],
        modified_at=times.instant_or_none(found.text("LastModifiedTime")),
    )


def folder(found: Fields, reading: Reading) -> Folder:
    """Where an item lies."""
    return reading.folders.get(found.attribute("ParentFolderId", "Id"), Folder.OTHER)


def _shape(found: Fields) -> Shape:
    shape = _SHAPES.get(found.text("CalendarItemType") or Shape.SINGLE.value)
    if shape is None:  # taken for a single item, a series we do not know would be cut to one day
        raise NotReadable(SHAPE_UNKNOWN)
    return shape


def _extended(element: Element) -> tuple[str | None, str | None]:
    """Our marker and the canonical UID from the clean global object id."""
    marker = uid = None
    for found in map(fields.of, element.iterchildren(_EXTENDED)):
        name, value = found.elements.get("ExtendedFieldURI"), found.text("Value")
        if name is None or not value:
            continue
        if is_marker(name):
            marker = value
        elif _is_clean_id(name):
            uid = _uid(value)
    return marker, uid


def is_marker(name: Element) -> bool:
    """Whether an extended property's name is our marker's."""
    if name.get("PropertyName") != properties.MARKER_NAME:
        return False
    return (name.get("PropertySetId") or "").strip("{}").lower() == properties.MARKER_SET


def _is_clean_id(name: Element) -> bool:
    if name.get("PropertyId") not in _CLEAN_ID_SPELLINGS:
        return False
    if name.get("DistinguishedPropertySetId") == "Meeting":
        return True
    return (name.get("PropertySetId") or "").strip("{}").lower() == properties.MEETING_SET


def _uid(value: str) -> str | None:
    try:
        return uids.from_bytes(b64decode(value, validate=True))
    except ValueError:  # no base64: `calendar:UID` is left
        return None


def body(found: Fields) -> str:
    """The body as the server keeps it. Raises NotReadable."""
    text = found.text("Body")
    if not _fits(text, html=is_html(found)):
        raise NotReadable(BODY_TOO_LARGE)
    return text


def _fits(text: str, *, html: bool) -> bool:
    if not html:
        return len(text) <= LONGEST_BODY
    if len(text) > LONGEST_MARKUP or text.count("<") > MOST_TAGS:
        return False
    return len(text) <= LONGEST_BODY or len(notes_of(text, html=True)) <= LONGEST_BODY


def is_html(found: Fields) -> bool:
    """Whether the body is kept as HTML."""
    return found.attribute("Body", "BodyType") == "HTML"


def _reminder(found: Fields) -> int | None:
    if not found.flag("ReminderIsSet"):
        return None
    minutes = fields.number(found.text("ReminderMinutesBeforeStart"))
    if minutes == DEFAULT_REMINDER:
        return DEFAULT_REMINDER_MINUTES
    return minutes if minutes is not None and 0 <= minutes <= LONGEST_REMINDER else None
