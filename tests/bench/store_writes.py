"""What grouped commits are worth, and what a directory of any size costs, on SQLite and on PostgreSQL.

Both sync every commit to disk; PostgreSQL is a process on this machine, so that no network is in its figures. Prints
figures; asserts nothing.

python -m tests.bench.store_writes [folder on the disk to measure]    (sizes: UNITS=5000 CONTACTS=20000)
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from time import perf_counter

from sqlalchemy import Connection

from daemon.store import directory, history, links, positions, postgres, sqlite
from daemon.store.directory import ContactRecord, Node, Source
from daemon.store.groups import Groups
from daemon.store.store import Store
from daemon.store.workers import WritersInLanes
from handlers.links import Link, Replica
from schemas.items import ScheduleItem
from tests.support.postgres import serving

ITEM = ScheduleItem(subject="Review", notes="x" * 500, assign_to=("u-anna", "u-bob"))
TOPIC = "exchange.notifications"
PARTITIONS = 12
UNITS = int(os.environ.get("UNITS", "5000"))


@dataclass(frozen=True, slots=True)
class Position:
    """As the bus states it."""

    topic: str
    partition: int
    owner: str
    offset: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """As an emitter writes it."""

    topic: str
    key: bytes
    value: bytes = b"x" * 900
    headers: tuple[tuple[str, bytes], ...] = ()


async def settle(store: Store, n: int) -> None:
    """What one event settles: position, link with two copies, command, outcome, history."""
    position = Position(TOPIC, n % PARTITIONS, "bench", offset=n + 1)
    await store.settle(lambda tx: _settle(tx, n), reached=position, lane=n % PARTITIONS)


def _settle(tx: Connection, n: int) -> list[Outgoing]:
    name = f"{n:064x}"
    copies = (
        Replica("anna@bank.example", "u-anna", f"AAMkAD{name}1"),
        Replica("bob@bank.example", "u-bob", f"AAMkAD{name}2"),
    )
    links.save(tx, Link(id=name, uid=name, agreed=ITEM, exchange=ITEM, replicas=copies))
    history.add(tx, link=name, crm_id=None, uid=name, outcome_json="x" * 900, at=datetime(2026, 12, 1, tzinfo=UTC))
    return [Outgoing("sync.crm-commands", name.encode()), Outgoing("sync.outcomes", name.encode())]


async def rate(store: Store, work: Callable[[Store, int], Awaitable[None]], *, units: int, at_once: int) -> float:
    """Units per second, so many waiting at once."""
    numbers = iter(range(units))

    async def lane() -> None:
        for n in numbers:
            await work(store, n)

    begun = perf_counter()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return units / (perf_counter() - begun)


async def measure_commits(url: str, *, group: int, units: int, writers: int) -> float:
    """Settled events per second with transactions of at most `group` units, by so many threads."""
    store = await Store.open(url)
    await store.write(lambda tx: positions.assign(tx, [(TOPIC, n) for n in range(PARTITIONS)], "bench"))
    store._writers.close()
    groups = Groups(store._writing, store.owner, store._database.collides)
    store._writers = WritersInLanes(groups, count=writers, at_most=group)
    settled = await rate(store, settle, units=units, at_once=200)
    await store.close()
    return settled


async def put_contact(store: Store, n: int) -> None:
    """One contact of a large directory, with an address of his own and one that he shares."""
    record = ContactRecord(
        id=f"c-{n}",
        emails=(f"contact{n}@client{n % 997}.example", f"office@client{n % 4999}.example"),
        node=f"branch-{n % 200}",
        coverage_users=("u-anna",),
    )
    source = Source("crm.contacts", 0, n, version=1)
    await store.write(lambda tx: directory.put_contact(tx, record, at=source), lane=n % PARTITIONS)


async def measure_directory(url: str, *, contacts: int) -> tuple[float, list[float]]:
    """Contacts read per second, and how long each of many look-ups for meetings of ten took, in milliseconds."""
    store = await Store.open(url)
    for n in range(200):
        node = Node(f"branch-{n}", f"branch-{n // 8}" if n else None)
        await store.write(lambda tx, n=n, node=node: directory.put_node(tx, node, at=Source("crm.nodes", 0, n)))  # type: ignore[misc]
    read = await rate(store, put_contact, units=contacts, at_once=200)
    took = []
    for n in range(500):
        known = [(n * 7919 + each * 104729) % contacts for each in range(10)]
        asked = [f"contact{each}@client{each % 997}.example" for each in known]
        begun = perf_counter()
        await store.read(lambda tx, asked=asked: directory.contacts_by_address(tx, asked))  # type: ignore[misc]
        took.append((perf_counter() - begun) * 1000)
    await store.close()
    return read, sorted(took)


async def measure(name: str, place: Callable[[], str], *, writers: int, group: int) -> None:
    """All figures of one database; `place` is a new one."""
    grouped = await measure_commits(place(), group=group, units=UNITS, writers=writers)
    alone = await measure_commits(place(), group=1, units=UNITS // 5, writers=writers)
    contacts = int(os.environ.get("CONTACTS", "20000"))
    read, took = await measure_directory(place(), contacts=contacts)
    sys.stdout.write(
        f"{name}\n"
        f"  settled events per second, up to {group:>3} a transaction: {grouped:,.0f}\n"
        f"  settled events per second, one a transaction:       {alone:,.0f}\n"
        f"  contacts read per second into the directory:     {read:,.0f}\n"
        f"  look-up of ten addresses among {contacts:,} contacts: "
        f"{took[len(took) // 2]:.2f} ms median, {took[int(len(took) * 0.99)]:.2f} ms p99\n"
    )


async def main(where: str | None) -> None:
    """SQLite, then PostgreSQL."""
    with tempfile.TemporaryDirectory(dir=where) as folder, serving() as server:
        numbers = count()
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        await measure("SQLite", lambda: f"sqlite:///{folder}/{next(numbers)}.sqlite", writers=1, group=sqlite.GROUP)
        for writers in (1, 4):
            await measure(f"PostgreSQL, {writers} writers", server.create, writers=writers, group=postgres.GROUP)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
