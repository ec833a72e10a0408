"""The sandbox CRM over HTTP: what a CRM user does, and what tests look at.

A refusal says which field breaks which rule: `{"problems": [{"field", "rule"}]}`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from daemon.sandbox.crm.records import ItemDeleted, NoSuchItem
from schemas import envelope
from schemas.catalogue import MIB
from schemas.problems import Malformed, MalformedKind, Problem, malformed

if TYPE_CHECKING:
    from daemon.sandbox.crm.service import SandboxCrm

_LARGEST_BODY = 16 * MIB  # a whole directory in one request

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Change = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


def application(crm: SandboxCrm) -> web.Application:
    """All routes of this CRM."""
    app = web.Application(middlewares=[_refusals], client_max_size=_LARGEST_BODY)
    app.add_routes(
        [
            web.get("/sandbox/ready", _ready),
            web.get("/sandbox/commands", _listing(crm.commands)),
            web.get("/items", _listing(crm.items)),
            web.post("/items", _creating(crm)),
            web.put("/items/{id}", _changing(crm.edit)),
            web.delete("/items/{id}", _changing(crm.delete)),
            web.post("/items/{id}/out-of-scope", _changing(crm.take_out_of_scope)),
            web.put("/directory", _announcing(crm)),
        ]
    )
    return app


async def start(app: web.Application, bind: str, port: int) -> tuple[web.AppRunner, str]:
    """Serves the application; the runner that ends it, and its base URL."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, bind, port).start()
    except OSError:
        await runner.cleanup()
        raise
    taken = runner.addresses[0][1]
    host = f"[{bind}]" if ":" in bind else bind
    return runner, f"http://{host}:{taken}"


async def _ready(_request: web.Request) -> web.Response:
    return web.json_response({"ready": True})


def _listing(listed: Callable[[], list[dict[str, Any]]]) -> _Handler:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response(listed())

    return handle


def _creating(crm: SandboxCrm) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(await crm.create(await _object(request)), status=201)

    return handle


def _changing(change: _Change) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(await change(request.match_info["id"], await _object(request)))

    return handle


def _announcing(crm: SandboxCrm) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(await crm.announce(envelope.load(await request.read(), at="body")))

    return handle


async def _object(request: web.Request) -> Mapping[str, Any]:
    """The body; none at all is an empty one, since a delete needs nothing said."""
    content = await request.read()
    body = envelope.load(content, at="body") if content else {}
    if not isinstance(body, dict):
        raise malformed(MalformedKind.INVALID, "body", "must be an object with actor, notify and item")
    return body


@web.middleware
async def _refusals(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Malformed as error:
        return _refusal(400, *error.problems)
    except NoSuchItem:
        return _refusal(404, Problem("id", "must be the id of an item of this CRM"))
    except ItemDeleted:
        return _refusal(409, Problem("id", "must be the id of an item that is not deleted"))


def _refusal(status: int, *problems: Problem) -> web.Response:
    told = [{"field": problem.field, "rule": problem.rule} for problem in problems]
    return web.json_response({"problems": told}, status=status)
