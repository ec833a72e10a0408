"""Task alarms, each user's own, in both directions (ALM-2, ALM-6..8, OPT-4).

Off, an alarm is neither read nor written, and what it was then is not made up for when the option is switched on: a
copy's reminder is as it was last read, and what the CRM asked for counts as written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from handlers import registry
from handlers.facts import User
from handlers.links import State
from handlers.plans import Explanation
from handlers.task_drafts import TaskDraft
from handlers.task_links import TaskContent, TaskReplica, content_of
from schemas import options
from schemas.copies import Kind
from schemas.outcomes import Decision, Direction
from schemas.tasks import Task

_ENDED = frozenset({"completed", "cancelled"})
_LAST_ZONE = timedelta(hours=12)
"""A day that is over everywhere is over for whoever meant it: in the westernmost zone it ends this long after UTC's."""


def is_past(task: Task | TaskContent, now: datetime) -> bool:
    """Whether a task's time is over: it is completed, or cancelled, or the day on which it was due has ended."""
    if task.status in _ENDED:
        return True
    if task.due is None:
        return False
    return datetime.combine(task.due + timedelta(days=1), time(), tzinfo=UTC) + _LAST_ZONE <= now


def _holders(draft: TaskDraft) -> tuple[User, ...]:
    return (draft.holder,) if draft.holder else ()


def _is_seen(draft: TaskDraft) -> bool:
    return _shown(draft) not in ((), (None,)) or draft.content.alarm != (None,)


def _read(draft: TaskDraft, user: User) -> tuple[TaskDraft, registry.Effect]:
    """As the copy shows it, but that one which rang and was dismissed was not removed (ALM-8)."""
    [shown] = _shown(draft) or (None,)
    rang = shown is not None and (shown <= draft.now or draft.content.status in _ENDED)
    if rang and draft.content.alarm == (None,):
        return _kept(draft), ()
    return draft, ()


def _unread(draft: TaskDraft, user: User) -> tuple[TaskDraft, registry.Effect]:
    return _kept(draft), ()


def _kept(draft: TaskDraft) -> TaskDraft:
    return replace(draft, content=replace(draft.content, alarm=_shown(draft)))


def _shown(draft: TaskDraft) -> tuple[datetime | None, ...]:
    replica = draft.link.replica_of(draft.holder.id) if draft.holder else None
    return replica.shown.alarm if replica and replica.shown else ()


def _to_be_reminded(draft: TaskDraft) -> Iterable[User]:
    for replica in draft.link.replicas:
        user = draft.facts.by_id.get(replica.user)
        if user is not None and _is_wanted(draft, replica):
            yield user


def _is_wanted(draft: TaskDraft, replica: TaskReplica) -> bool:
    """Whether an alarm would have to be written to this copy."""
    agreed = draft.link.agreed
    if agreed is None or draft.link.state is not State.ACTIVE or not replica.live or replica.held is None:
        return False
    wanted = content_of(agreed, replica.user).alarm
    return wanted not in ((), replica.held.alarm)


def _concerns(draft: TaskDraft) -> bool:
    return any(True for _ in _to_be_reminded(draft))


def _write(draft: TaskDraft, user: User) -> tuple[TaskDraft, registry.Effect]:
    """Unless nobody needs to be reminded any more (ALM-7)."""
    agreed = draft.link.agreed
    if agreed is None or not is_past(agreed, draft.now) or content_of(agreed, user.id).alarm == (None,):
        return draft, (f"alarm:{user.id}",)
    kept, _ = _unwritten(draft, user)
    return kept.explained(Explanation("ALM-7", user.id, Decision.KEPT, "past, completed or cancelled")), ()


def _unwritten(draft: TaskDraft, user: User) -> tuple[TaskDraft, registry.Effect]:
    replica, agreed = draft.link.replica_of(user.id), draft.link.agreed
    if replica is None or replica.held is None or agreed is None:
        return draft, ()
    held = replace(replica.held, alarm=content_of(agreed, user.id).alarm)
    return replace(draft, link=draft.link.with_replica(replace(replica, held=held))), ()


READING = registry.Step[TaskDraft](
    option=options.TASK_ALARMS,
    direction=Direction.INBOUND,
    kinds=frozenset({Kind.TASK}),
    order=10,
    users=_holders,
    concerns=_is_seen,
    on=_read,
    off=_unread,
)

WRITING = registry.Step[TaskDraft](
    option=options.TASK_ALARMS,
    direction=Direction.OUTBOUND,
    kinds=frozenset({Kind.TASK}),
    order=10,
    users=_to_be_reminded,
    concerns=_concerns,
    on=_write,
    off=_unwritten,
)
