"""Writes to copies of tasks: what they say to Exchange, and what is remembered of them (MAP-1, MAP-3, ID-5, CON-3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from handlers import task_effects
from handlers.blocks import block_of
from handlers.bodies import compose
from handlers.conflicts import Side
from handlers.effects import Operation
from handlers.merging import Conflict
from handlers.task_effects import CONTENT, TaskEffect
from handlers.task_links import TaskContent, TaskLink, TaskReplica, content_of, with_content
from handlers.task_merging import is_same, merge
from schemas.copies import Kind, TaskCopy
from schemas.edits import UNSET, Body, Edit, New
from schemas.items import Related
from schemas.tasks import Task

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
START, DUE = date(2026, 12, 1), date(2026, 12, 4)
ALARM = datetime(2026, 12, 4, 8, tzinfo=UTC)
CONTENT_OF_ALL = TaskContent("Call", "about the plan", START, DUE, "A", "on_hold", restricted=True, alarm=(ALARM,))
BLOCK = block_of((Related("deal", "d-1", "Deal"),))
assert BLOCK is not None
HTML = compose("<p>x</p>", html=True, notes="about the plan", block=UNSET)
TEXT = BLOCK.text.replace("\n", "\r\n")
EFFECT = TaskEffect(
    operation=Operation.UPDATE,
    mailbox="anna@bank.example",
    user="u-anna",
    marker="task-1",
    content=CONTENT_OF_ALL,
    item_id="item-1",
    change_key="ck-1",
)
COPY = TaskCopy(
    "anna@bank.example", "item-1", change_key="ck-7", search_key="key-1", body="hello", sensitivity="Personal"
)
REPLICA = TaskReplica(
    "anna@bank.example",
    "u-anna",
    item_id="item-1",
    change_key="ck-1",
    search_key="key-1",
    live=False,
    shown=TaskContent("old"),
    held=TaskContent("old"),
    attempt=TaskContent("begun"),
    until=NOW,
    sensitivity="Personal",
    block="there",
    ours="ck-1",
    unsaid=("create subject",),
)
LINK = TaskLink(id="l-1", crm_id="task-1", replicas=(REPLICA,))


@pytest.mark.rule("MAP-1")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((), {}),
        (("subject",), {"subject": "Call"}),
        (("start",), {"start_day": START}),
        (("due",), {"due_day": DUE}),
        (("priority",), {"importance": "High"}),
        (("status",), {"status": "WaitingOnOthers"}),
        (("restricted",), {"sensitivity": "Private"}),
        (("alarm",), {"remind_at": ALARM}),
        (("notes",), {"body": Body("about the plan")}),
        (("subject", "start"), {"subject": "Call", "start_day": START}),
    ],
)
def test_map_1_a_request_holds_the_fields_that_are_written(fields: tuple[str, ...], expected: dict[str, Any]):
    """Each in Exchange's word."""
    effect = replace(EFFECT, fields=fields, sensitivity="Private")
    assert task_effects.edit_of(effect, COPY) == Edit(**expected)


@pytest.mark.rule("MAP-3", "NOTE-1")
@pytest.mark.parametrize(
    ("copy", "about", "expected"),
    [
        (replace(COPY, body="about the plan"), {"fields": ("notes",)}, {}),
        (
            replace(COPY, body="<p>x</p>", html=True),
            {"fields": ("notes",)},
            {"body": Body(HTML, html=True)},
        ),
        (COPY, {"block": BLOCK}, {"body": Body(f"hello\r\n\r\n{TEXT}")}),
        (replace(COPY, body=f"hello\r\n\r\n{TEXT}"), {"block": None}, {"body": Body("hello")}),
        (None, {"fields": ("notes", "subject")}, {"subject": "Call"}),
        (COPY, {"operation": Operation.CREATE, "fields": ("notes",)}, {}),
    ],
    ids=["as it is", "in its format", "a block", "a block that goes", "nothing was read", "no update"],
)
def test_map_3_a_body_keeps_what_is_not_ours(copy: TaskCopy | None, about: dict[str, Any], expected: dict[str, Any]):
    """And its format; one that would stay as it is is not written."""
    edit = task_effects.edit_of(replace(EFFECT, **about), copy)
    assert edit == Edit(**expected)


@pytest.mark.rule("ID-5")
def test_id_5_a_create_says_all_and_carries_the_marker():
    """Fields without a value are absent, but that there is no reminder is said."""
    effect = replace(EFFECT, operation=Operation.CREATE, item_id=None, fields=CONTENT, sensitivity="Private")
    edit = Edit(
        subject="Call",
        start_day=START,
        due_day=DUE,
        importance="High",
        status="WaitingOnOthers",
        sensitivity="Private",
        remind_at=ALARM,
        body=Body("about the plan"),
    )
    assert task_effects.new_of(effect) == New(kind=Kind.TASK, marker="task-1", uid=None, edit=edit)
    bare = replace(effect, content=TaskContent("Call", alarm=(None,)), fields=("subject", "start", "due", "alarm"))
    assert task_effects.new_of(bare).edit == Edit(subject="Call", remind_at=None, body=Body(""))
    noted = replace(bare, block=BLOCK, fields=("subject",))
    assert task_effects.new_of(noted).edit == Edit(subject="Call", body=Body(TEXT))


@pytest.mark.parametrize(
    ("about", "needs_copy", "named"),
    [
        ({"fields": ("subject",)}, False, ("subject",)),
        ({"fields": ("notes",)}, True, ("notes",)),
        ({"fields": ("subject",), "block": None}, True, ("subject", "related")),
        ({"fields": ("notes",), "block": BLOCK, "operation": Operation.CREATE}, False, ("notes", "related")),
    ],
)
def test_what_is_there_is_read_first_only_where_a_body_is_rewritten(
    about: dict[str, Any], needs_copy: bool, named: tuple[str, ...]
):
    """And an outcome calls the block what it shows."""
    effect = replace(EFFECT, **about)
    assert (effect.needs_copy, effect.named) == (needs_copy, named)


@pytest.mark.rule("CON-3")
@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, {}),
        ({"sensitivity": "Private"}, {"sensitivity": "Private"}),
        ({"block": None}, {"block": ""}),
        ({"block": BLOCK}, {"block": BLOCK.fingerprint}),
    ],
)
def test_con_3_a_copy_that_was_written_holds_what_it_was_to_hold(about: dict[str, Any], expected: dict[str, Any]):
    """Under the change key that the write left; an alarm that was not written shows as before."""
    known = task_effects.written(REPLICA, replace(EFFECT, **about), item_id="item-2", change_key="ck-9")
    holds = {"shown": replace(CONTENT_OF_ALL, alarm=()), "held": CONTENT_OF_ALL, "live": True}
    holds |= {"attempt": None, "until": None}
    key = {"item_id": "item-2", "change_key": "ck-9", "ours": "ck-9"}
    assert known == replace(REPLICA, **holds, **key, **expected)


@pytest.mark.rule("CON-3")
def test_con_3_of_a_copy_that_was_written_on_the_way_only_what_was_written_is_known():
    """What its user wrote beside is under the same change key, and still to be read."""
    replica = replace(REPLICA, shown=TaskContent("old", "his notes"), held=TaskContent("old", "our notes"))
    effect = replace(EFFECT, fields=("subject", "status"))
    known = task_effects.written_in_part(replica, effect, item_id="item-2", change_key="ck-9")
    whole = task_effects.written(replica, effect, item_id="item-2", change_key="ck-9")
    shown, held = TaskContent("Call", "his notes", status="on_hold"), TaskContent("Call", "our notes", status="on_hold")
    assert known == replace(whole, shown=shown, held=held, ours="")
    assert (known.item_id, known.change_key) == ("item-2", "ck-9")


@pytest.mark.rule("CON-3")
@pytest.mark.parametrize(
    ("replica", "operation"),
    [
        (REPLICA, Operation.CREATE),
        (replace(REPLICA, shown=None), Operation.UPDATE),
        (replace(REPLICA, held=None), Operation.UPDATE),
    ],
    ids=["new", "never read", "never written"],
)
def test_con_3_of_a_copy_nobody_knew_all_is_what_was_written(replica: TaskReplica, operation: Operation):
    """There is nothing that its user could have changed since."""
    effect = replace(EFFECT, operation=operation, fields=("subject",))
    written = task_effects.written(replica, effect, item_id="item-2", change_key="ck-9")
    assert task_effects.written_in_part(replica, effect, item_id="item-2", change_key="ck-9") == written


@pytest.mark.rule("ALM-6", "ALM-7")
def test_alm_7_a_new_copy_whose_alarm_is_not_written_shows_none():
    """The CRM's stays the CRM's: that the copy has none is not its user's word."""
    create = replace(EFFECT, operation=Operation.CREATE, fields=("subject", "status"))
    made = task_effects.written(replace(REPLICA, item_id=None), create, item_id="item-2", change_key="ck-9")
    assert (made.shown, made.held) == (replace(CONTENT_OF_ALL, alarm=(None,)), CONTENT_OF_ALL)
    told = replace(create, fields=("subject", "alarm"))
    assert task_effects.written(REPLICA, told, item_id="item-2", change_key="ck-9").shown == CONTENT_OF_ALL


@pytest.mark.rule("ID-5")
def test_writes_that_no_outcome_named_wait_to_be_named():
    """Copy by copy, in the order they were made."""
    bob = TaskReplica("bob@bank.example", "u-bob", unsaid=("delete",))
    replica = task_effects.unsaid(REPLICA, Operation.UPDATE, ["subject", "due"])
    assert replica == replace(REPLICA, unsaid=("create subject", "update subject due"))

    def write(operation: Operation, name: str, *fields: str) -> TaskEffect:
        return TaskEffect(
            operation=operation, mailbox=f"{name}@bank.example", user=f"u-{name}", marker="", fields=fields
        )

    assert task_effects.waiting(replace(LINK, replicas=(replica, bob))) == (
        write(Operation.CREATE, "anna", "subject"),
        write(Operation.UPDATE, "anna", "subject", "due"),
        write(Operation.DELETE, "bob"),
    )


@pytest.mark.rule("CON-3", "ID-5", "REC-1")
def test_con_3_writes_that_moved_a_copy_on_are_named_as_often_as_they_were_made():
    """Without any, what an earlier one was to leave may still turn out to be there."""
    skip = replace(EFFECT, fields=("due",), skips=True)
    claimed = LINK.with_replica(replace(REPLICA, attempt=TaskContent("now")))
    twice = ("create subject", "update due", "update due")
    assert task_effects.counted(claimed, skip, before=LINK, wrote=2) == LINK.with_replica(
        replace(REPLICA, attempt=None, unsaid=twice)
    )
    assert task_effects.counted(claimed, skip, before=LINK, wrote=0) == LINK
    unknown = TaskLink(id="l-1", crm_id="task-1")
    assert task_effects.counted(claimed, skip, before=unknown, wrote=0) == LINK.with_replica(
        replace(REPLICA, attempt=None)
    )
    assert task_effects.counted(unknown, skip, before=LINK, wrote=1) == unknown


@pytest.mark.rule("ID-5", "ALM-7")
def test_alm_7_before_a_write_to_a_copy_of_which_nothing_is_known_its_alarm_stays_what_it_shows():
    """All else will be as it is written."""
    shows = replace(REPLICA, held=None, shown=TaskContent("old", alarm=(NOW,)))
    effect = replace(EFFECT, fields=("subject",))
    claimed = task_effects.claimed(LINK.with_replica(shows), LINK, [effect], until=NOW).replica_of("u-anna")
    assert claimed is not None
    assert claimed.attempt == replace(CONTENT_OF_ALL, alarm=(NOW,))


@pytest.mark.rule("DEL-1", "DEL-5")
def test_del_5_a_copy_that_was_deleted_is_remembered():
    """So that it is known again; one that was never known is none."""
    effect = replace(EFFECT, operation=Operation.DELETE)
    gone = {"live": False, "removed": True, "attempt": None, "until": None, "ours": None}
    expected = replace(REPLICA, **gone, unsaid=("create subject", "delete"))
    link = LINK.with_replica(replace(REPLICA, live=True))
    assert task_effects.deleted(link, effect) == replace(LINK, replicas=(expected,))
    assert task_effects.deleted(LINK, replace(effect, user="u-bob")) == LINK


@pytest.mark.rule("ID-5", "ID-8")
def test_id_5_a_copy_that_turns_out_to_be_there_holds_what_its_create_was_to_leave():
    """Or, where nobody tried to make it, what is agreed on; its difference shows later."""
    begun = replace(REPLICA, item_id=None, attempt=TaskContent("begun", due=DUE), ours=None)
    read = {"item_id": "item-1", "change_key": "ck-7", "search_key": "key-1", "attempt": None, "until": None}
    holds = {"shown": TaskContent("begun", due=DUE), "held": TaskContent("begun", due=DUE), "ours": ""}
    assert task_effects.adopted(begun, COPY, CONTENT_OF_ALL) == replace(
        begun, **read, **holds, unsaid=("create subject", "create subject due")
    )
    forgotten = replace(begun, attempt=None)
    assert task_effects.adopted(forgotten, COPY, CONTENT_OF_ALL) == replace(
        forgotten, **read, shown=CONTENT_OF_ALL, held=None
    )
    other = replace(COPY, sensitivity="Private", search_key="key-2")
    assert task_effects.adopted(forgotten, other, CONTENT_OF_ALL).sensitivity == "Private"
    assert task_effects.adopted(forgotten, other, CONTENT_OF_ALL).search_key == "key-2"


@pytest.mark.rule("CON-3", "ID-5")
def test_id_5_before_a_write_is_what_it_is_to_leave_is_remembered():
    """A create is not begun again before its time; a delete leaves nothing; the copies are as the plan knows them.

    What an update does not write is as it was: whatever it becomes is its user's doing.
    """
    update = replace(EFFECT, fields=("subject", "status"))
    until = NOW + timedelta(minutes=1)
    link = replace(LINK, crm_id=None)
    plan = LINK.with_replica(TaskReplica("bob@bank.example", "u-bob", held=TaskContent()))
    plan = plan.with_replica(replace(REPLICA, held=CONTENT_OF_ALL))  # which it is only once it is written
    create = replace(
        EFFECT,
        operation=Operation.CREATE,
        mailbox="bob@bank.example",
        user="u-bob",
        item_id=None,
        content=TaskContent("x"),
    )
    known = task_effects.claimed(link, plan, (update, create), until=until)
    assert known == replace(
        LINK,
        replicas=(
            replace(REPLICA, attempt=TaskContent("Call", status="on_hold"), until=None),
            TaskReplica("bob@bank.example", "u-bob", held=TaskContent(), attempt=TaskContent("x"), until=until),
        ),
    )
    stranger, delete = replace(EFFECT, user="u-cleo"), replace(EFFECT, operation=Operation.DELETE)
    assert task_effects.claimed(link, plan, (stranger, delete), until=until) == LINK
    after = task_effects.claimed(link, plan, (delete, stranger, create), until=until)
    assert after.replica_of("u-bob") == known.replica_of("u-bob"), "those before it do not count"


@pytest.mark.parametrize(("item_id", "live"), [("item-1", True), (None, False)])
def test_a_write_that_exchange_refused_for_good_is_not_tried_again(item_id: str | None, live: bool):
    """A copy that could not be made is none."""
    replica = replace(REPLICA, item_id=item_id, live=not live)
    known = task_effects.given_up(LINK.with_replica(replica), EFFECT)
    expected = replace(replica, live=live, held=CONTENT_OF_ALL, attempt=None, until=None)
    assert known == replace(LINK, replicas=(expected,))
    assert task_effects.given_up(LINK, replace(EFFECT, user="u-bob")) == LINK


def test_contents_differ_in_the_fields_named():
    """In declaration order."""
    assert task_effects.differing(CONTENT_OF_ALL, CONTENT_OF_ALL) == ()
    assert task_effects.differing(CONTENT_OF_ALL, replace(CONTENT_OF_ALL, due=None, subject="x")) == ("subject", "due")


# links


def test_a_link_has_one_copy_of_each_user_in_order():
    """Whichever came first."""
    bob, anna = TaskReplica("bob@bank.example", "u-bob"), TaskReplica("anna@bank.example", "u-anna")
    link = TaskLink(id="l-1").with_replica(bob).with_replica(anna)
    assert link.replicas == (anna, bob)
    assert link.with_replica(replace(bob, item_id="i")).replicas == (anna, replace(bob, item_id="i"))
    assert (link.replica_of("u-bob"), link.replica_of("u-cleo")) == (bob, None)
    assert link.without("u-anna").replicas == (bob,)


@pytest.mark.rule("ID-7", "ALM-6")
def test_id_7_a_copy_holds_what_all_share_and_its_users_alarm():
    """There and back, nobody else's alarm is touched."""
    task = Task("old", owner="u-x", assign_to=("u-anna",), alarms=(("u-bob", None), ("u-cleo", ALARM)))
    held = with_content(task, CONTENT_OF_ALL, "u-anna")
    assert held == Task(
        "Call",
        "about the plan",
        START,
        DUE,
        "A",
        "on_hold",
        restricted=True,
        owner="u-x",
        assign_to=("u-anna",),
        alarms=(("u-anna", ALARM), ("u-bob", None), ("u-cleo", ALARM)),
    )
    assert content_of(held, "u-anna") == CONTENT_OF_ALL
    assert content_of(held, "u-bob").alarm == (None,)
    assert content_of(held, "u-nobody").alarm == ()
    without = with_content(held, replace(CONTENT_OF_ALL, alarm=()), "u-bob")
    assert without.alarms == (("u-anna", ALARM), ("u-cleo", ALARM))


# merging


@pytest.mark.rule("CON-4")
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a  b", " a\nb ", True),
        ("a b", "ab", False),
        ("a b", "a XX b", False),
        (ALARM, ALARM.replace(second=59, microsecond=5), True),
        (ALARM, ALARM + timedelta(minutes=1), False),
        ((ALARM,), (ALARM.replace(second=1),), True),
        ((None,), (ALARM,), False),
        ((None,), (), False),
        (DUE, DUE, True),
        (DUE, None, False),
    ],
)
def test_con_4_blanks_and_seconds_make_no_difference(one: object, other: object, expected: bool):
    """To what a server keeps."""
    assert is_same(one, other) is expected


_WAS, _THEIRS, _MINE = TaskContent("was"), TaskContent("theirs"), TaskContent("mine")


@pytest.mark.rule("CON-1", "CON-2")
@pytest.mark.parametrize(
    ("agreed", "before", "now", "winner", "taken", "conflicts"),
    [
        (_WAS, _WAS, _WAS, Side.CRM, {}, ()),
        (_WAS, _WAS, _MINE, Side.CRM, {"subject": "mine"}, ()),
        (_THEIRS, _WAS, _WAS, Side.EXCHANGE, {}, ()),
        (_MINE, _WAS, _MINE, Side.EXCHANGE, {}, ()),
        (TaskContent("mi ne"), _WAS, TaskContent("mi  ne"), Side.EXCHANGE, {}, ()),
        (_WAS, TaskContent("a b"), TaskContent("a  b"), Side.EXCHANGE, {"subject": "a  b"}, ()),
        (_THEIRS, _WAS, _MINE, Side.EXCHANGE, {"subject": "mine"}, (Conflict("subject", Side.EXCHANGE),)),
        (_THEIRS, _WAS, _MINE, Side.CRM, {}, (Conflict("subject", Side.CRM),)),
    ],
    ids=["nothing", "here", "there", "the same", "nearly the same", "blanks", "won", "lost"],
)
def test_con_1_three_ways(
    agreed: TaskContent,
    before: TaskContent,
    now: TaskContent,
    winner: Side,
    taken: dict[str, Any],
    conflicts: tuple[Conflict, ...],
):
    """What only one side changed flows; what both changed is the winner's."""
    merged = merge(agreed, accord=_WAS, before=before, now=now, side=Side.EXCHANGE, wins=lambda field: winner)
    assert (merged.taken, merged.conflicts) == (taken, conflicts)


@pytest.mark.rule("CON-1", "CON-2")
def test_con_2_start_and_due_are_one_field_and_every_other_is_judged_by_itself():
    """By its name on the wire; that a field lost says nothing of the next."""
    was = replace(CONTENT_OF_ALL, alarm=(None,))
    held = replace(was, start=None, due=START, alarm=(ALARM,), subject="theirs", priority="B")
    now = replace(was, due=None, alarm=(ALARM + timedelta(hours=1),), subject="mine", priority="C", status="completed")
    winners = {"start": Side.EXCHANGE, "priority": Side.EXCHANGE}
    asked: list[str] = []

    def wins(field: str) -> Side:
        asked.append(field)
        return winners.get(field, Side.CRM)

    merged = merge(held, accord=was, before=was, now=now, side=Side.EXCHANGE, wins=wins)
    assert merged.taken == {
        "start": START,
        "due": None,
        "recurrence": None,
        "priority": "C",
        "status": "completed",
    }
    assert asked == ["subject", "start", "priority", "alarms"]
    assert merged.conflicts == (
        Conflict("subject", Side.CRM),
        Conflict("start", Side.EXCHANGE),
        Conflict("due", Side.EXCHANGE),
        Conflict("priority", Side.EXCHANGE),
        Conflict("alarms", Side.CRM),
    )
    same_start = merge(
        replace(was, due=START),
        accord=was,
        before=was,
        now=replace(was, due=None),
        side=Side.CRM,
        wins=lambda field: Side.CRM,
    )
    assert same_start.conflicts == (Conflict("due", Side.CRM),)
    assert same_start.taken == {"start": START, "due": None, "recurrence": None}


@pytest.mark.rule("CON-1")
def test_con_1_the_alarms_of_a_task_are_not_merged_as_one():
    """They are many users'."""
    was = Task("was")
    now = replace(was, alarms=(("u-anna", ALARM),), notes="news")
    assert merge(was, accord=was, before=was, now=now, side=Side.CRM, wins=lambda field: Side.CRM).taken == {
        "notes": "news"
    }


def test_an_effect_is_unset_where_nothing_is_said():
    """Not empty: that would be written."""
    assert (EFFECT.sensitivity, EFFECT.block) == (UNSET, UNSET)
