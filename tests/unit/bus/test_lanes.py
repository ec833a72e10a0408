"""Lanes: one key at a time and in order, other keys beside it, whoever gives up."""

from __future__ import annotations

import asyncio

import pytest

from daemon.bus.lanes import Lanes

pytestmark = pytest.mark.looptime


class Work:
    """Work that notes when it starts, and ends when it is told to."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def named(self, name: str):
        self.gates[name] = asyncio.Event()

        async def work() -> str:
            self.started.append(name)
            await self.gates[name].wait()
            return name

        return work


async def turns() -> None:
    """Lets everything that can run do so."""
    await asyncio.sleep(0.01)


async def test_a_key_runs_one_at_a_time_in_order():
    """The second waits for the first, the third for the second."""
    lanes, work = Lanes(), Work()
    tasks = [asyncio.create_task(lanes.run("k", work.named(name))) for name in "abc"]
    await turns()
    assert work.started == ["a"]
    assert lanes.longest() == 2
    for name in "abc":
        work.gates[name].set()
    assert await asyncio.gather(*tasks) == ["a", "b", "c"]
    assert work.started == ["a", "b", "c"]


async def test_keys_run_beside_each_other():
    """A slow key keeps nobody else waiting."""
    lanes, work = Lanes(), Work()
    tasks = [asyncio.create_task(lanes.run(key, work.named(key))) for key in ("slow", "quick")]
    work.gates["quick"].set()
    assert await tasks[1] == "quick"
    work.gates["slow"].set()
    assert await tasks[0] == "slow"


async def test_a_lane_without_work_is_gone():
    """Memory does not grow with the number of keys ever seen."""
    lanes = Lanes()
    for key in range(100):
        await lanes.run(key, turns)
    assert len(lanes) == 0


async def test_failing_work_passes_the_turn_on():
    """An error is the caller's; the next in the lane runs."""
    lanes = Lanes()

    async def fail() -> None:
        raise LookupError

    failing = asyncio.create_task(lanes.run("k", fail))
    next_one = asyncio.create_task(lanes.run("k", turns))
    with pytest.raises(LookupError):
        await failing
    await next_one


@pytest.mark.parametrize("given_up", [0, 1, 2])
async def test_whoever_gives_up_leaves_the_order_of_the_others(given_up: int):
    """Cancelled while running, next in turn or further back: the others run, in order."""
    lanes, work = Lanes(), Work()
    tasks = [asyncio.create_task(lanes.run("k", work.named(name))) for name in "abcd"]
    await turns()
    tasks[given_up].cancel()
    for gate in work.gates.values():
        gate.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    rest = [name for n, name in enumerate("abcd") if n != given_up]
    assert [name for name in ended if isinstance(name, str)] == rest
    assert [name for name in work.started if name in rest] == rest
    assert len(lanes) == 0


async def test_a_turn_that_comes_with_the_cancellation_is_passed_on():
    """Given the turn and cancelled in the same moment: the lane does not stall."""
    lanes, work = Lanes(), Work()
    first, second, third = (asyncio.create_task(lanes.run("k", work.named(name))) for name in "abc")
    await turns()
    work.gates["a"].set()
    work.gates["c"].set()
    await first
    second.cancel()
    assert await third == "c"


async def test_all_waiting_are_cancelled_as_the_lane_empties():
    """What a rebalance does: everyone goes at once, in any order, and nothing is left."""
    lanes, work = Lanes(), Work()
    tasks = [asyncio.create_task(lanes.run("k", work.named(name))) for name in "abc"]
    await turns()
    work.gates["a"].set()
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(lanes) == 0
