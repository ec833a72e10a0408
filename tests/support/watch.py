"""What must be written down while a house is lived in, so that its invariants can be judged afterwards.

Hints for the second pass, the ends that people made for the deletes, every write of the service account with what was
there before and after it, every mail with the request that sent it, every log line for the canaries.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from daemon.observe import logs
from daemon.sandbox.exchange import ExchangeSandbox
from daemon.sandbox.exchange.delegates import Delegates, Rights
from daemon.sandbox.exchange.items import Cause, Change, ChangeKind, Item, Mail
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.world import World

CALENDAR = "IPF.Appointment"

_OPERATIONS = {"CreateItem": "create", "UpdateItem": "update", "DeleteItem": "delete"}
_WATCHED = (ItemKind.CALENDAR_ITEM, ItemKind.TASK)

HeldHint = tuple[str, bytes, bytes, list[tuple[str, bytes]]]


Pairs = frozenset[tuple[str, str]]
"""Principals and their delegates, as users."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one request of an account did to one calendar item or task; `before` None: it made it, `after` None: it is
    gone. `call` is the request, the same object for whatever else it did; `granted`: who might act for whom then.
    """

    account: str
    operation: str
    before: Item | None
    after: Item | None
    call: Cause | None = None
    granted: Pairs | None = None

    @property
    def item(self) -> Item:
        """The item as it was last."""
        item = self.after or self.before
        assert item is not None
        return item


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail, and the request that sent it."""

    mail: Mail
    call: Cause | None


@dataclass(frozen=True, slots=True)
class Delegated:
    """What became of one delegate of a mailbox: `add`, `update` or `remove`, and by whose request."""

    operation: str
    mailbox: str
    account: str


class _Delegates(Delegates):
    """The sandbox's delegates; whoever asked to hears of each that comes, changes or goes."""

    def __init__(self, heard: Callable[[str, str], None]) -> None:
        super().__init__()
        self._heard = heard

    def add(self, principal: str, delegate: str, rights: Rights) -> None:
        super().add(principal, delegate, rights)
        self._heard("add", principal)

    def update(self, principal: str, delegate: str, rights: Rights) -> None:
        super().update(principal, delegate, rights)
        self._heard("update", principal)

    def remove(self, principal: str, delegate: str) -> None:
        super().remove(principal, delegate)
        self._heard("remove", principal)


class _Mails(list[Mail]):
    """The sandbox's mails; whoever asked to hears of each."""

    def __init__(self, heard: Callable[[Mail], None]) -> None:
        super().__init__()
        self._heard = heard

    def append(self, mail: Mail, /) -> None:
        super().append(mail)
        self._heard(mail)


@dataclass
class Watch:
    """What happened in a house, as its people did it. `born` is the id that an item had before it was ever moved."""

    hints: list[HeldHint] = field(default_factory=list)
    service: str = ""  # whose doings are no people's
    ends: set[tuple[str, str]] = field(default_factory=set)  # (UID, mailbox) of copies that people deleted or cancelled
    seen: set[tuple[str, str]] = field(default_factory=set)  # (UID, mailbox) of every copy that ever lay in a calendar
    ended: list[Item] = field(default_factory=list)  # the same as items, and tasks
    written: list[Written] = field(default_factory=list)
    logged: io.StringIO = field(default_factory=io.StringIO)
    canaries: dict[str, str | None] = field(default_factory=dict)  # word: the UID whose commands may hold it
    excused: dict[str, str] = field(default_factory=dict)  # UIDs that need not agree with Exchange, and why
    restored: bool = False  # a store was put back: what is read again is said again, as it is by then
    born: dict[str, str] = field(default_factory=dict)
    mailed: list[Mailed] = field(default_factory=list)
    delegated: list[Delegated] = field(default_factory=list)
    granted: Callable[[], Pairs] | None = None  # who may act for whom at this moment; None: it cannot be seen
    _items: dict[str, Item] = field(default_factory=dict)

    def attach(self, sandbox: ExchangeSandbox) -> None:
        """Everything that happens in it from now on."""
        sandbox.listen(partial(self.follow, sandbox))
        sandbox.world.mails = _Mails(lambda mail: self.mailed.append(Mailed(mail, sandbox.serving)))
        sandbox.world.delegates = _Delegates(partial(self._note_delegate, sandbox))

    def follow(self, sandbox: ExchangeSandbox, change: Change) -> None:
        """Notes who did what, and an end: an item that is deleted, leaves its folders, or is cancelled."""
        world, known = sandbox.world, change.old_item_id or change.item_id
        before = self._items.pop(known, None)
        is_gone = change.kind is ChangeKind.DELETED
        after = None if is_gone else world.item(change.mailbox, change.item_id)
        if (after or before) is None or (after or before).kind not in _WATCHED:  # type: ignore[union-attr]
            return
        if after is not None:
            self._items[after.id] = after
            self.born[after.id] = self.born.get(known, known)
        if before == after:
            return  # the world tells of a creation twice
        serving = sandbox.serving
        if serving is not None and not (before is None and serving.operation == "UpdateItem"):  # left behind by a task
            operation = _OPERATIONS.get(serving.operation, serving.operation)
            if operation == "delete" and after is not None and _is_in_place(world, after):
                operation = "update"  # of a series, of which an occurrence was deleted
            self._note(Written(serving.account, operation, before, after, serving))
        if after is not None and after.kind is ItemKind.CALENDAR_ITEM:
            self.seen.add((after.uid, after.mailbox))
        if serving is None or serving.account != self.service:
            self._note_end(world, before, after)

    def _note(self, done: Written) -> None:
        """One request is one write to an item, in however many steps."""
        for at in range(len(self.written) - 1, -1, -1):
            last = self.written[at]
            if last.call is not done.call:
                break
            if last.after is not None and done.before is not None and last.after.id == done.before.id:
                operation = "create" if last.before is None else done.operation
                self.written[at] = replace(last, operation=operation, after=done.after)
                return
        for_another = done.account == self.service and done.call is not None and done.call.mailbox != done.item.mailbox
        granted = self.granted() if for_another and self.granted is not None else None
        self.written.append(replace(done, granted=granted))

    def _note_delegate(self, sandbox: ExchangeSandbox, operation: str, mailbox: str) -> None:
        account = sandbox.serving.account if sandbox.serving is not None else ""
        self.delegated.append(Delegated(operation, mailbox, account))

    def _note_end(self, world: World, before: Item | None, after: Item | None) -> None:
        last = after or before
        assert last is not None
        if after is not None and not after.is_cancelled and _is_in_place(world, after):
            return
        self.ended.append(last)
        if last.kind is ItemKind.CALENDAR_ITEM:
            self.ends.add((last.uid, last.mailbox))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keeps every line that a daemon logs, as a daemon writes it; afterwards logging is as it was."""
        root, before = logging.getLogger(), structlog.get_config()
        handlers, level = root.handlers[:], root.level
        logs.configure("debug", form="json", stream=self.logged)
        try:
            yield
        finally:
            structlog.configure(**before)
            logging.captureWarnings(False)
            root.handlers[:] = handlers
            root.setLevel(level)


def is_in_a_calendar(world: World, item: Item) -> bool:
    """Whether the item lies in the calendar or a folder like it."""
    return world.folder_by_id(item.folder).folder_class == CALENDAR


def _is_in_place(world: World, item: Item) -> bool:
    if item.kind is ItemKind.CALENDAR_ITEM:
        return is_in_a_calendar(world, item)
    return world.folder_by_id(item.folder).name != "deleteditems"
