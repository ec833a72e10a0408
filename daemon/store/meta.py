"""What the store knows of itself: its generation, and by which rules its addresses are indexed."""

from __future__ import annotations

from sqlalchemy import Connection

from daemon.store import tables, turns
from daemon.store.rows import Rows

_ROWS = Rows(tables.meta)
_GENERATION = "generation"
_ADDRESS_RULES = "address_rules"


def generation(tx: Connection) -> int:
    """Raised each time the store turns out to be older than what was already told to the bus."""
    return int(_value(tx, _GENERATION) or 0)


def raise_generation(tx: Connection) -> int:
    """The store was restored from a backup: its next revisions must be above all that were ever given out."""
    turns.wait(tx, "generation")
    raised = generation(tx) + 1
    _ROWS.put(tx, name=_GENERATION, value=str(raised))
    return raised


def address_rules(tx: Connection) -> str | None:
    """The rules that the indexed addresses are canonical by."""
    return _value(tx, _ADDRESS_RULES)


def set_address_rules(tx: Connection, rules: str) -> None:
    """The index was rebuilt by these."""
    _ROWS.put(tx, name=_ADDRESS_RULES, value=rules)


def _value(tx: Connection, name: str) -> str | None:
    row = _ROWS.get(tx, name=name)
    return None if row is None else row.value
