"""Whether a broker is reached and lets us in, the topics are as they must be, and the group may be ours.

Nothing is made on the way. What may be read or written shows only when it is; `exsyncd topics` lists those rights.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from daemon import wiring
from daemon.bus.kafka import KafkaAdmin, KafkaSettings
from daemon.bus.port import BusError, NotAllowed, NotTrusted, SignInRefused, TopicState, Unreachable
from daemon.bus.verify import Problem, verify
from daemon.commands.checks.findings import Finding, failed, ok, skipped
from daemon.settings.models import Settings
from schemas import catalogue

REACHED, SIGN_IN, TOPICS, GROUP = "reached", "sign-in", "topics", "group"

_SERVERS = "Check kafka.bootstrap_servers and that the broker runs."
_PROTOCOL = "Where the brokers want TLS or a password: kafka.security_protocol, kafka.sasl_*, kafka.ssl_*."
_PORT = "Check that kafka.security_protocol belongs to that port."
_ADVERTISED = "Look at the brokers' advertised.listeners: those addresses must lead to them from this machine."
_CREATE = "`exsyncd topics --create` makes what is missing, with the same settings."
_PREFIX = "If they exist under another prefix: kafka.topic_prefix (EXSYNCD_KAFKA__TOPIC_PREFIX)."
_INVISIBLE = "If they exist: the right to DESCRIBE them may be missing; `exsyncd topics` lists all rights needed."
_RIGHTS = "`exsyncd topics` lists every right the daemon needs."


async def check(settings: Settings, patience: timedelta) -> list[Finding]:
    """From the connection to topics and group; what a failure makes senseless is skipped."""
    kafka = wiring.kafka_settings(settings)
    admin = KafkaAdmin(replace(kafka, request_timeout=min(kafka.request_timeout, patience)))
    try:
        async with asyncio.timeout(patience.total_seconds()):
            await admin.start()
    except (BusError, OSError) as error:  # the last: files of certificates that hold none
        return [_not_let_in(error, kafka), skipped(TOPICS, "not looked at, nor the group")]
    try:
        async with asyncio.timeout(patience.total_seconds()):
            topics, group = await asyncio.gather(_topics(admin, kafka), _group(admin, kafka))
    except TimeoutError:
        text = "not told: a broker answered, but those it named do not"
        return [_let_in(kafka), failed(TOPICS, text, _ADVERTISED)]
    except BusError as error:
        return [_let_in(kafka), failed(TOPICS, f"not told: {error}", _ADVERTISED, "Look at the brokers' log.")]
    finally:
        with suppress(BusError):
            await admin.stop()
    return [_let_in(kafka), *topics, group]


def _let_in(kafka: KafkaSettings) -> Finding:
    return ok(REACHED, _way(kafka))


def _way(kafka: KafkaSettings) -> str:
    if not kafka.security_protocol.startswith("SASL_"):
        return f"by {kafka.security_protocol}"
    return f"by {kafka.security_protocol}, signed in as {kafka.sasl_username or 'us'} ({kafka.sasl_mechanism})"


def _not_let_in(error: Exception, kafka: KafkaSettings) -> Finding:
    match error:
        case SignInRefused():
            return failed(
                SIGN_IN,
                f"{kafka.sasl_username or 'we'}: refused ({kafka.security_protocol}, {kafka.sasl_mechanism})",
                "Check kafka.sasl_username and kafka.sasl_password; above is where they come from.",
                "Check that the brokers offer this kafka.sasl_mechanism, and this user by it.",
            )
        case NotTrusted():
            return failed(
                REACHED,
                "no TLS comes about: a certificate is not trusted, or there is no TLS on this port",
                "Name the file of the authority that made the brokers' certificates: kafka.ssl_cafile.",
                "Where the brokers want to know us by certificate: kafka.ssl_certfile, kafka.ssl_keyfile.",
                _PORT,
            )
        case Unreachable() | TimeoutError() if "Errno" not in str(error):
            text = f"no broker at {kafka.bootstrap_servers} speaks {kafka.security_protocol} with us"
            return failed(REACHED, text, _PORT, _SERVERS)
        case Unreachable():
            return failed(REACHED, f"no broker answers at {kafka.bootstrap_servers}", _SERVERS, _PROTOCOL)
        case _:
            return failed(
                REACHED,
                "kafka.ssl_cafile, ssl_certfile or ssl_keyfile cannot be used",
                "They must be PEM; where the key has a password, it is kafka.ssl_keypassword.",
            )


async def _topics(admin: KafkaAdmin, kafka: KafkaSettings) -> list[Finding]:
    try:
        there = await admin.topics()
        wrong = await verify(admin, (spec for spec in catalogue.TOPICS.values() if spec.name in there))
    except NotAllowed as error:
        return [failed(TOPICS, f"the right DESCRIBE_CONFIGS is missing: {error}", _RIGHTS)]
    missing = [kafka.topic(name) for name in catalogue.TOPICS if name not in there]
    findings = [_missing(missing, kafka)] if missing else []
    findings += [_wrong(problem) for problem in wrong]
    return findings or [_all_fine(there)]


def _missing(names: list[str], kafka: KafkaSettings) -> Finding:
    if len(names) < len(catalogue.TOPICS):
        return failed(TOPICS, f"missing: {', '.join(names)}", _CREATE, _INVISIBLE)
    text = f"none of the {len(names)} is there"
    if kafka.topic_prefix:
        text += f" (their names begin with {kafka.topic_prefix})"
    return failed(TOPICS, text, _CREATE, _PREFIX, _INVISIBLE)


def _wrong(problem: Problem) -> Finding:
    said, run, what = problem.text.partition(" Run ")
    return failed(TOPICS, f"{problem.topic} {said.rstrip('.')}", *[f"Run {what}" for _ in [run] if run])


def _all_fine(there: Mapping[str, TopicState]) -> Finding:
    partitions = sum(there[name].partitions for name in catalogue.TOPICS)
    count = len(catalogue.TOPICS)
    return ok(TOPICS, f"all {count}, with {partitions} partitions; clean-up and record sizes as they must be")


async def _group(admin: KafkaAdmin, kafka: KafkaSettings) -> Finding:
    try:
        members = await admin.members()
    except NotAllowed:
        text = f"{kafka.group_id}: the right to read with it is missing"
        return failed(GROUP, text, f"Allow READ and DESCRIBE on the group {kafka.group_id}.", _RIGHTS)
    state = f"{members} reading now" if members else "nobody reads now"
    return ok(GROUP, f"{kafka.group_id}: {state}")
