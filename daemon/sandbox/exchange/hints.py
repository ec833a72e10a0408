"""Hints: the sandbox's changes as `exchange.item.*.v1` events on `exchange.notifications`.

What a listener beside a real Exchange would put there: CloudEvents in binary mode, keyed by mailbox, several for one
change. `publish` is whatever brings them onto a bus; changes are published in their order by one task.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from daemon.sandbox.exchange.items import Change

TOPIC = "exchange.notifications"
SOURCE = "sandbox/exchange"

Headers = list[tuple[str, bytes]]
Publish = Callable[[str, bytes, bytes, Headers], Awaitable[None]]
"""Called with topic, key, value and headers."""


class Hints:
    """A queue of changes and the task that publishes them."""

    def __init__(self, publish: Publish, *, clock: Callable[[], datetime]) -> None:
        self._publish = publish
        self._clock = clock
        self._waiting: asyncio.Queue[Change] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._count = 0

    def put(self, change: Change) -> None:
        self._waiting.put_nowait(change)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="sandbox-hints")

    async def stop(self) -> None:
        """Publishes what is waiting, then ends; a publish that failed is raised here."""
        if self._task is None:
            return
        try:
            await self.drained()
        finally:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def drained(self) -> None:
        """Returns once everything put so far is published; a publish that failed is raised here."""
        if self._task is None:
            return
        joined = asyncio.create_task(self._waiting.join())
        await asyncio.wait((joined, self._task), return_when=asyncio.FIRST_COMPLETED)
        joined.cancel()
        if self._task.done():
            self._task.result()

    async def _run(self) -> None:
        while True:
            change = await self._waiting.get()
            self._count += 1
            headers = event_headers(change, number=self._count, moment=self._clock())
            await self._publish(TOPIC, change.mailbox.encode(), event_value(change), headers)
            self._waiting.task_done()


def event_headers(change: Change, *, number: int, moment: datetime) -> Headers:
    attributes = {
        "ce_id": f"sandbox-{number}",
        "ce_source": SOURCE,
        "ce_type": f"exchange.item.{change.kind.value}.v1",
        "ce_specversion": "1.0",
        "ce_time": moment.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": change.item_id,
        "content-type": "application/json",
    }
    return [(name, text.encode()) for name, text in attributes.items()]


def event_value(change: Change) -> bytes:
    data = {
        "mailbox": change.mailbox,
        "folder": change.folder,
        "item_id": change.item_id,
        "change_key": None,
        "old_item_id": change.old_item_id,
    }
    return json.dumps(data).encode()
