"""Parked work waits, one row per item, and nothing that was asked is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from daemon.store import parked

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def park(tx: Connection, key: str = "item-1", **values: object) -> parked.Parked:
    """Work for one item."""
    known = {"kind": "hint", "due": NOON, "reason": "busy", "payload": b"v1"}
    return parked.park(tx, key=key, **(known | values))  # type: ignore[arg-type]


def test_work_comes_back_as_it_was_parked(tx: Connection) -> None:
    """With its due time as an aware instant."""
    put = park(tx, asked="u-ben:all", waits_for="anna@bank.example")

    assert parked.of(tx, "item-1") == put
    assert parked.due(tx, NOON, 10) == (put,)
    assert put == parked.Parked(
        key="item-1",
        kind="hint",
        due=NOON,
        reason="busy",
        waits_for="anna@bank.example",
        payload=b"v1",
        asked=("u-ben:all",),
        joined=1,
    )


def test_a_later_record_joins_and_the_newest_state_counts(tx: Connection) -> None:
    """What was asked on the way is kept, each request once, in its order."""
    park(tx, asked="u-ben:all")
    park(tx, payload=b"v2", asked="u-eve:none", due=NOON + MINUTE, reason="paused", kind="change")
    park(tx, payload=b"v3", asked="u-ben:all")
    joined = park(tx, payload=b"v4", reason="down", due=NOON + 2 * MINUTE)

    assert parked.of(tx, "item-1") == joined
    assert joined.payload == b"v4"
    assert joined.reason == "down"
    assert joined.due == NOON + 2 * MINUTE
    assert joined.asked == ("u-ben:all", "u-eve:none")
    assert joined.joined == 4


def test_only_what_is_due_is_given_longest_due_first(tx: Connection) -> None:
    """As much as asked for."""
    for key, minutes in (("late", 3), ("second", 1), ("first", 0), ("third", 2)):
        park(tx, key, due=NOON + minutes * MINUTE)

    def due(now: datetime, limit: int) -> list[str]:
        return [work.key for work in parked.due(tx, now, limit)]

    assert due(NOON + 2 * MINUTE, 10) == ["first", "second", "third"]
    assert due(NOON + 2 * MINUTE, 2) == ["first", "second"]
    assert due(NOON - MINUTE, 10) == []
    assert parked.next_due(tx) == NOON


def test_nothing_parked_is_nothing_due(tx: Connection) -> None:
    """Nobody needs to look again."""
    assert parked.next_due(tx) is None
    assert parked.due(tx, NOON, 10) == ()
    assert parked.of(tx, "item-1") is None
    assert parked.counts(tx) == {}
    assert not parked.remove(tx, "item-1")


def test_what_joined_while_the_work_was_done_stays(tx: Connection) -> None:
    """Only the work that was read is taken out."""
    read = park(tx)
    park(tx, payload=b"newer")

    assert not parked.remove(tx, "item-1", joined=read.joined)
    left = parked.of(tx, "item-1")
    assert left is not None
    assert left.payload == b"newer"
    assert parked.remove(tx, "item-1", joined=left.joined)
    assert parked.of(tx, "item-1") is None


def test_what_waits_for_somebody_is_woken_when_he_is_there(tx: Connection) -> None:
    """By reason, and by the mailbox or user waited for; the others sleep on, what is due already keeps its place."""
    later = NOON + timedelta(hours=1)
    park(tx, "a", due=later, reason="unknown_user", waits_for="u-anna")
    park(tx, "b", due=later, reason="unknown_user", waits_for="u-bob")
    park(tx, "c", due=later, reason="busy", waits_for="u-anna")
    park(tx, "d", due=NOON - MINUTE, reason="unknown_user", waits_for="u-anna")

    assert parked.due_now(tx, NOON, reason="unknown_user", waits_for="u-anna") == 1
    assert [work.key for work in parked.due(tx, NOON, 10)] == ["d", "a"]
    assert parked.due_now(tx, NOON, reason="unknown_user") == 1
    assert [work.key for work in parked.due(tx, NOON, 10)] == ["d", "a", "b"]


def test_work_is_counted_by_reason(tx: Connection) -> None:
    """For the metric."""
    for key, reason in (("a", "busy"), ("b", "busy"), ("c", "paused")):
        park(tx, key, reason=reason)

    assert parked.counts(tx) == {"busy": 2, "paused": 1}


def test_what_could_not_be_done_this_time_either_waits_on(tx: Connection) -> None:
    """Its state and what was asked stay; the others are left alone."""
    before = park(tx, asked="u-ben:all")
    other = park(tx, "item-2")

    parked.postpone(tx, before, due=NOON + MINUTE, reason="down")

    assert parked.of(tx, "item-1") == replace(before, due=NOON + MINUTE, reason="down", tries=1)
    assert parked.of(tx, "item-2") == other


def test_what_waits_again_and_again_for_one_reason_is_counted(tx: Connection) -> None:
    """Another reason counts from one again, and a newer state from nothing."""
    work = park(tx)
    counted = []
    for reason in ("busy", "busy", "down", "down"):
        parked.postpone(tx, work, due=NOON, reason=reason)
        work = parked.of(tx, "item-1") or work
        counted.append(work.tries)
    assert counted == [1, 2, 1, 2]
    assert park(tx).tries == 0


def test_what_was_asked_while_it_was_tried_is_not_forgotten(tx: Connection) -> None:
    """A record joined meanwhile; postponing the older state keeps its request, too."""
    before = park(tx, asked="u-ben:all")
    park(tx, asked="u-eve:none")

    parked.postpone(tx, before, due=NOON, reason="paused", asked="held")

    found = parked.of(tx, "item-1")
    assert found is not None
    assert found.asked == ("u-ben:all", "u-eve:none", "held")
