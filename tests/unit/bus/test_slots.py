"""Slots bound what is done at once; what only waits for its turn lends its own."""

from __future__ import annotations

import asyncio

import pytest

from daemon.bus import slots
from daemon.bus.slots import Slots

pytestmark = pytest.mark.looptime


async def test_a_lent_slot_is_somebody_elses_until_it_is_wanted_again() -> None:
    """With one slot: whoever waits lets another one work, and goes on when that one is done."""
    one, told = Slots(1).share(1), list[str]()
    turn = asyncio.Event()

    async def waits() -> None:
        async with slots.taken(one):
            told.append("waits")
            async with slots.lent():
                await turn.wait()
            told.append("goes on")

    async def works() -> None:
        async with slots.taken(one):
            told.append("works")
            turn.set()
            await asyncio.sleep(1)
            told.append("is done")

    await asyncio.gather(waits(), works())
    assert told == ["waits", "works", "is done", "goes on"]
    assert one.free == 1


async def test_never_more_work_at_once_than_there_are_slots() -> None:
    """However often they lend, and of both counts."""
    few = Slots(3)
    some, running, most = few.share(2), 0, 0

    async def work(number: int) -> None:
        nonlocal running, most
        async with slots.taken(some):
            for _ in range(number % 4):
                async with slots.lent():
                    await asyncio.sleep(number % 3)
                running += 1
                most = max(most, running)
                await asyncio.sleep(1)
                running -= 1

    await asyncio.gather(*map(work, range(30)))
    assert most == 2
    assert (some.free, few.free) == (2, 3)


@pytest.mark.parametrize("lent", [True, False])
async def test_who_is_cancelled_leaves_no_slot_behind(lent: bool) -> None:
    """While it was lent, or while it waits to have it back."""
    one = Slots(1).share(1)
    turn = asyncio.Event()

    async def waits() -> None:
        async with slots.taken(one), slots.lent():
            await turn.wait()

    task = asyncio.ensure_future(waits())
    await asyncio.sleep(1)
    async with slots.taken(one):
        if not lent:
            turn.set()
            await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
    assert one.free == 1


async def test_an_error_while_it_was_lent_is_told_and_leaves_no_slot_behind() -> None:
    one = Slots(1).share(1)
    with pytest.raises(ZeroDivisionError):
        async with slots.taken(one), slots.lent():
            raise ZeroDivisionError
    assert one.free == 1


async def test_without_a_slot_there_is_nothing_to_lend() -> None:
    """Parked work is tried again without one."""
    async with slots.lent():
        pass


async def test_a_slot_that_is_left_is_somebody_elses_for_good() -> None:
    """Whoever waits to be stored keeps nobody out, and goes on without a slot."""
    one, told = Slots(1).share(1), list[str]()
    stored = asyncio.Event()

    async def settles() -> None:
        async with slots.taken(one):
            slots.leave()
            await stored.wait()
            told.append("is stored")

    async def works() -> None:
        async with slots.taken(one):
            told.append("works")
            stored.set()
            await asyncio.sleep(1)
            told.append("is done")

    await asyncio.gather(settles(), works())
    assert told == ["works", "is stored", "is done"]
    assert one.free == 1


async def test_so_many_may_wait_to_be_stored_and_no_more() -> None:
    """What they are to store is in memory: the rest keep their slots, until one is stored."""
    two, stored, waiting = Slots(2).share(2), asyncio.Event(), 0

    async def settles() -> None:
        nonlocal waiting
        async with slots.taken(two):
            slots.leave()
            waiting += 1
            await stored.wait()

    tasks = [asyncio.ensure_future(settles()) for _ in range(20)]
    await asyncio.sleep(1)
    assert waiting == 4 * 2 + 2
    stored.set()
    await asyncio.gather(*tasks)
    assert (waiting, two.free, two.slots.free, two.slots.room) == (20, 2, 2, 8)


async def test_without_a_slot_there_is_nothing_to_leave() -> None:
    """Parked work is settled without one."""
    slots.leave()
