"""What is decided about a task, to the letter: the whole link, command, report and writes of every kind of turn.

`test_tasks` plays conversations and looks at what lies where afterwards. Here one turn at a time begins in the same
peace, and the plan is compared as a whole: nothing else is told, written or remembered.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from handlers import task_plans, tasks
from handlers.blocks import block_of
from handlers.bodies import compose
from handlers.conflicts import Side
from handlers.crm_changes import Kind
from handlers.effects import Operation
from handlers.facts import Facts, User
from handlers.links import State
from handlers.merging import Conflict
from handlers.options import Consulted
from handlers.plans import Explanation, Report
from handlers.policy import ConflictPolicy, Policy
from handlers.surroundings import Surroundings
from handlers.task_effects import TaskEffect
from handlers.task_links import TaskContent, TaskLink, TaskReplica, content_of
from handlers.task_plans import TaskDelete, TaskPlan, TaskUpsert
from handlers.tasks import TaskChange, TaskSighting
from schemas import ids
from schemas.copies import Folder, TaskCopy
from schemas.edits import UNSET
from schemas.items import External, Recurrence, Related
from schemas.options import Level
from schemas.outcomes import Decision, Direction, Reason, Result
from schemas.tasks import Task
from tests.support.world import a_user

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
START, DUE = date(2026, 12, 1), date(2026, 12, 4)
ALARM = datetime(2026, 12, 4, 8, tzinfo=UTC)
ANNA, BOB, CLEO = (a_user(f"u-{name}") for name in ("anna", "bob", "cleo"))
MUTE = a_user("u-mute", mailbox=None)
OFF = a_user("u-off", sync_enabled=False)
A, B, C = "anna@bank.example", "bob@bank.example", "cleo@bank.example"
GENERATION = 2**32

TASK = Task(
    subject="Call back",
    notes="about the plan",
    start=START,
    due=DUE,
    priority="A",
    status="on_hold",
    owner="u-anna",
    assign_to=("u-anna", "u-bob"),
    alarms=(("u-anna", ALARM), ("u-bob", None)),
)
COPY = TaskCopy(
    A,
    "item-u-anna",
    change_key="ck-2",
    marker="task-1",
    search_key="key-u-anna",
    subject="Call back",
    body="about the plan",
    importance="High",
    status="WaitingOnOthers",
    start_day=START,
    due_day=DUE,
    remind_at=ALARM,
)
ASKED = Consulted("task_alarms", "u-anna", value=True, level=Level.SYSTEM)
NEXT = GENERATION + 1
"""The first revision of this generation."""


def a_replica(user: User, task: Task = TASK, **about: Any) -> TaskReplica:
    """A user's copy that holds all that was agreed on."""
    held = content_of(task, user.id)
    known: dict[str, Any] = {"item_id": f"item-{user.id}", "change_key": "ck-1", "search_key": f"key-{user.id}"}
    return TaskReplica(user.mailbox or "", user.id, **({**known, "shown": held, "held": held} | about))


PEACE = TaskLink(
    id="l-1",
    state=State.ACTIVE,
    version=7,
    crm_id="task-1",
    crm_version=5,
    crm_revision=3,
    revision=3,
    agreed=TASK,
    crm=TASK,
    told=TASK,
    replicas=(a_replica(ANNA), a_replica(BOB)),
)


def around(*users: User, policy: Policy | None = None, **options: bool) -> Surroundings:
    """Anna, Bob and Cleo, whose alarms are synchronized, and whoever else there is."""
    people = {user.id: user for user in (ANNA, BOB, CLEO, MUTE, OFF, *users)}
    facts = Facts(by_id=people, options={"system": {"task_alarms": True, **options}})
    return Surroundings(facts, policy or Policy(), NOW, generation=1)


def hinted(link: TaskLink = PEACE, copy: TaskCopy | None = COPY, *, by: User = ANNA, **about: Any) -> TaskPlan:
    """What comes of a hint."""
    return tasks.decide(link, TaskSighting(by.mailbox or "", by, copy), around=around(**about))


def edited(link: TaskLink = PEACE, *, about: Surroundings | None = None, **changes: Any) -> TaskPlan:
    """What comes of a CRM user's edit."""
    change = TaskChange("task-1", 6, before=link.crm, after=replace(link.crm or Task(), **changes))
    return tasks.decide_change(link, change, around=about or around())


def heard(link: TaskLink = PEACE, **about: Any) -> TaskLink:
    """The link after a CRM event."""
    return replace(link, **({"crm_version": 6} | about))


def told(task: Task, *changed: str, seen: int = 5, crm_id: str | None = "task-1", link: str = "l-1") -> TaskUpsert:
    """A command that makes it hold this."""
    return TaskUpsert(link, NEXT, crm_id, seen, changed, task)


def update(user: User, task: Task, *fields: str, **about: Any) -> TaskEffect:
    """A write of these fields into a user's copy."""
    known = {"item_id": f"item-{user.id}", "change_key": "ck-1", "content": content_of(task, user.id), **about}
    return TaskEffect(
        operation=Operation.UPDATE, mailbox=user.mailbox or "", user=user.id, marker="task-1", fields=fields, **known
    )


def removal(user: User, **about: Any) -> TaskEffect:
    """A user's copy is taken away."""
    known = {"item_id": f"item-{user.id}", "change_key": "ck-1"} | about
    return TaskEffect(operation=Operation.DELETE, mailbox=user.mailbox or "", user=user.id, marker="task-1", **known)


def with_copy(link: TaskLink, user: User, **about: Any) -> TaskLink:
    """The link with other knowledge of a user's copy."""
    replica = link.replica_of(user.id)
    assert replica is not None
    return link.with_replica(replace(replica, **about))


# what a copy shows


@pytest.mark.rule("MAP-1", "MAP-2", "PRIV-6")
@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({}, {}),
        ({"body": "<p>about <b>it</b></p>", "html": True}, {"notes": "about it"}),
        ({"body": "<p>about</p>"}, {"notes": "<p>about</p>"}),
        ({"importance": "Low"}, {"priority": "C"}),
        ({"importance": "Whatever"}, {"priority": "B"}),
        ({"sensitivity": "Private"}, {"restricted": True}),
        ({"sensitivity": "Personal"}, {"restricted": True}),
        ({"status": "Deferred"}, {"status": "cancelled"}),
        ({"start_day": None, "due_day": None}, {"start": None, "due": None}),
        ({"remind_at": None}, {"alarm": (None,)}),
    ],
)
def test_a_copy_is_read_in_the_crms_terms(shown: dict[str, Any], expected: dict[str, Any]):
    """Every field of it, and nothing is made up."""
    content = TaskContent("Call back", "about the plan", START, DUE, "A", "on_hold", restricted=False, alarm=(ALARM,))
    assert tasks.translated(replace(COPY, **shown)) == replace(content, **expected)


def test_a_copy_is_there_outside_deleted_items():
    """And is readable if its due day does not come before its start."""
    assert not tasks.is_live(None)
    assert not tasks.is_live(replace(COPY, folder=Folder.DELETED_ITEMS))
    assert tasks.is_live(COPY)
    assert tasks.unreadable(COPY) is None
    assert tasks.unreadable(replace(COPY, due_day=START)) is None
    assert tasks.unreadable(replace(COPY, status="Pondered")) == "status_nobody_knows"
    assert tasks.unreadable(replace(COPY, start_day=None)) is None
    assert tasks.unreadable(replace(COPY, due_day=None)) is None
    assert tasks.unreadable(replace(COPY, due_day=START - timedelta(days=1))) == "due_before_start"


# Exchange to CRM


def test_a_copy_that_says_nothing_new_is_remembered_and_that_is_all():
    """Its change key is; the write it followed is over."""
    link = with_copy(PEACE, ANNA, ours="ck-1", until=NOW)
    assert hinted(link) == TaskPlan(with_copy(PEACE, ANNA, change_key="ck-2"))


@pytest.mark.rule("CON-3")
def test_con_3_what_our_own_write_left_stands_as_written():
    """Whatever the server made of it, as long as the change key is the one it left."""
    later = START + timedelta(days=1)
    made = replace(COPY, subject="Call  back (cut)", start_day=later)
    copy = replace(made, change_key="ck-9", search_key="", mailbox="anna2@bank.example")
    link = with_copy(PEACE, ANNA, ours="ck-9")
    shown = replace(content_of(TASK, "u-anna"), subject="Call  back (cut)", start=later)
    kept = {"mailbox": "anna2@bank.example", "change_key": "ck-9", "shown": shown, "ours": "ck-9"}
    assert hinted(link, copy) == TaskPlan(with_copy(PEACE, ANNA, **kept))


@pytest.mark.rule("CON-1", "CON-6", "ID-2")
def test_con_1_a_change_goes_to_the_crm_and_to_the_other_copies():
    """In all fields that both have a word for; the alarm is his own."""
    copy = replace(
        COPY,
        subject="Call Carla",
        body="soon",
        start_day=START + timedelta(days=1),
        due_day=DUE + timedelta(days=1),
        importance="Low",
        status="InProgress",
        sensitivity="Private",
        remind_at=ALARM + timedelta(hours=1),
    )
    new = replace(
        TASK,
        subject="Call Carla",
        notes="soon",
        start=START + timedelta(days=1),
        due=DUE + timedelta(days=1),
        priority="C",
        status="tentative",
        restricted=True,
        alarms=(("u-anna", ALARM + timedelta(hours=1)), ("u-bob", None)),
    )
    content = content_of(new, "u-anna")
    shared = ("subject", "notes", "start", "due", "priority", "status", "restricted")
    known = with_copy(PEACE, ANNA, change_key="ck-2", shown=content, held=content, sensitivity="Private")

    assert hinted(copy=copy) == TaskPlan(
        replace(known, agreed=new, told=new, revision=NEXT),
        told(new, *shared, "alarms"),
        Report(Direction.INBOUND, Result.APPLIED, options=(ASKED,)),
        (update(BOB, new, *shared, sensitivity="Private"),),
    )


@pytest.mark.rule("ID-7", "PART-1")
def test_id_7_a_task_nobody_knows_is_whose_list_it_lies_in():
    """He owns it and is assigned; the CRM is told all that is known of every task, and what there is besides."""
    task = replace(TASK, assign_to=("u-anna",), alarms=(("u-anna", ALARM),))
    link = TaskLink(id="l-1", state=State.ACTIVE, revision=NEXT, agreed=task, told=task)
    always = ("subject", "notes", "start", "due", "priority", "status", "restricted", "owner", "assign_to")

    assert hinted(TaskLink(id="l-1"), replace(COPY, marker=None)) == TaskPlan(
        link.with_replica(a_replica(ANNA, task, change_key="ck-2")),
        told(task, *always, "alarms", seen=0, crm_id=None),
        Report(
            Direction.INBOUND,
            Result.APPLIED,
            options=(ASKED,),
            explain=(Explanation("PART-1", "u-anna", Decision.ASSIGN_TO, "the task lies in his list"),),
        ),
    )


@pytest.mark.rule("ID-5", "ID-8")
def test_id_5_a_task_that_was_being_made_for_several_is_theirs():
    """Whoever made it was lost after the first of them."""
    begun = TaskReplica(B, "u-bob", held=TaskContent(), attempt=content_of(TASK, "u-bob"), until=NOW)
    gone = TaskReplica(C, "u-cleo", live=False)
    plan = hinted(TaskLink(id="l-1", crm_id="task-1", replicas=(begun, gone)))
    assert plan.link.agreed == replace(TASK, alarms=(("u-anna", ALARM),))
    assert [(each.about, each.rule) for each in plan.report.explain] == [("u-anna", "PART-1")]  # type: ignore[union-attr]


@pytest.mark.rule("PART-1", "DEL-3")
def test_part_1_a_copy_that_comes_back_or_is_new_assigns_its_user_again():
    """One the CRM took him out of does not."""
    agreed = replace(TASK, assign_to=("u-bob",))
    back = with_copy(replace(PEACE, agreed=agreed, crm=agreed, told=agreed), ANNA, live=False)
    plan = hinted(back)
    assert plan.link.agreed == TASK
    assert plan.command == told(TASK, "assign_to")
    assert plan.report == Report(Direction.INBOUND, Result.APPLIED, options=(ASKED,))
    taken_out = with_copy(back, ANNA, live=True)
    assert hinted(taken_out).effects == (replace(removal(ANNA), change_key="ck-2"),)


SKIPS = {
    "out of scope": (
        replace(PEACE, state=State.OUT_OF_SCOPE),
        Reason.OUT_OF_SCOPE,
        ("INV-7", Decision.REFUSED, "the CRM keeps this task out of scope"),
    ),
    "taken away": (
        replace(PEACE, state=State.DELETED, deleted_by_crm=True, replicas=()),
        Reason.TOMBSTONED,
        ("DEL-5", Decision.REFUSED, "the CRM took this task away"),
    ),
    "another one's is there": (
        replace(PEACE, state=State.DELETED, deleted_by_crm=True, replicas=(a_replica(BOB),)),
        Reason.TOMBSTONED,
        ("DEL-5", Decision.REFUSED, "the CRM took this task away"),
    ),
    "he was removed": (
        with_copy(PEACE, ANNA, live=False, removed=True),
        Reason.TOMBSTONED,
        ("DEL-5", Decision.REFUSED, "the CRM took this task away"),
    ),
}


@pytest.mark.rule("INV-7", "DEL-5")
@pytest.mark.parametrize("case", SKIPS)
def test_what_a_copy_says_of_a_task_that_the_crm_keeps_away_is_skipped_once(case: str):
    """And said why; until something else is to be said of it."""
    link, reason, (rule, decision, because) = SKIPS[case]
    report = Report(Direction.INBOUND, Result.SKIPPED, reason, explain=(Explanation(rule, "l-1", decision, because),))
    plan = hinted(link)
    assert plan == TaskPlan(replace(link, reported=reason.value), report=report)
    assert hinted(plan.link) == TaskPlan(plan.link)
    assert hinted(replace(plan.link, reported="archival")).report == report


@pytest.mark.rule("DEL-1", "DEL-5")
def test_del_1_a_copy_that_is_still_to_be_deleted_is_deleted_now():
    """The CRM deleted the task while its mailbox was away."""
    link = replace(PEACE, state=State.DELETED, deleted_by_crm=True, crm=None, told=None)
    plan = hinted(link)
    assert plan == TaskPlan(
        link, report=Report(Direction.INBOUND, Result.APPLIED), effects=(removal(ANNA), removal(BOB))
    )


@pytest.mark.rule("DEL-1")
def test_del_1_who_deletes_his_copy_is_assigned_no_more():
    """The others keep theirs."""
    left = replace(TASK, assign_to=("u-bob",))
    known = with_copy(with_copy(PEACE, ANNA, attempt=TaskContent(), until=NOW, ours="ck-1"), BOB)
    gone = with_copy(PEACE, ANNA, live=False)
    because = Explanation("DEL-1", "u-anna", Decision.KEPT, "his copy is gone, others are assigned")
    expected = TaskPlan(
        replace(gone, agreed=left, told=left, revision=NEXT),
        told(left, "assign_to"),
        Report(Direction.INBOUND, Result.APPLIED, explain=(because,)),
    )
    assert hinted(known, None) == expected
    assert hinted(known, replace(COPY, folder=Folder.DELETED_ITEMS)) == expected


@pytest.mark.rule("DEL-1")
def test_del_1_the_last_one_who_deletes_his_copy_ends_the_task():
    """The CRM is told."""
    task = replace(TASK, assign_to=("u-anna",))
    link = replace(PEACE, agreed=task, crm=task, told=task, reported="archival")
    gone = with_copy(link, ANNA, live=False)
    assert hinted(link, None) == TaskPlan(
        replace(gone, state=State.DELETED, told=None, reported=None, revision=NEXT),
        TaskDelete("l-1", NEXT, "task-1", 5, "deleted"),
        Report(Direction.INBOUND, Result.APPLIED),
    )


@pytest.mark.rule("DEL-2")
@pytest.mark.parametrize(("is_last", "state"), [(True, State.ARCHIVED), (False, State.ACTIVE)])
def test_del_2_of_a_task_that_was_due_long_ago_the_crm_hears_nothing(is_last: bool, state: State):
    """It is only cleared away."""
    old = replace(TASK, start=None, due=NOW.date() - timedelta(days=Policy().keep_items.days + 2))
    link = replace(PEACE, agreed=old, crm=old, told=old, replicas=(a_replica(ANNA, old), a_replica(BOB, old)))
    link = with_copy(link, BOB, live=not is_last)
    because = "the task was due long before its copy was deleted"
    assert hinted(link, None) == TaskPlan(
        replace(with_copy(link, ANNA, live=False), state=state, reported="archival"),
        report=Report(
            Direction.INBOUND,
            Result.SKIPPED,
            Reason.ARCHIVAL,
            explain=(Explanation("DEL-2", "l-1", Decision.KEPT, because),),
        ),
    )


@pytest.mark.rule("DEL-2")
@pytest.mark.parametrize(
    ("days", "about", "is_archival"),
    [
        (0, {}, False),  # its day ended exactly so long ago
        (1, {}, True),
        (1, {"recurrence": Recurrence("daily")}, False),
        (1, {"due": None}, False),
    ],
)
def test_del_2_a_task_is_old_when_its_due_day_ended_longer_ago_than_items_are_kept(
    days: int, about: dict[str, Any], is_archival: bool
):
    """One that repeats never is."""
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    due = (midnight - Policy().keep_items).date() - timedelta(days=1 + days)
    old = replace(TASK, **({"start": None, "due": due} | about))
    link = replace(PEACE, agreed=old, crm=old, told=old)
    plan = tasks.decide(link, TaskSighting(A, ANNA, None), around=replace(around(), now=midnight))
    assert (plan.command is None) is is_archival


@pytest.mark.parametrize(
    "link",
    [
        TaskLink(id="l-1"),
        with_copy(PEACE, ANNA, live=False),
        with_copy(PEACE, ANNA, item_id=None, attempt=content_of(TASK, "u-anna"), until=NOW + timedelta(hours=1)),
    ],
    ids=["of nothing", "again", "of a copy that is to be made"],
)
def test_that_nothing_lies_there_is_no_news(link: TaskLink):
    """Of what was not known to be there."""
    plan = tasks.decide(link, TaskSighting(A, ANNA, None), around=around())
    assert (plan.link, plan.command) == (link, None)


@pytest.mark.rule("DEL-1")
@pytest.mark.parametrize("state", [State.DELETED, State.ARCHIVED])
def test_del_1_a_copy_that_goes_after_the_task_did_is_just_gone(state: State):
    """Nothing is told twice."""
    link = replace(PEACE, state=state, told=None)
    assert hinted(with_copy(link, BOB, live=False), None) == TaskPlan(
        with_copy(with_copy(link, ANNA, live=False), BOB, live=False)
    )


@pytest.mark.rule("DEL-5")
@pytest.mark.parametrize("state", [State.DELETED, State.OUTSIDE])
def test_del_5_a_copy_that_is_brought_back_tells_the_crm_all_of_it_anew(state: State):
    """Whatever it had been told before."""
    task = replace(TASK, assign_to=("u-anna",))
    known = replace(PEACE, state=state, agreed=task, crm=None, told=task, reported="tombstoned")
    link = with_copy(with_copy(known, ANNA, live=False), BOB, live=False)
    plan = hinted(link)
    always = ("subject", "notes", "start", "due", "priority", "status", "restricted", "owner", "assign_to", "alarms")
    back = with_copy(with_copy(replace(link, reported=None), ANNA, live=True, change_key="ck-2"), BOB, live=False)
    assert plan.link == replace(back, state=State.ACTIVE, told=task, revision=NEXT)
    assert plan.command == told(task, *always)
    assert plan.report is not None
    assert [each.about for each in plan.report.explain] == ["u-anna"]


@pytest.mark.rule("CON-1", "CON-3")
@pytest.mark.parametrize(
    ("then", "now", "is_newer"),
    [
        (a_replica(ANNA), a_replica(ANNA, change_key="ck-3"), True),
        (a_replica(ANNA), a_replica(ANNA, change_key="ck-2"), False),
        (a_replica(ANNA), a_replica(ANNA), False),
        (a_replica(ANNA), a_replica(ANNA, change_key=""), True),
        (None, a_replica(ANNA, change_key="ck-3"), True),
        (None, a_replica(ANNA, change_key=""), False),
        (a_replica(ANNA), None, False),
    ],
    ids=["read anew", "read as it was seen", "untouched", "written to", "found", "being made", "forgotten"],
)
def test_con_1_of_a_copy_that_was_read_again_what_was_seen_before_says_nothing(
    then: TaskReplica | None, now: TaskReplica | None, is_newer: bool
):
    """What is still to be written is: Bob's copy does not say yet what was agreed on."""
    bobs = a_replica(BOB, replace(TASK, subject="Call"))
    was, link = (replace(PEACE, replicas=(*([anna] if anna else []), bobs)) for anna in (then, now))
    seen = TaskSighting(A, ANNA, replace(COPY, subject="Call them"))
    plan = tasks.decide_again(link, seen, was=was, around=around())
    assert plan == tasks.decide(link, seen, around=around()) or is_newer
    if is_newer:
        assert plan.link == link
        assert plan.report == Report(Direction.INBOUND, Result.APPLIED)
        assert [(each.user, each.fields) for each in plan.effects] == [("u-bob", ("subject",))]
    gone = TaskSighting(A, ANNA, None)
    assert tasks.decide_again(link, gone, was=was, around=around()) == tasks.decide(link, gone, around=around())


def test_what_a_copy_shows_now_is_read_before_something_is_decided_anew():
    """Changed, gone, or gone and not known."""
    copy = replace(COPY, subject="Call Carla")
    sighting = TaskSighting(A, ANNA, copy)
    assert tasks.refreshed(PEACE, sighting, around=around()).agreed == replace(TASK, subject="Call Carla")
    removed = with_copy(PEACE, ANNA, removed=True, live=False)
    assert tasks.refreshed(removed, TaskSighting(A, ANNA, COPY), around=around()) == with_copy(
        PEACE, ANNA, change_key="ck-2"
    )
    gone = tasks.refreshed(PEACE, TaskSighting(A, ANNA, None), around=around())
    assert gone == replace(with_copy(PEACE, ANNA, live=False), agreed=replace(TASK, assign_to=("u-bob",)))
    assert tasks.refreshed(PEACE, TaskSighting(C, CLEO, None), around=around()) == PEACE


# what a copy shows after a write


def reading(known: TaskReplica, task: Task = TASK, **shown: Any) -> tuple[Task | None, TaskReplica | None]:
    """What is agreed on and known of Anna's copy after it was read."""
    link = PEACE.with_replica(known)
    plan = hinted(replace(link, agreed=task, told=task, crm=task), replace(COPY, **shown))
    return plan.link.agreed, plan.link.replica_of("u-anna")


@pytest.mark.rule("CON-3", "CON-4")
def test_con_4_blanks_and_seconds_of_what_we_wrote_are_the_servers():
    """When it was just written, and of a copy that was never read; what a person writes like that is his."""
    task = replace(TASK, subject="Call  back", alarms=(("u-anna", ALARM.replace(second=7)), ("u-bob", None)))
    was = content_of(task, "u-anna")
    for known in (
        a_replica(ANNA, task, ours="ck-1"),
        a_replica(ANNA, task, shown=None),
    ):
        agreed, replica = reading(known, task)
        assert agreed == task
        assert replica is not None
        assert (replica.held, replica.shown, replica.ours) == (was, content_of(TASK, "u-anna"), None)
    agreed, _ = reading(a_replica(ANNA, task), task)
    assert agreed == TASK


@pytest.mark.rule("CON-3", "ID-5")
def test_con_3_a_write_nobody_heard_the_end_of_is_known_by_what_it_left():
    """It counts as done and is named in the next outcome; what else he changed is his."""
    attempt = replace(content_of(TASK, "u-anna"), subject="Call  Carla", priority="C")
    known = a_replica(ANNA, attempt=attempt, until=NOW, ours="")
    agreed, replica = reading(known, subject="Call Carla", importance="Low", body="news")
    shown = replace(content_of(TASK, "u-anna"), subject="Call Carla", priority="C", notes="news")
    assert agreed == replace(TASK, notes="news")
    assert replica is not None
    assert replica.shown == shown
    assert replica.held == replace(shown, subject="Call  Carla")
    assert (replica.attempt, replica.until, replica.ours) == (None, None, None)
    assert replica.unsaid == ("update subject priority",)
    agreed, replica = reading(replace(known, ours=None), subject="Call Carla", importance="Low", body="news")
    assert agreed == replace(TASK, notes="news")
    assert replica is not None
    assert replica.unsaid == ("update subject priority",)


@pytest.mark.rule("ID-5")
def test_id_5_a_create_nobody_heard_the_end_of_is_what_it_was_to_leave():
    """Found by its hint before anybody looked for it."""
    attempt = content_of(TASK, "u-anna")
    known = TaskReplica(A, "u-anna", held=TaskContent(), attempt=attempt, until=NOW)
    agreed, replica = reading(known)
    assert agreed == TASK
    assert replica == a_replica(ANNA, change_key="ck-2")


@pytest.mark.rule("ALM-8")
def test_alm_8_a_reminder_nobody_wrote_comes_in():
    """The server's, or his own; one that was written is told by what was."""
    quiet = replace(TASK, alarms=())
    agreed, _ = reading(a_replica(ANNA, quiet), quiet, remind_at=ALARM)
    assert agreed == replace(TASK, alarms=(("u-anna", ALARM),))
    attempted = a_replica(ANNA, quiet, attempt=content_of(TASK, "u-anna"), shown=None)
    agreed, _ = reading(attempted, quiet, remind_at=ALARM)
    assert agreed == quiet, "what our own write left is no news"


# CRM to Exchange


def test_an_event_that_is_known_leaves_only_what_is_still_to_be_done():
    """Here nothing; there a write that its mailbox kept us from."""
    event = TaskChange("task-1", 5, after=replace(TASK, subject="long ago"))
    assert tasks.decide_change(PEACE, event, around=around()) == TaskPlan(PEACE)
    new = replace(TASK, subject="Call Carla")
    owing = replace(PEACE, agreed=new, crm=new, told=new)
    assert tasks.decide_change(owing, event, around=around()) == TaskPlan(
        owing,
        report=Report(Direction.OUTBOUND, Result.APPLIED),
        effects=(update(ANNA, new, "subject"), update(BOB, new, "subject")),
    )


@pytest.mark.rule("MAP-1", "ID-2")
def test_map_1_an_edit_is_written_to_every_copy_in_the_fields_that_changed():
    """And remembered as said; nothing is told back."""
    changes = {
        "subject": "Call Carla",
        "notes": "soon",
        "start": None,
        "due": DUE + timedelta(days=1),
        "priority": "C",
        "status": "tentative",
        "restricted": True,
    }
    new = replace(TASK, **changes)
    assert edited(**changes) == TaskPlan(
        heard(agreed=new, crm=new, told=new),
        report=Report(Direction.OUTBOUND, Result.APPLIED),
        effects=tuple(update(user, new, *changes, sensitivity="Private") for user in (ANNA, BOB)),
    )


def test_what_only_the_crm_says_is_taken_over():
    """And written to nobody."""
    says = {
        "owner": "u-cleo",
        "external": (External("ann", "Ann"),),
        "external_shown_to": ("u-anna",),
        "related": (Related("deal", "d-1", "Deal"),),
    }
    new = replace(TASK, **says)
    plan = edited(**says)
    assert plan.link == heard(agreed=new, crm=new, told=new)
    assert (plan.command, plan.effects) == (None, ())
    assert plan.report is not None
    assert plan.report.result is Result.APPLIED


@pytest.mark.rule("ALM-6")
def test_alm_6_an_alarm_is_written_to_its_users_copy_alone():
    """By name in the outcome."""
    alarms = (("u-anna", ALARM), ("u-bob", ALARM))
    new = replace(TASK, alarms=alarms)
    asked = Consulted("task_alarms", "u-bob", value=True, level=Level.SYSTEM, effect=("alarm:u-bob",))
    assert edited(alarms=alarms) == TaskPlan(
        heard(agreed=new, crm=new, told=new),
        report=Report(Direction.OUTBOUND, Result.APPLIED, options=(asked,)),
        effects=(update(BOB, new, "alarm"),),
    )


@pytest.mark.rule("DEL-3", "ID-5")
def test_del_3_whom_the_crm_puts_in_gets_a_copy_and_whom_it_takes_out_loses_his():
    """Nobody gets one who has no mailbox, or is not synchronized."""
    now = ("u-abe", "u-anna", "u-cleo", "u-mute", "u-nobody", "u-off")
    new = replace(TASK, assign_to=now)
    content = replace(content_of(new, "u-cleo"), alarm=())
    create = TaskEffect(
        operation=Operation.CREATE,
        mailbox=C,
        user="u-cleo",
        marker="task-1",
        content=content,
        fields=("subject", "notes", "start", "due", "priority", "status"),
    )
    placed = heard(agreed=new, crm=new, told=new).with_replica(TaskReplica(C, "u-cleo", held=TaskContent()))
    assert edited(assign_to=now) == TaskPlan(
        placed, report=Report(Direction.OUTBOUND, Result.APPLIED), effects=(removal(BOB), create)
    )


@pytest.mark.rule("DEL-3")
def test_del_3_who_was_assigned_before_and_has_no_copy_gets_none():
    """He deleted it; put in anew he has one again."""
    link = with_copy(PEACE, BOB, live=False)
    assert [each.user for each in edited(link, subject="x").effects] == ["u-anna"]
    out = replace(TASK, assign_to=("u-anna",))
    again = edited(replace(link, agreed=out, crm=out, told=out), assign_to=("u-anna", "u-bob"))
    assert [(each.operation, each.user, each.item_id) for each in again.effects] == [(Operation.CREATE, "u-bob", None)]
    assert again.link.replica_of("u-bob") == TaskReplica(B, "u-bob", held=TaskContent())


@pytest.mark.rule("ID-5", "ID-7")
def test_id_5_a_new_task_of_the_crm_is_made_for_everybody_who_has_a_mailbox():
    """With all it holds; that somebody's alarm is not known is not written."""
    task = replace(TASK, alarms=(("u-anna", ALARM),), restricted=True)
    link = TaskLink(id=ids.link_of_crm("task-1"))
    plan = tasks.decide_change(link, TaskChange("task-1", 1, after=task), around=around())
    made = {"operation": Operation.CREATE, "marker": "task-1", "sensitivity": "Private"}
    fields = ("subject", "notes", "start", "due", "priority", "status", "restricted")
    assert plan.effects == (
        TaskEffect(mailbox=A, user="u-anna", content=content_of(task, "u-anna"), fields=(*fields, "alarm"), **made),
        TaskEffect(mailbox=B, user="u-bob", content=content_of(task, "u-bob"), fields=fields, **made),
    )
    assert plan.link == TaskLink(
        id=link.id,
        state=State.ACTIVE,
        crm_id="task-1",
        crm_version=1,
        agreed=task,
        crm=task,
        told=task,
        replicas=tuple(
            TaskReplica(f"{name}@bank.example", f"u-{name}", held=TaskContent()) for name in ("anna", "bob")
        ),
    )
    asked = Consulted("task_alarms", "u-anna", value=True, level=Level.SYSTEM, effect=("alarm:u-anna",))
    assert plan.report == Report(Direction.OUTBOUND, Result.APPLIED, options=(asked,))


@pytest.mark.rule("ID-8")
def test_id_8_of_a_task_born_in_exchange_that_is_forgotten_nobody_gets_a_second_copy():
    """Only who is put in now; the others stand where the CRM does, somewhere."""
    link = TaskLink(id=ids.link_of_uid("item-u-anna"))
    before = replace(TASK, assign_to=("u-anna", "u-mute"))
    event = TaskChange("task-1", 9, before=before, after=replace(TASK, assign_to=("u-anna", "u-bob", "u-mute")))
    plan = tasks.decide_change(link, event, around=around())
    assert [(each.operation, each.user) for each in plan.effects] == [(Operation.CREATE, "u-bob")]
    assert plan.link.replicas == (
        TaskReplica(A, "u-anna", live=False, held=content_of(TASK, "u-anna")),
        TaskReplica(B, "u-bob", held=TaskContent()),
    )
    unknown = tasks.decide_change(link, replace(event, before=None), around=around())
    assert unknown.effects == ()


@pytest.mark.rule("INV-7")
@pytest.mark.parametrize(
    ("state", "after"),
    [
        (State.ACTIVE, State.OUT_OF_SCOPE),
        (State.OUT_OF_SCOPE, State.OUT_OF_SCOPE),
        (State.DELETED, State.DELETED),
        (State.ARCHIVED, State.ARCHIVED),
    ],
)
def test_inv_7_a_task_the_crm_keeps_out_of_scope_is_left_alone(state: State, after: State):
    """What has ended stays so."""
    event = TaskChange("task-1", 6, Kind.OUT_OF_SCOPE)
    plan = tasks.decide_change(replace(PEACE, state=state), event, around=around())
    assert plan == TaskPlan(heard(state=after), report=Report(Direction.OUTBOUND, Result.APPLIED))


def test_an_event_without_a_task_is_only_heard():
    """With the highest revision that either side knows."""
    for mine, theirs in ((3, 9), (9, 3)):
        event = TaskChange("task-2", 6, revision=theirs)
        plan = tasks.decide_change(replace(PEACE, revision=mine, crm_revision=mine), event, around=around())
        assert plan == TaskPlan(heard(crm_id="task-2", revision=9, crm_revision=9))


@pytest.mark.rule("DEL-1")
def test_del_1_what_the_crm_deletes_goes_from_every_list():
    """But for a copy that was never begun; a delete of what is deleted says nothing."""
    link = PEACE.with_replica(TaskReplica(C, "u-cleo", held=TaskContent()))
    event = TaskChange("task-1", 6, Kind.DELETED)
    plan = tasks.decide_change(replace(link, reported="archival"), event, around=around())
    gone = heard(state=State.DELETED, deleted_by_crm=True, crm=None, told=None)
    assert plan == TaskPlan(
        gone, report=Report(Direction.OUTBOUND, Result.APPLIED), effects=(removal(ANNA), removal(BOB))
    )
    again = tasks.decide_change(replace(link, state=State.DELETED), event, around=around())
    assert again == TaskPlan(heard(link, state=State.DELETED, crm=None))


@pytest.mark.rule("DEL-1", "ID-5")
def test_del_1_a_copy_that_may_have_been_made_is_looked_for_and_deleted():
    """Nobody heard the end of its create."""
    begun = TaskReplica(C, "u-cleo", held=TaskContent(), attempt=TaskContent("Call back"), until=NOW)
    plan = tasks.decide_change(PEACE.with_replica(begun), TaskChange("task-1", 6, Kind.DELETED), around=around())
    assert plan.effects[2] == removal(CLEO, item_id=None, change_key="")
    assert plan.link.replica_of("u-cleo") == begun


@pytest.mark.rule("CON-5", "CON-6")
@pytest.mark.parametrize(
    ("about", "is_told"),
    [({"told": None}, False), ({"told": TASK}, True), ({"told": None, "revision": 4}, True)],
    ids=["the CRM deleted it, too", "it was not told", "it did not take the delete"],
)
def test_con_5_an_edit_of_a_task_that_was_deleted_in_exchange_loses(about: dict[str, Any], is_told: bool):
    """What is lost is named; the CRM is told again unless it had taken it."""
    link = replace(PEACE, state=State.DELETED, **about)
    plan = edited(link, subject="x", assign_to=("u-anna",))
    lost = tuple(
        Explanation("CON-5", name, Decision.REFUSED, "deleted in Exchange") for name in ("subject", "assign_to")
    )
    assert plan.report == Report(Direction.OUTBOUND, Result.REFUSED, Reason.TOMBSTONED, explain=lost)
    said = heard(link, crm=replace(TASK, subject="x", assign_to=("u-anna",)))
    assert plan.effects == ()
    if not is_told:
        assert (plan.link, plan.command) == (said, None)
        return
    assert plan.link == replace(said, revision=NEXT, told=None)
    assert plan.command == TaskDelete("l-1", NEXT, "task-1", 6, "deleted")


@pytest.mark.rule("DEL-2")
def test_del_2_an_edit_of_an_archived_task_goes_nowhere():
    """It is remembered, so that the next is known from it."""
    new = replace(TASK, subject="x")
    assert edited(replace(PEACE, state=State.ARCHIVED), subject="x") == TaskPlan(
        heard(state=State.ARCHIVED, crm=new, told=new),
        report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.ARCHIVAL),
    )


@pytest.mark.rule("DEL-5")
def test_del_5_a_task_the_crm_takes_back_is_made_anew_for_everybody():
    """Its copies are gone."""
    gone = with_copy(with_copy(PEACE, ANNA, live=False, removed=True), BOB, live=False, removed=True)
    link = replace(gone, state=State.DELETED, deleted_by_crm=True, crm=None, told=None)
    event = TaskChange("task-1", 6, before=None, after=TASK)
    plan = tasks.decide_change(link, event, around=around())
    assert [(each.operation, each.user, each.content) for each in plan.effects] == [
        (Operation.CREATE, user, content_of(TASK, user)) for user in ("u-anna", "u-bob")
    ]
    assert (plan.link.state, plan.link.deleted_by_crm, plan.link.crm, plan.link.told) == (
        State.ACTIVE,
        False,
        TASK,
        TASK,
    )


@pytest.mark.rule("CON-1", "CON-2")
@pytest.mark.parametrize(("winner", "held"), [(Side.CRM, "theirs"), (Side.EXCHANGE, "ours")])
def test_con_2_what_both_changed_is_decided_by_the_policy_and_named(winner: Side, held: str):
    """Exchange's word had been told, and the CRM had not taken it."""
    policy = Policy(conflict_default=ConflictPolicy(f"{winner.value}_wins"))
    ours = replace(TASK, subject="ours", alarms=(("u-anna", ALARM), ("u-bob", ALARM)))
    link = replace(PEACE, agreed=ours, told=ours, revision=4)
    link = replace(link, replicas=(a_replica(ANNA, ours), a_replica(BOB, ours)))
    later = ALARM + timedelta(hours=1)
    alarms = (("u-anna", ALARM), ("u-bob", later))
    plan = edited(link, about=around(policy=policy), subject="theirs", alarms=alarms)
    assert plan.link.agreed is not None
    assert (plan.link.agreed.subject, dict(plan.link.agreed.alarms)["u-bob"]) == (
        held,
        later if winner is Side.CRM else ALARM,
    )
    assert plan.report is not None
    assert plan.report.conflicts == (Conflict("subject", winner), Conflict("alarms", winner))
    assert (plan.command is None) is (winner is Side.CRM)


@pytest.mark.rule("CON-1", "CON-2")
@pytest.mark.parametrize(("winner", "held"), [(Side.CRM, "theirs"), (Side.EXCHANGE, "ours")])
def test_con_2_a_copy_that_was_changed_before_the_crms_edit_reached_it_is_a_conflict(winner: Side, held: str):
    """The loser is written over, and what nobody else touched flows."""
    policy = Policy(conflict_default=ConflictPolicy(f"{winner.value}_wins"))
    theirs = replace(TASK, subject="theirs")
    link = replace(PEACE, agreed=theirs, crm=theirs, told=theirs, reported="archival")
    copy = replace(COPY, subject="ours", importance="Low")
    plan = tasks.decide(link, TaskSighting(A, ANNA, copy), around=around(policy=policy))
    new = replace(TASK, subject=held, priority="C")
    shown = replace(content_of(TASK, "u-anna"), subject="ours", priority="C")
    read = with_copy(link, ANNA, change_key="ck-2", shown=shown, held=shown)
    changed = ("subject", "priority") if winner is Side.EXCHANGE else ("priority",)
    owed = (update(ANNA, new, "subject", change_key="ck-2"),) if winner is Side.CRM else ()
    assert plan == TaskPlan(
        replace(read, agreed=new, told=new, revision=NEXT),
        told(new, *changed),
        Report(Direction.INBOUND, Result.APPLIED, options=(ASKED,), conflicts=(Conflict("subject", winner),)),
        (*owed, update(BOB, new, "subject", "priority")),
    )


@pytest.mark.rule("CON-2")
def test_con_2_where_nobody_noted_when_both_sides_changed_it_the_latest_is_the_crms():
    """Whichever is heard first."""
    latest = around(policy=Policy(conflict_default=ConflictPolicy.LATEST_WINS))
    theirs = replace(TASK, subject="theirs")
    link = replace(PEACE, agreed=theirs, crm=theirs, told=theirs)
    copy = replace(COPY, subject="ours", modified_at=NOW)
    inbound = tasks.decide(link, TaskSighting(A, ANNA, copy), around=latest)
    ours = replace(PEACE, agreed=replace(TASK, subject="ours"), revision=4)
    event = TaskChange("task-1", 6, after=theirs, at=NOW - timedelta(days=1))
    outbound = tasks.decide_change(ours, event, around=latest)
    for plan in (inbound, outbound):
        assert plan.link.agreed is not None
        assert plan.link.agreed.subject == "theirs"


@pytest.mark.rule("CON-2")
def test_con_2_a_conflict_is_named_though_nothing_can_be_written_yet():
    """The CRM has not said under which id it holds the task."""
    theirs = replace(TASK, subject="theirs")
    link = replace(PEACE, crm_id=None, agreed=theirs, crm=theirs, told=theirs)
    plan = hinted(link, replace(COPY, subject="ours"))
    assert (plan.command, plan.effects) == (None, ())
    assert plan.report is not None
    assert plan.report.conflicts == (Conflict("subject", Side.CRM),)


@pytest.mark.rule("CON-2")
@pytest.mark.parametrize(
    ("was", "agreed", "after", "held", "conflicts"),
    [
        ({}, {}, {"u-anna": None}, {"u-anna": None}, 0),
        ({"u-anna": None}, {"u-anna": None}, {}, {"u-anna": None}, 0),
        ({"u-anna": None}, {"u-anna": ALARM}, {"u-anna": None}, {"u-anna": ALARM}, 0),
        ({"u-anna": None}, {"u-anna": ALARM}, {"u-anna": ALARM}, {"u-anna": ALARM}, 0),
        ({}, {"u-anna": None}, {"u-anna": ALARM}, {"u-anna": ALARM}, 0),
        ({"u-anna": None}, {}, {"u-anna": ALARM}, {"u-anna": ALARM}, 0),
        ({}, {"u-anna": NOW}, {"u-anna": ALARM}, {"u-anna": ALARM}, 0),
        (
            {"u-anna": NOW, "u-bob": None},
            {"u-anna": None, "u-bob": None},
            {"u-anna": ALARM, "u-bob": ALARM},
            {"u-anna": None, "u-bob": ALARM},
            1,
        ),
    ],
    ids=[
        "new",
        "not stated",
        "changed in Exchange",
        "alike",
        "not known before",
        "not known here",
        "stated anew",
        "crossed",
    ],
)
def test_con_2_everybodys_alarm_is_a_field_of_its_own(
    was: dict[str, Any], agreed: dict[str, Any], after: dict[str, Any], held: dict[str, Any], conflicts: int
):
    """What the CRM does not state stays as it is; its group of settings is `alarms`."""
    known = replace(TASK, alarms=tuple(agreed.items()))
    crm = replace(TASK, alarms=tuple(was.items()))
    link = replace(PEACE, agreed=known, crm=crm, told=known, revision=4)
    policy = Policy(conflicts={"alarms": ConflictPolicy.EXCHANGE_WINS})
    plan = edited(link, about=around(policy=policy), subject="x", alarms=tuple(after.items()))
    assert plan.link.agreed is not None
    assert plan.link.agreed.alarms == tuple(held.items())
    assert plan.report is not None
    assert plan.report.conflicts == (Conflict("alarms", Side.EXCHANGE),) * conflicts


@pytest.mark.rule("CON-3")
def test_con_3_a_copy_that_shows_what_is_wanted_is_not_written_to():
    """Nor one of which nobody knows what it stands for: that shows at its next hint."""
    shows = replace(content_of(TASK, "u-anna"), subject="x")
    plan = edited(with_copy(PEACE, ANNA, shown=shows), subject="x")
    assert [each.user for each in plan.effects] == ["u-bob"]
    known = plan.link.replica_of("u-anna")
    assert known is not None
    assert known.held == shows
    nobody_knows = edited(with_copy(PEACE, ANNA, held=None, shown=None), subject="x")
    assert [each.user for each in nobody_knows.effects] == ["u-bob"]
    known = nobody_knows.link.replica_of("u-anna")
    assert known is not None
    assert known.held == shows
    gone = edited(with_copy(PEACE, ANNA, held=None, shown=None, live=False), subject="x")
    assert gone.link.replica_of("u-anna") == a_replica(ANNA, held=None, shown=None, live=False)
    assert gone.link.replicas == with_copy(PEACE, ANNA, held=None, shown=None, live=False).replicas
    bob_shows = with_copy(PEACE, BOB, shown=replace(content_of(TASK, "u-bob"), subject="x"))
    assert edited(with_copy(bob_shows, ANNA, live=False), subject="x").effects == ()
    to_be_made = with_copy(PEACE, ANNA, item_id=None, held=TaskContent(), attempt=TaskContent("x"), shown=shows)
    assert edited(to_be_made, subject="x").link.replica_of("u-anna") == to_be_made.replica_of("u-anna")


@pytest.mark.rule("INV-7")
def test_inv_7_of_a_task_that_nobody_has_a_list_for_it_is_said_that_the_crm_has_it():
    """There is nothing to write."""
    task = replace(TASK, owner="u-mute", assign_to=("u-mute",), alarms=())
    link = TaskLink(id=ids.link_of_crm("task-1"))
    plan = tasks.decide_change(link, TaskChange("task-1", 1, after=task), around=around())
    known = TaskLink(id=link.id, state=State.ACTIVE, crm_id="task-1", crm_version=1, agreed=task, crm=task, told=task)
    assert plan == TaskPlan(known, report=Report(Direction.OUTBOUND, Result.APPLIED))


@pytest.mark.rule("ID-8")
def test_id_8_a_copy_that_is_known_already_is_not_forgotten_when_the_crm_speaks():
    """Its hint came first."""
    begun = TaskReplica(A, "u-anna", item_id="item-u-anna", shown=content_of(TASK, "u-anna"))
    answer = TaskChange(
        "task-1", 6, ours=True, revision=3, after=replace(TASK, assign_to=("u-anna", "u-mute", "u-bob"))
    )
    plan = tasks.decide_change(TaskLink(id="l-1", replicas=(begun,)), answer, around=around())
    assert plan.link.replicas == (
        begun,
        TaskReplica(B, "u-bob", live=False, held=content_of(TASK, "u-bob")),
    )


@pytest.mark.rule("ALM-8")
def test_alm_8_an_alarm_the_crm_does_not_state_stays_as_the_copy_has_it():
    """A write of something else leaves it."""
    quiet = replace(TASK, alarms=(("u-bob", None),))
    link = replace(PEACE, agreed=quiet, crm=quiet, told=quiet)
    plan = edited(link, subject="x")
    assert plan.effects[0] == update(ANNA, replace(TASK, subject="x"), "subject")


@pytest.mark.rule("PRIV-6")
def test_priv_6_a_finer_word_of_exchange_is_not_lifted():
    """It is put back; a copy that is gone has no say."""
    task = replace(TASK, restricted=True)
    link = replace(PEACE, agreed=task, crm=task, told=task, replicas=(a_replica(ANNA, task), a_replica(BOB, task)))
    because = "personal or confidential in Exchange: put back"
    refused = (Explanation("PRIV-6", "restricted", Decision.REFUSED, because),)
    plan = edited(with_copy(link, BOB, sensitivity="Personal"), restricted=False)
    assert plan.link.agreed == task
    assert plan.report == Report(Direction.OUTBOUND, Result.REFUSED, Reason.NOT_AUTHORITATIVE, explain=refused)
    assert plan.command == told(task, "restricted", seen=6)
    partly = edited(with_copy(link, BOB, sensitivity="Personal"), restricted=False, priority="B")
    assert partly.report == Report(Direction.OUTBOUND, Result.APPLIED, Reason.PARTLY, explain=refused)
    lifted = edited(with_copy(link, BOB, sensitivity="Personal", live=False), restricted=False)
    assert [(each.fields, each.sensitivity) for each in lifted.effects] == [(("restricted",), "Normal")]
    private = edited(with_copy(PEACE, BOB, sensitivity="Personal"), restricted=True)
    assert [(each.user, each.sensitivity) for each in private.effects] == [("u-anna", "Private"), ("u-bob", UNSET)]


@pytest.mark.rule("CON-6", "ID-8")
def test_con_6_an_answer_of_the_crm_is_its_word():
    """One that is known says only what it holds; a delete leaves nothing there; a store that forgot learns it all."""
    after = replace(TASK, subject="as told")
    answer = TaskChange("task-1", 6, ours=True, revision=3, after=after)
    assert tasks.decide_change(PEACE, answer, around=around()) == TaskPlan(heard(crm=after))
    gone = TaskChange("task-1", 6, Kind.DELETED, ours=True, revision=4)
    assert tasks.decide_change(PEACE, gone, around=around()) == TaskPlan(heard(crm=None, revision=4, crm_revision=4))
    empty = TaskChange("task-1", 6, ours=True, revision=4)
    assert tasks.decide_change(PEACE, empty, around=around()) == TaskPlan(heard(crm=None, revision=4, crm_revision=4))
    forgotten = tasks.decide_change(TaskLink(id="l-1"), replace(answer, after=TASK), around=around())
    somewhere = tuple(
        TaskReplica(user.mailbox or "", user.id, live=False, held=content_of(TASK, user.id)) for user in (ANNA, BOB)
    )
    known = TaskLink(id="l-1", state=State.ACTIVE, crm_id="task-1", crm_version=6, crm_revision=3, revision=3)
    assert forgotten == TaskPlan(replace(known, agreed=TASK, crm=TASK, told=TASK, replicas=somewhere))


@pytest.mark.rule("CON-6", "ID-8")
def test_con_6_an_answer_to_a_command_nobody_remembers_is_an_edit_where_the_crm_was_known():
    """Else what is shared stays as agreed, and only what the CRM alone says is taken."""
    after = replace(TASK, subject="as told", owner="u-bob", alarms=(("u-bob", ALARM), ("u-cleo", None)))
    answer = TaskChange("task-1", 6, ours=True, revision=4, after=after)
    later = {"crm_version": 6, "crm_revision": 4, "revision": 4}
    plan = tasks.decide_change(PEACE, answer, around=around())
    alarms = (("u-anna", ALARM), ("u-bob", ALARM), ("u-cleo", None))
    new = replace(after, alarms=alarms)
    assert plan.link.agreed == new
    assert [(each.user, each.fields) for each in plan.effects] == [
        ("u-anna", ("subject",)),
        ("u-bob", ("subject", "alarm")),
    ]
    assert plan.report is not None
    assert plan.report.direction is Direction.OUTBOUND
    met = tasks.decide_change(
        replace(PEACE, agreed=replace(TASK, subject="ours")),
        answer,
        around=around(policy=Policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)),
    )
    assert met.link.agreed is not None
    assert met.link.agreed.subject == "ours"
    weekly = Recurrence("weekly", weekdays=("FR",))
    series, back = (replace(TASK, start=None, due=due, recurrence=weekly) for due in (DUE + timedelta(weeks=1), DUE))
    earlier = tasks.decide_change(
        replace(PEACE, agreed=series, crm=series, told=series, replicas=()),
        replace(answer, after=back),
        around=around(),
    )
    assert (earlier.link.agreed, earlier.report) == (back, Report(Direction.OUTBOUND, Result.APPLIED))
    unknown = tasks.decide_change(replace(PEACE, crm=None), answer, around=around())
    joined = (("u-anna", ALARM), ("u-bob", None), ("u-cleo", None))
    kept = replace(after, subject="Call back", alarms=joined)
    assert unknown.link == replace(PEACE, agreed=kept, crm=after, told=kept, **(later | {"revision": NEXT}))
    assert unknown.command == told(kept, "subject", "alarms", seen=6)


# what is still to be done


@pytest.mark.rule("OPS-3", "DEL-1")
@pytest.mark.parametrize(
    ("about", "users"),
    [
        ({}, ["u-anna", "u-bob"]),
        ({"state": State.DELETED}, ["u-anna", "u-bob"]),
        ({"state": State.ARCHIVED}, []),
        ({"state": State.OUT_OF_SCOPE}, []),
        ({"state": State.OUTSIDE}, []),
        ({"agreed": None}, []),
        ({"crm_id": None}, []),
    ],
)
def test_only_of_a_task_that_both_sides_know_something_is_to_be_done(about: dict[str, Any], users: list[str]):
    """Or of one that is to be deleted."""
    new = replace(TASK, subject="x")
    link = replace(PEACE, **({"agreed": new} | about))
    assert [each.user for each in tasks.outstanding(link, around())] == users


@pytest.mark.rule("OPS-3")
@pytest.mark.parametrize(
    "bob",
    [
        replace(BOB, sync_enabled=False),
        replace(BOB, active=False),
        replace(BOB, mailbox=None),
        replace(BOB, mailbox="bob2@bank.example"),
    ],
    ids=["not synchronized", "not active", "no mailbox", "another mailbox"],
)
def test_ops_3_what_cannot_be_reached_is_left_alone(bob: User):
    """Nor is a copy of one whom nobody knows, or that is gone."""
    link = replace(PEACE, agreed=replace(TASK, subject="x"))
    assert [each.user for each in tasks.outstanding(link, around(bob))] == ["u-anna"]
    stranger = replace(a_replica(BOB), user="u-who")
    assert [each.user for each in tasks.outstanding(link.with_replica(stranger), around(bob))] == ["u-anna"]
    assert tasks.outstanding(with_copy(link, ANNA, live=False), around(bob)) == ()


@pytest.mark.rule("NOTE-1")
def test_note_1_the_block_is_written_where_it_is_not_there_and_taken_out_where_it_is():
    """Alone, or along with the rest of a new copy."""
    related = (Related("deal", "d-1", "Deal"),)
    task = replace(TASK, related=related)
    block = block_of(related)
    assert block is not None
    noted = replace(PEACE, agreed=task, crm=task, told=task, noted=True)
    noted = with_copy(noted, BOB, block=block.fingerprint)
    assert tasks.outstanding(noted, around()) == (update(ANNA, TASK, block=block),)
    unnoted = replace(noted, noted=False)
    assert tasks.outstanding(unnoted, around()) == (update(BOB, TASK, block=None),)


@pytest.mark.rule("NOTE-6")
@pytest.mark.parametrize(("body", "html"), [("about the plan", False), ("<p>about the plan</p>", True)])
def test_note_6_a_block_that_somebody_overwrote_is_put_back(body: str, html: bool):
    """One that is there is left alone."""
    related = (Related("deal", "d-1", "Deal"),)
    task, block = replace(TASK, related=related), block_of(related)
    assert block is not None
    noted = replace(PEACE, agreed=task, crm=task, told=task, noted=True)
    noted = with_copy(with_copy(noted, ANNA, block=block.fingerprint), BOB, block=block.fingerprint)
    there = compose(body, html=html, notes="about the plan", block=block)
    assert hinted(noted, replace(COPY, body=there, html=html)).effects == ()
    overwritten = hinted(noted, replace(COPY, body=body, html=html))
    assert overwritten.effects == (update(ANNA, TASK, block=block, change_key="ck-2"),)


@pytest.mark.rule("NOTE-1", "NOTE-7", "OPT-5")
@pytest.mark.parametrize(
    ("related", "noted", "is_on", "asked"),
    [
        ((), False, True, None),
        ((Related("deal", "d-1", "Deal"),), False, True, ("related",)),
        ((Related("deal", "d-1", "Deal"),), False, False, ()),
        ((), True, True, ("related",)),
        ((), True, False, ()),
    ],
)
def test_note_1_the_owners_option_is_asked_where_there_is_a_block_or_something_for_one(
    related: tuple[Related, ...], noted: bool, is_on: bool, asked: tuple[str, ...] | None
):
    """And the link remembers whether there is one."""
    crm = replace(TASK, related=related)
    link = replace(PEACE, agreed=crm, crm=crm, told=crm, noted=noted)
    plan = edited(link, about=around(related_notes=is_on), subject="x")
    assert plan.link.noted is is_on
    assert plan.report is not None
    answer = Consulted("related_notes", "u-anna", value=is_on, level=Level.SYSTEM, effect=asked or ())
    assert plan.report.options == (() if asked is None else (answer,))


# commands


@pytest.mark.parametrize("about", [{"state": State.DELETED}, {"agreed": None}, {}])
def test_there_is_nothing_to_tell_of_what_has_ended_or_was_told(about: dict[str, Any]):
    """The link stays as it is."""
    link = replace(PEACE, **about)
    assert task_plans.upsert(link, generation=1) == (link, None)


@pytest.mark.rule("CON-6")
def test_con_6_a_command_names_all_in_which_the_crm_differs_or_was_told_otherwise():
    """What is taken back meanwhile is named, or it would stay."""
    link = replace(PEACE, crm=replace(TASK, notes="old"), told=replace(TASK, subject="not taken"), revision=NEXT + 5)
    known, command = task_plans.upsert(link, generation=1)
    assert command == TaskUpsert("l-1", NEXT + 6, "task-1", 5, ("subject", "notes"), TASK)
    assert known == replace(link, revision=NEXT + 6, told=TASK)
    _, command = task_plans.upsert(replace(link, revision=3, crm_revision=NEXT + 7), generation=1)
    assert command is not None
    assert command.revision == NEXT + 8


@pytest.mark.rule("CON-6")
def test_externals_are_told_only_where_somebody_is_shown_them():
    """As if nothing were known of them."""
    task = replace(TASK, external=(External("ann", "Ann"),))
    _, command = task_plans.upsert(replace(PEACE, agreed=task, told=None), generation=1)
    assert command is not None
    assert command.task == TASK
    assert "external" not in command.changed
    assert task_plans.as_shown(replace(task, external_shown_to=("u-anna",))).external == (External("ann", "Ann"),)


@pytest.mark.rule("DEL-1")
def test_a_delete_is_newer_than_all_before_it():
    """Whichever side spoke last."""
    link = replace(PEACE, revision=3, crm_revision=NEXT + 7)
    known, command = task_plans.delete(link, generation=1)
    assert command == TaskDelete("l-1", NEXT + 8, "task-1", 5, "deleted")
    assert known == replace(link, revision=NEXT + 8, told=None)
