"""What stands of a plan that Exchange took in part before it refused the rest, or denied it (CON-6, INV-2).

The rest is put back; what was carried out in the copy that counts is Exchange's word, and both sides hold it from then
on: the CRM is told that, and not what was agreed on before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from handlers.effects import CONTENT, Effect, Operation, holding
from handlers.links import BEHIND, Link, Replica, State
from handlers.occurrence_alarms import in_order, without_alarms
from schemas.items import ScheduleItem


def standing(link: Link, made: Iterable[Effect], *, after: ScheduleItem | None) -> Link:
    """The link, agreed on what was carried out of it. `after`: the item as the CRM wants it; None: gone."""
    written = [effect for effect in made if effect.authoritative]
    if not written or link.exchange is None:
        return link
    if any(each.operation is Operation.DELETE and each.occurrence is None for each in written):
        return _gone(link, after)
    for effect in written:
        link = _occurrence_stands(link, effect, after) if effect.occurrence is not None else _stands(link, effect)
    followers = tuple(_following(each, link) for each in link.replicas)
    return replace(link, state=State.ACTIVE, content=None, replicas=followers)


def _gone(link: Link, after: ScheduleItem | None) -> Link:
    """The copy that counts is taken away, so that the item is: what is left of others goes with the next event."""
    return replace(link, state=State.DELETED, deleted_by_crm=True, agreed=after or link.agreed, content=None)


def _stands(link: Link, effect: Effect) -> Link:
    """Exchange's word of what was written, for somebody may have changed that since."""
    exchange = link.exchange or effect.item
    if effect.operation is Operation.CREATE:
        made = replace(effect.item, exceptions=())
        bare = replace(exchange, exceptions=())
        return replace(link, deleted_by_crm=False, agreed=made, exchange=bare, private_from_crm=made.restricted)
    agreed = link.agreed or exchange
    values = {name: getattr(exchange, name) for name in effect.fields if name in CONTENT}
    values["assign_to"] = tuple(sorted(({*agreed.assign_to} | {*effect.joining}) - {*effect.leaving}))
    private = exchange.restricted if "restricted" in effect.fields else link.private_from_crm
    return replace(link, agreed=replace(agreed, **values), private_from_crm=private)


def _occurrence_stands(link: Link, effect: Effect, after: ScheduleItem | None) -> Link:
    """An occurrence as the CRM wants it: changed, deleted, or as its series is."""
    wanted = [each for each in after.exceptions if each.original_start == effect.occurrence] if after else []
    agreed, exchange = link.agreed or effect.item, link.exchange or effect.item
    kept = [each for each in agreed.exceptions if each.original_start != effect.occurrence]
    exceptions = in_order((*kept, *wanted))
    return replace(
        link,
        agreed=replace(agreed, exceptions=exceptions),
        exchange=replace(exchange, exceptions=without_alarms(exceptions)),
    )


def _following(replica: Replica, link: Link) -> Replica:
    """A direct copy that was not written as well follows by the next event."""
    is_behind = replica.direct and link.agreed is not None and replica.holds != holding(link.agreed)
    return replace(replica, holds=BEHIND) if is_behind else replica
