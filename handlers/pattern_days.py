"""The days of a pattern (REC-1, REC-5), counted as Exchange counts them.

Day 31 of a shorter month is its last day, as Exchange has it; weeks begin on Monday. `dateutil` computes the days,
period by period from wherever they are asked for, so that a window of an endless series costs no more than its days.
Patterns here are full: what they could leave to their start is said (`patterns`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule

from schemas.items import Recurrence

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MONTHS = 12
DAY = timedelta(days=1)
LAST_DAY = date(4499, 12, 31)
"""Exchange's calendar goes no further."""

_DAYS_OF_WEEK = 7
_DAYS_OF_MONTH = range(1, 32)


@dataclass(frozen=True, slots=True)
class PatternDays:
    """The days of a full pattern from the first one that is not before `first`, numbered from 1."""

    pattern: Recurrence
    first: date

    def numbered(self, begin: date = date.min) -> Iterator[tuple[int, date]]:
        """Numbers and days in order, from a day on until the pattern ends."""
        period = self._period_of(max(begin, self.first))
        index = period * self._size() - self._before_first()
        for day in self._unending(period):
            index += 1
            if self._is_over(index, day):
                return
            if index > 0 and day >= begin:
                yield index, day

    def between(self, begin: date, end: date) -> Iterator[tuple[int, date]]:
        """Numbers and days from one day to another, both included."""
        return takewhile(lambda numbered: numbered[1] <= end, self.numbered(begin))

    def number_of(self, day: date) -> int | None:
        """The number of a day; None: it is none of the pattern."""
        return next((index for index, _ in self.between(day, day)), None)

    def day_of(self, number: int) -> date | None:
        """The day with that number; None: there is none."""
        period = (number - 1) // self._size()
        if number < 1 or period > self._period_of(LAST_DAY):
            return None
        days = self.numbered(self._begin(period))
        return next((day for index, day in takewhile(lambda one: one[0] <= number, days) if index == number), None)

    def last_until(self, end: date) -> date | None:
        """The last day that is not after another; None: there is none."""
        period = max(0, self._period_of(min(end, LAST_DAY)) - 1)
        return max((day for _, day in self.between(self._begin(period), end)), default=None)

    def _unending(self, period: int) -> Iterator[date]:
        return days(self.pattern, self._begin(period))

    def _period_of(self, day: date) -> int:
        """The number of the period in which a day lies: of some days, weeks or months, of which one has dates."""
        if self.pattern.frequency in ("monthly", "yearly"):
            return (day.year * MONTHS + day.month - 1 - self._first_month()) // _months(self.pattern)
        return (day - self._begin(0)).days // self._length()

    def _begin(self, period: int) -> date:
        if self.pattern.frequency in ("monthly", "yearly"):
            year, month = divmod(self._first_month() + period * _months(self.pattern), MONTHS)
            return date(year, month + 1, 1)
        begin = self.first if self.pattern.frequency == "daily" else self.first - self.first.weekday() * DAY
        return begin + period * self._length() * DAY

    def _length(self) -> int:
        return self.pattern.interval * (_DAYS_OF_WEEK if self.pattern.frequency == "weekly" else 1)

    def _first_month(self) -> int:
        """The first period's: a yearly pattern's month may lie before the start, whose year it is all the same."""
        return self.first.year * MONTHS + (self.pattern.month or self.first.month) - 1

    def _size(self) -> int:
        """How many days of a period are the pattern's."""
        return len(self.pattern.weekdays) if self.pattern.frequency == "weekly" else 1

    def _before_first(self) -> int:
        """How many of them lie before the start in the first period."""
        if self.pattern.frequency == "weekly":
            return sum(WEEKDAYS.index(day) < self.first.weekday() for day in self.pattern.weekdays)
        return int(_first(self.pattern, self._begin(0)) < self.first)

    def _is_over(self, index: int, day: date) -> bool:
        count, until = self.pattern.count, self.pattern.until
        return day > LAST_DAY or (count is not None and index > count) or (until is not None and day > until)


def days(pattern: Recurrence, begin: date, *, week_start: int = 0) -> Iterator[date]:
    """A pattern's days without an end, from a day of its first period on; weeks begin on a weekday, 0 is Monday."""
    start = datetime.combine(begin, time())
    weekdays = [WEEKDAYS.index(day) for day in pattern.weekdays] or None
    match pattern.frequency:
        case "daily":
            rule = rrule(DAILY, start, pattern.interval)
        case "weekly":
            rule = rrule(WEEKLY, start, pattern.interval, wkst=week_start, byweekday=weekdays)
        case _ if pattern.day_of_month:
            # of all days up to it the last: where the month is too short, the last there is
            up_to_it = [day for day in _DAYS_OF_MONTH if day <= pattern.day_of_month]
            rule = rrule(MONTHLY, start, _months(pattern), bymonthday=up_to_it, bysetpos=-1)
        case _:
            rule = rrule(MONTHLY, start, _months(pattern), byweekday=weekdays, bysetpos=pattern.week_of_month)
    return (moment.date() for moment in rule)


@lru_cache(maxsize=1024)
def _first(pattern: Recurrence, begin: date) -> date:
    return next(days(pattern, begin), date.max)


def _months(pattern: Recurrence) -> int:
    return pattern.interval * (MONTHS if pattern.frequency == "yearly" else 1)
