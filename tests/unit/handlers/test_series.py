"""What single occurrences of a series in Outlook differ in, to the letter (REC-3, REC-4, PRIV-2, FOR-3, OPS-4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers import occurrences, series
from handlers.links import Link
from handlers.options import Consulted
from handlers.plans import Plan
from handlers.policy import Policy
from handlers.recurrences import Series, are_one
from schemas.copies import Copy, Shape
from schemas.items import (
    External,
    ForEntry,
    Recurrence,
    Response,
    ScheduleItem,
    SeriesException,
    Source,
)
from schemas.options import Level
from schemas.wire import changes_of, read_changes
from tests.support.world import (
    END,
    START,
    World,
    a_contact,
    a_meeting,
    a_user,
    a_world,
    agreed,
    confirmed,
    days,
    invited,
    on,
    said,
)

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
CARLA = a_contact("c-carla")
WORLD = a_world(ANNA, BOB, CORA, CARLA, a_contact("c-dora")).with_options(matching=True, display=True)
STRANGER = "x@else.example"
SERIES = a_meeting(
    organizer=ANNA,
    attendees=[BOB, CARLA, STRANGER],
    body="Agenda",
    location="Room 4",
    shape=Shape.MASTER,
    recurrence=Recurrence("daily"),
)
HOUR = END - START


def an_exception(day: int, **about: Any) -> Copy:
    """The occurrence of a day, counted from 0."""
    start = START + days(day)
    known: dict[str, Any] = {
        "shape": Shape.EXCEPTION,
        "recurrence": None,
        "original_start": start,
        "start": start,
        "end": start + HOUR,
    }
    return replace(SERIES, **(known | about))


def told(*exceptions: Copy, world: World = WORLD, link: Link | None = None, **about: Any) -> list[SeriesException]:
    """What the CRM is told of single occurrences."""
    return list(agreed(planned(*exceptions, world=world, link=link, **about)).exceptions)


def planned(*exceptions: Copy, world: World = WORLD, link: Link | None = None, **about: Any) -> Plan:
    """What comes of a hint for the series with these exceptions."""
    return world.decided(replace(SERIES, exceptions=exceptions, **about), link=link)


def stated(day: int, **changes: Any) -> SeriesException:
    """An occurrence in which this is otherwise."""
    return SeriesException(START + days(day), changes=changes_of(replace(ScheduleItem(), **changes), tuple(changes)))


@pytest.mark.rule("REC-3")
@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({}, None),
        ({"subject": "x"}, {"subject": "x"}),
        ({"body": "x"}, {"notes": "x"}),
        ({"location": ""}, {"location": ""}),
        ({"importance": "Low"}, {"priority": "C"}),
        ({"sensitivity": "Personal"}, {"restricted": True}),
        ({"start": START + days(3) + HOUR, "end": END + days(3) + HOUR}, "moved"),
        ({"end": END + days(3) + HOUR}, "longer"),
        ({"start": on("2026-12-04"), "end": on("2026-12-05"), "all_day": True}, "all day"),
        ({"start": None}, None),
        ({"end": None}, None),
    ],
)
def test_rec_3_the_crm_is_told_what_is_different_and_no_more(
    shown: dict[str, Any], expected: dict[str, Any] | str | None
):
    """Times together; whole days along with their flag."""
    world = WORLD.with_options(private_meetings=True)
    found = told(an_exception(3, **shown), world=world)
    times = {name: shown.get(name, START + days(3)) for name in ("start", "end")}
    match expected:
        case None:
            assert found == []
        case "moved" | "longer":
            assert found == [stated(3, **times)]
        case "all day":
            assert found == [stated(3, **times, all_day=True)]
        case dict():
            assert found == [stated(3, **expected)]


@pytest.mark.rule("REC-3", "REC-4")
def test_rec_4_what_was_deleted_is_gone_and_of_what_was_not_read_all_stays():
    """In the order of time."""
    first = planned(an_exception(5, subject="x"), an_exception(2, subject="y"), deleted_starts=(START + days(3),))
    gone = SeriesException(START + days(3), deleted=True)
    assert list(agreed(first).exceptions) == [stated(2, subject="y"), gone, stated(5, subject="x")]
    link = confirmed(first)
    later = told(an_exception(2, subject="z"), link=link, unread=(START + days(5), START + days(7)))
    assert later == [stated(2, subject="z"), stated(5, subject="x")]
    assert told(link=link) == []


@pytest.mark.rule("REC-3")
def test_rec_3_a_customized_field_stays_so_when_the_series_comes_to_have_its_value():
    """Set back to what the series has by itself it is none."""
    link = confirmed(planned(an_exception(2, subject="x", location="Room 9")))
    same = told(an_exception(2, subject="x", location="Room 4"), link=link, subject="x")
    assert same == [stated(2, subject="x")]
    never = told(an_exception(2, subject="x"), subject="x")
    assert never == []


@pytest.mark.rule("REC-3", "FOR-3", "PART-6")
@pytest.mark.parametrize(
    ("attendees", "expected"),
    [
        ([BOB, CARLA, STRANGER], None),
        ([STRANGER, CARLA, BOB], None),
        ([BOB, CORA, CARLA, STRANGER], {"assign_to": ("u-anna", "u-bob", "u-cora")}),
        ([CARLA, STRANGER], {"assign_to": ("u-anna",)}),
        (
            [BOB, a_contact("c-dora"), STRANGER],
            {"for_": (ForEntry("c-dora", Source.EXCHANGE),)},
        ),
        ([BOB, CARLA], {"external": ()}),
        (
            [BOB, CARLA, STRANGER, "y@else.example"],
            {
                "external": tuple(
                    External(f"{name}@else.example", name.upper(), f"{name}@else.example") for name in "xy"
                )
            },
        ),
    ],
)
def test_rec_3_who_takes_part_in_an_occurrence_is_told_where_that_differs(
    attendees: list[Any], expected: dict[str, Any] | None
):
    """Users, contacts and everybody else by themselves; where nobody is shown strangers, they are not told."""
    copy = an_exception(2, attendees=tuple(invited(each, response=Response.NONE) for each in attendees))
    found = told(copy)
    if expected is None:
        assert found == []
        return
    [exception] = found
    changes = read_changes(exception)
    assert set(changes) == set(expected)
    if "external" in expected:
        assert [each.email for each in changes["external"]] == [each.email for each in expected["external"]]
        assert told(copy, world=WORLD.with_options(display=False)) == []
    else:
        assert changes == expected


@pytest.mark.rule("FOR-3", "PART-6")
def test_for_3_whom_the_crm_put_into_the_series_stays_in_its_occurrences():
    """And who takes part without being named there: a list stands for him."""
    first = planned()
    entries = tuple(sorted((*agreed(first).for_, ForEntry("c-9", Source.CRM))))
    link = confirmed(first, for_=entries)
    copy = an_exception(2, attendees=(invited(BOB), invited(a_contact("c-dora")), invited(STRANGER)))
    [exception] = told(copy, link=link)
    by_crm, matched = ForEntry("c-9", Source.CRM), ForEntry("c-dora", Source.EXCHANGE)
    assert read_changes(exception) == {"for_": (by_crm, matched)}


@pytest.mark.rule("PRIV-2", "PRIV-4", "OPT-5")
def test_priv_2_of_a_private_occurrence_of_several_only_when_it_is_is_told():
    """That it is private is, and that the option was asked."""
    moved = {"start": START + days(2) + HOUR, "end": END + days(2) + HOUR}
    copy = an_exception(2, subject="Secret", sensitivity="Private", **moved)
    plan = planned(copy)
    assert list(agreed(plan).exceptions) == [stated(2, restricted=True, **moved)]
    asked = Consulted("private_meetings.inbound", "u-anna", value=False, level=Level.DEFAULT, effect=("refused",))
    assert [each for each in said(plan).options if each.key == asked.key] == [asked]
    open_ = WORLD.with_options(private_meetings=True)
    assert told(copy, world=open_) == [stated(2, subject="Secret", restricted=True, **moved)]
    alone = an_exception(2, sensitivity="Private", attendees=())
    [own] = told(alone)
    assert read_changes(own) == {"restricted": True, "assign_to": ("u-anna",), "for_": (), "external": ()}


@pytest.mark.rule("PRIV-4")
def test_priv_4_of_a_series_that_is_hidden_only_when_its_occurrences_are_is_told():
    """Nor that one of them is private: all of it is."""
    link = confirmed(planned())
    moved = {"start": START + days(2) + HOUR, "end": END + days(2) + HOUR}
    copies = (an_exception(2, subject="Secret", sensitivity="Private", **moved), an_exception(3, subject="x"))
    plan = planned(*copies, link=link, sensitivity="Private")
    assert agreed(plan).redacted
    assert list(agreed(plan).exceptions) == [stated(2, **moved)]


@pytest.mark.rule("OPT-5")
def test_opt_5_options_are_named_again_only_where_they_changed_an_occurrence():
    """The series' own are named anyway."""
    once = [each.key for each in said(planned()).options]
    quiet = [each.key for each in said(planned(an_exception(2, subject="x"))).options]
    assert quiet == once
    guests = (invited(BOB), invited(a_contact("c-dora")), invited(STRANGER))
    more = said(planned(an_exception(2, attendees=guests))).options
    assert [each.key for each in more][: len(once)] == once
    assert all(each.effect for each in more[len(once) :])
    alarmed = WORLD.with_options(alarms=True)
    plan = planned(an_exception(2, attendees=guests), world=alarmed, reminder=15)
    assert [each.key for each in said(plan).options].count("meeting_alarms") == 1, "alarms are everybody's own"


@pytest.mark.rule("OPS-4")
@pytest.mark.parametrize(
    ("about", "customized", "limits", "expected"),
    [
        ({}, 9, {}, False),
        ({}, 3, {"most_exceptions": 3}, False),
        ({}, 4, {"most_exceptions": 3}, True),
        ({"recurrence": Recurrence("daily", end="after", count=5)}, 0, {"most_occurrences": 5}, False),
        ({"recurrence": Recurrence("daily", end="after", count=6)}, 0, {"most_occurrences": 5}, True),
        ({"recurrence": Recurrence("daily")}, 0, {"most_occurrences": 5}, True),
        ({"recurrence": Recurrence("daily")}, 0, {}, False),
        ({"recurrence": None}, 0, {"most_occurrences": 0}, False),
        ({"recurrence": Recurrence("daily"), "start": None}, 0, {"most_occurrences": 0}, False),
    ],
)
def test_ops_4_a_series_is_too_long_beyond_the_limits(
    about: dict[str, Any], customized: int, limits: dict[str, int], expected: bool
):
    """Each for itself; no limit, any number."""
    item = replace(ScheduleItem(start=START, end=END, zone="Europe/Berlin"), **about)
    assert series.is_restricted(item, customized=customized, policy=Policy(**limits)) is expected


LATE = datetime(2026, 12, 1, 23, 30, tzinfo=UTC)
"""The next day in Tokyo."""


@pytest.mark.rule("REC-1")
def test_rec_1_the_days_of_a_series_are_those_of_its_zone():
    """Where none is known, UTC's; its starts are instants."""
    pattern = Recurrence("daily", end="by", until=on("2026-12-03"))
    tokyo, nowhere = Series(pattern, LATE, "Asia/Tokyo"), Series(pattern, LATE)
    assert (tokyo.day(LATE), nowhere.day(LATE)) == (on("2026-12-02"), on("2026-12-01"))
    assert [tokyo.start_of(number) for number in (1, 2, 3)] == [LATE, LATE + days(1), None]
    assert [nowhere.start_of(number) for number in (3, 4)] == [LATE + days(2), None]
    start = tokyo.start_on(on("2026-12-02"))
    assert isinstance(start, datetime)
    assert start.tzinfo is UTC
    item = ScheduleItem(start=LATE, end=LATE + HOUR, zone="Asia/Tokyo", recurrence=pattern)
    assert not series.is_restricted(item, customized=0, policy=Policy(most_occurrences=2))
    odd = SeriesException(LATE + days(2), deleted=True)
    assert occurrences.admitted(item, was=item, after=replace(item, exceptions=(odd,))).exceptions == ()


@pytest.mark.rule("ID-1")
@pytest.mark.parametrize(("apart", "expected"), [(timedelta(hours=2), True), (timedelta(hours=2, seconds=1), False)])
def test_id_1_two_tables_of_zones_may_differ_by_two_hours(apart: timedelta, expected: bool):
    """Either way; of two days, by nothing."""
    assert are_one(START, START + apart) is expected
    assert are_one(START + apart, START) is expected
    assert not are_one(on("2026-12-01"), on("2026-12-02"))


def test_an_exception_has_an_original_start():
    """Else nobody would know which it is."""
    with pytest.raises(ValueError, match=r"^an exception has an original start$"):
        planned(an_exception(2, original_start=None))
