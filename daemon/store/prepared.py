"""Connections that work a statement out once and then only run it.

Our statements never change, and SQLAlchemy finds out anew at every execution what it knows of them: most of what a
look-up costs. Here its compiler is asked once for the text, the order of the parameters and the types' conversions,
and its handling of errors is used as it is. What is no plain query or change, and what somebody listens to, goes
SQLAlchemy's own way.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import BindParameter, Connection, Delete, Dialect, Engine, Insert, Select, Update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import MultipleResultsFound, NoResultFound

Values = Mapping[str, Any]
Convert = Callable[[Any], Any]

_PLAIN = (Select, Insert, Update, Delete)


def preparing(engine: Engine) -> Engine:
    """The engine, whose connections prepare statements from here on."""
    engine._connection_cls = Prepared  # noqa: SLF001  # meant for the like, but there is no public way to set it
    return engine


class Answer:
    """What a statement returned, in values; as much of SQLAlchemy's results as we use."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        """Every row."""
        return self._rows

    def first(self) -> Any | None:
        """The first row, if there is one."""
        return self._rows[0] if self._rows else None

    def one_or_none(self) -> Any | None:
        """The only row, if there is one. Raises `MultipleResultsFound`."""
        if len(self._rows) > 1:
            raise MultipleResultsFound("more than one row")
        return self.first()

    def one(self) -> Any:
        """The only row. Raises `MultipleResultsFound` or `NoResultFound`."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("no row")
        return row

    def scalars(self) -> Answer:
        """The first value of each row."""
        return Answer([row[0] for row in self._rows], self.rowcount)

    def scalar(self) -> Any:
        """The first row's first value; None without a row."""
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        """The only row's first value. Raises `MultipleResultsFound` or `NoResultFound`."""
        return self.one()[0]


class _Plan:
    """A statement's text with as many places as its lists have values, and how to fill them."""

    def __init__(self, compiled: Any, values: Values, converters: Mapping[str, Convert | None]) -> None:
        state = compiled.construct_expanded_state(values, escape_names=False)
        listed = state.parameter_expansion.items()
        within = {part: (name, index) for name, parts in listed for index, part in enumerate(parts)}
        names = tuple(state.parameters) if state.positiontup is None else state.positiontup
        self.text: str = state.statement
        self._by_name = state.positiontup is None
        places: dict[str, tuple[str, int | None]] = {**{name: (name, None) for name in names}, **within}
        self._places = [(name, _place(*places[name], converters)) for name in names]

    def bound(self, values: Values) -> Any:
        """The values as the driver wants them."""
        if self._by_name:
            return {name: fill(values) for name, fill in self._places}
        return [fill(values) for _, fill in self._places]


def _place(name: str, index: int | None, converters: Mapping[str, Convert | None]) -> Callable[[Values], Any]:
    """What fills one place in a text: whose value, which of them if it is a list, as the driver wants it."""
    convert = converters.get(name)
    if index is None:
        return itemgetter(name) if convert is None else lambda values: convert(values[name])
    return lambda values: values[name][index] if convert is None else convert(values[name][index])


class _Statement:
    """A statement as one kind of database takes it, given parameters of these names."""

    def __init__(self, statement: Any, names: Sequence[str], dialect: Dialect) -> None:
        self._compiled = statement.compile(dialect=dialect, column_keys=list(names))
        binds: Mapping[str, BindParameter[Any]] = self._compiled.binds
        self._converters = {
            name: each.type.dialect_impl(dialect).bind_processor(dialect) for name, each in binds.items()
        }
        self._lists = [name for name, each in binds.items() if each.expanding]
        self._given = {name: value for name, value in self._compiled.params.items() if name not in names}
        self._plans: dict[tuple[int, ...], _Plan] = {}
        returned = [column.type.dialect_impl(dialect) for column in statement.exported_columns]
        self._readers = [each.result_processor(dialect, None) for each in returned]
        self._make: Any = None

    @property
    def returns_rows(self) -> bool:
        return bool(self._readers)

    def run(self, cursor: DBAPICursor, values: Values) -> Answer:
        """With one set of values."""
        values = {**self._given, **values}
        plan = self._plan(values)
        cursor.execute(plan.text, plan.bound(values))
        return self._answer(cursor)

    def run_many(self, cursor: DBAPICursor, everything: Sequence[Values]) -> Answer:
        """With one set after the other, none of which has lists, for a statement that returns nothing."""
        if self._given:
            everything = [{**self._given, **values} for values in everything]
        plan = self._plan(everything[0])
        cursor.executemany(plan.text, [plan.bound(values) for values in everything])
        return Answer([], cursor.rowcount)

    def _plan(self, values: Values) -> _Plan:
        lengths = tuple([len(values[name]) for name in self._lists])
        plan = self._plans.get(lengths)
        if plan is None:
            plan = self._plans[lengths] = _Plan(self._compiled, values, self._converters)
        return plan

    def _answer(self, cursor: DBAPICursor) -> Answer:
        if not self._readers:
            return Answer([], cursor.rowcount)
        if self._make is None:
            names = [str(column[0]) for column in cursor.description]
            row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # known at run time only
            self._make = partial(tuple.__new__, row)
        return Answer(list(map(self._make, _read(cursor.fetchall(), self._readers))), cursor.rowcount)


def _read(rows: Sequence[Sequence[Any]], readers: Sequence[Convert | None]) -> Iterable[Sequence[Any]]:
    """Column by column: what comes as we want it costs nothing."""
    if not rows or not any(readers):
        return rows
    columns = zip(*rows, strict=True)
    return zip(
        *[values if read is None else map(read, values) for values, read in zip(columns, readers, strict=True)],
        strict=True,
    )


_STATEMENTS: WeakKeyDictionary[Any, dict[tuple[str, ...], _Statement]] = WeakKeyDictionary()


class Prepared(Connection):
    """See the module."""

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        """As `Connection.execute`; what it returns are rows that have been read already."""
        everything = parameters if isinstance(parameters, list) else None
        values: Values = (everything[0] if everything else parameters) or {}
        prepared = None if execution_options else self._prepared(statement, values)
        if prepared is None or (everything is not None and (not everything or prepared.returns_rows)):
            return super().execute(statement, parameters, execution_options=execution_options)
        try:
            with closing(self.connection.cursor()) as cursor:
                return prepared.run(cursor, values) if everything is None else prepared.run_many(cursor, everything)
        except self.dialect.loaded_dbapi.Error as error:
            self._handle_dbapi_exception(error, str(statement), None, None, None)

    def _prepared(self, statement: Any, values: Values) -> _Statement | None:
        """None: SQLAlchemy's own way."""
        if not isinstance(statement, _PLAIN) or not _goes_straight(self):
            return None
        known = _STATEMENTS.get(statement)
        if known is None:
            known = _STATEMENTS.setdefault(statement, {})
        key = (self.dialect.name, *values)
        prepared = known.get(key)
        if prepared is None:
            prepared = known[key] = _Statement(statement, tuple(values), self.dialect)
        return prepared


def change(tx: Connection, text: str, values: tuple[Any, ...]) -> None:
    """Runs a change that is given as the driver takes it."""
    if not _goes_straight(tx):
        tx.exec_driver_sql(text, values)
        return
    try:
        with closing(tx.connection.cursor()) as cursor:
            cursor.execute(text, values)
    except tx.dialect.loaded_dbapi.Error as error:
        tx._handle_dbapi_exception(error, text, None, None, None)  # noqa: SLF001  # as it is used above


def _goes_straight(tx: Connection) -> bool:
    """Whether a transaction has begun, which SQLAlchemy would see to, and nobody listens."""
    return tx.in_transaction() and not tx.dispatch.before_cursor_execute
