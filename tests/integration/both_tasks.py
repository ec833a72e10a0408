"""People with tasks on both sides: what they do in Outlook and in the CRM at random, and what the oracle hears of it.

In a round every task has one thing done to it, or two at the same moment: one in somebody's list and one in the CRM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from schemas import ids
from tests.integration.both_players import PRIORITIES, SYNCHRONIZED, UNREACHABLE, UNSYNCHRONIZED, Act, Outlooks, a_bank
from tests.oracle.sides import Bank
from tests.oracle.task_sides import Task
from tests.support import task_invariants
from tests.support.house import House

STATUSES = {
    "outstanding": "NotStarted",
    "tentative": "InProgress",
    "on_hold": "WaitingOnOthers",
    "cancelled": "Deferred",
    "completed": "Completed",
}
_SHARES = (0, 30, 60, 100)
_FIRST_DAY = timedelta(days=30)


@dataclass
class TaskPlayers:
    """Everybody who has tasks, on either side of a house."""

    house: House
    random: Random
    outlooks: Outlooks
    bank: Bank = field(default_factory=a_bank)
    tasks: list[Task] = field(default_factory=list)
    _words: int = 0

    async def make(self) -> None:
        """A new task, on one side or the other."""
        await (self._make_in_outlook() if self.random.random() < 0.4 else self._make_in_crm())

    async def go_on(self) -> list[Act]:
        """Something is done to every task that is not over: in Outlook at once; the CRM's part is handed back."""
        later: list[Act] = []
        for task in self.tasks:
            if task.is_over or task.crm_id is None:
                continue
            where = self.random.choice(["outlook", "crm", "both"])
            if where == "outlook":
                await self.random.choice(self._outlook_acts(task) or [_nothing])()
            elif where == "crm":
                later.append(self._in_crm(task))
            else:
                later.append(await self._both_sides(task))
        return later

    async def _both_sides(self, task: Task) -> Act:
        """At the same moment: content against content, an alarm against an alarm, the end of a copy against an edit."""
        user = self._holder(task)
        if user is None:
            return self._in_crm(task)
        pairs = [self._content_twice, self._content_twice, self._alarm_twice, self._end_and_edit, self._edit_and_end]
        return await self.random.choice(pairs)(task, user)

    async def _content_twice(self, task: Task, user: str) -> Act:
        names = self.random.sample(list(task.content), self.random.randint(1, 2))
        await self._edit_in_outlook(task, user, self._changes(task, *names))
        same = dict.fromkeys([*names, self.random.choice(list(task.content))])
        return self._edit_in_crm(task, self._changes(task, *same))

    async def _alarm_twice(self, task: Task, user: str) -> Act:
        if task.is_ended:
            return self._content_in_crm(task)
        await self._set_reminder(task, user)
        other = self.random.choice(sorted(task.copies))
        return self._edit_in_crm(task, {}, alarms={other: self._alarm()})

    async def _end_and_edit(self, task: Task, user: str) -> Act:
        await self._drop(task, user)
        return self._content_in_crm(task)

    async def _edit_and_end(self, task: Task, user: str) -> Act:
        await self._edit_in_outlook(task, user, self._changes(task, "subject"))
        return self._delete_in_crm(task)

    # in Outlook

    async def _make_in_outlook(self) -> None:
        user = f"u-{self.random.choice(SYNCHRONIZED)}"
        content = self._content() | {"status": "outstanding"}
        alarm = self.random.choice([None, self._alarm()])
        start, due = content["days"]
        task_id = await self.house.does(
            self.outlooks(user).make_task,
            content["subject"],
            start=start,
            due=due,
            reminder=alarm,
            private=content["restricted"],
            body=content["notes"],
            importance=PRIORITIES[content["priority"]],
        )
        task = Task(self.bank, content, born_as=task_id)
        task.made_in_outlook(user, alarm=alarm)
        self._note(task, f"made in Outlook by {user}, alarm {alarm}")
        self.tasks.append(task)

    def _outlook_acts(self, task: Task) -> list[Act]:
        user = self._holder(task)
        if user is None:
            return []
        one, two = self.random.sample(list(task.content), 2)
        acts: list[Act] = [
            lambda: self._edit_in_outlook(task, user, self._changes(task, one)),
            lambda: self._edit_in_outlook(task, user, self._changes(task, one, two)),
            lambda: self._complete(task, user),
            lambda: self._work_on(task, user),
        ]
        acts += [] if task.is_ended else [lambda: self._set_reminder(task, user)]
        acts += [lambda: self._drop(task, user)] if self.random.random() < 0.3 else []
        return acts

    async def _edit_in_outlook(self, task: Task, user: str, changes: Mapping[str, Any]) -> None:
        await self._acts(task, user, "edit_task", **_in_outlooks_words(changes))
        task.edited_in_outlook(user, changes)
        self._note(task, f"{user} edited {dict(changes)}")

    async def _complete(self, task: Task, user: str) -> None:
        await self._acts(task, user, "complete_task")
        task.edited_in_outlook(user, {"status": "completed"})
        self._note(task, f"{user} completed it")

    async def _work_on(self, task: Task, user: str) -> None:
        percent = self.random.choice(_SHARES)
        await self._acts(task, user, "edit_task", percent_complete=Decimal(percent))
        task.worked_on(user, percent)
        self._note(task, f"{user} has done {percent} percent")

    async def _set_reminder(self, task: Task, user: str) -> None:
        moment = self._alarm()
        await self._acts(task, user, "set_task_reminder", moment)
        task.set_reminder(user, moment)
        self._note(task, f"{user} set his reminder to {moment}")

    async def _drop(self, task: Task, user: str) -> None:
        await self._acts(task, user, "delete_task")
        task.dropped(user)
        self._note(task, f"{user} deleted his copy")

    async def _acts(self, task: Task, user: str, act: str, *args: Any, **kwargs: Any) -> None:
        record = next(each for each in self.house.crm.items() if each["id"] == task.crm_id)
        mailbox = f"{user.removeprefix('u-')}@bank.example"
        [copy] = task_invariants.copies_of(self.house, record, mailbox)
        await self.house.does(getattr(self.outlooks(user), act), copy.id, *args, **kwargs)

    # in the CRM

    async def _make_in_crm(self) -> None:
        owner = f"u-{self.random.choice([*SYNCHRONIZED, *SYNCHRONIZED, UNREACHABLE])}"
        others = self.random.sample([*SYNCHRONIZED, UNSYNCHRONIZED], self.random.randint(0, 3))
        assign_to = sorted({owner, *(f"u-{name}" for name in others)})
        content = self._content()
        alarms = {user: self._alarm() for user in self.random.sample(assign_to, self.random.randint(0, len(assign_to)))}
        related = (self._word(),) if self.random.random() < 0.4 else ()
        item = _in_crms_words(content) | {
            "owner": owner,
            "assign_to": assign_to,
            "alarms": _alarms_in_crms_words(alarms),
            "related": _related(related),
        }
        record = await self.house.crm.create({"actor": {"user": owner}, "kind": "task", "item": item})
        task = Task(self.bank, content, crm_id=record["id"], alarms=dict(alarms), related=related)
        task.made_in_crm(owner=owner, assign_to=assign_to)
        self._note(task, f"made in the CRM by {owner}, {assign_to}, alarms {alarms}, related {related}")
        self.tasks.append(task)

    def _in_crm(self, task: Task) -> Act:
        """One thing a CRM user does."""
        acts: list[Callable[[Task], Act]] = [self._content_in_crm, self._content_in_crm, self._alarm_in_crm]
        acts += [self._related_in_crm, self._people_in_crm]
        acts += [self._delete_in_crm] if self.random.random() < 0.2 else []
        return self.random.choice(acts)(task)

    def _content_in_crm(self, task: Task) -> Act:
        names = self.random.sample(list(task.content), self.random.randint(1, 3))
        return self._edit_in_crm(task, self._changes(task, *names))

    def _alarm_in_crm(self, task: Task) -> Act:
        users = sorted(task.copies)
        if not users:
            return self._content_in_crm(task)
        return self._edit_in_crm(task, {}, alarms={self.random.choice(users): self._alarm()})

    def _related_in_crm(self, task: Task) -> Act:
        return self._edit_in_crm(task, {}, related=tuple(self._word() for _ in range(self.random.randint(0, 2))))

    def _people_in_crm(self, task: Task) -> Act:
        free = [f"u-{name}" for name in (*SYNCHRONIZED, UNSYNCHRONIZED) if f"u-{name}" not in task.assign_to]
        there = sorted(task.assign_to)
        if len(there) > 1 and (not free or self.random.random() < 0.5):
            return self._edit_in_crm(task, {}, removed=[self.random.choice(there)])
        return self._edit_in_crm(task, {}, added=[self.random.choice(free)] if free else [])

    def _edit_in_crm(self, task: Task, changes: Mapping[str, Any], **more: Any) -> Act:
        """A CRM user's edit, made later; the oracle hears of it at once."""
        shown = next((each["item"] for each in self.house.crm.items() if each["id"] == task.crm_id), {})
        news = {name: value for name, value in changes.items() if value != _shown(shown, name)}
        held = shown.get("alarms") or {}
        stated = {user: moment for user, moment in more.get("alarms", {}).items() if not _is_held(held, user, moment)}
        told = more | ({"alarms": stated} if "alarms" in more else {})
        task.edited_in_crm(news, **told)  # who states what the CRM holds changes nothing
        self._note(task, f"CRM edited {dict(changes)} {more}")

        async def edit() -> None:
            shown = next(each["item"] for each in self.house.crm.items() if each["id"] == task.crm_id)
            fields = _in_crms_words(changes)
            if "added" in more or "removed" in more:
                users = (set(shown["assign_to"]) | set(more.get("added", ()))) - set(more.get("removed", ()))
                fields["assign_to"] = sorted(users)
            if "alarms" in more:
                fields["alarms"] = (shown.get("alarms") or {}) | _alarms_in_crms_words(more["alarms"])
            if "related" in more:
                fields["related"] = _related(more["related"])
            await self.house.crm.edit(task.crm_id or "", {"actor": {"user": "u-anna"}, "item": fields})

        return edit

    def _delete_in_crm(self, task: Task) -> Act:
        task.deleted_in_crm()
        self._note(task, "CRM deleted it")

        async def delete() -> None:
            await self.house.crm.delete(task.crm_id or "", {"actor": {"user": "u-anna"}})

        return delete

    # who and what

    def learn_ids(self) -> None:
        """The CRM's ids of what was made in Outlook."""
        by_link = {each["link"]: each["id"] for each in self.house.crm.items()}
        for task in self.tasks:
            if task.crm_id is None and task.born_as is not None:
                task.crm_id = by_link.get(ids.link_of_uid(task.born_as))

    def _holder(self, task: Task) -> str | None:
        return self.random.choice(sorted(task.copies)) if task.copies else None

    def _content(self) -> dict[str, Any]:
        first = self.house.clock().date() + _FIRST_DAY + timedelta(days=self.random.randint(0, 40))
        due = first + timedelta(days=self.random.randint(0, 5))
        return {
            "subject": f"Task {self._word()}",
            "notes": f"Notes on {self._word()}",
            "days": self.random.choice([(first, due), (None, due), (None, None)]),
            "priority": self.random.choice("ABBC"),
            "status": self.random.choice(["outstanding", "outstanding", *STATUSES]),
            "restricted": self.random.random() < 0.2,
        }

    def _changes(self, task: Task, *names: str) -> dict[str, Any]:
        """New values of these fields."""
        fresh = self._content() | {"restricted": not task.content["restricted"]}
        for name, values in (("priority", "ABC"), ("status", list(STATUSES))):
            fresh[name] = self.random.choice([each for each in values if each != task.content[name]])
        return {name: fresh[name] for name in names}

    def _alarm(self) -> datetime | None:
        morning = self.house.clock().replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(days=20)
        return self.random.choice([None, *(morning + timedelta(hours=hours) for hours in (0, 5, 29))])

    def _word(self) -> str:
        self._words += 1
        return f"t{self._words:04d}{self.random.randrange(16**4):04x}"

    def _note(self, task: Task, what: str) -> None:
        task.log.append(what)


async def _nothing() -> None:
    """Nobody does anything."""


def days_of(item: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """Start and due of the CRM's item."""
    start, due = (date.fromisoformat(item[name]) if item.get(name) else None for name in ("start", "due"))
    return start, due


def _shown(item: Mapping[str, Any], name: str) -> object:
    return days_of(item) if name == "days" else item.get(name)


def _is_held(alarms: Mapping[str, str | None], user: str, moment: datetime | None) -> bool:
    known = alarms.get(user, "")
    return known != "" and (known and datetime.fromisoformat(known)) == moment


def _alarms_in_crms_words(alarms: Mapping[str, datetime | None]) -> dict[str, str | None]:
    return {user: moment and moment.isoformat() for user, moment in alarms.items()}


def _related(titles: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"kind": "opportunity", "id": f"o-{title}", "title": title} for title in titles]


def _in_crms_words(content: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(content)
    if "days" in fields:
        fields["start"], fields["due"] = (day and day.isoformat() for day in fields.pop("days"))
    return fields


def _in_outlooks_words(content: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(content)
    if "days" in fields:
        start, due = fields.pop("days")
        fields |= {"start_date": start, "due_date": due}
    if "notes" in fields:
        fields["body"] = fields.pop("notes")
    if "priority" in fields:
        fields["importance"] = PRIORITIES[fields.pop("priority")]
    if "status" in fields:
        fields["status"] = STATUSES[fields["status"]]
    if "restricted" in fields:
        fields["sensitivity"] = "Private" if fields.pop("restricted") else "Normal"
    return fields
