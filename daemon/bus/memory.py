"""A broker in memory: topics, groups with eager rebalances, static members; and faults on demand.

It behaves as Kafka with aiokafka in front does, where the engine could notice: the first join revokes nothing, polling
waits out a rebalance, what a listener raises is swallowed, stopping does not call it. The behaviour suite holds both to
that.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from daemon.bus.port import (
    BusError,
    Headers,
    Listener,
    MissingTopics,
    NotOwner,
    Outgoing,
    Producer,
    Record,
    TooLarge,
    TopicPartition,
    TopicSpec,
    TopicState,
)
from daemon.bus.routes import Fenced, Position

_OVERHEAD = 100  # bytes a batch of one record costs beside its content, about


@dataclass(slots=True)
class _Fault:
    error: Exception | None
    release: asyncio.Event | None
    after: bool


class Faults:
    """What goes wrong next, by the name of the operation: start, getmany, commit, committed, send, end_offsets ..."""

    def __init__(self) -> None:
        self._planned: defaultdict[str, deque[_Fault]] = defaultdict(deque)

    def fail(self, operation: str, error: Exception, *, times: int = 1, after: bool = False) -> None:
        """The next `times` calls raise `error`; with `after`, when they have worked (the reply is lost)."""
        self._planned[operation].extend(_Fault(error, None, after) for _ in range(times))

    def hang(self, operation: str) -> asyncio.Event:
        """The next call waits until the event is set."""
        release = asyncio.Event()
        self._planned[operation].append(_Fault(None, release, after=False))
        return release

    async def strike(self, operation: str, *, after: bool = False) -> None:
        planned = self._planned[operation]
        if not planned or planned[0].after is not after:
            return
        fault = planned.popleft()
        if fault.release is not None:
            await fault.release.wait()
        if fault.error is not None:
            raise fault.error


class _Log:
    """One partition: records by offset, with the gaps that compaction leaves."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.beginning = 0
        self.end = 0

    def append(self, record: Record) -> None:
        self.records.append(record)
        self.end = record.offset + 1

    def first_from(self, offset: int) -> int:
        """Index of the first record at or above `offset`."""
        low, high = 0, len(self.records)
        while low < high:
            middle = (low + high) // 2
            if self.records[middle].offset < offset:
                low = middle + 1
            else:
                high = middle
        return low


@dataclass(slots=True)
class _Topic:
    state: TopicState
    logs: list[_Log] = field(default_factory=list)
    turn: int = 0

    def choose(self, key: bytes | None) -> int:
        if key is not None:
            return zlib.crc32(key) % len(self.logs)
        self.turn += 1
        return self.turn % len(self.logs)


class MemoryBroker:
    """The broker itself, with what tests want to see and do. `clock` is what it stamps records with, in seconds."""

    def __init__(self, specs: Iterable[TopicSpec] = (), *, clock: Callable[[], float] = time.time) -> None:
        self.faults = Faults()
        self._clock = clock
        self._topics: dict[str, _Topic] = {}
        self._groups: defaultdict[str, _Group] = defaultdict(lambda: _Group(self))
        self._readers: dict[MemoryConsumer, None] = {}  # in the order they came, so that a test can be run again
        for spec in specs:
            self.create(spec)

    def create(self, spec: TopicSpec) -> None:
        """Makes a topic anew if there is one of its name."""
        state = TopicState(spec.name, spec.partitions, spec.cleanup, spec.max_bytes, full_name=spec.name)
        self._topics[spec.name] = _Topic(state, [_Log() for _ in range(spec.partitions)])

    def topic(self, name: str) -> _Topic:
        if name not in self._topics:
            raise MissingTopics([name])
        return self._topics[name]

    def log(self, source: TopicPartition) -> _Log:
        return self.topic(source.topic).logs[source.partition]

    def sources(self, topics: Collection[str]) -> list[TopicPartition]:
        return [TopicPartition(name, n) for name in sorted(topics) for n in range(len(self._topics[name].logs))]

    def states(self) -> dict[str, TopicState]:
        return {name: topic.state for name, topic in self._topics.items()}

    def append(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Record:
        """Puts a record into its partition, whatever its size."""
        partition = self.topic(topic).choose(key)
        log = self.topic(topic).logs[partition]
        record = Record(topic, partition, log.end, key, value, headers, int(self._clock() * 1000))
        log.append(record)
        self.wake()
        return record

    def records(self, topic: str) -> list[Record]:
        """All records of a topic, partition by partition."""
        return [record for log in self.topic(topic).logs for record in log.records]

    def compact(self, source: TopicPartition, *, removed: Collection[int]) -> None:
        """Takes records out and leaves gaps."""
        log = self.log(source)
        log.records = [record for record in log.records if record.offset not in removed]

    def expire(self, source: TopicPartition, *, below: int) -> None:
        """Deletes the oldest records, as retention does."""
        log = self.log(source)
        log.records = [record for record in log.records if record.offset >= below]
        log.beginning = below

    def group(self, name: str) -> _Group:
        return self._groups[name]

    def committed(self, group: str) -> dict[TopicPartition, int]:
        return dict(self._groups[group].committed)

    def expel(self, consumer: MemoryConsumer) -> None:
        """The group gives a member up (its session timed out); it does not know yet."""
        consumer.group.leave(consumer)

    def readmit(self, consumer: MemoryConsumer) -> None:
        """The member that was given up finds out and joins again."""
        consumer.group.join(consumer)

    def wake(self) -> None:
        for reader in self._readers:
            reader.wake()

    def consumer(self, group: str, *, instance: str | None = None) -> MemoryConsumer:
        return MemoryConsumer(self, self._groups[group], instance=instance)

    def reader(self) -> MemoryReader:
        return MemoryReader(self)

    def producer(self) -> MemoryProducer:
        return MemoryProducer(self)

    def admin(self) -> MemoryAdmin:
        return MemoryAdmin(self)

    def attach(self, reader: MemoryConsumer) -> None:
        self._readers[reader] = None

    def detach(self, reader: MemoryConsumer) -> None:
        self._readers.pop(reader, None)


class _Group:
    """Members and what they have committed. Every change of members is a rebalance of all."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.committed: dict[TopicPartition, int] = {}
        self._broker = broker
        self._members: dict[str, MemoryConsumer] = {}
        self._rebalance: asyncio.Task[None] | None = None
        self._again = False

    def owns(self, consumer: MemoryConsumer) -> bool:
        return self._members.get(consumer.member) is consumer

    def join(self, consumer: MemoryConsumer) -> None:
        predecessor = self._members.get(consumer.member)
        self._members[consumer.member] = consumer
        if predecessor is not None and predecessor is not consumer and not self._is_rebalancing():
            self._run(consumer.take(predecessor.assignment()))  # a static member is back: nobody else notices
            return
        self._start_rebalance()

    def leave(self, consumer: MemoryConsumer) -> None:
        if self.owns(consumer):
            del self._members[consumer.member]
            self._start_rebalance()

    async def settled(self) -> None:
        """Returns when no rebalance is going on."""
        while self._rebalance is not None and not self._rebalance.done():
            await asyncio.wait([self._rebalance])

    def _is_rebalancing(self) -> bool:
        return self._rebalance is not None and not self._rebalance.done()

    def _start_rebalance(self) -> None:
        for member in self._members.values():
            member.rebalancing = True
        if self._is_rebalancing():
            self._again = True
            return
        self._run(self._balance())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        self._rebalance = asyncio.get_running_loop().create_task(work)

    async def _balance(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            members = list(self._members.values())
            await asyncio.gather(*(member.give_up() for member in members))
            if self._again:
                continue
            shares = self._shares(members)
            await asyncio.gather(*(member.take(shares[member.member]) for member in members))

    def _shares(self, members: Sequence[MemoryConsumer]) -> dict[str, frozenset[TopicPartition]]:
        shares: defaultdict[str, set[TopicPartition]] = defaultdict(set)
        topics = {topic for member in members for topic in member.topics}
        for source, turn in zip(self._broker.sources(topics), count(), strict=False):
            interested = [member for member in members if source.topic in member.topics]
            shares[interested[turn % len(interested)].member].add(source)
        return {member.member: frozenset(shares[member.member]) for member in members}


class MemoryConsumer:
    """See `port.Consumer`."""

    _numbers = count(1)

    def __init__(self, broker: MemoryBroker, group: _Group, *, instance: str | None) -> None:
        self.group = group
        self.member = instance or f"member-{next(self._numbers)}"
        self.topics: frozenset[str] = frozenset()
        self.rebalancing = False
        self._static = instance is not None
        self._broker = broker
        self._listener: Listener | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._woken = asyncio.Event()
        self._stopped = False

    async def start(self, topics: Collection[str], listener: Listener) -> None:
        await self._broker.faults.strike("start")
        missing = [topic for topic in topics if topic not in self._broker.states()]
        if missing:
            raise MissingTopics(missing)
        self.topics = frozenset(topics)
        self._listener = listener
        self._broker.attach(self)
        self.group.join(self)

    async def stop(self) -> None:
        await self._broker.faults.strike("stop")
        self._stopped = True
        self._broker.detach(self)
        self.wake()
        if not self._static:
            self.group.leave(self)

    async def getmany(self, *, wait: timedelta, max_records: int) -> Sequence[Record]:
        await self._broker.faults.strike("getmany")
        deadline = asyncio.get_running_loop().time() + wait.total_seconds()
        in_time = True
        while not self._stopped:
            records = [] if self.rebalancing else self._take(max_records)
            if records or not (in_time or self.rebalancing):
                return records
            in_time = await self._woken_until(None if self.rebalancing else deadline)
        return []

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused |= set(partitions)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused -= set(partitions)
        self.wake()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition in self._positions:
            self._positions[partition] = offset

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self._broker.faults.strike("commit")
        if not self.group.owns(self) or not set(offsets) <= set(self._positions):
            raise NotOwner
        self.group.committed.update(offsets)
        await self._broker.faults.strike("commit", after=True)

    async def committed(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        await self._broker.faults.strike("committed")
        return {source: self.group.committed[source] for source in partitions if source in self.group.committed}

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        await self._broker.faults.strike("beginning_offsets")
        return {source: self._broker.log(source).beginning for source in partitions}

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        await self._broker.faults.strike("end_offsets")
        return {source: self._broker.log(source).end for source in partitions}

    async def position(self, partition: TopicPartition) -> int:
        if partition not in self._positions:
            raise BusError(f"{partition.topic}-{partition.partition} is not assigned")
        return self._positions[partition]

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._positions)

    def partitions(self, topic: str) -> frozenset[int]:
        state = self._broker.states().get(topic)
        return frozenset(range(state.partitions)) if state else frozenset()

    def wake(self) -> None:
        self._woken.set()

    # what the group does with its member

    async def give_up(self) -> None:
        """All partitions are revoked; of a new member, none."""
        if self._listener is not None:
            with suppress(Exception):
                await self._listener.revoked(self.assignment())
        self._positions.clear()
        self._paused.clear()

    async def take(self, partitions: frozenset[TopicPartition]) -> None:
        """These are the member's now. Records flow from the group's offset while the listener is being told."""
        self._positions = {source: self.group.committed.get(source, 0) for source in partitions}
        self.rebalancing = False
        self.wake()
        if self._listener is not None:
            with suppress(Exception):
                await self._listener.assigned(partitions)

    def _take(self, most: int) -> list[Record]:
        taken: list[Record] = []
        for source in list(self._positions):
            if source in self._paused:
                continue
            taken += self._take_from(source, most - len(taken))
            if len(taken) >= most:
                break
        return taken

    def _take_from(self, source: TopicPartition, most: int) -> list[Record]:
        log = self._broker.log(source)
        position = self._positions.pop(source)
        if not log.beginning <= position <= log.end:
            position = log.beginning
        first = log.first_from(position)
        taken = log.records[first : first + most]
        exhausted = first + len(taken) == len(log.records)
        self._positions[source] = log.end if exhausted else taken[-1].offset + 1 if taken else position
        return taken

    async def _woken_until(self, deadline: float | None) -> bool:
        self._woken.clear()
        try:
            async with asyncio.timeout_at(deadline):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


class MemoryReader:
    """See `port.Reader`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._positions: dict[TopicPartition, int] = {}

    async def start(self, topic: str) -> None:
        await self._broker.faults.strike("start")
        if topic not in self._broker.states():
            raise MissingTopics([topic])
        self._positions = dict.fromkeys(self._broker.sources([topic]), 0)

    async def stop(self) -> None:
        self._positions.clear()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[partition] = offset

    async def getmany(self, *, wait: timedelta, max_records: int) -> Sequence[Record]:
        taken = self._take(max_records)
        if taken:
            return taken
        await asyncio.sleep(wait.total_seconds())
        return self._take(max_records)

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {source: self._broker.log(source).beginning for source in partitions}

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {source: self._broker.log(source).end for source in partitions}

    def partitions(self, topic: str) -> frozenset[int]:
        return frozenset(source.partition for source in self._positions if source.topic == topic)

    def _take(self, most: int) -> list[Record]:
        taken: list[Record] = []
        for source, position in self._positions.items():
            log = self._broker.log(source)
            first = log.first_from(max(position, log.beginning))
            found = log.records[first : first + most - len(taken)]
            taken += found
            self._positions[source] = found[-1].offset + 1 if found else position
        return taken


class MemoryProducer:
    """See `port.Producer`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def start(self) -> None:
        await self._broker.faults.strike("start_producer")

    async def stop(self) -> None:
        """Nothing is open."""

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        await self._broker.faults.strike("send")
        record = Record(topic, 0, 0, key, value, headers)
        if record.size + _OVERHEAD > self._broker.topic(topic).state.max_bytes:
            raise TooLarge(f"{topic} does not take records of {record.size} bytes")
        self._broker.append(topic, key=key, value=value, headers=headers)
        await self._broker.faults.strike("send", after=True)

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[BusError | None]:
        return await side_by_side(self, records)


async def side_by_side(producer: Producer, records: Sequence[Outgoing]) -> Sequence[BusError | None]:
    """`Producer.send_all` by way of `send`."""

    async def sent(record: Outgoing) -> BusError | None:
        try:
            await producer.send(record.topic, key=record.key, value=record.value, headers=record.headers)
        except BusError as error:
            return error
        return None

    return await asyncio.gather(*map(sent, records))


class MemoryAdmin:
    """See `port.Admin`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def start(self) -> None:
        """Nothing is open."""

    async def stop(self) -> None:
        """Nothing is open."""

    async def topics(self) -> Mapping[str, TopicState]:
        return self._broker.states()

    async def create(self, specs: Iterable[TopicSpec]) -> None:
        for spec in specs:
            if spec.name not in self._broker.states():
                self._broker.create(spec)


class MemoryPositions:
    """See `routes.Positions`: what a store remembers, for as long as this object lives."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.offsets: dict[TopicPartition, int] = {}
        self.owners: dict[TopicPartition, str] = {}

    async def assign(self, partitions: Collection[TopicPartition], owner: str) -> Mapping[TopicPartition, int]:
        await self.faults.strike("assign")
        self.owners.update(dict.fromkeys(partitions, owner))
        return {source: self.offsets[source] for source in partitions if source in self.offsets}

    async def save(self, positions: Sequence[Position]) -> None:
        await self.faults.strike("save")
        self.settle(positions)
        await self.faults.strike("save", after=True)

    async def rewind(self, positions: Sequence[Position]) -> None:
        await self.faults.strike("rewind")
        self._check(positions)
        self.offsets.update({_source(position): position.offset for position in positions})

    def settle(self, positions: Sequence[Position]) -> None:
        """What a transaction does that stores positions: all or none."""
        self._check(positions)
        for position in positions:
            source = _source(position)
            self.offsets[source] = max(position.offset, self.offsets.get(source, 0))

    def _check(self, positions: Sequence[Position]) -> None:
        if any(self.owners.get(_source(position)) != position.owner for position in positions):
            raise Fenced


def _source(position: Position) -> TopicPartition:
    return TopicPartition(position.topic, position.partition)
