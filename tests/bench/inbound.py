"""What the main path costs: from a hint on the bus to a command on the bus. Prints figures; asserts nothing.

    python -m tests.bench.inbound [MEETINGS] [--profile]

CPU is of the whole process, all threads. The goals are those of a busy bank: 1.5 ms a hint, and 0.02 calls to Exchange
a hint when everybody edits at once.
"""

from __future__ import annotations

import asyncio
import cProfile
import logging
import pstats
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from schemas.copies import Copy
from tests.bench.bank import Bank, a_bank, hinted

GOAL_CPU = 1.5
GOAL_CALLS = 0.02
BURST_ITEMS = 20
BURST_HINTS = 10
_ONE_BY_ONE = 200


@contextmanager
def costing(name: str, events: Callable[[], int], bank: Bank) -> Iterator[None]:
    """Says what the block cost an event."""
    calls, commands = len(bank.exchange.calls), bank.told()
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    cpu, wall, count = time.process_time() - cpu, time.perf_counter() - wall, events()
    _say(
        f"{name:<34} {cpu / count * 1000:>6.2f} ms CPU a hint  {count / wall:>7,.0f} hints/s  "
        f"{(bank.told() - commands) / count:>5.2f} commands  {(len(bank.exchange.calls) - calls) / count:>5.2f} calls\n"
    )


async def cpu(folder: Path, *, meetings: int) -> None:
    """CPU a hint: of new meetings, of changed ones, of everybody's copy, of what is known already."""
    async with a_bank(folder) as bank:
        copies = [bank.meet(number) for number in range(meetings)]
        own = [each[0] for each in copies]
        with costing("new, organizer's hint", lambda: meetings, bank):
            hinted(bank, own)
            await bank.quiet()
        changed = [bank.exchange.put(replace(copy, subject=f"{copy.subject} moved", location="Room 5")) for copy in own]
        with costing("changed, organizer's hint", lambda: meetings, bank):
            hinted(bank, changed)
            await bank.quiet()
        with costing("echo, organizer's hint", lambda: meetings, bank):
            hinted(bank, changed)
            await bank.quiet()
        others = [copy for each in copies for copy in each[1:]]
        with costing("attendee's hint, first", lambda: len(others), bank):
            hinted(bank, others)
            await bank.quiet()
        with costing("attendee's hint, echo", lambda: len(others), bank):
            hinted(bank, others)
            await bank.quiet()


async def latency(folder: Path) -> None:
    """From one hint to its command, nothing else going on, `hints.settle` 0."""
    async with a_bank(folder) as bank:
        took = sorted([await _one(bank, bank.meet(number)[0]) for number in range(_ONE_BY_ONE)])
    middle, last = took[len(took) // 2], took[int(len(took) * 0.99)]
    _say(f"one hint to its command, idle      {middle * 1000:>6.1f} ms median, {last * 1000:.1f} ms p99\n")


async def burst(folder: Path) -> None:
    """Ten hints an item, over twenty items of one mailbox, `hints.settle` 1 s."""
    async with a_bank(folder, settle="1s") as bank:
        own = [bank.meet(number, organizer=0)[0] for number in range(BURST_ITEMS)]
        hints = sum(hinted(bank, own) for _ in range(BURST_HINTS))
        await bank.quiet()
        calls = len(bank.exchange.calls)
    _say(
        f"burst of {BURST_HINTS} hints an item, {BURST_ITEMS} items {calls / hints:>6.3f} calls a hint "
        f"({calls} calls, {hints} hints); goal {GOAL_CALLS}\n"
    )


async def _one(bank: Bank, copy: Copy) -> float:
    before, began = bank.told(), time.perf_counter()
    bank.hint(copy)
    while bank.told() == before:  # noqa: ASYNC110  # what would tell of it would cost time itself
        await asyncio.sleep(0)
    return time.perf_counter() - began


async def main(meetings: int) -> None:
    """All figures."""
    yardstick()
    for number, work in enumerate[Callable[[Path], Awaitable[None]]]((_cpu_of(meetings), latency, burst)):
        with tempfile.TemporaryDirectory(prefix=f"bench-{number}-") as folder:
            await work(Path(folder))
    _say(f"goal: {GOAL_CPU} ms CPU a hint\n")


def yardstick() -> None:
    """What a fixed piece of pure Python costs here and now, for comparing figures of different machines and hours."""
    took = []
    for _ in range(20):
        began = time.process_time()
        sum(len(str(number)) for number in range(100_000))
        took.append(time.process_time() - began)
    _say(f"yardstick: {min(took) * 1000:.1f} ms CPU at best, {sorted(took)[10] * 1000:.1f} ms median\n")


def _cpu_of(meetings: int) -> Callable[[Path], Awaitable[None]]:
    return lambda folder: cpu(folder, meetings=meetings)


async def profiled(meetings: int) -> None:
    """Where the loop's thread spends its time; the store's threads are not seen."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with a_bank(Path(folder)) as bank:
            own = [bank.meet(number)[0] for number in range(meetings)]
            with cProfile.Profile() as profile:
                hinted(bank, own)
                await bank.quiet()
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    pstats.Stats(profile).sort_stats("cumtime").print_stats(70)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    wanted = int(next((each for each in sys.argv[1:] if each.isdigit()), "1000"))
    asyncio.run(profiled(wanted) if "--profile" in sys.argv else main(wanted))
