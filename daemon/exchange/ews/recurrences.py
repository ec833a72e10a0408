"""EWS's `Recurrence` and the lists of a series' occurrences, to the CRM's terms and back (REC-1, REC-5, ID-1).

Exchange counts years of more than one in months and names sets of weekdays; what it lists of single occurrences are
instants, also of whole days, which are days in the series' zone (S04c). An original start that Exchange computed with
other rules for a change of the clocks than ours is taken for the one of that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from daemon.exchange.ews import fields, times, zones
from daemon.exchange.ews.envelopes import TYPES, Element
from daemon.exchange.ews.fields import Fields
from daemon.exchange.ews.markup import t
from daemon.exchange.ews.unreadable import NotReadable
from handlers import patterns, recurrences
from handlers.pattern_days import MONTHS, WEEKDAYS
from handlers.recurrences import Series
from schemas.copies import Copy, Shape, TaskCopy
from schemas.edits import Times
from schemas.items import Moment, Recurrence

T = TypeVar("T")

PATTERN_MISSING = "pattern_missing"
PATTERN_UNKNOWN = "pattern_unknown"
REGENERATING = "regenerating"
WEEK_STARTS_OTHERWISE = "week_starts_otherwise"
OCCURRENCE_UNDATED = "occurrence_undated"

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEK_NAMES = {1: "First", 2: "Second", 3: "Third", 4: "Fourth", -1: "Last"}

_SETS = {"Day": WEEKDAYS, "Weekday": patterns.WORKING_DAYS, "WeekendDay": patterns.WEEKEND}
_DAYS_NAMED = {**_SETS, **{name: (day,) for name, day in zip(DAY_NAMES, WEEKDAYS, strict=True)}}
_NAMES_OF_DAYS = {days: name for name, days in _DAYS_NAMED.items()}
_MONTHS_NAMED = {name: month for month, name in enumerate(MONTH_NAMES, 1)}
_WEEKS_NAMED = {name: week for week, name in WEEK_NAMES.items()}
_FREQUENCIES = {
    "DailyRecurrence": "daily",
    "WeeklyRecurrence": "weekly",
    "AbsoluteMonthlyRecurrence": "monthly",
    "RelativeMonthlyRecurrence": "monthly",
    "AbsoluteYearlyRecurrence": "yearly",
    "RelativeYearlyRecurrence": "yearly",
}
_RANGES = {"NoEndRecurrence": "never", "EndDateRecurrence": "by", "NumberedRecurrence": "after"}
_THAT_DAY_OR_BESIDE = (timedelta(0), timedelta(days=1), timedelta(days=-1))
_LOCAL = len(TYPES)


class _NotSayable(Exception):
    """A pattern for which the CRM has no terms; says why."""


# from Exchange


def master(copy: Copy, found: Fields) -> Copy:
    """A series with its pattern, and what its master lists of single occurrences: exceptions as they are named there,
    by id and times alone. Raises NotReadable."""
    return _listing(_held(copy, found.elements.get("Recurrence")), found)


def task(copy: TaskCopy, found: Fields) -> TaskCopy:
    """A recurring task with its pattern; what it shows of itself is its current occurrence."""
    try:
        said = _said(found.elements.get("Recurrence"))
        _check(said, said.first_day, None)
    except _NotSayable as error:
        return replace(copy, unheld=str(error))
    return replace(copy, recurrence=patterns.stated(said.pattern, said.first_day), recurs_from=said.first_day)


def original_start(copy: Copy, found: Fields) -> Moment | None:
    """Which occurrence an item is. An invitation to a single one has no series beside it, but its date. Raises
    NotReadable."""
    stated = found.text("OriginalStart") or found.text("RecurrenceId")
    instant = times.moment(stated, _zone(copy), all_day=False)
    if not copy.all_day or not isinstance(instant, datetime) or not _is_midnight(instant, copy):
        return instant  # the series may have an hour even where this occurrence has none
    return times.moment(stated, _zone(copy), all_day=True)


def dated(occurrence: Copy, master: Copy, index: int) -> Copy:
    """An occurrence with its original start as its series has it: as a day or an instant, and by our rules for the
    clocks."""
    stated = occurrence.original_start
    if stated is None or master.recurrence is None:
        return occurrence
    ours = Series(master.recurrence, _start(master), master.zone).start_of(index)
    if ours is None or not recurrences.are_one(_instant(ours, master), _instant(stated, master)):
        return occurrence
    return replace(occurrence, original_start=ours)


def _is_midnight(instant: datetime, copy: Copy) -> bool:
    """Whether a day may begin then; where nobody knows the zone, any time may be its midnight."""
    return copy.zone is None or instant.astimezone(_where(copy)).time() == time()


def _instant(moment: Moment, copy: Copy) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time(), tzinfo=_where(copy))


def _held(copy: Copy, element: Element | None) -> Copy:
    """The copy with its pattern, and its first occurrence as its start; or why the CRM cannot hold it."""
    try:
        said = _said(element)
        begins = _begin(copy, said.first_day)
        _check(said, begins, copy.zone)
    except _NotSayable as error:
        return replace(copy, unheld=str(error))
    first = Series(said.pattern, begins, copy.zone).start_of(1) or begins
    return replace(_moved(copy, first), recurrence=recurrences.stated(said.pattern, begins, copy.zone))


def _begin(copy: Copy, day: date) -> Moment:
    """The copy's start on another day, at the same time by the clock on the wall: a series is where its pattern is."""
    start = _start(copy)
    if not isinstance(start, datetime):
        return day
    return datetime.combine(day, start.astimezone(_where(copy)).time(), tzinfo=_where(copy)).astimezone(UTC)


def _moved(copy: Copy, start: Moment) -> Copy:
    """The copy with another start and as long as it is, by the clock on the wall."""
    by = _day_of(start, copy) - _day_of(_start(copy), copy)
    if by == timedelta(0) or copy.end is None:
        return copy
    if not isinstance(copy.end, datetime):
        return replace(copy, start=start, end=copy.end + by)
    return replace(copy, start=start, end=(copy.end.astimezone(_where(copy)) + by).astimezone(UTC))


def _start(copy: Copy) -> Moment:
    if copy.start is None:
        raise NotReadable(times.NO_START)
    return copy.start


def _day_of(moment: Moment, copy: Copy) -> date:
    return moment.astimezone(_where(copy)).date() if isinstance(moment, datetime) else moment


def _where(copy: Copy) -> ZoneInfo:
    return _zone(copy) or ZoneInfo("UTC")


def _zone(copy: Copy) -> ZoneInfo | None:
    return ZoneInfo(copy.zone) if copy.zone else None


# the pattern


@dataclass(frozen=True, slots=True)
class _Said:
    """What a `Recurrence` says: the pattern, from which day on, and the day on which its weeks begin."""

    pattern: Recurrence
    first_day: date
    week_start: str


def _said(element: Element | None) -> _Said:
    if element is None or len(element) != 2:
        raise _NotSayable(PATTERN_MISSING)
    kind, extent = element
    said, limits = fields.of(kind), fields.of(extent)
    if kind.tag.endswith("Regeneration"):
        raise _NotSayable(REGENERATING)
    frequency, end = _named(_FREQUENCIES, kind.tag[_LOCAL:]), _named(_RANGES, extent.tag[_LOCAL:])
    week, month, day = said.text("DayOfWeekIndex"), said.text("Month"), said.text("DayOfMonth")
    pattern = Recurrence(
        frequency,
        _number(said.text("Interval") or "1"),
        weekdays=tuple(day for name in said.text("DaysOfWeek").split() for day in _named(_DAYS_NAMED, name)),
        day_of_month=_number(day) if day else None,
        week_of_month=_named(_WEEKS_NAMED, week) if week else None,
        month=_named(_MONTHS_NAMED, month) if month else None,
        end=end,
        count=_number(limits.text("NumberOfOccurrences")) if end == "after" else None,
        until=_day(limits.text("EndDate")) if end == "by" else None,
    )
    # the weeks of a server that does not say when they begin, do so on Sunday or, as ours, on Monday
    [week_start, *_] = _named(_DAYS_NAMED, said.text("FirstDayOfWeek") or "Sunday")
    return _Said(pattern, _day(limits.text("StartDate")), week_start)


def _check(said: _Said, first: Moment, zone: str | None) -> None:
    unheld = recurrences.unheld(said.pattern, first, zone)
    if unheld is not None:
        raise _NotSayable(unheld)
    if not patterns.has_same_weeks(said.pattern, said.first_day, week_start=said.week_start):
        raise _NotSayable(WEEK_STARTS_OTHERWISE)


def _named(names: Mapping[str, T], name: str) -> T:
    if name not in names:
        raise _NotSayable(PATTERN_UNKNOWN)
    return names[name]


def _number(text: str) -> int:
    number = fields.number(text)
    if number is None:
        raise _NotSayable(PATTERN_UNKNOWN)
    return number


def _day(text: str) -> date:
    """A day as it is written; the offset that servers write behind it says nothing."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise _NotSayable(PATTERN_UNKNOWN) from None


# single occurrences


def _listing(copy: Copy, found: Fields) -> Copy:
    named = [_exception(copy, each) for each in _entries(found, "ModifiedOccurrences")]
    deleted = {_original(copy, fields.of(each).text("Start")) for each in _entries(found, "DeletedOccurrences")}
    return replace(
        copy,
        exceptions=tuple(sorted(named, key=lambda each: str(each.original_start))),
        deleted_starts=tuple(sorted(deleted, key=str)),
    )


def _entries(found: Fields, name: str) -> list[Element]:
    listed = found.elements.get(name)
    return [] if listed is None else list(listed)


def _exception(copy: Copy, element: Element) -> Copy:
    listed = fields.of(element)
    return Copy(
        mailbox=copy.mailbox,
        item_id=listed.attribute("ItemId", "Id"),
        shape=Shape.EXCEPTION,
        uid=copy.uid,
        start=times.moment(listed.text("Start"), _zone(copy), all_day=copy.all_day),
        all_day=copy.all_day,
        original_start=_original(copy, listed.text("OriginalStart")),
    )


def _original(copy: Copy, text: str) -> Moment:
    stated = times.moment(text, _zone(copy), all_day=copy.all_day)
    if stated is None:
        raise NotReadable(OCCURRENCE_UNDATED)
    if copy.recurrence is None or not isinstance(stated, datetime):
        return stated
    series = Series(copy.recurrence, _start(copy), copy.zone)
    nearby = (series.start_on(_day_of(stated, copy) + by) for by in _THAT_DAY_OR_BESIDE)
    return next((ours for ours in nearby if recurrences.are_one(ours, stated)), stated)


# to Exchange


def unheld(pattern: Recurrence, when: Times) -> str | None:
    """Why Exchange cannot be told this pattern; None: it can."""
    zone = when.zone if when.zone and zones.windows_name(when.zone) else None
    return recurrences.unheld(pattern, when.start, zone)


def element(pattern: Recurrence, when: Times) -> Element:
    """A pattern that Exchange can hold, from its first occurrence on."""
    return element_from(pattern, Series(pattern, when.start, when.zone).day(when.start))


def element_from(pattern: Recurrence, day: date) -> Element:
    """A pattern that Exchange can hold, from the first of its days that is not before that day."""
    full = patterns.stated(pattern, day)
    first = Series(full, day).start_of(1) or day
    return t("Recurrence", _kind(full), _range(full, first))


def _kind(pattern: Recurrence) -> Element:
    if pattern.frequency == "yearly" and pattern.interval > 1:
        return _kind(replace(pattern, frequency="monthly", interval=pattern.interval * MONTHS, month=None))
    month = () if pattern.month is None else (t("Month", text=MONTH_NAMES[pattern.month - 1]),)
    interval = () if pattern.frequency == "yearly" else (t("Interval", text=str(pattern.interval)),)
    match pattern.frequency:
        case "daily":
            return t("DailyRecurrence", *interval)
        case "weekly":
            days = " ".join(_NAMES_OF_DAYS[day,] for day in pattern.weekdays)
            week = t("FirstDayOfWeek", text=DAY_NAMES[0])
            return t("WeeklyRecurrence", *interval, t("DaysOfWeek", text=days), week)
    period = pattern.frequency.capitalize()
    if pattern.week_of_month is None:
        return t(f"Absolute{period}Recurrence", *interval, t("DayOfMonth", text=str(pattern.day_of_month)), *month)
    day = t("DaysOfWeek", text=_NAMES_OF_DAYS[pattern.weekdays])
    return t(
        f"Relative{period}Recurrence",
        *interval,
        day,
        t("DayOfWeekIndex", text=WEEK_NAMES[pattern.week_of_month]),
        *month,
    )


def _range(pattern: Recurrence, first: date) -> Element:
    start = t("StartDate", text=first.isoformat())
    if pattern.until is not None:
        return t("EndDateRecurrence", start, t("EndDate", text=pattern.until.isoformat()))
    if pattern.count is not None:
        return t("NumberedRecurrence", start, t("NumberOfOccurrences", text=str(pattern.count)))
    return t("NoEndRecurrence", start)
