"""Where a topic's records go, and what the engine hands over: routes, deliveries, positions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from daemon.bus.dispositions import Disposition
from daemon.bus.port import Record, TopicPartition


class Fenced(Exception):
    """The partition has another owner by now: nothing may be written in this one's name any more."""


@dataclass(frozen=True, slots=True)
class Position:
    """Everything below `offset` is settled, says `owner`. Of one owner's positions the greatest stands."""

    topic: str
    partition: int
    owner: str
    offset: int


class Delivery(Protocol):
    """What a lane hands to `Route.process`: a record, or all that waited there (`Route.collapse`), in offset order."""

    @property
    def records(self) -> tuple[Record, ...]: ...

    def position(self) -> Position:
        """The partition's position once these records are settled; belongs into the transaction that settles them."""


class Positions(Protocol):
    """The store's memory of how far each partition is settled. Kafka's commit follows it."""

    async def assign(self, partitions: Collection[TopicPartition], owner: str) -> Mapping[TopicPartition, int]:
        """Makes `owner` the one who may write; returns the stored offsets (absent: none)."""

    async def save(self, positions: Sequence[Position]) -> None:
        """Stores them all or none; a lower offset of the same owner changes nothing. Raises `Fenced`."""

    async def rewind(self, positions: Sequence[Position]) -> None:
        """Stores them even if lower: the topic was made anew and counts from zero again. Raises `Fenced`."""


def by_key(record: Record) -> Hashable:
    """Records of one key in one lane; records without a key in one lane per partition."""
    return record.key


@dataclass(frozen=True, slots=True)
class Route:
    """What becomes of the records of a topic.

    `lane` names the lane of a record; records of one lane run one at a time, in offset order. With `collapse`, a lane
    gathers for `settle` from its first record on and is then handed over as one delivery. Routes that wait for the
    directory are read only when every topic of a `directory` route is read to the end it had at start.
    """

    topic: str
    process: Callable[[Delivery], Awaitable[Disposition]]
    lane: Callable[[Record], Hashable] = by_key
    collapse: bool = False
    settle: timedelta = timedelta()
    waits_for_directory: bool = False
    directory: bool = False
