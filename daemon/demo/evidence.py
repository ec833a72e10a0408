"""What is expected to be seen, and what is raised where something else is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")

PATIENCE = timedelta(seconds=15)
_LOOK_AGAIN = timedelta(milliseconds=20)


class NotSo(Exception):
    """Something did not happen: what was expected, and what was seen instead."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected: {expected}; seen: {seen}")
        self.expected = expected
        self.seen = seen


def expect(what: str, *, seen: object, wanted: object) -> None:
    """Raises `NotSo` unless what was read is what should be there."""
    if seen != wanted:
        raise NotSo(f"{what}: {_said(wanted)}", _said(seen))


async def waited_for(
    look: Callable[[], Awaitable[T | None]],
    *,
    expected: str,
    instead: Callable[[], str],
    within: timedelta = PATIENCE,
) -> T:
    """What `look` finds, as soon as it finds something. Raises `NotSo` with what was there `instead`."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            while (found := await look()) is None:  # noqa: ASYNC110  # what is looked at lies behind a network
                await asyncio.sleep(_LOOK_AGAIN.total_seconds())
            return found
    except TimeoutError:
        raise NotSo(f"{expected} (within {within.total_seconds():.0f} s)", instead()) from None


def _said(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value is None else str(value)
