"""Who is asked and who may see counts as it stands, not as it stood (FOR-5, OPT-3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.house import Clock, a_house, contact, node, options, running, user

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
ANNA = "anna@bank.example"


@pytest.mark.rule("FOR-5", "PART-6")
async def test_the_security_check_asks_users_whom_the_crm_added(store: Path) -> None:
    """Given Dora, whom the CRM assigned, when a client is invited whom she may not see, then he is not in For."""
    async with a_house(store, "anna", "dora") as house:
        elsewhere = user("dora", nodes=["elsewhere"])
        client = contact("c-7", "carla@client.example")
        await house.announce(node("elsewhere", "bank"), elsewhere, client, options(for_contacts__security_check=True))
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN)
        house.excuse(uid, "Dora is assigned by the CRM alone")
        await house.quiet()
        await house.crm.edit(house.item(uid)["id"], {"item": {"assign_to": ["u-anna", "u-dora"]}})
        await house.quiet()
        await house.does(anna.invite, uid, "carla@client.example")
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["assign_to"], item["for"]) == (["u-anna", "u-dora"], [])


@pytest.mark.rule("OPT-3")
async def test_parked_work_waits_for_the_directory_too(store: Path) -> None:
    """Given a parked hint and a daemon that was down, when its user stopped meanwhile, then the hint finds nobody."""
    clock = Clock(datetime(2026, 11, 30, 9, tzinfo=UTC))
    async with a_house(store, "anna", clock=clock, start=False) as house:
        async with running(house, clock=clock):
            await house.furnish()
            house.hold_hints = True
            uid = await house.does(house.outlook("anna").meet, "Review", start=TEN)
            house.fault("access_denied", mailbox=ANNA, operation="*", times=None)
            house.hold_hints = False
            house.deliver(await house.take_hints())
            await house.quiet()
            assert [said["result"] for said in house.outcomes(direction="inbound")] == ["held"]
        house.sandbox.faults.clear()
        await house.crm.announce([user("anna", mailbox=None)])
        clock.pass_by(timedelta(minutes=6))
        async with running(house, clock=clock):
            await house.until(lambda: len(house.outcomes(direction="inbound")) > 1)
            assert house.outcomes(direction="inbound")[-1]["reason"] == "unknown_mailbox"
            assert not house.has_item(uid)
