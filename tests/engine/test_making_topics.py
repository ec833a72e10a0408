"""Making topics on a real Kafka: they are made only when whoever asks is told of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from daemon.bus import kafka as bus
from daemon.bus.kafka import KafkaAdmin, KafkaSettings
from daemon.bus.port import MissingTopics
from tests.engine.worlds import SPECS
from tests.support.kafka import Cluster


@pytest.fixture
async def admin(kafka: Cluster, kafka_prefix: str) -> AsyncIterator[KafkaAdmin]:
    """An administrator of topics that are nobody else's."""
    admin = KafkaAdmin(KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=kafka_prefix, group_id="nobody"))
    await admin.start()
    yield admin
    await admin.stop()


async def test_topics_are_made_when_the_broker_tells_of_them(admin: KafkaAdmin, monkeypatch: pytest.MonkeyPatch):
    """One that has just started, and makes those of others too, takes seconds from the one to the other."""
    told, looks = admin._names, 0

    async def late() -> set[str]:
        nonlocal looks
        looks += 1
        return await told() if looks > len(bus._LOOKS) else set()

    monkeypatch.setattr(admin, "_names", late)
    await admin.create(SPECS)
    assert {spec.name for spec in SPECS} <= (await admin.topics()).keys()
    assert looks > len(bus._LOOKS)


async def test_topics_that_the_broker_never_tells_of_are_named(admin: KafkaAdmin, monkeypatch: pytest.MonkeyPatch):
    """Whoever starts what needs them would look for the fault there."""

    async def nothing() -> set[str]:
        return set()

    monkeypatch.setattr(admin, "_names", nothing)
    monkeypatch.setattr(bus, "_LOOKS_AT_NEW", (0.0, 0.0))
    with pytest.raises(MissingTopics) as raised:
        await admin.create(SPECS)
    assert raised.value.topics == tuple(sorted(spec.name for spec in SPECS))
