"""What the engine tells whoever measures it. The base class hears and says nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from daemon.bus.port import TopicPartition


class Monitor:
    """Override what is to be measured. Calls come from the event loop and must not block."""

    def consumed(self, topic: str, records: int) -> None:
        """Records accepted from the broker."""

    def finished(self, topic: str, disposition: str, *, took: timedelta) -> None:
        """A delivery has ended as `done`, `skip`, `park` or `dead`."""

    def skipped(self, topic: str, reason: str) -> None:
        """A delivery was skipped, and why."""

    def retried(self, topic: str, error: str) -> None:
        """An attempt failed and is tried again; `error` is the exception's class."""

    def dead_letter(self, topic: str, kind: str) -> None:
        """A record was put into the dead letters."""

    def stale(self, topic: str) -> None:
        """A result came after its partition was given away; it was dropped."""

    def committed(self, result: str) -> None:
        """A commit ended: `ok`, `failed`, `fenced`."""

    def assigned(self, partitions: Collection[TopicPartition], *, took: timedelta) -> None:
        """The partitions this process has now, and how long it took to start them."""

    def revoked(self, partitions: Collection[TopicPartition], *, took: timedelta) -> None:
        """The partitions given away, and how long it took to drain them."""

    def paused(self, partitions: int) -> None:
        """How many partitions are paused because their window is full."""
