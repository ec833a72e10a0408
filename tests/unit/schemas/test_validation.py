"""A producer is told all that is wrong with his event, in whatever shape he has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import envelope
from schemas.catalogue import MIB, topics_of
from schemas.envelope import Envelope
from schemas.validation import SHAPES, ignored, validate
from tests.unit.schemas.samples import GOOD, good, spoiled

USER = "crm.user.changed.v1"


def told(candidate: object) -> list[str]:
    return [str(problem) for problem in validate(json.dumps(candidate).encode())]


def structured(event_type: str, data: dict[str, Any], **changes: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": "e-1", "source": "/crm", "type": event_type, "data": data, **changes}


def record(event_type: str, data: object, **changes: object) -> dict[str, object]:
    headers, _ = envelope.write(Envelope("e-1", "/crm", event_type, data={}))
    texts = {name: value.decode() for name, value in headers}
    return {"topic": topics_of(event_type)[0], "headers": texts, "value": data, **changes}


@pytest.mark.parametrize("event_type", GOOD)
def test_a_good_event_is_good_in_every_shape(event_type: str):
    """As an envelope, as type and data, as a record."""
    data = good(event_type)

    assert told(structured(event_type, data)) == []
    assert told({"type": event_type, "data": data}) == []
    assert told(record(event_type, data)) == []


def test_several_mistakes_are_told_at_once():
    """In the envelope and in the data."""
    event = structured(USER, {**good(USER), "version": -1, "active": None}, specversion="0.3", id="")

    assert told(event) == [
        "id: is required and must not be blank",
        "specversion: must be 1.0",
        "version: must be greater than or equal to 0",
        "active: must not be null",
    ]


def test_a_wrong_key_is_told():
    """Order and compaction hang on it."""
    assert told(record(USER, good(USER), key="u-anna")) == []
    assert told(record(USER, good(USER), key="anna")) == ["key: must be what the event's own ids make: user id"]
    assert told(record(USER, good(USER), key=5)) == ["key: must be text"]


def test_a_record_may_be_a_delete_where_topics_are_compacted():
    """And nowhere else."""
    assert told(record(USER, None)) == []
    assert told(record("crm.task.deleted.v1", None))[0].startswith("value: must not be null")


def test_a_record_in_structured_mode_and_one_with_text_are_read():
    """As they would come from Kafka."""
    event = structured(USER, {**good(USER), "id": None})
    headers = [["content-type", "application/cloudevents+json"]]

    assert told({"topic": "crm.users", "headers": headers, "value": event}) == ["id: must not be null"]
    assert told({"topic": "crm.users", "headers": headers, "value": json.dumps(event)}) == ["id: must not be null"]


@pytest.mark.parametrize(
    ("candidate", "text"),
    [
        ([], f"file: {SHAPES}"),
        ({}, f"file: {SHAPES}"),
        ({"type": USER}, f"file: {SHAPES}"),
        ({"type": 5, "data": {}}, "type: must be text"),
        ({"type": USER, "data": []}, "data: must be a JSON object"),
        ({"type": "crm.user.changed.v9", "data": {}}, "type: must be one of crm.user.changed.v1,"),
        ({"topic": "crm.user", "value": {}}, "topic: must be one of crm.users,"),
        ({"topic": "crm.users", "headers": 5, "value": {}}, "headers: must be an object of texts"),
        ({"topic": "crm.users", "headers": [1], "value": {}}, "headers: must be an object of texts"),
        ({"topic": "crm.users", "value": 5}, "value: must be an object, text or null"),
    ],
)
def test_what_is_no_event_at_all_is_told(candidate: object, text: str):
    """With what it could be."""
    assert told(candidate)[0].startswith(text)


@pytest.mark.parametrize(
    ("content", "text"), [(b"\xff", "file: must be UTF-8"), (b"{", "file: must be JSON"), (b"", "file: must be JSON")]
)
def test_a_file_that_is_no_json_is_told(content: bytes, text: str):
    """Bytes are not blamed on a field."""
    assert [str(problem) for problem in validate(content)] == [text]


def test_an_event_too_large_for_its_topic_is_told():
    """Kafka would refuse it later and say less."""
    data = spoiled("crm.schedule-item.updated.v1", "after.notes", "x" * MIB)

    assert told({"type": "crm.schedule-item.updated.v1", "data": data}) == [f"value: must be at most {MIB} bytes"]


def test_fields_that_nobody_reads_are_told_apart_from_mistakes():
    """Often a misspelled one."""
    data = spoiled("crm.schedule-item.updated.v1", "after.locaton", None)
    for candidate in (
        {"type": "crm.schedule-item.updated.v1", "data": data},
        structured("crm.schedule-item.updated.v1", data),
        record("crm.schedule-item.updated.v1", data),
    ):
        content = json.dumps(candidate).encode()

        assert validate(content) == []
        assert [str(problem) for problem in ignored(content)] == [
            "after.locaton: is not a field of this event and is ignored"
        ]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"type": 5}', b'{"type": "x", "data": 1}'])
def test_of_what_is_no_event_nothing_is_said_to_be_ignored(content: bytes):
    """`validate` has said all there is to say."""
    assert ignored(content) == []


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["topic", "key", "headers", "value", "type", "data", "specversion", "id", "source"]),
        st.one_of(JSON_VALUES, st.sampled_from([USER, "crm.users", "1.0"])),
    )
)
def test_no_file_breaks_the_check(candidate: dict[str, object]):
    """Whatever stands in it, the answer is a list of problems."""
    assert all(problem.field and problem.rule for problem in validate(json.dumps(candidate).encode()))
    assert isinstance(ignored(json.dumps(candidate).encode()), list)
