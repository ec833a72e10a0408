"""Who is in the CRM, who may see whom, and whose option says what: from the announcements alone (OPT, PART, VIS)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULTS = {
    "external_contacts.display": False,
    "for_contacts.inbound": True,
    "for_contacts.security_check": False,
    "private_meetings.inbound": False,
}

Data = Mapping[str, Any]


@dataclass
class Settings:
    """The administrator's settings, as far as these rules name them."""

    security_model: str = "ham"
    blacklist: tuple[str, ...] = ()
    max_assigned_users: int | None = None

    def blocks(self, address: str) -> bool:
        """BLK-1: searched for anywhere, whatever the case."""
        return any(re.search(pattern, address, re.IGNORECASE) for pattern in self.blacklist)


@dataclass
class Directory:
    """The last announcement of everything."""

    users: dict[str, Data] = field(default_factory=dict)
    nodes: dict[str, Data] = field(default_factory=dict)
    contacts: dict[str, Data] = field(default_factory=dict)
    options: dict[str, Mapping[str, bool]] = field(default_factory=dict)

    def hear(self, announcements: Iterable[Data]) -> None:
        """The CRM announced these."""
        for each in announcements:
            data = each["data"]
            match each["type"].split(".")[1]:
                case "user":
                    self.users[data["id"]] = data
                case "node":
                    self.nodes[data["id"]] = data
                case "contact":
                    self.contacts[data["id"]] = data
                case "options":
                    scope = data["scope"]
                    self.options[":".join(filter(None, (scope["level"], scope.get("id"))))] = data["options"]

    def option(self, key: str, user: str) -> bool:
        """OPT-1: user, else user type, else system, else default."""
        for scope in (f"user:{user}", f"type:{self.users[user]['user_type']}", "system"):
            value = self.options.get(scope, {}).get(key)
            if value is not None:
                return value
        return DEFAULTS[key]

    def user_at(self, address: str) -> str | None:
        """PART-1: the active user with that address; of two the lowest id."""
        found = [each["id"] for each in self.users.values() if each["active"] and _has(each, address)]
        return min(found, default=None)

    def is_synchronized(self, user: str | None) -> bool:
        if user is None:
            return False
        data = self.users[user]
        return bool(data["active"] and data["sync_enabled"] and data["mailbox"])

    def synchronized_at(self, mailbox: str) -> str | None:
        """Whose synchronized mailbox it is."""
        user = self.user_at(mailbox)
        own = user is not None and (self.users[user]["mailbox"] or "").casefold() == mailbox.casefold()
        return user if own and self.is_synchronized(user) else None

    def contacts_at(self, address: str) -> list[str]:
        """PART-1, PART-2: every active contact with that address, mergers followed."""
        having = (each for each in self.contacts.values() if _has(each, address))
        found = {self._merged(each)["id"] for each in having if each["active"] or each.get("merged_into")}
        return sorted(contact for contact in found if self.contacts[contact]["active"])

    def can_see(self, user: str, contact: str, *, model: str) -> bool:
        """VIS-2; VIS-3 for whoever is not active."""
        who, access = self.users[user], self.contacts[contact].get("access", {})
        if not who["active"]:
            return False
        if user in access.get("coverage_users", ()) or set(who["groups"]) & set(access.get("coverage_groups", ())):
            return True
        match model:
            case "ham":
                return bool(set(who["nodes"]) & set(self._above(access.get("node"))))
            case "gsm":
                return self._is_viewable(user, access)
            case _:
                return False

    def _is_viewable(self, user: str, access: Data) -> bool:
        view = access.get("view", "public")
        if view == "group":
            return bool(set(self.users[user]["groups"]) & set(access.get("view_groups", ())))
        return view == "public" or access.get("created_by") == user

    def _above(self, node: str | None) -> Iterable[str]:
        """A node and all above it, as far as they were announced."""
        while node is not None and node in self.nodes:
            yield node
            node = self.nodes[node].get("parent")

    def _merged(self, contact: Data) -> Data:
        while contact.get("merged_into"):
            contact = self.contacts[contact["merged_into"]]
        return contact


def _has(person: Data, address: str) -> bool:
    known = [*person["emails"], person.get("mailbox") or ""]
    return address.strip().casefold() in {each.casefold() for each in known if each}
