"""Compares the broker's topics with the catalogue. Nothing is ever made or changed on the way: each finding says what
to run instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from daemon.bus.port import Admin, TopicSpec, TopicState


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a topic, and what to do, in one sentence each."""

    topic: str
    text: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.text}"


async def verify(admin: Admin, specs: Iterable[TopicSpec]) -> list[Problem]:
    """Everything that would make the daemon read or write wrongly; an empty list is good."""
    topics = await admin.topics()
    return [problem for spec in specs for problem in _problems(spec, topics.get(spec.name))]


def _problems(spec: TopicSpec, state: TopicState | None) -> Iterator[Problem]:
    if state is None:
        yield Problem(spec.name, "is missing. Run `exsyncd topics --create`.")
        return
    if state.partitions == 0:
        yield Problem(
            spec.name, "has no partitions: is it being deleted? Run `exsyncd topics --create` when it is gone."
        )
        return
    if state.cleanup != spec.cleanup:
        found = f"has cleanup.policy={state.cleanup}, must have {spec.cleanup}"
        yield Problem(spec.name, f"{found}. {_remedy(state, f'cleanup.policy={spec.cleanup}')}")
    if state.max_bytes < spec.max_bytes:
        found = f"has max.message.bytes={state.max_bytes}, must have at least {spec.max_bytes}"
        yield Problem(spec.name, f"{found}. {_remedy(state, f'max.message.bytes={spec.max_bytes}')}")


def _remedy(state: TopicState, config: str) -> str:
    topic = f"--entity-type topics --entity-name {state.full_name}"
    return f"Run `kafka-configs.sh --bootstrap-server HOST:PORT --alter {topic} --add-config {config}`."
