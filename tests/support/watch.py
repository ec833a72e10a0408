"""What must be written down while a house is lived in, so that its invariants can be judged afterwards.

Hints for the second pass, the ends that people made for the deletes, every write of the service account with what was
there before and after it, every log line for the canaries.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from daemon.observe import logs
from daemon.sandbox.exchange import ExchangeSandbox
from daemon.sandbox.exchange.items import Change, ChangeKind, Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.world import World

CALENDAR = "IPF.Appointment"

_OPERATIONS = {"CreateItem": "create", "UpdateItem": "update", "DeleteItem": "delete"}
_WATCHED = (ItemKind.CALENDAR_ITEM, ItemKind.TASK)

HeldHint = tuple[str, bytes, bytes, list[tuple[str, bytes]]]


@dataclass(frozen=True, slots=True)
class Written:
    """What one account did to one calendar item or task; `before` None: it made it, `after` None: it is gone."""

    account: str
    operation: str
    before: Item | None
    after: Item | None

    @property
    def item(self) -> Item:
        """The item as it was last."""
        item = self.after or self.before
        assert item is not None
        return item


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
    born: dict[str, str] = field(default_factory=dict)
    _items: dict[str, Item] = field(default_factory=dict)

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
            done = Written(serving.account, operation, before, after)
            self.written.append(done)
        if after is not None and after.kind is ItemKind.CALENDAR_ITEM:
            self.seen.add((after.uid, after.mailbox))
        if serving is None or serving.account != self.service:
            self._note_end(world, before, after)

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
    return world.folder_by_id(item.mailbox, item.folder).folder_class == CALENDAR


def _is_in_place(world: World, item: Item) -> bool:
    if item.kind is ItemKind.CALENDAR_ITEM:
        return is_in_a_calendar(world, item)
    return world.folder_by_id(item.mailbox, item.folder).name != "deleteditems"
