"""What an event must keep, and how a breach is named."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalogue, events
from schemas.envelope import Envelope
from schemas.problems import Malformed, MalformedKind
from tests.unit.schemas.samples import GOOD, ITEM, good, spoiled, without

UPDATED = "crm.schedule-item.updated.v1"
EXTRA = {"a_field_of_next_year": {"deep": [1]}}


def parse(event_type: str, data: dict[str, Any], *, key: bytes | None = None) -> events.Event:
    topic = catalogue.topics_of(event_type)[0]
    return events.parse(topic, Envelope(id="e-1", source="/crm", type=event_type, data=data), key=key)


def refusal(event_type: str, data: dict[str, Any], *, key: bytes | None = None) -> str:
    with pytest.raises(Malformed) as caught:
        parse(event_type, data, key=key)
    return str(caught.value)


@pytest.mark.parametrize("event_type", GOOD)
def test_the_contracts_own_examples_are_good(event_type: str):
    """Every type, as the contract shows it, becomes its model."""
    assert type(parse(event_type, good(event_type))) is events.TYPES[event_type]


def test_every_type_of_the_catalogue_has_a_model_and_an_example():
    """A topic cannot promise a type that nobody reads."""
    promised = {event_type for topic in catalogue.TOPICS.values() for event_type in topic.types}

    assert promised == events.TYPES.keys() == GOOD.keys()


@pytest.mark.parametrize("event_type", GOOD)
def test_unknown_fields_are_ignored(event_type: str):
    """The CRM may add fields before this daemon knows them."""
    assert parse(event_type, {**good(event_type), **EXTRA}) == parse(event_type, good(event_type))


def test_an_empty_event_names_every_missing_field():
    """All at once, none quoted."""
    assert refusal("crm.user.changed.v1", {}) == (
        "id: is required; version: is required; emails: is required; mailbox: is required; "
        "active: is required; sync_enabled: is required"
    )


@pytest.mark.parametrize(
    ("event_type", "path", "value", "text"),
    [
        ("crm.user.changed.v1", "id", None, "id: must not be null"),
        ("crm.user.changed.v1", "id", "  ", "id: must not be blank"),
        ("crm.user.changed.v1", "id", "x" * 513, "id: must have at most 512 characters"),
        ("crm.user.changed.v1", "id", 7, "id: must be text"),
        ("crm.user.changed.v1", "version", "3", "version: must be a valid integer"),
        ("crm.user.changed.v1", "version", True, "version: must be a valid integer"),
        ("crm.user.changed.v1", "version", -1, "version: must be greater than or equal to 0"),
        ("crm.user.changed.v1", "active", 1, "active: must be a valid boolean"),
        ("crm.user.changed.v1", "emails", "anna@bank.example", "emails: must be a list"),
        ("crm.user.changed.v1", "nodes", ["n"] * 10_001, "nodes: must have at most 10000 items"),
        ("crm.user.changed.v1", "mailbox", "", "mailbox: must have at least 1 character"),
        ("crm.node.changed.v1", "parent", "branch-12", "parent: must not be the node itself"),
        ("crm.contact.changed.v1", "access", [], "access: must be an object"),
        ("crm.contact.changed.v1", "access.view", "all", "access.view: must be 'public', 'group' or 'private'"),
        ("crm.options.changed.v1", "scope.id", None, "scope.id: is required at level user"),
        ("crm.options.changed.v1", "options.task_alarms", "on", "options.task_alarms: must be a valid boolean"),
        ("crm.options.changed.v1", "options.task_alarms", None, "options.task_alarms: must not be null"),
        ("crm.delegation.granted.v1", "delegate", "u-anna", "delegate: must not be the principal himself"),
        (UPDATED, "after", None, "after: must not be null"),
        (UPDATED, "origin", "sync", "link: is required where origin is sync"),
        (UPDATED, "notify", "some", "notify: must be 'none', 'all' or 'added'"),
        (UPDATED, "after.subject", None, "after.subject: must not be null"),
        (UPDATED, "after.subject", "a\ud800", "after.subject: must be text without broken surrogates"),
        (UPDATED, "after.for.0.contact", None, "after.for.0.contact: must not be null"),
        (UPDATED, "after.alarms.u-anna", [-5], "after.alarms.u-anna.0: must be greater than or equal to 0"),
        (UPDATED, "after.zone", "Mars/Olympus", "after.zone: must be the name of an IANA zone"),
        (UPDATED, "after.zone", "../etc/passwd", "after.zone: must be the name of an IANA zone"),
        (UPDATED, "after.end", "2026-12-01T09:59:59+01:00", "after.end: must not be before start"),
        (UPDATED, "after.start", "1601-01-01T00:00:00Z", "after.start: must lie in the years 1900 to 9998"),
        (UPDATED, "after.start", "2026-12-01", "after.start: must be a time where all_day is false"),
        (UPDATED, "after.recurrence.count", None, "after.recurrence.count: is required where end is after"),
        (UPDATED, "after.recurrence.end", "by", "after.recurrence.until: is required where end is by"),
        (
            UPDATED,
            "after.exceptions.0.changes",
            {"start": "2026-12-08T10:00:00Z", "end": "2026-12-08T09:00:00Z"},
            "after.exceptions.0.changes.end: must not be before start",
        ),
        ("crm.task.updated.v1", "after.due", "2026-11-30", "after.due: must not be before start"),
        (
            "crm.task.updated.v1",
            "after.due",
            "2026-12-02T10:00:00Z",
            "after.due: must be a date like 2026-12-01",
        ),
        (
            "crm.task.updated.v1",
            "after.alarms.u-anna",
            "2026-12-01T09:00:00",
            "after.alarms.u-anna: must be a time with an offset or Z",
        ),
        ("sync.snapshot.requested.v1", "range.to", "2025-12-31T00:00:00Z", "range.to: must not be before from"),
        ("sync.rematch.requested.v1", "scope.id", None, "scope.id: is required at level user"),
        ("sync.outcome.v1", "reason", "because", "reason: "),
    ],
)
def test_a_breach_names_the_field_and_the_rule(event_type: str, path: str, value: Any, text: str):
    """What the producer reads in the dead letter is enough to mend it."""
    assert refusal(event_type, spoiled(event_type, path, value)).startswith(text)


@pytest.mark.parametrize(
    ("event_type", "path"),
    [
        (UPDATED, "id"),
        (UPDATED, "version"),
        (UPDATED, "origin"),
        (UPDATED, "after"),
        (UPDATED, "after.start"),
        (UPDATED, "after.end"),
        (UPDATED, "after.subject"),
        (UPDATED, "after.owner"),
        (UPDATED, "after.assign_to"),
        ("exchange.item.modified.v1", "mailbox"),
        ("exchange.item.modified.v1", "item_id"),
        ("crm.node.changed.v1", "parent"),
    ],
)
def test_a_field_without_which_nothing_can_be_decided_is_required(event_type: str, path: str):
    """Absent is not null."""
    assert refusal(event_type, without(event_type, path)) == f"{path}: is required"


def test_an_unknown_option_is_named_with_the_ones_that_exist():
    """A misspelled option would otherwise be off for ever without a word."""
    text = refusal("crm.options.changed.v1", spoiled("crm.options.changed.v1", "options.metting_alarms", True))

    assert text.startswith("options.metting_alarms: is no option; the options are external_contacts.display,")


@pytest.mark.rule("PRIV-5")
def test_no_text_repeats_what_a_producer_wrote():
    """Neither a value nor a key that could be content."""
    data = spoiled(UPDATED, "after.subject", {"canary": "canary"})
    data["after"].update(
        zone="canary", priority="canary", start="canary", assign_to=["canary"] * 3, responses={"canary word": "canary"}
    )

    text = refusal(UPDATED, data)

    assert "after.responses.?" in text
    assert "canary" not in text


@pytest.mark.rule("MAP-2")
def test_a_time_of_any_spelling_is_the_same_instant():
    """ISO 8601 leaves producers some freedom."""
    spellings = (
        "2026-12-01T09:00:00Z",
        "2026-12-01T10:00+01:00",
        "2026-12-01T10:00:00.000+0100",
        "2026-12-01 10:00:00.0000000+01:00",
        "2026-12-01T10:00:00",
    )

    starts = {parse(UPDATED, spoiled(UPDATED, "after.start", each)).after.start for each in spellings}  # type: ignore[union-attr]  # it is a ScheduleItemChanged

    assert len(starts) == 1


@pytest.mark.parametrize(
    "time",
    [
        "",
        "tomorrow",
        "2026-13-01T10:00:00Z",
        "2026-12-01T25:00:00Z",
        "2026-12-01T10:00:60Z",
        "20261201T100000Z",
        "2026-W48-2",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        "２０２６-12-01T10:00:00Z",
        1796119200,
        12.5,
        [],
    ],
)
def test_what_is_no_time_is_refused_naming_the_field(time: object):
    """Whatever the text, the field is named."""
    assert refusal(UPDATED, spoiled(UPDATED, "after.start", time)).startswith("after.start: must ")


@pytest.mark.scenario("S05e")
@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize("machine", ["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_s05e_a_time_without_an_offset_is_read_in_the_items_zone_never_in_the_machines(
    machine: str, monkeypatch: pytest.MonkeyPatch
):
    """Read in the item's `zone`, refused if there is none, in whatever zone the machine is."""
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        naive = spoiled(UPDATED, "after.start", "2026-12-01T10:00:00")
        assert parse(UPDATED, naive) == parse(UPDATED, good(UPDATED))
        naive["after"].update(zone=None, exceptions=[])
        assert refusal(UPDATED, naive) == "after.start: is a time without an offset and there is no zone to read it in"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.rule("MAP-2")
def test_times_inside_exceptions_are_read_in_the_items_zone_too():
    """Also where the exception stands before the zone in the text."""
    naive = {"original_start": "2026-12-08T10:00:00", "changes": {"start": "2026-12-08T12:00:00"}}
    aware = {"original_start": "2026-12-08T09:00:00Z", "changes": {"start": "2026-12-08T11:00:00Z"}}

    assert parse(UPDATED, spoiled(UPDATED, "after.exceptions", [naive])) == parse(
        UPDATED, spoiled(UPDATED, "after.exceptions", [aware])
    )


@pytest.mark.rule("MAP-2")
def test_an_occurrence_moved_to_another_zone_is_read_in_that_one():
    """Its original start stays in the series' own."""
    abroad = {
        "original_start": "2026-12-08T10:00:00",
        "changes": {"zone": "Asia/Kolkata", "start": "2026-12-08T10:00:00"},
    }

    exception = parse(UPDATED, spoiled(UPDATED, "after.exceptions", [abroad])).after.exceptions[0]  # type: ignore[union-attr]  # it is a ScheduleItemChanged

    assert exception.original_start == datetime(2026, 12, 8, 9, tzinfo=UTC)
    assert exception.changes.start == datetime(2026, 12, 8, 4, 30, tzinfo=UTC)


def all_day(start: str, end: str) -> dict[str, Any]:
    return {**good(UPDATED), "after": {**ITEM, "all_day": True, "start": start, "end": end, "exceptions": []}}


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-12-01", "2026-12-01", "after.end: must be after start"),
        ("2026-12-01", "2026-11-30", "after.end: must not be before start"),
        ("2026-12-01T00:00:00Z", "2026-12-02", "after.start: must be a date where all_day is true"),
        ("1899-12-31", "1900-01-01", "after.start: must lie in the years 1900 to 9998"),
    ],
)
def test_an_all_day_item_has_days_and_its_end_is_the_day_after(start: str, end: str, text: str):
    """Civil dates, end exclusive."""
    assert refusal(UPDATED, all_day(start, end)).startswith(text)


def test_an_item_of_one_day_ends_the_next():
    """The shortest all-day item."""
    assert parse(UPDATED, all_day("2026-12-01", "2026-12-02"))


def test_an_item_without_length_is_allowed():
    """A reminder-like meeting of zero minutes exists in Outlook."""
    assert parse(UPDATED, spoiled(UPDATED, "after.end", ITEM["start"]))


def test_an_unknown_type_is_refused_with_what_is_read_here():
    """The producer sees what he may send."""
    with pytest.raises(Malformed) as caught:
        events.parse("crm.users", Envelope("1", "/crm", "crm.user.renamed.v1", data={}))

    assert caught.value.kind is MalformedKind.UNKNOWN_TYPE
    assert str(caught.value) == (
        "type: unknown type crm.user.renamed.v1; this daemon reads crm.user.changed.v1 on crm.users"
    )


def test_another_version_of_a_known_type_is_said_to_be_that():
    """`.v9` is a newer producer, not a typing error."""
    with pytest.raises(Malformed, match=r"unknown version crm.user.changed.v9; this daemon reads") as caught:
        events.parse("crm.users", Envelope("1", "/crm", "crm.user.changed.v9", data={}))

    assert caught.value.kind is MalformedKind.WRONG_VERSION


def test_a_known_type_on_another_topic_is_refused():
    """Its key, and so its order, would be another's."""
    with pytest.raises(Malformed, match=r"crm.node.changed.v1 does not belong here") as caught:
        events.parse("crm.users", Envelope("1", "/crm", "crm.node.changed.v1", data=good("crm.node.changed.v1")))

    assert caught.value.kind is MalformedKind.WRONG_TOPIC


@pytest.mark.parametrize("topic", catalogue.TOPICS.values(), ids=lambda topic: topic.name)
def test_a_null_value_is_a_delete_on_compacted_topics_alone(topic: catalogue.Topic):
    """Elsewhere there is no key to delete."""
    null = Envelope("", "", "")
    if topic.cleanup is catalogue.Cleanup.COMPACT:
        assert events.parse(topic.name, null) == events.Tombstone()
    else:
        with pytest.raises(Malformed, match="value: must not be null"):
            events.parse(topic.name, null)


@pytest.mark.parametrize(
    ("event_type", "key"),
    [
        ("crm.user.changed.v1", "u-anna"),
        ("crm.options.changed.v1", "user:u-anna"),
        ("crm.delegation.granted.v1", "u-anna:u-ben"),
        (UPDATED, "si-1"),
        ("sync.schedule-item.upsert.v1", "9f0c"),
    ],
)
def test_a_record_has_the_key_that_its_event_makes(event_type: str, key: str):
    """A wrong key breaks order or, compacted, deletes somebody else."""
    event = parse(event_type, good(event_type), key=key.encode())

    assert events.key_of(event) == key
    assert refusal(event_type, good(event_type), key=b"other").startswith("key: must be what the event's own ids make")


def test_options_of_the_system_have_its_key():
    """There is one system."""
    data = {"scope": {"level": "system"}, "version": 1, "options": {}}

    assert events.key_of(parse("crm.options.changed.v1", data)) == "system"


def test_the_key_of_a_hint_is_the_producers_business():
    """A mailbox may be written as an alias, in any case."""
    assert parse("exchange.item.modified.v1", good("exchange.item.modified.v1"), key=b"ANNA@bank.example")


def test_two_hundred_attendees_are_an_ordinary_item():
    """Bounds are against floods, not against town halls."""
    people = [f"u-{number}" for number in range(200)]

    assert len(parse(UPDATED, spoiled(UPDATED, "after.assign_to", people)).after.assign_to) == 200  # type: ignore[union-attr]  # it is a ScheduleItemChanged


ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just("a\udfff"), st.just("1601-01-01")
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=5,
)


def places(part: Any, *path: str | int) -> list[tuple[str | int, ...]]:
    """The way to everything inside a value, step by step."""
    steps = list(part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ())
    inside = (place for step, value in steps for place in places(value, *path, step))
    return [*((*path, step) for step, _ in steps), *inside]


@pytest.mark.scenario("S25b")
@given(st.data())
def test_s25b_whatever_stands_in_a_field_the_answer_is_an_event_or_a_sentence(data: st.DataObject):
    """No value of any shape breaks the border."""
    event_type = data.draw(st.sampled_from(sorted(GOOD)))
    where = data.draw(st.sampled_from(places(good(event_type))))
    spoiled_event = spoiled(event_type, where, data.draw(ANYTHING))

    try:
        told = parse(event_type, spoiled_event)
    except Malformed as error:
        told = error

    assert isinstance(told, Malformed | events.TYPES[event_type])
