"""What was mailed, or may have been, is known for as long as its event may come again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from daemon.store import mails
from daemon.store.errors import Stale
from daemon.store.mails import KEPT, Mail, State
from daemon.store.store import Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAIL = Mail("l-1", 3, operation="update", occurrence="", mode="all", recipients=("c-7", "u-bob"))
OTHER = replace(MAIL, recipients=("u-cleo",))


def enter(tx: Connection, *entered: Mail, at: datetime = NOW) -> None:
    for each in entered:
        mails.enter(tx, each, at=at)


def known(tx: Connection) -> dict[tuple[str, ...], State]:
    """The mails of the event, by whom they go to."""
    return {each.recipients: each.state for each in mails.of_event(tx, "l-1", 3)}


@pytest.mark.rule("INV-4")
def test_a_mail_is_begun_until_its_end_is_known(tx: Connection) -> None:
    """Of two, each has its own end; another event's are no business of this one."""
    enter(tx, MAIL, OTHER, replace(MAIL, version=4), replace(MAIL, link_id="l-2"))
    assert known(tx) == {("c-7", "u-bob"): State.BEGUN, ("u-cleo",): State.BEGUN}

    mails.end(tx, [MAIL.key], State.SENT)
    mails.end(tx, [OTHER.key], State.DOUBTFUL)

    assert known(tx) == {("c-7", "u-bob"): State.SENT, ("u-cleo",): State.DOUBTFUL}
    assert [each.state for each in mails.of_event(tx, "l-1", 4)] == [State.BEGUN]


@pytest.mark.rule("INV-4")
def test_what_was_not_sent_is_forgotten(tx: Connection) -> None:
    """The next try may send it."""
    enter(tx, MAIL, OTHER)

    mails.forget(tx, [MAIL.key])

    assert known(tx) == {("u-cleo",): State.BEGUN}
    enter(tx, MAIL)
    assert known(tx) == {("u-cleo",): State.BEGUN, ("c-7", "u-bob"): State.BEGUN}


@pytest.mark.rule("INV-4")
async def test_the_same_mail_is_written_down_once(store: Store) -> None:
    """Whoever tries a second time does not get as far as sending it."""
    await store.write(lambda tx: mails.enter(tx, MAIL, at=NOW))
    with pytest.raises(Stale):
        await store.write(lambda tx: mails.enter(tx, MAIL, at=NOW + timedelta(minutes=1)))


def test_a_mail_is_forgotten_after_ninety_days(tx: Connection) -> None:
    """With the next one that is sent, whosever that is."""
    enter(tx, MAIL)
    enter(tx, OTHER, at=NOW + KEPT)
    assert set(known(tx)) == {MAIL.recipients, OTHER.recipients}

    enter(tx, replace(MAIL, link_id="l-2"), at=NOW + KEPT + timedelta(seconds=1))

    assert set(known(tx)) == {OTHER.recipients}


@pytest.mark.rule("INV-4")
@pytest.mark.parametrize(
    ("other", "reached"),
    [
        (MAIL, True),
        (replace(MAIL, recipients=("u-bob", "u-cleo")), True),
        (replace(MAIL, operation="create", mode="added"), True),
        (replace(MAIL, recipients=()), True),
        (OTHER, False),
        (replace(MAIL, occurrence="2026-12-01T09:00:00+00:00"), False),
    ],
)
def test_two_mails_of_an_event_reach_somebody_twice_if_they_are_about_the_same(other: Mail, reached: bool) -> None:
    """How each is sent makes no difference to whoever gets both."""
    assert MAIL.reaches(other) is reached
    assert other.reaches(MAIL) is reached


def test_mails_differ_by_what_they_are_for() -> None:
    """One key each."""
    others = [
        replace(MAIL, link_id="l-2"),
        replace(MAIL, version=4),
        replace(MAIL, operation="delete"),
        replace(MAIL, occurrence="2026-12-01T09:00:00+00:00"),
        replace(MAIL, mode="added"),
        OTHER,
    ]
    assert len({each.key for each in (MAIL, *others)}) == 7
    assert replace(MAIL, state=State.SENT).key == MAIL.key
