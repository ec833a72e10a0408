"""Tasks: how status, share of completion and completion date hang together.

Each of the three, once set, drags the others along; of a request that sets several the last wins (MS-OXWSTASK). Start,
due and completion are days, without a time or a zone.

A recurring task is one item that shows its current occurrence. Completing that, or giving it other days, leaves a task
of its own behind and moves the item on to the next; deleting it only moves the item on. The last one ends as any task
does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from daemon.sandbox.exchange import recurrence
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.recurrence import Recurrence
from daemon.sandbox.exchange.reminders import NONE_BY_DEFAULT
from daemon.sandbox.exchange.values import Day

_WHOLE = 100.0
_OPEN = ("NotStarted", "InProgress", "Completed")
_MORNING = time(8)

NOT_STARTED: dict[str, Any] = {"Status": "NotStarted", "PercentComplete": 0.0, "CompleteDate": None}
"""How a task begins."""


def begun(given: Mapping[str, Any], *, today: Day) -> dict[str, Any]:
    """A new task's properties: those given, in their order, on top of one that is not started."""
    values: dict[str, Any] = {**NONE_BY_DEFAULT, **NOT_STARTED}
    for name, value in given.items():
        set_property(values, name, value, today=today)
    return {name: value for name, value in values.items() if value is not None}


def set_property(values: dict[str, Any], name: str, value: Any, *, today: Day) -> None:
    """Sets one of a task's properties, and what follows from it."""
    follow = _FOLLOWS.get(name)
    values |= follow(values, value, today) if follow else {name: value}


def delete_property(values: dict[str, Any], name: str) -> None:
    """Takes one of a task's properties away; without one of the three it is not started."""
    values |= NOT_STARTED if name in _FOLLOWS else {name: NONE_BY_DEFAULT.get(name)}


def settled(values: Mapping[str, Any], *, today: Day, zone: tzinfo) -> dict[str, Any]:
    """With the moment of a reminder that was given none: the morning of the day it is due."""
    if not values.get("ReminderIsSet") or values.get("ReminderDueBy") is not None:
        return dict(values)
    day: Day = values.get("DueDate") or values.get("StartDate") or today
    return {**values, "ReminderDueBy": datetime.combine(day.civil, _MORNING, tzinfo=zone)}


def is_recurring(item: Item) -> bool:
    return item.kind is ItemKind.TASK and "Recurrence" in item.values


def placed(values: Mapping[str, Any], *, zone: tzinfo) -> dict[str, Any]:
    """With the days of a recurring task's first occurrence, which is as long as was given."""
    pattern: Recurrence | None = values.get("Recurrence")
    if pattern is None:
        return dict(values)
    first = pattern.start if pattern.regenerates else recurrence.first_day(pattern)
    return {**values, **_on(first or pattern.start, values, zone)}


def one_off_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a change of a recurring task is one of its current occurrence, which leaves the series by it."""
    pattern: Recurrence | None = after.get("Recurrence")
    if pattern is None or pattern != before.get("Recurrence"):
        return False
    is_moved = any(before.get(name) != after.get(name) for name in ("StartDate", "DueDate"))
    is_done = after.get("Status") == "Completed" != before.get("Status")
    return is_done or (is_moved and not pattern.regenerates)


def following(current: Mapping[str, Any], *, completed: Day | None, zone: tzinfo) -> dict[str, Any] | None:
    """What becomes of a recurring task's properties with its next occurrence; None if there is none.

    `completed` is when the current one was done, None if it was not: nothing regenerates then.
    """
    pattern: Recurrence = current["Recurrence"]
    day: Day | None = current.get("StartDate") or current.get("DueDate")
    if day is None:
        return None
    if not pattern.regenerates:
        next_day = next(recurrence.days(pattern, after=day.civil), None)
        return _moved_on(current, next_day, zone) if next_day is not None else None
    if completed is None or pattern.count == 1:
        return None
    regenerated = recurrence.regenerated(pattern, completed.civil)
    if pattern.until is not None and regenerated > pattern.until:
        return None
    left = replace(pattern, count=pattern.count - 1) if pattern.count else pattern
    return {**_moved_on(current, regenerated, zone), "Recurrence": left}


def _moved_on(current: Mapping[str, Any], day: date, zone: tzinfo) -> dict[str, Any]:
    before: Day = current.get("StartDate") or current["DueDate"]
    rings: datetime | None = current.get("ReminderDueBy")
    reminder = {"ReminderDueBy": (rings.astimezone(zone) + (day - before.civil)).astimezone(UTC)} if rings else {}
    return {**NOT_STARTED, **_on(day, current, zone), **reminder}


def _on(day: date, values: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """Start and due day of an occurrence; a recurring task always has both."""
    start, due = values.get("StartDate"), values.get("DueDate")
    lasts = due.civil - start.civil if start and due else timedelta()
    return {"StartDate": Day.of(day, zone), "DueDate": Day.of(day + lasts, zone)}


def _with_status(values: Mapping[str, Any], status: str, today: Day) -> dict[str, Any]:
    if status == "NotStarted":
        return NOT_STARTED
    if status == "Completed":
        return _completed(values.get("CompleteDate") or today)
    share = values.get("PercentComplete", 0.0)
    return {"Status": status, "PercentComplete": 0.0 if share == _WHOLE else share, "CompleteDate": None}


def _with_share(values: Mapping[str, Any], share: float, today: Day) -> dict[str, Any]:
    if not 0 <= share <= _WHOLE:
        text = "The share of completion lies between 0 and 100."
        raise EwsError("ErrorInvalidValueForProperty", text, field_uri="task:PercentComplete")
    if share == _WHOLE:
        return _completed(values.get("CompleteDate") or today)
    if values.get("Status", "NotStarted") not in _OPEN:
        return {"PercentComplete": share}
    return {**NOT_STARTED, "Status": "InProgress", "PercentComplete": share} if share else NOT_STARTED


def _with_completion(_values: Mapping[str, Any], day: Day, _today: Day) -> dict[str, Any]:
    return _completed(day)


def _completed(day: Day) -> dict[str, Any]:
    return {"Status": "Completed", "PercentComplete": _WHOLE, "CompleteDate": day}


_FOLLOWS: Mapping[str, Callable[[Mapping[str, Any], Any, Day], dict[str, Any]]] = {
    "Status": _with_status,
    "PercentComplete": _with_share,
    "CompleteDate": _with_completion,
}
