"""What is written to whose copy, once it is known who gets what (MAP-1, INV-6, INV-7, PART-6, PRIV-6, REC-3)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from handlers import outgoing
from handlers.effects import CONTENT, Effect, Operation, holding
from handlers.facts import Facts
from handlers.links import BEHIND, Link, Replica
from handlers.notices import Notice
from handlers.outgoing import Occurrence, Outgoing, Target
from handlers.policy import Policy
from schemas import ids
from schemas.addresses import normalise
from schemas.copies import Attendee, Kind, Role
from schemas.edits import UNSET
from schemas.items import External, ForEntry, Recurrence, ScheduleItem, Source
from schemas.sending import Sending, Whom
from tests.support.world import END, NOW, START, a_contact, a_user, days, on

ANNA, BOB = a_user("u-anna"), a_user("u-bob")
A, B = "anna@bank.example", "bob@bank.example"
ITEM = ScheduleItem(subject="Review", start=START, end=END, zone="Europe/Berlin", owner="u-anna")
SERIES = replace(ITEM, recurrence=Recurrence("daily"))
REPLICA = Replica(A, "u-anna", "item-anna", "ck-1")
POLICY = Policy(canonical=partial(normalise, aliases={"bank.test": "bank.example"}))
SINGLE = tuple(name for name in CONTENT if name != "recurrence")


@pytest.mark.rule("PART-6")
@pytest.mark.parametrize(
    ("about", "address", "addresses"),
    [
        ({}, A, {A}),
        ({"mailbox": "anna@bank.test"}, "anna@bank.test", {A}),
        ({"mailbox": None}, A, {A}),
        ({"mailbox": None, "addresses": ("x@bank.test", A)}, "x@bank.test", {A, "x@bank.example"}),
        ({"mailbox": "y@bank.example"}, "y@bank.example", {A, "y@bank.example"}),
        ({"mailbox": None, "addresses": ()}, None, set()),
        ({"mailbox": None, "addresses": ("no address",)}, None, set()),
        ({"active": False}, None, {A}),
    ],
)
def test_part_6_a_user_is_invited_at_his_mailbox_or_else_his_first_address(
    about: dict[str, Any], address: str | None, addresses: set[str]
):
    """And taken out by all he may have been invited by."""
    user = replace(ANNA, **about)
    assert outgoing.address_of(user, POLICY) == address
    assert outgoing.addresses_of(user, POLICY) == addresses
    expected = None if address is None else Attendee(Role.REQUIRED, name="Anna", address=address)
    assert outgoing.attendee_of(user, POLICY) == expected


def test_nobody_is_invited_nowhere_and_reached_nowhere():
    """Somebody whom nobody knows."""
    assert outgoing.address_of(None, POLICY) is None
    assert not outgoing.reachable(None)
    assert outgoing.reachable(ANNA)
    assert not outgoing.reachable(replace(ANNA, sync_enabled=False))


@pytest.mark.rule("PART-6")
def test_part_6_who_takes_part_by_the_crms_word():
    """Users in Assign To, and contacts in For who are users."""
    contacts = [a_contact("c-1", user="u-bob"), a_contact("c-2")]
    facts = Facts(by_contact={each.id: each for each in contacts})
    for_ = tuple(ForEntry(each, Source.CRM) for each in ("c-1", "c-2", "c-3"))
    assert outgoing.participants_of(replace(ITEM, assign_to=("u-anna",), for_=for_), facts) == {"u-anna", "u-bob"}


@pytest.mark.rule("NOTE-6")
@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        (None, False),
        (ITEM, False),
        (replace(ITEM, external=()), False),
        (replace(ITEM, external=(External("x", "X"),)), True),
        (replace(ITEM, for_=(ForEntry("c-1", Source.CRM),)), True),
        (replace(ITEM, redacted=True), True),
    ],
)
def test_note_6_guests_are_who_exchange_names_and_is_no_user(exchange: ScheduleItem | None, expected: bool):
    """Of a redacted item nobody knows, so there may be."""
    assert outgoing.has_guests(Link("l-1", None, exchange=exchange)) is expected


@pytest.mark.rule("MAP-1", "INV-6", "PRIV-6")
@pytest.mark.parametrize(
    ("replica", "item", "fields", "expected"),
    [
        (None, ITEM, (), {"fields": SINGLE, "sensitivity": "Normal"}),
        (None, replace(ITEM, restricted=True), ("subject",), {"fields": SINGLE, "sensitivity": "Private"}),
        (None, SERIES, (), {"fields": CONTENT, "sensitivity": "Normal"}),
        (REPLICA, ITEM, (), {}),
        (REPLICA, ITEM, ("status", "alarms"), {}),
        (REPLICA, ITEM, ("location", "subject"), {"fields": ("subject", "location")}),
        (replace(REPLICA, holds=holding(ITEM)), ITEM, ("subject",), {}),
        (replace(REPLICA, holds=BEHIND), ITEM, CONTENT, {"fields": SINGLE, "sensitivity": "Normal"}),
        (REPLICA, SERIES, CONTENT, {"fields": CONTENT, "sensitivity": "Normal"}),
        (REPLICA, ITEM, ("recurrence",), {"fields": ("recurrence",)}),
        (REPLICA, ITEM, ("restricted", "subject"), {"fields": ("subject", "restricted"), "sensitivity": "Normal"}),
        (replace(REPLICA, sensitivity="Personal"), ITEM, ("restricted", "subject"), {"fields": ("subject",)}),
        (
            replace(REPLICA, sensitivity="Private"),
            replace(ITEM, restricted=True),
            ("restricted",),
            {"fields": ("restricted",), "sensitivity": "Private"},
        ),
    ],
)
def test_map_1_a_copy_gets_of_its_content_what_changed(
    replica: Replica | None, item: ScheduleItem, fields: tuple[str, ...], expected: dict[str, Any]
):
    """All of it where it is new; of a single item no pattern; nothing where it holds it."""
    assert outgoing.content_for(replica, item, fields) == expected


WRITTEN: dict[str, Any] = {
    "fields": ("subject",),
    "sensitivity": "Private",
    "reminder": 15,
    "block": None,
    "invite": (Attendee(Role.REQUIRED, "Bob", B),),
    "uninvite": frozenset({"x@bank.example"}),
}


@pytest.mark.rule("MAP-1", "ID-5", "ID-8")
def test_map_1_each_copy_gets_at_most_one_call_and_the_one_that_counts_the_first():
    """With all that is to be written to it; a delete writes nothing else."""
    counting = Target(user=BOB, mailbox=B, replica=replace(REPLICA, mailbox=B), authoritative=True, **WRITTEN)
    gone = Target(user=ANNA, mailbox=A, replica=replace(REPLICA, item_id="old"), direct=True, delete=True, **WRITTEN)
    new = Target(user=ANNA, mailbox=A, direct=True, **WRITTEN)
    silent = Target(user=ANNA, mailbox="other@bank.example", replica=REPLICA)
    known: dict[str, Any] = {"item": ITEM, "change_key": "ck-1"}
    assert outgoing.effects_of([gone, silent, new, counting], ITEM, crm_id="si-1") == (
        Effect(
            operation=Operation.UPDATE,
            mailbox=B,
            user="u-bob",
            item_id="item-anna",
            authoritative=True,
            **known,
            **WRITTEN,
        ),
        Effect(
            operation=Operation.CREATE,
            mailbox=A,
            user="u-anna",
            item=ITEM,
            direct=True,
            marker="si-1",
            uid=ids.uid_of_direct_copy("si-1", "u-anna"),
            **WRITTEN,
        ),
        Effect(operation=Operation.DELETE, mailbox=A, user="u-anna", item_id="old", direct=True, **known),
    )


PEOPLE: dict[str, Any] = {"invite": WRITTEN["invite"], "joining": ("u-bob",)}
OTHERS: dict[str, Any] = {
    "fields": ("subject", "restricted"),
    "sensitivity": "Private",
    "reminder": 15,
    "block": None,
    "uninvite": WRITTEN["uninvite"],
    "leaving": ("u-dan",),
}
BEN = {"acting": "ben@bank.example"}


@pytest.mark.rule("INV-2", "INV-3")
@pytest.mark.parametrize(
    ("to", "written", "calls"),
    [
        (Whom.ADDED, PEOPLE | OTHERS, [("quiet", "ck-1", OTHERS), ("loud", "", PEOPLE)]),
        (Whom.ADDED, PEOPLE, [("loud", "ck-1", PEOPLE)]),
        (Whom.ADDED, OTHERS, [("quiet", "ck-1", OTHERS)]),
        (Whom.ALL, PEOPLE | OTHERS, [("loud", "ck-1", PEOPLE | OTHERS)]),
        (Whom.ALL, {"fields": ("subject",)}, [("loud", "ck-1", {"fields": ("subject",)})]),
        (Whom.ALL, {"reminder": 15, "block": None}, [("quiet", "ck-1", {"reminder": 15, "block": None})]),
        (Whom.NOBODY, PEOPLE | OTHERS, [("quiet", "ck-1", PEOPLE | OTHERS)]),
    ],
    ids=["who is new", "nothing but who is new", "nobody is new", "all", "all of content", "alarm and note", "nobody"],
)
def test_inv_3_only_the_call_that_is_to_tell_somebody_mails(
    to: Whom, written: dict[str, Any], calls: list[tuple[str, str, dict[str, Any]]]
):
    """Who is new comes last, in a call of his own: Exchange would mail whoever else is concerned by the same."""
    notice = Notice(Sending(to, **BEN), delegate="u-ben", recipients=("u-bob",), told=frozenset({"u-bob"}))
    target = Target(user=ANNA, mailbox=A, replica=REPLICA, authoritative=True, notice=notice, **written)
    sent: dict[str, dict[str, Any]] = {
        "quiet": {"sending": Sending(**BEN)},
        "loud": {"sending": Sending(to, **BEN), "recipients": ("u-bob",)},
    }
    known: dict[str, Any] = {"item_id": "item-anna", "authoritative": True, "delegate": "u-ben"}
    assert outgoing.effects_of([target], ITEM, crm_id="si-1") == tuple(
        Effect(
            operation=Operation.UPDATE,
            mailbox=A,
            user="u-anna",
            item=ITEM,
            change_key=change_key,
            **known,
            **sent[how],
            **values,
        )
        for how, change_key, values in calls
    )


@pytest.mark.rule("ID-8")
@pytest.mark.parametrize(
    ("crm_id", "direct", "uid"),
    [
        ("si-1", False, ids.uid_of_crm("si-1")),
        ("si-1", True, ids.uid_of_direct_copy("si-1", "u-anna")),
        (None, False, None),
    ],
)
def test_id_8_a_new_copy_has_a_uid_that_anybody_can_find_again(crm_id: str | None, direct: bool, uid: str | None):
    """From the CRM's id alone."""
    [effect] = outgoing.effects_of([Target(user=ANNA, mailbox=A, direct=direct)], ITEM, crm_id=crm_id)
    assert (effect.operation, effect.marker, effect.uid) == (Operation.CREATE, crm_id, uid)


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, False),
        ({"replica": None}, True),
        ({"delete": True}, True),
        ({"fields": ("subject",)}, True),
        ({"invite": WRITTEN["invite"]}, True),
        ({"uninvite": WRITTEN["uninvite"]}, True),
        ({"reminder": None}, True),
        ({"block": None}, True),
        ({"sensitivity": "Private"}, False),
    ],
)
def test_a_target_says_something_if_there_is_anything_to_write(about: dict[str, Any], expected: bool):
    """A word for privacy alone is none: it goes with its field."""
    assert Target(**{"user": ANNA, "mailbox": A, "replica": REPLICA, **about}).says_something is expected


@pytest.mark.rule("REC-3")
@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, None),
        ({"delete": True}, {"operation": Operation.DELETE}),
        ({"fields": ("subject",)}, {"fields": ("subject",)}),
        ({"fields": ("restricted",)}, {"fields": ("restricted",), "sensitivity": "Private"}),
        ({"reminder": None}, {"reminder": None}),
        ({"alarms": (5,)}, None),
    ],
)
def test_rec_3_an_occurrence_is_written_to_by_itself_after_the_series(
    about: dict[str, Any], expected: dict[str, Any] | None
):
    """Under the series' id; whoever has no copy yet gets one first."""
    single = replace(ITEM, start=START + days(3), restricted=True)
    occurrence = Occurrence(start=on("2026-12-04"), index=4, item=single, **about)
    target = Target(
        user=ANNA,
        mailbox=A,
        replica=REPLICA,
        direct=True,
        authoritative=True,
        fields=("subject",),
        occurrences=(occurrence,),
    )
    series, *others = outgoing.effects_of([target], SERIES, crm_id="si-1")
    assert (series.operation, series.occurrence) == (Operation.UPDATE, None)
    known: dict[str, Any] = {
        "operation": Operation.UPDATE,
        "mailbox": A,
        "user": "u-anna",
        "item": single,
        "item_id": "item-anna",
        "change_key": "ck-1",
        "direct": True,
        "authoritative": True,
        "occurrence": on("2026-12-04"),
        "index": 4,
    }
    assert others == ([] if expected is None else [Effect(**{**known, **expected})])
    new = outgoing.effects_of([replace(target, replica=None)], SERIES, crm_id="si-1")
    assert [(each.item_id, each.change_key) for each in new] == [("", "")] * len((series, *others))


@pytest.mark.rule("DEL-1", "OPS-3")
def test_del_1_copies_are_taken_away_where_mailboxes_may_be_written_to():
    """Whatever was agreed on goes along, for what is said of it."""
    facts = Facts(by_id={"u-anna": ANNA, "u-bob": replace(BOB, sync_enabled=False)})
    replicas = [replace(REPLICA, user=user, direct=True) for user in ("u-bob", "u-who", "u-anna")]
    link = Link("l-1", None, crm_id="si-1", agreed=ITEM)
    effect = Effect(
        operation=Operation.DELETE,
        mailbox=A,
        user="u-anna",
        item=ITEM,
        item_id="item-anna",
        change_key="ck-1",
        direct=True,
    )
    assert outgoing.removals(replicas, link=link, facts=facts) == (effect,)
    [unknown] = outgoing.removals(replicas, link=replace(link, agreed=None), facts=facts)
    assert unknown == replace(effect, item=ScheduleItem())


def test_a_draft_is_refined_for_one_user_at_a_time():
    """It is about a schedule item, and every step has its say."""
    targets = (Target(user=ANNA, mailbox=A), Target(user=BOB, mailbox=B))
    draft = Outgoing(Link("l-1", None), ITEM, ITEM, ITEM, Facts(), Policy(), NOW, targets=targets)
    aimed = draft.aimed(BOB, reminder=5, block=UNSET)
    assert aimed == replace(draft, targets=(targets[0], replace(targets[1], reminder=5)))
    assert (draft.kind, draft.is_closed) == (Kind.SCHEDULE_ITEM, False)
