"""What a report says, word for word: an administrator reads it when he asks why (OPT-5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.links import State
from handlers.plans import Explanation, Upsert
from schemas import ids
from schemas.copies import Attendee, Role
from schemas.items import ForEntry, Response, Source
from schemas.outcomes import Decision, Direction, Reason, Result
from tests.support.world import (
    END,
    a_contact,
    a_list,
    a_meeting,
    a_user,
    a_world,
    agreed,
    confirmed,
    copy_of,
    in_deleted_items,
    pattern,
    said,
    why,
)

ANNA, BOB = a_user("u-anna"), a_user("u-bob")
CARLA = a_contact("c-carla")
NAMELESS = Attendee(Role.REQUIRED, name="Nobody")


def hidden(contact_id="c-carla"):
    """A contact only Anna covers: others do not see him."""
    return a_contact(contact_id, node_path=None, coverage_users=frozenset({"u-anna"}))


@pytest.mark.rule("OPT-5", "PART-1", "PART-4", "PART-5", "BLK-2")
def test_opt_5_everybody_who_takes_part_is_told_of_with_the_reason():
    """Users, holders of copies, contacts, and each kind of stranger."""
    world = a_world(ANNA, BOB, a_user("u-cora"), CARLA).with_policy(blacklist=(pattern("^spam@"),))
    people = [BOB, CARLA, "x@else.example", "spam@else.example", NAMELESS, a_list()]
    meeting = a_meeting(organizer=ANNA, attendees=people)
    link = world.hinted(a_user("u-cora"), copies=[meeting, copy_of(meeting, a_user("u-cora"))]).link
    plan = world.decided(replace(meeting, location="Elsewhere"), link=link)
    assert said(plan).direction is Direction.INBOUND
    assert set(said(plan).explain) == {
        Explanation("PART-1", "u-anna", Decision.ASSIGN_TO, "an active CRM user has this address"),
        Explanation("PART-1", "u-bob", Decision.ASSIGN_TO, "an active CRM user has this address"),
        Explanation("PART-1", "u-cora", Decision.ASSIGN_TO, "a copy lies in his mailbox"),
        Explanation("FOR-1", "c-carla", Decision.FOR, "visible to the creator u-anna"),
        _stranger("x@else.example", "PART-1", "no active user or contact has this address"),
        _stranger("spam@else.example", "BLK-2", "the address is blacklisted"),
        _stranger("nobody", "PART-4", "no SMTP address could be found"),
        _stranger("desk3@bank.example", "PART-5", "a distribution list is not expanded"),
    }


def _stranger(key, rule, because):
    return Explanation(rule, ids.external_about(key), Decision.EXTERNAL, because)


@pytest.mark.rule("OPT-5", "FOR-1", "FOR-5", "FOR-7")
@pytest.mark.parametrize(
    ("world", "rule", "because"),
    [
        (a_world(hidden()), "FOR-5", "not visible to u-bob, u-cora"),
        (a_world(CARLA).with_policy(max_assigned_users=2), "FOR-7", "3 users take part, more than 2"),
        (a_world(CARLA).with_options(matching=False), "FOR-1", "for_contacts.inbound is off"),
        (a_world(replace(CARLA, node_path=("else",))), "FOR-1", "not visible to the creator u-anna"),
    ],
)
def test_opt_5_of_a_contact_who_is_not_in_for_the_rule_and_the_reason_are_told(world, rule, because):
    """He is an external contact then."""
    known = world.knowing(ANNA, BOB, a_user("u-cora"))
    known = known if "is off" in because else known.with_options(matching=True, security_check=True)
    plan = known.decided(a_meeting(organizer=ANNA, attendees=[BOB, a_user("u-cora"), CARLA]))
    assert why(plan, "c-carla") == [Explanation(rule, "c-carla", Decision.EXTERNAL, because)]


@pytest.mark.rule("OPT-5", "FOR-3", "PART-6")
def test_opt_5_what_the_crm_did_to_for_is_told_as_its_doing():
    """It put one in whom nobody matched, and took another out."""
    world = a_world(ANNA, replace(CARLA, node_path=("else",)), a_contact("c-dan"))
    meeting = a_meeting(organizer=ANNA, attendees=[CARLA, "dan@client.example"])
    link = confirmed(world.decided(meeting), for_=(ForEntry("c-carla", Source.CRM, Response.NONE),))
    plan = world.decided(replace(meeting, location="Elsewhere"), link=link)
    assert why(plan, "c-carla") == [Explanation("FOR-3", "c-carla", Decision.FOR, "the CRM put it into For")]
    assert why(plan, "c-dan") == [Explanation("PART-6", "c-dan", Decision.EXTERNAL, "the CRM took it out of For")]


@pytest.mark.rule("OPT-5", "DEL-2", "DEL-5", "ID-3", "ID-4", "PRIV-2", "INV-7")
@pytest.mark.parametrize(
    ("reason", "rule", "decision", "because"),
    [
        (Reason.PRIVATE_MEETING, "PRIV-2", "refused", "private, with several participants, and the option is off"),
        (
            Reason.AWAITING_ACCEPTANCE,
            "ID-4",
            "refused",
            "the organizer is not synchronized and nobody accepted yet",
        ),
        (Reason.OUT_OF_SCOPE, "INV-7", "refused", "the CRM keeps this item out of scope"),
        (Reason.TOMBSTONED, "DEL-5", "refused", "the CRM deleted this item"),
        (Reason.ARCHIVAL, "DEL-2", "kept", "the item ended long before it was deleted"),
        (Reason.GONE, "ID-3", "refused", "the copy that counts does not exist"),
        (Reason.NO_ORGANIZER, "ID-3", "refused", "Exchange names no organizer of this meeting"),
    ],
)
def test_opt_5_a_skipped_item_is_told_of_with_the_reason(reason, rule, decision, because):
    """Each as it comes about."""
    plan = skipped(reason)
    assert plan.command is None
    report = said(plan)
    assert (report.direction, report.result, report.reason) == (Direction.INBOUND, Result.SKIPPED, reason)
    assert report.explain == (Explanation(rule, plan.link.id, Decision(decision), because),)


def skipped(reason):
    """A plan that skips for this reason."""
    world = a_world(ANNA, BOB).with_options(private_meetings=False)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    link = confirmed(world.decided(meeting))
    match reason:
        case Reason.PRIVATE_MEETING:
            return world.decided(replace(meeting, sensitivity="Private"))
        case Reason.AWAITING_ACCEPTANCE:
            return world.decided(copy_of(a_meeting(organizer="boss@else.example", attendees=[BOB]), BOB))
        case Reason.OUT_OF_SCOPE:
            return world.decided(meeting, link=replace(link, state=State.OUT_OF_SCOPE))
        case Reason.TOMBSTONED:
            return world.decided(meeting, link=replace(link, state=State.DELETED, deleted_by_crm=True))
        case Reason.ARCHIVAL:
            long_after = replace(world, now=END + timedelta(days=31))
            return long_after.decided(in_deleted_items(meeting), link=link)
        case Reason.GONE:
            return world.decided(in_deleted_items(meeting))
        case _:
            return world.decided(replace(copy_of(meeting, BOB), organizer=None))


@pytest.mark.rule("OPT-5", "PRIV-4", "ID-3", "DEL-3")
def test_opt_5_what_is_hidden_refused_or_kept_is_told_with_the_reason():
    """Of a redacted meeting only that; of another copy the fields in which it differs; of an answer why it counts."""
    world = a_world(ANNA, BOB).with_options(private_meetings=False)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    link = confirmed(world.decided(meeting))
    hidden_now = world.decided(replace(meeting, sensitivity="Private"), link=link)
    expected = Explanation("PRIV-4", link.id, Decision.REDACTED, "private, with several participants")
    assert said(hidden_now).explain == (expected,)
    elsewhere = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB, location="Elsewhere")], link=link)
    refused = Explanation("ID-3", "location", Decision.REFUSED, "the copy of u-bob does not count")
    assert said(elsewhere).explain == (refused,)
    assert said(elsewhere).direction is Direction.INBOUND


@pytest.mark.rule("OPT-5", "DEL-1")
def test_opt_5_a_delete_is_told_of_as_applied():
    """There is nothing to explain."""
    world = a_world(ANNA)
    link = confirmed(world.decided(a_meeting(organizer=ANNA)))
    plan = world.decided(in_deleted_items(a_meeting(organizer=ANNA)), link=link)
    report = said(plan)
    assert (report.direction, report.result, report.reason, report.explain) == (
        Direction.INBOUND,
        Result.APPLIED,
        None,
        (),
    )


@pytest.mark.rule("DEL-3", "OPT-5")
def test_del_3_the_answer_of_the_last_who_had_a_copy_counts_and_is_told_with_the_reason():
    """Bob alone is synchronized; he declines the outsider's meeting that he had accepted, and nobody's copy counts."""
    world = a_world(BOB)
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB])
    accepted = copy_of(meeting, BOB, response=Response.ACCEPTED)
    link = confirmed(world.hinted(BOB, copies=[accepted]))
    declined = in_deleted_items(replace(accepted, my_response=Response.DECLINED))
    plan = world.hinted(BOB, copies=[declined], link=replace(link, master=None))
    because = "his own copy says so, and there is none that counts"
    assert dict(agreed(plan).responses) == {"u-bob": Response.DECLINED}
    report = said(plan)
    assert (report.direction, report.result) == (Direction.INBOUND, Result.APPLIED)
    assert report.explain == (Explanation("DEL-3", "u-bob", Decision.KEPT, because),)


@pytest.mark.rule("DEL-3", "CON-6")
def test_del_3_an_answer_taken_back_before_the_crm_has_heard_of_it_is_told_all_the_same():
    """The CRM still holds that Bob declined; it is being told that he accepted when he declines again."""
    world = a_world(BOB)
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB])
    accepted = copy_of(meeting, BOB, response=Response.ACCEPTED)
    link = confirmed(world.hinted(BOB, copies=[accepted]))
    assert link.crm is not None
    then = replace(link.crm, responses=(("u-bob", Response.DECLINED),))
    underway = replace(link, master=None, crm=then, revision=link.revision + 1)
    declined = in_deleted_items(replace(accepted, my_response=Response.DECLINED))
    plan = world.hinted(BOB, copies=[declined], link=underway)
    assert dict(agreed(plan).responses) == {"u-bob": Response.DECLINED}
    assert isinstance(plan.command, Upsert)
    assert plan.command.changed == ("responses",)
