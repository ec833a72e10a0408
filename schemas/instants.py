"""Times as they are written on the wire (MAP-2).

An instant is an aware datetime, a day is a `date`, and a time without an offset is read in a zone that is named,
never in the machine's.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

FIRST_YEAR = 1900
LAST_YEAR = 9998  # the last year in which any instant can still be told in any zone
YEAR_RULE = f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}"
MOMENT_RULE = "must be a time like 2026-12-01T10:00:00+01:00, or a date"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?", re.ASCII)


def read_moment(text: str) -> datetime | date:
    """A date, or a time that is naive if it was written without an offset. Raises `ValueError` with the rule."""
    try:
        moment = _parsed(text)
    except ValueError:
        raise ValueError(MOMENT_RULE) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(YEAR_RULE)
    return moment


def read_instant(text: str) -> datetime:
    """An instant in UTC. Raises `ValueError` with the rule."""
    moment = read_moment(text)
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError("must be a time with an offset or Z")
    return moment.astimezone(UTC)


def read_day(text: str) -> date:
    """A civil date. Raises `ValueError` with the rule."""
    moment = read_moment(text)
    if isinstance(moment, datetime):
        raise ValueError("must be a date like 2026-12-01")
    return moment


def in_utc(moment: datetime, *, zone: str | None) -> datetime:
    """The instant; a naive time is read in `zone`. Raises `ValueError` if there is none."""
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if zone is None:
        raise ValueError("is a time without an offset and there is no zone to read it in")
    return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def write_moment(moment: datetime | date, *, zone: str | None) -> str:
    """A date as such, an instant with the offset its zone has at that time, or with Z where no zone is known."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    if zone is None or not is_zone(zone):
        return write_instant(moment)
    local = moment.astimezone(ZoneInfo(zone))
    offset = local.utcoffset()
    # Some zones had offsets with seconds once, which no ISO reader is obliged to understand.
    return local.isoformat() if offset is not None and not offset.seconds % 60 else write_instant(moment)


def write_instant(moment: datetime) -> str:
    """An instant in UTC, with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def is_zone(name: str) -> bool:
    """Whether this is the name of an IANA zone."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _parsed(text: str) -> datetime | date:
    if _DAY.fullmatch(text):
        return date.fromisoformat(text)
    if _TIME.fullmatch(text):
        return datetime.fromisoformat(text.upper())
    raise ValueError(MOMENT_RULE)
