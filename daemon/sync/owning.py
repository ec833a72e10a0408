"""The store as the bus sees it: positions of partitions, and who may move them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from daemon.bus.port import TopicPartition
from daemon.bus.routes import Fenced, Position
from daemon.store import errors, positions
from daemon.store.store import Store


@dataclass(frozen=True, slots=True)
class StoredPositions:
    """See `bus.routes.Positions`."""

    store: Store

    async def assign(self, partitions: Collection[TopicPartition], owner: str) -> Mapping[TopicPartition, int]:
        """Fences whoever had the partitions; where each was settled to."""
        known = await self.store.write(lambda tx: positions.assign(tx, partitions, owner))
        return {TopicPartition(*place): offset for place, offset in known.items() if offset is not None}

    async def save(self, reached: Sequence[Position]) -> None:
        """Raises `Fenced` if one has another owner by now; others may be saved then. Each goes where its work goes."""
        lanes = {TopicPartition(each.topic, each.partition): each for each in reached}
        try:
            await asyncio.gather(*(self._save(each, lane) for lane, each in lanes.items()))
        except errors.Fenced as error:
            raise Fenced(str(error)) from None

    async def _save(self, position: Position, lane: TopicPartition) -> None:
        await self.store.write(lambda tx: positions.save(tx, [position]), lane=lane)

    async def rewind(self, reached: Sequence[Position]) -> None:
        """The first position of a new owner counts as it is, lower or not."""
        await self.save(reached)
