"""The HTTP side of the sandbox Exchange: EWS at `/EWS/Exchange.asmx`, controls at `/sandbox/`.

The controls are `ready`, `mails` (every mail that left; with `?received_by=ADDRESS` what one person got, be he within
or without, with the subject, the start and the occurrence that he reads, and in `for` whose delegate he is if it is a
copy), `requests`, `faults` and `external-meetings`.

An operation runs without interruption, so that requests see each other's effects whole or not at all; only faults make
a request wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from daemon.sandbox.exchange import soap
from daemon.sandbox.exchange.access import Access, access, authenticate
from daemon.sandbox.exchange.calls import Call, answer, refusal
from daemon.sandbox.exchange.controls import Controls
from daemon.sandbox.exchange.errors import EwsError, SoapFault, not_modelled
from daemon.sandbox.exchange.faults import Fault, Faults
from daemon.sandbox.exchange.hints import Hints, Publish
from daemon.sandbox.exchange.items import Cause, Change
from daemon.sandbox.exchange.markup import Element
from daemon.sandbox.exchange.meter import Meter
from daemon.sandbox.exchange.operations import OPERATIONS
from daemon.sandbox.exchange.outages import answer_afterwards, answer_instead
from daemon.sandbox.exchange.outsiders import OutsideMeeting, happen
from daemon.sandbox.exchange.rewriting import rewrite
from daemon.sandbox.exchange.world import World, now
from daemon.sandbox.people import People

PATH = "/EWS/Exchange.asmx"
_LARGEST_REQUEST = 64 * 1024 * 1024
_SHUTDOWN = timedelta(seconds=1).total_seconds()

Witness = Callable[[bytes, bytes], None]
"""Is shown every request and its answer, as tests do that validate both."""


class ExchangeSandbox:
    """An Exchange for people who have none.

    `publish` gets a hint for every change in a mailbox. `seed` and `clock` make runs repeatable. `serving` is the
    request behind the change that listeners are shown; None: nobody's, such as what the server makes of it afterwards.
    """

    def __init__(
        self,
        people: People,
        publish: Publish | None = None,
        *,
        clock: Callable[[], datetime] = now,
        seed: int = 0,
        witness: Witness | None = None,
    ) -> None:
        self._hints = Hints(publish, clock=clock) if publish else None
        self._listeners: list[Callable[[Change], None]] = [self._hints.put] if self._hints else []
        self.people = people
        self.world = World(people, clock=clock, seed=seed, on_change=self._tell)
        self.faults = Faults()
        self.meter = Meter()
        self.serving: Cause | None = None
        self._witness = witness
        self._runner: web.AppRunner | None = None

    async def start(self, bind: str = "127.0.0.1", port: int = 0) -> str:
        """Serves until `stop`; the address of the server, to which `PATH` is to be added for EWS."""
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.router.add_post(PATH, self._serve)
        app.router.add_routes(Controls(self.world, self.faults, self.meter).routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN)
        await self._runner.setup()
        site = web.TCPSite(self._runner, bind, port)
        await site.start()
        if self._hints:
            self._hints.start()
        bound = self._runner.addresses[0]
        return f"http://{bound[0]}:{bound[1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._hints is not None:
            await self._hints.stop()

    async def hints_published(self) -> None:
        """Returns once every change so far has been handed to `publish`."""
        if self._hints is not None:
            await self._hints.drained()

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Shows every later change to `listener`."""
        self._listeners.append(listener)

    def external_meeting(self, description: Mapping[str, Any]) -> str:
        """Lets an outsider invite, update or cancel, as `POST /sandbox/external-meetings` does; the meeting's UID.

        Raises:
            ValueError: the description is not as `outsiders.OutsideMeeting` says.
        """
        return happen(self.world, OutsideMeeting.model_validate(description))

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        principal = authenticate(self.people, http.headers.get("Authorization", ""))
        if principal is None:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="sandbox"'})
        content = await http.read()
        try:
            request = soap.parse(content)
            granted = access(self.people, principal, request.header)
        except SoapFault as fault:
            return self._reply(content, soap.wrap_fault(fault), status=500)
        mailbox = granted.owner.email if granted.owner else ""
        with self.meter.running(request.operation, mailbox, granted.account):
            faults = self.faults.strike(request.operation, mailbox)
            suffered = await self._suffer(http, faults)
            if suffered is not None:
                return suffered
            answered = self._answer(content, request, granted, faults=faults)
            return await _drop(http) if any(fault.name == "drop_after" for fault in faults) else answered

    def _answer(
        self, content: bytes, request: soap.Request, granted: Access, *, faults: list[Fault]
    ) -> web.StreamResponse:
        call = Call(
            operation=request.operation,
            account=granted.account,
            world=self.world,
            owner=granted.owner,
            zone=request.zone,
            zone_name=request.zone_name,
            partial=any(fault.name == "partial_page" for fault in faults),
            empty=any(fault.name == "empty_page" for fault in faults),
            unreadable={fault.item: fault.code for fault in faults if fault.item},
        )
        try:
            body = self._perform(call, request.body, faults)
        except SoapFault as refused:
            return self._reply(content, soap.wrap_fault(refused), status=500)
        for fault in faults:
            if fault.name == "error_after" and "status" in fault.settings:
                return web.Response(status=fault.settings["status"], text="Service Unavailable")
            if fault.name == "error_after":
                body = answer_afterwards(call.operation, body, fault)
        return self._reply(content, soap.wrap(body, milliseconds=request.wants_milliseconds), status=200)

    def _perform(self, call: Call, request: Element, faults: list[Fault]) -> Element:
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise not_modelled(f"the operation {call.operation}")
        refused = answer_instead(call.operation, faults)
        if refused is not None:
            return refused
        written: list[Change] = []
        self._listeners.append(written.append)
        self.serving = call.cause
        try:
            return operation(call, request)
        except EwsError as error:
            return answer(call.operation, [refusal(call.operation, error)])
        finally:
            self.serving = None
            self._listeners.remove(written.append)
            if any(fault.name == "rewrite" for fault in faults):
                rewrite(self.world, written)

    async def _suffer(self, http: web.Request, faults: list[Fault]) -> web.StreamResponse | None:
        """The faults that need no answer of ours: waiting, a lost connection, a server that is not there."""
        for fault in faults:
            if fault.name == "slow":
                await asyncio.sleep(fault.settings.get("ms", 1000) / 1000)
        names = {fault.name for fault in faults}
        if "drop_before" in names:
            return await _drop(http)
        if "http_503" in names:
            return web.Response(status=503, text="Service Unavailable")
        denied = next((fault for fault in faults if fault.name == "access_denied" and "status" in fault.settings), None)
        return web.Response(status=denied.settings["status"], text="Forbidden") if denied else None

    def _reply(self, request: bytes, content: bytes, *, status: int) -> web.Response:
        if self._witness is not None:
            self._witness(request, content)
        return web.Response(status=status, body=content, content_type="text/xml", charset="utf-8")


async def _drop(http: web.Request) -> web.StreamResponse:
    if http.transport is not None:
        http.transport.abort()
    response = web.StreamResponse()
    with suppress(ConnectionError):
        await response.prepare(http)
    return response
