"""What CRM events mean for the link (CON-1, CON-6, DEL-5, ID-6, INV-7, PART-6, PART-7, PRIV-4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import crm_changes, outbound
from handlers.crm_changes import CrmChange, Kind
from handlers.links import Link, State
from handlers.plans import Delete, Upsert
from schemas.items import ForEntry, Related, Response, ScheduleItem, Source
from schemas.outcomes import Decision, Reason, Result
from tests.support.world import (
    END,
    START,
    a_contact,
    a_link,
    a_meeting,
    a_user,
    a_world,
    agreed,
    changed,
    confirmed,
    copy_of,
    days,
    in_deleted_items,
    is_quiet,
    said,
    told,
)

ANNA = a_user("u-anna")
BOB = a_user("u-bob")
CARLA = a_contact("c-carla")
WORLD = a_world(ANNA, BOB, CARLA)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB, CARLA], body="Agenda", location="Room 4")


def linked(meeting=MEETING, *, world=WORLD) -> Link:
    """A link in peace: Exchange, the CRM and what was agreed are equal."""
    return confirmed(world.decided(meeting))


the_crm_says = WORLD.crm_says
the_crm_confirms = WORLD.crm_answers


@pytest.mark.rule("CON-3", "CON-6")
def test_con_3_the_answer_to_a_command_is_an_echo():
    """It is remembered as the CRM's word, with version, revision and id, and nothing is told or reported."""
    plan = WORLD.decided(MEETING)
    answered = the_crm_confirms(plan)
    assert is_quiet(answered)
    assert (answered.link.crm, answered.link.crm_id) == (told(plan), "si-1")
    assert (answered.link.crm_version, answered.link.crm_revision, answered.link.state) == (1, 1, State.ACTIVE)
    assert is_quiet(WORLD.decided(MEETING, link=answered.link))


@pytest.mark.rule("DEL-5", "CON-3")
@pytest.mark.parametrize("version", [1, 0])
def test_con_3_an_event_that_is_not_newer_says_nothing(version):
    """A replay, or one that was overtaken."""
    link = linked()
    plan = the_crm_says(link, version=version, subject="Late")
    assert is_quiet(plan)
    assert plan.link == link
    assert crm_changes.is_stale(link, CrmChange("si-1", version))
    assert not crm_changes.is_stale(link, CrmChange("si-1", 2))
    assert not crm_changes.is_stale(a_link(), CrmChange("si-1", 0)), "of an unknown item every event is news"


@pytest.mark.rule("INV-4", "CON-3")
@pytest.mark.parametrize(
    ("about", "is_overtaken"),
    [
        ({"notify": "all"}, True),
        ({"notify": "added"}, True),
        ({"notify": "all", "version": 5}, False),
        ({"notify": "all", "version": 6}, False),
        ({"notify": "none"}, False),
        ({"notify": "all", "ours": True}, False),
        ({"notify": "all", "replayed": True}, False),
    ],
    ids=["all", "added", "the last", "a newer one", "asks for nothing", "an answer to a command", "dealt with before"],
)
def test_inv_4_a_wish_to_tell_is_overtaken_by_a_newer_event(about, is_overtaken):
    """Nobody is told of it any more, which is worth an outcome; of all others there was nobody to tell."""
    change = CrmChange(**({"id": "si-1", "version": 4} | about))
    assert crm_changes.is_overtaken(a_link(crm_version=5), change) is is_overtaken


@pytest.mark.rule("CON-1")
@pytest.mark.parametrize(
    "edit",
    [
        {"subject": "Budget"},
        {"start": START + days(1), "end": END + days(1)},
        {"restricted": True},
    ],
)
def test_con_1_content_a_user_changed_is_agreed_and_written_to_the_organizers_copy(edit):
    """Those fields and no others; the CRM, which has them, is told nothing."""
    plan = the_crm_says(linked(), **edit)
    assert {name: getattr(agreed(plan), name) for name in edit} == edit
    assert plan.command is None
    assert (said(plan).result, said(plan).reason) == (Result.APPLIED, None)
    assert said(plan).conflicts == (), "only one side changed it"
    assert [(each.mailbox, set(each.fields)) for each in plan.effects] == [("anna@bank.example", set(edit))]
    assert plan.link.exchange == replace(linked().exchange or ScheduleItem(), **edit)


@pytest.mark.rule("CON-1", "MAP-4")
@pytest.mark.parametrize(
    "edit",
    [
        {"status": "completed"},
        {"alarms": (("u-anna", (15,)),)},
        {"related": (Related("opportunity", "o-1"),)},
        {"for_": (ForEntry("c-9", Source.CRM), ForEntry("c-carla"))},
    ],
)
def test_con_1_what_is_the_crms_alone_is_applied(edit):
    """Exchange is not told of it."""
    plan = the_crm_says(linked(), **edit)
    assert {name: getattr(agreed(plan), name) for name in edit} == edit
    assert plan.command is None
    assert (said(plan).result, said(plan).reason) == (Result.APPLIED, None)


@pytest.mark.rule("CON-3")
def test_con_3_an_event_that_changes_nothing_of_ours_is_quiet():
    """A new version of equal content, or with another owner, whom Exchange decides (INV-7)."""
    for edit in ({}, {"owner": "u-bob"}, {"external": ()}):
        plan = the_crm_says(linked(), **edit)
        assert is_quiet(plan), f"{edit} should be of no consequence"
        assert plan.link.crm_version == 2
        assert agreed(plan) == linked().agreed


@pytest.mark.rule("PART-6")
def test_part_6_a_contact_the_crm_takes_out_of_for_leaves_it_and_the_meeting_keeps_him():
    """And one it adds is the CRM's."""
    plan = the_crm_says(linked(), for_=(ForEntry("c-9", Source.CRM),))
    assert agreed(plan).for_ == (ForEntry("c-9", Source.CRM),)
    assert plan.link.exchange is not None
    assert [entry.contact for entry in plan.link.exchange.for_] == ["c-carla"]
    later = WORLD.decided(replace(MEETING, subject="Later"), link=plan.link)
    assert agreed(later).for_ == (ForEntry("c-9", Source.CRM),), "it must not be matched again"


@pytest.mark.rule("PART-6", "CON-1")
def test_part_6_the_crms_change_counts_from_what_it_last_said():
    """A user whom Exchange added meanwhile, and the CRM has not heard of, is not removed by the CRM's silence."""
    link = linked(a_meeting(organizer=ANNA))
    added = WORLD.decided(a_meeting(organizer=ANNA, attendees=[BOB]), link=link)
    plan = the_crm_says(added.link, assign_to=("u-anna", "u-cora"))
    assert agreed(plan).assign_to == ("u-anna", "u-bob", "u-cora")
    assert said(plan).conflicts == (), "people merge as sets"


@pytest.mark.rule("CON-6")
def test_con_6_a_command_the_crm_did_not_take_is_decided_again_on_top_of_its_own_change():
    """The CRM moved on before it saw the command: what is still wanted is sent again, with the version now seen."""
    pending = WORLD.decided(replace(MEETING, location="Room 9"), link=linked())
    plan = the_crm_says(pending.link, subject="Budget")
    assert changed(plan) == ("location",), "the CRM has its subject; it lacks the new location"
    assert plan.command is not None
    assert isinstance(plan.command, Upsert)
    assert (plan.command.seen, plan.command.revision) == (2, pending.link.revision + 1)
    assert (told(plan).subject, told(plan).location) == ("Budget", "Room 9")


@pytest.mark.rule("CON-6")
def test_con_6_a_command_the_crm_took_is_not_repeated():
    """Its revision says so."""
    pending = WORLD.decided(replace(MEETING, location="Room 9"), link=linked())
    taken = the_crm_confirms(pending).link
    assert the_crm_says(taken, subject="Budget").command is None


@pytest.mark.rule("CON-6")
def test_con_6_what_is_taken_back_before_the_crm_answers_is_changed_back():
    """The CRM still confirms the old value, but a command on its way says another."""
    link = linked()
    moved = WORLD.decided(replace(MEETING, location="Room 9"), link=link)
    back = WORLD.decided(MEETING, link=moved.link)
    assert changed(back) == ("location",)
    assert told(back).location == "Room 4"


@pytest.mark.rule("CON-6")
def test_con_6_only_what_differs_from_the_crms_answer_is_changed():
    """What it has answered for is not told again."""
    moved = the_crm_confirms(WORLD.decided(replace(MEETING, location="Room 9"), link=linked())).link
    renamed = replace(MEETING, location="Room 9", subject="Budget")
    assert changed(WORLD.decided(renamed, link=moved)) == ("subject",)


@pytest.mark.rule("CON-1", "CON-6")
def test_con_1_a_crossing_change_of_one_field_is_a_conflict_that_the_crm_wins():
    """Named, without values."""
    pending = WORLD.decided(replace(MEETING, subject="Canary of Exchange"), link=linked())
    plan = the_crm_says(pending.link, subject="Canary of the CRM")
    assert agreed(plan).subject == "Canary of the CRM"
    assert [(each.field, each.winner) for each in said(plan).conflicts] == [("subject", "crm")]
    assert "Canary" not in repr(plan.report)
    assert (said(plan).result, said(plan).reason) == (Result.APPLIED, None)
    assert [(each.fields, each.item.subject) for each in plan.effects] == [(("subject",), "Canary of the CRM")]


@pytest.mark.rule("CON-1")
def test_con_1_the_same_change_on_both_sides_is_no_conflict():
    """Both moved it to the same room."""
    pending = WORLD.decided(replace(MEETING, location="Room 9"), link=linked())
    plan = the_crm_says(pending.link, location="Room 9")
    assert plan.command is None
    assert said(plan).conflicts == ()
    assert said(plan).result is Result.APPLIED, "Exchange has it already"


def an_outsiders() -> Link:
    """A read-only item: the organizer is no CRM user."""
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB])
    return confirmed(a_world(BOB).decided(copy_of(meeting, BOB, response=Response.ACCEPTED)))


@pytest.mark.rule("ID-6")
def test_id_6_content_of_a_read_only_item_is_refused_per_field_and_put_back():
    """What is CRM-only in the same edit is applied."""
    link = an_outsiders()
    plan = the_crm_says(link, subject="Mine", status="completed", location="Room 1")
    assert (agreed(plan).subject, agreed(plan).status) == ("Review", "completed")
    assert (said(plan).result, said(plan).reason) == (Result.APPLIED, Reason.PARTLY)
    assert [(entry.rule, entry.about, entry.decision) for entry in said(plan).explain] == [
        ("ID-6", "subject", Decision.REFUSED),
        ("ID-6", "location", Decision.REFUSED),
    ]
    assert changed(plan) == ("subject", "location")
    assert (told(plan).subject, told(plan).location) == ("Review", "")


@pytest.mark.rule("ID-6")
def test_id_6_an_edit_of_nothing_but_content_is_refused_as_a_whole():
    """Put back, and Exchange has nothing to be told."""
    plan = the_crm_says(an_outsiders(), subject="Mine")
    assert (said(plan).result, said(plan).reason) == (Result.REFUSED, Reason.READ_ONLY)
    assert changed(plan) == ("subject",)
    assert agreed(plan) == an_outsiders().agreed


@pytest.mark.rule("PART-7")
def test_part_7_the_crm_cannot_forge_an_answer():
    """It is put back; no answer is changed."""
    plan = the_crm_says(linked(), responses=(("u-anna", Response.ORGANIZER), ("u-bob", Response.ACCEPTED)))
    assert said(plan).result is Result.REFUSED
    assert [(entry.rule, entry.about) for entry in said(plan).explain] == [("PART-7", "responses")]
    assert changed(plan) == ("responses",)
    assert dict(told(plan).responses)["u-bob"] is Response.NONE


@pytest.mark.rule("PRIV-4")
@pytest.mark.parametrize("edit", [{"subject": "Mine"}, {"notes": "Mine"}, {"location": "Mine"}, {"restricted": False}])
def test_priv_4_edits_of_redacted_fields_are_refused_and_put_back(edit):
    """Times may still be changed."""
    link = confirmed(WORLD.decided(replace(MEETING, sensitivity="Private"), link=linked()))
    plan = the_crm_says(link, **edit, end=END + days(1))
    assert said(plan).explain[0].rule == "PRIV-4"
    assert changed(plan) == tuple(edit)
    assert agreed(plan).redacted
    assert {name: getattr(agreed(plan), name) for name in edit} != edit
    assert agreed(plan).end == END + days(1)


@pytest.mark.rule("PRIV-4")
def test_priv_4_the_crm_may_still_add_contacts_to_a_redacted_item():
    """For entries of its own are CRM-only."""
    link = confirmed(WORLD.decided(replace(MEETING, sensitivity="Private"), link=linked()))
    plan = the_crm_says(link, for_=(ForEntry("c-9", Source.CRM),))
    assert said(plan).result is Result.APPLIED
    assert agreed(plan).for_ == (ForEntry("c-9", Source.CRM),)


@pytest.mark.rule("PRIV-2", "PRIV-4")
def test_priv_4_what_a_crm_user_restricted_is_never_redacted_or_kept_out():
    """Privacy came from the CRM; lifted there, it does not any more."""
    restricted = the_crm_says(linked(), restricted=True).link
    assert restricted.private_from_crm
    written = replace(restricted, exchange=replace(restricted.agreed, external=()) if restricted.agreed else None)
    plan = WORLD.decided(replace(MEETING, sensitivity="Private", subject="Later"), link=written)
    assert (told(plan).redacted, told(plan).subject) == (False, "Later")
    assert not the_crm_says(restricted, restricted=False).link.private_from_crm
    assert the_crm_says(restricted, subject="Other").link.private_from_crm


@pytest.mark.rule("DEL-5")
def test_a_late_update_of_an_item_that_exchange_deleted_does_not_resurrect_it():
    """The CRM is told again that it is gone, if it had not taken that."""
    gone = WORLD.decided(in_deleted_items(MEETING), link=linked())
    plan = the_crm_says(gone.link, subject="Late")
    assert isinstance(plan.command, Delete)
    assert (plan.command.revision, plan.command.seen) == (gone.link.revision + 1, 2)
    assert (said(plan).result, said(plan).reason) == (Result.REFUSED, Reason.TOMBSTONED)
    assert plan.link.state is State.DELETED


@pytest.mark.rule("DEL-5", "CON-6")
def test_del_5_a_delete_the_crm_has_taken_is_not_told_again():
    """Its revision says so; the edit is refused all the same."""
    gone = WORLD.decided(in_deleted_items(MEETING), link=linked())
    plan = the_crm_says(replace(gone.link, crm_revision=gone.link.revision), subject="Late")
    assert plan.command is None
    assert said(plan).reason is Reason.TOMBSTONED


@pytest.mark.rule("DEL-1", "DEL-5")
def test_del_1_a_delete_in_the_crm_ends_the_item_in_exchange():
    """The copies in Exchange do not bring it back."""
    plan = the_crm_says(linked(), kind=Kind.DELETED)
    assert plan.command is None
    assert (said(plan).result, said(plan).reason) == (Result.APPLIED, None)
    assert [(each.operation, each.mailbox) for each in plan.effects] == [("delete", "anna@bank.example")]
    assert (plan.link.state, plan.link.deleted_by_crm) == (State.DELETED, True)
    assert WORLD.decided(replace(MEETING, subject="Later"), link=plan.link).command is None


@pytest.mark.rule("DEL-1", "DEL-2", "CON-3")
def test_del_1_a_delete_of_what_exchange_no_longer_has_is_complete():
    """Archived there; or deleted there first, which the CRM's answer confirms without another word."""
    archived = the_crm_says(replace(linked(), state=State.ARCHIVED), kind=Kind.DELETED)
    assert (said(archived).result, archived.link.deleted_by_crm) == (Result.APPLIED, True)
    gone = WORLD.decided(in_deleted_items(MEETING), link=linked())
    assert is_quiet(the_crm_confirms(gone))
    assert is_quiet(the_crm_says(gone.link, kind=Kind.DELETED))


@pytest.mark.rule("DEL-5")
def test_del_5_after_the_crm_confirmed_a_delete_a_restored_meeting_is_told_in_full():
    """It holds nothing of it."""
    answered = the_crm_confirms(WORLD.decided(in_deleted_items(MEETING), link=linked())).link
    back = WORLD.decided(MEETING, link=answered)
    assert {"subject", "notes", "start", "end", "assign_to", "for"} <= set(changed(back))


@pytest.mark.rule("DEL-2")
def test_del_2_an_edit_of_an_archived_item_goes_nowhere():
    """The link has ended; the CRM's item is the CRM's."""
    plan = the_crm_says(replace(linked(), state=State.ARCHIVED), subject="Old times")
    assert plan.command is None
    assert (said(plan).result, said(plan).reason) == (Result.SKIPPED, Reason.ARCHIVAL)
    assert plan.link.state is State.ARCHIVED


@pytest.mark.rule("INV-7")
def test_out_of_scope_parks_the_link_until_a_crm_event_opens_it_again():
    """Nothing is deleted on either side."""
    parked = the_crm_says(linked(), kind=Kind.OUT_OF_SCOPE)
    assert parked.command is None
    assert (parked.link.state, said(parked).result) == (State.OUT_OF_SCOPE, Result.APPLIED)
    assert WORLD.decided(in_deleted_items(MEETING), link=parked.link).command is None
    opened = the_crm_says(parked.link, subject="Back")
    assert opened.link.state is State.ACTIVE
    assert told(WORLD.decided(replace(MEETING, location="Room 9"), link=opened.link)).location == "Room 9"


@pytest.mark.rule("ID-8")
def test_id_8_a_store_that_forgot_the_link_learns_it_from_the_crms_answer():
    """And its own next revision is above the one it hears of."""
    lost = a_link(uid=MEETING.uid or "")
    item = told(WORLD.decided(MEETING))
    heard = outbound.decide(lost, CrmChange("si-1", 9, ours=True, revision=41, after=item), around=WORLD.around)
    assert is_quiet(heard)
    assert (heard.link.state, heard.link.agreed, heard.link.crm) == (State.ACTIVE, item, item)
    seen = WORLD.decided(MEETING, link=heard.link)
    assert seen.command is None, "the CRM holds it already"
    plan = WORLD.decided(replace(MEETING, subject="Later"), link=seen.link)
    assert (changed(plan), plan.link.revision) == (("subject",), 42)


@pytest.mark.rule("MAP-4")
def test_an_event_without_an_item_is_remembered_and_nothing_else():
    """Version and id are known; what it holds is not."""
    plan = outbound.decide(a_link(), CrmChange("si-9", 3), around=WORLD.around)
    assert is_quiet(plan)
    assert (plan.link.crm_version, plan.link.crm_id, plan.link.crm) == (3, "si-9", None)


@pytest.mark.rule("CON-1")
def test_before_of_an_event_counts_only_where_the_crm_never_spoke():
    """The daemon knows better what it has seen."""
    link = linked()
    assert link.crm is not None
    after, misleading = replace(link.crm, subject="Budget"), replace(link.crm, location="Elsewhere")
    change = CrmChange("si-1", 2, revision=1, before=misleading, after=after)
    known = outbound.decide(link, change, around=WORLD.around)
    assert (agreed(known).subject, agreed(known).location) == ("Budget", "Room 4")
    first_word = outbound.decide(replace(link, crm=None), replace(change, before=link.crm), around=WORLD.around)
    assert (agreed(first_word).subject, agreed(first_word).location) == ("Budget", "Room 4")


@pytest.mark.rule("CON-1", "MAP-4")
def test_the_crms_first_word_without_a_before_is_taken_as_it_is():
    """What it was changed from is not known."""
    link = linked()
    assert link.crm is not None
    change = CrmChange("si-1", 2, revision=1, after=replace(link.crm, subject="Budget"))
    plan = outbound.decide(replace(link, crm=None), change, around=WORLD.around)
    assert agreed(plan) == replace(link.agreed or ScheduleItem(), subject="Budget")
    assert [each.fields for each in plan.effects] == [("subject",)]


@pytest.mark.rule("CON-6")
def test_con_6_a_command_sent_again_is_reported_even_if_the_edit_itself_was_of_no_consequence():
    """Every command has an outcome that names its cause."""
    pending = WORLD.decided(replace(MEETING, location="Room 9"), link=linked())
    plan = the_crm_says(pending.link, owner="u-bob")
    assert changed(plan) == ("location", "owner"), "the owner is Exchange's to decide and is put back"
    assert said(plan).result is Result.APPLIED


@pytest.mark.rule("ID-8")
def test_id_8_the_confirmation_of_a_delete_does_not_open_a_forgotten_link():
    """A store that was lost hears the end of it first."""
    gone = CrmChange("si-1", 9, Kind.DELETED, ours=True, revision=41)
    plan = outbound.decide(a_link(), gone, around=WORLD.around)
    assert is_quiet(plan)
    assert (plan.link.state, plan.link.agreed, plan.link.revision) == (State.OUTSIDE, None, 41)
