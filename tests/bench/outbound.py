"""What a CRM user's change costs Exchange, and how soon it is there.

Calls are counted on an Exchange in memory: for a new item, for changed fields, for changed notes (which are read first:
what others wrote around them stays), and for a change with the hint that Exchange gives of our own write. The floor is
the one call that writes.

Times are taken over a real Kafka and an EWS endpoint that takes 20 ms: the clock starts when the event is handed to the
bus and ends when the endpoint has answered the write. The floor is the same call made alone by the same backend. Both
take turns.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon.exchange.ews.backend import EwsExchange
from daemon.exchange.port import Written
from schemas import catalogue
from schemas.copies import Kind
from schemas.edits import Edit, New
from schemas.sending import SILENT, Sending
from tests.bench import brokers, latency, servers
from tests.bench.bank import USERS, Bank, Said, a_bank, hinted, mailbox_of, said
from tests.bench.latency import ROUND_TRIP, TIMES, WARMING
from tests.bench.rows import Row, say

CHANGES = 200


def rows(quick: bool) -> list[Row]:
    """Calls, then milliseconds. No goal is set: these are to be known."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        calls = asyncio.run(_calls(Path(folder), changes=CHANGES // (10 if quick else 1)))
    with brokers.one_for_all({"outbound"}), servers.serving(wait=ROUND_TRIP) as url:
        took = asyncio.run(_timed(url, TIMES // (10 if quick else 1)))
    p50, p99 = len(took["ours"]) // 2, int(len(took["ours"]) * 0.99)
    return [
        *(Row(f"EWS calls, {what}", found, 1, "calls/change") for what, found in calls.items()),
        Row("CRM event to EWS write / one EWS call, p50", took["ours"][p50], took["floor"][p50], "ms"),
        Row("CRM event to EWS write / one EWS call, p99", took["ours"][p99], took["floor"][p99], "ms"),
    ]


def created(number: int) -> Said:
    """A CRM user makes an item of his own."""
    return _told(number, "created", 1, item_of(number))


def updated(number: int, version: int, *, was: dict[str, Any], **changes: Any) -> Said:
    """He changes it."""
    return _told(number, "updated", version, was | changes, before=was)


def item_of(number: int) -> dict[str, Any]:
    """An item as the CRM states it."""
    user = f"u-{number % USERS}"
    return {
        "subject": f"Review {number}",
        "notes": "What was agreed on, and what is still open. " * 10,
        "location": "Room 4",
        "start": "2026-12-01T10:00:00+01:00",
        "end": "2026-12-01T11:00:00+01:00",
        "zone": "Europe/Berlin",
        "owner": user,
        "assign_to": [user],
    }


async def _calls(folder: Path, *, changes: int) -> dict[str, float]:
    """Calls a change, of each kind."""
    found: dict[str, float] = {}
    async with a_bank(folder) as bank:
        items = [item_of(number) for number in range(changes)]
        moved = {"location": "Room 5", "start": "2026-12-02T10:00:00+01:00", "end": "2026-12-02T11:00:00+01:00"}
        found["new CRM item"] = await _counted(bank, [created(number) for number in range(changes)])
        found["changed CRM item"] = await _counted(bank, _changed(items, 2, **moved))
        found["changed notes, read first"] = await _counted(bank, _changed(items, 3, notes="Nothing is open."))
        found["changed, with its hint"] = await _counted(bank, _changed(items, 4, subject="Done"), with_hints=True)
    return found


def _changed(items: list[dict[str, Any]], version: int, **changes: Any) -> list[Said]:
    """The same change of all items, which are so from here on."""
    events = [updated(number, version, was=dict(item), **changes) for number, item in enumerate(items)]
    for item in items:
        item |= changes
    return events


async def _counted(bank: Bank, events: Sequence[Said], *, with_hints: bool = False) -> float:
    calls = len(bank.exchange.calls)
    bank.say(*events)
    await bank.quiet()
    if with_hints:
        hinted(bank, [item for user in range(USERS) for item in bank.exchange.items(mailbox_of(user))])
        await bank.quiet()
    made = bank.exchange.calls[calls:]
    writes = sum(call.operation in {"create", "update"} for call in made)
    if writes != len(events):
        raise SystemExit(f"not the changes that were meant: {writes} writes of {len(events)}")
    say(f"  {len(events)} changes, {len(made)} calls")
    return len(made) / len(events)


async def _timed(url: str, times: int) -> dict[str, list[float]]:
    """Milliseconds of changed items, sorted."""
    took: dict[str, list[float]] = {"ours": [], "floor": []}
    async with latency.running(url, Watched) as daemon:
        exchange = daemon.exchange
        assert isinstance(exchange, Watched)
        for number in range(WARMING + times):
            await daemon.say(created(number))
            item = await exchange.written.get()
            began = time.perf_counter()
            await daemon.say(updated(number, 2, was=item_of(number), location="Room 5"))
            await exchange.written.get()
            between = time.perf_counter()
            await EwsExchange.update(exchange, mailbox_of(number % USERS), item, Edit(location="Room 5"))
            ended = time.perf_counter()
            if number >= WARMING:
                took["ours"].append((between - began) * 1000)
                took["floor"].append((ended - between) * 1000)
    return {name: sorted(each) for name, each in took.items()}


class Watched(EwsExchange):
    """Tells what was written as soon as the endpoint has answered."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.written: asyncio.Queue[Written] = asyncio.Queue()

    async def create(self, mailbox: str, new: New, *, sending: Sending = SILENT) -> Written:
        return self._noted(await super().create(mailbox, new, sending=sending))

    async def update(
        self,
        mailbox: str,
        item: Written,
        edit: Edit,
        *,
        kind: Kind = Kind.SCHEDULE_ITEM,
        sending: Sending = SILENT,
    ) -> Written:
        return self._noted(await super().update(mailbox, item, edit, kind=kind, sending=sending))

    def _noted(self, written: Written) -> Written:
        self.written.put_nowait(written)
        return written


def _told(number: int, what: str, version: int, after: dict[str, Any], before: dict[str, Any] | None = None) -> Said:
    user = f"u-{number % USERS}"
    head = {"id": f"si-{number}", "version": version, "origin": "user", "actor": {"user": user}, "notify": "none"}
    data = head | {"before": before, "after": after}
    return said(catalogue.SCHEDULE_ITEMS, f"si-{number}", f"crm.schedule-item.{what}.v1", data)
