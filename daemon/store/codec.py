"""Schedule items and tasks as JSON text, for the columns that hold them.

Coders are made once per dataclass from its annotations, so that a field added to the item is stored without a change
here; a field that an older row does not have gets its default. Instants are kept in UTC, civil dates as dates; in JSON
they differ by their form alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints, overload

from schemas.items import ScheduleItem

_JSON = json.JSONEncoder(separators=(",", ":"))

Coder = Callable[[Any], Any]


Kept = TypeVar("Kept")

_REMEMBERED = 16
"""How many items and texts are: both sides of a link mostly hold the same item. Few, for one may hold a megabyte."""


@lru_cache(_REMEMBERED)
def dump(item: Hashable) -> str:
    """The item as JSON text. Raises ValueError for an instant without a zone."""
    kind: Any = type(item)
    return _JSON.encode(_encoder(kind)(item))


@overload
def load(text: str) -> ScheduleItem: ...


@overload
def load(text: str, kind: type[Kept]) -> Kept: ...


def load(text: str, kind: Any = ScheduleItem) -> Any:
    """The item, or whatever other kind it was, that `dump` made this text of."""
    return _loaded(text, kind)


@lru_cache(_REMEMBERED)
def _loaded(text: str, kind: Any) -> Any:
    return _decoder(kind)(json.loads(text))


@cache
def _encoder(hint: Any) -> Coder:
    if is_dataclass(hint):
        return _object_encoder(hint)
    if _is_moment(hint):
        return _moment_text
    if get_origin(hint) in (Union, UnionType):
        return _optional(_encoder(_some(hint)))
    if get_origin(hint) is tuple:
        return _tuple_encoder(get_args(hint))
    return _as_is


@cache
def _decoder(hint: Any) -> Coder:
    if is_dataclass(hint):
        return _object_decoder(hint)
    if _is_moment(hint):
        return _moment
    if get_origin(hint) in (Union, UnionType):
        return _optional(_decoder(_some(hint)))
    if get_origin(hint) is tuple:
        return _tuple_decoder(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    return _as_is


def _object_encoder(kind: Any) -> Coder:
    hints = get_type_hints(kind)
    coders = tuple((f.name, _encoder(hints[f.name])) for f in fields(kind))
    return lambda value: {name: encode(getattr(value, name)) for name, encode in coders}


def _object_decoder(kind: Any) -> Coder:
    hints = get_type_hints(kind)
    coders = tuple((f.name, _decoder(hints[f.name])) for f in fields(kind))
    required = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}

    def decode(data: dict[str, Any]) -> Any:
        known = {name: read(data[name]) for name, read in coders if name in data or name in required}
        return kind(**known)

    return decode


def _tuple_encoder(parts: tuple[Any, ...]) -> Coder:
    if parts[-1] is Ellipsis:
        one = _encoder(parts[0])
        return lambda values: [one(value) for value in values]
    coders = tuple(_encoder(part) for part in parts)
    return lambda values: [encode(value) for encode, value in zip(coders, values, strict=True)]


def _tuple_decoder(parts: tuple[Any, ...]) -> Coder:
    if parts[-1] is Ellipsis:
        one = _decoder(parts[0])
        return lambda values: tuple(one(value) for value in values)
    coders = tuple(_decoder(part) for part in parts)
    return lambda values: tuple(decode(value) for decode, value in zip(coders, values, strict=True))


def _optional(code: Coder) -> Coder:
    return lambda value: None if value is None else code(value)


def _some(hint: Any) -> Any:
    """What an optional annotation holds when it holds something."""
    return Union[tuple(part for part in get_args(hint) if part is not NoneType)]  # noqa: UP007 -- made at run time


def _is_moment(hint: Any) -> bool:
    parts = set(get_args(hint)) if get_origin(hint) in (Union, UnionType) else {hint}
    return parts <= {date, datetime}


def _moment_text(value: date) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is None:
        raise ValueError("an instant must be aware")
    return value.astimezone(UTC).isoformat()


def _moment(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _as_is(value: Any) -> Any:
    return value
