"""A broker that crashes and comes back: nothing is lost, nobody has to be started again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.bus.kafka import KafkaAdmin, KafkaConsumer, KafkaProducer, KafkaSettings
from daemon.bus.port import Undeliverable
from tests.engine.worlds import HINTS, SPECS, World, running
from tests.support.kafka import EXTERNAL, OwnKafka

pytestmark = pytest.mark.skipif(EXTERNAL in os.environ, reason="another's cluster is not ours to crash")


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[OwnKafka]:
    kafka = OwnKafka(tmp_path / "kafka")
    yield kafka
    kafka.crash()


async def test_records_flow_again_after_a_crash_of_the_broker(own_kafka: OwnKafka):
    """Sends are said to have failed while it is away, and go through when it is back; the reader goes on by itself."""
    settings = KafkaSettings(
        bootstrap_servers=own_kafka.bootstrap,
        send_timeout=timedelta(seconds=2),
        request_timeout=timedelta(seconds=3),
        session_timeout=timedelta(seconds=6),
        fetch_wait=timedelta(milliseconds=20),
    )
    admin = KafkaAdmin(settings)
    await admin.start()
    await admin.create(SPECS)
    await admin.stop()
    world, producer = World(), KafkaProducer(settings)
    await producer.start()
    async with running(world.engine(KafkaConsumer(settings), producer)):
        await producer.send(HINTS, key=b"k", value=b"before")
        await world.watch.until(lambda: world.desk.values == [b"before"])
        own_kafka.crash()
        with pytest.raises(Undeliverable):
            await producer.send(HINTS, key=b"k", value=b"into the void")
        await asyncio.to_thread(own_kafka.restart)
        await _until_sent(producer, b"after")
        await world.watch.until(lambda: world.desk.values[-1] == b"after")
        await world.watch.until(lambda: world.positions.offsets != {})
    await producer.stop()
    assert set(world.desk.values) <= {b"before", b"into the void", b"after"}


async def _until_sent(producer: KafkaProducer, value: bytes) -> None:
    while True:
        try:
            return await producer.send(HINTS, key=b"k", value=value)
        except Undeliverable:
            continue
