"""Windows time zones: their names, their IANA counterparts, and their definitions for GetServerTimeZones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from daemon.sandbox.exchange.markup import Element, t

# Exchange's own name of a zone beside its Windows name.
_OTHER_SPELLINGS = {"UTC": "tzone://Microsoft/Utc"}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def known_names() -> list[str]:
    return sorted(win_tz)


@lru_cache
def zone_of(windows_name: str) -> tzinfo | None:
    """The zone behind a Windows name or its other spelling, None if there is none."""
    spelled = next((name for name, other in _OTHER_SPELLINGS.items() if other == windows_name), windows_name)
    iana = win_tz.get(spelled)
    return ZoneInfo(iana) if iana else None


def other_spelling(windows_name: str) -> str:
    """What else the server calls the zone; the same if nothing else."""
    return _OTHER_SPELLINGS.get(windows_name, windows_name)


def display_name(windows_name: str) -> str:
    zone = zone_of(windows_name) or UTC
    offset = datetime(2026, 1, 1, tzinfo=zone).utcoffset() or timedelta()
    sign, minutes = ("-" if offset < timedelta() else "+"), abs(offset) // timedelta(minutes=1)
    return f"(UTC{sign}{minutes // 60:02}:{minutes % 60:02}) {windows_name}"


def definition(windows_name: str, *, year: int) -> Element:
    """The zone with its rules of one year, which Windows takes for every year."""
    changes = _changes(zone_of(windows_name) or UTC, year)
    periods, group = _seasonal(windows_name, changes) if len(changes) == 2 else _fixed(windows_name, year)
    return t(
        "TimeZoneDefinition",
        t("Periods", *periods),
        t("TransitionsGroups", group),
        t("Transitions", t("Transition", t("To", "0", Kind="Group"))),
        Id=windows_name,
        Name=display_name(windows_name),
    )


def _changes(zone: tzinfo, year: int) -> list[datetime]:
    """The instants of the year at which the offset is another one than an hour before."""
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(366)]
    return [_change_within(zone, day) for day in days if _offset(zone, day) != _offset(zone, day + timedelta(days=1))]


def _change_within(zone: tzinfo, day: datetime) -> datetime:
    hours = (day + timedelta(hours=hour) for hour in range(1, 25))
    return next(hour for hour in hours if _offset(zone, hour) != _offset(zone, day))


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _fixed(windows_name: str, year: int) -> tuple[list[Element], Element]:
    offset = datetime(year, 1, 1, tzinfo=zone_of(windows_name) or UTC).utcoffset() or timedelta()
    period = t("Period", Bias=_duration(-offset), Name="Standard", Id="Standard")
    group = t("TransitionsGroup", t("Transition", t("To", "Standard", Kind="Period")), Id="0")
    return [period], group


def _seasonal(windows_name: str, changes: list[datetime]) -> tuple[list[Element], Element]:
    zone = zone_of(windows_name) or UTC
    offsets = [change.astimezone(zone).utcoffset() or timedelta() for change in changes]
    names = ["Daylight" if offset == max(offsets) else "Standard" for offset in offsets]
    periods = [
        t("Period", Bias=_duration(-offset), Name=name, Id=name) for name, offset in zip(names, offsets, strict=True)
    ]
    rules = [
        _rule(change, zone, period=name) for name, change in sorted(zip(names, changes, strict=True), key=_by_change)
    ]
    return periods, t("TransitionsGroup", *rules, Id="0")


def _by_change(pair: tuple[str, datetime]) -> datetime:
    return pair[1]


def _rule(change: datetime, zone: tzinfo, *, period: str) -> Element:
    """ "The last Sunday of March at two", in the wall time that ends there."""
    before = (change - timedelta(hours=1)).astimezone(zone) + timedelta(hours=1)
    is_last = (before + timedelta(days=7)).month != before.month
    return t(
        "RecurringDayTransition",
        t("To", period, Kind="Period"),
        t("TimeOffset", _duration(timedelta(hours=before.hour, minutes=before.minute))),
        t("Month", str(before.month)),
        t("DayOfWeek", _DAYS[before.weekday()]),
        t("Occurrence", str(-1 if is_last else (before.day - 1) // 7 + 1)),
    )


def _duration(value: timedelta) -> str:
    sign = "-" if value < timedelta() else ""
    minutes = abs(value) // timedelta(minutes=1)
    return f"{sign}PT{minutes // 60}H{minutes % 60}M"
