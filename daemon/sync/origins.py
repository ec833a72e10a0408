"""Where a decision comes from: the record, or the hints collapsed into one, that caused it.

What is put out because of it carries its ids and its time, so that the same cause makes the same output, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon.bus.port import Record
from schemas import envelope, events
from schemas.activities import ScheduleItemChanged, ScheduleItemGone
from schemas.envelope import Envelope
from schemas.events import Event
from schemas.outcomes import Cause

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Origin:
    """The newest of the records, its event, and the offsets of the others. `at`: when the broker took it."""

    key: str
    event: Event
    envelope: Envelope
    cause: Cause
    at: datetime

    @property
    def notify(self) -> str | None:
        """Whom a CRM user wants to be told, in his words."""
        return self.event.notify if isinstance(self.event, ScheduleItemChanged | ScheduleItemGone) else None


def read(records: Sequence[Record]) -> Origin:
    """The origin that records of one lane make, in the order they came. Raises `schemas.problems.Malformed`."""
    *others, record = records
    stated = envelope.read(record.headers, record.value)
    return Origin(
        key=(record.key or b"").decode("utf-8", "replace"),
        event=events.parse(record.topic, stated, key=record.key),
        envelope=stated,
        cause=Cause(
            id=stated.id,
            type=stated.type,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            also=tuple(other.offset for other in others),
        ),
        at=_EPOCH + timedelta(milliseconds=max(record.timestamp, 0)),
    )
