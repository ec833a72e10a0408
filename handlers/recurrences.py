"""When a series takes place: its original starts (REC-1, REC-5, ID-1).

The clock on the wall stays the same across a change of daylight saving time. An hour that the clock skips is moved on
by as much as it skips; of an hour that comes twice, the first is meant. Series of whole days are civil days and know no
clock. The days themselves are `pattern_days`' business, what a pattern may say that of `patterns`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from handlers import patterns
from handlers.pattern_days import DAY, PatternDays
from schemas.instants import is_zone
from schemas.items import Moment, Recurrence

ZONE_UNKNOWN = "zone_unknown"
OTHER_RULES = timedelta(hours=2)
"""By how much two tables of time zones may differ about one occurrence."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which occurrences are looked at one by one; `end` is exclusive."""

    start: datetime
    end: datetime

    @classmethod
    def around(cls, now: datetime, *, past: timedelta, future: timedelta) -> Window:
        """From so long ago until so far ahead."""
        return cls(now - past, now + future)

    def __contains__(self, moment: Moment) -> bool:
        """Whether a moment lies in it, and a day wherever on earth it may."""
        if isinstance(moment, datetime):
            return self.start <= moment < self.end
        return self.start.date() - DAY <= moment <= self.end.date() + DAY


@dataclass(frozen=True, slots=True)
class Series:
    """The original starts of a pattern that can be held. `zone` is an IANA name; series of whole days need none.

    Occurrences are counted from 1, as Exchange counts them: one that was deleted keeps its number.
    """

    pattern: Recurrence
    first: Moment
    zone: str | None = None

    def starts(self, window: Window) -> Iterator[Moment]:
        """The original starts in a window, in order."""
        first, last = self.day(window.start) - DAY, self.day(window.end) + DAY
        return (start for _, each in self._days().between(first, last) if (start := self.start_on(each)) in window)

    def index_of(self, start: Moment) -> int | None:
        """Which occurrence has that original start; None: none has."""
        if isinstance(start, datetime) is not isinstance(self.first, datetime):
            return None
        day = self.day(start)
        around = self._days().between(day - DAY, day + DAY)
        return next((index for index, each in around if self._is_start(each, start)), None)

    def index_on(self, day: date) -> int | None:
        """Which occurrence is to be on that day, on which there is never more than one; None: none is."""
        return self._days().number_of(day)

    def start_of(self, index: int) -> Moment | None:
        """The original start of an occurrence; None: there is no such occurrence."""
        day = self._days().day_of(index)
        return None if day is None else self.start_on(day)

    def start_on(self, day: date) -> Moment:
        """When an occurrence on that day starts."""
        if not isinstance(self.first, datetime):
            return day
        clock = self.first.astimezone(self._where()).time()
        return datetime.combine(day, clock, tzinfo=self._where()).astimezone(UTC)

    def day(self, moment: Moment) -> date:
        """The day of a moment in the series' zone."""
        return day_of(moment, self.zone)

    def _days(self) -> PatternDays:
        return _days_of(self.pattern, self.day(self.first))

    def _where(self) -> ZoneInfo:
        return ZoneInfo(self.zone or "UTC")

    def _is_start(self, day: date, start: Moment) -> bool:
        """Whether an occurrence on that day has this start. The hour that comes twice is one hour on the wall."""
        return self._on_the_wall(self.start_on(day)) == self._on_the_wall(start)

    def _on_the_wall(self, moment: Moment) -> tuple[date, time]:
        if not isinstance(moment, datetime):
            return moment, time()
        there = moment.astimezone(self._where())
        return there.date(), there.time()


def unheld(pattern: Recurrence, first: Moment, zone: str | None = None) -> str | None:
    """Why the CRM and Exchange cannot both hold a pattern with that first start; None: they can."""
    if isinstance(first, datetime) and (zone is None or not is_zone(zone)):
        return ZONE_UNKNOWN
    return patterns.unheld(pattern, day_of(first, zone))


def are_one(start: Moment, other: Moment) -> bool:
    """Whether two original starts of one series name the same occurrence: it has one a day, whoever knows the latest
    rules of its zone."""
    if isinstance(start, datetime) and isinstance(other, datetime):
        return abs(start - other) <= OTHER_RULES
    return start == other


def stated(pattern: Recurrence, first: Moment, zone: str | None = None) -> Recurrence:
    """A pattern that can be held in its full form: see `patterns`."""
    return patterns.stated(pattern, day_of(first, zone))


def day_of(moment: Moment, zone: str | None) -> date:
    """The day of a moment in a zone."""
    return moment.astimezone(ZoneInfo(zone or "UTC")).date() if isinstance(moment, datetime) else moment


@lru_cache(maxsize=1024)
def _days_of(pattern: Recurrence, first: date) -> PatternDays:
    return PatternDays(patterns.stated(pattern, first), first)
