"""Logs: one line a record, and no content in any of them whoever logs it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from daemon.observe import logs, masking

CANARY = "Canary-Kanarienvogel"


@pytest.fixture(autouse=True)
def _process_wide_logging() -> Iterator[None]:
    """Leaves the process's logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for package in logs.OURS:
        logging.getLogger(package).setLevel(logging.NOTSET)
    logging.captureWarnings(False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


class Colour(StrEnum):
    RED = "red"


@dataclass
class Meeting:
    subject: str


class TestOurs:
    def test_a_record_is_one_json_line_with_its_context(self, out: io.StringIO) -> None:
        logs.configure("info", form="json", stream=out)

        with structlog.contextvars.bound_contextvars(topic="crm.users", offset=7):
            structlog.get_logger("daemon.bus").info("record.finished", outcome="done")

        (line,) = lines(out)
        assert list(line)[:4] == ["timestamp", "level", "event", "logger"]
        assert {key: line[key] for key in ("event", "topic", "offset", "outcome")} == {
            "event": "record.finished",
            "topic": "crm.users",
            "offset": 7,
            "outcome": "done",
        }

    def test_on_a_terminal_it_is_readable(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        terminal = Terminal()
        logs.configure("info", stream=terminal)

        structlog.get_logger("daemon.bus").warning("broker.lost", attempts=3)

        assert "broker.lost" in terminal.getvalue()
        assert not terminal.getvalue().startswith("{")

    def test_below_its_level_nothing_is_written(self, out: io.StringIO) -> None:
        logs.configure("warning", form="json", stream=out)

        structlog.get_logger("daemon.bus").info("record.finished")

        assert out.getvalue() == ""

    def test_a_logger_made_before_the_configuration_follows_it(self, out: io.StringIO) -> None:
        logger = structlog.get_logger("daemon.early")
        logs.configure("debug", form="json", stream=out)

        logger.debug("engine.started")

        assert [line["event"] for line in lines(out)] == ["engine.started"]

    def test_configuring_twice_does_not_write_twice(self, out: io.StringIO) -> None:
        logs.configure("info", form="json", stream=out)
        logs.configure("info", form="json", stream=out)

        structlog.get_logger("daemon.bus").info("engine.started")

        assert len(lines(out)) == 1


@pytest.mark.rule("PRIV-5")
@pytest.mark.scenario("S11a")
class TestContent:
    @pytest.mark.parametrize(
        "key",
        ["subject", "body", "location", "address", "email", "name", "notes", "password", "item_subject", "guest_names"],
    )
    def test_s11a_priv_5_what_a_key_names_as_content_is_masked(self, out: io.StringIO, key: str) -> None:
        logs.configure("info", form="json", stream=out)

        structlog.get_logger("daemon.x").info("item.read", **{key: CANARY})

        assert lines(out)[0][key] == masking.MASK
        assert CANARY not in out.getvalue()

    @pytest.mark.parametrize(
        "value",
        [
            f"{CANARY}@bank.example",
            f"the address <{CANARY}@bank.example> is unknown",
            f"mailto:{CANARY}@bank.example",
            f"{CANARY}＠bank.example",
            f"/o=Bank/ou=Exchange/cn=Recipients/cn={CANARY}",
            Meeting(CANARY),
            {"subject": CANARY},
            [Meeting(CANARY)],
            (f"{CANARY}@bank.example",),
            CANARY.encode(),
        ],
    )
    def test_s11a_priv_5_addresses_and_objects_are_masked_under_any_key(self, out: io.StringIO, value: object) -> None:
        logs.configure("info", form="json", stream=out)

        structlog.get_logger("daemon.x").info("mailbox.denied", which=value)
        structlog.get_logger("daemon.x").info(f"mailbox.denied {value}" if isinstance(value, str) else "x.y")

        assert len(lines(out)) == 2
        assert CANARY not in out.getvalue()

    def test_s11a_priv_5_the_text_of_a_foreign_exception_is_not_written_but_its_place_is(
        self, out: io.StringIO
    ) -> None:
        logs.configure("info", form="json", stream=out)

        try:
            try:
                {}[CANARY]
            except KeyError:
                raise ValueError(CANARY) from None
        except ValueError:
            structlog.get_logger("daemon.x").exception("item.unreadable")

        assert lines(out)[0]["exception"].endswith("ValueError")
        assert "test_logs.py" in lines(out)[0]["exception"]
        assert CANARY not in out.getvalue()

    def test_s11a_priv_5_causes_and_groups_are_shown_as_little(self, out: io.StringIO) -> None:
        logs.configure("info", form="json", stream=out)

        def fail() -> None:
            try:
                raise ValueError(CANARY)
            except ValueError as cause:
                raise ExceptionGroup(CANARY, [ConnectionRefusedError(111, "Connection refused")]) from cause

        try:
            fail()
        except ExceptionGroup:
            structlog.get_logger("daemon.x").exception("work.failed")

        text = lines(out)[0]["exception"]
        assert "ConnectionRefusedError: [Errno 111] Connection refused" in text
        assert "ValueError\nwhich led to:" in text
        assert CANARY not in out.getvalue()

    def test_s11a_priv_5_exchangelib_s_dumps_of_requests_are_withheld(self, out: io.StringIO) -> None:
        """It logs the whole request at ERROR when something unexpected happens, and headers at DEBUG."""
        logs.configure("debug", form="json", stream=out)
        library = logging.getLogger("exchangelib.util")

        library.error("%s: %s\n%s", "ValueError", CANARY, f"<t:Subject>{CANARY}</t:Subject>")
        library.error(f"<t:Subject>{CANARY}</t:Subject>")
        library.debug("Request headers: %s", {"Authorization": CANARY})
        logging.getLogger("urllib3.connectionpool").warning("Retrying %s", CANARY)

        assert [line["logger"] for line in lines(out)] == ["exchangelib.util"] * 2 + ["urllib3.connectionpool"]
        assert CANARY not in out.getvalue()

    def test_s11a_priv_5_an_exception_logged_by_exchangelib_is_withheld(self, out: io.StringIO) -> None:
        logs.configure("info", form="json", stream=out)

        try:
            raise ValueError(CANARY)
        except ValueError:
            logging.getLogger("exchangelib.protocol").exception("call failed: %s", CANARY)

        assert len(lines(out)) == 1
        assert CANARY not in out.getvalue()

    async def test_s11a_priv_5_asyncio_does_not_quote_the_exception_of_a_forgotten_task(self, out: io.StringIO) -> None:
        logs.configure("info", form="json", stream=out)
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[None] = loop.create_future()
        failed.set_exception(ValueError(CANARY))

        loop.default_exception_handler(
            {"message": "Task exception was never retrieved", "future": failed, "exception": failed.exception()}
        )

        assert lines(out)[0]["exception"] == "ValueError"
        assert CANARY not in out.getvalue()

    def test_s11a_priv_5_an_error_that_nobody_catches_is_logged_without_its_text(self) -> None:
        """Python itself would print it with everything it says, from whichever thread."""
        program = (
            "import threading; from daemon.observe import logs\n"
            "logs.configure('info', form='json'); logs.catch_uncaught()\n"
            f"def fail(): raise ValueError({CANARY!r})\n"
            "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
            "class Unclosed:\n    def __del__(self): fail()\n"
            "Unclosed()\n"
            "fail()\n"
        )

        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

        told = [json.loads(line) for line in run.stderr.splitlines()]
        assert run.returncode == 1
        assert [line["event"] for line in told] == ["error.uncaught"] * 3
        assert all(line["exception"].endswith("ValueError") for line in told)
        assert CANARY not in run.stderr

    @given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\"'<>(),;:=[] "), min_size=1))
    def test_s11a_priv_5_no_spelling_of_an_address_passes(self, local: str) -> None:
        written = "".join(local.split()) or "x"

        assert masking.mask_text(f"{written}@bank.example") == masking.ADDRESS_MASK


class TestPlainValues:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (3, 3),
            (True, True),
            (None, None),
            (Colour.RED, "red"),
            (timedelta(seconds=90), "0:01:30"),
            (datetime(2026, 12, 1, tzinfo=UTC), "2026-12-01 00:00:00+00:00"),
            (Path("/etc/exsyncd"), "/etc/exsyncd"),
            (("a", 1), ["a", 1]),
            ("x" * 1000, "x" * masking.LONGEST_TEXT + "..."),
        ],
    )
    def test_ids_numbers_and_times_are_kept(self, value: object, shown: object) -> None:
        assert masking.mask_values({"which": value}, plain=frozenset()) == {"which": shown}


class TestLibraries:
    def test_chatter_of_the_kafka_client_is_not_written_whatever_our_level(self, out: io.StringIO) -> None:
        logs.configure("debug", form="json", stream=out)

        logging.getLogger("aiokafka.consumer.group_coordinator").info("Heartbeat")

        assert out.getvalue() == ""

    def test_a_library_that_repeats_itself_is_heard_once(self, out: io.StringIO) -> None:
        logs.configure("info", form="json", stream=out)

        for node in range(50):
            logging.getLogger("aiokafka").error("Unable connect to node with id %s", node)
        logging.getLogger("aiokafka").error("something else")

        assert [line["event"] for line in lines(out)] == ["Unable connect to node with id 0", "something else"]

    def test_after_a_while_it_is_heard_again(self) -> None:
        hush = logs.LibraryFilter()
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 1, "down", None, None)
        later = logging.LogRecord("aiokafka", logging.ERROR, "", 1, "down", None, None)
        later.created = record.created + logs.REPEAT_AFTER

        assert (hush.filter(record), hush.filter(record), hush.filter(later)) == (True, False, True)

    def test_our_own_records_may_repeat(self, out: io.StringIO) -> None:
        logs.configure("info", form="json", stream=out)

        for _ in range(3):
            structlog.get_logger("daemon.bus").info("record.finished")

        assert len(lines(out)) == 3
