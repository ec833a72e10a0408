"""What the CRM changes is written to Exchange: the organizer's copy, direct copies, and only what changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import ids
from tests.support.house import Clock, House, a_house, house_time

TEN = datetime(2027, 3, 2, 9, tzinfo=UTC)
BOB = "bob@bank.example"


def item(**more: Any) -> dict[str, Any]:
    """A schedule item as a CRM user makes it."""
    known = {
        "subject": "Review",
        "start": TEN.isoformat(),
        "end": (TEN + timedelta(hours=1)).isoformat(),
        "zone": "Europe/Berlin",
        "all_day": False,
        "owner": "u-anna",
        "assign_to": ["u-anna"],
    }
    return known | more


async def made(house: House, **more: Any) -> dict[str, Any]:
    """A CRM user makes an item; the CRM's record when all that follows has happened."""
    record = await house.crm.create({"actor": {"user": "u-anna"}, "kind": "schedule_item", "item": item(**more)})
    await house.quiet()
    return record


async def edited(house: House, crm_id: str, **fields: Any) -> None:
    await house.crm.edit(crm_id, {"actor": {"user": "u-anna"}, "item": fields})
    await house.quiet()


def answers(house: House) -> list[tuple[str, str | None]]:
    return [(said["result"], said["reason"]) for said in house.outcomes(direction="outbound")]


def calendar(house: House, name: str) -> list[Any]:
    return list(house.outlook(name).account.calendar.all())


@pytest.mark.rule("ID-5", "ID-8", "PART-6", "INV-4")
async def test_an_item_made_in_the_crm_is_in_its_owners_calendar_with_its_people(store: Path) -> None:
    """Given a new item of Anna's with Bob, then it is Anna's meeting with Bob as attendee, and nobody was mailed."""
    async with a_house(store, "anna", "bob") as house:
        record = await made(house, assign_to=["u-anna", "u-bob"], notes="Bring the file")
        [annas] = await house.does(calendar, house, "anna")
        assert (annas.subject, annas.start, annas.end) == ("Review", TEN, TEN + timedelta(hours=1))
        assert annas.uid == ids.uid_of_crm(record["id"])
        assert [each.mailbox.email_address for each in annas.required_attendees] == [BOB]
        assert "Bring the file" in annas.text_body
        [bobs] = await house.does(calendar, house, "bob")
        assert (bobs.subject, bobs.start, bobs.required_attendees) == ("Review", TEN, None)
        assert answers(house) == [("applied", None)]
        assert house.commands() == []


@pytest.mark.rule("MAP-1", "CON-1", "CON-3")
async def test_a_new_subject_goes_to_every_copy_and_nothing_else(store: Path) -> None:
    """Given an Outlook meeting, when the CRM renames it, then both copies are renamed and the times untouched."""
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=datetime(2027, 3, 2, 10), required=[BOB])  # noqa: DTZ001
        await house.quiet()
        await edited(house, house.item(uid)["id"], subject="Renamed")
        for name in ("anna", "bob"):
            copy = await house.does(house.outlook(name).copy, uid)
            assert copy.subject == "Renamed"
        [said] = house.outcomes(direction="outbound")
        assert said["result"] == "applied"
        assert {(each["mailbox"], *each["fields"]) for each in said["writes"]} == {
            ("anna@bank.example", "subject"),
            (BOB, "subject"),
        }


@pytest.mark.scenario("S08a")
async def test_s08a_a_create_whose_answer_is_lost_is_not_made_twice(store: Path) -> None:
    """Given an Exchange that stores the item and loses the answer, then there is one item afterwards."""
    clock = Clock(house_time())
    async with a_house(store, "anna", clock=clock) as house:
        house.fault("drop_after", operation="CreateItem")
        await made(house)
        assert answers(house) == []
        clock.pass_by(timedelta(minutes=5))
        await house.until(lambda: bool(answers(house)))
        assert len(await house.does(calendar, house, "anna")) == 1
        assert answers(house)[-1] == ("applied", None)


@pytest.mark.rule("DEL-1")
async def test_what_the_crm_deletes_is_gone_from_every_calendar(store: Path) -> None:
    """Given an item made in the CRM, when it is deleted there, then nobody's calendar has it any more."""
    async with a_house(store, "anna", "bob") as house:
        record = await made(house, assign_to=["u-anna", "u-bob"])
        await house.crm.delete(record["id"], {"actor": {"user": "u-anna"}})
        await house.quiet()
        for name in ("anna", "bob"):
            assert await house.does(calendar, house, name) == []
        assert answers(house)[-1] == ("applied", None)


@pytest.mark.rule("CON-1", "CON-2")
async def test_a_conflict_is_won_by_the_crm(store: Path) -> None:
    """Given Anna and a CRM user who rename a meeting at the same time, then the CRM's name stands on both sides."""
    async with a_house(store, "anna") as house:
        record = await made(house)
        anna = house.outlook("anna")
        house.hold_hints = True
        await house.does(anna.edit, ids.uid_of_crm(record["id"]), subject="Anna's", location="Room 4")
        hints = await house.take_hints()
        await edited(house, record["id"], subject="CRM's")
        house.hold_hints = False
        house.deliver([*hints, *await house.take_hints()])
        await house.quiet()
        [annas] = await house.does(calendar, house, "anna")
        shown = house.item(ids.uid_of_crm(record["id"]))["item"]
        assert (annas.subject, annas.location) == (shown["subject"], shown["location"]) == ("CRM's", "Room 4")
        conflicts = [each for said in house.outcomes() for each in said["conflicts"]]
        assert conflicts == [{"field": "subject", "winner": "crm"}]
