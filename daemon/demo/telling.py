"""How the story looks on a terminal: from 80 columns on, with colours or without, also in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from daemon.demo import cast
from daemon.demo.evidence import NotSo
from daemon.demo.witness import Seen
from schemas import options

_INDENT = 4
_COMFORTABLE = 80
_NAME, _DECISION, _BECAUSE = 11, 9, 42  # so that the tables of all scenes stand alike, and fit into 80 columns
_WIDEST = 100
_FEW = 4
_DECISIONS: Mapping[str, tuple[str, str]] = {
    "for": ("For", "green"),
    "assign_to": ("Assign To", ""),
    "external": ("external", "yellow"),
    "dropped": ("dropped", "yellow"),
    "refused": ("refused", "red"),
    "redacted": ("redacted", "red"),
    "kept": ("kept", ""),
    "mailed": ("mailed", "green"),
    "silent": ("silent", "yellow"),
}
_SIDES: Mapping[str, str] = {"crm": "the CRM's", "exchange": "Exchange's"}
_OPERATIONS: Mapping[str, tuple[str, str]] = {
    "create": ("created", "green"),
    "update": ("updated", "green"),
    "delete": ("deleted", "green"),
    "add_delegate": ("opened", "green"),
    "update_delegate": ("opened", "green"),
    "remove_delegate": ("closed", "green"),
}
_LEVELS: Mapping[str, str] = {
    "user": "set personally",
    "type": "set for the user type",
    "system": "set for everybody",
    "config": "set in the configuration",
    "default": "by default",
}
_EFFECTS: Mapping[tuple[str, bool], str] = {
    (options.FOR_CONTACTS_INBOUND, True): "found {}",
    (options.FOR_CONTACTS_INBOUND, False): "left out {}",
    (options.FOR_CONTACTS_SECURITY_CHECK, True): "took out {}",
    (options.EXTERNAL_CONTACTS_DISPLAY, True): "sees them",
    (options.PRIVATE_MEETINGS_INBOUND, False): "keeps it out",
    (options.MEETING_ALARMS, True): "carried the alarm",
    (options.TASK_ALARMS, True): "carried the alarm",
    (options.RELATED_NOTES, True): "shows the note to {}",
    (options.MEETING_INVITATIONS, True): "lets {} act",
    (options.MEETING_INVITATIONS, False): "does not let {} act",
}
"""What an option did, by its value; in the braces, to whom."""


@dataclass(frozen=True, slots=True)
class Told:
    """A scene in words: what people did, what came of it, and the outcome that says so.

    `only`: of the reasons no more than these options are told, for the others are those of a scene before.
    """

    deed: str
    facts: tuple[str, ...]
    outcome: Seen | None = None
    only: tuple[str, ...] | None = None


class Storyteller:
    """Writes the story to a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, _WIDEST)
        ascii_only = console.options.ascii_only
        self._came_of_it = "->" if ascii_only else "→"
        self._between = " - " if ascii_only else " · "
        self._bar = "| " if ascii_only else "│ "

    def opens(self, title: str, *lines: str) -> None:
        self._console.print()
        self._console.print(Text(title, style="bold"))
        for line in lines:
            self._print(Text(line))

    @contextmanager
    def waiting(self, for_what: str) -> Iterator[None]:
        """A person at a terminal sees that something is going on."""
        with self._console.status(for_what):
            yield

    def part(self, name: str) -> None:
        """A time of the day begins."""
        self._console.print()
        self._console.print(Rule(Text(name, style="bold"), align="left", style="dim"), width=self._width)

    def scene_begins(self, number: int, title: str) -> None:
        """What comes next; the rest follows when it has happened."""
        self._console.print()
        self._console.print(Text.assemble((f"{number:>2}  ", "bold cyan"), (title, "bold")), width=self._width)

    def scene_ends(self, told: Told, *evidence: str) -> None:
        """What was done, what came of it and why, and where that stands."""
        self._inside(Text(told.deed))
        for fact in told.facts:
            self._inside(self._fact(fact))
        if told.outcome is not None:
            self._reasons(told.outcome.data, only=told.only)
        self._inside(Text(self._between.join(evidence), style="dim"))

    def succeeds(self, line: str) -> None:
        """It all happened."""
        self._console.print()
        self._inside(Text(line, style="bold green"))

    def fails(self, error: NotSo, log_file: str) -> None:
        """What should have happened, and what did."""
        table = Table.grid(padding=(0, 2))
        table.add_row(Text("expected", style="dim"), Text(cast.named(error.expected)))
        table.add_row(Text("seen", style="dim"), Text(cast.named(error.seen), style="red"))
        self._inside(Text("This did not happen.", style="bold red"))
        self._inside(table)
        self.says(f"The daemon's log: {log_file}")

    def refuses(self, headline: str, *advice: str) -> None:
        """Why there is no story at all."""
        self._console.print()
        self._print(Text(headline, style="bold red"))
        self.says(*advice)

    def says(self, *lines: str) -> None:
        """Something that belongs to no scene."""
        self._console.print()
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)  # paths and URLs must stay whole

    def sums_up(self, title: str, rows: Iterable[tuple[str, int, str]]) -> None:
        """Kind by kind: what, how many, and which."""
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(justify="right", style="bold")
        table.add_column(style="dim")
        for what, number, which in rows:
            table.add_row(what, str(number), Text(which))
        self.part(title)
        self._console.print()
        self._inside(table)

    def _fact(self, fact: str) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_row(Text(self._came_of_it, style="bold green"), Text(fact))
        return table

    def _reasons(self, outcome: Mapping[str, Any], *, only: tuple[str, ...] | None) -> None:
        rows = [*_decisions(outcome, in_full=only is None)]
        used = [*_options(each for each in outcome["options"] if only is None or each["key"] in only)]
        if not rows and not used:
            return
        decisions = Table.grid(padding=(0, 2))
        decisions.add_column(no_wrap=True, min_width=_NAME)
        decisions.add_column(no_wrap=True, min_width=_DECISION)
        decisions.add_column(min_width=_BECAUSE if self._width >= _COMFORTABLE else None)
        decisions.add_column(no_wrap=True)
        for row in rows:
            decisions.add_row(*row)
        consulted = Table.grid(padding=(0, 2))
        for cells in used:
            consulted.add_row(*(Text(cell, style="dim") for cell in cells))
        tables = (table for table in (decisions, consulted) if table.rows)
        self._inside(_Lines(Group(*tables), self._bar))

    def _inside(self, what: RenderableType) -> None:
        self._print(Padding(what, (0, 0, 0, _INDENT), expand=False))

    def _print(self, what: RenderableType) -> None:
        self._console.print(_Lines(what), width=self._width)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Something without the blanks behind its lines, for files; with a line down its left side if there is a bar."""

    what: RenderableType
    bar: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        inner = options.update_width(options.max_width - len(self.bar))
        for line in console.render_lines(self.what, inner, pad=False):
            if self.bar:
                yield Segment(self.bar, Style(dim=True))
            yield from _trimmed(line)
            yield Segment.line()


def _trimmed(line: list[Segment]) -> list[Segment]:
    while line and not line[-1].text.strip():
        line = line[:-1]
    if not line:
        return []
    text, style, control = line[-1]
    return [*line[:-1], Segment(text.rstrip(), style, control)]


def _decisions(outcome: Mapping[str, Any], *, in_full: bool) -> Iterable[Iterable[Text]]:
    """What was decided about people and fields, what both sides had changed, and what was written."""
    if in_full:
        for each in sorted(outcome["explain"], key=lambda each: each["decision"] == "assign_to"):
            yield _decision(each, link=outcome["link"])
    for each in outcome["conflicts"]:
        yield _conflict(each)
    for each in outcome["writes"]:
        yield _write(each)


def _conflict(conflict: Mapping[str, Any]) -> Iterable[Text]:
    yield Text(conflict["field"])
    yield Text("conflict", style="magenta")
    yield Text(f"both sides changed it: {_SIDES[conflict['winner']]} stands")
    yield Text("CON-2", style="cyan")


def _write(write: Mapping[str, Any]) -> Iterable[Text]:
    word, style = _OPERATIONS[write["operation"]]
    yield Text(cast.named(write["mailbox"]))
    yield Text(word, style=style)
    fields = write["fields"]
    yield Text(f"in Exchange: {', '.join(fields)}" if len(fields) <= _FEW else f"in Exchange: {len(fields)} fields")
    yield Text("")


def _decision(explained: Mapping[str, Any], *, link: str) -> Iterable[Text]:
    is_all = explained["about"] == link
    word, style = _DECISIONS.get(explained["decision"], (explained["decision"], ""))
    if explained["decision"] == "refused" and is_all:
        word = "kept out"
    about = "the meeting" if is_all else cast.named(explained["about"])
    yield Text(about)
    yield Text(word, style=style)
    yield Text(cast.named(explained["because"]))
    yield Text(explained["rule"], style="cyan")


def _options(used: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, str]]:
    """Option, value, and for whom; users who have it alike share a line."""
    alike: dict[tuple[str, bool, str, tuple[str, ...]], list[str]] = {}
    for each in used:
        alike.setdefault((each["key"], each["value"], each["level"], tuple(each["effect"])), []).append(each["user"])
    for (key, value, level, effect), users in alike.items():
        did = _did(key, effect, value=value)
        whose = f"{cast.listed(users)}, {_LEVELS[level]}"
        yield key, "on" if value else "off", f"{whose}: {did}" if did else whose


def what_it_did(used: Mapping[str, Any]) -> str:
    """The difference that an option made, in words."""
    value = bool(used["value"])
    return (
        f"{'on' if value else 'off'} for {cast.named(used['user'])}: {_did(used['key'], used['effect'], value=value)}"
    )


def _did(key: str, effect: Iterable[str], *, value: bool) -> str:
    about = [each.partition(":")[2] for each in effect]
    return _EFFECTS.get((key, value), "it decided on {}").format(cast.listed(about)) if about else ""
