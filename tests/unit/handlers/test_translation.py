"""From copies to the CRM's terms: who takes part, who answered what, what was seen (PART-1, PART-7, DEL-3, ID-1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from handlers import moments, sightings, translation
from handlers.facts import Facts, User
from handlers.links import Link, Replica
from handlers.participants import Participant
from handlers.sightings import Sighting
from schemas.copies import Copy, Folder, Role
from schemas.items import (
    External,
    ExternalReason,
    ForEntry,
    Moment,
    Recurrence,
    Response,
    ScheduleItem,
    Source,
)
from tests.support.world import END, START, a_contact, a_user, in_deleted_items

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
FACTS = Facts(by_id={user.id: user for user in (ANNA, BOB, CORA)})
A, B = "anna@bank.example", "bob@bank.example"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
COPY = Copy(
    mailbox=A,
    item_id="item-anna",
    change_key="ck-1",
    uid="UID-1",
    subject="Review",
    body="<p>Agenda</p>",
    html=True,
    location="Room 4",
    start=START,
    end=END,
    zone="Europe/Berlin",
    all_day=True,
    importance="High",
    sensitivity="Personal",
    my_response=Response.ACCEPTED,
    reminder=15,
    recurrence=Recurrence("daily"),
)


def person(user: User | None = None, key: str = "x@else.example", **about: Any) -> Participant:
    """Somebody who takes part."""
    known: dict[str, Any] = {"role": Role.REQUIRED, "response": Response.NONE, "user": user} | about
    return Participant(user.addresses[0] if user else key, "X", known.pop("email", None), **known)


def a_replica(user: User, **about: Any) -> Replica:
    """A copy of a user's."""
    return Replica(user.mailbox or "", user.id, f"item-{user.id}", **about)


# content


@pytest.mark.rule("MAP-2", "PRIV-1")
@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({}, {}),
        ({"body": "<p>x</p>", "html": False}, {"notes": "<p>x</p>"}),
        ({"importance": "Low"}, {"priority": "C"}),
        ({"importance": "Whatever"}, {"priority": "B"}),
        ({"sensitivity": "Normal"}, {"restricted": False}),
        ({"recurrence": None}, {"recurrence": None}),
    ],
)
def test_map_2_the_content_of_a_copy_in_the_crms_terms(shown: dict[str, Any], expected: dict[str, Any]):
    """Nothing of it is made up, nothing left out."""
    item = ScheduleItem(
        subject="Review",
        notes="Agenda",
        location="Room 4",
        start=START,
        end=END,
        zone="Europe/Berlin",
        all_day=True,
        priority="A",
        restricted=True,
        recurrence=Recurrence("daily"),
    )
    assert translation.content(replace(COPY, **shown)) == replace(item, **expected)


# who takes part


@pytest.mark.rule("PART-1", "DEL-3", "INV-6", "BLK-3")
@pytest.mark.parametrize(
    ("people", "replicas", "expected"),
    [
        ([], [], []),
        ([person(BOB), person(ANNA)], [], ["u-anna", "u-bob"]),
        ([person()], [a_replica(ANNA)], ["u-anna"]),
        ([], [a_replica(ANNA, live=False)], []),
        ([], [a_replica(ANNA, cancelled=True)], []),
        ([], [a_replica(ANNA, direct=True), a_replica(BOB)], ["u-bob"]),
        ([person(reason=ExternalReason.LIST)], [a_replica(ANNA, live=False)], ["u-anna"]),
        ([person(reason=ExternalReason.LIST)], [a_replica(ANNA, live=False, cancelled=True)], []),
        ([person(reason=ExternalReason.BLACKLISTED)], [a_replica(ANNA, live=False)], []),
        ([person(key=A)], [a_replica(ANNA), a_replica(BOB)], ["u-bob"]),
        ([], [replace(a_replica(ANNA), user="u-who"), a_replica(BOB)], ["u-bob"]),
    ],
    ids=[
        "nobody",
        "in order",
        "his copy is there",
        "his copy is gone",
        "his copy was cancelled",
        "a direct copy says nothing",
        "a list may stand for him",
        "but not of a cancelled copy",
        "a blocked stranger does not",
        "he is kept from being matched",
        "nobody knows him",
    ],
)
def test_part_1_who_is_assigned(people: list[Participant], replicas: list[Replica], expected: list[str]):
    """Who is invited, and in whose mailbox it lies."""
    link = Link("l-1", "UID-1", replicas=tuple(replicas))
    assert [user.id for user in translation.assigned(people, link=link, facts=FACTS)] == expected


@pytest.mark.rule("PART-1", "OPS-3")
@pytest.mark.parametrize(
    ("about", "by_list", "expected"),
    [
        ({"sync_enabled": False}, False, []),
        ({"sync_enabled": False}, True, ["u-anna"]),
        ({"active": False}, True, []),
    ],
)
def test_part_1_a_mailbox_that_is_followed_no_more_says_nothing(
    about: dict[str, Any], by_list: bool, expected: list[str]
):
    """But that a list may stand for him."""
    facts = Facts(by_id={"u-anna": replace(ANNA, **about)})
    people = [person(reason=ExternalReason.LIST)] if by_list else []
    link = Link("l-1", "UID-1", replicas=(a_replica(ANNA),))
    assert [user.id for user in translation.assigned(people, link=link, facts=facts)] == expected


@pytest.mark.rule("FOR-3", "PART-5")
def test_part_5_contacts_in_for_with_their_firmest_answer_and_everybody_else():
    """A contact is there once, whoever stands for him."""
    one, two = a_contact("c-1"), a_contact("c-2")
    people = [
        person(key="x@else.example", admitted=(two, one), response=Response.TENTATIVE),
        person(key="y@else.example", admitted=(one,), response=Response.ACCEPTED),
        person(key="z@else.example", email="z@else.example", reason=ExternalReason.LIST, response=Response.DECLINED),
        person(BOB),
    ]
    assert translation.matched(people) == (
        ForEntry("c-1", Source.EXCHANGE, Response.ACCEPTED),
        ForEntry("c-2", Source.EXCHANGE, Response.TENTATIVE),
    )
    [stranger] = translation.external(people)
    assert stranger == External("z@else.example", "X", "z@else.example", ExternalReason.LIST, Response.DECLINED)
    assert stranger.key == "z@else.example"


# answers


@pytest.mark.rule("PART-7", "DEL-3")
@pytest.mark.parametrize(
    ("copy", "known", "expected"),
    [
        (COPY, Response.NONE, Response.ACCEPTED),
        (replace(COPY, my_response=Response.DECLINED), Response.NONE, Response.DECLINED),
        (replace(COPY, my_response=Response.TENTATIVE), Response.NONE, Response.TENTATIVE),
        (replace(COPY, my_response=Response.UNKNOWN), Response.ACCEPTED, Response.NONE),
        (replace(COPY, my_response=Response.ORGANIZER), Response.ACCEPTED, Response.NONE),
        (None, Response.DECLINED, Response.DECLINED),
        (None, Response.ACCEPTED, Response.REMOVED),
    ],
)
def test_part_7_what_a_mailbox_says_of_its_owners_answer(copy: Copy | None, known: Response, expected: Response):
    """Who lost his copy without declining has removed it."""
    assert translation.own_answer(copy, known=known) is expected


@pytest.mark.rule("PART-7", "DEL-3", "INV-6")
@pytest.mark.parametrize(
    ("about", "replica", "tracked", "expected"),
    [
        ({}, None, None, Response.NONE),
        ({}, None, Response.ACCEPTED, Response.ACCEPTED),
        ({}, None, Response.UNKNOWN, Response.NONE),
        ({"sync_enabled": False}, None, Response.UNKNOWN, Response.UNKNOWN),
        ({"sync_enabled": False}, None, None, Response.NONE),
        ({}, {"response": Response.TENTATIVE}, Response.ACCEPTED, Response.TENTATIVE),
        ({}, {"response": Response.NONE}, Response.ACCEPTED, Response.NONE),
        ({}, {"response": Response.NONE, "live": False}, Response.ACCEPTED, Response.ACCEPTED),
        ({}, {"response": Response.DECLINED, "live": False}, Response.ACCEPTED, Response.DECLINED),
        ({}, {"response": Response.REMOVED, "live": False}, Response.ACCEPTED, Response.REMOVED),
        ({}, {"response": Response.REMOVED, "live": False}, Response.DECLINED, Response.DECLINED),
        ({"sync_enabled": False}, {"response": Response.TENTATIVE}, Response.ACCEPTED, Response.ACCEPTED),
        ({"sync_enabled": False}, {"response": Response.TENTATIVE}, Response.NONE, Response.TENTATIVE),
        ({"sync_enabled": False}, {"response": Response.NONE}, Response.UNKNOWN, Response.UNKNOWN),
        ({}, {"response": Response.ACCEPTED, "direct": True}, Response.NONE, Response.NONE),
        ({}, {"response": Response.REMOVED, "direct": True, "live": False}, Response.NONE, Response.REMOVED),
    ],
)
def test_part_7_a_users_answer_is_his_own_copys_once_it_was_seen(
    about: dict[str, Any], replica: dict[str, Any] | None, tracked: Response | None, expected: Response
):
    """Until then what the organizer heard; of a direct copy only that he removed it."""
    user = replace(ANNA, **about)
    replicas = (a_replica(BOB, response=Response.DECLINED), *((a_replica(user, **replica),) if replica else ()))
    invited = None if tracked is None else person(user, response=tracked)
    assert translation.answer(user, invited, Link("l-1", "UID-1", replicas=replicas)) is expected


# what was seen

LINK = Link("l-1", "UID-1", replicas=(a_replica(ANNA), a_replica(BOB, response=Response.ACCEPTED)))


def seen(copy: Copy | None, link: Link = LINK, *, user: User = ANNA, mailbox: str = A) -> Link:
    """The link after this was found in a mailbox."""
    return sightings.sighted(link, Sighting(mailbox, user, copy))


@pytest.mark.rule("ID-1", "PART-7")
def test_id_1_a_copy_is_remembered_as_it_was_seen():
    """In its mailbox's place; its reminder and what we wrote there stay known."""
    known = a_replica(ANNA, reminder=5, block="there", ours="ck-0", holds="this", reported="that")
    copy = replace(COPY, is_cancelled=True)
    expected = replace(
        known,
        item_id="item-anna",
        change_key="ck-1",
        response=Response.ACCEPTED,
        cancelled=True,
        sensitivity="Personal",
    )
    assert seen(copy, replace(LINK, replicas=(known,))).replicas == (expected,)


@pytest.mark.rule("DEL-3")
def test_del_3_what_is_gone_is_remembered_as_gone():
    """Its id, its word for privacy and whether it was cancelled are the last known."""
    known = a_replica(ANNA, change_key="ck-0", response=Response.ACCEPTED, cancelled=True, sensitivity="Private")
    gone = replace(known, change_key="", response=Response.REMOVED, live=False)
    assert seen(None, replace(LINK, replicas=(known,))).replicas == (gone,)
    assert seen(None, Link("l-1", "UID-1")) == Link("l-1", "UID-1")
    thrown_away = seen(in_deleted_items(COPY), replace(LINK, replicas=(known,))).replicas[0]
    assert (thrown_away.live, thrown_away.response, thrown_away.change_key) == (False, Response.REMOVED, "ck-1")
    declined = replace(in_deleted_items(COPY), my_response=Response.DECLINED)
    assert seen(declined, replace(LINK, replicas=(known,))).replicas[0].response is Response.DECLINED


@pytest.mark.rule("ID-1")
def test_id_1_a_user_has_one_copy_wherever_his_mailbox_is():
    """What lay in the one that was his before is this one, moved; and what lies in a mailbox is whose that is."""
    known = replace(LINK, replicas=(a_replica(ANNA, block="there"), a_replica(BOB, block="that")))
    moved = seen(replace(COPY, mailbox="anna2@bank.example"), known, mailbox="anna2@bank.example")
    assert [each.block for each in moved.replicas] == ["there", "that"]
    assert [(each.mailbox, each.user) for each in moved.replicas] == [("anna2@bank.example", "u-anna"), (B, "u-bob")]
    taken = seen(COPY, known, user=CORA)
    assert [each.block for each in taken.replicas] == ["there", "that"]
    assert [(each.mailbox, each.user) for each in taken.replicas] == [(A, "u-cora"), (B, "u-bob")]
    assert [each.mailbox for each in seen(COPY, Link("l-1", "UID-1")).replicas] == [A]


@pytest.mark.rule("ALM-8")
@pytest.mark.parametrize(
    ("agreed", "copy", "reminder"),
    [
        (None, COPY, None),
        (ScheduleItem(), COPY, None),
        (ScheduleItem(alarms=(("u-bob", (5,)),)), COPY, None),
        (ScheduleItem(alarms=(("u-anna", (5,)),)), COPY, 15),
        (ScheduleItem(alarms=(("u-anna", (5,)),)), None, None),
    ],
)
def test_alm_8_the_reminder_of_a_copy_nobody_has_seen_is_news_unless_the_crm_states_his_alarms(
    agreed: ScheduleItem | None, copy: Copy | None, reminder: int | None
):
    """Then it is taken as it is."""
    link = Link("l-1", "UID-1", agreed=agreed)
    replica = sightings.unseen(link, Sighting(A, ANNA, copy))
    assert replica == Replica(A, "u-anna", "", reminder=reminder)


@pytest.mark.rule("INV-6", "ALM-2", "ALM-8")
def test_inv_6_a_copy_that_exchange_was_asked_to_make_anew_owes_nothing_to_the_one_thrown_away():
    """Its reminder is nobody's choice, and what stood in the other's body is gone; what comes unasked is his copy."""
    ended = a_replica(ANNA, live=False, reminder=5, block="there", response=Response.REMOVED)
    link = replace(LINK, replicas=(ended,), agreed=ScheduleItem(alarms=(("u-anna", (5, 30)),)))
    asked = replace(link, awaited=("u-anna",))
    assert [(each.reminder, each.block) for each in seen(COPY, asked).replicas] == [(15, "")]
    assert [(each.reminder, each.block) for each in seen(COPY, link).replicas] == [(5, "there")]
    others = replace(link, awaited=("u-bob",))
    assert [(each.reminder, each.block) for each in seen(COPY, others).replicas] == [(5, "there")]
    there = replace(asked, replicas=(replace(ended, live=True),))
    assert [(each.reminder, each.block) for each in seen(COPY, there).replicas] == [(5, "there")]
    for gone in (None, in_deleted_items(COPY)):
        assert [(each.reminder, each.block) for each in seen(gone, asked).replicas] == [(5, "there")]


@pytest.mark.rule("INV-6")
def test_inv_6_an_invited_copy_beside_a_direct_one_is_a_copy_of_its_own():
    """Before it in the order; one that was thrown away is none, and nor is the direct one."""
    direct = a_replica(ANNA, direct=True, response=Response.NONE)
    link = replace(LINK, replicas=(direct, a_replica(BOB)))
    both = seen(COPY, link)
    assert [(each.mailbox, each.direct, each.item_id) for each in both.replicas] == [
        (A, False, "item-anna"),
        (A, True, "item-u-anna"),
        (B, False, "item-u-bob"),
    ]
    assert seen(in_deleted_items(COPY), link) == link
    own = seen(replace(COPY, uid="UID-OF-THE-DIRECT-COPY"), link).replicas
    assert [(each.direct, each.response, each.change_key) for each in own[:1]] == [(True, Response.NONE, "ck-1")]
    nameless = seen(replace(COPY, uid=None), replace(link, uid=None)).replicas
    assert [each.direct for each in nameless] == [True, False]
    removed = seen(replace(COPY, uid="other", folder=Folder.DELETED_ITEMS), link).replicas[0]
    assert (removed.direct, removed.live, removed.response) == (True, False, Response.REMOVED)


# when it is


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        (START, "Europe/Berlin", START),
        (date(2026, 12, 1), None, datetime(2026, 12, 1, tzinfo=UTC)),
        (date(2026, 12, 1), "Nowhere/Land", datetime(2026, 12, 1, tzinfo=UTC)),
        (date(2026, 12, 1), "Europe/Berlin", datetime(2026, 11, 30, 23, tzinfo=UTC)),
    ],
)
def test_a_day_begins_in_its_zone(moment: Moment, zone: str | None, expected: datetime):
    """Where none is known, in UTC."""
    begins = moments.instant_of(moment, zone=zone)
    assert begins == expected
    assert begins.tzinfo is UTC, "wherever the daemon runs"


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.mark.rule("ALM-7")
@pytest.mark.parametrize(
    ("about", "end"),
    [
        ({}, NOW),
        ({"recurrence": Recurrence("daily", end="after", count=3)}, NOW + 2 * DAY),
        ({"recurrence": Recurrence("daily", end="by", until=NOW.date() + DAY)}, datetime(2026, 11, 24, 23, tzinfo=UTC)),
        ({"recurrence": Recurrence("daily", end="by", until=NOW.date() - 9 * DAY)}, NOW),
        ({"start": NOW.date() - DAY, "end": NOW.date()}, datetime(2026, 11, 22, 23, tzinfo=UTC)),
        (
            {
                "start": datetime(2026, 11, 17, 23, 30, tzinfo=UTC),  # a Wednesday in Tokyo
                "end": datetime(2026, 11, 18, 0, 30, tzinfo=UTC),
                "zone": "Asia/Tokyo",
                "recurrence": Recurrence("weekly", weekdays=("WE",), end="after", count=1),
            },
            datetime(2026, 11, 18, 0, 30, tzinfo=UTC),
        ),
        (
            {
                "start": NOW.date() - DAY,
                "end": NOW.date(),
                "zone": "America/New_York",
                "recurrence": Recurrence("daily", end="after", count=3),
            },
            datetime(2026, 11, 25, 5, tzinfo=UTC),
        ),
    ],
)
def test_alm_7_an_item_is_over_when_its_last_end_has_passed(about: dict[str, Any], end: datetime):
    """A series when its last occurrence has."""
    item = ScheduleItem(**({"start": NOW - HOUR, "end": NOW, "zone": "Europe/Berlin"} | about))
    assert not moments.is_over(item, now=end)
    assert moments.is_over(item, now=end + timedelta(seconds=1))


@pytest.mark.rule("ALM-7")
@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"status": "completed"}, True),
        ({"status": "cancelled"}, True),
        ({"end": None}, False),
        ({"start": None}, False),
        ({"recurrence": Recurrence("daily")}, False),
        ({"recurrence": Recurrence("daily", end="by")}, False),
        ({"recurrence": Recurrence("daily", end="after")}, False),
        ({"recurrence": Recurrence("yearly", interval=8, end="after", count=999)}, False),
    ],
)
def test_alm_7_what_never_ends_is_over_only_if_it_was_done_or_called_off(about: dict[str, Any], expected: bool):
    """Or nobody knows when it ends."""
    item = ScheduleItem(**({"start": NOW - HOUR, "end": NOW, "zone": "Europe/Berlin"} | about))
    assert moments.is_over(item, now=NOW + 9999 * DAY) is expected
