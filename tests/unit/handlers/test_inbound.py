"""What comes of what lies in a mailbox, as whole plans: nothing more is told, reported or remembered than is said here
(ID-3, ID-4, CON-5, DEL-1..6, INV-6, OPS-4, OPT-5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers import inbound
from handlers.authority import Authority
from handlers.effects import Effect, Operation, holding
from handlers.inbound import Sighting
from handlers.links import BEHIND, OCCURRENCES_BEHIND, Link, Replica, State
from handlers.merging import Conflict
from handlers.options import Consulted
from handlers.plans import Delete, Explanation, Plan, Report, Upsert
from handlers.policy import ConflictPolicy
from handlers.visibility import SecurityModel
from schemas import options
from schemas.copies import Copy, Role, Shape
from schemas.items import Organizer, Recurrence, Related, Response, ScheduleItem
from schemas.options import Level
from schemas.outcomes import Decision, Direction, Reason, Result
from schemas.wire import read_changes
from tests.support.world import (
    END,
    NOW,
    START,
    World,
    a_contact,
    a_link,
    a_meeting,
    a_user,
    a_world,
    copy_of,
    days,
    in_deleted_items,
    invited,
)

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
CARLA = a_contact("c-carla")
A, B, C = "anna@bank.example", "bob@bank.example", "cora@bank.example"
WORLD = a_world(ANNA, BOB, CORA)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB], body="Agenda")
BOBS = copy_of(MEETING, BOB)
BY_ANNA = Authority(ANNA, ANNA)
ITEM = ScheduleItem(
    subject="Review",
    notes="Agenda",
    start=START,
    end=END,
    zone="Europe/Berlin",
    owner="u-anna",
    assign_to=("u-anna", "u-bob"),
    external=(),
    organizer=Organizer("u-anna", "Anna", A),
    responses=(("u-anna", Response.ORGANIZER), ("u-bob", Response.NONE)),
)
REPLICA = Replica(A, "u-anna", MEETING.item_id, "1", response=Response.NONE)
BOBS_REPLICA = Replica(B, "u-bob", BOBS.item_id, "1", response=Response.NONE)
DIRECT = Replica(C, "u-cora", "AAMk-direct", "1", response=Response.NONE, direct=True, holds=holding(ITEM), ours="1")
APPLIED = Report(Direction.INBOUND, Result.APPLIED)


def the_link(*replicas: Replica, **about: Any) -> Link:
    """In peace; the last command had revision 3, the CRM's version is 5."""
    known = {
        "state": State.ACTIVE,
        "crm_id": "si-1",
        "crm_version": 5,
        "crm_revision": 3,
        "revision": 3,
        "agreed": ITEM,
        "exchange": ITEM,
        "crm": replace(ITEM, external=None),
        "content": "f",
    }
    return a_link(replicas=replicas or (REPLICA, BOBS_REPLICA), **(known | about))


def decided(link: Link, copy: Copy | None, *, world: Any = WORLD, **about: Any) -> Plan:
    """What Anna's copy means."""
    return inbound.decide(link, copy, authority=BY_ANNA, around=world.around, **about)


def told(link: Link, *changed: str, item: ScheduleItem, revision: int = 4) -> Upsert:
    """The command that follows for a link."""
    shown = replace(item, external=None)
    return Upsert(link.id, revision, "si-1", 5, link.uid, changed, shown, link.master)


def skipped(link: Link, reason: Reason, rule: str, because: str, decision: Decision = Decision.REFUSED) -> Report:
    """A report of what was not done."""
    return Report(Direction.INBOUND, Result.SKIPPED, reason, explain=(Explanation(rule, link.id, decision, because),))


@pytest.mark.rule("OPT-5")
@pytest.mark.parametrize(
    ("reason", "rule", "because"),
    [
        (Reason.PRIVATE_MEETING, "PRIV-2", "private, with several participants, and the option is off"),
        (Reason.AWAITING_ACCEPTANCE, "ID-4", "the organizer is not synchronized and nobody accepted yet"),
        (Reason.OUT_OF_SCOPE, "INV-7", "the CRM keeps this item out of scope"),
        (Reason.TOMBSTONED, "DEL-5", "the CRM deleted this item"),
        (Reason.PATTERN, "REC-5", "the CRM has no word for this pattern"),
        (Reason.GONE, "ID-3", "the copy that counts does not exist"),
        (Reason.NO_ORGANIZER, "ID-3", "Exchange names no organizer of this meeting"),
    ],
)
def test_opt_5_what_is_skipped_is_said_once_for_the_same_state(reason: Reason, rule: str, because: str):
    """And again for another."""
    link = a_link()
    plan = inbound.skip(link, reason)
    assert plan == Plan(replace(link, reported=f"{reason.value}:"), report=skipped(link, reason, rule, because))
    assert inbound.skip(plan.link, reason) == Plan(plan.link)
    other = inbound.skip(plan.link, reason, state="changed")
    assert (other.link.reported, other.report) == (f"{reason.value}:changed", plan.report)


@pytest.mark.rule("OPT-5", "PRIV-2")
def test_opt_5_the_options_that_were_asked_are_named():
    """With what they came to."""
    asked = Consulted(options.PRIVATE_MEETINGS_INBOUND, "u-anna", False, Level.DEFAULT)
    plan = inbound.skip(a_link(), Reason.PRIVATE_MEETING, consulted=(asked,))
    assert plan.report is not None
    assert plan.report.options == (asked,)


@pytest.mark.rule("INV-7", "DEL-5")
@pytest.mark.parametrize(
    ("about", "report"),
    [
        ({"state": State.OUT_OF_SCOPE}, ("out_of_scope", "INV-7", "the CRM keeps this item out of scope")),
        ({"state": State.DELETED, "deleted_by_crm": True}, ("tombstoned", "DEL-5", "the CRM deleted this item")),
    ],
)
def test_del_5_what_the_crm_ended_stays_so(about: dict[str, Any], report: tuple[str, str, str]):
    """It is told nothing; of a copy that is gone, too, there is nothing to say."""
    link = the_link(**about)
    reason, rule, because = report
    expected = skipped(link, Reason(reason), rule, because)
    plan = decided(link, MEETING)
    assert plan == Plan(replace(link, reported=f"{reason}:"), report=expected)
    if link.deleted_by_crm:
        assert decided(link, None) == Plan(link)
        assert decided(link, in_deleted_items(MEETING)) == Plan(link)


@pytest.mark.rule("DEL-1", "DEL-6")
@pytest.mark.parametrize(
    ("copy", "reason"),
    [
        (None, "deleted"),
        (in_deleted_items(MEETING), "deleted"),
        (replace(MEETING, is_cancelled=True), "cancelled"),
    ],
)
def test_del_1_the_end_of_the_copy_that_counts_is_the_items(copy: Copy | None, reason: str):
    """The CRM is told why, and direct copies go with it."""
    gone = replace(DIRECT, mailbox=B, user="u-bob", live=False)
    link = the_link(REPLICA, gone, DIRECT, reported="x")
    plan = decided(link, copy)
    ended = replace(link, state=State.DELETED, revision=4, content=None, reported=None)
    removed = Effect(
        operation=Operation.DELETE,
        mailbox=C,
        user="u-cora",
        item=ITEM,
        item_id=DIRECT.item_id,
        change_key="1",
        direct=True,
    )
    assert plan == Plan(ended, Delete(link.id, 4, "si-1", 5, link.uid, reason), APPLIED, (removed,))


@pytest.mark.rule("CON-5")
@pytest.mark.parametrize(
    ("replicas", "lost"),
    [
        ((REPLICA,), (Conflict("subject", "exchange"), Conflict("location", "exchange"))),
        ((REPLICA, DIRECT), ()),
    ],
    ids=["nobody was told", "a copy holds it"],
)
def test_con_5_what_the_crm_had_said_and_no_copy_was_told_of_is_lost_with_the_item(replicas: Any, lost: Any):
    """And named."""
    link = the_link(*replicas, agreed=replace(ITEM, subject="Budget", location="Room 9"))
    plan = decided(link, None)
    assert plan.report == replace(APPLIED, conflicts=lost)


@pytest.mark.rule("CON-5", "MAP-4")
def test_con_5_where_one_side_is_unknown_nothing_was_lost():
    """There is nothing to compare."""
    for about in ({"agreed": None}, {"exchange": None, "agreed": replace(ITEM, subject="Budget")}):
        assert decided(the_link(REPLICA, **about), None).report == APPLIED


LONG_AGO = replace(ITEM, start=START - days(60), end=END - days(60))


@pytest.mark.rule("DEL-2")
def test_del_2_what_is_long_past_is_archived():
    """The CRM's item stays."""
    link = the_link(exchange=LONG_AGO)
    plan = decided(link, None)
    because = "the item ended long before it was deleted"
    report = skipped(link, Reason.ARCHIVAL, "DEL-2", because, Decision.KEPT)
    assert plan == Plan(replace(link, state=State.ARCHIVED, reported="archival:"), report=report)


@pytest.mark.rule("DEL-2")
@pytest.mark.parametrize(
    ("exchange", "is_archival"),
    [
        (replace(ITEM, end=NOW - timedelta(days=30, seconds=1)), True),
        (replace(ITEM, end=NOW - timedelta(days=30)), False),
        (replace(LONG_AGO, recurrence=Recurrence("daily")), False),
        (replace(ITEM, end=None), False),
        (None, False),
    ],
    ids=["longer ago", "just as long ago", "a series", "no end", "unknown"],
)
def test_del_2_past_is_what_ended_before_items_are_kept(exchange: ScheduleItem | None, is_archival: bool):
    """A series has no end of its own."""
    link = the_link(exchange=exchange)
    assert decided(link, None).link.state is (State.ARCHIVED if is_archival else State.DELETED)
    assert inbound.ended(link, around=WORLD.around).state is (State.ARCHIVED if is_archival else State.DELETED)


@pytest.mark.rule("DEL-1", "ID-3")
def test_del_1_what_is_not_in_the_crm_cannot_end_there():
    """Of what nobody had let in it is said that there is no copy, of what ended before nothing."""
    outside = a_link(replicas=(REPLICA,))
    report = skipped(outside, Reason.GONE, "ID-3", "the copy that counts does not exist")
    assert decided(outside, None) == Plan(replace(outside, reported="gone:"), report=report)
    for state in (State.DELETED, State.ARCHIVED):
        link = the_link(state=state)
        assert decided(link, None) == Plan(link)


@pytest.mark.rule("CON-5", "DEL-1")
def test_con_5_a_copy_found_gone_before_a_crm_event_is_decided_ends_the_link():
    """With a revision that the CRM is told later; what had ended stays as it is."""
    link = the_link(reported="x")
    gone = replace(link, state=State.DELETED, revision=4, content=None, reported=None)
    assert inbound.ended(link, around=WORLD.around) == gone
    past = replace(link, exchange=LONG_AGO)
    assert inbound.ended(past, around=WORLD.around) == replace(past, state=State.ARCHIVED)
    for state in (State.OUTSIDE, State.DELETED, State.ARCHIVED, State.OUT_OF_SCOPE):
        ended = replace(link, state=state)
        assert inbound.ended(ended, around=WORLD.around) is ended


@pytest.mark.rule("DEL-3", "PART-7")
def test_del_3_where_nobodys_copy_counts_a_users_own_answer_still_does():
    """On both sides alike, and it is told and explained."""
    removed = replace(BOBS_REPLICA, response=Response.REMOVED, live=False)
    link = the_link(REPLICA, removed)
    plan = inbound.answered(link, BOB, generation=0)
    responses = (("u-anna", Response.ORGANIZER), ("u-bob", Response.REMOVED))
    item = replace(ITEM, responses=responses)
    after = replace(link, agreed=item, exchange=item, content=None, revision=4)
    because = "his own copy says so, and there is none that counts"
    report = replace(APPLIED, explain=(Explanation("DEL-3", "u-bob", Decision.KEPT, because),))
    assert plan == Plan(after, told(link, "responses", item=item), report)
    assert inbound.answered(replace(link, exchange=None), BOB, generation=0).link.exchange is None


@pytest.mark.rule("DEL-3", "PART-7")
@pytest.mark.parametrize(
    ("about", "user"),
    [
        ({"state": State.DELETED}, BOB),
        ({"agreed": None}, BOB),
        ({"agreed": replace(ITEM, redacted=True)}, BOB),
        ({}, CORA),
        ({}, ANNA),
        ({"agreed": replace(ITEM, responses=(("u-bob", Response.REMOVED),))}, BOB),
    ],
    ids=["ended", "nothing agreed", "redacted", "takes no part", "organizes", "known"],
)
def test_del_3_an_answer_that_says_nothing_new_is_none(about: dict[str, Any], user: Any):
    """Nor does one that may not be shown."""
    removed = {"response": Response.REMOVED, "live": False}
    coras = Replica(C, "u-cora", "AAMk-c")
    replicas = tuple(replace(each, **removed) for each in (REPLICA, BOBS_REPLICA, coras))
    link = the_link(*replicas, **about)
    assert inbound.answered(link, user, generation=0) == Plan(link)


@pytest.mark.rule("DEL-3")
def test_del_3_who_takes_part_without_having_answered_may_remove_his_copy():
    """He is in Assign To, whatever was said of him."""
    removed = replace(BOBS_REPLICA, response=Response.REMOVED, live=False)
    link = the_link(REPLICA, removed, agreed=replace(ITEM, responses=()))
    plan = inbound.answered(link, BOB, generation=0)
    assert plan.link.agreed is not None
    assert dict(plan.link.agreed.responses)["u-bob"] is Response.REMOVED


@pytest.mark.rule("DEL-3", "INV-6", "CON-3")
def test_del_3_whom_the_crm_took_out_removed_nothing():
    """Given Bob, whose copies went by our hand, when a hint of them comes late, then nobody hears of an answer."""
    removed = replace(BOBS_REPLICA, response=Response.REMOVED, change_key="", live=False)
    for replica in (removed, replace(removed, direct=True)):
        link = the_link(REPLICA, replica, agreed=replace(ITEM, assign_to=("u-anna",)))
        assert inbound.answered(link, BOB, generation=0) == Plan(link)
        late = Sighting(BOBS_REPLICA.mailbox, BOB, None)
        assert inbound.decide_direct(link, late, around=WORLD.around) == Plan(link)


@pytest.mark.rule("DEL-3", "INV-6")
def test_del_3_an_invited_copy_that_ended_is_no_direct_one():
    """A late hint of the direct copy that lay there before says nothing of it; a new direct copy takes its place."""
    removed = replace(BOBS_REPLICA, response=Response.NONE, live=False)
    link = the_link(REPLICA, removed)
    for gone in (None, in_deleted_items(replace(MEETING, mailbox=BOBS_REPLICA.mailbox))):
        late = Sighting(BOBS_REPLICA.mailbox, BOB, gone)
        assert inbound.decide_direct(link, late, around=WORLD.around) == Plan(link)
    new = direct_copy(mailbox=BOBS_REPLICA.mailbox, item_id="AAMk-direct")
    plan = inbound.decide_direct(link, Sighting(BOBS_REPLICA.mailbox, BOB, new), around=WORLD.around)
    assert [(each.item_id, each.direct, each.live) for each in plan.link.replicas[1:]] == [("AAMk-direct", True, True)]


DIFFERENCES = {
    "subject": {"subject": "Mine"},
    "notes": {"body": "Mine"},
    "location": {"location": "Mine"},
    "start": {"start": START + days(1)},
    "end": {"end": END + days(1)},
    "all_day": {"all_day": True},
    "priority": {"importance": "High"},
    "restricted": {"sensitivity": "Private"},
}
KEYED = replace(REPLICA, change_key=MEETING.change_key)
CONTENT = ("subject", "notes", "location", "start", "end", "zone", "all_day", "priority", "restricted")
EVERYTHING = (*CONTENT, "owner", "assign_to", "for")
FROM_EXCHANGE = ("read_only", "redacted", "organizer", "responses")
EXPLAINED = tuple(
    Explanation("PART-1", user, Decision.ASSIGN_TO, "an active CRM user has this address")
    for user in ("u-anna", "u-bob")
)


def settled(link: Link = the_link(KEYED, BOBS_REPLICA), world: Any = WORLD) -> Link:  # noqa: B008 - nothing changes it
    """The link once Anna's copy was decided as it is."""
    return decided(link, MEETING, world=world).link


@pytest.mark.rule("PART-1", "MAP-4", "OPT-5")
def test_part_1_a_new_meeting_is_told_whole():
    """Everything Exchange states of it, and who is in it by which rule; the answer of the CRM is still to come."""
    link = a_link(replicas=(KEYED,), reported="awaiting_acceptance:", private_from_crm=True)
    plan = decided(link, replace(MEETING, modified_at=NOW))
    after = replace(
        link,
        state=State.ACTIVE,
        revision=1,
        content=plan.link.content,
        reported=None,
        agreed=ITEM,
        exchange=ITEM,
        private_from_crm=False,
    )
    shown = replace(ITEM, external=None)
    command = Upsert(link.id, 1, None, 0, link.uid, (*EVERYTHING, *FROM_EXCHANGE), shown, None)
    assert plan == Plan(after, command, replace(APPLIED, explain=EXPLAINED))


@pytest.mark.rule("OPT-3", "CON-3")
def test_opt_3_what_is_as_it_was_decides_nothing():
    """The fingerprint is remembered."""
    link = settled()
    assert link == the_link(KEYED, BOBS_REPLICA, content=link.content)
    assert decided(link, MEETING) == Plan(link)
    assert decided(link, replace(MEETING, change_key="9", modified_at=NOW, zone_id="W. Europe")) == Plan(link)


CHANGES: dict[str, dict[str, Any]] = {
    **DIFFERENCES,
    "zone": {"zone": "Europe/Vienna"},
    "people": {"attendees": ()},
    "their names": {"attendees": (replace(MEETING.attendees[0], name="Robert"),)},
    "their answers": {"attendees": (replace(MEETING.attendees[0], response=Response.ACCEPTED),)},
    "recurrence": {"recurrence": Recurrence("daily")},
}


@pytest.mark.rule("CON-1", "OPT-3")
@pytest.mark.parametrize("what", [name for name in CHANGES if name != "their names"])
def test_con_1_whatever_people_can_change_is_decided_anew(what: str):
    """And told: what changed and no more."""
    world = WORLD.with_options(private_meetings=True)
    link = settled(the_link(KEYED), world)
    changed = decided(link, replace(MEETING, **CHANGES[what]), world=world)
    assert changed.link.content != link.content
    assert changed.report is not None
    assert changed.link.agreed == changed.link.exchange
    told_of = {
        "people": {"assign_to", "responses"},
        "their answers": {"responses"},
    }.get(what, {what})
    assert isinstance(changed.command, Upsert)
    assert set(changed.command.changed) == told_of
    assert decided(changed.link, replace(MEETING, **CHANGES[what]), world=world) == Plan(changed.link)


@pytest.mark.rule("CON-1")
def test_con_1_a_change_is_told_with_what_became_of_it():
    """When Exchange noted it, too; the copy holds no longer what was written to it."""
    known = replace(KEYED, holds="h", ours="0")
    link = settled(the_link(known, replace(BOBS_REPLICA, holds="h", ours="1")))
    later = replace(MEETING, subject="Later", modified_at=NOW)
    plan = decided(replace(link, replicas=(known, replace(BOBS_REPLICA, holds="h", ours="1"))), later)
    item = replace(ITEM, subject="Later")
    assert plan.link == replace(
        link,
        replicas=(replace(known, holds="", ours=None), replace(BOBS_REPLICA, holds="h", ours="1")),
        revision=4,
        content=plan.link.content,
        agreed=item,
        exchange=item,
        changed_at=NOW,
    )
    assert plan.command == told(link, "subject", item=item)
    assert plan.report == replace(APPLIED, explain=EXPLAINED)


@pytest.mark.rule("CON-3", "CON-4", "PART-7")
def test_con_3_what_the_server_made_of_our_write_is_remembered_and_told_to_nobody():
    """Neither as content nor as people: what the CRM said stands; but an answer is not ours."""
    ours = replace(KEYED, ours=MEETING.change_key, holds="h")
    agreed = replace(
        ITEM, subject=" Review ", location="Room  4", notes="Mine", responses=(("u-anna", Response.ORGANIZER),)
    )
    crm = replace(agreed, external=None)
    link = the_link(ours, BOBS_REPLICA, agreed=agreed, exchange=agreed, crm=crm, content="before")
    written = replace(MEETING, location="Room 4", body="Cut")
    plan = decided(link, written)
    seen = replace(ITEM, location="Room 4", notes="Cut")
    assert plan == Plan(replace(link, content=plan.link.content, exchange=replace(seen, responses=ITEM.responses)))
    assert decided(plan.link, written) == Plan(plan.link), "and it is known that it was decided"
    assert decided(replace(plan.link, content="before"), written) == Plan(plan.link), "whatever is written next"
    answered = replace(written, attendees=(replace(MEETING.attendees[0], response=Response.ACCEPTED),))
    accepted = decided(replace(link, replicas=(ours, replace(BOBS_REPLICA, response=Response.ACCEPTED))), answered)
    assert isinstance(accepted.command, Upsert)
    assert accepted.command.changed == ("responses",)
    assert accepted.link.agreed is not None
    assert dict(accepted.link.agreed.responses)["u-bob"] is Response.ACCEPTED
    assert accepted.link.agreed.subject == " Review "


@pytest.mark.rule("CON-4")
@pytest.mark.parametrize(
    ("changed", "is_ours"),
    [
        ({}, True),
        ({"subject": "  Review"}, True),
        ({"subject": "Mine"}, False),
        ({"attendees": ()}, False),
        ({"attendees": (*MEETING.attendees, replace(MEETING.attendees[0], name="X", address="x@else.example"))}, False),
    ],
    ids=["as it was", "in blanks", "content", "somebody less", "somebody more"],
)
def test_con_4_a_server_may_touch_what_we_wrote_once_more(changed: dict[str, Any], is_ours: bool):
    """Under another key; what a person changed is a person's change."""
    link = the_link(replace(KEYED, ours="0", holds="h"))
    plan = decided(link, replace(MEETING, **changed))
    assert plan.link.replicas[0].ours == ("0" if is_ours else None)
    assert (plan.report is None) is is_ours


SERIES = replace(
    MEETING,
    shape=Shape.MASTER,
    recurrence=Recurrence("daily"),
    exceptions=(
        replace(
            MEETING,
            shape=Shape.EXCEPTION,
            original_start=START + days(1),
            start=START + days(1),
            end=END + days(1),
            subject="Once",
        ),
    ),
)
ONCE = SERIES.exceptions[0]


@pytest.mark.rule("REC-3", "OPT-3")
@pytest.mark.parametrize(
    ("series", "once", "is_news"),
    [
        ({}, {}, False),
        ({}, {"change_key": "9", "reminder": None, "modified_at": NOW}, False),
        ({}, {"subject": "Twice"}, True),
        ({}, {"body": "Other"}, True),
        ({}, {"start": START + timedelta(days=1, hours=1)}, True),
        ({}, {"original_start": START + days(2)}, True),
        ({}, {"attendees": ()}, True),
        ({}, {"attendees": (replace(MEETING.attendees[0], role=Role.OPTIONAL),)}, True),
        ({}, {"attendees": (replace(MEETING.attendees[0], name="Robert"),)}, True),
        ({}, {"attendees": (replace(MEETING.attendees[0], address="robert@else.example"),)}, True),
        ({"deleted_starts": (START + days(3),)}, {}, True),
        ({"exceptions": ()}, {}, True),
        ({"recurrence": Recurrence("daily", interval=2)}, {}, True),
        ({"recurrence": None}, {}, True),
    ],
)
def test_rec_3_a_series_is_as_it_was_if_its_occurrences_are(series: Any, once: Any, is_news: bool):
    """Alarms are everybody's own, and change keys are nobody's words."""
    link = decided(the_link(KEYED), SERIES).link
    plan = decided(link, replace(SERIES, **({"exceptions": (replace(ONCE, **once),)} | series)))
    assert (plan.link.content != link.content) is is_news


@pytest.mark.rule("REC-5", "OPT-3")
def test_rec_5_each_pattern_the_crm_has_no_word_for_is_said_of():
    """Another one is another state."""
    first = decided(a_link(replicas=(KEYED,)), replace(SERIES, recurrence=None, unheld="one way"))
    other = decided(first.link, replace(SERIES, recurrence=None, unheld="another way"))
    assert (first.report and first.report.reason, other.report) == (Reason.PATTERN, first.report)


@pytest.mark.rule("CON-2", "CON-6")
def test_con_2_a_conflict_that_the_crm_won_is_written_back_and_named():
    """What is written is what Exchange says; the fingerprint is unknown until it was read."""
    link = settled()
    assert link.agreed is not None
    pending = replace(link, agreed=replace(ITEM, subject="Costs"), crm=replace(ITEM, subject="Costs", external=None))
    plan = decided(pending, replace(MEETING, subject="Budget"))
    item = replace(ITEM, subject="Costs")
    assert plan.report == replace(APPLIED, explain=EXPLAINED, conflicts=(Conflict("subject", "crm"),))
    [effect] = plan.effects
    assert (effect.mailbox, effect.fields, effect.authoritative, effect.item) == (A, ("subject",), True, item)
    assert plan.link == replace(pending, exchange=item, content=None)
    assert plan.command is None


@pytest.mark.rule("CON-2")
def test_con_2_by_the_policy_exchange_wins_and_the_crm_is_told():
    """Nothing is written back."""
    costs = replace(ITEM, subject="Costs")
    pending = replace(settled(), agreed=costs, crm=replace(costs, external=None))
    world = WORLD.with_policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)
    plan = decided(pending, replace(MEETING, subject="Budget"), world=world)
    assert plan.report is not None
    assert plan.report.conflicts == (Conflict("subject", "exchange"),)
    assert plan.command == told(pending, "subject", item=replace(ITEM, subject="Budget"))
    assert plan.effects == ()


@pytest.mark.rule("CON-2", "OPS-3")
def test_con_2_what_the_crm_won_and_cannot_be_written_yet_exchange_does_not_say():
    """Its copy lies in a mailbox that is the organizer's no more."""
    costs = replace(ITEM, subject="Costs")
    pending = replace(settled(), agreed=costs, crm=replace(costs, external=None))
    world = WORLD.knowing(replace(ANNA, mailbox="anna2@bank.example"))
    plan = decided(pending, replace(MEETING, subject="Budget"), world=world)
    assert (plan.effects, plan.link.content is None) == ((), False)
    assert (plan.link.exchange and plan.link.exchange.subject, plan.link.agreed) == ("Budget", costs)


@pytest.mark.rule("REC-3", "INV-6", "OPT-5")
def test_rec_3_a_direct_copy_whose_occurrences_are_behind_is_written_though_nothing_else_is_new():
    """And that is said."""
    replicas = (KEYED, replace(DIRECT, holds=OCCURRENCES_BEHIND))
    known = decided(the_link(*replicas, agreed=None, exchange=None, crm=None), SERIES).link
    link = replace(known, replicas=replicas, content=None, crm=known.agreed, crm_revision=known.revision)
    plan = decided(link, SERIES)
    assert [(each.mailbox, each.occurrence) for each in plan.effects] == [(C, ONCE.original_start)]
    assert plan.report is not None
    assert (plan.report.result, plan.command) == (Result.APPLIED, None)


@pytest.mark.rule("OPT-3", "ID-3", "ID-4")
def test_opt_3_whose_meeting_it_is_belongs_to_what_it_was_decided_by():
    """A stranger's is nobody's, whoever is its master; a user's is his, by whosever copy it is known."""
    stranger = replace(MEETING, organizer=replace(invited("boss@else.example"), role=Role.ORGANIZER))
    link = the_link(BOBS_REPLICA, replace(BOBS_REPLICA, mailbox=C, user="u-cora"))

    def content(copy: Copy, authority: Authority) -> str | None:
        return inbound.decide(link, copy, authority=authority, around=WORLD.around).link.content

    bobs, coras = (content(stranger, Authority(each, each, is_master=True)) for each in (BOB, CORA))
    assert bobs == coras
    by_master, by_himself = content(MEETING, Authority(BOB, ANNA, is_master=True)), content(MEETING, BY_ANNA)
    assert by_master != by_himself
    assert content(MEETING, Authority(ANNA, CORA)) != by_himself


@pytest.mark.rule("OPT-5", "OPS-4", "PRIV-2")
@pytest.mark.parametrize(
    ("world", "copy"),
    [
        (WORLD.with_policy(most_participants=1), MEETING),
        (
            WORLD.with_policy(security_model=SecurityModel.HAM).with_options(private_meetings=False),
            replace(MEETING, sensitivity="Private"),
        ),
    ],
    ids=["too many", "private"],
)
def test_opt_5_what_is_kept_out_is_said_again_when_it_is_another(world: World, copy: Copy):
    """And not for the same."""
    first = decided(a_link(replicas=(KEYED,)), copy, world=world)
    assert first.report is not None
    assert decided(first.link, copy, world=world).report is None
    assert decided(first.link, replace(copy, subject="Later"), world=world).report == first.report


ALARMS = WORLD.with_options(alarms=True)
ALARMED = replace(ITEM, alarms=(("u-anna", (15,)), ("u-bob", (5,))))


def alarmed(world: Any) -> Link:
    """In peace, with an alarm of each of them."""
    replicas = (replace(KEYED, reminder=15), replace(BOBS_REPLICA, reminder=5))
    link = the_link(*replicas, agreed=ALARMED, crm=replace(ALARMED, external=None))
    return replace(link, content=decided(link, replace(MEETING, reminder=15), world=world).link.content)


@pytest.mark.rule("ALM-1", "ALM-2", "CON-3")
@pytest.mark.parametrize("gate", [True, False])
def test_alm_2_a_reminder_that_alone_was_changed_is_its_users_alarm(gate: bool):
    """With his option off it is only remembered."""
    world = ALARMS if gate else WORLD.with_options(alarms=False)
    link = alarmed(world)
    plan = decided(link, replace(MEETING, reminder=30), world=world)
    remembered = (replace(KEYED, reminder=30), replace(BOBS_REPLICA, reminder=5))
    if not gate:
        assert plan == Plan(replace(link, replicas=remembered))
        return
    item = replace(ALARMED, alarms=(("u-anna", (30,)), ("u-bob", (5,))))
    assert plan.link == replace(link, replicas=remembered, agreed=item, revision=4)
    assert plan.command == told(link, "alarms", item=item)
    assert plan.report is not None
    assert [(each.key, each.user, each.effect) for each in plan.report.options] == [
        (options.MEETING_ALARMS, "u-anna", ("alarms:u-anna",))
    ]


@pytest.mark.rule("ALM-2", "ALM-5")
def test_alm_2_a_hint_through_his_copy_brings_its_users_alarm():
    """As do those of copies whose hints were skipped until the meeting came in; deleted ones say nothing."""
    link = alarmed(ALARMS)
    bobs = replace(BOBS, reminder=10)
    annas = replace(MEETING, reminder=15)
    plan = decided(link, annas, world=ALARMS, sighting=Sighting(B, BOB, bobs))
    assert plan.link.agreed is not None
    assert dict(plan.link.agreed.alarms)["u-bob"] == (10,)
    gone = decided(link, annas, world=ALARMS, sighting=Sighting(B, BOB, in_deleted_items(bobs)))
    assert gone.link.agreed == ALARMED
    fresh = a_link(replicas=(KEYED, BOBS_REPLICA))
    new = decided(fresh, MEETING, world=ALARMS, others=(Sighting(B, BOB, bobs),))
    assert new.link.agreed is not None
    assert new.link.agreed.alarms == (("u-bob", (10,)),)


@pytest.mark.rule("ALM-2", "OPT-5", "OPT-4")
@pytest.mark.parametrize("is_series", [True, False])
def test_opt_5_of_an_alarm_alone_only_its_users_option_is_named(is_series: bool):
    """Not that of who changed nothing, though the CRM has no alarm of hers; nor is asked again whom it is about."""
    annas = replace(
        SERIES if is_series else MEETING, attendees=(*MEETING.attendees, invited(CARLA)), reminder=15, exceptions=()
    )
    world = ALARMS.knowing(CARLA).with_options(matching=True)
    replicas = (replace(KEYED, reminder=15), replace(BOBS_REPLICA, reminder=5))
    known = decided(the_link(*replicas, agreed=None, exchange=None), annas, world=world).link
    held = known.agreed and replace(known.agreed, alarms=(("u-bob", (5,)),))
    link = replace(known, agreed=held, crm=held, crm_revision=known.revision)
    plan = decided(link, annas, world=world, sighting=Sighting(B, BOB, copy_of(annas, BOB, reminder=10)))
    asked = Consulted(options.MEETING_ALARMS, "u-bob", True, Level.SYSTEM, ("alarms:u-bob",))
    assert plan.report == replace(APPLIED, options=(asked,))
    assert plan.link.agreed == replace(held or ITEM, alarms=(("u-bob", (10,)),))


@pytest.mark.rule("ALM-2", "CON-6")
def test_con_6_an_alarm_that_is_set_back_before_the_crm_has_answered_is_told_again():
    """Or it would stay as it was for a moment."""
    link = alarmed(ALARMS)
    later = decided(link, replace(MEETING, reminder=30), world=ALARMS).link
    back = decided(later, replace(MEETING, reminder=15), world=ALARMS)
    assert isinstance(back.command, Upsert)
    assert (back.command.changed, back.command.item.alarms) == (("alarms",), ALARMED.alarms)


@pytest.mark.rule("ALM-2", "DEL-2")
def test_alm_2_an_archived_meeting_whose_alarm_is_changed_is_followed_again():
    """It was deleted, and put back."""
    plan = decided(replace(alarmed(ALARMS), state=State.ARCHIVED), replace(MEETING, reminder=30), world=ALARMS)
    assert isinstance(plan.command, Upsert)
    assert plan.link.state is State.ACTIVE


def written_by_us(copy: Copy, world: Any = WORLD, **about: Any) -> Link:
    """In peace, but that nobody has read yet what the organizer's copy became by our write."""
    known = decided(the_link(KEYED, BOBS_REPLICA), copy, world=world).link
    replicas = (replace(KEYED, ours=copy.change_key, reminder=copy.reminder), replace(BOBS_REPLICA, reminder=5))
    return the_link(
        *replicas, agreed=known.agreed, exchange=known.exchange, crm=known.agreed, content="before", **about
    )


@pytest.mark.rule("CON-3", "ALM-2", "ALM-4")
def test_con_3_what_others_changed_of_their_alarms_is_told_where_the_meeting_is_as_we_wrote_it():
    """An alarm is in its user's own copy: that of the series, and that of an occurrence."""
    once = replace(ONCE, reminder=None)
    series = replace(SERIES, reminder=None, exceptions=(once,))
    link = written_by_us(series, ALARMS)
    link = replace(link, agreed=link.agreed and replace(link.agreed, alarms=(("u-bob", (5,)),)))
    bobs = copy_of(replace(series, exceptions=(replace(once, reminder=30),)), BOB, reminder=10)
    plan = decided(link, series, world=ALARMS, sighting=Sighting(B, BOB, bobs))
    assert isinstance(plan.command, Upsert)
    assert plan.command.item.alarms == (("u-bob", (10,)),)
    [exception] = plan.command.item.exceptions
    assert read_changes(exception)["alarms"] == (("u-bob", (30,)),)


@pytest.mark.rule("CON-3", "DEL-2", "OPT-5")
def test_con_3_a_meeting_as_we_wrote_it_is_followed_again_and_what_was_skipped_may_be_said_anew():
    """It was archived, or too large for a time."""
    link = written_by_us(MEETING, state=State.ARCHIVED, reported="archival:")
    plan = decided(link, MEETING)
    assert (plan.link.state, plan.link.reported) == (State.ACTIVE, None)
    assert (plan.command, plan.report, plan.effects) == (None, None, ())


@pytest.mark.rule("CON-3", "OPT-3", "FOR-1")
def test_opt_3_whom_our_own_write_shows_to_be_a_contact_is_one_by_the_next_change():
    """Matching was switched on since; a write of ours is no reason to look again, a person's change is."""
    meeting = replace(MEETING, attendees=(*MEETING.attendees, invited(CARLA)))
    world = WORLD.knowing(CARLA).with_options(matching=False)
    link = written_by_us(meeting, world)
    now = world.with_options(matching=True)
    echoed = decided(link, meeting, world=now)
    assert echoed.command is None
    later = decided(echoed.link, replace(meeting, subject="Later", change_key="2"), world=now)
    assert isinstance(later.command, Upsert)
    assert [entry.contact for entry in later.command.item.for_] == ["c-carla"]


@pytest.mark.rule("ID-3", "CON-4")
@pytest.mark.parametrize("field", DIFFERENCES)
def test_id_3_what_differs_in_a_copy_that_does_not_count_is_recorded_by_the_crms_words(field: str):
    """Beside whatever else was decided; once for the same state."""
    mine = replace(BOBS, **DIFFERENCES[field])
    assert inbound.deviations(mine, MEETING) == (field,)
    link = the_link()
    refused = Explanation("ID-3", field, Decision.REFUSED, "the copy of u-bob does not count")
    plan = inbound.with_deviation(Plan(link), Sighting(B, BOB, mine), MEETING)
    assert plan.report == Report(Direction.INBOUND, Result.SKIPPED, Reason.NOT_AUTHORITATIVE, explain=(refused,))
    assert (plan.command, plan.effects) == (None, ())
    [annas, bobs] = plan.link.replicas
    assert (annas, bobs) == (REPLICA, replace(BOBS_REPLICA, reported=bobs.reported))
    assert bobs.reported
    assert inbound.with_deviation(Plan(plan.link), Sighting(B, BOB, mine), MEETING) == Plan(plan.link)
    other = Explanation("PART-1", "u-bob", Decision.ASSIGN_TO)
    both = inbound.with_deviation(
        Plan(link, report=replace(APPLIED, explain=(other,))), Sighting(B, BOB, mine), MEETING
    )
    assert both.report == replace(APPLIED, explain=(other, refused))


@pytest.mark.rule("ID-3", "INV-6")
@pytest.mark.parametrize(
    ("mailbox", "about", "is_recorded"),
    [(B, {"fields": ("subject",)}, False), (B, {"reminder": 5}, True), (A, {"fields": ("subject",)}, True)],
    ids=["mended", "his alarm alone", "another copy"],
)
def test_id_3_what_differs_is_recorded_unless_it_is_being_mended(
    mailbox: str, about: dict[str, Any], is_recorded: bool
):
    """By a write of content to this very copy."""
    effect = Effect(operation=Operation.UPDATE, mailbox=mailbox, user="u-who", item=ITEM, **about)
    plan = Plan(the_link(), effects=(effect,))
    recorded = inbound.with_deviation(plan, Sighting(B, BOB, replace(BOBS, subject="Mine")), MEETING)
    assert (recorded.report is not None) is is_recorded


@pytest.mark.rule("ID-3", "DEL-6")
@pytest.mark.parametrize(
    ("copy", "counts", "about"),
    [
        (None, MEETING, {}),
        (replace(BOBS, subject="Mine"), None, {}),
        (in_deleted_items(replace(BOBS, subject="Mine")), MEETING, {}),
        (replace(BOBS, subject="Mine", is_cancelled=True), MEETING, {}),
        (replace(BOBS, subject="Mine"), MEETING, {"state": State.ARCHIVED}),
        (replace(BOBS, subject="Mine"), MEETING, {"replicas": (REPLICA,)}),
        (replace(BOBS, subject=" Review "), MEETING, {}),
    ],
    ids=["no copy", "nothing to differ from", "deleted", "cancelled", "not in the CRM", "unknown copy", "alike"],
)
def test_id_3_what_differs_is_recorded_only_where_it_says_something(copy: Any, counts: Any, about: dict[str, Any]):
    """Otherwise the plan is as it was."""
    plan = Plan(replace(the_link(), **about))
    assert inbound.with_deviation(plan, Sighting(B, BOB, copy), counts) is plan


@pytest.mark.rule("ID-3")
def test_id_3_a_copy_that_came_to_agree_again_is_no_news_but_the_next_difference_is():
    """What was reported is forgotten."""
    plan = Plan(the_link(REPLICA, replace(BOBS_REPLICA, reported="before")))
    back = inbound.with_deviation(plan, Sighting(B, BOB, BOBS), MEETING)
    assert back == Plan(the_link())


@pytest.mark.rule("OPS-4")
@pytest.mark.parametrize(("most", "is_refused"), [(1, True), (2, False), (None, False)])
def test_ops_4_a_meeting_of_more_people_than_the_limit_is_left_out(most: int | None, is_refused: bool):
    """And said so, once."""
    world = WORLD.with_policy(most_participants=most)
    plan = decided(a_link(replicas=(REPLICA,)), MEETING, world=world)
    assert plan.report is not None
    assert (plan.report.reason is Reason.RESTRICTION) is is_refused
    assert (plan.command is None) is is_refused
    if is_refused:
        assert plan.report.explain[0].rule == "OPS-4"
        again = inbound.refreshed(the_link(), replace(MEETING, subject="Later"), authority=BY_ANNA, around=world.around)
        assert again.agreed == ITEM


@pytest.mark.rule("CON-1")
def test_con_1_what_exchange_changed_is_in_the_link_before_a_crm_event_is_decided():
    """Direct copies are behind from then on; nothing is told."""
    link = the_link(REPLICA, DIRECT)
    later = replace(MEETING, subject="Later", change_key="2")
    fresh = inbound.refreshed(link, later, authority=BY_ANNA, around=WORLD.around)
    assert fresh.agreed is not None
    assert (fresh.agreed.subject, fresh.revision) == ("Later", 3)
    [annas, coras] = fresh.replicas
    assert (annas.change_key, annas.holds) == ("2", None)
    assert decided(fresh, later) == Plan(fresh), "and it is known that it was decided"
    assert coras == replace(DIRECT, holds=BEHIND)


@pytest.mark.rule("CON-1")
def test_con_1_what_is_not_content_leaves_direct_copies_up_to_date():
    """Who takes part is no content of theirs."""
    link = the_link(REPLICA, DIRECT)
    without = replace(MEETING, attendees=(), change_key="2")
    fresh = inbound.refreshed(link, without, authority=BY_ANNA, around=WORLD.around)
    assert fresh.agreed is not None
    assert (fresh.agreed.assign_to, fresh.replicas[1]) == (("u-anna",), DIRECT)


@pytest.mark.rule("CON-1", "DEL-1", "REC-5")
@pytest.mark.parametrize(
    ("copy", "about"),
    [
        (in_deleted_items(MEETING), {}),
        (replace(MEETING, is_cancelled=True), {}),
        (replace(MEETING, unheld="yearly on every other day"), {}),
        (MEETING, {"state": State.OUTSIDE}),
        (MEETING, {"state": State.DELETED}),
    ],
    ids=["deleted", "cancelled", "a pattern the CRM has no word for", "not in the CRM", "ended"],
)
def test_con_1_of_what_ends_or_cannot_come_in_only_the_replica_is_refreshed(copy: Copy, about: dict[str, Any]):
    """The event's decision says what comes of it."""
    link = the_link(**about)
    later = replace(copy, subject="Later", change_key="2")
    fresh = inbound.refreshed(link, later, authority=BY_ANNA, around=WORLD.around)
    assert replace(fresh, replicas=link.replicas) == link
    assert (fresh.replicas[0].change_key, fresh.replicas[1]) == ("2", BOBS_REPLICA)


@pytest.mark.rule("REC-5")
def test_rec_5_a_pattern_the_crm_has_no_word_for_is_left_out_and_said_once():
    """Until it changes."""
    copy = replace(MEETING, unheld="yearly on every other day")
    link = a_link(replicas=(REPLICA,))
    plan = decided(link, copy)
    assert plan.report == skipped(link, Reason.PATTERN, "REC-5", "the CRM has no word for this pattern")
    assert decided(plan.link, copy) == Plan(plan.link)
    assert decided(plan.link, replace(copy, subject="Later")).report == plan.report


def direct_copy(**about: Any) -> Copy:
    """Cora's direct copy, as it was written."""
    known = {"mailbox": C, "item_id": DIRECT.item_id, "organizer": None, "attendees": (), "is_meeting": False}
    return replace(MEETING, **(known | about))


def hinted(link: Link, copy: Copy | None, *, world: Any = WORLD) -> Plan:
    """What a hint through Cora's direct copy means."""
    return inbound.decide_direct(link, Sighting(C, CORA, copy), around=world.around)


OURS = replace(ITEM, assign_to=("u-anna", "u-bob", "u-cora"))


@pytest.mark.rule("INV-6", "CON-3")
def test_inv_6_a_direct_copy_as_it_was_written_says_nothing():
    """Only that it was seen."""
    link = the_link(REPLICA, DIRECT, agreed=OURS)
    assert hinted(link, direct_copy()) == Plan(link)


@pytest.mark.rule("INV-6", "ID-3")
@pytest.mark.parametrize("field", list(DIFFERENCES))
def test_inv_6_what_its_user_changes_in_it_is_recorded(field: str):
    """Under the key that his change left; it goes nowhere."""
    link = the_link(REPLICA, DIRECT, agreed=OURS)
    plan = hinted(link, direct_copy(change_key="2", **DIFFERENCES[field]))
    refused = Explanation("ID-3", field, Decision.REFUSED, "the copy of u-cora does not count")
    assert plan.report == Report(Direction.INBOUND, Result.SKIPPED, Reason.NOT_AUTHORITATIVE, explain=(refused,))
    assert (plan.command, plan.effects) == (None, ())
    assert plan.link.agreed == OURS


@pytest.mark.rule("INV-6", "CON-4")
def test_con_4_another_name_for_the_zone_of_a_direct_copy_is_no_change_of_its_users():
    """It takes place when the meeting does."""
    link = the_link(REPLICA, DIRECT, agreed=OURS)
    plan = hinted(link, direct_copy(change_key="2", zone="Europe/Zurich"))
    assert plan == Plan(the_link(REPLICA, replace(DIRECT, change_key="2"), agreed=OURS))


@pytest.mark.rule("NOTE-6", "INV-6")
def test_note_6_the_block_that_was_overwritten_in_a_direct_copy_is_put_back():
    """As in every other copy."""
    link = the_link(
        REPLICA, replace(DIRECT, block="f"), agreed=replace(OURS, related=(Related("deal", "d-1", "Deal"),))
    )
    plan = hinted(link, direct_copy(), world=WORLD.with_options(notes=True))
    assert [(each.mailbox, each.named) for each in plan.effects] == [(C, ("related",))]


@pytest.mark.rule("INV-6", "DEL-3")
def test_del_3_a_direct_copy_that_was_deleted_is_its_users_answer():
    """As with an invited one."""
    link = the_link(REPLICA, DIRECT, agreed=OURS)
    for copy in (None, in_deleted_items(direct_copy())):
        plan = hinted(link, copy)
        assert plan.link.agreed is not None
        assert dict(plan.link.agreed.responses)["u-cora"] is Response.REMOVED
        assert not plan.link.replicas[1].live


@pytest.mark.rule("INV-7", "DEL-5", "INV-6")
@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"state": State.OUT_OF_SCOPE}, Reason.OUT_OF_SCOPE),
        ({"state": State.DELETED, "deleted_by_crm": True}, Reason.TOMBSTONED),
        ({"state": State.DELETED}, None),
        ({"state": State.ARCHIVED}, None),
        ({"agreed": None}, None),
    ],
)
def test_inv_6_a_direct_copy_of_what_is_not_followed_any_more_changes_nothing(
    about: dict[str, Any], reason: Reason | None
):
    """That the CRM ended it is said once."""
    link = the_link(REPLICA, DIRECT, **about)
    plan = hinted(link, direct_copy(subject="Mine", change_key="2"))
    assert (plan.report and plan.report.reason, plan.command, plan.effects) == (reason, None, ())
    assert plan.link.replicas[1] == replace(DIRECT, change_key="2")
    if reason is Reason.TOMBSTONED:
        gone = replace(DIRECT, change_key="", live=False, response=Response.REMOVED)
        assert hinted(link, None) == Plan(the_link(REPLICA, gone, **about))


@pytest.mark.rule("INV-6")
def test_inv_6_a_direct_copy_nobody_knew_of_is_known_from_then_on():
    """It answers nothing."""
    plan = hinted(the_link(REPLICA, agreed=OURS), direct_copy())
    assert plan.link.replicas == (
        REPLICA,
        Replica(C, "u-cora", DIRECT.item_id, "1", response=Response.NONE, direct=True),
    )


@pytest.mark.rule("INV-6")
def test_inv_6_beside_an_invited_copy_a_direct_one_goes():
    """If it is there, and the item in the CRM."""
    invited = Replica(C, "u-cora", "AAMk-invited", "1", response=Response.ACCEPTED)
    link = the_link(REPLICA, invited, agreed=OURS)
    plan = hinted(link, direct_copy())
    assert plan.link == link
    assert [(each.operation, each.item_id) for each in plan.effects] == [(Operation.DELETE, DIRECT.item_id)]
    assert plan.report == APPLIED
    for copy, known in (
        (None, link),
        (in_deleted_items(direct_copy()), link),
        (direct_copy(), replace(link, state=State.DELETED)),
    ):
        assert hinted(known, copy) == Plan(known)
