"""The settler: state, position and output are stored together or not at all, and nothing is said twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.bus.dispositions import Done, PermanentError, TransientError
from daemon.bus.routes import Fenced
from daemon.store import history, links
from daemon.sync import origins
from daemon.sync.settling import NOTHING_NEW
from handlers.effects import Effect, Operation
from handlers.links import Link
from handlers.plans import Plan, Report
from schemas import catalogue
from schemas.items import ScheduleItem
from schemas.outcomes import Direction, Reason, Result
from schemas.sending import Sending, Whom
from tests.support.world import a_link, a_meeting, a_user, a_world
from tests.unit.sync.parts import Delivered, Desk, a_hint

HINTS = catalogue.NOTIFICATIONS
anna = a_user("u-anna")
SKIPPED = Report(Direction.INBOUND, Result.SKIPPED, Reason.UNKNOWN_MAILBOX)


def a_plan() -> Plan:
    """What comes of the first hint for Anna's meeting: a command and a report."""
    return a_world(anna).decided(a_meeting(organizer=anna))


async def settle(
    desk: Desk, plan: Plan, *, was: Link | None = None, offset: int = 0, owner: str | None = None
) -> object:
    records = (a_hint(offset=offset),)
    delivery = Delivered(records) if owner is None else Delivered(records, owner)
    return await desk.settler.plan(plan, origins.read(records), delivery=delivery, was=was or a_link())


async def stored(desk: Desk) -> Link | None:
    return await desk.store.read(lambda tx: links.by_id(tx, a_link().id))


async def nothing_is_stored(desk: Desk) -> None:
    assert await desk.waiting() == [], "nothing may go out"
    assert await desk.position(HINTS) is None, "the hint is not settled"


async def test_link_position_command_and_outcome_are_stored_together(desk: Desk) -> None:
    """The link remembers the command that is in the outbox, and the hint is settled."""
    plan = a_plan()
    assert isinstance(await settle(desk, plan, offset=41), Done)
    link = await stored(desk)
    assert link == replace(plan.link, version=1)
    assert await desk.position(HINTS) == 42
    [(first, command), (second, outcome)] = await desk.waiting()
    assert (first, command["link"], command["revision"]) == (catalogue.COMMANDS, plan.link.id, plan.link.revision)
    assert (second, outcome["result"], outcome["cause"]["offset"]) == (catalogue.OUTCOMES, "applied", 41)


@pytest.mark.rule("OPT-5")
async def test_what_was_said_can_be_asked_for(desk: Desk) -> None:
    """`why` finds the outcome by the meeting's UID."""
    plan = a_plan()
    await settle(desk, plan)
    [entry] = await desk.store.read(lambda tx: history.of(tx, plan.link.uid or ""))
    assert entry.link == plan.link.id


@pytest.mark.rule("INV-4")
async def test_mails_are_counted_by_their_recipients_once_they_are_said(desk: Desk) -> None:
    """An operator sees how many messages left; a silent write is none."""
    records = (a_hint(),)
    silent = Effect(operation=Operation.UPDATE, mailbox="anna@bank.example", user="u-anna", item=ScheduleItem())
    loud = replace(silent, sending=Sending(Whom.ALL), recipients=("c-7", "u-bob"))
    await desk.settler.plan(
        a_plan(), origins.read(records), delivery=Delivered(records), was=a_link(), written=[silent, loud]
    )
    metrics = desk.settler.metrics
    assert metrics.value("exsyncd_mails_total", {"mode": "all"}) == 2
    assert metrics.value("exsyncd_mails_total", {"mode": "added"}) == 0


async def test_who_lost_the_partition_stores_nothing(desk: Desk) -> None:
    """The partition has another owner by now: neither state nor output of ours counts."""
    with pytest.raises(Fenced):
        await settle(desk, a_plan(), owner="whoever-had-it-before")
    assert await stored(desk) is None
    await nothing_is_stored(desk)


async def test_a_link_that_moved_on_is_decided_again(desk: Desk) -> None:
    """The link was read before somebody else saved it: nothing of the decision is stored."""
    plan = a_plan()
    await desk.store.write(lambda tx: links.save(tx, a_link()))
    with pytest.raises(TransientError):
        await settle(desk, plan)
    assert await stored(desk) == replace(a_link(), version=1)
    await nothing_is_stored(desk)


@pytest.mark.rule("ID-2")
async def test_a_uid_that_is_another_links_is_never_taken(desk: Desk) -> None:
    """The store keeps one link a meeting, whatever was decided."""
    plan = a_plan()
    other = replace(a_link(), id="born-in-the-crm")
    await desk.store.write(lambda tx: links.save(tx, other))
    with pytest.raises(PermanentError):
        await settle(desk, plan)
    await nothing_is_stored(desk)


@pytest.mark.rule("CON-3")
async def test_a_plan_that_changes_nothing_writes_nothing(desk: Desk) -> None:
    """An echo is settled by the bus alone."""
    assert await settle(desk, Plan(a_link())) == NOTHING_NEW
    await nothing_is_stored(desk)


async def test_what_is_only_remembered_is_stored_without_a_word(desk: Desk) -> None:
    """The link has changed, the CRM need not know."""
    await settle(desk, Plan(a_link(master="u-anna")))
    link = await stored(desk)
    assert link is not None
    assert link.master == "u-anna"
    assert await desk.waiting() == []
    assert await desk.position(HINTS) == 1


async def test_the_same_cause_makes_the_same_ids(desk: Desk) -> None:
    """What is published twice after a crash can be recognised: ids follow from link and revision."""
    plan = a_plan()
    records = (a_hint(offset=7),)
    origin = origins.read(records)
    emitted = [desk.settler.emitter.command(plan.command, origin) for _ in range(2) if plan.command]
    assert emitted[0] == emitted[1]
    other = replace(plan.command, revision=8) if plan.command else None
    assert other is not None
    assert dict(desk.settler.emitter.command(other, origin).headers)["ce_id"] != dict(emitted[0].headers)["ce_id"]


async def test_a_state_without_a_link_is_reported_once(desk: Desk) -> None:
    """Ten hints of a mailbox that is nobody's are one outcome; another state is another one."""
    for offset in range(10):
        records = (a_hint(offset=offset),)
        await desk.settler.once(
            SKIPPED, origins.read(records), delivery=Delivered(records), key="mailbox:x", state="unknown"
        )
    assert await desk.told() == [("skipped", "unknown_mailbox")]
    assert await desk.position(HINTS) == 10, "all of them are settled"
    records = (a_hint(offset=10),)
    await desk.settler.once(SKIPPED, origins.read(records), delivery=Delivered(records), key="mailbox:x", state="off")
    assert len(await desk.told()) == 2


async def test_what_is_done_is_done_when_the_bus_has_it(desk: Desk) -> None:
    """`Done` completes when command and outcome are in their topics, not before."""
    done = await settle(desk, a_plan())
    assert isinstance(done, Done)
    assert done.acknowledged is not None
    async with desk.publishing():
        await done.acknowledged
        assert len(desk.published(catalogue.COMMANDS)) == len(desk.published(catalogue.OUTCOMES)) == 1
