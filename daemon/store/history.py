"""History: the last outcomes of each link, for the question why an item is as it is (OPT-5).

Outcomes carry no content, so that this may be shown to an operator. Bounded per link.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, or_, select, union

from daemon.store import tables
from daemon.store.rows import batches

KEPT = 50
"""Outcomes kept per link."""

_history, _links = tables.history, tables.links
_ADD = insert(_history)
_OLDEST_KEPT = (
    select(_history.c.id)
    .where(_history.c.link_id == bindparam("wanted"))
    .order_by(_history.c.id.desc())
    .limit(1)
    .offset(KEPT - 1)
    .scalar_subquery()
)
_PRUNE = delete(_history).where(_history.c.link_id == bindparam("wanted"), _history.c.id < _OLDEST_KEPT)
_item: BindParameter[str] = bindparam("item")
_LINKS_OF = union(
    select(_history.c.link_id).where(
        or_(_history.c.link_id == _item, _history.c.crm_id == _item, _history.c.uid == _item)
    ),
    select(_links.c.id).where(or_(_links.c.crm_id == _item, _links.c.uid == _item)),
)
_OF = select(_history).where(_history.c.link_id.in_(bindparam("ids", expanding=True))).order_by(_history.c.id)


@dataclass(frozen=True, slots=True)
class Entry:
    """One outcome and when it was stored. `link` is the link's id, or the cause's key where there is no link."""

    link: str
    crm_id: str | None
    uid: str | None
    at: datetime
    outcome: str


def add(tx: Connection, *, link: str, crm_id: str | None, uid: str | None, outcome_json: str, at: datetime) -> None:
    """Keeps an outcome and forgets the link's oldest ones beyond `KEPT`."""
    tx.execute(_ADD, {"link_id": link, "crm_id": crm_id, "uid": uid, "at": at, "outcome": outcome_json})
    tx.execute(_PRUNE, {"wanted": link})


def of(tx: Connection, item: str) -> tuple[Entry, ...]:
    """All that is kept of an item, oldest first, by its link id, CRM id or UID, known at the time or since."""
    ids = list(tx.execute(_LINKS_OF, {"item": item}).scalars())
    return tuple(entry for _, entry in sorted(_entries(tx, ids)))


def _entries(tx: Connection, ids: Iterable[str]) -> Iterable[tuple[int, Any]]:
    for batch in batches(ids):
        for row in tx.execute(_OF, {"ids": batch}):
            yield row.id, Entry(row.link_id, row.crm_id, row.uid, at=row.at, outcome=row.outcome)
