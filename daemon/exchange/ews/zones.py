"""Time zone names as Exchange writes them, to IANA and back (MAP-2).

Windows names are mapped by CLDR's table, IANA names pass. A name that nobody knows (custom zones, `tzone://` names,
localised ones) gives no zone: the instant does not need it, and the item's own name stays as it is. Each such name is
logged once, not once an item.
"""

from __future__ import annotations

from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import structlog
from tzlocal import windows_tz

ZONE_UNKNOWN = "zone.unknown"
LONGEST_NAME = 64
MOST_NAMES_LOGGED = 1000
UTC_ID = "UTC"
NOT_ZONES = frozenset({"localtime", "Factory"})
"""Names of some zone databases that mean the machine's own zone, or none."""

WINDOWS_TO_IANA: dict[str, str] = {**windows_tz.win_tz, "tzone://Microsoft/Utc": "Etc/UTC"}
IANA_TO_WINDOWS: dict[str, str] = {**windows_tz.tz_win, "GMT": UTC_ID}
_WINDOWS_BY_FOLDED_NAME = {name.casefold(): iana for name, iana in WINDOWS_TO_IANA.items()}

log = structlog.get_logger(__name__)


@lru_cache(maxsize=4096)
def iana_name(zone_id: str) -> str | None:
    """The IANA name of a zone that Exchange names so; None if it is unknown here."""
    name = zone_id.strip()
    known = _WINDOWS_BY_FOLDED_NAME.get(name.casefold())
    if known is not None:
        return known
    return name if name in _iana_names() else None


def windows_name(zone: str) -> str | None:
    """The name under which Exchange knows an IANA zone; None if it knows none, or we do not know the zone."""
    return IANA_TO_WINDOWS.get(zone) if zone in _iana_names() else None


@cache
def _iana_names() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_ZONES)


class Zones:
    """The zones of one backend's answers; remembers which unknown names it has already told."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def read(self, zone_id: str) -> ZoneInfo | None:
        """The zone of that name; None, logged once a name, if it is unknown."""
        name = iana_name(zone_id)
        if name is None:
            self._tell(zone_id)
            return None
        return ZoneInfo(name)

    def _tell(self, zone_id: str) -> None:
        name = zone_id[:LONGEST_NAME]
        if name in self._told or len(self._told) >= MOST_NAMES_LOGGED:
            return
        self._told.add(name)
        log.warning(ZONE_UNKNOWN, zone=name)
