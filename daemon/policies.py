"""From settings to what decisions are given: the policy, and the canonical form of addresses (PART-3, BLK-1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any

from daemon.settings import blacklists
from daemon.settings.models import Settings
from handlers.policy import BlacklistScope, ConflictPolicy, Policy
from handlers.visibility import SecurityModel
from schemas.addresses import normalise

_REMEMBERED = 10_000
"""Addresses whose canonical form is remembered: one decision asks for each of its own several times."""


@dataclass(frozen=True, slots=True)
class _AnyOf:
    """All patterns of the blacklist as one, so that decisions do not know how they are compiled."""

    patterns: tuple[str, ...]

    def search(self, text: str, /) -> object | None:
        return True if blacklists.search(self.patterns, text) else None


def canonical_of(settings: Settings) -> Callable[[str], str | None]:
    """How addresses compare under these settings."""
    addresses = settings.addresses
    rules: dict[str, Any] = {}
    if addresses.domain_aliases:
        rules["aliases"] = dict(addresses.domain_aliases)
    if addresses.plus_tag_domains:
        rules["plus_tag_domains"] = frozenset(addresses.plus_tag_domains)
    canonical = partial(normalise, **rules) if rules else normalise
    return lru_cache(_REMEMBERED)(canonical)


def canonical_rules_of(settings: Settings) -> str:
    """The same as text: the store rebuilds its index of addresses when it changes."""
    addresses = settings.addresses
    return repr((sorted(addresses.domain_aliases.items()), sorted(addresses.plus_tag_domains)))


def policy_of(settings: Settings) -> Policy:
    """What the handlers need of the settings."""
    blacklist = settings.blacklist
    return Policy(
        security_model=SecurityModel(settings.security_model),
        options=dict(settings.options),
        blacklist=(_AnyOf(blacklist.patterns),) if blacklist.patterns else (),
        blacklist_scope=BlacklistScope(blacklist.applies_to),
        max_assigned_users=settings.for_contacts.max_assigned_users,
        keep_items=timedelta(days=settings.deletes.keep_items_days),
        conflict_default=ConflictPolicy(settings.conflicts.default),
        conflicts=_conflicts(settings),
        most_participants=settings.restrictions.participants,
        most_exceptions=settings.restrictions.customized_occurrences,
        most_occurrences=settings.restrictions.occurrences,
        most_recipients=settings.invitations.most_recipients,
        series_alarms_always=settings.alarms.series == "always",
        block_for_guests=settings.related_notes.with_external_guests == "include",
        canonical=canonical_of(settings),
    )


def _conflicts(settings: Settings) -> dict[str, ConflictPolicy]:
    """The policies of the field groups that have one of their own."""
    conflicts = settings.conflicts
    own = {
        "subject": conflicts.subject,
        "notes": conflicts.notes,
        "location": conflicts.location,
        "times": conflicts.times,
        "priority": conflicts.priority,
        "privacy": conflicts.privacy,
        "recurrence": conflicts.recurrence,
        "alarms": conflicts.alarms,
    }
    return {group: ConflictPolicy(policy) for group, policy in own.items() if policy is not None}
