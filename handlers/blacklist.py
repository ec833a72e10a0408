"""The blacklist: addresses that are never linked to contacts (BLK-1..3)."""

from __future__ import annotations

from collections.abc import Iterable

from handlers.policy import BlacklistScope, Policy


def blocks(policy: Policy, addresses: Iterable[str]) -> bool:
    """Whether any of a participant's addresses is found by any pattern; searched for, not matched whole."""
    return any(pattern.search(address) is not None for address in addresses for pattern in policy.blacklist)


def blocks_users(policy: Policy) -> bool:
    """Whether a blacklisted address is kept from being matched to users, too (BLK-3)."""
    return policy.blacklist_scope is BlacklistScope.ALL
