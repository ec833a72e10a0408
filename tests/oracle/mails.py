"""Who is mailed what, and in whose name, worked out from what people did in the CRM (INV-1..7).

A CRM user says whom he wants told, and for whom he acts. What leaves then is told of a meeting by the one who organizes
it, to everybody who takes part, or to who is new; it is sent by him, or by his delegate. Of people who take part it is
all one here whether they are users, contacts or strangers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wish:
    """Who changes something in the CRM, for whom if not for himself, and who shall be told: `none`, `all`, `added`."""

    actor: str | None = None
    on_behalf_of: str | None = None
    notify: str = "none"


SILENT = Wish()


@dataclass(frozen=True)
class Mail:
    """One message: an `invitation`, an `update` or a `cancellation`."""

    kind: str
    owner: str
    sender: str
    to: frozenset[str]


@dataclass(frozen=True)
class Leave:
    """That somebody may do what he wants. `delegate`: he acts for the owner as that; `mails`: others may be told."""

    delegate: str | None
    mails: bool


@dataclass
class Delegations:
    """Who may act for whom: what the CRM announced, and the option of whoever granted it."""

    principals: frozenset[str] = frozenset()  # users with mailboxes we write to
    delegates: frozenset[str] = frozenset()  # users with mailboxes at all
    standing: set[tuple[str, str]] = field(default_factory=set)
    for_all: bool = False
    of_user: dict[str, bool] = field(default_factory=dict)

    def in_force(self, principal: str, delegate: str) -> bool:
        """INV-1, OPT-1, OPT-4."""
        able = principal in self.principals and delegate in self.delegates
        return able and (principal, delegate) in self.standing and self.of_user.get(principal, self.for_all)

    def leave(self, wish: Wish, owner: str | None, *, creates: bool = False) -> Leave | None:
        """INV-2: whether he may; None: it is refused. Who acts for himself acts for nobody."""
        if wish.on_behalf_of in (None, wish.actor):
            is_owner = wish.actor in (None, owner)
            return Leave(None, is_owner) if is_owner or not creates else None
        if wish.on_behalf_of != owner or wish.actor is None:
            return None
        return Leave(wish.actor, mails=True) if self.in_force(owner, wish.actor) else None


@dataclass
class Post:
    """What was sent of one meeting because the CRM asked for it; `told`: who heard of it ever, by whomever."""

    told: set[str] = field(default_factory=set)
    sent: list[Mail] = field(default_factory=list)

    def tell_all(self, owner: str, leave: Leave, people: Iterable[str], *, out: Iterable[str] = ()) -> None:
        """Everybody who takes part, and who was taken out; who never heard of it is invited, and cannot be put off."""
        people = set(people)
        self._send("cancellation", owner, leave, set(out) & self.told)
        self._send("invitation", owner, leave, people - self.told)
        self._send("update", owner, leave, people & self.told)
        self.told |= people

    def tell_added(self, owner: str, leave: Leave, people: Iterable[str]) -> None:
        """Those alone who are new."""
        self._send("invitation", owner, leave, set(people))
        self.told |= set(people)

    def tell_the_end(self, owner: str, leave: Leave, people: Iterable[str]) -> None:
        self._send("cancellation", owner, leave, set(people) & self.told)

    def _send(self, kind: str, owner: str, leave: Leave, to: set[str]) -> None:
        if to:
            self.sent.append(Mail(kind, owner, leave.delegate or owner, frozenset(to)))
