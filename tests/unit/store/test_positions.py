"""Who lost a partition can store nothing any more."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import Connection

from daemon.store import outbox, positions
from daemon.store.errors import Fenced
from daemon.store.store import Store


@dataclass(frozen=True, slots=True)
class Position:
    """As the bus states it."""

    topic: str
    partition: int
    owner: str
    offset: int


def at(offset: int, *, owner: str = "one", partition: int = 0) -> Position:
    """A position of the hints."""
    return Position("exchange.notifications", partition, owner, offset=offset)


HINTS = [("exchange.notifications", 0), ("exchange.notifications", 1)]


def test_a_partition_starts_where_it_was_settled(tx: Connection) -> None:
    """None where nothing ever was; the next owner goes on from what the last one settled."""
    assert positions.assign(tx, HINTS, "one") == {HINTS[0]: None, HINTS[1]: None}
    positions.save(tx, [at(17)])

    assert positions.assign(tx, HINTS, "two") == {HINTS[0]: 17, HINTS[1]: None}
    assert positions.known(tx) == {HINTS[0]: 17}


def test_who_lost_the_partition_is_fenced(tx: Connection) -> None:
    """Also for one of several, and for a partition nobody was ever given."""
    positions.assign(tx, HINTS, "one")
    positions.assign(tx, HINTS[1:], "two")

    positions.save(tx, [at(3)])
    with pytest.raises(Fenced, match=r"exchange\.notifications/1"):
        positions.save(tx, [at(4), at(9, partition=1)])
    with pytest.raises(Fenced):
        positions.save(tx, [at(1, partition=7)])


def test_under_one_owner_a_position_only_grows(tx: Connection) -> None:
    """Lanes settle in any order; what is settled stays settled."""
    positions.assign(tx, HINTS, "one")
    for offset in (5, 9, 7):
        positions.save(tx, [at(offset)])

    assert positions.known(tx) == {HINTS[0]: 9}


def test_a_topic_made_anew_starts_from_its_beginning(tx: Connection) -> None:
    """The first position of an assignment counts as it is, or records below the old one would never be read."""
    positions.assign(tx, HINTS, "one")
    positions.save(tx, [at(900)])
    positions.assign(tx, HINTS, "two")
    assert positions.known(tx) == {HINTS[0]: 900}

    positions.save(tx, [at(2, owner="two")])
    positions.save(tx, [at(1, owner="two")])

    assert positions.known(tx) == {HINTS[0]: 2}


async def test_a_zombie_stores_nothing_at_all(store: Store) -> None:
    """What else its unit of work wrote is undone with its position."""
    await store.write(lambda tx: positions.assign(tx, HINTS, "zombie"))
    await store.write(lambda tx: positions.assign(tx, HINTS, "successor"))

    def settle(tx: Connection) -> None:
        outbox.add(tx, topic="sync.crm-commands", key=b"l-1", value=b"{}")
        positions.save(tx, [at(8, owner="zombie")])

    with pytest.raises(Fenced):
        await store.write(settle)

    assert await store.read(lambda tx: outbox.waiting(tx, 10)) == ()
    assert await store.read(positions.known) == {}
