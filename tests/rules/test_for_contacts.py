"""For contacts and the security check (FOR-1..7, VIS-1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.visibility import SecurityModel
from schemas import ids, wire
from schemas.items import ExternalReason, ForEntry, Response, Source
from schemas.outcomes import Decision
from tests.support.world import (
    a_contact,
    a_meeting,
    a_user,
    a_world,
    agreed,
    changed,
    confirmed,
    copy_of,
    decision_on,
    external,
    in_for,
    invited,
    said,
    told,
    why,
    x500,
)

ANNA = a_user("u-anna")
BOB = a_user("u-bob", node_ids=("branch",))
CARLA = a_contact("c-carla")
"""At the bank's top node: Anna sees her, Bob does not."""


@pytest.mark.rule("FOR-1")
def test_for_1_a_contact_of_a_participant_that_the_creator_sees_is_in_for():
    """The report says so."""
    plan = a_world(ANNA, CARLA).decided(a_meeting(organizer=ANNA, attendees=[CARLA]))
    assert agreed(plan).for_ == (ForEntry("c-carla", Source.EXCHANGE, Response.NONE),)
    assert external(plan) == {}
    assert decision_on(plan, "c-carla") == ("FOR-1", Decision.FOR)
    assert "u-anna" in why(plan, "c-carla")[0].because


@pytest.mark.rule("FOR-1", "FOR-4")
@pytest.mark.parametrize("check", [True, False])
def test_for_1_a_contact_the_creator_may_not_see_is_never_in_for(check):
    """Check on or off, even if everybody else sees him; what people read does not tell that he exists."""
    hidden = a_contact("c-hidden", node_path=("bank", "branch"))
    world = a_world(replace(ANNA, node_ids=("head-office",)), BOB, hidden).with_options(security_check=check)
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[BOB, hidden]))
    assert in_for(plan) == []
    assert external(plan)["Hidden"].reason is ExternalReason.NO_MATCH
    assert decision_on(plan, "c-hidden") == ("FOR-1", Decision.EXTERNAL)


@pytest.mark.rule("FOR-1", "ID-4")
def test_for_1_without_a_crm_user_as_organizer_the_masters_visibility_counts():
    """Bob accepted an outsider's meeting; Anna, who sees Carla, did not."""
    world = a_world(ANNA, BOB, CARLA)
    meeting = a_meeting(organizer="boss@else.example", attendees=[ANNA, BOB, CARLA])
    plan = world.decided(copy_of(meeting, BOB, response=Response.ACCEPTED))
    assert in_for(plan) == []
    assert decision_on(plan, "c-carla") == ("FOR-1", Decision.EXTERNAL)


@pytest.mark.rule("FOR-1", "ID-4")
def test_for_1_an_organizer_who_is_not_synchronized_is_still_the_creator():
    """His visibility counts, although the master's copy and options do."""
    world = a_world(replace(ANNA, mailbox=None), BOB, CARLA)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, CARLA])
    plan = world.decided(copy_of(meeting, BOB, response=Response.ACCEPTED))
    assert in_for(plan) == ["c-carla"]
    assert (told(plan).owner, told(plan).read_only) == ("u-anna", False)


@pytest.mark.rule("FOR-1")
def test_for_1_the_organizers_own_contact_record_is_matched_where_he_is_no_user():
    """The organizer is a participant like any other."""
    boss = a_contact("c-boss", emails=["boss@else.example"], node_path=("bank", "branch"))
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB])
    plan = a_world(BOB, boss).decided(copy_of(meeting, BOB, response=Response.ACCEPTED))
    assert agreed(plan).for_ == (ForEntry("c-boss", Source.EXCHANGE, Response.ORGANIZER),)


@pytest.mark.rule("FOR-2", "PART-2")
@pytest.mark.scenario("S16b")
def test_s16b_three_visible_contacts_of_one_address_are_all_in_for():
    """In order of id, whatever order the directory has; each with its reason."""
    shared = ["family@client.example"]
    contacts = [a_contact(each, emails=shared) for each in ("c-3", "c-1", "c-2")]
    plan = a_world(ANNA, *contacts).decided(a_meeting(organizer=ANNA, attendees=shared))
    assert in_for(plan) == ["c-1", "c-2", "c-3"]
    assert [decision_on(plan, each) for each in in_for(plan)] == [("FOR-1", Decision.FOR)] * 3


@pytest.mark.rule("PART-1")
@pytest.mark.scenario("S16c")
def test_s16c_after_a_merge_of_contacts_the_survivor_stands_for_the_participant():
    """At the meeting's next change the merged one has left For."""
    merged, survivor = a_contact("c-1", emails=["k@client.example"]), a_contact("c-2", emails=["k2@client.example"])
    world = a_world(ANNA, merged, survivor)
    meeting = a_meeting(organizer=ANNA, attendees=["k@client.example"])
    link = confirmed(world.decided(meeting))
    followed = replace(survivor, addresses=("k2@client.example", "k@client.example"))
    world = world.knowing(replace(merged, active=False), followed)
    plan = world.decided(replace(meeting, subject="Later"), link=link)
    assert in_for(plan) == ["c-2"]
    assert set(changed(plan)) == {"subject", "for"}


@pytest.mark.rule("FOR-3", "PART-6")
def test_for_3_an_entry_from_exchange_leaves_with_its_attendee_and_one_of_the_crm_stays():
    """Both contacts were invited; the CRM had added one of them before."""
    dora = a_contact("c-dora")
    world = a_world(ANNA, CARLA, dora)
    alone = a_meeting(organizer=ANNA)
    by_crm = confirmed(world.decided(alone), for_=(ForEntry("c-dora", Source.CRM),))
    both = replace(alone, attendees=(invited(CARLA), invited(dora, response=Response.ACCEPTED)))
    came = world.decided(both, link=by_crm)
    assert agreed(came).for_ == (
        ForEntry("c-carla", Source.EXCHANGE),
        ForEntry("c-dora", Source.CRM, Response.ACCEPTED),
    )
    left = world.decided(alone, link=confirmed(came))
    assert agreed(left).for_ == (ForEntry("c-dora", Source.CRM, Response.NONE),), "who is not invited has not answered"


@pytest.mark.rule("FOR-3", "PART-1")
@pytest.mark.parametrize("how", [{"matching": False}, {"security_check": True}])
def test_for_3_a_participant_whose_contact_the_crm_put_into_for_is_not_external(how):
    """Although matching is off, or the check would not let him in: external is who has no contact in For."""
    world = a_world(ANNA, BOB, CARLA).with_options(**how)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, CARLA])
    link = confirmed(world.decided(meeting), for_=(ForEntry("c-carla", Source.CRM),))
    plan = world.decided(replace(meeting, subject="Later"), link=link)
    assert in_for(plan) == ["c-carla"]
    assert external(plan) == {}, "c-carla would be shown twice, as a contact and as a stranger"
    assert decision_on(plan, "c-carla") == ("FOR-3", Decision.FOR)


@pytest.mark.rule("PART-6", "PART-1")
def test_part_6_a_contact_the_crm_took_out_of_for_is_not_matched_again_while_his_attendee_stays():
    """The participant, who has no contact in For any more, is external."""
    world = a_world(ANNA, CARLA)
    meeting = a_meeting(organizer=ANNA, attendees=[CARLA])
    link = confirmed(world.decided(meeting), for_=())
    first = world.decided(replace(meeting, subject="Later"), link=link)
    second = world.decided(replace(meeting, subject="Much later"), link=confirmed(first))
    for plan in (first, second):
        assert in_for(plan) == []
        assert list(external(plan)) == ["Carla"]
        assert decision_on(plan, "c-carla") == ("PART-6", Decision.EXTERNAL)


@pytest.mark.rule("FOR-4", "OPT-3")
@pytest.mark.parametrize(
    ("options", "node"),
    [({"matching": False}, "bank"), ({"security_check": True}, "bank"), ({}, "head-office")],
    ids=["option off", "demoted", "invisible"],
)
def test_for_4_why_a_contact_is_not_shown_cannot_be_told_from_the_item(options, node):
    """All read as if there were no such contact; operators read the contact's id in the outcome."""
    world = a_world(ANNA, BOB, replace(CARLA, node_path=(node,))).with_options(**options, display=True)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, CARLA])
    plan, of_a_stranger = world.decided(meeting), replace(world, contacts=()).decided(meeting)
    assert wire.write_item(told(plan)) == wire.write_item(told(of_a_stranger))
    assert [entry.decision for entry in why(plan, "c-carla")] == [Decision.EXTERNAL]


@pytest.mark.rule("FOR-4")
def test_for_4_a_dropped_contact_is_no_external_participant_while_another_stays():
    """Two contacts of one address, of whom Bob sees one."""
    shared = ["family@client.example"]
    seen, hidden = a_contact("c-seen", emails=shared, node_path=("bank", "branch")), a_contact("c-hid", emails=shared)
    world = a_world(ANNA, BOB, seen, hidden).with_options(security_check=True)
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[BOB, *shared]))
    assert (in_for(plan), external(plan)) == (["c-seen"], {})
    assert decision_on(plan, "c-hid") == ("FOR-5", Decision.DROPPED)
    assert decision_on(plan, "c-seen") == ("FOR-1", Decision.FOR)


@pytest.mark.rule("FOR-4", "PART-4")
def test_for_4_an_unresolved_participant_says_so():
    """There is no address that anybody could be matched by."""
    nameless = x500("Old Colleague")
    plan = a_world(ANNA).decided(a_meeting(organizer=ANNA, attendees=[nameless]))
    assert external(plan)["Old Colleague"].reason is ExternalReason.UNRESOLVED
    assert decision_on(plan, ids.external_about(nameless.address)) == ("PART-4", Decision.EXTERNAL)


@pytest.mark.rule("FOR-5")
def test_for_5_with_the_check_on_only_contacts_that_all_attendees_see_stay():
    """Bob may not see Carla, so she is demoted; the report names him."""
    world = a_world(ANNA, BOB, CARLA, a_contact("c-dora", node_path=("bank", "branch")))
    plan = world.with_options(security_check=True).decided(
        a_meeting(organizer=ANNA, attendees=[BOB, CARLA, "dora@client.example"])
    )
    assert in_for(plan) == ["c-dora"]
    assert external(plan)["Carla"].reason is ExternalReason.NO_MATCH
    assert decision_on(plan, "c-carla") == ("FOR-5", Decision.EXTERNAL)
    assert why(plan, "c-carla")[0].because == "not visible to u-bob"


@pytest.mark.rule("FOR-5", "DEL-3")
def test_for_5_an_attendee_who_declined_still_counts():
    """He is in Assign To and reads the item."""
    world = a_world(ANNA, BOB, CARLA).with_options(security_check=True)
    meeting = a_meeting(organizer=ANNA, attendees=[invited(BOB, response=Response.DECLINED), CARLA])
    assert in_for(world.decided(meeting)) == []


@pytest.mark.rule("FOR-5", "PART-1")
def test_for_5_a_list_member_with_a_copy_counts():
    """Bob was not invited by name."""
    world = a_world(ANNA, BOB, CARLA).with_options(security_check=True)
    meeting = a_meeting(organizer=ANNA, attendees=[CARLA])
    assert in_for(world.decided(meeting)) == ["c-carla"]
    assert in_for(world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB)])) == []


@pytest.mark.rule("FOR-5", "VIS-3")
def test_for_5_inactive_users_and_strangers_demote_nobody():
    """They match nothing, so they are no attendees in the sense of the check."""
    world = a_world(ANNA, replace(BOB, active=False), CARLA).with_options(security_check=True)
    assert in_for(world.decided(a_meeting(organizer=ANNA, attendees=[BOB, CARLA, "x@else.example"]))) == ["c-carla"]


@pytest.mark.rule("FOR-5", "PART-1")
def test_for_5_a_user_who_is_not_synchronized_counts():
    """He is an active CRM user all the same."""
    world = a_world(ANNA, replace(BOB, sync_enabled=False), CARLA).with_options(security_check=True)
    assert in_for(world.decided(a_meeting(organizer=ANNA, attendees=[BOB, CARLA]))) == []


@pytest.mark.rule("FOR-6")
def test_for_6_with_the_check_off_what_others_may_see_means_nothing():
    """Bob may not see Carla, and she stays."""
    plan = a_world(ANNA, BOB, CARLA).decided(a_meeting(organizer=ANNA, attendees=[BOB, CARLA]))
    assert in_for(plan) == ["c-carla"]
    assert decision_on(plan, "c-carla") == ("FOR-1", Decision.FOR)


@pytest.mark.rule("FOR-7")
@pytest.mark.parametrize(
    ("limit", "check", "stays"), [(1, True, False), (2, True, True), (1, False, True), (None, True, True)]
)
def test_for_7_with_the_check_on_more_users_than_the_limit_demote_everybody(limit, check, stays):
    """Two users take part, and both see Carla."""
    world = a_world(ANNA, replace(BOB, node_ids=("bank",)), CARLA).with_options(security_check=check)
    plan = world.with_policy(max_assigned_users=limit).decided(a_meeting(organizer=ANNA, attendees=[BOB, CARLA]))
    assert (in_for(plan) == ["c-carla"]) is stays
    if not stays:
        assert decision_on(plan, "c-carla") == ("FOR-7", Decision.EXTERNAL)
        assert [each.effect for each in said(plan).options if "check" in each.key] == [("for:c-carla",)]


@pytest.mark.rule("VIS-1", "FOR-5")
@pytest.mark.parametrize(
    ("model", "stays"), [(SecurityModel.HAM, False), (SecurityModel.CAM, False), (SecurityModel.GSM, True)]
)
def test_vis_1_the_configured_model_decides_for_matching_and_check_alike(model, stays):
    """Carla is public under GSM, covered by Anna's desk, and not at a node of Bob's."""
    carla = replace(CARLA, view="public", coverage_groups=frozenset({"desk"}))
    anna = replace(ANNA, groups=("desk",))
    world = a_world(anna, BOB, carla).with_options(security_check=True).with_policy(security_model=model)
    plan = world.decided(a_meeting(organizer=anna, attendees=[BOB, carla]))
    assert (in_for(plan) == ["c-carla"]) is stays
