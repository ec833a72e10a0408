"""A person in Outlook: what he does to his own calendar, over EWS and with his own password.

A handful of requests, written out: exchangelib belongs to the daemon's backend, and a demo that used it could not show
that the sandbox Exchange is a server like any other.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import aiohttp
from lxml import etree

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
_IN = {"t": _TYPES, "m": _MESSAGES}
_AN_HOUR = timedelta(hours=1)
_ZONE = "W. Europe Standard Time"
_URIS = {"Location": "calendar:Location", "Subject": "item:Subject", "Body": "item:Body"}


class Refused(Exception):
    """Exchange did not do what a person asked for; the text is its code."""


@dataclass(frozen=True, slots=True)
class CalendarItem:
    """One mailbox's item, as its owner reads it. `guests` are the names of all whom he sees invited."""

    id: str
    uid: str
    subject: str
    organizer: str
    guests: tuple[str, ...]
    location: str
    private: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """One person at his desk. `endpoint` is the EWS URL. All methods raise `Refused`."""

    session: aiohttp.ClientSession
    endpoint: str
    address: str
    password: str

    async def meets(
        self,
        subject: str,
        guests: Iterable[str],
        *,
        start: datetime,
        private: bool = False,
        location: str = "",
        body: str = "",
    ) -> CalendarItem:
        """Makes a meeting of an hour and invites; his own item of it."""
        invited = "".join(
            f"<t:Attendee><t:Mailbox><t:EmailAddress>{escape(each)}</t:EmailAddress></t:Mailbox></t:Attendee>"
            for each in guests
        )
        answer = await self._call(
            '<m:CreateItem SendMeetingInvitations="SendToAllAndSaveCopy"><m:Items><t:CalendarItem>'
            f"<t:Subject>{escape(subject)}</t:Subject>"
            f"<t:Sensitivity>{'Private' if private else 'Normal'}</t:Sensitivity>"
            f'<t:Body BodyType="Text">{escape(body)}</t:Body>'
            f"<t:Start>{_instant(start)}</t:Start><t:End>{_instant(start + _AN_HOUR)}</t:End>"
            f"<t:Location>{escape(location)}</t:Location>"
            f"<t:RequiredAttendees>{invited}</t:RequiredAttendees>"
            f'<t:StartTimeZone Id="{_ZONE}"/><t:EndTimeZone Id="{_ZONE}"/>'
            "</t:CalendarItem></m:Items></m:CreateItem>"
        )
        return await self._get(_attribute(answer, ".//t:ItemId", "Id"))

    async def item(self, uid: str) -> CalendarItem:
        """His own item of a meeting. Raises `Refused` if there is none in his calendar."""
        answer = await self._call(
            '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>'
            '<t:FieldURI FieldURI="calendar:UID"/></t:AdditionalProperties></m:ItemShape><m:ParentFolderIds>'
            '<t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>'
        )
        for found in answer.iterfind(".//t:CalendarItem", _IN):
            if found.findtext("t:UID", namespaces=_IN) == uid:
                return await self._get(_attribute(found, "t:ItemId", "Id"))
        raise Refused(f"{self.address} has no item of this meeting")

    async def changes(self, uid: str, **properties: str) -> CalendarItem:
        """Changes Location, Subject or Body of a meeting he organizes, and tells his guests."""
        item = await self.item(uid)
        updates = "".join(_set(name, text) for name, text in properties.items())
        answer = await self._call(
            '<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly" '
            'SendMeetingInvitationsOrCancellations="SendToAllAndSaveCopy"><m:ItemChanges><t:ItemChange>'
            f'<t:ItemId Id="{item.id}"/><t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>'
        )
        return await self._get(_attribute(answer, ".//t:ItemId", "Id"))

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

    @property
    def _token(self) -> str:
        return b64encode(f"{self.address}:{self.password}".encode()).decode()

    async def _respond(self, how: str, item: CalendarItem) -> None:
        await self._call(
            '<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items>'
            f'<t:{how}><t:ReferenceItemId Id="{item.id}"/></t:{how}></m:Items></m:CreateItem>'
        )

    async def _get(self, item_id: str) -> CalendarItem:
        answer = await self._call(
            "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds>"
            f'<t:ItemId Id="{item_id}"/></m:ItemIds></m:GetItem>'
        )
        return _read(answer)

    async def _call(self, request: str) -> etree._Element:
        """The answer to one request. Raises `Refused`."""
        envelope = (
            f'<s:Envelope xmlns:s="{_SOAP}" xmlns:t="{_TYPES}" xmlns:m="{_MESSAGES}">'
            '<s:Header><t:RequestServerVersion Version="Exchange2016"/></s:Header>'
            f"<s:Body>{request}</s:Body></s:Envelope>"
        )
        async with self.session.post(
            self.endpoint,
            data=envelope.encode(),
            headers={"Content-Type": "text/xml; charset=utf-8", "Authorization": f"Basic {self._token}"},
        ) as response:
            content = await response.read()
        if response.status != 200:
            raise Refused(f"HTTP {response.status}")
        answer = etree.fromstring(content)
        codes = {code.text for code in answer.iterfind(".//m:ResponseCode", _IN)}
        if codes != {"NoError"}:
            raise Refused(", ".join(sorted(filter(None, codes))))
        return answer


def _set(name: str, text: str) -> str:
    attribute = ' BodyType="Text"' if name == "Body" else ""
    return (
        f'<t:SetItemField><t:FieldURI FieldURI="{_URIS[name]}"/><t:CalendarItem>'
        f"<t:{name}{attribute}>{escape(text)}</t:{name}></t:CalendarItem></t:SetItemField>"
    )


def _read(answer: etree._Element) -> CalendarItem:
    said = {name: answer.findtext(f".//t:CalendarItem/t:{name}", "", _IN) for name in ("UID", "Subject", "Location")}
    organizer = answer.findtext(".//t:Organizer/t:Mailbox/t:Name", "", _IN)
    invited = [*answer.iterfind(".//t:RequiredAttendees/t:Attendee/t:Mailbox/t:Name", _IN)]
    return CalendarItem(
        id=_attribute(answer, ".//t:ItemId", "Id"),
        uid=said["UID"],
        subject=said["Subject"],
        organizer=organizer,
        guests=tuple(name.text for name in invited if name.text and name.text != organizer),
        location=said["Location"],
        private=answer.findtext(".//t:Sensitivity", "Normal", _IN) != "Normal",
    )


def _attribute(answer: etree._Element, path: str, name: str) -> str:
    found = answer.find(path, _IN)
    if found is None:
        raise Refused(f"the answer has no {path}")
    return found.get(name, "")


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
