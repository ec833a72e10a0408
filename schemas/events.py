"""Every event type, what it carries, and how a record becomes one of them.

`parse` is the border: what comes out of it keeps the contract, what does not is `Malformed` with the field and the
rule. Unknown fields are ignored, unknown types and versions are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import ValidationError

from schemas import catalogue
from schemas.activities import (
    Actor,
    ItemOnWire,
    ScheduleItemChanged,
    ScheduleItemGone,
    TaskChanged,
    TaskGone,
    TaskOnWire,
)
from schemas.commands import ScheduleItemDelete, ScheduleItemUpsert, TaskDelete, TaskUpsert
from schemas.envelope import Envelope
from schemas.fields import Model
from schemas.hints import FolderMissed, ItemHint
from schemas.outcomes import Outcome
from schemas.people import (
    ContactChanged,
    DelegationGranted,
    DelegationRevoked,
    NodeChanged,
    OptionsChanged,
    UserChanged,
)
from schemas.problems import Malformed, MalformedKind, malformed, problems_of, shown
from schemas.requests import (
    PauseRequested,
    ReleaseRequested,
    RematchRequested,
    ResumeRequested,
    SnapshotRequested,
)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A null value on a compacted topic: the record's key is no more."""


Event = (
    UserChanged
    | NodeChanged
    | ContactChanged
    | OptionsChanged
    | DelegationGranted
    | DelegationRevoked
    | ScheduleItemChanged
    | ScheduleItemGone
    | TaskChanged
    | TaskGone
    | ItemHint
    | FolderMissed
    | PauseRequested
    | ResumeRequested
    | ReleaseRequested
    | RematchRequested
    | SnapshotRequested
    | ScheduleItemUpsert
    | ScheduleItemDelete
    | TaskUpsert
    | TaskDelete
    | Outcome
    | Tombstone
)

TYPES: Mapping[str, type[Model]] = MappingProxyType(
    {
        "crm.user.changed.v1": UserChanged,
        "crm.node.changed.v1": NodeChanged,
        "crm.contact.changed.v1": ContactChanged,
        "crm.options.changed.v1": OptionsChanged,
        "crm.delegation.granted.v1": DelegationGranted,
        "crm.delegation.revoked.v1": DelegationRevoked,
        "crm.schedule-item.created.v1": ScheduleItemChanged,
        "crm.schedule-item.updated.v1": ScheduleItemChanged,
        "crm.schedule-item.deleted.v1": ScheduleItemGone,
        "crm.schedule-item.out-of-scope.v1": ScheduleItemGone,
        "crm.task.created.v1": TaskChanged,
        "crm.task.updated.v1": TaskChanged,
        "crm.task.deleted.v1": TaskGone,
        "crm.task.out-of-scope.v1": TaskGone,
        "exchange.item.created.v1": ItemHint,
        "exchange.item.modified.v1": ItemHint,
        "exchange.item.deleted.v1": ItemHint,
        "exchange.item.moved.v1": ItemHint,
        "exchange.folder.missed.v1": FolderMissed,
        "sync.pause.requested.v1": PauseRequested,
        "sync.resume.requested.v1": ResumeRequested,
        "sync.release.requested.v1": ReleaseRequested,
        "sync.rematch.requested.v1": RematchRequested,
        "sync.snapshot.requested.v1": SnapshotRequested,
        "sync.schedule-item.upsert.v1": ScheduleItemUpsert,
        "sync.schedule-item.delete.v1": ScheduleItemDelete,
        "sync.task.upsert.v1": TaskUpsert,
        "sync.task.delete.v1": TaskDelete,
        "sync.outcome.v1": Outcome,
    }
)

_VERSIONED = re.compile(r"(?P<base>.+)\.(?P<version>v\d+)")


def parse(topic: str, envelope: Envelope, *, key: bytes | None = None) -> Event:
    """The event in a record of this topic (its name without prefix).

    With `key`, the record's key must be the one that the event's own ids make, where order or compaction hangs on it.
    Raises `Malformed`.
    """
    if envelope.data is None:
        return _tombstone(topic)
    model = _model(topic, envelope.type)
    try:
        event = model.model_validate(envelope.data)
    except ValidationError as error:
        raise Malformed(MalformedKind.INVALID, problems_of(error)) from None
    expected = key_of(event)  # type: ignore[arg-type]  # every model of TYPES is an Event
    if key is not None and expected is not None and key != expected.encode("utf-8", "replace"):
        rule = f"must be what the event's own ids make: {catalogue.topic(topic).key}"
        raise malformed(MalformedKind.INVALID, "key", rule)
    return event  # type: ignore[return-value]  # likewise


def key_of(event: Event) -> str | None:
    """The key of the record that carries an event; None where the key is the producer's business."""
    match event:
        case UserChanged() | NodeChanged() | ContactChanged():
            return event.id
        case ScheduleItemChanged() | ScheduleItemGone() | TaskChanged() | TaskGone():
            return event.id
        case OptionsChanged():
            return event.scope.key
        case DelegationGranted() | DelegationRevoked():
            return f"{event.principal}:{event.delegate}"
        case ScheduleItemUpsert() | ScheduleItemDelete() | TaskUpsert() | TaskDelete():
            return event.link
    return None


def _tombstone(topic: str) -> Tombstone:
    if catalogue.topic(topic).cleanup is not catalogue.Cleanup.COMPACT:
        raise malformed(
            MalformedKind.INVALID, "value", f"must not be null: {topic} is not compacted, nothing to delete"
        )
    return Tombstone()


def _model(topic: str, event_type: str) -> type[Model]:
    types = catalogue.topic(topic).types
    if event_type in types:
        return TYPES[event_type]
    reads = f"this daemon reads {', '.join(types)} on {topic}"
    if event_type in TYPES:
        raise malformed(MalformedKind.WRONG_TOPIC, "type", f"{event_type} does not belong here; {reads}")
    if _is_other_version(event_type, types):
        raise malformed(MalformedKind.WRONG_VERSION, "type", f"unknown version {shown(event_type)}; {reads}")
    raise malformed(MalformedKind.UNKNOWN_TYPE, "type", f"unknown type {shown(event_type)}; {reads}")


def _is_other_version(event_type: str, types: tuple[str, ...]) -> bool:
    versioned = _VERSIONED.fullmatch(event_type)
    return versioned is not None and any(each.startswith(f"{versioned['base']}.v") for each in types)


__all__ = [
    "TYPES",
    "Actor",
    "ContactChanged",
    "DelegationGranted",
    "DelegationRevoked",
    "Event",
    "FolderMissed",
    "ItemHint",
    "ItemOnWire",
    "Malformed",
    "NodeChanged",
    "OptionsChanged",
    "Outcome",
    "PauseRequested",
    "ReleaseRequested",
    "RematchRequested",
    "ResumeRequested",
    "ScheduleItemChanged",
    "ScheduleItemDelete",
    "ScheduleItemGone",
    "ScheduleItemUpsert",
    "SnapshotRequested",
    "TaskChanged",
    "TaskDelete",
    "TaskGone",
    "TaskOnWire",
    "TaskUpsert",
    "Tombstone",
    "UserChanged",
    "key_of",
    "parse",
]
