"""What is kept of what a client writes: change keys, bodies to the byte, markers, an attendee's own copy."""

from __future__ import annotations

import html

import pytest

from tests.unit.sandbox.bank import Bank, Client, T, calendar_item, delete_field, id_of, set_field, task, value

MARKER = (
    '<t:ExtendedFieldURI PropertySetId="9d2c8a7e-52a1-4f5e-9b1d-6f1d3f0c7a11" PropertyName="link" '
    'PropertyType="String"/>'
)
NEW_SUBJECT = set_field("item:Subject", "<t:Subject>New</t:Subject>")
AWKWARD = "<html>\r\n<body style='x'>\n<P>a &amp; b\u00a0\u20ac<br/>\r\n\r\n  \tc</P>\n</body></html>\r\n"


def marker(text: str) -> str:
    return f"<t:ExtendedProperty>{MARKER}<t:Value>{text}</t:Value></t:ExtendedProperty>"


def marked_with(text: str) -> str:
    return (
        f"<m:Restriction><t:IsEqualTo>{MARKER}<t:FieldURIOrConstant>"
        f'<t:Constant Value="{text}"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>'
    )


def body(text: str, kind: str) -> str:
    return f'<t:Body BodyType="{kind}">{html.escape(text).replace(chr(13), "&#13;")}</t:Body>'


def body_of(client: Client, item_id: str, wanted: str = "Best") -> tuple[str, str]:
    found = client.get(item_id, shape=f"<t:BodyType>{wanted}</t:BodyType>").item.find(f"{T}Body")
    return found.get("BodyType"), found.text or ""


@pytest.mark.parametrize(
    ("conflicts", "key", "code"),
    [
        ("NeverOverwrite", "current", "NoError"),
        ("NeverOverwrite", "stale", "ErrorIrresolvableConflict"),
        ("NeverOverwrite", "missing", "ErrorChangeKeyRequiredForWriteOperations"),
        ("NeverOverwrite", "malformed", "ErrorInvalidChangeKey"),
        ("AutoResolve", "current", "NoError"),
        ("AutoResolve", "stale", "NoError"),
        ("AutoResolve", "missing", "ErrorChangeKeyRequiredForWriteOperations"),
        ("AutoResolve", "malformed", "ErrorInvalidChangeKey"),
        ("AlwaysOverwrite", "current", "NoError"),
        ("AlwaysOverwrite", "stale", "NoError"),
        ("AlwaysOverwrite", "missing", "NoError"),
    ],
)
@pytest.mark.parametrize("kind", ["CalendarItem", "Task"])
def test_change_keys(bank: Bank, kind: str, conflicts: str, key: str, code: str):
    """Who is refused has changed nothing, and the item keeps its key."""
    anna = bank.client("anna")
    stale = id_of(anna.create(calendar_item() if kind == "CalendarItem" else task()).item)
    importance = set_field("item:Importance", "<t:Importance>High</t:Importance>", kind=kind)
    current = id_of(anna.update(stale, importance).item)
    item_id = stale.split('"')[1]
    given = {
        "current": current,
        "stale": stale,
        "missing": f'<t:ItemId Id="{item_id}"/>',
        "malformed": f'<t:ItemId Id="{item_id}" ChangeKey="no key"/>',
    }[key]
    subject = set_field("item:Subject", "<t:Subject>New</t:Subject>", kind=kind)
    assert anna.update(given, subject, conflicts=conflicts).code == code
    read = anna.get(current).item
    assert (value(read, "Subject") == "New", id_of(read) != current) == ((code == "NoError"),) * 2
    assert value(read, "Importance") == "High"


@pytest.mark.parametrize(("kind", "text"), [("HTML", AWKWARD), ("Text", "a\r\n\tb \n\n c\u00a0\u20ac <p>\r\n")])
@pytest.mark.parametrize("make", [calendar_item, task])
def test_a_body_is_kept_to_the_byte(bank: Bank, make, kind: str, text: str):
    """In its own format, asked for by name or as the best there is; and after an update that replaces it."""
    anna = bank.client("anna")
    item = id_of(anna.create(make(body(text, kind))).item)
    assert [body_of(anna, item, wanted) for wanted in ("Best", kind)] == [(kind, text)] * 2
    name = "CalendarItem" if make is calendar_item else "Task"
    anna.update(item, set_field("item:Body", body(text * 2, kind), kind=name))
    assert body_of(anna, item) == (kind, text * 2)


def test_a_body_changes_its_format_with_who_writes_it(bank: Bank):
    """Text over HTML is text from then on, and the other way round."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item(body(AWKWARD, "HTML"))).item)
    anna.update(item, set_field("item:Body", body("words", "Text")))
    assert body_of(anna, item) == ("Text", "words")
    assert "words" in body_of(anna, item, "HTML")[1]
    anna.update(item, set_field("item:Body", body("<p>words</p>", "HTML")))
    assert (body_of(anna, item), body_of(anna, item, "Text")) == (("HTML", "<p>words</p>"), ("Text", "words"))


def test_a_body_may_be_long_and_may_go(bank: Bank):
    """Five megabytes; none is another thing than an empty one."""
    anna = bank.client("anna")
    long = "word " * 1_000_000
    item = id_of(anna.create(calendar_item(body(long, "Text"))).item)
    assert body_of(anna, item) == ("Text", long)
    anna.update(item, set_field("item:Body", body("", "Text")))
    assert body_of(anna, item) == ("Text", "")
    anna.update(item, delete_field("item:Body"))
    assert anna.get(item).item.find(f"{T}Body") is None


def test_a_marker_is_found_in_every_folder(bank: Bank):
    """In calendar, tasks, Deleted Items and folders that people made; under the item's new id after a move."""
    anna = bank.client("anna")
    made = {
        "calendar": id_of(anna.create(calendar_item(marker("one"), "<t:UID>uid-1</t:UID>")).item),
        "tasks": id_of(anna.create(task(marker("one"))).item),
    }
    anna.create(calendar_item(marker("two")))
    for folder, item in made.items():
        (found,) = anna.find(folder, restriction=marked_with("one")).items
        assert id_of(found) == item
        anna.delete(item, how="MoveToDeletedItems")
        assert anna.find(folder, restriction=marked_with("one")).items == []
    gone = anna.find("deleteditems", restriction=marked_with("one")).items
    assert [each.tag.removeprefix(T) for each in gone] == ["CalendarItem", "Task"]
    assert (value(gone[0], "UID"), {id_of(each) for each in gone} & set(made.values())) == ("uid-1", set())
    archive = bank.sandbox.world.make_folder("anna@bank.example", "Archive")
    folder_id = f'<m:ParentFolderIds><t:FolderId Id="{archive.id}"/></m:ParentFolderIds>'
    anna.call(
        f'<m:MoveItem><m:ToFolderId><t:FolderId Id="{archive.id}"/></m:ToFolderId>'
        f"<m:ItemIds>{id_of(gone[0])}</m:ItemIds></m:MoveItem>"
    )
    shape = "<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>"
    found = anna.call(f'<m:FindItem Traversal="Shallow">{shape}{marked_with("one")}{folder_id}</m:FindItem>')
    assert len(found.items) == 1


def test_a_marker_survives_updates_and_can_be_taken_away(bank: Bank):
    """It is a property like any other."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item(marker("one"))).item)
    anna.update(item, NEW_SUBJECT)
    assert value(anna.get(item, extended=MARKER).item, "ExtendedProperty/Value") == "one"
    anna.update(item, f"<t:DeleteItemField>{MARKER}</t:DeleteItemField>")
    assert value(anna.get(item, extended=MARKER).item, "ExtendedProperty/Value") is None


def test_an_attendees_marker_is_his_own(bank: Bank):
    """The organizer's does not travel."""
    anna, bob = bank.client("anna"), bank.client("bob")
    anna.meet(marker("one"))
    copy = bob.only_in("calendar")
    assert bob.find("calendar", restriction=marked_with("one")).items == []
    set_marker = f"<t:SetItemField>{MARKER}<t:CalendarItem>{marker('two')}</t:CalendarItem></t:SetItemField>"
    assert bob.update(id_of(copy), set_marker).code == "NoError"
    assert len(bob.find("calendar", restriction=marked_with("two")).items) == 1
    assert anna.find("calendar", restriction=marked_with("two")).items == []


@pytest.mark.parametrize("send", ["SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy"])
def test_an_attendees_own_copy_is_his_to_change(bank: Bank, send: str):
    """No mail, no word to the organizer, no new organizer, whatever he asks for."""
    anna, bob = bank.client("anna"), bank.client("bob")
    meeting = anna.meet(required=("bob", "cleo"))
    mails = len(bank.mails())
    before = anna.get(meeting).item
    changes = (
        NEW_SUBJECT,
        set_field("calendar:End", "<t:End>2026-12-01T12:00:00Z</t:End>"),
        set_field("calendar:Location", "<t:Location>At home</t:Location>"),
        set_field("item:ReminderIsSet", "<t:ReminderIsSet>false</t:ReminderIsSet>"),
    )
    assert bob.update(id_of(bob.only_in("calendar")), *changes, send=send).code == "NoError"
    copy = bob.only_in("calendar")
    assert [value(copy, name) for name in ("Subject", "End", "Location")] == ["New", "2026-12-01T12:00:00Z", "At home"]
    assert value(copy, "Organizer/Mailbox/EmailAddress") == "anna@bank.example"
    assert (value(copy, "AppointmentState"), value(copy, "MyResponseType")) == ("3", "NoResponseReceived")
    assert id_of(anna.get(meeting).item) == id_of(before)
    assert value(bank.client("cleo").only_in("calendar"), "Subject") == "Review"
    assert len(bank.mails()) == mails


def test_a_silent_organizer_is_heard_by_nobody(bank: Bank):
    """Create, update and delete reach no other mailbox."""
    anna = bank.client("anna")
    meeting = anna.meet(invite="SendToNone", required=("bob", "xaver@else.example"))
    anna.update(meeting, NEW_SUBJECT, send="SendToNone")
    anna.delete(meeting, how="MoveToDeletedItems", send="SendToNone")
    assert bank.mails() == []
    assert {change.mailbox for change in bank.changes} == {"anna@bank.example"}


@pytest.mark.parametrize(
    ("uri", "markup"),
    [
        ("task:Owner", "<t:Owner>Bob</t:Owner>"),
        ("task:IsComplete", "<t:IsComplete>true</t:IsComplete>"),
        ("task:IsRecurring", "<t:IsRecurring>true</t:IsRecurring>"),
        ("task:ChangeCount", "<t:ChangeCount>7</t:ChangeCount>"),
        ("task:StatusDescription", "<t:StatusDescription>x</t:StatusDescription>"),
        ("task:DelegationState", "<t:DelegationState>Owned</t:DelegationState>"),
    ],
)
def test_what_only_the_server_sets_is_refused(bank: Bank, uri: str, markup: str):
    """Of tasks as of calendar items."""
    anna = bank.client("anna")
    item = id_of(anna.create(task()).item)
    assert anna.create(task(markup)).code == "ErrorInvalidPropertySet"
    assert anna.update(item, set_field(uri, markup, kind="Task")).code == "ErrorInvalidPropertySet"
