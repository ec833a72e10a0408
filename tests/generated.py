"""`make docs` and its check: files of the repository that are written by the program itself.

Readers find them without running anything; a difference to what the program would write now is a failure.
"""

from __future__ import annotations

import sys
from pathlib import Path

from daemon import settings
from schemas import documents

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "exsyncd.example.toml"
SCHEMAS = ROOT / "schemas"


def differences() -> list[str]:
    """What is not up to date, one line each."""
    stale = [str(EXAMPLE.relative_to(ROOT))] if EXAMPLE.read_text() != settings.example() else []
    return [*stale, *documents.differences(SCHEMAS)]


def write() -> None:
    EXAMPLE.write_text(settings.example())
    documents.write(SCHEMAS)


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        write()
    stale = differences()
    for difference in stale:
        sys.stdout.write(f"not up to date: {difference}\n")
    if stale:
        sys.stdout.write("run `make docs` and commit what it writes\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
