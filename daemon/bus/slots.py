"""Slots: how many deliveries are processed at once; and lending one while its delivery only waits for another one.

Two hundred hints of one meeting are decided one after the other. Those that wait must not keep everybody else waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar, Token


class _Slot(AbstractAsyncContextManager[None]):
    """One place of each of several counts, all or none."""

    def __init__(self, *counts: asyncio.Semaphore) -> None:
        self._counts = counts
        self._held: list[asyncio.Semaphore] = []
        self._before: Token[_Slot | None] | None = None

    async def take(self) -> None:
        try:
            for count in self._counts:
                await count.acquire()
                self._held.append(count)
        except BaseException:
            self.give_back()
            raise

    def give_back(self) -> None:
        while self._held:
            self._held.pop().release()

    async def __aenter__(self) -> None:
        await self.take()
        self._before = _MINE.set(self)

    async def __aexit__(self, *_: object) -> None:
        if self._before is not None:
            _MINE.reset(self._before)
        self.give_back()


_MINE: ContextVar[_Slot | None] = ContextVar("slot", default=None)


def taken(*counts: asyncio.Semaphore) -> AbstractAsyncContextManager[None]:
    """Waits for a place of each count and holds them, but for while they are lent."""
    return _Slot(*counts)


@asynccontextmanager
async def lent() -> AsyncIterator[None]:
    """Lets others have the slot of what is being processed; afterwards waits for one again, unless all is over by then.

    Without a slot (parked work has none) there is nothing to lend.
    """
    slot = _MINE.get()
    if slot is None:
        yield
        return
    slot.give_back()
    yield
    await slot.take()
