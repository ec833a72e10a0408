"""The house in which the day is played: a broker, an Exchange, a CRM, and the daemon between them.

The first three are the sandbox's (the broker may be a real one), the daemon is put together as `exsyncd run` does it.
They know of each other what goes over the network, no more; what people and the demo itself do goes over HTTP too.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import structlog

from daemon import wiring
from daemon.app import Daemon, Outside, opened
from daemon.bus.kafka import KafkaAdmin, KafkaConsumer, KafkaProducer, KafkaSettings
from daemon.bus.port import Consumer, TopicPartition
from daemon.demo import cast
from daemon.demo.desk import Desk
from daemon.demo.evidence import PATIENCE, NotSo, waited_for
from daemon.demo.ews import Ews
from daemon.demo.outlook import Outlook
from daemon.demo.post import Post
from daemon.demo.witness import Witness
from daemon.exchange.ews.backend import EwsExchange
from daemon.observe import logs
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.observe.progress import Progress
from daemon.sandbox.broker import EmbeddedBroker
from daemon.sandbox.crm.bus import CrmOnKafka
from daemon.sandbox.exchange import PATH, ExchangeSandbox, People
from daemon.settings.models import Settings
from schemas import catalogue

GROUP = "exsyncd"
_READ = tuple(topic.name for topic in catalogue.TOPICS.values() if topic.flow is catalogue.Flow.IN)
_STILL = 2  # looks in a row at which nothing had moved
_NEXT_LOOK = timedelta(milliseconds=20)
_QUICK = KafkaSettings(
    bootstrap_servers="",
    group_id=GROUP,
    fetch_wait=timedelta(milliseconds=20),
    metadata_max_age=timedelta(seconds=5),
)
_EMBEDDED_SESSION = timedelta(seconds=3)  # what the mock broker allows for


@dataclass(frozen=True, slots=True)
class Urls:
    """Where everything can be reached while it runs."""

    kafka: str
    exchange: str
    crm: str
    health: str


@dataclass(frozen=True, slots=True)
class Stage:
    """The running house, and ways to act in it and to look at it."""

    urls: Urls
    folder: Path
    store_url: str
    topic_prefix: str
    running: asyncio.Task[None]
    """Ends with the daemon."""
    witness: Witness
    post: Post
    session: aiohttp.ClientSession
    exchange: ExchangeSandbox
    consumer: Consumer
    producer: KafkaProducer

    @property
    def log_file(self) -> Path:
        return log_file(self.folder)

    def outlook(self, who: str) -> Outlook:
        """A person of the bank at his desk."""
        return Outlook(Ews(self.session, self.urls.exchange + PATH, cast.address(who), password=who))

    def crm(self, who: str) -> Desk:
        """A person of the bank in the CRM."""
        return Desk(self.session, self.urls.crm, cast.user(who))

    async def read(self, url: str) -> bytes:
        """What a GET answers."""
        async with self.session.get(url, raise_for_status=True) as response:
            return await response.read()

    async def fetch(self, url: str) -> Any:
        """What a GET answers in JSON."""
        return json.loads(await self.read(url))

    async def metric(self, name: str) -> float:
        """What the daemon's /metrics say of a metric without labels; 0 if nothing."""
        lines = (await self.read(f"{self.urls.health}/metrics")).decode().splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0.0)

    async def items(self) -> list[dict[str, Any]]:
        """What the CRM lists, deleted items too."""
        return list(await self.fetch(f"{self.urls.crm}/items"))

    async def announce(self, *entries: Mapping[str, Any]) -> None:
        """The CRM announces users, nodes, contacts or options."""
        async with self.session.put(
            f"{self.urls.crm}/directory", json=list(entries), raise_for_status=True
        ) as response:
            await response.read()

    async def invite_from_outside(self, invitation: Mapping[str, object]) -> str:
        """Somebody who has no mailbox here invites; the meeting's UID."""
        url = f"{self.urls.exchange}/sandbox/external-meetings"
        async with self.session.post(url, json=invitation, raise_for_status=True) as response:
            return str((await response.json())["uid"])

    async def quiet(self) -> None:
        """Returns when all hints are out, everything was finished and committed, and the CRM has answered.

        Raises `NotSo` if that does not come to be.
        """
        still = 0
        before: Mapping[TopicPartition, int] = {}
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                while still < _STILL:
                    await self.exchange.hints_published()
                    ends = await self.witness.ends(list(catalogue.TOPICS))
                    settled = ends == before and await self._is_finished(ends)
                    still, before = still + 1 if settled else 0, ends
                    await asyncio.sleep(_NEXT_LOOK.total_seconds())
        except TimeoutError:
            raise NotSo("everything that was caused is finished", "records that are not committed yet") from None

    async def _is_finished(self, ends: Mapping[TopicPartition, int]) -> bool:
        if not self.witness.has_read(ends):
            return False
        answered = await self.fetch(f"{self.urls.crm}/sandbox/commands")
        if len(answered) < len(self.witness.of(catalogue.COMMANDS)):
            return False
        wanted = {source: end for source, end in ends.items() if source.topic in _READ and end}
        committed = await self.consumer.committed(list(wanted))
        return all(committed.get(source, 0) >= end for source, end in wanted.items())


def log_file(folder: Path) -> Path:
    """Where the daemon's log goes meanwhile."""
    return folder / "exsyncd.log"


def new_folder() -> Path:
    """A folder of this play's own; it stays, for `exsyncd why` and for whoever wants to read the log."""
    return Path(tempfile.mkdtemp(prefix="exsyncd-demo-"))


@asynccontextmanager
async def built(folder: Path, *, kafka: str | None) -> AsyncIterator[Stage]:
    """The house, with the directory read and the daemon at work. Raises `BrokerMissing`, `BusError`, `NotSo`."""
    async with AsyncExitStack() as parts:
        parts.enter_context(_logging_to(log_file(folder)))
        bus = await _bus(parts, kafka)
        witness = Witness(KafkaConsumer(replace(bus, group_id=f"{bus.group_id}-witness")), list(catalogue.TOPICS))
        await witness.start()
        parts.push_async_callback(witness.stop)
        producer = await _started(parts, KafkaProducer(bus))
        post = Post(producer)
        exchange = ExchangeSandbox(People.read(cast.people_file()), post.publish)
        exchange_url = await exchange.start()
        parts.push_async_callback(exchange.stop)
        crm_url = await _crm(parts, bus)
        settings = _settings(folder, bus, exchange_url)
        metrics = Metrics(topics=catalogue.TOPICS, version=metadata.version("exsyncd"))
        consumer = KafkaConsumer(bus)
        ews = EwsExchange(wiring.ews_config(settings), observe=wiring.counting(metrics))
        outside = Outside(consumer, KafkaProducer(bus), ews)
        daemon, running = await parts.enter_async_context(_working(settings, outside, metrics))
        yield Stage(
            urls=Urls(bus.bootstrap_servers, exchange_url, crm_url, await _health(parts, daemon, metrics)),
            folder=folder,
            store_url=settings.store.url,
            topic_prefix=bus.topic_prefix,
            running=running,
            witness=witness,
            post=post,
            session=await parts.enter_async_context(aiohttp.ClientSession()),
            exchange=exchange,
            consumer=consumer,
            producer=producer,
        )


async def _bus(parts: AsyncExitStack, kafka: str | None) -> KafkaSettings:
    """The embedded broker, where topics appear; or a real one, with topics under a prefix of their own."""
    if kafka is None:
        broker = EmbeddedBroker()
        parts.callback(broker.stop)
        quick = replace(_QUICK, session_timeout=_EMBEDDED_SESSION, topics_appear=True)
        return replace(quick, bootstrap_servers=broker.start())
    prefix = f"exsyncd-demo-{uuid4().hex[:6]}."
    bus = replace(_QUICK, bootstrap_servers=kafka, group_id=f"{prefix}{GROUP}", topic_prefix=prefix)
    await _create_topics(bus, catalogue.TOPICS.values())
    return bus


async def _started(parts: AsyncExitStack, producer: KafkaProducer) -> KafkaProducer:
    await producer.start()
    parts.push_async_callback(producer.stop)
    return producer


async def _crm(parts: AsyncExitStack, bus: KafkaSettings) -> str:
    """The CRM, which has announced everybody; its base URL."""
    crm = CrmOnKafka(bus.bootstrap_servers, bus.topic_prefix)
    parts.push_async_callback(crm.stop)
    await crm.start()
    await crm.announce(cast.directory())
    return await crm.start_http()


async def _create_topics(bus: KafkaSettings, topics: Collection[catalogue.Topic]) -> None:
    """Makes the topics, and returns when the broker shows all of them."""
    admin = KafkaAdmin(bus)
    await admin.start()
    try:
        await admin.create(topics)

        async def all_there() -> bool | None:
            return len(await admin.topics()) == len(topics) or None

        await waited_for(all_there, expected="the topics are there", instead=lambda: "some are not")
    finally:
        await admin.stop()


def _settings(folder: Path, bus: KafkaSettings, exchange_url: str) -> Settings:
    """As they are by default, with short waits."""
    username, password = cast.SERVICE
    return Settings.model_validate(
        {
            "kafka": {
                "bootstrap_servers": bus.bootstrap_servers,
                "group_id": bus.group_id,
                "topic_prefix": bus.topic_prefix,
            },
            "store": {"url": f"sqlite:///{folder / 'exsyncd.sqlite'}"},
            "exchange": {"endpoint": exchange_url + PATH, "username": username, "password": password},
            "hints": {"settle": "50ms"},
            "engine": {"commit_interval": "50ms", "poll_wait": "50ms"},
        }
    )


@asynccontextmanager
async def _working(
    settings: Settings, outside: Outside, metrics: Metrics
) -> AsyncIterator[tuple[Daemon, asyncio.Task[None]]]:
    """The daemon, ready, and its run. Raises `NotSo` if it does not become so, else what ended it."""
    stop = asyncio.Event()
    async with opened(settings, outside=outside, metrics=metrics, version=metadata.version("exsyncd")) as daemon:
        running = asyncio.create_task(daemon.run(stop), name="demo-daemon")
        try:
            await _ready(daemon, running)
            yield daemon, running
        finally:
            stop.set()
            await running


async def _ready(daemon: Daemon, running: asyncio.Task[None]) -> None:
    def failing() -> str:
        return "; ".join(said for check in daemon.checks().values() if (said := check()))

    async def ready() -> bool | None:
        if running.done():
            raise NotSo("the daemon is ready", "it ended")
        return not failing() or None

    await waited_for(ready, expected="the daemon is ready", instead=failing)


async def _health(parts: AsyncExitStack, daemon: Daemon, metrics: Metrics) -> str:
    progress = Progress(daemon.ticks, stuck_after=daemon.settings.engine.stuck_after)
    health = Health(metrics, progress=progress, checks=daemon.checks())
    parts.push_async_callback(health.stop)
    return f"http://127.0.0.1:{await health.start('127.0.0.1', 0)}"


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """The log goes into a file, for the terminal is the story's; afterwards all is as it was."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    with path.open("w", encoding="utf-8") as stream:
        logs.configure("info", form="json", stream=stream)
        try:
            yield
        finally:
            logging.captureWarnings(False)
            root.handlers[:] = handlers
            root.setLevel(level)
            structlog.configure(**before)
