"""Records put away in the store, to be processed or answered later: byte for byte as they came."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.bus.port import Record


def pack(records: Sequence[Record]) -> bytes:
    """The records as bytes."""
    return json.dumps([_as_data(record) for record in records]).encode()


def unpack(payload: bytes) -> tuple[Record, ...]:
    """The records that `pack` made these bytes of."""
    return tuple(_from_data(data) for data in json.loads(payload))


def _as_data(record: Record) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": [[name, _text(value)] for name, value in record.headers],
    }


def _from_data(data: Mapping[str, Any]) -> Record:
    return Record(
        topic=data["topic"],
        partition=data["partition"],
        offset=data["offset"],
        timestamp=data["timestamp"],
        key=_bytes(data["key"]),
        value=_bytes(data["value"]),
        headers=tuple((name, _bytes(value) or b"") for name, value in data["headers"]),
    )


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
