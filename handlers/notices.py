"""What was decided about who is told of a change (`notifying`), for those who make calls of it."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.plans import Explanation
from schemas.outcomes import Reason
from schemas.sending import SILENT, Sending


@dataclass(frozen=True, slots=True)
class Notice:
    """Whom a change is told, and how the organizer's copy is written.

    `told` are the users who get the message, from this call or one made before. `recipients` get it with the call that
    writes the item, `staying` with those that write single occurrences of it. `silences` say why nobody does, or fewer
    than were to.
    """

    sending: Sending = SILENT
    delegate: str | None = None
    told: frozenset[str] = frozenset()
    recipients: tuple[str, ...] = ()
    staying: tuple[str, ...] = ()
    silences: tuple[Explanation, ...] = ()
    reason: Reason | None = None


QUIET = Notice()
