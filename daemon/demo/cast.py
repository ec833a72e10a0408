"""Who plays: the bank's people, the CRM's users and clients, and how ids are spoken of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from schemas import ids

SERVICE = ("sync@bank.example", "secret")
"""The daemon's own account at Exchange: it impersonates, and must never send a mail."""

NORTH, SOUTH = "north", "south"
BANK = "bank"

FAMILY = "klein@family.example"
OTTO = "otto@trade.example"
XAVER = "xaver@else.example"
PETRA = "petra@partner.example"

_STAFF = {
    "anna": ("Anna Adler", NORTH),
    "bob": ("Bob Braun", SOUTH),
    "cleo": ("Cleo Curie", NORTH),
    "dora": ("Dora Diaz", NORTH),
    "emil": ("Emil Eder", SOUTH),
}
_IN_THE_CRM = {"gina": ("Gina Gold", NORTH)}
"""Who works in the CRM alone, and has no mailbox."""
_OUTSIDERS = {
    FAMILY: "Family Klein",
    OTTO: "Otto Ohm",
    XAVER: "Xaver Xenos",
    PETRA: "Petra Perl",
}
CLIENTS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "c-karl": ("Karl Klein", FAMILY, {"node": NORTH}),
    "c-klara": ("Klara Klein", FAMILY, {"node": NORTH, "coverage_users": ["u-bob"]}),
    "c-otto": ("Otto Ohm", OTTO, {"node": NORTH}),
}


def address(who: str) -> str:
    """The address of somebody at the bank."""
    return f"{who}@bank.example"


def user(who: str) -> str:
    """The CRM's id of somebody at the bank."""
    return f"u-{who}"


NAMES: Mapping[str, str] = {
    **{user(who): name for who, (name, _) in (_STAFF | _IN_THE_CRM).items()},
    **{address(who): name for who, (name, _) in _STAFF.items()},
    **{client: name for client, (name, _, _) in CLIENTS.items()},
    **{ids.external_about(address): name for address, name in _OUTSIDERS.items()},
}
"""What an id or a mailbox in an outcome is called; a stranger is known by the hash of his address."""

_AN_ID = re.compile("|".join(re.escape(each) for each in sorted(NAMES, key=len, reverse=True)))


def mailbox(address: str) -> dict[str, str]:
    """Somebody as a mail names him."""
    names = {f"{who}@bank.example": name for who, (name, _) in _STAFF.items()} | _OUTSIDERS
    return {"name": names[address], "email": address}


def named(text: str) -> str:
    """A text of the daemon's with names in the place of ids."""
    return _AN_ID.sub(lambda found: NAMES[found.group()], text)


def listed(names: Iterable[str], *, nobody: str = "nobody") -> str:
    """`A`, `A and B`, `A, B and C`."""
    said = [named(name) for name in names]
    if not said:
        return nobody
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def people_file() -> dict[str, Any]:
    """The sandbox Exchange's `people.json`. Everybody's password is his first name."""
    staff = [{"name": name, "email": address(who), "password": who} for who, (name, _) in _STAFF.items()]
    outside = [{"name": name, "email": email, "kind": "external"} for email, name in _OUTSIDERS.items()]
    username, password = SERVICE
    return {
        "people": [*staff, *outside],
        "services": [{"username": username, "password": password, "impersonates": "*"}],
    }


def directory() -> list[dict[str, Any]]:
    """What the CRM announces before the day begins: two branches, their advisors and clients."""
    nodes = [{"id": BANK, "parent": None}, {"id": NORTH, "parent": BANK}, {"id": SOUTH, "parent": BANK}]
    return [
        *({"type": "crm.node.changed.v1", "data": node} for node in nodes),
        *({"type": "crm.user.changed.v1", "data": _user(who, *person)} for who, person in _STAFF.items()),
        *(
            {"type": "crm.user.changed.v1", "data": _user(who, *person) | {"mailbox": None}}
            for who, person in _IN_THE_CRM.items()
        ),
        *({"type": "crm.contact.changed.v1", "data": _contact(each, *client)} for each, client in CLIENTS.items()),
    ]


def options(values: Mapping[str, bool], *, who: str | None = None) -> dict[str, Any]:
    """The options set for the system, or for one user."""
    scope = {"level": "system"} if who is None else {"level": "user", "id": user(who)}
    return {"type": "crm.options.changed.v1", "data": {"scope": scope, "options": dict(values)}}


def delegation(verb: str, *, principal: str, delegate: str) -> dict[str, Any]:
    """The CRM's word that somebody may act for another, or no longer: `granted`, `revoked`."""
    return {"type": f"crm.delegation.{verb}.v1", "data": {"principal": user(principal), "delegate": user(delegate)}}


def _user(who: str, name: str, node: str) -> dict[str, Any]:
    return {
        "id": user(who),
        "name": name,
        "emails": [address(who)],
        "mailbox": address(who),
        "active": True,
        "sync_enabled": True,
        "user_type": "advisor",
        "nodes": [node],
        "groups": [],
    }


def _contact(contact: str, name: str, email: str, access: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": contact, "name": name, "emails": [email], "active": True, "access": access}
