"""What a benchmark says: rows of a figure beside its floor, with the goal, and the table of them.

A floor is what the same thing costs at the least, measured in the same run: so a figure means the same on a fast
machine, a slow one, and one that others work on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a row's own figure (`ours`) or on its `ratio` to the floor."""

    figure: str
    bound: float
    at_most: bool = True

    def met(self, row: Row) -> bool:
        value = row.ours if self.figure == "ours" else row.ratio
        if value is None:
            return False
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{self.figure} {'<=' if self.at_most else '>='} {_number(self.bound)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `ratio` is ours over the floor's. `reason` says why a goal is missed, found by profiling."""

    name: str
    ours: float
    floor: float | None
    unit: str
    goals: tuple[Goal, ...] = ()
    reason: str = "it was met when last looked into, so that nobody has profiled it: run it again on a quiet machine"

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.floor else None

    @property
    def goal(self) -> str:
        return " and ".join(map(str, self.goals))

    @property
    def met(self) -> bool | None:
        """None: there is no goal, the figure is only to be known."""
        return all(goal.met(self) for goal in self.goals) if self.goals else None


def at_most(bound: float) -> Goal:
    """The figure itself."""
    return Goal("ours", bound)


def ratio_at_most(bound: float) -> Goal:
    """For what costs: so many times the floor."""
    return Goal("ratio", bound)


def ratio_at_least(bound: float) -> Goal:
    """For rates: this part of the floor's."""
    return Goal("ratio", bound, at_most=False)


def write(rows: Sequence[Row], path: Path) -> None:
    """As JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([as_json(row) for row in rows], indent=1) + "\n")


def as_json(row: Row) -> dict[str, object]:
    """The row as the figures' file has it; `reason` only where a goal is missed."""
    figures: dict[str, object] = {
        "name": row.name,
        "ours": _rounded(row.ours),
        "floor": _rounded(row.floor),
        "unit": row.unit,
        "ratio": _rounded(row.ratio),
        "goal": row.goal,
        "met": row.met,
    }
    return figures | ({"reason": row.reason} if row.met is False else {})


def dump(rows: Sequence[Row], path: Path) -> None:
    """For whoever runs a benchmark as a process of its own; see `load`."""
    path.write_text(json.dumps([asdict(row) for row in rows]))


def load(path: Path) -> list[Row]:
    """What `dump` wrote."""
    return [
        Row(**(entry | {"goals": tuple(Goal(**goal) for goal in entry["goals"])}))
        for entry in json.loads(path.read_text())
    ]


def table(rows: Sequence[Row]) -> str:
    """For people; beneath it, why goals were missed."""
    cells = [("", "ours", "floor", "unit", "ratio", "goal", "met"), *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(_aligned(line, widths)).rstrip() for line in cells]
    lines.insert(1, "-" * sum(widths, 2 * len(widths) - 2))
    missed: dict[str, list[str]] = {}
    for row in rows:
        if row.met is False:
            missed.setdefault(row.reason, []).append(row.name)
    reasons = [fill(f"missed: {'; '.join(of)}: {why}", 120, subsequent_indent="  ") for why, of in missed.items()]
    return "\n".join([*lines, *([""] if reasons else []), *reasons, ""])


def say(text: str) -> None:
    """To whoever is watching, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _cells(row: Row) -> tuple[str, ...]:
    met = {True: "yes", False: "MISSED", None: ""}[row.met]
    return (row.name, _number(row.ours), _number(row.floor), row.unit, _number(row.ratio), row.goal, met)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    numbers = {1, 2, 4}
    return [
        cell.rjust(width) if column in numbers else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
