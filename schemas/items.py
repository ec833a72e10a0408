"""The canonical schedule item: what both sides are read into, in the CRM's terms.

Frozen and hashable, so that items can be compared, kept as base and diffed per field. Instants are aware datetimes in
UTC, civil dates (all-day items) are `date`, end exclusive. A field that is `None` is *not known*, which is different
from empty (MAP-4). How items travel is `schemas.wire`'s business; how Exchange keeps them is `schemas.copies`'.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter

Moment = datetime | date
"""An aware instant in UTC, or a civil date for an all-day item."""


class Response(StrEnum):
    """A participant's answer; `removed`: he deleted his copy without answering."""

    NONE = "none"
    ORGANIZER = "organizer"
    TENTATIVE = "tentative"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REMOVED = "removed"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """Who put a contact into For (FOR-3)."""

    CRM = "crm"
    EXCHANGE = "exchange"


class ExternalReason(StrEnum):
    """Why a participant is external; deliberately the same word for invisible, demoted and unmatched (FOR-4)."""

    NO_MATCH = "no_match"
    BLACKLISTED = "blacklisted"
    UNRESOLVED = "unresolved"
    LIST = "list"


@dataclass(frozen=True, slots=True, order=True)
class ForEntry:
    """A contact the item is about."""

    contact: str
    source: Source = Source.EXCHANGE
    response: Response = Response.NONE


@dataclass(frozen=True, slots=True, order=True)
class External:
    """A participant with no contact in For.

    `key` is his identity: a canonical address, or the name in lower case. It never travels, so it does not compare.
    """

    key: str = field(compare=False)
    name: str = ""
    email: str | None = None
    reason: ExternalReason = ExternalReason.NO_MATCH
    response: Response = Response.NONE


@dataclass(frozen=True, slots=True)
class Organizer:
    """The true organizer; `user` only if he is a CRM user."""

    user: str | None = None
    name: str = ""
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """One entry of the CRM's Related tab."""

    kind: str
    id: str
    title: str = ""
    url: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A pattern as the CRM states it (REC-1)."""

    frequency: str
    interval: int = 1
    weekdays: tuple[str, ...] = ()
    day_of_month: int | None = None
    week_of_month: int | None = None
    month: int | None = None
    end: str = "never"
    count: int | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class SeriesException:
    """One occurrence that differs from its series; `changes` are (field, canonical JSON value) pairs."""

    original_start: Moment
    deleted: bool = False
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleItem:
    """A schedule item in the CRM's terms.

    Tuples of people are sorted by id and hold each id once. `responses` and `alarms` are sorted (user id, value)
    pairs; a user absent from `alarms` is *not known*. `external` None: not known (the CRM was never told).
    """

    subject: str = ""
    notes: str = ""
    location: str = ""
    start: Moment | None = None
    end: Moment | None = None
    zone: str | None = None
    all_day: bool = False
    priority: str = "B"
    status: str = "open"
    restricted: bool = False
    owner: str | None = None
    assign_to: tuple[str, ...] = ()
    for_: tuple[ForEntry, ...] = ()
    external: tuple[External, ...] | None = None
    external_shown_to: tuple[str, ...] = ()
    read_only: bool = False
    redacted: bool = False
    organizer: Organizer | None = None
    responses: tuple[tuple[str, Response], ...] = ()
    alarms: tuple[tuple[str, tuple[int, ...]], ...] = ()
    related: tuple[Related, ...] = ()
    recurrence: Recurrence | None = None
    exceptions: tuple[SeriesException, ...] = ()
    split_from: str | None = None


ITEM_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(ScheduleItem))
_values = attrgetter(*ITEM_FIELDS)


def wire_name(field_name: str) -> str:
    """The name a field has on the wire: `for_` cannot be spelled otherwise in Python."""
    return field_name.rstrip("_")


def differing(one: ScheduleItem, other: ScheduleItem) -> tuple[str, ...]:
    """The names of the fields in which two items differ, in declaration order."""
    if one is other:
        return ()
    values = zip(ITEM_FIELDS, _values(one), _values(other), strict=True)
    return tuple([name for name, this, that in values if this != that])
