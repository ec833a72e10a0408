"""Mails that a delegate sends on behalf of his principal, and copies of mails that delegates receive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lxml import etree

from tests.requirements.ids import mtgs
from tests.unit.sandbox.bank import (
    Bank,
    Client,
    attendee_list,
    calendar_item,
    delegate_user,
    folder_id,
    id_of,
    occurrence_of,
    set_field,
    value,
    values,
    weekly,
)

ANNAS = folder_id("calendar", of="anna")
ANNA, BOB, CLEO, XENIA = (f"{name}@bank.example" for name in ("anna", "bob", "cleo", "xenia"))
OUTSIDE = "xaver@else.example"
SUBJECT = set_field("item:Subject", "<t:Subject>New</t:Subject>")


def attendees(*names: str) -> str:
    return set_field("calendar:RequiredAttendees", attendee_list("RequiredAttendees", names))


@pytest.fixture
def bob(bank: Bank) -> Client:
    """Bob, who is Anna's delegate."""
    bank.client("anna").add_delegates(delegate_user("bob", calendar="Editor"))
    return bank.client("bob")


def told(bank: Bank) -> list[tuple[str, list[str]]]:
    return [(mail["kind"], mail["to"]) for mail in bank.mails()]


def correspondents(message: etree._Element) -> tuple[str | None, str | None]:
    """From whom and by whom a message is."""
    return value(message, "From/Mailbox/EmailAddress"), value(message, "Sender/Mailbox/EmailAddress")


def inbox(bank: Bank, name: str) -> list[etree._Element]:
    return bank.client(name).all_in("inbox")


def subjects(bank: Bank, name: str, folder: str) -> list[str | None]:
    return [value(each, "Subject") for each in bank.client(name).all_in(folder)]


def test_all_mails_of_a_meeting_are_from_the_principal_by_the_delegate(bank: Bank, bob: Client):
    """Invitation, update and cancellation; in the answers the guest is himself."""
    meeting = bob.meet(folder=ANNAS, required=("cleo", OUTSIDE))
    bob.update(meeting, SUBJECT, send="SendOnlyToAll")
    bank.client("cleo").respond("AcceptItem", id_of(bank.client("cleo").only_in("calendar")))
    bob.delete(meeting, send="SendOnlyToAll")
    mails = [(mail["kind"], mail["from"], mail["sender"], mail["to"]) for mail in bank.mails()]
    assert mails == [
        ("invitation", ANNA, BOB, [CLEO, OUTSIDE]),
        ("update", ANNA, BOB, [CLEO, OUTSIDE]),
        ("response", CLEO, CLEO, [ANNA]),
        ("cancellation", ANNA, BOB, [CLEO, OUTSIDE]),
    ]
    messages = [*inbox(bank, "cleo"), *bank.client("cleo").all_in("deleteditems")]
    assert [correspondents(each) for each in messages] == [(ANNA, BOB)] * 3
    assert [value(each, "Organizer/Mailbox/EmailAddress") for each in messages if "Request" in each.tag] == [ANNA] * 2


def test_the_services_call_is_the_cause_of_what_a_delegate_sends(bank: Bank, bob: Client):
    """The account that asked is told, as ever."""
    bank.service("bob").meet(folder=ANNAS, required=("cleo",))
    (mail,) = bank.mails()
    assert (mail["from"], mail["sender"]) == (ANNA, BOB)
    assert mail["caused_by"] == {"operation": "CreateItem", "account": "sync@bank.example"}


def test_the_principal_and_an_impersonator_send_in_her_own_name(bank: Bank, bob: Client):
    """Also what her delegate made."""
    meeting = bob.meet(folder=ANNAS, required=("cleo",), invite="SendToNone")
    bank.client("anna").update(meeting, SUBJECT, send="SendOnlyToAll")
    bank.service("anna").delete(meeting, send="SendOnlyToAll")
    assert [(mail["from"], mail["sender"]) for mail in bank.mails()] == [(ANNA, ANNA)] * 2


@pytest.mark.parametrize(
    ("invite", "update", "cancel", "kept"),
    [
        ("SendOnlyToAll", "SendOnlyToAll", "SendOnlyToAll", []),
        ("SendToAllAndSaveCopy", "SendOnlyToAll", "SendToNone", ["Review"]),
        (
            "SendToAllAndSaveCopy",
            "SendToAllAndSaveCopy",
            "SendToAllAndSaveCopy",
            ["Review", "New", "Canceled: New"],
        ),
        ("SendToNone", "SendToAllAndSaveCopy", "SendOnlyToAll", ["New"]),
    ],
)
def test_copies_are_kept_by_who_sent(bank: Bank, bob: Client, invite: str, update: str, cancel: str, kept: list[str]):
    """In the delegate's Sent Items, if the mode says so, and never in the principal's."""
    meeting = bob.meet(folder=ANNAS, required=("cleo",), invite=invite)
    bob.update(meeting, SUBJECT, send=update)
    bob.delete(meeting, send=cancel)
    assert (subjects(bank, "bob", "sentitems"), subjects(bank, "anna", "sentitems")) == (kept, [])
    assert {correspondents(each) for each in bank.client("bob").all_in("sentitems")} <= {(ANNA, BOB)}


@pytest.mark.parametrize("mode", ["SendOnlyToChanged", "SendToChangedAndSaveCopy"])
def test_only_who_came_or_went_hears_of_it(bank: Bank, bob: Client, mode: str):
    """Others keep what they had."""
    meeting = bob.meet(folder=ANNAS, required=("cleo", OUTSIDE))
    bob.update(meeting, SUBJECT, attendees("cleo", "xenia"), send=mode)
    assert told(bank)[1:] == [("cancellation", [OUTSIDE]), ("invitation", [XENIA])]
    assert (subjects(bank, "cleo", "calendar"), subjects(bank, "xenia", "calendar")) == (["Review"], ["New"])
    kept = ["Canceled: New", "New"] if mode == "SendToChangedAndSaveCopy" else []
    assert subjects(bank, "bob", "sentitems") == kept


@pytest.mark.parametrize("mode", ["SendOnlyToChanged", "SendToChangedAndSaveCopy"])
def test_nobody_hears_when_nobody_came_or_went(bank: Bank, bob: Client, mode: str):
    """And no copy is kept of nothing."""
    meeting = bob.meet(folder=ANNAS, required=("cleo",))
    bob.update(meeting, SUBJECT, attendees("cleo"), send=mode)
    assert (told(bank)[1:], subjects(bank, "bob", "sentitems")) == ([], [])


def test_who_was_removed_silently_never_hears(bank: Bank, bob: Client):
    """Not even from the next mail; who was added silently is invited by it, for the first time."""
    meeting = bob.meet(folder=ANNAS, required=("cleo",))
    bob.update(meeting, attendees("xenia"), send="SendToNone")
    bob.update(meeting, SUBJECT, send="SendOnlyToAll")
    assert told(bank)[1:] == [("invitation", [XENIA])]
    assert subjects(bank, "cleo", "calendar") == ["Review"]


@pytest.mark.parametrize("recurrence", [(), (weekly(count=3),)], ids=["single", "series"])
@mtgs(6100)
def test_made_silently_and_invited_later(bank: Bank, bob: Client, recurrence: tuple[str, ...]):
    """By an update to all: that is an invitation the first time, and an update from then on."""
    meeting = bob.meet(*recurrence, folder=ANNAS, required=("cleo",), invite="SendToNone")
    assert told(bank) == []
    bob.update(meeting, SUBJECT, send="SendOnlyToAll")
    bob.update(meeting, SUBJECT, send="SendOnlyToAll")
    assert told(bank) == [("invitation", [CLEO]), ("update", [CLEO])]
    kinds = [value(each, "MeetingRequestType") for each in inbox(bank, "cleo")]
    assert kinds == ["NewMeetingRequest", "FullUpdate"]


def test_single_occurrences(bank: Bank, bob: Client):
    """Changed and deleted, each with a mail of its own by the delegate; silent when it says so."""
    series = bob.meet(weekly(count=4), folder=ANNAS, required=("cleo",))
    bob.update(occurrence_of(series, 1), SUBJECT, send="SendToNone")
    bob.delete(occurrence_of(series, 4), send="SendToNone")
    bob.update(occurrence_of(series, 2), SUBJECT, send="SendOnlyToAll")
    bob.update(occurrence_of(series, 2), attendees("cleo", "xenia"), send="SendOnlyToChanged")
    bob.delete(occurrence_of(series, 3), send="SendOnlyToAll")
    received = [(mail["kind"], mail["subject"], mail["occurrence"], mail["sender"]) for mail in bank.received("cleo")]
    assert received == [
        ("invitation", "Review", None, BOB),
        ("update", "New", "2026-12-08T09:00:00Z", BOB),
        ("cancellation", "Canceled: Review", "2026-12-15T09:00:00Z", BOB),
    ]
    assert [(mail["kind"], mail["start"], mail["occurrence"]) for mail in bank.received("xenia")] == [
        ("invitation", "2026-12-08T09:00:00Z", "2026-12-08T09:00:00Z")
    ]


def test_a_delegate_who_is_a_guest_is_invited_too(bank: Bank, bob: Client):
    """By himself, on behalf of his principal; her calendar and his have it."""
    bob.meet(folder=ANNAS, required=("bob",))
    (request,) = inbox(bank, "bob")
    assert correspondents(request) == (ANNA, BOB)
    (copy,) = bob.all_in("calendar")
    assert value(copy, "MyResponseType") == "NoResponseReceived"


def test_a_delegate_answers_for_his_principal(bank: Bank, bob: Client):
    """On her copy: the answer is from her, by him; a room's own is nobody's but the room's."""
    bank.client("cleo").create(
        calendar_item(attendee_list("RequiredAttendees", ("anna",)), attendee_list("Resources", ("room4",))),
        invite="SendOnlyToAll",
    )
    copy = id_of(bank.client("anna").only_in("calendar"))
    assert bob.respond("AcceptItem", copy).code == "NoError"
    room = "room4@bank.example"
    responses = {(mail["from"], mail["sender"]) for mail in bank.mails("response")}
    assert responses == {(ANNA, BOB), (room, room)}
    assert value(bank.client("anna").only_in("calendar"), "MyResponseType") == "Accept"
    assert (subjects(bank, "bob", "sentitems"), subjects(bank, "anna", "sentitems")) == (["Accepted: Review"], [])


def test_a_room_answers_for_itself_whoever_invites(bank: Bank, bob: Client):
    """Not in the delegate's name."""
    bob.create(calendar_item(attendee_list("Resources", ("room4",))), invite="SendOnlyToAll", folder=ANNAS)
    (response,) = bank.mails("response")
    assert (response["from"], response["sender"], response["to"]) == ("room4@bank.example",) * 2 + ([ANNA],)


# What people receive


def test_each_reads_what_he_received(bank: Bank):
    """In order, with what the mail shows; people without a mailbox and under their aliases, too."""
    anna = bank.client("anna")
    meeting = anna.meet(required=("bob", OUTSIDE))
    anna.update(
        meeting,
        SUBJECT,
        set_field("calendar:Start", "<t:Start>2026-12-02T09:00:00Z</t:Start>"),
        set_field("calendar:End", "<t:End>2026-12-02T10:00:00Z</t:End>"),
        send="SendOnlyToAll",
    )
    bank.client("bob").respond("DeclineItem", id_of(bank.client("bob").only_in("calendar")))
    anna.delete(meeting, send="SendOnlyToAll")
    read = [(mail["kind"], mail["subject"], mail["start"]) for mail in bank.received(OUTSIDE)]
    assert read == [
        ("invitation", "Review", "2026-12-01T09:00:00Z"),
        ("update", "New", "2026-12-02T09:00:00Z"),
        ("cancellation", "Canceled: New", "2026-12-02T09:00:00Z"),
    ]
    assert [mail["kind"] for mail in bank.received("bob")] == ["invitation", "update", "cancellation"]
    (answer,) = bank.received("a.adler")
    assert (answer["from"], answer["kind"], answer["subject"]) == (BOB, "response", "Declined: New")
    assert {mail["uid"] for mail in bank.received("bob")} == {answer["uid"]}
    assert bank.received("cleo") == bank.received("nobody@nowhere.example") == []


def test_the_members_of_a_list_received_it(bank: Bank):
    """Each for himself."""
    bank.client("anna").meet(required=("desk",))
    assert [len(bank.received(name)) for name in ("bob", "cleo", "desk")] == [1, 1, 0]


# Copies for delegates


def let_copies_be_sent(bank: Bank, deliver: str, *, copies: bool = True) -> None:
    """Anna's meeting messages go to Bob, too."""
    bank.client("anna").add_delegates(delegate_user("bob", calendar="Editor", copies=copies), deliver=deliver)


@pytest.mark.parametrize(
    ("deliver", "request_type", "folder"),
    [
        ("DelegatesAndMe", "NewMeetingRequest", "inbox"),
        pytest.param("DelegatesAndSendInformationToMe", "PrincipalWantsCopy", "inbox", marks=mtgs(7512)),
        ("DelegatesOnly", "NewMeetingRequest", "deleteditems"),
    ],
)
@mtgs(266)
def test_delegates_get_copies_of_requests(bank: Bank, deliver: str, request_type: str, folder: str):
    """The principal's own is kept, for information, or in Deleted Items; her calendar has the meeting anyway."""
    let_copies_be_sent(bank, deliver)
    bank.client("cleo").meet(required=("anna",))
    (copy,) = inbox(bank, "bob")
    assert (value(copy, "IsDelegated"), correspondents(copy)) == ("true", (CLEO, CLEO))
    own = bank.client("anna").only_in(folder)
    assert (value(own, "MeetingRequestType"), value(own, "IsDelegated")) == (request_type, "false")
    assert len(bank.client("anna").all_in("calendar")) == 1
    assert bank.client("bob").all_in("calendar") == []
    assert [(mail["for"], mail["kind"]) for mail in bank.received("bob")] == [(ANNA, "invitation")]
    assert told(bank) == [("invitation", [ANNA])]


@pytest.mark.parametrize(("deliver", "copies"), [("NoForward", True), ("DelegatesAndMe", False)])
def test_no_copies_unless_both_want_them(bank: Bank, deliver: str, copies: bool):
    """The mailbox's delivery and the delegate's own flag."""
    let_copies_be_sent(bank, deliver, copies=copies)
    bank.client("cleo").meet(required=("anna",))
    assert (inbox(bank, "bob"), bank.received("bob"), len(inbox(bank, "anna"))) == ([], [], 1)


def test_a_copy_is_overtaken_with_the_principals_own(bank: Bank):
    """An update outdates both."""
    let_copies_be_sent(bank, "DelegatesAndMe")
    meeting = bank.client("cleo").meet(required=("anna",))
    bank.client("cleo").update(meeting, SUBJECT, send="SendOnlyToAll")
    shown = [[value(each, "IsOutOfDate") for each in inbox(bank, name)] for name in ("anna", "bob")]
    assert shown == [["true", "false"]] * 2


def test_a_delegate_answers_the_copy(bank: Bank):
    """It is about the principal's meeting: she has accepted, and both requests are put away."""
    let_copies_be_sent(bank, "DelegatesAndMe")
    bank.client("cleo").meet(required=("anna", "bob"))
    bob = bank.client("bob")
    copy = next(each for each in inbox(bank, "bob") if value(each, "IsDelegated") == "true")
    assert bob.respond("AcceptItem", id_of(copy)).code == "NoError"
    assert [(mail["from"], mail["sender"]) for mail in bank.mails("response")] == [(ANNA, BOB)]
    assert value(bank.client("anna").only_in("calendar"), "MyResponseType") == "Accept"
    assert value(bob.only_in("calendar"), "MyResponseType") == "NoResponseReceived"
    assert (inbox(bank, "anna"), [value(each, "IsDelegated") for each in inbox(bank, "bob")]) == ([], ["false"])
    bank.clock.advance(timedelta(minutes=1))
    host = bank.client("cleo").only_in("calendar")
    assert values(host, "RequiredAttendees/Attendee/ResponseType") == ["Accept", "Unknown"]


def test_a_delegate_without_rights_only_reads_the_copy(bank: Bank):
    """To answer for her he must be an editor of her calendar."""
    bank.client("anna").add_delegates(delegate_user("bob", copies=True), deliver="DelegatesAndMe")
    bank.client("cleo").meet(required=("anna",))
    (copy,) = inbox(bank, "bob")
    assert bank.client("bob").respond("AcceptItem", id_of(copy)).code == "ErrorAccessDenied"
    assert bank.mails("response") == []
