"""Items of EWS answers as canonical copies."""

from __future__ import annotations

import itertools
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from xml.sax.saxutils import unescape
from zoneinfo import ZoneInfo

import pytest

from daemon.exchange.ews import decoder, people, properties, times, uids
from schemas.copies import Attendee, Copy, Folder, Kind, Role, Shape
from schemas.items import Response
from tests.unit.exchange import canned
from tests.unit.exchange.canned import attendee, meeting, person
from tests.unit.exchange.reading import MAILBOX, copy_of, read, read_one, rule_of

GLOBAL_ID = "040000008200E00074C5B7101A82E00800000000" + "11" * 20


def extended(attributes: str, value: str) -> str:
    return f"<t:ExtendedProperty><t:ExtendedFieldURI {attributes}/><t:Value>{value}</t:Value></t:ExtendedProperty>"


def invited(*attendees: str, role: str = "RequiredAttendees") -> str:
    return f"<t:{role}>{''.join(attendees)}</t:{role}>"


def organizer(name: str, address: str) -> str:
    return f"<t:Organizer>{person(name, address)}</t:Organizer>"


def test_a_whole_meeting_is_read_field_by_field() -> None:
    """Every field that a copy has, once, with a value that is not its default."""
    element = (
        f'<t:CalendarItem><t:ItemId Id="AAMk=" ChangeKey="DwAAABYA"/><t:ParentFolderId Id="{canned.DELETED_ID}"/>'
        "<t:Subject>Review &amp; plan</t:Subject><t:Sensitivity>Private</t:Sensitivity>"
        '<t:Body BodyType="Text">One&#13;\nTwo   \nThree \n\n</t:Body><t:Importance>High</t:Importance>'
        "<t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>0</t:ReminderMinutesBeforeStart>"
        "<t:LastModifiedTime>2026-11-01T08:00:00Z</t:LastModifiedTime>"
        + extended(
            f'PropertySetId="{properties.MARKER_SET}" PropertyName="exsyncd-crm-id" PropertyType="String"', "si-1"
        )
        + extended(
            'DistinguishedPropertySetId="Meeting" PropertyId="35" PropertyType="Binary"',
            b64encode(bytes.fromhex(GLOBAL_ID)).decode(),
        )
        + "<t:UID>something else</t:UID><t:Start>2026-12-01T09:00:00.000Z</t:Start>"
        "<t:End>2026-12-01T10:00:00.999Z</t:End>"
        "<t:IsAllDayEvent>0</t:IsAllDayEvent><t:Location>Room 4</t:Location><t:IsMeeting>1</t:IsMeeting>"
        "<t:IsCancelled>true</t:IsCancelled><t:CalendarItemType>Exception</t:CalendarItemType>"
        "<t:MyResponseType>Tentative</t:MyResponseType>"
        + organizer("Anna Adler", "anna@bank.example")
        + invited(attendee("Bob", "bob@bank.example", "Accept"))
        + invited(attendee("Xaver", "x@else.example", "NoResponseReceived"), role="OptionalAttendees")
        + invited(attendee("Room 4", "room4@bank.example"), role="Resources")
        + "<t:AppointmentReplyTime>2026-11-02T08:00:00Z</t:AppointmentReplyTime>"
        "<t:AppointmentState>7</t:AppointmentState>"
        '<t:StartTimeZone Id="W. Europe Standard Time" Name="(UTC+01:00) Amsterdam, Berlin"/></t:CalendarItem>'
    )
    assert read_one(element) == Copy(
        mailbox=MAILBOX,
        item_id="AAMk=",
        change_key="DwAAABYA",
        kind=Kind.SCHEDULE_ITEM,
        shape=Shape.EXCEPTION,
        folder=Folder.DELETED_ITEMS,
        uid=GLOBAL_ID,
        subject="Review & plan",
        body="One\r\nTwo   \nThree \n\n",
        location="Room 4",
        start=datetime(2026, 12, 1, 9, tzinfo=UTC),
        end=datetime(2026, 12, 1, 10, tzinfo=UTC),
        zone_id="W. Europe Standard Time",
        zone="Europe/Berlin",
        all_day=False,
        importance="High",
        sensitivity="Private",
        organizer=Attendee(Role.ORGANIZER, "Anna Adler", "anna@bank.example", response=Response.ORGANIZER),
        attendees=(
            Attendee(Role.REQUIRED, "Bob", "bob@bank.example", response=Response.ACCEPTED),
            Attendee(Role.OPTIONAL, "Xaver", "x@else.example", response=Response.NONE),
            Attendee(Role.RESOURCE, "Room 4", "room4@bank.example", response=Response.UNKNOWN),
        ),
        is_meeting=True,
        is_cancelled=True,
        my_response=Response.TENTATIVE,
        replied_at=datetime(2026, 11, 2, 8, tzinfo=UTC),
        reminder=0,
        marker="si-1",
        modified_at=datetime(2026, 11, 1, 8, tzinfo=UTC),
    )


# Times


@pytest.mark.rule("MAP-2")
@pytest.mark.scenario("S06a")
@pytest.mark.parametrize(
    "zone",
    [
        ("UTC-11", "Pacific/Pago_Pago"),
        ("E. South America Standard Time", "America/Sao_Paulo"),
        ("GMT Standard Time", "Europe/London"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("India Standard Time", "Asia/Kolkata"),
        ("New Zealand Standard Time", "Pacific/Auckland"),
        ("Tonga Standard Time", "Pacific/Tongatapu"),
        ("Line Islands Standard Time", "Pacific/Kiritimati"),
        ("Middle East Standard Time", "Asia/Beirut"),
    ],
    ids=lambda zone: zone[0],
)
@pytest.mark.parametrize("length", [1, 3])
def test_s06a_an_all_day_item_is_its_civil_days_wherever_it_was_made(zone: tuple[str, str], length: int) -> None:
    """For every day of a year, clock changes at midnight included: the flag set, the day right, the end exclusive."""
    windows, iana = zone
    for offset in range(365):
        first = date(2026, 1, 1) + timedelta(days=offset)
        after = first + timedelta(days=length)
        start, end = (
            datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(iana)).astimezone(UTC) for day in (first, after)
        )
        copy = copy_of(
            meeting(
                "i",
                f'<t:StartTimeZone Id="{windows}"/>',
                Start=f"{start:%Y-%m-%dT%H:%M:%SZ}",
                End=f"{end:%Y-%m-%dT%H:%M:%SZ}",
                IsAllDayEvent="true",
            )
        )
        assert (copy.start, copy.end, copy.all_day) == (first, after, True)


@pytest.mark.rule("MAP-2")
@pytest.mark.scenario("S06b")
def test_s06b_the_evening_before_in_utc_is_the_day_in_paris() -> None:
    times = {"Start": "2026-07-13T22:00:00Z", "End": "2026-07-14T22:00:00Z", "IsAllDayEvent": "true"}
    with_zone = copy_of(meeting("i", '<t:StartTimeZone Id="Romance Standard Time"/>', **times))
    without = copy_of(meeting("i", **times))
    local = {"Start": "2026-07-14T00:00:00+02:00", "End": "2026-07-15T00:00:00+02:00", "IsAllDayEvent": "true"}
    stated = copy_of(meeting("i", **local))
    days = (date(2026, 7, 14), date(2026, 7, 15))
    assert [(copy.start, copy.end) for copy in (with_zone, without, stated)] == [days] * 3


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize("offset", range(-10, 14))
def test_an_all_day_item_without_a_zone_is_the_day_whose_midnight_is_nearest(offset: int) -> None:
    midnight = datetime(2026, 12, 1, tzinfo=UTC) - timedelta(hours=offset)
    copy = copy_of(
        meeting(
            "i",
            Start=f"{midnight:%Y-%m-%dT%H:%M:%SZ}",
            End=f"{midnight + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
            IsAllDayEvent="true",
        )
    )
    assert (copy.start, copy.end) == (date(2026, 12, 1), date(2026, 12, 2))


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize("zone", ["GMT Standard Time", "W. Europe Standard Time", "FLE Standard Time"])
def test_an_all_day_item_that_names_a_neighbouring_zone_is_still_its_day(zone: str) -> None:
    """Made at midnight in Paris, under a zone an hour off on either side."""
    times = {"Start": "2026-11-30T23:00:00Z", "End": "2026-12-01T23:00:00Z", "IsAllDayEvent": "true"}
    copy = copy_of(meeting("i", f'<t:StartTimeZone Id="{zone}"/>', **times))
    assert (copy.start, copy.end) == (date(2026, 12, 1), date(2026, 12, 2))


def test_an_all_day_item_lasts_a_day_at_least() -> None:
    times = {"Start": "2026-12-01T00:00:00Z", "End": "2026-12-01T00:00:00Z", "IsAllDayEvent": "true"}
    assert copy_of(meeting("i", **times)).end == date(2026, 12, 2)


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize(
    "text",
    ["2026-12-01T09:00:00Z", "2026-12-01T09:00:00.1234567Z", "2026-12-01T10:00:00+01:00", "2026-12-01T09:00:00"],
)
def test_an_instant_is_itself_in_every_spelling(text: str) -> None:
    """Fractions are cut; an offset is honoured; a time without one is UTC, never the machine's zone."""
    assert copy_of(meeting("i", Start=text)).start == datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.mark.scenario("S25a")
@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"Start": None}, times.NO_START),
        ({"Start": ""}, times.NO_START),
        ({"End": None}, times.NO_END),
        ({"Start": "2026-12-01T11:00:00Z"}, times.END_BEFORE_START),
        ({"Start": "1601-01-01T00:00:00Z"}, times.YEAR_OUT_OF_RANGE),
        ({"End": "4501-01-01T00:00:00Z"}, times.YEAR_OUT_OF_RANGE),
        ({"Start": "9999-12-31T23:59:59-14:00"}, times.YEAR_OUT_OF_RANGE),
        ({"Start": "0001-01-01T00:00:00+14:00"}, times.YEAR_OUT_OF_RANGE),
        ({"Start": "soon"}, times.TIME_NOT_UNDERSTOOD),
        ({"Start": "2026-13-01T00:00:00Z"}, times.TIME_NOT_UNDERSTOOD),
        ({"Body": "x" * (decoder.LONGEST_BODY + 1)}, decoder.BODY_TOO_LARGE),
        ({"CalendarItemType": "Hologram"}, decoder.SHAPE_UNKNOWN),
    ],
)
def test_s25a_what_cannot_be_a_meeting_is_unreadable_with_its_rule(fields: dict[str, str | None], rule: str) -> None:
    assert rule_of(meeting("i", **fields)) == rule


def test_a_meeting_of_no_length_is_a_meeting() -> None:
    copy = copy_of(meeting("i", End="2026-12-01T09:00:00Z"))
    assert copy.start == copy.end


def test_odd_secondary_times_are_not_known() -> None:
    copy = copy_of(meeting("i", AppointmentReplyTime="1601-01-01T00:00:00Z", LastModifiedTime="yesterday"))
    assert (copy.replied_at, copy.modified_at) == (None, None)


# People


@pytest.mark.rule("PART-4")
@pytest.mark.scenario("S09a")
def test_s09a_every_attendee_keeps_his_own_response_in_any_order() -> None:
    """An X500 name and a blank address among three good ones shift nobody's answer."""
    people = [
        attendee("A", "a@bank.example", "Accept"),
        attendee("X", "/o=bank/cn=x", "Unknown", routing="EX"),
        attendee("B", "b@bank.example", "Decline"),
        attendee("Blank", "", "NoResponseReceived"),
        attendee("C", "c@bank.example", "Tentative"),
    ]
    expected = {
        ("A", "a@bank.example", "SMTP", Response.ACCEPTED),
        ("X", "/o=bank/cn=x", "EX", Response.UNKNOWN),
        ("B", "b@bank.example", "SMTP", Response.DECLINED),
        ("Blank", "", "SMTP", Response.NONE),
        ("C", "c@bank.example", "SMTP", Response.TENTATIVE),
    }
    for order in itertools.permutations(people):
        copy = copy_of(meeting("i", invited(*order)))
        assert {(one.name, one.address, one.routing_type, one.response) for one in copy.attendees} == expected


@pytest.mark.rule("PART-7")
@pytest.mark.scenario("S18e")
@pytest.mark.parametrize(("ews", "response"), people.RESPONSE_TYPES.items())
def test_s18e_responses_map_one_to_one(ews: str, response: Response) -> None:
    copy = copy_of(meeting("i", invited(attendee("A", "a@x", ews)), MyResponseType=ews))
    assert (copy.attendees[0].response, copy.my_response) == (response, response)
    assert [key for key, value in people.RESPONSE_TYPES.items() if value is response] == [ews]


def test_a_response_nobody_knows_is_unknown() -> None:
    copy = copy_of(meeting("i", invited(attendee("A", "a@x", "Maybe")), MyResponseType="Perhaps"))
    assert (copy.attendees[0].response, copy.my_response) == (Response.UNKNOWN, Response.UNKNOWN)


@pytest.mark.rule("PART-5")
def test_resources_and_lists_are_told_apart_from_people() -> None:
    copy = copy_of(
        meeting(
            "i",
            invited(attendee("All", "all@x", mailbox_type="PublicDL")),
            invited(attendee("Room", "room@x"), role="Resources"),
        )
    )
    assert [(one.role, one.mailbox_type) for one in copy.attendees] == [
        (Role.REQUIRED, "PublicDL"),
        (Role.RESOURCE, "Mailbox"),
    ]


def test_the_organizer_is_not_among_the_attendees() -> None:
    """Attendees' copies list him as required."""
    copy = copy_of(
        meeting("i", organizer("Anna", "anna@x"), invited(attendee("Anna", "ANNA@x "), attendee("Bob", "b@x")))
    )
    assert [one.name for one in copy.attendees] == ["Bob"]


def test_nobody_is_listed_twice_in_a_role_and_an_answer_beats_none() -> None:
    twice = invited(attendee("Bob", "bob@x", "Unknown"), attendee("Bob", "BOB@x", "Accept"), attendee("Bob", "bob@x"))
    copy = copy_of(meeting("i", twice, invited(attendee("Bob", "bob@x"), role="OptionalAttendees")))
    assert [(one.role, one.response) for one in copy.attendees] == [
        (Role.REQUIRED, Response.ACCEPTED),
        (Role.OPTIONAL, Response.UNKNOWN),
    ]


@pytest.mark.scenario("S13e")
@pytest.mark.parametrize(
    "element", ["", "<t:Organizer/>", organizer("", ""), organizer(" ", " "), "<t:Organizer><t:Mailbox/></t:Organizer>"]
)
def test_s13e_an_absent_or_blank_organizer_is_none(element: str) -> None:
    assert copy_of(meeting("i", element)).organizer is None


def test_two_hundred_attendees_are_read() -> None:
    crowd = invited(*(attendee(f"P{i}", f"p{i}@x") for i in range(200)))
    assert len(copy_of(meeting("i", crowd)).attendees) == 200


def test_an_attendee_without_a_mailbox_is_no_failure() -> None:
    copy = copy_of(meeting("i", invited("<t:Attendee/>", attendee("B", "b@x"))))
    assert [one.address for one in copy.attendees] == ["", "b@x"]


# Identity


@pytest.mark.rule("ID-1")
@pytest.mark.scenario("S21b")
@pytest.mark.parametrize("item_id", ["AAMkAD-_=", "aamkad-_=", "AAMkAD/+=", " AgENAAAA", "AAMk&amp;<>\"'"])
def test_s21b_ids_are_kept_byte_for_byte(item_id: str) -> None:
    assert copy_of(meeting(item_id)).item_id == item_id


@pytest.mark.rule("ID-1")
@pytest.mark.parametrize("spelling", ["35", "0x23"])
def test_the_clean_global_object_id_wins_over_the_uid(spelling: str) -> None:
    value = b64encode(uids.to_bytes("google@x")).decode()
    for name in ('DistinguishedPropertySetId="Meeting"', f'PropertySetId="{{{properties.MEETING_SET.upper()}}}"'):
        element = extended(f'{name} PropertyId="{spelling}" PropertyType="Binary"', value)
        assert copy_of(meeting("i", element, UID="other@x")).uid == "google@x"


@pytest.mark.rule("ID-1")
@pytest.mark.parametrize("value", ["no base64!", "", "===="])
def test_a_broken_property_leaves_the_uid(value: str) -> None:
    element = extended('DistinguishedPropertySetId="Meeting" PropertyId="35" PropertyType="Binary"', value)
    assert copy_of(meeting("i", element, UID=GLOBAL_ID.lower())).uid == GLOBAL_ID


@pytest.mark.rule("ID-5")
@pytest.mark.parametrize(
    ("attributes", "marker"),
    [
        (f'PropertySetId="{properties.MARKER_SET}" PropertyName="exsyncd-crm-id" PropertyType="String"', "si-1"),
        (
            f'PropertySetId="{properties.MARKER_SET.upper()}" PropertyName="exsyncd-crm-id" PropertyType="String"',
            "si-1",
        ),
        (f'PropertySetId="{properties.MARKER_SET}" PropertyName="exsyncd-other" PropertyType="String"', None),
        ('DistinguishedPropertySetId="PublicStrings" PropertyName="exsyncd-crm-id" PropertyType="String"', None),
    ],
)
def test_only_our_own_property_is_the_marker(attributes: str, marker: str | None) -> None:
    assert copy_of(meeting("i", extended(attributes, "si-1"))).marker == marker


# What else an item says


@pytest.mark.rule("PRIV-1")
@pytest.mark.parametrize("word", ["Normal", "Personal", "Private", "Confidential", "TopSecret"])
def test_sensitivity_is_kept_as_the_server_says_it(word: str) -> None:
    assert copy_of(meeting("i", Sensitivity=word)).sensitivity == word


@pytest.mark.rule("ALM-1")
@pytest.mark.parametrize(
    ("is_set", "minutes", "reminder"),
    [
        ("true", "15", 15),
        ("1", "0", 0),
        ("false", "15", None),
        ("true", None, None),
        ("true", "-1", None),
        ("true", "many", None),
        ("true", str(0x5AE980E1), 15),
        (None, "15", None),
    ],
)
def test_no_reminder_one_at_the_start_and_one_before_are_different(
    is_set: str | None, minutes: str | None, reminder: int | None
) -> None:
    copy = copy_of(meeting("i", ReminderIsSet=is_set, ReminderMinutesBeforeStart=minutes))
    assert copy.reminder == reminder


@pytest.mark.parametrize(
    ("fields", "is_meeting", "is_cancelled"),
    [
        ({"IsMeeting": "false", "AppointmentState": "0"}, False, False),
        ({"IsMeeting": "true", "AppointmentState": "1"}, True, False),
        ({"AppointmentState": "3"}, True, False),
        ({"AppointmentState": "5"}, True, True),
        ({"AppointmentState": "7"}, True, True),
        ({"IsMeeting": "1", "IsCancelled": "1"}, True, True),
        ({}, False, False),
        ({"AppointmentState": "strange"}, False, False),
    ],
)
def test_meeting_and_cancelled_are_read_from_flags_or_state(
    fields: dict[str, str], is_meeting: bool, is_cancelled: bool
) -> None:
    copy = copy_of(meeting("i", **fields))
    assert (copy.is_meeting, copy.is_cancelled) == (is_meeting, is_cancelled)


@pytest.mark.rule("MAP-3")
@pytest.mark.parametrize("text", ["One&#13;\nTwo \n", "  One\n\n  Two   three", "&lt;div&gt;" * 50_000])
@pytest.mark.parametrize("kind", ["Text", "HTML"])
def test_a_body_is_read_as_it_is_kept(kind: str, text: str) -> None:
    """What is not rewritten must keep its bytes."""
    copy = copy_of(meeting("i", f'<t:Body BodyType="{kind}">{text}</t:Body>'))
    assert (copy.body, copy.html) == (unescape(text, {"&#13;": "\r"}), kind == "HTML")


@pytest.mark.scenario("S25a")
@pytest.mark.parametrize(
    "markup",
    [
        "x" * (decoder.LONGEST_BODY + 1),
        f"&lt;p title='{'x' * decoder.LONGEST_MARKUP}'>",
        "&lt;p>" * (decoder.MOST_TAGS + 1),
    ],
    ids=["more words than travel", "nothing but markup", "nothing but tags"],
)
def test_s25a_an_html_body_that_is_too_large_is_unreadable(markup: str) -> None:
    assert rule_of(meeting("i", f'<t:Body BodyType="HTML">{markup}</t:Body>')) == decoder.BODY_TOO_LARGE


@pytest.mark.scenario("S25a")
def test_s25a_much_markup_around_few_words_is_read() -> None:
    """What Word writes around a line of text is no reason to put a meeting aside."""
    markup = "&lt;span style='mso-fareast-language:EN-US'>" * 30_000
    assert len(markup) > decoder.LONGEST_BODY
    assert copy_of(meeting("i", f'<t:Body BodyType="HTML">{markup}words</t:Body>')).body.endswith(">words")


def test_the_folder_is_told_by_the_parents_id() -> None:
    raw = canned.answer(
        "GetItem",
        canned.items(meeting("a")),
        canned.items(meeting("b").replace(canned.CALENDAR_ID, canned.DELETED_ID)),
        canned.items(meeting("c").replace(canned.CALENDAR_ID, "folder-else")),
    )
    assert [copy.folder for copy in read(raw)] == [Folder.CALENDAR, Folder.DELETED_ITEMS, Folder.OTHER]


@pytest.mark.parametrize(
    ("tag", "kind"),
    [("Task", Kind.TASK), ("Message", Kind.OTHER), ("MeetingRequest", Kind.OTHER), ("Item", Kind.OTHER)],
)
def test_items_of_other_kinds_need_no_start(tag: str, kind: Kind) -> None:
    copy = copy_of(meeting("i", Start=None, End=None).replace("CalendarItem", tag))
    assert (copy.kind, copy.item_id, copy.subject, copy.uid) == (kind, "i", "Review", None)


@pytest.mark.rule("MAP-4")
def test_an_answer_that_was_asked_for_ids_alone_has_no_times() -> None:
    copy = copy_of(meeting("i", Start=None, End=None), whole=False)
    assert (copy.item_id, copy.start, copy.end) == ("i", None, None)
