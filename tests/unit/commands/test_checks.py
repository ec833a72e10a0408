"""What `exsyncd check` says of settings, addresses and stores, each by itself; all together: tests/integration."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from daemon import settings as configuration
from daemon.cli import cli
from daemon.commands.checks import effective, listening, telling
from daemon.commands.checks.effective import Row
from daemon.commands.checks.findings import Finding, Status, failed, note, ok
from daemon.commands.checks.telling import Area
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.observe.progress import Progress

ENOUGH = {
    "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "EXSYNCD_EXCHANGE__ENDPOINT": "http://127.0.0.1:1/EWS/Exchange.asmx",
    "EXSYNCD_EXCHANGE__USERNAME": "sync@bank.example",
    "EXSYNCD_EXCHANGE__PASSWORD": "not-for-screens",
}
SHORT = timedelta(seconds=2)


def rows(config: Path | None = None, **env: str) -> dict[str, Row]:
    everything = {**ENOUGH, **env}
    settings = configuration.load(config, everything)
    return {row.name: row for row in effective.rows(settings, config, everything)}


class TestSettings:
    def test_each_is_told_with_where_it_comes_from(self, tmp_path: Path) -> None:
        config = tmp_path / "exsyncd.toml"
        config.write_text('security_model = "cam"\n[kafka]\ngroup_id = "file"\n[hints]\nsettle = "2s"\n')
        told = rows(config, EXSYNCD_KAFKA__GROUP_ID="mine")
        assert told["kafka.group_id"] == Row("kafka.group_id", "mine", "environment")
        assert told["security_model"] == Row("security_model", "cam", str(config))
        assert told["hints.settle"] == Row("hints.settle", '"2s"', str(config))
        assert told["logs.level"] == Row("logs.level", "info", "default")

    def test_a_table_may_come_from_several_places(self, tmp_path: Path) -> None:
        config = tmp_path / "exsyncd.toml"
        config.write_text('[options]\n"for_contacts.inbound" = false\n')
        told = rows(config, EXSYNCD_OPTIONS__MEETING_ALARMS="true")
        assert told["options"].source == f"{config} and environment"

    @pytest.mark.parametrize("spelled", ["{folder}", "{folder}/"])
    def test_a_secret_in_a_credential_or_a_file_is_told_to_be_there(self, tmp_path: Path, spelled: str) -> None:
        (tmp_path / "exchange.password").write_text("not-for-screens")
        unset = {"EXSYNCD_EXCHANGE__PASSWORD": ""}
        told = rows(None, **unset, CREDENTIALS_DIRECTORY=spelled.format(folder=tmp_path))
        assert told["exchange.password"] == Row("exchange.password", "(hidden)", "credential")
        file = tmp_path / "exchange.password"
        told = rows(None, **unset, EXSYNCD_EXCHANGE__PASSWORD_FILE=str(file))
        assert told["exchange.password"] == Row("exchange.password", "(hidden)", str(file))
        assert told["kafka.sasl_password"] == Row("kafka.sasl_password", "", "default")

    @pytest.mark.parametrize(
        "url",
        ["postgresql://me:not-for-screens@db.example:5432/sync", "postgresql://db.example/x?password=not-for-screens"],
    )
    def test_a_databases_url_is_shown_without_its_password(self, url: str) -> None:
        shown = rows(EXSYNCD_STORE__URL=url)["store.url"].value
        assert "db.example" in shown
        assert "not-for-screens" not in shown

    def test_one_that_does_nothing_yet_says_so(self) -> None:
        told = rows(EXSYNCD_CONFLICTS__PARTICIPANTS="crm_wins", EXSYNCD_CONFLICTS__DEFAULT="latest_wins")
        assert told["conflicts.participants"].is_idle
        assert not told["conflicts.default"].is_idle
        assert "crm_wins (no effect in this version)" in screen(told["conflicts.participants"])


def screen(*shown: Row, every: bool = False) -> str:
    console = Console(file=io.StringIO(), width=80)
    telling.settings(shown, console, every=every)
    return console.file.getvalue()


def test_defaults_are_counted_and_shown_when_asked_for() -> None:
    set_, default = Row("a", "1", "environment"), Row("b", "2", "default")
    assert screen(set_, default) == "Settings\n  environment:\n    a  1\n  and 1 defaults (--all shows them)\n"
    assert screen(set_, default, every=True) == "Settings\n  environment:\n    a  1\n  default:\n    b  2\n"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_lines_are_broken_between_words_and_long_words_stay_whole(width: int) -> None:
    """A fingerprint is compared and a command copied."""
    fingerprint = ":".join(["AB"] * 32)
    console = Console(file=io.StringIO(), width=width)
    telling.areas(
        [Area("Exchange", "https://mail", [failed("certificate", "wrong " * 30, f"see {fingerprint}")])], console
    )
    lines = console.file.getvalue().splitlines()
    assert any(fingerprint in line for line in lines)
    assert all(len(line) <= width or fingerprint in line for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_a_note_is_no_failure() -> None:
    areas = [Area("Kafka", "", [ok("reached", "yes"), note("clock", "late", "mend it")])]
    console = Console(file=io.StringIO(), width=80)
    telling.summary(areas, console)
    assert "Everything the daemon needs is there." in console.file.getvalue()
    assert telling.as_json([], areas, version="1")["ok"] is True


class TestListening:
    async def at(self, bind: str) -> Finding:
        env = {**ENOUGH, "EXSYNCD_HTTP__BIND": bind}
        (finding,) = await listening.check(configuration.load(None, env), SHORT)
        return finding

    async def test_a_free_address(self) -> None:
        assert (await self.at("127.0.0.1:0")).status is Status.OK

    async def test_one_that_a_running_exsyncd_has(self) -> None:
        """A check beside a running daemon finds nothing wrong."""
        progress = Progress(lambda: 0, stuck_after=timedelta(minutes=1))
        health = Health(Metrics(topics=(), version="1"), progress=progress, checks={})
        port = await health.start("127.0.0.1", 0)
        finding = await self.at(f"127.0.0.1:{port}")
        await health.stop()
        assert finding == note("address", f"127.0.0.1:{port} is taken by a running exsyncd")

    async def test_one_that_is_not_of_this_machine(self) -> None:
        finding = await self.at("192.0.2.1:80")
        assert (finding.status, finding.text) == (
            Status.FAILED,
            "192.0.2.1:80 cannot be listened on: Cannot assign requested address",
        )
        assert "http.bind" in finding.remedies[0]


class TestCommand:
    """The command itself; nothing answers anywhere."""

    @pytest.fixture
    def env(self, tmp_path: Path) -> dict[str, str]:
        return {**ENOUGH, "EXSYNCD_STORE__URL": f"sqlite:///{tmp_path}/store", "EXSYNCD_HTTP__BIND": "127.0.0.1:0"}

    def test_fails_with_1_where_something_is_wrong(self, env: dict[str, str]) -> None:
        done = CliRunner().invoke(cli, ["check"], env=env)
        assert done.exit_code == 1
        assert "Not ready: Kafka (1), Exchange (1)." in done.stdout
        assert done.stderr == ""

    def test_speaks_json(self, env: dict[str, str]) -> None:
        done = CliRunner().invoke(cli, ["check", "--json"], env=env)
        assert done.exit_code == 1
        assert {check["area"] for check in json.loads(done.stdout)["checks"]} == {"Kafka", "Store", "Exchange", "HTTP"}

    def test_fails_with_2_where_settings_cannot_be_used(self, env: dict[str, str]) -> None:
        done = CliRunner().invoke(cli, ["check"], env={**env, "EXSYNCD_SECURITY_MODEL": "spam"})
        assert done.exit_code == 2
        assert "security_model" in done.stderr

    def test_refuses_what_is_no_address(self, env: dict[str, str]) -> None:
        done = CliRunner().invoke(cli, ["check", "--mailbox", "anna"], env=env)
        assert done.exit_code == 2
        assert "anna is no address" in done.stderr
