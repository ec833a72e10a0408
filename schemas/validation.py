"""Checks a producer's event before it is on the bus: what `exsyncd schema --validate` tells.

Takes what a producer has at hand: a structured CloudEvent, its type and data alone, or a whole record. Reads it as the
daemon would, but goes on after the first mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from schemas import catalogue, envelope, events
from schemas.envelope import Envelope
from schemas.problems import Malformed, Problem, problems_of

SHAPES = (
    "must be a structured CloudEvent, an object with type and data, or a record with topic, headers and value "
    "(and key, if it is to be checked)"
)


def validate(content: bytes) -> list[Problem]:
    """All that the daemon would refuse in this file; empty: it is a good event."""
    try:
        candidate = envelope.load(content, at="file")
    except Malformed as error:
        return list(error.problems)
    if not isinstance(candidate, dict):
        return [Problem("file", SHAPES)]
    return list(dict.fromkeys(_findings(candidate)))


def ignored(content: bytes) -> list[Problem]:
    """Fields that nobody reads: no mistake by the contract, but often a misspelled one."""
    try:
        candidate = envelope.load(content, at="file")
    except Malformed:
        return []
    event_type, data = _essence(candidate) if isinstance(candidate, dict) else (None, None)
    model = events.TYPES.get(event_type) if isinstance(event_type, str) else None
    if model is None:
        return []
    try:
        model.model_validate(data, extra="forbid")
    except ValidationError as error:
        unread = {_path(detail["loc"]) for detail in error.errors() if detail["type"] == "extra_forbidden"}
        return [problem for problem in problems_of(error) if problem.field in unread]
    return []


def _findings(candidate: dict[str, Any]) -> Iterator[Problem]:
    if "topic" in candidate:
        yield from _record(candidate)
    elif "specversion" in candidate or "data_base64" in candidate or {"id", "source", "type"} <= candidate.keys():
        yield from _structured(candidate)
    elif {"type", "data"} <= candidate.keys():
        yield from _payload(candidate["type"], candidate["data"])
    else:
        yield Problem("file", SHAPES)


def _record(candidate: dict[str, Any]) -> Iterator[Problem]:
    topic, key = candidate["topic"], candidate.get("key")
    if not isinstance(topic, str) or topic not in catalogue.TOPICS:
        yield Problem("topic", f"must be one of {', '.join(catalogue.TOPICS)}")
        return
    if key is not None and not isinstance(key, str):
        yield Problem("key", "must be text")
        key = None
    headers, value = _headers(candidate.get("headers")), candidate.get("value")
    if headers is None:
        yield Problem("headers", "must be an object of texts, or a list of pairs of them")
        return
    if not isinstance(value, str | dict | None):
        yield Problem("value", "must be an object, text or null")
        return
    yield from _size(topic, value)
    try:
        event = envelope.read(headers, _value(value))
    except Malformed as error:
        yield from error.problems
        return
    yield from _parsed(topic, event, key=key)


def _structured(candidate: dict[str, Any]) -> Iterator[Problem]:
    try:
        event = envelope.read_structured(candidate)
    except Malformed as error:
        yield from error.problems
        if isinstance(candidate.get("type"), str) and isinstance(candidate.get("data"), dict):
            yield from _payload(candidate["type"], candidate["data"])
        return
    yield from _payload(event.type, event.data)


def _payload(event_type: Any, data: Any) -> Iterator[Problem]:
    if not isinstance(event_type, str):
        yield Problem("type", "must be text")
    elif not isinstance(data, Mapping):
        yield Problem("data", "must be a JSON object")
    elif topics := catalogue.topics_of(event_type):
        yield from _size(topics[0], data)
        yield from _parsed(topics[0], Envelope(id="?", source="?", type=event_type, data=data))
    else:
        yield Problem("type", f"must be one of {', '.join(events.TYPES)}")


def _parsed(topic: str, event: Envelope, *, key: str | None = None) -> Iterator[Problem]:
    try:
        events.parse(topic, event, key=None if key is None else key.encode("utf-8", "replace"))
    except Malformed as error:
        yield from error.problems


def _size(topic: str, value: Any) -> Iterator[Problem]:
    most = catalogue.topic(topic).max_bytes
    if isinstance(value, str | dict) and len(_value(value) or b"") > most:
        yield Problem("value", f"must be at most {most} bytes")


def _value(value: Any) -> bytes | None:
    if value is None:
        return None
    return value.encode("utf-8", "replace") if isinstance(value, str) else envelope.dump(value)


def _headers(headers: Any) -> list[tuple[str, bytes | None]] | None:
    """Name and bytes of each; None if that is not what they are."""
    pairs = list(headers.items()) if isinstance(headers, dict) else headers or []
    if not isinstance(pairs, list) or not all(map(_is_header, pairs)):
        return None
    return [(name, _value(text)) for name, text in pairs]


def _is_header(pair: Any) -> bool:
    return (
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and isinstance(pair[1], str | None)
    )


def _essence(candidate: dict[str, Any]) -> tuple[Any, Any]:
    headers = candidate.get("headers")
    event_type = headers.get("ce_type") if isinstance(headers, dict) else None
    return (event_type, candidate.get("value")) if event_type else (candidate.get("type"), candidate.get("data"))


def _path(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc))
