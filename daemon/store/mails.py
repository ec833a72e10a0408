"""The ledger of mails: what Exchange was asked to send, written down before it is asked (INV-4, INV-5).

A message cannot be taken back, and a call that nobody heard the end of may have sent it. Whoever is about to mail finds
here what the same CRM event has mailed, or may have: to nobody twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from daemon.store import tables
from daemon.store.errors import Stale
from daemon.store.rows import AnyRow, batches

KEPT = timedelta(days=90)
"""How long a mail is remembered: no event is read again after that."""

_mails = tables.mails
_ENTER = insert(_mails).on_conflict_do_nothing().returning(_mails.c.key)
_FORGET_OLD = delete(_mails).where(_mails.c.at < bindparam("before"))
_OF_EVENT = select(_mails).where(_mails.c.link_id == bindparam("link"), _mails.c.version == bindparam("event"))
_IS = _mails.c.key.in_(bindparam("keys", expanding=True))
_END = update(_mails).where(_IS).values(state=bindparam("ended"))
_FORGET = delete(_mails).where(_IS)


class State(StrEnum):
    """What is known of a mail: asked for, gone, or that nobody knows whether it has gone."""

    BEGUN = "begun"
    SENT = "sent"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class Mail:
    """One call that mails, made for a version of a CRM item. `occurrence`: the one of a series it is about, "" for all
    of it; `recipients` are ids, in order.
    """

    link_id: str
    version: int
    operation: str
    occurrence: str
    mode: str
    recipients: tuple[str, ...]
    state: State = field(default=State.BEGUN, compare=False)

    @property
    def key(self) -> str:
        """The same for the same mail, whoever is about to send it."""
        parts = (self.link_id, str(self.version), self.operation, self.occurrence, self.mode, *self.recipients)
        return sha256("\n".join(parts).encode()).hexdigest()

    def reaches(self, other: Mail) -> bool:
        """Whether somebody would get both, about the same. Of whom nobody is known, everybody may be one."""
        if self.occurrence != other.occurrence:
            return False
        return not self.recipients or not other.recipients or not set(self.recipients).isdisjoint(other.recipients)


def enter(tx: Connection, mail: Mail, *, at: datetime) -> None:
    """Writes a mail down that is about to be sent, and forgets the oldest. Raises `Stale` if somebody else did."""
    tx.execute(_FORGET_OLD, {"before": at - KEPT})
    row = {name: getattr(mail, name) for name in Mail.__slots__}
    if tx.execute(_ENTER, row | {"key": mail.key, "state": mail.state.value, "at": at}).first() is None:
        raise Stale(f"mail {mail.key}")


def of_event(tx: Connection, link_id: str, version: int) -> tuple[Mail, ...]:
    """What was mailed, or may have been, because of one version of a link's item."""
    return tuple(_mail(row) for row in tx.execute(_OF_EVENT, {"link": link_id, "event": version}))


def end(tx: Connection, keys: Iterable[str], state: State) -> None:
    """What became of these."""
    for batch in batches(keys):
        tx.execute(_END, {"keys": batch, "ended": state.value})


def forget(tx: Connection, keys: Iterable[str]) -> None:
    """These were not sent: they may be by the next try."""
    for batch in batches(keys):
        tx.execute(_FORGET, {"keys": batch})


def _mail(row: AnyRow) -> Mail:
    return Mail(
        row.link_id, row.version, row.operation, row.occurrence, row.mode, row.recipients, state=State(row.state)
    )
