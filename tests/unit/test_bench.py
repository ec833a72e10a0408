"""What the benchmarks say of a figure: whether its goal is met, and why not; and that one that hangs is ended."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench import rows
from tests.bench.rows import Row, at_most, ratio_at_least, ratio_at_most


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("cost", 1.5, None, "ms", (at_most(1.5),)), True),
        (Row("cost", 1.6, None, "ms", (at_most(1.5),)), False),
        (Row("times", 3.0, 2.0, "us", (ratio_at_most(1.5),)), True),
        (Row("times", 3.1, 2.0, "us", (ratio_at_most(1.5),)), False),
        (Row("rate", 35.0, 100.0, "events/s", (ratio_at_least(0.35),)), True),
        (Row("rate", 34.0, 100.0, "events/s", (ratio_at_least(0.35),)), False),
        (Row("both", 4.0, 0.5, "ms", (at_most(5), ratio_at_most(4))), False),
        (Row("no floor", 4.0, None, "ms", (ratio_at_most(4),)), False),
        (Row("known", 4.0, 2.0, "ms"), None),
    ],
)
def test_a_goal_is_met_or_missed(row: Row, met: bool | None):
    """On its bound it is met; of several all must be; without a floor there is no ratio to be met."""
    assert row.met is met


def test_the_file_of_figures_names_the_reason_only_where_a_goal_is_missed(tmp_path: Path):
    """In the form that others read."""
    found = [
        Row("fine", 1.0, 2.0, "us", (at_most(2),), "never seen"),
        Row("slow", 3.0, 2.0, "us", (ratio_at_most(1.2),), "it waits"),
    ]

    rows.write(found, tmp_path / "build" / "bench.json")

    fine, slow = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert fine == {
        "name": "fine", "ours": 1.0, "floor": 2.0, "unit": "us", "ratio": 0.5, "goal": "ours <= 2", "met": True,
    }  # fmt: skip
    assert (slow["ratio"], slow["goal"], slow["met"], slow["reason"]) == (1.5, "ratio <= 1.2", False, "it waits")


def test_the_table_tells_a_reason_once_with_all_that_it_is_of():
    """People read it, too."""
    missed = [Row(name, 3.0, 2.0, "us", (at_most(1),), "it waits") for name in ("one", "another")]

    told = rows.table([*missed, Row("fine", 1.0, None, "us", (at_most(1),), "never seen")])

    assert "missed: one; another: it waits" in told
    assert "never seen" not in told


def test_rows_come_back_from_the_process_that_measured_them_as_they_were(tmp_path: Path):
    """Each benchmark has one of its own."""
    found = [Row("rate", 1.0, 2.0, "events/s", (ratio_at_least(0.5), at_most(3)), "why"), Row("known", 1.0, None, "ms")]

    rows.dump(found, tmp_path / "rows.json")

    assert rows.load(tmp_path / "rows.json") == found


def test_a_benchmark_that_is_not_done_in_time_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """It costs its own rows, not the run."""
    monkeypatch.setattr(bench, "PATIENCE", timedelta(seconds=0.1))

    assert bench._alone("slowness", tmp_path / "rows.json", quick=True) is None

    assert "slowness: not done after" in capfd.readouterr().out
