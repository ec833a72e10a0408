"""What must never be read in a log (PRIV-5): content of items, addresses, secrets.

A second line of defence: whoever logs is asked to log ids, rule words and counts. A value is kept only if it is of a
plain kind, under a key that names no content; addresses are masked wherever they stand. Texts of exceptions are kept
only where the kind of exception says that they hold no content.
"""

from __future__ import annotations

import re
import ssl
import traceback
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import Enum
from pathlib import PurePath
from types import TracebackType
from typing import Any
from uuid import UUID

MASK = "[masked]"
ADDRESS_MASK = "[address]"
LONGEST_TEXT = 400
MOST_ENTRIES = 50

ADDRESS = re.compile(r"""[^\s"'<>(),;:=\[\]]{1,256}[@＠][^\s"'<>(),;:=\[\]]{1,256}""")
X500 = re.compile(r"/o=[^\s\"'<>]*", re.IGNORECASE)

CONTENT_WORDS = frozenset(
    (  # people, texts and secrets
        "address",
        "addresses",
        "attachment",
        "attachments",
        "attendee",
        "attendees",
        "authorization",
        "body",
        "contents",
        "cookie",
        "credential",
        "credentials",
        "data",
        "description",
        "email",
        "emails",
        "external",
        "guest",
        "guests",
        "header",
        "headers",
        "html",
        "location",
        "mail",
        "name",
        "names",
        "note",
        "notes",
        "organizer",
        "participant",
        "participants",
        "passwd",
        "password",
        "payload",
        "people",
        "person",
        "recipient",
        "recipients",
        "related",
        "secret",
        "sender",
        "subject",
        "summary",
        "text",
        "title",
        "token",
        "value",
        "values",
        "xml",
    )
)
"""Keys that would hold content; also as the last word of a longer key (`item_subject`, `guest_names`)."""

TEXT_WITHOUT_CONTENT = ("daemon", "handlers", "schemas", "aiokafka", "asyncio")
"""Packages whose exceptions say what went wrong without quoting an item: our own, the Kafka client, asyncio."""

KINDS_WITHOUT_CONTENT = (OSError, ssl.SSLError, TimeoutError)


def mask_values(values: Mapping[str, Any], *, plain: frozenset[str]) -> dict[str, Any]:
    """The same key-values without content; those under `plain` keys are only checked for addresses."""
    return {
        key: mask_text(value) if key in plain and isinstance(value, str) else _masked(key, value)
        for key, value in values.items()
    }


def mask_text(text: str) -> str:
    """A text without addresses, no longer than anybody reads."""
    masked = X500.sub(ADDRESS_MASK, ADDRESS.sub(ADDRESS_MASK, text[: LONGEST_TEXT * 2]))
    return masked if len(masked) <= LONGEST_TEXT else f"{masked[:LONGEST_TEXT]}..."


def _masked(key: str, value: Any) -> Any:
    if _names_content(key):
        return MASK
    return _plain(value)


def _names_content(key: str) -> bool:
    words = key.lower()
    return words in CONTENT_WORDS or words.rsplit("_", 1)[-1] in CONTENT_WORDS


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, date | timedelta | UUID | PurePath):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in list(value)[:MOST_ENTRIES]]
    return f"<{type(value).__name__}>"  # objects print what they hold, an item its subject


def exception_text(error: BaseException) -> str:
    """The kind of an exception, and its text only if texts of that kind hold no content."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    package = type(error).__module__.partition(".")[0]
    if package not in TEXT_WITHOUT_CONTENT and not isinstance(error, KINDS_WITHOUT_CONTENT):
        return kind
    text = mask_text(str(error))
    return f"{kind}: {text}" if text else kind


def exception_trace(error: BaseException) -> str:
    """Where an exception came from, its causes first: places and source lines, and texts as `exception_text` allows."""
    return "\n".join(_trace_lines(error, seen=set()))


def _trace_lines(error: BaseException, *, seen: set[int]) -> Iterable[str]:
    if id(error) in seen:
        return
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _trace_lines(cause, seen=seen)
        yield "which led to:"
    yield from _frames(error.__traceback__)
    yield exception_text(error)
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _trace_lines(inner, seen=seen)


def _frames(trace: TracebackType | None) -> Iterable[str]:
    for frame in traceback.extract_tb(trace):
        yield f"  {frame.filename}:{frame.lineno} {frame.name}: {frame.line or ''}".rstrip()
