"""Users, nodes, contacts, options and delegations: the sandbox CRM announces them as it is told.

It holds no directory of its own; it only checks each entry, finds its topic and key, and counts versions where none is
given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.sandbox.crm.happenings import Happening
from schemas import catalogue, events
from schemas.envelope import Envelope
from schemas.problems import Malformed, MalformedKind, Problem, malformed

_TOPICS = (catalogue.USERS, catalogue.NODES, catalogue.CONTACTS, catalogue.OPTIONS, catalogue.DELEGATIONS)
TYPES: Mapping[str, str] = {each: topic for topic in _TOPICS for each in catalogue.topic(topic).types}
"""The types that may be announced, and the topic of each."""


class Directory:
    """The last version announced of every entry."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], int] = {}

    def announce(self, entries: Any) -> list[Happening]:
        """The events for a list of `{"type", "data"}`: all of them, or none and `Malformed`."""
        if not isinstance(entries, list):
            raise malformed(MalformedKind.INVALID, "body", "must be a list of objects with type and data")
        checked = [_checked(entry, at=str(index)) for index, entry in enumerate(entries)]
        return [self._with_version(happening) for happening in checked]

    def _with_version(self, happening: Happening) -> Happening:
        place = (happening.topic, happening.key)
        last = self._versions.get(place, 0)
        version = happening.data.get("version", last + 1)
        self._versions[place] = max(last, version)
        return Happening(happening.topic, happening.key, happening.type, {**happening.data, "version": version})


def _checked(entry: Any, *, at: str) -> Happening:
    event_type, data = (entry.get("type"), entry.get("data")) if isinstance(entry, dict) else (None, None)
    if not isinstance(event_type, str) or event_type not in TYPES:
        raise malformed(MalformedKind.UNKNOWN_TYPE, f"{at}.type", f"must be one of {', '.join(TYPES)}")
    if not isinstance(data, dict):
        raise malformed(MalformedKind.INVALID, f"{at}.data", "must be an object")
    topic = TYPES[event_type]
    numbered = {"version": 1, **data}  # the number that is counted for it is known only once its key is
    try:
        event = events.parse(topic, Envelope(id="?", source="?", type=event_type, data=numbered))
    except Malformed as error:
        problems = (Problem(f"{at}.data.{problem.field}", problem.rule) for problem in error.problems)
        raise Malformed(error.kind, problems) from None
    return Happening(topic, events.key_of(event) or "", event_type, data)
