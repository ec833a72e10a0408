"""How many calls at once, and when none."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from daemon.exchange import port
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.ews.limits import LONGEST_ASKED, Limits

ANNA, BEN = "anna@bank.example", "ben@bank.example"
MINUTE = timedelta(minutes=1)


@dataclass
class Clock:
    """Monotonic seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, time: timedelta) -> None:
        self.now += time.total_seconds()


@dataclass
class Works:
    """Work that stays in its threads until released, and knows how much of it was ever there at once."""

    release: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    now: int = 0
    most: int = 0
    threads: set[str] = field(default_factory=set)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    async def arrived(self, count: int) -> None:
        """Wait until that many more threads are at work."""
        for _ in range(count):
            assert await asyncio.to_thread(self.entered.acquire, timeout=30), "the work was not started"

    def __call__(self) -> str:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.threads.add(threading.current_thread().name.rpartition("_")[0])
        self.entered.release()
        assert self.release.wait(30), "nobody released the work"
        with self.lock:
            self.now -= 1
        return "done"


def limits(clock: Clock | None = None, chance: float = 1.0, **config: object) -> Limits:
    return Limits(EwsConfig("https://x", **config), clock=clock or Clock(), chance=lambda: chance)


async def everything_that_can(*tasks: asyncio.Task[str]) -> None:
    """Let every task that needs no released thread get as far as it can."""
    for _ in range(20 * len(tasks)):
        await asyncio.sleep(0)


async def busy(limited: Limits, mailbox: str) -> port.Busy:
    with pytest.raises(port.Busy) as refused:
        await limited.run(mailbox, lambda: pytest.fail("was called during its pause"))
    return refused.value


@pytest.mark.scenario("S23b")
@pytest.mark.parametrize(("is_read", "expected"), [(True, 1), (False, 4)])
async def test_s23b_a_mailbox_has_one_read_and_four_calls_at_once(is_read: bool, expected: int) -> None:
    limited, works = limits(), Works()
    tasks = [asyncio.create_task(limited.run(ANNA, works, is_read=is_read)) for _ in range(10)]
    await works.arrived(expected)
    await everything_that_can(*tasks)
    works.release.set()
    assert await asyncio.gather(*tasks) == ["done"] * 10
    assert works.most == expected
    await limited.close()


@pytest.mark.scenario("S23b")
async def test_s23b_all_mailboxes_together_have_as_many_calls_as_threads() -> None:
    limited, works = limits(threads=3), Works()
    tasks = [asyncio.create_task(limited.run(f"m{i}@x", works)) for i in range(50)]
    await works.arrived(3)
    await everything_that_can(*tasks)
    works.release.set()
    await asyncio.gather(*tasks)
    assert works.most == 3
    await limited.close()


async def test_slow_mailboxes_have_threads_of_their_own_and_do_not_stop_the_others() -> None:
    clock = Clock()
    limited = limits(clock, threads=1, slow_threads=1)
    await limited.run(ANNA, lambda: clock.pass_(timedelta(seconds=3)))
    works = Works()
    slow = asyncio.create_task(limited.run(ANNA, works))
    await works.arrived(1)
    assert await limited.run(BEN, lambda: "answered") == "answered"
    works.release.set()
    await slow
    assert works.threads == {"ews-slow"}
    await limited.close()


@pytest.mark.scenario("S23a")
async def test_s23a_a_mailbox_is_not_called_before_its_pause_ends() -> None:
    """Busy is raised at once with what is left; other mailboxes go on; then it is called again."""
    clock = Clock()
    limited = limits(clock)
    assert limited.pause(ANNA, 5 * MINUTE) == 5 * MINUTE
    clock.pass_(2 * MINUTE)
    assert (await busy(limited, ANNA)).back_off == 3 * MINUTE
    assert limited.pauses() == {ANNA: 3 * MINUTE}
    assert await limited.run(BEN, lambda: "answered") == "answered"
    clock.pass_(3 * MINUTE)
    assert await limited.run(ANNA, lambda: "answered") == "answered"
    assert limited.pauses() == {}
    await limited.close()


@pytest.mark.scenario("S23a")
async def test_s23a_calls_that_waited_for_their_turn_are_refused_too() -> None:
    """What was queued behind the call that the server refused is not sent."""
    limited, works = limits(), Works()
    first = asyncio.create_task(limited.run(ANNA, works))
    await works.arrived(1)
    waiting = asyncio.create_task(limited.run(ANNA, lambda: pytest.fail("was called during its pause")))
    await everything_that_can(waiting)
    limited.pause(ANNA, MINUTE)
    works.release.set()
    assert await first == "done"
    with pytest.raises(port.Busy):
        await waiting
    await limited.close()


@pytest.mark.scenario("S23d")
@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_s23d_without_a_hint_pauses_double_with_jitter_up_to_a_bound(chance: float, share: float) -> None:
    clock = Clock()
    limited = limits(clock, chance)
    pauses = []
    for _ in range(12):
        pauses.append(limited.pause(ANNA).total_seconds())
        clock.pass_(timedelta(hours=1))
    assert pauses == pytest.approx([share * min(300, 2**i) for i in range(12)])


@pytest.mark.scenario("S23d")
def test_s23d_after_an_answer_the_next_failure_is_a_first_one() -> None:
    clock = Clock()
    limited = limits(clock)
    for _ in range(5):
        limited.pause(ANNA)
        clock.pass_(timedelta(hours=1))
    limited.succeeded(ANNA)
    assert limited.pause(ANNA) == timedelta(seconds=1)


def test_a_pause_is_never_shortened_and_a_senseless_one_is_bounded() -> None:
    limited = limits()
    limited.pause(ANNA, MINUTE)
    assert limited.pause(ANNA, timedelta(seconds=1)) == MINUTE
    assert limited.pause(BEN, timedelta(days=11)) == LONGEST_ASKED


async def test_a_cancelled_caller_gives_its_turn_back_when_the_thread_is_done() -> None:
    """A thread cannot be cancelled, so the limit would be exceeded if the turn came back before."""
    limited, works = limits(), Works()
    cancelled = asyncio.create_task(limited.run(ANNA, works))
    await works.arrived(1)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    next_one = asyncio.create_task(limited.run(ANNA, works))
    await everything_that_can(next_one)
    assert works.now == 1
    works.release.set()
    assert await next_one == "done"
    assert works.most == 1
    await limited.close()


async def test_a_cancelled_waiter_never_calls() -> None:
    limited, works = limits(), Works()
    first = asyncio.create_task(limited.run(ANNA, works))
    waiting = asyncio.create_task(limited.run(ANNA, lambda: pytest.fail("was called though nobody waits")))
    await everything_that_can(waiting)
    waiting.cancel()
    works.release.set()
    assert await first == "done"
    assert await limited.run(ANNA, lambda: "next") == "next"
    await limited.close()


async def test_nothing_is_remembered_of_mailboxes_that_are_well() -> None:
    limited = limits()
    for i in range(100):
        await limited.run(f"m{i}@x", lambda: None)
    assert limited._mailboxes == {}
    await limited.close()


async def test_closing_waits_for_what_is_under_way() -> None:
    limited, works = limits(), Works()
    call = asyncio.create_task(limited.run(ANNA, works))
    await works.arrived(1)
    closing = asyncio.create_task(limited.close())
    await everything_that_can(closing)
    assert not closing.done()
    works.release.set()
    await closing
    assert await call == "done"


# Two mailboxes at once


@pytest.mark.scenario("S23b")
async def test_s23b_a_call_about_two_mailboxes_takes_a_turn_of_both() -> None:
    limited, works = limits(), Works()
    by_ben = [asyncio.create_task(limited.run(BEN, works, is_read=False, beside=ANNA)) for _ in range(3)]
    await works.arrived(3)
    annas = [asyncio.create_task(limited.run(ANNA, works, is_read=False)) for _ in range(3)]
    bens = [asyncio.create_task(limited.run(BEN, works, is_read=False)) for _ in range(3)]
    await works.arrived(2)
    await everything_that_can(*annas, *bens)
    assert works.now == 5
    works.release.set()
    assert await asyncio.gather(*by_ben, *annas, *bens) == ["done"] * 9
    await limited.close()


async def test_two_who_act_for_one_another_never_wait_for_one_another() -> None:
    limited = limits(calls_per_mailbox=1)
    calls = [limited.run(one, lambda: "done", beside=other) for one, other in [(ANNA, BEN), (BEN, ANNA)] * 20]
    assert await asyncio.wait_for(asyncio.gather(*calls), 30) == ["done"] * 40
    await limited.close()


@pytest.mark.scenario("S23a")
async def test_s23a_of_two_paused_mailboxes_the_longer_pause_counts() -> None:
    limited = limits()
    limited.pause(ANNA, MINUTE)
    limited.pause(BEN, 2 * MINUTE)
    with pytest.raises(port.Busy) as refused:
        await limited.run(ANNA, lambda: pytest.fail("was called during its pause"), beside=BEN)
    assert (refused.value.mailbox, refused.value.back_off) == (BEN, 2 * MINUTE)
    await limited.close()
