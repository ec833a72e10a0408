"""The days that the patterns of EWS stand for."""

from __future__ import annotations

from datetime import date
from itertools import islice

import pytest
from lxml import etree

from daemon.sandbox.exchange import recurrence
from daemon.sandbox.exchange.errors import EwsError, SoapFault
from daemon.sandbox.exchange.recurrence import Recurrence
from tests.unit.sandbox.bank import T

NEW_YEAR = date(2026, 1, 1)


def first_days(pattern: str, many: int, *, start: date = NEW_YEAR, **terms: object) -> list[str]:
    made = Recurrence(pattern, start, **terms)
    return [day.isoformat() for day in islice(recurrence.days(made), many)]


@pytest.mark.parametrize(
    ("pattern", "terms", "days"),
    [
        ("DailyRecurrence", {"interval": 3}, ["2026-01-01", "2026-01-04", "2026-01-07"]),
        (
            "WeeklyRecurrence",
            {"days": ("Monday", "Friday"), "first_day": "Sunday"},
            ["2026-01-02", "2026-01-05", "2026-01-09"],
        ),
        ("AbsoluteMonthlyRecurrence", {"day_of_month": 31}, ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("AbsoluteMonthlyRecurrence", {"day_of_month": 30, "interval": 2}, ["2026-01-30", "2026-03-30", "2026-05-30"]),
        (
            "RelativeMonthlyRecurrence",
            {"days": ("Tuesday",), "index": "Third"},
            ["2026-01-20", "2026-02-17", "2026-03-17"],
        ),
        (
            "RelativeMonthlyRecurrence",
            {"days": ("Friday",), "index": "Last"},
            ["2026-01-30", "2026-02-27", "2026-03-27"],
        ),
        (
            "RelativeMonthlyRecurrence",
            {"days": ("Weekday",), "index": "First"},
            ["2026-01-01", "2026-02-02", "2026-03-02"],
        ),
        (
            "RelativeMonthlyRecurrence",
            {"days": ("WeekendDay",), "index": "Second"},
            ["2026-01-04", "2026-02-07", "2026-03-07"],
        ),
        ("RelativeMonthlyRecurrence", {"days": ("Day",), "index": "Last"}, ["2026-01-31", "2026-02-28", "2026-03-31"]),
        (
            "AbsoluteYearlyRecurrence",
            {"day_of_month": 29, "month": 2},
            ["2026-02-28", "2027-02-28", "2028-02-29"],
        ),
        (
            "RelativeYearlyRecurrence",
            {"days": ("Sunday",), "index": "Last", "month": 3},
            ["2026-03-29", "2027-03-28", "2028-03-26"],
        ),
    ],
)
def test_the_first_days_of_a_pattern(pattern: str, terms: dict[str, object], days: list[str]):
    """In a shorter month the last day stands for the one that is missing."""
    assert first_days(pattern, 3, **terms) == days


@pytest.mark.parametrize(
    ("first_day", "days"),
    [
        ("Sunday", ["2026-01-06", "2026-01-18", "2026-01-20"]),
        ("Monday", ["2026-01-06", "2026-01-11", "2026-01-20"]),
    ],
)
def test_every_second_week_depends_on_the_day_on_which_weeks_begin(first_day: str, days: list[str]):
    """A Sunday is the first of its week, or the last."""
    given = {"start": date(2026, 1, 6), "interval": 2, "days": ("Tuesday", "Sunday"), "first_day": first_day}
    assert first_days("WeeklyRecurrence", 3, **given) == days


def test_a_range_ends_after_a_number_or_with_a_day_or_never():
    """The number counts occurrences, the day may be one."""
    assert first_days("DailyRecurrence", 9, count=2) == ["2026-01-01", "2026-01-02"]
    assert first_days("DailyRecurrence", 9, until=date(2026, 1, 3)) == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert recurrence.last_day(Recurrence("DailyRecurrence", NEW_YEAR)) is None
    assert recurrence.last_day(Recurrence("DailyRecurrence", NEW_YEAR, count=9)) == date(2026, 1, 9)


def test_an_instance_is_counted_from_one():
    """And there is none before the first, nor behind the last."""
    three = Recurrence("DailyRecurrence", NEW_YEAR, count=3)
    found = [recurrence.nth_day(three, index) for index in (0, 1, 3, 4)]
    assert found == [None, NEW_YEAR, date(2026, 1, 3), None]


@pytest.mark.parametrize(
    ("pattern", "interval", "day"),
    [
        ("DailyRegeneration", 3, date(2026, 2, 3)),
        ("WeeklyRegeneration", 2, date(2026, 2, 14)),
        ("MonthlyRegeneration", 1, date(2026, 2, 28)),
        ("YearlyRegeneration", 1, date(2027, 1, 31)),
    ],
)
def test_a_regenerating_pattern_counts_from_the_completion(pattern: str, interval: int, day: date):
    """It has no days of its own."""
    given = Recurrence(pattern, NEW_YEAR, interval=interval)
    assert recurrence.regenerated(given, date(2026, 1, 31)) == day


def element(pattern: str, extent: str = "<t:NoEndRecurrence><t:StartDate>2026-01-01</t:StartDate></t:NoEndRecurrence>"):
    return etree.fromstring(f'<t:Recurrence xmlns:t="{T[1:-1]}">{pattern}{extent}</t:Recurrence>')


DAILY = "<t:DailyRecurrence><t:Interval>{}</t:Interval></t:DailyRecurrence>"
NUMBERED = (
    "<t:NumberedRecurrence><t:StartDate>2026-01-01</t:StartDate>"
    "<t:NumberOfOccurrences>{}</t:NumberOfOccurrences></t:NumberedRecurrence>"
)
UNTIL = "<t:EndDateRecurrence><t:StartDate>2026-01-01</t:StartDate><t:EndDate>{}</t:EndDate></t:EndDateRecurrence>"
WEEKLY = (
    "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>{}</t:DaysOfWeek>"
    "<t:FirstDayOfWeek>{}</t:FirstDayOfWeek></t:WeeklyRecurrence>"
)
MONTHLY = (
    "<t:AbsoluteMonthlyRecurrence><t:Interval>1</t:Interval><t:DayOfMonth>{}</t:DayOfMonth>"
    "</t:AbsoluteMonthlyRecurrence>"
)
RELATIVE = (
    "<t:RelativeYearlyRecurrence><t:DaysOfWeek>{}</t:DaysOfWeek><t:DayOfWeekIndex>{}</t:DayOfWeekIndex>"
    "<t:Month>{}</t:Month></t:RelativeYearlyRecurrence>"
)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ((DAILY.format(0),), "ErrorCalendarInvalidRecurrence"),
        ((DAILY.format(1000),), "ErrorCalendarInvalidRecurrence"),
        ((DAILY.format(1), NUMBERED.format(0)), "ErrorCalendarInvalidRecurrence"),
        ((DAILY.format(1), NUMBERED.format(1000)), "ErrorCalendarInvalidRecurrence"),
        ((DAILY.format(1), UNTIL.format("2025-12-31")), "ErrorCalendarEndDateIsEarlierThanStartDate"),
        ((DAILY.format(1), UNTIL.format("soon")), "ErrorInvalidValueForProperty"),
        ((MONTHLY.format(32),), "ErrorCalendarInvalidRecurrence"),
        ((MONTHLY.format(31), UNTIL.format("2026-01-02")), "ErrorRecurrenceHasNoOccurrence"),
        ((WEEKLY.format("Weekday", "Monday"),), "ErrorCalendarInvalidDayForWeeklyRecurrence"),
    ],
)
def test_what_makes_no_sense_is_refused(given: tuple[str, ...], code: str):
    """With Exchange's reasons."""
    with pytest.raises(EwsError) as refused:
        recurrence.read(element(*given))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "given",
    [
        (DAILY.format("often"),),
        ("", ""),
        ("<t:HourlyRecurrence/>",),
        (WEEKLY.format("", "Monday"),),
        (WEEKLY.format("Monday", "Someday"),),
        (RELATIVE.format("Someday", "First", "May"),),
        (RELATIVE.format("Monday", "Fifth", "May"),),
        (RELATIVE.format("Monday", "First", "Maytember"),),
        (RELATIVE.format("Monday", "First", ""),),
    ],
)
def test_what_the_schema_does_not_know_is_malformed(given: tuple[str, ...]):
    """The whole request is."""
    with pytest.raises(SoapFault, match="ErrorSchemaValidation"):
        recurrence.read(element(*given))
