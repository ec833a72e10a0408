"""Measures what is claimed, each figure beside its floor in the same run, and writes the figures down.

    python -m tests.bench [NAME ...] [--quick] [--json PATH]

Every benchmark is a module of this package with a function `rows(quick)`, and runs in a process of its own, so that
none inherits another's memory; one that fails or hangs costs its own rows only. Those that need a Kafka share one
(`EXSYNCD_TEST_KAFKA=host:port` uses another).
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import structlog

from daemon import garbage
from tests.bench import brokers
from tests.bench.rows import Row, dump, load, say, table, write

BENCHMARKS = (
    "decode",
    "inbound",
    "ingest",
    "million",
    "burst",
    "engine",
    "lanes",
    "latency",
    "outbound",
    "series",
    "slowness",
)
FIGURES = Path(__file__).parents[2] / "build" / "bench.json"
PATIENCE = timedelta(minutes=4)
"""With one benchmark; on a quiet machine all together take little more."""


def main(arguments: Sequence[str]) -> int:
    """0: all benchmarks have their figures, whether they meet their goals or not."""
    asked = _asked(arguments)
    if asked.rows_to:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that has just started is no news here
        benchmark = importlib.import_module(f"tests.bench.{asked.names[0]}")
        garbage.look_seldom()  # as the daemon's process; floors have it from this, too
        dump(benchmark.rows(asked.quick), Path(asked.rows_to))
        return 0
    rows, failed = _measured(asked.names or BENCHMARKS, quick=asked.quick)
    say(f"\n{table(rows)}")
    write(rows, Path(asked.json))
    for name in failed:
        say(f"{name}: no figures, see above")
    return 1 if failed else 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Figures beside their floors.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all without any")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer rounds: does it run at all?")
    parser.add_argument("--json", default=str(FIGURES), help="where the figures go (default: build/bench.json)")
    parser.add_argument("--rows-to", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    unknown = set(asked.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return asked


def _measured(names: Sequence[str], *, quick: bool) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    failed: list[str] = []
    with brokers.one_for_all(names), tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name in names:
            began = time.monotonic()
            found = _alone(name, Path(folder) / f"{name}.json", quick=quick)
            say(f"{name}: {'failed' if found is None else 'done'} after {time.monotonic() - began:.0f} s")
            rows += found or []
            failed += [] if found is not None else [name]
    return rows, failed


def _alone(name: str, path: Path, *, quick: bool) -> list[Row] | None:
    """One benchmark in a process of its own; None if it ended without figures."""
    command = [sys.executable, "-m", "tests.bench", name, "--rows-to", str(path), *(["--quick"] if quick else [])]
    with subprocess.Popen(command, start_new_session=True) as benchmark:
        try:
            status = benchmark.wait(PATIENCE.total_seconds())
        except subprocess.TimeoutExpired:
            say(f"{name}: not done after {PATIENCE}")
            return None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(benchmark.pid, signal.SIGKILL)  # with whatever it has started
    return load(path) if status == 0 else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
