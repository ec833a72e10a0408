"""Schedule items of every kind, in the canonical form that the daemon keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import available_timezones

from hypothesis import strategies as st

from schemas.addresses import identity
from schemas.items import (
    External,
    ExternalReason,
    ForEntry,
    Organizer,
    Recurrence,
    Related,
    Response,
    ScheduleItem,
    SeriesException,
    Source,
)

TEXTS = st.text(max_size=30)
IDS = st.from_regex(r"[a-z0-9:@.-]{1,12}", fullmatch=True)
ZONES = st.one_of(st.none(), st.sampled_from(sorted(available_timezones())))
RESPONSES = st.sampled_from(Response)
INSTANTS = st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis takes naive bounds and adds the zone
DAYS = st.dates(min_value=date(1950, 1, 1), max_value=date(2100, 1, 1))


def _people(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.dictionaries(IDS, values, max_size=4).map(lambda people: tuple(sorted(people.items())))


def _sorted_ids(min_size: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(IDS, min_size=min_size, max_size=4).map(lambda ids: tuple(sorted(ids)))


FOR = st.lists(
    st.builds(ForEntry, IDS, st.sampled_from(Source), RESPONSES), unique_by=lambda entry: entry.contact, max_size=4
).map(lambda entries: tuple(sorted(entries)))

EXTERNALS = st.lists(
    st.builds(
        lambda name, email, reason, response: External(identity(email, name), name, email, reason, response),
        TEXTS,
        st.one_of(st.none(), TEXTS, st.from_regex(r"[A-Za-z]{1,5}@[a-z]{1,5}\.example", fullmatch=True)),
        st.sampled_from(ExternalReason),
        RESPONSES,
    ),
    unique_by=lambda external: external.key,
    max_size=4,
).map(lambda externals: tuple(sorted(externals, key=lambda external: external.key)))

RECURRENCES = st.one_of(
    st.builds(
        Recurrence,
        frequency=st.sampled_from(["daily", "weekly", "monthly", "yearly"]),
        interval=st.integers(1, 99),
        weekdays=st.lists(st.sampled_from(["MO", "TU", "SU"]), unique=True, max_size=3).map(tuple),
        day_of_month=st.one_of(st.none(), st.integers(1, 31)),
        week_of_month=st.sampled_from([None, -1, 1, 5]),
        month=st.one_of(st.none(), st.integers(1, 12)),
    ),
    st.builds(Recurrence, frequency=st.just("daily"), end=st.just("after"), count=st.integers(1, 999)),
    st.builds(Recurrence, frequency=st.just("daily"), end=st.just("by"), until=DAYS),
)

TIMED = st.tuples(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=9))).map(
    lambda span: (span[0], span[0] + span[1])
)
WHOLE_DAYS = st.tuples(DAYS, st.integers(1, 40)).map(lambda span: (span[0], span[0] + timedelta(days=span[1])))

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "subject": TEXTS,
        "location": TEXTS,
        "start": INSTANTS.map(lambda moment: moment.isoformat().replace("+00:00", "Z")),
        "assign_to": _sorted_ids().map(list),
        "alarms": st.dictionaries(IDS, st.just([15]), max_size=2),
        "for": st.just([{"contact": "c-7", "source": "crm", "response": "none"}]),
        "zone": st.sampled_from(["Europe/Berlin", "Asia/Kolkata"]),
    },
).map(
    lambda changes: tuple(
        sorted(
            (name, json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
            for name, value in changes.items()
        )
    )
)


@st.composite
def items(draw: st.DrawFn) -> ScheduleItem:
    """Any canonical schedule item that may travel."""
    all_day = draw(st.booleans())
    start, end = draw(WHOLE_DAYS if all_day else TIMED)
    starts = draw(st.lists(DAYS if all_day else INSTANTS, unique=True, max_size=3))
    exceptions = [SeriesException(each, draw(st.booleans()), draw(CHANGES)) for each in starts]
    item = ScheduleItem(
        subject=draw(TEXTS),
        notes=draw(TEXTS),
        location=draw(TEXTS),
        start=start,
        end=end,
        zone=draw(ZONES),
        all_day=all_day,
        priority=draw(st.sampled_from("ABC")),
        status=draw(st.sampled_from(["open", "completed", "cancelled"])),
        restricted=draw(st.booleans()),
        owner=draw(st.one_of(st.none(), IDS)),
        assign_to=draw(_sorted_ids()),
        for_=draw(FOR),
        read_only=draw(st.booleans()),
        redacted=draw(st.booleans()),
        organizer=draw(st.one_of(st.none(), st.builds(Organizer, st.one_of(st.none(), IDS), TEXTS, TEXTS))),
        responses=draw(_people(RESPONSES)),
        alarms=draw(_people(st.sets(st.integers(0, 20000), max_size=3).map(lambda each: tuple(sorted(each))))),
        related=draw(st.lists(st.builds(Related, IDS, IDS, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple)),
        recurrence=draw(st.one_of(st.none(), RECURRENCES)),
        exceptions=tuple(sorted(exceptions, key=lambda each: each.original_start)),
        split_from=draw(st.one_of(st.none(), IDS)),
    )
    if draw(st.booleans()):
        return item
    return replace(item, external=draw(EXTERNALS), external_shown_to=draw(_sorted_ids(min_size=1)))
