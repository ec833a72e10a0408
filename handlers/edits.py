"""From an effect to the request's fields: the item's values in Exchange's words (MAP-1, MAP-2, MAP-3, PART-6).

A body keeps what is not ours and its own format, a new one is HTML; people nobody spoke of stay attendees as Exchange
names them.
"""

from __future__ import annotations

from collections.abc import Iterable

from handlers import bodies
from handlers.echoes import alike
from handlers.effects import TIMES, Effect
from handlers.policy import Policy
from schemas.copies import Attendee, Copy
from schemas.edits import UNSET, Body, Edit, Times, Unset
from schemas.items import ScheduleItem

_IMPORTANCES = {"A": "High", "B": "Normal", "C": "Low"}


def edit_of(effect: Effect, copy: Copy | None, *, policy: Policy) -> Edit:
    """The request's fields. `copy` is what lies there now, if the effect needs it."""
    item, fields = effect.item, frozenset(effect.fields)
    times = _times(item) if fields & {*TIMES, "recurrence"} else UNSET
    is_moved = item.recurrence is not None and times is not UNSET  # a pattern starts when its item does
    return Edit(
        subject=item.subject if "subject" in fields else UNSET,
        body=_body(effect, copy),
        importance=_IMPORTANCES.get(item.priority, "Normal") if "priority" in fields else UNSET,
        sensitivity=effect.sensitivity,
        location=item.location if "location" in fields else UNSET,
        times=times,
        recurrence=item.recurrence if "recurrence" in fields or is_moved else UNSET,
        attendees=_attendees(effect, copy, policy),
        reminder=effect.reminder,
    )


def _times(item: ScheduleItem) -> Times | Unset:
    if item.start is None or item.end is None:
        return UNSET
    return Times(item.start, item.end, all_day=item.all_day, zone=item.zone)


def shows(copy: Copy, effect: Effect, *, policy: Policy) -> bool:
    """Whether a copy is as an effect was to leave it: asked where nobody knows whether it was carried out."""
    found = _compared(copy, effect, policy)
    return bool(found) and all(found)


def shows_some(copy: Copy, effect: Effect, *, policy: Policy) -> bool:
    """Whether anything of what an effect was to leave is in a copy: somebody may have written over the rest."""
    return any(_compared(copy, effect, policy))


def _compared(copy: Copy, effect: Effect, policy: Policy) -> tuple[bool, ...]:
    """Of each thing an effect writes, whether the copy has it so."""
    edit = edit_of(effect, copy, policy=policy)
    times = edit.times if isinstance(edit.times, Times) else None
    pairs = (
        (edit.subject, copy.subject),
        (edit.location, copy.location),
        (edit.importance, copy.importance),
        (edit.sensitivity, copy.sensitivity),
        (edit.reminder, copy.reminder),
        (edit.body.text if isinstance(edit.body, Body) else UNSET, copy.body),
        (times.start if times else UNSET, copy.start),
        (times.end if times else UNSET, copy.end),
        (edit.recurrence if "recurrence" in effect.fields else UNSET, copy.recurrence),
        (
            UNSET if isinstance(edit.attendees, Unset) else _addresses(edit.attendees, policy),
            _addresses(copy.attendees, policy),
        ),
    )
    return tuple(alike(wanted, there) for wanted, there in pairs if wanted is not UNSET)


def _addresses(attendees: Iterable[Attendee], policy: Policy) -> frozenset[str | None]:
    return frozenset(policy.canonical(each.address) for each in attendees)


def _body(effect: Effect, copy: Copy | None) -> Body | Unset:
    notes = effect.item.notes if "notes" in effect.fields else None
    if notes is None and effect.block is UNSET:
        return UNSET
    html = copy is None or copy.html
    text = bodies.compose(copy.body if copy else "", html=html, notes=notes, block=effect.block)
    return Body(text, html=html)


def _attendees(effect: Effect, copy: Copy | None, policy: Policy) -> tuple[Attendee, ...] | Unset:
    if not (effect.invite or effect.uninvite):
        return UNSET
    kept = tuple(
        each for each in (copy.attendees if copy else ()) if policy.canonical(each.address) not in effect.uninvite
    )
    there = {policy.canonical(each.address) for each in kept}
    return (*kept, *(each for each in effect.invite if policy.canonical(each.address) not in there))
