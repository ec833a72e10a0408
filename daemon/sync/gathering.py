"""Gathering the facts around a meeting: few indexed look-ups, and Exchange's help with names the CRM does not know.

What Exchange names by an X500 name is resolved there (PART-4), and so is an internal address that neither a user nor a
contact has, for it may be an alias of one of theirs (PART-3). A display name is never resolved: that would be a guess.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from daemon.exchange.port import Exchange
from daemon.store import delegates, directory
from daemon.store.store import Store
from handlers.facts import Facts, User
from handlers.links import Link
from handlers.options import scopes_of
from handlers.participants import addresses_of, resolvable
from handlers.policy import Policy
from schemas.copies import Attendee, Copy, Role
from schemas.items import ScheduleItem

_NOTHING = Facts()


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Collects facts; `policy` is asked anew each time, for settings may be reloaded."""

    store: Store
    exchange: Exchange
    policy: Callable[[], Policy]

    async def around(self, copy: Copy | None, *, link: Link, holder: User, known: Facts = _NOTHING) -> Facts:
        """Everything a decision about this meeting needs to know. Raises `ExchangeError`.

        `known` was gathered around another copy of it: it holds for this one if that names the same people.
        """
        policy = self.policy()
        attendees = _people(copy)
        unnamed = [each for each in attendees if each.routing_type.upper() == "EX" and each.address.strip()]
        resolved = await self._resolve(holder, unnamed, policy)
        known = known if known.resolved == resolved else Facts(resolved=resolved)
        facts = await self._look_up(attendees, known, link=link, holder=holder)
        strangers = _internal_strangers(attendees, facts, holder=holder, policy=policy)
        if not strangers:
            return facts
        resolved |= await self._resolve(holder, strangers, policy)
        return await self._look_up(attendees, Facts(resolved=resolved), link=link, holder=holder)

    async def for_item(self, link: Link, items: Iterable[ScheduleItem]) -> Facts:
        """Everything a decision about a CRM event needs to know: the people it names, who is behind its For, and who
        may act for its owner."""
        said = [item for item in (*items, link.agreed, link.exchange) if item is not None]
        users = {user for item in said for user in (item.owner, *item.assign_to, *dict(item.alarms)) if user}
        users |= {replica.user for replica in link.replicas} | {user for user in (link.master,) if user}
        contacts = {entry.contact for item in said for entry in item.for_}
        owners = {item.owner for item in said if item.owner}

        def work(tx: Connection) -> Facts:
            by_contact = directory.contacts_by_id(tx, contacts)
            behind = {contact.user for contact in by_contact.values() if contact.user}
            grants = delegates.in_force(tx, owners)
            by_id = directory.users_by_id(tx, users | behind | {delegate for _, delegate in grants})
            return Facts(
                by_id=by_id,
                by_contact=by_contact,
                options=directory.options_of(tx, scopes_of(by_id)),
                grants=grants,
                as_of=directory.as_of(tx),
            )

        return await self.store.read(work)

    async def _resolve(
        self, holder: User, attendees: Collection[Attendee], policy: Policy
    ) -> dict[str, tuple[str, ...]]:
        if not attendees:
            return {}
        names = list(dict.fromkeys(each.address.strip() for each in attendees))
        mailbox = holder.mailbox or ""
        answers = await asyncio.gather(*(self.exchange.resolve(mailbox, name) for name in names))
        return {name.casefold(): _canonical(found, policy) for name, found in zip(names, answers, strict=True)}

    async def _look_up(self, attendees: Iterable[Attendee], known: Facts, *, link: Link, holder: User) -> Facts:
        """What the directory says of these people, unless that is known."""
        policy = self.policy()
        addresses = {a for each in attendees for a in addresses_of(each, facts=known, policy=policy)}
        remembered = {replica.user for replica in link.replicas} | {holder.id}
        remembered |= {user for user in (link.master, link.exchange and link.exchange.owner) if user}
        remembered |= set(link.agreed.assign_to) if link.agreed else set()
        if known.users.keys() == addresses and known.by_id.keys() >= remembered:
            return known

        def work(tx: Connection) -> Facts:
            users = directory.users_by_address(tx, addresses)
            by_id = {user.id: user for found in users.values() for user in found}
            by_id |= directory.users_by_id(tx, remembered - by_id.keys())
            return Facts(
                users=users,
                contacts=directory.contacts_by_address(tx, addresses),
                by_id=by_id,
                options=directory.options_of(tx, scopes_of(by_id)),
                resolved=known.resolved,
                as_of=directory.as_of(tx),
            )

        return await self.store.read(work)


def _people(copy: Copy | None) -> list[Attendee]:
    if copy is None:
        return []
    organizer = [copy.organizer] if copy.organizer else []
    attendees = dict.fromkeys(each for one in (copy, *copy.exceptions) for each in one.attendees)
    return [*organizer, *(each for each in attendees if each.role is not Role.RESOURCE)]


def _canonical(addresses: Iterable[str], policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys(a for a in map(policy.canonical, addresses) if a is not None))


def _internal_strangers(attendees: Iterable[Attendee], facts: Facts, *, holder: User, policy: Policy) -> list[Attendee]:
    """Those with an address of the holder's own domain that nobody active in the directory has."""
    of_users = {address for address, found in facts.users.items() if any(user.active for user in found)}
    known = of_users | {address for address, found in facts.contacts.items() if any(one.active for one in found)}
    at_home = f"@{(holder.mailbox or '').rpartition('@')[2]}"
    strangers = []
    for each in attendees:
        addresses = addresses_of(each, facts=facts, policy=policy)
        if resolvable(each) in facts.resolved or not known.isdisjoint(addresses):
            continue
        if any(address.endswith(at_home) for address in addresses):
            strangers.append(each)
    return strangers
