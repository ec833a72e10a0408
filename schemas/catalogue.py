"""Every topic this daemon reads or writes.

`exsyncd topics` creates and checks them from here, the AsyncAPI document describes them from here, and nothing is ever
created automatically. Names are without the configured prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

MIB = 2**20
DEAD_LETTER_ROOM = 64 * 2**10  # a dead letter is its source's bytes with our headers around them


class Cleanup(StrEnum):
    """How Kafka forgets: by key, or by time."""

    COMPACT = "compact"
    DELETE = "delete"


class Flow(StrEnum):
    """Whether the daemon reads a topic or writes it."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `retention` None: compacted. `types`: none for dead letters, which are as they came."""

    name: str
    key: str
    types: tuple[str, ...]
    flow: Flow
    description: str
    cleanup: Cleanup = Cleanup.DELETE
    partitions: int = 1
    retention: timedelta | None = timedelta(days=7)
    max_bytes: int = MIB

    @property
    def config(self) -> dict[str, str]:
        """The topic's settings as Kafka spells them."""
        settings = {"cleanup.policy": str(self.cleanup), "max.message.bytes": str(self.max_bytes)}
        if self.retention is not None:
            settings["retention.ms"] = str(self.retention // timedelta(milliseconds=1))
        return settings


@dataclass(frozen=True, slots=True)
class Acl:
    """What the daemon's principal must be allowed to do with a topic or group."""

    resource: str
    name: str
    operations: tuple[str, ...]


def _directory(name: str, key: str, types: tuple[str, ...], *, description: str, partitions: int) -> Topic:
    return Topic(
        name,
        key,
        types,
        Flow.IN,
        description,
        cleanup=Cleanup.COMPACT,
        partitions=partitions,
        retention=None,
    )


def _activity(noun: str) -> tuple[str, ...]:
    return tuple(f"crm.{noun}.{verb}.v1" for verb in ("created", "updated", "deleted", "out-of-scope"))


USERS = "crm.users"
NODES = "crm.nodes"
CONTACTS = "crm.contacts"
OPTIONS = "crm.options"
DELEGATIONS = "crm.delegations"
SCHEDULE_ITEMS = "crm.schedule-items"
TASKS = "crm.tasks"
NOTIFICATIONS = "exchange.notifications"
REQUESTS = "sync.requests"
COMMANDS = "sync.crm-commands"
OUTCOMES = "sync.outcomes"
DEAD_LETTERS = "sync.dead-letters"

_ALL = (
    _directory(USERS, "user id", ("crm.user.changed.v1",), description="The CRM's users.", partitions=3),
    _directory(NODES, "node id", ("crm.node.changed.v1",), description="The access hierarchy.", partitions=1),
    _directory(CONTACTS, "contact id", ("crm.contact.changed.v1",), description="The CRM's contacts.", partitions=3),
    _directory(
        OPTIONS,
        "system, type:<user type> or user:<id>",
        ("crm.options.changed.v1",),
        description="Which options are on, for whom.",
        partitions=1,
    ),
    _directory(
        DELEGATIONS,
        "<principal>:<delegate>",
        ("crm.delegation.granted.v1", "crm.delegation.revoked.v1"),
        description="Who may act for whom.",
        partitions=1,
    ),
    Topic(
        SCHEDULE_ITEMS,
        "item id",
        _activity("schedule-item"),
        Flow.IN,
        "What happens to schedule items in the CRM.",
        partitions=6,
    ),
    Topic(TASKS, "task id", _activity("task"), Flow.IN, "What happens to tasks in the CRM.", partitions=6),
    Topic(
        NOTIFICATIONS,
        "mailbox",
        (
            *(f"exchange.item.{verb}.v1" for verb in ("created", "modified", "deleted", "moved")),
            "exchange.folder.missed.v1",
        ),
        Flow.IN,
        "Hints that something happened in a mailbox.",
        partitions=12,
    ),
    Topic(
        REQUESTS,
        "system, user:<id> or link id",
        tuple(f"sync.{verb}.requested.v1" for verb in ("pause", "resume", "release", "rematch", "snapshot")),
        Flow.IN,
        "What operators ask for; nobody else may write here.",
    ),
    Topic(
        COMMANDS,
        "link id",
        (
            "sync.schedule-item.upsert.v1",
            "sync.schedule-item.delete.v1",
            "sync.task.upsert.v1",
            "sync.task.delete.v1",
        ),
        Flow.OUT,
        "What the CRM must now hold. Kept for longer than the CRM's longest outage, never compacted.",
        partitions=6,
        retention=timedelta(days=28),
    ),
    Topic(
        OUTCOMES,
        "link id, or the cause's key where there is no link",
        ("sync.outcome.v1",),
        Flow.OUT,
        "What was done with each record, and why.",
        partitions=6,
        retention=timedelta(days=28),
    ),
    Topic(
        DEAD_LETTERS,
        "the original's key",
        (),
        Flow.OUT,
        "Records that could not be used: their bytes and headers as they came, with x-dlq-* headers added.",
        partitions=3,
        retention=timedelta(days=28),
        max_bytes=MIB + DEAD_LETTER_ROOM,
    ),
)

TOPICS: Mapping[str, Topic] = MappingProxyType({each.name: each for each in _ALL})


def topic(name: str) -> Topic:
    """The topic of this name. Raises `KeyError`."""
    return TOPICS[name]


def topics_of(event_type: str) -> tuple[str, ...]:
    """The topics on which a type may travel."""
    return tuple(each.name for each in _ALL if event_type in each.types)


def acls(*, prefix: str = "", group: str) -> tuple[Acl, ...]:
    """All that the daemon's principal needs, with topic names as they are on the broker."""
    topics = (Acl("topic", f"{prefix}{each.name}", _operations(each)) for each in _ALL)
    return (*topics, Acl("group", group, ("READ", "DESCRIBE")))


def operator_acls(*, prefix: str = "") -> tuple[Acl, ...]:
    """What a person's principal needs to ask for something and to look after dead letters: nobody else may ask."""
    read = (OUTCOMES, DEAD_LETTERS)
    written = [REQUESTS, *(each.name for each in _ALL if each.flow is Flow.IN and each.name != REQUESTS)]
    return (
        *(Acl("topic", f"{prefix}{name}", ("READ", "DESCRIBE")) for name in read),
        *(Acl("topic", f"{prefix}{name}", ("WRITE", "DESCRIBE")) for name in written),
    )


def _operations(each: Topic) -> tuple[str, ...]:
    own = ("READ",) if each.flow is Flow.IN else ("WRITE",)
    replay = ("READ",) if each.name == DEAD_LETTERS else ()
    # The start-up check reads the cleanup policy, which takes a right of its own.
    return (*own, *replay, "DESCRIBE", "DESCRIBE_CONFIGS")
