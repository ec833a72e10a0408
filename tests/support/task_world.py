"""A world for the decisions about tasks: some task lists, a CRM, and the link between them, without any I/O.

`world.make("u-anna", subject="Call")` is what somebody does in Outlook, `world.crm_makes(...)` what a CRM user does;
each is followed by what the daemon would decide, write and tell, until nobody has anything more to say. `server` is
what Exchange makes of what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from handlers import task_effects, tasks
from handlers.crm_changes import Kind as Change
from handlers.effects import Operation
from handlers.facts import Facts, User
from handlers.inbound import Surroundings
from handlers.plans import Report
from handlers.policy import Policy
from handlers.task_effects import TaskEffect
from handlers.task_links import TaskLink
from handlers.task_plans import TaskDelete, TaskPlan, TaskUpsert
from handlers.tasks import TaskChange, TaskSighting
from schemas import ids
from schemas.copies import Folder, TaskCopy
from schemas.edits import UNSET, Body, Edit
from schemas.tasks import Task
from tests.support.instant import following, recurring
from tests.support.world import a_user

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
_DERIVED = {"NotStarted": 0.0, "Completed": 100.0}


def as_it_is(copy: TaskCopy) -> TaskCopy:
    """A server that keeps what it is given."""
    return copy


@dataclass
class TaskWorld:
    """One task, wherever it lies. `tail` is what the invariants of `quiet` are judged by."""

    users: tuple[User, ...] = tuple(a_user(f"u-{name}") for name in ("anna", "bob", "cleo"))
    options: dict[str, dict[str, bool]] = field(default_factory=lambda: {"system": {"task_alarms": True}})
    policy: Policy = field(default_factory=Policy)
    server: Callable[[TaskCopy], TaskCopy] = as_it_is
    now: datetime = NOW
    link: TaskLink | None = None
    copies: dict[str, TaskCopy] = field(default_factory=dict)
    crm: Task | None = None
    version: int = 0
    revision: int = 0
    plans: list[TaskPlan] = field(default_factory=list)
    wrote: list[TaskEffect] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    told: list[TaskUpsert | TaskDelete] = field(default_factory=list)
    keys: int = 0

    @property
    def around(self) -> Surroundings:
        facts = Facts(by_id={user.id: user for user in self.users}, options=self.options)
        return Surroundings(facts, self.policy, self.now)

    @property
    def known(self) -> TaskLink:
        assert self.link is not None, "nobody has heard of the task"
        return self.link

    @property
    def last(self) -> Report:
        """What was said last."""
        return next(plan.report for plan in reversed(self.plans) if plan.report is not None)

    # people

    def makes(self, user: str, **shown: Any) -> None:
        """Somebody makes the task in Outlook."""
        mailbox = self._user(user).mailbox or ""
        self.copies[user] = self._changed(TaskCopy(mailbox, f"item-{user}", search_key=f"key-{user}", **shown))
        self.hint(user)

    def edits_copy(self, user: str, *, unnoticed: bool = False, **shown: Any) -> None:
        """Somebody changes his copy."""
        status = {"percent": _DERIVED.get(shown["status"], 50.0)} if "status" in shown else {}
        self.copies[user] = self._changed(replace(self.copies[user], **(status | shown)))
        if not unnoticed:
            self.hint(user)

    def completes(self, user: str, *, unnoticed: bool = False) -> None:
        """Somebody ticks his copy off: a recurring one goes on to its next occurrence."""
        moved_on = following(self.copies[user])
        self.copies[user] = self._changed(moved_on or replace(self.copies[user], status="Completed", percent=100.0))
        if not unnoticed:
            self.hint(user)

    def deletes(self, user: str) -> None:
        """Somebody throws his copy away."""
        self.edits_copy(user, folder=Folder.DELETED_ITEMS)

    def restores(self, user: str) -> None:
        self.edits_copy(user, folder=Folder.TASKS)

    def crm_makes(
        self, *, owner: str = "u-anna", assign_to: tuple[str, ...] = ("u-anna", "u-bob"), **known: Any
    ) -> None:
        """A CRM user makes the task."""
        self.crm_says(Task(owner=owner, assign_to=assign_to, **known))

    def crm_edits(self, **changes: Any) -> None:
        assert self.crm is not None, "the CRM holds no task"
        self.crm_says(replace(self.crm, **changes))

    def crm_says(self, after: Task | None, *, kind: Change = Change.CHANGED) -> None:
        """A CRM user leaves the task like this."""
        before, self.crm = self.crm, after
        self._event(before, after, kind=kind)

    def crm_deletes(self) -> None:
        self.crm_says(None, kind=Change.DELETED)

    # the daemon

    def hint(self, user: str) -> TaskPlan:
        """Something happened to a copy."""
        copy = self.copies.get(user)
        link = self.link or TaskLink(id=ids.link_of_uid(copy.item_id if copy else ""))
        sighting = TaskSighting(self._user(user).mailbox or "", self._user(user), copy)
        return self._carry_out(link, lambda known: tasks.decide_again(known, sighting, was=link, around=self.around))

    def hint_everybody(self) -> None:
        for user in list(self.copies):
            self.hint(user)

    def is_quiet(self) -> bool:
        """Whether nothing comes of it if every copy is looked at again, and the CRM says again what it said last."""
        count = (len(self.wrote), len(self.told), sum(plan.report is not None for plan in self.plans))
        self.hint_everybody()
        self.hint_everybody()
        self._event(self.crm, self.crm, again=True)
        return count == (len(self.wrote), len(self.told), sum(plan.report is not None for plan in self.plans))

    def _carry_out(self, link: TaskLink, decide: Callable[[TaskLink], TaskPlan]) -> TaskPlan:
        for _ in range(4):
            plan = decide(link)
            overtaken = [effect for effect in plan.effects if self._is_overtaken(effect)]
            if not overtaken and not any(effect.moves_on for effect in plan.effects):
                break
            if not overtaken:
                link = self._write_some(link, plan)
            for effect in overtaken:
                user = self._user(effect.user)
                sighting = TaskSighting(effect.mailbox, user, self.copies.get(effect.user))
                link = tasks.refreshed(link, sighting, around=self.around)
        else:
            raise AssertionError("it is never done")
        after = plan.link
        for effect in plan.effects:
            after = self._write(after, effect)
        self.link = replace(after, replicas=tuple(replace(each, unsaid=()) for each in after.replicas))
        self.plans.append(plan)
        if plan.command is not None:
            self._tell(plan.command)
        for effect in plan.effects:
            self.hint(effect.user)
        return plan

    def _is_overtaken(self, effect: TaskEffect) -> bool:
        copy = self.copies.get(effect.user)
        if effect.operation is not Operation.UPDATE or effect.skips:
            return False
        return copy is None or copy.change_key != effect.change_key or copy.folder is Folder.DELETED_ITEMS

    def _write_some(self, link: TaskLink, plan: TaskPlan) -> TaskLink:
        """What is written where a copy moves on with it, so that all is decided again."""
        known = task_effects.claimed(link, plan.link, plan.effects, until=self.now)
        for effect in plan.effects:
            known = self._move_on(known, effect, plan) if effect.moves_on else self._write(known, effect)
        return known

    def _move_on(self, link: TaskLink, effect: TaskEffect, plan: TaskPlan) -> TaskLink:
        copy, wrote = self.copies[effect.user], 0
        if effect.skips:
            while tasks.is_behind(copy, effect.content):
                copy, wrote = following(copy) or copy, wrote + 1
        else:
            edited, wrote = _edited(copy, task_effects.edit_of(effect, copy)), 1
            copy = following(edited) or edited
        if wrote:
            self.wrote.append(effect)
            self.copies[effect.user] = self._changed(copy)
        link = task_effects.counted(link, effect, before=plan.link, wrote=wrote)
        sighting = TaskSighting(effect.mailbox, self._user(effect.user), self.copies[effect.user])
        return tasks.refreshed(link, sighting, around=self.around)

    def _write(self, link: TaskLink, effect: TaskEffect) -> TaskLink:
        self.wrote.append(effect)
        copy = self.copies.get(effect.user)
        if effect.operation is Operation.DELETE:
            if copy is not None:
                self.copies[effect.user] = self._changed(replace(copy, folder=Folder.DELETED_ITEMS))
            return task_effects.deleted(link, effect)
        if effect.operation is Operation.CREATE:
            new = task_effects.new_of(effect)
            assert copy is None or copy.folder is Folder.DELETED_ITEMS, f"{effect.user} would have the task twice"
            copy = TaskCopy(effect.mailbox, f"made-{effect.user}-{self.keys}", marker=new.marker)
            edit = new.edit
        else:
            assert copy is not None
            edit = task_effects.edit_of(effect, copy)
        self.edits.append(edit)
        self.copies[effect.user] = written = self._changed(self.server(_edited(copy, edit)))
        replica = link.replica_of(effect.user)
        assert replica is not None
        known = task_effects.written(replica, effect, item_id=written.item_id, change_key=written.change_key)
        return link.with_replica(known)

    def _tell(self, command: TaskUpsert | TaskDelete) -> None:
        """The CRM takes every command, and says so."""
        self.told.append(command)
        self.revision = command.revision
        if isinstance(command, TaskDelete):
            self.crm = None
            self._event(None, None, ours=True, kind=Change.DELETED)
            return
        base = self.crm or Task()
        names = ["for_" if name == "for" else name for name in command.changed]
        self.crm = replace(base, **{name: getattr(command.task, name) for name in names})
        self._event(base, self.crm, ours=True)

    def _event(
        self,
        before: Task | None,
        after: Task | None,
        *,
        ours: bool = False,
        again: bool = False,
        kind: Change = Change.CHANGED,
    ) -> None:
        self.version += not again
        change = TaskChange(
            id="task-1", version=self.version, kind=kind, ours=ours, revision=self.revision, before=before, after=after
        )
        link = self.link or TaskLink(id=ids.link_of_crm("task-1"))
        self._carry_out(link, lambda known: tasks.decide_change(known, change, around=self.around))

    def _user(self, user_id: str) -> User:
        return next(user for user in self.users if user.id == user_id)

    def _changed(self, copy: TaskCopy) -> TaskCopy:
        self.keys += 1
        return replace(copy, change_key=f"ck-{self.keys}")


_WORDS: Mapping[str, str] = {
    "subject": "subject",
    "importance": "importance",
    "sensitivity": "sensitivity",
    "start_day": "start_day",
    "due_day": "due_day",
    "remind_at": "remind_at",
}


def _edited(copy: TaskCopy, edit: Edit) -> TaskCopy:
    """A copy after a write: exactly the fields of the request, and what a status brings with it."""
    changes: dict[str, Any] = {
        word: getattr(edit, name) for name, word in _WORDS.items() if getattr(edit, name) is not UNSET
    }
    if isinstance(edit.body, Body):
        changes |= {"body": edit.body.text, "html": edit.body.html}
    if isinstance(edit.status, str):
        changes |= {"status": edit.status, "percent": _DERIVED.get(edit.status, 50.0)}
    written = replace(copy, **changes, **recurring(copy, edit))
    return replace(written, start_day=written.start_day or written.due_day) if written.is_recurring else written
