"""Meetings: the daemon killed at every await between "about to write" and "link saved" (S08b); see `support.plays`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.app import Daemon
from daemon.sandbox.exchange import series
from daemon.store import links
from handlers.links import State
from schemas import ids
from tests.support import plays
from tests.support.house import House
from tests.support.plays import PEOPLE, Desk, Play, killed_everywhere

TEN = datetime(2027, 3, 2, 9, tzinfo=UTC)
BY_OURS = {"Acting._written", "Settler._settled", "Publisher._publish", "Limits._in_thread"}
"""Where a daemon waits that writes: for the store before and after, for Exchange, for the broker."""


def item(**more: Any) -> dict[str, Any]:
    """A schedule item as a CRM user makes it."""
    known = {
        "subject": "Review",
        "start": TEN.isoformat(),
        "end": (TEN + timedelta(hours=1)).isoformat(),
        "zone": "Europe/Berlin",
        "all_day": False,
        "owner": "u-anna",
        "assign_to": [f"u-{name}" for name in PEOPLE],
        "notes": "Bring the file",
    }
    return known | more


RENAMED = item(subject="Renamed", location="Room 4")
WEEK = timedelta(weeks=1)
WEEKLY = {"frequency": "weekly", "interval": 1, "weekdays": ["TU"], "end": "after", "count": 4}
ONE_EDITED_ONE_DELETED = [
    {"original_start": (TEN + WEEK).isoformat(), "deleted": False, "changes": {"location": "Room 5"}},
    {"original_start": (TEN + 2 * WEEK).isoformat(), "deleted": True, "changes": {}},
]


async def nothing(house: House) -> str:
    return ""


async def made(house: House, _name: str = "") -> str:
    """A CRM user makes an item for everybody."""
    body = {"actor": {"user": "u-anna"}, "kind": "schedule_item", "item": item()}
    return str((await house.crm.create(body))["id"])


async def there(house: House) -> str:
    """An item that is in the CRM and in all calendars."""
    crm_id = await made(house)
    await house.quiet()
    return crm_id


async def there_weekly(house: House) -> str:
    """A series that is in the CRM and in all calendars: Anna's own, and two direct copies."""
    body = {"actor": {"user": "u-anna"}, "kind": "schedule_item", "item": item(recurrence=WEEKLY)}
    crm_id = str((await house.crm.create(body))["id"])
    await house.quiet()
    return crm_id


async def two_changed(house: House, crm_id: str) -> str:
    """One occurrence gets another room, one is deleted."""
    await house.crm.edit(crm_id, {"actor": {"user": "u-bob"}, "item": {"exceptions": ONE_EDITED_ONE_DELETED}})
    return crm_id


async def renamed(house: House, crm_id: str) -> str:
    await house.crm.edit(crm_id, {"actor": {"user": "u-bob"}, "item": {"subject": "Renamed", "location": "Room 4"}})
    return crm_id


async def deleted(house: House, crm_id: str) -> str:
    await house.crm.delete(crm_id, {"actor": {"user": "u-anna"}})
    return crm_id


class Annas(Desk):
    """Where Anna renames in Outlook what she organizes, and tells nobody."""

    async def renamed(self, house: House, crm_id: str) -> str:
        [copy] = plays.marked(house, crm_id)["anna"]
        outlook = await self.outlook(house)
        await house.does(outlook.edit_item, copy.id, subject="Renamed", location="Room 4")
        return crm_id


async def linked(house: House, born: Daemon, crm_id: str) -> None:
    """The one link knows every copy as it is, and both sides as they agree."""
    link = await born.store.read(lambda tx: links.by_crm_id(tx, crm_id))
    assert link is not None
    assert link.state is State.ACTIVE
    assert link.agreed is not None
    assert link.exchange is not None
    assert link.agreed.subject == link.exchange.subject == plays.record(house, crm_id)["item"]["subject"]
    copies = {(each.mailbox, each.id, each.change_key) for [each] in plays.marked(house, crm_id).values()}
    assert {(each.mailbox, each.item_id, each.change_key) for each in link.replicas} == copies


async def made_once(house: House, born: Daemon, crm_id: str) -> None:
    """One copy each, with what the CRM said; the CRM heard that it was applied, and no command."""
    plays.everybodys(house, crm_id, Subject="Review", Start=TEN, End=TEN + timedelta(hours=1))
    assert plays.shown(house, crm_id, "IsMeeting") == {name: (name == "anna",) for name in PEOPLE}
    [annas] = plays.marked(house, crm_id)["anna"]
    assert sorted(each.recipient.address for each in annas.attendees) == ["bob@bank.example", "cleo@bank.example"]
    plays.records(house, crm_id, item())
    plays.ended(house, crm_id, "created")
    plays.told_nothing(house, crm_id, but=plays.ANSWERS)
    await linked(house, born, crm_id)


async def renamed_once(house: House, born: Daemon, crm_id: str) -> None:
    plays.everybodys(house, crm_id, Subject="Renamed", Location="Room 4", Start=TEN)
    plays.records(house, crm_id, RENAMED)
    plays.ended(house, crm_id, "updated")
    plays.told_nothing(house, crm_id, but=plays.ANSWERS)
    await linked(house, born, crm_id)


def said_of_occurrences(house: House, crm_id: str) -> set[str]:
    """The mailboxes of which outcomes say that occurrences were written there."""
    mine = [each for each in house.outcomes() if each["link"] == ids.link_of_crm(crm_id)]
    writes = [write for outcome in mine for write in outcome["writes"]]
    return {write["mailbox"] for write in writes if write["fields"] == ["exceptions"]}


async def two_changed_once(house: House, born: Daemon, crm_id: str) -> None:
    """Everybody's series has that exception and that deleted day, and so has the CRM, which was told nothing."""
    plays.everybodys(house, crm_id, Subject="Review", Location="", Start=TEN)
    for name, [copy] in plays.marked(house, crm_id).items():
        exceptions = [(each.get("OriginalStart"), each.get("Location")) for each in series.exceptions(copy)]
        assert exceptions == [(TEN + WEEK, "Room 5")], f"{name} has the exceptions {exceptions}"
        assert series.deleted_starts(copy) == [TEN + 2 * WEEK], f"{name} has the deleted {series.deleted_starts(copy)}"
    plays.records(house, crm_id, item(recurrence=WEEKLY, exceptions=ONE_EDITED_ONE_DELETED))
    assert said_of_occurrences(house, crm_id) == {f"{name}@bank.example" for name in PEOPLE}
    plays.ended(house, crm_id, "updated")
    plays.told_nothing(house, crm_id, but=plays.ANSWERS)
    await linked(house, born, crm_id)


async def told_once(house: House, born: Daemon, crm_id: str) -> None:
    """What Anna renamed is renamed for everybody, and the CRM was told so in one revision."""
    plays.everybodys(house, crm_id, Subject="Renamed", Location="Room 4", Start=TEN)
    plays.records(house, crm_id, RENAMED)
    plays.told_in_one(house, crm_id)
    await linked(house, born, crm_id)


async def gone(house: House, born: Daemon, crm_id: str) -> None:
    """Everybody's copy lies in Deleted Items, and is known to be there by nobody."""
    plays.thrown_away(house, crm_id)
    assert plays.record(house, crm_id)["deleted"]
    plays.ended(house, crm_id, "deleted")
    plays.told_nothing(house, crm_id)
    link = await born.store.read(lambda tx: links.by_crm_id(tx, crm_id))
    assert link is not None
    assert (link.state, [each for each in link.replicas if each.live]) == (State.DELETED, [])


@pytest.mark.timeout(300)
@pytest.mark.rule("ID-5", "ID-8", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_a_create_killed_anywhere_is_made_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given a new item for three people, then whenever the daemon dies, each has it once, and the CRM knows."""
    awaits = await killed_everywhere(store, Play(nothing, made, made_once), capsys)
    assert awaits.keys() >= BY_OURS


@pytest.mark.timeout(300)
@pytest.mark.rule("MAP-1", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_an_update_killed_anywhere_is_in_every_copy(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given an item in three calendars that the CRM renames, then all have the new name, whenever the daemon dies."""
    awaits = await killed_everywhere(store, Play(there, renamed, renamed_once), capsys)
    assert awaits.keys() >= BY_OURS


@pytest.mark.timeout(300)
@pytest.mark.rule("DEL-1", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_a_delete_killed_anywhere_is_done(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given an item in three calendars that the CRM deletes, then nobody has it, whenever the daemon dies."""
    awaits = await killed_everywhere(store, Play(there, deleted, gone), capsys)
    assert awaits.keys() >= BY_OURS


@pytest.mark.timeout(300)
@pytest.mark.rule("INV-6", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_what_exchange_says_killed_anywhere_is_told_and_done(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given Anna who renames hers and tells nobody, then CRM and direct copies have her name, whenever it dies."""
    awaits = await killed_everywhere(store, Play(there, Annas("anna").renamed, told_once), capsys)
    assert awaits.keys() >= BY_OURS


@pytest.mark.timeout(600)  # twice as many awaits as of a single meeting
@pytest.mark.rule("REC-3", "REC-4", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_a_change_of_single_occurrences_killed_anywhere_is_in_every_copy(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a series in three calendars of which the CRM edits one and deletes one, then it is so in all of them."""
    awaits = await killed_everywhere(store, Play(there_weekly, two_changed, two_changed_once), capsys)
    assert awaits.keys() >= BY_OURS
