"""To whom an alarm of a meeting is told when the CRM speaks, to the letter (ALM-1..5, ALM-7, OPT-5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers import outbound
from handlers.crm_changes import CrmChange
from handlers.links import Link
from handlers.options import Consulted
from handlers.plans import Plan
from schemas.copies import Shape
from schemas.edits import UNSET
from schemas.items import Recurrence, ScheduleItem, SeriesException
from schemas.options import Level
from tests.rules.test_outbound_plans import ANNA, BOB, CORA, ITEM, PEACE, WORLD, A, B, C, with_copy
from tests.support.mirror import a_bank
from tests.support.world import NOW, START, World, a_meeting, days

ON = WORLD.with_options(alarms=True)


def alarms(**minutes: tuple[int, ...]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Everybody's alarms."""
    return tuple((f"u-{name}", own) for name, own in sorted(minutes.items()))


def a_link(was: tuple[tuple[str, tuple[int, ...]], ...] = (), **about: Any) -> Link:
    """Anna's meeting with Bob, with these alarms, which their copies have."""
    item = replace(ITEM, alarms=was, **about)
    link = replace(PEACE, agreed=item, exchange=item, crm=item)
    for user, own in was:
        link = with_copy(link, {"u-anna": ANNA, "u-bob": BOB}[user], reminder=min(own, default=None))
    return link


def after(link: Link, *, world: World = ON, **changes: Any) -> Plan:
    """What comes of a CRM user's edit."""
    assert link.crm is not None
    event = CrmChange("si-1", 6, revision=3, after=replace(link.crm, **changes))
    return outbound.decide(link, event, around=world.around)


def reminders(plan: Plan) -> dict[str, object]:
    """Which reminders are written, by mailbox."""
    return {each.mailbox: each.reminder for each in plan.effects if each.reminder is not UNSET}


def asked(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    """Whose option was consulted, and what came of it."""
    assert plan.report is not None
    return [(each.user, each.effect) for each in plan.report.options if each.key == "meeting_alarms"]


@pytest.mark.rule("ALM-1", "ALM-2", "ALM-5", "OPT-5")
@pytest.mark.parametrize(
    ("was", "now", "written"),
    [
        ({}, {"anna": (15,)}, {A: 15}),
        ({"anna": (15,)}, {"anna": (15,)}, {}),
        ({"anna": (15,)}, {"anna": (30, 5)}, {A: 5}),
        ({"anna": (15,)}, {"anna": (30, 15)}, {}),
        ({"anna": (15,)}, {"anna": ()}, {A: None}),
        ({"anna": (15,), "bob": (5,)}, {"anna": (15,), "bob": (10,)}, {B: 10}),
        ({"anna": (15,), "bob": (5,)}, {"anna": (10,), "bob": (10,)}, {A: 10, B: 10}),
        ({"anna": (15,)}, {}, {}),
        ({}, {"cora": (15,)}, {}),
    ],
)
def test_alm_2_whose_alarm_the_crm_changed_has_it_in_his_copy(
    was: dict[str, tuple[int, ...]], now: dict[str, tuple[int, ...]], written: dict[str, object]
):
    """The nearest of several; nobody else's option is asked, nor where it is there already."""
    plan = after(a_link(alarms(**was)), alarms=alarms(**now), subject="x")
    assert reminders(plan) == written
    users = {A: "u-anna", B: "u-bob"}
    assert asked(plan) == [(users[mailbox], (f"alarms:{users[mailbox]}",)) for mailbox in written]


@pytest.mark.rule("ALM-1", "OPT-5")
def test_alm_1_with_the_option_off_nothing_is_written_and_that_it_was_asked_is_said():
    """For each user by himself."""
    world = WORLD.with_options("user:u-bob", alarms=True)
    plan = after(a_link(), world=world, alarms=alarms(anna=(15,), bob=(15,)))
    assert reminders(plan) == {B: 15}
    assert plan.report is not None
    assert plan.report.options == (
        Consulted("meeting_alarms", "u-anna", value=False, level=Level.DEFAULT),
        Consulted("meeting_alarms", "u-bob", value=True, level=Level.USER, effect=("alarms:u-bob",)),
    )


@pytest.mark.rule("ALM-3", "ALM-8")
def test_alm_3_a_new_copy_has_its_users_alarm_from_the_start():
    """Whoever's is not known has what the server gives; one that goes is not asked for."""
    people = ("u-anna", "u-cora")
    plan = after(a_link(alarms(anna=(15,))), assign_to=people, alarms=alarms(anna=(15,), cora=()))
    assert reminders(plan) == {C: None}
    assert asked(plan) == [("u-cora", ("alarms:u-cora",))]
    unknown = after(a_link(), assign_to=people)
    assert (reminders(unknown), asked(unknown)) == ({}, [])
    removed = after(a_link(alarms(anna=(15,), bob=(15,))), assign_to=("u-anna",), alarms=alarms(anna=(15,), bob=(5,)))
    assert (reminders(removed), asked(removed)) == ({}, [])


@pytest.mark.rule("ALM-7")
@pytest.mark.parametrize("over", [{"status": "completed"}, {"start": NOW - days(2), "end": NOW - days(1)}])
def test_alm_7_of_what_is_over_nobody_is_reminded(over: dict[str, Any]):
    """A new copy is made without, lest the server give it one."""
    link = a_link(alarms(anna=(15,)), **over)
    plan = after(link, assign_to=("u-anna", "u-bob", "u-cora"), alarms=alarms(anna=(5,), cora=(5,)))
    assert reminders(plan) == {C: None}
    assert asked(plan) == [("u-cora", ("alarms:u-cora",))]
    gone = after(link, assign_to=("u-anna",), subject="x")
    assert (reminders(gone), asked(gone)) == ({}, [])


SERIES: dict[str, Any] = {"recurrence": Recurrence("daily")}


@pytest.mark.rule("ALM-3")
@pytest.mark.parametrize(
    ("always", "about", "written"),
    [
        (True, SERIES, {A: 5, C: 5}),
        (False, SERIES, {C: 5}),
        (False, {}, {A: 5, C: 5}),
    ],
)
def test_alm_3_an_alarm_of_a_series_is_told_when_it_is_made_or_always(
    always: bool, about: dict[str, Any], written: dict[str, object]
):
    """By the settings; that of a single item always."""
    world = ON.with_policy(series_alarms_always=always)
    link = a_link(alarms(anna=(15,)), **about)
    plan = after(link, world=world, assign_to=("u-anna", "u-bob", "u-cora"), alarms=alarms(anna=(5,), cora=(5,)))
    assert reminders(plan) == written


def an_exception(**minutes: int) -> SeriesException:
    """The second occurrence, with alarms of its own."""
    told = ",".join(f'"u-{name}":[{each}]' for name, each in sorted(minutes.items()))
    return SeriesException(START + days(1), changes=(("alarms", f"{{{told}}}"),))


@pytest.mark.rule("ALM-4", "REC-3")
def test_alm_4_an_alarm_of_one_occurrence_is_written_to_that_one_alone():
    """In its user's copy; what is the series' again goes back to it."""
    link = a_link(alarms(anna=(15,), bob=(10,)), **SERIES)
    plan = after(link, exceptions=(an_exception(anna=5),))
    assert [(each.mailbox, each.occurrence, each.index, each.reminder) for each in plan.effects] == [
        (A, START + days(1), 2, 5)
    ]
    assert asked(plan) == [("u-anna", ("alarms:u-anna",))]
    item = replace(link.agreed or ScheduleItem(), exceptions=(an_exception(anna=5, bob=1),))
    held = replace(link, agreed=item, exchange=item, crm=item)
    both = after(held, exceptions=(an_exception(anna=5),), alarms=alarms(anna=(15,), bob=(20,)))
    assert [(each.mailbox, each.occurrence, each.reminder) for each in both.effects] == [
        (B, None, 20),
        (B, START + days(1), 20),
    ]
    off = after(link, world=WORLD, exceptions=(an_exception(anna=5),))
    assert off.effects == ()
    assert asked(off) == [("u-anna", ())]
    both_users = after(link, exceptions=(an_exception(anna=5, bob=1),))
    assert [(each.mailbox, each.reminder) for each in both_users.effects] == [(A, 5), (B, 1)]


def test_alarms_are_of_those_who_have_a_copy_or_get_one():
    """Nobody else is asked."""
    plan = after(a_link(), world=ON.knowing(CORA), alarms=alarms(anna=(5,), cora=(5,), eve=(5,)))
    assert reminders(plan) == {A: 5}


@pytest.mark.rule("ALM-8")
@pytest.mark.parametrize(
    ("about", "reminder", "kept"),
    [
        ({"start": NOW - days(7), "end": NOW - days(6)}, 15, True),
        ({"start": NOW + days(7), "end": NOW + days(8)}, 15, False),
        ({"start": NOW - days(7), "end": NOW - days(6), "shape": Shape.MASTER, **SERIES}, 15, False),
        ({"start": NOW + days(7), "end": NOW + days(8)}, 2_000_000_000, True),
    ],
    ids=["it rang", "it will ring", "a series rings again", "it rang before there were calendars"],
)
def test_alm_8_a_reminder_that_is_gone_was_dismissed_if_it_rang(about: dict[str, Any], reminder: int, kept: bool):
    """Else somebody took it out."""
    bank = a_bank(ON, a_meeting(organizer=ANNA, attendees=[BOB], reminder=reminder, **about))
    bank.in_outlook(A, reminder=None)
    bank.until_quiet()
    assert bank.crm is not None
    assert dict(bank.crm.alarms)["u-anna"] == ((reminder,) if kept else ())
