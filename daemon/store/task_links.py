"""Task links and their copies (ID-7, ID-8); one task is one link, as `links` keeps it for meetings.

A task has no UID: it is found by the CRM's id, which our marker carries, by an item id, or by the search key that stays
when an item moves.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from daemon.store import tables
from daemon.store.errors import Stale, Taken
from daemon.store.rows import AnyRow
from handlers.links import State
from handlers.task_links import TaskLink, TaskReplica

_links, _replicas = tables.task_links, tables.task_replicas
_LINK_COLUMNS = tuple(f.name for f in fields(TaskLink) if f.name != "replicas")
_REPLICA_COLUMNS = tuple(f.name for f in fields(TaskReplica))


def _link_where(condition: ColumnElement[bool]) -> Select[Any]:
    return select(*(_links.c[name] for name in _LINK_COLUMNS)).where(condition)


_BY_ID = _link_where(_links.c.id == bindparam("wanted"))
_BY_CRM_ID = _link_where(_links.c.crm_id == bindparam("wanted"))
_OF_REPLICA = select(_replicas.c.link_id).where(
    _replicas.c.mailbox == bindparam("mailbox"), _replicas.c.item_id == bindparam("item_id")
)
_OF_SEARCH_KEY = (
    select(_replicas.c.link_id)
    .where(_replicas.c.mailbox == bindparam("mailbox"), _replicas.c.search_key == bindparam("search_key"))
    .order_by(_replicas.c.link_id)
)
_COPIES = (
    select(*(_replicas.c[name] for name in _REPLICA_COLUMNS))
    .where(_replicas.c.link_id == bindparam("wanted"))
    .order_by(_replicas.c.user)
)
_INSERT = insert(_links).on_conflict_do_nothing().returning(_links.c.id)
"""Of two daemons that store a new link at once, it is left to chance which of its unique values they meet at."""
_IS_THERE = select(_links.c.id).where(_links.c.id == bindparam("wanted"))
_UPDATE = update(_links).where(_links.c.id == bindparam("wanted"), _links.c.version == bindparam("seen"))
_INSERT_COPIES = insert(_replicas)
_DELETE_COPIES = delete(_replicas).where(_replicas.c.link_id == bindparam("wanted"))


def by_id(tx: Connection, link_id: str) -> TaskLink | None:
    """The link with this id."""
    return _whole(tx, tx.execute(_BY_ID, {"wanted": link_id}).one_or_none())


def by_crm_id(tx: Connection, crm_id: str) -> TaskLink | None:
    """The link of this CRM task."""
    return _whole(tx, tx.execute(_BY_CRM_ID, {"wanted": crm_id}).one_or_none())


def by_replica(tx: Connection, mailbox: str, item_id: str) -> TaskLink | None:
    """The link that has this copy; item ids compare byte for byte."""
    found = tx.execute(_OF_REPLICA, {"mailbox": mailbox, "item_id": item_id}).scalar()
    return None if found is None else by_id(tx, found)


def by_search_key(tx: Connection, mailbox: str, search_key: str) -> TaskLink | None:
    """The link of the copy with this search key; of a copy of a copy, which shares it, the first."""
    found = tx.execute(_OF_SEARCH_KEY, {"mailbox": mailbox, "search_key": search_key}).scalars().first()
    return None if found is None or not search_key else by_id(tx, found)


def save(tx: Connection, link: TaskLink) -> TaskLink:
    """Stores a link with exactly its copies and returns it with its new version. Raises `Stale` and `Taken`."""
    saved = replace(link, version=link.version + 1)
    try:
        _save_row(tx, saved)
        _save_copies(tx, saved)
    except IntegrityError:
        raise _taken(link.id) from None  # not chained: some databases quote the values in their error texts
    return saved


def _taken(link_id: str) -> Taken:
    return Taken(f"task link {link_id}: its CRM id or one of its copies belongs to another link")


def _save_row(tx: Connection, link: TaskLink) -> None:
    row = {name: getattr(link, name) for name in _LINK_COLUMNS}
    seen = link.version - 1
    if seen:
        stored = tx.execute(_UPDATE, row | {"wanted": link.id, "seen": seen}).rowcount > 0
    else:
        stored = tx.execute(_INSERT, row).first() is not None
        if not stored and tx.execute(_IS_THERE, {"wanted": link.id}).first() is None:
            raise _taken(link.id)
    if not stored:
        raise Stale(f"task link {link.id} is no longer at version {seen}")


def _save_copies(tx: Connection, link: TaskLink) -> None:
    if link.version > 1:
        tx.execute(_DELETE_COPIES, {"wanted": link.id})
    if link.replicas:
        tx.execute(_INSERT_COPIES, [_row(link.id, replica) for replica in link.replicas])


def _row(link_id: str, replica: TaskReplica) -> dict[str, Any]:
    return {name: getattr(replica, name) for name in _REPLICA_COLUMNS} | {"link_id": link_id}


def _whole(tx: Connection, row: AnyRow | None) -> TaskLink | None:
    if row is None:
        return None
    values = dict(zip(_LINK_COLUMNS, row, strict=True))
    values["state"] = State(values["state"])
    copies = tx.execute(_COPIES, {"wanted": row.id})
    return TaskLink(
        **values, replicas=tuple(TaskReplica(**dict(zip(_REPLICA_COLUMNS, one, strict=True))) for one in copies)
    )
