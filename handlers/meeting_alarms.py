"""Meeting alarms, both ways (ALM-1..5, ALM-7, ALM-8).

Everybody's alarm is his own: read from his copy, written to his copy, gated by his option. The CRM may hold several,
Exchange one: the one that was last the same on both sides is paired (`Replica.reminder`). A change in Exchange replaces
or removes that one alone; another goes out only after a CRM user changed this user's alarms. What a copy's reminder is
gets remembered with the option off, too, so that switching it on moves nothing by itself (OPT-3).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from handlers import registry
from handlers.alarms import followed, paired
from handlers.drafts import Draft
from handlers.facts import User
from handlers.moments import instant_of, is_over
from handlers.occurrence_alarms import OccurrenceAlarms, told_by
from handlers.outgoing import Occurrence, Outgoing, Target
from schemas import options
from schemas.copies import Copy, Kind
from schemas.edits import Unset
from schemas.items import Moment, ScheduleItem
from schemas.outcomes import Direction


def has_news(draft: Draft) -> bool:
    """Whether any copy that was read has another reminder than it had, or one the CRM knows nothing of."""
    return any(_is_news(draft, user, copy) for user, copy in draft.seen)


def _holders(draft: Draft) -> tuple[User, ...]:
    return tuple(user for user, copy in draft.seen if _is_news(draft, user, copy))


def _is_news(draft: Draft, user: User, copy: Copy) -> bool:
    replica = draft.link.replica_of(user.id)
    if replica is None or user.id not in {draft.authority.id, *(each.id for each in draft.to_be_assigned)}:
        return False  # who organizes takes part, whether the CRM has him in Assign To or not
    if _occurrences(draft, user, copy) != draft.occurrence_alarms:
        return True
    return copy.reminder != replica.reminder or (user.id not in dict(draft.alarms) and copy.reminder is not None)


def _take(draft: Draft, user: User) -> tuple[Draft, registry.Effect]:
    replica = draft.link.replica_of(user.id)
    copy = dict(draft.seen)[user]
    alarms = dict(draft.alarms)
    was = replica.reminder if replica else None
    noted = replace(_noted(draft, user), occurrence_alarms=_occurrences(draft, user, copy))
    is_made = draft.link.agreed is not None and draft.link.agreed.recurrence is not None
    if is_made and not draft.policy.series_alarms_always:
        return noted, (f"alarms:{user.id}",)
    if copy.reminder == was and user.id in alarms:
        return noted, (f"alarms:{user.id}",)
    if copy.reminder is None and was is not None and _has_signalled(copy, was, now=draft.now):
        return noted, ()  # it was dismissed, which is not what the CRM means by having none (ALM-8)
    alarms[user.id] = followed(alarms.get(user.id, ()), was=was, now=copy.reminder)
    return replace(noted, alarms=tuple(sorted(alarms.items()))), (f"alarms:{user.id}",)


def _occurrences(draft: Draft, user: User, copy: Copy) -> OccurrenceAlarms:
    """What his copy of a series makes of everybody's alarms of single occurrences (ALM-4)."""
    if copy.recurrence is None:
        return draft.occurrence_alarms
    return told_by(draft.occurrence_alarms, copy, user=user.id, now=draft.now)


def _note(draft: Draft, user: User) -> tuple[Draft, registry.Effect]:
    return _noted(draft, user), ()


def _noted(draft: Draft, user: User) -> Draft:
    copy = dict(draft.seen)[user]
    replicas = (replace(each, reminder=copy.reminder) if each.user == user.id else each for each in draft.link.replicas)
    return replace(draft, link=replace(draft.link, replicas=tuple(replicas)))


def _has_signalled(copy: Copy, minutes: int, *, now: datetime) -> bool:
    is_series = copy.recurrence is not None  # which has signalled when its last occurrence has
    return copy.start is not None and not is_series and _signal(copy.start, minutes, zone=copy.zone) <= now


def _signal(start: Moment, minutes: int, *, zone: str | None) -> datetime:
    try:
        return instant_of(start, zone=zone) - timedelta(minutes=minutes)
    except OverflowError:  # an alarm from before there were calendars has gone off
        return datetime.min.replace(tzinfo=UTC)


def _concerned(outgoing: Outgoing) -> tuple[User, ...]:
    return tuple(target.user for target in outgoing.targets if _changes(outgoing, target) or _tells(target))


def _tells(target: Target) -> bool:
    """Whether this user's alarm of a single occurrence is to be told (ALM-4)."""
    return any(not isinstance(each.alarms, Unset) for each in target.occurrences)


def _changes(outgoing: Outgoing, target: Target) -> bool:
    """Whether this user's alarm is to be told: he gets his copy now, or a CRM user changed his alarms."""
    stated = dict(outgoing.item.alarms)
    if is_over(outgoing.item, now=outgoing.now):
        return target.replica is None and not target.delete  # or the server gives it a reminder of its own (ALM-7)
    if target.user.id not in stated or target.delete:
        return False
    is_series = outgoing.item.recurrence is not None
    if is_series and target.replica is not None and not outgoing.policy.series_alarms_always:
        return False
    wanted = paired(stated[target.user.id])
    if target.replica is None:
        return True
    if target.is_fresh:
        return wanted != target.replica.reminder
    return target.user.id in _edited(outgoing.before, outgoing.after) and wanted != target.replica.reminder


def _edited(before: ScheduleItem, after: ScheduleItem) -> frozenset[str]:
    """The users whose alarms a CRM user changed."""
    old, new = dict(before.alarms), dict(after.alarms)
    return frozenset(user for user in old.keys() | new.keys() if old.get(user) != new.get(user))


def _tell(outgoing: Outgoing, user: User) -> tuple[Outgoing, registry.Effect]:
    effect = (f"alarms:{user.id}",)
    target = next(each for each in outgoing.targets if each.user == user)
    if _tells(target):
        outgoing = outgoing.aimed(user, occurrences=tuple(_reminding(each) for each in target.occurrences))
    if not _changes(outgoing, target):
        return outgoing, effect
    over = is_over(outgoing.item, now=outgoing.now)
    wanted = None if over else paired(dict(outgoing.item.alarms)[user.id])
    return outgoing.aimed(user, reminder=wanted), effect


def _reminding(occurrence: Occurrence) -> Occurrence:
    if isinstance(occurrence.alarms, Unset):
        return occurrence
    return replace(occurrence, reminder=paired(occurrence.alarms))


INBOUND: registry.Step[Draft] = registry.Step(
    option=options.MEETING_ALARMS,
    direction=Direction.INBOUND,
    kinds=frozenset({Kind.SCHEDULE_ITEM}),
    order=50,
    users=_holders,
    concerns=has_news,
    on=_take,
    off=_note,
)

OUTBOUND: registry.Step[Outgoing] = registry.Step(
    option=options.MEETING_ALARMS,
    direction=Direction.OUTBOUND,
    kinds=frozenset({Kind.SCHEDULE_ITEM}),
    order=10,
    users=_concerned,
    concerns=lambda outgoing: bool(_concerned(outgoing)),
    on=_tell,
    off=registry.unchanged,
)
