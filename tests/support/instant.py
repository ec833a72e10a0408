"""An Exchange in memory that answers at once, in canonical copies.

For benches, which measure the daemon and nothing else, and for tests of the daemon's parts. What a real one would do
between mailboxes is the sandbox's business: here lies what was put here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from daemon.exchange.port import Answer, ExchangeError, Gone
from schemas.copies import Copy, Folder


@dataclass(frozen=True)
class Call:
    """One service call: its operation, whose mailbox, and what was asked for."""

    operation: str
    mailbox: str
    asked: tuple[str, ...]


class InstantExchange:
    """See `daemon.exchange.port.Exchange`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.names: dict[str, tuple[str, ...]] = {}
        self.answers: dict[str, Answer] = {}  # by item id: answered instead of what lies there
        self.failures: deque[ExchangeError] = deque()  # of the next calls
        self.hold: asyncio.Event | None = None  # calls wait for it
        self.called = asyncio.Event()
        self._copies: dict[tuple[str, str], Copy] = {}
        self._of_meeting: defaultdict[tuple[str, str | None], set[str]] = defaultdict(set)
        self._change_keys = count(1)

    def put(self, copy: Copy) -> Copy:
        """Lays a copy into its mailbox, or in the place of the one with its item id."""
        laid = replace(copy, change_key=f"ck-{next(self._change_keys)}")
        self._copies[copy.mailbox, copy.item_id] = laid
        self._of_meeting[copy.mailbox, copy.uid].add(copy.item_id)
        return laid

    def remove(self, copy: Copy) -> None:
        """Takes a copy away for good."""
        del self._copies[copy.mailbox, copy.item_id]
        self._of_meeting[copy.mailbox, copy.uid].discard(copy.item_id)

    def count(self, operation: str) -> int:
        """How many calls of one operation there were."""
        return sum(call.operation == operation for call in self.calls)

    async def get(self, mailbox: str, item_ids: Sequence[str]) -> tuple[Answer, ...]:
        await self._called("get", mailbox, tuple(item_ids))
        return tuple(self._answer(mailbox, item_id) for item_id in item_ids)

    async def find_by_uid(self, mailbox: str, uid: str) -> tuple[Answer, ...]:
        await self._called("find_by_uid", mailbox, (uid,))
        found = [self._copies[mailbox, item_id] for item_id in sorted(self._of_meeting[mailbox, uid])]
        return tuple(sorted(found, key=lambda copy: copy.folder is Folder.DELETED_ITEMS))

    async def resolve(self, mailbox: str, name: str) -> tuple[str, ...]:
        await self._called("resolve", mailbox, (name,))
        return self.names.get(name, ())

    async def probe(self) -> None:
        await self._called("probe", "", ())

    async def close(self) -> None:
        """Nothing is open."""

    def _answer(self, mailbox: str, item_id: str) -> Answer:
        return self.answers.get(item_id) or self._copies.get((mailbox, item_id)) or Gone(item_id)

    async def _called(self, operation: str, mailbox: str, asked: tuple[str, ...]) -> None:
        self.calls.append(Call(operation, mailbox, asked))
        self.called.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.failures:
            raise self.failures.popleft()
