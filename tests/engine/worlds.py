"""A world for the engine: a broker with topics, a store that remembers positions, and somebody who watches.

Nothing here waits for time to pass: `Watch.until` looks again whenever the engine tells its monitor something.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from daemon.bus.deadletters import DeadLetters
from daemon.bus.dispositions import Disposition, Done
from daemon.bus.engine import Engine, Gap
from daemon.bus.limits import Limits
from daemon.bus.memory import MemoryBroker, MemoryPositions
from daemon.bus.monitor import Monitor
from daemon.bus.port import Consumer, Producer, Record, TopicPartition
from daemon.bus.routes import Delivery, Route

GROUP = "exsyncd"
HINTS = "exchange.notifications"
USERS = "crm.users"
LETTERS = "sync.dead-letters"
MIB = 1024 * 1024
MAX_RECORD = MIB
LIMITS = Limits(
    poll_wait=timedelta(milliseconds=100),
    commit_interval=timedelta(milliseconds=100),
    commit_deadline=timedelta(seconds=1),
    rebalance_timeout=timedelta(seconds=6),
)


@dataclass(frozen=True, slots=True)
class Spec:
    """A topic, as the catalogue would have it."""

    name: str
    partitions: int = 1
    cleanup: str = "delete"
    max_bytes: int = MAX_RECORD

    @property
    def config(self) -> dict[str, str]:
        return {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_bytes)}


SPECS = (Spec(HINTS), Spec(USERS, cleanup="compact"), Spec(LETTERS, max_bytes=MAX_RECORD + 64 * 1024))


class Watch(Monitor):
    """Counts what the engine tells, and wakes whoever waits for something to become true."""

    def __init__(self) -> None:
        self.finishes: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self._waiting: set[asyncio.Event] = set()

    def finished(self, topic: str, disposition: str, *, took: timedelta) -> None:
        self.finishes[disposition] += 1
        self.look()

    def consumed(self, topic: str, records: int) -> None:
        self._count("consumed", records)

    def skipped(self, topic: str, reason: str) -> None:
        self._count(f"skipped:{reason}")

    def retried(self, topic: str, error: str) -> None:
        self._count("retried")

    def dead_letter(self, topic: str, kind: str) -> None:
        self._count(f"dead:{kind}")

    def stale(self, topic: str) -> None:
        self._count("stale")

    def committed(self, result: str) -> None:
        self._count(f"committed:{result}")

    def assigned(self, partitions: Collection[TopicPartition], *, took: timedelta) -> None:
        self._count("assigned")

    def revoked(self, partitions: Collection[TopicPartition], *, took: timedelta) -> None:
        self._count("revoked")

    def paused(self, partitions: int) -> None:
        self.counts["paused"] = max(self.counts["paused"], partitions)
        self.look()

    def look(self) -> None:
        for waiting in self._waiting:
            waiting.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Returns when it is so. The test's own time-out ends a wait for what never comes."""
        changed = asyncio.Event()
        self._waiting.add(changed)
        while not is_so():
            changed.clear()
            await changed.wait()
        self._waiting.discard(changed)

    def _count(self, what: str, times: int = 1) -> None:
        self.counts[what] += times
        self.look()


class Desk:
    """Where records are processed: notes who came, may be told to wait or to answer in some way."""

    def __init__(self, watch: Watch) -> None:
        self.deliveries: list[tuple[Record, ...]] = []
        self.running = 0
        self.most = 0
        self.answers: dict[bytes | None, Callable[[Delivery], Any]] = {}
        self._watch = watch
        self._closed: dict[bytes | None, asyncio.Event] = {}

    @property
    def records(self) -> list[Record]:
        return [record for delivery in self.deliveries for record in delivery]

    @property
    def values(self) -> list[bytes | None]:
        return [record.value for record in self.records]

    def close(self, key: bytes | None) -> asyncio.Event:
        """Whoever comes with this key waits until the event is set."""
        return self._closed.setdefault(key, asyncio.Event())

    async def process(self, delivery: Delivery) -> Disposition:
        key = delivery.records[0].key
        self.deliveries.append(delivery.records)
        self.running += 1
        self.most = max(self.most, self.running)
        self._watch.look()
        try:
            if key in self._closed:
                await self._closed[key].wait()
            answer = self.answers.get(key)
            return Done() if answer is None else await _maybe_await(answer(delivery))
        finally:
            self.running -= 1
            self._watch.look()


async def _maybe_await(answer: Any) -> Disposition:
    return await answer if asyncio.iscoroutine(answer) else answer


@dataclass
class World:
    """One store, one desk, one watch; as many engines as a test starts."""

    positions: MemoryPositions = field(default_factory=MemoryPositions)
    watch: Watch = field(default_factory=Watch)
    parked: list[tuple[tuple[Record, ...], datetime, str]] = field(default_factory=list)
    gaps: dict[TopicPartition, Gap] = field(default_factory=dict)
    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        self.desk = Desk(self.watch)

    async def park(self, delivery: Delivery, until: datetime, reason: str) -> Done | None:
        self.positions.settle([delivery.position()])
        self.parked.append((delivery.records, until, reason))
        self.watch.look()
        return None

    async def restored(self, gaps: Mapping[TopicPartition, Gap]) -> None:
        self.gaps.update(gaps)

    def engine(self, consumer: Consumer, producer: Producer, *, routes: Sequence[Route] = (), **options: Any) -> Engine:
        return Engine(
            consumer=consumer,
            routes=routes or [Route(HINTS, self.desk.process)],
            positions=options.pop("positions", self.positions),
            dead_letters=DeadLetters(producer, topic=LETTERS, group=GROUP, version="0.0"),
            park=options.pop("park", self.park),
            limits=self.limits,
            restored=self.restored,
            monitor=options.pop("monitor", self.watch),
            **options,
        )


class MemoryWorld(World):
    """A world whose broker is in memory."""

    def __init__(self, *specs: Spec, **limits: Any) -> None:
        super().__init__(limits=replace(LIMITS, **limits))
        given = {spec.name: spec for spec in (*SPECS, *specs)}
        self.broker = MemoryBroker(given.values())

    def member(self, *, routes: Sequence[Route] = (), instance: str | None = None, **options: Any) -> Engine:
        consumer = self.broker.consumer(GROUP, instance=instance)
        return self.engine(consumer, self.broker.producer(), routes=routes, **options)

    @asynccontextmanager
    async def daemon(self, **options: Any) -> AsyncIterator[Engine]:
        engine = self.member(**options)
        async with running(engine):
            yield engine

    def committed(self, topic: str = HINTS, partition: int = 0) -> int | None:
        return self.broker.committed(GROUP).get(TopicPartition(topic, partition))


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[asyncio.Task[None]]:
    """Runs the engine beside the test, and stops it in the end as SIGTERM would."""
    stop = asyncio.Event()
    task = asyncio.create_task(engine.run(stop))
    try:
        yield task
    finally:
        stop.set()
        await task
