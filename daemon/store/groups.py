"""Units of work that share a transaction: each for itself, but for what is cheaper for all at once.

Each unit runs under a savepoint of its own: one that fails is undone alone. Units that settle an event also say how far
its partition got, and put records out. This is written once for all of them: positions first, so that whoever has lost
a partition stores nothing, records last. The positions say too much as soon as one of these units fails: then all is
undone, and done again with each unit writing its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine

from daemon.store import outbox, positions
from daemon.store.errors import CommitFailed
from daemon.store.outbox import Outgoing
from daemon.store.positions import Position

Work = Callable[[Connection], Any]

ATTEMPTS = 5
"""How often a unit of work is begun that is in another transaction's way."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of work; what it returns is the answer."""

    work: Work


@dataclass(frozen=True, slots=True)
class Settling(Unit):
    """A unit that settles an event and returns what is to be put out; the numbers of that are the answer, or None if it
    returns None. `reached` is where the event's partition gets to, if it does.
    """

    work: Callable[[Connection], Sequence[Outgoing] | None]
    reached: Position | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a unit answers, or why nothing of it is stored."""

    value: Any = None
    error: Exception | None = None


class _Apart(Exception):
    """These units cannot be stored all at once."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Transactions of an engine. `collides` tells which errors are worth another attempt at once; what is put out is
    put out in the name of `owner`.
    """

    engine: Engine
    owner: str
    collides: Callable[[Exception], bool]

    def commit(self, units: Sequence[Unit]) -> list[Result]:
        """Each unit hears of its own errors; of those of the transaction, all hear."""
        try:
            if len(units) > 1:
                with suppress(_Apart), self.engine.begin() as tx:
                    return self._together(tx, units)
            with self.engine.begin() as tx:
                return [self._attempt(tx, self._by_itself(unit)) for unit in units]
        except Exception as error:  # noqa: BLE001 -- whatever it was, each of those who wait must hear of it
            return [Result(error=_undone(error)) for _ in units]

    def _together(self, tx: Connection, units: Sequence[Unit]) -> list[Result]:
        settling = [unit for unit in units if isinstance(unit, Settling)]
        with _apart():
            positions.save(tx, _furthest(settling))
        results = [self._attempt(tx, unit.work) for unit in units]
        settled = [result for unit, result in zip(units, results, strict=True) if isinstance(unit, Settling)]
        if any(result.error is not None for result in settled):
            raise _Apart
        with _apart():
            numbers = iter(self._put_out(tx, [result.value for result in settled]))
        return [
            Result(next(numbers)) if isinstance(unit, Settling) else result
            for unit, result in zip(units, results, strict=True)
        ]

    def _by_itself(self, unit: Unit) -> Work:
        """All that a unit stores."""
        if not isinstance(unit, Settling):
            return unit.work

        def work(tx: Connection) -> list[int] | None:
            positions.save(tx, _furthest([unit]))
            (numbers,) = self._put_out(tx, [unit.work(tx)])
            return numbers

        return work

    def _put_out(self, tx: Connection, outgoing: Sequence[Sequence[Outgoing] | None]) -> list[list[int] | None]:
        numbers = iter(outbox.add_all(tx, [each for some in outgoing for each in some or ()], owner=self.owner))
        return [None if some is None else list(islice(numbers, len(some))) for some in outgoing]

    def _attempt(self, tx: Connection, work: Work) -> Result:
        for _ in range(ATTEMPTS):
            result = _once(tx, work)
            if result.error is None or not self.collides(result.error):
                return result
        return Result(error=_undone(result.error))


@contextmanager
def _apart() -> Iterator[None]:
    """What fails here failed for one of the units, and only each by itself can tell for which."""
    try:
        yield
    except Exception as error:
        raise _Apart from error


def _furthest(units: Iterable[Settling]) -> list[Position]:
    """Where they get to, together; always in one order, so that two transactions do not wait for each other."""
    furthest: dict[tuple[str, int, str], Position] = {}
    for position in (unit.reached for unit in units if unit.reached is not None):
        place = (position.topic, position.partition, position.owner)
        if place not in furthest or furthest[place].offset < position.offset:
            furthest[place] = position
    return [furthest[place] for place in sorted(furthest)]


def _once(tx: Connection, work: Work) -> Result:
    """Errors of the savepoint itself pass through: the database has then ended the transaction of all."""
    savepoint = tx.connection.cursor()  # past SQLAlchemy, whose own savepoints cost as much as three statements
    savepoint.execute("SAVEPOINT unit")
    try:
        value = work(tx)
    except Exception as error:  # noqa: BLE001 -- it belongs to whoever handed the work in
        savepoint.execute("ROLLBACK TO SAVEPOINT unit")
        savepoint.execute("RELEASE SAVEPOINT unit")
        return Result(error=error)
    savepoint.execute("RELEASE SAVEPOINT unit")
    return Result(value)


def _undone(cause: Exception | None) -> CommitFailed:
    error = CommitFailed("nothing of this transaction was stored")
    error.__cause__ = cause
    return error
