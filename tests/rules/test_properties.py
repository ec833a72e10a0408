"""What holds for every meeting: drawn at random from a small bank, so that people, addresses and contacts collide."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.inbound import Sighting, sighted
from handlers.links import State
from handlers.merging import merge_exchange, merge_for
from handlers.participants import identify
from handlers.policy import BlacklistScope
from handlers.visibility import Audience, SecurityModel
from schemas import wire
from schemas.copies import Attendee, Role
from schemas.items import ForEntry, Response, ScheduleItem, Source
from tests.support.world import (
    END,
    START,
    World,
    a_contact,
    a_link,
    a_list,
    a_meeting,
    a_room,
    a_user,
    a_world,
    agreed,
    confirmed,
    copy_of,
    in_for,
    invited,
    is_quiet,
    pattern,
    told,
    x500,
)

ANNA = a_user("u-anna", node_ids=("bank",))
USERS = (
    ANNA,
    a_user("u-bob", node_ids=("branch",), emails=["bob@bank.example", "b.baker@bank.example"]),
    a_user("u-cora", node_ids=("branch", "office"), sync_enabled=False),
    a_user("u-dora", node_ids=("bank",), active=False),
)
NODES = (("bank",), ("bank", "branch"), ("bank", "office"), None)
ADDRESSES = ("c1@client.example", "c2@client.example", "bob@bank.example", "dora@bank.example", "x@else.example")
EVERYBODY = (
    *ADDRESSES,
    "b.baker@bank.example",
    "anna@bank.example",
    "y@else.example",
    "blocked@else.example",
)

contacts = st.lists(
    st.builds(
        lambda number, emails, path, cover: a_contact(
            f"c-{number}", emails=emails, node_path=path, coverage_users=frozenset(cover)
        ),
        st.integers(1, 6),
        st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=2, unique=True),
        st.sampled_from(NODES),
        st.sets(st.sampled_from(["u-anna", "u-bob"]), max_size=1),
    ),
    max_size=6,
    unique_by=lambda contact: contact.id,
)
responses = st.sampled_from(list(Response))
attendees = st.lists(
    st.one_of(
        st.builds(
            lambda address, response, role: invited(address, response=response, role=role),
            st.sampled_from(EVERYBODY),
            responses,
            st.sampled_from([Role.REQUIRED, Role.OPTIONAL]),
        ),
        st.builds(x500, st.sampled_from(["Old Colleague", "Somebody"]), st.integers(1, 2)),
        st.builds(lambda address: a_list(address=address), st.sampled_from(["desk3@bank.example", *ADDRESSES])),
        st.just(a_room()),
        st.builds(lambda name: Attendee(Role.REQUIRED, name=name), st.sampled_from(["", "Nobody", "Somebody"])),
    ),
    max_size=7,
)
chosen = st.fixed_dictionaries({name: st.booleans() for name in ("matching", "security_check", "display")})


@st.composite
def worlds(draw) -> World:
    """The bank with some contacts, options and settings."""
    world = a_world(*USERS, *draw(contacts)).with_options(**draw(chosen), private_meetings=True)
    blacklist = (
        (pattern("^blocked@"),) if draw(st.booleans()) else (pattern(draw(st.sampled_from(["^bob@", "@client"]))),)
    )
    return world.with_policy(
        security_model=draw(st.sampled_from(list(SecurityModel))),
        blacklist=blacklist if draw(st.booleans()) else (),
        blacklist_scope=draw(st.sampled_from(list(BlacklistScope))),
        max_assigned_users=draw(st.sampled_from([None, None, 1, 2])),
    )


def meeting_with(people, **about):
    """Anna's meeting with these attendees."""
    return a_meeting(organizer=ANNA, attendees=people, **about)


@pytest.mark.rule("PART-1", "PART-4", "OPT-3")
@given(world=worlds(), people=attendees, data=st.data())
def test_the_order_of_attendees_never_matters(world, people, data):
    """Not to the item, not to what is said, and not to whether the item counts as changed."""
    shuffled = data.draw(st.permutations(people))
    one, other = world.decided(meeting_with(people)), world.decided(meeting_with(shuffled))
    assert one == other


@pytest.mark.rule("PART-3")
@given(world=worlds(), people=attendees, data=st.data())
def test_identifying_is_idempotent_under_duplication_and_casing(world, people, data):
    """Somebody named twice, in another case and wrapped in whatever way, is the same person."""
    some = data.draw(st.lists(st.sampled_from(people), max_size=4)) if people else []
    wrapping = data.draw(st.sampled_from(["{}", " {} ", "mailto:{}", "<{}>", "Name <{}>"]))
    smtp = [each for each in some if each.routing_type == "SMTP" and each.address]
    again = [replace(each, address=wrapping.format(each.address.upper())) for each in smtp]
    twice = [*people, *again, *(each for each in some if each not in smtp)]
    facts, policy = world.facts(), world.policy
    assert identify(meeting_with(twice), facts=facts, policy=policy) == identify(
        meeting_with(people), facts=facts, policy=policy
    )


@pytest.mark.rule("CON-3", "OPT-3")
@given(world=worlds(), people=attendees, confirms=st.booleans(), private=st.booleans())
def test_deciding_on_the_result_of_a_decision_yields_nothing(world, people, confirms, private):
    """No command and no report, whether the CRM confirmed it meanwhile or not."""
    meeting = meeting_with(people, private=private)
    plan = world.decided(meeting)
    link = confirmed(plan) if confirms else plan.link
    again = world.decided(meeting, link=link)
    assert is_quiet(again)
    assert again.link == link


@pytest.mark.rule("FOR-5", "FOR-6")
@given(world=worlds(), people=attendees)
def test_for_with_the_check_is_a_subset_of_for_without(world, people):
    """And all of the subset are visible to everybody in Assign To, by the same predicate."""
    meeting = meeting_with(people)
    without = in_for(world.with_options(security_check=False).decided(meeting))
    plan = world.with_options(security_check=True).decided(meeting)
    assert set(in_for(plan)) <= set(without)
    model = world.policy.security_model
    contacts_, users = ({each.id: each for each in people_} for people_ in (world.contacts, world.users))
    blind = [
        (user, contact)
        for user in agreed(plan).assign_to
        for contact in in_for(plan)
        if Audience([users[user]], model=model).blind_to(contacts_[contact])
    ]
    assert blind == [], "in For although one who takes part may not see it"


@pytest.mark.rule("PART-1", "FOR-2", "FOR-4")
@given(world=worlds(), people=attendees, seen=st.booleans())
def test_every_participant_is_accounted_for_exactly_once(world, people, seen):
    """In Assign To, or by contacts in For, or external: that is, if and only if none of his contacts is in For."""
    meeting = meeting_with(people)
    bob = USERS[1]
    plan = world.hinted(bob, copies=[meeting, copy_of(meeting, bob)]) if seen else world.decided(meeting)
    item = agreed(plan)
    everybody = identify(meeting, facts=world.facts(), policy=world.policy)
    names = Counter()
    for person in everybody:
        names[person.key] += person.user is not None and person.user.id in item.assign_to
        names[person.key] += any(contact.id in in_for(plan) for contact in person.found)
        names[person.key] += person.key in [each.key for each in item.external or ()]
    assert all(count == 1 for count in names.values()), names
    assert set(in_for(plan)) <= {contact.id for person in everybody for contact in person.found}
    assert {each.key for each in item.external or ()} <= {person.key for person in everybody}
    assert not {address for user in USERS if user.id in item.assign_to for address in user.addresses} & {
        each.key for each in item.external or () if each.reason != "list"
    }


@pytest.mark.rule("OPT-5")
@given(world=worlds(), people=attendees)
def test_every_participant_and_every_contact_found_is_explained(world, people):
    """By an id that is in the item, or was considered; and no decision is given twice for one contact."""
    plan = world.decided(meeting_with(people))
    assert plan.report is not None
    everybody = identify(meeting_with(people), facts=world.facts(), policy=world.policy)
    about = {entry.about for entry in plan.report.explain}
    for person in everybody:
        named = {person.user.id} if person.user else {contact.id for contact in person.found}
        assert named <= about, f"{named - about} should be explained"
    said_for = {entry.about for entry in plan.report.explain if entry.decision.value == "for"}
    assert said_for == set(in_for(plan))


subjects = st.sampled_from(["Review", "Budget", "Audit"])
items = st.builds(
    ScheduleItem,
    subject=subjects,
    notes=subjects,
    location=subjects,
    start=st.sampled_from([START, START - timedelta(hours=1)]),
    end=st.sampled_from([END, END + timedelta(hours=1)]),
    zone=st.sampled_from(["Europe/Berlin", "Europe/Paris"]),
    priority=st.sampled_from("ABC"),
    restricted=st.booleans(),
    assign_to=st.sets(st.sampled_from(["u-1", "u-2", "u-3", "u-4"])).map(lambda ids: tuple(sorted(ids))),
    for_=st.sets(st.sampled_from(["c-1", "c-2", "c-3"])).map(
        lambda ids: tuple(ForEntry(each, Source.EXCHANGE) for each in sorted(ids))
    ),
    status=st.sampled_from(["open", "completed"]),
)


@pytest.mark.rule("CON-1", "CON-3")
@given(held=items, exchange=items)
def test_merging_an_unchanged_exchange_leaves_what_was_agreed(held, exchange):
    """But for what only Exchange can say, which it says as before."""
    merged = merge_exchange(held, before=exchange, now=exchange)
    assert merged.item == held
    assert merged.conflicts == ()


@pytest.mark.rule("CON-1")
@given(before=items, now=items)
def test_merging_into_an_unchanged_crm_gives_exchange(before, now):
    """But for what is the CRM's alone."""
    merged = merge_exchange(before, before=before, now=now)
    assert merged.item == replace(now, status=before.status)
    assert merged.conflicts == ()


@pytest.mark.rule("CON-1", "CON-3")
@given(held=items, before=items, now=items)
def test_merging_again_changes_nothing(held, before, now):
    """And the winner of a conflict stays."""
    once = merge_exchange(held, before=before, now=now).item
    assert merge_exchange(once, before=now, now=now).item == once


@pytest.mark.rule("PART-6", "FOR-3")
@given(held=items, before=items, now=items)
def test_people_merge_by_what_either_side_added_and_removed(held, before, now):
    """Set algebra: what Exchange removed is gone, what it added is there, nothing else changed."""
    merged = merge_exchange(held, before=before, now=now).item
    for name in ("assign_to", "for_"):
        old, new, mine, result = (set(_ids(getattr(each, name))) for each in (before, now, held, merged))
        assert result == (mine | (new - old)) - (old - new), name


@pytest.mark.rule("FOR-3")
@given(
    held=st.dictionaries(st.sampled_from("abcd"), st.sampled_from(list(Source))),
    before=st.sets(st.sampled_from("abcd")),
    now=st.sets(st.sampled_from("abcd")),
)
def test_what_the_crm_added_to_for_never_leaves_because_of_exchange(held, before, now):
    """And keeps its provenance; every contact stands there once, in order."""
    entries = [ForEntry(contact, source) for contact, source in sorted(held.items())]
    merged = merge_for(
        entries, before=[ForEntry(each) for each in sorted(before)], now=[ForEntry(each) for each in sorted(now)]
    )
    sources = {entry.contact: entry.source for entry in merged}
    own = {contact for contact, source in held.items() if source is Source.CRM}
    assert own == {contact for contact, source in sources.items() if source is Source.CRM}
    assert [entry.contact for entry in merged] == sorted(sources)


def _ids(people):
    return [each if isinstance(each, str) else each.contact for each in people]


CANARY = "canary"


def _canary_people(people):
    return [replace(each, name=f"canary {each.name}") for each in people]


@pytest.mark.rule("PRIV-4", "PRIV-5")
@given(world=worlds(), people=attendees, guests=attendees)
def test_a_redacted_command_holds_no_canary(world, people, guests):
    """Whatever stood in the item before and stands in Exchange now."""
    strangers = [invited("canary@else.example"), replace(x500("canary"), address="/o=canary")]
    world = world.with_policy(security_model=SecurityModel.HAM).with_options(private_meetings=False)
    before = meeting_with(_canary_people([*people, *strangers]), subject="canary1", body="canary2", location="canary3")
    now = replace(
        before,
        sensitivity="Private",
        attendees=tuple(_canary_people([*guests, *strangers])),
        subject="canary4",
        organizer=replace(before.organizer, name="canary5"),
    )
    plan = world.decided(now, link=confirmed(world.decided(before)))
    assert told(plan).redacted
    assert CANARY not in json.dumps(wire.write_item(told(plan)), default=str)
    assert CANARY not in repr(plan.report)


@pytest.mark.rule("PRIV-5")
@given(world=worlds(), people=attendees, private=st.booleans(), admitted=st.booleans(), differs=st.booleans())
def test_a_report_never_holds_content(world, people, private, admitted, differs):
    """Not of what is admitted either: ids, rule ids, field names and words of our own."""
    bob = USERS[1]
    world = world.with_options(private_meetings=admitted)
    strangers = [
        invited("canary@else.example"),
        replace(x500("canary"), address="/o=canary"),
        a_list("canary", "canary@l.example"),
    ]
    meeting = meeting_with(
        _canary_people([*people, *strangers]), private=private, subject="canary1", body="canary2", location="canary3"
    )
    meeting = replace(meeting, organizer=replace(meeting.organizer, name="canary4"), zone_id="canary5", uid="canary6")
    copy = copy_of(meeting, bob, subject="canary7" if differs else meeting.subject)
    link = a_link("AA")
    for _ in range(2):
        plan = world.hinted(bob, copies=[meeting, copy], link=link)
        assert CANARY not in repr(plan.report)
        link = plan.link
    gone = world.hinted(ANNA, copies=[], link=link)
    assert CANARY not in repr(gone.report)


@pytest.mark.rule("ID-2", "ID-3", "PART-7")
@given(data=st.data(), people=attendees)
def test_hints_in_any_order_and_number_come_to_the_same_end(data, people):
    """Three mailboxes, edits between the hints, hints doubled and late; a last hint from each."""
    users = (ANNA, a_user("u-bob"), a_user("u-carl"))
    world = a_world(*users, a_contact("c-1", emails=["c1@client.example"])).with_options(display=True)
    final = meeting_with([*people, *users[1:]], subject="Final")
    copies = [final, *(copy_of(final, user, response=data.draw(responses)) for user in users[1:])]
    early = data.draw(st.lists(st.tuples(st.sampled_from(users), st.sampled_from(["First", "Second"])), max_size=4))
    link = a_link()
    for user, subject in early:
        seen = [replace(each, subject=subject) for each in copies]
        link = world.hinted(user, copies=seen, link=link).link
    for user in data.draw(st.permutations(users)):
        link = world.hinted(user, copies=copies, link=link).link
    straight = a_link()
    for user in users:
        straight = world.hinted(user, copies=copies, link=straight).link
    assert (link.agreed, link.exchange, link.replicas) == (straight.agreed, straight.exchange, straight.replicas)
    assert link.state is State.ACTIVE


@pytest.mark.rule("PART-7", "DEL-3")
@given(answers=st.lists(st.one_of(st.none(), responses), min_size=1, max_size=5))
def test_a_replica_shows_what_its_mailbox_last_said(answers):
    """None: the copy was gone."""
    bob = USERS[1]
    copy = copy_of(meeting_with([bob]), bob)
    link = a_link()
    for answer in answers:
        link = sighted(link, Sighting("bob@bank.example", bob, answer and replace(copy, my_response=answer)))
    assert len(link.replicas) <= 1
    if answers[-1] is not None:
        firm = answers[-1] in (Response.ACCEPTED, Response.TENTATIVE, Response.DECLINED)
        assert [(each.live, each.response) for each in link.replicas] == [
            (True, answers[-1] if firm else Response.NONE)
        ]
    elif link.replicas:
        assert [each.live for each in link.replicas] == [False]
        assert link.replicas[0].response in (Response.REMOVED, Response.DECLINED)
