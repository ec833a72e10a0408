"""`make requirements` as a whole, and the honesty of its reasons."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.reports import Proof
from tests.requirements.reasons import REASONS
from tests.requirements.report import REQUIREMENTS, Requirement, read, render, standings, unknown
from tests.unit.sandbox.bank import in_ci

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_missing():
    """Each requirement is proven by a test or said not to be modelled; no marker carries an id that is nobody's."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.requirements"], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    if not REQUIREMENTS.exists() and not in_ci():
        pytest.skip("Microsoft's requirements are not at hand")
    assert done.returncode == 0, done.stdout + done.stderr
    counted = [line for line in done.stdout.splitlines() if line.startswith("MS-")]
    assert [line.rpartition(", ")[2] for line in counted] == ["0 missing"] * 4


def test_every_reason_is_needed():
    """One that covers nothing any more has to go."""
    requirements = read()
    if not requirements:
        pytest.skip("Microsoft's requirements are not at hand")
    idle = [
        (document, reason.why, reason.pattern)
        for document, reasons in REASONS.items()
        for reason in reasons
        if not any(reason.covers(each.id, each.text) for each in requirements if each.document == document)
    ]
    assert idle == []


def test_a_requirement_is_proven_not_modelled_or_missing():
    """In this order: a proof needs no reason."""
    listed = [
        Requirement("MS-OXWSMTGS", "MS-OXWSMTGS_R1", "[In t:CalendarPermissionType Complex Type] proven all the same"),
        Requirement("MS-OXWSMTGS", "MS-OXWSMTGS_R2", "[In t:CalendarPermissionType Complex Type] not"),
        Requirement("MS-OXWSMTGS", "MS-OXWSMTGS_R3", "[In Messages] something else"),
    ]
    proofs = {Proof("MS-OXWSMTGS_R1", "tests/x.py::test_it"), Proof("MS-OXWSMTGS_R9", "tests/x.py::test_typo")}
    (standing,) = standings(listed, proofs)
    assert list(standing.proven) == ["MS-OXWSMTGS_R1"]
    assert list(standing.not_modelled) == ["MS-OXWSMTGS_R2"]
    assert [each.id for each in standing.missing] == ["MS-OXWSMTGS_R3"]
    said = render([standing], unknown(listed, proofs))
    assert "MS-OXWSMTGS: 1 proven, 1 not modelled, 1 missing" in said
    assert "MISSING MS-OXWSMTGS_R3" in said
    assert "UNKNOWN ID MS-OXWSMTGS_R9: tests/x.py::test_typo" in said
