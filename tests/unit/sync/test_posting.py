"""Who may be mailed by an effect, by what the ledger says, and what the outcome says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from daemon.store import intents, mails
from daemon.store.intents import Intent
from daemon.store.mails import State
from daemon.store.store import Store
from daemon.sync import intending, posting
from daemon.sync.intending import End, Intended
from handlers.effects import Effect, Operation
from handlers.links import Link
from handlers.plans import Explanation, Report
from schemas.copies import Attendee, Role
from schemas.items import ScheduleItem
from schemas.outcomes import Decision, Direction, Result
from schemas.sending import SILENT, Sending, Whom
from tests.unit.sync.parts import Desk

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LINK = Link(id="l-1", uid="0400", crm_version=3)
UPDATE = Effect(
    operation=Operation.UPDATE,
    mailbox="anna@bank.example",
    user="u-anna",
    item=ScheduleItem(subject="Review"),
    item_id="AAMk-1",
    change_key="k-1",
    fields=("subject",),
    sending=Sending(Whom.ALL, acting="bob@bank.example"),
    recipients=("c-7", "u-cleo"),
    delegate="u-bob",
)
TAKEN_OUT = replace(UPDATE, sending=SILENT, recipients=(), uninvite=frozenset({"cleo@bank.example"}))
REPORT = Report(Direction.OUTBOUND, Result.APPLIED)
MAILED = Intended(effect=UPDATE, by=Direction.OUTBOUND, mail="key", event=3, id=7, deadline=NOW)


async def admitted(store: Store, *effects: Effect, link: Link = LINK) -> tuple[Intended, ...]:
    return await store.write(
        lambda tx: posting.admitted(tx, effects, link=link, by=Direction.OUTBOUND, at=NOW),
    )


async def ledger(store: Store) -> list[State]:
    return [each.state for each in await store.read(lambda tx: mails.of_event(tx, "l-1", 3))]


@pytest.mark.rule("INV-4")
@pytest.mark.parametrize(
    ("end", "why", "state"),
    [
        (lambda each: replace(each, end=End.MADE), posting.MAILED_BEFORE, [State.SENT]),
        (posting.unknown, posting.PERHAPS_BEFORE, [State.DOUBTFUL]),
        (lambda each: replace(each, end=End.DOUBTFUL), posting.PERHAPS_BEFORE, [State.BEGUN]),
        (lambda each: each, "", [State.BEGUN]),
        (posting.stood, "", [State.BEGUN]),
        (posting.forestalled, "", [State.BEGUN]),
    ],
    ids=["made", "unknown", "doubtful", "not made", "stood", "forestalled"],
)
async def test_what_an_event_has_mailed_or_may_have_it_does_not_mail_again(
    desk: Desk, end: Callable[[Intended], Intended], why: str, state: list[State]
) -> None:
    """Not even as another kind of call, or to somebody more; what was not sent may be."""
    [first] = await admitted(desk.store, UPDATE)
    assert (first.effect, first.unmailed, first.event) == (UPDATE, "", 3)
    ended = end(first)
    await desk.store.write(lambda tx: posting.record(tx, [ended]))

    again = replace(UPDATE, operation=Operation.CREATE, recipients=("u-cleo", "u-dora"))
    [second] = await admitted(desk.store, again)

    assert second.unmailed == why
    assert second.effect.sending == (Sending(acting="bob@bank.example") if why else UPDATE.sending)
    assert await ledger(desk.store) == state


@pytest.mark.rule("INV-3", "INV-4")
async def test_another_event_another_occurrence_and_other_people_are_mailed(desk: Desk) -> None:
    others = replace(UPDATE, recipients=("u-dora",))
    one = replace(UPDATE, occurrence=NOW, index=2)
    found = [*await admitted(desk.store, UPDATE, others, one)]
    found += await admitted(desk.store, UPDATE, link=replace(LINK, crm_version=4))
    assert [each.unmailed for each in found] == ["", "", "", ""]
    assert len({each.mail for each in found}) == 4


@pytest.mark.rule("INV-3")
async def test_the_second_of_two_writes_waits_for_what_the_first_leaves(desk: Desk) -> None:
    """And so does an occurrence, whose series' key is known when it is called."""
    found = await admitted(desk.store, TAKEN_OUT, UPDATE, replace(UPDATE, occurrence=NOW, index=2))
    assert [each.waiting for each in found] == [False, True, True]
    [alone] = await admitted(desk.store, replace(UPDATE, recipients=("u-dora",)))
    assert not alone.waiting


@pytest.mark.rule("INV-4")
def test_the_outcome_says_who_was_mailed_and_what_was_not_sent() -> None:
    """What the last try had no reason to mail any more was mailed before."""
    quiet = Explanation("INV-5", "l-1", Decision.SILENT, "the organizer's copy says so already")
    kept = Explanation("PART-6", "u-dora", Decision.KEPT, "no address to invite him by")
    report = replace(REPORT, explain=(quiet, kept))
    to = [Explanation("INV-3", who, Decision.MAILED, "notify all") for who in ("c-7", "u-cleo")]

    assert posting.told(report, [replace(MAILED, end=End.MADE)], link_id="l-1", notify="all").explain == (kept, *to)
    assert posting.told(report, [posting.unknown(MAILED)], link_id="l-1", notify="all").explain == (
        kept,
        Explanation("INV-4", "l-1", Decision.SILENT, posting.PERHAPS_BEFORE),
    )
    silent = Intended(effect=TAKEN_OUT, by=Direction.OUTBOUND, end=End.MADE)
    assert posting.told(report, [silent], link_id="l-1", notify="all") == report


def test_an_intent_is_read_as_it_was_written() -> None:
    """With all that its call and its outcome need, after any crash."""
    known = replace(
        MAILED,
        effect=replace(UPDATE, occurrence=NOW, index=2, invite=(Attendee(Role.REQUIRED, "Cleo", "cleo@bank.example"),)),
        waiting=True,
        end=End.UNKNOWN,
        unmailed=posting.PERHAPS_BEFORE,
    )
    assert intending.read(Intent(7, "l-1", 2, effect=intending.kept(known), deadline=NOW)) == known


async def test_what_is_said_is_closed(desk: Desk) -> None:
    """The intent goes; the mail is known to have gone."""

    def claim(tx: Connection) -> Intended:
        [each] = posting.admitted(tx, [UPDATE], link=LINK, by=Direction.OUTBOUND, at=NOW)
        _, [intent] = intents.claim(tx, LINK, [intending.kept(each)], deadline=NOW)
        return replace(each, id=intent.id, end=End.MADE)

    made = await desk.store.write(claim)
    await desk.store.write(lambda tx: posting.close(tx, [made]))

    assert await desk.store.read(lambda tx: intents.unsettled(tx, "l-1")) == ()
    assert await ledger(desk.store) == [State.SENT]
