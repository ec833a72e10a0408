"""Tasks: every copy counts, whoever changes it (ID-5, ID-7, MAP, CON, DEL, ALM-6..8, PRIV-6)."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import task_effects, tasks
from handlers.crm_changes import Kind
from handlers.effects import Operation
from handlers.links import State
from handlers.plans import Explanation
from handlers.policy import ConflictPolicy, Policy
from handlers.task_effects import STATUSES
from handlers.task_links import TaskLink
from handlers.task_plans import TaskDelete, TaskUpsert
from handlers.tasks import TaskSighting
from schemas import ids
from schemas.copies import Folder, TaskCopy
from schemas.edits import UNSET, Body, Edit
from schemas.items import Related
from schemas.outcomes import Decision, Reason, Result
from schemas.tasks import Task
from tests.support.task_world import NOW, TaskWorld
from tests.support.world import a_user

DUE = date(2026, 12, 4)
ALARM = datetime(2026, 12, 4, 8, tzinfo=UTC)


def written(edit: Edit) -> dict[str, object]:
    """The fields that are in a request."""
    return {f.name: getattr(edit, f.name) for f in fields(Edit) if getattr(edit, f.name) is not UNSET}


def a_shared_task(**known: object) -> TaskWorld:
    """A task of the CRM's that lies in Anna's and Bob's lists, and was read there."""
    world = TaskWorld()
    world.crm_makes(**{"subject": "Call back", "due": DUE, "alarms": (("u-anna", None), ("u-bob", None))} | known)
    world.hint_everybody()
    return world


# the way out


@pytest.mark.rule("ID-5", "ID-7", "MAP-1")
def test_a_task_of_the_crm_is_made_in_every_assigned_users_list_with_our_marker():
    """One item each, with what it holds and no more, in one call that carries its identity."""
    world = TaskWorld()

    world.crm_makes(subject="Call back", notes="about the plan", due=DUE, priority="A")

    assert sorted(world.copies) == ["u-anna", "u-bob"]
    assert {copy.marker for copy in world.copies.values()} == {"task-1"}
    assert [effect.operation for effect in world.wrote] == [Operation.CREATE] * 2
    expected = {"subject": "Call back", "body": Body("about the plan"), "importance": "High", "due_day": DUE}
    assert [written(edit) for edit in world.edits] == [expected] * 2
    assert world.known.id == ids.link_of_crm("task-1")
    assert world.last.result is Result.APPLIED
    assert world.is_quiet()


@pytest.mark.rule("INV-7")
def test_an_owner_without_a_mailbox_leaves_copies_to_the_others():
    """He has no list; those who are assigned and synchronized have theirs."""
    mute = a_user("u-anna", mailbox=None)
    world = TaskWorld(users=(mute, a_user("u-bob"), a_user("u-cleo")))

    world.crm_makes(subject="Call back", assign_to=("u-anna", "u-bob", "u-cleo"))

    assert sorted(world.copies) == ["u-bob", "u-cleo"]
    assert world.is_quiet()


@pytest.mark.rule("MAP-1", "MAP-3")
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"subject": "Call Carla"}, {"subject": "Call Carla"}),
        ({"notes": "news"}, {"body": Body("news")}),
        ({"due": None}, {"due_day": None}),
        ({"start": date(2026, 12, 1)}, {"start_day": date(2026, 12, 1)}),
        ({"priority": "C"}, {"importance": "Low"}),
        ({"restricted": True}, {"sensitivity": "Private"}),
        ({"status": "on_hold"}, {"status": "WaitingOnOthers"}),
    ],
)
def test_only_what_changed_is_in_a_request(change: dict[str, object], expected: dict[str, object]):
    """A change of one field touches no other, in any copy."""
    world = a_shared_task()
    world.edits.clear()

    world.crm_edits(**change)

    assert [written(edit) for edit in world.edits] == [expected, expected]
    assert world.is_quiet()


def test_what_only_the_crm_has_is_not_written():
    """The owner, and who a task is about."""
    world = a_shared_task()
    world.edits.clear()

    world.crm_edits(owner="u-cleo")

    assert world.edits == []
    assert world.last.result is Result.APPLIED


@pytest.mark.rule("DEL-3")
def test_whom_the_crm_adds_gets_a_copy_and_whom_it_removes_loses_his():
    """And nobody's copy is touched besides."""
    world = a_shared_task()
    world.wrote.clear()

    world.crm_edits(assign_to=("u-anna", "u-cleo"))

    assert {(effect.operation, effect.user) for effect in world.wrote} == {
        (Operation.DELETE, "u-bob"),
        (Operation.CREATE, "u-cleo"),
    }
    assert world.copies["u-bob"].folder is Folder.DELETED_ITEMS
    assert world.crm is not None
    assert world.crm.assign_to == ("u-anna", "u-cleo")
    assert world.is_quiet()


# the way in


@pytest.mark.rule("ID-7", "ID-8", "PART-1")
def test_a_task_made_in_outlook_is_its_makers_in_the_crm():
    """It has no UID; its link follows from its first item id."""
    world = TaskWorld()

    world.makes("u-anna", subject="Call back", body="about the plan", due_day=DUE, importance="Low")

    [command] = world.told
    assert isinstance(command, TaskUpsert)
    assert command.link == ids.link_of_uid("item-u-anna")
    expected = Task("Call back", "about the plan", None, DUE, "C", owner="u-anna", assign_to=("u-anna",))
    assert command.task == replace(expected, alarms=(("u-anna", None),))
    assert world.last.explain[0].decision is Decision.ASSIGN_TO
    assert world.is_quiet()


def test_a_change_in_one_copy_reaches_the_crm_and_the_other_copies():
    """Completed by Bob, it is completed for Anna, too; the status alone is written."""
    world = a_shared_task()
    world.edits.clear()

    world.edits_copy("u-bob", status="Completed")

    assert world.crm is not None
    assert world.crm.status == "completed"
    assert [written(edit) for edit in world.edits] == [{"status": "Completed"}]
    assert world.copies["u-anna"].percent == 100.0
    assert world.told[-1].changed == ("status",)  # type: ignore[union-attr]
    assert world.is_quiet()


@pytest.mark.rule("OPS-3")
def test_a_copy_of_one_who_is_no_longer_synchronized_is_left_alone():
    """His mailbox may be anybody's by now."""
    world = a_shared_task()
    world.users = (world.users[0], replace(world.users[1], sync_enabled=False), world.users[2])
    world.wrote.clear()

    world.edits_copy("u-anna", subject="Call Carla")

    assert world.wrote == []
    assert world.copies["u-bob"].subject == "Call back"


# status, percent, completion date (S27)

_TABLE = [
    ("NotStarted", 0.0, None, "outstanding"),
    ("NotStarted", 30.0, None, "outstanding"),
    ("InProgress", 0.0, None, "tentative"),
    ("InProgress", 50.0, None, "tentative"),
    ("Completed", 100.0, date(2026, 12, 1), "completed"),
    ("Completed", 100.0, date(2020, 2, 29), "completed"),
    ("WaitingOnOthers", 25.0, None, "on_hold"),
    ("Deferred", 0.0, None, "cancelled"),
    ("Deferred", 75.0, None, "cancelled"),
]


@pytest.mark.rule("MAP-2")
@pytest.mark.scenario("S27")
@pytest.mark.parametrize(("status", "percent", "completed_on", "expected"), _TABLE)
def test_s27_status_percent_and_completion_date_come_in_and_stay(
    status: str, percent: float, completed_on: date | None, expected: str
):
    """The status says it all; what Exchange derives from it is never written back."""
    world = TaskWorld()

    world.makes("u-anna", subject="Call", status=status, percent=percent, completed_on=completed_on)

    assert world.crm is not None
    assert world.crm.status == expected
    assert world.is_quiet()
    assert world.copies["u-anna"].percent == percent
    assert world.edits == []


@pytest.mark.scenario("S27")
@pytest.mark.parametrize("before", sorted(STATUSES))
@pytest.mark.parametrize("after", sorted(STATUSES))
def test_s27_every_change_of_status_goes_out_alone_and_comes_back_the_same(before: str, after: str):
    """All pairs of the five."""
    world = a_shared_task(status=before)
    world.edits.clear()

    world.crm_edits(status=after)

    expected = [] if before == after else [{"status": STATUSES[after]}] * 2
    assert [written(edit) for edit in world.edits] == expected
    assert {copy.status for copy in world.copies.values()} == {STATUSES[after]}
    assert world.is_quiet()
    assert world.crm is not None
    assert world.crm.status == after


@pytest.mark.scenario("S27")
@pytest.mark.parametrize(
    ("shown", "rule"),
    [
        ({"status": "Pondered"}, "status_nobody_knows"),
        ({"start_day": DUE, "due_day": DUE - timedelta(days=1)}, "due_before_start"),
    ],
)
def test_s27_what_the_crm_cannot_hold_is_refused_by_name(shown: dict[str, object], rule: str):
    """Nothing is guessed."""
    copy = TaskCopy("anna@bank.example", "item-1", **shown)  # type: ignore[arg-type]

    assert tasks.unreadable(copy) == rule
    assert tasks.unreadable(TaskCopy("anna@bank.example", "item-1", start_day=DUE, due_day=DUE)) is None


@pytest.mark.rule("MAP-2", "MAP-4")
def test_a_task_without_dates_has_none_on_either_side():
    """Absent is not today."""
    world = TaskWorld()

    world.crm_makes(subject="Some day")

    assert {(copy.start_day, copy.due_day) for copy in world.copies.values()} == {(None, None)}
    assert all(edit.start_day is UNSET and edit.due_day is UNSET for edit in world.edits)
    assert world.is_quiet()


# alarms


@pytest.mark.rule("ALM-2", "ALM-6")
def test_alm_6_each_users_alarm_goes_to_his_own_copy_as_an_instant():
    """None is an answer, too."""
    world = TaskWorld()

    world.crm_makes(subject="Call", due=DUE, alarms=(("u-anna", ALARM), ("u-bob", None)))

    assert (world.copies["u-anna"].remind_at, world.copies["u-bob"].remind_at) == (ALARM, None)
    world.crm_edits(alarms=(("u-anna", ALARM), ("u-bob", ALARM + timedelta(hours=1))))
    assert written(world.edits[-1]) == {"remind_at": ALARM + timedelta(hours=1)}
    assert world.copies["u-anna"].remind_at == ALARM
    world.crm_edits(alarms=(("u-anna", None), ("u-bob", ALARM + timedelta(hours=1))))
    assert written(world.edits[-1]) == {"remind_at": None}
    assert world.is_quiet()


@pytest.mark.rule("ALM-2", "ALM-6")
def test_alm_6_a_reminder_set_in_outlook_comes_in_as_that_users_and_changes_nobody_elses():
    """One person's alarm never overwrites another's."""
    world = a_shared_task()
    world.wrote.clear()

    world.edits_copy("u-bob", remind_at=ALARM)

    assert world.crm is not None
    assert world.crm.alarms == (("u-anna", None), ("u-bob", ALARM))
    assert world.wrote == []
    assert world.copies["u-anna"].remind_at is None
    world.edits_copy("u-bob", remind_at=None)
    assert world.crm.alarms == (("u-anna", None), ("u-bob", None))
    assert world.is_quiet()


@pytest.mark.rule("ALM-8")
def test_alm_8_a_user_whose_alarm_the_crm_does_not_state_keeps_the_servers():
    """It is absent from the create, and what the server put there comes in."""
    world = TaskWorld(server=lambda copy: replace(copy, remind_at=copy.remind_at or ALARM))

    world.crm_makes(subject="Call", assign_to=("u-anna",))

    assert "remind_at" not in written(world.edits[0])
    world.hint("u-anna")
    assert world.crm is not None
    assert world.crm.alarms == (("u-anna", ALARM),)
    assert world.is_quiet()


@pytest.mark.rule("ALM-8")
def test_alm_8_a_reminder_that_rang_and_was_dismissed_is_not_removed():
    """Before it rang it is."""
    world = a_shared_task(alarms=(("u-anna", ALARM), ("u-bob", ALARM)))
    world.now = ALARM + timedelta(minutes=1)

    world.edits_copy("u-anna", remind_at=None)

    assert world.crm is not None
    assert world.crm.alarms == (("u-anna", ALARM), ("u-bob", ALARM))
    assert world.is_quiet()
    world.now = ALARM - timedelta(minutes=1)
    world.edits_copy("u-bob", remind_at=None)
    assert world.crm.alarms == (("u-anna", ALARM), ("u-bob", None))


@pytest.mark.rule("ALM-7")
@pytest.mark.parametrize(
    "about",
    [{"status": "completed"}, {"status": "cancelled"}, {"due": date(2026, 11, 20)}],
    ids=["completed", "cancelled", "past"],
)
def test_alm_7_nobody_is_reminded_of_what_is_over(about: dict[str, object]):
    """And it is said why; the CRM keeps its alarm."""
    world = a_shared_task(**about)
    world.edits.clear()

    world.crm_edits(alarms=(("u-anna", ALARM), ("u-bob", None)))

    assert world.edits == []
    assert Explanation("ALM-7", "u-anna", Decision.KEPT, "past, completed or cancelled") in world.last.explain
    assert world.crm is not None
    assert world.crm.alarms[0] == ("u-anna", ALARM)
    assert world.is_quiet()


@pytest.mark.rule("ALM-7")
def test_alm_7_a_day_is_over_when_it_is_over_everywhere():
    """A task that was due yesterday in Berlin is due today in Hawaii."""
    world = a_shared_task(due=date(2026, 11, 22))
    world.edits.clear()

    world.crm_edits(alarms=(("u-anna", ALARM), ("u-bob", None)))

    assert [written(edit) for edit in world.edits] == [{"remind_at": ALARM}]


@pytest.mark.rule("ALM-6", "OPT-3", "OPT-4")
def test_alm_6_without_the_option_alarms_are_neither_read_nor_written_nor_made_up_for():
    """Each user's own counts. Switched on, it counts from the next change on."""
    world = TaskWorld(options={"user:u-bob": {"task_alarms": True}})
    world.crm_makes(subject="Call", due=DUE, alarms=(("u-anna", ALARM), ("u-bob", ALARM)))
    assert (world.copies["u-anna"].remind_at, world.copies["u-bob"].remind_at) == (None, ALARM)
    used = {(each.user, each.value) for each in world.last.options if each.key == "task_alarms"}
    assert used == {("u-anna", False), ("u-bob", True)}

    world.edits_copy("u-anna", remind_at=ALARM + timedelta(hours=2))
    assert world.crm is not None
    assert world.crm.alarms == (("u-anna", ALARM), ("u-bob", ALARM))
    world.options = {"system": {"task_alarms": True}}
    world.crm_edits(subject="Call Carla")
    assert world.copies["u-anna"].remind_at == ALARM + timedelta(hours=2)
    world.crm_edits(alarms=(("u-anna", ALARM - timedelta(hours=1)), ("u-bob", ALARM)))
    assert world.copies["u-anna"].remind_at == ALARM - timedelta(hours=1)


@pytest.mark.rule("ALM-7", "ALM-8")
def test_alm_8_an_alarm_that_was_never_written_was_not_removed_by_whoever_edits_his_copy():
    """Given a task made completed, so that nobody is reminded, and taken up again by the CRM."""
    world = TaskWorld()
    world.crm_makes(status="completed", alarms=(("u-bob", ALARM),))
    assert world.copies["u-bob"].remind_at is None
    world.crm_edits(status="on_hold")
    world.edits_copy("u-bob", importance="High")
    assert world.crm is not None
    assert dict(world.crm.alarms)["u-bob"] == ALARM


# privacy, related information


@pytest.mark.rule("PRIV-6")
@pytest.mark.parametrize("word", ["Personal", "Confidential", "Secret"])
def test_priv_6_words_only_exchange_has_are_never_overwritten(word: str):
    """Lifting the restriction is refused and put back; the rest of the edit is applied."""
    world = a_shared_task()
    world.edits_copy("u-anna", sensitivity=word)
    assert world.crm is not None
    assert world.crm.restricted
    assert world.copies["u-bob"].sensitivity == "Private"

    world.crm_edits(restricted=False, subject="Call Carla")

    assert world.copies["u-anna"].sensitivity == word
    assert (world.crm.restricted, world.crm.subject) == (True, "Call Carla")
    assert world.told[-1].changed == ("restricted",)  # type: ignore[union-attr]
    assert (world.last.result, world.last.reason) == (Result.APPLIED, Reason.PARTLY)
    assert [each.rule for each in world.last.explain] == ["PRIV-6"]
    assert world.is_quiet()


@pytest.mark.rule("PRIV-6")
def test_priv_6_restricted_becomes_private_and_lifted_normal():
    """In every copy."""
    world = a_shared_task(restricted=True)
    assert {copy.sensitivity for copy in world.copies.values()} == {"Private"}

    world.crm_edits(restricted=False)

    assert {copy.sensitivity for copy in world.copies.values()} == {"Normal"}
    assert world.is_quiet()


@pytest.mark.rule("NOTE-1", "NOTE-5", "NOTE-7")
def test_note_1_related_information_stands_in_the_body_as_long_as_the_owner_wants_it():
    """It never comes in as notes, and goes without a trace."""
    world = a_shared_task(notes="about the plan")
    world.options = {"user:u-anna": {"related_notes": True}}
    related = (Related("opportunity", "o-1", "Pension plan", "https://crm.example/o/1", "soon"),)

    world.crm_edits(related=related)

    assert all("Pension plan" in copy.body for copy in world.copies.values())
    assert world.is_quiet()
    world.edits_copy("u-bob", body="So: " + world.copies["u-bob"].body)
    assert world.crm is not None
    assert world.crm.notes == "So: about the plan"
    assert all(copy.body.count("Pension plan") == 1 for copy in world.copies.values())
    world.options = {}
    world.crm_edits(subject="Call Carla")
    assert {copy.body for copy in world.copies.values()} == {"So: about the plan"}


@pytest.mark.rule("NOTE-6")
def test_note_6_a_block_that_somebody_wrote_over_is_put_back_at_the_next_hint():
    """In his copy alone, around the notes he wrote; and once."""
    world = TaskWorld()
    world.options = {"user:u-anna": {"related_notes": True}}
    world.crm_makes(notes="about the plan", related=(Related("opportunity", "o-1", "Pension plan", "", ""),))
    world.wrote.clear()

    world.edits_copy("u-bob", body="about another plan", html=False)

    assert [(effect.user, effect.named) for effect in world.wrote] == [("u-anna", ("notes",)), ("u-bob", ("related",))]
    assert world.copies["u-bob"].body.count("Pension plan") == 1
    assert world.crm is not None
    assert world.crm.notes == "about another plan"
    assert world.is_quiet()


@pytest.mark.rule("CON-1", "NOTE-6")
def test_con_1_what_somebody_wrote_is_his_though_the_block_put_back_beside_it_is_ours():
    """When nobody heard the end of that: read again, his notes are still a change, and not what we had attempted."""
    world = TaskWorld()
    world.options = {"user:u-anna": {"related_notes": True}}
    world.crm_makes(notes="about the plan", related=(Related("opportunity", "o-1", "Pension plan", "", ""),))
    world.edits_copy("u-bob", unnoticed=True, body="about another plan", html=False)
    bob = next(user for user in world.users if user.id == "u-bob")
    plan = tasks.decide(world.known, TaskSighting(bob.mailbox or "", bob, world.copies["u-bob"]), around=world.around)
    begun = task_effects.claimed(world.known, plan.link, plan.effects, until=world.now)

    world.edits_copy("u-bob", unnoticed=True)
    again = tasks.refreshed(begun, TaskSighting(bob.mailbox or "", bob, world.copies["u-bob"]), around=world.around)

    assert again.agreed is not None
    assert again.agreed.notes == "about another plan"


@pytest.mark.rule("CON-3", "NOTE-6")
def test_con_3_what_somebody_wrote_is_no_echo_of_what_was_put_back_beside_it():
    """Given a plan of which only the block was written, when it is tried again, then the notes are still his."""
    world = TaskWorld()
    world.options = {"user:u-anna": {"related_notes": True}}
    world.crm_makes(notes="about the plan", related=(Related("opportunity", "o-1", "Pension plan", "", ""),))
    world.edits_copy("u-bob", unnoticed=True, body="about another plan", html=False)
    bob, was = next(user for user in world.users if user.id == "u-bob"), world.known
    plan = tasks.decide(was, TaskSighting(bob.mailbox or "", bob, world.copies["u-bob"]), around=world.around)
    [put_back] = [effect for effect in plan.effects if effect.user == "u-bob"]
    world._write(plan.link, put_back)
    replica, written = was.replica_of("u-bob"), world.copies["u-bob"]
    assert replica is not None

    world.link = was.with_replica(
        task_effects.written_in_part(replica, put_back, item_id=written.item_id, change_key=written.change_key)
    )
    world.hint("u-bob")

    assert world.crm is not None
    assert world.crm.notes == "about another plan"
    assert {copy.body.splitlines()[0] for copy in world.copies.values()} == {"about another plan"}
    assert world.is_quiet()


# conflicts and echoes


@pytest.mark.rule("CON-1", "CON-2")
@pytest.mark.parametrize(
    ("policy", "winner", "expected"),
    [
        (Policy(), "crm", "the CRM's"),
        (Policy(conflicts={"subject": ConflictPolicy.EXCHANGE_WINS}), "exchange", "Anna's"),
    ],
)
def test_con_2_the_policy_decides_what_both_sides_changed_and_the_outcome_names_it(
    policy: Policy, winner: str, expected: str
):
    """All sides end with the winner's value; what only one changed flows."""
    world = a_shared_task()
    world.policy = policy
    world.edits_copy("u-anna", unnoticed=True, subject="Anna's", importance="High")

    world.crm_edits(subject="the CRM's", due=date(2026, 12, 8))

    assert world.crm is not None
    assert (world.crm.subject, world.crm.priority, world.crm.due) == (expected, "A", date(2026, 12, 8))
    assert {copy.subject for copy in world.copies.values()} == {expected}
    assert {copy.due_day for copy in world.copies.values()} == {date(2026, 12, 8)}
    conflicts = {
        (each.field, str(each.winner)) for plan in world.plans if plan.report for each in plan.report.conflicts
    }
    assert conflicts <= {("subject", winner)}
    assert world.is_quiet()


@pytest.mark.rule("CON-1")
def test_con_1_equal_changes_on_both_sides_are_no_conflict():
    """Nobody is written to who has it already."""
    world = a_shared_task()
    world.edits_copy("u-anna", unnoticed=True, subject="Call Carla")
    world.wrote.clear()

    world.crm_edits(subject="Call Carla")

    assert [effect.user for effect in world.wrote] == ["u-bob"]
    assert all(not plan.report.conflicts for plan in world.plans if plan.report)
    assert world.is_quiet()


@pytest.mark.rule("CON-6")
def test_con_6_a_command_the_crm_did_not_take_is_decided_again_on_top_of_its_own_edit():
    """The CRM had moved on; what is still wanted is sent again."""
    world = a_shared_task()
    plan = None
    take, world._tell = world._tell, lambda command: world.told.append(command)  # type: ignore[method-assign]
    world.edits_copy("u-anna", subject="Call Carla")
    lost = world.told[-1]
    world._tell = take  # type: ignore[method-assign]

    world.crm_edits(priority="A")

    again = world.told[-1]
    assert isinstance(again, TaskUpsert)
    assert again.revision > lost.revision
    assert again.seen == world.known.crm_version - 1
    assert again.changed == ("subject",)
    assert world.crm is not None
    assert (world.crm.subject, world.crm.priority) == ("Call Carla", "A")
    assert {copy.importance for copy in world.copies.values()} == {"High"}
    assert plan is None
    assert world.is_quiet()


def _kept_in_a_way_of_its_own(copy: TaskCopy) -> TaskCopy:
    """Trims, wraps and cuts seconds."""
    remind_at = copy.remind_at and copy.remind_at.replace(second=0, microsecond=0)
    return replace(copy, subject=copy.subject.strip(), body=copy.body.replace(" ", "\n"), remind_at=remind_at)


@pytest.mark.rule("CON-3", "CON-4")
def test_con_4_what_the_server_makes_of_our_write_is_no_change():
    """At once, and when it touches the item again afterwards."""
    world = TaskWorld(server=_kept_in_a_way_of_its_own)

    world.crm_makes(subject=" Call back ", notes="a b c", alarms=(("u-anna", ALARM.replace(second=7)),))
    told = list(world.told)
    world.edits_copy("u-anna", body="a\nb  c")

    assert world.crm is not None
    assert (world.crm.subject, world.crm.notes) == (" Call back ", "a b c")
    assert [each for each in world.told if each not in told and "notes" in getattr(each, "changed", ())] == []
    world.hint_everybody()
    assert world.is_quiet()


@pytest.mark.rule("CON-4")
def test_con_4_an_edit_that_meets_the_servers_version_of_our_write_is_an_edit():
    """Of the field he touched, and of no other."""
    world = TaskWorld(server=_kept_in_a_way_of_its_own)
    world.crm_makes(subject=" Call back ", notes="a b c", alarms=(("u-anna", None), ("u-bob", None)))

    world.edits_copy("u-bob", body="a b c d")

    assert world.crm is not None
    assert (world.crm.subject, world.crm.notes) == (" Call back ", "a b c d")
    assert world.copies["u-anna"].body.split() == ["a", "b", "c", "d"]


# deletes


@pytest.mark.rule("DEL-1")
def test_del_1_a_delete_in_one_copy_takes_its_user_out_and_the_last_one_ends_the_task():
    """The others keep theirs until then."""
    world = a_shared_task()
    world.wrote.clear()

    world.deletes("u-bob")
    assert world.crm is not None
    assert world.crm.assign_to == ("u-anna",)
    assert world.wrote == []
    world.deletes("u-anna")

    assert isinstance(world.told[-1], TaskDelete)
    assert world.known.state is State.DELETED
    assert world.is_quiet()


@pytest.mark.rule("DEL-3")
def test_del_3_who_deleted_his_copy_gets_none_unless_he_is_removed_and_added_again():
    """No other change brings it back."""
    world = a_shared_task()
    world.deletes("u-bob")
    world.wrote.clear()

    world.crm_edits(subject="Call Carla")
    assert [effect.user for effect in world.wrote] == ["u-anna"]
    world.crm_edits(assign_to=("u-anna", "u-bob"))

    assert world.wrote[-1].operation is Operation.CREATE
    assert world.copies["u-bob"].subject == "Call Carla"
    assert world.is_quiet()


@pytest.mark.rule("DEL-5")
def test_del_5_restored_it_is_the_same_task_again():
    """By a command with a higher revision, that states all of it."""
    world = a_shared_task(notes="about the plan")
    world.deletes("u-bob")
    world.deletes("u-anna")
    gone = world.told[-1]

    world.restores("u-anna")

    back = world.told[-1]
    assert isinstance(back, TaskUpsert)
    assert (back.link, back.revision > gone.revision) == (gone.link, True)
    assert {"subject", "notes", "due", "assign_to"} <= set(back.changed)
    assert world.crm is not None
    assert (world.crm.notes, world.crm.assign_to) == ("about the plan", ("u-anna",))
    assert world.is_quiet()


@pytest.mark.rule("DEL-1", "DEL-5")
def test_del_5_what_the_crm_deleted_stays_away():
    """All copies go; one that is restored is refused once."""
    world = a_shared_task()

    world.crm_deletes()
    assert {copy.folder for copy in world.copies.values()} == {Folder.DELETED_ITEMS}
    world.restores("u-bob")

    assert (world.last.result, world.last.reason) == (Result.SKIPPED, Reason.TOMBSTONED)
    assert world.told == []
    assert world.is_quiet()


@pytest.mark.rule("CON-5", "DEL-5")
def test_con_5_an_edit_of_a_task_that_was_deleted_in_outlook_is_refused_with_what_is_lost():
    """The delete wins, and the CRM is told again if it had not taken it."""
    world = a_shared_task()
    world.deletes("u-bob")
    take, world._tell = world._tell, lambda command: world.told.append(command)  # type: ignore[method-assign]
    world.deletes("u-anna")
    lost = world.told[-1]
    world._tell = take  # type: ignore[method-assign]

    world.crm_edits(subject="Call Carla", priority="A")

    assert (world.last.result, world.last.reason) == (Result.REFUSED, Reason.TOMBSTONED)
    assert [each.about for each in world.last.explain] == ["subject", "priority"]
    assert isinstance(world.told[-1], TaskDelete)
    assert world.told[-1].revision > lost.revision
    assert world.crm is None


@pytest.mark.rule("CON-5", "DEL-1")
def test_con_5_a_copy_that_is_found_deleted_while_another_is_written_ends_there():
    """Its user is assigned no more; the edit goes to the others."""
    world = a_shared_task()
    world.edits_copy("u-bob", unnoticed=True, folder=Folder.DELETED_ITEMS)

    world.crm_edits(subject="Call Carla")

    assert world.crm is not None
    assert (world.crm.subject, world.crm.assign_to) == ("Call Carla", ("u-anna",))
    assert world.copies["u-anna"].subject == "Call Carla"
    assert world.is_quiet()


@pytest.mark.rule("CON-5")
def test_con_5_the_last_copy_found_deleted_while_it_is_written_takes_the_task_with_it():
    """Nobody else had told of it."""
    world = a_shared_task(assign_to=("u-anna",))
    world.edits_copy("u-anna", unnoticed=True, folder=Folder.DELETED_ITEMS)

    world.crm_edits(subject="Call Carla")

    assert isinstance(world.told[-1], TaskDelete)
    assert world.crm is None
    assert world.is_quiet()


@pytest.mark.rule("DEL-2")
def test_del_2_a_task_due_long_ago_is_only_cleared_away():
    """The CRM keeps it; a task without a due date is never too old."""
    world = a_shared_task(due=(NOW - timedelta(days=40)).date())
    world.deletes("u-bob")
    assert (world.last.result, world.last.reason) == (Result.SKIPPED, Reason.ARCHIVAL)
    assert world.known.state is State.ACTIVE
    world.deletes("u-anna")

    assert world.told == []
    assert world.known.state is State.ARCHIVED
    assert world.crm is not None
    assert world.crm.assign_to == ("u-anna", "u-bob")
    undated = a_shared_task(due=None)
    undated.deletes("u-bob")
    assert len(undated.told) == 1


@pytest.mark.rule("INV-7")
def test_inv_7_out_of_scope_nothing_moves_until_the_crm_opens_it_again():
    """Its hints are skipped, once."""
    world = a_shared_task()
    world.crm_says(world.crm, kind=Kind.OUT_OF_SCOPE)
    world.wrote.clear()

    world.edits_copy("u-anna", subject="Call Carla")
    assert (world.last.result, world.last.reason) == (Result.SKIPPED, Reason.OUT_OF_SCOPE)
    assert world.told == []
    world.crm_edits(priority="A")
    world.hint_everybody()

    assert {(copy.subject, copy.importance) for copy in world.copies.values()} == {("Call Carla", "High")}
    assert world.is_quiet()


@pytest.mark.rule("ID-8")
def test_id_8_a_store_that_forgot_a_task_takes_both_sides_to_stand_where_the_crm_does():
    """It makes nothing anew; what a copy changed since comes in with its next hint."""
    world = TaskWorld()
    world.makes("u-anna", subject="Call back", due_day=DUE)
    world.crm_edits(assign_to=("u-anna", "u-bob"))
    crm, version = world.crm, world.version
    assert crm is not None
    world.link, world.wrote, world.told = None, [], []
    world.edits_copy("u-anna", unnoticed=True, subject="Call Carla")

    world.link = TaskLink(id=ids.link_of_uid("item-u-anna"))
    world._event(None, crm, ours=True, again=True)
    assert (world.wrote, world.told, world.known.crm_version) == ([], [], version)
    world.hint_everybody()

    assert world.crm == replace(crm, subject="Call Carla")
    assert world.copies["u-bob"].subject == "Call Carla"
    assert world.is_quiet()


# anything, in any order

_DAYS = st.none() | st.dates(date(2026, 12, 1), date(2026, 12, 9))
_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(["Call", "Call back", " Call  Carla "]),
        "notes": st.sampled_from(["", "a b", "a\nb"]),
        "due": _DAYS,
        "priority": st.sampled_from("ABC"),
        "status": st.sampled_from(
            ["outstanding", "tentative", "on_hold"]
        ),  # of what is over nobody is reminded (ALM-7)
        "restricted": st.booleans(),
    },
)
_WORDS = {"notes": "body", "due": "due_day", "priority": "importance", "restricted": "sensitivity"}
_MEANINGS = {"priority": {"A": "High", "B": "Normal", "C": "Low"}, "restricted": {True: "Private", False: "Normal"}}
_ALARMS = st.none() | st.sampled_from([ALARM, ALARM + timedelta(hours=1)])
_COPY_EDITS = st.tuples(st.just("copy"), st.sampled_from(["u-anna", "u-bob", "u-cleo"]), _CHANGES, _ALARMS)
_CRM_EDITS = st.tuples(
    st.just("crm"), st.sampled_from([("u-anna",), ("u-anna", "u-bob"), ("u-bob", "u-cleo")]), _CHANGES, _ALARMS
)
_ENDS = st.tuples(st.just("delete"), st.sampled_from(["u-anna", "u-bob", "u-cleo"]), st.just({}), st.none())


@pytest.mark.rule("CON-1", "CON-3", "MAP-1", "ID-2")
@settings(max_examples=400)
@given(
    deeds=st.lists(st.tuples(_COPY_EDITS | _CRM_EDITS | _ENDS, st.booleans()), max_size=8),
    policy=st.sampled_from([Policy(), Policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)]),
    server=st.sampled_from([lambda copy: copy, _kept_in_a_way_of_its_own]),
)
def test_whatever_is_done_all_sides_end_equal_and_then_nothing_moves(deeds, policy, server):
    """People in three task lists and in the CRM, some of them unnoticed until the end."""
    world = TaskWorld(policy=policy, server=server)
    world.crm_makes(subject="Call", alarms=(("u-anna", None), ("u-bob", None)))
    for (kind, who, changes, alarm), unnoticed in deeds:
        if kind == "crm":
            if world.crm is not None:
                alarms = tuple((user, alarm) for user in who)
                world.crm_edits(**changes, assign_to=who, alarms=alarms)
            continue
        copy = world.copies.get(who)
        if copy is None or copy.folder is Folder.DELETED_ITEMS:
            continue
        shown = {_WORDS.get(name, name): _MEANINGS.get(name, {}).get(value, value) for name, value in changes.items()}
        shown |= {"status": STATUSES[changes["status"]]} if "status" in changes else {}
        shown |= {"folder": Folder.DELETED_ITEMS} if kind == "delete" else {"remind_at": alarm}
        world.edits_copy(who, unnoticed=unnoticed, **shown)
    world.hint_everybody()
    world.hint_everybody()

    assert world.is_quiet()
    live = {user: copy for user, copy in world.copies.items() if copy.folder is not Folder.DELETED_ITEMS}
    assert set(live) == set(world.crm.assign_to if world.crm else ())
    for user, copy in live.items():
        shown = tasks.translated(copy)
        assert world.crm is not None
        assert shown.subject.split() == world.crm.subject.split()
        assert shown.notes.split() == world.crm.notes.split()
        for name in ("due", "priority", "status", "restricted"):
            assert getattr(shown, name) == getattr(world.crm, name)
        assert copy.remind_at == dict(world.crm.alarms)[user]


def test_a_hint_of_a_copy_nobody_knows_that_is_in_deleted_items_says_nothing():
    """It was thrown away before we came."""
    world = TaskWorld()
    copy = TaskCopy("anna@bank.example", "item-1", folder=Folder.DELETED_ITEMS)

    plan = tasks.decide(
        TaskLink(id="l-1"), TaskSighting("anna@bank.example", world.users[0], copy), around=world.around
    )

    assert (plan.link, plan.command, plan.report, plan.effects) == (TaskLink(id="l-1"), None, None, ())


@pytest.mark.rule("ID-5", "ID-8")
def test_id_5_a_task_that_a_hint_found_half_made_is_made_for_everybody_once_the_crm_speaks():
    """The event that began it was away for so long that Anna's copy was decided on first."""
    world = TaskWorld()
    world.link = TaskLink(id=ids.link_of_crm("task-1"), crm_id="task-1")
    take, world._tell = world._tell, lambda command: world.told.append(command)  # type: ignore[method-assign]
    world.makes("u-anna", subject="Call back", marker="task-1")
    world._tell = take  # type: ignore[method-assign]

    world.crm_makes(subject="Call back")

    assert sorted(world.copies) == ["u-anna", "u-bob"]
    assert world.crm is not None
    assert world.crm.assign_to == ("u-anna", "u-bob")
    assert world.is_quiet()
