"""What every backend of the port does, whatever it speaks.

A backend's test module subclasses `ExchangeBehaviour` and gives it a `bank`: a server with people in it, driven as
people drive it, and the backend under test as the daemon's service account.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from daemon.exchange import port
from daemon.exchange.port import Answer, Gone
from schemas.copies import Copy, Folder, Kind, Role, Shape
from schemas.items import Response

ANNA, BOB, CLEO, XENIA = (f"{name}@bank.example" for name in ("anna", "bob", "cleo", "xenia"))
ROOM, LIST, XAVER = "room4@bank.example", "desk@bank.example", "xaver@else.example"
PEOPLE = {
    "people": [
        {"name": "Anna Adler", "email": ANNA, "aliases": ["a.adler@bank.example"], "password": "anna"},
        {"name": "Bob Braun", "email": BOB, "password": "bob"},
        {"name": "Cleo Curie", "email": CLEO, "password": "cleo"},
        {"name": "Xenia Moved", "email": XENIA, "password": "xenia", "appears_as": "x500"},
        {"name": "Room 4", "email": ROOM, "kind": "room"},
        {"name": "Desk", "email": LIST, "kind": "list", "members": [BOB, CLEO]},
        {"name": "Xaver Else", "email": XAVER, "kind": "external"},
    ],
    "services": [{"username": "sync@bank.example", "password": "secret", "impersonates": [ANNA, BOB, XENIA, ROOM]}],
}
START = datetime(2026, 12, 1, 9, tzinfo=UTC)


class Bank(ABC):
    """A server with `PEOPLE`, and `exchange`, the backend. Nobody may act for Cleo."""

    exchange: port.Exchange

    @abstractmethod
    async def meet(self, organizer: str, **meeting: Any) -> str:
        """Somebody makes a meeting, as `tests.support.outlook.Outlook.meet`; its UID."""

    @abstractmethod
    async def does(self, person: str, what: str, uid: str, **how: Any) -> None:
        """Somebody does something to his copy, as a method of `Outlook`: `accept`, `edit`, `delete` ..."""

    @abstractmethod
    async def item_id(self, person: str, uid: str) -> str:
        """The id of somebody's copy in his calendar."""

    @abstractmethod
    def fault(self, name: str, **settings: Any) -> None:
        """The server does something wrong, once unless told otherwise."""

    @abstractmethod
    def most_at_once(self, mailbox: str) -> int:
        """How many requests a mailbox ever had at once."""

    async def copy(self, person: str, uid: str) -> Copy:
        """The backend's view of somebody's copy."""
        [answer] = await self.exchange.get(person, [await self.item_id(person, uid)])
        assert isinstance(answer, Copy), f"{person}'s copy was not read: {answer}"
        return answer


def said(found: tuple[Answer, ...]) -> list[str]:
    return [type(answer).__name__ for answer in found]


class ExchangeBehaviour:
    """The suite."""

    @pytest.mark.rule("MAP-2", "PART-7")
    async def test_a_meeting_is_read_as_its_organizer_made_it(self, bank: Bank) -> None:
        uid = await bank.meet(
            ANNA,
            subject="Review & plan",
            start=START,
            end=START + timedelta(minutes=90),
            required=[BOB],
            optional=[XAVER],
            resources=[ROOM],
            location="Room 4",
            body="One\nTwo",
            importance="High",
            private=True,
            reminder_is_set=True,
            reminder_minutes_before_start=0,
        )
        await bank.does(BOB, "accept", uid)
        copy = await bank.copy(ANNA, uid)
        assert (copy.subject, copy.body, copy.location) == ("Review & plan", "One\nTwo", "Room 4")
        assert (copy.start, copy.end, copy.all_day) == (START, START + timedelta(minutes=90), False)
        assert (copy.zone, copy.importance, copy.sensitivity) == ("Europe/Berlin", "High", "Private")
        assert (copy.kind, copy.shape, copy.folder) == (Kind.SCHEDULE_ITEM, Shape.SINGLE, Folder.CALENDAR)
        assert (copy.is_meeting, copy.is_cancelled, copy.my_response) == (True, False, Response.ORGANIZER)
        assert (copy.uid, copy.mailbox, copy.reminder, copy.marker) == (uid.upper(), ANNA, 0, None)
        assert copy.organizer is not None
        assert copy.organizer.address == ANNA
        people = {(one.role, one.address): one.response for one in copy.attendees}
        assert people[Role.REQUIRED, BOB] is Response.ACCEPTED
        assert set(people) == {(Role.REQUIRED, BOB), (Role.OPTIONAL, XAVER), (Role.RESOURCE, ROOM)}

    @pytest.mark.rule("ID-1", "PART-7")
    @pytest.mark.scenario("S18a")
    async def test_s18a_the_attendees_copy_has_the_same_uid_and_his_own_answer(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=START, required=[BOB])
        invited = await bank.copy(BOB, uid)
        await bank.does(BOB, "tentatively_accept", uid)
        answered = await bank.copy(BOB, uid)
        organizers = await bank.copy(ANNA, uid)
        assert invited.uid == answered.uid == organizers.uid
        assert (invited.my_response, answered.my_response) == (Response.NONE, Response.TENTATIVE)
        assert answered.replied_at is not None
        assert answered.change_key != invited.change_key

    @pytest.mark.rule("MAP-2")
    @pytest.mark.scenario("S06a")
    async def test_s06a_an_all_day_item_is_civil_days(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=date(2026, 12, 1), end=date(2026, 12, 2))
        copy = await bank.copy(ANNA, uid)
        assert copy.all_day
        assert copy.start == date(2026, 12, 1)
        assert isinstance(copy.end, date)
        assert copy.end > copy.start

    @pytest.mark.rule("PART-4")
    @pytest.mark.scenario("S09b")
    async def test_s09b_an_x500_attendee_is_resolved_by_the_directory(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=START, required=[XENIA, BOB])
        copy = await bank.copy(BOB, uid)
        [xenia] = [one for one in copy.attendees if one.routing_type == "EX"]
        assert xenia.name == "Xenia Moved"
        assert (await bank.exchange.resolve(BOB, xenia.address))[0] == XENIA

    @pytest.mark.rule("PART-3")
    @pytest.mark.scenario("S14a")
    async def test_s14a_an_alias_resolves_to_all_addresses_primary_first(self, bank: Bank) -> None:
        assert await bank.exchange.resolve(BOB, "a.adler@bank.example") == (ANNA, "a.adler@bank.example")

    @pytest.mark.rule("PART-4")
    @pytest.mark.scenario("S09c")
    async def test_s09c_a_name_nobody_has_resolves_to_none(self, bank: Bank) -> None:
        assert await bank.exchange.resolve(BOB, "/o=Sandbox/cn=Recipients/cn=deleted-long-ago") == ()

    @pytest.mark.rule("ID-1", "ID-3")
    async def test_a_meeting_is_found_by_uid_in_every_mailbox_that_has_it(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=START, required=[BOB])
        await bank.meet(ANNA, start=START, required=[BOB])
        for person in (ANNA, BOB):
            [found] = await bank.exchange.find_by_uid(person, uid)
            assert isinstance(found, Copy)
            assert found == await bank.copy(person, uid)
        assert await bank.exchange.find_by_uid(XENIA, uid) == ()

    @pytest.mark.rule("DEL-6")
    async def test_a_copy_in_deleted_items_is_found_there_and_restored_is_back(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=START, required=[BOB])
        old_id = await bank.item_id(ANNA, uid)
        await bank.does(ANNA, "delete", uid)
        [deleted] = await bank.exchange.find_by_uid(ANNA, uid)
        assert isinstance(deleted, Copy)
        assert deleted.folder is Folder.DELETED_ITEMS
        assert deleted.item_id != old_id
        assert await bank.exchange.get(ANNA, [old_id]) == (Gone(old_id),)
        await bank.does(ANNA, "restore", uid)
        [restored] = await bank.exchange.find_by_uid(ANNA, uid)
        assert isinstance(restored, Copy)
        assert restored.folder is Folder.CALENDAR

    @pytest.mark.rule("DEL-6")
    async def test_a_copy_deleted_for_good_is_gone_and_not_found(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=START)
        item_id = await bank.item_id(ANNA, uid)
        await bank.does(ANNA, "delete", uid, for_good=True)
        assert await bank.exchange.get(ANNA, [item_id]) == (Gone(item_id),)
        assert await bank.exchange.find_by_uid(ANNA, uid) == ()

    @pytest.mark.rule("DEL-6")
    async def test_a_cancelled_meeting_says_so_in_the_attendees_copy(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=START, required=[BOB])
        await bank.does(ANNA, "cancel", uid)
        assert (await bank.copy(BOB, uid)).is_cancelled

    async def test_answers_come_in_the_order_asked_for_across_batches(self, bank: Bank) -> None:
        ids = [await bank.item_id(ANNA, await bank.meet(ANNA, subject=f"m{i}", start=START)) for i in range(12)]
        wanted = [ids[7], "AAMkBogus", *reversed(ids)]
        found = await bank.exchange.get(ANNA, wanted)
        assert [answer.item_id for answer in found] == wanted
        assert not isinstance(found[1], Copy)

    @pytest.mark.rule("DEL-4")
    @pytest.mark.scenario("S22d")
    async def test_s22d_a_mailbox_nobody_may_read_is_denied_and_others_run(self, bank: Bank) -> None:
        uid = await bank.meet(CLEO, start=START, required=[BOB])
        item_id = await bank.item_id(CLEO, uid)
        for attempt in (lambda: bank.exchange.get(CLEO, [item_id]), lambda: bank.exchange.find_by_uid(CLEO, uid)):
            with pytest.raises(port.Denied) as denied:
                await attempt()
            assert denied.value.mailbox == CLEO
        assert said(await bank.exchange.find_by_uid(BOB, uid)) == ["Copy"]

    @pytest.mark.rule("DEL-4")
    @pytest.mark.scenario("S22d")
    async def test_s22d_access_denied_for_a_while_is_denied_and_never_empty(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=START)
        bank.fault("access_denied", mailbox=ANNA)
        with pytest.raises(port.Denied):
            await bank.exchange.find_by_uid(ANNA, uid)
        assert said(await bank.exchange.find_by_uid(ANNA, uid)) == ["Copy"]

    @pytest.mark.scenario("S23a")
    async def test_s23a_a_busy_mailbox_is_left_alone_for_as_long_as_it_asks(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=START, required=[BOB])
        bank.fault("server_busy", mailbox=ANNA, back_off_ms=300_000, times=1)
        with pytest.raises(port.Busy) as first:
            await bank.exchange.find_by_uid(ANNA, uid)
        with pytest.raises(port.Busy) as second:
            await bank.exchange.find_by_uid(ANNA, uid)
        assert timedelta(minutes=4) < second.value.back_off <= first.value.back_off <= timedelta(minutes=5)
        assert said(await bank.exchange.find_by_uid(BOB, uid)) == ["Copy"]

    @pytest.mark.scenario("S23d")
    @pytest.mark.parametrize(
        ("fault", "kind"),
        [("http_503", port.Busy), ("server_busy_inner", port.Busy), ("drop_before", port.Unavailable)],
    )
    async def test_s23d_busy_without_a_hint_is_a_short_pause(
        self, bank: Bank, fault: str, kind: type[port.ExchangeError]
    ) -> None:
        bank.fault(fault, mailbox=ANNA, times=1)
        with pytest.raises(kind):
            await bank.exchange.get(ANNA, ["AAMkBogus"])
        with pytest.raises(port.Busy) as paused:
            await bank.exchange.get(ANNA, ["AAMkBogus"])
        assert await bank.exchange.find_by_uid(BOB, "nobody's") == ()
        assert timedelta(0) < paused.value.back_off <= timedelta(seconds=1)

    @pytest.mark.rule("DEL-4")
    @pytest.mark.scenario("S02c")
    async def test_s02c_a_partial_page_loses_nothing(self, bank: Bank) -> None:
        """Items that were not in a short answer are unknown, never gone; a short search is paged on or fails."""
        ids = [await bank.item_id(ANNA, await bank.meet(ANNA, subject=f"m{i}", start=START)) for i in range(4)]
        uid = await bank.meet(ANNA, start=START)
        await bank.exchange.get(ANNA, ids)
        for operation in ("GetItem", "FindItem"):
            bank.fault("partial_page", operation=operation, mailbox=ANNA, times=1)
            found = await bank.exchange.get(ANNA, ids)
            assert set(said(found)) <= {"Copy", "Unknown"}
            try:
                assert said(await bank.exchange.find_by_uid(ANNA, uid)) == ["Copy"]
            except port.Unavailable as error:
                assert error.mailbox == ANNA  # noqa: PT017  either ending is right

    @pytest.mark.scenario("S23b")
    async def test_s23b_reads_of_one_mailbox_are_one_at_a_time(self, bank: Bank) -> None:
        uid = await bank.meet(ANNA, start=START, required=[BOB])
        ids = {person: await bank.item_id(person, uid) for person in (ANNA, BOB)}
        await asyncio.gather(*(bank.exchange.get(person, [ids[person]]) for person in (ANNA, BOB) * 10))
        assert max(bank.most_at_once(person) for person in (ANNA, BOB)) == 1

    async def test_probing_reaches_the_server(self, bank: Bank) -> None:
        await bank.exchange.probe()
        bank.fault("drop_before")
        with pytest.raises(port.Unavailable):
            await bank.exchange.probe()
