"""From a hint to its command, one at a time, with `hints.settle` 0: over a real Kafka and an EWS endpoint.

The clock starts when the hint is handed to the bus and ends when a consumer has the command. The floor is the one call
to Exchange that is in it, made by the same backend; the endpoint takes 20 ms. Both take turns.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from daemon.app import Outside, opened
from daemon.bus.kafka import KafkaConsumer, KafkaProducer, KafkaSettings
from daemon.exchange.ews.backend import EwsExchange
from daemon.observe.metrics import Metrics
from daemon.wiring import ews_config
from schemas import catalogue
from tests.bench import bank, brokers, servers
from tests.bench.bank import Said
from tests.bench.rows import Row

ROUND_TRIP = timedelta(milliseconds=20)
TIMES, WARMING = 200, 20


def rows(quick: bool) -> list[Row]:
    """No goal is set: these are to be known."""
    with brokers.one_for_all({"latency"}), servers.serving(wait=ROUND_TRIP) as url:
        took = asyncio.run(_timed(url, TIMES // (10 if quick else 1)))
    p50, p99 = len(took["ours"]) // 2, int(len(took["ours"]) * 0.99)
    return [
        Row("hint to command / one EWS call, p50", took["ours"][p50], took["floor"][p50], "ms"),
        Row("hint to command / one EWS call, p99", took["ours"][p99], took["floor"][p99], "ms"),
    ]


@dataclass
class Running:
    """A daemon on the bus, and who speaks and listens there."""

    exchange: EwsExchange
    producer: KafkaProducer
    commands: AIOKafkaConsumer

    async def say(self, *records: Said) -> None:
        """Returns when the broker has them."""
        sends = (self.producer.send(r.topic, key=r.key, value=r.value, headers=r.headers) for r in records)
        await asyncio.gather(*sends)

    async def command(self) -> bytes:
        """The key of the next command."""
        return bytes((await self.commands.getone()).key)


async def _timed(url: str, times: int) -> dict[str, list[float]]:
    """Milliseconds, sorted."""
    took: dict[str, list[float]] = {"ours": [], "floor": []}
    async with running(url) as daemon:
        for number in range(WARMING + times):
            mailbox, item = bank.mailbox_of(number % bank.USERS), servers.item_id(number, number % bank.USERS)
            hint = bank.hint_of(mailbox, item)
            began = time.perf_counter()
            await daemon.say(hint)
            await daemon.command()
            between = time.perf_counter()
            await daemon.exchange.get(mailbox, [item])
            ended = time.perf_counter()
            if number >= WARMING:
                took["ours"].append((between - began) * 1000)
                took["floor"].append((ended - between) * 1000)
    return {name: sorted(times) for name, times in took.items()}


@asynccontextmanager
async def running(url: str, backend: type[EwsExchange] = EwsExchange) -> AsyncIterator[Running]:
    """A daemon that has read its directory, with such an endpoint and a Kafka of the run."""
    kafka = brokers.settings()
    await brokers.make(kafka, catalogue.TOPICS.values())
    async with AsyncExitStack() as parts:
        folder = parts.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        settings = bank.settings_for(Path(folder) / "bench.sqlite", exchange={"endpoint": url})
        exchange, producer = backend(ews_config(settings)), KafkaProducer(kafka)
        await producer.start()
        parts.push_async_callback(producer.stop)
        running = Running(exchange, producer, _reader(kafka))
        await running.say(*bank.people())
        await running.commands.start()
        parts.push_async_callback(running.commands.stop)
        outside = Outside(KafkaConsumer(kafka), KafkaProducer(kafka), exchange)
        metrics = Metrics(version="bench")
        daemon = await parts.enter_async_context(opened(settings, outside=outside, metrics=metrics, version="bench"))
        stop = asyncio.Event()
        run = asyncio.create_task(daemon.run(stop))
        await daemon.engine.caught_up()
        try:
            yield running
        finally:
            stop.set()
            await run


def _reader(kafka: KafkaSettings) -> AIOKafkaConsumer:
    topic = kafka.topic(catalogue.COMMANDS)
    return AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
