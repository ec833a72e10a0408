"""Compares the mutants that live with those of which somebody explained why nothing can notice them.

`survivors.toml` names a mutant by its function and the line before and after: mutmut's numbers change with every edit.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.running import Mutant, Result

EXPLAINED = Path(__file__).with_name("survivors.toml")
ENOUGH = 0.95

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The mutants that live and nobody explained, and explanations of what does not live (any more)."""

    result: Result
    unexplained: tuple[Mutant, ...]
    outdated: tuple[Key, ...]

    @property
    def passed(self) -> bool:
        return self.result.killed >= ENOUGH and not self.unexplained and not self.outdated


def explanations(path: Path = EXPLAINED) -> dict[Key, str]:
    """Why nothing can notice a mutant. Raises `ValueError` for one without a reason, or explained twice."""
    entries = tomllib.loads(path.read_text()).get("survivor", [])
    keys = Counter((each["where"], each["was"], each["now"]) for each in entries)
    if bad := [key for key, count in keys.items() if count > 1]:
        raise ValueError(f"explained twice: {bad}")
    if bad := [each["where"] for each in entries if not each["why"].strip()]:
        raise ValueError(f"not explained: {bad}")
    return {(each["where"], each["was"], each["now"]): each["why"] for each in entries}


def judge(result: Result, explained: dict[Key, str], *, whole: bool) -> Verdict:
    """`whole`: all mutants were judged, so that an explanation without its mutant is outdated."""
    living = {(each.where, each.was, each.now) for each in result.alive}
    unexplained = tuple(each for each in result.alive if (each.where, each.was, each.now) not in explained)
    outdated = tuple(sorted(explained.keys() - living)) if whole else ()
    return Verdict(result, unexplained, outdated)


def told(verdict: Verdict, explained: dict[Key, str]) -> str:
    """The whole answer, for people."""
    result = verdict.result
    dead = result.total - len(result.alive)
    lines = [f"{dead} of {result.total} mutants killed: {result.killed:.1%} (at least {ENOUGH:.0%} wanted)"]
    for each in result.alive:
        why = explained.get((each.where, each.was, each.now), "NOT EXPLAINED")
        lines += ["", f"{each.name}", f"  - {each.was}", f"  + {each.now}", f"  {why}"]
    for where, was, now in verdict.outdated:
        lines += ["", f"{where}: explained, but it does not live", f"  - {was}", f"  + {now}"]
    summary = f"{len(result.alive)} live, {len(verdict.unexplained)} of them not explained; "
    return "\n".join([*lines, "", f"{summary}{len(verdict.outdated)} explanations outdated", ""])
