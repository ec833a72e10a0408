"""Claim, act, settle: how a plan's effects are carried out so that none is made twice (CON-3, ID-5, S08).

The link's version is bumped and every effect written down as an intent before the first call. What was done is stored
with the intents gone in one transaction, whether all of it was done or a part. Who finds intents left over waits until
the calls behind them must have ended, then asks Exchange what became of the creates; a change that was or was not made
shows by the change key.

What was made is said in the outcome of its cause, however many tries that takes: its intent stays until then.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeGuard, TypeVar

from sqlalchemy import Connection

from daemon.bus.dispositions import Disposition, Park, TransientError
from daemon.bus.routes import Delivery, Fenced
from daemon.exchange.port import (
    Busy,
    Changed,
    Exchange,
    ExchangeError,
    Gone,
    Missing,
    Rejected,
    Unavailable,
    Unknown,
    Unreadable,
    Written,
)
from daemon.store import codec, errors, intents, links, positions
from daemon.store.intents import Intent
from daemon.store.store import Store
from daemon.sync.loading import Loader
from daemon.sync.origins import Origin
from daemon.sync.settling import Rerun, Settler
from handlers import edits, effects
from handlers.blocks import Block
from handlers.effects import Effect, Operation
from handlers.links import Link
from handlers.plans import Plan, Report
from handlers.policy import Policy
from schemas.activities import Actor
from schemas.copies import Attendee, Copy, Kind, Role, Shape
from schemas.edits import UNSET, New
from schemas.instants import read_moment
from schemas.items import Moment
from schemas.outcomes import Direction, Result
from schemas.sending import Sending, Whom

T = TypeVar("T")

MARGIN = timedelta(seconds=5)
"""How long after its time-out a call may still be carried out by a server that has it."""

_ABANDONED = timedelta(minutes=10)
"""After this the event that began something is taken to come no more, and whoever passes by finishes it."""

_LOOK_AGAIN = timedelta(seconds=2)

_END, _MADE, _DOUBTFUL = "end", "made", "doubtful"
"""Noted in the wanted values of an intent whose call has ended: that it was carried out, or that nobody knows."""

_UNKNOWN = "unknown"
"""No change key: a copy of which none is known has to be read first."""

_PERSONAL = frozenset({"subject", "notes", "location", "start", "end"})

_READ_ANEW = "read_anew"
"""The code of what we found out ourselves, before anything was asked for."""

_NO_DIRECTORY: Mapping[str, tuple[int, ...]] = {}


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
class Made:
    """An effect that was carried out and is to be said still, with the intent that remembers it until then."""

    effect: Effect
    intent: int


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The plan was made for copies that are no longer so: read these again and decide again. `link` is as stored, with
    what was made.
    """

    link: Link
    effects: tuple[Effect, ...]
    made: tuple[Made, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Exchange will never take what an effect asks for. `link` is as stored, with what was made."""

    link: Link
    code: str
    made: tuple[Made, ...] = ()


@dataclass(frozen=True, slots=True)
class Recovered:
    """A link as it is stored after a look at what was begun before, and the effects that turned out to be made."""

    link: Link
    made: tuple[Made, ...] = ()


class Standing(Written):
    """What was to be written is so already: nothing was."""

    __slots__ = ()


Answer = Written | ExchangeError


class Acting:
    """Carries out plans that write to mailboxes."""

    def __init__(
        self,
        *,
        store: Store,
        exchange: Exchange,
        loader: Loader,
        settler: Settler,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        patience: timedelta,
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._loader = loader
        self._settler = settler
        self._policy = policy
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
        made: Sequence[Made] = (),
    ) -> Disposition | Overtaken | Refused:
        """Carries a plan out and settles it. Raises `ExchangeError` with what was done stored; the rest is then open.

        `was` is the link as it is stored, `made` what was written for the same cause before.
        """
        if made and plan.report is None:
            plan = replace(plan, report=Report(by, Result.APPLIED))
        if not plan.effects or not self._settler.can_tell(plan, origin):
            return await self._settler.plan(
                plan,
                origin,
                delivery=delivery,
                was=was,
                as_of=as_of,
                actor=actor,
                written=effects_of(made),
                intents_done=intents_of(made),
            )
        claimed, begun = await self._claim(was, plan, delivery=delivery, by=by)
        answers = await self._act(plan.effects)
        written = [(effect, answer) for effect, answer in answers if isinstance(answer, Written)]
        if len(written) < len(plan.effects):
            return await self._stop(claimed, begun, answers)
        settled = _with_ids(replace(plan.link, version=claimed.version), written)
        return await self._settler.plan(
            replace(plan, link=settled),
            origin,
            delivery=delivery,
            was=claimed,
            as_of=as_of,
            actor=actor,
            written=(*effects_of(made), *(effect for effect, answer in written if not isinstance(answer, Standing))),
            intents_done=(*intents_of(made), *(intent.id for intent in begun)),
        )

    async def recovered(self, link: Link, *, by: Direction) -> Recovered:
        """The link after what was begun and never settled has been looked into; `by`: who would go on with it.

        Raises `Unsettled` while a call may still be under way, and for hints as long as the CRM event that began it may
        come again; and `ExchangeError`.
        """
        known = await self._store.read(lambda tx: intents.unsettled(tx, link.id))
        begun = [intent for intent in known if _end_of(intent) is None]
        made = [intent for intent in known if _end_of(intent) == _MADE and self._is_mine(intent, by)]
        made.extend(await self._doubtful(known, by))
        if begun:
            over = max(intent.deadline for intent in begun)
            if self._now() < over or not all(self._is_mine(intent, by) for intent in begun):
                raise Unsettled(max(over, self._now() + _LOOK_AGAIN))
            link, found = await self._looked_into(link, begun)
            made.extend(found)
        return Recovered(link, tuple(Made(_effect(intent), intent.id) for intent in made))

    async def _doubtful(self, known: Iterable[Intent], by: Direction) -> list[Intent]:
        """Those changes without an answer that were made after all. Only so much is known of them: what a person has
        changed since lies under the same change key, so the link learns of both by its next reading.
        """
        asked = [intent for intent in known if _end_of(intent) == _DOUBTFUL and self._is_mine(intent, by)]
        made = [intent for intent in asked if await self._made(_effect(intent)) is not None]
        if asked:
            await self._written(lambda tx: intents.settle(tx, [each.id for each in asked if each not in made]))
        return made

    def _is_mine(self, intent: Intent, by: Direction) -> bool:
        """Whether it is for who goes this way to go on with: what a CRM event began is that event's as long as it may
        come again.
        """
        is_ours = by is Direction.OUTBOUND or _begun_by(intent) is by
        return is_ours or self._now() >= intent.deadline + _ABANDONED

    async def _looked_into(self, link: Link, begun: Sequence[Intent]) -> tuple[Link, list[Intent]]:
        """The link as stored after Exchange was asked what became of these, and those that were carried out."""
        made = []
        for intent in begun:
            effect = _effect(intent)
            found = await self._made(effect)
            if found is not None:
                made.append(intent)
                link = effects.progressed(link, effect, item_id=found.item_id, change_key=found.change_key)
        return await self._progress(link, begun, made), made

    async def _claim(
        self, was: Link, plan: Plan, *, delivery: Delivery, by: Direction
    ) -> tuple[Link, tuple[Intent, ...]]:
        """Nothing is known of the plan yet but the identity that hints will come with (ID-8)."""
        named = replace(was, uid=plan.link.uid, crm_id=plan.link.crm_id)
        wanted = [_intent(effect, by) for effect in plan.effects]
        deadline = self._now() + self._patience
        reached = [] if isinstance(delivery, Rerun) else [delivery.position()]

        def work(tx: Connection) -> tuple[Link, tuple[Intent, ...]]:
            positions.verify(tx, reached)
            return intents.claim(tx, named, wanted, deadline=deadline)

        return await self._written(work)

    async def _act(self, wanted: Sequence[Effect]) -> list[tuple[Effect, Answer]]:
        """The copy that counts first: what cannot be written there is not written anywhere. Then all others at once."""
        answers = await self._one_by_one([each for each in wanted if each.authoritative])
        if answers and not isinstance(answers[-1][1], Written):
            return answers
        others = [each for each in wanted if not each.authoritative]
        mailboxes = dict.fromkeys(each.mailbox for each in others)
        groups = [[each for each in others if each.mailbox == mailbox] for mailbox in mailboxes]
        for found in await asyncio.gather(*map(self._one_by_one, groups)):
            answers.extend(found)
        return answers

    async def _one_by_one(self, wanted: Sequence[Effect]) -> list[tuple[Effect, Answer]]:
        """In their order, until one fails: a series before its occurrences."""
        answers: list[tuple[Effect, Answer]] = []
        for effect in wanted:
            made = effect
            if effect.occurrence is not None and answers:  # the series is as it was taken to be, or ours
                made = replace(effect, item_id=effect.item_id or _item_id(answers[-1][1]), change_key="")
            elif effect.occurrence is not None and not effect.change_key:
                made = replace(effect, change_key=_UNKNOWN)
            answers.append((effect, await self._attempt(made)))
            if not isinstance(answers[-1][1], Written):
                break
        return answers

    async def _attempt(self, effect: Effect) -> Answer:
        try:
            if effect.occurrence is not None:
                return await self._change_occurrence(effect)
            match effect.operation:
                case Operation.CREATE:
                    return await self._create(effect)
                case Operation.UPDATE:
                    return await self._update(effect)
                case Operation.DELETE:
                    return await self._delete(effect)
        except ExchangeError as error:
            return error

    async def _create(self, effect: Effect) -> Written:
        """After a restore it may have been made in a life before (ID-8)."""
        if self._store.generation and (found := await self._copy_made_by(effect)) is not None:
            return Written(found.item_id, found.change_key)
        edit = edits.edit_of(effect, None, policy=self._policy())
        new = New(kind=Kind.SCHEDULE_ITEM, marker=effect.marker or "", uid=effect.uid, edit=edit)
        return await self._exchange.create(effect.mailbox, new)

    async def _update(self, effect: Effect) -> Written:
        if not effect.change_key:
            raise Changed(effect.mailbox, _READ_ANEW)
        copy = await self._current(effect) if effect.needs_copy else None
        edit = edits.edit_of(effect, copy, policy=self._policy())
        known = Written(effect.item_id, effect.change_key)
        return known if edit.is_empty else await self._exchange.update(effect.mailbox, known, edit)

    async def _change_occurrence(self, effect: Effect) -> Written:
        """One that is gone is left so: the delete wins (CON-5). The series' change key is verified if it is given."""
        if effect.change_key and effect.change_key != await self._key_of(effect):
            raise Changed(effect.mailbox, _READ_ANEW)
        answer = await self._exchange.occurrence(effect.mailbox, effect.item_id, effect.index)
        if isinstance(answer, Copy) and answer.original_start != effect.occurrence:
            raise Changed(effect.mailbox, _READ_ANEW)
        if isinstance(answer, Unreadable):
            raise Rejected(effect.mailbox, answer.rule)
        if isinstance(answer, Unknown):
            raise Unavailable(effect.mailbox, answer.code)
        is_written = isinstance(answer, Copy) and await self._write_occurrence(effect, answer)
        return Written(effect.item_id, "") if is_written else Standing(effect.item_id, "")

    async def _key_of(self, effect: Effect) -> str:
        return await self._exchange.change_key(effect.mailbox, effect.item_id)

    async def _write_occurrence(self, effect: Effect, copy: Copy) -> bool:
        """Whether there was anything to write."""
        if effect.operation is Operation.DELETE:
            with suppress(Missing):  # somebody else was faster
                await self._exchange.delete(effect.mailbox, copy.item_id)
            return True
        if effect.again and copy.shape is Shape.EXCEPTION and edits.shows(copy, effect, policy=self._policy()):
            return False
        edit = edits.edit_of(effect, copy, policy=self._policy())
        await self._exchange.update(effect.mailbox, Written(copy.item_id, copy.change_key), edit)
        return True

    async def _current(self, effect: Effect) -> Copy:
        """What lies there, if it is what the plan was made for."""
        answer = await self._loader.get(effect.mailbox, effect.item_id)
        match answer:
            case Copy(change_key=change_key) if change_key == effect.change_key:
                return answer
            case Copy():
                raise Changed(effect.mailbox, _READ_ANEW)
            case Gone():
                raise Missing(effect.mailbox, _READ_ANEW)
            case Unreadable(rule=rule):
                raise Rejected(effect.mailbox, rule)
            case _:
                raise Unavailable(effect.mailbox, "unknown_for_the_moment")

    async def _delete(self, effect: Effect) -> Written:
        with suppress(Missing):  # somebody else was faster
            await self._exchange.delete(effect.mailbox, effect.item_id)
        return Written(effect.item_id, "")

    async def _stop(
        self, claimed: Link, begun: Sequence[Intent], answers: Sequence[tuple[Effect, Answer]]
    ) -> Overtaken | Refused:
        """Stores what was done. What nobody knows the end of stays an intent."""
        open_ended = {_place(effect) for effect, answer in answers if _is_open(effect, answer)}
        over = [intent for intent in begun if _place(_effect(intent)) not in open_ended]
        carried_out = {_place(effect) for effect, answer in answers if _is_made(answer)}
        done = [intent for intent in begun if _place(_effect(intent)) in carried_out]
        unanswered = {_place(effect) for effect, answer in answers if _is_doubtful(effect, answer)}
        doubtful = [intent for intent in over if _place(_effect(intent)) in unanswered]
        link = claimed
        for effect, answer in answers:
            if _is_made(answer):
                link = effects.progressed(link, effect, item_id=answer.item_id, change_key=answer.change_key)
        link = await self._progress(link, over, done, doubtful)
        failures = [(effect, answer) for effect, answer in answers if isinstance(answer, ExchangeError)]
        for _, failure in failures:
            if not isinstance(failure, Changed | Missing | Rejected):
                raise failure
        rejected = next((failure for _, failure in failures if isinstance(failure, Rejected)), None)
        made = tuple(Made(_effect(intent), intent.id) for intent in done)
        if rejected is not None:
            return Refused(link, rejected.code, made)
        return Overtaken(link, tuple(effect for effect, _ in failures), made)

    async def _made(self, effect: Effect) -> Written | None:
        """What an effect of before left, if it was carried out."""
        if effect.operation is Operation.CREATE:
            copy = await self._copy_made_by(effect)
            return Written(copy.item_id, copy.change_key) if copy else None
        if effect.occurrence is not None:
            return Written(effect.item_id, "") if await self._is_occurrence_so(effect) else None
        answer = await self._loader.get(effect.mailbox, effect.item_id)
        if effect.operation is Operation.DELETE:
            return Written(effect.item_id, "") if isinstance(answer, Gone) else None
        if not isinstance(answer, Copy) or answer.change_key == effect.change_key:
            return None
        is_so = edits.shows(answer, effect, policy=self._policy())
        return Written(answer.item_id, answer.change_key) if is_so else None

    async def _is_occurrence_so(self, effect: Effect) -> bool:
        if not effect.item_id:
            return False  # of a series that was to be made first
        answer = await self._exchange.occurrence(effect.mailbox, effect.item_id, effect.index)
        if effect.operation is Operation.DELETE:
            return isinstance(answer, Gone)
        if not isinstance(answer, Copy) or answer.shape is not Shape.EXCEPTION:
            return False
        return answer.original_start == effect.occurrence and edits.shows(answer, effect, policy=self._policy())

    async def _copy_made_by(self, effect: Effect) -> Copy | None:
        """What a create of before left in the mailbox: it has our marker and the UID it was given (ID-5, S21d)."""
        found = await self._exchange.find_by_marker(effect.mailbox, effect.marker or "", Kind.SCHEDULE_ITEM)
        return next((each for each in found if isinstance(each, Copy) and each.uid == effect.uid), None)

    async def _progress(
        self, link: Link, over: Iterable[Intent], made: Collection[Intent], doubtful: Collection[Intent] = ()
    ) -> Link:
        """Stores the link; of these intents only those are kept that were carried out, or may have been, to be said."""
        ids = [intent.id for intent in over if intent not in made and intent not in doubtful]

        def work(tx: Connection) -> Link:
            intents.settle(tx, ids)
            for intent in made:
                intents.note(tx, intent, _ending(intent, _MADE))
            for intent in doubtful:
                intents.note(tx, intent, _ending(intent, _DOUBTFUL))
            return links.save(tx, link)

        return await self._written(work)

    async def _written(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._store.write(work)
        except errors.Fenced as error:
            raise Fenced(str(error)) from None
        except (errors.Stale, errors.Taken, errors.CommitFailed) as error:
            raise TransientError(type(error).__name__) from None


def effects_of(made: Iterable[Made]) -> tuple[Effect, ...]:
    """What was carried out."""
    return tuple(each.effect for each in made)


def intents_of(made: Iterable[Made]) -> tuple[int, ...]:
    """What is over once it is said."""
    return tuple(each.intent for each in made)


def _is_made(answer: Written | ExchangeError) -> TypeGuard[Written]:
    return isinstance(answer, Written) and not isinstance(answer, Standing)


def _is_open(effect: Effect, answer: Answer) -> bool:
    """Whether something may lie in the mailbox that nobody knows of."""
    return effect.operation is Operation.CREATE and isinstance(answer, Unavailable | Busy)


def _is_doubtful(effect: Effect, answer: Answer) -> bool:
    """Whether a change may have been made whatever was answered.

    Servers have said of changes they had saved that they clash. Those are known by what nobody else will have written
    in the same moment: an alarm or a priority may be anybody's.
    """
    if isinstance(answer, Changed):
        return answer.code != _READ_ANEW and not _PERSONAL.isdisjoint(effect.fields)
    return isinstance(answer, Unavailable | Busy)


def _place(effect: Effect) -> tuple[Operation, str, str | None, Moment | None]:
    """What tells the effects of one plan apart."""
    return effect.operation, effect.mailbox, effect.uid, effect.occurrence


def _item_id(answer: Answer) -> str:
    return answer.item_id if isinstance(answer, Written) else ""


def _with_ids(link: Link, made: Iterable[tuple[Effect, Written]]) -> Link:
    for effect, written in made:
        if isinstance(written, Standing):
            link = effects.stood(link, effect)
        else:
            link = effects.done(link, effect, item_id=written.item_id, change_key=written.change_key)
    return link


def _intent(effect: Effect, by: Direction) -> intents.Effect:
    wanted = {
        "by": by.value,
        "user": effect.user,
        "uid": effect.uid,
        "marker": effect.marker,
        "direct": effect.direct,
        "authoritative": effect.authoritative,
        "fields": list(effect.fields),
        "item_id": effect.item_id,
        "change_key": effect.change_key,
        "invite": [[each.name, each.address] for each in effect.invite],
        "uninvite": sorted(effect.uninvite),
        "facets": {name: value for name, value in _facets(effect) if value is not UNSET},
        "item": json.loads(codec.dump(effect.item)),
        "occurrence": None if effect.occurrence is None else effect.occurrence.isoformat(),
        "index": effect.index,
        "again": effect.again,
        "acting": effect.sending.acting,
        "recipients": list(effect.recipients),
        "delegate": effect.delegate,
    }
    return intents.Effect(effect.mailbox, effect.operation.value, json.dumps(wanted), mail=effect.sending.to.value)


def _facets(effect: Effect) -> tuple[tuple[str, object], ...]:
    block = effect.block
    shown = (block.html, block.text, block.fingerprint) if isinstance(block, Block) else block
    return ("sensitivity", effect.sensitivity), ("reminder", effect.reminder), ("block", shown)


def _effect(intent: Intent) -> Effect:
    wanted: dict[str, Any] = json.loads(intent.effect.wanted)
    facets: dict[str, Any] = wanted["facets"]
    if facets.get("block"):
        facets["block"] = Block(*facets["block"])
    return Effect(
        operation=Operation(intent.effect.operation),
        mailbox=intent.effect.mailbox,
        user=wanted["user"],
        item=codec.load(json.dumps(wanted["item"])),
        marker=wanted["marker"],
        uid=wanted["uid"],
        direct=wanted["direct"],
        authoritative=wanted["authoritative"],
        fields=tuple(wanted["fields"]),
        item_id=wanted["item_id"],
        change_key=wanted["change_key"],
        invite=tuple(Attendee(Role.REQUIRED, name, address) for name, address in wanted["invite"]),
        uninvite=frozenset(wanted["uninvite"]),
        occurrence=wanted["occurrence"] and read_moment(wanted["occurrence"]),
        index=wanted["index"],
        again=wanted["again"],
        **facets,
        sending=Sending(Whom(intent.effect.mail), acting=wanted.get("acting", "")),
        recipients=tuple(wanted.get("recipients", ())),
        delegate=wanted.get("delegate"),
    )


def _end_of(intent: Intent) -> str | None:
    """What is known of the end of its call, if it has ended."""
    end: str | None = json.loads(intent.effect.wanted).get(_END)
    return end


def _ending(intent: Intent, end: str) -> str:
    return json.dumps(json.loads(intent.effect.wanted) | {_END: end})


def _begun_by(intent: Intent) -> Direction:
    return Direction(json.loads(intent.effect.wanted)["by"])
