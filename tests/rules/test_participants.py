"""Participants: who is a user, who a contact, who neither (PART-1..5, PART-7, BLK-1..3)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import permutations

import pytest

from handlers.facts import Facts
from handlers.participants import addresses_of, firmest, identify, resolvable
from handlers.policy import BlacklistScope, Policy
from schemas import ids
from schemas.addresses import normalise
from schemas.copies import Attendee, Role
from schemas.items import ExternalReason, Response
from schemas.outcomes import Decision
from tests.support.world import (
    a_contact,
    a_list,
    a_meeting,
    a_room,
    a_user,
    a_world,
    agreed,
    an_appointment,
    confirmed,
    copy_of,
    decision_on,
    external,
    in_for,
    invited,
    is_quiet,
    pattern,
    told,
    x500,
)

ANNA = a_user("u-anna")
BOB = a_user("u-bob")
CARLA = a_contact("c-carla")


def the_people(world, *attendees):
    """The participants of Anna's meeting with these attendees."""
    meeting = a_meeting(organizer=ANNA, attendees=attendees)
    return identify(meeting, facts=world.facts(), policy=world.policy)


@pytest.mark.rule("PART-4")
@pytest.mark.parametrize(
    ("attendee", "expected"),
    [
        (Attendee(Role.REQUIRED, "Anna", "Alias@Bank.example"), ("alias@bank.example", "anna@bank.example")),
        (Attendee(Role.REQUIRED, "Anna", "/o=bank/cn=anna", routing_type="EX"), ("anna@bank.example",)),
        (Attendee(Role.REQUIRED, "Bob", "bob@bank.example"), ("bob@bank.example",)),
        (Attendee(Role.REQUIRED, "Nobody", ""), ()),
    ],
)
def test_part_4_who_is_known_by_several_addresses_is_known_by_his_own_first(attendee, expected):
    """Each once, though Exchange names his own again."""
    resolved = {
        "alias@bank.example": ("anna@bank.example", "alias@bank.example"),
        "/o=bank/cn=anna": ("anna@bank.example",),
    }
    assert addresses_of(attendee, facts=Facts(resolved=resolved), policy=Policy()) == expected


@pytest.mark.rule("PART-1")
def test_part_1_users_go_to_assign_to_contacts_to_for_and_the_rest_is_external():
    """The organizer included; each in order of id, whatever the order of invitation."""
    world = a_world(a_user("u-zoe"), ANNA, BOB, a_contact("c-9"), a_contact("c-1"))
    plan = world.decided(
        a_meeting(
            organizer=a_user("u-zoe"), attendees=["9@client.example", BOB, "x@else.example", "1@client.example", ANNA]
        )
    )
    item = told(plan)
    assert item.assign_to == ("u-anna", "u-bob", "u-zoe")
    assert in_for(plan) == ["c-1", "c-9"]
    assert [each.email for each in agreed(plan).external or ()] == ["x@else.example"]
    assert item.owner == "u-zoe"


@pytest.mark.rule("PART-1")
def test_part_1_everybody_is_explained_by_id_or_by_a_hash_of_his_address():
    """The report gives rule and decision for each participant."""
    plan = a_world(ANNA, BOB, CARLA).decided(a_meeting(organizer=ANNA, attendees=[BOB, CARLA, "x@else.example"]))
    assert decision_on(plan, "u-anna") == ("PART-1", Decision.ASSIGN_TO)
    assert decision_on(plan, "u-bob") == ("PART-1", Decision.ASSIGN_TO)
    assert decision_on(plan, "c-carla") == ("FOR-1", Decision.FOR)
    assert decision_on(plan, ids.external_about("x@else.example")) == ("PART-1", Decision.EXTERNAL)


@pytest.mark.rule("PART-1")
def test_part_1_an_inactive_user_is_nobody_and_his_contact_is_matched():
    """Not being a user any more, he may still be a contact."""
    world = a_world(ANNA, replace(BOB, active=False), a_contact("c-bob", emails=["bob@bank.example"]))
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[BOB]))
    assert told(plan).assign_to == ("u-anna",)
    assert in_for(plan) == ["c-bob"]


@pytest.mark.rule("PART-1")
def test_part_1_of_two_users_with_one_address_the_lowest_id_takes_part():
    """Also if the lower one comes by another address."""
    shared = ["desk@bank.example"]
    world = a_world(ANNA, a_user("u-z", emails=shared), a_user("u-m", emails=["other@bank.example", *shared]))
    plan = world.decided(a_meeting(organizer=ANNA, attendees=["desk@bank.example"]))
    assert told(plan).assign_to == ("u-anna", "u-m")


@pytest.mark.rule("PART-1")
def test_part_1_an_inactive_contact_is_nobody():
    """Whatever the store hands over."""
    gone = replace(CARLA, active=False)
    world = a_world(ANNA)
    facts = replace(world.facts(), contacts={"carla@client.example": (gone,)})
    people = identify(a_meeting(organizer=ANNA, attendees=[CARLA]), facts=facts, policy=world.policy)
    assert [person.found for person in people if person.user is None] == [()]


@pytest.mark.rule("PART-1")
@pytest.mark.scenario("S16a")
def test_s16a_a_user_and_a_contact_of_one_address_the_user_wins():
    """The contact is neither in For nor external; the organizer stays who he is."""
    world = a_world(ANNA, BOB, a_contact("c-bob", emails=["bob@bank.example"]))
    world = world.knowing(a_contact("c-anna", emails=["anna@bank.example"]))
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[BOB]))
    assert told(plan).assign_to == ("u-anna", "u-bob")
    assert (in_for(plan), external(plan)) == ([], {})
    assert told(plan).organizer is not None
    assert (told(plan).organizer.user, told(plan).organizer.email) == ("u-anna", "anna@bank.example")


@pytest.mark.rule("PART-1", "PART-5")
@pytest.mark.scenario("S20a")
@pytest.mark.parametrize("order", list(permutations(["u-anna", "u-bob", "u-cora"])))
def test_s20a_members_of_an_invited_list_are_in_assign_to_because_they_have_copies(order):
    """Whoever syncs first; the list itself is one external participant."""
    cora = a_user("u-cora")
    world = a_world(ANNA, BOB, cora)
    meeting = a_meeting(organizer=ANNA, attendees=[a_list("Desk 3")])
    copies, link = [meeting, copy_of(meeting, BOB), copy_of(meeting, cora)], None
    for user_id in order:
        plan = world.hinted(next(user for user in world.users if user.id == user_id), copies=copies, link=link)
        link = plan.link
    assert agreed(plan).assign_to == ("u-anna", "u-bob", "u-cora")
    assert {name: each.reason for name, each in external(plan).items()} == {"Desk 3": ExternalReason.LIST}


@pytest.mark.rule("PART-1", "DEL-3")
@pytest.mark.scenario("S20a")
@pytest.mark.parametrize("left", [Response.DECLINED, Response.REMOVED])
def test_s20a_a_list_member_who_leaves_stays_in_assign_to_with_that_answer(left):
    """He is not invited by name, so nothing but his replica speaks for him."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[a_list()])
    first = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB, response=Response.ACCEPTED)])
    gone = [copy_of(meeting, BOB, response=Response.DECLINED)] if left is Response.DECLINED else []
    plan = world.hinted(BOB, copies=[meeting, *gone], link=confirmed(first))
    assert told(plan).assign_to == ("u-anna", "u-bob")
    assert dict(told(plan).responses)["u-bob"] is left


@pytest.mark.rule("PART-1")
def test_part_1_who_removed_his_copy_and_is_then_uninvited_leaves_assign_to():
    """Nobody invites him any more, and no copy of his is left."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    link = confirmed(world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB)]))
    link = confirmed(world.hinted(BOB, copies=[meeting], link=link))
    assert "u-bob" in (link.agreed.assign_to if link.agreed else ())
    plan = world.decided(replace(meeting, attendees=()), link=link)
    assert told(plan).assign_to == ("u-anna",)


@pytest.mark.rule("PART-1")
def test_part_1_who_is_uninvited_leaves_assign_to_once_his_copy_is_cancelled():
    """A cancelled copy keeps nobody there, whichever hint comes first."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    link = confirmed(world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB)]))
    uninvited = replace(meeting, attendees=())
    cancelled = copy_of(meeting, BOB, subject="Canceled: Review", is_cancelled=True)
    for order in permutations([ANNA, BOB]):
        after = link
        for user in order:
            after = world.hinted(user, copies=[uninvited, cancelled], link=after).link
        assert after.agreed is not None
        assert after.agreed.assign_to == ("u-anna",), f"hints of {[user.id for user in order]}"
        assert after.agreed.subject == "Review"


@pytest.mark.rule("PART-1")
def test_part_1_a_plain_appointment_is_its_holders_own():
    """Whoever Exchange names as its organizer: he may have copied it from someone else."""
    world = a_world(ANNA, BOB)
    entry = replace(an_appointment(ANNA), organizer=invited(BOB, role=Role.ORGANIZER), attendees=(invited(BOB),))
    plan = world.decided(entry)
    assert (told(plan).owner, told(plan).assign_to) == ("u-anna", ("u-anna",))
    assert told(plan).organizer is not None
    assert told(plan).organizer.user == "u-anna"
    assert not told(plan).read_only


@pytest.mark.rule("PART-2", "FOR-2")
def test_part_2_every_contact_of_an_address_is_matched():
    """Two contacts share the family's address."""
    world = a_world(ANNA, CARLA, a_contact("c-carl", emails=["carla@client.example"]))
    assert in_for(world.decided(a_meeting(organizer=ANNA, attendees=[CARLA]))) == ["c-carl", "c-carla"]


@pytest.mark.rule("PART-3")
@pytest.mark.parametrize(
    "written",
    [
        "CARLA@Client.Example",
        "  carla@client.example ",
        "mailto:carla@client.example",
        "MAILTO:Carla@client.example",
        '"Client, Carla" <carla@client.example>',
        "'carla@client.example'",
    ],
)
def test_part_3_one_address_however_it_is_spelled(written):
    """Matched, and not a second participant beside the plain spelling."""
    plan = a_world(ANNA, CARLA).decided(a_meeting(organizer=ANNA, attendees=[written, "carla@client.example"]))
    assert in_for(plan) == ["c-carla"]
    assert external(plan) == {}


@pytest.mark.rule("PART-3")
def test_part_3_idn_domains_are_one_in_both_spellings():
    """The CRM has the Unicode form, Exchange the one of DNS."""
    world = a_world(ANNA, a_contact("c-1", emails=["kunde@bücher.example"]))
    assert in_for(world.decided(a_meeting(organizer=ANNA, attendees=["kunde@xn--bcher-kva.example"]))) == ["c-1"]


@pytest.mark.rule("PART-3")
@pytest.mark.scenario("S14a")
def test_s14a_an_address_the_crm_does_not_know_is_matched_by_those_exchange_resolves_it_to():
    """The CRM knows sales@, Exchange names the primary address."""
    sales = a_user("u-sam", emails=["sales@bank.example"])
    desk = a_contact("c-desk", emails=["desk@client.example"])
    resolved = {
        "sam.primary@bank.example": ("sam.primary@bank.example", "sales@bank.example"),
        "d.primary@client.example": ("desk@client.example",),
    }
    world = a_world(ANNA, sales, desk, resolved=resolved)
    meeting = a_meeting(organizer=ANNA, attendees=["Sam.Primary@bank.example", "d.primary@client.example"])
    plan = world.decided(meeting)
    assert told(plan).assign_to == ("u-anna", "u-sam")
    assert in_for(plan) == ["c-desk"]


@pytest.mark.rule("PART-3")
@pytest.mark.scenario("S14b")
def test_s14b_plus_tags_count_unless_the_domain_is_configured_for_them():
    """Two people otherwise; dots are never stripped."""
    world = a_world(ANNA, a_contact("c-x", emails=["xaver@x.example"]))
    meeting = a_meeting(organizer=ANNA, attendees=["xaver+crm@x.example", "xaver@x.example", "x.aver@x.example"])
    assert len(external(world.decided(meeting))) == 2
    configured = world.with_policy(canonical=partial(normalise, plus_tag_domains=["x.example"]))
    plan = configured.decided(meeting)
    assert in_for(plan) == ["c-x"]
    assert [each.email for each in external(plan).values()] == ["x.aver@x.example"]


@pytest.mark.rule("PART-3")
@pytest.mark.scenario("S14c")
def test_s14c_an_address_of_a_renamed_domain_is_the_present_one():
    """By the table of domain aliases."""
    world = a_world(ANNA, CARLA, a_user("u-dora"))
    world = world.with_policy(
        canonical=partial(normalise, aliases={"old.example": "client.example", "oldbank.example": "bank.example"})
    )
    plan = world.decided(a_meeting(organizer=ANNA, attendees=["carla@old.example", "dora@oldbank.example"]))
    assert in_for(plan) == ["c-carla"]
    assert told(plan).assign_to == ("u-anna", "u-dora")


@pytest.mark.rule("PART-3")
@pytest.mark.scenario("S14d")
def test_s14d_a_user_invited_through_an_alias_is_one_participant_and_his_copy_is_his():
    """By either address, with his copy seen, and with the answer in it."""
    bob = a_user("u-bob", emails=["bob@bank.example", "b.baker@bank.example"])
    world = a_world(ANNA, bob)
    meeting = a_meeting(organizer=ANNA, attendees=["B.Baker@bank.example", "bob@bank.example"])
    plan = world.hinted(bob, copies=[meeting, copy_of(meeting, bob, response=Response.ACCEPTED)])
    assert told(plan).assign_to == ("u-anna", "u-bob")
    assert dict(told(plan).responses) == {"u-anna": Response.ORGANIZER, "u-bob": Response.ACCEPTED}
    assert external(plan) == {}


@pytest.mark.rule("PART-3")
@pytest.mark.scenario("S15b")
def test_s15b_attendees_that_differ_only_in_case_are_one_participant():
    """With the firmer of their answers."""
    twice = [invited("Xaver@Else.Example", response=Response.ACCEPTED), invited("xaver@else.example")]
    plan = a_world(ANNA).decided(a_meeting(organizer=ANNA, attendees=twice))
    assert [(each.email, each.response) for each in external(plan).values()] == [
        ("xaver@else.example", Response.ACCEPTED)
    ]


@pytest.mark.rule("PART-3", "PRIV-2")
def test_part_3_an_organizer_who_is_also_invited_is_one_participant():
    """So a private entry with nobody else in it is no meeting of several people."""
    world = a_world(ANNA)
    meeting = a_meeting(organizer=ANNA, attendees=["ANNA@bank.example"], private=True)
    plan = world.decided(meeting)
    assert told(plan).assign_to == ("u-anna",)
    assert dict(told(plan).responses) == {"u-anna": Response.ORGANIZER}


@pytest.mark.rule("PART-4", "PART-7")
@pytest.mark.scenario("S09a")
@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_s09a_answers_belong_to_people_not_to_positions(order):
    """Two people without an address between three with one."""
    attendees = [
        invited("a@else.example", response=Response.ACCEPTED),
        x500("Old Colleague"),
        invited("b@else.example", response=Response.DECLINED),
        Attendee(Role.REQUIRED, name="Somebody", address=" "),
        invited("c@else.example", response=Response.TENTATIVE),
    ]
    plan = a_world(ANNA).decided(a_meeting(organizer=ANNA, attendees=[attendees[index] for index in order]))
    people = external(plan)
    assert {name: people[name].response for name in "ABC"} == {
        "A": Response.ACCEPTED,
        "B": Response.DECLINED,
        "C": Response.TENTATIVE,
    }
    unresolved = {name: each.email for name, each in people.items() if each.reason is ExternalReason.UNRESOLVED}
    assert unresolved == {"Old Colleague": None, "Somebody": None}


@pytest.mark.rule("PART-4")
@pytest.mark.scenario("S09b")
def test_s09b_an_x500_name_that_exchange_resolves_is_matched():
    """To the user whose mailbox it is; to a contact likewise."""
    bob, carla = x500("Bob", 1), x500("Carla", 2)
    resolved = {resolvable(bob): ("bob@bank.example",), resolvable(carla): ("carla@client.example",)}
    plan = a_world(ANNA, BOB, CARLA, resolved=resolved).decided(a_meeting(organizer=ANNA, attendees=[bob, carla]))
    assert told(plan).assign_to == ("u-anna", "u-bob")
    assert (in_for(plan), external(plan)) == (["c-carla"], {})


@pytest.mark.rule("PART-4")
def test_part_4_a_resolved_stranger_is_shown_with_the_address_found():
    """He has an address, so he is no longer unresolved."""
    xaver = x500("Xaver")
    world = a_world(ANNA, resolved={resolvable(xaver): ("xaver@else.example",)})
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[xaver]))
    assert (external(plan)["Xaver"].email, external(plan)["Xaver"].reason) == (
        "xaver@else.example",
        ExternalReason.NO_MATCH,
    )


@pytest.mark.rule("PART-4")
@pytest.mark.scenario("S09c")
@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (x500("Deleted User"), ExternalReason.UNRESOLVED),
        (Attendee(Role.REQUIRED, name="Fax", address="FAX:+49 1234", routing_type="FAX"), ExternalReason.UNRESOLVED),
        (Attendee(Role.REQUIRED, name="", address="", routing_type=""), ExternalReason.UNRESOLVED),
        (Attendee(Role.OPTIONAL, name="Xaver", address="Xaver"), ExternalReason.UNRESOLVED),
        (Attendee(Role.REQUIRED, name="x@else.example", address="x@else.example"), ExternalReason.NO_MATCH),
        (Attendee(Role.REQUIRED, name="'x'", address="MAILTO:x@else.example  "), ExternalReason.NO_MATCH),
        (Attendee(Role.REQUIRED, name="\udc80", address="\udc80@else.example"), None),
    ],
)
def test_s09c_odd_addresses_are_kept_and_the_rest_synchronizes(odd, reason):
    """Nothing an attendee list may hold stops the meeting or changes who else takes part."""
    plan = a_world(ANNA, BOB, CARLA).decided(a_meeting(organizer=ANNA, attendees=[odd, BOB, CARLA]))
    assert told(plan).assign_to == ("u-anna", "u-bob")
    assert in_for(plan) == ["c-carla"]
    assert len(external(plan)) == 1
    if reason is not None:
        assert [each.reason for each in external(plan).values()] == [reason]


@pytest.mark.rule("PART-5")
@pytest.mark.parametrize("kind", ["PublicDL", "PrivateDL", "GroupMailbox"])
def test_part_5_a_list_is_one_external_participant_whoever_has_its_address(kind):
    """It is never expanded, and not taken for a contact or user."""
    world = a_world(
        ANNA, a_user("u-desk", emails=["desk3@bank.example"]), a_contact("c-desk", emails=["desk3@bank.example"])
    )
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[replace(a_list(), mailbox_type=kind)]))
    assert (told(plan).assign_to, in_for(plan)) == (("u-anna",), [])
    assert external(plan)["Desk 3"].reason is ExternalReason.LIST
    assert decision_on(plan, ids.external_about("desk3@bank.example")) == ("PART-5", Decision.EXTERNAL)


@pytest.mark.rule("PART-5")
@pytest.mark.scenario("S20d")
def test_s20d_rooms_and_equipment_do_not_take_part():
    """Not as contact, not as external contact, and not as one of several participants."""
    world = a_world(ANNA, a_contact("c-room", emails=["room4@bank.example"]))
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[a_room()], private=True))
    assert (in_for(plan), external(plan)) == ([], {})
    assert told(plan).assign_to == ("u-anna",)


@pytest.mark.rule("PART-3")
def test_a_person_invited_in_two_roles_is_the_same_whichever_comes_first():
    """Also if one entry calls him a list: a known contact is not hidden by it, nor is he two."""
    world = a_world(ANNA, CARLA)
    entries = [
        replace(invited(CARLA), role=Role.OPTIONAL, response=Response.ACCEPTED),
        invited(CARLA),
        replace(invited(CARLA), mailbox_type="PublicDL"),
    ]
    seen = {the_people(world, *order) for order in permutations(entries)}
    assert len(seen) == 1, "the order of attendees must not matter"
    [people] = seen
    assert [person.role for person in people] == [Role.ORGANIZER, Role.REQUIRED]
    assert [contact.id for person in people for contact in person.found] == ["c-carla"]


@pytest.mark.rule("PART-3")
def test_a_person_named_once_with_and_once_without_a_name_has_it():
    """Whichever comes first."""
    entries = [invited("x@else.example"), Attendee(Role.REQUIRED, address="x@else.example")]
    for order in permutations(entries):
        [_, stranger] = the_people(a_world(ANNA), *order)
        assert stranger.name == "X"


@pytest.mark.rule("PART-7")
@pytest.mark.scenario("S18a")
def test_s18a_an_invitees_own_answer_counts_before_the_organizers_tracking():
    """The organizer's copy still says none."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[invited(BOB)])
    first = world.decided(meeting, others=[copy_of(meeting, BOB)])
    assert dict(told(first).responses)["u-bob"] is Response.NONE
    accepted = copy_of(meeting, BOB, response=Response.ACCEPTED)
    plan = world.hinted(BOB, copies=[meeting, accepted], link=confirmed(first))
    assert dict(told(plan).responses)["u-bob"] is Response.ACCEPTED
    assert plan.command is not None
    tracked = replace(meeting, attendees=(invited(BOB, response=Response.ACCEPTED),))
    assert is_quiet(world.hinted(ANNA, copies=[tracked, accepted], link=confirmed(plan))), (
        "the organizer knows it later"
    )


@pytest.mark.rule("PART-7")
@pytest.mark.scenario("S18e")
@pytest.mark.parametrize("answer", list(Response))
def test_s18e_a_guests_tracked_answer_is_shown_as_it_is(answer):
    """Of a contact and of an external contact alike, each his own."""
    attendees = [invited(CARLA, response=answer), invited("x@else.example", response=Response.TENTATIVE)]
    plan = a_world(ANNA, CARLA).decided(a_meeting(organizer=ANNA, attendees=attendees))
    assert [entry.response for entry in agreed(plan).for_] == [answer]
    assert external(plan)["X"].response is Response.TENTATIVE


@pytest.mark.rule("PART-7")
@pytest.mark.scenario("S18e")
@pytest.mark.parametrize("answer", [Response.ACCEPTED, Response.TENTATIVE, Response.DECLINED])
@pytest.mark.parametrize("synchronized", [True, False])
def test_s18e_a_users_tracked_answer_is_shown_until_his_own_copy_is_seen(answer, synchronized):
    """Whether he is synchronized or not."""
    world = a_world(ANNA, replace(BOB, sync_enabled=synchronized))
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[invited(BOB, response=answer)]))
    assert dict(told(plan).responses)["u-bob"] is answer


@pytest.mark.rule("PART-7")
@pytest.mark.parametrize(("synchronized", "shown"), [(True, Response.NONE), (False, Response.UNKNOWN)])
def test_part_7_without_an_answer_a_synchronized_user_has_given_none(synchronized, shown):
    """Of the others nothing is known."""
    world = a_world(ANNA, replace(BOB, sync_enabled=synchronized))
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[invited(BOB, response=Response.UNKNOWN)]))
    assert dict(told(plan).responses)["u-bob"] is shown


@pytest.mark.rule("PART-1", "PART-7")
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_part_7_everybodys_answer_is_his_own_wherever_he_stands(order):
    """Among users and strangers, in any order."""
    cora = a_user("u-cora")
    answered = (invited(BOB, response=Response.ACCEPTED), invited(cora, response=Response.DECLINED))
    attendees = ("alma@else.example", *answered)
    plan = a_world(ANNA, BOB, cora).decided(a_meeting(organizer=ANNA, attendees=[attendees[n] for n in order]))
    answers = {"u-anna": Response.ORGANIZER, "u-bob": Response.ACCEPTED, "u-cora": Response.DECLINED}
    assert dict(told(plan).responses) == answers


@pytest.mark.rule("PART-7")
def test_part_7_a_list_member_who_stops_synchronizing_has_not_answered():
    """The organizer does not track him, for he was not invited by name."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[a_list()])
    link = confirmed(world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB)]))
    asleep = world.knowing(replace(BOB, sync_enabled=False))
    plan = asleep.decided(replace(meeting, subject="Later"), link=link)
    assert dict(told(plan).responses)["u-bob"] is Response.NONE


@pytest.mark.rule("PART-7")
def test_part_7_of_several_answers_of_one_person_the_one_that_says_most():
    """An answer before silence, silence before ignorance."""
    assert firmest([Response.NONE, Response.TENTATIVE, Response.UNKNOWN]) is Response.TENTATIVE
    assert firmest([Response.UNKNOWN, Response.NONE]) is Response.NONE
    assert firmest([Response.DECLINED, Response.ACCEPTED]) is Response.ACCEPTED
    assert firmest([]) is Response.UNKNOWN


@pytest.mark.rule("PART-7", "FOR-2")
def test_part_7_a_contact_with_two_invited_addresses_has_one_entry_with_the_firmer_answer():
    """Once in For, and no external contact beside it."""
    carla = a_contact("c-carla", emails=["carla@client.example", "carla@home.example"])
    attendees = ["carla@client.example", invited("carla@home.example", response=Response.ACCEPTED)]
    plan = a_world(ANNA, carla).decided(a_meeting(organizer=ANNA, attendees=attendees))
    assert [(entry.contact, entry.response) for entry in agreed(plan).for_] == [("c-carla", Response.ACCEPTED)]
    assert external(plan) == {}


def blacklisted(expression: str, **settings: object):
    """A world with a blacklist."""
    return a_world(ANNA, BOB, CARLA).with_policy(blacklist=(pattern(expression),), **settings)


@pytest.mark.rule("BLK-1")
@pytest.mark.parametrize(
    ("expression", "blocks"),
    [
        (r"a@b.com", True),
        (r"carla@client\.example", True),
        (r"^carla@client\.example$", True),
        (r"@CLIENT\.", True),
        (r"^arla@client\.example$", False),
        (r"^carla@client$", False),
    ],
)
def test_blk_1_patterns_are_searched_for_anywhere_in_the_address(expression, blocks):
    """`a@b.com` blocks whatever contains it; anchors narrow it."""
    contact = a_contact("c-1", emails=["anna.a@b.com.example"]) if "b.com" in expression else CARLA
    plan = blacklisted(expression).knowing(contact).decided(a_meeting(organizer=ANNA, attendees=[contact]))
    assert (in_for(plan) == []) is blocks


@pytest.mark.rule("BLK-1", "PART-3")
def test_blk_1_an_address_is_blacklisted_as_written_and_as_it_is_known():
    """A tag or a former domain neither hides an address from the list nor the list from the address."""
    canonical = partial(normalise, aliases={"old.example": "client.example"}, plus_tag_domains=["client.example"])
    for written, expression in [
        ("carla@old.example", "@old"),
        ("carla@old.example", "@client"),
        ("carla+t@client.example", r"\+t"),
    ]:
        world = blacklisted(expression).with_policy(canonical=canonical)
        plan = world.decided(a_meeting(organizer=ANNA, attendees=[written]))
        assert in_for(plan) == [], f"{written} should be blocked by {expression}"


@pytest.mark.rule("BLK-2", "FOR-4")
def test_blk_2_a_blacklisted_contact_is_external_and_the_item_synchronizes():
    """The reason is shown and reported; the others are not affected."""
    dora = a_contact("c-dora", emails=["dora@else.example"])
    plan = blacklisted("@client").knowing(dora).decided(a_meeting(organizer=ANNA, attendees=[CARLA, BOB, dora]))
    assert in_for(plan) == ["c-dora"]
    assert {name: each.reason for name, each in external(plan).items()} == {"Carla": ExternalReason.BLACKLISTED}
    assert decision_on(plan, ids.external_about("carla@client.example")) == ("BLK-2", Decision.EXTERNAL)


@pytest.mark.rule("BLK-3")
def test_blk_3_users_are_not_affected_unless_the_setting_says_all():
    """Bob's own address is blacklisted."""
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    world = blacklisted("^bob@")
    assert told(world.decided(meeting)).assign_to == ("u-anna", "u-bob")
    plan = world.with_policy(blacklist_scope=BlacklistScope.ALL).decided(meeting)
    assert told(plan).assign_to == ("u-anna",)
    assert external(plan)["Bob"].reason is ExternalReason.BLACKLISTED


@pytest.mark.rule("BLK-3", "PART-1")
def test_blk_3_nobody_is_listed_twice_because_he_has_a_copy():
    """Blacklisted as a user, he is an external contact and not in Assign To as well."""
    world = blacklisted("^bob@", blacklist_scope=BlacklistScope.ALL)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    plan = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB)])
    assert (told(plan).assign_to, list(external(plan))) == (("u-anna",), ["Bob"])


@pytest.mark.rule("BLK-3", "ID-6")
def test_blk_3_a_blacklisted_organizer_is_no_user_for_authority_either():
    """Then a participant who accepted is master, and the item is read-only."""
    world = blacklisted("^anna@", blacklist_scope=BlacklistScope.ALL)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    plan = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB, response=Response.ACCEPTED)])
    assert (told(plan).owner, told(plan).read_only) == (None, True)
    assert plan.command is not None
    assert plan.link.master == "u-bob"
