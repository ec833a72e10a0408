"""Parked work: what cannot be done now, one row per item.

A mailbox that backs off, an Exchange that is down for longer than a lane can wait, a user nobody knows yet, a pause, a
delete held for confirmation. A later record of a parked item joins its row: the newest state counts, and what was asked
on the way is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select, update

from daemon.store import tables
from daemon.store.rows import AnyRow, Rows, batches

_parked = tables.parked
_ROWS = Rows(_parked)
_DUE = (
    select(_parked)
    .where(_parked.c.due <= bindparam("now"))
    .order_by(_parked.c.due, _parked.c.key)
    .limit(bindparam("at_most"))
)
_WAITING = select(_parked).where(_parked.c.waits_for.in_(bindparam("whom", expanding=True))).order_by(_parked.c.due)
_NEXT = select(func.min(_parked.c.due))
_REMOVE = delete(_parked).where(_parked.c.key == bindparam("wanted"), _parked.c.joined == bindparam("seen"))
_POSTPONE = (
    update(_parked)
    .where(_parked.c.key == bindparam("wanted"))
    .values(due=bindparam("later"), reason=bindparam("why"), tries=bindparam("times"), asked=bindparam("of_all"))
)
_SHORTEN = (
    update(_parked)
    .where(_parked.c.key == bindparam("wanted"))
    .values(payload=bindparam("left"), asked=bindparam("of_all"))
)
_COUNTS = select(_parked.c.reason, func.count().label("rows")).group_by(_parked.c.reason)
_LATER = _parked.c.due > bindparam("now")
_WAKE = update(_parked).where(_parked.c.reason == bindparam("why"), _LATER).values(due=bindparam("now"))
_WAKE_WAITING = _WAKE.where(_parked.c.waits_for == bindparam("whom"))


@dataclass(frozen=True, slots=True)
class Parked:
    """Work that waits until `due`.

    `waits_for` is what it waits for, if that has a name: a mailbox, a user id. `asked` are the distinct requests
    that came with the records that joined, oldest first. `joined` counts these records, `tries` how often in a row it
    was tried and had to wait again for the same reason.
    """

    key: str
    kind: str
    due: datetime
    reason: str
    waits_for: str
    payload: bytes
    asked: tuple[str, ...]
    joined: int
    tries: int = 0


def park(
    tx: Connection,
    *,
    key: str,
    kind: str,
    due: datetime,
    reason: str,
    payload: bytes,
    asked: str | None = None,
    waits_for: str = "",
) -> Parked:
    """Parks an item, or joins its row; what it holds now.

    `asked` is whatever must not be lost although a newer state replaces this one (who asked, whom to notify).
    """
    before = of(tx, key)
    work = Parked(
        key=key,
        kind=kind,
        due=due,
        reason=reason,
        waits_for=waits_for,
        payload=payload,
        asked=_also_asked(before.asked if before else (), asked),
        joined=before.joined + 1 if before else 1,
    )
    _ROWS.put(tx, **{name: getattr(work, name) for name in Parked.__slots__})
    return work


def of(tx: Connection, key: str) -> Parked | None:
    """What is parked of an item."""
    row = _ROWS.get(tx, key=key)
    return None if row is None else _work(row)


def due(tx: Connection, now: datetime, limit: int) -> tuple[Parked, ...]:
    """What need not wait any longer, longest due first."""
    return tuple(_work(row) for row in tx.execute(_DUE, {"now": now, "at_most": limit}))


def next_due(tx: Connection) -> datetime | None:
    """When to look again; None if nothing is parked."""
    instant: datetime | None = tx.execute(_NEXT).scalar_one()
    return instant


def waiting(tx: Connection, whom: Iterable[str]) -> tuple[Parked, ...]:
    """What waits for any of these mailboxes, users or items, soonest due first; for whoever asks why."""
    return tuple(_work(row) for batch in batches(sorted(whom)) for row in tx.execute(_WAITING, {"whom": batch}))


def remove(tx: Connection, key: str, *, joined: int | None = None) -> bool:
    """Takes the work out. With `joined`, only if nothing has joined since it was read; whether it was taken out."""
    if joined is None:
        return _ROWS.remove(tx, key=key)
    return tx.execute(_REMOVE, {"wanted": key, "seen": joined}).rowcount > 0


def shorten(tx: Connection, key: str, *, payload: bytes) -> None:
    """The first of it was dealt with, and what was asked with that; this is left."""
    tx.execute(_SHORTEN, {"wanted": key, "left": payload, "of_all": ()})


def postpone(tx: Connection, work: Parked, *, due: datetime, reason: str, asked: str | None = None) -> None:
    """It could not be done this time either; `asked` as in `park`."""
    now = of(tx, work.key)
    if now is None:
        return
    tries = work.tries + 1 if reason == work.reason else 1
    also = _also_asked(now.asked, asked)
    tx.execute(_POSTPONE, {"wanted": work.key, "later": due, "why": reason, "times": tries, "of_all": also})


def due_now(tx: Connection, now: datetime, *, reason: str, waits_for: str | None = None) -> int:
    """Wakes all that waits for a reason, or only what waits for one mailbox or user; how many rows."""
    if waits_for is None:
        return tx.execute(_WAKE, {"why": reason, "now": now}).rowcount
    return tx.execute(_WAKE_WAITING, {"why": reason, "now": now, "whom": waits_for}).rowcount


def counts(tx: Connection) -> dict[str, int]:
    """How much is parked, by reason."""
    return {row.reason: row.rows for row in tx.execute(_COUNTS)}


def _also_asked(before: tuple[str, ...], asked: str | None) -> tuple[str, ...]:
    return before if asked is None or asked in before else (*before, asked)


def _work(row: AnyRow) -> Parked:
    return Parked(*row)
