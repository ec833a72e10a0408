"""What the CRM says, in a whole house: edits that cross a command, refusals, what waits to be written (CON, ID-6)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.store import links
from handlers.links import Link
from schemas import catalogue
from tests.support.house import House, a_house, contact, grant

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
BOB = "bob@bank.example"


async def link_of(house: House, uid: str) -> Link:
    """What the daemon remembers of a meeting."""
    found = await house.daemons[0].store.read(lambda tx: links.by_uid(tx, uid))
    assert found is not None, "the daemon knows no such meeting"
    return found


async def edited(house: House, uid: str, **fields: Any) -> None:
    """A CRM user changes fields; returns when all that follows has happened."""
    await house.crm.edit(house.item(uid)["id"], {"actor": {"user": "u-anna", "on_behalf_of": None}, "item": fields})
    await house.quiet()


def answers(house: House) -> list[tuple[str, str | None]]:
    return [(said["result"], said["reason"]) for said in house.outcomes(direction="outbound")]


@pytest.mark.rule("CON-6", "ID-8")
async def test_what_the_crm_answers_is_read_into_the_link(store: Path) -> None:
    """Given a meeting, when the CRM confirms and later edits it, then the link has its id, version, and revision."""
    async with a_house(store, "anna", "bob") as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        item, link = house.item(uid), await link_of(house, uid)
        assert (link.crm_id, link.crm_version, link.crm_revision) == (item["id"], item["version"], item["revision"])
        assert link.id == item["link"]
        await edited(house, uid, status="completed")
        item, link = house.item(uid), await link_of(house, uid)
        assert (link.crm_version, link.crm and link.crm.status) == (item["version"], "completed")
        assert answers(house) == [("applied", None)]


@pytest.mark.rule("CON-6", "CON-1")
async def test_a_command_that_crosses_an_edit_is_decided_again_on_top_of_it(store: Path) -> None:
    """Given a CRM user who edits while a command is under way, then the command is ignored, and comes again."""
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        crm_id, revision = house.item(uid)["id"], house.item(uid)["revision"]
        house.hold_hints = True
        await house.does(anna.edit, uid, subject="Renamed", location="Room 4")
        hints = await house.take_hints()
        apply, crossing = house.crm.apply, []

        async def busy_elsewhere(headers: Any, value: bytes | None) -> bool:
            if not crossing:
                crossing.append(await house.crm.edit(crm_id, {"item": {"status": "completed"}}))
            return await apply(headers, value)

        house.crm.apply = busy_elsewhere  # type: ignore[method-assign]  # somebody edits just before the command comes
        house.deliver(hints)
        await house.quiet()
        item = house.item(uid)
        assert crossing
        assert [told["why"] for told in house.crm.commands()] == [None, "edited", None]
        assert (item["item"]["subject"], item["item"]["location"], item["item"]["status"]) == (
            "Renamed",
            "Room 4",
            "completed",
        )
        assert item["revision"] == revision + 2


@pytest.mark.rule("CON-1", "CON-6")
async def test_what_the_crm_renamed_stays_so_when_outlook_changes_something_else(store: Path) -> None:
    """Given a new subject from the CRM, then Exchange has it, and a later edit in Outlook keeps it."""
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        await edited(house, uid, subject="Named by the CRM")
        assert answers(house) == [("applied", None)]
        await house.does(anna.edit, uid, location="Room 4")
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["subject"], item["location"]) == ("Named by the CRM", "Room 4")
        assert (await house.does(anna.copy, uid)).subject == "Named by the CRM"


@pytest.mark.rule("ID-6")
async def test_edits_of_an_outsiders_meeting_are_refused_field_by_field_and_put_back(store: Path) -> None:
    """Given a read-only item, when subject, status and people are edited, then what is CRM-only stays alone."""
    async with a_house(store, "bob", "cleo") as house:
        await house.announce(contact("c-7", "carla@client.example"))
        uid = house.outsider(BOB)
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        mine = [{"contact": "c-7", "source": "crm"}]
        await edited(house, uid, subject="Mine", assign_to=["u-bob", "u-cleo"], status="completed", **{"for": mine})
        item = house.item(uid)["item"]
        assert (item["subject"], item["assign_to"], item["status"]) == ("Review", ["u-bob"], "completed")
        assert [entry["contact"] for entry in item["for"]] == ["c-7"]
        [said] = house.outcomes(direction="outbound")
        assert (said["result"], said["reason"]) == ("applied", "partly")
        assert {entry["about"] for entry in said["explain"]} == {"subject", "assign_to"}
        await edited(house, uid, subject="Mine again")
        assert house.item(uid)["item"]["subject"] == "Review"
        assert answers(house)[-1] == ("refused", "read_only")


@pytest.mark.rule("PART-7")
async def test_a_forged_answer_is_refused_and_put_back(store: Path) -> None:
    """Given an answer that the CRM states for Bob, then it is refused, and his own stands again."""
    async with a_house(store, "anna", "bob") as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=[BOB])
        await house.does(house.outlook("bob").decline, uid)
        await house.quiet()
        await edited(house, uid, responses={"u-anna": "organizer", "u-bob": "accepted"})
        assert house.item(uid)["item"]["responses"]["u-bob"] == "declined"
        assert answers(house) == [("refused", "not_authoritative")]


@pytest.mark.rule("FOR-3")
async def test_contacts_of_the_crm_stay_and_those_it_took_out_are_not_matched_again(store: Path) -> None:
    """Given a contact added and one taken out by the CRM, when the meeting changes, then both decisions stand."""
    async with a_house(store, "anna") as house:
        await house.announce(contact("c-7", "carla@client.example"), contact("c-9", "never-invited@client.example"))
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=["carla@client.example"])
        await house.quiet()
        await edited(house, uid, **{"for": [{"contact": "c-9", "source": "crm"}]})
        await house.does(anna.edit, uid, location="Room 4")
        await house.quiet()
        item = house.item(uid)["item"]
        assert item["location"] == "Room 4"
        assert [(entry["contact"], entry["source"]) for entry in item["for"]] == [("c-9", "crm")]


@pytest.mark.rule("DEL-1", "DEL-5")
async def test_what_the_crm_deleted_comes_back_by_no_late_change(store: Path) -> None:
    """Given an item deleted in the CRM, when its meeting is put back in Outlook, then it stays deleted in the CRM, and
    one skip says why.
    """
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        await house.crm.delete(house.item(uid)["id"], {})
        await house.quiet()
        assert answers(house) == [("applied", None)]
        assert not await house.does(anna.has_copy, uid)
        await house.does(anna.restore, uid)
        await house.quiet()
        assert not house.has_item(uid)
        assert [said["reason"] for said in house.outcomes(direction="inbound")][-1:] == ["tombstoned"]


@pytest.mark.rule("INV-7")
async def test_what_left_the_scope_is_skipped_until_the_crm_speaks_of_it_again(store: Path) -> None:
    """Given an item out of scope, then its hints are skipped, and an edit in the CRM opens it again."""
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        await house.crm.take_out_of_scope(house.item(uid)["id"], {})
        await house.quiet()
        await house.does(anna.edit, uid, subject="Renamed")
        await house.quiet()
        assert house.item(uid)["item"]["subject"] == "Review"
        assert "out_of_scope" in {said["reason"] for said in house.outcomes(direction="inbound")}
        await edited(house, uid, status="completed")
        await house.does(anna.edit, uid, location="Room 4")
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["subject"], item["location"]) == ("Renamed", "Room 4")


async def test_what_cannot_be_done_is_answered_and_never_a_dead_letter(store: Path) -> None:
    """Given a series in no zone and a grant without its option, then one cannot be held, the other is refused."""
    async with a_house(store, "anna", "bob") as house:
        people = {"owner": "u-anna", "assign_to": ["u-anna"]}
        weekly = {"frequency": "weekly", "weekdays": ["TU"], "end": "after", "count": 3}
        times = {"start": "2026-12-01T10:00:00+01:00", "end": "2026-12-01T11:00:00+01:00"}
        series = await house.crm.create({"item": {"subject": "Jour fixe", "recurrence": weekly, **times, **people}})
        house.excuse(series["id"], "a series that is in no zone cannot be written")
        await house.announce(grant("anna", "bob"))
        said = [(each["direction"], each["result"], each["reason"]) for each in house.outcomes()]
        assert sorted(said) == [("control", "refused", "option_off"), ("outbound", "skipped", "pattern")]
        assert house.broker.records(catalogue.DEAD_LETTERS) == []
