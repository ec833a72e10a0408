"""The related block in tasks, which have a body like meetings and no guests (NOTE-1, NOTE-5, NOTE-7)."""

from __future__ import annotations

from dataclasses import replace

from handlers import registry
from handlers.facts import User
from handlers.task_drafts import TaskDraft
from schemas import options
from schemas.copies import Kind
from schemas.outcomes import Direction


def _owner(draft: TaskDraft) -> tuple[User, ...]:
    return (draft.owner,) if draft.owner else ()


def _concerns(draft: TaskDraft) -> bool:
    return draft.link.noted or bool(draft.link.agreed and draft.link.agreed.related)


def _show(draft: TaskDraft, user: User) -> tuple[TaskDraft, registry.Effect]:
    return replace(draft, link=replace(draft.link, noted=True)), ("related",)


def _hide(draft: TaskDraft, user: User) -> tuple[TaskDraft, registry.Effect]:
    return replace(draft, link=replace(draft.link, noted=False)), ()


WRITING = registry.Step[TaskDraft](
    option=options.RELATED_NOTES,
    direction=Direction.OUTBOUND,
    kinds=frozenset({Kind.TASK}),
    order=20,
    users=_owner,
    concerns=_concerns,
    on=_show,
    off=_hide,
)
