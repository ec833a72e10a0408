"""What we ask of any Exchange, in canonical values.

Backends are packages beside this file (`ews`); each speaks its own protocol and none of its objects pass this border.
A failure of one item is a value in the answer; a failure of the whole call is an `ExchangeError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from schemas.copies import Copy, Kind, TaskCopy
from schemas.delegates import Delegates, Rights
from schemas.edits import Edit, New
from schemas.sending import SILENT, Sending


class ExchangeError(Exception):
    """The call could not be answered."""

    def __init__(self, mailbox: str | None, code: str) -> None:
        super().__init__(code)
        self.mailbox = mailbox
        self.code = code


class Denied(ExchangeError):
    """This mailbox may not be read: no impersonation right, or no access. Never evidence of absence (DEL-4)."""


class Busy(ExchangeError):
    """The server asks to be left alone for this mailbox until `back_off` has passed."""

    def __init__(self, mailbox: str | None, code: str, *, back_off: timedelta) -> None:
        super().__init__(mailbox, code)
        self.back_off = back_off


class Unavailable(ExchangeError):
    """The server could not be reached, dropped the connection, timed out or failed for the moment."""


class Misconfigured(ExchangeError):
    """Waiting will not help: wrong password, wrong endpoint, unknown mailbox, an answer nobody understands."""


class NoMailbox(Misconfigured):
    """There is no such mailbox, or none any more."""


class Changed(ExchangeError):
    """The item is no longer as the change key says: read it again, merge again (at most three times)."""


class Missing(ExchangeError):
    """The item to be changed or deleted is not there under this id."""


class Rejected(ExchangeError):
    """The server will never take this content. `code` says why, without content."""


class NotAllowed(ExchangeError):
    """Who acts for the mailbox's owner may not do this there: he is no delegate any more, or the item is private."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The server says this item does not exist. Look for its UID before any delete decision."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The item exists and cannot be read into a canonical copy; `rule` says why, without content."""

    item_id: str
    rule: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The server could not say for this item, for the moment: neither there nor gone (S02c)."""

    item_id: str
    code: str


Answer = Copy | Gone | Unreadable | Unknown
TaskAnswer = TaskCopy | Gone | Unreadable | Unknown


@dataclass(frozen=True, slots=True)
class Written:
    """Where something was written, and the change key that the write left."""

    item_id: str
    change_key: str


class Exchange(Protocol):
    """An Exchange server. Mailboxes are normalised primary SMTP addresses; at most ten ids a call.

    A write mails whom its `Sending` says, nobody by default; a delegate who makes it may be refused: `NotAllowed`, and
    an error about his own mailbox names that. Each makes exactly one call and is never repeated here: after
    `Unavailable` and `Busy` nobody knows whether it was carried out.
    """

    async def get(self, mailbox: str, item_ids: Sequence[str]) -> tuple[Answer, ...]:
        """The items, in the order asked for; the master of a series with its exceptions, as far as they lie in a window
        around now. Raises `ExchangeError` if the call as a whole failed."""
        ...

    async def occurrence(self, mailbox: str, master_id: str, index: int) -> Answer:
        """One occurrence of a series, counted from 1 with the deleted ones; `Gone` if it was deleted, there is none,
        or the series is not there. Its own id is what `update` and `delete` take to change it alone. Raises
        `ExchangeError`."""
        ...

    async def change_key(self, mailbox: str, item_id: str) -> str:
        """An item's change key as it is now: a write to an occurrence leaves another one on its series. Raises
        `Missing` and other `ExchangeError`s."""
        ...

    async def get_tasks(self, mailbox: str, item_ids: Sequence[str]) -> tuple[TaskAnswer, ...]:
        """The tasks, in the order asked for; an item that is none is `Unreadable`. Raises `ExchangeError` if the call
        as a whole failed."""
        ...

    async def find_by_uid(self, mailbox: str, uid: str) -> tuple[Answer, ...]:
        """Every item of the mailbox with that UID, those outside Deleted Items first. Empty: the search was complete
        and found none. Raises `ExchangeError`; a partial search is `Unavailable`, never empty."""
        ...

    async def find_by_marker(self, mailbox: str, marker: str, kind: Kind) -> tuple[Answer | TaskAnswer, ...]:
        """Every item of that kind in the mailbox that carries our marker with this CRM id (ID-5), tasks as
        `TaskCopy`; see `find_by_uid`."""
        ...

    async def create(self, mailbox: str, new: New, *, sending: Sending = SILENT) -> Written:
        """A new item in the mailbox's calendar or task list, marker and UID in the same call. Raises
        `ExchangeError`."""
        ...

    async def update(
        self,
        mailbox: str,
        item: Written,
        edit: Edit,
        *,
        kind: Kind = Kind.SCHEDULE_ITEM,
        sending: Sending = SILENT,
    ) -> Written:
        """Writes exactly the fields of the edit to an item of that kind, if it is still at this change key. A recurring
        task that is completed goes on to its next occurrence, and the answer may name what was completed, which is an
        item of its own then. Raises `Changed`, `Missing`, `Rejected` and other `ExchangeError`s."""
        ...

    async def delete(self, mailbox: str, item_id: str, *, sending: Sending = SILENT) -> None:
        """Moves the item to Deleted Items. Raises `Missing` and other `ExchangeError`s."""
        ...

    async def skip(self, mailbox: str, task_id: str) -> None:
        """Deletes the current occurrence of a recurring task, which shows the next from then on. Raises `Rejected` if
        there is none, `Missing` and other `ExchangeError`s."""
        ...

    async def delegates(self, mailbox: str) -> Delegates:
        """Who may act for the mailbox's owner, and how. Raises `ExchangeError`; never with some of them missing."""
        ...

    async def add_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        """Lets somebody act for the owner; `deliver` is what `delegates` said. Raises `Changed` if he may already,
        `Rejected` if Exchange does not know him, and other `ExchangeError`s."""
        ...

    async def update_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        """Changes what a delegate may do; a level that cannot be written (`CUSTOM`, `UNSAID`) leaves its folder as it
        is. Raises `Missing` if he is none, and other `ExchangeError`s."""
        ...

    async def remove_delegate(self, mailbox: str, delegate: str) -> None:
        """Lets somebody act for the owner no more. Raises `Missing` if he is none, and other `ExchangeError`s."""
        ...

    async def resolve(self, mailbox: str, name: str) -> tuple[str, ...]:
        """All SMTP addresses of the one mailbox behind an X500 name or an SMTP alias, primary first, as the directory
        of that mailbox's server knows them; empty if it knows none or several. Cached."""
        ...

    async def probe(self) -> None:
        """One cheap call that shows the endpoint is reached and the sign-in works. Raises `ExchangeError`."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


BackOffs = Mapping[str, timedelta]
"""Mailbox to remaining back-off, for those who ask."""
