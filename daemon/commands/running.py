"""`exsyncd run`: from settings to a daemon that works until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from importlib import metadata
from pathlib import Path

import structlog

from daemon import garbage, wiring
from daemon import settings as configuration
from daemon.app import Daemon, Outside, opened
from daemon.bus.kafka import KafkaAdmin, KafkaConsumer, KafkaProducer, KafkaSettings
from daemon.bus.port import BusError, MissingTopics, Unreachable
from daemon.bus.verify import verify
from daemon.commands.refusals import CannotGoOn
from daemon.exchange.ews.backend import EwsExchange
from daemon.exchange.port import ExchangeError, Misconfigured
from daemon.observe import logs
from daemon.observe.health import CannotListenError, Health
from daemon.observe.metrics import Metrics
from daemon.observe.progress import Progress
from daemon.observe.systemd import Notifier
from daemon.settings.errors import SettingsError
from daemon.settings.models import Settings
from daemon.store.errors import StoreError
from schemas import catalogue

log = structlog.get_logger(__name__)

EXCHANGE_UNREACHABLE = "exchange.unreachable"
SETTINGS_REFUSED = "settings.refused"
RESTART_NEEDED = "settings.restart_needed"
STOPPING = "daemon.stopping"

_STOP_MARGIN = timedelta(seconds=15)
_KAFKA_PATIENCE = timedelta(seconds=15)


def version() -> str:
    """The version that is installed."""
    return metadata.version("exsyncd")


async def run(config: Path | None, env: Mapping[str, str]) -> None:
    """Runs the daemon. Raises `CannotGoOn` with a text for the operator."""
    settings = load(config, env)
    logs.configure(settings.logs.level, form=settings.logs.format)
    logs.catch_uncaught()
    metrics = Metrics(topics=catalogue.TOPICS, version=version())
    kafka = wiring.kafka_settings(settings)
    exchange = EwsExchange(wiring.ews_config(settings), observe=wiring.counting(metrics))
    outside = Outside(KafkaConsumer(kafka), KafkaProducer(kafka), exchange)
    try:
        await _check_bus(kafka)
        await _check_exchange(exchange, settings)
        async with opened(settings, outside=outside, metrics=metrics, version=version()) as daemon:
            garbage.look_seldom()
            await _serve(daemon, metrics, config=config, env=env)
    except StoreError as error:
        raise CannotGoOn("the store cannot be used", [str(error)], _STORE_REMEDIES) from error
    except MissingTopics as error:
        raise _missing_topics([f"{topic}: is missing" for topic in error.topics]) from error
    except Unreachable as error:
        raise _no_broker(kafka) from error
    except BusError as error:
        raise CannotGoOn("the bus failed", [f"{type(error).__name__}: {error}"], ["Look at the log above."]) from error
    finally:
        await exchange.close()


def load(config: Path | None, env: Mapping[str, str]) -> Settings:
    """The settings. Raises `CannotGoOn`."""
    try:
        return configuration.load(config, env)
    except SettingsError as error:
        remedies = ["`exsyncd settings` prints every setting with its default and what it does."]
        if config is None:
            remedies.insert(0, "Set the environment variables named above, or write them into a file: --config FILE.")
        raise CannotGoOn(str(error), remedies=remedies, status=2) from error


async def _check_bus(kafka: KafkaSettings) -> None:
    admin = KafkaAdmin(kafka)
    try:
        async with asyncio.timeout(_KAFKA_PATIENCE.total_seconds()):
            await admin.start()
            problems = await verify(admin, catalogue.TOPICS.values())
    except (Unreachable, TimeoutError) as error:
        raise _no_broker(kafka) from error
    finally:
        with suppress(BusError):
            await admin.stop()
    if problems:
        raise _missing_topics([str(problem) for problem in problems])


async def _check_exchange(exchange: EwsExchange, settings: Settings) -> None:
    """A wrong password must not be tried again and again; an Exchange that is down may come back."""
    try:
        await exchange.probe()
    except Misconfigured as error:
        raise CannotGoOn(
            f"Exchange at {settings.exchange.endpoint} does not let us in",
            [f"It answered {error.code} to {settings.exchange.username or 'us'} ({settings.exchange.auth})."],
            [
                "Check exchange.username and exchange.password (EXSYNCD_EXCHANGE__USERNAME, EXSYNCD_EXCHANGE__PASSWORD "
                "or EXSYNCD_EXCHANGE__PASSWORD_FILE).",
                "Check exchange.endpoint: it usually ends in /EWS/Exchange.asmx.",
                "Check that the server offers this way to sign in (exchange.auth).",
            ],
            status=2,  # no supervisor may try a password again and again
        ) from error
    except ExchangeError as error:
        log.warning(EXCHANGE_UNREACHABLE, code=error.code)


async def _serve(daemon: Daemon, metrics: Metrics, *, config: Path | None, env: Mapping[str, str]) -> None:
    settings = daemon.settings
    progress = Progress(daemon.ticks, stuck_after=settings.engine.stuck_after)
    health = Health(metrics, progress=progress, checks=daemon.checks())
    notifier = Notifier.from_environment(env)
    stop = asyncio.Event()
    async with AsyncExitStack() as parts:
        parts.push_async_callback(health.stop)
        address = settings.http.address
        try:
            await health.start(address.host, address.port)
        except CannotListenError as error:
            raise CannotGoOn(str(error), [], ["Set http.bind (EXSYNCD_HTTP__BIND) to a free HOST:PORT."]) from error
        await parts.enter_async_context(_signals(daemon, stop, notifier=notifier, config=config, env=env))
        watching = [
            asyncio.create_task(notifier.keep_alive(progress)),
            asyncio.create_task(
                notifier.ready_after(daemon.engine.caught_up(), progress=progress, status="reading the bus")
            ),
        ]
        try:
            await daemon.run(stop)
        finally:
            for task in watching:
                task.cancel()


@asynccontextmanager
async def _signals(
    daemon: Daemon, stop: asyncio.Event, *, notifier: Notifier, config: Path | None, env: Mapping[str, str]
) -> AsyncIterator[None]:
    """SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reads the settings anew."""
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def end() -> None:
        if stop.is_set():
            os._exit(1)
        log.info(STOPPING)
        notifier.stopping(within=daemon.settings.kafka.rebalance_timeout + _STOP_MARGIN)
        stop.set()

    def reload() -> None:
        task = asyncio.create_task(_reload(daemon, config, env))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGTERM, end)
    loop.add_signal_handler(signal.SIGINT, end)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def _reload(daemon: Daemon, config: Path | None, env: Mapping[str, str]) -> None:
    try:
        fresh = configuration.reload(daemon.settings, config, env)
    except SettingsError as error:
        log.error(SETTINGS_REFUSED, problems=[f"{problem.path}: {problem.rule}" for problem in error.problems])
        return
    if fresh.needs_restart:
        log.warning(RESTART_NEEDED, settings=fresh.needs_restart)
    await daemon.reload(fresh.settings)


def _no_broker(kafka: KafkaSettings) -> CannotGoOn:
    return CannotGoOn(
        f"no Kafka broker answers at {kafka.bootstrap_servers}",
        [f"Tried with {kafka.security_protocol}, as {kafka.client_id}."],
        [
            "Check kafka.bootstrap_servers (EXSYNCD_KAFKA__BOOTSTRAP_SERVERS) and that the broker runs.",
            "Where the brokers want TLS or a password: kafka.security_protocol, kafka.sasl_*, kafka.ssl_*.",
            "To see the daemon work without a Kafka: `exsyncd demo`.",
        ],
    )


def _missing_topics(findings: list[str]) -> CannotGoOn:
    return CannotGoOn(
        "the topics are not as they must be; nothing is ever created on the way",
        findings,
        [
            "`exsyncd topics --create` makes what is missing (with the same settings).",
            "`exsyncd topics` prints them all, with their settings and the rights the daemon needs.",
            "If the topics exist under a prefix: kafka.topic_prefix (EXSYNCD_KAFKA__TOPIC_PREFIX).",
        ],
    )


_STORE_REMEDIES = (
    "Check store.url (EXSYNCD_STORE__URL): sqlite:///PATH, four slashes for an absolute path, or "
    "postgresql://USER:PASSWORD@HOST/DATABASE.",
    "A file's folder must exist and be writable by the daemon, and no other daemon may use the same file.",
    "`exsyncd check` looks at it more closely.",
)
