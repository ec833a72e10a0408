"""What holds of every mail, whoever changes what on either side, in whatever order (INV-2..7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers import outbound
from handlers.authority import is_live
from handlers.crm_changes import Kind
from handlers.effects import CONTENT, Effect, Operation
from handlers.links import State
from handlers.plans import Plan
from schemas.items import ScheduleItem
from schemas.outcomes import Decision
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm
from tests.support.world import END, START, a_contact, a_meeting, a_user, a_world, copy_of, days

ANNA, BOB, CORA, DAN = (a_user(f"u-{name}") for name in ("anna", "bob", "cora", "dan"))
EVE, NOWHERE = a_user("u-eve", mailbox=None), a_user("u-nowhere", emails=[])
WORLD = a_world(ANNA, BOB, CORA, DAN, EVE, NOWHERE, a_contact("c-carla"))
WORLD = WORLD.with_options(alarms=True, notes=True, invitations=True).granting(("u-anna", "u-dan"))
USERS = ("u-bob", "u-cora", "u-dan", "u-eve", "u-nowhere")
GUESTS = ("carla@client.example", "x@else.example")

notifies = st.sampled_from(["none", "all", "added"])
makers = st.sampled_from([(None, None), ("u-anna", None), ("u-dan", "u-anna"), ("u-bob", None), ("u-bob", "u-anna")])
people = st.sets(st.sampled_from(USERS), max_size=4).map(lambda users: tuple(sorted({"u-anna", *users})))
edits = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(["Review", "Budget", "Plan"]),
        "location": st.sampled_from(["", "Room 4"]),
        "assign_to": people,
        "times": st.sampled_from([0, 1, -30]),
        "alarms": st.sampled_from([(), (("u-bob", (5,)),), (("u-bob", (0,)), ("u-cora", (30,)))]),
        "status": st.sampled_from(["open", "completed"]),
    },
)
acts = st.one_of(
    st.tuples(st.just("crm"), edits, notifies, makers),
    st.tuples(st.just("outlook"), st.sampled_from(["Review", "Anna's"]), st.none(), st.none()),
    st.tuples(st.just("thrown away"), st.sampled_from(["bob@bank.example", "cora@bank.example"]), st.none(), st.none()),
)
starts = st.one_of(
    st.tuples(st.just("crm"), people, notifies),
    st.tuples(st.just("outlook"), st.sets(st.sampled_from([BOB, CORA]), max_size=2), st.sets(st.sampled_from(GUESTS))),
)
slow = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)


def begun(start: tuple[Any, ...]) -> Bank:
    """A meeting that one side made."""
    if start[0] == "crm":
        item = ScheduleItem(subject="Review", start=START, end=END, zone="Europe/Berlin", owner="u-anna")
        return a_bank_of_the_crm(WORLD, replace(item, assign_to=start[1]), notify=start[2])
    users = sorted(start[1], key=lambda user: user.id)
    meeting = a_meeting(organizer=ANNA, attendees=[*users, *sorted(start[2])])
    return a_bank(WORLD, meeting, *(copy_of(meeting, user) for user in users))


def fields_of(edit: dict[str, Any]) -> dict[str, Any]:
    """An edit in the item's own names."""
    named = {name: value for name, value in edit.items() if name != "times"}
    if "times" in edit:
        named |= {"start": START + days(edit["times"]), "end": END + days(edit["times"])}
    return named


def played(bank: Bank, act: tuple[Any, ...]) -> None:
    """Somebody does something; nobody has heard of it yet."""
    what, about, notify, maker = act
    if what == "crm":
        bank.in_crm(notify=notify, actor=maker[0], on_behalf_of=maker[1], **fields_of(about))
    elif what == "outlook":
        bank.in_outlook("anna@bank.example", subject=about)
        bank.sent_in_outlook("anna@bank.example")
    elif any(not each.is_cancelled for each in bank.live_in(about)):
        bank.deleted_in_outlook(about)


def mailing(plan: Plan) -> list[Effect]:
    return [each for each in plan.effects if each.sending.mails]


def is_of_content(effect: Effect) -> bool:
    """Whether it writes what the message brings."""
    return effect.operation is Operation.CREATE or not frozenset(CONTENT).isdisjoint(effect.fields)


@pytest.mark.rule("INV-3", "INV-4", "INV-5", "INV-6", "CON-3")
@slow
@given(start=starts, history=st.lists(acts, max_size=4), edit=edits, notify=notifies, maker=makers)
def test_whatever_happened_before_a_change_mails_whom_it_is_to_and_writes_to_nobody_twice(
    start, history, edit, notify, maker
):
    """Silent unless asked; from the organizer's copy alone; a message or a direct write, and never both."""
    bank = begun(start)
    bank.until_quiet()
    for act in history:
        played(bank, act)
        bank.until_quiet()
    bank.in_crm(notify=notify, actor=maker[0], on_behalf_of=maker[1], **fields_of(edit))
    [event] = bank.events
    plan = outbound.decide(bank.link, event, around=WORLD.around)
    mails = mailing(plan)
    if notify == "none" or maker == ("u-bob", None) or maker == ("u-bob", "u-anna"):
        assert mails == []
    assert all((each.user, each.direct, each.authoritative) == ("u-anna", False, True) for each in mails)
    assert all(each.recipients for each in mails)
    assert {each.sending.to.value for each in mails} <= {notify}
    told = {who for each in mails for who in each.recipients}
    written = {each.user for each in plan.effects if is_of_content(each) and not each.authoritative}
    assert told & written == set(), "a message and a direct write of content"
    removed = {each.user for each in plan.effects if each.operation is Operation.DELETE and not each.direct}
    assert told & removed == set(), "a cancellation and a delete of the copy that it is about"
    if mails:
        assert all(each.decision is not Decision.SILENT for each in plan.report.explain)  # type: ignore[union-attr]
    silent = outbound.decide(bank.link, replace(event, replayed=True), around=WORLD.around)
    assert mailing(silent) == [], "it was dealt with before"
    over = replace(WORLD, now=END + timedelta(days=400))
    assert mailing(outbound.decide(bank.link, event, around=over.around)) == [], "it is over"
    bank.deliver()
    bank.until_quiet()
    again = replace(event, version=bank.link.crm_version + 1, revision=bank.link.crm_revision, after=bank.crm)
    second = outbound.decide(bank.link, again, around=WORLD.around)
    assert second.effects == ()


@pytest.mark.rule("INV-6", "PART-6", "INV-3")
@slow
@given(start=starts, history=st.lists(acts.filter(lambda act: act[0] != "thrown away"), max_size=5))
def test_whoever_takes_part_and_has_a_mailbox_finds_one_copy_there_as_it_was_agreed(start, history):
    """By whichever way it came; who does not take part any more finds none, or one that is cancelled."""
    bank = begun(start)
    bank.until_quiet()
    for act in history:
        played(bank, act)
        bank.until_quiet()
    assert bank.crm is not None
    for user in (BOB, CORA, DAN):
        found = [each for each in bank.live_in(user.mailbox) if not each.is_cancelled]
        if user.id not in bank.crm.assign_to:
            assert found == [], f"{user.id} takes part no more"
            continue
        assert len(found) == 1, f"{user.id} takes part"
        assert (found[0].subject, found[0].location, found[0].start) == (
            bank.crm.subject,
            bank.crm.location,
            bank.crm.start,
        )


@pytest.mark.rule("INV-3", "INV-7", "DEL-1")
@slow
@given(start=starts, history=st.lists(acts, max_size=4), notify=notifies, maker=makers, cancels=st.booleans())
def test_at_the_end_nobody_is_left_with_a_meeting_that_he_does_not_know_is_off(start, history, notify, maker, cancels):
    """His copy is gone, or cancelled by a message; nothing is written once more if it is said again."""
    bank = begun(start)
    bank.until_quiet()
    for act in history:
        played(bank, act)
        bank.until_quiet()
    bank.mails.clear()
    ending = {"status": "cancelled"} if cancels else {"kind": Kind.DELETED}
    bank.in_crm(notify=notify, actor=maker[0], on_behalf_of=maker[1], **ending)
    [event] = bank.events
    plan = outbound.decide(bank.link, event, around=WORLD.around)
    bank.crm = bank.crm if cancels else None
    bank.until_quiet()
    if maker == ("u-bob", "u-anna"):
        assert (bank.link.state, bank.mails) == (State.ACTIVE, [])
        return
    assert bank.link.state is State.DELETED
    assert [each.mailbox for each in bank.copies.values() if is_live(each) and not each.is_cancelled] == []
    assert {kind for kind, _ in bank.mails} <= ({"cancellation"} if notify == "all" and maker[0] != "u-bob" else set())
    assert len(bank.mails) <= 1
    told = {who for each in mailing(plan) for who in each.recipients}
    assert told.isdisjoint(each.user for each in plan.effects if not each.authoritative)


@pytest.mark.rule("INV-4", "INV-5")
@slow
@given(start=starts, edit=edits, notify=notifies)
def test_what_was_asked_for_and_not_done_is_said_and_why(start, edit, notify):
    """In every outcome, a mail or a silence: by a rule, in a few words."""
    bank = begun(start)
    bank.until_quiet()
    bank.in_crm(notify=notify, **fields_of(edit))
    [event] = bank.events
    plan = outbound.decide(bank.link, event, around=WORLD.around)
    if plan.report is None:
        assert plan.effects == ()
        return
    silent = [each for each in plan.report.explain if each.decision is Decision.SILENT]
    assert len(silent) == (notify != "none" and not mailing(plan))
    assert all(each.rule in ("INV-2", "INV-3", "INV-4", "INV-5", "INV-7") and each.because for each in silent)


@pytest.mark.rule("INV-3", "INV-6")
@slow
@given(everybody=people, notify=notifies)
def test_of_a_new_item_each_participant_is_told_or_gets_a_copy_or_is_nowhere_to_be_reached(everybody, notify):
    """And nobody else is anything."""
    item = ScheduleItem(subject="Review", start=START, end=END, owner="u-anna", assign_to=everybody)
    plan = WORLD.crm_creates(item, notify=notify)
    told = {who for each in mailing(plan) for who in each.recipients}
    direct = {each.user for each in plan.effects if each.direct}
    assert told & direct == set()
    others = set(everybody) - {"u-anna"}
    reachable = others - {"u-nowhere"}
    assert told == (reachable if notify != "none" else set())
    assert direct == (set() if notify != "none" else others & {"u-bob", "u-cora", "u-dan"})
    assert set(plan.link.awaited) == told & {"u-bob", "u-cora", "u-dan"}
