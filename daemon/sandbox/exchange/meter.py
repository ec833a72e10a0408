"""Counts of requests: how many, and how many at once, per operation, mailbox and account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Key = tuple[str, str, str]


@dataclass(slots=True)
class _Count:
    count: int = 0
    running: int = 0
    most_at_once: int = 0


class Meter:
    """What `GET /sandbox/requests` tells."""

    def __init__(self) -> None:
        self._counts: dict[Key, _Count] = {}

    @contextmanager
    def running(self, operation: str, mailbox: str, account: str) -> Iterator[None]:
        count = self._counts.setdefault((operation, mailbox, account), _Count())
        count.count += 1
        count.running += 1
        count.most_at_once = max(count.most_at_once, count.running)
        try:
            yield
        finally:
            count.running -= 1

    def report(self) -> list[dict[str, str | int]]:
        return [
            {
                "operation": operation,
                "mailbox": mailbox,
                "account": account,
                "count": count.count,
                "most_at_once": count.most_at_once,
            }
            for (operation, mailbox, account), count in self._counts.items()
        ]
