"""What is wrong with a value from outside, said so that it may be logged and put into a header.

A problem names a field and the rule it breaks, in words of ours. It never quotes the value: private meetings travel
on these topics too (PRIV-5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

BROKEN_TEXT = "must be text without broken surrogates"
CONTRACT = "contract"  # the kind of the complaints that our own validators make

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}|\[key\]")  # [key]: Pydantic's word for "the key itself is wrong"
_SHOULD = re.compile(r"^\w+ should")
_MOST_SHOWN = 20
_RULES = {
    "missing": "is required",
    "string_unicode": BROKEN_TEXT,
    "string_type": "must be text",
    "extra_forbidden": "is not a field of this event and is ignored",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
}


class MalformedKind(StrEnum):
    """At which step a record turned out to be unusable."""

    UNDECODABLE = "undecodable"
    ENVELOPE = "envelope"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_VERSION = "wrong_version"
    WRONG_TOPIC = "wrong_topic"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Problem:
    """A dotted field path and the rule that the field breaks."""

    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class Malformed(Exception):
    """A record that breaks the contract; its text names fields and rules and quotes no value."""

    def __init__(self, kind: MalformedKind, problems: Iterable[Problem]) -> None:
        self.kind = kind
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))

    @property
    def field(self) -> str:
        """The first field that is wrong."""
        return self.problems[0].field

    @property
    def rule(self) -> str:
        """What is wrong with the first such field."""
        return self.problems[0].rule


def malformed(kind: MalformedKind, field: str, rule: str) -> Malformed:
    """A record with one thing wrong."""
    return Malformed(kind, (Problem(field, rule),))


def problems_of(error: ValidationError, *, at: str = "") -> tuple[Problem, ...]:
    """Pydantic's findings in our words. `at`: where in the record the validated value stands."""
    found = (_problem_of(detail, at) for detail in error.errors(include_url=False))
    return tuple(dict.fromkeys(found))[:_MOST_SHOWN]


def _problem_of(detail: ErrorDetails, at: str) -> Problem:
    inner = str(detail.get("ctx", {}).get("at", ""))
    steps = [*filter(None, [at]), *(shown(str(step)) for step in detail["loc"]), *filter(None, [inner])]
    return Problem(".".join(steps) or "value", _rule_of(detail))


def _rule_of(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if detail["input"] is None and kind not in {"missing", "extra_forbidden", CONTRACT}:
        return "must not be null"
    return _RULES.get(kind) or _SHOULD.sub("must", detail["msg"])


def shown(name: str) -> str:
    """A name that a producer chose, if it is harmless to repeat it."""
    return name if _PLAIN_NAME.fullmatch(name) else "?"
