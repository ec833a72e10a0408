"""Tasks: the daemon killed at every await between "about to write" and "link saved" (S08b); see `support.plays`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from daemon.app import Daemon
from daemon.store import task_links
from handlers.links import State
from tests.support import plays
from tests.support.house import House
from tests.support.plays import PEOPLE, Desk, Play, killed_everywhere

DUE, LATER = date(2027, 3, 5), date(2027, 3, 8)
BY_OURS = {"TaskActing._save", "Settler._settled", "Publisher._publish", "Limits._in_thread"}
"""Where a daemon waits that writes: for the store before and after, for Exchange, for the broker."""


def task(**more: Any) -> dict[str, Any]:
    """A task as a CRM user makes it, for several."""
    known = {
        "subject": "Call back",
        "due": DUE.isoformat(),
        "owner": "u-anna",
        "assign_to": [f"u-{name}" for name in PEOPLE],
        "notes": "About the plan",
    }
    return known | more


async def nothing(house: House) -> str:
    return ""


async def made(house: House, _name: str = "") -> str:
    """A CRM user makes a task for everybody."""
    return str((await house.crm.create({"actor": {"user": "u-anna"}, "kind": "task", "item": task()}))["id"])


async def there(house: House) -> str:
    """A task that is in the CRM and in all lists."""
    crm_id = await made(house)
    await house.quiet()
    return crm_id


async def put_off(house: House, crm_id: str) -> str:
    fields = {"subject": "Call again", "due": LATER.isoformat()}
    await house.crm.edit(crm_id, {"actor": {"user": "u-bob"}, "item": fields})
    return crm_id


async def deleted(house: House, crm_id: str) -> str:
    await house.crm.delete(crm_id, {"actor": {"user": "u-anna"}})
    return crm_id


class Bobs(Desk):
    """Where Bob ticks off in Outlook what is his and others'."""

    async def completed(self, house: House, crm_id: str) -> str:
        [copy] = plays.marked(house, crm_id)["bob"]
        outlook = await self.outlook(house)
        await house.does(outlook.complete_task, copy.id)
        return crm_id


async def linked(house: House, born: Daemon, crm_id: str) -> None:
    """The one link knows every copy as it is, all sides as they agree, and of no write that has not ended."""
    link = await born.store.read(lambda tx: task_links.by_crm_id(tx, crm_id))
    assert link is not None
    assert link.state is State.ACTIVE
    assert link.agreed is not None
    shown = plays.record(house, crm_id)["item"]
    assert (link.agreed.subject, str(link.agreed.due)) == (shown["subject"], shown["due"])
    assert link.agreed.status == shown.get("status", "outstanding")
    copies = {(each.mailbox, each.id, each.change_key) for [each] in plays.marked(house, crm_id).values()}
    assert {(each.mailbox, each.item_id, each.change_key) for each in link.replicas} == copies
    assert [each.user for each in link.replicas if each.attempt or each.until or each.unsaid] == []


async def made_once(house: House, born: Daemon, crm_id: str) -> None:
    """One copy each, with what the CRM said; the CRM heard that it was applied, and no command."""
    plays.everybodys(house, crm_id, Subject="Call back", Status="NotStarted")
    assert days(house, crm_id) == dict.fromkeys(PEOPLE, DUE)
    plays.records(house, crm_id, task())
    plays.ended(house, crm_id, "created")
    plays.told_nothing(house, crm_id)
    await linked(house, born, crm_id)


async def put_off_once(house: House, born: Daemon, crm_id: str) -> None:
    plays.everybodys(house, crm_id, Subject="Call again", Status="NotStarted")
    assert days(house, crm_id) == dict.fromkeys(PEOPLE, LATER)
    plays.records(house, crm_id, task(subject="Call again", due=LATER.isoformat()))
    plays.ended(house, crm_id, "updated")
    plays.told_nothing(house, crm_id)
    await linked(house, born, crm_id)


async def completed_once(house: House, born: Daemon, crm_id: str) -> None:
    """What Bob ticked off is completed for everybody, and the CRM was told so in one revision."""
    plays.everybodys(house, crm_id, Subject="Call back", Status="Completed", PercentComplete=100.0)
    assert days(house, crm_id) == dict.fromkeys(PEOPLE, DUE)
    plays.records(house, crm_id, task(status="completed"))
    plays.told_in_one(house, crm_id)
    await linked(house, born, crm_id)


async def gone(house: House, born: Daemon, crm_id: str) -> None:
    """Everybody's copy lies in Deleted Items, and is known to be there by nobody."""
    plays.thrown_away(house, crm_id)
    assert plays.record(house, crm_id)["deleted"]
    plays.ended(house, crm_id, "deleted")
    plays.told_nothing(house, crm_id)
    link = await born.store.read(lambda tx: task_links.by_crm_id(tx, crm_id))
    assert link is not None
    assert (link.state, [each for each in link.replicas if each.live]) == (State.DELETED, [])


def days(house: House, crm_id: str) -> dict[str, date]:
    """When the one copy of each person is due."""
    return {name: due.civil for name, [due] in plays.shown(house, crm_id, "DueDate").items()}


@pytest.mark.timeout(300)
@pytest.mark.rule("ID-5", "ID-7", "ID-8", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_a_task_killed_anywhere_is_made_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given a new task for three people, then whenever the daemon dies, each has it once, and the CRM knows."""
    awaits = await killed_everywhere(store, Play(nothing, made, made_once), capsys)
    assert awaits.keys() >= BY_OURS


@pytest.mark.timeout(300)
@pytest.mark.rule("ID-7", "MAP-1", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_a_task_put_off_and_killed_anywhere_is_so_for_all(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a task in three lists that the CRM puts off, then all have the new day, whenever the daemon dies."""
    awaits = await killed_everywhere(store, Play(there, put_off, put_off_once), capsys)
    assert awaits.keys() >= BY_OURS


@pytest.mark.timeout(300)
@pytest.mark.rule("DEL-1", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_a_task_deleted_and_killed_anywhere_is_gone_for_all(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a task in three lists that the CRM deletes, then nobody has it, whenever the daemon dies."""
    awaits = await killed_everywhere(store, Play(there, deleted, gone), capsys)
    assert awaits.keys() >= BY_OURS


@pytest.mark.timeout(300)
@pytest.mark.rule("ID-7", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_a_task_ticked_off_and_killed_anywhere_is_so_for_all(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given Bob who ticks off what three have, then it is completed in the CRM and all lists, whenever it dies."""
    awaits = await killed_everywhere(store, Play(there, Bobs("bob").completed, completed_once), capsys)
    assert awaits.keys() >= BY_OURS
