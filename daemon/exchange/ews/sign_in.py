"""Keeps a wrong password from locking the service account.

Directories lock an account after a handful of refused sign-ins, and a daemon makes hundreds of calls at once. So until
the first answer only one call is made at a time, and after a refusal none at all for a while: at most four in any half
hour. A server that is merely overloaded also answers 401 now and then; for that the first pause is short.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from daemon.exchange.ews.failures import Failure

PAUSES = (timedelta(minutes=1), timedelta(minutes=4), timedelta(minutes=15))
"""After the first, the second and every later refusal in a row."""

WAITED_TOO_LONG = "WaitedForSignIn"


@dataclass(slots=True)
class SignIn:
    """Whether the service account's sign-in is known to work. `patience`: how long to wait for whoever tries first."""

    patience: timedelta
    clock: Callable[[], float] = monotonic
    _is_proven: bool = False
    _refusal: str = ""
    _refusals: int = 0
    _paused_until: float = 0.0
    _first: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The right to make a call. Raises Failure while sign-ins are paused, or if the first call takes too long."""
        self._refuse_paused()
        async with AsyncExitStack() as held:
            if not self._is_proven:
                await self._wait()
                held.callback(self._first.release)
                self._refuse_paused()
            if self._is_proven:
                await held.aclose()
            yield

    def proven(self) -> None:
        """The server answered as Exchange does to somebody it knows."""
        self._is_proven, self._refusals = True, 0

    def refused(self, code: str) -> None:
        """The server refused the account itself."""
        if self._paused_until > self.clock():
            return
        pause = PAUSES[min(self._refusals, len(PAUSES) - 1)]
        self._is_proven, self._refusal = False, code
        self._refusals += 1
        self._paused_until = self.clock() + pause.total_seconds()

    def _refuse_paused(self) -> None:
        if self._paused_until > self.clock():
            raise Failure(self._refusal)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                await self._first.acquire()
        except TimeoutError:
            raise Failure(WAITED_TOO_LONG) from None
