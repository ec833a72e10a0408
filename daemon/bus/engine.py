"""The engine: one intake loop, a `Partition` for each assigned one, one committer; and the rebalances between them.

Partitions are taken up and given away along one path each. Taken up: pause, new epoch and owner token, start at the
store's positions, open, resume. Given away (a rebalance or a stop): start nothing more, drain, flush, close. The broker
client swallows what its listener raises, so every error lands in one place and ends `run`: the supervisor starts us
again, which is the only repair that is always right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import uuid4

import structlog

from daemon.bus.committer import Committer
from daemon.bus.deadletters import DeadLetters
from daemon.bus.gate import Gate
from daemon.bus.limits import Limits
from daemon.bus.monitor import Monitor
from daemon.bus.partition import Parking, Partition, Services
from daemon.bus.port import BusError, Consumer, Record, TopicPartition
from daemon.bus.routes import Position, Positions, Route
from daemon.bus.slots import Slots
from daemon.bus.starting import Gap, Start, start
from daemon.bus.tracker import Tracker

__all__ = ["Engine", "Gap", "PartitionsLost", "Progress", "Restored"]

log = structlog.get_logger(__name__)

ENGINE_FAILED = "engine.failed"
PARTITIONS_ASSIGNED = "partitions.assigned"
PARTITIONS_REVOKED = "partitions.revoked"
PARTITIONS_UNFLUSHED = "partitions.unflushed"
PARTITION_LOST = "partition.lost"
STORE_RESTORED = "store.restored"
TOPIC_RECREATED = "topic.recreated"
RECORDS_EXPIRED = "records.expired"
TOPICS_MISSING = "topics.missing"
CONSUMER_STOP_FAILED = "consumer.stop_failed"

_CONSUMER_STOP = timedelta(seconds=10)  # a client that does not stop is left behind (aiokafka 773)


class PartitionsLost(BusError):
    """Partitions went to another owner and no rebalance followed: two daemons work under one name, or one is stuck."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a watchdog and the health endpoint want to know. `alive` never depends on whether a broker answers."""

    alive: bool
    assigned: bool
    directory_read: bool
    missing: frozenset[str]
    partitions: int
    paused: int
    window: int
    in_flight: int

    @property
    def ready(self) -> bool:
        return self.assigned and self.directory_read and not self.missing


Restored = Callable[[Mapping[TopicPartition, Gap]], Awaitable[None]]


async def _nothing_carried_over() -> None:
    """The default: earlier lives left nothing behind."""


async def _nothing_restored(gaps: Mapping[TopicPartition, Gap]) -> None:
    """The default: the gap is in the log."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Reads the routes' topics as one member of the group, until told to stop.

    `restored` hears, before anything is read, how far the group was ahead of the store. `carried_over` returns when
    what earlier lives left in the outbox has arrived; no offset is committed before.
    """

    def __init__(
        self,
        *,
        consumer: Consumer,
        routes: Sequence[Route],
        positions: Positions,
        dead_letters: DeadLetters,
        park: Parking,
        limits: Limits | None = None,
        restored: Restored = _nothing_restored,
        carried_over: Callable[[], Awaitable[None]] = _nothing_carried_over,
        monitor: Monitor | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        name: str = "exsyncd",
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._consumer = consumer
        self._routes = {route.topic: route for route in routes}
        self._positions = positions
        self._limits = limits or Limits()
        self._restored = restored
        self._carried_over = carried_over
        self._monitor = monitor or Monitor()
        self._on_progress = on_progress
        self._name = name
        self._services = Services(
            limits=self._limits,
            monitor=self._monitor,
            slots=Slots(self._limits.in_flight),
            dead_letters=dead_letters,
            park=park,
            changed=self._changed,
            fenced=self._lose,
            failed=self._fail,
            now=now,
        )
        self._committer = Committer(consumer, positions, limits=self._limits, monitor=self._monitor, fenced=self._lose)
        self._gate = Gate(consumer, [route.topic for route in routes if route.directory])
        self._partitions: dict[TopicPartition, Partition] = {}
        self._lost: dict[TopicPartition, float] = {}
        self._carrying: asyncio.Future[None] | None = None
        self._epoch = 0
        self._assigned = False
        self._failure: BaseException | None = None
        self._giving_away = asyncio.Lock()
        self._over = asyncio.Event()
        self._checks_due = asyncio.Event()
        self._polled_at = self._flushed_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Returns after `stop` is set and everything running is drained. Raises what made it impossible to go on."""
        self._polled_at = self._flushed_at = _now()
        await self._consumer.start(self._routes, self)
        loops = [asyncio.create_task(work) for work in (self._intake(), self._flushes(), self._gatekeeping())]
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(self._over.wait()), *loops]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._shut_down(loops)
            _cancel(ends)
        if self._failure is not None:
            raise self._failure

    def progress(self) -> Progress:
        partitions = self._partitions.values()
        return Progress(
            alive=self._is_alive(),
            assigned=self._assigned,
            directory_read=self._gate.open,
            missing=self._missing(),
            partitions=len(partitions),
            paused=sum(partition.paused for partition in partitions),
            window=sum(partition.tracker.window for partition in partitions),
            in_flight=sum(partition.in_flight for partition in partitions),
        )

    async def caught_up(self) -> None:
        """Returns when the directory topics have been read to the end they had at the start."""
        await self._gate.wait()

    # listener

    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        started = _now()
        try:
            await self._take_up(partitions)
        except Exception as error:  # noqa: BLE001  # the client would swallow it
            self._fail(error)
            return
        self._assigned = True
        took = timedelta(seconds=_now() - started)
        self._monitor.assigned(partitions, took=took)
        log.info(PARTITIONS_ASSIGNED, partitions=len(partitions), epoch=self._epoch, seconds=took.total_seconds())

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        leaving = [self._partitions.pop(source) for source in partitions if source in self._partitions]
        if not leaving:
            return
        started = _now()
        try:
            await self._give_away(leaving)
        except Exception as error:  # noqa: BLE001  # the client would swallow it
            self._fail(error)
            return
        took = timedelta(seconds=_now() - started)
        self._monitor.revoked(partitions, took=took)
        log.info(PARTITIONS_REVOKED, partitions=len(leaving), epoch=self._epoch, seconds=took.total_seconds())

    # loops

    async def _intake(self) -> None:
        """Polls on even when every partition is paused: the group drops a member that does not."""
        with self._failing():
            while not self._over.is_set():
                records = await self._consumer.getmany(
                    wait=self._limits.poll_wait, max_records=self._limits.poll_records
                )
                self._polled_at = _now()
                self._dispatch(records)
                self._checks_due.set()

    async def _flushes(self) -> None:
        with self._failing():
            while not self._over.is_set():
                await _elapsed(self._over, self._limits.commit_interval)
                await self._committer.flush(tuple(self._partitions.values()))
                self._flushed_at = _now()
                self._check_lost()
                self._on_progress(self.progress())

    async def _gatekeeping(self) -> None:
        with self._failing():
            while not self._gate.open:
                await self._checks_due.wait()
                self._checks_due.clear()
                await self._gate.check(self._partitions)
            self._read_on(self._partitions.values())
            await self._over.wait()

    # taking up and giving away

    async def _take_up(self, partitions: Collection[TopicPartition]) -> None:
        if self._over.is_set():
            return
        self._consumer.pause(partitions)
        self._epoch += 1
        owner = f"{self._name}/{uuid4().hex}"
        starts = await self._starts(partitions, owner)
        carried_over = self._begin_carrying()
        await self._gate.begin()
        if self._over.is_set():
            return
        self._lost.clear()
        for source, begin in starts.items():
            self._consumer.seek(source, begin.offset)
            self._partitions[source] = Partition(
                self._routes[source.topic],
                source,
                tracker=Tracker(epoch=self._epoch, start=begin.offset),
                owner=owner,
                committed=begin.committed,
                carried_over=carried_over,
                services=self._services,
            )
        self._read_on(self._partitions.values())

    async def _starts(self, partitions: Collection[TopicPartition], owner: str) -> Mapping[TopicPartition, Start]:
        stored = await self._positions.assign(partitions, owner)
        committed = await self._consumer.committed(partitions)
        beginnings = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        starts = {
            source: start(
                stored=stored.get(source),
                committed=committed.get(source),
                beginning=beginnings[source],
                end=ends[source],
            )
            for source in partitions
        }
        _log_oddities(starts)
        await self._rewind({source: found.offset for source, found in starts.items() if found.recreated}, owner)
        gaps = {source: found.gap for source, found in starts.items() if found.gap is not None}
        if gaps:
            await self._restored(gaps)
        return starts

    async def _rewind(self, recreated: Mapping[TopicPartition, int], owner: str) -> None:
        if recreated:
            positions = [Position(*source, owner=owner, offset=offset) for source, offset in recreated.items()]
            await self._positions.rewind(positions)

    async def _give_away(self, leaving: Collection[Partition]) -> None:
        async with self._giving_away:  # a stop waits for what a rebalance is still draining
            await asyncio.gather(*(partition.drain(within=self._limits.drain) for partition in leaving))
            try:
                async with asyncio.timeout(self._limits.flush.total_seconds()):
                    await self._committer.flush(leaving)
            except TimeoutError:
                log.warning(PARTITIONS_UNFLUSHED, partitions=len(leaving))
            finally:
                for partition in leaving:
                    partition.close()

    async def _shut_down(self, loops: Iterable[asyncio.Task[None]]) -> None:
        self._over.set()
        leaving = tuple(self._partitions.values())
        self._partitions.clear()
        await self._give_away(leaving)
        await asyncio.wait(loops, timeout=2 * self._limits.poll_wait.total_seconds())
        try:
            async with asyncio.timeout(_CONSUMER_STOP.total_seconds()):
                await self._consumer.stop()
        except (TimeoutError, BusError) as error:
            log.warning(CONSUMER_STOP_FAILED, error=type(error).__name__)
        if self._carrying is not None:
            self._carrying.cancel()
        _cancel(loops)  # only what hung: the consumer is gone, so no poll can be harmed

    def _lose(self, partition: Partition) -> None:
        """Somebody else owns it. Nothing more is done in its name; the next rebalance says what is ours."""
        if partition.closed:
            return
        partition.close()
        log.warning(PARTITION_LOST, **_place(partition.source), epoch=partition.tracker.epoch)
        if self._partitions.get(partition.source) is partition:
            del self._partitions[partition.source]
            self._consumer.pause([partition.source])
            self._lost[partition.source] = _now()

    def _check_lost(self) -> None:
        patience = 2 * self._limits.rebalance_timeout.total_seconds()
        if any(_now() - since > patience for since in self._lost.values()):
            raise PartitionsLost(f"{len(self._lost)} partitions have another owner, and no rebalance followed")

    def _begin_carrying(self) -> asyncio.Future[None]:
        if self._carrying is not None:
            self._carrying.cancel()
        self._carrying = asyncio.ensure_future(self._carried_over())
        self._carrying.add_done_callback(self._check_carried_over)
        return self._carrying

    def _check_carried_over(self, carried_over: asyncio.Future[None]) -> None:
        error = None if carried_over.cancelled() else carried_over.exception()
        if error is not None:
            self._fail(error)

    # records

    def _dispatch(self, records: Sequence[Record]) -> None:
        for source, run in groupby(records, key=attrgetter("source")):
            partition = self._partitions.get(source)
            if partition is None:
                continue
            self._monitor.consumed(source.topic, partition.accept(run))
            if not partition.paused and not partition.has_room():
                partition.paused = True
                self._consumer.pause([source])
                self._report_pauses()

    def _changed(self, partition: Partition) -> None:
        self._checks_due.set()
        if partition.paused and partition.has_much_room():
            partition.paused = False
            self._read_on([partition])
            self._report_pauses()

    def _read_on(self, partitions: Iterable[Partition]) -> None:
        """Resumes what is neither full nor waiting for the directory."""
        self._consumer.resume(
            [p.source for p in partitions if not p.paused and (self._gate.open or not p.route.waits_for_directory)]
        )

    def _report_pauses(self) -> None:
        self._monitor.paused(sum(partition.paused for partition in self._partitions.values()))

    # health

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
            log.error(ENGINE_FAILED, error=type(error).__name__)
        self._over.set()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  # a loop that ends by itself must end the engine
            self._fail(error)

    def _is_alive(self) -> bool:
        """Polls and flushes go on. A rebalance holds the poll up for as long as the slowest member drains."""
        now = _now()
        poll_patience = 2 * self._limits.rebalance_timeout + self._limits.poll_wait
        flush_patience = 2 * (self._limits.rebalance_timeout + self._limits.flush)
        return (
            self._failure is None
            and now - self._polled_at < poll_patience.total_seconds()
            and now - self._flushed_at < flush_patience.total_seconds()
        )

    def _missing(self) -> frozenset[str]:
        return frozenset(topic for topic in self._routes if not self._consumer.partitions(topic))


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _elapsed(over: asyncio.Event, interval: timedelta) -> None:
    """Waits for the interval, less if it is over before."""
    with suppress(TimeoutError):
        async with asyncio.timeout(interval.total_seconds()):
            await over.wait()


def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()


def _log_oddities(starts: Mapping[TopicPartition, Start]) -> None:
    for source, found in starts.items():
        if found.recreated:
            log.error(TOPIC_RECREATED, **_place(source), offset=found.offset)
        if found.expired:
            log.warning(RECORDS_EXPIRED, **_place(source), offset=found.offset)
        if found.gap is not None:
            gap = found.gap
            log.error(STORE_RESTORED, **_place(source), stored=gap.stored, committed=gap.committed)


def _place(source: TopicPartition) -> dict[str, str | int]:
    return {"topic": source.topic, "partition": source.partition}
