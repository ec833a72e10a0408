"""What both sides must hold of a task, worked out from what people did on both (MAP, ID-3, CON, ALM-6..8, NOTE, DEL).

Every copy counts, so what is content is one value for all of them and the CRM; an alarm is its user's own. What is done
in Outlook and in the CRM at the same moment comes out as if the one in Outlook had been done first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.oracle.sides import Bank

CONTENT = ("subject", "notes", "days", "priority", "status", "restricted")
ENDED = frozenset({"completed", "cancelled"})


@dataclass
class TaskCopy:
    """What lies in one user's list beside the content. `block` is what the note in its body shows."""

    alarm: datetime | None = None
    block: tuple[str, ...] = ()


@dataclass
class Task:
    """A task on both sides; `content` has `days` for start and due. `born_as` is the item id of one made in Outlook."""

    bank: Bank
    content: dict[str, Any]
    crm_id: str | None = None
    born_as: str | None = None
    owner: str | None = None
    assign_to: set[str] = field(default_factory=set)
    alarms: dict[str, datetime | None] = field(default_factory=dict)
    related: tuple[str, ...] = ()
    copies: dict[str, TaskCopy] = field(default_factory=dict)
    deleted: bool = False
    log: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.deleted

    @property
    def is_ended(self) -> bool:
        """Nobody is reminded of it any more (ALM-7)."""
        return self.content["status"] in ENDED

    # people in Outlook

    def made_in_outlook(self, user: str, *, alarm: datetime | None) -> None:
        self.owner, self.assign_to = user, {user}
        self.copies[user] = TaskCopy(alarm)
        self.alarms[user] = alarm

    def edited_in_outlook(self, user: str, changes: Mapping[str, Any]) -> None:
        """One copy changes, and all follow; a body that was written anew has its block put back (NOTE-6)."""
        self.content |= changes

    def worked_on(self, user: str, percent: int) -> None:
        """Exchange makes the status of the share that is done, unless somebody is waited for."""
        if self.content["status"] in ("outstanding", "tentative", "completed"):
            self.content["status"] = {0: "outstanding", 100: "completed"}.get(percent, "tentative")
        elif percent == 100:  # all of it
            self.content["status"] = "completed"

    def set_reminder(self, user: str, moment: datetime | None) -> None:
        """ALM-6: his own."""
        self.copies[user].alarm = self.alarms[user] = moment

    def dropped(self, user: str) -> None:
        """DEL-1: his assignment ends, and with the last one the task."""
        del self.copies[user]
        self.assign_to.discard(user)
        if not self.assign_to:
            self.deleted = True

    # CRM users

    def made_in_crm(self, *, owner: str, assign_to: Iterable[str]) -> None:
        self.owner, self.assign_to = owner, set(assign_to)
        for user in self.assign_to:
            self._put(user)
        self._show()

    def edited_in_crm(
        self,
        changes: Mapping[str, Any],
        *,
        added: Iterable[str] = (),
        removed: Iterable[str] = (),
        alarms: Mapping[str, datetime | None] | None = None,
        related: tuple[str, ...] | None = None,
    ) -> None:
        """One change of one task; a delete wins over it (CON-5)."""
        if self.is_over:
            return
        self.content |= changes
        for user in removed:
            self.assign_to.discard(user)
            self.copies.pop(user, None)
        for user, moment in (alarms or {}).items():
            self.alarms[user] = moment
            if user in self.copies and not (self.is_ended and moment is not None):
                self.copies[user].alarm = moment
        self.related = self.related if related is None else related
        for user in set(added) - self.assign_to:
            self.assign_to.add(user)
            self._put(user)
        self._show()

    def deleted_in_crm(self) -> None:
        self.deleted = True
        self.copies.clear()

    def _put(self, user: str) -> None:
        """A copy of ours, with the alarm that the CRM states; the server has none of its own (ALM-8)."""
        if user in self.bank.synchronized:
            alarm = self.alarms.get(user)
            self.copies[user] = TaskCopy(None if self.is_ended else alarm)

    def _show(self) -> None:
        """NOTE-1: in every copy."""
        for copy in self.copies.values():
            copy.block = self.related
