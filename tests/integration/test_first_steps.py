"""The first steps of a new user: whatever is wrong, one screen says what, and what to do next."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.kafka import Cluster
from tests.unit.sandbox.bank import PATH, SERVICE, Bank, opened

SCREEN = 30
"""Lines: what a person sees without scrolling."""


@pytest.fixture
def bank() -> Iterator[Bank]:
    with opened() as running:
        yield running


@pytest.fixture
def env(tmp_path: Path, bank: Bank) -> dict[str, str]:
    """Settings that are right, but for the broker."""
    return {
        "EXSYNCD_STORE__URL": f"sqlite:///{tmp_path}/store.sqlite",
        "EXSYNCD_EXCHANGE__ENDPOINT": bank.url + PATH,
        "EXSYNCD_EXCHANGE__USERNAME": SERVICE[0],
        "EXSYNCD_EXCHANGE__PASSWORD": SERVICE[1],
        "EXSYNCD_HTTP__BIND": "127.0.0.1:0",
    }


def exsyncd(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the program as a person would, with these settings and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EXSYNCD_")}
    program = Path(sys.executable).with_name("exsyncd")
    return subprocess.run(
        [program, *arguments], env=clean | env, capture_output=True, text=True, timeout=60, check=False
    )


def screen(done: subprocess.CompletedProcess[str]) -> str:
    """What was said; no traceback, and no more than a screen."""
    assert "Traceback" not in done.stderr, done.stderr
    said = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("{"))
    assert len(said.splitlines()) <= SCREEN, said
    return said


def test_run_with_nothing_set_names_the_four_settings_it_needs() -> None:
    done = exsyncd("run", env={})
    said = screen(done)
    assert done.returncode == 2
    for name in ("KAFKA__BOOTSTRAP_SERVERS", "EXCHANGE__ENDPOINT", "EXCHANGE__USERNAME", "EXCHANGE__PASSWORD"):
        assert f"EXSYNCD_{name}" in said
    assert "--config" in said


def test_run_without_a_broker_says_where_it_looked(env: dict[str, str]) -> None:
    done = exsyncd("run", env=env | {"EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    said = screen(done)
    assert done.returncode == 1
    assert "127.0.0.1:1" in said
    assert "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS" in said
    assert "exsyncd demo" in said


def test_run_without_topics_says_what_makes_them(kafka: Cluster, kafka_prefix: str, env: dict[str, str]) -> None:
    env |= {"EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap, "EXSYNCD_KAFKA__TOPIC_PREFIX": kafka_prefix}
    done = exsyncd("run", env=env)
    said = screen(done)
    assert done.returncode == 1
    assert "crm.users" in said
    assert "exsyncd topics --create" in said

    assert exsyncd("topics", "--create", env=env).returncode == 0
    assert "as they must be" in exsyncd("topics", "--verify", env=env).stdout


def test_run_with_a_wrong_password_says_so_and_does_not_try_again(
    kafka: Cluster, kafka_prefix: str, env: dict[str, str], bank: Bank
) -> None:
    env |= {"EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap, "EXSYNCD_KAFKA__TOPIC_PREFIX": kafka_prefix}
    assert exsyncd("topics", "--create", env=env).returncode == 0

    done = exsyncd("run", env=env | {"EXSYNCD_EXCHANGE__PASSWORD": "wrong-" + SERVICE[1]})

    said = screen(done)
    assert done.returncode == 2, "a supervisor must not try a password again and again"
    assert "does not let us in" in said
    assert "EXSYNCD_EXCHANGE__PASSWORD" in said
    assert f"wrong-{SERVICE[1]}" not in said
