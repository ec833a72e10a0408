"""In what condition a store is, for those who only look: nothing is made, migrated or locked on the way."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, NullPool, create_engine, inspect
from sqlalchemy.exc import DatabaseError

from daemon.store import migrating, sqlite
from daemon.store.errors import StoreUnusable


class Tables(Enum):
    """What opening the store would have to do about its tables."""

    ABSENT = auto()
    OLDER = auto()
    CURRENT = auto()


@dataclass(frozen=True, slots=True)
class Condition:
    """A store as it is found. `obstacle`: why we cannot write there; `holder`: the process that works on it."""

    path: Path
    tables: Tables
    obstacle: str = ""
    holder: str = ""


def of(url: str) -> Condition:
    """Raises `StoreTooNew` or `StoreUnusable`, each with a text for the operator."""
    path = sqlite.path_of(url)
    return Condition(path, _tables(path), obstacle=_obstacle(path), holder=sqlite.holder(path))


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
    if migrating.is_current(tx):
        return Tables.CURRENT
    if migrating.is_ours(tx):
        return Tables.OLDER
    if inspect(tx).get_table_names():
        raise StoreUnusable(f"{path} is another program's database")
    return Tables.ABSENT


def _looking_at(path: Path) -> sqlite3.Connection:
    # Without a journal beside it nobody writes there, and SQLite would leave one behind even of looking.
    unwritten = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro{unwritten}", uri=True)
