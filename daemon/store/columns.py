"""Column types: our values in, our values out, the same on every database."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text, TypeDecorator

from daemon.store import codec
from handlers.task_links import TaskContent
from schemas.delegates import Rights
from schemas.items import ScheduleItem
from schemas.tasks import Task

_JSON = json.JSONEncoder(separators=(",", ":"))
_PARSE = json.JSONDecoder().raw_decode

SERIAL = BigInteger().with_variant(Integer, "sqlite")
"""Numbers the database gives out; SQLite counts only in a column that is called INTEGER."""


class Instant(TypeDecorator[datetime]):
    """An aware instant. SQLite keeps no zone, so that all are stored, and come back, in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must be aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        instant: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return instant.astimezone(UTC)


class Texts(TypeDecorator[tuple[str, ...]]):
    """Some texts in their order: ids, addresses."""

    impl = Text
    cache_ok = True

    # Most columns of the directory are of this type: converted without the calls between, as Text itself does nothing.

    def bind_processor(self, dialect: Dialect) -> Callable[[tuple[str, ...] | None], str | None]:
        return _array

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any | None], tuple[str, ...] | None]:
        return _texts


@lru_cache(maxsize=4096)
def _texts(array: str | None) -> tuple[str, ...] | None:
    """The same few nodes, groups and teams are in most rows."""
    return None if array is None else tuple(_PARSE(array)[0])


def _array(texts: tuple[str, ...] | None) -> str | None:
    """As JSON. Python's encoder takes twenty times as long to find out that these are texts."""
    if not texts:
        return None if texts is None else "[]"
    return f"[{','.join(map(encode_basestring_ascii, texts))}]"


def _pair(name: str, value: str) -> str:
    return f"[{encode_basestring_ascii(name)},{encode_basestring_ascii(value)}]"


class Headers(TypeDecorator[tuple[tuple[str, bytes], ...]]):
    """A record's headers: any bytes, in their order, names repeated or not."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[tuple[str, bytes], ...] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return f"[{','.join([_pair(name, raw.decode('latin-1')) for name, raw in value])}]"

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[tuple[str, bytes], ...] | None:
        return None if value is None else tuple((name, text.encode("latin-1")) for name, text in json.loads(value))


class Flags(TypeDecorator[dict[str, bool]]):
    """Options that are set, by key."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: dict[str, bool] | None, dialect: Dialect) -> str | None:
        return None if value is None else _JSON.encode(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> dict[str, bool] | None:
        return None if value is None else dict(json.loads(value))


class Item(TypeDecorator[ScheduleItem]):
    """A schedule item."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: ScheduleItem | None, dialect: Dialect) -> str | None:
        return None if value is None else codec.dump(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> ScheduleItem | None:
        return None if value is None else codec.load(value)


class _Kept(TypeDecorator[Any]):
    """Something of one kind, as the codec keeps it."""

    impl = Text
    cache_ok = True
    kind: type[Any]

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        return None if value is None else codec.dump(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:
        return None if value is None else codec.load(value, self.kind)


class OneTask(_Kept):
    """A task."""

    cache_ok = True
    kind = Task


class Content(_Kept):
    """What a copy holds of a task."""

    cache_ok = True
    kind = TaskContent


class DelegateRights(_Kept):
    """What a delegate may do in somebody's mailbox."""

    cache_ok = True
    kind = Rights
