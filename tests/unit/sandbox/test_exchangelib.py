"""The sandbox as exchangelib, unpatched, finds it: reading, writing, searching, synchronizing."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from exchangelib import UTC, CalendarItem, EWSDate, EWSDateTime, EWSTimeZone, ExtendedProperty, HTMLBody, Task
from exchangelib.errors import (
    ErrorImpersonateUserDenied,
    ErrorIrresolvableConflict,
    ErrorItemNotFound,
    ErrorNameResolutionNoResults,
    ErrorNonExistentMailbox,
    UnauthorizedError,
)
from exchangelib.items import ALL_OCCURRENCES, NEVER_OVERWRITE, SEND_ONLY_TO_ALL
from exchangelib.properties import UID, Mailbox

from tests.unit.sandbox.bank import BERLIN, Bank

START = EWSDateTime(2026, 12, 1, 10, tzinfo=BERLIN)
END = EWSDateTime(2026, 12, 1, 11, tzinfo=BERLIN)


class Marker(ExtendedProperty):
    """A CRM id on an item."""

    distinguished_property_set_id = "PublicStrings"
    property_name = "crm-id"
    property_type = "String"


class CleanGlobalObjectId(ExtendedProperty):
    """What a meeting is found by."""

    distinguished_property_set_id = "Meeting"
    property_id = 0x23
    property_type = "Binary"


@pytest.fixture(autouse=True)
def registered():
    """The two extended properties, known to exchangelib for one test."""
    CalendarItem.register("marker", Marker)
    CalendarItem.register("clean_goid", CleanGlobalObjectId)
    yield
    CalendarItem.deregister("marker")
    CalendarItem.deregister("clean_goid")


def an_item(account, **fields) -> CalendarItem:
    given = {"subject": "Review", "start": START, "end": END, **fields}
    return CalendarItem(account=account, folder=account.calendar, **given)


def test_an_item_comes_back_as_it_was_saved(bank: Bank):
    """What a person writes is what he reads."""
    anna = bank.account("anna")
    saved = an_item(
        anna,
        body="plain words",
        location="Room 4",
        categories=["red", "blue"],
        importance="High",
        sensitivity="Private",
        legacy_free_busy_status="OOF",
        reminder_is_set=True,
        reminder_minutes_before_start=0,
        marker="si-1",
    ).save()
    (read,) = anna.calendar.all()
    assert (read.id, read.subject, read.body, read.location) == (saved.id, "Review", "plain words", "Room 4")
    assert (read.categories, read.importance, read.sensitivity) == (["red", "blue"], "High", "Private")
    assert (read.start, read.end, read.legacy_free_busy_status) == (START, END, "OOF")
    assert (read.reminder_is_set, read.reminder_minutes_before_start) == (True, 0)
    assert (read.marker, read.type, read.is_meeting, read.my_response_type) == ("si-1", "Single", False, "Organizer")
    assert read.organizer.email_address == "anna@bank.example"


def test_a_given_uid_is_kept_and_a_missing_one_is_made(bank: Bank):
    """A generated UID is a global object id in hex."""
    anna = bank.account("anna")
    an_item(anna, uid="given-uid").save()
    an_item(anna, subject="Other").save()
    uids = {item.subject: item.uid for item in anna.calendar.all()}
    assert uids["Review"] == "given-uid"
    assert uids["Other"].startswith("040000008200E00074C5B7101A82E008")
    assert bytes.fromhex(uids["Other"])


def test_items_are_found_by_marker_and_by_global_object_id(bank: Bank):
    """Both spellings of a UID are searched by the property that MAPI derives from it."""
    anna = bank.account("anna")
    an_item(anna, uid="vcal-uid", marker="si-1").save()
    an_item(anna, subject="Other", marker="si-2").save()
    other = anna.calendar.get(marker="si-2")
    assert other.subject == "Other"
    assert anna.calendar.get(clean_goid=UID("vcal-uid")).marker == "si-1"
    assert anna.calendar.get(clean_goid=UID.to_global_object_id(other.uid)).marker == "si-2"
    assert not anna.calendar.filter(marker="si-3").exists()


def test_all_day_items_are_days_of_their_own_zone(bank: Bank):
    """The instants are midnights of the zone the item was made in."""
    auckland = EWSTimeZone("Pacific/Auckland")
    anna = bank.account("anna")
    anna.default_timezone = auckland
    an_item(anna, is_all_day=True, start=EWSDate(2026, 12, 1), end=EWSDate(2026, 12, 1)).save()
    (read,) = anna.calendar.all()
    assert (read.start, read.end) == (EWSDate(2026, 12, 1), EWSDate(2026, 12, 1))
    (kept,) = bank.sandbox.world.items("anna@bank.example", "calendar")
    assert kept.get("Start").isoformat() == "2026-11-30T11:00:00+00:00"
    assert kept.get("End") - kept.get("Start") == timedelta(days=1)
    assert kept.get("StartTimeZone").id == "New Zealand Standard Time"


def test_an_html_body_is_returned_as_text_on_demand(bank: Bank):
    """Words stay, markup goes."""
    anna = bank.account("anna")
    an_item(anna, body=HTMLBody("<html><body><p>one</p><p>two &amp; three</p></body></html>")).save()
    (read,) = anna.calendar.all().only("body", "text_body")
    assert isinstance(read.body, HTMLBody)
    assert read.text_body == "one\r\n\r\ntwo & three"


def test_an_update_changes_what_it_names_and_the_change_key(bank: Bank):
    """The other properties stay."""
    anna = bank.account("anna")
    item = an_item(anna, location="Room 4").save()
    before = item.changekey
    item.subject = "New"
    item.location = None
    item.save(update_fields=["subject", "location"])
    (read,) = anna.calendar.all()
    assert (read.subject, read.location, read.start) == ("New", None, START)
    assert (read.changekey, before != read.changekey) == (item.changekey, True)


def test_saving_everything_loses_nothing(bank: Bank):
    """A client that names every property, as exchangelib does by default, leaves the item as it is."""
    anna = bank.account("anna")
    an_item(anna, body="words", location="Room 4", required_attendees=["bob@bank.example"]).save()
    (item,) = anna.calendar.all()
    item.subject = "New"
    item.save()
    (read,) = anna.calendar.all()
    assert (read.subject, read.body, read.location, read.start) == ("New", "words", "Room 4", START)
    assert [each.mailbox.email_address for each in read.required_attendees] == ["bob@bank.example"]


def test_a_stale_change_key_is_refused_to_who_wants_to_know(bank: Bank):
    """Never overwrite says so; the default overwrites."""
    anna = bank.account("anna")
    item = an_item(anna).save()
    (seen,) = anna.calendar.all()
    item.subject = "Second"
    item.save(update_fields=["subject"])
    seen.subject = "Third"
    with pytest.raises(ErrorIrresolvableConflict):
        seen.save(update_fields=["subject"], conflict_resolution=NEVER_OVERWRITE)
    seen.save(update_fields=["subject"])
    assert [each.subject for each in anna.calendar.all()] == ["Third"]


def test_a_calendar_view_shows_what_touches_it_by_start(bank: Bank):
    """Items that end as the view begins are outside."""
    anna = bank.account("anna")
    for hour in (14, 8, 10):
        start = EWSDateTime(2026, 12, 1, hour, tzinfo=BERLIN)
        an_item(anna, subject=str(hour), start=start, end=start + timedelta(hours=2)).save()
    view = anna.calendar.view(EWSDateTime(2026, 12, 1, 10, tzinfo=BERLIN), EWSDateTime(2026, 12, 1, 15, tzinfo=BERLIN))
    assert [each.subject for each in view] == ["10", "14"]


def test_pages_are_read_to_their_end(bank: Bank):
    """Sorted, filtered and in small pages."""
    anna = bank.account("anna")
    anna.bulk_create(anna.calendar, [an_item(anna, subject=f"n{number:02}") for number in range(25)])
    query = anna.calendar.filter(subject__startswith="n").order_by("-subject").only("subject")
    query.page_size = 7
    assert [each.subject for each in query] == [f"n{number:02}" for number in reversed(range(25))]


def test_a_partial_page_is_continued(bank: Bank):
    """A server that answers half a page loses nothing for a client that asks on."""
    anna = bank.account("anna")
    anna.bulk_create(anna.calendar, [an_item(anna, subject=f"n{number}") for number in range(6)])
    bank.fault("partial_page", operation="FindItem")
    query = anna.calendar.all().only("subject").order_by("subject")
    assert [each.subject for each in query] == [f"n{number}" for number in range(6)]


def test_moving_gives_a_new_id_and_keeps_the_rest(bank: Bank):
    """To Deleted Items and back it is the same meeting, under three ids."""
    anna = bank.account("anna")
    item = an_item(anna, marker="si-1").save()
    first = item.id
    item.move_to_trash()
    (gone,) = anna.trash.all()
    second = gone.id
    gone.move(anna.calendar)
    (back,) = anna.calendar.all()
    assert (back.marker, len({first, second, back.id})) == ("si-1", 3)
    with pytest.raises(ErrorItemNotFound):
        anna.calendar.get(id=first)


def test_a_copy_is_another_item_of_the_same_meeting(bank: Bank):
    """Both carry the marker."""
    anna = bank.account("anna")
    item = an_item(anna, marker="si-1").save()
    item.copy(to_folder=anna.calendar)
    copies = list(anna.calendar.all())
    assert len({each.id for each in copies}) == 2
    assert {(each.marker, each.uid) for each in copies} == {("si-1", copies[0].uid)}


@pytest.mark.parametrize("dispose", ["delete", "soft_delete"])
def test_deleted_items_are_gone(bank: Bank, dispose: str):
    """From the calendar, and not to Deleted Items."""
    anna = bank.account("anna")
    item = an_item(anna).save()
    getattr(item, dispose)()
    assert (anna.calendar.all().count(), anna.trash.all().count()) == (0, 0)


def test_synchronizing_tells_each_difference_once(bank: Bank):
    """Created, changed, deleted, and nothing when nothing happened."""
    anna = bank.account("anna")
    kept, lost = an_item(anna).save(), an_item(anna, subject="Lost").save()
    lost_id = lost.id
    folder = anna.calendar
    assert [kind for kind, _ in folder.sync_items()] == ["create", "create"]
    kept.subject = "Changed"
    kept.save(update_fields=["subject"])
    lost.delete()
    new = an_item(anna, subject="New").save()
    changes = [(kind, item.id) for kind, item in folder.sync_items(sync_state=folder.item_sync_state)]
    assert sorted(changes) == sorted([("update", kept.id), ("delete", lost_id), ("create", new.id)])
    assert list(folder.sync_items(sync_state=folder.item_sync_state)) == []


def test_synchronizing_in_small_pages_tells_everything(bank: Bank):
    """A page's state leads to the next page."""
    anna = bank.account("anna")
    anna.bulk_create(anna.calendar, [an_item(anna, subject=f"n{number}") for number in range(7)])
    changes = list(anna.calendar.sync_items(only_fields=["subject"], max_changes_returned=3))
    assert sorted(item.subject for _, item in changes) == [f"n{number}" for number in range(7)]


def test_a_task_is_kept(bank: Bank):
    """Tasks are plain here: what was written is read."""
    anna = bank.account("anna")
    Task(account=anna, folder=anna.tasks, subject="Call", due_date=EWSDate(2026, 12, 1), status="InProgress").save()
    (task,) = anna.tasks.all()
    assert (task.subject, task.status) == ("Call", "InProgress")
    task.delete(affected_task_occurrences=ALL_OCCURRENCES)
    assert anna.tasks.all().count() == 0


def test_names_are_resolved_by_address_alias_and_x500(bank: Bank):
    """All of them lead to the primary address."""
    protocol = bank.account("anna").protocol
    xenia = bank.sandbox.people.find("xenia@bank.example")
    for entry, email in (
        ("anna@bank.example", "anna@bank.example"),
        ("A.Adler@Bank.Example", "anna@bank.example"),
        (xenia.legacy_dn, "xenia@bank.example"),
        ("desk", "desk@bank.example"),
    ):
        (mailbox,) = protocol.resolve_names([entry])
        assert (mailbox.email_address, mailbox.routing_type) == (email, "SMTP")
    (nobody,) = protocol.resolve_names(["nobody@bank.example"])
    assert isinstance(nobody, ErrorNameResolutionNoResults)
    assert protocol.resolve_names(["desk"])[0].mailbox_type == "PublicDL"


def test_aliases_are_told_with_full_contact_data(bank: Bank):
    """The primary address first."""
    ((_, contact),) = bank.account("anna").protocol.resolve_names(
        ["a.adler@bank.example"], return_full_contact_data=True
    )
    assert [each.email for each in contact.email_addresses] == ["SMTP:anna@bank.example", "smtp:a.adler@bank.example"]


def test_server_time_zones_are_those_of_windows(bank: Bank):
    """exchangelib reads their rules."""
    protocol = bank.account("anna").protocol
    zones = {zone.id: zone for zone in protocol.get_timezones(return_full_timezone_data=True)}
    berlin = zones["W. Europe Standard Time"]
    standard, daylight, period = berlin.get_std_and_dst(for_year=2026)
    assert len(zones) > 100
    assert berlin.name.startswith("(UTC+01:00)")
    assert (period.bias_in_minutes, daylight.bias) == (-60, -60)
    assert [(each.iso_month, each.occurrence, each.weekday, each.time) for each in (standard, daylight)] == [
        (10, 5, 7, time(3)),
        (3, 5, 7, time(2)),
    ]
    fixed, *_ = zones["India Standard Time"].get_std_and_dst(for_year=2026)
    assert fixed.bias == 0


def test_a_service_account_acts_for_people(bank: Bank):
    """What it writes is the person's own."""
    anna = bank.account("anna", impersonated=True)
    an_item(anna).save()
    assert [each.subject for each in bank.account("anna").calendar.all()] == ["Review"]
    assert bank.account("bob").calendar.all().count() == 0


def test_impersonation_is_denied_to_people_and_beyond_a_services_list(bank: Bank):
    """With Exchange's own error."""
    for username, password, mailbox, error in (
        ("anna@bank.example", "anna", "bob@bank.example", ErrorImpersonateUserDenied),
        ("narrow@bank.example", "secret", "bob@bank.example", ErrorImpersonateUserDenied),
        ("sync@bank.example", "secret", "nobody@bank.example", ErrorNonExistentMailbox),
    ):
        account = bank.account("anna", impersonated=True)
        account.protocol.config.credentials.username, account.protocol.config.credentials.password = username, password
        account.identity.primary_smtp_address = mailbox
        with pytest.raises(error):
            account.calendar.all().count()


def test_a_wrong_password_is_refused(bank: Bank):
    """Before anything else."""
    account = bank.account("anna")
    account.protocol.config.credentials.password = "wrong"
    with pytest.raises(UnauthorizedError):
        account.calendar.all().count()


def test_ids_of_neighbours_differ_in_case_alone(bank: Bank):
    """Whoever folds case confuses two items."""
    anna = bank.account("anna")
    first, second = an_item(anna).save(), an_item(anna, subject="Other").save()
    assert first.id != second.id
    assert first.id.casefold() == second.id.casefold()
    assert anna.calendar.get(id=second.id).subject == "Other"


def test_a_meeting_by_alias_shows_the_primary_address(bank: Bank):
    """And reaches its mailbox."""
    item = an_item(bank.account("bob"), required_attendees=["A.ADLER@bank.example"])
    item.save(send_meeting_invitations=SEND_ONLY_TO_ALL)
    (copy,) = bank.account("anna").calendar.all()
    assert copy.uid == bank.account("bob").calendar.get(id=item.id).uid
    assert copy.required_attendees[1].mailbox == Mailbox(
        name="Anna Adler", email_address="anna@bank.example", routing_type="SMTP", mailbox_type="Mailbox"
    )
    assert copy.start == START.astimezone(UTC)
