"""Who may act for whom, without any I/O: what is wished, called and remembered, and who is answered (INV-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import delegations
from handlers.delegations import Aim, Arrangement, Asked, Bar, Call, Kind, Operation, Pair, State, Step, Wish
from handlers.facts import User
from handlers.options import OptionValues
from handlers.plans import Explanation, Report
from schemas.delegates import CUSTOM, NO_RIGHTS, Rights
from schemas.options import Level
from schemas.outcomes import Decision, Direction, Reason, Result

PAIR = Pair("u-anna", "u-ben")
ANNA, BEN = "anna@bank.example", "ben@bank.example"
OLD = "b.old@bank.example"
KEY = "meeting_invitations"
PEOPLE = {
    "u-anna": User("u-anna", mailbox=ANNA, addresses=(ANNA, "a.adler@bank.example"), user_type="advisor"),
    "u-ben": User("u-ben", mailbox=BEN, addresses=(BEN,), user_type="assistant"),
}
GRANTED = Arrangement(State.GRANTED, ANNA, BEN)
FREE = Wish(None, mailboxes=(ANNA,), addresses=(BEN,))
REVIEWER = Rights(calendar="Reviewer")
EDITOR = NO_RIGHTS.as_editor()
SECRETARY = Rights(calendar="Editor", tasks="Editor", inbox="Author", receives_copies=True, sees_private=True)
LEVELS = st.sampled_from(["None", "Reviewer", "Author", "Editor", CUSTOM])
RIGHTS = st.builds(
    Rights,
    calendar=LEVELS,
    tasks=LEVELS,
    inbox=LEVELS,
    contacts=LEVELS,
    notes=LEVELS,
    journal=LEVELS,
    receives_copies=st.booleans(),
    sees_private=st.booleans(),
)


def options(**scopes: bool) -> OptionValues:
    """The option as it is set by events, by scope with a dash for the colon; `config` from configuration."""
    config = {KEY: scopes.pop("config")} if "config" in scopes else {}
    return OptionValues({scope.replace("__", ":").replace("_", "-"): {KEY: on} for scope, on in scopes.items()}, config)


def wished(
    people: Mapping[str, User | None] = PEOPLE, *, granted: bool = True, values: OptionValues | None = None
) -> Wish:
    """What is to be of Ben acting for Anna, whose option is on; people who are otherwise by id, None: unknown."""
    users = {key: user for key, user in {**PEOPLE, **people}.items() if user}
    return delegations.wish(PAIR, granted=granted, users=users, options=values or options(user__u_anna=True))


# what is wished


@pytest.mark.rule("INV-1")
def test_a_grant_whose_principal_has_the_option_on_is_to_be_in_force() -> None:
    """In the principal's mailbox, for the delegate's; other names of the same are known, too."""
    wish = wished()
    assert (wish.bar, wish.mailboxes, wish.addresses) == (None, (ANNA, "a.adler@bank.example"), (BEN,))
    [used] = wish.options
    assert (used.key, used.user, used.value, used.level) == (KEY, "u-anna", True, Level.USER)
    assert used.effect == ("delegate:u-ben",)


@pytest.mark.rule("INV-1", "OPT-1", "OPT-4")
@pytest.mark.parametrize(
    ("values", "level", "on"),
    [
        (options(), Level.DEFAULT, False),
        (options(config=True), Level.CONFIG, True),
        (options(config=True, system=False), Level.SYSTEM, False),
        (options(system=False, type__advisor=True), Level.TYPE, True),
        (options(type__advisor=True, user__u_anna=False), Level.USER, False),
        (options(user__u_ben=True, type__assistant=True), Level.DEFAULT, False),
    ],
)
def test_the_principals_option_counts_at_every_level_and_not_the_delegates(
    values: OptionValues, level: Level, on: bool
) -> None:
    """Off by default; the nearest level that sets it for the principal decides."""
    wish = wished(values=values)
    assert (wish.bar, wish.whom) == ((None, "") if on else (Bar.OPTION_OFF, "u-anna"))
    assert [(used.level, used.value, used.effect) for used in wish.options] == [(level, on, ("delegate:u-ben",))]


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("people", "bar", "whom"),
    [
        ({"u-anna": None}, Bar.UNKNOWN, "u-anna"),
        ({"u-ben": None}, Bar.UNKNOWN, "u-ben"),
        ({"u-anna": replace(PEOPLE["u-anna"], mailbox=None)}, Bar.NO_MAILBOX, "u-anna"),
        ({"u-anna": replace(PEOPLE["u-anna"], sync_enabled=False)}, Bar.NO_MAILBOX, "u-anna"),
        ({"u-anna": replace(PEOPLE["u-anna"], active=False)}, Bar.NO_MAILBOX, "u-anna"),
        ({"u-ben": replace(PEOPLE["u-ben"], mailbox=None)}, Bar.NO_MAILBOX, "u-ben"),
        ({"u-ben": replace(PEOPLE["u-ben"], active=False)}, Bar.NO_MAILBOX, "u-ben"),
        ({"u-ben": replace(PEOPLE["u-ben"], sync_enabled=False)}, None, ""),
    ],
)
def test_both_must_be_able_to(people: dict[str, User | None], bar: Bar | None, whom: str) -> None:
    """A principal who is synchronized, and a delegate who is active and has a mailbox, synchronized or not."""
    wish = wished(people)
    assert (wish.bar, wish.whom) == (bar, whom)
    consulted = [(used.key, used.value, used.effect) for used in wish.options]
    is_consulted = people.get("u-anna", PEOPLE["u-anna"]) is not None
    assert consulted == ([(KEY, True, () if bar else ("delegate:u-ben",))] if is_consulted else [])


@pytest.mark.rule("INV-1")
def test_what_is_not_granted_asks_for_no_option() -> None:
    """A revoke is a revoke whatever else is the case; where something of it may be left is known all the same."""
    assert wished(granted=False) == Wish(Bar.REVOKED, (ANNA, "a.adler@bank.example"), (BEN,))
    assert wished({"u-ben": None}, granted=False).addresses == ()
    no_mailbox = replace(PEOPLE["u-anna"], mailbox=None)
    assert wished({"u-anna": no_mailbox}, granted=False).mailboxes == ()


# what is done


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("bar", [None, *Bar])
def test_every_way_leads_to_what_is_wished(state: State, bar: Bar | None) -> None:
    """From whatever a daemon that died left behind; what is as wished is left alone."""
    done, wish = replace(GRANTED, state=state), replace(FREE, bar=bar)
    step = delegations.next_step(done, wish)
    if bar is None:
        assert step is (Step.NOTHING if state is State.GRANTED else Step.GRANT)
    else:
        assert step is (Step.NOTHING if state is State.NONE else Step.TAKE_BACK)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("state", [State.GRANTING, State.GRANTED, State.REVOKING])
@pytest.mark.parametrize(
    ("wish", "step"),
    [
        (replace(FREE, addresses=("b.new@bank.example",)), Step.TAKE_BACK),
        (replace(FREE, mailboxes=("a.new@bank.example",)), Step.TAKE_BACK),
        (replace(FREE, addresses=("b.new@bank.example", BEN)), None),
    ],
)
def test_whoever_has_another_mailbox_loses_his_rights_in_the_old_one_first(
    state: State, wish: Wish, step: Step | None
) -> None:
    """Unless the old address is another name of the same mailbox."""
    expected = step or (Step.NOTHING if state is State.GRANTED else Step.GRANT)
    assert delegations.next_step(replace(GRANTED, state=state), wish) is expected


@pytest.mark.rule("INV-1")
def test_a_new_delegate_gets_the_calendar_and_nothing_else() -> None:
    """Editor there, no private items, no copies of requests, no other folder."""
    assert delegations.granting(None) == Call(Operation.ADD, Rights(calendar="Editor"))


@pytest.mark.rule("INV-1")
@given(RIGHTS)
def test_who_was_a_delegate_keeps_what_else_he_could_do(found: Rights) -> None:
    """Only the calendar's level and the sight of private items change; who has these rights is left alone."""
    call = delegations.granting(found)
    after = found if call is None else call.rights
    assert after == replace(found, calendar="Editor", sees_private=False)
    assert (call is None) == (found == after)
    assert call is None or call.operation is Operation.UPDATE


@pytest.mark.rule("INV-1")
@given(RIGHTS)
def test_what_is_taken_back_leaves_him_what_he_had_before_us(prior: Rights) -> None:
    """Whatever it was, unless nobody can name it: then the calendar is closed to him."""
    granted = delegations.granting(prior)
    call = delegations.taking_back(prior if granted is None else granted.rights, prior)
    after = prior.as_editor() if call is None else call.rights
    wanted = replace(prior, calendar="None") if prior.calendar == CUSTOM else prior
    assert after == wanted
    assert call is None or call.operation is Operation.UPDATE


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("found", "prior", "call"),
    [
        (EDITOR, None, Call(Operation.REMOVE)),
        (SECRETARY, None, Call(Operation.REMOVE)),
        (SECRETARY, REVIEWER, Call(Operation.UPDATE, REVIEWER)),
        (REVIEWER, REVIEWER, None),
        (None, REVIEWER, None),
        (None, None, None),
    ],
)
def test_what_somebody_did_by_hand_meanwhile(found: Rights | None, prior: Rights | None, call: Call | None) -> None:
    """Rights that were widened go with ours; what was taken from him is not given back."""
    assert delegations.taking_back(found, prior) == call


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("found", "replayed", "prior"),
    [
        (None, False, None),
        (EDITOR, False, EDITOR),
        (EDITOR, True, None),
        (None, True, None),
        (REVIEWER, True, REVIEWER),
        (Rights(calendar="Editor", tasks="Reviewer"), True, Rights(tasks="Reviewer")),
        (SECRETARY, True, SECRETARY),
    ],
)
def test_after_the_store_was_lost_our_own_work_is_not_taken_for_somebody_elses(
    found: Rights | None, replayed: bool, prior: Rights | None
) -> None:
    """What he could do in the calendar before is not to be known then: a revoke must not leave him our rights."""
    assert delegations.remembered(found, replayed=replayed) == prior


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("found", "prior"),
    [
        (EDITOR, None),
        (Rights(calendar="Editor", tasks="Reviewer"), Rights(tasks="Reviewer")),
        (Rights(calendar="Editor", receives_copies=True), Rights(receives_copies=True)),
    ],
)
def test_what_looks_like_our_work_is_taken_for_what_a_lost_store_left(found: Rights, prior: Rights | None) -> None:
    """An Editor who sees nothing private: his calendar is closed, and the rest is left alone."""
    assert delegations.left_behind(found, FREE) == Arrangement(State.GRANTED, ANNA, BEN, prior)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("found", [None, NO_RIGHTS, REVIEWER, SECRETARY, Rights(calendar=CUSTOM), Rights(calendar="")])
def test_what_does_not_look_like_our_work_is_somebody_elses(found: Rights | None) -> None:
    """We never gave any other level, nor let anybody see what is private."""
    assert delegations.left_behind(found, FREE) is None


REVOKED = replace(FREE, bar=Bar.REVOKED)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("kinds", "done", "wish", "may_be"),
    [
        ([Kind.VAIN_REVOKE], Arrangement(), REVOKED, True),
        ([Kind.GRANT, Kind.REVOKE], Arrangement(), REVOKED, True),
        ([Kind.OTHER], Arrangement(), REVOKED, False),
        ([], Arrangement(), REVOKED, False),
        ([Kind.REVOKE], GRANTED, REVOKED, False),
        ([Kind.REVOKE], replace(GRANTED, state=State.REVOKING), REVOKED, False),
        ([Kind.REVOKE, Kind.GRANT], Arrangement(), FREE, False),
        ([Kind.REVOKE, Kind.GRANT], Arrangement(), replace(FREE, bar=Bar.OPTION_OFF), False),
        ([Kind.REVOKE], Arrangement(), replace(REVOKED, mailboxes=()), False),
        ([Kind.REVOKE], Arrangement(), replace(REVOKED, addresses=()), False),
    ],
)
def test_only_a_revoke_of_which_nothing_is_known_is_looked_up(
    kinds: list[Kind], done: Arrangement, wish: Wish, may_be: bool
) -> None:
    """And only where both have a mailbox to be asked about."""
    assert delegations.may_be_left([Asked(kind, owed=True) for kind in kinds], done, wish) is may_be


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("other", "shares"),
    [
        (GRANTED, True),
        (replace(GRANTED, state=State.GRANTING), True),
        (replace(GRANTED, state=State.REVOKING), True),
        (replace(GRANTED, state=State.NONE), False),
        (replace(GRANTED, address=OLD), False),
        (replace(GRANTED, mailbox=OLD), False),
    ],
)
def test_two_users_with_one_mailbox_share_what_is_done_for_it(other: Arrangement, shares: bool) -> None:
    """As long as anything is done there for the other one."""
    known = [Arrangement(), other]
    assert delegations.sharing(GRANTED, known) == (other if shares else None)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("done", "operation"),
    [
        (GRANTED, None),
        (Arrangement(), None),
        (replace(GRANTED, state=State.GRANTING), Operation.ADD),
        (replace(GRANTED, state=State.GRANTING, prior=REVIEWER), Operation.UPDATE),
        (replace(GRANTED, state=State.REVOKING), Operation.REMOVE),
        (replace(GRANTED, state=State.REVOKING, prior=REVIEWER), Operation.UPDATE),
    ],
)
def test_a_call_nobody_heard_the_end_of_is_named(done: Arrangement, operation: Operation | None) -> None:
    """So that an outcome can say what an earlier try wrote."""
    assert delegations.begun(done) is operation


# what is said


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("kind", "bar", "was", "said"),
    [
        (Kind.GRANT, None, Arrangement(), (Result.APPLIED, None)),
        (Kind.GRANT, Bar.OPTION_OFF, Arrangement(), (Result.REFUSED, Reason.OPTION_OFF)),
        (Kind.GRANT, Bar.OPTION_OFF, GRANTED, (Result.REFUSED, Reason.OPTION_OFF)),
        (Kind.GRANT, Bar.UNKNOWN, Arrangement(), (Result.REFUSED, Reason.UNKNOWN_MAILBOX)),
        (Kind.GRANT, Bar.NO_MAILBOX, Arrangement(), (Result.REFUSED, Reason.UNKNOWN_MAILBOX)),
        (Kind.REVOKE, Bar.REVOKED, GRANTED, (Result.APPLIED, None)),
        (Kind.REVOKE, Bar.REVOKED, Arrangement(), (Result.APPLIED, None)),
        (Kind.VAIN_REVOKE, Bar.REVOKED, Arrangement(), (Result.SKIPPED, Reason.NO_GRANT)),
        (Kind.VAIN_REVOKE, Bar.REVOKED, GRANTED, (Result.APPLIED, None)),
        (Kind.OTHER, None, Arrangement(), (Result.APPLIED, None)),
        (Kind.OTHER, Bar.OPTION_OFF, GRANTED, (Result.APPLIED, None)),
        (Kind.OTHER, Bar.OPTION_OFF, Arrangement(), (Result.REFUSED, Reason.OPTION_OFF)),
        (Kind.OTHER, Bar.NO_MAILBOX, GRANTED, (Result.APPLIED, None)),
    ],
)
def test_what_is_said_in_the_end(
    kind: Kind, bar: Bar | None, was: Arrangement, said: tuple[Result, Reason | None]
) -> None:
    """Of the grant or revoke itself, and of anything else that turned the pair."""
    report = delegations.settled(PAIR, kind, replace(FREE, bar=bar, whom="u-ben"), was=was)
    assert (report.result, report.reason) == said
    [explained] = report.explain
    assert (explained.rule, explained.about) == ("INV-1", "u-ben")
    assert explained.decision is (Decision.KEPT if bar is None else Decision.REFUSED)


def explained(report: Report) -> Explanation:
    """The one decision that a report explains; nothing else is in it."""
    [explanation] = report.explain
    assert (report.direction, report.conflicts) == (Direction.CONTROL, ())
    return explanation


BACK = {
    None: "; he was no delegate before",
    REVIEWER: "; he can do what he could before",
    Rights(calendar=CUSTOM): "; what he could do in the calendar before cannot be given back: it is closed to him",
    Rights(calendar=""): "; what he could do in the calendar before cannot be given back: it is closed to him",
}


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("prior", BACK, ids=repr)
@pytest.mark.parametrize(
    ("bar", "because"),
    [
        (Bar.REVOKED, "may not act for u-anna"),
        (Bar.OPTION_OFF, "meeting_invitations is off for u-anna"),
        (Bar.UNKNOWN, "u-ben is not known"),
        (Bar.NO_MAILBOX, "u-ben has no mailbox that takes part"),
    ],
)
def test_whoever_may_not_act_is_told_why_and_what_is_left_to_him(bar: Bar, because: str, prior: Rights | None) -> None:
    """No delegate, what he had, or less than he had where Exchange does not tell what that was."""
    wish = replace(FREE, bar=bar, whom="u-ben")
    never = delegations.settled(PAIR, Kind.OTHER, wish, was=Arrangement())
    assert explained(never) == Explanation("INV-1", "u-ben", Decision.REFUSED, because)
    taken_back = delegations.settled(PAIR, Kind.OTHER, wish, was=replace(GRANTED, prior=prior))
    assert explained(taken_back) == Explanation("INV-1", "u-ben", Decision.REFUSED, because + BACK[prior])


@pytest.mark.rule("INV-1")
def test_what_a_lost_store_left_is_told_apart_from_what_is_known() -> None:
    """Nobody can say what he could do before."""
    report = delegations.settled(PAIR, Kind.VAIN_REVOKE, REVOKED, was=GRANTED, is_left=True)
    because = (
        "may not act for u-anna; what he could do in the calendar before is not known any more: it is closed to him"
    )
    assert (report.result, report.reason) == (Result.APPLIED, None)
    assert explained(report) == Explanation("INV-1", "u-ben", Decision.REFUSED, because)


@pytest.mark.rule("INV-1")
def test_a_mailbox_that_is_gone_for_good_ends_it() -> None:
    """With what Exchange says, and with what may be left there."""
    wish = wished(values=options())
    report = delegations.given_up(PAIR, wish, code="ErrorNonExistentMailbox")
    because = "Exchange says ErrorNonExistentMailbox: should the mailbox come back, his rights may still be in it"
    assert (report.result, report.reason) == (Result.FAILED, Reason.GONE)
    assert report.options == wish.options != (), "because of which the grant was to be taken back"
    assert explained(report) == Explanation("INV-1", "u-ben", Decision.REFUSED, because)


@pytest.mark.rule("INV-1", "OPT-5")
def test_whoever_may_act_is_named_with_the_option_that_lets_him() -> None:
    """Whatever he could do before."""
    wish = wished()
    report = delegations.settled(PAIR, Kind.GRANT, wish, was=replace(GRANTED, prior=REVIEWER))
    assert explained(report) == Explanation("INV-1", "u-ben", Decision.KEPT, "may act for u-anna")
    assert report.options == wish.options != ()


@pytest.mark.rule("INV-1", "OPT-5")
def test_what_exchange_will_not_have_is_told_in_its_own_word() -> None:
    """It failed for good: nothing follows until something changes."""
    wish = wished()
    report = delegations.rejected(PAIR, wish, code="ErrorDelegateNoUser")
    assert (report.result, report.reason, report.options) == (Result.FAILED, Reason.DENIED, wish.options)
    assert explained(report) == Explanation("INV-1", "u-ben", Decision.REFUSED, "Exchange says ErrorDelegateNoUser")


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("bar", "word"),
    [
        (None, "in_force"),
        (Bar.REVOKED, ""),
        (Bar.OPTION_OFF, "option_off"),
        (Bar.UNKNOWN, "unknown_mailbox"),
        (Bar.NO_MAILBOX, "unknown_mailbox"),
    ],
)
def test_what_is_so_already_is_known_by_a_word(bar: Bar | None, word: str) -> None:
    """No grant has no word: nothing is to be said where there is none and never was."""
    assert delegations.word(replace(FREE, bar=bar)) == word


@pytest.mark.rule("INV-1", "OPT-5")
def test_what_waits_says_what_for() -> None:
    """Whom nobody knows is named; a principal's option that let it wait is told."""
    report = delegations.waiting(PAIR, wished({"u-ben": None}), Reason.UNKNOWN_MAILBOX)
    assert (report.result, report.reason) == (Result.HELD, Reason.UNKNOWN_MAILBOX)
    assert explained(report) == Explanation("INV-1", "u-ben", Decision.REFUSED, "u-ben is not known")
    assert [(used.key, used.value) for used in report.options] == [(KEY, True)]
    assert delegations.waiting(PAIR, FREE, Reason.PAUSED).explain[0].because == "paused"
    denied = delegations.waiting(PAIR, replace(FREE, bar=Bar.UNKNOWN), Reason.DENIED, code="ErrorAccessDenied")
    assert denied.explain[0].because == "Exchange says ErrorAccessDenied"


# who is answered

GRANT, REVOKE = Asked(Kind.GRANT, owed=True), Asked(Kind.REVOKE, owed=True)
OTHER = Asked(Kind.OTHER, owed=False)
TOMBSTONE = Asked(Kind.REVOKE, owed=False)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("asked", "bar", "answered", "overtaken"),
    [
        ([], None, None, []),
        ([OTHER, OTHER], None, 1, []),
        ([OTHER, GRANT, OTHER], None, 1, []),
        ([GRANT, REVOKE], Bar.REVOKED, 1, [0]),
        ([GRANT, REVOKE, GRANT], None, 2, [0, 1]),
        ([GRANT, TOMBSTONE], Bar.REVOKED, 1, [0]),
        ([replace(GRANT, held=Aim.GRANT), OTHER], None, 0, []),
        ([replace(GRANT, held=Aim.GRANT), OTHER], Bar.OPTION_OFF, 0, []),
        ([replace(OTHER, held=Aim.TAKE_BACK), OTHER], Bar.OPTION_OFF, 0, []),
        ([replace(OTHER, held=Aim.TAKE_BACK), OTHER], None, 1, [0]),
    ],
)
def test_each_grant_revoke_and_whatever_was_held_is_answered(
    asked: list[Asked], bar: Bar | None, answered: int | None, overtaken: list[int]
) -> None:
    """One by the outcome, the others as overtaken; what nobody waits for may be the cause, and is else forgotten."""
    wish = replace(FREE, bar=bar)
    assert delegations.answering(asked, wish) == answered
    assert list(delegations.overtaken_ones(asked, answered)) == overtaken


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("found", "prior"),
    [(EDITOR, REVIEWER), (SECRETARY, SECRETARY), (Rights(tasks="Author"), Rights(tasks="Author")), (None, None)],
)
def test_what_somebody_made_of_a_grant_by_hand_is_what_there_was_before_when_it_is_granted_again(
    found: Rights | None, prior: Rights | None
) -> None:
    """As long as he has our rights, what he had before them is still what he had."""
    done = replace(GRANTED, prior=REVIEWER)
    assert delegations.granted_again(done, found) == replace(done, prior=prior)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("asked", "done", "bar", "again"),
    [
        ([GRANT], GRANTED, None, True),
        ([OTHER], GRANTED, None, False),
        ([replace(GRANT, owed=False)], GRANTED, None, False),
        ([GRANT], replace(GRANTED, state=State.GRANTING), None, False),
        ([GRANT], replace(GRANTED, address=OLD), None, False),
        ([GRANT], GRANTED, Bar.OPTION_OFF, False),
    ],
)
def test_only_a_grant_asks_anew_for_what_is_in_force(
    asked: list[Asked], done: Arrangement, bar: Bar | None, again: bool
) -> None:
    """Not an option, not a start, and not a grant that was dealt with before the store was lost."""
    assert delegations.is_granted_again(asked, done, replace(FREE, bar=bar)) is again


@pytest.mark.rule("INV-1")
def test_what_is_overtaken_is_stale() -> None:
    """It was a grant or revoke that a later one, or one of a higher version, made void."""
    report = delegations.overtaken(PAIR)
    assert (report.result, report.reason) == (Result.SKIPPED, Reason.STALE)
    assert explained(report) == Explanation("INV-1", "u-ben", Decision.REFUSED, "overtaken by a later change")
