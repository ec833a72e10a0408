"""How the processing of a record ends, as data; and the two errors that say the same from deep inside."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Done:
    """What the record asked for is in the store. `acknowledged` completes when what it put into the outbox is in its
    topics; only then may the offset be committed. It never raises: a failure there is the publisher's to mend.
    """

    acknowledged: Awaitable[None] | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing was to be done, and this is why (`option_off`, `stale` ...). Counted, never silent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Park:
    """It cannot be done now: the work waits in the store until `until` (aware), and the lane goes on."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Dead:
    """It can never be done: the record goes to the dead letters. `kind`: decode, permanent, exhausted, unexpected.
    `cause` is read by operators and must hold no content of the record.
    """

    kind: str
    cause: str


Disposition = Done | Skip | Park | Dead


class TransientError(Exception):
    """May work later. `delay`: not before that. Its text goes to logs and dead letters: ids and rule words only."""

    def __init__(self, text: str = "", *, delay: timedelta | None = None) -> None:
        super().__init__(text)
        self.delay = delay


class PermanentError(Exception):
    """Will never work. Its text goes to logs and dead letters: ids and rule words only."""
