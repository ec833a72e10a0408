"""`exsyncd topics`: prints, creates or verifies the topics, and prints the rights they need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from daemon.bus.kafka import KafkaAdmin, KafkaSettings
from daemon.bus.port import BusError
from daemon.bus.verify import verify
from daemon.commands.reaching import the_bus
from schemas import catalogue

_RIGHTS = "Looking takes DESCRIBE and DESCRIBE_CONFIGS on every topic; making them takes CREATE."


def table(*, prefix: str, group: str) -> list[tuple[str, str, str]]:
    """Rows of name, settings, what travels there."""
    return [
        (
            f"{prefix}{topic.name}",
            f"{topic.partitions} x {topic.cleanup}" + (f" {topic.retention.days} d" if topic.retention else ""),
            topic.description,
        )
        for topic in catalogue.TOPICS.values()
    ]


def rights(*, prefix: str, group: str) -> list[tuple[str, str, str]]:
    """Rows of resource, name, operations: what the daemon's principal must be allowed."""
    return _rows(catalogue.acls(prefix=prefix, group=group))


def operators_rights(*, prefix: str) -> list[tuple[str, str, str]]:
    """The same for whoever uses `exsyncd request` and `exsyncd dead-letters`."""
    return _rows(catalogue.operator_acls(prefix=prefix))


def _rows(acls: Iterable[catalogue.Acl]) -> list[tuple[str, str, str]]:
    return [(acl.resource, acl.name, ", ".join(acl.operations)) for acl in acls]


async def create(kafka: KafkaSettings) -> list[str]:
    """Makes what is missing; the names made. Raises `CannotGoOn`."""
    async with _admin(kafka) as admin:
        present = await admin.topics()
        missing = [topic for topic in catalogue.TOPICS.values() if topic.name not in present]
        await admin.create(missing)
        return [kafka.topic(topic.name) for topic in missing]


async def problems(kafka: KafkaSettings) -> list[str]:
    """What is not as it must be. Raises `CannotGoOn`."""
    async with _admin(kafka) as admin:
        return [str(problem) for problem in await verify(admin, catalogue.TOPICS.values())]


@asynccontextmanager
async def _admin(kafka: KafkaSettings) -> AsyncIterator[KafkaAdmin]:
    admin = KafkaAdmin(kafka)
    with the_bus(kafka, rights=_RIGHTS):
        try:
            await admin.start()
            yield admin
        finally:
            with suppress(BusError):
                await admin.stop()
