"""Whom a change is told, decision by decision, and what is said of who is not (INV-2..7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers import notifying
from handlers.crm_changes import CrmChange
from handlers.effects import Effect, Operation
from handlers.facts import Facts
from handlers.mandates import OWN, Mandate
from handlers.notices import QUIET, Notice
from handlers.notifying import Change, People
from handlers.plans import Explanation
from schemas import ids
from schemas.items import External, ForEntry, ScheduleItem, Source
from schemas.outcomes import Decision, Reason
from schemas.sending import SILENT, Sending, Whom
from tests.support.world import END, START, a_contact, a_link

NOW = START - timedelta(days=1)
ITEM = ScheduleItem(subject="Review", start=START, end=END, zone="Europe/Vienna")
PEOPLE = People(
    users=frozenset({"u-bob", "u-cora"}),
    added=frozenset({"u-cora"}),
    removed=frozenset({"u-dan"}),
    guests=("c-carla", "ext:1"),
)
EVERYBODY = ("c-carla", "ext:1", "u-bob", "u-cora", "u-dan")


def asked(notify: str = "all", **about: Any) -> Change:
    """A change of Anna's meeting that is to be told."""
    change = CrmChange("si-1", 2, after=ITEM, notify=notify, replayed=about.pop("replayed", False))
    known = {"about": "l-1", "change": change, "mandate": OWN, "item": ITEM, "people": PEOPLE}
    return Change(**(known | about))


def noticed(change: Change, *, most: int = 250) -> Notice:
    return notifying.notice(change, now=NOW, most=most)


def silent(rule: str, because: str) -> Explanation:
    return Explanation(rule, "l-1", Decision.SILENT, because)


@pytest.mark.rule("INV-3", "INV-6")
def test_inv_3_all_are_told_and_who_is_taken_out_too():
    """Of single occurrences, those who stay."""
    assert noticed(asked()) == Notice(
        sending=Sending(Whom.ALL),
        told=frozenset({"u-bob", "u-cora", "u-dan"}),
        recipients=EVERYBODY,
        staying=("c-carla", "ext:1", "u-bob", "u-cora"),
    )


@pytest.mark.rule("INV-3", "INV-6")
def test_inv_3_only_who_is_new_is_told_and_who_was_by_an_earlier_try_gets_no_copy_either():
    """He has the message already."""
    people = replace(PEOPLE, before=frozenset({"u-bob"}))
    assert noticed(asked("added", people=people)) == Notice(
        sending=Sending(Whom.ADDED),
        told=frozenset({"u-bob", "u-cora"}),
        recipients=("u-cora",),
        staying=("c-carla", "ext:1", "u-bob", "u-cora"),
    )


@pytest.mark.rule("INV-3")
def test_inv_3_of_what_is_new_itself_everybody_is_told():
    """All are added."""
    assert noticed(asked("added", is_new=True)) == noticed(asked())


@pytest.mark.rule("INV-2")
@pytest.mark.parametrize(("notify", "whom"), [("none", Whom.NOBODY), ("all", Whom.ALL), ("added", Whom.ADDED)])
def test_inv_2_a_delegate_makes_the_call_whether_it_mails_or_not(notify: str, whom: Whom):
    """In whichever way it is told."""
    notice = noticed(asked(notify, mandate=Mandate("u-ben", "ben@bank.example")))
    assert (notice.delegate, notice.sending) == ("u-ben", Sending(whom, "ben@bank.example"))


@pytest.mark.rule("INV-4")
def test_inv_4_silent_by_default_and_nothing_is_said_of_it():
    """Whatever else would keep people from being told."""
    assert noticed(asked("none", organizes=False, is_seen=False, people=People())) == QUIET


@pytest.mark.rule("INV-2", "INV-3", "INV-4", "INV-5", "INV-7")
@pytest.mark.parametrize(
    ("notify", "about", "said"),
    [
        (
            "all",
            {"mandate": Mandate(is_strangers=True), "replayed": True},
            silent("INV-2", "made by somebody who is neither the owner nor his delegate"),
        ),
        ("all", {"replayed": True, "organizes": False}, silent("INV-5", "dealt with before")),
        (
            "all",
            {"organizes": False, "item": replace(ITEM, end=NOW - timedelta(hours=1))},
            silent("INV-7", "there is no copy of the organizer's to mail from"),
        ),
        ("added", {"item": replace(ITEM, end=NOW - timedelta(hours=1)), "is_end": True}, silent("INV-5", "it is over")),
        ("added", {"is_end": True, "people": People()}, silent("INV-3", "nobody is added where something ends")),
        ("added", {"people": People(), "is_seen": False}, silent("INV-5", "nobody else takes part")),
        ("added", {"people": replace(PEOPLE, added=frozenset()), "is_seen": False}, silent("INV-3", "nobody is added")),
        ("all", {"is_seen": False, "is_hidden": True}, silent("INV-5", "nothing that guests see")),
        ("all", {"is_hidden": True}, silent("INV-4", "redacted: how many would get it is not known")),
        (
            "all",
            {"is_hidden": True, "people": People()},
            silent("INV-4", "redacted: how many would get it is not known"),
        ),
    ],
)
def test_the_first_reason_to_tell_nobody_is_the_one_that_is_said(notify: str, about: dict[str, Any], said: Explanation):
    """And no reason of the outcome's own: what was asked for was written."""
    assert noticed(asked(notify, **about)) == Notice(silences=(said,))


@pytest.mark.rule("INV-5")
@pytest.mark.parametrize("status", ["open", "completed", "cancelled"])
def test_inv_5_over_is_what_has_ended_whatever_the_crm_thinks_of_it(status: str):
    """What is completed before its time is not."""
    item = replace(ITEM, status=status)
    assert not notifying.is_past(item, now=END - timedelta(seconds=1))
    assert notifying.is_past(item, now=END + timedelta(seconds=1))


@pytest.mark.rule("INV-4")
def test_inv_4_as_many_as_the_limit_are_told_and_one_more_are_not():
    """Who alone is new counts alone."""
    assert noticed(asked(), most=5).sending.mails
    because = "5 recipients, more than the limit of 4 (invitations.most_recipients)"
    assert noticed(asked(), most=4) == Notice(silences=(silent("INV-4", because),), reason=Reason.PARTLY)
    assert noticed(asked("added"), most=1).sending.mails


@pytest.mark.rule("INV-3")
def test_inv_3_who_is_new_in_a_redacted_item_is_known():
    """By name."""
    assert noticed(asked("added", is_hidden=True)).recipients == ("u-cora",)


def an_effect(**about: Any) -> Effect:
    known = {"mailbox": "anna@bank.example", "user": "u-anna", "item": ITEM, "authoritative": True}
    return Effect(operation=Operation.UPDATE, **(known | about))


@pytest.mark.rule("INV-5", "INV-4")
@pytest.mark.parametrize(
    ("effects", "because"),
    [
        ([an_effect(sending=Sending(Whom.ALL))], None),
        ([an_effect(reminder=15)], "the organizer's copy says so already"),
        ([an_effect(authoritative=False, sending=Sending(Whom.ALL))], "the organizer's copy says so already"),
        (
            [an_effect(occurrence=START, item=replace(ITEM, end=NOW - timedelta(days=1)))],
            "of single occurrences that are over",
        ),
        (
            [an_effect(occurrence=START, item=replace(ITEM, end=NOW - timedelta(days=1)), authoritative=False)],
            "the organizer's copy says so already",
        ),
        ([an_effect(occurrence=START)], "the organizer's copy says so already"),
    ],
)
def test_inv_5_what_nothing_is_left_to_mail_with_is_said(effects: list[Effect], because: str | None):
    """Beside what kept people from being told before."""
    said = notifying.silences_of(noticed(asked()), effects, about="l-1", now=NOW)
    assert said == (() if because is None else (silent("INV-5", because),))
    quiet = noticed(asked(is_seen=False))
    assert notifying.silences_of(quiet, effects, about="l-1", now=NOW) == quiet.silences
    assert notifying.silences_of(QUIET, effects, about="l-1", now=NOW) == ()


@pytest.mark.rule("PART-2", "PART-6", "INV-4")
def test_part_2_guests_are_counted_once_and_whom_the_crm_added_is_none():
    """However many contacts have an address, and addresses a contact."""
    contacts = {
        "c-1": a_contact("c-1", emails=["one@client.example", "other@client.example"]),
        "c-2": a_contact("c-2", emails=["one@client.example"]),
        "c-3": a_contact("c-3", emails=["three@client.example"]),
        "c-4": a_contact("c-4", emails=["other@client.example"]),
    }
    for_ = (
        ForEntry("c-1"),
        ForEntry("c-2"),
        ForEntry("c-3", Source.CRM),
        ForEntry("c-4"),
        ForEntry("c-unknown"),
    )
    strangers = (External("x@else.example"), External("y@else.example"))
    link = a_link(exchange=replace(ITEM, for_=for_, external=strangers))
    assert notifying.guests_of(link, Facts(by_contact=contacts)) == tuple(
        sorted(["c-1", "c-unknown", *(ids.external_about(each.key) for each in strangers)])
    )
    assert notifying.guests_of(a_link(), Facts()) == ()


def test_a_quiet_notice_is_the_owners_and_to_nobody():
    assert (QUIET.sending, QUIET.delegate, QUIET.recipients) == (SILENT, None, ())
