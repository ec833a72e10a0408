"""When a task's alarm is read, written, or left alone (ALM-2, ALM-6, ALM-7, ALM-8): at the very edges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from handlers import task_alarms, tasks
from handlers.facts import Facts
from handlers.options import Consulted
from handlers.plans import Explanation
from handlers.policy import Policy
from handlers.tasks import TaskSighting
from schemas.options import Level
from schemas.outcomes import Decision
from schemas.tasks import Task
from tests.rules.test_task_plans import (
    ALARM,
    ANNA,
    ASKED,
    BOB,
    COPY,
    NOW,
    PEACE,
    TASK,
    a_replica,
    around,
    edited,
    hinted,
    update,
    with_copy,
)

TODAY = date(2026, 11, 23)
OVER_IN_THE_WEST = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.rule("ALM-7")
@pytest.mark.parametrize(
    ("about", "now", "expected"),
    [
        ({"status": "completed"}, NOW, True),
        ({"status": "cancelled"}, NOW, True),
        ({"status": "on_hold"}, NOW, False),
        ({}, NOW, False),
        ({"due": TODAY}, OVER_IN_THE_WEST - timedelta(seconds=1), False),
        ({"due": TODAY}, OVER_IN_THE_WEST, True),
    ],
)
def test_alm_7_a_task_is_past_when_it_has_ended_or_its_day_is_over_everywhere(
    about: dict[str, Any], now: datetime, expected: bool
):
    """A task without a due date never is by itself."""
    assert task_alarms.is_past(Task(**about), now) is expected


@pytest.mark.rule("ALM-8", "OPT-5")
@pytest.mark.parametrize(
    ("shown", "before", "asked", "alarms"),
    [
        (None, None, False, (None,)),
        (ALARM, None, True, (ALARM,)),
        (None, ALARM, True, (None,)),
        (None, NOW, True, (NOW,)),
        (None, NOW + timedelta(seconds=1), True, (None,)),
        (NOW, NOW, True, (NOW,)),
    ],
    ids=["never any", "set", "taken out", "it rang just now", "it rings next", "still there"],
)
def test_alm_8_the_option_is_asked_where_there_is_or_was_an_alarm(
    shown: datetime | None, before: datetime | None, asked: bool, alarms: tuple[datetime | None, ...]
):
    """One that rang and is gone was dismissed, not removed."""
    task = replace(TASK, alarms=(("u-anna", before), ("u-bob", None)))
    link = replace(PEACE, agreed=task, crm=task, told=task, replicas=(a_replica(ANNA, task), a_replica(BOB, task)))
    plan = hinted(link, replace(COPY, remind_at=shown, subject="x"))
    assert plan.link.agreed is not None
    assert plan.link.agreed.alarms == (("u-anna", alarms[0]), ("u-bob", None))
    assert plan.report is not None
    assert plan.report.options == ((ASKED,) if asked else ())


@pytest.mark.rule("ALM-7")
def test_alm_7_an_alarm_is_taken_out_even_of_what_is_over():
    """Nobody is reminded by that."""
    over = replace(TASK, status="completed")
    link = replace(PEACE, agreed=over, crm=over, told=over, replicas=(a_replica(ANNA, over), a_replica(BOB, over)))
    alarms = (("u-anna", None), ("u-bob", ALARM))
    plan = edited(link, alarms=alarms)
    assert plan.effects == (update(ANNA, replace(over, alarms=alarms), "alarm"),)
    assert plan.report is not None
    assert plan.report.explain == (Explanation("ALM-7", "u-bob", Decision.KEPT, "past, completed or cancelled"),)
    assert plan.report.options == (
        Consulted("task_alarms", "u-anna", value=True, level=Level.SYSTEM, effect=("alarm:u-anna",)),
        Consulted("task_alarms", "u-bob", value=True, level=Level.SYSTEM),
    )
    known = plan.link.replica_of("u-bob")
    assert known is not None
    assert known.held is not None
    assert known.held.alarm == (ALARM,), "what is not written counts as written"


@pytest.mark.rule("ALM-6", "OPT-5")
@pytest.mark.parametrize(
    "about", [{"live": False}, {"held": None, "shown": None}], ids=["it is gone", "nobody knows what it stands for"]
)
def test_alm_6_no_option_is_asked_for_a_copy_that_is_not_written_to(about: dict[str, Any]):
    """Whatever the CRM wants."""
    plan = edited(with_copy(PEACE, BOB, **about), alarms=(("u-anna", ALARM), ("u-bob", ALARM)))
    assert plan.effects == ()
    assert plan.report is not None
    assert plan.report.options == ()


@pytest.mark.rule("ALM-6", "OPT-3")
def test_alm_6_with_the_option_off_all_but_the_alarm_is_written():
    """That counts as written."""
    alarms = (("u-anna", NOW), ("u-bob", ALARM))
    plan = edited(about=around(task_alarms=False), alarms=alarms, subject="x")
    assert [(each.user, each.fields) for each in plan.effects] == [("u-anna", ("subject",)), ("u-bob", ("subject",))]
    held = [replica.held.alarm for replica in plan.link.replicas if replica.held]
    assert held == [(NOW,), (ALARM,)]


@pytest.mark.rule("OPT-1", "OPT-2")
def test_opt_2_what_the_configuration_says_counts_until_an_event_does():
    """In both directions."""
    configured = replace(
        around(policy=Policy(options={"task_alarms": True})), facts=Facts(by_id={"u-anna": ANNA, "u-bob": BOB})
    )
    asked = Consulted("task_alarms", "u-anna", value=True, level=Level.CONFIG)
    copy = replace(COPY, subject="x")
    inbound = tasks.decide(PEACE, TaskSighting(copy.mailbox, ANNA, copy), around=configured)
    outbound = edited(about=configured, alarms=(("u-anna", NOW), ("u-bob", None)))
    assert inbound.report is not None
    assert outbound.report is not None
    assert inbound.report.options == (asked,)
    assert outbound.report.options == (asked.with_effect(("alarm:u-anna",)),)
