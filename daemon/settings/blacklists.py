"""The blacklist's patterns (BLK-1).

The addresses they are tested on come from outside, so a pattern whose search can take exponential time would let one
invitation stop the daemon. RE2 searches in linear time whatever the pattern; it knows no look-around and no
back-references, and says so. This is the one file that knows RE2.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

LONGEST_PATTERN = 1000
MOST_PATTERNS = 10_000
MEMORY_PER_PATTERN = 1 << 20


def check(pattern: str) -> str:
    """The pattern itself; ValueError says why it cannot be one."""
    if not pattern.strip():
        raise ValueError("is blank and would block every address")
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"is longer than {LONGEST_PATTERN} characters")
    _compile(pattern)
    return pattern


def search(patterns: tuple[str, ...], address: str) -> bool:
    """Whether any of the patterns is found anywhere in the address, whatever the case."""
    return any(_compile(pattern).search(address) is not None for pattern in patterns)


@lru_cache(maxsize=MOST_PATTERNS)
def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MEMORY_PER_PATTERN
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {_text(error)}{_hint(pattern)}") from None


def _text(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _hint(pattern: str) -> str:
    if pattern.startswith("*"):
        domain = pattern.lstrip("*").replace(".", r"\.")
        return f". Patterns are searched for anywhere in the address: write {domain}$"
    if "(?" in pattern:
        return ". Look-around and back-references are not available"
    return ""
