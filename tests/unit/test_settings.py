"""Settings: where values come from, which win, and what is said about a bad one."""

from __future__ import annotations

import json
import re
import time
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import settings
from daemon.settings import Settings, SettingsError, catalogue, values

ENOUGH = {
    "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "EXSYNCD_EXCHANGE__ENDPOINT": "http://127.0.0.1:18080/EWS/Exchange.asmx",
    "EXSYNCD_EXCHANGE__USERNAME": "sync@bank.example",
    "EXSYNCD_EXCHANGE__PASSWORD": "secret",
}


def loaded(env: Mapping[str, str] | None = None, *, toml: Path | None = None) -> Settings:
    return settings.load(toml, {**ENOUGH, **(env or {})})


def refusal(env: Mapping[str, str] | None = None, *, toml: Path | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        loaded(env, toml=toml)
    return str(refused.value)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "exsyncd.toml"


class TestWithNothingSet:
    def test_every_required_setting_is_named_at_once_with_both_names_and_what_to_do(self) -> None:
        """A person who starts the daemon for the first time needs one look, not four starts."""
        with pytest.raises(SettingsError) as refused:
            settings.load(None, {})

        assert [(each.environment, each.path) for each in refused.value.problems] == [
            ("EXSYNCD_KAFKA__BOOTSTRAP_SERVERS", "kafka.bootstrap_servers"),
            ("EXSYNCD_EXCHANGE__ENDPOINT", "exchange.endpoint"),
            ("EXSYNCD_EXCHANGE__USERNAME", "exchange.username"),
            ("EXSYNCD_EXCHANGE__PASSWORD", "exchange.password"),
        ]
        assert "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS=127.0.0.1:9092" in str(refused.value)
        assert "EXSYNCD_EXCHANGE__PASSWORD_FILE" in str(refused.value)
        assert len(str(refused.value).splitlines()) < 24, "it must fit on one screen"

    def test_a_command_that_needs_kafka_alone_asks_for_kafka_alone(self) -> None:
        ready = settings.load(None, {"EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": "k:9092"}, needs=("kafka",))

        assert ready.kafka.bootstrap_servers == "k:9092"

    def test_a_command_that_needs_neither_asks_for_nothing(self) -> None:
        assert settings.load(None, {}, needs=()).security_model == "ham"

    @pytest.mark.parametrize(
        ("auth", "wanted"),
        [
            ("gssapi", set()),
            ("oauth2", {"tenant_id", "client_id", "client_secret"}),
            ("ntlm", {"username", "password"}),
        ],
    )
    def test_what_a_login_needs_depends_on_its_kind(self, auth: str, wanted: set[str]) -> None:
        env = {"EXSYNCD_EXCHANGE__AUTH": auth, "EXSYNCD_EXCHANGE__ENDPOINT": "https://mail.example/"}
        problems: set[str] = set()
        try:
            settings.load(None, env, needs=("exchange",))
        except SettingsError as refused:
            problems = {problem.path for problem in refused.problems}

        assert problems == {f"exchange.{name}" for name in wanted}


class TestSources:
    def test_the_environment_wins_over_the_file_and_the_file_over_the_default(self, config: Path) -> None:
        config.write_text('[kafka]\ngroup_id = "file"\nclient_id = "file"\n')

        ready = loaded({"EXSYNCD_KAFKA__GROUP_ID": "environment"}, toml=config)

        assert (ready.kafka.group_id, ready.kafka.client_id, ready.kafka.topic_prefix) == ("environment", "file", "")

    def test_an_empty_variable_counts_as_not_set(self, config: Path) -> None:
        config.write_text('[kafka]\ngroup_id = "file"\n')

        assert loaded({"EXSYNCD_KAFKA__GROUP_ID": ""}, toml=config).kafka.group_id == "file"

    def test_lists_and_tables_are_json_in_the_environment(self) -> None:
        ready = loaded(
            {
                "EXSYNCD_BLACKLIST__PATTERNS": r'["@spam\\.example$"]',
                "EXSYNCD_ADDRESSES__DOMAIN_ALIASES": '{"Old.Example": "new.example."}',
            }
        )

        assert ready.blacklist.patterns == (r"@spam\.example$",)
        assert ready.addresses.domain_aliases == {"old.example": "new.example"}

    def test_a_secret_may_stand_in_a_file_whose_last_line_break_does_not_count(self, tmp_path: Path) -> None:
        (tmp_path / "password").write_text(" from file \n")
        env = {
            **ENOUGH,
            "EXSYNCD_EXCHANGE__PASSWORD": "",
            "EXSYNCD_EXCHANGE__PASSWORD_FILE": str(tmp_path / "password"),
        }

        assert settings.load(None, env).exchange.password.get_secret_value() == " from file "

    def test_a_secret_may_be_a_systemd_credential_named_like_the_setting(self, tmp_path: Path) -> None:
        (tmp_path / "exchange.password").write_text("from systemd\n")
        env = {**ENOUGH, "EXSYNCD_EXCHANGE__PASSWORD": "", "CREDENTIALS_DIRECTORY": str(tmp_path)}

        assert settings.load(None, env).exchange.password.get_secret_value() == "from systemd"

    def test_a_setting_that_is_no_secret_is_not_read_from_a_credential(self, tmp_path: Path) -> None:
        (tmp_path / "kafka.group_id").write_text("from systemd")

        assert loaded({"CREDENTIALS_DIRECTORY": str(tmp_path)}).kafka.group_id == "exsyncd"

    def test_a_secret_given_both_ways_is_refused(self, tmp_path: Path) -> None:
        assert "set twice" in refusal({"EXSYNCD_EXCHANGE__PASSWORD_FILE": str(tmp_path / "password")})

    def test_a_file_of_a_secret_that_cannot_be_read_is_named_once(self, tmp_path: Path) -> None:
        text = refusal({"EXSYNCD_EXCHANGE__PASSWORD": "", "EXSYNCD_EXCHANGE__PASSWORD_FILE": str(tmp_path / "absent")})

        assert str(tmp_path / "absent") in text
        assert text.count("EXSYNCD_EXCHANGE__PASSWORD ") == 1

    @pytest.mark.rule("OPT-2")
    @pytest.mark.parametrize(
        "toml",
        [
            '[options]\n"for_contacts.security_check" = true\n',
            "[options]\nfor_contacts.security_check = true\n",
            "[options.for_contacts]\nsecurity_check = true\n",
        ],
    )
    def test_opt_2_options_are_seeded_by_the_file_however_the_dot_is_written(self, config: Path, toml: str) -> None:
        config.write_text(toml)

        assert loaded(toml=config).options == {"for_contacts.security_check": True}

    @pytest.mark.rule("OPT-2")
    @pytest.mark.parametrize(
        "env",
        [
            {"EXSYNCD_OPTIONS": '{"for_contacts.security_check": true}'},
            {"EXSYNCD_OPTIONS__FOR_CONTACTS__SECURITY_CHECK": "true"},
        ],
    )
    def test_opt_2_options_are_seeded_by_the_environment(self, env: dict[str, str]) -> None:
        assert loaded(env).options == {"for_contacts.security_check": True}

    def test_an_option_of_the_environment_joins_those_of_the_file(self, config: Path) -> None:
        config.write_text("[options]\nmeeting_alarms = true\n")

        ready = loaded({"EXSYNCD_OPTIONS__TASK_ALARMS": "true"}, toml=config)

        assert ready.options == {"meeting_alarms": True, "task_alarms": True}


class TestRefusals:
    @pytest.mark.parametrize(
        ("toml", "named"),
        [
            ('security_model = "hamm"', ("EXSYNCD_SECURITY_MODEL", "security_model", "'hamm'", "'gsm'")),
            ('[kafka]\nbootstrap_server = "x"', ("kafka.bootstrap_server", "Did you mean kafka.bootstrap_servers?")),
            ('[hints]\nsettle = 5', ("EXSYNCD_HINTS__SETTLE", "hints.settle", "number with its unit")),
            ('[hints]\nsettle = "5"', ("EXSYNCD_HINTS__SETTLE", "500ms")),
            ('[engine]\nin_flight = 0', ("EXSYNCD_ENGINE__IN_FLIGHT", "greater than or equal to 1")),
            ('[http]\nbind = "8080"', ("EXSYNCD_HTTP__BIND", "HOST:PORT")),
            ('[store]\nurl = "mysql://u@h/d"', ("EXSYNCD_STORE__URL", "sqlite:///PATH")),
            ('[store]\nurl = "sqlite://"', ("EXSYNCD_STORE__URL", "sqlite:///PATH")),
            ('[exchange]\nca_file = "/absent.pem"', ("EXSYNCD_EXCHANGE__CA_FILE", "/absent.pem")),
            ('[addresses]\nplus_tag_domains = ["a@b"]', ("EXSYNCD_ADDRESSES__PLUS_TAG_DOMAINS", "bare domain")),
            ('[options]\n"for_contact.inbound" = true', ("EXSYNCD_OPTIONS", "for_contact.inbound is no option")),
            ('[kafka]\nsecurity_protocol = "SASL_SSL"', ("EXSYNCD_KAFKA__SASL_USERNAME", "kafka.sasl_password")),
            ('[engine]\nwindow = 10', ("EXSYNCD_ENGINE__WINDOW", "engine.poll_records")),
            ('[deletes.hold_above]\nshare = 20', ("EXSYNCD_DELETES__HOLD_ABOVE__SHARE", "less than or equal to 1")),
            ("kafka = 3", ("kafka", "valid dictionary")),
        ],
    )  # fmt: skip
    def test_a_bad_value_of_the_file_is_named_with_its_rule_and_source(
        self, config: Path, toml: str, named: tuple[str, ...]
    ) -> None:
        config.write_text(toml)
        text = refusal(toml=config)

        assert [part for part in named if part not in text] == [], text

    def test_several_problems_are_told_together_with_where_each_stands(self, config: Path) -> None:
        config.write_text('security_model = "x"\n[hints]\nsettle = "x"\n')

        with pytest.raises(SettingsError) as refused:
            settings.load(config, {**ENOUGH, "EXSYNCD_HTTP__BIND": "x", "EXSYNCD_EXCHANGE__USERNAME": ""})

        assert {(problem.path, problem.source) for problem in refused.value.problems} == {
            ("security_model", str(config)),
            ("hints.settle", str(config)),
            ("http.bind", "the environment"),
            ("exchange.username", ""),
        }

    def test_a_mistyped_variable_is_refused_with_the_right_name(self) -> None:
        assert "Did you mean EXSYNCD_KAFKA__GROUP_ID?" in refusal({"EXSYNCD_KAFKA__GRUOP_ID": "x"})
        assert "Did you mean EXSYNCD_SECURITY_MODEL?" in refusal({"EXSYNCD_SECURTY_MODEL": "ham"})

    def test_variables_that_kubernetes_makes_for_a_service_of_our_name_are_not_ours(self) -> None:
        made = {"EXSYNCD_SERVICE_HOST": "10.0.0.1", "EXSYNCD_PORT_8080_TCP": "tcp://10.0.0.1:8080"}

        assert loaded(made) == loaded()

    def test_a_secret_is_in_no_error_and_no_representation(self) -> None:
        url = "postgresql://user:CANARY@"
        text = refusal({"EXSYNCD_STORE__URL": url, "EXSYNCD_EXCHANGE__ENDPOINT": "https://u:CANARY@mail.example/"})
        good = loaded({"EXSYNCD_STORE__URL": "postgresql://u:CANARY@h/d", "EXSYNCD_EXCHANGE__PASSWORD": "CANARY"})

        assert "EXSYNCD_STORE__URL" in text
        assert "EXSYNCD_EXCHANGE__ENDPOINT" in text
        assert "CANARY" not in text + repr(good) + str(good)

    @pytest.mark.parametrize("content", [b"[kafka\n", b"\xff\xfe"])
    def test_a_file_that_is_no_toml_is_refused_by_its_name(self, config: Path, content: bytes) -> None:
        config.write_bytes(content)

        assert str(config) in refusal(toml=config)

    def test_an_absent_file_is_refused_by_its_name(self, config: Path) -> None:
        assert f"{config}\n    cannot be read: No such file" in refusal(toml=config)

    def test_broken_json_is_refused_with_an_example(self) -> None:
        text = refusal({"EXSYNCD_ADDRESSES__PLUS_TAG_DOMAINS": "a,b"})

        assert "is not JSON" in text
        assert '["bank.example"]' in text


class TestBlacklist:
    @pytest.mark.rule("BLK-1")
    @pytest.mark.parametrize(
        ("pattern", "address", "blocked"),
        [
            ("a@b.com", "a@b.com", True),
            ("a@b.com", "maria@b.com.example", True),
            ("a@b.com", "a@bXcom", True),
            (r"^a@b\.com$", "a@b.com", True),
            (r"^a@b\.com$", "maria@b.com", False),
            (r"@SPAM\.example$", "x@spam.example", True),
            (r"@spam\.example$", "x@spam.example.org", False),
        ],
    )
    def test_blk_1_a_pattern_is_searched_for_anywhere_whatever_the_case(
        self, pattern: str, address: str, blocked: bool
    ) -> None:
        ready = loaded({"EXSYNCD_BLACKLIST__PATTERNS": json.dumps([pattern])})

        assert ready.blacklist.blocks(address) is blocked

    @pytest.mark.rule("BLK-1")
    def test_blk_1_a_shell_pattern_is_refused_and_the_error_says_how_to_write_it(self, config: Path) -> None:
        config.write_text('[blacklist]\npatterns = ["@fine.example$", "*@b.com"]\n')

        text = refusal(toml=config)

        assert "blacklist.patterns[1]" in text
        assert "'*@b.com' is not a regular expression" in text
        assert r"write @b\.com$" in text

    @pytest.mark.rule("BLK-1")
    @pytest.mark.parametrize("pattern", ["(", "[z-a]", "(?=x)", r"(a)\1", "a" * 2000, " "])
    def test_blk_1_what_cannot_be_searched_for_is_refused(self, pattern: str) -> None:
        assert "blacklist.patterns[0]" in refusal({"EXSYNCD_BLACKLIST__PATTERNS": json.dumps([pattern])})

    @pytest.mark.rule("BLK-1")
    def test_blk_1_no_address_makes_a_search_slow(self) -> None:
        """With a backtracking engine this one would take longer than the universe is old."""
        ready = loaded({"EXSYNCD_BLACKLIST__PATTERNS": json.dumps(["^(a+)+$", "(x+x+)+y"])})

        before = time.process_time()
        assert not ready.blacklist.blocks("a" * 300 + "x" * 300 + "@b.example")
        assert time.process_time() - before < 1

    @pytest.mark.rule("BLK-3")
    def test_blk_3_the_blacklist_concerns_contacts_unless_said_otherwise(self) -> None:
        assert loaded().blacklist.applies_to == "contacts"
        assert loaded({"EXSYNCD_BLACKLIST__APPLIES_TO": "all"}).blacklist.applies_to == "all"


class TestReload:
    def test_what_decisions_look_at_is_in_force_and_connections_wait_for_a_restart(self, config: Path) -> None:
        config.write_text('[http]\nbind = "127.0.0.1:1"\n[for_contacts]\nmax_assigned_users = 5\n')
        before = loaded(toml=config)
        config.write_text('[http]\nbind = "127.0.0.1:2"\n[for_contacts]\nmax_assigned_users = 9\n')

        after = settings.reload(before, config, ENOUGH)

        assert after.settings.for_contacts.max_assigned_users == 9
        assert after.settings.http.bind == "127.0.0.1:1"
        assert (after.changed, after.needs_restart) == (("for_contacts",), ("http",))

    @pytest.mark.rule("BLK-1")
    def test_blk_1_a_bad_pattern_is_refused_with_its_path_and_the_list_in_force_stays(self, config: Path) -> None:
        config.write_text('[blacklist]\npatterns = ["@spam.example$"]\n')
        in_force = loaded(toml=config)
        config.write_text('[blacklist]\npatterns = ["*@b.com"]\n')

        with pytest.raises(SettingsError, match=r"blacklist\.patterns\[0\]"):
            settings.reload(in_force, config, ENOUGH)

        assert in_force.blacklist.blocks("x@spam.example")

    def test_nothing_changed_is_nothing_to_tell(self, config: Path) -> None:
        config.write_text("")
        after = settings.reload(loaded(toml=config), config, ENOUGH)

        assert (after.changed, after.needs_restart) == ((), ())


def test_every_setting_in_force_is_read_by_some_part_of_the_daemon() -> None:
    """A setting that changes nothing is worse than none; those of later versions say so."""
    root = Path(__file__).parents[2] / "daemon"
    sources = "\n".join(
        path.read_text() for path in root.rglob("*.py") if path.parent.name not in ("settings", "sandbox")
    )
    in_force = [setting for setting in catalogue.by_path().values() if not setting.is_later]

    unread = [setting.name for setting in in_force if not re.search(rf"\.{setting.path[-1]}\b", sources)]

    assert unread == []


class TestExample:
    def test_the_committed_file_is_what_the_models_say(self) -> None:
        committed = Path(__file__).parents[2] / "exsyncd.example.toml"

        assert committed.read_text() == settings.example(), "run `make docs`"

    def test_every_setting_is_in_it_with_its_environment_name(self) -> None:
        text = settings.example()

        assert [name for name in catalogue.by_environment() if f"[{name}]" not in text.replace("\n# ", " ")] == []

    def test_where_the_values_can_be_counted_they_are_listed(self) -> None:
        assert "One of ham, cam, gsm." in settings.example()
        assert "One of crm_wins, exchange_wins, latest_wins." in settings.example().replace("\n# ", " ")

    def test_as_it_stands_it_sets_nothing(self, config: Path) -> None:
        config.write_text(settings.example())

        assert loaded(toml=config) == loaded()

    def test_with_every_setting_uncommented_it_is_a_valid_file_of_defaults(self, config: Path, tmp_path: Path) -> None:
        """A person who removes a # must not be punished for it."""
        text = _uncommented(settings.example()).replace("/etc/exsyncd/", f"{tmp_path}/")
        for name in ("kafka-ca.pem", "kafka.pem", "kafka-key.pem", "exchange-ca.pem"):
            (tmp_path / name).touch()
        config.write_text(text)

        ready = settings.load(config, {})

        defaults = loaded()
        assert ready.engine == defaults.engine
        assert ready.hints == defaults.hints
        assert ready.deletes == defaults.deletes
        assert ready.exchange.timeout == defaults.exchange.timeout

    def test_the_contract_s_defaults_are_ours(self) -> None:
        ready = loaded()

        assert ready.options == {}
        assert (ready.blacklist.patterns, ready.blacklist.applies_to) == ((), "contacts")
        assert ready.for_contacts.max_assigned_users is None
        assert (ready.addresses.domain_aliases, ready.addresses.plus_tag_domains) == ({}, ())
        assert ready.alarms.series == "always"
        assert ready.related_notes.with_external_guests == "skip"
        assert ready.invitations.most_recipients == 250
        assert ready.conflicts.default == "crm_wins"
        assert ready.deletes.keep_items_days == 30
        assert (ready.deletes.hold_above.items, ready.deletes.hold_above.share) == (10, 0.2)
        assert set(ready.restrictions.model_dump().values()) == {None}
        assert ready.hints.settle == timedelta(seconds=1)


def _uncommented(example: str) -> str:
    names = {setting.path[-1] for setting in catalogue.by_path().values()}
    lines = example.splitlines()
    kept = [line[1:] if line.startswith("#") and line[1:].split(" = ")[0] in names else line for line in lines]
    text = "\n".join(kept)
    assert len(tomllib.loads(text)) > 10
    return text


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("500ms", timedelta(milliseconds=500)),
            ("1s", timedelta(seconds=1)),
            ("1m30s", timedelta(seconds=90)),
            ("1.5h", timedelta(minutes=90)),
            ("30d", timedelta(days=30)),
        ],
    )
    def test_a_number_with_its_unit(self, text: str, value: timedelta) -> None:
        assert values.parse_duration(text) == value

    @pytest.mark.parametrize("text", ["", "1", "s", "-1s", "1 s", "1x", 1, None, "9" * 400 + "s", "4000d"])
    def test_anything_else_is_refused(self, text: object) -> None:
        with pytest.raises(ValueError, match="must be"):
            values.parse_duration(text)

    @given(st.integers(min_value=0, max_value=10**9))
    def test_what_is_written_is_read_back(self, milliseconds: int) -> None:
        value = timedelta(milliseconds=milliseconds)

        assert values.parse_duration(values.format_duration(value)) == value


def test_where_to_listen_is_read_in_parts() -> None:
    assert loaded({"EXSYNCD_HTTP__BIND": "[::1]:81"}).http.address == ("::1", 81)


@pytest.mark.parametrize(
    ("bind", "expected"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:0", ("::1", 0)), ("0.0.0.0:1", ("0.0.0.0", 1))],
)
def test_an_address_to_listen_on_is_host_and_port(bind: str, expected: tuple[str, int]) -> None:
    assert values.parse_bind(bind) == expected
