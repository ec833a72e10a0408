"""CloudEvents over Kafka: both modes are read, one is written, and what is wrong is named without being quoted."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import envelope
from schemas.envelope import Envelope
from schemas.problems import Malformed, MalformedKind

BINARY = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"e-1"),
    ("ce_source", b"/crm"),
    ("ce_type", b"crm.user.changed.v1"),
    ("content-type", b"application/json"),
]
STRUCTURED = {"specversion": "1.0", "id": "e-1", "source": "/crm", "type": "crm.user.changed.v1", "data": {"a": 1}}
STRUCTURED_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")


def refusal(headers: envelope.Headers, value: bytes | None) -> Malformed:
    with pytest.raises(Malformed) as caught:
        envelope.read(headers, value)
    return caught.value


def test_what_is_written_is_read_back_whole():
    """Binary mode loses nothing, the trace context included."""
    event = Envelope(
        id="e-1",
        source="exsyncd/desk",
        type="sync.outcome.v1",
        time=datetime(2026, 12, 1, 10, 0, tzinfo=timezone(timedelta(hours=1))),
        subject="9f0c",
        data={"name": "Änne"},
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        tracestate="vendor=1",
    )

    headers, value = envelope.write(event)

    assert dict(headers)["ce_time"] == b"2026-12-01T09:00:00Z"
    assert envelope.read(headers, value) == event


def test_optional_attributes_are_not_sent_empty():
    """An absent subject is an absent header, not a blank one."""
    headers, _ = envelope.write(Envelope(id="1", source="s", type="t", data={}))

    assert [name for name, _ in headers] == ["ce_specversion", "ce_id", "ce_source", "ce_type", "content-type"]


def test_a_structured_event_is_read():
    """The whole envelope in the value."""
    event = envelope.read([STRUCTURED_TYPE], json.dumps(STRUCTURED).encode())

    assert (event.id, event.type, event.data) == ("e-1", "crm.user.changed.v1", {"a": 1})


def test_content_type_decides_even_when_a_structured_event_carries_copies():
    """`ce_` headers do not make it binary; the value is the envelope, not the data."""
    event = envelope.read([*BINARY[:4], STRUCTURED_TYPE], json.dumps(STRUCTURED).encode())

    assert event.data == {"a": 1}


def test_a_structured_event_without_any_header_is_read():
    """Some producers set no headers at all; there is nothing else it could be."""
    assert envelope.read([], json.dumps(STRUCTURED).encode()).id == "e-1"


def test_base64_data_of_a_structured_event_are_read():
    """CloudEvents lets a producer send bytes that way."""
    event = {**STRUCTURED, "data_base64": base64.b64encode(b'{"b": 2}').decode()}
    del event["data"]

    assert envelope.read([STRUCTURED_TYPE], json.dumps(event).encode()).data == {"b": 2}


@pytest.mark.parametrize("value", [b'{"a": 1}', b'\x00\x00\x00\x00\x07{"a": 1}', b'\xef\xbb\xbf{"a": 1}'])
def test_a_registry_frame_and_a_byte_order_mark_are_taken_off(value: bytes):
    """CRM exporters differ in what they put before the JSON."""
    assert envelope.read(BINARY, value).data == {"a": 1}


def test_a_frame_is_refused_where_it_is_not_expected():
    """Framing is an option."""
    with pytest.raises(Malformed, match="data: must be JSON"):
        envelope.read(BINARY, b"\x00\x00\x00\x00\x07{}", framed=False)


@pytest.mark.parametrize("headers", [[], BINARY, [("ce_type", None)]])
def test_a_null_value_is_a_delete_with_or_without_headers(headers: list[tuple[str, bytes | None]]):
    """Whoever cleans a compacted topic by hand sends no headers."""
    assert envelope.read(headers, None).is_delete


def test_of_a_repeated_header_the_last_counts_and_foreign_ones_do_not_matter():
    """As Kafka's own clients do; a header of another program may hold any bytes."""
    event = envelope.read([("x-binary", b"\xff\xfe"), ("ce_id", b"old"), *BINARY], b"{}")

    assert event.id == "e-1"


def test_header_names_are_read_in_any_case():
    """Producers disagree about `Content-Type`."""
    headers = [("Content-Type" if name == "content-type" else name, value) for name, value in BINARY]

    assert envelope.read(headers, b"{}").datacontenttype == "application/json"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (b"", "data: must be JSON"),
        (b"{", "data: must be JSON"),
        (b"null", "data: must be a JSON object"),
        (b"[1]", "data: must be a JSON object"),
        (b'{"a": NaN}', "data: must be JSON"),
        (b'{"a": 1}\xff', "data: must be UTF-8"),
        (b"[" * 200_000, "data: is nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "data: must be JSON"),
    ],
)
def test_undecodable_bytes_are_named(value: bytes, rule: str):
    """No bytes, however odd, end in anything but a sentence."""
    assert str(refusal(BINARY, value)) == rule


def test_bytes_that_are_no_json_are_undecodable():
    """The dead letter's reason hangs on it."""
    assert refusal(BINARY, b"{").kind is MalformedKind.UNDECODABLE
    assert refusal([("ce_id", b"\xff")], b"{}").kind is MalformedKind.UNDECODABLE


def test_all_missing_attributes_are_named_at_once():
    """A producer mends his program once, not four times."""
    error = refusal([("ce_type", b"  "), ("ce_time", b"yesterday"), ("content-type", b"application/json")], b"{}")

    assert error.kind is MalformedKind.ENVELOPE
    assert [problem.field for problem in error.problems] == ["id", "source", "specversion", "type", "time"]


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ([("ce_specversion", b"0.3")], "specversion: must be 1.0"),
        ([("ce_time", b"2026-12-01T10:00:00")], "time: must be a time with an offset or Z"),
        ([("content-type", b"text/xml")], "content-type: must be application/json"),
        (
            [("content-type", b"application/cloudevents-batch+json")],
            "content-type: must be application/cloudevents+json or application/json",
        ),
    ],
)
def test_a_wrong_attribute_is_named_with_its_rule(headers: list[tuple[str, bytes]], text: str):
    """The field and the rule."""
    assert str(refusal([*BINARY, *headers], b"{}")) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"id": 7}, "id: must be text"),
        ({"data": None}, "data: must be a JSON object"),
        ({"data": "text"}, "data: must be a JSON object"),
        ({"data_base64": "%%%"}, "data_base64: must be base64"),
        ({"data_base64": 5}, "data_base64: must be base64"),
        ({"datacontenttype": "text/xml", "data": {}}, "datacontenttype: must be application/json"),
    ],
)
def test_a_wrong_structured_event_is_named(change: dict[str, object], text: str):
    """The same sentences for the other mode."""
    assert str(refusal([STRUCTURED_TYPE], json.dumps({**STRUCTURED, **change}).encode())) == text


def test_a_structured_event_without_data_is_no_delete():
    """Only a null record value deletes."""
    event = {name: value for name, value in STRUCTURED.items() if name != "data"}

    assert str(refusal([STRUCTURED_TYPE], json.dumps(event).encode())) == "data: is required"


def test_a_lost_surrogate_does_not_stop_an_event():
    """One character of a body is not worth a meeting."""
    _, value = envelope.write(Envelope(id="1", source="s", type="t", data={"notes": "a\ud800b"}))

    assert value == b'{"notes":"a?b"}'


def what_is_said_of(headers: list[tuple[str, bytes | None]], value: bytes | None) -> str:
    try:
        return envelope.read(headers, value).datacontenttype
    except Malformed as error:
        return str(error)


@pytest.mark.rule("PRIV-5")
@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(["ce_id", "ce_type", "ce_time", "ce_specversion", "ce_source", "content-type"]),
            st.one_of(st.none(), st.binary(max_size=20), st.sampled_from([b"1.0", b"application/json"])),
        ),
        max_size=8,
    ),
    value=st.one_of(st.none(), st.binary(max_size=50), st.just(b'{"subject": "canary"')),
)
def test_no_record_ends_in_anything_but_an_event_or_a_sentence_without_content(
    headers: list[tuple[str, bytes | None]], value: bytes | None
):
    """Whatever is on the bus, the reader does not break and does not tell."""
    assert "canary" not in what_is_said_of(headers, value)
