"""Many rows in few statements: of what a small row costs, a third is that it is a statement of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect, Table

from daemon.store import prepared
from daemon.store.rows import upsert

AT_ONCE = (250, 25, 5, 1)
"""How many rows a statement stores: few numbers, so that the database meets few different statements."""

Row = Sequence[Any]

_NAMED = re.compile(r"%\(\w+\)s")


class Many:
    """Whole rows of a table, each stored in place of the one with its key, if there is one."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._forms: dict[str, _Form] = {}

    def put(self, tx: Connection, rows: Sequence[Row]) -> None:
        """Values are in the order of the table's columns; no two rows have one key."""
        if not rows:
            return
        form = self._forms.get(tx.dialect.name)
        if form is None:
            form = self._forms[tx.dialect.name] = _Form(self._table, tx.dialect)
        form.put(tx, rows)


class _Form:
    """The statements as one kind of database takes them."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._width = len(table.columns)
        converters = [each.type.dialect_impl(dialect).bind_processor(dialect) for each in table.columns]
        self._converters = [(place, convert) for place, convert in enumerate(converters) if convert is not None]
        self._texts = _texts(table, dialect)

    def put(self, tx: Connection, rows: Sequence[Row]) -> None:
        values = self._converted(rows)
        for start, length in _batches(len(rows)):
            some = values[start * self._width : (start + length) * self._width]
            prepared.change(tx, self._texts[length], tuple(some))

    def _converted(self, rows: Sequence[Row]) -> list[Any]:
        """All their values. Column by column: what the driver takes as it is costs nothing."""
        values = list(chain.from_iterable(rows))
        for place, convert in self._converters:
            column = slice(place, None, self._width)
            values[column] = map(convert, values[column])
        return values


def _texts(table: Table, dialect: Dialect) -> dict[int, str]:
    """SQLAlchemy's for one row, with as many rows as there are; it would take a fifth of a second for so many."""
    one = _NAMED.sub("%s", str(upsert(table).compile(dialect=dialect)))
    before, _, values_and_rest = one.partition(" VALUES ")
    values, _, rest = values_and_rest.partition(" ON CONFLICT ")
    return {rows: f"{before} VALUES {', '.join([values] * rows)} ON CONFLICT {rest}" for rows in AT_ONCE}


def _batches(number: int) -> Iterator[tuple[int, int]]:
    """Where each begins, and how long it is."""
    start = 0
    for length in AT_ONCE:
        while number - start >= length:
            yield start, length
            start += length
