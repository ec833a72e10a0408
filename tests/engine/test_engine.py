"""The engine on a broker in memory, in virtual time."""

from __future__ import annotations

import pytest

from tests.engine.worlds import HINTS, MemoryWorld

pytestmark = pytest.mark.looptime


async def test_records_are_processed_and_committed():
    """What came in is processed in order and the group's offset follows."""
    world = MemoryWorld()
    for n in range(3):
        world.broker.append(HINTS, key=b"anna", value=b"%d" % n)
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 3)
    assert world.desk.values == [b"0", b"1", b"2"]
