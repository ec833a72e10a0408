"""The sandbox CRM's side of the contract: which commands it takes, what they set, and what it answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox_crm.world import LINK, NOW, World, a_meeting, a_task, delete, record_of, upsert


async def test_a_new_item_is_made_from_the_fields_that_the_command_names(world: World) -> None:
    """A meeting from Exchange becomes an item, and the answer carries link, id, version and revision."""
    taken = await world.given(upsert(revision=7))

    assert taken == [True]
    assert world.crm.items() == [
        {
            "id": "si-1",
            "kind": "schedule_item",
            "link": LINK,
            "uid": "0400",
            "revision": 7,
            "version": 1,
            "deleted": False,
            "item": a_meeting(),
        }
    ]
    assert (world.bus.last.topic, world.bus.last.key) == ("crm.schedule-items", "si-1")
    assert world.bus.last.type == "crm.schedule-item.created.v1"
    assert world.bus.last.data == {
        "id": "si-1",
        "version": 1,
        "link": LINK,
        "revision": 7,
        "origin": "sync",
        "actor": None,
        "notify": "none",
        "before": None,
        "after": a_meeting(),
    }


async def test_exactly_the_changed_fields_are_set(world: World) -> None:
    """What the command's item says beyond `changed` is information, and sets nothing."""
    await world.given(upsert(revision=1, item=a_meeting(location="Room 4")))

    other = a_meeting(subject="Other", location="Room 5", notes="news")
    await world.given(upsert(revision=2, seen=1, changed=["location"], item=other))

    assert world.only["item"] == a_meeting(location="Room 5")
    assert world.bus.last.type == "crm.schedule-item.updated.v1"
    assert world.bus.last.data["after"] == a_meeting(location="Room 5")


@pytest.mark.rule("MAP-4")
async def test_a_changed_field_that_the_item_leaves_out_is_not_known_any_more(world: World) -> None:
    """Absent is not empty: an external list that nobody may see any more is gone, not `[]`."""
    shown = a_meeting(external=[{"name": "Xaver", "email": "x@else.example"}], external_shown_to=["u-anna"])
    await world.given(upsert(revision=1, item=shown))

    await world.given(upsert(revision=2, seen=1, changed=["external", "external_shown_to"], item=a_meeting()))

    assert world.only["item"] == a_meeting()


async def test_a_redelivered_command_is_ignored(world: World) -> None:
    """The same revision again changes nothing and is not answered."""
    assert await world.given(upsert(revision=3), upsert(revision=3)) == [True, False]

    assert len(world.bus.said) == 1
    assert world.only["version"] == 1


async def test_a_late_command_is_ignored(world: World) -> None:
    """A lower revision than the one applied comes too late."""
    await world.given(upsert(revision=4))

    assert await world.given(upsert(revision=2, changed=["subject"], item=a_meeting(subject="Old"))) == [False]
    assert world.only["item"]["subject"] == "Review"


@pytest.mark.rule("CON-6")
async def test_a_command_that_a_users_edit_overtook_is_ignored_until_it_was_seen(world: World) -> None:
    """The edit's event carries the revision before the command's, and a command on top of the edit is taken."""
    await world.given(upsert(revision=1))
    await world.crm.edit("si-1", {"item": {"location": "Room 5"}})

    crossing = upsert(revision=2, seen=1, changed=["subject"], item=a_meeting(subject="Moved"))
    assert await world.given(crossing) == [False]
    assert (world.bus.last.data["version"], world.bus.last.data["revision"]) == (2, 1)
    assert world.only["item"] == a_meeting(location="Room 5")

    again = upsert(revision=3, seen=2, changed=["subject"], item=a_meeting(subject="Moved"))
    assert await world.given(again) == [True]
    assert world.only["item"] == a_meeting(subject="Moved", location="Room 5")
    assert (world.bus.last.data["version"], world.bus.last.data["revision"]) == (3, 3)


async def test_a_command_that_only_another_command_overtook_is_taken(world: World) -> None:
    """`seen` guards people's edits; versions that commands made do not stand in the way."""
    await world.given(upsert(revision=1), upsert(revision=2, seen=0, changed=["location"]))

    assert await world.given(upsert(revision=3, seen=0, changed=["subject"])) == [True]
    assert world.only["version"] == 3


async def test_an_item_born_in_the_crm_is_found_by_id_until_it_has_a_link(world: World) -> None:
    """The first command links the item, the next ones find it by that link."""
    await world.crm.create({"item": a_meeting()})

    assert await world.given(upsert(revision=1, id="si-1", seen=1, changed=[])) == [True]
    assert (world.only["link"], world.only["version"]) == (LINK, 2)
    assert await world.given(upsert(revision=2, id=None, seen=2, changed=[])) == [True]
    assert world.only["revision"] == 2


async def test_the_id_in_a_command_never_takes_over_an_item_of_another_link(world: World) -> None:
    """The id is a help only: the link decides."""
    await world.given(upsert(revision=1))

    await world.given(upsert(revision=1, link="other", id="si-1", item=a_meeting(subject="Other")))

    assert [(item["link"], item["item"]["subject"]) for item in world.crm.items()] == [
        (LINK, "Review"),
        ("other", "Other"),
    ]


async def test_an_edit_of_an_unlinked_item_stands_against_the_first_command_too(world: World) -> None:
    """An item that was edited after the daemon saw it is not linked by what the daemon decided before."""
    await world.crm.create({"item": a_meeting()})
    await world.crm.edit("si-1", {"item": {"subject": "Newer"}})

    assert await world.given(upsert(revision=1, id="si-1", seen=1, changed=["subject"])) == [False]
    assert (world.only["link"], world.only["item"]["subject"]) == (None, "Newer")


async def test_a_delete_marks_the_item_deleted_and_answers_with_nothing_after(world: World) -> None:
    """The record stays, marked, with its version and revision."""
    await world.given(upsert(revision=1))

    assert await world.given(delete(revision=2, seen=1)) == [True]
    assert (world.only["deleted"], world.only["version"], world.only["revision"]) == (True, 2, 2)
    assert world.bus.last.type == "crm.schedule-item.deleted.v1"
    assert (world.bus.last.data["after"], world.bus.last.data["origin"]) == (None, "sync")


@pytest.mark.rule("DEL-5")
async def test_a_deleted_item_comes_back_by_a_higher_revision_alone(world: World) -> None:
    """A late update resurrects nothing; a higher revision brings the same record back."""
    await world.given(upsert(revision=1, item=a_meeting(location="Room 4")), delete(revision=3, seen=1))

    assert await world.given(upsert(revision=2, seen=1)) == [False]
    assert world.only["deleted"]

    assert await world.given(upsert(revision=4, seen=2, changed=["subject"], item=a_meeting(subject="Back"))) == [True]
    assert (world.only["id"], world.only["deleted"], world.only["version"]) == ("si-1", False, 3)
    assert world.only["item"] == a_meeting(subject="Back", location="Room 4")
    assert world.bus.last.data["after"] == world.only["item"]


@pytest.mark.rule("DEL-5")
async def test_a_delete_that_comes_first_leaves_a_tombstone(world: World) -> None:
    """An update below the delete's revision makes no item, even where the CRM never had one."""
    assert await world.given(delete(revision=5), upsert(revision=4)) == [True, False]

    assert (world.only["deleted"], world.only["item"]) == (True, {})


async def test_a_users_delete_stands_against_a_command_that_did_not_see_it(world: World) -> None:
    """What a user deleted, a crossing command does not bring back."""
    await world.given(upsert(revision=1))
    await world.crm.delete("si-1", {})

    assert await world.given(upsert(revision=2, seen=1)) == [False]
    assert await world.given(delete(revision=3, seen=1)) == [False]
    assert (world.only["deleted"], world.only["revision"]) == (True, 1)


async def test_a_task_command_makes_a_task(world: World) -> None:
    """Tasks have ids, topic and types of their own."""
    task = upsert(revision=1, item=a_task(), uid=None)[1]

    assert await world.given(("sync.task.upsert.v1", task)) == [True]
    assert (world.only["id"], world.only["kind"], world.only["uid"]) == ("task-1", "task", None)
    assert (world.bus.last.topic, world.bus.last.type) == ("crm.tasks", "crm.task.created.v1")


async def test_ids_are_counted_per_kind(world: World) -> None:
    """Equal histories give equal ids, and a deleted item's id is not given again."""
    await world.given(upsert(revision=1), delete(revision=2), upsert(revision=1, link="b"))
    await world.crm.create({"kind": "task", "item": a_task()})
    await world.crm.create({"item": a_meeting()})

    assert [item["id"] for item in world.crm.items()] == ["si-1", "si-2", "task-1", "si-3"]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("sync.schedule-item.upsert.v9", upsert(revision=1)[1]), "type: unknown version"),
        (("crm.user.changed.v1", {}), "type: crm.user.changed.v1 does not belong here"),
        (upsert(revision=1, link=None), "link: must not be null"),
        (upsert(revision=1, item=a_meeting(end="2026-12-01T09:00:00+01:00")), "item.end: must not be before start"),
    ],
)
async def test_a_command_that_breaks_the_contract_is_ignored_and_named(
    world: World, command: tuple[str, dict[str, Any]], problem: str
) -> None:
    """It says what is wrong, and the next command is taken as ever."""
    assert await world.given(command, upsert(revision=1)) == [False, True]

    refused, taken = world.crm.commands()
    assert problem in refused["why"]
    assert (refused["taken"], taken["taken"]) == (False, True)


@pytest.mark.parametrize("value", [b"\xff", b"{", b"[]", None])
async def test_bytes_that_are_no_event_are_ignored(world: World, value: bytes | None) -> None:
    """Neither noise nor a null value stops the CRM."""
    headers, _ = record_of(upsert(revision=1))

    assert await world.crm.apply(headers, value) is False
    assert (world.crm.items(), world.bus.said) == ([], [])


async def test_a_partial_command_for_an_item_the_crm_never_had_is_refused(world: World) -> None:
    """No event can carry half an item, so none is made."""
    assert await world.given(upsert(revision=9, seen=4, changed=["location"])) == [False]

    assert world.crm.items() == []
    assert "item.start: is required" in world.crm.commands()[0]["why"]


async def test_every_command_is_listed_with_what_became_of_it(world: World) -> None:
    """Taken, too late, overtaken: tests can tell which."""
    await world.given(upsert(revision=1), upsert(revision=1))
    await world.crm.edit("si-1", {"item": {"subject": "Mine"}})
    await world.given(upsert(revision=2, seen=1))

    listed = [(each["revision"], each["taken"], each["why"]) for each in world.crm.commands()]
    assert listed == [(1, True, None), (1, False, "late"), (2, False, "edited")]


async def test_an_answer_goes_on_with_the_commands_trace(world: World) -> None:
    """One trace runs from the hint to the CRM's answer; the answer's id and time are its own."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await world.crm.apply(*record_of(upsert(revision=1), traceparent=trace))

    context = world.bus.last.context
    assert (context.traceparent, context.time, context.subject) == (trace, NOW, "si-1")
    assert context.id == "crm.schedule-items/si-1/1"
