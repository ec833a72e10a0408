"""Zone names as Exchange writes them (MAP-2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from daemon.exchange.ews import zones
from daemon.exchange.ews.zones import WINDOWS_TO_IANA, Zones
from tests.unit.exchange import canned
from tests.unit.exchange.reading import copy_of

pytestmark = pytest.mark.rule("MAP-2")

UNKNOWN = [
    "Customized Time Zone",
    "tzone://Microsoft/Custom",
    "Mitteleuropäische Zeit",
    "(UTC+01:00) Amsterdam, Berlin, Bern",
    "../../etc/passwd",
    "Europe",
    "a\x00b",
    "x" * 500,
]


def clock_changes(name: str, year: int) -> list[datetime]:
    """The hours of a year at which a zone's offset changes."""
    zone = ZoneInfo(name)
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(366 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hours[i] for i in range(1, len(hours)) if offsets[i] != offsets[i - 1]]


@pytest.mark.scenario("S05a")
@pytest.mark.parametrize("windows", sorted(WINDOWS_TO_IANA))
def test_s05a_instants_around_both_clock_changes_read_equal_and_the_label_is_mapped(windows: str) -> None:
    """For each zone with a Windows name the instant read is the instant written, and the zone has its IANA name."""
    iana = WINDOWS_TO_IANA[windows]
    changes = clock_changes(iana, 2026) or [datetime(2026, 7, 1, tzinfo=UTC)]
    for change in changes:
        for minutes in (-90, -30, 0, 30, 90):
            start = change + timedelta(minutes=minutes)
            end = start + timedelta(hours=1)
            copy = copy_of(
                canned.meeting(
                    "i",
                    f'<t:StartTimeZone Id="{windows}"/>',
                    Start=start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    End=end.astimezone(ZoneInfo(iana)).isoformat(),
                )
            )
            assert (copy.start, copy.end) == (start, end)
            assert (copy.zone_id, copy.zone) == (windows, iana)


def test_iana_names_are_taken_as_they_are() -> None:
    assert zones.iana_name("Europe/Berlin") == "Europe/Berlin"


def test_windows_names_are_known_in_any_case() -> None:
    assert zones.iana_name("w. europe STANDARD time") == "Europe/Berlin"


@pytest.mark.scenario("S05d")
@pytest.mark.parametrize("name", UNKNOWN)
def test_s05d_an_unknown_zone_keeps_the_instant_and_its_own_name(name: str) -> None:
    printable = name.replace("\x00", "")
    copy = copy_of(canned.meeting("i", f'<t:StartTimeZone Id="{printable}"/>'))
    assert copy.start == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert (copy.zone_id, copy.zone) == (printable, None)
    assert zones.iana_name(name) is None


@pytest.mark.scenario("S05d")
def test_s05d_an_unknown_zone_is_told_once() -> None:
    """A thousand items in a custom zone are one line in the log, and its name is bounded."""
    reader = Zones()
    with capture_logs() as logs:
        for _ in range(1000):
            reader.read("Customized Time Zone")
        reader.read("y" * 500)
    assert logs == [
        {"event": zones.ZONE_UNKNOWN, "log_level": "warning", "zone": "Customized Time Zone"},
        {"event": zones.ZONE_UNKNOWN, "log_level": "warning", "zone": "y" * zones.LONGEST_NAME},
    ]


def test_an_item_without_a_zone_has_none_and_nothing_is_told() -> None:
    with capture_logs() as logs:
        copy = copy_of(canned.meeting("i"))
    assert (copy.zone_id, copy.zone, logs) == (None, None, [])
