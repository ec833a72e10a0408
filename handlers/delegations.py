"""Who may act for whom (INV-1): what the CRM's grants come to in Exchange, and what is said of them.

A grant stands until it is revoked. It is in force when the principal's option is on, both can, and Exchange knows the
delegate: he may write in the calendar, sees no private items in it, and everything else is as it was. What he could do
before is remembered and given back when the grant is in force no more. That is what he could do before *us*: rights
that somebody widened by hand meanwhile go with ours, and what somebody took from him by hand is not given back. A grant
is never passed on: a circle of them is so many grants.

What was done lies in an `Arrangement`, which is written down before each call, so that our own rights are never taken
for somebody else's.

A store that was lost, or put back to an older state, may have forgotten arrangements. A revoke of which nothing is
known is then looked up in Exchange, and whoever has exactly what we give loses it. The price: an Editor of that shape
whom somebody made by hand goes with the revoke. To leave somebody in a calendar after a revoke would be worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto

from handlers.facts import User
from handlers.options import Consulted, OptionValues
from handlers.plans import Explanation, Report
from schemas.delegates import CUSTOM, EDITOR, NO_RIGHTS, NONE, UNSAID, Rights
from schemas.options import MEETING_INVITATIONS
from schemas.outcomes import Decision, Direction, Reason, Result

_RULE = "INV-1"


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Somebody, and who is to act for him."""

    principal: str
    delegate: str

    @property
    def key(self) -> str:
        """The key of the records about them."""
        return f"{self.principal}:{self.delegate}"


class State(StrEnum):
    """How far we are with a pair in Exchange; on the way there, nobody knows whether a call was carried out."""

    NONE = "none"
    GRANTING = "granting"
    GRANTED = "granted"
    REVOKING = "revoking"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What was done for a pair in Exchange: in whose mailbox, for which address, and what he could do there before.

    `prior` None: he was no delegate. Means nothing in `State.NONE`.
    """

    state: State = State.NONE
    mailbox: str = ""
    address: str = ""
    prior: Rights | None = None


class Bar(Enum):
    """Why a pair is not to be in force."""

    REVOKED = auto()
    OPTION_OFF = auto()
    UNKNOWN = auto()
    NO_MAILBOX = auto()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be: in force if there is no bar, in the first of these mailboxes for the first of these addresses.

    The others are other names of the same; of what is revoked they are where something may be left of it. `whom` the
    bar is about.
    """

    bar: Bar | None
    mailboxes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    whom: str = ""
    options: tuple[Consulted, ...] = ()


class Step(Enum):
    """What is to be done next."""

    NOTHING = auto()
    GRANT = auto()
    TAKE_BACK = auto()


class Operation(StrEnum):
    """A call that changes who is a delegate, by the name outcomes give it."""

    ADD = "add_delegate"
    UPDATE = "update_delegate"
    REMOVE = "remove_delegate"


@dataclass(frozen=True, slots=True)
class Call:
    """A call to be made; the rights mean nothing for a removal."""

    operation: Operation
    rights: Rights = NO_RIGHTS


class Kind(Enum):
    """What made us look: a grant, a revoke of one that stood, one of none, or something else that changed."""

    GRANT = auto()
    REVOKE = auto()
    VAIN_REVOKE = auto()
    OTHER = auto()


def wish(pair: Pair, *, granted: bool, users: Mapping[str, User], options: OptionValues) -> Wish:
    """What is to be by what the CRM says. `granted`: the grant stands."""
    principal, delegate = users.get(pair.principal), users.get(pair.delegate)
    if not granted:
        return Wish(Bar.REVOKED, mailboxes=_names(principal), addresses=_names(delegate))
    if principal is None:
        return Wish(Bar.UNKNOWN, whom=pair.principal)
    option = options.of(principal, MEETING_INVITATIONS)
    effect = (f"delegate:{pair.delegate}",)
    if not option.value:
        return Wish(Bar.OPTION_OFF, whom=pair.principal, options=(option.with_effect(effect),))
    if delegate is None:
        return Wish(Bar.UNKNOWN, whom=pair.delegate, options=(option,))
    if not principal.synchronized:
        return Wish(Bar.NO_MAILBOX, whom=pair.principal, options=(option,))
    if not delegate.active or delegate.mailbox is None:
        return Wish(Bar.NO_MAILBOX, whom=pair.delegate, options=(option,))
    return Wish(None, mailboxes=_names(principal), addresses=_names(delegate), options=(option.with_effect(effect),))


def next_step(done: Arrangement, wished: Wish) -> Step:
    """What brings us nearer to what is to be. Whoever has moved loses his rights in the old place first."""
    if done.state is State.NONE:
        return Step.GRANT if wished.bar is None else Step.NOTHING
    if wished.bar is not None or done.mailbox not in wished.mailboxes or done.address not in wished.addresses:
        return Step.TAKE_BACK
    return Step.NOTHING if done.state is State.GRANTED else Step.GRANT


def sharing(done: Arrangement, others: Iterable[Arrangement]) -> Arrangement | None:
    """Another delegate of the same principal who has the same mailbox: two users may, if one takes over from the other.
    What is in Exchange is his then, too: what was before is the same for both, and the last one gives it back."""
    same = (each for each in others if each.state is not State.NONE)
    return next((each for each in same if (each.mailbox, each.address) == (done.mailbox, done.address)), None)


def remembered(found: Rights | None, *, replayed: bool) -> Rights | None:
    """What he could do before us, to be given back.

    Of a grant that a lost store had dealt with before (`replayed`) what is found may be our own work. What he could do
    in the calendar before that nobody knows any more, and nothing is the one answer that gives nothing away.
    """
    if found is None or not replayed or found.calendar != EDITOR or found.sees_private:
        return found
    before = replace(found, calendar=NONE)
    return None if before == NO_RIGHTS else before


def may_be_left(asked: Iterable[Asked], done: Arrangement, wished: Wish) -> bool:
    """Whether a store that was lost since may have left rights that are revoked now and known to nobody. `asked`
    without what the life before had dealt with."""
    is_revoked = wished.bar is Bar.REVOKED and any(each.kind in _REVOKES for each in asked)
    is_known = done.state is not State.NONE
    return is_revoked and not is_known and bool(wished.mailboxes and wished.addresses)


def left_behind(found: Rights | None, wished: Wish) -> Arrangement | None:
    """What a store that was lost arranged, by the look of it; None if this is none of our work."""
    if found is None or granting(found) is not None:
        return None
    prior = remembered(found, replayed=True)
    return Arrangement(State.GRANTED, wished.mailboxes[0], wished.addresses[0], prior)


def granted_again(done: Arrangement, found: Rights | None) -> Arrangement:
    """What is in force and is granted again is looked at again: what somebody made of it by hand is what there was
    before us, from here on."""
    return done if found is not None and granting(found) is None else replace(done, prior=found)


def granting(found: Rights | None) -> Call | None:
    """What gives him the rights of a delegate; None if he has them."""
    if found is None:
        return Call(Operation.ADD, NO_RIGHTS.as_editor())
    wanted = found.as_editor()
    return None if found == wanted else Call(Operation.UPDATE, wanted)


def taking_back(found: Rights | None, prior: Rights | None) -> Call | None:
    """What leaves him with what he could do before; None if he has no more than that."""
    if found is None:
        return None
    if prior is None:
        return Call(Operation.REMOVE)
    before = prior.restorable()
    return None if found == before else Call(Operation.UPDATE, before)


def begun(done: Arrangement) -> Operation | None:
    """The call an earlier try began; None if none was."""
    match done.state:
        case State.GRANTING:
            return Operation.ADD if done.prior is None else Operation.UPDATE
        case State.REVOKING:
            return Operation.REMOVE if done.prior is None else Operation.UPDATE
    return None


_REVOKES = (Kind.REVOKE, Kind.VAIN_REVOKE)


# what is said


def reason_of(wished: Wish) -> Reason | None:
    """Why it is not in force, in an outcome's words."""
    match wished.bar:
        case Bar.OPTION_OFF:
            return Reason.OPTION_OFF
        case Bar.UNKNOWN | Bar.NO_MAILBOX:
            return Reason.UNKNOWN_MAILBOX
    return None


def settled(pair: Pair, kind: Kind, wished: Wish, *, was: Arrangement, is_left: bool = False) -> Report:
    """All is as it is to be. `was`: how it had been before we looked, whose prior rights are given back now; `is_left`:
    by the look of it only, since a lost store left it."""
    because = _because(pair, wished, back=_LEFT if is_left else _given_back(was))
    explain = (Explanation(_RULE, pair.delegate, _decision(wished), because),)
    result, reason = _result(kind, wished, was=was)
    return Report(Direction.CONTROL, result, reason, options=wished.options, explain=explain)


def waiting(pair: Pair, wished: Wish, reason: Reason, *, code: str = "") -> Report:
    """It cannot be done now; another outcome follows. `code`: what Exchange says, if it was asked."""
    because = f"Exchange says {code}" if code else reason.value
    if wished.bar is Bar.UNKNOWN and not code:
        because = f"{wished.whom} is not known"
    explain = (Explanation(_RULE, pair.delegate, Decision.REFUSED, because),)
    return Report(Direction.CONTROL, Result.HELD, reason, options=wished.options, explain=explain)


def word(wished: Wish) -> str:
    """What is the case, in a word, or none if there is no grant: what is so already need not be said again."""
    return "in_force" if wished.bar is None else (reason_of(wished) or "")


def rejected(pair: Pair, wished: Wish, *, code: str) -> Report:
    """Exchange will not have it, and waiting does not help."""
    explain = (Explanation(_RULE, pair.delegate, Decision.REFUSED, f"Exchange says {code}"),)
    return Report(Direction.CONTROL, Result.FAILED, Reason.DENIED, options=wished.options, explain=explain)


def given_up(pair: Pair, wished: Wish, *, code: str) -> Report:
    """The mailbox is gone for so long that nobody expects it back, and what was to be taken back is in there."""
    because = f"Exchange says {code}: should the mailbox come back, his rights may still be in it"
    explain = (Explanation(_RULE, pair.delegate, Decision.REFUSED, because),)
    return Report(Direction.CONTROL, Result.FAILED, Reason.GONE, options=wished.options, explain=explain)


def overtaken(pair: Pair) -> Report:
    """Something later has decided: a newer grant or revoke, or one of a higher version that came earlier."""
    explain = (Explanation(_RULE, pair.delegate, Decision.REFUSED, "overtaken by a later change"),)
    return Report(Direction.CONTROL, Result.SKIPPED, Reason.STALE, explain=explain)


def _result(kind: Kind, wished: Wish, *, was: Arrangement) -> tuple[Result, Reason | None]:
    if kind is Kind.VAIN_REVOKE and was.state is State.NONE:
        return Result.SKIPPED, Reason.NO_GRANT
    reason = reason_of(wished)
    is_taken_back = kind is Kind.OTHER and was.state is not State.NONE
    return (Result.APPLIED, None) if reason is None or is_taken_back else (Result.REFUSED, reason)


def _decision(wished: Wish) -> Decision:
    return Decision.KEPT if wished.bar is None else Decision.REFUSED


def _because(pair: Pair, wished: Wish, *, back: str) -> str:
    match wished.bar:
        case None:
            return f"may act for {pair.principal}"
        case Bar.REVOKED:
            return f"may not act for {pair.principal}{back}"
        case Bar.OPTION_OFF:
            return f"{MEETING_INVITATIONS} is off for {pair.principal}{back}"
        case Bar.UNKNOWN:
            return f"{wished.whom} is not known{back}"
        case Bar.NO_MAILBOX:
            return f"{wished.whom} has no mailbox that takes part{back}"


_LEFT = "; what he could do in the calendar before is not known any more: it is closed to him"


def _given_back(was: Arrangement) -> str:
    if was.state is State.NONE:
        return ""
    if was.prior is None:
        return "; he was no delegate before"
    if was.prior.calendar in (CUSTOM, UNSAID):
        return "; what he could do in the calendar before cannot be given back: it is closed to him"
    return "; he can do what he could before"


def _names(user: User | None) -> tuple[str, ...]:
    """His mailbox first; none if he has none."""
    if user is None or user.mailbox is None:
        return ()
    return tuple(dict.fromkeys(name for name in (user.mailbox, *user.addresses) if name))


# whom to answer


class Aim(StrEnum):
    """Which way a look goes."""

    GRANT = "grant"
    TAKE_BACK = "take_back"


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that made us look. `held`: what it waits for, if that was said; then an end must follow."""

    kind: Kind
    owed: bool
    held: Aim | None = None


def is_granted_again(asked: Sequence[Asked], done: Arrangement, wished: Wish) -> bool:
    """Whether somebody asks anew for what is in force: he may know that it is not so in Exchange."""
    is_in_force = done.state is State.GRANTED and next_step(done, wished) is Step.NOTHING
    return is_in_force and any(each.kind is Kind.GRANT and each.owed for each in asked)


def aim(wished: Wish) -> Aim:
    """Which way this goes."""
    return Aim.GRANT if wished.bar is None else Aim.TAKE_BACK


def answering(asked: Sequence[Asked], wished: Wish) -> int | None:
    """Which of these, oldest first, the outcome is about: the newest grant or revoke, else the newest of which it was
    said that it waits for this, else the newest. None if there is none."""
    events = [n for n, each in enumerate(asked) if each.kind is not Kind.OTHER]
    waiting_for_it = [n for n, each in enumerate(asked) if each.held is aim(wished)]
    newest = events or waiting_for_it or list(range(len(asked)))
    return newest[-1] if newest else None


def overtaken_ones(asked: Sequence[Asked], answered: int | None) -> Iterable[int]:
    """Those of the others that wait for an answer."""
    return (n for n, each in enumerate(asked) if n != answered and (each.owed or each.held))
