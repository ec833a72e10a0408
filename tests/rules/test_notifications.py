"""Who gets a message because of what the CRM says, and what lies in whose calendar then (INV-3..7).

Played against mailboxes and a CRM in memory (`tests.support.mirror`): `bank.mails` are what Exchange sent.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers import outbound
from handlers.bodies import notes_of
from handlers.crm_changes import CrmChange, Kind
from handlers.effects import Operation
from handlers.links import State
from schemas.copies import Copy
from schemas.items import Recurrence, Related, Response, ScheduleItem, SeriesException
from schemas.outcomes import Decision, Reason, Result
from schemas.sending import Sending, Whom
from schemas.wire import changes_of
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm, forgetting
from tests.support.world import (
    END,
    START,
    a_contact,
    a_meeting,
    a_user,
    a_world,
    copy_of,
    days,
    invited,
)

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
EVE = a_user("u-eve", mailbox=None)  # has an address, but no mailbox that is followed
NOWHERE = a_user("u-nowhere", emails=[])
CARLA = a_contact("c-carla")
WORLD = a_world(ANNA, BOB, CORA, EVE, NOWHERE, CARLA)
A, B, C, E_ = "anna@bank.example", "bob@bank.example", "cora@bank.example", "eve@bank.example"
CLIENT, STRANGER = "carla@client.example", "x@else.example"
ITEM = ScheduleItem(
    subject="Call",
    notes="Numbers",
    start=START,
    end=END,
    zone="Europe/Vienna",
    owner="u-anna",
    assign_to=("u-anna", "u-bob"),
)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB, CARLA, STRANGER], body="Agenda", location="Room 4")


def the_bank(meeting: Copy = MEETING, *, world=WORLD) -> Bank:
    """Anna's meeting of Outlook, of which everybody knows, in peace."""
    return a_bank(world, meeting, copy_of(meeting, BOB))


def silences(bank: Bank) -> list[tuple[str, str]]:
    """By which rule nobody was told, and why."""
    found = (each for report in bank.reports for each in report.explain if each.decision is Decision.SILENT)
    return [(each.rule, each.because) for each in found]


def to(bank: Bank) -> list[tuple[str, str]]:
    """Which mailbox was written to, and whom that mailed."""
    return [(each.mailbox, each.sending.to.value) for each in bank.writes]


# creates


@pytest.mark.rule("INV-3", "INV-4", "INV-6")
@pytest.mark.parametrize("notify", ["all", "added"])
def test_inv_3_whoever_is_told_of_a_new_item_is_invited_and_gets_no_direct_copy(notify):
    """Everybody is new to it."""
    bank = a_bank_of_the_crm(WORLD, replace(ITEM, assign_to=("u-anna", "u-bob", "u-eve", "u-nowhere")), notify=notify)
    bank.until_quiet()
    assert bank.mails == [("invitation", (B, E_))]
    assert not bank.is_direct(bank.copy_in(B))
    assert to(bank) == [(A, "all")]
    assert bank.writes[0].recipients == ("u-bob", "u-eve")
    assert silences(bank) == []
    assert bank.reports[0].reason is Reason.PARTLY, "who has no address is named (S09d)"


@pytest.mark.rule("INV-6", "ALM-2", "NOTE-1")
def test_inv_6_alarm_and_note_of_who_was_invited_are_written_once_his_copy_is_there():
    """Nothing of the content is; the note has come with the organizer's body already."""
    world = WORLD.with_options(alarms=True, notes=True)
    related = (Related(kind="opportunity", id="o-1", title="Pension plan"),)
    item = replace(ITEM, related=related, alarms=(("u-anna", (30,)), ("u-bob", (5,))))
    bank = a_bank_of_the_crm(world, item, notify="all")
    assert bank.link.awaited == ("u-bob",)
    bank.until_quiet()
    assert [(each.mailbox, each.named) for each in bank.writes[1:]] == [(B, ("alarm",))]
    assert (bank.copy_in(A).reminder, bank.copy_in(B).reminder) == (30, 5)
    assert "Pension plan" in bank.copy_in(B).body
    assert bank.link.awaited == ()
    assert bank.crm is not None
    assert dict(bank.crm.alarms) == {"u-anna": (30,), "u-bob": (5,)}


@pytest.mark.rule("ALM-8", "INV-6")
def test_alm_8_of_whom_the_crm_states_no_alarm_the_servers_value_comes_in():
    """Nothing is written to his copy."""
    bank = a_bank_of_the_crm(WORLD.with_options(alarms=True), ITEM, notify="all")
    bank.until_quiet()
    assert to(bank) == [(A, "all")]
    assert bank.crm is not None
    assert dict(bank.crm.alarms)["u-bob"] == (15,)


@pytest.mark.rule("INV-6", "CON-1")
def test_inv_6_what_was_changed_silently_before_the_invited_copy_was_seen_is_brought_to_it():
    """The invitation is older than what was agreed on since."""
    bank = a_bank_of_the_crm(WORLD, ITEM, notify="all")
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert (bank.copy_in(A).subject, bank.copy_in(B).subject) == ("Budget", "Budget")
    assert bank.mails == [("invitation", (B,))]


@pytest.mark.rule("INV-4", "INV-7")
def test_inv_7_an_owner_without_a_mailbox_mails_nobody():
    """Each synchronized participant gets a direct copy, whatever was asked for."""
    bank = a_bank_of_the_crm(WORLD, replace(ITEM, owner="u-eve"), notify="all")
    bank.until_quiet()
    assert bank.mails == []
    assert all(bank.is_direct(bank.copy_in(mailbox)) for mailbox in (A, B))
    assert silences(bank) == [("INV-7", "there is no copy of the organizer's to mail from")]


# changes


@pytest.mark.rule("INV-3", "INV-4", "INV-6")
@pytest.mark.scenario("S01b")
@pytest.mark.parametrize(("notify", "mails"), [("all", [("update", (B, CLIENT, STRANGER))]), ("none", [])])
def test_s01b_a_start_that_is_moved_is_mailed_once_to_each_if_that_was_asked_for(notify, mails):
    """And nobody's copy is written to beside the message."""
    bank = the_bank()
    bank.in_crm(start=START + days(1), end=END + days(1), notify=notify)
    bank.until_quiet()
    assert bank.mails == [(kind, tuple(sorted(who))) for kind, who in mails]
    assert bank.copy_in(B).start == START + days(1)
    assert [each.mailbox for each in bank.writes] == ([A] if mails else [A, B])
    assert bank.writes[0].sending == Sending(Whom(notify))
    assert len(bank.writes[0].recipients) == (3 if mails else 0)
    assert (bank.reports[0].result, bank.reports[0].reason, silences(bank)) == (Result.APPLIED, None, [])


@pytest.mark.rule("INV-3", "INV-6")
@pytest.mark.scenario("S01d")
def test_s01d_one_guest_added_only_he_is_told_and_all_others_see_it_in_their_calendars():
    """What else the event changes is written before, silently: or Exchange took everybody for concerned."""
    bank = the_bank()
    bank.in_crm(subject="Budget", assign_to=("u-anna", "u-bob", "u-cora"), notify="added")
    bank.until_quiet()
    assert bank.mails == [("invitation", (C,))]
    assert [(each.mailbox, each.named, each.sending.to.value) for each in bank.writes] == [
        (A, ("subject",), "none"),
        (A, ("assign_to",), "added"),
        (B, ("subject",), "none"),
    ]
    assert bank.writes[1].recipients == ("u-cora",)
    assert {bank.copy_in(each).subject for each in (A, B, C)} == {"Budget"}
    assert not bank.is_direct(bank.copy_in(C))


@pytest.mark.rule("INV-3")
@pytest.mark.scenario("S01d")
def test_s01d_nobody_added_nobody_told():
    """Never: something changed, so everybody."""
    bank = the_bank()
    bank.in_crm(subject="Budget", notify="added")
    bank.until_quiet()
    assert (bank.mails, silences(bank)) == ([], [("INV-3", "nobody is added")])
    assert bank.copy_in(B).subject == "Budget"


@pytest.mark.rule("INV-3", "INV-6")
def test_inv_3_removals_are_written_first_and_without_mail_if_only_who_is_new_is_told():
    """Who was taken out silently loses his copy."""
    bank = the_bank()
    bank.in_crm(assign_to=("u-anna", "u-cora"), notify="added")
    bank.until_quiet()
    assert bank.mails == [("invitation", (C,))]
    anna = [each for each in bank.writes if each.mailbox == A]
    assert [(bool(each.uninvite), bool(each.invite), each.change_key == "") for each in anna] == [
        (True, False, False),
        (False, True, True),
    ]
    assert bank.live_in(B) == []
    assert bank.crm is not None
    assert bank.crm.assign_to == ("u-anna", "u-cora")


@pytest.mark.rule("INV-3", "INV-6")
def test_inv_3_who_is_taken_out_and_told_gets_a_cancellation_and_is_not_taken_back():
    """His copy says so, and is his to throw away."""
    bank = the_bank()
    bank.in_crm(assign_to=("u-anna", "u-cora"), notify="all")
    bank.until_quiet()
    assert sorted(bank.mails) == [("cancellation", (B,)), ("invitation", (C,)), ("update", (CLIENT, STRANGER))]
    assert bank.writes[0].recipients == ("c-carla", "ext:" + bank.writes[0].recipients[1][4:], "u-bob", "u-cora")
    assert bank.copy_in(B).is_cancelled
    assert bank.crm is not None
    assert bank.crm.assign_to == ("u-anna", "u-cora")
    bank.in_crm(subject="Later")
    bank.until_quiet()
    assert bank.copy_in(B).subject == "Review"


@pytest.mark.rule("INV-6")
def test_inv_6_put_in_again_silently_he_gets_a_direct_copy_beside_what_was_cancelled():
    """What is cancelled is no copy of a meeting that he takes part in."""
    bank = the_bank()
    bank.in_crm(assign_to=("u-anna",), notify="all")
    bank.until_quiet()
    bank.in_crm(assign_to=("u-anna", "u-bob"))
    bank.until_quiet()
    assert [bank.is_direct(each) for each in bank.live_in(B) if not each.is_cancelled] == [True]


@pytest.mark.rule("INV-6", "INV-3")
def test_inv_6_who_had_a_direct_copy_and_is_told_is_invited_and_then_loses_it():
    """No content goes there any more; his alarm is his own still."""
    world = WORLD.with_options(alarms=True)
    bank = a_bank_of_the_crm(world, replace(ITEM, alarms=(("u-bob", (5,)),)))
    assert bank.is_direct(bank.copy_in(B))
    bank.until_quiet()
    forgetting(bank)
    bank.in_crm(subject="Budget", notify="all")
    bank.until_quiet()
    assert bank.mails == [("invitation", (B,))]
    assert [(each.operation, each.mailbox, each.fields) for each in bank.writes] == [
        (Operation.UPDATE, A, ("subject",)),
        (Operation.DELETE, B, ()),
        (Operation.UPDATE, B, ()),
    ]
    [copy] = bank.live_in(B)
    assert (bank.is_direct(copy), copy.subject, copy.reminder) == (False, "Budget", 5)


@pytest.mark.rule("INV-6", "INV-3")
def test_inv_6_whoever_is_taken_out_and_has_a_direct_copy_loses_it_whoever_is_told():
    """He was never told that there is a meeting."""
    bank = a_bank_of_the_crm(WORLD, replace(ITEM, assign_to=("u-anna", "u-bob", "u-cora")))
    bank.until_quiet()
    forgetting(bank)
    bank.in_crm(assign_to=("u-anna", "u-cora"), notify="all")
    bank.until_quiet()
    assert bank.live_in(B) == []
    assert bank.mails == [("invitation", (C,))]
    assert bank.writes[0].recipients == ("u-cora",)


@pytest.mark.rule("INV-6", "ALM-2")
def test_inv_6_an_alarm_changed_with_what_all_are_told_of_reaches_its_users_copy():
    """Beside the message, whichever comes first."""
    bank = the_bank(world=WORLD.with_options(alarms=True))
    bank.in_crm(subject="Budget", alarms=(("u-anna", (15,)), ("u-bob", (45,))), notify="all")
    bank.until_quiet()
    assert (bank.copy_in(B).subject, bank.copy_in(B).reminder) == ("Budget", 45)
    assert len(bank.mails) == 1
    assert [each.fields for each in bank.writes if each.mailbox == B] == [()]


@pytest.mark.rule("INV-6", "MAP-1")
def test_inv_6_what_a_message_changed_and_a_silent_edit_changes_back_is_written():
    """What we wrote to his copy before is there no more."""
    bank = the_bank()
    bank.in_crm(subject="One")
    bank.until_quiet()
    bank.in_crm(subject="Two", notify="all")
    bank.until_quiet()
    bank.in_crm(subject="One")
    bank.until_quiet()
    assert {bank.copy_in(each).subject for each in (A, B)} == {"One"}


@pytest.mark.rule("INV-3", "INV-4")
@pytest.mark.scenario("S01e")
def test_s01e_invited_by_the_crm_and_in_outlook_at_once_he_gets_one_invitation():
    """Outlook was faster; the CRM's event finds him among the attendees."""
    bank = the_bank()
    bank.in_outlook(A, attendees=(*bank.copy_in(A).attendees, invited(CORA)))
    bank.told.add(C)  # by Outlook
    bank.copies[C, "AAMk-cora"] = copy_of(bank.copy_in(A), CORA, item_id="AAMk-cora")
    bank.in_crm(assign_to=("u-anna", "u-bob", "u-cora"), notify="added")
    bank.until_quiet()
    assert bank.mails == []
    assert [bank.is_direct(each) for each in bank.live_in(C)] == [False]


# silence


@pytest.mark.rule("INV-5")
@pytest.mark.scenario("S01c")
@pytest.mark.parametrize("changed", [{"subject": "x"}, {"assign_to": ("u-anna",)}, {"status": "cancelled"}, None])
def test_s01c_nobody_is_told_of_what_is_over(changed):
    """Whatever changed; a participant's copy is written to instead."""
    bank = the_bank(world=replace(WORLD, now=END + timedelta(hours=1)))
    bank.in_crm(notify="all", **(changed if changed is not None else {"kind": Kind.DELETED}))
    bank.until_quiet()
    assert bank.mails == []
    assert silences(bank) == [("INV-5", "it is over")]
    assert B in {each.mailbox for each in bank.writes}


@pytest.mark.rule("INV-5")
def test_inv_5_what_was_over_and_is_put_into_the_future_is_told():
    """It is what guests are to come to that counts."""
    bank = the_bank(world=replace(WORLD, now=END + timedelta(hours=1)))
    bank.in_crm(start=START + days(7), end=END + days(7), notify="all")
    bank.until_quiet()
    assert [kind for kind, _ in bank.mails] == ["update"]


@pytest.mark.rule("INV-5")
@pytest.mark.scenario("S01c")
def test_s01c_where_nobody_else_takes_part_nobody_is_told():
    """Not of a change, nor of its end."""
    bank = a_bank(WORLD, a_meeting(organizer=ANNA))
    bank.in_crm(subject="x", notify="all")
    bank.in_crm(kind=Kind.DELETED, notify="all")
    bank.until_quiet()
    assert (bank.mails, silences(bank)) == ([], [("INV-5", "nobody else takes part")] * 2)


@pytest.mark.rule("INV-3", "ID-6")
@pytest.mark.scenario("S01c")
def test_s01c_nobody_is_told_from_a_copy_that_is_not_the_organizers():
    """A stranger's meeting is his to tell of."""
    meeting = copy_of(a_meeting(organizer="boss@else.example", attendees=[BOB, CORA]), BOB)
    bank = a_bank(WORLD, replace(meeting, my_response=Response.ACCEPTED))
    bank.in_crm(subject="x", status="completed", notify="all")
    bank.until_quiet()
    assert (bank.mails, bank.writes) == ([], [])


@pytest.mark.rule("INV-5", "INV-7")
@pytest.mark.parametrize(
    "changed",
    [
        {"status": "completed"},
        {"owner": "u-bob"},
        {"alarms": (("u-bob", (5,)),)},
        {"related": (Related(kind="opportunity", id="o-1", title="Pension plan"),)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_inv_5_nobody_is_told_of_what_guests_do_not_see(changed):
    """Status, owner, alarms, what is related."""
    bank = the_bank(world=WORLD.with_options(alarms=True, notes=True))
    bank.in_crm(notify="all", **changed)
    bank.until_quiet()
    if bank.reports:
        assert silences(bank) == [("INV-5", "nothing that guests see")]
    assert bank.mails == []


@pytest.mark.rule("INV-5", "CON-3")
def test_inv_5_nobody_is_told_of_what_was_dealt_with_before():
    """The store was put back to an older state; what the CRM said then is no news to anybody."""
    bank = the_bank()
    bank.in_crm(subject="Budget", notify="all")
    bank.events[0] = replace(bank.events[0], replayed=True)
    bank.until_quiet()
    assert (bank.mails, silences(bank)) == ([], [("INV-5", "dealt with before")])


@pytest.mark.rule("INV-4")
def test_inv_4_more_recipients_than_the_limit_are_told_nothing_and_the_outcome_says_so():
    """What was asked for is written, to everybody's own copy."""
    bank = the_bank(world=WORLD.with_policy(most_recipients=2))
    bank.in_crm(subject="Budget", notify="all")
    bank.until_quiet()
    assert bank.mails == []
    because = "3 recipients, more than the limit of 2 (invitations.most_recipients)"
    assert (bank.reports[0].reason, silences(bank)) == (Reason.PARTLY, [("INV-4", because)])
    assert bank.copy_in(B).subject == "Budget"
    bank.in_crm(subject="Budget", assign_to=("u-anna", "u-bob", "u-cora"), notify="added")
    bank.until_quiet()
    assert bank.mails == [("invitation", (C,))], "only who is new counts where only he is told"


@pytest.mark.rule("INV-5", "CON-1")
def test_inv_5_nobody_is_told_what_the_organizers_copy_says_already():
    """Outlook changed it to the same meanwhile."""
    bank = the_bank()
    bank.in_outlook(A, subject="Budget")
    bank.hint(A)
    bank.in_crm(subject="Budget!")
    bank.until_quiet()
    forgetting(bank)
    bank.in_outlook(A, subject="Plan")
    bank.in_crm(subject="Plan", notify="all")
    bank.deliver()
    bank.until_quiet()
    assert len(bank.mails) <= 1


@pytest.mark.rule("PART-2", "INV-4")
def test_part_2_a_guest_who_is_several_contacts_is_one_recipient():
    """The count is of people."""
    both = [a_contact(name, emails=[CLIENT]) for name in ("c-carla", "c-twin")]
    bank = the_bank(world=WORLD.knowing(*both))
    bank.in_crm(subject="Budget", notify="all")
    bank.until_quiet()
    assert len(bank.writes[0].recipients) == 3


# the end


@pytest.mark.rule("INV-3", "INV-6", "INV-7", "DEL-1")
@pytest.mark.parametrize("status", [None, "cancelled"])
def test_inv_7_a_cancellation_is_mailed_if_asked_for_and_direct_copies_go(status):
    """Who was invited keeps what Exchange makes of his copy: cancelled."""
    bank = the_bank()
    bank.in_crm(assign_to=("u-anna", "u-bob", "u-cora"))
    bank.until_quiet()
    forgetting(bank)
    bank.in_crm(notify="all", **({"status": status} if status else {"kind": Kind.DELETED}))
    bank.until_quiet()
    assert bank.mails == [("cancellation", tuple(sorted((B, CLIENT, STRANGER))))]
    assert to(bank) == [(A, "all"), (C, "none")]
    assert len(bank.writes[0].recipients) == 3
    assert (bank.live_in(A), bank.live_in(C), bank.copy_in(B).is_cancelled) == ([], [], True)
    assert bank.link.state is State.DELETED
    assert bank.commands == []


@pytest.mark.rule("INV-7", "INV-3")
@pytest.mark.parametrize(
    ("notify", "said"), [("none", []), ("added", [("INV-3", "nobody is added where something ends")])]
)
def test_inv_7_else_it_is_taken_from_everybody_in_silence(notify, said):
    """Nobody is left with a meeting that is not."""
    bank = the_bank()
    bank.in_crm(kind=Kind.DELETED, notify=notify)
    bank.until_quiet()
    assert (bank.mails, bank.copies, silences(bank)) == ([], {}, said)


@pytest.mark.rule("INV-7")
def test_inv_7_where_the_organizers_copy_is_gone_nobody_can_be_told():
    """A CRM user cancels what Anna deleted in Outlook."""
    bank = the_bank()
    bank.deleted_in_outlook(A)
    bank.in_crm(status="cancelled", notify="all")
    bank.hint(A)
    bank.deliver()
    assert bank.mails == []
    assert silences(bank) == [("INV-7", "there is no copy of the organizer's to mail from")]
    assert bank.live_in(B) == []


@pytest.mark.rule("INV-7", "DEL-1")
def test_inv_7_tried_again_after_the_cancellation_was_sent_what_exchange_marked_stays():
    """The organizer's copy went with the first try."""
    bank = the_bank()
    bank.in_crm(kind=Kind.DELETED, notify="all")
    event = bank.events[0]
    bank.deliver()
    once = replace(bank.link, state=State.ACTIVE, deleted_by_crm=False, crm_version=event.version - 1)
    bank.link, bank.events = once, [event]
    forgetting(bank)
    bank.deliver()
    assert (bank.writes, bank.mails) == ([], [])
    assert bank.copy_in(B).is_cancelled


# series


WEEKLY = Recurrence("weekly", weekdays=("TU",), end="after", count=10)
SERIES = replace(MEETING, recurrence=WEEKLY)


def an_exception(number: int, **changes: object) -> SeriesException:
    return SeriesException(START + days(7 * number), changes=changes_of(ScheduleItem(**changes), list(changes)))


@pytest.mark.rule("INV-3", "INV-6", "REC-3")
def test_inv_3_a_single_occurrence_is_told_of_like_the_whole():
    """Changed or deleted; who is told gets nothing written to his copy."""
    bank = a_bank_of_the_crm(WORLD, replace(ITEM, recurrence=WEEKLY), notify="all")
    bank.until_quiet()
    forgetting(bank)
    gone = SeriesException(START + days(14), deleted=True)
    bank.in_crm(exceptions=(an_exception(1, location="Room 5"), gone), notify="all")
    bank.deliver()
    assert [(each.mailbox, each.operation, each.sending.to.value) for each in bank.writes] == [
        (A, Operation.UPDATE, "all"),
        (A, Operation.DELETE, "all"),
    ]
    assert {each.recipients for each in bank.writes} == {("u-bob",)}


@pytest.mark.rule("INV-5", "REC-3")
def test_inv_5_nobody_is_told_of_a_single_occurrence_that_is_over():
    """It is written to every copy instead."""
    world = replace(WORLD, now=END + timedelta(days=8))
    bank = a_bank_of_the_crm(world, replace(ITEM, recurrence=WEEKLY), notify="all")
    bank.until_quiet()
    forgetting(bank)
    bank.in_crm(exceptions=(an_exception(1, location="Room 5"),), notify="all")
    bank.deliver()
    assert [(each.mailbox, each.sending.to.value) for each in bank.writes] == [(A, "none"), (B, "none")]
    assert silences(bank) == [("INV-5", "of single occurrences that are over")]


@pytest.mark.rule("INV-3", "REC-3")
def test_inv_3_a_new_series_is_told_with_its_exceptions():
    """First the whole, then each of them."""
    item = replace(ITEM, recurrence=WEEKLY, exceptions=(an_exception(1, location="Room 5"),))
    bank = a_bank_of_the_crm(WORLD, item, notify="added")
    assert [(each.operation, each.occurrence, each.sending.to.value) for each in bank.writes] == [
        (Operation.CREATE, None, "all"),
        (Operation.UPDATE, START + days(7), "all"),
    ]


@pytest.mark.rule("INV-5")
def test_inv_5_a_series_is_over_when_its_last_occurrence_is():
    """Not before."""
    for now, mailed in ((END + days(60), True), (END + days(70), False)):
        bank = a_bank(replace(WORLD, now=now), SERIES, copy_of(SERIES, BOB))
        bank.in_crm(subject="x", notify="all")
        bank.deliver()
        assert bool(bank.mails) is mailed


def test_notes_stay_what_they_are():
    """The body of an invited copy is the organizer's."""
    bank = a_bank_of_the_crm(WORLD, ITEM, notify="all")
    bank.until_quiet()
    assert notes_of(bank.copy_in(B).body, html=bank.copy_in(B).html) == "Numbers"


@pytest.mark.rule("INV-3", "PART-6")
def test_inv_3_a_guest_whom_the_crm_has_forgotten_is_taken_out_and_told():
    """Given Bob, who has left the bank and is a user no more, then he leaves the meeting, too."""
    bank = the_bank()
    forgotten = replace(bank.world, users=tuple(each for each in bank.world.users if each != BOB))
    after = replace(bank.crm or ITEM, assign_to=("u-anna",))
    change = CrmChange(id=bank.crm_id or "", version=99, kind=Kind.CHANGED, revision=99, after=after, notify="all")
    plan = outbound.decide(bank.link, change, around=forgotten.around)
    [effect] = plan.effects
    assert (effect.mailbox, effect.uninvite, effect.leaving) == (A, {B}, ("u-bob",))
    assert (effect.sending.to, "u-bob" in effect.recipients) == (Whom.ALL, True)


@pytest.mark.rule("MAP-1", "INV-6")
def test_inv_6_what_outlook_sent_and_the_crm_changes_back_is_written():
    """What we wrote to his copy before is there no more, whoever brought the message."""
    bank = the_bank()
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    bank.in_outlook(A, subject="Plan")
    bank.sent_in_outlook(A)
    bank.until_quiet()
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert {bank.copy_in(each).subject for each in (A, B)} == {"Budget"}
