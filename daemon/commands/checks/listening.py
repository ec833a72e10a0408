"""Whether health and metrics can be served: the address is free, or it is our own daemon that has it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from datetime import timedelta

import aiohttp

from daemon.commands.checks.findings import Finding, failed, note, ok
from daemon.settings.models import Settings
from daemon.settings.values import Bind

BIND = "address"
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where to ask a server that listens everywhere
_REMEDY = "Set http.bind (EXSYNCD_HTTP__BIND) to a free HOST:PORT of this machine."


async def check(settings: Settings, patience: timedelta) -> list[Finding]:
    """Listens there for a moment."""
    address, shown = settings.http.address, settings.http.bind
    try:
        await _listen(address)
    except socket.gaierror:
        return [failed(BIND, f"{shown}: {address.host} is no address of this machine", _REMEDY)]
    except OSError as error:
        if error.errno == errno.EADDRINUSE and await _is_ours(address, within=patience):
            return [note(BIND, f"{shown} is taken by a running exsyncd")]
        return [failed(BIND, f"{shown} cannot be listened on: {os.strerror(error.errno or 0)}", _REMEDY)]
    return [ok(BIND, f"{shown} is free")]


async def _listen(address: Bind) -> None:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, address.host, address.port)
    server.close()
    await server.wait_closed()


async def _is_ours(address: Bind, *, within: timedelta) -> bool:
    host = _ANY.get(address.host, address.host)
    url = f"http://[{host}]:{address.port}/livez" if ":" in host else f"http://{host}:{address.port}/livez"
    limit = aiohttp.ClientTimeout(total=within.total_seconds())
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(url) as answer:
            told = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
    return isinstance(told, dict) and "progress" in told.get("checks", {})
