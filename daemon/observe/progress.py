"""Whether the daemon's loop makes progress: the one sign that liveness and the systemd watchdog go by.

Never whether a broker or Exchange can be reached: restarting a healthy process does not mend them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta


class Progress:
    """Watches a count that the engine raises at every turn of its loops, idle ones included."""

    def __init__(
        self, ticks: Callable[[], int], *, stuck_after: timedelta, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ticks = ticks
        self._stuck_after = stuck_after.total_seconds()
        self._clock = clock
        self._seen = ticks()
        self._since = clock()

    def stuck_for(self) -> timedelta | None:
        """How long nothing has moved, None while all is well."""
        now, ticks = self._clock(), self._ticks()
        if ticks != self._seen:
            self._seen, self._since = ticks, now
        quiet = now - self._since
        return timedelta(seconds=quiet) if quiet >= self._stuck_after else None
