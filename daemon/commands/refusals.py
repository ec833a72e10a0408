"""Why a command cannot go on, said to a person: what is wrong, and what to do next, on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(eq=False)  # not frozen: Python itself writes to an exception on its way
class CannotGoOn(Exception):
    """A command ends here. `status` is the exit code: 1 failed, 2 wrong usage or settings."""

    headline: str
    findings: Sequence[str] = ()
    remedies: Sequence[str] = ()
    status: int = 1

    def __str__(self) -> str:
        lines = [f"exsyncd: {self.headline}"]
        if self.findings:
            lines += ["", *(f"  {finding}" for finding in self.findings)]
        if self.remedies:
            lines += ["", "What to do:", *(f"  - {remedy}" for remedy in self.remedies)]
        return "\n".join(lines)
