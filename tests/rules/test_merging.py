"""The three-way merge, times, and what no inbound decision touches (CON-1, CON-3, MAP-2, MAP-4, FOR-3, PART-6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from handlers import plans
from handlers.merging import merge_exchange
from schemas import wire
from schemas.items import ForEntry, Related, Response, ScheduleItem, Source
from schemas.outcomes import Result
from tests.support.world import (
    END,
    START,
    a_contact,
    a_link,
    a_meeting,
    a_user,
    a_world,
    agreed,
    an_appointment,
    changed,
    confirmed,
    is_quiet,
    on,
    said,
    told,
)

ANNA = a_user("u-anna")
BOB = a_user("u-bob")
BASE = ScheduleItem(subject="Review", start=START, end=END, zone="Europe/Berlin", assign_to=("u-anna",))
LATER = START + timedelta(hours=2)


@pytest.mark.rule("CON-1")
@pytest.mark.parametrize(
    ("field", "value", "other"),
    [
        ("subject", "Budget", "Audit"),
        ("notes", "Bring slides", "No slides"),
        ("location", "Room 4", "Room 5"),
        ("priority", "A", "C"),
        ("restricted", True, False),
        ("start", START - timedelta(hours=1), START - timedelta(hours=2)),
        ("zone", "Europe/Paris", "Europe/Rome"),
    ],
)
def test_con_1_a_field_changed_on_one_side_flows_equal_changes_agree_different_ones_conflict(field, value, other):
    """Per field; in a conflict the CRM's value stands and the field is named."""
    exchange, crm, crm_other = (replace(BASE, **{field: each}) for each in (value, value, other))
    assert merge_exchange(BASE, before=BASE, now=exchange).item == exchange, "changed in Exchange alone"
    kept = merge_exchange(crm, before=BASE, now=BASE)
    assert (kept.item, kept.conflicts) == (crm, ()), "changed in the CRM alone"
    alike = merge_exchange(crm, before=BASE, now=exchange)
    assert (alike.item, alike.conflicts) == (crm, ()), "changed to the same value on both sides"
    if field == "restricted":
        return  # with two values, two different changes cannot be
    crossed = merge_exchange(crm_other, before=BASE, now=exchange)
    assert crossed.item == crm_other
    assert [(each.field, each.winner) for each in crossed.conflicts] == [(field, "crm")]


@pytest.mark.rule("CON-1")
def test_con_1_times_are_taken_together():
    """A start of one side never meets an end of the other: the meeting would end before it starts."""
    moved = replace(BASE, start=LATER, end=LATER + timedelta(hours=1))
    longer = replace(BASE, end=END + timedelta(minutes=30))
    merged = merge_exchange(longer, before=BASE, now=moved)
    assert (merged.item.start, merged.item.end) == (BASE.start, longer.end)
    assert [each.field for each in merged.conflicts] == ["start", "end"]


@pytest.mark.rule("CON-1")
def test_con_1_different_fields_changed_on_both_sides_both_stand():
    """No conflict."""
    merged = merge_exchange(replace(BASE, notes="CRM"), before=BASE, now=replace(BASE, location="Room 4"))
    assert merged.item == replace(BASE, notes="CRM", location="Room 4")
    assert merged.conflicts == ()


@pytest.mark.rule("CON-1", "PART-6")
def test_con_1_a_conflict_that_the_crm_wins_is_written_back_and_named_without_values():
    """The CRM, which holds the value that stands, is told nothing."""
    world = a_world(ANNA)
    meeting = a_meeting(organizer=ANNA)
    link = confirmed(world.decided(meeting), subject="Canary of the CRM")
    plan = world.decided(replace(meeting, subject="Canary of Exchange"), link=link)
    assert plan.command is None
    assert (said(plan).result, said(plan).reason) == (Result.APPLIED, None)
    assert [(each.field, each.winner) for each in said(plan).conflicts] == [("subject", "crm")]
    assert "Canary" not in repr(plan.report)
    assert [(each.mailbox, each.fields, each.item.subject) for each in plan.effects] == [
        ("anna@bank.example", ("subject",), "Canary of the CRM")
    ]
    assert agreed(plan).subject == "Canary of the CRM"
    assert is_quiet(world.decided(replace(meeting, subject="Canary of the CRM"), link=plan.link))


@pytest.mark.rule("PART-6")
def test_part_6_users_merge_as_sets():
    """Base, plus what either side added, minus what either removed."""
    base = replace(BASE, assign_to=("u-a", "u-b", "u-c"))
    crm = replace(BASE, assign_to=("u-a", "u-c", "u-new-in-crm"))
    exchange = replace(BASE, assign_to=("u-a", "u-b", "u-new-in-exchange"))
    merged = merge_exchange(crm, before=base, now=exchange)
    assert merged.item.assign_to == ("u-a", "u-new-in-crm", "u-new-in-exchange")


@pytest.mark.rule("FOR-3", "PART-6")
def test_part_6_for_entries_keep_who_put_them_there_and_learn_the_answer():
    """Matched in Exchange as well, an entry of the CRM is still the CRM's."""
    crm = replace(BASE, for_=(ForEntry("c-1", Source.CRM),))
    now = replace(BASE, for_=(ForEntry("c-1", Source.EXCHANGE, Response.ACCEPTED),))
    assert merge_exchange(crm, before=BASE, now=now).item.for_ == (ForEntry("c-1", Source.CRM, Response.ACCEPTED),)


@pytest.mark.rule("CON-3")
@pytest.mark.scenario("S07a")
def test_s07a_a_second_pass_says_nothing_and_changes_nothing():
    """Whether the CRM answered meanwhile or not."""
    world = a_world(ANNA, BOB, a_contact("c-carla")).with_options(display=True)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, "carla@client.example", "x@else.example"])
    plan = world.decided(meeting)
    for link in (plan.link, confirmed(plan)):
        again = world.decided(meeting, link=link)
        assert is_quiet(again)
        assert again.link == link


@pytest.mark.rule("CON-3")
def test_con_3_a_change_in_exchange_to_what_the_crm_holds_is_no_command():
    """Somebody made the CRM's pending change by hand; it is in both now."""
    world = a_world(ANNA)
    meeting = a_meeting(organizer=ANNA)
    link = confirmed(world.decided(meeting), subject="Budget")
    plan = world.decided(replace(meeting, subject="Budget"), link=link)
    assert plan.command is None
    assert said(plan).conflicts == ()
    assert plan.link.exchange == plan.link.agreed


@pytest.mark.rule("CON-3", "CON-6")
def test_con_3_reordered_attendees_and_new_change_keys_are_no_difference():
    """Nor is the organizer's knowledge of an answer the attendee's own copy has given."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB, "x@else.example", "y@else.example"])
    link = confirmed(world.decided(meeting))
    touched = replace(meeting, change_key="9", reminder=15, attendees=meeting.attendees[::-1], modified_at=START)
    assert is_quiet(world.decided(touched, link=link))


@pytest.mark.rule("CON-6")
def test_con_6_a_command_names_everything_the_crm_has_not_confirmed():
    """The first change was not answered yet when the second came."""
    world = a_world(ANNA)
    meeting = a_meeting(organizer=ANNA)
    link = confirmed(world.decided(meeting))
    first = world.decided(replace(meeting, subject="Budget"), link=link)
    second = world.decided(replace(meeting, subject="Budget", location="Room 4"), link=first.link)
    assert changed(first) == ("subject",)
    assert set(changed(second)) == {"subject", "location"}
    assert second.command is not None
    assert second.command.seen == link.crm_version


@pytest.mark.rule("MAP-2")
def test_map_2_a_title_only_change_carries_no_time_field():
    """Nor anything else."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    plan = world.decided(replace(meeting, subject="Budget"), link=confirmed(world.decided(meeting)))
    assert changed(plan) == ("subject",)


@pytest.mark.rule("MAP-2")
def test_map_2_an_instant_is_told_in_its_zone_and_a_day_as_a_day():
    """Never by way of the machine's zone."""
    world = a_world(ANNA)
    timed = told(world.decided(an_appointment(ANNA)))
    assert (wire.write_item(timed)["start"], timed.zone) == ("2026-12-01T10:00:00+01:00", "Europe/Berlin")
    days = an_appointment(ANNA, start=on("2026-12-24"), end=on("2026-12-27"), all_day=True)
    data = wire.write_item(told(world.decided(days)))
    assert (data["start"], data["end"], data["all_day"]) == ("2026-12-24", "2026-12-27", True)


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Kolkata", "Europe/Berlin", "Pacific/Kiritimati"])
@pytest.mark.parametrize("month", [3, 10])
def test_map_2_instants_come_through_every_zone_unchanged(zone, month):
    """Around the changes of the clock."""
    world = a_world(ANNA)
    for day in range(24, 32):
        start = datetime(2026, month, day, 1, 30, tzinfo=UTC)
        entry = an_appointment(ANNA, start=start, end=start + timedelta(hours=1), zone=zone)
        data = wire.write_item(told(world.decided(entry)))
        assert datetime.fromisoformat(data["start"]) == start
        assert datetime.fromisoformat(data["start"]).utcoffset() == start.astimezone(ZoneInfo(zone)).utcoffset()
        assert data["zone"] == zone


@pytest.mark.rule("MAP-2", "MAP-4")
@pytest.mark.scenario("S05d")
def test_s05d_of_an_unknown_zone_the_instant_is_kept_and_the_label_left_alone():
    """A new item names none; an item that had one keeps it."""
    world = a_world(ANNA)
    new = world.decided(an_appointment(ANNA, zone=None))
    assert "zone" not in changed(new)
    assert told(new).start == START
    known = world.decided(an_appointment(ANNA))
    moved = world.decided(an_appointment(ANNA, zone=None, start=START - timedelta(hours=1)), link=confirmed(known))
    assert changed(moved) == ("start",)
    assert told(moved).zone == "Europe/Berlin"


@pytest.mark.rule("MAP-4")
def test_map_4_emptied_is_told_as_empty():
    """Not as absent."""
    world = a_world(ANNA)
    meeting = a_meeting(organizer=ANNA, location="Room 4", body="Agenda")
    plan = world.decided(replace(meeting, location="", body=""), link=confirmed(world.decided(meeting)))
    assert set(changed(plan)) == {"location", "notes"}
    assert (told(plan).location, told(plan).notes) == ("", "")


@pytest.mark.rule("MAP-4")
def test_map_4_of_a_new_item_all_that_is_known_is_told_and_nothing_else():
    """Status, alarms and related information are the CRM's; external contacts nobody is shown are not known there."""
    plan = a_world(ANNA).decided(a_meeting(organizer=ANNA))
    assert set(changed(plan)) == {
        "subject", "notes", "location", "start", "end", "zone", "all_day", "priority", "restricted", "owner",
        "assign_to", "for", "read_only", "redacted", "organizer", "responses",
    }  # fmt: skip


@pytest.mark.rule("MAP-4")
def test_map_4_of_a_new_item_nobody_external_is_told_as_nobody_to_who_is_shown_them():
    """Empty, for those with the display on."""
    plan = a_world(ANNA).with_options(display=True).decided(a_meeting(organizer=ANNA))
    assert {"external", "external_shown_to"} <= set(changed(plan))
    assert told(plan).external == ()


@pytest.mark.parametrize(("importance", "priority"), [("High", "A"), ("Normal", "B"), ("Low", "C"), ("Odd", "B")])
def test_importance_is_priority(importance, priority):
    """A, B and C; what nobody knows is B."""
    assert told(a_world(ANNA).decided(an_appointment(ANNA, importance=importance))).priority == priority


@pytest.mark.rule("CON-1", "MAP-4")
def test_no_inbound_change_touches_what_only_the_crm_holds():
    """Status, related information, alarms and the CRM's own For stay, and are not in the command."""
    world = a_world(ANNA, BOB)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    own = {
        "status": "completed",
        "related": (Related("opportunity", "o-1", "Pension plan"),),
        "alarms": (("u-anna", (15,)),),
        "for_": (ForEntry("c-9", Source.CRM),),
        "split_from": "si-0",
    }
    link = confirmed(world.decided(meeting), **own)
    everything = replace(
        meeting, subject="S", body="B", location="L", end=END + timedelta(hours=1), importance="Low", attendees=()
    )
    plan = world.decided(everything, link=link)
    assert {name: getattr(told(plan), name) for name in own} == own
    assert set(changed(plan)) == {"subject", "notes", "location", "end", "priority", "assign_to", "responses"}


@pytest.mark.rule("CON-1")
def test_only_what_was_agreed_can_be_told():
    """Anything else is a mistake of the caller."""
    with pytest.raises(ValueError, match="agreed"):
        plans.upsert(a_link(), generation=0)


@pytest.mark.rule("OPT-3", "CON-3")
def test_a_change_that_nobody_in_the_crm_is_shown_is_reported_and_not_told():
    """An outsider's answer, while external contacts are displayed to nobody."""
    world = a_world(ANNA)
    meeting = a_meeting(organizer=ANNA, attendees=["x@else.example"])
    answered = replace(meeting, attendees=(replace(meeting.attendees[0], response=Response.ACCEPTED),))
    link = confirmed(world.decided(meeting))
    plan = world.decided(answered, link=link)
    assert plan.command is None
    assert said(plan).result is Result.APPLIED
    assert [each.response for each in agreed(plan).external or ()] == [Response.ACCEPTED]
    assert is_quiet(world.decided(answered, link=plan.link))
