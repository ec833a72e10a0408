"""`exsyncd why ITEM`: an item's history of decisions, from the store, while a daemon may be working on it.

It tells what came in, what was told to the CRM, and which rule and option decided: ids, never content.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from daemon.commands.refusals import CannotGoOn
from daemon.store import history
from daemon.store.errors import StoreError
from daemon.store.history import Entry
from daemon.store.store import looking_on

_RESULTS = {"applied": "green", "held": "yellow", "skipped": "yellow", "refused": "red", "failed": "red"}


def entries_of(url: str, item: str) -> tuple[Entry, ...]:
    """All decisions kept of an item, by its CRM id, link id or UID. Raises `CannotGoOn`."""
    try:
        with looking_on(url) as tx:
            found = history.of(tx, item)
    except StoreError as error:
        raise CannotGoOn(
            "the store cannot be read", [str(error)], ["Check store.url (EXSYNCD_STORE__URL), or give --store URL."]
        ) from error
    if not found:
        raise CannotGoOn(
            f"nothing is known of {item}",
            [],
            ["ITEM is a CRM item id, a link id or a meeting's UID, as outcomes and commands name them."],
        )
    return found


def tell(entries: Iterable[Entry], console: Console) -> None:
    """Prints decisions, oldest first."""
    for entry in entries:
        kept = json.loads(entry.outcome)
        _tell(entry, kept["outcome"], kept.get("command"), console)


def _tell(entry: Entry, outcome: Mapping[str, Any], command: Mapping[str, Any] | None, console: Console) -> None:
    colour = _RESULTS.get(outcome["result"], "white")
    reason = f" ({outcome['reason']})" if outcome["reason"] else ""
    cause = outcome["cause"]
    console.print(
        f"[bold]{entry.at:%Y-%m-%d %H:%M:%S}[/]  {escape(cause['type'])}  "
        f"[{colour}]{outcome['result']}{reason}[/]  [dim]{cause['topic']}/{cause['partition']}@{cause['offset']}[/]"
    )
    for line in (*_commanded(command), *_consulted(outcome), *_explained(outcome), *_conflicts(outcome)):
        console.print(Padding(line, (0, 0, 0, 4)), highlight=False)


def _commanded(command: Mapping[str, Any] | None) -> Iterable[str]:
    if command is None:
        return
    if command["type"] == "delete":
        yield f"told the CRM: delete ({escape(command['reason'])}), revision {command['revision']}"
        return
    changed = ", ".join(command["changed"]) or "nothing"
    yield f"told the CRM: {escape(changed)}, revision {command['revision']}"


def _consulted(outcome: Mapping[str, Any]) -> Iterable[str]:
    for option in outcome["options"]:
        value = "on" if option["value"] else "off"
        effect = f": {', '.join(option['effect'])}" if option["effect"] else ""
        yield escape(f"option {option['key']} is {value} for {option['user']} (from {option['level']}){effect}")


def _explained(outcome: Mapping[str, Any]) -> Iterable[str]:
    for each in outcome["explain"]:
        because = f", {each['because']}" if each["because"] else ""
        yield f"[cyan]{each['rule']:8}[/] {escape(each['about'])}: {each['decision']}{escape(because)}"


def _conflicts(outcome: Mapping[str, Any]) -> Iterable[str]:
    for each in outcome["conflicts"]:
        yield escape(f"conflict on {each['field']}: the {each['winner']} wins")
