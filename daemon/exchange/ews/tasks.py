"""EWS tasks to canonical copies (ID-5, ID-7, ALM-6, REC-1, MAP-2, MAP-4).

A task's days are civil dates. Outlook keeps them twice: as a midnight of no zone, which is the day, and as the instant
of that midnight where its user sits, which is what `task:DueDate` shows. The first is read where a server gives it, the
second taken for the nearest midnight of a zone where people live. An odd day or alarm is not known; it makes no task
unreadable.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable

from daemon.exchange.ews import decoder, fields, properties, recurrences, times
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.ews.envelopes import TYPES, Element, Message
from daemon.exchange.ews.fields import Fields
from daemon.exchange.ews.unreadable import NotReadable
from daemon.exchange.port import Unreadable
from schemas.copies import TaskCopy

NO_TASK = "no_task"


def items(message: Message, reading: Reading) -> tuple[TaskCopy | Unreadable, ...]:
    """The tasks of a response message; what is none is unreadable as one."""
    return tuple([item(element, reading) for element in decoder.item_elements(message.element)])


def item(element: Element, reading: Reading) -> TaskCopy | Unreadable:
    """One item element."""
    found = fields.of(element)
    try:
        return _task(element, found, reading)
    except NotReadable as error:
        return Unreadable(found.attribute("ItemId", "Id"), error.rule)


def _task(element: Element, found: Fields, reading: Reading) -> TaskCopy:
    if element.tag != f"{TYPES}Task":
        raise NotReadable(NO_TASK)
    extended = _extended(element)
    is_reminding = found.flag("ReminderIsSet")
    task = TaskCopy(
        mailbox=reading.mailbox,
        item_id=found.attribute("ItemId", "Id"),
        change_key=found.attribute("ItemId", "ChangeKey"),
        folder=decoder.folder(found, reading),
        marker=extended.get("marker"),
        search_key=_hex(extended.get("search_key", "")),
        subject=found.text("Subject"),
        body=decoder.body(found),
        html=decoder.is_html(found),
        importance=found.text("Importance") or "Normal",
        sensitivity=found.text("Sensitivity") or "Normal",
        status=found.text("Status") or "NotStarted",
        percent=_percent(found.text("PercentComplete")),
        completed_on=times.day_or_none(found.text("CompleteDate")),
        start_day=times.day_or_none(extended.get("start") or found.text("StartDate")),
        due_day=times.day_or_none(extended.get("due") or found.text("DueDate")),
        remind_at=times.instant_or_none(found.text("ReminderDueBy")) if is_reminding else None,
        is_recurring=found.flag("IsRecurring"),
        modified_at=times.instant_or_none(found.text("LastModifiedTime")),
    )
    return recurrences.task(task, found) if "Recurrence" in found.elements else task


def _extended(element: Element) -> dict[str, str]:
    """The extended properties of a task by what they are to us."""
    values: dict[str, str] = {}
    for found in map(fields.of, element.iterchildren(f"{TYPES}ExtendedProperty")):
        path, value = found.elements.get("ExtendedFieldURI"), found.text("Value")
        if path is not None and value:
            values.update(dict.fromkeys((name for name, is_it in _NAMES.items() if is_it(path)), value))
    return values


def _is_of_task(tag: int) -> Callable[[Element], bool]:
    def is_it(path: Element) -> bool:
        in_set = path.get("DistinguishedPropertySetId") == "Task" or _set_id(path) == properties.TASK_SET
        return in_set and fields.any_number(path.get("PropertyId")) == tag

    return is_it


def _is_search_key(path: Element) -> bool:
    return fields.any_number(path.get("PropertyTag")) == properties.SEARCH_KEY_TAG


def _set_id(path: Element) -> str:
    return (path.get("PropertySetId") or "").strip("{}").lower()


_NAMES: dict[str, Callable[[Element], bool]] = {
    "marker": decoder.is_marker,
    "search_key": _is_search_key,
    "start": _is_of_task(properties.TASK_START_TAG),
    "due": _is_of_task(properties.TASK_DUE_TAG),
}


def _hex(value: str) -> str:
    try:
        return b64decode(value, validate=True).hex().upper()
    except ValueError:  # no base64: the item has no identity beside its id
        return ""


def _percent(text: str) -> float:
    try:
        percent = float(text or 0)
    except ValueError:
        return 0.0
    return percent if 0 <= percent <= 100 else 0.0
