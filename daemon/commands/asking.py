"""`exsyncd request`: puts one of the `sync.requests` on the bus, and tells what the daemon answers.

Whoever may write to that topic may ask; the daemon's own settings lead to the bus. A request that nobody answers in
time is not taken back: a daemon that comes later carries it out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from daemon.bus.kafka import KafkaProducer, KafkaReader, KafkaSettings
from daemon.bus.port import Producer, Reader, Record, TopicPartition
from daemon.commands.reaching import briefly, the_bus
from daemon.commands.refusals import CannotGoOn
from schemas import catalogue, envelope, events
from schemas.envelope import Envelope
from schemas.outcomes import Result
from schemas.problems import Malformed, problems_of

RIGHTS = (
    f"Asking takes the right to WRITE to {catalogue.REQUESTS} and to READ {catalogue.OUTCOMES}; "
    "the first belongs to operators alone."
)
DONE = frozenset({Result.APPLIED.value, Result.UNCHANGED.value})
"""The results after which all is as it was asked for."""

_SOURCE = "exsyncd/request"
_POLL = timedelta(milliseconds=200)
_AT_ONCE = 500

Answer = Mapping[str, Any]
"""A `sync.outcome.v1`, as it came."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it goes on the bus."""

    event: Envelope
    key: str
    whom: str

    @property
    def verb(self) -> str:
        return self.event.type.split(".")[1]


def request(verb: str, *, user: str | None, link: str | None, by: str, dry_run: bool, **arguments: Any) -> Request:
    """What is asked for, in the contract's words; `arguments` are the request's own. Raises `CannotGoOn`."""
    kind = f"sync.{verb}.requested.v1"
    scope = {"level": "link" if link else "user" if user else "system", "id": link or user}
    data = {"scope": scope, "requested_by": by, "dry_run": dry_run} | arguments
    try:
        asked: Any = events.TYPES[kind].model_validate(data)
    except ValidationError as error:
        raise CannotGoOn(f"no request to {verb}", [str(each) for each in problems_of(error)], status=2) from error
    event = Envelope(id=uuid4().hex, source=_SOURCE, type=kind, time=datetime.now(UTC), data=data)
    return Request(event, asked.scope.key, link or user or "the system")


async def ask(kafka: KafkaSettings, asked: Request, *, patience: timedelta) -> list[Answer]:
    """Asks, and returns the answers, of which the last is final. Raises `CannotGoOn`."""
    with the_bus(kafka, rights=RIGHTS):
        producer, reader = KafkaProducer(briefly(kafka)), KafkaReader(briefly(kafka))
        return await exchanged(asked, producer, reader, patience=patience)


async def exchanged(asked: Request, producer: Producer, reader: Reader, *, patience: timedelta) -> list[Answer]:
    """Begins to listen before it asks, so that no answer is too early. Raises `BusError` or `CannotGoOn`."""
    await reader.start(catalogue.OUTCOMES)
    try:
        await _from_now_on(reader)
        await _put(asked, producer)
        found = []
        async for answer in _answers(asked, reader, patience=patience):
            found.append(answer)
            if answer["result"] != Result.HELD:
                return found
    finally:
        await reader.stop()
    raise _unanswered(asked, patience)


async def _from_now_on(reader: Reader) -> None:
    sources = [TopicPartition(catalogue.OUTCOMES, number) for number in reader.partitions(catalogue.OUTCOMES)]
    for source, end in (await reader.end_offsets(sources)).items():
        reader.seek(source, end)


async def _put(asked: Request, producer: Producer) -> None:
    headers, value = envelope.write(asked.event)
    await producer.start()
    try:
        await producer.send(catalogue.REQUESTS, key=asked.key.encode(), value=value, headers=tuple(headers))
    finally:
        await producer.stop()


async def _answers(asked: Request, reader: Reader, *, patience: timedelta) -> AsyncIterator[Answer]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.total_seconds()
    while loop.time() < deadline:
        for record in await reader.getmany(wait=_POLL, max_records=_AT_ONCE):
            outcome = _outcome(record)
            if outcome is not None and _is_caused_by(outcome, asked):
                yield outcome


def _outcome(record: Record) -> Answer | None:
    try:
        return envelope.read(record.headers, record.value).data
    except Malformed:
        return None


def _is_caused_by(outcome: Answer, asked: Request) -> bool:
    cause = outcome.get("cause") or {}
    return (cause.get("topic"), cause.get("id")) == (catalogue.REQUESTS, asked.event.id)


def _unanswered(asked: Request, patience: timedelta) -> CannotGoOn:
    return CannotGoOn(
        f"no daemon answered within {patience.total_seconds():g} s",
        [f"The request ({asked.event.id}) is on {catalogue.REQUESTS}: a daemon that comes later carries it out."],
        [
            "Check that a daemon runs, and is ready (/readyz): it answers only when it has read the directory.",
            "Check that it reads the same topics (kafka.topic_prefix).",
            "Wait longer: --timeout SECONDS.",
        ],
    )


def told(asked: Request, answer: Answer) -> Iterable[str]:
    """An answer for a person, line by line."""
    reason = f" ({answer['reason']})" if answer.get("reason") else ""
    yield f"{answer['result']}{reason}: {_sentence(asked, answer)}"
    for each in answer.get("explain", ()):
        because = f", {each['because']}" if each.get("because") else ""
        yield f"    {each['rule']}  {each['about']}: {each['decision']}{because}"


def _sentence(asked: Request, answer: Answer) -> str:
    whom, result = asked.whom, answer["result"]
    if asked.event.data and asked.event.data["dry_run"] and result in DONE:
        return f"nothing was done for {whom}, as asked; see below" if answer.get("explain") else f"{whom} is so already"
    match asked.verb, result:
        case "pause", "applied":
            return f"{whom} is paused; what happens from now on waits until it is resumed"
        case "pause", "unchanged":
            return f"{whom} was paused already"
        case "resume", "applied":
            return f"{whom} is resumed; what has waited takes effect now"
        case "resume", "unchanged":
            return f"{whom} was not paused"
        case _, "skipped" if answer.get("reason") == "not_yet":
            return f"this version does not {asked.verb} yet"
    return f"{asked.verb} for {whom}"
