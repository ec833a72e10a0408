"""What is not built yet, and what cannot be read, is answered: once for the same state, and never with silence."""

from __future__ import annotations

import pytest

from daemon.bus.dispositions import Dead
from daemon.sync import control, origins
from daemon.sync.control import Answering
from schemas import catalogue
from tests.unit.schemas.samples import TASK
from tests.unit.sync.parts import Delivered, Desk, a_hint, a_record


def a_task(version: int = 1, *, offset: int = 0) -> Delivered:
    """A task that the CRM changed."""
    data = {
        "id": "t-1",
        "version": version,
        "link": None,
        "revision": 0,
        "origin": "user",
        "actor": {"user": "u-anna", "on_behalf_of": None},
        "notify": "none",
        "before": None,
        "after": dict(TASK),
    }
    return Delivered((a_record(catalogue.TASKS, "crm.task.updated.v1", data, key="t-1", offset=offset),))


async def test_a_task_is_answered_once_a_version(desk: Desk) -> None:
    """`skipped`, `not_yet`, never a dead letter; the same event again says nothing."""
    answering = Answering(desk.settler)
    for _ in range(2):
        await answering.process(a_task())
    assert await desk.told() == [("skipped", "not_yet")]
    await answering.process(a_task(2, offset=1))
    assert await desk.told() == [("skipped", "not_yet")] * 2
    assert await desk.position(catalogue.TASKS) == 2


async def test_an_operators_request_is_answered_as_control(desk: Desk) -> None:
    """He who asks hears that it is not built."""
    data = {"scope": {"level": "user", "id": "u-anna"}, "requested_by": "u-admin", "dry_run": False}
    record = a_record(catalogue.REQUESTS, "sync.pause.requested.v1", data, key="user:u-anna")
    await Answering(desk.settler).process(Delivered((record,)))
    [(topic, outcome)] = await desk.waiting()
    assert (topic, outcome["direction"], outcome["result"]) == (catalogue.OUTCOMES, "control", "skipped")


async def test_an_event_that_breaks_the_contract_is_dead_and_says_why(desk: Desk) -> None:
    """The field and the rule, not the value."""
    record = a_record(catalogue.TASKS, "crm.task.updated.v1", {"id": 7}, key="t-1")
    disposition = await Answering(desk.settler).process(Delivered((record,)))
    assert isinstance(disposition, Dead)
    assert disposition.kind == "decode"
    assert "id: must be text" in disposition.cause


@pytest.mark.scenario("S25a")
async def test_s25a_an_item_that_cannot_be_read_is_named_once_a_rule(desk: Desk) -> None:
    """Ten hints of an item whose end lies before its start are one `failed`; another defect is another one."""
    for offset, rule in enumerate([*["end_before_start"] * 10, "unknown_zone"]):
        delivery = Delivered((a_hint(offset=offset),))
        origin = origins.read(delivery.records)
        await control.quarantined(desk.settler, origin, delivery, key="item:AAMk-1", rule=rule)
    assert await desk.told() == [("failed", "restriction")] * 2
