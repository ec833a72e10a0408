"""Writes down how far partitions are finished: first in the store, then at the broker.

In this order, always: Kafka's offset never gets ahead of a stored position, so if it ever is, the store is an old one
(restored from a backup). Offsets are explicit and only ever the contiguous acknowledged prefix.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import structlog

from daemon.bus.limits import Limits
from daemon.bus.monitor import Monitor
from daemon.bus.partition import Partition
from daemon.bus.port import Consumer, NotOwner
from daemon.bus.routes import Fenced, Positions

log = structlog.get_logger(__name__)

POSITIONS_UNSAVED = "positions.unsaved"
COMMIT_FAILED = "commit.failed"
COMMIT_FENCED = "commit.fenced"


class Committer:
    """Flushes partitions, one flush at a time. `fenced` hears of every partition that has another owner by now."""

    def __init__(
        self,
        consumer: Consumer,
        positions: Positions,
        *,
        limits: Limits,
        monitor: Monitor,
        fenced: Callable[[Partition], None],
    ) -> None:
        self._consumer = consumer
        self._positions = positions
        self._deadline = limits.commit_deadline.total_seconds()
        self._monitor = monitor
        self._fenced = fenced
        self._flushing = asyncio.Lock()

    async def flush(self, partitions: Collection[Partition]) -> None:
        """What cannot be written now is written by a later flush, or done again after a restart: never raises."""
        async with self._flushing:
            await self._save([p for p in partitions if not p.closed and p.tracker.settled > p.saved])
            await self._commit([p for p in partitions if not p.closed and _committable(p) > p.committed])

    async def _save(self, partitions: Collection[Partition]) -> None:
        if not partitions:
            return
        settled = {partition: partition.tracker.settled for partition in partitions}
        try:
            async with asyncio.timeout(self._deadline):
                await self._positions.save([partition.position(offset) for partition, offset in settled.items()])
        except Fenced:
            await self._save_one_by_one(partitions)
        except Exception as error:  # noqa: BLE001  # the store's own errors are not known here
            log.warning(POSITIONS_UNSAVED, partitions=len(partitions), error=type(error).__name__)
        else:
            for partition, offset in settled.items():
                partition.saved = offset

    async def _save_one_by_one(self, partitions: Collection[Partition]) -> None:
        """Some of them have another owner: which?"""
        if len(partitions) > 1:
            for partition in partitions:
                await self._save([partition])
            return
        for partition in partitions:
            self._fenced(partition)

    async def _commit(self, partitions: Collection[Partition]) -> None:
        offsets = {partition: _committable(partition) for partition in partitions}
        if not offsets:
            return
        try:
            async with asyncio.timeout(self._deadline):
                await self._consumer.commit({partition.source: offset for partition, offset in offsets.items()})
        except NotOwner:
            self._monitor.committed("fenced")
            log.info(COMMIT_FENCED, partitions=len(offsets))
            for partition in offsets:
                self._fenced(partition)
        except Exception as error:  # noqa: BLE001  # nothing is lost by a commit that fails, whyever
            self._monitor.committed("failed")
            log.warning(COMMIT_FAILED, partitions=len(offsets), error=type(error).__name__)
        else:
            self._monitor.committed("ok")
            for partition, offset in offsets.items():
                partition.committed = offset


def _committable(partition: Partition) -> int:
    if not partition.carried_over.done():
        return partition.committed
    return min(partition.tracker.acknowledged, partition.saved)
