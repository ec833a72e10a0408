"""The daemon killed at every await of its work, one after the other, until a life of it comes through (S08b).

`EXSYNCD_TEST_KILL_STEP` leaves some out.

One house; for every await the same thing happens to an item of its own, the daemon dies there, and another one goes on
with its store, its bus and its Exchange. What it must leave is always the same as if nobody had died.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from daemon.app import Daemon
from daemon.sandbox.exchange.items import Item
from daemon.store import parked
from daemon.sync import delegating, parking
from schemas import catalogue, ids
from tests.support import invariants
from tests.support.house import Clock, House, a_house, house_time
from tests.support.mortal import Life, living, mortality
from tests.support.outlook import Outlook

PEOPLE = ("anna", "bob", "cleo")
ANSWERS = frozenset(("organizer", "responses"))
"""What the CRM is told of its own item by whoever reads a copy anew: who answered what in Exchange."""

_MOST = 400
_STEP = int(os.environ.get("EXSYNCD_TEST_KILL_STEP") or (3 if os.environ.get("CI") else 1))
"""One of how many awaits is died at: where machines test every change, one of three; by hand, each."""

_A_MOMENT = timedelta(milliseconds=10)
_A_WHILE = timedelta(minutes=1)
_PATIENCE = 40  # how often time passes until everything that waits must have had its time
_MARKER = "name:exsyncd-crm-id"
_LEFT = {
    "intents": "SELECT count(*) FROM intents",
    "writes to tasks": "SELECT count(*) FROM task_replicas WHERE until IS NOT NULL",
    "parked": "SELECT count(*) FROM parked",
    "grants to be looked at": "SELECT count(*) FROM delegate_causes",
    "outbox": "SELECT count(*) FROM outbox",
}


@dataclass(frozen=True)
class Play:
    """What is killed: `given` makes an item ready and names it, `happens` starts something and names its item, `holds`
    judges what came of it.
    """

    given: Callable[[House], Awaitable[str]]
    happens: Callable[[House, str], Awaitable[str]]
    holds: Callable[[House, Daemon, str], Awaitable[None]]


@dataclass
class Desk:
    """Where somebody sits with his Outlook, which is started once."""

    name: str
    _outlook: Outlook | None = field(default=None)

    async def outlook(self, house: House) -> Outlook:
        if self._outlook is None:
            self._outlook = await house.does(house.outlook, self.name)
        return self._outlook


async def killed_everywhere(store: Path, play: Play, capsys: pytest.CaptureFixture[str]) -> Counter[str]:
    """The awaits that there were, by function; prints how many of them it died at. Each life finds what the one before
    left.
    """
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(delegating, "_LOOK_EVERY", _A_MOMENT)
        changed.setattr(parking, "_LOOK_EVERY", _A_MOMENT)  # time passes by the house's clock: found at once
        awaits = await _lived_through(store, play)
    counted = Counter(awaits)
    died = len(range(1, len(awaits) + 1, _STEP))
    places = ", ".join(f"{number} in {place}" for place, number in counted.items())
    with capsys.disabled():
        print(f"\nkilled at {died} of {len(awaits)} awaits: {places}")  # noqa: T201
    return counted


async def _lived_through(store: Path, play: Play) -> list[str]:
    clock = Clock(house_time())
    async with a_house(store, *PEOPLE, clock=clock, start=False) as house, mortality() as lives:
        name, died_in = "", ""
        for number in range(1, _MOST, _STEP):
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
                    await invariants.check_daemons(house)
                    return awaits
            died_in = f"{life.awaits[-1]}, await {number}"
        raise AssertionError(f"after {_MOST} awaits there are more")


async def _judge(play: Play, house: House, born: Daemon, *, name: str, died_in: str) -> None:
    try:
        await _all_done(house, born)
        await play.holds(house, born, name)
    except AssertionError as error:
        raise AssertionError(f"killed in {died_in}: {error}") from error


async def _quiet_or_dead(house: House, life: Life) -> None:
    quiet, dead = asyncio.create_task(house.quiet()), asyncio.create_task(life.ended.wait())
    await asyncio.wait({quiet, dead}, return_when=asyncio.FIRST_COMPLETED)
    for task in (quiet, dead):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _all_done(house: House, born: Daemon) -> None:
    """Returns when nothing is begun, waits or is to be said any more, having let pass what time that takes.

    Parked work ends whenever it likes: only if nothing was put on the bus from before the house was quiet until nothing
    was left, whoever listens has heard everything.
    """
    left: dict[str, int] = {}
    for _ in range(_PATIENCE):
        before = _records(house)
        await house.quiet()
        left, due = await born.store.read(_left)
        if any(left.values()):
            _let_pass(house, due)
        elif _records(house) == before:
            return
    raise AssertionError(f"time passed {_PATIENCE} times, and there are still {left}")


def _left(tx: Connection) -> tuple[dict[str, int], datetime | None]:
    """How much is left to do, and when the first of it is due."""
    return {what: tx.execute(text(query)).scalar_one() for what, query in _LEFT.items()}, parked.next_due(tx)


def _let_pass(house: House, due: datetime | None) -> None:
    assert isinstance(house.clock, Clock)
    now = house.clock()
    house.clock.pass_by(_A_WHILE if due is None or due <= now else due - now)


def _records(house: House) -> int:
    return sum(len(house.broker.records(topic.name)) for topic in catalogue.TOPICS.values())


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


def everybodys(house: House, crm_id: str, **wanted: object) -> None:
    """The one copy of each person shows this."""
    found = shown(house, crm_id, *wanted)
    wrong = {name: values for name, values in found.items() if values != tuple(wanted.values())}
    assert not wrong, f"copies show {wrong} in place of {wanted}"


def records(house: House, crm_id: str, wanted: Mapping[str, Any]) -> None:
    """The one record of the CRM has this."""
    found = record(house, crm_id)["item"]
    wrong = {name: found.get(name) for name, value in wanted.items() if found.get(name) != value}
    assert not wrong, f"the CRM has {wrong} in place of { ({name: wanted[name] for name in wrong}) }"


def record(house: House, crm_id: str) -> dict[str, Any]:
    """The CRM's record, of which there is one."""
    [found] = [each for each in house.crm.items() if each["id"] == crm_id]
    return found


def thrown_away(house: House, crm_id: str) -> None:
    """The one copy of each person lies in Deleted Items."""
    world = house.sandbox.world
    places = {
        name: [world.folder_by_id(each.folder).name for each in copies]
        for name, copies in marked(house, crm_id).items()
    }
    assert places == {name: ["deleteditems"] for name in PEOPLE}, f"copies lie in {places}"


def ended(house: House, crm_id: str, event: str) -> None:
    """The outcomes about an item that events of this kind caused say that it was applied, and nothing else."""
    link = ids.link_of_crm(crm_id)
    mine = [each for each in house.outcomes() if each["link"] == link and event in each["cause"]["type"]]
    said = {(each["result"], each["reason"]) for each in mine}
    assert said == {("applied", None)}, f"outcomes of '{event}' say {said}"


def commands(house: House, crm_id: str) -> list[dict[str, Any]]:
    return [each for each in house.commands() if each["link"] == ids.link_of_crm(crm_id)]


def told_nothing(house: House, crm_id: str, *, but: frozenset[str] = frozenset()) -> None:
    """No command tells the CRM anything of its item that it said itself."""
    told = {name for each in commands(house, crm_id) for name in each.get("changed", ("a delete",))}
    assert told <= but, f"the CRM was told {told - but}"


def told_in_one(house: House, crm_id: str) -> None:
    """The CRM was told, whether once or several times the same."""
    revisions = {each["revision"] for each in commands(house, crm_id)}
    assert revisions == {1}, f"the CRM was told in revisions {revisions}"


def _marker(item: Item) -> object:
    return next((value for name, value in item.extended.items() if name.property_id == _MARKER), None)
