"""What the main path costs: from a hint on the bus to a command on the bus, with an Exchange that answers at once.

CPU is of the whole process, all threads. The floor is what SQLite itself takes for it: the statements of the same
events, as the store sent them, run again by the bare driver on a copy of the store as it was before, as many in a
transaction as a full group has.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from daemon.store.sqlite import GROUP, PRAGMAS
from schemas.copies import Copy
from tests.bench.bank import Bank, a_bank, hinted, hints_of
from tests.bench.rows import Row, at_most, say

GOAL = at_most(1.5)
MEETINGS = 1_000
UNIT = "ms CPU/event"
MISSED = (
    "thin and wide, no function above 6 %: the event loop's thread takes 60 % (of that the decision 48, the command "
    "and the outcome 16, reading the event 8, facts 5; in all of these together making frozen values 12), the store's "
    "threads the other 40 for three look-ups and a share of a commit, of which SQLite's own part is the floor. "
    "Alone and warm a decision takes 0.1 to 0.3 ms; among all the others half as much again"
)

Wave = Callable[[Bank, Sequence[Sequence[Copy]]], list[Copy]]
"""Lays changes into the mailboxes and says of which copies there are hints."""


@dataclass
class Heard:
    """The statements that the store's connections were sent, in order."""

    statements: list[tuple[str, Any, bool]] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[None]:
        event.listen(Engine, "before_cursor_execute", self._hear)
        try:
            yield
        finally:
            event.remove(Engine, "before_cursor_execute", self._hear)

    def _hear(self, connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            self.statements.append((statement, parameters, many))


def new(bank: Bank, meetings: Sequence[Sequence[Copy]]) -> list[Copy]:
    """The organizers' hints of meetings that nobody has seen yet."""
    return [copies[0] for copies in meetings]


def changed(bank: Bank, meetings: Sequence[Sequence[Copy]]) -> list[Copy]:
    """Every organizer has another subject and room."""
    return [bank.exchange.put(replace(copies[0], subject="Moved", location="Room 5")) for copies in meetings]


def echoed(bank: Bank, meetings: Sequence[Sequence[Copy]]) -> list[Copy]:
    """Hints of what is known already."""
    return [copies[0] for copies in meetings]


def others(bank: Bank, meetings: Sequence[Sequence[Copy]]) -> list[Copy]:
    """Everybody else's hints, for the first time."""
    return [copy for copies in meetings for copy in copies[1:]]


WAVES: dict[str, tuple[Wave, bool]] = {
    "inbound, new meeting": (new, True),
    "inbound, changed meeting": (changed, True),
    "inbound, attendee's copy": (others, True),
    "inbound, echo": (echoed, False),
}
"""Each with whether it has a goal: what writes nothing is only to be known."""


def rows(quick: bool) -> list[Row]:
    """One for each kind of hint."""
    meetings = MEETINGS // (10 if quick else 1)
    spent = asyncio.run(_spent(meetings))
    floors = asyncio.run(_floors(max(50, meetings // 5)))
    return [
        Row(name, spent[name] * 1000, floors[name] * 1000, UNIT, (GOAL,) if has_goal else (), MISSED)
        for name, (_, has_goal) in WAVES.items()
    ]


async def _spent(meetings: int) -> dict[str, float]:
    """Seconds of CPU an event."""
    spent = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with a_bank(Path(folder)) as bank:
            copies = [bank.meet(number) for number in range(meetings)]
            for name, (wave, _) in WAVES.items():
                calls, commands = len(bank.exchange.calls), bank.told()
                hints = hints_of(wave(bank, copies))
                events = len(hints)
                cpu, wall = time.process_time(), time.perf_counter()
                bank.say(*hints)
                await bank.quiet()
                cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
                say(
                    f"  {name:<26} {cpu / events * 1000:>5.2f} ms CPU, {events / wall:>6,.0f} hints/s, "
                    f"{(bank.told() - commands) / events:.2f} commands and "
                    f"{(len(bank.exchange.calls) - calls) / events:.2f} calls a hint"
                )
                spent[name] = cpu / events
    return spent


async def _floors(meetings: int) -> dict[str, float]:
    """Seconds of CPU that the bare driver takes for an event's statements."""
    floors = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        async with a_bank(folder) as bank:
            copies = [bank.meet(number) for number in range(meetings)]
            for name, (wave, _) in WAVES.items():
                hints, heard = wave(bank, copies), Heard()
                _copy(folder / "bench.sqlite", folder / "before.sqlite")
                with heard.listening():
                    events = hinted(bank, hints)
                    await bank.quiet()
                floors[name] = _replayed(heard, folder / "before.sqlite") / events
    return floors


def _copy(store: Path, to: Path) -> None:
    to.unlink(missing_ok=True)
    shutil.rmtree(to, ignore_errors=True)
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _replayed(heard: Heard, store: Path) -> float:
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(pragma)
        began = time.process_time()
        for start in range(0, len(heard.statements), GROUP):
            connection.execute("BEGIN IMMEDIATE")
            for statement, parameters, many in heard.statements[start : start + GROUP]:
                if many:
                    connection.executemany(statement, parameters)
                else:
                    connection.execute(statement, parameters).fetchall()
            connection.execute("COMMIT")
        return time.process_time() - began


async def _profiled(meetings: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with a_bank(Path(folder)) as bank:
            own = [bank.meet(number)[0] for number in range(meetings)]
            with cProfile.Profile() as profile:
                hinted(bank, own)
                await bank.quiet()
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    pstats.Stats(profile).sort_stats("cumtime").print_stats(70)


if __name__ == "__main__":  # where the loop's thread spends its time; the store's threads are not seen
    asyncio.run(_profiled(int(sys.argv[1]) if len(sys.argv) > 1 else MEETINGS))
