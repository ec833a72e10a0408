"""The whole engine on a real Kafka: what memory cannot prove."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.bus.dispositions import Dead, Done
from daemon.bus.kafka import KafkaAdmin, KafkaConsumer, KafkaProducer, KafkaSettings
from daemon.bus.port import Record, Undeliverable, Unreachable
from daemon.bus.routes import Route
from daemon.bus.verify import verify
from tests.engine.worlds import HINTS, LETTERS, MAX_RECORD, SPECS, USERS, Spec, World, running

ANNA, BOB = b"anna", b"bob"


class KafkaWorld(World):
    """A world on the shared broker, with topics of its own."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__()
        self.settings = settings
        self.producer = KafkaProducer(settings)

    @asynccontextmanager
    async def daemon(self, *, instance: str | None = None, routes: Sequence[Route] = (), **options: Any):
        consumer = KafkaConsumer(replace(self.settings, group_instance_id=instance))
        async with running(self.engine(consumer, self.producer, routes=routes, **options)) as task:
            yield task

    async def fill(self, *values: bytes, key: bytes = ANNA, topic: str = HINTS) -> None:
        for value in values:
            await self.producer.send(topic, key=key, value=value)

    async def committed(self) -> int | None:
        """What the group has committed, seen from outside."""
        admin = KafkaAdmin(self.settings)
        await admin.start()
        offsets = await admin._admin.list_consumer_group_offsets(self.settings.group_id)
        await admin.stop()
        return {self.settings.name(source.topic): found.offset for source, found in offsets.items()}.get(HINTS)

    async def letters(self, count: int) -> list[Record]:
        reader = KafkaConsumer(replace(self.settings, group_id=f"{self.settings.group_id}.reader"))
        await reader.start([LETTERS], _Deaf())
        got: list[Record] = []
        while len(got) < count:
            got += await reader.getmany(wait=timedelta(milliseconds=200), max_records=100)
        await reader.stop()
        return got


class _Deaf:
    async def revoked(self, partitions) -> None:
        """Nothing to do."""

    async def assigned(self, partitions) -> None:
        """Nothing to do."""


@pytest.fixture
async def world(kafka, kafka_prefix) -> AsyncIterator[KafkaWorld]:
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap,
        topic_prefix=kafka_prefix,
        group_id=f"{kafka_prefix}exsyncd",
        session_timeout=timedelta(seconds=6),
        rebalance_timeout=timedelta(seconds=6),
        fetch_wait=timedelta(milliseconds=20),
    )
    admin = KafkaAdmin(settings)
    await admin.start()
    await admin.create([*SPECS, Spec("crm.wide", partitions=4)])
    await admin.stop()
    world = KafkaWorld(settings)
    await world.producer.start()
    yield world
    await world.producer.stop()


async def test_records_are_processed_and_committed(world: KafkaWorld):
    """In order, each once; a stop commits what is done."""
    values = [b"%d" % n for n in range(200)]
    await world.fill(*values)
    async with world.daemon():
        await world.watch.until(lambda: world.watch.finishes["done"] == 200)
    assert world.desk.values == values
    assert await world.committed() == 200


async def test_the_next_life_goes_on_at_the_stores_position(world: KafkaWorld):
    """Nothing is done twice."""
    await world.fill(b"0", b"1")
    async with world.daemon(instance="one"):
        await world.watch.until(lambda: world.watch.finishes["done"] == 2)
    await world.fill(b"2")
    async with world.daemon(instance="one"):
        await world.watch.until(lambda: world.watch.finishes["done"] == 3)
    assert world.desk.values == [b"0", b"1", b"2"]


async def test_a_stop_drains_and_commits(world: KafkaWorld):
    """The client calls no listener on stop; we do it ourselves."""
    gate = world.desk.close(ANNA)
    await world.fill(b"running", b"waiting")
    async with world.daemon():
        await world.watch.until(lambda: world.desk.running == 1)
        asyncio.get_running_loop().call_later(0.3, gate.set)
    assert world.desk.values == [b"running"]
    assert await world.committed() == 1


async def test_a_rebalance_drains_commits_and_hands_over(world: KafkaWorld):
    """Two members, four partitions, records all the while: every record once, each key in order."""
    keys = [b"%d" % n for n in range(12)]
    routes = [Route("crm.wide", world.desk.process)]

    async def rounds(numbers: Sequence[int]) -> None:
        for number in numbers:
            for key in keys:
                await world.fill(b"%d" % number, key=key, topic="crm.wide")

    async with world.daemon(routes=routes):
        await world.watch.until(lambda: world.watch.counts["assigned"] == 1)
        await rounds(range(5))
        async with world.daemon(routes=routes):
            await rounds(range(5, 10))
            await world.watch.until(lambda: world.watch.counts["assigned"] >= 3)
            await rounds(range(10, 15))
            await world.watch.until(lambda: world.watch.finishes["done"] == 15 * len(keys))
    for key in keys:
        assert [int(r.value or b"") for r in world.desk.records if r.key == key] == list(range(15))


async def test_a_zombie_is_fenced_and_its_successor_goes_on(world: KafkaWorld):
    """A member whose loop stood still past its session: the group went on without it, and nothing of it counts."""
    await world.fill(b"0")
    gate = world.desk.close(ANNA)
    consumer = KafkaConsumer(world.settings)
    async with running(world.engine(consumer, world.producer)):
        await world.watch.until(lambda: world.desk.running == 1)
        await _forget(consumer)
        gate.set()
        await world.watch.until(lambda: world.watch.counts["committed:fenced"] == 1)
        await world.watch.until(lambda: world.watch.counts["assigned"] == 2)
        await world.fill(b"1")
        await world.watch.until(lambda: world.desk.values[-1] == b"1")
    assert world.desk.values == [b"0", b"1"]
    assert await world.committed() == 2


async def _forget(consumer: KafkaConsumer) -> None:
    """The broker forgets the member as after a session time-out; the member does not know."""
    coordinator = consumer._client._coordinator
    generation, member = coordinator.generation, coordinator.member_id
    await coordinator._stop_heartbeat_task()
    await coordinator._maybe_leave_group()
    coordinator.generation, coordinator.member_id = generation, member


async def test_the_largest_record_fits_into_its_dead_letter(world: KafkaWorld):
    """Byte for byte, with headers of its own and all of ours."""
    world.desk.answers[ANNA] = lambda delivery: Dead("decode", "$.start is missing")
    headers = (("ce_id", b"1"), ("ce_id", b"\xff"), ("x", None))
    largest = _largest(headers)
    await world.producer.send(HINTS, key=ANNA, value=largest, headers=headers)
    async with world.daemon():
        await world.watch.until(lambda: world.watch.finishes["dead"] == 1)
    (letter,) = await world.letters(1)
    assert (letter.key, letter.value) == (ANNA, largest)
    assert letter.headers[:3] == headers
    assert dict(letter.headers)["x-dlq-reason"] == b"decode"


def _largest(headers) -> bytes:
    """A batch of one record costs 61 bytes, the record at most 36 of lengths, beside what it holds."""
    own = len(ANNA) + sum(len(name) + len(value or b"") + 10 for name, value in headers)
    return bytes(MAX_RECORD - 61 - 36 - own)


async def test_the_directory_is_read_before_the_hints(world: KafkaWorld):
    """To the end that a real, compacted topic had at the start."""
    for n in range(100):
        await world.fill(b"user", key=b"%d" % n, topic=USERS)
    await world.fill(*[b"hint"] * 5)
    routes = [
        Route(HINTS, world.desk.process, waits_for_directory=True),
        Route(USERS, world.desk.process, directory=True),
    ]
    async with world.daemon(routes=routes):
        await world.watch.until(lambda: world.watch.finishes["done"] == 105)
    assert [record.topic for record in world.desk.records].index(HINTS) == 100


async def test_a_full_window_pauses_and_loses_nothing(world: KafkaWorld):
    """Pausing drops what the client had fetched; it comes again."""
    world.limits = replace(world.limits, window=20, poll_records=10)
    gate = world.desk.close(ANNA)
    values = [b"%d" % n for n in range(200)]
    await world.fill(b"stuck")
    await world.fill(*values, key=BOB)
    async with world.daemon():
        await world.watch.until(lambda: world.watch.counts["paused"] == 1)
        gate.set()
        await world.watch.until(lambda: world.watch.finishes["done"] == 201)
    assert world.desk.values == [b"stuck", *values]


async def test_the_producer_survives_what_the_broker_refuses(world: KafkaWorld):
    """Sends beside the refused one are acknowledged or said to have failed, and the next ones go through (1017)."""
    small = [world.producer.send(HINTS, key=b"%d" % n, value=b"small") for n in range(20)]
    large = world.producer.send(HINTS, key=ANNA, value=bytes(2 * MAX_RECORD))
    results = await asyncio.gather(
        *small, large, *(world.producer.send(HINTS, key=ANNA, value=b"x") for _ in range(5)), return_exceptions=True
    )
    assert all(result is None or isinstance(result, Undeliverable) for n, result in enumerate(results) if n != 20)
    for n in range(20):
        await world.fill(b"after", key=b"%d" % n)


async def test_an_unreachable_broker_is_said_so():
    """With the address and the reason, at once."""
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1", request_timeout=timedelta(seconds=2))
    for client in (KafkaProducer(settings), KafkaAdmin(settings)):
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1.*Connect"):
            await client.start()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        await KafkaConsumer(settings).start([HINTS], _Deaf())
    with pytest.raises(Undeliverable):
        await KafkaProducer(settings).send(HINTS, key=ANNA, value=b"x")


async def test_the_catalogue_is_verified_on_a_real_broker(world: KafkaWorld):
    """Names without the prefix, remedies with it."""
    admin = KafkaAdmin(world.settings)
    await admin.start()
    wanted = [*SPECS, Spec("crm.missing"), Spec("crm.wide", cleanup="compact")]
    problems = [str(problem) for problem in await verify(admin, wanted)]
    await admin.stop()
    assert [problem.split(":")[0] for problem in problems] == ["crm.missing", "crm.wide"]
    assert f"--entity-name {world.settings.topic_prefix}crm.wide " in problems[1]


async def test_a_topic_that_disappears_makes_us_unready(world: KafkaWorld):
    """Else its successor would be read never again, and nobody would know."""
    world.settings = replace(world.settings, metadata_max_age=timedelta(seconds=1))
    told = asyncio.Event()

    def progressed(progress) -> None:
        if progress.missing == {HINTS}:
            told.set()

    async with world.daemon(on_progress=progressed):
        await world.watch.until(lambda: world.watch.counts["assigned"] == 1)
        admin = KafkaAdmin(world.settings)
        await admin.start()
        await admin._admin.delete_topics([world.settings.topic(HINTS)])
        await admin.stop()
        await told.wait()


async def test_outputs_are_awaited_before_the_commit(world: KafkaWorld):
    """Settled in the store, not yet committed at the broker."""
    arrived = asyncio.get_running_loop().create_future()
    world.desk.answers[ANNA] = lambda delivery: Done(arrived)
    await world.fill(b"0")
    async with world.daemon():
        await world.watch.until(lambda: world.watch.finishes["done"] == 1)
        await world.fill(b"1", key=BOB)
        await world.watch.until(lambda: world.watch.finishes["done"] == 2)
        assert await world.committed() is None
        arrived.set_result(None)
        await world.watch.until(lambda: world.watch.counts["committed:ok"] > 0)
    assert await world.committed() == 2
