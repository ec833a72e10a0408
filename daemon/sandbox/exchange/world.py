"""The mailboxes: folders, items, ids, and the log of changes.

Knows nothing of meetings (`meetings` does) nor of XML. Everything is deterministic for a given seed, clock and order
of calls. Ids of neighbouring items differ in one letter's case alone, so that whoever folds case confuses two items
(S21b). A move gives a new id, every change a new change key.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.changelog import ChangeLog
from daemon.sandbox.exchange.delegates import Delegates
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.items import (
    Change,
    ChangeKind,
    Draft,
    ExtendedName,
    ExtendedValue,
    Folder,
    Item,
    Mail,
    Part,
)
from daemon.sandbox.people import People, Person

_FOLDERS = (
    ("root", "", "", ""),
    ("msgfolderroot", "Top of Information Store", "IPF.Note", "root"),
    ("inbox", "Inbox", "IPF.Note", "msgfolderroot"),
    ("calendar", "Calendar", "IPF.Appointment", "msgfolderroot"),
    ("tasks", "Tasks", "IPF.Task", "msgfolderroot"),
    ("contacts", "Contacts", "IPF.Contact", "msgfolderroot"),
    ("drafts", "Drafts", "IPF.Note", "msgfolderroot"),
    ("sentitems", "Sent Items", "IPF.Note", "msgfolderroot"),
    ("outbox", "Outbox", "IPF.Note", "msgfolderroot"),
    ("deleteditems", "Deleted Items", "IPF.Note", "msgfolderroot"),
    ("recoverableitemsroot", "Recoverable Items", "", "root"),
    ("recoverableitemsdeletions", "Deletions", "", "recoverableitemsroot"),
)
_CONTRACT_NAMES = {"calendar": "calendar", "tasks": "tasks", "deleteditems": "deleted_items"}


_CHANGE_KEY = re.compile(r"[A-Za-z0-9+/]{8,}={0,2}")


def now() -> datetime:
    return datetime.now(UTC)


def is_change_key(key: str) -> bool:
    """Whether it could be one; not whether it is the latest."""
    return _CHANGE_KEY.fullmatch(key) is not None


def _occurrence(held: Mapping[str, Item], item_id: str) -> Item | None:
    """What an id means that is made of a series' and a day."""
    named = series.split_id(item_id)
    master = held.get(named[0]) if named else None
    return series.occurrence(master, named[1]) if named and master and series.is_series(master) else None


class World:
    """All mailboxes of the sandbox."""

    def __init__(
        self,
        people: People,
        *,
        clock: Callable[[], datetime] = now,
        seed: int = 0,
        on_change: Callable[[Change], None] | None = None,
    ) -> None:
        self.people = people
        self.mails: list[Mail] = []
        self.log = ChangeLog()
        self.delegates = Delegates()
        self._clock = clock
        self._seed = seed
        self._on_change = on_change
        self._count = 0
        self._made: dict[str, int] = defaultdict(int)
        self._items: dict[str, dict[str, Item]] = defaultdict(dict)
        self._folders: dict[str, Folder] = {}
        self._distinguished: dict[tuple[str, str], Folder] = {}
        for person in people:
            if person.has_mailbox:
                self._furnish(person.email)

    # Looking

    def now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def owner(self, address: str) -> Person:
        """Who has a mailbox under this address or alias."""
        person = self.people.find(address)
        if person is None or not person.has_mailbox:
            raise EwsError("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
        return person

    def folder(self, mailbox: str, name: str) -> Folder:
        """A mailbox's folder by its distinguished name."""
        found = self._distinguished.get((self.owner(mailbox).email, name))
        if found is None:
            raise EwsError("ErrorFolderNotFound", f"The sandbox's mailboxes have no folder {name}.")
        return found

    def folder_by_id(self, folder_id: str) -> Folder:
        """A folder of any mailbox."""
        found = self._folders.get(folder_id)
        if found is None:
            raise EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.")
        return found

    def subfolders(self, folder: Folder) -> list[Folder]:
        return [each for each in self._folders.values() if each.parent == folder.id]

    def item(self, mailbox: str, item_id: str) -> Item:
        """An item, or an occurrence of a series, which the mailbox only holds within its master."""
        held = self._items[self.owner(mailbox).email]
        found = held.get(item_id) or _occurrence(held, item_id)
        if found is None:
            raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
        return found

    def holder(self, item_id: str) -> str | None:
        """In whose mailbox an item lies, or the series of an occurrence; None if it is nowhere."""
        named = series.split_id(item_id)
        ids = (item_id, named[0]) if named else (item_id,)
        return next((mailbox for mailbox, held in self._items.items() if any(each in held for each in ids)), None)

    def items(self, mailbox: str, folder: Folder | str | None = None) -> list[Item]:
        """A mailbox's items, oldest first; of one folder if it is given."""
        address = self.owner(mailbox).email
        place = self.folder(address, folder) if isinstance(folder, str) else folder
        return [each for each in self._items[address].values() if place is None or each.folder == place.id]

    def __iter__(self) -> Iterator[Item]:
        return iter([item for items in self._items.values() for item in items.values()])

    # Changing

    def make_folder(self, mailbox: str, display_name: str, *, parent: str = "calendar") -> Folder:
        """A folder beside the distinguished ones, as people make them: of its parent's class."""
        above = self.folder(mailbox, parent)
        made = Folder(self._token("F", above.mailbox), above.mailbox, "", display_name, above.folder_class, above.id)
        self._folders[made.id] = made
        return made

    def create(self, folder: Folder, draft: Draft, *, by: str, author: str = "") -> Item:
        """Puts an item into a folder; `author` is the address of whoever makes it in another's mailbox."""
        moment = self.now()
        self._count += 1
        search_key = hashlib.sha256(f"{self._seed}:{self._count}:key".encode()).digest()[:16]
        item = Item(
            id=self._item_id(folder.mailbox),
            change_key=self._token("K", folder.mailbox),
            mailbox=folder.mailbox,
            folder=folder.id,
            kind=draft.kind,
            values=draft.values,
            extended=draft.extended,
            search_key=search_key,
            created=moment,
            modified=moment,
            modified_by=by,
            created_by=author or folder.mailbox,
        )
        self._items[item.mailbox][item.id] = item
        self.log.created(item)
        self._tell(item, ChangeKind.CREATED, ChangeKind.MODIFIED)
        return item

    def modify(
        self,
        item: Item,
        values: Mapping[str, Any],
        *,
        by: str,
        extended: Mapping[ExtendedName, ExtendedValue] | None = None,
    ) -> Item:
        """Sets properties (None removes one) and gives a new change key; `extended` replaces all extended ones.

        A change of an occurrence is a change of its series.
        """
        if item.part is not None:
            return self._customize(item.mailbox, item.part, values, by=by, extended=extended)
        changed = replace(
            self.item(item.mailbox, item.id).with_values(**values),
            change_key=self._token("K", item.mailbox),
            modified=self.now(),
            modified_by=by,
            revision=item.revision + 1,
        )
        if extended is not None:
            changed = replace(changed, extended=extended)
        self._items[changed.mailbox][changed.id] = changed
        self.log.modified(changed, read_flag_only=set(values) == {"IsRead"} and extended is None)
        self._tell(changed, ChangeKind.MODIFIED, ChangeKind.MODIFIED)
        return changed

    def move(self, item: Item, folder: Folder) -> Item:
        """To another folder of the same mailbox, under a new id.

        Raises:
            EwsError: it is an occurrence, which lies where its series does.
        """
        if item.part is not None:
            raise EwsError("ErrorCalendarCannotMoveOrCopyOccurrence", "An occurrence cannot be moved or copied.")
        current = self._items[item.mailbox].pop(self.item(item.mailbox, item.id).id)
        moved = replace(
            current, id=self._item_id(folder.mailbox), change_key=self._token("K", folder.mailbox), folder=folder.id
        )
        self._items[moved.mailbox][moved.id] = moved
        self.log.deleted(current)
        self.log.created(moved)
        self._tell(moved, ChangeKind.MOVED, ChangeKind.MODIFIED, old_item_id=current.id)
        return moved

    def throw(self, item: Item, bin_folder: Folder) -> Item:
        """Into a folder for deleted items, where an occurrence does not come to lie: it only ceases to be."""
        if item.part is None:
            return self.move(item, bin_folder)
        self.delete(item)
        return item

    def delete(self, item: Item) -> None:
        """For good; a series without its last occurrence is deleted too."""
        if item.part is not None:
            self._leave_out(item.mailbox, item.part)
            return
        gone = self._items[item.mailbox].pop(self.item(item.mailbox, item.id).id)
        self.log.deleted(gone)
        self._tell(gone, ChangeKind.DELETED)

    def _customize(
        self,
        mailbox: str,
        part: Part,
        values: Mapping[str, Any],
        *,
        by: str,
        extended: Mapping[ExtendedName, ExtendedValue] | None,
    ) -> Item:
        master = self.item(mailbox, part.master.id)
        changed = self.modify(master, series.customized(master, part.day, values, extended), by=by)
        return self.item(mailbox, series.occurrence_id(changed.id, part.day))

    def _leave_out(self, mailbox: str, part: Part) -> None:
        master = self._items[mailbox].get(part.master.id)
        if master is None or series.occurrence(master, part.day) is None:
            return
        left = self.modify(master, series.without(master, part.day), by=self.owner(mailbox).name)
        if series.first(left) is None:
            self.delete(left)

    def record(self, mail: Mail) -> None:
        self.mails.append(mail)

    def received_by(self, address: str) -> Iterator[tuple[Mail, str | None]]:
        """The mails somebody got, in order, be he within or without; copies with the one whose delegate he is."""
        person = self.people.find(address)
        name = (person.email if person else address).casefold()
        for mail in self.mails:
            if name in (each.casefold() for each in mail.to):
                yield mail, None
            yield from ((mail, principal) for delegate, principal in mail.copies if delegate.casefold() == name)

    def new_uid(self) -> str:
        """A global object id as Exchange makes them, in upper-case hex."""
        self._count += 1
        random = hashlib.sha256(f"{self._seed}:{self._count}:uid".encode()).digest()[:16]
        head = bytes.fromhex("040000008200E00074C5B7101A82E008") + bytes(4)
        return (head + random[:8] + bytes(8) + b"\x10\x00\x00\x00" + random).hex().upper()

    def contract_folder(self, item: Item) -> str:
        """Where the item lies, in the contract's words."""
        return _CONTRACT_NAMES.get(self._folders[item.folder].name, "other")

    # Ids

    def _furnish(self, mailbox: str) -> None:
        for name, display_name, folder_class, parent in _FOLDERS:
            above = self._distinguished[(mailbox, parent)].id if parent else ""
            folder = Folder(self._token("F", mailbox), mailbox, name, display_name, folder_class, above)
            self._folders[folder.id] = folder
            self._distinguished[(mailbox, name)] = folder

    def _item_id(self, mailbox: str) -> str:
        number = self._made[mailbox]
        self._made[mailbox] += 1
        digest = hashlib.sha256(f"{self._seed}:{mailbox}:{number // 2}".encode()).digest()
        return "AAMk" + base64.b64encode(digest[:30]).decode() + ("AAaA" if number % 2 else "AAAA")

    def _token(self, kind: str, mailbox: str) -> str:
        self._count += 1
        digest = hashlib.sha256(f"{self._seed}:{kind}:{mailbox}:{self._count}".encode()).digest()
        return ("AQMk" if kind == "F" else "DwAA") + base64.b64encode(digest[:12]).decode()

    def _tell(self, item: Item, *kinds: ChangeKind, old_item_id: str | None = None) -> None:
        if self._on_change is None:
            return
        for kind in kinds:
            old = old_item_id if kind is ChangeKind.MOVED else None
            self._on_change(Change(item.mailbox, self.contract_folder(item), item.id, old, kind))
