"""The sandbox CRM announces users, nodes, contacts, options and delegations."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.problems import Malformed
from tests.unit.sandbox_crm.world import World


def a_user(user_id: str = "u-anna", **fields: Any) -> dict[str, Any]:
    data = {"id": user_id, "emails": ["anna@bank.example"], "mailbox": "anna@bank.example"}
    return {"type": "crm.user.changed.v1", "data": {**data, "active": True, "sync_enabled": True, **fields}}


def options(scope: dict[str, Any], **values: bool) -> dict[str, Any]:
    return {"type": "crm.options.changed.v1", "data": {"scope": scope, "options": values}}


@pytest.mark.parametrize(
    ("entry", "topic", "key"),
    [
        (a_user(), "crm.users", "u-anna"),
        ({"type": "crm.node.changed.v1", "data": {"id": "branch-12", "parent": None}}, "crm.nodes", "branch-12"),
        (
            {"type": "crm.contact.changed.v1", "data": {"id": "c-7", "emails": [], "active": True}},
            "crm.contacts",
            "c-7",
        ),
        (options({"level": "system"}), "crm.options", "system"),
        (options({"level": "type", "id": "advisor"}), "crm.options", "type:advisor"),
        (options({"level": "user", "id": "u-anna"}, meeting_alarms=True), "crm.options", "user:u-anna"),
        (
            {"type": "crm.delegation.granted.v1", "data": {"principal": "u-anna", "delegate": "u-ben"}},
            "crm.delegations",
            "u-anna:u-ben",
        ),
    ],
)
async def test_every_entry_goes_to_its_topic_under_its_key(
    world: World, entry: dict[str, Any], topic: str, key: str
) -> None:
    """With the data as given, and a version where none was."""
    assert await world.crm.announce([entry]) == [{"topic": topic, "key": key, "version": 1}]

    said = world.bus.last
    assert (said.topic, said.key, said.type) == (topic, key, entry["type"])
    assert said.data == {**entry["data"], "version": 1}


async def test_versions_are_counted_from_the_highest_so_far(world: World) -> None:
    """A version that is given is kept; the next one that is not is above it."""
    told = await world.crm.announce([a_user(), a_user("u-bob"), a_user(version=7), a_user(version=3), a_user()])

    assert [(each["key"], each["version"]) for each in told] == [
        ("u-anna", 1),
        ("u-bob", 1),
        ("u-anna", 7),
        ("u-anna", 3),
        ("u-anna", 8),
    ]


async def test_a_grant_and_its_revoke_are_versions_of_one_entry(world: World) -> None:
    """Who reads the latest version of the key knows whether the delegation stands."""
    pair = {"principal": "u-anna", "delegate": "u-ben"}

    told = await world.crm.announce(
        [{"type": f"crm.delegation.{verb}.v1", "data": pair} for verb in ("granted", "revoked")]
    )

    assert [each["version"] for each in told] == [1, 2]


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({}, "body: must be a list of objects with type and data"),
        ([a_user(), "noise"], "1.type: must be one of crm.user.changed.v1"),
        ([a_user(), {"type": "crm.task.created.v1", "data": {}}], "1.type: must be one of crm.user.changed.v1"),
        ([a_user(), {"type": "crm.user.changed.v1", "data": None}], "1.data: must be an object"),
        ([a_user(), a_user(active="yes")], "1.data.active: must be a valid boolean"),
        ([a_user(), a_user(version="2")], "1.data.version: must be a valid integer"),
        ([a_user(), options({"level": "system"}, colour=True)], "1.data.options.colour: is no option"),
    ],
)
async def test_a_list_with_one_bad_entry_announces_nothing(world: World, entries: Any, problem: str) -> None:
    """The refusal names the entry and its field, and counts no version."""
    with pytest.raises(Malformed) as refusal:
        await world.crm.announce(entries)

    assert problem in str(refusal.value)
    assert world.bus.said == []
    assert (await world.crm.announce([a_user()]))[0]["version"] == 1
