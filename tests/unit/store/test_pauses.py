"""Who is paused is kept, scope by scope."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from daemon.store import pauses, tables
from handlers.pausing import Pauses

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANNA = Pauses(users=frozenset({"u-anna"}))
BOTH = Pauses(system=True, users=frozenset({"u-anna"}))


def test_nobody_is_paused_at_first(tx: Connection) -> None:
    assert pauses.standing(tx) == Pauses()


def test_what_stands_is_told_and_what_ended_is_not(tx: Connection) -> None:
    """Everybody's pause and a user's own are apart."""
    pauses.change(tx, before=Pauses(), after=BOTH, since=NOON, by="u-admin")
    assert pauses.standing(tx) == BOTH

    pauses.change(tx, before=BOTH, after=ANNA, since=NOON, by="u-admin")
    assert pauses.standing(tx) == ANNA


def test_a_pause_that_stood_keeps_its_beginning(tx: Connection) -> None:
    """Another one beside it changes nothing of it."""
    pauses.change(tx, before=Pauses(), after=ANNA, since=NOON, by="u-admin")
    pauses.change(tx, before=ANNA, after=BOTH, since=NOON + timedelta(hours=1), by="u-boss")

    kept = {row.scope: (row.since, row.requested_by) for row in tx.execute(select(tables.pauses))}
    assert kept == {"user:u-anna": (NOON, "u-admin"), "system": (NOON + timedelta(hours=1), "u-boss")}


def test_a_user_whose_id_is_odd_is_himself(tx: Connection) -> None:
    """No id can be taken for everybody, nor for another scope."""
    odd = Pauses(users=frozenset({"system", "user:u-anna"}))
    pauses.change(tx, before=Pauses(), after=odd, since=NOON, by="u-admin")
    assert pauses.standing(tx) == odd
