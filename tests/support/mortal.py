"""A daemon that dies at an await of a test's choice, as by SIGKILL.

Every suspension of its tasks that are at work (in `daemon.sync`, or in a call to Exchange) is counted, and at the
chosen one it is over: no line of it runs any more, no `except`, no `finally`. What it had handed to a thread by then,
a transaction or a call, is carried out all the same and nobody hears the answer; what it had not is never done. Both
sides of every call are therefore awaits of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

import daemon
from daemon import policies
from daemon.app import Daemon, Outside
from daemon.bus.memory import MemoryConsumer, side_by_side
from daemon.bus.port import BusError, Headers, Outgoing, Producer
from daemon.exchange.ews.backend import EwsExchange
from daemon.observe.metrics import Metrics
from daemon.store.store import Store
from daemon.wiring import counting, ews_config
from tests.support.house import GROUP, House

_HERE = Path(daemon.__file__).parent
_WORK = tuple(str(_HERE / part) + "/" for part in ("sync", "exchange"))
_IDLE = frozenset({"Parking.run", "Delegating.run"})  # look for work by a clock
_IN_THREAD = "Limits._in_thread"

_life: ContextVar[Life | None] = ContextVar("life", default=None)


@dataclass
class Life:
    """One life of a daemon: it ends at the await with number `until`, counted from `begin`, if there are so many."""

    until: int | None = None
    awaits: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    buried: bool = False
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    steps: list[_Mortal] = field(default_factory=list)
    exchange: EwsExchange | None = None
    _counting: bool = False

    def begin(self) -> None:
        """From here on its awaits count."""
        self._counting = True

    def spare(self) -> list[str]:
        """It came through what was meant to kill it, by these awaits."""
        self._counting = False
        return self.awaits

    def suspended(self, work: Coroutine[Any, Any, Any]) -> None:
        """A task of it waits for something."""
        if not self._counting or self.ended.is_set():
            return
        place = _place(work)
        if place is None:
            return
        self.awaits.append(place)
        if len(self.awaits) == self.until:
            self.ended.set()

    async def last_calls(self) -> None:
        """Returns when the calls that were under way at the end are over: nobody hears what became of them."""
        calls = [each.awaited for each in self.steps if each.work.__qualname__ == _IN_THREAD]
        under_way = [each for each in calls if isinstance(each, asyncio.Future) and not each.done()]
        if under_way:
            await asyncio.wait(under_way)

    async def bury(self) -> None:
        """Frees what it held. Lines of it may run now: nothing of its surroundings may be of interest any more."""
        self.buried = True
        left = [task for task in self.tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        for each in self.steps:
            each.bury()
        if self.exchange is not None:
            await self.exchange.close()


class _Mortal(Coroutine[Any, Any, Any]):
    """What a task of a mortal daemon runs: the work, step by step, until the life is over."""

    def __init__(self, work: Coroutine[Any, Any, Any], life: Life) -> None:
        self.work = work
        self.awaited: Any = None
        self._life = life
        life.steps.append(self)

    def send(self, value: Any) -> Any:
        return self._limbo() if self._life.ended.is_set() else self._step(lambda: self.work.send(value))

    def throw(self, *error: Any) -> Any:
        if self._life.buried:
            raise asyncio.CancelledError
        return self._limbo() if self._life.ended.is_set() else self._step(lambda: self.work.throw(*error))

    def close(self) -> None:
        """It ended by itself, or is buried."""

    def __await__(self) -> Iterator[Any]:
        raise AssertionError("run by a task")

    def bury(self) -> None:
        for _ in range(20):  # each waits for something in its `finally`, at the most
            with suppress(BaseException):
                self.work.close()
                return

    def _step(self, go: Callable[[], Any]) -> Any:
        self.awaited = go()
        self._life.suspended(self.work)
        return self.awaited

    def _limbo(self) -> asyncio.Future[None]:
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        never._asyncio_future_blocking = True
        return never


class Hesitant:
    """A producer that waits before and after every record, as one does that has a network between."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def start(self) -> None:
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        await asyncio.sleep(0)
        await self._producer.send(topic, key=key, value=value, headers=headers)
        await asyncio.sleep(0)

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[BusError | None]:
        return await side_by_side(self, records)


@asynccontextmanager
async def mortality() -> AsyncIterator[list[Life]]:
    """Within the block daemons can die. The dead are buried at its end."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    lives: list[Life] = []

    def make(loop: asyncio.AbstractEventLoop, work: Any, *, context: Context | None = None) -> asyncio.Task[Any]:
        life = context.get(_life) if context is not None else _life.get()
        if life is None:
            return asyncio.Task(work, loop=loop, context=context)
        task = asyncio.Task(_Mortal(work, life), loop=loop, context=context)
        life.tasks.append(task)
        return task

    loop.set_task_factory(make)
    try:
        yield lives
    finally:
        for life in lives:
            await life.bury()
        loop.set_task_factory(before)


@asynccontextmanager
async def living(house: House, life: Life) -> AsyncIterator[Daemon]:
    """A daemon in the house, which dies at the end of the block if it has not before."""
    settings, metrics = house.settings, Metrics(version="test")
    house.metrics.append(metrics)
    store = await Store.open(
        settings.store.url,
        canonical=policies.canonical_of(settings),
        canonical_rules=policies.canonical_rules_of(settings),
    )
    consumer = house.broker.consumer(GROUP)
    life.exchange = EwsExchange(ews_config(settings), observe=counting(metrics), now=house.clock)
    outside = Outside(consumer, Hesitant(house.broker.producer()), life.exchange)
    born = Daemon(settings, outside=outside, store=store, metrics=metrics, version="test", now=house.clock)
    context = copy_context()
    context.run(_life.set, life)
    asyncio.get_running_loop().create_task(born.run(asyncio.Event()), context=context)
    house.daemons.append(born)
    try:
        yield born
    finally:
        house.daemons.remove(born)
        life.ended.set()
        await _mourned(house, life, consumer, store=store)


async def _mourned(house: House, life: Life, consumer: MemoryConsumer, *, store: Store) -> None:
    """What the world makes of a death: the group misses a member, calls under way end, and so do transactions."""
    house.broker.expel(consumer)
    house.broker.detach(consumer)
    await life.last_calls()
    await store.close()


def _place(work: Coroutine[Any, Any, Any]) -> str | None:
    """Where a task that is at work waits: the innermost function of ours; None for one that is not at work."""
    codes = [code for code in _chain(work) if code.co_filename.startswith(_WORK)]
    if not codes or any(code.co_qualname in _IDLE for code in codes):
        return None
    return codes[-1].co_qualname


def _chain(work: Any) -> Iterator[CodeType]:
    """The functions that wait for each other, the outermost first."""
    while work is not None:
        code = getattr(work, "cr_code", None) or getattr(work, "gi_code", None) or getattr(work, "ag_code", None)
        if code is not None:
            yield code
        work = getattr(work, "cr_await", None) or getattr(work, "gi_yieldfrom", None) or getattr(work, "ag_await", None)
