"""What people do in Outlook (`tests.support.outlook`), as a stock EWS client does it to the sandbox."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from exchangelib import HTMLBody
from exchangelib.errors import ErrorAccessDenied, ErrorNotDelegate

from tests.support.outlook import Outlook
from tests.unit.sandbox.bank import BERLIN, Bank

START = datetime(2026, 12, 1, 10, tzinfo=UTC)
REMINDED = {"reminder_is_set": True, "reminder_minutes_before_start": 15}
MORNING = datetime(2026, 12, 1, 7, 30, tzinfo=UTC)


def outlook(bank: Bank, name: str = "anna", **more: str) -> Outlook:
    return Outlook(bank.url, f"{name}@bank.example", name, **more)


def test_a_person_sets_and_clears_his_own_reminder(bank: Bank):
    """None, at the start and before; nobody hears of it, and the other's stays."""
    anna, bob = outlook(bank), outlook(bank, "bob")
    uid = anna.meet(start=START, required=["bob@bank.example"], **REMINDED)
    mails = len(bank.mails())
    for minutes in (0, 30, None):
        bob.set_reminder(uid, minutes)
        assert (bob.reminder(uid), anna.reminder(uid)) == (minutes, 15)
    assert len(bank.mails()) == mails


def test_a_person_dismisses_and_snoozes(bank: Bank):
    """Of an appointment and of a task."""
    anna = outlook(bank)
    uid = anna.meet(start=START, **REMINDED)
    task_id = anna.make_task(reminder=MORNING)
    for read in (lambda: anna.copy(uid), lambda: anna.task(task_id)):
        anna.snooze(read(), START)
        assert read().reminder_is_set
        anna.dismiss(read())
        assert not read().reminder_is_set


def test_a_person_edits_markup(bank: Bank):
    """What is around stays; a text body becomes HTML."""
    anna = outlook(bank)
    uid = anna.meet(start=START, body=HTMLBody("<html><body><p>one</p>\r\n</body></html>"))
    anna.edit_html_body(uid, lambda markup: markup.replace("one", "two"))
    assert anna.copy(uid).body == "<html><body><p>two</p>\r\n</body></html>"
    plain = anna.meet("Plain", start=START, body="words")
    anna.edit_html_body(plain, lambda text: f"<p>{text}</p>")
    assert isinstance(anna.copy(plain).body, HTMLBody)
    assert anna.copy(plain).text_body == "words"


@pytest.mark.parametrize(
    "zone", ["Pacific/Pago_Pago", "America/New_York", "UTC", "Europe/Berlin", "Pacific/Kiritimati"]
)
def test_a_tasks_days_are_days_in_every_zone(bank: Bank, zone: str):
    """As their owner wrote them, for whoever reads them."""
    anna = outlook(bank, zone=zone)
    task_id = anna.make_task(start=date(2026, 11, 30), due=date(2026, 12, 1))
    anna.edit_task(task_id, due_date=date(2026, 12, 2))
    for reader in (anna, outlook(bank, zone="Europe/Berlin")):
        task = reader.task(task_id)
        assert (task.start_date, task.due_date) == (date(2026, 11, 30), date(2026, 12, 2))
    anna.edit_task(task_id, due_date=None)
    assert anna.task(task_id).due_date is None


def test_a_person_works_on_a_task(bank: Bank):
    """Makes it, gets on with it, is reminded, ticks it off, and throws it away."""
    anna = outlook(bank)
    task_id = anna.make_task("Call", body="words", importance="High", reminder=MORNING)
    made = anna.task(task_id)
    assert (made.subject, made.body, made.importance, made.reminder_due_by) == ("Call", "words", "High", MORNING)
    assert (made.status, made.percent_complete, made.complete_date) == ("NotStarted", 0, None)
    anna.set_task_reminder(task_id, None)
    assert not anna.task(task_id).reminder_is_set
    anna.set_task_reminder(task_id, MORNING + timedelta(days=1))
    assert (anna.task(task_id).reminder_is_set, anna.task(task_id).reminder_due_by) == (
        True,
        MORNING + timedelta(days=1),
    )
    for status in ("InProgress", "WaitingOnOthers", "Deferred", "NotStarted"):
        anna.edit_task(task_id, status=status)
        assert (anna.task(task_id).status, anna.task(task_id).is_complete) == (status, False)
    anna.complete_task(task_id)
    done = anna.task(task_id)
    assert (done.status, done.percent_complete, done.is_complete) == ("Completed", 100, True)
    assert done.complete_date.astimezone(BERLIN).date() == date(2026, 11, 23)
    assert [task.id for task in anna.tasks("Call")] == [task_id]
    anna.delete_task(task_id)
    assert (anna.tasks(), [item.subject for item in anna.account.trash.all()]) == ([], ["Call"])


def test_saving_a_whole_task_loses_nothing(bank: Bank):
    """As the client's own way of completing one does, which writes every field there is."""
    anna = outlook(bank)
    task_id = anna.make_task(due=date(2026, 12, 1), body="words", reminder=MORNING, private=True)
    anna.task(task_id).complete()
    task = anna.task(task_id)
    assert (task.is_complete, task.due_date, task.body, task.sensitivity) == (
        True,
        date(2026, 12, 1),
        "words",
        "Private",
    )
    assert (task.reminder_is_set, task.reminder_due_by) == (True, MORNING)


def test_a_delegate_works_in_the_principals_calendar(bank: Bank):
    """He makes, edits, moves and deletes there, single meetings and occurrences; mails are by him, from her."""
    anna, bob, cleo = (outlook(bank, name) for name in ("anna", "bob", "cleo"))
    anna.add_delegate(bob.address)
    for_anna = bob.as_delegate_of(anna.address)
    uid = for_anna.meet(start=START, required=[cleo.address])
    for_anna.edit(uid, location="Room 4")
    series = for_anna.meet_weekly(start=START, count=3)
    for_anna.edit_occurrence(series, 2, subject="Retro")
    for_anna.delete_occurrence(series, 3)
    assert (anna.copy(uid).location, anna.copy(uid).last_modified_name) == ("Room 4", "Bob Braun")
    assert [item.subject for item in anna.view(START, START + timedelta(days=30))] == ["Review", "Jour fixe", "Retro"]
    assert not bob.has_copy(uid)
    assert cleo.copy(uid).organizer.email_address == anna.address
    for_anna.cancel(uid)
    assert not anna.has_copy(uid)
    told = [(letter.kind, letter.author, letter.sender) for letter in cleo.received()]
    assert told == [(kind, anna.address, bob.address) for kind in ("invitation", "update", "cancellation")]


def test_a_delegate_removed_by_hand_is_one_no_more(bank: Bank):
    """His next write is refused; whoever is no delegate cannot be removed."""
    anna, bob = outlook(bank, "anna"), outlook(bank, "bob")
    anna.add_delegate(bob.address, calendar="Author", tasks="Reviewer", private=True, deliver="DelegatesAndMe")
    (held,) = anna.delegates().values()
    levels = held.delegate_permissions
    assert (levels.calendar_folder_permission_level, levels.tasks_folder_permission_level) == ("Author", "Reviewer")
    assert (held.view_private_items, held.receive_copies_of_meeting_messages) == (True, False)
    for_anna = bob.as_delegate_of(anna.address)
    uid = for_anna.meet(start=START)
    anna.remove_delegate(bob.address)
    assert anna.delegates() == {}
    with pytest.raises(ErrorAccessDenied):
        for_anna.edit(uid, subject="Retro")
    with pytest.raises(ErrorNotDelegate):
        anna.remove_delegate(bob.address)


def test_copies_for_a_delegate_say_so(bank: Bank):
    """He receives what his principal does."""
    anna, bob = outlook(bank, "anna"), outlook(bank, "bob")
    anna.add_delegate(bob.address, copies=True, deliver="DelegatesAndMe")
    outlook(bank, "cleo").meet(start=START, required=[anna.address])
    assert [(letter.kind, letter.is_delegated) for letter in bob.received()] == [("invitation", True)]
    assert [(letter.kind, letter.is_delegated) for letter in anna.received()] == [("invitation", False)]
