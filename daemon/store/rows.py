"""The rows of a table by their key, with statements built once.

PostgreSQL's upsert is SQLite's too: its construct compiles for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, Table, bindparam, delete, select
from sqlalchemy.dialects.postgresql import Insert, insert

AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"

BATCHES = (1, 8, 64)
"""How many values an IN list may hold: few lengths, so that the database meets few different statements."""


class Rows:
    """One table, one row per key."""

    def __init__(self, table: Table) -> None:
        match = [column == bindparam(f"key_{column.name}") for column in table.primary_key]
        self._select = select(table).where(*match)
        self._upsert = upsert(table)
        self._delete = delete(table).where(*match)

    def get(self, tx: Connection, **key: Any) -> AnyRow | None:
        """The row with this key."""
        return tx.execute(self._select, _prefixed(key)).one_or_none()

    def put(self, tx: Connection, **row: Any) -> None:
        """Stores a whole row in place of the one with its key, if there is one."""
        tx.execute(self._upsert, row)

    def remove(self, tx: Connection, **key: Any) -> bool:
        """Whether there was such a row; there is none any more."""
        return tx.execute(self._delete, _prefixed(key)).rowcount > 0


def upsert(table: Table) -> Insert:
    """Stores a whole row, whether there is one with its key or not, in one statement: others may write side by side."""
    statement = insert(table)
    values = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    if not values:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


def batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    """The distinct values in lists of few different lengths; a short list is filled up with its last value."""
    distinct = list(dict.fromkeys(values))
    largest = BATCHES[-1]
    for start in range(0, len(distinct), largest):
        batch = distinct[start : start + largest]
        length = next(size for size in BATCHES if size >= len(batch))
        yield batch + batch[-1:] * (length - len(batch))


def _prefixed(key: dict[str, Any]) -> dict[str, Any]:
    return {f"key_{name}": value for name, value in key.items()}
