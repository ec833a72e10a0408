"""What a server may make of what we wrote, and still have kept it (CON-3, CON-4): trimmed, re-wrapped, seconds cut.

Who takes part compares by identity anyway, so neither order nor casing of people can differ.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas.items import ScheduleItem


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same to people."""
    return bool(one == other) or _essence(one) == _essence(other)


def deviating(one: ScheduleItem, other: ScheduleItem, *, among: tuple[str, ...]) -> tuple[str, ...]:
    """Those fields in which two items are not alike."""
    return tuple(name for name in among if not alike(getattr(one, name), getattr(other, name)))


def _essence(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(second=0, microsecond=0)
    return " ".join(value.split()) if isinstance(value, str) else value
