"""When something is, seen from outside the item: for alarms and for what is long past."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from schemas.instants import is_zone
from schemas.items import Moment, ScheduleItem


def instant_of(moment: Moment, *, zone: str | None = None) -> datetime:
    """The instant at which a moment begins; a day in its zone, where none is known in UTC."""
    if isinstance(moment, datetime):
        return moment
    return midnight(moment, zone=zone)


def midnight(day: date, *, zone: str | None) -> datetime:
    """When a day begins."""
    where = ZoneInfo(zone) if zone is not None and is_zone(zone) else UTC
    return datetime.combine(day, time(), tzinfo=where).astimezone(UTC)


def is_over(item: ScheduleItem, *, now: datetime) -> bool:
    """Whether an item has ended, or has been done or called off: nobody is reminded of it any more (ALM-7)."""
    if item.status != "open":
        return True
    return item.end is not None and instant_of(item.end, zone=item.zone) < now
