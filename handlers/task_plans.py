"""Plans for tasks: as `plans` for meetings, but that a command follows from the link alone (CON-6).

The link remembers what the CRM was last told, or said itself: whatever is agreed on and differs from that is still to
be told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from handlers.links import State
from handlers.merging import names
from handlers.plans import Report
from handlers.task_effects import TaskEffect
from handlers.task_links import TaskLink
from schemas import ids
from schemas.tasks import TASK_FIELDS, Task, differing_tasks


@dataclass(frozen=True, slots=True)
class TaskUpsert:
    """What the CRM must now hold. `changed` are wire names."""

    link: str
    revision: int
    crm_id: str | None
    seen: int
    changed: tuple[str, ...]
    task: Task


@dataclass(frozen=True, slots=True)
class TaskDelete:
    """What the CRM must no longer hold."""

    link: str
    revision: int
    crm_id: str | None
    seen: int
    reason: str = "deleted"


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """What is to be done: the link as it shall be but for the effects, a command, a report, and the writes to come."""

    link: TaskLink
    command: TaskUpsert | TaskDelete | None = None
    report: Report | None = None
    effects: tuple[TaskEffect, ...] = ()


def upsert(link: TaskLink, *, generation: int) -> tuple[TaskLink, TaskUpsert | None]:
    """A command that tells the CRM the agreed task, if there is anything to tell, and the link that remembers it.

    It changes all fields in which the CRM's last word differs, and while the CRM has not answered those in which the
    last command differs, or what is taken back meanwhile would stay.
    """
    if link.state is not State.ACTIVE or link.agreed is None:
        return link, None
    task = as_shown(link.agreed)
    if link.told is not None and not differing_tasks(task, link.told):
        return link, None
    told = replace(link, revision=_next(link, generation), told=task)
    return told, TaskUpsert(
        link=link.id,
        revision=told.revision,
        crm_id=link.crm_id,
        seen=link.crm_version,
        changed=names([name for name in TASK_FIELDS if name in _changed(link, task)]),
        task=task,
    )


def delete(link: TaskLink, *, generation: int) -> tuple[TaskLink, TaskDelete]:
    """A command that takes the task away, and the link that remembers having sent it."""
    told = replace(link, revision=_next(link, generation), told=None)
    return told, TaskDelete(link.id, told.revision, crm_id=link.crm_id, seen=link.crm_version)


def as_shown(task: Task) -> Task:
    """The task as the CRM may hold it: without external contacts where nobody is shown them."""
    return task if task.external_shown_to else replace(task, external=None)


def _changed(link: TaskLink, task: Task) -> set[str]:
    if link.crm is None or link.told is None:
        return {*_ALWAYS, *differing_tasks(task, Task())}
    return {*differing_tasks(task, as_shown(link.crm)), *differing_tasks(task, link.told)}


_ALWAYS = ("subject", "notes", "start", "due", "priority", "status", "restricted", "owner", "assign_to")
"""What is known of every task; anything else only if there is something."""


def _next(link: TaskLink, generation: int) -> int:
    return ids.next_revision(max(link.revision, link.crm_revision), generation=generation)
