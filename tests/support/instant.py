"""An Exchange in memory that answers at once, in canonical copies.

For benches, which measure the daemon and nothing else, and for tests of the daemon's parts. What a real one would do
between mailboxes is the sandbox's business: here lies what was put or written here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count
from typing import Any, TypeVar

from daemon.exchange.port import (
    Answer,
    Changed,
    ExchangeError,
    Gone,
    Missing,
    NotAllowed,
    Rejected,
    TaskAnswer,
    Unreadable,
    Written,
)
from handlers import patterns
from handlers.pattern_days import PatternDays
from handlers.recurrences import Series
from schemas.copies import Attendee, Copy, Folder, Kind, Role, Shape, TaskCopy
from schemas.delegates import CUSTOM, EDITOR, NO_RIGHTS, UNSAID, Delegates, Rights
from schemas.edits import UNSET, Edit, New
from schemas.items import Response
from schemas.sending import SILENT, Sending, Whom

Item = Copy | TaskCopy

FOLDERS = ("calendar", "tasks", "inbox", "contacts", "notes", "journal")
TODAY = date(2026, 12, 1)  # when a task is completed
SAME_NAME = ("subject", "importance", "sensitivity", "location", "attendees", "reminder")
SAME_NAME_IN_TASKS = ("subject", "importance", "sensitivity", "start_day", "due_day", "remind_at")


@dataclass(frozen=True)
class Call:
    """One service call: its operation, whose mailbox, and what was asked for."""

    operation: str
    mailbox: str
    asked: tuple[str, ...]


@dataclass(frozen=True)
class Mail:
    """What Exchange sent out for one write: from whom, who sent it in his place, and to whom."""

    mailbox: str
    sender: str
    recipients: tuple[str, ...]
    operation: str
    uid: str


NOT_OF_OCCURRENCES: dict[str, Any] = {"recurrence": None, "exceptions": (), "deleted_starts": (), "unread": ()}
"""What a master alone has."""

Laid = TypeVar("Laid", bound=Item)


class InstantExchange:
    """See `daemon.exchange.port.Exchange`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.names: dict[str, tuple[str, ...]] = {}
        self.answers: dict[str, Answer] = {}  # by item id: answered instead of what lies there
        self.delegated: defaultdict[str, dict[str, Rights]] = defaultdict(dict)  # by mailbox and delegate
        self.deliver: dict[str, str] = {}  # by mailbox: who gets its meeting requests
        self.mails: list[Mail] = []
        self._told: defaultdict[tuple[str, str], set[str]] = defaultdict(set)  # by mailbox and UID: who was mailed
        self.failures: deque[ExchangeError] = deque()  # of the next calls
        self.lost: deque[ExchangeError] = deque()  # answers of the next writes, which are carried out
        self.hold: asyncio.Event | None = None  # calls wait for it
        self.called = asyncio.Event()
        self._items: dict[tuple[str, str], Item] = {}
        self._of_meeting: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._change_keys = count(1)
        self._ids = count(1)

    def put(self, item: Laid) -> Laid:
        """Lays an item into its mailbox, or in the place of the one with its item id."""
        laid = replace(item, change_key=f"ck-{next(self._change_keys)}")
        self._items[item.mailbox, item.item_id] = laid
        for name in _found_by(item):
            self._of_meeting[item.mailbox, name].add(item.item_id)
        return laid

    def remove(self, item: Item) -> None:
        """Takes an item away for good."""
        del self._items[item.mailbox, item.item_id]
        for name in _found_by(item):
            self._of_meeting[item.mailbox, name].discard(item.item_id)

    def items(self, mailbox: str) -> list[Item]:
        """What lies in a mailbox, in the order in which it came."""
        return [item for (owner, _), item in self._items.items() if owner == mailbox]

    def count(self, operation: str) -> int:
        """How many calls of one operation there were."""
        return sum(call.operation == operation for call in self.calls)

    async def get(self, mailbox: str, item_ids: Sequence[str]) -> tuple[Answer, ...]:
        await self._called("get", mailbox, tuple(item_ids))
        return tuple(self._answer(mailbox, item_id) for item_id in item_ids)

    async def occurrence(self, mailbox: str, master_id: str, index: int) -> Answer:
        await self._called("occurrence", mailbox, (f"{master_id}/{index}",))
        return self._occurrence(mailbox, master_id, index) or Gone(master_id)

    async def get_tasks(self, mailbox: str, item_ids: Sequence[str]) -> tuple[TaskAnswer, ...]:
        await self._called("get_tasks", mailbox, tuple(item_ids))
        return tuple(self._task(mailbox, item_id) for item_id in item_ids)

    async def find_by_uid(self, mailbox: str, uid: str) -> tuple[Answer, ...]:
        await self._called("find_by_uid", mailbox, (uid,))
        return tuple(one for one in self._found(mailbox, f"uid {uid}") if isinstance(one, Copy))

    async def find_by_marker(self, mailbox: str, marker: str, kind: Kind) -> tuple[Answer | TaskAnswer, ...]:
        await self._called("find_by_marker", mailbox, (marker,))
        wanted = TaskCopy if kind is Kind.TASK else Copy
        return tuple(one for one in self._found(mailbox, f"marker {marker}") if isinstance(one, wanted))

    async def create(self, mailbox: str, new: New, *, sending: Sending = SILENT) -> Written:
        await self._called("create", mailbox, (new.marker,))
        self._allow(mailbox, sending)
        item_id = f"new-{next(self._ids)}"
        if new.kind is Kind.TASK:
            blank: Item = TaskCopy(mailbox, item_id, marker=new.marker, search_key=item_id.encode().hex().upper())
        else:
            me = Attendee(Role.ORGANIZER, address=mailbox, response=Response.ORGANIZER)
            blank = Copy(
                mailbox,
                item_id,
                uid=new.uid or item_id,
                marker=new.marker,
                organizer=me,
                my_response=Response.ORGANIZER,
                reminder=15,
            )
        made = edited(blank, new.edit)
        self._send("create", None, made, sending=sending)
        return self._written(made)

    async def update(
        self,
        mailbox: str,
        item: Written,
        edit: Edit,
        *,
        kind: Kind = Kind.SCHEDULE_ITEM,
        sending: Sending = SILENT,
    ) -> Written:
        await self._called("update", mailbox, (item.item_id,))
        if "/" in item.item_id:
            return self._customized(mailbox, item, edit, sending=sending)
        there = self._there(mailbox, item.item_id)
        self._allow(mailbox, sending, there)
        if isinstance(there, TaskCopy) is not (kind is Kind.TASK):
            raise AssertionError("a task is written as a task, a calendar item as a calendar item")
        if there.change_key != item.change_key:
            raise Changed(mailbox, "ErrorIrresolvableConflict")
        if edit.is_empty:
            return item
        self._send("update", there, edited(there, edit), sending=sending)
        return self._written(edited(there, edit))

    async def delete(self, mailbox: str, item_id: str, *, sending: Sending = SILENT) -> None:
        await self._called("delete", mailbox, (item_id,))
        if "/" in item_id:
            self._without(mailbox, item_id, sending=sending)
            return
        there = self._there(mailbox, item_id)
        self._allow(mailbox, sending, there)
        self.remove(there)
        self._send("delete", there, None, sending=sending)
        if there.folder is not Folder.DELETED_ITEMS:
            self.put(replace(there, item_id=f"{item_id}-deleted", folder=Folder.DELETED_ITEMS))
        self._lose_answer()

    async def skip(self, mailbox: str, task_id: str) -> None:
        await self._called("skip", mailbox, (task_id,))
        there = self._there(mailbox, task_id)
        assert isinstance(there, TaskCopy), "a calendar item has no current occurrence"
        moved_on = following(there)
        if moved_on is None:
            raise Rejected(mailbox, "ErrorCannotDeleteTaskOccurrence")
        self.put(moved_on)
        self._lose_answer()

    async def delegates(self, mailbox: str) -> Delegates:
        await self._called("delegates", mailbox, ())
        return Delegates(self.deliver.get(mailbox, "NoForward"), dict(self.delegated[mailbox]))

    async def add_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        await self._called("add_delegate", mailbox, (delegate,))
        if delegate in self.delegated[mailbox]:
            raise Changed(mailbox, "ErrorDelegateAlreadyExists")
        self._delegate(mailbox, delegate, rights, deliver=deliver)

    async def update_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        await self._called("update_delegate", mailbox, (delegate,))
        self._delegate_there(mailbox, delegate)
        self._delegate(mailbox, delegate, rights, deliver=deliver)

    async def remove_delegate(self, mailbox: str, delegate: str) -> None:
        await self._called("remove_delegate", mailbox, (delegate,))
        self._delegate_there(mailbox, delegate)
        del self.delegated[mailbox][delegate]
        self._lose_answer()

    async def resolve(self, mailbox: str, name: str) -> tuple[str, ...]:
        await self._called("resolve", mailbox, (name,))
        return self.names.get(name, ())

    async def probe(self) -> None:
        await self._called("probe", "", ())

    async def close(self) -> None:
        """Nothing is open."""

    def _answer(self, mailbox: str, item_id: str) -> Answer:
        there = self._items.get((mailbox, item_id))
        if isinstance(there, TaskCopy):
            there = Copy(mailbox, item_id, there.change_key, Kind.TASK, folder=there.folder, marker=there.marker)
        return self.answers.get(item_id) or there or Gone(item_id)

    def _occurrence(self, mailbox: str, master_id: str, index: int) -> Copy | None:
        """An occurrence, its id made of the master's and its number; None if there is none, or none any more."""
        master = self._items.get((mailbox, master_id))
        if not isinstance(master, Copy) or master.recurrence is None or master.start is None:
            return None
        start = Series(master.recurrence, master.start, master.zone).start_of(index)
        if start is None or start in master.deleted_starts:
            return None
        alike = replace(
            master,
            item_id=f"{master_id}/{index}",
            shape=Shape.OCCURRENCE,
            original_start=start,
            start=start,
            end=start + (master.end - master.start),
            **NOT_OF_OCCURRENCES,
        )
        return next((one for one in master.exceptions if one.original_start == start), alike)

    def _customized(self, mailbox: str, item: Written, edit: Edit, *, sending: Sending) -> Written:
        master, occurrence = self._of_series(mailbox, item.item_id)
        self._allow(mailbox, sending, master)
        if occurrence.change_key != item.change_key:
            raise Changed(mailbox, "ErrorIrresolvableConflict")
        exception = replace(edited(occurrence, edit), shape=Shape.EXCEPTION)
        self._send("update", occurrence, exception, sending=sending)
        others = (one for one in master.exceptions if one.original_start != occurrence.original_start)
        laid = self.put(replace(master, exceptions=in_order([*others, exception])))
        same_key = tuple(replace(one, change_key=laid.change_key) for one in laid.exceptions)
        self._items[mailbox, laid.item_id] = replace(laid, exceptions=same_key)
        self._lose_answer()
        return Written(item.item_id, laid.change_key)

    def _without(self, mailbox: str, item_id: str, *, sending: Sending) -> None:
        master, occurrence = self._of_series(mailbox, item_id)
        self._allow(mailbox, sending, master)
        self._send("delete", occurrence, None, sending=sending)
        left = (one for one in master.exceptions if one.original_start != occurrence.original_start)
        gone = tuple(sorted({*master.deleted_starts, occurrence.original_start}))
        self.put(replace(master, exceptions=in_order(left), deleted_starts=gone))
        self._lose_answer()

    def _of_series(self, mailbox: str, item_id: str) -> tuple[Copy, Copy]:
        master_id, _, index = item_id.rpartition("/")
        occurrence = self._occurrence(mailbox, master_id, int(index))
        if occurrence is None:
            raise Missing(mailbox, "ErrorItemNotFound")
        return self._items[mailbox, master_id], occurrence

    def _task(self, mailbox: str, item_id: str) -> TaskAnswer:
        answer = self.answers.get(item_id) or self._items.get((mailbox, item_id)) or Gone(item_id)
        return Unreadable(item_id, "no_task") if isinstance(answer, Copy) else answer

    def _found(self, mailbox: str, name: str) -> list[Item]:
        found = [self._items[mailbox, item_id] for item_id in sorted(self._of_meeting[mailbox, name])]
        return sorted(found, key=lambda item: item.folder is Folder.DELETED_ITEMS)

    def _there(self, mailbox: str, item_id: str) -> Item:
        there = self._items.get((mailbox, item_id))
        if there is None:
            raise Missing(mailbox, "ErrorItemNotFound")
        return there

    def _written(self, item: Item) -> Written:
        laid = self.put(item)
        self._lose_answer()
        return Written(laid.item_id, laid.change_key)

    def _allow(self, mailbox: str, sending: Sending, there: Item | None = None) -> None:
        """As of Exchange: a delegate needs the right to the calendar, and does not see what is private."""
        if not sending.acting:
            return
        rights = self.delegated[mailbox].get(sending.acting, NO_RIGHTS)
        if rights.calendar != EDITOR:
            raise NotAllowed(mailbox, "ErrorAccessDenied")
        if there is not None and there.sensitivity == "Private" and not rights.sees_private:
            raise NotAllowed(mailbox, "ErrorItemNotFound")

    def _send(self, operation: str, before: Item | None, after: Item | None, *, sending: Sending) -> None:
        """Mails whom Exchange would: who is new to the meeting, with `all` who stays in it, too, and of those who are
        in it no more whoever was told of it before."""
        there = after or before
        if not sending.mails or not isinstance(there, Copy) or (after is None and sending.to is Whom.ADDED):
            return
        told, were, are = self._told[there.mailbox, there.uid], _invited(before), _invited(after)
        reached = are if sending.to is Whom.ALL else are - were
        recipients = reached | (told & were - are)
        told |= reached
        if recipients:
            sender = sending.acting or there.mailbox
            self.mails.append(Mail(there.mailbox, sender, tuple(sorted(recipients)), operation, there.uid))

    def _delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        before = self.delegated[mailbox].get(delegate, NO_RIGHTS)
        left = {name: getattr(before, name) for name in FOLDERS if getattr(rights, name) in (CUSTOM, UNSAID)}
        self.delegated[mailbox][delegate] = replace(rights, **left)
        if deliver:
            self.deliver[mailbox] = deliver
        self._lose_answer()

    def _delegate_there(self, mailbox: str, delegate: str) -> None:
        if delegate not in self.delegated[mailbox]:
            raise Missing(mailbox, "ErrorNotDelegate")

    def _lose_answer(self) -> None:
        if self.lost:
            raise self.lost.popleft()

    async def _called(self, operation: str, mailbox: str, asked: tuple[str, ...]) -> None:
        self.calls.append(Call(operation, mailbox, asked))
        self.called.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.failures:
            raise self.failures.popleft()


def edited(item: Item, edit: Edit) -> Item:
    """The item with the fields of an edit, as a server that rewrites nothing keeps it."""
    names = SAME_NAME_IN_TASKS if isinstance(item, TaskCopy) else SAME_NAME
    given: dict[str, Any] = {name: getattr(edit, name) for name in names if getattr(edit, name) is not UNSET}
    if edit.body is not UNSET:
        given |= {"body": edit.body.text, "html": edit.body.html}
    if isinstance(item, TaskCopy):
        return replace(item, **given, **_status(item, edit), **recurring(item, edit))
    if edit.times is not UNSET:
        times = edit.times
        given |= {"start": times.start, "end": times.end, "all_day": times.all_day}
        given |= {"zone": times.zone, "zone_id": times.zone} if times.zone else {}
    if edit.recurrence is not UNSET:
        shape = Shape.SINGLE if edit.recurrence is None else Shape.MASTER
        given |= {**NOT_OF_OCCURRENCES, "recurrence": edit.recurrence, "shape": shape}
    if edit.attendees is not UNSET:
        given["is_meeting"] = bool(edit.attendees)
    return replace(item, **given)


def recurring(task: TaskCopy, edit: Edit) -> dict[str, Any]:
    """A pattern that is written, counted from the days that are written with it."""
    if edit.recurrence is UNSET:
        return {}
    day = next((each for each in (edit.start_day, edit.due_day) if isinstance(each, date)), None)
    pattern = edit.recurrence and patterns.stated(edit.recurrence, day)
    return {"recurrence": pattern, "recurs_from": day, "is_recurring": pattern is not None}


def following(task: TaskCopy) -> TaskCopy | None:
    """The task as it is at its next occurrence; None if it shows the last."""
    day = task.start_day or task.due_day
    if task.recurrence is None or task.recurs_from is None or day is None:
        return None
    days = PatternDays(task.recurrence, task.recurs_from)
    later = next((each for _, each in days.numbered(day + timedelta(days=1))), None)
    if later is None:
        return None
    return replace(
        task,
        start_day=task.start_day and task.start_day + (later - day),
        due_day=task.due_day and task.due_day + (later - day),
        remind_at=task.remind_at and task.remind_at + (later - day),
        status="NotStarted",
        percent=0.0,
        completed_on=None,
    )


def in_order(exceptions: Iterable[Copy]) -> tuple[Copy, ...]:
    return tuple(sorted(exceptions, key=lambda one: str(one.original_start)))


def _status(task: TaskCopy, edit: Edit) -> dict[str, Any]:
    """The status, and what follows from it."""
    if edit.status is UNSET:
        return {}
    if edit.status == "Completed":
        return {"status": "Completed", "percent": 100.0, "completed_on": task.completed_on or TODAY}
    is_begun = edit.status != "NotStarted" and task.percent < 100
    return {"status": edit.status, "percent": task.percent if is_begun else 0.0, "completed_on": None}


def _invited(item: Item | None) -> frozenset[str]:
    """The addresses of whoever takes part besides the organizer; there are none of a task."""
    return frozenset(one.address for one in item.attendees) if isinstance(item, Copy) else frozenset()


def _found_by(item: Item) -> list[str]:
    """The names under which a search finds an item."""
    names = [f"marker {item.marker}"] if item.marker is not None else []
    return [*names, f"uid {item.uid}"] if isinstance(item, Copy) else names
