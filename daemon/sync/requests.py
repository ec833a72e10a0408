"""What operators ask for on `sync.requests`, answered with a control outcome.

Pause and resume (OPS-1) are in force for every daemon on the store once that is out; what was put away meanwhile is
tried again at once. Releasing deletes, matching anew and snapshots are not built yet.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Connection

from daemon.bus.dispositions import Dead, Disposition
from daemon.bus.routes import Delivery
from daemon.store import delegates, directory, parked, pauses
from daemon.store.store import Store
from daemon.sync import control, origins
from daemon.sync.origins import Origin
from daemon.sync.pausing import SYNC_PAUSED, Pausing
from daemon.sync.settling import Settler
from handlers.pausing import SYSTEM, Answer, Asked, Pauses, decide
from schemas.outcomes import Reason
from schemas.problems import Malformed
from schemas.requests import PauseRequested, ResumeRequested

log = structlog.get_logger(__name__)

SYNC_RESUMED = "sync.resumed"


class Requests:
    """Processes the records of `sync.requests`."""

    def __init__(self, *, store: Store, settler: Settler, pausing: Pausing, now: Callable[[], datetime]) -> None:
        self._store = store
        self._settler = settler
        self._pausing = pausing
        self._now = now

    async def process(self, delivery: Delivery) -> Disposition:
        """One request, one answer."""
        try:
            origin = origins.read(delivery.records)
        except Malformed as error:
            return Dead("decode", str(error))
        if isinstance(origin.event, PauseRequested | ResumeRequested):
            return await self._switch(origin.event, origin, delivery)
        return await control.not_yet(self._settler, origin, delivery, key=f"{origin.cause.topic}:{origin.key}")

    async def _switch(self, event: PauseRequested | ResumeRequested, origin: Origin, delivery: Delivery) -> Disposition:
        asked = Asked(
            pause=isinstance(event, PauseRequested),
            level=event.scope.level,
            id=None if event.scope.level == "system" else event.scope.id,
            dry_run=event.dry_run,
        )
        before, answer = await self._store.read(lambda tx: _decided(tx, asked))
        now, by = self._now(), event.requested_by

        def work(tx: Connection) -> bool:
            pauses.change(tx, before=before, after=answer.pauses, since=now, by=by)
            if answer.pauses != before and not asked.pause:
                parked.due_now(tx, now, reason=Reason.PAUSED.value)
                delegates.due_now(tx, now, reason=Reason.PAUSED.value)
            return True

        try:
            disposition = await self._settler.storing(work, origin, delivery=delivery, report=answer.report)
        finally:
            self._pausing.changed()
        if answer.pauses != before:
            log.info(SYNC_PAUSED if asked.pause else SYNC_RESUMED, whom=asked.id or SYSTEM)
        return disposition


def _decided(tx: Connection, asked: Asked) -> tuple[Pauses, Answer]:
    """Whose pauses stood, and what is answered."""
    standing = pauses.standing(tx)
    is_known = asked.id is not None and asked.id in directory.users_by_id(tx, [asked.id])
    return standing, decide(standing, asked, is_known=is_known)
