"""Links and their replicas (ID-1, ID-2, ID-8).

That one meeting is one link, however many hints of it are worked on at once, is kept here by unique UIDs, CRM ids and
copies, and by the version that every save must know.
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
from handlers.links import Link, Replica, State
from schemas.items import Response

_LINK_COLUMNS = tuple(f.name for f in fields(Link) if f.name != "replicas")
_REPLICA_COLUMNS = tuple(f.name for f in fields(Replica))


def _link_where(condition: ColumnElement[bool]) -> Select[Any]:
    return select(*(tables.links.c[name] for name in _LINK_COLUMNS)).where(condition)


_BY_ID = _link_where(tables.links.c.id == bindparam("wanted"))
_BY_UID = _link_where(tables.links.c.uid == bindparam("wanted"))
_BY_CRM_ID = _link_where(tables.links.c.crm_id == bindparam("wanted"))
_BY_REPLICA = _link_where(
    tables.links.c.id
    == select(tables.replicas.c.link_id)
    .where(tables.replicas.c.mailbox == bindparam("mailbox"), tables.replicas.c.item_id == bindparam("item_id"))
    .scalar_subquery()
)
_VERSION_BY_REPLICA = (
    select(tables.links.c.version)
    .join_from(tables.links, tables.replicas, tables.replicas.c.link_id == tables.links.c.id)
    .where(tables.replicas.c.mailbox == bindparam("mailbox"), tables.replicas.c.item_id == bindparam("item_id"))
)
_REPLICAS = (
    select(*(tables.replicas.c[name] for name in _REPLICA_COLUMNS))
    .where(tables.replicas.c.link_id == bindparam("wanted"))
    .order_by(tables.replicas.c.position)
)
_INSERT = insert(tables.links).on_conflict_do_nothing().returning(tables.links.c.id)
"""Of two daemons that store a new link at once, it is left to chance which of its unique values they meet at."""
_IS_THERE = select(tables.links.c.id).where(tables.links.c.id == bindparam("wanted"))
_UPDATE = update(tables.links).where(
    tables.links.c.id == bindparam("wanted"), tables.links.c.version == bindparam("seen")
)
_INSERT_REPLICAS = insert(tables.replicas)
_DELETE_REPLICAS = delete(tables.replicas).where(tables.replicas.c.link_id == bindparam("wanted"))


def by_id(tx: Connection, link_id: str) -> Link | None:
    """The link with this id."""
    return _with_replicas(tx, tx.execute(_BY_ID, {"wanted": link_id}).one_or_none())


def by_uid(tx: Connection, uid: str) -> Link | None:
    """The link of the meeting with this clean UID (ID-1)."""
    return _with_replicas(tx, tx.execute(_BY_UID, {"wanted": uid}).one_or_none())


def by_crm_id(tx: Connection, crm_id: str) -> Link | None:
    """The link of this CRM item."""
    return _with_replicas(tx, tx.execute(_BY_CRM_ID, {"wanted": crm_id}).one_or_none())


def by_replica(tx: Connection, mailbox: str, item_id: str) -> Link | None:
    """The link that has this copy; item ids compare byte for byte."""
    return _with_replicas(tx, tx.execute(_BY_REPLICA, {"mailbox": mailbox, "item_id": item_id}).one_or_none())


def version_by_replica(tx: Connection, mailbox: str, item_id: str) -> int:
    """The version of the link that has this copy; 0 if there is none."""
    return tx.execute(_VERSION_BY_REPLICA, {"mailbox": mailbox, "item_id": item_id}).scalar() or 0


def save(tx: Connection, link: Link) -> Link:
    """Stores a link with exactly its replicas and returns it with its new version.

    Raises `Stale` if it is no longer the version that was read, `Taken` if its UID, CRM id or a copy is another
    link's.
    """
    saved = replace(link, version=link.version + 1)
    try:
        _save_row(tx, saved)
        _save_replicas(tx, saved)
    except IntegrityError:
        raise _taken(link.id) from None  # not chained: some databases quote the values in their error texts
    return saved


def _taken(link_id: str) -> Taken:
    return Taken(f"link {link_id}: its UID, CRM id or one of its copies belongs to another link")


def _save_row(tx: Connection, link: Link) -> None:
    row = {name: getattr(link, name) for name in _LINK_COLUMNS}
    seen = link.version - 1
    if seen:
        stored = tx.execute(_UPDATE, row | {"wanted": link.id, "seen": seen}).rowcount > 0
    else:
        stored = tx.execute(_INSERT, row).first() is not None
        if not stored and tx.execute(_IS_THERE, {"wanted": link.id}).first() is None:
            raise _taken(link.id)
    if not stored:
        raise Stale(f"link {link.id} is no longer at version {seen}")


def _save_replicas(tx: Connection, link: Link) -> None:
    if link.version > 1:
        tx.execute(_DELETE_REPLICAS, {"wanted": link.id})
    if link.replicas:
        tx.execute(_INSERT_REPLICAS, [_replica_row(link.id, at, one) for at, one in enumerate(link.replicas)])


def _replica_row(link_id: str, position: int, replica: Replica) -> dict[str, Any]:
    row = {name: getattr(replica, name) for name in _REPLICA_COLUMNS}
    return row | {"link_id": link_id, "position": position}


def _with_replicas(tx: Connection, row: AnyRow | None) -> Link | None:
    if row is None:
        return None
    values = dict(zip(_LINK_COLUMNS, row, strict=True))
    values["state"] = State(values["state"])
    replicas = tx.execute(_REPLICAS, {"wanted": row.id})
    return Link(**values, replicas=tuple(_replica(one) for one in replicas))


def _replica(row: AnyRow) -> Replica:
    values = dict(zip(_REPLICA_COLUMNS, row, strict=True))
    values["response"] = Response(values["response"])
    return Replica(**values)
