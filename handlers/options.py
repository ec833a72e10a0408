"""What an option is worth for a user, and who was asked (OPT-1, OPT-2, OPT-5).

Levels, nearest first: user, user type, system (an event), configuration, default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from handlers.facts import User
from schemas.options import OPTIONS, Level


@dataclass(frozen=True, slots=True)
class Consulted:
    """One gate that was evaluated: whose option, its value, where it came from, and what it changed."""

    key: str
    user: str
    value: bool
    level: Level
    effect: tuple[str, ...] = ()

    def with_effect(self, effect: tuple[str, ...]) -> Consulted:
        """The same answer, with what it changed."""
        return replace(self, effect=effect)


@dataclass(frozen=True, slots=True)
class OptionValues:
    """All option settings that matter to one decision: by scope from events, and from configuration."""

    events: Mapping[str, Mapping[str, bool]]
    config: Mapping[str, bool]

    def of(self, user: User, key: str) -> Consulted:
        """The effective value of an option for a user (OPT-1)."""
        scopes = ((Level.USER, f"user:{user.id}"), (Level.TYPE, f"type:{user.user_type}"), (Level.SYSTEM, "system"))
        for level, scope in scopes:
            value = self.events.get(scope, {}).get(key)
            if value is not None:
                return Consulted(key, user.id, value, level)
        if key in self.config:
            return Consulted(key, user.id, self.config[key], Level.CONFIG)
        return Consulted(key, user.id, OPTIONS[key].default, Level.DEFAULT)


def scopes_of(users: Mapping[str, User]) -> tuple[str, ...]:
    """Every scope in which an option of these users may be set."""
    types = {f"type:{user.user_type}" for user in users.values() if user.user_type}
    return ("system", *sorted(types), *(f"user:{user_id}" for user_id in sorted(users)))
