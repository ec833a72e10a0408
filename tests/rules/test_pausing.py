"""Whose synchronization stands still, and what an operator is told (OPS-1)."""

from __future__ import annotations

import pytest

from handlers.pausing import Asked, Pauses, concerned, decide
from handlers.plans import Explanation, Report
from schemas.items import ScheduleItem
from schemas.outcomes import Decision, Direction, Reason, Result

NOBODY = Pauses()
ANNA = Pauses(users=frozenset({"u-anna"}))
ALL = Pauses(system=True)


def asked(pause: bool, user: str | None = None, *, dry_run: bool = False) -> Asked:
    """A request for one user, or for everybody."""
    return Asked(pause=pause, level="user" if user else "system", id=user, dry_run=dry_run)


@pytest.mark.rule("OPS-1")
@pytest.mark.parametrize(
    ("standing", "users", "blocked"),
    [
        (NOBODY, ["u-anna"], False),
        (ANNA, ["u-bob"], False),
        (ANNA, ["u-bob", "u-anna"], True),
        (ANNA, [], False),
        (ALL, [], True),
        (ALL, ["u-bob"], True),
    ],
)
def test_a_pause_holds_whatever_concerns_one_it_covers(standing: Pauses, users: list[str], blocked: bool) -> None:
    """One of several suffices; everybody's pause holds also what concerns nobody we know."""
    assert standing.block(users) is blocked


@pytest.mark.rule("OPS-1")
@pytest.mark.parametrize(
    ("standing", "request_", "result", "after"),
    [
        (NOBODY, asked(True), Result.APPLIED, ALL),
        (NOBODY, asked(True, "u-anna"), Result.APPLIED, ANNA),
        (ALL, asked(True), Result.UNCHANGED, ALL),
        (ANNA, asked(True, "u-anna"), Result.UNCHANGED, ANNA),
        (ALL, asked(False), Result.APPLIED, NOBODY),
        (ANNA, asked(False, "u-anna"), Result.APPLIED, NOBODY),
        (NOBODY, asked(False), Result.UNCHANGED, NOBODY),
        (ALL, asked(True, "u-anna"), Result.APPLIED, Pauses(True, ANNA.users)),
    ],
)
def test_what_is_so_already_is_unchanged(standing: Pauses, request_: Asked, result: Result, after: Pauses) -> None:
    """Else it is applied, and nobody else is touched."""
    answer = decide(standing, request_, is_known=True)
    assert (answer.report.direction, answer.report.result, answer.report.reason) == (Direction.CONTROL, result, None)
    assert answer.pauses == after


@pytest.mark.rule("OPS-1")
@pytest.mark.parametrize(
    ("request_", "about", "because"),
    [(asked(False), "u-anna", "paused by name"), (asked(False, "u-anna"), "u-anna", "the system is paused")],
)
def test_who_stays_paused_though_resumed_is_named(request_: Asked, about: str, because: str) -> None:
    """Both pauses stand by themselves: an operator must not wonder why nothing moves."""
    answer = decide(Pauses(True, ANNA.users), request_, is_known=True)
    [note] = answer.report.explain
    assert answer.report.result is Result.APPLIED
    assert (note.rule, note.about, note.decision, note.because) == ("OPS-1", about, Decision.KEPT, because)


@pytest.mark.rule("OPS-1")
def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing() -> None:
    answer = decide(NOBODY, asked(True, "u-anna", dry_run=True), is_known=True)
    assert (answer.report.result, answer.pauses) == (Result.UNCHANGED, NOBODY)
    assert [(note.about, note.because) for note in answer.report.explain] == [("u-anna", "dry_run: would be applied")]
    again = decide(ANNA, asked(True, "u-anna", dry_run=True), is_known=True)
    assert again.report.explain == ()


@pytest.mark.rule("OPS-1")
@pytest.mark.parametrize(
    ("request_", "reason", "because"),
    [
        (asked(True, "u-nobody"), Reason.UNKNOWN_MAILBOX, "unknown user: crm.users has none of this id"),
        (asked(False, "u-nobody"), Reason.UNKNOWN_MAILBOX, "unknown user: crm.users has none of this id"),
        (Asked(pause=True, level="link", id="9f0c"), Reason.NOT_YET, "scope must be system or a user"),
    ],
)
def test_who_cannot_be_paused_is_refused_with_what_helps(request_: Asked, reason: Reason, because: str) -> None:
    answer = decide(ANNA, request_, is_known=False)
    assert (answer.report.result, answer.report.reason, answer.pauses) == (Result.REFUSED, reason, ANNA)
    [note] = answer.report.explain
    assert (note.about, note.decision, note.because) == (request_.id, Decision.REFUSED, because)


@pytest.mark.rule("OPS-1")
def test_a_user_who_left_the_directory_can_be_resumed() -> None:
    """Else he would stay paused for ever, should he come back."""
    answer = decide(ANNA, asked(False, "u-anna"), is_known=False)
    assert (answer.report.result, answer.pauses) == (Result.APPLIED, NOBODY)


@pytest.mark.rule("OPS-1")
def test_an_item_concerns_its_owner_and_all_it_is_assigned_to() -> None:
    """Before and after a change: who is taken out of it is concerned, too."""
    before = ScheduleItem(owner="u-anna", assign_to=("u-anna", "u-bob"))
    after = ScheduleItem(owner=None, assign_to=("u-cleo",))
    assert concerned(before, after) == {"u-anna", "u-bob", "u-cleo"}
    assert concerned(None) == set()


@pytest.mark.rule("OPS-1")
@pytest.mark.parametrize("pause", [True, False])
def test_everybody_is_meant_whatever_id_comes_with_it(pause: bool) -> None:
    """The level says whom."""
    for level, user in (("system", "u-anna"), ("user", None)):
        answer = decide(Pauses(not pause), Asked(pause=pause, level=level, id=user), is_known=True)  # type: ignore[arg-type]
        assert answer.pauses == Pauses(pause)


@pytest.mark.rule("OPS-1")
def test_what_is_unchanged_still_says_who_is_paused() -> None:
    """And nothing of anybody else."""
    unchanged = decide(ANNA, asked(False), is_known=True)
    said = Explanation("OPS-1", "u-anna", Decision.KEPT, "paused by name")
    assert unchanged.report == Report(Direction.CONTROL, Result.UNCHANGED, explain=(said,))
    assert decide(ANNA, asked(False, "u-bob"), is_known=True).report.explain == ()


@pytest.mark.rule("OPS-1")
def test_a_refusal_names_rule_and_direction() -> None:
    """As every outcome does."""
    answer = decide(NOBODY, Asked(pause=True, level="link"), is_known=True)
    refused = Explanation("OPS-1", "system", Decision.REFUSED, "scope must be system or a user")
    assert answer.report == Report(Direction.CONTROL, Result.REFUSED, Reason.NOT_YET, explain=(refused,))
