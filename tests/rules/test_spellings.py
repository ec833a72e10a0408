"""People as Exchange happens to write them: twice, by several addresses, by what is no address (PART-1..4, PART-7)."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from handlers.options import Consulted, OptionValues
from handlers.participants import identify
from handlers.policy import BlacklistScope
from schemas import options
from schemas.copies import Attendee, Role
from schemas.items import ExternalReason, Response
from schemas.options import Level
from tests.support.world import (
    a_contact,
    a_meeting,
    a_user,
    a_world,
    copy_of,
    external,
    in_for,
    invited,
    pattern,
    told,
)

ANNA = a_user("u-anna")
BOB = a_user("u-bob", emails=["bob@bank.example", "b.baker@bank.example"])
CARLA = a_contact("c-carla")


def the_people(world, *attendees):
    """The participants of Anna's meeting with these attendees, she first."""
    meeting = a_meeting(organizer=ANNA, attendees=attendees)
    return identify(meeting, facts=world.facts(), policy=world.policy)


@pytest.mark.rule("PART-1", "PART-3", "PART-7")
def test_part_1_a_user_invited_by_two_addresses_is_one_participant_with_his_firmer_answer():
    """Whichever of them Exchange names first."""
    entries = [
        invited("b.baker@bank.example", response=Response.ACCEPTED),
        invited("bob@bank.example", response=Response.NONE),
    ]
    for order in permutations(entries):
        bobs = [person for person in the_people(a_world(ANNA, BOB), *order) if person.user == BOB]
        assert [person.response for person in bobs] == [Response.ACCEPTED]


@pytest.mark.rule("PART-3")
def test_part_3_of_two_spellings_of_a_strangers_address_the_same_is_shown_in_any_order():
    """Both lead to one mailbox; neither is nearer to it."""
    plain = {"x+one@else.example": "x@else.example", "x+two@else.example": "x@else.example"}
    world = a_world(ANNA).with_policy(canonical=lambda address: plain.get(address, address))
    entries = [Attendee(Role.REQUIRED, name="X", address=address) for address in plain]
    shown = [[person.email for person in the_people(world, *order)] for order in permutations(entries)]
    assert shown == [["anna@bank.example", "x+one@else.example"]] * 2


@pytest.mark.rule("BLK-3", "PART-1")
def test_blk_3_a_user_one_of_whose_addresses_is_blacklisted_is_no_user_by_another_either():
    """He would be in Assign To and an external contact at the same time."""
    world = a_world(ANNA, BOB).with_policy(blacklist=(pattern("^bob@"),), blacklist_scope=BlacklistScope.ALL)
    people = the_people(world, "bob@bank.example", "b.baker@bank.example")
    assert [(person.email, person.user) for person in people] == [
        ("anna@bank.example", ANNA),
        ("b.baker@bank.example", None),
        ("bob@bank.example", None),
    ]
    users_first = world.with_policy(blacklist_scope=BlacklistScope.CONTACTS)
    assert {person.user for person in the_people(users_first, "bob@bank.example", "b.baker@bank.example")} == {
        ANNA,
        BOB,
    }


@pytest.mark.rule("PART-4")
def test_part_4_what_looks_like_an_address_but_is_of_another_kind_is_none():
    """Exchange has to resolve it; until it does, he is nobody's contact."""
    entry = Attendee(Role.REQUIRED, name="Carla", address="carla@client.example", routing_type="EX")
    plan = a_world(ANNA, CARLA).decided(a_meeting(organizer=ANNA, attendees=[entry]))
    assert in_for(plan) == []
    assert (external(plan)["Carla"].reason, external(plan)["Carla"].email) == (ExternalReason.UNRESOLVED, None)


@pytest.mark.rule("PART-7")
def test_part_7_who_organizes_has_not_to_answer_whatever_exchange_tracks_for_him():
    """Also a stranger."""
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB])
    assert meeting.organizer is not None
    untracked = replace(meeting, organizer=replace(meeting.organizer, response=Response.UNKNOWN))
    plan = a_world(BOB).hinted(BOB, copies=[copy_of(untracked, BOB, response=Response.ACCEPTED)])
    assert external(plan)["Boss"].response is Response.ORGANIZER
    assert dict(told(plan).responses) == {"u-bob": Response.ACCEPTED}


@pytest.mark.rule("OPT-2", "OPT-5")
@pytest.mark.parametrize(("config", "value", "level"), [({}, None, Level.DEFAULT), (True, True, Level.CONFIG)])
def test_opt_5_an_option_nobody_set_by_event_is_reported_as_its_users(config, value, level):
    """By what was configured, else by the default."""
    key = options.FOR_CONTACTS_SECURITY_CHECK
    values = OptionValues(events={}, config={key: True} if config else {})
    expected = options.OPTIONS[key].default if value is None else value
    assert values.of(ANNA, key) == Consulted(key, "u-anna", expected, level)
