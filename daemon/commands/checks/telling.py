"""Puts what was found on one screen, or into JSON for scripts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from daemon.commands.checks.effective import Row
from daemon.commands.checks.findings import Finding, Status
from daemon.settings.errors import SettingsError

_STYLES = {Status.OK: "green", Status.NOTE: "yellow", Status.FAILED: "bold red", Status.SKIPPED: "dim"}
_INDENT = "  "
_WORDS = {Status.OK: "ok", Status.NOTE: "note", Status.FAILED: "FAILED", Status.SKIPPED: "-"}


@dataclass(frozen=True, slots=True)
class Area:
    """A dependency and what was found about it."""

    name: str
    about: str
    findings: Sequence[Finding]

    @property
    def failures(self) -> int:
        return sum(finding.status is Status.FAILED for finding in self.findings)


def settings(rows: Sequence[Row], console: Console, *, every: bool) -> None:
    """Those that were set, or every one, by where they come from."""
    shown = [row for row in rows if every or not row.is_default]
    console.print(Text("Settings", style="bold"))
    for source in dict.fromkeys(row.source for row in shown):
        console.print(Text(f"  {source}:", style="dim"), soft_wrap=True)
        _rows([row for row in shown if row.source == source], console)
    if len(shown) < len(rows):
        console.print(f"  and {len(rows) - len(shown)} defaults (--all shows them)", style="dim", highlight=False)


def areas(found: Iterable[Area], console: Console) -> None:
    """Each dependency with its findings, and beneath a wrong one what to do."""
    for area in found:
        console.print()
        console.print(Text.assemble((area.name, "bold"), f"  {area.about}"), soft_wrap=True)
        for finding in area.findings:
            _line(finding, console)


def summary(found: Sequence[Area], console: Console) -> None:
    """The last line."""
    failures = [area for area in found if area.failures]
    console.print()
    if not failures:
        console.print("Everything the daemon needs is there.", style="green")
        return
    names = ", ".join(f"{area.name} ({area.failures})" for area in failures)
    console.print(Text(f"Not ready: {names}.", style="bold red"))


def as_json(rows: Sequence[Row], found: Sequence[Area], *, version: str) -> dict[str, Any]:
    """The same for a script. `status` is ok, note, failed or skipped."""
    return {
        "version": version,
        "ok": not any(area.failures for area in found),
        "settings": [{"name": row.name, "value": row.value, "source": row.source} for row in rows],
        "checks": [{"area": area.name, **asdict(finding)} for area in found for finding in area.findings],
    }


def refusal_as_json(error: SettingsError, *, version: str) -> dict[str, Any]:
    """Settings that cannot be used, for a script."""
    return {"version": version, "ok": False, "problems": [asdict(problem) for problem in error.problems]}


def _rows(rows: Sequence[Row], console: Console) -> None:
    width = max(len(row.name) for row in rows)
    for row in rows:
        idle = " (no effect in this version)" if row.is_idle else ""
        console.print(Text(f"    {row.name:<{width}}  {row.value}{idle}".rstrip()), soft_wrap=True)


def _line(finding: Finding, console: Console) -> None:
    head = f"{_WORDS[finding.status]:<8}{finding.check:<13}"
    said = _wrapped(finding.text, console.width - len(_INDENT), first=head, rest=" " * len(head))
    _print(said, console, style=_STYLES[finding.status], styled=len(head))
    for remedy in finding.remedies:
        _print(_wrapped(remedy, console.width - len(_INDENT), first="     -> ", rest="        "), console)


def _wrapped(text: str, width: int, *, first: str, rest: str) -> list[str]:
    """Words longer than a line, such as a fingerprint, stay in one piece for whoever copies them."""
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _print(lines: Sequence[str], console: Console, *, style: str = "", styled: int = 0) -> None:
    text = Text("\n".join(f"{_INDENT}{line}" for line in lines))
    text.stylize(style, 0, len(_INDENT) + styled)
    console.print(text, soft_wrap=True)
