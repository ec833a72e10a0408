"""What every implementation of the port must do, written once: the in-memory broker and the real one inherit it.

A subclass says how to come by a broker (`bus`). Nothing is waited for by the clock: the listener, the poll and the
broker's answers are awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

import pytest

from daemon.bus.port import (
    Admin,
    BusError,
    Consumer,
    MissingTopics,
    NotOwner,
    Producer,
    Reader,
    Record,
    TooLarge,
    TopicPartition,
    Undeliverable,
)
from tests.engine.worlds import HINTS, LETTERS, MAX_RECORD, USERS, Spec

GROUP = "behaviour"
PARTITIONS = 3
SPECS = (
    Spec(HINTS, partitions=PARTITIONS),
    Spec(USERS, cleanup="compact"),
    Spec(LETTERS, max_bytes=MAX_RECORD + 64 * 1024),
)
SOURCES = frozenset(TopicPartition(HINTS, n) for n in range(PARTITIONS))
MANY_POLLS = 400


class Bus(Protocol):
    """A broker with the topics of `SPECS`."""

    def consumer(self, group: str, *, instance: str | None = None) -> Consumer: ...

    def reader(self) -> Reader: ...

    def producer(self) -> Producer: ...

    def admin(self) -> Admin: ...

    async def expel(self, consumer: Consumer) -> None:
        """The group gives this member up, which does not notice."""


@dataclass
class Listening:
    """A listener that notes what it is told and pauses nothing."""

    told: list[tuple[str, frozenset[TopicPartition]]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    raises: bool = False

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        self._note("revoked", partitions)

    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        self._note("assigned", partitions)

    def _note(self, what: str, partitions: Collection[TopicPartition]) -> None:
        self.told.append((what, frozenset(partitions)))
        self.changed.set()
        if self.raises:
            raise RuntimeError("a listener that fails")

    @property
    def assignments(self) -> list[frozenset[TopicPartition]]:
        return [partitions for what, partitions in self.told if what == "assigned"]

    async def until_assigned(self, partitions: Collection[TopicPartition] | None = None, *, times: int = 1) -> None:
        while len(self.assignments) < times or (partitions is not None and self.assignments[-1] != partitions):
            self.changed.clear()
            await self.changed.wait()


async def polled(consumer: Consumer | Reader, *, records: int) -> list[Record]:
    """Polls until so many records have come."""
    got: list[Record] = []
    for _ in range(MANY_POLLS):
        got += await consumer.getmany(wait=timedelta(milliseconds=100), max_records=100)
        if len(got) >= records:
            break
    return got


async def fill(producer: Producer, *values: bytes, key: bytes = b"anna", topic: str = HINTS) -> None:
    for value in values:
        await producer.send(topic, key=key, value=value)


class Behaviour:
    """The suite. `bus` is a fixture of the subclass."""

    @pytest.fixture
    async def producer(self, bus: Bus):
        producer = bus.producer()
        await producer.start()
        yield producer
        await producer.stop()

    @pytest.fixture
    async def members(self, bus: Bus):
        """Makes consumers and stops them in the end."""
        made: list[Consumer] = []

        async def join(*, instance: str | None = None, raises: bool = False) -> tuple[Consumer, Listening]:
            consumer, listening = bus.consumer(GROUP, instance=instance), Listening(raises=raises)
            made.append(consumer)
            await consumer.start([HINTS], listening)
            return consumer, listening

        yield join
        for consumer in made:
            await consumer.stop()

    async def test_a_record_comes_as_it_was_sent(self, producer, members):
        """Key, value and headers byte for byte, headers in order, doubled and null ones too."""
        headers = (("ce_id", b"1"), ("x", b"\x00\xff"), ("x", None), ("traceparent", b"00-ab"))
        await producer.send(HINTS, key=b"\xff\x00", value=b"\x80", headers=headers)
        consumer, listening = await members()
        await listening.until_assigned()
        (record,) = await polled(consumer, records=1)
        assert (record.topic, record.key, record.value, record.headers) == (HINTS, b"\xff\x00", b"\x80", headers)
        assert record.timestamp > 1_700_000_000_000

    @pytest.mark.parametrize(("key", "value"), [(b"k", None), (None, b"v"), (None, None), (b"", b"")])
    async def test_nothing_and_empty_are_different(self, key, value, producer, members):
        """A null key or value stays null, an empty one empty; both may be null."""
        await producer.send(HINTS, key=key, value=value, headers=(("h", b"1"),))
        consumer, listening = await members()
        await listening.until_assigned()
        (record,) = await polled(consumer, records=1)
        assert (record.key, record.value, record.headers) == (key, value, (("h", b"1"),))

    async def test_records_of_a_key_come_in_order(self, producer, members):
        """One key, one partition, offsets without gaps."""
        values = [b"%d" % n for n in range(50)]
        await fill(producer, *values)
        consumer, listening = await members()
        await listening.until_assigned()
        records = await polled(consumer, records=50)
        assert [record.value for record in records] == values
        assert len({record.partition for record in records}) == 1
        assert [record.offset for record in records] == list(range(50))

    async def test_a_poll_brings_no_more_than_asked(self, producer, members):
        """The engine counts on it to keep its windows."""
        await fill(producer, *[b"x"] * 20)
        consumer, listening = await members()
        await listening.until_assigned()
        for _ in range(MANY_POLLS):
            got = await consumer.getmany(wait=timedelta(milliseconds=100), max_records=7)
            assert len(got) <= 7
            if got:
                break

    async def test_the_first_assignment_revokes_nothing(self, members):
        """Whoever joins an empty group is told of revoked partitions, of which there are none, then of all."""
        _, listening = await members()
        await listening.until_assigned()
        assert [partitions for what, partitions in listening.told if what == "revoked"] in ([], [frozenset()])
        assert listening.assignments == [SOURCES]

    async def test_a_second_member_takes_a_share(self, members):
        """Everything is revoked, then each partition has one owner."""
        first, listening = await members()
        await listening.until_assigned()
        _, other = await members()
        await asyncio.gather(_polling(first, other.until_assigned()), _until_share(listening))
        assert ("revoked", SOURCES) in listening.told
        shares = [listening.assignments[-1], other.assignments[-1]]
        assert frozenset.union(*shares) == SOURCES
        assert not frozenset.intersection(*shares)

    async def test_what_a_listener_raises_is_swallowed(self, producer, members):
        """The client goes on as if nothing had happened; so the engine must notice by itself."""
        await fill(producer, b"x")
        consumer, listening = await members(raises=True)
        await listening.until_assigned()
        assert len(await polled(consumer, records=1)) == 1

    async def test_stopping_calls_no_listener(self, members):
        """Who stops has drained before."""
        consumer, listening = await members()
        await listening.until_assigned()
        told = list(listening.told)
        await consumer.stop()
        assert listening.told == told

    async def test_paused_partitions_bring_nothing(self, producer, members):
        """And resumed they go on where they stood."""
        consumer, listening = await members()
        await listening.until_assigned()
        consumer.pause(SOURCES)
        await fill(producer, b"1", b"2")
        assert list(await consumer.getmany(wait=timedelta(milliseconds=300), max_records=10)) == []
        consumer.resume(SOURCES)
        assert [record.value for record in await polled(consumer, records=2)] == [b"1", b"2"]

    async def test_pausing_what_is_not_ours_does_nothing(self, members):
        """Partitions come and go; whoever is late with a pause is not punished."""
        consumer, listening = await members()
        await listening.until_assigned()
        consumer.pause([TopicPartition(HINTS, 99)])
        consumer.resume([TopicPartition(HINTS, 99)])

    async def test_seek_moves_the_next_poll(self, producer, members):
        """Back and forth, buffered records forgotten."""
        await fill(producer, b"0", b"1", b"2")
        consumer, listening = await members()
        await listening.until_assigned()
        records = await polled(consumer, records=3)
        consumer.seek(records[0].source, 1)
        assert [record.value for record in await polled(consumer, records=2)] == [b"1", b"2"]

    async def test_position_is_what_the_next_poll_looks_at(self, producer, members):
        """It moves with the poll, not with commits."""
        await fill(producer, b"0", b"1", b"2")
        consumer, listening = await members()
        await listening.until_assigned()
        source = (await polled(consumer, records=3))[0].source
        assert await consumer.position(source) == 3
        consumer.seek(source, 1)
        assert await consumer.position(source) == 1

    async def test_position_of_a_foreign_partition_is_refused(self, members):
        """An error of the port, not of the client."""
        consumer, listening = await members()
        await listening.until_assigned()
        with pytest.raises(BusError):
            await consumer.position(TopicPartition(HINTS, 99))

    async def test_commits_are_the_groups(self, producer, members):
        """Exactly what was committed is there for the next member; nothing else is."""
        await fill(producer, b"0", b"1", b"2")
        consumer, listening = await members()
        await listening.until_assigned()
        source = (await polled(consumer, records=3))[0].source
        assert await consumer.committed(SOURCES) == {}
        await consumer.commit({source: 2})
        assert await consumer.committed(SOURCES) == {source: 2}
        await consumer.stop()
        successor, listening = await members()
        await listening.until_assigned(SOURCES)
        assert [record.value for record in await polled(successor, records=1)] == [b"2"]

    async def test_a_commit_by_a_former_owner_is_refused(self, bus, producer, members):
        """A zombie is told that somebody else owns its partitions."""
        await fill(producer, b"0")
        consumer, listening = await members()
        await listening.until_assigned()
        source = (await polled(consumer, records=1))[0].source
        await bus.expel(consumer)
        with pytest.raises(NotOwner):
            await consumer.commit({source: 1})

    async def test_a_commit_of_a_foreign_partition_is_refused(self, members):
        """As if somebody else owned it."""
        consumer, listening = await members()
        await listening.until_assigned()
        with pytest.raises(NotOwner):
            await consumer.commit({TopicPartition(HINTS, 99): 1})

    async def test_a_static_member_comes_back_to_its_partitions(self, producer, members):
        """No rebalance for the others, and the same partitions again."""
        _, other = first = await members(instance="one")
        second, listening = await members(instance="two")
        await asyncio.gather(_polling(first[0], _until_share(listening)), _polling(second, _until_share(other)))
        await second.stop()
        told = list(other.told)
        again, listening_again = await members(instance="two")
        await asyncio.gather(_polling(first[0], listening_again.until_assigned()))
        assert listening_again.assignments[-1] == listening.assignments[-1]
        assert other.told == told
        await again.stop()

    async def test_ends_and_beginnings(self, producer, members):
        """The end is the offset of the next record."""
        await fill(producer, b"0", b"1")
        consumer, listening = await members()
        await listening.until_assigned()
        ends = await consumer.end_offsets(SOURCES)
        assert sorted(ends.values()) == [0, 0, 2]
        assert set((await consumer.beginning_offsets(SOURCES)).values()) == {0}

    async def test_missing_topics_are_refused_and_not_made(self, bus):
        """Neither reading nor writing makes a topic."""
        consumer, producer = bus.consumer(GROUP), bus.producer()
        with pytest.raises(MissingTopics, match=r"crm\.nowhere"):
            await consumer.start([HINTS, "crm.nowhere"], Listening())
        await producer.start()
        with pytest.raises(MissingTopics, match=r"crm\.nowhere"):
            await producer.send("crm.nowhere", key=b"k", value=b"v")
        there = Record(HINTS, 0, 0, b"k", b"v")
        [refused, sent] = await producer.send_all([replace(there, topic="crm.nowhere"), there])
        assert isinstance(refused, MissingTopics)
        assert sent is None
        await producer.stop()
        admin = bus.admin()
        await admin.start()
        assert "crm.nowhere" not in await admin.topics()
        await admin.stop()

    async def test_a_record_too_large_is_refused_and_the_next_goes_through(self, producer, members):
        """The producer survives, whatever its client makes of it (aiokafka 1017)."""
        with pytest.raises(TooLarge):
            await producer.send(HINTS, key=b"anna", value=bytes(MAX_RECORD))
        await fill(producer, b"small")
        consumer, listening = await members()
        await listening.until_assigned()
        assert [record.value for record in await polled(consumer, records=1)] == [b"small"]

    async def test_of_records_sent_together_each_has_its_own_end(self, producer, members):
        """Those beside a refused one are in the topic, or said to be in doubt."""
        together = [Record(HINTS, 0, 0, b"%d" % n, b"small") for n in range(20)]
        together[7] = Record(HINTS, 0, 0, b"7", bytes(MAX_RECORD))
        ends = await producer.send_all(together)
        assert isinstance(ends[7], TooLarge)
        assert all(isinstance(end, Undeliverable) for n, end in enumerate(ends) if end is not None and n != 7)
        again = [record for record, end in zip(together, ends, strict=True) if isinstance(end, Undeliverable)]
        assert not any(await producer.send_all(again))
        consumer, listening = await members()
        await listening.until_assigned()
        arrived = await polled(consumer, records=19)
        assert {record.key for record in arrived} == {record.key for record in together} - {b"7"}

    async def test_the_largest_record_goes_through(self, producer, members):
        """As large as its topic allows."""
        largest = bytes(MAX_RECORD - 1024)
        await fill(producer, largest)
        consumer, listening = await members()
        await listening.until_assigned()
        assert [record.value for record in await polled(consumer, records=1)] == [largest]

    async def test_partitions_are_known(self, members):
        """Of a topic that is there; of another, none."""
        consumer, listening = await members()
        await listening.until_assigned()
        assert consumer.partitions(HINTS) == frozenset(range(PARTITIONS))
        assert consumer.partitions("crm.nowhere") == frozenset()
        assert consumer.assignment() == SOURCES

    async def test_a_reader_looks_at_all_of_a_topic_from_wherever_it_is_sent(self, bus, producer):
        """From the beginning, from the end, from between; and again, for nothing is committed."""
        await fill(producer, b"one", b"two", key=b"anna")
        await fill(producer, b"three", key=b"bob")
        reader = bus.reader()
        await reader.start(HINTS)
        sources = {TopicPartition(HINTS, number) for number in reader.partitions(HINTS)}
        assert sources == SOURCES
        beginnings, ends = await reader.beginning_offsets(sources), await reader.end_offsets(sources)
        assert (sum(beginnings.values()), sum(ends.values())) == (0, 3)
        for _ in range(2):
            for source, offset in beginnings.items():
                reader.seek(source, offset)
            read = await polled(reader, records=3)
            assert sorted(record.value for record in read) == [b"one", b"three", b"two"]
        for source, offset in ends.items():
            reader.seek(source, offset)
        await fill(producer, b"four", key=b"anna")
        [four] = await polled(reader, records=1)
        assert four.value == b"four"
        reader.seek(four.source, four.offset - 1)
        assert [record.value for record in await polled(reader, records=2)] == [b"two", b"four"]
        await reader.stop()

    async def test_a_reader_disturbs_no_group(self, bus, producer, members):
        """Nobody is rebalanced, and the members read what the reader has read."""
        consumer, listening = await members()
        await listening.until_assigned()
        await fill(producer, b"one")
        reader = bus.reader()
        await reader.start(HINTS)
        for source in SOURCES:
            reader.seek(source, 0)
        assert [record.value for record in await polled(reader, records=1)] == [b"one"]
        assert [record.value for record in await polled(consumer, records=1)] == [b"one"]
        await reader.stop()
        assert len(listening.assignments) == 1

    async def test_a_reader_refuses_a_missing_topic(self, bus):
        """And makes none."""
        reader = bus.reader()
        with pytest.raises(MissingTopics, match=r"crm\.nowhere"):
            await reader.start("crm.nowhere")

    async def test_topics_are_described_and_made(self, bus):
        """As the catalogue says; what is there already stays as it is."""
        admin = bus.admin()
        await admin.start()
        await admin.create([Spec("crm.nodes", partitions=2, cleanup="compact", max_bytes=4096), Spec(HINTS)])
        topics = await admin.topics()
        await admin.stop()
        nodes = topics["crm.nodes"]
        assert (nodes.partitions, nodes.cleanup, nodes.max_bytes) == (2, "compact", 4096)
        assert topics[HINTS].partitions == PARTITIONS
        assert set(topics) == {HINTS, USERS, LETTERS, "crm.nodes"}


async def _until_share(listening: Listening) -> None:
    """Until a part of the partitions, not all, is assigned."""
    while not listening.assignments or not frozenset() < listening.assignments[-1] < SOURCES:
        listening.changed.clear()
        await listening.changed.wait()


async def _polling(consumer: Consumer, work) -> Sequence[Record]:
    """Polls beside the work: a member that does not poll is dropped by its group."""
    task = asyncio.ensure_future(work)
    records: list[Record] = []
    while not task.done():
        records += await consumer.getmany(wait=timedelta(milliseconds=50), max_records=100)
    await task
    return records
