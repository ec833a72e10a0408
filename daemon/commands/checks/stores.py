"""Whether the daemon could open its store, found out without making or changing one."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from daemon.commands.checks.findings import Finding, failed, note, ok
from daemon.settings.models import Settings
from daemon.store import condition
from daemon.store.condition import Condition, Tables
from daemon.store.errors import StoreError, StoreTooNew

LOCATION, CONTENT, USE = "place", "version", "in use"

_URL = "Check store.url: sqlite:///PATH, four slashes for an absolute path, or postgresql://USER@HOST/DATABASE."
_FOLDER = "The folder or database must be there, and the daemon's user must be allowed to write in it."


async def check(settings: Settings, _patience: timedelta) -> list[Finding]:
    """The file, its version, and who works on it."""
    return await asyncio.to_thread(_look, settings)


def _look(settings: Settings) -> list[Finding]:
    try:
        found = condition.of(settings.store.url)
    except StoreTooNew as error:
        return [failed(CONTENT, str(error))]
    except StoreError as error:
        return [failed(LOCATION, str(error), _URL, _FOLDER)]
    return [_location(found), *_content(found), *_use(found)]


def _location(found: Condition) -> Finding:
    if found.obstacle:
        return failed(LOCATION, found.obstacle, _URL, _FOLDER)
    state = "can be made" if found.tables is Tables.ABSENT else "can be written"
    return ok(LOCATION, f"{found.place} {state} by {found.user}")


def _content(found: Condition) -> list[Finding]:
    match found.tables:
        case Tables.OLDER:
            return [note(CONTENT, "of an older version: `exsyncd run` brings it up to date when it starts")]
        case Tables.CURRENT:
            return [ok(CONTENT, "the one this version works with")]
        case _:
            return []


def _use(found: Condition) -> list[Finding]:
    if not found.holder:
        return []
    return [note(USE, f"by a running daemon (process {found.holder}); only one may work on it")]
