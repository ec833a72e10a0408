"""Who wins a field that both sides changed differently (CON-2).

The policy of the field's group decides. Clocks alone decide nothing (CON-3): under `latest_wins` the times that the
broker and Exchange noted must lie further apart than clocks may differ, else the CRM wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from handlers.policy import ConflictPolicy, Policy

MARGIN = timedelta(minutes=15)
"""How far apart two changes must lie to be told apart by clocks of different machines."""

GROUPS: Mapping[str, str] = {
    "subject": "subject",
    "notes": "notes",
    "location": "location",
    "start": "times",
    "end": "times",
    "due": "times",
    "zone": "times",
    "all_day": "times",
    "priority": "priority",
    "restricted": "privacy",
    "assign_to": "participants",
    "for_": "participants",
    "recurrence": "recurrence",
    "exceptions": "recurrence",
    "alarms": "alarms",
}
"""The group, as the settings name it, of each field that both sides may change; a task's `due` included."""


class Side(StrEnum):
    """Where a change was made, and whose value stands."""

    CRM = "crm"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class Moments:
    """When each side changed the item last, as far as anybody noted it: the broker and Exchange."""

    crm: datetime | None = None
    exchange: datetime | None = None


NO_MOMENTS = Moments()


def winner(field: str, *, policy: Policy, moments: Moments = NO_MOMENTS) -> Side:
    """Whose value of a field (its name in our items) stands."""
    match policy.conflicts.get(GROUPS.get(field, ""), policy.conflict_default):
        case ConflictPolicy.EXCHANGE_WINS:
            return Side.EXCHANGE
        case ConflictPolicy.LATEST_WINS:
            return _latest(moments)
        case _:
            return Side.CRM


def _latest(moments: Moments) -> Side:
    if moments.crm is None or moments.exchange is None:
        return Side.CRM
    return Side.EXCHANGE if moments.exchange - moments.crm > MARGIN else Side.CRM
