"""The condition of a store on PostgreSQL is told without making or changing anything."""

from __future__ import annotations

import pytest
from sqlalchemy import NullPool, create_engine, inspect, make_url, text

from daemon.store import condition
from daemon.store.condition import Tables
from daemon.store.errors import StoreTooNew, StoreUnusable
from daemon.store.store import Store


def executed(url: str, *statements: str) -> list[str]:
    """The tables there are when that is done."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.begin() as tx:
        for statement in statements:
            tx.execute(text(statement))
        return list(inspect(tx).get_table_names())


def test_an_empty_database_stays_empty(postgres_url: str) -> None:
    found = condition.of(postgres_url)
    assert (found.tables, found.obstacle, found.holder) == (Tables.ABSENT, "", "")
    assert executed(postgres_url) == []


async def test_one_of_this_version_and_of_a_newer_one(postgres_url: str) -> None:
    await (await Store.open(postgres_url)).close()
    assert condition.of(postgres_url).tables is Tables.CURRENT
    executed(postgres_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew, match="9999"):
        condition.of(postgres_url)


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    with pytest.raises(StoreUnusable) as refused:
        condition.of("postgresql://me:not-for-screens@127.0.0.1:1/sync")
    assert "127.0.0.1/sync cannot be used as a store" in str(refused.value)
    assert "not-for-screens" not in str(refused.value)
