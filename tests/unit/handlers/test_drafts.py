"""A decision in the making: who is in For by whose word, and who will be in Assign To (FOR-1, FOR-3, PART-6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers import for_contacts
from handlers.drafts import Admission, Draft
from handlers.facts import User
from handlers.participants import Participant, Verdict
from schemas.copies import Kind, Role
from schemas.items import Response, ScheduleItem
from tests.support.world import NOW, a_contact, a_link, a_meeting, a_user, a_world

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
CARLA, DAN = a_contact("c-carla"), a_contact("c-dan")
WORLD = a_world(ANNA, BOB, CORA, CARLA, DAN)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB, CARLA])
SEEN = Verdict("c-carla", "FOR-1", admitted=True, because="visible to the creator u-anna")
HIDDEN = Verdict("c-carla", "FOR-1", admitted=False, because="not visible to the creator u-anna")


def a_guest(*found: Any, admitted: tuple[Any, ...] | None = None, verdicts: tuple[Verdict, ...] = ()) -> Participant:
    """Somebody who is no user, and the contacts that have his address."""
    admitted = found if admitted is None else admitted
    return Participant(
        "carla@client.example",
        "Carla",
        "carla@client.example",
        Role.REQUIRED,
        Response.NONE,
        found=found,
        admitted=admitted,
        verdicts=verdicts,
    )


def a_draft(*people: Participant, **about: Any) -> Draft:
    """Anna's meeting, with these people."""
    known = {"assign_to": (ANNA, BOB), "link": a_link()}
    return Draft(
        copy=MEETING,
        facts=WORLD.facts(),
        policy=WORLD.policy,
        creator=ANNA,
        authority=ANNA,
        participants=people,
        now=NOW,
        **(known | about),
    )


def test_a_draft_is_of_a_meeting_and_open_until_it_is_refused_or_hidden():
    """Of what nobody may see, nothing else is decided."""
    assert a_draft().kind is Kind.SCHEDULE_ITEM
    closed = {admission: a_draft(admission=admission).is_closed for admission in Admission}
    assert closed == {Admission.ADMITTED: False, Admission.REDACTED: True, Admission.REFUSED: True}


@pytest.mark.rule("FOR-1", "PART-1")
def test_for_1_the_candidates_are_everybodys_contacts_once_and_guests_who_is_no_user():
    """In order of id."""
    user = replace(a_guest(), key="bob@bank.example", user=BOB)
    guests = (a_guest(DAN, CARLA), replace(a_guest(CARLA), key="x"))
    draft = a_draft(*guests, user)
    assert draft.candidates == ("c-carla", "c-dan")
    assert draft.guests == guests
    assert for_contacts.concerns(draft)
    assert not for_contacts.concerns(a_draft(user))


@pytest.mark.rule("FOR-1")
def test_for_1_a_refused_contact_leaves_for_everybody_he_was_found_for():
    """And a later verdict stands in the place of an earlier one about him; nobody else's changes."""
    other = Verdict("c-dan", "FOR-1", admitted=True, because="seen")
    guest = a_guest(CARLA, DAN, verdicts=(SEEN, other))
    stranger = a_guest()
    judged = a_draft(guest, a_guest(CARLA), stranger).judged([HIDDEN])
    assert judged.participants == (
        replace(guest, admitted=(DAN,), verdicts=(other, HIDDEN)),
        replace(a_guest(CARLA), admitted=(), verdicts=(HIDDEN,)),
        stranger,
    )
    assert a_draft(guest).judged([SEEN]).participants == (replace(guest, verdicts=(other, SEEN)),)
    gone = a_guest(CARLA, admitted=(), verdicts=(HIDDEN,))
    assert a_draft(gone).judged([SEEN]).participants == (gone,), "who was refused once stays so"


@pytest.mark.rule("FOR-1")
def test_for_1_with_matching_off_nobody_is_matched():
    """And that is said of everybody who was found, once."""
    draft, effect = for_contacts.match_nobody(a_draft(a_guest(DAN, CARLA), a_guest(CARLA)), ANNA)
    off = [
        Verdict(each, "FOR-1", admitted=False, because="for_contacts.inbound is off") for each in ("c-dan", "c-carla")
    ]
    assert effect == ("for:c-carla", "for:c-dan")
    assert draft.participants == (
        a_guest(DAN, CARLA, admitted=(), verdicts=tuple(off)),
        a_guest(CARLA, admitted=(), verdicts=(off[1],)),
    )


OUT = Verdict("c-carla", "PART-6", admitted=False, because="the CRM took it out of For")
IN = Verdict("c-carla", "FOR-3", admitted=True, because="the CRM put it into For")


@pytest.mark.rule("FOR-3", "PART-6")
@pytest.mark.parametrize(
    ("guest", "contacts", "expected"),
    [
        (a_guest(CARLA, verdicts=(SEEN,)), {"c-carla"}, a_guest(CARLA, verdicts=(SEEN,))),
        (a_guest(CARLA, verdicts=(SEEN,)), set(), a_guest(CARLA, admitted=(), verdicts=(OUT,))),
        (a_guest(CARLA), set(), a_guest(CARLA, admitted=(), verdicts=(OUT,))),
        (a_guest(CARLA, admitted=(), verdicts=(HIDDEN,)), {"c-carla"}, a_guest(CARLA, verdicts=(IN,))),
        (
            a_guest(CARLA, admitted=(), verdicts=(HIDDEN,)),
            {"c-dan"},
            a_guest(CARLA, admitted=(), verdicts=(HIDDEN,)),
        ),
        (a_guest(CARLA, DAN, admitted=(DAN,)), {"c-carla", "c-dan"}, a_guest(CARLA, DAN, verdicts=(IN,))),
        (a_guest(), {"c-carla"}, a_guest()),
    ],
    ids=["stays", "taken out", "taken out unsaid", "put in", "still hidden", "put beside", "not his"],
)
def test_for_3_the_crm_has_a_say_in_for(guest: Participant, contacts: set[str], expected: Participant):
    """Whose word it was is told; who stays is told of as before."""
    assert a_draft(guest).settled(contacts).participants == (expected,)


GONE = replace(CORA, active=False)


@pytest.mark.rule("PART-6")
@pytest.mark.parametrize(
    ("agreed", "before", "expected"),
    [
        (("u-anna", "u-bob"), ("u-anna", "u-bob"), ["u-anna", "u-bob"]),
        (("u-anna",), ("u-anna", "u-bob"), ["u-anna"]),
        (("u-anna", "u-bob", "u-cora"), ("u-anna", "u-bob"), ["u-anna", "u-bob", "u-cora"]),
        (("u-anna",), ("u-anna",), ["u-anna", "u-bob"]),
        (("u-anna", "u-nobody"), ("u-anna",), ["u-anna", "u-bob"]),
        (None, ("u-anna",), ["u-anna", "u-bob"]),
        (("u-anna",), None, ["u-anna", "u-bob"]),
    ],
)
def test_part_6_in_assign_to_will_be_whom_both_sides_say(agreed: Any, before: Any, expected: list[str]):
    """Whom the CRM added or took out stays so; of whom the directory does not know nothing is said."""
    sides = [None if each is None else ScheduleItem(assign_to=each) for each in (agreed, before)]
    draft = a_draft(link=a_link(agreed=sides[0], exchange=sides[1]))
    assert [user.id for user in draft.to_be_assigned] == expected


@pytest.mark.rule("PART-6")
@pytest.mark.parametrize("users", [(ANNA, BOB, GONE), (ANNA, BOB)])
def test_part_6_who_is_not_active_any_more_will_not_be_in_it(users: tuple[User, ...]):
    """Nor whom the directory forgot; who takes part is known by that alone."""
    facts = a_world(*users).facts()
    link = a_link(agreed=ScheduleItem(assign_to=("u-bob", "u-cora")), exchange=ScheduleItem(assign_to=("u-bob",)))
    draft = replace(a_draft(link=link, assign_to=(BOB,)), facts=facts)
    assert draft.to_be_assigned == (BOB,)
    unknown = replace(a_draft(link=link, assign_to=(BOB, CORA)), facts=a_world().facts())
    assert unknown.to_be_assigned == (BOB, CORA)
