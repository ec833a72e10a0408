"""The directory: users, nodes, contacts, options and delegations, as their compacted topics tell them.

A view that is written record by record and read by indexed look-ups in batches, so that memory does not grow with the
number of contacts. It finds; who matches and who may see whom is judged in `handlers` (PART-1..3, VIS-1..3, OPT-1).

Addresses are kept as they were stated and indexed in their canonical form; the connection carries the rules for that,
and `reindex` applies other ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, Table, bindparam, delete, select, update

from daemon.store import heads, meta, nodes, tables, turns
from daemon.store.heads import Source, as_of, begin_reread
from daemon.store.many import Many
from daemon.store.nodes import Node
from daemon.store.rows import AnyRow, Rows, batches
from handlers.facts import Contact, User

__all__ = [
    "ContactRecord",
    "Node",
    "Source",
    "as_of",
    "begin_reread",
    "contacts_by_address",
    "contacts_by_id",
    "delegates_of",
    "delete_contact",
    "delete_delegation",
    "delete_delegation_of",
    "delete_node",
    "delete_options",
    "delete_user",
    "options_of",
    "put_contact",
    "put_contacts",
    "put_delegation",
    "put_node",
    "put_options",
    "put_user",
    "reindex",
    "sweep",
    "user_of_mailbox",
    "users_by_address",
    "users_by_id",
]

Canonical = Callable[[str], str | None]

CANONICAL = "canonical"
"""The name of the connection's execution option that holds the rules for addresses."""

MERGES_FOLLOWED = 16
"""How many merges in a row are followed; a longer chain is a mistake of the CRM's."""

SWEPT_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact as its event states it; `node` and `merged_into` are ids."""

    id: str
    emails: tuple[str, ...] = ()
    active: bool = True
    user: str | None = None
    node: str | None = None
    coverage_users: tuple[str, ...] = ()
    coverage_groups: tuple[str, ...] = ()
    view: str = "private"
    view_groups: tuple[str, ...] = ()
    created_by: str | None = None
    merged_into: str | None = None


class _AddressIndex:
    """Which user, or contact, has which canonical address."""

    def __init__(self, table: Table, holder: str) -> None:
        self._rows = Many(table)
        self._delete = delete(table).where(table.c[holder] == bindparam("of"))
        self.delete_all = delete(table)

    def put(self, tx: Connection, holder: str, addresses: Iterable[str]) -> None:
        self.remove(tx, holder)
        self.add(tx, [(address, holder) for address in dict.fromkeys(addresses)])

    def add(self, tx: Connection, pairs: Sequence[tuple[str, str]]) -> None:
        """Of these addresses and whom they belong to, none is there yet."""
        self._rows.put(tx, pairs)

    def remove(self, tx: Connection, *holders: str) -> None:
        for holder in holders:
            tx.execute(self._delete, {"of": holder})


_USERS, _CONTACTS, _MANY_CONTACTS = Rows(tables.users), Rows(tables.contacts), Many(tables.contacts)
_OPTIONS, _DELEGATIONS = Rows(tables.options), Rows(tables.delegations)
_USER_ADDRESSES = _AddressIndex(tables.user_addresses, "user_id")
_CONTACT_ADDRESSES = _AddressIndex(tables.contact_addresses, "contact_id")

_users = tables.users
_ids: BindParameter[list[str]] = bindparam("ids", expanding=True)
_user_columns = [_users.c[each.name] for each in fields(User)]
_USERS_BY_ID = select(*_user_columns).where(_users.c.id.in_(_ids))
_USERS_BY_ADDRESS = (
    select(*_user_columns, tables.user_addresses.c.address)
    .join_from(tables.user_addresses, _users, tables.user_addresses.c.user_id == _users.c.id)
    .where(tables.user_addresses.c.address.in_(_ids))
)
_contacts = tables.contacts.outerjoin(tables.nodes, tables.contacts.c.node == tables.nodes.c.id)
_contact_columns = [
    *(tables.nodes.c.path if each.name == "node_path" else tables.contacts.c[each.name] for each in fields(Contact)),
    tables.contacts.c.merged_into,
]
_CONTACTS_BY_ID = select(*_contact_columns).select_from(_contacts).where(tables.contacts.c.id.in_(_ids))
_CONTACTS_BY_ADDRESS = (
    select(*_contact_columns, tables.contact_addresses.c.address)
    .select_from(
        _contacts.join(tables.contact_addresses, tables.contact_addresses.c.contact_id == tables.contacts.c.id)
    )
    .where(tables.contact_addresses.c.address.in_(_ids))
)
_USER_FIELDS = len(_user_columns)
_OPTIONS_OF = select(tables.options).where(tables.options.c.scope.in_(_ids))
_DELEGATES_OF = select(tables.delegations.c.delegate).where(tables.delegations.c.principal == bindparam("of"))
_INDEXED = (tables.users, tables.contacts, tables.user_addresses, tables.contact_addresses)


def put_user(tx: Connection, user: User, *, at: Source) -> bool:
    """Stores a user with addresses and mailbox as stated; whether the record counted."""
    if not heads.accept(tx, "user", user.id, at=at):
        return False
    canonical = _canonical(tx)
    addresses = _all_canonical(canonical, user.addresses)
    mailbox = canonical(user.mailbox) if user.mailbox else None
    _USERS.put(
        tx,
        id=user.id,
        name=user.name,
        emails=user.addresses,
        addresses=addresses,
        stated_mailbox=user.mailbox,
        mailbox=mailbox,
        active=user.active,
        sync_enabled=user.sync_enabled,
        user_type=user.user_type,
        node_ids=user.node_ids,
        groups=user.groups,
    )
    _USER_ADDRESSES.put(tx, user.id, _reachable_at(addresses, mailbox))
    return True


def delete_user(tx: Connection, user_id: str, *, at: Source) -> bool:
    """Forgets a user; whether the record counted."""
    return _delete(tx, "user", user_id, at=at)


def put_node(tx: Connection, node: Node, *, at: Source) -> bool:
    """Stores a node and moves all below it; whether the record counted."""
    if not heads.accept(tx, "node", node.id, at=at):
        return False
    nodes.put(tx, node)
    return True


def delete_node(tx: Connection, node_id: str, *, at: Source) -> bool:
    """Forgets a node; all below it is unknown from here on. Whether the record counted."""
    return _delete(tx, "node", node_id, at=at)


def put_contact(tx: Connection, contact: ContactRecord, *, at: Source) -> bool:
    """Stores a contact with addresses as stated; whether the record counted."""
    return put_contacts(tx, [(contact, at)])[0]


def put_contacts(tx: Connection, records: Sequence[tuple[ContactRecord, Source]]) -> list[bool]:
    """Stores contacts, one after the other, in as few statements as one would take; which of the records counted."""
    met = heads.accept_all(tx, "contact", [(contact.id, at) for contact, at in records])
    counting = {contact.id: contact for (contact, _), counts in zip(records, met.counts, strict=True) if counts}
    canonical = _canonical(tx)
    rows = [_contact_row(each, _all_canonical(canonical, each.emails)) for each in counting.values()]
    _MANY_CONTACTS.put(tx, rows)
    _CONTACT_ADDRESSES.remove(tx, *(counting.keys() & met.known))
    _CONTACT_ADDRESSES.add(tx, [(address, row[0]) for row in rows for address in row[2]])
    return met.counts


def delete_contact(tx: Connection, contact_id: str, *, at: Source) -> bool:
    """Forgets a contact; whether the record counted."""
    return _delete(tx, "contact", contact_id, at=at)


def put_options(tx: Connection, scope: str, options: Mapping[str, bool], *, at: Source) -> bool:
    """Stores all that is set at a scope (`system`, `type:advisor`, `user:u-anna`); whether the record counted."""
    if not heads.accept(tx, "options", scope, at=at):
        return False
    _OPTIONS.put(tx, scope=scope, options=dict(options))
    return True


def delete_options(tx: Connection, scope: str, *, at: Source) -> bool:
    """Nothing is set at a scope any more; whether the record counted."""
    return _delete(tx, "options", scope, at=at)


def put_delegation(tx: Connection, principal: str, delegate: str, *, at: Source) -> bool:
    """The principal lets the delegate act for him (INV-1); whether the record counted."""
    if not heads.accept(tx, "delegation", f"{principal}:{delegate}", at=at):
        return False
    _DELEGATIONS.put(tx, principal=principal, delegate=delegate)
    return True


def delete_delegation(tx: Connection, principal: str, delegate: str, *, at: Source) -> bool:
    """He does not any more; whether the record counted."""
    return _delete(tx, "delegation", f"{principal}:{delegate}", at=at)


def delete_delegation_of(tx: Connection, key: str, *, at: Source) -> bool:
    """The same, of which no more is known than the key of its records; whether the record counted."""
    return _delete(tx, "delegation", key, at=at)


def is_late_delegation(tx: Connection, key: str, *, at: Source) -> bool:
    """Whether a grant or revoke is older than what came before it: among these the versions decide (INV-1)."""
    return heads.is_late(tx, "delegation", key, at=at)


def sweep(tx: Connection, topic: str) -> int:
    """Removes what the reading begun by `begin_reread` has not met, once it is complete; how many keys."""
    swept = 0
    while unmet := heads.unmarked(tx, topic, limit=SWEPT_AT_ONCE):
        for kind, key in unmet:
            _REMOVERS[kind](tx, key)
            heads.forget(tx, kind, key)
        swept += len(unmet)
    return swept


def users_by_address(tx: Connection, addresses: Iterable[str]) -> dict[str, tuple[User, ...]]:
    """Users, active or not, who have an address among their e-mail addresses or as mailbox, in order of id (PART-1)."""
    asked = _asked(tx, addresses)
    found: dict[str, list[User]] = {}
    # Sorted here: databases differ in what they take for the order of texts.
    for row in sorted(_rows(tx, _USERS_BY_ADDRESS, asked.values()), key=lambda row: row.id):
        found.setdefault(row.address, []).append(_user(row))
    return {address: tuple(found.get(form or "", ())) for address, form in asked.items()}


def users_by_id(tx: Connection, ids: Iterable[str]) -> dict[str, User]:
    """Those of these users who are known."""
    return {row.id: _user(row) for row in _rows(tx, _USERS_BY_ID, ids)}


def user_of_mailbox(tx: Connection, address: str) -> User | None:
    """Whose mailbox this is, by its address or an alias.

    An active user goes before others, one whose mailbox it is before one who also lists the address, then the lowest
    id.
    """
    form = _canonical(tx)(address)
    candidates = users_by_address(tx, [address])[address]
    return min(candidates, key=lambda user: (not user.active, user.mailbox != form, user.id), default=None)


def contacts_by_address(tx: Connection, addresses: Iterable[str]) -> dict[str, tuple[Contact, ...]]:
    """Active contacts who have an address, or whom one who had it was merged into, in order of id (PART-1, PART-2)."""
    asked = _asked(tx, addresses)
    known: dict[str, AnyRow] = {}
    holders: dict[str, set[str]] = {}
    for row in _rows(tx, _CONTACTS_BY_ADDRESS, asked.values()):
        known[row.id] = row
        holders.setdefault(row.address, set()).add(row.id)
    _fetch_merged(tx, known)
    return {address: _survivors(known, holders.get(form or "", set())) for address, form in asked.items()}


def contacts_by_id(tx: Connection, ids: Iterable[str]) -> dict[str, Contact]:
    """By each of these ids its contact, or whom he was merged into, if active."""
    asked = set(ids)
    known = {row.id: row for row in _rows(tx, _CONTACTS_BY_ID, asked)}
    _fetch_merged(tx, known)
    found = {each: _survivors(known, [each]) for each in asked}
    return {each: survivors[0] for each, survivors in found.items() if survivors}


def options_of(tx: Connection, scopes: Iterable[str]) -> dict[str, dict[str, bool]]:
    """What events have set, for those of these scopes where they have."""
    return {row.scope: row.options for row in _rows(tx, _OPTIONS_OF, scopes)}


def delegates_of(tx: Connection, principal: str) -> tuple[str, ...]:
    """The users who stand granted to act for a user, in order of id."""
    return tuple(sorted(tx.execute(_DELEGATES_OF, {"of": principal}).scalars()))


def reindex(tx: Connection, canonical: Canonical, rules: str) -> bool:
    """Indexes all addresses by these rules unless they are; whether there was something to do."""
    if meta.address_rules(tx) == rules:
        return False
    turns.wait_for_tables(tx, _INDEXED)
    if meta.address_rules(tx) == rules:
        return False  # another daemon has done it meanwhile
    _reindex_users(tx, canonical)
    _reindex_contacts(tx, canonical)
    meta.set_address_rules(tx, rules)
    return True


def _delete(tx: Connection, kind: str, key: str, *, at: Source) -> bool:
    if not heads.accept(tx, kind, key, at=at):
        return False
    _REMOVERS[kind](tx, key)
    return True


def _remove_user(tx: Connection, user_id: str) -> None:
    _USERS.remove(tx, id=user_id)
    _USER_ADDRESSES.remove(tx, user_id)


def _remove_contact(tx: Connection, contact_id: str) -> None:
    _CONTACTS.remove(tx, id=contact_id)
    _CONTACT_ADDRESSES.remove(tx, contact_id)


def _remove_options(tx: Connection, scope: str) -> None:
    _OPTIONS.remove(tx, scope=scope)


def _remove_delegation(tx: Connection, key: str) -> None:
    """Either id may hold the colon that parts the two."""
    for at, sign in enumerate(key):
        if sign == ":":
            _DELEGATIONS.remove(tx, principal=key[:at], delegate=key[at + 1 :])


_REMOVERS: Mapping[str, Callable[[Connection, str], None]] = {
    "user": _remove_user,
    "node": nodes.remove,
    "contact": _remove_contact,
    "options": _remove_options,
    "delegation": _remove_delegation,
}


def _canonical(tx: Connection) -> Canonical:
    rules: Canonical = tx.get_execution_options()[CANONICAL]
    return rules


def _all_canonical(canonical: Canonical, addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(canonical, addresses))))


def _reachable_at(addresses: tuple[str, ...], mailbox: str | None) -> tuple[str, ...]:
    return addresses if mailbox is None else (*addresses, mailbox)


def _asked(tx: Connection, addresses: Iterable[str]) -> dict[str, str | None]:
    canonical = _canonical(tx)
    return {address: canonical(address) for address in addresses}


def _rows(tx: Connection, statement: Select[Any], ids: Iterable[str | None]) -> Iterator[AnyRow]:
    for batch in batches(value for value in ids if value is not None):
        yield from tx.execute(statement, {"ids": batch})


def _user(row: AnyRow) -> User:
    """By place: this is half the cost, and the columns were asked for in that order."""
    return User(*row[:_USER_FIELDS])


def _contact(row: AnyRow) -> Contact:
    return Contact(
        row.id,
        row.addresses,
        row.active,
        row.user,
        row.path,
        frozenset(row.coverage_users),
        frozenset(row.coverage_groups),
        row.view,
        frozenset(row.view_groups),
        row.created_by,
    )


def _contact_row(contact: ContactRecord, addresses: tuple[str, ...]) -> tuple[Any, ...]:
    """In the order of the columns."""
    return (
        contact.id,
        contact.emails,
        addresses,
        contact.active,
        contact.user,
        contact.node,
        contact.coverage_users,
        contact.coverage_groups,
        contact.view,
        contact.view_groups,
        contact.created_by,
        contact.merged_into,
    )


def _fetch_merged(tx: Connection, known: dict[str, AnyRow]) -> None:
    """Adds whom these were merged into, and whom those were."""
    missing = {row.merged_into for row in known.values() if row.merged_into} - known.keys()
    for _ in range(MERGES_FOLLOWED):
        if not missing:
            return
        fetched = {row.id: row for row in _rows(tx, _CONTACTS_BY_ID, missing)}
        known |= fetched
        missing = {row.merged_into for row in fetched.values() if row.merged_into} - known.keys()


def _survivors(known: Mapping[str, AnyRow], ids: Iterable[str]) -> tuple[Contact, ...]:
    rows = {row.id: row for each in ids if (row := _survivor(known, each)) is not None and row.active}
    return tuple(_contact(rows[each]) for each in sorted(rows))


def _survivor(known: Mapping[str, AnyRow], contact_id: str) -> AnyRow | None:
    """Whom a contact was merged into in the end; None if that is unknown or leads in a circle."""
    met: set[str] = set()
    row = known.get(contact_id)
    while row is not None and row.merged_into and row.id not in met:
        met.add(row.id)
        row = known.get(row.merged_into)
    return None if row is None or row.merged_into else row


def _pages(tx: Connection, table: Table, columns: tuple[str, ...]) -> Iterator[list[AnyRow]]:
    """All rows of a table in pages, so that a million contacts need not fit into memory."""
    page = (
        select(*(table.c[name] for name in columns))
        .where(table.c.id > bindparam("after"))
        .order_by(table.c.id)
        .limit(SWEPT_AT_ONCE)
    )
    after = ""
    while rows := list(tx.execute(page, {"after": after})):
        yield rows
        after = rows[-1].id


def _reindex_users(tx: Connection, canonical: Canonical) -> None:
    tx.execute(_USER_ADDRESSES.delete_all)
    statement = (
        update(_users)
        .where(_users.c.id == bindparam("of"))
        .values(addresses=bindparam("forms"), mailbox=bindparam("box"))
    )
    for page in _pages(tx, _users, ("id", "emails", "stated_mailbox")):
        rows = [
            {
                "of": row.id,
                "forms": _all_canonical(canonical, row.emails),
                "box": canonical(row.stated_mailbox) if row.stated_mailbox else None,
            }
            for row in page
        ]
        tx.execute(statement, rows)
        reachable = [(row["of"], dict.fromkeys(_reachable_at(row["forms"], row["box"]))) for row in rows]
        _USER_ADDRESSES.add(tx, [(address, holder) for holder, addresses in reachable for address in addresses])


def _reindex_contacts(tx: Connection, canonical: Canonical) -> None:
    tx.execute(_CONTACT_ADDRESSES.delete_all)
    statement = (
        update(tables.contacts).where(tables.contacts.c.id == bindparam("of")).values(addresses=bindparam("forms"))
    )
    for page in _pages(tx, tables.contacts, ("id", "emails")):
        rows = [{"of": row.id, "forms": _all_canonical(canonical, row.emails)} for row in page]
        tx.execute(statement, rows)
        _CONTACT_ADDRESSES.add(tx, [(address, row["of"]) for row in rows for address in row["forms"]])
