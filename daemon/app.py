"""The daemon: its parts put together, started, watched and stopped.

Order matters twice. Starting: store, bus, Exchange, then the engine, so that nothing is read before it can be settled.
Stopping: the engine drains and commits, then the outbox is emptied, then everything is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from daemon import policies, wiring
from daemon.bus.deadletters import DeadLetters
from daemon.bus.engine import Engine, Gap, Progress
from daemon.bus.port import Consumer, Producer, TopicPartition
from daemon.exchange.port import Exchange
from daemon.observe.health import Check
from daemon.observe.metrics import Metrics
from daemon.settings.models import Settings
from daemon.store.store import Store
from daemon.sync.acting import Acting
from daemon.sync.calling import Calls
from daemon.sync.delegating import Delegating
from daemon.sync.emitting import Emitter
from daemon.sync.gathering import Gatherer
from daemon.sync.inbound import Inbound
from daemon.sync.knowing import Knowing
from daemon.sync.loading import Loader, TaskLoader
from daemon.sync.meetings import Meetings
from daemon.sync.outbound import Outbound
from daemon.sync.owning import StoredPositions
from daemon.sync.parking import Parking
from daemon.sync.pausing import Guarded, Pausing
from daemon.sync.people import People
from daemon.sync.publishing import Publisher
from daemon.sync.replays import Replays
from daemon.sync.requests import Requests
from daemon.sync.routes import routes
from daemon.sync.settling import Settler
from daemon.sync.task_acting import TaskActing
from daemon.sync.tasks import Tasks
from daemon.sync.turns import Turns
from handlers.policy import Policy
from schemas import catalogue

log = structlog.get_logger(__name__)

DAEMON_STARTED = "daemon.started"
DAEMON_STOPPED = "daemon.stopped"
SETTINGS_RELOADED = "settings.reloaded"
PART_FAILED = "part.failed"


def utc_now() -> datetime:
    """The time, for those who must be told it."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Outside:
    """What the daemon works with: a bus and an Exchange, real or embedded."""

    consumer: Consumer
    producer: Producer
    exchange: Exchange


class Daemon:
    """One running daemon. Made by `opened`, which also closes it."""

    def __init__(
        self,
        settings: Settings,
        *,
        outside: Outside,
        store: Store,
        metrics: Metrics,
        version: str,
        now: Callable[[], datetime],
    ) -> None:
        self.metrics = metrics
        self.store = store
        self._settings = settings
        self._policy = policies.policy_of(settings)
        self._ticks = 0
        self._replays = Replays()
        self._publisher = Publisher(store, outside.producer)
        emitter = Emitter(source=f"exsyncd/{settings.kafka.group_id}")
        settler = Settler(store, self._publisher, emitter, metrics, now)
        self._pausing = pausing = Pausing(store, now=now)
        exchange = Guarded(outside.exchange, pausing)
        turns, loader = Turns(store), Loader(exchange, at_once=settings.exchange.items_per_call)
        gatherer = Gatherer(store, exchange, self.policy)
        calls = Calls(exchange=exchange, loader=loader, policy=self.policy, generation=lambda: store.generation)
        acting = Acting(store=store, calls=calls, settler=settler, now=now, patience=settings.exchange.timeout)
        meetings = Meetings(
            store=store,
            exchange=exchange,
            loader=loader,
            gatherer=gatherer,
            settler=settler,
            acting=acting,
            turns=turns,
            policy=self.policy,
            now=now,
        )
        task_loader = TaskLoader(exchange, at_once=settings.exchange.items_per_call)
        task_acting = TaskActing(
            store=store,
            exchange=exchange,
            loader=task_loader,
            settler=settler,
            now=now,
            patience=settings.exchange.timeout,
        )
        tasks = Tasks(
            store=store,
            loader=task_loader,
            acting=task_acting,
            settler=settler,
            turns=turns,
            policy=self.policy,
            now=now,
        )
        self._delegating = Delegating(store=store, exchange=exchange, settler=settler, policy=self.policy, now=now)
        all_routes = routes(
            people=People(settler, metrics, replays=self._replays, poke=self._delegating.poke),
            inbound=Inbound(store=store, loader=loader, meetings=meetings, tasks=tasks, settler=settler, now=now),
            outbound=Outbound(
                store=store,
                turns=turns,
                acting=acting,
                meetings=meetings,
                gatherer=gatherer,
                replays=self._replays,
                policy=self.policy,
                now=now,
            ),
            tasks=tasks,
            requests=Requests(store=store, settler=settler, pausing=pausing, now=now),
            pausing=pausing,
            knowing=Knowing(store, now=now),
            settle=settings.hints.settle,
        )
        dead_letters = DeadLetters(
            outside.producer, topic=catalogue.DEAD_LETTERS, group=settings.kafka.group_id, version=version
        )
        self._parking = Parking(
            store=store, settler=settler, routes=all_routes, dead_letters=dead_letters, metrics=metrics, now=now
        )
        self.engine = Engine(
            consumer=outside.consumer,
            routes=all_routes,
            positions=StoredPositions(store),
            dead_letters=dead_letters,
            park=self._parking.park,
            limits=wiring.limits(settings),
            restored=self._restored,
            carried_over=self._publisher.carried_over,
            monitor=wiring.Counting(metrics),
            on_progress=self._progressed,
            now=now,
        )

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    def policy(self) -> Policy:
        """What decisions are made by now; another one after a reload."""
        return self._policy

    def ticks(self) -> int:
        """A count that grows as long as the engine's loops turn."""
        return self._ticks

    def checks(self) -> Mapping[str, Check]:
        """Whether the daemon is ready, by what could keep it from being so."""
        return {
            "partitions": lambda: None if self.engine.progress().assigned else "no partitions assigned yet",
            "topics": lambda: _missing(self.engine.progress()),
            "directory": lambda: None if self.engine.progress().directory_read else "still reading the directory",
        }

    async def reload(self, settings: Settings) -> None:
        """Puts other settings into force for the next decision."""
        await self.store.use_canonical(policies.canonical_of(settings), policies.canonical_rules_of(settings))
        self._policy = policies.policy_of(settings)
        self._settings = settings
        await self._delegating.look_at_all()
        log.info(SETTINGS_RELOADED)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop, then drains. Raises what made it impossible to go on."""
        await self._pausing.remind()
        over = asyncio.Event()
        publishing = asyncio.create_task(self._publisher.run())
        parking = asyncio.create_task(self._once_caught_up(self._parking.run, over))
        delegating = asyncio.create_task(self._once_caught_up(self._delegating.run, over))
        parts = (publishing, parking, delegating)
        halt = asyncio.create_task(_first_end(stop, *parts, over=over))
        log.info(DAEMON_STARTED)
        try:
            await self.engine.run(over)
        finally:
            over.set()
            self._publisher.stop()
            await asyncio.wait({*parts, halt}, timeout=self._settings.kafka.send_timeout.total_seconds())
            for task in (*parts, halt):
                task.cancel()
            log.info(DAEMON_STOPPED)
        for task in parts:
            if task.done() and not task.cancelled() and task.exception() is not None:
                raise task.exception() or AssertionError

    async def _once_caught_up(self, work: Callable[[asyncio.Event], Awaitable[None]], over: asyncio.Event) -> None:
        """What waited is decided, like new, by what the directory says now, not by what it said before we were away."""
        ends = [asyncio.create_task(self.engine.caught_up()), asyncio.create_task(over.wait())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        if not over.is_set():
            await work(over)

    async def _restored(self, gaps: Mapping[TopicPartition, Gap]) -> None:
        self._replays.learn(gaps)
        await self.store.raise_generation()

    def _progressed(self, progress: Progress) -> None:
        self._ticks += 1
        self.metrics.inflight_records.set(progress.in_flight)
        self.metrics.paused_partitions.set(progress.paused)
        self.metrics.outbox_rows.set(self._publisher.waiting)


@asynccontextmanager
async def opened(
    settings: Settings,
    *,
    outside: Outside,
    metrics: Metrics,
    version: str,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Daemon]:
    """A daemon with its store open and its producer started. Raises `StoreError`, `BusError`."""
    async with AsyncExitStack() as parts:
        store = await Store.open(
            settings.store.url,
            canonical=policies.canonical_of(settings),
            canonical_rules=policies.canonical_rules_of(settings),
        )
        parts.push_async_callback(store.close)
        await outside.producer.start()
        parts.push_async_callback(outside.producer.stop)
        parts.push_async_callback(outside.exchange.close)
        yield Daemon(settings, outside=outside, store=store, metrics=metrics, version=version, now=now)


async def _first_end(stop: asyncio.Event, *parts: asyncio.Task[None], over: asyncio.Event) -> None:
    """Ends the engine when somebody asks for it, or when a part has died."""
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({stopped, *parts}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        log.error(PART_FAILED)
    stopped.cancel()
    over.set()


def _missing(progress: Progress) -> str | None:
    return f"topics without partitions: {', '.join(sorted(progress.missing))}" if progress.missing else None
