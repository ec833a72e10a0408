"""Positions: how far each partition is settled, and who may say so.

A position is saved in the transaction that settles the work below it, first of all, so that a process that lost the
partition meanwhile cannot store anything (it is fenced).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from sqlalchemy import Connection, bindparam, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from daemon.store import tables
from daemon.store.errors import Fenced

_positions = tables.positions
_NEW = insert(_positions)
_ASSIGN = _NEW.on_conflict_do_update(
    index_elements=list(_positions.primary_key), set_={"owner": _NEW.excluded.owner, "moved": _NEW.excluded.moved}
).returning(_positions.c.offset)
_AHEAD = or_(~_positions.c.moved, _positions.c.offset.is_(None), _positions.c.offset < bindparam("to"))
_MOVE = (
    update(_positions)
    .where(
        _positions.c.topic == bindparam("of_topic"),
        _positions.c.partition == bindparam("of_partition"),
        _positions.c.owner == bindparam("by"),
    )
    .values(offset=case((_AHEAD, bindparam("to")), else_=_positions.c.offset), moved=True)
)
_OWNER = select(_positions.c.owner).where(
    _positions.c.topic == bindparam("of_topic"), _positions.c.partition == bindparam("of_partition")
)
_ALL = select(_positions.c.topic, _positions.c.partition, _positions.c.offset).where(_positions.c.offset.is_not(None))


class Position(Protocol):
    """Everything below `offset` is settled, says `owner`."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def owner(self) -> str: ...
    @property
    def offset(self) -> int: ...


def assign(tx: Connection, partitions: Iterable[tuple[str, int]], owner: str) -> dict[tuple[str, int], int | None]:
    """Gives partitions to an owner and fences whoever had them; where each stands, None if it was never settled."""
    ordered = sorted(partitions)  # two processes that take the same ones must not wait for each other
    return {(topic, partition): _assign(tx, (topic, partition), owner) for topic, partition in ordered}


def save(tx: Connection, positions: Iterable[Position]) -> None:
    """Moves partitions on. Raises `Fenced` if one of them has another owner by now.

    Under one owner a position only grows, whatever order units of work are settled in. A new owner's first one
    counts as it is: a topic that was made anew starts from its beginning.
    """
    for position in positions:
        _save(tx, position)


def verify(tx: Connection, positions: Iterable[Position]) -> None:
    """Raises `Fenced` if one of them has another owner by now; moves nothing."""
    for position in positions:
        place = {"of_topic": position.topic, "of_partition": position.partition}
        if tx.execute(_OWNER, place).scalar() != position.owner:
            raise Fenced(f"{position.topic}/{position.partition} is not {position.owner}'s")


def known(tx: Connection) -> dict[tuple[str, int], int]:
    """Where every partition stands that ever settled something."""
    return {(row.topic, row.partition): row.offset for row in tx.execute(_ALL)}


def _assign(tx: Connection, partition: tuple[str, int], owner: str) -> int | None:
    topic, number = partition
    row = {"topic": topic, "partition": number, "owner": owner, "offset": None, "moved": False}
    offset: int | None = tx.execute(_ASSIGN, row).scalar_one()
    return offset


def _save(tx: Connection, position: Position) -> None:
    place = {"of_topic": position.topic, "of_partition": position.partition}
    if not tx.execute(_MOVE, place | {"by": position.owner, "to": position.offset}).rowcount:
        raise Fenced(f"{position.topic}/{position.partition} is not {position.owner}'s")
