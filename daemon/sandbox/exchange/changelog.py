"""What happened in each folder, in order: the memory behind SyncFolderItems.

A client's state is a position in its folder's log. Changes of one item between two positions are answered as one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from daemon.sandbox.exchange.items import Item


class Entry(StrEnum):
    """A kind of difference; the values are EWS's elements."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"
    READ_FLAG = "ReadFlagChange"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a client must do about one item to be up to date; `position` is the state once it has done so."""

    entry: Entry
    item_id: str
    position: int


class ChangeLog:
    """All folders' logs."""

    def __init__(self) -> None:
        self._entries: dict[str, list[tuple[Entry, str]]] = defaultdict(list)

    def created(self, item: Item) -> None:
        self._entries[item.folder].append((Entry.CREATE, item.id))

    def modified(self, item: Item, *, read_flag_only: bool) -> None:
        self._entries[item.folder].append((Entry.READ_FLAG if read_flag_only else Entry.UPDATE, item.id))

    def deleted(self, item: Item) -> None:
        self._entries[item.folder].append((Entry.DELETE, item.id))

    def position(self, folder_id: str) -> int:
        return len(self._entries[folder_id])

    def since(self, folder_id: str, position: int) -> list[Difference]:
        """One difference per item, in the order in which the items were first touched."""
        steps: dict[str, list[Entry]] = {}
        first: dict[str, int] = {}
        for index, (entry, item_id) in enumerate(self._entries[folder_id][position:], start=position + 1):
            steps.setdefault(item_id, []).append(entry)
            first.setdefault(item_id, index)
        merged = ((item_id, _merge(entries)) for item_id, entries in steps.items())
        return [Difference(entry, item_id, first[item_id]) for item_id, entry in merged if entry is not None]


def _merge(entries: list[Entry]) -> Entry | None:
    """One step for all of an item's: none if it came and went in between."""
    is_gone, is_new = entries[-1] is Entry.DELETE, entries[0] is Entry.CREATE
    if is_gone:
        return None if is_new else Entry.DELETE
    if is_new:
        return Entry.CREATE
    return Entry.READ_FLAG if set(entries) == {Entry.READ_FLAG} else Entry.UPDATE
