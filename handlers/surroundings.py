"""What a decision takes from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handlers.facts import Facts
from handlers.policy import Policy


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a decision takes from outside: the directory, the settings, the time, the store's generation."""

    facts: Facts
    policy: Policy
    now: datetime
    generation: int = 0
