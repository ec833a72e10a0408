"""Patterns and single occurrences of EWS, as canonical copies and back."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from lxml import etree

from daemon.exchange.ews import payloads, recurrences
from daemon.exchange.port import Written
from handlers import patterns
from handlers import recurrences as calendar
from handlers.recurrences import Series, Window
from schemas.copies import Copy, Kind, Shape
from schemas.edits import Edit, New, Times
from schemas.items import Recurrence
from tests.rules.test_recurrences import a_pattern, a_start
from tests.unit.exchange.canned import NAMES, meeting
from tests.unit.exchange.reading import copy_of, rule_of
from tests.unit.exchange.reference import needs_schema, schema

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
BERLIN = '<t:StartTimeZone Id="W. Europe Standard Time"/>'
AUCKLAND = '<t:StartTimeZone Id="New Zealand Standard Time"/>'
WEEKLY = "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence>"
FOREVER = "<t:NoEndRecurrence><t:StartDate>2026-12-01+01:00</t:StartDate></t:NoEndRecurrence>"
WHEN = Times(START, START + HOUR, zone="Europe/Berlin")


def master(*extra: str, pattern: str = WEEKLY, extent: str = FOREVER, zone: str = BERLIN, **more: str) -> str:
    recurrence = f"<t:Recurrence>{pattern}{extent}</t:Recurrence>"
    return meeting("series", recurrence, *extra, zone, CalendarItemType="RecurringMaster", **more)


def modified(*occurrences: tuple[str, str, str]) -> str:
    """Per exception its id, its start and its original start."""
    listed = "".join(
        f'<t:Occurrence><t:ItemId Id="{item_id}" ChangeKey="C"/><t:Start>{start}</t:Start><t:End>{start}</t:End>'
        f"<t:OriginalStart>{original}</t:OriginalStart></t:Occurrence>"
        for item_id, start, original in occurrences
    )
    return f"<t:ModifiedOccurrences>{listed}</t:ModifiedOccurrences>"


def deleted(*starts: str) -> str:
    listed = "".join(f"<t:DeletedOccurrence><t:Start>{start}</t:Start></t:DeletedOccurrence>" for start in starts)
    return f"<t:DeletedOccurrences>{listed}</t:DeletedOccurrences>"


def sent(pattern: Recurrence, when: Times = WHEN) -> str:
    """What a request says of a pattern, without its namespace."""
    element = recurrences.element(pattern, when)
    return "".join(f"{each.tag.partition('}')[2]}:{each.text or ''} " for each in element.iter()).strip()


def as_read(pattern: Recurrence, when: Times) -> Copy:
    """A series as it would be read that was written with this pattern."""
    [item] = payloads.create_item(
        New(kind=Kind.SCHEDULE_ITEM, marker="crm-1", uid="AB", edit=Edit(times=when, recurrence=pattern))
    ).iterfind(".//t:CalendarItem", NAMES)
    item.insert(0, etree.fromstring(f'<t:ItemId xmlns:t="{NAMES["t"]}" Id="i"/>'))
    shape = etree.fromstring(f'<t:CalendarItemType xmlns:t="{NAMES["t"]}">RecurringMaster</t:CalendarItemType>')
    item.append(shape)
    return copy_of(etree.tostring(item).decode())


# there and back


@pytest.mark.rule("REC-1", "CON-4")
def test_any_pattern_is_read_as_it_was_written() -> None:
    chance = random.Random(5)
    for _ in range(300):
        pattern = a_pattern(chance)
        day = a_start(chance, pattern)
        if patterns.unheld(pattern, day) is not None:
            continue
        copy = as_read(pattern, Times(day, day + timedelta(days=1), all_day=True, zone="Europe/Berlin"))
        assert copy.recurrence is not None, f"{pattern} from {day}: {copy.unheld}"
        assert copy.start is not None
        again, first = Series(copy.recurrence, copy.start), Series(pattern, day)
        window = Window(datetime(2024, 12, 31, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC))
        assert list(islice(again.starts(window), 20)) == list(islice(first.starts(window), 20)), f"{pattern} from {day}"
        if copy.start == day:
            assert copy.recurrence == calendar.stated(pattern, day), f"{pattern} from {day}"


@needs_schema
@pytest.mark.rule("REC-1")
def test_any_pattern_makes_a_valid_request() -> None:
    chance = random.Random(6)
    for _ in range(200):
        pattern = a_pattern(chance)
        day = a_start(chance, pattern)
        if patterns.unheld(pattern, day) is None:
            edit = Edit(times=Times(day, day + timedelta(days=1), all_day=True), recurrence=pattern)
            schema().assertValid(payloads.update_item(Written("i", "c"), edit, Kind.SCHEDULE_ITEM))
            new = New(kind=Kind.SCHEDULE_ITEM, marker="crm-1", uid="AB", edit=edit)
            schema().assertValid(payloads.create_item(new))


@pytest.mark.rule("REC-1")
@pytest.mark.parametrize(
    ("pattern", "request_"),
    [
        (
            Recurrence("daily", 3, end="after", count=5),
            "Recurrence: DailyRecurrence: Interval:3 NumberedRecurrence: StartDate:2026-12-01 NumberOfOccurrences:5",
        ),
        (
            Recurrence("weekly", weekdays=("TH", "TU"), end="by", until=date(2026, 12, 31)),
            "Recurrence: WeeklyRecurrence: Interval:1 DaysOfWeek:Tuesday Thursday FirstDayOfWeek:Monday "
            "EndDateRecurrence: StartDate:2026-12-01 EndDate:2026-12-31",
        ),
        (
            Recurrence("weekly", weekdays=("WE",)),
            "Recurrence: WeeklyRecurrence: Interval:1 DaysOfWeek:Wednesday FirstDayOfWeek:Monday "
            "NoEndRecurrence: StartDate:2026-12-02",
        ),
        (
            Recurrence("monthly"),
            "Recurrence: AbsoluteMonthlyRecurrence: Interval:1 DayOfMonth:1 NoEndRecurrence: StartDate:2026-12-01",
        ),
        (
            Recurrence("monthly", weekdays=("TU",), week_of_month=1),
            "Recurrence: RelativeMonthlyRecurrence: Interval:1 DaysOfWeek:Tuesday DayOfWeekIndex:First "
            "NoEndRecurrence: StartDate:2026-12-01",
        ),
        (
            Recurrence("yearly"),
            "Recurrence: AbsoluteYearlyRecurrence: DayOfMonth:1 Month:December NoEndRecurrence: StartDate:2026-12-01",
        ),
        (
            Recurrence("yearly", 2),
            "Recurrence: AbsoluteMonthlyRecurrence: Interval:24 DayOfMonth:1 NoEndRecurrence: StartDate:2026-12-01",
        ),
        (
            Recurrence("yearly", weekdays=patterns.WORKING_DAYS, week_of_month=-1, month=12),
            "Recurrence: RelativeYearlyRecurrence: DaysOfWeek:Weekday DayOfWeekIndex:Last Month:December "
            "NoEndRecurrence: StartDate:2026-12-31",
        ),
    ],
)
def test_what_is_said_to_exchange(pattern: Recurrence, request_: str) -> None:
    """Beginning on its first day, wherever its start was said to be."""
    assert sent(pattern) == request_


@pytest.mark.rule("MAP-1", "REC-1")
def test_a_pattern_is_written_with_the_times_it_is_counted_from_and_can_be_cleared() -> None:
    with pytest.raises(ValueError, match="times"):
        payloads.update_item(Written("i", "c"), Edit(recurrence=Recurrence("daily")), Kind.SCHEDULE_ITEM)
    payload = payloads.update_item(Written("i", "c"), Edit(recurrence=None), Kind.SCHEDULE_ITEM)
    [update] = payload.find(".//t:Updates", NAMES)
    assert update.tag.endswith("}DeleteItemField")
    assert update[0].get("FieldURI") == "calendar:Recurrence"


@pytest.mark.rule("MAP-1")
def test_an_edit_without_a_pattern_says_nothing_of_one() -> None:
    payload = payloads.update_item(Written("i", "c"), Edit(subject="Other", times=WHEN), Kind.SCHEDULE_ITEM)
    assert "Recurrence" not in etree.tostring(payload).decode()


# what is read


@pytest.mark.rule("REC-1")
@pytest.mark.parametrize(
    ("pattern", "extent", "read"),
    [
        (WEEKLY, FOREVER, Recurrence("weekly", weekdays=("TU",))),
        (
            "<t:DailyRecurrence><t:Interval>2</t:Interval></t:DailyRecurrence>",
            "<t:NumberedRecurrence><t:StartDate>2026-12-01Z</t:StartDate>"
            "<t:NumberOfOccurrences>4</t:NumberOfOccurrences></t:NumberedRecurrence>",
            Recurrence("daily", 2, end="after", count=4),
        ),
        (
            "<t:WeeklyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>Thursday Tuesday</t:DaysOfWeek>"
            "<t:FirstDayOfWeek>Sunday</t:FirstDayOfWeek></t:WeeklyRecurrence>",
            "<t:EndDateRecurrence><t:StartDate>2026-12-01</t:StartDate><t:EndDate>2026-12-31-08:00</t:EndDate>"
            "</t:EndDateRecurrence>",
            Recurrence("weekly", 2, weekdays=("TU", "TH"), end="by", until=date(2026, 12, 31)),
        ),
        (
            "<t:AbsoluteMonthlyRecurrence><t:Interval>12</t:Interval><t:DayOfMonth>1</t:DayOfMonth>"
            "</t:AbsoluteMonthlyRecurrence>",
            FOREVER,
            Recurrence("yearly", 1, day_of_month=1, month=12),
        ),
        (
            "<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday</t:DaysOfWeek>"
            "<t:DayOfWeekIndex>First</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>",
            FOREVER,
            Recurrence("monthly", weekdays=patterns.WORKING_DAYS, week_of_month=1),
        ),
        (
            "<t:RelativeYearlyRecurrence><t:DaysOfWeek>Tuesday</t:DaysOfWeek><t:DayOfWeekIndex>First</t:DayOfWeekIndex>"
            "<t:Month>December</t:Month></t:RelativeYearlyRecurrence>",
            FOREVER,
            Recurrence("yearly", weekdays=("TU",), week_of_month=1, month=12),
        ),
    ],
)
def test_a_pattern_is_read_in_the_crms_terms(pattern: str, extent: str, read: Recurrence) -> None:
    copy = copy_of(master(pattern=pattern, extent=extent))
    assert (copy.recurrence, copy.unheld, copy.shape) == (read, None, Shape.MASTER)
    assert (copy.start, copy.end) == (START, START + HOUR)


REGENERATING = "<t:DailyRegeneration><t:Interval>1</t:Interval></t:DailyRegeneration>"
TUESDAYS_AND_SUNDAYS = (
    "<t:WeeklyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>Tuesday Sunday</t:DaysOfWeek>{}</t:WeeklyRecurrence>"
)
MIXED = "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>"


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize(
    ("series", "why"),
    [
        (master(pattern="", extent=""), recurrences.PATTERN_MISSING),
        (meeting("series", BERLIN, CalendarItemType="RecurringMaster"), recurrences.PATTERN_MISSING),
        (master(pattern=REGENERATING), recurrences.REGENERATING),
        (master(pattern=WEEKLY.replace("Tuesday", "Doomsday")), recurrences.PATTERN_UNKNOWN),
        (master(pattern=WEEKLY.replace(">1<", ">soon<")), recurrences.PATTERN_UNKNOWN),
        (master(extent=FOREVER.replace("2026-12-01", "someday")), recurrences.PATTERN_UNKNOWN),
        (master(pattern=TUESDAYS_AND_SUNDAYS.format("")), recurrences.WEEK_STARTS_OTHERWISE),
        (
            master(pattern=TUESDAYS_AND_SUNDAYS.format("<t:FirstDayOfWeek>Sunday</t:FirstDayOfWeek>")),
            recurrences.WEEK_STARTS_OTHERWISE,
        ),
        (
            master(pattern=TUESDAYS_AND_SUNDAYS.format("<t:FirstDayOfWeek>Doomsday</t:FirstDayOfWeek>")),
            recurrences.PATTERN_UNKNOWN,
        ),
        (master(zone=""), calendar.ZONE_UNKNOWN),
        (master(zone='<t:StartTimeZone Id="Customized Time Zone"/>'), calendar.ZONE_UNKNOWN),
        (
            master(
                pattern="<t:AbsoluteMonthlyRecurrence><t:Interval>2</t:Interval><t:DayOfMonth>7</t:DayOfMonth>"
                "</t:AbsoluteMonthlyRecurrence>"
            ),
            patterns.START_OFF_PATTERN,
        ),
    ],
)
def test_a_pattern_for_which_the_crm_has_no_terms_says_why(series: str, why: str) -> None:
    """The series is read all the same: what it is about is known."""
    copy = copy_of(series)
    assert (copy.recurrence, copy.unheld, copy.subject) == (None, why, "Review")


@pytest.mark.rule("REC-1")
def test_a_series_starts_where_its_pattern_does() -> None:
    """Its own start may lie on another day: occurrences follow the pattern, and stay as long by the clock."""
    copy = copy_of(master(Start="2026-10-20T08:00:00Z", End="2026-10-20T09:00:00Z"))
    assert (copy.start, copy.end) == (START, START + HOUR)
    off = copy_of(master(extent=FOREVER.replace("2026-12-01", "2026-11-27")))
    assert (off.start, off.end) == (START, START + HOUR)


@pytest.mark.rule("REC-1", "REC-4", "ID-1")
@pytest.mark.scenario("S04c")
def test_s04c_of_an_all_day_series_made_elsewhere_the_right_days_are_named() -> None:
    """Midnights in Auckland are noons of the day before here."""
    copy = copy_of(
        master(
            modified(("x", "2026-12-08T11:00:00Z", "2026-12-07T11:00:00Z")),
            deleted("2026-12-14T11:00:00Z", "2027-04-05T12:00:00Z"),
            Start="2026-11-30T11:00:00Z",
            End="2026-12-01T11:00:00Z",
            IsAllDayEvent="true",
            zone=AUCKLAND,
        )
    )
    assert (copy.start, copy.end) == (date(2026, 12, 1), date(2026, 12, 2))
    [exception] = copy.exceptions
    assert (exception.original_start, exception.start) == (date(2026, 12, 8), date(2026, 12, 9))
    assert copy.deleted_starts == (date(2026, 12, 15), date(2027, 4, 6))


@pytest.mark.rule("ID-1", "REC-4")
def test_exceptions_and_deleted_occurrences_are_named_by_original_start_in_order() -> None:
    copy = copy_of(
        master(
            modified(
                ("late", "2027-01-05T12:00:00Z", "2027-01-05T09:00:00Z"),
                ("early", "2026-12-09T09:00:00Z", "2026-12-08T09:00:00Z"),
            ),
            deleted("2026-12-22T09:00:00Z", "2026-12-15T09:00:00Z"),
        )
    )
    assert [(one.item_id, one.original_start, one.shape) for one in copy.exceptions] == [
        ("early", START + timedelta(days=7), Shape.EXCEPTION),
        ("late", START + timedelta(days=35), Shape.EXCEPTION),
    ]
    assert copy.deleted_starts == (START + timedelta(days=14), START + timedelta(days=21))


@pytest.mark.rule("ID-1")
def test_an_original_start_by_other_rules_for_the_clocks_is_that_of_its_day() -> None:
    """A server without the latest change of a zone's rules is an hour off; half a day is another matter."""
    copy = copy_of(master(deleted("2026-12-08T10:00:00Z", "2026-12-15T21:00:00Z")))
    assert copy.deleted_starts == (START + timedelta(days=7), datetime(2026, 12, 15, 21, tzinfo=UTC))


@pytest.mark.rule("ID-1")
def test_an_original_start_by_other_rules_may_lie_on_the_day_before() -> None:
    """Half past midnight here is half past eleven where the clocks were never changed."""
    past_midnight = {"Start": "2026-11-30T23:30:00Z", "End": "2026-12-01T00:30:00Z"}
    copy = copy_of(master(deleted("2026-12-07T22:30:00Z"), **past_midnight))
    assert copy.deleted_starts == (datetime(2026, 12, 7, 23, 30, tzinfo=UTC),)


def test_an_occurrence_without_a_date_makes_the_series_unreadable() -> None:
    assert rule_of(master(deleted(""))) == recurrences.OCCURRENCE_UNDATED


@pytest.mark.rule("ID-1")
@pytest.mark.scenario("S21c")
@pytest.mark.parametrize(
    "name",
    [
        "<t:OriginalStart>2026-12-08T09:00:00Z</t:OriginalStart>",
        "<t:RecurrenceId>2026-12-08T09:00:00Z</t:RecurrenceId>",
    ],
)
def test_s21c_an_exception_says_which_occurrence_it_is(name: str) -> None:
    for kind in ("Exception", "Occurrence"):
        copy = copy_of(meeting("x", name, BERLIN, CalendarItemType=kind))
        assert (copy.original_start, copy.recurrence) == (START + timedelta(days=7), None)


@pytest.mark.rule("ID-1", "REC-3")
def test_an_occurrence_of_a_whole_day_may_be_of_a_series_with_an_hour() -> None:
    """Midnight is the day of a series of days; ten o'clock is not."""

    def original(at: str) -> object:
        times = {"Start": "2026-12-07T23:00:00Z", "End": "2026-12-08T23:00:00Z", "IsAllDayEvent": "true"}
        stated = f"<t:OriginalStart>{at}</t:OriginalStart>"
        return copy_of(meeting("x", stated, BERLIN, CalendarItemType="Exception", **times)).original_start

    assert original("2026-12-08T09:00:00Z") == START + timedelta(days=7)
    assert original("2026-12-07T23:00:00Z") == date(2026, 12, 8)


@pytest.mark.rule("ID-1")
def test_an_invitation_to_one_occurrence_alone_says_which_one_it_is() -> None:
    alone = meeting("x", "<t:RecurrenceId>2026-12-08T09:00:00Z</t:RecurrenceId>", BERLIN, CalendarItemType="Single")
    assert copy_of(alone).original_start == START + timedelta(days=7)
    assert copy_of(meeting("y", BERLIN, CalendarItemType="Single")).original_start is None


@needs_schema
def test_what_is_asked_for_of_series_is_a_valid_request() -> None:
    schema().assertValid(payloads.get_occurrence(["series", "series/4"], "series", 4))
    schema().assertValid(payloads.get_items(["series"]))
