"""What CRM users asked for while their items had to wait: in whose name, and who is to hear (INV-2, INV-3, INV-4)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import ids
from tests.scenarios.test_kill_points_of_mails import copies, item, mails_of
from tests.scenarios.test_mails_in_trouble import _found_at_once, all_done, created, to_both
from tests.support.house import Clock, House, a_house, acting, grant, house_time, options, user
from tests.support.requests import request

__all__ = ["_found_at_once"]

ANNA = "anna@bank.example"
BOTH = ("bob", "cleo")


def said(house: House, crm_id: str) -> list[tuple[str, str, str | None, int]]:
    """Of each final outcome of an item's events, in the order of these: its event, result, reason, and mails."""
    link = ids.link_of_crm(crm_id)
    mine = [each for each in house.outcomes(direction="outbound") if each["link"] == link and each["result"] != "held"]
    ordered = sorted(mine, key=lambda each: each["cause"]["offset"])
    kinds = (each["cause"]["type"].removeprefix("crm.schedule-item.").removesuffix(".v1") for each in ordered)
    return [
        (kind, each["result"], each["reason"], sum(mail["recipients"] for mail in each["mails"]))
        for kind, each in zip(kinds, ordered, strict=True)
    ]


@pytest.mark.rule("INV-2", "INV-3", "OPS-1")
async def test_each_that_waited_is_dealt_with_in_its_name_and_tells_whom_it_asked_for(store: Path) -> None:
    """Given Anna who is paused and invites, and Cleo who mends a word, then resumed everybody is invited by Anna, once,
    and of the word nobody hears.
    """
    clock = Clock(house_time())
    async with a_house(store, "anna", *BOTH, clock=clock) as house:
        await request(house, "pause", "u-anna")
        crm_id = await created(house)
        await house.crm.edit(crm_id, acting("cleo", subject="Mended"))
        await house.quiet()
        await request(house, "resume", "u-anna")
        await all_done(house, clock)
        assert mails_of(house, crm_id) == to_both("invitation")
        assert said(house, crm_id) == [("created", "applied", None, 2), ("updated", "applied", None, 0)]
        assert copies(house, crm_id)["anna"].get("Subject") == "Mended"


@pytest.mark.rule("INV-3", "INV-4")
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_what_came_after_a_call_without_an_answer_is_told_of_by_itself(store: Path, fault: str) -> None:
    """Given a change whose call is lost, and Cleo's next one, then each has its outcome, and the first its mails."""
    clock = Clock(house_time())
    async with a_house(store, "anna", *BOTH, clock=clock) as house:
        crm_id = await created(house)
        await house.quiet()
        before = mails_of(house, crm_id)
        house.fault(fault, operation="UpdateItem", mailbox=ANNA)
        await house.crm.edit(crm_id, acting("anna", notify="all", subject="Renamed"))
        await house.crm.edit(crm_id, acting("cleo", location="Room 9"))
        await all_done(house, clock)
        assert mails_of(house, crm_id) - before == to_both("update")
        assert said(house, crm_id)[1:] == [("updated", "applied", None, 2), ("updated", "applied", None, 0)]
        shown = {(each.get("Subject"), each.get("Location")) for each in copies(house, crm_id).values()}
        assert shown == {("Renamed", "Room 9")}


@pytest.mark.rule("INV-4", "CON-1")
async def test_a_wish_that_a_newer_change_overtook_is_said_to_be_lost(store: Path) -> None:
    """Given an invitation of somebody nobody knows, and then one without him that tells nobody, then nobody is mailed,
    and the first one's outcome says so.
    """
    clock = Clock(house_time())
    async with a_house(store, "anna", *BOTH, clock=clock) as house:
        stranger = ["u-anna", "u-bob", "u-newcomer"]
        body = acting("anna", notify="all", **item(assign_to=stranger)) | {"kind": "schedule_item"}
        crm_id = str((await house.crm.create(body))["id"])
        await house.quiet()
        await house.crm.edit(crm_id, acting("anna", assign_to=["u-anna", "u-bob"]))
        await house.quiet()
        await house.announce(user("newcomer", mailbox=None, emails=[]))
        await all_done(house, clock)
        assert mails_of(house, crm_id).total() == 0
        assert said(house, crm_id) == [("created", "skipped", "stale", 0), ("updated", "applied", None, 0)]
        because = [each["because"] for outcome in house.outcomes() for each in outcome["explain"]]
        assert "notify all of version 1, which a newer one had overtaken" in because


@pytest.mark.rule("INV-1", "INV-2")
async def test_what_a_delegate_makes_waits_for_a_grant_on_its_way(store: Path) -> None:
    """Given a grant that Exchange does not take at once, then what Bob makes for Anna waits, and goes out by him."""
    clock = Clock(house_time())
    async with a_house(store, "anna", *BOTH, clock=clock) as house:
        await house.announce(options(meeting_invitations=True))
        house.fault("drop_before", operation="AddDelegate", times=3)
        house.fault("drop_before", operation="GetDelegate", times=3)
        await house.announce(grant("anna", "bob"))
        body: dict[str, Any] = acting("bob", principal="anna", notify="all", **item()) | {"kind": "schedule_item"}
        crm_id = str((await house.crm.create(body))["id"])
        await house.quiet()
        assert said(house, crm_id) == []
        await house.until_true(lambda: _decided(house, clock, crm_id))
        assert said(house, crm_id) == [("created", "applied", None, 2)]
        assert {(each.sender_mailbox, each.sender) for each in house.sandbox.world.mails} == {
            (ANNA, "bob@bank.example")
        }


@pytest.mark.rule("INV-1", "INV-2")
async def test_what_a_delegate_makes_is_held_while_exchange_denies_the_grant(store: Path) -> None:
    """Given a grant that Exchange denies for long, then what Bob makes for Anna is said to be held, and done after."""
    clock = Clock(house_time())
    async with a_house(store, "anna", *BOTH, clock=clock) as house:
        await house.announce(options(meeting_invitations=True))
        house.fault("access_denied", operation="AddDelegate")
        await house.announce(grant("anna", "bob"))
        await house.until(lambda: any(each["result"] == "held" for each in house.outcomes(direction="control")))
        body: dict[str, Any] = acting("bob", principal="anna", notify="all", **item()) | {"kind": "schedule_item"}
        crm_id = str((await house.crm.create(body))["id"])
        await house.quiet()
        held = [(each["result"], each["reason"]) for each in house.outcomes(direction="outbound")]
        assert held == [("held", "denied")]
        clock.pass_by(timedelta(hours=1))
        await house.until_true(lambda: _decided(house, clock, crm_id))
        assert said(house, crm_id) == [("created", "applied", None, 2)]


async def _decided(house: House, clock: Clock, crm_id: str) -> bool:
    await all_done(house, clock)
    return bool(said(house, crm_id))
