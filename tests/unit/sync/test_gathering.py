"""The gatherer: who people are is looked up in the directory, and Exchange is asked for the names it does not know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.store import directory
from daemon.store.directory import ContactRecord, Source
from daemon.sync.gathering import Gatherer
from handlers.facts import Facts, User
from handlers.links import Replica
from handlers.policy import Policy
from schemas import catalogue
from schemas.copies import Attendee, Copy, Role
from tests.support.instant import InstantExchange
from tests.support.world import a_link, a_meeting, a_user, x500
from tests.unit.sync.parts import Desk

ANNA, BOB = a_user("u-anna"), a_user("u-bob", emails=("bob@bank.example", "bob.braun@bank.example"))


async def furnish(desk: Desk, *people: User | ContactRecord) -> None:
    """These are known to the CRM."""
    for offset, person in enumerate(people):
        if isinstance(person, User):
            at = Source(catalogue.USERS, 0, offset)
            await desk.store.write(lambda tx, person=person, at=at: directory.put_user(tx, person, at=at))
        else:
            at = Source(catalogue.CONTACTS, 0, offset)
            await desk.store.write(lambda tx, person=person, at=at: directory.put_contact(tx, person, at=at))


async def around(desk: Desk, copy: Copy | None, exchange: InstantExchange, **about: object) -> Facts:
    gatherer = Gatherer(desk.store, exchange, Policy)
    return await gatherer.around(copy, link=replace(a_link(), **about), holder=ANNA)


def asked(exchange: InstantExchange) -> list[str]:
    """The names Exchange was asked to resolve."""
    return [name for call in exchange.calls if call.operation == "resolve" for name in call.asked]


async def test_people_are_found_by_their_addresses(desk: Desk) -> None:
    """Users and contacts, in one look-up, and Exchange is not asked."""
    await furnish(desk, ANNA, BOB, ContactRecord("c-carla", ("carla@client.example",)))
    exchange = InstantExchange()
    facts = await around(desk, a_meeting(organizer=ANNA, attendees=[BOB, "carla@client.example"]), exchange)
    assert [user.id for user in facts.users["bob@bank.example"]] == ["u-bob"]
    assert [contact.id for contact in facts.contacts["carla@client.example"]] == ["c-carla"]
    assert facts.by_id.keys() == {"u-anna", "u-bob"}
    assert asked(exchange) == []


@pytest.mark.rule("PART-4")
async def test_an_x500_name_is_resolved_and_then_looked_up(desk: Desk) -> None:
    """Bob, of whom the copy holds only his X500 name, is found by the address that Exchange gives."""
    await furnish(desk, ANNA, BOB)
    exchange, bob = InstantExchange(), x500("Bob Braun")
    exchange.names[bob.address] = ("bob@bank.example",)
    facts = await around(desk, a_meeting(organizer=ANNA, attendees=[bob]), exchange)
    assert facts.resolved == {bob.address.casefold(): ("bob@bank.example",)}
    assert [user.id for user in facts.users["bob@bank.example"]] == ["u-bob"]


@pytest.mark.rule("PART-3")
async def test_an_alias_that_the_crm_does_not_know_is_resolved(desk: Desk) -> None:
    """An address of the bank's that nobody has may be an alias of somebody's."""
    await furnish(desk, ANNA, BOB)
    exchange = InstantExchange()
    exchange.names["b.braun@bank.example"] = ("bob@bank.example", "b.braun@bank.example")
    facts = await around(desk, a_meeting(organizer=ANNA, attendees=["b.braun@bank.example"]), exchange)
    assert [user.id for user in facts.users["bob@bank.example"]] == ["u-bob"]


@pytest.mark.rule("PART-3")
async def test_a_stranger_from_elsewhere_is_not_asked_for(desk: Desk) -> None:
    """Exchange's directory knows the bank's own people only, and calls are dear."""
    await furnish(desk, ANNA)
    exchange = InstantExchange()
    await around(desk, a_meeting(organizer=ANNA, attendees=["x@else.example"]), exchange)
    assert asked(exchange) == []


@pytest.mark.rule("PART-4")
async def test_a_display_name_is_never_resolved(desk: Desk) -> None:
    """Two people may bear it: somebody without any address stays who he is."""
    await furnish(desk, ANNA, BOB)
    exchange = InstantExchange()
    exchange.names["Bob Braun"] = ("bob@bank.example",)
    nameless = [Attendee(Role.REQUIRED, "Bob Braun", "", routing) for routing in ("EX", "SMTP")]
    facts = await around(desk, a_meeting(organizer=ANNA, attendees=nameless), exchange)
    assert asked(exchange) == []
    assert "bob@bank.example" not in facts.users


async def test_whoever_the_link_remembers_is_known_without_being_invited(desk: Desk) -> None:
    """The master, whom the copy need not name, and the options of all of them."""
    await furnish(desk, ANNA, BOB)
    at = Source(catalogue.OPTIONS, 0, 0)
    scope = "user:u-bob"
    await desk.store.write(lambda tx: directory.put_options(tx, scope, {"for_contacts.inbound": False}, at=at))
    facts = await around(desk, None, InstantExchange(), master="u-bob")
    assert facts.by_id.keys() == {"u-anna", "u-bob"}
    assert facts.options[scope] == {"for_contacts.inbound": False}


async def test_what_is_known_of_the_same_people_holds_for_another_copy(desk: Desk) -> None:
    exchange = InstantExchange()
    await furnish(desk, ANNA, BOB)
    gatherer = Gatherer(desk.store, exchange, Policy)
    meeting = a_meeting(organizer=ANNA, attendees=[BOB])
    known = await gatherer.around(meeting, link=a_link(), holder=ANNA)

    again = await gatherer.around(replace(meeting, subject="Moved"), link=a_link(), holder=BOB, known=known)

    assert again is known


@pytest.mark.parametrize("more", ["attendee", "replica"])
async def test_somebody_more_is_looked_up(desk: Desk, more: str) -> None:
    exchange = InstantExchange()
    await furnish(desk, ANNA, BOB)
    gatherer = Gatherer(desk.store, exchange, Policy)
    known = await gatherer.around(a_meeting(organizer=ANNA), link=a_link(), holder=ANNA)
    copy = a_meeting(organizer=ANNA, attendees=[BOB] if more == "attendee" else [])
    replicas = (Replica("bob@bank.example", BOB.id, "AAMk"),) if more == "replica" else ()

    facts = await gatherer.around(copy, link=a_link(replicas=replicas), holder=ANNA, known=known)

    assert BOB.id in facts.by_id


async def test_names_are_asked_for_again_though_the_same_people_were_known(desk: Desk) -> None:
    """Another mailbox may be answered otherwise."""
    exchange = InstantExchange()
    await furnish(desk, ANNA, BOB)
    gatherer = Gatherer(desk.store, exchange, Policy)
    meeting = a_meeting(organizer=ANNA, attendees=[x500("Bob")])
    known = await gatherer.around(meeting, link=a_link(), holder=ANNA)

    await gatherer.around(meeting, link=a_link(), holder=BOB, known=known)

    assert len(asked(exchange)) == 2
