"""Heads: which record of a compacted topic each key of the directory stands at.

Records are read at least once and sometimes from the start again; per key the order of offsets decides. A full read
again marks what it meets and sweeps what it did not, since a topic that was compacted, or made anew, no longer tells
what is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, select, update

from daemon.store.many import Many
from daemon.store.rows import AnyRow, Rows, batches
from daemon.store.tables import heads, read_offsets, readings


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value of the directory was read. `version` is the one its event states; a delete states none."""

    topic: str
    partition: int
    offset: int
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Met:
    """Which of some records count, each at its place among them, and which of their keys were met before."""

    counts: list[bool]
    known: frozenset[str]


_HEADS, _MANY_HEADS = Rows(heads), Many(heads)
_READINGS = Rows(readings)
_OFFSETS = Rows(read_offsets)

_NOW_READING = (
    select(func.coalesce(func.max(readings.c.reading), 0))
    .where(readings.c.topic == bindparam("of_topic"))
    .scalar_subquery()
)
_READING = select(_NOW_READING)
_OF = select(heads).where(heads.c.kind == bindparam("of_kind"), heads.c.key.in_(bindparam("keys", expanding=True)))
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
    return accept_all(tx, kind, [(key, at)]).counts[0]


def accept_all(tx: Connection, kind: str, records: Sequence[tuple[str, Source]]) -> Met:
    """The same for many records, one after the other."""
    readings_now = {topic: _now_reading(tx, topic) for topic in {at.topic for _, at in records}}
    known = {row.key: _head(row) for row in _rows(tx, kind, [key for key, _ in records])}
    before = frozenset(known)
    accepted: dict[str, Source] = {}
    counts = []
    for key, at in records:
        head, reading = known.get(key), readings_now[at.topic]
        counts.append(head is None or _counts(head, at, reading=reading))
        if counts[-1]:
            known[key], accepted[key] = (at, reading), at
    _MANY_HEADS.put(tx, [_row(kind, key, at, reading=readings_now[at.topic]) for key, at in accepted.items()])
    _advance_all(tx, [at for _, at in records])
    return Met(counts, before)


def of(tx: Connection, kind: str, key: str) -> Source | None:
    """Which record a key stands at."""
    row = _HEADS.get(tx, kind=kind, key=key)
    return None if row is None else _head(row)[0]


def is_late(tx: Connection, kind: str, key: str, *, at: Source) -> bool:
    """Whether a record comes after one of a higher version, which stands then. From here on it is one read before."""
    row = _HEADS.get(tx, kind=kind, key=key)
    if row is None or at.version is None or at.version >= row.version:
        return False
    known, met_in = _head(row)
    reading = _now_reading(tx, at.topic)
    if (known.topic, known.partition, met_in) != (at.topic, at.partition, reading) or at.offset <= known.offset:
        return False
    _MANY_HEADS.put(tx, [_row(kind, key, replace(at, version=row.version), reading=reading)])
    _advance_all(tx, [at])
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
    found: dict[str, list[int]] = {}
    for topic, partition, next_offset in tx.execute(_ALL_OFFSETS):
        offsets = found.setdefault(topic, [])
        offsets.extend([0] * (partition - len(offsets)))
        offsets.append(next_offset)
    return {topic: tuple(offsets) for topic, offsets in found.items()}


_Head = tuple[Source, int]
"""Where a key stands, and in which reading that was."""


def _now_reading(tx: Connection, topic: str) -> int:
    return int(tx.execute(_READING, {"of_topic": topic}).scalar_one())


def _rows(tx: Connection, kind: str, keys: list[str]) -> Iterator[AnyRow]:
    for batch in batches(keys):
        yield from tx.execute(_OF, {"of_kind": kind, "keys": batch})


def _head(row: AnyRow) -> _Head:
    return Source(row.topic, row.partition, row.offset, row.version), row.reading


def _row(kind: str, key: str, at: Source, *, reading: int) -> tuple[Any, ...]:
    """In the order of the columns."""
    return kind, key, at.topic, at.partition, at.offset, at.version or 0, reading


def _advance_all(tx: Connection, sources: Iterable[Source]) -> None:
    reached: dict[tuple[str, int], int] = {}
    for at in sources:
        place = (at.topic, at.partition)
        if at.offset >= reached.get(place, 0):
            reached[place] = at.offset + 1
    for (topic, partition), offset in sorted(reached.items()):
        if not tx.execute(_ADVANCE, {"of_topic": topic, "of_partition": partition, "next": offset}).rowcount:
            _OFFSETS.put(tx, topic=topic, partition=partition, next_offset=offset)


def _counts(head: _Head, at: Source, *, reading: int) -> bool:
    known, met_in = head
    if known.topic != at.topic or met_in < reading:
        return True
    if known.partition == at.partition:
        return at.offset > known.offset
    # The topic was given more partitions and the key moved: offsets do not compare, versions do.
    return at.version is None or at.version >= (known.version or 0)
