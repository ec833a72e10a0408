"""Dead letters that somebody has dealt with: parked, or put back on their topic.

The letters themselves lie on the bus. One is known by its place among them and by its time, for a topic that was made
anew counts its places from zero again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from daemon.store import tables
from daemon.store.rows import Rows

_letters = tables.letters
_ROWS = Rows(_letters)
_ALL = select(_letters)

Fate = Literal["parked", "replayed"]


@dataclass(frozen=True, slots=True)
class Place:
    """Which letter: partition and offset in the topic of dead letters, and the broker's time in milliseconds."""

    partition: int
    offset: int
    timestamp: int


def mark(tx: Connection, place: Place, fate: Fate, *, at: datetime) -> None:
    """Somebody has dealt with this letter."""
    _ROWS.put(tx, partition=place.partition, offset=place.offset, timestamp=place.timestamp, fate=fate, marked_at=at)


def marked(tx: Connection) -> Mapping[Place, Fate]:
    """Every letter that somebody has dealt with."""
    return {Place(row.partition, row.offset, row.timestamp): row.fate for row in tx.execute(_ALL)}
