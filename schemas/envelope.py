"""CloudEvents 1.0 over Kafka: what stands around an event's data.

Reads binary and structured mode, writes binary mode. Written out instead of taken from the SDK: the SDK keeps headers
in a dict, cannot take null values in them, and takes any `ce_` header for binary mode, although structured events may
carry copies. Here the content type decides first. Trace headers travel as they came; what the data mean is `events`'
business.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from schemas.instants import read_instant, write_instant
from schemas.problems import Malformed, MalformedKind, Problem, malformed

Headers = Iterable[tuple[str, bytes | None]]
JSON = "application/json"
SPECVERSION = "1.0"

_STRUCTURED = "application/cloudevents+json"
_CLOUDEVENTS = "application/cloudevents"
_PREFIX = "ce_"
_NEEDED = frozenset({"specversion", "id", "source", "type"})
_ATTRIBUTES = (*sorted(_NEEDED), "datacontenttype", "subject", "time", "traceparent", "tracestate")
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False)
_FRAME = 5  # the schema registry's wire format: a zero byte and a four-byte schema id before the JSON


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event with its context. `data` None: a null value, which on a compacted topic deletes the key."""

    id: str
    source: str
    type: str
    time: datetime | None = None
    subject: str | None = None
    data: Mapping[str, Any] | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    datacontenttype: str = JSON

    @property
    def is_delete(self) -> bool:
        """Whether the record's value was null."""
        return self.data is None


def read(headers: Headers, value: bytes | None, *, framed: bool = True) -> Envelope:
    """The event in a Kafka record. `framed`: a schema registry's prefix before the JSON is accepted.

    Raises `Malformed` (`undecodable` or `envelope`).
    """
    texts = _texts(headers)
    if value is None:
        return _envelope(_prefixed(texts), texts, data=None)
    bare = value[_FRAME:] if framed and value[:1] == b"\0" and len(value) > _FRAME else value
    media = _media(texts.get("content-type"))
    if media.startswith(_CLOUDEVENTS) and media != _STRUCTURED:
        raise malformed(MalformedKind.ENVELOPE, "content-type", f"must be {_STRUCTURED} or {JSON}")
    if media == _STRUCTURED or (not media and f"{_PREFIX}type" not in texts):
        return _structured(_object(bare, at="value"), texts)
    _must_be_json(media, at="content-type")
    attributes = {**_prefixed(texts), "datacontenttype": texts.get("content-type")}
    return _envelope(attributes, texts, data=_object(bare, at="data"))


def write(event: Envelope) -> tuple[list[tuple[str, bytes]], bytes | None]:
    """Headers and value of an event in binary mode."""
    attributes = {
        "ce_specversion": SPECVERSION,
        "ce_id": event.id,
        "ce_source": event.source,
        "ce_type": event.type,
        "ce_time": write_instant(event.time) if event.time else None,
        "ce_subject": event.subject,
        "content-type": event.datacontenttype,
        "traceparent": event.traceparent,
        "tracestate": event.tracestate,
    }
    headers = [(name, _bytes(text)) for name, text in attributes.items() if text is not None]
    return headers, None if event.data is None else dump(event.data)


def dump(data: Mapping[str, Any]) -> bytes:
    """Data as compact JSON."""
    return _bytes(_COMPACT.encode(data))


def load(value: bytes, *, at: str) -> Any:
    """The JSON value in `value`. Raises `Malformed` naming `at`."""
    try:
        return json.loads(value.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise malformed(MalformedKind.UNDECODABLE, at, "must be UTF-8") from None
    except RecursionError:
        raise malformed(MalformedKind.UNDECODABLE, at, "is nested too deeply") from None
    except ValueError:
        raise malformed(MalformedKind.UNDECODABLE, at, "must be JSON") from None


def read_structured(value: Mapping[str, Any]) -> Envelope:
    """The event in a structured-mode object. Raises `Malformed`."""
    return _structured(value, {})


def _structured(value: Mapping[str, Any], texts: Mapping[str, str]) -> Envelope:
    _must_be_json(_media(value.get("datacontenttype")), at="datacontenttype")
    return _envelope(value, texts, data=_structured_data(value))


def _structured_data(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if "data_base64" in value:
        return _object(_decoded(value["data_base64"]), at="data_base64")
    data = value.get("data")
    if "data" not in value:
        raise malformed(MalformedKind.ENVELOPE, "data", "is required")
    return _must_be_object(data, at="data")


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise malformed(MalformedKind.UNDECODABLE, "data_base64", "must be base64") from None


def _envelope(attributes: Mapping[str, Any], texts: Mapping[str, str], *, data: Mapping[str, Any] | None) -> Envelope:
    problems = tuple(_problems(attributes, needed=data is not None))
    if problems:
        raise Malformed(MalformedKind.ENVELOPE, problems)
    time = attributes.get("time")
    return Envelope(
        id=attributes.get("id") or "",
        source=attributes.get("source") or "",
        type=attributes.get("type") or "",
        time=read_instant(time) if time else None,
        subject=attributes.get("subject") or None,
        data=data,
        traceparent=texts.get("traceparent") or attributes.get("traceparent") or None,
        tracestate=texts.get("tracestate") or attributes.get("tracestate") or None,
        datacontenttype=attributes.get("datacontenttype") or JSON,
    )


def _problems(attributes: Mapping[str, Any], *, needed: bool) -> Iterator[Problem]:
    """All that is wrong with the attributes. Not `needed`: a null value is a delete even without a single header."""
    for name in _ATTRIBUTES:
        value = attributes.get(name)
        if value is not None and not isinstance(value, str):
            yield Problem(name, "must be text")
        elif needed and name in _NEEDED and not (value or "").strip():
            yield Problem(name, "is required and must not be blank")
        elif value and (rule := _broken_rule(name, value)):
            yield Problem(name, rule)


def _broken_rule(name: str, value: str) -> str | None:
    if name == "specversion" and value != SPECVERSION:
        return f"must be {SPECVERSION}"
    if name != "time":
        return None
    try:
        read_instant(value)
    except ValueError as error:
        return str(error)
    return None


def _texts(headers: Headers) -> dict[str, str]:
    """Headers as text; of a repeated one the last counts, a null one counts as absent."""
    texts: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if value is None or not _is_ours(key):
            continue
        try:
            texts[key] = value.decode("utf-8")
        except UnicodeDecodeError:
            raise malformed(MalformedKind.UNDECODABLE, key, "must be UTF-8") from None
    return texts


def _is_ours(name: str) -> bool:
    return name.startswith(_PREFIX) or name in {"content-type", "traceparent", "tracestate"}


def _prefixed(texts: Mapping[str, str]) -> dict[str, str | None]:
    return {name.removeprefix(_PREFIX): text for name, text in texts.items() if name.startswith(_PREFIX)}


def _media(content_type: Any) -> str:
    return content_type.partition(";")[0].strip().lower() if isinstance(content_type, str) else ""


def _must_be_json(media: str, *, at: str) -> None:
    if media and media != JSON and not media.endswith("+json"):
        raise malformed(MalformedKind.ENVELOPE, at, f"must be {JSON}")


def _object(value: bytes, *, at: str) -> Mapping[str, Any]:
    return _must_be_object(load(value, at=at), at=at)


def _must_be_object(value: Any, *, at: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise malformed(MalformedKind.ENVELOPE, at, "must be a JSON object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _bytes(text: str) -> bytes:
    # A broken surrogate has no UTF-8; one lost character is better than an event that cannot be sent.
    return text.encode("utf-8", "replace")


__all__ = ["JSON", "Envelope", "Headers", "Malformed", "dump", "load", "read", "read_structured", "write"]
