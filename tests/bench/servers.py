"""An EWS endpoint of a process of its own, which knows any meeting that it is asked for and takes whatever is written.

Item ids say whose meeting and which one; the mailboxes with the lowest numbers may be slow. What is measured against
it is ours: it does nothing but write the answer, after as long as it was told to wait.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

from tests.bench import decode
from tests.bench.bank import mailbox_of
from tests.unit.exchange import canned
from tests.unit.exchange.canned import Asked


@contextmanager
def serving(*, wait: timedelta, slow: int = 0, slow_wait: timedelta = timedelta()) -> Iterator[str]:
    """Its URL."""
    asked = [wait.total_seconds(), slow, slow_wait.total_seconds()]
    command = [sys.executable, "-m", "tests.bench.servers", *map(str, asked)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def item_id(number: int, user: int) -> str:
    """The id of a meeting in its organizer's mailbox."""
    return f"AAMk-{number}-{user}"


async def _serve(wait: float, slow: int, slow_wait: float) -> None:
    slow_ones = {mailbox_of(number) for number in range(slow)}

    async def get(asked: Asked) -> bytes:
        await asyncio.sleep(slow_wait if asked.mailbox in slow_ones else wait)
        return canned.answer("GetItem", *(canned.items(_meeting(each)) for each in asked.item_ids))

    change_keys, new_ids = count(1), count(1)

    async def write(asked: Asked) -> bytes:
        await asyncio.sleep(wait)
        item = next(iter(asked.item_ids), None) or f"new-{next(new_ids)}"
        place = f'<t:ItemId Id="{item}" ChangeKey="CK-{next(change_keys)}"/>'
        return canned.answer(asked.operation, canned.items(f"<t:CalendarItem>{place}</t:CalendarItem>"))

    async with canned.canned(GetItem=get, CreateItem=write, UpdateItem=write) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def _meeting(asked: str) -> str:
    _, number, user = asked.split("-")
    return decode.meeting(int(number), item_id=asked, mailbox=mailbox_of(int(user)))


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
