"""The publisher: what lies in the outbox goes to Kafka, in order, and is forgotten when the broker has it.

Records of one key go one after the other, so that a command is acknowledged before its outcome is published; different
keys go side by side. What a crash left behind is published first at the next start, or by another daemon on the store.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from daemon.bus.port import BusError, Producer, TooLarge
from daemon.store import outbox
from daemon.store.errors import CommitFailed
from daemon.store.outbox import Waiting
from daemon.store.store import Store

log = structlog.get_logger(__name__)

RECORD_PARKED = "outbox.record_parked"
PUBLISHING_FAILED = "outbox.publishing_failed"
OUTBOX_ADOPTED = "outbox.adopted"
STORE_AWAY = "store.away"

_AT_ONCE = 500
_REMEMBERED = 2 * _AT_ONCE
_AFTER_FAILURE = timedelta(seconds=1)
_LOOK_EVERY = timedelta(seconds=1)
"""How often what dead daemons left behind is looked for."""


@dataclass(slots=True)
class _Awaited:
    """Who waits for some records, and for how many of them still."""

    arrival: asyncio.Future[None]
    left: int


class Publisher:
    """Publishes what units of work put into the outbox, and tells when it arrived."""

    def __init__(self, store: Store, producer: Producer) -> None:
        self._store = store
        self._producer = producer
        self._awaited: dict[int, _Awaited] = {}
        self._unasked: dict[int, None] = {}
        self._due = asyncio.Event()
        self._due.set()
        self._empty = asyncio.Event()
        self._stopping = False
        self.waiting = 0

    async def arrival(self, numbers: Sequence[int]) -> None:
        """Returns when the broker has all of these. Call it right after the commit that put them in."""
        arrival = self.expect(numbers)
        if arrival is not None:
            await arrival

    def expect(self, numbers: Sequence[int]) -> asyncio.Future[None] | None:
        """The arrival of these as something to be awaited later; None if there is nothing to wait for."""
        if not numbers:
            return None
        arrival = asyncio.get_running_loop().create_future()
        missing = [number for number in numbers if number not in self._unasked]
        for number in numbers:
            self._unasked.pop(number, None)
        if not missing:
            arrival.set_result(None)
            return arrival
        awaited = _Awaited(arrival, len(missing))
        self._awaited.update(dict.fromkeys(missing, awaited))
        self._due.set()
        return arrival

    async def carried_over(self) -> None:
        """Returns when all that lies in the outbox now is with the broker: when it has been empty once from here on."""
        self._empty.clear()
        self._due.set()
        await self._empty.wait()

    async def run(self) -> None:
        """Publishes until `stop`; then what is left, once."""
        while not self._stopping:
            await self._something_due()
            await self._try_all()
        await self._try_all()

    def stop(self) -> None:
        """No more will come: `run` returns when the outbox is empty, or cannot be emptied."""
        self._stopping = True
        self._due.set()

    async def _something_due(self) -> None:
        patience = _LOOK_EVERY.total_seconds() if self._store.shared else None
        with suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), patience)
        self._due.clear()

    async def _try_all(self) -> None:
        try:
            adopted = await self._store.adopt()
            if adopted:
                log.warning(OUTBOX_ADOPTED, daemons=adopted)
            await self._publish_all()
        except CommitFailed as error:
            log.warning(STORE_AWAY, error=type(error.__cause__).__name__)
            self._due.set()
            await asyncio.sleep(0 if self._stopping else _AFTER_FAILURE.total_seconds())

    async def _publish_all(self) -> None:
        while rows := await self._waiting_rows():
            self.waiting = len(rows)
            sent = await self._publish(rows)
            if sent < len(rows):
                if self._stopping:
                    return
                await asyncio.sleep(_AFTER_FAILURE.total_seconds())
        self.waiting = 0
        self._empty.set()

    async def _waiting_rows(self) -> Sequence[Waiting]:
        expected = tuple(self._awaited) if self._store.shared else ()
        rows = await self._store.read(lambda tx: outbox.waiting(tx, _AT_ONCE, owner=self._store.owner))
        if self._store.shared and len(rows) < _AT_ONCE:
            for number in set(expected) - {row.id for row in rows}:
                self._arrived(number)  # who took us for dead has adopted it, and publishes it
        return rows

    async def _publish(self, rows: Sequence[Waiting]) -> int:
        """The first records of all keys go together, then the second ones: a task for each costs as much as sending."""
        by_key: dict[bytes, deque[Waiting]] = defaultdict(deque)
        for row in rows:
            by_key[row.key].append(row)
        done: list[int] = []
        while by_key:
            firsts = [queue.popleft() for queue in by_key.values()]
            errors = await self._producer.send_all(firsts)
            done += [row.id for row, error in zip(firsts, errors, strict=True) if error is None]
            stuck = {row.key for row, error in zip(firsts, errors, strict=True) if not await self._goes_on(row, error)}
            by_key = {key: queue for key, queue in by_key.items() if queue and key not in stuck}
        if done:
            await self._store.write(lambda tx: outbox.remove(tx, done))
        for number in done:
            self._arrived(number)
        return len(done)

    async def _goes_on(self, row: Waiting, error: BusError | None) -> bool:
        """Whether the key's next record may follow this one."""
        if isinstance(error, TooLarge):
            await self._put_aside(row)
            return True
        if error is not None:
            log.warning(PUBLISHING_FAILED, topic=row.topic, error=type(error).__name__)
        return error is None

    async def _put_aside(self, row: Waiting) -> None:
        log.error(RECORD_PARKED, topic=row.topic, number=row.id, bytes=len(row.value or b""))
        await self._store.write(lambda tx: outbox.park(tx, row.id, "too_large"))
        self._arrived(row.id)

    def _arrived(self, number: int) -> None:
        awaited = self._awaited.pop(number, None)
        if awaited is None:
            self._unasked[number] = None  # published before whoever put it there was told of the commit
            if len(self._unasked) > _REMEMBERED:
                del self._unasked[next(iter(self._unasked))]
            return
        awaited.left -= 1
        if not awaited.left and not awaited.arrival.done():
            awaited.arrival.set_result(None)
