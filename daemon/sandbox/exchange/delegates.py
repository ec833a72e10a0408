"""Who may act for whom: the delegates of each mailbox, their rights, and where its meeting requests go.

Rights are Exchange's own: a level for each of six folders, whether private items are seen, and whether copies of
meeting requests are received. How these are delivered is one setting of the mailbox, whoever its delegates are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.sandbox.exchange.errors import EwsError

FOLDERS = ("calendar", "tasks", "inbox", "contacts", "notes", "journal")
LEVELS = ("None", "Reviewer", "Author", "Editor", "Custom")
DELIVERIES = ("DelegatesOnly", "DelegatesAndMe", "DelegatesAndSendInformationToMe", "NoForward")
NO_FORWARD = "NoForward"


@dataclass(frozen=True, slots=True)
class Rights:
    """What a delegate may do; a folder that is not named is closed to him."""

    levels: Mapping[str, str] = field(default_factory=dict)
    receives_copies: bool = False
    sees_private: bool = False

    def level(self, folder: str) -> str:
        return self.levels.get(folder, "None")

    def changed(self, levels: Mapping[str, str], **flags: Any) -> Rights:
        """With some levels and flags set; a flag that is None stays."""
        given = {name: value for name, value in flags.items() if value is not None}
        return replace(self, levels={**self.levels, **levels}, **given)


class Delegates:
    """All mailboxes' delegates, by the addresses of principals and delegates."""

    def __init__(self) -> None:
        self._rights: dict[str, dict[str, Rights]] = defaultdict(dict)
        self._deliveries: dict[str, str] = {}

    def of(self, principal: str) -> Mapping[str, Rights]:
        """A mailbox's delegates in the order in which they were added."""
        return dict(self._rights[principal])

    def rights(self, principal: str, delegate: str) -> Rights:
        """Raises EwsError if he is none."""
        found = self._rights[principal].get(delegate)
        if found is None:
            raise EwsError("ErrorNotDelegate", "The user is no delegate of this mailbox.")
        return found

    def add(self, principal: str, delegate: str, rights: Rights) -> None:
        """Raises EwsError if he is one already, or the principal himself."""
        if delegate == principal:
            raise EwsError("ErrorDelegateCannotAddOwner", "Nobody is his own delegate.")
        if delegate in self._rights[principal]:
            raise EwsError("ErrorDelegateAlreadyExists", "The user is a delegate of this mailbox already.")
        self._rights[principal][delegate] = rights

    def update(self, principal: str, delegate: str, rights: Rights) -> None:
        """Raises EwsError if he is none."""
        self.rights(principal, delegate)
        self._rights[principal][delegate] = rights

    def remove(self, principal: str, delegate: str) -> None:
        """Raises EwsError if he is none."""
        self.rights(principal, delegate)
        del self._rights[principal][delegate]

    def delivery(self, principal: str) -> str:
        """How the mailbox's meeting requests are delivered."""
        return self._deliveries.get(principal, NO_FORWARD)

    def deliver(self, principal: str, how: str) -> None:
        self._deliveries[principal] = how
