"""The real Kafka behaves as the port says, through aiokafka."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.bus.kafka import KafkaAdmin, KafkaConsumer, KafkaProducer, KafkaReader, KafkaSettings
from tests.engine.behaviour import SPECS, Behaviour


class KafkaBus:
    """Topics of their own on the shared broker."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._prefix = prefix
        self.settings = KafkaSettings(
            bootstrap_servers=bootstrap,
            topic_prefix=prefix,
            session_timeout=timedelta(seconds=6),
            rebalance_timeout=timedelta(seconds=6),
            fetch_wait=timedelta(milliseconds=20),
        )

    def consumer(self, group: str, *, instance: str | None = None) -> KafkaConsumer:
        return KafkaConsumer(replace(self.settings, group_id=self._prefix + group, group_instance_id=instance))

    def reader(self) -> KafkaReader:
        return KafkaReader(self.settings)

    def producer(self) -> KafkaProducer:
        return KafkaProducer(self.settings)

    def admin(self) -> KafkaAdmin:
        return KafkaAdmin(self.settings)

    async def expel(self, consumer: KafkaConsumer) -> None:
        """What a session that timed out amounts to, at once: the broker forgets the member, which does not know."""
        coordinator = consumer._client._coordinator
        await coordinator._stop_heartbeat_task()
        generation, member = coordinator.generation, coordinator.member_id
        await coordinator._maybe_leave_group()
        coordinator.generation, coordinator.member_id = generation, member


@pytest.fixture
async def bus(kafka, kafka_prefix) -> KafkaBus:
    bus = KafkaBus(kafka.bootstrap, kafka_prefix)
    admin = bus.admin()
    await admin.start()
    await admin.create(SPECS)
    await admin.stop()
    return bus


class TestKafka(Behaviour):
    @pytest.fixture
    async def bus(self, bus) -> KafkaBus:
        return bus
