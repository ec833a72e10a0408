"""The planner as a whole, at random: a state and two of its descendants, one on each side, are brought together.

Whatever people changed on both sides at once, and whichever of it is heard of first: afterwards both sides hold the
same, which is what the rules say of each field by itself; a second round does nothing; and what nobody changed is in
no request and in no command (CON-1, CON-2, CON-3, MAP-1, PART-6).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.policy import ConflictPolicy
from handlers.translation import content
from schemas.addresses import normalise
from schemas.copies import Attendee
from schemas.items import ForEntry, Related, ScheduleItem, Source
from tests.support.mirror import Bank, forgetting
from tests.support.world import START, a_contact, a_meeting, a_user, a_world, invited

ANNA = a_user("u-anna")
BOB, CORA, DORA = a_user("u-bob"), a_user("u-cora"), a_user("u-dora")
EVE = a_user("u-eve", mailbox=None)  # has an address, but no mailbox of ours
USERS = (BOB, CORA, DORA, EVE)
CARLA, CARL = a_contact("c-carla"), a_contact("c-carl")
EVE_AS_CONTACT = a_contact("c-eve", emails=[], user="u-eve")
WORLD = a_world(ANNA, *USERS, CARLA, CARL, EVE_AS_CONTACT).with_options(private_meetings=True, alarms=True)
WORLDS = {
    policy: WORLD.with_policy(conflict_default=policy, canonical=lru_cache(None)(normalise))
    for policy in ConflictPolicy
}

CASES = 10_000 if os.environ.get("CI", "").lower() == "true" else 500

TEXTS = ("Review", "Budget", "Audit")
SLOTS = ((0, 1), (0, 2), (3, 4), (1, 2))
WORDS = {"A": "High", "B": "Normal", "C": "Low"}
SENSITIVITIES = ("Normal", "Private", "Personal", "Confidential")
MINUTES: tuple[tuple[int, ...], ...] = ((), (0,), (15,), (5, 30), (15, 30))

fields: dict[str, st.SearchStrategy[Any]] = {
    "subject": st.sampled_from(TEXTS),
    "notes": st.sampled_from(("", "Agenda", "Bring slides\n\n- and a pen")),
    "location": st.sampled_from(("", "Room 4", "Room 9")),
    "slot": st.sampled_from(SLOTS),
    "priority": st.sampled_from("ABC"),
    "people": st.sets(st.sampled_from([user.id for user in USERS])),
    "contacts": st.sets(st.sampled_from(["c-carla", "c-carl"])),
}
states = st.fixed_dictionaries({**fields, "sensitivity": st.sampled_from(SENSITIVITIES)})
in_exchange = st.fixed_dictionaries(
    {},
    optional={**fields, "sensitivity": st.sampled_from(SENSITIVITIES), "reminder": st.sampled_from([None, 0, 15, 30])},
)
in_crm = st.fixed_dictionaries(
    {},
    optional={
        **fields,
        "restricted": st.booleans(),
        "alarms": st.sampled_from(MINUTES),
        "eve_in_for": st.just(True),
        "without_owner": st.just(True),
        "status": st.just("completed"),
        "related": st.just((Related("opportunity", "o-1", "Pension"),)),
    },
)
policies = st.sampled_from([ConflictPolicy.CRM_WINS, ConflictPolicy.CRM_WINS, ConflictPolicy.EXCHANGE_WINS])


@dataclass(frozen=True)
class Play:
    """What was, what both sides made of it, and who wins."""

    base: Mapping[str, Any]
    exchange: Mapping[str, Any]
    crm: Mapping[str, Any]
    policy: ConflictPolicy

    def merged(self, name: str) -> Any:
        """The one value that both sides hold in the end, by CON-1 and CON-2."""
        base = self.base[name]
        theirs, ours = self.exchange.get(name, base), self.crm.get(name, base)
        if theirs in (base, ours) or ours == base:
            return theirs if ours == base else ours
        return ours if self.policy is ConflictPolicy.CRM_WINS else theirs

    def people(self, name: str) -> set[str]:
        """Base plus adds minus removes of both sides (PART-6)."""
        base = set(self.base[name])
        theirs, ours = set(self.exchange.get(name, base)), set(self.crm.get(name, base))
        return (base | theirs | ours) - (base - theirs) - (base - ours)

    @property
    def may_be_refused(self) -> bool:
        """Lifted in the CRM while Exchange had a word of its own, which it has no more: refused if heard of before."""
        was_fine = self.base["sensitivity"] in ("Personal", "Confidential")
        return was_fine and self.exchange.get("sensitivity") == "Private" and self.crm.get("restricted") is False

    @property
    def restricted(self) -> bool:
        """Lifted in the CRM, it stays where Exchange has a word of its own for it (PRIV-6)."""
        was = self.base["sensitivity"] != "Normal"
        word = self.exchange.get("sensitivity", self.base["sensitivity"])
        theirs, ours = word != "Normal", self.crm.get("restricted", was)
        if ours == was:
            return bool(theirs)
        if theirs in (ours, was):
            return True if word in ("Personal", "Confidential") else bool(ours)
        raise AssertionError("of two values, two different changes cannot be")


def attendees_of(people: Collection[str], contacts: Collection[str]) -> tuple[Attendee, ...]:
    """As they are invited in Outlook, with a stranger who is always there."""
    users = [invited(user) for user in USERS if user.id in people]
    named = [invited(each) for each in (CARLA, CARL) if each.id in contacts]
    return (*users, *named, invited("x@else.example"))


def as_copy(state: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """A state as a copy has it, as far as it says anything."""
    values = {name: state[name] for name in ("subject", "location", "sensitivity", "reminder") if name in state}
    if "notes" in state:
        values["body"] = state["notes"]
    if "slot" in state:
        values["start"], values["end"] = (START + timedelta(hours=hours) for hours in state["slot"])
    if "priority" in state:
        values["importance"] = WORDS[state["priority"]]
    if "people" in state or "contacts" in state:
        values["attendees"] = attendees_of(state.get("people", base["people"]), state.get("contacts", base["contacts"]))
    return values


def as_edit(play: Play, held: ScheduleItem) -> dict[str, Any]:
    """A state as a CRM user makes it of what the CRM holds."""
    state = play.crm
    plain = ("subject", "notes", "location", "priority", "restricted", "status", "related")
    values: dict[str, Any] = {name: state[name] for name in plain if name in state}
    if "slot" in state:
        values["start"], values["end"] = (START + timedelta(hours=hours) for hours in state["slot"])
    if "people" in state or "without_owner" in state:
        owner = set() if "without_owner" in state else {"u-anna"}
        values["assign_to"] = tuple(sorted(owner | set(state.get("people", play.base["people"]))))
    entries = {entry.contact: entry for entry in held.for_}
    if "contacts" in state:
        entries = {contact: entries.get(contact, ForEntry(contact, Source.CRM)) for contact in state["contacts"]}
    if "eve_in_for" in state:
        entries["c-eve"] = ForEntry("c-eve", Source.CRM)
    values["for_"] = tuple(sorted(entries.values()))
    if "alarms" in state:
        values["alarms"] = (("u-anna", state["alarms"]),)
    return values


def played(play: Play, *, crm_is_heard_first: bool) -> Bank:
    """Both sides change at the same moment, then talk it out."""
    world = WORLDS[play.policy]
    meeting = a_meeting(organizer=ANNA, reminder=15, **as_copy({**play.base}, play.base))
    bank = Bank(world, copies={(meeting.mailbox, meeting.item_id): meeting})
    bank.hint("anna@bank.example")
    bank.deliver()
    forgetting(bank)
    assert bank.crm is not None
    bank.in_outlook("anna@bank.example", **as_copy(play.exchange, play.base))
    bank.in_crm(**as_edit(play, bank.crm))
    if not crm_is_heard_first:
        bank.hint("anna@bank.example")
    bank.until_quiet()
    return bank


@pytest.mark.rule("CON-1", "CON-2", "CON-3", "MAP-1", "PART-6", "PRIV-6", "ALM-5")
@pytest.mark.timeout(900)  # minutes of one core, which it may have to share
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(base=states, exchange=in_exchange, crm=in_crm, policy=policies, crm_is_heard_first=st.booleans())
def test_both_sides_agree_on_what_the_rules_say_of_each_field(base, exchange, crm, policy, crm_is_heard_first):
    """Three correlated states, every field; equal afterwards, and nothing more to do or to say."""
    play = Play(base, exchange, crm, policy)
    bank = played(play, crm_is_heard_first=crm_is_heard_first)
    holds_what_both_agreed_on(play, bank)
    has_the_people_of_both(play, bank)
    has_its_alarms(play, bank)
    left_alone_what_nobody_changed(play, bank)


def holds_what_both_agreed_on(play: Play, bank: Bank) -> None:
    """Each field by itself, in the CRM, in the organizer's copy, and in every direct copy."""
    assert bank.crm is not None
    start, end = (START + timedelta(hours=hours) for hours in play.merged("slot"))
    wanted = {name: play.merged(name) for name in ("subject", "notes", "location", "priority")}
    restricted = bank.crm.restricted if play.may_be_refused else play.restricted
    wanted |= {"start": start, "end": end, "restricted": restricted}
    assert {name: getattr(bank.crm, name) for name in wanted} == wanted
    for copy in bank.copies.values():
        said = content(copy)
        assert {name: getattr(said, name) for name in wanted} == wanted, f"in {copy.mailbox}"


def has_the_people_of_both(play: Play, bank: Bank) -> None:
    """Sets, on both sides; who is added by the CRM alone and has a mailbox has a direct copy (INV-6)."""
    assert bank.crm is not None
    people, contacts = play.people("people"), play.people("contacts")
    assert set(bank.crm.assign_to) == people | (set() if "without_owner" in play.crm else {"u-anna"})
    behind = {"c-eve"} if "eve_in_for" in play.crm else set()
    assert {entry.contact for entry in bank.crm.for_} == contacts | behind
    invited_there = {each.address for each in bank.copy_in("anna@bank.example").attendees}
    of_exchange = set(play.exchange.get("contacts", play.base["contacts"]))
    expected = people | ({"u-eve"} if behind else set())
    if behind and "u-eve" in play.base["people"] and "u-eve" not in people:
        # Put into For while she took part, and taken out in Outlook: whichever was heard of last stands.
        expected = expected if "eve@bank.example" in invited_there else people
    addresses = {user.addresses[0] for user in USERS if user.id in expected}
    assert invited_there == addresses | {f"{each[2:]}@client.example" for each in of_exchange} | {"x@else.example"}
    added = set(play.crm.get("people", play.base["people"])) - set(play.base["people"])
    synchronized = {user.id for user in USERS if user.mailbox}
    assert {user for user in (w.user for w in bank.writes) if user != "u-anna"} <= synchronized
    direct = {bank.world.user_at(copy.mailbox).id for copy in bank.copies.values() if bank.is_direct(copy)}
    assert direct <= added & synchronized
    assert added - set(play.exchange.get("people", play.base["people"])) & synchronized <= direct | {"u-eve"}


def has_its_alarms(play: Play, bank: Bank) -> None:
    """A reminder is written only if a CRM user changed it, and read only if somebody changed it in Outlook (ALM-5)."""
    assert bank.crm is not None
    reminder = bank.copy_in("anna@bank.example").reminder
    theirs, ours = play.exchange.get("reminder", 15), play.crm.get("alarms", (15,))
    alarms = dict(bank.crm.alarms)["u-anna"]
    if ours == (15,):
        assert (reminder, alarms) == (theirs, () if theirs is None else (theirs,))
    elif theirs == 15:
        assert alarms == ours
        is_over = play.crm.get("status") == "completed"
        assert reminder == (15 if is_over or min(ours, default=None) == 15 else min(ours, default=None))


def left_alone_what_nobody_changed(play: Play, bank: Bank) -> None:
    """No request names a field that the CRM did not change, no command one that Exchange did not (MAP-1)."""
    times = {"start", "end", "zone", "all_day"}
    touched = {name for name in ("subject", "notes", "location", "priority", "restricted") if name in play.crm}
    touched |= times if "slot" in play.crm else set()
    for write in bank.writes:
        if write.authoritative:
            assert set(write.fields) <= touched
            assert bool(write.invite or write.uninvite) <= bool({"people", "eve_in_for"} & play.crm.keys())
    told = {name for name in ("subject", "notes", "location", "priority") if name in play.exchange}
    told |= times if "slot" in play.exchange else set()
    told |= {"restricted"} if "sensitivity" in play.exchange or "restricted" in play.crm else set()
    told |= {"assign_to", "responses"} if "people" in play.exchange or "people" in play.crm else set()
    told |= {"for"} if "contacts" in play.exchange else set()
    told |= {"alarms"} if {"reminder"} & play.exchange.keys() or {"people", "eve_in_for"} & play.crm.keys() else set()
    for command in bank.commands:
        assert set(getattr(command, "changed", ())) <= told | {"responses", "assign_to"}
