"""Which folder id is which, and where a mailbox keeps calendar items and tasks: asked for now and then (S21a).

A person may have more calendars than one, and may throw one of them away as a whole: what lies anywhere below Deleted
Items is deleted, and every calendar is searched before a meeting counts as absent, every task list before a task does.
Ids change when a mailbox is moved or restored; so an item in a folder nobody knows makes us ask again, but not more
often than every few minutes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from daemon.exchange.ews import failures, listings, payloads
from daemon.exchange.ews.answers import checked
from daemon.exchange.ews.envelopes import Message
from daemon.exchange.ews.failures import Failure, Meaning
from daemon.exchange.ews.listings import ListedFolder
from schemas.copies import Folder, Kind

NAMES = {
    payloads.CALENDAR: Folder.CALENDAR,
    payloads.DELETED_ITEMS: Folder.DELETED_ITEMS,
    payloads.TASKS: Folder.TASKS,
}
FRESH = timedelta(minutes=5)
KEPT = timedelta(hours=1)
MOST_MAILBOXES = 20_000
DEEPEST = 300
"""Levels of folders that Exchange allows; also the way out of a circle."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A mailbox's folders: what is known of them by id, and the ids of those that may hold a calendar item or task."""

    kinds: Mapping[str, Folder]
    calendars: tuple[str, ...]
    task_lists: tuple[str, ...]

    def holding(self, kind: Kind) -> tuple[str, ...]:
        """Where to look for items of a kind."""
        return self.task_lists if kind is Kind.TASK else self.calendars


def named(messages: list[Message]) -> Mapping[str, Folder]:
    """The folders of a GetFolder answer to `NAMES`. A mailbox without tasks is one; Failure for anything else."""
    if len(checked(messages)) != len(NAMES):
        raise Failure("AnswerShort")
    ids: dict[str, Folder] = {}
    for folder, message in zip(NAMES.values(), messages, strict=True):
        if failures.meaning(message.code) is Meaning.FINE:
            ids.update(dict.fromkeys(listings.folder_ids(message), folder))
        elif folder is not Folder.TASKS:
            raise Failure(message.code, message.back_off)
    return ids


def tree(known: Mapping[str, Folder], listed: Iterable[ListedFolder]) -> Tree:
    """What a mailbox's list of folders adds to the ones known by name."""
    by_id = {one.id: one for one in listed}
    deleted = {one for one in by_id if _is_deleted(one, known, by_id)}
    kinds = {**dict.fromkeys(deleted, Folder.DELETED_ITEMS), **known}
    more = [one for one in by_id.values() if one.id not in known]
    return Tree(
        kinds,
        calendars=(*_without(Folder.TASKS, known), *(one.id for one in more if one.is_calendar)),
        task_lists=(*_without(Folder.CALENDAR, known), *(one.id for one in more if one.is_for_tasks)),
    )


def _without(left_out: Folder, known: Mapping[str, Folder]) -> list[str]:
    return [folder_id for folder_id, folder in known.items() if folder is not left_out]


def _is_deleted(folder_id: str, known: Mapping[str, Folder], by_id: Mapping[str, ListedFolder]) -> bool:
    for _ in range(DEEPEST):
        if known.get(folder_id) is Folder.DELETED_ITEMS:
            return True
        if folder_id not in by_id:
            return False
        folder_id = by_id[folder_id].parent
    return False


@dataclass(slots=True)
class Known:
    """The folders of the mailboxes used last."""

    clock: Callable[[], float] = monotonic
    _trees: OrderedDict[str, tuple[Tree, float]] = field(default_factory=OrderedDict)

    def get(self, mailbox: str) -> Tree | None:
        """The folders of a mailbox, if it was asked not too long ago."""
        if self._age(mailbox) > KEPT.total_seconds():
            return None
        self._trees.move_to_end(mailbox)
        return self._trees[mailbox][0]

    def put(self, mailbox: str, known: Tree) -> None:
        """What a mailbox has answered just now."""
        self._trees[mailbox] = known, self.clock()
        self._trees.move_to_end(mailbox)
        while len(self._trees) > MOST_MAILBOXES:
            self._trees.popitem(last=False)

    def forget(self, mailbox: str) -> None:
        """The mailbox does not know its folders by these ids any more."""
        self._trees.pop(mailbox, None)

    def is_fresh(self, mailbox: str) -> bool:
        """Whether asking again would be too soon."""
        return self._age(mailbox) < FRESH.total_seconds()

    def _age(self, mailbox: str) -> float:
        return self.clock() - self._trees[mailbox][1] if mailbox in self._trees else float("inf")
