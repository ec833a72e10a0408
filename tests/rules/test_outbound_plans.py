"""What a CRM event about a meeting comes to, to the letter: the whole link, command, report and writes of each turn.

`test_outbound` plays conversations and looks at what lies where afterwards. Here one event at a time meets the same
peace, and the plan is compared as a whole: nothing else is told, written or remembered.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers import outbound
from handlers.crm_changes import CrmChange, Kind
from handlers.effects import CONTENT, Effect, Operation, holding
from handlers.facts import User
from handlers.links import ANOTHERS, BEHIND, OCCURRENCES_BEHIND, Link, Replica, State
from handlers.merging import Conflict
from handlers.plans import Delete, Explanation, Plan, Report, Upsert
from handlers.policy import ConflictPolicy
from schemas import ids
from schemas.copies import Attendee, Role
from schemas.edits import UNSET
from schemas.items import External, ForEntry, Recurrence, Related, Response, ScheduleItem, SeriesException, Source
from schemas.outcomes import Decision, Direction, Reason, Result
from schemas.sending import Sending
from tests.support.world import END, START, World, a_contact, a_user, a_world, days

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
EVE = a_user("u-eve", mailbox=None)  # has an address, but no mailbox that is followed
NOWHERE = a_user("u-nowhere", emails=[])
WORLD = replace(a_world(ANNA, BOB, CORA, EVE, NOWHERE, a_contact("c-carla")), generation=1)
A, B, C = "anna@bank.example", "bob@bank.example", "cora@bank.example"
NEXT = 2**32 + 1
"""The first revision of this generation."""

ITEM = ScheduleItem(
    subject="Review",
    notes="Agenda",
    location="Room 4",
    start=START,
    end=END,
    zone="Europe/Berlin",
    owner="u-anna",
    assign_to=("u-anna", "u-bob"),
)
A_SERIES = replace(
    ITEM,
    recurrence=Recurrence("daily"),
    exceptions=(SeriesException(START + days(1), changes=(("location", '"Room 9"'),)),),
)
CHANGED_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
APPLIED = Report(Direction.OUTBOUND, Result.APPLIED)


def a_replica(user: User, **about: Any) -> Replica:
    """A user's copy."""
    known: dict[str, Any] = {"change_key": "ck-1", "response": Response.NONE} | about
    return Replica(user.mailbox or "", user.id, f"item-{user.id}", **known)


PEACE = Link(
    id="l-1",
    uid="UID-1",
    state=State.ACTIVE,
    version=7,
    crm_id="si-1",
    crm_version=5,
    crm_revision=3,
    revision=3,
    content="as it was",
    agreed=ITEM,
    exchange=ITEM,
    crm=ITEM,
    changed_at=CHANGED_AT,
    replicas=(a_replica(ANNA), a_replica(BOB)),
)


def decided(link: Link, event: CrmChange, *, world: World = WORLD) -> Plan:
    """What comes of an event."""
    return outbound.decide(link, event, around=world.around)


def edited(link: Link = PEACE, *, world: World = WORLD, notify: str = "none", **changes: Any) -> Plan:
    """What comes of a CRM user's edit."""
    after = replace(link.crm or ITEM, **changes)
    return decided(link, CrmChange("si-1", 6, revision=3, after=after, notify=notify), world=world)


def heard(link: Link = PEACE, **about: Any) -> Link:
    """The link after a CRM event that wrote something."""
    return replace(link, **({"crm_version": 6, "content": None} | about))


def update(user: User, item: ScheduleItem, *fields: str, **about: Any) -> Effect:
    """A write of these fields into a user's copy."""
    known = {"item_id": f"item-{user.id}", "change_key": "ck-1"} | about
    return Effect(
        operation=Operation.UPDATE, mailbox=user.mailbox or "", user=user.id, item=item, fields=fields, **known
    )


def removal(user: User, item: ScheduleItem = ITEM, **about: Any) -> Effect:
    """A user's copy is taken away."""
    known = {"item_id": f"item-{user.id}", "change_key": "ck-1"} | about
    return Effect(operation=Operation.DELETE, mailbox=user.mailbox or "", user=user.id, item=item, **known)


def direct_copy(user: User, item: ScheduleItem) -> Effect:
    """A user gets a copy of his own."""
    return Effect(
        operation=Operation.CREATE,
        mailbox=user.mailbox or "",
        user=user.id,
        item=item,
        marker="si-1",
        uid=ids.uid_of_direct_copy("si-1", user.id),
        direct=True,
        fields=WHOLE,
        sensitivity="Normal",
    )


WHOLE = tuple(name for name in CONTENT if name != "recurrence")


def invitation(user: User) -> Attendee:
    """A user as he is invited."""
    return Attendee(Role.REQUIRED, name=user.name, address=user.addresses[0])


def told(item: ScheduleItem, *changed: str, **about: Any) -> Upsert:
    """A command that makes the CRM hold this."""
    known: dict[str, Any] = {"crm_id": "si-1", "seen": 6, "uid": "UID-1", "master": None} | about
    return Upsert("l-1", NEXT, changed=changed, item=item, **known)


def with_copy(link: Link, user: User, **about: Any) -> Link:
    """The link with other knowledge of a user's copy."""
    return replace(link, replicas=tuple(replace(r, **about) if r.user == user.id else r for r in link.replicas))


# events that change nothing in Exchange


def test_an_event_that_is_known_says_nothing():
    """Nor does one that says of no item what it is."""
    assert decided(PEACE, CrmChange("si-1", 5, after=replace(ITEM, subject="x"))) == Plan(PEACE)
    nothing = decided(PEACE, CrmChange("si-2", 6, revision=9))
    assert nothing == Plan(replace(PEACE, crm_id="si-2", crm_version=6, crm_revision=9, revision=9))


@pytest.mark.rule("CON-6", "ID-8")
def test_con_6_the_crms_answer_to_our_command_is_its_word():
    """One to a command that nobody remembers is all there is to know."""
    after = replace(ITEM, subject="as told")
    answer = CrmChange("si-1", 6, ours=True, revision=3, after=after)
    assert decided(PEACE, answer) == Plan(replace(PEACE, crm_version=6, crm=after))
    later = decided(PEACE, replace(answer, revision=4))
    assert later == Plan(
        replace(
            heard(crm=after, agreed=after, exchange=after),
            revision=4,
            crm_revision=4,
        )
    )
    gone = decided(PEACE, replace(answer, kind=Kind.DELETED))
    assert gone == Plan(replace(PEACE, crm_version=6, crm=None))


@pytest.mark.rule("INV-7")
@pytest.mark.parametrize(
    ("state", "after"),
    [
        (State.ACTIVE, State.OUT_OF_SCOPE),
        (State.OUTSIDE, State.OUT_OF_SCOPE),
        (State.DELETED, State.DELETED),
        (State.ARCHIVED, State.ARCHIVED),
    ],
)
def test_inv_7_out_of_scope_is_left_alone(state: State, after: State):
    """What has ended stays so."""
    plan = decided(replace(PEACE, state=state), CrmChange("si-1", 6, Kind.OUT_OF_SCOPE))
    assert plan == Plan(replace(PEACE, crm_version=6, state=after), report=APPLIED)


@pytest.mark.rule("DEL-2")
def test_del_2_an_edit_of_an_archived_item_goes_nowhere():
    """The CRM's word is remembered."""
    after = replace(ITEM, subject="x")
    assert edited(replace(PEACE, state=State.ARCHIVED), subject="x") == Plan(
        replace(PEACE, state=State.ARCHIVED, crm_version=6, crm=after),
        report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.ARCHIVAL),
    )


@pytest.mark.rule("OPS-4")
@pytest.mark.parametrize(
    ("most", "is_written"),
    [(None, True), (5, True), (4, False)],
)
def test_ops_4_participants_of_all_sorts_count(most: int | None, is_written: bool):
    """Users, contacts, and guests whom the CRM does not know; beyond the limit its word is not even remembered."""
    agreed = replace(ITEM, for_=(ForEntry("c-carla", Source.CRM),), external=(External("x", "X"), External("y", "Y")))
    link = replace(PEACE, agreed=agreed, exchange=agreed, crm=agreed)
    plan = edited(link, world=WORLD.with_policy(most_participants=most), subject="x")
    if is_written:
        assert [each.mailbox for each in plan.effects] == [A, B]
        return
    because = "more participants or occurrences than the limit"
    explain = (Explanation("OPS-4", "l-1", Decision.REFUSED, because),)
    report = Report(Direction.OUTBOUND, Result.SKIPPED, Reason.RESTRICTION, explain=explain)
    assert plan == Plan(replace(link, crm_version=6), report=report)


@pytest.mark.rule("ID-6")
def test_id_6_what_exchange_will_never_take_is_put_back():
    """Of an item that came to be; of one that did not, it is only said."""
    after = replace(ITEM, subject="x" * 9)
    event = CrmChange("si-1", 6, revision=3, after=after)
    because = Explanation("ID-6", "item", Decision.REFUSED, "Exchange does not take this content: put back")
    report = Report(Direction.OUTBOUND, Result.FAILED, Reason.RESTRICTION, explain=(because,))
    known = replace(PEACE, crm_version=6, crm=after)
    assert outbound.rejected(PEACE, event, generation=1) == Plan(
        replace(known, revision=NEXT), told(ITEM, "subject"), report
    )
    for about in ({"agreed": None}, {"state": State.DELETED}, {"state": State.ARCHIVED}):
        link = replace(PEACE, **about)
        assert outbound.rejected(link, event, generation=1) == Plan(replace(known, **about), report=report)


@pytest.mark.rule("INV-2", "ID-6", "CON-6")
@pytest.mark.parametrize(
    ("reason", "actor", "said"),
    [
        (Reason.DENIED, "u-ben", ("INV-2", "u-ben", "Exchange denies it to him")),
        (Reason.DENIED, None, ("INV-2", "item", "Exchange denies it to him")),
        (Reason.RESTRICTION, "u-ben", ("ID-6", "item", "Exchange does not take this content")),
    ],
)
@pytest.mark.parametrize("is_told", [True, False])
def test_id_6_of_what_exchange_took_in_part_the_outcome_says_what_becomes_of_it(
    reason: Reason, actor: str | None, said: tuple[str, str, str], is_told: bool
):
    """What was done in the copy that counts stands, and it is said that not all is put back."""
    after = replace(ITEM, subject="x", location="y")
    event = CrmChange("si-1", 6, revision=3, after=after, actor=actor, on_behalf_of="u-anna")
    done = update(ANNA, after, "subject", authoritative=is_told)
    plan = outbound.rejected(
        replace(PEACE, exchange=replace(ITEM, subject="x")), event, generation=1, reason=reason, done=[done]
    )
    rule, about, because = said
    end = ": put back, but for what was done before" if is_told else ": put back"
    explain = (Explanation(rule, about, Decision.REFUSED, because + end),)
    result = Result.REFUSED if reason is Reason.DENIED else Result.FAILED
    assert plan.report == Report(Direction.OUTBOUND, result, reason, explain=explain)
    assert plan.command is not None
    assert plan.command.changed == (("location",) if is_told else ("subject", "location"))


@pytest.mark.rule("ID-6", "DEL-6")
def test_id_6_a_cancellation_that_exchange_took_in_part_stands_as_the_crm_has_it():
    """The organizer's copy went before another's was denied: there is nothing to put back."""
    cancelled = replace(ITEM, status="cancelled")
    event = CrmChange("si-1", 6, revision=3, after=cancelled)
    plan = outbound.rejected(PEACE, event, generation=1, done=[removal(ANNA, authoritative=True)])
    assert plan.command is None
    assert (plan.link.state, plan.link.agreed, plan.link.crm) == (State.DELETED, cancelled, cancelled)


@pytest.mark.rule("INV-4")
def test_inv_4_whom_an_overtaken_event_was_to_tell_is_not_told_and_that_is_said():
    """The newer one holds all of it; nothing is written, and nothing remembered."""
    plan = outbound.overtaken(PEACE, CrmChange("si-1", 4, after=ITEM, notify="added"))
    because = "notify added of version 4, which a newer one had overtaken"
    explain = (Explanation("INV-4", "l-1", Decision.SILENT, because),)
    assert plan == Plan(PEACE, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.STALE, explain=explain))


@pytest.mark.rule("REC-5")
def test_rec_5_a_new_series_that_exchange_cannot_hold_is_made_nowhere():
    """And said why, by the pattern's own word; one that came to be is judged field by field."""
    item = replace(ITEM, recurrence=Recurrence("daily", interval=1000))
    link = Link(id="l-1", uid=None)
    because = Explanation("REC-5", "l-1", Decision.REFUSED, "the pattern: interval_too_long")
    report = Report(Direction.OUTBOUND, Result.SKIPPED, Reason.PATTERN, explain=(because,))
    plan = decided(link, CrmChange("si-1", 1, after=item))
    assert plan == Plan(replace(link, crm_id="si-1", crm_version=1), report=report)
    assert [each.fields for each in edited(recurrence=item.recurrence, subject="x").effects] == [("subject",)] * 2


# edits


@pytest.mark.rule("MAP-1", "CON-3")
def test_map_1_an_edit_is_written_to_every_copy_in_the_fields_that_changed():
    """The one that counts first; Exchange is then known to say so, nothing is told back."""
    changes: dict[str, Any] = {"subject": "Budget", "notes": "News", "location": "", "priority": "A"}
    item = replace(ITEM, **changes)
    fields = ("subject", "notes", "location", "priority")
    assert edited(**changes) == Plan(
        heard(agreed=item, exchange=item, crm=item),
        report=APPLIED,
        effects=(update(ANNA, item, *fields, authoritative=True), update(BOB, item, *fields)),
    )


@pytest.mark.rule("MAP-2")
def test_map_2_times_stand_together_for_what_exchange_says_and_only_what_changed_is_named():
    """Whichever of them changed."""
    item = replace(ITEM, end=END + timedelta(hours=1))
    other_zone = replace(PEACE, exchange=replace(ITEM, zone="Europe/Vienna"))
    plan = edited(other_zone, end=item.end)
    assert plan.link == heard(agreed=item, exchange=item, crm=item)
    assert [each.authoritative for each in plan.effects] == [True, False]
    assert {"end"} <= set(plan.effects[1].fields) <= {"start", "end", "zone", "all_day"}


def test_what_only_the_crm_has_is_taken_and_written_nowhere():
    """So what was read of Exchange stays known as read."""
    item = replace(ITEM, status="completed")
    assert edited(status="completed") == Plan(heard(agreed=item, crm=item, content="as it was"), report=APPLIED)


def test_an_event_that_changes_nothing_is_silent():
    """Though a new version."""
    assert edited() == Plan(heard(content="as it was"))


@pytest.mark.rule("PRIV-6")
@pytest.mark.parametrize(("restricted", "word"), [(True, "Private"), (False, "Normal")])
def test_priv_6_a_restriction_of_the_crms_is_remembered_as_its_own(restricted: bool, word: str):
    """Until it lifts it."""
    before = replace(ITEM, restricted=not restricted)
    link = replace(PEACE, agreed=before, exchange=before, crm=before, private_from_crm=not restricted)
    plan = edited(link, restricted=restricted)
    assert plan.link.private_from_crm is restricted
    assert [(each.fields, each.sensitivity) for each in plan.effects] == [(("restricted",), word)] * 2
    assert edited(replace(PEACE, private_from_crm=True), subject="x").link.private_from_crm


@pytest.mark.rule("PART-6", "INV-6")
def test_part_6_users_are_invited_and_uninvited_in_the_copy_that_counts():
    """Who is new gets a copy of his own, who leaves loses his; who has no address is in the CRM alone."""
    people = ("u-anna", "u-cora", "u-eve", "u-nobody", "u-nowhere")
    item = replace(ITEM, assign_to=people)
    in_exchange = replace(ITEM, assign_to=("u-anna", "u-cora", "u-eve"))
    kept = "no address to invite him by: in the CRM alone"
    left_out = tuple(Explanation("PART-6", user, Decision.KEPT, kept) for user in ("u-nobody", "u-nowhere"))
    counting = update(
        ANNA,
        item,
        authoritative=True,
        invite=(invitation(CORA), invitation(EVE)),
        uninvite=frozenset({B}),
        joining=("u-cora", "u-eve"),
        leaving=("u-bob",),
    )
    assert edited(assign_to=people) == Plan(
        heard(agreed=item, exchange=in_exchange, crm=item),
        report=Report(Direction.OUTBOUND, Result.APPLIED, Reason.PARTLY, explain=left_out),
        effects=(counting, removal(BOB, item), direct_copy(CORA, item)),
    )


@pytest.mark.rule("INV-6", "OPS-3")
def test_inv_6_who_cannot_have_a_copy_does_not_keep_the_next_from_his():
    """Whose synchronization is off, who has no mailbox, whom nobody knows."""
    off = a_user("u-abe", sync_enabled=False)
    plan = edited(world=WORLD.knowing(off), assign_to=("u-a", "u-abe", "u-anna", "u-bob", "u-cora"))
    assert [(each.operation, each.mailbox) for each in plan.effects[1:]] == [(Operation.CREATE, C)]


@pytest.mark.rule("DEL-3", "CON-3")
def test_del_3_whom_an_earlier_try_took_out_loses_his_copy_all_the_same():
    """What was agreed on shows him no more."""
    alone = replace(ITEM, assign_to=("u-anna",))
    plan = edited(replace(PEACE, agreed=alone, exchange=alone), assign_to=("u-anna",))
    assert plan.effects == (removal(BOB, alone),)


@pytest.mark.rule("OPT-4")
def test_opt_4_of_a_strangers_meeting_its_masters_options_count():
    """The owner's are nobody's; of anybody else's meeting the owner's."""
    related = (Related("deal", "d-1", "Deal"),)
    strangers = replace(ITEM, owner=None, read_only=True)
    link = replace(PEACE, agreed=strangers, exchange=strangers, crm=strangers, master="u-bob")
    world = WORLD.with_options("user:u-bob", notes=True)
    plan = edited(link, world=world, related=related)
    assert {each.mailbox for each in plan.effects} == {A, B}
    assert plan.report is not None
    assert [(each.user, each.value) for each in plan.report.options] == [("u-bob", True)]
    nobodys = edited(replace(link, master=None), world=world, related=related)
    assert nobodys.effects == ()
    owned = edited(replace(PEACE, master="u-bob"), world=world, related=related)
    assert owned.report is not None
    assert [(each.user, each.value) for each in owned.report.options] == [("u-anna", False)]


@pytest.mark.rule("PART-6", "INV-3")
def test_part_6_whom_nobody_knows_any_more_is_taken_out_by_the_mailbox_of_his_copy():
    """If he had one: else there is nothing by which Exchange could be asked to."""
    item = replace(ITEM, assign_to=("u-anna", "u-bob", "u-gone"))
    link = replace(PEACE, agreed=item, exchange=item, crm=item)
    assert edited(link, assign_to=("u-anna", "u-bob")).effects == ()
    his = Replica("gone@bank.example", "u-gone", "item-u-gone")
    [effect] = edited(replace(link, replicas=(*link.replicas, his)), assign_to=("u-anna", "u-bob")).effects
    assert (effect.mailbox, effect.uninvite, effect.leaving) == (A, {"gone@bank.example"}, ("u-gone",))


@pytest.mark.rule("INV-6", "INV-7")
@pytest.mark.parametrize(
    ("about", "notify", "goes"),
    [
        ({"cancelled": True}, "all", False),
        ({"cancelled": True}, "added", True),
        ({"cancelled": True}, "none", True),
        ({}, "all", True),
    ],
    ids=["called off and told", "only who is new is told", "nobody is told", "not called off"],
)
def test_inv_6_whose_copy_an_earlier_try_has_called_off_keeps_it(about: dict[str, Any], notify: str, goes: bool):
    """Exchange names him no more, so that nobody is told of him now; in silence it is taken away."""
    without = replace(ITEM, assign_to=("u-anna",))
    link = with_copy(replace(PEACE, exchange=without), BOB, **about)
    plan = edited(link, notify=notify, assign_to=("u-anna",))
    assert plan.effects == ((removal(BOB, without),) if goes else ())


@pytest.mark.rule("INV-6")
def test_inv_6_whose_copy_is_called_off_does_not_keep_the_next_from_losing_his():
    """Which is a direct one, and nobody tells him."""
    three = replace(ITEM, assign_to=("u-anna", "u-bob", "u-cora"))
    coras = a_replica(CORA, direct=True)
    link = replace(PEACE, agreed=three, exchange=three, crm=three, replicas=(*PEACE.replicas, coras))
    plan = edited(link, notify="all", assign_to=("u-anna",))
    assert [(each.operation, each.mailbox) for each in plan.effects] == [(Operation.UPDATE, A), (Operation.DELETE, C)]


@pytest.mark.rule("INV-6", "ALM-2")
@pytest.mark.parametrize(
    ("about", "awaited"),
    [({}, ()), ({"live": False}, ("u-bob",)), ({"cancelled": True}, ("u-bob",)), ({"direct": True}, ())],
    ids=["there", "gone", "called off", "direct"],
)
def test_inv_6_who_is_told_is_awaited_unless_he_has_a_copy(about: dict[str, Any], awaited: tuple[str, ...]):
    """What is his alone is written to a new one; to one that is there it was, and he may have changed it since."""
    assert edited(with_copy(PEACE, BOB, **about), notify="all", subject="x").link.awaited == awaited


@pytest.mark.rule("INV-6", "MAP-1")
def test_inv_6_what_copies_hold_once_their_users_were_told_is_not_what_we_wrote():
    """Exchange changes those that it made, and marks one that is called off; a direct one is behind from then on."""
    dan = a_user("u-dan")
    four = replace(ITEM, assign_to=("u-anna", "u-bob", "u-cora", "u-dan"))
    known = {"holds": holding(four), "cancelled": False}
    replicas = (
        a_replica(ANNA),
        a_replica(BOB, **known),
        a_replica(CORA, direct=True, **known),
        a_replica(dan, **known),
    )
    link = replace(PEACE, agreed=four, exchange=four, crm=four, replicas=replicas)
    people = ("u-anna", "u-bob", "u-cora")
    plan = edited(link, world=WORLD.knowing(dan), notify="all", subject="x", assign_to=people)
    annas, bobs, coras, dans = replicas
    assert plan.link.replicas == (
        annas,
        replace(bobs, holds=ANOTHERS),
        replace(coras, holds=BEHIND),
        replace(dans, holds=ANOTHERS, cancelled=True),
    )


@pytest.mark.rule("PART-6")
def test_part_6_who_is_invited_already_is_not_invited_again():
    """Exchange had him before the CRM did; and who is not there is not taken out."""
    in_exchange = replace(ITEM, assign_to=("u-anna", "u-cora"))
    plan = edited(replace(PEACE, exchange=in_exchange), assign_to=("u-anna", "u-cora"))
    assert all(not each.invite and not each.uninvite for each in plan.effects)
    assert [(each.operation, each.mailbox) for each in plan.effects] == [(Operation.DELETE, B), (Operation.CREATE, C)]


@pytest.mark.rule("INV-7", "PART-6")
def test_inv_7_whom_the_crm_puts_back_who_organizes_is_not_invited_to_his_own_meeting():
    """Nor taken out of it: he takes part whatever the CRM says."""
    without = replace(ITEM, assign_to=("u-bob",))
    link = replace(PEACE, agreed=without, exchange=ITEM, crm=without)
    back = edited(link, assign_to=("u-anna", "u-bob"))
    assert (back.effects, back.link.exchange) == ((), ITEM)
    out = edited(assign_to=("u-bob",))
    assert (out.effects, out.link.exchange) == ((), ITEM)


@pytest.mark.rule("INV-6")
@pytest.mark.parametrize(
    ("about", "fields"),
    [
        ({"direct": True, "holds": BEHIND}, WHOLE),
        ({"direct": True}, ("subject",)),
        ({"direct": True, "holds": "other"}, ("subject",)),
        ({"direct": True, "holds": holding(replace(ITEM, subject="x"))}, None),
        ({"holds": BEHIND}, ("subject",)),
        ({"live": False}, None),
    ],
    ids=["behind", "direct", "differs", "holds it", "invited", "gone"],
)
def test_inv_6_a_copy_gets_what_it_does_not_hold_yet(about: dict[str, Any], fields: tuple[str, ...] | None):
    """One that is behind gets all of it."""
    plan = edited(with_copy(PEACE, BOB, **about), subject="x")
    written = [each for each in plan.effects if each.mailbox == B]
    item = replace(ITEM, subject="x")
    sensitivity = "Normal" if fields == WHOLE else UNSET
    is_direct = about.get("direct", False)
    assert written == (
        [] if fields is None else [update(BOB, item, *fields, direct=is_direct, sensitivity=sensitivity)]
    )


@pytest.mark.rule("INV-6")
def test_inv_6_a_direct_copy_of_one_who_takes_no_part_is_taken_away():
    """The organizer took him out meanwhile; an invited one's is the organizer's to take."""
    alone = replace(ITEM, assign_to=("u-anna",))
    link = replace(PEACE, agreed=alone, exchange=alone, crm=alone)
    item = replace(alone, subject="x")
    direct = edited(with_copy(link, BOB, direct=True), subject="x")
    assert direct.effects == (update(ANNA, item, "subject", authoritative=True), removal(BOB, item, direct=True))
    assert edited(link, subject="x").effects == (update(ANNA, item, "subject", authoritative=True),)


@pytest.mark.rule("OPS-3", "INV-6")
@pytest.mark.parametrize(
    "bob",
    [replace(BOB, sync_enabled=False), replace(BOB, active=False), replace(BOB, mailbox="bob2@bank.example")],
    ids=["not synchronized", "not active", "another mailbox"],
)
def test_ops_3_a_mailbox_that_is_not_followed_is_not_written_to(bob: User):
    """The others are."""
    plan = edited(world=WORLD.knowing(bob), subject="x")
    assert [each.mailbox for each in plan.effects] == [A]
    stranger = replace(PEACE, replicas=(a_replica(ANNA), replace(a_replica(BOB), user="u-who")))
    assert [each.mailbox for each in edited(stranger, subject="x").effects] == [A]


@pytest.mark.rule("INV-6", "ID-6")
def test_inv_6_where_the_organizer_is_not_to_be_had_the_masters_copy_counts():
    """People are invited by the organizer alone: they get copies of their own."""
    world = WORLD.knowing(replace(ANNA, sync_enabled=False))
    item = replace(ITEM, subject="x", assign_to=("u-anna", "u-bob", "u-cora"))
    plan = edited(replace(PEACE, master="u-bob"), world=world, subject="x", assign_to=item.assign_to)
    assert plan.effects == (update(BOB, item, "subject", authoritative=True), direct_copy(CORA, item))
    assert plan.link.exchange == replace(ITEM, subject="x")


@pytest.mark.rule("INV-6")
@pytest.mark.parametrize("about", [{"direct": True}, {"live": False}])
def test_inv_6_a_direct_copy_or_one_that_is_gone_never_counts(about: dict[str, Any]):
    """What Exchange says is then as it was."""
    plan = edited(with_copy(PEACE, ANNA, **about), subject="x")
    assert all(not each.authoritative for each in plan.effects)
    assert plan.link.exchange == ITEM


@pytest.mark.rule("INV-4", "INV-5")
def test_inv_4_a_wish_to_notify_is_named_though_nobody_is():
    """Applied in silence, and said so; beside what was left out it is PARTLY that is said."""
    silent = Explanation("INV-3", "l-1", Decision.SILENT, "nobody is added")
    plan = edited(notify="added", subject="x")
    assert plan.report == Report(Direction.OUTBOUND, Result.APPLIED, explain=(silent,))
    partly = edited(notify="added", assign_to=("u-anna", "u-bob", "u-nowhere"))
    assert partly.report is not None
    assert partly.report.reason is Reason.PARTLY
    assert [each.rule for each in partly.report.explain] == ["PART-6", "INV-3"]


@pytest.mark.rule("INV-4", "INV-5", "INV-7", "PRIV-4", "REC-3")
@pytest.mark.parametrize(
    ("about", "changes", "silent"),
    [
        ({"exchange": replace(ITEM, subject="x")}, {"subject": "x"}, ("INV-5", "the organizer's copy says so already")),
        (
            {"replicas": (a_replica(ANNA, live=False), a_replica(BOB))},
            {"subject": "x"},
            ("INV-7", "there is no copy of the organizer's to mail from"),
        ),
        (
            {"agreed": replace(ITEM, redacted=True), "exchange": replace(ITEM, redacted=True)},
            {"start": START - timedelta(hours=1)},
            ("INV-4", "redacted: how many would get it is not known"),
        ),
        (
            {"agreed": A_SERIES, "exchange": A_SERIES, "crm": A_SERIES},
            {"status": "completed"},
            ("INV-5", "nothing that guests see"),
        ),
    ],
    ids=["said already", "no copy to mail from", "hidden", "not seen"],
)
def test_inv_4_of_what_all_were_to_be_told_and_are_not_it_is_said_why(
    about: dict[str, Any], changes: dict[str, Any], silent: tuple[str, str]
):
    """About the item as a whole; nobody is mailed."""
    plan = edited(replace(PEACE, **about), notify="all", **changes)
    assert not any(each.sending.mails for each in plan.effects)
    assert plan.report is not None
    rule, because = silent
    assert plan.report.explain == (Explanation(rule, "l-1", Decision.SILENT, because),)


@pytest.mark.rule("REC-3")
@pytest.mark.parametrize(
    ("bob", "changes", "expected"),
    [
        ({}, {"subject": "x"}, []),
        ({}, {"assign_to": ("u-anna", "u-bob", "u-cora")}, [C]),
        ({"direct": True, "holds": BEHIND}, {"status": "completed"}, [B]),
        ({"direct": True, "holds": OCCURRENCES_BEHIND}, {"status": "completed"}, [B]),
        ({"direct": True, "holds": "other"}, {"status": "completed"}, []),
        ({}, {"recurrence": Recurrence("daily", end="after", count=9)}, [A, B]),
        ({}, {"end": END + timedelta(minutes=5)}, [A, B]),
        ({}, {"assign_to": ("u-anna",)}, []),
    ],
    ids=["another field", "a new copy", "behind", "behind in those alone", "not behind", "pattern", "times", "it goes"],
)
def test_rec_3_exceptions_are_written_anew_where_nothing_of_them_is_there(
    bob: dict[str, Any], changes: dict[str, Any], expected: list[str]
):
    """In a new copy, in one that is behind, and where the series takes place otherwise."""
    link = with_copy(replace(PEACE, agreed=A_SERIES, exchange=A_SERIES, crm=A_SERIES), BOB, **bob)
    plan = edited(link, **changes)
    single = [each for each in plan.effects if each.occurrence is not None]
    assert [each.mailbox for each in single] == expected
    assert all((each.occurrence, each.index, each.fields) == (START + days(1), 2, ("location",)) for each in single)
    assert all(each.again for each in single), "where a copy shows it already, it is left alone"


# what the CRM must be told


@pytest.mark.rule("ID-6", "CON-6")
def test_id_6_what_is_refused_is_put_back_and_the_rest_is_taken():
    """A stranger's meeting is his."""
    item = replace(ITEM, read_only=True)
    link = replace(PEACE, agreed=item, exchange=item, crm=item)
    refused = tuple(
        Explanation("ID-6", name, Decision.REFUSED, "read_only: put back") for name in ("subject", "assign_to")
    )
    plan = edited(link, subject="x", assign_to=("u-anna", "u-bob", "u-nowhere"))
    after = replace(item, subject="x", assign_to=("u-anna", "u-bob", "u-nowhere"))
    assert plan == Plan(
        heard(link, crm=after, revision=NEXT, content="as it was"),
        told(item, "subject", "assign_to"),
        Report(Direction.OUTBOUND, Result.REFUSED, Reason.READ_ONLY, explain=refused),
    )
    elsewhere = replace(link, exchange=replace(item, zone="Europe/Vienna"))
    assert edited(elsewhere, status="completed").link.exchange == elsewhere.exchange
    partly = edited(link, subject="x", status="completed")
    assert partly.report == Report(Direction.OUTBOUND, Result.APPLIED, Reason.PARTLY, explain=refused[:1])


@pytest.mark.rule("CON-1", "CON-2", "CON-6")
def test_con_2_where_exchanges_value_stands_the_crm_is_told_and_the_conflict_named():
    """Times stand together."""
    ours = replace(ITEM, start=START + days(1), end=END + days(1))
    link = replace(PEACE, agreed=ours, exchange=ours)
    world = WORLD.with_policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)
    plan = edited(link, world=world, start=START + days(2), subject="x")
    assert plan.report is not None
    assert {(each.field, each.winner) for each in plan.report.conflicts} == {("start", "exchange"), ("end", "exchange")}
    assert plan.command == told(replace(ours, subject="x"), "start", "end")
    assert [each.fields for each in plan.effects] == [("subject",), ("subject",)]
    zone = edited(link, world=world, start=ours.start, end=ours.end, zone="Europe/Vienna")
    assert zone.command == told(ours, "zone"), "which is Exchange's along with its times"
    lost = edited(link, start=START + days(2))
    assert lost.report is not None
    assert {each.winner for each in lost.report.conflicts} == {"crm"}


@pytest.mark.rule("CON-6")
def test_con_6_a_command_the_crm_has_not_taken_is_sent_again_on_top_of_its_edit():
    """If there is still something to tell."""
    ours = replace(ITEM, location="Room 9")
    link = replace(PEACE, agreed=ours, exchange=ours, revision=4)
    plan = edited(link, subject="x")
    item = replace(ours, subject="x")
    assert plan.command == told(item, "location")
    assert plan.link == heard(link, agreed=item, exchange=item, crm=replace(ITEM, subject="x"), revision=NEXT)
    nothing = edited(replace(PEACE, revision=4), subject="x")
    assert nothing.command is None


@pytest.mark.rule("CON-6", "INV-7")
def test_con_6_what_was_never_told_is_told_with_the_next_edit_but_for_whose_meeting_it_is():
    """Which Exchange decides."""
    ours = replace(ITEM, location="Room 9")
    plan = edited(replace(PEACE, agreed=ours, exchange=ours), subject="x")
    assert plan.command == told(replace(ours, subject="x"), "location")
    quiet = edited(replace(PEACE, agreed=ours, exchange=ours))
    assert (quiet.command, quiet.report) == (told(ours, "location"), APPLIED)
    owned = edited(replace(PEACE, crm=replace(ITEM, owner="u-bob")), subject="x")
    assert owned.command is None


# new items


@pytest.mark.rule("ID-5", "ID-8", "INV-6")
def test_id_5_a_new_item_is_made_in_its_owners_calendar_by_which_the_others_are_invited():
    """With copies of their own for all that have a mailbox; who has no address is named."""
    item = replace(ITEM, assign_to=("u-anna", "u-bob", "u-eve", "u-nowhere"), restricted=True)
    link = Link(id=ids.link_of_crm("si-1"), uid=None)
    plan = decided(link, CrmChange("si-1", 1, after=item))
    made: dict[str, Any] = {"operation": Operation.CREATE, "item": item, "fields": WHOLE, "sensitivity": "Private"}
    assert plan.effects == (
        Effect(
            mailbox=A,
            user="u-anna",
            marker="si-1",
            uid=ids.uid_of_crm("si-1"),
            authoritative=True,
            invite=(invitation(BOB), invitation(EVE)),
            **made,
        ),
        replace(direct_copy(BOB, item), sensitivity="Private"),
    )
    assert plan.link == replace(
        link,
        uid=ids.uid_of_crm("si-1"),
        state=State.ACTIVE,
        crm_id="si-1",
        crm_version=1,
        private_from_crm=True,
        agreed=item,
        exchange=replace(item, assign_to=("u-anna", "u-bob", "u-eve"), external=()),
        crm=item,
    )
    kept = "no address to invite him by: in the CRM alone"
    explain = (Explanation("PART-6", "u-nowhere", Decision.KEPT, kept),)
    assert plan.report == Report(Direction.OUTBOUND, Result.APPLIED, Reason.PARTLY, explain=explain)
    assert plan.command is None


@pytest.mark.rule("ID-5", "PART-1")
def test_id_5_of_a_new_item_exchange_says_what_it_has_a_word_for():
    """Neither who is in For, nor the status, nor what is related; alarms are everybody's own."""
    says: dict[str, Any] = {
        "for_": (ForEntry("c-carla", Source.CRM),),
        "status": "completed",
        "alarms": (("u-anna", (15,)),),
        "related": (Related("deal", "d-1", "Deal"),),
    }
    plan = decided(Link(id="l-1", uid=None), CrmChange("si-1", 1, after=replace(ITEM, **says)))
    assert plan.link.exchange == replace(ITEM, external=())
    assert plan.link.agreed == replace(ITEM, **says)
    alarmed = SeriesException(START + days(1), changes=(("alarms", '{"u-anna":[5]}'),))
    series = replace(ITEM, recurrence=Recurrence("daily"), exceptions=(alarmed,))
    plan = decided(Link(id="l-1", uid=None), CrmChange("si-1", 1, after=series))
    assert plan.link.exchange == replace(series, external=(), exceptions=())


@pytest.mark.rule("INV-7")
@pytest.mark.parametrize("owner", ["u-eve", "u-nobody", None])
def test_inv_7_without_the_owners_mailbox_everybody_has_a_copy_of_his_own(owner: str | None):
    """There is none that counts: the item has no UID in Exchange."""
    item = replace(ITEM, owner=owner)
    plan = decided(Link(id="l-1", uid=None), CrmChange("si-1", 1, after=item))
    assert plan.effects == (direct_copy(ANNA, item), direct_copy(BOB, item))
    assert (plan.link.uid, plan.link.exchange, plan.report) == (None, None, APPLIED)


@pytest.mark.rule("INV-7")
def test_inv_7_a_new_item_that_lies_nowhere_is_the_crms_alone():
    """Which is said."""
    item = replace(ITEM, owner="u-eve", assign_to=("u-eve",))
    plan = decided(Link(id="l-1", uid=None), CrmChange("si-1", 1, after=item))
    known = Link(id="l-1", uid=None, state=State.ACTIVE, crm_id="si-1", crm_version=1, agreed=item, crm=item)
    assert plan == Plan(known, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.UNKNOWN_MAILBOX))
    related = replace(item, related=(Related("deal", "d-1", "Deal"),))
    asked = decided(Link(id="l-1", uid=None), CrmChange("si-1", 1, after=related)).report
    assert asked is not None
    assert [(each.key, each.user) for each in asked.options] == [("related_notes", "u-eve")]


@pytest.mark.rule("ID-5", "CON-3")
def test_id_5_what_an_earlier_try_has_made_is_not_made_again():
    """Nor written, where it holds it; nobody is invited twice."""
    owners = a_replica(ANNA, holds=holding(ITEM))
    direct = a_replica(BOB, direct=True, holds="something else")
    link = Link(id="l-1", uid=None, replicas=(owners, direct))
    plan = decided(link, CrmChange("si-1", 1, after=ITEM))
    assert plan.effects == (update(BOB, ITEM, "subject", "notes", "location", "start", "end", "zone", direct=True),)
    assert plan.report == APPLIED
    both = replace(link, replicas=(owners, replace(direct, holds=holding(ITEM))))
    assert decided(both, CrmChange("si-1", 1, after=ITEM)).effects == ()
    with_cora = replace(ITEM, assign_to=("u-anna", "u-bob", "u-cora"))
    third = decided(both, CrmChange("si-1", 1, after=with_cora))
    assert third.effects == (direct_copy(CORA, with_cora),)
    behind = replace(link, replicas=(owners, replace(direct, holds=BEHIND)))
    [all_of_it] = decided(behind, CrmChange("si-1", 1, after=ITEM)).effects
    assert (all_of_it.mailbox, all_of_it.fields) == (B, WHOLE)
    gone = replace(link, replicas=(owners, replace(direct, live=False)))
    assert decided(gone, CrmChange("si-1", 1, after=ITEM)).effects == (direct_copy(BOB, ITEM),)


# deletes


@pytest.mark.rule("DEL-1", "CON-5")
def test_del_1_a_delete_takes_every_copy_away_the_one_that_counts_first():
    """As far as mailboxes may be written to; what the CRM had not heard of is lost."""
    ours = replace(ITEM, location="Room 9", for_=(ForEntry("c-carla", Source.CRM),))
    link = replace(
        PEACE, agreed=ours, revision=4, replicas=(a_replica(BOB), a_replica(CORA, live=False), a_replica(ANNA))
    )
    plan = decided(link, CrmChange("si-1", 6, Kind.DELETED, revision=3, notify="added"))
    silent = Explanation("INV-3", "l-1", Decision.SILENT, "nobody is added where something ends")
    lost = (Conflict("location", "crm"), Conflict("for", "crm"))
    assert plan == Plan(
        heard(link, state=State.DELETED, deleted_by_crm=True, crm=None),
        report=Report(Direction.OUTBOUND, Result.APPLIED, explain=(silent,), conflicts=lost),
        effects=(removal(ANNA, ours, authoritative=True), removal(BOB, ours)),
    )
    taken = decided(replace(link, revision=3), CrmChange("si-1", 6, Kind.DELETED, revision=3))
    assert taken.report == APPLIED, "the CRM had heard of all of it"


@pytest.mark.rule("DEL-1", "DEL-2")
def test_del_1_what_has_ended_already_is_deleted_without_a_write():
    """A tombstone of which nothing is left says nothing; an archived item's copies are nobody's any more."""
    event = CrmChange("si-1", 6, Kind.DELETED)
    gone = replace(PEACE, state=State.DELETED, replicas=())
    assert decided(gone, event) == Plan(replace(gone, crm_version=6, crm=None))
    archived = decided(replace(PEACE, state=State.ARCHIVED), event)
    assert archived == Plan(heard(state=State.DELETED, deleted_by_crm=True, crm=None), report=APPLIED)


ENDS = pytest.mark.parametrize("status", [None, "cancelled"], ids=["deleted", "cancelled"])
"""Both ways in which the CRM ends an item."""


def ended(link: Link, status: str | None, *, world: World = WORLD, **about: Any) -> Plan:
    """What comes of it."""
    after = replace(link.crm or ITEM, status=status) if status else None
    kind = Kind.CHANGED if status else Kind.DELETED
    return decided(link, CrmChange("si-1", 6, kind, revision=3, after=after, **about), world=world)


@ENDS
@pytest.mark.rule("DEL-1", "INV-6")
def test_del_1_whoever_was_invited_to_what_ends_is_awaited_no_more(status: str | None):
    """He comes to nothing: there is no alarm or note to bring him."""
    assert ended(replace(PEACE, awaited=("u-cora",)), status).link.awaited == ()


@ENDS
@pytest.mark.rule("INV-4", "DEL-1")
def test_inv_4_more_than_the_limit_are_not_told_of_an_end_and_the_outcome_says_so(status: str | None):
    """What was asked for was done, but for that."""
    plan = ended(PEACE, status, world=WORLD.with_policy(most_recipients=0), notify="all")
    because = "1 recipients, more than the limit of 0 (invitations.most_recipients)"
    explain = (Explanation("INV-4", "l-1", Decision.SILENT, because),)
    assert plan.report == Report(Direction.OUTBOUND, Result.APPLIED, Reason.PARTLY, explain=explain)
    assert plan.effects == (removal(ANNA, authoritative=True), removal(BOB))


@ENDS
@pytest.mark.rule("INV-4", "PRIV-4")
@pytest.mark.parametrize("is_redacted", [True, False])
def test_inv_4_nobody_is_told_of_the_end_of_what_is_hidden(status: str | None, is_redacted: bool):
    """The CRM does not know whom Exchange would mail."""
    item = replace(ITEM, redacted=is_redacted)
    plan = ended(replace(PEACE, agreed=item, exchange=item, crm=item), status, notify="all")
    assert {each.sending.mails for each in plan.effects} == {not is_redacted}
    assert plan.report is not None
    said = ["redacted: how many would get it is not known"] if is_redacted else []
    assert [each.because for each in plan.report.explain] == said


@ENDS
@pytest.mark.rule("INV-2", "INV-7")
@pytest.mark.parametrize("is_hers", [True, False])
def test_inv_2_a_delegate_takes_away_his_principals_copy_alone(status: str | None, is_hers: bool):
    """Where hers is not to be had, the one that counts is another's, in whose calendar he has no right."""
    world = WORLD.with_options("user:u-anna", invitations=True).granting(("u-anna", "u-cora"))
    world = world.knowing(replace(ANNA, sync_enabled=is_hers))
    plan = ended(replace(PEACE, master="u-bob"), status, world=world, actor="u-cora", on_behalf_of="u-anna")
    bobs = removal(BOB, authoritative=not is_hers)
    if is_hers:
        hers = removal(ANNA, authoritative=True, sending=Sending(acting=C), delegate="u-cora")
        assert plan.effects == (hers, bobs)
    else:
        assert plan.effects == (bobs,)


@pytest.mark.rule("DEL-6", "INV-7")
def test_del_6_what_is_cancelled_in_the_crm_after_it_was_deleted_in_exchange_is_ended_by_both():
    """What is left of it goes, and no edit of the cancelled item brings it back or is refused."""
    item = replace(ITEM, status="cancelled")
    link = replace(PEACE, state=State.DELETED, replicas=(a_replica(BOB),))
    plan = edited(link, status="cancelled")
    known = replace(link, crm_version=6, crm=item, agreed=item, deleted_by_crm=True)
    assert plan == Plan(known, report=APPLIED, effects=(removal(BOB),))
    later = replace(item, notes="called off")
    gone = replace(known, replicas=())
    assert decided(gone, CrmChange("si-1", 7, after=later)).report is None
    opened = decided(replace(gone, awaited=("u-cora",)), CrmChange("si-1", 7, after=ITEM))
    assert (opened.link.awaited, opened.link.state) == ((), State.ACTIVE), "to what is made anew nobody was invited yet"


@ENDS
@pytest.mark.rule("INV-2", "DEL-6", "OPT-5")
def test_inv_2_what_is_gone_already_may_be_ended_by_anybody(status: str | None):
    """Nothing is left in the principal's calendar for which a grant would be needed; what was asked is named."""
    link = replace(PEACE, state=State.DELETED, replicas=(a_replica(BOB),))
    world = WORLD.with_options("user:u-anna", invitations=True)
    plan = ended(link, status, world=world, actor="u-cora", on_behalf_of="u-anna")
    assert plan.effects == (removal(BOB),)
    assert plan.report is not None
    assert (plan.report.result, [each.user for each in plan.report.options]) == (Result.APPLIED, ["u-anna"])


@pytest.mark.rule("INV-2", "DEL-1")
def test_inv_2_the_end_of_what_was_never_known_is_nobodys_to_refuse():
    """It is remembered as gone."""
    event = CrmChange("si-1", 1, Kind.DELETED, actor="u-cora", on_behalf_of="u-anna")
    plan = decided(Link(id="l-1", uid=None), event)
    assert (plan.link.state, plan.effects, plan.command) == (State.DELETED, (), None)


@pytest.mark.rule("INV-2", "INV-7")
@pytest.mark.parametrize(
    ("about", "principal", "is_refused"),
    [
        ({"agreed": replace(ITEM, owner="u-bob")}, "u-anna", False),
        ({"agreed": replace(ITEM, owner="u-bob")}, "u-bob", True),
        ({"exchange": None}, "u-anna", False),
        ({"exchange": None}, "u-bob", True),
        ({"exchange": None, "agreed": None}, "u-bob", False),
    ],
)
def test_inv_2_whose_it_is_says_exchange_else_what_was_agreed_on(
    about: dict[str, Any], principal: str, is_refused: bool
):
    """And only of what is new, the event."""
    world = WORLD.with_options(invitations=True).granting(("u-anna", "u-cora"), ("u-bob", "u-cora"))
    after = replace(ITEM, owner="u-bob", subject="x")
    event = CrmChange("si-1", 6, revision=3, after=after, actor="u-cora", on_behalf_of=principal)
    plan = decided(replace(PEACE, **about), event, world=world)
    assert plan.report is not None
    assert (plan.report.reason is Reason.NO_GRANT) is is_refused


@pytest.mark.rule("DEL-6")
def test_del_6_cancelled_in_the_crm_is_deleted_in_exchange():
    """The CRM's item stays, and may be edited; opened again it is made anew."""
    item = replace(ITEM, status="cancelled")
    plan = edited(status="cancelled")
    known = heard(state=State.DELETED, deleted_by_crm=True, crm=item, agreed=item)
    assert plan == Plan(known, report=APPLIED, effects=(removal(ANNA, authoritative=True), removal(BOB)))
    gone = replace(known, replicas=())
    later = replace(item, notes="called off")
    assert decided(gone, CrmChange("si-1", 7, after=later)) == Plan(
        replace(gone, crm_version=7, crm=later, agreed=later)
    )
    opened = decided(replace(known, content="as it was"), CrmChange("si-1", 7, after=ITEM))
    anew = Link(
        id="l-1",
        uid=ids.uid_of_crm("si-1"),
        state=State.ACTIVE,
        version=7,
        crm_id="si-1",
        crm_version=7,
        crm_revision=3,
        revision=3,
        changed_at=CHANGED_AT,
        agreed=ITEM,
        exchange=replace(ITEM, external=()),
        crm=ITEM,
    )
    assert opened.link == anew
    nowhere = decided(
        replace(known, content="as it was"), CrmChange("si-1", 7, after=replace(ITEM, owner="u-eve", assign_to=()))
    )
    assert (nowhere.link.uid, nowhere.link.exchange, nowhere.link.content) == (None, None, None)
    crowded = decided(known, CrmChange("si-1", 7, after=ITEM), world=WORLD.with_policy(most_participants=1))
    assert (crowded.effects, crowded.link.crm) == ((), None), "it is new once there are fewer"
    assert [(each.operation, each.mailbox) for each in opened.effects] == [
        (Operation.CREATE, A),
        (Operation.CREATE, B),
    ]
    new = decided(Link(id="l-1", uid=None), CrmChange("si-1", 1, after=item))
    assert new == Plan(
        Link(
            id="l-1",
            uid=None,
            state=State.DELETED,
            deleted_by_crm=True,
            crm_id="si-1",
            crm_version=1,
            agreed=item,
            crm=item,
        ),
        report=APPLIED,
    )


@pytest.mark.rule("DEL-6")
def test_del_6_what_was_cancelled_before_and_is_edited_is_written():
    """Only becoming cancelled takes it away."""
    item = replace(ITEM, status="cancelled")
    plan = edited(replace(PEACE, agreed=item, exchange=ITEM, crm=item), subject="x")
    assert [each.operation for each in plan.effects] == [Operation.UPDATE] * 2
    assert plan.link.state is State.ACTIVE


@pytest.mark.rule("CON-5", "CON-6", "DEL-1")
@pytest.mark.parametrize(("revision", "is_told"), [(3, False), (4, True)])
def test_con_5_an_edit_of_what_exchange_deleted_loses(revision: int, is_told: bool):
    """The CRM is told again if it had not taken the delete; direct copies that are left go."""
    replicas = (a_replica(ANNA, live=False), a_replica(BOB, direct=True), a_replica(CORA, direct=True, live=False))
    link = replace(PEACE, state=State.DELETED, replicas=replicas, revision=revision)
    after = replace(ITEM, subject="x", for_=(ForEntry("c-carla", Source.CRM),))
    lost = (Conflict("subject", "exchange"), Conflict("for", "exchange"))
    report = Report(Direction.OUTBOUND, Result.REFUSED, Reason.TOMBSTONED, conflicts=lost)
    effects = (removal(BOB, direct=True),)
    known = replace(link, crm_version=6, crm=after)
    plan = edited(link, subject="x", for_=after.for_)
    if not is_told:
        assert plan == Plan(known, report=report, effects=effects)
    else:
        command = Delete("l-1", NEXT, crm_id="si-1", seen=6, uid="UID-1", reason="deleted")
        assert plan == Plan(replace(known, revision=NEXT), command, report, effects)
    unknown = decided(replace(link, crm=None), CrmChange("si-1", 6, revision=3, before=ITEM, after=after))
    assert unknown.report == report
    nothing = decided(replace(link, crm=None), CrmChange("si-1", 6, revision=3, after=after))
    assert nothing.report == replace(report, conflicts=())


# a store that was lost


@pytest.mark.rule("ID-8", "CON-3")
def test_id_8_a_replayed_event_is_no_news_to_exchange():
    """What Exchange holds otherwise was changed later."""
    later = replace(ITEM, location="Room 9")
    link = replace(PEACE, agreed=later, exchange=later, crm=None)
    plan = decided(link, CrmChange("si-1", 6, revision=3, after=ITEM, replayed=True))
    assert plan.effects == ()
    assert plan.link.agreed == later
    forgotten = replace(PEACE, replicas=(), state=State.OUTSIDE, agreed=None, exchange=None, crm=None)
    learnt = decided(forgotten, CrmChange("si-1", 6, revision=3, after=ITEM, replayed=True))
    assert learnt == Plan(heard(forgotten, state=State.ACTIVE, agreed=ITEM, exchange=ITEM, crm=ITEM))
    known = replace(link, crm=ITEM)
    edit = decided(known, CrmChange("si-1", 6, revision=3, after=replace(ITEM, location="Room 1"), replayed=True))
    assert edit.effects == ()
    assert edit.link.agreed == later, "Exchange's value stands"


@pytest.mark.rule("ID-8", "CON-3")
@pytest.mark.parametrize(
    ("about", "changes", "is_said"),
    [
        ({"state": State.ARCHIVED}, {"subject": "x"}, False),
        ({}, {"status": "completed"}, False),
        ({}, {"subject": "x"}, True),
        ({"agreed": replace(ITEM, location="Room 9"), "exchange": replace(ITEM, location="Room 9")}, {}, True),
    ],
    ids=["skipped then", "nothing to do", "still to be written", "still to be told"],
)
def test_id_8_of_a_replayed_event_the_outcome_is_told_only_where_there_is_more_to_do(
    about: dict[str, Any], changes: dict[str, Any], is_said: bool
):
    """It was, under the same id."""
    link = replace(PEACE, **about)
    event = CrmChange("si-1", 6, revision=3, after=replace(ITEM, **changes))
    plan = decided(link, replace(event, replayed=True))
    assert (plan.report is not None) is is_said
    assert (plan.command is not None or plan.effects != ()) is is_said
    assert decided(link, event).report is not None


@pytest.mark.rule("CON-1")
def test_con_1_where_the_crm_has_never_spoken_its_change_is_from_what_it_says_it_was():
    """Else from what was agreed on."""
    link = replace(PEACE, crm=None)
    before = replace(ITEM, subject="old")
    after = replace(ITEM, subject="old", location="Room 9")
    plan = decided(link, CrmChange("si-1", 6, revision=3, before=before, after=after))
    assert {each.fields for each in plan.effects} == {("location",)}
    plan = decided(link, CrmChange("si-1", 6, revision=3, after=after))
    assert {each.fields for each in plan.effects} == {("subject", "location")}


@pytest.mark.rule("CON-2")
@pytest.mark.parametrize(
    ("at", "winner"),
    [(CHANGED_AT - timedelta(hours=1), "exchange"), (CHANGED_AT + timedelta(hours=1), "crm"), (None, "crm")],
)
def test_con_2_the_latest_wins_if_that_is_the_policy(at: datetime | None, winner: str):
    """By when the broker took the event, and when Exchange noted its change."""
    ours = replace(ITEM, subject="ours")
    link = replace(PEACE, agreed=ours, exchange=ours)
    world = WORLD.with_policy(conflict_default=ConflictPolicy.LATEST_WINS)
    event = CrmChange("si-1", 6, revision=3, after=replace(ITEM, subject="theirs"), at=at)
    plan = decided(link, event, world=world)
    assert plan.report is not None
    assert plan.report.conflicts == (Conflict("subject", winner),)


@pytest.mark.rule("PRIV-6")
@pytest.mark.parametrize(("word", "is_refused"), [("Personal", True), ("Private", False), ("Normal", False)])
def test_priv_6_a_finer_word_in_the_copy_that_counts_is_not_lifted(word: str, is_refused: bool):
    """Another's copy has no say in it."""
    item = replace(ITEM, restricted=True)
    link = replace(PEACE, agreed=item, exchange=item, crm=item)
    plan = edited(with_copy(link, ANNA, sensitivity=word), restricted=False)
    assert (plan.command is not None) is is_refused
    assert (plan.effects == ()) is is_refused
    theirs = replace(item, subject="theirs")
    both = with_copy(replace(link, agreed=theirs, exchange=theirs), ANNA, sensitivity=word)
    world = WORLD.with_policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)
    met = edited(both, world=world, restricted=False, subject="x")
    assert met.report is not None
    assert met.report.conflicts == (Conflict("subject", "exchange"),)
    assert (met.report.result is Result.REFUSED) is is_refused
    others = edited(with_copy(link, BOB, sensitivity=word), restricted=False)
    assert others.command is None
