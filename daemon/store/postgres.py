"""All that is PostgreSQL's own: connections, error texts without content, and claims.

Several daemons may share one PostgreSQL. What one of them at a time may do it claims by an advisory lock of a session
that it keeps open for that alone: the server takes the lock back when the session ends, so that a dead process blocks
nobody and no clock decides who is dead.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from hashlib import blake2b
from threading import Lock
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    NullPool,
    QueuePool,
    bindparam,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from daemon.store import prepared
from daemon.store.database import Database
from daemon.store.errors import StoreUnusable

WRITERS = 4
"""Threads that write: a transaction waits for the network most of its time, unlike one on a file."""

GROUP = 64
"""Units of work that share a transaction: each of their statements goes to the server and back."""

READERS = 4

_DRIVER = "postgresql+psycopg"
_ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""The server hears within half a minute that a machine is gone; by its own defaults it would take two hours."""

_SETUP = (
    "SET TIME ZONE 'UTC'",
    # what was answered must be on disk, whatever the server's default
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)
_COLLISIONS = frozenset(("40001", "40P01"))  # serialization failure, deadlock
_QUOTING = "22"  # data exceptions: their texts quote the value
_TAKE = select(func.pg_try_advisory_lock(bindparam("number")))
_RELEASE = select(func.pg_advisory_unlock(bindparam("number")))
_WAIT = select(func.pg_advisory_xact_lock(bindparam("number")))


def is_meant(url: str) -> bool:
    """Whether a URL names a PostgreSQL."""
    return make_url(url).get_backend_name() == "postgresql"


def opened(url: str, cleanup: ExitStack) -> Database:
    """The database behind a URL, connected to when first used. Raises StoreUnusable if the driver is not installed."""
    writers = writing(url, size=WRITERS)
    cleanup.callback(writers.dispose)
    looking = reading(url, size=READERS)
    cleanup.callback(looking.dispose)
    claims = SessionClaims(url)
    cleanup.callback(claims.close)
    return Database(
        name=shown(url),
        writing=writers,
        reading=looking,
        claims=claims,
        writers=WRITERS,
        group=GROUP,
        readers=READERS,
        shared=True,
        collides=collides,
    )


def writing(url: str, *, size: int) -> Engine:
    """Connections that write."""
    return _engine(url, size=size)


def reading(url: str, *, size: int) -> Engine:
    """Connections that read snapshots and cannot write."""
    return _engine(url, size=size, isolation="REPEATABLE READ", read_only=True)


def shown(url: str) -> str:
    """The URL for people: without password."""
    return make_url(url).render_as_string(hide_password=True)


def collides(error: Exception) -> bool:
    """Whether two transactions were in each other's way."""
    return _state(error) in _COLLISIONS


def wait_for(tx: Connection, name: str) -> None:
    """Claims a name until the transaction ends, waiting for it."""
    tx.execute(_WAIT, {"number": _number(name)})


class SessionClaims:
    """Claims held by a session of their own. Safe for threads. See `database.Claims`."""

    def __init__(self, url: str) -> None:
        self.owner = uuid4().hex
        self._engine = _engine(url, size=0, isolation="AUTOCOMMIT")
        self._session: Connection | None = None
        self._held: set[str] = {self.owner}
        self._entry = Lock()

    def take(self, name: str) -> bool:
        """Raises `DBAPIError` while the server cannot be reached."""
        with self._entry:
            try:
                taken = self._take(name)
            except DBAPIError:
                self._forget_session()
                taken = self._take(name)
            if taken:
                self._held.add(name)
            return taken

    def release(self, name: str) -> None:
        with self._entry:
            if self._session is None or name not in self._held:
                return
            self._held.discard(name)
            try:
                self._session.execute(_RELEASE, {"number": _number(name)})
            except DBAPIError:
                self._forget_session()

    def close(self) -> None:
        with self._entry:
            self._forget_session()
            self._engine.dispose()

    def _take(self, name: str) -> bool:
        session = self._session or self._open()
        return bool(session.execute(_TAKE, {"number": _number(name)}).scalar_one())

    def _open(self) -> Connection:
        """What was held when the last session broke is claimed anew; who took it meanwhile keeps it.

        The link's version then decides between both, as it does wherever claims fail.
        """
        self._session = self._engine.connect()
        for name in self._held:
            self._session.execute(_TAKE, {"number": _number(name)})
        return self._session

    def _forget_session(self) -> None:
        if self._session is not None:
            with suppress(DBAPIError):
                self._session.close()
        self._session = None


def _number(name: str) -> int:
    """Advisory locks have numbers. Two names of one number only wait for each other."""
    return int.from_bytes(blake2b(f"exsyncd:{name}".encode(), digest_size=8).digest(), signed=True)


def _state(error: Exception) -> str | None:
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None


def _engine(url: str, *, size: int, isolation: str = "READ COMMITTED", read_only: bool = False) -> Engine:
    pooling: dict[str, Any] = {"poolclass": QueuePool, "pool_size": size, "max_overflow": 0}
    try:
        engine = create_engine(
            _with_driver(url),
            hide_parameters=True,
            isolation_level=isolation,
            connect_args={"fallback_application_name": "exsyncd", "connect_timeout": 10, **_ALIVE},
            **(pooling if size else {"poolclass": NullPool}),
        )
    except ModuleNotFoundError as error:
        raise StoreUnusable(
            "PostgreSQL's driver is not installed: install exsyncd with it (pip install 'exsyncd[postgres]')"
        ) from error

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        was = connection.autocommit
        connection.autocommit = True
        for statement in _SETUP:
            connection.execute(statement)
        connection.autocommit = was
        connection.read_only = read_only

    event.listen(engine, "handle_error", _without_content)
    return prepared.preparing(engine)


def _with_driver(url: str) -> URL:
    return make_url(url).set(drivername=_DRIVER)


def _without_content(context: ExceptionContext) -> None:
    """The server quotes what it was given in details, and in the texts of some errors (PRIV-5)."""
    original, shown_error = context.original_exception, context.sqlalchemy_exception
    diagnosis = getattr(original, "diag", None)
    state = getattr(original, "sqlstate", None)
    if diagnosis is None or state is None:
        return
    text = f"{state}: {'invalid value' if state.startswith(_QUOTING) else diagnosis.message_primary}"
    original.args = (text,)
    if shown_error is not None:
        shown_error.args = (f"({type(original).__name__}) {text}",)
