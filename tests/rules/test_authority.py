"""Whose meeting it is: who organizes, who stands in for a stranger (ID-3, ID-4, ID-6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import authority
from handlers.links import Replica, State
from handlers.privacy import redact
from schemas.items import Organizer, Response, ScheduleItem
from tests.support.world import (
    a_link,
    a_meeting,
    a_user,
    a_world,
    an_appointment,
    confirmed,
    copy_of,
    in_deleted_items,
    told,
)

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
BOSS = "boss@else.example"
WORLD = a_world(ANNA, BOB, CORA)


def organizer(link, copy, *, holder, world=WORLD):
    """The CRM user who organizes, as it looks from a holder's mailbox."""
    found = authority.organizer_of(link, copy, holder=holder, facts=world.facts(), policy=world.policy)
    return found and found.id


def known(meeting, *copies, world=WORLD):
    """The link of a meeting that is in the CRM, as it was decided by its organizer's copy, or by its master's."""
    link = confirmed(world.decided(meeting))
    for copy in copies:
        link = world.hinted(world.user_at(copy.mailbox), copies=[meeting, copy], link=link).link
    return link


OURS = a_meeting(organizer=ANNA, attendees=[BOB, CORA])
BOBS = copy_of(OURS, BOB)
STRANGERS = a_meeting(organizer=BOSS, attendees=[BOB, CORA])
MASTERS = copy_of(STRANGERS, BOB, response=Response.ACCEPTED)
NAMELESS = replace(BOBS, organizer=None)
OWN = authority.authored(an_appointment(CORA, uid=OURS.uid))


@pytest.mark.rule("ID-3", "ID-4")
@pytest.mark.parametrize(
    ("copy", "holder", "expected"),
    [
        (OURS, ANNA, "u-anna"),
        (BOBS, BOB, "u-anna"),
        (copy_of(STRANGERS, BOB), BOB, None),
        (NAMELESS, BOB, None),
        (OWN, CORA, "u-cora"),
        (None, BOB, None),
    ],
)
def test_id_3_a_new_meeting_is_his_whom_exchange_names_an_appointment_its_holders(copy, holder, expected):
    """Of what names nobody, and of nothing, nobody knows."""
    assert organizer(a_link(), copy, holder=holder) == expected


@pytest.mark.rule("ID-3", "ID-6")
@pytest.mark.scenario("S21d")
@pytest.mark.parametrize(
    ("copy", "holder"),
    [
        (None, BOB),
        (None, ANNA),
        (BOBS, BOB),
        (NAMELESS, BOB),
        (OWN, CORA),
        (replace(BOBS, organizer=OWN.organizer), BOB),
    ],
)
def test_s21d_a_known_meeting_stays_his_who_organizes_it_while_he_has_his_copy(copy, holder):
    """Whatever another mailbox holds: nothing, a copy that names nobody, or an appointment of the same UID."""
    assert organizer(known(OURS), copy, holder=holder) == "u-anna"


@pytest.mark.rule("ID-3")
def test_id_3_the_organizers_own_copy_may_say_that_he_is_it_no_more():
    """It is the one copy that is believed about it; one that names nobody says nothing of somebody else."""
    link = known(OURS)
    moved = replace(OURS, organizer=copy_of(a_meeting(organizer=BOB), ANNA).organizer)
    assert organizer(link, moved, holder=ANNA) == "u-bob"
    assert organizer(link, replace(OURS, organizer=None), holder=ANNA) is None
    assert organizer(link, authority.authored(an_appointment(ANNA)), holder=ANNA) == "u-anna"


@pytest.mark.rule("ID-3", "ID-4")
@pytest.mark.parametrize(
    "gone", ["deleted his copy", "is not synchronized", "is inactive", "was never seen", "is unknown by now"]
)
def test_id_4_an_organizer_whose_copy_does_not_count_any_more_is_whom_another_copy_names(gone):
    """Bob's copy names Cora; as long as Anna's counts, it is Anna's meeting."""
    link, world = known(OURS), WORLD
    named = replace(BOBS, organizer=a_meeting(organizer=CORA).organizer)
    assert organizer(link, named, holder=BOB) == "u-anna"
    if gone == "deleted his copy":
        link = replace(link, replicas=tuple(replace(each, live=False) for each in link.replicas))
    elif gone == "is not synchronized":
        world = world.knowing(replace(ANNA, sync_enabled=False))
    elif gone == "is inactive":
        world = world.knowing(replace(ANNA, active=False))
    elif gone == "was never seen":
        link = replace(link, replicas=())
    else:
        world = a_world(BOB, CORA)
    assert organizer(link, named, holder=BOB, world=world) == "u-cora"


@pytest.mark.rule("ID-4", "ID-6")
@pytest.mark.scenario("S13c")
def test_s13c_a_strangers_meeting_is_not_taken_over_by_a_copy_that_does_not_count():
    """Cora's copy names Anna: the master's own would be believed, and one that belongs to the stranger's address."""
    link = replace(confirmed(WORLD.hinted(BOB, copies=[MASTERS])), master="u-bob")
    annas = a_meeting(organizer=ANNA).organizer
    assert organizer(link, replace(copy_of(STRANGERS, CORA), organizer=annas), holder=CORA) is None
    assert organizer(link, authority.authored(an_appointment(CORA)), holder=CORA) is None
    assert organizer(link, replace(MASTERS, organizer=annas), holder=BOB) == "u-anna"
    joined = WORLD.knowing(replace(ANNA, addresses=(*ANNA.addresses, BOSS)))
    assert organizer(link, copy_of(STRANGERS, CORA), holder=CORA, world=joined) == "u-anna"
    by_mailbox = WORLD.knowing(replace(ANNA, mailbox=BOSS))
    named = replace(copy_of(STRANGERS, CORA), organizer=annas)
    assert organizer(link, named, holder=CORA, world=by_mailbox) == "u-anna"


@pytest.mark.rule("ID-4", "ID-6")
@pytest.mark.parametrize("how", ["not in the CRM", "organizer without address", "nothing known of it"])
def test_id_6_where_no_stranger_is_known_to_organize_the_copy_is_believed(how):
    """A meeting that is not in the CRM, or of whose organizer there is no address, has nobody to protect."""
    link = replace(confirmed(WORLD.hinted(BOB, copies=[MASTERS])), master="u-bob")
    assert link.exchange is not None
    if how == "not in the CRM":
        link = replace(link, state=State.DELETED)
    elif how == "organizer without address":
        link = replace(link, exchange=replace(link.exchange, organizer=Organizer(name="Boss")))
    else:
        link = replace(link, exchange=None)
    named = replace(copy_of(STRANGERS, CORA), organizer=a_meeting(organizer=ANNA).organizer)
    assert organizer(link, named, holder=CORA) == "u-anna"


@pytest.mark.rule("ID-4")
def test_id_4_who_brings_a_living_copy_is_the_successor_else_the_lowest_of_those_who_have_one():
    """Deleted copies and users who are not synchronized, or not known, do not count."""
    replicas = (
        Replica("a@bank.example", "u-nobody", "1"),
        Replica("anna@bank.example", "u-anna", "2", live=False),
        Replica("bob@bank.example", "u-bob", "3"),
        Replica("cora@bank.example", "u-cora", "4"),
    )
    link, facts = a_link(state=State.ACTIVE, replicas=replicas), WORLD.facts()
    assert authority.successor(link, holder=CORA, copy=copy_of(STRANGERS, CORA), facts=facts) == CORA
    assert authority.successor(link, holder=CORA, copy=None, facts=facts) == BOB
    assert authority.successor(link, holder=ANNA, copy=in_deleted_items(OURS), facts=facts) == BOB
    unfollowed = WORLD.knowing(replace(BOB, sync_enabled=False)).facts()
    assert authority.successor(link, holder=ANNA, copy=None, facts=unfollowed) == CORA
    assert authority.successor(a_link(), holder=ANNA, copy=None, facts=facts) is None


@pytest.mark.rule("DEL-3", "DEL-6", "PART-7")
def test_del_6_that_another_copy_was_cancelled_changes_nothing_of_its_owners_answer():
    """Cora had accepted; she answers by what she does to her copy, whoever cancelled it."""
    link = confirmed(WORLD.hinted(BOB, copies=[MASTERS]))
    cancelled = copy_of(STRANGERS, CORA, response=Response.ACCEPTED, is_cancelled=True)
    plan = WORLD.hinted(CORA, copies=[MASTERS, cancelled], link=link)
    assert dict(told(plan).responses)["u-cora"] is Response.ACCEPTED
    thrown_away = in_deleted_items(replace(cancelled, my_response=Response.NONE))
    plan = WORLD.hinted(CORA, copies=[MASTERS, thrown_away], link=confirmed(plan))
    assert dict(told(plan).responses)["u-cora"] is Response.REMOVED


@pytest.mark.rule("ID-3", "MAP-2")
def test_id_3_an_appointments_organizer_is_its_holder_by_name_and_mailbox():
    """Exchange names nobody whom one could believe."""
    item = told(WORLD.decided(an_appointment(ANNA)))
    assert item.organizer == Organizer(user="u-anna", name="Anna", email="anna@bank.example")


@pytest.mark.rule("PART-3", "ID-6")
def test_part_3_an_organizer_who_is_invited_too_keeps_the_address_he_organizes_by():
    """He is one person, whatever addresses Exchange writes for him."""
    plain = {"boss+work@else.example": BOSS, BOSS: BOSS}
    world = WORLD.with_policy(canonical=lambda address: plain.get(address.lower(), address.lower()))
    meeting = a_meeting(organizer="boss+work@else.example", attendees=[BOSS, BOB])
    item = told(world.hinted(BOB, copies=[copy_of(meeting, BOB, response=Response.ACCEPTED)]))
    assert item.organizer is not None
    assert item.organizer.email == "boss+work@else.example"


@pytest.mark.rule("PRIV-4")
def test_priv_4_nothing_of_a_redacted_item_is_remembered_of_strangers():
    """Neither their names nor that the item was not private."""
    item = redact(ScheduleItem(subject="Review", organizer=Organizer(user=None, name="Boss", email=BOSS)))
    assert (item.subject, item.restricted, item.redacted) == ("Private", True, True)
    assert (item.external, item.organizer) == ((), Organizer(user=None))


@pytest.mark.rule("ID-3")
def test_id_3_a_user_who_is_not_active_any_more_organizes_nothing():
    """The meeting stays, whoever is named in the copies that are left."""
    gone = WORLD.knowing(replace(ANNA, active=False))
    link = known(OURS, BOBS)
    assert organizer(link, None, holder=BOB) == "u-anna"
    assert organizer(link, None, holder=BOB, world=gone) is None
