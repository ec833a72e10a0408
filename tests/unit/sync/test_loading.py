"""The loader: lanes of one mailbox share calls, and nobody waits for an answer that does not come."""

from __future__ import annotations

import asyncio
import gc
from datetime import timedelta

import pytest

from daemon.exchange.port import Busy, Gone
from daemon.sync.loading import Loader
from schemas.copies import Copy
from tests.support.instant import InstantExchange

ANNA, BOB = "anna@bank.example", "bob@bank.example"


def holding(*item_ids: str, mailbox: str = ANNA) -> InstantExchange:
    """An Exchange in which these items lie."""
    exchange = InstantExchange()
    for item_id in item_ids:
        exchange.put(Copy(mailbox, item_id, uid=f"uid-{item_id}"))
    return exchange


async def test_lanes_that_wait_together_share_one_call() -> None:
    """Ten items of a mailbox, asked for at once, are one call, and each gets its own."""
    wanted = [f"item-{n}" for n in range(10)]
    exchange = holding(*wanted)
    loader = Loader(exchange)
    answers = await asyncio.gather(*(loader.get(ANNA, item_id) for item_id in wanted))
    assert [call.asked for call in exchange.calls] == [tuple(wanted)]
    assert [answer.item_id for answer in answers] == wanted


async def test_no_call_asks_for_more_than_exchange_serves_well() -> None:
    """Twenty-five items are three calls of at most ten."""
    wanted = [f"item-{n}" for n in range(25)]
    exchange = holding(*wanted)
    loader = Loader(exchange, at_once=10)
    await asyncio.gather(*(loader.get(ANNA, item_id) for item_id in wanted))
    assert [len(call.asked) for call in exchange.calls] == [10, 10, 5]


async def test_who_comes_during_a_call_is_gathered_for_the_next() -> None:
    """A mailbox is never read twice at the same time, and what is asked for meanwhile is read after it was."""
    exchange = holding("one", "two", "three")
    exchange.hold = asyncio.Event()
    loader = Loader(exchange)
    first = asyncio.create_task(loader.get(ANNA, "one"))
    await exchange.called.wait()
    later = [asyncio.create_task(loader.get(ANNA, item_id)) for item_id in ("two", "one", "three")]
    for _ in range(5):
        await asyncio.sleep(0)
    assert [call.asked for call in exchange.calls] == [("one",)], "nobody is read beside a call that is under way"
    exchange.hold.set()
    await asyncio.gather(first, *later)
    assert [call.asked for call in exchange.calls] == [("one",), ("two", "one", "three")]


async def test_the_same_item_is_asked_for_once() -> None:
    """Two lanes that want one item get the same answer."""
    exchange = holding("one")
    loader = Loader(exchange)
    one, other = await asyncio.gather(loader.get(ANNA, "one"), loader.get(ANNA, "one"))
    assert one is other
    assert [call.asked for call in exchange.calls] == [("one",)]


async def test_mailboxes_do_not_wait_for_each_other() -> None:
    """Each has its own call."""
    exchange = holding("one")
    exchange.put(Copy(BOB, "one"))
    loader = Loader(exchange)
    answers = await asyncio.gather(loader.get(ANNA, "one"), loader.get(BOB, "one"))
    assert [answer.mailbox for answer in answers if isinstance(answer, Copy)] == [ANNA, BOB]
    assert sorted(call.mailbox for call in exchange.calls) == [ANNA, BOB]


async def test_an_item_that_is_gone_is_its_own_answer_alone() -> None:
    """The others of the call are there."""
    loader = Loader(holding("one"))
    one, gone = await asyncio.gather(loader.get(ANNA, "one"), loader.get(ANNA, "two"))
    assert isinstance(one, Copy)
    assert gone == Gone("two")


async def test_an_error_reaches_everybody_who_waits_for_the_call_and_nobody_else() -> None:
    """Both lanes hear that the mailbox is busy; who asks afterwards gets the item."""
    exchange = holding("one", "two")
    exchange.failures.append(Busy(ANNA, "ErrorServerBusy", back_off=timedelta(seconds=30)))
    loader = Loader(exchange)
    heard = await asyncio.gather(loader.get(ANNA, "one"), loader.get(ANNA, "two"), return_exceptions=True)
    assert [type(each) for each in heard] == [Busy, Busy]
    assert isinstance(await loader.get(ANNA, "one"), Copy)


async def test_a_lane_that_is_cancelled_leaves_the_others_their_answer() -> None:
    """One of two who wait is cancelled by a rebalance; the other gets the item, from the same call."""
    exchange = holding("one")
    exchange.hold = asyncio.Event()
    loader = Loader(exchange)
    leaves, stays = (asyncio.create_task(loader.get(ANNA, "one")) for _ in range(2))
    await exchange.called.wait()
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    exchange.hold.set()
    assert isinstance(await stays, Copy)
    assert exchange.count("get") == 1


async def test_an_error_that_nobody_waits_for_any_more_is_no_unheard_one() -> None:
    """The only lane was cancelled when the call fails: nothing is reported, and the mailbox can be read again."""
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unheard.append(context))
    exchange = holding("one")
    exchange.hold = asyncio.Event()
    exchange.failures.append(Busy(ANNA, "ErrorServerBusy", back_off=timedelta(seconds=30)))
    loader = Loader(exchange)
    only = asyncio.create_task(loader.get(ANNA, "one"))
    await exchange.called.wait()
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    exchange.hold.set()
    assert isinstance(await loader.get(ANNA, "two"), Gone)
    gc.collect()  # what nobody has heard of is reported when it is thrown away
    assert unheard == []
