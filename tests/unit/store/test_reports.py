"""What has no link is reported once per state."""

from __future__ import annotations

from sqlalchemy import Connection

from daemon.store import reports


def test_a_state_is_news_once(tx: Connection) -> None:
    """Another state, another thing, and a state that came back after it was over are news again."""
    assert reports.is_new(tx, "mailbox:x", "unknown")
    assert not reports.is_new(tx, "mailbox:x", "unknown")
    assert reports.is_new(tx, "mailbox:y", "unknown")
    assert reports.is_new(tx, "mailbox:x", "denied")
    assert reports.is_new(tx, "mailbox:x", "unknown")

    reports.forget(tx, "mailbox:x")

    assert reports.is_new(tx, "mailbox:x", "unknown")
    assert not reports.is_new(tx, "mailbox:y", "unknown")
