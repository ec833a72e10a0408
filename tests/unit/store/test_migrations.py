"""The migrations lead from nothing to the tables the code knows."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from daemon.store import migrating, sqlite
from daemon.store.tables import metadata


def names(tx: Connection) -> set[str]:
    """The tables there are."""
    return set(inspect(tx).get_table_names())


def schema(tx: Connection) -> dict[str, object]:
    """All that can be told of the tables."""
    seen = inspect(tx)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(table)],
            seen.get_pk_constraint(table),
            sorted(map(str, seen.get_unique_constraints(table))),
            sorted(map(str, seen.get_foreign_keys(table))),
            sorted(map(str, seen.get_indexes(table))),
        )
        for table in names(tx) - {"alembic_version"}
    }


def test_from_nothing_to_what_the_code_knows(tmp_path: Path) -> None:
    """Alembic finds no difference, and neither does a look at every column, key and index."""
    migrated, made = sqlite.writing(tmp_path / "migrated"), sqlite.writing(tmp_path / "made")
    with migrated.begin() as tx, made.begin() as other:
        migrating.upgrade(tx)
        metadata.create_all(other)

        assert compare_metadata(MigrationContext.configure(tx), metadata) == []
        assert schema(tx) == schema(other)
        assert names(tx) == set(metadata.tables) | {"alembic_version"}
    migrated.dispose()
    made.dispose()


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    """It runs at every start."""
    engine = sqlite.writing(tmp_path / "store")
    with engine.begin() as tx:
        migrating.upgrade(tx)
        before = schema(tx)
    with engine.begin() as tx:
        migrating.upgrade(tx)
        migrating.verify(tx)

        assert schema(tx) == before
    engine.dispose()


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    """Tables are made in the transaction too, which this driver does not do by itself."""
    engine = sqlite.writing(tmp_path / "store")
    with engine.connect() as tx:
        migrating.upgrade(tx)
        assert "links" in names(tx)
        tx.rollback()

    with engine.begin() as tx:
        assert names(tx) == set()
    engine.dispose()
