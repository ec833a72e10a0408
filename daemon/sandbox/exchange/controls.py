"""What stands beside EWS for tests and operators: readiness, mails, requests, faults, outsiders' meetings."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from daemon.sandbox.exchange.faults import Faults
from daemon.sandbox.exchange.items import Mail
from daemon.sandbox.exchange.meter import Meter
from daemon.sandbox.exchange.outsiders import OutsideMeeting, happen
from daemon.sandbox.exchange.world import World


class Controls:
    """The `/sandbox/...` resources."""

    def __init__(self, world: World, faults: Faults, meter: Meter) -> None:
        self._world = world
        self._faults = faults
        self._meter = meter

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/ready", self._ready),
            web.get("/sandbox/mails", self._mails),
            web.get("/sandbox/requests", self._requests),
            web.put("/sandbox/faults", self._put_faults),
            web.delete("/sandbox/faults", self._delete_faults),
            web.post("/sandbox/external-meetings", self._external_meeting),
        ]

    async def _ready(self, _request: web.Request) -> web.Response:
        return web.json_response({"ready": True})

    async def _mails(self, request: web.Request) -> web.Response:
        """All that left; with `received_by` an address, what its owner got, as he would read it."""
        reader = request.query.get("received_by")
        if reader is None:
            return web.json_response([mail_json(mail) for mail in self._world.mails])
        received = self._world.received_by(reader)
        return web.json_response([received_json(mail, principal=principal) for mail, principal in received])

    async def _requests(self, _request: web.Request) -> web.Response:
        return web.json_response(self._meter.report())

    async def _put_faults(self, request: web.Request) -> web.Response:
        wanted = await _json(request)
        if not isinstance(wanted, list):
            raise _bad("the body is a list of faults")
        try:
            self._faults.add(wanted)
        except ValueError as error:
            raise _bad(str(error)) from None
        return web.Response(status=204)

    async def _delete_faults(self, _request: web.Request) -> web.Response:
        self._faults.clear()
        return web.Response(status=204)

    async def _external_meeting(self, request: web.Request) -> web.Response:
        try:
            outside = OutsideMeeting.model_validate(await _json(request))
        except ValidationError as error:
            raise _bad(error.errors()[0]["msg"] + f" ({'.'.join(map(str, error.errors()[0]['loc']))})") from None
        return web.json_response({"uid": happen(self._world, outside)}, status=201)


def mail_json(mail: Mail) -> dict[str, Any]:
    return {
        "from": mail.sender_mailbox,
        "sender": mail.sender,
        "to": list(mail.to),
        "kind": mail.kind,
        "uid": mail.uid,
        "caused_by": {"operation": mail.cause.operation, "account": mail.cause.account},
    }


def received_json(mail: Mail, *, principal: str | None) -> dict[str, Any]:
    """A mail as its reader sees it; `for` is whose delegate he is if it is a copy."""
    return {
        **mail_json(mail),
        "for": principal,
        "subject": mail.subject,
        "start": _instant(mail.start),
        "occurrence": _instant(mail.recurrence_id),
    }


def _instant(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError:
        raise _bad("the body is not JSON") from None


def _bad(why: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": why}), content_type="application/json")
