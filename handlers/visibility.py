"""Who may see whom: one predicate for every security model (VIS-1..3).

Unknown is invisible: a contact without a known node, a user without nodes, an inactive user.

Fifty people look at fifty contacts: who they are is gone through once, and a contact is then asked who sees him.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum

from handlers.facts import Contact, User


class SecurityModel(StrEnum):
    """How the CRM decides who may see a contact."""

    HAM = "ham"  # hierarchical: by the node a contact lies at
    CAM = "cam"  # coverage: by the contact's coverage team
    GSM = "gsm"  # group: by the contact's own view setting


class Audience:
    """Some users, each of whom may see a contact or not."""

    def __init__(self, users: Iterable[User], *, model: SecurityModel) -> None:
        everybody = tuple(users)
        active = [user for user in everybody if user.active]
        self._model = model
        self._everybody = frozenset(user.id for user in everybody)
        self._active = frozenset(user.id for user in active)
        self._in_group = _by((group, user.id) for user in active for group in user.groups)
        self._at_node = _by((node, user.id) for user in active for node in user.node_ids)

    def __len__(self) -> int:
        return len(self._everybody)

    def blind_to(self, contact: Contact) -> list[str]:
        """Who may not see a contact, in order of id. Coverage grants visibility in every model (VIS-2)."""
        covering = self._active & contact.coverage_users
        team = _any(self._in_group, contact.coverage_groups)
        return sorted(self._everybody.difference(covering, team, self._admitted(contact)))

    def _admitted(self, contact: Contact) -> Iterable[str]:
        if self._model is SecurityModel.HAM:
            return _any(self._at_node, contact.node_path or ())
        return self._in_view(contact) if self._model is SecurityModel.GSM else ()

    def _in_view(self, contact: Contact) -> Iterable[str]:
        if contact.view == "public":
            return self._active
        if contact.view == "group":
            return _any(self._in_group, contact.view_groups)
        return self._active & {contact.created_by}


def _by(pairs: Iterable[tuple[str, str]]) -> Mapping[str, set[str]]:
    users: dict[str, set[str]] = defaultdict(set)
    for name, user in pairs:
        users[name].add(user)
    return users


def _any(users: Mapping[str, set[str]], names: Iterable[str]) -> set[str]:
    """The users of any of these names."""
    return set().union(*[users[name] for name in names if name in users])
