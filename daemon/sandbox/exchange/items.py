"""Items and folders as the sandbox's mailboxes hold them: frozen values, replaced on every change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.values import Attendee, Recipient, Value


@dataclass(frozen=True, slots=True)
class ExtendedName:
    """An extended property's identity: its set's GUID (none for tagged ones), its number or name, and its MAPI type."""

    property_set: str
    property_id: str
    type: str


ExtendedValue = str | tuple[str, ...]

ATTENDEE_LISTS = ("RequiredAttendees", "OptionalAttendees", "Resources")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; `name` is its distinguished name, empty for folders that people made."""

    id: str
    mailbox: str
    name: str
    display_name: str
    folder_class: str
    parent: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An item before a mailbox gave it an id."""

    kind: ItemKind
    values: Mapping[str, Value]
    extended: Mapping[ExtendedName, ExtendedValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """Which occurrence of which series an item is; `day` is the civil day on which the pattern has it."""

    master: Item
    day: date
    is_exception: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One item of one mailbox.

    `values` holds properties by EWS name; `extended` holds extended properties by `extended.ExtendedName`.
    `modified_by` is a name, `created_by` an address.
    `search_key` stays when the item moves, everything else of its identity changes. An occurrence is no item of its
    own but seen as one: `part` says of what.
    """

    id: str
    change_key: str
    mailbox: str
    folder: str
    kind: ItemKind
    values: Mapping[str, Value]
    extended: Mapping[ExtendedName, ExtendedValue]
    search_key: bytes
    created: datetime
    modified: datetime
    modified_by: str
    created_by: str = ""
    revision: int = 0
    part: Part | None = None

    def with_values(self, **values: Value) -> Item:
        """The same item with some properties set; None removes one."""
        merged = {**self.values, **values}
        return replace(self, values={name: value for name, value in merged.items() if value is not None})

    def get(self, name: str, default: Value = None) -> Value:
        return self.values.get(name, default)

    @property
    def uid(self) -> str:
        return str(self.values.get("UID", ""))

    @property
    def organizer(self) -> Recipient | None:
        return self.values.get("Organizer")

    @property
    def attendees(self) -> Iterator[Attendee]:
        for name in ATTENDEE_LISTS:
            yield from self.values.get(name, ())

    @property
    def recurrence_id(self) -> datetime | None:
        """Where the pattern has what is one occurrence, or about one; None of a whole series and of single items."""
        return self.values.get("RecurrenceId")

    @property
    def is_cancelled(self) -> bool:
        return bool(self.values.get("IsCancelled"))


class ChangeKind(StrEnum):
    """What happened to an item."""

    CREATED = "created"
    MODIFIED = "modified"
    DELETED = "deleted"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a mailbox; `folder` is where the item is (or was when it was deleted), in the contract's words."""

    mailbox: str
    folder: str
    item_id: str
    old_item_id: str | None
    kind: ChangeKind


@dataclass(frozen=True, slots=True)
class Cause:
    """The request (or injected event) behind a change: its operation, the account that made it, and in whose name
    ("": nobody's but its own)."""

    operation: str
    account: str
    mailbox: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that left a mailbox, by whose doing; `kind`: invitation, update, cancellation or response.

    `copies` are the delegates who got one, each with the one for whom. `subject` and `start` are as its readers see
    them, `recurrence_id` tells which occurrence of a series it is about.
    """

    sender_mailbox: str
    sender: str
    to: tuple[str, ...]
    kind: str
    uid: str
    cause: Cause
    copies: tuple[tuple[str, str], ...] = ()
    subject: str = ""
    start: datetime | None = None
    recurrence_id: datetime | None = None
