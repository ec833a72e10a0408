"""The command line as its users meet it: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from daemon.cli import cli
from schemas import catalogue
from tests.unit.schemas.samples import ITEM

COMMANDS = ("run", "demo", "topics", "schema", "sandbox", "why", "settings", "request", "dead-letters")


def exsyncd(*args: str | Path, **env: str) -> Result:
    """Runs the program with nothing set but what is given."""
    return CliRunner(env=env).invoke(cli, [str(arg) for arg in args])


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests counts, and a wide screen wraps nothing."""
    for name in [name for name in os.environ if name.startswith("EXSYNCD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")


class TestHelp:
    def test_it_names_every_command_and_how_to_start(self) -> None:
        """`--help` suffices to start."""
        told = exsyncd("--help")
        assert told.exit_code == 0
        assert [name for name in COMMANDS if name not in told.output] == []
        assert "exsyncd settings > exsyncd.toml" in told.output

    @pytest.mark.parametrize("command", [(name,) for name in COMMANDS] + [("sandbox", "exchange"), ("sandbox", "crm")])
    def test_every_command_says_what_it_does(self, command: tuple[str, ...]) -> None:
        told = exsyncd(*command, "--help")
        assert told.exit_code == 0
        assert told.output.startswith("Usage: ")

    def test_the_version(self) -> None:
        assert exsyncd("--version").output.startswith("exsyncd, version ")

    def test_an_unknown_command_is_wrong_usage(self) -> None:
        assert exsyncd("sing").exit_code == 2


class TestRun:
    def test_with_nothing_set_it_says_what_is_missing_and_what_to_do(self) -> None:
        """On one screen, with the names to set, and no traceback."""
        told = exsyncd("run")
        assert told.exit_code == 2
        assert "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS" in told.output
        assert "EXSYNCD_EXCHANGE__ENDPOINT" in told.output
        assert "What to do:" in told.output
        assert "Traceback" not in told.output
        assert len(told.output.splitlines()) < 24

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        told = exsyncd("run", "--config", tmp_path / "missing.toml")
        assert told.exit_code == 2
        assert "missing.toml" in told.output

    def test_a_wrong_value_is_named_with_its_path(self) -> None:
        told = exsyncd("run", EXSYNCD_SECURITY_MODEL="secret-agent")
        assert told.exit_code == 2
        assert "security_model" in told.output.lower()


class TestSettings:
    def test_what_it_prints_is_a_file_to_start_from(self, tmp_path: Path) -> None:
        """It is TOML, and the project's own example."""
        printed = exsyncd("settings").output
        tomllib.loads(printed)
        assert printed == Path("exsyncd.example.toml").read_text()


class TestTopics:
    def test_it_prints_every_topic_with_its_prefix_and_the_rights(self) -> None:
        told = exsyncd("topics", EXSYNCD_KAFKA__TOPIC_PREFIX="prod.")
        assert told.exit_code == 0
        assert [name for name in catalogue.TOPICS if f"prod.{name}" not in told.output] == []
        assert "Rights the daemon needs" in told.output
        assert "Rights an operator needs" in told.output

    def test_it_needs_a_broker_only_to_create_or_verify(self) -> None:
        told = exsyncd("topics", "--verify")
        assert told.exit_code == 2
        assert "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS" in told.output


class TestSchema:
    def an_event(self, **changes: Any) -> str:
        after = {**ITEM, **changes}
        head = {"id": "si-1", "version": 5, "link": None, "revision": 0, "origin": "user", "notify": "none"}
        data = {**head, "actor": {"user": "u-anna", "on_behalf_of": None}, "before": None, "after": after}
        return json.dumps({"type": "crm.schedule-item.updated.v1", "data": data})

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "event.json"

    def test_a_good_event_is_called_good(self, file: Path) -> None:
        file.write_text(self.an_event())
        told = exsyncd("schema", "--validate", file)
        assert (told.exit_code, told.output) == (0, f"{file} is a good event\n")

    def test_a_bad_event_is_refused_by_field_and_rule(self, file: Path) -> None:
        """The value is not quoted."""
        file.write_text(self.an_event(start="canary-at-dawn", subject=7))
        told = exsyncd("schema", "--validate", file)
        assert told.exit_code == 1
        assert "after.subject: must be text" in told.output
        assert "after.start: " in told.output
        assert "canary" not in told.output

    def test_a_misspelled_field_is_noted(self, file: Path) -> None:
        file.write_text(self.an_event(sbuject="Review"))
        told = exsyncd("schema", "--validate", file)
        assert told.exit_code == 0
        assert "note: " in told.output
        assert "sbuject" in told.output

    def test_what_is_no_json_is_refused(self, file: Path) -> None:
        file.write_text("{")
        told = exsyncd("schema", "--validate", file)
        assert told.exit_code == 1
        assert "must be JSON" in told.output

    def test_documents_that_were_written_are_up_to_date_until_one_is_changed(self, tmp_path: Path) -> None:
        assert exsyncd("schema", "--output", tmp_path).exit_code == 0
        assert exsyncd("schema", "--check", tmp_path).exit_code == 0
        (tmp_path / "asyncapi.yaml").write_text("asyncapi: 1\n")
        told = exsyncd("schema", "--check", tmp_path)
        assert told.exit_code == 1
        assert "asyncapi.yaml" in told.output

    def test_it_must_be_told_what_to_do(self) -> None:
        assert exsyncd("schema").exit_code == 2
