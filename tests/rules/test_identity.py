"""One meeting, one item: whose copy counts, who is master, what it is called (ID-2..4, ID-6, ID-8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from handlers import authority, inbound
from handlers.authority import Authority
from handlers.inbound import Sighting, sighted
from handlers.links import State
from schemas import ids
from schemas.items import Response
from schemas.outcomes import Reason, Result
from tests.support.world import (
    NOW,
    a_contact,
    a_link,
    a_meeting,
    a_user,
    a_world,
    agreed,
    an_appointment,
    changed,
    confirmed,
    copy_of,
    external,
    in_deleted_items,
    is_quiet,
    said,
    told,
)

ANNA = a_user("u-anna")
BOB = a_user("u-bob")
CORA = a_user("u-cora")
ACCEPTED = Response.ACCEPTED


@pytest.mark.rule("ID-2", "ID-3")
@pytest.mark.scenario("S03a")
def test_s03a_hints_of_five_mailboxes_in_every_order_make_one_item_with_five_replicas():
    """The same item at the end, one command a revision, and silence from the second pass on."""
    users = [ANNA, BOB, CORA, a_user("u-dora"), a_user("u-emil")]
    world = a_world(*users, a_contact("c-carla")).with_options(security_check=True, display=True)
    meeting = a_meeting(organizer=ANNA, attendees=[*users[1:], "carla@client.example", "x@else.example"])
    answers = [ACCEPTED, Response.NONE, Response.DECLINED, Response.TENTATIVE]
    copies = [meeting, *(copy_of(meeting, user, response=each) for user, each in zip(users[1:], answers, strict=True))]
    ends = set()
    for order in permutations(users):
        link, revisions = a_link(), []
        for user in order:
            plan = world.hinted(user, copies=copies, link=link)
            revisions += [plan.command.revision] if plan.command else []
            link = confirmed(plan) if plan.command else plan.link
        ends.add((link.id, link.agreed, link.exchange, link.replicas, link.state))
        assert revisions == list(range(1, len(revisions) + 1))
        for user in order:
            assert is_quiet(world.hinted(user, copies=copies, link=link)), "a second pass says nothing new"
    assert len(ends) == 1, f"{len(ends)} different ends, depending on whose hint came first"
    [(_, item, _, replicas, _)] = ends
    assert item.assign_to == tuple(user.id for user in users)
    assert dict(item.responses) == dict(zip((user.id for user in users), [Response.ORGANIZER, *answers], strict=True))
    assert [replica.user for replica in replicas] == [user.id for user in users]


@pytest.mark.rule("ID-2", "ID-8")
@pytest.mark.scenario("S03d")
def test_s03d_two_meetings_of_equal_subject_and_time_are_two_items():
    """Identity is the UID, nothing else."""
    world = a_world(ANNA, BOB)
    one, other = (a_meeting(organizer=ANNA, attendees=[BOB], uid=uid) for uid in ("AA01", "AA02"))
    first = world.decided(one, link=a_link("AA01"))
    second = world.decided(other, link=a_link("AA02"))
    assert told(first) == told(second)
    assert first.link.id != second.link.id
    assert first.command is not None
    assert second.command is not None
    assert (first.command.uid, second.command.uid) == ("AA01", "AA02")


@pytest.mark.rule("ID-3")
def test_id_3_content_comes_from_the_organizers_copy_whatever_mailbox_the_hint_came_through():
    """Bob's copy has an older subject; his answer is his."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB], subject="New")
    plan = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB, subject="Old", response=ACCEPTED)])
    assert told(plan).subject == "New"
    assert dict(told(plan).responses)["u-bob"] is ACCEPTED


@pytest.mark.rule("ID-3")
def test_id_3_a_difference_in_another_copy_is_recorded_once_and_changes_nothing():
    """Until it differs otherwise; when it is gone, nothing is said either."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    same = copy_of(meeting, BOB)
    link = world.hinted(BOB, copies=[meeting, same]).link
    moved = replace(same, location="Elsewhere")
    first = world.hinted(BOB, copies=[meeting, moved], link=link)
    assert first.command is None
    assert (said(first).result, said(first).reason) == (Result.SKIPPED, Reason.NOT_AUTHORITATIVE)
    assert [(entry.rule, entry.about) for entry in said(first).explain] == [("ID-3", "location")]
    assert is_quiet(world.hinted(BOB, copies=[meeting, moved], link=first.link))
    again = world.hinted(BOB, copies=[meeting, replace(moved, subject="Mine")], link=first.link)
    assert [entry.about for entry in said(again).explain] == ["subject", "location"]
    healed = world.hinted(BOB, copies=[meeting, same], link=again.link)
    assert is_quiet(healed)
    relapsed = world.hinted(BOB, copies=[meeting, moved], link=healed.link)
    assert said(relapsed).reason is Reason.NOT_AUTHORITATIVE


@pytest.mark.rule("ID-3")
def test_id_3_a_difference_found_together_with_a_change_is_said_in_the_same_report():
    """One record, one outcome."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    plan = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB, location="Elsewhere")])
    assert plan.command is not None
    assert said(plan).result is Result.APPLIED
    assert [entry.about for entry in said(plan).explain] == ["u-anna", "u-bob", "location"]


@pytest.mark.rule("ID-3", "DEL-6")
def test_id_3_what_a_cancellation_leaves_in_another_copy_is_no_difference():
    """Bob alone was uninvited; his copy says "Canceled:"."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA)
    link = confirmed(world.decided(meeting))
    cancelled = copy_of(meeting, BOB, subject="Canceled: Review", is_cancelled=True)
    assert is_quiet(world.hinted(BOB, copies=[meeting, cancelled], link=link))


@pytest.mark.rule("ID-3")
def test_id_3_an_attendees_deleted_copy_is_no_difference():
    """It is not his copy any more."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    link = confirmed(world.decided(meeting))
    gone = in_deleted_items(copy_of(meeting, BOB, subject="Mine", response=Response.DECLINED))
    plan = world.hinted(BOB, copies=[meeting, gone], link=link)
    assert changed(plan) == ("responses",)


@pytest.mark.rule("ID-3", "ID-6")
def test_id_3_a_meeting_of_which_exchange_names_no_organizer_has_none():
    """Nobody is guessed, not even the holder; a plain appointment is its holder's."""
    world = a_world(ANNA)
    lost = replace(a_meeting(organizer=ANNA), organizer=None)
    asked = {"holder": ANNA, "facts": world.facts(), "policy": world.policy}
    assert authority.organizing_user(lost, **asked) is None
    assert authority.organizing_user(authority.authored(an_appointment(ANNA)), **asked) == ANNA


@pytest.mark.rule("ID-4", "ID-6")
@pytest.mark.scenario("S13a")
def test_s13a_an_outsiders_meeting_that_one_accepts_is_one_read_only_item():
    """True organizer, nobody owns it, both users in Assign To; before anybody accepted it is skipped."""
    world = a_world(BOB, CORA)
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB, CORA])
    unanswered = [copy_of(meeting, BOB), copy_of(meeting, CORA)]
    skipped = world.hinted(BOB, copies=unanswered)
    assert skipped.command is None
    assert (said(skipped).result, said(skipped).reason) == (Result.SKIPPED, Reason.AWAITING_ACCEPTANCE)
    assert is_quiet(world.hinted(CORA, copies=unanswered, link=skipped.link)), "said once"
    copies = [copy_of(meeting, BOB), copy_of(meeting, CORA, response=ACCEPTED)]
    plan = world.hinted(CORA, copies=copies, link=skipped.link)
    item = told(plan)
    assert (item.read_only, item.owner, item.assign_to) == (True, None, ("u-bob", "u-cora"))
    assert item.organizer is not None
    assert (item.organizer.user, item.organizer.name, item.organizer.email) == (None, "Boss", "boss@else.example")
    assert dict(item.responses) == {"u-bob": Response.NONE, "u-cora": ACCEPTED}
    assert plan.command is not None
    assert plan.command.master == "u-cora"
    assert list(external(plan)) == ["Boss"], "the organizer is a participant like any other"


@pytest.mark.rule("ID-4")
def test_id_4_the_first_who_accepted_is_master_at_the_same_moment_the_lowest_id():
    """Somebody who accepted at an unknown time comes last; a deleted copy does not count."""
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB, CORA])

    def accepted(user, at):
        return user, copy_of(meeting, user, response=ACCEPTED, replied_at=at)

    earlier, later = NOW, NOW + timedelta(minutes=1)
    assert authority.first_to_accept([accepted(BOB, later), accepted(CORA, earlier)]) == CORA
    assert authority.first_to_accept([accepted(CORA, earlier), accepted(BOB, earlier)]) == BOB
    assert authority.first_to_accept([accepted(BOB, None), accepted(CORA, later)]) == CORA
    assert authority.first_to_accept([accepted(CORA, None), accepted(BOB, None)]) == BOB
    assert authority.first_to_accept([accepted(BOB, earlier), accepted(BOB, earlier)]) == BOB, "two copies of his"
    deleted = (BOB, in_deleted_items(accepted(BOB, earlier)[1]))
    assert authority.first_to_accept([deleted, accepted(CORA, later)]) == CORA
    tentative = (BOB, copy_of(meeting, BOB, response=Response.TENTATIVE))
    assert authority.first_to_accept([tentative]) is None


@pytest.mark.rule("ID-4")
def test_id_4_others_changes_do_not_count_while_there_is_a_master():
    """Recorded, and no more; the master's come in."""
    world = a_world(BOB, CORA)
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB, CORA])
    masters, others = copy_of(meeting, BOB, response=ACCEPTED), copy_of(meeting, CORA, response=ACCEPTED)
    link = confirmed(world.hinted(BOB, copies=[masters, others]))
    rejected = world.hinted(CORA, copies=[masters, replace(others, subject="Mine")], link=link)
    assert agreed(rejected).subject == "Review"
    assert [entry.about for entry in said(rejected).explain if entry.decision.value == "refused"] == ["subject"]
    followed = world.hinted(BOB, copies=[replace(masters, subject="Moved"), others], link=link)
    assert told(followed).subject == "Moved"


@pytest.mark.rule("ID-4")
@pytest.mark.parametrize(
    "how", ["stops synchronizing", "loses his mailbox", "becomes inactive", "deletes his copy", "leaves"]
)
def test_id_4_a_master_who_no_longer_can_is_replaced_by_whom_a_change_arrives_through(how):
    """The same item and link; the next change comes from the successor's copy."""
    world = a_world(BOB, CORA)
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB, CORA])
    masters, others = copy_of(meeting, BOB, response=ACCEPTED), copy_of(meeting, CORA)
    link = confirmed(world.hinted(BOB, copies=[masters, others]))
    copies = [masters, replace(others, subject="Moved")]
    if how == "stops synchronizing":
        world = world.knowing(replace(BOB, sync_enabled=False))
    elif how == "loses his mailbox":
        world, copies = world.knowing(replace(BOB, mailbox=None)), copies[1:]
    elif how == "becomes inactive":
        world = world.knowing(replace(BOB, active=False))
    elif how == "leaves":
        world = replace(world, users=(CORA,))
        copies = copies[1:]
    else:
        masters = in_deleted_items(masters)
        link = world.hinted(BOB, copies=[masters, others], link=link).link
        copies = [masters, copies[1]]
    plan = world.hinted(CORA, copies=copies, link=link)
    assert (told(plan).subject, plan.link.master, plan.link.id) == ("Moved", "u-cora", link.id)


@pytest.mark.rule("ID-4")
def test_id_4_without_a_copy_of_his_own_nobody_takes_over_but_another_who_has_one():
    """The lowest id of those; nobody who is not synchronized."""
    world = a_world(ANNA, BOB, CORA)
    meeting = a_meeting(organizer="boss@else.example", attendees=[ANNA, BOB, CORA])
    link = a_link()
    for user in (BOB, CORA):
        link = sighted(link, Sighting(user.mailbox or "", user, copy_of(meeting, user)))
    assert authority.successor(link, holder=ANNA, copy=None, facts=world.facts()) == BOB
    asleep = world.knowing(replace(BOB, sync_enabled=False)).facts()
    assert authority.successor(link, holder=ANNA, copy=None, facts=asleep) == CORA
    assert authority.successor(a_link(), holder=ANNA, copy=None, facts=world.facts()) is None


@pytest.mark.rule("ID-6")
def test_id_6_read_only_is_what_has_no_crm_user_as_organizer_and_nothing_else():
    """A CRM user who is not synchronized is still one; an inactive one is not."""
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    copy = copy_of(meeting, BOB, response=ACCEPTED)
    ends = {}
    for organizer in (ANNA, replace(ANNA, sync_enabled=False), replace(ANNA, active=False)):
        copies = [meeting, copy] if organizer is ANNA else [copy]
        plan = a_world(organizer, BOB).hinted(BOB, copies=copies)
        ends[organizer.synchronized, organizer.active] = (told(plan).read_only, told(plan).owner)
    assert ends == {(True, True): (False, "u-anna"), (False, True): (False, "u-anna"), (False, False): (True, None)}


@pytest.mark.rule("ID-6", "ID-3")
@pytest.mark.scenario("S13c")
def test_s13c_an_organizer_who_becomes_a_user_makes_it_an_ordinary_item_of_the_same_link():
    """With the first hint after, although nobody touched the meeting."""
    world = a_world(BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    copy = copy_of(meeting, BOB, response=ACCEPTED)
    link = confirmed(world.decided(copy))
    assert link.master == "u-bob"
    plan = world.knowing(ANNA).hinted(BOB, copies=[meeting, copy], link=link)
    assert plan.command is not None
    assert (plan.command.link, plan.command.crm_id, plan.command.master) == (link.id, "si-1", None)
    assert (told(plan).read_only, told(plan).owner, told(plan).assign_to) == (False, "u-anna", ("u-anna", "u-bob"))
    assert external(plan) == {}


@pytest.mark.rule("ID-8")
def test_id_8_a_link_has_the_same_id_whoever_computes_it():
    """By UID for what was born in Exchange, by CRM id for what was born there; never the same by accident."""
    assert ids.link_of_uid("AA01") == ids.link_of_uid("AA01")
    assert len({ids.link_of_uid("AA01"), ids.link_of_uid("aa01"), ids.link_of_crm("AA01")}) == 3


@pytest.mark.rule("ID-8", "CON-6")
@pytest.mark.parametrize(
    ("heard", "generation", "revision"), [(0, 0, 1), (7, 0, 8), (7, 1, 2**32 + 1), (2**32 + 5, 1, 2**32 + 6)]
)
def test_id_8_revisions_go_on_above_what_the_crm_has_heard(heard, generation, revision):
    """A store that was lost knows them from the CRM's events; a new generation is above all before."""
    world = a_world(ANNA)
    meeting = a_meeting(organizer=ANNA)
    link = sighted(a_link(crm_revision=heard), Sighting("anna@bank.example", ANNA, meeting))
    around = replace(world.around, generation=generation)
    plan = inbound.decide(link, meeting, authority=Authority(ANNA, ANNA), around=around)
    assert plan.command is not None
    assert (plan.command.revision, plan.link.revision) == (revision, revision)


@pytest.mark.rule("ID-2")
def test_id_2_a_replica_is_remembered_by_mailbox_with_its_latest_ids():
    """A moved item has another id in the same mailbox; it is one replica all the same."""
    copy = copy_of(a_meeting(organizer=ANNA, attendees=[BOB]), BOB)
    first = sighted(a_link(), Sighting("bob@bank.example", BOB, copy))
    moved = sighted(first, Sighting("bob@bank.example", BOB, replace(copy, item_id="AAMk-new", change_key="2")))
    assert [(each.item_id, each.change_key, each.live) for each in moved.replicas] == [("AAMk-new", "2", True)]
    gone = sighted(moved, Sighting("bob@bank.example", BOB, None))
    assert [(each.item_id, each.live) for each in gone.replicas] == [("AAMk-new", False)]
    assert sighted(a_link(), Sighting("bob@bank.example", BOB, None)) == a_link()


@pytest.mark.rule("ID-2", "CON-6")
def test_id_2_a_command_names_link_uid_and_what_the_crm_has_said():
    """The CRM finds the item by link and knows what the daemon had seen."""
    world = a_world(ANNA)
    meeting = a_meeting(organizer=ANNA)
    first = world.decided(meeting)
    assert first.command is not None
    assert (first.command.link, first.command.uid, first.command.crm_id, first.command.seen) == (
        first.link.id,
        meeting.uid,
        None,
        0,
    )
    second = world.decided(replace(meeting, subject="Later"), link=replace(confirmed(first), crm_version=5))
    assert second.command is not None
    assert (second.command.crm_id, second.command.seen, second.command.revision) == ("si-1", 5, 2)
    assert second.link.state is State.ACTIVE
