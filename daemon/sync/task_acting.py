"""Claim, act, settle, for tasks: how what is outstanding is written to the copies (CON-3, ID-5).

Before a write, each copy's row says what it is to be left with; afterwards, what was done is stored, all of it or a
part, and what follows is decided anew from there. A copy that changed meanwhile is read and merged, at most three
times; a create of which nobody knows the end is looked for by its marker, once its call must be over. A recurring task
that is completed or skipped shows another occurrence then, perhaps since an earlier try: it is read before and after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from daemon.bus.dispositions import Disposition, TransientError
from daemon.bus.routes import Delivery, Fenced
from daemon.exchange.port import (
    Busy,
    Changed,
    Exchange,
    ExchangeError,
    Gone,
    Missing,
    Rejected,
    TaskAnswer,
    Unavailable,
    Unreadable,
    Written,
)
from daemon.store import errors, positions, reports, task_links
from daemon.store.store import Store
from daemon.sync.acting import MARGIN, Unsettled
from daemon.sync.loading import TaskLoader
from daemon.sync.origins import Origin
from daemon.sync.settling import Rerun, Settler, direction_of
from handlers import task_effects, task_series, tasks
from handlers.effects import Operation
from handlers.inbound import Surroundings
from handlers.plans import Explanation, Report
from handlers.task_effects import TaskEffect
from handlers.task_links import TaskLink, TaskReplica
from handlers.task_plans import TaskPlan
from handlers.tasks import TaskSighting
from schemas.activities import Actor
from schemas.copies import Kind, TaskCopy
from schemas.outcomes import Decision, Reason, Result

_MOST_TRIES = 4
"""The first, and three for copies that changed meanwhile."""

_MOST_SKIPPED = 60
"""Occurrences that are skipped at a time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A copy is not as the plan took it to be: this is what lies there, None for nothing. `wrote`: how many writes of
    ours went before."""

    copy: TaskCopy | None
    wrote: int = 0


Answer = Written | Seen | ExchangeError

Decide = Callable[[TaskLink], TaskPlan]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What is being worked on. `doubtful`: copies may have been made in a life before that nobody remembers."""

    origin: Origin
    delivery: Delivery
    around: Surroundings
    actor: Actor | None = None
    doubtful: bool = False


class TaskActing:
    """Carries out plans for tasks."""

    def __init__(
        self,
        *,
        store: Store,
        exchange: Exchange,
        loader: TaskLoader,
        settler: Settler,
        now: Callable[[], datetime],
        patience: timedelta,
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._loader = loader
        self._settler = settler
        self._now = now
        self._patience = patience + MARGIN

    async def carry_out(self, was: TaskLink, decide: Decide, cause: Cause) -> Disposition:
        """Decides, writes and settles. `was` is the link as it is stored. Raises `ExchangeError` with what was done
        stored; the rest is then open.
        """
        link = stored = was
        for _ in range(_MOST_TRIES):
            plan = decide(link)
            if not plan.effects or not self._settler.can_tell(plan, cause.origin):
                return await self._settled(plan, cause, was=stored)
            self._let_calls_end(plan)
            stored = await self._claim(link, plan, cause)
            answers = await asyncio.gather(*(self._attempt(effect, plan, cause) for effect in plan.effects))
            made = list(zip(plan.effects, answers, strict=True))
            if all(isinstance(answer, Written | Rejected) for answer in answers):
                final = replace(plan, link=replace(plan.link, version=stored.version), effects=())
                return await self._settled(_after(final, made), cause, was=stored)
            link = _progress(stored, made, before=plan.link, around=cause.around)
            failure = next((each for each in answers if isinstance(each, ExchangeError)), None)
            if failure is not None and not isinstance(failure, Rejected):
                await self._save(link)
                raise failure
        await self._save(link)
        raise TransientError("changes_all_the_time")

    async def _settled(self, plan: TaskPlan, cause: Cause, *, was: TaskLink) -> Disposition:
        unsaid, report = task_effects.waiting(plan.link), plan.report
        if unsaid and report is None:
            report = Report(direction_of(cause.origin.cause.topic), Result.APPLIED)
        said = tuple(replace(replica, unsaid=()) for replica in plan.link.replicas)
        link = replace(plan.link, version=was.version, replicas=said)
        return await self._settler.plan(
            replace(plan, link=link, report=report),
            cause.origin,
            delivery=cause.delivery,
            was=was,
            as_of=cause.around.facts.as_of,
            actor=cause.actor,
            written=unsaid,
        )

    def _let_calls_end(self, plan: TaskPlan) -> None:
        """Raises `Unsettled` while a create of before may still be under way."""
        created = {effect.user for effect in plan.effects if effect.item_id is None}
        ends = (each.until for each in plan.link.replicas if each.user in created and each.until is not None)
        over = max(ends, default=None)
        if over is not None and over > self._now():
            raise Unsettled(over)

    async def _claim(self, link: TaskLink, plan: TaskPlan, cause: Cause) -> TaskLink:
        until = self._now() + self._patience
        claimed = task_effects.claimed(link, plan.link, plan.effects, until=until)
        reached = [] if isinstance(cause.delivery, Rerun) else [cause.delivery.position()]
        return await self._save(claimed, reached=reached)

    async def _save(self, link: TaskLink, *, reached: Sequence[positions.Position] = ()) -> TaskLink:
        def work(tx: Connection) -> TaskLink:
            positions.verify(tx, reached)
            return task_links.save(tx, link)

        try:
            return await self._store.write(work)
        except errors.Fenced as error:
            raise Fenced(str(error)) from None
        except (errors.Stale, errors.Taken, errors.CommitFailed) as error:
            raise TransientError(type(error).__name__) from None

    async def _attempt(self, effect: TaskEffect, plan: TaskPlan, cause: Cause) -> Answer:
        try:
            match effect.operation:
                case Operation.CREATE:
                    return await self._create(effect, plan.link, cause)
                case Operation.UPDATE:
                    return await self._update(effect)
                case Operation.DELETE:
                    return await self._delete(effect)
        except ExchangeError as error:
            return error

    async def _create(self, effect: TaskEffect, link: TaskLink, cause: Cause) -> Written | Seen:
        """Looked for first, if it may be there: by an earlier try, or from a life before (ID-5)."""
        replica = link.replica_of(effect.user)
        begun = replica is not None and replica.attempt is not None
        if begun or cause.doubtful:
            found = await self._found_for(effect)
            if found is not None:
                return Seen(found)
        return await self._exchange.create(effect.mailbox, task_effects.new_of(effect))

    async def _update(self, effect: TaskEffect) -> Written | Seen:
        if effect.skips:
            return await self._skip(effect)
        copy = None
        if effect.needs_copy:
            copy = await self._current(effect)
            if copy is None or copy.change_key != effect.change_key:
                return Seen(copy)
        edit = task_effects.edit_of(effect, copy)
        known = Written(effect.item_id or "", effect.change_key)
        if edit.is_empty:
            return known
        try:
            written = await self._exchange.update(effect.mailbox, known, edit, kind=Kind.TASK)
        except (Changed, Missing):
            return Seen(await self._current(effect))
        return Seen(await self._current(effect), wrote=1) if effect.moves_on else written

    async def leave(self, mailbox: str, item_id: str) -> None:
        """Remembers an item as an occurrence that was completed and left behind, whatever becomes of its task."""
        await self._store.write(lambda tx: reports.is_new(tx, _left(mailbox, item_id), "left"))

    async def has_left(self, mailbox: str, item_id: str) -> bool:
        """Whether an item is known to have been left behind."""
        return await self._store.read(lambda tx: reports.is_known(tx, _left(mailbox, item_id)))

    async def _skip(self, effect: TaskEffect) -> Seen:
        """Reads first: whatever has moved on by now, by an earlier try or by its user, is not moved again."""
        copy, wrote = await self._current(effect), 0
        for _ in range(_MOST_SKIPPED):
            if copy is None or not tasks.is_behind(copy, effect.content):
                break
            try:
                await self._exchange.skip(effect.mailbox, copy.item_id)
                wrote += 1
            except Missing:
                pass
            copy = await self._current(effect)
        return Seen(copy, wrote=wrote)

    async def _delete(self, effect: TaskEffect) -> Written:
        item_id = effect.item_id
        if item_id is None:
            found = await self._found_for(effect)
            item_id = found.item_id if found else None
        try:
            if item_id is not None:
                await self._exchange.delete(effect.mailbox, item_id)
        except Missing:
            pass  # somebody else was faster
        return Written(item_id or "", "")

    async def _current(self, effect: TaskEffect) -> TaskCopy | None:
        """What lies there now, perhaps under another id."""
        answer = await self._loader.get(effect.mailbox, effect.item_id or "")
        if isinstance(answer, Gone):
            return await self._found_for(effect)
        return readable(answer, effect.mailbox)

    async def _found_for(self, effect: TaskEffect) -> TaskCopy | None:
        return await self.found(effect.mailbox, effect.marker, recurs=effect.content.recurrence is not None)

    async def found(self, mailbox: str, marker: str, *, recurs: bool) -> TaskCopy | None:
        """The item that carries our marker, outside Deleted Items: of a task that recurs not what was an occurrence of
        it, and carries the marker, too. Raises `ExchangeError`."""
        answers = await self._exchange.find_by_marker(mailbox, marker, Kind.TASK)
        copies = (each for each in answers if isinstance(each, TaskCopy) and tasks.is_live(each))
        meant = (copy for copy in copies if copy.is_recurring or not recurs)
        return min(meant, key=lambda copy: (not copy.is_recurring, copy.item_id), default=None)


def _left(mailbox: str, item_id: str) -> str:
    return f"left:{mailbox}:{item_id}"


def readable(answer: TaskAnswer, mailbox: str) -> TaskCopy | None:
    """The copy in an answer, None if it is gone. Raises `ExchangeError` for what is neither."""
    match answer:
        case TaskCopy():
            rule = tasks.unreadable(answer) or task_series.unheld_copy(answer)
            if rule is not None:
                raise Rejected(mailbox, rule)
            return answer
        case Gone():
            return None
        case Unreadable(rule=rule):
            raise Rejected(mailbox, rule)
        case _:
            raise Unavailable(mailbox, "unknown_for_the_moment")


def _after(plan: TaskPlan, made: Sequence[tuple[TaskEffect, Answer]]) -> TaskPlan:
    """The plan with all effects carried out, or refused for good."""
    link, refused = plan.link, list[Explanation]()
    for effect, answer in made:
        if isinstance(answer, Written):
            link = _carried_out(link, effect, answer)
        elif isinstance(answer, Rejected):
            link = task_effects.given_up(link, effect)
            because = f"Exchange refuses it: {answer.code}"
            refused += [Explanation("MAP-1", name, Decision.REFUSED, because) for name in effect.named or ("task",)]
    if not refused or plan.report is None:
        return replace(plan, link=link)
    explain = (*plan.report.explain, *refused)
    return replace(plan, link=link, report=replace(plan.report, reason=Reason.PARTLY, explain=explain))


def _progress(
    link: TaskLink, made: Sequence[tuple[TaskEffect, Answer]], *, before: TaskLink, around: Surroundings
) -> TaskLink:
    """The link as it was before the plan, but for what was done, found, or certainly not done."""
    for effect, answer in made:
        replica = link.replica_of(effect.user)
        match answer:
            case Written():
                link = _carried_out(link, effect, answer, written=task_effects.written_in_part)
            case Seen(copy=copy) if replica is not None and copy is not None and effect.operation is Operation.CREATE:
                begun = before.replica_of(effect.user)  # before we claimed it ourselves
                known = replace(replica, attempt=begun.attempt if begun else None)
                link = link.with_replica(task_effects.adopted(known, copy, tasks.translated(copy)))
            case Seen(copy=copy, wrote=wrote):
                if effect.moves_on:
                    link = task_effects.counted(link, effect, before=before, wrote=wrote)
                user = around.facts.by_id[effect.user]
                link = tasks.refreshed(link, TaskSighting(effect.mailbox, user, copy), around=around)
            case Unavailable() | Busy():
                pass  # nobody knows: what it was to be left with stays written down
            case _ if replica is not None:
                link = link.with_replica(replace(replica, attempt=None, until=None))
    return link


def _carried_out(
    link: TaskLink, effect: TaskEffect, answer: Written, *, written: Callable[..., TaskReplica] = task_effects.written
) -> TaskLink:
    replica = link.replica_of(effect.user)
    if effect.operation is Operation.DELETE:
        return task_effects.deleted(link, effect)
    if replica is None:
        return link
    known = written(replica, effect, item_id=answer.item_id, change_key=answer.change_key)
    is_so = effect.operation is Operation.UPDATE and answer.change_key == effect.change_key
    if is_so and replica.attempt is None:
        return link.with_replica(known)  # and not by an earlier try of ours
    return link.with_replica(task_effects.unsaid(known, effect.operation, effect.named))
