"""A store of its own for every test, on each database; and a connection to empty tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from daemon.store import postgres as on_postgres
from daemon.store import sqlite
from daemon.store.directory import CANONICAL
from daemon.store.store import Store
from daemon.store.tables import metadata
from schemas.addresses import normalise
from tests.support.postgres import Server

DATABASES = ("sqlite", "postgresql")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file of the test's own."""
    return f"sqlite:///{tmp_path}/store.sqlite"


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """Where a test's store is."""
    place: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return place


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """An open store."""
    store = await Store.open(url)
    yield store
    await store.close()


@pytest.fixture(scope="session", params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Empty tables, for all tests that undo what they did."""
    if request.param == "sqlite":
        yield from _with_tables(sqlite.writing(tmp_path_factory.mktemp("tables") / "tables.sqlite"))
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.create()
    yield from _with_tables(on_postgres.writing(url, size=1))
    server.drop(url)


@pytest.fixture
def tx(engine: Engine) -> Iterator[Connection]:
    """A transaction on empty tables that is undone afterwards."""
    with engine.connect() as tx:
        yield tx
        tx.rollback()


def _with_tables(engine: Engine) -> Iterator[Engine]:
    engine.update_execution_options(**{CANONICAL: normalise})
    metadata.create_all(engine)
    yield engine
    engine.dispose()
