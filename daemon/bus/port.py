"""What the bus asks of a broker, and the errors it expects.

Two implementations pass one behaviour suite: `kafka` and `memory`. Topics are named as the contract names them; a
configured prefix is the implementation's business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Protocol

Headers = tuple[tuple[str, bytes | None], ...]
"""In the order they came; names may repeat, values may be null."""


class TopicPartition(NamedTuple):
    """One partition of a topic, by its name without prefix."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it lay in the topic. `timestamp` is in milliseconds since 1970, as the broker tells it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int = 0

    @property
    def source(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)

    @property
    def size(self) -> int:
        """Bytes of key, value and headers: what the record costs in memory, roughly."""
        headers = sum(len(name) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


class BusError(Exception):
    """The bus could not do what was asked."""


class Unreachable(BusError):
    """No broker answers, or it does not let us in."""


class SignInRefused(Unreachable):
    """A broker answers, and refuses our user, our password or the way we sign in."""


class NotTrusted(Unreachable):
    """A broker answers, and no TLS comes about: one side does not trust the other's certificate."""


class NotAllowed(BusError):
    """A broker knows us and does not let us do this: a right is missing."""


class MissingTopics(BusError):
    """Topics to be read do not exist. They are never made on the way (`exsyncd topics --create` makes them)."""

    def __init__(self, topics: Collection[str]) -> None:
        self.topics = tuple(sorted(topics))
        super().__init__(f"missing topics: {', '.join(self.topics)}")


class Undeliverable(BusError):
    """The broker did not acknowledge in time, or refused. The record may or may not be in the topic."""


class TooLarge(BusError):
    """The record is larger than its topic allows. It is not in the topic, and will not be if sent again."""


class NotOwner(BusError):
    """A commit came from a member that no longer owns the partition: somebody else reads it now."""


class Listener(Protocol):
    """Told of every rebalance. All partitions are revoked, then the new ones assigned."""

    async def revoked(self, partitions: Collection[TopicPartition]) -> None: ...

    async def assigned(self, partitions: Collection[TopicPartition]) -> None: ...


class Consumer(Protocol):
    """One member of the group."""

    async def start(self, topics: Collection[str], listener: Listener) -> None:
        """Joins the group. Raises `Unreachable` or `MissingTopics`."""

    async def stop(self) -> None:
        """Leaves (a static member only falls silent). The listener is not called: the caller has drained before."""

    async def getmany(self, *, wait: timedelta, max_records: int) -> Sequence[Record]:
        """The next records of partitions that are not paused; empty after `wait`. Must never be cancelled."""

    def pause(self, partitions: Iterable[TopicPartition]) -> None: ...

    def resume(self, partitions: Iterable[TopicPartition]) -> None: ...

    def seek(self, partition: TopicPartition, offset: int) -> None: ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits exactly these. Raises `NotOwner` if the group has moved on, `BusError` if it did not work."""

    async def committed(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """What the group has committed; a partition without a commit is absent. Also of partitions of other members."""

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]: ...

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The offset the next record of each partition will get."""

    async def position(self, partition: TopicPartition) -> int:
        """The offset of the next record `getmany` would look at, gaps included. Never a base for commits (826)."""

    def assignment(self) -> frozenset[TopicPartition]: ...

    def partitions(self, topic: str) -> frozenset[int]:
        """The partitions the broker told us of; empty if the topic is gone."""


class Reader(Protocol):
    """Looks at all of one topic without being a member of any group: nothing is committed, nobody is disturbed."""

    async def start(self, topic: str) -> None:
        """Raises `Unreachable`, `MissingTopics` or `NotAllowed`. Every partition is to be sought before it is read."""

    async def stop(self) -> None: ...

    def seek(self, partition: TopicPartition, offset: int) -> None: ...

    async def getmany(self, *, wait: timedelta, max_records: int) -> Sequence[Record]:
        """The next records; empty after `wait`. Must never be cancelled. Raises `BusError`."""

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]: ...

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The offset the next record of each partition will get."""

    def partitions(self, topic: str) -> frozenset[int]: ...


class Outgoing(Protocol):
    """A record to be sent."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Producer(Protocol):
    """Sends records, each acknowledged by all replicas in sync."""

    async def start(self) -> None:
        """Raises `Unreachable`."""

    async def stop(self) -> None: ...

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Returns when the broker has acknowledged. Raises `TooLarge`, `Undeliverable` or `MissingTopics`."""

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[BusError | None]:
        """Sends records side by side; for each what `send` would raise, None if the broker has acknowledged it."""


class TopicSpec(Protocol):
    """A topic as the catalogue wants it."""

    @property
    def name(self) -> str: ...

    @property
    def cleanup(self) -> str:
        """`compact` or `delete`."""

    @property
    def partitions(self) -> int: ...

    @property
    def max_bytes(self) -> int: ...

    @property
    def config(self) -> Mapping[str, str]:
        """All of its settings, as Kafka spells them."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker has it; `full_name` with the prefix."""

    name: str
    partitions: int
    cleanup: str
    max_bytes: int
    full_name: str


class Admin(Protocol):
    """Looks at topics and makes them."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def topics(self) -> Mapping[str, TopicState]:
        """Every topic under our prefix, by its name without it."""

    async def create(self, specs: Iterable[TopicSpec]) -> None:
        """Makes the topics, and returns when the broker tells of them; one that exists already is left as it is."""
