"""Metrics for Prometheus: every name, unit and label in one place.

Labels are bounded sets (topics, reasons, operations), never a key, offset or mailbox. Label sets that are known are
initialised, so that a zero can be seen before the first event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per label set that nobody asks for

PREFIX = "exsyncd"

SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
"""Seconds: processing and calls."""

LONG = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Seconds: from a record's time to its outcome, waiting included."""

DIRECTIONS = ("inbound", "outbound", "control")
RESULTS = ("applied", "skipped", "refused", "held", "failed", "unchanged")
DISPOSITIONS = ("done", "skip", "park", "dead")
DEAD_REASONS = ("decode", "permanent", "exhausted", "unexpected", "key-parked")
COMMIT_RESULTS = ("ok", "failed", "fenced")
MAIL_MODES = ("all", "added")


class Metrics:
    """All metrics of one daemon, in a registry of its own. `topics` are those it reads or writes."""

    def __init__(self, *, topics: Iterable[str] = (), version: str = "") -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._make_engine()
        self._make_sync()
        self._make_exchange()
        self._initialise(tuple(topics), version)

    def _make_engine(self) -> None:
        self.records_consumed = self._counter("records_consumed", "Records read from a topic.", "topic")
        self.records_finished = self._counter(
            "records_finished", "Deliveries whose processing ended, by how.", "topic", "outcome"
        )
        self.records_skipped = self._counter("records_skipped", "Deliveries skipped, by reason.", "reason")
        self.retries = self._counter("retries", "Attempts that failed and are tried again.", "topic")
        self.handler_duration = self._histogram(
            "handler_duration_seconds", "How long processing took, retries included.", SHORT, "topic"
        )
        self.dead_letters = self._counter("dead_letters", "Records put into the dead letters.", "reason")
        self.stale_results = self._counter(
            "stale_results", "Results dropped: their partition was given away meanwhile."
        )
        self.commits = self._counter("commits", "Commits of offsets to Kafka.", "result")
        self.rebalances = self._counter("rebalances", "Assignments of partitions.")
        self.rebalance_duration = self._histogram(
            "rebalance_duration_seconds", "How long starting or draining partitions took.", SHORT, "phase"
        )
        self.inflight_records = self._gauge("inflight_records", "Deliveries being processed.")
        self.paused_partitions = self._gauge("paused_partitions", "Partitions paused because their window is full.")
        self.loop_lag = self._gauge("loop_lag_seconds", "How late the event loop last woke up.")

    def _make_sync(self) -> None:
        self.outcomes = self._counter("outcomes", "Outcomes published.", "direction", "result")
        self.mails = self._counter(
            "mails", "Messages that Exchange sent because the CRM asked for it, one for each recipient.", "mode"
        )
        self.latency = self._histogram("latency_seconds", "From a record's time to its outcome.", LONG, "direction")
        self.parked_items = self._gauge("parked_items", "Items whose work waits in the store.", "reason")
        self.directory_offset = self._gauge(
            "directory_offset", "What has been read of the directory: the next offset.", "topic", "partition"
        )
        self.outbox_rows = self._gauge("outbox_rows", "Records that wait to be published.")

    def _make_exchange(self) -> None:
        self.exchange_calls = self._counter("exchange_calls", "Calls to Exchange.", "operation", "result")
        self.exchange_call_duration = self._histogram(
            "exchange_call_seconds", "How long calls to Exchange took.", SHORT, "operation"
        )

    def _initialise(self, topics: tuple[str, ...], version: str) -> None:
        build = self._gauge("build_info", "Which version runs; always 1.", "version")
        build.labels(version).set(1)
        _each(self.outcomes, DIRECTIONS, RESULTS)
        _each(self.mails, MAIL_MODES)
        _each(self.latency, DIRECTIONS)
        _each(self.dead_letters, DEAD_REASONS)
        _each(self.commits, COMMIT_RESULTS)
        _each(self.rebalance_duration, ("assigned", "revoked"))
        for metric in (self.records_consumed, self.retries, self.handler_duration):
            _each(metric, topics)
        _each(self.records_finished, topics, DISPOSITIONS)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The text for a scrape and its content type, in the newest format the scraper takes."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def value(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        """A sample's present value, 0 if there is none; `name` as it is scraped."""
        return self.registry.get_sample_value(name, dict(labels or {})) or 0.0

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, labels, buckets=buckets, registry=self.registry)


def _each(metric: Counter | Histogram, *values: Iterable[str]) -> None:
    for labels in product(*values):
        metric.labels(*labels)
