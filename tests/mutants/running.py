"""Asks the tests of the core, in a copy of it, about each of its mutants.

What a run was told is kept: `again` asks only of what lived, and of what changed since.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import making, session

ROOT = Path(__file__).parents[2]
WORKSHOP = ROOT / "build" / "mutants"
KEPT = ROOT / "build" / "mutants-made"
NEEDED = ("daemon", "handlers", "schemas", "tests")
PROVING = ("tests/rules", "tests/unit/handlers")
ALIVE = frozenset({"survived", "no tests"})
DEAD = frozenset({"killed", "timeout"})
_TOLD = KEPT / "told.jsonl"  # digest of a mutant, and what came of it; a run that was broken off is not lost
SETTINGS = """
[tool.mutmut]
source_paths = ["handlers"]
track_dependencies = false

[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
markers = ["rule", "scenario", "requirement"]
"""
_PYTEST = (
    *("-q", "-p", "tests.mutants.session", "-p", "no:cacheprovider", f"--hypothesis-profile={session.PROFILE}"),
    *("--assert=plain", "--tb=native"),  # what failed is all that is asked; why would take longer than the test
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change nobody noticed: in which function, the line as it was and as it became, and mutmut's name for it."""

    where: str
    was: str
    now: str
    name: str = ""
    status: str = "survived"


@dataclass(frozen=True, slots=True)
class Result:
    """How many mutants there were, of each module, and those that live."""

    modules: Mapping[str, int]
    alive: tuple[Mutant, ...]

    @property
    def total(self) -> int:
        return sum(self.modules.values())

    @property
    def killed(self) -> float:
        return 1 - len(self.alive) / self.total if self.total else 0.0


def run(patterns: Sequence[str], *, workers: int, again: bool = False) -> Result:
    """Judges all mutants, or those whose names match a pattern. Raises `RuntimeError` if it cannot be done.

    `again`: what was killed stays so where its function is as it was.
    """
    changed, originals = _prepare(patterns)
    digests = {name: hashlib.sha256(f"{name} {text}".encode()).hexdigest()[:16] for name, text in changed.items()}
    dead = {digest for digest, status in _told().items() if again and status in DEAD}
    _ask({name: digest for name, digest in digests.items() if digest not in dead}, workers)
    told = _told()
    statuses = {name: told[digest] for name, digest in digests.items() if digest in told}
    if unjudged := [name for name in changed if statuses.get(name) not in ALIVE | DEAD] or not changed:
        raise RuntimeError(f"not judged: {unjudged}")
    alive = [
        Mutant(making.readable(making.function_of(name)), *making.change(name, originals[name], text), name, status)
        for name, text in changed.items()
        if (status := statuses[name]) in ALIVE
    ]
    modules = Counter(name.rpartition(".")[0] for name in changed)
    return Result(modules, tuple(sorted(alive, key=lambda mutant: (mutant.where, mutant.was, mutant.now))))


def _prepare(patterns: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """A copy of what is tested and of what tests it, with the wanted mutants in it; their texts, and the originals."""
    shutil.rmtree(WORKSHOP, ignore_errors=True)
    for name in NEEDED:
        shutil.copytree(ROOT / name, WORKSHOP / name, ignore=shutil.ignore_patterns("__pycache__"))
    (WORKSHOP / "pyproject.toml").write_text(SETTINGS)
    os.chdir(WORKSHOP)  # mutmut reads its settings where it is called
    changed, originals = {}, {}
    for path in sorted(Path("handlers").glob("*.py")):
        module = f"handlers.{path.stem}"
        if not _wanted(module, [pattern.rpartition(".")[0] for pattern in patterns]):
            continue
        made = making.made(module, path.read_text(), KEPT)
        path.write_text(made.code)
        wanted = [name for name in made.changed if _wanted(name, patterns)]
        changed |= {name: made.changed[name] for name in wanted}
        originals |= {name: made.originals[name] for name in wanted}
    return changed, originals


def _wanted(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _told() -> dict[str, str]:
    """What came of each mutant when it was asked about last."""
    return dict(json.loads(line) for line in _TOLD.read_text().splitlines()) if _TOLD.exists() else {}


def _ask(digests: Mapping[str, str], workers: int) -> None:
    if not digests:
        return
    session.ASKED.write_text(json.dumps({"workers": workers, "told": str(_TOLD), "mutants": digests}))
    hurried = {name: value for name, value in os.environ.items() if name != "CI"}  # there, some tests draw more
    places = [place for place in PROVING if Path(place).exists()]
    said = WORKSHOP / "pytest.txt"
    with said.open("w") as out:
        asking = [sys.executable, "-m", "pytest", *_PYTEST, *places]
        ended = subprocess.run(asking, env=hurried, check=False, stdout=out)
    if ended.returncode:
        raise RuntimeError(f"the tests were not asked, see {said}")
