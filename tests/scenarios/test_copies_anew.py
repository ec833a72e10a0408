"""Copies that are looked for by UID, that Exchange puts back, or that people throw away (ID-4, PART-7, DEL-6)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from schemas import catalogue
from tests.support.house import House, a_house

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone


def only_of(mailbox: str, house: House, hints: list) -> None:  # type: ignore[type-arg]
    """Delivers the hints of one mailbox alone."""
    house.deliver([hint for hint in hints if hint[1] == mailbox.encode()])


@pytest.mark.rule("ID-4", "ID-1")
async def test_id_4_an_answered_request_in_deleted_items_hides_nobodys_copy(tmp_path: Path) -> None:
    """Given two who accept an outsider's meeting, when one's hint comes, then the other's copy is found, too.

    Exchange puts an answered request into Deleted Items, where it carries the meeting's UID.
    """
    async with a_house(tmp_path / "store.sqlite", "anna", "bob") as house:
        house.hold_hints = True
        uid = house.outsider("anna@bank.example", "bob@bank.example")
        for name in ("anna", "bob"):
            await house.does(house.outlook(name).accept, uid)
        only_of("bob@bank.example", house, await house.take_hints())
        await house.quiet()
        [command] = house.commands()
        assert command["master"] in ("u-anna", "u-bob")
        assert all(outcome["reason"] != "not_yet" for outcome in house.outcomes(direction="inbound"))


@pytest.mark.rule("PART-7", "DEL-3")
async def test_part_7_a_copy_that_an_update_put_back_is_unanswered(tmp_path: Path) -> None:
    """Given Bob who accepted and threw his copy away, when an update brings it anew, then he has not answered."""
    async with a_house(tmp_path / "store.sqlite", "anna", "bob") as house:
        anna, bob = house.outlook("anna"), house.outlook("bob")
        uid = await house.does(anna.meet, "Review", start=TEN, required=["bob@bank.example"])
        await house.does(bob.accept, uid)
        await house.does(bob.delete, uid)
        await house.quiet()
        assert house.item(uid)["item"]["responses"]["u-bob"] == "removed"
        await house.does(anna.edit, uid, subject="Review, really")
        await house.quiet()
        assert house.item(uid)["item"]["responses"]["u-bob"] == "none"
        assert house.commands()[-1]["changed"].count("responses") == 1
        assert not house.read(catalogue.DEAD_LETTERS)


@pytest.mark.rule("DEL-6", "ID-4")
async def test_del_6_a_cancelled_copy_that_was_thrown_away_still_says_so(tmp_path: Path) -> None:
    """Given an outsider's meeting, when it is cancelled and its master removes it unseen, then it goes."""
    async with a_house(tmp_path / "store.sqlite", "anna") as house:
        anna = house.outlook("anna")
        uid = house.outsider("anna@bank.example")
        await house.does(anna.accept, uid)
        await house.quiet()
        assert house.has_item(uid)
        house.hold_hints = True
        house.outsider("anna@bank.example", uid=uid, happening="cancellation")
        await house.does(anna.delete, uid)
        house.deliver((await house.take_hints())[::-1])
        await house.quiet()
        assert not house.has_item(uid)
