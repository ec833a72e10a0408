"""Settling: what a decision changes is stored, with the position and the outbox rows, in one transaction.

State and output cannot part: either the link remembers a command and the command is in the outbox, or neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from daemon.bus import slots
from daemon.bus.dispositions import Disposition, Done, PermanentError, Skip, TransientError
from daemon.bus.port import Record
from daemon.bus.routes import Delivery, Fenced, Position
from daemon.observe.metrics import Metrics
from daemon.store import errors, history, links, parked, reports, task_links
from daemon.store.store import Store
from daemon.sync import emitting, packing
from daemon.sync.emitting import Command, Emission, Emitter
from daemon.sync.origins import Origin
from daemon.sync.publishing import Publisher
from handlers.effects import Effect
from handlers.links import Link
from handlers.plans import Delete, Explanation, Plan, Report
from handlers.task_effects import TaskEffect
from handlers.task_links import TaskLink
from handlers.task_plans import TaskDelete, TaskPlan
from schemas import catalogue
from schemas.activities import Actor
from schemas.outcomes import Decision, Direction, Outcome, Reason, Result

NOTHING_NEW = Skip("nothing_new")
HELD = "held"
"""What parked work remembers of an outcome that said so."""

_DIRECTIONS = {
    catalogue.NOTIFICATIONS: Direction.INBOUND,
    catalogue.SCHEDULE_ITEMS: Direction.OUTBOUND,
    catalogue.TASKS: Direction.OUTBOUND,
}
_NO_DIRECTORY: Mapping[str, tuple[int, ...]] = {}


@dataclass(frozen=True, slots=True)
class Rerun:
    """Parked work that is tried again: a delivery without a position of its own. See `bus.routes.Delivery`."""

    records: tuple[Record, ...]
    work: parked.Parked
    stays: bool = False
    """Whether it is to wait on, whatever is settled now."""
    in_turn: bool = False
    """Whether other records wait in the same row, which are dealt with by themselves."""

    def position(self) -> Position:
        raise AssertionError("parked work was settled when it was parked")

    @property
    def owes_an_end(self) -> bool:
        """Whether it was reported as `held`: then its end is reported, too, even if there is nothing left to do."""
        return HELD in self.work.asked


def direction_of(topic: str) -> Direction:
    """Which way a record of this topic asks to go."""
    return _DIRECTIONS.get(topic, Direction.CONTROL)


def owes_an_end(delivery: Delivery) -> bool:
    """Whether a final outcome must follow whatever is found (the contract's "When")."""
    return isinstance(delivery, Rerun) and delivery.owes_an_end


@dataclass(frozen=True, slots=True)
class Saying:
    """An outcome to publish, and of which item, for whoever asks why."""

    outcome: Outcome
    crm_id: str | None = None
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Settler:
    """Stores what was decided and puts out what follows from it."""

    store: Store
    publisher: Publisher
    emitter: Emitter
    metrics: Metrics
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def plan(
        self,
        plan: Plan | TaskPlan,
        origin: Origin,
        *,
        delivery: Delivery,
        was: Link | TaskLink,
        as_of: Mapping[str, tuple[int, ...]] = _NO_DIRECTORY,
        actor: Actor | None = None,
        written: Sequence[Effect | TaskEffect] = (),
        closing: Callable[[Connection], None] | None = None,
    ) -> Disposition:
        """Settles a plan. `was` is the link as it is stored; an empty plan that changes nothing stores nothing.

        `written` is what was done in Exchange; `closing` ends in the store what had been claimed for it.
        """
        if plan.report is None and owes_an_end(delivery):
            plan = replace(plan, report=_at_an_end(origin))
        if plan.command is None and plan.report is None and plan.link == was and closing is None:
            return await self.nothing(delivery, origin)
        emissions = [self.emitter.command(plan.command, origin)] if plan.command else []
        if any(emitting.is_too_large(each) for each in emissions):
            return await self._refuse(plan, origin, delivery=delivery)
        saying = None
        if plan.report is not None:
            said = emitting.outcome(plan.report, origin, link=plan.link.id, as_of=as_of, actor=actor, written=written)
            saying = Saying(said, plan.link.crm_id, None if isinstance(plan.link, TaskLink) else plan.link.uid)

        def also(tx: Connection) -> bool:
            if closing is not None:
                closing(tx)
            if plan.link != was:
                _save(tx, plan.link)
            return True

        told = None if plan.command is None else _told(plan.command)
        return await self._settle(origin, delivery, emissions=emissions, saying=saying, also=also, command=told)

    def can_tell(self, plan: Plan | TaskPlan, origin: Origin) -> bool:
        """Whether a broker would take the command: what the CRM cannot be told is not done in Exchange either."""
        return plan.command is None or not emitting.is_too_large(self.emitter.command(plan.command, origin))

    async def once(self, report: Report, origin: Origin, *, delivery: Delivery, key: str, state: str) -> Disposition:
        """Reports something that has no link, unless this state of `key` was reported before."""
        saying = Saying(emitting.outcome(report, origin, link=None, as_of=_NO_DIRECTORY, actor=None))
        return await self._settle(
            origin,
            delivery,
            emissions=[],
            saying=saying,
            also=lambda tx: reports.is_new(tx, key, state) or owes_an_end(delivery),
        )

    async def storing(
        self, work: Callable[[Connection], bool], origin: Origin, *, delivery: Delivery, report: Report | None = None
    ) -> Disposition:
        """Stores something of the directory; the report goes out if `work` says that it was news."""
        saying = None
        if report is not None:
            saying = Saying(emitting.outcome(report, origin, link=None, as_of=_NO_DIRECTORY, actor=None))
        return await self._settle(origin, delivery, emissions=[], saying=saying, also=work)

    async def _refuse(self, plan: Plan | TaskPlan, origin: Origin, *, delivery: Delivery) -> Disposition:
        """The CRM cannot be told: nothing is agreed on, and it is said once, until the item changes."""
        direction = plan.report.direction if plan.report else Direction.INBOUND
        explanation = Explanation("MAP-2", "item", Decision.REFUSED, "too_large_for_a_record")
        report = Report(direction, Result.FAILED, Reason.RESTRICTION, explain=(explanation,))
        content = plan.link.version if isinstance(plan.link, TaskLink) else plan.link.content
        state = f"too_large:{content}:{plan.link.crm_version}"
        return await self.once(report, origin, delivery=delivery, key=f"link:{plan.link.id}", state=state)

    async def nothing(self, delivery: Delivery, origin: Origin) -> Disposition:
        """Nothing to store but that parked work is over."""
        if owes_an_end(delivery):
            return await self.storing(lambda _tx: True, origin, delivery=delivery, report=_at_an_end(origin))
        if isinstance(delivery, Rerun):
            await self.store.write(lambda tx: take_out(tx, delivery))
        return NOTHING_NEW

    async def _settle(
        self,
        origin: Origin,
        delivery: Delivery,
        *,
        emissions: Sequence[Emission],
        saying: Saying | None,
        also: Callable[[Connection], bool],
        command: Mapping[str, object] | None = None,
    ) -> Disposition:
        outgoing, kept, at = list(emissions), "", self.now()
        if saying is not None:
            outgoing.append(self.emitter.outcome(saying.outcome, origin))
            kept = emitting.kept(outgoing[-1], command)

        def work(tx: Connection) -> Sequence[Emission] | None:
            take_out(tx, delivery)
            if not also(tx):
                return None
            if saying is not None:
                _remember(tx, saying, origin, at=at, kept=kept)
            return outgoing

        numbers = await self._settled(work, delivery)
        if numbers is None:
            return NOTHING_NEW
        if saying is not None:
            self._count(saying.outcome, origin, at)
        return Done(self.publisher.expect(numbers))

    async def _settled(
        self, work: Callable[[Connection], Sequence[Emission] | None], delivery: Delivery
    ) -> list[int] | None:
        reached = None if isinstance(delivery, Rerun) else delivery.position()
        slots.leave()
        try:
            return await self.store.settle(work, reached=reached, lane=delivery.records[-1].source)
        except errors.Fenced as error:
            raise Fenced(str(error)) from None
        except errors.Taken as error:
            raise PermanentError(str(error)) from None
        except (errors.Stale, errors.CommitFailed) as error:
            raise TransientError(type(error).__name__) from None

    def _count(self, said: Outcome, origin: Origin, at: datetime) -> None:
        self.metrics.outcomes.labels(said.direction, said.result).inc()
        for mail in said.mails:
            self.metrics.mails.labels(mail.mode).inc(mail.recipients)
        self.metrics.latency.labels(said.direction).observe(max(0.0, (at - origin.at).total_seconds()))


def _save(tx: Connection, link: Link | TaskLink) -> None:
    if isinstance(link, TaskLink):
        task_links.save(tx, link)
    else:
        links.save(tx, link)


def _told(command: Command) -> dict[str, object]:
    """What the history keeps of a command: no content."""
    if isinstance(command, Delete | TaskDelete):
        return {"type": "delete", "revision": command.revision, "reason": command.reason}
    return {"type": "upsert", "revision": command.revision, "changed": list(command.changed)}


def _at_an_end(origin: Origin) -> Report:
    return Report(direction_of(origin.cause.topic), Result.APPLIED)


def take_out(tx: Connection, delivery: Delivery) -> None:
    """Parked work is over, as far as nothing has joined it since."""
    if not isinstance(delivery, Rerun) or delivery.stays:
        return
    if not delivery.in_turn:
        parked.remove(tx, delivery.work.key, joined=delivery.work.joined)
        return
    now = parked.of(tx, delivery.work.key)
    waiting = packing.unpack(now.payload) if now else ()
    left = [each for each in waiting if each not in delivery.records]
    if not left:
        parked.remove(tx, delivery.work.key)
    elif len(left) < len(waiting):
        parked.shorten(tx, delivery.work.key, payload=packing.pack(left))


def _remember(tx: Connection, saying: Saying, origin: Origin, *, at: datetime, kept: str) -> None:
    history.add(
        tx,
        link=saying.outcome.link or origin.key,
        crm_id=saying.crm_id,
        uid=saying.uid,
        outcome_json=kept,
        at=at,
    )
