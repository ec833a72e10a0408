"""Judging mutants: what lives must be explained, and what is explained must live."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import judging
from tests.mutants.running import Mutant, Result

ONE = Mutant("handlers.merging.names", "return 1", "return 2", "handlers.merging.x_names__mutmut_1")
OTHER = Mutant("handlers.merging.names", "return 1", "return 3", "handlers.merging.x_names__mutmut_2")
WHY = {("handlers.merging.names", "return 1", "return 2"): "nobody asks"}


def test_the_kept_explanations_can_be_read():
    """None is without a reason, none is given twice."""
    assert all(judging.explanations().values())


def test_explained_mutants_pass_however_mutmut_numbers_them():
    """Its numbers change with every edit."""
    verdict = judging.judge(Result(100, (ONE,)), WHY, whole=True)
    assert verdict.passed
    assert "nobody asks" in judging.told(verdict, WHY)


@pytest.mark.parametrize(
    ("result", "whole", "told"),
    [
        (Result(100, (ONE, OTHER)), True, "NOT EXPLAINED"),
        (Result(100, ()), True, "explained, but it does not live"),
        (Result(10, (ONE,)), True, "90.0%"),
        (Result(0, ()), False, "0.0%"),
    ],
)
def test_what_is_not_explained_or_outdated_or_too_much_does_not_pass(result: Result, whole: bool, told: str):
    """And it is listed."""
    verdict = judging.judge(result, WHY, whole=whole)
    assert not verdict.passed
    assert told in judging.told(verdict, WHY)


def test_of_some_mutants_the_explanations_of_others_are_not_outdated():
    """They were not asked about."""
    assert judging.judge(Result(10, ()), WHY, whole=False).passed


@pytest.mark.parametrize("entries", [2, 0])
def test_an_explanation_without_a_reason_or_given_twice_is_refused(tmp_path: Path, entries: int):
    """It would explain nothing."""
    why = "nobody asks" if entries else " "
    entry = f'[[survivor]]\nwhere = "a"\nwas = "b"\nnow = "c"\nwhy = "{why}"\n'
    path = tmp_path / "survivors.toml"
    path.write_text(entry * (entries or 1))
    with pytest.raises(ValueError, match="explained"):
        judging.explanations(path)
