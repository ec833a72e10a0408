"""Judging mutants: what lives must be explained, and what is explained must live."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants import judging, making, running
from tests.mutants.running import SETTINGS, Mutant, Result

ONE = Mutant("handlers.merging.names", "return 1", "return 2", "handlers.merging.x_names__mutmut_1")
OTHER = Mutant("handlers.merging.names", "return 1", "return 3", "handlers.merging.x_names__mutmut_2")
WHY = {("handlers.merging.names", "return 1", "return 2"): "nobody asks"}


def _result(total: int, *alive: Mutant) -> Result:
    return Result({"handlers.merging": total}, alive)


def test_the_kept_explanations_can_be_read():
    """None is without a reason, none is given twice."""
    assert all(judging.explanations().values())


def test_explained_mutants_pass_however_mutmut_numbers_them():
    """Its numbers change with every edit."""
    verdict = judging.judge(_result(100, ONE), WHY, whole=True)
    assert verdict.passed
    assert "nobody asks" in judging.told(verdict)


@pytest.mark.parametrize(
    ("result", "whole", "told"),
    [
        (_result(100, ONE, OTHER), True, "NOT EXPLAINED"),
        (_result(100), True, "explained, but it does not live"),
        (_result(10, ONE), True, "90.0%"),
        (_result(0), False, "0.0%"),
    ],
)
def test_what_is_not_explained_or_outdated_or_too_much_does_not_pass(result: Result, whole: bool, told: str):
    """And it is listed."""
    verdict = judging.judge(result, WHY, whole=whole)
    assert not verdict.passed
    assert told in judging.told(verdict)


def test_of_some_mutants_the_explanations_of_others_are_not_outdated():
    """They were not asked about."""
    assert judging.judge(_result(10), WHY, whole=False).passed


@pytest.mark.parametrize("entries", [2, 0])
def test_an_explanation_without_a_reason_or_given_twice_is_refused(tmp_path: Path, entries: int):
    """It would explain nothing."""
    why = "nobody asks" if entries else " "
    entry = f'[[survivor]]\nwhere = "a"\nwas = "b"\nnow = "c"\nwhy = "{why}"\n'
    path = tmp_path / "survivors.toml"
    path.write_text(entry * (entries or 1))
    with pytest.raises(ValueError, match="explained"):
        judging.explanations(path)


def test_one_reason_may_explain_many():
    """`*` stands for any text, and other text for itself."""
    why = {("handlers.merging.*", "return 1", "return *"): "nobody asks"}
    assert judging.judge(_result(100, ONE, OTHER), why, whole=True).passed
    elsewhere = replace(ONE, was="return 10")
    assert judging.judge(_result(100, ONE, elsewhere), why, whole=True).unexplained == 1


def test_a_reason_for_whatever_was_changed_is_refused(tmp_path: Path):
    """It would explain what nobody looked at."""
    path = tmp_path / "survivors.toml"
    path.write_text('[[survivor]]\nwhere = "handlers.merging.*"\nwas = "*a*"\nnow = "*"\nwhy = "nobody asks"\n')
    with pytest.raises(ValueError, match="too much"):
        judging.explanations(path)


def test_each_module_is_counted():
    """What was killed, what was not noticed, and what no test calls."""
    uncalled = replace(OTHER, status="no tests")
    told = judging.told(judging.judge(_result(7, ONE, uncalled), WHY, whole=True))
    assert ["handlers.merging", "7", "5", "1", "1"] in [line.split() for line in told.splitlines()]


def test_a_mutant_is_told_as_the_lines_that_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Made by mutmut, and the second time found where it was kept."""
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    source = "def names(one):\n    two = one\n    return two + 1\n"
    made = making.made("handlers.merging", source, tmp_path)
    name = next(name for name, text in made.changed.items() if "two - 1" in text)
    assert making.change(name, made.originals[name], made.changed[name]) == ("return two + 1", "return two - 1")
    assert making.readable(making.function_of(name)) == "handlers.merging.names"
    assert making.made("handlers.merging", source, tmp_path) == made


CORE = """
from functools import cache

def known(number):
    return number + 1

def called(number):
    return number - 1

def never_called(number):
    return number * 2

@cache
def kept(number):
    return beneath(number)

def beneath(number):
    return number * 3
"""
PROOF = """
import pytest
from handlers import core

def test_nothing():
    core.called(1)
    core.kept(8)

@pytest.mark.parametrize("number", [1, 2])
def test_known(number):
    assert core.known(number) == number + 1

def test_beneath():
    assert core.kept(8) == 24
"""


def test_each_mutant_is_judged_by_the_tests_that_call_its_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also if another test filled a cache before; and again only those that lived are asked of."""
    for name in ("daemon", "schemas", "handlers", "tests/rules"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "tests" / "__init__.py").touch()
    shutil.copytree(Path(running.__file__).parent, tmp_path / "tests" / "mutants")
    (tmp_path / "handlers" / "core.py").write_text(CORE)
    (tmp_path / "tests" / "rules" / "test_core.py").write_text(PROOF)
    monkeypatch.chdir(tmp_path)
    for name, place in {"ROOT": ".", "WORKSHOP": "copy", "KEPT": "made", "_TOLD": "made/told.jsonl"}.items():
        monkeypatch.setattr(running, name, tmp_path / place)
    result = running.run([], workers=2)
    lived = {(each.where.rpartition(".")[2], each.status) for each in result.alive}
    assert lived == {("called", "survived"), ("never_called", "no tests")}
    told = running.KEPT / "told.jsonl"
    before = len(told.read_text().splitlines())
    assert result.total == before == sum(result.modules.values())
    assert running.run([], workers=1, again=True) == result
    assert len(told.read_text().splitlines()) == before + len(result.alive)
