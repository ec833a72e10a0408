"""Mails through an Exchange in trouble: once each, and where nobody knows, not again and said to be so (INV-4, S22)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.sync import parking
from schemas import ids
from tests.scenarios.test_kill_points_of_mails import copies, item, mails_of, outcome_of
from tests.support.house import Clock, House, a_house, acting, grant, options

NOW = datetime(2027, 2, 1, 9, tzinfo=UTC)
ANNA = "anna@bank.example"
BOTH = ("bob", "cleo")
TROUBLES: dict[str, dict[str, Any]] = {
    "drop_before": {},
    "drop_after": {},
    "error_after": {},
    "clash_after": {"fault": "error_after", "code": "ErrorIrresolvableConflict"},
    "server_busy": {"back_off_ms": 200},
    "slow": {"ms": 1500},
}


@pytest.fixture(autouse=True)
def _found_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Time passes by the house's clock: what is due is found at once."""
    with monkeypatch.context() as changed:
        changed.setattr(parking, "_LOOK_EVERY", timedelta(milliseconds=10))
        yield


async def all_done(house: House, clock: Clock) -> None:
    """Returns when nothing waits any more, having let pass what time that takes."""
    for _ in range(60):
        await house.quiet()
        if not await house.waits():
            return
        clock.pass_by(timedelta(seconds=20))
    raise AssertionError("something waits still")


def to_both(kind: str) -> Counter[tuple[str, str]]:
    return Counter({(kind, name): 1 for name in BOTH})


def named(house: House, crm_id: str, event: str) -> list[tuple[str, str | None, int]]:
    """The mails that the last outcome of an event names."""
    said = outcome_of(house, crm_id, event)
    assert (said["result"], said["reason"]) == ("applied", None)
    return [(mail["mode"], mail["sender"], mail["recipients"]) for mail in said["mails"]]


async def created(house: House, **given: Any) -> str:
    body = acting("anna", notify="all", **item(**given)) | {"kind": "schedule_item"}
    return str((await house.crm.create(body))["id"])


@pytest.mark.rule("INV-3", "INV-4", "CON-3")
@pytest.mark.scenario("S22a")
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_s22a_whatever_becomes_of_the_call_everybody_is_mailed_once(store: Path, trouble: str) -> None:
    """Given a create, a change and a delete whose calls fail in this way, then each is made and mailed once."""
    clock = Clock(NOW)
    fault = {"fault": trouble, "mailbox": ANNA} | TROUBLES[trouble]
    async with a_house(store, "anna", *BOTH, clock=clock, exchange={"timeout": "1s"}) as house:
        house.fault(operation="CreateItem", **fault)
        crm_id = await created(house)
        await all_done(house, clock)
        assert mails_of(house, crm_id) == to_both("invitation")
        assert named(house, crm_id, "created") == [("all", None, 2)]

        house.fault(operation="UpdateItem", **fault)
        await house.crm.edit(crm_id, acting("anna", notify="all", subject="Renamed"))
        await all_done(house, clock)
        assert mails_of(house, crm_id) == to_both("invitation") + to_both("update")
        assert named(house, crm_id, "updated") == [("all", None, 2)]
        assert {copy.get("Subject") for copy in copies(house, crm_id).values()} == {"Renamed"}

        house.fault(operation="DeleteItem", **fault)
        await house.crm.delete(crm_id, acting("anna", notify="all"))
        await all_done(house, clock)
        assert mails_of(house, crm_id) == to_both("invitation") + to_both("update") + to_both("cancellation")
        assert named(house, crm_id, "deleted") == [("all", None, 2)]


@pytest.mark.rule("INV-3", "CON-2")
async def test_a_copy_that_was_changed_meanwhile_is_merged_and_everybody_is_mailed_once(store: Path) -> None:
    """Given Anna who moves to another room while the CRM renames, then one mail tells of the name."""
    clock = Clock(NOW)
    async with a_house(store, "anna", *BOTH, clock=clock) as house:
        crm_id = await created(house)
        await house.quiet()
        house.hold_hints = True
        anna = await house.does(house.outlook, "anna")
        await house.does(anna.edit, ids.uid_of_crm(crm_id), location="Hers")
        before = mails_of(house, crm_id)
        await house.crm.edit(crm_id, acting("anna", notify="all", subject="Renamed"))
        await all_done(house, clock)
        house.hold_hints = False
        house.deliver(await house.take_hints())
        await all_done(house, clock)
        assert mails_of(house, crm_id) - before == to_both("update")
        assert named(house, crm_id, "updated") == [("all", None, 2)]
        shown = {(copy.get("Subject"), copy.get("Location")) for copy in copies(house, crm_id).values()}
        assert shown == {("Renamed", "Hers")}


@pytest.mark.rule("INV-4", "CON-2")
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_what_nobody_knows_is_not_mailed_again_and_said(store: Path, fault: str) -> None:
    """Given a change without an answer, and Anna who renames meanwhile, then nobody is mailed a second time."""
    clock = Clock(NOW)
    async with a_house(store, "anna", *BOTH, clock=clock) as house:
        crm_id = await created(house)
        await house.quiet()
        house.fault(fault, operation="UpdateItem", mailbox=ANNA)
        await house.crm.edit(crm_id, acting("anna", notify="all", subject="Renamed", location="Room 4"))
        await house.quiet()
        anna = await house.does(house.outlook, "anna")
        await house.does(anna.edit, ids.uid_of_crm(crm_id), subject="Anna's", location="Hers")
        before = mails_of(house, crm_id)
        await all_done(house, clock)
        assert mails_of(house, crm_id) == before
        said = outcome_of(house, crm_id, "updated")
        assert said["mails"] == []
        assert [each["because"] for each in said["explain"] if each["rule"] == "INV-4"] == [
            "may have been mailed before: nobody knows whether the call was carried out"
        ]
        shown = {(copy.get("Subject"), copy.get("Location")) for copy in copies(house, crm_id).values()}
        assert shown == {("Renamed", "Room 4")}, "what no mail may have brought is written"


@pytest.mark.rule("INV-4", "CON-5")
async def test_a_delete_that_somebody_else_was_faster_with_mails_nobody(store: Path) -> None:
    """Given Anna who deletes hers while the CRM does, then nothing of ours is cancelled, and that is said."""
    clock = Clock(NOW)
    async with a_house(store, "anna", *BOTH, clock=clock) as house:
        crm_id = await created(house)
        await house.quiet()
        house.hold_hints = True
        anna = await house.does(house.outlook, "anna")
        await house.does(anna.delete, ids.uid_of_crm(crm_id))
        before = mails_of(house, crm_id)
        await house.crm.delete(crm_id, acting("anna", notify="all"))
        await all_done(house, clock)
        assert mails_of(house, crm_id) == before
        said = outcome_of(house, crm_id, "deleted")
        assert said["mails"] == []
        assert "somebody else was faster" in [each["because"] for each in said["explain"]]
        house.hold_hints = False
        house.deliver(await house.take_hints())
        await all_done(house, clock)


@pytest.mark.rule("INV-2")
@pytest.mark.scenario("S22a")
async def test_s22a_a_delegate_whose_right_was_taken_away_by_hand_is_refused(store: Path) -> None:
    """Given Bob, whom Anna removed from her delegates herself, then what he does for her is put back, and no mail."""
    clock = Clock(NOW)
    async with a_house(store, "anna", *BOTH, clock=clock) as house:
        await house.announce(options(meeting_invitations=True), grant("anna", "bob"))
        crm_id = await created(house)
        await house.quiet()
        before = mails_of(house, crm_id)
        house.sandbox.world.delegates.remove(ANNA, "bob@bank.example")
        await house.crm.edit(crm_id, acting("bob", principal="anna", notify="all", subject="Renamed"))
        await all_done(house, clock)
        said = outcome_of(house, crm_id, "updated")
        assert (said["result"], said["reason"], said["mails"], said["writes"]) == ("refused", "denied", [], [])
        assert mails_of(house, crm_id) == before
        assert {copy.get("Subject") for copy in copies(house, crm_id).values()} == {"Review"}
        assert [each["item"]["subject"] for each in house.items()] == ["Review"]


@pytest.mark.rule("INV-3", "INV-6", "CON-3")
@pytest.mark.parametrize("trouble", ["drop_after", "error_after", "denied"])
async def test_inv_3_who_was_removed_and_told_keeps_his_cancelled_copy_whatever_came_between(
    store: Path, trouble: str
) -> None:
    """Given Bob, who was taken out with a message by a call whose event had to be tried again, then his copy is his."""
    clock = Clock(NOW)
    given: dict[str, dict[str, Any]] = {
        "drop_after": {"mailbox": ANNA},
        "error_after": {"mailbox": ANNA, "status": 503},
        "denied": {"fault": "access_denied", "mailbox": "cleo@bank.example"},
    }
    fault = {"fault": trouble} | given[trouble]
    async with a_house(store, "anna", *BOTH, clock=clock, exchange={"timeout": "1s"}) as house:
        await house.announce(options(meeting_alarms=True))
        crm_id = await created(house)
        await all_done(house, clock)
        house.fault(operation="UpdateItem", **fault)
        alarms = {"u-anna": [30], "u-cleo": [25]}
        await house.crm.edit(crm_id, acting("anna", notify="all", assign_to=["u-anna", "u-cleo"], alarms=alarms))
        await all_done(house, clock)
        assert house.sandbox.faults.struck["UpdateItem"] == 1
        assert mails_of(house, crm_id) == to_both("invitation") + Counter(
            {("cancellation", "bob"): 1, ("update", "cleo"): 1}
        )
        assert copies(house, crm_id)["bob"].get("IsCancelled") is True
