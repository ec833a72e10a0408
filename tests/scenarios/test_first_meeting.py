"""The main job in one house: what is made in Outlook is in the CRM."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.support.house import a_house, contact


async def test_a_meeting_is_made_answered_and_cancelled(tmp_path: Path) -> None:
    """A meeting with a client becomes one schedule item with the client in For, follows the answer, and goes."""
    async with a_house(tmp_path / "store.sqlite", "anna", "bob") as house:
        await house.announce(contact("c-7", "carla@client.example"))
        anna, bob = house.outlook("anna"), house.outlook("bob")

        guests = ["bob@bank.example", "carla@client.example"]
        uid = await house.does(anna.meet, "Review", start=datetime(2026, 12, 1, 10), required=guests)  # noqa: DTZ001
        await house.quiet()

        item = house.item(uid)["item"]
        assert item["subject"] == "Review"
        assert item["assign_to"] == ["u-anna", "u-bob"]
        assert [entry["contact"] for entry in item["for"]] == ["c-7"]
        assert len(house.commands()) == 1, "one change is one command, however many mailboxes it touches"

        await house.does(bob.accept, uid)
        await house.quiet()
        assert house.item(uid)["item"]["responses"] == {"u-anna": "organizer", "u-bob": "accepted"}

        await house.does(anna.cancel, uid)
        await house.quiet()
        assert not house.has_item(uid)
