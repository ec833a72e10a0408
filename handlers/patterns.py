"""What a pattern says, and whether both sides can hold it (REC-1, REC-5).

Patterns are in the CRM's terms. One that Exchange cannot say, that contradicts itself, or whose dates are open, is
refused with a word why; nothing is guessed. What a pattern leaves to its start has one full form, in which it is
compared: Exchange fills in, moves an end back to the last date and counts years in months.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import islice

from handlers.pattern_days import LAST_DAY, MONTHS, WEEKDAYS, PatternDays, days
from schemas.items import Recurrence

WORKING_DAYS, WEEKEND = WEEKDAYS[:5], WEEKDAYS[5:]
LONGEST_INTERVAL = {"daily": 999, "weekly": 99, "monthly": 99, "yearly": 8}
HIGHEST_COUNT = 999
"""How far Exchange counts. Beyond a year it has only months to count in."""

NO_DATE = "no_date"
NOT_OF_FREQUENCY = "not_of_frequency"
WEEKDAYS_MIXED = "weekdays_mixed"
FIFTH_WEEK = "fifth_week"
INTERVAL_TOO_LONG = "interval_too_long"
COUNT_TOO_HIGH = "count_too_high"
START_OFF_PATTERN = "start_off_pattern"
"""Why a pattern cannot be held."""

_FIFTH = 5
_TWO_ROUNDS = 2 * len(WEEKDAYS) + 1
_PARTS = ("weekdays", "day_of_month", "week_of_month", "month")
_SAYABLE = {
    "daily": (frozenset(), frozenset({"weekdays"})),
    "weekly": (frozenset(), frozenset({"weekdays"})),
    "monthly": (frozenset(), frozenset({"day_of_month"}), frozenset({"weekdays", "week_of_month"})),
    "yearly": (
        frozenset(),
        frozenset({"month"}),
        frozenset({"day_of_month"}),
        frozenset({"day_of_month", "month"}),
        frozenset({"weekdays", "week_of_month"}),
        frozenset({"weekdays", "week_of_month", "month"}),
    ),
}
"""The parts that a pattern of a frequency may have."""


def unheld(pattern: Recurrence, first: date) -> str | None:
    """Why the CRM and Exchange cannot both hold a pattern that starts on that day; None: they can."""
    return _contradiction(pattern) or _beyond_exchange(pattern) or _open_dates(pattern, first)


def stated(pattern: Recurrence, first: date) -> Recurrence:
    """A pattern that can be held in its full form. Two that are equal in it have the same dates."""
    full = _full(pattern, first)
    if full.until is None:
        return full
    return replace(full, until=PatternDays(full, first).last_until(full.until))


def has_same_weeks(pattern: Recurrence, first: date, *, week_start: str) -> bool:
    """Whether a pattern that can be held has the same dates where weeks begin on that weekday, and not on Monday."""
    theirs = days(pattern, first, week_start=WEEKDAYS.index(week_start))
    return list(islice(theirs, _TWO_ROUNDS)) == list(islice(days(pattern, first), _TWO_ROUNDS))


def _contradiction(pattern: Recurrence) -> str | None:
    if pattern.frequency not in _SAYABLE or pattern.interval < 1 or (pattern.end == "after" and not pattern.count):
        return NO_DATE
    given = {name for name in _PARTS if getattr(pattern, name)}
    if given not in _SAYABLE[pattern.frequency]:
        return NOT_OF_FREQUENCY
    if pattern.frequency == "daily" and given and pattern.interval > 1:
        return NOT_OF_FREQUENCY
    return WEEKDAYS_MIXED if pattern.week_of_month and not _is_one_kind(pattern.weekdays) else None


def _is_one_kind(weekdays: tuple[str, ...]) -> bool:
    return len(weekdays) == 1 or _in_order(weekdays) in (WEEKDAYS, WORKING_DAYS, WEEKEND)


def _beyond_exchange(pattern: Recurrence) -> str | None:
    if pattern.interval > LONGEST_INTERVAL[pattern.frequency]:
        return INTERVAL_TOO_LONG
    if pattern.end == "after" and pattern.count is not None and pattern.count > HIGHEST_COUNT:
        return COUNT_TOO_HIGH
    # Exchange has a last Monday, and no fifth one: in most months that is another day, or none.
    return FIFTH_WEEK if pattern.week_of_month == _FIFTH else None


def _open_dates(pattern: Recurrence, first: date) -> str | None:
    """A start that is no date of its pattern leaves open which weeks or months are meant, unless all are."""
    if first > LAST_DAY:
        return NO_DATE
    full = _full(pattern, first)
    begins = next((day for _, day in PatternDays(full, first).numbered()), None)
    if begins is None:
        return NO_DATE
    return START_OFF_PATTERN if begins != first and full.interval > 1 else None


def _full(pattern: Recurrence, first: date) -> Recurrence:
    full = replace(
        pattern,
        weekdays=_in_order(pattern.weekdays),
        count=pattern.count if pattern.end == "after" else None,
        until=pattern.until if pattern.end == "by" else None,
    )
    match full.frequency:
        case "daily":
            return replace(full, frequency="weekly") if full.weekdays else full
        case "weekly":
            return replace(full, weekdays=full.weekdays or (WEEKDAYS[first.weekday()],))
    if not full.weekdays:
        full = replace(full, day_of_month=full.day_of_month or first.day)
    if full.frequency == "yearly":
        return replace(full, month=full.month or first.month)
    if full.interval % MONTHS:
        return full
    return replace(full, frequency="yearly", interval=full.interval // MONTHS, month=first.month)


def _in_order(weekdays: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(day for day in WEEKDAYS if day in weekdays)
