"""When series take place, compared with a second library and with a formula of the test's own.

`cronsim` knows weekdays, the nth and the last of them, and the last day of a month; which of its days are in a series'
turn is counted here, one by one. Clocks are compared with `dateutil`'s own time zones.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from dateutil import tz

from handlers import patterns, recurrences
from handlers.pattern_days import WEEKDAYS, PatternDays
from handlers.recurrences import Series, Window
from schemas.items import Moment, Recurrence

CASES = 5_000 if os.environ.get("CI", "").lower() == "true" else 500
BATCHES = 10
TODAY = date(2026, 12, 1)
TWO_YEARS_AHEAD = TODAY + timedelta(days=2 * 366)
AHEAD = Window(datetime(2026, 12, 1, tzinfo=UTC), datetime(2028, 12, 3, tzinfo=UTC))
FIRST = date(2025, 1, 1)  # when the earliest series starts
LAST = date(2028, 12, 31)  # whole months are looked at
KINDS = ((*WEEKDAYS[:5],), (*WEEKDAYS[5:],), WEEKDAYS)
ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Jerusalem",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
)


# a second opinion


def a_pattern(chance: random.Random) -> Recurrence:
    """Any pattern that both sides can hold where it starts on one of its days, or is of every period."""
    frequency = chance.choice(("daily", "weekly", "monthly", "yearly"))
    interval = chance.choice((1, 1, 1, 2, 3, chance.randint(1, patterns.LONGEST_INTERVAL[frequency])))
    pattern = Recurrence(frequency, interval, **an_end(chance))
    if frequency == "weekly":
        return replace(pattern, weekdays=tuple(chance.sample(WEEKDAYS, chance.randint(0, 7))))
    if frequency == "daily":
        return replace(pattern, weekdays=chance.choice(KINDS)) if interval == 1 and chance.random() < 0.2 else pattern
    if frequency == "yearly" and chance.random() < 0.7:
        pattern = replace(pattern, month=chance.randint(1, 12))
    if chance.random() < 0.4:
        return replace(pattern, day_of_month=chance.choice((None, 28, 29, 30, 31, chance.randint(1, 31))))
    weekdays = chance.choice((*KINDS, *((day,) for day in WEEKDAYS)))
    return replace(pattern, weekdays=weekdays, week_of_month=chance.choice((1, 2, 3, 4, -1)))


def an_end(chance: random.Random) -> dict[str, object]:
    end = chance.choice(("never", "after", "by"))
    if end == "after":
        return {"end": end, "count": chance.choice((1, 10, chance.randint(1, patterns.HIGHEST_COUNT)))}
    return {"end": end, "until": TODAY + timedelta(days=chance.randint(-30, 900))} if end == "by" else {"end": end}


@cache
def cron(expression: str) -> frozenset[date]:
    """The days that the second library finds, in all the time that the tests look at."""
    found = takewhile(lambda at: at.date() <= LAST, CronSim(expression, datetime(2024, 12, 31, tzinfo=UTC)))
    return frozenset(at.date() for at in found)


def library_days(pattern: Recurrence, first: date) -> frozenset[date]:
    """The days of a pattern in every month or week, whether or not it is its turn."""
    if pattern.week_of_month is not None:
        return nth(pattern.weekdays, pattern.week_of_month)
    if pattern.weekdays or pattern.frequency == "weekly":
        named = pattern.weekdays or (WEEKDAYS[first.weekday()],)
        return on_weekdays(named)
    if pattern.frequency == "daily":
        return cron("0 0 * * *")
    wanted = pattern.day_of_month or first.day
    too_short = {day for day in cron("0 0 L * *") if day.day < wanted}
    return cron(f"0 0 {wanted} * *") | too_short


def nth(weekdays: tuple[str, ...], week: int) -> frozenset[date]:
    if len(weekdays) == 1:
        return cron(f"0 0 * * {number(weekdays[0])}{'L' if week == -1 else f'#{week}'}")
    months: dict[tuple[int, int], list[date]] = {}
    for day in sorted(on_weekdays(weekdays)):
        months.setdefault((day.year, day.month), []).append(day)
    return frozenset(days[week - 1 if week > 0 else week] for days in months.values())


def on_weekdays(weekdays: tuple[str, ...]) -> frozenset[date]:
    return frozenset[date]().union(*(cron(f"0 0 * * {number(day)}") for day in weekdays))


def number(weekday: str) -> int:
    return (WEEKDAYS.index(weekday) + 1) % 7


def is_its_turn(pattern: Recurrence, first: date, day: date) -> bool:
    years = day.year - first.year
    months = 12 * years + day.month - first.month
    weeks = (day - timedelta(days=day.weekday()) - first + timedelta(days=first.weekday())).days // 7
    if pattern.frequency == "yearly":
        return years % pattern.interval == 0 and day.month == (pattern.month or first.month)
    turns = {"daily": (day - first).days, "weekly": weeks, "monthly": months}
    return turns[pattern.frequency] % pattern.interval == 0


def expected(pattern: Recurrence, first: date) -> Iterator[date]:
    days = (day for day in sorted(library_days(pattern, first)) if day >= first and is_its_turn(pattern, first, day))
    for index, day in enumerate(days, 1):
        if pattern.count is not None and index > pattern.count:
            return
        if pattern.until is not None and day > pattern.until:
            return
        yield day


def a_start(chance: random.Random, pattern: Recurrence) -> date:
    """Where a pattern may start: on any day of one of every period, on one of its days otherwise."""
    first = FIRST + timedelta(days=chance.randint(0, 1000))
    if pattern.interval == 1 and chance.random() < 0.5:
        return first
    return next((day for day in sorted(library_days(pattern, first)) if day >= first and in_month(pattern, day)), first)


def in_month(pattern: Recurrence, day: date) -> bool:
    return pattern.frequency != "yearly" or pattern.month in (None, day.month)


@pytest.mark.rule("REC-1")
@pytest.mark.scenario("S04e")
@pytest.mark.parametrize("batch", range(BATCHES))
def test_s04e_the_dates_of_any_pattern_are_those_of_a_second_library(batch: int) -> None:
    chance = random.Random(batch)
    compared = 0
    while compared < CASES // BATCHES:
        pattern = a_pattern(chance)
        first = a_start(chance, pattern)
        if patterns.unheld(pattern, first) is not None:
            continue
        ours = [day for day in Series(pattern, first).starts(AHEAD) if TODAY <= day <= TWO_YEARS_AHEAD]
        theirs = [day for day in expected(pattern, first) if TODAY <= day <= TWO_YEARS_AHEAD]
        assert ours == theirs, f"{pattern} from {first}"
        compared += 1


# the dates


def dates(pattern: Recurrence, first: date, how_many: int = 4) -> list[str]:
    series = Series(pattern, first)
    assert patterns.unheld(pattern, first) is None
    found = (series.start_of(index) for index in range(1, how_many + 1))
    return [str(day) for day in found if day is not None]


@pytest.mark.rule("REC-1")
@pytest.mark.scenario("S04e")
@pytest.mark.parametrize(
    ("pattern", "first", "days"),
    [
        (
            Recurrence("weekly", weekdays=KINDS[0]),
            date(2026, 12, 3),
            ["2026-12-03", "2026-12-04", "2026-12-07", "2026-12-08"],
        ),
        (
            Recurrence("daily", weekdays=KINDS[0]),
            date(2026, 12, 3),
            ["2026-12-03", "2026-12-04", "2026-12-07", "2026-12-08"],
        ),
        (
            Recurrence("monthly", weekdays=("FR",), week_of_month=-1),
            date(2026, 12, 25),
            ["2026-12-25", "2027-01-29", "2027-02-26", "2027-03-26"],
        ),
        (
            Recurrence("monthly", day_of_month=31),
            date(2027, 1, 31),
            ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"],
        ),
        (
            Recurrence("monthly", interval=2, day_of_month=30),
            date(2027, 12, 30),
            ["2027-12-30", "2028-02-29", "2028-04-30", "2028-06-30"],
        ),
        (
            Recurrence("yearly", day_of_month=29, month=2),
            date(2027, 2, 28),
            ["2027-02-28", "2028-02-29", "2029-02-28", "2030-02-28"],
        ),
        (
            Recurrence("yearly", weekdays=("TH",), week_of_month=4, month=11),
            date(2026, 1, 1),
            ["2026-11-26", "2027-11-25", "2028-11-23", "2029-11-22"],
        ),
        (Recurrence("yearly", month=3), date(2026, 12, 5), ["2027-03-05", "2028-03-05", "2029-03-05", "2030-03-05"]),
        (
            Recurrence("weekly", interval=2, weekdays=("MO", "SU")),
            date(2026, 12, 6),
            ["2026-12-06", "2026-12-14", "2026-12-20", "2026-12-28"],
        ),
        (
            Recurrence("monthly", weekdays=KINDS[1], week_of_month=4),
            date(2026, 12, 13),
            ["2026-12-13", "2027-01-10", "2027-02-14", "2027-03-14"],
        ),
        (Recurrence("daily", interval=3, end="after", count=2), date(2026, 12, 30), ["2026-12-30", "2027-01-02"]),
        (Recurrence("weekly", end="by", until=date(2026, 12, 9)), date(2026, 12, 1), ["2026-12-01", "2026-12-08"]),
    ],
)
def test_s04e_the_dates_of_a_pattern(pattern: Recurrence, first: date, days: list[str]) -> None:
    assert dates(pattern, first) == days


@pytest.mark.rule("REC-1")
def test_a_deleted_occurrence_keeps_its_number_and_every_number_finds_its_start_again() -> None:
    chance = random.Random(7)
    for _ in range(200):
        pattern = a_pattern(chance)
        first = a_start(chance, pattern)
        if patterns.unheld(pattern, first) is not None:
            continue
        series = Series(pattern, first)
        in_order = [day for day in expected(pattern, first) if day <= TODAY]
        found = [series.start_of(index) for index in range(1, len(in_order) + 1)]
        assert found == in_order, f"{pattern} from {first}"
        for index in {1, len(in_order)} if in_order else ():
            day = in_order[index - 1]
            assert (series.index_of(day), series.index_on(day)) == (index, index), f"{pattern} from {first}"


@pytest.mark.rule("REC-5")
@pytest.mark.scenario("S29")
def test_s29_an_endless_series_is_looked_at_in_a_window_only() -> None:
    """What lies outside is not computed: neither the centuries before nor those to come."""
    endless = Series(Recurrence("daily"), datetime(1901, 1, 1, 8, tzinfo=UTC), "Etc/UTC")
    starts = endless.starts(Window.around(datetime(2026, 12, 1, 9, tzinfo=UTC), past=days(1), future=days(2)))
    assert [start.isoformat() for start in starts] == [f"2026-12-0{day}T08:00:00+00:00" for day in (1, 2, 3)]
    assert endless.start_of(10**12) is None
    assert endless.start_of(0) is None
    assert endless.index_of(datetime(2026, 12, 1, 8, tzinfo=UTC)) == (date(2026, 12, 1) - date(1901, 1, 1)).days + 1


@pytest.mark.rule("REC-5")
def test_exchanges_calendar_ends_one_day_and_with_it_every_series() -> None:
    yearly = Series(Recurrence("yearly", end="by", until=date(9000, 1, 1)), date(4498, 12, 31))
    assert [str(yearly.start_of(index)) for index in (1, 2, 3)] == ["4498-12-31", "4499-12-31", "None"]
    assert recurrences.stated(yearly.pattern, yearly.first).until == date(4499, 12, 31)
    assert recurrences.unheld(Recurrence("weekly"), date(9998, 12, 31)) == patterns.NO_DATE


def days(number: int) -> timedelta:
    return timedelta(days=number)


@pytest.mark.rule("ID-1")
@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 12, 2, 9, tzinfo=UTC),  # a day without an occurrence
        datetime(2026, 12, 8, 10, tzinfo=UTC),  # another hour
        datetime(2026, 11, 24, 9, tzinfo=UTC),  # before the first
        datetime(2027, 1, 5, 9, tzinfo=UTC),  # after the last
        date(2026, 12, 8),  # a day, where occurrences have an hour
    ],
)
def test_a_start_outside_the_pattern_is_no_occurrences(start: Moment) -> None:
    series = Series(Recurrence("weekly", end="after", count=5), datetime(2026, 12, 1, 9, tzinfo=UTC), "Europe/Berlin")
    assert series.index_of(start) is None


# the clock


@pytest.mark.rule("REC-1", "MAP-2")
@pytest.mark.scenario("S05c")
@pytest.mark.parametrize("zone", ZONES)
def test_s05c_the_clock_on_the_wall_stays_the_same_across_daylight_saving_time(zone: str) -> None:
    chance = random.Random(zone)
    changes = 0
    for _ in range(20):
        clock = time(chance.choice((0, 1, 2, 3, chance.randint(0, 23))), chance.choice((0, 15, 30, 59)))
        first = datetime.combine(date(2026, 1, chance.randint(1, 28)), clock, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        series = Series(Recurrence(chance.choice(("daily", "weekly"))), first, zone)
        for day, start in in_2026_and_2027(series):
            assert start == by_another_library(day, clock, zone), f"{clock} on {day}"
            assert start.tzinfo is UTC, "instants are kept in UTC"
            changes += is_another_offset(start, first, zone)
            if day.day == 1:
                assert series.index_of(start) == series.index_on(day), "its own start is its original start"
    assert changes, "the zone changes its clocks in these years"


def is_another_offset(one: datetime, other: datetime, zone: str) -> bool:
    return one.astimezone(ZoneInfo(zone)).utcoffset() != other.astimezone(ZoneInfo(zone)).utcoffset()


def in_2026_and_2027(series: Series) -> Iterator[tuple[date, datetime]]:
    for start in series.starts(Window(datetime(2026, 2, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))):
        assert isinstance(start, datetime)
        yield series.day(start), start


def by_another_library(day: date, clock: time, zone: str) -> datetime:
    at = datetime.combine(day, clock, tzinfo=tz.gettz(zone))
    return tz.resolve_imaginary(at).astimezone(UTC)


@pytest.mark.rule("REC-1")
@pytest.mark.scenario("S05c")
def test_s05c_an_hour_that_is_skipped_is_moved_on_and_of_one_that_comes_twice_the_first_is_meant() -> None:
    half_past_two = Series(Recurrence("daily"), datetime(2026, 1, 1, 1, 30, tzinfo=UTC), "Europe/Berlin")
    assert half_past_two.start_on(date(2026, 3, 29)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30 there
    assert half_past_two.start_on(date(2026, 10, 25)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert half_past_two.index_of(second) == half_past_two.index_on(date(2026, 10, 25)), "the same time on the wall"


@pytest.mark.rule("REC-4")
@pytest.mark.scenario("S04c")
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", None])
def test_s04c_a_series_of_whole_days_has_civil_days_in_every_zone(zone: str | None) -> None:
    series = Series(Recurrence("weekly", weekdays=("TU",)), date(2026, 12, 1), zone)
    assert list(islice(series.starts(AHEAD), 2)) == [date(2026, 12, 1), date(2026, 12, 8)]
    assert series.index_of(date(2026, 12, 8)) == 2


@pytest.mark.rule("ID-1")
def test_two_original_starts_of_a_day_are_one_occurrence() -> None:
    ours = datetime(2026, 12, 8, 9, tzinfo=UTC)
    assert recurrences.are_one(ours, ours + timedelta(hours=1)), "by other rules for the clocks"
    assert recurrences.are_one(ours, ours - timedelta(hours=2))
    assert not recurrences.are_one(ours, ours + timedelta(hours=22))
    assert recurrences.are_one(date(2026, 12, 8), date(2026, 12, 8))
    assert not recurrences.are_one(date(2026, 12, 8), date(2026, 12, 9))
    assert not recurrences.are_one(date(2026, 12, 8), ours)


# what cannot be held


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (Recurrence("hourly"), patterns.NO_DATE),
        (Recurrence("daily", interval=0), patterns.NO_DATE),
        (Recurrence("daily", end="after", count=0), patterns.NO_DATE),
        (Recurrence("daily", end="after"), patterns.NO_DATE),
        (Recurrence("daily", end="by", until=date(2026, 11, 30)), patterns.NO_DATE),
        (Recurrence("daily", interval=1000), patterns.INTERVAL_TOO_LONG),
        (Recurrence("weekly", interval=100), patterns.INTERVAL_TOO_LONG),
        (Recurrence("monthly", interval=100), patterns.INTERVAL_TOO_LONG),
        (Recurrence("yearly", interval=9), patterns.INTERVAL_TOO_LONG),
        (Recurrence("daily", end="after", count=1000), patterns.COUNT_TOO_HIGH),
        (Recurrence("monthly", weekdays=("MO",), week_of_month=5), patterns.FIFTH_WEEK),
        (Recurrence("monthly", weekdays=("MO", "WE"), week_of_month=1), patterns.WEEKDAYS_MIXED),
        (Recurrence("monthly", weekdays=("MO",)), patterns.NOT_OF_FREQUENCY),
        (Recurrence("monthly", week_of_month=1), patterns.NOT_OF_FREQUENCY),
        (Recurrence("monthly", weekdays=("TU",), week_of_month=1, day_of_month=1), patterns.NOT_OF_FREQUENCY),
        (Recurrence("monthly", month=12), patterns.NOT_OF_FREQUENCY),
        (Recurrence("weekly", day_of_month=1), patterns.NOT_OF_FREQUENCY),
        (Recurrence("daily", interval=2, weekdays=("TU",)), patterns.NOT_OF_FREQUENCY),
        (Recurrence("weekly", interval=2, weekdays=("MO",)), patterns.START_OFF_PATTERN),
        (Recurrence("monthly", interval=2, day_of_month=15), patterns.START_OFF_PATTERN),
        (Recurrence("yearly", interval=2, month=3), patterns.START_OFF_PATTERN),
    ],
)
def test_a_pattern_that_one_side_cannot_hold_is_refused_with_a_word_why(pattern: Recurrence, why: str) -> None:
    assert recurrences.unheld(pattern, date(2026, 12, 1)) == why


@pytest.mark.rule("REC-5")
def test_whatever_the_crm_may_say_is_held_or_refused_and_what_is_held_has_dates() -> None:
    chance = random.Random(11)
    held = 0
    for _ in range(2000):
        pattern = anything(chance)
        first = chance.choice((date(1900, 1, 1), date(2026, 12, 1), date(2028, 2, 29), date(4499, 12, 31)))
        if patterns.unheld(pattern, first) is not None:
            continue
        held += 1
        start = Series(pattern, first).start_of(1)
        assert start is not None, f"{pattern} from {first}"
        assert start >= first, f"{pattern} from {first}"
        full = patterns.stated(pattern, first)
        assert patterns.stated(full, first) == full, f"{pattern} from {first}"
        assert patterns.unheld(full, first) is None, f"{pattern} from {first}"
    assert held > 100


def anything(chance: random.Random) -> Recurrence:
    """What the schema of events lets through."""
    return Recurrence(
        chance.choice(("daily", "weekly", "monthly", "yearly")),
        chance.choice((1, 2, 12, 96, 999)),
        weekdays=tuple(chance.sample(WEEKDAYS, chance.choice((0, 0, 1, 2, 7)))),
        day_of_month=chance.choice((None, None, None, 1, 29, 31)),
        week_of_month=chance.choice((None, None, None, None, 1, 4, 5, -1)),
        month=chance.choice((None, None, None, 2, 12)),
        end=chance.choice(("never", "after", "by")),
        count=chance.choice((1, 999, 10_000)),
        until=chance.choice((date(1900, 1, 1), date(2026, 12, 1), date(9998, 12, 31))),
    )


@pytest.mark.rule("REC-1", "MAP-2")
def test_the_first_day_is_the_one_of_the_zone() -> None:
    """Half past eleven at night in London is the next day in Berlin."""
    late = datetime(2026, 12, 1, 23, 30, tzinfo=UTC)
    assert recurrences.stated(Recurrence("weekly"), late, "Europe/London").weekdays == ("TU",)
    assert recurrences.stated(Recurrence("weekly"), late, "Europe/Berlin").weekdays == ("WE",)
    every_other = Recurrence("weekly", 2, weekdays=("WE",))
    assert recurrences.unheld(every_other, late, "Europe/Berlin") is None
    assert recurrences.unheld(every_other, late, "Europe/London") == patterns.START_OFF_PATTERN


@pytest.mark.rule("REC-1")
def test_the_last_day_until_another_may_be_none() -> None:
    tuesdays = PatternDays(Recurrence("weekly", weekdays=("TU",)), date(2026, 12, 1))
    found = [tuesdays.last_until(date(2026, 11, 30) + days(each)) for each in (0, 1, 7, 8)]
    assert found == [None, date(2026, 12, 1), date(2026, 12, 1), date(2026, 12, 8)]


@pytest.mark.rule("REC-5", "MAP-2")
@pytest.mark.parametrize("zone", [None, "Middle-earth/Bree"])
def test_a_series_with_an_hour_needs_a_zone(zone: str | None) -> None:
    pattern = Recurrence("daily")
    assert recurrences.unheld(pattern, datetime(2026, 12, 1, 9, tzinfo=UTC), zone) == recurrences.ZONE_UNKNOWN
    assert recurrences.unheld(pattern, datetime(2026, 12, 1, 9, tzinfo=UTC), "Europe/Berlin") is None
    assert recurrences.unheld(pattern, date(2026, 12, 1), zone) is None


@pytest.mark.rule("REC-1", "CON-4")
@pytest.mark.parametrize(
    ("said", "full"),
    [
        (Recurrence("weekly"), Recurrence("weekly", weekdays=("TU",))),
        (Recurrence("weekly", weekdays=("TH", "TU")), Recurrence("weekly", weekdays=("TU", "TH"))),
        (Recurrence("daily", weekdays=("TU",)), Recurrence("weekly", weekdays=("TU",))),
        (Recurrence("monthly"), Recurrence("monthly", day_of_month=1)),
        (Recurrence("yearly"), Recurrence("yearly", day_of_month=1, month=12)),
        (Recurrence("monthly", 24, day_of_month=1), Recurrence("yearly", 2, day_of_month=1, month=12)),
        (
            Recurrence("weekly", end="by", until=date(2026, 12, 31)),
            Recurrence("weekly", weekdays=("TU",), end="by", until=date(2026, 12, 29)),
        ),
        (Recurrence("daily", count=3, until=date(2027, 1, 1)), Recurrence("daily")),
        (
            Recurrence("daily", end="after", count=3, until=date(2027, 1, 1)),
            Recurrence("daily", end="after", count=3),
        ),
    ],
)
def test_what_a_pattern_leaves_to_its_start_is_the_same_as_said(said: Recurrence, full: Recurrence) -> None:
    first = date(2026, 12, 1)
    assert recurrences.stated(said, first) == full
    assert recurrences.stated(full, first) == full
    assert dates(said, first, 12) == dates(full, first, 12)


@pytest.mark.rule("REC-5")
@pytest.mark.scenario("S04e")
def test_s04e_weeks_that_begin_on_another_day_are_told_by_their_dates() -> None:
    """Saturday and Sunday are in one week where it begins on Monday, in two where it begins on Sunday."""
    weekend = Recurrence("weekly", 2, weekdays=("SA", "SU"))
    working = Recurrence("weekly", 2, weekdays=("TU", "TH"))
    assert not patterns.has_same_weeks(weekend, date(2026, 12, 5), week_start="SU")
    assert patterns.has_same_weeks(weekend, date(2026, 12, 5), week_start="SA")
    assert patterns.has_same_weeks(working, date(2026, 12, 1), week_start="SU")
    assert not patterns.has_same_weeks(working, date(2026, 12, 1), week_start="WE")
    assert patterns.has_same_weeks(replace(weekend, interval=1), date(2026, 12, 5), week_start="SU")
    assert not patterns.has_same_weeks(replace(weekend, interval=99), date(2026, 12, 5), week_start="SU")
    assert not patterns.has_same_weeks(weekend, date(4499, 12, 31), week_start="SU")
    assert patterns.has_same_weeks(Recurrence("monthly", 2, day_of_month=5), date(2026, 12, 5), week_start="SU")


@pytest.mark.rule("REC-5")
def test_a_window_holds_what_lies_in_it_and_a_day_wherever_on_earth_it_may() -> None:
    window = Window.around(datetime(2026, 12, 10, tzinfo=UTC), past=days(5), future=days(5))
    assert datetime(2026, 12, 5, tzinfo=UTC) in window
    assert datetime(2026, 12, 15, tzinfo=UTC) not in window
    assert date(2026, 12, 4) in window
    assert date(2026, 12, 16) in window
    assert date(2026, 12, 17) not in window
    assert date(2026, 12, 3) not in window
