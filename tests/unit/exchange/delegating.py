"""What delegates and mails do, whatever the server speaks: the suite of the port's delegates and of `Sending`.

A module of tests subclasses `DelegatingBehaviour` and gives it a `desk`, at which Bob may come to act for Anna.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.exchange import port
from daemon.exchange.port import Written
from schemas.copies import Attendee, Copy, Folder, Kind, Role, Shape
from schemas.delegates import CALENDAR_EDITOR, EDITOR, NO_RIGHTS, NONE, UNSAID, Rights
from schemas.edits import Edit, New, Times
from schemas.items import Recurrence, Response
from schemas.sending import SILENT, Sending, Whom
from tests.unit.exchange.behaviour import ANNA, BOB, CLEO, START, XAVER
from tests.unit.exchange.writing import UID, Desk

HOUR = timedelta(hours=1)
NOBODY_KNOWS = "nobody@bank.example"
CLEO_INVITED = Attendee(Role.REQUIRED, "Cleo Curie", CLEO)
XAVER_INVITED = Attendee(Role.OPTIONAL, "Xaver Else", XAVER)
MEETING = Edit(subject="Review", times=Times(START, START + HOUR, zone="Europe/Berlin"), attendees=(CLEO_INVITED,))
BY_BOB = Sending(acting=BOB)
BOB_MAILS_ALL = Sending(Whom.ALL, acting=BOB)
Sent = set[tuple[str, str, str]]


def to(*addresses: str, sender: str = ANNA) -> Sent:
    """Mails from Anna, sent by herself unless told otherwise."""
    return {(ANNA, sender, address) for address in addresses}


async def let(desk: Desk, rights: Rights = CALENDAR_EDITOR) -> None:
    """Bob may act for Anna."""
    await desk.exchange.add_delegate(ANNA, BOB, rights, deliver="NoForward")


async def meet(desk: Desk, edit: Edit = MEETING, *, sending: Sending = SILENT) -> Written:
    new = New(kind=Kind.SCHEDULE_ITEM, marker="crm-1", uid=UID, edit=edit)
    return await desk.exchange.create(ANNA, new, sending=sending)


async def invite(desk: Desk, edit: Edit = MEETING) -> Written:
    """A meeting of which everybody was told, by mails that count no more."""
    made = await meet(desk, edit, sending=Sending(Whom.ALL))
    desk.forget_mails()
    return made


async def occurrence(desk: Desk, master_id: str, index: int) -> Copy:
    answer = await desk.exchange.occurrence(ANNA, master_id, index)
    assert isinstance(answer, Copy), f"not read: {answer}"
    return answer


class DelegatingBehaviour:
    """The suite."""

    # who may act

    @pytest.mark.rule("INV-1")
    async def test_a_delegate_comes_changes_and_goes_and_the_others_stay(self, desk: Desk) -> None:
        assert (await desk.exchange.delegates(ANNA)).rights == {}
        await let(desk)
        await desk.exchange.add_delegate(ANNA, CLEO, Rights(tasks="Reviewer"), deliver="NoForward")
        hers = {BOB: CALENDAR_EDITOR, CLEO: Rights(tasks="Reviewer")}
        assert (await desk.exchange.delegates(ANNA)).rights == hers
        assert (await desk.exchange.delegates(BOB)).rights == {}
        more = Rights("Author", "Reviewer", receives_copies=True, sees_private=True)
        await desk.exchange.update_delegate(ANNA, BOB, more, deliver="NoForward")
        assert (await desk.exchange.delegates(ANNA)).rights == {**hers, BOB: more}
        await desk.exchange.remove_delegate(ANNA, BOB)
        assert (await desk.exchange.delegates(ANNA)).rights == {CLEO: hers[CLEO]}

    @pytest.mark.rule("INV-1")
    async def test_a_level_that_is_not_said_stays_as_it_is(self, desk: Desk) -> None:
        await let(desk, Rights("Author", "Reviewer", EDITOR))
        only_the_calendar = Rights(EDITOR, UNSAID, UNSAID, UNSAID, UNSAID, UNSAID)
        await desk.exchange.update_delegate(ANNA, BOB, only_the_calendar, deliver="")
        assert (await desk.exchange.delegates(ANNA)).rights == {BOB: Rights(EDITOR, "Reviewer", EDITOR)}

    @pytest.mark.rule("INV-1")
    async def test_meeting_requests_are_delivered_as_was_said_last(self, desk: Desk) -> None:
        assert (await desk.exchange.delegates(ANNA)).deliver == "NoForward"
        await desk.exchange.add_delegate(ANNA, CLEO, NO_RIGHTS, deliver="DelegatesAndMe")
        await desk.exchange.add_delegate(ANNA, BOB, CALENDAR_EDITOR, deliver="")
        await desk.exchange.remove_delegate(ANNA, CLEO)
        assert (await desk.exchange.delegates(ANNA)).deliver == "DelegatesAndMe"

    async def test_who_is_no_delegate_is_missing_and_who_is_one_is_not_added(self, desk: Desk) -> None:
        with pytest.raises(port.Missing):
            await desk.exchange.update_delegate(ANNA, BOB, CALENDAR_EDITOR, deliver="")
        with pytest.raises(port.Missing):
            await desk.exchange.remove_delegate(ANNA, BOB)
        await let(desk)
        with pytest.raises(port.Changed):
            await let(desk, NO_RIGHTS)
        assert (await desk.exchange.delegates(ANNA)).rights == {BOB: CALENDAR_EDITOR}

    # whom a write mails

    @pytest.mark.rule("INV-3", "INV-4")
    @pytest.mark.parametrize(
        ("whom", "mailed"), [(Whom.NOBODY, to()), (Whom.ALL, to(CLEO, XAVER)), (Whom.ADDED, to(CLEO, XAVER))]
    )
    async def test_a_new_meeting_invites_whom_it_should(self, desk: Desk, whom: Whom, mailed: Sent) -> None:
        both = replace(MEETING, attendees=(CLEO_INVITED, XAVER_INVITED))
        await meet(desk, both, sending=Sending(whom))
        assert desk.sent() == mailed

    @pytest.mark.rule("INV-3", "INV-4")
    @pytest.mark.parametrize(
        ("whom", "mailed"), [(Whom.NOBODY, to()), (Whom.ALL, to(CLEO, XAVER)), (Whom.ADDED, to(XAVER))]
    )
    async def test_a_change_that_adds_somebody_mails_whom_it_should(self, desk: Desk, whom: Whom, mailed: Sent) -> None:
        made = await meet(desk)
        more = Edit(location="Room 4", attendees=(CLEO_INVITED, XAVER_INVITED))
        await desk.exchange.update(ANNA, made, more, sending=Sending(whom))
        assert desk.sent() == mailed

    @pytest.mark.rule("INV-3")
    async def test_who_was_taken_out_hears_of_it_with_all_the_others(self, desk: Desk) -> None:
        made = await invite(desk, replace(MEETING, attendees=(CLEO_INVITED, XAVER_INVITED)))
        await desk.exchange.update(ANNA, made, Edit(attendees=(CLEO_INVITED,)), sending=Sending(Whom.ALL))
        assert desk.sent() == to(CLEO, XAVER)

    @pytest.mark.rule("INV-7")
    @pytest.mark.parametrize(("whom", "mailed"), [(Whom.NOBODY, to()), (Whom.ALL, to(CLEO)), (Whom.ADDED, to())])
    async def test_a_meeting_that_is_deleted_is_cancelled_to_whom_it_should(
        self, desk: Desk, whom: Whom, mailed: Sent
    ) -> None:
        made = await invite(desk)
        await desk.exchange.delete(ANNA, made.item_id, sending=Sending(whom))
        assert desk.sent() == mailed

    @pytest.mark.rule("INV-3", "INV-7")
    async def test_who_never_heard_of_a_meeting_does_not_hear_of_its_end(self, desk: Desk) -> None:
        made = await meet(desk, replace(MEETING, attendees=(CLEO_INVITED, XAVER_INVITED)))
        written = await desk.exchange.update(ANNA, made, Edit(attendees=(CLEO_INVITED,)), sending=Sending(Whom.ALL))
        assert desk.sent() == to(CLEO)
        desk.forget_mails()
        silent = await desk.exchange.update(ANNA, written, Edit(attendees=(XAVER_INVITED,)))
        await desk.exchange.delete(ANNA, silent.item_id, sending=Sending(Whom.ALL))
        assert desk.sent() == to()

    @pytest.mark.rule("INV-5")
    async def test_where_nobody_is_invited_nobody_is_mailed(self, desk: Desk) -> None:
        made = await meet(desk, replace(MEETING, attendees=()), sending=Sending(Whom.ALL))
        written = await desk.exchange.update(ANNA, made, Edit(location="Room 4"), sending=Sending(Whom.ALL))
        await desk.exchange.delete(ANNA, written.item_id, sending=Sending(Whom.ALL))
        assert desk.sent() == to()

    @pytest.mark.rule("INV-3")
    async def test_single_occurrences_are_told_of_by_themselves(self, desk: Desk) -> None:
        series = replace(MEETING, recurrence=Recurrence("daily", end="after", count=5))
        made = await invite(desk, series)
        second, third = await occurrence(desk, made.item_id, 2), await occurrence(desk, made.item_id, 3)
        await desk.exchange.update(
            ANNA, Written(second.item_id, second.change_key), Edit(location="Room 4"), sending=Sending(Whom.ALL)
        )
        assert desk.sent() == to(CLEO)
        desk.forget_mails()
        await desk.exchange.delete(ANNA, third.item_id, sending=Sending(Whom.ALL))
        assert desk.sent() == to(CLEO)

    # what a delegate writes

    @pytest.mark.rule("INV-2")
    async def test_a_delegates_meeting_is_the_owners_and_its_mails_name_both(self, desk: Desk) -> None:
        await let(desk)
        made = await meet(desk, sending=BOB_MAILS_ALL)
        copy = await desk.copy(ANNA, made.item_id)
        assert (copy.folder, copy.my_response, copy.subject) == (Folder.CALENDAR, Response.ORGANIZER, "Review")
        assert (copy.organizer and copy.organizer.address, copy.uid, copy.marker) == (ANNA, UID, "crm-1")
        assert await desk.exchange.find_by_uid(BOB, UID) == ()
        assert desk.sent() == to(CLEO, sender=BOB)

    @pytest.mark.rule("INV-2", "INV-4")
    async def test_what_a_delegate_writes_silently_mails_nobody(self, desk: Desk) -> None:
        await let(desk)
        made = await meet(desk, sending=BY_BOB)
        written = await desk.exchange.update(ANNA, made, Edit(subject="Other"), sending=BY_BOB)
        assert (await desk.copy(ANNA, written.item_id)).subject == "Other"
        await desk.exchange.delete(ANNA, written.item_id, sending=BY_BOB)
        assert desk.sent() == to()

    @pytest.mark.rule("INV-2")
    async def test_a_delegate_changes_and_cancels_what_the_owner_made(self, desk: Desk) -> None:
        await let(desk)
        made = await invite(desk)
        more = Edit(subject="Other", attendees=(CLEO_INVITED, XAVER_INVITED))
        written = await desk.exchange.update(ANNA, made, more, sending=Sending(Whom.ADDED, acting=BOB))
        copy = await desk.copy(ANNA, made.item_id)
        assert (written, copy.subject) == (Written(copy.item_id, copy.change_key), "Other")
        assert desk.sent() == to(XAVER, sender=BOB)
        desk.forget_mails()
        await desk.exchange.delete(ANNA, made.item_id, sending=BOB_MAILS_ALL)
        assert desk.sent() == to(CLEO, XAVER, sender=BOB)
        [deleted] = await desk.exchange.find_by_uid(ANNA, UID)
        assert isinstance(deleted, Copy)
        assert deleted.folder is Folder.DELETED_ITEMS

    @pytest.mark.rule("INV-2")
    async def test_a_delegate_writes_single_occurrences(self, desk: Desk) -> None:
        await let(desk)
        made = await invite(desk, replace(MEETING, recurrence=Recurrence("daily", end="after", count=5)))
        second, third = await occurrence(desk, made.item_id, 2), await occurrence(desk, made.item_id, 3)
        await desk.exchange.update(
            ANNA, Written(second.item_id, second.change_key), Edit(location="Room 4"), sending=BOB_MAILS_ALL
        )
        await desk.exchange.delete(ANNA, third.item_id, sending=BOB_MAILS_ALL)
        assert desk.sent() == to(CLEO, sender=BOB)
        changed = await occurrence(desk, made.item_id, 2)
        assert (changed.location, changed.shape) == ("Room 4", Shape.EXCEPTION)
        assert isinstance(await desk.exchange.occurrence(ANNA, made.item_id, 3), port.Gone)

    @pytest.mark.rule("INV-2")
    async def test_a_delegate_does_not_overwrite_what_somebody_changed_meanwhile(self, desk: Desk) -> None:
        await let(desk)
        made = await meet(desk)
        await desk.touch(ANNA, made.item_id)
        desk.forget_mails()
        with pytest.raises(port.Changed):
            await desk.exchange.update(ANNA, made, Edit(subject="Bob's"), sending=BOB_MAILS_ALL)
        assert (await desk.copy(ANNA, made.item_id)).subject == "Touched"
        assert desk.sent() == to()

    @pytest.mark.rule("INV-2", "INV-4")
    @pytest.mark.parametrize("level", [None, NONE, "Reviewer"])
    async def test_who_may_not_write_is_not_allowed_to_and_mails_nobody(self, desk: Desk, level: str | None) -> None:
        if level is not None:
            await let(desk, Rights(level))
        made = await meet(desk)
        before = await desk.copy(ANNA, made.item_id)
        for attempt in (
            lambda: desk.exchange.create(
                ANNA, New(kind=Kind.SCHEDULE_ITEM, marker="crm-2", uid=None, edit=MEETING), sending=BOB_MAILS_ALL
            ),
            lambda: desk.exchange.update(ANNA, made, Edit(subject="Bob's"), sending=BOB_MAILS_ALL),
            lambda: desk.exchange.delete(ANNA, made.item_id, sending=BOB_MAILS_ALL),
        ):
            with pytest.raises(port.NotAllowed) as refused:
                await attempt()
            assert refused.value.mailbox == ANNA
        assert await desk.copy(ANNA, made.item_id) == before
        assert await desk.found("crm-2", Kind.SCHEDULE_ITEM) == []
        assert desk.sent() == to()

    @pytest.mark.rule("INV-1", "INV-2")
    async def test_a_private_item_is_hidden_from_a_delegate_who_does_not_see_such(self, desk: Desk) -> None:
        await let(desk)
        made = await meet(desk, replace(MEETING, sensitivity="Private"))
        before = await desk.copy(ANNA, made.item_id)
        for attempt in (
            lambda: desk.exchange.update(ANNA, made, Edit(subject="Bob's"), sending=BOB_MAILS_ALL),
            lambda: desk.exchange.delete(ANNA, made.item_id, sending=BOB_MAILS_ALL),
        ):
            with pytest.raises(port.NotAllowed):
                await attempt()
        assert (await desk.copy(ANNA, made.item_id), desk.sent()) == (before, to())
        seeing = replace(CALENDAR_EDITOR, sees_private=True)
        await desk.exchange.update_delegate(ANNA, BOB, seeing, deliver="")
        await desk.exchange.update(ANNA, made, Edit(subject="Bob's"), sending=BOB_MAILS_ALL)
        assert (await desk.copy(ANNA, made.item_id)).subject == "Bob's"
        assert desk.sent() == to(CLEO, sender=BOB)

    async def test_what_is_not_there_is_missing_to_a_delegate_too(self, desk: Desk) -> None:
        await let(desk)
        made = await meet(desk)
        await desk.exchange.delete(ANNA, made.item_id)
        for attempt in (
            lambda: desk.exchange.update(ANNA, made, Edit(subject="x"), sending=BOB_MAILS_ALL),
            lambda: desk.exchange.delete(ANNA, made.item_id, sending=BOB_MAILS_ALL),
        ):
            with pytest.raises(port.Missing):
                await attempt()
        assert desk.sent() == to()

    @pytest.mark.rule("INV-2")
    async def test_to_be_somebodys_delegate_is_not_to_be_anothers(self, desk: Desk) -> None:
        """Grants in a circle are two; one alone is no way back."""
        await let(desk)
        new = New(kind=Kind.SCHEDULE_ITEM, marker="crm-2", uid=None, edit=MEETING)
        with pytest.raises(port.NotAllowed):
            await desk.exchange.create(BOB, new, sending=Sending(Whom.ALL, acting=ANNA))
        assert desk.sent() == to()
