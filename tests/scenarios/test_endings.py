"""Deletes in a whole house: what ends an item, what does not, and what brings it back (DEL, S02c, S10).

That no delete is told of what nobody ended is checked after every test.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.house import Clock, House, a_house, contact

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
BOB = "bob@bank.example"
SOON = {"back_off_first": "50ms", "back_off_longest": "200ms"}


def last_word(house: House) -> tuple[str, str | None]:
    """Result and reason of the outcome that came last, of all partitions."""
    said = max(house.outcomes(direction="inbound"), key=lambda outcome: outcome["cause"]["offset"])
    return said["result"], said["reason"]


def deletes(house: House) -> list[str]:
    return [command["reason"] for command in house.commands() if "item" not in command]


@pytest.mark.scenario("S02c")
@pytest.mark.parametrize("fault", ["http_503", "server_busy_inner", "drop_before"])
async def test_s02c_what_could_not_be_read_is_unknown_and_not_deleted(store: Path, fault: str) -> None:
    """Given reads and searches that fail, when a meeting's hints come, then it stays, and is right once they work."""
    async with a_house(store, "anna", "bob", exchange=SOON) as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        await house.does(anna.edit, uid, subject="Renamed")
        for operation in ("GetItem", "FindItem"):
            house.fault(fault, operation=operation, times=2)
        house.deliver(house.watch.hints)
        await house.quiet()
        assert house.has_item(uid)
        house.sandbox.faults.clear()
        await house.until(lambda: house.item(uid)["item"]["subject"] == "Renamed")
        assert deletes(house) == []


@pytest.mark.scenario("S10b")
@pytest.mark.rule("DEL-3")
async def test_s10b_an_attendee_who_deletes_his_copy_ends_only_that(store: Path) -> None:
    """Given Bob's copy deleted, then the meeting and Cleo's part stay, and Bob stays with the answer `removed`."""
    async with a_house(store, "anna", "bob", "cleo") as house:
        anna, bob = house.outlook("anna"), house.outlook("bob")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB, "cleo@bank.example"])
        await house.does(house.outlook("cleo").accept, uid)
        await house.quiet()
        for for_good in (False, True):
            if for_good:
                await house.does(bob.restore, uid)
                await house.quiet()
                assert house.item(uid)["item"]["responses"]["u-bob"] == "none"
            await house.does(bob.delete, uid, for_good=for_good)
            await house.quiet()
            item = house.item(uid)["item"]
            assert item["assign_to"] == ["u-anna", "u-bob", "u-cleo"]
            assert item["responses"] == {"u-anna": "organizer", "u-bob": "removed", "u-cleo": "accepted"}
        assert deletes(house) == []


@pytest.mark.rule("DEL-3")
async def test_who_declines_stays_with_that_answer(store: Path) -> None:
    """Given Bob, who declines, then he stays in Assign To as declined, and the meeting stays."""
    async with a_house(store, "anna", "bob") as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=[BOB])
        await house.does(house.outlook("bob").decline, uid)
        await house.quiet()
        item = house.item(uid)["item"]
        assert item["assign_to"] == ["u-anna", "u-bob"]
        assert item["responses"]["u-bob"] == "declined"


@pytest.mark.scenario("S10d")
@pytest.mark.rule("DEL-1", "DEL-5", "DEL-6")
async def test_s10d_deleted_and_restored_it_is_the_same_record(store: Path) -> None:
    """Given a meeting in Deleted Items, when it is restored, then the same CRM record is back, at a higher revision."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(contact("c-7", "carla@client.example"))
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB, "carla@client.example"])
        await house.quiet()
        before = house.item(uid)
        await house.does(anna.delete, uid)
        await house.quiet()
        assert not house.has_item(uid)
        await house.does(anna.restore, uid)
        await house.quiet()
        after = house.item(uid)
        assert (after["id"], after["link"], after["item"]) == (before["id"], before["link"], before["item"])
        assert after["revision"] == before["revision"] + 2
        assert deletes(house) == ["deleted"]


@pytest.mark.rule("DEL-2")
async def test_the_delete_of_an_old_item_is_archiving(store: Path) -> None:
    """Given a meeting that ended 31 days ago, when it is deleted, then the CRM keeps it, and one outcome says why."""
    clock = Clock(datetime(2026, 11, 30, 9, tzinfo=UTC))
    async with a_house(store, "anna", "bob", clock=clock) as house:
        anna = house.outlook("anna")
        old = await house.does(anna.meet, "Old", start=TEN, required=[BOB])
        young = await house.does(anna.meet, "Young", start=TEN + timedelta(days=2))
        await house.quiet()
        clock.moment = datetime(2027, 1, 1, 10, tzinfo=UTC)
        await house.does(anna.delete, old)
        await house.quiet()
        assert last_word(house) == ("skipped", "archival")
        await house.does(anna.delete, young, for_good=True)
        await house.quiet()
        assert [item["uid"] for item in house.items()] == [old]
        house.excuse(old, "archived")


@pytest.mark.rule("DEL-6", "DEL-1")
async def test_the_organizers_cancellation_is_a_delete(store: Path) -> None:
    """Given a meeting that Anna calls off, then the CRM's item goes, told once, whatever lies in Bob's mailbox."""
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        await house.does(anna.cancel, uid)
        await house.quiet()
        assert not house.has_item(uid)
        assert len(deletes(house)) == 1


@pytest.mark.rule("DEL-6")
async def test_the_cancellation_of_an_outsider_is_a_delete(store: Path) -> None:
    """Given an outsider's meeting whose master is Bob, when it is cancelled, then the CRM's item goes."""
    async with a_house(store, "bob", "cleo") as house:
        guests = [BOB, "cleo@bank.example"]
        uid = house.outsider(*guests)
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        assert house.has_item(uid)
        house.outsider(*guests, uid=uid, happening="cancellation")
        await house.quiet()
        assert not house.has_item(uid)
        assert deletes(house) == ["cancelled"]


@pytest.mark.rule("DEL-6")
async def test_a_cancelled_copy_that_does_not_count_changes_nothing(store: Path) -> None:
    """Given Bob, whom Anna takes out, so that his copy is cancelled, then the meeting stays, under its own name."""
    async with a_house(store, "anna", "bob", "cleo") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB, "cleo@bank.example"])
        await house.quiet()
        await house.does(anna.uninvite, uid, BOB)
        await house.quiet()
        item = house.item(uid)["item"]
        assert item["subject"] == "Review"
        assert item["assign_to"] == ["u-anna", "u-cleo"]
        assert deletes(house) == []
