"""One meeting has one UID, however a server spells it (ID-1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.exchange.ews import uids

pytestmark = pytest.mark.rule("ID-1")

CLEAN = "040000008200E00074C5B7101A82E008000000000080E6C23C5ADC01000000000000000010000000" + "AB" * 16
OF_AN_OCCURRENCE = CLEAN[:32] + "07EA0C08" + CLEAN[40:]
GOOGLE = "7kukuqrfedlm2f9t4h@google.com"


def test_every_spelling_of_an_outlook_meetings_id_is_one_uid() -> None:
    """Hex in either case, with or without the date of an occurrence, and the property's bytes."""
    spellings = {
        uids.canonical(CLEAN),
        uids.canonical(CLEAN.lower()),
        uids.canonical(f" {CLEAN}\n"),
        uids.canonical(OF_AN_OCCURRENCE),
        uids.from_bytes(bytes.fromhex(CLEAN)),
        uids.from_bytes(bytes.fromhex(OF_AN_OCCURRENCE)),
    }
    assert spellings == {CLEAN}


def test_a_foreign_meeting_is_one_uid_as_text_and_as_exchange_wraps_it() -> None:
    wrapped = uids.to_bytes(GOOGLE)
    assert uids.canonical(GOOGLE) == uids.from_bytes(wrapped) == uids.canonical(wrapped.hex()) == GOOGLE


def test_the_wrapping_of_a_foreign_uid_is_exchanges() -> None:
    """As MS-OXCICAL lays it out: head, no date, no creation time, eight zeros, size, vCal-Uid, text, zero."""
    assert uids.to_bytes("u@x").hex().upper() == (
        "040000008200E00074C5B7101A82E008"
        + "00000000"
        + "00" * 16
        + "10000000"
        + "7643616C2D55696401000000"
        + "75407800"
    )


def test_uids_that_differ_in_case_are_two_meetings() -> None:
    assert uids.canonical("abc@x") != uids.canonical("ABC@x")


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_uid_is_none(blank: str) -> None:
    assert uids.canonical(blank) is None


@given(st.text(max_size=80))
def test_canonical_is_stable_and_finds_its_own_bytes(text: str) -> None:
    """What was made canonical once stays so, and searching by it asks for the bytes that read as it."""
    once = uids.canonical(text)
    if once is not None:
        assert uids.canonical(once) == once
        assert uids.from_bytes(uids.to_bytes(once)) == once


@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_read_as_a_uid_or_none(tail: bytes, is_exchanges: bool) -> None:
    value = (uids.HEAD if is_exchanges else b"") + tail
    uid = uids.from_bytes(value)
    assert (uid is None) == (value == b"")
    if uid is not None and is_exchanges:
        assert uids.canonical(uid) == uid
