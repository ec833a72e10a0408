"""Parked work: put away when its lane cannot wait any longer, tried again when it is due.

What is parked are the records themselves: trying again is processing them again, in whatever state the world is then. A
later record of the same lane joins the row, and the newest counts.

What fails in a way nobody foresaw is tried ever more seldom, and after many times becomes a dead letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from daemon.bus.deadletters import DeadLetters, Letter
from daemon.bus.dispositions import Dead, Done, Park, PermanentError, TransientError
from daemon.bus.port import BusError, Record
from daemon.bus.retry import Verdict
from daemon.bus.routes import Delivery, Route
from daemon.observe.metrics import Metrics
from daemon.store import parked
from daemon.store.errors import CommitFailed
from daemon.store.parked import Parked
from daemon.store.store import Store
from daemon.sync import asking, origins, packing
from daemon.sync.knowing import UNKNOWN_USER
from daemon.sync.settling import HELD, Rerun, Settler, direction_of, take_out
from daemon.sync.trouble import UNEXPECTED
from handlers.plans import Explanation, Report
from schemas.outcomes import Decision, Reason, Result

log = structlog.get_logger(__name__)

WORK_FAILED = "parked.failed"
WORK_RETRIED = "parked.retried"
STORE_AWAY = "store.away"

_AT_ONCE = 50
_LOOK_EVERY = timedelta(seconds=1)
_SAID = {
    Reason.DENIED.value: Reason.DENIED,
    Reason.PAUSED.value: Reason.PAUSED,
    UNKNOWN_USER: Reason.UNKNOWN_MAILBOX,
}
"""The reasons that are worth an outcome when work is parked; the others pass by themselves."""

_WOKEN = (Reason.PAUSED.value, UNKNOWN_USER)
"""The reasons whose end is heard of."""

_LONGEST_WAIT = timedelta(hours=1)
_LONGEST_LOOK = timedelta(minutes=10)
_DOUBLINGS = 10
_MOST_TRIES = 20
"""About half a day: whoever is called by the log has time to mend what is wrong."""


def _nothing(tx: Connection) -> bool:
    """Nothing is to be stored, and that is news."""
    return True


class Parking:
    """Parks deliveries and tries them again."""

    def __init__(
        self,
        *,
        store: Store,
        settler: Settler,
        routes: Sequence[Route],
        dead_letters: DeadLetters,
        metrics: Metrics,
        now: Callable[[], datetime],
        again_after: timedelta = timedelta(minutes=1),
    ) -> None:
        self._store = store
        self._settler = settler
        self._routes: Mapping[str, Route] = {route.topic: route for route in routes}
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._now = now
        self._again_after = again_after
        self._reasons: set[str] = set()

    async def park(self, delivery: Delivery, until: datetime, reason: str) -> Done | None:
        """Puts a delivery away, with its position; see `bus.partition.Parking`."""
        record = delivery.records[-1]
        key = self._key(record)
        said = _SAID.get(reason)

        def work(tx: Connection) -> bool:
            before = parked.of(tx, key)
            parked.park(
                tx,
                key=key,
                kind=record.topic,
                due=until,
                reason=reason,
                payload=packing.pack(_waiting(before, delivery.records)),
                asked=HELD if said else None,
                waits_for=_mailbox(record),
            )
            return not _is_said(before)

        report = None if said is None else Report(direction_of(record.topic), Result.HELD, said)
        origin = origins.read(delivery.records)
        disposition = await self._settler.storing(work, origin, delivery=delivery, report=report)
        await self._measure()
        return disposition if isinstance(disposition, Done) else None

    async def run(self, stop: asyncio.Event) -> None:
        """Tries what is due, until told to stop."""
        while not stop.is_set():
            try:
                is_more = await self._try_due()
            except CommitFailed as error:
                log.warning(STORE_AWAY, error=type(error.__cause__).__name__)
                is_more = False
            if not is_more:
                await _pause(stop, _LOOK_EVERY)

    async def _try_due(self) -> bool:
        """Whether more may be due."""
        await self._measure()
        due = await self._store.read(lambda tx: parked.due(tx, self._now(), _AT_ONCE))
        tried = await asyncio.gather(*(self._retry_alone(work) for work in due))
        return len(due) == _AT_ONCE and any(tried)

    async def _retry_alone(self, work: Parked) -> bool:
        """Whether it was ours to try: another daemon on the store may be at it, or have done it."""
        name = f"parked:{work.key}"
        if not await self._store.claim(name):
            return False
        try:
            if self._store.shared and await self._store.read(lambda tx: parked.of(tx, work.key)) != work:
                return False
            await self._retry(work)
            return True
        finally:
            self._store.release(name)

    async def _retry(self, work: Parked) -> None:
        """One by one where each asks for something of its own, until one has to wait on."""
        records = packing.unpack(work.payload)
        if not asking.is_asked(work.kind):
            await self._try(Rerun(records, work))
            return
        for number, record in enumerate(records):
            of_it = work if number == 0 else replace(work, asked=())
            if not await self._try(Rerun((record,), of_it, in_turn=True)):
                return

    async def _try(self, delivery: Rerun) -> bool:
        """Whether it is over."""
        work = delivery.work
        try:
            disposition = await self._routes[work.kind].process(delivery)
        except TransientError as error:
            await self._again(work, delay=error.delay or self._again_after, reason=work.reason)
            return False
        except PermanentError as error:
            disposition = Dead("permanent", str(error))
        except Exception as error:  # noqa: BLE001  # one parked item must not stop the others
            return await self._failed(delivery, error)
        return await self._carry_out(delivery, Verdict(disposition))

    async def _failed(self, delivery: Rerun, error: Exception) -> bool:
        """Nobody foresaw it: a bug of ours, or a record that meets one."""
        work = delivery.work
        tries = work.tries + 1 if work.reason == UNEXPECTED else 1
        log.error(WORK_FAILED, topic=work.kind, error=type(error).__name__, tries=tries)
        if tries < _MOST_TRIES:
            await self._again(work, delay=self._growing(tries), reason=UNEXPECTED)
            return False
        return await self._carry_out(delivery, Verdict(Dead(UNEXPECTED, type(error).__name__), error, error))

    def _growing(self, tries: int) -> timedelta:
        return min(self._again_after * (1 << (tries - 1)), max(_LONGEST_WAIT, self._again_after))

    async def _carry_out(self, delivery: Rerun, verdict: Verdict) -> bool:
        work, disposition = delivery.work, verdict.disposition
        if isinstance(disposition, Park):
            await self._park_again(delivery, disposition)
            return False
        if isinstance(disposition, Dead) and not await self._bury(delivery, disposition, verdict):
            await self._again(work, delay=self._again_after, reason=work.reason)
            return False
        await self._store.write(lambda tx: take_out(tx, delivery))
        log.info(WORK_RETRIED, topic=work.kind, disposition=type(disposition).__name__.lower())
        return True

    async def _park_again(self, delivery: Rerun, park: Park) -> None:
        """It still has to wait; said if nobody has heard of it yet."""
        work, said = delivery.work, _SAID.get(park.reason)
        if said is None or delivery.owes_an_end:
            await self._again(work, delay=self._until_next_look(work, park), reason=park.reason)
            return

        def wait(tx: Connection) -> bool:
            parked.postpone(tx, work, due=park.until, reason=park.reason, asked=HELD)
            return True

        report = Report(direction_of(work.kind), Result.HELD, said)
        await self._say(report, replace(delivery, stays=True), also=wait)

    def _until_next_look(self, work: Parked, park: Park) -> timedelta:
        """What will be woken is looked at all the same, in case; that must cost next to nothing."""
        delay = park.until - self._now()
        if park.reason != work.reason or park.reason not in _WOKEN:
            return delay
        return min(delay * (1 << min(work.tries, _DOUBLINGS)), max(_LONGEST_LOOK, delay))

    async def _bury(self, delivery: Rerun, dead: Dead, verdict: Verdict) -> bool:
        """Whether all of them lie among the dead letters; a bus that is away must not end the parking."""
        handler = delivery.work.kind
        try:
            for record in delivery.records:
                await self._dead_letters.bury(Letter(record, dead, handler=handler, verdict=verdict))
        except BusError as error:
            log.warning(WORK_FAILED, topic=handler, error=type(error).__name__)
            return False
        if delivery.owes_an_end:
            await self._say_buried(delivery, dead)
        return True

    async def _say_buried(self, delivery: Rerun, dead: Dead) -> None:
        """What was reported as `held` has its end here."""
        explanation = Explanation("OPS-1", "item", Decision.REFUSED, f"dead letter: {dead.kind}")
        report = Report(direction_of(delivery.work.kind), Result.FAILED, Reason.RESTRICTION, explain=(explanation,))
        await self._say(report, delivery)

    async def _say(self, report: Report, delivery: Rerun, *, also: Callable[[Connection], bool] = _nothing) -> None:
        origin = origins.read(delivery.records)
        try:
            await self._settler.storing(also, origin, delivery=delivery, report=report)
        except TransientError as error:
            raise CommitFailed(str(error)) from error

    async def _again(self, work: Parked, *, delay: timedelta, reason: str) -> None:
        due = self._now() + max(delay, timedelta())
        await self._store.write(lambda tx: parked.postpone(tx, work, due=due, reason=reason))

    async def _measure(self) -> None:
        counts = await self._store.read(parked.counts)
        self._reasons |= counts.keys()
        for reason in self._reasons:
            self._metrics.parked_items.labels(reason).set(counts.get(reason, 0))

    def _key(self, record: Record) -> str:
        lane = self._routes[record.topic].lane(record)
        return f"{record.topic}:{lane!r}"


def _waiting(before: Parked | None, records: Sequence[Record]) -> tuple[Record, ...]:
    """What is to be tried of an item, and the record that was reported as `held`."""
    held = _answered(before, records[-1])
    if before is None or not asking.is_asked(before.kind):
        return (*held, *records)
    others = packing.unpack(before.payload)[len(held) :]
    return (*held, *asking.waiting((*others, *records)))


def _answered(before: Parked | None, record: Record) -> tuple[Record, ...]:
    """The record that was reported as `held`: the outcome of those that joined it names it, too."""
    if before is None or not _is_said(before):
        return ()
    records = packing.unpack(before.payload)
    held = records[-1] if before.joined == 1 and not asking.is_asked(before.kind) else records[0]
    return (held,) if held.source == record.source else ()


def _is_said(before: Parked | None) -> bool:
    return before is not None and HELD in before.asked


def _mailbox(record: Record) -> str:
    return (record.key or b"").decode("utf-8", "replace")


async def _pause(stop: asyncio.Event, span: timedelta) -> None:
    try:
        await asyncio.wait_for(stop.wait(), span.total_seconds())
    except TimeoutError:
        return
