"""The words the sandbox CRM's tests are written in: items, edits, commands, and a bus that is a list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from daemon.sandbox.crm.service import SandboxCrm
from schemas import envelope, events
from schemas.envelope import Envelope

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
LINK = "9f0c"
ANNA = {"user": "u-anna", "on_behalf_of": None}


def a_meeting(**fields: Any) -> dict[str, Any]:
    return {
        "subject": "Review",
        "start": "2026-12-01T10:00:00+01:00",
        "end": "2026-12-01T11:00:00+01:00",
        "zone": "Europe/Berlin",
        "owner": "u-anna",
        "assign_to": ["u-anna"],
        **fields,
    }


def a_task(**fields: Any) -> dict[str, Any]:
    return {"subject": "Call back", "due": "2026-12-04", "owner": "u-anna", "assign_to": ["u-anna"], **fields}


def upsert(*, revision: int, changed: list[str] | None = None, **fields: Any) -> tuple[str, dict[str, Any]]:
    """A command; without `changed` it names every field of the item, as for a new one."""
    item = fields.pop("item", None) or a_meeting()
    data = {
        "link": LINK,
        "revision": revision,
        "id": None,
        "seen": 0,
        "uid": "0400",
        "changed": list(item) if changed is None else changed,
        "item": item,
        "master": None,
        **fields,
    }
    return "sync.schedule-item.upsert.v1", data


def delete(*, revision: int, **fields: Any) -> tuple[str, dict[str, Any]]:
    data = {"link": LINK, "revision": revision, "id": None, "seen": 0, "uid": "0400", "reason": "deleted", **fields}
    return "sync.schedule-item.delete.v1", data


def record_of(
    command: tuple[str, Mapping[str, Any]], *, traceparent: str | None = None
) -> tuple[list[tuple[str, bytes]], bytes | None]:
    """A command as the headers and the value of a record."""
    event_type, data = command
    return envelope.write(Envelope(id="1", source="exsyncd/test", type=event_type, data=data, traceparent=traceparent))


@dataclass(frozen=True, slots=True)
class Said:
    """An event that was put on the bus."""

    topic: str
    key: str
    type: str
    data: dict[str, Any]
    context: Envelope


@dataclass(slots=True)
class Bus:
    """What was said, in order. Every record must keep the contract of its topic, or the test that said it fails."""

    said: list[Said] = field(default_factory=list)

    async def publish(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        context = envelope.read(headers, value)
        events.parse(topic, context, key=key.encode())
        self.said.append(Said(topic, key, context.type, json.loads(value or b"null"), context))

    @property
    def last(self) -> Said:
        return self.said[-1]


@dataclass(frozen=True, slots=True)
class World:
    """A CRM and its bus."""

    crm: SandboxCrm
    bus: Bus

    async def given(self, *commands: tuple[str, Mapping[str, Any]]) -> list[bool]:
        """Sends commands; which were taken."""
        return [await self.crm.apply(*record_of(command)) for command in commands]

    @property
    def only(self) -> dict[str, Any]:
        """The one item there is."""
        (item,) = self.crm.items()
        return item


def a_world() -> World:
    bus = Bus()
    return World(SandboxCrm(bus.publish, clock=lambda: NOW), bus)
