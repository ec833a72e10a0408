"""A store that the previous release left is opened with all that is in it.

`previous/REVISION.DATABASE.sql` are stores as a release with tables of that revision left them, as text. A release adds
its own; none is ever changed.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from daemon.store import directory, history, links, meta, outbox, parked, positions
from daemon.store.directory import ContactRecord, Node, Source
from daemon.store.errors import StoreTooNew
from daemon.store.store import Store
from handlers.facts import User
from handlers.links import Link, Replica
from schemas.items import ForEntry, ScheduleItem
from tests.unit.store.test_positions import Position

PREVIOUS = Path(__file__).parent / "previous"
REVISIONS = ("0001",)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ITEM = ScheduleItem(subject="Review", start=NOON, end=NOON + timedelta(hours=1), for_=(ForEntry("c-7"),))
COPY = Replica("anna@bank.example", "u-anna", "AAMkAD-1")
LINK = Link(id="l-1", uid="0400", crm_id="si-1", revision=2**32 + 3, agreed=ITEM, exchange=ITEM, replicas=(COPY,))
ANNA = User(id="u-anna", name="Anna", addresses=("anna@bank.example",), mailbox="anna@bank.example")
HINTS = ("exchange.notifications", 3)


def fill(tx: Connection) -> None:
    """Something of everything that must outlive an upgrade."""
    links.save(tx, LINK)
    outbox.add(tx, topic="sync.crm-commands", key=b"l-1", value=b"\x00\xff{}", headers=(("ce_id", b"c-1"),))
    parked.park(tx, key="p-1", kind="hint", due=NOON, reason="denied", payload=b"{}", asked="held", waits_for="anna")
    positions.assign(tx, [HINTS], "one")
    positions.save(tx, [Position(*HINTS, "one", offset=17)])
    directory.put_node(tx, Node("bank", None), at=Source("crm.nodes", 0, 0))
    directory.put_user(tx, ANNA, at=Source("crm.users", 0, 0))
    contact = ContactRecord(id="c-7", emails=("carla@client.example",), node="bank")
    directory.put_contact(tx, contact, at=Source("crm.contacts", 0, 0))
    directory.put_options(tx, "system", {"for_contacts.inbound": True}, at=Source("crm.options", 0, 0))
    history.add(tx, link="l-1", crm_id="si-1", uid="0400", outcome_json='{"result":"applied"}', at=NOON)
    meta.raise_generation(tx)


def check(tx: Connection) -> None:
    """All that `fill` put there is there."""
    found = links.by_uid(tx, "0400")
    assert found is not None
    assert (found.agreed, found.exchange, found.replicas, found.revision) == (ITEM, ITEM, (COPY,), 2**32 + 3)
    (waiting,) = outbox.waiting(tx, 10)
    assert (waiting.value, waiting.headers) == (b"\x00\xff{}", (("ce_id", b"c-1"),))
    (work,) = parked.due(tx, NOON, 10)
    assert (work.key, work.due, work.asked, work.waits_for) == ("p-1", NOON, ("held",), "anna")
    assert positions.known(tx) == {HINTS: 17}
    assert directory.user_of_mailbox(tx, "anna@bank.example") == ANNA
    (contact,) = directory.contacts_by_address(tx, ["carla@client.example"])["carla@client.example"]
    assert (contact.id, contact.node_path) == ("c-7", ("bank",))
    assert directory.options_of(tx, ["system"]) == {"system": {"for_contacts.inbound": True}}
    assert [entry.outcome for entry in history.of(tx, "si-1")] == ['{"result":"applied"}']
    assert meta.generation(tx) == 1


def restore(url: str, revision: str) -> None:
    """Puts the store of a revision where the URL says."""
    kind = url.partition(":")[0]
    script = (PREVIOUS / f"{revision}.{kind}.sql").read_text()
    if kind == "sqlite":
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.executescript(script)
        connection.close()
        return
    with psycopg.connect(url) as tx:
        tx.execute(script.encode())


@pytest.mark.parametrize("revision", REVISIONS)
async def test_the_store_of_a_previous_release_is_opened_with_all_that_is_in_it(url: str, revision: str) -> None:
    """And goes on: numbers given once are not given again, the link can be changed."""
    restore(url, revision)

    store = await Store.open(url)
    await store.read(check)
    added = await store.write(lambda tx: outbox.add(tx, topic="t", key=b"k", value=None))
    saved = await store.write(lambda tx: links.save(tx, links.by_id(tx, "l-1") or LINK))
    generation = store.generation
    await store.close()

    assert (added, saved.version, generation) == (2, 2, 1)


async def test_the_store_of_a_later_release_is_refused(url: str) -> None:
    """With what to do about it, and nothing touched."""
    store = await Store.open(url)
    await store.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    await store.close()

    with pytest.raises(StoreTooNew, match=r"newer version .*9999.* Run that version, or restore a backup"):
        await Store.open(url)
