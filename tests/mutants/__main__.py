"""`python -m tests.mutants [--again] [PATTERN...]`: lists the mutants that live in `build/mutants.txt`.

Patterns are names of mutants: `handlers.merging.*`. `--again` before them asks only of those that lived, of what
changed since, and of what a run that was broken off did not ask. Exit code 1 if too many live, or one that nobody
explained. `WORKERS` says how many processes work side by side.
"""

from __future__ import annotations

import os
import sys

from tests.mutants import judging, running

LISTED = running.ROOT / "build" / "mutants.txt"


def main(arguments: list[str]) -> int:
    explained = judging.explanations()
    again = arguments[:1] == ["--again"]
    patterns = arguments[1:] if again else arguments
    result = running.run(patterns, workers=int(os.environ.get("WORKERS", "2")), again=again)
    verdict = judging.judge(result, explained, whole=not patterns)
    text = judging.told(verdict)
    LISTED.write_text(text)
    first, *_, last = text.splitlines()
    sys.stdout.write(f"{first}\n{last}\nlisted in {LISTED.relative_to(running.ROOT)}\n")
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
