"""The merge of tasks, field by field and three ways (CON-1, CON-2, CON-4).

A side changed a field if it shows another value than before. What it changed is taken over, unless what was agreed on
has changed meanwhile, too, and differently: then the policy decides. Start and due are one field, or a start of one
side would come after a due of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from handlers.conflicts import Side
from handlers.merging import Conflict
from handlers.task_links import TaskContent
from schemas.tasks import Task

_SHARED = (("subject",), ("notes",), ("start", "due"), ("priority",), ("status",), ("restricted",))
"""What every side can change. Alarms are one user's in a copy, and many users' in the CRM."""

Held = TypeVar("Held", TaskContent, Task)

Wins = Callable[[str], Side]
"""Whose value of a field stands; the field as the CRM calls it."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The fields to take over, and those that both sides had changed."""

    taken: dict[str, Any]
    conflicts: tuple[Conflict, ...]


def merge(agreed: Held, *, accord: Held, before: Held, now: Held, side: Side, wins: Wins) -> Merged:
    """What becomes of the agreed fields after a side went from `before` to `now`; `accord` is what it had agreed to."""
    taken: dict[str, Any] = {}
    conflicts: list[Conflict] = []
    for names in (*_SHARED, ("alarm",)) if isinstance(agreed, TaskContent) else _SHARED:
        old, new, held, stood = (_values(each, names) for each in (before, now, agreed, accord))
        if new in (old, held) or (held != stood and is_same(new, held)):
            continue
        if held != stood:
            winner = wins(_said(names[0]))
            conflicts.extend(
                Conflict(_said(name), winner) for name, a, b in zip(names, new, held, strict=True) if a != b
            )
            if winner is not side:
                continue
        taken |= zip(names, new, strict=True)
    return Merged(taken, tuple(conflicts))


def is_same(one: Any, other: Any) -> bool:
    """Whether values are equal but for what a server does to them: white space, and seconds of an instant."""
    return bool(_plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, datetime):
        return value.replace(second=0, microsecond=0)
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def _values(held: TaskContent | Task, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(getattr(held, name) for name in names)


def _said(name: str) -> str:
    return "alarms" if name == "alarm" else name
