"""What shall be written to one Exchange item: only what changes (MAP-1, MAP-4).

A field that is `UNSET` is not in the request; one that is None or empty is cleared. Values are Exchange's words, as in
`schemas.copies`: what they mean to the CRM was decided before.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import Enum
from typing import Final

from schemas.copies import Attendee, Kind
from schemas.items import Moment, Recurrence


class Unset(Enum):
    """The value of what is not to be written."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Times:
    """When a calendar item is: both ends, the flag and the zone go together, or a start would meet another's end.

    `zone` is an IANA name; None: the item's own zone is left alone.
    """

    start: Moment
    end: Moment
    all_day: bool = False
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """A body in the format it is to be kept in."""

    text: str
    html: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """The fields to write. `attendees` is the whole list without the organizer, resources included.

    `reminder` is minutes before the start of a calendar item, `remind_at` the instant of a task's; None switches it
    off. `status` is EWS's word; it alone is written, Exchange derives percent and completion date. `recurrence` is a
    series' pattern, counted from the `times` that go with it, a task's from its `start_day` or `due_day`; None makes a
    series a single item.
    """

    subject: str | Unset = UNSET
    body: Body | Unset = UNSET
    importance: str | Unset = UNSET
    sensitivity: str | Unset = UNSET
    location: str | Unset = UNSET
    times: Times | Unset = UNSET
    attendees: tuple[Attendee, ...] | Unset = UNSET
    reminder: int | Unset | None = UNSET
    recurrence: Recurrence | Unset | None = UNSET
    status: str | Unset = UNSET
    start_day: date | Unset | None = UNSET
    due_day: date | Unset | None = UNSET
    remind_at: datetime | Unset | None = UNSET

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return all(getattr(self, f.name) is UNSET for f in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """An item to create, with its identity in the same call (ID-5, ID-8). `uid` None: a task, which has none."""

    kind: Kind
    marker: str
    uid: str | None
    edit: Edit
