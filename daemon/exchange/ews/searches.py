"""Searches that are complete or fail (S02c, DEL-4): every folder, every page.

A page that claims to be the last and holds less than the folder, or that is not the last and holds nothing, is a
server's slip and no evidence of anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from daemon.exchange.ews import answers, decoder, folders, listings, payloads
from daemon.exchange.ews.calls import Caller
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.ews.envelopes import Element, Message
from daemon.exchange.ews.failures import Failure
from daemon.exchange.ews.folders import Tree
from daemon.exchange.ews.properties import Wanted
from daemon.exchange.port import Unavailable

T = TypeVar("T")

MOST_PAGES = 200
PARTIAL = "SearchPartial"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What a page holds. `next_offset` None: it is the last."""

    found: tuple[T, ...]
    next_offset: int | None


async def folder_tree(caller: Caller, mailbox: str) -> Tree:
    """The folders of a mailbox."""
    named = await caller.ask(mailbox, payloads.get_folders(folders.NAMES), folders.named)
    listed = await _to_the_end(caller, mailbox, payloads.find_folders, listings.folders)
    return folders.tree(named, listed)


async def item_ids(caller: Caller, mailbox: str, wanted: Wanted, *, searched: Sequence[str]) -> list[str]:
    """The ids of the items with that property in all folders to be searched."""

    def payload(folder_ids: Sequence[str], offset: int) -> Element:
        return payloads.find_by_property(wanted, folder_ids, offset)

    def ids(message: Message) -> tuple[str, ...]:
        return tuple(item.item_id for item in decoder.items(message, Reading(mailbox, whole=False)))

    found: list[str] = []
    read = partial(_pages, found_in=ids, expected=len(searched))
    pages = await caller.ask(mailbox, payload(searched, 0), read)
    for folder_id, page in zip(searched, pages, strict=True):
        found += page.found
        if page.next_offset is not None:
            found += await _to_the_end(caller, mailbox, partial(payload, [folder_id]), ids, page.next_offset)
    return list(dict.fromkeys(found))


async def _to_the_end(
    caller: Caller,
    mailbox: str,
    payload_at: Callable[[int], Element],
    found_in: Callable[[Message], tuple[T, ...]],
    offset: int = 0,
) -> list[T]:
    """What one folder holds from an offset on."""
    found: list[T] = []
    for _ in range(MOST_PAGES):
        read = partial(_pages, found_in=found_in, expected=1, offset=offset)
        [page] = await caller.ask(mailbox, payload_at(offset), read)
        found += page.found
        if page.next_offset is None:
            return found
        offset = page.next_offset
    raise Unavailable(mailbox, PARTIAL)


def _pages(
    messages: Sequence[Message], found_in: Callable[[Message], tuple[T, ...]], expected: int, offset: int = 0
) -> list[Page[T]]:
    if len(answers.all_fine(messages)) != expected:
        raise Failure(PARTIAL)
    return [_page(message, found_in(message), offset) for message in messages]


def _page(message: Message, found: tuple[T, ...], offset: int) -> Page[T]:
    stated = listings.page(message)
    is_last = stated.next_offset is None
    if is_last and offset + len(found) < stated.total:
        raise Failure(PARTIAL)
    if not is_last and not found:
        raise Failure(PARTIAL)
    return Page(found, None if is_last else offset + len(found))
