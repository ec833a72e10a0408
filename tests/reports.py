"""`make rules` and `make scenarios`: what is proven, by which test, and what is not.

A rule or scenario is proven if a test that runs carries its id in a marker. What belongs to a capability in scope
(`tests/catalogue.toml`) and has no test is listed and the exit code is 1; so is a marker whose id nobody knows, and a
scenario's test that does not say so in its name.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

CATALOGUE = Path(__file__).with_name("catalogue.toml")
MARKERS = {"rules": "rule", "scenarios": "scenario"}
CAPABILITIES = {
    "in": "inbound single meetings",
    "out": "outbound and tasks",
    "series": "recurrence",
    "mail": "invitations and delegation",
    "engine": "the bus under fire",
    "later": "full reads, snapshots, re-matching",
}
NOT_RUN = ("skip", "xfail")


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule or scenario of the catalogue."""

    id: str
    capability: str
    text: str
    in_scope: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """A test that carries an id; parametrised cases of one test are one proof."""

    id: str
    test: str


def read(kind: str, path: Path = CATALOGUE) -> list[Entry]:
    """The catalogue's entries of a kind, in its order."""
    document = tomllib.loads(path.read_text())
    scope = document["in_scope"]
    return [
        Entry(name, entry["capability"], entry["text"], entry["capability"] in scope)
        for name, entry in document[kind].items()
    ]


class Collector:
    """A pytest plugin that keeps the marked tests and runs none."""

    def __init__(self, marker: str) -> None:
        self.marker = marker
        self.proofs: set[Proof] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            if not any(item.get_closest_marker(name) for name in NOT_RUN):
                self.proofs |= {Proof(name, _plain(item)) for name in _ids(item, self.marker)}


def _plain(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _ids(item: pytest.Item, marker: str) -> set[str]:
    return {str(name) for mark in item.iter_markers(marker) for name in mark.args}


def collect(kind: str, paths: Iterable[str] = ("tests",)) -> set[Proof]:
    """The proofs of a kind in these tests; SystemExit with pytest's words where they cannot be collected."""
    collector = Collector(MARKERS[kind])
    said = io.StringIO()
    arguments = ["--collect-only", "-qq", "-p", "no:cacheprovider", *paths]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main(arguments, plugins=[collector])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(f"the tests cannot be collected:\n{said.getvalue()}")
    return collector.proofs


@dataclass(frozen=True, slots=True)
class Report:
    """What is proven, and what is wrong with that."""

    kind: str
    entries: tuple[Entry, ...]
    tests: Mapping[str, tuple[str, ...]]
    missing: tuple[Entry, ...]
    unknown: tuple[Proof, ...]
    unnamed: tuple[Proof, ...]

    @property
    def is_complete(self) -> bool:
        return not (self.missing or self.unknown or self.unnamed)


def report(kind: str, entries: Iterable[Entry], proofs: Iterable[Proof]) -> Report:
    """Puts the catalogue and the proofs side by side."""
    entries = tuple(entries)
    known = {entry.id for entry in entries}
    tests: dict[str, list[str]] = defaultdict(list)
    for proof in sorted(proofs, key=lambda proof: (proof.id, proof.test)):
        tests[proof.id].append(proof.test)
    everything = [Proof(name, test) for name, named in tests.items() for test in named]
    return Report(
        kind=kind,
        entries=entries,
        tests={name: tuple(named) for name, named in tests.items()},
        missing=tuple(entry for entry in entries if entry.in_scope and entry.id not in tests),
        unknown=tuple(proof for proof in everything if proof.id not in known),
        unnamed=tuple(_unnamed(everything)) if kind == "scenarios" else (),
    )


def _unnamed(proofs: Iterable[Proof]) -> Iterable[Proof]:
    """Scenario tests whose name tells none of the scenarios they carry."""
    scenarios: dict[str, list[str]] = defaultdict(list)
    for proof in proofs:
        scenarios[proof.test].append(proof.id)
    for test, names in scenarios.items():
        function = test.rpartition("::")[2]
        if not any(f"_{name.lower()}_" in f"{function}_" for name in names):
            yield Proof(names[0], test)


def render(result: Report) -> str:
    """The report as a person reads it: what is in scope first, then what comes later."""
    in_scope = [entry for entry in result.entries if entry.in_scope]
    later = [entry for entry in result.entries if not entry.in_scope]
    proven = sum(entry.id in result.tests for entry in in_scope)
    lines = [f"{result.kind} in scope: {proven} of {len(in_scope)} proven", ""]
    for entry in in_scope:
        lines += _entry_lines(entry, result.tests.get(entry.id, ()))
    lines += ["", f"{result.kind} of later capabilities: {len(later)}"]
    for capability, words in CAPABILITIES.items():
        names = [_later(entry, result) for entry in later if entry.capability == capability]
        lines += [f"  {capability} ({words}): {', '.join(names)}"] if names else []
    return "\n".join([*lines, *_complaints(result), ""])


def _entry_lines(entry: Entry, tests: tuple[str, ...]) -> list[str]:
    return [f"{entry.id:<8}{entry.text}", *(f"        {test}" for test in tests or ("MISSING",))]


def _later(entry: Entry, result: Report) -> str:
    count = len(result.tests.get(entry.id, ()))
    return f"{entry.id} (already {count})" if count else entry.id


def _complaints(result: Report) -> list[str]:
    lines: list[str] = []
    if result.missing:
        lines += ["", f"MISSING: {', '.join(entry.id for entry in result.missing)}"]
    lines += [f"UNKNOWN ID {proof.id}: {proof.test}" for proof in result.unknown]
    lines += [f"NAME DOES NOT SAY {proof.id}: {proof.test}" for proof in result.unnamed]
    return lines


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in MARKERS:
        sys.stderr.write("usage: python -m tests.reports rules|scenarios\n")
        return 2
    kind = arguments[0]
    result = report(kind, read(kind), collect(kind))
    sys.stdout.write(render(result))
    return 0 if result.is_complete else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
