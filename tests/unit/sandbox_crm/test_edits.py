"""What people do in the sandbox CRM, and what the bus hears of it."""

from __future__ import annotations

import asyncio

import pytest

from daemon.sandbox.crm.records import ItemDeleted, NoSuchItem
from daemon.sandbox.crm.service import SandboxCrm
from schemas.problems import Malformed
from tests.unit.sandbox_crm.world import ANNA, LINK, Bus, World, a_meeting, a_task, record_of, upsert


async def test_making_an_item_emits_it_whole(world: World) -> None:
    """A user's new meeting has no link yet and nothing before it."""
    made = await world.crm.create({"actor": ANNA, "notify": "all", "item": a_meeting()})

    assert (made["id"], made["version"], made["link"], made["revision"]) == ("si-1", 1, None, 0)
    assert world.bus.last.type == "crm.schedule-item.created.v1"
    assert world.bus.last.data == {
        "id": "si-1",
        "version": 1,
        "link": None,
        "revision": 0,
        "origin": "user",
        "actor": ANNA,
        "notify": "all",
        "before": None,
        "after": a_meeting(),
    }


async def test_an_edit_is_merged_and_emitted_with_both_whole_items(world: World) -> None:
    """Only the stated fields change; the event carries the link and the revision last applied."""
    await world.given(upsert(revision=7))

    edited = await world.crm.edit("si-1", {"actor": ANNA, "item": {"location": "Room 5"}})

    after = a_meeting(location="Room 5")
    assert (edited["version"], edited["item"]) == (2, after)
    assert world.bus.last.type == "crm.schedule-item.updated.v1"
    said = world.bus.last.data
    assert (said["before"], said["after"]) == (a_meeting(), after)
    assert (said["link"], said["version"], said["revision"], said["origin"]) == (LINK, 2, 7, "user")


async def test_deleting_emits_what_was_there(world: World) -> None:
    """A delete has a version of its own and nothing after it."""
    await world.crm.create({"item": a_meeting()})

    deleted = await world.crm.delete("si-1", {"notify": "all"})

    assert (deleted["deleted"], deleted["version"]) == (True, 2)
    said = world.bus.last
    assert said.type == "crm.schedule-item.deleted.v1"
    assert (said.data["before"], said.data["after"], said.data["notify"]) == (a_meeting(), None, "all")


async def test_leaving_scope_is_said_and_deletes_nothing(world: World) -> None:
    """The item is still there, whole, and an edit may follow."""
    await world.crm.create({"item": a_meeting()})

    await world.crm.take_out_of_scope("si-1", {})

    assert world.bus.last.type == "crm.schedule-item.out-of-scope.v1"
    assert (world.only["deleted"], world.only["version"], world.only["item"]) == (False, 2, a_meeting())
    assert (await world.crm.edit("si-1", {"item": {"subject": "Again"}}))["version"] == 3


async def test_a_task_is_made_by_naming_its_kind(world: World) -> None:
    """A task keeps a task's fields and goes to the tasks' topic."""
    made = await world.crm.create({"kind": "task", "item": a_task()})

    assert (made["id"], made["kind"]) == ("task-1", "task")
    assert (world.bus.last.topic, world.bus.last.type) == ("crm.tasks", "crm.task.created.v1")


async def test_an_item_that_breaks_the_contract_is_refused_and_nothing_changes(world: World) -> None:
    """The refusal names the field as it stands in the request."""
    await world.crm.create({"item": a_meeting()})

    with pytest.raises(Malformed, match=r"item\.end: must not be before start"):
        await world.crm.edit("si-1", {"item": {"end": "2026-12-01T09:00:00+01:00"}})

    assert (world.only["version"], len(world.bus.said)) == (1, 1)


async def test_what_is_not_there_cannot_be_edited(world: World) -> None:
    """An unknown item and a deleted one are told apart."""
    await world.crm.create({"item": a_meeting()})
    await world.crm.delete("si-1", {})

    with pytest.raises(NoSuchItem):
        await world.crm.edit("si-2", {"item": {}})
    with pytest.raises(ItemDeleted):
        await world.crm.edit("si-1", {"item": {}})
    with pytest.raises(ItemDeleted):
        await world.crm.delete("si-1", {})


async def test_what_a_reader_does_to_a_listed_item_changes_nothing(world: World) -> None:
    """The list is a copy."""
    await world.crm.create({"item": a_meeting()})

    world.only["item"]["assign_to"].append("u-mallory")

    assert world.only["item"]["assign_to"] == ["u-anna"]


async def test_an_event_that_cannot_be_sent_has_changed_nothing() -> None:
    """The same command, tried again once the bus is back, is taken as if for the first time."""
    bus = Bus()
    down = True

    async def publish(topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        if down:
            raise ConnectionError
        await bus.publish(topic, key, value, headers)

    crm = SandboxCrm(publish)
    with pytest.raises(ConnectionError):
        await crm.apply(*record_of(upsert(revision=1)))
    assert (crm.items(), crm.commands()) == ([], [])

    down = False
    assert await crm.apply(*record_of(upsert(revision=1))) is True
    assert [item["id"] for item in crm.items()] == ["si-1"]


async def test_events_of_an_item_are_on_the_bus_in_the_order_of_their_versions() -> None:
    """An edit made while an answer is still on its way out waits for it."""
    bus = Bus()
    sending, released = asyncio.Event(), asyncio.Event()

    async def publish(topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        if not bus.said:
            sending.set()
            await released.wait()
        await bus.publish(topic, key, value, headers)

    crm = SandboxCrm(publish)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crm.create({"item": a_meeting()}))
        await sending.wait()
        tasks.create_task(crm.edit("si-1", {"item": {"subject": "Newer"}}))
        released.set()

    assert [said.data["version"] for said in bus.said] == [1, 2]
