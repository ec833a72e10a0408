"""The sandbox CRM over HTTP, as a CRM user's client and a test see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.unit.sandbox_crm.world import ANNA, World, a_meeting, record_of, upsert


@pytest.fixture
async def client(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    url = await world.crm.start_http("127.0.0.1", 0)
    async with aiohttp.ClientSession(url) as session:
        yield session
    await world.crm.stop()


async def _answer(client: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with client.request(method, path, json=body) as answer:
        return answer.status, await answer.json()


async def test_it_says_when_it_serves(client: aiohttp.ClientSession) -> None:
    """Ready is a plain 200."""
    status, _ = await _answer(client, "GET", "/sandbox/ready")

    assert status == 200


async def test_an_item_lives_from_post_to_delete(client: aiohttp.ClientSession, world: World) -> None:
    """Each request answers with the item as it is now, and each is one event on the bus."""
    body = {"actor": ANNA, "notify": "none"}

    assert (await _answer(client, "POST", "/items", {**body, "item": a_meeting()}))[0] == 201
    status, edited = await _answer(client, "PUT", "/items/si-1", {**body, "item": {"location": "Room 5"}})
    assert (status, edited["version"], edited["item"]) == (200, 2, a_meeting(location="Room 5"))
    assert (await _answer(client, "POST", "/items/si-1/out-of-scope", body))[1]["version"] == 3
    status, deleted = await _answer(client, "DELETE", "/items/si-1", body)
    assert (status, deleted["deleted"], deleted["version"]) == (200, True, 4)

    assert await _answer(client, "GET", "/items") == (200, [deleted])
    verbs = [said.type.split(".")[2] for said in world.bus.said]
    assert verbs == ["created", "updated", "out-of-scope", "deleted"]


async def test_a_delete_needs_no_body(client: aiohttp.ClientSession) -> None:
    """Nothing need be said about a delete; nobody is notified then."""
    await _answer(client, "POST", "/items", {"item": a_meeting()})

    async with client.delete("/items/si-1") as answer:
        assert (answer.status, (await answer.json())["deleted"]) == (200, True)


async def test_the_directory_is_announced(client: aiohttp.ClientSession, world: World) -> None:
    """The answer says where each entry went."""
    entry = {"type": "crm.node.changed.v1", "data": {"id": "root", "parent": None}}

    answer = await _answer(client, "PUT", "/directory", [entry])

    assert answer == (200, [{"topic": "crm.nodes", "key": "root", "version": 1}])
    assert world.bus.last.topic == "crm.nodes"


async def test_commands_are_listed(client: aiohttp.ClientSession, world: World) -> None:
    """With what they carried and whether they were taken."""
    command = upsert(revision=1)
    await world.crm.apply(*record_of(command))

    status, (listed,) = await _answer(client, "GET", "/sandbox/commands")

    assert (status, listed["taken"], listed["data"]) == (200, True, command[1])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "problem"),
    [
        ("POST", "/items", {}, 400, {"field": "item", "rule": "is required"}),
        ("POST", "/items", [], 400, {"field": "body", "rule": "must be an object with actor, notify and item"}),
        ("POST", "/items", {"item": {**a_meeting(), "zone": "Mars"}}, 400,
         {"field": "item.zone", "rule": "must be the name of an IANA zone"}),
        ("POST", "/items", {"notify": "some", "item": a_meeting()}, 400,
         {"field": "notify", "rule": "must be 'none', 'all' or 'added'"}),
        ("PUT", "/items/si-9", {"item": {}}, 404, {"field": "id", "rule": "must be the id of an item of this CRM"}),
        ("PUT", "/directory", {}, 400, {"field": "body", "rule": "must be a list of objects with type and data"}),
    ],
)  # fmt: skip
async def test_a_refusal_names_field_and_rule(
    client: aiohttp.ClientSession,
    world: World,
    *,
    method: str,
    path: str,
    body: Any,
    status: int,
    problem: dict[str, str],
) -> None:
    """And nothing is said on the bus."""
    answered, told = await _answer(client, method, path, body)

    assert answered == status
    assert problem in told["problems"]
    assert world.bus.said == []


async def test_a_body_that_is_no_json_is_refused(client: aiohttp.ClientSession) -> None:
    """As a client's mistake, not as ours."""
    async with client.post("/items", data=b"{") as answer:
        assert (answer.status, (await answer.json())["problems"]) == (400, [{"field": "body", "rule": "must be JSON"}])


async def test_a_deleted_item_is_gone_for_its_users(client: aiohttp.ClientSession) -> None:
    """A conflict, told apart from an item that never was."""
    await _answer(client, "POST", "/items", {"item": a_meeting()})
    await _answer(client, "DELETE", "/items/si-1")

    assert (await _answer(client, "PUT", "/items/si-1", {"item": {}}))[0] == 409
