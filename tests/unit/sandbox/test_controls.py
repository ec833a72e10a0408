"""Readiness, request counts and faults, over HTTP."""

from __future__ import annotations

import http.client
import threading
from base64 import b64encode
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urlsplit

import pytest
from exchangelib import CalendarItem, EWSDateTime
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorInternalServerError,
    ErrorServerBusy,
    ErrorTimeoutExpired,
    TransportError,
)

from daemon.sandbox.exchange import PATH
from tests.unit.sandbox.bank import BERLIN, SOAP, Bank, M, T, calendar_item, id_of, set_field

CREATE = (
    f'<s:Envelope xmlns:s="{SOAP[1:-1]}" xmlns:m="{M[1:-1]}" xmlns:t="{T[1:-1]}"><s:Body>'
    f'<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items>{calendar_item()}</m:Items></m:CreateItem>'
    "</s:Body></s:Envelope>"
)
START = EWSDateTime(2026, 12, 1, 10, tzinfo=BERLIN)
END = EWSDateTime(2026, 12, 1, 11, tzinfo=BERLIN)


def test_it_says_when_it_is_ready(bank: Bank):
    """With 200."""
    assert bank.control("GET", "ready") == (200, {"ready": True})


def test_requests_are_counted_by_operation_mailbox_and_account(bank: Bank):
    """Also those of a service in somebody's mailbox."""
    bank.client("anna").create(calendar_item())
    bank.service("anna").find("calendar")
    bank.service("anna").find("calendar")
    _, counted = bank.control("GET", "requests")
    assert counted == [
        _count("CreateItem", "anna@bank.example", "anna@bank.example", 1),
        _count("FindItem", "anna@bank.example", "sync@bank.example", 2),
    ]


def _count(operation: str, mailbox: str, account: str, count: int, *, most_at_once: int = 1) -> dict[str, object]:
    return {
        "operation": operation,
        "mailbox": mailbox,
        "account": account,
        "count": count,
        "most_at_once": most_at_once,
    }


def test_the_most_requests_at_once_are_counted(bank: Bank):
    """Three slow ones overlap."""
    bank.fault("slow", operation="FindItem", ms=300, times=3)
    together = threading.Barrier(3)

    def ask() -> None:
        together.wait()
        bank.client("bob").find("calendar")

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, counted = bank.control("GET", "requests")
    assert counted == [_count("FindItem", "bob@bank.example", "bob@bank.example", 3, most_at_once=3)]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("http_503", TransportError),
        ("server_busy", ErrorServerBusy),
        ("server_busy_inner", ErrorServerBusy),
        ("access_denied", ErrorAccessDenied),
    ],
)
def test_faults_are_what_exchangelib_takes_them_for(bank: Bank, name: str, error: type[Exception]):
    """Once, in the mailbox and operation they were asked for; then all is well."""
    anna, bob = bank.account("anna"), bank.account("bob")
    calendars = anna.calendar, bob.calendar
    bank.fault(name, operation="FindItem", mailbox="Anna@bank.example")
    assert calendars[1].all().count() == 0
    with pytest.raises(error):
        calendars[0].all().count()
    assert calendars[0].all().count() == 0


def test_a_busy_server_says_when_to_come_back(bank: Bank):
    """In milliseconds, as exchangelib reads them."""
    calendar = bank.account("anna").calendar
    bank.fault("server_busy", back_off_ms=7000)
    with pytest.raises(ErrorServerBusy) as raised:
        calendar.all().count()
    assert raised.value.back_off == 7.0


def test_access_may_be_denied_by_a_bare_status(bank: Bank):
    """As by a proxy before Exchange."""
    bank.fault("access_denied", status=403)
    envelope = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<FindItem xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"/></s:Body></s:Envelope>'
    )
    status, _ = bank.client("anna").send(envelope.encode())
    assert status == 403


def test_a_dropped_request_was_not_carried_out(bank: Bank):
    """The connection is lost before the work."""
    bank.fault("drop_before", operation="CreateItem")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        bank.client("anna").create(calendar_item())
    assert bank.client("anna").find("calendar").items == []


def test_a_partial_batch_answers_half_and_says_so(bank: Bank):
    """The rest are warnings, to be asked for again."""
    anna = bank.client("anna")
    ids = [anna.create(calendar_item()).item[0] for _ in range(4)]
    markup = "".join(f'<t:ItemId Id="{each.get("Id")}"/>' for each in ids)
    bank.fault("partial_page", operation="GetItem")
    reply = anna.get(markup)
    assert reply.codes == ["NoError", "NoError", "ErrorBatchProcessingStopped", "ErrorBatchProcessingStopped"]
    assert reply.classes == ["Success", "Success", "Warning", "Warning"]
    assert anna.get(markup).codes == ["NoError"] * 4


def test_a_partial_synchronization_goes_on(bank: Bank):
    """Half now, the other half from the state that came with it."""
    anna = bank.client("anna")
    for _ in range(4):
        anna.create(calendar_item())
    bank.fault("partial_page", operation="SyncFolderItems")
    first = anna.sync("calendar").messages[0]
    second = anna.sync("calendar", first[1].text).messages[0]
    assert [(len(page[3]), page[2].text) for page in (first, second)] == [(2, "false"), (2, "true")]


def test_faults_last_until_they_are_cleared(bank: Bank):
    """`times: null` is for ever."""
    bank.fault("access_denied", times=None)
    anna = bank.client("anna")
    assert [anna.find("calendar").code for _ in range(3)] == ["ErrorAccessDenied"] * 3
    assert bank.control("DELETE", "faults")[0] == 204
    assert anna.find("calendar").code == "NoError"


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"fault": "lightning"}, "lightning"),
        ({"fault": "slow", "minutes": 3}, "minutes"),
        ({"fault": "slow", "ms": "long"}, "ms"),
        ({"fault": "slow", "times": 0}, "times"),
        ({"fault": "error_after", "code": 503}, "code"),
        ({"fault": "unreadable_item"}, "item"),
        ({"fault": "slow", "item": "AAMk"}, "item"),
    ],
)
def test_an_unknown_fault_is_refused_by_name(bank: Bank, fault: dict[str, object], named: str):
    """None of the list is then in force."""
    status, answer = bank.control("PUT", "faults", [{"fault": "http_503"}, fault])
    assert (status, named in answer["error"]) == (400, True)
    assert bank.client("anna").find("calendar").code == "NoError"


def _subject(bank: Bank) -> str | None:
    """The subject that the one item of Anna's calendar has in truth."""
    (item,) = bank.sandbox.world.items("anna@bank.example", "calendar")
    return item.get("Subject")


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "error_after 503"])
def test_work_is_done_though_the_answer_does_not_say_so(bank: Bank, fault: str):
    """The connection is lost, or an error comes, after the item was stored; and once only."""
    name, _, status = fault.partition(" ")
    bank.fault(name, operation="CreateItem", **({"status": int(status)} if status else {}))
    calendar = bank.account("anna").calendar
    errors = (TransportError, ErrorTimeoutExpired, ErrorInternalServerError)
    with pytest.raises(errors):
        CalendarItem(account=calendar.account, folder=calendar, subject="Kept", start=START, end=END).save()
    assert _subject(bank) == "Kept"
    CalendarItem(account=calendar.account, folder=calendar, subject="Again", start=START, end=END).save()
    assert len(bank.sandbox.world.items("anna@bank.example", "calendar")) == 2


def test_an_error_after_the_work_comes_for_each_item_of_a_batch(bank: Bank):
    """Valid answers, all of them wrong."""
    bank.fault("error_after", operation="CreateItem")
    reply = bank.client("anna").create(calendar_item() + calendar_item())
    assert reply.codes == ["ErrorInternalServerError"] * 2
    assert len(bank.client("anna").all_in("calendar")) == 2


def test_a_conflict_may_be_told_of_a_change_that_was_saved(bank: Bank):
    """The error after the work is the one that was asked for."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item()).item)
    bank.fault("error_after", operation="UpdateItem", code="ErrorIrresolvableConflict")
    changed = anna.update(item, set_field("item:Subject", "<t:Subject>New</t:Subject>"), conflicts="NeverOverwrite")
    assert (changed.code, _subject(bank)) == ("ErrorIrresolvableConflict", "New")


@pytest.mark.parametrize("fault", ["drop_after", "error_after"])
def test_updates_and_deletes_are_done_too(bank: Bank, fault: str):
    """What the client must find out by reading."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item()).item)
    bank.fault(fault, operation="UpdateItem")
    with _lost(fault):
        anna.update(item, set_field("item:Subject", "<t:Subject>New</t:Subject>"))
    assert _subject(bank) == "New"
    bank.fault(fault, operation="DeleteItem")
    with _lost(fault):
        anna.delete(item)
    assert anna.all_in("calendar") == []


def _lost(fault: str) -> AbstractContextManager[object]:
    lost = (http.client.RemoteDisconnected, ConnectionResetError)
    return pytest.raises(lost) if fault == "drop_after" else nullcontext()


def test_an_empty_page_says_that_there_is_more(bank: Bank):
    """In a search and in a synchronization; asked again, the server has the time."""
    anna = bank.client("anna")
    anna.create(calendar_item())
    bank.fault("empty_page", times=2)
    (found,) = anna.find("calendar").body.iter(f"{M}RootFolder")
    assert (len(found[0]), found.get("IncludesLastItemInRange"), found.get("IndexedPagingOffset")) == (0, "false", "0")
    first = anna.sync("calendar").messages[0]
    second = anna.sync("calendar", first[1].text).messages[0]
    assert [(len(page[3]), page[2].text) for page in (first, second)] == [(0, "false"), (1, "true")]


@pytest.mark.parametrize(
    ("fault", "code"),
    [("bad_sync_state", "ErrorInvalidSyncStateData"), ("exceeded_connections", "ErrorExceededConnectionCount")],
)
def test_a_synchronization_may_be_refused(bank: Bank, fault: str, code: str):
    """A state that the server forgot waits for the operation that has one."""
    bank.fault(fault, operation="SyncFolderItems" if fault == "exceeded_connections" else "*")
    assert bank.client("anna").find("calendar").code == "NoError"
    assert [bank.client("anna").sync("calendar").code for _ in range(2)] == [code, "NoError"]


@pytest.mark.parametrize("operation", ["CreateItem", "UpdateItem", "DeleteItem"])
def test_a_write_may_be_denied(bank: Bank, operation: str):
    """Nothing is written then."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item()).item)
    bank.fault("access_denied", operation=operation, times=None)
    writes = {
        "CreateItem": lambda: anna.create(calendar_item()),
        "UpdateItem": lambda: anna.update(item, set_field("item:Subject", "<t:Subject>New</t:Subject>")),
        "DeleteItem": lambda: anna.delete(item),
    }
    assert writes[operation]().code == "ErrorAccessDenied"
    assert _subject(bank) == "Review"


@pytest.mark.parametrize(("operation", "left"), [("CreateItem", 6), ("DeleteItem", 2)])
def test_a_partial_batch_of_writes_is_half_done(bank: Bank, operation: str, left: int):
    """And says which half."""
    anna = bank.client("anna")
    ids = [id_of(anna.create(calendar_item()).item) for _ in range(4)]
    bank.fault("partial_page", operation=operation)
    reply = anna.create(calendar_item() * 4) if operation == "CreateItem" else anna.delete("".join(ids))
    assert reply.codes == ["NoError", "NoError", "ErrorBatchProcessingStopped", "ErrorBatchProcessingStopped"]
    assert len(anna.find("calendar").items) == left


def test_who_gives_up_waiting_has_written_all_the_same(bank: Bank):
    """The server goes on with what it was asked for."""
    written = threading.Event()
    bank.sandbox.listen(lambda _change: written.set())
    bank.fault("slow", operation="CreateItem", ms=300)
    connection = http.client.HTTPConnection(urlsplit(bank.url).netloc)
    connection.request(
        "POST", PATH, CREATE, {"Authorization": f"Basic {b64encode(b'anna@bank.example:anna').decode()}"}
    )
    connection.close()
    assert written.wait(10)
    assert _subject(bank) == "Review"
