"""The reports on rules and scenarios: a gap is found, and nothing counts that proves nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import reports
from tests.reports import Entry, Proof

ONE = Entry("FOR-1", "in", "Candidates.", True)
LATER = Entry("REC-1", "series", "Patterns.", False)


def test_an_entry_in_scope_without_a_test_is_missing() -> None:
    result = reports.report("rules", [ONE, LATER], [])

    assert [entry.id for entry in result.missing] == ["FOR-1"]
    assert not result.is_complete
    assert "MISSING: FOR-1" in reports.render(result)


def test_with_a_test_it_is_proven_and_the_test_is_shown() -> None:
    result = reports.report("rules", [ONE, LATER], [Proof("FOR-1", "tests/test_a.py::test_b")])

    assert result.is_complete
    assert "rules in scope: 1 of 1 proven" in reports.render(result)
    assert "tests/test_a.py::test_b" in reports.render(result)


def test_a_marker_that_names_nothing_known_is_a_mistake() -> None:
    result = reports.report("rules", [], [Proof("FOR-99", "tests/test_a.py::test_b")])

    assert not result.is_complete
    assert "UNKNOWN ID FOR-99" in reports.render(result)


def test_a_scenario_s_test_must_say_so_in_its_name() -> None:
    entries = [Entry("S03a", "in", "Five mailboxes.", True)]
    good = reports.report("scenarios", entries, [Proof("S03a", "tests/t.py::test_s03a_every_order")])
    bad = reports.report("scenarios", entries, [Proof("S03a", "tests/t.py::test_every_order")])

    assert good.is_complete
    assert "NAME DOES NOT SAY S03a" in reports.render(bad)


SUITE = """
import pytest

@pytest.mark.rule("FOR-1", "FOR-2")
@pytest.mark.parametrize("n", [1, 2])
def test_two_rules(n): ...

@pytest.mark.skip(reason="not yet")
@pytest.mark.rule("FOR-3")
def test_skipped(): ...

@pytest.mark.xfail(reason="not yet")
@pytest.mark.rule("FOR-4")
def test_expected_to_fail(): ...

@pytest.mark.rule("FOR-5")
class TestTogether:
    def test_in_class(self): ...
"""


def test_tests_that_do_not_run_prove_nothing_and_cases_of_one_test_are_one(tmp_path: Path) -> None:
    """In a process of its own: pytest is not made to run within itself."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    code = (
        "import sys; from tests import reports\n"
        "for p in sorted(reports.collect('rules', sys.argv[1:]), key=str): print(p.id, p.test.split('::', 1)[1])"
    )

    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )

    assert run.stdout.split("\n")[:-1] == [
        "FOR-1 test_two_rules",
        "FOR-2 test_two_rules",
        "FOR-5 TestTogether::test_in_class",
    ]


def test_tests_that_cannot_be_collected_are_no_empty_report(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import nothing_of_this_name")
    code = "import sys; from tests import reports; reports.collect('rules', sys.argv[1:])"

    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60)

    assert run.returncode == 1
    assert "nothing_of_this_name" in run.stderr


@pytest.mark.parametrize("kind", ["rules", "scenarios"])
def test_the_catalogue_is_well_formed(kind: str) -> None:
    entries = reports.read(kind)

    assert {entry.capability for entry in entries} <= set(reports.CAPABILITIES)
    assert all(entry.text.endswith(".") for entry in entries)
    assert sum(entry.in_scope for entry in entries) > 40
