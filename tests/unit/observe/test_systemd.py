"""What systemd hears, on a real datagram socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.observe.progress import Progress
from daemon.observe.systemd import Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The socket as systemd makes it, with the name it puts into NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@exsyncd-test-{os.getpid()}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        listening.settimeout(5)
        yield name, listening


def test_ready_is_said_with_a_status(systemd: tuple[str, socket.socket]) -> None:
    name, listening = systemd
    Notifier.from_environment({"NOTIFY_SOCKET": name}).ready("12 partitions")

    assert listening.recv(1000) == b"READY=1\nSTATUS=12 partitions"


def test_stopping_asks_for_the_time_that_draining_takes(systemd: tuple[str, socket.socket]) -> None:
    name, listening = systemd
    Notifier.from_environment({"NOTIFY_SOCKET": name}).stopping(within=timedelta(seconds=25))

    assert listening.recv(1000) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=25000000"


def test_starting_asks_for_more_time_and_a_status_is_passed_on(systemd: tuple[str, socket.socket]) -> None:
    name, listening = systemd
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": name})
    notifier.starting(within=timedelta(seconds=1))
    notifier.status("reading the directory")

    assert listening.recv(1000) == b"EXTEND_TIMEOUT_USEC=1000000"
    assert listening.recv(1000) == b"STATUS=reading the directory"


def test_without_systemd_nothing_happens() -> None:
    notifier = Notifier.from_environment({})
    notifier.ready("x")
    notifier.stopping(within=timedelta(seconds=1))

    assert notifier.watchdog_every is None


def test_a_socket_that_is_gone_does_not_stop_the_daemon(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "absent")).ready("x")


@pytest.mark.parametrize(
    ("env", "every"),
    [
        ({"WATCHDOG_USEC": "60000000"}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "42"}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_at_half_its_time_if_it_watches_us(env: dict[str, str], every: timedelta | None) -> None:
    assert Notifier.from_environment(env, pid=42).watchdog_every == every


class Watched:
    """A daemon whose loop ticks as long as `alive`, in virtual time."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.alive = True
        self._ticks = 0
        self.progress = Progress(self._tick, stuck_after=timedelta(seconds=60), clock=loop.time)
        self.notifier = Notifier(name, timedelta(seconds=10))

    def _tick(self) -> int:
        self._ticks += self.alive
        return self._ticks


@pytest.fixture
async def listening(tmp_path: Path) -> AsyncIterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        yield receiver


def said(receiver: socket.socket) -> list[bytes]:
    """Every message that has come since the last look."""
    messages: list[bytes] = []
    while True:
        try:
            messages.append(receiver.recv(1000))
        except BlockingIOError:
            return messages


def heard(receiver: socket.socket) -> int:
    """How often the watchdog was fed since the last look."""
    messages = said(receiver)
    assert set(messages) <= {b"WATCHDOG=1"}
    return len(messages)


@pytest.mark.looptime
async def test_the_watchdog_is_fed_while_the_loop_turns_and_starved_when_it_does_not(
    listening: socket.socket, tmp_path: Path
) -> None:
    daemon = Watched(str(tmp_path / "notify"), asyncio.get_running_loop())
    feeding = asyncio.create_task(daemon.notifier.keep_alive(daemon.progress))

    await asyncio.sleep(55)
    fed = heard(listening)
    daemon.alive = False
    await asyncio.sleep(61)
    heard(listening)
    await asyncio.sleep(300)
    starved = heard(listening)
    daemon.alive = True
    await asyncio.sleep(25)

    assert (fed, starved) == (6, 0)
    assert heard(listening) >= 2, "a loop that turns again is fed again"
    feeding.cancel()


@pytest.mark.looptime
async def test_a_long_start_asks_for_time_as_long_as_it_makes_progress(
    listening: socket.socket, tmp_path: Path
) -> None:
    daemon = Watched(str(tmp_path / "notify"), asyncio.get_running_loop())
    directory_read = asyncio.Event()

    async def caught_up() -> None:
        await directory_read.wait()

    starting = asyncio.create_task(
        daemon.notifier.ready_after(caught_up(), progress=daemon.progress, status="reading the bus")
    )
    await asyncio.sleep(70)
    asked = said(listening)
    daemon.alive = False
    await asyncio.sleep(100)
    said(listening)
    await asyncio.sleep(300)
    asked_without_progress = said(listening)
    directory_read.set()
    await starting

    assert asked == [b"EXTEND_TIMEOUT_USEC=60000000"] * 4
    assert asked_without_progress == []
    assert said(listening) == [b"READY=1\nSTATUS=reading the bus"]


async def test_a_start_that_fails_is_not_called_ready(listening: socket.socket, tmp_path: Path) -> None:
    daemon = Watched(str(tmp_path / "notify"), asyncio.get_running_loop())

    async def caught_up() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await daemon.notifier.ready_after(caught_up(), progress=daemon.progress, status="")

    assert said(listening) == [b"EXTEND_TIMEOUT_USEC=60000000"]


async def test_without_a_watchdog_there_is_nothing_to_feed() -> None:
    progress = Progress(lambda: 0, stuck_after=timedelta(seconds=1))

    await asyncio.wait_for(Notifier(None, None).keep_alive(progress), timeout=5)
