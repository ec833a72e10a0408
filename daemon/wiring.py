"""From settings to the parts that need them, and from the parts' reports to the metrics."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta

from daemon.bus.kafka import KafkaSettings
from daemon.bus.limits import Limits
from daemon.bus.monitor import Monitor
from daemon.bus.port import TopicPartition
from daemon.exchange.ews.backend import Call
from daemon.exchange.ews.config import EwsConfig
from daemon.observe.metrics import Metrics
from daemon.settings.models import Settings


def kafka_settings(settings: Settings) -> KafkaSettings:
    """How the bus reaches the brokers."""
    kafka = settings.kafka
    return KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=kafka.group_id,
        group_instance_id=kafka.group_instance_id,
        client_id=kafka.client_id,
        topic_prefix=kafka.topic_prefix,
        security_protocol=kafka.security_protocol,
        sasl_mechanism=kafka.sasl_mechanism,
        sasl_username=kafka.sasl_username,
        sasl_password=kafka.sasl_password.get_secret_value(),
        ssl_cafile=kafka.ssl_cafile,
        ssl_certfile=kafka.ssl_certfile,
        ssl_keyfile=kafka.ssl_keyfile,
        ssl_keypassword=kafka.ssl_keypassword.get_secret_value() or None,
        ssl_check_hostname=kafka.ssl_check_hostname,
        session_timeout=kafka.session_timeout,
        rebalance_timeout=kafka.rebalance_timeout,
        request_timeout=kafka.request_timeout,
        send_timeout=kafka.send_timeout,
        fetch_wait=kafka.fetch_wait,
        metadata_max_age=kafka.metadata_max_age,
    )


def limits(settings: Settings) -> Limits:
    """The engine's bounds."""
    engine = settings.engine
    return Limits(
        in_flight=engine.in_flight,
        partition_in_flight=engine.partition_in_flight,
        window=engine.window,
        window_bytes=engine.window_bytes,
        poll_records=engine.poll_records,
        poll_wait=engine.poll_wait,
        commit_interval=engine.commit_interval,
        commit_deadline=engine.commit_deadline,
        rebalance_timeout=settings.kafka.rebalance_timeout,
        retry_for=engine.retry_for,
        retry_wait=engine.retry_wait,
        park_for=engine.park_for,
        unexpected_attempts=engine.unexpected_attempts,
    )


def ews_config(settings: Settings) -> EwsConfig:
    """How the EWS backend reaches Exchange."""
    exchange = settings.exchange
    return EwsConfig(
        endpoint=exchange.endpoint,
        auth=exchange.auth,
        username=exchange.username,
        password=exchange.password.get_secret_value(),
        tenant_id=exchange.tenant_id,
        client_id=exchange.client_id,
        client_secret=exchange.client_secret.get_secret_value(),
        ca_file=exchange.ca_file,
        timeout=exchange.timeout,
        threads=exchange.threads,
        slow_threads=exchange.slow_threads,
        slow_after=exchange.slow_after,
        calls_per_mailbox=exchange.calls_per_mailbox,
        items_per_call=exchange.items_per_call,
        back_off_first=exchange.back_off_first,
        back_off_longest=exchange.back_off_longest,
    )


def counting(metrics: Metrics) -> Callable[[Call], None]:
    """Counts calls to Exchange."""

    def observe(call: Call) -> None:
        metrics.exchange_calls.labels(call.operation, call.result).inc()
        metrics.exchange_call_duration.labels(call.operation).observe(call.took.total_seconds())

    return observe


class Counting(Monitor):
    """Counts what the engine reports."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def consumed(self, topic: str, records: int) -> None:
        self._metrics.records_consumed.labels(topic).inc(records)

    def finished(self, topic: str, disposition: str, *, took: timedelta) -> None:
        self._metrics.records_finished.labels(topic, disposition).inc()
        self._metrics.handler_duration.labels(topic).observe(took.total_seconds())

    def skipped(self, topic: str, reason: str) -> None:
        self._metrics.records_skipped.labels(reason).inc()

    def retried(self, topic: str, error: str) -> None:
        self._metrics.retries.labels(topic).inc()

    def dead_letter(self, topic: str, kind: str) -> None:
        self._metrics.dead_letters.labels(kind).inc()

    def stale(self, topic: str) -> None:
        self._metrics.stale_results.inc()

    def committed(self, result: str) -> None:
        self._metrics.commits.labels(result).inc()

    def assigned(self, partitions: Collection[TopicPartition], *, took: timedelta) -> None:
        self._metrics.rebalances.inc()
        self._metrics.rebalance_duration.labels("assigned").observe(took.total_seconds())

    def revoked(self, partitions: Collection[TopicPartition], *, took: timedelta) -> None:
        self._metrics.rebalance_duration.labels("revoked").observe(took.total_seconds())

    def paused(self, partitions: int) -> None:
        self._metrics.paused_partitions.set(partitions)
