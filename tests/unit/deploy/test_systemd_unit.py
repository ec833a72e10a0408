"""The systemd unit: it starts what the program is, and takes no rights it does not need."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemon import settings
from daemon.cli import cli
from daemon.settings import catalogue
from daemon.settings.values import parse_duration

UNIT = Path(__file__).parents[3] / "deploy" / "systemd" / "exsyncd.service"
EXPOSURE = 1.5


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    """The unit's settings; systemd allows one to be given several times."""
    values: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values.setdefault(name, []).append(value)
    return values


def understood(arguments: list[str]) -> dict[str, object]:
    """What the program's own command line makes of the arguments; click refuses what it does not know."""
    name, *rest = arguments
    return dict(cli.commands[name].make_context(name, rest).params)


def seconds(text: str) -> float:
    return parse_duration(text if text[-1].isalpha() else f"{text}s").total_seconds()


def test_it_starts_the_daemon_with_its_settings_file(unit: dict[str, list[str]]) -> None:
    (command,) = unit["ExecStart"]
    program, *arguments = command.split()

    assert program == "/opt/exsyncd/bin/exsyncd"
    assert understood(arguments) == {"config": Path("/etc/exsyncd/exsyncd.toml")}


def test_every_credential_is_named_like_a_secret_that_the_daemon_reads(unit: dict[str, list[str]]) -> None:
    secrets = {setting.name for setting in catalogue.by_path().values() if setting.is_secret}
    commented = re.findall(r"^#\s+LoadCredential=(\S+):", UNIT.read_text(), re.MULTILINE)
    named = [credential.partition(":")[0] for credential in unit["LoadCredential"]]

    assert set(named + commented) <= secrets
    assert "exchange.password" in named


def test_with_these_credentials_and_an_endpoint_nothing_is_missing(unit: dict[str, list[str]], tmp_path: Path) -> None:
    for credential in unit["LoadCredential"]:
        (tmp_path / credential.partition(":")[0]).write_text("secret\n")
    config = tmp_path / "exsyncd.toml"
    config.write_text(
        '[kafka]\nbootstrap_servers = "k:9092"\n[exchange]\nendpoint = "https://m.example/"\nusername = "sync"\n'
    )

    ready = settings.load(config, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert ready.exchange.password.get_secret_value() == "secret"


def test_the_store_lies_where_the_unit_lets_it_write(unit: dict[str, list[str]]) -> None:
    (folder,) = unit["StateDirectory"]

    assert settings.Store().url.startswith(f"sqlite:////var/lib/{folder}/")


def test_wrong_settings_are_not_retried_and_anything_else_is(unit: dict[str, list[str]]) -> None:
    assert unit["RestartPreventExitStatus"] == ["2"]
    assert unit["Restart"] == ["on-failure"]


def test_systemd_waits_longer_than_draining_takes(unit: dict[str, list[str]]) -> None:
    drain = settings.Kafka().rebalance_timeout.total_seconds() * 0.6

    assert seconds(unit["TimeoutStopSec"][0]) > drain + 10


def test_the_watchdog_does_not_bite_a_daemon_that_is_only_slow(unit: dict[str, list[str]]) -> None:
    """It is fed every half of its time, and not before the daemon itself counts as stuck is it left hungry."""
    assert unit["Type"] == ["notify"]
    assert seconds(unit["WatchdogSec"][0]) >= 2 * 10
    assert seconds(unit["WatchdogSec"][0]) <= 2 * settings.Engine().stuck_after.total_seconds()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_finds_no_mistake_in_it(tmp_path: Path) -> None:
    """Checked on a copy that starts a program which is there."""
    copy = tmp_path / UNIT.name
    copy.write_text(
        re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", UNIT.read_text(), flags=re.MULTILINE)
    )

    run = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, timeout=60)

    said = [line for line in run.stderr.splitlines() if UNIT.name in line]
    assert said == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_its_exposure_stays_low() -> None:
    run = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=60,
    )

    level = re.search(r"exposure level for exsyncd.service: ([\d.]+)", run.stdout)
    assert level is not None, run.stderr
    assert float(level.group(1)) <= EXPOSURE


FORBID_WRITABLE_CODE = """
import ctypes, importlib, pkgutil, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit(77)
import daemon
for module in pkgutil.walk_packages(daemon.__path__, "daemon."):
    if not module.name.startswith("daemon.sandbox") and "migrations" not in module.name:
        importlib.import_module(module.name)
from daemon.settings import blacklists
assert blacklists.search(("(a|b)+@x",), "ab@x")
"""


def test_the_daemon_loads_where_memory_cannot_be_made_executable() -> None:
    """MemoryDenyWriteExecute, by the kernel's own switch for one process: libraries that make code would fail here."""
    run = subprocess.run([sys.executable, "-c", FORBID_WRITABLE_CODE], capture_output=True, text=True, timeout=60)

    if run.returncode == 77:
        pytest.skip("this kernel has no such switch (before 6.3)")
    assert run.returncode == 0, run.stderr
