"""One meeting, decided: find whose copy counts, read it, decide, settle (ID-1..4).

A hint's mailbox is not the subject of the decision: whoever's copy it came through, the organizer's counts, else the
master's. All of it happens in the link's lane, and a copy that was read before its mailbox was last looked at there is
read again, so that nothing is decided on content older than what was decided on before. The copy that counts is read
once for all hints that were waiting by then.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from daemon.bus.dispositions import Disposition, TransientError
from daemon.bus.routes import Delivery
from daemon.exchange.port import Answer, Denied, Exchange, Misconfigured, Unknown, Unreadable
from daemon.store import directory, intents, links
from daemon.store.intents import Intent
from daemon.store.store import Store
from daemon.sync import control
from daemon.sync.acting import Acting, Overtaken, Refused
from daemon.sync.gathering import Gatherer
from daemon.sync.intending import Intended
from daemon.sync.loading import Loader
from daemon.sync.origins import Origin
from daemon.sync.settling import Settler, owes_an_end
from daemon.sync.turns import Turns
from handlers import authority as authorities
from handlers import inbound
from handlers.authority import Authority, is_live
from handlers.effects import Effect
from handlers.facts import Facts, User
from handlers.inbound import Sighting, Surroundings
from handlers.links import Link, Replica, State
from handlers.plans import Plan
from handlers.policy import Policy
from schemas import ids
from schemas.copies import Copy, Kind, Shape
from schemas.items import Response
from schemas.outcomes import Direction, Reason

_REMEMBERED = 10_000
_COUNTED = 200  # copies kept, for as long as hints of their meetings come in a burst
_MOST_ACCEPTORS = 10  # whose copies are looked at to find who accepted first


class Quarantined(Exception):
    """The copy that counts is no valid item; the text is the rule it breaks."""


class BornInCrm(Exception):
    """The meeting is one that the CRM made, as its marker says: its link has another id (ID-8)."""

    def __init__(self, marker: str) -> None:
        super().__init__(marker)
        self.marker = marker


class Unsupported(Exception):
    """What was found under the meeting's UID is a part of a series, and no item of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A hint that was followed: whose mailbox, because of what, and when the item was read (`Meetings.turn`), with the
    version of its link as far as it was known by then.
    """

    origin: Origin
    delivery: Delivery
    user: User
    mailbox: str
    began: int
    version: int = 0
    made: tuple[Intended, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A link, and what was begun for it and never settled."""

    link: Link
    left: tuple[Intent, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """The copy that a meeting was last decided by, and when its reading began (`Meetings.turn`)."""

    mailbox: str
    began: int
    copy: Copy | None


@dataclass(frozen=True, slots=True)
class Left:
    """The version we left a link at, and when we last found it at another: another daemon had decided on it."""

    version: int
    overtaken: int


class Meetings:
    """Decides on meetings and appointments, single ones and series."""

    def __init__(
        self,
        *,
        store: Store,
        exchange: Exchange,
        loader: Loader,
        gatherer: Gatherer,
        settler: Settler,
        acting: Acting,
        turns: Turns,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._loader = loader
        self._gatherer = gatherer
        self._settler = settler
        self._acting = acting
        self._turns = turns
        self._policy = policy
        self._now = now
        self._turn = 0
        self._looked: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._counted: OrderedDict[str, Counted] = OrderedDict()
        self._left: OrderedDict[str, Left] = OrderedDict()

    def turn(self) -> int:
        """A moment on the clock that tells which of a read and a decision came first."""
        self._turn += 1
        return self._turn

    def written(self, link_id: str, effects: Iterable[Effect]) -> None:
        """Something was, or may have been, written to these copies: what was read of them before counts no more."""
        for effect in effects:
            self._counted.pop(link_id, None)
            self._remember(link_id, effect.mailbox)

    async def reread(self, link: Link, effects: Iterable[Effect]) -> Link:
        """The link after the copies that were not as they were known have been read. Raises `ExchangeError`.

        What Exchange changed in the copy that counts is agreed on with this; if it is gone, the item is (CON-5).
        """
        for effect in effects:
            link = await self._reread(link, effect)
        return link

    async def _reread(self, link: Link, effect: Effect) -> Link:
        holder = await self._store.read(lambda tx: directory.users_by_id(tx, [effect.user]).get(effect.user))
        if holder is None:
            raise TransientError("user_unknown")
        copy = await (self._copy_of(effect, link) if effect.direct else self._copy_in(effect.mailbox, link))
        copy = copy and authorities.authored(copy)
        link = inbound.sighted(link, Sighting(effect.mailbox, holder, copy))
        if not effect.authoritative:
            return link
        if copy is None or not is_live(copy) or copy.is_cancelled:
            return inbound.ended(link, around=self._around(Facts()))
        facts = await self._gatherer.around(copy, link=link, holder=holder)
        authority = Authority(holder, creator=holder)
        return inbound.refreshed(link, copy, authority=authority, around=self._around(facts))

    async def decide(self, hint: Hint, *, uid: str, copy: Copy | None) -> Disposition:
        """Decides on the meeting with this UID, of which the hint's mailbox holds `copy`. Raises `ExchangeError`."""
        if copy is not None and _is_direct(copy, hint.user):
            return await self._decide_direct_of(hint, copy)
        try:
            return await self._decide_by_uid(hint, copy, uid=uid, marker=copy.marker if copy else None)
        except BornInCrm as born:
            return await self._decide_by_uid(hint, copy, uid=uid, marker=born.marker)

    async def _decide_by_uid(self, hint: Hint, copy: Copy | None, *, uid: str, marker: str | None) -> Disposition:
        link_id = ids.link_of_uid(uid)
        async with self._turns.turn(link_id):
            known = await self._known_of(uid, marker)
            if known.link.id == link_id:
                return await self._decide_in_turn(hint, known, copy)
        async with self._turns.turn(known.link.id):  # born in the CRM: another id, another lane (ID-8)
            return await self._decide_in_turn(hint, await self._known_of(uid, marker), copy)

    async def _known_of(self, uid: str, marker: str | None) -> Known:
        known = await self._store.read(lambda tx: _known(tx, _link(tx, uid, marker)))
        if known is not None:
            return known
        if marker is not None and ids.uid_of_crm(marker) == uid:
            return Known(Link(id=ids.link_of_crm(marker), uid=uid, crm_id=marker))
        return Known(Link(id=ids.link_of_uid(uid), uid=uid))

    async def _decide_direct_of(self, hint: Hint, copy: Copy) -> Disposition:
        """Of a direct copy whose item is not known the CRM's event will tell: a lost store reads it again (ID-8)."""
        link = await self._store.read(lambda tx: links.by_crm_id(tx, copy.marker or ""))
        if link is None:
            return await self._settler.nothing(hint.delivery, hint.origin)
        return await self.decide_direct(hint, link.id, copy)

    async def decide_direct(self, hint: Hint, link_id: str, copy: Copy | None) -> Disposition:
        """Decides on what happened to a direct copy (INV-6); None: it is not where it was. Raises `ExchangeError`."""
        async with self._turns.turn(link_id):
            known = await self._store.read(lambda tx: _known(tx, links.by_id(tx, link_id)))
            was, hint = await self._recovered(known or Known(Link(id=link_id, uid=None)), hint)
            try:
                copy = await self._direct_copy_in(hint, was, copy)
            except Quarantined as error:
                key = f"link:{was.id}"
                return await control.quarantined(self._settler, hint.origin, hint.delivery, key=key, rule=str(error))
            unsaid = replace(was, reported=None) if owes_an_end(hint.delivery) else was
            facts = await self._gatherer.around(copy, link=was, holder=hint.user)
            plan = inbound.decide_direct(unsaid, Sighting(hint.mailbox, hint.user, copy), around=self._around(facts))
            return await self._settle(hint, was, plan, facts)

    async def _direct_copy_in(self, hint: Hint, link: Link, copy: Copy | None) -> Copy | None:
        """The direct copy as it is now: a hint that waited for its turn was read before what was written meanwhile."""
        if copy is not None and is_live(copy):
            now = _readable(await self._loader.get(hint.mailbox, copy.item_id))
            if now is not None and is_live(now):
                return now
        uid = ids.uid_of_direct_copy(link.crm_id or "", hint.user.id)
        answers = await self._exchange.find_by_uid(hint.mailbox, uid)
        copies = [found for answer in answers if (found := _readable(answer)) is not None]
        return min(copies, key=_precedence, default=None)

    def _around(self, facts: Facts) -> Surroundings:
        return Surroundings(facts, self._policy(), now=self._now(), generation=self._store.generation)

    async def _decide_in_turn(self, hint: Hint, known: Known, copy: Copy | None) -> Disposition:
        self._notice_others(hint, known.link)
        was, hint = await self._recovered(known, hint)
        try:
            if copy is not None and self._is_overtaken(hint, was):
                hint = replace(hint, began=self.turn())
                # By its own id: a search by UID does not look into every folder it may have been moved to.
                copy = _readable(await self._loader.get(hint.mailbox, copy.item_id))
            if copy is None or not is_live(copy):
                hint = replace(hint, began=self.turn())
                copy = await self._copy_in(hint.mailbox, was)
            elif _is_another(was.replica(hint.mailbox), copy):
                copy = _of_two(copy, await self._copy_in(hint.mailbox, was))
            return await self._decide(hint, was, copy)
        except Quarantined as error:
            key = f"link:{was.id}"
            return await control.quarantined(self._settler, hint.origin, hint.delivery, key=key, rule=str(error))
        except Unsupported:
            return await control.not_yet(self._settler, hint.origin, hint.delivery, key=f"item:{was.uid}")
        finally:
            self._remember(was.id, hint.mailbox)

    async def _recovered(self, known: Known, hint: Hint) -> tuple[Link, Hint]:
        """What was begun and not settled is looked into first; what was made is part of what this hint comes to."""
        if not known.left:
            return known.link, hint
        recovered = await self._acting.recovered(known.link, by=Direction.INBOUND, left=known.left)
        return recovered.link, replace(hint, made=recovered.made)

    def _is_overtaken(self, hint: Hint, was: Link) -> bool:
        """Whether a decision was made on what was read after this hint's copy was, here or by another daemon."""
        left = self._left.get(was.id)
        overtaken = left.overtaken if left else 0
        return max(overtaken, self._looked.get((was.id, hint.mailbox), 0)) > hint.began

    def _notice_others(self, hint: Hint, was: Link) -> None:
        """What was read before another daemon decided must not be decided on after it."""
        left = self._left.get(was.id)
        if not self._store.shared or was.version == (left.version if left else hint.version):
            return
        self._counted.pop(was.id, None)
        self._leave(was.id, Left(was.version, self.turn()))

    def _leave(self, link_id: str, left: Left) -> None:
        self._left[link_id] = left
        self._left.move_to_end(link_id)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)

    async def _decide(self, hint: Hint, was: Link, copy: Copy | None) -> Disposition:
        copy = copy and authorities.authored(copy)
        sighting = Sighting(hint.mailbox, hint.user, copy)
        unsaid = replace(was, reported=None) if owes_an_end(hint.delivery) else was
        link = inbound.sighted(unsaid, sighting)
        facts = await self._gatherer.around(copy, link=link, holder=hint.user)
        whose = await self._authority(hint, link, copy=copy, facts=facts)
        if whose is None:
            return await self._settle(hint, was, self._undecided(link, copy, hint.user), facts)
        link = replace(link, master=whose.user.id if whose.is_master else None)
        counting = copy
        if whose.user.mailbox is not None and whose.user.mailbox != hint.mailbox:
            counting = await self._counting(hint, link, mailbox=whose.user.mailbox)
            if _is_one_of(counting, copy):
                return await self._decide_guest(hint, was)
            link = inbound.sighted(link, Sighting(whose.user.mailbox, whose.user, counting))
            facts = await self._gatherer.around(counting, link=link, holder=whose.user, known=facts)
        else:
            self._count(link, Counted(hint.mailbox, hint.began, copy))
        _notice_birth(link, counting)
        decided = partial(
            inbound.decide, link, counting, authority=whose, around=self._around(facts), sighting=sighting
        )
        plan = decided()
        if link.agreed is None and plan.link.agreed is not None:
            skipped = await self._skipped(link, facts, looked_at={hint.mailbox, whose.user.mailbox})
            plan = decided(others=skipped) if skipped else plan
        if counting is not copy:
            plan = inbound.with_deviation(plan, sighting, counting)
        return await self._settle(hint, was, plan, facts)

    async def _decide_guest(self, hint: Hint, was: Link) -> Disposition:
        """The hint of somebody invited to one occurrence alone. His item is no copy of the series: he is in that
        exception by the organizer's word, which is followed by the organizer's own hint (REC-3).
        """
        facts = await self._gatherer.around(None, link=was, holder=hint.user)
        link = inbound.sighted(was, Sighting(hint.mailbox, hint.user, None))
        return await self._settle(hint, was, Plan(link), facts)

    async def _skipped(self, link: Link, facts: Facts, *, looked_at: Container[str | None]) -> tuple[Sighting, ...]:
        """The copies whose hints came before the item came into the CRM, and were skipped: their users' alarms (ALM-2)
        must not depend on who was heard first.
        """
        found = []
        for replica in link.replicas:
            user = facts.by_id.get(replica.user)
            if user is None or not user.synchronized or not replica.live or replica.mailbox in looked_at:
                continue
            try:
                copy = await self._copy_in(replica.mailbox, link)
            except (Denied, Misconfigured, Quarantined, Unsupported):
                continue
            found.append(Sighting(replica.mailbox, user, copy and authorities.authored(copy)))
        return tuple(found)

    async def _counting(self, hint: Hint, link: Link, *, mailbox: str) -> Copy | None:
        """The copy that counts, read after this hint's own copy was."""
        known = self._counted.get(link.id)
        if known is not None and known.mailbox == mailbox and known.began > hint.began:
            return known.copy
        began = self.turn()
        copy = await self._copy_in(mailbox, link)
        read = Counted(mailbox, began, copy and authorities.authored(copy))
        self._remember(link.id, mailbox)
        self._count(link, read)
        return read.copy

    async def _settle(self, hint: Hint, was: Link, plan: Plan, facts: Facts) -> Disposition:
        try:
            disposition = await self._acting.carry_out(
                plan,
                hint.origin,
                delivery=hint.delivery,
                was=was,
                by=Direction.INBOUND,
                as_of=facts.as_of,
                made=hint.made,
            )
        finally:
            self.written(was.id, plan.effects)
        if isinstance(disposition, Overtaken | Refused):
            raise TransientError("overtaken")
        before = self._left.get(was.id)
        self._leave(was.id, Left(was.version + (plan.link != was), before.overtaken if before else 0))
        return disposition

    async def _authority(self, hint: Hint, link: Link, *, copy: Copy | None, facts: Facts) -> Authority | None:
        organizer = authorities.organizer_of(link, copy, holder=hint.user, facts=facts, policy=self._policy())
        if organizer is not None and organizer.synchronized:
            return Authority(organizer, creator=organizer)
        nameless = copy is not None and copy.is_meeting and copy.organizer is None
        master = await self._master(hint, link, copy=copy, facts=facts)
        if nameless and master == hint.user:
            return None
        return None if master is None else Authority(master, creator=organizer or master, is_master=True)

    async def _master(self, hint: Hint, link: Link, *, copy: Copy | None, facts: Facts) -> User | None:
        standing = authorities.standing_master(link, facts)
        if standing is not None:
            return standing
        if link.state is State.ACTIVE:
            return authorities.successor(link, holder=hint.user, copy=copy, facts=facts)
        if copy is None or not is_live(copy) or copy.my_response is not Response.ACCEPTED:
            return None
        return authorities.first_to_accept([(hint.user, copy), *await self._other_copies(hint, link, facts)])

    async def _other_copies(self, hint: Hint, link: Link, facts: Facts) -> list[tuple[User, Copy]]:
        """The copies of the other synchronized participants: one of them may have accepted before.

        A mailbox that may not be read, or does not exist, must not keep out a meeting that somebody else accepted.
        """
        others = sorted((u for u in facts.by_id.values() if u.synchronized and u != hint.user), key=lambda u: u.id)
        found = []
        for user in others[:_MOST_ACCEPTORS]:
            try:
                copy = await self._copy_in(user.mailbox or "", link)
            except (Denied, Misconfigured, Quarantined, Unsupported):
                continue
            if copy is not None:
                found.append((user, copy))
        return found

    async def _copy_of(self, effect: Effect, link: Link) -> Copy | None:
        """A direct copy as it is now, by its id, else by its own UID."""
        answer = await self._loader.get(effect.mailbox, effect.item_id)
        if isinstance(answer, Copy) and is_live(answer):
            return _readable(answer)
        uid = ids.uid_of_direct_copy(link.crm_id or "", effect.user)
        found = [copy for each in await self._exchange.find_by_uid(effect.mailbox, uid) if (copy := _readable(each))]
        return min(found, key=_precedence, default=None)

    async def _copy_in(self, mailbox: str, link: Link) -> Copy | None:
        """This mailbox's copy as it is now: where it was last, else by UID; one outside Deleted Items if there is."""
        replica = link.replica(mailbox)
        if replica is not None and replica.live:
            answer = await self._loader.get(mailbox, replica.item_id)
            if isinstance(answer, Copy) and is_live(answer) and answer.uid == link.uid:
                return _readable(answer)
        answers = await self._exchange.find_by_uid(mailbox, link.uid or "")
        copies = [copy for answer in answers if (copy := _readable(answer)) is not None]
        return min(copies, key=_precedence, default=None)

    def _undecided(self, link: Link, copy: Copy | None, user: User) -> Plan:
        """Nobody's copy counts: there is no organizer, or nobody accepted, or the last who had it is gone."""
        if link.state is not State.OUTSIDE:
            return inbound.answered(link, user, generation=self._store.generation)
        if copy is None:
            return Plan(link)
        if copy.is_meeting and copy.organizer is None:
            return inbound.skip(link, Reason.NO_ORGANIZER)
        if not is_live(copy) or copy.is_cancelled:
            return Plan(link)
        return inbound.skip(link, Reason.AWAITING_ACCEPTANCE)

    def _remember(self, link_id: str, mailbox: str) -> None:
        self._looked[link_id, mailbox] = self.turn()
        self._looked.move_to_end((link_id, mailbox))
        if len(self._looked) > _REMEMBERED:
            self._looked.popitem(last=False)

    def _count(self, link: Link, read: Counted) -> None:
        self._counted[link.id] = read
        self._counted.move_to_end(link.id)
        if len(self._counted) > _COUNTED:
            self._counted.popitem(last=False)


def _known(tx: Connection, link: Link | None) -> Known | None:
    return None if link is None else Known(link, intents.unsettled(tx, link.id))


def _link(tx: Connection, uid: str, marker: str | None) -> Link | None:
    """The link by its UID, or by the id that follows from it or from the marker: the CRM may have spoken of it first
    (ID-8).
    """
    known = links.by_uid(tx, uid)
    if known is not None:
        return known
    named = links.by_id(tx, ids.link_of_uid(uid))
    if named is None and marker is not None and ids.uid_of_crm(marker) == uid:
        named = links.by_id(tx, ids.link_of_crm(marker))
    return named and replace(named, uid=uid)


def _is_direct(copy: Copy, user: User) -> bool:
    """Whether this is the direct copy that was made for a user; one that was copied from it has another UID (S21d)."""
    return copy.marker is not None and copy.uid == ids.uid_of_direct_copy(copy.marker, user.id)


def _notice_birth(link: Link, counting: Copy | None) -> None:
    """An attendee's hint of what was born in the CRM, in a store that does not know it: the copy that counts tells.

    Raises `BornInCrm`.
    """
    marker = counting.marker if counting else None
    if link.version or marker is None or ids.uid_of_crm(marker) != link.uid:
        return
    if link.id != ids.link_of_crm(marker):
        raise BornInCrm(marker)


def _is_one_of(series: Copy | None, copy: Copy | None) -> bool:
    """Whether a mailbox holds a single occurrence of a series: its user was invited to that one alone (REC-3)."""
    return series is not None and copy is not None and series.shape is Shape.MASTER and copy.shape is Shape.SINGLE


def _is_another(known: Replica | None, copy: Copy) -> bool:
    """Whether a mailbox held this meeting under another id: it was moved, or there are two of it."""
    return known is not None and known.live and known.item_id != copy.item_id


def _of_two(copy: Copy, standing: Copy | None) -> Copy:
    """Of two items of one meeting in one mailbox, the meeting itself, else the one known before (S21d)."""
    if standing is None or not is_live(standing):
        return copy
    return copy if copy.is_meeting and not standing.is_meeting else standing


def _precedence(copy: Copy) -> tuple[bool, bool, str]:
    return (not is_live(copy), not copy.is_meeting, copy.item_id)


def _readable(answer: Answer) -> Copy | None:
    """The copy in an answer, None if it is gone or only a message about the meeting. What cannot be read is neither."""
    if isinstance(answer, Unknown):
        raise TransientError(answer.code)
    if isinstance(answer, Unreadable):
        raise Quarantined(answer.rule)
    if not isinstance(answer, Copy) or answer.kind is not Kind.SCHEDULE_ITEM:
        return None  # an answered request carries the meeting's UID into Deleted Items
    if answer.shape not in (Shape.SINGLE, Shape.MASTER):
        raise Unsupported
    return answer
