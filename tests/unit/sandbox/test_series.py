"""Recurring calendar items of the sandbox Exchange: a master, its occurrences, and what was done to single ones."""

from __future__ import annotations

import pytest

from tests.unit.sandbox.bank import (
    Bank,
    Client,
    T,
    calendar_item,
    id_of,
    master_of,
    occurrence_of,
    recurring,
    set_field,
    value,
    values,
    weekly,
)

BERLIN = '<t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/>'
DAILY = "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>"
SET = "6ed8da90-450b-101b-98da-00aa003f1399"
WINTER = '<m:CalendarView StartDate="2026-12-01T00:00:00Z" EndDate="2027-03-01T00:00:00Z"/>'


def series(client: Client, *content: str, **times: str) -> str:
    """A new series, weekly if nothing else is said; its master's id."""
    pattern = "" if any("<t:Recurrence>" in each for each in content) else weekly()
    return id_of(client.create(calendar_item(*content, pattern, **times)).item)


def starts(client: Client, view: str = WINTER) -> list[str]:
    """When what a view of the calendar shows begins."""
    return [value(each, "Start") or "" for each in client.find("calendar", view=view).items]


def fresh(client: Client) -> str:
    """The id of the calendar's only item, with its latest change key."""
    return id_of(client.only_in("calendar"))


def test_a_master_holds_pattern_and_range_as_they_were_given(bank: Bank):
    """The days with the offset of the series' zone behind them."""
    anna = bank.client("anna")
    master = anna.get(series(anna, BERLIN)).item
    assert (value(master, "CalendarItemType"), value(master, "IsRecurring")) == ("RecurringMaster", "true")
    pattern, extent = master.find(f"{T}Recurrence")
    assert [(each.tag.removeprefix(T), each.text) for each in pattern] == [
        ("Interval", "1"),
        ("DaysOfWeek", "Tuesday"),
        ("FirstDayOfWeek", "Monday"),
    ]
    assert [(each.tag.removeprefix(T), each.text) for each in extent] == [
        ("StartDate", "2026-12-01+01:00"),
        ("NumberOfOccurrences", "10"),
    ]


def test_a_master_names_its_ends(bank: Bank):
    """By the ids of the occurrences."""
    anna = bank.client("anna")
    item_id = series(anna)
    master = anna.get(item_id).item
    for name, index, start in (
        ("FirstOccurrence", 1, "2026-12-01T09:00:00Z"),
        ("LastOccurrence", 10, "2027-02-02T09:00:00Z"),
    ):
        info = master.find(f"{T}{name}")
        assert [value(info, each) for each in ("Start", "OriginalStart")] == [start, start]
        assert id_of(info) == id_of(anna.get(occurrence_of(item_id, index)).item)


def test_an_endless_series_has_no_last_occurrence(bank: Bank):
    """And is read like any other."""
    anna = bank.client("anna")
    item_id = series(anna, recurring(DAILY))
    assert anna.get(item_id).item.find(f"{T}LastOccurrence") is None
    assert value(anna.get(occurrence_of(item_id, 400)).item, "Start") == "2028-01-04T09:00:00Z"


def test_a_view_shows_occurrences_and_a_list_shows_masters(bank: Bank):
    """Each occurrence with an id of its own and the series' UID."""
    anna = bank.client("anna")
    master = anna.get(series(anna)).item
    shown = anna.find("calendar", view=WINTER).items
    assert [value(each, "Start")[:10] for each in shown][:3] == ["2026-12-01", "2026-12-08", "2026-12-15"]
    assert {value(each, "CalendarItemType") for each in shown} == {"Occurrence"}
    assert {value(each, "UID") for each in shown} == {value(master, "UID")}
    assert len({id_of(each) for each in shown}) == 10
    assert [value(each, "CalendarItemType") for each in anna.find("calendar").items] == ["RecurringMaster"]


def test_an_occurrence_says_where_it_belongs(bank: Bank):
    """Its original start, twice, and its master by RecurringMasterItemId."""
    anna = bank.client("anna")
    item_id = series(anna)
    third = anna.get(occurrence_of(item_id, 3)).item
    assert {value(third, each) for each in ("Start", "OriginalStart", "RecurrenceId")} == {"2026-12-15T09:00:00Z"}
    assert value(third, "IsRecurring") == "true"
    assert third.find(f"{T}Recurrence") is None
    assert id_of(anna.get(master_of(id_of(third))).item) == item_id
    assert value(anna.get(id_of(third)).item, "Start") == "2026-12-15T09:00:00Z"


@pytest.mark.parametrize(
    ("index", "code"),
    [
        (0, "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"),
        (11, "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"),
        (4, "ErrorCalendarOccurrenceIsDeletedFromRecurrence"),
        (5, "NoError"),
    ],
)
def test_an_index_counts_deleted_occurrences_too(bank: Bank, index: int, code: str):
    """From one."""
    anna = bank.client("anna")
    item_id = series(anna)
    assert anna.delete(occurrence_of(item_id, 4)).code == "NoError"
    assert anna.get(occurrence_of(item_id, index)).code == code


def test_the_clock_on_the_wall_stays_over_a_change_of_the_hour(bank: Bank):
    """And with it the length by the clock."""
    anna = bank.client("anna")
    start, end = "2026-10-20T08:00:00Z", "2026-10-20T09:00:00Z"
    series(anna, BERLIN, weekly(start="2026-10-20", count=3), start=start, end=end)
    autumn = '<m:CalendarView StartDate="2026-10-01T00:00:00Z" EndDate="2026-12-01T00:00:00Z"/>'
    assert starts(anna, autumn) == ["2026-10-20T08:00:00Z", "2026-10-27T09:00:00Z", "2026-11-03T09:00:00Z"]


def test_all_day_series_are_days_of_their_zone(bank: Bank):
    """Also where midnight is another instant in summer."""
    anna = bank.client("anna")
    start, end = "2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z"
    all_day = "<t:IsAllDayEvent>true</t:IsAllDayEvent>"
    series(anna, BERLIN, all_day, recurring(DAILY, start="2026-10-24", count=3), start=start, end=end)
    shown = anna.find("calendar", view=WINTER.replace("2026-12-01", "2026-10-01")).items
    assert [(value(each, "Start"), value(each, "End")) for each in shown] == [
        ("2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z"),
        ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z"),
    ]


def test_a_series_starts_where_its_range_does(bank: Bank):
    """`Start` gives the time of the day."""
    anna = bank.client("anna")
    master = anna.get(series(anna, weekly("Friday", start="2026-12-03", count=2))).item
    assert value(master, "Start") == "2026-12-04T09:00:00Z"
    assert starts(anna) == ["2026-12-04T09:00:00Z", "2026-12-11T09:00:00Z"]


def test_an_occurrence_ends_before_the_next_begins(bank: Bank):
    """Or there is no series."""
    anna = bank.client("anna")
    reply = anna.create(calendar_item(recurring(DAILY), end="2026-12-02T10:00:00Z"))
    assert reply.code == "ErrorOccurrenceTimeSpanTooBig"
    assert anna.find("calendar").items == []


# Exceptions


def test_an_edited_occurrence_is_an_exception(bank: Bank):
    """The others stay, and what it does not have of its own it has of the series."""
    anna = bank.client("anna")
    item_id = series(anna, "<t:Location>Room 1</t:Location>")
    fourth = occurrence_of(item_id, 4)
    assert anna.update(fourth, set_field("item:Subject", "<t:Subject>Retro</t:Subject>")).code == "NoError"
    assert anna.update(item_id, set_field("calendar:Location", "<t:Location>Room 2</t:Location>")).code == "NoError"
    shown = anna.find("calendar", view=WINTER).items
    assert [value(each, "Subject") for each in shown] == ["Review"] * 3 + ["Retro"] + ["Review"] * 6
    assert {value(each, "Location") for each in shown} == {"Room 2"}
    assert [value(each, "CalendarItemType") for each in shown].index("Exception") == 3
    info = anna.only_in("calendar").find(f"{T}ModifiedOccurrences/{T}Occurrence")
    assert id_of(info) == id_of(shown[3])


def test_a_change_of_the_series_leaves_what_was_customized(bank: Bank):
    """Of that occurrence."""
    anna = bank.client("anna")
    item_id = series(anna)
    anna.update(occurrence_of(item_id, 4), set_field("item:Subject", "<t:Subject>Retro</t:Subject>"))
    anna.update(item_id, set_field("item:Subject", "<t:Subject>Weekly</t:Subject>"))
    subjects = values(anna.find("calendar", view=WINTER).body.find(f".//{T}Items"), "CalendarItem/Subject")
    assert subjects == ["Weekly"] * 3 + ["Retro"] + ["Weekly"] * 6


def test_an_occurrence_is_changed_as_an_update_of_its_master(bank: Bank):
    """Under a new change key; occurrences are in no list of changes."""
    anna = bank.client("anna")
    item_id = series(anna)
    state = anna.sync("calendar").body.findtext(".//{*}SyncState")
    anna.update(occurrence_of(item_id, 2), set_field("item:Subject", "<t:Subject>Retro</t:Subject>"))
    anna.delete(occurrence_of(item_id, 3))
    changes = anna.sync("calendar", state).body.find(".//{*}Changes")
    assert [each.tag for each in changes] == [f"{T}Update"]
    assert id_of(changes[0][0]) == fresh(anna) != item_id
    assert {change.item_id for change in bank.changes} == {changes[0][0][0].get("Id")}


MOVE = "<t:Start>2026-12-{0:02}T{1:02}:00:00Z</t:Start>", "<t:End>2026-12-{0:02}T{2:02}:00:00Z</t:End>"


def moved(day: int, hour: int = 14, until: int = 15) -> tuple[str, str]:
    start, end = (each.format(day, hour, until) for each in MOVE)
    return set_field("calendar:Start", start), set_field("calendar:End", end)


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (8, "ErrorOccurrenceCrossingBoundary"),
        (9, "NoError"),
        (15, "NoError"),
        (21, "NoError"),
        (22, "ErrorOccurrenceCrossingBoundary"),
        (24, "ErrorOccurrenceCrossingBoundary"),
    ],
)
def test_an_occurrence_stays_between_its_neighbours(bank: Bank, day: int, code: str):
    """It shares no day with them either."""
    anna = bank.client("anna")
    item_id = series(anna)
    assert anna.update(occurrence_of(item_id, 3), *moved(day)).code == code
    found = anna.get(occurrence_of(fresh(anna), 3)).item
    assert value(found, "Start") == (f"2026-12-{day:02}T14:00:00Z" if code == "NoError" else "2026-12-15T09:00:00Z")
    assert value(found, "OriginalStart") == "2026-12-15T09:00:00Z"


def test_a_deleted_neighbour_leaves_its_day(bank: Bank):
    """For the one before it."""
    anna = bank.client("anna")
    item_id = series(anna)
    anna.delete(occurrence_of(item_id, 4))
    assert anna.update(occurrence_of(item_id, 3), *moved(22)).code == "NoError"
    assert starts(anna)[:4] == [
        "2026-12-01T09:00:00Z",
        "2026-12-08T09:00:00Z",
        "2026-12-22T14:00:00Z",
        "2026-12-29T09:00:00Z",
    ]


def test_a_deleted_occurrence_is_gone_and_named(bank: Bank):
    """By its original start; its id leads nowhere."""
    anna = bank.client("anna")
    item_id = series(anna)
    second = id_of(anna.get(occurrence_of(item_id, 2)).item)
    assert anna.delete(second, how="MoveToDeletedItems").code == "NoError"
    assert anna.get(second).code == "ErrorItemNotFound"
    master = anna.only_in("calendar")
    assert values(master, "DeletedOccurrences/DeletedOccurrence/Start") == ["2026-12-08T09:00:00Z"]
    assert "2026-12-08T09:00:00Z" not in starts(anna)
    assert anna.find("deleteditems").items == []


def test_the_last_deleted_occurrence_takes_the_series_along(bank: Bank):
    """There is no series without any."""
    anna = bank.client("anna")
    item_id = series(anna, weekly(start="2026-12-01", count=2))
    assert anna.delete(occurrence_of(item_id, 1)).code == "NoError"
    assert anna.delete(occurrence_of(item_id, 2)).code == "NoError"
    assert anna.find("calendar").items == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(moved(1), id="other hours"),
        pytest.param((set_field("calendar:Recurrence", weekly("Friday")),), id="another day of the week"),
        pytest.param((set_field("calendar:Recurrence", weekly(start="2026-12-08", count=9)),), id="another first day"),
    ],
)
def test_another_pattern_or_other_hours_drop_what_was_customized_and_deleted(bank: Bank, change: tuple[str, ...]):
    """All occurrences match the series again."""
    anna = bank.client("anna")
    item_id = series(anna)
    anna.update(occurrence_of(item_id, 4), set_field("item:Subject", "<t:Subject>Retro</t:Subject>"))
    anna.delete(occurrence_of(item_id, 6))
    assert anna.update(item_id, *change).code == "NoError"
    master = anna.only_in("calendar")
    assert master.find(f"{T}ModifiedOccurrences") is None
    assert master.find(f"{T}DeletedOccurrences") is None
    assert len(starts(anna)) in (9, 10)


def test_a_series_that_goes_on_longer_leaves_out_what_was_deleted(bank: Bank):
    """And keeps what was customized."""
    anna = bank.client("anna")
    item_id = series(anna)
    anna.update(occurrence_of(item_id, 4), set_field("item:Subject", "<t:Subject>Retro</t:Subject>"))
    anna.delete(occurrence_of(item_id, 6))
    anna.update(item_id, set_field("calendar:Recurrence", weekly(count=12)))
    assert len(starts(anna)) == 11
    master = anna.only_in("calendar")
    assert values(master, "ModifiedOccurrences/Occurrence/OriginalStart") == ["2026-12-22T09:00:00Z"]
    assert values(master, "DeletedOccurrences/DeletedOccurrence/Start") == ["2027-01-05T09:00:00Z"]


def test_a_series_without_its_pattern_is_single_again(bank: Bank):
    """And a single item with one is a series."""
    anna = bank.client("anna")
    item_id = series(anna)
    assert anna.update(item_id, '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Recurrence"/></t:DeleteItemField>')
    single = anna.only_in("calendar")
    assert (value(single, "CalendarItemType"), value(single, "IsRecurring")) == ("Single", "false")
    assert starts(anna) == ["2026-12-01T09:00:00Z"]
    anna.update(id_of(single), set_field("calendar:Recurrence", weekly()))
    assert len(starts(anna)) == 10


@pytest.mark.parametrize(
    ("uri", "markup"),
    [
        ("calendar:Recurrence", weekly()),
        ("calendar:UID", "<t:UID>another</t:UID>"),
        ("calendar:OriginalStart", "<t:OriginalStart>2026-12-01T09:00:00Z</t:OriginalStart>"),
    ],
)
def test_what_only_the_series_has_is_refused_for_an_occurrence(bank: Bank, uri: str, markup: str):
    """It stays an occurrence."""
    anna = bank.client("anna")
    item_id = series(anna)
    assert anna.update(occurrence_of(item_id, 2), set_field(uri, markup)).code == "ErrorInvalidPropertySet"
    assert value(anna.get(occurrence_of(item_id, 2)).item, "CalendarItemType") == "Occurrence"


def test_an_occurrence_is_neither_moved_nor_copied(bank: Bank):
    """But its series is, by way of it."""
    anna = bank.client("anna")
    item_id = series(anna)
    second = id_of(anna.get(occurrence_of(item_id, 2)).item)

    def transfer(operation: str, what: str) -> str:
        target = '<m:ToFolderId><t:DistinguishedFolderId Id="deleteditems"/></m:ToFolderId>'
        return anna.call(f"<m:{operation}>{target}<m:ItemIds>{what}</m:ItemIds></m:{operation}>").code

    assert transfer("MoveItem", second) == "ErrorCalendarCannotMoveOrCopyOccurrence"
    assert transfer("CopyItem", second) == "ErrorCalendarCannotMoveOrCopyOccurrence"
    assert transfer("MoveItem", master_of(second)) == "NoError"
    assert anna.find("calendar").items == []


def test_a_series_stands_in_the_way_of_others_on_its_days(bank: Bank):
    """By its occurrences, where they are."""
    anna = bank.client("anna")
    item_id = series(anna)
    anna.update(occurrence_of(item_id, 3), *moved(16, 9, 10))
    for day, count in ((8, "1"), (15, "0"), (16, "1"), (9, "0")):
        times = {"start": f"2026-12-{day:02}T09:30:00Z", "end": f"2026-12-{day:02}T09:45:00Z"}
        single = anna.create(calendar_item(**times)).item
        assert value(anna.get(id_of(single)).item, "ConflictingMeetingCount") == count, day
        anna.delete(id_of(single))


# What a client has to put up with


def test_a_change_of_another_occurrence_makes_a_change_key_stale(bank: Bank):
    """An occurrence has its series' key."""
    anna = bank.client("anna")
    item_id = series(anna)
    second, third = (id_of(anna.get(occurrence_of(item_id, index)).item) for index in (2, 3))
    subject = set_field("item:Subject", "<t:Subject>Retro</t:Subject>")
    assert anna.update(second, subject, conflicts="NeverOverwrite").code == "NoError"
    assert anna.update(third, subject, conflicts="NeverOverwrite").code == "ErrorIrresolvableConflict"
    assert anna.update(third, subject, conflicts="AutoResolve").code == "NoError"


def test_an_occurrence_that_cannot_be_read_is_listed_all_the_same(bank: Bank):
    """And keeps nobody from reading the others."""
    anna = bank.client("anna")
    item_id = series(anna)
    for index in (2, 3):
        anna.update(occurrence_of(item_id, index), set_field("item:Subject", "<t:Subject>Retro</t:Subject>"))
    second, third = (id_of(anna.get(occurrence_of(item_id, index)).item) for index in (2, 3))
    bank.fault("unreadable_item", item=second.split('"')[1], code="ErrorItemCorrupt", times=None)
    assert anna.get(second + third).codes == ["ErrorItemCorrupt", "NoError"]
    listed = anna.only_in("calendar").findall(f"{T}ModifiedOccurrences/{T}Occurrence")
    assert [id_of(each).split('"')[1] for each in listed] == [each.split('"')[1] for each in (second, third)]


def test_an_occurrence_has_the_series_markers_and_may_have_its_own(bank: Bank):
    """What the series gets later reaches what is not customized."""
    anna = bank.client("anna")

    def marker(name: str, text: str) -> tuple[str, str]:
        path = f'<t:ExtendedFieldURI PropertySetId="{SET}" PropertyName="{name}" PropertyType="String"/>'
        held = f"<t:ExtendedProperty>{path}<t:Value>{text}</t:Value></t:ExtendedProperty>"
        return path, f"<t:SetItemField>{path}<t:CalendarItem>{held}</t:CalendarItem></t:SetItemField>"

    item_id = series(anna)
    (one, first_text), (two, second_text) = marker("one", "series"), marker("two", "series")
    anna.update(item_id, first_text)
    anna.update(occurrence_of(item_id, 2), marker("one", "own")[1])
    anna.update(item_id, second_text)
    read = [anna.get(occurrence_of(item_id, index), extended=one + two).item for index in (1, 2)]
    assert [values(each, "ExtendedProperty/Value") for each in read] == [["series", "series"], ["own", "series"]]
    anna.update(occurrence_of(item_id, 2), f"<t:DeleteItemField>{two}</t:DeleteItemField>")
    assert values(anna.get(occurrence_of(item_id, 2), extended=one + two).item, "ExtendedProperty/Value") == ["own"]


def test_a_view_spans_two_years_at_most(bank: Bank):
    """An endless series has no end to show."""
    anna = bank.client("anna")
    series(anna, recurring(DAILY))
    assert len(anna.find("calendar", view=WINTER.replace("2027-03-01", "2028-12-01")).items) == 731
    too_long = anna.find("calendar", view=WINTER.replace("2027-03-01", "2029-12-01"))
    assert too_long.code == "ErrorCalendarViewRangeTooBig"
