"""The kinds of values that settings hold beyond what TOML has: durations, addresses to bind, domains."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from schemas import addresses

UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
WHOLE = re.compile(rf"(?:{PART.pattern})+")
LONGEST = timedelta(days=3650)


def parse_duration(value: object) -> timedelta:
    """`500ms`, `1s`, `2m`, `1m30s`; a bare number is refused, because nobody can tell its unit."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not WHOLE.fullmatch(value.strip()):
        raise ValueError("must be a number with its unit, for example 500ms, 1s, 2m, 1h or 30d")
    parts = [(float(number), unit) for number, unit in PART.findall(value)]
    try:
        total = sum((number * UNITS[unit] for number, unit in parts), timedelta())
    except OverflowError:
        total = timedelta.max
    if total > LONGEST:
        raise ValueError("must be at most 3650d")
    return total


def format_duration(value: timedelta) -> str:
    """The shortest single-unit spelling that `parse_duration` reads back to the same value."""
    for name in ("d", "h", "m", "s"):
        if value and not value % UNITS[name]:
            return f"{value // UNITS[name]}{name}"
    return f"{value // UNITS['ms']}ms"


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("must be longer than nothing")
    return value


Span = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
"""A duration that may be nothing."""

Duration = Annotated[Span, AfterValidator(_positive)]
"""A duration longer than nothing."""


class Bind(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


def parse_bind(value: str) -> Bind:
    """`127.0.0.1:8080` or `[::1]:8080`; port 0 takes any free port."""
    host, _, port = value.strip().rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be HOST:PORT, for example 127.0.0.1:8080")
    return Bind(host.removeprefix("[").removesuffix("]"), int(port))


def _checked_bind(value: str) -> str:
    parse_bind(value)
    return value.strip()


BindAddress = Annotated[str, AfterValidator(_checked_bind)]


def _domain(value: str) -> str:
    domain = addresses.canonical_domain(value)
    if domain is None:
        raise ValueError(f"must be a bare domain, for example bank.example; {value!r} is none")
    return domain


Domain = Annotated[str, AfterValidator(_domain)]
