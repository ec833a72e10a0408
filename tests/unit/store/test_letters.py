"""Dead letters that were dealt with are remembered by their place and time."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from daemon.store import letters
from daemon.store.letters import Place

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST, SECOND = Place(0, 7, 1_795_424_400_000), Place(2, 7, 1_795_424_400_000)


def test_what_was_dealt_with_is_known_by_its_place(tx: Connection) -> None:
    letters.mark(tx, FIRST, "parked", at=NOON)
    letters.mark(tx, SECOND, "replayed", at=NOON)
    assert letters.marked(tx) == {FIRST: "parked", SECOND: "replayed"}


def test_the_last_word_counts(tx: Connection) -> None:
    """A parked letter may be replayed after all."""
    letters.mark(tx, FIRST, "parked", at=NOON)
    letters.mark(tx, FIRST, "replayed", at=NOON)
    assert letters.marked(tx) == {FIRST: "replayed"}


def test_another_letter_at_the_same_place_is_another(tx: Connection) -> None:
    """The topic was made anew and counts from zero again."""
    letters.mark(tx, FIRST, "parked", at=NOON)
    assert Place(0, 7, FIRST.timestamp + 1) not in letters.marked(tx)
