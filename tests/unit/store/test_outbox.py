"""What was settled reaches Kafka in its order, byte for byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from daemon.store import outbox
from tests.unit.store.items import patient

headers = st.lists(st.tuples(st.text(), st.binary()), max_size=4).map(tuple)


def add(tx: Connection, key: bytes, *, owner: str = outbox.LOCAL) -> int:
    """One record."""
    return outbox.add(tx, topic="sync.outcomes", key=key, value=b"{}", headers=(("ce_id", key),), owner=owner)


def keys(tx: Connection, limit: int = 100, *, owner: str = outbox.LOCAL) -> list[bytes]:
    """What waits."""
    return [row.key for row in outbox.waiting(tx, limit, owner=owner)]


@patient
@given(key=st.binary(), value=st.none() | st.binary(), headers=headers)
def test_a_record_comes_back_byte_for_byte(
    tx: Connection, key: bytes, value: bytes | None, headers: tuple[tuple[str, bytes], ...]
) -> None:
    """Any bytes, a null value, headers named twice."""
    savepoint = tx.begin_nested()
    number = outbox.add(tx, topic="sync.crm-commands", key=key, value=value, headers=headers)

    assert outbox.waiting(tx, 1) == (outbox.Waiting(number, "sync.crm-commands", key, value=value, headers=headers),)
    savepoint.rollback()


def test_records_wait_in_the_order_they_were_added(tx: Connection) -> None:
    """The oldest first, as many as asked for, again and again until they are removed."""
    numbers = [add(tx, key) for key in (b"a", b"b", b"c")]

    assert keys(tx, 2) == keys(tx, 2) == [b"a", b"b"]
    outbox.remove(tx, numbers[:1])
    assert keys(tx) == [b"b", b"c"]


def test_exactly_what_was_published_is_removed(tx: Connection) -> None:
    """In any number, and never a neighbour."""
    numbers = [add(tx, bytes([n])) for n in range(200)]
    outbox.remove(tx, numbers[::2])

    assert keys(tx, 500) == [bytes([n]) for n in range(1, 200, 2)]
    outbox.remove(tx, [])
    assert len(keys(tx, 500)) == 100


def test_a_number_is_never_given_twice(tx: Connection) -> None:
    """Who removes late removes nothing of somebody else's."""
    first = add(tx, b"a")
    outbox.remove(tx, [first])

    assert add(tx, b"b") > first


def test_a_record_put_aside_blocks_nobody(tx: Connection) -> None:
    """It stays, is counted, and is not tried again."""
    too_large = add(tx, b"too large")
    add(tx, b"next")
    outbox.park(tx, too_large, "message_too_large")

    assert keys(tx) == [b"next"]
    assert outbox.parked(tx) == {"message_too_large": 1}


def test_each_owner_sees_his_own(tx: Connection) -> None:
    """For the day when more than one process works on the store."""
    add(tx, b"mine", owner="one")
    add(tx, b"yours", owner="two")

    assert keys(tx, owner="one") == [b"mine"]
    assert keys(tx) == []
