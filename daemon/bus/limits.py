"""The engine's limits, each with the reason for its default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is in memory and in flight, and how long things may take."""

    in_flight: int = 64  # deliveries processed at once; four times as many besides only wait to be stored (`slots`)
    partition_in_flight: int = 32  # so that one partition cannot take them all
    window: int = 4000  # records of a partition polled and not committable; never exceeded
    window_bytes: int = 32 * _MIB  # the same in bytes; one fetch may go beyond
    poll_records: int = 500  # at most one poll; a partition is polled only while its window has room for that many
    poll_wait: timedelta = timedelta(milliseconds=500)  # longest silence of the intake loop, hence also of a stop
    commit_interval: timedelta = timedelta(seconds=1)
    commit_deadline: timedelta = timedelta(seconds=5)  # of each half of a flush; kept back from the drain
    rebalance_timeout: timedelta = timedelta(seconds=30)  # the broker's patience while partitions are handed over
    retry_for: timedelta = timedelta(seconds=30)  # in its own lane; longer waits are parked
    retry_wait: timedelta = timedelta(seconds=8)  # longest single wait, full jitter below it
    park_for: timedelta = timedelta(minutes=5)  # due time of what was parked because its retries ran out
    unexpected_attempts: int = 3  # of an error nobody foresaw, before it is a dead letter

    def __post_init__(self) -> None:
        if self.window < self.poll_records:
            raise ValueError("limits.window must hold at least one poll (limits.poll_records)")

    @property
    def drain(self) -> timedelta:
        """How long running work may finish when partitions are taken away; the rest is for the last flush."""
        return max(min(0.6 * self.rebalance_timeout, self.rebalance_timeout - self.flush), timedelta())

    @property
    def flush(self) -> timedelta:
        """Longest flush: positions into the store, then offsets to the broker."""
        return 2 * self.commit_deadline
