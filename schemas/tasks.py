"""The canonical task: what both sides are read into, in the CRM's terms (ID-7, MAP), and its way over the wire.

Start and due are civil dates, an alarm is an instant; what a field may be otherwise is as in `schemas.items`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from schemas.activities import TaskOnWire
from schemas.instants import write_instant
from schemas.items import External, ForEntry, Recurrence, Related, wire_name
from schemas.wire import READERS, WRITERS

Alarms = tuple[tuple[str, datetime | None], ...]
"""Sorted (user id, instant) pairs; None: he wants none. A user who is absent is *not known*."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task in the CRM's terms. People are sorted; `external` None: not known."""

    subject: str = ""
    notes: str = ""
    start: date | None = None
    due: date | None = None
    priority: str = "B"
    status: str = "outstanding"
    restricted: bool = False
    owner: str | None = None
    assign_to: tuple[str, ...] = ()
    for_: tuple[ForEntry, ...] = ()
    external: tuple[External, ...] | None = None
    external_shown_to: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    recurrence: Recurrence | None = None
    alarms: Alarms = ()


TASK_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(Task))

_BLANK = Task()


def differing_tasks(one: Task, other: Task) -> tuple[str, ...]:
    """The names of the fields in which two tasks differ, in declaration order."""
    return tuple(name for name in TASK_FIELDS if getattr(one, name) != getattr(other, name))


def read_task(task: TaskOnWire, *, known: Task = _BLANK) -> Task:
    """The canonical task; fields that are not stated are as in `known`."""
    return replace(known, **{name: _read(name, getattr(task, name)) for name in task.model_fields_set})


def write_task(task: Task) -> dict[str, Any]:
    """The task as JSON data. Externals are absent, not empty, where nobody has them displayed."""
    hidden = () if task.external_shown_to else ("external", "external_shown_to")
    return {wire_name(name): _write(name, getattr(task, name)) for name in TASK_FIELDS if name not in hidden}


def _read(name: str, value: Any) -> Any:
    reader = _READERS.get(name)
    return value if reader is None else reader(value)


def _write(name: str, value: Any) -> Any:
    writer = _WRITERS.get(name)
    return value if writer is None or value is None else writer(value)


def _alarms_of(alarms: Mapping[str, datetime | None]) -> Alarms:
    return tuple(sorted(alarms.items(), key=lambda entry: entry[0]))


def _alarms_data(alarms: Alarms) -> dict[str, str | None]:
    return {user: None if instant is None else write_instant(instant) for user, instant in alarms}


_READERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType({**READERS, "alarms": _alarms_of})
_WRITERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {**WRITERS, "alarms": _alarms_data, "start": date.isoformat, "due": date.isoformat}
)
