"""An Exchange of canned bytes, for what a well-behaved server would never send.

`CannedExchange` answers each operation with whatever the test put there and remembers what it was asked. The builders
beside it write EWS answers from a few words, so that a test shows only what it is about.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web
from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
NAMES = {"s": SOAP, "m": M, "t": T}

CALENDAR_ID, DELETED_ID, TASKS_ID = "folder-calendar", "folder-deleted", "folder-tasks"


@dataclass(frozen=True)
class Asked:
    """One request as the server got it."""

    operation: str
    mailbox: str | None
    body: bytes
    headers: dict[str, str]

    @property
    def payload(self) -> Any:
        return etree.fromstring(self.body).find("s:Body", NAMES)[0]

    @property
    def item_ids(self) -> list[str]:
        return [element.get("Id") for element in self.payload.iterfind(".//t:ItemId", NAMES)]


Answer = bytes | web.StreamResponse
Handler = Callable[[Asked], Answer | Awaitable[Answer]]


@dataclass
class CannedExchange:
    """`answers` by operation; `asked` in order; `most_at_once` the high-water mark per mailbox and (None)
    overall, `connections` all there ever were."""

    answers: dict[str, Handler | Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    connections: set[object] = field(default_factory=set)
    now: dict[str | None, int] = field(default_factory=dict)
    most_at_once: dict[str | None, int] = field(default_factory=dict)

    def count(self, operation: str, mailbox: str | None = None) -> int:
        return sum(one.operation == operation and mailbox in (None, one.mailbox) for one in self.asked)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        root = etree.fromstring(body)
        mailbox = root.findtext(".//t:ExchangeImpersonation/t:ConnectingSID/t:PrimarySmtpAddress", None, NAMES)
        payload = root.find("s:Body", NAMES)[0]
        asked = Asked(etree.QName(payload).localname, mailbox, body, dict(request.headers))
        self.asked.append(asked)
        self.connections.add(request.transport)
        for key in (mailbox, None):
            self.now[key] = self.now.get(key, 0) + 1
            self.most_at_once[key] = max(self.most_at_once.get(key, 0), self.now[key])
        try:
            answer = self.answers[asked.operation]
            if callable(answer):
                answer = answer(asked)
            if asyncio.iscoroutine(answer):
                answer = await answer
        finally:
            for key in (mailbox, None):
                self.now[key] -= 1
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type="text/xml", charset="utf-8")
        return answer


@asynccontextmanager
async def canned(context: ssl.SSLContext | None = None, **answers: Handler | Answer):
    """A canned server on loopback; its mailboxes have three folders unless told otherwise."""
    server = CannedExchange({"GetFolder": folders_answer(), "FindFolder": folder_list(), **answers})
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/EWS/Exchange.asmx", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        address = runner.addresses[0]
        scheme = "https" if context else "http"
        server.url = f"{scheme}://{address[0]}:{address[1]}/EWS/Exchange.asmx"
        yield server
    finally:
        await runner.cleanup()


def envelope(inner: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}" xmlns:m="{M}" xmlns:t="{T}">'
        f"<s:Body>{inner}</s:Body></s:Envelope>"
    ).encode(errors="surrogatepass")


def answer(operation: str, *messages: str) -> bytes:
    inner = "".join(messages).replace("{operation}", operation)
    return envelope(f"<m:{operation}Response><m:ResponseMessages>{inner}</m:ResponseMessages></m:{operation}Response>")


def fine(content: str) -> str:
    return (
        '<m:{operation}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        f"{content}</m:{{operation}}ResponseMessage>"
    )


def items(*elements: str) -> str:
    return fine(f"<m:Items>{''.join(elements)}</m:Items>")


def failed(code: str, *, values: dict[str, str] | None = None) -> str:
    pairs = "".join(f"<t:Value Name={quoteattr(name)}>{value}</t:Value>" for name, value in (values or {}).items())
    xml = f"<m:MessageXml>{pairs}</m:MessageXml>" if pairs else ""
    return (
        '<m:{operation}ResponseMessage ResponseClass="Error"><m:MessageText>secret words</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{xml}"
        "<m:Items/></m:{operation}ResponseMessage>"
    )


def fault(code: str, *, values: dict[str, str] | None = None, status: int = 500) -> web.Response:
    pairs = "".join(f"<t:Value Name={quoteattr(name)}>{value}</t:Value>" for name, value in (values or {}).items())
    body = envelope(
        f"<s:Fault><faultcode xmlns:a='{T}'>a:{code}</faultcode><faultstring>secret words</faultstring><detail>"
        f'<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">{code}</e:ResponseCode>'
        f"<t:MessageXml>{pairs}</t:MessageXml></detail></s:Fault>"
    )
    return web.Response(status=status, body=body, content_type="text/xml", charset="utf-8")


def folders_answer(ids: Sequence[str] = (CALENDAR_ID, DELETED_ID, TASKS_ID)) -> bytes:
    messages = [
        fine(f'<m:Folders><t:Folder><t:FolderId Id="{id_}" ChangeKey="AQ"/></t:Folder></m:Folders>') for id_ in ids
    ]
    return answer("GetFolder", *messages)


def folder_list(*folders: tuple[str, str, str], total: int | None = None) -> bytes:
    """A FindFolder answer; per folder its id, its parent's and its class."""
    listed = "".join(
        f'<t:Folder><t:FolderId Id="{id_}"/><t:ParentFolderId Id="{parent}"/><t:FolderClass>{class_}</t:FolderClass>'
        "</t:Folder>"
        for id_, parent, class_ in folders
    )
    count = len(folders) if total is None else total
    return answer(
        "FindFolder",
        fine(
            f'<m:RootFolder IndexedPagingOffset="{len(folders)}" TotalItemsInView="{count}" '
            f'IncludesLastItemInRange="true"><t:Folders>{listed}</t:Folders></m:RootFolder>'
        ),
    )


def found(*pages: tuple[Iterable[str], bool], total: int | None = None) -> bytes:
    """A FindItem answer; per folder the ids of its page and whether it is the last."""
    messages = []
    for ids, is_last in pages:
        listed = list(ids)
        inner = "".join(f'<t:CalendarItem><t:ItemId Id="{id_}" ChangeKey="CK"/></t:CalendarItem>' for id_ in listed)
        count = len(listed) if total is None else total
        messages.append(
            fine(
                f'<m:RootFolder IndexedPagingOffset="{len(listed)}" TotalItemsInView="{count}" '
                f'IncludesLastItemInRange="{str(is_last).lower()}"><t:Items>{inner}</t:Items></m:RootFolder>'
            )
        )
    return answer("FindItem", *messages)


def resolved(*candidates: Sequence[str]) -> bytes:
    """A ResolveNames answer; per candidate his addresses, primary first."""
    inner = ""
    for primary, *others in candidates:
        entries = [f"SMTP:{primary}", *(f"smtp:{other}" for other in others)]
        listed = "".join(f'<t:Entry Key="EmailAddress{i}">{e}</t:Entry>' for i, e in enumerate(entries, 1))
        inner += (
            f"<t:Resolution><t:Mailbox><t:Name>X</t:Name><t:EmailAddress>{primary}</t:EmailAddress>"
            f"<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>"
            f"<t:Contact><t:EmailAddresses>{listed}</t:EmailAddresses></t:Contact></t:Resolution>"
        )
    size = len(candidates)
    return answer(
        "ResolveNames",
        fine(f'<m:ResolutionSet TotalItemsInView="{size}" IncludesLastItemInRange="true">{inner}</m:ResolutionSet>'),
    )


def person(name: str = "", address: str = "", *, routing: str = "SMTP", mailbox_type: str = "Mailbox") -> str:
    return (
        f"<t:Mailbox><t:Name>{escape(name)}</t:Name><t:EmailAddress>{escape(address)}</t:EmailAddress>"
        f"<t:RoutingType>{routing}</t:RoutingType><t:MailboxType>{mailbox_type}</t:MailboxType></t:Mailbox>"
    )


def attendee(name: str = "", address: str = "", response: str = "Unknown", **more: str) -> str:
    return f"<t:Attendee>{person(name, address, **more)}<t:ResponseType>{response}</t:ResponseType></t:Attendee>"


def meeting(item_id: str = "item-1", *extra: str, **fields: str | None) -> str:
    """A calendar item; `fields` replace or (None) remove the plain properties, `extra` are whole elements."""
    values: dict[str, str | None] = {
        "Subject": "Review",
        "Start": "2026-12-01T09:00:00Z",
        "End": "2026-12-01T10:00:00Z",
        **fields,
    }
    plain = "".join(f"<t:{name}>{value}</t:{name}>" for name, value in values.items() if value is not None)
    return (
        f'<t:CalendarItem><t:ItemId Id={quoteattr(item_id)} ChangeKey="CK"/>'
        f'<t:ParentFolderId Id="{CALENDAR_ID}"/>{plain}{"".join(extra)}</t:CalendarItem>'
    )
