"""Tasks: how status, share of completion and completion date hang together.

Each of the three, once set, drags the others along; of a request that sets several the last wins (MS-OXWSTASK). Start,
due and completion are days, without a time or a zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, tzinfo
from typing import Any

from daemon.sandbox.exchange.errors import EwsError
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
