"""The kinds of values that events are made of, and the rule each must keep.

Tolerant of fields nobody knows, strict about the ones we do: no number is read from text and no truth from a number,
because a guess here becomes a wrong meeting later.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from schemas import instants
from schemas.problems import BROKEN_TEXT, CONTRACT

MOST_CHARACTERS_OF_AN_ID = 512
MOST_ENTRIES = 10_000
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LARGEST = 2**63 - 1  # what a store's integer column holds


class Model(BaseModel):
    """A value on the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def refused(rule: str, *, at: str = "") -> PydanticCustomError:
    """A validator's complaint; `at`: which inner field is meant, where the validator stands on an outer one."""
    return PydanticCustomError(CONTRACT, "{rule}", {"rule": rule, "at": at})


def _whole(text: str) -> str:
    if not text.isascii() and _SURROGATE.search(text):
        raise refused(BROKEN_TEXT)
    return text


def _whole_and_not_blank(text: str) -> str:
    if not text.strip():
        raise refused("must not be blank")
    return _whole(text)


def _known_zone(name: str) -> str:
    if not instants.is_zone(name):
        raise refused("must be the name of an IANA zone")
    return name


def _moment(value: Any) -> datetime | date:
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise refused("must not be null" if value is None else instants.MOMENT_RULE)
    try:
        return instants.read_moment(value)
    except ValueError as error:
        raise refused(str(error)) from None


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str):
        raise refused("must not be null" if value is None else "must be a time with an offset or Z")
    try:
        return instants.read_instant(value)
    except ValueError as error:
        raise refused(str(error)) from None


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise refused("must not be null" if value is None else "must be a date like 2026-12-01")
    try:
        return instants.read_day(value)
    except ValueError as error:
        raise refused(str(error)) from None


def settled(moment: datetime | date, *, zone: str | None, at: str = "") -> datetime | date:
    """A moment with its instant made certain: a naive time is read in the item's zone."""
    if not isinstance(moment, datetime):
        return moment
    try:
        return instants.in_utc(moment, zone=zone)
    except ValueError as error:
        raise refused(str(error), at=at) from None


Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0, le=_LARGEST)]
Version = Annotated[int, Strict(), Field(ge=0, le=_LARGEST)]
Minutes = Annotated[int, Strict(), Field(ge=0, le=2**31 - 1)]
Text = Annotated[str, Strict(), AfterValidator(_whole)]
Id = Annotated[
    str,
    Strict(),
    Field(min_length=1, max_length=MOST_CHARACTERS_OF_AN_ID, json_schema_extra={"pattern": r"\S"}),
    AfterValidator(_whole_and_not_blank),
]
Address = Annotated[str, Strict(), Field(max_length=4096), AfterValidator(_whole)]
Zone = Annotated[Text, AfterValidator(_known_zone)]
Ids = Annotated[tuple[Id, ...], Field(max_length=MOST_ENTRIES)]
Addresses = Annotated[tuple[Address, ...], Field(max_length=MOST_ENTRIES)]

WireMoment = Annotated[
    datetime | date,
    PlainValidator(_moment),
    PlainSerializer(lambda moment: instants.write_moment(moment, zone=None), return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
            "description": "A date, or a time with an offset; without one it is read in the item's zone.",
        }
    ),
]
WireInstant = Annotated[
    datetime,
    PlainValidator(_instant),
    PlainSerializer(instants.write_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
WireDay = Annotated[
    date,
    PlainValidator(_day),
    PlainSerializer(lambda day: day.isoformat(), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date"}),
]
