"""Pauses: whose synchronization stands still, since when, and who asked for it (OPS-1).

One row a scope, for all daemons on the store and across restarts.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from daemon.store import tables
from daemon.store.rows import Rows
from handlers.pausing import SYSTEM, Pauses

_ROWS = Rows(tables.pauses)
_SCOPES = select(tables.pauses.c.scope)
_USER = "user:"


def standing(tx: Connection) -> Pauses:
    """Who is paused now."""
    scopes = set(tx.execute(_SCOPES).scalars())
    users = frozenset(scope.removeprefix(_USER) for scope in scopes - {SYSTEM})
    return Pauses(system=SYSTEM in scopes, users=users)


def change(tx: Connection, *, before: Pauses, after: Pauses, since: datetime, by: str) -> None:
    """Stores what differs; a pause that stood before keeps its beginning."""
    old, new = _scopes(before), _scopes(after)
    for scope in sorted(old - new):
        _ROWS.remove(tx, scope=scope)
    for scope in sorted(new - old):
        _ROWS.put(tx, scope=scope, since=since, requested_by=by)


def _scopes(pauses: Pauses) -> set[str]:
    return {f"{_USER}{user}" for user in pauses.users} | ({SYSTEM} if pauses.system else set())
