"""One call to EWS as the event loop sees it: a turn, a thread, and every failure as the port's error.

Never repeated here: who asked knows whether waiting is worth it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TypeVar

from daemon.exchange import port
from daemon.exchange.ews import envelopes, failures
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.ews.envelopes import Element, Message, Undecodable
from daemon.exchange.ews.failures import Failure, Meaning
from daemon.exchange.ews.limits import Limits
from daemon.exchange.ews.sign_in import SignIn
from daemon.exchange.ews.transport import Transport
from daemon.exchange.ews.zones import UTC_ID

T = TypeVar("T")

Read = Callable[[list[Message]], T]
"""Makes values of an answer's messages, in the call's thread; raises Failure if they say that the call failed."""

OK = "ok"
UNEXPECTED = "unexpected"
SAID_BY_EXCHANGE = "Error"
"""How the codes begin that only a server sends that has let us in."""
NO_TIME = timedelta(0)
NO_MAILBOX = ""
"""Whose turns the service account's own calls take."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, for metrics: `result` is `ok` or the code it failed with."""

    operation: str
    result: str
    took: timedelta


Observe = Callable[[Call], None]
"""Is told of every call, in the call's thread."""


class Caller:
    """Makes calls to one endpoint, within the limits of its mailboxes."""

    def __init__(self, config: EwsConfig, observe: Observe, *, clock: Callable[[], float] = monotonic) -> None:
        self._observe = observe
        self._clock = clock
        self._transport = Transport(config)
        self._limits = Limits(config, clock=clock)
        self._sign_in = SignIn(config.timeout, clock=clock)

    async def ask(self, mailbox: str | None, payload: Element, read: Read[T], *, is_read: bool = True) -> T:
        """One call whose answer must be readable as a whole. Raises ExchangeError."""
        try:
            return await self.call(mailbox, payload, read, is_read=is_read)
        except Undecodable as error:
            kind = port.Unavailable if error.rule == envelopes.CUT_OFF else port.Misconfigured
            raise kind(mailbox, error.rule) from None

    async def call(self, mailbox: str | None, payload: Element, read: Read[T], *, is_read: bool = True) -> T:
        """One call; `mailbox` None: as the service account itself. Raises ExchangeError, and Undecodable."""
        try:
            return await self._call(mailbox, self._work(mailbox, payload, read), is_read=is_read)
        except Failure as failure:
            raise failures.of_call(mailbox, failure.code, back_off=failure.back_off or NO_TIME) from None

    async def write(
        self, mailbox: str, payload: Element, read: Read[T], *, zone_id: str = UTC_ID, acting: str = ""
    ) -> T:
        """One call that changes something, made in that zone, by a delegate if `acting` names his mailbox. An answer
        that cannot be read does not say whether it did: `Unavailable`. Raises ExchangeError."""
        caller, beside = (acting, mailbox) if acting else (mailbox, None)
        try:
            work = self._work(caller, payload, read, zone_id=zone_id)
            return await self._call(caller, work, is_read=False, beside=beside)
        except Failure as failure:
            back_off = failure.back_off or NO_TIME
            raise failures.of_write(mailbox, failure.code, back_off=back_off, acting=acting) from None
        except Undecodable as error:
            raise port.Unavailable(mailbox, error.rule) from None

    def pause(self, mailbox: str) -> None:
        """Leave a mailbox alone for a while: it answered in part."""
        self._limits.pause(mailbox)

    def pauses(self) -> port.BackOffs:
        """The mailboxes that are left alone just now, and for how long."""
        return self._limits.pauses()

    async def close(self) -> None:
        """Wait for calls under way, then let go of all connections."""
        await self._limits.close()
        self._transport.close()

    async def _call(self, mailbox: str | None, work: Callable[[], T], *, is_read: bool, beside: str | None = None) -> T:
        """What a call returns. Raises Failure, its back-off the pause that the mailbox gets, and Undecodable."""
        key = mailbox or NO_MAILBOX
        concerned = [key] if beside is None else [key, beside]
        async with self._sign_in.turn():
            try:
                value = await self._limits.run(key, work, is_read=is_read, beside=beside)
            except Failure as failure:
                raise self._failed(concerned, failure) from None
            self._sign_in.proven()
            for each in concerned:
                self._limits.succeeded(each)
            return value

    def _failed(self, concerned: Sequence[str], failure: Failure) -> Failure:
        """The failure again. A mailbox that is busy or out of reach is left alone from now on: where two are concerned,
        both, as the answer does not say which it is."""
        back_off = None
        if failure.code.startswith(SAID_BY_EXCHANGE):
            self._sign_in.proven()
        if len(concerned) > 1 and failure.code in failures.NOT_ALLOWED:
            return failure
        match failures.meaning(failure.code):
            case Meaning.SIGN_IN:
                self._sign_in.refused(failure.code)
            case Meaning.BUSY | Meaning.PASSING:
                back_off = max([self._limits.pause(each, failure.back_off) for each in concerned])
        return Failure(failure.code, back_off)

    def _work(self, mailbox: str | None, payload: Element, read: Read[T], *, zone_id: str = UTC_ID) -> Callable[[], T]:
        """What a thread does: the call, and reading its answer."""
        operation = payload.tag[len(envelopes.MESSAGES) :]

        def work() -> T:
            started, result = self._clock(), UNEXPECTED
            try:
                value = read(envelopes.messages(self._transport.post(payload, mailbox=mailbox, zone_id=zone_id)))
                result = OK
                return value
            except (Failure, Undecodable) as error:
                result = str(error)
                raise
            finally:
                self._observe(Call(operation, result, timedelta(seconds=self._clock() - started)))

        return work
