"""Contacts a second into the directory, beside SQLite's bare `executemany`: same schema, batches and pragmas.

Ours finds out which of the records count, brings addresses into their canonical form, encodes and indexes; the floor
has its rows encoded beforehand and inserts them. Rounds of the two take turns.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import closing
from pathlib import Path

from daemon.store import directory
from daemon.store.directory import Source
from schemas import catalogue
from tests.bench import directories
from tests.bench.directories import BATCH
from tests.bench.rows import Row, ratio_at_least, say

CONTACTS = 40_000
ROUNDS = 3
MISSED = (
    "of 16 us a contact SQLite has 9, as many as the floor's three inserts (many rows a statement make up for more "
    "columns bound, for upserts and for a look at the heads), and the goal leaves 5 for all else: canonical addresses "
    "take 2, JSON and binding 2, which records count and their rows 1.5, a writer's thread and back 1"
)


def rows(quick: bool) -> list[Row]:
    """The store's own, and that of the whole daemon, which also reads and checks the events."""
    contacts = CONTACTS // (10 if quick else 1)
    ours = floor = 0.0
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        for number in range(1 if quick else ROUNDS):
            by_driver = bare(Path(place) / f"bare-{number}.sqlite", contacts)
            by_store = asyncio.run(stored(Path(place) / f"ours-{number}.sqlite", contacts))
            say(f"  round {number}  bare {by_driver:>8,.0f}  ours {by_store:>8,.0f} contacts/s")
            ours, floor = max(ours, by_store), max(floor, by_driver)
    return [Row("directory ingest / executemany", ours, floor, "contacts/s", (ratio_at_least(0.7),), MISSED)]


def bare(store: Path, contacts: int) -> float:
    """Contacts a second by the driver alone."""
    directories.empty(store)
    batches = [directories.encoded(range(start, start + BATCH)) for start in range(0, contacts, BATCH)]
    with closing(directories.connected(store)) as connection:
        began = time.perf_counter()
        for batch in batches:
            directories.write(connection, batch)
        return contacts / (time.perf_counter() - began)


async def stored(place: Path, contacts: int) -> float:
    """Contacts a second by the store."""
    store = await directories.opened(place)
    everybody = [(directories.contact(number), Source(catalogue.CONTACTS, 0, number, 1)) for number in range(contacts)]
    began = time.perf_counter()
    for start in range(0, contacts, BATCH):
        records = everybody[start : start + BATCH]
        await store.write(lambda tx, records=records: directory.put_contacts(tx, records))  # type: ignore[misc]
    took = time.perf_counter() - began
    await store.close()
    return contacts / took
