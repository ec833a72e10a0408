"""Both sides at once: who wins, what is lost, and what is said of it (CON-1, CON-2, CON-5, CON-6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers import conflicts, outbound
from handlers.conflicts import MARGIN, Moments, Side
from handlers.crm_changes import CrmChange, Kind
from handlers.links import State
from handlers.policy import ConflictPolicy, Policy
from schemas.items import Response
from schemas.outcomes import Reason, Result
from tests.support.mirror import Bank, a_bank
from tests.support.world import (
    END,
    NOW,
    START,
    a_contact,
    a_meeting,
    a_user,
    a_world,
    agreed,
    changed,
    days,
    said,
    told,
    written,
)

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
WORLD = a_world(ANNA, BOB, CORA)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB], body="Agenda", location="Room 4", reminder=15)
A = "anna@bank.example"
EXCHANGE_WINS = WORLD.with_policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)


def crossed(world, *, hint_first: bool, exchange: dict, crm: dict) -> Bank:
    """Both sides edit at the same moment; one of them is heard of first."""
    bank = a_bank(world, MEETING)
    bank.in_outlook(A, **exchange)
    bank.in_crm(**crm)
    if hint_first:
        bank.hint(A)
    bank.until_quiet()
    return bank


def met(bank: Bank) -> set[tuple[str, str]]:
    """The conflicts that were reported."""
    return {(each.field, each.winner) for report in bank.reports for each in report.conflicts}


@pytest.mark.rule("CON-1", "CON-2")
@pytest.mark.parametrize("hint_first", [True, False])
@pytest.mark.parametrize(("world", "winner"), [(WORLD, "crm"), (EXCHANGE_WINS, "exchange")])
def test_con_2_the_policy_decides_and_the_loser_gets_the_winners_value(world, winner, hint_first):
    """Whichever was heard of first; the field and the winner are named, never the values."""
    exchange, crm = {"subject": "Canary of Exchange"}, {"subject": "Canary of the CRM"}
    bank = crossed(world, hint_first=hint_first, exchange=exchange, crm=crm)
    wanted = (crm if winner == "crm" else exchange)["subject"]
    assert bank.crm is not None
    assert (bank.copy_in(A).subject, bank.crm.subject) == (wanted, wanted)
    assert met(bank) == {("subject", winner)}
    assert "Canary" not in repr(bank.reports)


@pytest.mark.rule("CON-1")
@pytest.mark.parametrize("hint_first", [True, False])
def test_con_1_different_fields_and_equal_changes_are_no_conflict(hint_first):
    """Both stand on both sides."""
    bank = crossed(
        WORLD,
        hint_first=hint_first,
        exchange={"subject": "Budget", "location": "Room 9"},
        crm={"subject": "Budget", "notes": "Bring slides"},
    )
    copy = bank.copy_in(A)
    assert (copy.subject, copy.location, copy.body) == ("Budget", "Room 9", "Bring slides")
    assert bank.crm is not None
    assert (bank.crm.subject, bank.crm.location, bank.crm.notes) == ("Budget", "Room 9", "Bring slides")
    assert met(bank) == set()


@pytest.mark.rule("CON-1", "CON-2")
@pytest.mark.parametrize("hint_first", [True, False])
@pytest.mark.parametrize(("world", "winner"), [(WORLD, "crm"), (EXCHANGE_WINS, "exchange")])
def test_con_1_times_stand_or_fall_together(world, winner, hint_first):
    """Moved in Outlook, made longer in the CRM: never the start of one and the end of the other."""
    moved = {"start": START + days(1), "end": END + days(1)}
    longer = {"end": END + timedelta(minutes=30)}
    bank = crossed(world, hint_first=hint_first, exchange=moved, crm=longer)
    wanted = (START, longer["end"]) if winner == "crm" else (moved["start"], moved["end"])
    assert bank.crm is not None
    assert (bank.copy_in(A).start, bank.copy_in(A).end) == wanted
    assert (bank.crm.start, bank.crm.end) == wanted
    assert met(bank) == {("start", winner), ("end", winner)}


@pytest.mark.rule("CON-2")
@pytest.mark.parametrize(
    ("group", "exchange", "crm"),
    [
        ("subject", {"subject": "E"}, {"subject": "C"}),
        ("notes", {"body": "E"}, {"notes": "C"}),
        ("location", {"location": "E"}, {"location": "C"}),
        ("times", {"end": END + days(1)}, {"end": END + days(2)}),
        ("priority", {"importance": "High"}, {"priority": "C"}),
    ],
)
def test_con_2_each_field_group_has_a_policy_of_its_own(group, exchange, crm):
    """The others follow the default."""
    for own, winner in ((ConflictPolicy.EXCHANGE_WINS, "exchange"), (ConflictPolicy.CRM_WINS, "crm")):
        other = ConflictPolicy.CRM_WINS if winner == "exchange" else ConflictPolicy.EXCHANGE_WINS
        world = WORLD.with_policy(conflicts={group: own}, conflict_default=other)
        bank = crossed(world, hint_first=True, exchange=exchange, crm=crm)
        assert {won for _, won in met(bank)} == {winner}
    assert set(conflicts.GROUPS.values()) == {
        "subject",
        "notes",
        "location",
        "times",
        "priority",
        "privacy",
        "participants",
        "recurrence",
        "alarms",
    }


@pytest.mark.rule("CON-2", "ALM-2")
@pytest.mark.parametrize(("world", "winner"), [(WORLD, "crm"), (EXCHANGE_WINS, "exchange")])
def test_con_2_alarms_conflict_per_person(world, winner):
    """Of the user both sides changed; what the CRM changed of another's goes out."""
    bank = crossed(
        world.with_options(alarms=True),
        hint_first=True,
        exchange={"reminder": 30},
        crm={"alarms": (("u-anna", (5,)), ("u-bob", (10,)))},
    )
    assert bank.crm is not None
    alarms = dict(bank.crm.alarms)
    wanted = 5 if winner == "crm" else 30
    assert (bank.copy_in(A).reminder, alarms["u-anna"], alarms["u-bob"]) == (wanted, (wanted,), (10,))
    assert met(bank) == {("alarms", winner)}


@pytest.mark.rule("CON-2", "CON-3")
@pytest.mark.scenario("S07d")
def test_s07d_no_clock_decides_alone():
    """Times count only where they are further apart than clocks may be; unknown ones never."""
    policy = Policy(conflict_default=ConflictPolicy.LATEST_WINS)
    for apart in (timedelta(), timedelta(minutes=10), -timedelta(minutes=10), MARGIN, -days(3)):
        assert conflicts.winner("subject", policy=policy, moments=Moments(NOW, NOW + apart)) is Side.CRM
    assert conflicts.winner("subject", policy=policy, moments=Moments(NOW, NOW + days(1))) is Side.EXCHANGE
    for moments in (Moments(), Moments(crm=NOW), Moments(exchange=NOW)):
        assert conflicts.winner("subject", policy=policy, moments=moments) is Side.CRM


@pytest.mark.rule("CON-6")
def test_con_6_a_command_that_crossed_is_decided_again_and_both_changes_stand():
    """The CRM ignores it, for a user edited meanwhile; the daemon sends what is still wanted."""
    bank = crossed(WORLD, hint_first=True, exchange={"location": "Room 9"}, crm={"subject": "Budget"})
    assert bank.crm is not None
    assert (bank.crm.location, bank.crm.subject) == ("Room 9", "Budget")
    assert (bank.copy_in(A).location, bank.copy_in(A).subject) == ("Room 9", "Budget")
    assert [command.changed for command in bank.commands] == [("location",), ("location",)]


@pytest.mark.rule("CON-1", "CON-6")
def test_what_exchange_changed_meanwhile_is_told_with_the_decision_about_the_crms_edit():
    """The copy was found changed while it was written to: one command tells it, and the next hint finds nothing."""
    bank = a_bank(WORLD, MEETING)
    bank.in_outlook(A, location="Room 9", attendees=a_meeting(organizer=ANNA, attendees=[BOB, CORA]).attendees)
    bank.in_crm(subject="Budget")
    bank.deliver()
    [command] = bank.commands
    assert {"location", "assign_to"} <= set(command.changed)
    before = len(bank.reports)
    bank.until_quiet()
    assert (len(bank.commands), len(bank.reports)) == (1, before)


@pytest.mark.rule("CON-5", "DEL-1")
@pytest.mark.scenario("S10c")
def test_s10c_a_delete_in_exchange_wins_against_an_edit_in_the_crm():
    """Whichever is heard of first; what is lost is named."""
    for hint_first in (True, False):
        bank = a_bank(WORLD, MEETING)
        bank.deleted_in_outlook(A)
        bank.in_crm(subject="Budget", location="Room 9")
        if hint_first:
            bank.hint(A)
        bank.until_quiet()
        assert (bank.crm, bank.live_in(A), bank.link.state) == (None, [], State.DELETED)
        refused = next(report for report in bank.reports if report.result is Result.REFUSED)
        assert refused.reason is Reason.TOMBSTONED
        assert {(each.field, each.winner) for each in refused.conflicts} == {
            ("subject", "exchange"),
            ("location", "exchange"),
        }


@pytest.mark.rule("CON-5", "DEL-1")
@pytest.mark.scenario("S10c")
def test_s10c_a_delete_in_the_crm_wins_against_an_edit_in_exchange():
    """Told of the edit or not; what the CRM had not taken is named."""
    bank = a_bank(WORLD, MEETING)
    bank.in_outlook(A, location="Room 9")
    bank.in_crm(kind=Kind.DELETED)
    bank.hint(A)
    bank.until_quiet()
    assert (bank.copies, bank.link.state) == ({}, State.DELETED)
    assert met(bank) == {("location", "crm")}
    unseen = a_bank(WORLD, MEETING)
    unseen.in_outlook(A, location="Room 9")
    unseen.in_crm(kind=Kind.DELETED)
    unseen.until_quiet()
    assert unseen.copies == {}


@pytest.mark.rule("DEL-2", "CON-5")
def test_del_2_an_archival_delete_that_an_edit_meets_leaves_the_crm_its_item():
    """Long past: the link ends, the CRM keeps what it has."""
    old = replace(MEETING, start=NOW - days(60), end=NOW - days(59))
    bank = a_bank(WORLD, old)
    bank.deleted_in_outlook(A)
    bank.in_crm(notes="Looked up later")
    bank.until_quiet()
    assert (bank.link.state, bank.commands) == (State.ARCHIVED, [])
    assert bank.crm is not None
    assert bank.crm.notes == "Looked up later"


@pytest.mark.rule("CON-5", "DEL-6")
def test_con_5_what_was_never_written_is_named_when_the_item_goes():
    """A change of the CRM's from before anything was written to Exchange."""
    bank = a_bank(WORLD, MEETING)
    assert bank.link.agreed is not None
    held = replace(bank.link, agreed=replace(bank.link.agreed, subject="Budget"))
    plan = WORLD.hinted(ANNA, copies=[], link=held)
    assert [(each.field, each.winner) for each in said(plan).conflicts] == [("subject", "exchange")]


@pytest.mark.rule("PART-7")
@pytest.mark.scenario("S18d")
def test_s18d_an_answer_edited_in_the_crm_is_put_back_in_for_too():
    """Nobody answers for somebody else; a contact added in the same edit stays."""
    carla = "carla@client.example"
    world = a_world(ANNA, BOB, a_contact("c-carla"), a_contact("c-dan"))
    bank = a_bank(world, a_meeting(organizer=ANNA, attendees=[BOB, carla]))
    assert bank.crm is not None
    forged = tuple(replace(each, response=Response.ACCEPTED) for each in bank.crm.for_)
    bank.in_crm(for_=(*forged, replace(forged[0], contact="c-dan", response=Response.ACCEPTED)))
    bank.until_quiet()
    assert {(each.contact, each.response) for each in bank.crm.for_} == {
        ("c-carla", Response.NONE),
        ("c-dan", Response.NONE),
    }
    report = bank.reports[0]
    assert (report.result, report.reason) == (Result.APPLIED, Reason.PARTLY)
    assert [(each.rule, each.about) for each in report.explain] == [("PART-7", "for")]
    bank.in_crm(for_=tuple(replace(each, response=Response.DECLINED) for each in bank.crm.for_))
    bank.until_quiet()
    assert bank.reports[1].result is Result.REFUSED


@pytest.mark.rule("PART-7")
@pytest.mark.scenario("S18b")
def test_s18b_a_new_title_resets_nobodys_answer():
    """Neither in Exchange nor in the CRM."""
    accepted = tuple(replace(each, response=Response.ACCEPTED) for each in MEETING.attendees)
    bank = a_bank(WORLD, replace(MEETING, attendees=accepted))
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert bank.copy_in(A).attendees == accepted
    assert bank.crm is not None
    assert dict(bank.crm.responses)["u-bob"] is Response.ACCEPTED


@pytest.mark.rule("CON-2")
def test_con_2_under_latest_wins_the_later_change_stands():
    """By what the broker and Exchange noted, far enough apart."""
    world = WORLD.with_policy(conflict_default=ConflictPolicy.LATEST_WINS)
    for exchange_at, wanted in ((NOW + days(1), "Outlook's"), (NOW - days(1), "The CRM's"), (NOW, "The CRM's")):
        bank = a_bank(world, MEETING)
        bank.in_outlook(A, subject="Outlook's", modified_at=exchange_at)
        bank.hint(A)
        assert bank.link.crm is not None
        edited = replace(bank.link.crm, subject="The CRM's")
        change = CrmChange("si-1", bank.crm_version, revision=1, after=edited, at=NOW)
        link = replace(bank.link, crm=replace(edited, subject="Review"), crm_version=1, crm_revision=1)
        plan = outbound.decide(link, change, around=world.around)
        assert agreed(plan).subject == wanted
        if wanted == "Outlook's":
            assert ("subject" in changed(plan), told(plan).subject, written(plan)) == (True, wanted, {})
        else:
            assert written(plan)[A].fields == ("subject",)
