"""The store: one database, a thread or a few that write, a few that read.

A unit of work is a plain function on a connection, so that everything it stores is stored or nothing. It may run again
after a conflict and must do nothing but read and write here.

On SQLite a process has the store for itself. On PostgreSQL several share one: what only one of them at a time may do,
it claims by name, and what a dead one left in the outbox is adopted by another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from daemon.store import directory, meta, migrating, outbox, postgres, sqlite
from daemon.store.database import Database
from daemon.store.directory import CANONICAL, Canonical
from daemon.store.errors import CommitFailed, StoreClosed, StoreUnusable
from daemon.store.groups import Groups, Settling, Unit
from daemon.store.outbox import Outgoing
from daemon.store.positions import Position
from daemon.store.workers import Workers, WritersInLanes
from schemas.addresses import normalise

T = TypeVar("T")

READ_TOGETHER = 16
"""How many look-ups share a snapshot at most: the first has its answer when the last has."""


class Store:
    """An open store. `generation` counts how often it was restored from a backup."""

    def __init__(self, database: Database, *, cleanup: ExitStack) -> None:
        self._database = database
        self._writing = database.writing
        self._reading = database.reading
        self._cleanup = cleanup
        reading = Groups(database.reading, database.claims.owner, _never)
        writing = Groups(database.writing, database.claims.owner, database.collides)
        self._readers = Workers(reading, "store-reader", threads=database.readers, at_most=READ_TOGETHER)
        self._writers = WritersInLanes(writing, count=database.writers, at_most=database.group)
        self._claiming = ThreadPoolExecutor(1, thread_name_prefix="store-claims")
        self._open = True
        self.generation = 0

    @classmethod
    async def open(cls, url: str, *, canonical: Canonical = normalise, canonical_rules: str = "") -> Store:
        """Opens, or makes, the store that a URL names, and brings its tables and address index up to date.

        `canonical` gives an address its canonical form, or None; `canonical_rules` describes it, so that a change of
        rules is noticed. Raises `StoreInUse`, `StoreTooNew` or `StoreUnusable`, each with a text for the operator.
        """
        store = await asyncio.to_thread(cls._prepare, url)
        try:
            await store.use_canonical(canonical, canonical_rules)
            store.generation = await store.read(meta.generation)
        except BaseException:
            await store.close()
            raise
        return store

    @classmethod
    def _prepare(cls, url: str) -> Store:
        opened = postgres.opened if postgres.is_meant(url) else sqlite.opened
        with ExitStack() as cleanup:
            database = opened(url, cleanup)
            with _explained(database.name):
                database.claims.take(database.claims.owner)
                with database.writing.begin() as tx:
                    migrating.upgrade(tx)
            return cls(database, cleanup=cleanup.pop_all())

    @property
    def shared(self) -> bool:
        """Whether other processes may work on it too."""
        return self._database.shared

    @property
    def owner(self) -> str:
        """Whose our records in the outbox are."""
        return self._database.claims.owner

    async def write(self, work: Callable[[Connection], T], *, lane: Hashable = None) -> T:
        """Runs a unit of work and returns what it returned, once that is on disk. Units of one lane run in order.

        What it raises is raised here, with nothing of it stored. Raises `CommitFailed` if the database could not store
        it, for a reason of its own.
        """
        answer: T = await self._writers.run(Unit(work), lane=lane)
        return answer

    async def settle(
        self, work: Callable[[Connection], Sequence[Outgoing] | None], *, reached: Position | None, lane: Hashable
    ) -> list[int] | None:
        """As `write`, for what settles an event: at one with it `reached` is stored, and what `work` returns is put
        into the outbox. Returns the numbers of that; None if `work` does. Raises `Fenced`, too.
        """
        numbers: list[int] | None = await self._writers.run(Settling(work, reached), lane=lane)
        return numbers

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs work that reads one consistent, committed state. It cannot write. Raises what the work raises, or
        `CommitFailed` if the database could not even begin."""
        answer: T = await self._readers.run(Unit(work))
        return answer

    async def claim(self, name: str) -> bool:
        """Claims a name for this process, without waiting; whether no other one has it. Raises `CommitFailed`."""
        return await self._claim(name) if self.shared else True

    def release(self, name: str) -> None:
        """Gives a claimed name back."""
        if self.shared and self._open:
            self._claiming.submit(self._database.claims.release, name)

    async def others_have(self, key: bytes) -> bool:
        """Whether another process still has to publish something of this key. Learns of a raised generation, too."""
        others, self.generation = await self.read(
            lambda tx: (outbox.others_have(tx, key, owner=self.owner), meta.generation(tx))
        )
        return others

    async def adopt(self) -> int:
        """Makes ours what dead processes left in the outbox; how many they were."""
        if not self.shared:
            return 0
        owners = await self.read(outbox.owners)
        return sum([await self._adopt_from(owner) for owner in owners if owner != self.owner])

    async def use_canonical(self, canonical: Canonical, rules: str) -> None:
        """Addresses are canonical by these rules from here on; the index is rebuilt if it was made by others."""
        # What is written from here on must already be by the new rules: it may be committed with the new index.
        self._writing.update_execution_options(**{CANONICAL: canonical})
        await self.write(lambda tx: directory.reindex(tx, canonical, rules))
        self._reading.update_execution_options(**{CANONICAL: canonical})

    async def raise_generation(self) -> int:
        """The store was restored from a backup; its new generation."""
        self.generation = await self.write(meta.raise_generation)
        return self.generation

    async def close(self) -> None:
        """Commits what was handed in, ends the threads and gives the file free."""
        if not self._open:
            return
        self._open = False
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._writers.close()
        self._readers.close()
        self._claiming.shutdown()
        self._cleanup.close()

    async def _claim(self, name: str) -> bool:
        if not self._open:
            raise StoreClosed("the store is closed")
        try:
            return await asyncio.wrap_future(self._claiming.submit(self._database.claims.take, name))
        except DatabaseError as error:
            raise CommitFailed(f"{self._database.name} does not serve us") from error
        except asyncio.CancelledError:
            self.release(name)  # it may have been taken all the same
            raise

    async def _adopt_from(self, owner: str) -> bool:
        if not await self.claim(owner):
            return False  # it lives
        try:
            await self.write(lambda tx: outbox.adopt(tx, owner, by=self.owner))
        finally:
            self.release(owner)
        return True


@contextmanager
def looking_on(url: str) -> Iterator[Connection]:
    """A connection that reads a store while a daemon works on it, for those who only want to know."""
    name, engine = _reading(url)
    engine.update_execution_options(**{CANONICAL: normalise})
    try:
        with _explained(name), engine.begin() as tx:
            migrating.verify(tx)
            yield tx
    finally:
        engine.dispose()


@contextmanager
def noting(url: str) -> Iterator[Connection]:
    """A connection that writes beside a daemon that works on the store: only what no daemon keeps in its mind."""
    name, engine = _writing(url)
    try:
        with _explained(name), engine.begin() as tx:
            migrating.verify(tx)
            yield tx
    finally:
        engine.dispose()


def _reading(url: str) -> tuple[str, Engine]:
    if postgres.is_meant(url):
        return postgres.shown(url), postgres.reading(url, size=1)
    path = _existing(url)
    return str(path), sqlite.reading(path, size=1)


def _writing(url: str) -> tuple[str, Engine]:
    if postgres.is_meant(url):
        return postgres.shown(url), postgres.writing(url, size=1)
    path = _existing(url)
    return str(path), sqlite.writing(path)


def _existing(url: str) -> Path:
    path = sqlite.path_of(url)
    if not path.exists():
        raise StoreUnusable(f"there is no store at {path}")
    return path


def _never(error: Exception) -> bool:
    """Who only reads is in nobody's way."""
    return False


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise StoreUnusable(f"{name} cannot be used as a store: {error.orig}") from error
