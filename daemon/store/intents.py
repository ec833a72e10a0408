"""Intents: what we are about to do in Exchange, written before it is done.

Whoever finds an unsettled intent waits for its deadline, reads Exchange again and takes equal content as done, so that
no effect is made twice and no mail repeated, whenever the process died.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from daemon.store import links
from daemon.store.errors import Stale
from daemon.store.rows import AnyRow, batches
from daemon.store.tables import intents
from handlers.links import Link

_ADD = insert(intents).returning(intents.c.id)
_UNSETTLED = select(intents).where(intents.c.link_id == bindparam("wanted")).order_by(intents.c.id)
_NOTE = (
    update(intents)
    .where(intents.c.id == bindparam("number"))
    .values(wanted=bindparam("noted"), mail=bindparam("mailing"), deadline=bindparam("until"))
)
_SETTLE = delete(intents).where(intents.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Effect:
    """One call to Exchange: in whose mailbox, which operation, the wanted values as JSON text, whom it mails."""

    mailbox: str
    operation: str
    wanted: str
    mail: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A claimed effect. `version` is the link's at the claim; past `deadline` the call is over, whatever came of it."""

    id: int
    link_id: str
    version: int
    effect: Effect
    deadline: datetime


def claim(
    tx: Connection, link: Link, effects: Iterable[Effect], *, deadline: datetime
) -> tuple[Link, tuple[Intent, ...]]:
    """Saves the link and writes down what will be done to its copies. Raises as `links.save` does."""
    claimed = links.save(tx, link)
    return claimed, tuple(_add(tx, claimed, effect, deadline=deadline) for effect in effects)


def unsettled(tx: Connection, link_id: str) -> tuple[Intent, ...]:
    """What was begun for a link and never settled, in the order of the claims."""
    return tuple(_intent(row) for row in tx.execute(_UNSETTLED, {"wanted": link_id}))


def note(tx: Connection, number: int, effect: Effect, *, deadline: datetime) -> None:
    """Keeps an intent with other wanted values: what came of it, say. Its mailbox and operation stay as they are.

    Raises `Stale` if somebody else has settled it.
    """
    known = {"noted": effect.wanted, "mailing": effect.mail, "until": deadline}
    if not tx.execute(_NOTE, known | {"number": number}).rowcount:
        raise Stale(f"intent {number} is settled")


def settle(tx: Connection, ids: Iterable[int]) -> None:
    """Forgets exactly these: their results are stored."""
    for batch in batches(ids):
        tx.execute(_SETTLE, {"ids": batch})


def _add(tx: Connection, link: Link, effect: Effect, *, deadline: datetime) -> Intent:
    row = {name: getattr(effect, name) for name in Effect.__slots__}
    number = tx.execute(_ADD, row | {"link_id": link.id, "version": link.version, "deadline": deadline}).scalar_one()
    return Intent(number, link.id, link.version, effect=effect, deadline=deadline)


def _intent(row: AnyRow) -> Intent:
    effect = Effect(row.mailbox, row.operation, row.wanted, mail=row.mail)
    return Intent(row.id, row.link_id, row.version, effect=effect, deadline=row.deadline)
