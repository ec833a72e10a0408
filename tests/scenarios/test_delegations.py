"""Grants and revokes of the CRM in a whole house: who is whose delegate in Exchange, and what is said of it (INV-1)."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update
from structlog.testing import capture_logs

from daemon.app import Daemon
from daemon.bus.port import TopicPartition
from daemon.commands import why
from daemon.sandbox.exchange.delegates import Rights
from daemon.store import delegates, tables
from handlers.delegations import Pair
from schemas import catalogue
from tests.support import stores
from tests.support.house import SERVICE, Clock, House, a_house, grant, house_time, options, revoke, running, user
from tests.support.plays import Play, killed_everywhere
from tests.support.requests import request

ANNA, BOB, CLEO = "anna@bank.example", "bob@bank.example", "cleo@bank.example"
KEY = "meeting_invitations"
ON = {KEY: True}
EDITOR = Rights({"calendar": "Editor", "tasks": "None", "inbox": "None"})
REVIEWER = Rights({"calendar": "Reviewer"})
SECRETARY = Rights({"calendar": "Reviewer", "tasks": "Editor"}, receives_copies=True, sees_private=True)
WRITES = ("AddDelegate", "UpdateDelegate", "RemoveDelegate")


def seen(rights: Rights | None) -> tuple[Any, ...] | None:
    """What a delegate may do, folder by folder."""
    if rights is None:
        return None
    folders = {name: level for name, level in rights.levels.items() if level != "None"}
    return folders, rights.receives_copies, rights.sees_private


def rights(house: House, principal: str = ANNA, delegate: str = BOB) -> tuple[Any, ...] | None:
    """What somebody may do in another's mailbox; None: he is no delegate."""
    return seen(house.sandbox.world.delegates.of(principal).get(delegate))


def by_hand(house: House, given: Rights | None, principal: str = ANNA, delegate: str = BOB) -> None:
    """A person decides on her delegate in her own Outlook."""
    world = house.sandbox.world.delegates
    if delegate in world.of(principal):
        world.remove(principal, delegate)
    if given is not None:
        world.add(principal, delegate, given)


def with_another_store(house: House, path: Path) -> None:
    """The next daemon finds its store empty."""
    store = house.settings.store.model_copy(update={"url": stores.url_of(path)})
    house.settings = house.settings.model_copy(update={"store": store})


Said = tuple[str, str, str | None, tuple[str, ...]]


def said(house: House, of: str = "") -> list[Said]:
    """What was said of grants because of such events: of which one, with which result and reason, and which writes.
    What has one key is in its order."""
    found = [each for each in house.outcomes() if any(entry["rule"] == "INV-1" for entry in each["explain"])]
    every = [
        (
            each["cause"]["type"].removeprefix("crm.").removesuffix(".v1"),
            each["result"],
            each["reason"],
            tuple(write["operation"].removesuffix("_delegate") for write in each["writes"]),
        )
        for each in found
    ]
    return [each for each in every if each[0].startswith(of)]


def because(house: House) -> str:
    """Why the last word on a grant is what it is."""
    found = [entry["because"] for each in house.outcomes() for entry in each["explain"] if entry["rule"] == "INV-1"]
    return str(found[-1])


def calls(house: House, *operations: str) -> int:
    """How often the daemon asked Exchange for these."""
    report = house.sandbox.meter.report()
    return sum(
        int(each["count"]) for each in report if each["account"] == SERVICE[0] and each["operation"] in operations
    )


def ids_of(house: House) -> list[str]:
    """The ids of all outcomes."""
    heads = [dict(record.headers) for record in house.broker.records(catalogue.OUTCOMES)]
    return [(head["ce_id"] or b"").decode() for head in heads]


async def nothing_new(house: House) -> None:
    """Read again from the start, all that ever came says nothing new and asks Exchange to change nothing."""
    count, asked = house.count(), calls(house, *WRITES, "GetDelegate")
    [daemon] = house.daemons
    consumer: Any = daemon.engine._consumer
    await daemon.store.write(lambda tx: tx.execute(update(tables.positions).values(offset=0)))
    house.broker.expel(consumer)
    house.broker.readmit(consumer)
    await house.quiet()
    assert (house.count(), calls(house, *WRITES, "GetDelegate")) == (count, asked)


@pytest.mark.rule("INV-1")
async def test_a_grant_makes_a_delegate_and_a_revoke_unmakes_him(store: Path) -> None:
    """Given the option on, then Bob is an Editor of Anna's calendar and of nothing else, is shown nothing private, and
    requests go where they went; revoked, he is no delegate.
    """
    async with a_house(store, "anna", "bob", options=ON) as house:
        world = house.sandbox.world.delegates
        world.deliver(ANNA, "DelegatesAndMe")
        with capture_logs() as logs:
            await house.announce(grant("anna", "bob"))
            assert rights(house) == ({"calendar": "Editor"}, False, False)
            [told] = await house.does(lambda: list(house.outlook("anna").account.delegates))
            levels = told.delegate_permissions
            assert told.user_id.primary_smtp_address == BOB
            assert (levels.calendar_folder_permission_level, levels.tasks_folder_permission_level) == ("Editor", "None")
            assert told.view_private_items is False
            assert said(house) == [("delegation.granted", "applied", None, ("add",))]
            [used] = [each for outcome in house.outcomes() for each in outcome["options"]]
            assert (used["key"], used["user"], used["value"], used["level"], used["effect"]) == (
                KEY,
                "u-anna",
                True,
                "config",
                ["delegate:u-bob"],
            )
            await house.announce(revoke("anna", "bob"))
        assert rights(house) is None
        assert said(house)[1:] == [("delegation.revoked", "applied", None, ("remove",))]
        assert world.delivery(ANNA) == "DelegatesAndMe"
        events = [{k: v for k, v in each.items() if k != "log_level"} for each in logs if "delegate." in each["event"]]
        assert events == [
            {"event": "delegate.granted", "principal": "u-anna", "delegate": "u-bob"},
            {"event": "delegate.revoked", "principal": "u-anna", "delegate": "u-bob"},
        ]
        assert house.sandbox.world.mails == []


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("prior", [REVIEWER, SECRETARY, Rights({"tasks": "Author"}), EDITOR], ids=repr)
async def test_who_was_a_delegate_before_is_afterwards_what_he_was(store: Path, prior: Rights) -> None:
    """Given rights of his own, then the grant adds the calendar and hides what is private, and the revoke gives back
    exactly what he had.
    """
    async with a_house(store, "anna", "bob", options=ON) as house:
        by_hand(house, prior)
        before = rights(house)
        await house.announce(grant("anna", "bob"))
        folders = {name: level for name, level in prior.levels.items() if level != "None"} | {"calendar": "Editor"}
        assert rights(house) == (folders, prior.receives_copies, False)
        await house.announce(revoke("anna", "bob"))
        assert rights(house) == before
        wrote = () if prior == EDITOR else ("update",)
        assert [each[3] for each in said(house)] == [wrote, wrote]
        await nothing_new(house)


@pytest.mark.rule("INV-1")
async def test_a_calendar_of_rights_nobody_can_name_is_closed_afterwards(store: Path) -> None:
    """Given rights that Exchange calls custom, then they cannot be given back, nothing more is, and it is said."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        by_hand(house, Rights({"calendar": "Custom", "tasks": "Custom"}))
        await house.announce(grant("anna", "bob"))
        assert rights(house) == ({"calendar": "Editor", "tasks": "Custom"}, False, False)
        await house.announce(revoke("anna", "bob"))
        assert rights(house) == ({"tasks": "Custom"}, False, False)
        assert "cannot be given back" in because(house)


@pytest.mark.rule("INV-1", "OPT-3", "OPT-4", "OPT-5")
async def test_without_the_option_a_grant_stands_and_is_applied_when_it_is_switched_on(store: Path) -> None:
    """Given the option off, then the grant is refused; on, it is applied, off, revoked at once, and each is said."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(grant("anna", "bob"))
        assert (rights(house), calls(house, *WRITES, "GetDelegate")) == (None, 0)
        assert said(house) == [("delegation.granted", "refused", "option_off", ())]
        await house.announce(options("bob", meeting_invitations=True))
        assert (rights(house), len(said(house))) == (None, 1)
        await house.announce(options("anna", meeting_invitations=True))
        assert rights(house) == ({"calendar": "Editor"}, False, False)
        await house.announce(options("anna", meeting_invitations=False))
        assert rights(house) is None
        assert sorted(said(house)) == [
            ("delegation.granted", "refused", "option_off", ()),
            ("options.changed", "applied", None, ("add",)),
            ("options.changed", "applied", None, ("remove",)),
        ]
        assert len(set(ids_of(house))) == len(ids_of(house))
        await nothing_new(house)


@pytest.mark.rule("INV-1", "OPT-1", "OPT-2")
@pytest.mark.parametrize("level", ["system", "type"])
async def test_one_option_turns_all_grants_that_hang_on_it_each_with_an_outcome_of_its_own(
    store: Path, level: str
) -> None:
    """Given three grants of two principals, when the option goes on and off for all, then each pair says so."""
    scope = {"level": level} | ({"id": "advisor"} if level == "type" else {})

    def switched(on: bool) -> dict[str, Any]:
        return {"type": "crm.options.changed.v1", "data": {"scope": scope, "options": {KEY: on}}}

    async with a_house(store, "anna", "bob", "cleo", "dora") as house:
        await house.announce(user("dora", user_type="guest"), options("dora", meeting_invitations=False))
        pairs = [("anna", "bob"), ("anna", "cleo"), ("bob", "anna"), ("dora", "anna")]
        await house.announce(*(grant(*pair) for pair in pairs))
        await house.announce(switched(True))
        world = house.sandbox.world.delegates
        assert [sorted(world.of(each)) for each in (ANNA, BOB, CLEO)] == [[BOB, CLEO], [ANNA], []]
        assert said(house).count(("options.changed", "applied", None, ("add",))) == 3
        await house.announce(switched(False))
        assert [sorted(world.of(each)) for each in (ANNA, BOB)] == [[], []]
        assert said(house).count(("options.changed", "applied", None, ("remove",))) == 3
        assert len(set(ids_of(house))) == len(ids_of(house))
        assert len(said(house)) == 4 + 6
        await nothing_new(house)


@pytest.mark.rule("INV-1", "OPT-2")
async def test_settings_that_are_read_anew_turn_grants_too(store: Path) -> None:
    """Given the option in the configuration, reloaded or found otherwise at a start, then grants follow, and say so."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(grant("anna", "bob"))
        on = house.settings.model_copy(update={"options": ON})
        await house.daemons[0].reload(on)
        await house.quiet()
        assert rights(house) == ({"calendar": "Editor"}, False, False)
        assert said(house)[1:] == [("delegation.granted", "applied", None, ("add",))]
        await house.daemons[0].reload(house.settings)
        await house.quiet()
        assert rights(house) is None
        assert said(house)[2:] == [("delegation.granted", "applied", None, ("remove",))]
        assert len(set(ids_of(house))) == len(ids_of(house))
        causes = {each["cause"]["id"] for each in house.outcomes() if each["explain"]}
        assert causes == {"crm.delegations/u-anna:u-bob/1"}
        count = house.count()
        await house.daemons[0].reload(house.settings)
        await house.quiet()
        assert house.count() == count


@pytest.mark.rule("INV-1", "OPT-2")
async def test_what_was_configured_while_nobody_ran_counts_from_the_start(store: Path) -> None:
    """Given a grant that stands, when a daemon starts with the option on, it is applied; a restart says nothing."""
    async with a_house(store, "anna", "bob", start=False) as house:
        async with running(house):
            await house.furnish(grant("anna", "bob"))
        house.settings = house.settings.model_copy(update={"options": ON})
        async with running(house):
            await house.quiet()
            assert rights(house) == ({"calendar": "Editor"}, False, False)
            assert [each[1] for each in said(house)] == ["refused", "applied"]
            count = house.count()
        async with running(house):
            await house.quiet()
            assert (house.count(), calls(house, *WRITES)) == (count, 1)


@pytest.mark.rule("INV-1")
async def test_a_grant_from_before_delegates_were_made_is_taken_up(store: Path) -> None:
    """Given a grant that stands in a store where nothing else is known of it, then a start takes it up."""
    async with a_house(store, "anna", "bob", options=ON, start=False) as house:
        async with running(house) as born:
            await house.furnish(options("anna", meeting_invitations=False), grant("anna", "bob"))
            await born.store.write(lambda tx: tx.execute(delete(tables.delegates)))
        async with running(house):
            await house.quiet()
            assert said(house) == [("delegation.granted", "refused", "option_off", ())] * 2
            await house.announce(options("anna", meeting_invitations=True))
            assert rights(house) == ({"calendar": "Editor"}, False, False)


@pytest.mark.rule("INV-1", "CON-3")
async def test_the_bus_read_again_into_a_living_store_does_nothing(store: Path) -> None:
    """Given grants, revokes and options of a day, when all is read again, then Exchange and the outcomes stay."""
    async with a_house(store, "anna", "bob", "cleo", options=ON) as house:
        await house.announce(grant("anna", "bob"), grant("bob", "cleo"), grant("cleo", "anna"))
        await house.announce(revoke("anna", "bob"), options("bob", meeting_invitations=False))
        await house.announce(grant("anna", "bob"), revoke("cleo", "bob"))
        assert len(said(house)) == 7
        await nothing_new(house)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("prior", [None, REVIEWER, Rights({"tasks": "Reviewer"})], ids=repr)
async def test_a_lost_store_does_not_take_its_own_work_for_somebody_elses(tmp_path: Path, prior: Rights | None) -> None:
    """Given a grant in force and a store that was lost, when it is revoked, then nothing of ours is left to him."""
    async with a_house(tmp_path / "first.sqlite", "anna", "bob", options=ON, start=False) as house:
        by_hand(house, prior)
        async with running(house):
            await house.furnish(grant("anna", "bob"))
        wrote = calls(house, *WRITES)
        with_another_store(house, tmp_path / "second.sqlite")
        async with running(house):
            await house.quiet()
            assert calls(house, *WRITES) == wrote
            await house.announce(revoke("anna", "bob"))
            assert rights(house) == (seen(prior) if prior and "tasks" in prior.levels else None)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("compacted", [False, True], ids=["whole", "compacted"])
@pytest.mark.parametrize("prior", [None, REVIEWER, Rights({"tasks": "Reviewer"})], ids=repr)
async def test_a_grant_that_is_revoked_while_its_store_was_lost_leaves_nothing_to_him(
    tmp_path: Path, prior: Rights | None, compacted: bool
) -> None:
    """Given a grant in force, a store that was lost, and the revoke as the first thing heard since, then he loses the
    calendar, whether the topic still tells of the grant or not, and the outcome says so, once.
    """
    async with a_house(tmp_path / "first.sqlite", "anna", "bob", options=ON, start=False) as house:
        by_hand(house, prior)
        async with running(house):
            await house.furnish(grant("anna", "bob"))
        await house.crm.announce([revoke("anna", "bob")])
        if compacted:
            [granted, _] = house.broker.records(catalogue.DELEGATIONS)
            house.broker.compact(TopicPartition(catalogue.DELEGATIONS, granted.partition), removed=[granted.offset])
        with_another_store(house, tmp_path / "second.sqlite")
        async with running(house):
            await house.quiet()
            assert rights(house) == (seen(prior) if prior and "tasks" in prior.levels else None)
            wrote = "update" if rights(house) else "remove"
            assert ("delegation.revoked", "applied", None, (wrote,)) in said(house)
            assert because(house).endswith("is not known any more: it is closed to him")
            await nothing_new(house)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("made", "left"), [(REVIEWER, True), (SECRETARY, True), (EDITOR, False), (None, False)], ids=repr
)
async def test_after_a_store_was_lost_a_revoke_of_nothing_takes_only_what_looks_like_ours(
    tmp_path: Path, made: Rights | None, left: bool
) -> None:
    """Given a delegate whom Anna made by hand, and a revoke without a grant, then he stays what he is, unless he is
    exactly what we would have made him; and with a store that was never lost he stays even then.
    """
    async with a_house(tmp_path / "first.sqlite", "anna", "bob", options=ON, start=False) as house:
        by_hand(house, made)
        async with running(house):
            await house.furnish(revoke("anna", "bob"))
            assert rights(house) == seen(made)
            assert (said(house), calls(house, "GetDelegate")) == (
                [("delegation.revoked", "skipped", "no_grant", ())],
                0,
            )
        with_another_store(house, tmp_path / "second.sqlite")
        async with running(house):
            await house.quiet()
            assert (rights(house), len(said(house))) == (seen(made), 1)
            await house.announce(revoke("anna", "bob", version=7))
            assert rights(house) == (seen(made) if left else None)
            expected = ("applied", None, ("remove",)) if made == EDITOR else ("skipped", "no_grant", ())
            assert said(house)[1:] == [("delegation.revoked", *expected)]


# who can


@pytest.mark.rule("INV-1")
async def test_a_grant_waits_for_somebody_nobody_knows_yet(store: Path) -> None:
    """Given a delegate who is not known, then it is held, and applied when he comes; so for a principal."""
    async with a_house(store, "anna", "bob", options=ON, start=False) as house, running(house):
        await house.announce(user("anna"), grant("anna", "bob"), grant("bob", "anna"))
        waits = [("delegation.granted", "held", "unknown_mailbox", ())] * 2
        assert said(house) == waits
        await house.announce(user("bob"))
        assert rights(house) == rights(house, BOB, ANNA) == ({"calendar": "Editor"}, False, False)
        assert sorted(said(house)) == [("delegation.granted", "applied", None, ("add",))] * 2 + waits
        assert len(set(ids_of(house))) == len(ids_of(house))
        await nothing_new(house)


@pytest.mark.rule("INV-1")
async def test_who_does_not_come_within_a_day_is_not_waited_for_and_still_gets_it_later(store: Path) -> None:
    """Given a delegate unknown for a day, then the grant is refused in the end; it stands, and is applied later."""
    clock = Clock(house_time())
    async with (
        a_house(store, "anna", "bob", options=ON, clock=clock, start=False) as house,
        running(house, clock=clock),
    ):
        await house.announce(user("anna"), grant("anna", "bob"))
        clock.pass_by(timedelta(days=1, minutes=1))
        await house.until(lambda: len(said(house)) == 2)
        assert said(house)[1:] == [("delegation.granted", "refused", "unknown_mailbox", ())]
        await house.announce(user("bob"))
        assert rights(house) == ({"calendar": "Editor"}, False, False)
        assert said(house, "user") == [("user.changed", "applied", None, ("add",))]
        await nothing_new(house)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("who", ["anna", "bob"])
async def test_who_has_no_mailbox_gets_it_with_his_mailbox(store: Path, who: str) -> None:
    """Given a principal, or a delegate, without a mailbox, then the grant is refused, stands, and is applied later."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        await house.announce(user(who, mailbox=None))
        await house.announce(grant("anna", "bob"))
        assert said(house) == [("delegation.granted", "refused", "unknown_mailbox", ())]
        assert calls(house, *WRITES, "GetDelegate") == 0
        assert because(house) == f"u-{who} has no mailbox that takes part"
        await house.announce(user(who))
        assert rights(house) == ({"calendar": "Editor"}, False, False)
        assert said(house, "user") == [("user.changed", "applied", None, ("add",))]


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("who", "change"),
    [("bob", {"active": False}), ("bob", {"mailbox": None}), ("anna", {"sync_enabled": False})],
    ids=repr,
)
async def test_who_can_no_more_loses_it_and_gets_it_again(store: Path, who: str, change: dict[str, Any]) -> None:
    """Given a grant in force, when one of both is deactivated or loses his mailbox, then it is taken back."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        by_hand(house, REVIEWER)
        await house.announce(grant("anna", "bob"))
        await house.announce(user(who, **change))
        assert rights(house) == ({"calendar": "Reviewer"}, False, False)
        await house.announce(user(who))
        assert rights(house) == ({"calendar": "Editor"}, False, False)
        assert said(house, "user") == [("user.changed", "applied", None, ("update",))] * 2
        await house.announce(user(who, groups=["desk"]))
        assert len(said(house)) == 3


@pytest.mark.rule("INV-1")
async def test_a_delegate_with_another_mailbox_loses_the_right_of_the_old_one(store: Path) -> None:
    """Given Bob, who gets Cleo's mailbox, then it is that one which may write in Anna's calendar, and no other."""
    async with a_house(store, "anna", "bob", "cleo", options=ON) as house:
        await house.announce(user("cleo", mailbox=None, emails=[]), grant("anna", "bob"))
        await house.announce(user("bob", mailbox=CLEO, emails=[CLEO]))
        assert (rights(house), rights(house, ANNA, CLEO)) == (None, ({"calendar": "Editor"}, False, False))
        assert said(house, "user") == [("user.changed", "applied", None, ("remove", "add"))]
        await house.announce(revoke("anna", "bob"))
        assert house.sandbox.world.delegates.of(ANNA) == {}


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("first", ["bob", "cleo"])
async def test_two_delegates_with_one_mailbox_lose_it_with_the_last_grant(store: Path, first: str) -> None:
    """Given Bob and Cleo, who has taken over his mailbox, then it keeps the right until both grants are revoked."""
    async with a_house(store, "anna", "bob", "cleo", options=ON) as house:
        by_hand(house, REVIEWER)
        await house.announce(grant("anna", "bob"))
        await house.announce(user("cleo", mailbox=BOB, emails=[]), grant("anna", "cleo"))
        await house.announce(revoke("anna", first))
        assert rights(house) == ({"calendar": "Editor"}, False, False)
        await house.announce(revoke("anna", "cleo" if first == "bob" else "bob"))
        assert rights(house) == seen(REVIEWER)


@pytest.mark.rule("INV-1")
async def test_a_principal_with_another_mailbox_takes_the_right_along(store: Path) -> None:
    """Given Anna, who gets Cleo's mailbox, then Bob may write there, and in the old one no more than before."""
    async with a_house(store, "anna", "bob", "cleo", options=ON) as house:
        by_hand(house, REVIEWER)
        await house.announce(user("cleo", mailbox=None, emails=[]), grant("anna", "bob"))
        await house.announce(user("anna", mailbox=CLEO, emails=[CLEO]))
        assert rights(house) == seen(REVIEWER)
        assert rights(house, CLEO, BOB) == ({"calendar": "Editor"}, False, False)
        assert said(house, "user") == [("user.changed", "applied", None, ("update", "add"))]


@pytest.mark.rule("INV-1")
async def test_who_is_deleted_in_the_crm_loses_it(store: Path) -> None:
    """Given a delegate whom the CRM knows no more, then he loses it; nobody waits for him, and he may come again."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        await house.announce(grant("anna", "bob"))
        house.broker.append(catalogue.USERS, key=b"u-bob", value=None)
        await house.quiet()
        assert rights(house) is None
        assert ("applied", None, ("remove",)) in [each[1:] for each in said(house)]
        await house.announce(user("bob"))
        assert rights(house) == ({"calendar": "Editor"}, False, False)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"who": "bob", "mailbox": ANNA}, "ErrorDelegateCannotAddOwner"),
        ({"who": "anna", "mailbox": "nobody@bank.example"}, "ErrorNonExistentMailbox"),
    ],
    ids=["own", "none"],
)
async def test_what_exchange_will_not_have_is_said_in_its_words(store: Path, change: dict[str, Any], code: str) -> None:
    """Given a delegate with the principal's own mailbox, or a mailbox that is not there, then nobody is kept waiting
    for an answer.
    """
    async with a_house(store, "anna", "bob", options=ON) as house:
        await house.announce(user(change["who"], mailbox=change["mailbox"], emails=[]))
        await house.announce(grant("anna", "bob"))
        [answer] = said(house)
        assert (answer[1] in ("failed", "held"), answer[2]) == (True, "denied")
        assert because(house) == f"Exchange says {code}"
        await house.announce(revoke("anna", "bob"))
        assert said(house)[-1] == ("delegation.revoked", "applied", None, ())


@pytest.mark.rule("INV-1", "PART-3")
async def test_a_delegate_is_found_under_whichever_name_the_crm_knows_him_by(store: Path) -> None:
    """Given a mailbox that the CRM names by an alias, then its rights are found, kept and given back all the same."""
    people: list[str | dict[str, Any]] = [
        "anna",
        {"name": "Bob", "email": BOB, "password": "bob", "aliases": ["b.braun@bank.example"]},
    ]
    async with a_house(store, *people, options=ON) as house:
        await house.announce(user("bob", mailbox="b.braun@bank.example", emails=[]))
        by_hand(house, SECRETARY)
        await house.announce(grant("anna", "bob"))
        assert rights(house) == ({"calendar": "Editor", "tasks": "Editor"}, True, False)
        await house.announce(revoke("anna", "bob"))
        assert rights(house) == seen(SECRETARY)


# order and versions


@pytest.mark.rule("INV-1")
async def test_a_revoke_that_comes_before_the_grant_wins(store: Path) -> None:
    """Given a revoke of version 2 before the grant of version 1, then the late grant counts for nothing."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        await house.announce(revoke("anna", "bob", version=2))
        await house.announce(grant("anna", "bob", version=1))
        assert rights(house) is None
        assert said(house) == [
            ("delegation.revoked", "skipped", "no_grant", ()),
            ("delegation.granted", "skipped", "stale", ()),
        ]
        await nothing_new(house)
        await house.announce(grant("anna", "bob", version=3))
        assert rights(house) == ({"calendar": "Editor"}, False, False)


@pytest.mark.rule("INV-1")
async def test_a_grant_that_is_revoked_at_once_is_overtaken(store: Path) -> None:
    """Given a grant and its revoke before anybody looked, then both are answered and nobody was a delegate."""
    async with a_house(store, "anna", "bob", options=ON, start=False) as house:
        await house.crm.announce([grant("anna", "bob"), revoke("anna", "bob")])
        async with running(house):
            await house.furnish()
            assert (rights(house), calls(house, *WRITES)) == (None, 0)
            assert said(house) == [
                ("delegation.granted", "skipped", "stale", ()),
                ("delegation.revoked", "applied", None, ()),
            ]


@pytest.mark.rule("INV-1")
async def test_a_key_that_is_deleted_is_a_revoke(store: Path) -> None:
    """Given a grant whose key is gone from the topic, then it stands no more; gone again, nothing is said."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        by_hand(house, REVIEWER)
        await house.announce(grant("anna", "bob"))
        house.broker.append(catalogue.DELEGATIONS, key=b"u-anna:u-bob", value=None)
        await house.quiet()
        assert rights(house) == ({"calendar": "Reviewer"}, False, False)
        assert [each[1:] for each in said(house)][1:] == [("applied", None, ("update",))]
        house.broker.append(catalogue.DELEGATIONS, key=b"u-anna:u-bob", value=None)
        await house.quiet()
        assert len(said(house)) == 2


@pytest.mark.rule("INV-1")
async def test_a_circle_of_grants_is_so_many_grants(store: Path) -> None:
    """Given Anna, Bob and Cleo, each the next one's delegate, then that is all: nobody acts for the one after."""
    async with a_house(store, "anna", "bob", "cleo", options=ON) as house:
        await house.announce(grant("anna", "bob"), grant("bob", "cleo"), grant("cleo", "anna"))
        world = house.sandbox.world.delegates
        assert [list(world.of(each)) for each in (ANNA, BOB, CLEO)] == [[BOB], [CLEO], [ANNA]]
        await house.announce(revoke("bob", "cleo"))
        assert [list(world.of(each)) for each in (ANNA, BOB, CLEO)] == [[BOB], [], [ANNA]]


# by hand


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("prior", [None, REVIEWER], ids=repr)
async def test_a_right_that_somebody_removed_by_hand_is_not_given_back(store: Path, prior: Rights | None) -> None:
    """Given a delegate whom Anna threw out, then the revoke finds nothing; granted again, he is one again."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        by_hand(house, prior)
        await house.announce(grant("anna", "bob"))
        by_hand(house, None)
        await house.announce(revoke("anna", "bob"))
        assert rights(house) is None
        assert said(house)[1:] == [("delegation.revoked", "applied", None, ())]
        await house.announce(grant("anna", "bob"))
        assert rights(house) == ({"calendar": "Editor"}, False, False)
        await house.announce(revoke("anna", "bob"))
        assert rights(house) is None


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(("made_of_it", "wrote"), [(None, ("add",)), (REVIEWER, ("update",)), (EDITOR, ())], ids=repr)
async def test_a_grant_that_is_granted_again_is_made_sure_of(
    store: Path, made_of_it: Rights | None, wrote: tuple[str, ...]
) -> None:
    """Given a delegate whose right somebody removed or lowered by hand, when the CRM grants it once more, he has it
    again; and a revoke leaves him what that somebody wanted.
    """
    async with a_house(store, "anna", "bob", options=ON) as house:
        await house.announce(grant("anna", "bob"))
        by_hand(house, made_of_it)
        await house.announce(grant("anna", "bob"))
        assert rights(house) == ({"calendar": "Editor"}, False, False)
        assert said(house)[1:] == [("delegation.granted", "applied", None, wrote)]
        await house.announce(revoke("anna", "bob"))
        assert rights(house) == (None if made_of_it == EDITOR else seen(made_of_it))


@pytest.mark.rule("INV-1")
async def test_rights_that_somebody_widened_by_hand_go_with_ours(store: Path) -> None:
    """Given a delegate whom Anna let into her tasks, too, then the revoke leaves what was there before the grant."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        by_hand(house, REVIEWER)
        await house.announce(grant("anna", "bob"))
        by_hand(house, Rights({"calendar": "Editor", "tasks": "Editor"}, sees_private=True))
        await house.announce(revoke("anna", "bob"))
        assert rights(house) == ({"calendar": "Reviewer"}, False, False)


# trouble


@pytest.mark.rule("INV-1", "OPS-1")
@pytest.mark.parametrize("whom", [None, "u-anna"])
async def test_a_paused_principal_is_left_alone_until_he_is_resumed(store: Path, whom: str | None) -> None:
    """Given Anna, or everybody, paused, then grants and revokes wait, say so, and take effect on resume."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        await request(house, "pause", user=whom)
        await house.quiet()
        await house.announce(grant("anna", "bob"))
        assert (rights(house), calls(house, *WRITES, "GetDelegate")) == (None, 0)
        assert said(house) == [("delegation.granted", "held", "paused", ())]
        await request(house, "resume", user=whom)
        await house.until(lambda: rights(house) is not None)
        await house.quiet()
        assert said(house)[1:] == [("delegation.granted", "applied", None, ("add",))]
        assert len(set(ids_of(house))) == len(ids_of(house))


@pytest.mark.rule("INV-1", "OPS-1")
async def test_a_grant_revoked_in_a_pause_is_overtaken(store: Path) -> None:
    """Given a grant held back by a pause, when it is revoked, then it has its end, and Exchange is never asked."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        await request(house, "pause")
        await house.quiet()
        await house.announce(grant("anna", "bob"))
        await house.announce(revoke("anna", "bob"))
        await request(house, "resume")
        await house.quiet()
        assert calls(house, *WRITES, "GetDelegate") == 0
        assert [each[1:3] for each in said(house)] == [("held", "paused"), ("skipped", "stale"), ("applied", None)]


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("fault", "held"),
    [
        ({"fault": "access_denied"}, True),
        ({"fault": "server_busy", "back_off_ms": 1500}, False),
        ({"fault": "http_503"}, False),
        ({"fault": "drop_before"}, False),
    ],
    ids=lambda each: each["fault"] if isinstance(each, dict) else "",
)
@pytest.mark.parametrize("operation", ["GetDelegate", "AddDelegate", "RemoveDelegate"])
async def test_exchange_that_does_not_answer_is_asked_again(
    store: Path, fault: dict[str, Any], held: bool, operation: str
) -> None:
    """Given Exchange denying, busy or away at any call, then it is done later; what is denied is said to wait."""
    clock = Clock(house_time())
    async with a_house(store, "anna", "bob", options=ON, clock=clock) as house:
        house.fault(operation=operation, **fault)

        async def settled(count: int) -> None:
            while len([each for each in said(house) if each[1] == "applied"]) < count:
                await house.quiet()
                clock.pass_by(timedelta(minutes=1))

        async with asyncio.timeout(60):
            await house.announce(grant("anna", "bob"))
            await settled(1)
            assert rights(house) == ({"calendar": "Editor"}, False, False)
            await house.announce(revoke("anna", "bob"))
            await settled(2)
        assert rights(house) is None
        expected = [("held", "denied")] * held + [("applied", None)] * 2
        assert sorted(each[1:3] for each in said(house)) == sorted(expected)
        assert [each[3] for each in said(house) if each[1] == "applied"] == [("add",), ("remove",)]


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("operation", ["AddDelegate", "RemoveDelegate", "UpdateDelegate"])
async def test_a_call_whose_answer_was_lost_is_made_once(store: Path, operation: str) -> None:
    """Given an answer that never came, then Exchange is read again, nothing is done twice, and it is said once."""
    clock = Clock(house_time())
    async with a_house(store, "anna", "bob", options=ON, clock=clock) as house:
        prior = REVIEWER if operation == "UpdateDelegate" else None
        by_hand(house, prior)
        house.fault("drop_after", operation=operation)
        wrote = "update" if prior else "add"
        for event, count in ((grant("anna", "bob"), 1), (revoke("anna", "bob"), 2)):
            await house.announce(event)
            async with asyncio.timeout(60):
                while len(said(house)) < count:
                    clock.pass_by(timedelta(minutes=1))
                    await house.quiet()
        assert rights(house) == seen(prior)
        assert [each[3] for each in said(house)] == [(wrote,), ("update" if prior else "remove",)]
        assert calls(house, *WRITES) == 2


@pytest.mark.rule("INV-1")
async def test_whom_exchange_does_not_know_is_refused_for_good(store: Path) -> None:
    """Given a delegate's mailbox that Exchange does not have, then it fails, with Exchange's word for it, once."""
    async with a_house(store, "anna", "bob", options=ON) as house:
        await house.announce(user("bob", mailbox="nobody@bank.example", emails=[]))
        await house.announce(grant("anna", "bob"))
        assert said(house) == [("delegation.granted", "failed", "denied", ())]
        assert "ErrorDelegateNoUser" in because(house)
        await house.daemons[0].reload(house.settings)
        await house.quiet()
        assert len(said(house)) == 1
        await house.announce(user("bob"))
        assert rights(house) == ({"calendar": "Editor"}, False, False)
        await house.announce(revoke("anna", "bob"))
        assert house.sandbox.world.delegates.of(ANNA) == {}


# facts for others


@pytest.mark.rule("INV-1", "INV-2")
async def test_what_is_in_force_and_what_will_be_is_known(store: Path) -> None:
    """Given a grant that waits for Exchange, then it is pending; done, it is in force; revoked, it is neither."""
    clock = Clock(house_time())

    async def known(house: House) -> tuple[bool, bool]:
        def work(tx: Any) -> tuple[bool, bool]:
            in_force = ("u-anna", "u-bob") in delegates.in_force(tx, ["u-anna"])
            return in_force, delegates.is_pending(tx, "u-anna", "u-bob")

        return await house.daemons[0].store.read(work)

    async with a_house(store, "anna", "bob", options=ON, clock=clock) as house:
        assert await known(house) == (False, False)
        house.fault("access_denied", operation="AddDelegate")
        await house.announce(grant("anna", "bob"))
        assert await known(house) == (False, True)
        clock.pass_by(timedelta(hours=1))
        await house.until(lambda: rights(house) is not None)
        await house.quiet()
        assert await known(house) == (True, False)
        await house.announce(options("anna", meeting_invitations=False))
        assert await known(house) == (False, False)
        await house.announce(options("anna", meeting_invitations=True))
        await house.announce(revoke("anna", "bob"))
        assert await known(house) == (False, False)


@pytest.mark.rule("INV-1", "OPT-5")
async def test_an_administrator_asks_why_of_a_pair(store: Path) -> None:
    """Given a grant refused, applied by an option and revoked, then all of it is found by principal and delegate."""
    async with a_house(store, "anna", "bob", "cleo") as house:
        await house.announce(grant("anna", "bob"), grant("anna", "cleo"))
        await house.announce(options("anna", meeting_invitations=True))
        await house.announce(revoke("anna", "bob"))
        known = why.known_of(house.settings.store.url, "u-anna:u-bob").as_data()
        told = [each["outcome"] for each in known["decisions"]]
        assert [(each["result"], each["reason"]) for each in told] == [
            ("refused", "option_off"),
            ("applied", None),
            ("applied", None),
        ]
        assert {entry["about"] for each in told for entry in each["explain"]} == {"u-bob"}


# several daemons, and none


@pytest.mark.rule("INV-1")
async def test_of_several_daemons_one_does_it(tmp_path: Path, postgres_url: str) -> None:
    """Given three daemons on one store, then each grant and each revoke is carried out and answered once."""
    people = ("anna", "bob", "cleo", "dora")
    pairs = [(one, other) for one in people for other in people if one != other]
    async with a_house(postgres_url, *people, options=ON, start=False) as house, AsyncExitStack() as daemons:
        for _ in range(3):
            await daemons.enter_async_context(running(house))
        await house.furnish()
        await house.announce(*(grant(*pair) for pair in pairs))
        assert sum(len(house.sandbox.world.delegates.of(f"{each}@bank.example")) for each in people) == len(pairs)
        await house.announce(options("anna", meeting_invitations=False), *(revoke("bob", each) for each in people[2:]))
        assert [len(house.sandbox.world.delegates.of(each)) for each in (ANNA, BOB, CLEO)] == [0, 1, 3]
        assert calls(house, "AddDelegate") == len(pairs)
        assert calls(house, "RemoveDelegate") == 3 + 2
        assert len(said(house)) == len(pairs) + 3 + 2
        assert len(set(ids_of(house))) == len(ids_of(house))


def play(prior: Rights | None, *, revoked: bool) -> Play:
    """A grant, or its revoke, for Bob, who had these rights before."""

    async def given(house: House) -> str:
        await house.announce(options(meeting_invitations=True), revoke("anna", "bob"))
        by_hand(house, prior)
        if revoked:
            await house.announce(grant("anna", "bob"))
        return "u-anna:u-bob"

    async def happens(house: House, name: str) -> str:
        await house.crm.announce([revoke("anna", "bob") if revoked else grant("anna", "bob")])
        return name

    async def holds(house: House, born: Daemon, name: str) -> None:
        kept = await born.store.read(lambda tx: delegates.of(tx, Pair("u-anna", "u-bob")))
        wrote = [each for each in said(house) if each[1] == "applied"][-1]
        if revoked:
            assert rights(house) == seen(prior), f"left with {rights(house)}"
            assert kept.turn == 0, "something is still remembered"
            assert wrote == ("delegation.revoked", "applied", None, ("update" if prior else "remove",))
            return
        folders = dict(prior.levels if prior else {}) | {"calendar": "Editor"}
        assert rights(house) == (folders, prior.receives_copies if prior else False, False)
        assert kept.done.state.value == "granted"
        before = kept.done.prior
        levels = (before.calendar, before.tasks) if before else None
        assert levels == ((prior.level("calendar"), prior.level("tasks")) if prior else None), "prior rights are lost"
        assert wrote == ("delegation.granted", "applied", None, ("update" if prior else "add",))

    return Play(given, happens, holds)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("revoked", [False, True], ids=["grant", "revoke"])
@pytest.mark.parametrize("prior", [None, SECRETARY], ids=["new", "known"])
async def test_killed_anywhere_it_is_done_once_and_what_was_before_is_not_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], prior: Rights | None, revoked: bool
) -> None:
    """Given a daemon killed at each await of a grant, or a revoke, then the next one ends it, and gives back what was
    there before us.
    """
    awaits = await killed_everywhere(tmp_path / "store.sqlite", play(prior, revoked=revoked), capsys)
    assert {"Limits._in_thread", "Publisher._publish"} <= awaits.keys()
    assert any("Delegating" in place or "Arranging" in place for place in awaits)
