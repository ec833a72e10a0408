"""The directory answers by address and id what its topics told last."""

from __future__ import annotations

import functools
from dataclasses import fields
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection, event

from daemon.store import directory, tables
from daemon.store.directory import ContactRecord, Node, Source
from daemon.store.store import Store
from handlers.facts import Contact, User
from schemas.addresses import normalise
from tests.unit.store.items import patient

ANNA = User(
    id="u-anna",
    name="Anna Adler",
    addresses=("anna@bank.example", "a.adler@bank.example"),
    mailbox="anna@bank.example",
    user_type="advisor",
    node_ids=("branch-12",),
    groups=("desk-3",),
)
CARLA = ContactRecord(
    id="c-7",
    emails=("carla@client.example",),
    node="branch-12",
    coverage_users=("u-anna",),
    coverage_groups=("desk-3",),
    view="group",
    view_groups=("desk-3", "desk-4"),
    created_by="u-anna",
)

offsets = count(1)


def at(offset: int | None = None, *, partition: int = 0, version: int | None = 1) -> Source:
    """Where a record lies; without an offset, behind all others."""
    return Source("crm.any", partition, next(offsets) if offset is None else offset, version=version)


def put(tx: Connection, *things: User | ContactRecord | Node) -> None:
    """What the topics tell, one after the other."""
    for thing in things:
        match thing:
            case User():
                assert directory.put_user(tx, thing, at=at())
            case Node():
                assert directory.put_node(tx, thing, at=at())
            case ContactRecord():
                assert directory.put_contact(tx, thing, at=at())


def ids_at(tx: Connection, address: str) -> list[str]:
    """The contacts found by an address."""
    return [contact.id for contact in directory.contacts_by_address(tx, [address])[address]]


def test_a_user_comes_back_as_he_was_told(tx: Connection) -> None:
    """By each of his addresses, and by id."""
    put(tx, ANNA)

    found = directory.users_by_address(tx, ["anna@bank.example", "a.adler@bank.example", "no@bank.example"])

    assert found == {"anna@bank.example": (ANNA,), "a.adler@bank.example": (ANNA,), "no@bank.example": ()}
    assert directory.users_by_id(tx, ["u-anna", "u-nobody"]) == {"u-anna": ANNA}


@pytest.mark.rule("VIS-3")
def test_a_contact_comes_back_as_he_was_told(tx: Connection) -> None:
    """With the path of his node; without one as long as nobody told where the node lies."""
    put(tx, CARLA)
    unplaced = Contact(
        id="c-7",
        addresses=("carla@client.example",),
        coverage_users=frozenset({"u-anna"}),
        coverage_groups=frozenset({"desk-3"}),
        view="group",
        view_groups=frozenset({"desk-3", "desk-4"}),
        created_by="u-anna",
    )
    assert directory.contacts_by_address(tx, ["carla@client.example"]) == {"carla@client.example": (unplaced,)}

    put(tx, Node("branch-12", "division-2"), Node("division-2", None))

    (carla,) = directory.contacts_by_address(tx, ["carla@client.example"])["carla@client.example"]
    assert carla.node_path == ("division-2", "branch-12")


def test_every_fact_has_a_column() -> None:
    """A field that is added to a user or contact without a column would be lost silently."""
    as_stated = {"emails", "stated_mailbox"}
    assert {f.name for f in fields(User)} == set(tables.users.c.keys()) - as_stated
    assert {f.name for f in fields(ContactRecord)} == set(tables.contacts.c.keys()) - {"addresses"}
    elsewhere = {"emails", "node", "merged_into"}
    assert {f.name for f in fields(Contact)} - {"node_path"} == set(tables.contacts.c.keys()) - elsewhere


@pytest.mark.rule("PART-3")
def test_addresses_are_stored_and_asked_for_in_any_spelling(tx: Connection) -> None:
    """Both sides are brought to one form, and the answer stands under what was asked."""
    put(
        tx,
        User(id="u-eve", addresses=("mailto:Eve@Bank.Example", "EVE@bank.example"), mailbox=" Eve.Box@BANK.example "),
    )

    asked = "Eve <eve@BANK.EXAMPLE>"
    (eve,) = directory.users_by_address(tx, [asked])[asked]

    assert eve.addresses == ("eve@bank.example",)
    assert eve.mailbox == "eve.box@bank.example"


@pytest.mark.rule("PART-3")
def test_what_is_no_address_matches_nobody(tx: Connection) -> None:
    """An X500 name in a contact's list is not an address, and neither is a blank."""
    x500 = "/o=Bank/ou=Exchange/cn=Recipients/cn=carla"
    put(tx, ContactRecord(id="c-1", emails=(x500, "", "carla@client.example")))

    assert directory.contacts_by_address(tx, [x500, ""]) == {x500: (), "": ()}
    assert ids_at(tx, "carla@client.example") == ["c-1"]


def test_a_user_is_found_by_his_mailbox_also_if_it_is_not_among_his_addresses(tx: Connection) -> None:
    """An active CRM user is recognised by `emails` or `mailbox`."""
    put(tx, User(id="u-bob", addresses=("bob@bank.example",), mailbox="bob@mail.bank.example"))

    assert [user.id for user in directory.users_by_address(tx, ["bob@mail.bank.example"])["bob@mail.bank.example"]] == [
        "u-bob"
    ]


def test_changed_addresses_are_found_and_former_ones_are_not(tx: Connection) -> None:
    """The index follows the record."""
    put(tx, ANNA, CARLA)
    put(tx, User(id="u-anna", addresses=("anna@new.example",)), ContactRecord(id="c-7", emails=("carla@new.example",)))

    assert directory.users_by_address(tx, ["anna@bank.example"])["anna@bank.example"] == ()
    assert ids_at(tx, "carla@client.example") == []
    assert ids_at(tx, "carla@new.example") == ["c-7"]


def test_who_is_deleted_is_not_found(tx: Connection) -> None:
    """Neither by address nor by id."""
    put(tx, ANNA, CARLA)
    directory.delete_user(tx, "u-anna", at=at())
    directory.delete_contact(tx, "c-7", at=at())

    assert directory.users_by_id(tx, ["u-anna"]) == {}
    assert directory.users_by_address(tx, ["anna@bank.example"]) == {"anna@bank.example": ()}
    assert ids_at(tx, "carla@client.example") == []


@pytest.mark.rule("PART-2")
def test_all_contacts_of_one_address_are_found_in_order_of_id(tx: Connection) -> None:
    """Whoever shares an address is meant; who is inactive is not."""
    shared = ("office@client.example",)
    put(tx, *(ContactRecord(id=each, emails=shared, active=each != "c-2") for each in ("c-3", "c-1", "c-2")))

    assert ids_at(tx, "office@client.example") == ["c-1", "c-3"]


def test_users_of_one_address_are_found_active_or_not_in_order_of_id(tx: Connection) -> None:
    """Who of them counts is not decided here."""
    shared = ("desk@bank.example",)
    put(tx, *(User(id=each, addresses=shared, active=each != "u-1") for each in ("u-2", "u-1")))

    assert [u.id for u in directory.users_by_address(tx, shared)["desk@bank.example"]] == ["u-1", "u-2"]


@pytest.mark.rule("PART-1")
def test_a_merged_contact_is_found_as_whom_he_was_merged_into(tx: Connection) -> None:
    """Over several merges, each survivor once, under the address asked for."""
    put(
        tx,
        ContactRecord(id="c-1", emails=("carla@old.example",), active=False, merged_into="c-2"),
        ContactRecord(id="c-2", emails=("carla@client.example",), active=False, merged_into="c-3"),
        ContactRecord(id="c-3", emails=("carla@client.example", "carla@new.example")),
    )

    assert ids_at(tx, "carla@old.example") == ["c-3"]
    assert ids_at(tx, "carla@client.example") == ["c-3"]


@pytest.mark.rule("PART-1")
def test_merges_that_lead_nowhere_find_nobody(tx: Connection) -> None:
    """A circle, an unknown survivor, an inactive one, an endless chain."""
    put(
        tx,
        ContactRecord(id="c-1", emails=("circle@client.example",), merged_into="c-2"),
        ContactRecord(id="c-2", merged_into="c-1"),
        ContactRecord(id="c-3", emails=("unknown@client.example",), merged_into="c-99"),
        ContactRecord(id="c-4", emails=("inactive@client.example",), merged_into="c-5"),
        ContactRecord(id="c-5", active=False),
        ContactRecord(id="c-6", emails=("itself@client.example",), merged_into="c-6"),
        ContactRecord(id="m-0", emails=("chain@client.example",), merged_into="m-1"),
        *(ContactRecord(id=f"m-{n}", merged_into=f"m-{n + 1}") for n in range(1, 40)),
        ContactRecord(id="m-40"),
    )

    for name in ("circle", "unknown", "inactive", "itself", "chain"):
        assert ids_at(tx, f"{name}@client.example") == [], name


def test_a_meeting_of_two_hundred_is_looked_up_in_few_statements(tx: Connection) -> None:
    """Look-ups are made in batches; everybody is found."""
    put(tx, *(ContactRecord(id=f"c-{n}", emails=(f"c{n}@client.example",)) for n in range(200)))
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(tx, "before_cursor_execute", note)
    asked = [f"c{n}@client.example" for n in range(200)]
    found = directory.contacts_by_address(tx, [*asked, *asked])
    event.remove(tx, "before_cursor_execute", note)

    assert {address: [c.id for c in contacts] for address, contacts in found.items()} == {
        f"c{n}@client.example": [f"c-{n}"] for n in range(200)
    }
    assert len(statements) == 4


def test_a_mailbox_belongs_to_the_active_user_who_has_it(tx: Connection) -> None:
    """By an alias too; who merely lists the address comes after, and the lowest id decides at last."""
    put(
        tx,
        User(id="u-1", addresses=("desk@bank.example",)),
        User(id="u-2", mailbox="desk@bank.example", active=False),
        User(id="u-3", mailbox="desk@bank.example", addresses=("alias@bank.example",)),
        User(id="u-4", mailbox="desk@bank.example"),
    )

    def whose(address: str) -> str | None:
        user = directory.user_of_mailbox(tx, address)
        return user.id if user else None

    assert whose("Desk@bank.example") == "u-3"
    assert whose("alias@bank.example") == "u-3"
    assert whose("nobody@bank.example") is None
    assert whose("/o=Bank/cn=desk") is None


@pytest.mark.rule("OPT-2")
def test_options_are_what_was_set_last_at_each_scope(tx: Connection) -> None:
    """All of a scope at once; what an event does not name is not set there any more."""
    directory.put_options(tx, "system", {"meeting_alarms": True, "related_notes": False}, at=at())
    directory.put_options(tx, "user:u-anna", {"meeting_alarms": False}, at=at())
    directory.put_options(tx, "system", {"related_notes": True}, at=at())

    scopes = ["system", "type:advisor", "user:u-anna"]
    assert directory.options_of(tx, scopes) == {
        "system": {"related_notes": True},
        "user:u-anna": {"meeting_alarms": False},
    }

    directory.delete_options(tx, "user:u-anna", at=at())
    assert directory.options_of(tx, scopes) == {"system": {"related_notes": True}}


def test_delegations_stand_until_they_are_revoked(tx: Connection) -> None:
    """Each pair by itself."""
    for delegate in ("u-carl", "u-ben"):
        directory.put_delegation(tx, "u-anna", delegate, at=at())
    directory.put_delegation(tx, "u-dora", "u-ben", at=at())
    assert directory.delegates_of(tx, "u-anna") == ("u-ben", "u-carl")

    directory.delete_delegation(tx, "u-anna", "u-ben", at=at())
    assert directory.delegates_of(tx, "u-anna") == ("u-carl",)
    assert directory.delegates_of(tx, "u-dora") == ("u-ben",)


def subject(tx: Connection, offset: int, name: str, **where: int) -> bool:
    """A record about Anna."""
    return directory.put_user(tx, User(id="u-anna", name=name), at=at(offset, **where))


def name_of(tx: Connection) -> str | None:
    """What is known of her."""
    user = directory.users_by_id(tx, ["u-anna"]).get("u-anna")
    return user.name if user else None


def test_a_record_that_was_overtaken_changes_nothing(tx: Connection) -> None:
    """Records are delivered at least once, and after a restart some again."""
    assert subject(tx, 5, "five")

    assert not subject(tx, 4, "four")
    assert not subject(tx, 5, "five again")
    assert name_of(tx) == "five"
    assert subject(tx, 6, "six")
    assert name_of(tx) == "six"


def test_a_delete_is_not_undone_by_what_came_before_it(tx: Connection) -> None:
    """Read again from an older position, the deleted user does not come back."""
    subject(tx, 5, "five")
    directory.delete_user(tx, "u-anna", at=at(7))

    assert not subject(tx, 5, "five")
    assert name_of(tx) is None
    assert subject(tx, 8, "eight")
    assert name_of(tx) == "eight"


def test_after_more_partitions_versions_decide(tx: Connection) -> None:
    """A key that moved to another partition has lower offsets there; its delete counts as it comes."""
    subject(tx, 500, "old partition", version=3)

    assert not subject(tx, 7, "older", partition=9, version=2)
    assert subject(tx, 8, "newer", partition=9, version=4)
    assert name_of(tx) == "newer"
    assert directory.delete_user(tx, "u-anna", at=at(9, partition=2, version=None))
    assert name_of(tx) is None


def test_a_full_read_again_takes_lower_offsets_and_sweeps_what_it_did_not_meet(tx: Connection) -> None:
    """The topic was made anew: its offsets begin at zero, and who is not in it is gone."""
    put(tx, Node("root", None), Node("gone", "root"))
    subject(tx, 1000, "before")
    directory.put_user(tx, User(id="u-gone", addresses=("gone@bank.example",)), at=at(1001))
    directory.put_contact(tx, CARLA, at=at(1002))
    directory.put_options(tx, "system", {"meeting_alarms": True}, at=at(1003))
    directory.put_delegation(tx, "u-anna", "u-ben", at=at(1004))
    elsewhere = Source("crm.elsewhere", 0, 1)
    directory.put_user(tx, User(id="u-other"), at=elsewhere)

    directory.begin_reread(tx, "crm.any")
    assert directory.users_by_id(tx, ["u-gone"]), "readable while it catches up"
    assert subject(tx, 0, "after")
    assert not subject(tx, 0, "after, again")
    directory.put_node(tx, Node("root", None), at=at(1))
    swept = directory.sweep(tx, "crm.any")

    assert swept == 5
    assert directory.users_by_id(tx, ["u-anna", "u-gone", "u-other"]).keys() == {"u-anna", "u-other"}
    assert name_of(tx) == "after"
    assert directory.users_by_address(tx, ["gone@bank.example"]) == {"gone@bank.example": ()}
    assert ids_at(tx, "carla@client.example") == []
    assert directory.options_of(tx, ["system"]) == {}
    assert directory.delegates_of(tx, "u-anna") == ()
    assert directory.sweep(tx, "crm.any") == 0


def test_sweeping_takes_any_number(tx: Connection) -> None:
    """It goes in portions."""
    for n in range(directory.SWEPT_AT_ONCE + 3):
        directory.put_options(tx, f"user:u-{n}", {}, at=at())
    directory.begin_reread(tx, "crm.any")

    assert directory.sweep(tx, "crm.any") == directory.SWEPT_AT_ONCE + 3


def test_what_the_directory_stood_at(tx: Connection) -> None:
    """Per partition the next offset, whatever the order records came in; nothing yet is zero."""
    for partition, offset in ((0, 4), (2, 9), (0, 7), (0, 5)):
        directory.put_options(tx, f"user:u-{partition}-{offset}", {}, at=Source("crm.options", partition, offset))
    directory.put_user(tx, ANNA, at=Source("crm.users", 0, 0))

    assert directory.as_of(tx) == {"crm.options": (8, 0, 10), "crm.users": (1,)}

    directory.begin_reread(tx, "crm.options")
    assert directory.as_of(tx) == {"crm.users": (1,)}


names = st.sampled_from("abcde")
changes = st.lists(st.tuples(names, st.none() | names) | st.tuples(names, st.just("gone")), max_size=25)


def paths(parents: dict[str, str | None]) -> dict[str, tuple[str, ...] | None]:
    """Each node's path, found by walking up."""

    def walk(node: str, below: tuple[str, ...]) -> tuple[str, ...] | None:
        if node in below or node not in parents:
            return None
        above = (node, *below)
        parent = parents[node]
        return above if parent is None else walk(parent, above)

    return {node: walk(node, ()) for node in parents}


@pytest.mark.rule("VIS-2", "VIS-3")
@patient
@given(changes=changes)
@example([("a", None), ("a", "a"), ("b", "a"), ("a", None)])
@example([("a", None), ("b", "a"), ("a", "b"), ("c", "b"), ("a", None)])
@example([("a", None), ("b", "a"), ("c", "b"), ("a", "c"), ("d", "a"), ("b", None)])
@example([("c", "b"), ("b", "a"), ("a", None), ("a", "gone"), ("a", "d"), ("d", None), ("b", "gone")])
def test_paths_are_right_whatever_order_nodes_come_and_move_in(
    tx: Connection, changes: list[tuple[str, str | None]]
) -> None:
    """Children before parents, whole branches moved, parents deleted and back, circles made and mended."""
    savepoint = tx.begin_nested()
    parents: dict[str, str | None] = {}
    for name in "abcde":
        put(tx, ContactRecord(id=f"c-{name}", emails=(f"{name}@client.example",), node=name))
    for node, parent in changes:
        if parent == "gone":
            parents.pop(node, None)
            directory.delete_node(tx, node, at=at())
        else:
            parents[node] = parent
            put(tx, Node(node, parent))

        found = directory.contacts_by_address(tx, [f"{name}@client.example" for name in "abcde"])
        shown = {contact.id[2:]: contact.node_path for (contact,) in found.values()}
        assert shown == dict.fromkeys("abcde") | paths(parents)
    savepoint.rollback()


@pytest.mark.rule("PART-3")
async def test_other_address_rules_rebuild_the_index_at_the_next_start(url: str) -> None:
    """A configured domain alias applies to everybody who was stored before it."""
    store = await Store.open(url, canonical_rules="none")
    await store.write(lambda tx: put(tx, User(id="u-anna", mailbox="anna@old.example"), CARLA))
    await store.write(lambda tx: put(tx, ContactRecord(id="c-8", emails=("carla@new.example",))))
    await store.close()

    aliased = functools.partial(normalise, aliases={"client.example": "new.example", "old.example": "bank.example"})
    store = await Store.open(url, canonical=aliased, canonical_rules="two aliases")
    asked = ["carla@client.example", "carla@new.example"]
    contacts = await store.read(lambda tx: directory.contacts_by_address(tx, asked))
    anna = await store.read(lambda tx: directory.user_of_mailbox(tx, "anna@old.example"))
    await store.close()

    assert all([c.id for c in contacts[address]] == ["c-7", "c-8"] for address in asked)
    assert contacts[asked[0]][0].addresses == ("carla@new.example",)
    assert anna is not None
    assert anna.mailbox == "anna@bank.example"

    store = await Store.open(url, canonical_rules="none")
    asked_again = await store.read(lambda tx: directory.contacts_by_address(tx, asked))
    anna = await store.read(lambda tx: directory.user_of_mailbox(tx, "anna@old.example"))
    await store.close()

    assert [c.id for c in asked_again["carla@client.example"]] == ["c-7"], "what was stated was kept"
    assert anna is not None
    assert anna.mailbox == "anna@old.example"


async def test_address_rules_may_change_while_running(store: Store) -> None:
    """Settings are read again without a restart; what is stored from then on follows them too."""
    await store.write(lambda tx: put(tx, CARLA))
    aliased = functools.partial(normalise, aliases={"client.example": "new.example"})

    await store.use_canonical(aliased, "one alias")
    await store.write(lambda tx: put(tx, ContactRecord(id="c-8", emails=("carla@client.example",))))

    found = await store.read(lambda tx: directory.contacts_by_address(tx, ["carla@new.example"]))
    assert [c.id for c in found["carla@new.example"]] == ["c-7", "c-8"]


async def test_reindexing_takes_any_number(store: Store) -> None:
    """It goes in portions, each row once."""
    many = directory.SWEPT_AT_ONCE * 2 + 1
    people = [ContactRecord(id=f"c-{n}", emails=(f"c{n}@old.example",)) for n in range(many)]
    await store.write(lambda tx: put(tx, *people))

    await store.use_canonical(functools.partial(normalise, aliases={"old.example": "new.example"}), "alias")

    asked = [f"c{n}@new.example" for n in range(many)]
    found = await store.read(lambda tx: directory.contacts_by_address(tx, asked))
    assert all(len(contacts) == 1 for contacts in found.values())
    assert len(found) == many
