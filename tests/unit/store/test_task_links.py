"""One task is one link, whoever comes first."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from daemon.store import tables, task_links
from daemon.store.errors import Stale, Taken
from daemon.store.store import Store
from handlers.links import State
from handlers.task_links import TaskContent, TaskLink, TaskReplica
from schemas.items import External, ForEntry, Recurrence, Related
from schemas.tasks import Task
from tests.unit.store.items import every_field, instants, numbers, patient, some, texts_of

ANNAS = TaskReplica("anna@bank.example", "u-anna", item_id="AAMk-1", change_key="ck", search_key="AB01")
BOBS = TaskReplica("bob@bank.example", "u-bob", item_id="AAMk-2", live=False)
CLEOS = TaskReplica("cleo@bank.example", "u-cleo", held=TaskContent(), until=datetime(2026, 12, 1, 9, tzinfo=UTC))


def a_link(**values: object) -> TaskLink:
    """A link of Anna's task, which Bob has deleted and Cleo is to have."""
    known = {"id": "t-1", "crm_id": "task-1", "state": State.ACTIVE, "replicas": (ANNAS, BOBS, CLEOS)}
    return TaskLink(**(known | values))  # type: ignore[arg-type]


_contents = every_field(
    TaskContent, **texts_of(TaskContent), alarm=st.lists(st.none() | instants, max_size=1).map(tuple)
)
_tasks = every_field(
    Task,
    for_=some(every_field(ForEntry)),
    external=st.none() | some(every_field(External)),
    related=some(every_field(Related)),
    recurrence=st.none() | every_field(Recurrence),
    alarms=some(st.tuples(st.text(), st.none() | instants)),
)
_copies = every_field(
    TaskReplica,
    **texts_of(TaskReplica),
    shown=st.none() | _contents,
    held=st.none() | _contents,
    attempt=st.none() | _contents,
    until=st.none() | instants,
)
_links = every_field(
    TaskLink,
    **texts_of(TaskLink),
    version=st.just(0),
    crm_version=numbers,
    crm_revision=numbers,
    revision=numbers,
    agreed=st.none() | _tasks,
    crm=st.none() | _tasks,
    told=st.none() | _tasks,
    replicas=st.lists(_copies, max_size=3, unique_by=(lambda each: each.user, lambda each: each.mailbox)).map(
        lambda found: tuple(sorted(found, key=lambda each: each.user.encode()))
    ),
)


@patient
@given(link=_links)
def test_any_task_link_comes_back_equal(tx: Connection, link: TaskLink) -> None:
    """Every field of the link and of its copies is stored; the copies in whatever order a database sorts users."""
    savepoint = tx.begin_nested()
    saved = task_links.save(tx, link)
    found = task_links.by_id(tx, link.id)

    assert saved == replace(link, version=1)
    assert found is not None
    assert replace(found, replicas=()) == replace(saved, replicas=())
    assert set(found.replicas) == set(saved.replicas)
    savepoint.rollback()


def test_every_field_has_a_column() -> None:
    """A field that is added without a column would be lost silently."""
    assert {f.name for f in fields(TaskLink)} - {"replicas"} == set(tables.task_links.c.keys())
    assert {f.name for f in fields(TaskReplica)} | {"link_id"} == set(tables.task_replicas.c.keys())


@pytest.mark.rule("ID-7")
def test_a_task_is_found_by_its_crm_id_a_copy_or_a_search_key(tx: Connection) -> None:
    """It has no UID. A blank search key finds nothing."""
    saved = task_links.save(tx, a_link())

    assert task_links.by_id(tx, "t-1") == saved
    assert task_links.by_crm_id(tx, "task-1") == saved
    assert task_links.by_replica(tx, "bob@bank.example", "AAMk-2") == saved
    assert task_links.by_replica(tx, "bob@bank.example", "aamk-2") is None
    assert task_links.by_replica(tx, "anna@bank.example", "AAMk-2") is None
    assert task_links.by_search_key(tx, "anna@bank.example", "AB01") == saved
    assert task_links.by_search_key(tx, "bob@bank.example", "AB01") is None
    assert task_links.by_search_key(tx, "cleo@bank.example", "") is None


def test_the_version_grows_and_an_old_one_is_refused(tx: Connection) -> None:
    """Who decided on what is no longer so must decide again."""
    first = task_links.save(tx, a_link())
    second = task_links.save(tx, replace(first, agreed=Task(subject="Call", due=date(2026, 12, 4)), replicas=(ANNAS,)))

    with pytest.raises(Stale):
        task_links.save(tx, replace(first, reported="from the older state"))
    with pytest.raises(Stale):
        task_links.save(tx, a_link())

    assert task_links.by_id(tx, "t-1") == second


@pytest.mark.rule("ID-2")
@pytest.mark.parametrize(
    "other",
    [a_link(id="t-2", replicas=()), a_link(id="t-2", crm_id="task-2", replicas=(ANNAS,))],
    ids=["crm id", "copy"],
)
def test_two_task_links_never_hold_the_same(tx: Connection, other: TaskLink) -> None:
    """The same CRM task or copy on two links would be one task twice."""
    task_links.save(tx, a_link())

    with pytest.raises(Taken, match="t-2") as refused, tx.begin_nested():
        task_links.save(tx, other)

    assert "anna@bank.example" not in str(refused.value)
    assert task_links.by_id(tx, "t-2") is None


def test_copies_that_are_still_to_be_made_collide_with_none(tx: Connection) -> None:
    """They have no item id yet, in one mailbox for several tasks."""
    task_links.save(tx, a_link(replicas=(CLEOS,)))
    task_links.save(tx, a_link(id="t-2", crm_id="task-2", replicas=(CLEOS,)))

    assert task_links.by_id(tx, "t-2") is not None


@pytest.mark.rule("DEL-5")
async def test_a_tombstone_outlives_the_process(url: str) -> None:
    """What was deleted is still known as deleted, with its last revision, after a restart."""
    tombstone = a_link(state=State.DELETED, revision=2**32 + 7, crm=Task(subject="Call"))
    store = await Store.open(url)
    saved = await store.write(lambda tx: task_links.save(tx, tombstone))
    await store.close()

    store = await Store.open(url)
    found = await store.read(lambda tx: task_links.by_crm_id(tx, "task-1"))
    await store.close()

    assert found == saved
