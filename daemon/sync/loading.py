"""The loader: lanes of one mailbox that want an item at the same time share one call.

One read a mailbox is under way at a time; whoever asks meanwhile is gathered for the next.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from daemon.exchange.port import Answer, Exchange, TaskAnswer

AT_ONCE = 10
"""Items a call: what Exchange serves well within one budget."""


A = TypeVar("A")


class _Loader(Generic[A]):
    def __init__(self, read: Callable[[str, Sequence[str]], Awaitable[tuple[A, ...]]], *, at_once: int) -> None:
        self._call = read
        self._at_once = at_once
        self._waiting: dict[str, dict[str, asyncio.Future[A]]] = defaultdict(dict)
        self._working: dict[str, asyncio.Task[None]] = {}

    async def get(self, mailbox: str, item_id: str) -> A:
        """The item as it is now: read after this was called. Raises `ExchangeError`."""
        waiting = self._waiting[mailbox]
        if item_id not in waiting:
            waiting[item_id] = asyncio.get_running_loop().create_future()
        answer = waiting[item_id]
        if mailbox not in self._working:
            self._working[mailbox] = asyncio.create_task(self._work(mailbox))
        return await asyncio.shield(answer)

    async def _work(self, mailbox: str) -> None:
        """Reads until nobody waits. The first turn of the loop lets those come who became due in the same moment."""
        await asyncio.sleep(0)
        waiting = self._waiting[mailbox]
        while waiting:
            batch = {item_id: waiting.pop(item_id) for item_id in list(waiting)[: self._at_once]}
            await self._read(mailbox, batch)
        del self._working[mailbox], self._waiting[mailbox]

    async def _read(self, mailbox: str, batch: dict[str, asyncio.Future[A]]) -> None:
        try:
            answers = await self._call(mailbox, tuple(batch))
        except Exception as error:  # noqa: BLE001  # everybody who waits for this call must hear of it
            for future in batch.values():
                future.set_exception(error)
                future.exception()  # whoever waited may have gone; that is no unheard error
            return
        for future, answer in zip(batch.values(), answers, strict=True):
            future.set_result(answer)


class Loader(_Loader[Answer]):
    """Reads items, many callers to a call."""

    def __init__(self, exchange: Exchange, *, at_once: int = AT_ONCE) -> None:
        super().__init__(exchange.get, at_once=at_once)


class TaskLoader(_Loader[TaskAnswer]):
    """Reads tasks, many callers to a call."""

    def __init__(self, exchange: Exchange, *, at_once: int = AT_ONCE) -> None:
        super().__init__(exchange.get_tasks, at_once=at_once)
