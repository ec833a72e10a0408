"""Series, inbound: what single occurrences differ in, in the CRM's terms (REC-3, REC-4, ALM-4, S04f).

Exchange tells of an occurrence as of a whole item; the CRM holds only what is different. A field that was customized
stays so when the series comes to have the same value (REC-3). Each exception passes the gates of the item itself: it
may be private, or have guests of its own. Alarms are everybody's own and never part of what is merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from handlers import participants, registry, translation
from handlers.drafts import Admission, Draft
from handlers.occurrence_alarms import in_order
from handlers.options import Consulted, OptionValues
from handlers.participants import Participant
from handlers.policy import Policy
from handlers.recurrences import Series
from schemas import options
from schemas.copies import Copy
from schemas.items import ForEntry, Moment, ScheduleItem, SeriesException, Source
from schemas.outcomes import Direction
from schemas.wire import changes_of, read_changes

_CONTENT = ("subject", "notes", "location", "priority", "restricted")
_GATES = frozenset(
    {
        options.PRIVATE_MEETINGS_INBOUND,
        options.FOR_CONTACTS_INBOUND,
        options.FOR_CONTACTS_SECURITY_CHECK,
        options.EXTERNAL_CONTACTS_DISPLAY,
    }
)


def followed(draft: Draft, values: OptionValues) -> tuple[Draft, tuple[Consulted, ...]]:
    """The draft with what its copy's exceptions say, and the options that were consulted about them."""
    copy = draft.copy
    if copy.recurrence is None:
        return draft, ()
    consulted: list[Consulted] = []
    found = [SeriesException(start, deleted=True) for start in copy.deleted_starts]
    for each in copy.exceptions:
        exception, asked = _exception(draft, each, values)
        found.append(exception)
        consulted.extend(asked)
    known = {each.original_start: each for each in _known(draft)}
    found.extend(known[start] for start in copy.unread if start in known)
    differing = (each for each in found if each.deleted or each.changes)
    return replace(draft, exceptions=in_order(differing)), tuple(consulted)


def is_restricted(item: ScheduleItem | Copy, *, customized: int, policy: Policy) -> bool:
    """Whether it has more occurrences than the limit, or more of them were customized (OPS-4)."""
    if policy.most_exceptions is not None and customized > policy.most_exceptions:
        return True
    if policy.most_occurrences is None or item.recurrence is None or item.start is None:
        return False
    return Series(item.recurrence, item.start, item.zone).start_of(policy.most_occurrences + 1) is not None


def _known(draft: Draft) -> tuple[SeriesException, ...]:
    exchange = draft.link.exchange
    return exchange.exceptions if exchange is not None else ()


def _exception(draft: Draft, copy: Copy, values: OptionValues) -> tuple[SeriesException, tuple[Consulted, ...]]:
    start = copy.original_start
    if start is None:
        raise ValueError("an exception has an original start")
    own, consulted = _gated(draft, copy, values)
    series, item = translation.content(draft.copy), translation.content(copy)
    stated = _moved(series, item, start)
    if own.is_closed:
        hidden = (*stated, "restricted") if draft.admission is Admission.ADMITTED else stated
        return SeriesException(start, changes=changes_of(replace(item, restricted=True), hidden)), consulted
    known = next((each for each in _known(draft) if each.original_start == start), None)
    stated = (*stated, *_customized(series, item, known))
    people = _people(draft, own)
    told = replace(item, **people)
    return SeriesException(start, changes=changes_of(told, (*stated, *people))), consulted


def _gated(draft: Draft, copy: Copy, values: OptionValues) -> tuple[Draft, tuple[Consulted, ...]]:
    """The exception as a draft of its own, where it has something of its own to be decided."""
    if draft.is_closed:
        return draft, ()
    people = participants.identify(copy, facts=draft.facts, policy=draft.policy)
    if copy.sensitivity == draft.copy.sensitivity and _keys(people) == _keys(draft.participants):
        return draft, ()
    own = replace(draft, copy=copy, participants=people)
    gated, consulted = registry.run(own, direction=Direction.INBOUND, values=values, only=_GATES)
    return gated, tuple(each for each in consulted if each.effect)


def _keys(people: Iterable[Participant]) -> frozenset[str]:
    return frozenset(person.key for person in people)


def _moved(series: ScheduleItem, item: ScheduleItem, original: Moment) -> tuple[str, ...]:
    """The fields of when it is, if that is not when the series would have it."""
    if series.start is None or series.end is None or item.start is None or item.end is None:
        return ()
    if item.all_day != series.all_day:
        return ("start", "end", "all_day")
    is_longer = item.end - item.start != series.end - series.start
    return ("start", "end") if item.start != original or is_longer else ()


def _customized(series: ScheduleItem, item: ScheduleItem, known: SeriesException | None) -> tuple[str, ...]:
    """The fields whose value is the exception's own, if only because the series came to have the same (REC-3)."""
    before = read_changes(known) if known is not None else {}
    return tuple(
        name
        for name in _CONTENT
        if getattr(item, name) != getattr(series, name) or (name in before and before[name] == getattr(item, name))
    )


def _people(draft: Draft, own: Draft) -> Mapping[str, Any]:
    """Who takes part in this occurrence, as far as that differs."""
    if _keys(own.participants) == _keys(draft.participants):
        return {}
    people: dict[str, Any] = {}
    assigned = _assigned(draft, own)
    if assigned != tuple(user.id for user in draft.assign_to):
        people["assign_to"] = assigned
    if own.candidates != draft.candidates:
        people["for_"] = _for(draft, own)
    if draft.viewers and translation.external(own.participants) != translation.external(draft.participants):
        people["external"] = translation.external(own.participants)
    return people


def _assigned(draft: Draft, own: Draft) -> tuple[str, ...]:
    """Who is invited to this occurrence, and whoever takes part in the series without being named there."""
    named = {person.user.id for person in draft.participants if person.user}
    invited = {person.user.id for person in own.participants if person.user}
    return tuple(sorted({user.id for user in draft.assign_to} - named | invited))


def _for(draft: Draft, own: Draft) -> tuple[ForEntry, ...]:
    """The contacts of this occurrence, and those whom the CRM put into the series' For."""
    agreed = draft.link.agreed
    by_crm = {each.contact: each for each in (agreed.for_ if agreed else ()) if each.source is Source.CRM}
    matched = {each.contact: each for each in translation.matched(own.participants)}
    return tuple(sorted((matched | by_crm).values()))
