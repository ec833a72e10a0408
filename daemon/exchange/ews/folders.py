"""Which folder id is which, per mailbox, asked for once.

A mailbox's ids change only when it is moved or restored; so an item in a folder nobody knows makes us ask again, but
not more often than every few minutes, for there are honest other folders.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from daemon.exchange.ews import decoder, failures, payloads
from daemon.exchange.ews.answers import checked
from daemon.exchange.ews.envelopes import Message
from daemon.exchange.ews.failures import Failure, Meaning
from schemas.copies import Folder

NAMES = {
    payloads.CALENDAR: Folder.CALENDAR,
    payloads.DELETED_ITEMS: Folder.DELETED_ITEMS,
    payloads.TASKS: Folder.TASKS,
}
FRESH = timedelta(minutes=5)
MOST_MAILBOXES = 20_000

Ids = Mapping[str, Folder]


def read(messages: list[Message]) -> Ids:
    """The folders of a GetFolder answer to `NAMES`. A mailbox without tasks is one; Failure for anything else."""
    if len(checked(messages)) != len(NAMES):
        raise Failure("AnswerShort")
    ids: dict[str, Folder] = {}
    for folder, message in zip(NAMES.values(), messages, strict=True):
        if failures.meaning(message.code) is Meaning.FINE:
            ids.update(dict.fromkeys(decoder.folder_ids(message), folder))
        elif folder is not Folder.TASKS:
            raise Failure(message.code, message.back_off)
    return ids


@dataclass(slots=True)
class Known:
    """The folder ids of the mailboxes used last."""

    clock: Callable[[], float] = monotonic
    _ids: OrderedDict[str, tuple[Ids, float]] = field(default_factory=OrderedDict)

    def get(self, mailbox: str) -> Ids | None:
        """The ids of a mailbox, if it was asked."""
        if mailbox not in self._ids:
            return None
        self._ids.move_to_end(mailbox)
        return self._ids[mailbox][0]

    def put(self, mailbox: str, ids: Ids) -> None:
        """What a mailbox has answered just now."""
        self._ids[mailbox] = ids, self.clock()
        self._ids.move_to_end(mailbox)
        while len(self._ids) > MOST_MAILBOXES:
            self._ids.popitem(last=False)

    def is_fresh(self, mailbox: str) -> bool:
        """Whether asking again would be too soon."""
        _, since = self._ids.get(mailbox, ({}, float("-inf")))
        return self.clock() - since < FRESH.total_seconds()
