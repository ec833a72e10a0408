"""What is proven, not modelled, and missing of Microsoft's interoperability requirements."""

from __future__ import annotations

import contextlib
import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.reports import Collector, Proof
from tests.requirements.reasons import reason_for

REQUIREMENTS = Path(__file__).resolve().parents[3] / "shared" / "ews-requirements"
TESTS = ("tests/requirements", "tests/unit/sandbox")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of one of Microsoft's documents."""

    document: str
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a document's requirements stand."""

    document: str
    proven: Mapping[str, tuple[str, ...]]
    not_modelled: Mapping[str, str]
    missing: tuple[Requirement, ...]


def read(folder: Path = REQUIREMENTS) -> list[Requirement]:
    """All requirements, document by document; none where they are not at hand."""
    found: list[Requirement] = []
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            next(rows)
            found += [Requirement(path.stem, row[0], row[1]) for row in rows]
    return found


def collect() -> set[Proof]:
    """The tests that carry requirements."""
    collector, said = Collector("requirement"), io.StringIO()
    arguments = ["--collect-only", "-qq", "-p", "no:cacheprovider", *TESTS]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main(arguments, plugins=[collector])
    if code is not pytest.ExitCode.OK:
        raise SystemExit(f"the tests cannot be collected:\n{said.getvalue()}")
    return collector.proofs


def standings(requirements: Iterable[Requirement], proofs: Iterable[Proof]) -> list[Standing]:
    """Per document, in its own order."""
    tests: dict[str, list[str]] = {}
    for proof in sorted(proofs, key=lambda each: (each.id, each.test)):
        tests.setdefault(proof.id, []).append(proof.test)
    documents: dict[str, list[Requirement]] = {}
    for requirement in requirements:
        documents.setdefault(requirement.document, []).append(requirement)
    return [_standing(document, listed, tests) for document, listed in documents.items()]


def _standing(document: str, listed: list[Requirement], tests: Mapping[str, list[str]]) -> Standing:
    open_ones = [each for each in listed if each.id not in tests]
    reasons = {each.id: reason_for(document, each.id, each.text) for each in open_ones}
    return Standing(
        document,
        proven={each.id: tuple(tests[each.id]) for each in listed if each.id in tests},
        not_modelled={name: why for name, why in reasons.items() if why is not None},
        missing=tuple(each for each in open_ones if reasons[each.id] is None),
    )


def unknown(requirements: Iterable[Requirement], proofs: Iterable[Proof]) -> list[Proof]:
    """Markers whose id no document has."""
    known = {each.id for each in requirements}
    return sorted((each for each in proofs if each.id not in known), key=lambda each: (each.id, each.test))


def render(results: Iterable[Standing], strangers: Iterable[Proof], *, in_full: bool = False) -> str:
    """As a person reads it; in full with every test."""
    lines: list[str] = []
    for each in results:
        counts = f"{len(each.proven)} proven, {len(each.not_modelled)} not modelled, {len(each.missing)} missing"
        lines += [f"{each.document}: {counts}"]
        if in_full:
            lines += [f"    {name}  {', '.join(tests)}" for name, tests in each.proven.items()]
        for why, count in Counter(each.not_modelled.values()).most_common():
            lines += [f"    not modelled ({count}): {why}"]
            lines += [f"        {name}" for name, given in each.not_modelled.items() if in_full and given == why]
        lines += [f"    MISSING {requirement.id}  {requirement.text[:110]}" for requirement in each.missing]
        lines += [""]
    lines += [f"UNKNOWN ID {proof.id}: {proof.test}" for proof in strangers]
    return "\n".join(lines).rstrip() + "\n"
