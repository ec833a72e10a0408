"""Making delegates and unmaking them (INV-1): when a pair is looked at, and what is said of it.

Reading the directory only notes that a pair is worth a look; the looking is done here, once the directory has been
read, by one daemon at a time for each principal. Every grant and revoke is answered; of anything else that turned a
pair (an option, a user, other settings) each pair it turned says so in an outcome of its own.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from daemon.exchange.port import Busy, Denied, Exchange, ExchangeError, Misconfigured, NoMailbox, Rejected
from daemon.store import delegates, directory
from daemon.store.delegates import Cause, Kept
from daemon.store.errors import CommitFailed, Stale
from daemon.store.heads import Source
from daemon.store.store import Store
from daemon.sync import origins, packing, stating
from daemon.sync.arranging import Around, Arranging, Progress
from daemon.sync.knowing import UNKNOWN_USER
from daemon.sync.origins import Origin
from daemon.sync.pausing import Paused
from daemon.sync.settling import Settler
from daemon.sync.stating import Statement
from daemon.sync.trouble import DENIED_FOR, EXCHANGE_REFUSED, MISCONFIGURED, MISCONFIGURED_FOR, UNEXPECTED
from handlers import delegations
from handlers.delegations import Arrangement, Asked, Bar, Kind, Pair, State, Wish
from handlers.options import OptionValues, scopes_of
from handlers.plans import Report
from handlers.policy import Policy
from schemas import catalogue, ids, outcomes
from schemas.envelope import Envelope
from schemas.events import Tombstone
from schemas.outcomes import Reason, Write
from schemas.people import DelegationGranted, DelegationRevoked

log = structlog.get_logger(__name__)

DELEGATE_GRANTED = "delegate.granted"
DELEGATE_REVOKED = "delegate.revoked"
DELEGATE_FAILED = "delegate.failed"
DELEGATE_GIVEN_UP = "delegate.given_up"
STORE_AWAY = "store.away"

_AT_ONCE = 50
_LOOK_EVERY = timedelta(seconds=1)
_STRANGERS_FOR = timedelta(days=1)
"""How long a grant waits for somebody nobody knows: there is no order across topics. Who comes later still gets it."""

_NO_MAILBOX_FOR = timedelta(days=7)
"""How long a revoke, or whatever else took a grant away, waits for a mailbox that is gone."""

_SAID = {
    Reason.DENIED.value: Reason.DENIED,
    MISCONFIGURED: Reason.DENIED,
    Reason.PAUSED.value: Reason.PAUSED,
    UNKNOWN_USER: Reason.UNKNOWN_MAILBOX,
}
"""What is worth an outcome when it has to be waited for; the rest passes by itself."""

_GRANTED = "crm.delegation.granted.v1"


@dataclass(frozen=True, slots=True)
class _Patience:
    """How long to wait before another try: ever longer, up to the longest."""

    first: timedelta
    longest: timedelta

    def after(self, tries: int) -> timedelta:
        return min(self.first * (1 << min(tries - 1, 20)), self.longest)


_SHORT = _Patience(timedelta(seconds=1), timedelta(minutes=1))
_PATIENCE = {
    Reason.PAUSED.value: _Patience(timedelta(seconds=5), timedelta(minutes=10)),  # whoever resumes wakes it
    Reason.DENIED.value: _Patience(DENIED_FOR, timedelta(hours=1)),
    MISCONFIGURED: _Patience(MISCONFIGURED_FOR, timedelta(hours=1)),
    UNEXPECTED: _Patience(timedelta(minutes=1), timedelta(hours=1)),
}


@dataclass(frozen=True, slots=True)
class _Case:
    """A pair, what there is to look at, and what the directory says. `others` are those of the same principal."""

    kept: Kept
    others: tuple[Arrangement, ...]
    causes: tuple[Cause, ...]
    asked: tuple[Asked, ...]
    origins: tuple[Origin, ...]
    wish: Wish
    as_of: Mapping[str, tuple[int, ...]]

    @property
    def pair(self) -> Pair:
        return self.kept.pair

    @property
    def answered(self) -> int | None:
        """Which cause the outcome is about."""
        return delegations.answering(self.asked, self.wish)


class Delegating:
    """Looks at the pairs that are worth it."""

    def __init__(
        self,
        *,
        store: Store,
        exchange: Exchange,
        settler: Settler,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._settler = settler
        self._arranging = Arranging(exchange, policy)
        self._policy = policy
        self._now = now
        self._poked = asyncio.Event()
        self._all_due = True

    def poke(self) -> None:
        """There may be something new to look at."""
        self._poked.set()

    async def look_at_all(self) -> None:
        """Every pair is worth a look: settings may be others than when it was looked at last. If the store is away,
        they are once it is back."""
        self._all_due = True
        await self._store.write(lambda tx: delegates.ask(tx, delegates.all_pairs(tx)))
        self._all_due = False
        self.poke()

    async def run(self, stop: asyncio.Event) -> None:
        """Looks at every pair, for the settings may be others than in the life before; then at what is due, until told
        to stop."""
        self._all_due = True
        while not stop.is_set():
            self._poked.clear()
            try:
                if self._all_due:
                    await self.look_at_all()
                is_more = await self._try_due()
            except CommitFailed as error:
                log.warning(STORE_AWAY, error=type(error.__cause__).__name__)
                is_more = False
            if not is_more:
                await self._pause(stop)

    async def _pause(self, stop: asyncio.Event) -> None:
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(self._poked.wait())]
        await asyncio.wait(ends, timeout=_LOOK_EVERY.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()

    async def _try_due(self) -> bool:
        """Whether more may be due."""
        due = await self._store.read(lambda tx: delegates.due(tx, self._now(), _AT_ONCE))
        by_principal: dict[str, list[Pair]] = defaultdict(list)
        for pair in due:
            by_principal[pair.principal].append(pair)
        looks = (self._look_alone(each, pairs) for each, pairs in by_principal.items())
        ends = await asyncio.gather(*looks, return_exceptions=True)  # none is left behind when another fails
        for error in ends:
            if isinstance(error, BaseException):
                raise error
        return len(due) == _AT_ONCE and any(ends)

    async def _look_alone(self, principal: str, pairs: Sequence[Pair]) -> bool:
        """Whether they were ours to look at: another daemon on the store may be at it. One after the other, for all of
        them are kept in one mailbox."""
        name = f"delegates:{principal}"
        if not await self._store.claim(name):
            return False
        try:
            looked = [await self._look_safely(pair) for pair in pairs]
        finally:
            self._store.release(name)
        return any(looked)

    async def _look_safely(self, pair: Pair) -> bool:
        """Whether all went as foreseen: one pair must not stop the others."""
        try:
            await self._look(pair)
        except CommitFailed:
            raise
        except Stale:
            return False  # another daemon was at it: what it left is looked at again
        except Exception as error:  # noqa: BLE001  # a bug of ours, or a record that meets one
            log.error(DELEGATE_FAILED, principal=pair.principal, delegate=pair.delegate, error=type(error).__name__)
            await self._put_aside(pair)
        return True

    async def _put_aside(self, pair: Pair) -> None:
        """Whatever it was that cannot be dealt with, it is tried ever more seldom."""

        def work(tx: Connection) -> None:
            kept = delegates.of(tx, pair)
            tries = kept.tries + 1 if kept.reason == UNEXPECTED else 1
            due = self._now() + _PATIENCE[UNEXPECTED].after(tries)
            aside = replace(kept, due=due, reason=UNEXPECTED, tries=tries, turn=self._next_turn(kept))
            delegates.save(tx, aside, was=kept)
            for cause in delegates.causes(tx, pair):
                delegates.wait(tx, cause, held=None)

        with suppress(Stale):
            await self._store.write(work, lane=pair.key)

    async def _look(self, pair: Pair) -> None:
        case = await self._case(pair)
        if not case.causes and (case.kept.due is None or case.kept.due > self._now()):
            return  # another daemon has looked
        progress, kept = Progress(case.kept.done), case.kept

        async def note(done: Arrangement) -> None:
            nonlocal kept
            kept = await self._note(kept, done)

        around = Around(
            case.wish,
            case.others,
            replayed=any(cause.replayed for cause in case.causes),
            may_be_left=self._may_be_left(case),
        )
        again = delegations.is_granted_again(case.asked, case.kept.done, case.wish)
        try:
            await self._arranging.carry_out(progress, around, note=note, again=again)
        except ExchangeError as error:
            await self._trouble(replace(case, kept=kept), progress, error, was=case.kept)
            return
        if self._waits_for_a_stranger(case) and not progress.calls:
            await self._put_off(replace(case, kept=replace(kept, done=progress.done)), reason=UNKNOWN_USER)
            return
        await self._end(replace(case, kept=kept), progress, was=case.kept)

    def _may_be_left(self, case: _Case) -> bool:
        new = (asked for asked, cause in zip(case.asked, case.causes, strict=True) if not cause.replayed)
        return self._store.generation > 0 and delegations.may_be_left(new, case.kept.done, case.wish)

    async def _case(self, pair: Pair) -> _Case:
        return await self._store.read(lambda tx: self._read(tx, pair))

    def _read(self, tx: Connection, pair: Pair) -> _Case:
        users = directory.users_by_id(tx, (pair.principal, pair.delegate))
        options = OptionValues(directory.options_of(tx, scopes_of(users)), self._policy().options)
        kept, causes = delegates.of(tx, pair), delegates.causes(tx, pair)
        head = delegates.head_of(tx, pair)
        sources = tuple(self._origin(cause, kept, head) for cause in causes)
        return _Case(
            kept,
            delegates.others_of(tx, pair),
            causes,
            tuple(_asked(cause, origin) for cause, origin in zip(causes, sources, strict=True)),
            sources,
            delegations.wish(pair, granted=delegates.stands(tx, pair), users=users, options=options),
            directory.as_of(tx),
        )

    def _origin(self, cause: Cause, kept: Kept, head: Source | None) -> Origin:
        """What no record has caused is answered as the grant it is about."""
        if cause.record is not None:
            return origins.read(packing.unpack(cause.record))
        place = head or Source(catalogue.DELEGATIONS, 0, 0)
        return Origin(
            key=kept.pair.key,
            event=Tombstone(),
            envelope=Envelope(id=kept.event, source="", type=_GRANTED),
            cause=outcomes.Cause(
                id=kept.event, type=_GRANTED, topic=place.topic, partition=place.partition, offset=place.offset
            ),
            at=self._now(),
        )

    def _waits_for_a_stranger(self, case: _Case) -> bool:
        number = case.answered
        if case.wish.bar is not Bar.UNKNOWN or number is None or case.asked[number].kind is not Kind.GRANT:
            return False
        return self._now() - case.origins[number].at <= _STRANGERS_FOR

    # ends

    async def _note(self, kept: Kept, done: Arrangement) -> Kept:
        noted = replace(kept, done=done, turn=self._next_turn(kept))
        await self._store.write(lambda tx: delegates.save(tx, noted, was=kept), lane=kept.pair.key)
        return noted

    async def _end(
        self, case: _Case, progress: Progress, *, was: Kept, report: Report | None = None, word: str = ""
    ) -> None:
        """All is as it is to be, or cannot be: said if somebody waits for it, or if it is news."""
        word = word or delegations.word(case.wish)
        number = case.answered
        kind = Kind.OTHER if number is None else case.asked[number].kind
        before, is_settled = progress.left or was.done, report is None
        report = report or delegations.settled(
            case.pair, kind, case.wish, was=before, is_left=progress.left is not None
        )
        kept = replace(
            case.kept,
            done=progress.done,
            said=word,
            event=_newest_event(case) or case.kept.event,
            due=None,
            reason="",
            tries=0,
            turn=self._next_turn(case.kept),
        )
        writes = tuple(_write(mailbox, operation) for mailbox, operation in progress.calls)
        statements = list(self._overtaken(case))
        if number is not None and (writes or _is_worth_saying(case, number, is_news=word != was.said)):
            statements.append(self._statement(case, number, report, turn=kept.turn, writes=writes))

        def work(tx: Connection) -> None:
            delegates.settle(tx, case.causes)
            if case.wish.bar is not Bar.REVOKED:
                delegates.save(tx, kept, was=case.kept)
            elif case.kept.turn:
                delegates.forget(tx, case.kept)

        await self._state(case, statements, work)
        if is_settled:
            _tell(case.pair, was=before.state, now=kept.done.state)

    async def _trouble(self, case: _Case, progress: Progress, error: ExchangeError, *, was: Kept) -> None:
        """Exchange did not do it, or nobody knows whether it did."""
        if not isinstance(error, Paused):
            log.warning(EXCHANGE_REFUSED, error=type(error).__name__, code=error.code)
        if isinstance(error, Rejected) and progress.done.state is State.NONE:
            report = delegations.rejected(case.pair, case.wish, code=error.code)
            await self._end(case, progress, was=was, report=report, word=f"rejected:{error.code}")
            return
        if isinstance(error, NoMailbox) and self._is_given_up(case):
            log.error(DELEGATE_GIVEN_UP, principal=case.pair.principal, delegate=case.pair.delegate)
            progress.done = Arrangement()
            report = delegations.given_up(case.pair, case.wish, code=error.code)
            await self._end(case, progress, was=was, report=report)
            return
        delay = error.back_off if isinstance(error, Busy) else None
        code = "" if isinstance(error, Paused) else error.code
        await self._put_off(case, reason=_reason(error), delay=delay, code=code)

    def _is_given_up(self, case: _Case) -> bool:
        """Only what was said to wait, and waits for the mailbox alone: a grant's may still be on its way."""
        number = case.answered
        if case.wish.bar is None or number is None or case.asked[number].held is None:
            return False
        waited = self._now() - case.origins[number].at
        if case.causes[number].record is None:  # settings tell of no time: count the tries
            waited = case.kept.tries * _PATIENCE[MISCONFIGURED].longest
        return waited > _NO_MAILBOX_FOR

    async def _put_off(self, case: _Case, *, reason: str, delay: timedelta | None = None, code: str = "") -> None:
        """It has to wait, and what it was asked by waits with it; the others are over."""
        number, said = case.answered, _SAID.get(reason)
        tries = case.kept.tries + 1 if case.kept.reason == reason else 1
        kept = replace(
            case.kept,
            event=_newest_event(case) or case.kept.event,
            due=self._due(case, reason, tries=tries, delay=delay),
            reason=reason,
            tries=tries,
            turn=self._next_turn(case.kept),
        )
        statements = list(self._overtaken(case))
        if number is not None and said is not None and case.asked[number].held is None:
            report = delegations.waiting(case.pair, case.wish, said, code=code)
            statements.append(self._statement(case, number, report, turn=kept.turn))

        def work(tx: Connection) -> None:
            delegates.save(tx, kept, was=case.kept)
            delegates.settle(tx, (cause for n, cause in enumerate(case.causes) if n != number))
            if number is not None:
                aim = delegations.aim(case.wish) if said or case.asked[number].held else None
                delegates.wait(tx, case.causes[number], held=aim)

        await self._state(case, statements, work)

    def _due(self, case: _Case, reason: str, *, tries: int, delay: timedelta | None) -> datetime:
        """Who is waited for wakes the grant when he comes; when it is too late for him, it is looked at again."""
        if reason == UNKNOWN_USER and case.answered is not None:
            return case.origins[case.answered].at + _STRANGERS_FOR + timedelta(seconds=1)
        return self._now() + (delay or _PATIENCE.get(reason, _SHORT).after(tries))

    def _overtaken(self, case: _Case) -> Iterable[Statement]:
        for number in delegations.overtaken_ones(case.asked, case.answered):
            yield self._statement(case, number, delegations.overtaken(case.pair), turn=case.kept.turn)

    def _statement(
        self, case: _Case, number: int, report: Report, *, turn: int, writes: tuple[Write, ...] = ()
    ) -> Statement:
        """The record that is about this pair alone has an outcome by its own id; the others have one for each pair."""
        origin, cause = case.origins[number], case.causes[number]
        part = case.pair.key if cause.record else f"turn {turn}"
        if cause.record and origin.cause.topic == catalogue.DELEGATIONS:
            part = ""
        return Statement(report, origin, about=case.pair.key, part=part, writes=writes)

    async def _state(self, case: _Case, statements: Sequence[Statement], work: Callable[[Connection], None]) -> None:
        await stating.state(self._settler, statements, as_of=case.as_of, also=work, lane=case.pair.key)

    def _next_turn(self, kept: Kept) -> int:
        return ids.next_revision(kept.turn, generation=self._store.generation)


def _asked(cause: Cause, origin: Origin) -> Asked:
    kind = Kind.OTHER
    if isinstance(origin.event, DelegationGranted):
        kind = Kind.GRANT
    elif cause.record is not None and origin.cause.topic == catalogue.DELEGATIONS:
        kind = Kind.REVOKE if cause.stood else Kind.VAIN_REVOKE
    owed = isinstance(origin.event, DelegationGranted | DelegationRevoked) and not cause.replayed
    return Asked(kind, owed=owed, held=cause.held)


def _is_worth_saying(case: _Case, number: int, *, is_news: bool) -> bool:
    """What was dealt with before a store was lost was answered then."""
    asked = case.asked[number]
    return asked.owed or asked.held is not None or (is_news and not case.causes[number].replayed)


def _newest_event(case: _Case) -> str | None:
    """The id of the newest grant, to be named when the settings turn the pair."""
    grants = [n for n, asked in enumerate(case.asked) if asked.kind is Kind.GRANT]
    return case.origins[grants[-1]].cause.id if grants else None


def _write(mailbox: str, operation: str) -> Write:
    return Write(mailbox=mailbox, operation=operation, fields=("calendar",))


def _reason(error: ExchangeError) -> str:
    match error:
        case Paused():
            return Reason.PAUSED.value
        case Denied() | Rejected():
            return Reason.DENIED.value
        case Misconfigured():
            return MISCONFIGURED
        case Busy():
            return "busy"
    return "unavailable"


def _tell(pair: Pair, *, was: State, now: State) -> None:
    if was is not State.GRANTED and now is State.GRANTED:
        log.info(DELEGATE_GRANTED, principal=pair.principal, delegate=pair.delegate)
    if was is not State.NONE and now is State.NONE:
        log.info(DELEGATE_REVOKED, principal=pair.principal, delegate=pair.delegate)
