"""What answers list beside items: pages, folders, people found by name (PART-3)."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.exchange.ews import fields
from daemon.exchange.ews.envelopes import MESSAGES, TYPES, Element, Message

CALENDAR_CLASS = "IPF.Appointment"
TASKS_CLASS = "IPF.Task"

_SMTP = "SMTP:"


@dataclass(frozen=True, slots=True)
class Page:
    """How far a FindItem or FindFolder answer reaches. `next_offset` None: there is no more in this folder."""

    next_offset: int | None
    total: int


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """A folder of a mailbox, as FindFolder lists it."""

    id: str
    parent: str
    is_calendar: bool = False
    is_for_tasks: bool = False


def page(message: Message) -> Page:
    """The paging of a FindItem or FindFolder message. A missing or senseless statement reads as "there may be more"."""
    root = message.element.find(f"{MESSAGES}RootFolder")
    if root is None:
        return Page(None, 0)
    total = fields.number(root.get("TotalItemsInView")) or 0
    if fields.is_true(root.get("IncludesLastItemInRange")):
        return Page(None, total)
    return Page(fields.number(root.get("IndexedPagingOffset")) or 0, total)


def folder_ids(message: Message) -> tuple[str, ...]:
    """The folder ids of a GetFolder message."""
    return tuple(element.get("Id", "") for element in message.element.iter(f"{TYPES}FolderId"))


def folders(message: Message) -> tuple[ListedFolder, ...]:
    """The folders of a FindFolder message."""
    return tuple(map(_folder, message.element.iterfind(f"{MESSAGES}RootFolder/{TYPES}Folders/*")))


def addresses(message: Message) -> tuple[tuple[str, ...], ...]:
    """Per candidate of a ResolveNames message his SMTP addresses, primary first, each once."""
    return tuple(map(_candidate, message.element.iter(f"{TYPES}Resolution")))


def _folder(element: Element) -> ListedFolder:
    found = fields.of(element)
    kind = found.text("FolderClass")
    return ListedFolder(
        id=found.attribute("FolderId", "Id"),
        parent=found.attribute("ParentFolderId", "Id"),
        is_calendar=kind.startswith(CALENDAR_CLASS),
        is_for_tasks=kind.startswith(TASKS_CLASS),
    )


def _candidate(element: Element) -> tuple[str, ...]:
    routing = element.findtext(f"{TYPES}Mailbox/{TYPES}RoutingType") or "SMTP"
    primary = element.findtext(f"{TYPES}Mailbox/{TYPES}EmailAddress") or ""
    entries = [entry.text or "" for entry in element.iterfind(f"{TYPES}Contact/{TYPES}EmailAddresses/{TYPES}Entry")]
    entries.sort(key=lambda entry: not entry.startswith(_SMTP))  # in capitals: the primary one
    named = [primary] if routing.upper() == "SMTP" else []
    smtp = [*named, *(entry[len(_SMTP) :] for entry in entries if entry.upper().startswith(_SMTP))]
    once: dict[str, str] = {}
    for address in map(str.strip, smtp):
        if "@" in address:
            once.setdefault(address.lower(), address)
    return tuple(once.values())
