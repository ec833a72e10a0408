"""A CRM item names a user who is not in the directory yet: there is no order across topics, and nothing may be lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from daemon.store import links
from schemas import ids
from tests.support.house import Clock, House, a_house, house_time, user

ITEM = {
    "subject": "Review",
    "start": "2026-12-01T10:00:00+01:00",
    "end": "2026-12-01T11:00:00+01:00",
    "zone": "Europe/Berlin",
    "owner": "u-anna",
    "assign_to": ["u-anna", "u-newcomer"],
}
ACTOR = {"user": "u-anna", "on_behalf_of": None}


async def created(house: House, **fields: Any) -> str:
    """A CRM user makes an item; its id."""
    made = await house.crm.create({"actor": ACTOR, "notify": "none", "kind": "schedule_item", "item": ITEM | fields})
    await house.quiet()
    return str(made["id"])


async def is_decided(house: House, crm_id: str) -> bool:
    """Whether the daemon has made something of the item."""
    return await house.daemons[0].store.read(lambda tx: links.by_crm_id(tx, crm_id)) is not None


def strangers(house: House) -> int:
    """How often it was said that somebody is waited for."""
    waited = ("held", "unknown_mailbox")
    return sum((said["result"], said["reason"]) == waited for said in house.outcomes(direction="outbound"))


def ends(house: House) -> int:
    """How many outcomes of CRM events say something else."""
    return len(house.outcomes(direction="outbound")) - strangers(house)


def since(house: House, count: int) -> Callable[[], bool]:
    """Whether more ends were said than there were."""
    return lambda: ends(house) > count


async def test_a_change_waits_for_a_user_who_is_still_to_come(store: Path) -> None:
    """Given an item for somebody nobody knows, edited meanwhile, then it waits, said once; when he comes it goes on as
    it is by then; another one's coming changes nothing.
    """
    async with a_house(store, "anna", "bob") as house:
        crm_id = await created(house, assign_to=["u-anna", "u-dora"])
        await house.crm.edit(crm_id, {"actor": ACTOR, "item": {"subject": "Renamed"}})
        await house.quiet()
        assert not await is_decided(house, crm_id)
        await house.announce(user("emil", mailbox=None))
        assert (strangers(house), ends(house)) == (1, 0)
        await house.announce(user("dora", mailbox=None))
        await house.until(since(house, 0))
        assert await is_decided(house, crm_id)
        link = await house.daemons[0].store.read(lambda tx: links.by_crm_id(tx, crm_id))
        assert link is not None
        assert link.crm is not None
        assert link.crm.subject == "Renamed"
        assert strangers(house) == 1


async def test_nobody_is_waited_for_longer_than_a_day(store: Path) -> None:
    """Given an item for somebody who never comes, then after a day it goes on without him."""
    clock = Clock(house_time())
    async with a_house(store, "anna", clock=clock) as house:
        crm_id = await created(house)
        assert (strangers(house), ends(house)) == (1, 0)
        clock.pass_by(timedelta(hours=23))
        await house.quiet()
        assert not await is_decided(house, crm_id)
        clock.pass_by(timedelta(hours=2))
        await house.until(since(house, 0))
        assert await is_decided(house, crm_id)
        house.excuse(ids.uid_of_crm(crm_id), "it names somebody nobody knows")


async def test_who_left_the_crm_holds_up_none_of_his_items(store: Path) -> None:
    """Given an item of somebody whom the directory has forgotten since, when it is edited, then it does not wait."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(user("cleo", mailbox=None))
        crm_id = await created(house, assign_to=["u-anna", "u-cleo"])
        house.broker.append("crm.users", key=b"u-cleo", value=None)
        await house.quiet()
        before = ends(house)
        await house.crm.edit(crm_id, {"actor": ACTOR, "item": {"subject": "Renamed"}})
        await house.quiet()
        assert strangers(house) == 0
        assert ends(house) > before


async def test_a_delete_waits_for_nobody(store: Path) -> None:
    """Given an item that waits for somebody, when the CRM deletes it, then it ends at once."""
    async with a_house(store, "anna") as house:
        crm_id = await created(house)
        await house.crm.delete(crm_id, {"actor": ACTOR, "item": {}})
        await house.until(since(house, 0))
        assert strangers(house) == 1
