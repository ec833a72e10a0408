"""What grouped commits are worth, and what a directory of any size costs. Prints figures; asserts nothing.

python -m tests.bench.store_writes [folder on the disk to measure]
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from sqlalchemy import Connection

from daemon.store import directory, history, links, outbox, positions
from daemon.store.directory import ContactRecord, Node, Source
from daemon.store.store import Store
from daemon.store.workers import GROUP, Workers
from handlers.links import Link, Replica
from schemas.items import ScheduleItem

ITEM = ScheduleItem(subject="Review", notes="x" * 500, assign_to=("u-anna", "u-bob"))
TOPIC = "exchange.notifications"


@dataclass(frozen=True, slots=True)
class Position:
    """As the bus states it."""

    topic: str
    partition: int
    owner: str
    offset: int


def settle(tx: Connection, n: int) -> None:
    """What one event settles: position, link with two copies, command, outcome, history."""
    positions.save(tx, [Position(TOPIC, 0, "bench", offset=n + 1)])
    name = f"{n:064x}"
    copies = (
        Replica("anna@bank.example", "u-anna", f"AAMkAD{name}1"),
        Replica("bob@bank.example", "u-bob", f"AAMkAD{name}2"),
    )
    links.save(tx, Link(id=name, uid=name, agreed=ITEM, exchange=ITEM, replicas=copies))
    outbox.add(tx, topic="sync.crm-commands", key=name.encode(), value=b"x" * 900)
    outbox.add(tx, topic="sync.outcomes", key=name.encode(), value=b"x" * 900)
    history.add(tx, link=name, crm_id=None, uid=name, outcome_json="x" * 900, at=datetime(2026, 12, 1, tzinfo=UTC))


async def rate(store: Store, work: Callable[[Connection, int], object], *, units: int, at_once: int) -> float:
    """Units per second, so many waiting at once."""
    numbers = iter(range(units))

    async def lane() -> None:
        for n in numbers:
            await store.write(lambda tx, n=n: work(tx, n))  # type: ignore[misc]

    begun = perf_counter()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return units / (perf_counter() - begun)


async def measure_commits(folder: Path, *, group: int, units: int) -> float:
    """Settled events per second with transactions of at most `group` units."""
    store = await Store.open(f"sqlite:///{folder}/commits-{group}.sqlite")
    await store.write(lambda tx: positions.assign(tx, [(TOPIC, 0)], "bench"))
    store._writer.close()
    store._writer = Workers(store._writing, "store-writer", group=group)
    settled = await rate(store, settle, units=units, at_once=200)
    await store.close()
    return settled


def put_contact(tx: Connection, n: int) -> None:
    """One contact of a large directory, with an address of his own and one that he shares."""
    record = ContactRecord(
        id=f"c-{n}",
        emails=(f"contact{n}@client{n % 997}.example", f"office@client{n % 4999}.example"),
        node=f"branch-{n % 200}",
        coverage_users=("u-anna",),
    )
    directory.put_contact(tx, record, at=Source("crm.contacts", 0, n, version=1))


async def measure_directory(folder: Path, *, contacts: int) -> tuple[float, list[float]]:
    """Contacts read per second, and how long each of many look-ups for meetings of ten took, in milliseconds."""
    store = await Store.open(f"sqlite:///{folder}/directory.sqlite")
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


async def main(where: str | None) -> None:
    """All figures."""
    with tempfile.TemporaryDirectory(dir=where) as folder:
        grouped = await measure_commits(Path(folder), group=GROUP, units=10_000)
        alone = await measure_commits(Path(folder), group=1, units=2_000)
        contacts = int(os.environ.get("CONTACTS", "50000"))
        read, took = await measure_directory(Path(folder), contacts=contacts)
    sys.stdout.write(
        f"settled events per second, up to {GROUP} a transaction: {grouped:,.0f}\n"
        f"settled events per second, one a transaction:    {alone:,.0f}\n"
        f"contacts read per second into the directory:     {read:,.0f}\n"
        f"look-up of ten addresses among {contacts:,} contacts: "
        f"{took[len(took) // 2]:.2f} ms median, {took[int(len(took) * 0.99)]:.2f} ms p99\n"
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
