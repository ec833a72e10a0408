"""What is a complete answer, and what is refused as a whole."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.exchange.ews import envelopes
from daemon.exchange.ews.envelopes import Undecodable
from daemon.exchange.ews.failures import Failure
from tests.unit.exchange import canned
from tests.unit.exchange.reading import copy_of

GOOD = canned.answer("GetItem", canned.items(canned.meeting("i")))


def rule_of(raw: bytes) -> str:
    with pytest.raises(Undecodable) as refused:
        envelopes.messages(raw)
    return refused.value.rule


def failure_of(raw: bytes) -> Failure:
    with pytest.raises(Failure) as failed:
        envelopes.messages(raw)
    return failed.value


@pytest.mark.parametrize("length", range(0, len(GOOD), 37))
def test_an_answer_that_was_cut_off_is_never_read_in_part(length: int) -> None:
    """Half an answer looks like a meeting that lost its guests."""
    assert rule_of(GOOD[:length]) == envelopes.CUT_OFF


def test_an_answer_beyond_the_bound_is_refused_unparsed() -> None:
    assert rule_of(b"<" + b"x" * envelopes.LARGEST_ANSWER) == envelopes.TOO_LARGE


@pytest.mark.scenario("S25a")
@pytest.mark.parametrize(("megabytes", "rule"), [(12, envelopes.NOT_WELL_FORMED), (20, envelopes.TOO_LARGE)])
def test_s25a_a_text_of_many_megabytes_is_refused(megabytes: int, rule: str) -> None:
    bomb = canned.answer("GetItem", canned.items(canned.meeting("i", Body="x" * megabytes * 1_000_000)))
    assert rule_of(bomb) == rule


def test_entities_are_refused_and_files_never_read() -> None:
    declaration = b'<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>'
    raw = GOOD.replace(b"?>", b"?>" + declaration, 1).replace(b"Review", b"&secret;")
    assert rule_of(raw) == envelopes.NOT_WELL_FORMED


def test_an_entity_bomb_is_refused() -> None:
    levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{levels}]>'.encode()
    raw = GOOD.replace(b"?>", b"?>" + bomb, 1).replace(b"Review", b"&l11;")
    assert rule_of(raw) == envelopes.NOT_WELL_FORMED


@pytest.mark.scenario("S25a")
@pytest.mark.parametrize(
    "broken",
    ["&#xD83D;", "&#55357;", "&#x1;", "&#0;", "&#xFFFFFFFF;", "\x01", "\ud83d", "\uffff"],
    ids=ascii,
)
def test_s25a_half_an_emoji_becomes_a_replacement_character(broken: str) -> None:
    """What XML does not allow is mended; the words around it stay."""
    copy = copy_of(canned.meeting("i", Subject=f"Tea {broken} cake &#x1F370; &amp;"))
    assert copy.subject.replace("\ufffd", "") == "Tea  cake 🍰 &"
    assert "\ufffd" in copy.subject


@pytest.mark.parametrize(
    "raw",
    [b"<html><body>Sign in</body></html>", canned.envelope(""), b"<x/>"],
    ids=["a login page", "an empty body", "anything"],
)
def test_what_is_no_soap_answer_says_so(raw: bytes) -> None:
    assert failure_of(raw).code == "NotAnExchangeAnswer"


def test_a_fault_is_its_code_and_its_back_off() -> None:
    raw = canned.fault("ErrorServerBusy", values={"BackOffMilliseconds": "297749"}).body
    failure = failure_of(raw)
    assert (failure.code, failure.back_off) == ("ErrorServerBusy", timedelta(milliseconds=297749))


def test_a_fault_without_detail_is_named_by_its_fault_code() -> None:
    raw = canned.envelope(
        "<s:Fault><faultcode>a:ErrorSchemaValidation</faultcode><faultstring>x</faultstring></s:Fault>"
    )
    assert failure_of(raw).code == "ErrorSchemaValidation"


@pytest.mark.scenario("S23a")
def test_s23a_an_inner_busy_error_is_the_code_that_counts() -> None:
    """Exchange wraps ErrorServerBusy into ErrorInternalServerError, in a message that comes with status 200."""
    values = {
        "InnerErrorMessageText": "busy",
        "InnerErrorResponseCode": "ErrorServerBusy",
        "InnerErrorDescriptiveLinkKey": "0",
        "BackOffMilliseconds": "3000",
    }
    raw = canned.answer("GetItem", canned.failed("ErrorInternalServerError", values=values))
    [message] = envelopes.messages(raw)
    assert (message.code, message.back_off) == ("ErrorServerBusy", timedelta(seconds=3))


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9", "9" * 30])
def test_a_senseless_back_off_is_none(value: str) -> None:
    assert failure_of(canned.fault("ErrorServerBusy", values={"BackOffMilliseconds": value}).body).back_off is None


@given(st.binary(max_size=400))
def test_any_bytes_are_messages_or_refused(raw: bytes) -> None:
    with pytest.raises((Undecodable, Failure)):
        envelopes.messages(raw)


@given(st.integers(min_value=0, max_value=len(GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_answer_is_read_or_refused_and_nothing_else(place: int, damage: bytes) -> None:
    raw = GOOD[:place] + damage + GOOD[place + len(damage) :]
    with suppress(Undecodable, Failure):
        assert [message.code for message in envelopes.messages(raw)]
