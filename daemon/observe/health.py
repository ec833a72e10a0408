"""The HTTP endpoint for supervisors and scrapers: /livez, /readyz, /metrics.

Live means: our loop makes progress. Ready means: every named check passes (partitions assigned, directory read, ...).
A failing answer is a 503 whose body names the check and why, without content. While it serves it also measures how late
the event loop wakes up: the first sign of somebody blocking it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

from aiohttp import web
from prometheus_client import Gauge

from daemon.observe.metrics import Metrics
from daemon.observe.progress import Progress

LOOP_LAG_EVERY = timedelta(seconds=1)

Check = Callable[[], str | None]
"""None when all is well, else what is not, in a few words."""


class CannotListenError(Exception):
    """The address to listen on cannot be had."""


class Health:
    """The HTTP server. `checks` are looked at anew at every request."""

    def __init__(self, metrics: Metrics, *, progress: Progress, checks: Mapping[str, Check]) -> None:
        self._metrics = metrics
        self._live: Mapping[str, Check] = {"progress": lambda: _stuck(progress)}
        self._ready = checks
        self._runner: web.AppRunner | None = None
        self._measuring: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens, and tells the port (of use when it was 0). CannotListenError if the address is taken."""
        app = web.Application()
        app.router.add_get("/livez", self._answer_live)
        app.router.add_get("/readyz", self._answer_ready)
        app.router.add_get("/metrics", self._answer_metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            raise CannotListenError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        self._measuring = asyncio.create_task(_measure_lag(self._metrics.loop_lag))
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stops listening; may be called at any time."""
        if self._measuring is not None:
            self._measuring.cancel()
            self._measuring = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def failing(self) -> dict[str, str]:
        """The readiness checks that do not pass, and why."""
        return _failing(self._ready)

    async def _answer_live(self, _request: web.Request) -> web.Response:
        return _verdict(self._live)

    async def _answer_ready(self, _request: web.Request) -> web.Response:
        return _verdict(self._ready)

    async def _answer_metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._metrics.exposition(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})


async def _measure_lag(gauge: Gauge) -> None:
    loop, every = asyncio.get_running_loop(), LOOP_LAG_EVERY.total_seconds()
    while True:
        due = loop.time() + every
        await asyncio.sleep(every)
        gauge.set(max(0.0, loop.time() - due))


def _stuck(progress: Progress) -> str | None:
    stuck = progress.stuck_for()
    return None if stuck is None else f"no progress for {stuck.total_seconds():.0f} s"


def _failing(checks: Mapping[str, Check]) -> dict[str, str]:
    answers = {name: check() for name, check in checks.items()}
    return {name: answer for name, answer in answers.items() if answer is not None}


def _verdict(checks: Mapping[str, Check]) -> web.Response:
    failing = _failing(checks)
    body = {"status": "failing" if failing else "ok", "checks": {name: failing.get(name, "ok") for name in checks}}
    return web.json_response(body, status=503 if failing else 200)
