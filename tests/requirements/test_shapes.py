"""What a request asks to see: shapes, body filters, precision of times, extended properties."""

from __future__ import annotations

import pytest

from tests.requirements.ids import cdata, core, sync, xprop
from tests.unit.sandbox.bank import Bank, Client, Reply, T, calendar_item, id_of, value, values

SCRIPTED = '<t:Body BodyType="HTML">&lt;p&gt;one&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;</t:Body>'
BY_NAME = '<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="crm-id" PropertyType="String"/>'
BY_GUID = (
    '<t:ExtendedFieldURI PropertySetId="00020329-0000-0000-C000-000000000046" PropertyName="crm-id" '
    'PropertyType="String"/>'
)
BY_ID = (
    '<t:ExtendedFieldURI PropertySetId="11111111-2222-3333-4444-555555555555" PropertyId="34560" '
    'PropertyType="Integer"/>'
)
BY_TAG = '<t:ExtendedFieldURI PropertyTag="0x3a45" PropertyType="String"/>'
ANOTHER_TAG = '<t:ExtendedFieldURI PropertyTag="14917" PropertyType="String"/>'


def a_known_item(anna: Client) -> str:
    given = '<t:Body BodyType="Text">words</t:Body><t:Importance>High</t:Importance>'
    return id_of(anna.create(calendar_item(given)).item)


def names(reply: Reply) -> set[str]:
    return {each.tag.rpartition("}")[2] for each in reply.item}


@cdata(62)
def test_id_only(bank: Bank):
    """The id, and nothing else."""
    anna = bank.client("anna")
    assert names(anna.get(a_known_item(anna), base="IdOnly")) == {"ItemId"}


@cdata(61)
def test_the_default_shape(bank: Bank):
    """What a list of items shows."""
    anna = bank.client("anna")
    shown = names(anna.get(a_known_item(anna), base="Default"))
    assert {"ItemId", "Subject", "Start", "End", "Organizer"} <= shown
    assert not shown & {"Importance", "UID", "EffectiveRights"}


@cdata(59, 1185)
def test_all_properties(bank: Bank):
    """Bodies and attendees too."""
    anna = bank.client("anna")
    shown = names(anna.get(a_known_item(anna), base="AllProperties"))
    assert {"ItemId", "Body", "Importance", "UID", "EffectiveRights", "StartTimeZone"} <= shown


@cdata(1197)
def test_additional_properties(bank: Bank):
    """On top of the base shape."""
    anna = bank.client("anna")
    reply = anna.get(a_known_item(anna), "item:Importance", "calendar:UID", base="IdOnly")
    assert names(reply) == {"ItemId", "Importance", "UID"}


@pytest.mark.parametrize(
    ("filters", "content"),
    [
        pytest.param("true", "<p>one</p>", marks=cdata(21193)),
        pytest.param("false", "<p>one</p><script>alert(1)</script>", marks=cdata(21194)),
    ],
)
@cdata(1193, 2119413)
def test_html_is_filtered_on_demand(bank: Bank, filters: str, content: str):
    """Scripts go."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item(SCRIPTED)).item)
    shape = f"<t:BodyType>HTML</t:BodyType><t:FilterHtmlContent>{filters}</t:FilterHtmlContent>"
    assert value(anna.get(item, shape=shape).item, "Body") == content


@cdata(1195, 21195, 21498)
def test_html_is_utf8(bank: Bank):
    """Whatever the language."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item('<t:Body BodyType="HTML">Übung — 会議</t:Body>')).item)
    shape = "<t:ConvertHtmlCodePageToUTF8>true</t:ConvertHtmlCodePageToUTF8>"
    assert value(anna.get(item, shape=shape).item, "Body") == "Übung — 会議"


@cdata(1188, 21189)
def test_mime_content_is_left_out(bank: Bank):
    """If it is not asked for."""
    anna = bank.client("anna")
    reply = anna.get(a_known_item(anna), shape="<t:IncludeMimeContent>false</t:IncludeMimeContent>")
    assert "MimeContent" not in names(reply)


@cdata(4003)
def test_a_long_body_is_cut_on_demand(bank: Bank):
    """And says so."""
    anna = bank.client("anna")
    item = a_known_item(anna)
    cut = anna.get(item, shape="<t:MaximumBodySize>3</t:MaximumBodySize>").item.find(f"{T}Body")
    whole = anna.get(item).item.find(f"{T}Body")
    assert (cut.text, cut.get("IsTruncated")) == ("wor", "true")
    assert (whole.text, whole.get("IsTruncated")) == ("words", "false")


@pytest.mark.parametrize(
    ("precision", "written"),
    [
        pytest.param("Seconds", "2026-12-01T09:00:00Z", marks=core(1670)),
        pytest.param("Milliseconds", "2026-12-01T09:00:00.000Z", marks=core(1671)),
    ],
)
@core(1162, 1256)
@cdata(1816, 132502)
def test_times_have_the_precision_of_the_header(bank: Bank, precision: str, written: str):
    """Seconds, or milliseconds."""
    anna = bank.client("anna")
    item = a_known_item(anna)
    request = (
        "<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>"
        f"<m:ItemIds>{item}</m:ItemIds></m:GetItem>"
    )
    reply = anna.call(request, header=f"<t:DateTimePrecision>{precision}</t:DateTimePrecision>")
    assert value(reply.item, "Start") == written


def extended(path: str, content: str) -> str:
    return f"<t:ExtendedProperty>{path}{content}</t:ExtendedProperty>"


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        pytest.param(BY_NAME, BY_NAME, marks=xprop(148, 151)),
        pytest.param(BY_NAME, BY_GUID, marks=xprop(149)),
        pytest.param(BY_ID, BY_ID, marks=xprop(152, 153)),
        pytest.param(BY_TAG, ANOTHER_TAG, marks=xprop(150, 50, 122)),
    ],
)
@core(1336, 101)
@xprop(145, 146, 37)
def test_an_extended_property(bank: Bank, written: str, asked: str):
    """By set and name, set and number, or tag, in either spelling."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item(extended(written, "<t:Value>17</t:Value>"))).item)
    read = anna.get(item, base="IdOnly", extended=asked).item
    assert value(read, "ExtendedProperty/Value") == "17"


@xprop(147, 23, 144)
def test_an_extended_property_of_several_values(bank: Bank):
    """In their order."""
    anna = bank.client("anna")
    several = BY_NAME.replace('"String"', '"StringArray"')
    content = "<t:Values><t:Value>a</t:Value><t:Value>b</t:Value></t:Values>"
    item = id_of(anna.create(calendar_item(extended(several, content))).item)
    assert values(anna.get(item, base="IdOnly", extended=several).item, "ExtendedProperty/Values/Value") == ["a", "b"]


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"DistinguishedPropertySetId", "PropertySetId", "PropertyName"}, marks=xprop(42, 157)),
        pytest.param({"DistinguishedPropertySetId", "PropertyTag"}, marks=xprop(161, 51)),
        pytest.param({"PropertySetId", "PropertyTag"}, marks=xprop(158, 138)),
        pytest.param({"DistinguishedPropertySetId"}, marks=xprop(43)),
        pytest.param({"PropertySetId"}, marks=xprop(47)),
        pytest.param({"PropertyTag", "PropertyName"}, marks=xprop(139)),
        pytest.param({"PropertyTag", "PropertyId"}, marks=xprop(140)),
        pytest.param({"PropertyName"}, marks=xprop(53)),
        pytest.param({"PropertyId"}, marks=xprop(55)),
    ],
)
def test_attributes_that_do_not_go_together_are_refused(bank: Bank, attributes: set[str]):
    """By their own error."""
    all_of_them = {
        "DistinguishedPropertySetId": "PublicStrings",
        "PropertySetId": "11111111-2222-3333-4444-555555555555",
        "PropertyTag": "0x3a45",
        "PropertyName": "crm-id",
        "PropertyId": "34560",
    }
    given = " ".join(f'{name}="{text}"' for name, text in all_of_them.items() if name in attributes)
    anna = bank.client("anna")
    path = f'<t:ExtendedFieldURI {given} PropertyType="String"/>'
    assert anna.get(a_known_item(anna), base="IdOnly", extended=path).code == "ErrorInvalidExtendedProperty"


@pytest.mark.parametrize("written", ["nonsense", "11111111-2222-3333-4444", "{11111111-2222-3333-4444-555555555555}"])
@xprop(124)
def test_a_property_set_is_a_guid(bank: Bank, written: str):
    """Or it is refused."""
    bank.validator.of_requests = False
    anna = bank.client("anna")
    path = f'<t:ExtendedFieldURI PropertySetId="{written}" PropertyName="x" PropertyType="String"/>'
    assert anna.get(a_known_item(anna), base="IdOnly", extended=path).code == "ErrorInvalidExtendedProperty"


@pytest.mark.parametrize(
    ("base", "shown", "hidden"),
    [
        pytest.param("AllProperties", {"Subject", "UID", "Importance"}, {"Body"}, marks=sync(3781)),
        pytest.param("Default", {"Subject", "Start"}, {"UID", "Importance", "Body"}, marks=sync(3782)),
        pytest.param("IdOnly", {"ItemId"}, {"Subject", "Start"}, marks=sync(3783)),
    ],
)
def test_the_shapes_of_synchronized_items(bank: Bank, base: str, shown: set[str], hidden: set[str]):
    """As of others, but never with bodies."""
    anna = bank.client("anna")
    a_known_item(anna)
    (item,) = next(iter(anna.sync("calendar", base=base).messages[0][3]))
    found = {each.tag.rpartition("}")[2] for each in item}
    assert shown <= found
    assert not hidden & found
