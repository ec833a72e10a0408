"""Microsoft's own sample requests: each gets an answer, or a refusal that says what is not modelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.unit.sandbox.bank import SERVICE, SHARED, SOAP, Bank, Client, Reply, Validator, opened

SAMPLES = SHARED / "ews-samples"
PEOPLE = {
    "people": [
        {"name": "Alfred", "email": "alfred@contoso.com", "password": "alfred"},
        {"name": "Mack Chaves", "email": "mack.chaves@contoso.com", "password": "mack"},
    ],
    "services": [{"username": SERVICE[0], "password": SERVICE[1]}],
}

# What each operation's samples get, unless they are told apart below.
USUALLY = {
    "AddDelegate": ["ErrorNonExistentMailbox"],
    "CreateItem": ["NoError"],
    "DeleteItem": ["ErrorItemNotFound"],
    "FindFolder": ["NoError"],
    "FindItem": ["NoError"],
    "GetDelegate": ["ErrorNonExistentMailbox"],
    "GetItem": ["ErrorItemNotFound"],
    "GetReminders": ["NoError"],
    "PerformReminderAction": ["NoError"],
    "RemoveDelegate": ["ErrorNonExistentMailbox"],
    "SyncFolderItems": ["NoError"],
    "UpdateDelegate": ["ErrorNonExistentMailbox"],
    "UpdateItem": ["ErrorItemNotFound"],
}
BUT = {
    "CreateItem--delete-appointments-and-cancel-meetings-4": ["ErrorItemNotFound"],
    "CreateItem--delete-appointments-in-a-recurring-series-0": ["ErrorItemNotFound"],
    "CreateItem--delete-appointments-in-a-recurring-series-1": ["ErrorItemNotFound"],
    "DeleteItem--process-contacts-in-batches-3": ["ErrorItemNotFound"] * 3,
    "FindItem--perform-grouped-searches-0": ["ErrorInvalidOperation"],
    "SyncFolderItems--synchronize-items-2": ["ErrorInvalidSyncStateData"],
}


def requests() -> list[Path]:
    """The samples that are requests; one that is none where there are no samples, so that the test says so."""
    found = sorted(each for each in SAMPLES.glob("*.xml") if "Response" not in each.name.split("--")[0])
    return found or [SAMPLES / "none.xml"]


def content_of(sample: Path) -> bytes:
    """Its bytes; some samples spell the SOAP namespace with https, which no server does."""
    if not sample.exists():
        pytest.skip("Microsoft's samples are not at hand")
    return sample.read_bytes().replace(b'"https://schemas.xmlsoap.org/', b'"http://schemas.xmlsoap.org/')


@pytest.fixture
def contoso() -> Iterator[Bank]:
    """The samples' company. Some samples are abridged: only our answers are validated."""
    with opened(PEOPLE, validator=Validator(of_requests=False)) as running:
        yield running


@pytest.mark.parametrize("sample", requests(), ids=lambda sample: sample.stem)
def test_each_sample_request_is_answered(contoso: Bank, sample: Path):
    """By the code that the table expects; what is not modelled is named in the refusal."""
    content = content_of(sample)
    impersonates = b"ExchangeImpersonation>" in content
    user = SERVICE if impersonates else ("alfred@contoso.com", "alfred")
    status, answer = Client(contoso.url, *user).send(content)
    reply = Reply(etree.fromstring(answer).find(f"{SOAP}Body")[0])
    operation = sample.name.split("--")[0]
    expected = BUT.get(sample.stem, USUALLY.get(operation, ["ErrorInvalidOperation"]))
    assert reply.codes == expected, reply.text
    if expected == ["ErrorInvalidOperation"]:
        assert status == 500
        assert f"does not model the operation {operation}" in reply.text or "does not model FindItem" in reply.text


def test_the_samples_items_are_kept_as_they_say(contoso: Bank):
    """Values of the calendar items that the samples create."""
    for stem in (
        "CreateItem--create-all-day-events-0",
        "CreateItem--create-appointments-and-meetings-4",
        "CreateItem--add-appointments-by-using-exchange-impersonation-0",
    ):
        content = content_of(SAMPLES / f"{stem}.xml")
        user = SERVICE if b"ExchangeImpersonation>" in content else ("alfred@contoso.com", "alfred")
        Client(contoso.url, *user).send(content)
    items = {each.get("Subject"): each for each in contoso.sandbox.world.items("alfred@contoso.com", "calendar")}
    vacation, exercise, lesson = (items[name] for name in ("Vacation", "Team building exercise", "Tennis lesson"))
    assert (vacation.get("IsAllDayEvent"), vacation.get("LegacyFreeBusyStatus")) == (True, "OOF")
    assert vacation.get("Start").isoformat() == "2014-06-09T04:00:00+00:00"
    assert vacation.get("StartTimeZone").id == "Eastern Standard Time"
    assert [each.recipient.address for each in exercise.attendees] == [
        "mack.chaves@contoso.com",
        "Sadie.Daniels@contoso.com",
        "Magdalena.Kemp@contoso.com",
    ]
    assert exercise.get("ReminderMinutesBeforeStart") == 60
    assert (lesson.get("Body").text, lesson.get("Location")) == ("Focus on backhand this week.", "Tennis club")
    assert [each.get("Subject") for each in contoso.sandbox.world.items("mack.chaves@contoso.com", "calendar")] == [
        "Team building exercise"
    ]
