"""What is SQLite's own: one file, one daemon, for nobody else's eyes."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from daemon.store import outbox, sqlite
from daemon.store.errors import CommitFailed, StoreInUse, StoreTooNew, StoreUnusable
from daemon.store.store import Store, looking_on
from tests.unit.store.test_store import adds, topics


@pytest.fixture
def url(sqlite_url: str) -> str:
    """These are about files."""
    return sqlite_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """An open store."""
    store = await Store.open(url)
    yield store
    await store.close()


def modes_in(folder: Path) -> dict[str, int]:
    """Who may read each file of a folder."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_a_full_disk_fails_who_needs_room_and_the_store_goes_on_afterwards(store: Store) -> None:
    """Nothing that was answered is lost, and once there is room again, work is stored again."""
    await store.write(adds("kept"))
    await store.write(lambda tx: tx.exec_driver_sql("PRAGMA max_page_count=1"))

    with pytest.raises((OperationalError, CommitFailed)):
        await store.write(lambda tx: outbox.add(tx, topic="large", key=b"k", value=bytes(1_000_000)))
    await store.write(lambda tx: tx.exec_driver_sql("PRAGMA max_page_count=1000000"))
    await store.write(adds("later"))

    assert await store.read(topics) == ["kept", "later"]


async def test_a_second_daemon_on_the_same_file_is_refused(store: Store, url: str) -> None:
    """It says which file, which process, and what to do; the first one is not disturbed."""
    with pytest.raises(StoreInUse, match=rf"store\.sqlite is in use .* \(process {os.getpid()}\)"):
        await Store.open(url)

    await store.write(adds("undisturbed"))
    assert await store.read(topics) == ["undisturbed"]


async def test_a_link_to_the_file_is_the_same_file(store: Store, tmp_path: Path) -> None:
    """Another name does not let a second daemon in."""
    (tmp_path / "alias.sqlite").symlink_to(tmp_path / "store.sqlite")

    with pytest.raises(StoreInUse):
        await Store.open(f"sqlite:///{tmp_path}/alias.sqlite")


@pytest.mark.rule("PRIV-5")
async def test_nobody_else_may_read_the_files(url: str, tmp_path: Path) -> None:
    """Also where they lay open before, and whatever the process's mask."""
    (tmp_path / "store.sqlite").touch(0o644)
    (tmp_path / "store.sqlite").chmod(0o644)
    mask = os.umask(0)
    try:
        store = await Store.open(url)
        await store.write(adds("t"))
        modes = modes_in(tmp_path)
        await store.close()
    finally:
        os.umask(mask)

    assert {"store.sqlite", "store.sqlite-wal", "store.sqlite.lock"} <= modes.keys()
    assert set(modes.values()) == {0o600}


async def test_what_is_committed_is_synced_to_disk(store: Store) -> None:
    """Both kinds of connections are as the store needs them; a full sync at each commit is the promise of `write`."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10000, "temp_store": 2}

    def pragmas(tx: Connection) -> dict[str, object]:
        return {name: tx.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}

    assert await store.write(pragmas) == wanted
    assert await store.read(pragmas) == wanted


async def test_a_store_of_a_newer_version_is_refused_untouched(url: str, tmp_path: Path) -> None:
    """An older program would not know what it must keep."""
    store = await Store.open(url)
    await store.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    await store.close()
    before = (tmp_path / "store.sqlite").read_bytes()

    with pytest.raises(StoreTooNew, match="9999"):
        await Store.open(url)

    assert (tmp_path / "store.sqlite").read_bytes() == before


async def test_a_place_with_an_odd_name_is_a_place(tmp_path: Path) -> None:
    """Nothing in a path means anything but itself."""
    folder = tmp_path / "a ä#;&"
    await asyncio.to_thread(folder.mkdir)

    store = await Store.open(f"sqlite:///{folder}/store.sqlite")
    await store.write(adds("t"))
    await store.close()

    assert "store.sqlite" in modes_in(folder)


async def test_what_a_crash_left_is_ours_alone_again(url: str, tmp_path: Path) -> None:
    """The journal holds content too."""
    for name in ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o666)

    store = await Store.open(url)
    modes = modes_in(tmp_path)
    await store.close()

    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://db/exsyncd", "in mysql: use sqlite:///PATH"),
        ("sqlite://", "give it a file"),
        ("sqlite:///:memory:", "give it a file"),
        ("sqlite:////no/such/folder/store.sqlite", "No such file or directory"),
    ],
)
async def test_an_impossible_place_is_refused_with_a_reason(url: str, says: str) -> None:
    """Each says what is wrong in words for the operator."""
    with pytest.raises(StoreUnusable, match=says):
        await Store.open(url)


async def test_a_file_that_is_no_database_is_refused(url: str, tmp_path: Path) -> None:
    """It is left as it was, and its lock is free again."""
    (tmp_path / "store.sqlite").write_bytes(b"no database at all" * 100)

    for _ in range(2):
        with pytest.raises(StoreUnusable, match="not a database"):
            await Store.open(url)

    assert (tmp_path / "store.sqlite").read_bytes() == b"no database at all" * 100


def test_there_must_be_something_to_look_at(url: str, tmp_path: Path) -> None:
    """Looking makes no store where there was none, and does not bring one up to date."""
    with pytest.raises(StoreUnusable, match="there is no store"), looking_on(url):
        pass
    assert list(tmp_path.iterdir()) == []

    sqlite.make_private(tmp_path / "store.sqlite")
    with pytest.raises(StoreUnusable, match="older version"), looking_on(url):
        pass
