"""`exsyncd request`: what goes on the bus, whose answer is waited for, and what a person is told."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from daemon.bus.memory import MemoryBroker
from daemon.commands.asking import Request, exchanged, request, told
from daemon.commands.refusals import CannotGoOn
from schemas import catalogue, envelope, events

pytestmark = pytest.mark.looptime

TEN_SECONDS = timedelta(seconds=10)


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(catalogue.TOPICS.values())


def pausing(user: str | None = "u-anna", **about: Any) -> Request:
    known: dict[str, Any] = {"user": user, "link": None, "by": "u-admin", "dry_run": False}
    return request("pause", **(known | about))


def answer(broker: MemoryBroker, asked: str, *, result: str = "applied", topic: str = catalogue.REQUESTS) -> None:
    """What a daemon says of a request, or of something else."""
    outcome = {"result": result, "reason": None, "explain": [], "cause": {"id": asked, "topic": topic}}
    headers, value = envelope.write(envelope.Envelope(id="o", source="d", type="sync.outcome.v1", data=outcome))
    broker.append(catalogue.OUTCOMES, key=b"system", value=value, headers=tuple(headers))


async def asked(broker: MemoryBroker, what: Request) -> list[Any]:
    """The answers to a request."""
    return await exchanged(what, broker.producer(), broker.reader(), patience=TEN_SECONDS)


async def until_asked(broker: MemoryBroker) -> None:
    while not broker.records(catalogue.REQUESTS):  # noqa: ASYNC110  # the broker tells nobody
        await asyncio.sleep(0.01)


async def test_a_request_is_an_event_as_the_contract_has_it(broker: MemoryBroker) -> None:
    """The daemon reads it, under the key of its scope."""
    what = pausing()
    run = asyncio.ensure_future(asked(broker, what))
    await until_asked(broker)
    [record] = broker.records(catalogue.REQUESTS)
    read = events.parse(record.topic, envelope.read(record.headers, record.value), key=record.key)
    assert record.key == b"user:u-anna"
    assert isinstance(read, events.PauseRequested)
    assert (read.scope.id, read.requested_by, read.dry_run) == ("u-anna", "u-admin", False)
    answer(broker, what.event.id)
    assert [each["result"] for each in await run] == ["applied"]


async def test_only_the_answer_to_this_request_counts(broker: MemoryBroker) -> None:
    """Not what was said before, not what is said of others, not one of the same id elsewhere, nor what is none."""
    what = pausing()
    answer(broker, what.event.id, result="refused")
    run = asyncio.ensure_future(asked(broker, what))
    await until_asked(broker)
    broker.append(catalogue.OUTCOMES, key=b"x", value=b"{")
    answer(broker, "another", result="failed")
    answer(broker, what.event.id, result="failed", topic=catalogue.NOTIFICATIONS)
    answer(broker, what.event.id, result="unchanged")
    assert [each["result"] for each in await run] == ["unchanged"]


async def test_what_is_held_is_followed_to_its_end(broker: MemoryBroker) -> None:
    what = pausing()
    run = asyncio.ensure_future(asked(broker, what))
    await until_asked(broker)
    answer(broker, what.event.id, result="held")
    await asyncio.sleep(1)
    answer(broker, what.event.id)
    assert [each["result"] for each in await run] == ["held", "applied"]


async def test_nobody_who_answers_is_said_with_what_to_do(broker: MemoryBroker) -> None:
    """The request stays where it is: whoever asks must know that it may still be carried out."""
    with pytest.raises(CannotGoOn) as refusal:
        await asked(broker, pausing())
    said = str(refusal.value)
    assert refusal.value.status == 1
    assert "no daemon answered within 10 s" in said
    assert "carries it out" in said
    assert "--timeout" in said
    assert len(broker.records(catalogue.REQUESTS)) == 1


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("release", {}),
        ("rematch", {"contact": "c-7"}),
        ("snapshot", {"mode": "get", "items": "singles", "range": {"on": "start", "from": "2026-12-01T00:00:00Z"}}),
    ],
)
def test_every_request_of_the_contract_can_be_made(verb: str, arguments: dict[str, Any]) -> None:
    made = request(verb, user=None, link="9f0c", by="u-admin", dry_run=True, **arguments)
    assert (made.key, made.event.type) == ("9f0c", f"sync.{verb}.requested.v1")
    assert made.event.data is not None
    assert made.event.data["scope"] == {"level": "link", "id": "9f0c"}
    assert json.dumps(made.event.data)


def test_what_breaks_the_contract_is_refused_by_field_and_rule() -> None:
    with pytest.raises(CannotGoOn) as refusal:
        request("snapshot", user=None, link=None, by="u-admin", dry_run=False, mode="push")
    assert refusal.value.status == 2
    assert "mode" in str(refusal.value)


@pytest.mark.parametrize(
    ("what", "result", "said"),
    [
        (pausing(), "applied", "applied: u-anna is paused; what happens from now on waits until it is resumed"),
        (pausing(None), "unchanged", "unchanged: the system was paused already"),
        (
            request("resume", user=None, link=None, by="a", dry_run=False),
            "unchanged",
            "unchanged: the system was not paused",
        ),
    ],
)
def test_a_person_is_told_what_it_means(what: Request, result: str, said: str) -> None:
    assert list(told(what, {"result": result, "reason": None})) == [said]


def test_a_person_is_told_why_not() -> None:
    """Rule, about whom, and what helps."""
    entry = {"rule": "OPS-1", "about": "u-anna", "decision": "refused", "because": "unknown user"}
    lines = list(told(pausing(), {"result": "refused", "reason": "unknown_mailbox", "explain": [entry]}))
    assert lines == ["refused (unknown_mailbox): pause for u-anna", "    OPS-1  u-anna: refused, unknown user"]


def test_a_dry_run_is_told_as_one() -> None:
    entry = {"rule": "OPS-1", "about": "u-anna", "decision": "kept", "because": "dry_run: would be applied"}
    lines = list(told(pausing(dry_run=True), {"result": "unchanged", "reason": None, "explain": [entry]}))
    assert lines[0] == "unchanged: nothing was done for u-anna, as asked; see below"
