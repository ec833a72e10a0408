"""One meeting is one link, whoever comes first."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from sqlalchemy import Connection

from daemon.store import links, tables
from daemon.store.errors import Stale, Taken
from daemon.store.store import Store
from handlers.links import Link, Replica, State
from schemas.items import Response, ScheduleItem
from tests.unit.store import items

ANNAS = Replica("anna@bank.example", "u-anna", "AAMkAD-1", change_key="ck", response=Response.ORGANIZER)
BOBS = Replica("bob@bank.example", "u-bob", "AAMkAD-2", live=False, reported="f00d")


def a_link(**values: object) -> Link:
    """A link of Anna's meeting with Bob."""
    known = {"id": "l-1", "uid": "0400", "crm_id": "si-1", "state": State.ACTIVE, "replicas": (ANNAS, BOBS)}
    return Link(**(known | values))  # type: ignore[arg-type]


@items.patient
@given(link=items.links)
def test_any_link_comes_back_equal(tx: Connection, link: Link) -> None:
    """Every field of the link and of its replicas is stored."""
    savepoint = tx.begin_nested()
    saved = links.save(tx, link)

    assert saved == replace(link, version=1)
    assert links.by_id(tx, link.id) == saved
    savepoint.rollback()


def test_every_field_has_a_column() -> None:
    """A field that is added to a link without a column would be lost silently."""
    assert {f.name for f in fields(Link)} - {"replicas"} == set(tables.links.c.keys())
    assert {f.name for f in fields(Replica)} | {"link_id", "position"} == set(tables.replicas.c.keys())


@pytest.mark.rule("ID-1", "ID-2")
def test_a_link_is_found_by_whatever_is_known_of_the_meeting(tx: Connection) -> None:
    """By its id, UID, CRM id, or any mailbox's copy."""
    saved = links.save(tx, a_link())

    assert links.by_id(tx, "l-1") == saved
    assert links.by_uid(tx, "0400") == saved
    assert links.by_crm_id(tx, "si-1") == saved
    assert links.by_replica(tx, "bob@bank.example", "AAMkAD-2") == saved


def test_what_is_unknown_is_none(tx: Connection) -> None:
    """Also another mailbox's copy with the same item id, and an id in another case."""
    links.save(tx, a_link())

    assert links.by_id(tx, "l-2") is None
    assert links.by_uid(tx, "0401") is None
    assert links.by_crm_id(tx, "si-2") is None
    assert links.by_replica(tx, "carol@bank.example", "AAMkAD-2") is None
    assert links.by_replica(tx, "bob@bank.example", "aamkad-2") is None


def test_the_version_grows_and_an_old_one_is_refused(tx: Connection) -> None:
    """Who decided on what is no longer so must decide again."""
    first = links.save(tx, a_link())
    second = links.save(tx, replace(first, content="later"))

    with pytest.raises(Stale):
        links.save(tx, replace(first, content="from the older state"))

    assert second.version == 2
    assert links.by_id(tx, "l-1") == second


def test_a_new_link_is_refused_where_there_is_one(tx: Connection) -> None:
    """Two first hints of one meeting: the second finds the link of the first."""
    links.save(tx, a_link())

    with pytest.raises(Stale):
        links.save(tx, a_link())


def test_saving_what_was_never_stored_is_refused(tx: Connection) -> None:
    """A link that vanished (the store was restored) is not brought back by an update."""
    with pytest.raises(Stale):
        links.save(tx, a_link(version=3))


@pytest.mark.rule("ID-2")
@pytest.mark.parametrize(
    "other",
    [
        a_link(id="l-2", crm_id="si-2", replicas=()),
        a_link(id="l-2", uid="0401", replicas=()),
        a_link(id="l-2", uid="0401", crm_id="si-2", replicas=(ANNAS,)),
    ],
    ids=["uid", "crm id", "copy"],
)
def test_two_links_never_hold_the_same(tx: Connection, other: Link) -> None:
    """The same UID, CRM item or copy on two links would be one meeting twice."""
    links.save(tx, a_link())

    with pytest.raises(Taken, match="l-2") as refused, tx.begin_nested():
        links.save(tx, other)

    assert "anna@bank.example" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert links.by_id(tx, "l-2") is None


def test_a_link_without_uid_or_crm_id_collides_with_none(tx: Connection) -> None:
    """Tasks have no UID, and what is not in the CRM has no CRM id (ID-7)."""
    links.save(tx, a_link(uid=None, crm_id=None, replicas=()))
    links.save(tx, a_link(id="l-2", uid=None, crm_id=None, replicas=()))

    assert links.by_id(tx, "l-2") is not None


def test_replicas_are_exactly_those_saved_last(tx: Connection) -> None:
    """In their order; a copy that moved has its new item id, one that went is gone."""
    first = links.save(tx, a_link())
    moved = replace(BOBS, item_id="AAMkAD-9")

    saved = links.save(tx, replace(first, replicas=(moved, ANNAS)))

    assert links.by_id(tx, "l-1") == saved
    assert saved.replicas == (moved, ANNAS)
    assert links.by_replica(tx, "bob@bank.example", "AAMkAD-2") is None
    links.save(tx, replace(saved, replicas=(moved,)))
    assert links.by_replica(tx, "anna@bank.example", "AAMkAD-1") is None


@pytest.mark.rule("ID-2")
async def test_two_hints_at_the_same_instant_make_one_link(store: Store) -> None:
    """Both read nothing, both want to create; one is told so and finds the other's."""
    mine = a_link(replicas=(ANNAS,))
    yours = a_link(replicas=(BOBS,))

    first = await store.write(lambda tx: links.save(tx, mine))
    with pytest.raises(Stale):
        await store.write(lambda tx: links.save(tx, yours))

    assert await store.read(lambda tx: links.by_uid(tx, "0400")) == first


@pytest.mark.rule("DEL-5")
async def test_a_tombstone_outlives_the_process(url: str) -> None:
    """What was deleted is still known as deleted, with its last revision, after a restart."""
    tombstone = a_link(state=State.DELETED, revision=2**32 + 7, crm=ScheduleItem(subject="Review"))
    store = await Store.open(url)
    saved = await store.write(lambda tx: links.save(tx, tombstone))
    await store.close()

    store = await Store.open(url)
    found = await store.read(lambda tx: links.by_uid(tx, "0400"))
    await store.close()

    assert found == saved
