"""Recurring calendar items, their occurrences, and meeting messages about them (MS-OXWSMTGS)."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.requirements.ids import cdata, mtgs
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

RETRO = set_field("item:Subject", "<t:Subject>Retro</t:Subject>")
MOVED = (
    set_field("calendar:Start", "<t:Start>2026-12-09T14:00:00Z</t:Start>"),
    set_field("calendar:End", "<t:End>2026-12-09T15:00:00Z</t:End>"),
)


def pattern(name: str, **terms: object) -> str:
    inner = "".join(f"<t:{term}>{given}</t:{term}>" for term, given in terms.items())
    return f"<t:{name}Recurrence>{inner}</t:{name}Recurrence>"


PATTERNS = {
    "daily": pattern("Daily", Interval=3),
    "weekly": pattern("Weekly", Interval=2, DaysOfWeek="Tuesday Friday", FirstDayOfWeek="Monday"),
    "absolute monthly": pattern("AbsoluteMonthly", Interval=1, DayOfMonth=31),
    "relative monthly": pattern("RelativeMonthly", Interval=2, DaysOfWeek="Weekday", DayOfWeekIndex="Last"),
    "absolute yearly": pattern("AbsoluteYearly", DayOfMonth=24, Month="December"),
    "relative yearly": pattern("RelativeYearly", DaysOfWeek="Thursday", DayOfWeekIndex="Fourth", Month="November"),
}
RANGES = {
    "endless": recurring("{}"),
    "until a day": recurring("{}", until="2036-12-31"),
    "numbered": recurring("{}", count=5),
}


def content(recurrence: etree._Element) -> list[list[tuple[str, str]]]:
    """Pattern and range as names and texts; days without the offset behind them."""
    return [
        [(part.tag, ""), *((each.tag, (each.text or "")[: 10 if "Date" in each.tag else None]) for each in part)]
        for part in recurrence
    ]


def series(client: Client, *more: str, recurrence: str = "") -> str:
    return id_of(client.create(calendar_item(*more, recurrence or weekly())).item)


@pytest.mark.parametrize("extent", [pytest.param(text, id=name) for name, text in RANGES.items()])
@pytest.mark.parametrize(
    "terms",
    [
        PATTERNS["daily"],
        PATTERNS["weekly"],
        pytest.param(PATTERNS["absolute monthly"], marks=cdata(997)),
        PATTERNS["relative monthly"],
        pytest.param(PATTERNS["absolute yearly"], marks=cdata(1001, 1003)),
        pytest.param(PATTERNS["relative yearly"], marks=cdata(1261, 1263, 1265)),
    ],
    ids=list(PATTERNS),
)
@mtgs(390, 391, 903)
def test_pattern_and_range(bank: Bank, terms: str, extent: str):
    """Come back as they were given, every element that must be there included."""
    given = extent.format(terms)
    anna = bank.client("anna")
    read = anna.get(series(anna, recurrence=given)).item.find(f"{T}Recurrence")
    sent = etree.fromstring(f'<x xmlns:t="{T[1:-1]}">{given}</x>')[0]
    assert content(read) == content(sent)


@mtgs(12052)
def test_a_weekly_pattern_names_days(bank: Bank):
    """A group of days is none."""
    reply = bank.client("anna").create(calendar_item(weekly("Weekday")))
    assert reply.code == "ErrorCalendarInvalidDayForWeeklyRecurrence"


@mtgs(54, 55, 56, 161, 175, 732)
def test_what_kind_of_item_it_is(bank: Bank):
    """Master, occurrence or exception; the latter two say where the pattern has them."""
    anna = bank.client("anna")
    item_id = series(anna)
    anna.update(occurrence_of(item_id, 2), *MOVED)
    names = ("CalendarItemType", "IsRecurring", "OriginalStart", "Start")
    found = [anna.get(each).item for each in (item_id, occurrence_of(item_id, 1), occurrence_of(item_id, 2))]
    assert [tuple(value(each, name) for name in names) for each in found] == [
        ("RecurringMaster", "true", None, "2026-12-01T09:00:00Z"),
        ("Occurrence", "true", "2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
        ("Exception", "true", "2026-12-08T09:00:00Z", "2026-12-09T14:00:00Z"),
    ]


@mtgs(213, 215, 217, 219, 373, 377, 381, 383, 385, 387)
def test_what_a_master_says_of_its_occurrences(bank: Bank):
    """The first, the last, the modified with id and times, the deleted."""
    anna = bank.client("anna")
    item_id = series(anna, recurrence=weekly(count=4))
    anna.update(occurrence_of(item_id, 2), *MOVED)
    anna.delete(occurrence_of(item_id, 3))
    master = anna.get(item_id).item
    second = anna.get(occurrence_of(item_id, 2)).item
    assert value(master, "FirstOccurrence/Start") == "2026-12-01T09:00:00Z"
    assert value(master, "LastOccurrence/Start") == "2026-12-22T09:00:00Z"
    (modified,) = master.findall(f"{T}ModifiedOccurrences/{T}Occurrence")
    assert id_of(modified) == id_of(second)
    assert [value(modified, name) for name in ("Start", "End", "OriginalStart")] == [
        "2026-12-09T14:00:00Z",
        "2026-12-09T15:00:00Z",
        "2026-12-08T09:00:00Z",
    ]
    assert values(master, "DeletedOccurrences/DeletedOccurrence/Start") == ["2026-12-15T09:00:00Z"]


# Ids


@mtgs(807)
def test_reading_by_way_of_the_other(bank: Bank):
    """An occurrence by its master and place, a master by one of its occurrences."""
    anna = bank.client("anna")
    item_id = series(anna)
    second = anna.get(occurrence_of(item_id, 2)).item
    assert value(second, "Start") == "2026-12-08T09:00:00Z"
    assert id_of(anna.get(master_of(id_of(second))).item) == item_id


@mtgs(651)
def test_updating_by_way_of_the_other(bank: Bank):
    """The one that is meant changes."""
    anna = bank.client("anna")
    item_id = series(anna)
    second = id_of(anna.update(occurrence_of(item_id, 2), RETRO).item)
    location = set_field("calendar:Location", "<t:Location>Room 4</t:Location>")
    assert anna.update(master_of(second), location).code == "NoError"
    found = [anna.get(each).item for each in (item_id, second)]
    assert [(value(each, "Subject"), value(each, "Location")) for each in found] == [
        ("Review", "Room 4"),
        ("Retro", "Room 4"),
    ]


@mtgs(620)
def test_deleting_by_way_of_the_other(bank: Bank):
    """One occurrence by its place, the whole series by an occurrence."""
    anna = bank.client("anna")
    item_id = series(anna)
    second = id_of(anna.get(occurrence_of(item_id, 2)).item)
    assert anna.delete(occurrence_of(item_id, 1)).code == "NoError"
    assert value(anna.only_in("calendar"), "DeletedOccurrences/DeletedOccurrence/Start") == "2026-12-01T09:00:00Z"
    assert anna.delete(master_of(second)).code == "NoError"
    assert anna.find("calendar").items == []


def transfer(client: Client, operation: str, item_id: str, folder: str) -> str:
    target = f'<m:ToFolderId><t:DistinguishedFolderId Id="{folder}"/></m:ToFolderId>'
    return client.call(f"<m:{operation}>{target}<m:ItemIds>{item_id}</m:ItemIds></m:{operation}>").code


@mtgs(806, 1193)
def test_copying_a_series(bank: Bank):
    """All of it by one of its occurrences, never one alone."""
    anna = bank.client("anna")
    second = id_of(anna.get(occurrence_of(series(anna), 2)).item)
    assert transfer(anna, "CopyItem", second, "calendar") == "ErrorCalendarCannotMoveOrCopyOccurrence"
    assert transfer(anna, "CopyItem", master_of(second), "calendar") == "NoError"
    assert [value(each, "CalendarItemType") for each in anna.all_in("calendar")] == ["RecurringMaster"] * 2


@mtgs(808, 1231)
def test_moving_a_series(bank: Bank):
    """All of it by one of its occurrences, never one alone."""
    anna = bank.client("anna")
    second = id_of(anna.get(occurrence_of(series(anna), 2)).item)
    assert transfer(anna, "MoveItem", second, "deleteditems") == "ErrorCalendarCannotMoveOrCopyOccurrence"
    assert transfer(anna, "MoveItem", master_of(second), "deleteditems") == "NoError"
    assert value(anna.only_in("deleteditems"), "CalendarItemType") == "RecurringMaster"


@mtgs(2089)
def test_a_reminder_names_the_master(bank: Bank):
    """Beside the occurrence that it is for."""
    anna = bank.client("anna")
    item_id = series(anna)
    (reminder,) = anna.reminders().body.iter(f"{T}Reminder")
    assert reminder.find(f"{T}RecurringMasterItemId").get("Id") == item_id.split('"')[1]


# Meeting messages


@mtgs(305, 760, 339, 341, 343, 345, 347, 909)
def test_an_invitation_to_a_series(bank: Bank):
    """Pattern, range, and what is special about single occurrences."""
    anna = bank.client("anna")
    item_id = anna.meet(weekly(), invite="SendToNone")
    anna.update(occurrence_of(item_id, 2), *MOVED)
    anna.delete(occurrence_of(item_id, 3))
    told = set_field("calendar:Location", "<t:Location>Room 4</t:Location>")
    anna.update(item_id, told, send="SendToAllAndSaveCopy")
    request = bank.client("bob").only_in("inbox", kind="MeetingRequest")
    assert (value(request, "IsRecurring"), value(request, "CalendarItemType")) == ("true", "RecurringMaster")
    assert content(request.find(f"{T}Recurrence")) == content(anna.get(item_id).item.find(f"{T}Recurrence"))
    assert value(request, "FirstOccurrence/Start") == "2026-12-01T09:00:00Z"
    assert value(request, "LastOccurrence/Start") == "2027-02-02T09:00:00Z"
    assert values(request, "ModifiedOccurrences/Occurrence/Start") == ["2026-12-09T14:00:00Z"]
    assert values(request, "DeletedOccurrences/DeletedOccurrence/Start") == ["2026-12-15T09:00:00Z"]


@mtgs(277)
@pytest.mark.parametrize("kind", ["MeetingRequest", "MeetingResponse", "MeetingCancellation"])
def test_a_message_about_one_occurrence_says_which(bank: Bank, kind: str):
    """By where the pattern has it."""
    anna, bob = bank.client("anna"), bank.client("bob")
    item_id = anna.meet(weekly())
    anna.update(occurrence_of(item_id, 2), *MOVED, send="SendToAllAndSaveCopy")
    request = next(each for each in bob.all_in("inbox") if value(each, "RecurrenceId"))
    bob.respond("AcceptItem", id_of(request))
    anna.delete(occurrence_of(item_id, 2), send="SendOnlyToAll")
    reader = anna if kind == "MeetingResponse" else bob
    found = [each for name in ("inbox", "deleteditems") for each in reader.all_in(name, kind=kind)]
    assert [at for each in found if (at := value(each, "RecurrenceId"))] == ["2026-12-08T09:00:00Z"]
