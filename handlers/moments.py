"""When something is, seen from outside the item: for alarms and for what is long past."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from handlers.recurrences import Series
from schemas.instants import is_zone
from schemas.items import Moment, ScheduleItem


def in_time(moment: Moment) -> str:
    """Sorts moments in the order of time; days and instants, which do not compare, may meet."""
    return moment.isoformat()


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
    end = _last_end(item)
    return end is not None and end < now


def _last_end(item: ScheduleItem) -> datetime | None:
    """When an item ends for good; None: it never does, or nobody knows when."""
    if item.end is None or item.start is None:
        return None
    pattern, end = item.recurrence, instant_of(item.end, zone=item.zone)
    if pattern is None:
        return end
    if pattern.end == "by" and pattern.until is not None:
        return max(end, midnight(pattern.until, zone=item.zone) + timedelta(days=1))
    if pattern.end != "after" or pattern.count is None:
        return None
    last = Series(pattern, item.start, item.zone).start_of(pattern.count)
    return None if last is None else instant_of(last, zone=item.zone) + (end - instant_of(item.start, zone=item.zone))
