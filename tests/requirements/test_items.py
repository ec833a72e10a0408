"""What every item has (MS-OXWSCORE, ItemType)."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from tests.requirements.ids import cdata, core
from tests.unit.sandbox.bank import Bank, T, attendee_list, calendar_item, delete_field, id_of, set_field, value, values

HTML = '<t:Body BodyType="HTML">&lt;p&gt;one&lt;/p&gt;&lt;p&gt;two&lt;/p&gt;</t:Body>'
TEXT = '<t:Body BodyType="Text">one</t:Body>'


def made(bank: Bank, *given: str) -> object:
    """An item as it is read after its creation."""
    anna = bank.client("anna")
    return anna.get(id_of(anna.create(calendar_item(*given)).item)).item


@pytest.mark.parametrize(
    ("given", "path", "kept"),
    [
        pytest.param("", "ItemClass", "IPM.Appointment", marks=core(1310, 72, 2019)),
        pytest.param("<t:Subject>Budget</t:Subject>", "Subject", "Budget", marks=core(1311, 73)),
        *(
            pytest.param(f"<t:Sensitivity>{name}</t:Sensitivity>", "Sensitivity", name, marks=core(number, 75))
            for number, name in enumerate(("Confidential", "Normal", "Personal", "Private"), 1650)
        ),
        pytest.param(TEXT, "Body", "one", marks=core(76)),
        pytest.param("", "DateTimeReceived", "2026-11-23T08:00:00Z", marks=core(1315, 78, 2026)),
        pytest.param(TEXT, "Size", "1009", marks=core(1316, 79, 2028)),
        *(
            pytest.param(f"<t:Importance>{name}</t:Importance>", "Importance", name, marks=core(number, 1318, 81))
            for name, number in (("High", 198), ("Low", 199), ("Normal", 200))
        ),
        pytest.param("<t:InReplyTo>m-1</t:InReplyTo>", "InReplyTo", "m-1", marks=core(1319, 82)),
        pytest.param("", "IsSubmitted", "false", marks=core(1320, 1607)),
        pytest.param("", "IsDraft", "false", marks=core(1321, 1609)),
        pytest.param("", "IsFromMe", "false", marks=core(1322, 1611)),
        pytest.param("", "IsResend", "false", marks=core(1323, 1613)),
        pytest.param("", "IsUnmodified", "true", marks=core(1324, 1614)),
        pytest.param("", "DateTimeSent", "2026-11-23T08:00:00Z", marks=core(1326, 89, 2032)),
        pytest.param("", "DateTimeCreated", "2026-11-23T08:00:00Z", marks=core(1327, 90, 2034)),
        pytest.param("", "ReminderDueBy", "2026-12-01T09:00:00Z", marks=core(1329, 92)),
        pytest.param("<t:ReminderIsSet>true</t:ReminderIsSet>", "ReminderIsSet", "true", marks=core(1330, 94, 1616)),
        pytest.param("<t:ReminderIsSet>false</t:ReminderIsSet>", "ReminderIsSet", "false", marks=core(1617)),
        pytest.param(
            "<t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>30</t:ReminderMinutesBeforeStart>",
            "ReminderNextTime",
            "2026-12-01T08:30:00Z",
            marks=core(1727, 2283),
        ),
        pytest.param(
            "<t:ReminderMinutesBeforeStart>0</t:ReminderMinutesBeforeStart>",
            "ReminderMinutesBeforeStart",
            "0",
            marks=core(1331, 95),
        ),
        pytest.param(
            attendee_list("OptionalAttendees", ("bob", "cleo")),
            "DisplayCc",
            "Bob Braun; Cleo Curie",
            marks=core(1333, 96, 97),
        ),
        pytest.param(
            attendee_list("RequiredAttendees", ("bob", "cleo")),
            "DisplayTo",
            "Bob Braun; Cleo Curie",
            marks=core(1334, 98, 99, 2036),
        ),
        pytest.param("", "HasAttachments", "false", marks=core(1335, 1621)),
        pytest.param("<t:Culture>de-DE</t:Culture>", "Culture", "de-DE", marks=core(1337, 102)),
        pytest.param("", "LastModifiedName", "Anna Adler", marks=core(1339, 104, 2040)),
        pytest.param("", "LastModifiedTime", "2026-11-23T08:00:00Z", marks=core(1340)),
        pytest.param("", "IsAssociated", "false", marks=core(1619, 2285)),
        pytest.param(TEXT, "Preview", "one", marks=core(2051, 1354)),
    ],
)
def test_an_items_property(bank: Bank, given: str, path: str, kept: str):
    """As it is read after creation; its type is the schema's."""
    assert value(made(bank, given), path) == kept


@pytest.mark.parametrize(
    ("name", "markup"),
    [
        pytest.param("ItemId", '<t:ItemId Id="x"/>', marks=core(2014, 2347)),
        pytest.param("ParentFolderId", '<t:ParentFolderId Id="x"/>', marks=core(2016, 2348)),
        pytest.param(
            "DateTimeReceived", "<t:DateTimeReceived>2026-01-01T00:00:00Z</t:DateTimeReceived>", marks=core(2025, 2349)
        ),
        pytest.param("Size", "<t:Size>1</t:Size>", marks=core(2027, 2272)),
        pytest.param("DateTimeSent", "<t:DateTimeSent>2026-01-01T00:00:00Z</t:DateTimeSent>", marks=core(2031, 2273)),
        pytest.param(
            "DateTimeCreated", "<t:DateTimeCreated>2026-01-01T00:00:00Z</t:DateTimeCreated>", marks=core(2033, 2274)
        ),
        pytest.param("DisplayTo", "<t:DisplayTo>Bob</t:DisplayTo>", marks=core(2035, 2275)),
        pytest.param(
            "EffectiveRights",
            "<t:EffectiveRights><t:CreateAssociated>true</t:CreateAssociated><t:CreateContents>true</t:CreateContents>"
            "<t:CreateHierarchy>true</t:CreateHierarchy><t:Delete>true</t:Delete><t:Modify>true</t:Modify>"
            "<t:Read>true</t:Read></t:EffectiveRights>",
            marks=core(2037, 2276),
        ),
        pytest.param("LastModifiedName", "<t:LastModifiedName>Bob</t:LastModifiedName>", marks=core(2039, 2277)),
        pytest.param(
            "WebClientReadFormQueryString",
            "<t:WebClientReadFormQueryString>x</t:WebClientReadFormQueryString>",
            marks=core(2043),
        ),
        pytest.param("InstanceKey", "<t:InstanceKey>AQAA</t:InstanceKey>", marks=core(2046, 2350)),
        pytest.param(
            "NormalizedBody", '<t:NormalizedBody BodyType="Text">x</t:NormalizedBody>', marks=core(2048, 2351)
        ),
        pytest.param("Preview", "<t:Preview>x</t:Preview>", marks=core(2050, 2352)),
        pytest.param(
            "RightsManagementLicenseData",
            "<t:RightsManagementLicenseData><t:IsOwner>true</t:IsOwner></t:RightsManagementLicenseData>",
            marks=core(2052, 2353),
        ),
        pytest.param("BlockStatus", "<t:BlockStatus>true</t:BlockStatus>", marks=core(2355)),
        pytest.param("TextBody", '<t:TextBody BodyType="Text">x</t:TextBody>', marks=core(2060, 2356)),
        pytest.param("IconIndex", "<t:IconIndex>Default</t:IconIndex>", marks=core(2062, 2358)),
    ],
)
def test_a_property_that_only_the_server_sets(bank: Bank, name: str, markup: str):
    """Is refused in a create and in an update, with the error that names it."""
    anna = bank.client("anna")
    reply = anna.create(calendar_item(markup))
    assert (reply.code, name in reply.text) == ("ErrorInvalidPropertySet", True)
    item = id_of(anna.create(calendar_item()).item)
    assert anna.update(item, set_field(f"item:{name}", markup)).code == "ErrorInvalidPropertySet"
    assert anna.update(item, delete_field(f"item:{name}")).code == "ErrorInvalidPropertySet"


@core(20452)
def test_a_store_entry_id_is_ignored(bank: Bank):
    """As later Exchange versions do."""
    anna = bank.client("anna")
    reply = anna.create(
        "<t:CalendarItem><t:Subject>x</t:Subject><t:StoreEntryId>AAAA</t:StoreEntryId></t:CalendarItem>"
    )
    assert reply.code == "NoError"
    assert anna.get(id_of(reply.item)).item.find(f"{T}StoreEntryId") is None


@core(1308, 70, 2015, 153, 1385, 156, 1386, 158)
def test_an_items_id(bank: Bank):
    """Id and change key; the first leads to the item, the second changes with it."""
    anna = bank.client("anna")
    first = anna.create(calendar_item()).item.find(f"{T}ItemId")
    reply = anna.update(f'<t:ItemId Id="{first.get("Id")}"/>', set_field("item:Subject", "<t:Subject>x</t:Subject>"))
    second = reply.item.find(f"{T}ItemId")
    assert first.get("Id") == second.get("Id")
    assert first.get("ChangeKey") != second.get("ChangeKey")


@core(1309, 71)
@cdata(1628, 1629)
def test_an_items_folder(bank: Bank):
    """The id of the calendar."""
    parent = made(bank).find(f"{T}ParentFolderId")
    assert parent.get("Id") == bank.sandbox.world.folder("anna@bank.example", "calendar").id
    assert parent.get("ChangeKey")


@core(2021)
def test_a_tasks_class(bank: Bank):
    """IPM.Task."""
    anna = bank.client("anna")
    anna.create("<t:Task><t:Subject>Call</t:Subject></t:Task>")
    assert value(anna.only_in("tasks"), "ItemClass") == "IPM.Task"


@pytest.mark.parametrize(
    "item",
    [
        "<t:CalendarItem><t:ItemClass>IPM.Contact</t:ItemClass></t:CalendarItem>",
        "<t:Task><t:ItemClass>IPM.Appointment</t:ItemClass></t:Task>",
        "<t:Message><t:ItemClass>IPM.Task</t:ItemClass></t:Message>",
    ],
)
@core(2023)
@cdata(619)
def test_a_class_that_does_not_fit_the_item_is_refused(bank: Bank, item: str):
    """Nothing is created."""
    anna = bank.client("anna")
    assert anna.create(item, disposition="SaveOnly").code == "ErrorObjectTypeChanged"
    assert [anna.all_in(folder) for folder in ("calendar", "tasks", "drafts")] == [[], [], []]


@core(74)
def test_a_subject_has_255_characters(bank: Bank):
    """More are refused."""
    anna = bank.client("anna")
    assert value(made(bank, f"<t:Subject>{'x' * 255}</t:Subject>"), "Subject") == "x" * 255
    assert anna.create(calendar_item(f"<t:Subject>{'x' * 256}</t:Subject>")).classes == ["Error"]


@pytest.mark.parametrize(
    ("name", "asked", "kind", "content"),
    [
        pytest.param(
            "Body", "BodyType", "HTML", "<p>one</p><p>two</p>", marks=[core(1679), cdata(17, 1190, 1665, 1097)]
        ),
        pytest.param("Body", "BodyType", "Text", "one\n\ntwo", marks=[core(1680), cdata(18)]),
        pytest.param("Body", "BodyType", "Best", "<p>one</p><p>two</p>", marks=cdata(15)),
        pytest.param("UniqueBody", "UniqueBodyType", "HTML", "<p>one</p><p>two</p>", marks=core(1345, 1681, 2290)),
        pytest.param("UniqueBody", "UniqueBodyType", "Text", "one\n\ntwo", marks=core(1682)),
        pytest.param("NormalizedBody", "NormalizedBodyType", "HTML", "<p>one</p><p>two</p>", marks=core(1349)),
        pytest.param("NormalizedBody", "NormalizedBodyType", "Text", "one\n\ntwo", marks=core(1683)),
    ],
)
def test_bodies_come_in_the_type_that_is_asked(bank: Bank, name: str, asked: str, kind: str, content: str):
    """Best is the richest there is."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item(HTML)).item)
    read = anna.get(item, f"item:{name}", base="IdOnly", shape=f"<t:{asked}>{kind}</t:{asked}>").item
    body = read.find(f"{T}{name}")
    assert body.get("BodyType") == ("HTML" if kind == "Best" else kind)
    assert body.text.replace("\r\n", "\n") == content


@core(2061, 1731)
def test_the_text_body_is_text(bank: Bank):
    """Of an HTML body too."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item(HTML)).item)
    body = anna.get(item, "item:TextBody", base="IdOnly").item.find(f"{T}TextBody")
    assert (body.get("BodyType"), body.text.split()) == ("Text", ["one", "two"])


@core(1317, 80)
@cdata(1541)
def test_categories(bank: Bank):
    """A list of strings, in their order."""
    item = made(bank, "<t:Categories><t:String>red</t:String><t:String>blue</t:String></t:Categories>")
    assert values(item, "Categories/String") == ["red", "blue"]


@core(84, 1608)
@cdata(102000000)
def test_a_draft(bank: Bank):
    """A saved message, or a plain item, which becomes one."""
    anna = bank.client("anna")
    for element in ("Message", "Item"):
        anna.create(f"<t:{element}><t:Subject>{element}</t:Subject></t:{element}>", disposition="SaveOnly")
    drafts = anna.all_in("drafts")
    assert [each.tag for each in drafts] == [f"{T}Message"] * 2
    assert [value(each, "IsDraft") for each in drafts] == ["true", "true"]


@core(85)
def test_what_i_sent_is_from_me(bank: Bank):
    """And what others sent is not."""
    bank.client("anna").meet(invite="SendToAllAndSaveCopy")
    sent, received = bank.client("anna").only_in("sentitems"), bank.client("bob").only_in("inbox")
    assert [value(each, "IsFromMe") for each in (sent, received)] == ["true", "false"]


@core(87, 1615, 105)
def test_a_modified_item(bank: Bank):
    """Is no longer unmodified, and says when it changed."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item()).item)
    bank.clock.advance(timedelta(minutes=1))
    anna.update(item, set_field("item:Subject", "<t:Subject>x</t:Subject>"))
    read = anna.get(item).item
    assert [value(read, name) for name in ("IsUnmodified", "LastModifiedTime", "DateTimeCreated")] == [
        "false",
        "2026-11-23T08:01:00Z",
        "2026-11-23T08:00:00Z",
    ]


@core(1328, 91)
def test_the_answers_that_an_item_offers(bank: Bank):
    """The organizer may cancel, the attendee answer, and remove what was cancelled."""
    anna, bob = bank.client("anna"), bank.client("bob")
    meeting = anna.meet()

    def offered(item: object) -> list[str]:
        return [each.tag.rpartition("}")[2] for each in item.find(f"{T}ResponseObjects")]

    assert offered(anna.get(meeting).item) == ["CancelCalendarItem"]
    assert offered(bob.only_in("calendar")) == ["AcceptItem", "TentativelyAcceptItem", "DeclineItem"]
    anna.respond("CancelCalendarItem", meeting)
    assert offered(bob.only_in("calendar")) == ["RemoveItem"]
    assert made(bank).find(f"{T}ResponseObjects") is None


@core(1338, 103, 2038)
@cdata(1130, 21131, 1132, 21133, 1133, 21135, 1134, 21136, 1135, 21138, 1136, 21140, 21142)
def test_the_rights_on_an_own_item(bank: Bank):
    """Everything but creating below it."""
    rights = made(bank).find(f"{T}EffectiveRights")
    assert {each.tag.rpartition("}")[2]: each.text for each in rights} == {
        "CreateAssociated": "false",
        "CreateContents": "false",
        "CreateHierarchy": "false",
        "Delete": "true",
        "Modify": "true",
        "Read": "true",
        "ViewPrivateItems": "true",
    }


@core(1344, 2288)
def test_a_meetings_messages_are_one_conversation(bank: Bank):
    """With the meeting itself."""
    anna = bank.client("anna")
    meeting = anna.get(anna.meet()).item
    request = bank.client("bob").only_in("inbox")
    ids = [each.find(f"{T}ConversationId").get("Id") for each in (meeting, request, made(bank))]
    assert ids[0] == ids[1] != ids[2]


@core(2047, 1348)
def test_an_instance_key(bank: Bank):
    """Bytes that differ from item to item."""
    first, second = value(made(bank), "InstanceKey"), value(made(bank), "InstanceKey")
    assert base64.b64decode(first, validate=True) != base64.b64decode(second, validate=True)
