"""Where the reading of a partition begins, decided from what the store, the group and the broker say.

At the store's position, else at the first record there is; never at the group's offset: a store that was lost, or put
back from a copy, must hear again what it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """The store knows less than the broker: records from `stored` up to `committed` were finished in a life before."""

    stored: int
    committed: int


@dataclass(frozen=True, slots=True)
class Start:
    """The first offset to read, and what the group has committed as far as we may go by it.

    `committed` is lower than `offset` if the group has not heard yet of all that is finished: then it is told. It is
    higher if the store was restored: then it stays until the reading has passed it, so that a crash on the way there
    is not taken for an ordinary one.
    """

    offset: int
    committed: int
    gap: Gap | None = None
    recreated: bool = False
    expired: bool = False


_NEVER = -1  # lower than any offset


def start(*, stored: int | None, committed: int | None, beginning: int, end: int) -> Start:
    """`beginning` and `end` are the broker's; None: never stored, never committed."""
    known = beginning if stored is None else stored
    if known > end:  # the position is of a topic that is no more
        return Start(beginning, beginning, recreated=True)
    offset = max(known, beginning)
    expired = known < beginning
    if committed is not None and committed <= end:
        gap = Gap(known, committed) if known < committed else None
        return Start(offset, committed, gap, expired=expired)
    return Start(offset, offset if stored is None else _NEVER, expired=expired)
