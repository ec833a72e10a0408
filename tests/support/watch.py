"""What must be written down while a house is lived in, so that its invariants can be judged afterwards.

Hints for the second pass, the ends that people made for the deletes, every log line for the canaries.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from daemon.observe import logs
from daemon.sandbox.exchange.items import Change, ChangeKind, Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.world import World

CALENDAR = "IPF.Appointment"

HeldHint = tuple[str, bytes, bytes, list[tuple[str, bytes]]]


@dataclass
class Watch:
    """What happened in a house, as its people did it."""

    hints: list[HeldHint] = field(default_factory=list)
    ends: set[tuple[str, str]] = field(default_factory=set)  # (UID, mailbox) of copies that were deleted or cancelled
    logged: io.StringIO = field(default_factory=io.StringIO)
    canaries: dict[str, str | None] = field(default_factory=dict)  # word: the UID whose commands may hold it
    excused: dict[str, str] = field(default_factory=dict)  # UIDs that need not agree with Exchange, and why
    _uids: dict[str, str] = field(default_factory=dict)

    def follow(self, world: World, change: Change) -> None:
        """Notes an end: a calendar item that is deleted, leaves the calendars, or is cancelled."""
        if change.kind is ChangeKind.DELETED:
            if uid := self._uids.get(change.item_id):
                self.ends.add((uid, change.mailbox))
            return
        item = world.item(change.mailbox, change.item_id)
        if item.kind is not ItemKind.CALENDAR_ITEM:
            return
        self._uids[item.id] = item.uid
        if item.is_cancelled or not is_in_a_calendar(world, item):
            self.ends.add((item.uid, item.mailbox))

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
