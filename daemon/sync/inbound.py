"""From a hint to the meeting it is about (ID-1, DEL-4).

A hint says only which item to look at; the item is always fetched. Whatever Exchange answers but the item itself, it is
never taken for absence: what cannot be read now waits, briefly in its lane, longer in the store.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from daemon.bus.dispositions import Dead, Disposition, TransientError
from daemon.bus.port import Record
from daemon.bus.routes import Delivery
from daemon.exchange.port import Answer, ExchangeError, Gone, Unknown, Unreadable
from daemon.store import directory, links
from daemon.store.store import Store
from daemon.sync import control, origins, tasks, trouble
from daemon.sync.acting import Unsettled
from daemon.sync.loading import Loader
from daemon.sync.meetings import Hint, Meetings
from daemon.sync.origins import Origin
from daemon.sync.settling import Settler
from daemon.sync.tasks import TaskHint, Tasks
from handlers.facts import User
from handlers.links import Link
from handlers.plans import Report
from schemas import envelope, events
from schemas.copies import Copy, Folder, Kind, Shape
from schemas.hints import FolderMissed, ItemHint
from schemas.outcomes import Direction, Reason, Result
from schemas.problems import Malformed


def lane(record: Record) -> tuple[str, str, str]:
    """A hint's lane: mailbox and item."""
    event = events.parse(record.topic, envelope.read(record.headers, record.value))
    if isinstance(event, ItemHint):
        return ("item", event.mailbox.casefold(), event.item_id)
    if isinstance(event, FolderMissed):
        return ("folder", event.mailbox.casefold(), event.folder)
    return ("other", str(record.key), "")


class Inbound:
    """Processes the records of `exchange.notifications`."""

    def __init__(
        self,
        *,
        store: Store,
        loader: Loader,
        meetings: Meetings,
        tasks: Tasks,
        settler: Settler,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._loader = loader
        self._meetings = meetings
        self._tasks = tasks
        self._settler = settler
        self._now = now

    async def process(self, delivery: Delivery) -> Disposition:
        """One item's hints, gathered."""
        try:
            origin = origins.read(delivery.records)
        except Malformed as error:
            return Dead("decode", str(error))
        if not isinstance(origin.event, ItemHint):
            return await control.not_yet(self._settler, origin, delivery, key=f"folder:{origin.key}")
        try:
            return await self._look(origin.event, origin, delivery)
        except ExchangeError as error:
            return trouble.disposition(error, now=self._now())
        except Unsettled as unsettled:
            return unsettled.park

    async def _look(self, event: ItemHint, origin: Origin, delivery: Delivery) -> Disposition:
        user, version, is_task = await self._store.read(lambda tx: _known(tx, event))
        if user is None or not user.synchronized or user.mailbox is None:
            report = Report(Direction.INBOUND, Result.SKIPPED, Reason.UNKNOWN_MAILBOX)
            key = f"mailbox:{event.mailbox.casefold()}"
            return await self._settler.once(report, origin, delivery=delivery, key=key, state="unknown")
        task = TaskHint(origin=origin, delivery=delivery, event=event, user=user, mailbox=user.mailbox)
        if event.folder is Folder.TASKS or is_task:
            return await self._tasks.look(task)
        began = self._meetings.turn()
        answer = await self._loader.get(user.mailbox, event.item_id)
        if isinstance(answer, Copy) and answer.kind is Kind.TASK:
            return await self._tasks.look(task)
        hint = Hint(origin=origin, delivery=delivery, user=user, mailbox=user.mailbox, began=began, version=version)
        return await self._follow(hint, answer)

    async def _follow(self, hint: Hint, answer: Answer) -> Disposition:
        match answer:
            case Copy():
                return await self._meet(hint, answer)
            case Gone(item_id=item_id):
                link = await self._store.read(lambda tx: links.by_replica(tx, hint.mailbox, item_id))
                if link is not None and _is_direct(link, hint.mailbox, item_id):
                    return await self._meetings.decide_direct(hint, link.id, None)
                if link is None or link.uid is None:
                    return await self._settler.nothing(hint.delivery, hint.origin)
                return await self._meetings.decide(hint, uid=link.uid, copy=None)
            case Unreadable(item_id=item_id, rule=rule):
                key = f"item:{hint.mailbox}:{item_id}"
                return await control.quarantined(self._settler, hint.origin, hint.delivery, key=key, rule=rule)
            case Unknown(code=code):
                raise TransientError(code)

    async def _meet(self, hint: Hint, copy: Copy) -> Disposition:
        if copy.kind is Kind.SCHEDULE_ITEM and copy.uid is not None:
            is_whole = copy.shape in (Shape.SINGLE, Shape.MASTER)  # else the series is looked for by its UID (ID-1)
            return await self._meetings.decide(hint, uid=copy.uid, copy=copy if is_whole else None)
        if copy.kind is Kind.OTHER:
            return await self._settler.nothing(hint.delivery, hint.origin)
        key = f"item:{copy.uid or copy.item_id}"
        return await control.not_yet(self._settler, hint.origin, hint.delivery, key=key)


def _is_direct(link: Link, mailbox: str, item_id: str) -> bool:
    return any(each.direct and each.mailbox == mailbox and each.item_id == item_id for each in link.replicas)


def _known(tx: Connection, event: ItemHint) -> tuple[User | None, int, bool]:
    """Whose mailbox it is, the version of the link that has the copy, and whether the copy is known to be a task's."""
    user = directory.user_of_mailbox(tx, event.mailbox)
    if user is None or user.mailbox is None:
        return user, 0, False
    version = links.version_by_replica(tx, user.mailbox, event.item_id)
    return user, version, version == 0 and tasks.holds(tx, user.mailbox, event)
