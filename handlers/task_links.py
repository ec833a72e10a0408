"""Task links: what the daemon remembers of a task and of each of its copies (ID-5, ID-7, ID-8).

Every copy of a task is authoritative (ID-3), so each is a side of its own. What all sides shall hold is `agreed`; for
the CRM the link keeps what it last said, for each copy what it last showed and what it was last known to hold. What is
still to be done to anybody is therefore always the difference, whatever was interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from handlers import task_series
from handlers.links import State
from schemas.items import Recurrence
from schemas.tasks import Task

Alarm = tuple[datetime | None, ...]
"""One user's alarm: empty if it is not known, else its instant or None for none."""


@dataclass(frozen=True, slots=True)
class TaskContent:
    """What one user's copy holds of a task, in the CRM's terms: what all copies share, and his own alarm. A pattern is
    counted from the occurrence it stands at (`task_series`)."""

    subject: str = ""
    notes: str = ""
    start: date | None = None
    due: date | None = None
    priority: str = "B"
    status: str = "outstanding"
    restricted: bool = False
    recurrence: Recurrence | None = None
    alarm: Alarm = ()


SHARED = ("subject", "notes", "start", "due", "priority", "status", "restricted", "recurrence")
"""One value for all copies; the alarm is each user's own."""


@dataclass(frozen=True, slots=True)
class TaskReplica:
    """One mailbox's copy of a task.

    `item_id` None: it is to be created. `live` is false once it is gone; `removed`: because the CRM took its user out.
    `shown` is what it last translated to, `held` what of the agreed task it stands for: both differ where the server
    keeps what we wrote in a way of its own (CON-4). `attempt` is what a write that may not have ended was to leave, not
    begun again as a create before `until`. `unsaid` are writes that no outcome has named yet: the operation, then the
    fields, parted by blanks. `ours` is the change key our last write left, `block` the fingerprint of the related block
    last written, `sensitivity` Exchange's word.
    """

    mailbox: str
    user: str
    item_id: str | None = None
    change_key: str = ""
    search_key: str = ""
    live: bool = True
    removed: bool = False
    shown: TaskContent | None = None
    held: TaskContent | None = None
    attempt: TaskContent | None = None
    until: datetime | None = None
    sensitivity: str = "Normal"
    block: str = ""
    ours: str | None = None
    unsaid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskLink:
    """The memory of one task; fields named as in `links.Link` mean the same.

    `told` is what the CRM was last told to hold, or said itself since. `noted`: the copies carry the related block.
    """

    id: str
    state: State = State.OUTSIDE
    version: int = 0
    crm_id: str | None = None
    crm_version: int = 0
    crm_revision: int = 0
    revision: int = 0
    deleted_by_crm: bool = False
    reported: str | None = None
    noted: bool = False
    agreed: Task | None = None
    crm: Task | None = None
    told: Task | None = None
    replicas: tuple[TaskReplica, ...] = ()

    def replica_of(self, user: str) -> TaskReplica | None:
        """The copy of a user; he has one mailbox, so he has one."""
        return next((each for each in self.replicas if each.user == user), None)

    def with_replica(self, replica: TaskReplica) -> TaskLink:
        """With this copy in place of its user's."""
        others = (each for each in self.replicas if each.user != replica.user)
        return replace(self, replicas=tuple(sorted((*others, replica), key=lambda each: each.user)))

    def without(self, user: str) -> TaskLink:
        """With no copy of this user."""
        return replace(self, replicas=tuple(each for each in self.replicas if each.user != user))


def content_of(task: Task, user: str) -> TaskContent:
    """What the copy of a user shall hold of a task."""
    shared = {name: getattr(task, name) for name in SHARED} | {"recurrence": task_series.stated(task)}
    return TaskContent(**shared, alarm=tuple(instant for holder, instant in task.alarms if holder == user))


def with_content(task: Task, content: TaskContent, user: str) -> Task:
    """The task with what one user's copy holds."""
    others = tuple(entry for entry in task.alarms if entry[0] != user)
    own = tuple((user, instant) for instant in content.alarm)
    shared = {name: getattr(content, name) for name in SHARED} | {"recurrence": task_series.spelled(content, task)}
    return replace(task, **shared, alarms=tuple(sorted((*others, *own))))
