"""The daemon killed at every await of its work, one after the other, until a life of it comes through (S08b).

One house; for every await the same thing happens to an item of its own, the daemon dies there, and another one goes on
with its store, its bus and its Exchange. What it must leave is always the same as if nobody had died.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from daemon.app import Daemon
from daemon.sandbox.exchange.items import Item
from daemon.store import links
from daemon.sync import parking
from handlers.links import State
from schemas import ids
from tests.support import invariants
from tests.support.house import Clock, House, a_house
from tests.support.mortal import Life, living, mortality

TEN = datetime(2027, 3, 2, 9, tzinfo=UTC)
PEOPLE = ("anna", "bob", "cleo")
MOST = 400
_A_WHILE = timedelta(minutes=1)
_PATIENCE = 40  # whiles that pass until everything that waits must have had its time
_MARKER = "name:exsyncd-crm-id"
_ANSWERS = {"organizer", "responses"}
"""What the CRM is told of its own item by whoever reads a copy anew: who answered what in Exchange."""
_TO_DO = ("intents", "parked", "outbox")


@dataclass(frozen=True)
class Play:
    """What is killed: `given` makes an item ready and names it, `happens` starts something and names its item, `holds`
    judges what came of it.
    """

    given: Callable[[House], Awaitable[str]]
    happens: Callable[[House, str], Awaitable[str]]
    holds: Callable[[House, Daemon, str], Awaitable[None]]


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes by the house's clock: what is due then is found at once."""
    monkeypatch.setattr(parking, "_LOOK_EVERY", timedelta(milliseconds=10))


async def killed_everywhere(store: Path, play: Play, capsys: pytest.CaptureFixture[str]) -> Counter[str]:
    """The awaits that there were, by function; prints how many. Each life finds what the one before left."""
    clock = Clock(datetime.now(UTC))
    async with a_house(store, *PEOPLE, clock=clock, start=False) as house, mortality() as lives:
        name, died_in = "", ""
        for number in range(1, MOST):
            life = Life(until=number)
            lives.append(life)
            async with living(house, life) as born:
                if died_in:
                    await _judge(play, house, born, name=name, died_in=died_in)
                else:
                    await house.furnish()
                name = await play.given(house)
                life.begin()
                name = await play.happens(house, name)
                await _quiet_or_dead(house, life)
                if not life.ended.is_set():
                    awaits = life.spare()
                    await _judge(play, house, born, name=name, died_in="nothing")
                    await invariants.check(house)
                    return _told(awaits, capsys)
            died_in = f"{life.awaits[-1]}, await {number}"
        raise AssertionError(f"after {MOST} awaits there are more")


async def _judge(play: Play, house: House, born: Daemon, *, name: str, died_in: str) -> None:
    try:
        await _all_done(house, born)
        await play.holds(house, born, name)
    except AssertionError as error:
        raise AssertionError(f"killed in {died_in}: {error}") from error


def _told(awaits: list[str], capsys: pytest.CaptureFixture[str]) -> Counter[str]:
    counted = Counter(awaits)
    with capsys.disabled():
        print(f"\nkilled at {len(awaits)} awaits:", ", ".join(f"{n} in {place}" for place, n in counted.items()))  # noqa: T201
    return counted


async def _quiet_or_dead(house: House, life: Life) -> None:
    quiet, dead = asyncio.create_task(house.quiet()), asyncio.create_task(life.ended.wait())
    await asyncio.wait({quiet, dead}, return_when=asyncio.FIRST_COMPLETED)
    for task in (quiet, dead):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _all_done(house: House, born: Daemon) -> None:
    """Returns when nothing is begun, waits or is to be said any more, having let pass what time that takes."""
    assert isinstance(house.clock, Clock)
    left: dict[str, int] = {}
    for _ in range(_PATIENCE):
        await house.quiet()
        left = await born.store.read(
            lambda tx: {table: tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in _TO_DO}
        )
        if not any(left.values()):
            return
        house.clock.pass_by(_A_WHILE)
    raise AssertionError(f"after {_PATIENCE * _A_WHILE} there are still {left}")


# looking


def marked(house: House, crm_id: str) -> dict[str, list[Item]]:
    """What carries the marker of an item, by person, Deleted Items and all."""
    world = house.sandbox.world
    return {name: [each for each in world.items(f"{name}@bank.example") if _marker(each) == crm_id] for name in PEOPLE}


def shown(house: House, crm_id: str, *names: str) -> dict[str, tuple[Any, ...]]:
    """What the one copy of each person shows, in the properties named."""
    found = marked(house, crm_id)
    wrong = {name: len(copies) for name, copies in found.items() if len(copies) != 1}
    assert not wrong, f"not one copy each: {wrong}"
    return {name: tuple(copy.get(each) for each in names) for name, [copy] in found.items()}


def record(house: House, crm_id: str) -> dict[str, Any]:
    """The CRM's record, of which there is one."""
    [found] = [each for each in house.crm.items() if each["id"] == crm_id]
    return found


def said(house: House, crm_id: str, event: str) -> list[tuple[str, str | None]]:
    """How the outcomes about an item ended that were caused by events of that kind."""
    link = ids.link_of_crm(crm_id)
    mine = [each for each in house.outcomes() if each["link"] == link and event in each["cause"]["type"]]
    return [(each["result"], each["reason"]) for each in mine]


def _marker(item: Item) -> object:
    return next((value for name, value in item.extended.items() if name.property_id == _MARKER), None)


# what is killed


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


async def renamed(house: House, crm_id: str) -> str:
    await house.crm.edit(crm_id, {"actor": {"user": "u-bob"}, "item": {"subject": "Renamed", "location": "Room 4"}})
    return crm_id


async def deleted(house: House, crm_id: str) -> str:
    await house.crm.delete(crm_id, {"actor": {"user": "u-anna"}})
    return crm_id


async def renamed_in_outlook(house: House, crm_id: str) -> str:
    [copy] = marked(house, crm_id)["anna"]
    await house.does(house.outlook("anna").edit, copy.uid, silent=True, subject="Renamed", location="Room 4")
    return crm_id


async def linked(house: House, born: Daemon, crm_id: str) -> None:
    """The one link knows every copy as it is, and both sides as they agree."""
    link = await born.store.read(lambda tx: links.by_crm_id(tx, crm_id))
    assert link is not None
    assert link.state is State.ACTIVE
    assert link.agreed is not None
    assert link.exchange is not None
    assert link.agreed.subject == link.exchange.subject == record(house, crm_id)["item"]["subject"]
    copies = {(each.mailbox, each.id, each.change_key) for [each] in marked(house, crm_id).values()}
    assert {(each.mailbox, each.item_id, each.change_key) for each in link.replicas} == copies


async def made_once(house: House, born: Daemon, crm_id: str) -> None:
    """One copy each, with what the CRM said; the CRM heard that it was applied, and no command."""
    copies = shown(house, crm_id, "Subject", "Start", "End", "IsMeeting")
    assert copies == {name: ("Review", TEN, TEN + timedelta(hours=1), name == "anna") for name in PEOPLE}
    [annas] = marked(house, crm_id)["anna"]
    assert sorted(each.recipient.address for each in annas.attendees) == ["bob@bank.example", "cleo@bank.example"]
    assert item().items() <= record(house, crm_id)["item"].items()
    assert set(said(house, crm_id, "created")) == {("applied", None)}
    assert _told_in(_commands(house, crm_id)) <= _ANSWERS
    await linked(house, born, crm_id)


async def renamed_once(house: House, born: Daemon, crm_id: str) -> None:
    copies = shown(house, crm_id, "Subject", "Location", "Start")
    assert copies == dict.fromkeys(PEOPLE, ("Renamed", "Room 4", TEN))
    assert item(subject="Renamed", location="Room 4").items() <= record(house, crm_id)["item"].items()
    assert set(said(house, crm_id, "updated")) == {("applied", None)}
    assert _told_in(_commands(house, crm_id)) <= _ANSWERS
    await linked(house, born, crm_id)


async def told_once(house: House, born: Daemon, crm_id: str) -> None:
    """What Anna renamed is renamed for everybody, and the CRM was told so in one revision."""
    copies = shown(house, crm_id, "Subject", "Location", "Start")
    assert copies == dict.fromkeys(PEOPLE, ("Renamed", "Room 4", TEN))
    assert item(subject="Renamed", location="Room 4").items() <= record(house, crm_id)["item"].items()
    assert {each["revision"] for each in _commands(house, crm_id)} == {1}
    await linked(house, born, crm_id)


async def gone(house: House, born: Daemon, crm_id: str) -> None:
    """Everybody's copy lies in Deleted Items, and is known to be there by nobody."""
    world = house.sandbox.world
    places = {
        name: [world.folder_by_id(each.mailbox, each.folder).name for each in copies]
        for name, copies in marked(house, crm_id).items()
    }
    assert places == {name: ["deleteditems"] for name in PEOPLE}
    assert record(house, crm_id)["deleted"]
    assert set(said(house, crm_id, "deleted")) == {("applied", None)}
    assert _commands(house, crm_id) == []
    link = await born.store.read(lambda tx: links.by_crm_id(tx, crm_id))
    assert link is not None
    assert (link.state, [each for each in link.replicas if each.live]) == (State.DELETED, [])


def _commands(house: House, crm_id: str) -> list[dict[str, Any]]:
    return [each for each in house.commands() if each["link"] == ids.link_of_crm(crm_id)]


def _told_in(commands: list[dict[str, Any]]) -> set[str]:
    return {name for each in commands for name in each["changed"]}


@pytest.mark.timeout(300)
@pytest.mark.rule("ID-5", "ID-8", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_a_create_killed_anywhere_is_made_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given a new item for three people, then whenever the daemon dies, each has it once, and the CRM knows."""
    awaits = await killed_everywhere(store, Play(nothing, made, made_once), capsys)
    assert awaits.keys() >= {"Acting._written", "Settler._written", "Publisher._send", "Limits._in_thread"}


@pytest.mark.timeout(300)
@pytest.mark.rule("MAP-1", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_an_update_killed_anywhere_is_in_every_copy(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given an item in three calendars that the CRM renames, then all have the new name, whenever the daemon dies."""
    awaits = await killed_everywhere(store, Play(there, renamed, renamed_once), capsys)
    assert awaits.keys() >= {"Acting._written", "Settler._written", "Publisher._send", "Limits._in_thread"}


@pytest.mark.timeout(300)
@pytest.mark.rule("DEL-1", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_a_delete_killed_anywhere_is_done(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given an item in three calendars that the CRM deletes, then nobody has it, whenever the daemon dies."""
    awaits = await killed_everywhere(store, Play(there, deleted, gone), capsys)
    assert awaits.keys() >= {"Acting._written", "Settler._written", "Publisher._send", "Limits._in_thread"}


@pytest.mark.timeout(300)
@pytest.mark.rule("INV-6", "CON-3")
@pytest.mark.scenario("S08b")
async def test_s08b_what_exchange_says_killed_anywhere_is_told_and_done(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given Anna who renames hers and tells nobody, then CRM and direct copies have her name, whenever it dies."""
    awaits = await killed_everywhere(store, Play(there, renamed_in_outlook, told_once), capsys)
    assert awaits.keys() >= {"Acting._written", "Settler._written", "Publisher._send", "Limits._in_thread"}
