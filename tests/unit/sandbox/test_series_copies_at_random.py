"""A series that its organizer edits at random and tells of, beside the copy of somebody who is invited."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.calls import Call
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.operations import OPERATIONS
from daemon.sandbox.exchange.world import World
from daemon.sandbox.people import People
from tests.unit.sandbox.bank import (
    PEOPLE,
    M,
    T,
    address,
    attendee_list,
    calendar_item,
    occurrence_of,
    set_field,
    weekly,
)

WHOLE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)
COUNT = 6
INDEXES = st.integers(1, COUNT)
SUBJECTS = st.sampled_from(["Review", "Retro", "Planning"])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["rename", "accept"]), INDEXES, SUBJECTS),
    st.tuples(st.sampled_from(["move", "cancel", "remind"]), INDEXES, st.integers(-30, 30)),
    st.tuples(st.just("rename all"), INDEXES, SUBJECTS),
    st.tuples(st.sampled_from(["move all", "end"]), INDEXES, st.integers(1, COUNT)),
)


class House:
    """Anna's series and Bob's copy, and the operations by which either changes his own."""

    def __init__(self) -> None:
        self.world = World(People.read(PEOPLE), clock=lambda: datetime(2026, 11, 23, 8, tzinfo=UTC))
        guests = attendee_list("RequiredAttendees", ("bob",))
        self.perform("anna", f'<m:CreateItem SendMeetingInvitations="SendOnlyToAll"><m:Items>{made(guests)}</m:Items>')

    def perform(self, name: str, request: str) -> None:
        """An operation; one that the server refuses changes nothing."""
        operation = request[3:].partition(" ")[0]
        markup = f'<x xmlns:m="{M[1:-1]}" xmlns:t="{T[1:-1]}">{request}</m:{operation}></x>'
        call = Call(operation, address(name), self.world, self.world.owner(address(name)), UTC)
        OPERATIONS[operation](call, etree.fromstring(markup)[0])

    def update(self, name: str, item_id: str, *changes: str) -> None:
        mode = "SendOnlyToAll" if name == "anna" else "SendToNone"
        self.perform(
            name,
            f'<m:UpdateItem ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="{mode}">'
            f"<m:ItemChanges><t:ItemChange>{item_id}<t:Updates>{''.join(changes)}</t:Updates></t:ItemChange>"
            "</m:ItemChanges>",
        )

    def master(self, name: str) -> Item:
        (item,) = self.world.items(address(name), "calendar")
        return item

    def id_of(self, name: str) -> str:
        return f'<t:ItemId Id="{self.master(name).id}"/>'

    def shown(self, name: str) -> dict[datetime, tuple[datetime, str]]:
        """What is not called off: when it is and what it is called, by where the pattern has it."""
        found = series.touching(self.master(name), *WHOLE)
        return {
            each.get("RecurrenceId"): (each.get("Start"), each.get("Subject"))
            for each in found
            if not each.is_cancelled
        }


def made(guests: str) -> str:
    return calendar_item(guests, weekly(count=COUNT))


def times(start: str, end: str) -> tuple[str, str]:
    return (
        set_field("calendar:Start", f"<t:Start>{start}</t:Start>"),
        set_field("calendar:End", f"<t:End>{end}</t:End>"),
    )


def take(house: House, step: tuple[str, int, object]) -> None:
    name, index, what = step
    subject = set_field("item:Subject", f"<t:Subject>{what}</t:Subject>")
    hers, his = (occurrence_of(house.id_of(who), index) for who in ("anna", "bob"))
    if name == "rename":
        house.update("anna", hers, subject)
    if name == "rename all":
        house.update("anna", house.id_of("anna"), subject)
    if name == "move" and isinstance(what, int):
        day, hour = divmod(24 * 7 * (index - 1) + 9 + what, 24)
        when = f"2026-12-{day + 1:02}T{hour:02}" if 0 <= day < 31 else f"2027-01-{day % 31 + 1:02}T{hour:02}"
        house.update("anna", hers, *times(f"{when}:00:00Z", f"{when}:30:00Z"))
    if name == "move all":
        house.update("anna", house.id_of("anna"), *times(f"2026-12-01T1{what}:00:00Z", f"2026-12-01T1{what}:45:00Z"))
    if name == "end" and isinstance(what, int):
        house.update("anna", house.id_of("anna"), set_field("calendar:Recurrence", weekly(count=what + 1)))
    if name == "cancel" and len(house.shown("anna")) > 1:
        wanted = f"<m:ItemIds>{hers}</m:ItemIds>"
        house.perform(
            "anna", f'<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendOnlyToAll">{wanted}'
        )
    if name == "remind":
        minutes = f"<t:ReminderMinutesBeforeStart>{index}</t:ReminderMinutesBeforeStart>"
        house.update("bob", his, set_field("item:ReminderMinutesBeforeStart", minutes))
    if name == "accept" and series.is_series(house.master("bob")):
        accept(house, index)


def accept(house: House, index: int) -> None:
    """Bob answers for one occurrence, if it is there."""
    found = list(series.touching(house.master("bob"), *WHOLE))
    if index <= len(found) and not found[index - 1].is_cancelled:
        reference = f'<t:ReferenceItemId Id="{found[index - 1].id}"/>'
        answer = f"<m:Items><t:AcceptItem>{reference}</t:AcceptItem></m:Items>"
        house.perform("bob", f'<m:CreateItem MessageDisposition="SendAndSaveCopy">{answer}')


@settings(deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_a_copy_shows_what_the_organizer_does(steps: list[tuple[str, int, object]]) -> None:
    """Whatever the guest set and answered in between."""
    house = House()
    for step in steps:
        take(house, step)
        assert house.shown("bob") == house.shown("anna"), step
