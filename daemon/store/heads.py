"""Heads: which record of a compacted topic each key of the directory stands at.

Records are read at least once and sometimes from the start again; per key the order of offsets decides. A full read
again marks what it meets and sweeps what it did not, since a topic that was compacted, or made anew, no longer tells
what is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, case, delete, func, literal, select, update

from daemon.store.rows import AnyRow, Rows
from daemon.store.tables import heads, read_offsets, readings


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value of the directory was read. `version` is the one its event states; a delete states none."""

    topic: str
    partition: int
    offset: int
    version: int | None = None


_HEADS = Rows(heads)
_READINGS = Rows(readings)
_OFFSETS = Rows(read_offsets)

_NOW_READING = (
    select(func.coalesce(func.max(readings.c.reading), 0))
    .where(readings.c.topic == bindparam("of_topic"))
    .scalar_subquery()
)
_ONE = select(literal(1).label("one")).subquery()
_HEAD = select(
    _NOW_READING.label("now_reading"),
    heads.c.topic,
    heads.c.partition,
    heads.c.offset,
    heads.c.version,
    heads.c.reading,
).select_from(_ONE.outerjoin(heads, and_(heads.c.kind == bindparam("of_kind"), heads.c.key == bindparam("of_key"))))
_BEHIND = read_offsets.c.next_offset < bindparam("next")
_ADVANCE = (
    update(read_offsets)
    .where(
        read_offsets.c.topic == bindparam("of_topic"),
        read_offsets.c.partition == bindparam("of_partition"),
    )
    .values(next_offset=case((_BEHIND, bindparam("next")), else_=read_offsets.c.next_offset))
)
_FORGET_OFFSETS = delete(read_offsets).where(read_offsets.c.topic == bindparam("of_topic"))
_ALL_OFFSETS = select(read_offsets).order_by(read_offsets.c.topic, read_offsets.c.partition)
_UNMARKED = (
    select(heads.c.kind, heads.c.key)
    .where(heads.c.topic == bindparam("of_topic"), heads.c.reading < _NOW_READING)
    .limit(bindparam("at_most"))
)


def accept(tx: Connection, kind: str, key: str, *, at: Source) -> bool:
    """Whether this record counts: nothing newer of its key is known. If so, it is the key's head from here on."""
    head = tx.execute(_HEAD, {"of_topic": at.topic, "of_kind": kind, "of_key": key}).one()
    _advance(tx, at)
    if not _counts(head, at):
        return False
    place = {"topic": at.topic, "partition": at.partition, "offset": at.offset}
    _HEADS.put(tx, kind=kind, key=key, **place, version=at.version or 0, reading=head.now_reading)
    return True


def begin_reread(tx: Connection, topic: str) -> None:
    """The topic is read from its start: offsets seen before say nothing any more."""
    row = _READINGS.get(tx, topic=topic)
    _READINGS.put(tx, topic=topic, reading=row.reading + 1 if row else 1)
    tx.execute(_FORGET_OFFSETS, {"of_topic": topic})


def unmarked(tx: Connection, topic: str, *, limit: int) -> list[tuple[str, str]]:
    """Kinds and keys that the current reading of a topic has not met."""
    rows = tx.execute(_UNMARKED, {"of_topic": topic, "at_most": limit})
    return [(row.kind, row.key) for row in rows]


def forget(tx: Connection, kind: str, key: str) -> None:
    """The key is gone from its topic."""
    _HEADS.remove(tx, kind=kind, key=key)


def as_of(tx: Connection) -> dict[str, tuple[int, ...]]:
    """Per topic and partition the offset after the last record read; 0 where nothing was read yet."""
    rows = list(tx.execute(_ALL_OFFSETS))
    return {topic: tuple(_per_partition(rows, topic)) for topic in dict.fromkeys(row.topic for row in rows)}


def _per_partition(rows: list[AnyRow], topic: str) -> Iterator[int]:
    known = {row.partition: row.next_offset for row in rows if row.topic == topic}
    return (known.get(partition, 0) for partition in range(max(known) + 1))


def _advance(tx: Connection, at: Source) -> None:
    place = {"of_topic": at.topic, "of_partition": at.partition}
    if not tx.execute(_ADVANCE, place | {"next": at.offset + 1}).rowcount:
        _OFFSETS.put(tx, topic=at.topic, partition=at.partition, next_offset=at.offset + 1)


def _counts(head: AnyRow, at: Source) -> bool:
    if head.topic != at.topic or head.reading < head.now_reading:
        return True
    if head.partition == at.partition:
        return bool(at.offset > head.offset)
    # The topic was given more partitions and the key moved: offsets do not compare, versions do.
    return at.version is None or bool(at.version >= head.version)
