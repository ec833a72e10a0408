"""What is not built yet, and what cannot be read, is answered: once for the same state, and never with silence."""

from __future__ import annotations

import pytest

from daemon.sync import control, origins
from schemas import catalogue
from tests.unit.sync.parts import Delivered, Desk, a_hint, a_record


def a_request(name: str = "r-1", *, offset: int = 0) -> Delivered:
    """An operator asks for something."""
    data = {"scope": {"level": "user", "id": "u-anna"}, "requested_by": "u-admin", "dry_run": False}
    record = a_record(catalogue.REQUESTS, "sync.pause.requested.v1", data, key=name, offset=offset)
    return Delivered((record,))


async def answered(desk: Desk, delivery: Delivered, *, key: str) -> None:
    await control.not_yet(desk.settler, origins.read(delivery.records), delivery, key=key)


async def test_what_is_asked_for_is_answered_once_an_event(desk: Desk) -> None:
    """`skipped`, `not_yet`, as control, never a dead letter; the same event again says nothing."""
    for _ in range(2):
        await answered(desk, a_request(), key="sync.requests:r-1")
    [(topic, outcome)] = await desk.waiting()
    said = (outcome["direction"], outcome["result"], outcome["reason"])
    assert (topic, *said) == (catalogue.OUTCOMES, "control", "skipped", "not_yet")


async def test_an_item_is_answered_once_however_many_hints_it_has(desk: Desk) -> None:
    """Another item is another answer."""
    for offset in range(3):
        await answered(desk, Delivered((a_hint(offset=offset),)), key="item:AAMk-1")
    assert await desk.told() == [("skipped", "not_yet")]
    await answered(desk, Delivered((a_hint(offset=3),)), key="item:AAMk-2")
    assert await desk.told() == [("skipped", "not_yet")] * 2


@pytest.mark.scenario("S25a")
async def test_s25a_an_item_that_cannot_be_read_is_named_once_a_rule(desk: Desk) -> None:
    """Ten hints of an item whose end lies before its start are one `failed`; another defect is another one."""
    for offset, rule in enumerate([*["end_before_start"] * 10, "unknown_zone"]):
        delivery = Delivered((a_hint(offset=offset),))
        origin = origins.read(delivery.records)
        await control.quarantined(desk.settler, origin, delivery, key="item:AAMk-1", rule=rule)
    assert await desk.told() == [("failed", "restriction")] * 2
