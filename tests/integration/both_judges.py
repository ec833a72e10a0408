"""Whether both sides of a house hold what the oracles worked out: one text for every difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from daemon.sandbox.exchange.bodies import as_type
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.values import Body
from schemas import ids
from tests.integration.both_players import PRIORITIES, address_of, utc
from tests.integration.both_tasks import STATUSES, days_of
from tests.oracle.sides import Copy, Meeting
from tests.oracle.task_sides import Task, TaskCopy
from tests.support import task_invariants
from tests.support.house import House
from tests.support.watch import is_in_a_calendar


def of_meeting(house: House, meeting: Meeting) -> Iterator[str]:
    """What is otherwise of a meeting, in the CRM and in everybody's calendar."""
    yield from _in_crm(house, meeting)
    yield from _in_exchange(house, meeting)


def _in_crm(house: House, meeting: Meeting) -> Iterator[str]:
    record = _record(house, meeting)
    if record is None:
        yield "the CRM holds no record, or several"
        return
    if record["deleted"] != meeting.deleted:
        yield f"deleted in the CRM: {record['deleted']}"
    if meeting.is_over or record["deleted"]:
        return
    for name, wanted, held in _of_record(meeting, record["item"]):
        if wanted != held:
            yield f"  CRM {name}: expected {wanted!r}, held {held!r}"


def _record(house: House, thing: Meeting | Task) -> dict[str, Any] | None:
    found = [each for each in house.crm.items() if each["id"] == thing.crm_id]
    return found[0] if len(found) == 1 else None


def _in_exchange(house: House, meeting: Meeting) -> Iterator[str]:
    for who in sorted(meeting.bank.synchronized):
        wanted, copies = meeting.copies.get(who), _copies(house, meeting, who)
        if len(copies) != (wanted is not None):
            yield f"  {who} has {len(copies)} copies, expected {wanted}"
        elif wanted is not None and not wanted.cancelled:
            yield from (f"  {who}'s copy, {each}" for each in _of_copy(meeting, wanted, copies[0], who))
    if meeting.own is not None and meeting.organizer is not None:
        yield from _of_people(meeting, _copies(house, meeting, meeting.organizer))


def _copies(house: House, meeting: Meeting, who: str) -> list[Item]:
    world = house.sandbox.world
    uids = {meeting.uid, ids.uid_of_direct_copy(meeting.crm_id or "", who)}
    return [
        each
        for each in world.items(address_of(who))
        if each.kind is ItemKind.CALENDAR_ITEM and each.uid in uids and is_in_a_calendar(world, each)
    ]


def _of_record(meeting: Meeting, item: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Fields of the CRM's item: what they must be, and what they are."""
    content = meeting.content
    for name in ("subject", "notes", "location", "priority", "restricted"):
        yield name, content[name], item.get(name)
    yield "times", content["times"], (utc(item["start"]), utc(item["end"]))
    yield "owner", meeting.owner, item["owner"]
    yield "assign_to", sorted(meeting.assign_to), sorted(item["assign_to"])
    yield "for", meeting.for_, {each["contact"]: each.get("source", "crm") for each in item.get("for", ())}
    yield "related", list(meeting.related), [each["title"] for each in item.get("related", ())]
    for who in sorted(meeting.assign_to & meeting.bank.synchronized):
        if who in meeting.copies:
            yield f"alarm of {who}", list(meeting.alarms.get(who, ())), sorted(item.get("alarms", {}).get(who, []))
            yield (
                f"answer of {who}",
                meeting.copies[who].response,
                item.get("responses", {}).get(who, _answer(meeting, who)),
            )
        elif who in meeting.ended:
            yield f"answer of {who}", meeting.ended[who], item.get("responses", {}).get(who)


def _answer(meeting: Meeting, who: str) -> str:
    """What a CRM knows of itself as long as nobody told it otherwise."""
    return "organizer" if who == meeting.organizer else "none"


def _of_copy(meeting: Meeting, wanted: Copy, copy: Item, who: str) -> Iterator[str]:
    text = _text(copy)
    content = wanted.content
    sides = {
        "kind": (wanted.kind == "direct", copy.uid != meeting.uid),
        "subject": (content["subject"], copy.get("Subject")),
        "notes": (content["notes"], text[: len(content["notes"])]),
        "location": (content["location"], copy.get("Location", "")),
        "times": (content["times"], (copy.get("Start"), copy.get("End"))),
        "priority": (PRIORITIES[content["priority"]], copy.get("Importance", "Normal")),
        "restricted": (content["restricted"], copy.get("Sensitivity", "Normal") != "Normal"),
        "reminder": (wanted.reminder, copy.get("ReminderMinutesBeforeStart") if copy.get("ReminderIsSet") else None),
        "block": ((bool(wanted.block), len(wanted.block)), _block(text, wanted.block)),
    }
    yield from (f"{name}: expected {one!r}, held {other!r}" for name, (one, other) in sides.items() if one != other)


def _of_people(meeting: Meeting, copies: list[Item]) -> Iterator[str]:
    wanted = sorted(address_of(each) for each in meeting.attendees)
    held = sorted(each.recipient.address for copy in copies for each in copy.attendees)
    if wanted != held:
        yield f"  attendees: expected {wanted}, held {held}"


def of_task(house: House, task: Task) -> Iterator[str]:
    """What is otherwise of a task, in the CRM and in everybody's list."""
    record = _record(house, task)
    if record is None:
        yield "the CRM holds no record, or several"
        return
    if record["deleted"] != task.deleted:
        yield f"deleted in the CRM: {record['deleted']}"
    if not task.deleted:
        sides = _of_task_record(task, record["item"])
        yield from (f"  CRM {name}: expected {one!r}, held {other!r}" for name, one, other in sides if one != other)
    for who in sorted(task.bank.synchronized):
        wanted, copies = task.copies.get(who), task_invariants.copies_of(house, record, address_of(who))
        if len(copies) != (wanted is not None):
            yield f"  {who} has {len(copies)} copies, expected {wanted}"
        elif wanted is not None:
            sides = _of_task_copy(task, wanted, copies[0])
            yield from (
                f"  {who}'s {name}: expected {one!r}, held {other!r}" for name, one, other in sides if one != other
            )


def _of_task_record(task: Task, item: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in ("subject", "notes", "priority", "status", "restricted"):
        yield name, task.content[name], item.get(name)
    yield "days", task.content["days"], days_of(item)
    yield "owner", task.owner, item["owner"]
    yield "assign_to", sorted(task.assign_to), sorted(item["assign_to"])
    yield "related", list(task.related), [each["title"] for each in item.get("related") or ()]
    for who in sorted(task.copies):
        moment = (item.get("alarms") or {}).get(who)
        yield f"alarm of {who}", task.alarms.get(who), moment and datetime.fromisoformat(moment)


def _of_task_copy(task: Task, wanted: TaskCopy, copy: Item) -> Iterator[tuple[str, Any, Any]]:
    text = _text(copy)
    yield "subject", task.content["subject"], copy.get("Subject")
    yield "notes", task.content["notes"], text[: len(task.content["notes"])]
    yield (
        "days",
        task.content["days"],
        tuple((day := copy.get(name)) and day.civil for name in ("StartDate", "DueDate")),
    )
    yield "priority", PRIORITIES[task.content["priority"]], copy.get("Importance", "Normal")
    yield "status", STATUSES[task.content["status"]], copy.get("Status")
    yield "restricted", task.content["restricted"], copy.get("Sensitivity", "Normal") != "Normal"
    yield "reminder", wanted.alarm, copy.get("ReminderDueBy") if copy.get("ReminderIsSet") else None
    yield "block", (bool(wanted.block), len(wanted.block)), _block(text, wanted.block)


def _text(copy: Item) -> str:
    body = copy.get("Body")
    return " ".join((as_type(body, "Text").text if isinstance(body, Body) else body or "").split())


def _block(text: str, titles: tuple[str, ...]) -> tuple[int, int]:
    """How often the block stands there, and how many of these titles."""
    return text.count("[Related in the CRM"), sum(text.count(title) for title in titles)
