"""How a meeting ends by a CRM event: deleted, cancelled, or gone from Exchange before (CON-5, CON-6, DEL-1, DEL-6).

Every copy is taken away, but those that Exchange marks as cancelled itself, or has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from handlers import attendance, crm_edits, notifying, outgoing, plans
from handlers.crm_changes import CrmChange
from handlers.crm_edits import Edit
from handlers.effects import Effect
from handlers.links import Link, State
from handlers.mandates import Mandate
from handlers.merging import Conflict
from handlers.notices import QUIET, Notice
from handlers.notifying import People
from handlers.plans import Plan, Report
from handlers.surroundings import Surroundings
from schemas.items import ScheduleItem, differing, wire_name
from schemas.outcomes import Direction, Reason, Result


@dataclass(frozen=True, slots=True)
class _Ending:
    """An item that goes because of a CRM event."""

    change: CrmChange
    around: Surroundings
    mandate: Mandate
    notice: Notice


def deleted(link: Link, change: CrmChange, mandate: Mandate, *, around: Surroundings) -> Plan:
    """Every copy goes that is still there: the organizer's may have gone first, by an earlier try of this event."""
    ending = _ending(link, change, mandate, around=around)
    effects = _taken_away(link, ending) if link.state is not State.ARCHIVED else ()
    if link.state is State.DELETED and not effects:
        return Plan(replace(link, crm=None))
    gone = replace(link, state=State.DELETED, deleted_by_crm=True, crm=None, content=None, awaited=())
    return Plan(gone, report=_ended(link, ending), effects=effects)


def cancelled(edit: Edit) -> Plan:
    """Cancelled in the CRM is deleted in Exchange; the CRM's item stays (DEL-6)."""
    gone = replace(
        edit.link,
        state=State.DELETED,
        deleted_by_crm=True,
        crm=edit.after,
        agreed=edit.folded.agreed,
        content=None,
        awaited=(),
    )
    ending = _ending(edit.link, edit.change, edit.mandate, around=edit.around)
    return Plan(gone, report=_ended(edit.link, ending), effects=_taken_away(edit.link, ending))


def cancelled_after(link: Link, change: CrmChange, mandate: Mandate, *, around: Surroundings) -> Plan:
    """Cancelled in the CRM after it had gone from Exchange: what is left of it goes, too."""
    ending = _ending(link, change, mandate, around=around)
    gone = replace(link, crm=change.after, agreed=change.after, deleted_by_crm=True)
    return Plan(gone, report=_ended(link, ending), effects=_taken_away(link, ending))


def changed_after(link: Link, change: CrmChange, after: ScheduleItem, *, around: Surroundings) -> Plan:
    """The item is gone from Exchange: the delete wins; the CRM is told again if it had not taken it (CON-5, CON-6)."""
    was = link.crm or change.before
    lost = () if was is None else tuple(Conflict(wire_name(name), "exchange") for name in differing(was, after))
    report = Report(Direction.OUTBOUND, Result.REFUSED, Reason.TOMBSTONED, conflicts=lost)
    direct = (each for each in link.replicas if each.direct and each.live)
    effects = outgoing.removals(direct, link=link, facts=around.facts)
    kept = replace(link, crm=after)
    if link.crm_revision >= link.revision:
        return Plan(kept, report=report, effects=effects)
    told, command = plans.delete(kept, generation=around.generation, reason="deleted")
    return Plan(told, command, report, effects)


def long_cancelled(link: Link) -> Link:
    """An item that the CRM holds as cancelled: its copies went then (DEL-6)."""
    return replace(link, state=State.DELETED, deleted_by_crm=True)


def _ending(link: Link, change: CrmChange, mandate: Mandate, *, around: Surroundings) -> _Ending:
    asked = notifying.Change(
        about=link.id,
        change=change,
        mandate=mandate,
        item=link.agreed or ScheduleItem(),
        people=People(
            users=attendance.reached(attendance.invited(link) - attendance.with_direct_copies(link), around),
            guests=notifying.guests_of(link, around.facts),
        ),
        organizes=crm_edits.is_organizers(link, crm_edits.counting(link, around)),
        is_end=True,
        is_hidden=link.agreed is not None and link.agreed.redacted,
    )
    notice = notifying.notice(asked, now=around.now, most=around.policy.most_recipients)
    return _Ending(change, around, mandate, notice)


def _ended(link: Link, ending: _Ending) -> Report:
    """The delete wins against what Exchange had changed and the CRM had not heard of (CON-5)."""
    lost: tuple[Conflict, ...] = ()
    if link.agreed is not None and link.crm is not None and link.crm_revision < link.revision:
        names = differing(plans.as_shown(link.agreed), link.crm)
        lost = tuple(Conflict(wire_name(name), "crm") for name in names)
    return Report(
        Direction.OUTBOUND,
        Result.APPLIED,
        ending.notice.reason,
        ending.mandate.consulted,
        ending.notice.silences,
        conflicts=lost,
    )


def _taken_away(link: Link, ending: _Ending) -> tuple[Effect, ...]:
    """Every copy goes, the one that counts first, but those that Exchange marks as cancelled, or has."""
    counting = crm_edits.counting(link, ending.around)
    notice = ending.notice if crm_edits.is_organizers(link, counting) else QUIET
    is_told = link.deleted_by_crm or ending.change.notify == "all"
    going = (
        each
        for each in link.replicas
        if each.live and not (each.user in notice.told and not each.direct) and not (each.cancelled and is_told)
    )
    return outgoing.removals(going, link=link, facts=ending.around.facts, counting=counting, notice=notice)
