"""Directories of any size, written by the bare driver: what ingests are measured by, and what look-ups are made in.

Same tables, same pragmas, same rows as the daemon writes for the same events; all is encoded beforehand.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from daemon import policies
from daemon.store.directory import ContactRecord, Node
from daemon.store.sqlite import PRAGMAS
from daemon.store.store import Store
from schemas import catalogue
from tests.bench.bank import settings_for

BATCH = 500
"""Contacts in a transaction: a whole poll of the bus."""
REGIONS, BRANCHES = 20, 1_000

Rows = list[tuple[object, ...]]

_HEADS = "INSERT INTO heads VALUES ('contact', ?, ?, 0, ?, 1, 0)"
_CONTACTS = "INSERT INTO contacts VALUES (?, ?, ?, 1, NULL, ?, ?, '[]', 'private', '[]', NULL, NULL)"
_ADDRESSES = "INSERT INTO contact_addresses VALUES (?, ?)"
_NODES = "INSERT INTO nodes VALUES (?, ?, ?)"
_READ = "INSERT INTO read_offsets VALUES (?, 0, ?) ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset"


def contact(number: int) -> ContactRecord:
    """A contact of one branch, with an address of his own and his office's."""
    return ContactRecord(
        id=f"c-{number}",
        emails=(f"client{number}@client.example", f"office{number}@client.example"),
        node=f"branch-{number % BRANCHES}",
        coverage_users=(f"u-{number % 50}",),
    )


def nodes() -> list[Node]:
    """A bank of regions, with branches in each."""
    return [
        Node("bank", None),
        *(Node(f"region-{number}", "bank") for number in range(REGIONS)),
        *(Node(f"branch-{number}", f"region-{number % REGIONS}") for number in range(BRANCHES)),
    ]


def path_of(node: Node) -> list[str]:
    """From the root down."""
    if node.parent is None:
        return [node.id]
    return ["bank", node.id] if node.parent == "bank" else ["bank", node.parent, node.id]


def empty(store: Path) -> None:
    """The tables."""
    asyncio.run(_opened_and_closed(store))


def made(store: Path, contacts: int) -> None:
    """A whole directory, without the users."""
    empty(store)
    with closing(connected(store)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_NODES, [(node.id, node.parent, json.dumps(path_of(node))) for node in nodes()])
        connection.execute("COMMIT")
        for start in range(0, contacts, 20 * BATCH):
            write(connection, encoded(range(start, min(start + 20 * BATCH, contacts))))


def encoded(numbers: Sequence[int]) -> tuple[Rows, Rows, Rows]:
    """The rows of some contacts: heads, contacts, addresses."""
    heads: Rows = []
    contacts: Rows = []
    addresses: Rows = []
    for number in numbers:
        one = contact(number)
        emails = json.dumps(one.emails, separators=(",", ":"))
        heads.append((one.id, catalogue.CONTACTS, number))
        contacts.append((one.id, emails, emails, one.node, json.dumps(one.coverage_users)))
        addresses += [(address, one.id) for address in one.emails]
    return heads, contacts, addresses


def write(connection: sqlite3.Connection, rows: tuple[Rows, Rows, Rows]) -> None:
    """One transaction."""
    heads, contacts, addresses = rows
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_HEADS, heads)
    connection.executemany(_CONTACTS, contacts)
    connection.executemany(_ADDRESSES, addresses)
    connection.execute(_READ, (catalogue.CONTACTS, int(str(heads[-1][-1])) + 1))
    connection.execute("COMMIT")


def connected(store: Path) -> sqlite3.Connection:
    """As the store's own connections are."""
    connection = sqlite3.connect(store, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(pragma)
    return connection


async def opened(store: Path) -> Store:
    """As a daemon opens it: by other rules for addresses it would index them all anew."""
    settings = settings_for(store)
    rules = policies.canonical_rules_of(settings)
    return await Store.open(settings.store.url, canonical=policies.canonical_of(settings), canonical_rules=rules)


async def _opened_and_closed(store: Path) -> None:
    await (await opened(store)).close()
