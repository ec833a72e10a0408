"""One assigned partition: its records, from poll to finished.

A new one is made for every assignment, so that it *is* the epoch: whatever comes back after it was closed changes
nothing. Records wait in the lane of their route, take a slot only while they are being processed (neither gathering nor
waiting for another attempt holds one, nor what lends it), and are settled when their disposition is carried out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from daemon.bus import slots
from daemon.bus.deadletters import DeadLetters, Letter
from daemon.bus.dispositions import Dead, Disposition, Done, Park, Skip
from daemon.bus.limits import Limits
from daemon.bus.monitor import Monitor
from daemon.bus.port import Record, TopicPartition
from daemon.bus.retry import Attempts, Interrupted, Verdict, insist
from daemon.bus.routes import Delivery, Fenced, Position, Route
from daemon.bus.slots import Slots
from daemon.bus.tracker import Ticket, Tracker

log = structlog.get_logger(__name__)

T = TypeVar("T")

DELIVERY_RETRIED = "delivery.retried"
DELIVERY_PARKED = "delivery.parked"
RECORD_DEAD_LETTERED = "record.dead_lettered"
RESULT_STALE = "result.stale"
LANE_UNREADABLE = "lane.unreadable"
CONCLUSION_RETRIED = "conclusion.retried"

_LAST_WORDS = 1.0  # seconds a cancelled delivery has to clean up


class CancelledWithinError(Exception):
    """Something that the processing waited for was cancelled, and not by us."""


Parking = Callable[[Delivery, datetime, str], Awaitable[Done | None]]
"""Stores what cannot be done now, with the delivery's position; `Done` if it also put something out."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all partitions share."""

    limits: Limits
    monitor: Monitor
    slots: Slots
    dead_letters: DeadLetters
    park: Parking
    changed: Callable[[Partition], None]
    """Something settled or was acknowledged."""
    fenced: Callable[[Partition], None]
    failed: Callable[[BaseException], None]
    """Something happened that must never: the engine stops with it."""
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Waiting:
    record: Record
    ticket: Ticket
    since: float


@dataclass(frozen=True, slots=True)
class _LaneDelivery:
    """See `routes.Delivery`."""

    records: tuple[Record, ...]
    tickets: tuple[Ticket, ...]
    partition: Partition

    def position(self) -> Position:
        return self.partition.position(self.partition.tracker.settled_with(self.tickets))


class Partition:
    """Takes polled records, runs them in lanes, and keeps the tracker."""

    def __init__(
        self,
        route: Route,
        source: TopicPartition,
        *,
        tracker: Tracker,
        owner: str,
        committed: int,
        carried_over: asyncio.Future[None],
        services: Services,
    ) -> None:
        """`committed` is what the group has; nothing is added before all is out that earlier lives left behind."""
        self.source = source
        self.tracker = tracker
        self.owner = owner
        self.saved = tracker.settled
        self.committed = committed
        self.carried_over = carried_over
        self.paused = False
        self.closed = False
        self._draining = False
        self._route = route
        self._services = services
        self._limits = services.limits
        self._slots = services.slots.share(services.limits.partition_in_flight)
        self._lanes: dict[Hashable, deque[_Waiting]] = {}  # those that have a task
        self._tasks: dict[asyncio.Task[None], None] = {}  # in the order they came, so that a test can be run again
        self._busy: set[asyncio.Task[Any]] = set()  # a drain waits for what runs, and for nothing else
        self._acknowledgements: set[asyncio.Future[None]] = set()

    @property
    def route(self) -> Route:
        return self._route

    @property
    def in_flight(self) -> int:
        return len(self._busy)

    def accept(self, records: Iterable[Record]) -> int:
        """Puts polled records into their lanes; those of a partition being given away are left to its next owner."""
        if self._draining:
            return 0
        accepted, now = 0, asyncio.get_running_loop().time()
        for record in records:
            ticket = self.tracker.polled(record.offset, record.size)
            if ticket is None:
                continue
            accepted += 1
            self._put(_Waiting(record, ticket, since=now))
        return accepted

    def has_room(self) -> bool:
        """Whether a whole poll still fits into the window."""
        limits, tracker = self._limits, self.tracker
        return tracker.window + limits.poll_records <= limits.window and tracker.window_bytes < limits.window_bytes

    def has_much_room(self) -> bool:
        """Whether a paused partition may be read again: later than it was paused, for a pause costs a fetch."""
        limits, tracker = self._limits, self.tracker
        low = min(limits.window // 2, limits.window - limits.poll_records)
        return tracker.window <= low and tracker.window_bytes <= limits.window_bytes // 2

    def position(self, offset: int) -> Position:
        return Position(self.source.topic, self.source.partition, self.owner, offset)

    async def drain(self, *, within: timedelta) -> None:
        """Starts nothing any more, lets finish what is running, and cancels what is not done in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within.total_seconds()
        self._draining = True
        _cancel(task for task in self._tasks if task not in self._busy)
        await _wait(self._tasks, until=deadline)
        _cancel(self._tasks)
        await _wait(self._tasks, until=loop.time() + _LAST_WORDS)  # who does not listen is left behind: a stale result
        await _wait(self._acknowledgements, until=deadline)

    def close(self) -> None:
        """From here on nothing that comes back changes anything."""
        self.closed = self._draining = True
        _cancel(self._tasks)

    # lanes

    def _put(self, waiting: _Waiting) -> None:
        lane = self._lane(waiting.record)
        queue = self._lanes.get(lane)
        if queue is not None:
            queue.append(waiting)
            return
        self._lanes[lane] = deque([waiting])
        self._spawn(self._work_off(lane))

    def _lane(self, record: Record) -> Hashable:
        try:
            return self._route.lane(record)
        except Exception as error:  # noqa: BLE001  # a record that cannot even be read must still reach its disposition
            log.warning(LANE_UNREADABLE, topic=record.topic, offset=record.offset, error=type(error).__name__)
            return ("unreadable", record.offset)

    async def _work_off(self, lane: Hashable) -> None:
        """One delivery after the other, each standing in line for a slot behind those of other lanes."""
        queue = self._lanes[lane]
        while queue and not self._draining:
            if self._route.collapse:
                await self._gathered(since=queue[0].since)
            try:
                await self._deliver(queue)
            except Fenced:
                self._services.fenced(self)  # at once: nothing more may start in this one's name
        del self._lanes[lane]

    async def _gathered(self, *, since: float) -> None:
        due = since + self._route.settle.total_seconds()
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

    def _taken(self, queue: deque[_Waiting]) -> _LaneDelivery:
        """What is delivered next of what waits in a lane."""
        taken = tuple(queue) if self._route.collapse else (queue[0],)
        for _ in taken:
            queue.popleft()
        return _LaneDelivery(tuple([each.record for each in taken]), tuple([each.ticket for each in taken]), self)

    # processing

    async def _deliver(self, queue: deque[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        delivery: _LaneDelivery | None = None
        started = loop.time()

        async def attempt() -> Disposition:
            nonlocal delivery, started
            async with slots.taken(self._slots):
                if delivery is None:  # as late as this, for what came while the slots were taken is gathered too
                    delivery = self._taken(queue)
                    started = loop.time()
                return await self._process(delivery)

        attempts = Attempts(self._limits, sleep=self._pause, now=self._services.now)
        verdict = await attempts.verdict(attempt, on_retry=self._retried)
        if delivery is None:
            raise AssertionError("a verdict without a delivery")
        self._settle(delivery, await self._carry_out(delivery, verdict))
        took = timedelta(seconds=loop.time() - started)
        self._services.monitor.finished(self.source.topic, type(verdict.disposition).__name__.lower(), took=took)

    async def _process(self, delivery: Delivery) -> Disposition:
        task = _current_task()
        self._busy.add(task)
        try:
            return await self._route.process(delivery)
        except asyncio.CancelledError as error:
            if task.cancelling():
                raise
            raise CancelledWithinError from error  # else the task would end quietly and the record never
        finally:
            self._busy.discard(task)

    async def _pause(self, seconds: float) -> None:
        if self._draining:
            raise Interrupted
        await asyncio.sleep(seconds)

    def _retried(self, error: BaseException) -> None:
        self._services.monitor.retried(self.source.topic, type(error).__name__)
        log.info(DELIVERY_RETRIED, topic=self.source.topic, partition=self.source.partition, error=type(error).__name__)

    # dispositions

    async def _carry_out(self, delivery: _LaneDelivery, verdict: Verdict) -> Awaitable[None] | None:
        """Does what the disposition says. Returns what must still be acknowledged."""
        match verdict.disposition:
            case Done(acknowledged):
                return acknowledged
            case Skip(reason):
                self._services.monitor.skipped(self.source.topic, reason)
                return None
            case Park(until, reason):
                return await self._park(delivery, until, reason)
            case Dead() as dead:
                await self._bury(delivery, dead, verdict)
                return None

    async def _park(self, delivery: _LaneDelivery, until: datetime, reason: str) -> Awaitable[None] | None:
        done = await self._insist(lambda: self._services.park(delivery, until, reason))
        for record in delivery.records:
            log.info(DELIVERY_PARKED, **_place(record), reason=reason, until=until.isoformat())
        return done.acknowledged if done else None

    async def _bury(self, delivery: _LaneDelivery, dead: Dead, verdict: Verdict) -> None:
        for record in delivery.records:
            letter = Letter(record, dead, handler=_handler(self._route), verdict=verdict)
            await self._insist(partial(self._services.dead_letters.bury, letter))
            self._services.monitor.dead_letter(record.topic, dead.kind)
            log.warning(RECORD_DEAD_LETTERED, **_place(record), kind=dead.kind, cause=dead.cause)

    async def _insist(self, work: Callable[[], Awaitable[T]]) -> T:
        async def attempt() -> T:
            task = _current_task()
            self._busy.add(task)
            try:
                return await work()
            finally:
                self._busy.discard(task)

        return await insist(attempt, limits=self._limits, sleep=self._pause, on_retry=self._conclusion_retried)

    def _conclusion_retried(self, error: BaseException) -> None:
        self._services.monitor.retried(self.source.topic, type(error).__name__)
        log.error(
            CONCLUSION_RETRIED, topic=self.source.topic, partition=self.source.partition, error=type(error).__name__
        )

    def _settle(self, delivery: _LaneDelivery, acknowledged: Awaitable[None] | None) -> None:
        arrival = asyncio.ensure_future(acknowledged) if acknowledged is not None else None
        if self.closed:
            self._services.monitor.stale(self.source.topic)
            log.info(RESULT_STALE, topic=self.source.topic, partition=self.source.partition)
            return
        for ticket in delivery.tickets:
            self.tracker.settle(ticket)
        if arrival is None:
            self._acknowledge(delivery.tickets)
            return
        self._acknowledgements.add(arrival)
        arrival.add_done_callback(partial(self._arrived, delivery.tickets))
        self._services.changed(self)

    def _arrived(self, tickets: tuple[Ticket, ...], arrival: asyncio.Future[None]) -> None:
        self._acknowledgements.discard(arrival)
        if arrival.cancelled() or self.closed:
            return
        error = arrival.exception()
        if error is not None:
            self._services.failed(error)
            return
        self._acknowledge(tickets)

    def _acknowledge(self, tickets: tuple[Ticket, ...]) -> None:
        for ticket in tickets:
            self.tracker.acknowledge(ticket)
        self._services.changed(self)

    # tasks

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is None or isinstance(error, Interrupted) or self.closed:
            return
        self._services.failed(error)


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("deliveries run in tasks")
    return task


def _handler(route: Route) -> str:
    return str(getattr(route.process, "__qualname__", type(route.process).__qualname__))


def _place(record: Record) -> dict[str, str | int]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tuple(tasks):
        task.cancel()


async def _wait(futures: Iterable[asyncio.Future[None]], *, until: float) -> None:
    waiting = set(futures)
    if waiting:
        await asyncio.wait(waiting, timeout=max(0.0, until - asyncio.get_running_loop().time()))
