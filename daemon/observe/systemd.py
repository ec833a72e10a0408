"""What systemd is told (Type=notify): ready, stopping, still making progress.

A datagram to the socket that systemd names in the environment; without one nothing is said, so the same code runs by
hand and in a container.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from daemon.observe.progress import Progress

log = structlog.get_logger(__name__)

START_EVERY = timedelta(seconds=20)
"""How often more time to start is asked for."""

UNREACHABLE = "systemd.unreachable"
STUCK = "progress.stuck"


@dataclass(frozen=True, slots=True)
class Notifier:
    """Speaks to systemd. `watchdog_every`: how often it wants to hear from us, None if it does not."""

    address: str | None = None
    watchdog_every: timedelta | None = None

    @classmethod
    def from_environment(cls, env: Mapping[str, str], *, pid: int | None = None) -> Notifier:
        """What NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID ask of the process `pid` (ours)."""
        limit = env.get("WATCHDOG_USEC", "")
        asked = env.get("WATCHDOG_PID", "") in ("", str(pid or os.getpid()))
        watched = asked and limit.isascii() and limit.isdigit() and int(limit) > 0
        every = timedelta(microseconds=int(limit)) / 2 if watched else None
        return cls(env.get("NOTIFY_SOCKET") or None, every)

    def ready(self, status: str) -> None:
        self._send("READY=1", f"STATUS={status}")

    def status(self, text: str) -> None:
        self._send(f"STATUS={text}")

    def stopping(self, *, within: timedelta) -> None:
        """Asks for the time that draining may take: systemd kills otherwise at the unit's own time-out."""
        self._send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={within // timedelta(microseconds=1)}")

    def starting(self, *, within: timedelta) -> None:
        """Asks for more time to start, for example while the directory is read."""
        self._send(f"EXTEND_TIMEOUT_USEC={within // timedelta(microseconds=1)}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    async def ready_after(self, started: Awaitable[None], *, progress: Progress, status: str) -> None:
        """Says ready when `started` is over; until then asks for more time, as long as there is progress.

        Reading a large directory may take longer than any time-out that a unit could state.
        """
        waiting = asyncio.ensure_future(started)
        try:
            while not waiting.done():
                if progress.stuck_for() is None:
                    self.starting(within=3 * START_EVERY)
                await asyncio.wait({waiting}, timeout=START_EVERY.total_seconds())
        finally:
            waiting.cancel()
        await waiting
        self.ready(status)

    async def keep_alive(self, progress: Progress) -> None:
        """Feeds the watchdog as long as there is progress; when there is none systemd restarts us."""
        if self.watchdog_every is None:
            return
        while True:
            stuck = progress.stuck_for()
            if stuck is None:
                self.alive()
            else:
                log.error(STUCK, seconds=round(stuck.total_seconds()))
            await asyncio.sleep(self.watchdog_every.total_seconds())

    def _send(self, *lines: str) -> None:
        if self.address is None:
            return
        # a leading @ stands for the zero byte of an abstract socket
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            log.warning(UNREACHABLE, error=error.strerror)
