"""The broker in memory behaves as the port says."""

from __future__ import annotations

import pytest

from daemon.bus.memory import MemoryBroker, MemoryConsumer
from tests.engine.behaviour import SPECS, Behaviour

pytestmark = pytest.mark.looptime


class MemoryBus(MemoryBroker):
    async def expel(self, consumer: MemoryConsumer) -> None:
        super().expel(consumer)
        await self.group("behaviour").settled()


class TestMemory(Behaviour):
    @pytest.fixture
    async def bus(self) -> MemoryBus:
        return MemoryBus(SPECS)
