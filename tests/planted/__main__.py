"""`python -m tests.planted [NAME...]`: plants each fault in a copy of the project, and shows which tests go red.

Exit code 1 if a test that must notice a fault stays green, or is red without any, or a patch does not apply any more.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.planted import faults, playing
from tests.planted.faults import Fault

_GREEN = "STAYED GREEN"


def main(names: Sequence[str]) -> int:
    chosen = [fault for fault in faults.known() if not names or fault.name in names]
    if not chosen:
        sys.stdout.write(f"no such fault: {', '.join(names)}\n")
        return 1
    failed = False
    for title, rows in _played(chosen):
        failed = failed or any(not is_well for _, _, is_well in rows)
        _tell(title, rows)
    sys.stdout.write("\nsomething is wrong\n" if failed else f"\nall {len(chosen)} faults were noticed\n")
    return int(failed)


Row = tuple[str, str, bool]
"""A test, what came of it, and whether that is as it must be."""


def _played(chosen: Sequence[Fault]) -> Iterator[tuple[str, list[Row]]]:
    with tempfile.TemporaryDirectory(prefix="planted-") as made:
        sound = faults.copied(Path(made) / "sound")
        tests = tuple(dict.fromkeys(test for fault in chosen for test in fault.tests))
        red = playing.failures(sound, tests)
        yield "nothing is planted", [(test, first, False) for test, first in red.items()] or [("all tests", "", True)]
        for fault in chosen:
            yield f"{fault.name}: {fault.wrong}", _planted(fault, faults.copied(Path(made) / fault.name))


def _planted(fault: Fault, place: Path) -> list[Row]:
    try:
        faults.apply(fault, place)
    except faults.DoesNotApply as error:
        return [("the patch no longer applies", str(error), False)]
    return list(_noticed(fault.tests, playing.failures(place, fault.tests)))


def _noticed(tests: Iterable[str], red: Mapping[str, str]) -> Iterator[Row]:
    for test in tests:
        yield test, red.get(test, _GREEN), test in red


def _tell(title: str, rows: Iterable[Row]) -> None:
    sys.stdout.write(f"\n{title}\n")
    for test, first, _ in rows:
        state = "green" if first in ("", _GREEN) else "red  "
        sys.stdout.write(f"  {state} {test}\n" + (f"        {first}\n" if first else ""))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
