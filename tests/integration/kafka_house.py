"""A house on a real Kafka: the daemon is a process of its own, the rest as in `tests.support.house`.

What lies on Kafka is copied into the broker in memory that a house has, so that whoever judges a house can judge this
one. Time is the real one here: what waits for Exchange waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Source

from daemon.bus.memory import MemoryBroker
from daemon.bus.port import Record, TopicPartition
from daemon.sandbox.exchange import ExchangeSandbox, People
from schemas import catalogue
from tests.integration.stage import SERVICE, Stage, a_stage
from tests.support import invariants
from tests.support.house import House, settings_for
from tests.support.watch import HeldHint

_PARKED = "exsyncd_parked_items{"
_FETCH_MS = 200


@dataclass
class KafkaHouse(House):
    """The running parts around a stage."""

    stage: Stage = field(kw_only=True)
    reader: AIOKafkaConsumer = field(kw_only=True)
    _sending: list[asyncio.Task[None]] = field(default_factory=list)

    async def publish(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self.watch.hints.append((topic, key, value, headers))
        if self.hold_hints:
            self.held.append((topic, key, value, headers))
            return
        await self.stage.send([(topic, key, value, headers)])

    def deliver(self, hints: Sequence[HeldHint]) -> None:
        self._sending.append(asyncio.create_task(self.stage.send(hints)))

    async def waits(self) -> bool:
        shown = (line for line in (await self.stage.metrics()).splitlines() if line.startswith(_PARKED))
        return any(float(line.rpartition(" ")[2]) for line in shown)

    async def quiet(self) -> None:
        sending, self._sending = self._sending, []
        await asyncio.gather(*sending)
        await self.sandbox.hints_published()
        await self.stage.quiet()
        await self._copy()

    async def _copy(self) -> None:
        """What came since the last time, partition by partition."""
        ends = await self.reader.end_offsets(self.reader.assignment())
        while any([await self.reader.position(source) < end for source, end in ends.items()]):
            for source, records in (await self.reader.getmany(timeout_ms=_FETCH_MS)).items():
                self._append(source, records)

    def _append(self, source: Source, records: Sequence[Any]) -> None:
        topic = source.topic.removeprefix(self.stage.prefix)
        log = self.broker.log(TopicPartition(topic, source.partition))
        for each in records:
            headers = tuple(each.headers)
            log.append(
                Record(topic, source.partition, each.offset, each.key, each.value, headers, timestamp=each.timestamp)
            )

    async def check(self) -> None:
        """All invariants that can be judged from outside a process. Raises `invariants.Broken`."""
        await invariants.stays_quiet(self)
        await invariants.keeps_tasks(self)
        await invariants.check(self)


@asynccontextmanager
async def a_house_on_kafka(
    folder: Path, *people: dict[str, Any], kafka: str, prefix: str, security_model: str
) -> AsyncIterator[KafkaHouse]:
    """A house with these people, of whom the CRM has said nothing yet, and a running daemon."""
    services = [{"username": SERVICE[0], "password": SERVICE[1], "impersonates": "*"}]
    made: list[KafkaHouse] = []

    async def publish(topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        await made[0].publish(topic, key, value, headers)

    sandbox = ExchangeSandbox(People.read({"people": list(people), "services": services}), publish)
    settings = f'security_model = "{security_model}"\n'
    async with (
        AsyncExitStack() as parts,
        a_stage(
            folder, kafka=kafka, prefix=prefix, exchange=sandbox, held=[], settings=settings, in_a_hurry=True
        ) as stage,
    ):
        reader = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
        await reader.start()
        parts.push_async_callback(reader.stop)
        topics = catalogue.TOPICS.values()
        reader.assign([Source(prefix + each.name, n) for each in topics for n in range(each.partitions)])
        house = KafkaHouse(
            sandbox,
            stage.exchange_url,
            stage.crm,
            MemoryBroker(topics),
            settings_for(stage.exchange_url, stage.store),
            stage=stage,
            reader=reader,
        )
        house.watch.service = house.service
        house.watch.attach(sandbox)
        made.append(house)
        house.people = [each["email"].partition("@")[0] for each in people]
        yield house
        await house.check()
