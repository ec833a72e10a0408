"""GetReminders and PerformReminderAction: what rings for a mailbox's owner, and his dismissing or snoozing of it."""

from __future__ import annotations

from datetime import datetime

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.calls import Call, answer, required, success, whole_number
from daemon.sandbox.exchange.computed import item_id
from daemon.sandbox.exchange.errors import EwsError, malformed
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.markup import Element, child_text, children, m, t
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.reminders import SNOOZED, next_time
from daemon.sandbox.exchange.values import instant, read_instant

_FOLDERS = ("calendar", "tasks")
_GROUPS = {ItemKind.CALENDAR_ITEM: "Calendar", ItemKind.TASK: "Task"}
_MOST = 200
# What Exchange says of a task, which has no times of day.
_NO_TIME = "0001-01-02T00:00:00Z"


def get_reminders(call: Call, request: Element) -> Element:
    """The reminders that are set and ring within the time that is asked for, the next first."""
    begin, end = (child_text(request, name) for name in ("BeginTime", "EndTime"))
    if begin and end and read_instant(end) < read_instant(begin):
        raise EwsError("ErrorInvalidOperation", "EndDate is earlier than StartDate")
    wanted = child_text(request, "ReminderType", "All")
    most = whole_number(child_text(request, "MaxItems", str(_MOST)), "MaxItems")
    ringing = [
        (moment, item)
        for folder in _FOLDERS
        for item in map(_rung_for, call.world.items(call.mailbox, folder))
        if item.kind in _GROUPS and (moment := next_time(item)) is not None
        if (not begin or read_instant(begin) <= moment) and (not end or moment <= read_instant(end))
        if wanted == "All" or (wanted == "Old") == _is_over(call, item)
    ]
    ringing.sort(key=lambda each: each[0])
    reminders = m("Reminders", *(_reminder(item) for _, item in ringing[:most]))
    return answer(call.operation, [success(call.operation, reminders)])


def _rung_for(item: Item) -> Item:
    """Of a series the occurrence that it waits for."""
    return (series.pending(item) or item) if series.is_series(item) else item


def _is_over(call: Call, item: Item) -> bool:
    end = item.get("End") or item.get("ReminderDueBy")
    return bool(end and end < call.world.now())


def _reminder(item: Item) -> Element:
    rings, start, end = next_time(item), item.get("Start"), item.get("End")
    return t(
        "Reminder",
        t("Subject", str(item.get("Subject", ""))),
        t("Location", str(item.get("Location", ""))),
        t("ReminderTime", instant(rings) if rings else _NO_TIME),
        t("StartDate", instant(start) if start else _NO_TIME),
        t("EndDate", instant(end) if end else _NO_TIME),
        item_id(item),
        item_id(item.part.master, "RecurringMasterItemId") if item.part is not None else None,
        t("ReminderGroup", _GROUPS[item.kind]),
        t("UID", item.uid or item.id),
    )


def perform_reminder_action(call: Call, request: Element) -> Element:
    """Dismisses and snoozes; what no longer rings is passed over."""
    done = [_perform(call, each) for each in children(required(request, "ReminderItemActions"))]
    updated = m("UpdatedItemIds", *(item_id(item) for item in done if item is not None))
    return answer(call.operation, [success(call.operation, updated)])


def _perform(call: Call, action: Element) -> Item | None:
    kind, until = child_text(action, "ActionType"), child_text(action, "NewReminderTime")
    if kind == "Snooze" and not until:
        raise malformed("Snooze without NewReminderTime")
    try:
        item = call.item(required(action, "ItemId"))
    except EwsError:
        return None
    if item.part is not None or series.is_series(item):
        return _perform_on_series(call, item, until=read_instant(until) if kind == "Snooze" else None)
    if not item.get("ReminderIsSet"):
        return None
    changed = {SNOOZED: read_instant(until)} if kind == "Snooze" else {"ReminderIsSet": False}
    return call.world.modify(item, changed, by=call.person.name)


def _perform_on_series(call: Call, item: Item, *, until: datetime | None) -> Item | None:
    """The series waits for the occurrence after this one, or is silent for a while."""
    master = item.part.master if item.part is not None else item
    rung = item if item.part is not None else series.pending(master)
    if rung is None or not rung.get("ReminderIsSet"):
        return None
    dismissed = max(rung.get("Start"), master.get(series.DISMISSED) or rung.get("Start"))
    changed = {SNOOZED: until} if until is not None else {SNOOZED: None, series.DISMISSED: dismissed}
    call.world.modify(master, changed, by=call.person.name)
    return call.world.item(item.mailbox, item.id)
