"""A draft of a decision about a task, for the option-gated steps (`registry`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from handlers.facts import Facts, User
from handlers.plans import Explanation
from handlers.task_links import TaskContent, TaskLink
from schemas.copies import Kind

_NOTHING = TaskContent()


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """`link` is as it is decided so far. Inbound, `holder` is whose copy it is and `content` what that shows now;
    outbound, `owner` is whose options count for the task as a whole.
    """

    link: TaskLink
    facts: Facts
    now: datetime
    holder: User | None = None
    content: TaskContent = _NOTHING
    owner: User | None = None
    explain: tuple[Explanation, ...] = ()

    @property
    def kind(self) -> Kind:
        """It is about a task."""
        return Kind.TASK

    @property
    def is_closed(self) -> bool:
        """Never: of a task everything is decided."""
        return False

    def explained(self, *explain: Explanation) -> TaskDraft:
        """With more to say."""
        return replace(self, explain=(*self.explain, *explain))
