"""The mailboxes themselves: determinism, changes, folders people made."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.exchange.changelog import Entry
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.items import Change, ChangeKind, Draft, Folder, Item
from daemon.sandbox.exchange.outsiders import OutsideMeeting, happen
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.world import World
from daemon.sandbox.people import People
from tests.unit.sandbox.bank import PEOPLE

MOMENT = datetime(2026, 11, 23, 8, tzinfo=UTC)
DRAFT = Draft(ItemKind.CALENDAR_ITEM, {"Subject": "Review", "UID": "uid-1", "Start": MOMENT, "End": MOMENT})


def a_world(*, seed: int = 0) -> tuple[World, list[Change]]:
    changes: list[Change] = []
    return World(People.read(PEOPLE), clock=lambda: MOMENT, seed=seed, on_change=changes.append), changes


def a_day(world: World) -> list[str]:
    """Things that happen, and the ids that come of them."""
    outside = OutsideMeeting.model_validate(
        {
            "organizer": {"email": "olga@client.example"},
            "attendees": [{"email": "desk@bank.example"}, {"email": "room4@bank.example"}],
            "start": MOMENT,
            "end": MOMENT,
        }
    )
    happen(world, outside)
    return [part for item in world for part in (item.id, item.change_key, item.uid)]


def test_the_same_seed_makes_the_same_world():
    """Ids, change keys and UIDs; another seed makes others."""
    (first, _), (second, _), (third, _) = a_world(), a_world(), a_world(seed=1)
    told = a_day(first)
    assert told == a_day(second)
    assert not set(told) & set(a_day(third))


def test_each_step_of_an_item_is_a_change():
    """Created, modified, moved under a new id, deleted."""
    world, changes = a_world()
    item = world.create(world.folder("anna@bank.example", "calendar"), DRAFT, by="Anna")
    item = world.modify(item, {"Subject": "New"}, by="Anna")
    moved = world.move(item, world.folder("anna@bank.example", "deleteditems"))
    world.delete(moved)
    kinds = [(each.kind, each.folder, each.item_id, each.old_item_id) for each in changes]
    assert kinds == [
        (ChangeKind.CREATED, "calendar", item.id, None),
        (ChangeKind.MODIFIED, "calendar", item.id, None),
        (ChangeKind.MODIFIED, "calendar", item.id, None),
        (ChangeKind.MODIFIED, "calendar", item.id, None),
        (ChangeKind.MOVED, "deleted_items", moved.id, item.id),
        (ChangeKind.MODIFIED, "deleted_items", moved.id, None),
        (ChangeKind.DELETED, "deleted_items", moved.id, None),
    ]


def test_a_modified_item_is_another_value():
    """What was read before stays as it was."""
    world, _ = a_world()
    before = world.create(world.folder("anna@bank.example", "calendar"), DRAFT, by="Anna")
    after = world.modify(before, {"Subject": None}, by="Bob")
    assert (before.get("Subject"), after.get("Subject")) == ("Review", None)
    assert before.change_key != after.change_key
    assert (before.search_key, before.id) == (after.search_key, after.id)


def test_a_folder_that_people_made_is_another_folder():
    """An item in it is in the mailbox, but not in the calendar."""
    world, changes = a_world()
    private = world.make_folder("a.adler@bank.example", "Private")
    item = world.create(private, DRAFT, by="Anna")
    assert world.items("anna@bank.example") == [item]
    assert world.items("anna@bank.example", "calendar") == []
    assert {each.folder for each in changes} == {"other"}


@pytest.mark.parametrize("address", ["nobody@bank.example", "xaver@else.example", "desk@bank.example"])
def test_not_everybody_has_a_mailbox(address: str):
    """Outsiders and lists have none."""
    world, _ = a_world()
    with pytest.raises(EwsError, match="ErrorNonExistentMailbox"):
        world.items(address)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("create", "modify", "read", "move", "delete", "synchronize")),
        st.integers(0, 20),
        st.integers(1, 3),
    ),
    max_size=40,
)


@given(STEPS)
def test_who_follows_the_log_page_by_page_ends_with_what_is_there(steps: list[tuple[str, int, int]]):
    """Whatever happens between two pages of a synchronization."""
    world, _ = a_world()
    folders = [world.folder("anna@bank.example", name) for name in ("calendar", "deleteditems")]
    mirrors = [Mirror(world, folder) for folder in folders]
    for step, choice, limit in steps:
        items = world.items("anna@bank.example")
        if step == "create":
            world.create(folders[0], DRAFT, by="Anna")
        elif step == "synchronize":
            mirrors[choice % 2].follow(limit)
        elif items:
            item = items[choice % len(items)]
            if step in ("modify", "read"):
                world.modify(
                    item, {"Subject": str(choice)} if step == "modify" else {"IsRead": choice % 2 == 0}, by="A"
                )
            elif step == "move":
                world.move(item, folders[choice % 2])
            else:
                world.delete(item)
    for mirror, folder in zip(mirrors, folders, strict=True):
        while mirror.follow(2):
            pass
        assert mirror.held == {item.id: item for item in world.items("anna@bank.example", folder)}


class Mirror:
    """A client's copy of a folder."""

    def __init__(self, world: World, folder: Folder) -> None:
        self.held: dict[str, Item] = {}
        self._world = world
        self._folder = folder
        self._position = 0

    def follow(self, limit: int) -> bool:
        """Takes over the next differences; whether there are more."""
        pending = self._world.log.since(self._folder.id, self._position)
        for difference in pending[:limit]:
            if difference.entry is Entry.DELETE:
                self.held.pop(difference.item_id, None)
            else:
                self.held[difference.item_id] = self._world.item(self._folder.mailbox, difference.item_id)
        is_last = len(pending) <= limit
        self._position = self._world.log.position(self._folder.id) if is_last else pending[limit - 1].position
        return not is_last
