"""Deletes, coming from Exchange (DEL-1..3, DEL-5, DEL-6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.inbound import Sighting, sighted
from handlers.links import State
from schemas.items import ITEM_FIELDS, Recurrence, Related, Response
from schemas.outcomes import Decision, Reason, Result
from tests.support.world import (
    END,
    NOW,
    a_meeting,
    a_user,
    a_world,
    agreed,
    an_appointment,
    changed,
    confirmed,
    copy_of,
    days,
    deleted,
    in_deleted_items,
    is_quiet,
    on,
    said,
    told,
)

ANNA = a_user("u-anna")
BOB = a_user("u-bob")
MEETING = a_meeting(organizer=ANNA, attendees=[BOB])


@pytest.mark.rule("DEL-1", "DEL-6")
@pytest.mark.parametrize("how", ["gone", "in deleted items"])
def test_del_1_the_organizers_copy_deleted_deletes_the_item(how):
    """Wherever it went, and once."""
    world = a_world(ANNA, BOB)
    link = confirmed(world.decided(MEETING))
    copies = [in_deleted_items(MEETING)] if how == "in deleted items" else []
    plan = world.hinted(ANNA, copies=copies, link=link)
    command = deleted(plan)
    assert (command.link, command.crm_id, command.uid, command.reason) == (link.id, "si-1", MEETING.uid, "deleted")
    assert (command.revision, command.seen) == (2, 1)
    assert (said(plan).result, plan.link.state) == (Result.APPLIED, State.DELETED)
    assert is_quiet(world.hinted(ANNA, copies=copies, link=plan.link)), "the same delete is told once"


@pytest.mark.rule("DEL-1", "ID-3")
def test_del_1_it_is_the_organizers_copy_that_counts_through_whichever_mailbox_the_hint_came():
    """Bob's copy is still there."""
    world = a_world(ANNA, BOB)
    link = confirmed(world.decided(MEETING))
    copies = [in_deleted_items(MEETING), copy_of(MEETING, BOB)]
    assert deleted(world.hinted(BOB, copies=copies, link=link)).reason == "deleted"


@pytest.mark.rule("DEL-1")
def test_del_1_what_the_crm_never_had_is_not_deleted_there():
    """That there was nothing to decide on is said once."""
    world = a_world(ANNA, BOB)
    plan = world.decided(in_deleted_items(MEETING))
    assert plan.command is None
    assert said(plan).reason is Reason.GONE
    assert is_quiet(world.decided(in_deleted_items(MEETING), link=plan.link))


@pytest.mark.rule("DEL-2")
@pytest.mark.parametrize(
    ("past", "archival"),
    [(days(30) + timedelta(seconds=1), True), (days(30), False), (days(1), False), (-days(8), False)],
    ids=["a second more than 30 days", "30 days to the second", "yesterday", "in the future"],
)
def test_del_2_the_delete_of_an_old_item_is_archival(past, archival):
    """The CRM's item stays, and the link ends."""
    world = replace(a_world(ANNA, BOB), now=END + past)
    link = confirmed(world.decided(MEETING))
    plan = world.hinted(ANNA, copies=[], link=link)
    if not archival:
        assert deleted(plan).reason == "deleted"
        return
    assert plan.command is None, "an old item that somebody tidied away must stay in the CRM"
    assert (said(plan).result, said(plan).reason) == (Result.SKIPPED, Reason.ARCHIVAL)
    assert [(entry.rule, entry.decision) for entry in said(plan).explain] == [("DEL-2", Decision.KEPT)]
    assert plan.link.state is State.ARCHIVED
    assert agreed(plan) == link.agreed
    assert is_quiet(world.hinted(ANNA, copies=[], link=plan.link))


@pytest.mark.rule("DEL-2")
@pytest.mark.parametrize(("keep", "archival"), [(days(9), True), (days(60), False)])
def test_del_2_how_old_is_a_setting(keep, archival):
    """`keep_items_days`."""
    world = replace(a_world(ANNA).with_policy(keep_items=keep), now=END + days(40))
    plan = world.hinted(ANNA, copies=[], link=confirmed(world.decided(an_appointment(ANNA))))
    assert (plan.command is None) is archival


@pytest.mark.rule("DEL-2", "MAP-2")
@pytest.mark.parametrize(("today", "archival"), [("2026-12-31", False), ("2027-01-01", True)])
def test_del_2_an_all_day_item_ends_with_its_last_day(today, archival):
    """The end is exclusive: of the first of December, it is the second."""
    moment = NOW.replace(year=int(today[:4]), month=int(today[5:7]), day=int(today[8:]), hour=12)
    world = replace(a_world(ANNA), now=moment)
    entry = an_appointment(ANNA, start=on("2026-12-01"), end=on("2026-12-02"), all_day=True)
    plan = world.hinted(ANNA, copies=[], link=confirmed(world.decided(entry)))
    assert (plan.command is None) is archival


@pytest.mark.rule("DEL-2")
def test_del_2_a_series_is_never_archived_by_its_first_day():
    """Only non-recurring items are."""
    world = replace(a_world(ANNA), now=END + days(300))
    link = confirmed(world.decided(an_appointment(ANNA)))
    series = replace(link, exchange=link.exchange and replace(link.exchange, recurrence=Recurrence("weekly")))
    assert deleted(world.hinted(ANNA, copies=[], link=series)).reason == "deleted"


@pytest.mark.rule("DEL-2", "CON-3")
def test_del_2_an_archived_item_that_is_found_again_is_linked_again():
    """The CRM holds it already and is told nothing, until it changes."""
    world = replace(a_world(ANNA, BOB), now=END + days(31))
    link = world.hinted(ANNA, copies=[], link=confirmed(world.decided(MEETING))).link
    found = world.decided(MEETING, link=link)
    assert is_quiet(found)
    assert found.link.state is State.ACTIVE
    assert changed(world.decided(replace(MEETING, subject="Later"), link=link)) == ("subject",)


@pytest.mark.rule("DEL-3")
@pytest.mark.scenario("S10b")
@pytest.mark.parametrize(
    ("before", "copy", "shown"),
    [
        (Response.NONE, None, Response.REMOVED),
        (Response.ACCEPTED, None, Response.REMOVED),
        (Response.ACCEPTED, Response.ACCEPTED, Response.REMOVED),
        (Response.NONE, Response.DECLINED, Response.DECLINED),
        (Response.DECLINED, None, Response.DECLINED),
    ],
    ids=["purged", "accepted and purged", "accepted and binned", "declined", "declined and purged"],
)
def test_s10b_an_attendees_delete_or_decline_ends_his_replica_and_nothing_else(before, copy, shown):
    """He stays in Assign To with that answer, even if the organizer's copy says he had accepted."""
    world = a_world(ANNA, BOB)
    tracked = a_meeting(organizer=ANNA, attendees=[replace(MEETING.attendees[0], response=before)])
    link = confirmed(world.hinted(BOB, copies=[tracked, copy_of(tracked, BOB, response=before)]))
    left = [] if copy is None else [in_deleted_items(copy_of(tracked, BOB, response=copy))]
    plan = world.hinted(BOB, copies=[tracked, *left], link=link)
    assert agreed(plan).assign_to == ("u-anna", "u-bob")
    assert dict(agreed(plan).responses)["u-bob"] is shown
    assert [each.user for each in plan.link.replicas if each.live] == ["u-anna"]
    assert plan.link.state is State.ACTIVE
    assert plan.command is None or changed(plan) == ("responses",)


@pytest.mark.rule("DEL-3")
def test_del_3_a_refusal_the_organizer_received_says_more_than_a_missing_copy():
    """Bob declined, and Outlook took his copy away before it was seen."""
    world = a_world(ANNA, BOB)
    link = confirmed(world.hinted(BOB, copies=[MEETING, copy_of(MEETING, BOB)]))
    declined = replace(MEETING, attendees=(replace(MEETING.attendees[0], response=Response.DECLINED),))
    plan = world.hinted(BOB, copies=[declined], link=link)
    assert dict(told(plan).responses)["u-bob"] is Response.DECLINED


@pytest.mark.rule("DEL-3")
def test_del_3_a_restored_copy_is_a_replica_again_with_the_answer_in_it():
    """The user changed his mind."""
    world = a_world(ANNA, BOB)
    copy = copy_of(MEETING, BOB, response=Response.ACCEPTED)
    link = confirmed(world.hinted(BOB, copies=[MEETING, copy]))
    link = confirmed(world.hinted(BOB, copies=[MEETING, in_deleted_items(copy)], link=link))
    plan = world.hinted(BOB, copies=[MEETING, copy], link=link)
    assert dict(told(plan).responses)["u-bob"] is Response.ACCEPTED
    assert [each.live for each in plan.link.replicas] == [True, True]


@pytest.mark.rule("DEL-5")
@pytest.mark.scenario("S10d")
def test_s10d_restored_from_deleted_items_it_is_the_same_record_by_a_higher_revision():
    """Told in full, with what the CRM had added."""
    world = a_world(ANNA, BOB)
    added = {"related": (Related("opportunity", "o-1"),), "status": "completed"}
    link = confirmed(world.decided(MEETING), **added)
    gone = world.decided(in_deleted_items(MEETING), link=link)
    back = world.decided(MEETING, link=replace(gone.link, crm=None))
    assert back.command is not None
    assert (back.command.link, back.command.crm_id) == (link.id, "si-1")
    assert back.command.revision > deleted(gone).revision
    assert (told(back).status, told(back).related) == ("completed", (Related("opportunity", "o-1"),))
    told_again = {name.rstrip("_") for name in ITEM_FIELDS} - {"external", "external_shown_to"}
    assert {"subject", "start", "end", "assign_to", "status", "related"} <= set(changed(back)) <= told_again
    assert is_quiet(world.decided(MEETING, link=confirmed(back)))


@pytest.mark.rule("DEL-5")
def test_del_5_restored_before_the_crm_answered_it_is_told_in_full_all_the_same():
    """What the CRM last said was before the delete; it may hold nothing by now."""
    world = a_world(ANNA, BOB)
    link = confirmed(world.decided(MEETING))
    back = world.decided(MEETING, link=world.decided(in_deleted_items(MEETING), link=link).link)
    assert {"subject", "start", "end", "assign_to"} <= set(changed(back))


@pytest.mark.rule("DEL-5", "MAP-4", "OPT-5")
def test_del_5_restored_after_nobody_is_shown_external_contacts_any_more_the_crm_forgets_whom_it_showed():
    """The CRM may have kept the item it deleted, with what no longer is."""
    shown = a_world(ANNA, BOB).with_options(display=True)
    link = confirmed(shown.decided(MEETING))
    assert agreed_external(link) == ((), ("u-anna", "u-bob"))
    gone = replace(shown.decided(in_deleted_items(MEETING), link=link).link, crm=None)
    gone = replace(gone, crm_revision=gone.revision)
    back = shown.with_options(display=False).decided(MEETING, link=gone)
    assert {"external", "external_shown_to"} <= set(changed(back))
    assert (told(back).external, told(back).external_shown_to) == (None, ())


def agreed_external(link):
    """The external contacts the CRM was told, and whom it shows them to."""
    return link.agreed.external, link.agreed.external_shown_to


@pytest.mark.rule("DEL-5", "OPT-3")
def test_del_5_what_the_crm_deleted_is_not_brought_back_by_a_hint():
    """Said once; the copy in Exchange is as it was."""
    world = a_world(ANNA, BOB)
    link = replace(confirmed(world.decided(MEETING)), state=State.DELETED, deleted_by_crm=True, content=None)
    plan = world.decided(replace(MEETING, subject="Later"), link=link)
    assert plan.command is None
    assert said(plan).reason is Reason.TOMBSTONED
    assert is_quiet(world.decided(MEETING, link=plan.link))


@pytest.mark.rule("INV-7")
def test_a_parked_item_ignores_hints():
    """The CRM took it out of scope; said once."""
    world = a_world(ANNA, BOB)
    link = replace(confirmed(world.decided(MEETING)), state=State.OUT_OF_SCOPE)
    plan = world.decided(in_deleted_items(MEETING), link=link)
    assert plan.command is None
    assert said(plan).reason is Reason.OUT_OF_SCOPE
    assert is_quiet(world.decided(MEETING, link=plan.link))
    assert plan.link.state is State.OUT_OF_SCOPE


@pytest.mark.rule("DEL-6")
def test_del_6_a_meeting_that_an_outsider_cancelled_is_deleted_and_the_prefix_never_comes_in():
    """By the flag in the master's copy."""
    world = a_world(BOB)
    copy = copy_of(a_meeting(organizer="boss@else.example", attendees=[BOB]), BOB, response=Response.ACCEPTED)
    link = confirmed(world.decided(copy))
    plan = world.decided(replace(copy, is_cancelled=True, subject="Canceled: Review"), link=link)
    assert deleted(plan).reason == "cancelled"
    assert agreed(plan).subject == "Review"


@pytest.mark.rule("DEL-6", "DEL-2")
def test_del_6_an_old_meeting_that_is_cancelled_stays():
    """It took place long ago."""
    world = replace(a_world(BOB), now=END + days(31))
    copy = copy_of(a_meeting(organizer="boss@else.example", attendees=[BOB]), BOB, response=Response.ACCEPTED)
    plan = world.decided(replace(copy, is_cancelled=True), link=confirmed(world.decided(copy)))
    assert plan.command is None
    assert said(plan).reason is Reason.ARCHIVAL


@pytest.mark.rule("DEL-6", "ID-4")
@pytest.mark.parametrize("organizer", [ANNA, "boss@else.example"], ids=["organizer", "master"])
def test_del_6_cancelled_in_another_copy_means_nothing(organizer):
    """Only Cora was uninvited."""
    cora = a_user("u-cora")
    world = a_world(ANNA, BOB, cora)
    meeting = a_meeting(organizer=organizer, attendees=[BOB, cora])
    counts = meeting if organizer is ANNA else copy_of(meeting, BOB, response=Response.ACCEPTED)
    link = confirmed(world.decided(counts, others=[copy_of(meeting, cora)]))
    cancelled = copy_of(meeting, cora, is_cancelled=True, subject="Canceled: Review")
    plan = world.hinted(cora, copies=[counts, cancelled], link=link)
    assert plan.link.state is State.ACTIVE
    assert plan.command is None
    assert agreed(plan).subject == "Review"


@pytest.mark.rule("DEL-6")
def test_del_6_a_meeting_that_was_cancelled_before_it_was_known_never_comes_in():
    """There is nothing to delete."""
    plan = a_world(ANNA, BOB).decided(replace(MEETING, is_cancelled=True, subject="Canceled: Review"))
    assert plan.command is None
    assert plan.link.state is State.OUTSIDE


@pytest.mark.rule("DEL-3", "PART-7")
def test_del_3_who_removed_a_copy_that_was_never_seen_leaves_no_trace():
    """Nothing is known of it, so nothing is remembered."""
    world = a_world(ANNA, BOB)
    link = confirmed(world.decided(MEETING))
    assert sighted(link, Sighting("bob@bank.example", BOB, None)) == link
    assert is_quiet(world.hinted(BOB, copies=[MEETING], link=link))
