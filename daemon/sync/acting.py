"""Claim, act, settle: how a plan's effects are carried out so that none is made twice (CON-3, ID-5, S08).

The link's version is bumped and every effect written down as an intent before the first call, with what it mails. What
was done is stored with the intents gone in one transaction, whether all of it was done or a part. Who finds intents
left over waits until the calls behind them must have ended, then asks Exchange what became of them.

What was made is said in the outcome of its cause, however many tries that takes: its intent stays until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from daemon.bus.dispositions import Disposition, Park, TransientError
from daemon.bus.routes import Delivery, Fenced
from daemon.exchange.port import Changed, ExchangeError, Missing, NotAllowed, Rejected, Written
from daemon.store import errors, intents, links, positions
from daemon.store.intents import Intent
from daemon.store.store import Store
from daemon.sync import calling, intending, posting
from daemon.sync.calling import UNKNOWN_KEY, Calls, Ending, Forestalled, Standing, Trace
from daemon.sync.intending import End, Intended
from daemon.sync.origins import Origin
from daemon.sync.settling import Rerun, Settler
from handlers import effects
from handlers.effects import Effect, Operation
from handlers.links import Link
from handlers.plans import Plan, Report
from schemas.activities import Actor
from schemas.outcomes import Direction, Reason, Result

T = TypeVar("T")

MARGIN = timedelta(seconds=5)
"""How long after its time-out a call may still be carried out by a server that has it."""

_ABANDONED = timedelta(minutes=10)
"""After this the event that began something is taken to come no more, and whoever passes by finishes it."""

_LOOK_AGAIN = timedelta(seconds=2)

_NO_DIRECTORY: Mapping[str, tuple[int, ...]] = {}

Ended = tuple[Intended, Ending]
"""A call that was made, and how it ended."""


class Unsettled(Exception):
    """Something was begun of which nobody knows the end yet; look again at `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__("unsettled")
        self.until = until

    @property
    def park(self) -> Park:
        """Put away until then."""
        return Park(self.until, "unsettled")


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The plan was made for copies that are no longer so: read these again and decide again. `link` is as stored, with
    what was made.
    """

    link: Link
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Exchange will never take what an effect asks for, or not from who makes it. `link` is as stored, with what was
    made.
    """

    link: Link
    reason: Reason
    made: tuple[Intended, ...] = ()


@dataclass(frozen=True, slots=True)
class Recovered:
    """A link as it is stored after a look at what was begun before, and what of it is to be said still."""

    link: Link
    made: tuple[Intended, ...] = ()


class Acting:
    """Carries out plans that write to mailboxes."""

    def __init__(
        self, *, store: Store, calls: Calls, settler: Settler, now: Callable[[], datetime], patience: timedelta
    ) -> None:
        self._store = store
        self._calls = calls
        self._settler = settler
        self._now = now
        self._patience = patience + MARGIN

    async def carry_out(
        self,
        plan: Plan,
        origin: Origin,
        *,
        delivery: Delivery,
        was: Link,
        by: Direction,
        as_of: Mapping[str, tuple[int, ...]] = _NO_DIRECTORY,
        actor: Actor | None = None,
        made: Sequence[Intended] = (),
    ) -> Disposition | Overtaken | Refused:
        """Carries a plan out and settles it. Raises `ExchangeError` with what was done stored; the rest is then open.

        `was` is the link as it is stored, `made` what is to be said of tries before.
        """
        if made and plan.report is None:
            plan = replace(plan, report=Report(by, Result.APPLIED))
        if not plan.effects or not self._settler.can_tell(plan, origin):
            return await self.settle(plan, origin, delivery=delivery, was=was, as_of=as_of, actor=actor, made=made)
        claimed, begun = await self._claim(was, plan, delivery=delivery, by=by)
        ended = await self._act(begun)
        if sum(isinstance(ending, Written) for _, ending in ended) < len(begun):
            return await self._stop(claimed, begun, ended)
        settled = _with_ids(replace(plan.link, version=claimed.version), ended)
        return await self.settle(
            replace(plan, link=settled),
            origin,
            delivery=delivery,
            was=claimed,
            as_of=as_of,
            actor=actor,
            made=(*made, *(_over(each, ending) for each, ending in ended)),
        )

    async def settle(
        self,
        plan: Plan,
        origin: Origin,
        *,
        delivery: Delivery,
        was: Link,
        as_of: Mapping[str, tuple[int, ...]] = _NO_DIRECTORY,
        actor: Actor | None = None,
        made: Sequence[Intended] = (),
    ) -> Disposition:
        """Settles a plan of which nothing is left to carry out, and says what was made."""
        report = plan.report and posting.told(plan.report, made, link_id=plan.link.id, notify=origin.notify)
        return await self._settler.plan(
            replace(plan, report=report),
            origin,
            delivery=delivery,
            was=was,
            as_of=as_of,
            actor=actor,
            written=intending.effects_of(made),
            closing=partial(posting.close, made=made) if made else None,
        )

    async def recovered(
        self, link: Link, *, by: Direction, event: int = 0, left: Sequence[Intent] | None = None
    ) -> Recovered:
        """The link after what was begun and never settled has been looked into; `by`: who would go on with it, `event`
        the CRM's version he goes on with: what another has mailed is that one's to say. `left` is what was begun, if
        that was read with the link.

        Raises `Unsettled` while a call may still be under way, and for hints as long as the CRM event that began it may
        come again, or has invited somebody of whom nothing is agreed on yet; and `ExchangeError`.
        """
        if left is None:
            left = await self._store.read(lambda tx: intents.unsettled(tx, link.id))
        known = [intending.read(each) for each in left]
        begun = [each for each in known if each.end is None]
        if any(not self._is_over(each, by) for each in begun):
            over = max(each.deadline for each in begun)
            raise Unsettled(max(over, self._now() + _LOOK_AGAIN))
        if any(_has_invited(each) and not self._is_mine(each, by) for each in known):
            raise Unsettled(self._now() + _LOOK_AGAIN)
        asked = [each for each in known if each.end is End.DOUBTFUL and self._is_mine(each, by)]
        if begun or asked:
            link, looked = await self._looked_into(link, begun, asked)
            known = [*(each for each in known if each not in begun and each not in asked), *looked]
        said = (End.MADE, End.UNKNOWN)
        mine = (each for each in known if each.end in said and self._is_mine(each, by))
        return Recovered(link, tuple(each for each in mine if not each.is_to_mail or each.event == event))

    async def _looked_into(
        self, link: Link, begun: Iterable[Intended], asked: Iterable[Intended]
    ) -> tuple[Link, list[Intended]]:
        """The link as stored after Exchange was asked what became of these, and what is known of them now.

        Of those asked only so much is known: what a person has changed since lies under the same change key, so the
        link learns of both by its next reading.
        """
        looked = []
        for each in begun:
            became = Trace.UNTOUCHED if each.waiting else await self._calls.became(each.effect)
            looked.append(_known(each, became, is_doubtful=became is not Trace.UNTOUCHED))
            if isinstance(became, Written):
                link = _progressed(link, each.effect, became)
        for each in asked:
            became = await self._calls.became(each.effect)
            looked.append(_known(each, became, is_doubtful=became is Trace.SOME))
        return await self._progress(link, looked), looked

    def _is_over(self, intended: Intended, by: Direction) -> bool:
        return self._now() >= intended.deadline and self._is_mine(intended, by)

    def _is_mine(self, intended: Intended, by: Direction) -> bool:
        """Whether it is for who goes this way to go on with: what a CRM event began is that event's as long as it may
        come again.
        """
        is_ours = by is Direction.OUTBOUND or intended.by is by
        return is_ours or self._now() >= intended.deadline + _ABANDONED

    async def _claim(
        self, was: Link, plan: Plan, *, delivery: Delivery, by: Direction
    ) -> tuple[Link, tuple[Intended, ...]]:
        """Nothing is known of the plan yet but the identity that hints will come with (ID-8)."""
        named = replace(was, uid=plan.link.uid, crm_id=plan.link.crm_id)
        reached = [] if isinstance(delivery, Rerun) else [delivery.position()]
        now = self._now()

        def work(tx: Connection) -> tuple[Link, tuple[Intended, ...]]:
            positions.verify(tx, reached)
            wanted = posting.admitted(tx, plan.effects, link=plan.link, by=by, at=now)
            claimed, made = intents.claim(tx, named, map(intending.kept, wanted), deadline=now + self._patience)
            pairs = zip(wanted, made, strict=True)
            return claimed, tuple(replace(each, id=made.id, deadline=made.deadline) for each, made in pairs)

        return await self._written(work)

    async def _act(self, begun: Sequence[Intended]) -> list[Ended]:
        """The copy that counts first: what cannot be written there is not written anywhere. Then all others at once."""
        ended = await self._one_by_one([each for each in begun if each.effect.authoritative])
        if ended and not isinstance(ended[-1][1], Written):
            return ended
        others = [each for each in begun if not each.effect.authoritative]
        mailboxes = dict.fromkeys(each.effect.mailbox for each in others)
        groups = [[each for each in others if each.effect.mailbox == mailbox] for mailbox in mailboxes]
        for found in await asyncio.gather(*map(self._one_by_one, groups)):
            ended.extend(found)
        return ended

    async def _one_by_one(self, begun: Sequence[Intended]) -> list[Ended]:
        """In their order, until one fails: a series before its occurrences, a change before the next of that copy."""
        ended: list[Ended] = []
        for each in begun:
            effect = _following(each.effect, ended[-1]) if ended else _first(each.effect)
            ended.append(await (self._call_noted(each, effect) if each.waiting else self._call(each, effect)))
            if not isinstance(ended[-1][1], Written):
                break
        return ended

    async def _call(self, intended: Intended, effect: Effect) -> Ended:
        return intended, await self._calls.attempt(effect)

    async def _call_noted(self, intended: Intended, effect: Effect) -> Ended:
        """What mails somebody is noted as it is called: by that one knows later whether it was carried out."""
        keyed = effect if effect.occurrence is None else await self._calls.keyed(effect)
        if isinstance(keyed, ExchangeError):
            return intended, keyed
        noted = replace(intended, effect=keyed, waiting=False, deadline=self._now() + self._patience)
        await self._written(lambda tx: _note(tx, noted))
        return await self._call(noted, keyed if effect.occurrence is None else replace(keyed, change_key=""))

    async def _stop(self, claimed: Link, begun: Sequence[Intended], ended: Sequence[Ended]) -> Overtaken | Refused:
        """Stores what was done. What nobody knows the end of stays an intent."""
        known: dict[int, Ended] = {each.id: (each, ending) for each, ending in ended}
        looked, link = [], claimed
        for intended in begun:
            each, ending = known.get(intended.id, (intended, None))
            if calling.is_open(each.effect, ending):
                continue
            looked.append(_left(each, ending))
            if looked[-1].is_made and isinstance(ending, Written):
                link = _progressed(link, each.effect, ending)
        link = await self._progress(link, looked)
        failures = [(each.effect, ending) for each, ending in ended if isinstance(ending, ExchangeError)]
        for _, failure in failures:
            if not isinstance(failure, Changed | Missing | Rejected | NotAllowed):
                raise failure
        final = next((failure for _, failure in failures if isinstance(failure, Rejected | NotAllowed)), None)
        if final is not None:
            reason = Reason.DENIED if isinstance(final, NotAllowed) else Reason.RESTRICTION
            return Refused(link, reason, tuple(each for each in looked if each.is_made))
        return Overtaken(link, tuple(effect for effect, _ in failures))

    async def _progress(self, link: Link, looked: Sequence[Intended]) -> Link:
        """Stores the link; of these intents only those are kept of which there is something to say still."""

        def work(tx: Connection) -> Link:
            intents.settle(tx, (each.id for each in looked if each.end is None))
            for each in looked:
                if each.end is not None:
                    _note(tx, each)
            posting.record(tx, looked)
            return links.save(tx, link)

        return await self._written(work)

    async def _written(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._store.write(work)
        except errors.Fenced as error:
            raise Fenced(str(error)) from None
        except (errors.Stale, errors.Taken, errors.CommitFailed) as error:
            raise TransientError(type(error).__name__) from None


def _has_invited(intended: Intended) -> bool:
    """Whether somebody has a copy of whom the link knows no more than that Exchange names him."""
    return intended.end is End.MADE and bool(intended.effect.joining)


def _first(effect: Effect) -> Effect:
    """An occurrence is written to the series that the plan was made for."""
    return effect if effect.occurrence is None else replace(effect, change_key=effect.change_key or UNKNOWN_KEY)


def _following(effect: Effect, before: Ended) -> Effect:
    """An effect on the copy that another has just left."""
    intended, ending = before
    left = ending if isinstance(ending, Written) else Written("", "")
    if effect.occurrence is not None:  # the series is as it was taken to be, or ours
        return replace(effect, item_id=effect.item_id or left.item_id, change_key="")
    is_same = effect.operation is not Operation.CREATE and effect.item_id == left.item_id
    if not is_same or intended.effect.occurrence is not None:
        return effect
    return replace(effect, change_key=left.change_key)


def _over(intended: Intended, ending: Ending) -> Intended:
    """An effect of which nothing is left to do."""
    if isinstance(ending, Standing):
        return posting.stood(intended)
    return posting.forestalled(intended) if isinstance(ending, Forestalled) else replace(intended, end=End.MADE)


def _left(intended: Intended, ending: Ending | None) -> Intended:
    """An effect of a plan that stops, if its call is over or was not made."""
    if isinstance(ending, Written):
        return intended if isinstance(ending, Standing) else _over(intended, ending)
    is_doubtful = calling.is_doubtful(intended.effect, ending)
    return replace(intended, end=End.DOUBTFUL) if is_doubtful else intended


def _known(intended: Intended, became: Written | Trace, *, is_doubtful: bool) -> Intended:
    """An effect of before, after Exchange was asked."""
    if isinstance(became, Written):
        return replace(intended, end=End.MADE)
    return posting.unknown(intended) if intended.mail and is_doubtful else replace(intended, end=None)


def _progressed(link: Link, effect: Effect, left: Written) -> Link:
    return effects.progressed(link, effect, item_id=left.item_id, change_key=left.change_key)


def _with_ids(link: Link, ended: Iterable[Ended]) -> Link:
    for intended, ending in ended:
        if isinstance(ending, Standing):
            link = effects.stood(link, intended.effect)
        elif isinstance(ending, Written):
            link = effects.done(link, intended.effect, item_id=ending.item_id, change_key=ending.change_key)
    return link


def _note(tx: Connection, intended: Intended) -> None:
    intents.note(tx, intended.id, intending.kept(intended), deadline=intended.deadline)
