"""Lanes: work of one key in order, one at a time; work of different keys side by side.

A lane exists only while it has work. These are for work that has a task of its own, as `sync` decides in a second lane,
per link; the lanes of a partition, whose records are known beforehand, have a task each (`partition`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeVar

T = TypeVar("T")


class Lanes:
    """A first-come-first-served turn per key."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Runs `work` when all work put into this lane before is over, however that ended."""
        async with self.turn(key):
            return await work()

    def turn(self, key: Hashable) -> AbstractAsyncContextManager[None]:
        """Waits for the lane's turn and holds it. Whoever is cancelled while waiting leaves the queue."""
        return _Turn(self, key)

    def is_taken(self, key: Hashable) -> bool:
        """Whether whoever wants this lane's turn has to wait for it."""
        return key in self._waiting

    def __len__(self) -> int:
        """Lanes that have work."""
        return len(self._waiting)

    def longest(self) -> int:
        """How many wait in the longest lane, its running one not counted."""
        return max(map(len, self._waiting.values()), default=0)

    async def enter(self, key: Hashable) -> None:
        """See `turn`."""
        queue = self._waiting.get(key)
        if queue is None:
            self._waiting[key] = deque()
            return
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            self._abandon(key, turn)
            raise

    def leave(self, key: Hashable) -> None:
        """See `turn`."""
        queue = self._waiting[key]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[key]

    def _abandon(self, key: Hashable, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self.leave(key)  # the turn had come in the same moment: it is the next one's now
            return
        with suppress(KeyError, ValueError):  # whoever left the lane in the same moment has passed us over already
            self._waiting[key].remove(turn)


class _Turn(AbstractAsyncContextManager[None]):
    """A class, since every decision takes one, and a generator costs three times as much."""

    __slots__ = ("_key", "_lanes")

    def __init__(self, lanes: Lanes, key: Hashable) -> None:
        self._lanes = lanes
        self._key = key

    async def __aenter__(self) -> None:
        await self._lanes.enter(self._key)

    async def __aexit__(self, *_: object) -> None:
        self._lanes.leave(self._key)
