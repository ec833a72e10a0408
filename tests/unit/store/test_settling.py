"""Settling: position, work and records of an event are stored together, however many share a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection

from daemon.store import meta, outbox, positions
from daemon.store.errors import CommitFailed, Fenced
from daemon.store.outbox import Outgoing, Waiting
from daemon.store.store import Store
from tests.unit.store.test_positions import Position
from tests.unit.store.test_store import Held, Refused

HINTS, USERS = "exchange.notifications", "crm.users"
Work = Callable[[Connection], Sequence[Outgoing] | None]


def at(offset: int, *, topic: str = HINTS, owner: str = "ours") -> Position:
    """So far has a partition got."""
    return Position(topic, 0, owner, offset)


def puts_out(*topics: str) -> Work:
    """A unit of work that stores something and puts out a record a topic."""

    def work(tx: Connection) -> list[Waiting]:
        meta.raise_generation(tx)
        return [Waiting(0, topic, b"k", b"v", headers=(("ce_id", b"1"),)) for topic in topics]

    return work


def refuses(tx: Connection) -> None:
    """A unit of work that changed its mind after it stored something."""
    meta.raise_generation(tx)
    raise Refused


async def own(store: Store) -> None:
    """Both partitions are ours."""
    await store.write(lambda tx: positions.assign(tx, [(HINTS, 0), (USERS, 0)], "ours"))


async def together(store: Store, *units: tuple[Work, Position | None]) -> list[object]:
    """Settles in one transaction; the answers, or errors."""
    held = Held(store)
    await held.begun()
    tasks = [asyncio.create_task(store.settle(work, reached=reached, lane=None)) for work, reached in units]
    await asyncio.sleep(0)  # each has handed its work in
    held.release()
    await asyncio.wait([held.task])
    return await asyncio.gather(*tasks, return_exceptions=True)


async def stored(store: Store) -> tuple[list[str], dict[tuple[str, int], int], int]:
    """What waits in the outbox, where the partitions stand, and how many units were stored."""
    topics = [row.topic for row in await waiting(store)]
    return topics, await store.read(positions.known), await store.read(meta.generation)


async def waiting(store: Store) -> tuple[Waiting, ...]:
    """What waits in the outbox."""
    return await store.read(lambda tx: outbox.waiting(tx, 100, owner=store.owner))


async def test_records_are_put_out_in_the_order_of_their_units(store: Store) -> None:
    """Each hears of the numbers of its own; they only grow, whatever was removed meanwhile."""
    await own(store)
    answers = await together(store, (puts_out("a", "b"), at(1)), (puts_out(), at(2)), (puts_out("c"), at(3)))
    assert answers == [[1, 2], [], [3]]
    assert await stored(store) == (["a", "b", "c"], {(HINTS, 0): 3}, 3)

    await store.write(lambda tx: outbox.remove(tx, [1, 2, 3]))
    assert await together(store, (puts_out("d"), at(4)), (puts_out("e"), None)) == [[4], [5]]
    assert (await stored(store))[0] == ["d", "e"]


async def test_of_many_positions_the_furthest_of_each_partition_is_stored(store: Store) -> None:
    """In whatever order their units wait."""
    await own(store)
    await together(store, *((puts_out(), at(n)) for n in (3, 7, 5)), (puts_out(), at(2, topic=USERS)))
    assert (await stored(store))[1] == {(HINTS, 0): 7, (USERS, 0): 2}


async def test_a_unit_that_fails_takes_its_position_with_it(store: Store) -> None:
    """Its neighbours are stored once, with theirs: nobody skips what was not settled."""
    await own(store)
    answers = await together(store, (puts_out("a"), at(1)), (refuses, at(9)), (puts_out("b"), at(2)))
    assert isinstance(answers[1], Refused)
    assert [answers[0], answers[2]] == [[row.id] for row in await waiting(store)]
    assert await stored(store) == (["a", "b"], {(HINTS, 0): 2}, 2)


async def test_who_lost_a_partition_is_fenced_alone(store: Store) -> None:
    """Whether it is alone in its transaction or not; nothing of it is stored."""
    await own(store)
    zombie = at(9, topic=USERS, owner="zombie")
    answers = await together(store, (puts_out("a"), at(1)), (puts_out("zombie"), zombie), (puts_out("b"), at(2)))
    assert isinstance(answers[1], Fenced)
    with pytest.raises(Fenced):
        await store.settle(puts_out("zombie"), reached=zombie, lane=None)
    assert await stored(store) == (["a", "b"], {(HINTS, 0): 2}, 2)


async def test_a_record_that_cannot_be_stored_fails_its_own_unit(store: Store) -> None:
    """All records of a transaction are written at once; it is found out whose it is."""
    await own(store)
    answers = await together(store, (puts_out("a"), at(1)), (puts_out("b", None), at(9)), (puts_out("c"), at(2)))  # type: ignore[arg-type]
    assert isinstance(answers[1], Exception)
    assert await stored(store) == (["a", "c"], {(HINTS, 0): 2}, 2)


async def test_nothing_to_put_out_is_told_from_no_news(store: Store) -> None:
    """None is the work's own answer; its position counts all the same."""
    await own(store)
    assert await store.settle(lambda _tx: None, reached=at(1), lane=None) is None
    assert await together(store, (lambda _tx: None, at(2)), (puts_out("a"), at(3))) == [None, [1]]
    assert (await stored(store))[1] == {(HINTS, 0): 3}


async def test_a_transaction_that_is_lost_is_told_to_all(store: Store) -> None:
    """None of them is half stored."""

    def loses_it(tx: Connection) -> list[Waiting]:
        tx.exec_driver_sql("ROLLBACK")
        return []

    await own(store)
    answers = await together(store, (puts_out("a"), at(1)), (loses_it, at(2)), (puts_out("b"), at(3)))
    assert [type(answer) for answer in answers] == [CommitFailed] * 3
    assert await stored(store) == ([], {}, 0)
