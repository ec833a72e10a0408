"""The sandbox CRM on a broker: the embedded one of the demo, which speaks the protocol over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    UnknownTopicOrPartitionError,
)
from tenacity import wait_none

from daemon.sandbox.crm.bus import CrmOnKafka, TopicMissing
from schemas import envelope, events
from schemas.catalogue import COMMANDS, SCHEDULE_ITEMS
from schemas.envelope import Headers
from tests.unit.sandbox_crm.world import a_meeting, record_of, upsert

PREFIX = "bank."

_Crm = TypeVar("_Crm", bound=CrmOnKafka)

confluent_kafka = pytest.importorskip("confluent_kafka", reason="the embedded broker is an extra")


@pytest.fixture
def broker() -> Iterator[str]:
    owner = confluent_kafka.Producer(
        {"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "logger": None, "log_level": 0}
    )
    (node,) = owner.list_topics(timeout=10).brokers.values()
    yield f"{node.host}:{node.port}"
    owner.flush(10)


@asynccontextmanager
async def running(crm: _Crm) -> AsyncIterator[_Crm]:
    await crm.start()
    try:
        yield crm
    finally:
        await crm.stop()


@asynccontextmanager
async def producing(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def reading(broker: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker, auto_offset_reset="earliest", fetch_max_wait_ms=20)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


class Watched(CrmOnKafka):
    """A CRM whose tests can wait for a command to be dealt with, and whose first answers fail with these errors."""

    def __init__(self, broker: str, *errors: KafkaError) -> None:
        super().__init__(broker, PREFIX)
        self.dealt_with: asyncio.Queue[bool] = asyncio.Queue()
        self._errors = list(errors)

    async def apply(self, headers: Headers, value: bytes | None) -> bool:
        taken = await super().apply(headers, value)
        self.dealt_with.put_nowait(taken)
        return taken

    async def _send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        if self._errors:
            raise self._errors.pop(0)
        await super()._send(topic, key, value, headers)


async def send(producer: AIOKafkaProducer, revision: int, **fields: Any) -> None:
    headers, value = record_of(upsert(revision=revision, **fields))
    await producer.send_and_wait(f"{PREFIX}{COMMANDS}", value, key=b"9f0c", headers=headers)


def version_in(record: ConsumerRecord) -> int:
    """Of an event that keeps the contract; anything else fails here."""
    context = envelope.read(record.headers, record.value)
    event = events.parse(SCHEDULE_ITEMS, context, key=record.key)
    assert isinstance(event, events.ScheduleItemChanged)
    return event.version


async def answers(broker: str, *, count: int) -> list[int]:
    """The versions in the first so many answers."""
    async with reading(broker, f"{PREFIX}{SCHEDULE_ITEMS}") as consumer:
        return [version_in(await consumer.getone()) for _ in range(count)]


async def test_commands_on_the_bus_are_answered_there(broker: str) -> None:
    """From the prefixed topic of commands to the prefixed topic of schedule items; noise stops nothing."""
    async with running(Watched(broker)) as crm, producing(broker) as producer:
        await producer.send_and_wait(f"{PREFIX}{COMMANDS}", b"noise", key=b"9f0c")
        await send(producer, 1)
        await send(producer, 2, seen=1, changed=["subject"], item=a_meeting(subject="Newer"))

        assert [await crm.dealt_with.get() for _ in range(3)] == [False, True, True]
        assert await answers(broker, count=2) == [1, 2]
        (item,) = crm.items()
        assert (item["item"]["subject"], item["revision"]) == ("Newer", 2)


async def test_a_crm_that_starts_again_holds_the_same_items(broker: str) -> None:
    """It reads from the beginning, so it takes what was sent before it was there."""
    async with producing(broker) as producer:
        await send(producer, 1)
    listed = []
    for _ in range(2):
        async with running(Watched(broker)) as crm:
            assert await crm.dealt_with.get()
            listed.append(crm.items())

    assert listed[0] == listed[1]
    assert await answers(broker, count=2) == [1, 1]


async def test_an_answer_that_no_broker_takes_does_not_stop_the_next_command(broker: str) -> None:
    """What could not be said did not happen; the CRM goes on."""
    async with running(Watched(broker, MessageSizeTooLargeError())) as crm, producing(broker) as producer:
        await send(producer, 1)
        await send(producer, 2)
        assert await crm.dealt_with.get()

        assert [command["revision"] for command in crm.commands()] == [2]
        assert [item["revision"] for item in crm.items()] == [2]


@pytest.mark.parametrize("error", [KafkaTimeoutError(), NotLeaderForPartitionError()])
async def test_a_command_waits_for_a_bus_that_comes_back(
    monkeypatch: pytest.MonkeyPatch, broker: str, error: KafkaError
) -> None:
    """Neither lost nor half applied: the same command goes on once the bus takes its answer."""
    monkeypatch.setattr(CrmOnKafka._apply_until_sent.retry, "wait", wait_none())
    async with running(Watched(broker, error, error)) as crm, producing(broker) as producer:
        await send(producer, 1)
        assert await crm.dealt_with.get()

        assert [(command["revision"], command["taken"]) for command in crm.commands()] == [(1, True)]
        assert await answers(broker, count=1) == [1]


async def test_too_large_an_item_is_refused_to_the_user_who_made_it(broker: str) -> None:
    """He hears of it, and the next item is the first."""
    async with running(CrmOnKafka(broker, PREFIX)) as crm:
        with pytest.raises(MessageSizeTooLargeError):
            await crm.create({"item": a_meeting(notes="x" * 2**21)})

        assert (await crm.create({"item": a_meeting()}))["id"] == "si-1"


async def test_a_broker_that_is_not_there_is_named_at_the_start() -> None:
    """And nothing is left open behind the error."""
    with pytest.raises(KafkaConnectionError, match=r"127\.0\.0\.1"):
        await CrmOnKafka("127.0.0.1:1", PREFIX).start()


async def test_a_missing_topic_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch, broker: str) -> None:
    """With what to do; the client's own error names neither."""

    async def without_topic(_consumer: AIOKafkaConsumer) -> None:
        raise UnknownTopicOrPartitionError

    monkeypatch.setattr(AIOKafkaConsumer, "start", without_topic)

    with pytest.raises(TopicMissing, match=r"bank\.sync\.crm-commands.*exsyncd topics"):
        await CrmOnKafka(broker, PREFIX).start()


async def test_what_ends_the_taking_of_commands_is_raised_to_who_waits(
    monkeypatch: pytest.MonkeyPatch, broker: str
) -> None:
    """A fault of ours ends the CRM where it can be seen; being stopped is no fault."""

    async def faulty(_crm: CrmOnKafka, _headers: Headers, _value: bytes | None) -> bool:
        raise ZeroDivisionError

    async with running(CrmOnKafka(broker, PREFIX)) as crm:
        waiting = asyncio.create_task(crm.failed())
    await waiting

    monkeypatch.setattr(CrmOnKafka, "apply", faulty)
    async with running(CrmOnKafka(broker, PREFIX)) as crm, producing(broker) as producer:
        await send(producer, 1)
        with pytest.raises(ZeroDivisionError):
            await crm.failed()
