"""A reader of every topic, in a group of its own: what the demo tells, it was told by the bus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from daemon.bus.port import Consumer, Record, TopicPartition

_WAIT = timedelta(milliseconds=50)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """A record and its data, which is empty where it holds no JSON object."""

    record: Record
    data: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The event's type."""
        return self.header("ce_type")

    @property
    def place(self) -> str:
        """Where it lies: topic/partition@offset."""
        return f"{self.record.topic}/{self.record.partition}@{self.record.offset}"

    def header(self, name: str) -> str:
        """The last header of this name; empty if there is none."""
        found = [value for key, value in self.record.headers if key == name and value is not None]
        return found[-1].decode("utf-8", "replace") if found else ""


class Witness:
    """Keeps every record in the order in which it was read."""

    def __init__(self, consumer: Consumer, topics: Collection[str]) -> None:
        self.seen: list[Seen] = []
        self._consumer = consumer
        self._topics = topics
        self._next: dict[TopicPartition, int] = {}
        self._stopping = False
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to read, from the first record on. Raises `BusError`."""
        await self._consumer.start(self._topics, self)
        self._reading = asyncio.create_task(self._read(), name="demo-witness")

    async def stop(self) -> None:
        """Ends after the poll that is under way, which must not be cancelled."""
        self._stopping = True
        if self._reading is not None:
            await asyncio.wait([self._reading])
            await self._consumer.stop()
            self._reading.result()

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing to give away: it keeps no state at the broker."""

    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Reads on where it begins: at the first record."""

    def of(self, topic: str, *, since: int = 0) -> Sequence[Seen]:
        """A topic's records from the `since`-th record on that was read of all."""
        return [each for each in self.seen[since:] if each.record.topic == topic]

    def at(self, topic: str, partition: int, offset: int) -> Seen | None:
        """The record at a place, if it was read."""
        place = (topic, partition, offset)
        here = (seen for seen in self.seen if (*seen.record.source, seen.record.offset) == place)
        return next(here, None)

    async def ends(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """The offset that each partition's next record will get."""
        partitions = [TopicPartition(topic, number) for topic in topics for number in self._consumer.partitions(topic)]
        return await self._consumer.end_offsets(partitions)

    def has_read(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether everything before these offsets was read."""
        return all(self._next.get(source, 0) >= end for source, end in ends.items())

    async def _read(self) -> None:
        while not self._stopping:
            for record in await self._consumer.getmany(wait=_WAIT, max_records=_AT_ONCE):
                self.seen.append(Seen(record, _data(record.value)))
                self._next[record.source] = record.offset + 1


def _data(value: bytes | None) -> Mapping[str, Any]:
    try:
        found = json.loads(value or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
