"""Tasks, from their hints and CRM events to a settled link (ID-5, ID-7, ID-8).

A copy is known by its item id, by our marker, or by the search key that stays when it moves; a copy of a copy carries
marker and search key, too, and takes nothing over. All else is decided in the link's lane, on what is read there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from daemon.bus.dispositions import Dead, Disposition, Park, TransientError
from daemon.bus.routes import Delivery
from daemon.exchange.port import ExchangeError, Gone, TaskAnswer, Unknown, Unreadable
from daemon.store import directory, task_links
from daemon.store.store import Store
from daemon.sync import control, origins, trouble
from daemon.sync.acting import Unsettled
from daemon.sync.loading import TaskLoader
from daemon.sync.origins import Origin
from daemon.sync.settling import Rerun, Settler, owes_an_end
from daemon.sync.task_acting import Cause, TaskActing
from daemon.sync.turns import Turns
from handlers import crm_changes, tasks
from handlers.facts import Facts, User
from handlers.inbound import Surroundings
from handlers.options import scopes_of
from handlers.policy import Policy
from handlers.task_links import TaskLink
from handlers.tasks import TaskChange, TaskSighting
from schemas import ids
from schemas.activities import TaskChanged, TaskGone, TaskOnWire
from schemas.copies import TaskCopy
from schemas.hints import ItemHint
from schemas.problems import Malformed
from schemas.tasks import Task, read_task

TaskEvent = TaskChanged | TaskGone

ABANDONED = timedelta(minutes=10)
"""After this the event that began something is taken to come no more, and whoever passes by finishes it."""

_LOOK_AGAIN = timedelta(seconds=5)
_CRM_SPEAKS_WITHIN = timedelta(minutes=1)
"""A copy with our marker, of whose task or user there nobody remembers anything, waits this long for the CRM to speak
of it (a store was lost)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHint:
    """A hint that may be about a task: through whose mailbox, and of which item."""

    origin: Origin
    delivery: Delivery
    event: ItemHint
    user: User
    mailbox: str


class Tasks:
    """Decides on tasks; also processes the records of `crm.tasks`."""

    def __init__(
        self,
        *,
        store: Store,
        loader: TaskLoader,
        acting: TaskActing,
        settler: Settler,
        turns: Turns,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._loader = loader
        self._acting = acting
        self._settler = settler
        self._turns = turns
        self._policy = policy
        self._now = now
        self._began = now()

    # hints

    async def look(self, hint: TaskHint) -> Disposition:
        """Decides on the task that a hint is about. Raises `ExchangeError`."""
        known = await self._store.read(lambda tx: _by_item(tx, hint.mailbox, hint.event))
        if known is not None:
            return await self._look_in_turn(hint, known.id)
        answer = await self._loader.get(hint.mailbox, hint.event.item_id)
        if not isinstance(answer, TaskCopy):
            return await self._unread(hint, answer)
        meant = await self._meant(hint, answer)
        if meant is None:
            await self._acting.leave(hint.mailbox, answer.item_id)
            return await self._settler.nothing(hint.delivery, hint.origin)
        return meant if isinstance(meant, Park) else await self._look_in_turn(hint, meant, fresh=answer)

    async def _look_in_turn(self, hint: TaskHint, link_id: str, *, fresh: TaskCopy | None = None) -> Disposition:
        async with self._turns.turn(link_id):
            link = await self._store.read(lambda tx: task_links.by_id(tx, link_id))
            if link is not None or fresh is None:
                answer = await self._loader.get(hint.mailbox, hint.event.item_id)
            else:
                answer = fresh
            link = link or TaskLink(id=link_id)
            self._let_creator_end(link)
            if isinstance(answer, Gone):
                return await self._decide(hint, link, await self._elsewhere(hint, link))
            if not isinstance(answer, TaskCopy):
                return await self._unread(hint, answer)
            rule = tasks.unreadable(answer)
            if rule is not None:
                return await self._quarantined(hint, answer.item_id, rule)
            return await self._decide(hint, link, answer)

    def _let_creator_end(self, link: TaskLink) -> None:
        """Raises `Unsettled` for what a CRM event has begun to create and may come again to end."""
        agreed = link.agreed.assign_to if link.agreed else ()
        begun = (each for each in link.replicas if each.user not in agreed)
        ends = (each.until + ABANDONED for each in begun if each.until is not None)
        if max(ends, default=self._now()) > self._now():
            raise Unsettled(self._now() + _LOOK_AGAIN)

    async def _decide(self, hint: TaskHint, link: TaskLink, copy: TaskCopy | None) -> Disposition:
        facts = await self._facts(link, others=(hint.user.id,))
        around = Surroundings(facts, self._policy(), now=self._now(), generation=self._store.generation)
        sighting = TaskSighting(hint.mailbox, hint.user, copy)
        was = replace(link, reported=None) if owes_an_end(hint.delivery) else link
        return await self._acting.carry_out(
            was,
            lambda known: tasks.decide_again(known, sighting, was=was, around=around),
            Cause(origin=hint.origin, delivery=hint.delivery, around=around),
        )

    async def _elsewhere(self, hint: TaskHint, link: TaskLink) -> TaskCopy | None:
        """What became of a copy that is not under its id any more: our marker may be found elsewhere (DEL-4)."""
        replica = link.replica_of(hint.user.id)
        if replica is None or link.crm_id is None or not replica.live:
            return None
        recurs = link.agreed is not None and link.agreed.recurrence is not None
        return await self._acting.found(hint.mailbox, link.crm_id, recurs=recurs)

    async def _meant(self, hint: TaskHint, copy: TaskCopy) -> str | Park | None:
        """The id of the link whose copy this is; of none that is known, that of a task of its own. None: a link's copy
        left it behind when it went on to its next occurrence, and that tells it."""
        if tasks.is_over(copy) and await self._acting.has_left(hint.mailbox, copy.item_id):
            return None
        for link in await self._store.read(lambda tx: _candidates(tx, hint.mailbox, copy)):
            if tasks.was_occurrence(link, copy):
                return None
            if await self._is_its_copy(link, copy, hint=hint):
                return link.id
            if link.replica_of(hint.user.id) is None and not isinstance(hint.delivery, Rerun):
                return Park(self._now() + _CRM_SPEAKS_WITHIN, "unknown_task")  # it may be about to put him in
            return ids.link_of_uid(copy.item_id)
        if copy.marker is None:
            return ids.link_of_uid(copy.item_id)
        if isinstance(hint.delivery, Rerun):
            return ids.link_of_crm(copy.marker)
        return Park(self._now() + _CRM_SPEAKS_WITHIN, "unknown_task")

    async def _is_its_copy(self, link: TaskLink, copy: TaskCopy, *, hint: TaskHint) -> bool:
        """Whether a copy that carries a link's marker or search key is the link's, and not a copy of its copy."""
        replica = link.replica_of(hint.user.id)
        if tasks.is_torn_out(link, copy) and (replica is None or replica.item_id is not None):
            return False
        if replica is None:
            return link.agreed is None or hint.user.id in link.agreed.assign_to
        if replica.item_id in (None, copy.item_id) or not replica.live or replica.mailbox != hint.mailbox:
            return True
        standing = await self._loader.get(hint.mailbox, replica.item_id or "")
        if isinstance(standing, Unknown):
            raise TransientError(standing.code)
        return not isinstance(standing, TaskCopy) or not tasks.is_live(standing)

    async def _unread(self, hint: TaskHint, answer: TaskAnswer) -> Disposition:
        match answer:
            case Unreadable(item_id=item_id, rule=rule):
                return await self._quarantined(hint, item_id, rule)
            case Unknown(code=code):
                raise TransientError(code)
            case _:
                return await self._settler.nothing(hint.delivery, hint.origin)

    async def _quarantined(self, hint: TaskHint, item_id: str, rule: str) -> Disposition:
        key = f"item:{hint.mailbox}:{item_id}"
        return await control.quarantined(self._settler, hint.origin, hint.delivery, key=key, rule=rule)

    # CRM events

    async def process(self, delivery: Delivery) -> Disposition:
        """One change of one task in the CRM."""
        try:
            origin = origins.read(delivery.records)
        except Malformed as error:
            return Dead("decode", str(error))
        event = origin.event
        if not isinstance(event, TaskEvent):
            return Dead("decode", "value: must not be null on this topic")
        known = await self._store.read(lambda tx: _of_event(tx, event))
        link_id = known.id if known else event.link or ids.link_of_crm(event.id)
        try:
            async with self._turns.turn(link_id):
                return await self._change_in_turn(event, origin, delivery=delivery, link_id=link_id)
        except ExchangeError as error:
            return trouble.disposition(error, now=self._now())
        except Unsettled as unsettled:
            return unsettled.park

    async def _change_in_turn(
        self, event: TaskEvent, origin: Origin, *, delivery: Delivery, link_id: str
    ) -> Disposition:
        link = await self._store.read(lambda tx: task_links.by_id(tx, link_id)) or TaskLink(id=link_id)
        change = _change(event, origin, link)
        facts = await self._facts(link, others=_named(change.before, change.after))
        around = Surroundings(facts, self._policy(), now=self._now(), generation=self._store.generation)
        cause = Cause(
            origin=origin,
            delivery=delivery,
            around=around,
            actor=event.actor,
            doubtful=self._is_old(event, origin),
        )
        return await self._acting.carry_out(
            link, lambda known: tasks.decide_change(known, change, around=around), cause
        )

    def _is_old(self, event: TaskEvent, origin: Origin) -> bool:
        """Whether an earlier life, whose store was lost, may have followed this event (ID-8)."""
        is_linked = event.link is not None or event.revision > 0
        return bool(self._store.generation) or is_linked or origin.at < self._began

    async def _facts(self, link: TaskLink, *, others: Iterable[str]) -> Facts:
        wanted = {replica.user for replica in link.replicas} | set(_named(link.agreed, link.crm)) | set(others)

        def work(tx: Connection) -> Facts:
            by_id = directory.users_by_id(tx, wanted)
            return Facts(by_id=by_id, options=directory.options_of(tx, scopes_of(by_id)), as_of=directory.as_of(tx))

        return await self._store.read(work)


def holds(tx: Connection, mailbox: str, event: ItemHint) -> bool:
    """Whether the item of a hint is known to be a task's copy."""
    return _by_item(tx, mailbox, event) is not None


def _by_item(tx: Connection, mailbox: str, event: ItemHint) -> TaskLink | None:
    found = task_links.by_replica(tx, mailbox, event.item_id)
    if found is None and event.old_item_id is not None:
        return task_links.by_replica(tx, mailbox, event.old_item_id)
    return found


def _candidates(tx: Connection, mailbox: str, copy: TaskCopy) -> tuple[TaskLink, ...]:
    """Whose copy it may be, by its marker first."""
    marked = None
    if copy.marker is not None:
        marked = task_links.by_crm_id(tx, copy.marker) or task_links.by_id(tx, ids.link_of_crm(copy.marker))
    found = (marked, task_links.by_search_key(tx, mailbox, copy.search_key))
    return tuple(link for link in found if link is not None)


def _of_event(tx: Connection, event: TaskEvent) -> TaskLink | None:
    by_link = task_links.by_id(tx, event.link) if event.link else None
    return by_link or task_links.by_crm_id(tx, event.id)


def _change(event: TaskEvent, origin: Origin, link: TaskLink) -> TaskChange:
    known = link.crm or link.agreed or Task()
    return TaskChange(
        id=event.id,
        version=event.version,
        kind=_kind(event, origin),
        ours=event.origin == "sync",
        revision=event.revision,
        before=_canonical(event.before, Task()),
        after=_canonical(event.after, replace(known, external=None, external_shown_to=())),
        at=origin.at,
    )


def _kind(event: TaskEvent, origin: Origin) -> crm_changes.Kind:
    if isinstance(event, TaskChanged):
        return crm_changes.Kind.CHANGED
    out_of_scope = origin.cause.type.endswith(".out-of-scope.v1")
    return crm_changes.Kind.OUT_OF_SCOPE if out_of_scope else crm_changes.Kind.DELETED


def _canonical(task: TaskOnWire | None, known: Task) -> Task | None:
    return None if task is None else read_task(task, known=known)


def _named(*known: Task | None) -> tuple[str, ...]:
    return tuple(user for task in known if task for user in (*task.assign_to, task.owner) if user)
