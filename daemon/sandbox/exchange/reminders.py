"""Reminders as Exchange keeps them: each copy has its own, and rings once.

An appointment's reminder is so many minutes before its start; a task's is an instant of its own. Both have a signal
time, which snoozing moves and dismissing leaves behind: a dismissed reminder is no longer set, and its signal time
lies in the past. None, at the start, and minutes before are three different things.

A series has one signal time, that of its next occurrence; an occurrence may have a reminder of its own, or none, but no
signal time. Dismissing it lets the series wait for the one after it, and leaves the reminder set.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.properties import ItemKind

BY_DEFAULT = {"ReminderIsSet": True, "ReminderMinutesBeforeStart": 15}
"""What a mailbox gives to appointments that say nothing of a reminder."""
NONE_BY_DEFAULT = {"ReminderIsSet": False, "ReminderMinutesBeforeStart": 0}
"""What other items have that say nothing of one."""

# Not a property of EWS: the signal time of a reminder that was snoozed.
SNOOZED = series.SNOOZED
_NEVER = datetime(4501, 1, 1, tzinfo=UTC)
_LONGEST = 2_629_800
_MOVES_THE_SIGNAL = frozenset(
    ("Start", "Recurrence", "ReminderDueBy", "ReminderIsSet", "ReminderMinutesBeforeStart", "IsAllDayEvent")
)


def due(item: Item) -> datetime | None:
    """The moment that the reminder is about."""
    waiting = series.pending(item) if series.is_series(item) else None
    name = "Start" if item.kind is ItemKind.CALENDAR_ITEM else "ReminderDueBy"
    moment: datetime | None = (waiting or item).get(name)
    return moment


def signal_time(item: Item) -> datetime | None:
    """When it rings or rang; None if the item never had a reminder."""
    if item.part is not None:
        return signal_time(item.part.master)
    snoozed: datetime | None = item.get(SNOOZED)
    if snoozed is None and series.is_series(item):
        return _before_start(series.pending(item))
    moment = due(item)
    if snoozed is not None or moment is None:
        return snoozed
    if item.kind is not ItemKind.CALENDAR_ITEM:
        return moment
    return _before_start(item)


def _before_start(item: Item | None) -> datetime:
    """When an occurrence or a single appointment rings; without one, never."""
    if item is None:
        return _NEVER
    start: datetime = item.get("Start")
    return start - timedelta(minutes=item.get("ReminderMinutesBeforeStart", 0))


def next_time(item: Item) -> datetime | None:
    """When it will ring or should have, as long as nobody dismissed it."""
    if series.is_series(item):
        return signal_time(item) if series.pending(item) is not None else None
    return signal_time(item) if item.get("ReminderIsSet") else None


def woken(changed: Mapping[str, Any]) -> dict[str, Any]:
    """What else changes with these properties: who moves item or reminder is no longer asleep on the old one."""
    return {SNOOZED: None} if _MOVES_THE_SIGNAL & changed.keys() else {}


def first_of_invitation(invitation: Mapping[str, Any]) -> dict[str, Any]:
    """The reminder that an invitation brings along: the organizer's, else what the attendee's mailbox gives."""
    if not invitation.get("ReminderIsSet"):
        return BY_DEFAULT
    return {name: invitation.get(name, BY_DEFAULT[name]) for name in BY_DEFAULT}


def check(values: Mapping[str, Any]) -> None:
    """Raises EwsError if the minutes are not between none and five years."""
    if not 0 <= values.get("ReminderMinutesBeforeStart", 0) <= _LONGEST:
        uri = "item:ReminderMinutesBeforeStart"
        raise EwsError("ErrorInvalidValueForProperty", "The reminder is out of range.", field_uri=uri)
