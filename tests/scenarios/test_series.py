"""Series, in mailboxes and in the CRM, with their exceptions made on either side."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_both_ways import edited, writes
from tests.scenarios.test_written_out import calendar, made
from tests.scenarios.test_written_out import edited as edited_by_id
from tests.support.house import House, a_house, options

TUESDAY = datetime(2027, 3, 2, 10)  # noqa: DTZ001  # in the person's own zone
WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)
WEEKLY = {"frequency": "weekly", "interval": 1, "weekdays": ["TU"], "end": "after", "count": 10}
OPEN = {"frequency": "weekly", "interval": 1, "end": "after", "count": 10}
"""On the weekday on which it starts."""


async def met_weekly(house: House, who: str = "anna", **more: Any) -> str:
    """Somebody makes a weekly series in Outlook; its UID when the CRM has it."""
    uid = await house.does(house.outlook(who).meet_weekly, "Jour fixe", **({"start": TUESDAY} | more))
    await house.quiet()
    return str(uid)


def at(week: int) -> str:
    """When the series has an occurrence, counted from 1."""
    return said(TUESDAY + (week - 1) * WEEK)


def said(moment: datetime) -> str:
    """As the CRM says it: in Berlin, which changes its clocks."""
    return f"{moment.isoformat()}{'+02:00' if moment.date() >= date(2027, 3, 28) else '+01:00'}"


def exceptions(house: House, uid: str) -> dict[str, dict[str, Any] | str]:
    """What the CRM holds of single occurrences."""
    held = house.item(uid)["item"].get("exceptions", [])
    return {each["original_start"]: "deleted" if each.get("deleted") else each["changes"] for each in held}


async def shown(house: House, who: str, *, weeks: int = 11) -> list[tuple[datetime, str, str]]:
    """What somebody's calendar shows: when, what and where."""
    found = await house.does(house.outlook(who).view, TUESDAY - WEEK, TUESDAY + weeks * WEEK)
    zone = house.outlook(who).account.default_timezone
    return sorted(
        (each.start.astimezone(zone).replace(tzinfo=None), each.subject, each.location or "") for each in found
    )


@pytest.mark.scenario("S04a", "S05c")
@pytest.mark.rule("REC-1", "REC-2", "REC-3", "REC-4", "ID-1")
async def test_s04a_the_crm_has_exactly_the_differences_and_nothing_comes_back(store: Path) -> None:
    """Given a weekly series of ten, the fourth moved by two days, the sixth deleted, the eighth retitled, then so it is
    in the CRM, and Exchange was not written to.
    """
    async with a_house(store, "anna", "bob") as house:
        uid = await met_weekly(house, required=["bob@bank.example"])
        item = house.item(uid)["item"]
        assert {name: item["recurrence"][name] for name in WEEKLY} == WEEKLY
        assert (item["start"], exceptions(house, uid)) == (at(1), {})
        anna = house.outlook("anna")
        zone = anna.account.default_timezone
        moved = (TUESDAY + 3 * WEEK + timedelta(days=2)).replace(tzinfo=zone)
        await house.does(anna.move_occurrence, uid, 4, moved)
        await house.does(anna.delete_occurrence, uid, 6)
        await house.does(anna.edit_occurrence, uid, 8, subject="With the auditor")
        await house.quiet()
        held = exceptions(house, uid)
        assert set(held) == {at(4), at(6), at(8)}
        assert (held[at(6)], held[at(8)]) == ("deleted", {"subject": "With the auditor"})
        assert held[at(4)]["start"].startswith("2027-03-25T10:00")  # type: ignore[index]  # it is no string
        assert writes(house) == []
        assert [outcome["result"] for outcome in house.outcomes() if outcome["result"] == "failed"] == []


@pytest.mark.scenario("S04a")
@pytest.mark.rule("REC-3", "REC-4", "MAP-1")
async def test_s04a_what_the_crm_changes_of_single_occurrences_is_in_every_calendar(store: Path) -> None:
    """Given a series of Anna's with Bob, when the CRM gives one another room, deletes one and moves one, then both
    calendars show so, and the CRM's new room for the whole series leaves Anna's own change alone.
    """
    async with a_house(store, "anna", "bob") as house:
        uid = await met_weekly(house, required=["bob@bank.example"])
        await house.does(house.outlook("anna").edit_occurrence, uid, 3, location="Anna's office")
        await house.quiet()
        known = house.item(uid)["item"].get("exceptions", [])
        later = TUESDAY + 6 * WEEK + timedelta(days=1)
        mine = [
            {"original_start": at(5), "changes": {"location": "Room 5"}},
            {"original_start": at(6), "deleted": True},
            {"original_start": at(7), "changes": {"start": said(later), "end": said(later + HOUR)}},
        ]
        await edited(house, uid, exceptions=[*known, *mine])
        await edited(house, uid, location="Room 1")
        for who in ("anna", "bob"):
            places = {when: place for when, _, place in await shown(house, who)}
            assert len(places) == 9
            assert places[TUESDAY + 2 * WEEK] == "Anna's office"
            assert places[TUESDAY + 4 * WEEK] == "Room 5"
            assert TUESDAY + 5 * WEEK not in places
            assert places[TUESDAY + 6 * WEEK + timedelta(days=1)] == "Room 1"
            assert places[TUESDAY] == "Room 1"


@pytest.mark.rule("REC-1", "INV-6", "ID-5", "CON-3")
async def test_rec_1_a_series_made_in_the_crm_is_in_both_calendars_once(store: Path) -> None:
    """With its exception and its deleted day; then nobody says anything more."""
    async with a_house(store, "anna", "bob") as house:
        await made(
            house,
            subject="Jour fixe",
            start=said(TUESDAY),
            end=said(TUESDAY + HOUR),
            owner="u-anna",
            assign_to=["u-anna", "u-bob"],
            recurrence=WEEKLY,
            exceptions=[
                {"original_start": at(2), "changes": {"location": "Room 5"}},
                {"original_start": at(3), "deleted": True},
            ],
        )
        await house.quiet()
        for who in ("anna", "bob"):
            found = await shown(house, who)
            assert len(found) == 9
            assert (TUESDAY + WEEK, "Jour fixe", "Room 5") in found
            assert TUESDAY + 2 * WEEK not in {when for when, _, _ in found}
            assert len(await house.does(calendar, house, who)) == 1


@pytest.mark.scenario("S04b")
@pytest.mark.rule("REC-2", "REC-3")
@pytest.mark.parametrize("side", ["crm", "outlook"])
async def test_s04b_a_series_moved_by_an_hour_has_no_duplicates(store: Path, side: str) -> None:
    """On either side; both hold the same of single occurrences afterwards."""
    async with a_house(store, "anna") as house:
        uid = await met_weekly(house)
        await house.does(house.outlook("anna").edit_occurrence, uid, 3, location="Room 5")
        await house.quiet()
        if side == "crm":
            start = TUESDAY + HOUR
            await edited(house, uid, start=said(start), end=said(start + HOUR))
        else:
            zone = house.outlook("anna").account.default_timezone
            start = (TUESDAY + HOUR).replace(tzinfo=zone)
            await house.does(house.outlook("anna").edit, uid, start=start, end=start + HOUR)
            await house.quiet()
        found = await shown(house, "anna")
        assert [when for when, _, _ in found] == [TUESDAY + HOUR + week * WEEK for week in range(10)]
        places = {when: place for when, _, place in found if place}
        held = exceptions(house, uid)
        assert [each["location"] for each in held.values() if isinstance(each, dict)] == list(places.values())
        assert bool(places) is (side == "crm")


@pytest.mark.rule("REC-1", "REC-2", "INV-6")
@pytest.mark.parametrize(
    ("pattern", "by"), [(WEEKLY, WEEK), (OPEN, timedelta(days=1))], ids=["a week", "to Wednesdays"]
)
async def test_rec_1_a_series_that_the_crm_begins_on_another_day_takes_place_from_then_on(
    store: Path, pattern: dict[str, Any], by: timedelta
) -> None:
    """Its pattern begins with it, also where the CRM leaves the weekday to the start; in direct copies, too."""
    async with a_house(store, "anna", "bob") as house:
        people = {"owner": "u-anna", "assign_to": ["u-anna", "u-bob"]}
        times = {"start": said(TUESDAY), "end": said(TUESDAY + HOUR)}
        record = await made(house, subject="Jour fixe", recurrence=pattern, **times, **people)
        later = TUESDAY + by
        await edited_by_id(house, record["id"], start=said(later), end=said(later + HOUR))
        for who in ("anna", "bob"):
            assert [when for when, _, _ in await shown(house, who, weeks=12)] == [later + n * WEEK for n in range(10)]
        [item] = house.items()
        assert (item["item"]["start"], item["item"]["recurrence"]) == (said(later), pattern)


@pytest.mark.scenario("S04c")
@pytest.mark.rule("REC-4", "MAP-2")
async def test_s04c_of_a_series_of_whole_days_the_right_day_disappears(store: Path) -> None:
    """Whatever zone it was made in."""
    async with a_house(store, "anna") as house:
        day = TUESDAY.date()
        uid = await met_weekly(house, start=day)
        await house.does(house.outlook("anna").delete_occurrence, uid, 2)
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["all_day"], item["start"]) == (True, day.isoformat())
        assert exceptions(house, uid) == {(day + WEEK).isoformat(): "deleted"}


@pytest.mark.scenario("S04d")
@pytest.mark.rule("REC-5", "ID-6")
async def test_s04d_an_occurrence_moved_past_its_neighbour_is_put_back(store: Path) -> None:
    """With a readable reason, once."""
    async with a_house(store, "anna") as house:
        uid = await met_weekly(house)
        beyond = TUESDAY + 4 * WEEK
        moved = {"original_start": at(3), "changes": {"start": said(beyond), "end": said(beyond + HOUR)}}
        await edited(house, uid, exceptions=[moved])
        assert exceptions(house, uid) == {}
        [refused] = [each for each in house.outcomes(direction="outbound") if each["reason"] == "pattern"]
        assert "neighbour" in refused["explain"][0]["because"]


@pytest.mark.rule("ALM-1", "ALM-3", "ALM-4")
async def test_alm_4_alarms_of_a_series_and_of_one_occurrence_both_ways(store: Path) -> None:
    """Each user's own, from and to his own copy."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options(meeting_alarms=True))
        uid = await met_weekly(house, required=["bob@bank.example"])
        bob = house.outlook("bob")
        await house.does(
            bob.edit_occurrence, uid, 2, silent=True, reminder_minutes_before_start=0, reminder_is_set=True
        )
        await house.quiet()
        assert exceptions(house, uid) == {at(2): {"alarms": {"u-bob": [0]}}}
        held = house.item(uid)["item"].get("exceptions", [])
        await edited(house, uid, exceptions=[*held, {"original_start": at(4), "changes": {"alarms": {"u-bob": [45]}}}])
        found = await house.does(bob.occurrence, uid, 4)
        assert (found.reminder_is_set, found.reminder_minutes_before_start) == (True, 45)
        alarms = dict(house.item(uid)["item"]["alarms"])
        await edited(house, uid, alarms={**alarms, "u-anna": [60]})
        assert (await house.does(house.outlook("anna").copy, uid)).reminder_minutes_before_start == 60


@pytest.mark.rule("REC-2", "ALM-3")
async def test_rec_2_this_and_all_following_is_a_series_of_its_own_with_everybodys_alarms(store: Path) -> None:
    """Given a series that the CRM splits at its sixth occurrence, then there are two, and no day is doubled or lost."""
    async with a_house(store, "anna") as house:
        await house.announce(options(meeting_alarms=True))
        uid = await met_weekly(house, reminder_minutes_before_start=25, reminder_is_set=True)
        crm_id = house.item(uid)["id"]
        await edited(house, uid, recurrence={**WEEKLY, "count": 5})
        start = TUESDAY + 5 * WEEK
        following = await made(
            house,
            subject="Jour fixe",
            start=said(start),
            end=said(start + HOUR),
            owner="u-anna",
            assign_to=["u-anna"],
            recurrence={**WEEKLY, "count": 5},
            split_from=crm_id,
        )
        await house.quiet()
        found = await shown(house, "anna")
        assert [when for when, _, _ in found] == [TUESDAY + week * WEEK for week in range(10)]
        reminders = {each.get("ReminderMinutesBeforeStart") for each in house.sandbox.world.items("anna@bank.example")}
        assert reminders == {25}
        assert following
