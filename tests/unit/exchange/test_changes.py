"""What a write says to Exchange, and that it says nothing else."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from daemon.exchange.ews import payloads, zones
from daemon.exchange.port import Written
from schemas.copies import Attendee, Kind, Role
from schemas.edits import UNSET, Body, Edit, New, Times
from tests.unit.exchange.canned import NAMES
from tests.unit.exchange.reference import needs_schema, schema
from tests.unit.exchange.writing import MEETING, PEOPLE, START, TASK, UID

ITEM = Written("AAMk-1", "CK-1")
OF_MEETING = ("location", "times", "attendees", "reminder")
OF_TASK = ("status", "start_day", "due_day", "remind_at")

texts = st.text(max_size=20)
instants = st.integers(0, 10**10).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
days = st.dates(date(1950, 1, 1), date(2400, 1, 1))
zone_names = st.sampled_from([None, "Europe/Berlin", "Pacific/Apia", "Asia/Kolkata", "Mars/Olympus", "GMT", "Etc/UTC"])
people = st.builds(
    Attendee,
    role=st.sampled_from([Role.REQUIRED, Role.OPTIONAL, Role.RESOURCE]),
    name=texts,
    address=texts,
    routing_type=st.sampled_from(["SMTP", "EX"]),
    mailbox_type=st.sampled_from(["Mailbox", "PublicDL", "PrivateDL", "OneOff", "Unknown", "Martian"]),
)
timed = st.builds(Times, instants, instants, zone=zone_names)
whole_days = st.builds(Times, days, days, all_day=st.just(True), zone=zone_names)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.just(UNSET) | values


COMMON = {
    "subject": maybe(texts),
    "body": maybe(st.builds(Body, texts, st.booleans())),
    "importance": maybe(st.sampled_from(["Low", "Normal", "High"])),
    "sensitivity": maybe(st.sampled_from(["Normal", "Personal", "Private", "Confidential"])),
}
meetings = st.builds(
    Edit,
    **COMMON,
    location=maybe(texts),
    times=maybe(timed | whole_days),
    attendees=maybe(st.lists(people, max_size=4).map(tuple)),
    reminder=maybe(st.none() | st.integers(0, 40_000)),
)
tasks = st.builds(
    Edit,
    **COMMON,
    status=maybe(st.sampled_from(["NotStarted", "InProgress", "Completed", "WaitingOnOthers", "Deferred"])),
    start_day=maybe(st.none() | days),
    due_day=maybe(st.none() | days),
    remind_at=maybe(st.none() | instants),
)
edits = st.tuples(meetings, st.just(Kind.SCHEDULE_ITEM)) | st.tuples(tasks, st.just(Kind.TASK))


def changes(edit: Edit, kind: Kind = Kind.SCHEDULE_ITEM) -> dict[str, str | None]:
    """The field URIs of an update with the text of what they are set to; None: cleared."""
    payload = payloads.update_item(ITEM, edit, kind)
    found: dict[str, str | None] = {}
    for change in payload.iterfind(".//t:Updates/*", NAMES):
        uri = change[0].get("FieldURI")
        assert uri not in found, f"{uri} is named twice"
        is_set = etree.QName(change).localname == "SetItemField"
        found[uri] = value_of(change[1][0]) if is_set else None
    return found


def value_of(element: Any) -> str:
    return element.get("Id") or "|".join(filter(None, element.itertext()))


@needs_schema
@given(edits)
def test_every_edit_is_a_valid_request(case: tuple[Edit, Kind]) -> None:
    edit, kind = case
    if not edit.is_empty:
        schema().assertValid(payloads.update_item(ITEM, edit, kind))
    uid = UID if kind is Kind.SCHEDULE_ITEM else None
    schema().assertValid(payloads.create_item(New(kind=kind, marker="crm-1", uid=uid, edit=edit)))


@needs_schema
def test_a_delete_is_a_valid_request() -> None:
    schema().assertValid(payloads.delete_item("AAMk-1"))


@pytest.mark.rule("MAP-1")
@pytest.mark.parametrize(("whole", "kind"), [(MEETING, Kind.SCHEDULE_ITEM), (TASK, Kind.TASK)], ids=["meeting", "task"])
def test_each_field_of_an_edit_is_a_request_of_its_own_and_no_other(whole: Edit, kind: Kind) -> None:
    """The parts add up to the whole, and nothing is in two of them."""
    names = [each.name for each in fields(whole) if getattr(whole, each.name) is not UNSET]
    parts = [changes(Edit(**{name: getattr(whole, name)}), kind) for name in names]
    assert all(parts)
    assert sum(map(len, parts)) == len(changes(whole, kind))
    assert {uri: value for part in parts for uri, value in part.items()} == changes(whole, kind)


@pytest.mark.rule("MAP-1", "MAP-2")
def test_a_new_title_carries_no_time() -> None:
    assert changes(Edit(subject="Other")) == {"item:Subject": "Other"}


def test_nobody_is_mailed_and_nothing_overwritten() -> None:
    update = payloads.update_item(ITEM, MEETING, Kind.SCHEDULE_ITEM)
    assert update.get("SendMeetingInvitationsOrCancellations") == "SendToNone"
    assert update.get("ConflictResolution") == "NeverOverwrite"
    create = payloads.create_item(New(kind=Kind.SCHEDULE_ITEM, marker="crm-1", uid=UID, edit=MEETING))
    assert create.get("SendMeetingInvitations") == "SendToNone"
    delete = payloads.delete_item("AAMk-1")
    assert (delete.get("SendMeetingCancellations"), delete.get("DeleteType")) == ("SendToNone", "MoveToDeletedItems")
    assert {one.get("MessageDisposition") for one in (update, create)} == {None}


@pytest.mark.rule("ALM-1")
def test_a_reminder_that_is_off_has_no_minutes() -> None:
    assert changes(Edit(reminder=None)) == {"item:ReminderIsSet": "false"}
    assert changes(Edit(reminder=0)) == {"item:ReminderIsSet": "true", "item:ReminderMinutesBeforeStart": "0"}


@pytest.mark.rule("ALM-6")
def test_a_tasks_reminder_is_an_instant_or_off() -> None:
    moment = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
    assert changes(Edit(remind_at=None), Kind.TASK) == {"item:ReminderIsSet": "false"}
    expected = {"item:ReminderDueBy": "2026-12-01T09:30:00Z", "item:ReminderIsSet": "true"}
    assert changes(Edit(remind_at=moment), Kind.TASK) == expected


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize(
    ("zone", "name"),
    [("Europe/Vienna", "W. Europe Standard Time"), ("Asia/Kolkata", "India Standard Time"), ("Etc/UTC", "UTC")],
)
def test_a_zone_is_named_as_exchange_names_it(zone: str, name: str) -> None:
    found = changes(Edit(times=Times(START, START, zone=zone)))
    assert (found["calendar:StartTimeZone"], found["calendar:EndTimeZone"]) == (name, name)


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize("zone", [None, "Mars/Olympus", "Antarctica/Troll"])
def test_without_a_zone_that_exchange_knows_the_items_own_is_left_alone(zone: str | None) -> None:
    start = datetime(2026, 7, 1, 7, 0, 30, 999, tzinfo=UTC)
    assert changes(Edit(times=Times(start, start + timedelta(hours=1), zone=zone))) == {
        "calendar:Start": "2026-07-01T07:00:30Z",
        "calendar:End": "2026-07-01T08:00:30Z",
        "calendar:IsAllDayEvent": "false",
    }


@pytest.mark.rule("MAP-2")
@pytest.mark.scenario("S06a")
@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("America/New_York", "2026-10-25T04:00:00Z", "2026-10-26T04:00:00Z"),
        ("Pacific/Auckland", "2026-10-24T11:00:00Z", "2026-10-25T11:00:00Z"),
        (None, "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"),
        ("Mars/Olympus", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"),
    ],
)
def test_s06a_days_begin_at_midnight_of_their_zone_and_never_go_without_one(
    zone: str | None, start: str, end: str
) -> None:
    found = changes(Edit(times=Times(date(2026, 10, 25), date(2026, 10, 26), all_day=True, zone=zone)))
    assert (found["calendar:Start"], found["calendar:End"], found["calendar:IsAllDayEvent"]) == (start, end, "true")
    assert found["calendar:StartTimeZone"] == found["calendar:EndTimeZone"]
    assert found["calendar:StartTimeZone"]


@pytest.mark.rule("PART-4")
def test_people_are_written_as_exchange_named_them() -> None:
    private_list = Attendee(Role.REQUIRED, "Friends", mailbox_type="PrivateDL")
    payload = payloads.update_item(ITEM, Edit(attendees=(*PEOPLE[:2], private_list)), Kind.SCHEDULE_ITEM)
    mailboxes = payload.findall(".//t:RequiredAttendees/t:Attendee/t:Mailbox", NAMES)
    assert [{etree.QName(one).localname: one.text for one in mailbox} for mailbox in mailboxes] == [
        {
            "Name": "Bob Braun",
            "EmailAddress": "bob@bank.example",
            "RoutingType": "SMTP",
            "MailboxType": "Mailbox",
        },
        {"Name": "Old Hand", "EmailAddress": PEOPLE[1].address, "RoutingType": "EX", "MailboxType": "Mailbox"},
        {"Name": "Friends"},
    ]
    assert changes(Edit(attendees=())) == dict.fromkeys(
        ("calendar:RequiredAttendees", "calendar:OptionalAttendees", "calendar:Resources")
    )


@pytest.mark.rule("MAP-4")
def test_empty_is_written_and_absent_is_not() -> None:
    assert changes(Edit(subject="", location="", body=Body(""))) == {
        "item:Subject": "",
        "calendar:Location": "",
        "item:Body": "",
    }
    assert changes(Edit(due_day=None), Kind.TASK) == {"task:DueDate": None}


def test_a_body_says_which_format_it_has() -> None:
    for html, kind in ((True, "HTML"), (False, "Text")):
        payload = payloads.update_item(ITEM, Edit(body=Body("<b>x</b>", html=html)), Kind.SCHEDULE_ITEM)
        [body] = payload.iter(f"{{{NAMES['t']}}}Body")
        assert (body.get("BodyType"), body.text) == (kind, "<b>x</b>")


@pytest.mark.rule("ID-5")
def test_a_create_has_marker_and_uid_and_nothing_to_clear() -> None:
    edit = replace(MEETING, attendees=(), reminder=None)
    payload = payloads.create_item(New(kind=Kind.SCHEDULE_ITEM, marker="crm & 1", uid=UID, edit=edit))
    [item] = payload.iterfind(".//t:CalendarItem", NAMES)
    assert item.findtext("t:ExtendedProperty/t:Value", None, NAMES) == "crm & 1"
    assert item.findtext("t:UID", None, NAMES) == UID
    assert item.find("t:RequiredAttendees", NAMES) is None
    assert payload.find("m:SavedItemFolderId/t:DistinguishedFolderId", NAMES).get("Id") == "calendar"
    task = payloads.create_item(New(kind=Kind.TASK, marker="crm-2", uid=None, edit=replace(TASK, due_day=None)))
    assert task.find(".//t:UID", NAMES) is None
    assert task.find(".//t:DueDate", NAMES) is None
    assert task.find("m:SavedItemFolderId/t:DistinguishedFolderId", NAMES).get("Id") == "tasks"
    assert task.get("SendMeetingInvitations") is None


@pytest.mark.rule("MAP-2")
@given(st.sampled_from(sorted(zones.IANA_TO_WINDOWS)))
def test_a_zone_comes_back_as_one_of_the_same_clock(zone: str) -> None:
    """The way back names the one zone that stands for its Windows zone; both are the same Windows zone again."""
    name = zones.windows_name(zone)
    if name is not None:
        back = zones.iana_name(name)
        assert back is not None
        assert zones.windows_name(back) == name


@pytest.mark.rule("MAP-2")
def test_a_zone_is_set_before_the_times_that_it_would_move() -> None:
    payload = payloads.update_item(ITEM, MEETING, Kind.SCHEDULE_ITEM)
    uris = [one.get("FieldURI") for one in payload.iter(f"{{{NAMES['t']}}}FieldURI")]
    assert uris.index("calendar:EndTimeZone") < uris.index("calendar:Start") < uris.index("calendar:End")
