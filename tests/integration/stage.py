"""Everything as it is in production, in small: a real Kafka, Exchange and CRM as servers, the daemon as a process.

The sandbox Exchange hands its hints to the test, which puts them on the bus when and in what order it likes. The store
is where `tests.support.stores` says; several daemons of one group share a PostgreSQL.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Any

import aiohttp
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from daemon.app import SETTINGS_RELOADED
from daemon.sandbox.crm.bus import CrmOnKafka
from daemon.sandbox.exchange import PATH, ExchangeSandbox
from schemas import catalogue
from tests.support import stores

GROUP = "bank"
STORE = "store.sqlite"
SERVICE = ("sync@bank.example", "secret")
OUT = (catalogue.COMMANDS, catalogue.OUTCOMES, catalogue.DEAD_LETTERS)
IN = tuple(topic.name for topic in catalogue.TOPICS.values() if topic.flow is catalogue.Flow.IN)
_PROGRAM = Path(sys.executable).with_name("exsyncd")
_SHORT_CALLS = 'timeout = "4s"'
_SHORT_WAITS = 'retry_for = "1s"\nretry_wait = "100ms"\npark_for = "1s"'
_PORTS = range(20_000, 30_000)
_TURN = 0.1
_STILL_TURNS = 3
_PATIENCE = 90.0 + 0.2 * int(os.environ.get("EXSYNCD_TEST_MEETINGS", "0"))

Hint = tuple[str, bytes, bytes, list[tuple[str, bytes]]]


@dataclass(frozen=True)
class Said:
    """A record of a topic of the daemon's."""

    topic: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]

    @property
    def id(self) -> str:
        return dict(self.headers)["ce_id"].decode()

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads(self.value))


@dataclass
class Member:
    """One daemon of the group: its file of settings, its log, and its process while there is one."""

    config: Path
    connections: str
    log: Path
    metrics_url: str
    process: asyncio.subprocess.Process

    async def start(self) -> None:
        """Starts it again."""
        self.process = await _started(self.config, self.log)

    async def stop(self) -> None:
        """Tells it to stop; it must then end well."""
        await self.end()
        assert self.process.returncode == 0, f"the daemon ended with {self.process.returncode}, see {self.log}"

    async def end(self) -> None:
        """Tells it to stop, and returns when it has ended, however."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        await self.process.wait()

    async def set(self, settings: str) -> None:
        """The administrator changes its file of settings; returns when they are in force."""
        reloaded = self._reloads()
        self.config.write_text(settings + self.connections)
        self.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(_PATIENCE):
            while self._reloads() == reloaded:  # noqa: ASYNC110  # another process's log is no event of ours
                await asyncio.sleep(_TURN)

    def _reloads(self) -> int:
        return self.log.read_text().count(SETTINGS_RELOADED)


@dataclass
class Stage:
    """The running parts, and ways to act on them and to look. `store` is the place by which `stores` knows it."""

    exchange: ExchangeSandbox
    exchange_url: str
    crm: CrmOnKafka
    crm_url: str
    store: Path
    members: list[Member]
    prefix: str
    producer: AIOKafkaProducer
    watcher: AIOKafkaConsumer
    http: aiohttp.ClientSession
    held: list[Hint] = field(default_factory=list)

    async def start(self) -> None:
        """Starts all daemons again."""
        for member in self.members:
            await member.start()

    async def stop(self) -> None:
        """Tells all daemons to stop; they must then end well."""
        for member in self.members:
            await member.stop()

    async def end(self) -> None:
        """Tells all daemons to stop, and returns when they have ended, however."""
        for member in self.members:
            await member.end()

    async def announce(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """The CRM announces users, nodes, contacts, options; returns when they are in force."""
        async with self.http.put(f"{self.crm_url}/directory", json=list(entries)) as answer:
            assert answer.status == 200, await answer.text()
        await self.quiet()

    async def set(self, settings: str) -> None:
        """The administrator changes the settings of all daemons; returns when they are in force."""
        for member in self.members:
            await member.set(settings)

    async def take_hints(self) -> list[Hint]:
        """The hints of everything that happened since the last time."""
        await self.exchange.hints_published()
        taken, self.held[:] = list(self.held), []
        return taken

    async def deliver(self, hints: Iterable[Hint]) -> None:
        """Puts hints on the bus, and returns when everything they cause has happened."""
        await self.send(hints)
        await self.quiet()

    async def send(self, hints: Iterable[Hint]) -> None:
        """Puts hints on the bus."""
        sent = [
            await self.producer.send(self.prefix + topic, value, key=key, headers=headers)
            for topic, key, value, headers in hints
        ]
        await asyncio.gather(*sent)

    async def items(self) -> dict[str, list[dict[str, Any]]]:
        """The CRM's items that are not deleted, by UID."""
        async with self.http.get(f"{self.crm_url}/items") as answer:
            listed = await answer.json()
        found: dict[str, list[dict[str, Any]]] = {}
        for entry in listed:
            if not entry["deleted"]:
                found.setdefault(entry["uid"], []).append(entry)
        return found

    async def get(self, url: str) -> Any:
        """A JSON resource."""
        async with self.http.get(url) as answer:
            return await answer.json()

    async def metrics(self) -> str:
        """What all daemons measure."""
        found = ""
        for member in self.members:
            async with self.http.get(member.metrics_url) as answer:
                found += await answer.text()
        return found

    def logs(self) -> str:
        """What all daemons logged."""
        return "".join(member.log.read_text() for member in self.members)

    async def said(self) -> list[Said]:
        """Every record the daemon put out so far."""
        partitions = self._partitions(OUT)
        ends = await self.watcher.end_offsets(partitions)
        await self.watcher.seek_to_beginning(*partitions)
        self.watcher.pause(*(each for each in self.watcher.assignment() if each not in partitions))
        self.watcher.resume(*partitions)
        found: list[Said] = []
        async with asyncio.timeout(_PATIENCE):
            while any([await self.watcher.position(each) < ends[each] for each in partitions]):
                for source, records in (await self.watcher.getmany(timeout_ms=200)).items():
                    topic = source.topic.removeprefix(self.prefix)
                    found += [Said(topic, each.key, each.value, each.headers) for each in records]
        return found

    async def count(self) -> int:
        """How many records the daemon put out so far."""
        return sum((await self.watcher.end_offsets(self._partitions(OUT))).values())

    async def quiet(self) -> None:
        """Returns when everything on the bus was read and finished, and nothing comes any more."""
        async with asyncio.timeout(_PATIENCE):
            still, before = 0, None
            while still < _STILL_TURNS:
                for member in self.members:
                    assert member.process.returncode is None, f"the daemon ended, see {member.log}"
                state = await self._state()
                still = still + 1 if state is not None and state == before else 0
                before = state
                await asyncio.sleep(_TURN)

    async def ends(self) -> dict[TopicPartition, int]:
        """Where the topics that the daemon reads end, by their names in the catalogue."""
        ends = await self.watcher.end_offsets(self._partitions(IN))
        return {each._replace(topic=each.topic.removeprefix(self.prefix)): end for each, end in ends.items()}

    async def _state(self) -> object | None:
        """The ends of all topics; None while something is not finished."""
        ends = await self.watcher.end_offsets(self._partitions((*IN, catalogue.COMMANDS)))
        for source in self._partitions(IN):
            if ends[source] and (await self.watcher.committed(source) or 0) < ends[source]:
                return None
        commands = sum(ends[source] for source in self._partitions((catalogue.COMMANDS,)))
        return tuple(ends.values()) if len(self.crm.commands()) == commands else None

    def _partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        names = {self.prefix + topic for topic in topics}
        return sorted(each for each in self.watcher.assignment() if each.topic in names)


@asynccontextmanager
async def a_stage(
    folder: Path,
    *,
    kafka: str,
    prefix: str,
    exchange: ExchangeSandbox,
    held: list[Hint],
    settings: str,
    daemons: int = 1,
    in_a_hurry: bool = False,
) -> AsyncIterator[Stage]:
    """All parts running; `exchange`, not started yet, hands its hints to `held`. `settings` is the rest of the file.

    `in_a_hurry`: daemons give a call up soon, and do not put it away for long.
    """
    async with AsyncExitStack() as parts:
        url = await exchange.start()
        parts.push_async_callback(exchange.stop)
        crm = CrmOnKafka(kafka, prefix)
        places = [
            _Place(folder, number, kafka=kafka, prefix=prefix, exchange=url, port=_free_port(), in_a_hurry=in_a_hurry)
            for number in range(daemons)
        ]
        for place in places:
            place.config.write_text(settings + place.connections())
        await _topics(places[0].config)
        await crm.start()
        parts.push_async_callback(crm.stop)
        crm_url = await crm.start_http()
        http = await parts.enter_async_context(aiohttp.ClientSession())
        producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5)
        await producer.start()
        parts.push_async_callback(producer.stop)
        watcher = await _watcher(kafka, prefix)
        parts.push_async_callback(watcher.stop)
        stage = Stage(
            exchange=exchange,
            exchange_url=url,
            crm=crm,
            crm_url=crm_url,
            store=folder / STORE,
            members=[],
            prefix=prefix,
            producer=producer,
            watcher=watcher,
            http=http,
            held=held,
        )
        try:
            for place in places:
                stage.members.append(await place.member())
            yield stage
        finally:
            await stage.end()
        await stage.stop()


@dataclass(frozen=True)
class _Place:
    """Where one daemon of the group is to run."""

    folder: Path
    number: int
    kafka: str
    prefix: str
    exchange: str
    port: int
    in_a_hurry: bool = False

    @property
    def config(self) -> Path:
        return self.folder / f"exsyncd-{self.number}.toml"

    async def member(self) -> Member:
        """The daemon, started."""
        log = self.folder / f"daemon-{self.number}.log"
        return Member(
            config=self.config,
            connections=self.connections(),
            log=log,
            metrics_url=f"http://127.0.0.1:{self.port}/metrics",
            process=await _started(self.config, log),
        )

    def connections(self) -> str:
        """The part of its file of settings that never changes."""
        return f"""
[kafka]
bootstrap_servers = "{self.kafka}"
group_id = "{self.prefix}{GROUP}"
group_instance_id = "{self.prefix}{GROUP}-{self.number}"
topic_prefix = "{self.prefix}"
[store]
url = "{stores.url_of(self.folder / STORE)}"
[exchange]
endpoint = "{self.exchange}{PATH}"
username = "{SERVICE[0]}"
password = "{SERVICE[1]}"
{_SHORT_CALLS if self.in_a_hurry else ""}
[http]
bind = "127.0.0.1:{self.port}"
[logs]
level = "debug"
format = "json"
[hints]
settle = "50ms"
[engine]
commit_interval = "100ms"
poll_wait = "100ms"
{_SHORT_WAITS if self.in_a_hurry else ""}
"""


async def _topics(config: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        _PROGRAM,
        "topics",
        "--create",
        "--config",
        config,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def _watcher(kafka: str, prefix: str) -> AIOKafkaConsumer:
    """Sees all topics and what the daemon's group has committed, without being one of its members."""
    watcher = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=f"{prefix}{GROUP}", enable_auto_commit=False)
    await watcher.start()
    watcher.assign(
        [TopicPartition(prefix + each.name, n) for each in catalogue.TOPICS.values() for n in range(each.partitions)]
    )
    watcher.pause(*watcher.assignment())
    return watcher


async def _started(config: Path, log: Path) -> asyncio.subprocess.Process:
    """`exsyncd run`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EXSYNCD_")}
    with log.open("ab") as sink:
        return await asyncio.create_subprocess_exec(
            _PROGRAM, "run", "--config", config, stdout=sink, stderr=sink, env=environment
        )


def _free_port() -> int:
    """A port that nobody has; connections that somebody opens before the daemon takes it are numbered above."""
    for port in SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no port is free in {_PORTS}")
