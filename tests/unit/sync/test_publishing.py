"""The publisher: in order per key, each arrival told, nothing lost and nothing in the way of others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from daemon.bus.port import Undeliverable
from daemon.store import outbox
from daemon.sync import publishing
from schemas import catalogue
from tests.unit.sync.parts import Desk, until

COMMANDS, OUTCOMES = catalogue.COMMANDS, catalogue.OUTCOMES


async def put(desk: Desk, *records: tuple[str, bytes, bytes]) -> list[int]:
    """Puts records (topic, key, value) into the outbox; their numbers."""
    return await desk.store.write(lambda tx: [outbox.add(tx, topic=t, key=k, value=v) for t, k, v in records])


async def left(desk: Desk) -> list[bytes | None]:
    """What still waits in the outbox."""
    return [row.value for row in await desk.store.read(lambda tx: outbox.waiting(tx, 100))]


async def test_records_of_one_key_arrive_in_their_order(desk: Desk) -> None:
    """However many keys there are, and however many records at once."""
    numbers = await put(desk, *((COMMANDS, b"link-%d" % (n % 3), b"%d" % n) for n in range(30)))
    async with desk.publishing():
        await desk.publisher.arrival(numbers)
    for key in range(3):
        values = [int(r.value or b"") for r in desk.broker.records(COMMANDS) if r.key == b"link-%d" % key]
        assert values == list(range(key, 30, 3))
    assert await left(desk) == []


async def test_a_command_is_acknowledged_before_its_outcome_is_published(desk: Desk) -> None:
    """While the broker is slow with the command of one link, its outcome waits; another link's goes."""
    slow = desk.broker.faults.hang("send")
    numbers = await put(
        desk, (COMMANDS, b"a", b"command"), (OUTCOMES, b"a", b"outcome"), (OUTCOMES, b"b", b"another link's")
    )
    async with desk.publishing():
        await until(lambda: bool(desk.published(OUTCOMES)))
        assert desk.published(OUTCOMES) == [b"another link's"]
        slow.set()
        await desk.publisher.arrival(numbers)
    assert desk.published(COMMANDS) == [b"command"]
    assert sorted(desk.published(OUTCOMES)) == [b"another link's", b"outcome"]


async def test_who_asks_after_the_arrival_is_told_at_once(desk: Desk) -> None:
    """The record was published before whoever committed it could ask."""
    [number] = await put(desk, (COMMANDS, b"a", b"command"))
    async with desk.publishing():
        await until(lambda: desk.published(COMMANDS) == [b"command"] and desk.publisher.waiting == 0)
        await asyncio.wait_for(desk.publisher.arrival([number]), 30)


async def test_nothing_to_wait_for_is_no_wait(desk: Desk) -> None:
    """A unit of work that put nothing out is acknowledged as it is."""
    assert desk.publisher.expect([]) is None


async def test_a_record_that_no_topic_takes_is_put_aside(desk: Desk) -> None:
    """Its key's next record is published, and whoever waits for it is not held up for ever."""
    too_large = b"x" * (catalogue.topic(COMMANDS).max_bytes + 1)
    numbers = await put(desk, (COMMANDS, b"a", too_large), (OUTCOMES, b"a", b"outcome"))
    async with desk.publishing():
        await asyncio.wait_for(desk.publisher.arrival(numbers), 30)
    assert desk.published(COMMANDS) == []
    assert desk.published(OUTCOMES) == [b"outcome"]
    assert await desk.store.read(outbox.parked) == {"too_large": 1}


async def test_what_the_broker_did_not_take_is_sent_again_in_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure the key waits with all that is behind it; nothing overtakes and nothing is lost."""
    monkeypatch.setattr(publishing, "_AFTER_FAILURE", timedelta())
    desk.broker.faults.fail("send", Undeliverable("no answer"), times=3)
    numbers = await put(desk, *((COMMANDS, b"a", b"%d" % n) for n in range(5)))
    async with desk.publishing():
        await asyncio.wait_for(desk.publisher.arrival(numbers), 30)
    assert desk.published(COMMANDS) == [b"%d" % n for n in range(5)]


async def test_a_key_that_is_stuck_holds_up_no_other_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others' second records do not wait for its first, and its second does not overtake."""
    monkeypatch.setattr(publishing, "_AFTER_FAILURE", timedelta())
    desk.broker.faults.fail("send", Undeliverable("no answer"))
    records = [(COMMANDS, key, key + number) for number in (b"1", b"2") for key in (b"a", b"b", b"c")]
    taken: list[bytes] = []
    append = desk.broker.append

    def noted(topic: str, *, value: bytes, **others: Any) -> None:
        taken.append(value)
        append(topic, value=value, **others)

    monkeypatch.setattr(desk.broker, "append", noted)
    numbers = await put(desk, *records)
    async with desk.publishing():
        await asyncio.wait_for(desk.publisher.arrival(numbers), 30)
    assert taken == [b"b1", b"c1", b"b2", b"c2", b"a1", b"a2"]


async def test_what_may_have_arrived_is_sent_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The acknowledgement was lost: twice in the topic is better than not at all, for ids tell (the contract)."""
    monkeypatch.setattr(publishing, "_AFTER_FAILURE", timedelta())
    desk.broker.faults.fail("send", Undeliverable("reply lost"), after=True)
    numbers = await put(desk, (COMMANDS, b"a", b"command"))
    async with desk.publishing():
        await asyncio.wait_for(desk.publisher.arrival(numbers), 30)
    assert desk.published(COMMANDS) == [b"command", b"command"]


async def test_stopping_empties_the_outbox_first(desk: Desk) -> None:
    """What was settled last is published, also what a crash had left before."""
    await put(desk, (COMMANDS, b"a", b"left by a crash"))
    desk.publisher.stop()
    await put(desk, (COMMANDS, b"b", b"settled last"))
    await asyncio.wait_for(desk.publisher.run(), 30)
    assert sorted(desk.published(COMMANDS)) == [b"left by a crash", b"settled last"]
    assert await left(desk) == []


async def test_stopping_does_not_wait_for_a_broker_that_is_away(desk: Desk) -> None:
    """What cannot be published stays for the next start."""
    desk.broker.faults.fail("send", Undeliverable("no answer"), times=100)
    await put(desk, (COMMANDS, b"a", b"command"))
    desk.publisher.stop()
    await asyncio.wait_for(desk.publisher.run(), 30)
    assert await left(desk) == [b"command"]


async def test_what_was_left_behind_is_carried_over_when_the_outbox_has_been_empty(desk: Desk) -> None:
    """What a crash left in the outbox is with the broker before the group is told of what was finished."""
    await put(desk, (catalogue.OUTCOMES, b"k", b"left behind"))
    carried_over = asyncio.ensure_future(desk.publisher.carried_over())
    await asyncio.sleep(0)
    assert not carried_over.done(), "nobody publishes yet"
    running = asyncio.ensure_future(desk.publisher.run())
    await carried_over
    assert await left(desk) == []
    desk.publisher.stop()
    await running
