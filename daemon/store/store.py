"""The store: one database file, one thread that writes, a few that read.

A unit of work is a plain function on a connection, so that everything it stores is stored or nothing. It may run again
after a conflict and must do nothing but read and write here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from daemon.store import directory, meta, migrating, sqlite
from daemon.store.directory import CANONICAL, Canonical
from daemon.store.errors import StoreUnusable
from daemon.store.workers import Workers
from schemas.addresses import normalise

T = TypeVar("T")

READERS = 2
"""Threads that read; more would only wait for the interpreter."""

READ_TOGETHER = 16
"""How many look-ups share a snapshot at most: the first has its answer when the last has."""


class Store:
    """An open store. `generation` counts how often it was restored from a backup."""

    def __init__(self, writing: Engine, reading: Engine, *, cleanup: ExitStack) -> None:
        self._writing = writing
        self._reading = reading
        self._cleanup = cleanup
        self._readers = Workers(reading, "store-reader", threads=READERS, group=READ_TOGETHER)
        self._writer = Workers(writing, "store-writer")
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
        path = sqlite.path_of(url)
        with ExitStack() as cleanup:
            lock = sqlite.Lock(path)
            cleanup.callback(lock.release)
            sqlite.make_private(path)
            writing, reading = sqlite.writing(path), sqlite.reading(path, size=READERS)
            cleanup.callback(writing.dispose)
            cleanup.callback(reading.dispose)
            with _explained(str(path)), writing.begin() as tx:
                migrating.upgrade(tx)
            return cls(writing, reading, cleanup=cleanup.pop_all())

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Runs a unit of work and returns what it returned, once that is on disk.

        What it raises is raised here, with nothing of it stored. Raises `CommitFailed` if the database could not store
        it, for a reason of its own.
        """
        return await self._writer.run(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs work that reads one consistent, committed state. It cannot write. Raises what the work raises, or
        `CommitFailed` if the database could not even begin."""
        return await self._readers.run(work)

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
        self._writer.close()
        self._readers.close()
        self._cleanup.close()


@contextmanager
def looking_on(url: str) -> Iterator[Connection]:
    """A connection that reads a store while a daemon works on it, for those who only want to know."""
    path = sqlite.path_of(url)
    if not path.exists():
        raise StoreUnusable(f"there is no store at {path}")
    engine = sqlite.reading(path, size=1)
    engine.update_execution_options(**{CANONICAL: normalise})
    try:
        with _explained(str(path)), engine.begin() as tx:
            migrating.verify(tx)
            yield tx
    finally:
        engine.dispose()


@contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise StoreUnusable(f"{path} cannot be used as a store: {error.orig}") from error
