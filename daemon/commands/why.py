"""`exsyncd why ITEM`: where an item stands and what was decided about it, both ways, while a daemon may be at work.

It tells what came in, what was told to the CRM and written to Exchange, and which rule and option decided: ids, field
names and mailboxes, never content.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text
from sqlalchemy import Connection

from daemon.commands import standing
from daemon.commands.refusals import CannotGoOn
from daemon.commands.standing import Standing
from daemon.store import history
from daemon.store.errors import StoreError
from daemon.store.history import Entry
from daemon.store.store import looking_on

_INDENT, _FURTHER = 4, 8
_RESULTS = {"applied": "green", "held": "yellow", "skipped": "yellow", "refused": "red", "failed": "red"}
_WAYS = {"inbound": "Exchange to CRM", "outbound": "CRM to Exchange", "control": "asked of the daemon"}
_SIDES = {"crm": "the CRM's", "exchange": "Exchange's"}
_OPERATIONS = {
    "create": "created in",
    "update": "wrote to",
    "delete": "deleted from",
    "add_delegate": "made a delegate in",
    "update_delegate": "changed a delegate's rights in",
    "remove_delegate": "removed a delegate from",
}
_STATES = {
    "outside": "not in the CRM",
    "active": "on both sides",
    "deleted": "deleted",
    "archived": "the CRM's alone: its copy was archived",
    "out_of_scope": "out of scope: the CRM has put it away",
}


@dataclass(frozen=True, slots=True)
class Known:
    """All that is kept of an item: where it stands, and the decisions, oldest first."""

    standings: tuple[Standing, ...]
    entries: tuple[Entry, ...]

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        decisions = [{"at": each.at.isoformat(), **json.loads(each.outcome)} for each in self.entries]
        return {"items": [each.as_data() for each in self.standings], "decisions": decisions}


def known_of(url: str, item: str) -> Known:
    """All that is kept of an item, by its CRM id, link id or UID; or of a mailbox. Raises `CannotGoOn`."""
    try:
        with looking_on(url) as tx:
            known = _known(tx, item)
    except StoreError as error:
        raise CannotGoOn(
            "the store cannot be read", [str(error)], ["Check store.url (EXSYNCD_STORE__URL), or give --store URL."]
        ) from error
    if not known.entries:
        raise CannotGoOn(
            f"nothing is known of {item}",
            [],
            [
                "ITEM is the CRM's id of an item or task, a link id or a meeting's UID: outcomes name them.",
                "Where nothing was decided yet, what came in may wait or be a dead letter: "
                "`exsyncd dead-letters list`, and exsyncd_parked_items in /metrics.",
            ],
        )
    return known


def _known(tx: Connection, item: str) -> Known:
    """What could not be decided at once was noted under the CRM's id, what was decided under the link's."""
    entries = history.of(tx, item)
    named = {each.crm_id for each in entries if each.crm_id} - {item}
    entries = tuple(sorted({*entries, *(each for name in named for each in history.of(tx, name))}, key=_when))
    found = (standing.of(tx, link) for link in dict.fromkeys(each.link for each in entries))
    return Known(tuple(each for each in found if each is not None), entries)


def _when(entry: Entry) -> tuple[datetime, str]:
    return entry.at, entry.outcome


def tell(known: Known, console: Console) -> None:
    """Prints where the item stands, and the decisions, oldest first."""
    for each in known.standings:
        _tell_standing(each, console)
    for entry in known.entries:
        console.print()
        kept = json.loads(entry.outcome)
        _tell(entry, kept["outcome"], kept.get("command"), console)


def _tell_standing(now: Standing, console: Console) -> None:
    title = Text.assemble((now.crm_id or "no CRM id yet", "bold"), f": {_STATES.get(now.state, now.state)}")
    console.print(title, soft_wrap=True)
    console.print(Text(f"    link {now.link}", style="dim"), soft_wrap=True)
    if now.uid:
        console.print(Text(f"    UID {now.uid}", style="dim"), soft_wrap=True)  # to be copied whole
    for line in _where(now):
        _print(line, console)


def _where(now: Standing) -> Iterable[Text]:
    taken = "and took it" if now.taken >= now.told else f"but has taken {now.taken or 'none'} so far"
    last = f"; was told revision {now.told}, {taken}" if now.told else ""
    yield Text(f"the CRM's version {now.crm_version}{last}" if now.crm_version else f"not heard of by the CRM{last}")
    for place in now.places:
        special = f" ({place.what})" if place.what else ""
        yield Text(f"copy of {place.user} in {place.mailbox}{special}")
    for work in now.waiting:
        tries = f", tried {work.tries} times" if work.tries else ""
        yield Text(f"{work.kind} waits: {work.reason}{tries}, again at {work.due:%H:%M:%S}", style="yellow")
    if now.paused:
        yield Text(f"paused: {', '.join(now.paused)}", style="yellow")


def _tell(entry: Entry, outcome: Mapping[str, Any], command: Mapping[str, Any] | None, console: Console) -> None:
    cause, reason = outcome["cause"], f" ({outcome['reason']})" if outcome["reason"] else ""
    head = Text.assemble(
        (f"{entry.at:%Y-%m-%d %H:%M:%S}", "bold"),
        f"  {_WAYS[outcome['direction']]}  ",
        (f"{outcome['result']}{reason}", _RESULTS.get(outcome["result"], "")),
    )
    console.print(head, soft_wrap=True)
    place = f"{cause['type']}, {cause['topic']}/{cause['partition']}@{cause['offset']}{_by(outcome['actor'])}"
    done = (*_written(outcome), *_mailed(outcome), *_commanded(command))
    why = (*_conflicts(outcome), *_explained(outcome), *_consulted(outcome))
    if not done and outcome["result"] == "applied" and outcome["direction"] != "control":
        done = (Text("nothing was to be done on the other side"),)
    for line in (Text(place, style="dim"), *done, *why):
        _print(line, console)


def _print(line: Text, console: Console) -> None:
    """What does not fit goes on a little further in."""
    for number, part in enumerate(line.wrap(console, max(console.width - _FURTHER, _FURTHER))):
        part.rstrip()
        console.print(Text(" " * (_FURTHER if number else _INDENT)) + part, soft_wrap=True)


def _by(actor: Mapping[str, Any] | None) -> str:
    if actor is None:
        return ""
    principal = f" for {actor['on_behalf_of']}" if actor["on_behalf_of"] else ""
    return f", by {actor['user']}{principal}"


def _written(outcome: Mapping[str, Any]) -> Iterable[Text]:
    for each in outcome["writes"]:
        fields = f": {', '.join(each['fields'])}" if each["fields"] else ""
        yield Text(f"{_OPERATIONS.get(each['operation'], each['operation'])} {each['mailbox']}{fields}")


def _mailed(outcome: Mapping[str, Any]) -> Iterable[Text]:
    for each in outcome["mails"]:
        by = f"{each['sender']} on behalf of {each['from']}" if each["sender"] else each["from"]
        yield Text(f"mailed to {each['recipients']} by {by}: notify {each['mode']} ({each['why']})")


def _commanded(command: Mapping[str, Any] | None) -> Iterable[Text]:
    if command is None:
        return
    if command["type"] == "delete":
        yield Text(f"told the CRM: delete ({command['reason']}), revision {command['revision']}")
        return
    changed = ", ".join(command["changed"]) or "nothing"
    yield Text(f"told the CRM: {changed}, revision {command['revision']}")


def _conflicts(outcome: Mapping[str, Any]) -> Iterable[Text]:
    for each in outcome["conflicts"]:
        winner = _SIDES.get(each["winner"], each["winner"])
        yield _rule("CON-2", f"{each['field']}: both sides had changed it, {winner} stands")


def _explained(outcome: Mapping[str, Any]) -> Iterable[Text]:
    for each in outcome["explain"]:
        about = "the item" if each["about"] == outcome["link"] else each["about"]
        because = f", {each['because']}" if each["because"] else ""
        yield _rule(each["rule"], f"{about}: {each['decision']}{because}")


def _rule(rule: str, text: str) -> Text:
    return Text.assemble((f"{rule:8} ", "cyan"), text)


def _consulted(outcome: Mapping[str, Any]) -> Iterable[Text]:
    for each in outcome["options"]:
        value = "on" if each["value"] else "off"
        effect = f": {', '.join(each['effect'])}" if each["effect"] else ""
        whose = f" for {each['user']}" if each["user"] else ""
        yield Text(f"option {each['key']} is {value}{whose} (from {each['level']}){effect}", style="dim")
