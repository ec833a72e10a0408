"""Slots: how many deliveries are processed at once; and lending one while its delivery only waits for another one.

Two hundred hints of one meeting are decided one after the other. Those that wait must not keep everybody else waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar


class _Slot:
    """One place of each of several counts, all or none."""

    def __init__(self, *counts: asyncio.Semaphore) -> None:
        self._counts = counts
        self._held: AsyncExitStack | None = None

    async def take(self) -> None:
        async with AsyncExitStack() as taken:
            for count in self._counts:
                await taken.enter_async_context(count)
            self._held = taken.pop_all()

    async def give_back(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await held.aclose()


_MINE: ContextVar[_Slot | None] = ContextVar("slot", default=None)


@asynccontextmanager
async def taken(*counts: asyncio.Semaphore) -> AsyncIterator[None]:
    """Waits for a place of each count and holds them, but for while they are lent."""
    slot = _Slot(*counts)
    await slot.take()
    before = _MINE.set(slot)
    try:
        yield
    finally:
        _MINE.reset(before)
        await slot.give_back()


@asynccontextmanager
async def lent() -> AsyncIterator[None]:
    """Lets others have the slot of what is being processed; afterwards waits for one again, unless all is over by then.

    Without a slot (parked work has none) there is nothing to lend.
    """
    slot = _MINE.get()
    if slot is None:
        yield
        return
    await slot.give_back()
    yield
    await slot.take()
