"""Who acts for whom in Exchange (INV-1): what was done for each pair, and what is still to be looked at and answered.

Two tables, because two write side by side. Whoever reads the directory adds causes, in the transaction that stores what
changed; whoever works on the pairs takes them away again, and alone changes what was done, one at a time for each
principal and never over something he has not seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from daemon.store import heads, tables
from daemon.store.errors import Stale
from daemon.store.heads import Source
from daemon.store.rows import AnyRow, Rows, batches
from handlers.delegations import Aim, Arrangement, Pair, State

_delegates, _causes, _standing = tables.delegates, tables.delegate_causes, tables.delegations
_ROWS = Rows(_delegates)
_ASK = insert(_causes)
_principals: BindParameter[list[str]] = bindparam("principals", expanding=True)

_INSERT = upsert(_delegates).on_conflict_do_nothing()
_AS_SEEN = and_(
    _delegates.c.principal == bindparam("of"),
    _delegates.c.delegate == bindparam("to"),
    _delegates.c.turn == bindparam("seen"),
)
_FORGET = delete(_delegates).where(_AS_SEEN)
_UPDATE = (
    update(_delegates)
    .where(_AS_SEEN)
    .values({column.name: bindparam(column.name) for column in _delegates.columns if not column.primary_key})
)
_CAUSES_OF = (
    select(_causes)
    .where(_causes.c.principal == bindparam("of"), _causes.c.delegate == bindparam("to"))
    .order_by(_causes.c.id)
)
_SETTLE = delete(_causes).where(_causes.c.id.in_(bindparam("ids", expanding=True)))
_SEEN = update(_causes).where(_causes.c.id == bindparam("number")).values(fresh=False)
_HELD = update(_causes).where(_causes.c.id == bindparam("number")).values(held=bindparam("aim"))
_OF_PRINCIPAL = select(_delegates).where(_delegates.c.principal == bindparam("of")).order_by(_delegates.c.delegate)
_FRESH = (
    select(_causes.c.principal, _causes.c.delegate)
    .where(_causes.c.fresh)
    .group_by(_causes.c.principal, _causes.c.delegate)
    .order_by(func.min(_causes.c.id))
    .limit(bindparam("at_most"))
)
_DUE = (
    select(_delegates.c.principal, _delegates.c.delegate)
    .where(_delegates.c.due <= bindparam("now"))
    .order_by(_delegates.c.due, _delegates.c.principal, _delegates.c.delegate)
    .limit(bindparam("at_most"))
)
_WAKE = (
    update(_delegates)
    .where(_delegates.c.reason == bindparam("why"), _delegates.c.due > bindparam("now"))
    .values(due=bindparam("now"))
)
_STANDS = select(_standing.c.delegate).where(
    _standing.c.principal == bindparam("of"), _standing.c.delegate == bindparam("to")
)
_IN_FORCE = (
    select(_delegates.c.principal, _delegates.c.delegate)
    .join(
        _standing,
        and_(_standing.c.principal == _delegates.c.principal, _standing.c.delegate == _delegates.c.delegate),
    )
    .where(_delegates.c.state == State.GRANTED.value, _delegates.c.principal.in_(_principals))
)
_WORK = or_(
    exists().where(
        _causes.c.principal == _standing.c.principal,
        _causes.c.delegate == _standing.c.delegate,
    ),
    exists().where(
        _delegates.c.principal == _standing.c.principal,
        _delegates.c.delegate == _standing.c.delegate,
        _delegates.c.due.is_not(None),
    ),
)
_GRANTED = exists().where(
    _delegates.c.principal == _standing.c.principal,
    _delegates.c.delegate == _standing.c.delegate,
    _delegates.c.state == State.GRANTED.value,
)
_PENDING = _STANDS.where(_WORK, ~_GRANTED)
_BOTH = (_standing, _delegates)
_ALL = union(*(select(table.c.principal, table.c.delegate) for table in _BOTH))
_OF_USER = union(
    *(
        select(table.c.principal, table.c.delegate).where(
            or_(table.c.principal == bindparam("who"), table.c.delegate == bindparam("who"))
        )
        for table in _BOTH
    )
)
_OF_TYPE = union(
    *(
        select(table.c.principal, table.c.delegate)
        .join(tables.users, tables.users.c.id == table.c.principal)
        .where(tables.users.c.user_type == bindparam("kind"))
        for table in _BOTH
    )
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that makes a pair worth a look, and may have to be answered.

    `record` is the packed record, None where no record did it: other settings, a start. `stood`: the grant stood when
    it came. `replayed`: a store that was lost since had dealt with it. `held`: an outcome said that it waits, and on
    the way where.
    """

    id: int
    record: bytes | None
    stood: bool
    replayed: bool
    held: Aim | None
    fresh: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a pair. `event` is the id of the newest grant that was looked at; `said` the last word on it.

    `turn` grows with each change and is 0 for a pair nothing is kept of. `due`: when to try again, `reason` what for,
    `tries` how often in a row it had to wait for that.
    """

    pair: Pair
    done: Arrangement = field(default_factory=Arrangement)
    event: str = ""
    said: str = ""
    turn: int = 0
    due: datetime | None = None
    reason: str = ""
    tries: int = 0


# what is to be looked at


def ask(
    tx: Connection,
    pairs: Iterable[Pair],
    *,
    record: bytes | None = None,
    stood: bool = False,
    replayed: bool = False,
) -> int:
    """These pairs are worth a look because of this; how many they are."""
    rows = [
        {
            "principal": pair.principal,
            "delegate": pair.delegate,
            "record": record,
            "stood": stood,
            "replayed": replayed,
            "held": "",
            "fresh": True,
        }
        for pair in sorted(set(pairs))
    ]
    if rows:
        tx.execute(_ASK, rows)
    return len(rows)


def due(tx: Connection, now: datetime, limit: int) -> tuple[Pair, ...]:
    """Pairs with something new to look at, in the order it came, and those whose time has come to be tried again."""
    fresh = tx.execute(_FRESH, {"at_most": limit})
    late = tx.execute(_DUE, {"now": now, "at_most": limit})
    return tuple(dict.fromkeys(Pair(*row) for row in (*fresh, *late)))[:limit]


def causes(tx: Connection, pair: Pair) -> tuple[Cause, ...]:
    """What there is to look at for a pair, oldest first."""
    return tuple(_cause(row) for row in tx.execute(_CAUSES_OF, {"of": pair.principal, "to": pair.delegate}))


def wait(tx: Connection, cause: Cause, *, held: Aim | None) -> None:
    """It was looked at and has to wait; `held`: what was said of it."""
    tx.execute(_SEEN, {"number": cause.id})
    if held is not None:
        tx.execute(_HELD, {"number": cause.id, "aim": held.value})


def settle(tx: Connection, seen: Iterable[Cause]) -> None:
    """Forgets exactly these: they were answered, or need no answer."""
    for batch in batches(cause.id for cause in seen):
        tx.execute(_SETTLE, {"ids": batch})


def due_now(tx: Connection, now: datetime, *, reason: str) -> int:
    """Wakes all that waits for a reason; how many pairs."""
    return tx.execute(_WAKE, {"why": reason, "now": now}).rowcount


# what was done


def of(tx: Connection, pair: Pair) -> Kept:
    """What is kept of a pair."""
    row = _ROWS.get(tx, principal=pair.principal, delegate=pair.delegate)
    return Kept(pair) if row is None else _kept(row)


def others_of(tx: Connection, pair: Pair) -> tuple[Arrangement, ...]:
    """What was done for the principal's other delegates."""
    rows = tx.execute(_OF_PRINCIPAL, {"of": pair.principal})
    return tuple(_kept(row).done for row in rows if row.delegate != pair.delegate)


def save(tx: Connection, kept: Kept, *, was: Kept) -> None:
    """Stores what became of a pair. Raises `Stale` if somebody else has meanwhile."""
    row = _row(kept)
    if was.turn == 0:
        stored = tx.execute(_INSERT, row).rowcount
    else:
        key = {"of": row.pop("principal"), "to": row.pop("delegate"), "seen": was.turn}
        stored = tx.execute(_UPDATE, row | key).rowcount
    if not stored:
        raise Stale(kept.pair.key)


def forget(tx: Connection, was: Kept) -> None:
    """Nothing is left to be known of a pair. Raises `Stale` as `save` does."""
    key = {"of": was.pair.principal, "to": was.pair.delegate, "seen": was.turn}
    if not tx.execute(_FORGET, key).rowcount:
        raise Stale(was.pair.key)


# what stands


def stands(tx: Connection, pair: Pair) -> bool:
    """Whether the CRM's grant stands."""
    return tx.execute(_STANDS, {"of": pair.principal, "to": pair.delegate}).first() is not None


def in_force(tx: Connection, principals: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Principal and delegate of each grant of these principals that stands and is done in Exchange."""
    found = (row for batch in batches(principals) for row in tx.execute(_IN_FORCE, {"principals": batch}))
    return frozenset((row.principal, row.delegate) for row in found)


def is_pending(tx: Connection, principal: str, delegate: str) -> bool:
    """Whether a grant stands that nobody has looked at yet, or that waits for Exchange: it may be in force soon."""
    return tx.execute(_PENDING, {"of": principal, "to": delegate}).first() is not None


def all_pairs(tx: Connection) -> tuple[Pair, ...]:
    """Every pair whose grant stands, or for which something was done."""
    return tuple(sorted(Pair(*row) for row in tx.execute(_ALL)))


def pairs_of_user(tx: Connection, user: str) -> tuple[Pair, ...]:
    """Those with him as principal or delegate."""
    return tuple(sorted(Pair(*row) for row in tx.execute(_OF_USER, {"who": user})))


def pairs_of_type(tx: Connection, user_type: str) -> tuple[Pair, ...]:
    """Those whose principal is of a type of users."""
    return tuple(sorted(Pair(*row) for row in tx.execute(_OF_TYPE, {"kind": user_type})))


def pairs_of_key(tx: Connection, key: str) -> tuple[Pair, ...]:
    """Those a record's key may mean: an id may hold the colon that parts the two."""
    splits = [Pair(key[:at], key[at + 1 :]) for at, sign in enumerate(key) if sign == ":"]
    return tuple(pair for pair in splits if stands(tx, pair) or of(tx, pair).turn)


def head_of(tx: Connection, pair: Pair) -> Source | None:
    """Where the newest word on a pair was read."""
    return heads.of(tx, "delegation", pair.key)


def _cause(row: AnyRow) -> Cause:
    held = Aim(row.held) if row.held else None
    return Cause(row.id, row.record, stood=row.stood, replayed=row.replayed, held=held, fresh=row.fresh)


def _kept(row: AnyRow) -> Kept:
    done = Arrangement(State(row.state), row.mailbox or "", row.address or "", prior=row.prior)
    return Kept(
        Pair(row.principal, row.delegate),
        done,
        event=row.event,
        said=row.said,
        turn=row.turn,
        due=row.due,
        reason=row.reason,
        tries=row.tries,
    )


def _row(kept: Kept) -> dict[str, object]:
    done = kept.done
    return {
        "principal": kept.pair.principal,
        "delegate": kept.pair.delegate,
        "state": done.state.value,
        "mailbox": done.mailbox or None,
        "address": done.address or None,
        "prior": done.prior,
        "event": kept.event,
        "said": kept.said,
        "turn": kept.turn,
        "due": kept.due,
        "reason": kept.reason,
        "tries": kept.tries,
    }
