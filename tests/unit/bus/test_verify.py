"""Topics are compared with the catalogue, and each finding says what to run."""

from __future__ import annotations

import pytest

from daemon.bus.memory import MemoryBroker
from daemon.bus.verify import verify
from schemas import catalogue
from tests.engine.worlds import Spec

WANTED = Spec("crm.users", partitions=2, cleanup="compact", max_bytes=1000)


async def problems(*there: Spec) -> list[str]:
    return [str(problem) for problem in await verify(MemoryBroker(there).admin(), [WANTED])]


async def test_a_topic_as_it_should_be_is_no_problem():
    """More partitions and room than asked for are none either."""
    assert await problems(WANTED) == []
    assert await problems(Spec("crm.users", partitions=9, cleanup="compact", max_bytes=5000)) == []


async def test_a_missing_topic_is_named_with_its_remedy():
    """It is never made on the way."""
    assert await problems() == ["crm.users: is missing. Run `exsyncd topics --create`."]


async def test_a_wrong_cleanup_policy_is_refused():
    """A directory that forgets by time, or hints that forget by key, would be wrong for ever."""
    (problem,) = await problems(Spec("crm.users", cleanup="delete"))
    assert "has cleanup.policy=delete, must have compact" in problem
    assert "--entity-name crm.users --add-config cleanup.policy=compact`" in problem


async def test_too_small_records_are_refused():
    """A dead letter must fit."""
    (problem,) = await problems(Spec("crm.users", cleanup="compact", max_bytes=999))
    assert "has max.message.bytes=999, must have at least 1000" in problem
    assert "--add-config max.message.bytes=1000`" in problem


async def test_a_topic_without_partitions_is_refused():
    """It is being deleted; whoever reads it reads nothing for ever."""
    (problem,) = await problems(Spec("crm.users", partitions=0, cleanup="compact"))
    assert "no partitions" in problem


@pytest.mark.parametrize("missing", ["crm.users", "sync.dead-letters"])
async def test_the_catalogue_is_made_and_verified(missing: str):
    """What `create` makes is what `verify` wants."""
    admin = MemoryBroker(spec for spec in catalogue.TOPICS.values() if spec.name != missing).admin()
    assert [problem.topic for problem in await verify(admin, catalogue.TOPICS.values())] == [missing]
    await admin.create(catalogue.TOPICS.values())
    assert await verify(admin, catalogue.TOPICS.values()) == []
