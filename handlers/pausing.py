"""Pause and resume of synchronization, for everybody or for one user (OPS-1).

A pause holds back whatever would be read from or written to a mailbox it covers; the directory and the CRM's answers to
our commands go on. Everybody's pause and a user's own are independent of each other: resuming everybody does not resume
somebody who was paused by name, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from handlers.plans import Explanation, Report
from schemas.outcomes import Decision, Direction, Reason, Result

SYSTEM = "system"
_RULE = "OPS-1"


class Shared(Protocol):
    """An item with people: one of the CRM's, as it came or as it is kept."""

    @property
    def owner(self) -> str | None: ...

    @property
    def assign_to(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Pauses:
    """Whose synchronization stands still."""

    system: bool = False
    users: frozenset[str] = frozenset()

    def block(self, users: Iterable[str]) -> bool:
        """Whether what concerns these users has to wait."""
        return self.system or not self.users.isdisjoint(users)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operator asks for: to pause, or else to resume, whom, and whether only to say what would come of it."""

    pause: bool
    level: Literal["system", "user", "link"]
    id: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What he is told, and what stands still from then on."""

    report: Report
    pauses: Pauses


def concerned(*items: Shared | None) -> frozenset[str]:
    """The users an item is about: in whose mailboxes it may lie, or come to lie."""
    return frozenset(user for item in items if item for user in (item.owner, *item.assign_to) if user)


def decide(standing: Pauses, asked: Asked, *, is_known: bool) -> Answer:
    """Answers a request. `is_known`: whether the directory has such a user."""
    if asked.level == "link":
        return _refused(standing, asked, Reason.NOT_YET, because="scope must be system or a user")
    if asked.level == "user" and not is_known and asked.id not in standing.users:
        return _refused(standing, asked, Reason.UNKNOWN_MAILBOX, because="unknown user: crm.users has none of this id")
    after = _applied(standing, asked)
    if after == standing:
        return Answer(_report(Result.UNCHANGED, *_notes(after, asked)), standing)
    if asked.dry_run:
        return Answer(_report(Result.UNCHANGED, _note(asked, "dry_run: would be applied")), standing)
    return Answer(_report(Result.APPLIED, *_notes(after, asked)), after)


def _applied(standing: Pauses, asked: Asked) -> Pauses:
    if asked.level == "system" or asked.id is None:
        return replace(standing, system=asked.pause)
    users = standing.users | {asked.id} if asked.pause else standing.users - {asked.id}
    return replace(standing, users=users)


def _notes(after: Pauses, asked: Asked) -> Iterable[Explanation]:
    """What keeps somebody paused who was resumed: an operator would wonder."""
    if asked.pause:
        return
    if asked.level == "user" and after.system:
        yield _note(asked, "the system is paused")
    if asked.level == "system":
        for user in sorted(after.users):
            yield Explanation(_RULE, user, Decision.KEPT, "paused by name")


def _note(asked: Asked, because: str) -> Explanation:
    return Explanation(_RULE, asked.id or SYSTEM, Decision.KEPT, because)


def _refused(standing: Pauses, asked: Asked, reason: Reason, *, because: str) -> Answer:
    explanation = Explanation(_RULE, asked.id or SYSTEM, Decision.REFUSED, because)
    return Answer(Report(Direction.CONTROL, Result.REFUSED, reason, explain=(explanation,)), standing)


def _report(result: Result, *explain: Explanation) -> Report:
    return Report(Direction.CONTROL, result, explain=explain)
