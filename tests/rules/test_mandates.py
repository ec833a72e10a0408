"""In whose name a CRM user changes an item: the owner's, if a grant is in force, or his own (INV-2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import mandates, outbound
from handlers.crm_changes import CrmChange, Kind
from handlers.effects import Operation
from handlers.links import State
from schemas import ids, options
from schemas.items import Recurrence, ScheduleItem, SeriesException
from schemas.outcomes import Decision, Direction, Reason, Result
from schemas.sending import Sending, Whom
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm, forgetting
from tests.support.world import END, START, a_meeting, a_user, a_world, copy_of, days, said

ANNA, BOB, BEN = a_user("u-anna"), a_user("u-bob"), a_user("u-ben")
NOBODYS = a_world(ANNA, BOB, BEN, a_user("u-eve", mailbox=None))
WORLD = NOBODYS.with_options("user:u-anna", invitations=True).granting(("u-anna", "u-ben"))
A, B, BENS = "anna@bank.example", "bob@bank.example", "ben@bank.example"
ITEM = ScheduleItem(
    subject="Call", start=START, end=END, zone="Europe/Vienna", owner="u-anna", assign_to=("u-anna", "u-bob")
)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB])


def the_bank(world=WORLD) -> Bank:
    """Anna's meeting of Outlook with Bob, in peace."""
    return a_bank(world, MEETING, copy_of(MEETING, BOB))


def why(bank: Bank) -> list[tuple[str, str, Decision]]:
    return [(each.rule, each.about, each.decision) for report in bank.reports for each in report.explain]


@pytest.mark.rule("INV-2", "INV-3")
@pytest.mark.scenario("S22a")
@pytest.mark.parametrize(("notify", "whom"), [("all", Whom.ALL), ("none", Whom.NOBODY)])
def test_s22a_what_a_delegate_makes_lies_in_the_principals_calendar_made_by_the_delegate(notify, whom):
    """Mailed or not; all other mailboxes are written to as before."""
    bank = a_bank_of_the_crm(WORLD, ITEM, notify=notify, actor="u-ben", on_behalf_of="u-anna")
    annas = bank.writes[0]
    assert (annas.mailbox, annas.delegate, annas.sending) == (A, "u-ben", Sending(whom, acting=BENS))
    assert all((each.delegate, each.sending) == (None, Sending()) for each in bank.writes[1:])
    assert bank.copy_in(A).organizer is not None
    assert bank.copy_in(A).organizer.address == A
    [report] = bank.reports
    assert (report.result, report.reason) == (Result.APPLIED, None)
    [used] = report.options
    assert (used.key, used.user, used.value, used.effect) == (
        options.MEETING_INVITATIONS,
        "u-anna",
        True,
        ("delegate:u-ben",),
    )


@pytest.mark.rule("INV-2")
@pytest.mark.scenario("S22a")
def test_s22a_what_a_delegate_changes_and_deletes_is_done_by_him_too():
    """Who takes part included."""
    bank = the_bank()
    bank.in_crm(subject="Budget", assign_to=("u-anna",), actor="u-ben", on_behalf_of="u-anna")
    bank.in_crm(notify="all", kind=Kind.DELETED, actor="u-ben", on_behalf_of="u-anna")
    bank.until_quiet()
    annas = [each for each in bank.writes if each.mailbox == A]
    assert [(each.operation, each.delegate, each.sending.acting) for each in annas] == [
        (Operation.UPDATE, "u-ben", BENS),
        (Operation.DELETE, "u-ben", BENS),
    ]
    assert all(report.options for report in bank.reports)


@pytest.mark.rule("INV-2", "INV-7")
@pytest.mark.parametrize("is_hers", [True, False])
def test_inv_2_a_delegate_writes_to_his_principals_calendar_alone(is_hers):
    """Where hers is not to be had, the copy that counts is Bob's, in whose calendar he has no right."""
    bank = the_bank()
    world = WORLD.knowing(replace(ANNA, sync_enabled=is_hers))
    after = replace(bank.crm or ITEM, subject="Budget")
    change = CrmChange("si-1", 99, revision=99, after=after, actor="u-ben", on_behalf_of="u-anna")
    plan = outbound.decide(replace(bank.link, master="u-bob"), change, around=world.around)
    hers = [(A, True, "u-ben", Sending(acting=BENS))] if is_hers else []
    assert [(each.mailbox, each.authoritative, each.delegate, each.sending) for each in plan.effects] == [
        *hers,
        (B, not is_hers, None, Sending()),
    ]


WEEKLY = replace(ITEM, recurrence=Recurrence("weekly", weekdays=("TU",), end="after", count=10))
IN_ROOM_5 = SeriesException(START + days(7), changes=(("location", '"Room 5"'),))


def of_occurrences(bank: Bank) -> list[tuple[str | None, Sending, tuple[str, ...]]]:
    """By whom single occurrences were written in Anna's calendar, and who was told."""
    return [(each.delegate, each.sending, each.recipients) for each in bank.writes if each.mailbox == A if each.index]


@pytest.mark.rule("INV-2", "INV-3", "REC-3")
@pytest.mark.parametrize(
    ("notify", "people", "whom", "recipients"),
    [
        ("none", ("u-anna", "u-bob"), Whom.NOBODY, ()),
        ("all", ("u-anna", "u-bob"), Whom.ALL, ("u-bob",)),
        ("added", ("u-anna", "u-bob", "u-dan"), Whom.NOBODY, ()),
    ],
)
def test_inv_2_a_delegate_writes_single_occurrences_too_and_mails_who_is_to_be_told(notify, people, whom, recipients):
    """Who is new to the series is told of it as a whole."""
    bank = a_bank_of_the_crm(WORLD.knowing(a_user("u-dan")), WEEKLY, notify="all")
    bank.until_quiet()
    forgetting(bank)
    bank.in_crm(exceptions=(IN_ROOM_5,), assign_to=people, notify=notify, actor="u-ben", on_behalf_of="u-anna")
    bank.deliver()
    assert set(of_occurrences(bank)) == {("u-ben", Sending(whom, acting=BENS), recipients)}


@pytest.mark.rule("INV-2", "PRIV-6", "REC-3")
@pytest.mark.parametrize(
    ("before", "restricted", "is_hidden"),
    [(False, False, False), (False, True, True), (True, True, False), (True, False, False)],
    ids=["open", "made private", "private before", "opened"],
)
def test_inv_2_occurrences_of_what_a_delegate_makes_private_are_written_by_the_owner(before, restricted, is_hidden):
    """Exchange hides it from him before he comes to them; he is named all the same."""
    bank = a_bank_of_the_crm(WORLD, replace(WEEKLY, restricted=before))
    bank.until_quiet()
    forgetting(bank)
    bank.in_crm(exceptions=(IN_ROOM_5,), restricted=restricted, actor="u-ben", on_behalf_of="u-anna")
    bank.deliver()
    assert of_occurrences(bank) == [("u-ben", Sending(acting="" if is_hidden else BENS), ())]


@pytest.mark.rule("INV-2", "PRIV-6", "REC-3")
@pytest.mark.parametrize("restricted", [False, True])
def test_inv_2_so_are_those_of_a_private_series_that_he_makes(restricted):
    """The series itself is made by him."""
    item = replace(WEEKLY, restricted=restricted, exceptions=(IN_ROOM_5,))
    bank = a_bank_of_the_crm(WORLD, item, actor="u-ben", on_behalf_of="u-anna")
    assert bank.writes[0].sending.acting == BENS
    assert of_occurrences(bank) == [("u-ben", Sending(acting="" if restricted else BENS), ())]


@pytest.mark.rule("INV-2")
@pytest.mark.parametrize(
    ("world", "on_behalf_of", "actor"),
    [
        (NOBODYS.with_options(invitations=True), "u-anna", "u-ben"),
        (NOBODYS.granting(("u-anna", "u-ben")), "u-anna", "u-ben"),
        (WORLD.with_options("user:u-anna", invitations=False), "u-anna", "u-ben"),
        (WORLD, "u-bob", "u-ben"),
        (WORLD, "u-anna", "u-bob"),
        (WORLD, "u-nobody", "u-ben"),
        (WORLD, None, "u-ben"),
        (WORLD, "u-ben", "u-ben"),
        (WORLD.granting(("u-anna", "u-eve")), "u-anna", "u-eve"),
        (WORLD.granting(("u-anna", "u-gone")), "u-anna", "u-gone"),
        (WORLD.knowing(replace(BEN, active=False)), "u-anna", "u-ben"),
    ],
    ids=[
        "no grant",
        "option off by default",
        "option off",
        "not the owner",
        "another's grant",
        "unknown principal",
        "for nobody",
        "for himself",
        "no mailbox",
        "unknown delegate",
        "one who has left",
    ],
)
def test_inv_2_a_create_without_a_grant_in_force_is_refused_and_gets_no_command(world, on_behalf_of, actor):
    """Nothing is written, nobody is mailed."""
    bank = a_bank_of_the_crm(world, ITEM, notify="all", actor=actor, on_behalf_of=on_behalf_of)
    bank.until_quiet()
    assert (bank.writes, bank.commands, bank.mails) == ([], [], [])
    [report] = bank.reports
    assert (report.direction, report.result, report.reason) == (Direction.OUTBOUND, Result.REFUSED, Reason.NO_GRANT)
    assert why(bank) == [("INV-2", actor, Decision.REFUSED)]
    assert all(each.effect == () for each in report.options)


@pytest.mark.rule("INV-2", "OPT-5")
def test_inv_2_with_the_option_off_that_is_what_the_outcome_names():
    """Whose it is, and where it came from; the grant is not the question then."""
    world = WORLD.with_options("user:u-anna", invitations=False)
    bank = a_bank_of_the_crm(world, ITEM, actor="u-ben", on_behalf_of="u-anna")
    [report] = bank.reports
    assert [(each.key, each.user, each.value, each.level.value) for each in report.options] == [
        (options.MEETING_INVITATIONS, "u-anna", False, "user")
    ]
    assert report.explain[0].because == "the option of u-anna is off"


@pytest.mark.rule("INV-2", "OPT-5")
def test_inv_2_without_a_grant_the_outcome_names_the_option_that_would_let_him():
    """It is on; it is the grant that is missing."""
    bank = a_bank_of_the_crm(NOBODYS.with_options(invitations=True), ITEM, actor="u-ben", on_behalf_of="u-anna")
    [report] = bank.reports
    assert [(each.key, each.user, each.value) for each in report.options] == [
        (options.MEETING_INVITATIONS, "u-anna", True)
    ]
    assert report.explain[0].because == "no grant of u-anna is in force"


@pytest.mark.rule("INV-2")
def test_inv_2_a_refused_create_is_made_when_the_owner_edits_it():
    """Whole, as if it were new."""
    bank = a_bank_of_the_crm(WORLD, ITEM, actor="u-bob")
    assert bank.writes == []
    assert (bank.link.state, bank.link.agreed) == (State.OUTSIDE, None), "it is in the CRM alone"
    bank.in_crm(location="Room 4", actor="u-anna")
    bank.until_quiet()
    assert (bank.copy_in(A).subject, bank.copy_in(A).location) == ("Call", "Room 4")


@pytest.mark.rule("INV-2", "DEL-6")
def test_inv_2_an_item_that_was_cancelled_is_not_opened_again_by_somebody_without_a_grant():
    """It was agreed on to be cancelled, and stays so in Exchange; the CRM is not told to open it."""
    bank = the_bank(NOBODYS)
    bank.in_crm(status="cancelled")
    bank.until_quiet()
    forgetting(bank)
    bank.in_crm(status="open", actor="u-ben", on_behalf_of="u-anna")
    bank.until_quiet()
    assert (bank.copies, bank.commands, bank.link.state) == ({}, [], State.DELETED)
    assert why(bank) == [("INV-2", "u-ben", Decision.REFUSED)]


@pytest.mark.rule("INV-2", "INV-7")
def test_inv_2_what_was_never_in_scope_stays_out_of_it_when_its_create_is_refused():
    """There is nothing to be put back."""
    bank = a_bank_of_the_crm(NOBODYS, replace(ITEM, owner="u-eve", assign_to=()))
    link = replace(bank.link, state=State.OUT_OF_SCOPE, agreed=None, crm=None)
    change = CrmChange("si-1", 2, after=ITEM, actor="u-ben", on_behalf_of="u-anna")
    plan = outbound.decide(link, change, around=NOBODYS.around)
    assert (plan.link.state, plan.command) == (State.OUT_OF_SCOPE, None)


@pytest.mark.rule("INV-2", "ID-6")
def test_inv_2_a_refused_change_is_put_back_and_a_refused_delete_brings_the_item_back():
    """By a command each; Exchange is untouched."""
    bank = the_bank(NOBODYS)
    bank.in_crm(subject="Budget", actor="u-ben", on_behalf_of="u-anna", notify="all")
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.subject, bank.copy_in(A).subject, bank.writes) == ("Review", "Review", [])
    bank.in_crm(kind=Kind.DELETED, actor="u-ben", on_behalf_of="u-anna", notify="all")
    bank.crm = None
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.subject, bank.crm.assign_to, bank.link.state) == ("Review", ("u-anna", "u-bob"), State.ACTIVE)
    assert (bank.writes, bank.mails) == ([], [])
    assert why(bank) == [("INV-2", "u-ben", Decision.REFUSED)] * 2
    assert {report.reason for report in bank.reports} == {Reason.NO_GRANT}


@pytest.mark.rule("INV-2", "INV-4")
@pytest.mark.parametrize("ends", [False, True])
def test_inv_2_what_somebody_else_changes_is_applied_and_never_mailed(ends):
    """The CRM checked that he may; he acts for nobody."""
    bank = the_bank()
    if ends:
        bank.in_crm(kind=Kind.DELETED, notify="all", actor="u-bob")
    else:
        bank.in_crm(subject="Budget", notify="all", actor="u-bob")
    bank.until_quiet()
    assert bank.mails == []
    assert [(each.mailbox, each.sending, each.delegate) for each in bank.writes] == [
        (A, Sending(), None),
        (B, Sending(), None),
    ]
    assert why(bank) == [("INV-2", bank.link.id, Decision.SILENT)]


@pytest.mark.rule("INV-2")
@pytest.mark.parametrize(("actor", "on_behalf_of"), [("u-anna", None), ("u-anna", "u-anna"), (None, None)])
def test_inv_2_the_owner_needs_no_grant(actor, on_behalf_of):
    """Nor does who is not named."""
    bank = a_bank_of_the_crm(NOBODYS, ITEM, notify="all", actor=actor, on_behalf_of=on_behalf_of)
    assert bank.mails == [("invitation", (B,))]
    assert (bank.writes[0].delegate, bank.reports[0].options) == (None, ())


@pytest.mark.rule("INV-2", "INV-7")
def test_inv_2_whose_it_is_exchange_says_once_it_is_there():
    """Another owner in the CRM has no say in Anna's meeting."""
    bank = the_bank()
    bank.in_crm(owner="u-bob", actor="u-anna")
    bank.until_quiet()
    forgetting(bank)
    bank.in_crm(subject="Budget", notify="all", actor="u-bob")
    bank.in_crm(subject="Plan", notify="all", actor="u-ben", on_behalf_of="u-anna")
    bank.until_quiet()
    assert [each.delegate for each in bank.writes if each.mailbox == A] == [None, "u-ben"]
    assert len(bank.mails) == 1


@pytest.mark.rule("INV-2", "INV-7")
def test_inv_2_an_item_of_nobody_is_anybodys_to_make():
    """There is no calendar in which it would be made for somebody."""
    bank = a_bank_of_the_crm(WORLD, replace(ITEM, owner=None), actor="u-ben")
    assert {each.mailbox for each in bank.writes} == {A, B}


@pytest.mark.rule("INV-2", "INV-5")
def test_inv_2_what_was_dealt_with_before_is_not_judged_by_the_grants_of_today():
    """A store put back to an older state reads it again."""
    change = CrmChange("si-1", 2, after=ITEM, actor="u-ben", on_behalf_of="u-anna", replayed=True)
    mandate = mandates.of(change, owner="u-anna", is_new=False, around=NOBODYS.around)
    assert mandate == mandates.OWN


@pytest.mark.rule("INV-2")
def test_inv_2_what_is_gone_already_is_put_away_whoever_says_so():
    """A refusal brings back nothing that is not there."""
    bank = the_bank(NOBODYS)
    bank.deleted_in_outlook(A)
    bank.hint(A)
    bank.events.clear()
    forgetting(bank)
    bank.in_crm(kind=Kind.DELETED, actor="u-ben", on_behalf_of="u-anna")
    bank.deliver()
    assert bank.commands == []


@pytest.mark.rule("INV-2", "INV-7")
@pytest.mark.parametrize("kind", [Kind.CHANGED, Kind.DELETED])
def test_inv_2_out_of_scope_or_not_it_is_refused_and_put_back(kind):
    """The event has opened it again, whatever else becomes of it."""
    bank = the_bank(NOBODYS)
    bank.in_crm(kind=Kind.OUT_OF_SCOPE)
    bank.deliver()
    assert bank.link.state is State.OUT_OF_SCOPE
    forgetting(bank)
    bank.in_crm(kind=kind, subject="Budget", actor="u-ben", on_behalf_of="u-anna", notify="all")
    bank.deliver()
    assert bank.crm is not None
    assert (bank.link.state, bank.crm.subject, bank.writes) == (State.ACTIVE, "Review", [])
    assert len(bank.commands) == 1


@pytest.mark.rule("INV-2")
@pytest.mark.parametrize("kind", [Kind.CHANGED, Kind.DELETED])
def test_inv_2_what_exchange_denies_the_delegate_is_refused_and_put_back(kind):
    """Somebody took the right from him by hand, or the item is private."""
    bank = the_bank()
    after = replace(ITEM, subject="Budget") if kind is Kind.CHANGED else None
    change = CrmChange("si-1", 9, kind, after=after, actor="u-ben", on_behalf_of="u-anna", notify="all")
    plan = outbound.rejected(bank.link, change, generation=0, reason=Reason.DENIED)
    assert plan.command is not None
    assert (said(plan).result, said(plan).reason) == (Result.REFUSED, Reason.DENIED)
    assert [(each.rule, each.about, each.decision) for each in said(plan).explain] == [
        ("INV-2", "u-ben", Decision.REFUSED)
    ]
    assert plan.effects == ()
    made = CrmChange("si-2", 1, after=ITEM, actor="u-ben", on_behalf_of="u-anna")
    fresh = replace(bank.link, id=ids.link_of_crm("si-2"), agreed=None, crm=None, crm_version=0)
    assert outbound.rejected(fresh, made, generation=0, reason=Reason.DENIED).command is None


@pytest.mark.rule("INV-2")
def test_inv_2_who_is_not_named_acts_for_nobody():
    """Neither makes an item in somebody's name, nor changes or deletes one, and it is said why."""
    bank = a_bank_of_the_crm(WORLD, ITEM, notify="all", actor=None, on_behalf_of="u-anna")
    bank.until_quiet()
    assert (bank.writes, bank.commands, bank.mails) == ([], [], [])
    [report] = bank.reports
    assert (report.result, report.reason) == (Result.REFUSED, Reason.NO_GRANT)
    assert [(each.rule, each.about, each.decision, each.because) for each in report.explain] == [
        ("INV-2", "item", Decision.REFUSED, "nobody acts for u-anna")
    ]


@pytest.mark.rule("INV-2", "ID-6")
def test_inv_2_what_nobody_changes_for_somebody_is_put_back():
    """As every other change that is refused."""
    bank = the_bank(WORLD)
    bank.in_crm(subject="Budget", notify="all", actor=None, on_behalf_of="u-anna")
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.subject, bank.writes, bank.mails) == ("Review", [], [])
    assert [(report.result, report.reason) for report in bank.reports] == [(Result.REFUSED, Reason.NO_GRANT)]
