"""How many calls at once, and when not at all (S22d, S23a, S23b, S23d).

Limits are taken in the event loop before a thread is: a call waits for its mailbox's turn, then for a thread. Mailboxes
whose last call was slow have threads of their own, so that a few of them cannot stop all others. A mailbox that the
server wants left alone is not called before its pause ends; who asks meanwhile is told at once how long that is.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import TypeVar

from daemon.exchange import port
from daemon.exchange.ews.config import EwsConfig

T = TypeVar("T")

PAUSED = "MailboxPaused"
LONGEST_ASKED = timedelta(hours=1)
"""A server that asks for more is more likely wrong than that busy; it can ask again."""


@dataclass(slots=True)
class _Mailbox:
    reads: asyncio.Semaphore
    calls: asyncio.Semaphore
    users: int = 0
    failures: int = 0
    paused_until: float = 0.0
    is_slow: bool = False


@dataclass(frozen=True, slots=True)
class _Lane:
    """Some threads and the turns to use them."""

    threads: Executor
    turns: asyncio.Semaphore


@dataclass(slots=True)
class Limits:
    """The turns of all mailboxes at one endpoint. `clock` is monotonic seconds, `chance` gives numbers in [0, 1)."""

    config: EwsConfig
    clock: Callable[[], float] = monotonic
    chance: Callable[[], float] = random.random
    _mailboxes: dict[str, _Mailbox] = field(default_factory=dict)
    _running: set[asyncio.Task[object]] = field(default_factory=set)
    _fast: _Lane = field(init=False)
    _slow: _Lane = field(init=False)

    def __post_init__(self) -> None:
        self._fast = _lane("ews", self.config.threads)
        self._slow = _lane("ews-slow", self.config.slow_threads)

    async def run(self, mailbox: str, work: Callable[[], T], *, is_read: bool = True, beside: str | None = None) -> T:
        """What `work` returns, run in a thread within all limits, which are also those of a mailbox `beside` that is
        concerned as much. Raises Busy while either is paused.

        A thread cannot be cancelled: if the caller is, its turns are given back when the thread is done.
        """
        # in one order for all: of two who act for one another neither waits for the other
        states = {each: self._entered(each) for each in sorted({mailbox} if beside is None else {mailbox, beside})}
        async with AsyncExitStack() as turns:
            for each, state in states.items():
                turns.callback(self._left, each, state)
            self._refuse_paused(states)
            for state in states.values():
                if is_read:
                    await turns.enter_async_context(state.reads)
                await turns.enter_async_context(state.calls)
            lane = self._slow if any(state.is_slow for state in states.values()) else self._fast
            await turns.enter_async_context(lane.turns)
            self._refuse_paused(states)
            task = asyncio.create_task(self._in_thread(lane, states.values(), work, turns.pop_all()))
        self._running.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def pause(self, mailbox: str, asked: timedelta | None = None) -> timedelta:
        """Leave a mailbox alone: as long as the server asked, else longer with every failure in a row, jittered."""
        state = self._mailboxes.setdefault(mailbox, self._new_mailbox())
        state.failures += 1
        pause = min(asked, LONGEST_ASKED) if asked else self._guess(state.failures)
        state.paused_until = max(state.paused_until, self.clock() + pause.total_seconds())
        return timedelta(seconds=state.paused_until - self.clock())

    def succeeded(self, mailbox: str) -> None:
        """The mailbox answered: the next failure is a first one again."""
        state = self._mailboxes.get(mailbox)
        if state is not None:
            state.failures = 0

    def pauses(self) -> Mapping[str, timedelta]:
        """What is left of every mailbox's pause."""
        now = self.clock()
        return {
            mailbox: timedelta(seconds=state.paused_until - now)
            for mailbox, state in self._mailboxes.items()
            if state.paused_until > now
        }

    async def close(self) -> None:
        """Wait for the calls under way, each of which is bounded in time, and let the threads go."""
        if self._running:
            await asyncio.wait(self._running)
        for lane in (self._fast, self._slow):
            lane.threads.shutdown(wait=False)

    async def _in_thread(
        self, lane: _Lane, states: Iterable[_Mailbox], work: Callable[[], T], turns: AsyncExitStack
    ) -> T:
        started = self.clock()
        async with turns:
            try:
                return await asyncio.get_running_loop().run_in_executor(lane.threads, work)
            finally:
                is_slow = self.clock() - started > self.config.slow_after.total_seconds()
                for state in states:
                    state.is_slow = is_slow

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even if whoever asked has gone

    def _refuse_paused(self, states: Mapping[str, _Mailbox]) -> None:
        mailbox, state = max(states.items(), key=lambda each: each[1].paused_until)
        left = state.paused_until - self.clock()
        if left > 0:
            raise port.Busy(mailbox, PAUSED, back_off=timedelta(seconds=left))

    def _guess(self, failures: int) -> timedelta:
        first, longest = self.config.back_off_first, self.config.back_off_longest
        whole: timedelta = min(longest, first * (1 << min(failures - 1, 16)))
        return whole * (0.5 + self.chance() / 2)

    def _new_mailbox(self) -> _Mailbox:
        return _Mailbox(reads=asyncio.Semaphore(1), calls=asyncio.Semaphore(self.config.calls_per_mailbox))

    def _entered(self, mailbox: str) -> _Mailbox:
        state = self._mailboxes.get(mailbox) or self._mailboxes.setdefault(mailbox, self._new_mailbox())
        state.users += 1
        return state

    def _left(self, mailbox: str, state: _Mailbox) -> None:
        """Forget a mailbox that nobody uses and of which nothing need be remembered."""
        state.users -= 1
        is_plain = not state.users and not state.failures and not state.is_slow
        if is_plain and state.paused_until <= self.clock():
            self._mailboxes.pop(mailbox, None)


def _lane(name: str, threads: int) -> _Lane:
    return _Lane(ThreadPoolExecutor(threads, thread_name_prefix=name), asyncio.Semaphore(threads))
