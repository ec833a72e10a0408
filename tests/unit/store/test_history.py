"""Why an item is as it is can be told from its last outcomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from daemon.store import history, links
from handlers.links import Link

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def add(tx: Connection, n: int, *, link: str = "l-1", crm_id: str | None = None, uid: str | None = "0400") -> None:
    """The n-th outcome."""
    at = NOON + timedelta(seconds=n)
    history.add(tx, link=link, crm_id=crm_id, uid=uid, outcome_json=f'{{"n":{n}}}', at=at)


def told(tx: Connection, item: str) -> list[str]:
    """The outcomes of an item."""
    return [entry.outcome for entry in history.of(tx, item)]


@pytest.mark.rule("OPT-5")
def test_an_item_is_found_by_link_crm_id_or_uid(tx: Connection) -> None:
    """Oldest first, also the outcomes from before its CRM id was known."""
    add(tx, 1)
    add(tx, 2, crm_id="si-1")
    add(tx, 3, link="l-2", uid="0401", crm_id="si-2")

    for item in ("l-1", "si-1", "0400"):
        assert told(tx, item) == ['{"n":1}', '{"n":2}'], item
    assert told(tx, "unknown") == []
    first = history.of(tx, "l-1")[0]
    assert first == history.Entry("l-1", None, "0400", at=NOON + timedelta(seconds=1), outcome='{"n":1}')


def test_an_item_is_found_by_what_its_link_has_learnt_since(tx: Connection) -> None:
    """The CRM told its id only after the only outcome."""
    add(tx, 1)
    links.save(tx, Link(id="l-1", uid="0400", crm_id="si-1"))

    assert told(tx, "si-1") == ['{"n":1}']


def test_the_last_outcomes_are_kept(tx: Connection) -> None:
    """So many per link, however busy another one is."""
    add(tx, 0, link="l-2", uid="0401")
    for n in range(history.KEPT + 7):
        add(tx, n)

    assert told(tx, "l-1") == [f'{{"n":{n}}}' for n in range(7, history.KEPT + 7)]
    assert told(tx, "l-2") == ['{"n":0}']
