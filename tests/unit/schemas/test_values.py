"""A changed value is what the library's own, slower way would make of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from handlers.links import Link, Replica
from schemas.copies import Attendee, Copy, Role
from schemas.items import ForEntry, ScheduleItem, Source
from schemas.values import replace

KNOWN = (
    (
        ScheduleItem(subject="Review", assign_to=("u-anna",)),
        {"subject": "Moved", "for_": (ForEntry("c-1", Source.CRM),)},
    ),
    (Link("l-1", "UID", replicas=(Replica("a@bank.example", "u-anna", "AAMk"),)), {"version": 7}),
    (
        Copy(mailbox="a@bank.example", item_id="AAMk"),
        {"attendees": (Attendee(Role.REQUIRED, "Bob", "b@bank.example"),)},
    ),
)


@dataclass(frozen=True, slots=True)
class Single:
    """Of one field."""

    only: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derived(Single):
    """Of one that it has from elsewhere, and one of its own."""

    own: int = 0


@pytest.mark.parametrize(("value", "changes"), KNOWN, ids=lambda each: type(each).__name__)
def test_a_changed_value_is_as_the_library_makes_it(value: object, changes: dict[str, object]) -> None:
    before = dataclasses.replace(value)  # type: ignore[type-var]  # values of several kinds

    changed = replace(value, **changes)  # type: ignore[type-var]  # likewise

    assert changed == dataclasses.replace(value, **changes)  # type: ignore[type-var]  # likewise
    assert hash(changed) == hash(dataclasses.replace(value, **changes))  # type: ignore[type-var]  # likewise
    assert value == before, "the known value was changed"


def test_without_changes_it_is_equal_and_another() -> None:
    link = Link("l-1", "UID")

    assert replace(link) == link
    assert replace(link) is not link


def test_a_value_of_a_single_field_is_changed_as_any_other() -> None:
    assert replace(Single(("a",)), only=("b", "c")) == Single(("b", "c"))
    assert replace(Single(("a", "b"))) == Single(("a", "b"))


def test_fields_from_elsewhere_are_kept_and_changed() -> None:
    assert replace(Derived(("a",), own=1), own=2) == Derived(("a",), own=2)
    assert replace(Derived(("a",), own=1), only=()) == Derived((), own=1)


def test_a_field_that_is_not_there_is_no_change() -> None:
    with pytest.raises(KeyError, match="subjekt"):
        replace(ScheduleItem(), subjekt="Review")  # type: ignore[call-arg]  # that is what is tested
