"""Of CRM changes that wait, those are kept that ask for something the newest does not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from daemon.bus.port import Record
from daemon.sync import asking
from schemas import catalogue
from tests.unit.sync.parts import a_record

ANNA, BOB = {"user": "u-anna"}, {"user": "u-bob", "on_behalf_of": "u-anna"}


def change(offset: int, actor: dict[str, str] | None = ANNA, notify: str = "none", origin: str = "user") -> Record:
    data: dict[str, Any] = {"actor": actor, "notify": notify, "origin": origin}
    return a_record(catalogue.SCHEDULE_ITEMS, "crm.schedule-item.updated.v1", data, key="si-1", offset=offset)


@pytest.mark.rule("INV-2", "INV-3")
@pytest.mark.parametrize(
    ("records", "left"),
    [
        ([change(0)], [0]),
        ([change(0), change(1), change(2)], [2]),
        ([change(0, notify="all"), change(1)], [0, 1]),
        ([change(0, notify="all"), change(1, notify="added"), change(2, notify="all")], [0, 1, 2]),
        ([change(0), change(1, notify="all")], [1]),
        ([change(0, BOB), change(1)], [0, 1]),
        ([change(0, BOB), change(1, BOB), change(2), change(3)], [1, 3]),
        ([change(0), change(1, None, origin="sync"), change(2)], [0, 1, 2]),
    ],
)
def test_what_asks_for_more_than_the_newest_waits_beside_it(records: list[Record], left: list[int]) -> None:
    assert [each.offset for each in asking.waiting(records)] == left


@pytest.mark.rule("INV-3")
def test_what_a_structured_event_asks_for_is_heard_as_well() -> None:
    """There the data lies within the event, beside its context."""
    loud = change(0, notify="all")
    event = {"specversion": "1.0", "id": "e-1", "source": "/crm", "type": "crm.schedule-item.updated.v1"}
    value = json.dumps({**event, "data": json.loads(loud.value or b"")}).encode()
    structured = replace(loud, value=value, headers=(("content-type", b"application/cloudevents+json"),))
    assert asking.waiting([structured, change(1)]) == (structured, change(1))


def test_of_very_many_those_that_ask_for_mails_are_kept() -> None:
    """An item that two people edit in turn while it waits must not grow without bounds."""
    records = [change(n, ANNA if n % 2 else BOB, "all" if n == 7 else "none") for n in range(300)]
    assert [each.offset for each in asking.waiting(records)] == [7, 299]


def test_only_changes_of_meetings_ask_for_something() -> None:
    assert asking.is_asked(catalogue.SCHEDULE_ITEMS)
    assert not asking.is_asked(catalogue.TASKS)
    assert not asking.is_asked(catalogue.NOTIFICATIONS)
