"""What a million contacts cost: the look-ups behind For and the security check, and memory.

A meeting of 50 users and 50 clients, under HAM, each client a contact of some branch: everything from the copy to who
may stand in For is timed (facts, identities, matching, the check of 50 contacts against 50 users). The floor is two
statements of the bare driver, which fetch the users and the contacts with these addresses. Both take turns.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import structlog

from daemon import garbage
from daemon.policies import policy_of
from daemon.store import directory
from daemon.store.directory import Source
from daemon.sync.gathering import Gatherer
from handlers import participants, registry
from handlers.drafts import Draft
from handlers.facts import User
from handlers.links import Link
from handlers.options import OptionValues
from handlers.policy import Policy
from handlers.visibility import SecurityModel
from schemas import catalogue
from schemas.copies import Attendee, Copy, Role
from schemas.items import Response
from schemas.outcomes import Direction
from tests.bench import directories
from tests.bench.bank import a_bank, hinted, settings_for
from tests.bench.rows import Row, at_most, ratio_at_most, say
from tests.support.instant import InstantExchange

MANY, FEW = 1_000_000, 10_000
TOGETHER = 50
MEETINGS, WARMING = 500, 100
HINTS = 500
MISSED = (
    "of 5 ms of CPU a meeting, where the floor takes 1: users and contacts 2.3 (SQLite's part is the floor's, the rest "
    "makes facts of rows), the identities of 100 attendees 0.7, For 0.4, the security check 0.4, the option of each of "
    "50 viewers 0.3, everybody's addresses and who is a stranger 0.4; a reader's thread and back is on top"
)


def rows(quick: bool) -> list[Row]:
    """Look-ups, then memory."""
    many = MANY // (20 if quick else 1)
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        large, small = Path(place) / "large", Path(place) / "small"
        for folder, contacts in ((large, many), (small, FEW)):
            folder.mkdir()
            directories.made(folder / "bench.sqlite", contacts)
        took = asyncio.run(_looked_up(large / "bench.sqlite", contacts=many))
        resident = (_resident(large, many), _resident(small, FEW))
    p50, p99 = len(took["ours"]) // 2, int(len(took["ours"]) * 0.99)
    return [
        Row("For and security check, p50", took["ours"][p50], took["floor"][p50], "ms"),
        Row(
            "For and security check, p99",
            took["ours"][p99],
            took["floor"][p99],
            "ms",
            (at_most(5), ratio_at_most(4)),
            MISSED,
        ),
        Row("memory, 1,000,000 / 10,000 contacts", *resident, "MB", (ratio_at_most(1.15),)),
    ]


async def _looked_up(place: Path, *, contacts: int) -> dict[str, list[float]]:
    """Milliseconds of each meeting, sorted."""
    store = await directories.opened(place)
    users = [_user(number) for number in range(TOGETHER)]
    for number, user in enumerate(users):
        at = Source(catalogue.USERS, 0, number, 1)
        await store.write(lambda tx, user=user, at=at: directory.put_user(tx, user, at=at))  # type: ignore[misc]
    policy = policy_of(settings_for(place))
    if policy.security_model is not SecurityModel.HAM:
        raise SystemExit("these figures are of HAM")
    gatherer = Gatherer(store, InstantExchange(), lambda: policy)
    chance, took = random.Random(7), {"ours": [], "floor": []}
    with closing(directories.connected(place)) as connection:
        for number in range(WARMING + MEETINGS):
            copy = _meeting(chance.sample(range(contacts), TOGETHER))
            began = time.perf_counter()
            await _matched(copy, gatherer, policy, users)
            between = time.perf_counter()
            _bare(connection, copy)
            ended = time.perf_counter()
            if number >= WARMING:
                took["ours"].append((between - began) * 1000)
                took["floor"].append((ended - between) * 1000)
    await store.close()
    return {name: sorted(times) for name, times in took.items()}


async def _matched(copy: Copy, gatherer: Gatherer, policy: Policy, users: list[User]) -> None:
    link = Link(id="bench", uid="bench")
    facts = await gatherer.around(copy, link=link, holder=users[0])
    draft = Draft(
        copy=copy,
        link=link,
        facts=facts,
        policy=policy,
        creator=users[0],
        authority=users[0],
        participants=participants.identify(copy, facts=facts, policy=policy),
        assign_to=tuple(users),
        now=copy.start,
    )
    values = OptionValues(events=facts.options, config=policy.options)
    draft, consulted = registry.run(draft, direction=Direction.INBOUND, values=values)
    found = sum(len(person.found) for person in draft.participants)
    if found != TOGETHER or len(consulted) < 2 or not draft.candidates:
        raise SystemExit(f"not the meeting that was meant: {found} contacts, {len(draft.candidates)} in For")


def _bare(connection: sqlite3.Connection, copy: Copy) -> None:
    addresses = [person.address for person in (*copy.attendees, copy.organizer) if person]
    marks = ",".join("?" * len(addresses))
    connection.execute(
        "SELECT a.address, c.*, n.path FROM contact_addresses a JOIN contacts c ON c.id = a.contact_id "
        f"LEFT JOIN nodes n ON n.id = c.node WHERE a.address IN ({marks})",
        addresses,
    ).fetchall()
    connection.execute(
        f"SELECT a.address, u.* FROM user_addresses a JOIN users u ON u.id = a.user_id WHERE a.address IN ({marks})",
        addresses,
    ).fetchall()


def _user(number: int) -> User:
    """Of the whole bank, but for one of half the regions: what he does not see leaves For."""
    address = f"user{number}@bank.example"
    half = tuple(f"region-{region}" for region in range(0, directories.REGIONS, 2))
    node_ids = half if number == TOGETHER - 1 else ("bank",)
    return User(
        id=f"u-{number}", name=f"User {number}", addresses=(address,), mailbox=address, node_ids=node_ids, groups=("g",)
    )


def _meeting(clients: list[int]) -> Copy:
    mailbox = "user0@bank.example"
    return Copy(
        mailbox=mailbox,
        item_id="AAMk",
        uid="bench",
        organizer=Attendee(Role.ORGANIZER, "User 0", mailbox, response=Response.ORGANIZER),
        attendees=(
            *(Attendee(Role.REQUIRED, f"User {n}", f"user{n}@bank.example") for n in range(1, TOGETHER)),
            *(Attendee(Role.OPTIONAL, f"Client {n}", f"client{n}@client.example") for n in clients),
        ),
        is_meeting=True,
    )


def _resident(folder: Path, contacts: int) -> float:
    """Megabytes of a daemon that has worked on so large a directory."""
    command = [sys.executable, "-m", "tests.bench.million", str(folder), str(contacts)]
    megabytes = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
    say(f"  {contacts:>9,} contacts: {megabytes:.1f} MB resident")
    return megabytes


async def _worked(folder: Path, contacts: int) -> None:
    async with a_bank(folder, contacts_there=contacts) as bank:
        own = [bank.meet(number)[0] for number in range(HINTS)]
        hinted(bank, own)
        await bank.quiet()
        gc.collect()
        say(f"{_resident_bytes() / 1e6:.2f}")


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    garbage.look_seldom()
    asyncio.run(_worked(Path(sys.argv[1]), int(sys.argv[2])))
