"""What a store holds when a release leaves it, release by release, and how its text is made.

`previous/REVISION.DATABASE.sql` are stores as a release with tables of that revision left them. None is ever changed.
A release whose tables are new adds what they keep here, and its own text: `python -m tests.unit.store.releases`.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, make_url

from daemon.store import (
    delegates,
    directory,
    history,
    intents,
    letters,
    links,
    mails,
    meta,
    outbox,
    parked,
    pauses,
    positions,
    task_links,
)
from daemon.store.directory import ContactRecord, Node, Source
from daemon.store.store import Store
from handlers.delegations import Arrangement, Pair
from handlers.delegations import State as Granted
from handlers.facts import User
from handlers.links import Link, Replica, State
from handlers.pausing import Pauses
from handlers.task_links import TaskContent, TaskLink, TaskReplica
from schemas.delegates import NO_RIGHTS
from schemas.items import ForEntry, Recurrence, ScheduleItem, SeriesException
from schemas.tasks import Task
from tests.support import postgres
from tests.unit.store.test_positions import Position

PREVIOUS = Path(__file__).parent / "previous"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HINTS = ("exchange.notifications", 3)

ITEM = ScheduleItem(subject="Review", start=NOON, end=NOON + timedelta(hours=1), for_=(ForEntry("c-7"),))
COPY = Replica("anna@bank.example", "u-anna", "AAMkAD-1")
LINK = Link(id="l-1", uid="0400", crm_id="si-1", revision=2**32 + 3, agreed=ITEM, exchange=ITEM, replicas=(COPY,))
ANNA = User(id="u-anna", name="Anna", addresses=("anna@bank.example",), mailbox="anna@bank.example")

MOVED = SeriesException(NOON + timedelta(days=7), changes=(("location", '"Room 5"'),))
WEEKLY = replace(ITEM, recurrence=Recurrence("weekly", weekdays=("FR",), count=10, end="after"), exceptions=(MOVED,))
SERIES = Link(id="l-2", uid="0401", crm_id="si-2", agreed=WEEKLY, exchange=WEEKLY)
TASK = Task(subject="Call Carla", due=date(2026, 12, 1), assign_to=("u-anna",), alarms=(("u-anna", NOON),))
HELD = TaskContent(subject="Call Carla", due=date(2026, 12, 1), alarm=(NOON,))
TASK_COPY = TaskReplica("anna@bank.example", "u-anna", "AAMkAD-2", search_key="AB01", shown=HELD, held=HELD)
TASK_LINK = TaskLink(id="t-1", state=State.ACTIVE, crm_id="task-1", agreed=TASK, crm=TASK, replicas=(TASK_COPY,))
PAUSED = Pauses(system=False, users=frozenset({"u-bob"}))
LETTER = letters.Place(partition=2, offset=41, timestamp=1_795_176_000_000)

INVITED = Link(id="l-3", uid="0402", crm_id="si-3", agreed=ITEM, exchange=ITEM, awaited=("u-bob",))
PAIR = Pair("u-anna", "u-bob")
GRANTED = Arrangement(Granted.GRANTED, "anna@bank.example", "bob@bank.example", prior=NO_RIGHTS)
MAIL = mails.Mail("l-3", 4, "create", "", "all", ("u-bob",))


def fill(tx: Connection) -> None:
    """Something of everything that must outlive an upgrade, by the tables there are now."""
    for filling, _ in RELEASES.values():
        filling(tx)


def check(tx: Connection, revision: str) -> None:
    """All that a release with this revision kept is there."""
    for since, (_, checking) in RELEASES.items():
        if since <= revision:
            checking(tx)


def _first(tx: Connection) -> None:
    links.save(tx, LINK)
    outbox.add(tx, topic="sync.crm-commands", key=b"l-1", value=b"\x00\xff{}", headers=(("ce_id", b"c-1"),))
    parked.park(tx, key="p-1", kind="hint", due=NOON, reason="denied", payload=b"{}", asked="held", waits_for="anna")
    positions.assign(tx, [HINTS], "one")
    positions.save(tx, [Position(*HINTS, "one", offset=17)])
    directory.put_node(tx, Node("bank", None), at=Source("crm.nodes", 0, 0))
    directory.put_user(tx, ANNA, at=Source("crm.users", 0, 0))
    contact = ContactRecord(id="c-7", emails=("carla@client.example",), node="bank")
    directory.put_contact(tx, contact, at=Source("crm.contacts", 0, 0))
    directory.put_options(tx, "system", {"for_contacts.inbound": True}, at=Source("crm.options", 0, 0))
    history.add(tx, link="l-1", crm_id="si-1", uid="0400", outcome_json='{"result":"applied"}', at=NOON)
    meta.raise_generation(tx)


def _first_is_there(tx: Connection) -> None:
    found = links.by_uid(tx, "0400")
    assert found is not None
    assert (found.agreed, found.exchange, found.replicas, found.revision) == (ITEM, ITEM, (COPY,), 2**32 + 3)
    (waiting,) = outbox.waiting(tx, 10)
    assert (waiting.value, waiting.headers) == (b"\x00\xff{}", (("ce_id", b"c-1"),))
    (work,) = parked.due(tx, NOON, 10)
    assert (work.key, work.due, work.asked, work.waits_for) == ("p-1", NOON, ("held",), "anna")
    assert positions.known(tx) == {HINTS: 17}
    assert directory.user_of_mailbox(tx, "anna@bank.example") == ANNA
    (contact,) = directory.contacts_by_address(tx, ["carla@client.example"])["carla@client.example"]
    assert (contact.id, contact.node_path) == ("c-7", ("bank",))
    assert directory.options_of(tx, ["system"]) == {"system": {"for_contacts.inbound": True}}
    assert [entry.outcome for entry in history.of(tx, "si-1")] == ['{"result":"applied"}']
    assert meta.generation(tx) == 1


def _both_ways(tx: Connection) -> None:
    task_links.save(tx, TASK_LINK)
    effect = intents.Effect("anna@bank.example", "update", "{}", "none")
    intents.claim(tx, SERIES, [effect], deadline=NOON)
    pauses.change(tx, before=Pauses(), after=PAUSED, since=NOON, by="u-admin")
    letters.mark(tx, LETTER, "parked", at=NOON)
    directory.put_delegation(tx, "u-anna", "u-bob", at=Source("crm.delegations", 0, 0))


def _both_ways_are_there(tx: Connection) -> None:
    series = links.by_uid(tx, "0401")
    assert series is not None
    assert (series.agreed, series.exchange, series.awaited) == (WEEKLY, WEEKLY, ())
    (claimed,) = intents.unsettled(tx, "l-2")
    assert (claimed.effect.operation, claimed.deadline) == ("update", NOON)
    task = task_links.by_crm_id(tx, "task-1")
    assert task is not None
    assert (task.agreed, task.replicas) == (TASK, (TASK_COPY,))
    assert pauses.standing(tx) == PAUSED
    assert letters.marked(tx) == {LETTER: "parked"}
    assert delegates.stands(tx, PAIR)


def _mailing(tx: Connection) -> None:
    links.save(tx, INVITED)
    mails.enter(tx, MAIL, at=NOON)
    mails.end(tx, [MAIL.key], mails.State.SENT)
    nothing = delegates.of(tx, PAIR)
    delegates.save(tx, replace(nothing, done=GRANTED), was=nothing)


def _mails_are_there(tx: Connection) -> None:
    invited = links.by_uid(tx, "0402")
    assert invited is not None
    assert invited.awaited == ("u-bob",)
    (mail,) = mails.of_event(tx, "l-3", 4)
    assert (mail, mail.state) == (MAIL, mails.State.SENT)
    assert delegates.of(tx, PAIR).done == GRANTED
    assert delegates.in_force(tx, ["u-anna"]) == {("u-anna", "u-bob")}


RELEASES: dict[str, tuple[Callable[[Connection], None], Callable[[Connection], None]]] = {
    "0001": (_first, _first_is_there),
    "0006": (_both_ways, _both_ways_are_there),
    "0009": (_mailing, _mails_are_there),
}
"""By the tables' revision: what was kept from then on, and that it is there."""


async def leave() -> list[Path]:
    """Writes the texts of both databases as this version leaves them."""
    with tempfile.TemporaryDirectory() as folder, postgres.serving() as server:
        urls = {"sqlite": f"sqlite:///{folder}/store.sqlite", "postgresql": server.create()}
        return [await _left(kind, url) for kind, url in urls.items()]


async def _left(kind: str, url: str) -> Path:
    store = await Store.open(url)
    await store.write(fill)
    revision = await store.read(lambda tx: MigrationContext.configure(tx).get_current_revision())
    await store.close()
    place = PREVIOUS / f"{revision}.{kind}.sql"
    if place.exists():
        raise SystemExit(f"{place.name} is there already: what a release left is never changed")
    place.write_text(_of_sqlite(url) if kind == "sqlite" else _of_postgres(url))
    return place


def _of_sqlite(url: str) -> str:
    connection = sqlite3.connect(make_url(url).database or "")
    try:
        return "\n".join([*connection.iterdump(), ""])
    finally:
        connection.close()


def _of_postgres(url: str) -> str:
    """Without comments, and without settings of the session that makes it again."""
    command = [postgres.programs() / "bin" / "pg_dump", "--inserts", "--no-owner", "--no-privileges", "-d", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    left_out = re.compile(r"--|SET |\\|SELECT pg_catalog.set_config|$")
    return "\n".join([*(line for line in text.splitlines() if not left_out.match(line)), ""])


if __name__ == "__main__":
    for written in asyncio.run(leave()):
        sys.stdout.write(f"{written.name}\n")
