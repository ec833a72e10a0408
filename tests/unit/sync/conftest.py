"""A desk: settler, publisher, a real store in a folder of its own, and a broker in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.bus.port import TopicPartition
from daemon.store.store import Store
from schemas import catalogue
from tests.unit.sync.parts import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk that owns the first partition of every topic that is read."""
    store = await Store.open(f"sqlite:///{tmp_path}/store.sqlite")
    desk = Desk(store)
    await desk.own(*(TopicPartition(topic.name, 0) for topic in catalogue.TOPICS.values()))
    yield desk
    await store.close()
