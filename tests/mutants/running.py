"""Runs mutmut over a copy of the core, since it rewrites what it tests, and reads what came of it.

mutmut changes one place of one function at a time, and lets those tests judge that were seen to call the function.
What it leaves alone: functions under a decorator (properties), and what stands in a module outside of functions.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKSHOP = ROOT / "build" / "mutants"
NEEDED = ("daemon", "handlers", "schemas", "tests")
PROVING = ("tests/rules", "tests/unit/handlers")
ALIVE = frozenset({"survived", "no tests"})
DEAD = frozenset({"killed", "timeout", "segfault", "suspicious"})
_MUTMUT = Path(sys.executable).with_name("mutmut")
_PLUGINS = ("-p", "tests.mutants.hurrying", "--hypothesis-profile=mutants", "-p", "no:cacheprovider")
_PYTEST = """
[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
markers = ["rule", "scenario", "requirement"]
"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change nobody noticed: in which function, the line as it was and as it became, and mutmut's name for it."""

    where: str
    was: str
    now: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How many mutants there were, and those that live."""

    total: int
    alive: tuple[Mutant, ...]

    @property
    def killed(self) -> float:
        return 1 - len(self.alive) / self.total if self.total else 0.0


def run(patterns: Sequence[str], *, workers: int, again: bool = False) -> Result:
    """Judges all mutants, or those whose names match a pattern. Raises `RuntimeError` if it cannot be done.

    `again`: what was judged by the last run and killed stays so where its function is as it was.
    """
    if not again:
        shutil.rmtree(WORKSHOP, ignore_errors=True)
    _prepare()
    _judge(patterns, workers)
    if again:
        _judge([name for name, status in _statuses(()).items() if status in ALIVE], workers)
    statuses = _statuses(patterns)
    unjudged = [name for name, status in statuses.items() if status not in ALIVE | DEAD]
    if unjudged or not statuses:
        raise RuntimeError(f"mutmut left {len(unjudged)} of {len(statuses)} mutants unjudged")
    alive = [_described(name) for name, status in statuses.items() if status in ALIVE]
    return Result(len(statuses), tuple(sorted(alive, key=lambda mutant: (mutant.where, mutant.was, mutant.now))))


def _prepare() -> None:
    """A copy of what is tested and of what tests it, and mutmut's settings for it."""
    for name in NEEDED:
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, WORKSHOP / name, ignore=unwanted, dirs_exist_ok=True)
    settings = {
        "source_paths": ["handlers"],
        "also_copy": [name for name in NEEDED if name != "handlers"],
        "pytest_add_cli_args": list(_PLUGINS),
        "pytest_add_cli_args_test_selection": [place for place in PROVING if (ROOT / place).is_dir()],
        "track_dependencies": False,
        "use_git_change_detection": False,
    }
    lines = (f"{key} = {json.dumps(value)}" for key, value in settings.items())
    (WORKSHOP / "pyproject.toml").write_text("\n".join([_PYTEST, "[tool.mutmut]", *lines, ""]))


def _judge(names: Sequence[str], workers: int) -> None:
    hurried = {name: value for name, value in os.environ.items() if name != "CI"}  # there, some tests draw more
    subprocess.run([_MUTMUT, "run", "--max-children", str(workers), *names], cwd=WORKSHOP, check=False, env=hurried)


def _statuses(patterns: Iterable[str]) -> Mapping[str, str]:
    answer = _asked("results", "--all", "true")
    found = dict(line.strip().rsplit(": ", 1) for line in answer.splitlines() if ": " in line)
    wanted = tuple(patterns)
    return {name: status for name, status in found.items() if status != "not checked" or not wanted}


def _described(name: str) -> Mutant:
    lines = [line for line in _asked("show", name).splitlines() if not line.startswith(("---", "+++", "@@", "#"))]
    was = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    now = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    where = name.rpartition("__mutmut_")[0].replace(".x_", ".").replace("xǁ", "").replace("ǁ", ".")
    return Mutant(where, was, now, name)


def _asked(*question: str) -> str:
    return subprocess.run([_MUTMUT, *question], cwd=WORKSHOP, check=True, capture_output=True, text=True).stdout
