"""Who is at the bank: the people, rooms, lists and outsiders that the sandboxes know.

The file that describes them (`people.json`) is part of the contract; names are compared without regard to case. A
list's members are addresses. An `external` has no mailbox: he gets mails and may be invited. `appears_as: "x500"`
makes others see a person by his X500 name instead of his SMTP address, as happens to people whose mailbox was moved
between organizations (S09).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class PersonKind(StrEnum):
    """What stands behind an address."""

    PERSON = "person"
    ROOM = "room"
    LIST = "list"
    EXTERNAL = "external"


class Person(BaseModel):
    """One entry of the address book, or (`external`) somebody outside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    email: str
    aliases: tuple[str, ...] = ()
    password: str | None = None
    kind: PersonKind = PersonKind.PERSON
    members: tuple[str, ...] = ()
    appears_as: Literal["smtp", "x500"] = "smtp"

    @property
    def has_mailbox(self) -> bool:
        return self.kind in (PersonKind.PERSON, PersonKind.ROOM)

    @property
    def legacy_dn(self) -> str:
        """The X500 name, always the same for an address."""
        digest = hashlib.sha256(self.email.casefold().encode()).hexdigest()[:32]
        local = self.email.partition("@")[0]
        return f"/o=Sandbox/ou=Exchange Administrative Group/cn=Recipients/cn={digest}-{local}"

    @property
    def sid(self) -> str:
        """The security identifier, always the same for an address."""
        digest = hashlib.sha256(f"sid:{self.email.casefold()}".encode()).digest()
        authorities = (int.from_bytes(digest[at : at + 4]) for at in (0, 4, 8))
        return "-".join(("S-1-5-21", *map(str, authorities), str(1000 + int.from_bytes(digest[12:15]))))


class Service(BaseModel):
    """An account without a mailbox that acts for others; `*` is everybody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str
    password: str
    impersonates: Literal["*"] | tuple[str, ...] = "*"


class _PeopleFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    people: tuple[Person, ...]
    services: tuple[Service, ...] = Field(default=())


class People:
    """The address book and the accounts."""

    def __init__(self, people: Iterable[Person], services: Iterable[Service] = ()) -> None:
        self._people = tuple(people)
        self._services = {service.username.casefold(): service for service in services}
        self._by_name: dict[str, Person] = {}
        for person in self._people:
            for name in (person.email, *person.aliases, person.legacy_dn):
                if self._by_name.setdefault(name.casefold(), person) is not person:
                    raise ValueError(f"the address {name} belongs to two people")

    @classmethod
    def read(cls, source: Path | str | Mapping[str, Any]) -> People:
        """From a file's path or from its content.

        Raises:
            ValueError: the content is not as the contract says; the text names the field.
        """
        content = source if isinstance(source, Mapping) else json.loads(Path(source).read_text("utf-8"))
        parsed = _PeopleFile.model_validate(content)
        return cls(parsed.people, parsed.services)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._people)

    def find(self, address: str) -> Person | None:
        """Who has this address, alias or X500 name."""
        return self._by_name.get(_bare(address).casefold())

    def by_sid(self, sid: str) -> Person | None:
        """Who has this security identifier."""
        return next((person for person in self._people if person.sid == sid), None)

    def service(self, username: str) -> Service | None:
        return self._services.get(username.casefold())

    def may_impersonate(self, service: Service, person: Person) -> bool:
        if service.impersonates == "*":
            return True
        return any(self.find(address) is person for address in service.impersonates)

    def members(self, entry: Person) -> list[str]:
        """The addresses a mail to this entry reaches: a list's members, lists within lists included."""
        if entry.kind is not PersonKind.LIST:
            return [entry.email]
        reached: dict[str, None] = {}
        self._expand(entry, reached, seen={entry.email})
        return list(reached)

    def _expand(self, entry: Person, reached: dict[str, None], *, seen: set[str]) -> None:
        for address in entry.members:
            member = self.find(address)
            if member is None or member.kind is not PersonKind.LIST:
                reached[member.email if member else address] = None
            elif member.email not in seen:
                seen.add(member.email)
                self._expand(member, reached, seen=seen)


def _bare(address: str) -> str:
    """Without the routing prefix that directories put before an address."""
    text = address.strip()
    prefix, colon, rest = text.partition(":")
    return rest.strip() if colon and prefix.casefold() in ("smtp", "ex", "mailto") else text
