"""Calls to Exchange in a burst: ten hints an item, over twenty items a mailbox, with `hints.settle` 1 s.

The floor is one call for ten items, made once.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from daemon.sync.loading import AT_ONCE
from tests.bench.bank import a_bank, hinted
from tests.bench.rows import Row, at_most, say

HINTS = 10
ITEMS = 20
MAILBOXES = 10


def rows(quick: bool) -> list[Row]:
    """Calls a hint."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ours = asyncio.run(_calls(Path(folder), mailboxes=1 if quick else MAILBOXES))
    return [Row("EWS calls in a burst", ours, 1 / AT_ONCE / HINTS, "calls/hint", (at_most(0.02),))]


async def _calls(folder: Path, *, mailboxes: int) -> float:
    async with a_bank(folder, settle="1s") as bank:
        own = [
            bank.meet(mailbox * ITEMS + number, organizer=mailbox)[0]
            for mailbox in range(mailboxes)
            for number in range(ITEMS)
        ]
        hints = sum(hinted(bank, own) for _ in range(HINTS))
        await bank.quiet()
        calls = len(bank.exchange.calls)
    say(f"  {hints} hints, {calls} calls")
    return calls / hints
