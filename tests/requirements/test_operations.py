"""What each operation answers, in success and in failure (MS-OXWSMTGS and MS-OXWSCORE)."""

from __future__ import annotations

import pytest

from tests.requirements.ids import cdata, core, mtgs
from tests.unit.sandbox.bank import (
    Bank,
    M,
    Reply,
    T,
    append_field,
    attendee_list,
    calendar_item,
    delete_field,
    id_of,
    set_field,
    value,
    values,
)

NOWHERE = '<t:ItemId Id="nothing"/>'
INBOX = '<t:DistinguishedFolderId Id="inbox"/>'
DELETED = '<t:DistinguishedFolderId Id="deleteditems"/>'
SUBJECT = set_field("item:Subject", "<t:Subject>New</t:Subject>")
MESSAGE = "<t:Message><t:Subject>Draft</t:Subject></t:Message>"


def transfer(bank: Bank, operation: str, ids: str, *, to: str = DELETED, returns: str = "") -> Reply:
    wanted = f"<m:ReturnNewItemIds>{returns}</m:ReturnNewItemIds>" if returns else ""
    return bank.client("anna").call(
        f"<m:{operation}><m:ToFolderId>{to}</m:ToFolderId><m:ItemIds>{ids}</m:ItemIds>{wanted}</m:{operation}>"
    )


def a_single_item(bank: Bank, *given: str) -> str:
    return id_of(bank.client("anna").create(calendar_item(*given)).item)


def succeeded(reply: Reply, operation: str) -> bool:
    """Whether the answer is a success, in the elements that the operation's schema has."""
    return (
        reply.body.tag == f"{M}{operation}Response"
        and [each.tag for each in reply.messages] == [f"{M}{operation}ResponseMessage"]
        and (reply.classes, reply.codes) == (["Success"], ["NoError"])
    )


def failed(reply: Reply, operation: str, code: str) -> bool:
    return reply.body.tag == f"{M}{operation}Response" and (reply.classes, reply.codes) == (["Error"], [code])


@mtgs(593, 494, 1198, 1199)
@core(2169, 2170, 292, 299)
@cdata(1583, 1037)
def test_creating(bank: Bank):
    """Appointments and meetings, each answered by its id."""
    anna = bank.client("anna")
    assert succeeded(anna.create(calendar_item()), "CreateItem")
    reply = anna.create(calendar_item(attendee_list("RequiredAttendees", ("bob",))), invite="SendOnlyToAll")
    assert succeeded(reply, "CreateItem")
    assert reply.item.tag == f"{T}CalendarItem"
    assert [value(each, "IsMeeting") for each in anna.all_in("calendar")] == ["false", "true"]


@mtgs(1200)
@core(2171, 2172)
def test_creating_what_cannot_be(bank: Bank):
    """The error's code is one of the schema's."""
    reply = bank.client("anna").create(calendar_item(end="2026-12-01T08:00:00Z"))
    assert failed(reply, "CreateItem", "ErrorCalendarEndDateIsEarlierThanStartDate")
    assert reply.items == []


@mtgs(1204)
def test_an_end_before_the_start_is_refused(bank: Bank):
    """The item is not kept."""
    anna = bank.client("anna")
    assert anna.create(calendar_item(end="2026-12-01T08:59:59Z")).code == "ErrorCalendarEndDateIsEarlierThanStartDate"
    assert anna.all_in("calendar") == []


@mtgs(1203)
def test_five_years_are_too_long_to_create(bank: Bank):
    """A day less is not."""
    anna = bank.client("anna")
    assert anna.create(calendar_item(end="2032-12-02T09:00:00Z")).code == "ErrorCalendarDurationIsTooLong"
    assert anna.create(calendar_item(end="2031-11-30T09:00:00Z")).code == "NoError"


@mtgs(1244)
def test_five_years_are_too_long_to_update(bank: Bank):
    """The item stays as it was."""
    anna = bank.client("anna")
    later = set_field("calendar:End", "<t:End>2032-12-02T09:00:00Z</t:End>")
    item = a_single_item(bank)
    assert anna.update(item, later).code == "ErrorCalendarDurationIsTooLong"
    assert value(anna.get(item).item, "End") == "2026-12-01T10:00:00Z"


@core(298)
def test_created_in_the_folder_that_was_named(bank: Bank):
    """A draft in the inbox."""
    anna = bank.client("anna")
    reply = anna.create(MESSAGE, disposition="SaveOnly", folder=INBOX)
    assert reply.code == "NoError"
    assert value(anna.only_in("inbox"), "Subject") == "Draft"


@pytest.mark.parametrize("element", ["AcceptItem", "TentativelyAcceptItem", "DeclineItem"])
@mtgs(1240, 1342)
def test_answers_need_a_disposition(bank: Bank, element: str):
    """What is to be done with the message."""
    bank.client("anna").meet()
    bob = bank.client("bob")
    reply = bob.respond(element, id_of(bob.only_in("inbox")), disposition="")
    assert reply.code == "ErrorMessageDispositionRequired"


@mtgs(1241, 1342)
def test_messages_and_cancellations_need_a_disposition(bank: Bank):
    """Calendar items do not."""
    anna = bank.client("anna")
    draft = id_of(anna.create(MESSAGE, disposition="SaveOnly").item)
    assert anna.create(MESSAGE).code == "ErrorMessageDispositionRequired"
    assert anna.update(draft, SUBJECT, disposition="").code == "ErrorMessageDispositionRequired"
    assert anna.respond("CancelCalendarItem", anna.meet(), disposition="").code == "ErrorMessageDispositionRequired"
    assert anna.create(calendar_item()).code == "NoError"


@mtgs(630, 1217, 1218)
@core(380, 387)
@cdata(1585, 1039)
def test_getting(bank: Bank):
    """Every item that was asked for, in order."""
    first, second = a_single_item(bank, "<t:Subject>a</t:Subject>"), a_single_item(bank, "<t:Subject>b</t:Subject>")
    assert succeeded(bank.client("anna").get(first), "GetItem")
    reply = bank.client("anna").get(second + first)
    assert [value(each, "Subject") for each in reply.items] == ["b", "a"]


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        pytest.param(
            '<t:RecurringMasterItemId OccurrenceId="{}"/>',
            "ErrorCalendarCannotUseIdForOccurrenceId",
            marks=mtgs(1222),
        ),
        pytest.param(
            '<t:OccurrenceItemId RecurringMasterId="{}" InstanceIndex="1"/>',
            "ErrorCalendarCannotUseIdForRecurringMasterId",
            marks=mtgs(1223),
        ),
    ],
)
def test_a_single_item_is_no_part_of_a_series_to_get(bank: Bank, reference: str, code: str):
    """Its id serves neither as a master's nor as an occurrence's."""
    item_id = a_single_item(bank).split('"')[1]
    assert failed(bank.client("anna").get(reference.format(item_id)), "GetItem", code)


@mtgs(1194)
def test_a_single_item_is_no_master_to_copy(bank: Bank):
    """Nothing is copied."""
    item_id = a_single_item(bank).split('"')[1]
    reply = transfer(bank, "CopyItem", f'<t:OccurrenceItemId RecurringMasterId="{item_id}" InstanceIndex="1"/>')
    assert failed(reply, "CopyItem", "ErrorCalendarCannotUseIdForRecurringMasterId")


@mtgs(1232)
def test_a_single_item_is_no_occurrence_to_move(bank: Bank):
    """It stays where it is."""
    item_id = a_single_item(bank).split('"')[1]
    reply = transfer(bank, "MoveItem", f'<t:RecurringMasterItemId OccurrenceId="{item_id}"/>')
    assert failed(reply, "MoveItem", "ErrorCalendarCannotUseIdForOccurrenceId")
    assert len(bank.client("anna").all_in("calendar")) == 1


@mtgs(1212)
def test_a_single_item_is_no_occurrence_to_delete(bank: Bank):
    """It stays."""
    item_id = a_single_item(bank).split('"')[1]
    reply = bank.client("anna").delete(f'<t:RecurringMasterItemId OccurrenceId="{item_id}"/>')
    assert failed(reply, "DeleteItem", "ErrorCalendarCannotUseIdForOccurrenceId")
    assert len(bank.client("anna").all_in("calendar")) == 1


@mtgs(602, 1188, 1189)
@core(253, 1600, 1601)
@cdata(1602, 1057)
def test_copying(bank: Bank):
    """Both exist afterwards."""
    first, second = a_single_item(bank, "<t:Subject>a</t:Subject>"), a_single_item(bank, "<t:Subject>b</t:Subject>")
    assert succeeded(transfer(bank, "CopyItem", first), "CopyItem")
    assert transfer(bank, "CopyItem", first + second).codes == ["NoError", "NoError"]
    anna = bank.client("anna")
    assert [value(each, "Subject") for each in anna.all_in("deleteditems")] == ["a", "a", "b"]
    assert [value(each, "Subject") for each in anna.all_in("calendar")] == ["a", "b"]


@mtgs(1190)
def test_copying_what_is_not_there(bank: Bank):
    """An error with an empty list of items."""
    assert failed(transfer(bank, "CopyItem", NOWHERE), "CopyItem", "ErrorItemNotFound")


@mtgs(640, 1226, 1227)
@core(419, 45, 46)
@cdata(1601, 1056)
def test_moving(bank: Bank):
    """To the named folder, both of them."""
    first, second = a_single_item(bank, "<t:Subject>a</t:Subject>"), a_single_item(bank, "<t:Subject>b</t:Subject>")
    assert succeeded(transfer(bank, "MoveItem", first), "MoveItem")
    assert transfer(bank, "MoveItem", second).codes == ["NoError"]
    anna = bank.client("anna")
    assert [value(each, "Subject") for each in anna.all_in("deleteditems")] == ["a", "b"]
    assert anna.all_in("calendar") == []


@mtgs(1228)
def test_moving_what_is_not_there(bank: Bank):
    """An error with an empty list of items."""
    assert failed(transfer(bank, "MoveItem", NOWHERE), "MoveItem", "ErrorItemNotFound")


@pytest.mark.parametrize("operation", ["MoveItem", "CopyItem"])
@core(47, 1230)
def test_new_ids_are_returned_unless_declined(bank: Bank, operation: str):
    """By default too."""
    item = a_single_item(bank)
    for returns, count in (("true", 1), ("", 1), ("false", 0)):
        reply = transfer(bank, operation, item, returns=returns)
        assert (reply.code, len(reply.items)) == ("NoError", count)
        newest = bank.client("anna").find("deleteditems", base="IdOnly").items[-1]
        item = id_of(newest)


@mtgs(619, 1207, 1208)
@core(335, 341)
@cdata(1584, 1038)
def test_deleting(bank: Bank):
    """All that are named."""
    first, second = a_single_item(bank), a_single_item(bank)
    third = a_single_item(bank)
    assert succeeded(bank.client("anna").delete(first), "DeleteItem")
    assert bank.client("anna").delete(second + third).codes == ["NoError", "NoError"]
    assert bank.client("anna").all_in("calendar") == []


@mtgs(1209)
def test_deleting_what_is_not_there(bank: Bank):
    """An error."""
    assert failed(bank.client("anna").delete(NOWHERE), "DeleteItem", "ErrorItemNotFound")


@mtgs(1213, 1214)
def test_deleting_a_calendar_item_needs_to_know_whom_to_tell(bank: Bank):
    """Without that it stays."""
    item, anna = a_single_item(bank), bank.client("anna")
    assert anna.delete(item, send="").code == "ErrorSendMeetingCancellationsRequired"
    assert len(anna.all_in("calendar")) == 1
    assert anna.delete(item, send="SendToNone").code == "NoError"


@pytest.mark.parametrize(
    ("how", "folder"),
    [
        pytest.param("HardDelete", None, marks=core(1667)),
        pytest.param("MoveToDeletedItems", "deleteditems", marks=core(1668)),
        pytest.param("SoftDelete", "recoverableitemsdeletions", marks=core(1669)),
    ],
)
def test_where_deleted_items_go(bank: Bank, how: str, folder: str | None):
    """Away, to Deleted Items, or to the dumpster."""
    anna = bank.client("anna")
    anna.delete(a_single_item(bank), how=how)
    found = {name for name in ("calendar", "deleteditems", "recoverableitemsdeletions") if anna.all_in(name)}
    assert found == ({folder} if folder else set())


@mtgs(650, 1235, 1236)
@core(508, 58, 1305, 61, 1306, 65, 561)
@cdata(1586, 1040)
def test_updating(bank: Bank):
    """Answered with the new change key and the number of conflicts."""
    item = a_single_item(bank)
    reply = bank.client("anna").update(item, SUBJECT)
    assert succeeded(reply, "UpdateItem")
    assert reply.messages[0].findtext(f"{M}ConflictResults/{T}Count") == "0"
    assert id_of(reply.item) != item
    assert value(bank.client("anna").get(id_of(reply.item)).item, "Subject") == "New"


@mtgs(1237)
def test_updating_what_is_not_there(bank: Bank):
    """An error with an empty list of items."""
    assert failed(bank.client("anna").update(NOWHERE, SUBJECT), "UpdateItem", "ErrorItemNotFound")


@core(555, 556, 557)
def test_setting_appending_and_deleting_properties(bank: Bank):
    """In the order of the request."""
    anna = bank.client("anna")
    item = a_single_item(bank, '<t:Body BodyType="Text">one</t:Body>', "<t:Location>Room 4</t:Location>")
    reply = anna.update(
        item,
        append_field("item:Body", '<t:Body BodyType="Text"> two</t:Body>'),
        append_field("calendar:OptionalAttendees", attendee_list("OptionalAttendees", ("bob",))),
        append_field("calendar:OptionalAttendees", attendee_list("OptionalAttendees", ("cleo",))),
        SUBJECT,
        delete_field("calendar:Location"),
    )
    read = anna.get(id_of(reply.item)).item
    assert [value(read, name) for name in ("Body", "Subject", "Location")] == ["one two", "New", None]
    assert values(read, "OptionalAttendees/Attendee/Mailbox/Name") == ["Bob Braun", "Cleo Curie"]


@cdata(335)
def test_one_change_sets_one_property(bank: Bank):
    """Two are refused, and none of them is set."""
    both = set_field("item:Subject", "<t:Subject>New</t:Subject><t:Location>Room 5</t:Location>")
    item = a_single_item(bank)
    assert bank.client("anna").update(item, both).code == "ErrorIncorrectUpdatePropertyCount"
    assert value(bank.client("anna").get(item).item, "Subject") == "Review"


@core(2311, 2315)
def test_read_receipts_may_be_suppressed(bank: Bank):
    """There are none here, but clients ask for it."""
    item, anna = a_single_item(bank), bank.client("anna")
    updated = anna.call(
        '<m:UpdateItem ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="SendToNone" '
        f'SuppressReadReceipts="true"><m:ItemChanges><t:ItemChange>{item}<t:Updates>{SUBJECT}</t:Updates>'
        "</t:ItemChange></m:ItemChanges></m:UpdateItem>"
    )
    deleted = anna.call(
        '<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone" SuppressReadReceipts="true">'
        f"<m:ItemIds>{item}</m:ItemIds></m:DeleteItem>"
    )
    assert (updated.code, deleted.code) == ("NoError", "NoError")
