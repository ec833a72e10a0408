"""Series that are hard to hold: a clear outcome, nothing guessed, nothing lost (REC-3, REC-5, S04, S29)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from exchangelib import Attendee, EWSDate, Mailbox
from exchangelib.recurrence import AbsoluteMonthlyPattern, Recurrence, WeeklyPattern

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.items import Item
from schemas import ids
from tests.scenarios.test_both_ways import edited, writes
from tests.scenarios.test_series import (
    HOUR,
    TUESDAY,
    WEEK,
    WEEKLY,
    at,
    exceptions,
    met_weekly,
    said,
    shown,
)
from tests.scenarios.test_written_out import calendar, made
from tests.support.house import House, a_house, house_time

DAY = timedelta(days=1)


def held(house: House, uid: str) -> list[dict[str, Any]]:
    """The exceptions as the CRM holds them, to be stated again with others."""
    found: list[dict[str, Any]] = house.item(uid)["item"].get("exceptions", [])
    return found


def room(start: str, name: str) -> dict[str, Any]:
    """What the CRM says of an occurrence in another room."""
    return {"original_start": start, "changes": {"location": name}}


def the_series(house: House, uid: str, who: str = "anna") -> Item:
    """Somebody's series, as it lies in Exchange."""
    world = house.sandbox.world
    [found] = [each for each in world.items(f"{who}@bank.example", "calendar") if each.uid == uid]
    return found


def requests(house: House) -> int:
    """How often the daemon has asked Exchange for anything."""
    return sum(int(each["count"]) for each in house.sandbox.meter.report() if each["account"] == house.service)


def refusals(house: House) -> list[tuple[str, str]]:
    """Why something of the CRM's was not taken: reason, and what is said."""
    return [
        (outcome["reason"], each["because"])
        for outcome in house.outcomes(direction="outbound")
        for each in outcome["explain"]
        if each["decision"] == "refused"
    ]


@pytest.mark.scenario("S29")
@pytest.mark.rule("REC-1", "REC-5")
async def test_s29_an_endless_series_keeps_what_lies_beyond_the_window(store: Path) -> None:
    """Given a series without an end, when the CRM gives an occurrence in some years another room, and Outlook renames
    the series, then both hold it: not to be read is no news.
    """
    async with a_house(store, "anna") as house:
        uid = await met_weekly(house, count=None)
        assert house.item(uid)["item"]["recurrence"]["end"] == "never"
        far = said(TUESDAY + 175 * WEEK)
        await edited(house, uid, exceptions=[room(far, "Room 5")])
        await house.does(house.outlook("anna").edit, uid, subject="Weekly")
        await house.quiet()
        assert exceptions(house, uid) == {far: {"location": "Room 5"}}
        assert house.item(uid)["item"]["subject"] == "Weekly"
        found = await house.does(house.outlook("anna").occurrence, uid, 176)
        assert (found.subject, found.location) == ("Weekly", "Room 5")


@pytest.mark.scenario("S04e")
@pytest.mark.rule("REC-1", "REC-4")
@pytest.mark.parametrize("side", ["crm", "outlook"])
async def test_s04e_the_31st_of_every_month_is_the_last_day_of_a_shorter_one(store: Path, side: str) -> None:
    """On both sides: the February that is deleted on the one is the February of the other."""
    async with a_house(store, "anna") as house:
        start = datetime(2027, 1, 31, 10)  # noqa: DTZ001  # in the person's own zone
        monthly = {"frequency": "monthly", "interval": 1, "day_of_month": 31, "end": "after", "count": 4}
        february = said(datetime(2027, 2, 28, 10))  # noqa: DTZ001
        if side == "crm":
            gone = [{"original_start": february, "deleted": True}]
            times = {"start": said(start), "end": said(start + HOUR)}
            await made(house, subject="Closing", owner="u-anna", recurrence=monthly, exceptions=gone, **times)
            await house.quiet()
        else:
            pattern = AbsoluteMonthlyPattern(interval=1, day_of_month=31)
            recurrence = Recurrence(pattern=pattern, start=EWSDate(2027, 1, 31), number=4)
            uid = await house.does(house.outlook("anna").meet, "Closing", start=start, recurrence=recurrence)
            await house.quiet()
            assert {name: house.item(uid)["item"]["recurrence"][name] for name in monthly} == monthly
            await house.does(house.outlook("anna").delete_occurrence, uid, 2)
            await house.quiet()
            assert exceptions(house, uid) == {february: "deleted"}
        days = [when.date() for when, _, _ in await shown(house, "anna")]
        assert days == [date(2027, 3, 31), date(2027, 4, 30)]


@pytest.mark.scenario("S04e")
@pytest.mark.rule("REC-5", "ID-6")
async def test_s04e_a_fifth_monday_is_refused_and_said_so(store: Path) -> None:
    """Exchange has a last Monday, and no fifth one: a new item is not written, of a known one the pattern is put back,
    and neither is tried again.
    """
    async with a_house(store, "anna") as house:
        fifth = {"frequency": "monthly", "interval": 1, "weekdays": ["MO"], "week_of_month": 5, "end": "never"}
        monday = datetime(2027, 3, 29, 10)  # noqa: DTZ001
        times = {"start": said(monday), "end": said(monday + HOUR)}
        record = await made(house, subject="Closing", owner="u-anna", recurrence=fifth, **times)
        house.excuse(ids.uid_of_crm(record["id"]), "no calendar can hold it")
        assert await house.does(calendar, house, "anna") == []
        assert [each["reason"] for each in house.outcomes(direction="outbound")] == ["pattern"]
        uid = await met_weekly(house)
        await edited(house, uid, recurrence=fifth, subject="Closing")
        item = house.item(uid)["item"]
        assert (item["recurrence"]["frequency"], item["subject"]) == ("weekly", "Closing")
        assert [reason for reason, _ in refusals(house)][-1] == "pattern"
        assert writes(house) == [("anna@bank.example", "update", ("subject",))]


@pytest.mark.scenario("S04d")
@pytest.mark.rule("REC-5", "ID-6")
async def test_s04d_an_exception_outside_the_pattern_is_put_back_and_the_others_stand(store: Path) -> None:
    """A Wednesday of a Tuesdays' series, and one beyond its end."""
    async with a_house(store, "anna") as house:
        uid = await met_weekly(house)
        odd = [room(said(TUESDAY + 2 * WEEK + DAY), "Room 6"), room(at(11), "Room 7")]
        await edited(house, uid, exceptions=[room(at(2), "Room 5"), *odd])
        assert exceptions(house, uid) == {at(2): {"location": "Room 5"}}
        assert [each.get("Location") for each in series.exceptions(the_series(house, uid))] == ["Room 5"]
        assert refusals(house) == [("partly", "the pattern has no such occurrence: put back")]


@pytest.mark.scenario("S04f")
@pytest.mark.rule("REC-3", "REC-4")
async def test_s04f_about_an_exception_that_cannot_be_read_nothing_is_known(store: Path) -> None:
    """Given three exceptions of which one cannot be read any more, when Anna changes another, then the CRM keeps the
    first as it was, and hears of the change; and when it can be read again, of what it has become.
    """
    async with a_house(store, "anna") as house:
        uid = await met_weekly(house)
        anna = house.outlook("anna")
        for index in (3, 5, 8):
            await house.does(anna.edit_occurrence, uid, index, location=f"Room {index}")
        await house.quiet()
        third = series.exceptions(the_series(house, uid))[0]
        house.fault("unreadable_item", item=third.id, code="ErrorItemCorrupt", times=None)
        house.sandbox.world.modify(third, {"Location": "Room 33"}, by="Anna Adler")
        await house.does(anna.edit_occurrence, uid, 8, location="Room 88")
        await house.quiet()
        known = {at(5): {"location": "Room 5"}, at(8): {"location": "Room 88"}}
        assert exceptions(house, uid) == {at(3): {"location": "Room 3"}, **known}
        house.sandbox.faults.clear()
        await house.does(anna.edit, uid, subject="Weekly")
        await house.quiet()
        assert exceptions(house, uid) == {at(3): {"location": "Room 33"}, **known}
        assert writes(house) == []


@pytest.mark.scenario("S04f")
@pytest.mark.rule("REC-3", "ID-6")
async def test_s04f_the_crms_change_of_an_exception_that_cannot_be_read_is_refused(store: Path) -> None:
    """And is put back: Exchange does not say what lies there."""
    async with a_house(store, "anna") as house:
        uid = await met_weekly(house)
        await house.does(house.outlook("anna").edit_occurrence, uid, 3, location="Room 3")
        await house.quiet()
        third = series.exceptions(the_series(house, uid))[0]
        house.fault("unreadable_item", item=third.id, code="ErrorItemCorrupt", times=None)
        await edited(house, uid, exceptions=[room(at(3), "Room 5")])
        outcomes = [(each["result"], each["reason"]) for each in house.outcomes(direction="outbound")]
        assert outcomes == [("failed", "restriction")]
        assert exceptions(house, uid) == {at(3): {"location": "Room 3"}}


@pytest.mark.rule("REC-3", "REC-5", "CON-1")
async def test_rec_3_exceptions_in_flight_meet_another_pattern(store: Path) -> None:
    """Given Anna, who makes Wednesdays of the Tuesdays, and the CRM, which before it hears of that gives a Tuesday
    another room: then there is no such Tuesday any more, on either side, and the CRM is told so.
    """
    async with a_house(store, "anna") as house:
        uid = await met_weekly(house)
        house.hold_hints = True
        anna = house.outlook("anna")
        start = (TUESDAY + DAY).replace(tzinfo=anna.account.default_timezone)
        pattern = WeeklyPattern(interval=1, weekdays=["Wednesday"])
        wednesdays = Recurrence(pattern=pattern, start=EWSDate(2027, 3, 3), number=10)
        await house.does(anna.edit, uid, start=start, end=start + HOUR, recurrence=wednesdays)
        await edited(house, uid, exceptions=[room(at(5), "Room 5")], subject="Weekly")
        house.hold_hints = False
        house.deliver(await house.take_hints())
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["recurrence"]["weekdays"], item["start"]) == (["WE"], said(TUESDAY + DAY))
        found = await shown(house, "anna")
        assert [when for when, _, _ in found] == [TUESDAY + DAY + week * WEEK for week in range(10)]
        assert {subject for _, subject, _ in found} == {"Weekly"}
        places = {said(when): {"location": place} for when, _, place in found if place}
        assert exceptions(house, uid) == places


@pytest.mark.rule("REC-1", "REC-3")
@pytest.mark.parametrize("side", ["crm", "outlook"])
async def test_rec_1_a_series_becomes_a_single_meeting_and_a_series_again(store: Path, side: str) -> None:
    """On either side: what was different of its occurrences is gone for good, and it is one item all the time."""
    async with a_house(store, "anna", "bob") as house:
        uid = await met_weekly(house, required=["bob@bank.example"])
        await house.does(house.outlook("anna").edit_occurrence, uid, 3, location="Room 5")
        await house.quiet()
        assert exceptions(house, uid) == {at(3): {"location": "Room 5"}}
        for is_series in (False, True):
            if side == "crm":
                await edited(house, uid, recurrence=WEEKLY if is_series else None)
            else:
                pattern = WeeklyPattern(interval=1, weekdays=["Tuesday"])
                weekly = Recurrence(pattern=pattern, start=EWSDate(2027, 3, 2), number=10) if is_series else None
                await house.does(house.outlook("anna").edit, uid, recurrence=weekly)
                await house.quiet()
            item = house.item(uid)["item"]
            assert bool(item["recurrence"]) is is_series
            assert exceptions(house, uid) == {}
            for who in ("anna", "bob"):
                found = await shown(house, who)
                assert [when for when, _, _ in found] == [
                    TUESDAY + week * WEEK for week in range(10 if is_series else 1)
                ]
                assert {place for _, _, place in found} == {""}


@pytest.mark.scenario("S04c")
@pytest.mark.rule("REC-3", "REC-4", "MAP-2")
@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])
async def test_s04c_days_of_an_all_day_series_made_in_another_zone_are_the_same_days_everywhere(
    store: Path, zone: str
) -> None:
    """One is deleted where it was made, one in the CRM, one gets another name there."""
    async with a_house(store, "anna") as house:
        anna = house.outlook("anna", zone=zone)
        day = TUESDAY.date()
        uid = await house.does(anna.meet_weekly, "Holiday", start=day)
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["all_day"], item["start"]) == (True, day.isoformat())
        await house.does(anna.delete_occurrence, uid, 2)
        await house.quiet()
        mine = [
            {"original_start": (day + 3 * WEEK).isoformat(), "deleted": True},
            {"original_start": (day + 4 * WEEK).isoformat(), "changes": {"subject": "Office closed"}},
        ]
        await edited(house, uid, exceptions=[*held(house, uid), *mine])
        renamed = {(day + 4 * WEEK).isoformat(): {"subject": "Office closed"}}
        gone = {(day + week * WEEK).isoformat(): "deleted" for week in (1, 3)}
        assert exceptions(house, uid) == gone | renamed
        found = await house.does(anna.view, TUESDAY - WEEK, TUESDAY + 11 * WEEK)
        days = {each.start.isoformat(): each.subject for each in found}
        wanted = {(day + week * WEEK).isoformat(): "Holiday" for week in range(10) if week not in (1, 3)}
        assert days == wanted | {(day + 4 * WEEK).isoformat(): "Office closed"}


@pytest.mark.scenario("S29")
@pytest.mark.rule("REC-5")
@pytest.mark.timeout(300)
async def test_s29_work_in_a_series_of_729_exceptions_is_bounded(store: Path) -> None:
    """Given a daily series of which every occurrence has a room of its own, when one changes on either side, then that
    takes no more requests than reading those near now takes, and the others stay as they were.
    """
    most, at_once = 200, 10  # read of one series, and in one request
    async with a_house(store, "anna") as house:
        start = house_time().replace(hour=9, minute=0, second=0, microsecond=0, tzinfo=None) + DAY
        anna = house.outlook("anna")
        every_day = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
        uid = await house.does(anna.meet_weekly, "Stand-up", start=start, weekdays=every_day, count=800)
        await house.quiet()
        world = house.sandbox.world
        for index in range(2, 731):
            occurrence = series.nth(world.item("anna@bank.example", the_series(house, uid).id), index)
            world.modify(occurrence, {"Location": f"Room {index}"}, by="Anna Adler")
        await house.quiet()
        before = held(house, uid)
        assert len(before) == most, "the nearest to now"
        asked = requests(house)
        await edited(house, uid, exceptions=[before[0] | {"changes": {"location": "Room A"}}, *before[1:]])
        await house.does(anna.edit_occurrence, uid, 3, location="Room B")
        await house.quiet()
        assert requests(house) - asked < 2 * 729 // at_once, "reading all of it for each change takes more"
        rooms = [each["changes"]["location"] for each in held(house, uid)]
        assert rooms == ["Room A", "Room B", *(f"Room {index}" for index in range(4, most + 2))]
        kept = [each.get("Location") for each in series.exceptions(the_series(house, uid))]
        assert kept == ["Room A", "Room B", *(f"Room {index}" for index in range(4, 731))]


@pytest.mark.rule("REC-3", "PART-1", "ID-1")
async def test_rec_3_who_is_invited_to_one_occurrence_takes_part_in_that_one_until_he_is_invited_to_all(
    store: Path,
) -> None:
    """Given Cleo, whom Anna invites to the third alone, then Cleo is assigned to the third, and what she does to her
    own item of it is nothing of the series'; invited to the series, she has a copy of it, and is written to.
    """
    async with a_house(store, "anna", "bob", "cleo") as house:
        uid = await met_weekly(house, required=["bob@bank.example"])
        anna, cleo = house.outlook("anna"), house.outlook("cleo")
        third = await house.does(anna.occurrence, uid, 3)
        guests = [*third.required_attendees, Attendee(mailbox=Mailbox(email_address="cleo@bank.example"))]
        await house.does(anna.edit_occurrence, uid, 3, required_attendees=guests)
        await house.quiet()
        item = house.item(uid)["item"]
        assert item["assign_to"] == ["u-anna", "u-bob"]
        assert exceptions(house, uid) == {at(3): {"assign_to": ["u-anna", "u-bob", "u-cleo"]}}
        said_so_far = len(house.outcomes())
        await house.does(cleo.edit, uid, silent=True, location="My desk")
        await house.does(cleo.set_reminder, uid, 45)
        await house.quiet()
        assert house.outcomes()[said_so_far:] == []
        assert house.item(uid)["item"] == item
        await edited(house, uid, subject="Weekly")
        assert [mailbox for mailbox, _, _ in writes(house)] == ["anna@bank.example", "bob@bank.example"]
        await house.does(anna.invite, uid, "cleo@bank.example")
        await house.quiet()
        assert house.item(uid)["item"]["assign_to"] == ["u-anna", "u-bob", "u-cleo"]
        await edited(house, uid, location="Room 1")
        assert {mailbox for mailbox, _, _ in writes(house)[2:]} == {
            f"{who}@bank.example" for who in ("anna", "bob", "cleo")
        }
        assert {place for _, _, place in await shown(house, "cleo")} == {"Room 1"}
        assert {(each["result"], each["reason"]) for each in house.outcomes()} == {("applied", None)}
