"""The broker that the demo embeds carries a whole chain: topics that appear, a group of one, and what it commits."""

from __future__ import annotations

import builtins
from datetime import timedelta

import pytest

from daemon.bus.dispositions import Dead
from daemon.bus.kafka import KafkaConsumer, KafkaProducer, KafkaSettings
from daemon.bus.routes import Route
from daemon.sandbox.broker import BrokerMissing, EmbeddedBroker
from tests.engine.worlds import HINTS, LETTERS, USERS, Desk, World, running


async def test_a_chain_runs_on_the_embedded_broker():
    """Directory first, then hints, a dead letter, and the group's offsets."""
    pytest.importorskip("confluent_kafka", reason="the embedded broker comes with the extra `demo`")
    broker = EmbeddedBroker()
    settings = KafkaSettings(
        bootstrap_servers=broker.start(),
        session_timeout=timedelta(seconds=3),
        fetch_wait=timedelta(milliseconds=20),
        topics_appear=True,
    )
    world, producer = World(), KafkaProducer(settings)
    letters = Desk(world.watch)
    world.desk.answers[b"poison"] = lambda delivery: Dead("decode", "$.id is missing")
    routes = [
        Route(HINTS, world.desk.process, waits_for_directory=True),
        Route(USERS, world.desk.process, directory=True),
        Route(LETTERS, letters.process),
    ]
    await producer.start()
    for n in range(20):
        await producer.send(USERS, key=b"%d" % n, value=b"user")
    await producer.send(HINTS, key=b"poison", value=b"\xff", headers=(("ce_id", b"1"),))
    async with running(world.engine(KafkaConsumer(settings), producer, routes=routes)):
        await world.watch.until(lambda: world.watch.finishes["done"] == 21)
        await world.watch.until(lambda: world.watch.counts["committed:ok"] > 0)
    await producer.stop()
    broker.stop()
    topics = [record.topic for record in world.desk.records]
    assert topics == [USERS] * 20 + [HINTS]
    assert letters.values == [b"\xff"]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """And that a real broker would do."""
    real = builtins.__import__

    def without(name: str, *args, **kwargs):
        if name == "confluent_kafka":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BrokerMissing, match=r"pip install 'exsyncd\[demo\]'"):
        EmbeddedBroker().start()
