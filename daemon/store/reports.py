"""Reports: what was last said of something that has no link, so that the same state is not reported twice.

A mailbox that is nobody's, an item that cannot be read, a task, a request that was answered.
"""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from daemon.store import tables
from daemon.store.rows import Rows

_ROWS = Rows(tables.reports)
_NEW = insert(tables.reports)
_REPORT = _NEW.on_conflict_do_update(
    index_elements=["key"],
    set_={"state": _NEW.excluded.state},
    where=tables.reports.c.state != _NEW.excluded.state,
).returning(tables.reports.c.key)


def is_new(tx: Connection, key: str, state: str) -> bool:
    """Whether this state of `key` has not been reported; it counts as reported from here on."""
    return tx.execute(_REPORT, {"key": key, "state": state}).first() is not None


def is_known(tx: Connection, key: str) -> bool:
    """Whether anything was reported of `key`."""
    return _ROWS.get(tx, key=key) is not None


def forget(tx: Connection, key: str) -> None:
    """The state is over: should it come back, it is reported again."""
    _ROWS.remove(tx, key=key)
