"""Parking: work that must wait is kept with its records, tried when it is due, and never in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from daemon.bus.deadletters import DeadLetters
from daemon.bus.dispositions import Dead, Disposition, Park, PermanentError, Skip, TransientError
from daemon.bus.port import Record
from daemon.bus.routes import Delivery, Route
from daemon.store import parked
from daemon.store.parked import Parked
from daemon.sync import origins, pausing
from daemon.sync.inbound import lane
from daemon.sync.parking import Parking
from handlers.plans import Report
from schemas import catalogue
from schemas.outcomes import Direction, Result
from tests.unit.sync.parts import NOW, Delivered, Desk, a_hint

SOON = NOW + timedelta(minutes=5)
HINTS = catalogue.NOTIFICATIONS
Act = Callable[[Delivery], Disposition | None]


@dataclass
class Trying:
    """What is done with a delivery that is tried again: what the test says, else it is settled with an outcome."""

    desk: Desk
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    act: Act = lambda _delivery: None
    tried: list[tuple[Record, ...]] = field(default_factory=list)

    async def __call__(self, delivery: Delivery) -> Disposition:
        self.tried.append(tuple(delivery.records))
        self.stop.set()
        if (disposition := self.act(delivery)) is not None:
            return disposition
        report = Report(Direction.INBOUND, Result.APPLIED)
        origin = origins.read(delivery.records)
        return await self.desk.settler.storing(lambda _tx: True, origin, delivery=delivery, report=report)


def a_parking(desk: Desk, trying: Trying) -> Parking:
    return Parking(
        store=desk.store,
        settler=desk.settler,
        routes=(Route(HINTS, trying, lane=lane, collapse=True),),
        dead_letters=DeadLetters(desk.broker.producer(), topic=catalogue.DEAD_LETTERS, group="test", version="test"),
        metrics=desk.metrics,
        now=desk.clock,
    )


async def rows(desk: Desk) -> list[Parked]:
    """All that is parked."""
    return list(await desk.store.read(lambda tx: parked.due(tx, datetime.max.replace(tzinfo=NOW.tzinfo), 100)))


async def tried(desk: Desk, act: Act = lambda _delivery: None, *, after: timedelta = timedelta(minutes=5)) -> Trying:
    """Parks a hint of a denied mailbox, lets time pass, and tries it once."""
    trying = Trying(desk, act=act)
    parking = a_parking(desk, trying)
    await parking.park(Delivered((a_hint(offset=3),)), SOON, "denied")
    desk.pass_by(after)
    await asyncio.wait_for(parking.run(trying.stop), 30)
    return trying


async def test_parked_work_is_settled_and_kept(desk: Desk) -> None:
    """The lane goes on: the hint's position is stored with the work."""
    await a_parking(desk, Trying(desk)).park(Delivered((a_hint(offset=3),)), SOON, "busy")
    assert await desk.position(HINTS) == 4
    [work] = await rows(desk)
    assert (work.due, work.reason, work.waits_for) == (SOON, "busy", "anna@bank.example")


@pytest.mark.parametrize(("reason", "said"), [("denied", [("held", "denied")]), ("busy", []), ("misconfigured", [])])
async def test_held_is_said_once_and_only_of_what_does_not_pass_by_itself(
    desk: Desk, reason: str, said: list[tuple[str, str]]
) -> None:
    """Three hints of an item in a denied mailbox are one `held`."""
    parking = a_parking(desk, Trying(desk))
    for offset in range(3):
        await parking.park(Delivered((a_hint(offset=offset),)), SOON, reason)
    assert await desk.told() == said


async def test_a_later_hint_joins_the_row_of_its_item(desk: Desk) -> None:
    """One row an item, and the newest hint is the one that is tried."""
    trying = Trying(desk)
    parking = a_parking(desk, trying)
    for offset in range(3):
        await parking.park(Delivered((a_hint(offset=offset),)), SOON, "busy")
    await parking.park(Delivered((a_hint("AAMk-2", offset=3),)), SOON + timedelta(hours=1), "busy")
    assert [work.joined for work in await rows(desk)] == [3, 1]
    desk.pass_by(timedelta(minutes=5))
    await asyncio.wait_for(parking.run(trying.stop), 30)
    assert [records[-1].offset for records in trying.tried] == [2]


async def test_what_is_not_due_is_left_alone(desk: Desk) -> None:
    """Nobody is asked before the time that was agreed on."""
    trying = Trying(desk)
    parking = a_parking(desk, trying)
    await parking.park(Delivered((a_hint(),)), SOON, "busy")
    await parking.park(Delivered((a_hint("AAMk-2", offset=1),)), NOW, "busy")
    await asyncio.wait_for(parking.run(trying.stop), 30)
    assert [[record.offset for record in records] for records in trying.tried] == [[1]]
    assert [work.due for work in await rows(desk)] == [SOON]


async def test_the_record_comes_back_as_it_was(desk: Desk) -> None:
    """Bytes, headers and place: the outcome names the same cause as it would have at once."""
    trying = await tried(desk)
    assert trying.tried == [(a_hint(offset=3),)]
    assert await desk.told() == [("held", "denied"), ("applied", None)]
    assert await rows(desk) == []


async def test_a_transient_failure_waits_on(desk: Desk) -> None:
    """It is tried again after what the failure asks for."""

    def fail(_delivery: Delivery) -> None:
        raise TransientError("ErrorServerBusy", delay=timedelta(minutes=7))

    await tried(desk, fail)
    [work] = await rows(desk)
    assert work.due == desk.now + timedelta(minutes=7)
    assert await desk.told() == [("held", "denied")]


async def test_work_that_is_parked_again_keeps_its_row(desk: Desk) -> None:
    """Still denied: later, for the reason that holds now."""
    await tried(desk, lambda _delivery: Park(desk.now + timedelta(hours=1), "busy"))
    [work] = await rows(desk)
    assert (work.due, work.reason) == (desk.now + timedelta(hours=1), "busy")


def stumble(_delivery: Delivery) -> None:
    """A bug."""
    raise ZeroDivisionError


async def test_a_bug_in_one_items_work_does_not_end_the_parking(desk: Desk) -> None:
    """The item waits on; the loop lives."""
    await tried(desk, stumble)
    assert [(work.due > desk.now, work.reason) for work in await rows(desk)] == [(True, "unexpected")]


async def test_what_a_bug_meets_is_tried_ever_more_seldom_and_becomes_a_dead_letter(desk: Desk) -> None:
    """Up to an hour apart; at last its bytes are kept, the row is gone, and what was held hears its end."""
    trying = Trying(desk, act=stumble)
    parking = a_parking(desk, trying)
    await parking.park(Delivered((a_hint(offset=3),)), NOW, "denied")
    waits = []
    while work := await rows(desk):
        desk.now = work[0].due
        trying.stop.clear()
        await asyncio.wait_for(parking.run(trying.stop), 30)
        waits += [(after.due - desk.now) // timedelta(minutes=1) for after in await rows(desk)]
    assert waits == [1, 2, 4, 8, 16, 32, *[60] * 13]
    [letter] = desk.broker.records(catalogue.DEAD_LETTERS)
    assert letter.value == a_hint(offset=3).value
    assert dict(letter.headers)["x-dlq-exception-class"] == b"builtins.ZeroDivisionError"
    assert await desk.told() == [("held", "denied"), ("failed", "restriction")]


async def test_what_recovers_from_a_bug_counts_from_one_again(desk: Desk) -> None:
    """The daemon was mended: what happened before is not held against the item."""
    await tried(desk, stumble)
    [work] = await rows(desk)
    desk.now = work.due
    busy = Trying(desk, act=lambda _delivery: Park(desk.now + timedelta(minutes=1), "busy"))
    await asyncio.wait_for(a_parking(desk, busy).run(busy.stop), 30)
    [work] = await rows(desk)
    assert (work.reason, work.tries) == ("busy", 1)


@pytest.mark.rule("OPS-1")
async def test_what_is_paused_is_looked_at_ever_more_seldom(desk: Desk) -> None:
    """It is woken when its user is resumed; ten thousand items must not be looked at every few seconds until then."""
    trying = Trying(desk, act=lambda _delivery: pausing.park(desk.now))
    parking = a_parking(desk, trying)
    await parking.park(Delivered((a_hint(offset=3),)), NOW, "paused")
    waits = []
    for _ in range(10):
        [work] = await rows(desk)
        desk.now = work.due
        trying.stop.clear()
        await asyncio.wait_for(parking.run(trying.stop), 30)
        waits += [int((after.due - desk.now).total_seconds()) for after in await rows(desk)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert await desk.told() == [("held", "paused")]


@pytest.mark.rule("OPS-1")
async def test_what_waits_for_another_reason_is_said_to_be_held_once_it_is_paused(desk: Desk) -> None:
    """A busy mailbox passes by itself and is not worth a word; a pause does not."""
    trying = Trying(desk, act=lambda _delivery: pausing.park(desk.now))
    parking = a_parking(desk, trying)
    await parking.park(Delivered((a_hint(offset=3),)), NOW, "busy")
    await asyncio.wait_for(parking.run(trying.stop), 30)
    assert await desk.told() == [("held", "paused")]
    [work] = await rows(desk)
    assert (work.reason, work.joined) == ("paused", 1)

    trying.act = lambda _delivery: None
    trying.stop.clear()
    desk.now = work.due
    await asyncio.wait_for(parking.run(trying.stop), 30)
    assert await desk.told() == [("held", "paused"), ("applied", None)]
    assert await rows(desk) == []


@pytest.mark.parametrize("permanent", [True, False])
async def test_what_can_never_be_done_is_buried(desk: Desk, permanent: bool) -> None:
    """Its bytes are in the dead letters, and the row is gone."""

    def give_up(_delivery: Delivery) -> Disposition:
        if permanent:
            raise PermanentError("taken")
        return Dead("decode", "type: unknown")

    await tried(desk, give_up)
    [letter] = desk.broker.records(catalogue.DEAD_LETTERS)
    assert letter.value == a_hint(offset=3).value
    assert await rows(desk) == []


async def test_what_joined_while_it_was_tried_is_not_taken_out(desk: Desk) -> None:
    """The newer hint was not looked at: its row stays and is tried again."""
    parkings: list[Parking] = []
    joins: list[asyncio.Task[object]] = []

    async def join(delivery: Delivery) -> Disposition:
        if not joins:
            newer = Delivered((a_hint(offset=9),))
            joins.append(asyncio.ensure_future(parkings[0].park(newer, desk.now + timedelta(minutes=1), "denied")))
            await joins[0]
            trying.stop.set()
        return Skip("nothing_new")

    trying = Trying(desk)
    parkings.append(a_parking(desk, trying))
    parkings[0]._routes = {HINTS: Route(HINTS, join, lane=lane, collapse=True)}
    await parkings[0].park(Delivered((a_hint(offset=3),)), NOW, "denied")
    await asyncio.wait_for(parkings[0].run(trying.stop), 30)
    [work] = await rows(desk)
    assert work.joined == 2
