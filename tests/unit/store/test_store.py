"""Units of work: stored whole or not at all, one by one however many share a transaction."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, event, insert
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError

from daemon.store import history, links, meta, outbox
from daemon.store.errors import CommitFailed, StoreClosed
from daemon.store.store import Store, looking_on
from daemon.store.tables import links as links_table
from handlers.links import Link
from schemas.items import ScheduleItem

CANARY = "canary-7f3a"


class Refused(Exception):
    """A unit of work that changed its mind."""


def adds(topic: str) -> Callable[[Connection], int]:
    """A unit of work that leaves one record in the outbox."""
    return lambda tx: outbox.add(tx, topic=topic, key=b"k", value=b"v")


def adds_and_fails(tx: Connection) -> None:
    """A unit of work that leaves nothing."""
    outbox.add(tx, topic="failed", key=b"k", value=b"v")
    raise Refused


def topics(tx: Connection) -> list[str]:
    """What lies in the outbox."""
    return [row.topic for row in outbox.waiting(tx, 1000)]


class Held:
    """Keeps the writer busy until told otherwise, so that what is handed in meanwhile must wait together."""

    def __init__(self, store: Store) -> None:
        self._begun, self._go_on = threading.Event(), threading.Event()
        self.task = asyncio.create_task(store.write(self._work))

    def _work(self, tx: Connection) -> None:
        self._begun.set()
        assert self._go_on.wait(60)

    async def begun(self) -> None:
        """The writer is in our transaction."""
        await asyncio.to_thread(self._begun.wait, 60)

    def release(self) -> None:
        """The writer may go on."""
        self._go_on.set()


async def together(store: Store, *works: Callable[[Connection], object]) -> list[object]:
    """Hands units of work in so that they share a transaction; their answers, or errors."""
    held = Held(store)
    await held.begun()
    tasks = [asyncio.create_task(store.write(work)) for work in works]
    await asyncio.sleep(0)  # each has handed its work in
    held.release()
    await asyncio.wait([held.task])
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_unit_of_work_answers_once_it_can_be_read(store: Store) -> None:
    """What it returned comes back, and every reader sees it."""
    number = await store.write(adds("sync.outcomes"))

    assert number == 1
    assert await store.read(topics) == ["sync.outcomes"]


async def test_a_failing_unit_is_undone_alone(store: Store) -> None:
    """Its neighbours in the same transaction are stored; it hears its own error."""
    answers = await together(store, adds("a"), adds_and_fails, adds("b"))

    assert isinstance(answers[1], Refused)
    assert await store.read(topics) == ["a", "b"]


async def test_waiting_units_share_a_transaction(store: Store) -> None:
    """So many at most: one more that waits takes a second commit."""
    commits: list[Connection] = []
    event.listen(store._writing, "commit", commits.append)
    most = store._database.group

    await together(store, *(adds(f"t-{n}") for n in range(most + 1)))

    assert len(commits) == 3, "the one that held the writer, as many as there may be together, the last alone"
    assert await store.read(topics) == [f"t-{n}" for n in range(most + 1)], "in the order they were handed in"


async def test_a_unit_that_loses_the_transaction_lets_no_neighbour_be_stored_in_part(store: Store) -> None:
    """When the database ends the transaction of all, all hear of it and none is half stored."""

    def loses_it(tx: Connection) -> None:
        tx.exec_driver_sql("ROLLBACK")
        raise Refused

    def loses_it_silently(tx: Connection) -> None:
        tx.exec_driver_sql("ROLLBACK")

    for culprit in (loses_it, loses_it_silently):
        answers = await together(store, adds("before"), culprit, adds("after"))

        assert [type(answer) for answer in answers] == [CommitFailed] * 3
        assert await store.read(topics) == []
    await store.write(adds("later"))
    assert await store.read(topics) == ["later"]


async def test_a_commit_that_fails_is_told_to_everyone(store: Store) -> None:
    """The neighbours share the transaction, so they share its end."""

    def no(_: Connection) -> None:
        raise OSError("no space left")

    event.listen(store._writing, "commit", no)
    answers = await together(store, adds("a"), adds("b"))
    event.remove(store._writing, "commit", no)

    assert [type(answer) for answer in answers] == [CommitFailed] * 2
    assert await store.read(topics) == []


async def test_a_reader_sees_nothing_uncommitted(store: Store) -> None:
    """While a unit of work is under way, what it has written is not there for others."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(tx: Connection) -> None:
        outbox.add(tx, topic="uncommitted", key=b"k", value=b"v")
        begun.set()
        assert go_on.wait(60)

    writing = asyncio.create_task(store.write(slow))
    await asyncio.to_thread(begun.wait, 60)
    seen = await store.read(topics)
    go_on.set()
    await writing

    assert seen == []
    assert await store.read(topics) == ["uncommitted"]


async def test_a_reader_sees_one_state_however_long_it_reads(store: Store) -> None:
    """What is committed between two of its look-ups belongs to the next reading."""
    begun, go_on = threading.Event(), threading.Event()

    def twice(tx: Connection) -> tuple[list[str], list[str]]:
        before = topics(tx)
        begun.set()
        assert go_on.wait(60)
        return before, topics(tx)

    reading = asyncio.create_task(store.read(twice))
    await asyncio.to_thread(begun.wait, 60)
    await store.write(adds("meanwhile"))
    go_on.set()

    assert await reading == ([], [])


async def test_a_reader_cannot_write(store: Store) -> None:
    """All that is written goes through the one writer."""
    with pytest.raises(DatabaseError, match=r"read.?only"):
        await store.read(adds("sneaked"))

    assert await store.read(topics) == []


async def test_work_whose_caller_left_is_done_all_the_same(store: Store) -> None:
    """A cancelled caller must not take half a group with him."""
    held = Held(store)
    await held.begun()
    left, stays = asyncio.create_task(store.write(adds("left"))), asyncio.create_task(store.write(adds("stays")))
    await asyncio.sleep(0)
    left.cancel()
    held.release()
    await stays

    assert await store.read(topics) == ["left", "stays"]


async def test_closing_commits_what_was_handed_in(url: str) -> None:
    """And refuses what comes after."""
    store = await Store.open(url)
    held = Held(store)
    await held.begun()
    last = asyncio.create_task(store.write(adds("last")))
    await asyncio.sleep(0)
    closing = asyncio.create_task(store.close())
    held.release()
    await last
    await closing

    with pytest.raises(StoreClosed):
        await store.write(adds("too late"))
    with pytest.raises(StoreClosed):
        await store.read(topics)
    await store.close()
    again = await Store.open(url)
    assert await again.read(topics) == ["last"]
    await again.close()


async def test_a_closed_store_can_be_opened_again(url: str) -> None:
    """The lock goes with the one who held it."""
    for n in range(3):
        store = await Store.open(url)
        await store.write(adds(f"t-{n}"))
        await store.close()

    store = await Store.open(url)
    assert await store.read(topics) == ["t-0", "t-1", "t-2"]
    await store.close()


@pytest.mark.rule("PRIV-5")
async def test_errors_carry_no_content(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a constraint nor a value of the wrong kind makes the database quote what it was given."""
    caplog.set_level(logging.DEBUG)
    item = ScheduleItem(subject=CANARY, notes=CANARY)

    def breaks_a_constraint(tx: Connection) -> None:
        tx.execute(insert(links_table).values(id="l-1", uid=CANARY, agreed=item))

    def is_of_the_wrong_kind(tx: Connection) -> None:
        tx.execute(insert(links_table).values(id="l-1", uid=object(), content=CANARY))

    for work, kind in ((breaks_a_constraint, IntegrityError), (is_of_the_wrong_kind, DBAPIError)):
        with pytest.raises(kind) as failed:
            await store.write(work)
        assert CANARY not in f"{failed.value} {failed.value!r} {failed.value.__cause__}"
    assert CANARY not in caplog.text


async def test_the_generation_is_remembered(url: str) -> None:
    """Raised once per restored backup, for good."""
    store = await Store.open(url)
    assert store.generation == 0
    assert await store.raise_generation() == 1
    await store.close()

    store = await Store.open(url)
    assert store.generation == 1
    assert await store.read(meta.generation) == 1
    await store.close()


async def test_one_may_look_on_while_the_daemon_works(store: Store, url: str) -> None:
    """Reading needs no lock and disturbs nobody."""
    await store.write(lambda tx: links.save(tx, Link(id="l-1", uid="0400")))

    with looking_on(url) as tx:
        await store.write(adds("meanwhile"))
        assert links.by_uid(tx, "0400") is not None
        assert history.of(tx, "l-1") == ()
        with pytest.raises(DatabaseError, match=r"read.?only"):
            outbox.add(tx, topic="t", key=b"k", value=None)
