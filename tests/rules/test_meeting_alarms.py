"""Alarms of meetings, both ways and each his own (ALM-1, ALM-2, ALM-5, ALM-7, ALM-8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from handlers.alarms import followed, paired
from schemas import options
from schemas.copies import Attendee, Role, Shape
from schemas.edits import UNSET
from schemas.items import Recurrence, Response, ScheduleItem
from schemas.options import Level
from schemas.wire import read_changes
from tests.support.mirror import DEFAULT_REMINDER, Bank, a_bank, a_bank_of_the_crm
from tests.support.world import END, NOW, START, World, a_meeting, a_user, a_world, agreed, copy_of, days, invited, on

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
OFF = a_world(ANNA, BOB, CORA)
WORLD = OFF.with_options(alarms=True)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB], reminder=15)
A, B, C = "anna@bank.example", "bob@bank.example", "cora@bank.example"
ITEM = ScheduleItem(subject="Call", start=START, end=END, owner="u-anna", assign_to=("u-anna", "u-bob"))


def the_bank(world: World = WORLD, **about) -> Bank:
    """Anna's meeting with Bob, in peace; Bob is reminded 30 minutes before."""
    meeting = replace(MEETING, **about)
    return a_bank(world, meeting, copy_of(meeting, BOB, reminder=30))


def alarms(bank: Bank) -> dict[str, tuple[int, ...]]:
    """What the CRM holds."""
    assert bank.crm is not None
    return dict(bank.crm.alarms)


def with_alarm(bank: Bank, user: str, *minutes: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The CRM's alarms with another of one user."""
    return tuple(sorted((alarms(bank) | {user: minutes}).items()))


@pytest.mark.rule("ALM-1", "ALM-2", "ALM-8")
def test_alm_2_everybodys_reminder_comes_in_from_his_own_copy():
    """Though Bob's copy does not count."""
    assert alarms(the_bank()) == {"u-anna": (15,), "u-bob": (30,)}
    assert alarms(the_bank(reminder=None)) == {"u-bob": (30,)}, "what nobody stated and Exchange has not is not known"


@pytest.mark.rule("ALM-2", "OPT-5")
def test_alm_2_the_reminder_of_somebody_who_was_taken_out_is_nobodys_alarm():
    """Bob keeps the cancelled copy, and changes its reminder; what else there is to be told is."""
    bank = the_bank()
    bank.in_outlook(A, attendees=())
    bank.in_outlook(B, is_cancelled=True)
    bank.until_quiet()
    before = alarms(bank)
    bank.in_outlook(B, reminder=5)
    bank.in_outlook(A, subject="Budget")
    bank.hint(B)
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.assign_to, bank.crm.subject, alarms(bank)) == (("u-anna",), "Budget", before)
    assert 5 not in before.get("u-bob", ())


@pytest.mark.rule("ALM-1")
@pytest.mark.scenario("S17b")
@pytest.mark.parametrize(("minutes", "told"), [(0, (0,)), (None, ()), (10080, (10080,)), (20, (20,))])
def test_s17b_a_change_in_outlook_comes_in_and_none_is_not_zero(minutes, told):
    """Of the one who changed it, through his own copy."""
    bank = the_bank()
    bank.in_outlook(B, reminder=minutes)
    bank.until_quiet()
    assert alarms(bank) == {"u-anna": (15,), "u-bob": told}
    assert [command.changed for command in bank.commands] == [("alarms",)]
    [consulted] = bank.reports[0].options
    assert (consulted.key, consulted.user, consulted.effect) == (
        options.MEETING_ALARMS,
        "u-bob",
        ("alarms:u-bob",),
    )
    assert bank.writes == []


@pytest.mark.rule("ALM-1", "ALM-2")
@pytest.mark.scenario("S17b", "S17e")
@pytest.mark.parametrize(("minutes", "reminder"), [((0,), 0), ((), None), ((10080,), 10080), ((5, 45), 5)])
def test_s17b_a_change_in_the_crm_goes_out_to_the_one_copy(minutes, reminder):
    """And to no other person's."""
    bank = the_bank()
    bank.in_crm(alarms=with_alarm(bank, "u-bob", *minutes))
    bank.until_quiet()
    assert (bank.copy_in(A).reminder, bank.copy_in(B).reminder) == (15, reminder)
    [write] = bank.writes
    assert (write.mailbox, write.fields, write.named, write.needs_copy) == (B, (), ("alarm",), False)
    assert bank.commands == []


@pytest.mark.rule("ALM-2", "INV-7")
def test_alm_2_the_organizer_whom_the_crm_took_out_of_assign_to_still_takes_part():
    """Her alarm comes in and goes out as before."""
    bank = the_bank()
    bank.in_crm(assign_to=("u-bob",))
    bank.in_outlook(A, reminder=None)
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == ()
    bank.in_crm(alarms=with_alarm(bank, "u-anna", 5))
    bank.until_quiet()
    assert bank.copy_in(A).reminder == 5


@pytest.mark.rule("ALM-5")
@pytest.mark.scenario("S17a")
@pytest.mark.parametrize("reminder", [None, 0, 15, 10080])
def test_s17a_a_change_of_another_field_never_touches_the_reminder(reminder):
    """It is not in the request."""
    bank = the_bank(reminder=reminder)
    bank.in_crm(subject="Budget", start=START + days(1), end=END + days(1))
    bank.until_quiet()
    assert all(write.reminder is UNSET for write in bank.writes)
    assert bank.copy_in(A).reminder == reminder


@pytest.mark.rule("ALM-5")
@pytest.mark.scenario("S17c")
def test_s17c_of_several_alarms_the_nearest_is_paired_and_the_others_stay_in_the_crm():
    """A change in Exchange replaces that one; removed there, no other goes out until a CRM user changes them."""
    bank = the_bank()
    bank.in_crm(alarms=with_alarm(bank, "u-anna", 10, 60, 120))
    bank.until_quiet()
    assert bank.copy_in(A).reminder == 10
    bank.in_outlook(A, reminder=20)
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == (20, 60, 120)
    bank.in_outlook(A, reminder=None)
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == (60, 120)
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert bank.copy_in(A).reminder is None, "a CRM user changed something else"
    bank.in_crm(alarms=with_alarm(bank, "u-anna", 60, 180))
    bank.until_quiet()
    assert bank.copy_in(A).reminder == 60


@pytest.mark.rule("ALM-5")
def test_alm_5_an_alarm_farther_away_than_the_paired_one_is_not_written():
    """The copy has the nearest already."""
    bank = the_bank()
    bank.in_crm(alarms=with_alarm(bank, "u-anna", 15, 60))
    bank.until_quiet()
    assert (bank.writes, alarms(bank)["u-anna"]) == ([], (15, 60))


@pytest.mark.rule("ALM-7")
@pytest.mark.scenario("S17d")
@pytest.mark.parametrize(
    "about",
    [
        {"start": NOW - days(1), "end": NOW - days(1) + timedelta(hours=1)},
        {"start": on("2026-11-20"), "end": on("2026-11-23"), "all_day": True},
    ],
)
def test_s17d_nothing_past_gets_a_reminder(about):
    """The CRM keeps what it said."""
    bank = the_bank(**about)
    bank.in_crm(alarms=with_alarm(bank, "u-anna", 5))
    bank.until_quiet()
    assert (bank.writes, bank.copy_in(A).reminder) == ([], 15)
    assert alarms(bank)["u-anna"] == (5,)


@pytest.mark.rule("ALM-7")
@pytest.mark.scenario("S17d")
def test_s17d_nor_does_anything_completed_or_cancelled():
    """An item that is still running does."""
    for status in ("completed", "cancelled"):
        bank = the_bank()
        bank.in_crm(alarms=with_alarm(bank, "u-anna", 5), status=status)
        bank.until_quiet()
        assert all(write.reminder is UNSET for write in bank.writes)
    running = the_bank(start=NOW - days(1), end=NOW + days(1))
    running.in_crm(alarms=with_alarm(running, "u-anna", 5))
    running.until_quiet()
    assert running.copy_in(A).reminder == 5


@pytest.mark.rule("ALM-8")
def test_alm_8_a_dismissed_reminder_is_not_a_removed_one():
    """It turned false after it had signalled. Before that, somebody switched it off."""
    bank = the_bank()
    bank.world = replace(bank.world, now=START - timedelta(minutes=16))
    bank.in_outlook(A, reminder=None)
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == (), "still to come: switched off"
    bank = the_bank()
    bank.world = replace(bank.world, now=START - timedelta(minutes=15))
    bank.in_outlook(A, reminder=None)
    bank.until_quiet()
    assert (alarms(bank)["u-anna"], bank.commands, bank.reports) == ((15,), [], [])


@pytest.mark.rule("ALM-8", "ALM-5")
def test_alm_8_moved_after_it_was_dismissed_the_alarm_stays_in_the_crm():
    """That the reminder is off is not taken for somebody's wish later either."""
    bank = the_bank()
    bank.world = replace(bank.world, now=START)
    bank.in_outlook(A, reminder=None)
    bank.until_quiet()
    bank.in_outlook(A, start=START + days(7), end=END + days(7))
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == (15,)
    bank.in_outlook(A, reminder=15)
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == (15,), "Outlook set it again when it was moved"


@pytest.mark.rule("ALM-8")
@pytest.mark.parametrize(("zone", "hour", "kept"), [("Pacific/Pago_Pago", 10, ()), ("Pacific/Kiritimati", 11, (0,))])
def test_alm_8_an_all_day_item_signals_at_midnight_of_its_own_zone(zone, hour, kept):
    """Whatever the machine's is."""
    now = datetime.combine(on("2026-11-30"), START.timetz()).replace(hour=hour)
    bank = the_bank(start=on("2026-12-01"), end=on("2026-12-02"), all_day=True, zone=zone, reminder=0)
    bank.world = replace(bank.world, now=now)
    bank.in_outlook(A, reminder=None)
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == kept


@pytest.mark.rule("ALM-8", "ALM-1")
def test_alm_8_in_a_create_only_what_the_crm_states_and_the_servers_own_comes_in():
    """Anna wants none, Bob's is not known, Cora is reminded at the start."""
    item = replace(ITEM, assign_to=("u-anna", "u-bob", "u-cora"), alarms=(("u-anna", ()), ("u-cora", (0, 10))))
    bank = a_bank_of_the_crm(WORLD, item)
    assert {write.mailbox: write.reminder for write in bank.writes} == {A: None, B: UNSET, C: 0}
    bank.until_quiet()
    assert alarms(bank) == {"u-anna": (), "u-bob": (DEFAULT_REMINDER,), "u-cora": (0, 10)}
    assert [command.changed for command in bank.commands] == [("alarms",)]


@pytest.mark.rule("ALM-7", "ALM-8")
def test_alm_7_a_past_item_of_the_crm_is_created_without_a_reminder():
    """Or the server would give it one of its own, which goes off at once."""
    past = replace(ITEM, start=NOW - days(2), end=NOW - days(1), alarms=(("u-anna", (5,)), ("u-bob", ())))
    bank = a_bank_of_the_crm(WORLD, past)
    bank.until_quiet()
    assert [write.reminder for write in bank.writes] == [None, None]
    assert alarms(bank) == {"u-anna": (5,), "u-bob": ()}


@pytest.mark.rule("ALM-1", "OPT-3", "OPT-4")
def test_with_the_option_off_the_alarm_is_neither_read_nor_written_nor_cleared():
    """On either side."""
    bank = the_bank(OFF)
    assert alarms(bank) == {}
    bank.in_outlook(A, reminder=20)
    bank.in_crm(alarms=(("u-anna", (5,)), ("u-bob", ())))
    bank.until_quiet()
    assert (bank.copy_in(A).reminder, bank.copy_in(B).reminder) == (20, 30)
    assert alarms(bank) == {"u-anna": (5,), "u-bob": ()}
    assert bank.commands == []
    created = a_bank_of_the_crm(OFF, replace(ITEM, alarms=(("u-anna", (5,)),)))
    assert all(write.reminder is UNSET for write in created.writes)


@pytest.mark.rule("OPT-3")
def test_opt_3_switching_alarms_on_moves_nothing_by_itself():
    """The next change does."""
    bank = the_bank(OFF)
    bank.in_outlook(A, reminder=20)
    bank.until_quiet()
    bank.world = WORLD
    bank.hint(A)
    bank.hint(B)
    assert bank.commands == []
    bank.in_outlook(A, reminder=25)
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == (25,)


@pytest.mark.rule("OPT-3", "ALM-8")
def test_opt_3_with_the_option_on_an_alarm_of_whom_the_crm_states_none_comes_in_with_the_next_change():
    """In his own copy; nobody need touch the alarm itself."""
    bank = the_bank(OFF)
    bank.world = WORLD
    bank.in_outlook(A, subject="Budget")
    bank.until_quiet()
    assert alarms(bank) == {"u-anna": (15,)}


@pytest.mark.rule("ALM-4", "ALM-5", "OPT-3")
def test_alm_5_an_alarm_of_one_occurrence_brings_no_other_of_the_series_along():
    """That is as it was on both sides, which are not the same: changed in the CRM while the option was off."""
    weekly = replace(MEETING, recurrence=Recurrence("weekly", weekdays=("TU",)), shape=Shape.MASTER)
    bank = a_bank(OFF.with_policy(series_alarms_always=True), weekly)
    bank.in_crm(alarms=(("u-anna", (5,)),))
    bank.until_quiet()
    bank.world = bank.world.with_options(alarms=True)
    second = {"original_start": START + days(7), "start": START + days(7), "end": END + days(7)}
    single = replace(weekly, recurrence=None, shape=Shape.EXCEPTION, reminder=0, **second)
    bank.in_outlook(A, exceptions=(single,))
    bank.until_quiet()
    assert bank.crm is not None
    assert alarms(bank) == {"u-anna": (5,)}
    [exception] = bank.crm.exceptions
    assert read_changes(exception) == {"alarms": (("u-anna", (0,)),)}


@pytest.mark.rule("OPT-4", "OPT-5")
def test_opt_4_the_alarm_is_gated_by_the_option_of_the_one_whose_copy_it_is():
    """Bob has it off, Anna on."""
    bank = the_bank(WORLD.with_options("user:u-bob", alarms=False))
    assert alarms(bank) == {"u-anna": (15,)}
    bank.in_crm(alarms=(("u-anna", (5,)), ("u-bob", (5,))))
    bank.until_quiet()
    assert (bank.copy_in(A).reminder, bank.copy_in(B).reminder) == (5, 30)
    used = {(each.user, each.value, each.level, each.effect) for each in bank.reports[0].options}
    assert used == {
        ("u-anna", True, Level.SYSTEM, ("alarms:u-anna",)),
        ("u-bob", False, Level.USER, ()),
    }


@pytest.mark.rule("ALM-2", "ID-6")
def test_alm_2_in_a_strangers_meeting_everybodys_alarm_is_still_his():
    """Both ways."""
    strangers = a_meeting(organizer="boss@else.example", attendees=[BOB], reminder=15)
    bank = a_bank(WORLD, copy_of(strangers, BOB, response=Response.ACCEPTED))
    assert alarms(bank) == {"u-bob": (15,)}
    bank.in_crm(alarms=(("u-bob", (5,)),))
    bank.until_quiet()
    assert bank.copy_in(B).reminder == 5


@pytest.mark.rule("ALM-5")
@pytest.mark.parametrize(
    ("minutes", "was", "now", "kept"),
    [
        ((), None, 15, (15,)),
        ((15,), 15, None, ()),
        ((5, 15), 15, 20, (5, 20)),
        ((5, 15), 15, 5, (5,)),
        ((5,), None, None, (5,)),
        ((0,), 0, None, ()),
        ((5,), 15, None, (5,)),
    ],
)
def test_alm_5_only_the_paired_alarm_follows_exchange(minutes, was, now, kept):
    """The others stay as they are."""
    assert followed(minutes, was=was, now=now) == kept
    assert paired(kept) == min(kept, default=None)


@pytest.mark.rule("ALM-2", "ID-4")
def test_alm_2_an_alarm_seen_before_anybody_accepted_comes_in_with_the_item():
    """Whoever's hint comes first: a skipped hint must not cost its user his alarm."""
    xaver = Attendee(Role.REQUIRED, "Xaver Xu", "xaver@else.example")
    of_bob = replace(MEETING, organizer=xaver, mailbox=B, reminder=30, attendees=(invited(BOB), invited(CORA)))
    of_cora = replace(of_bob, mailbox=C, item_id="item-cora", reminder=5, my_response=Response.ACCEPTED)
    skipped = WORLD.decided(of_bob)
    assert skipped.link.agreed is None

    plan = WORLD.decided(of_cora, link=skipped.link, others=[of_bob])

    assert dict(agreed(plan).alarms) == {"u-bob": (30,), "u-cora": (5,)}


@pytest.mark.rule("ALM-5", "CON-1")
@pytest.mark.parametrize("hint_comes_first", [True, False])
def test_alm_5_the_crms_other_alarms_and_exchanges_paired_one_are_two_changes(hint_comes_first: bool):
    """Whichever is heard first: the CRM added one farther away while Anna moved the nearest; neither is lost."""
    bank = the_bank()
    bank.in_crm(alarms=with_alarm(bank, "u-anna", 15, 120))
    bank.in_outlook(A, reminder=5)
    if hint_comes_first:
        bank.hint(A)
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == (5, 120)
    assert bank.copy_in(A).reminder == 5


@pytest.mark.rule("ALM-5", "CON-2")
def test_con_2_a_paired_alarm_that_both_sides_changed_is_the_crms():
    """By its policy; the one that Exchange had meanwhile is gone."""
    bank = the_bank()
    bank.in_crm(alarms=with_alarm(bank, "u-anna", 10, 120))
    bank.in_outlook(A, reminder=5)
    bank.hint(A)
    bank.until_quiet()
    assert alarms(bank)["u-anna"] == (10, 120)
    assert bank.copy_in(A).reminder == 10
