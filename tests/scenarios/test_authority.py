"""Whose copy counts, in a whole house: outsiders, masters, organizers who come and go (ID-3, ID-4, ID-6, S13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.sandbox.exchange.items import Draft
from daemon.sandbox.exchange.properties import ItemKind
from tests.support.house import XAVER, Clock, House, a_house, contact, options, user

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
BOB, CLEO = "bob@bank.example", "cleo@bank.example"


def skips(house: House) -> list[str]:
    return [said["reason"] for said in house.outcomes(direction="inbound") if said["result"] == "skipped"]


def master(house: House) -> str | None:
    last = max(house.commands(), key=lambda command: command["revision"])
    return last["master"]  # type: ignore[no-any-return]  # JSON


@pytest.mark.scenario("S13a")
@pytest.mark.rule("ID-4", "ID-6", "PART-1")
async def test_s13a_a_meeting_organized_outside_is_one_read_only_item(store: Path) -> None:
    """Given an outsider who invites two, when one accepts, then one read-only item shows him and assigns both."""
    async with a_house(store, "bob", "cleo") as house:
        await house.announce(contact("c-7", XAVER["email"]))
        uid = house.outsider(BOB, CLEO)
        await house.quiet()
        assert house.items() == []
        assert set(skips(house)) == {"awaiting_acceptance"}
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["read_only"], item["owner"]) == (True, None)
        assert item["organizer"] == {"user": None, "name": "Xaver Xu", "email": "xaver@else.example"}
        assert item["assign_to"] == ["u-bob", "u-cleo"]
        assert [entry["contact"] for entry in item["for"]] == ["c-7"]
        assert master(house) == "u-bob"


@pytest.mark.rule("ID-4", "OPT-4")
async def test_the_first_who_accepts_is_the_master_whoevers_hint_comes_first(store: Path) -> None:
    """Given Cleo, who accepts before Bob, when Bob's hints come first, then her copy and her options count."""
    clock = Clock(datetime(2026, 11, 30, 9, tzinfo=UTC))
    async with a_house(store, "bob", "cleo", clock=clock) as house:
        await house.announce(options("cleo", for_contacts__inbound=False), contact("c-7", XAVER["email"]))
        house.hold_hints = True
        uid = house.outsider(BOB, CLEO)
        await house.does(house.outlook("cleo").accept, uid)
        clock.pass_by(timedelta(minutes=1))
        await house.does(house.outlook("bob").accept, uid)
        house.deliver(sorted(await house.take_hints(), key=lambda hint: hint[1] != BOB.encode()))
        await house.quiet()
        assert master(house) == "u-cleo"
        assert house.item(uid)["item"]["for"] == []


@pytest.mark.rule("ID-4")
async def test_a_master_who_leaves_is_followed_by_whom_a_change_comes_through(store: Path) -> None:
    """Given a master who stops synchronizing, when a change comes through Cleo, then she is the master."""
    async with a_house(store, "bob", "cleo") as house:
        uid = house.outsider(BOB, CLEO)
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        before = house.item(uid)
        await house.announce(user("bob", sync_enabled=False))
        house.outsider(BOB, CLEO, uid=uid, happening="update", subject="Renamed")
        await house.quiet()
        after = house.item(uid)
        assert (after["id"], after["item"]["subject"]) == (before["id"], "Renamed")
        assert master(house) == "u-cleo"


@pytest.mark.rule("ID-3", "ID-4")
async def test_what_an_attendee_makes_of_his_copy_is_recorded_and_not_followed(store: Path) -> None:
    """Given Bob, who renames his own copy, then the CRM keeps Anna's name and one outcome names the field."""
    async with a_house(store, "anna", "bob") as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        await house.does(house.outlook("bob").edit, uid, subject="Boring")
        await house.quiet()
        assert house.item(uid)["item"]["subject"] == "Review"
        assert skips(house) == ["not_authoritative"]
        [said] = [each for each in house.outcomes() if each["reason"] == "not_authoritative"]
        assert [(entry["rule"], entry["about"]) for entry in said["explain"]] == [("ID-3", "subject")]


@pytest.mark.scenario("S13c")
@pytest.mark.rule("ID-4", "ID-6")
async def test_s13c_an_organizer_who_becomes_a_user_makes_it_an_ordinary_item(store: Path) -> None:
    """Given an organizer unknown to the CRM, when it learns of her, then her meeting is hers, same id and link."""
    async with a_house(store, "bob", "cleo") as house:
        await house.announce(user("cleo", active=False, mailbox=None))
        cleo = house.outlook("cleo")
        uid = await house.does(cleo.meet, "Review", start=TEN, required=[BOB])
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        before = house.item(uid)
        assert (before["item"]["read_only"], before["item"]["owner"]) == (True, None)
        await house.announce(user("cleo"))
        await house.does(cleo.edit, uid, subject="Renamed")
        await house.quiet()
        after = house.item(uid)
        assert (after["id"], after["link"]) == (before["id"], before["link"])
        item = after["item"]
        assert (item["read_only"], item["owner"], item["subject"]) == (False, "u-cleo", "Renamed")
        assert item["assign_to"] == ["u-bob", "u-cleo"]
        assert master(house) is None


@pytest.mark.scenario("S13e")
async def test_s13e_a_missing_organizer_is_put_aside_once(store: Path) -> None:
    """Given a meeting that names no organizer, then one skip says so, however often it is hinted, and others go on."""
    async with a_house(store, "bob") as house:
        world, start = house.sandbox.world, datetime(2026, 12, 1, 9, tzinfo=UTC)
        values = {"Subject": "Lost", "Start": start, "End": start, "UID": world.new_uid(), "IsMeeting": True}
        values |= {"MyResponseType": "Accept", "AppointmentState": 3}
        world.create(world.folder(BOB, "calendar"), Draft(ItemKind.CALENDAR_ITEM, values), by="Bob Braun")
        other = await house.does(house.outlook("bob").meet, "Lunch", start=TEN)
        await house.quiet()
        assert skips(house) == ["no_organizer"]
        assert [item["uid"] for item in house.items()] == [other]


@pytest.mark.rule("ID-3", "ID-4")
async def test_a_calendar_user_without_mailbox_organizes_and_a_master_reads_for_him(store: Path) -> None:
    """Given an organizer who is a user but not synchronized, then he owns the item and Bob's copy is read for it."""
    async with a_house(store, "bob", "cleo") as house:
        await house.announce(user("cleo", sync_enabled=False))
        uid = await house.does(house.outlook("cleo").meet, "Review", start=TEN, required=[BOB])
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["owner"], item["read_only"]) == ("u-cleo", False)
        assert item["assign_to"] == ["u-bob", "u-cleo"]
        assert master(house) == "u-bob"
