"""What Exchange took in part and denied for the rest: both sides hold what stands, and nobody loses it (INV-2, CON-6).

What is private is hidden from a delegate, even if it was he who made it so.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.series import exceptions
from schemas import ids
from tests.scenarios.test_kill_points_of_mails import TEN, item, outcome_of
from tests.support.house import House, a_house, acting, grant, options

WEEKLY = {"frequency": "weekly", "interval": 1, "weekdays": ["TU"], "end": "after", "count": 4}


async def a_delegate(house: House) -> None:
    await house.announce(options(meeting_invitations=True), grant("anna", "bob"))
    await house.quiet()


def annas(house: House, crm_id: str) -> list[Item]:
    items = house.sandbox.world.items("anna@bank.example", "calendar")
    return [each for each in items if each.uid == ids.uid_of_crm(crm_id)]


def in_crm(house: House, crm_id: str) -> dict[str, Any]:
    [record] = [each for each in house.items() if each["id"] == crm_id]
    return dict(record["item"])


@pytest.mark.rule("INV-2", "INV-3", "CON-6")
async def test_inv_2_what_a_delegate_hid_before_he_was_denied_the_rest_both_sides_hold(store: Path) -> None:
    """Given Bob, who makes Anna's meeting private and lets Emil be invited at once, then both sides hold the same, and
    nobody is mailed.
    """
    async with a_house(store, "anna", "bob", "emil") as house:
        await a_delegate(house)
        body = acting("anna", **item(assign_to=["u-anna"])) | {"kind": "schedule_item"}
        crm_id = str((await house.crm.create(body))["id"])
        await house.quiet()
        wanted = {"restricted": True, "subject": "Hidden", "assign_to": ["u-anna", "u-emil"]}
        await house.crm.edit(crm_id, acting("bob", principal="anna", notify="added", **wanted))
        await house.quiet()
        said = outcome_of(house, crm_id, "updated")
        assert (said["result"], said["reason"], said["mails"]) == ("refused", "denied", [])
        [copy], told = annas(house, crm_id), in_crm(house, crm_id)
        assert (copy.get("Subject"), copy.get("Sensitivity") == "Private") == (told["subject"], told["restricted"])
        assert (list(copy.attendees), told["assign_to"], house.sandbox.world.mails) == ([], ["u-anna"], [])


SECOND = TEN + timedelta(weeks=1)
ROOM_5 = [{"original_start": SECOND.isoformat(), "deleted": False, "changes": {"location": "Room 5"}}]


async def a_private_series(house: House, **given: Any) -> str:
    """Bob makes it for Anna, with an occurrence that is otherwise."""
    wanted = item(restricted=True, recurrence=WEEKLY, exceptions=ROOM_5, **given)
    body = acting("bob", principal="anna", notify="all", **wanted) | {"kind": "schedule_item"}
    crm_id = str((await house.crm.create(body))["id"])
    await house.quiet()
    return crm_id


def rooms(series: Item) -> list[Any]:
    return [each.get("Location") for each in exceptions(series)]


@pytest.mark.rule("INV-2", "REC-3")
async def test_inv_2_a_private_series_that_a_delegate_makes_comes_with_its_occurrences(store: Path) -> None:
    """Given nobody who is told of them, then its single occurrences are written though he cannot see them."""
    async with a_house(store, "anna", "bob") as house:
        await a_delegate(house)
        crm_id = await a_private_series(house, assign_to=["u-anna"])
        said = outcome_of(house, crm_id, "created")
        assert (said["result"], said["reason"], said["actor"]["user"]) == ("applied", None, "u-bob")
        assert [rooms(each) for each in annas(house, crm_id)] == [["Room 5"]]
        assert in_crm(house, crm_id)["exceptions"] == ROOM_5


@pytest.mark.rule("INV-2", "INV-3", "REC-3", "CON-6")
async def test_inv_2_of_occurrences_he_cannot_see_a_delegate_tells_nobody_and_both_sides_hold_none(
    store: Path,
) -> None:
    """Given Emil, who is to be told of the series and of its occurrence, then he hears of the series, and the CRM that
    the occurrence is as all others.
    """
    async with a_house(store, "anna", "bob", "emil") as house:
        await a_delegate(house)
        crm_id = await a_private_series(house, assign_to=["u-anna", "u-emil"])
        said = outcome_of(house, crm_id, "created")
        assert (said["result"], said["reason"]) == ("refused", "denied")
        assert [(each["mode"], each["recipients"]) for each in said["mails"]] == [("all", 1)]
        assert [mail.kind for mail in house.sandbox.world.mails] == ["invitation"]
        assert [rooms(each) for each in annas(house, crm_id)] == [[]]
        assert in_crm(house, crm_id)["exceptions"] == []
        await house.crm.edit(crm_id, acting("anna", notify="all", exceptions=ROOM_5))
        await house.quiet()
        assert [rooms(each) for each in annas(house, crm_id)] == [["Room 5"]]
        assert in_crm(house, crm_id)["exceptions"] == ROOM_5
