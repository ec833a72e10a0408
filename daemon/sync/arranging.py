"""Arranging with Exchange who may act for whom (INV-1): one step, each call after what it may change was written down.

Exchange is asked what there is before every step: an earlier try may have got further than anybody heard of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from daemon.exchange.port import Exchange, Missing, NoMailbox, Rejected
from handlers import delegations
from handlers.delegations import Arrangement, Call, Operation, State, Step, Wish
from handlers.policy import Policy
from schemas.delegates import Rights

Note = Callable[[Arrangement], Awaitable[None]]
"""Writes an arrangement down."""


@dataclass(slots=True)
class Progress:
    """How far one look at a pair has come: what is arranged, and what was written on the way.

    `left` is what was found of the work of a store that was lost.
    """

    done: Arrangement
    left: Arrangement | None = None
    calls: list[tuple[str, Operation]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Around:
    """What is to be, what was arranged for the principal's other delegates, and whether a store that was lost since had
    seen to it, or `may_be_left`: may have left something of which nothing else is known."""

    wish: Wish
    others: tuple[Arrangement, ...] = ()
    replayed: bool = False
    may_be_left: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """A delegate as Exchange has him: the name it knows him by, his rights if he is one, and the mailbox's setting."""

    name: str
    rights: Rights | None
    deliver: str


@dataclass(frozen=True, slots=True)
class Arranging:
    """Takes the steps."""

    exchange: Exchange
    policy: Callable[[], Policy]

    async def carry_out(self, progress: Progress, around: Around, *, note: Note, again: bool) -> None:
        """All steps there are. `again`: what is in force is to be made sure of. Raises `ExchangeError`; `progress` then
        tells how far it came."""
        if around.may_be_left:
            await self._look_for_left(progress, around)
        if again:
            await self._grant(progress, around, note)
        while (step := delegations.next_step(progress.done, around.wish)) is not Step.NOTHING:
            if step is Step.GRANT:
                await self._grant(progress, around, note)
            else:
                await self._take_back(progress, around, note)

    async def _grant(self, progress: Progress, around: Around, note: Note) -> None:
        was, wished = progress.done, around.wish
        found = await self._find(wished.mailboxes[0], wished.addresses)
        begun = delegations.begun(was) if was.state is State.GRANTING else None
        call = delegations.granting(found.rights)
        granted = _granted(was, around, found.rights)
        if call is not None:
            await self._note(progress, replace(granted, state=State.GRANTING), note)
            try:
                await self._make(call, granted.mailbox, found)
            except Rejected:
                if was.state in (State.NONE, State.GRANTED):
                    await self._note(progress, was, note)
                raise
        self._advance(progress, granted, call, begun=begun)

    async def _look_for_left(self, progress: Progress, around: Around) -> None:
        """What is found is not written down yet: until our first call it is found again."""
        found = await self._find(around.wish.mailboxes[0], around.wish.addresses)
        left = delegations.left_behind(found.rights, around.wish)
        if left is not None and not delegations.sharing(left, around.others):
            progress.done = progress.left = left

    async def _take_back(self, progress: Progress, around: Around, note: Note) -> None:
        was, gone = progress.done, replace(progress.done, state=State.NONE)
        if delegations.sharing(was, around.others):
            self._advance(progress, gone, None, begun=None)
            return
        known = around.wish.addresses if was.address in around.wish.addresses else ()
        begun = delegations.begun(was) if was.state is State.REVOKING else None
        try:
            found = await self._find(was.mailbox, (was.address, *known))
        except NoMailbox:
            if around.wish.bar is not None:  # it may come back, with his rights in it
                raise
            self._advance(progress, gone, None, begun=None)
            return
        call = delegations.taking_back(found.rights, was.prior)
        if call is not None:
            await self._note(progress, replace(was, state=State.REVOKING), note)
            try:
                await self._make(call, was.mailbox, found)
            except Missing:
                call = None  # somebody was faster
        self._advance(progress, gone, call, begun=begun)

    async def _note(self, progress: Progress, done: Arrangement, note: Note) -> None:
        if done != progress.done:
            await note(done)
            progress.done = done

    def _advance(self, progress: Progress, done: Arrangement, call: Call | None, *, begun: Operation | None) -> None:
        """Nothing left to do, though a call was begun: it was carried out, and nobody heard of it."""
        operation = call.operation if call else begun
        if operation is not None:
            progress.calls.append((done.mailbox, operation))
        progress.done = Arrangement() if done.state is State.NONE else done

    async def _find(self, mailbox: str, names: Sequence[str]) -> _Found:
        """Exchange lists delegates by their primary addresses, which need not be the ones the CRM knows."""
        told = await self.exchange.delegates(mailbox)
        listed = {self._canonical(name): name for name in told.rights}
        match = next((listed[name] for name in map(self._canonical, names) if name in listed), None)
        if match is None and listed:
            others = await self.exchange.resolve(mailbox, names[0])
            match = next((listed[name] for name in map(self._canonical, others) if name in listed), None)
        return _Found(match or names[0], told.rights.get(match or ""), told.deliver)

    def _canonical(self, name: str) -> str:
        return self.policy().canonical(name) or name

    async def _make(self, call: Call, mailbox: str, found: _Found) -> None:
        match call.operation:
            case Operation.ADD:
                await self.exchange.add_delegate(mailbox, found.name, call.rights, deliver=found.deliver)
            case Operation.UPDATE:
                await self.exchange.update_delegate(mailbox, found.name, call.rights, deliver=found.deliver)
            case Operation.REMOVE:
                await self.exchange.remove_delegate(mailbox, found.name)


def _granted(was: Arrangement, around: Around, found: Rights | None) -> Arrangement:
    """What is arranged once he has our rights. What he could do before is what was found before our first call."""
    if was.state is State.GRANTED:
        return delegations.granted_again(was, found)
    if was.state is not State.NONE:
        return replace(was, state=State.GRANTED)
    new = Arrangement(State.GRANTED, around.wish.mailboxes[0], around.wish.addresses[0])
    other = delegations.sharing(new, around.others)
    return replace(new, prior=other.prior if other else delegations.remembered(found, replayed=around.replayed))
