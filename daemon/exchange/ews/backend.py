"""The EWS backend of `daemon.exchange.port` (ID-1, PART-3, PART-4, DEL-4; S02c, S22d, S23a, S23d, S25a).

Joins the parts: a request (`payloads`), a turn (`sign_in`, `limits`), one HTTP call in a thread (`transport`), its
bytes read there (`envelopes`, `decoder`, `answers`), failures by name (`failures`). It never retries: who asked knows
whether waiting is worth it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TypeVar

from daemon.exchange import port
from daemon.exchange.ews import answers, decoder, envelopes, failures, folders, payloads, uids
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.ews.envelopes import Element, Message, Undecodable
from daemon.exchange.ews.failures import Failure, Meaning
from daemon.exchange.ews.limits import Limits
from daemon.exchange.ews.names import Names, is_sendable
from daemon.exchange.ews.sign_in import SignIn
from daemon.exchange.ews.transport import Transport
from daemon.exchange.ews.zones import Zones
from daemon.exchange.port import Answer, Gone, Unavailable, Unknown, Unreadable
from schemas.copies import Copy, Folder, Kind

T = TypeVar("T")

PAGE_SIZE = 100
MOST_PAGES = 100
SEARCHED = (payloads.CALENDAR, payloads.DELETED_ITEMS)

ID_NOT_SENDABLE = "id_not_sendable"
SEARCH_PARTIAL = "SearchPartial"
CHANGED_MEANWHILE = "ChangedMeanwhile"
PROPERTIES_REFUSED = "properties_refused"
NOBODY_OR_SEVERAL = frozenset({"ErrorNameResolutionNoResults", "ErrorNameResolutionMultipleResults"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call, for metrics: `result` is `ok` or the code it failed with."""

    operation: str
    result: str
    took: timedelta


def unobserved(_call: Call) -> None:
    """For those who count nothing."""


class EwsExchange:
    """An Exchange server over EWS; implements `port.Exchange`."""

    def __init__(
        self,
        config: EwsConfig,
        *,
        observe: Callable[[Call], None] = unobserved,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._config = config
        self._observe = observe
        self._clock = clock
        self._transport = Transport(config)
        self._limits = Limits(config, clock=clock)
        self._sign_in = SignIn(config.timeout, clock=clock)
        self._folders = folders.Known(clock=clock)
        self._names = Names(clock=clock)
        self._zones = Zones()

    async def get(self, mailbox: str, item_ids: Sequence[str]) -> tuple[Answer, ...]:
        """The items, in the order asked for; see the port."""
        sendable = tuple(dict.fromkeys(filter(is_sendable, item_ids)))
        found: dict[str, Answer] = {}
        for start in range(0, len(sendable), self._config.items_per_call):
            batch = sendable[start : start + self._config.items_per_call]
            found.update(zip(batch, await self._get_batch(mailbox, batch), strict=True))
        return tuple(found.get(item_id) or Unreadable(item_id, ID_NOT_SENDABLE) for item_id in item_ids)

    async def find_by_uid(self, mailbox: str, uid: str) -> tuple[Answer, ...]:
        """Every item with that UID, those outside Deleted Items first; see the port."""
        if not uid.strip():
            return ()
        item_ids = await self._search(mailbox, uids.to_bytes(uid))
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
        addresses = await self._ask(mailbox, payloads.resolve_name(name.strip()), _resolved, is_read=False)
        self._names.put(name, addresses)
        return addresses

    async def probe(self) -> None:
        """Reach the endpoint and sign in; see the port."""
        await self._ask(None, payloads.get_one_time_zone(), answers.all_fine, is_read=False)

    async def close(self) -> None:
        """Wait for calls under way, then let go of all connections."""
        await self._limits.close()
        self._transport.close()

    def back_offs(self) -> port.BackOffs:
        """The mailboxes that are left alone just now, and for how long."""
        return self._limits.pauses()

    async def _get_batch(self, mailbox: str, item_ids: Sequence[str]) -> tuple[Answer, ...]:
        known = self._folders.get(mailbox) or await self._ask_folders(mailbox)
        found = await self._fetch(mailbox, item_ids, known)
        is_elsewhere = any(isinstance(answer, Copy) and answer.folder is Folder.OTHER for answer in found)
        if is_elsewhere and not self._folders.is_fresh(mailbox):
            now = await self._ask_folders(mailbox)
            if now != known:
                found = await self._fetch(mailbox, item_ids, now)
        return await self._with_kinds(mailbox, found)

    async def _ask_folders(self, mailbox: str) -> folders.Ids:
        ids = await self._ask(mailbox, payloads.get_folders(folders.NAMES), folders.read)
        self._folders.put(mailbox, ids)
        return ids

    async def _fetch(self, mailbox: str, item_ids: Sequence[str], known: folders.Ids) -> tuple[Answer, ...]:
        """GetItem; where the answer as a whole cannot be read, item by item, to find the one that spoils it."""
        reading = Reading(mailbox, known, self._zones)
        try:
            found = await self._ask_items(mailbox, payloads.get_items(item_ids), item_ids, reading)
        except Undecodable as error:
            if error.rule == envelopes.CUT_OFF:
                raise Unavailable(mailbox, error.rule) from None
            if len(item_ids) == 1:
                return (Unreadable(item_ids[0], error.rule),)
            return tuple([(await self._fetch(mailbox, [item_id], known))[0] for item_id in item_ids])
        if any(_code_means(answer, Meaning.BUSY) for answer in found):
            self._limits.pause(mailbox)
        return found

    async def _with_kinds(self, mailbox: str, found: tuple[Answer, ...]) -> tuple[Answer, ...]:
        """Items that refuse a calendar item's properties, by what they are: mails and tasks are, calendar items not."""
        refused = [answer.item_id for answer in found if _code_means(answer, Meaning.OTHER_KIND)]
        if not refused:
            return found
        known = self._folders.get(mailbox) or {}
        reading = Reading(mailbox, known, self._zones, whole=False)
        kinds = await self._ask_items(mailbox, payloads.get_kinds(refused), refused, reading)
        told = dict(zip(refused, map(_other_kind, kinds), strict=True))
        return tuple(told.get(answer.item_id, answer) for answer in found)

    async def _ask_items(
        self, mailbox: str, payload: Element, item_ids: Sequence[str], reading: Reading
    ) -> tuple[Answer, ...]:
        def read(messages: list[Message]) -> tuple[Answer, ...]:
            return answers.paired(answers.checked(messages), item_ids, reading)

        return await self._call(mailbox, payload, read)

    async def _search(self, mailbox: str, global_object_id: bytes) -> tuple[str, ...]:
        """The ids of a meeting's items in all folders searched, each folder paged to its end."""
        found: dict[str, None] = {}
        to_search = dict.fromkeys(SEARCHED, 0)
        for _ in range(MOST_PAGES):
            offset = min(to_search.values())
            names = [name for name, next_offset in to_search.items() if next_offset == offset]
            pages = await self._ask_page(mailbox, global_object_id, names, offset)
            for name, page in zip(names, pages, strict=True):
                found.update(dict.fromkeys(page.item_ids))
                to_search[name] = page.next_offset or 0
                if page.next_offset is None:
                    del to_search[name]
            if not to_search:
                return tuple(found)
        raise Unavailable(mailbox, SEARCH_PARTIAL)

    async def _ask_page(
        self, mailbox: str, global_object_id: bytes, names: Sequence[str], offset: int
    ) -> tuple[_Page, ...]:
        payload = payloads.find_by_global_object_id(global_object_id, names, offset=offset, page_size=PAGE_SIZE)
        reading = Reading(mailbox, zones=self._zones, whole=False)

        def read(messages: list[Message]) -> tuple[_Page, ...]:
            if len(answers.all_fine(messages)) != len(names):
                raise Failure(SEARCH_PARTIAL)
            return tuple(_page(message, reading, offset) for message in messages)

        return await self._ask(mailbox, payload, read)

    async def _ask(
        self, mailbox: str | None, payload: Element, read: Callable[[list[Message]], T], *, is_read: bool = True
    ) -> T:
        """One call of which every part must be readable."""
        try:
            return await self._call(mailbox, payload, read, is_read=is_read)
        except Undecodable as error:
            kind = Unavailable if error.rule == envelopes.CUT_OFF else port.Misconfigured
            raise kind(mailbox, error.rule) from None

    async def _call(
        self, mailbox: str | None, payload: Element, read: Callable[[list[Message]], T], *, is_read: bool = True
    ) -> T:
        """One call, its answer read in its thread. Raises ExchangeError, and Undecodable."""
        work = self._work(mailbox, payload, read)
        try:
            async with self._sign_in.turn():
                return await self._in_turn(mailbox, work, is_read=is_read)
        except Failure as failure:  # the turn's own: the sign-in is paused
            raise failures.of_call(mailbox, failure.code, back_off=timedelta(0)) from None

    async def _in_turn(self, mailbox: str | None, work: Callable[[], T], *, is_read: bool) -> T:
        try:
            value = await self._limits.run(mailbox or "", work, is_read=is_read)
        except Failure as failure:
            raise self._failed(mailbox, failure) from None
        self._sign_in.proven()
        self._limits.succeeded(mailbox or "")
        return value

    def _failed(self, mailbox: str | None, failure: Failure) -> port.ExchangeError:
        """The port's error; a mailbox that is busy or out of reach is left alone from now on."""
        back_off = timedelta(0)
        match failures.meaning(failure.code):
            case Meaning.SIGN_IN:
                self._sign_in.refused(failure.code)
            case Meaning.BUSY | Meaning.PASSING:
                back_off = self._limits.pause(mailbox or "", failure.back_off)
        return failures.of_call(mailbox, failure.code, back_off=back_off)

    def _work(self, mailbox: str | None, payload: Element, read: Callable[[list[Message]], T]) -> Callable[[], T]:
        """What a thread does: the call, and reading its answer."""
        operation = payload.tag[len(envelopes.MESSAGES) :]

        def work() -> T:
            started, result = self._clock(), "unexpected"
            try:
                value = read(envelopes.messages(self._transport.post(payload, mailbox=mailbox)))
                result = "ok"
                return value
            except (Failure, Undecodable) as error:
                result = str(error)
                raise
            finally:
                self._observe(Call(operation, result, timedelta(seconds=self._clock() - started)))

        return work


@dataclass(frozen=True, slots=True)
class _Page:
    item_ids: tuple[str, ...]
    next_offset: int | None


def _page(message: Message, reading: Reading, offset: int) -> _Page:
    """One page. Failure if it claims to be the last and holds less than the folder, or is not the last and empty."""
    item_ids = tuple(answer.item_id for answer in decoder.items(message, reading))
    page = decoder.page(message)
    if page.next_offset is None and offset + len(item_ids) < page.total:
        raise Failure(SEARCH_PARTIAL)
    if page.next_offset is None:
        return _Page(item_ids, None)
    if not item_ids:
        raise Failure(SEARCH_PARTIAL)
    return _Page(item_ids, offset + len(item_ids))


def _resolved(messages: list[Message]) -> tuple[str, ...]:
    """The addresses of the only candidate; none and several are both nobody."""
    if any(message.code in NOBODY_OR_SEVERAL for message in messages):
        return ()
    candidates = [one for message in answers.all_fine(messages) for one in decoder.addresses(message)]
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
