"""One mailbox's copy of a meeting or of a task, as Exchange keeps it.

What `daemon.exchange` reads and what the inbound decision starts from. People are as Exchange names them: nobody here
knows which of them are CRM users or contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from schemas.items import Moment, Recurrence, Response


class Kind(StrEnum):
    """What an Exchange item is."""

    SCHEDULE_ITEM = "schedule_item"
    TASK = "task"
    OTHER = "other"


class Shape(StrEnum):
    """EWS CalendarItemType: a single item, a series, or one day of a series."""

    SINGLE = "Single"
    OCCURRENCE = "Occurrence"
    EXCEPTION = "Exception"
    MASTER = "RecurringMaster"


class Folder(StrEnum):
    """Where an item lies. `other`: another folder of the mailbox, which for a meeting is as good as the calendar."""

    CALENDAR = "calendar"
    TASKS = "tasks"
    DELETED_ITEMS = "deleted_items"
    OTHER = "other"


class Role(StrEnum):
    """How somebody takes part. Resources are rooms and equipment, never participants (PART-5)."""

    ORGANIZER = "organizer"
    REQUIRED = "required"
    OPTIONAL = "optional"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Attendee:
    """A person, list or resource as Exchange names it.

    `address` is as given and may be blank or an X500 name; `routing_type` is EWS's (`SMTP`, `EX`, ...);
    `mailbox_type` is EWS's (`Mailbox`, `PublicDL`, `PrivateDL`, `GroupMailbox`, `Contact`, `OneOff`, `Unknown`).
    """

    role: Role
    name: str = ""
    address: str = ""
    routing_type: str = "SMTP"
    mailbox_type: str = "Mailbox"
    response: Response = Response.UNKNOWN


@dataclass(frozen=True, slots=True)
class Copy:
    """One mailbox's copy of a calendar item.

    `item_id` and `change_key` are opaque and compared byte for byte (S21b). `uid` is the clean global object id in
    upper-case hex, or whatever text a server uses as UID. `zone_id` is the Windows (or IANA) zone name as the server
    wrote it, `zone` its IANA name, None where it is unknown. `importance` is EWS's Low, Normal or High; `sensitivity`
    EWS's Normal, Personal, Private, Confidential, or a value nobody knows yet. `reminder` is minutes before the start,
    None when the reminder is off. `attendees` has neither the organizer nor anyone twice by role and position is
    meaningless. `marker` is the CRM id that our extended property carries (ID-5). `body` is as stored, `html`
    whether that is HTML.

    Of a series: `recurrence` is its pattern in the CRM's terms, or `unheld` says why it cannot be said in them
    (REC-5); `start` is the first original start. An original start (ID-1) is an instant in UTC, or the civil day of an
    all-day series in the series' own zone (S04c); an occurrence or exception has its own in `original_start`. Of a
    master that was read in full, by original start: `exceptions` were read, `deleted_starts` are gone, `unread` exist
    and were not read, being outside the window or unreadable: about those nothing is known (S04f).
    """

    mailbox: str
    item_id: str
    change_key: str = ""
    kind: Kind = Kind.SCHEDULE_ITEM
    shape: Shape = Shape.SINGLE
    folder: Folder = Folder.CALENDAR
    uid: str | None = None
    subject: str = ""
    body: str = ""
    html: bool = False
    location: str = ""
    start: Moment | None = None
    end: Moment | None = None
    zone_id: str | None = None
    zone: str | None = None
    all_day: bool = False
    importance: str = "Normal"
    sensitivity: str = "Normal"
    organizer: Attendee | None = None
    attendees: tuple[Attendee, ...] = ()
    is_meeting: bool = False
    is_cancelled: bool = False
    my_response: Response = Response.UNKNOWN
    replied_at: datetime | None = None
    reminder: int | None = None
    marker: str | None = None
    modified_at: datetime | None = None
    recurrence: Recurrence | None = None
    unheld: str | None = None
    original_start: Moment | None = None
    exceptions: tuple[Copy, ...] = ()
    deleted_starts: tuple[Moment, ...] = ()
    unread: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskCopy:
    """One mailbox's copy of a task (ID-7).

    `status` is EWS's word (`NotStarted`, `InProgress`, `Completed`, `WaitingOnOthers`, `Deferred`, or one nobody knows
    yet); `percent` and `completed_on` are what Exchange derives from it. Days are civil dates, nobody's midnight.
    `remind_at` is None when the reminder is off. `search_key` is the item's MAPI search key in upper-case hex: it stays
    when the item moves and gets another id. `body` is as stored, `html` whether that is HTML.

    A recurring task is one item that shows its current occurrence: `recurrence` is its pattern in the CRM's terms,
    counted from `recurs_from`, or `unheld` says why it cannot be said in them (REC-5).
    """

    mailbox: str
    item_id: str
    change_key: str = ""
    folder: Folder = Folder.TASKS
    marker: str | None = None
    search_key: str = ""
    subject: str = ""
    body: str = ""
    html: bool = False
    importance: str = "Normal"
    sensitivity: str = "Normal"
    status: str = "NotStarted"
    percent: float = 0.0
    completed_on: date | None = None
    start_day: date | None = None
    due_day: date | None = None
    remind_at: datetime | None = None
    is_recurring: bool = False
    modified_at: datetime | None = None
    recurrence: Recurrence | None = None
    recurs_from: date | None = None
    unheld: str | None = None
