"""The loader: lanes of one mailbox that want an item at the same time share one call.

One read a mailbox is under way at a time; whoever asks meanwhile is gathered for the next.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from daemon.exchange.port import Answer, Exchange

AT_ONCE = 10
"""Items a call: what Exchange serves well within one budget."""


class Loader:
    """Reads items, many callers to a call."""

    def __init__(self, exchange: Exchange, *, at_once: int = AT_ONCE) -> None:
        self._exchange = exchange
        self._at_once = at_once
        self._waiting: dict[str, dict[str, asyncio.Future[Answer]]] = defaultdict(dict)
        self._working: dict[str, asyncio.Task[None]] = {}

    async def get(self, mailbox: str, item_id: str) -> Answer:
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

    async def _read(self, mailbox: str, batch: dict[str, asyncio.Future[Answer]]) -> None:
        try:
            answers = await self._exchange.get(mailbox, tuple(batch))
        except Exception as error:  # noqa: BLE001  # everybody who waits for this call must hear of it
            for future in batch.values():
                future.set_exception(error)
                future.exception()  # whoever waited may have gone; that is no unheard error
            return
        for future, answer in zip(batch.values(), answers, strict=True):
            future.set_result(answer)
