"""The four services about delegates: what is asked, and what every answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from daemon.exchange import port
from daemon.exchange.ews import delegates, envelopes
from daemon.exchange.ews.backend import EwsExchange
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.ews.failures import Failure
from schemas.delegates import CALENDAR_EDITOR, CUSTOM, EDITOR, NONE, UNSAID, Delegates, Rights
from tests.unit.exchange import canned
from tests.unit.exchange.canned import NAMES, Asked, CannedExchange
from tests.unit.exchange.reference import needs_samples, needs_schema, sample, schema

ANNA, BEN = "anna@bank.example", "ben@bank.example"
SAID_NOTHING = Rights(UNSAID, UNSAID, UNSAID, UNSAID, UNSAID, UNSAID)
EVERY_LEVEL = Rights(EDITOR, "Reviewer", "Author", NONE, CUSTOM, UNSAID, receives_copies=True, sees_private=True)
WRITES: dict[str, Callable[[EwsExchange], Awaitable[None]]] = {
    "AddDelegate": lambda exchange: exchange.add_delegate(ANNA, BEN, CALENDAR_EDITOR, deliver="DelegatesAndMe"),
    "UpdateDelegate": lambda exchange: exchange.update_delegate(ANNA, BEN, EVERY_LEVEL, deliver=""),
    "RemoveDelegate": lambda exchange: exchange.remove_delegate(ANNA, BEN),
}


class World:
    """A canned server, and a backend on it."""

    def __init__(self, server: CannedExchange, stack: AsyncExitStack) -> None:
        self.server = server
        self.exchange = EwsExchange(EwsConfig(server.url, username="sync@bank.example", password="secret-word"))
        stack.push_async_callback(self.exchange.close)

    def answer(self, answer: canned.Handler | canned.Answer) -> None:
        """What the server says to whatever it is asked."""
        self.server.answers.update(dict.fromkeys(("GetDelegate", *WRITES), answer))

    async def error_of(self, write: str) -> port.ExchangeError:
        with pytest.raises(port.ExchangeError) as failed:
            await WRITES[write](self.exchange)
        return failed.value


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with canned.canned() as server, AsyncExitStack() as stack:
        running = World(server, stack)
        running.answer(said(told()))
        yield running


def said(*messages: str, deliver: str = "") -> canned.Handler:
    """An answer that as a whole went well."""
    listed = f"<m:ResponseMessages>{''.join(messages)}</m:ResponseMessages>" if messages else ""
    deliver = f"<m:DeliverMeetingRequests>{deliver}</m:DeliverMeetingRequests>" if deliver else ""
    return lambda asked: canned.envelope(
        f'<m:{asked.operation}Response ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        f"{listed}{deliver}</m:{asked.operation}Response>"
    )


def told(code: str = "NoError", user: str = "") -> str:
    """What is said of one delegate."""
    result = "Success" if code == "NoError" else "Error"
    return (
        f'<m:DelegateUserResponseMessageType ResponseClass="{result}"><m:ResponseCode>{code}</m:ResponseCode>'
        f"{user}</m:DelegateUserResponseMessageType>"
    )


def user(address: str, levels: str = "", more: str = "") -> str:
    return (
        f"<m:DelegateUser><t:UserId><t:SID>S-1-5</t:SID>{address}</t:UserId>"
        f"<t:DelegatePermissions>{levels}</t:DelegatePermissions>{more}</m:DelegateUser>"
    )


def smtp(address: str) -> str:
    return f"<t:PrimarySmtpAddress>{address}</t:PrimarySmtpAddress>"


def level(folder: str, name: str) -> str:
    return f"<t:{folder}FolderPermissionLevel>{name}</t:{folder}FolderPermissionLevel>"


# What is asked


@needs_schema
@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("write", WRITES)
async def test_a_change_of_delegates_is_one_valid_call_by_the_owner(world: World, write: str) -> None:
    await WRITES[write](world.exchange)
    [asked] = world.server.asked
    assert (asked.operation, asked.mailbox, asked.headers["X-AnchorMailbox"]) == (write, ANNA, ANNA)
    schema().assertValid(asked.payload)


@needs_schema
async def test_delegates_are_read_with_their_rights_by_one_valid_call(world: World) -> None:
    await world.exchange.delegates(ANNA)
    [asked] = world.server.asked
    assert (asked.mailbox, asked.payload.get("IncludePermissions")) == (ANNA, "true")
    schema().assertValid(asked.payload)


@pytest.mark.rule("INV-1")
async def test_a_level_that_cannot_be_written_is_left_out(world: World) -> None:
    """Exchange refuses `Custom` even if it said so itself."""
    await WRITES["UpdateDelegate"](world.exchange)
    said_levels = {"Calendar": EDITOR, "Tasks": "Reviewer", "Inbox": "Author", "Contacts": NONE}
    assert written_levels(world.server.asked[0]) == said_levels


async def test_how_requests_are_delivered_is_not_said_where_it_is_not_known(world: World) -> None:
    await WRITES["AddDelegate"](world.exchange)
    await WRITES["UpdateDelegate"](world.exchange)
    delivered = [asked.payload.findtext("m:DeliverMeetingRequests", None, NAMES) for asked in world.server.asked]
    assert delivered == ["DelegatesAndMe", None]


def written_levels(asked: Asked) -> dict[str, str | None]:
    [permissions] = asked.payload.iterfind(".//t:DelegatePermissions", NAMES)
    return {etree.QName(one).localname.removesuffix("FolderPermissionLevel"): one.text for one in permissions}


# What is answered


async def test_who_may_do_what_is_read_by_the_address(world: World) -> None:
    levels = [level("Calendar", EDITOR), level("Tasks", NONE), level("Inbox", CUSTOM), level("Notes", "Publisher")]
    flags = "<t:ReceiveCopiesOfMeetingMessages>1</t:ReceiveCopiesOfMeetingMessages>"
    flags += "<t:ViewPrivateItems>true</t:ViewPrivateItems>"
    world.answer(
        said(
            told(user=user(smtp("Ben@Bank.example"), "".join(levels), flags)),
            told(user=user(smtp("cleo@bank.example"))),
            told(user=user("")),
            deliver="DelegatesAndSendInformationToMe",
        )
    )
    bens = Rights(EDITOR, NONE, CUSTOM, UNSAID, CUSTOM, UNSAID, receives_copies=True, sees_private=True)
    assert await world.exchange.delegates(ANNA) == Delegates(
        "DelegatesAndSendInformationToMe", {BEN: bens, "cleo@bank.example": SAID_NOTHING}
    )


async def test_a_mailbox_without_delegates_has_none(world: World) -> None:
    world.answer(said(deliver="NoForward"))
    assert await world.exchange.delegates(ANNA) == Delegates("NoForward", {})


@pytest.mark.parametrize("code", ["ErrorDelegateNoUser", "ErrorDelegateMissingConfiguration"])
async def test_a_delegate_whose_account_is_gone_hides_no_other(world: World, code: str) -> None:
    world.answer(said(told(code), told(user=user(smtp(BEN))), told(code)))
    assert await world.exchange.delegates(ANNA) == Delegates("", {BEN: SAID_NOTHING})
    world.answer(said(told(code)))
    assert await world.exchange.delegates(ANNA) == Delegates("", {})


async def test_a_delegate_who_is_half_made_is_one_if_he_is_named(world: World) -> None:
    world.answer(said(told("ErrorDelegateMissingConfiguration", user(smtp(BEN), level("Calendar", EDITOR)))))
    assert await world.exchange.delegates(ANNA) == Delegates("", {BEN: replace(SAID_NOTHING, calendar=EDITOR)})


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("code", ["ErrorInternalServerError", "ErrorServerBusy", "ErrorOfNextYear"])
async def test_a_list_that_lacks_a_delegate_is_none(world: World, code: str) -> None:
    """Else who has rights already would be taken for somebody who has none, and lose them at the revoke."""
    world.answer(said(told(user=user(smtp(BEN))), told(code)))
    with pytest.raises((port.Unavailable, port.Busy)):
        await world.exchange.delegates(ANNA)


ENDINGS = [
    ("ErrorNotDelegate", port.Missing),
    ("ErrorDelegateAlreadyExists", port.Changed),
    ("ErrorDelegateNoUser", port.Rejected),
    ("ErrorDelegateValidationFailed", port.Rejected),
    ("ErrorDelegateCannotAddOwner", port.Rejected),
    ("ErrorDelegateMissingConfiguration", port.Rejected),
    ("ErrorInvalidDelegatePermission", port.Rejected),
    ("ErrorInvalidDelegateUserId", port.Rejected),
    ("ErrorAccessDenied", port.Denied),
    ("ErrorServerBusy", port.Busy),
    ("ErrorAddDelegatesFailed", port.Unavailable),
    ("ErrorWrongServerVersionDelegate", port.Misconfigured),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(("code", "kind"), ENDINGS)
async def test_a_change_that_fails_is_made_once_and_classified(
    world: World, write: str, code: str, kind: type[port.ExchangeError]
) -> None:
    world.answer(said(told(code)))
    error = await world.error_of(write)
    assert (type(error), error.code, error.mailbox) == (kind, code, ANNA)
    assert len(world.server.asked) == 1


@pytest.mark.parametrize("write", WRITES)
async def test_an_answer_that_failed_as_a_whole_failed(world: World, write: str) -> None:
    world.answer(
        lambda asked: canned.envelope(
            f'<m:{asked.operation}Response ResponseClass="Error"><m:ResponseCode>ErrorAccessDenied</m:ResponseCode>'
            f"</m:{asked.operation}Response>"
        )
    )
    assert type(await world.error_of(write)) is port.Denied
    with pytest.raises(port.Denied):
        await world.exchange.delegates(ANNA)


async def test_who_may_not_act_for_the_mailbox_is_denied_its_delegates(world: World) -> None:
    world.answer(lambda _: canned.fault("ErrorImpersonateUserDenied"))
    with pytest.raises(port.Denied):
        await world.exchange.delegates(ANNA)


# What can be given back


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("calendar", "given_back"), [(NONE, NONE), ("Reviewer", "Reviewer"), (CUSTOM, NONE), (UNSAID, NONE)]
)
def test_a_calendar_is_given_back_as_it_was_and_never_more_open(calendar: str, given_back: str) -> None:
    prior = Rights(calendar, CUSTOM, "Author", receives_copies=True, sees_private=True)
    granted = prior.as_editor()
    assert (granted.calendar, granted.sees_private, granted.receives_copies) == (EDITOR, False, True)
    assert (granted.tasks, granted.inbox) == (CUSTOM, "Author")
    assert prior.restorable() == Rights(given_back, CUSTOM, "Author", receives_copies=True, sees_private=True)


# Microsoft's samples

Meaning = tuple[Any, ...]


def meaning(element: Any) -> Meaning:
    """An element by what it says: names, attributes, texts, and what is in it, in order."""
    text = (element.text or "").strip()
    return element.tag, dict(element.attrib), text, [meaning(child) for child in element]


def asked_for(name: str) -> Any:
    return etree.fromstring(sample(name)).find("s:Body", NAMES)[0]


def one_each(request: Any, group: str) -> Iterator[Any]:
    """The same request for each of its users alone, which is how we make it."""
    for index in range(len(request.find(f"m:{group}", NAMES))):
        single = deepcopy(request)
        users = single.find(f"m:{group}", NAMES)
        for other in [each for number, each in enumerate(users) if number != index]:
            users.remove(other)
        yield single


@needs_samples
@pytest.mark.rule("INV-1")
def test_we_read_delegates_as_the_sample_does() -> None:
    assert meaning(delegates.get("user3@example.com")) == meaning(asked_for("GetDelegate--getdelegate-operation-0"))


@needs_samples
@pytest.mark.rule("INV-1")
def test_we_add_a_delegate_as_the_sample_does() -> None:
    contacts_only, mail_only = Rights(contacts=EDITOR), Rights(inbox=EDITOR)
    ours = [
        delegates.add("primary@contoso.com", f"{name}@contoso.com", rights, deliver="DelegatesAndSendInformationToMe")
        for name, rights in (
            ("calendardelegate", CALENDAR_EDITOR),
            ("contactdelegate", contacts_only),
            ("emaildelegate", mail_only),
        )
    ]
    theirs = one_each(asked_for("AddDelegate--add-and-remove-delegates-0"), "DelegateUsers")
    assert [meaning(one) for one in ours] == [meaning(one) for one in theirs]


@needs_samples
@pytest.mark.rule("INV-1")
def test_we_update_a_delegate_as_the_sample_does() -> None:
    """What it does not say of copies and private items, we do."""
    changes = {
        "user2": Rights(UNSAID, NONE, UNSAID, UNSAID, UNSAID, UNSAID, sees_private=True),
        "user3": Rights(UNSAID, UNSAID, UNSAID, UNSAID, UNSAID, "Reviewer"),
    }
    ours = [
        delegates.update("user1@example.com", f"{name}@example.com", rights, deliver="DelegatesAndSendInformationToMe")
        for name, rights in changes.items()
    ]
    theirs = list(one_each(asked_for("UpdateDelegate--updatedelegate-operation-0"), "DelegateUsers"))
    for own, other in zip(ours, theirs, strict=True):
        for name in ("ReceiveCopiesOfMeetingMessages", "ViewPrivateItems"):
            if other.find(f".//t:{name}", NAMES) is None:
                [said_besides] = own.iterfind(f".//t:{name}", NAMES)
                said_besides.getparent().remove(said_besides)
    assert [meaning(one) for one in ours] == [meaning(one) for one in theirs]


@needs_samples
@pytest.mark.rule("INV-1")
def test_we_remove_a_delegate_as_the_samples_do() -> None:
    """One of them names somebody by his SID, which we never do: we know addresses."""
    names = ("calendardelegate", "contactdelegate", "emaildelegate")
    ours = [delegates.remove("primary@contoso.com", f"{name}@contoso.com") for name in names]
    theirs = one_each(asked_for("RemoveDelegate--add-and-remove-delegates-2"), "UserIds")
    assert [meaning(one) for one in ours] == [meaning(one) for one in theirs]
    by_address = next(one_each(asked_for("RemoveDelegate--removedelegate-operation-0"), "UserIds"))
    assert meaning(delegates.remove("user1@example.com", "user2@example.com")) == meaning(by_address)


NOBODY_SAID = Delegates("", {})
ANSWERS: dict[str, Delegates | str] = {
    "AddDelegateResponse--add-and-remove-delegates-1": Delegates(
        "",
        dict.fromkeys(
            (f"{name}@contoso.com" for name in ("calendardelegate", "contactdelegate", "emaildelegate")), SAID_NOTHING
        ),
    ),
    "GetDelegateResponse--getdelegate-operation-1": Delegates(
        "DelegatesAndMe", {"user1@example.com": Rights("Author", UNSAID, UNSAID, "Reviewer", UNSAID, UNSAID)}
    ),
    "RemoveDelegateResponse--removedelegate-operation-1": NOBODY_SAID,
    "RemoveDelegateResponse--removedelegate-operation-2": "ErrorNotDelegate",
    "UpdateDelegateResponse--updatedelegate-operation-1": Delegates(
        "",
        {
            "user2@example.com": Rights(*(UNSAID,) * 6, receives_copies=True, sees_private=True),
            "user3@example.com": Rights(*(UNSAID,) * 6, receives_copies=True),
        },
    ),
    "UpdateDelegateResponse--updatedelegate-operation-2": "ErrorNotDelegate",
}
"""By sample, who is named in it with what he may do, or the code it failed with."""


@needs_samples
@pytest.mark.parametrize("name", ANSWERS)
def test_a_sample_answer_reads_as_its_table_says(name: str) -> None:
    messages, expected = envelopes.messages(sample(name)), ANSWERS[name]
    if isinstance(expected, Delegates):
        assert delegates.read(messages) == expected
        return
    with pytest.raises(Failure) as failed:
        delegates.read(messages)
    assert failed.value.code == expected
