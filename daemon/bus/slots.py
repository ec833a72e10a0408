"""Slots: how many deliveries are processed at once; lending one while its delivery only waits for another one, and
leaving it when its delivery only waits to be stored.

Two hundred hints of one meeting are decided one after the other. Those that wait must not keep everybody else waiting.
And the more events wait for the disk, the more it takes at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar, Token

_LEFT = 4
"""So many times the slots may wait to be stored without one: they hold what is to be stored in memory."""


class Slots:
    """So many at once of all partitions. Whoever leaves lets in who has waited longest; partitions take turns."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.room = _LEFT * count
        """For those who have left."""
        self.queued: deque[Share] = deque()
        """Those for whom somebody waits, the next one first."""

    def share(self, count: int) -> Share:
        """So many at once of one partition."""
        return Share(self, count)

    def let_in(self) -> None:
        """One of those who wait, if there is a slot for any of them."""
        for _ in range(len(self.queued)):
            share = self.queued.popleft()
            came_in = share.let_in()
            if share.is_waited_for:
                self.queued.append(share)
            if came_in:
                return


class Share:
    """What one partition may have of all slots."""

    def __init__(self, slots: Slots, count: int) -> None:
        self.free = count
        self.slots = slots
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_waited_for(self) -> bool:
        return bool(self._waiting)

    async def take(self) -> None:
        """A slot, when there is one. While one is free for us, nobody waits for it."""
        if self._occupied():
            return
        turn = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self.slots.queued.append(self)
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()  # the turn had come in the same moment
            raise

    def give_back(self) -> None:
        self.free += 1
        self.slots.free += 1
        self.slots.let_in()

    def let_in(self) -> bool:
        """Whether somebody who waited has a slot now."""
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()  # has given up
        if not self._waiting or not self._occupied():
            return False
        self._waiting.popleft().set_result(None)
        return True

    def _occupied(self) -> bool:
        if not self.free or not self.slots.free:
            return False
        self.free -= 1
        self.slots.free -= 1
        return True


class _Slot(AbstractAsyncContextManager[None]):
    """One slot of a share, held or lent."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._held = False
        self._left = False
        self._before: Token[_Slot | None] | None = None

    async def take(self) -> None:
        await self._share.take()
        self._held = True

    def give_back(self) -> None:
        if self._held:
            self._held = False
            self._share.give_back()

    def leave(self) -> None:
        if self._held and self._share.slots.room:
            self._share.slots.room -= 1
            self._left = True
            self.give_back()

    async def __aenter__(self) -> None:
        await self.take()
        self._before = _MINE.set(self)

    async def __aexit__(self, *_: object) -> None:
        if self._before is not None:
            _MINE.reset(self._before)
        self.give_back()
        if self._left:
            self._share.slots.room += 1


_MINE: ContextVar[_Slot | None] = ContextVar("slot", default=None)


def taken(share: Share) -> AbstractAsyncContextManager[None]:
    """Waits for a slot and holds it, but for while it is lent."""
    return _Slot(share)


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


def leave() -> None:
    """What is being processed is decided, and only waits to be stored: its slot is free for others, for good."""
    slot = _MINE.get()
    if slot is not None:
        slot.leave()
