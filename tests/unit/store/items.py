"""Any item and any link, for property tests: every field of every class, also of those yet to come."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from handlers.links import Link, Replica
from schemas.items import External, ForEntry, Organizer, Recurrence, Related, ScheduleItem, SeriesException

patient = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""For property tests: a busy machine is no failure, and each example undoes what it did to a shared fixture."""

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
"""PostgreSQL keeps no NUL, and Exchange, whose ids these are, knows none."""

instants = st.datetimes(timezones=st.just(UTC))
moments = instants | st.dates()


def every_field(kind: type[Any], **special: Any) -> Any:
    """Instances in which each field may have any value of its type."""
    return st.builds(kind, **({f.name: ... for f in fields(kind)} | special))


def texts_of(kind: type[Any]) -> dict[str, Any]:
    """A strategy for each of its fields that is text."""
    found = {"str": texts, "str | None": st.none() | texts}
    return {f.name: found[f.type] for f in fields(kind) if f.type in found}


def some(strategy: Any) -> Any:
    """A short tuple."""
    return st.lists(strategy, max_size=3).map(tuple)


items = every_field(
    ScheduleItem,
    start=st.none() | moments,
    end=st.none() | moments,
    for_=some(every_field(ForEntry)),
    external=st.none() | some(every_field(External)),
    organizer=st.none() | every_field(Organizer),
    related=some(every_field(Related)),
    recurrence=st.none() | every_field(Recurrence),
    exceptions=some(every_field(SeriesException, original_start=moments)),
)

numbers = st.integers(min_value=0, max_value=2**62)

links = every_field(
    Link,
    **texts_of(Link),
    version=st.just(0),
    crm_version=numbers,
    crm_revision=numbers,
    revision=numbers,
    agreed=st.none() | items,
    exchange=st.none() | items,
    crm=st.none() | items,
    changed_at=st.none() | instants,
    awaited=some(texts),
    replicas=st.lists(
        every_field(Replica, **texts_of(Replica), reminder=st.none() | numbers),
        max_size=4,
        unique_by=lambda replica: replica.mailbox,
    ).map(tuple),
)
