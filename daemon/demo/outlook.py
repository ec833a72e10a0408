"""A person in Outlook: what he does to his own calendar and task list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from lxml import etree

from daemon.demo.ews import IN, Ews, Refused, attribute

_AN_HOUR = timedelta(hours=1)
_ZONE = "W. Europe Standard Time"
_URIS = {
    "Start": "calendar:Start",
    "End": "calendar:End",
    "Location": "calendar:Location",
    "Subject": "item:Subject",
    "Body": "item:Body",
    "ReminderIsSet": "item:ReminderIsSet",
    "ReminderMinutesBeforeStart": "item:ReminderMinutesBeforeStart",
    "Status": "task:Status",
}


@dataclass(frozen=True, slots=True)
class CalendarItem:
    """One mailbox's item, as its owner reads it. `guests` are the names of all whom he sees invited, `body` is HTML,
    `reminder` the minutes before the start; None: it does not remind him.
    """

    id: str
    uid: str
    subject: str
    organizer: str
    guests: tuple[str, ...]
    start: datetime
    location: str
    private: bool
    body: str
    reminder: int | None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One of a series, as its owner's calendar shows it: when and where it is, and when the series would have it."""

    start: datetime
    original_start: datetime
    location: str


@dataclass(frozen=True, slots=True)
class TaskItem:
    """A task as it stands in somebody's list. `reminder`: when it reminds him; None: it does not."""

    id: str
    subject: str
    status: str
    reminder: datetime | None


@dataclass(frozen=True, slots=True)
class Delegate:
    """Who may act for a mailbox's owner, and what he may do in the calendar and in the other folders."""

    name: str
    calendar: str
    elsewhere: frozenset[str]
    sees_private: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """One person at his desk. All methods raise `Refused`."""

    ews: Ews

    async def meets(
        self,
        subject: str,
        guests: Iterable[str],
        *,
        start: datetime,
        private: bool = False,
        location: str = "",
        body: str = "",
        weeks: int = 1,
    ) -> CalendarItem:
        """Makes a meeting of an hour, for some weeks, and invites; his own item of it."""
        invited = "".join(
            f"<t:Attendee><t:Mailbox><t:EmailAddress>{escape(each)}</t:EmailAddress></t:Mailbox></t:Attendee>"
            for each in guests
        )
        answer = await self.ews.call(
            '<m:CreateItem SendMeetingInvitations="SendToAllAndSaveCopy"><m:Items><t:CalendarItem>'
            f"<t:Subject>{escape(subject)}</t:Subject>"
            f"<t:Sensitivity>{'Private' if private else 'Normal'}</t:Sensitivity>"
            f'<t:Body BodyType="Text">{escape(body)}</t:Body>'
            f"<t:Start>{_instant(start)}</t:Start><t:End>{_instant(start + _AN_HOUR)}</t:End>"
            f"<t:Location>{escape(location)}</t:Location>"
            f"<t:RequiredAttendees>{invited}</t:RequiredAttendees>{_weekly(start, weeks) if weeks > 1 else ''}"
            f'<t:StartTimeZone Id="{_ZONE}"/><t:EndTimeZone Id="{_ZONE}"/>'
            "</t:CalendarItem></m:Items></m:CreateItem>"
        )
        return _calendar_item(await self._get(attribute(answer, ".//t:ItemId", "Id")))

    async def item(self, uid: str) -> CalendarItem:
        """His own item of a meeting. Raises `Refused` if there is none in his calendar."""
        for found in await self._list("calendar", "calendar:UID"):
            if found.findtext("t:UID", namespaces=IN) == uid:
                return _calendar_item(await self._get(attribute(found, "t:ItemId", "Id")))
        raise Refused(f"{self.ews.address} has no item of this meeting")

    async def changes(self, uid: str, *, tells: bool = True, **properties: str) -> CalendarItem:
        """Changes Location, Subject or Body (HTML) of a meeting he organizes, and tells his guests unless he does not
        want to.
        """
        return await self._change(uid, properties, mode="SendToAllAndSaveCopy" if tells else "SendToNone")

    async def occurrence(self, uid: str, number: int) -> Occurrence:
        """One of a series, counted from 1."""
        item = await self.item(uid)
        return _occurrence(await self._read(_numbered(item, number)))

    async def changes_occurrence(self, uid: str, number: int, *, start: datetime, place: str) -> Occurrence:
        """Puts one of a series that he organizes elsewhere, and tells his guests."""
        item = await self.item(uid)
        properties = {"Location": place, "Start": _instant(start), "End": _instant(start + _AN_HOUR)}
        await self._update(_numbered(item, number), properties, mode="SendToAllAndSaveCopy")
        return await self.occurrence(uid, number)

    async def is_reminded(self, uid: str, *, minutes: int) -> CalendarItem:
        """Has himself reminded so many minutes before the start: nobody else's business."""
        reminder = {"ReminderIsSet": "true", "ReminderMinutesBeforeStart": str(minutes)}
        return await self._change(uid, reminder, mode="SendToNone")

    async def accepts(self, uid: str) -> CalendarItem:
        """Accepts, and answers the organizer."""
        item = await self.item(uid)
        await self._respond("AcceptItem", item)
        return item

    async def cancels(self, uid: str) -> CalendarItem:
        """Calls off a meeting he organizes; everybody is told. The item as it was before."""
        item = await self.item(uid)
        await self._respond("CancelCalendarItem", item)
        return item

    async def delegates(self) -> tuple[Delegate, ...]:
        """Who may act for him."""
        answer = await self.ews.call(
            '<m:GetDelegate IncludePermissions="true"><m:Mailbox>'
            f"<t:EmailAddress>{self.ews.address}</t:EmailAddress></m:Mailbox></m:GetDelegate>"
        )
        return tuple(_delegate(found) for found in answer.iterfind(".//m:DelegateUser", IN))

    async def task(self, subject: str) -> TaskItem:
        """The task of this name in his list. Raises `Refused` if there is none, or more than one."""
        listed = [each for each in await self._list("tasks", "item:Subject") if _subject(each) == subject]
        if len(listed) != 1:
            raise Refused(f"{self.ews.address} has {len(listed)} tasks of this name")
        return _task_item(await self._get(attribute(listed[0], "t:ItemId", "Id")))

    async def completes(self, subject: str) -> TaskItem:
        """Ticks a task off."""
        task = await self.task(subject)
        await self.ews.call(
            '<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"><m:ItemChanges>'
            f'<t:ItemChange><t:ItemId Id="{task.id}"/><t:Updates>{_set("Task", "Status", "Completed")}</t:Updates>'
            "</t:ItemChange></m:ItemChanges></m:UpdateItem>"
        )
        return await self.task(subject)

    async def _change(self, uid: str, properties: Mapping[str, str], *, mode: str) -> CalendarItem:
        item = await self.item(uid)
        answer = await self._update(_identified(item.id), properties, mode=mode)
        return _calendar_item(await self._get(attribute(answer, ".//t:ItemId", "Id")))

    async def _update(self, item: str, properties: Mapping[str, str], *, mode: str) -> etree._Element:
        updates = "".join(_set("CalendarItem", name, text) for name, text in properties.items())
        return await self.ews.call(
            '<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly" '
            f'SendMeetingInvitationsOrCancellations="{mode}"><m:ItemChanges><t:ItemChange>'
            f"{item}<t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
        )

    async def _respond(self, how: str, item: CalendarItem) -> None:
        await self.ews.call(
            '<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items>'
            f'<t:{how}><t:ReferenceItemId Id="{item.id}"/></t:{how}></m:Items></m:CreateItem>'
        )

    async def _list(self, folder: str, field: str) -> list[etree._Element]:
        """What lies in one of his folders, each with its id and one field."""
        answer = await self.ews.call(
            '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>'
            f'<t:FieldURI FieldURI="{field}"/></t:AdditionalProperties></m:ItemShape><m:ParentFolderIds>'
            f'<t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>'
        )
        return list(answer.iterfind(".//t:Items/*", IN))

    async def _get(self, item_id: str) -> etree._Element:
        return await self._read(_identified(item_id))

    async def _read(self, item: str) -> etree._Element:
        return await self.ews.call(
            "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:BodyType>HTML</t:BodyType>"
            f"</m:ItemShape><m:ItemIds>{item}</m:ItemIds></m:GetItem>"
        )


def _identified(item_id: str) -> str:
    return f'<t:ItemId Id="{item_id}"/>'


def _numbered(series: CalendarItem, number: int) -> str:
    return f'<t:OccurrenceItemId RecurringMasterId="{series.id}" InstanceIndex="{number}"/>'


def _weekly(start: datetime, weeks: int) -> str:
    """On the day of the week on which it starts."""
    return (
        f"<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>{start:%A}</t:DaysOfWeek>"
        f"</t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>{start:%Y-%m-%d}</t:StartDate>"
        f"<t:NumberOfOccurrences>{weeks}</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>"
    )


def _set(kind: str, name: str, text: str) -> str:
    attributes = ' BodyType="HTML"' if name == "Body" else ""
    return (
        f'<t:SetItemField><t:FieldURI FieldURI="{_URIS[name]}"/><t:{kind}>'
        f"<t:{name}{attributes}>{escape(text)}</t:{name}></t:{kind}></t:SetItemField>"
    )


def _calendar_item(answer: etree._Element) -> CalendarItem:
    def said(path: str, default: str = "") -> str:
        return answer.findtext(f".//t:CalendarItem/t:{path}", default, IN)

    organizer = said("Organizer/t:Mailbox/t:Name")
    invited = [*answer.iterfind(".//t:RequiredAttendees/t:Attendee/t:Mailbox/t:Name", IN)]
    return CalendarItem(
        id=attribute(answer, ".//t:ItemId", "Id"),
        uid=said("UID"),
        subject=said("Subject"),
        organizer=organizer,
        guests=tuple(name.text for name in invited if name.text and name.text != organizer),
        start=datetime.fromisoformat(said("Start")),
        location=said("Location"),
        private=said("Sensitivity", "Normal") != "Normal",
        body=said("Body"),
        reminder=int(said("ReminderMinutesBeforeStart")) if said("ReminderIsSet") == "true" else None,
    )


def _occurrence(answer: etree._Element) -> Occurrence:
    def said(name: str) -> str:
        return answer.findtext(f".//t:CalendarItem/t:{name}", "", IN)

    return Occurrence(
        start=datetime.fromisoformat(said("Start")),
        original_start=datetime.fromisoformat(said("OriginalStart")),
        location=said("Location"),
    )


def _delegate(found: etree._Element) -> Delegate:
    levels = {
        etree.QName(each).localname: each.text or ""
        for each in found.iterfind("t:DelegatePermissions/*", namespaces=IN)
    }
    calendar = levels.pop("CalendarFolderPermissionLevel", "")
    return Delegate(
        name=found.findtext("t:UserId/t:DisplayName", "", IN),
        calendar=calendar,
        elsewhere=frozenset(levels.values()),
        sees_private=found.findtext("t:ViewPrivateItems", "", IN) == "true",
    )


def _task_item(answer: etree._Element) -> TaskItem:
    def said(name: str) -> str:
        return answer.findtext(f".//t:Task/t:{name}", "", IN)

    return TaskItem(
        id=attribute(answer, ".//t:ItemId", "Id"),
        subject=said("Subject"),
        status=said("Status"),
        reminder=datetime.fromisoformat(said("ReminderDueBy")) if said("ReminderIsSet") == "true" else None,
    )


def _subject(listed: etree._Element) -> str:
    return str(listed.findtext("t:Subject", "", IN))


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def outside_invitation(
    organizer: Mapping[str, str], guests: Iterable[Mapping[str, str]], *, subject: str, start: datetime
) -> dict[str, object]:
    """What the sandbox Exchange is told of a meeting that somebody outside the bank organizes."""
    return {
        "organizer": dict(organizer),
        "attendees": list(guests),
        "subject": subject,
        "start": start.astimezone(UTC).isoformat(),
        "end": (start + _AN_HOUR).astimezone(UTC).isoformat(),
        "zone": _ZONE,
    }
