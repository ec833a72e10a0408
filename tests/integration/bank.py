"""A bank made up at random: its address book, its CRM's directory, and its administrator's whims.

The same seed makes the same bank. Everything that makes participants differ is in it: aliases, X500 names, a list, a
room, users who are inactive or do not synchronize, colleagues the CRM does not know, several contacts of one address,
contacts in different nodes, merged and inactive ones, and a blacklist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

NAMES = ["anna", "bob", "cleo", "dora", "emil", "fay", "gus", "hana", "ida", "jan", "kim", "lea", "max", "nora", "otto"]
ZONES = ["Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo"]
LEAVES = ["north-1", "north-2", "south-1"]
NODES = {"bank": None, "north": "bank", "south": "bank", **dict(zip(LEAVES, ("north", "north", "south"), strict=True))}
LIST, ROOM = "desk@bank.example", "room4@bank.example"
SPAM = "offers@spam.example"
ROBOT = "noreply@client.example"
BLACKLIST = (r"@spam\.example$", "^noreply@")
CROWD = 5
OPTIONS = (
    "external_contacts.display",
    "for_contacts.inbound",
    "for_contacts.security_check",
    "private_meetings.inbound",
)

Entry = dict[str, Any]


@dataclass
class Bank:
    """Who is there. `clients` are addresses outside; `booked` those of them that the address book names."""

    random: Random
    size: int
    book: list[Entry] = field(default_factory=list)
    announcements: list[Entry] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    synchronized: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    x500: str = ""

    def __post_init__(self) -> None:
        self.clients = [f"client{number}@client.example" for number in range(8)]
        names = [NAMES[n % len(NAMES)] + (str(n // len(NAMES)) if n >= len(NAMES) else "") for n in range(self.size)]
        self.synchronized = [f"{name}@bank.example" for name in names[:-3]]
        self.others = [f"{name}@bank.example" for name in names[-3:]]
        self.x500 = self.synchronized[1]
        self.book = [*(self._person(name) for name in names), *self._beside_people()]
        self.announcements = [*self._nodes(), *map(self._user, names[:-1]), *self._contacts()]

    @property
    def people(self) -> list[str]:
        """Everybody with a mailbox here."""
        return [*self.synchronized, *self.others]

    def zone(self, address: str) -> str:
        return ZONES[self.people.index(address) % len(ZONES)]

    def whims(self) -> list[Entry]:
        """Options as the administrator flips them now, and what else changes in the CRM meanwhile."""
        return [
            self._options({"level": "system"}, share=1.0),
            self._options({"level": "type", "id": "advisor"}, share=0.3),
            *(self._options({"level": "user", "id": _user_id(each)}, share=0.2) for each in self.people[:-1]),
            *self._moves(),
        ]

    def _options(self, scope: Entry, *, share: float) -> Entry:
        chosen = {key: self.random.random() < 0.5 for key in OPTIONS if self.random.random() < share}
        return {"type": "crm.options.changed.v1", "data": {"scope": scope, "options": chosen}}

    def _person(self, name: str) -> Entry:
        address = f"{name}@bank.example"
        more = {"appears_as": "x500"} if address == self.x500 else {}
        return {"name": f"{name.title()} Adler", "email": address, "aliases": [_alias(name)], "password": name, **more}

    def _beside_people(self) -> Iterator[Entry]:
        yield {"name": "Room 4", "email": ROOM, "kind": "room"}
        members = [*self.synchronized[:2], self.others[0], self.clients[0]]
        yield {"name": "The Desk", "email": LIST, "kind": "list", "members": members}
        for number, address in enumerate(self.clients[::2]):
            yield {"name": f"Carla Client{number}", "email": address, "kind": "external"}

    def _nodes(self) -> Iterator[Entry]:
        for node, parent in NODES.items():
            yield {"type": "crm.node.changed.v1", "data": {"id": node, "parent": parent}}

    def _user(self, name: str) -> Entry:
        address, number = (
            f"{name}@bank.example",
            self.others.index(f"{name}@bank.example") if self._is_other(name) else -1,
        )
        data = {
            "id": _user_id(address),
            "name": f"{name.title()} Adler",
            "emails": [address.upper(), _alias(name)] if self.random.random() < 0.5 else [_alias(name)],
            "mailbox": address,
            "active": number != 1,
            "sync_enabled": number != 0,
            "user_type": self.random.choice(["advisor", "assistant"]),
            "nodes": self.random.sample([*LEAVES, "north", "bank"], self.random.choice([1, 1, 2])),
            "groups": self.random.sample(["desk-1", "desk-2"], self.random.choice([0, 1])),
        }
        return {"type": "crm.user.changed.v1", "data": data}

    def _is_other(self, name: str) -> bool:
        return f"{name}@bank.example" in self.others

    def _contacts(self) -> Iterator[Entry]:
        for number, address in enumerate([*self.clients[:-1], ROBOT, SPAM, self.others[2]]):
            for each in range(self.random.choice([1, 1, 2, 3])):
                yield self._contact(f"c-{number}-{each}", [address, f"second{number}-{each}@client.example"])
        merged = self._contact("c-merged", [self.clients[1]], active=False)
        merged["data"]["merged_into"] = "c-heir"
        yield merged
        yield self._contact("c-heir", ["heir@client.example"])
        yield self._contact("c-left", [self.clients[2]], active=False)

    def _contact(self, contact_id: str, emails: list[str], *, active: bool = True) -> Entry:
        access = {
            "node": self.random.choice([*LEAVES, "south", None]),
            "coverage_users": [_user_id(self.random.choice(self.synchronized))] if self.random.random() < 0.3 else [],
            "coverage_groups": ["desk-1"] if self.random.random() < 0.2 else [],
            "view": self.random.choice(["public", "group", "private"]),
            "view_groups": ["desk-2"],
            "created_by": _user_id(self.synchronized[0]),
        }
        data = {"id": contact_id, "name": contact_id, "emails": emails, "active": active, "access": access}
        return {"type": "crm.contact.changed.v1", "data": data}

    def _moves(self) -> Iterator[Entry]:
        """A few contacts go to other nodes."""
        contacts = [each["data"] for each in self.announcements if each["type"] == "crm.contact.changed.v1"]
        for data in self.random.sample(contacts, 3):
            moved = data | {"access": data["access"] | {"node": self.random.choice(LEAVES)}}
            yield {"type": "crm.contact.changed.v1", "data": moved}


def _alias(name: str) -> str:
    return f"{name[0]}.{name}@bank.example"


def _user_id(address: str) -> str:
    return f"u-{address.partition('@')[0]}"
