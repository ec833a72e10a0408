"""EWS items to canonical copies (ID-1, ID-5, MAP-2, MAP-4, PART-4, PART-5, PART-7, PRIV-1, S25a).

Written by hand over lxml's tree, because this is where a hint's CPU goes: one pass over an item's children, nothing
built that is not asked for. An item never raises: what cannot be a meeting (no start, end before start, a year that
means "none") is `Unreadable` with its rule. Unknown words of the server (a new sensitivity, importance) are kept as
they are, for the decision to judge.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from daemon.exchange.ews import envelopes, properties, uids, zones
from daemon.exchange.ews.envelopes import TYPES, Element, Message
from daemon.exchange.port import Unreadable
from schemas.copies import Attendee, Copy, Folder, Kind, Role, Shape
from schemas.items import Moment, Response

NO_START = "no_start"
NO_END = "no_end"
END_BEFORE_START = "end_before_start"
TIME_NOT_UNDERSTOOD = "time_not_understood"
YEAR_OUT_OF_RANGE = "year_out_of_range"
BODY_TOO_LARGE = "body_too_large"
SHAPE_UNKNOWN = "shape_unknown"

LONGEST_BODY = 1_000_000
"""Characters. Notes beyond this fit no record of the bus."""

YEARS = range(1900, 4500)
"""Exchange spells "none" as 1601 and 4501."""

RESPONSE_TYPES = {
    "Unknown": Response.UNKNOWN,
    "Organizer": Response.ORGANIZER,
    "Tentative": Response.TENTATIVE,
    "Accept": Response.ACCEPTED,
    "Decline": Response.DECLINED,
    "NoResponseReceived": Response.NONE,
}

IS_MEETING = 1
IS_CANCELLED = 4
"""Bits of AppointmentState."""

LONGEST_REMINDER = 2_629_800
DEFAULT_REMINDER = 0x5AE980E1
DEFAULT_REMINDER_MINUTES = 15
"""The value that stands for "as the mailbox's owner likes it", and what Outlook makes of it."""

_KINDS = {f"{TYPES}CalendarItem": Kind.SCHEDULE_ITEM, f"{TYPES}Task": Kind.TASK}
_SHAPES = {shape.value: shape for shape in Shape}
_TRUE = frozenset({"true", "1"})
_NO_ANSWER = frozenset({Response.UNKNOWN, Response.NONE})
_ROLES = (("RequiredAttendees", Role.REQUIRED), ("OptionalAttendees", Role.OPTIONAL), ("Resources", Role.RESOURCE))
_CLEAN_ID_SPELLINGS = (str(properties.CLEAN_GLOBAL_OBJECT_ID_TAG), hex(properties.CLEAN_GLOBAL_OBJECT_ID_TAG))
_BLANKS = " \t\xa0\n"
_TRAILING_BLANKS = re.compile(r"[ \t\xa0]+(?=\n)")
_LOCAL = len(TYPES)
_DAY = timedelta(days=1)
LONGEST_NUMBER = 12
CALENDAR_CLASS = "IPF.Appointment"


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer does not say of itself: whose mailbox, which folder is which, and whether times were asked for."""

    mailbox: str
    folders: Mapping[str, Folder] = field(default_factory=dict)
    zones: zones.Zones = field(default_factory=zones.Zones)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """How far a FindItem or FindFolder answer reaches. `next_offset` None: there is no more in this folder."""

    next_offset: int | None
    total: int


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """A folder of a mailbox, as FindFolder lists it."""

    id: str
    parent: str
    is_calendar: bool


class NotReadable(Exception):
    """An item that cannot be a copy; `rule` says why."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def items(message: Message, reading: Reading) -> tuple[Copy | Unreadable, ...]:
    """The items of a response message, wherever its operation keeps them."""
    return tuple(item(element, reading) for element in _item_elements(message.element))


def item(element: Element, reading: Reading) -> Copy | Unreadable:
    """One item element."""
    try:
        return _copy(element, reading)
    except NotReadable as error:
        return Unreadable(_item_id(element)[0], error.rule)


def page(message: Message) -> Page:
    """The paging of a FindItem or FindFolder message. A missing or senseless statement reads as "there may be more"."""
    root = message.element.find(f"{envelopes.MESSAGES}RootFolder")
    if root is None:
        return Page(None, 0)
    total = _number(root.get("TotalItemsInView")) or 0
    if root.get("IncludesLastItemInRange", "").lower() in _TRUE:
        return Page(None, total)
    return Page(_number(root.get("IndexedPagingOffset")) or 0, total)


def folder_ids(message: Message) -> tuple[str, ...]:
    """The folder ids of a GetFolder message."""
    return tuple(element.get("Id", "") for element in message.element.iter(f"{TYPES}FolderId"))


def listed_folders(message: Message) -> tuple[ListedFolder, ...]:
    """The folders of a FindFolder message."""
    folders = message.element.iterfind(f"{envelopes.MESSAGES}RootFolder/{TYPES}Folders/*")
    return tuple(_listed_folder(_children(element)) for element in folders)


def _listed_folder(fields: Mapping[str, Element]) -> ListedFolder:
    found, parent = fields.get("FolderId"), fields.get("ParentFolderId")
    return ListedFolder(
        id="" if found is None else found.get("Id", ""),
        parent="" if parent is None else parent.get("Id", ""),
        is_calendar=_text(fields, "FolderClass").startswith(CALENDAR_CLASS),
    )


def addresses(message: Message) -> tuple[tuple[str, ...], ...]:
    """Per candidate of a ResolveNames message its SMTP addresses, primary first, each once."""
    return tuple(_candidate(element) for element in message.element.iter(f"{TYPES}Resolution"))


def _candidate(element: Element) -> tuple[str, ...]:
    routing = element.findtext(f"{TYPES}Mailbox/{TYPES}RoutingType") or "SMTP"
    primary = element.findtext(f"{TYPES}Mailbox/{TYPES}EmailAddress") or ""
    entries = [entry.text or "" for entry in element.iterfind(f"{TYPES}Contact/{TYPES}EmailAddresses/{TYPES}Entry")]
    entries.sort(key=lambda entry: not entry.startswith("SMTP:"))  # in capitals: the primary one
    named = [primary] if routing.upper() == "SMTP" else []
    smtp = [*named, *(entry[5:] for entry in entries if entry[:5].upper() == "SMTP:")]
    once = {address.strip().lower(): address.strip() for address in reversed(smtp) if "@" in address}
    return tuple(reversed(once.values()))


def _item_elements(message: Element) -> list[Element]:
    """Children of `Items` (Get, Create, Update, Find, also grouped) or of the changes of SyncFolderItems."""
    changes = message.find(f"{envelopes.MESSAGES}Changes")
    if changes is not None:
        return [child for change in changes for child in change if child.find(f"{TYPES}ItemId") is not None]
    found = message.findall(f"{envelopes.MESSAGES}Items")
    found += message.findall(f"{envelopes.MESSAGES}RootFolder//{TYPES}Items")
    return [child for container in found for child in container]


def _copy(element: Element, reading: Reading) -> Copy:
    fields = _children(element)
    kind = _KINDS.get(element.tag, Kind.OTHER)
    item_id, change_key = _item_id(element)
    if kind is not Kind.SCHEDULE_ITEM:
        return Copy(
            mailbox=reading.mailbox,
            item_id=item_id,
            change_key=change_key,
            kind=kind,
            folder=_folder(fields, reading),
            subject=_text(fields, "Subject"),
            sensitivity=_text(fields, "Sensitivity") or "Normal",
            marker=_extended(element)[0],
            modified_at=_instant_or_none(_text(fields, "LastModifiedTime")),
        )
    marker, clean_id = _extended(element)
    times = _times(fields, reading)
    state = _number(_text(fields, "AppointmentState")) or 0
    organizer = _organizer(fields.get("Organizer"))
    return Copy(
        mailbox=reading.mailbox,
        item_id=item_id,
        change_key=change_key,
        shape=_shape(fields),
        folder=_folder(fields, reading),
        uid=clean_id or uids.canonical(_text(fields, "UID")),
        subject=_text(fields, "Subject"),
        body=_body(_text(fields, "Body")),
        location=_text(fields, "Location"),
        start=times.start,
        end=times.end,
        zone_id=times.zone_id,
        zone=times.zone,
        all_day=times.all_day,
        importance=_text(fields, "Importance") or "Normal",
        sensitivity=_text(fields, "Sensitivity") or "Normal",
        organizer=organizer,
        attendees=_attendees(fields, organizer),
        is_meeting=_flag(fields, "IsMeeting") or bool(state & IS_MEETING),
        is_cancelled=_flag(fields, "IsCancelled") or bool(state & IS_CANCELLED),
        my_response=RESPONSE_TYPES.get(_text(fields, "MyResponseType"), Response.UNKNOWN),
        replied_at=_instant_or_none(_text(fields, "AppointmentReplyTime")),
        reminder=_reminder(fields),
        marker=marker,
        modified_at=_instant_or_none(_text(fields, "LastModifiedTime")),
    )


def _children(element: Element) -> dict[str, Element]:
    """The children by local name; of repeated ones (extended properties) the last."""
    return {child.tag[_LOCAL:]: child for child in element}


def _text(fields: Mapping[str, Element], name: str) -> str:
    element = fields.get(name)
    return "" if element is None else element.text or ""


def _flag(fields: Mapping[str, Element], name: str) -> bool:
    return _text(fields, name) in _TRUE


def _number(text: str | None) -> int | None:
    if not text or len(text) > LONGEST_NUMBER:
        return None
    try:
        return int(text)
    except ValueError:
        return None


def _item_id(element: Element) -> tuple[str, str]:
    found = element.find(f"{TYPES}ItemId")
    return ("", "") if found is None else (found.get("Id", ""), found.get("ChangeKey", ""))


def _folder(fields: Mapping[str, Element], reading: Reading) -> Folder:
    parent = fields.get("ParentFolderId")
    return Folder.OTHER if parent is None else reading.folders.get(parent.get("Id", ""), Folder.OTHER)


def _shape(fields: Mapping[str, Element]) -> Shape:
    text = _text(fields, "CalendarItemType")
    shape = _SHAPES.get(text or Shape.SINGLE.value)
    if shape is None:  # taken for a single item, a series we do not know would be cut to one day
        raise NotReadable(SHAPE_UNKNOWN)
    return shape


def _extended(element: Element) -> tuple[str | None, str | None]:
    """Our marker and the canonical UID from the clean global object id."""
    marker = uid = None
    for found in element.iterchildren(f"{TYPES}ExtendedProperty"):
        name, value = found.find(f"{TYPES}ExtendedFieldURI"), found.findtext(f"{TYPES}Value")
        if name is None or not value:
            continue
        if _is_marker(name):
            marker = value
        elif _is_clean_id(name):
            uid = _uid(value)
    return marker, uid


def _is_marker(name: Element) -> bool:
    in_our_set = (name.get("PropertySetId") or "").strip("{}").lower() == properties.MARKER_SET
    return in_our_set and name.get("PropertyName") == properties.MARKER_NAME


def _is_clean_id(name: Element) -> bool:
    in_meeting_set = (
        name.get("DistinguishedPropertySetId") == "Meeting"
        or (name.get("PropertySetId") or "").strip("{}").lower() == properties.MEETING_SET
    )
    return in_meeting_set and name.get("PropertyId") in _CLEAN_ID_SPELLINGS


def _uid(value: str) -> str | None:
    try:
        return uids.from_bytes(b64decode(value, validate=True))
    except ValueError:  # no base64: `calendar:UID` is left
        return None


def _body(text: str) -> str:
    if len(text) > LONGEST_BODY:
        raise NotReadable(BODY_TOO_LARGE)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _TRAILING_BLANKS.sub("", text).rstrip(_BLANKS)


def _reminder(fields: Mapping[str, Element]) -> int | None:
    if not _flag(fields, "ReminderIsSet"):
        return None
    minutes = _number(_text(fields, "ReminderMinutesBeforeStart"))
    if minutes == DEFAULT_REMINDER:
        return DEFAULT_REMINDER_MINUTES
    return minutes if minutes is not None and 0 <= minutes <= LONGEST_REMINDER else None


def _organizer(element: Element | None) -> Attendee | None:
    if element is None or len(element) == 0:
        return None
    person = _person(element[0], Role.ORGANIZER, Response.ORGANIZER)
    return person if person.name.strip() or person.address.strip() else None


def _person(mailbox: Element, role: Role, response: Response) -> Attendee:
    fields = _children(mailbox)
    return Attendee(
        role=role,
        name=_text(fields, "Name"),
        address=_text(fields, "EmailAddress"),
        routing_type=_text(fields, "RoutingType") or "SMTP",
        mailbox_type=_text(fields, "MailboxType") or "Mailbox",
        response=response,
    )


def _attendees(fields: Mapping[str, Element], organizer: Attendee | None) -> tuple[Attendee, ...]:
    """Everybody invited, once per role. The organizer, whom attendees' copies list as required, is not among them."""
    once: dict[tuple[str, str], Attendee] = {}
    own = organizer.address.strip().lower() if organizer else ""
    for name, role in _ROLES:
        container = fields.get(name)
        for element in () if container is None else container:
            person = _attendee(element, role)
            address = person.address.strip().lower()
            if address and address == own:
                continue
            key = (name, address or f"name:{person.name}")
            if key not in once or once[key].response in _NO_ANSWER:
                once[key] = person
    return tuple(once.values())


def _attendee(element: Element, role: Role) -> Attendee:
    fields = _children(element)
    response = RESPONSE_TYPES.get(_text(fields, "ResponseType"), Response.UNKNOWN)
    mailbox = fields.get("Mailbox")
    return Attendee(role, response=response) if mailbox is None else _person(mailbox, role, response)


@dataclass(frozen=True, slots=True)
class _Times:
    start: Moment | None
    end: Moment | None
    zone_id: str | None
    zone: str | None
    all_day: bool


def _times(fields: Mapping[str, Element], reading: Reading) -> _Times:
    zone_id = _zone_id(fields)
    zone = reading.zones.read(zone_id) if zone_id else None
    all_day = _flag(fields, "IsAllDayEvent")
    start, end = _time(_text(fields, "Start")), _time(_text(fields, "End"))
    if reading.whole and start is None:
        raise NotReadable(NO_START)
    if reading.whole and end is None:
        raise NotReadable(NO_END)
    if start is not None and end is not None and end < start:
        raise NotReadable(END_BEFORE_START)
    name = zone.key if zone else None
    if not all_day:
        return _Times(_instant(start), _instant(end), zone_id, name, all_day=False)
    first, after = _civil(start, zone), _civil(end, zone)
    if first is not None and after is not None:
        after = max(after, first + _DAY)
    return _Times(first, after, zone_id, name, all_day=True)


def _zone_id(fields: Mapping[str, Element]) -> str | None:
    """The zone's name, by whichever property this server's generation states it."""
    element = fields.get("StartTimeZone")
    name = "" if element is None else element.get("Id") or element.get("Name") or ""
    return name or _text(fields, "StartTimeZoneId") or _text(fields, "TimeZone") or None


def _time(text: str) -> datetime | None:
    """A time as stated, aware: in its own offset, else UTC, whole seconds. Raises NotReadable."""
    if not text:
        return None
    try:
        stated = datetime.fromisoformat(text)
    except ValueError:
        raise NotReadable(TIME_NOT_UNDERSTOOD) from None
    if stated.year not in YEARS:
        raise NotReadable(YEAR_OUT_OF_RANGE)
    if stated.microsecond:
        stated = stated.replace(microsecond=0)
    return stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated


def _instant(stated: datetime | None) -> datetime | None:
    return None if stated is None else stated.astimezone(UTC)


def _instant_or_none(text: str) -> datetime | None:
    """For times that say something about an item but do not make it: an odd one is not known."""
    try:
        return _instant(_time(text.strip()))
    except NotReadable:
        return None


def _civil(stated: datetime | None, zone: ZoneInfo | None) -> date | None:
    """The civil date whose midnight is nearest: in the item's zone, else in the stated offset, else anywhere on earth.

    Nearest, not equal: days begin at 01:00 where the clock skips midnight, and an item may have been made under
    another zone than it names. A UTC instant without a zone is taken for the midnight of a zone between UTC-10 and
    UTC+13, where nearly everybody lives.
    """
    if stated is None:
        return None
    if zone is not None:
        return (stated.astimezone(zone).replace(tzinfo=None) + timedelta(hours=12)).date()
    is_local = stated.utcoffset() != timedelta(0)
    return (stated.replace(tzinfo=None) + timedelta(hours=12 if is_local else 13)).date()
