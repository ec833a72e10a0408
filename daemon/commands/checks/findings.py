"""What one check found, said to a person: a line, and what to do where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Only `failed` makes the whole check fail."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the result. `remedies` are sentences, the likeliest first."""

    check: str
    status: Status
    text: str
    remedies: tuple[str, ...] = ()


def ok(check: str, text: str) -> Finding:
    """As it must be."""
    return Finding(check, Status.OK, text)


def note(check: str, text: str, *remedies: str) -> Finding:
    """Works, and somebody should know."""
    return Finding(check, Status.NOTE, text, remedies)


def failed(check: str, text: str, *remedies: str) -> Finding:
    """The daemon would not work."""
    return Finding(check, Status.FAILED, text, remedies)


def skipped(check: str, text: str) -> Finding:
    """Not looked at, and why."""
    return Finding(check, Status.SKIPPED, text)
