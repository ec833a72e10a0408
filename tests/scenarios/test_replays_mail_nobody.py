"""A bus that is read again mails nobody (INV-5, ID-8): by the daemon that lives on it, or by one whose store is older.

What was mailed meanwhile includes all that the CRM can ask for: invitations, changes, additions, cancellations and
deletes, of single meetings and series, by owners and delegates.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from daemon.store.store import Store
from schemas import catalogue
from tests.scenarios.test_kill_points_of_mails import TEN, WEEK, WEEKLY, item
from tests.support import stores
from tests.support.house import GROUP, House, a_house, acting, contact, grant, options, running
from tests.support.plays import ANSWERS

NAMES = ("anna", "bob", "cleo", "dora")
EVERYBODY = [f"u-{name}" for name in NAMES]


async def furnished(house: House) -> None:
    client = contact("c-7", "carla@client.example")
    await house.furnish(client, options(meeting_invitations=True, for_contacts__inbound=True), grant("anna", "bob"))


async def created(house: House, who: str = "anna", *, principal: str | None = None, **given: Any) -> str:
    asked = acting(who, principal=principal, notify="all", **item(**{"assign_to": EVERYBODY, **given}))
    crm_id = str((await house.crm.create(asked | {"kind": "schedule_item"}))["id"])
    await house.quiet()
    return crm_id


async def edited(house: House, crm_id: str, who: str = "anna", **change: Any) -> None:
    await house.crm.edit(crm_id, acting(who, **{"notify": "all", **change}))
    await house.quiet()


async def deleted(house: House, crm_id: str) -> None:
    await house.crm.delete(crm_id, acting("anna", notify="all"))
    await house.quiet()


async def a_morning(house: House) -> list[str]:
    """What is there before the copy of the store is made; some of it ends later."""
    single, gone = await created(house), await created(house, subject="Gone")
    series = await created(house, "bob", principal="anna", recurrence=WEEKLY, subject="Weekly")
    small = await created(house, assign_to=["u-anna", "u-bob"], subject="Small")
    anna = await house.does(house.outlook, "anna")
    await house.does(anna.meet, "Hers", start=datetime(2027, 3, 2, 15), required=["carla@client.example"])  # noqa: DTZ001
    await edited(house, single, subject="Renamed")
    await deleted(house, gone)
    await house.quiet()
    return [single, series, small]


async def an_afternoon(house: House, known: list[str]) -> None:
    """Everything once that mails somebody."""
    single, series, small = known
    await edited(house, single, "bob", principal="anna", location="Room 4")
    await edited(house, small, notify="added", assign_to=["u-anna", "u-cleo"])
    moved = {"original_start": (TEN + WEEK).isoformat(), "deleted": False, "changes": {"location": "Room 5"}}
    off = {"original_start": (TEN + 2 * WEEK).isoformat(), "deleted": True, "changes": {}}
    await edited(house, series, exceptions=[moved, off])
    await created(house, "bob", principal="anna", subject="By Bob")
    await created(house, subject="Weekly, too", recurrence=WEEKLY)
    cancelled = await created(house, subject="Cancelled")
    await edited(house, cancelled, status="cancelled")
    await deleted(house, await created(house, subject="Deleted"))
    await deleted(house, small)
    await edited(house, single, notify="none", subject="Renamed again")
    await house.quiet()


def state(house: House) -> tuple[dict[str, Any], Counter[tuple[object, ...]]]:
    """What there is: the CRM's items, and what lies in the calendars."""
    records = {each["id"]: each["item"] for each in house.items()}
    world = house.sandbox.world
    lying = (each for name in NAMES for each in world.items(f"{name}@bank.example", "calendar"))
    shown = ("Subject", "Location", "Start", "IsCancelled")
    return records, Counter((each.mailbox, each.uid, *(each.get(name) for name in shown)) for each in lying)


def unchanged(house: House, before: tuple[dict[str, Any], Counter[tuple[object, ...]]], sent: int) -> None:
    """Nothing is otherwise, there is nothing twice, and nobody was mailed."""
    (records, lying), (was, lay) = state(house), before
    assert mails(house) == sent
    assert lying == lay, f"new {lying - lay}, gone {lay - lying}"
    assert records.keys() == was.keys()
    fields = ((crm_id, name) for crm_id, item in was.items() for name in {*item, *records[crm_id]} - ANSWERS)
    other = [(*each, was[each[0]].get(each[1]), records[each[0]].get(each[1])) for each in fields]
    assert not [each for each in other if each[2] != each[3]]


def mails(house: House) -> int:
    return sum(mail.cause.account == house.service for mail in house.sandbox.world.mails)


async def from_the_beginning(house: House, store: Path) -> None:
    """The store forgets how far it has read, and so does the group."""
    opened = await Store.open(stores.url_of(store))
    await opened.write(lambda tx: tx.execute(text("DELETE FROM positions")))
    await opened.close()
    house.broker.group(GROUP).committed.clear()


@pytest.mark.timeout(300)
@pytest.mark.rule("INV-4", "INV-5", "DEL-5")
async def test_the_whole_bus_read_again_by_who_lives_on_it_mails_nobody(store: Path) -> None:
    """Given every record of the bus once more, and then all of it from its beginning, then nothing happens."""
    async with a_house(store, *NAMES, start=False) as house:
        async with running(house):
            await furnished(house)
            await an_afternoon(house, await a_morning(house))
            before, sent = state(house), mails(house)
            assert sent > 15
            for topic in (catalogue.SCHEDULE_ITEMS, catalogue.NOTIFICATIONS):
                for record in house.broker.records(topic):
                    house.broker.append(topic, key=record.key, value=record.value, headers=record.headers)
            await house.quiet()
            unchanged(house, before, sent)
        await from_the_beginning(house, store)
        async with running(house):
            await house.quiet()
            unchanged(house, before, sent)


@pytest.mark.timeout(300)
@pytest.mark.rule("INV-4", "INV-5", "ID-8")
@pytest.mark.parametrize("whole", [False, True], ids=["from its copy on", "from the beginning"])
async def test_a_store_of_an_hour_ago_mails_nobody_again(tmp_path: Path, whole: bool) -> None:
    """Given a store put back to a copy, when what came since is read again, then nobody hears of it twice."""
    store, copy = tmp_path / "store.sqlite", tmp_path / "copy.sqlite"
    async with a_house(store, *NAMES, start=False) as house:
        async with running(house):
            await furnished(house)
            known = await a_morning(house)
        stores.copy(store, copy)
        async with running(house):
            await an_afternoon(house, known)
            before, sent = state(house), mails(house)
        stores.copy(copy, store)
        house.watch.restored = True
        if whole:
            for topic in (catalogue.SCHEDULE_ITEMS, catalogue.NOTIFICATIONS):
                for record in house.broker.records(topic):
                    house.broker.append(topic, key=record.key, value=record.value, headers=record.headers)
        async with running(house) as daemon:
            await house.quiet()
            assert daemon.store.generation == 1
            unchanged(house, before, sent)
            await created(house, subject="The day after")
            assert mails(house) == sent + 1
