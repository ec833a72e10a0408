"""The sandbox CRM on Kafka.

It belongs to no consumer group: what it holds is in memory, so at every start it reads all commands anew, and nobody
shares them with it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError
from tenacity import RetryCallState, retry, retry_if_exception, wait_fixed

from daemon.sandbox.crm.service import SandboxCrm
from schemas import catalogue
from schemas.envelope import Headers

BUS_UNREACHABLE = "bus.unreachable"
ANSWER_LOST = "answer.lost"

_CLIENT = "exsyncd-sandbox-crm"
_FETCH_WAIT_MS = 20  # an embedded broker answers an empty fetch only after this long
_METADATA_AGE_MS = 3_000  # a topic that is made after the start is found this soon
_ROOM_ABOVE = 64 * 2**10  # the client counts the headers of a record too
_PAUSE = timedelta(seconds=1)

_log = structlog.get_logger(__name__)


def _passes(error: BaseException) -> bool:
    return isinstance(error, KafkaTimeoutError) or (isinstance(error, KafkaError) and error.retriable)


def _say_unreachable(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning(BUS_UNREACHABLE, attempt=state.attempt_number, error=type(error).__name__)


class TopicMissing(Exception):
    """The topic of the commands does not exist, and nothing here makes it: `exsyncd topics` does."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"the topic {topic} does not exist; `exsyncd topics` creates what is missing")
        self.topic = topic


class CrmOnKafka(SandboxCrm):
    """A sandbox CRM that takes its commands from a broker and answers there."""

    def __init__(self, bootstrap_servers: str, topic_prefix: str = "") -> None:
        super().__init__(self._send)
        self._servers = bootstrap_servers
        self._prefix = topic_prefix
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._consuming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to take commands. Raises `KafkaError` where no broker answers, else `TopicMissing`."""
        commands = f"{self._prefix}{catalogue.COMMANDS}"
        try:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                client_id=_CLIENT,
                acks="all",
                max_request_size=catalogue.MIB + _ROOM_ABOVE,
            )
            await self._producer.start()
            self._consumer = AIOKafkaConsumer(
                commands,
                bootstrap_servers=self._servers,
                client_id=_CLIENT,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=_FETCH_WAIT_MS,
                metadata_max_age_ms=_METADATA_AGE_MS,
            )
            await self._consumer.start()
        except UnknownTopicOrPartitionError:
            await self.stop()
            raise TopicMissing(commands) from None
        except BaseException:
            await self.stop()
            raise
        self._consuming = asyncio.create_task(self._consume(self._consumer), name="sandbox-crm")

    async def failed(self) -> None:
        """Waits as long as commands are taken, and raises what ended that."""
        consuming = self._consuming
        if consuming is None:
            return
        await asyncio.wait([consuming])
        if not consuming.cancelled():
            consuming.result()

    async def stop(self) -> None:
        """Takes no more commands and serves no longer."""
        await super().stop()
        if self._consuming is not None:
            self._consuming.cancel()
            await asyncio.wait([self._consuming])
        if self._consumer is not None:
            await self._consumer.stop()
        if self._producer is not None:
            await self._producer.stop()
        self._consuming, self._consumer, self._producer = None, None, None

    async def _consume(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            try:
                await self._apply_until_sent(record.headers, record.value)
            except KafkaError as error:  # an answer that no broker will ever take must not stop the next one
                _log.error(ANSWER_LOST, partition=record.partition, offset=record.offset, error=type(error).__name__)

    @retry(retry=retry_if_exception(_passes), wait=wait_fixed(_PAUSE), before_sleep=_say_unreachable)
    async def _apply_until_sent(self, headers: Headers, value: bytes | None) -> None:
        await self.apply(headers, value)

    async def _send(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        if self._producer is None:
            raise RuntimeError("the CRM is not started")
        name = f"{self._prefix}{topic}"
        await self._producer.send_and_wait(name, value, key=key.encode("utf-8", "replace"), headers=headers)
