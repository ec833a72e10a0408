"""The Kafka that benchmarks measure on: one for a run, or one that is there already."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from daemon.bus.kafka import KafkaAdmin, KafkaSettings
from tests.engine.worlds import Spec
from tests.support import kafka

NEEDED_BY = {"engine", "lanes", "latency", "outbound"}


@contextmanager
def one_for_all(names: Collection[str]) -> Iterator[None]:
    """A Kafka for this process and those it starts, if one of the benchmarks needs it."""
    if kafka.EXTERNAL in os.environ or NEEDED_BY.isdisjoint(names):
        yield
        return
    os.environ.setdefault(kafka.RUN, f"{os.getpid()}-bench")
    directory = kafka.BUILD / f"bench-{os.getpid()}"
    broker = kafka.OwnKafka(directory)
    os.environ[kafka.EXTERNAL] = broker.bootstrap
    try:
        yield
    finally:
        del os.environ[kafka.EXTERNAL]
        broker.crash()
        shutil.rmtree(directory, ignore_errors=True)


def settings(**others: object) -> KafkaSettings:
    """Topics and a group that nobody else uses, on the run's broker."""
    prefix = f"bench-{uuid4().hex[:8]}."
    values = {
        "bootstrap_servers": os.environ[kafka.EXTERNAL],
        "topic_prefix": prefix,
        "group_id": f"{prefix}exsyncd",
        "session_timeout": timedelta(seconds=10),
    }
    return KafkaSettings(**(values | others))  # type: ignore[arg-type]


async def make(found: KafkaSettings, specs: Iterable[Spec]) -> None:
    """Makes the topics."""
    admin = KafkaAdmin(found)
    await admin.start()
    try:
        await admin.create(specs)
    finally:
        await admin.stop()
