"""A daemon that is killed by SIGKILL at bad moments, and how much it had in hand then.

Bad moments are not hoped for: the process is frozen, its store is looked at by another process (this one), and it is
killed if the moment is one, else it goes on. So what is counted is what it left behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

import psycopg
from aiokafka import TopicPartition
from sqlalchemy import make_url

from tests.integration.stage import Member, Stage
from tests.support import stores

PATIENCE = 90.0
_LOCKED = 0.05
_TURN = 0.1
_SOONEST, _LATEST = 0.001, 0.008
_SPARED = 5
_CHANCE = SystemRandom()  # not the players': their day is the same whatever the moments are

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store says: how far every partition is settled, and what waits to be published, by `ce_id`."""

    positions: Mapping[Place, int]
    outbox: frozenset[str]
    generation: int

    def unfinished(self, ends: Mapping[TopicPartition, int]) -> int:
        """How many records of the daemon's topics are not settled."""
        return sum(max(0, end - self.positions.get(tuple(each), 0)) for each, end in ends.items())


@dataclass(frozen=True, slots=True)
class Kill:
    """What a killed daemon left: records not settled, rows it put into the outbox, those of them that no topic has."""

    unfinished: int
    outbox: int
    unpublished: int

    def __str__(self) -> str:
        return f"{self.unfinished} unfinished, {self.outbox} in the outbox, {self.unpublished} of them unpublished"


def look(url: str) -> Stored | None:
    """What is in a store, whoever works on it; None while he keeps even readers out."""
    try:
        with closing(_snapshot(url)) as reading:
            positions = reading.execute('SELECT topic, partition, "offset" FROM positions WHERE "offset" IS NOT NULL')
            settled = {(topic, partition): offset for topic, partition, offset in positions.fetchall()}
            rows = reading.execute("SELECT headers FROM outbox WHERE parked IS NULL").fetchall()
            generation = reading.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
            waiting = frozenset(dict(json.loads(headers))["ce_id"] for (headers,) in rows)
            return Stored(settled, waiting, int(generation[0]) if generation else 0)
    except sqlite3.OperationalError:
        return None


def _snapshot(url: str) -> Any:
    """A connection to which the store stands still."""
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        file = sqlite3.connect(f"file:{place.database}?mode=ro", uri=True, timeout=_LOCKED)
        file.execute("BEGIN")
        return file
    server = psycopg.connect(url)
    server.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return server


async def kill(stage: Stage, *, before_publishing: bool) -> Kill | None:
    """Kills the daemon while it works: at random, or when something is stored that is not published yet.

    None if it had finished before such a moment came: then it runs on.
    """
    (daemon,) = stage.members
    url = stores.url_of(stage.store)
    ends, begun = await stage.ends(), await _looked(url)
    spared = 0 if before_publishing else _CHANCE.randrange(_SPARED)
    async with asyncio.timeout(PATIENCE):
        while True:
            _freeze(daemon)
            found = look(url)
            if found is not None and _is_bad(found, ends, begun=begun, before_publishing=before_publishing):
                spared -= 1
            if found is not None and spared < 0:
                break
            daemon.process.send_signal(signal.SIGCONT)
            if found is not None and not found.unfinished(ends) and not found.outbox:
                return None
            await asyncio.sleep(_CHANCE.uniform(_SOONEST, _LATEST))
    daemon.process.kill()
    await daemon.process.wait()
    new = found.outbox - begun.outbox
    published = {each.id for each in await stage.said()} if new else set()
    return Kill(found.unfinished(ends), len(new), len(new - published))


async def _looked(url: str) -> Stored:
    async with asyncio.timeout(PATIENCE):
        while (found := look(url)) is None:  # noqa: ASYNC110  # a file is no event of ours
            await asyncio.sleep(_TURN)
    return found


async def finished(stage: Stage) -> None:
    """Returns when the daemon has settled and published everything by its own account, and nothing comes any more.

    What the group has committed says nothing of a daemon whose store was put back.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            await stage.quiet()
            found = look(stores.url_of(stage.store))
            if found is not None and not found.unfinished(await stage.ends()) and not found.outbox:
                return
            await asyncio.sleep(_TURN)


def _is_bad(found: Stored, ends: Mapping[TopicPartition, int], *, begun: Stored, before_publishing: bool) -> bool:
    """Whether it is at work: what was left by the one before, which was killed too, does not count."""
    is_new = bool(found.outbox - begun.outbox)
    if before_publishing:
        return is_new
    return found.unfinished(ends) > 0 and (is_new or found.positions != begun.positions)


def _freeze(daemon: Member) -> None:
    """Nothing of the process moves from here on."""
    daemon.process.send_signal(signal.SIGSTOP)
    os.waitpid(daemon.process.pid, os.WUNTRACED)
