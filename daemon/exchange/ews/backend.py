"""The EWS backend of `daemon.exchange.port` (ID-1, ID-5, PART-3, PART-4, REC-5, DEL-4, INV-1, INV-2).

Says what is asked (`payloads`), by whom (`calls`, `fetching`, `occurrences`, `searches`) and what the answers mean for
the port (`answers`, `decoder`, `tasks`); how a call is made and what a failure means is theirs. So far as it is for a
backend: S02c, S04f, S22d, S23a, S23d, S25a, S29.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import TypeVar

from daemon.exchange import port
from daemon.exchange.ews import (
    answers,
    changes,
    delegates,
    failures,
    fetching,
    listings,
    payloads,
    properties,
    recurrences,
    searches,
    tasks,
    uids,
)
from daemon.exchange.ews.calls import Call, Caller, Observe
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.ews.envelopes import Message
from daemon.exchange.ews.failures import Meaning
from daemon.exchange.ews.fetching import Fetcher, code_means
from daemon.exchange.ews.folders import Known
from daemon.exchange.ews.names import Names, is_sendable
from daemon.exchange.ews.occurrences import Bounds, Occurrences
from daemon.exchange.ews.properties import Wanted
from daemon.exchange.port import (
    Answer,
    Gone,
    Missing,
    NotAllowed,
    Rejected,
    TaskAnswer,
    Unavailable,
    Unreadable,
    Written,
)
from schemas.copies import Copy, Folder, Kind, TaskCopy
from schemas.delegates import Delegates, Rights
from schemas.edits import Edit, New
from schemas.sending import SILENT, Sending

A = TypeVar("A", bound=Answer | TaskAnswer)

__all__ = ["Call", "EwsExchange"]

PROPERTIES_REFUSED = "properties_refused"
CHANGED_MEANWHILE = "ChangedMeanwhile"
FOLDER_LOST = frozenset({"ErrorFolderNotFound", "ErrorItemNotFound"})
NOBODY_OR_SEVERAL = frozenset({"ErrorNameResolutionNoResults", "ErrorNameResolutionMultipleResults"})


def _now() -> datetime:
    return datetime.now(UTC)


def unobserved(_call: Call) -> None:
    """For those who count nothing."""


class EwsExchange:
    """An Exchange server over EWS; implements `port.Exchange`."""

    def __init__(
        self,
        config: EwsConfig,
        *,
        observe: Observe = unobserved,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._caller = Caller(config, observe, clock=clock)
        self._folders = Known(clock=clock)
        self._fetcher = Fetcher(self._caller, self._folders, config.items_per_call)
        self._names = Names(clock=clock)
        bounds = Bounds(config.occurrences_past, config.occurrences_future, config.most_exceptions)
        self._occurrences = Occurrences(self._fetcher, bounds, now)

    async def get(self, mailbox: str, item_ids: Sequence[str]) -> tuple[Answer, ...]:
        """The items, in the order asked for; see the port."""
        found = await self._with_kinds(mailbox, await self._fetcher.fetch(mailbox, item_ids, fetching.COPIES))
        return await self._occurrences.read(mailbox, found)

    async def occurrence(self, mailbox: str, master_id: str, index: int) -> Answer:
        """One occurrence of a series; see the port."""
        asked = [master_id, f"{master_id}/{index}"]
        master, found = await self._fetcher.fetch(mailbox, asked, fetching.occurrence(master_id, index))
        if not isinstance(found, Copy):
            return replace(found, item_id=master_id)
        return recurrences.dated(found, master, index) if isinstance(master, Copy) else master

    async def change_key(self, mailbox: str, item_id: str) -> str:
        """An item's change key; see the port."""
        [found] = await self._fetcher.fetch(mailbox, [item_id], fetching.KINDS)
        match found:
            case Copy():
                return found.change_key
            case Gone():
                raise Missing(mailbox, "gone")
            case Unreadable(rule=rule):
                raise Rejected(mailbox, rule)
            case _:
                raise Unavailable(mailbox, found.code)

    async def get_tasks(self, mailbox: str, item_ids: Sequence[str]) -> tuple[TaskAnswer, ...]:
        """The tasks, in the order asked for; see the port."""
        found = await self._fetcher.fetch(mailbox, item_ids, fetching.TASKS)
        return tuple(
            Unreadable(answer.item_id, tasks.NO_TASK) if code_means(answer, Meaning.OTHER_KIND) else answer
            for answer in found
        )

    async def find_by_uid(self, mailbox: str, uid: str) -> tuple[Answer, ...]:
        """Every item with that UID, those outside Deleted Items first; see the port."""
        if not uid.strip():
            return ()
        value = b64encode(uids.to_bytes(uid)).decode()
        wanted = Wanted(properties.CLEAN_GLOBAL_OBJECT_ID, value)
        found = await self.get(mailbox, await self._search(mailbox, wanted, Kind.SCHEDULE_ITEM))
        return tuple(sorted(_present(mailbox, found), key=_is_deleted))

    async def find_by_marker(self, mailbox: str, marker: str, kind: Kind) -> tuple[Answer | TaskAnswer, ...]:
        """Every item of that kind with our marker, those outside Deleted Items first; see the port."""
        if not is_sendable(marker):
            return ()
        item_ids = await self._search(mailbox, Wanted(properties.MARKER, marker), kind)
        get = self.get_tasks if kind is Kind.TASK else self.get
        found: Sequence[Answer | TaskAnswer] = await get(mailbox, item_ids)
        own = [one for one in _present(mailbox, found) if _has_marker(one, marker) and not _is_other(one, kind)]
        return tuple(sorted(own, key=_is_deleted))

    async def create(self, mailbox: str, new: New, *, sending: Sending = SILENT) -> Written:
        """A new item in the calendar or task list; see the port."""
        _check_pattern(mailbox, new.edit, new.kind)
        payload = payloads.create_item(new, sending, owner=mailbox if sending.acting else "")
        zone_id = changes.zone_id(new.edit)
        try:
            return await self._caller.write(mailbox, payload, answers.written, zone_id=zone_id, acting=sending.acting)
        except Missing as missing:
            if not sending.acting:
                raise
            raise NotAllowed(mailbox, missing.code) from None  # there is but the calendar that he could not see

    async def update(
        self,
        mailbox: str,
        item: Written,
        edit: Edit,
        *,
        kind: Kind = Kind.SCHEDULE_ITEM,
        sending: Sending = SILENT,
    ) -> Written:
        """Writes exactly the fields of the edit; see the port."""
        if edit.is_empty:
            return item
        _check_id(mailbox, item.item_id)
        _check_pattern(mailbox, edit, kind)
        payload, zone_id = payloads.update_item(item, edit, kind, sending), changes.zone_id(edit)
        async with self._telling_apart(mailbox, item.item_id, sending):
            return await self._caller.write(mailbox, payload, answers.written, zone_id=zone_id, acting=sending.acting)

    async def delete(self, mailbox: str, item_id: str, *, sending: Sending = SILENT) -> None:
        """Moves the item to Deleted Items; see the port."""
        _check_id(mailbox, item_id)
        async with self._telling_apart(mailbox, item_id, sending):
            payload = payloads.delete_item(item_id, sending)
            await self._caller.write(mailbox, payload, answers.all_fine, acting=sending.acting)

    async def skip(self, mailbox: str, task_id: str) -> None:
        """Deletes a recurring task's current occurrence; see the port."""
        _check_id(mailbox, task_id)
        await self._caller.write(mailbox, payloads.skip_occurrence(task_id), answers.all_fine)

    async def delegates(self, mailbox: str) -> Delegates:
        """Who may act for the mailbox's owner; see the port."""
        return await self._caller.ask(mailbox, delegates.get(mailbox), delegates.read)

    async def add_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        """Lets somebody act for the owner; see the port."""
        payload = delegates.add(mailbox, delegate, rights, deliver=deliver)
        await self._caller.write(mailbox, payload, answers.all_fine)

    async def update_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        """Changes what a delegate may do; see the port."""
        payload = delegates.update(mailbox, delegate, rights, deliver=deliver)
        await self._caller.write(mailbox, payload, answers.all_fine)

    async def remove_delegate(self, mailbox: str, delegate: str) -> None:
        """Lets somebody act for the owner no more; see the port."""
        await self._caller.write(mailbox, delegates.remove(mailbox, delegate), answers.all_fine)

    async def resolve(self, mailbox: str, name: str) -> tuple[str, ...]:
        """All SMTP addresses of the one mailbox behind a name; see the port."""
        known = self._names.get(name)
        if known is not None:
            return known
        if not is_sendable(name):
            return ()
        addresses = await self._caller.ask(mailbox, payloads.resolve_name(name.strip()), _resolved, is_read=False)
        self._names.put(name, addresses)
        return addresses

    async def probe(self) -> None:
        """Reach the endpoint and sign in; see the port."""
        await self._caller.ask(None, payloads.get_one_time_zone(), answers.all_fine, is_read=False)

    async def close(self) -> None:
        """Wait for calls under way, then let go of all connections."""
        await self._caller.close()

    def back_offs(self) -> port.BackOffs:
        """The mailboxes that are left alone just now, and for how long."""
        return self._caller.pauses()

    @asynccontextmanager
    async def _telling_apart(self, mailbox: str, item_id: str, sending: Sending) -> AsyncIterator[None]:
        """A write which may be a delegate's: what is not there for him is looked for as its owner."""
        try:
            yield
        except Missing as missing:
            if not sending.acting or missing.code not in failures.HIDDEN_OR_GONE:
                raise
            await self.change_key(mailbox, item_id)
            raise NotAllowed(mailbox, missing.code) from None

    async def _search(self, mailbox: str, wanted: Wanted, kind: Kind) -> list[str]:
        searched = (await self._fetcher.tree(mailbox)).holding(kind)
        try:
            return await searches.item_ids(self._caller, mailbox, wanted, searched=searched)
        except Unavailable as error:
            if error.code in FOLDER_LOST:
                self._folders.forget(mailbox)
            raise

    async def _with_kinds(self, mailbox: str, found: tuple[Answer, ...]) -> tuple[Answer, ...]:
        """Items that refuse a calendar item's properties, by what they are: mails and tasks are, calendar items not."""
        refused = [answer.item_id for answer in found if code_means(answer, Meaning.OTHER_KIND)]
        if not refused:
            return found
        kinds = await self._fetcher.fetch(mailbox, refused, fetching.KINDS)
        told = dict(zip(refused, map(_other_kind, kinds), strict=True))
        return tuple(told.get(answer.item_id, answer) for answer in found)


def _check_id(mailbox: str, item_id: str) -> None:
    if not is_sendable(item_id):
        raise Missing(mailbox, fetching.ID_NOT_SENDABLE)


def _check_pattern(mailbox: str, edit: Edit, kind: Kind) -> None:
    reason = changes.unheld(edit, kind)
    if reason is not None:
        raise Rejected(mailbox, reason)


def _resolved(messages: list[Message]) -> tuple[str, ...]:
    """The addresses of the only candidate; none and several are both nobody."""
    if any(message.code in NOBODY_OR_SEVERAL for message in messages):
        return ()
    candidates = [one for message in answers.all_fine(messages) for one in listings.addresses(message)]
    return candidates[0] if len(candidates) == 1 else ()


def _other_kind(answer: Answer) -> Answer:
    """An item asked for its kind: a calendar item that refused its own properties is a puzzle, not another kind."""
    if isinstance(answer, Copy) and answer.kind is Kind.SCHEDULE_ITEM:
        return Unreadable(answer.item_id, PROPERTIES_REFUSED)
    return answer


def _present(mailbox: str, found: Sequence[A]) -> Sequence[A]:
    """What a search found; Unavailable if some of it has moved meanwhile, perhaps to where we had looked."""
    if any(isinstance(answer, Gone) for answer in found):
        raise Unavailable(mailbox, CHANGED_MEANWHILE)
    return found


def _is_other(answer: Answer | TaskAnswer, kind: Kind) -> bool:
    """Whether an item is plainly not of that kind: a marker does not say of which kind it is."""
    if kind is Kind.TASK:
        return isinstance(answer, Unreadable) and answer.rule == tasks.NO_TASK
    return isinstance(answer, Copy) and answer.kind is not kind


def _has_marker(answer: Answer | TaskAnswer, marker: str) -> bool:
    """Whether it may be what was searched for: servers search without regard to case, CRM ids differ by it."""
    return not isinstance(answer, Copy | TaskCopy) or answer.marker == marker


def _is_deleted(answer: Answer | TaskAnswer) -> bool:
    return isinstance(answer, Copy | TaskCopy) and answer.folder is Folder.DELETED_ITEMS
