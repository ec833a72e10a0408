"""Who hears of a created, changed or deleted meeting, and what Sent Items keeps (MS-OXWSMTGS)."""

from __future__ import annotations

import pytest

from tests.requirements.ids import mtgs
from tests.unit.sandbox.bank import Bank, attendee_list, set_field, value

SUBJECT = set_field("item:Subject", "<t:Subject>New</t:Subject>")
CLEO_TOO = set_field("calendar:RequiredAttendees", attendee_list("RequiredAttendees", ("bob", "cleo")))
ONLY_CLEO = set_field("calendar:RequiredAttendees", attendee_list("RequiredAttendees", ("cleo",)))


def subjects(bank: Bank, name: str, folder: str = "calendar") -> list[str | None]:
    return [value(each, "Subject") for each in bank.client(name).all_in(folder)]


def told(bank: Bank, kind: str) -> list[list[str]]:
    return [mail["to"] for mail in bank.mails(kind)]


@mtgs(44, 4400, 4401)
def test_created_for_nobody(bank: Bank):
    """In the organizer's calendar alone."""
    bank.client("anna").meet(invite="SendToNone")
    assert (subjects(bank, "anna"), subjects(bank, "bob"), subjects(bank, "bob", "inbox")) == (["Review"], [], [])
    assert bank.mails() == []


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        pytest.param("SendOnlyToAll", [], marks=mtgs(46, 4600, 4601, 4602)),
        pytest.param("SendToAllAndSaveCopy", ["Review"], marks=mtgs(48, 4800, 4801, 4802)),
    ],
)
def test_created_for_all(bank: Bank, mode: str, sent: list[str]):
    """In both calendars, with a request, and a copy of it in Sent Items only if asked."""
    bank.client("anna").meet(invite=mode)
    assert (subjects(bank, "anna"), subjects(bank, "bob"), subjects(bank, "bob", "inbox")) == (
        ["Review"],
        ["Review"],
        ["Review"],
    )
    assert subjects(bank, "anna", "sentitems") == sent


@mtgs(45, 4500)
def test_deleted_for_nobody(bank: Bank):
    """The attendee keeps his copy and hears nothing."""
    anna = bank.client("anna")
    anna.delete(anna.meet(), send="SendToNone")
    assert (subjects(bank, "anna"), subjects(bank, "bob")) == ([], ["Review"])
    assert told(bank, "cancellation") == []


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        pytest.param("SendOnlyToAll", [], marks=mtgs(47, 4700, 4701)),
        pytest.param("SendToAllAndSaveCopy", ["Canceled: Review"], marks=mtgs(49, 4900, 4901)),
    ],
)
def test_deleted_for_all(bank: Bank, mode: str, sent: list[str]):
    """The attendee gets a cancellation; Sent Items keeps it only if asked."""
    anna = bank.client("anna")
    anna.delete(anna.meet(), send=mode)
    assert (subjects(bank, "anna"), subjects(bank, "bob")) == ([], ["Canceled: Review"])
    assert told(bank, "cancellation") == [["bob@bank.example"]]
    assert subjects(bank, "anna", "sentitems") == sent


@mtgs(60, 6000)
def test_updated_for_nobody(bank: Bank):
    """The organizer's own business."""
    anna = bank.client("anna")
    anna.update(anna.meet(), SUBJECT, send="SendToNone")
    assert (subjects(bank, "anna"), subjects(bank, "bob")) == (["New"], ["Review"])
    assert told(bank, "update") == []


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        pytest.param("SendOnlyToAll", [], marks=mtgs(61, 6100, 6101)),
        pytest.param("SendToAllAndSaveCopy", ["New"], marks=mtgs(64, 6400, 6401)),
    ],
)
def test_updated_for_all(bank: Bank, mode: str, sent: list[str]):
    """Also when nobody had been told of the meeting before."""
    anna = bank.client("anna")
    anna.update(anna.meet(invite="SendToNone"), SUBJECT, send=mode)
    assert (subjects(bank, "anna"), subjects(bank, "bob")) == (["New"], ["New"])
    assert subjects(bank, "anna", "sentitems") == sent


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        pytest.param("SendOnlyToChanged", [], marks=mtgs(62, 6200)),
        pytest.param("SendToChangedAndSaveCopy", ["New"], marks=mtgs(65, 6500, 6501)),
    ],
)
def test_updated_for_who_was_added(bank: Bank, mode: str, sent: list[str]):
    """Who was there before hears nothing."""
    anna = bank.client("anna")
    anna.update(anna.meet(), SUBJECT, CLEO_TOO, send=mode)
    assert (subjects(bank, "anna"), subjects(bank, "bob"), subjects(bank, "cleo")) == (["New"], ["Review"], ["New"])
    assert told(bank, "invitation")[1:] == [["cleo@bank.example"]]
    assert subjects(bank, "anna", "sentitems") == sent


@pytest.mark.parametrize("mode", ["SendOnlyToChanged", "SendToChangedAndSaveCopy", "SendOnlyToAll"])
@mtgs(6200, 6500)
def test_who_was_removed_gets_a_cancellation(bank: Bank, mode: str):
    """Whatever the mode, unless it is silent."""
    anna = bank.client("anna")
    anna.update(anna.meet(), ONLY_CLEO, send=mode)
    assert subjects(bank, "bob") == ["Canceled: Review"]
    assert told(bank, "cancellation") == [["bob@bank.example"]]
