"""When an item is: instants and civil dates (MAP-2).

Exchange states instants in UTC, also for all-day items, whose days are civil dates in the item's own zone. The item's
zone name goes along as the server wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from daemon.exchange.ews.fields import Fields
from daemon.exchange.ews.unreadable import NotReadable
from daemon.exchange.ews.zones import Zones
from schemas.items import Moment

NO_START = "no_start"
NO_END = "no_end"
END_BEFORE_START = "end_before_start"
TIME_NOT_UNDERSTOOD = "time_not_understood"
YEAR_OUT_OF_RANGE = "year_out_of_range"

FIRST_YEAR, LAST_YEAR = 1900, 4499
"""Exchange spells "none" as 1601 and 4501."""

_DAY = timedelta(days=1)
_HALF_A_DAY = timedelta(hours=12)
_EASTERNMOST = timedelta(hours=13)
_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Times:
    """An item's times; `end` of an all-day item is exclusive and at least a day later."""

    start: Moment | None
    end: Moment | None
    zone_id: str | None
    zone: str | None
    all_day: bool


def of(fields: Fields, zones: Zones, *, must_be_there: bool) -> Times:
    """The times of a calendar item. Raises NotReadable."""
    start, end = _stated(fields.text("Start")), _stated(fields.text("End"))
    if must_be_there and start is None:
        raise NotReadable(NO_START)
    if must_be_there and end is None:
        raise NotReadable(NO_END)
    if start is not None and end is not None and end < start:
        raise NotReadable(END_BEFORE_START)
    zone_id = _zone_id(fields)
    zone = zones.read(zone_id) if zone_id else None
    name = zone.key if zone else None
    if not fields.flag("IsAllDayEvent"):
        return Times(_instant(start), _instant(end), zone_id, name, all_day=False)
    first, after = _civil(start, zone), _civil(end, zone)
    if first is not None and after is not None:
        after = max(after, first + _DAY)
    return Times(first, after, zone_id, name, all_day=True)


def moment(text: str, zone: ZoneInfo | None, *, all_day: bool) -> Moment | None:
    """One time of an item in that zone: an instant, or the day of an all-day item. Raises NotReadable."""
    stated = _stated(text)
    return _civil(stated, zone) if all_day else _instant(stated)


def instant_or_none(text: str) -> datetime | None:
    """For times that say something about an item but do not make it: an odd one is not known."""
    try:
        return _instant(_stated(text))
    except NotReadable:
        return None


def day_or_none(text: str) -> date | None:
    """The civil date of a task's day, stated as a midnight somewhere; an odd one is not known."""
    try:
        return _civil(_stated(text), None)
    except NotReadable:
        return None


def _zone_id(fields: Fields) -> str | None:
    """The zone's name, by whichever property this server's generation states it."""
    name = fields.attribute("StartTimeZone", "Id") or fields.attribute("StartTimeZone", "Name")
    return name or fields.text("StartTimeZoneId") or fields.text("TimeZone") or None


def _stated(text: str) -> datetime | None:
    """A time as stated, aware: in its own offset, else UTC, whole seconds. Raises NotReadable."""
    if not text:
        return None
    try:
        stated = datetime.fromisoformat(text)
    except ValueError:
        raise NotReadable(TIME_NOT_UNDERSTOOD) from None
    if not FIRST_YEAR <= stated.year <= LAST_YEAR:
        raise NotReadable(YEAR_OUT_OF_RANGE)
    if stated.microsecond:
        stated = stated.replace(microsecond=0)
    return stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated


def _instant(stated: datetime | None) -> datetime | None:
    return stated if stated is None or stated.tzinfo is UTC else stated.astimezone(UTC)


def _civil(stated: datetime | None, zone: ZoneInfo | None) -> date | None:
    """The civil date whose midnight is nearest: in the item's zone, else in the stated offset, else anywhere on earth.

    Nearest, not equal: days begin at 01:00 where the clock skips midnight, and an item may have been made under
    another zone than it names. A UTC instant without a zone is taken for the midnight of a zone between UTC-10 and
    UTC+13, where nearly everybody lives.
    """
    if stated is None:
        return None
    if zone is not None:
        return (stated.astimezone(zone).replace(tzinfo=None) + _HALF_A_DAY).date()
    is_local = stated.utcoffset() != _NOTHING
    return (stated.replace(tzinfo=None) + (_HALF_A_DAY if is_local else _EASTERNMOST)).date()
