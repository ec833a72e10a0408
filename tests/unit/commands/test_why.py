"""`exsyncd why`: an item's decisions in both directions, where it stands, and what waits."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection

from daemon.cli import cli
from daemon.store import history, links, parked, pauses, task_links
from daemon.store.store import Store
from handlers.links import Link, Replica, State
from handlers.pausing import Pauses
from handlers.task_links import TaskLink, TaskReplica
from schemas import catalogue
from schemas.items import ScheduleItem

LINK, UID, TASK_LINK = "9f0c", "040000008200E0", "7a11"
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
ANNA, BOB = "anna@bank.example", "bob@bank.example"


def outcome(**said: Any) -> dict[str, Any]:
    """An outcome as it is kept."""
    cause = {"type": "crm.schedule-item.updated.v1", "topic": catalogue.SCHEDULE_ITEMS, "partition": 3, "offset": 42}
    known = {"link": LINK, "direction": "outbound", "result": "applied", "reason": None, "cause": cause, "actor": None}
    return known | {"writes": [], "mails": [], "options": [], "explain": [], "conflicts": []} | said


INBOUND = outcome(
    direction="inbound",
    cause={"type": "exchange.item.modified.v1", "topic": "exchange.notifications", "partition": 3, "offset": 7},
    options=[
        {
            "key": "for_contacts.security_check",
            "user": "u-anna",
            "value": True,
            "level": "system",
            "effect": ["for:c-7"],
        }
    ],
    explain=[{"rule": "FOR-5", "about": "c-7", "decision": "external", "because": "not visible to u-bob"}],
)
OUTBOUND = outcome(
    reason="partly",
    actor={"user": "u-gina", "on_behalf_of": "u-anna"},
    writes=[
        {"mailbox": ANNA, "operation": "update", "fields": ["subject", "alarm"]},
        {"mailbox": BOB, "operation": "create", "fields": ["subject"]},
    ],
    explain=[{"rule": "ID-6", "about": "location", "decision": "refused", "because": "read_only: put back"}],
    conflicts=[{"field": "subject", "winner": "crm"}],
    mails=[
        {"mode": "all", "from": "u-anna", "sender": "u-gina", "recipients": 2, "why": "INV-3"},
        {"mode": "added", "from": "u-anna", "sender": None, "recipients": 1, "why": "INV-3"},
    ],
)
HELD = outcome(link=None, result="held", reason="denied")
GRANT = outcome(
    link=None,
    direction="control",
    cause={**OUTBOUND["cause"], "type": "crm.delegation.granted.v1", "topic": catalogue.DELEGATIONS},
    writes=[{"mailbox": ANNA, "operation": "add_delegate", "fields": ["calendar"]}],
    explain=[{"rule": "INV-1", "about": "u-ben", "decision": "kept", "because": "may act for u-anna"}],
)
TASKS = outcome(link=TASK_LINK, cause={**OUTBOUND["cause"], "type": "crm.task.created.v1", "topic": catalogue.TASKS})


def remember(tx: Connection) -> None:
    """A meeting with a direct copy, of which an edit waits, and a task for Bob."""
    replicas = (Replica(ANNA, "u-anna", "item-1"), Replica(BOB, "u-bob", "item-2", direct=True))
    exchange = ScheduleItem(subject="canary", owner="u-anna")
    ids = {"crm_id": "si-1", "uid": UID}
    meeting = Link(LINK, **ids, state=State.ACTIVE, crm_version=5, revision=8, crm_revision=7, exchange=exchange)
    links.save(tx, replace(meeting, replicas=replicas))
    copy = TaskReplica(BOB, "u-bob")
    task_links.save(tx, TaskLink(id=TASK_LINK, crm_id="task-1", state=State.ACTIVE, crm_version=1, replicas=(copy,)))
    commands = ({"type": "upsert", "revision": 7, "changed": ["subject", "for"]}, None)
    for number, (said, command) in enumerate(zip((INBOUND, OUTBOUND), commands, strict=True)):
        add(tx, said, command, link=LINK, minute=number, **ids)
    add(tx, HELD, None, link="si-1", minute=2, crm_id=None, uid=None)
    add(tx, TASKS, None, link=TASK_LINK, minute=3, crm_id="task-1", uid=None)
    add(tx, GRANT, None, link="u-anna:u-ben", minute=4, crm_id=None, uid=None)
    wait(tx, catalogue.SCHEDULE_ITEMS, "si-1", lane=b"si-1")
    wait(tx, catalogue.SCHEDULE_ITEMS, "si-2", lane=b"si-2")
    wait(tx, catalogue.NOTIFICATIONS, BOB, lane=("item", BOB, "item-9"))
    pauses.change(tx, before=Pauses(), after=Pauses(users=frozenset({"u-bob", "u-cleo"})), since=NINE, by="u-admin")


def add(tx: Connection, said: Any, command: Any, *, minute: int, **ids: Any) -> None:
    kept = json.dumps({"outcome": said, "command": command})
    history.add(tx, outcome_json=kept, at=NINE + timedelta(minutes=minute), **ids)


def wait(tx: Connection, topic: str, whom: str, *, lane: object) -> None:
    """Parks a record as the daemon does."""
    key, due = f"{topic}:{lane!r}", NINE + timedelta(hours=1)
    parked.park(tx, key=key, kind=topic, due=due, reason="denied", payload=b"", waits_for=whom)


async def _remembered(url: str) -> None:
    store = await Store.open(url)
    await store.write(remember)
    await store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that remembers all of this."""
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/store.sqlite" if is_file else str(request.getfixturevalue("postgres_url"))
    asyncio.run(_remembered(url))
    return url


def why(item: str, url: str, *more: str, width: int = 200) -> Result:
    return CliRunner(env={"COLUMNS": str(width)}).invoke(cli, ["why", item, "--store", url, *more])


@pytest.mark.rule("OPT-5")
@pytest.mark.parametrize("item", [LINK, UID, "si-1"])
def test_it_tells_what_came_in_by_rule_and_option(url: str, item: str) -> None:
    """By link, UID or CRM id: why somebody is not in For."""
    told = why(item, url)
    assert told.exit_code == 0
    assert "Exchange to CRM  applied" in told.output
    assert "exchange.item.modified.v1, exchange.notifications/3@7" in told.output
    assert "told the CRM: subject, for, revision 7" in told.output
    assert "option for_contacts.security_check is on for u-anna (from system): for:c-7" in told.output
    assert "FOR-5    c-7: external, not visible to u-bob" in told.output


@pytest.mark.rule("CON-2", "ID-6")
def test_it_tells_who_changed_what_in_the_crm_and_what_was_written_where(url: str) -> None:
    told = why("si-1", url).output
    assert "CRM to Exchange  applied (partly)" in told
    assert "crm.schedule-item.updated.v1, crm.schedule-items/3@42, by u-gina for u-anna" in told
    assert f"wrote to {ANNA}: subject, alarm" in told
    assert f"created in {BOB}: subject" in told
    assert "CON-2    subject: both sides had changed it, the CRM's stands" in told
    assert "ID-6     location: refused, read_only: put back" in told


@pytest.mark.rule("INV-2", "INV-4")
def test_it_tells_how_many_were_mailed_in_whose_name_and_why(url: str) -> None:
    told = why("si-1", url).output
    assert "mailed to 2 by u-gina on behalf of u-anna: notify all (INV-3)" in told
    assert "mailed to 1 by u-anna: notify added (INV-3)" in told


@pytest.mark.rule("INV-1")
def test_of_two_users_it_tells_who_may_act_for_whom(url: str) -> None:
    told = why("u-anna:u-ben", url)
    assert told.exit_code == 0
    assert f"made a delegate in {ANNA}: calendar" in told.output
    assert "INV-1    u-ben: kept, may act for u-anna" in told.output


@pytest.mark.parametrize("item", [LINK, "si-1"])
def test_what_is_held_is_told_with_the_rest_in_order(url: str, item: str) -> None:
    """It was noted under the CRM's id, for nobody had looked at the link yet."""
    told = why(item, url).output
    assert told.index("Exchange to CRM  applied") < told.index("applied (partly)") < told.index("held (denied)")


def test_where_it_stands_comes_first(url: str) -> None:
    """Versions, copies, and what of it waits: only its own."""
    told = why("si-1", url).output.partition("2026-11-23")[0]
    assert "si-1: on both sides" in told
    assert "the CRM's version 5; was told revision 8, but has taken 7 so far" in told
    assert f"copy of u-anna in {ANNA} (the copy that counts)" in told
    assert f"copy of u-bob in {BOB} (a direct copy)" in told
    assert told.count("waits") == 1
    assert "crm.schedule-items waits: denied, again at 10:00:00" in told
    assert "paused: u-bob\n" in told


def test_a_task_is_told_like_a_meeting(url: str) -> None:
    told = why("task-1", url).output
    assert "task-1: on both sides" in told
    assert f"copy of u-bob in {BOB} (to be made)" in told
    assert "crm.task.created.v1, crm.tasks/3@42" in told
    assert "nothing was to be done on the other side" in told


def test_for_scripts_it_is_json(url: str) -> None:
    told = json.loads(why("si-1", url, "--json").output)
    assert [each["crm_id"] for each in told["items"]] == ["si-1"]
    assert [each["outcome"]["result"] for each in told["decisions"]] == ["applied", "applied", "held"]
    assert told["decisions"][0]["command"]["revision"] == 7


def test_it_fits_a_terminal_of_80_columns_and_a_file(url: str) -> None:
    """What is to be copied stays whole; nothing has blanks behind it."""
    lines = why("si-1", url, width=80).output.splitlines()
    assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []
    assert "    option for_contacts.security_check is on for u-anna (from system):" in lines
    assert "        for:c-7" in lines


@pytest.mark.rule("PRIV-5")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_it_never_tells_content(url: str, more: tuple[str, ...]) -> None:
    assert "canary" not in why("si-1", url, *more).output


def test_an_item_nobody_knows_is_said_so(url: str) -> None:
    told = why("si-99", url)
    assert told.exit_code == 1
    assert "nothing is known of si-99" in told.output


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    told = why("si-1", f"sqlite:///{tmp_path}/missing.sqlite")
    assert told.exit_code == 1
    assert "missing.sqlite" in told.output
    assert not (tmp_path / "missing.sqlite").exists()


@pytest.mark.parametrize("given", ["nonsense", "/var/lib/exsyncd/exsyncd.sqlite", "mysql://crm/db"])
def test_what_is_no_store_is_refused_with_what_is_one(given: str) -> None:
    told = why("si-1", given)
    assert told.exit_code == 2
    assert "must be sqlite:///PATH (four slashes for an absolute path)" in told.output
