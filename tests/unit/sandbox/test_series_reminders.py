"""Reminders of series: one signal time for all occurrences, and single ones with a reminder of their own."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.sandbox.bank import Bank, Client, T, calendar_item, id_of, occurrence_of, set_field, value, weekly

SIGNAL = '<t:ExtendedFieldURI DistinguishedPropertySetId="Common" PropertyId="34144" PropertyType="SystemTime"/>'
TEN = "<t:ReminderMinutesBeforeStart>10</t:ReminderMinutesBeforeStart>"
OFF = set_field("item:ReminderIsSet", "<t:ReminderIsSet>false</t:ReminderIsSet>")


def series(client: Client, *content: str) -> str:
    return id_of(client.create(calendar_item(TEN, weekly(count=3), *content)).item)


def signal(client: Client, item_id: str) -> str | None:
    """When a reminder goes off as mail programs see it."""
    return value(client.get(item_id, extended=SIGNAL).item, "ExtendedProperty/Value")


def rung(client: Client) -> list[tuple[str | None, ...]]:
    """What rings when, and for which start."""
    names = ("ReminderTime", "StartDate", "Subject")
    return [tuple(value(each, name) for name in names) for each in client.reminders().body.iter(f"{T}Reminder")]


def test_a_series_rings_for_its_next_occurrence(bank: Bank):
    """By the occurrence's id, with the master's beside it."""
    anna = bank.client("anna")
    item_id = series(anna)
    assert rung(anna) == [("2026-12-01T08:50:00Z", "2026-12-01T09:00:00Z", "Review")]
    reminder = next(anna.reminders().body.iter(f"{T}Reminder"))
    assert id_of(reminder) == id_of(anna.get(occurrence_of(item_id, 1)).item)
    assert reminder.find(f"{T}RecurringMasterItemId").get("Id") in item_id
    assert value(anna.get(item_id).item, "ReminderDueBy") == "2026-12-01T09:00:00Z"


def test_occurrences_that_were_over_when_the_series_was_made_do_not_ring(bank: Bank):
    """The first after that does."""
    anna = bank.client("anna")
    bank.clock.advance(timedelta(days=9))
    assert signal(anna, series(anna)) == "2026-12-08T08:50:00Z"


def test_dismissing_waits_for_the_next_and_makes_no_exception(bank: Bank):
    """The reminder stays set, until there is no occurrence left."""
    anna = bank.client("anna")
    item_id = series(anna)
    bank.clock.advance(timedelta(days=9))
    for index, then in ((1, "2026-12-08T08:50:00Z"), (2, "2026-12-15T08:50:00Z"), (3, "4501-01-01T00:00:00Z")):
        anna.remind("Dismiss", id_of(anna.get(occurrence_of(item_id, index)).item))
        master = anna.only_in("calendar")
        assert signal(anna, id_of(master)) == then
        assert value(master, "ReminderIsSet") == "true"
        assert master.find(f"{T}ModifiedOccurrences") is None
    assert rung(anna) == []


def test_a_dismissed_reminder_is_an_update_of_the_master(bank: Bank):
    """Though nothing else changed."""
    anna = bank.client("anna")
    item_id = series(anna)
    state = anna.sync("calendar").body.findtext(".//{*}SyncState")
    anna.remind("Dismiss", item_id)
    changes = anna.sync("calendar", state).body.find(".//{*}Changes")
    assert [each.tag for each in changes] == [f"{T}Update"]
    assert id_of(changes[0][0]) != item_id


def test_a_snoozed_series_rings_later_for_the_same_occurrence(bank: Bank):
    """And after that for the next."""
    anna = bank.client("anna")
    item_id = series(anna)
    anna.remind("Snooze", item_id, until="2026-12-01T09:30:00Z")
    assert rung(anna) == [("2026-12-01T09:30:00Z", "2026-12-01T09:00:00Z", "Review")]
    anna.remind("Dismiss", item_id)
    assert rung(anna) == [("2026-12-08T08:50:00Z", "2026-12-08T09:00:00Z", "Review")]


def test_an_occurrence_may_ring_at_another_time_or_not_at_all(bank: Bank):
    """The signal time is the series' all the same."""
    anna = bank.client("anna")
    item_id = series(anna)
    anna.update(occurrence_of(item_id, 1), OFF)
    anna.update(occurrence_of(item_id, 2), set_field("item:ReminderMinutesBeforeStart", TEN.replace("10", "60")))
    assert rung(anna) == [("2026-12-08T08:00:00Z", "2026-12-08T09:00:00Z", "Review")]
    third = anna.get(occurrence_of(item_id, 3), extended=SIGNAL).item
    assert (value(third, "ReminderMinutesBeforeStart"), value(third, "ExtendedProperty/Value")) == (
        "10",
        "2026-12-08T08:00:00Z",
    )


def test_a_silent_series_rings_for_the_occurrence_that_has_a_reminder(bank: Bank):
    """Alone."""
    anna = bank.client("anna")
    item_id = series(anna, "<t:ReminderIsSet>false</t:ReminderIsSet>")
    assert rung(anna) == []
    anna.update(
        occurrence_of(item_id, 2),
        set_field("item:ReminderIsSet", "<t:ReminderIsSet>true</t:ReminderIsSet>"),
        set_field("item:Subject", "<t:Subject>Retro</t:Subject>"),
    )
    assert rung(anna) == [("2026-12-08T08:50:00Z", "2026-12-08T09:00:00Z", "Retro")]
    assert value(anna.get(item_id).item, "ReminderIsSet") == "false"
