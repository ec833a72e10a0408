"""Many rows are stored by few statements, whatever their number, and are what single ones would be."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from daemon.store import tables
from daemon.store.many import AT_ONCE, Many

HEADS, OPTIONS, PAIRS = Many(tables.heads), Many(tables.options), Many(tables.contact_addresses)


def a_head(key: str, *, offset: int = 1) -> tuple[object, ...]:
    return ("contact", key, "crm.contacts", 0, offset, 1, 0)


def stored(tx: Connection) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in tx.execute(select(tables.heads)))


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("number", [0, 1, 2, 24, 25, 249, 250, 251, 2 * 250 + 25 + 5 + 4])
def test_every_row_is_stored(tx: Connection, number: int, begun: bool) -> None:
    """However they are parted into statements, and whoever begins the transaction."""
    if begun:
        tx.begin()
    assert AT_ONCE[0] == 250, "or other numbers are worth a test"
    rows = [a_head(f"k-{n}", offset=n) for n in range(number)]

    HEADS.put(tx, rows)

    assert stored(tx) == sorted(rows)


def test_a_row_takes_the_place_of_the_one_with_its_key(tx: Connection) -> None:
    """Beside those that are new."""
    HEADS.put(tx, [a_head("k-1"), a_head("k-2")])

    HEADS.put(tx, [a_head("k-2", offset=7), a_head("k-3")])

    assert stored(tx) == [a_head("k-1"), a_head("k-2", offset=7), a_head("k-3")]


def test_a_row_that_is_nothing_but_its_key_may_be_there(tx: Connection) -> None:
    """It stays as it is."""
    PAIRS.put(tx, [("a@client.example", "c-1")])

    PAIRS.put(tx, [("a@client.example", "c-1"), ("a@client.example", "c-2")])

    assert sorted(tx.execute(select(tables.contact_addresses.c.contact_id)).scalars()) == ["c-1", "c-2"]


def test_values_are_converted_as_their_columns_want_them(tx: Connection) -> None:
    """Both ways."""
    OPTIONS.put(tx, [("system", {"a": True}), ("user:u-anna", {})])

    assert dict(map(tuple, tx.execute(select(tables.options)))) == {"system": {"a": True}, "user:u-anna": {}}


@pytest.mark.parametrize("begun", [False, True])
def test_what_the_database_refuses_is_an_error_of_sqlalchemys(tx: Connection, begun: bool) -> None:
    """Whoever runs units of work asks these for their kind."""
    if begun:
        tx.begin()
    row = ("contact", "k-1", None, 0, 1, 1, 0)
    with pytest.raises(IntegrityError):
        HEADS.put(tx, [row])
