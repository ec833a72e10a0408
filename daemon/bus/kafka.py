"""The port on a real Kafka. The one file that imports aiokafka, and knows its ways.

Rebalances are eager (everything is revoked each time), what a listener raises is swallowed, a cancelled poll kills the
consumer's liveness, and a producer that failed once for good counts its sequence wrongly ever after
(https://github.com/aio-libs/aiokafka/issues/1017): it is dropped and made anew. Topics are never made on the way:
whether they exist is asked before anything names them to the client, which would create them where the broker allows.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import Any

import aiokafka
import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    CommitFailedError,
    ConsumerStoppedError,
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    IllegalSaslStateError,
    IllegalStateError,
    KafkaError,
    MessageSizeTooLargeError,
    NotCoordinatorForGroupError,
    RebalanceInProgressError,
    SaslAuthenticationFailed,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.helpers import create_ssl_context

from daemon.bus.port import (
    BusError,
    Headers,
    Listener,
    MissingTopics,
    NotAllowed,
    NotOwner,
    NotTrusted,
    Outgoing,
    Record,
    SignInRefused,
    TooLarge,
    TopicPartition,
    TopicSpec,
    TopicState,
    Undeliverable,
    Unreachable,
)

log = structlog.get_logger(__name__)

PRODUCER_REBUILT = "producer.rebuilt"
CLIENT_STOP_FAILED = "client.stop_failed"

_STOP = timedelta(seconds=10)
_MOST_REPLICAS = 3
_BATCH_BYTES = 256 * 1024  # what a full one does not take waits for it, at several times the cost of a record that fits
_LOOKS = (0.05, 0.1, 0.2, 0.4, 0.0)  # seconds after each look
_LOOKS_AT_NEW = (*_LOOKS[:-1], *(0.5,) * 60)  # what was just made shows late on a broker that has just started
_LOOKS_AT_GROUP = (0.1, 0.2, 0.4, 0.8, 1.6)  # a broker begins to look after groups when first asked about one
_NOT_YET = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)
_NO_TOPIC = 3  # UNKNOWN_TOPIC_OR_PARTITION
_SIGN_IN = (
    AuthenticationFailedError,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
_RIGHTS = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """How to reach the brokers, and as whom. The names are those of the settings `kafka.*`."""

    bootstrap_servers: str
    group_id: str = "exsyncd"
    group_instance_id: str | None = None
    client_id: str = "exsyncd"
    topic_prefix: str = ""
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_keypassword: str | None = field(default=None, repr=False)
    ssl_check_hostname: bool = True
    session_timeout: timedelta = timedelta(seconds=45)
    rebalance_timeout: timedelta = timedelta(seconds=30)
    request_timeout: timedelta = timedelta(seconds=40)
    send_timeout: timedelta = timedelta(seconds=30)
    fetch_wait: timedelta = timedelta(milliseconds=100)
    metadata_max_age: timedelta = timedelta(seconds=30)
    max_request_bytes: int = 16 * 1024 * 1024  # the broker judges sizes, by topic; the client only bounds its memory
    topics_appear: bool = False  # an embedded test broker knows no admin calls and makes topics when asked about them

    def topic(self, name: str) -> str:
        """The topic's name at the broker."""
        return self.topic_prefix + name

    def name(self, topic: str) -> str:
        """The topic's name in the contract."""
        return topic.removeprefix(self.topic_prefix)


class _KafkaReading:
    """What those who read have in common, group or not."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._started: aiokafka.AIOKafkaConsumer | None = None

    async def stop(self) -> None:
        if self._started is not None:
            with _translated():
                await self._started.stop()

    async def getmany(self, *, wait: timedelta, max_records: int) -> Sequence[Record]:
        try:
            with _translated():
                batches = await self._client.getmany(timeout_ms=_ms(wait), max_records=max_records)
        except ConsumerStoppedError:
            return ()
        return [self._record(record) for batch in batches.values() for record in batch]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        with _translated():
            self._client.seek(self._theirs(partition), offset)

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        with _translated():
            return self._ours(await self._client.beginning_offsets([self._theirs(p) for p in partitions]))

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        with _translated():
            return self._ours(await self._client.end_offsets([self._theirs(p) for p in partitions]))

    def partitions(self, topic: str) -> frozenset[int]:
        if self._started is None:
            return frozenset()
        return frozenset(self._started.partitions_for_topic(self._settings.topic(topic)) or ())

    @property
    def _client(self) -> aiokafka.AIOKafkaConsumer:
        if self._started is None:
            raise BusError("the consumer is not started")
        return self._started

    async def _start(self, client: aiokafka.AIOKafkaConsumer, topics: Iterable[str]) -> None:
        """Raises `Unreachable`, or `MissingTopics` with the client stopped again."""
        with _starting(self._settings):
            await _started_or_stopped(client)
        try:
            await self._know(client, [self._settings.topic(topic) for topic in topics])
        except BaseException:
            await client.stop()
            raise
        self._started = client

    async def _know(self, client: aiokafka.AIOKafkaConsumer, names: Collection[str]) -> None:
        if self._settings.topics_appear:
            await client.end_offsets([aiokafka.TopicPartition(name, 0) for name in names])
            return
        with _translated():
            missing = await _missing(names, client.topics)
        if missing:
            raise MissingTopics([self._settings.name(name) for name in missing])

    def _record(self, record: Any) -> Record:
        return Record(
            topic=self._settings.name(record.topic),
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
            timestamp=record.timestamp,
        )

    def _theirs(self, source: TopicPartition) -> aiokafka.TopicPartition:
        return aiokafka.TopicPartition(self._settings.topic(source.topic), source.partition)

    def _ours(self, offsets: Mapping[aiokafka.TopicPartition, int]) -> dict[TopicPartition, int]:
        return {_mine(self._settings, source): offset for source, offset in offsets.items()}


class KafkaReader(_KafkaReading):
    """See `port.Reader`."""

    async def start(self, topic: str) -> None:
        settings = self._settings
        client = aiokafka.AIOKafkaConsumer(
            **_connection(settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_ms(settings.fetch_wait),
        )
        await self._start(client, [topic])
        with _translated():
            await client.end_offsets([aiokafka.TopicPartition(settings.topic(topic), 0)])  # only now it has metadata
        client.assign([self._theirs(TopicPartition(topic, number)) for number in self.partitions(topic)])


class KafkaConsumer(_KafkaReading):
    """See `port.Consumer`. Commits are explicit, offsets are sought explicitly, and nothing is read before that."""

    async def start(self, topics: Collection[str], listener: Listener) -> None:
        settings = self._settings
        client = aiokafka.AIOKafkaConsumer(
            **_connection(settings),
            group_id=settings.group_id,
            group_instance_id=settings.group_instance_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=_ms(settings.session_timeout),
            heartbeat_interval_ms=_ms(settings.session_timeout / 10),
            rebalance_timeout_ms=_ms(settings.rebalance_timeout),
            fetch_max_wait_ms=_ms(settings.fetch_wait),
        )
        await self._start(client, topics)
        client.subscribe([settings.topic(topic) for topic in topics], listener=_Adapter(settings, listener))

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._client.pause(*self._still_ours(partitions))

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._client.resume(*self._still_ours(partitions))

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        with _translated():
            await self._client.commit({self._theirs(source): offset for source, offset in offsets.items()})

    async def committed(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        with _translated():
            offsets = await asyncio.gather(*(self._client.committed(self._theirs(source)) for source in partitions))
        return {source: offset for source, offset in zip(partitions, offsets, strict=True) if offset is not None}

    async def position(self, partition: TopicPartition) -> int:
        with _translated():
            return int(await self._client.position(self._theirs(partition)))

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(_mine(self._settings, source) for source in self._client.assignment())

    def _still_ours(self, partitions: Iterable[TopicPartition]) -> list[aiokafka.TopicPartition]:
        assigned = self._client.assignment()
        return [theirs for source in partitions if (theirs := self._theirs(source)) in assigned]


class _Adapter(aiokafka.ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, settings: KafkaSettings, listener: Listener) -> None:
        self._settings = settings
        self._listener = listener

    async def on_partitions_revoked(self, revoked: Collection[aiokafka.TopicPartition]) -> None:
        await self._listener.revoked([_mine(self._settings, source) for source in revoked])

    async def on_partitions_assigned(self, assigned: Collection[aiokafka.TopicPartition]) -> None:
        await self._listener.assigned([_mine(self._settings, source) for source in assigned])


class KafkaProducer:
    """See `port.Producer`. Idempotent, with a deadline per record: the client itself would try for ever."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._current: aiokafka.AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._known: set[str] = set()
        self._stopping: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self._connected()

    async def stop(self) -> None:
        client, self._current = self._current, None
        if client is not None:
            await _stop_quietly(client)
        if self._stopping:
            await asyncio.wait(self._stopping)

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        (error,) = await self.send_all([Record(topic, 0, 0, key, value, headers)])
        if error is not None:
            raise error

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[BusError | None]:
        """With one deadline, and without a task for each: a batch of the client wakes us once for all it holds."""
        client: aiokafka.AIOKafkaProducer | None = None
        under_way: list[asyncio.Future[Any] | Exception] = []
        ends: list[Exception | None] = []
        try:
            async with asyncio.timeout(self._settings.send_timeout.total_seconds()):
                client = self._current or await self._connected()
                for record in records:  # what has got so far counts even if the deadline passes in the middle
                    under_way.append(await self._put(client, record))  # noqa: PERF401
                for each in under_way:
                    ends.append(await _end(each))  # noqa: PERF401
        except (TimeoutError, Unreachable) as error:
            ends += [error] * (len(records) - len(ends))
        finally:
            _forget(under_way)
        return [self._told(record, end, client) for record, end in zip(records, ends, strict=True)]

    async def _put(self, client: aiokafka.AIOKafkaProducer, record: Outgoing) -> asyncio.Future[Any] | Exception:
        """Puts a record on its way, unless something is against it."""
        try:
            if record.topic not in self._known:
                await self._must_exist(client, record.topic)
            return await _put(client, self._settings.topic(record.topic), record)
        except (KafkaError, MissingTopics) as error:
            return error

    def _told(
        self, record: Outgoing, end: Exception | None, client: aiokafka.AIOKafkaProducer | None
    ) -> BusError | None:
        """How it ended in the port's words."""
        if end is None or isinstance(end, MissingTopics):
            return end
        self._discard(client, end)
        if isinstance(end, MessageSizeTooLargeError):
            told: BusError = TooLarge(f"{record.topic} does not take a record of this size")
        else:
            told = Undeliverable(f"{record.topic}: not acknowledged ({type(end).__name__})")
        told.__cause__ = end
        return told

    async def _connected(self) -> aiokafka.AIOKafkaProducer:
        async with self._connecting:
            if self._current is None:
                client = aiokafka.AIOKafkaProducer(
                    **_connection(self._settings),
                    enable_idempotence=True,
                    max_request_size=self._settings.max_request_bytes,
                    max_batch_size=_BATCH_BYTES,
                )
                with _starting(self._settings):
                    await _started_or_stopped(client)
                self._current = client
            return self._current

    async def _must_exist(self, client: aiokafka.AIOKafkaProducer, topic: str) -> None:
        if self._settings.topics_appear:
            return

        async def topics() -> set[str]:
            return set((await client.client.fetch_all_metadata()).topics())

        if await _missing([self._settings.topic(topic)], topics):
            raise MissingTopics([topic])
        self._known.add(topic)

    def _discard(self, client: aiokafka.AIOKafkaProducer | None, error: BaseException) -> None:
        """What else is under way with this client may still arrive while it stops; then it fails, to be sent again."""
        if client is not self._current or client is None:
            return
        log.warning(PRODUCER_REBUILT, error=type(error).__name__)
        self._current = None
        stopping = asyncio.get_running_loop().create_task(_stop_quietly(client))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)


class KafkaAdmin:
    """See `port.Admin`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: AIOKafkaAdminClient | None = None

    async def start(self) -> None:
        client = AIOKafkaAdminClient(**_connection(self._settings))
        with _starting(self._settings):
            try:
                await client.start()
            except BaseException:
                await client._client.close()  # noqa: SLF001  # `close` closes only what has started
                raise
        self._client = client

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def topics(self) -> Mapping[str, TopicState]:
        prefix = self._settings.topic_prefix
        with _translated():
            described = await self._admin.describe_topics()
            ours = {
                entry["topic"]: len(entry["partitions"]) for entry in described if entry["topic"].startswith(prefix)
            }
            configs = await self._configs(ours)
        return {
            self._settings.name(topic): TopicState(
                name=self._settings.name(topic),
                partitions=partitions,
                cleanup=configs[topic]["cleanup.policy"],
                max_bytes=int(configs[topic]["max.message.bytes"]),
                full_name=topic,
            )
            for topic, partitions in ours.items()
            if topic in configs
        }

    async def create(self, specs: Iterable[TopicSpec]) -> None:
        with _translated():
            brokers = await self._admin.describe_cluster()
            replicas = min(_MOST_REPLICAS, len(brokers["brokers"]))
            wanted = [self._new(spec, replicas) for spec in specs]
            answer = await self._admin.create_topics(wanted)
        for topic, code, *_ in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise BusError(f"{self._settings.name(topic)}: {error.__name__}")
        with _translated():
            missing = await _missing([topic.name for topic in wanted], self._names, looks=_LOOKS_AT_NEW)
        if missing:
            raise MissingTopics([self._settings.name(name) for name in missing])

    async def members(self) -> int:
        """How many members our group has just now; to be told that takes the rights to be one. Raises `BusError`."""
        with _translated():
            for pause in _LOOKS_AT_GROUP:
                try:
                    return await self._members(self._settings.group_id)
                except _NOT_YET:
                    await asyncio.sleep(pause)
            return await self._members(self._settings.group_id)

    async def _members(self, group: str) -> int:
        (answer,) = await self._admin.describe_consumer_groups([group])
        (code, _, _, _, _, members, *_), *_ = answer.groups
        if code:
            raise for_code(code)(f"group {group}")
        return len(members)

    async def _names(self) -> set[str]:
        return {entry["topic"] for entry in await self._admin.describe_topics() if entry["partitions"]}

    @property
    def _admin(self) -> AIOKafkaAdminClient:
        if self._client is None:
            raise BusError("the admin client is not started")
        return self._client

    def _new(self, spec: TopicSpec, replicas: int) -> NewTopic:
        return NewTopic(self._settings.topic(spec.name), spec.partitions, replicas, topic_configs=dict(spec.config))

    async def _configs(self, topics: Iterable[str]) -> dict[str, dict[str, str]]:
        """Of topics that are there: one deleted meanwhile is absent."""
        resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
        if not resources:
            return {}
        answers = await self._admin.describe_configs(resources)
        found = {}
        for code, _, _, name, entries in (resource for answer in answers for resource in answer.resources):
            if code not in (0, _NO_TOPIC):
                raise for_code(code)(f"the settings of {name}")
            if code != _NO_TOPIC:
                found[name] = {entry[0]: entry[1] for entry in entries}
        return found


async def _missing(
    names: Collection[str], topics: Callable[[], Awaitable[Collection[str]]], *, looks: Iterable[float] = _LOOKS
) -> set[str]:
    """Which topics are not there; asked again for a moment, as a broker hears late of a topic or of its new leader."""
    for pause in looks:
        missing = set(names).difference(await topics())
        if not missing:
            break
        await asyncio.sleep(pause)
    return missing


async def _put(client: aiokafka.AIOKafkaProducer, topic: str, record: Outgoing) -> asyncio.Future[Any]:
    """Puts the record on its way; the future completes when it is acknowledged."""
    key, value, headers = record.key, record.value, list(record.headers)
    if key is not None or value is not None:
        return await client.send(topic, key=key, value=value, headers=headers)  # type: ignore[no-any-return]
    batch = client.create_batch()  # `send` refuses a record of nothing but headers, which Kafka itself takes
    batch.append(timestamp=None, key=None, value=None, headers=headers)
    partitions = sorted(await client.partitions_for(topic))
    return await client.send_batch(batch, topic, partition=partitions[0])  # type: ignore[no-any-return]


async def _end(under_way: asyncio.Future[Any] | Exception) -> Exception | None:
    if isinstance(under_way, Exception):
        return under_way
    try:
        await under_way
    except KafkaError as error:
        failed: Exception = error
        return failed
    return None


def _forget(under_way: Iterable[asyncio.Future[Any] | Exception]) -> None:
    """Nobody waits any more for what has not ended; what has ended is not changed by it."""
    for each in under_way:
        if isinstance(each, asyncio.Future) and not each.cancel() and not each.cancelled():
            each.exception()  # asyncio complains of errors that nobody has looked at


def _connection(settings: KafkaSettings) -> dict[str, Any]:
    """What consumer, producer and admin have in common."""
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": settings.client_id,
        "request_timeout_ms": _ms(settings.request_timeout),
        "metadata_max_age_ms": _ms(settings.metadata_max_age),
        "security_protocol": settings.security_protocol,
        "ssl_context": _ssl(settings),
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username or None,
        "sasl_plain_password": settings.sasl_password or None,
    }


def _ssl(settings: KafkaSettings) -> ssl.SSLContext | None:
    if not settings.security_protocol.endswith("SSL"):
        return None
    context: ssl.SSLContext = create_ssl_context(
        cafile=settings.ssl_cafile,
        certfile=settings.ssl_certfile,
        keyfile=settings.ssl_keyfile,
        password=settings.ssl_keypassword,
    )
    context.check_hostname = settings.ssl_check_hostname
    return context


async def _started_or_stopped(client: aiokafka.AIOKafkaConsumer | aiokafka.AIOKafkaProducer) -> None:
    try:
        await client.start()
    except BaseException:
        await client.stop()
        raise


async def _stop_quietly(client: aiokafka.AIOKafkaProducer) -> None:
    """Stops, and flushes what can be flushed in time. The client itself would try as long as no broker answers."""
    stopping = asyncio.get_running_loop().create_task(client.stop())
    await asyncio.wait([stopping], timeout=_STOP.total_seconds())
    if not stopping.done():
        _give_up(client)
        await asyncio.wait([stopping], timeout=_STOP.total_seconds())
    if not stopping.done() or stopping.exception() is not None:
        log.warning(CLIENT_STOP_FAILED, stopped=stopping.done())


def _give_up(client: aiokafka.AIOKafkaProducer) -> None:
    """Fails what is still pending. There is no public way to do so."""
    pending = client._message_accumulator  # noqa: SLF001  # see above
    pending.fail_all(KafkaError("given up with its producer"))
    for batch in chain.from_iterable(pending._batches.values()):  # noqa: SLF001  # see above
        batch._drain_waiter.exception()  # noqa: SLF001  # asyncio complains of errors that nobody has looked at


@contextmanager
def _starting(settings: KafkaSettings) -> Iterator[None]:
    """Says why no broker lets us in: the client raises the same for all reasons, and tells the true one to its log."""
    complaints = _Complaints()
    logger = logging.getLogger("aiokafka")
    logger.addHandler(complaints)
    try:
        yield
    except (KafkaError, OSError) as error:
        reasons = "; ".join(dict.fromkeys(complaints.texts)) or str(error)
        kind = _kind([error, *complaints.errors])
        raise kind(f"no broker of {settings.bootstrap_servers} lets us in: {reasons}") from error
    finally:
        logger.removeHandler(complaints)


def _kind(errors: Collection[BaseException]) -> type[Unreachable]:
    """The likeliest reason: a broker that answers tells more than one that is down."""
    if any(isinstance(error, _SIGN_IN) for error in errors):
        return SignInRefused
    if any(isinstance(error, ssl.SSLError) for error in errors):
        return NotTrusted
    return Unreachable


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.texts: list[str] = []
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.errors += [argument for argument in arguments if isinstance(argument, BaseException)]


@contextmanager
def _translated() -> Iterator[None]:
    """The client's errors in the port's words. A commit during a rebalance only comes too early: it is still ours."""
    try:
        yield
    except CommitFailedError as error:
        if isinstance(error.__cause__, RebalanceInProgressError):
            raise BusError("a rebalance is going on") from error
        raise NotOwner(str(error.__cause__)) from error
    except IllegalStateError as error:
        raise NotOwner(str(error)) from error
    except _RIGHTS as error:
        raise NotAllowed(str(error)) from error
    except KafkaError as error:
        raise BusError(str(error)) from error


def _mine(settings: KafkaSettings, source: aiokafka.TopicPartition) -> TopicPartition:
    return TopicPartition(settings.name(source.topic), source.partition)


def _ms(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))
