"""One decision about a link at a time, whichever daemon makes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from daemon.bus import slots
from daemon.bus.slots import Slots
from daemon.store import outbox
from daemon.store.store import Store
from daemon.sync.turns import Turns
from tests.unit.sync.parts import Desk

LINK = "l-1"


@pytest.fixture
async def stores(postgres_url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two daemons' stores on one database."""
    mine, yours = await Store.open(postgres_url), await Store.open(postgres_url)
    yield mine, yours
    await mine.close()
    await yours.close()


async def add(store: Store, topic: str) -> int:
    """Something that a daemon still has to publish of the link."""
    return await store.write(lambda tx: outbox.add(tx, topic=topic, key=LINK.encode(), value=b"{}", owner=store.owner))


async def test_daemons_take_turns_at_a_link(stores: tuple[Store, Store]) -> None:
    """Never two at once, and all come to theirs."""
    inside, most, done = 0, 0, 0

    async def decide(turns: Turns) -> None:
        nonlocal inside, most, done
        async with turns.turn(LINK):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1
            done += 1

    mine, yours = map(Turns, stores)
    await asyncio.gather(*(decide(turns) for turns in (mine, yours) * 10))

    assert (most, done) == (1, 20)


async def test_different_links_do_not_wait_for_each_other(stores: tuple[Store, Store]) -> None:
    """A turn is a link's."""
    mine, yours = map(Turns, stores)
    async with mine.turn(LINK), yours.turn("l-2"):
        assert not await stores[0].claim("l-2")


async def test_what_another_daemon_has_to_say_of_the_link_goes_out_first(stores: tuple[Store, Store]) -> None:
    """While it lives, it is waited for."""
    mine, yours = stores
    number = await add(yours, "sync.crm-commands")
    entered = asyncio.Event()

    async def decide() -> bool:
        async with Turns(mine).turn(LINK):
            entered.set()
            return await mine.others_have(LINK.encode())

    deciding = asyncio.create_task(decide())
    while await yours.claim(LINK):  # not yet claimed by the one who waits
        yours.release(LINK)
    assert not entered.is_set()
    await yours.write(lambda tx: outbox.remove(tx, [number]))

    assert await deciding is False


async def test_what_a_dead_daemon_had_to_say_is_ours_to_say_before(stores: tuple[Store, Store]) -> None:
    """And in front of what the decision adds."""
    mine, yours = stores
    await add(yours, "theirs")
    await yours.close()

    async with Turns(mine).turn(LINK):
        await add(mine, "ours")

    waiting = await mine.read(lambda tx: outbox.waiting(tx, 10, owner=mine.owner))
    assert [row.topic for row in waiting] == ["theirs", "ours"]


async def test_whoever_is_cancelled_while_he_waits_leaves_nothing_claimed(stores: tuple[Store, Store]) -> None:
    """A partition that is given away takes no link with it."""
    mine, yours = stores
    async with Turns(yours).turn(LINK):
        waiting = asyncio.create_task(Turns(mine).turn(LINK).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    claimed = await mine.claim("something else"), await yours.claim(LINK)  # claims are made in order
    assert claimed == (True, True)


async def test_who_waits_for_his_turn_lends_his_slot(desk: Desk) -> None:
    """With one slot: while a slow decision is made on a link, others that want it do not keep out the rest."""
    turns, one, told = Turns(desk.store), Slots(1).share(1), list[str]()
    other_done = asyncio.Event()

    async def decide(name: str, link: str) -> None:
        async with slots.taken(one), turns.turn(link):
            told.append(name)
            other_done.set()

    async with turns.turn(LINK):  # by parked work, which has no slot
        waiting = asyncio.ensure_future(decide("waits", LINK))
        await asyncio.sleep(0)
        rest = asyncio.ensure_future(decide("goes on", "l-2"))
        await asyncio.wait_for(other_done.wait(), 30)
        assert told == ["goes on"]
    await asyncio.gather(waiting, rest)
    assert told == ["goes on", "waits"]
