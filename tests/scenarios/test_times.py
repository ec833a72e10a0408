"""Times and days in a whole house: from somebody's Outlook in his zone to the CRM (S05, S06). That the CRM's instants
and days are Exchange's is checked after every test; here, that they are what the person meant.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.house import A_MORNING, a_house

# Before, at and after both clock changes of Berlin, New York and Auckland, and a zone that has none.
WALL_CLOCKS = {
    "Europe/Berlin": [datetime(2027, 3, 28, 1, 30), datetime(2027, 3, 28, 3, 0), datetime(2027, 10, 31, 2, 30)],  # noqa: DTZ001
    "America/New_York": [datetime(2027, 3, 14, 1, 30), datetime(2027, 3, 14, 3, 0), datetime(2027, 11, 7, 1, 30)],  # noqa: DTZ001
    "Pacific/Auckland": [datetime(2027, 4, 4, 2, 30), datetime(2027, 9, 26, 3, 0)],  # noqa: DTZ001
    "Asia/Dubai": [datetime(2027, 3, 28, 2, 30)],  # noqa: DTZ001
}
A_DAY = date(2027, 3, 28)
ALL_OVER = ("Etc/GMT+11", "America/Sao_Paulo", "UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Tongatapu")


@pytest.mark.scenario("S05a")
@pytest.mark.rule("MAP-2")
async def test_s05a_around_clock_changes_the_instant_and_the_zone_are_what_the_person_meant(store: Path) -> None:
    """Given people in four zones who meet around both clock changes, then the CRM has their instants and zones."""
    async with a_house(store, "anna") as house:
        expected = {}
        for zone, moments in WALL_CLOCKS.items():
            anna = house.outlook("anna", zone=zone)
            for moment in moments:
                uid = await house.does(anna.meet, zone, start=moment)
                expected[uid] = (moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC), zone)
        await house.quiet()
        found = {item["uid"]: item["item"] for item in house.items()}
        got = {
            uid: (datetime.fromisoformat(item["start"]).astimezone(UTC), item["zone"]) for uid, item in found.items()
        }
        assert got == expected


@pytest.mark.filterwarnings("ignore:Cannot convert value")  # what Bob's own client thinks of such zones
@pytest.mark.scenario("S05d")
@pytest.mark.rule("MAP-2")
async def test_s05d_an_unknown_zone_keeps_the_instant_and_warns_once(store: Path) -> None:
    """Given a zone that nobody knows, then the instant comes in, no zone is made up, and one line warns."""
    async with a_house(store, "bob") as house:
        bob = house.outlook("bob")
        for zone in ("Customized Time Zone", "Customized Time Zone", "Westeros Standard Time"):
            uid = house.outsider("bob@bank.example", zone=zone, subject=zone)
            await house.does(bob.accept, uid)
            await house.quiet()
            item = house.item(uid)["item"]
            assert datetime.fromisoformat(item["start"]) == A_MORNING
            assert "zone" not in item
        logged = [json.loads(line) for line in house.watch.logged.getvalue().splitlines()]
        warnings = [line for line in logged if "zone" in line["event"] and line["level"] == "warning"]
        assert len(warnings) == 2, "each unknown zone warns once"


@pytest.mark.scenario("S06a")
@pytest.mark.rule("MAP-2")
async def test_s06a_an_all_day_item_stays_on_its_day_whatever_the_users_zone(store: Path) -> None:
    """Given one day and people from UTC-11 to UTC+13, then it is that day for all, one day long, and all-day."""
    async with a_house(store, "anna") as house:
        for zone in ALL_OVER:
            await house.does(house.outlook("anna", zone=zone).meet, zone, start=A_DAY)
        await house.quiet()
        days = {
            i["item"]["subject"]: (i["item"]["all_day"], i["item"]["start"], i["item"]["end"]) for i in house.items()
        }
        assert days == dict.fromkeys(ALL_OVER, (True, "2027-03-28", "2027-03-29"))


@pytest.mark.scenario("S06b")
@pytest.mark.rule("MAP-2")
async def test_s06b_the_evening_before_in_utc_is_still_that_day(store: Path) -> None:
    """Given an all-day meeting from Paris, sent as 22:00Z of the day before, then it is the day that Paris means."""
    async with a_house(store, "bob") as house:
        start = datetime(2027, 7, 13, 22, tzinfo=UTC)
        uid = house.outsider(
            "bob@bank.example", start=start, end=start + timedelta(days=1), all_day=True, zone="Romance Standard Time"
        )
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["all_day"], item["start"], item["end"]) == (True, "2027-07-14", "2027-07-15")


@pytest.mark.rule("MAP-2")
async def test_an_all_day_item_becomes_a_timed_one_and_back(store: Path) -> None:
    """Given a day, when it gets times and loses them again, then the CRM follows with the right kind of value."""
    async with a_house(store, "anna") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Away", start=A_DAY)
        await house.quiet()
        nine = datetime(2027, 3, 28, 9)  # noqa: DTZ001  # in Anna's zone
        await house.does(anna.edit, uid, is_all_day=False, start=nine, end=nine + timedelta(hours=1))
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["all_day"], item["start"]) == (False, "2027-03-28T09:00:00+02:00")
        await house.does(anna.edit, uid, is_all_day=True, start=A_DAY, end=A_DAY)
        await house.quiet()
        assert house.item(uid)["item"]["start"] == "2027-03-28"
