"""What is PostgreSQL's own: several processes on one store, a server that goes away, texts without content."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import product

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from daemon.store import directory, links, meta, outbox, positions, postgres, reports
from daemon.store.directory import Node, Source
from daemon.store.errors import CommitFailed, Fenced, Stale, StoreUnusable
from daemon.store.store import Store
from handlers.links import Link
from tests.support.postgres import Server
from tests.unit.store.test_positions import HINTS, at
from tests.unit.store.test_store import adds, topics

CANARY = "canary-7f3a"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """The server itself, under a name that is not the module's."""
    found: Server = request.getfixturevalue("postgres")
    return found


@pytest.fixture
def url(postgres_url: str) -> str:
    """These are about PostgreSQL."""
    return postgres_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """One daemon's store."""
    store = await Store.open(url)
    yield store
    await store.close()


@pytest.fixture
async def other(store: Store, url: str) -> AsyncIterator[Store]:
    """Another daemon's, on the same database."""
    other = await Store.open(url)
    yield other
    await other.close()


class Begun:
    """A unit of work that stops in the middle until it is told to go on."""

    def __init__(self) -> None:
        self._begun, self._go_on = threading.Event(), threading.Event()

    def wait(self) -> None:
        self._begun.set()
        assert self._go_on.wait(60)

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._begun.wait, 60)

    def go_on(self) -> None:
        self._go_on.set()


async def sometime(happens: Callable[[], Awaitable[object]]) -> None:
    """Returns when it does: a server ends the session of whoever left it in its own time, and tells nobody."""
    while not await happens():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_daemons_that_start_at_once_make_the_tables_once(url: str) -> None:
    """Whoever comes second finds them made."""
    stores = await asyncio.gather(*(Store.open(url) for _ in range(4)))

    assert len({store.owner for store in stores}) == 4
    for store in stores:
        assert await store.read(topics) == []
        await store.close()


async def test_a_claim_is_one_process_s_until_it_gives_it_back(store: Store, other: Store) -> None:
    """Nobody waits: who comes second is told so."""
    assert await store.claim("l-1")
    assert not await other.claim("l-1")
    assert await other.claim("l-2")

    store.release("l-1")
    assert await store.claim("l-3"), "what was asked for before is done before"
    assert await other.claim("l-1")


async def test_giving_back_what_one_does_not_have_takes_it_from_nobody(store: Store, other: Store) -> None:
    """As happens when it was broken off while it was being claimed."""
    assert await store.claim("l-1")
    other.release("l-1")

    assert not await other.claim("l-1")


async def test_a_claim_ends_with_its_process(store: Store, other: Store) -> None:
    """However it ended: the server sees that its session is gone."""
    assert await other.claim("l-1")
    await other.close()

    await sometime(lambda: store.claim("l-1"))


async def test_claims_are_made_again_when_the_connection_broke(
    store: Store, other: Store, server: Server, url: str
) -> None:
    """Who held a link holds it again, unless somebody else was faster."""
    assert await store.claim("l-1")
    server.disconnect(url)
    assert await store.claim("l-2")

    assert not await other.claim("l-1")


async def test_a_dead_one_s_records_are_adopted_whole_and_in_order(store: Store, other: Store) -> None:
    """Not those of one that lives."""
    for topic in ("a", "b", "c"):
        await other.write(lambda tx, topic=topic: outbox.add(tx, topic=topic, key=b"k", value=None, owner=other.owner))  # type: ignore[misc]
    assert await store.adopt() == 0
    assert await store.others_have(b"k")

    await other.close()

    await sometime(store.adopt)
    assert await store.adopt() == 0
    assert not await store.others_have(b"k")
    waiting = await store.read(lambda tx: outbox.waiting(tx, 10, owner=store.owner))
    assert [row.topic for row in waiting] == ["a", "b", "c"]


async def test_of_two_decisions_on_one_link_one_is_stored(store: Store, other: Store) -> None:
    """Also if both were made at once, the link new or known."""

    async def both(link: Link) -> list[object]:
        saving = (each.write(lambda tx: links.save(tx, link)) for each in (store, other))
        return await asyncio.gather(*saving, return_exceptions=True)

    for number, version in product(range(20), (0, 1)):
        results = await both(Link(id=f"l-{number}", uid=f"04{number:02}", version=version))

        assert sorted(type(result).__name__ for result in results) == [Link.__name__, Stale.__name__]


async def test_what_is_under_way_of_a_partition_is_waited_for_before_it_changes_hands(
    store: Store, other: Store
) -> None:
    """The next owner starts where the last one really ended, and that one can store nothing from then on."""
    await store.write(lambda tx: positions.assign(tx, HINTS, "one"))
    middle = Begun()

    def settle(tx: Connection) -> None:
        positions.save(tx, [at(7)])
        middle.wait()

    settling = asyncio.create_task(store.write(settle))
    await middle.begun()
    taking = asyncio.create_task(other.write(lambda tx: positions.assign(tx, HINTS, "two")))
    middle.go_on()
    await settling

    assert (await taking)[HINTS[0]] == 7
    with pytest.raises(Fenced):
        await store.write(lambda tx: positions.save(tx, [at(8)]))


async def test_a_state_is_reported_by_one_of_two(store: Store, other: Store) -> None:
    """Both see it at the same instant."""
    found = await asyncio.gather(
        *(each.write(lambda tx: reports.is_new(tx, "item:0400", "unreadable")) for each in (store, other))
    )

    assert sorted(found) == [False, True]


async def test_nodes_moved_side_by_side_have_their_paths(store: Store, other: Store) -> None:
    """A child in one daemon, its parent in another."""
    middle = Begun()

    def parent(tx: Connection) -> None:
        directory.put_node(tx, Node("branch", "bank"), at=Source("crm.nodes", 0, 1))
        middle.wait()

    await store.write(lambda tx: directory.put_node(tx, Node("bank", None), at=Source("crm.nodes", 0, 0)))
    moving = asyncio.create_task(store.write(parent))
    await middle.begun()
    child = asyncio.create_task(
        other.write(lambda tx: directory.put_node(tx, Node("desk", "branch"), at=Source("crm.nodes", 1, 0)))
    )
    middle.go_on()
    await asyncio.gather(moving, child)

    paths = await store.read(lambda tx: {row.id: row.path for row in tx.execute(text("SELECT id, path FROM nodes"))})
    assert paths["desk"] == '["bank","branch","desk"]'


def count(tx: Connection, name: str) -> None:
    """Changes a link, and so holds its row."""
    tx.execute(text("UPDATE links SET crm_version = crm_version + 1 WHERE id = :id"), {"id": name})


async def test_transactions_in_each_other_s_way_are_both_stored(store: Store, other: Store) -> None:
    """The database ends one of two that wait for each other; it is done again."""
    names = ("l-1", "l-2")
    for name in names:
        await store.write(lambda tx, name=name: links.save(tx, Link(id=name, uid=name)))  # type: ignore[misc]
    first_locks = threading.Barrier(2, timeout=60)
    attempts: list[str] = []

    def crosswise(first: str, second: str) -> Callable[[Connection], None]:
        def work(tx: Connection) -> None:
            is_again = first in attempts
            attempts.append(first)
            count(tx, first)
            if not is_again:
                first_locks.wait()
            count(tx, second)

        return work

    await asyncio.gather(store.write(crosswise(*names)), other.write(crosswise(*names[::-1])))

    versions = await store.read(lambda tx: list(tx.execute(text("SELECT crm_version FROM links")).scalars()))
    assert versions == [2, 2]
    assert len(attempts) > 2  # who is done again may, rarely, be in the way once more


async def test_a_server_that_restarts_costs_what_was_under_way_and_nothing_else(
    store: Store, server: Server, url: str
) -> None:
    """All in the transaction hear of it, and the next one works again; so do readers."""
    middle = Begun()

    def cut_off(tx: Connection) -> None:
        outbox.add(tx, topic="lost", key=b"k", value=None)
        middle.wait()
        outbox.add(tx, topic="lost too", key=b"k", value=None)

    await store.write(adds("kept"))
    writing = asyncio.create_task(store.write(cut_off))
    await middle.begun()
    server.disconnect(url)
    middle.go_on()

    with pytest.raises(CommitFailed):
        await writing
    for _ in range(postgres.READERS):  # each connection may have to find out for itself
        with suppress(CommitFailed):
            await store.read(topics)
    await store.write(adds("later"))
    assert await store.read(topics) == ["kept", "later"]


async def test_a_generation_raised_by_one_is_learnt_by_the_other(store: Store, other: Store) -> None:
    """Before it decides on any link."""
    assert await store.raise_generation() == 1

    assert not await other.others_have(b"l-1")
    assert other.generation == 1
    assert await other.read(meta.generation) == 1


@pytest.mark.rule("PRIV-5")
async def test_what_the_server_quotes_is_in_no_text(store: Store) -> None:
    """Details of constraints, and values that are no values."""
    await store.write(lambda tx: links.save(tx, Link(id="l-1", uid=CANARY)))
    statements = (
        f"INSERT INTO links SELECT 'l-2', uid, state, 1 FROM links WHERE uid = '{CANARY}'",
        "INSERT INTO meta (name, value) VALUES ('a', NULL)",
        "SELECT CAST(uid AS integer) FROM links",
    )

    for statement in statements:
        with pytest.raises(DBAPIError) as failed:
            await store.write(lambda tx, statement=statement: tx.execute(text(statement)))  # type: ignore[misc]
        assert CANARY not in f"{failed.value.orig} {failed.value.orig!r} {failed.value.args} {failed.value.__cause__}"


async def test_a_password_is_in_no_text() -> None:
    """Where the store is, people may know."""
    with pytest.raises(StoreUnusable, match=r"127\.0\.0\.1:1/exsyncd") as refused:
        await Store.open(f"postgresql://exsyncd:{CANARY}@127.0.0.1:1/exsyncd")

    assert CANARY not in str(refused.value)
