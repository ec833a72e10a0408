"""A Kafka broker inside this process, for the demo: librdkafka's mock cluster, which comes with the `confluent-kafka`
wheel (extra `demo`).

It speaks enough of the protocol for one member per group that is never restarted: topics appear, with four partitions,
when they are asked about; there are no admin calls, no compaction, and under 5 MiB a partition. It is gone with the
object, and nothing is written to disk.
"""

from __future__ import annotations

from typing import Any

_PATIENCE = 10.0  # seconds


class BrokerMissing(RuntimeError):
    """The embedded broker needs the extra `demo`: pip install 'exsyncd[demo]'. Or use a real one: --kafka HOST:PORT."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class EmbeddedBroker:
    """A broker on loopback, from `start` to `stop`. Both block for a few milliseconds."""

    def __init__(self) -> None:
        self.bootstrap_servers = ""
        self._host: Any = None  # the client object that holds the mock cluster

    def start(self) -> str:
        """Returns where it serves, HOST:PORT. Raises `BrokerMissing`."""
        try:
            from confluent_kafka import Producer
        except ImportError:
            raise BrokerMissing from None
        self._host = Producer({"test.mock.num.brokers": 1, "log_level": 0})
        broker = next(iter(self._host.list_topics(timeout=_PATIENCE).brokers.values()))
        self.bootstrap_servers = f"{broker.host}:{broker.port}"
        return self.bootstrap_servers

    def stop(self) -> None:
        """The cluster ends with the object that holds it."""
        self._host = None
