"""A store's condition is told without making, changing or locking it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from daemon.store import condition
from daemon.store.condition import Tables
from daemon.store.errors import StoreTooNew, StoreUnusable
from daemon.store.store import Store


def test_one_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = condition.of(f"sqlite:///{tmp_path}/store")
    assert (found.tables, found.obstacle, found.holder) == (Tables.ABSENT, "", "")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_obstacle(tmp_path: Path) -> None:
    assert (
        condition.of(f"sqlite:///{tmp_path}/missing/store").obstacle == f"{tmp_path}/missing is no folder that is there"
    )


def content(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


async def test_one_in_use_is_read_and_its_holder_named(tmp_path: Path) -> None:
    """And its daemon goes on; another could still not begin."""
    url = f"sqlite:///{tmp_path}/store"
    store = await Store.open(url)
    found = condition.of(url)
    assert found.tables is Tables.CURRENT
    assert found.holder.isdigit()
    await store.close()
    before = content(tmp_path)
    assert condition.of(url).holder == ""
    assert content(tmp_path) == before


async def marked(url: str, version: str) -> None:
    store = await Store.open(url)
    await store.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version}))
    await store.close()


async def test_one_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    await marked(f"sqlite:///{tmp_path}/store", "9999")
    with pytest.raises(StoreTooNew, match="9999"):
        condition.of(f"sqlite:///{tmp_path}/store")


async def test_one_of_an_older_version_is_told_and_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older than a version that has one more migration."""
    url = f"sqlite:///{tmp_path}/store"
    await (await Store.open(url)).close()
    monkeypatch.setattr("alembic.script.ScriptDirectory.get_current_head", lambda _self: "next")
    assert condition.of(url).tables is Tables.OLDER


@pytest.mark.parametrize("content", [b"no database at all " * 99, None])
def test_what_is_another_programs_is_not_taken(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "store"
    if content is None:
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE theirs (x)")
        other.close()
    else:
        file.write_bytes(content)
    before = file.read_bytes()
    with pytest.raises(StoreUnusable):
        condition.of(f"sqlite:///{file}")
    assert file.read_bytes() == before


async def test_a_place_with_an_odd_name_is_a_place(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a ä#;&%41"
    await (await Store.open(url)).close()
    assert condition.of(url).tables is Tables.CURRENT
