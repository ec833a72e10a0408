"""What CRM users asked for beside a change: in whose name it is made, and who is to be told of it (INV-2, INV-3).

Of changes that wait the newest counts, for each says all of its item. What was asked with an earlier one is not in it:
that one waits, too, and each is dealt with in its turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.bus.port import Record
from schemas import catalogue, envelope

_MOST = 100
"""Changes of one item that wait; of more, those that ask for mails."""


def is_asked(topic: str) -> bool:
    """Whether records of this topic ask for something of their own."""
    return topic == catalogue.SCHEDULE_ITEMS


def waiting(records: Sequence[Record]) -> tuple[Record, ...]:
    """Those that are still to be dealt with, in their order: the newest, and what it does not stand for."""
    *others, newest = records
    left = [
        each for each, later in zip(others, records[1:], strict=True) if _tells(each) or _asks(each) != _asks(later)
    ]
    if len(left) >= _MOST:
        left = [each for each in left if _tells(each)]
    return (*left, newest)


def _tells(record: Record) -> bool:
    return bool(_said(record).get("notify", "none") != "none")


def _asks(record: Record) -> object:
    said = _said(record)
    return said.get("origin"), said.get("actor")


def _said(record: Record) -> Mapping[str, Any]:
    return envelope.read(record.headers, record.value).data or {}
