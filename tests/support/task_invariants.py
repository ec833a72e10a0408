"""What holds of tasks after every test in a house; see `invariants`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.values import Body
from schemas import ids

if TYPE_CHECKING:
    from tests.support.house import House

_MARKER = "name:exsyncd-crm-id"
_STATUSES = {
    "NotStarted": "outstanding",
    "InProgress": "tentative",
    "WaitingOnOthers": "on_hold",
    "Deferred": "cancelled",
    "Completed": "completed",
}
_PRIORITIES = {"High": "A", "Normal": "B", "Low": "C"}
_QUERIES = (
    "SELECT crm_id FROM task_links",
    "SELECT mailbox || '/' || item_id FROM task_replicas",
)


def wrong_copies(house: House, users: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Tasks that do not lie once, and as the CRM holds them, in the list of everybody who is assigned and synchronized.

    A task may be excused by its CRM id.
    """
    tasks = [item for item in house.items() if item["kind"] == "task" and item["id"] not in house.watch.excused]
    return [wrong for task in tasks for user in users.values() for wrong in _wrong(house, task, user)]


async def several_links(house: House) -> list[str]:
    """CRM tasks and copies that have more than one link."""
    found = []
    for daemon in house.daemons:
        for query in _QUERIES:
            rows = await daemon.store.read(lambda tx, query=query: list(tx.execute(text(query)).scalars()))
            found += [f"{query}: {row}" for row, count in Counter(rows).items() if row is not None and count > 1]
    return found


def copies_of(house: House, task: Mapping[str, Any], mailbox: str) -> list[Item]:
    """The copies of a CRM task in a mailbox, outside Deleted Items: marked by us, or the one it was born as. Of one
    that recurs, what was an occurrence of it is none, though it carries the marker."""
    person = house.sandbox.people.find(mailbox)
    items = house.sandbox.world.items(person.email) if person else ()
    return [item for item in items if _is_of(house, item, task)]


def _is_of(house: House, item: Item, task: Mapping[str, Any]) -> bool:
    folder = house.sandbox.world.folder_by_id(item.folder)
    if item.kind is not ItemKind.TASK or folder.name == "deleteditems":
        return False
    if task["item"].get("recurrence") and "Recurrence" not in item.values:
        return False
    markers = (value for name, value in item.extended.items() if name.property_id == _MARKER)
    return next(markers, None) == task["id"] or ids.link_of_uid(item.id) == task["link"]


def _wrong(house: House, task: Mapping[str, Any], user: Mapping[str, Any]) -> Iterable[str]:
    is_synchronized = user.get("mailbox") and user.get("active", True) and user.get("sync_enabled", True)
    if not is_synchronized:
        return
    copies = copies_of(house, task, user["mailbox"])
    wanted = user["id"] in task["item"]["assign_to"]
    if len(copies) != wanted:
        yield f"{user['id']} has {len(copies)} copies of {task['id']}"
        return
    for copy in copies:
        yield from (
            f"{name} of {task['id']} differs for {user['id']}: {a!r}, {b!r}" for name, a, b in _differing(task, copy)
        )


def _differing(task: Mapping[str, Any], copy: Item) -> Iterable[tuple[str, object, object]]:
    shown, body = task["item"], copy.get("Body")
    start = shown.get("start")
    if shown.get("recurrence") and start is None:
        start = shown["due"]  # an occurrence has one
    words = body.text if isinstance(body, Body) else body or ""
    sides = {
        "subject": (shown["subject"].split(), str(copy.get("Subject", "")).split()),
        "recurrence": (bool(shown.get("recurrence")), "Recurrence" in copy.values),
        "start": (start, _day(copy, "StartDate")),
        "due": (shown.get("due"), _day(copy, "DueDate")),
        "priority": (shown.get("priority", "B"), _PRIORITIES.get(copy.get("Importance", "Normal"), "B")),
        "status": (shown.get("status", "outstanding"), _STATUSES[copy.get("Status", "NotStarted")]),
        "restricted": (shown.get("restricted", False), copy.get("Sensitivity", "Normal") != "Normal"),
        "notes": (True, all(word in words for word in shown.get("notes", "").split())),
    }
    return [(name, one, other) for name, (one, other) in sides.items() if one != other]


def _day(copy: Item, name: str) -> str | None:
    day = copy.get(name)
    return None if day is None else str(day.civil)
