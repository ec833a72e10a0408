"""Privacy: what comes in, what is redacted, and what is told of it (PRIV-1..5)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from handlers.inbound import Sighting, with_deviation
from handlers.links import State
from handlers.plans import Plan
from handlers.visibility import SecurityModel
from schemas import options, wire
from schemas.items import ForEntry, Related, Response, Source
from schemas.outcomes import Decision, Reason, Result
from tests.support.world import (
    a_contact,
    a_link,
    a_list,
    a_meeting,
    a_room,
    a_user,
    a_world,
    agreed,
    an_appointment,
    changed,
    confirmed,
    copy_of,
    external,
    in_for,
    invited,
    is_quiet,
    said,
    told,
    x500,
)

ANNA = a_user("u-anna")
BOB = a_user("u-bob")
CARLA = a_contact("c-carla")
PRIVATE = options.PRIVATE_MEETINGS_INBOUND


def hears(plan: Plan) -> str:
    """Everything that leaves the daemon because of a plan, as text."""
    item = wire.write_item(told(plan)) if plan.command else None
    return json.dumps(item, default=str) + repr(plan.report)


@pytest.mark.rule("PRIV-1")
@pytest.mark.scenario("S11d")
@pytest.mark.parametrize("sensitivity", ["Private", "Confidential", "Personal", "Bottomless", ""])
def test_s11d_every_sensitivity_but_normal_is_private(sensitivity):
    """Also a value nobody knows yet."""
    world = a_world(ANNA, BOB)
    assert told(world.decided(an_appointment(ANNA, sensitivity=sensitivity))).restricted
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[BOB], sensitivity=sensitivity))
    assert said(plan).reason is Reason.PRIVATE_MEETING


@pytest.mark.rule("PRIV-1")
def test_priv_1_normal_is_not_private():
    """It comes in unrestricted, with the option off."""
    assert not told(a_world(ANNA, BOB).decided(a_meeting(organizer=ANNA, attendees=[BOB]))).restricted


@pytest.mark.rule("PRIV-2", "PRIV-5")
@pytest.mark.parametrize("through", [ANNA, BOB], ids=["organizer's mailbox", "attendee's mailbox"])
def test_priv_2_a_private_meeting_is_skipped_and_the_report_holds_no_content(through):
    """Identity and reason, and whose option it was; no participant is named."""
    world = a_world(ANNA, BOB, CARLA).with_options("user:u-bob", private_meetings=True)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, CARLA], private=True, subject="Canary")
    plan = world.hinted(through, copies=[meeting, copy_of(meeting, BOB)])
    assert plan.command is None
    assert (said(plan).result, said(plan).reason) == (Result.SKIPPED, Reason.PRIVATE_MEETING)
    assert [(each.key, each.user, each.value, each.effect) for each in said(plan).options] == [
        (PRIVATE, "u-anna", False, ("refused",))
    ]
    assert [entry.about for entry in said(plan).explain] == [plan.link.id]
    assert (plan.link.agreed, plan.link.exchange, plan.link.state) == (None, None, State.OUTSIDE)


@pytest.mark.rule("PRIV-2", "PRIV-3")
def test_priv_2_with_the_organizers_option_on_it_comes_in_restricted():
    """Whatever the attendee set for himself."""
    world = a_world(ANNA, BOB, CARLA).with_options("user:u-anna", private_meetings=True)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, CARLA], private=True)
    plan = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB)])
    assert (told(plan).restricted, told(plan).redacted, told(plan).subject) == (True, False, "Review")
    assert in_for(plan) == ["c-carla"]
    assert [each.value for each in said(plan).options if each.key == PRIVATE] == [True]


@pytest.mark.rule("PRIV-2", "OPT-4")
def test_priv_2_without_a_synchronized_organizer_the_masters_option_counts():
    """The outsider has none."""
    world = a_world(BOB)
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB], private=True)
    copy = copy_of(meeting, BOB, response=Response.ACCEPTED)
    assert said(world.decided(copy)).reason is Reason.PRIVATE_MEETING
    assert told(world.with_options("user:u-bob", private_meetings=True).decided(copy)).restricted


@pytest.mark.rule("PRIV-2", "PART-5")
@pytest.mark.parametrize(
    ("attendees", "comes_in"),
    [
        ([], True),
        ([a_room()], True),
        ([ANNA], True),
        (["x@else.example"], False),
        ([x500("Old Colleague")], False),
        ([a_list()], False),
        ([BOB, a_room()], False),
    ],
    ids=["alone", "with a room", "with herself", "external", "unresolved", "list", "colleague and room"],
)
def test_priv_2_only_meetings_of_several_participants_stay_out(attendees, comes_in):
    """Resources are not counted, outsiders and lists are."""
    plan = a_world(ANNA, BOB).decided(a_meeting(organizer=ANNA, attendees=attendees, private=True))
    assert (plan.command is not None) is comes_in
    if comes_in:
        assert told(plan).restricted
        assert PRIVATE not in [each.key for each in said(plan).options], "the option was not consulted"


@pytest.mark.rule("PRIV-2", "PRIV-3")
@pytest.mark.parametrize("model", [SecurityModel.CAM, SecurityModel.GSM])
def test_priv_3_without_ham_the_option_means_nothing_and_the_meeting_comes_in_as_private(model):
    """Whatever it is set to."""
    meeting = a_meeting(organizer=ANNA, attendees=[BOB], private=True)
    for value in (True, False):
        world = a_world(ANNA, BOB).with_policy(security_model=model).with_options(private_meetings=value)
        plan = world.decided(meeting)
        assert (told(plan).restricted, told(plan).subject) == (True, "Review")
        assert PRIVATE not in [each.key for each in said(plan).options]


def a_linked_meeting():
    """A meeting in the CRM with people of all kinds and with what only the CRM holds."""
    world = a_world(ANNA, BOB, CARLA, a_contact("c-own"), a_contact("c-both"))
    world = world.with_options(display=True)
    guests = [BOB, CARLA, invited("both@client.example", response=Response.ACCEPTED), "x@else.example"]
    meeting = a_meeting(organizer=ANNA, attendees=guests, body="Canary body", location="Canary room")
    crm_only = {
        "status": "completed",
        "related": (Related("opportunity", "o-1", "Pension plan"),),
        "for_": (
            ForEntry("c-both", Source.CRM, Response.ACCEPTED),
            ForEntry("c-carla", Source.EXCHANGE),
            ForEntry("c-own", Source.CRM),
        ),
    }
    return world, meeting, confirmed(world.decided(meeting), **crm_only)


@pytest.mark.rule("PRIV-4")
@pytest.mark.scenario("S11b")
def test_s11b_a_linked_meeting_that_turns_private_is_redacted_and_not_deleted():
    """Content goes; times, Assign To and what is CRM-only stay."""
    world, meeting, link = a_linked_meeting()
    plan = world.decided(replace(meeting, sensitivity="Private"), link=link)
    item = told(plan)
    assert (item.subject, item.notes, item.location) == ("Private", "", "")
    assert (item.restricted, item.redacted, item.external, item.responses) == (True, True, (), ())
    assert item.organizer is not None
    assert (item.organizer.user, item.organizer.name, item.organizer.email) == ("u-anna", "", None)
    assert item.for_ == (ForEntry("c-both", Source.CRM), ForEntry("c-own", Source.CRM)), "nobody's answer is left"
    assert (item.start, item.end, item.assign_to) == (meeting.start, meeting.end, ("u-anna", "u-bob"))
    assert (item.status, item.related) == ("completed", (Related("opportunity", "o-1", "Pension plan"),))
    assert set(changed(plan)) == {
        "subject", "notes", "location", "restricted", "redacted", "external", "responses", "organizer", "for",
    }  # fmt: skip
    assert [(entry.rule, entry.decision) for entry in said(plan).explain] == [("PRIV-4", Decision.REDACTED)]
    assert [(each.key, each.effect) for each in said(plan).options] == [(PRIVATE, ("redacted",))]


@pytest.mark.rule("PRIV-4")
def test_priv_4_a_redacted_meeting_is_followed_in_its_times_and_assign_to():
    """And in nothing else: a new subject changes nothing the CRM is told."""
    world, meeting, link = a_linked_meeting()
    private = replace(meeting, sensitivity="Private")
    link = confirmed(world.decided(private, link=link))
    later = replace(private, end=private.end.replace(hour=12), subject="Canary again", attendees=())
    alone = replace(later, attendees=(invited("x@else.example"),))
    plan = world.decided(alone, link=link)
    assert set(changed(plan)) == {"end", "assign_to"}
    assert told(plan).assign_to == ("u-anna",)
    assert "Canary" not in hears(plan)
    retitled = world.decided(replace(alone, subject="Canary once more"), link=confirmed(plan))
    assert is_quiet(retitled), "of what is redacted, nothing new is heard"


@pytest.mark.rule("PRIV-4")
def test_priv_4_a_private_appointment_that_gains_a_participant_is_redacted():
    """Alone it came in; now it is one of several participants."""
    world = a_world(ANNA, BOB)
    alone = a_meeting(organizer=ANNA, private=True)
    first = world.decided(alone)
    assert (told(first).subject, told(first).restricted) == ("Review", True)
    plan = world.decided(replace(alone, attendees=(invited(BOB),)), link=confirmed(first))
    assert (told(plan).redacted, told(plan).assign_to) == (True, ("u-anna", "u-bob"))


@pytest.mark.rule("PRIV-4")
@pytest.mark.scenario("S11c")
@pytest.mark.parametrize("how", ["made normal", "option on"])
def test_s11c_admitted_again_everything_comes_in(how):
    """With the next change."""
    world, meeting, link = a_linked_meeting()
    private = replace(meeting, sensitivity="Private")
    link = confirmed(world.decided(private, link=link))
    if how == "made normal":
        plan = world.decided(meeting, link=link)
    else:
        plan = world.with_options(private_meetings=True).decided(replace(private, start=meeting.start), link=link)
        assert is_quiet(plan), "until it changes"
        longer = replace(private, end=private.end.replace(hour=13))
        plan = world.with_options(private_meetings=True).decided(longer, link=link)
    item = told(plan)
    assert (item.subject, item.notes, item.location) == ("Review", "Canary body", "Canary room")
    assert (item.redacted, item.restricted) == (False, how == "option on")
    assert in_for(plan) == ["c-both", "c-carla", "c-own"]
    assert list(external(plan)) == ["X"]
    assert dict(item.responses) == {"u-anna": Response.ORGANIZER, "u-bob": Response.NONE}


@pytest.mark.rule("PRIV-4")
def test_priv_4_text_the_crm_wrote_and_exchange_never_had_is_redacted_too():
    """Exchange's notes were empty before and are after; the CRM's own, still on their way, are content all the same."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    edited = {"notes": "Canary", "location": "Canary", "subject": "Canary"}
    plan = world.decided(replace(meeting, sensitivity="Private"), link=confirmed(world.decided(meeting), **edited))
    assert (told(plan).subject, told(plan).notes, told(plan).location) == ("Private", "", "")
    assert said(plan).conflicts == ()


@pytest.mark.rule("PRIV-4")
def test_priv_4_an_exchange_sourced_contact_leaves_for_however_it_got_there():
    """Also one that the CRM's event had called so."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    link = confirmed(world.decided(meeting), for_=(ForEntry("c-x", Source.EXCHANGE),))
    assert told(world.decided(replace(meeting, sensitivity="Private"), link=link)).for_ == ()


@pytest.mark.rule("PRIV-4", "DEL-2")
def test_priv_4_an_item_that_stayed_in_the_crm_after_an_archival_delete_is_redacted_when_it_returns_private():
    """The CRM still holds it."""
    world, meeting, link = a_linked_meeting()
    plan = world.decided(replace(meeting, sensitivity="Private"), link=replace(link, state=State.ARCHIVED))
    assert told(plan).redacted


@pytest.mark.rule("PRIV-2", "PRIV-4")
def test_priv_4_never_applies_to_what_is_private_because_the_crm_said_so():
    """Restricted in the CRM, written to Exchange as Private, and changed there."""
    world, meeting, link = a_linked_meeting()
    restricted = replace(link, private_from_crm=True, agreed=link.agreed and replace(link.agreed, restricted=True))
    plan = world.decided(replace(meeting, sensitivity="Private", subject="Later"), link=restricted)
    assert (told(plan).subject, told(plan).redacted, told(plan).restricted) == ("Later", False, True)
    assert PRIVATE not in [each.key for each in said(plan).options]
    assert plan.link.private_from_crm


@pytest.mark.rule("PRIV-4")
def test_priv_4_privacy_that_exchange_lifted_and_set_again_is_exchanges():
    """The CRM's word of long ago does not cover it."""
    world, meeting, link = a_linked_meeting()
    restricted = replace(link, private_from_crm=True, agreed=link.agreed and replace(link.agreed, restricted=True))
    private = replace(meeting, sensitivity="Private", subject="Later")
    link = confirmed(world.decided(private, link=restricted))
    lifted = world.decided(replace(private, sensitivity="Normal"), link=link)
    assert not told(lifted).restricted
    assert told(world.decided(private, link=confirmed(lifted))).redacted


@pytest.mark.rule("PRIV-4")
def test_priv_4_what_the_crm_restricted_and_exchange_was_not_told_yet_stays_the_crms():
    """A change in Exchange meanwhile neither lifts it nor takes it over."""
    world, meeting, link = a_linked_meeting()
    restricted = replace(link, private_from_crm=True, agreed=link.agreed and replace(link.agreed, restricted=True))
    plan = world.decided(replace(meeting, subject="Later"), link=restricted)
    assert (told(plan).restricted, plan.link.private_from_crm) == (True, True)


@pytest.mark.rule("PRIV-5")
@pytest.mark.scenario("S11a")
@pytest.mark.parametrize("linked", [False, True], ids=["new", "linked"])
def test_s11a_no_canary_of_a_meeting_that_is_not_admitted_leaves_the_daemon(linked):
    """Not in the command, not in the report, wherever content may stand."""
    world = a_world(ANNA, BOB, a_contact("c-1", emails=["canary1@else.example"])).with_options(display=True)
    plain = a_meeting(organizer=ANNA, attendees=[BOB])
    link = confirmed(world.decided(plain)) if linked else a_link()
    meeting = replace(
        plain,
        sensitivity="Confidential",
        subject="canary2",
        body="canary3",
        location="canary4",
        zone_id="canary5",
        attendees=(
            *plain.attendees,
            invited("canary1@else.example"),
            invited("canary6@else.example"),
            x500("canary7"),
            a_list("canary8", "canary9@else.example"),
            replace(invited(BOB), name="canary10"),
        ),
        organizer=replace(invited(ANNA), name="canary11", role=plain.organizer.role),
    )
    differing = copy_of(meeting, BOB, subject="canary12", body="canary13")
    plan = world.hinted(BOB, copies=[meeting, differing], link=link)
    assert (plan.command is not None) is linked
    assert "canary" not in hears(plan)


@pytest.mark.rule("PRIV-5", "ID-3")
def test_priv_5_a_differing_copy_is_reported_by_the_names_of_its_fields():
    """In the CRM's words, never the values."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    other = copy_of(meeting, BOB, subject="canary", body="canary", importance="High", sensitivity="Private")
    settled = world.hinted(ANNA, copies=[meeting, copy_of(meeting, BOB)])
    seen = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB)], link=confirmed(settled))
    plan = with_deviation(Plan(seen.link), Sighting("bob@bank.example", BOB, other), meeting)
    assert [entry.about for entry in said(plan).explain] == ["subject", "notes", "priority", "restricted"]
    assert "canary" not in repr(plan.report)
    assert agreed(plan).subject == "Review"


@pytest.mark.rule("PRIV-2", "ID-3")
def test_priv_2_of_a_meeting_that_stays_out_nothing_is_said_but_that():
    """Not in which fields an attendee's copy differs either: there is nothing in the CRM to differ from."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB], private=True)
    plan = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB, subject="Mine")])
    assert [entry.about for entry in said(plan).explain] == [plan.link.id]
