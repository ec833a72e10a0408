"""The sandbox CRM itself: takes commands, lets people edit, and says on the bus what happened.

It knows no broker. Whoever drives it hands it the records of `sync.crm-commands` and a way to publish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from aiohttp import web

from daemon.sandbox.crm import edits, server
from daemon.sandbox.crm.directory import Directory
from daemon.sandbox.crm.happenings import Happening
from daemon.sandbox.crm.records import Change, Command, Kind, Records, Untaken
from schemas import catalogue, envelope, events
from schemas.envelope import Envelope, Headers
from schemas.problems import Malformed

COMMAND_TAKEN = "command.taken"
COMMAND_IGNORED = "command.ignored"
COMMAND_MALFORMED = "command.malformed"

_log = structlog.get_logger(__name__)


class Publish(Protocol):
    """Puts a record on the bus (topic without prefix) and returns when it is there."""

    def __call__(
        self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> Awaitable[None]: ...


class SandboxCrm:
    """A small CRM in memory. A change counts once its event is on the bus; one change at a time, so that the events of
    an item are there in the order of their versions."""

    def __init__(self, publish: Publish, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._publish = publish
        self._clock = clock
        self._records = Records()
        self._directory = Directory()
        self._commands: list[dict[str, Any]] = []
        self._turn = asyncio.Lock()
        self._http: web.AppRunner | None = None

    def items(self) -> list[dict[str, Any]]:
        """Every item as `GET /items` lists it, in the order in which they were made; deleted ones too."""
        return [record.as_json() for record in self._records.all()]

    def commands(self) -> list[dict[str, Any]]:
        """Every command received so far, and whether it was taken."""
        return list(self._commands)

    async def apply(self, headers: Headers, value: bytes | None) -> bool:
        """Takes or ignores the command in a record; whether it was taken."""
        async with self._turn:
            try:
                context = envelope.read(headers, value)
                # Exact types: the topic carries commands alone, and `parse` refuses everything else on it.
                command: Command = events.parse(catalogue.COMMANDS, context)  # type: ignore[assignment]
                result = self._records.apply(command, (context.data or {}).get("item") or {})
            except Malformed as error:
                self._refuse(error)
                return False
            if isinstance(result, Change):
                await self._carry_out(result, cause=context)
            self._note(command, context, untaken=result if isinstance(result, Untaken) else None)
            return isinstance(result, Change)

    async def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A user makes an item: `{"actor", "notify", "kind", "item"}`. Raises `Malformed`."""
        edit = edits.read(body)
        async with self._turn:
            return await self._carry_out(self._records.create(edit, kind=Kind(edit.kind)))

    async def edit(self, item_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A user changes the fields that `item` states. Raises `NoSuchItem`, `ItemDeleted`, `Malformed`."""
        edit = edits.read(body)
        async with self._turn:
            return await self._carry_out(self._records.edit(item_id, edit))

    async def delete(self, item_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A user deletes an item. Raises `NoSuchItem`, `ItemDeleted`, `Malformed`."""
        edit = edits.read(body)
        async with self._turn:
            return await self._carry_out(self._records.delete(item_id, edit))

    async def take_out_of_scope(self, item_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """An item leaves the connector's scope. Raises `NoSuchItem`, `ItemDeleted`, `Malformed`."""
        edit = edits.read(body)
        async with self._turn:
            return await self._carry_out(self._records.take_out_of_scope(item_id, edit))

    async def announce(self, entries: Any) -> list[dict[str, Any]]:
        """Announces a list of `{"type", "data"}`; topic, key and version of each. Raises `Malformed`."""
        async with self._turn:
            happenings = self._directory.announce(entries)
            for happening in happenings:
                await self._say(happening)
        return [{"topic": each.topic, "key": each.key, "version": each.data["version"]} for each in happenings]

    async def start_http(self, bind: str = "127.0.0.1", port: int = 0) -> str:
        """Serves over HTTP; the base URL. Port 0 takes a free one."""
        self._http, url = await server.start(server.application(self), bind, port)
        return url

    async def stop(self) -> None:
        """Serves no longer."""
        if self._http is not None:
            await self._http.cleanup()
            self._http = None

    async def _carry_out(self, change: Change, *, cause: Envelope | None = None) -> dict[str, Any]:
        await self._say(change.happening, cause=cause)
        self._records.keep(change)
        return change.record.as_json()

    async def _say(self, happening: Happening, *, cause: Envelope | None = None) -> None:
        headers, value = envelope.write(happening.in_envelope(self._clock(), cause=cause))
        await self._publish(happening.topic, happening.key, value, headers)

    def _note(self, command: Command, context: Envelope, *, untaken: Untaken | None) -> None:
        why = None if untaken is None else untaken.value
        head = {"type": context.type, "link": command.link, "revision": command.revision, "seen": command.seen}
        self._commands.append({**head, "taken": untaken is None, "why": why, "data": dict(context.data or {})})
        _log.info(COMMAND_TAKEN if untaken is None else COMMAND_IGNORED, **head, why=why)

    def _refuse(self, error: Malformed) -> None:
        head = {"type": None, "link": None, "revision": None, "seen": None}
        self._commands.append({**head, "taken": False, "why": f"malformed: {error}", "data": {}})
        _log.warning(COMMAND_MALFORMED, kind=error.kind.value, problems=str(error))
