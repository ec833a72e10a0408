"""Schedule items and tasks as they travel, and what happens to them in the CRM.

An item in an event is whole, but need not state every field: what it leaves out is not known, which is different from
empty (MAP-4), and `wire.read_item` takes it from what is known already. Times become certain here: a time without an
offset is read in the item's zone or refused (MAP-2).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.fields import (
    MOST_ENTRIES,
    Address,
    Count,
    Flag,
    Id,
    Ids,
    Minutes,
    Model,
    Text,
    Version,
    WireDay,
    WireInstant,
    WireMoment,
    Zone,
    refused,
    settled,
)
from schemas.items import ExternalReason, Response, Source


class ForEntryOnWire(Model):
    """A contact the item is about."""

    contact: Id
    source: Source = Source.CRM
    response: Response = Response.NONE


class ExternalOnWire(Model):
    """A participant with no contact in For. What the CRM says here is ignored (PART-6)."""

    name: Text = ""
    email: Address | None = None
    reason: ExternalReason = ExternalReason.NO_MATCH
    response: Response = Response.NONE


class OrganizerOnWire(Model):
    """The true organizer."""

    user: Id | None = None
    name: Text = ""
    email: Address | None = None


class RelatedOnWire(Model):
    """One entry of the CRM's Related tab."""

    kind: Id
    id: Id
    title: Text = ""
    url: Text | None = None
    text: Text = ""


Weekday = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


class RecurrenceOnWire(Model):
    """A pattern (REC-1). `week_of_month` -1 is the last one."""

    frequency: Literal["daily", "weekly", "monthly", "yearly"]
    interval: Annotated[Count, Field(ge=1, le=999)] = 1
    weekdays: Annotated[tuple[Weekday, ...], Field(max_length=7)] = ()
    day_of_month: Annotated[Count, Field(ge=1, le=31)] | None = None
    week_of_month: Literal[-1, 1, 2, 3, 4, 5] | None = None
    month: Annotated[Count, Field(ge=1, le=12)] | None = None
    end: Literal["never", "after", "by"] = "never"
    count: Annotated[Count, Field(ge=1, le=10_000)] | None = None
    until: WireDay | None = None

    @model_validator(mode="after")
    def _ends_as_it_says(self) -> Self:
        if self.end == "after" and self.count is None:
            raise refused("is required where end is after", at="count")
        if self.end == "by" and self.until is None:
            raise refused("is required where end is by", at="until")
        return self


class ItemChanges(Model):
    """Fields of a schedule item, each of them only if it is stated; by itself what an exception changes."""

    zone: Zone | None = None  # before the times, which are read in it
    all_day: Flag = False
    start: WireMoment | None = None
    end: WireMoment | None = None
    subject: Text = ""
    notes: Text = ""
    location: Text = ""
    priority: Literal["A", "B", "C"] | None = "B"
    status: Literal["open", "completed", "cancelled"] = "open"
    restricted: Flag = False
    owner: Id | None = None
    assign_to: Ids = ()
    for_: Annotated[tuple[ForEntryOnWire, ...], Field(max_length=MOST_ENTRIES, alias="for")] = ()
    external: Annotated[tuple[ExternalOnWire, ...], Field(max_length=MOST_ENTRIES)] | None = None
    external_shown_to: Ids | None = None
    responses: Annotated[dict[Id, Response], Field(max_length=MOST_ENTRIES)] = Field(default_factory=dict)
    alarms: Annotated[
        dict[Id, Annotated[tuple[Minutes, ...], Field(max_length=100)]], Field(max_length=MOST_ENTRIES)
    ] = Field(default_factory=dict)
    related: Annotated[tuple[RelatedOnWire, ...], Field(max_length=MOST_ENTRIES)] = ()


class ExceptionOnWire(Model):
    """One occurrence that differs from its series."""

    original_start: WireMoment
    deleted: Flag = False
    changes: ItemChanges = ItemChanges()


class ItemOnWire(ItemChanges):
    """A whole schedule item."""

    start: WireMoment
    end: WireMoment
    subject: Text
    owner: Id | None
    assign_to: Ids
    read_only: Flag = False
    redacted: Flag = False
    organizer: OrganizerOnWire | None = None
    recurrence: RecurrenceOnWire | None = None
    exceptions: Annotated[tuple[ExceptionOnWire, ...], Field(max_length=MOST_ENTRIES)] = ()
    split_from: Id | None = None

    @field_validator("start", "end")
    @classmethod
    def _is_certain(cls, moment: datetime | date, info: ValidationInfo) -> datetime | date:
        if "zone" not in info.data or "all_day" not in info.data:
            return moment  # what is wrong there is reported there
        if isinstance(moment, datetime) and info.data["all_day"]:
            raise refused("must be a date where all_day is true")
        if not isinstance(moment, datetime) and not info.data["all_day"]:
            raise refused("must be a time where all_day is false")
        return settled(moment, zone=info.data["zone"])

    @field_validator("end")
    @classmethod
    def _follows_start(cls, end: datetime | date, info: ValidationInfo) -> datetime | date:
        start = info.data.get("start")
        if start is not None and "zone" in info.data and "all_day" in info.data:
            _in_order(start, end)
        return end

    @field_validator("exceptions")
    @classmethod
    def _are_certain(cls, exceptions: tuple[ExceptionOnWire, ...], info: ValidationInfo) -> tuple[ExceptionOnWire, ...]:
        zone = info.data.get("zone")
        return tuple(_certain(exception, zone, at=str(index)) for index, exception in enumerate(exceptions))


def _in_order(start: datetime | date, end: datetime | date, *, at: str = "") -> None:
    if isinstance(start, datetime) != isinstance(end, datetime):
        raise refused("must be a time or a date as start is", at=at)
    if end < start:
        raise refused("must not be before start", at=at)
    if end == start and not isinstance(end, datetime):
        raise refused("must be after start where both are dates: it is the first day no longer covered", at=at)


def _certain(exception: ExceptionOnWire, zone: str | None, *, at: str) -> ExceptionOnWire:
    original = settled(exception.original_start, zone=zone, at=f"{at}.original_start")
    changes = _certain_times(exception.changes, zone, at=f"{at}.changes")
    return exception.model_copy(update={"original_start": original, "changes": changes})


def _certain_times(changes: ItemChanges, zone: str | None, *, at: str) -> ItemChanges:
    own = changes.zone or zone
    times: dict[str, Any] = {
        name: settled(moment, zone=own, at=f"{at}.{name}")
        for name, moment in (("start", changes.start), ("end", changes.end))
        if moment is not None
    }
    if len(times) == 2:
        _in_order(times["start"], times["end"], at=f"{at}.end")
    return changes.model_copy(update=times)


class TaskOnWire(Model):
    """A whole task. Start and due are civil dates; an alarm is an instant, null for none (ALM-6)."""

    subject: Text
    notes: Text = ""
    start: WireDay | None = None
    due: WireDay | None = None
    priority: Literal["A", "B", "C"] | None = "B"
    status: Literal["tentative", "outstanding", "cancelled", "on_hold", "completed"] = "outstanding"
    restricted: Flag = False
    owner: Id | None
    assign_to: Ids
    for_: Annotated[tuple[ForEntryOnWire, ...], Field(max_length=MOST_ENTRIES, alias="for")] = ()
    external: Annotated[tuple[ExternalOnWire, ...], Field(max_length=MOST_ENTRIES)] | None = None
    external_shown_to: Ids | None = None
    related: Annotated[tuple[RelatedOnWire, ...], Field(max_length=MOST_ENTRIES)] = ()
    recurrence: RecurrenceOnWire | None = None
    alarms: Annotated[dict[Id, WireInstant | None], Field(max_length=MOST_ENTRIES)] = Field(default_factory=dict)

    @field_validator("due")
    @classmethod
    def _follows_start(cls, due: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("start")
        if start is not None and due is not None and due < start:
            raise refused("must not be before start")
        return due


class Actor(Model):
    """Who changed something in the CRM, and for whom."""

    user: Id | None = None
    on_behalf_of: Id | None = None


class _ActivityEvent(Model):
    """The head of every event of a CRM activity (CON-6: version and revision)."""

    id: Id
    version: Version
    link: Id | None = None
    revision: Version = 0
    origin: Literal["user", "sync"]
    actor: Actor | None = None
    notify: Literal["none", "all", "added"] = "none"

    @model_validator(mode="after")
    def _names_the_link_it_answers(self) -> Self:
        if self.origin == "sync" and self.link is None:
            raise refused("is required where origin is sync", at="link")
        return self


class ScheduleItemChanged(_ActivityEvent):
    """A schedule item was created or updated in the CRM."""

    before: ItemOnWire | None = None
    after: ItemOnWire


class ScheduleItemGone(_ActivityEvent):
    """A schedule item was deleted in the CRM, or is no longer in scope."""

    before: ItemOnWire | None = None
    after: ItemOnWire | None = None


class TaskChanged(_ActivityEvent):
    """A task was created or updated in the CRM."""

    before: TaskOnWire | None = None
    after: TaskOnWire


class TaskGone(_ActivityEvent):
    """A task was deleted in the CRM, or is no longer in scope."""

    before: TaskOnWire | None = None
    after: TaskOnWire | None = None
