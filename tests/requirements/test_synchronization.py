"""SyncFolderItems (MS-OXWSSYNC)."""

from __future__ import annotations

import base64

import pytest
from lxml import etree

from tests.requirements.ids import cdata, sync
from tests.unit.sandbox.bank import Bank, Client, M, Reply, T, calendar_item, id_of, set_field, value

SUBJECT = set_field("item:Subject", "<t:Subject>New</t:Subject>")
READ = set_field("message:IsRead", "<t:IsRead>true</t:IsRead>", kind="Message")
UNREAD = set_field("message:IsRead", "<t:IsRead>false</t:IsRead>", kind="Message")


def changes(reply: Reply) -> list[etree._Element]:
    return list(reply.messages[0].find(f"{M}Changes"))


def told(reply: Reply) -> list[tuple[str, str]]:
    """Each change and the kind of item it is about."""
    return [(each.tag.rpartition("}")[2], each[0].tag.rpartition("}")[2]) for each in changes(reply)]


def state(reply: Reply) -> str:
    return reply.messages[0].findtext(f"{M}SyncState")


def is_last(reply: Reply) -> str:
    return reply.messages[0].findtext(f"{M}IncludesLastItemInRange")


def create(anna: Client, element: str = "CalendarItem") -> str:
    markup = calendar_item() if element == "CalendarItem" else f"<t:{element}><t:Subject>x</t:Subject></t:{element}>"
    return id_of(anna.create(markup, disposition="SaveOnly").item)


@sync(382, 383, 3832, 70, 380, 131)
def test_without_a_state_everything_is_new(bank: Bank):
    """Of the folder that is named, as it stands."""
    anna = bank.client("anna")
    item = create(anna)
    anna.update(item, SUBJECT)
    create(anna, "Task")
    anna.delete(create(anna))
    assert told(anna.sync("calendar")) == [("Create", "CalendarItem")]
    assert told(anna.sync("calendar", base="Default")) == [("Create", "CalendarItem")]
    assert value(changes(anna.sync("calendar", base="Default"))[0][0], "Subject") == "New"


@sync(504, 3831, 65)
def test_with_a_state_only_the_difference_is_told(bank: Bank):
    """The state is base64; an empty one is none."""
    anna = bank.client("anna")
    create(anna)
    first = anna.sync("calendar")
    assert base64.b64decode(state(first), validate=True)
    assert told(anna.sync("calendar", state(first))) == []
    create(anna)
    assert len(changes(anna.sync("calendar", state(first)))) == 1
    assert len(changes(anna.sync("calendar", extra="<m:SyncState/>"))) == 2


@pytest.mark.parametrize(
    ("element", "folder", "kind", "change"),
    [
        pytest.param("CalendarItem", "calendar", "CalendarItem", SUBJECT, marks=sync(158, 1591, 1592)),
        pytest.param(
            "Message", "drafts", "Message", SUBJECT.replace("CalendarItem", "Message"), marks=sync(156, 1571, 1572)
        ),
        pytest.param("Task", "tasks", "Task", SUBJECT.replace("CalendarItem", "Task"), marks=sync(172, 1731, 1732)),
        pytest.param("Item", "drafts", "Message", SUBJECT.replace("CalendarItem", "Message"), marks=sync(37811004)),
    ],
)
@sync(132, 37811002)
def test_created_changed_and_deleted(bank: Bank, element: str, folder: str, kind: str, change: str):
    """Each is told as what it is."""
    anna = bank.client("anna")
    item = create(anna, element)
    first = anna.sync(folder)
    assert told(first) == [("Create", kind)]
    assert anna.update(item, change).code == "NoError"
    second = anna.sync(folder, state(first))
    assert told(second) == [("Update", kind)]
    assert anna.delete(item).code == "NoError"
    assert told(anna.sync(folder, state(second))) == [("Delete", "ItemId")]


@sync(134, 184)
def test_a_deleted_item_is_told_by_its_id(bank: Bank):
    """Under which the client knows it."""
    anna = bank.client("anna")
    item = create(anna)
    first = anna.sync("calendar")
    anna.delete(item)
    (deleted,) = changes(anna.sync("calendar", state(first)))
    assert deleted[0].get("Id") == item.split('"')[1]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("MeetingRequest", marks=sync(166, 1671, 1672)),
        pytest.param("MeetingCancellation", marks=sync(170, 1711, 1712)),
    ],
)
def test_what_an_attendee_receives(bank: Bank, kind: str):
    """Created when it comes, updated when something about it changes."""
    anna, bob = bank.client("anna"), bank.client("bob")
    meeting = anna.meet()
    if kind == "MeetingCancellation":
        anna.respond("CancelCalendarItem", meeting)
    first = bob.sync("inbox")
    assert ("Create", kind) in told(first)
    message = next(each for each in bob.all_in("inbox") if each.tag == T + kind)
    changed = set_field("item:Importance", "<t:Importance>High</t:Importance>", kind=kind)
    assert bob.update(id_of(message), changed).code == "NoError"
    assert told(bob.sync("inbox", state(first))) == [("Update", kind)]


@sync(168, 1691, 1692)
def test_what_an_organizer_receives(bank: Bank):
    """The responses."""
    anna, bob = bank.client("anna"), bank.client("bob")
    anna.meet()
    bob.respond("AcceptItem", id_of(bob.only_in("inbox")))
    first = anna.sync("inbox")
    assert told(first) == [("Create", "MeetingResponse")]
    changed = set_field("item:Importance", "<t:Importance>High</t:Importance>", kind="MeetingResponse")
    assert anna.update(id_of(anna.only_in("inbox")), changed).code == "NoError"
    assert told(anna.sync("inbox", state(first))) == [("Update", "MeetingResponse")]


@pytest.mark.parametrize(
    ("before", "change", "is_read"),
    [
        pytest.param(UNREAD, READ, "true", marks=sync(1951)),
        pytest.param(READ, UNREAD, "false", marks=sync(1952)),
    ],
)
@sync(136, 194, 195)
def test_reading_is_no_update(bank: Bank, before: str, change: str, is_read: str):
    """It has a change of its own."""
    anna = bank.client("anna")
    item = create(anna, "Message")
    anna.update(item, before)
    first = anna.sync("drafts")
    anna.update(item, change)
    (flag,) = changes(anna.sync("drafts", state(first)))
    assert flag.tag == f"{T}ReadFlagChange"
    assert (flag[0].get("Id"), value(flag, "IsRead")) == (item.split('"')[1], is_read)


@sync(67, 6701, 6702, 388)
def test_a_page_says_whether_it_is_the_last(bank: Bank):
    """Of as many changes as were allowed."""
    anna = bank.client("anna")
    for _ in range(3):
        create(anna)
    first = anna.sync("calendar", limit=2)
    second = anna.sync("calendar", state(first), limit=2)
    assert [(len(changes(each)), is_last(each)) for each in (first, second)] == [(2, "false"), (1, "true")]


@sync(3891)
def test_between_1_and_512_changes_are_allowed(bank: Bank):
    """Others are refused by the schema."""
    bank.validator.of_requests = False
    anna = bank.client("anna")
    for _ in range(2):
        create(anna)
    assert [len(changes(anna.sync("calendar", limit=limit))) for limit in (1, 512)] == [1, 2]
    assert [anna.sync("calendar", limit=limit).code for limit in (0, 513)] == ["ErrorSchemaValidation"] * 2


@sync(385, 3851, 3852, 386, 3861, 3862)
def test_ignored_items_are_skipped(bank: Bank):
    """The others are not."""
    anna = bank.client("anna")
    ignored, other = create(anna), create(anna)
    ignore = f"<m:Ignore>{ignored}</m:Ignore>"
    (told_of,) = changes(anna.sync("calendar", extra=ignore))
    assert id_of(told_of[0]) == other
    assert len(changes(anna.sync("calendar"))) == 2


@sync(347, 37811008)
def test_the_scope_of_normal_items(bank: Bank):
    """Is the folder's items."""
    anna = bank.client("anna")
    create(anna)
    reply = anna.call(
        "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>"
        '<m:SyncFolderId><t:DistinguishedFolderId Id="calendar"/></m:SyncFolderId>'
        "<m:MaxChangesReturned>10</m:MaxChangesReturned><m:SyncScope>NormalItems</m:SyncScope></m:SyncFolderItems>"
    )
    assert told(reply) == [("Create", "CalendarItem")]


@sync(37814, 37815)
def test_additional_properties(bank: Bank):
    """Named by path."""
    anna = bank.client("anna")
    create(anna)
    reply = anna.call(
        "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
        '<t:FieldURI FieldURI="item:Subject"/></t:AdditionalProperties></m:ItemShape>'
        '<m:SyncFolderId><t:DistinguishedFolderId Id="calendar"/></m:SyncFolderId>'
        "<m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>"
    )
    assert value(changes(reply)[0][0], "Subject") == "Review"


@sync(3787)
def test_mime_content_is_refused(bank: Bank):
    """As a property that the operation does not return."""
    reply = bank.client("anna").call(
        "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>"
        "<t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape>"
        '<m:SyncFolderId><t:DistinguishedFolderId Id="calendar"/></m:SyncFolderId>'
        "<m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>"
    )
    assert reply.code == "ErrorInvalidPropertyForOperation"


@pytest.mark.parametrize("broken", ["nonsense", "bm9uc2Vuc2U=", "QUFBIDE="])
@cdata(518)
def test_a_broken_state_is_refused(bank: Bank, broken: str):
    """In the message, by its own error."""
    reply = bank.client("anna").sync("calendar", broken)
    assert (reply.code, reply.classes) == ("ErrorInvalidSyncStateData", ["Error"])
