"""Reaching the bus from the command line: what went wrong, said to a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from daemon.bus.kafka import KafkaSettings
from daemon.bus.port import BusError, MissingTopics, NotAllowed, NotTrusted, SignInRefused, Unreachable
from daemon.commands.hushing import hushed
from daemon.commands.refusals import CannotGoOn

_SETTINGS = "Check kafka.bootstrap_servers (EXSYNCD_KAFKA__BOOTSTRAP_SERVERS) and that the broker runs."
_SIGN_IN = "Where the brokers want TLS or a password: kafka.security_protocol, kafka.sasl_*, kafka.ssl_*."
_TOPICS = (
    "`exsyncd topics --create` makes what is missing (with the same settings).",
    "If the topics exist under a prefix: kafka.topic_prefix (EXSYNCD_KAFKA__TOPIC_PREFIX).",
)
_CHECK = "`exsyncd check` looks at the bus more closely."


_PATIENCE = timedelta(seconds=10)


def briefly(kafka: KafkaSettings) -> KafkaSettings:
    """For a person who waits: a daemon has more patience with its brokers."""
    return replace(
        kafka,
        request_timeout=min(kafka.request_timeout, _PATIENCE),
        send_timeout=min(kafka.send_timeout, _PATIENCE),
    )


@contextmanager
def the_bus(kafka: KafkaSettings, *, rights: str) -> Iterator[None]:
    """Says why the bus did not do what was asked; `rights` are those that the command needs. Raises `CannotGoOn`."""
    try:
        with hushed():
            yield
    except (SignInRefused, NotTrusted) as error:
        raise CannotGoOn(f"{kafka.bootstrap_servers} does not let us in", [str(error)], [_SIGN_IN, _CHECK]) from error
    except Unreachable as error:
        headline = f"no Kafka broker answers at {kafka.bootstrap_servers}"
        raise CannotGoOn(headline, [], [_SETTINGS, _SIGN_IN, _CHECK]) from error
    except MissingTopics as error:
        findings = [f"{kafka.topic(topic)}: is missing" for topic in error.topics]
        raise CannotGoOn("the topics are not as they must be", findings, _TOPICS) from error
    except NotAllowed as error:
        raise CannotGoOn("a right is missing", [str(error)], [rights]) from error
    except BusError as error:
        findings = [f"{type(error).__name__}: {error}"]
        raise CannotGoOn("the bus did not do it", findings, [rights, _CHECK]) from error
