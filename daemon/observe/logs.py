"""Logs: JSON for machines, readable lines on a terminal; one record, one line, to standard error.

Our own log calls are `noun.verb` events with key-values (structlog). What libraries log goes the same way, but
scrubbed: exchangelib writes request headers and whole requests (bodies, attendees) into its records.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import Processor

from daemon.observe import masking

log = structlog.get_logger(__name__)

ERROR_UNCAUGHT = "error.uncaught"

OURS = ("daemon", "handlers", "schemas")
QUIET_UNTIL = logging.WARNING
"""Libraries speak from here on, whatever our own level: below it are wire dumps and chatter."""

PLAIN_LIBRARIES = ("aiohttp", "aiokafka", "alembic")
"""Libraries whose texts are kept. Of any other only the fixed part is: exchangelib and urllib3 handle items and
secrets, asyncio quotes the exception of a task that nobody awaited.
"""

REPEAT_AFTER = 30.0
"""Seconds: a library that repeats itself (a broker that is down, say) is heard once in that time."""

MOST_REMEMBERED = 500
HEAD = ("timestamp", "level", "event", "logger")
"""The keys every line starts with; their values are texts of the program."""

Format = Literal["auto", "json", "readable"]


def configure(level: str = "info", *, form: Format = "auto", stream: TextIO | None = None) -> None:
    """Sets up logging of the whole process; calling it again replaces what was set up."""
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(readable=form == "readable" or (form == "auto" and out.isatty())))
    handler.addFilter(LibraryFilter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(QUIET_UNTIL, _level(level)))
    for package in OURS:
        logging.getLogger(package).setLevel(_level(level))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a logger made at import must follow a later configuration
    )


def catch_uncaught() -> None:
    """Lets errors that nobody catches be logged as every other, instead of Python printing them with their texts."""
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda caught: _log_uncaught(caught.exc_type, caught.exc_value, caught.exc_traceback)
    sys.unraisablehook = lambda caught: _log_uncaught(caught.exc_type, caught.exc_value, caught.exc_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), trace)
        return
    log.critical(ERROR_UNCAUGHT, exc_info=error or kind())


def _level(name: str) -> int:
    return logging.getLevelNamesMapping()[name.upper()]


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        explain_exception,
        mask,
    ]


def _formatter(*, readable: bool) -> logging.Formatter:
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=True)
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def explain_exception(_logger: object, _method: str, values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces `exc_info` by a trace without content; structlog's own quotes every exception's text."""
    error = _exception(values.pop("exc_info", None))
    if error is not None:
        values["exception"] = masking.exception_trace(error)
    return values


def _exception(given: object) -> BaseException | None:
    if isinstance(given, tuple):
        given = given[1]
    elif given is True:
        given = sys.exc_info()[1]
    return given if isinstance(given, BaseException) else None


def mask(_logger: object, _method: str, values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keeps content out, see `masking`; underscored keys are structlog's own and are not rendered."""
    inner = {key: value for key, value in values.items() if key.startswith("_")}
    shown = {key: value for key, value in values.items() if not key.startswith("_")}
    trace = {"exception": shown.pop("exception")} if "exception" in shown else {}
    masked = masking.mask_values(shown, plain=frozenset(HEAD))
    head = {key: masked.pop(key) for key in HEAD if key in masked}
    return {**head, **masked, **trace, **inner}


class LibraryFilter(logging.Filter):
    """Scrubs what libraries log, and hushes their repetitions."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        package = record.name.partition(".")[0]
        if package in OURS:
            return True
        if package not in PLAIN_LIBRARIES:
            _scrub(record)
        return not self._is_repetition(record)

    def _is_repetition(self, record: logging.LogRecord) -> bool:
        said = (record.name, str(record.msg))
        before = self._heard.get(said)
        if before is not None and record.created - before < REPEAT_AFTER:
            return True
        if len(self._heard) >= MOST_REMEMBERED:
            self._heard.clear()
        self._heard[said] = record.created
        return False


def _scrub(record: logging.LogRecord) -> None:
    """Keeps the place and the fixed part of the text. Without arguments the text was put together before the call and
    may hold anything.
    """
    text = str(record.msg) if record.args else "(text withheld)"
    record.msg = f"{record.funcName}:{record.lineno} {text}"
    record.args = None
