"""Keeping still where synchronization is paused (OPS-1): at the two places where something could move.

No call about a paused user's mailbox leaves the house, whoever asks for it. And a change that a CRM user made to an
item of his is put away before anything is decided; what the CRM only confirms goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import wraps

import structlog

from daemon.bus.dispositions import Disposition, Park
from daemon.bus.routes import Delivery
from daemon.exchange.port import Answer, Exchange, ExchangeError, TaskAnswer, Written
from daemon.store import directory, pauses
from daemon.store.store import Store
from daemon.sync.concerning import change_of, remembered
from handlers import pausing
from handlers.pausing import Pauses
from schemas.copies import Kind
from schemas.delegates import Delegates, Rights
from schemas.edits import Edit, New
from schemas.outcomes import Reason
from schemas.sending import SILENT, Sending

log = structlog.get_logger(__name__)

SYNC_PAUSED = "sync.paused"
_MOST_NAMED = 20
_NOBODY = Pauses()
_LOOK_AGAIN = timedelta(seconds=5)
"""A resume wakes what waits for it; this is for what was put away in the same moment. Grows with every look."""

Process = Callable[[Delivery], Awaitable[Disposition]]


class Paused(ExchangeError):
    """The mailbox is to be left alone until somebody resumes its user: nothing was asked."""

    def __init__(self, mailbox: str) -> None:
        super().__init__(mailbox, "paused")


def park(now: datetime) -> Park:
    """Puts away what is held back by a pause."""
    return Park(now + _LOOK_AGAIN, Reason.PAUSED.value)


class Pausing:
    """Knows whose synchronization stands still. On a store of our own nobody else can change that: it is read once."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._known: Pauses | None = None
        self._changes = 0

    async def standing(self) -> Pauses:
        """Whose synchronization stands still now."""
        if self._known is not None:
            return self._known
        changes = self._changes
        found = await self._store.read(pauses.standing)
        if not self._store.shared and changes == self._changes:
            self._known = found
        return found

    async def remind(self) -> None:
        """Says in the log who is paused: whoever starts a daemon must not wonder why nothing moves."""
        standing = await self.standing()
        if standing != _NOBODY:
            log.warning(SYNC_PAUSED, system=standing.system, users=sorted(standing.users)[:_MOST_NAMED])

    def changed(self) -> None:
        """A request was carried out: what was read before counts no more, nor what is being read just now."""
        self._changes += 1
        self._known = None

    async def blocks(self, users: Iterable[str]) -> bool:
        """Whether what concerns these users has to wait."""
        return (await self.standing()).block(users)

    async def admit(self, mailbox: str) -> None:
        """Raises `Paused` if the mailbox is to be left alone."""
        standing = await self.standing()
        if standing == _NOBODY:
            return
        user = await self._store.read(lambda tx: directory.user_of_mailbox(tx, mailbox))
        if standing.block([user.id] if user else []):
            raise Paused(mailbox)

    def gated(self, process: Process) -> Process:
        """Processes events of CRM items, but for changes that concern somebody who is paused."""

        @wraps(process)
        async def gate(delivery: Delivery) -> Disposition:
            standing = await self.standing()
            if standing != _NOBODY and await self._holds(standing, delivery):
                return park(self._now())
            return await process(delivery)

        return gate

    async def _holds(self, standing: Pauses, delivery: Delivery) -> bool:
        change = change_of(delivery)
        if change is None:
            return False
        event, _ = change
        concerned = pausing.concerned(event.before, event.after)
        return standing.block(concerned | await self._store.read(lambda tx: remembered(tx, event)))


class Guarded:
    """An Exchange of which the mailboxes of paused users are left alone. See `exchange.port.Exchange`."""

    def __init__(self, exchange: Exchange, pausing: Pausing) -> None:
        self._exchange = exchange
        self._pausing = pausing

    async def get(self, mailbox: str, item_ids: Sequence[str]) -> tuple[Answer, ...]:
        await self._pausing.admit(mailbox)
        return await self._exchange.get(mailbox, item_ids)

    async def occurrence(self, mailbox: str, master_id: str, index: int) -> Answer:
        await self._pausing.admit(mailbox)
        return await self._exchange.occurrence(mailbox, master_id, index)

    async def change_key(self, mailbox: str, item_id: str) -> str:
        await self._pausing.admit(mailbox)
        return await self._exchange.change_key(mailbox, item_id)

    async def get_tasks(self, mailbox: str, item_ids: Sequence[str]) -> tuple[TaskAnswer, ...]:
        await self._pausing.admit(mailbox)
        return await self._exchange.get_tasks(mailbox, item_ids)

    async def find_by_uid(self, mailbox: str, uid: str) -> tuple[Answer, ...]:
        await self._pausing.admit(mailbox)
        return await self._exchange.find_by_uid(mailbox, uid)

    async def find_by_marker(self, mailbox: str, marker: str, kind: Kind) -> tuple[Answer | TaskAnswer, ...]:
        await self._pausing.admit(mailbox)
        return await self._exchange.find_by_marker(mailbox, marker, kind)

    async def create(self, mailbox: str, new: New, *, sending: Sending = SILENT) -> Written:
        await self._admit(mailbox, sending)
        return await self._exchange.create(mailbox, new, sending=sending)

    async def update(
        self,
        mailbox: str,
        item: Written,
        edit: Edit,
        *,
        kind: Kind = Kind.SCHEDULE_ITEM,
        sending: Sending = SILENT,
    ) -> Written:
        await self._admit(mailbox, sending)
        return await self._exchange.update(mailbox, item, edit, kind=kind, sending=sending)

    async def delete(self, mailbox: str, item_id: str, *, sending: Sending = SILENT) -> None:
        await self._admit(mailbox, sending)
        await self._exchange.delete(mailbox, item_id, sending=sending)

    async def skip(self, mailbox: str, task_id: str) -> None:
        await self._pausing.admit(mailbox)
        await self._exchange.skip(mailbox, task_id)

    async def delegates(self, mailbox: str) -> Delegates:
        await self._pausing.admit(mailbox)
        return await self._exchange.delegates(mailbox)

    async def add_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        await self._pausing.admit(mailbox)
        await self._exchange.add_delegate(mailbox, delegate, rights, deliver=deliver)

    async def update_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        await self._pausing.admit(mailbox)
        await self._exchange.update_delegate(mailbox, delegate, rights, deliver=deliver)

    async def remove_delegate(self, mailbox: str, delegate: str) -> None:
        await self._pausing.admit(mailbox)
        await self._exchange.remove_delegate(mailbox, delegate)

    async def resolve(self, mailbox: str, name: str) -> tuple[str, ...]:
        await self._pausing.admit(mailbox)
        return await self._exchange.resolve(mailbox, name)

    async def probe(self) -> None:
        await self._exchange.probe()

    async def close(self) -> None:
        await self._exchange.close()

    async def _admit(self, mailbox: str, sending: Sending) -> None:
        """A delegate's write is about two mailboxes: what it sends leaves from his."""
        await self._pausing.admit(mailbox)
        if sending.acting:
            await self._pausing.admit(sending.acting)
