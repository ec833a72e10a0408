"""Microsoft's own samples through the decoder, against values read off them by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from daemon.exchange.ews import answers, decoder, envelopes, listings, times
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.ews.listings import Page
from daemon.exchange.port import Copy, Unreadable
from schemas.copies import Attendee, Folder, Kind, Role, Shape
from schemas.items import Response
from tests.unit.exchange.reading import MAILBOX
from tests.unit.exchange.reference import needs_samples, sample, sample_answers

pytestmark = needs_samples

LITWARE = "AAMkAGM2..."
NO_ITEMS: list[Copy] = []


def copy(item_id: str, change_key: str = "", **fields: Any) -> Copy:
    return Copy(MAILBOX, item_id, change_key, **{"folder": Folder.OTHER, **fields})


def mail(item_id: str, change_key: str = "", **fields: Any) -> Copy:
    return copy(item_id, change_key, kind=Kind.OTHER, **fields)


BOB = Attendee(Role.ORGANIZER, "Bob", "someone@example.com", response=Response.ORGANIZER)
HALF_PAST = datetime(2006, 6, 16, 0, 30, tzinfo=UTC)
ONE = datetime(2006, 6, 16, 1, tzinfo=UTC)
LONG_KEY = "CQAAABYAAABhFfgM7MNwSYx0VZ0GoBMJAAAATV"

ITEMS: dict[str, list[Copy]] = {
    "CreateItemResponse--add-appointments-by-using-exchange-impersonation-1": [copy("AAMkA", "DwAAA")],
    "CreateItemResponse--create-a-recurring-series-1": [copy("AAMkAD", "DwAAAB")],
    "CreateItemResponse--create-appointments-and-meetings-1": [copy("AAMkA", "DwAAA")],
    "CreateItemResponse--create-appointments-and-meetings-5": [copy("AAMkA", "DwAAA")],
    "CreateItemResponse--createitem-operation-calendar-item-1": [copy("AAAlAFV", "DwAAABYA")],
    "CreateItemResponse--createitem-operation-task-1": [copy("AAAtAE=", "EwAAABYA", kind=Kind.TASK)],
    "CreateItemResponse--delete-appointments-and-cancel-meetings-5": [copy("AAMkA", "DwAAA")],
    "CreateItemResponse--propose-a-new-meeting-time-3": [
        copy("AAMkAGRmOWE2OWAAA=", "DwAAJsmU"),
        mail("AAMkAGRmOWE2AAABB=", "AAAGJu1A"),
    ],
    "FindItemResponse--delete-appointments-and-cancel-meetings-3": [copy("AAMkA=", "DwAAA", subject="Tennis lesson")],
    "FindItemResponse--delete-appointments-and-cancel-meetings-7": [
        copy("AAMkA", "DwAAA", subject="Team building exercise")
    ],
    "FindItemResponse--perform-grouped-searches-1": [
        mail(LITWARE, "CQAAABYA...", subject=subject)
        for subject in (
            "Planning resources",
            "Timeline",
            "For your perusal",
            "meeting notes",
            "Meeting notes",
            "Query",
            "Update",
            "This cat is hilarious!",
        )
    ],
    "FindItemResponse--perform-paged-searches-3": [
        mail(LITWARE, "CQAAABYA...", subject=subject)
        for subject in ("meeting notes", "Meeting notes", "This cat is hilarious!")
    ],
    "GetItemResponse--create-a-recurring-series-3": [
        copy("AAMkAD", "DwAAAB", subject="Weekly Update Meeting", shape=Shape.MASTER)
    ],
    "GetItemResponse--create-appointments-and-meetings-3": [copy("AAMkA", "DwAAA", subject="Tennis lesson")],
    "GetItemResponse--create-appointments-and-meetings-7": [copy("AAMkA", "DwAAA", subject="Team building exercise")],
    "GetItemResponse--extract-an-entity-from-an-email-message-1": [
        mail("sVC5AAA=", "CQAAABYAAAD32nSTjepyT63rYH17n9THAAAOOqJN")
    ],
    "GetItemResponse--getitem-operation-calendar-item-1": [copy("ASUAd", "otlIqB==")],
    "GetItemResponse--getitem-operation-calendar-item-2": [
        copy("ASUAdTB", "otlIqBwrt==", start=HALF_PAST, end=ONE, organizer=BOB)
    ],
    "GetItemResponse--getitem-operation-calendar-item-3": [
        copy(
            "ASUAdT",
            "otlIqB==",
            start=HALF_PAST,
            end=ONE,
            organizer=BOB,
            zone_id="Pacific Standard Time",
            zone="America/Los_Angeles",
            my_response=Response.ORGANIZER,
            reminder=15,
        )
    ],
    "GetItemResponse--getitem-operation-email-message-2": [],
    "GetItemResponse--propose-a-new-meeting-time-1": [
        mail("AAMkADEzOTExYjJkL1AAA=", "CwAAAB/G6X", subject="Competitive analysis: kick off meeting")
    ],
    "SyncFolderItemsResponse--synchronize-items-1": [
        mail("q04QAAAA==", f"{LONG_KEY}dC"),
        mail("q07AAAAA==", f"{LONG_KEY}dB"),
        mail("q1AwAAAA==", f"{LONG_KEY}dA"),
        mail("AAMkADBh==", f"{LONG_KEY}c5"),
        mail("AAMkADBh==", f"{LONG_KEY}c4"),
    ],
    "SyncFolderItemsResponse--synchronize-items-3": [
        mail(
            "q04QAAAA==",
            "CQAAABYAAADZGACZQpSgSpyNkexYe2b7AAAAird/",
            subject="RE: Company Soccer Team",
            modified_at=datetime(2013, 8, 28, 16, 53, 35, tzinfo=UTC),
        ),
        mail(
            "AQMkAD+",
            subject="RE: Review Proposal for Contoso",
            modified_at=datetime(2013, 8, 28, 4, 7, 35, tzinfo=UTC),
        ),
        mail(
            "Q04AAAAA==",
            "AAAirbnd",
            subject="RE: Review Proposal for Contoso",
            modified_at=datetime(2013, 8, 28, 4, 7, 38, tzinfo=UTC),
        ),
    ],
}
"""By sample, every item it holds."""

CODES = {
    "GetEventsResponse--getevents-operation-2": ["ErrorSubscriptionAccessDenied"],
    "GetItemResponse--getitem-operation-email-message-2": ["ErrorInvalidPropertyRequest"],
    "GetRemindersResponse--getreminders-operation-2": ["ErrorInvalidOperation"],
    "RefreshSharingFolderResponseMessage--refreshsharingfolder-operation-2": ["ErrorSharingSynchronizationFailed"],
    "RemoveDelegateResponse--removedelegate-operation-2": ["NoError", "ErrorNotDelegate"],
    "SubscribeResponse--subscribe-operation-2": ["ErrorSubscriptionDelegateAccessNotSupported"],
    "UpdateDelegateResponse--updatedelegate-operation-2": ["NoError", "ErrorNotDelegate"],
}
"""By sample, the codes of its messages; not listed: all went well."""

PAGES = {
    "FindItemResponse--delete-appointments-and-cancel-meetings-3": Page(1, 10748),
    "FindItemResponse--delete-appointments-and-cancel-meetings-7": Page(1, 10750),
    "FindItemResponse--perform-grouped-searches-1": Page(None, 8),
    "FindItemResponse--perform-paged-searches-3": Page(None, 8),
}

AVAILABILITY = "GetUserAvailabilityResponse"
"""Has no response messages of the usual form; we never ask for it."""


@pytest.mark.parametrize("name", sample_answers())
def test_a_sample_reads_as_its_table_says(name: str) -> None:
    """Every item of every answer, and none where there is none."""
    reading = Reading(MAILBOX, whole=False)
    messages = envelopes.messages(sample(name))
    items = [item for message in messages for item in decoder.items(message, reading)]
    assert items == ITEMS.get(name, NO_ITEMS)
    if not name.startswith(AVAILABILITY):
        assert [message.code for message in messages] == CODES.get(name, ["NoError"] * len(messages))
    if name in PAGES:
        assert listings.page(messages[0]) == PAGES[name]


def test_the_table_is_about_samples_that_exist() -> None:
    assert {*ITEMS, *CODES, *PAGES} <= set(sample_answers())


@pytest.mark.scenario("S25a")
@pytest.mark.parametrize("name", [name for name in sample_answers() if name.startswith("GetItemResponse")])
def test_s25a_an_abridged_sample_is_quarantined_where_times_were_asked_for(name: str) -> None:
    """An answer to our GetItem that lacks the start is unreadable with that rule, never a copy without times."""
    [answer] = answers.paired(envelopes.messages(sample(name)), ["asked"], Reading(MAILBOX))
    timed = [item for item in ITEMS[name] if item.kind is Kind.SCHEDULE_ITEM]
    if timed and timed[0].start is None:
        assert answer == Unreadable(timed[0].item_id, times.NO_START)
    elif ITEMS[name]:
        assert answer == ITEMS[name][0]
    else:
        assert answer == answers.Unknown("asked", "ErrorInvalidPropertyRequest")
