"""Copies in the calendars of people who get no message (INV-6, DEL-3, DEL-1, ID-3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.bodies import notes_of
from handlers.crm_changes import Kind
from handlers.effects import Operation
from handlers.inbound import Sighting, decide_direct
from handlers.links import State
from schemas.copies import Copy
from schemas.edits import UNSET
from schemas.items import Response, ScheduleItem
from schemas.outcomes import Decision, Reason, Result
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm, forgetting
from tests.support.world import END, START, a_link, a_meeting, a_user, a_world, copy_of, days, invited, is_quiet, said

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
WORLD = a_world(ANNA, BOB, CORA)
MEETING = a_meeting(organizer=ANNA, body="Agenda", location="Room 4")
A, B = "anna@bank.example", "bob@bank.example"


def the_bank(world=WORLD, meeting: Copy = MEETING) -> Bank:
    """Anna's meeting of Outlook, to which the CRM has added Bob."""
    bank = a_bank(world, meeting)
    bank.in_crm(assign_to=("u-anna", "u-bob"))
    bank.until_quiet()
    assert bank.is_direct(bank.copy_in(B))
    return forgetting(bank)


@pytest.mark.rule("INV-6", "ID-5")
def test_inv_6_a_direct_copy_is_a_plain_appointment_with_our_marker():
    """No attendees, no claim: the link's organizer stands whatever organizer Exchange shows in it."""
    bank = the_bank()
    copy = bank.copy_in(B)
    assert (copy.marker, copy.attendees, copy.is_meeting, copy.subject, notes_of(copy.body, html=copy.html)) == (
        "si-1",
        (),
        False,
        "Review",
        "Agenda",
    )
    assert copy.uid != bank.copy_in(A).uid
    bank.hint(B)
    assert bank.link.agreed is not None
    assert (bank.link.agreed.owner, bank.crm and bank.crm.owner) == ("u-anna", "u-anna")
    assert bank.reports == []


@pytest.mark.rule("INV-6", "ID-3")
def test_inv_6_what_its_user_changes_in_it_is_recorded_once_and_goes_nowhere():
    """Not to the CRM, not to the organizer, and it is not written back."""
    bank = the_bank()
    bank.in_outlook(B, subject="Mine", start=START + days(1), end=END + days(1), sensitivity="Private")
    bank.hint(B)
    bank.hint(B)
    [report] = bank.reports
    assert (report.result, report.reason) == (Result.SKIPPED, Reason.NOT_AUTHORITATIVE)
    assert [each.about for each in report.explain] == ["subject", "start", "end", "restricted"]
    assert (bank.writes, bank.commands) == ([], [])
    bank.in_outlook(B, subject="Review", start=START, end=END, sensitivity="Normal")
    bank.hint(B)
    assert len(bank.reports) == 1, "back to what it was is no news"
    bank.in_outlook(B, subject="Mine again")
    bank.hint(B)
    assert len(bank.reports) == 2


@pytest.mark.rule("INV-6", "MAP-1")
def test_inv_6_it_follows_what_the_organizer_changes_in_outlook():
    """Those fields and no others."""
    bank = the_bank()
    bank.in_outlook(B, location="My desk")
    bank.until_quiet()
    forgetting(bank)
    bank.in_outlook(A, subject="Budget", start=START + days(1), end=END + days(1))
    bank.until_quiet()
    copy = bank.copy_in(B)
    assert (copy.subject, copy.start, copy.location) == ("Budget", START + days(1), "My desk")
    [write] = bank.writes
    assert (write.mailbox, write.fields, write.direct, write.reminder) == (B, ("subject", "start", "end"), True, UNSET)
    assert [command.changed for command in bank.commands] == [("subject", "start", "end", "responses")]


@pytest.mark.rule("INV-6", "PRIV-4")
def test_inv_6_what_is_hidden_from_the_crm_is_not_written_into_it():
    """A meeting that turned private keeps its placeholder to the CRM; shown again, the copy follows."""
    bank = the_bank()
    bank.in_outlook(A, sensitivity="Private", subject="Dismissal")
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.redacted, bank.copy_in(B).subject) == (True, "Review")
    bank.in_outlook(A, sensitivity="Normal")
    bank.until_quiet()
    assert (bank.crm.subject, bank.copy_in(B).subject) == ("Dismissal", "Dismissal")


@pytest.mark.rule("DEL-3", "INV-6")
def test_del_3_deleted_by_its_user_it_ends_and_he_stays_with_the_response_removed():
    """No later change brings it back; taken out and put in again by the CRM, he gets another."""
    bank = the_bank()
    bank.deleted_in_outlook(B)
    bank.until_quiet()
    assert bank.crm is not None
    assert bank.crm.assign_to == ("u-anna", "u-bob")
    assert dict(bank.crm.responses)["u-bob"] is Response.REMOVED
    bank.in_outlook(A, subject="Later")
    bank.in_crm(location="Room 9")
    bank.until_quiet()
    assert bank.live_in(B) == []
    assert dict(bank.crm.responses)["u-bob"] is Response.REMOVED
    bank.in_crm(assign_to=("u-anna",))
    bank.until_quiet()
    bank.in_crm(assign_to=("u-anna", "u-bob"))
    bank.until_quiet()
    assert [copy.location for copy in bank.live_in(B)] == ["Room 9"]


@pytest.mark.rule("DEL-3")
def test_del_3_of_an_item_without_an_organizer_in_exchange_too():
    """Its owner has no mailbox."""
    item = ScheduleItem(subject="Call", start=START, end=END, owner=None, assign_to=("u-anna", "u-bob"))
    bank = a_bank_of_the_crm(WORLD, item)
    bank.deleted_in_outlook(B)
    bank.until_quiet()
    assert bank.crm is not None
    assert bank.crm.responses == (("u-bob", Response.REMOVED),)
    assert len(bank.live_in(A)) == 1


@pytest.mark.rule("DEL-1", "INV-6")
def test_del_1_it_goes_with_the_organizers_copy_and_with_the_crms_item():
    """Nobody is left with a meeting that is not."""
    for side in ("outlook", "crm"):
        bank = the_bank()
        if side == "outlook":
            bank.deleted_in_outlook(A)
        else:
            bank.in_crm(kind=Kind.DELETED)
        bank.until_quiet()
        assert bank.live_in(B) == []
        assert bank.link.state is State.DELETED


@pytest.mark.rule("INV-6", "PART-6")
def test_inv_6_whoever_is_taken_out_on_either_side_loses_it():
    """By the organizer in Outlook as by a CRM user."""
    for side in ("outlook", "crm"):
        bank = the_bank()
        if side == "outlook":
            bank.in_outlook(A, attendees=())
        else:
            bank.in_crm(assign_to=("u-anna",))
        bank.until_quiet()
        assert bank.crm is not None
        assert (bank.live_in(B), bank.crm.assign_to) == ([], ("u-anna",))
        assert bank.copy_in(A).attendees == ()


@pytest.mark.rule("ALM-2", "ALM-5")
def test_alm_2_a_reminder_changed_just_before_we_write_something_else_still_comes_in():
    """Our own write comes after it, and says nothing of reminders."""
    bank = the_bank(WORLD.with_options(alarms=True))
    bank.in_outlook(B, reminder=0)
    bank.in_outlook(A, subject="Budget")
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.copy_in(B).subject, bank.copy_in(B).reminder, dict(bank.crm.alarms)["u-bob"]) == ("Budget", 0, (0,))


@pytest.mark.rule("INV-6", "CON-1")
def test_inv_6_it_goes_if_the_organizer_takes_its_user_out_while_the_crm_edits():
    """That he was taken out is found when the edit is written."""
    bank = the_bank()
    bank.in_outlook(A, attendees=())
    bank.in_crm(subject="Budget")
    bank.deliver()
    assert bank.live_in(B) == []
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.assign_to, bank.copy_in(A).subject) == (("u-anna",), "Budget")


@pytest.mark.rule("INV-6")
@pytest.mark.parametrize("through", [A, B])
def test_inv_6_when_the_invited_copy_arrives_after_all_the_direct_one_is_removed(through):
    """The organizer sent the invitation from Outlook; the other is what counts for Bob from then on."""
    bank = the_bank(WORLD.with_options(alarms=True))
    bank.in_crm(alarms=(("u-bob", (5,)),))
    bank.until_quiet()
    forgetting(bank)
    invitation = copy_of(bank.copy_in(A), BOB, response=Response.ACCEPTED, marker=None, reminder=30)
    direct = bank.copy_in(B)
    bank.copies[B, invitation.item_id] = invitation
    plan = bank.world.hinted(BOB, copies=[bank.copy_in(A), invitation], link=bank.link)
    bank.settle(plan)
    assert [(each.operation, each.item_id) for each in bank.writes] == [
        (Operation.DELETE, direct.item_id),
        (Operation.UPDATE, invitation.item_id),
    ]
    assert bank.live_in(B)[0].item_id == invitation.item_id
    assert bank.live_in(B)[0].reminder == 5, "his alarm is written once his copy exists"
    replica = bank.link.replica(B)
    assert replica is not None
    assert (replica.direct, replica.response) == (False, Response.ACCEPTED)
    bank.hint(through)
    bank.until_quiet()
    assert len(bank.writes) == 2
    assert bank.crm is not None
    assert dict(bank.crm.responses)["u-bob"] is Response.ACCEPTED


@pytest.mark.rule("INV-6", "CON-2")
def test_inv_6_an_invited_copy_older_than_what_was_agreed_since_is_brought_up_to_date():
    """The organizer invited him and renamed it; the CRM renamed it, too, before anybody heard of either."""
    bank = the_bank()
    bank.in_outlook(A, subject="Anna's", attendees=(invited(BOB),))
    invitation = copy_of(bank.copy_in(A), BOB, marker=None)
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    bank.copies[B, invitation.item_id] = invitation
    bank.hint(A)
    bank.settle(bank.world.hinted(BOB, copies=[bank.copy_in(A), invitation], link=bank.link))
    assert [(copy.item_id, copy.subject) for copy in bank.live_in(B)] == [(invitation.item_id, "Budget")]
    assert bank.copy_in(A).subject == "Budget"
    assert all(report.reason is not Reason.NOT_AUTHORITATIVE for report in bank.reports)
    bank.until_quiet()
    assert all("subject" not in getattr(command, "changed", ()) for command in bank.commands)


@pytest.mark.rule("INV-6", "CON-1", "CON-6")
def test_inv_6_what_outlook_took_back_before_the_crm_answered_is_taken_back_in_the_direct_copy_too():
    """The CRM's last word knows of neither, but the copy had followed."""
    bank = the_bank()
    bank.in_outlook(A, subject="Anna's", location="Room 9")
    bank.in_crm(subject="Budget")
    bank.hint(A)
    bank.in_outlook(A, location="Room 4")
    bank.until_quiet()
    assert [(copy.subject, copy.location) for copy in bank.live_in(B)] == [("Budget", "Room 4")]


@pytest.mark.rule("INV-6", "CON-3")
def test_a_direct_copy_of_what_is_not_followed_says_nothing():
    """Out of scope or deleted by the CRM it is said once; of an unknown item nothing is."""
    bank = the_bank()
    copy = bank.copy_in(B)
    sighting = Sighting(B, BOB, copy)
    unknown = decide_direct(a_link(), sighting, around=WORLD.around)
    assert is_quiet(unknown)
    parked = decide_direct(replace(bank.link, state=State.OUT_OF_SCOPE), sighting, around=WORLD.around)
    assert (said(parked).reason, said(parked).explain[0].decision) == (Reason.OUT_OF_SCOPE, Decision.REFUSED)
    gone = replace(bank.link, state=State.DELETED, deleted_by_crm=True)
    assert said(decide_direct(gone, sighting, around=WORLD.around)).reason is Reason.TOMBSTONED
    assert is_quiet(decide_direct(gone, Sighting(B, BOB, None), around=WORLD.around))


@pytest.mark.rule("ALM-2", "INV-6")
def test_alm_2_its_users_alarm_is_his_own():
    """Both ways."""
    bank = the_bank(WORLD.with_options(alarms=True), replace(MEETING, reminder=10))
    assert bank.crm is not None
    assert dict(bank.crm.alarms) == {"u-anna": (10,), "u-bob": (15,)}
    bank.in_outlook(B, reminder=None)
    bank.until_quiet()
    assert dict(bank.crm.alarms) == {"u-anna": (10,), "u-bob": ()}
    bank.in_crm(alarms=(("u-anna", (10,)), ("u-bob", (0,))))
    bank.until_quiet()
    assert (bank.copy_in(A).reminder, bank.copy_in(B).reminder) == (10, 0)


@pytest.mark.rule("INV-6", "PART-6")
@pytest.mark.scenario("S08a")
def test_s08a_who_was_invited_by_a_try_whose_answer_was_lost_gets_his_direct_copy_all_the_same():
    """The organizer's copy shows him already when the event is tried again, and whom the CRM took out no more."""
    bank = a_bank(WORLD, with_bob := a_meeting(organizer=ANNA, attendees=[BOB]), copy_of(with_bob, BOB))
    bank.in_crm(assign_to=("u-anna", "u-cora"))
    bank.in_outlook(A, attendees=(invited(CORA),))

    bank.until_quiet()

    assert bank.is_direct(bank.copy_in("cora@bank.example"))
    assert bank.live_in(B) == []
    assert [each.address for each in bank.copy_in(A).attendees] == ["cora@bank.example"]


@pytest.mark.rule("INV-6", "MAP-1")
def test_map_1_a_direct_copy_that_is_behind_gets_what_it_missed_and_keeps_its_users_own_words():
    """Anna renames the meeting while the CRM changes its priority; where Bob thinks it is, is his."""
    bank = the_bank()
    bank.in_outlook(B, location="Bob's room")
    bank.hint(B)
    bank.in_outlook(A, subject="Budget")
    bank.in_crm(priority="A")

    bank.until_quiet()

    copy = bank.copy_in(B)
    assert (copy.subject, copy.importance, copy.location) == ("Budget", "High", "Bob's room")


@pytest.mark.rule("DEL-1", "DEL-6")
@pytest.mark.parametrize("cancelled", [False, True])
def test_del_1_what_a_crm_user_ends_is_taken_from_everybody_though_the_organizers_copy_was_gone_before(cancelled: bool):
    """As it is when an earlier try of the event was carried out in part, and the hint of that came in between."""
    with_bob = a_meeting(organizer=ANNA, attendees=[BOB])
    bank = a_bank(WORLD, with_bob, copy_of(with_bob, BOB))
    if cancelled:
        bank.in_crm(status="cancelled")
    else:
        bank.in_crm(kind=Kind.DELETED)
    bank.deleted_in_outlook(A)
    bank.hint(A)

    bank.deliver()

    assert bank.live_in(B) == []
    assert bank.link.state is State.DELETED
    assert bank.link.deleted_by_crm
