"""On which days something recurs: the patterns of EWS, and the dates they stand for.

Days are civil days of the series' own zone; which hour of the day is the business of `series`. Where a month is shorter
than the day a pattern names, its last day is meant. A regenerating pattern (tasks alone have these) counts from the
day of completion and has no dates of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from dateutil.relativedelta import relativedelta
from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, YEARLY, rrule

from daemon.sandbox.exchange.errors import EwsError, malformed
from daemon.sandbox.exchange.markup import Element, child, child_text, children, local_name, t

_WEEKDAYS = {
    "Sunday": SU,
    "Monday": MO,
    "Tuesday": TU,
    "Wednesday": WE,
    "Thursday": TH,
    "Friday": FR,
    "Saturday": SA,
}
_GROUPS = {
    "Day": tuple(_WEEKDAYS.values()),
    "Weekday": (MO, TU, WE, TH, FR),
    "WeekendDay": (SA, SU),
}
_INDEXES = {"First": 1, "Second": 2, "Third": 3, "Fourth": 4, "Last": -1}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_SHORTEST_MONTH = 28
# The last day Exchange knows; what has no end ends there.
_LAST_DAY = date(4500, 8, 31)
_MOST_OCCURRENCES = 999
_LARGEST_INTERVAL = {"DailyRecurrence": 999, "DailyRegeneration": 999}
_LARGEST_OTHER_INTERVAL = 99
_REGENERATIONS = {
    "DailyRegeneration": relativedelta(days=1),
    "WeeklyRegeneration": relativedelta(weeks=1),
    "MonthlyRegeneration": relativedelta(months=1),
    "YearlyRegeneration": relativedelta(years=1),
}


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A pattern and its range; `pattern` is the pattern's element in EWS, what it does not use is left empty.

    `until` and `count` are None for a series that ends otherwise, both for one that does not end.
    """

    pattern: str
    start: date
    until: date | None = None
    count: int | None = None
    interval: int = 1
    days: tuple[str, ...] = ()
    first_day: str = ""
    index: str = ""
    day_of_month: int = 0
    month: int = 0

    @property
    def regenerates(self) -> bool:
        return self.pattern in _REGENERATIONS


def days(recurrence: Recurrence, *, after: date = date.min) -> Iterator[date]:
    """The days of a series in order, from the day after `after` on."""
    rule = _rule(recurrence)
    found = rule.xafter(_midnight(after)) if after >= recurrence.start else iter(rule)
    return (moment.date() for moment in found)


def days_between(recurrence: Recurrence, first: date, last: date) -> list[date]:
    """Those within a stretch, both ends included."""
    found = _rule(recurrence).between(_midnight(first), _midnight(last), inc=True)
    return [moment.date() for moment in found]


def is_day(recurrence: Recurrence, day: date) -> bool:
    return bool(days_between(recurrence, day, day))


def nth_day(recurrence: Recurrence, index: int) -> date | None:
    """The day of an instance, counted from 1; None where the series has no such instance."""
    return next(islice(days(recurrence), index - 1, None), None) if index > 0 else None


def first_day(recurrence: Recurrence) -> date | None:
    return next(days(recurrence), None)


def last_day(recurrence: Recurrence) -> date | None:
    """None of a series that does not end."""
    if recurrence.until is None and recurrence.count is None:
        return None
    return deque(days(recurrence), maxlen=1)[0]


def neighbours(recurrence: Recurrence, day: date) -> tuple[Iterator[date], Iterator[date]]:
    """The days before a day, the nearest first, and those after it."""
    earlier = days_between(recurrence, recurrence.start, day - timedelta(days=1))
    return reversed(earlier), days(recurrence, after=day)


def regenerated(recurrence: Recurrence, completed: date) -> date:
    """When a regenerating task is due that was done on a day."""
    return completed + recurrence.interval * _REGENERATIONS[recurrence.pattern]


@lru_cache(maxsize=512)
def _rule(recurrence: Recurrence) -> rrule:
    frequency, chosen = _terms(recurrence)
    until = min(recurrence.until or _LAST_DAY, _LAST_DAY)
    return rrule(
        frequency,
        dtstart=_midnight(recurrence.start),
        interval=recurrence.interval,
        count=recurrence.count,
        until=None if recurrence.count else _midnight(until),
        cache=True,
        **chosen,
    )


def _terms(recurrence: Recurrence) -> tuple[Literal[0, 1, 2, 3], dict[str, Any]]:
    """The frequency, and what chooses days within it."""
    month = {"bymonth": recurrence.month}
    match recurrence.pattern:
        case "DailyRecurrence":
            return DAILY, {}
        case "WeeklyRecurrence":
            return WEEKLY, {"byweekday": _weekdays(recurrence), "wkst": _WEEKDAYS[recurrence.first_day]}
        case "AbsoluteMonthlyRecurrence":
            return MONTHLY, _day_of_month(recurrence.day_of_month)
        case "RelativeMonthlyRecurrence":
            return MONTHLY, _place(recurrence)
        case "AbsoluteYearlyRecurrence":
            return YEARLY, {**month, **_day_of_month(recurrence.day_of_month)}
        case "RelativeYearlyRecurrence":
            return YEARLY, {**month, **_place(recurrence)}
        case other:
            raise ValueError(f"{other} has no dates of its own")


def _day_of_month(day: int) -> dict[str, Any]:
    """The last of all days up to it that the month has."""
    return {"bymonthday": range(min(day, _SHORTEST_MONTH), day + 1), "bysetpos": -1}


def _place(recurrence: Recurrence) -> dict[str, Any]:
    return {"byweekday": _weekdays(recurrence), "bysetpos": _INDEXES[recurrence.index]}


def _weekdays(recurrence: Recurrence) -> list[Any]:
    return [day for word in recurrence.days for day in _GROUPS.get(word) or (_WEEKDAYS[word],)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


# As clients write them


def read(element: Element) -> Recurrence:
    """A `Recurrence` of a request.

    Raises:
        EwsError: it makes no sense.
    """
    parts = list(children(element))
    if len(parts) != 2:
        raise malformed("a Recurrence without its pattern or its range")
    pattern, extent = parts
    name = local_name(pattern)
    given = Recurrence(
        pattern=name,
        start=_date(child_text(extent, "StartDate")),
        until=_date(child_text(extent, "EndDate")) if child(extent, "EndDate") is not None else None,
        count=_number(extent, "NumberOfOccurrences") or None,
        interval=_number(pattern, "Interval", default="1"),
        days=tuple(child_text(pattern, "DaysOfWeek").split()),
        first_day=(child_text(pattern, "FirstDayOfWeek") or "Sunday") if name == "WeeklyRecurrence" else "",
        index=child_text(pattern, "DayOfWeekIndex"),
        day_of_month=_number(pattern, "DayOfMonth"),
        month=_month(child_text(pattern, "Month")),
    )
    check(given, is_numbered=local_name(extent) == "NumberedRecurrence")
    return given


def _number(element: Element, name: str, *, default: str = "0") -> int:
    try:
        return int(child_text(element, name, default))
    except ValueError:
        raise malformed(f"{name} is no whole number") from None


def _month(name: str) -> int:
    if name and name not in _MONTHS:
        raise malformed(f"{name} is no month")
    return _MONTHS.index(name) + 1 if name else 0


def _date(value: str) -> date:
    """The day as it is written; the offset that some write behind it says nothing."""
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise EwsError("ErrorInvalidValueForProperty", "The date cannot be read.") from None


def check(recurrence: Recurrence, *, is_numbered: bool) -> None:
    """Raises SoapFault or EwsError if a pattern or its range makes no sense."""
    _check_words(recurrence)
    _check_numbers(recurrence, is_numbered=is_numbered)


def _check_words(recurrence: Recurrence) -> None:
    """What the schema says of a pattern's words, and of which of them there must be."""
    needed = _NEEDED.get(recurrence.pattern)
    if needed is None:
        raise malformed(f"{recurrence.pattern} is no pattern")
    missing = [name for name in needed if not getattr(recurrence, name)]
    if missing:
        raise malformed(f"{recurrence.pattern} without {missing[0]}")
    unknown = set(recurrence.days) - _WEEKDAYS.keys() - _GROUPS.keys()
    if unknown or (recurrence.first_day and recurrence.first_day not in _WEEKDAYS):
        raise malformed("a day of the week that is none")
    if recurrence.index and recurrence.index not in _INDEXES:
        raise malformed(f"{recurrence.index} is no DayOfWeekIndex")


_NEEDED: dict[str, tuple[str, ...]] = {
    "DailyRecurrence": (),
    "WeeklyRecurrence": ("days",),
    "AbsoluteMonthlyRecurrence": (),
    "RelativeMonthlyRecurrence": ("days", "index"),
    "AbsoluteYearlyRecurrence": ("month",),
    "RelativeYearlyRecurrence": ("days", "index", "month"),
    **dict.fromkeys(_REGENERATIONS, ()),
}


def _check_numbers(recurrence: Recurrence, *, is_numbered: bool) -> None:
    largest = _LARGEST_INTERVAL.get(recurrence.pattern, _LARGEST_OTHER_INTERVAL)
    _require(1 <= recurrence.interval <= largest, "the interval is out of range")
    _require(not is_numbered or 1 <= (recurrence.count or 0) <= _MOST_OCCURRENCES, "the number is out of range")
    if recurrence.pattern == "WeeklyRecurrence" and _GROUPS.keys() & set(recurrence.days):
        text = "A weekly recurrence names days of the week, not groups of them."
        raise EwsError("ErrorCalendarInvalidDayForWeeklyRecurrence", text)
    if recurrence.pattern.startswith("Absolute"):
        _require(1 <= recurrence.day_of_month <= 31, "the day of the month is out of range")
    if recurrence.until is not None and recurrence.until < recurrence.start:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate", "The recurrence ends before it starts.")
    if not recurrence.regenerates and first_day(recurrence) is None:
        raise EwsError("ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrence.")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise EwsError("ErrorCalendarInvalidRecurrence", f"The recurrence is invalid: {what}.")


def write(tag: str, recurrence: Recurrence, *, offset: timedelta = timedelta()) -> Element:
    """A `Recurrence` for an answer; Exchange writes its zone's offset behind the days."""
    has_interval = not recurrence.pattern.endswith("YearlyRecurrence")
    pattern = t(
        recurrence.pattern,
        t("Interval", str(recurrence.interval)) if has_interval else None,
        t("DayOfMonth", str(recurrence.day_of_month)) if recurrence.day_of_month else None,
        t("DaysOfWeek", " ".join(recurrence.days)) if recurrence.days else None,
        t("FirstDayOfWeek", recurrence.first_day) if recurrence.first_day else None,
        t("DayOfWeekIndex", recurrence.index) if recurrence.index else None,
        t("Month", _MONTHS[recurrence.month - 1]) if recurrence.month else None,
    )
    start = t("StartDate", _written(recurrence.start, offset))
    return t(tag, pattern, _extent(recurrence, start, offset))


def _extent(recurrence: Recurrence, start: Element, offset: timedelta) -> Element:
    if recurrence.count is not None:
        return t("NumberedRecurrence", start, t("NumberOfOccurrences", str(recurrence.count)))
    if recurrence.until is not None:
        return t("EndDateRecurrence", start, t("EndDate", _written(recurrence.until, offset)))
    return t("NoEndRecurrence", start)


def _written(day: date, offset: timedelta) -> str:
    if not offset:
        return f"{day.isoformat()}Z"
    sign, minutes = ("-" if offset < timedelta() else "+"), abs(offset) // timedelta(minutes=1)
    return f"{day.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}"
