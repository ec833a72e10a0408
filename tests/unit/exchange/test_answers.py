"""Which answer belongs to which item."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from daemon.exchange.ews import answers, envelopes
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.ews.failures import Failure
from daemon.exchange.port import Answer, Gone, Unknown, Unreadable
from tests.unit.exchange import canned
from tests.unit.exchange.reading import FOLDERS, MAILBOX


def paired(asked: list[str], *messages: str) -> tuple[Answer, ...]:
    read = envelopes.messages(canned.answer("GetItem", *messages))
    return answers.paired(answers.checked(read), asked, Reading(MAILBOX, FOLDERS))


def there(item_id: str) -> str:
    return canned.items(canned.meeting(item_id))


def said(answer: Answer) -> str:
    return f"{type(answer).__name__} {answer.item_id}"


def test_answers_come_in_the_order_asked_for() -> None:
    found = paired(["a", "b", "c"], there("a"), canned.failed("ErrorItemNotFound"), there("c"))
    assert [said(one) for one in found] == ["Copy a", "Gone b", "Copy c"]


def test_items_are_recognised_in_any_order() -> None:
    for order in itertools.permutations("abc"):
        assert [said(one) for one in paired(["a", "b", "c"], *map(there, order))] == ["Copy a", "Copy b", "Copy c"]


@pytest.mark.scenario("S21b")
def test_s21b_ids_that_differ_in_case_or_in_a_dash_are_two_items() -> None:
    asked = ["AAMk-x", "AAMk_x", "aamk-x"]
    found = paired(asked, there("aamk-x"), there("AAMk_x"), there("AAMk-x"))
    assert [one.item_id for one in found] == asked


@pytest.mark.rule("DEL-4")
@pytest.mark.scenario("S02c")
@pytest.mark.parametrize(
    "messages",
    [
        (),
        (there("b"),),
        (there("b"), canned.failed("ErrorItemNotFound")),
        (there("a"), there("b"), canned.failed("ErrorItemNotFound"), canned.failed("ErrorItemNotFound")),
    ],
    ids=["none", "one", "one and a failure", "one too many"],
)
def test_s02c_an_answer_that_is_too_short_leaves_the_others_unknown_and_never_gone(messages: tuple[str, ...]) -> None:
    found = paired(["a", "b", "c"], *messages)
    assert said(found[1]) == ("Copy b" if messages else "Unknown b")
    assert said(found[2]) == "Unknown c"
    assert not any(isinstance(one, Gone) for one in found)


@pytest.mark.rule("DEL-4")
@pytest.mark.scenario("S02c")
@pytest.mark.parametrize(
    "code",
    [
        "ErrorInternalServerError",
        "ErrorMailboxStoreUnavailable",
        "ErrorMailboxMoveInProgress",
        "ErrorTimeoutExpired",
        "ErrorBatchProcessingStopped",
        "ErrorServerBusy",
        "ErrorAccessDenied",
        "ErrorThatIsNewNextYear",
    ],
)
def test_s02c_an_error_of_one_item_makes_that_item_unknown(code: str) -> None:
    found = paired(["a", "b"], there("a"), canned.failed(code))
    assert [said(one) for one in found] == ["Copy a", "Unknown b"]
    assert found[1] == Unknown("b", code)


def test_a_success_without_an_item_is_unknown() -> None:
    assert paired(["a"], canned.items()) == (Unknown("a", answers.ITEM_MISSING),)


def test_an_item_under_a_new_id_is_the_one_asked_for_at_its_place() -> None:
    """Servers answer to an old id with the item under its present one."""
    assert [said(one) for one in paired(["old", "b"], there("new"), there("b"))] == ["Copy new", "Copy b"]


def test_an_item_that_was_asked_for_elsewhere_stands_for_no_other() -> None:
    assert [said(one) for one in paired(["a", "b"], there("b"), there("b"))] == ["Unknown a", "Copy b"]


def test_a_corrupt_item_is_unreadable_with_the_servers_word() -> None:
    assert paired(["a"], canned.failed("ErrorItemCorrupt")) == (Unreadable("a", "ErrorItemCorrupt"),)


@pytest.mark.parametrize("code", ["ErrorAccessDenied", "ErrorServerBusy", "ErrorNonExistentMailbox"])
def test_an_error_of_every_item_is_the_calls(code: str) -> None:
    busy = {"BackOffMilliseconds": "2000"}
    with pytest.raises(Failure, match=code) as failed:
        paired(["a", "b"], canned.failed(code), canned.failed(code, values=busy))
    assert failed.value.back_off == timedelta(seconds=2)


def test_items_that_are_all_gone_are_gone() -> None:
    gone = canned.failed("ErrorItemNotFound")
    assert paired(["a", "b"], gone, gone) == (Gone("a"), Gone("b"))
