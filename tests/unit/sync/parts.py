"""What the tests of the daemon's parts share: records, deliveries, a settler on a real store and a broker in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.bus.memory import MemoryBroker
from daemon.bus.port import Record, TopicPartition
from daemon.bus.routes import Position
from daemon.observe.metrics import Metrics
from daemon.store import outbox, positions
from daemon.store.store import Store
from daemon.sync.emitting import Emitter
from daemon.sync.publishing import Publisher
from daemon.sync.settling import Settler
from schemas import catalogue

OWNER = "this-daemon"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
_PATIENCE = 30.0


@dataclass(frozen=True)
class Delivered:
    """See `daemon.bus.routes.Delivery`: all records of one partition, settled with the last one."""

    records: tuple[Record, ...]
    owner: str = OWNER

    def position(self) -> Position:
        last = self.records[-1]
        return Position(last.topic, last.partition, self.owner, last.offset + 1)


@dataclass
class Desk:
    """A settler and what is around it. `now` is what the clock shows."""

    store: Store
    broker: MemoryBroker = field(default_factory=lambda: MemoryBroker(catalogue.TOPICS.values()))
    metrics: Metrics = field(default_factory=lambda: Metrics(version="test"))
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.store, self.broker.producer())
        self.settler = Settler(self.store, self.publisher, Emitter("exsyncd/test"), self.metrics, self.clock)

    def clock(self) -> datetime:
        return self.now

    def pass_by(self, span: timedelta) -> None:
        self.now += span

    async def own(self, *sources: TopicPartition) -> None:
        """These partitions are ours from here on."""
        await self.store.write(lambda tx: positions.assign(tx, sources, OWNER))

    async def position(self, topic: str, partition: int = 0) -> int | None:
        """How far a partition is settled."""
        return (await self.store.read(positions.known)).get((topic, partition))

    async def waiting(self) -> list[tuple[str, dict[str, Any]]]:
        """What is still to be published: topics and data, in order."""
        rows = await self.store.read(lambda tx: outbox.waiting(tx, 100))
        return [(row.topic, json.loads(row.value or b"null")) for row in rows]

    async def told(self) -> list[tuple[str, str | None]]:
        """Result and reason of the outcomes that are still to be published."""
        return [(data["result"], data["reason"]) for topic, data in await self.waiting() if topic == catalogue.OUTCOMES]

    def published(self, topic: str) -> list[bytes]:
        """The values a topic holds, in order where they have one key."""
        return [record.value or b"" for record in self.broker.records(topic)]

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[None]:
        """The publisher works until the end of the block."""
        run = asyncio.create_task(self.publisher.run())
        try:
            yield
        finally:
            self.publisher.stop()
            await asyncio.wait_for(run, _PATIENCE)


async def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds."""
    async with asyncio.timeout(_PATIENCE):
        while not condition():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.001)


def a_record(topic: str, kind: str, data: dict[str, Any] | None, *, key: str, offset: int = 0) -> Record:
    """A record as a producer puts it on the bus."""
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", f"e-{topic}-{offset}".encode()),
        ("ce_source", b"/test"),
        ("ce_type", kind.encode()),
        ("content-type", b"application/json"),
    )
    value = None if data is None else json.dumps(data).encode()
    return Record(topic, 0, offset, key.encode(), value, headers, timestamp=1_795_424_400_000)


def a_hint(item_id: str = "AAMk-1", *, mailbox: str = "anna@bank.example", offset: int = 0) -> Record:
    """A hint that something happened to an item."""
    data = {"mailbox": mailbox, "folder": "calendar", "item_id": item_id}
    return a_record(catalogue.NOTIFICATIONS, "exchange.item.modified.v1", data, key=mailbox, offset=offset)
