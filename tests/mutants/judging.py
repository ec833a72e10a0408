"""Compares the mutants that live with those of which somebody explained why nothing can notice them.

`survivors.toml` names a mutant by its function and the line before and after: mutmut's numbers change with every edit.
Where one reason is the reason of many, `*` stands for any text in the three of them.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.running import Mutant, Result

EXPLAINED = Path(__file__).with_name("survivors.toml")
ENOUGH = 0.95
_NARROW = 8  # an explanation says at least so much of the line that was changed

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The mutants that live, why each of them does if somebody said so, and explanations of what does not live."""

    result: Result
    reasons: dict[Mutant, str]
    outdated: tuple[Key, ...]

    @property
    def unexplained(self) -> int:
        return sum(each not in self.reasons for each in self.result.alive)

    @property
    def passed(self) -> bool:
        return self.result.killed >= ENOUGH and not self.unexplained and not self.outdated


def explanations(path: Path = EXPLAINED) -> dict[Key, str]:
    """Why nothing can notice a mutant.

    Raises `ValueError` for one without a reason, for one that says too little of the line, or is there twice.
    """
    entries = tomllib.loads(path.read_text()).get("survivor", [])
    keys = Counter((each["where"], each["was"], each["now"]) for each in entries)
    if bad := [key for key, count in keys.items() if count > 1]:
        raise ValueError(f"explained twice: {bad}")
    if bad := [each["where"] for each in entries if not each["why"].strip()]:
        raise ValueError(f"not explained: {bad}")
    if bad := [each["where"] for each in entries if "*" in each["was"] and len(each["was"].replace("*", "")) < _NARROW]:
        raise ValueError(f"too much explained: {bad}")
    return {(each["where"], each["was"], each["now"]): each["why"] for each in entries}


def judge(result: Result, explained: dict[Key, str], *, whole: bool) -> Verdict:
    """`whole`: all mutants were judged, so that an explanation without its mutant is outdated."""
    reasons: dict[Mutant, str] = {}
    used: set[Key] = set()
    for mutant in result.alive:
        fitting = [key for key in explained if _fits(key, mutant)]
        used.update(fitting)
        if fitting:
            reasons[mutant] = explained[fitting[0]]
    outdated = tuple(sorted(explained.keys() - used)) if whole else ()
    return Verdict(result, reasons, outdated)


def _fits(key: Key, mutant: Mutant) -> bool:
    texts = (mutant.where, mutant.was, mutant.now)
    return all(re.fullmatch(re.escape(part).replace(r"\*", ".*"), text) for part, text in zip(key, texts, strict=True))


def told(verdict: Verdict) -> str:
    """The whole answer, for people."""
    result = verdict.result
    dead = result.total - len(result.alive)
    lines = [f"{dead} of {result.total} mutants killed: {result.killed:.1%} (at least {ENOUGH:.0%} wanted)", ""]
    lines += _table(result)
    for each in result.alive:
        why = verdict.reasons.get(each, "NOT EXPLAINED")
        lines += ["", f"{each.name}: {each.status}", f"  - {each.was}", f"  + {each.now}", f"  {why}"]
    for where, was, now in verdict.outdated:
        lines += ["", f"{where}: explained, but it does not live", f"  - {was}", f"  + {now}"]
    summary = f"{len(result.alive)} live, {verdict.unexplained} of them not explained; "
    return "\n".join([*lines, "", f"{summary}{len(verdict.outdated)} explanations outdated", ""])


def _table(result: Result) -> list[str]:
    """A line for each module: mutants, killed, not noticed, called by no test."""
    alive = Counter((each.name.rpartition(".")[0], each.status) for each in result.alive)
    lines = [f"{'module':<32}{'mutants':>8}{'killed':>8}{'survived':>9}{'no tests':>9}"]
    for module, total in sorted(result.modules.items()):
        survived, uncalled = alive[module, "survived"], alive[module, "no tests"]
        lines += [f"{module:<32}{total:>8}{total - survived - uncalled:>8}{survived:>9}{uncalled:>9}"]
    return lines
