"""Attempts at one delivery, in its own lane: only that lane waits.

A transient failure is tried again with full jitter until the budget of time is spent, then the work is parked. An error
nobody foresaw gets a few attempts, then the record is a dead letter. Whoever takes the partition away meanwhile
interrupts the waiting, and the record stays unfinished.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from daemon.bus.dispositions import Dead, Disposition, Park, PermanentError, TransientError
from daemon.bus.limits import Limits
from daemon.bus.routes import Fenced

T = TypeVar("T")

RETRIES_EXHAUSTED = "retries_exhausted"
_FIRST_WAIT = 0.2  # seconds; doubles with every attempt


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a delivery ends, with the errors that led there (first and last attempt)."""

    disposition: Disposition
    error: BaseException | None = None
    first_error: BaseException | None = None


class Attempts:
    """The attempts at one delivery, counted in the event loop's time; what is parked waits by the clock `now`."""

    def __init__(
        self, limits: Limits, *, sleep: Callable[[float], Awaitable[None]], now: Callable[[], datetime]
    ) -> None:
        self._limits = limits
        self._sleep = sleep
        self._now = now
        self._started = asyncio.get_running_loop().time()
        self._unexpected = 0
        self._first: BaseException | None = None

    async def verdict(
        self, attempt: Callable[[], Awaitable[Disposition]], *, on_retry: Callable[[BaseException], None]
    ) -> Verdict:
        """Attempts until the delivery has an end. Raises only `Fenced`, and whatever `sleep` raises."""
        try:
            return Verdict(await attempt())
        except Fenced:
            raise
        except Exception as error:  # noqa: BLE001  # judged below, by the same rules as every other attempt's
            return await self._verdict_after(error, attempt, on_retry)

    async def _verdict_after(
        self,
        failure: Exception,
        attempt: Callable[[], Awaitable[Disposition]],
        on_retry: Callable[[BaseException], None],
    ) -> Verdict:
        """The retrying begins with the failure it is there for: nearly all deliveries never come here."""
        failures = [failure]

        async def another() -> Disposition:
            if failures:
                raise failures.pop()
            return await attempt()

        retrying = AsyncRetrying(
            sleep=self._sleep,
            retry=retry_if_exception(_worth_another),
            wait=self._wait,
            stop=self._enough,
            before_sleep=lambda state: on_retry(_error(state)),
            reraise=True,
        )
        try:
            return Verdict(await retrying(another))
        except TransientError as error:
            until = self._now() + max(self._limits.park_for, error.delay or timedelta())
            return Verdict(Park(until, RETRIES_EXHAUSTED), error, self._first)
        except PermanentError as error:
            return Verdict(Dead("permanent", str(error)), error, self._first or error)
        except (Fenced, Interrupted):
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not stop the partition
            return Verdict(Dead("unexpected", type(error).__name__), error, self._first or error)

    @cached_property
    def _jitter(self) -> wait_random_exponential:
        return wait_random_exponential(multiplier=_FIRST_WAIT, max=self._limits.retry_wait.total_seconds())

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        hint = error.delay if isinstance(error, TransientError) else None
        return max(self._jitter(state), hint.total_seconds() if hint else 0.0)

    def _enough(self, state: RetryCallState) -> bool:
        error = _error(state)
        self._first = self._first or error
        if not isinstance(error, TransientError):
            self._unexpected += 1
            return self._unexpected >= self._limits.unexpected_attempts
        hint = (error.delay or timedelta()).total_seconds()
        elapsed = asyncio.get_running_loop().time() - self._started
        return elapsed + max(state.upcoming_sleep, hint) > self._limits.retry_for.total_seconds()


async def insist(
    work: Callable[[], Awaitable[T]],
    *,
    limits: Limits,
    sleep: Callable[[float], Awaitable[None]],
    on_retry: Callable[[BaseException], None],
) -> T:
    """Tries until it works: what a record may not be left without. Ends early only by `Fenced` or through `sleep`."""
    retrying = AsyncRetrying(
        sleep=sleep,
        retry=retry_if_exception(_may_work_later),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=limits.retry_wait.total_seconds()),
        before_sleep=lambda state: on_retry(_error(state)),
        reraise=True,
    )
    return await retrying(work)


class Interrupted(Exception):
    """The partition is being given away: do not wait for another attempt."""


def _worth_another(error: BaseException) -> bool:
    return _may_work_later(error) and not isinstance(error, PermanentError)


def _may_work_later(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, Fenced | Interrupted)


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or AssertionError("asked for the error of an attempt that has none")
