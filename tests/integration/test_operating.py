"""What an operator does on the command line, with a real Kafka and a daemon that runs as a process."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.cli import cli
from daemon.sandbox.exchange import ExchangeSandbox, People
from schemas import catalogue
from tests.integration.stage import SERVICE, Hint, Stage, a_stage
from tests.support.house import node, person, user
from tests.support.kafka import Cluster
from tests.support.outlook import Outlook

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
ANNA = "anna@bank.example"
CANARY = "canary at dawn"
_NOTHING_SET: dict[str, str | None] = {name: None for name in os.environ if name.startswith("EXSYNCD_")} | {
    "COLUMNS": "200"
}
_PATIENCE = 60.0


async def exsyncd(*arguments: str, config: Path | None = None, **env: str) -> Result:
    """What a person runs on the command line; a process of its own would take the tests minutes to start."""
    given = [*arguments, "--config", str(config)] if config else arguments
    done = await asyncio.to_thread(CliRunner(env=_NOTHING_SET | env).invoke, cli, given)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


@asynccontextmanager
async def a_bank(folder: Path, kafka: str, prefix: str) -> AsyncIterator[Stage]:
    """Anna and Bob, and a daemon that knows them."""
    held: list[Hint] = []

    async def hold(topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        held.append((topic, key, value, headers))

    book = {
        "people": [person("anna"), person("bob")],
        "services": [{"username": SERVICE[0], "password": SERVICE[1], "impersonates": "*"}],
    }
    exchange = ExchangeSandbox(People.read(book), hold)
    async with a_stage(folder, kafka=kafka, prefix=prefix, exchange=exchange, held=held, settings="") as stage:
        await stage.announce([node("bank"), node("branch", "bank"), user("anna"), user("bob")])
        yield stage


async def meet(stage: Stage, name: str, subject: str) -> str:
    """Somebody makes a meeting in Outlook, and its hints come; the UID."""
    outlook = Outlook(stage.exchange_url, f"{name}@bank.example", name)
    uid: str = await asyncio.to_thread(outlook.meet, subject, start=TEN)
    await stage.deliver(await stage.take_hints())
    return uid


def calls(stage: Stage, mailbox: str) -> int:
    """How often the daemon asked for something in a mailbox."""
    asked = [each for each in stage.exchange.meter.report() if each["account"] == SERVICE[0]]
    return sum(int(each["count"]) for each in asked if each["mailbox"] == mailbox)


async def until_in_crm(stage: Stage, uid: str) -> None:
    async with asyncio.timeout(_PATIENCE):
        while uid not in await stage.items():
            await stage.quiet()


@pytest.mark.rule("OPS-1")
async def test_an_operator_pauses_a_user_and_resumes_him(tmp_path: Path, kafka: Cluster, kafka_prefix: str) -> None:
    """Given Anna paused from the command line, then nothing of hers moves, also after the daemon's restart; resumed,
    all of it comes in. Each command says what became of it, and its exit code does.
    """
    async with a_bank(tmp_path, kafka.bootstrap, kafka_prefix) as stage:
        config = stage.members[0].config
        dry = await exsyncd("request", "pause", "--user", "u-anna", "--dry-run", config=config)
        assert (dry.exit_code, dry.stdout.splitlines()[0]) == (
            0,
            "unchanged: nothing was done for u-anna, as asked; see below",
        )
        done = await exsyncd("request", "pause", "--user", "u-anna", "--by", "u-admin", config=config)
        assert (done.exit_code, done.stdout.partition(";")[0]) == (0, "applied: u-anna is paused")
        again = await exsyncd("request", "pause", "--user", "u-anna", "--json", config=config)
        assert again.exit_code == 0
        assert [(each["direction"], each["result"]) for each in json.loads(again.stdout)] == [("control", "unchanged")]

        before = calls(stage, ANNA)
        waiting, moving = await meet(stage, "anna", "Waiting"), await meet(stage, "bob", "Moving")
        await until_in_crm(stage, moving)
        await stage.stop()
        await stage.start()
        await stage.quiet()
        assert waiting not in await stage.items()
        assert calls(stage, ANNA) == before

        done = await exsyncd("request", "resume", "--user", "u-anna", config=config)
        assert (done.exit_code, done.stdout.partition(";")[0]) == (0, "applied: u-anna is resumed")
        await until_in_crm(stage, waiting)


async def test_what_cannot_be_done_is_said_and_fails(tmp_path: Path, kafka: Cluster, kafka_prefix: str) -> None:
    """Given a user nobody knows, a link, what is not built, and no daemon, then each is told so, and exits with 1."""
    async with a_bank(tmp_path, kafka.bootstrap, kafka_prefix) as stage:
        config = stage.members[0].config
        for arguments, said in [
            (("pause", "--user", "u-nobody"), "unknown user"),
            (("pause", "--link", "9f0c"), "scope must be system or a user"),
            (("rematch", "--contact", "c-7"), "this version does not rematch yet"),
        ]:
            done = await exsyncd("request", *arguments, config=config)
            assert done.exit_code == 1
            assert said in done.stdout
        await stage.stop()
        nobody = await exsyncd("request", "pause", "--timeout", "1.5", config=config)
        assert nobody.exit_code == 1
        assert "no daemon answered within 1.5 s" in nobody.stderr
        await stage.start()
        await stage.quiet()
        outcomes = [each.data for each in await stage.said() if each.topic == catalogue.OUTCOMES]
        answers = [each["result"] for each in outcomes if each["cause"]["type"] == "sync.pause.requested.v1"]
        assert sorted(answers) == ["applied", "refused", "refused"], "a daemon that comes later carries it out"


async def test_dead_letters_are_looked_at_put_back_and_put_aside(
    tmp_path: Path, kafka: Cluster, kafka_prefix: str
) -> None:
    """Given a record that breaks the contract, then it is listed by place and rule; shown on demand; put back byte for
    byte, and dies again as one that was replayed; put aside, it is listed no more.
    """
    async with a_bank(tmp_path, kafka.bootstrap, kafka_prefix) as stage:
        config = stage.members[0].config
        assert (await exsyncd("dead-letters", "list", config=config)).stdout == "no dead letters\n"
        value = json.dumps({"id": "si-1", "version": 1, "origin": "user", "after": {"subject": CANARY}}).encode()
        head = {"specversion": "1.0", "id": "e-1", "source": "crm", "type": "crm.schedule-item.created.v1"}
        headers = [(f"ce_{name}", text.encode()) for name, text in head.items()]
        await stage.deliver([(catalogue.SCHEDULE_ITEMS, b"si-1", value, headers)])

        listed = await exsyncd("dead-letters", "list", config=config)
        assert "after.start: is required" in listed.stdout
        assert "crm.schedule-items/" in listed.stdout
        assert CANARY not in listed.output
        [letter] = json.loads((await exsyncd("dead-letters", "list", "--json", config=config)).stdout)
        assert (letter["topic"], letter["kind"], letter["replays"]) == (catalogue.SCHEDULE_ITEMS, "decode", 0)

        shown = await exsyncd("dead-letters", "show", letter["letter"], config=config)
        assert "ce_id: e-1" in shown.stdout
        assert "x-dlq-original-topic: crm.schedule-items" in shown.stdout
        assert CANARY not in shown.output
        assert (await exsyncd("dead-letters", "show", letter["letter"], "--bytes", config=config)).stdout_bytes == value

        unsure = await exsyncd("dead-letters", "replay", letter["letter"], config=config)
        assert unsure.exit_code == 1, "nobody was there to say yes"
        done = await exsyncd("dead-letters", "replay", letter["letter"], "--yes", config=config)
        assert (done.exit_code, done.stdout) == (0, "put back 1\n")
        await stage.quiet()
        [again] = json.loads((await exsyncd("dead-letters", "list", "--json", config=config)).stdout)
        assert (again["offset"], again["replays"]) == (letter["offset"] + 1, 1)
        assert (await exsyncd("dead-letters", "show", again["letter"], "--bytes", config=config)).stdout_bytes == value

        parked = await exsyncd("dead-letters", "park", again["letter"], config=config)
        assert (parked.exit_code, parked.stdout) == (0, "parked 1\n")
        assert (await exsyncd("dead-letters", "list", config=config)).stdout == "no dead letters\n"
        every = json.loads((await exsyncd("dead-letters", "list", "--every", "--json", config=config)).stdout)
        assert [each["fate"] for each in every] == ["replayed", "parked"]
        assert (await exsyncd("dead-letters", "park", "0/999", config=config)).exit_code == 1


@pytest.mark.parametrize("command", [("request", "pause"), ("dead-letters", "list")])
async def test_what_is_in_the_way_is_said_on_one_screen(
    command: tuple[str, ...], kafka: Cluster, kafka_prefix: str
) -> None:
    """Given nothing set, no broker, or no topics, then the command says what to do."""
    unset = await exsyncd(*command)
    assert unset.exit_code == 2
    assert "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS" in unset.stderr
    away = await exsyncd(*command, EXSYNCD_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert (away.exit_code, away.stdout) == (1, "")
    assert "no Kafka broker answers at 127.0.0.1:1" in away.stderr
    env = {"EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap, "EXSYNCD_KAFKA__TOPIC_PREFIX": kafka_prefix}
    missing = await exsyncd(*command, **env)
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "exsyncd topics --create" in missing.stderr
    assert max(len(done.stderr.splitlines()) for done in (unset, away, missing)) <= 15
