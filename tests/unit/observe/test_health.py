"""The HTTP endpoint: what a supervisor and a scraper get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse

from daemon.observe import health
from daemon.observe.health import CannotListenError, Check, Health
from daemon.observe.metrics import Metrics
from daemon.observe.progress import Progress


class World:
    """A daemon seen from outside: its clock, the ticks of its loop, its checks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ticks = 0
        self.checks: dict[str, Check] = {"assigned": lambda: None, "directory": lambda: None}
        self.metrics = Metrics(topics=("crm.users",), version="1.2.3")
        self.progress = Progress(lambda: self.ticks, stuck_after=timedelta(seconds=60), clock=lambda: self.now)
        self.health = Health(self.metrics, progress=self.progress, checks=self.checks)
        self.port = 0

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{self.port}") as session,
            session.get(path, headers=headers) as answer,
        ):
            return answer.status, answer.headers["Content-Type"], await answer.text()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.port = await world.health.start("127.0.0.1", 0)
    yield world
    await world.health.stop()


async def test_a_daemon_whose_loop_turns_is_live(world: World) -> None:
    world.now, world.ticks = 1000.0, 1

    assert await world.get("/livez") == (
        200,
        "application/json; charset=utf-8",
        '{"status": "ok", "checks": {"progress": "ok"}}',
    )


async def test_a_daemon_whose_loop_stands_still_is_not_live_and_says_since_when(world: World) -> None:
    world.now = 61.0

    status, _, body = await world.get("/livez")

    assert status == 503
    assert "no progress for 61 s" in body


async def test_a_loop_that_turns_again_is_live_again(world: World) -> None:
    world.now = 61.0
    await world.get("/livez")
    world.ticks += 1

    assert (await world.get("/livez"))[0] == 200


async def test_liveness_does_not_depend_on_readiness(world: World) -> None:
    world.checks["exchange"] = lambda: "does not answer"

    assert (await world.get("/livez"))[0] == 200


async def test_a_check_that_fails_is_named_with_its_reason(world: World) -> None:
    world.checks["directory"] = lambda: "being read: crm.contacts"

    assert await world.get("/readyz") == (
        503,
        "application/json; charset=utf-8",
        '{"status": "failing", "checks": {"assigned": "ok", "directory": "being read: crm.contacts"}}',
    )


async def test_ready_when_every_check_passes(world: World) -> None:
    assert (await world.get("/readyz"))[0] == 200
    assert world.health.failing() == {}


async def test_metrics_are_scraped_with_zeros_that_can_be_seen(world: World) -> None:
    world.metrics.outcomes.labels("inbound", "applied").inc()

    status, content_type, body = await world.get("/metrics")

    samples = {(s.name, *sorted(s.labels.values())): s.value for family in parse(body) for s in family.samples}
    assert status == 200
    assert content_type.startswith("text/plain")
    assert samples["exsyncd_outcomes_total", "applied", "inbound"] == 1
    assert samples["exsyncd_outcomes_total", "failed", "outbound"] == 0
    assert samples["exsyncd_dead_letters_total", "decode"] == 0
    assert samples["exsyncd_records_consumed_total", "crm.users"] == 0
    assert samples["exsyncd_build_info", "1.2.3"] == 1


async def test_a_scraper_that_speaks_open_metrics_gets_it(world: World) -> None:
    _, content_type, body = await world.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert "exsyncd_outcomes" in {family.name for family in parse_open(body)}


async def test_another_path_is_not_found(world: World) -> None:
    assert (await world.get("/"))[0] == 404


async def test_an_address_that_is_taken_is_said_in_words(world: World) -> None:
    second = Health(Metrics(), progress=world.progress, checks={})

    with pytest.raises(CannotListenError, match=rf"cannot listen on 127\.0\.0\.1:{world.port}"):
        await second.start("127.0.0.1", world.port)


async def test_stopping_twice_is_harmless(world: World) -> None:
    await world.health.stop()
    await world.health.stop()


@pytest.mark.looptime
async def test_how_late_the_loop_wakes_up_is_measured() -> None:
    metrics = Metrics()
    gauge = metrics.loop_lag
    measuring = asyncio.create_task(health._measure_lag(gauge))
    await asyncio.sleep(0)
    looks: list[float] = []

    def block() -> None:
        """What a blocking call does to the loop's clock."""
        asyncio.get_running_loop().setup_looptime(start=5.0)  # type: ignore[attr-defined]

    asyncio.get_running_loop().call_later(0.5, block)
    await asyncio.sleep(1)
    looks.append(metrics.value("exsyncd_loop_lag_seconds"))
    await asyncio.sleep(2)
    looks.append(metrics.value("exsyncd_loop_lag_seconds"))
    measuring.cancel()

    assert looks == [pytest.approx(4.0), pytest.approx(0.0)]
