"""Series that people make and change in Outlook, as the CRM is told of them (REC-1..5, ALM-1, ALM-3, ALM-4, ID-1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers import outbound
from handlers.crm_changes import CrmChange
from handlers.links import Link
from handlers.merging import merge_exceptions
from handlers.plans import Upsert
from schemas.copies import Copy, Shape
from schemas.edits import UNSET
from schemas.items import Recurrence, ScheduleItem, SeriesException
from schemas.outcomes import Decision, Reason
from schemas.wire import changes_of, read_changes
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm, forgetting
from tests.support.world import (
    END,
    START,
    World,
    a_contact,
    a_link,
    a_meeting,
    a_user,
    a_world,
    copy_of,
    days,
    invited,
)

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
CARLA = a_contact("c-carla")
WORLD = a_world(ANNA, BOB, CORA, CARLA).with_options(alarms=True, matching=True)
A, B, C = "anna@bank.example", "bob@bank.example", "cora@bank.example"
WEEKLY = Recurrence("weekly", weekdays=("TU",), end="after", count=10)
ENDLESS = Recurrence("weekly", weekdays=("TU",))
ITEM = ScheduleItem(
    subject="Review",
    start=START,
    end=END,
    zone="Europe/Berlin",
    owner="u-anna",
    assign_to=("u-anna", "u-bob"),
    recurrence=WEEKLY,
)
SERIES = a_meeting(organizer=ANNA, attendees=[BOB], reminder=15, shape=Shape.MASTER, recurrence=WEEKLY)


def at(week: int) -> datetime:
    """When the series has an occurrence, counted from 1."""
    return START + timedelta(weeks=week - 1)


def an_exception(week: int, *, of: Copy = SERIES, **about: Any) -> Copy:
    """An occurrence that was changed."""
    known: dict[str, Any] = {
        "item_id": f"{of.item_id}-{week}",
        "shape": Shape.EXCEPTION,
        "recurrence": None,
        "exceptions": (),
        "deleted_starts": (),
        "original_start": at(week),
        "start": at(week),
        "end": at(week) + (END - START),
    }
    return replace(of, **(known | about))


def the_bank(world: World = WORLD, **about: Any) -> Bank:
    """Anna's weekly meeting with Bob, in peace; Bob is reminded 30 minutes before."""
    series = replace(SERIES, **about)
    return a_bank(world, series, copy_of(replace(series, exceptions=()), BOB, reminder=30))


def an_edit(week: int, **changes: Any) -> SeriesException:
    """What the CRM says of one occurrence."""
    item = replace(ScheduleItem(), **changes)
    return SeriesException(at(week), changes=changes_of(item, changes))


def gone(week: int) -> SeriesException:
    """An occurrence that the CRM deleted."""
    return SeriesException(at(week), deleted=True)


def exceptions(bank: Bank) -> dict[datetime, dict[str, Any] | str]:
    """What the CRM holds of single occurrences, by their original start."""
    assert bank.crm is not None
    return {each.original_start: "deleted" if each.deleted else read_changes(each) for each in bank.crm.exceptions}


@pytest.mark.rule("REC-1", "ALM-1", "ALM-3")
def test_rec_1_a_series_comes_in_with_its_pattern_and_everybodys_alarm():
    """As one item."""
    bank = the_bank()
    assert bank.crm is not None
    assert (bank.crm.recurrence, bank.crm.start, bank.crm.exceptions) == (WEEKLY, START, ())
    assert bank.crm.alarms == (("u-anna", (15,)), ("u-bob", (30,)))
    bank.in_outlook(A, reminder=5)
    bank.until_quiet()
    assert dict(bank.crm.alarms)["u-anna"] == (5,), "not only when it is made (ALM-3)"
    assert bank.writes == []


@pytest.mark.rule("REC-1")
@pytest.mark.parametrize("pattern", [Recurrence("daily"), replace(WEEKLY, count=12), None])
def test_rec_1_another_pattern_in_outlook_is_the_crms(pattern):
    """Or none any more."""
    bank = the_bank()
    shape = Shape.MASTER if pattern else Shape.SINGLE
    bank.in_outlook(A, recurrence=pattern, shape=shape)
    bank.until_quiet()
    assert bank.crm is not None
    assert bank.crm.recurrence == pattern
    assert [command.changed for command in bank.commands] == [("recurrence",)]


@pytest.mark.rule("REC-1", "CON-4")
def test_rec_1_the_crms_pattern_in_exchanges_words_is_the_crms_still():
    """By the days of the series' zone: it is Tuesday in London when it is Wednesday in Berlin."""
    late = datetime(2026, 12, 1, 23, 30, tzinfo=UTC)
    weekly, in_full = Recurrence("weekly"), Recurrence("weekly", weekdays=("WE",))
    item = replace(ITEM, recurrence=weekly, start=late, end=late + (END - START))
    bank = a_bank_of_the_crm(WORLD, item, rewrite=lambda copy: replace(copy, recurrence=in_full))
    bank.in_outlook(A, subject="Later")
    forgetting(bank).until_quiet()
    assert bank.crm == replace(bank.crm, subject="Later", recurrence=weekly)
    assert not [command for command in bank.commands if "recurrence" in command.changed]


@pytest.mark.rule("REC-2", "REC-4", "ID-1")
@pytest.mark.scenario("S04a")
def test_s04a_the_crm_gets_exactly_the_differences_of_single_occurrences():
    """The fourth was moved by two days, the sixth deleted, the eighth got another title."""
    bank = the_bank()
    moved = an_exception(4, start=at(4) + days(2), end=at(4) + days(2) + (END - START))
    retitled = an_exception(8, subject="Review with the auditor")
    bank.in_outlook(A, exceptions=(moved, retitled), deleted_starts=(at(6),))
    bank.until_quiet()
    assert exceptions(bank) == {
        at(4): {"start": moved.start, "end": moved.end},
        at(6): "deleted",
        at(8): {"subject": "Review with the auditor"},
    }
    assert [command.changed for command in bank.commands] == [("exceptions",)]
    assert bank.writes == []


@pytest.mark.rule("REC-3", "ID-1")
def test_rec_3_an_exception_is_known_by_its_original_start_wherever_it_stands_among_others():
    """The third becomes one in Outlook while the fifth does in the CRM: neither is taken for the other."""
    bank = the_bank()
    bank.in_crm(exceptions=(an_edit(5, location="Room 5"),))
    bank.in_outlook(A, exceptions=(an_exception(3, location="Room 3"),))
    bank.hint(A)
    bank.until_quiet()
    rooms = {at(week): f"Room {week}" for week in (3, 5)}
    assert exceptions(bank) == {start: {"location": room} for start, room in rooms.items()}
    assert {each.original_start: each.location for each in bank.copy_in(A).exceptions} == rooms


@pytest.mark.rule("REC-4")
def test_rec_4_an_exception_that_is_taken_back_is_gone_in_the_crm():
    """And a deleted one stays deleted."""
    bank = the_bank(exceptions=(an_exception(2, location="Room 5"),), deleted_starts=(at(3),))
    assert set(exceptions(bank)) == {at(2), at(3)}
    bank.in_outlook(A, exceptions=())
    bank.until_quiet()
    assert exceptions(bank) == {at(3): "deleted"}


@pytest.mark.rule("REC-3")
def test_rec_3_a_change_of_the_series_leaves_customized_fields_alone():
    """Even where the series comes to have the same value, and changes again."""
    bank = the_bank(exceptions=(an_exception(3, location="Room 5"),))
    for room in ("Room 5", "Room 6"):
        bank.in_outlook(A, location=room, exceptions=(an_exception(3, location="Room 5"),))
        bank.until_quiet()
        assert bank.crm is not None
        assert (bank.crm.location, exceptions(bank)) == (room, {at(3): {"location": "Room 5"}})


@pytest.mark.rule("REC-3")
def test_rec_3_what_was_set_back_to_the_series_value_is_customized_no_more():
    """By hand, in the exception."""
    bank = the_bank(exceptions=(an_exception(3, location="Room 5", subject="Special"),))
    bank.in_outlook(A, exceptions=(an_exception(3, subject="Special"),))
    bank.until_quiet()
    assert exceptions(bank) == {at(3): {"subject": "Special"}}


@pytest.mark.rule("REC-3", "FOR-1")
def test_rec_3_a_guest_of_one_occurrence_is_in_that_exception():
    """A user in its Assign To, a contact in its For; neither in the series'."""
    bank = the_bank()
    guests = (*SERIES.attendees, invited(CORA), invited(CARLA))
    bank.in_outlook(A, exceptions=(an_exception(5, attendees=guests),))
    bank.until_quiet()
    changes = exceptions(bank)[at(5)]
    assert isinstance(changes, dict)
    assert changes["assign_to"] == ("u-anna", "u-bob", "u-cora")
    assert [entry.contact for entry in changes["for_"]] == ["c-carla"]
    assert bank.crm is not None
    assert (bank.crm.assign_to, bank.crm.for_) == (("u-anna", "u-bob"), ())


@pytest.mark.rule("ALM-4", "REC-3", "ALM-2")
def test_alm_4_an_occurrences_alarm_comes_in_from_whosever_copy_it_is():
    """Side by side in one exception; Bob's differs in his alarm alone."""
    bank = the_bank()
    bank.in_outlook(A, exceptions=(an_exception(2, reminder=0),))
    bank.in_outlook(B, exceptions=(an_exception(2, of=bank.copy_in(B), reminder=None),))
    bank.until_quiet()
    assert exceptions(bank) == {at(2): {"alarms": (("u-anna", (0,)), ("u-bob", ()))}}
    bank.in_outlook(A, exceptions=(an_exception(2),))
    bank.until_quiet()
    assert exceptions(bank) == {at(2): {"alarms": (("u-bob", ()),)}}
    assert bank.crm is not None
    assert bank.crm.alarms == (("u-anna", (15,)), ("u-bob", (30,)))


@pytest.mark.rule("ALM-4", "CON-6")
def test_alm_4_an_occurrences_alarm_is_told_along_with_what_else_changed():
    """In one command."""
    bank = forgetting(the_bank())
    bank.in_outlook(A, subject="Budget", exceptions=(an_exception(2, subject="Budget", reminder=0),))
    bank.hint(A)
    assert [command.changed for command in bank.commands if isinstance(command, Upsert)] == [("subject", "exceptions")]
    assert exceptions(bank) == {at(2): {"alarms": (("u-anna", (0,)),)}}


@pytest.mark.rule("ALM-4", "OPT-4")
def test_alm_4_with_the_option_off_no_occurrences_alarm_comes_in():
    """And its content does."""
    bank = the_bank(WORLD.with_options(alarms=False), exceptions=(an_exception(2, reminder=0, location="Room 5"),))
    assert exceptions(bank) == {at(2): {"location": "Room 5"}}


@pytest.mark.rule("REC-5")
@pytest.mark.scenario("S04f")
def test_s04f_about_an_exception_that_could_not_be_read_nothing_new_is_known():
    """What was known of it stays, and nothing is deleted."""
    bank = the_bank(exceptions=(an_exception(3, location="Room 5"),))
    bank.in_outlook(A, subject="Renamed", exceptions=(), unread=(at(3), at(4)))
    bank.until_quiet()
    assert exceptions(bank) == {at(3): {"location": "Room 5"}}
    assert bank.crm is not None
    assert bank.crm.subject == "Renamed"


@pytest.mark.rule("REC-5")
def test_rec_5_a_pattern_the_crm_has_no_word_for_keeps_the_item_out_and_says_so_once():
    """With a reason."""
    copy = replace(SERIES, recurrence=None, unheld="week_start")
    plan = WORLD.decided(copy)
    assert plan.command is None
    assert plan.report is not None
    assert plan.report.reason is Reason.PATTERN
    again = WORLD.decided(copy, link=plan.link)
    assert again.report is None


@pytest.mark.rule("OPS-4")
def test_ops_4_more_customized_occurrences_than_the_limit_keep_a_series_out():
    """Whether they were read or not."""
    world = WORLD.with_policy(most_exceptions=2)
    two = (an_exception(2, location="Room 5"), an_exception(3, location="Room 5"))
    assert world.decided(replace(SERIES, exceptions=two)).command is not None
    plan = world.decided(replace(SERIES, exceptions=two, unread=(at(9),)))
    assert plan.command is None
    assert plan.report is not None
    assert plan.report.reason is Reason.RESTRICTION


@pytest.mark.rule("OPS-4")
@pytest.mark.parametrize(
    ("pattern", "comes_in"), [(WEEKLY, True), (replace(WEEKLY, count=11), False), (ENDLESS, False)]
)
def test_ops_4_a_series_of_more_occurrences_than_the_limit_stays_out_either_way(pattern, comes_in):
    """One without an end has too many."""
    world = WORLD.with_policy(most_occurrences=10)
    assert (world.decided(replace(SERIES, recurrence=pattern)).command is not None) is comes_in
    assert bool(world.crm_creates(replace(ITEM, recurrence=pattern)).effects) is comes_in
    assert bool(world.crm_creates(replace(ITEM, exceptions=(gone(2), an_edit(3, location="Room 5")))).effects)
    few = world.with_policy(most_exceptions=0)
    assert bool(few.crm_creates(replace(ITEM, exceptions=(gone(2),))).effects), "a deleted one is not customized"
    assert not few.crm_creates(replace(ITEM, exceptions=(an_edit(3, location="Room 5"),))).effects


@pytest.mark.rule("ALM-3")
def test_alm_3_on_create_the_series_alarm_stays_as_it_was_made_on_either_side():
    """As in the source system; an occurrence's alarm comes in all the same (ALM-4)."""
    bank = the_bank(WORLD.with_policy(series_alarms_always=False))
    bank.in_outlook(A, reminder=5, exceptions=(an_exception(2, reminder=0),))
    bank.in_crm(alarms=(("u-anna", (15,)), ("u-bob", (60,))))
    bank.until_quiet()
    assert bank.crm is not None
    assert dict(bank.crm.alarms)["u-anna"] == (15,)
    assert exceptions(bank) == {at(2): {"alarms": (("u-anna", (0,)),)}}
    assert bank.copy_in(B).reminder == 30


@pytest.mark.rule("PRIV-2", "PRIV-4")
def test_priv_2_a_private_occurrence_of_several_shows_no_content():
    """Only when it is; with the option on it comes in whole."""
    exception = an_exception(3, subject="Her medical check", sensitivity="Private", start=at(3) + days(1))
    exception = replace(exception, end=exception.start + (END - START))
    when = {"start": exception.start, "end": exception.end}
    hidden = the_bank(WORLD.with_options(private_meetings=False), exceptions=(exception,))
    assert exceptions(hidden) == {at(3): when | {"restricted": True}}
    shown = the_bank(WORLD.with_options(private_meetings=True), exceptions=(exception,))
    assert exceptions(shown) == {at(3): when | {"restricted": True, "subject": "Her medical check"}}


@pytest.mark.rule("REC-3", "REC-4", "MAP-1")
def test_rec_3_the_crms_change_of_one_occurrence_goes_to_that_one_in_every_copy():
    """Only what changed; the series stays as it is."""
    bank = the_bank()
    bank.in_crm(
        exceptions=(
            an_edit(3, location="Room 5"),
            SeriesException(at(4), deleted=True),
            an_edit(5, start=at(5) + days(1), end=at(5) + days(1) + (END - START)),
        )
    )
    bank.until_quiet()
    for mailbox in (A, B):
        copy = bank.copy_in(mailbox)
        found = {each.original_start: (each.location, each.start, each.subject) for each in copy.exceptions}
        assert found == {at(3): ("Room 5", at(3), "Review"), at(5): ("", at(5) + days(1), "Review")}
        assert copy.deleted_starts == (at(4),)
        assert (copy.location, copy.recurrence) == ("", WEEKLY)
    assert {write.named for write in bank.writes} == {("exceptions",)}
    assert {write.index for write in bank.writes} == {3, 4, 5}
    assert bank.commands == []


@pytest.mark.rule("REC-3", "INV-6", "CON-1")
def test_rec_3_an_occurrence_changed_in_outlook_just_before_the_crms_edit_is_so_in_direct_copies_too():
    """The edit is the first to find it in the organizer's copy; no hint tells of it afterwards."""
    bank = the_bank()
    bank.in_crm(assign_to=("u-anna", "u-bob", "u-cora"))
    bank.until_quiet()
    bank.in_outlook(A, exceptions=(an_exception(3, location="Room 5"),))
    bank.in_crm(location="Room 4")
    bank.until_quiet()
    coras = bank.copy_in(C)
    assert bank.is_direct(coras)
    assert coras.location == "Room 4"
    assert [(each.original_start, each.location) for each in coras.exceptions] == [(at(3), "Room 5")]
    assert exceptions(bank)[at(3)]["location"] == "Room 5"
    bank.in_crm(exceptions=(*bank.crm.exceptions, an_edit(4, location="Room 6")))
    forgetting(bank).until_quiet()
    assert {(write.mailbox, write.index) for write in bank.writes} == {(A, 4), (B, 4), (C, 4)}, "and is not behind now"


@pytest.mark.rule("REC-3")
def test_rec_3_what_the_crm_takes_back_of_an_occurrence_is_the_series_value_again():
    """Field by field."""
    bank = the_bank()
    bank.in_crm(exceptions=(an_edit(3, location="Room 5", subject="Special"),))
    bank.until_quiet()
    bank.in_crm(exceptions=(an_edit(3, subject="Special"),))
    bank.until_quiet()
    [exception] = bank.copy_in(A).exceptions
    assert (exception.location, exception.subject) == ("", "Special")
    assert exceptions(bank) == {at(3): {"subject": "Special"}}


@pytest.mark.rule("REC-1", "INV-6", "ID-5")
def test_rec_1_a_series_made_in_the_crm_is_in_everybodys_calendar_with_its_exceptions():
    """The organizer's copy and the direct ones."""
    bank = a_bank_of_the_crm(WORLD, replace(ITEM, exceptions=(an_edit(2, location="Room 5"), gone(3))))
    bank.until_quiet()
    for mailbox in (A, B):
        copy = bank.copy_in(mailbox)
        assert (copy.recurrence, copy.start) == (WEEKLY, START)
        assert [(each.original_start, each.location) for each in copy.exceptions] == [(at(2), "Room 5")]
        assert copy.deleted_starts == (at(3),)
    assert all(set(command.changed) <= {"organizer", "responses", "alarms"} for command in bank.commands)


@pytest.mark.rule("REC-2", "REC-3")
@pytest.mark.scenario("S04b")
def test_s04b_a_series_moved_in_the_crm_keeps_its_exceptions_by_their_day():
    """What Exchange gives up with the old pattern is written anew; the CRM hears the new original starts."""
    bank = the_bank()
    bank.in_crm(exceptions=(an_edit(3, location="Room 5"), gone(4)))
    bank.until_quiet()
    hour = timedelta(hours=1)
    bank.in_crm(start=START + hour, end=END + hour)
    bank.until_quiet()
    for mailbox in (A, B):
        copy = bank.copy_in(mailbox)
        assert copy.start == START + hour
        assert [(each.original_start, each.location) for each in copy.exceptions] == [(at(3) + hour, "Room 5")]
        assert copy.deleted_starts == (at(4) + hour,)
    assert exceptions(bank) == {at(3) + hour: {"location": "Room 5"}, at(4) + hour: "deleted"}


@pytest.mark.rule("REC-2", "REC-3")
def test_rec_2_a_truncated_series_loses_the_exceptions_after_its_end():
    """And the one that follows has everybody's alarms, though the CRM did not state them."""
    bank = the_bank()
    bank.in_crm(exceptions=(an_edit(2, location="Room 5"), an_edit(8, location="Room 6")))
    bank.until_quiet()
    old = bank.crm
    assert old is not None
    bank.in_crm(recurrence=replace(WEEKLY, count=5))
    bank.until_quiet()
    assert exceptions(bank) == {at(2): {"location": "Room 5"}}
    change = CrmChange("si-2", 1, after=replace(ITEM, start=at(6), end=at(6) + (END - START)), split_of=old)
    plan = outbound.decide(Link(id="l-2", uid=None), change, around=WORLD.around)
    assert {effect.mailbox: effect.reminder for effect in plan.effects} == {A: 15, B: 30}


@pytest.mark.rule("REC-4", "REC-5", "ID-6")
@pytest.mark.scenario("S04d")
@pytest.mark.parametrize(
    ("stated", "because"),
    [
        (("moved", 3, 7), "neighbour"),
        (("moved", 3, -8), "neighbour"),
        (("elsewhere",), "no such occurrence"),
        (("back",), "does not come back"),
    ],
)
def test_s04d_what_exchange_cannot_hold_of_an_occurrence_is_put_back(stated, because):
    """With a readable reason, once; what else was changed is done."""
    bank = the_bank(deleted_starts=(at(6),))
    was = bank.crm
    assert was is not None
    match stated:
        case ("moved", week, by):
            when = at(week) + days(by)
            edited = (gone(6), an_edit(week, start=when, end=when + (END - START)))
        case ("elsewhere",):
            edited = (gone(6), SeriesException(at(2) + days(1), changes=(("location", '"Room 5"'),)))
        case _:
            edited = ()
    bank.in_crm(subject="Budget", exceptions=edited)
    bank.until_quiet()
    assert bank.crm == replace(was, subject="Budget")
    assert {write.fields for write in bank.writes} == {("subject",)}
    [refused] = [each for each in bank.reports[0].explain if each.decision is Decision.REFUSED]
    assert because in refused.because
    assert len(bank.commands) == 1


@pytest.mark.rule("REC-5", "ID-6")
def test_rec_5_a_pattern_exchange_cannot_say_is_put_back():
    """The fifth Tuesday."""
    bank = the_bank()
    was = bank.crm
    bank.in_crm(recurrence=Recurrence("monthly", weekdays=("TU",), week_of_month=5))
    bank.until_quiet()
    assert bank.crm == was
    assert bank.writes == []
    assert bank.reports[0].reason is Reason.PATTERN


@pytest.mark.rule("ALM-4")
def test_alm_4_the_crms_alarm_of_an_occurrence_goes_out_as_an_exception_of_that_one():
    """To its user's copy alone; taken back, it is the series' again."""
    bank = the_bank()
    bank.in_crm(exceptions=(an_edit(3, alarms=(("u-bob", (5,)),)),))
    bank.until_quiet()
    assert bank.copy_in(A).exceptions == ()
    assert [(each.original_start, each.reminder) for each in bank.copy_in(B).exceptions] == [(at(3), 5)]
    bank.in_crm(exceptions=())
    bank.until_quiet()
    assert [each.reminder for each in bank.copy_in(B).exceptions] == [30]
    assert bank.commands == []


@pytest.mark.rule("ALM-3", "ALM-5")
def test_alm_3_the_crms_alarm_of_a_series_goes_out_whenever_it_changes():
    """Although its first occurrence is over."""
    world = replace(WORLD, now=at(3))
    bank = the_bank(world)
    bank.in_crm(alarms=(("u-anna", (45,)), ("u-bob", (30,))))
    bank.until_quiet()
    assert bank.copy_in(A).reminder == 45
    assert bank.copy_in(B).reminder == 30
    assert all(write.fields == () and write.block is UNSET for write in bank.writes)


FIELDS = ("location", '"Room 5"'), ("location", '"Room 6"'), ("subject", '"Other"')


@pytest.mark.rule("REC-3", "CON-1", "CON-2", "CON-5")
@pytest.mark.parametrize(
    ("agreed", "now", "merged", "crossed"),
    [
        ((), (FIELDS[0],), (FIELDS[0],), False),
        ((FIELDS[0],), (), (FIELDS[0],), False),
        ((FIELDS[0],), (FIELDS[2],), (FIELDS[0], FIELDS[2]), False),
        ((FIELDS[0],), (FIELDS[1],), (FIELDS[0],), True),
        ((FIELDS[0],), (FIELDS[0],), (FIELDS[0],), False),
    ],
)
def test_con_1_both_sides_changes_of_one_occurrence_are_merged_field_by_field(agreed, now, merged, crossed):
    """The CRM wins what both changed, unless the policy says otherwise."""
    held, there = ([SeriesException(at(2), changes=each)] if each else [] for each in (agreed, now))
    found = merge_exceptions(held, before=[], now=there)
    assert (found.exceptions, found.crossed) == ((SeriesException(at(2), changes=merged),), crossed)
    other = merge_exceptions(held, before=[], now=there, held_wins=False)
    assert other.exceptions == ((SeriesException(at(2), changes=now),) if crossed else found.exceptions)


@pytest.mark.rule("CON-5", "REC-4")
def test_con_5_a_deleted_occurrence_wins_over_an_edited_one_from_either_side():
    """Whoever deleted it."""
    edited, deleted = SeriesException(at(2), changes=(FIELDS[0],)), SeriesException(at(2), deleted=True)
    assert merge_exceptions([edited], before=[], now=[deleted]).exceptions == (deleted,)
    assert merge_exceptions([deleted], before=[], now=[edited]).exceptions == (deleted,)


def test_what_was_decided_of_a_series_is_decided_once():
    """A second look finds nothing, and neither does the CRM's answer."""
    link = the_bank(exceptions=(an_exception(3, location="Room 5", reminder=0),), deleted_starts=(at(4),)).link
    copy = replace(SERIES, exceptions=(an_exception(3, location="Room 5", reminder=0),), deleted_starts=(at(4),))
    plan = WORLD.decided(copy, link=link)
    assert (plan.command, plan.report, plan.effects) == (None, None, ())
    assert a_link().id == link.id
