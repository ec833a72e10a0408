"""A sandbox Exchange in a thread of its own, and clients to talk to it over HTTP.

`bank.account("anna")` is exchangelib's account of a person, `bank.client("anna")` a bare EWS client for what
exchangelib hides. Every request and answer is validated against Microsoft's schema where that is at hand.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from exchangelib import DELEGATE, IMPERSONATION, Account, Build, Configuration, Credentials, EWSTimeZone, Version
from lxml import etree

from daemon.sandbox.exchange import PATH, ExchangeSandbox, People
from daemon.sandbox.exchange.items import Change

SHARED = Path(__file__).resolve().parents[4] / "shared"
SCHEMA = SHARED / "ews-schema" / "messages.xsd"
BERLIN = EWSTimeZone("Europe/Berlin")
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
T = "{http://schemas.microsoft.com/exchange/services/2006/types}"
M = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
ERRORS = "{http://schemas.microsoft.com/exchange/services/2006/errors}"
SERVICE = ("sync@bank.example", "secret")

PEOPLE = {
    "people": [
        {"name": "Anna Adler", "email": "anna@bank.example", "aliases": ["a.adler@bank.example"], "password": "anna"},
        {"name": "Bob Braun", "email": "bob@bank.example", "password": "bob"},
        {"name": "Cleo Curie", "email": "cleo@bank.example", "password": "cleo"},
        {"name": "Xenia Moved", "email": "xenia@bank.example", "password": "xenia", "appears_as": "x500"},
        {"name": "Room 4", "email": "room4@bank.example", "kind": "room"},
        {
            "name": "Desk",
            "email": "desk@bank.example",
            "kind": "list",
            "members": ["bob@bank.example", "cleo@bank.example"],
        },
        {"name": "Xaver Else", "email": "xaver@else.example", "kind": "external"},
    ],
    "services": [
        {"username": SERVICE[0], "password": SERVICE[1], "impersonates": "*"},
        {"username": "narrow@bank.example", "password": "secret", "impersonates": ["anna@bank.example"]},
    ],
}


@cache
def schema() -> etree.XMLSchema | None:
    """Microsoft's schema, None where it is not at hand."""
    return etree.XMLSchema(etree.parse(SCHEMA)) if SCHEMA.exists() else None


class Validator:
    """A witness that keeps what the schema says against the messages it saw."""

    def __init__(self, *, of_requests: bool = True) -> None:
        self.validated = 0
        self.complaints: list[str] = []
        self.of_requests = of_requests

    def __call__(self, request: bytes, answer: bytes) -> None:
        known = schema()
        if known is None:
            return
        for kind, content in (("request", request), ("answer", answer)):
            if kind == "request" and not self.of_requests:
                continue
            body = _body(content)
            if body is None or body.tag == f"{SOAP}Fault" or _nothing_updated(body):
                continue
            self.validated += 1
            if not known.validate(etree.fromstring(etree.tostring(body))):
                self.complaints.append(f"{kind}: {known.error_log.last_error}\n{etree.tostring(body).decode()[:2000]}")


def _nothing_updated(body: etree._Element) -> bool:
    """Whether a reminder action changed nothing: Exchange's own answer is then an empty list, against its schema."""
    updated = body.find(f"{M}UpdatedItemIds")
    return updated is not None and len(updated) == 0


def _body(content: bytes) -> etree._Element | None:
    try:
        body = etree.fromstring(content).find(f"{SOAP}Body")
    except etree.XMLSyntaxError:
        return None
    return body[0] if body is not None and len(body) else None


@dataclass
class Clock:
    """Time that stands still until a test moves it."""

    moment: datetime = datetime(2026, 11, 23, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by


@dataclass
class Reply:
    """An EWS answer: the body's element."""

    body: etree._Element

    @property
    def messages(self) -> list[etree._Element]:
        found = self.body.find(f"{M}ResponseMessages")
        return [self.body] if found is None else list(found)

    @property
    def codes(self) -> list[str]:
        if self.body.tag == f"{SOAP}Fault":
            return [self.body.findtext(f".//{ERRORS}ResponseCode") or ""]
        return [message.findtext(f"{M}ResponseCode") or "" for message in self.messages]

    @property
    def code(self) -> str:
        (code,) = self.codes
        return code

    @property
    def classes(self) -> list[str]:
        return [message.get("ResponseClass", "") for message in self.messages]

    @property
    def text(self) -> str:
        if self.body.tag == f"{SOAP}Fault":
            return self.body.findtext("faultstring") or ""
        return " ".join(message.findtext(f"{M}MessageText") or "" for message in self.messages)

    @property
    def items(self) -> list[etree._Element]:
        return [item for holder in self.body.iter(f"{M}Items", f"{T}Items") for item in holder]

    @property
    def item(self) -> etree._Element:
        (item,) = self.items
        return item


def value(element: etree._Element, path: str) -> str | None:
    """The text at a path of types, such as `Organizer/Mailbox/Name`; None if it is absent."""
    return element.findtext("/".join(T + step for step in path.split("/")))


def values(element: etree._Element, path: str) -> list[str]:
    return [each.text or "" for each in element.findall("/".join(T + step for step in path.split("/")))]


def id_of(element: etree._Element) -> str:
    """An item's `ItemId` as markup, with its change key."""
    found = element.find(f"{T}ItemId")
    assert found is not None
    return f'<t:ItemId Id="{found.get("Id")}" ChangeKey="{found.get("ChangeKey")}"/>'


def folder_id(folder: str, *, of: str = "") -> str:
    """A distinguished folder's markup, of somebody's mailbox if he is named; markup stays as it is."""
    if folder.startswith("<"):
        return folder
    owner = f"<t:Mailbox><t:EmailAddress>{address(of)}</t:EmailAddress></t:Mailbox>" if of else ""
    return f'<t:DistinguishedFolderId Id="{folder}">{owner}</t:DistinguishedFolderId>'


def fields(*uris: str) -> str:
    return "".join(f'<t:FieldURI FieldURI="{uri}"/>' for uri in uris)


@dataclass
class Client:
    """A bare EWS client: markup in, elements out."""

    url: str
    username: str
    password: str
    mailbox: str | None = None

    def call(self, request: str, *, header: str = "") -> Reply:
        """The answer to the markup of a request's body; prefixes m and t are bound."""
        if self.mailbox:
            header += (
                "<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>"
                f"{self.mailbox}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
            )
        envelope = (
            f'<s:Envelope xmlns:s="{SOAP[1:-1]}" xmlns:t="{T[1:-1]}" xmlns:m="{M[1:-1]}">'
            f"<s:Header>{header}</s:Header><s:Body>{request}</s:Body></s:Envelope>"
        )
        _, content = self.send(envelope.encode())
        body = _body(content)
        assert body is not None, content
        return Reply(body)

    def send(self, content: bytes) -> tuple[int, bytes]:
        """Status and bytes of an answer, errors included."""
        token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        headers = {"Content-Type": "text/xml; charset=utf-8", "Authorization": f"Basic {token}"}
        request = urllib.request.Request(self.url + PATH, data=content, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def create(self, item: str, *, invite: str = "SendToNone", disposition: str = "", folder: str = "") -> Reply:
        disposed = f' MessageDisposition="{disposition}"' if disposition else ""
        saved = f"<m:SavedItemFolderId>{folder}</m:SavedItemFolderId>" if folder else ""
        return self.call(
            f'<m:CreateItem SendMeetingInvitations="{invite}"{disposed}>{saved}<m:Items>{item}</m:Items></m:CreateItem>'
        )

    def meet(
        self,
        *content: str,
        invite: str = "SendOnlyToAll",
        required: tuple[str, ...] = ("bob",),
        folder: str = "",
    ) -> str:
        """A new meeting of an hour; its id."""
        attendees = attendee_list("RequiredAttendees", required)
        return id_of(self.create(calendar_item(*content, attendees), invite=invite, folder=folder).item)

    def get(self, item_id: str, *uris: str, base: str = "AllProperties", shape: str = "", extended: str = "") -> Reply:
        additional = f"<t:AdditionalProperties>{fields(*uris)}{extended}</t:AdditionalProperties>"
        return self.call(
            f"<m:GetItem><m:ItemShape><t:BaseShape>{base}</t:BaseShape>{shape}"
            f"{additional if uris or extended else ''}</m:ItemShape><m:ItemIds>{item_id}</m:ItemIds></m:GetItem>"
        )

    def find(
        self, folder: str, *uris: str, base: str = "AllProperties", view: str = "", restriction: str = ""
    ) -> Reply:
        additional = f"<t:AdditionalProperties>{fields(*uris)}</t:AdditionalProperties>" if uris else ""
        return self.call(
            f'<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>{base}</t:BaseShape>{additional}</m:ItemShape>'
            f"{view}{restriction}<m:ParentFolderIds>{folder_id(folder)}</m:ParentFolderIds>"
            "</m:FindItem>"
        )

    def all_in(self, folder: str, *, kind: str = "") -> list[etree._Element]:
        """The items of a folder in full, oldest first; of one kind if it is named."""
        found = [each for each in self.find(folder, base="IdOnly").items if not kind or each.tag == T + kind]
        return [self.get(id_of(each)).item for each in found]

    def only_in(self, folder: str, *, kind: str = "") -> etree._Element:
        (item,) = self.all_in(folder, kind=kind)
        return item

    def update(
        self,
        item_id: str,
        *changes: str,
        send: str = "SendToNone",
        conflicts: str = "AlwaysOverwrite",
        disposition: str = "SaveOnly",
    ) -> Reply:
        mode = f' SendMeetingInvitationsOrCancellations="{send}"' if send else ""
        disposed = f' MessageDisposition="{disposition}"' if disposition else ""
        return self.call(
            f'<m:UpdateItem ConflictResolution="{conflicts}"{disposed}{mode}><m:ItemChanges>'
            f"<t:ItemChange>{item_id}<t:Updates>{''.join(changes)}</t:Updates></t:ItemChange>"
            "</m:ItemChanges></m:UpdateItem>"
        )

    def delete(
        self, item_id: str, *, how: str = "HardDelete", send: str = "SendToNone", affected: str = "AllOccurrences"
    ) -> Reply:
        mode = f' SendMeetingCancellations="{send}"' if send else ""
        return self.call(
            f'<m:DeleteItem DeleteType="{how}"{mode} AffectedTaskOccurrences="{affected}">'
            f"<m:ItemIds>{item_id}</m:ItemIds></m:DeleteItem>"
        )

    def respond(self, element: str, item_id: str, *, disposition: str = "SendAndSaveCopy", body: str = "") -> Reply:
        reference = item_id.replace("t:ItemId", "t:ReferenceItemId")
        return self.create(f"<t:{element}>{body}{reference}</t:{element}>", disposition=disposition)

    def remind(self, action: str, item_id: str, *, until: str = "") -> Reply:
        """Dismisses or snoozes a reminder."""
        new_time = f"<t:NewReminderTime>{until}</t:NewReminderTime>" if until else ""
        return self.call(
            "<m:PerformReminderAction><m:ReminderItemActions><t:ReminderItemAction>"
            f"<t:ActionType>{action}</t:ActionType>{item_id}{new_time}"
            "</t:ReminderItemAction></m:ReminderItemActions></m:PerformReminderAction>"
        )

    def reminders(self, *, begin: str = "", end: str = "", kind: str = "", most: str = "") -> Reply:
        given = {"BeginTime": begin, "EndTime": end, "MaxItems": most, "ReminderType": kind}
        asked = "".join(f"<m:{name}>{text}</m:{name}>" for name, text in given.items() if text)
        return self.call(f"<m:GetReminders>{asked}</m:GetReminders>")

    def delegates(self, *names: str, principal: str = "", levels: bool = True) -> Reply:
        """A mailbox's delegates, its own or another's; all of them or those that are named."""
        asked = f"<m:UserIds>{''.join(user_id(name) for name in names)}</m:UserIds>" if names else ""
        permissions = f'IncludePermissions="{str(levels).lower()}"'
        return self.call(f"<m:GetDelegate {permissions}>{self._mailbox(principal)}{asked}</m:GetDelegate>")

    def add_delegates(self, *users: str, principal: str = "", deliver: str = "") -> Reply:
        """Adds what `delegate_user` makes."""
        return self._delegate("Add", users, principal=principal, deliver=deliver)

    def update_delegates(self, *users: str, principal: str = "", deliver: str = "") -> Reply:
        return self._delegate("Update", users, principal=principal, deliver=deliver)

    def remove_delegates(self, *names: str, principal: str = "") -> Reply:
        asked = "".join(user_id(name) for name in names)
        return self.call(
            f"<m:RemoveDelegate>{self._mailbox(principal)}<m:UserIds>{asked}</m:UserIds></m:RemoveDelegate>"
        )

    def _delegate(self, verb: str, users: tuple[str, ...], *, principal: str, deliver: str) -> Reply:
        listed = f"<m:DelegateUsers>{''.join(users)}</m:DelegateUsers>" if users else ""
        delivered = f"<m:DeliverMeetingRequests>{deliver}</m:DeliverMeetingRequests>" if deliver else ""
        return self.call(f"<m:{verb}Delegate>{self._mailbox(principal)}{listed}{delivered}</m:{verb}Delegate>")

    def _mailbox(self, principal: str) -> str:
        named = address(principal) if principal else self.mailbox or self.username
        return f"<m:Mailbox><t:EmailAddress>{named}</t:EmailAddress></m:Mailbox>"

    def sync(self, folder: str, state: str = "", *, limit: int = 512, base: str = "IdOnly", extra: str = "") -> Reply:
        held = f"<m:SyncState>{state}</m:SyncState>" if state else ""
        return self.call(
            f"<m:SyncFolderItems><m:ItemShape><t:BaseShape>{base}</t:BaseShape></m:ItemShape>"
            f"<m:SyncFolderId>{folder_id(folder)}</m:SyncFolderId>{held}{extra}"
            f"<m:MaxChangesReturned>{limit}</m:MaxChangesReturned></m:SyncFolderItems>"
        )


def calendar_item(*content: str, start: str = "2026-12-01T09:00:00Z", end: str = "2026-12-01T10:00:00Z") -> str:
    """A calendar item's markup; `content` may come in any order."""
    given = [*content, f"<t:Start>{start}</t:Start>", f"<t:End>{end}</t:End>"]
    if not any("<t:Subject>" in each for each in given):
        given.append("<t:Subject>Review</t:Subject>")
    wrapped = etree.fromstring(f'<x xmlns:t="{T[1:-1]}">{"".join(given)}</x>')
    ordered = sorted(wrapped, key=lambda each: _ORDER.index(etree.QName(each).localname))
    markup = "".join(etree.tostring(each).decode() for each in ordered)
    return f"<t:CalendarItem>{markup}</t:CalendarItem>"


_ORDER = (
    "MimeContent",
    "ItemId",
    "ParentFolderId",
    "ItemClass",
    "Subject",
    "Sensitivity",
    "Body",
    "Attachments",
    "DateTimeReceived",
    "Size",
    "Categories",
    "Importance",
    "InReplyTo",
    "DateTimeSent",
    "DateTimeCreated",
    "ReminderDueBy",
    "ReminderIsSet",
    "ReminderNextTime",
    "ReminderMinutesBeforeStart",
    "DisplayTo",
    "ExtendedProperty",
    "Culture",
    "EffectiveRights",
    "LastModifiedName",
    "WebClientReadFormQueryString",
    "InstanceKey",
    "NormalizedBody",
    "Preview",
    "RightsManagementLicenseData",
    "BlockStatus",
    "TextBody",
    "IconIndex",
    "UID",
    "Start",
    "End",
    "IsAllDayEvent",
    "LegacyFreeBusyStatus",
    "Location",
    "When",
    "IsMeeting",
    "IsResponseRequested",
    "RequiredAttendees",
    "OptionalAttendees",
    "Resources",
    "Recurrence",
    "MeetingTimeZone",
    "StartTimeZone",
    "EndTimeZone",
    "AllowNewTimeProposal",
    "IsOnlineMeeting",
    "MeetingWorkspaceUrl",
    "NetShowUrl",
    "EnhancedLocation",
)


def attendee_list(name: str, people: tuple[str, ...]) -> str:
    """An attendee list's markup; a bare word is a name at the bank."""
    if not people:
        return ""
    entries = "".join(
        f"<t:Attendee><t:Mailbox><t:EmailAddress>{address(each)}</t:EmailAddress></t:Mailbox></t:Attendee>"
        for each in people
    )
    return f"<t:{name}>{entries}</t:{name}>"


def address(name: str) -> str:
    return name if "@" in name else f"{name}@bank.example"


def user_id(name: str) -> str:
    """A `UserId` by address or, if it is one, by SID."""
    tag, named = ("SID", name) if name.startswith("S-1-") else ("PrimarySmtpAddress", address(name))
    return f"<t:UserId><t:{tag}>{named}</t:{tag}></t:UserId>"


def delegate_user(name: str, *, private: bool | None = None, copies: bool | None = None, **levels: str) -> str:
    """A delegate's markup; `levels` are by folder, in the schema's order, such as `calendar="Editor"`."""
    held = "".join(
        f"<t:{folder.capitalize()}FolderPermissionLevel>{level}</t:{folder.capitalize()}FolderPermissionLevel>"
        for folder, level in levels.items()
    )
    permissions = f"<t:DelegatePermissions>{held}</t:DelegatePermissions>" if levels else ""
    flags = {"ReceiveCopiesOfMeetingMessages": copies, "ViewPrivateItems": private}
    given = "".join(f"<t:{tag}>{str(flag).lower()}</t:{tag}>" for tag, flag in flags.items() if flag is not None)
    return f"<t:DelegateUser>{user_id(name)}{permissions}{given}</t:DelegateUser>"


def set_field(uri: str, markup: str, *, kind: str = "CalendarItem") -> str:
    return f'<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:{kind}>{markup}</t:{kind}></t:SetItemField>'


def recurring(pattern: str, *, start: str = "2026-12-01", count: int = 0, until: str = "") -> str:
    """A `Recurrence` of a pattern's markup: so many occurrences, until a day, or for ever."""
    begins = f"<t:StartDate>{start}</t:StartDate>"
    if count:
        number = f"<t:NumberOfOccurrences>{count}</t:NumberOfOccurrences>"
        return f"<t:Recurrence>{pattern}<t:NumberedRecurrence>{begins}{number}</t:NumberedRecurrence></t:Recurrence>"
    if until:
        end = f"<t:EndDate>{until}</t:EndDate>"
        return f"<t:Recurrence>{pattern}<t:EndDateRecurrence>{begins}{end}</t:EndDateRecurrence></t:Recurrence>"
    return f"<t:Recurrence>{pattern}<t:NoEndRecurrence>{begins}</t:NoEndRecurrence></t:Recurrence>"


def weekly(days: str = "Tuesday", *, interval: int = 1, first: str = "Monday", **extent: object) -> str:
    """A `Recurrence` by the week; without more of ten occurrences from the first of December 2026, a Tuesday."""
    pattern = (
        f"<t:WeeklyRecurrence><t:Interval>{interval}</t:Interval><t:DaysOfWeek>{days}</t:DaysOfWeek>"
        f"<t:FirstDayOfWeek>{first}</t:FirstDayOfWeek></t:WeeklyRecurrence>"
    )
    return recurring(pattern, **(extent or {"count": 10}))


def occurrence_of(item_id: str, index: int) -> str:
    """The id of a master, as that of its nth occurrence."""
    return f'{item_id[:-2].replace("<t:ItemId Id", "<t:OccurrenceItemId RecurringMasterId")} InstanceIndex="{index}"/>'


def master_of(item_id: str) -> str:
    """The id of an occurrence, as that of its master."""
    return item_id.replace("<t:ItemId Id", "<t:RecurringMasterItemId OccurrenceId")


def append_field(uri: str, markup: str, *, kind: str = "CalendarItem") -> str:
    return f'<t:AppendToItemField><t:FieldURI FieldURI="{uri}"/><t:{kind}>{markup}</t:{kind}></t:AppendToItemField>'


def task(*content: str) -> str:
    """A task's markup; `content` in the schema's order."""
    given = "".join(content)
    subject = "" if "<t:Subject>" in given else "<t:Subject>Call</t:Subject>"
    return f"<t:Task>{subject}{given}</t:Task>"


def delete_field(uri: str) -> str:
    return f'<t:DeleteItemField><t:FieldURI FieldURI="{uri}"/></t:DeleteItemField>'


@dataclass
class Bank:
    """A running sandbox and ways to reach it."""

    sandbox: ExchangeSandbox
    url: str
    clock: Clock
    validator: Validator
    changes: list[Change] = field(default_factory=list)

    def client(self, name: str = "anna") -> Client:
        return Client(self.url, address(name), name)

    def service(self, name: str) -> Client:
        """The service account, acting for a person."""
        return Client(self.url, *SERVICE, mailbox=address(name))

    def account(self, name: str = "anna", *, impersonated: bool = False) -> Account:
        """exchangelib's account; fresh each time."""
        credentials = Credentials(*SERVICE) if impersonated else Credentials(address(name), name)
        configuration = Configuration(
            service_endpoint=self.url + PATH,
            credentials=credentials,
            auth_type="basic",
            version=Version(Build(15, 2, 1118, 7)),
        )
        return Account(
            address(name),
            config=configuration,
            autodiscover=False,
            access_type=IMPERSONATION if impersonated else DELEGATE,
            default_timezone=BERLIN,
        )

    def control(self, method: str, path: str, content: object = None) -> tuple[int, object]:
        """Status and JSON of a control."""
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.url}/sandbox/{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, _parsed(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _parsed(error.read())

    def mails(self, kind: str | None = None) -> list[dict]:
        _, mails = self.control("GET", "mails")
        return [mail for mail in mails if kind in (None, mail["kind"])]

    def received(self, name: str) -> list[dict]:
        """The mails that somebody got, as he reads them."""
        _, mails = self.control("GET", f"mails?received_by={address(name)}")
        return mails

    def fault(self, name: str, **settings: object) -> None:
        status, answer = self.control("PUT", "faults", [{"fault": name, **settings}])
        assert status == 204, answer


def _parsed(content: bytes) -> object:
    return json.loads(content) if content else None


@contextmanager
def opened(people: object = PEOPLE, *, validator: Validator | None = None) -> Iterator[Bank]:
    """A bank whose sandbox serves from a thread until the end; complains about messages that are not valid."""
    validator, clock = validator or Validator(), Clock()
    sandbox = ExchangeSandbox(People.read(people), clock=clock, witness=validator)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox")
    thread.start()
    try:
        url = asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result(10)
        bank = Bank(sandbox, url, clock, validator)
        sandbox.listen(bank.changes.append)
        yield bank
    finally:
        asyncio.run_coroutine_threadsafe(sandbox.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
    assert not validator.complaints, "\n".join(validator.complaints)


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"
