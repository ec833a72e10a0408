"""The merge of tasks, field by field and three ways (CON-1, CON-2, CON-4).

A side changed a field if it shows another value than before. What it changed is taken over, unless what was agreed on
has changed meanwhile, too, and differently: then the policy decides. Start and due are one field, or a start of one
side would come after a due of the other; and with them the pattern that is counted from there.

Of one series, whoever stands further on has moved on, and what the others say of occurrences before is over: days and
status come from him, and nobody is in conflict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from handlers import task_series
from handlers.conflicts import Side
from handlers.merging import Conflict
from handlers.task_links import TaskContent
from schemas.tasks import Task

_DAYS = ("start", "due", "recurrence")
_STATUS = ("status",)
_SHARED = (("subject",), ("notes",), _DAYS, ("priority",), _STATUS, ("restricted",))
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
    shared: tuple[tuple[str, ...], ...] = _SHARED
    if task_series.are_one(now, agreed) and not _is_put_back(before, now):
        ahead = task_series.days_ahead(now, agreed)
        settled = (_DAYS, _STATUS) if ahead else (_DAYS,)
        shared = tuple(names for names in _SHARED if names not in settled)
        taken = {name: getattr(now, name) for name in task_series.OCCURRENCE if ahead > 0}
        accord, before = (replace(each, status=task_series.status_at(each, now)) for each in (accord, before))
    for names in (*shared, ("alarm",)) if isinstance(agreed, TaskContent) else shared:
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


def _is_put_back(before: Held, now: Held) -> bool:
    """Whether somebody put a series back to begin earlier."""
    return before.recurrence is not None and task_series.days_ahead(now, before) < 0


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
