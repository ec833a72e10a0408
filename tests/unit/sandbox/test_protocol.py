"""The protocol's edges: broken requests, refusals by name, and Microsoft's schema."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from daemon.sandbox.exchange import PATH
from tests.unit.sandbox.bank import SCHEMA, Bank, calendar_item, id_of, in_ci, value


def test_messages_are_validated_against_microsofts_schema(bank: Bank):
    """Requests and answers; where the schema should be at hand, none validated is a failure."""
    bank.client("anna").create(calendar_item())
    if not SCHEMA.exists() and not in_ci():
        pytest.skip("Microsoft's schema is not at hand: no message was validated")
    assert bank.validator.validated == 2
    assert bank.validator.complaints == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no markup",
        b"<x/>",
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>',
    ],
)
def test_what_is_no_envelope_is_a_fault(bank: Bank, content: bytes):
    """Of schema validation, not a broken server."""
    status, answer = bank.client("anna").send(content)
    assert status == 500
    assert b"ErrorSchemaValidation" in answer


def test_a_request_without_its_parts_is_a_fault_that_names_them(bank: Bank):
    """Instead of an answer to a question nobody asked."""
    bank.validator.of_requests = False
    reply = bank.client("anna").call(
        "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape></m:GetItem>"
    )
    assert reply.code == "ErrorSchemaValidation"
    assert "ItemIds" in reply.text


def test_without_a_password_there_is_a_challenge(bank: Bank):
    """As a browser or client expects it."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(bank.url + PATH, data=b"x", timeout=10)
    with refused.value as answer:
        assert (answer.code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="sandbox"')


def test_an_operation_that_is_not_modelled_is_named(bank: Bank):
    """In a SOAP fault."""
    bank.validator.of_requests = False
    reply = bank.client("anna").call("<m:GetUserConfiguration/>")
    assert (reply.code, reply.text) == (
        "ErrorInvalidOperation",
        "The sandbox Exchange does not model the operation GetUserConfiguration.",
    )


def test_a_service_that_acts_for_nobody_has_no_mailbox(bank: Bank):
    """And is told so."""
    service = bank.service("anna")
    service.mailbox = None
    assert service.find("calendar").code == "ErrorMissingEmailAddress"


def test_other_peoples_folders_and_items_are_closed(bank: Bank):
    """By folder, by mailbox and by item id."""
    item = bank.client("bob").create(calendar_item()).item
    anna = bank.client("anna")
    assert anna.get(id_of(item)).code == "ErrorItemNotFound"
    mailbox = "<t:Mailbox><t:EmailAddress>bob@bank.example</t:EmailAddress></t:Mailbox>"
    bobs = f'<t:DistinguishedFolderId Id="calendar">{mailbox}</t:DistinguishedFolderId>'
    assert anna.create(calendar_item(), folder=bobs).code == "ErrorAccessDenied"
    assert bank.client("bob").find("calendar").item.tag.endswith("CalendarItem")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("calendar:Nonsense", "ErrorInvalidPropertyRequest"),
        ("item:Body", "ErrorInvalidPropertyRequest"),
        ("calendar:Recurrence", "ErrorInvalidPropertyRequest"),
        ("contacts:Birthday", "NoError"),
    ],
)
def test_find_item_refuses_what_it_does_not_return(bank: Bank, name: str, code: str):
    """A property of another class is merely absent."""
    bank.validator.of_requests = False
    reply = bank.client("anna").find("calendar", name, base="IdOnly")
    assert reply.code == code


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ("2026-12-01T10:00:00+01:00", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z"),
        ("2026-12-01T10:00:00", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z"),
        ("2026-12-01T09:00:00.750Z", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z"),
    ],
)
def test_times_are_instants_whatever_their_offset(bank: Bank, given: str, start: str, end: str):
    """Those without one are of the item's zone."""
    zone = '<t:StartTimeZone Id="W. Europe Standard Time"/>'
    anna = bank.client("anna")
    made = anna.create(calendar_item(zone, start=given, end=end))
    item = anna.get(id_of(made.item)).item
    assert (value(item, "Start"), value(item, "End")) == (start, end)


def test_a_year_of_long_ago_comes_back_in_four_digits(bank: Bank):
    """1601 is where Windows begins to count."""
    anna = bank.client("anna")
    made = anna.create(calendar_item(start="1601-01-01T00:00:00Z", end="1601-01-01T01:00:00Z"))
    assert value(anna.get(id_of(made.item)).item, "Start") == "1601-01-01T00:00:00Z"


def test_an_unknown_zone_is_refused(bank: Bank):
    """By its own error."""
    reply = bank.client("anna").create(calendar_item('<t:StartTimeZone Id="Atlantis Standard Time"/>'))
    assert reply.code == "ErrorTimeZone"


def test_a_deep_html_body_is_still_turned_into_text(bank: Bank):
    """However many elements are open."""
    bomb = "&lt;div&gt;" * 20_000 + "deep"
    anna = bank.client("anna")
    made = anna.create(calendar_item(f'<t:Body BodyType="HTML">{bomb}</t:Body>'))
    item = anna.get(id_of(made.item), shape="<t:BodyType>Text</t:BodyType>").item
    assert value(item, "Body") == "deep"
