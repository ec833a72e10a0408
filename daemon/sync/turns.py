"""Turns: one decision about a link at a time, whichever of the daemons on a store makes it.

Within a process a lane sees to it. Among several, the link is claimed in the store; and what another one still has to
publish of the link goes out first, so that the bus tells of its revisions in their order. Where a claim is lost, with
the connection that held it, the link's version still lets only one of two decisions be stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from daemon.bus import slots
from daemon.bus.dispositions import TransientError
from daemon.bus.lanes import Lanes
from daemon.store.store import Store

_FIRST_WAIT = timedelta(milliseconds=5)
_LONGEST_WAIT = timedelta(milliseconds=200)
_PATIENCE = timedelta(seconds=20)
"""Longer than a decision takes, unless Exchange is slow: then the hint is better tried again."""


class Turns:
    """See `bus.lanes.Lanes`; keys are links' ids."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lanes = Lanes()

    @asynccontextmanager
    async def turn(self, link_id: str) -> AsyncIterator[None]:
        """Waits for the link's turn and holds it. Raises `TransientError` if another daemon does not let go of it."""
        async with self._in_lane(link_id):
            if not self._store.shared:
                yield
                return
            await _until(lambda: self._store.claim(link_id))
            try:
                await _until(lambda: self._is_all_told(link_id))
                yield
            finally:
                self._store.release(link_id)

    @asynccontextmanager
    async def _in_lane(self, link_id: str) -> AsyncIterator[None]:
        """Who has to wait lets others go on meanwhile."""
        if not self._lanes.is_taken(link_id):
            async with self._lanes.turn(link_id):
                yield
            return
        async with AsyncExitStack() as held:
            async with slots.lent():
                await held.enter_async_context(self._lanes.turn(link_id))
            yield

    async def _is_all_told(self, link_id: str) -> bool:
        """Whether all that other daemons had to say of the link is out, or ours to say."""
        if not await self._store.others_have(link_id.encode()):
            return True
        await self._store.adopt()
        return False


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    """Asks again and again: there is nobody who could call."""
    loop = asyncio.get_running_loop()
    deadline, wait = loop.time() + _PATIENCE.total_seconds(), _FIRST_WAIT
    while not await true():
        if loop.time() > deadline:
            raise TransientError("held_by_another_daemon")
        await asyncio.sleep(wait.total_seconds())
        wait = min(2 * wait, _LONGEST_WAIT)
