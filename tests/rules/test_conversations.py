"""Whole conversations at random: people on both sides change one meeting, in any order, and hints come as they like.

In the end, when everybody has been heard, both sides hold the same, direct copies included, and there is silence
(CON-1, CON-3, CON-4, PART-6, INV-6, DEL-3).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.echoes import deviating
from handlers.links import State
from handlers.outgoing import participants_of
from handlers.translation import content
from schemas.copies import Copy
from schemas.items import Related, Response, ScheduleItem
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm, forgetting, untouched
from tests.support.world import END, START, a_contact, a_meeting, a_user, a_world, invited

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
WORLD = a_world(ANNA, BOB, CORA, a_contact("c-carla")).with_options(
    alarms=True, notes=True, private_meetings=True, display=True
)
A, B, C = "anna@bank.example", "bob@bank.example", "cora@bank.example"
MEETING = a_meeting(organizer=ANNA, attendees=[CORA, "carla@client.example"], body="Agenda", reminder=15)
ITEM = ScheduleItem(subject="Call", start=START, end=END, zone="Europe/Vienna", owner="u-anna", assign_to=("u-bob",))
SHARED = ("subject", "notes", "location", "start", "end", "priority", "restricted")

CASES = 3_000 if os.environ.get("CI", "").lower() == "true" else 300

texts = st.sampled_from(["", "Review", " Budget  2027 ", "One\n\n two"])
hours = st.integers(0, 5)


def trimming(copy: Copy) -> Copy:
    """A server that trims and cuts seconds."""
    return replace(copy, subject=" ".join(copy.subject.split()), location=copy.location.strip())


def _times(hour: int) -> dict[str, Any]:
    return {"start": START + timedelta(hours=hour), "end": END + timedelta(hours=hour)}


def _assigned(bank: Bank, users: set[str]) -> None:
    bank.in_crm(assign_to=tuple(sorted({"u-anna", *users})))


def _invited(bank: Bank, users: set[str]) -> None:
    people = tuple(invited(user) for user in (BOB, CORA) if user.id in users)
    bank.in_outlook(A, attendees=(*people, invited("carla@client.example")))


def _in_direct_copy(bank: Bank, reminder: int | None) -> None:
    for mailbox in (B, C):
        if bank.live_in(mailbox):
            bank.in_outlook(mailbox, reminder=reminder)


def _removed(bank: Bank, mailbox: str) -> None:
    if bank.live_in(mailbox):
        bank.deleted_in_outlook(mailbox)


def _alarmed(bank: Bank, minutes: tuple[int, ...]) -> None:
    held = dict(bank.crm.alarms) if bank.crm else {}
    bank.in_crm(alarms=tuple(sorted((held | {"u-anna": minutes}).items())))


Deed = Callable[[Bank], object]

deeds: st.SearchStrategy[Deed] = st.one_of(
    texts.map(lambda text: lambda bank: bank.in_outlook(A, subject=text)),
    texts.map(lambda text: lambda bank: bank.in_outlook(A, location=text)),
    texts.map(lambda text: lambda bank: bank.in_outlook(A, body=text, html=False)),
    hours.map(lambda hour: lambda bank: bank.in_outlook(A, **_times(hour))),
    st.sampled_from(["Normal", "Private"]).map(lambda word: lambda bank: bank.in_outlook(A, sensitivity=word)),
    st.sampled_from([None, 0, 30]).map(lambda minutes: lambda bank: bank.in_outlook(A, reminder=minutes)),
    st.sampled_from([None, 0, 30]).map(lambda minutes: lambda bank: _in_direct_copy(bank, minutes)),
    st.sets(st.sampled_from(["u-bob", "u-cora"])).map(lambda users: lambda bank: _invited(bank, users)),
    st.sampled_from([B, C]).map(lambda mailbox: lambda bank: _removed(bank, mailbox)),
    texts.map(lambda text: lambda bank: bank.in_crm(subject=text)),
    texts.map(lambda text: lambda bank: bank.in_crm(notes=text)),
    hours.map(lambda hour: lambda bank: bank.in_crm(**_times(hour))),
    st.booleans().map(lambda flag: lambda bank: bank.in_crm(restricted=flag)),
    st.sampled_from("ABC").map(lambda priority: lambda bank: bank.in_crm(priority=priority)),
    st.sets(st.sampled_from(["u-bob", "u-cora"])).map(lambda users: lambda bank: _assigned(bank, users)),
    st.sampled_from([(), (0,), (5, 30)]).map(lambda minutes: lambda bank: _alarmed(bank, minutes)),
    st.sampled_from([(), (Related("opportunity", "o-1", "Pension"),)]).map(
        lambda related: lambda bank: bank.in_crm(related=related)
    ),
    st.sampled_from([A, B, C]).map(lambda mailbox: lambda bank: bank.hint(mailbox)),
    st.just(lambda bank: bank.deliver()),
    st.just(lambda bank: bank.deliver()),
    st.just(lambda bank: bank.hint(A)),
)


@pytest.mark.rule("CON-1", "CON-3", "CON-4", "PART-6", "INV-6", "DEL-3", "ALM-2")
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(said=st.lists(deeds, max_size=12), born_in_crm=st.booleans(), server=st.sampled_from([untouched, trimming]))
def test_any_conversation_ends_in_agreement_and_silence(said, born_in_crm, server):
    """Whatever was said, in whatever order, and whatever the server makes of it."""
    bank = a_bank_of_the_crm(WORLD, ITEM, rewrite=server) if born_in_crm else a_bank(WORLD, MEETING, rewrite=server)
    for deed in said:
        deed(bank)
    bank.until_quiet(rounds=8)
    agrees(bank)
    forgetting(bank)
    for mailbox in (A, B, C):
        bank.hint(mailbox)
    assert (bank.writes, bank.commands, bank.reports) == ([], [], [])


def agrees(bank: Bank) -> None:
    """Both sides hold the same, by what people can see."""
    assert bank.crm is not None
    assert bank.link.state is State.ACTIVE
    for copy in bank.copies.values():
        if copy in bank.live_in(copy.mailbox):
            assert deviating(content(copy), bank.crm, among=SHARED) == (), f"in {copy.mailbox}"
    people = participants_of(bank.crm, bank.world.facts())
    invited_there = {
        bank.world.user_at(each.address).id for each in bank.copy_in(A).attendees if "bank" in each.address
    }
    assert invited_there == people - {"u-anna"}
    for mailbox in (B, C):
        user = bank.world.user_at(mailbox).id
        live = bank.live_in(mailbox)
        assert len(live) <= 1
        assert not live or user in people, "nobody keeps a copy of what he has no part in"
        alarms = dict(bank.crm.alarms)
        if live and user in alarms:
            assert live[0].reminder in (*alarms[user], None)
    removed = [user for user, answer in bank.crm.responses if answer is Response.REMOVED]
    for user in removed:
        assert not bank.live_in(next(each.mailbox or "" for each in bank.world.users if each.id == user))
