"""Prepared statements do what SQLAlchemy's own way does, on each database; a listener makes them go that way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, delete, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError, MultipleResultsFound, NoResultFound

from daemon.store import tables
from daemon.store.prepared import Answer
from daemon.store.rows import upsert
from handlers.links import Link
from schemas.items import Response, ScheduleItem

FULL = ScheduleItem(
    subject="Review",
    start=datetime(2026, 12, 1, 9, tzinfo=UTC),
    end=datetime(2026, 12, 1, 10, tzinfo=UTC),
    assign_to=("u-anna", "u-bob"),
    responses=(("u-anna", Response.ACCEPTED),),
)
_LINKS = select(tables.links.c.id, tables.links.c.version).order_by(tables.links.c.id)
_SOME = _LINKS.where(tables.links.c.id.in_(bindparam("ids", expanding=True)))
_ITEMS = select(tables.links.c.id, tables.links.c.agreed, tables.links.c.deleted_by_crm)
_MOVE = update(tables.links).where(tables.links.c.id == bindparam("wanted")).values(version=tables.links.c.version + 1)


@contextmanager
def listened(tx: Connection) -> Iterator[list[str]]:
    """While it lasts, statements go SQLAlchemy's way."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        heard.append(statement)

    event.listen(tx, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(tx, "before_cursor_execute", hear)


@pytest.fixture
def begun(tx: Connection) -> Connection:
    """A transaction that has begun: the first statement of another begins it, by SQLAlchemy's way."""
    tx.begin()
    return tx


def a_row(link_id: str, **more: Any) -> dict[str, Any]:
    link = Link(id=link_id, uid=f"uid-{link_id}")
    row = {column.name: getattr(link, column.name, None) for column in tables.links.columns}
    return row | {"version": 1, "agreed": FULL, **more}


def both_ways(tx: Connection, statement: Any, parameters: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """What a statement returns when prepared, and by SQLAlchemy."""
    ours = tx.execute(statement, parameters)
    assert isinstance(ours, Answer)
    with listened(tx) as heard:
        theirs = tx.execute(statement, parameters)
        assert heard
        return [tuple(row) for row in ours], [tuple(row) for row in theirs]


def test_rows_hold_the_same_values(begun: Connection):
    """Items, flags and numbers are converted by the same types."""
    begun.execute(insert(tables.links), [a_row("l-1"), a_row("l-2", agreed=None, deleted_by_crm=True)])

    ours, theirs = both_ways(begun, _ITEMS.order_by(tables.links.c.id), {})

    assert ours == theirs
    assert ours[0] == ("l-1", FULL, False)
    assert ours[1] == ("l-2", None, True)


def test_instants_come_back_aware(begun: Connection):
    """In UTC, as they do otherwise."""
    at = datetime(2026, 12, 1, 9, 30, 15, 123456, tzinfo=UTC)
    row = {"link_id": "l", "crm_id": None, "uid": None, "at": at, "outcome": "{}"}
    begun.execute(insert(tables.history), row)

    ours, theirs = both_ways(begun, select(tables.history.c.at), {})

    assert ours == theirs == [(at,)]


@pytest.mark.parametrize("ids", [[], ["l-1"], ["l-1", "l-3", "l-9"], ["l-2"] * 8])
def test_lists_of_any_length_are_filled_in(begun: Connection, ids: list[str]):
    """A statement met with one length is another text with the next."""
    begun.execute(insert(tables.links), [a_row(f"l-{n}") for n in range(5)])

    ours, theirs = both_ways(begun, _SOME, {"ids": ids})

    assert ours == theirs == [(each, 1) for each in sorted(set(ids) & {f"l-{n}" for n in range(5)})]


def test_changes_tell_how_many_rows_they_met(begun: Connection):
    """As optimistic saves rely on."""
    begun.execute(insert(tables.links), [a_row("l-1"), a_row("l-2")])

    assert begun.execute(_MOVE, {"wanted": "l-1"}).rowcount == 1
    assert begun.execute(_MOVE, {"wanted": "l-9"}).rowcount == 0
    assert begun.execute(delete(tables.links)).rowcount == 2


def test_what_an_insert_returns(begun: Connection):
    """Also of an upsert, and nothing where nothing is to be returned."""
    adding = insert(tables.outbox).returning(tables.outbox.c.id)
    row = {"owner": "", "topic": "t", "key": b"k", "value": None, "headers": (("a", b"\xff"),)}

    first, second = (begun.execute(adding, row).scalar_one() for _ in range(2))

    assert second > first
    stored = begun.execute(select(tables.outbox.c.headers, tables.outbox.c.value)).first()
    assert (stored.headers, stored.value) == ((("a", b"\xff"),), None)
    assert list(begun.execute(upsert(tables.meta), {"name": "n", "value": "v"})) == []


def test_the_same_statement_with_other_parameters_is_another_one(begun: Connection):
    """An insert names the columns that it is given."""
    adding = insert(tables.nodes)
    begun.execute(adding, {"id": "n-1", "parent": None, "path": ("n-1",)})
    begun.execute(adding, {"id": "n-2", "parent": "n-1"})

    rows = begun.execute(select(tables.nodes).order_by(tables.nodes.c.id))

    assert [(row.id, row.parent, row.path) for row in rows] == [("n-1", None, ("n-1",)), ("n-2", "n-1", None)]


def test_errors_are_sqlalchemys_own_and_quote_nothing(begun: Connection):
    """Who stores catches them by their kind, and texts of errors may not hold content (PRIV-5)."""
    begun.execute(insert(tables.links), a_row("l-1"))

    with pytest.raises(IntegrityError) as raised:
        begun.execute(insert(tables.links), a_row("l-1", agreed=ScheduleItem(subject="canary")))

    assert "canary" not in str(raised.value)


def test_an_answer_says_when_there_is_not_one_row(begun: Connection):
    """As SQLAlchemy's does."""
    begun.execute(insert(tables.links), [a_row("l-1"), a_row("l-2")])

    with pytest.raises(MultipleResultsFound):
        begun.execute(_LINKS).one_or_none()
    with pytest.raises(NoResultFound):
        begun.execute(_SOME, {"ids": ["l-9"]}).one()
    assert begun.execute(_SOME, {"ids": ["l-9"]}).scalar() is None
    assert begun.execute(_LINKS).scalars().all() == ["l-1", "l-2"]


def test_what_is_no_plain_statement_goes_the_other_way(tx: Connection):
    """So does the first of a transaction, which must begin it."""
    assert not isinstance(tx.execute(_LINKS), Answer)
    assert tx.in_transaction()
    assert isinstance(tx.execute(_LINKS), Answer)
    assert tx.execute(text("SELECT 1")).scalar_one() == 1
