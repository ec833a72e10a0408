"""One meeting is one record, two meetings are two, and silence follows every change (S03, S07, S21)."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.bus.lanes import Lanes
from daemon.sandbox.exchange.items import Draft
from schemas import catalogue
from tests.support.house import House, a_house, contact, house_time, options
from tests.support.invariants import same_from_scratch

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
FIVE = ("anna", "bob", "cleo", "dora", "emil")


def of_mailbox(hints: list[Any]) -> list[list[Any]]:
    """Hints by the mailbox they came through, in the order they came."""
    by_mailbox = sorted(hints, key=lambda hint: hint[1])
    return [list(group) for _, group in itertools.groupby(by_mailbox, key=lambda hint: hint[1])]


@pytest.mark.scenario("S03a", "S07e")
@pytest.mark.rule("ID-2", "ID-3", "CON-3")
@pytest.mark.parametrize("seed", range(3))
async def test_s03a_hints_of_five_mailboxes_in_any_order_and_doubled_make_one_record(store: Path, seed: int) -> None:
    """Given a meeting of five, when hints come shuffled and twice, then 1 record, 1 link, and 5 replicas."""
    async with a_house(store, *FIVE) as house:
        house.hold_hints = True
        guests = [f"{name}@bank.example" for name in FIVE[1:]]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=guests)
        hints = await house.take_hints() * 2
        random.Random(seed).shuffle(hints)
        house.deliver(hints)
        await house.quiet()
        assert house.item(uid)["item"]["assign_to"] == sorted(f"u-{name}" for name in FIVE)
        assert await replicas(house) == 5
        await same_from_scratch(house, store.with_name("again.sqlite"))


async def replicas(house: House) -> int:
    """How many copies the one link knows."""
    [daemon] = house.daemons
    return await daemon.store.read(lambda tx: tx.exec_driver_sql("SELECT count(*) FROM replicas").scalar_one())


@pytest.mark.scenario("S03b")
@pytest.mark.rule("ID-2")
async def test_s03b_two_workers_at_the_same_instant_make_one_record(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given lanes that keep nobody apart, when five mailboxes are read at once, then the store makes it one record."""

    @asynccontextmanager
    async def nobody_waits(_lanes: Lanes, _key: object) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(Lanes, "turn", nobody_waits)
    async with a_house(store, *FIVE) as house:
        house.hold_hints = True
        guests = [f"{name}@bank.example" for name in FIVE[1:]]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=guests)
        house.fault("slow", operation="GetItem", ms=100, times=5)
        house.deliver(await house.take_hints())
        await house.quiet()
        assert house.item(uid)["item"]["assign_to"] == sorted(f"u-{name}" for name in FIVE)
        assert house.metrics[0].value("exsyncd_retries_total", {"topic": catalogue.NOTIFICATIONS}) > 0


@pytest.mark.scenario("S03d")
@pytest.mark.rule("ID-2")
async def test_s03d_two_meetings_of_equal_subject_and_times_stay_two(store: Path) -> None:
    """Given the same subject and hour twice, by one person and by two, then each is a record of its own."""
    async with a_house(store, "anna", "bob") as house:
        anna, bob = house.outlook("anna"), house.outlook("bob")
        first = await house.does(anna.meet, "Lunch", start=TEN, required=["bob@bank.example"])
        second = await house.does(anna.meet, "Lunch", start=TEN, required=["bob@bank.example"])
        third = await house.does(bob.meet, "Lunch", start=TEN)
        await house.quiet()
        assert {item["uid"] for item in house.items()} == {first, second, third}
        await house.does(anna.delete, first)
        await house.quiet()
        assert {item["uid"] for item in house.items()} == {second, third}


@pytest.mark.scenario("S03e")
@pytest.mark.rule("ID-2", "ID-3")
@pytest.mark.parametrize("shared_first", [True, False])
async def test_s03e_a_shared_calendar_makes_no_second_record(store: Path, shared_first: bool) -> None:
    """Given Anna's calendar in Bob's mailbox too, when hints come through both, then 1 record, and Anna owns it."""
    async with a_house(store, "anna", "bob", "cleo") as house:
        house.hold_hints = True
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=["cleo@bank.example"])
        world = house.sandbox.world
        shown = world.make_folder("bob@bank.example", "Anna Adler")
        [original] = world.items("anna@bank.example", "calendar")
        world.create(shown, Draft(original.kind, original.values), by="Anna Adler")
        groups = of_mailbox(await house.take_hints())
        for hints in sorted(groups, key=lambda group: (group[0][1] == b"bob@bank.example") is not shared_first):
            house.deliver(hints)
            await house.quiet()
        item = house.item(uid)["item"]
        assert item["owner"] == "u-anna"
        assert "u-cleo" in item["assign_to"]


@pytest.mark.scenario("S07a")
@pytest.mark.rule("CON-3")
async def test_s07a_one_change_is_one_command_and_then_silence(store: Path) -> None:
    """Given a meeting, when one thing is changed, then there is one command more, and nothing after it."""
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=["bob@bank.example"])
        await house.quiet()
        for change in ({"subject": "Renamed"}, {"location": "Room 4"}, {"start": TEN - timedelta(hours=1)}):
            commands = len(house.commands())
            await house.does(anna.edit, uid, **change)
            await house.quiet()
            assert len(house.commands()) == commands + 1
            count = house.count()
            await house.quiet()
            assert house.count() == count


@pytest.mark.scenario("S07d")
@pytest.mark.rule("CON-3")
@pytest.mark.parametrize("minutes", [-10, 10])
async def test_s07d_a_crm_whose_clock_is_wrong_changes_nothing(store: Path, minutes: int) -> None:
    """Given a CRM ten minutes off, when both sides change an item, then the result is that of a right clock."""
    async with a_house(store, "anna", "bob") as house:
        house.crm._clock = lambda: house_time() + timedelta(minutes=minutes)
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=["bob@bank.example"])
        await house.quiet()
        crm_id = house.item(uid)["id"]
        await house.crm.edit(crm_id, {"item": {"status": "completed"}})
        await house.does(anna.edit, uid, subject="Renamed")
        await house.quiet()
        item = house.item(uid)
        assert item["id"] == crm_id
        assert (item["item"]["subject"], item["item"]["status"]) == ("Renamed", "completed")


@pytest.mark.scenario("S07e")
@pytest.mark.rule("CON-3")
async def test_s07e_everything_delivered_again_writes_nothing(store: Path) -> None:
    """Given a day's records, when Kafka brings all of them again, directory included, then nothing comes out."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(contact("c-7", "carla@client.example"), options(for_contacts__security_check=True))
        anna, bob = house.outlook("anna"), house.outlook("bob")
        uid = await house.does(anna.meet, "Review", start=TEN, required=["bob@bank.example", "carla@client.example"])
        await house.quiet()
        await house.does(bob.accept, uid)
        await house.quiet()
        await house.crm.edit(house.item(uid)["id"], {"item": {"status": "completed"}})
        await house.quiet()
        count, items = house.count(), house.crm.items()
        for topic in [topic.name for topic in catalogue.TOPICS.values() if topic.flow is catalogue.Flow.IN]:
            house.deliver([(topic, r.key or b"", r.value or b"", list(r.headers)) for r in house.broker.records(topic)])
        await house.quiet()
        assert house.count() == count
        assert house.crm.items() == items


@pytest.mark.scenario("S21a")
@pytest.mark.rule("ID-1")
async def test_s21a_moved_between_calendars_and_archived_it_is_the_same_record(store: Path) -> None:
    """Given a meeting, when it moves to another calendar, to an archive, and back, then id and link stay."""
    async with a_house(store, "anna", "bob") as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=["bob@bank.example"])
        await house.quiet()
        before, commands = house.item(uid), len(house.commands())
        world = house.sandbox.world
        places = [
            world.make_folder("anna@bank.example", "Team"),
            world.make_folder("anna@bank.example", "Archive", parent="inbox"),
            world.folder("anna@bank.example", "calendar"),
        ]
        for place in places:
            [item] = [
                each for each in world.items("anna@bank.example") if each.uid == uid and "Organizer" in each.values
            ]
            world.move(item, place)
            await house.quiet()
            assert house.item(uid) == before
        assert len(house.commands()) == commands
        await house.does(house.outlook("anna").edit, uid, subject="Renamed")
        await house.quiet()
        assert house.item(uid)["item"]["subject"] == "Renamed"
        assert (house.item(uid)["id"], house.item(uid)["link"]) == (before["id"], before["link"])


@pytest.mark.scenario("S21b")
@pytest.mark.rule("ID-1")
async def test_s21b_two_items_whose_ids_differ_in_case_alone_are_two(store: Path) -> None:
    """Given neighbours in a mailbox whose ids differ in one letter's case, then a change of one leaves the other."""
    async with a_house(store, "anna") as house:
        anna = house.outlook("anna")
        uids = [await house.does(anna.meet, subject, start=TEN) for subject in ("One", "Two")]
        ids = [item.id for item in house.sandbox.world.items("anna@bank.example", "calendar")]
        assert ids[0] != ids[1]
        assert ids[0].casefold() == ids[1].casefold()
        await house.quiet()
        await house.does(anna.edit, uids[0], subject="Three")
        await house.does(anna.delete, uids[1], for_good=True)
        await house.quiet()
        assert [(item["uid"], item["item"]["subject"]) for item in house.items()] == [(uids[0], "Three")]
