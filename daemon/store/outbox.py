"""The outbox: what must reach Kafka because something was settled.

Rows are written in the settling transaction and published in their order; what a crash leaves here is published at the
next start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Integer, Text, bindparam, column, delete, func, insert, select, table, update

from daemon.store.rows import batches
from daemon.store.tables import outbox

LOCAL = ""
"""The owner of the rows where only one process works on the store. Where several do, each has a name of its own."""

_ADD = insert(outbox)
_GIVEN = table("sqlite_sequence", column("name", Text), column("seq", Integer))
_LAST_NUMBER = select(_GIVEN.c.seq).where(_GIVEN.c.name == outbox.name)
_NEXT_NUMBERS = select(func.nextval("outbox_id_seq")).select_from(func.generate_series(1, bindparam("count")))
_WAITING = (
    select(outbox.c.id, outbox.c.topic, outbox.c.key, outbox.c.value, outbox.c.headers)
    .where(outbox.c.owner == bindparam("by"), outbox.c.parked.is_(None))
    .order_by(outbox.c.id)
    .limit(bindparam("at_most"))
)
_REMOVE = delete(outbox).where(outbox.c.id.in_(bindparam("ids", expanding=True)))
_OWNERS = select(outbox.c.owner).where(outbox.c.parked.is_(None)).distinct()
_OTHERS = (
    select(outbox.c.id)
    .where(outbox.c.key == bindparam("of_key"), outbox.c.owner != bindparam("but"), outbox.c.parked.is_(None))
    .limit(1)
)
_ADOPT = update(outbox).where(outbox.c.owner == bindparam("dead")).values(owner=bindparam("by"))
_PARK = update(outbox).where(outbox.c.id == bindparam("wanted")).values(parked=bindparam("why"))
_PARKED = (
    select(outbox.c.parked, func.count().label("rows")).where(outbox.c.parked.is_not(None)).group_by(outbox.c.parked)
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One record to publish."""

    id: int
    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Outgoing(Protocol):
    """One record to put out."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...


def add_all(tx: Connection, outgoing: Sequence[Outgoing], *, owner: str = LOCAL) -> list[int]:
    """Puts records behind all others, in their order; their numbers."""
    if not outgoing:
        return []
    numbers = _next_numbers(tx, len(outgoing))
    rows = [
        {
            "id": number,
            "owner": owner,
            "topic": each.topic,
            "key": each.key,
            "value": each.value,
            "headers": each.headers,
        }
        for number, each in zip(numbers, outgoing, strict=True)
    ]
    tx.execute(_ADD, rows)
    return numbers


def add(
    tx: Connection,
    *,
    topic: str,
    key: bytes,
    value: bytes | None,
    headers: tuple[tuple[str, bytes], ...] = (),
    owner: str = LOCAL,
) -> int:
    """Puts one record behind all others; its number."""
    (number,) = add_all(tx, [Waiting(0, topic, key, value, headers)], owner=owner)
    return number


def waiting(tx: Connection, limit: int, *, owner: str = LOCAL) -> tuple[Waiting, ...]:
    """The oldest records that are still to be published, in order."""
    rows = tx.execute(_WAITING, {"by": owner, "at_most": limit})
    return tuple(Waiting(row.id, row.topic, row.key, row.value, row.headers) for row in rows)


def owners(tx: Connection) -> tuple[str, ...]:
    """Everybody who still has something to publish."""
    return tuple(tx.execute(_OWNERS).scalars())


def others_have(tx: Connection, key: bytes, *, owner: str) -> bool:
    """Whether somebody else still has to publish something of this key."""
    return tx.execute(_OTHERS, {"of_key": key, "but": owner}).first() is not None


def adopt(tx: Connection, dead: str, *, by: str) -> int:
    """Takes over all that a dead owner has left, in its order; how many records."""
    return tx.execute(_ADOPT, {"dead": dead, "by": by}).rowcount


def remove(tx: Connection, ids: Iterable[int]) -> None:
    """Forgets exactly these: the broker has them."""
    for batch in batches(ids):
        tx.execute(_REMOVE, {"ids": batch})


def park(tx: Connection, number: int, reason: str) -> None:
    """Puts a record that cannot be published (too large, say) aside, so that it blocks no other."""
    tx.execute(_PARK, {"wanted": number, "why": reason})


def parked(tx: Connection) -> dict[str, int]:
    """How many records were put aside, by reason."""
    return {row.parked: row.rows for row in tx.execute(_PARKED)}


def _next_numbers(tx: Connection, count: int) -> list[int]:
    """Numbers that were never given. To have them beforehand costs a third of being told of each by the database."""
    if tx.dialect.name == "postgresql":
        return sorted(tx.execute(_NEXT_NUMBERS, {"count": count}).scalars())
    last = tx.execute(_LAST_NUMBER).scalar() or 0  # who writes is alone
    return list(range(last + 1, last + 1 + count))
