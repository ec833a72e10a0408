"""Killed at any moment, the store has all that was acknowledged, and nothing by half."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter

import pytest
from sqlalchemy import Connection, select

from daemon.store import outbox, positions, tables
from daemon.store.store import Store
from tests.unit.store.victim import TOPIC


async def killed_after(url: str, acknowledgements: int) -> set[str]:
    """What a process had acknowledged that was killed in the middle of its work."""
    command = (sys.executable, "-m", "tests.unit.store.victim", url)
    victim = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert victim.stdout is not None
    acknowledged = [await victim.stdout.readline() for _ in range(acknowledgements)]
    victim.kill()
    rest = await victim.stdout.read()
    assert await victim.wait() == -signal.SIGKILL, "it went on until it was killed"
    # The last line may be cut short by the kill.
    whole = [*acknowledged, *(line for line in rest.splitlines(keepends=True) if line.endswith(b"\n"))]
    return {line.decode().strip() for line in whole}


def stored(tx: Connection) -> dict[str, set[str]]:
    """The names of all that is stored, table by table."""
    return {
        "links": set(tx.execute(select(tables.links.c.id)).scalars()),
        "replicas": set(tx.execute(select(tables.replicas.c.link_id)).scalars()),
        "outbox": {row.key.decode() for row in outbox.waiting(tx, 10**9)},
    }


@pytest.mark.parametrize("acknowledgements", [1, 300, 1111])
async def test_what_was_acknowledged_outlives_sigkill(url: str, acknowledgements: int) -> None:
    """Every acknowledged link is there, each with its copy, its record in the outbox and its position."""
    acknowledged = await killed_after(url, acknowledgements)

    store = await Store.open(url)
    found = await store.read(stored)
    settled = await store.read(positions.known)
    await store.close()

    assert acknowledged <= found["links"]
    assert found["links"] == found["replicas"] == found["outbox"]
    per_lane = Counter(int(name.partition("-")[0]) for name in found["links"])
    assert settled == {(TOPIC, worker): done for worker, done in per_lane.items()}
