"""The exceptions of a series, read one by one within a window (REC-5; S04f, S29).

A master names its exceptions; what they differ in has to be fetched. Those that lie too far back or ahead, and those
beyond a bound, are not: nothing is known of them then, which is no news of them. The same holds for an exception that
is named and cannot be read. A server that cannot say for the moment is asked again, for the whole series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from daemon.exchange.ews import fetching
from daemon.exchange.ews.fetching import Fetcher
from daemon.exchange.port import Answer, Unknown
from handlers.recurrences import Window
from schemas.copies import Copy, Shape
from schemas.items import Moment


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far back and ahead exceptions are read, and how many of one series at most: the nearest to now."""

    past: timedelta
    future: timedelta
    most: int


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Reads the exceptions of masters."""

    fetcher: Fetcher
    bounds: Bounds
    now: Callable[[], datetime]

    async def read(self, mailbox: str, found: Sequence[Answer]) -> tuple[Answer, ...]:
        """The same answers, masters with what was read of their exceptions. Raises ExchangeError."""
        return tuple([await self._of(mailbox, one) if _has_exceptions(one) else one for one in found])

    async def _of(self, mailbox: str, master: Answer) -> Answer:
        if not isinstance(master, Copy):
            return master
        wanted = self._wanted(master.exceptions)
        answers = await self.fetcher.fetch(mailbox, [each.item_id for each in wanted], fetching.COPIES)
        unknown = next((answer for answer in answers if isinstance(answer, Unknown)), None)
        if unknown is not None:
            return Unknown(master.item_id, unknown.code)
        read = {
            named.original_start: replace(answer, original_start=named.original_start)
            for named, answer in zip(wanted, answers, strict=True)
            if isinstance(answer, Copy) and answer.shape is Shape.EXCEPTION
        }
        starts = [each.original_start for each in master.exceptions if each.original_start is not None]
        return replace(
            master,
            exceptions=tuple(read[start] for start in starts if start in read),
            unread=tuple(start for start in starts if start not in read),
        )

    def _wanted(self, named: Iterable[Copy]) -> list[Copy]:
        """Those in the window by where they are or would be, the nearest to now first."""
        now = self.now()
        window = Window.around(now, past=self.bounds.past, future=self.bounds.future)
        inside = [each for each in named if any(start in window for start in _starts(each))]
        return sorted(inside, key=lambda each: min(_distance(start, now) for start in _starts(each)))[
            : self.bounds.most
        ]


def _has_exceptions(answer: Answer) -> bool:
    return isinstance(answer, Copy) and answer.shape is Shape.MASTER and bool(answer.exceptions)


def _starts(exception: Copy) -> list[Moment]:
    return [start for start in (exception.original_start, exception.start) if start is not None]


def _distance(moment: Moment, now: datetime) -> timedelta:
    return abs((moment if isinstance(moment, datetime) else _noon(moment)) - now)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)
