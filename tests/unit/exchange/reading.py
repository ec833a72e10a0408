"""Reads canned answers in the tests, as the backend does."""

from __future__ import annotations

from typing import Any

from daemon.exchange.ews import decoder, envelopes
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.port import Unreadable
from schemas.copies import Copy, Folder
from tests.unit.exchange import canned

MAILBOX = "anna@bank.example"
FOLDERS = {
    canned.CALENDAR_ID: Folder.CALENDAR,
    canned.DELETED_ID: Folder.DELETED_ITEMS,
    canned.TASKS_ID: Folder.TASKS,
}


def read(raw: bytes, **reading: Any) -> list[Copy | Unreadable]:
    """All items of an answer."""
    how = Reading(MAILBOX, FOLDERS, **reading)
    return [item for message in envelopes.messages(raw) for item in decoder.items(message, how)]


def read_one(element: str, **reading: Any) -> Copy | Unreadable:
    """The only item of a GetItem answer."""
    [item] = read(canned.answer("GetItem", canned.items(element)), **reading)
    return item


def copy_of(element: str, **reading: Any) -> Copy:
    item = read_one(element, **reading)
    assert isinstance(item, Copy), f"not readable: {item}"
    return item


def rule_of(element: str) -> str:
    item = read_one(element)
    assert isinstance(item, Unreadable), f"readable: {item}"
    return item.rule
