"""The planted faults can be planted: `make planted` shows that they are noticed."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from tests.planted import faults, playing
from tests.planted.faults import Fault

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="patches are applied by git, which is not here")
FAULTS = faults.known()


def of(fault: Fault) -> str:
    return fault.name


def test_all_seven_are_there() -> None:
    assert len(FAULTS) == 7


@needs_git
@pytest.mark.parametrize("fault", FAULTS, ids=of)
def test_the_patch_of_each_still_applies(fault: Fault) -> None:
    faults.apply(fault, faults.ROOT, only_check=True)


@pytest.mark.parametrize("fault", FAULTS, ids=of)
def test_the_tests_that_notice_each_are_there(fault: Fault) -> None:
    assert fault.wrong
    assert fault.tests
    for test in fault.tests:
        file, _, name = test.partition("::")
        defined = ast.walk(ast.parse((faults.ROOT / file).read_text()))
        names = {each.name for each in defined if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name.partition("[")[0] in names, test


@needs_git
def test_a_patch_for_what_is_no_longer_so_does_not_apply(tmp_path: Path) -> None:
    fault = FAULTS[0]
    with pytest.raises(faults.DoesNotApply, match=fault.patch.name):
        faults.apply(fault, tmp_path)


def test_what_fails_is_told_with_the_first_line_of_its_failure(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_two.py").write_text("def test_well():\n    pass\ndef test_ill():\n    assert 1 == 2, 'not one'\n")
    red = playing.failures(tmp_path, ["test_two.py::test_well", "test_two.py::test_ill"])
    assert list(red) == ["test_two.py::test_ill"]
    assert "not one" in red["test_two.py::test_ill"]


def test_what_cannot_be_played_is_no_noticed_fault(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    with pytest.raises(RuntimeError, match="pytest ended with"):
        playing.failures(tmp_path, ["test_nowhere.py"])
