"""All that is SQLite's own: the file, its lock, its pragmas and its transactions.

The Python driver begins transactions only before some statements, which breaks snapshots, savepoints and transactional
DDL; here it is told to begin none, and every transaction begins with a statement of ours.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url

from daemon.store import prepared
from daemon.store.database import Alone, Database
from daemon.store.errors import StoreInUse, StoreUnusable

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    "PRAGMA temp_store=MEMORY",  # private content must not lie in a temporary file that others may read
)
READ_ONLY = "PRAGMA query_only=ON"
OURS_ALONE = 0o600

GROUP = 256
"""Units of work that share a transaction: the disk takes longer than all of them."""

READERS = 2
"""Threads that read; more would only wait for the interpreter."""


def opened(url: str, cleanup: ExitStack) -> Database:
    """The file that a URL names, made if need be and locked. Raises StoreInUse or StoreUnusable."""
    path = path_of(url)
    lock = Lock(path)
    cleanup.callback(lock.release)
    make_private(path)
    writer, readers = writing(path), reading(path, size=READERS)
    cleanup.callback(writer.dispose)
    cleanup.callback(readers.dispose)
    return Database(
        name=str(path),
        writing=writer,
        reading=readers,
        claims=Alone(),
        writers=1,
        group=GROUP,
        readers=READERS,
        shared=False,
        collides=_never,
    )


def path_of(url: str) -> Path:
    """The file that a URL names. Raises StoreUnusable if it names none."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise StoreUnusable(
            f"the store cannot be kept in {parsed.get_backend_name()}: use sqlite:///PATH or postgresql://HOST/DATABASE"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise StoreUnusable("the store must outlive the process: give it a file, sqlite:///PATH")
    return Path(os.path.realpath(parsed.database))


class Lock:
    """The right to work on a file; the system takes it back when the process ends, however it ends.

    It lies on a file beside the database: whoever opens and closes the database file itself drops SQLite's own locks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".lock")
        self._file = _open(self.path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _holder(self._file)
            os.close(self._file)
            raise StoreInUse(
                f"{path} is in use by another daemon (process {who}). Stop that one, or give this one its own store."
            ) from None
        os.truncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode("ascii"), 0)

    def release(self) -> None:
        """Lets the next one in. The file stays: removing it would let two in."""
        os.close(self._file)


def holder(path: Path) -> str:
    """The process that works on a file, empty if none does. For a moment nobody else can begin to."""
    lock = path.with_name(path.name + ".lock")
    try:
        file = os.open(lock, os.O_RDONLY)
    except OSError:
        return ""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(file)
    finally:
        os.close(file)
    return ""


def make_private(path: Path) -> None:
    """Sees to it that the database exists and nobody else may read it; SQLite gives its other files the same mode."""
    os.close(_open(path))
    left_by_a_crash = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    for each in left_by_a_crash:
        if each.exists():
            os.close(_open(each))


def writing(path: Path) -> Engine:
    """The one connection that writes. It takes the write lock at once, so that no unit of work fails for it later."""
    engine = _engine(path, size=1)
    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def reading(path: Path, *, size: int) -> Engine:
    """Connections that read snapshots and cannot write."""
    engine = _engine(path, size=size, pragmas=(*PRAGMAS, READ_ONLY))
    _begin_with(engine, "BEGIN")
    return engine


def _holder(lock: int) -> str:
    return os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"


def _open(path: Path) -> int:
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, OURS_ALONE)
        os.fchmod(file, OURS_ALONE)
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be opened for writing by us alone: {error.strerror}") from error
    return file


def _engine(path: Path, *, size: int, pragmas: tuple[str, ...] = PRAGMAS) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma)

    return prepared.preparing(engine)


def _never(error: Exception) -> bool:
    """One process, one writer: nobody is in the way."""
    return False


def _begin_with(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)
