"""Items by their ids, in batches, with the folder each lies in (S02c, S23a).

A batch whose answer cannot be read as a whole is fetched item by item, to find the one that spoils it. An item in a
folder nobody knows makes us ask the mailbox for its folders again, though not too often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Generic

from daemon.exchange.ews import answers, decoder, envelopes, failures, payloads, searches, tasks
from daemon.exchange.ews.answers import C, Failed
from daemon.exchange.ews.calls import Caller
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.ews.envelopes import Element, Message, Undecodable
from daemon.exchange.ews.failures import Meaning
from daemon.exchange.ews.folders import Known, Tree
from daemon.exchange.ews.names import is_sendable
from daemon.exchange.ews.zones import Zones
from daemon.exchange.port import Unavailable, Unknown, Unreadable
from schemas.copies import Copy, Folder, TaskCopy

ID_NOT_SENDABLE = "id_not_sendable"


@dataclass(frozen=True, slots=True)
class Wanted(Generic[C]):
    """What to ask for and what to make of it."""

    request: Callable[[Sequence[str]], Element]
    items: Callable[[Message, Reading], Sequence[C | Unreadable]]


def _kinds(message: Message, reading: Reading) -> Sequence[Copy | Unreadable]:
    return decoder.items(message, replace(reading, whole=False))


COPIES: Wanted[Copy] = Wanted(payloads.get_items, decoder.items)
KINDS: Wanted[Copy] = Wanted(payloads.get_kinds, _kinds)
TASKS: Wanted[TaskCopy] = Wanted(payloads.get_tasks, tasks.items)


def occurrence(master_id: str, index: int) -> Wanted[Copy]:
    """A series by its id, and by any other name one of its occurrences, counted from 1, which has no id we know."""
    return Wanted(lambda asked: payloads.get_occurrence(asked, master_id, index), decoder.items)


@dataclass(slots=True)
class Fetcher:
    """Fetches items of any mailbox."""

    caller: Caller
    folders: Known
    items_per_call: int
    zones: Zones = field(default_factory=Zones)

    async def fetch(self, mailbox: str, item_ids: Sequence[str], wanted: Wanted[C]) -> tuple[C | Failed, ...]:
        """The items, in the order asked for. Raises ExchangeError."""
        sendable = tuple(dict.fromkeys(filter(is_sendable, item_ids)))
        found: dict[str, C | Failed] = {}
        for start in range(0, len(sendable), self.items_per_call):
            batch = sendable[start : start + self.items_per_call]
            found.update(zip(batch, await self._batch(mailbox, batch, wanted), strict=True))
        return tuple(found.get(item_id) or Unreadable(item_id, ID_NOT_SENDABLE) for item_id in item_ids)

    async def tree(self, mailbox: str) -> Tree:
        """The folders of a mailbox. Raises ExchangeError."""
        return self.folders.get(mailbox) or await self._ask_tree(mailbox)

    async def _ask_tree(self, mailbox: str) -> Tree:
        known = await searches.folder_tree(self.caller, mailbox)
        self.folders.put(mailbox, known)
        return known

    async def _batch(self, mailbox: str, item_ids: Sequence[str], wanted: Wanted[C]) -> tuple[C | Failed, ...]:
        known = await self.tree(mailbox)
        found = await self._fetch(self._reading(mailbox, known), item_ids, wanted)
        if self.folders.is_fresh(mailbox) or not any(map(_is_elsewhere, found)):
            return found
        now = await self._ask_tree(mailbox)
        return found if now == known else await self._fetch(self._reading(mailbox, now), item_ids, wanted)

    def _reading(self, mailbox: str, known: Tree) -> Reading:
        return Reading(mailbox, known.kinds, self.zones)

    async def _fetch(self, reading: Reading, item_ids: Sequence[str], wanted: Wanted[C]) -> tuple[C | Failed, ...]:
        read = partial(_paired, item_ids=item_ids, reading=reading, wanted=wanted)
        try:
            found: tuple[C | Failed, ...] = await self.caller.call(reading.mailbox, wanted.request(item_ids), read)
        except Undecodable as error:
            if error.rule == envelopes.CUT_OFF:
                raise Unavailable(reading.mailbox, error.rule) from None
            if len(item_ids) == 1:
                return (Unreadable(item_ids[0], error.rule),)
            return tuple([(await self._fetch(reading, [item_id], wanted))[0] for item_id in item_ids])
        if any(code_means(answer, Meaning.BUSY) for answer in found):
            self.caller.pause(reading.mailbox)
        return found


def code_means(answer: object, meaning: Meaning) -> bool:
    """Whether an item could not be told for a reason of that kind."""
    return isinstance(answer, Unknown) and failures.meaning(answer.code) is meaning


def _paired(
    messages: list[Message], item_ids: Sequence[str], reading: Reading, wanted: Wanted[C]
) -> tuple[C | Failed, ...]:
    return answers.in_order(answers.checked(messages), item_ids, lambda message: wanted.items(message, reading))


def _is_elsewhere(answer: object) -> bool:
    return isinstance(answer, Copy | TaskCopy) and answer.folder is Folder.OTHER
