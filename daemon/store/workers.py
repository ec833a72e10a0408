"""Workers: threads that take all waiting units of work into one transaction.

A commit costs a disk's round trip, however much is in it, so whoever waits when the disk is free again goes into the
next transaction. A look-up costs less than the way to a thread and back, so that those who read share the way, too.
What they do together in it is in `groups`.

SQLite has one writer. Where several write side by side, units of one lane have the same one, so that they neither
overtake each other nor wait for each other's locks.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from daemon.store.errors import StoreClosed
from daemon.store.groups import Groups, Result, Unit


@dataclass(frozen=True, slots=True)
class _Waiting:
    unit: Unit
    answer: Future[Any]
    loop: AbstractEventLoop


class Workers:
    """Run units of work; where there is one thread, in the order they came."""

    def __init__(self, groups: Groups, name: str, *, at_most: int, threads: int = 1) -> None:
        self._groups = groups
        self._at_most = at_most
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._entry = Lock()
        self._open = True
        self._threads = [Thread(target=self._run, name=f"{name}-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    async def run(self, unit: Unit) -> Any:
        """Its answer, once it is committed. A unit that was handed in is done even if nobody waits for it."""
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._put(_Waiting(unit, answer, loop))
        return await answer

    def close(self) -> None:
        """Commits what was handed in and ends the threads."""
        with self._entry:
            if self._open:
                self._open = False
                for _ in self._threads:
                    self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _put(self, waiting: _Waiting) -> None:
        with self._entry:
            if not self._open:
                raise StoreClosed("the store is closed")
            self._waiting.put(waiting)

    def _run(self) -> None:
        closing = False
        while not closing:
            group, closing = self._next_group()
            _deliver(group, self._groups.commit([each.unit for each in group]))

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        """What waits, at least one unit unless there will be none; and whether the thread ends with it."""
        group: list[_Waiting] = []
        each = self._waiting.get()
        with suppress(Empty):
            while each is not None:
                group.append(each)
                if len(group) == self._at_most:
                    return group, False
                each = self._waiting.get_nowait()
            return group, True
        return group, False


class WritersInLanes:
    """Some writers, one of them for each lane."""

    def __init__(self, groups: Groups, *, count: int, at_most: int) -> None:
        self._all = tuple(Workers(groups, f"store-writer-{n}", at_most=at_most) for n in range(count))

    async def run(self, unit: Unit, *, lane: Hashable) -> Any:
        """See `Workers.run`."""
        return await self._all[hash(lane) % len(self._all)].run(unit)

    def close(self) -> None:
        """Commits what was handed in and ends the threads."""
        for writer in self._all:
            writer.close()


def _deliver(group: list[_Waiting], results: list[Result]) -> None:
    """Wakes each event loop once, however many of its units were committed."""
    by_loop: dict[AbstractEventLoop, list[tuple[Future[Any], Result]]] = {}
    for each, result in zip(group, results, strict=True):
        by_loop.setdefault(each.loop, []).append((each.answer, result))
    for loop, answers in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: Iterable[tuple[Future[Any], Result]]) -> None:
    for answer, result in answers:
        if answer.done():
            continue
        if result.error is not None:
            answer.set_exception(result.error)
        else:
            answer.set_result(result.value)
