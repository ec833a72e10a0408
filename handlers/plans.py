"""Plans: what a decision wants done, as data.

A plan names the link's new state, at most one command for the CRM and at most one report. Nothing new: neither.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from handlers.effects import Effect
from handlers.links import Link
from handlers.merging import Conflict, names
from handlers.options import Consulted
from handlers.translation import EXCHANGE_FIELDS
from schemas import ids
from schemas.items import ITEM_FIELDS, ScheduleItem, differing
from schemas.outcomes import Decision, Direction, Reason, Result


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision about one participant (an id, or `ext:` and a hash) or one field."""

    rule: str
    about: str
    decision: Decision
    because: str = ""


@dataclass(frozen=True, slots=True)
class Upsert:
    """What the CRM must now hold. `changed` are wire names."""

    link: str
    revision: int
    crm_id: str | None
    seen: int
    uid: str | None
    changed: tuple[str, ...]
    item: ScheduleItem
    master: str | None


@dataclass(frozen=True, slots=True)
class Delete:
    """What the CRM must no longer hold; `reason` is `deleted` or `cancelled`."""

    link: str
    revision: int
    crm_id: str | None
    seen: int
    uid: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome, but for its cause, which only the shell knows."""

    direction: Direction
    result: Result
    reason: Reason | None = None
    options: tuple[Consulted, ...] = ()
    explain: tuple[Explanation, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: the link as it shall be stored, a command, a report, and writes to mailboxes.

    `link` is as it shall be once all effects are done, but for what only Exchange can say: item ids and change keys.
    """

    link: Link
    command: Upsert | Delete | None = None
    report: Report | None = None
    effects: tuple[Effect, ...] = ()


def upsert(
    link: Link, *, generation: int, before: ScheduleItem | None = None, restored: bool = False
) -> tuple[Link, Upsert]:
    """A command that tells the CRM the agreed item, and the link that remembers having sent it.

    It changes all fields in which the CRM's last word differs (CON-6); of an item the CRM has not spoken of yet, or
    that is brought back, all that is known. `before` is what was agreed on until now: while the CRM has not answered,
    or has kept what it deleted, the fields in which that differs are changed, too, or what is taken back would stay.
    """
    if link.agreed is None:
        raise ValueError("only an item that was agreed on can be told")
    visible = as_shown(link.agreed)
    fields = set(_stated(visible) if link.crm is None or restored else differing(visible, link.crm))
    if before is not None and (restored or link.crm_revision < link.revision):
        fields.update(differing(visible, as_shown(before)))
    told = replace(link, revision=ids.next_revision(max(link.revision, link.crm_revision), generation=generation))
    return told, Upsert(
        link=told.id,
        revision=told.revision,
        crm_id=told.crm_id,
        seen=told.crm_version,
        uid=told.uid,
        changed=names([name for name in ITEM_FIELDS if name in fields]),
        item=visible,
        master=told.master,
    )


def delete(link: Link, *, generation: int, reason: str) -> tuple[Link, Delete]:
    """A command that takes the item away, and the link that remembers having sent it."""
    told = replace(link, revision=ids.next_revision(max(link.revision, link.crm_revision), generation=generation))
    return told, Delete(
        link=told.id, revision=told.revision, crm_id=told.crm_id, seen=told.crm_version, uid=told.uid, reason=reason
    )


def as_shown(item: ScheduleItem) -> ScheduleItem:
    """The item as the CRM may hold it: without external contacts where nobody is shown them."""
    return item if item.external_shown_to else replace(item, external=None)


def _stated(item: ScheduleItem) -> tuple[str, ...]:
    """The fields of an item that are known: what Exchange states, and what the CRM added to it."""
    unknown = {"external", "external_shown_to"} if item.external is None else set()
    unknown |= {"zone"} if item.zone is None else set()
    added = differing(item, ScheduleItem())
    return tuple(name for name in ITEM_FIELDS if (name in EXCHANGE_FIELDS or name in added) and name not in unknown)
