"""What one person may see and do in another's mailbox, by the delegate rights he was given there.

A level opens one folder, not those within it: Reviewer sees, Author makes items too and changes his own, Editor changes
all. Custom, which nobody can grant here, only sees. What is private stays hidden from who may not see private items,
and he may not change it even if he knows its id. Deleted items come to lie where their owner's do.
"""

from __future__ import annotations

from enum import Enum, auto

from daemon.sandbox.exchange.delegates import FOLDERS, Rights
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.items import Folder, Item
from daemon.sandbox.exchange.world import World
from daemon.sandbox.people import Person

_NOTHING = Rights()
_DENIED = "Access is denied. Check credentials and try again."


class Act(Enum):
    """What somebody is about to do in a folder, or with an item."""

    SEE = auto()
    CREATE = auto()
    CHANGE = auto()


_ALLOWED = {
    "None": frozenset[Act](),
    "Custom": frozenset((Act.SEE,)),
    "Reviewer": frozenset((Act.SEE,)),
    "Author": frozenset((Act.SEE, Act.CREATE)),
    "Editor": frozenset(Act),
}


def check_folder(world: World, person: Person, folder: Folder, act: Act) -> None:
    """Raises EwsError if he may not do this in the folder."""
    if not may(world, person, folder, act):
        raise EwsError("ErrorAccessDenied", _DENIED)


def check_item(world: World, person: Person, item: Item, act: Act) -> None:
    """Raises EwsError if he may not do this with the item; what he may not even see is not there for him."""
    if item.mailbox == person.email:
        return
    folder = world.folder_by_id(item.folder)
    is_seen = may(world, person, folder, Act.SEE) and not is_hidden(world, person, item)
    if act is Act.SEE and not is_seen:
        raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
    is_own = item.created_by == person.email and may(world, person, folder, Act.CREATE)
    if not is_seen or not (is_own or may(world, person, folder, act)):
        raise EwsError("ErrorAccessDenied", _DENIED)


def may(world: World, person: Person, folder: Folder, act: Act) -> bool:
    if folder.mailbox == person.email:
        return True
    level = _rights(world, person, folder.mailbox).level(folder.name) if folder.name in FOLDERS else "None"
    return act in _ALLOWED[level]


def is_hidden(world: World, person: Person, item: Item) -> bool:
    """Whether the item is private and not for his eyes."""
    if item.mailbox == person.email or item.get("Sensitivity") != "Private":
        return False
    return not _rights(world, person, item.mailbox).sees_private


def _rights(world: World, person: Person, principal: str) -> Rights:
    return world.delegates.of(principal).get(person.email, _NOTHING)
