"""What a change of one occurrence costs in a series of 729 exceptions, beside the same change of a single meeting.

The real daemon on a sandbox Exchange in the same process, so that milliseconds hold the work of both; what they are
beside each other is what counts (REC-5, S29). Requests are the daemon's own. Reading a series takes a request for every
ten exceptions within its window, of which there is a bound.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from daemon.sandbox.exchange import series
from tests.bench.rows import Row, say
from tests.support.house import House, a_house

EXCEPTIONS = 729
EVERY_DAY = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TIMES = 7
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0, tzinfo=None)


@dataclass
class Cost:
    """Of each change: requests, and milliseconds until all was quiet again."""

    requests: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)


def rows(quick: bool) -> list[Row]:
    """Requests and milliseconds, from either side. No goal is set: the bound is what matters (see above)."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = asyncio.run(_measured(Path(folder), EXCEPTIONS // (10 if quick else 1), 2 if quick else TIMES))
    told = []
    for side in ("Outlook", "the CRM"):
        ours, floor = found[side, "series"], found[side, "single"]
        what = f"one occurrence of a huge series / a single meeting, changed in {side}"
        told.append(Row(what, median(ours.requests), median(floor.requests), "requests"))
        told.append(Row(what, median(ours.took), median(floor.took), "ms"))
    return told


async def _measured(folder: Path, exceptions: int, times: int) -> dict[tuple[str, str], Cost]:
    found = {(side, what): Cost() for side in ("Outlook", "the CRM") for what in ("series", "single")}
    async with a_house(folder / "store.sqlite", "anna") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet_weekly, "Stand-up", start=TOMORROW, weekdays=EVERY_DAY, count=exceptions + 10)
        single = await house.does(anna.meet, "Review", start=TOMORROW)
        await house.quiet()
        _customize(house, uid, exceptions)
        await house.quiet()
        say(f"  {len(_exceptions(house, uid))} exceptions are in the CRM")
        for number in range(times):
            room = f"Room {number}"
            index = 3 + number
            await house.does(anna.edit_occurrence, uid, index, location=f"{room} A")
            await _cost(house, found["Outlook", "series"], house.quiet)
            await house.does(anna.edit, single, location=f"{room} A")
            await _cost(house, found["Outlook", "single"], house.quiet)
            await _cost(house, found["the CRM", "series"], lambda room=room: _edit_one(house, uid, room))  # type: ignore[misc]
            await _cost(house, found["the CRM", "single"], lambda room=room: _edit(house, single, location=room))  # type: ignore[misc]
    return found


def _customize(house: House, uid: str, exceptions: int) -> None:
    """Every occurrence from the second on gets a place of its own."""
    world = house.sandbox.world
    [master] = [
        item for item in world.items("anna@bank.example", "calendar") if item.uid == uid and series.is_series(item)
    ]
    for index in range(2, exceptions + 2):
        occurrence = series.nth(world.item(master.mailbox, master.id), index)
        assert occurrence is not None
        world.modify(occurrence, {"Location": f"Room {index}"}, by="Anna")


def _exceptions(house: House, uid: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.item(uid)["item"].get("exceptions", [])
    return found


async def _edit_one(house: House, uid: str, room: str) -> None:
    first, *others = _exceptions(house, uid)
    changed = first | {"changes": first["changes"] | {"location": f"{room} B"}}
    await _edit(house, uid, exceptions=[changed, *others])


async def _edit(house: House, uid: str, **fields: Any) -> None:
    await house.crm.edit(house.item(uid)["id"], {"actor": {"user": "u-anna"}, "item": fields})
    await house.quiet()


async def _cost(house: House, cost: Cost, change: Callable[[], Awaitable[None]]) -> None:
    requests, began = _asked(house), time.perf_counter()
    await change()
    cost.took.append((time.perf_counter() - began) * 1000)
    cost.requests.append(_asked(house) - requests)


def _asked(house: House) -> int:
    return sum(int(each["count"]) for each in house.sandbox.meter.report() if each["account"] == house.service)
