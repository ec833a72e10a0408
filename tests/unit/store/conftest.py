"""A store in a folder of its own, and a connection to empty tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from daemon.store import sqlite
from daemon.store.directory import CANONICAL
from daemon.store.store import Store
from daemon.store.tables import metadata
from schemas.addresses import normalise


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where a test's store is."""
    return f"sqlite:///{tmp_path}/store.sqlite"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """An open store."""
    store = await Store.open(url)
    yield store
    await store.close()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Empty tables, for all tests that undo what they did."""
    engine = sqlite.writing(tmp_path_factory.mktemp("tables") / "tables.sqlite")
    engine.update_execution_options(**{CANONICAL: normalise})
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def tx(engine: Engine) -> Iterator[Connection]:
    """A transaction on empty tables that is undone afterwards."""
    with engine.connect() as tx:
        yield tx
        tx.rollback()
