"""What was begun in Exchange is known until it is settled, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from daemon.store import intents, links
from daemon.store.errors import Stale
from daemon.store.intents import Effect
from daemon.store.store import Store
from handlers.links import Link

DEADLINE = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
CREATE = Effect("anna@bank.example", "create", '{"subject":"Review"}', mail="all")
UPDATE = Effect("bob@bank.example", "update", '{"alarms":[15]}', mail="none")
LINK = Link(id="l-1", uid="0400")


def test_a_claim_bumps_the_link_and_writes_every_effect_down(tx: Connection) -> None:
    """Whoever reads the link now finds what is under way, in order, and cannot save on the older state."""
    stored = links.save(tx, LINK)

    claimed, made = intents.claim(tx, stored, [CREATE, UPDATE], deadline=DEADLINE)

    assert links.by_id(tx, "l-1") == claimed
    assert claimed.version == 2
    assert intents.unsettled(tx, "l-1") == made
    assert [(one.effect, one.version, one.deadline) for one in made] == [(CREATE, 2, DEADLINE), (UPDATE, 2, DEADLINE)]
    with pytest.raises(Stale):
        links.save(tx, stored)


def test_settling_forgets_exactly_what_was_done(tx: Connection) -> None:
    """One effect of two, and nothing of another link."""
    _, (first, second) = intents.claim(tx, LINK, [CREATE, UPDATE], deadline=DEADLINE)
    _, (other,) = intents.claim(tx, Link(id="l-2", uid="0401"), [CREATE], deadline=DEADLINE)

    intents.settle(tx, [first.id])

    assert intents.unsettled(tx, "l-1") == (second,)
    assert intents.unsettled(tx, "l-2") == (other,)


def test_what_is_known_of_a_call_is_noted_unless_somebody_else_has_settled_it(tx: Connection) -> None:
    """Who was fenced meanwhile gets no further."""
    _, (first, second) = intents.claim(tx, LINK, [CREATE, UPDATE], deadline=DEADLINE)
    later, silent = DEADLINE + timedelta(minutes=1), replace(CREATE, wanted="{}", mail="none")

    intents.note(tx, first.id, silent, deadline=later)

    assert intents.unsettled(tx, "l-1") == (replace(first, effect=silent, deadline=later), second)
    intents.settle(tx, [first.id])
    with pytest.raises(Stale):
        intents.note(tx, first.id, silent, deadline=later)


async def test_a_claim_on_an_older_state_claims_nothing(store: Store) -> None:
    """Only one of two who decided on the same state acts."""
    stored = await store.write(lambda tx: links.save(tx, LINK))
    _, made = await store.write(lambda tx: intents.claim(tx, stored, [CREATE], deadline=DEADLINE))

    with pytest.raises(Stale):
        await store.write(lambda tx: intents.claim(tx, stored, [UPDATE], deadline=DEADLINE))

    assert await store.read(lambda tx: intents.unsettled(tx, "l-1")) == made


async def test_an_intent_outlives_the_process(url: str) -> None:
    """After a crash between the call and its settling it is still known what was to be done."""
    store = await Store.open(url)
    _, made = await store.write(lambda tx: intents.claim(tx, LINK, [CREATE], deadline=DEADLINE))
    await store.close()

    store = await Store.open(url)
    assert await store.read(lambda tx: intents.unsettled(tx, "l-1")) == made
    await store.close()
