"""Restarts: nothing lost, nothing twice, and a store put back from a copy is noticed and caught up."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.support import stores
from tests.support.house import a_house, contact, running

NINE = datetime(2026, 12, 1, 9)  # noqa: DTZ001  # in the person's own zone


@pytest.mark.rule("CON-3")
async def test_a_restart_does_nothing_again(tmp_path: Path) -> None:
    """Given a settled meeting, when another daemon takes over the store, then it puts out nothing."""
    store = tmp_path / "store.sqlite"
    async with a_house(store, "anna", "bob", start=False) as house:
        async with running(house):
            await house.furnish()
            anna = house.outlook("anna")
            uid = await house.does(anna.meet, "Review", start=NINE, required=["bob@bank.example"])
            await house.quiet()
            before = house.count()
        async with running(house):
            await house.quiet()
            assert house.count() == before
            assert house.has_item(uid)


async def test_what_happened_while_we_were_away_is_caught_up(tmp_path: Path) -> None:
    """Given a daemon that is down, when people go on, then its successor brings the CRM to the same state."""
    store = tmp_path / "store.sqlite"
    async with a_house(store, "anna", "bob", start=False) as house:
        anna = house.outlook("anna")
        async with running(house):
            await house.furnish()
            kept = await house.does(anna.meet, "Kept", start=NINE, required=["bob@bank.example"])
            gone = await house.does(anna.meet, "Gone", start=NINE)
            await house.quiet()
        await house.does(anna.edit, kept, subject="Moved on")
        await house.does(anna.delete, gone)
        async with running(house):
            await house.quiet()
            assert house.item(kept)["item"]["subject"] == "Moved on"
            assert not house.has_item(gone)


async def test_a_store_put_back_from_a_copy_is_recognised_and_caught_up(tmp_path: Path) -> None:
    """Given a store older than what the group has committed, then a new generation says everything again, once."""
    store, copy = tmp_path / "store.sqlite", tmp_path / "copy.sqlite"
    async with a_house(store, "anna", "bob", start=False) as house:
        anna = house.outlook("anna")
        async with running(house):
            await house.furnish(contact("c-7", "carla@client.example"))
            first = await house.does(anna.meet, "First", start=NINE, required=["carla@client.example"])
            await house.quiet()
        stores.copy(store, copy)
        async with running(house):
            await house.does(anna.edit, first, subject="First, renamed")
            second = await house.does(anna.meet, "Second", start=NINE, required=["bob@bank.example"])
            await house.quiet()
            expected = {item["uid"]: item["item"] for item in house.items()}
        stores.copy(copy, store)
        async with running(house) as daemon:
            await house.quiet()
            assert daemon.store.generation == 1
            assert {item["uid"]: item["item"] for item in house.items()} == expected
            assert house.item(second)["item"]["subject"] == "Second"
            said = [(command["link"], command["revision"]) for command in house.commands()]
            assert len(set(said)) == len(said), "no revision is given twice"
