"""Facts: what the directory knows, as far as one decision needs it.

The store fetches them by indexed look-ups in batches; every judgement about them is made in this package. Addresses are
canonical (`schemas.addresses.normalise` with the configured aliases), ids compare byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class User:
    """A CRM user. `mailbox` None: not synchronized. `node_ids` are the nodes he belongs to."""

    id: str
    name: str = ""
    addresses: tuple[str, ...] = ()
    mailbox: str | None = None
    active: bool = True
    sync_enabled: bool = True
    user_type: str | None = None
    node_ids: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def synchronized(self) -> bool:
        """Whether his mailbox takes part."""
        return self.active and self.sync_enabled and self.mailbox is not None


@dataclass(frozen=True, slots=True)
class Contact:
    """A CRM contact. `node_path` holds the ids from the root down to his own node; None: node unknown (VIS-3)."""

    id: str
    addresses: tuple[str, ...] = ()
    active: bool = True
    user: str | None = None
    node_path: tuple[str, ...] | None = None
    coverage_users: frozenset[str] = frozenset()
    coverage_groups: frozenset[str] = frozenset()
    view: str = "private"
    view_groups: frozenset[str] = frozenset()
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The directory around one meeting.

    `users` and `contacts` map a canonical address to whoever has it: users active or not, contacts that are active and
    survivors of merges, each in order of id. `by_id` holds every user named here by id, `by_contact` every contact that
    the item names in For, by the id it is named with. `options` maps a scope
    (`system`, `type:advisor`, `user:u-anna`) to the options set there by events. `resolved` maps what Exchange named
    (an X500 name, an alias; `participants.resolvable`) to the canonical addresses it stands for. `grants` are the
    pairs of principal and delegate that are in force: granted by the CRM, and done in Exchange (INV-1). `as_of` is the
    outcome's `directory_as_of`.
    """

    users: Mapping[str, tuple[User, ...]] = field(default_factory=dict)
    contacts: Mapping[str, tuple[Contact, ...]] = field(default_factory=dict)
    by_id: Mapping[str, User] = field(default_factory=dict)
    by_contact: Mapping[str, Contact] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    resolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    grants: frozenset[tuple[str, str]] = frozenset()
    as_of: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
