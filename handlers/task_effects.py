"""What a decision wants done to the copies of a task, and how it is said to Exchange (MAP, MAP-1, MAP-3, PRIV-6).

Each effect is one call in one mailbox. The status alone is written, Exchange derives percent and completion date.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from handlers.blocks import Block
from handlers.bodies import compose
from handlers.effects import Operation
from handlers.task_links import TaskContent, TaskLink, TaskReplica
from schemas.copies import Kind, TaskCopy
from schemas.edits import UNSET, Body, Edit, New, Unset

CONTENT = tuple(f.name for f in fields(TaskContent))

STATUSES = {
    "tentative": "InProgress",
    "outstanding": "NotStarted",
    "cancelled": "Deferred",
    "on_hold": "WaitingOnOthers",
    "completed": "Completed",
}
"""The CRM's status in Exchange's word; every one of Exchange's has its counterpart."""


PRIORITIES = {"A": "High", "B": "Normal", "C": "Low"}
"""The CRM's priority in Exchange's word for importance."""


_NOTHING = TaskContent()
_SOME = ""
"""The change key of a write that nobody heard the end of: no read shows it, but we did write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEffect:
    """One call. `fields` are what is written of `content`, which is what the copy will hold; a create writes all of it.

    `sensitivity` is the word for `restricted` where that is written. `item_id` None where an item is to be deleted that
    nobody knows to be there. `skips`: occurrences are skipped until the copy shows the one that is due with `content`:
    other days would tear the current one out of its series.
    """

    operation: Operation
    mailbox: str
    user: str
    marker: str
    content: TaskContent = _NOTHING
    item_id: str | None = None
    change_key: str = ""
    fields: tuple[str, ...] = ()
    sensitivity: str | Unset = UNSET
    block: Block | Unset | None = UNSET
    skips: bool = False

    @property
    def moves_on(self) -> bool:
        """Whether the copy shows another occurrence afterwards, if there is one: that must be read."""
        return self.skips or (
            self.operation is Operation.UPDATE
            and "status" in self.fields
            and self.content.status == "completed"
            and self.content.recurrence is not None
        )

    @property
    def needs_copy(self) -> bool:
        """Whether what is there must be read first: a body keeps what is not ours."""
        return self.operation is Operation.UPDATE and ("notes" in self.fields or self.block is not UNSET)

    @property
    def named(self) -> tuple[str, ...]:
        """What is written, in the outcome's words."""
        return (*self.fields, *(("related",) if self.block is not UNSET else ()))


def written(replica: TaskReplica, effect: TaskEffect, *, item_id: str, change_key: str) -> TaskReplica:
    """The copy after it was created or updated."""
    return replace(
        replica,
        item_id=item_id,
        change_key=change_key,
        live=True,
        shown=_shown(replica, effect),
        held=effect.content,
        attempt=None,
        until=None,
        ours=change_key,
        sensitivity=replica.sensitivity if isinstance(effect.sensitivity, Unset) else effect.sensitivity,
        block=replica.block if isinstance(effect.block, Unset) else _fingerprint(effect.block),
    )


def written_in_part(replica: TaskReplica, effect: TaskEffect, *, item_id: str, change_key: str) -> TaskReplica:
    """The copy after it was written of a plan that was not carried out as a whole, and is forgotten.

    What the plan knew of the copy beside is to be read again: the change key covers what its user wrote, too.
    """
    known = written(replica, effect, item_id=item_id, change_key=change_key)
    if effect.operation is Operation.CREATE or replica.shown is None or replica.held is None:
        return known
    values = {name: getattr(effect.content, name) for name in effect.fields}
    return replace(known, shown=replace(replica.shown, **values), held=replace(replica.held, **values), ours=_SOME)


def _shown(replica: TaskReplica, effect: TaskEffect) -> TaskContent:
    """What a copy shows once it is written: an alarm that was not is as it was, and of a new copy none (ALM-7)."""
    if "alarm" in effect.fields or not effect.content.alarm:
        return effect.content
    if effect.operation is Operation.CREATE:
        return replace(effect.content, alarm=(None,))
    return replace(effect.content, alarm=replica.shown.alarm) if replica.shown else effect.content


def unsaid(replica: TaskReplica, operation: Operation, fields: Iterable[str]) -> TaskReplica:
    """The copy with one more write that the next outcome is to name."""
    return replace(replica, unsaid=(*replica.unsaid, " ".join((operation.value, *fields))))


def waiting(link: TaskLink) -> tuple[TaskEffect, ...]:
    """The writes that no outcome has named yet."""
    return tuple(_named(replica, write.split()) for replica in link.replicas for write in replica.unsaid)


def _named(replica: TaskReplica, words: Sequence[str]) -> TaskEffect:
    operation, fields = Operation(words[0]), tuple(words[1:])
    return TaskEffect(operation=operation, mailbox=replica.mailbox, user=replica.user, marker="", fields=fields)


def differing(one: TaskContent, other: TaskContent) -> tuple[str, ...]:
    """The fields in which contents differ."""
    return tuple(name for name in CONTENT if getattr(one, name) != getattr(other, name))


def deleted(link: TaskLink, effect: TaskEffect) -> TaskLink:
    """The link after a copy was deleted: it is remembered, so that it is known again if its user brings it back."""
    replica = link.replica_of(effect.user)
    if replica is None:
        return link
    gone = replace(replica, live=False, removed=True, attempt=None, until=None, ours=None)
    return link.with_replica(unsaid(gone, effect.operation, ()))


def new_of(effect: TaskEffect) -> New:
    """The create, with the marker in the same call (ID-5)."""
    words = {name: value for name, value in _words(effect).items() if value is not None or name == "remind_at"}
    body = compose("", html=False, notes=effect.content.notes, block=effect.block)
    return New(kind=Kind.TASK, marker=effect.marker, uid=None, edit=Edit(**words, body=Body(body)))


def edit_of(effect: TaskEffect, copy: TaskCopy | None) -> Edit:
    """The update; `copy` is what is there, where the effect needs it."""
    words = _words(effect)
    if effect.needs_copy and copy is not None:
        notes = effect.content.notes if "notes" in effect.fields else None
        body = compose(copy.body, html=copy.html, notes=notes, block=effect.block)
        if body != copy.body:
            words["body"] = Body(body, html=copy.html)
    return Edit(**words)


def _words(effect: TaskEffect) -> dict[str, Any]:
    """The fields in Exchange's names and words, but for the body."""
    content, words = effect.content, {}
    for name in effect.fields:
        match name:
            case "start" | "due":
                words[f"{name}_day"] = getattr(content, name)
            case "subject":
                words["subject"] = content.subject
            case "priority":
                words["importance"] = PRIORITIES[content.priority]
            case "status":
                words["status"] = STATUSES[content.status]
            case "recurrence":
                words["recurrence"] = content.recurrence
            case "restricted":
                words["sensitivity"] = effect.sensitivity
            case "alarm":
                words["remind_at"] = content.alarm[0]
    return words


def _fingerprint(block: Block | None) -> str:
    return block.fingerprint if block else ""


def adopted(replica: TaskReplica, copy: TaskCopy, content: TaskContent) -> TaskReplica:
    """A copy that was to be made and turns out to be there: an earlier create had come through, or the store was lost.

    It holds what that create was to leave, or else what is agreed on: what differs shows at its next hint.
    """
    if replica.attempt is not None:
        replica = unsaid(replica, Operation.CREATE, differing(replica.attempt, _NOTHING))
    return replace(
        replica,
        item_id=copy.item_id,
        change_key=copy.change_key,
        search_key=copy.search_key,
        shown=replica.attempt or content,
        held=replica.attempt,
        attempt=None,
        until=None,
        sensitivity=copy.sensitivity,
        ours=_SOME if replica.attempt else None,
    )


def claimed(link: TaskLink, plan: TaskLink, effects: Iterable[TaskEffect], *, until: datetime) -> TaskLink:
    """The link before the effects of a plan, with what each copy is to be left with should nobody hear of it."""
    link = replace(link, crm_id=plan.crm_id)
    for effect in effects:
        known = plan.replica_of(effect.user) if effect.item_id is None else link.replica_of(effect.user)
        if known is not None and effect.operation is not Operation.DELETE:
            begun = until if effect.operation is Operation.CREATE else None
            link = link.with_replica(replace(known, attempt=_attempt(known, effect), until=begun))
    return link


def counted(link: TaskLink, effect: TaskEffect, *, before: TaskLink, wrote: int) -> TaskLink:
    """The link after so many writes that moved a copy on, which is still to be read. Of earlier ones that nobody heard
    the end of, the copy tells: `before` is the link as it was before this try."""
    replica, known = link.replica_of(effect.user), before.replica_of(effect.user)
    if replica is None:
        return link
    replica = replace(replica, attempt=known.attempt if known and not wrote else None)
    for _ in range(wrote):
        replica = unsaid(replica, effect.operation, effect.named)
    return link.with_replica(replica)


def _attempt(replica: TaskReplica, effect: TaskEffect) -> TaskContent:
    """What a write may leave: what it does not write is what its user makes it, and no doing of ours."""
    if effect.operation is Operation.CREATE or replica.held is None:
        return _shown(replica, effect)
    return replace(replica.held, **{name: getattr(effect.content, name) for name in effect.fields})


def given_up(link: TaskLink, effect: TaskEffect) -> TaskLink:
    """The link after Exchange refused an effect for good: it is not tried again until something else is wanted."""
    replica = link.replica_of(effect.user)
    if replica is None:
        return link
    is_there = replica.item_id is not None
    return link.with_replica(replace(replica, live=is_there, held=effect.content, attempt=None, until=None))
