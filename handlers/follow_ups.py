"""What an inbound decision has to write to mailboxes (CON-2, INV-6, NOTE-6).

Content comes from Exchange, so that is little: direct copies follow the item, one beside an invited copy goes, a
conflict that the CRM won is written back, and so is a block that Exchange overwrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from handlers import bodies, occurrences, outgoing, registry, translation
from handlers.blocks import block_of
from handlers.drafts import Draft
from handlers.echoes import deviating
from handlers.effects import CONTENT, TIMES, Effect
from handlers.links import BEHIND, OCCURRENCES_BEHIND, OUTDATED, Link, Replica, State
from handlers.merging import Merged
from handlers.options import OptionValues
from handlers.outgoing import Outgoing, Target
from handlers.plans import Plan, Report
from handlers.privacy import REDACTED_FIELDS
from handlers.surroundings import Surroundings
from schemas.copies import Copy
from schemas.items import ScheduleItem
from schemas.outcomes import Direction, Result

_UNREAD: Mapping[str, Copy] = {}
_SAID = Report(Direction.INBOUND, Result.APPLIED)
_PATTERN = TIMES | {"recurrence"}  # what decides when a series takes place: Exchange gives its exceptions up with it


def of_change(merged: Merged, *, known: ScheduleItem, draft: Draft) -> tuple[Effect, ...]:
    """What follows for other copies, and for the one that counts. `known` was agreed on before; what is hidden from the
    CRM is written nowhere (PRIV-4).
    """
    item, link = merged.item, draft.link
    hidden = REDACTED_FIELDS if item.redacted else frozenset[str]()
    changed = tuple(n for n in CONTENT if n not in hidden and getattr(item, n) != getattr(known, n))
    targets = []
    for replica in link.replicas:
        user = draft.facts.by_id.get(replica.user)
        if user is None or not user.synchronized or user.mailbox != replica.mailbox or not replica.live:
            continue
        target = Target(user=user, mailbox=replica.mailbox, replica=replica, direct=replica.direct)
        if replica.direct:
            is_out = user.id in known.assign_to and user.id not in item.assign_to
            followed = {"delete": True} if is_out else outgoing.content_for(replica, item, changed)
            target = replace(target, **followed)
            anew = replica.holds in (BEHIND, OCCURRENCES_BEHIND) or not _PATTERN.isdisjoint(changed)
            single = () if is_out else tuple(occurrences.wanted(known, item, user=user.id, anew=anew))
            targets.append(replace(target, occurrences=single))
        elif user == draft.authority and merged.owed and not item.read_only:
            owed = outgoing.content_for(replica, item, merged.owed)
            targets.append(replace(target, authoritative=True, **owed))
    return outgoing.effects_of(targets, item, crm_id=link.crm_id)


def without_superseded(plan: Plan, around: Surroundings, copies: Mapping[str, Copy] = _UNREAD) -> Plan:
    """Without direct copies that lie beside an invited one: they are removed, and the other gets what was theirs.

    `copies` were read, by mailbox: an invitation may be older than what was written to the direct copy since.
    """
    invited = {replica.mailbox: replica for replica in plan.link.replicas if not replica.direct}
    superseded = [each for each in plan.link.replicas if each.direct and each.mailbox in invited]
    if not superseded:
        return plan
    kept = tuple(each for each in plan.link.replicas if each not in superseded)
    link = replace(plan.link, replicas=kept)
    ids = {each.item_id for each in superseded}
    there = (each for each in superseded if each.live)  # what was thrown away before is gone
    removals = outgoing.removals(there, link=link, facts=around.facts)
    left = [invited[each.mailbox] for each in superseded]
    facets = _facets(link, left, around, is_fresh=True, copies=copies)
    effects = (*(each for each in plan.effects if each.item_id not in ids), *removals, *facets)
    return replace(plan, link=link, report=plan.report or _SAID, effects=effects)


def noticed(plan: Plan, copies: Iterable[Copy]) -> Plan:
    """With the blocks that these copies show and we did not write there, so that the CRM's next event puts them right:
    a message brought them, or the store they were noted in is lost (NOTE-5).
    """
    shown = {copy.item_id: copy for copy in copies if not bodies.holds(copy.body, html=copy.html, block=None)}
    if not shown:
        return plan
    replicas = tuple(_noticed(each, shown.get(each.item_id), plan.link) for each in plan.link.replicas)
    return replace(plan, link=replace(plan.link, replicas=replicas))


def _noticed(replica: Replica, copy: Copy | None, link: Link) -> Replica:
    if copy is None or replica.block:
        return replica
    block = block_of(link.agreed.related) if link.agreed else None
    is_current = block is not None and bodies.holds(copy.body, html=copy.html, block=block)
    return replace(replica, block=block.fingerprint if block and is_current else OUTDATED)


def welcomed(plan: Plan, around: Surroundings, copies: Mapping[str, Copy] = _UNREAD) -> Plan:
    """With what is their users' alone written to the copies that Exchange was asked to make, now that they are there.

    `copies` were read, by mailbox: what was agreed on since the invitation is brought along.
    """
    link = plan.link
    come = [each for each in link.replicas if each.user in link.awaited and each.live and not each.direct]
    if link.state is not State.ACTIVE or not come:
        return plan
    users = {each.user for each in come}
    link = replace(link, awaited=tuple(each for each in link.awaited if each not in users))
    effects = _facets(link, come, around, is_fresh=True, copies=copies)
    report = plan.report or (_SAID if effects else None)
    return replace(plan, link=link, report=report, effects=(*plan.effects, *effects))


def restored(plan: Plan, copies: Iterable[Copy], around: Surroundings) -> Plan:
    """With the block put back into each of these copies in which Exchange overwrote it (NOTE-6)."""
    link = plan.link
    written = {effect.mailbox for effect in plan.effects}
    bare = [
        replace(replica, block="")
        for copy in copies
        if copy.mailbox not in written and (replica := link.replica(copy.mailbox)) is not None
        if replica.live and replica.block and bodies.holds(copy.body, html=copy.html, block=None)
    ]
    if not bare or link.state is not State.ACTIVE:
        return plan
    mailboxes = {each.mailbox for each in bare}
    others = (each for each in link.replicas if each.mailbox not in mailboxes)
    replicas = tuple(sorted((*others, *bare), key=lambda each: each.mailbox))
    effects = _facets(link, bare, around, is_fresh=False)
    report = plan.report or (_SAID if effects else None)
    return replace(plan, link=replace(link, replicas=replicas), report=report, effects=(*plan.effects, *effects))


def _facets(
    link: Link,
    replicas: Iterable[Replica],
    around: Surroundings,
    *,
    is_fresh: bool,
    copies: Mapping[str, Copy] = _UNREAD,
) -> tuple[Effect, ...]:
    """What these copies get by the gates of the other direction, and the content they lack as far as they were read."""
    if link.agreed is None:
        return ()
    users = around.facts.by_id
    exchange = link.exchange or link.agreed
    draft = Outgoing(
        link=link,
        item=link.agreed,
        before=link.agreed,
        after=link.agreed,
        facts=around.facts,
        policy=around.policy,
        now=around.now,
        owner=users.get(exchange.owner or "") or users.get(link.master or ""),
        guests=outgoing.has_guests(link),
        targets=tuple(
            Target(
                user=user,
                mailbox=each.mailbox,
                replica=each,
                direct=each.direct,
                is_fresh=is_fresh,
                **_lacking(link.agreed, each, copies.get(each.mailbox)),
            )
            for each in replicas
            if (user := users.get(each.user)) is not None and user.synchronized
        ),
    )
    values = OptionValues(events=around.facts.options, config=around.policy.options)
    draft, _ = registry.run(draft, direction=Direction.OUTBOUND, values=values)
    return outgoing.effects_of(draft.targets, link.agreed, crm_id=link.crm_id)


def _lacking(item: ScheduleItem, replica: Replica, copy: Copy | None) -> dict[str, Any]:
    """The content in which a copy that was read is not as was agreed; a zone may have another name there."""
    if copy is None or copy.item_id != replica.item_id or item.redacted:
        return {}
    fields = deviating(translation.content(copy), item, among=CONTENT)
    return outgoing.content_for(replica, item, [name for name in fields if name != "zone"])
