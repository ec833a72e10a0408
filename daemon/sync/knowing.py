"""Waiting for users whom a CRM item names and the directory does not know yet: there is no order across topics.

The change is put away, and tried again when a user comes whom nobody knew. Not for ever: who is still unknown after a
day will hardly come, and the others must not wait for him; he is then as good as somebody without a mailbox.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from sqlalchemy import Connection

from daemon.bus.dispositions import Disposition, Park
from daemon.bus.routes import Delivery
from daemon.store import directory
from daemon.store.store import Store
from daemon.sync.concerning import ItemEvent, change_of, remembered
from daemon.sync.pausing import Process
from handlers import pausing

UNKNOWN_USER = "unknown_user"
"""The reason of what waits for a user."""

_LOOK_AGAIN = timedelta(seconds=5)  # grows with every look; whoever comes wakes what waits for him
_LONGEST = timedelta(days=1)


class Knowing:
    """Asked before a CRM user's change is decided."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def gated(self, process: Process) -> Process:
        """Processes events of CRM items, but for changes that bring in somebody nobody knows."""

        @wraps(process)
        async def gate(delivery: Delivery) -> Disposition:
            if await self._waits(delivery):
                return Park(self._now() + _LOOK_AGAIN, UNKNOWN_USER)
            return await process(delivery)

        return gate

    async def _waits(self, delivery: Delivery) -> bool:
        change = change_of(delivery)
        if change is None or change[0].after is None:
            return False
        event, origin = change
        if self._now() - origin.at > _LONGEST:
            return False
        return await self._store.read(lambda tx: _names_a_stranger(tx, event))


def _names_a_stranger(tx: Connection, event: ItemEvent) -> bool:
    """Whom we have heard of with this item is no stranger, though the directory has forgotten him since."""
    named = pausing.concerned(event.after)
    strangers = named - directory.users_by_id(tx, named).keys()
    return bool(strangers) and bool(strangers - remembered(tx, event))
