"""Properties that the server works out when an item is read.

Each function takes the world and the item and returns the property's value, or None where the item has none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.sandbox.exchange import reminders, series
from daemon.sandbox.exchange.bodies import as_type
from daemon.sandbox.exchange.inboxes import principal_of
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.markup import Element, t
from daemon.sandbox.exchange.meetings import Meetings, is_organizers
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.timezones import zone_of
from daemon.sandbox.exchange.values import Body, Zone, instant
from daemon.sandbox.exchange.world import World

_STATUS_WORDS = {
    "NotStarted": "Not Started",
    "InProgress": "In Progress",
    "Completed": "Completed",
    "WaitingOnOthers": "Waiting on someone else",
    "Deferred": "Deferred",
}
_A_SECOND = timedelta(seconds=1)
_MEETING_MESSAGES = (ItemKind.REQUEST, ItemKind.RESPONSE, ItemKind.CANCELLATION)


def value_of(world: World, item: Item, name: str) -> Any:
    """A property's value, worked out or as it is kept."""
    compute = _COMPUTED.get(name)
    return compute(world, item) if compute else item.get(name)


def item_id(item: Item, tag: str = "ItemId") -> Element:
    return t(tag, Id=item.id, ChangeKey=item.change_key)


def rights(*, tag: str = "EffectiveRights", creates: bool) -> Element:
    """What the client may do; over items nobody creates anything."""
    word = "true" if creates else "false"
    created = (t(name, word) for name in ("CreateAssociated", "CreateContents", "CreateHierarchy"))
    return t(tag, *created, *(t(name, "true") for name in ("Delete", "Modify", "Read", "ViewPrivateItems")))


def _parent(world: World, item: Item) -> Element:
    return t("ParentFolderId", Id=item.folder, ChangeKey="AQAAAA==")


def _size(world: World, item: Item) -> int:
    body = item.get("Body")
    return 1000 + len(str(item.get("Subject", "")).encode()) + (len(body.text.encode()) if body else 0)


def _is_draft(world: World, item: Item) -> bool:
    return item.kind is ItemKind.MESSAGE and item.folder == world.folder(item.mailbox, "drafts").id


def _is_from_me(world: World, item: Item) -> bool:
    sender = item.get("From") if item.kind is not ItemKind.CALENDAR_ITEM else None
    return bool(sender and (person := world.people.find(sender.address)) and person.email == item.mailbox)


def _names(lists: tuple[str, ...]) -> Callable[[World, Item], str]:
    def joined(world: World, item: Item) -> str:
        people = [getattr(each, "recipient", each) for name in lists for each in item.get(name, ())]
        return "; ".join(each.name or each.address for each in people)

    return joined


def _response_objects(world: World, item: Item) -> Element | None:
    if item.kind is ItemKind.CALENDAR_ITEM and is_organizers(item):
        names = ["CancelCalendarItem"] if item.get("IsMeeting") and not item.is_cancelled else []
    elif item.kind is ItemKind.CANCELLATION or (item.kind is ItemKind.CALENDAR_ITEM and item.is_cancelled):
        names = ["RemoveItem"]
    elif item.kind is ItemKind.REQUEST or item.get("IsMeeting"):
        names = ["AcceptItem", "TentativelyAcceptItem", "DeclineItem"]
    else:
        names = []
    return t("ResponseObjects", *(t(name) for name in names)) if names else None


def _conversation(world: World, item: Item) -> Element:
    return t("ConversationId", Id="AAQk" + (item.uid or item.id)[-40:])


def _body_as(wanted: str) -> Callable[[World, Item], Body | None]:
    def converted(world: World, item: Item) -> Body | None:
        body = item.get("Body")
        return as_type(body, wanted) if body else None

    return converted


def _preview(world: World, item: Item) -> str | None:
    body = item.get("Body")
    return as_type(body, "Text").text[:256] if body else None


def _associated(world: World, item: Item) -> Element | None:
    own = Meetings(world).calendar_item(principal_of(item), item.uid, item.recurrence_id)
    return item_id(own, "AssociatedCalendarItemId") if own else None


def _is_organizer(world: World, item: Item) -> bool:
    organizer = item.organizer
    person = world.people.find(organizer.address) if organizer else None
    return bool(person and person.email == item.mailbox)


def _shape(world: World, item: Item) -> str:
    """What of a series it is; a message about one occurrence speaks of an exception."""
    if item.part is not None:
        return "Exception" if item.part.is_exception else "Occurrence"
    if "Recurrence" in item.values:
        return "RecurringMaster"
    return "Exception" if item.recurrence_id and item.kind is not ItemKind.CALENDAR_ITEM else "Single"


def _series_of(world: World, item: Item) -> Item | None:
    """The master that an item is or is about."""
    if item.kind is ItemKind.CALENDAR_ITEM:
        return item if series.is_series(item) else None
    own = Meetings(world).calendar_item(principal_of(item), item.uid) if "Recurrence" in item.values else None
    return own if own is not None and series.is_series(own) else None


def _occurrence_info(tag: str, item: Item) -> Element:
    times = (t(name, instant(item.get(name))) for name in ("Start", "End", "OriginalStart"))
    return t(tag, item_id(item), *times)


def _end_of_series(tag: str, find: Callable[[Item], Item | None]) -> Callable[[World, Item], Element | None]:
    def end(world: World, item: Item) -> Element | None:
        master = _series_of(world, item)
        found = find(master) if master is not None else None
        return _occurrence_info(tag, found) if found is not None else None

    return end


def _modified_occurrences(world: World, item: Item) -> Element | None:
    master = _series_of(world, item)
    found = series.exceptions(master) if master is not None else []
    return t("ModifiedOccurrences", *(_occurrence_info("Occurrence", each) for each in found)) if found else None


def _deleted_occurrences(world: World, item: Item) -> Element | None:
    master = _series_of(world, item)
    found = series.deleted_starts(master) if master is not None else []
    deleted = (t("DeletedOccurrence", t("Start", instant(each))) for each in found)
    return t("DeletedOccurrences", *deleted) if found else None


def _duration(world: World, item: Item) -> str | None:
    start, end = item.get("Start"), item.get("End")
    if start is None or end is None:
        return None
    days, minutes = divmod((end - start) // timedelta(minutes=1), 24 * 60)
    parts = f"{days}D" if days else "", f"T{minutes // 60}H{minutes % 60}M" if minutes or not days else ""
    return "P" + "".join(parts)


def _calendar(world: World, item: Item) -> list[Item]:
    """The other items of the calendar, in whose light this one conflicts or not."""
    folder = world.folder(item.mailbox, "calendar")
    return [
        each
        for each in world.items(item.mailbox, folder)
        if each.kind is ItemKind.CALENDAR_ITEM and each.id != item.id and (not item.uid or each.uid != item.uid)
    ]


def _conflicting(world: World, item: Item) -> list[Item]:
    start, end = item.get("Start"), item.get("End")
    if start is None or end is None:
        return []
    found = series.within(_calendar(world, item), start, end)
    return [each for each in found if each.get("LegacyFreeBusyStatus") != "Free"]


def _adjacent(world: World, item: Item) -> list[Item]:
    start, end = item.get("Start"), item.get("End")
    if start is None or end is None:
        return []
    found = series.within(_calendar(world, item), start - _A_SECOND, end + _A_SECOND)
    return [each for each in found if start == each.get("End") or end == each.get("Start")]


def _listed(tag: str, find: Callable[[World, Item], list[Item]]) -> Callable[[World, Item], Element | None]:
    def listed(world: World, item: Item) -> Element | None:
        found = find(world, item)
        return t(tag, *(_brief(each) for each in found)) if found else None

    return listed


def _brief(item: Item) -> Element:
    return t(
        "CalendarItem",
        item_id(item),
        t("Subject", str(item.get("Subject", ""))),
        t("Start", instant(item.get("Start"))),
        t("End", instant(item.get("End"))),
        t("LegacyFreeBusyStatus", str(item.get("LegacyFreeBusyStatus", "Busy"))),
        t("Location", str(item.get("Location", ""))),
    )


def _wall_clock(name: str, zone_name: str) -> Callable[[World, Item], datetime | None]:
    """Local time, which EWS writes as if it were UTC."""

    def local(world: World, item: Item) -> datetime | None:
        moment: datetime | None = item.get(name)
        zone: Zone | None = item.get(zone_name)
        if moment is None or zone is None:
            return None
        return moment.astimezone(zone_of(zone.id) or UTC).replace(tzinfo=UTC)

    return local


def _zone_id(name: str) -> Callable[[World, Item], str | None]:
    def of(world: World, item: Item) -> str | None:
        zone: Zone | None = item.get(name)
        return zone.id if zone else None

    return of


def _enhanced_location(world: World, item: Item) -> bytes | Element | None:
    kept: bytes | None = item.get("EnhancedLocation")
    location = item.get("Location")
    if kept is not None or not location:
        return kept
    return t("EnhancedLocation", t("DisplayName", location), t("PostalAddress", t("Type", "Business")))


_COMPUTED: dict[str, Callable[[World, Item], Any]] = {
    "ItemId": lambda world, item: item_id(item),
    "ParentFolderId": _parent,
    "Size": _size,
    "DateTimeReceived": lambda world, item: item.get("DateTimeReceived", item.created),
    "DateTimeSent": lambda world, item: item.get("DateTimeSent", item.created),
    "DateTimeCreated": lambda world, item: item.created,
    "IsSubmitted": lambda world, item: False,
    "IsDraft": _is_draft,
    "IsFromMe": _is_from_me,
    "IsResend": lambda world, item: False,
    "IsUnmodified": lambda world, item: item.revision == 0,
    "ResponseObjects": _response_objects,
    "ReminderDueBy": lambda world, item: reminders.due(item),
    "ReminderIsSet": lambda world, item: item.get("ReminderIsSet", False),
    "ReminderNextTime": lambda world, item: reminders.next_time(item),
    "DisplayCc": _names(("OptionalAttendees", "CcRecipients")),
    "DisplayTo": _names(("RequiredAttendees", "ToRecipients")),
    "HasAttachments": lambda world, item: False,
    "EffectiveRights": lambda world, item: rights(creates=False),
    "LastModifiedName": lambda world, item: item.modified_by,
    "LastModifiedTime": lambda world, item: item.modified,
    "IsAssociated": lambda world, item: False,
    "ConversationId": _conversation,
    "UniqueBody": lambda world, item: item.get("Body"),
    "InstanceKey": lambda world, item: "AQAA" + item.id[-28:],
    "NormalizedBody": lambda world, item: item.get("Body"),
    "Preview": _preview,
    "TextBody": _body_as("Text"),
    "AssociatedCalendarItemId": _associated,
    "IsDelegated": lambda world, item: principal_of(item) != item.mailbox,
    "DateTimeStamp": lambda world, item: item.get("DateTimeStamp", item.modified),
    "IsOrganizer": _is_organizer,
    "ChangeCount": lambda world, item: item.revision + 1,
    "IsComplete": lambda world, item: item.get("Status") == "Completed",
    "StatusDescription": lambda world, item: _STATUS_WORDS[item.get("Status", "NotStarted")],
    "IsRecurring": lambda world, item: "Recurrence" in item.values or item.recurrence_id is not None,
    "CalendarItemType": _shape,
    "FirstOccurrence": _end_of_series("FirstOccurrence", series.first),
    "LastOccurrence": _end_of_series("LastOccurrence", series.last),
    "ModifiedOccurrences": _modified_occurrences,
    "DeletedOccurrences": _deleted_occurrences,
    "ConflictingMeetingCount": lambda world, item: len(_conflicting(world, item)),
    "AdjacentMeetingCount": lambda world, item: len(_adjacent(world, item)),
    "ConflictingMeetings": _listed("ConflictingMeetings", _conflicting),
    "AdjacentMeetings": _listed("AdjacentMeetings", _adjacent),
    "Duration": _duration,
    "IsOnlineMeeting": lambda world, item: item.get("IsOnlineMeeting", False),
    "EnhancedLocation": _enhanced_location,
    "StartWallClock": _wall_clock("Start", "StartTimeZone"),
    "EndWallClock": _wall_clock("End", "EndTimeZone"),
    "StartTimeZoneId": _zone_id("StartTimeZone"),
    "EndTimeZoneId": _zone_id("EndTimeZone"),
    "MeetingTimeZone": lambda world, item: None,
}
