"""Work that only one transaction at a time may do, whichever process it belongs to. On SQLite there is only one."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Table

from daemon.store import postgres


def wait(tx: Connection, name: str) -> None:
    """Waits until no other transaction has this turn, and holds it to the end of ours."""
    if _is_shared(tx):
        postgres.wait_for(tx, name)


def wait_for_tables(tx: Connection, tables: Iterable[Table]) -> None:
    """Waits until nobody writes to these tables, and lets nobody to the end of our transaction."""
    if _is_shared(tx):
        names = ", ".join(table.name for table in tables)
        tx.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


def _is_shared(tx: Connection) -> bool:
    return tx.dialect.name == "postgresql"
