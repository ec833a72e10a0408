"""Who acts for whom: what was done is kept, and what is to be looked at or answered is found (INV-1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from daemon.store import delegates, directory
from daemon.store.delegates import Kept
from daemon.store.errors import Stale
from daemon.store.heads import Source
from handlers.delegations import Aim, Arrangement, Pair, State
from handlers.facts import User
from schemas import catalogue
from schemas.delegates import Rights

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOON = NOON + timedelta(minutes=5)
BEN = Pair("u-anna", "u-ben")
CARL = Pair("u-anna", "u-carl")
DORA = Pair("u-ben", "u-dora")
GRANTED = Arrangement(State.GRANTED, "anna@bank.example", "ben@bank.example", prior=Rights(calendar="Reviewer"))


def grant(tx: Connection, pair: Pair, *, offset: int = 0, version: int = 1) -> bool:
    """The CRM's grant stands from here on."""
    at = Source(catalogue.DELEGATIONS, 0, offset, version)
    return directory.put_delegation(tx, pair.principal, pair.delegate, at=at)


def keep(tx: Connection, kept: Kept) -> Kept:
    """Stores it for the first time."""
    delegates.save(tx, kept, was=Kept(kept.pair))
    return kept


def settle_all(tx: Connection, *pairs: Pair) -> None:
    """All there was to look at has been answered."""
    for pair in pairs:
        delegates.settle(tx, delegates.causes(tx, pair))


def test_nothing_is_known_of_a_pair_at_first(tx: Connection) -> None:
    """Neither done, nor to be looked at, nor in force."""
    assert delegates.of(tx, BEN) == Kept(BEN)
    assert delegates.causes(tx, BEN) == ()
    assert delegates.due(tx, NOON, 10) == ()
    assert delegates.all_pairs(tx) == ()
    assert delegates.in_force(tx, ["u-anna"]) == frozenset()
    assert delegates.head_of(tx, BEN) is None


@pytest.mark.parametrize("prior", [None, Rights(), Rights(calendar="Custom", tasks="Editor", sees_private=True)])
def test_what_was_done_is_kept_as_it_is(tx: Connection, prior: Rights | None) -> None:
    """With what he could do before, of which nothing at all is another answer than no delegate."""
    done = Arrangement(State.GRANTING, "anna@bank.example", "ben@bank.example", prior=prior)
    kept = Kept(BEN, done, event="e-1", said="in_force", turn=2**40, due=SOON, reason="denied", tries=3)
    keep(tx, kept)
    assert delegates.of(tx, BEN) == kept
    assert delegates.of(tx, CARL) == Kept(CARL)


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(tx: Connection) -> None:
    """Each change is made to what was read; a pair that is new is new to one only."""
    first = keep(tx, Kept(BEN, GRANTED, turn=1))
    with pytest.raises(Stale):
        delegates.save(tx, Kept(BEN, turn=1), was=Kept(BEN))
    second = Kept(BEN, Arrangement(), turn=2)
    delegates.save(tx, second, was=first)
    with pytest.raises(Stale):
        delegates.save(tx, Kept(BEN, GRANTED, turn=2), was=first)
    assert delegates.of(tx, BEN) == second


def test_the_principals_other_delegates_are_told_apart_from_him(tx: Connection) -> None:
    """Nobody else's, and he himself is not among them."""
    keep(tx, Kept(BEN, GRANTED, turn=1))
    keep(tx, Kept(CARL, Arrangement(), turn=1))
    keep(tx, Kept(DORA, GRANTED, turn=1))
    assert delegates.others_of(tx, BEN) == (Arrangement(),)
    assert delegates.others_of(tx, CARL) == (GRANTED,)
    assert delegates.others_of(tx, DORA) == ()


def test_what_is_forgotten_is_gone(tx: Connection) -> None:
    """And can be begun anew; what somebody changed meanwhile is not forgotten."""
    kept = keep(tx, Kept(BEN, GRANTED, turn=2))
    with pytest.raises(Stale):
        delegates.forget(tx, Kept(BEN, GRANTED, turn=1))
    delegates.forget(tx, kept)
    assert delegates.of(tx, BEN) == Kept(BEN)
    keep(tx, Kept(BEN, turn=1))


def test_causes_come_back_in_their_order_until_they_are_settled(tx: Connection) -> None:
    """One that comes while others are dealt with stays."""
    delegates.ask(tx, [BEN], record=b"one", stood=True)
    delegates.ask(tx, [BEN, CARL], record=b"two", replayed=True)
    seen = delegates.causes(tx, BEN)
    assert [(each.record, each.stood, each.replayed, each.held, each.fresh) for each in seen] == [
        (b"one", True, False, None, True),
        (b"two", False, True, None, True),
    ]
    delegates.ask(tx, [BEN])
    delegates.settle(tx, seen)
    assert [each.record for each in delegates.causes(tx, BEN)] == [None]
    assert [each.record for each in delegates.causes(tx, CARL)] == [b"two"]


def test_what_waits_is_due_again_in_its_time_only(tx: Connection) -> None:
    """What was looked at is not looked at over and over; what is new is, whatever waits."""
    delegates.ask(tx, [BEN], record=b"one")
    [cause] = delegates.causes(tx, BEN)
    assert delegates.due(tx, NOON, 10) == (BEN,)
    delegates.wait(tx, cause, held=Aim.GRANT)
    waits = keep(tx, Kept(BEN, turn=1, due=SOON, reason="paused"))
    [cause] = delegates.causes(tx, BEN)
    assert (cause.held, cause.fresh) == (Aim.GRANT, False)
    assert delegates.due(tx, NOON, 10) == ()
    assert delegates.due(tx, SOON, 10) == (BEN,)
    delegates.ask(tx, [BEN])
    assert delegates.due(tx, NOON, 10) == (BEN,)
    settle_all(tx, BEN)
    assert delegates.due(tx, NOON, 10) == ()
    assert delegates.of(tx, BEN) == waits


def test_the_longest_waiting_are_due_first_and_no_more_than_asked_for(tx: Connection) -> None:
    """Each pair once, however many causes it has."""
    for pair in (DORA, BEN, DORA, CARL):
        delegates.ask(tx, [pair])
    assert delegates.due(tx, NOON, 10) == (DORA, BEN, CARL)
    assert delegates.due(tx, NOON, 2) == (DORA, BEN)


def test_an_end_of_what_is_waited_for_wakes_it_and_nothing_else(tx: Connection) -> None:
    """A pause that is over says nothing of what Exchange denies."""
    keep(tx, Kept(BEN, turn=1, due=SOON, reason="paused"))
    keep(tx, Kept(CARL, turn=1, due=SOON, reason="denied"))
    assert delegates.due_now(tx, NOON, reason="paused") == 1
    assert delegates.due(tx, NOON, 10) == (BEN,)


def test_in_force_is_what_stands_and_is_done(tx: Connection) -> None:
    """For those principals alone that are asked for; a revoke counts before it is carried out."""
    for offset, pair in enumerate((BEN, CARL, DORA)):
        grant(tx, pair, offset=offset)
    keep(tx, Kept(BEN, GRANTED, turn=1))
    keep(tx, Kept(CARL, Arrangement(State.GRANTING, "a", "c"), turn=1))
    keep(tx, Kept(DORA, GRANTED, turn=1))
    assert delegates.in_force(tx, ["u-anna", "u-zoe"]) == {("u-anna", "u-ben")}
    assert delegates.in_force(tx, []) == frozenset()
    at = Source(catalogue.DELEGATIONS, 0, 9, 2)
    directory.delete_delegation(tx, "u-anna", "u-ben", at=at)
    assert delegates.in_force(tx, ["u-anna"]) == frozenset()


def test_a_grant_is_pending_until_it_was_looked_at_and_while_it_waits(tx: Connection) -> None:
    """Not before it stands, not once it is done or refused, and not when it was revoked."""
    delegates.ask(tx, [BEN])
    assert not delegates.is_pending(tx, "u-anna", "u-ben")
    grant(tx, BEN)
    assert delegates.is_pending(tx, "u-anna", "u-ben")
    assert not delegates.is_pending(tx, "u-ben", "u-anna")
    settle_all(tx, BEN)
    waits = keep(tx, Kept(BEN, turn=1, due=SOON))
    assert delegates.is_pending(tx, "u-anna", "u-ben")
    refused = Kept(BEN, said="option_off", turn=2)
    delegates.save(tx, refused, was=waits)
    assert not delegates.is_pending(tx, "u-anna", "u-ben")
    delegates.ask(tx, [BEN])
    assert delegates.is_pending(tx, "u-anna", "u-ben")
    delegates.save(tx, Kept(BEN, GRANTED, turn=3), was=refused)
    assert not delegates.is_pending(tx, "u-anna", "u-ben")


def test_pairs_are_found_by_whom_they_concern(tx: Connection) -> None:
    """Those that stand, and those for which something was done and no grant stands any more."""
    place = Source(catalogue.USERS, 0, 0, 1)
    directory.put_user(tx, User("u-anna", user_type="advisor"), at=place)
    directory.put_user(tx, User("u-ben", user_type="boss"), at=place)
    grant(tx, BEN)
    keep(tx, Kept(DORA, GRANTED, turn=1))
    assert delegates.all_pairs(tx) == (BEN, DORA)
    assert delegates.pairs_of_user(tx, "u-ben") == (BEN, DORA)
    assert delegates.pairs_of_user(tx, "u-dora") == (DORA,)
    assert delegates.pairs_of_type(tx, "advisor") == (BEN,)
    assert delegates.pairs_of_type(tx, "boss") == (DORA,)
    assert delegates.pairs_of_type(tx, "guest") == ()


def test_a_key_means_the_pair_it_was_made_of_whatever_its_ids_hold(tx: Connection) -> None:
    """An id may hold the colon that parts the two."""
    odd = Pair("u:anna", "u-ben")
    grant(tx, odd)
    grant(tx, BEN, offset=1)
    assert delegates.pairs_of_key(tx, odd.key) == (odd,)
    assert delegates.pairs_of_key(tx, BEN.key) == (BEN,)
    assert delegates.pairs_of_key(tx, CARL.key) == ()
    at = Source(catalogue.DELEGATIONS, 0, 2)
    assert directory.delete_delegation_of(tx, odd.key, at=at)
    assert delegates.all_pairs(tx) == (BEN,)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("version", "partition", "offset", "late"),
    [(1, 0, 6, True), (3, 0, 6, False), (2, 0, 6, False), (None, 0, 6, False), (1, 0, 2, False), (1, 1, 6, False)],
)
def test_among_grants_and_revokes_a_lower_version_that_comes_later_is_late(
    tx: Connection, version: int | None, partition: int, offset: int, late: bool
) -> None:
    """One read again is not, nor a deleted key, which states no version; and it is late only once."""
    grant(tx, BEN, offset=5, version=2)
    at = Source(catalogue.DELEGATIONS, partition, offset, version)
    assert directory.is_late_delegation(tx, BEN.key, at=at) is late
    assert not directory.is_late_delegation(tx, CARL.key, at=at)
    if late:
        assert not directory.is_late_delegation(tx, BEN.key, at=at)
        assert not grant(tx, BEN, offset=offset, version=1)
        later = Source(catalogue.DELEGATIONS, partition, offset + 1, version)
        assert directory.is_late_delegation(tx, BEN.key, at=later)


def test_where_the_newest_word_was_read_is_known(tx: Connection) -> None:
    """For outcomes that no record of their own has caused."""
    grant(tx, BEN, offset=7, version=4)
    assert delegates.head_of(tx, BEN) == Source(catalogue.DELEGATIONS, 0, 7, 4)
