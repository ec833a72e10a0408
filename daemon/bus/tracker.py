"""How far one partition is finished, while its records finish in any order.

Two prefixes are kept. *Settled*: everything below is in the store. *Acknowledged*: what it put into the outbox has
also reached its topics; only this far may Kafka's offset be committed. Both stand at the lowest offset that was
polled and is not finished, so gaps (compaction, transaction markers) hold nothing up, and neither is ever derived
from the fetch position.

A ticket carries the epoch of the assignment it was drawn in; a result from another epoch changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ticket:
    """A polled record that is not finished yet."""

    epoch: int
    offset: int
    size: int


@dataclass(slots=True)
class _Entry:
    ticket: Ticket
    settled: bool = False
    acknowledged: bool = False


class Tracker:
    """Counts one partition within one epoch, from `start`: everything below was finished before."""

    def __init__(self, *, epoch: int, start: int) -> None:
        self.epoch = epoch
        self.window_bytes = 0
        self._next = start
        self._open: dict[int, _Entry] = {}
        self._unsettled: deque[_Entry] = deque()
        self._unacknowledged: deque[_Entry] = deque()

    def polled(self, offset: int, size: int) -> Ticket | None:
        """A ticket for a record that was just polled; none if this epoch has seen its offset (or began above it)."""
        if offset < self._next:
            return None
        ticket = Ticket(self.epoch, offset, size)
        entry = _Entry(ticket)
        self._next = offset + 1
        self._open[offset] = entry
        self._unsettled.append(entry)
        self._unacknowledged.append(entry)
        self.window_bytes += size
        return ticket

    def settle(self, ticket: Ticket) -> bool:
        """The record's transaction is committed. False if the ticket is stale: then nothing has changed."""
        entry = self._entry(ticket)
        if entry is None or entry.settled:
            return False
        entry.settled = True
        while self._unsettled and self._unsettled[0].settled:
            self._unsettled.popleft()
        return True

    def acknowledge(self, ticket: Ticket) -> bool:
        """What the record put out has arrived. False if the ticket is stale or the record not settled."""
        entry = self._entry(ticket)
        if entry is None or entry.acknowledged or not entry.settled:
            return False
        entry.acknowledged = True
        while self._unacknowledged and self._unacknowledged[0].acknowledged:
            done = self._unacknowledged.popleft().ticket
            del self._open[done.offset]
            self.window_bytes -= done.size
        return True

    @property
    def settled(self) -> int:
        """Everything below is settled."""
        return self._unsettled[0].ticket.offset if self._unsettled else self._next

    @property
    def acknowledged(self) -> int:
        """Everything below is settled and acknowledged: what may be committed."""
        return self._unacknowledged[0].ticket.offset if self._unacknowledged else self._next

    def settled_with(self, tickets: Collection[Ticket]) -> int:
        """What `settled` will be once these are settled too."""
        ours = {ticket.offset for ticket in tickets}
        for entry in self._unsettled:
            if not entry.settled and entry.ticket.offset not in ours:
                return entry.ticket.offset
        return self._next

    @property
    def window(self) -> int:
        """Records polled and not yet committable: running, waiting, and finished behind one that is not."""
        return len(self._unacknowledged)

    @property
    def unsettled(self) -> int:
        """Records polled and not settled (those settled behind an unsettled head included)."""
        return len(self._unsettled)

    def _entry(self, ticket: Ticket) -> _Entry | None:
        return self._open.get(ticket.offset) if ticket.epoch == self.epoch else None
