"""The fault `rewrite`: what a server makes of an item after it was written."""

from __future__ import annotations

import html
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.exchange.bodies import to_text
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.rewriting import rewritten
from daemon.sandbox.exchange.values import Body
from tests.unit.sandbox.bank import Bank, T, attendee_list, calendar_item, id_of, set_field, value, values

UTC_ZONE = '<t:StartTimeZone Id="UTC"/><t:EndTimeZone Id="UTC"/>'


def body_markup(text: str, kind: str = "HTML") -> str:
    return f'<t:Body BodyType="{kind}">{html.escape(text)}</t:Body>'


def test_what_was_written_is_touched_under_a_new_change_key(bank: Bank):
    """The answer to the write has the key before; a client that goes on with it meets a conflict."""
    anna = bank.client("anna")
    bank.fault("rewrite")
    made = anna.create(
        calendar_item(
            "<t:Subject>  Review </t:Subject>",
            "<t:Location> Room 4  </t:Location>",
            attendee_list("RequiredAttendees", ("bob", "cleo")),
            UTC_ZONE,
            start="2026-12-01T09:00:31Z",
            end="2026-12-01T10:00:59Z",
        )
    )
    read = anna.get(id_of(made.item)).item
    assert [value(read, name) for name in ("Subject", "Location", "Start", "End")] == [
        "Review",
        "Room 4",
        "2026-12-01T09:00:00Z",
        "2026-12-01T10:00:00Z",
    ]
    assert values(read, "RequiredAttendees/Attendee/Mailbox/Name") == ["Cleo Curie", "Bob Braun"]
    assert read.find(f"{T}StartTimeZone").get("Id") == "tzone://Microsoft/Utc"
    assert id_of(read) != id_of(made.item)
    changed = set_field("item:Subject", "<t:Subject>New</t:Subject>")
    assert anna.update(id_of(made.item), changed, conflicts="NeverOverwrite").code == "ErrorIrresolvableConflict"
    assert anna.update(id_of(read), changed, conflicts="NeverOverwrite").code == "NoError"
    assert bank.mails() == []


def test_an_update_is_rewritten_and_a_read_is_not(bank: Bank):
    """The fault waits for a write; the second write is left alone."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item()).item)
    bank.fault("rewrite")
    anna.get(item)
    for subject, kept in ((" one ", "one"), (" two ", " two ")):
        anna.update(item, set_field("item:Subject", f"<t:Subject>{subject}</t:Subject>"))
        assert value(anna.get(item).item, "Subject") == kept


def test_an_attendees_copy_is_his_own_assistants_business(bank: Bank):
    """Rewriting the organizer's item touches nobody else's."""
    bank.fault("rewrite", mailbox="anna@bank.example")
    bank.client("anna").meet("<t:Subject> Review </t:Subject>")
    assert value(bank.client("anna").only_in("calendar"), "Subject") == "Review"
    assert value(bank.client("bob").only_in("calendar"), "Subject") == " Review "


def test_html_is_laid_out_anew(bank: Bank):
    """A line for each block, no long lines; the words are the same."""
    words = " ".join(["word"] * 40)
    bank.fault("rewrite")
    anna = bank.client("anna")
    made = anna.create(calendar_item(body_markup(f"<html><body><p>{words}</p><p>end</p></body></html>")))
    body = anna.get(id_of(made.item)).item.find(f"{T}Body").text
    lines = body.split("\r\n")
    assert lines[:2] == ["<html>", "<body>"]
    assert max(map(len, lines)) < 90
    assert to_text(body).split() == [*words.split(), "end"]


def test_a_fragment_becomes_a_document():
    """A text body stays one, with the line ends of mail."""
    document = html_rewritten("<p>one</p>two")
    assert (document.startswith("<html>"), to_text(document)) == (True, "one\r\ntwo")
    assert rewritten(an_item(Body("Text", "<p>\nwords"))) == {"Body": Body("Text", "<p>\r\nwords")}


@pytest.mark.parametrize("tag", ["pre", "style", "textarea"])
def test_what_stands_as_it_is_is_not_laid_out(tag: str):
    """Blanks count there."""
    kept = f"<{tag}>a   b\nc</{tag}>"
    assert kept in html_rewritten(f"<p>x</p>  {kept}   <p>y</p>")


@given(st.text(alphabet="<>/ \n\tpabrediv&;-!\"'=\u00e9", max_size=200))
def test_rewriting_twice_is_rewriting_once(markup: str):
    """Whatever the markup is."""
    once = html_rewritten(markup)
    assert html_rewritten(once) == once


def html_rewritten(markup: str) -> str:
    changes = rewritten(an_item(Body("HTML", markup)))
    return changes["Body"].text if changes else markup


def an_item(body: Body) -> Item:
    moment = datetime(2026, 12, 1, tzinfo=UTC)
    return Item("i", "k", "m", "f", ItemKind.TASK, {"Body": body}, {}, b"", moment, moment, "Anna")
