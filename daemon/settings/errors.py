"""What is said to an operator whose settings cannot be used: every problem at once, each with what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that cannot be used. `environment` and `path` are its two names, `source` is where its value stands.

    `rule` says what is wrong, without the value where that is a secret; `remedy` what to do.
    """

    environment: str
    path: str
    rule: str
    remedy: str = ""
    source: str = ""

    def __str__(self) -> str:
        names = " / ".join(name for name in (self.environment, self.path) if name)
        where = f"  [from {self.source}]" if self.source else ""
        remedy = f"\n    -> {self.remedy}" if self.remedy else ""
        return f"  {names}{where}\n    {self.rule}{remedy}"


class SettingsError(Exception):
    """The settings cannot be used."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(str(self))

    def __str__(self) -> str:
        count = len(self.problems)
        head = "1 setting cannot be used:" if count == 1 else f"{count} settings cannot be used:"
        return "\n".join([head, "", *(str(problem) for problem in self.problems)])
