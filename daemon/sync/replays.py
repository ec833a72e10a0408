"""Which records are read again: those that a store dealt with before it was lost or put back to an older state."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.bus.port import TopicPartition
from daemon.bus.starting import Gap
from schemas.outcomes import Cause


class Replays:
    """Remembers, per partition, how far the life before had come."""

    def __init__(self) -> None:
        self._finished: dict[TopicPartition, int] = {}

    def learn(self, gaps: Mapping[TopicPartition, Gap]) -> None:
        """What the bus found when it was given partitions."""
        self._finished.update((source, gap.committed) for source, gap in gaps.items())

    def covers(self, cause: Cause) -> bool:
        """Whether this record was finished in a life before."""
        return cause.offset < self._finished.get(TopicPartition(cause.topic, cause.partition), 0)
