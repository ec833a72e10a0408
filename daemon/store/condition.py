"""In what condition a store is, for those who only look: nothing is made, migrated or locked on the way."""

from __future__ import annotations

import getpass
import os
import sqlite3
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, NullPool, create_engine, inspect, make_url, text
from sqlalchemy.exc import DatabaseError

from daemon.store import migrating, sqlite
from daemon.store.errors import StoreUnusable

_CONNECT = 5  # seconds
_RIGHTS = text("SELECT current_user, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")


class Tables(Enum):
    """What opening the store would have to do about its tables."""

    ABSENT = auto()
    OLDER = auto()
    CURRENT = auto()


@dataclass(frozen=True, slots=True)
class Condition:
    """A store as it is found. `user`: as whom we looked; `obstacle`: why he cannot write there; `holder`: the process
    that has it for itself.
    """

    place: str
    tables: Tables
    user: str
    obstacle: str = ""
    holder: str = ""


def of(url: str) -> Condition:
    """Raises `StoreTooNew` or `StoreUnusable`, each with a text for the operator."""
    if make_url(url).get_backend_name() == "postgresql":
        return _of_server(url)
    path = sqlite.path_of(url)
    return Condition(str(path), _tables(path), _user(), obstacle=_obstacle(path), holder=sqlite.holder(path))


def _of_server(url: str) -> Condition:
    parts = make_url(url).set(drivername="postgresql+psycopg")
    place = f"{parts.host or 'this machine'}/{parts.database or parts.username}"
    try:
        engine = create_engine(parts, poolclass=NullPool, connect_args={"connect_timeout": _CONNECT})
        with engine.connect() as tx:
            tx.execute(text("SET TRANSACTION READ ONLY"))
            user, may_make = tx.execute(_RIGHTS).one()
            return Condition(
                place, _version(tx), user, obstacle="" if may_make else f"{user} may make no tables in {place}"
            )
    except ModuleNotFoundError:
        raise StoreUnusable("PostgreSQL's driver is not installed: pip install 'exsyncd[postgres]'") from None
    except DatabaseError as error:
        raise StoreUnusable(f"{place} cannot be used as a store: {str(error.orig).splitlines()[0]}") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _obstacle(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{folder} is no folder that is there"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} cannot be written to"
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return f"{path} cannot be written"
    return ""


def _tables(path: Path) -> Tables:
    if not path.exists() or not os.access(path, os.R_OK):
        return Tables.ABSENT
    engine = create_engine("sqlite://", creator=lambda: _looking_at(path), poolclass=NullPool)
    try:
        with engine.connect() as tx:
            return _tables_in(tx, path)
    except DatabaseError as error:
        raise StoreUnusable(f"{path} cannot be used as a store: {error.orig}") from error


def _tables_in(tx: Connection, path: Path) -> Tables:
    found = _version(tx)
    if found is Tables.ABSENT and inspect(tx).get_table_names():
        raise StoreUnusable(f"{path} is another program's database")
    return found


def _version(tx: Connection) -> Tables:
    if migrating.is_current(tx):
        return Tables.CURRENT
    return Tables.OLDER if migrating.is_ours(tx) else Tables.ABSENT


def _looking_at(path: Path) -> sqlite3.Connection:
    # Without a journal beside it nobody writes there, and SQLite would leave one behind even of looking.
    unwritten = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro{unwritten}", uri=True)
