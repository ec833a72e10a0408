"""What the sandbox CRM says on the bus, before it is a record there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.envelope import Envelope

SOURCE = "sandbox/crm"


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with the place it goes to: a topic without prefix, and the record's key."""

    topic: str
    key: str
    type: str
    data: Mapping[str, Any]

    def in_envelope(self, now: datetime, *, cause: Envelope | None = None) -> Envelope:
        """As a CloudEvent; one that answers a command goes on with the command's trace."""
        return Envelope(
            id=f"{self.topic}/{self.key}/{self.data['version']}",
            source=SOURCE,
            type=self.type,
            time=now,
            subject=self.key,
            data=self.data,
            traceparent=cause.traceparent if cause else None,
            tracestate=cause.tracestate if cause else None,
        )
