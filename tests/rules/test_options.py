"""The options: whose count, at which level, and what is said about them (OPT-1, OPT-3..5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import registry
from handlers.facts import User
from handlers.options import OptionValues, scopes_of
from schemas import options
from schemas.copies import Kind
from schemas.items import Response
from schemas.options import Level
from schemas.outcomes import Decision, Direction
from tests.support.world import (
    a_contact,
    a_list,
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
    is_quiet,
    said,
    told,
    why,
)

ANNA = a_user("u-anna", user_type="advisor")
BOB = a_user("u-bob", node_ids=("branch",))
CARLA = a_contact("c-carla")
CHECK = options.FOR_CONTACTS_SECURITY_CHECK


def used(plan, key: str):
    """The one entry about an option in the report."""
    found = [each for each in said(plan).options if each.key == key]
    assert len(found) == 1, f"{key} should be named once, it is named {len(found)} times"
    return found[0]


@pytest.mark.rule("OPT-1")
@pytest.mark.parametrize(
    ("scopes", "level"),
    [
        ({"system": False, "type:advisor": False, "user:u-anna": True}, Level.USER),
        ({"system": False, "type:advisor": True}, Level.TYPE),
        ({"system": True}, Level.SYSTEM),
        ({"system": True, "type:trader": False, "user:u-bob": False}, Level.SYSTEM),
    ],
)
def test_opt_1_the_nearest_level_decides(scopes, level):
    """User before user type before system; other people's and other types' settings mean nothing."""
    values = OptionValues(events={scope: {CHECK: value} for scope, value in scopes.items()}, config={CHECK: False})
    answer = values.of(ANNA, CHECK)
    assert (answer.value, answer.level) == (True, level)


@pytest.mark.rule("OPT-1", "OPT-2")
def test_opt_1_an_option_set_off_nearby_beats_on_further_away():
    """False is a value, not the absence of one."""
    values = OptionValues(events={"user:u-anna": {CHECK: False}, "system": {CHECK: True}}, config={CHECK: True})
    assert not values.of(ANNA, CHECK).value


@pytest.mark.rule("OPT-1", "OPT-2")
def test_opt_2_configuration_counts_where_no_event_set_it_and_an_event_wins():
    """Configuration seeds the system level."""
    config = {options.FOR_CONTACTS_INBOUND: False}
    seeded = OptionValues(events={"system": {CHECK: True}}, config=config)
    assert (seeded.of(ANNA, options.FOR_CONTACTS_INBOUND).value, seeded.of(ANNA, CHECK).level) == (False, Level.SYSTEM)
    assert seeded.of(ANNA, options.FOR_CONTACTS_INBOUND).level is Level.CONFIG
    overruled = OptionValues(events={"system": {options.FOR_CONTACTS_INBOUND: True}}, config=config)
    assert overruled.of(ANNA, options.FOR_CONTACTS_INBOUND).value


@pytest.mark.rule("OPT-1")
@pytest.mark.parametrize("key", options.OPTIONS)
def test_opt_1_unset_options_have_their_default(key):
    """Matching is on where nobody said anything, everything else is off."""
    answer = OptionValues(events={}, config={}).of(ANNA, key)
    assert (answer.value, answer.level) == (key == options.FOR_CONTACTS_INBOUND, Level.DEFAULT)


@pytest.mark.rule("OPT-1")
def test_opt_1_every_scope_of_the_people_involved_is_asked_for():
    """A user without a type has no type scope."""
    users = {user.id: user for user in (BOB, ANNA)}
    assert scopes_of(users) == ("system", "type:advisor", "user:u-anna", "user:u-bob")


@pytest.mark.rule("OPT-3")
def test_opt_3_a_changed_option_is_in_force_for_the_next_change_of_the_item():
    """Switched on between two changes, the security check demotes at the second."""
    world = a_world(ANNA, BOB, CARLA)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, CARLA])
    first = world.decided(meeting)
    assert in_for(first) == ["c-carla"]
    second = world.with_options(security_check=True).decided(replace(meeting, subject="Later"), link=confirmed(first))
    assert in_for(second) == [], "the security check is on now and u-bob may not see c-carla"
    assert set(changed(second)) == {"subject", "for"}, "nobody is shown external contacts"


@pytest.mark.rule("OPT-3", "CON-3")
@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda world: world.with_options(security_check=True),
        lambda world: world.with_options(matching=False, display=True, private_meetings=False),
        lambda world: world.knowing(replace(CARLA, active=False)),
        lambda world: world.knowing(
            replace(CARLA, node_path=("elsewhere",)), a_contact("c-karl", emails=["x@y.example"])
        ),
        lambda world: world.knowing(replace(ANNA, node_ids=())),
        lambda world: world.with_policy(max_assigned_users=0),
    ],
    ids=["check on", "matching off", "contact gone", "contacts moved", "creator blind", "threshold"],
)
def test_opt_3_a_hint_that_finds_no_difference_decides_nothing(meanwhile):
    """Whatever options, contacts and visibility did meanwhile."""
    world = a_world(ANNA, BOB, CARLA)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, CARLA, "x@y.example"])
    link = confirmed(world.decided(meeting))
    again = meanwhile(world).decided(meeting, link=link)
    assert is_quiet(again), f"nothing changed in Exchange, yet the CRM would hear {again.command} and {again.report}"
    assert agreed(again) == link.agreed


@pytest.mark.rule("OPT-3")
def test_opt_3_privacy_off_is_not_looked_at_until_the_item_changes():
    """A private meeting that came in with the option on stays as it is when it is switched off."""
    world = a_world(ANNA, BOB).with_options(private_meetings=True)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB], private=True)
    link = confirmed(world.decided(meeting))
    switched_off = world.with_options(private_meetings=False)
    assert is_quiet(switched_off.decided(meeting, link=link))
    assert told(switched_off.decided(replace(meeting, location="Room 9"), link=link)).redacted


@pytest.mark.rule("OPT-3", "PRIV-2")
def test_opt_3_what_is_not_in_the_crm_is_decided_at_every_hint():
    """Skipped while the option was off, it comes in with the next hint after, unchanged as it is."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB], private=True)
    skipped = world.decided(meeting)
    assert skipped.command is None
    assert is_quiet(world.decided(meeting, link=skipped.link)), "the same skip is said once"
    admitted = world.with_options(private_meetings=True).decided(meeting, link=skipped.link)
    assert told(admitted).subject == "Review"


@pytest.mark.rule("OPT-4")
@pytest.mark.parametrize("through", [ANNA, BOB], ids=["organizer's mailbox", "attendee's mailbox"])
def test_opt_4_the_organizers_options_count_through_whichever_mailbox(through):
    """Bob has the check off and matching off for himself; the meeting is Anna's."""
    world = a_world(ANNA, BOB, CARLA).with_options("user:u-anna", security_check=True, matching=True)
    world = world.with_options("user:u-bob", security_check=False, matching=False)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, CARLA])
    plan = world.hinted(through, copies=[meeting, copy_of(meeting, BOB)])
    assert in_for(plan) == []
    assert (used(plan, CHECK).user, used(plan, CHECK).level) == ("u-anna", Level.USER)
    assert used(plan, CHECK).effect == ("for:c-carla",)


@pytest.mark.rule("OPT-4", "ID-4")
@pytest.mark.parametrize(
    "organizer", ["owner@else.example", replace(ANNA, sync_enabled=False)], ids=["external", "user"]
)
def test_opt_4_the_masters_options_count_where_the_organizer_is_not_synchronized(organizer):
    """Also if the organizer is a CRM user who is not synchronized."""
    known = [organizer] if isinstance(organizer, User) else []
    world = a_world(BOB, *known, a_contact("c-carla", node_path=("branch",)))
    world = world.with_options("user:u-anna", matching=True).with_options("user:u-bob", matching=False)
    meeting = a_meeting(organizer=organizer, attendees=[BOB, CARLA])
    plan = world.decided(copy_of(meeting, BOB, response=Response.ACCEPTED))
    assert in_for(plan) == []
    assert used(plan, options.FOR_CONTACTS_INBOUND).user == "u-bob"


@pytest.mark.rule("OPT-4", "OPT-5")
def test_opt_4_each_viewer_decides_for_himself_whether_external_contacts_are_shown():
    """Only those in Assign To with the option on are named; each of them was asked."""
    dora = a_user("u-dora")
    world = a_world(ANNA, BOB, dora).with_options("user:u-bob", display=True).with_options("user:u-dora", display=False)
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[BOB, dora, "x@else.example"]))
    assert told(plan).external_shown_to == ("u-bob",)
    asked = {
        each.user: (each.value, each.level) for each in said(plan).options if each.key == "external_contacts.display"
    }
    assert asked == {"u-anna": (False, Level.DEFAULT), "u-bob": (True, Level.USER), "u-dora": (False, Level.USER)}


@pytest.mark.rule("OPT-4", "PART-6")
def test_opt_4_viewers_are_the_users_the_item_will_have_in_assign_to():
    """The CRM took Bob out and added Dora; both have the display on."""
    world = a_world(ANNA, BOB, a_user("u-dora"), a_user("u-emil", active=False)).with_options(display=True)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, "x@else.example"])
    link = confirmed(world.decided(meeting), assign_to=("u-anna", "u-dora", "u-emil", "u-unknown"))
    plan = world.decided(replace(meeting, subject="Later"), link=link)
    assert told(plan).external_shown_to == ("u-anna", "u-dora")


@pytest.mark.rule("OPT-4", "MAP-4")
def test_external_contacts_are_absent_where_nobody_is_shown_them_and_the_link_keeps_them():
    """Absent from the command, and not among what is changed: that is not the same as empty."""
    plan = a_world(ANNA).decided(a_meeting(organizer=ANNA, attendees=["x@else.example"]))
    assert told(plan).external is None
    assert not {"external", "external_shown_to"} & set(changed(plan))
    assert list(external(plan)) == ["X"]


@pytest.mark.rule("OPT-3", "OPT-4")
def test_external_contacts_appear_at_the_next_change_once_a_viewer_is_shown_them():
    """The link had kept them."""
    world = a_world(ANNA)
    meeting = a_meeting(organizer=ANNA, attendees=["x@else.example"])
    link = confirmed(world.decided(meeting))
    plan = world.with_options("user:u-anna", display=True).decided(replace(meeting, subject="Later"), link=link)
    assert set(changed(plan)) == {"subject", "external", "external_shown_to"}
    assert [(each.name, each.email) for each in told(plan).external or ()] == [("X", "x@else.example")]


@pytest.mark.rule("OPT-5")
def test_opt_5_only_options_that_concern_the_item_are_named():
    """A meeting among users has nothing to match, to check or to show."""
    plan = a_world(ANNA, BOB).with_options(display=True).decided(a_meeting(organizer=ANNA, attendees=[BOB]))
    assert [each.key for each in said(plan).options] == []


@pytest.mark.rule("OPT-5")
def test_opt_5_matching_without_candidates_does_not_consult_the_check():
    """The security check is about candidates; a stranger is none."""
    plan = a_world(ANNA).with_options(security_check=True).decided(a_meeting(organizer=ANNA, attendees=["x@y.example"]))
    assert {each.key for each in said(plan).options} == {
        options.FOR_CONTACTS_INBOUND,
        options.EXTERNAL_CONTACTS_DISPLAY,
    }


@pytest.mark.rule("OPT-5")
@pytest.mark.parametrize(
    ("set_options", "key", "effect"),
    [
        ({"matching": True}, options.FOR_CONTACTS_INBOUND, ("for:c-carla",)),
        ({"matching": False}, options.FOR_CONTACTS_INBOUND, ("for:c-carla",)),
        ({"security_check": True}, CHECK, ("for:c-carla",)),
        ({"security_check": False}, CHECK, ()),
        ({"matching": False, "display": True}, options.EXTERNAL_CONTACTS_DISPLAY, ("external_shown_to:u-anna",)),
    ],
)
def test_opt_5_the_report_names_value_level_and_effect(set_options, key, effect):
    """What the option changed stands beside it."""
    world = a_world(ANNA, BOB, CARLA).with_options("type:advisor", **set_options)
    plan = world.decided(a_meeting(organizer=ANNA, attendees=[BOB, CARLA]))
    mine = [each for each in said(plan).options if each.key == key and each.user == "u-anna"]
    assert [(each.level, each.effect) for each in mine] == [(Level.TYPE, effect)]


@pytest.mark.rule("OPT-5", "PART-1")
def test_opt_5_everybody_who_takes_part_is_explained_also_who_is_there_by_his_copy_alone():
    """Bob was invited through a list; the report says why he is in Assign To."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[a_list()])
    plan = world.hinted(BOB, copies=[meeting, copy_of(meeting, BOB)])
    assert decision_on(plan, "u-bob") == ("PART-1", Decision.ASSIGN_TO)
    assert "mailbox" in why(plan, "u-bob")[0].because


@pytest.mark.rule("OPT-5", "PART-6")
def test_opt_5_why_a_contact_is_not_in_for_is_answered_also_if_the_crm_removed_it():
    """Removed by a CRM user, it is not matched again at the next change, and the report says so."""
    world = a_world(ANNA, CARLA)
    meeting = a_meeting(organizer=ANNA, attendees=[CARLA])
    link = confirmed(world.decided(meeting), for_=())
    plan = world.decided(replace(meeting, subject="Later"), link=link)
    assert in_for(plan) == []
    assert decision_on(plan, "c-carla") == ("PART-6", Decision.EXTERNAL)


@pytest.mark.rule("OPT-5")
def test_opt_5_the_display_is_consulted_when_the_last_external_contact_leaves():
    """What the viewers were shown changes."""
    world = a_world(ANNA).with_options(display=True)
    link = confirmed(world.decided(a_meeting(organizer=ANNA, attendees=["x@else.example"])))
    plan = world.decided(a_meeting(organizer=ANNA), link=link)
    assert changed(plan) == ("external",)
    assert used(plan, options.EXTERNAL_CONTACTS_DISPLAY).effect == ("external_shown_to:u-anna",)


@pytest.mark.rule("OPT-5")
def test_the_gates_of_an_inbound_schedule_item_in_their_order_and_of_nothing_else():
    """Privacy first: of what nobody may see nothing else is decided. Tasks have no attendees to match."""
    inbound = [step.option for step in registry.steps(Direction.INBOUND, Kind.SCHEDULE_ITEM)]
    assert inbound == [
        options.PRIVATE_MEETINGS_INBOUND,
        options.FOR_CONTACTS_INBOUND,
        options.FOR_CONTACTS_SECURITY_CHECK,
        options.EXTERNAL_CONTACTS_DISPLAY,
        options.MEETING_ALARMS,
    ]
    tasks = {step.option for step in registry.steps(Direction.INBOUND, Kind.TASK)}
    assert tasks <= {options.TASK_ALARMS}


@pytest.mark.rule("OPT-5")
def test_the_gates_of_an_outbound_schedule_item():
    """What of the CRM's item goes out is gated by the two options that speak of it."""
    outbound = {step.option for step in registry.steps(Direction.OUTBOUND, Kind.SCHEDULE_ITEM)}
    assert outbound <= {options.MEETING_ALARMS, options.RELATED_NOTES}
    assert options.MEETING_ALARMS in outbound
