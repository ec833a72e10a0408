"""Recurring tasks: one item that stands at its current occurrence (S27, REC-1, REC-5, ID-7).

A task's pattern is always said as it is counted from the occurrence that the task shows, so that days and pattern
together name every date still to come, whoever reads them. Two sides show one series if the later of them stands on a
date of the earlier; whoever stands further on has moved on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Protocol

from handlers import patterns
from handlers.pattern_days import PatternDays
from schemas.copies import TaskCopy
from schemas.items import Recurrence
from schemas.tasks import Task

OCCURRENCE = ("start", "due", "status", "recurrence")
"""What belongs to one occurrence. The next begins with its own; a pattern's dates are fewer by one."""

NO_DUE_DAY = "no_due_day"
OFF_PATTERN = "off_pattern"
"""Why a task cannot recur, besides what `patterns` says."""

_NOT_BEGUN = "outstanding"


class Standing(Protocol):
    """A task, or what a copy holds of one, as far as it says where that stands."""

    @property
    def start(self) -> date | None: ...

    @property
    def due(self) -> date | None: ...

    @property
    def status(self) -> str: ...

    @property
    def recurrence(self) -> Recurrence | None: ...


def unheld(task: Standing) -> str | None:
    """Why both sides cannot hold a recurring task; None: they can, or it does not recur."""
    if task.recurrence is None:
        return None
    first = _day(task)
    if first is None or task.due is None:
        return NO_DUE_DAY
    return patterns.unheld(task.recurrence, first) or _off_pattern(task.recurrence, first, first)


def unheld_copy(copy: TaskCopy) -> str | None:
    """Why the CRM cannot hold what a recurring copy shows; None: it can, or it does not recur."""
    if copy.unheld is not None or copy.recurrence is None or copy.recurs_from is None:
        return (copy.unheld or NO_DUE_DAY) if copy.is_recurring else None
    day = copy.start_day or copy.due_day
    if day is None or copy.due_day is None:
        return NO_DUE_DAY
    return _off_pattern(copy.recurrence, copy.recurs_from, day)


def counted(copy: TaskCopy) -> Recurrence | None:
    """The pattern of a copy that can be held, counted from the occurrence it shows."""
    day = copy.start_day or copy.due_day
    if copy.recurrence is None or copy.recurs_from is None or day is None:
        return None
    return _from(copy.recurrence, copy.recurs_from, day)


def stated(task: Standing) -> Recurrence | None:
    """The pattern of a task in its full form, as far as both sides can hold it."""
    first = _day(task)
    if task.recurrence is None or first is None or unheld(task) is not None:
        return None
    return patterns.stated(task.recurrence, first)


def are_one(one: Standing, other: Standing) -> bool:
    """Whether two states show occurrences of one series: every later date of the earlier is one of the other's."""
    pattern, its, first, day = stated(one), stated(other), _day(one), _day(other)
    if pattern is None or its is None or first is None or day is None:
        return False
    if day < first:
        pattern, first, its, day = its, day, pattern, first
    return _from(pattern, first, day) == its


def days_ahead(one: Standing, other: Standing) -> int:
    """How many days further on one of two states of a series stands; negative: it is behind."""
    day, its = _day(one), _day(other)
    return 0 if day is None or its is None else (day - its).days


def moved_to(task: Task, due: date) -> Task | None:
    """A task at a later occurrence of its own, which is due then; None: it has none. It is as far as it was before."""
    first, pattern = _day(task), stated(task)
    if first is None or pattern is None or task.due is None:
        return None
    day = first + (due - task.due)
    left = _from(pattern, first, day)
    if day <= first or left is None:
        return None
    kept = task.recurrence if _is_as_stated(task.recurrence, left, day) else left
    return replace(task, start=task.start and day, due=due, recurrence=kept)


def spelled(content: Standing, task: Task) -> Recurrence | None:
    """A content's pattern in the words of a task, as long as its dates are the same."""
    day = _day(content)
    if day is None or not _is_as_stated(task.recurrence, content.recurrence, day):
        return content.recurrence
    return task.recurrence


def status_at(standing: Standing, other: Standing) -> str:
    """The status that a state means for the occurrence another shows: one that it does not show is not begun."""
    return standing.status if _day(standing) == _day(other) else _NOT_BEGUN


def _day(task: Standing) -> date | None:
    """The day an occurrence is on; its due day where it has no start."""
    return task.start or task.due


def _is_as_stated(spelled: Recurrence | None, full: Recurrence | None, day: date) -> bool:
    return spelled is not None and patterns.unheld(spelled, day) is None and patterns.stated(spelled, day) == full


def _off_pattern(pattern: Recurrence, first: date, day: date) -> str | None:
    return OFF_PATTERN if _from(patterns.stated(pattern, first), first, day) is None else None


def _from(full: Recurrence, first: date, day: date) -> Recurrence | None:
    """A full pattern that begins on `first`, as counted from another of its dates; None: it is none of them."""
    number = PatternDays(full, first).number_of(day)
    if number is None or full.count is None:
        return full if number else None
    return replace(full, count=full.count - number + 1)
