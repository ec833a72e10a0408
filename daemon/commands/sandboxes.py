"""`exsyncd sandbox exchange` and `exsyncd sandbox crm`: servers of their own, until they are told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic import ValidationError

from daemon.bus.kafka import KafkaAdmin, KafkaProducer, KafkaSettings
from daemon.bus.port import Unreachable
from daemon.commands.refusals import CannotGoOn
from daemon.sandbox.crm.bus import CrmOnKafka, TopicMissing
from daemon.sandbox.exchange import PATH, ExchangeSandbox, People

Say = Callable[[str], None]


async def exchange(people: Path, bind: str, kafka: KafkaSettings | None, *, say: Say) -> None:
    """Serves a sandbox Exchange; with `kafka`, its hints go onto the bus. Raises `CannotGoOn`."""
    book = _read(people)
    producer = KafkaProducer(kafka) if kafka else None
    if producer is not None and kafka is not None:
        await _reach(kafka)
        await producer.start()

    async def publish(topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        if producer is not None:
            await producer.send(topic, key=key, value=value, headers=tuple(headers))

    sandbox = ExchangeSandbox(book, publish if producer else None)
    host, port = _address(bind)
    try:
        url = await _listening(sandbox.start(host, port), bind)
        say(f"Exchange: {url}{PATH}")
        say(f"Controls: {url}/sandbox/mails, /sandbox/requests, /sandbox/faults")
        say("Ctrl-C ends it.")
        await _told_to_stop()
    finally:
        await sandbox.stop()
        if producer is not None:
            await producer.stop()


async def crm(bind: str, kafka: KafkaSettings, *, say: Say) -> None:
    """Serves a sandbox CRM on the bus. Raises `CannotGoOn`."""
    await _reach(kafka)
    server = CrmOnKafka(kafka.bootstrap_servers, kafka.topic_prefix)
    host, port = _address(bind)
    try:
        await server.start()
        url = await _listening(server.start_http(host, port), bind)
        say(f"CRM: {url}/items, {url}/directory")
        say("Ctrl-C ends it.")
        ends = [asyncio.create_task(_told_to_stop()), asyncio.create_task(server.failed())]
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        for end in done:
            end.result()
    except TopicMissing as error:
        raise CannotGoOn(str(error), [], ["Run `exsyncd topics --create`."]) from error
    finally:
        await server.stop()


def _read(path: Path) -> People:
    try:
        return People.read(path)
    except OSError as error:
        raise CannotGoOn(f"cannot read {path}: {error.strerror}", [], [_EXAMPLE], status=2) from error
    except ValidationError as error:
        findings = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise CannotGoOn(f"{path} does not describe people", findings, [_EXAMPLE], status=2) from error
    except (json.JSONDecodeError, UnicodeDecodeError, ValueError) as error:
        raise CannotGoOn(f"{path} does not describe people", [str(error)], [_EXAMPLE], status=2) from error


async def _reach(kafka: KafkaSettings) -> None:
    admin = KafkaAdmin(kafka)
    try:
        await admin.start()
    except Unreachable as error:
        raise CannotGoOn(
            f"no Kafka broker answers at {kafka.bootstrap_servers}", [], ["Check --kafka HOST:PORT."]
        ) from error
    finally:
        await admin.stop()


async def _listening(start: Awaitable[str], bind: str) -> str:
    try:
        return await start
    except OSError as error:
        raise CannotGoOn(f"cannot listen on {bind}: {error.strerror}", [], ["Choose another --bind."]) from error


def _address(bind: str) -> tuple[str, int]:
    host, _, port = bind.rpartition(":")
    if not host or not port.isdigit():
        raise CannotGoOn(f"--bind {bind} is not HOST:PORT", [], [], status=2)
    return host, int(port)


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


_EXAMPLE = (
    'A file like {"people": [{"name": "Anna", "email": "anna@bank.example", "password": "anna"}], "services": []}'
)
