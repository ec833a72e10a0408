"""The planted faults: patches beside this module, each of which says what it breaks and which tests must notice.

What is wrong, in one line.

Noticed-by: tests/rules/test_echoes.py::test_something
Noticed-by: ...

diff --git ...
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NEEDED = ("daemon", "handlers", "schemas", "tests", "pyproject.toml")
_NOTICED_BY = "Noticed-by: "
_DIFF = "diff --git "


class DoesNotApply(Exception):
    """The code has changed where a fault is to be planted: make its patch anew."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what is wrong, the tests that must go red, and where the patch lies."""

    wrong: str
    tests: tuple[str, ...]
    patch: Path

    @property
    def name(self) -> str:
        return self.patch.stem


def known() -> tuple[Fault, ...]:
    """All planted faults."""
    return tuple(_read(path) for path in sorted(Path(__file__).parent.glob("*.patch")))


def copied(place: Path) -> Path:
    """Copies to an empty place what the tests need."""
    for name in _NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, place / name)
    return place


def apply(fault: Fault, place: Path, *, only_check: bool = False) -> None:
    """Plants a fault in the files at a place. Raises `DoesNotApply`."""
    command = ["git", "apply", *(["--check"] if only_check else []), str(fault.patch)]
    alone = os.environ | {"GIT_CEILING_DIRECTORIES": str(place.parent)}  # git would skip what another tree ignores
    done = subprocess.run(command, cwd=place, env=alone, check=False, capture_output=True, text=True)
    if done.returncode:
        raise DoesNotApply(f"{fault.patch.name}: {done.stderr.strip()}")


def _read(path: Path) -> Fault:
    said = path.read_text().partition(_DIFF)[0].splitlines()
    tests = tuple(line.removeprefix(_NOTICED_BY) for line in said if line.startswith(_NOTICED_BY))
    return Fault(said[0], tests, path)
