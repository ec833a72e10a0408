"""What other copies get when something came in from Exchange, call by call (CON-2, INV-6, NOTE-6, ALM-2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers import follow_ups
from handlers.blocks import block_of
from handlers.drafts import Draft
from handlers.effects import CONTENT, Effect, Operation, holding
from handlers.links import BEHIND, OUTDATED, Link, Replica, State
from handlers.merging import Merged
from handlers.plans import Plan, Report
from schemas.items import External, Recurrence, Related, Response, ScheduleItem, SeriesException
from schemas.outcomes import Direction, Result
from tests.support.world import END, START, World, a_link, a_meeting, a_user, a_world, copy_of, days

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
A, B, C = "anna@bank.example", "bob@bank.example", "cora@bank.example"
QUIET = a_world(ANNA, BOB, CORA)
WORLD = QUIET.with_options(notes=True, alarms=True)
RELATED = (Related("opportunity", "o-1", "Pension plan"),)
BLOCK = block_of(RELATED)
ITEM = ScheduleItem(
    subject="Review",
    start=START,
    end=END,
    zone="Europe/Berlin",
    owner="u-anna",
    assign_to=("u-anna", "u-bob"),
    alarms=(("u-anna", (10,)), ("u-bob", (5,))),
    related=RELATED,
    external=(),
)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB])
SHOWN = BLOCK.fingerprint if BLOCK else ""
ANNAS = Replica(A, "u-anna", f"AAMk-{A}", "1", response=Response.ORGANIZER, reminder=10, block=SHOWN)
BOBS = Replica(B, "u-bob", f"AAMk-{B}", "1", reminder=30, block=SHOWN)
DIRECT = Replica(B, "u-bob", "AAMk-direct", "7", direct=True, reminder=5, block=SHOWN, holds=holding(ITEM))
APPLIED = Report(Direction.INBOUND, Result.APPLIED)


def the_link(*replicas: Replica, **about: Any) -> Link:
    """In peace."""
    known = {"state": State.ACTIVE, "crm_id": "si-1", "agreed": ITEM, "exchange": ITEM, "crm": ITEM}
    return a_link(replicas=replicas, **(known | about))


def a_write(replica: Replica, operation: Operation = Operation.UPDATE, **about: Any) -> Effect:
    """To this copy, of the item as it is."""
    known = {"item": ITEM, "item_id": replica.item_id, "change_key": replica.change_key, "direct": replica.direct}
    return Effect(operation=operation, mailbox=replica.mailbox, user=replica.user, **(known | about))


def restored(link: Link, *copies: Any, world: World = WORLD, plan: Plan | None = None) -> Plan:
    """After these copies were read, without a block in any."""
    return follow_ups.restored(plan or Plan(link), copies or (MEETING, copy_of(MEETING, BOB)), world.around)


@pytest.mark.rule("NOTE-6")
def test_note_6_the_block_is_put_back_where_it_was_overwritten():
    """And nothing else is written: an alarm that nobody changed is not told again."""
    plan = restored(the_link(ANNAS, BOBS))
    assert plan.effects == (a_write(ANNAS, block=BLOCK), a_write(BOBS, block=BLOCK))
    assert plan.report == APPLIED
    assert plan.link == the_link(replace(ANNAS, block=""), replace(BOBS, block="")), "until it was written"


@pytest.mark.rule("NOTE-6", "INV-6")
def test_note_6_a_direct_copy_gets_it_back_as_a_direct_copy():
    """One copy of two: the other is not touched, and stays in its place."""
    copy = replace(copy_of(MEETING, BOB), item_id=DIRECT.item_id)
    plan = restored(the_link(ANNAS, DIRECT), copy)
    assert plan.effects == (a_write(DIRECT, block=BLOCK),)
    assert plan.link == the_link(ANNAS, replace(DIRECT, block=""))


@pytest.mark.rule("NOTE-6")
@pytest.mark.parametrize(
    ("link", "copy"),
    [
        (the_link(ANNAS), replace(MEETING, body=BLOCK.html if BLOCK else "", html=True)),
        (the_link(replace(ANNAS, block="")), MEETING),
        (the_link(replace(ANNAS, live=False)), MEETING),
        (the_link(ANNAS), copy_of(MEETING, BOB)),
        (the_link(ANNAS, state=State.DELETED), MEETING),
    ],
    ids=["still there", "never shown", "copy gone", "not linked", "link ended"],
)
def test_note_6_where_nothing_was_overwritten_nothing_is_put_back(link: Link, copy: Any):
    """Nor where there is no copy to put it into."""
    assert restored(link, copy) == Plan(link)


@pytest.mark.rule("NOTE-6")
def test_note_6_a_copy_that_is_written_anyhow_is_left_to_that():
    """At most one call for each copy; what was said of the plan stays."""
    link = the_link(ANNAS, BOBS)
    said = Report(Direction.INBOUND, Result.SKIPPED)
    plan = restored(link, plan=Plan(link, report=said, effects=(a_write(ANNAS, fields=("subject",)),)))
    assert plan.effects == (a_write(ANNAS, fields=("subject",)), a_write(BOBS, block=BLOCK))
    assert plan.report == said


@pytest.mark.rule("NOTE-6")
@pytest.mark.parametrize(("may_be_mailed", "mailboxes"), [(False, [B]), (True, [A, B])])
def test_note_6_with_guests_the_organizers_body_goes_without(may_be_mailed: bool, mailboxes: list[str]):
    """Unless the settings say otherwise."""
    guests = replace(ITEM, external=(External("x@else.example", "X"),))
    world = WORLD.with_policy(block_for_guests=may_be_mailed)
    plan = restored(the_link(ANNAS, BOBS, exchange=guests), world=world)
    assert [each.mailbox for each in plan.effects] == mailboxes


@pytest.mark.rule("NOTE-6")
def test_note_6_whose_body_guests_are_mailed_says_exchange():
    """Whoever owns the item in the CRM."""
    link = the_link(ANNAS, BOBS, exchange=replace(ITEM, external=(External("x@else.example", "X"),)))
    assert link.agreed is not None
    plan = restored(replace(link, agreed=replace(link.agreed, owner="u-bob")))
    assert [each.mailbox for each in plan.effects] == [B]


@pytest.mark.rule("NOTE-6", "OPT-4")
@pytest.mark.parametrize(
    ("about", "is_restored"),
    [
        ({"exchange": ITEM, "agreed": replace(ITEM, owner=None)}, True),
        ({"exchange": None}, True),
        ({"exchange": replace(ITEM, owner=None), "master": "u-anna"}, True),
        ({"exchange": replace(ITEM, owner="u-bob"), "master": "u-anna"}, False),
        ({"exchange": replace(ITEM, owner=None)}, False),
        ({"agreed": None}, False),
    ],
    ids=["organizer", "by what was agreed", "master", "another organizer", "nobody", "nothing agreed"],
)
def test_opt_4_it_is_put_back_by_the_option_of_whose_item_it_is(about: dict[str, Any], is_restored: bool):
    """The organizer's, else the master's; where nothing comes of it, nothing is said."""
    plan = restored(the_link(ANNAS, BOBS, **about), world=QUIET.with_options("user:u-anna", notes=True))
    assert [each.mailbox for each in plan.effects] == ([A, B] if is_restored else [])
    assert plan.report == (APPLIED if is_restored else None)


@pytest.mark.rule("NOTE-6")
@pytest.mark.parametrize("world", [WORLD.knowing(replace(BOB, active=False)), a_world(ANNA, options=WORLD.options)])
def test_note_6_whose_mailbox_is_not_followed_any_more_is_not_written_to(world: World):
    """Nor a user nobody knows."""
    plan = follow_ups.restored(Plan(the_link(ANNAS, BOBS)), (MEETING, copy_of(MEETING, BOB)), world.around)
    assert [each.mailbox for each in plan.effects] == [A]


@pytest.mark.rule("INV-6", "ALM-2", "NOTE-6")
def test_inv_6_a_direct_copy_beside_an_invited_one_goes_and_the_other_gets_what_was_its():
    """His alarm and the block; nobody else's copy is touched."""
    fresh = replace(BOBS, block="")
    link = the_link(ANNAS, DIRECT, fresh)
    plan = follow_ups.without_superseded(Plan(link), WORLD.around)
    assert plan.effects == (a_write(DIRECT, Operation.DELETE), a_write(fresh, reminder=5, block=BLOCK))
    assert plan.report == APPLIED
    assert plan.link == the_link(ANNAS, fresh)


@pytest.mark.rule("INV-6", "DEL-3")
def test_inv_6_a_direct_copy_that_was_gone_before_is_not_deleted_again():
    """Who had one once is invited: the invited copy gets what was its, and no outcome names a delete of nothing."""
    fresh = replace(BOBS, block="")
    plan = follow_ups.without_superseded(Plan(the_link(ANNAS, replace(DIRECT, live=False), fresh)), WORLD.around)
    assert plan.effects == (a_write(fresh, reminder=5, block=BLOCK),)
    assert plan.link == the_link(ANNAS, fresh)


@pytest.mark.rule("INV-6")
def test_inv_6_what_was_to_be_written_to_the_direct_copy_is_not():
    """All else of the plan is done, and what was said of it stays."""
    said = Report(Direction.INBOUND, Result.SKIPPED)
    other = a_write(ANNAS, fields=("subject",))
    link = the_link(ANNAS, DIRECT, replace(BOBS, block=""))
    plan = Plan(link, report=said, effects=(other, a_write(DIRECT, fields=("subject",))))
    plan = follow_ups.without_superseded(plan, QUIET.around)
    assert plan.effects == (other, a_write(DIRECT, Operation.DELETE))
    assert plan.report == said


@pytest.mark.rule("INV-6")
def test_inv_6_a_direct_copy_that_is_alone_stays():
    """It is all that its user has."""
    plan = Plan(the_link(ANNAS, DIRECT))
    assert follow_ups.without_superseded(plan, WORLD.around) is plan


@pytest.mark.rule("INV-6", "CON-2")
@pytest.mark.parametrize(
    ("about", "copy", "fields"),
    [
        ({}, {"subject": "Old", "zone": "W. Europe Standard Time"}, ("subject",)),
        ({}, {"zone": "W. Europe Standard Time"}, ()),
        ({}, {"subject": "Old", "item_id": "AAMk-another"}, ()),
        ({"agreed": replace(ITEM, redacted=True)}, {"subject": "Old"}, ()),
    ],
    ids=["older", "as agreed", "another copy", "hidden"],
)
def test_con_2_an_invitation_that_has_come_is_brought_what_was_agreed_on_since(
    about: dict[str, Any], copy: dict[str, Any], fields: tuple[str, ...]
):
    """And only that; a zone may have another name there, and what the CRM may not see it does not say."""
    link = the_link(ANNAS, BOBS, awaited=("u-bob",), **about)
    plan = follow_ups.welcomed(Plan(link), QUIET.around, {B: copy_of(MEETING, BOB, **copy)})
    assert [each.fields for each in plan.effects] == [fields]


@pytest.mark.rule("NOTE-6", "INV-6")
@pytest.mark.parametrize(
    ("related", "body", "block"),
    [
        (RELATED, None, BLOCK),
        (RELATED, "", BLOCK),
        (RELATED, BLOCK.text if BLOCK else "", None),
        ((), "", None),
    ],
    ids=["not read", "without", "with it", "nothing to show"],
)
def test_note_6_an_invitation_that_has_come_gets_the_block_unless_it_came_with_it(
    related: tuple[Related, ...], body: str | None, block: Any
):
    """In the body that the organizer's copy had."""
    item = replace(ITEM, related=related)
    link = the_link(replace(BOBS, block=""), awaited=("u-bob",), agreed=item)
    copies = {} if body is None else {B: copy_of(MEETING, BOB, body=body)}
    seen = follow_ups.noticed(Plan(link), copies.values())
    plan = follow_ups.welcomed(seen, QUIET.with_options(notes=True).around, copies)
    assert [each.block for each in plan.effects] == ([] if block is None else [block])
    assert plan.link.awaited == ()


@pytest.mark.rule("NOTE-5", "NOTE-7")
@pytest.mark.parametrize(
    ("related", "known", "body", "block"),
    [
        (RELATED, "", BLOCK.text if BLOCK else "", SHOWN),
        ((), "", BLOCK.text if BLOCK else "", OUTDATED),
        ((*RELATED, Related("deal", "d-1", "Deal")), "", BLOCK.text if BLOCK else "", OUTDATED),
        (RELATED, "", "Agenda", ""),
        ((), "older", BLOCK.text if BLOCK else "", "older"),
    ],
    ids=["as it is", "nothing any more", "something else by now", "none", "ours"],
)
def test_note_5_a_block_that_a_message_brought_is_noticed(
    related: tuple[Related, ...], known: str, body: str, block: str
):
    """In the copy that was read, so that an event of the CRM knows what is there."""
    link = the_link(ANNAS, replace(BOBS, block=known), agreed=replace(ITEM, related=related))
    plan = follow_ups.noticed(Plan(link, report=APPLIED), [copy_of(MEETING, BOB, body=body)])
    assert plan == Plan(the_link(ANNAS, replace(BOBS, block=block), agreed=link.agreed), report=APPLIED)


@pytest.mark.rule("NOTE-5")
def test_note_5_of_what_is_not_in_the_crm_every_block_is_outdated():
    """It has nothing to show."""
    link = the_link(replace(BOBS, block=""), agreed=None)
    plan = follow_ups.noticed(Plan(link), [copy_of(MEETING, BOB, body=BLOCK.text if BLOCK else "")])
    assert [each.block for each in plan.link.replicas] == [OUTDATED]


@pytest.mark.rule("INV-6", "ALM-2")
@pytest.mark.parametrize("said", [None, Report(Direction.INBOUND, Result.SKIPPED)])
@pytest.mark.parametrize("world", [WORLD, QUIET])
def test_inv_6_who_was_awaited_gets_what_is_his_and_the_next_is_awaited_still(world: World, said: Report | None):
    """Beside what the plan does anyway; what was said of that stays, and where nothing is written nothing is said."""
    other = a_write(ANNAS, fields=("subject",))
    bobs = replace(BOBS, block="")
    link = the_link(ANNAS, bobs, awaited=("u-bob", "u-cora"))
    plan = follow_ups.welcomed(Plan(link, report=said, effects=(other,)), world.around)
    written = (a_write(bobs, reminder=5, block=BLOCK),) if world is WORLD else ()
    assert plan == Plan(
        the_link(ANNAS, bobs, awaited=("u-cora",)),
        report=said or (APPLIED if written else None),
        effects=(other, *written),
    )


@pytest.mark.rule("INV-6")
@pytest.mark.parametrize(
    ("about", "bobs"),
    [
        ({"state": State.DELETED}, {}),
        ({"state": State.OUT_OF_SCOPE}, {}),
        ({}, {"live": False}),
        ({}, {"direct": True}),
    ],
    ids=["ended", "out of scope", "not there", "direct"],
)
def test_inv_6_to_what_has_ended_or_before_he_comes_nobody_is_welcomed(about: dict[str, Any], bobs: dict[str, Any]):
    """He is awaited still."""
    plan = Plan(the_link(ANNAS, replace(BOBS, block="", **bobs), awaited=("u-bob",), **about))
    assert follow_ups.welcomed(plan, WORLD.around) == plan


def a_draft(link: Link, world: World = WORLD, **about: Any) -> Draft:
    """Anna's copy was read."""
    known = {"creator": ANNA, "authority": ANNA, "participants": (), "assign_to": (ANNA, BOB)}
    return Draft(MEETING, link, world.facts(), world.policy, now=world.now, **(known | about))


def follow(link: Link, item: ScheduleItem, *, world: World = WORLD, owed: tuple[str, ...] = ()) -> tuple[Effect, ...]:
    """What is written after the item became this one."""
    return follow_ups.of_change(Merged(item, owed=owed), known=ITEM, draft=a_draft(link, world))


LATER = replace(ITEM, subject="Budget", start=START + days(1), status="completed")


@pytest.mark.rule("INV-6", "MAP-1")
def test_inv_6_direct_copies_follow_in_what_has_changed_of_the_content():
    """The copy that counts said so itself, and an invited one is Exchange's to update."""
    link = the_link(ANNAS, DIRECT, replace(BOBS, mailbox=C, user="u-cora"))
    assert follow(link, LATER) == (a_write(DIRECT, item=LATER, fields=("subject", "start")),)
    assert follow(link, ITEM) == ()
    assert follow(the_link(ANNAS, replace(DIRECT, holds=holding(LATER))), LATER) == (), "it is so already"


@pytest.mark.rule("INV-6", "PART-6")
def test_inv_6_whoever_was_taken_out_loses_his_direct_copy():
    """Somebody who takes part by the CRM's word alone never was in."""
    without = replace(ITEM, assign_to=("u-anna",))
    assert follow(the_link(ANNAS, DIRECT), without) == (a_write(DIRECT, Operation.DELETE, item=without),)
    coras = replace(DIRECT, mailbox=C, user="u-cora")
    assert follow(the_link(ANNAS, coras), without) == ()


SERIES = replace(ITEM, recurrence=Recurrence("daily"), start=START, end=END)


def a_day(count: int, **changes: str) -> SeriesException:
    """The occurrence so many days after the first, which is otherwise."""
    return SeriesException(START + days(count), changes=tuple((name, f'"{text}"') for name, text in changes.items()))


def of_days(effects: tuple[Effect, ...]) -> list[tuple[int, tuple[str, ...], str]]:
    """The occurrences that are written, by their number, with what of them."""
    return [(each.index, each.fields, each.item.subject) for each in effects if each.occurrence]


@pytest.mark.rule("REC-3", "INV-6")
def test_rec_3_direct_copies_of_a_series_follow_in_its_occurrences():
    """In those that have changed; in all of them where Exchange gave them up, or nothing of them is there."""
    known = replace(SERIES, exceptions=(a_day(1, subject="Mine"), a_day(2, subject="Old")))
    item = replace(SERIES, exceptions=(a_day(1, subject="Mine"), a_day(2, subject="New")))
    link = the_link(ANNAS, replace(DIRECT, holds=None))
    draft = a_draft(link)
    assert of_days(follow_ups.of_change(Merged(item), known=known, draft=draft)) == [(3, ("subject",), "New")]
    both = [(2, ("subject",), "Mine"), (3, ("subject",), "New")]
    moves: list[dict[str, Any]] = [
        {"end": END + timedelta(hours=1)},
        {"zone": "Europe/Vienna"},
        {"recurrence": Recurrence("daily", end="after", count=9)},
    ]
    for moved in moves:
        assert of_days(follow_ups.of_change(Merged(replace(item, **moved)), known=known, draft=draft)) == both
    behind = a_draft(the_link(ANNAS, replace(DIRECT, holds=BEHIND)))
    assert of_days(follow_ups.of_change(Merged(item), known=known, draft=behind)) == both


@pytest.mark.rule("REC-3", "INV-6", "PART-6")
def test_rec_3_of_a_copy_that_goes_no_occurrence_is_written():
    """It goes as a whole."""
    item = replace(SERIES, assign_to=("u-anna",), exceptions=(a_day(1, subject="Mine"),))
    draft = a_draft(the_link(ANNAS, DIRECT))
    assert follow_ups.of_change(Merged(item), known=SERIES, draft=draft) == (
        a_write(DIRECT, Operation.DELETE, item=item),
    )


@pytest.mark.rule("PRIV-4", "INV-6")
def test_priv_4_what_is_hidden_from_the_crm_is_written_nowhere():
    """Times are not hidden."""
    hidden = replace(LATER, redacted=True, location="Room 4", notes="Mine")
    assert [each.fields for each in follow(the_link(ANNAS, DIRECT), hidden)] == [("start",)]


@pytest.mark.rule("INV-6")
@pytest.mark.parametrize(
    ("replica", "world"),
    [
        (replace(DIRECT, live=False), WORLD),
        (replace(DIRECT, mailbox="old@bank.example"), WORLD),
        (DIRECT, WORLD.knowing(replace(BOB, sync_enabled=False))),
        (DIRECT, a_world(ANNA)),
    ],
    ids=["gone", "of an old mailbox", "not followed", "unknown"],
)
def test_inv_6_a_copy_that_cannot_be_written_to_does_not_follow(replica: Replica, world: World):
    """The others do."""
    coras = replace(DIRECT, mailbox=C, user="u-cora")
    written = follow(the_link(ANNAS, replica, coras), LATER, world=world.knowing(CORA))
    assert [each.mailbox for each in written] == [C]


@pytest.mark.rule("CON-2")
def test_con_2_what_the_crm_won_is_written_to_the_copy_that_counts():
    """And to no other invited one."""
    link = the_link(ANNAS, BOBS)
    assert follow(link, ITEM, owed=("subject",)) == (a_write(ANNAS, fields=("subject",), authoritative=True),)
    assert follow(link, ITEM, owed=("restricted",)) == (
        a_write(ANNAS, fields=("restricted",), sensitivity="Normal", authoritative=True),
    )


@pytest.mark.rule("ID-6")
def test_id_6_a_read_only_meeting_is_never_written_to():
    """It is a stranger's."""
    assert follow(the_link(ANNAS), replace(ITEM, read_only=True), owed=CONTENT) == ()
