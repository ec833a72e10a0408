"""What holds of the daemon's writes after every test in a house; see `invariants`.

Judged from what the sandbox saw (`watch.Written`: an item before and after each write), the CRM's events, and the
outcomes. What a write may have touched follows from the fields its outcome names.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from daemon.sandbox.exchange.bodies import as_type
from daemon.sandbox.exchange.items import ATTENDEE_LISTS, Item
from daemon.sandbox.exchange.meetings import TOLD, is_organizers
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.reminders import SNOOZED
from daemon.sandbox.exchange.series import DELETED, VARIATIONS
from daemon.sandbox.exchange.values import Body
from schemas import catalogue, ids
from tests.support.watch import Written, is_in_a_calendar

if TYPE_CHECKING:
    from tests.support.house import House

_MARKER = "name:exsyncd-crm-id"
_OF_SERIES = frozenset((VARIATIONS, DELETED))
_TIMES = frozenset(("Start", "End", "IsAllDayEvent", "StartTimeZone", "EndTimeZone", SNOOZED, *_OF_SERIES))
_REMINDER = frozenset(("ReminderIsSet", "ReminderMinutesBeforeStart", "ReminderDueBy", SNOOZED))
_PEOPLE = frozenset((*ATTENDEE_LISTS, "IsMeeting", "AppointmentState"))
_TOUCHED: Mapping[str, frozenset[str]] = {
    "subject": frozenset(("Subject",)),
    "notes": frozenset(("Body",)),
    "related": frozenset(("Body",)),
    "location": frozenset(("Location", "EnhancedLocation")),
    "recurrence": frozenset(("Recurrence", *_OF_SERIES)),
    "exceptions": _OF_SERIES,
    **dict.fromkeys(("start", "end", "zone", "all_day"), _TIMES | {"Recurrence"}),  # it begins with its series
    "priority": frozenset(("Importance",)),
    "restricted": frozenset(("Sensitivity",)),
    "assign_to": _PEOPLE,
    "alarm": _REMINDER,
    # A task's days and status; Exchange derives the rest (MAP).
    "due": frozenset(("DueDate", "StartDate")),
    "status": frozenset(("Status", "PercentComplete", "CompleteDate")),
}
"""What a write may change, by the words of its outcome."""
_OF_TASKS = frozenset(("StartDate",))
_OF_MAILS = frozenset((TOLD, "MeetingRequestWasSent", "AppointmentSequenceNumber"))
"""What Exchange notes of a meeting when it sends mails of it."""
_MOVE_ON = ("due", "status")
"""What brings a recurring task to its next occurrence, and all of that with it."""

_OF_ITEMS = ("create", "update", "delete")

Place = tuple[str, str, str]
"""A link, a mailbox and an operation."""


def ours(house: House) -> list[Written]:
    """Everything the daemon wrote; what Exchange made in others' mailboxes of the mails it sent is not its doing."""
    found = [each for each in house.watch.written if each.account == house.service]
    mailing = {id(each.call) for each in house.watch.mailed}
    places = {id(each.call): each.item.mailbox for each in found if is_organizers(each.item)}
    return [
        each
        for each in found
        if each.call is None
        or id(each.call) not in mailing
        or each.item.mailbox == places.get(id(each.call), each.call.mailbox)
    ]


def crm_events(house: House) -> Iterator[dict[str, Any]]:
    """Whatever the CRM said of its items, in order."""
    for topic in (catalogue.SCHEDULE_ITEMS, catalogue.TASKS):
        for record in house.broker.records(topic):
            with suppress(ValueError):  # what is no event is a dead letter
                said = json.loads(record.value or b"{}")
                if isinstance(said, dict) and {"id", "origin"} <= said.keys():
                    yield said


def links_of_event(event: Mapping[str, Any]) -> set[str]:
    """The ids that the link of an event's item may have."""
    return {ids.link_of_crm(event["id"]), *([event["link"]] if event.get("link") else [])}


def newest(house: House, topic: str) -> dict[str, dict[str, Any]]:
    """The last that the CRM announced of every entry."""
    found: dict[str, dict[str, Any]] = {}
    for record in house.broker.records(topic):
        with suppress(ValueError):
            found[(record.key or b"").decode()] = json.loads(record.value or b"null") or {}
    return found


def user_at(house: House, address: str) -> dict[str, Any] | None:
    """The CRM's user of this address, by whichever of its names."""
    mailbox = _mailbox(house, address).casefold()
    for user in newest(house, catalogue.USERS).values():
        written = [*user.get("emails", ()), user.get("mailbox") or ""]
        if mailbox in {_mailbox(house, each).casefold() for each in written if each}:
            return user
    return None


def takes_part(house: House, item: Mapping[str, Any]) -> set[str]:
    """The users in Assign To, and those behind contacts in For (PART-6)."""
    contacts = newest(house, catalogue.CONTACTS)
    behind = (contacts.get(entry["contact"], {}).get("user") for entry in item.get("for", ()))
    return {*item.get("assign_to", ()), *(user for user in behind if user)}


# what is written, and what is said of it


def unsaid(house: House) -> list[str]:
    """Writes that no outcome names, and writes in outcomes that never were.

    Counted one by one, unless an answer was lost or a daemon died on purpose: then nobody can know how often.
    """
    said, done = _said(house), _done(house)
    if not is_troubled(house) and len(house.metrics) <= 1:
        more = {place: len(done[place]) - len(said[place]) for place in {*done, *said}}
        return [_of(place, count) for place, count in more.items() if count and not _was_gone(house, place, count)]
    unheard = [_of(place, 1) for place in done if place not in said and not _is_anybodys(house, place)]
    if len(unheard) <= house.sandbox.faults.false_clashes:
        unheard = []  # of what was saved and said to clash nobody knows whose it is
    undone = [place for place in said if place not in done and not _was_gone(house, place, -1)]
    return unheard + [_of(place, -1) for place in undone if not _is_a_persons(house, place)]


def _of(place: Place, count: int) -> str:
    return f"{place[2]} in {place[1]} of {place[0]}: {'not said' if count > 0 else 'not done'} {abs(count)} times"


def _is_a_persons(house: House, place: Place) -> bool:
    """Whether a person changed that copy: if to what we wanted, nobody can tell whose a write is that got no answer, or
    was said to clash.
    """
    link, mailbox, operation = place
    theirs = (each for each in house.watch.written if each.account != house.service and each.item.mailbox == mailbox)
    return operation == "update" and any(link in links_of(house, each.item) for each in theirs)


def _was_gone(house: House, place: Place, count: int) -> bool:
    """Whether it is a delete for which somebody else was faster."""
    link, mailbox, operation = place
    by_people = (each for each in house.watch.ended if each.mailbox == mailbox)
    return count < 0 and operation == "delete" and any(link in links_of(house, each) for each in by_people)


def _said(house: House) -> dict[Place, list[frozenset[str]]]:
    """The fields of every write that an outcome names, by place, in order."""
    found: dict[Place, list[frozenset[str]]] = defaultdict(list)
    told = dict.fromkeys((record.headers, record.value) for record in house.broker.records(catalogue.OUTCOMES))
    for outcome in (json.loads(value or b"{}") for _, value in told):
        for write in (each for each in outcome["writes"] if each["operation"] in _OF_ITEMS):
            place = (outcome["link"], _mailbox(house, write["mailbox"]), write["operation"])
            found[place].append(frozenset(write["fields"]))
    return found


def _done(house: House) -> dict[Place, list[Written]]:
    """Every write by place, in order."""
    known = {outcome["link"] for outcome in house.outcomes() if outcome["writes"]}
    found: dict[Place, list[Written]] = defaultdict(list)
    for each in ours(house):
        candidates = links_of(house, each.item)
        link = min(candidates & known, default=None) or min(candidates)
        found[link, each.item.mailbox, each.operation].append(each)
    return found


def is_troubled(house: House) -> bool:
    """Whether a write ended otherwise than its answer said."""
    return any(house.sandbox.faults.struck[operation] for operation in ("CreateItem", "UpdateItem", "DeleteItem"))


def _is_anybodys(house: House, place: Place) -> bool:
    """Whether it is a delete whose answer was lost: who threw away what is gone, nobody can see."""
    return place[2] == "delete" and house.sandbox.faults.struck["DeleteItem"] > 0


def _mailbox(house: House, address: str) -> str:
    person = house.sandbox.people.find(address)
    return person.email if person else address


def links_of(house: House, item: Item) -> set[str]:
    """The ids that an item's link may have: by its UID or first id, or by the CRM's item that it was made for."""
    born = item.uid if item.kind is ItemKind.CALENDAR_ITEM else house.watch.born.get(item.id, item.id)
    found, marker = {ids.link_of_uid(born)}, marker_of(item)
    if marker is not None:
        found.add(ids.link_of_crm(marker))
    for record in house.crm.items():
        if record["id"] == marker or ids.uid_of_crm(record["id"]) == item.uid:
            found |= {ids.link_of_crm(record["id"]), *([record["link"]] if record["link"] else [])}
    return found


def marker_of(item: Item) -> str | None:
    """The id of the CRM's item that an item says it was made for."""
    values = (value for name, value in item.extended.items() if name.property_id == _MARKER)
    return next((value for value in values if isinstance(value, str)), None)


# what is touched


def interfering(house: House) -> Iterator[str]:
    """Properties that a write changed although its outcome does not name them, and people it took along."""
    found = list(_all_interfering(house))
    yield from found if len(found) > house.sandbox.faults.false_clashes else ()


def _all_interfering(house: House) -> Iterator[str]:
    said = _said(house)
    for place, writes in _done(house).items():
        fields = said.get(place, [])
        together = frozenset[str]().union(*fields)
        one_by_one = len(fields) == len(writes) and not is_troubled(house)  # or one is said when another was tried
        for write, own in zip_longest(writes, fields if one_by_one else ()):
            if place[2] == "update" and write is not None:
                yield from _interfering(house, write, own if one_by_one else together)


def _interfering(house: House, write: Written, fields: frozenset[str]) -> Iterator[str]:
    before, after = write.before, write.after
    if before is None or after is None:
        yield f"an update that is none in {write.item.mailbox}"
        return
    mails = any(each.call is write.call for each in house.watch.mailed)
    if mails:
        before, after = _unanswered(before), _unanswered(after)
    allowed = frozenset[str]().union(*(_allowed(name, before) for name in fields), _OF_MAILS if mails else ())
    names = {*before.values, *after.values}
    changed = {name for name in names if (before.get(name) or None) != (after.get(name) or None)}
    if wrong := changed - allowed:
        yield f"{sorted(wrong)} changed in {after.mailbox} by an update of {sorted(fields)}"
    if before.extended != after.extended:
        yield f"extended properties changed in {after.mailbox}"
    yield from _strangers_moved(house, before, after)


def _unanswered(item: Item) -> Item:
    """As it is when everybody is asked anew."""
    lists = {name: item.values[name] for name in ATTENDEE_LISTS if name in item.values}
    return item.with_values(
        **{
            name: tuple(replace(each, response="Unknown", replied=None) for each in held)
            for name, held in lists.items()
        }
    )


def _allowed(field: str, item: Item) -> frozenset[str]:
    if item.kind is ItemKind.TASK and "Recurrence" in item.values and field in _MOVE_ON:
        return frozenset().union(*(_TOUCHED[each] for each in (*_MOVE_ON, "alarm")))
    return _OF_TASKS if item.kind is ItemKind.TASK and field == "start" else _TOUCHED.get(field, frozenset())


def _strangers_moved(house: House, before: Item, after: Item) -> Iterator[str]:
    """PART-6: only users come and go by our hand; everybody else stays as Exchange names him, with his answer."""
    for name in ATTENDEE_LISTS:
        old, new = set(before.get(name) or ()), set(after.get(name) or ())
        for attendee in old ^ new:
            same = {each.recipient.address for each in old} & {each.recipient.address for each in new}
            address = attendee.recipient.address
            if address in same or user_at(house, address) is None:
                yield f"an attendee in {name} of {after.mailbox} is not as he was"


def organizers_changed(house: House) -> Iterator[str]:
    """9: the organizer is who he was; of what we make, he in whose mailbox it is. We take part in nothing."""
    for write in ours(house):
        after, before = write.after, write.before
        if after is None or after.kind is not ItemKind.CALENDAR_ITEM:
            continue
        if before is not None and before.organizer != after.organizer:
            yield f"the organizer in {after.mailbox} was changed"
        if before is None and (after.organizer is None or _mailbox(house, after.organizer.address) != after.mailbox):
            yield f"somebody else organizes what was made in {after.mailbox}"
        if any(each.recipient.address == house.service for each in after.attendees):
            yield f"the service takes part in a meeting of {after.mailbox}"


# what there is one of


def doubled(house: House) -> Iterator[str]:
    """3: an item of the CRM lies at most once in a mailbox, direct copies counted.

    An item that a person copied has the marker, too, but another UID (S21d). Who was told of one occurrence that his
    copy of the series does not have holds it apart.
    """
    world = house.sandbox.world
    live = [each for each in world if each.kind is ItemKind.CALENDAR_ITEM and is_in_a_calendar(world, each)]
    mine = (each for each in live if each.uid in _uids_of_ours(house, each))
    by_uid = Counter((each.uid, each.mailbox, each.recurrence_id) for each in mine)
    yield from (f"{count} copies of one UID in {mailbox}" for (_, mailbox, _), count in by_uid.items() if count > 1)
    for record in (each for each in house.crm.items() if each["uid"] not in house.watch.excused):
        copies = (each for each in live if _is_copy_of(house, each, record) and not each.is_cancelled)
        of_record = Counter((each.mailbox, each.recurrence_id) for each in copies)
        yield from (f"{n} items of {record['id']} in {mailbox}" for (mailbox, _), n in of_record.items() if n > 1)


def _uids_of_ours(house: House, item: Item) -> set[str]:
    """The UIDs that a create of ours for this mailbox may have had."""
    marker, user = marker_of(item), user_at(house, item.mailbox)
    if marker is None:
        return set()
    direct = {ids.uid_of_direct_copy(marker, user["id"])} if user else set()
    return {ids.uid_of_crm(marker), *direct}


def _is_copy_of(house: House, item: Item, record: Mapping[str, Any]) -> bool:
    user = user_at(house, item.mailbox)
    own = {record["uid"], ids.uid_of_crm(record["id"])}
    return item.uid in (own | {ids.uid_of_direct_copy(record["id"], user["id"])} if user else own)


# what is deleted


def groundless_deletes(house: House) -> Iterator[str]:
    """2: whatever we deleted, the CRM had deleted, cancelled or taken its user out of, or it had no reason to be."""
    for write in ours(house):
        if write.operation != "delete" or write.before is None:
            continue
        links = links_of(house, write.before)
        if not any(links_of_event(event) & links for event in _reasons(house, write.before)) and not (
            _is_superseded(house, write.before, links)
        ):
            yield f"nobody wanted {write.before.kind} in {write.before.mailbox} to be deleted"


def _reasons(house: House, item: Item) -> Iterator[Mapping[str, Any]]:
    """The CRM's events because of which a copy in this mailbox may have to go."""
    user = (user_at(house, item.mailbox) or {}).get("id")
    for event in crm_events(house):
        after, before = event["after"] or {}, event["before"] or {}
        is_over = event["after"] is None or after.get("status") == "cancelled"
        is_out = user in takes_part(house, before) - takes_part(house, after)
        if event["origin"] == "user" and (is_over or is_out):
            yield event


def _is_superseded(house: House, item: Item, links: set[str]) -> bool:
    """Whether it was a direct copy whose meeting ended, or that an invitation followed, or whose user left (INV-6);
    or a copy of a task that another copy's end took along.
    """
    if item.kind is ItemKind.TASK:
        return any(links_of(house, each) & links for each in house.watch.ended)
    uids = {record["uid"] for record in house.crm.items() if record["link"] in links} - {None, item.uid}
    uids |= {ids.uid_of_crm(record["id"]) for record in house.crm.items() if record["id"] == marker_of(item)}
    uids -= {item.uid}
    ended = any(uid in uids for uid, _ in house.watch.ends)
    invited = any((uid, item.mailbox) in house.watch.seen for uid in uids)
    return ended or invited or _was_taken_out(house, item, links)


def _was_taken_out(house: House, item: Item, links: set[str]) -> bool:
    user = user_at(house, item.mailbox)
    told = [command for command in house.commands() if command["link"] in links and "item" in command]
    return user is not None and any(user["id"] not in command["item"]["assign_to"] for command in told)


# what both sides hold


def words(body: Body | str | None) -> list[str]:
    """What a person reads in a body."""
    text = as_type(body, "Text").text if isinstance(body, Body) else body or ""
    return text.split()


def differing(shown: Mapping[str, Any], copy: Item) -> list[str]:
    """The fields of content in which the CRM's item and a copy differ. A body may go on after the notes."""
    body, wanted = words(copy.get("Body")), words(shown.get("notes", ""))
    sides: dict[str, tuple[object, object]] = {
        "subject": (shown["subject"].split(), str(copy.get("Subject", "")).split()),
        "location": (shown.get("location", "").split(), str(copy.get("Location", "")).split()),
        "priority": (shown.get("priority") or "B", _PRIORITIES.get(copy.get("Importance", "Normal"), "B")),
        "restricted": (shown.get("restricted", False), copy.get("Sensitivity", "Normal") != "Normal"),
        "notes": (wanted, body[: len(wanted)]),
        "the rest of the body": (True, len(body) == len(wanted) or _goes_on(body[len(wanted) :])),
    }
    return [name for name, (one, other) in sides.items() if one != other]


_PRIORITIES = {"High": "A", "Normal": "B", "Low": "C"}


def _goes_on(rest: list[str]) -> bool:
    """Whether what follows the notes is a block of related information, or the part by which one joins online."""
    text = " ".join(rest)
    return text.startswith("[Related in the CRM") or "meeting" in text.casefold()


def alarms_agree(minutes: Iterable[int], copy: Item) -> bool:
    """Whether a copy's reminder is one of the CRM's alarms; after Exchange's was removed others may be left (ALM-5)."""
    held = copy.get("ReminderMinutesBeforeStart") if copy.get("ReminderIsSet") else None
    return held is None or held in minutes
