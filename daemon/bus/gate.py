"""Holds back what needs the directory until the directory is read to the end it had at the start.

The end is asked of the broker once. A partition counts as read when the reader stands at that end and all it read is
settled: the position, not the last record, because compaction leaves ends without a record. Partitions of other members
of the group count by what they have committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import structlog

from daemon.bus.partition import Partition
from daemon.bus.port import BusError, Consumer, TopicPartition

log = structlog.get_logger(__name__)

DIRECTORY_READ = "directory.read"


class Gate:
    """Opens once, for good."""

    def __init__(self, consumer: Consumer, topics: Collection[str]) -> None:
        self._consumer = consumer
        self._topics = topics
        self._ends: dict[TopicPartition, int] | None = None if topics else {}
        self._opened = asyncio.Event()
        self._open_when_read()

    @property
    def open(self) -> bool:
        return self._opened.is_set()

    async def wait(self) -> None:
        """Returns when the gate is open."""
        await self._opened.wait()

    async def begin(self) -> None:
        """Asks for the ends, once."""
        if self._ends is not None:
            return
        partitions = [TopicPartition(topic, n) for topic in self._topics for n in self._consumer.partitions(topic)]
        ends = await self._consumer.end_offsets(partitions)
        beginnings = await self._consumer.beginning_offsets(partitions)
        self._ends = {partition: end for partition, end in ends.items() if beginnings[partition] < end}
        self._open_when_read()

    async def check(self, partitions: Mapping[TopicPartition, Partition]) -> None:
        """Crosses out what has been read by now; opens when nothing is left."""
        if self._ends is None:
            return
        for source, end in tuple(self._ends.items()):
            if await self._read(source, end, partitions.get(source)):
                del self._ends[source]
        self._open_when_read()

    async def _read(self, source: TopicPartition, end: int, partition: Partition | None) -> bool:
        try:
            if partition is None:
                committed = await self._consumer.committed([source])
                return committed.get(source, 0) >= end
            position = await self._consumer.position(source)
        except BusError:
            return False  # in the middle of a rebalance: asked again soon
        tracker = partition.tracker
        return position >= end and not partition.closed and (tracker.unsettled == 0 or tracker.settled >= end)

    def _open_when_read(self) -> None:
        if self._ends or self._ends is None or self.open:
            return
        self._opened.set()
        log.info(DIRECTORY_READ, topics=len(self._topics))
