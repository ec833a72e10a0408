"""What a server makes of an item after it was written: the fault `rewrite`.

Exchange and its assistants touch items shortly after a write: they trim, lay HTML out anew as a whole document, round
times to minutes, sort people, spell zones their own way, and give a new change key in any case. The meaning stays.
Rewriting twice changes no more than rewriting once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.items import ATTENDEE_LISTS, Change, Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.series import Variation
from daemon.sandbox.exchange.timezones import other_spelling
from daemon.sandbox.exchange.values import Attendee, Body, Zone
from daemon.sandbox.exchange.world import World

_ASSISTANT = "Microsoft Exchange"
_REWRITTEN = (ItemKind.CALENDAR_ITEM, ItemKind.TASK)
_TRIMMED = ("Subject", "Location")
_TIMES = ("Start", "End", "ReminderDueBy")
_ZONES = ("StartTimeZone", "EndTimeZone")
_AFTER_BLOCK = re.compile(
    r"(</?(?:html|head|body|meta|div|p|ul|ol|li|table|tbody|tr|td|th|h[1-6]|hr|br)\b[^<>]*>)[ \t\r\n]*", re.IGNORECASE
)
_VERBATIM = re.compile(r"(<!--.*?-->|<(pre|textarea|style|script)\b.*?(?:</\2\s*>|\Z))", re.IGNORECASE | re.DOTALL)
_BLANKS = re.compile(r"[ \t\r\n]+")
_HEAD = '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>'
_LINE = 76


def rewrite(world: World, written: Sequence[Change]) -> None:
    """Lets the assistant of the mailbox that was written first touch what these changes left in it."""
    if not written:
        return
    mailbox = written[0].mailbox
    present = {item.id: item for item in world.items(mailbox) if item.kind in _REWRITTEN}
    for item_id in dict.fromkeys(change.item_id for change in written):
        if item_id in present:
            world.modify(present[item_id], rewritten(present[item_id]), by=_ASSISTANT)


def rewritten(item: Item) -> dict[str, Any]:
    """The properties that the server changes, with their new values; of a series also its exceptions'."""
    changed = _changed(item.values)
    variations: tuple[Variation, ...] = item.get(series.VARIATIONS, ())
    touched = tuple(replace(each, values={**each.values, **_changed(each.values)}) for each in variations)
    return {**changed, series.VARIATIONS: touched} if touched != variations else changed


def _changed(values: Mapping[str, Any]) -> dict[str, Any]:
    new = {name: _REWRITERS[name](values[name]) for name in _REWRITERS if values.get(name) is not None}
    changed = {name: value for name, value in new.items() if value != values[name]}
    if "Location" in changed:
        changed["EnhancedLocation"] = None
    return changed


def _trimmed(text: str) -> str:
    return text.strip()


def _rounded(moment: datetime) -> datetime:
    return moment.replace(second=0)


def _sorted(people: tuple[Attendee, ...]) -> tuple[Attendee, ...]:
    return tuple(sorted(people, key=lambda each: each.recipient.address.casefold(), reverse=True))


def _respelled(zone: Zone) -> Zone:
    return replace(zone, id=other_spelling(zone.id))


def _rewrapped(body: Body) -> Body:
    if body.type != "HTML":
        return replace(body, text=body.text.replace("\r\n", "\n").replace("\n", "\r\n"))
    parts = _VERBATIM.split(_whole(body.text))
    return replace(body, text="".join(_laid_out(parts[0::3], parts[1::3])))


def _whole(markup: str) -> str:
    """A document, also of a fragment."""
    return markup if "<html" in markup.lower() else f"{_HEAD}{markup}</body></html>"


def _laid_out(free: list[str], verbatim: list[str]) -> list[str]:
    """Free markup with a line for each block and no long lines; what is verbatim between it stays."""
    laid = [_wrapped(_AFTER_BLOCK.sub(r"\1\r\n", part)) for part in free]
    return [piece for pair in zip(laid, [*verbatim, ""], strict=True) for piece in pair]


def _wrapped(markup: str) -> str:
    """With its blanks outside tags made one blank each, or a line's end where the line gets long."""
    out: list[str] = []
    column = 0
    for piece in filter(None, re.split(r"(<[^<>]*>|[ \t\r\n]+)", markup)):
        if not _BLANKS.fullmatch(piece):
            out.append(piece)
            column += len(piece)
            continue
        ends = column >= _LINE or (out and piece == "\r\n" and _AFTER_BLOCK.fullmatch(out[-1]))
        out.append("\r\n" if ends else " ")
        column = 0 if ends else column + 1
    return "".join(out)


_REWRITERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TRIMMED, _trimmed),
    **dict.fromkeys(_TIMES, _rounded),
    **dict.fromkeys(_ZONES, _respelled),
    **dict.fromkeys(ATTENDEE_LISTS, _sorted),
    "Body": _rewrapped,
}
