"""The EWS backend of `daemon.exchange.port` (ID-1, PART-3, PART-4, DEL-4; S02c, S22d, S23a, S23d, S25a).

Says what is asked (`payloads`), by whom (`calls`, `searches`) and what the answers mean for the port (`answers`,
`decoder`); how a call is made and what a failure means is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic

from daemon.exchange import port
from daemon.exchange.ews import answers, envelopes, failures, listings, payloads, searches, uids
from daemon.exchange.ews.calls import Call, Caller, Observe
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.ews.envelopes import Message, Undecodable
from daemon.exchange.ews.failures import Meaning
from daemon.exchange.ews.folders import Known, Tree
from daemon.exchange.ews.names import Names, is_sendable
from daemon.exchange.ews.zones import Zones
from daemon.exchange.port import Answer, Gone, Unavailable, Unknown, Unreadable
from schemas.copies import Copy, Folder, Kind

__all__ = ["Call", "EwsExchange"]

ID_NOT_SENDABLE = "id_not_sendable"
PROPERTIES_REFUSED = "properties_refused"
CHANGED_MEANWHILE = "ChangedMeanwhile"
FOLDER_LOST = frozenset({"ErrorFolderNotFound", "ErrorItemNotFound"})
NOBODY_OR_SEVERAL = frozenset({"ErrorNameResolutionNoResults", "ErrorNameResolutionMultipleResults"})


def unobserved(_call: Call) -> None:
    """For those who count nothing."""


class EwsExchange:
    """An Exchange server over EWS; implements `port.Exchange`."""

    def __init__(
        self, config: EwsConfig, *, observe: Observe = unobserved, clock: Callable[[], float] = monotonic
    ) -> None:
        self._items_per_call = config.items_per_call
        self._caller = Caller(config, observe, clock=clock)
        self._folders = Known(clock=clock)
        self._names = Names(clock=clock)
        self._zones = Zones()

    async def get(self, mailbox: str, item_ids: Sequence[str]) -> tuple[Answer, ...]:
        """The items, in the order asked for; see the port."""
        sendable = tuple(dict.fromkeys(filter(is_sendable, item_ids)))
        found: dict[str, Answer] = {}
        for start in range(0, len(sendable), self._items_per_call):
            batch = sendable[start : start + self._items_per_call]
            found.update(zip(batch, await self._get_batch(mailbox, batch), strict=True))
        return tuple(found.get(item_id) or Unreadable(item_id, ID_NOT_SENDABLE) for item_id in item_ids)

    async def find_by_uid(self, mailbox: str, uid: str) -> tuple[Answer, ...]:
        """Every item with that UID, those outside Deleted Items first; see the port."""
        if not uid.strip():
            return ()
        searched = (await self._tree(mailbox)).searched
        try:
            item_ids = await searches.item_ids(self._caller, mailbox, uids.to_bytes(uid), searched=searched)
        except Unavailable as error:
            if error.code in FOLDER_LOST:
                self._folders.forget(mailbox)
            raise
        found = await self.get(mailbox, item_ids)
        if any(isinstance(answer, Gone) for answer in found):  # moved between the two calls, to where we had looked
            raise Unavailable(mailbox, CHANGED_MEANWHILE)
        return tuple(sorted(found, key=_is_deleted))

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

    async def _tree(self, mailbox: str) -> Tree:
        return self._folders.get(mailbox) or await self._ask_tree(mailbox)

    async def _ask_tree(self, mailbox: str) -> Tree:
        known = await searches.folder_tree(self._caller, mailbox)
        self._folders.put(mailbox, known)
        return known

    async def _get_batch(self, mailbox: str, item_ids: Sequence[str]) -> tuple[Answer, ...]:
        known = await self._tree(mailbox)
        found = await self._fetch(mailbox, item_ids, known)
        is_elsewhere = any(isinstance(answer, Copy) and answer.folder is Folder.OTHER for answer in found)
        if is_elsewhere and not self._folders.is_fresh(mailbox):
            now = await self._ask_tree(mailbox)
            if now != known:
                found = await self._fetch(mailbox, item_ids, now)
        return await self._with_kinds(mailbox, found)

    async def _fetch(self, mailbox: str, item_ids: Sequence[str], known: Tree) -> tuple[Answer, ...]:
        """GetItem; where the answer as a whole cannot be read, item by item, to find the one that spoils it."""
        reading = Reading(mailbox, known.kinds, self._zones)
        try:
            read = partial(_items, item_ids=item_ids, reading=reading)
            found = await self._caller.call(mailbox, payloads.get_items(item_ids), read)
        except Undecodable as error:
            if error.rule == envelopes.CUT_OFF:
                raise Unavailable(mailbox, error.rule) from None
            if len(item_ids) == 1:
                return (Unreadable(item_ids[0], error.rule),)
            return tuple([(await self._fetch(mailbox, [item_id], known))[0] for item_id in item_ids])
        if any(_code_means(answer, Meaning.BUSY) for answer in found):
            self._caller.pause(mailbox)
        return found

    async def _with_kinds(self, mailbox: str, found: tuple[Answer, ...]) -> tuple[Answer, ...]:
        """Items that refuse a calendar item's properties, by what they are: mails and tasks are, calendar items not."""
        refused = [answer.item_id for answer in found if _code_means(answer, Meaning.OTHER_KIND)]
        if not refused:
            return found
        reading = Reading(mailbox, (await self._tree(mailbox)).kinds, self._zones, whole=False)
        read = partial(_items, item_ids=refused, reading=reading)
        kinds = await self._caller.ask(mailbox, payloads.get_kinds(refused), read)
        told = dict(zip(refused, map(_other_kind, kinds), strict=True))
        return tuple(told.get(answer.item_id, answer) for answer in found)


def _items(messages: list[Message], item_ids: Sequence[str], reading: Reading) -> tuple[Answer, ...]:
    return answers.paired(answers.checked(messages), item_ids, reading)


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


def _code_means(answer: Answer, meaning: Meaning) -> bool:
    return isinstance(answer, Unknown) and failures.meaning(answer.code) is meaning


def _is_deleted(answer: Answer) -> bool:
    return isinstance(answer, Copy) and answer.folder is Folder.DELETED_ITEMS
