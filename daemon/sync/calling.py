"""Effects as calls to Exchange, and what became of a call that nobody heard the end of (CON-3, ID-5, S08).

Servers have carried out what they said had failed, and people change what we change. What a copy shows tells whether
our call was carried out; where it does not, a message may have gone or not, and nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

from daemon.exchange.port import (
    Busy,
    Changed,
    Exchange,
    ExchangeError,
    Gone,
    Misconfigured,
    Missing,
    Rejected,
    Unavailable,
    Unknown,
    Unreadable,
    Written,
)
from daemon.sync.loading import Loader
from handlers import edits
from handlers.effects import Effect, Operation
from handlers.policy import Policy
from schemas.copies import Copy, Kind, Shape
from schemas.edits import New

UNKNOWN_KEY = "unknown"
"""No change key: a copy of which none is known has to be read first."""

_READ_ANEW = "read_anew"
"""The code of what we found out ourselves, before anything was asked for."""

_PERSONAL = frozenset({"subject", "notes", "location", "start", "end"})


class Standing(Written):
    """What was to be written is so already: nothing was."""

    __slots__ = ()


class Forestalled(Written):
    """It is done, though not by this call: by somebody else, or in a life before. Nobody was mailed because of it."""

    __slots__ = ()


class Trace(Enum):
    """What is to be seen of a call that was not plainly carried out: nothing, in a copy that is as it was before;
    nothing, in one that somebody has changed since; or a part.
    """

    UNTOUCHED = auto()
    NONE = auto()
    SOME = auto()


Ending = Written | ExchangeError
"""How a call ended."""


class Calls:
    """Makes the calls. `generation`: how often the store was lost or put back to an older state."""

    def __init__(
        self, *, exchange: Exchange, loader: Loader, policy: Callable[[], Policy], generation: Callable[[], int]
    ) -> None:
        self._exchange = exchange
        self._loader = loader
        self._policy = policy
        self._generation = generation

    async def attempt(self, effect: Effect) -> Ending:
        """Makes the call of an effect, after it was seen that its copy is still as the effect says."""
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

    async def keyed(self, effect: Effect) -> Effect | ExchangeError:
        """An effect on an occurrence with its series' change key as it is now, by which it is known later whether it
        was carried out; the one it comes with is verified.
        """
        try:
            key = await self._key_of(effect)
        except ExchangeError as error:
            return error
        return (
            Changed(effect.mailbox, _READ_ANEW)
            if effect.change_key not in ("", key)
            else replace(effect, change_key=key)
        )

    async def became(self, effect: Effect) -> Written | Trace:
        """What became of an effect of before: what it left, else what is to be seen of it. Raises `ExchangeError`."""
        if effect.operation is Operation.CREATE:
            copy = await self._copy_made_by(effect)
            return Written(copy.item_id, copy.change_key) if copy else Trace.UNTOUCHED
        if effect.occurrence is not None:
            return await self._occurrence_became(effect)
        answer = await self._loader.get(effect.mailbox, effect.item_id)
        if isinstance(answer, Unknown):
            raise Unavailable(effect.mailbox, answer.code)
        if effect.operation is Operation.DELETE:
            return Written(effect.item_id, "") if isinstance(answer, Gone) else Trace.UNTOUCHED
        if not isinstance(answer, Copy):
            return Trace.NONE
        if answer.change_key == effect.change_key:
            return Trace.UNTOUCHED
        trace = self._trace(answer, effect)
        return Written(answer.item_id, answer.change_key) if trace is None else trace

    async def _occurrence_became(self, effect: Effect) -> Written | Trace:
        if not effect.item_id:
            return Trace.UNTOUCHED  # of a series that was to be made first
        if effect.sending.mails and effect.change_key == await self._key_of(effect):
            return Trace.UNTOUCHED
        answer = await self._exchange.occurrence(effect.mailbox, effect.item_id, effect.index)
        if isinstance(answer, Unknown):
            raise Unavailable(effect.mailbox, answer.code)
        if effect.operation is Operation.DELETE:
            return Written(effect.item_id, "") if isinstance(answer, Gone) else Trace.UNTOUCHED
        if not isinstance(answer, Copy) or answer.original_start != effect.occurrence:
            return Trace.NONE
        if answer.shape is not Shape.EXCEPTION:
            return Trace.NONE
        trace = self._trace(answer, effect)
        return Written(effect.item_id, "") if trace is None else trace

    def _trace(self, copy: Copy, effect: Effect) -> Trace | None:
        """None: all of it is to be seen."""
        policy = self._policy()
        if edits.shows(copy, effect, policy=policy):
            return None
        return Trace.SOME if edits.shows_some(copy, effect, policy=policy) else Trace.NONE

    async def _create(self, effect: Effect) -> Written:
        """After a restore it may have been made in a life before (ID-8)."""
        if self._generation() and (found := await self._copy_made_by(effect)) is not None:
            return Forestalled(found.item_id, found.change_key)
        edit = edits.edit_of(effect, None, policy=self._policy())
        new = New(kind=Kind.SCHEDULE_ITEM, marker=effect.marker or "", uid=effect.uid, edit=edit)
        return await self._exchange.create(effect.mailbox, new, sending=effect.sending)

    async def _update(self, effect: Effect) -> Written:
        if not effect.change_key:
            raise Changed(effect.mailbox, _READ_ANEW)
        copy = await self._current(effect) if effect.needs_copy else None
        edit = edits.edit_of(effect, copy, policy=self._policy())
        known = Written(effect.item_id, effect.change_key)
        if edit.is_empty:
            return Forestalled(known.item_id, known.change_key)
        return await self._exchange.update(effect.mailbox, known, edit, sending=effect.sending)

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
        if not isinstance(answer, Copy):
            return Standing(effect.item_id, "")
        return await self._write_occurrence(effect, answer)

    async def _key_of(self, effect: Effect) -> str:
        return await self._exchange.change_key(effect.mailbox, effect.item_id)

    async def _write_occurrence(self, effect: Effect, copy: Copy) -> Written:
        if effect.operation is Operation.DELETE:
            return replace(await self._delete(replace(effect, item_id=copy.item_id)), item_id=effect.item_id)
        if effect.again and copy.shape is Shape.EXCEPTION and edits.shows(copy, effect, policy=self._policy()):
            return Standing(effect.item_id, "")
        edit = edits.edit_of(effect, copy, policy=self._policy())
        known = Written(copy.item_id, copy.change_key)
        await self._exchange.update(effect.mailbox, known, edit, sending=effect.sending)
        return Written(effect.item_id, "")

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
        try:
            await self._exchange.delete(effect.mailbox, effect.item_id, sending=effect.sending)
        except Missing:
            return Forestalled(effect.item_id, "")  # somebody else was faster
        return Written(effect.item_id, "")

    async def _copy_made_by(self, effect: Effect) -> Copy | None:
        """What a create of before left in the mailbox: it has our marker and the UID it was given (ID-5, S21d)."""
        found = await self._exchange.find_by_marker(effect.mailbox, effect.marker or "", Kind.SCHEDULE_ITEM)
        return next((each for each in found if isinstance(each, Copy) and each.uid == effect.uid), None)


def is_open(effect: Effect, ending: Ending | None) -> bool:
    """Whether a call may still be carried out, or was, and only Exchange can tell once it must be over."""
    if effect.sending.mails and isinstance(ending, Misconfigured):
        return True  # an answer that nobody understood
    return (effect.operation is Operation.CREATE or effect.sending.mails) and isinstance(ending, Unavailable | Busy)


def is_doubtful(effect: Effect, ending: Ending | None) -> bool:
    """Whether a change may have been made whatever was answered.

    Servers have said of changes they had saved that they clash. Those are known by what nobody else will have written
    in the same moment: an alarm or a priority may be anybody's.
    """
    if isinstance(ending, Changed):
        is_known_again = effect.sending.mails or not _PERSONAL.isdisjoint(effect.fields)
        return ending.code != _READ_ANEW and is_known_again
    return isinstance(ending, Unavailable | Busy)
