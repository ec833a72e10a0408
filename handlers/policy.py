"""The settings that decisions depend on, already validated. The options are not here: they are events (`options`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from handlers.visibility import SecurityModel
from schemas.addresses import normalise


class Pattern(Protocol):
    """A compiled regular expression, whichever library compiled it."""

    def search(self, text: str, /) -> object | None:
        """A match anywhere in the text, or None."""
        ...


class BlacklistScope(StrEnum):
    """Whom the blacklist keeps from being matched (BLK-3)."""

    CONTACTS = "contacts"
    ALL = "all"


class ConflictPolicy(StrEnum):
    """Who wins when both sides changed a field differently (CON-2)."""

    CRM_WINS = "crm_wins"
    EXCHANGE_WINS = "exchange_wins"
    LATEST_WINS = "latest_wins"


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything an administrator configured that a decision needs.

    `canonical` turns an address as Exchange writes it into the form the directory is keyed by, None if it is no SMTP
    address. `options` are the system-level values seeded from configuration (OPT-2). `conflicts` are the policies of
    field groups that have one of their own, by the group's name; the others follow `conflict_default`.
    `most_participants`, `most_exceptions` (customized occurrences) and `most_occurrences` None: any number (OPS-4).
    `most_recipients`: a change that more people would be mailed about is written without mail (INV-4).
    `series_alarms_always`: not only when a series is made (ALM-3). `block_for_guests`: whether a body that guests
    are mailed carries the related block (NOTE-6).
    """

    security_model: SecurityModel = SecurityModel.HAM
    options: Mapping[str, bool] = field(default_factory=dict)
    blacklist: tuple[Pattern, ...] = ()
    blacklist_scope: BlacklistScope = BlacklistScope.CONTACTS
    max_assigned_users: int | None = None
    keep_items: timedelta = timedelta(days=30)
    conflict_default: ConflictPolicy = ConflictPolicy.CRM_WINS
    conflicts: Mapping[str, ConflictPolicy] = field(default_factory=dict)
    most_participants: int | None = None
    most_exceptions: int | None = None
    most_occurrences: int | None = None
    most_recipients: int = 250
    series_alarms_always: bool = True
    block_for_guests: bool = False
    canonical: Callable[[str], str | None] = normalise
