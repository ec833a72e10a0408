"""A store that a previous release left is opened with all that is in it."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from sqlalchemy import text

from daemon.store import links, outbox
from daemon.store.errors import StoreTooNew
from daemon.store.store import Store
from tests.unit.store.releases import LINK, PREVIOUS, RELEASES, check


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


@pytest.mark.parametrize("revision", RELEASES)
async def test_the_store_of_a_previous_release_is_opened_with_all_that_is_in_it(url: str, revision: str) -> None:
    """And goes on: numbers given once are not given again, the link can be changed."""
    restore(url, revision)

    store = await Store.open(url)
    await store.read(lambda tx: check(tx, revision))
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
