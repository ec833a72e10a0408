"""Rights given and taken at random while everybody writes in everybody's calendar, beside a model of who may what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import pytest
from lxml import etree

from daemon.sandbox.exchange.calls import Call
from daemon.sandbox.exchange.operations import OPERATIONS
from daemon.sandbox.exchange.world import World
from daemon.sandbox.people import People
from tests.unit.sandbox.bank import (
    PEOPLE,
    M,
    Reply,
    T,
    address,
    attendee_list,
    calendar_item,
    delegate_user,
    folder_id,
    set_field,
    user_id,
)

NAMES = ("anna", "bob", "cleo")
PRINCIPALS = ("anna", "bob")
GUEST = "xaver@else.example"
LEVELS = ("None", "Reviewer", "Author", "Editor")
MODES = ("SendToNone", "SendOnlyToAll")
SUBJECT = set_field("item:Subject", "<t:Subject>New</t:Subject>")
STEPS = 200


def step(chance: Random, made: int) -> tuple[object, ...]:
    """What somebody does next; `made` is how many meetings there were so far."""
    what = chance.choice(("add", "update", "remove", "make", "make", "change", "change", "change", "delete", "read"))
    who, principal, meeting = (
        chance.choice(NAMES),
        chance.choice(PRINCIPALS),
        chance.randrange(max(0, made - 4), made + 1),
    )
    rights = chance.choice(LEVELS), chance.random() < 0.5
    given: dict[str, tuple[object, ...]] = {
        "add": (principal, who, *rights),
        "update": (principal, who, *rights),
        "remove": (principal, who),
        "make": (who, principal, chance.random() < 0.5, chance.choice(MODES)),
        "change": (who, meeting, chance.choice(MODES)),
        "delete": (who, meeting, chance.choice(MODES)),
        "read": (who, meeting),
    }
    return what, *given[what]


@dataclass
class Meeting:
    """What the model knows of a meeting."""

    item_id: str
    principal: str
    author: str
    private: bool
    invited: bool
    gone: bool = False


@dataclass
class Model:
    """Who may what, told from the levels alone, and the mails that must have left: kind, from, sender."""

    rights: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)
    meetings: list[Meeting] = field(default_factory=list)
    mails: list[tuple[str, str, str]] = field(default_factory=list)

    def level(self, principal: str, who: str) -> str:
        return "Owner" if who == principal else self.rights.get((principal, who), ("None", False))[0]

    def sees(self, meeting: Meeting, who: str) -> bool:
        if who == meeting.principal:
            return True
        level, private = self.rights.get((meeting.principal, who), ("None", False))
        return level != "None" and (private or not meeting.private)

    def may_change(self, meeting: Meeting, who: str) -> bool:
        level = self.level(meeting.principal, who)
        allowed = level in ("Owner", "Editor") or (level == "Author" and meeting.author == who)
        return allowed and self.sees(meeting, who)


class House:
    """The sandbox's calendars, written side by side with the model."""

    def __init__(self) -> None:
        self.world = World(People.read(PEOPLE), clock=lambda: datetime(2026, 11, 23, 8, tzinfo=UTC))
        self.model = Model()

    def perform(self, name: str, request: str) -> Reply:
        operation = request[3:].partition(" ")[0]
        markup = f'<x xmlns:m="{M[1:-1]}" xmlns:t="{T[1:-1]}">{request}</m:{operation}></x>'
        call = Call(operation, address(name), self.world, self.world.owner(address(name)), UTC)
        return Reply(OPERATIONS[operation](call, etree.fromstring(markup)[0]))

    def add(self, principal: str, delegate: str, level: str, private: bool) -> None:
        code = "ErrorDelegateCannotAddOwner" if principal == delegate else "NoError"
        code = "ErrorDelegateAlreadyExists" if (principal, delegate) in self.model.rights else code
        assert self._write("AddDelegate", principal, delegate_user(delegate, calendar=level, private=private)) == code
        if code == "NoError":
            self.model.rights[principal, delegate] = level, private

    def update(self, principal: str, delegate: str, level: str, private: bool) -> None:
        known = (principal, delegate) in self.model.rights
        said = self._write("UpdateDelegate", principal, delegate_user(delegate, calendar=level, private=private))
        assert said == ("NoError" if known else "ErrorNotDelegate")
        if known:
            self.model.rights[principal, delegate] = level, private

    def remove(self, principal: str, delegate: str) -> None:
        known = self.model.rights.pop((principal, delegate), None)
        said = self._write("RemoveDelegate", principal, user_id(delegate), tag="UserIds")
        assert said == ("NoError" if known else "ErrorNotDelegate")

    def make(self, who: str, principal: str, private: bool, mode: str) -> None:
        given = ["<t:Sensitivity>Private</t:Sensitivity>"] if private else []
        item = calendar_item(attendee_list("RequiredAttendees", (GUEST,)), *given)
        place = f"<m:SavedItemFolderId>{folder_id('calendar', of=principal)}</m:SavedItemFolderId>"
        request = f'<m:CreateItem SendMeetingInvitations="{mode}">{place}<m:Items>{item}</m:Items>'
        allowed = self.model.level(principal, who) in ("Owner", "Editor", "Author")
        made = self.perform(who, request)
        assert made.code == ("NoError" if allowed else "ErrorAccessDenied")
        if allowed:
            item_id = made.item[0].get("Id")
            self.model.meetings.append(Meeting(item_id, principal, who, private, invited=mode != "SendToNone"))
            self._mailed("invitation", principal, who, mode=mode)

    def change(self, who: str, index: int, mode: str) -> None:
        meeting = self._meeting(index)
        if meeting is None:
            return
        said = self.perform(
            who,
            f'<m:UpdateItem ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="{mode}">'
            f'<m:ItemChanges><t:ItemChange><t:ItemId Id="{meeting.item_id}"/><t:Updates>{SUBJECT}</t:Updates>'
            "</t:ItemChange></m:ItemChanges>",
        ).code
        assert said == self._code(meeting, who, allowed=self.model.may_change(meeting, who))
        if said == "NoError":
            self._mailed("update" if meeting.invited else "invitation", meeting.principal, who, mode=mode)
            meeting.invited |= mode != "SendToNone"

    def delete(self, who: str, index: int, mode: str) -> None:
        meeting = self._meeting(index)
        if meeting is None:
            return
        ids = f'<m:ItemIds><t:ItemId Id="{meeting.item_id}"/></m:ItemIds>'
        said = self.perform(who, f'<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="{mode}">{ids}').code
        assert said == self._code(meeting, who, allowed=self.model.may_change(meeting, who))
        if said == "NoError":
            meeting.gone = True
            self._mailed("cancellation", meeting.principal, who, mode=mode if meeting.invited else "SendToNone")

    def read(self, who: str, index: int) -> None:
        meeting = self._meeting(index)
        if meeting is None:
            return
        shape = "<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>"
        ids = f'<m:ItemIds><t:ItemId Id="{meeting.item_id}"/></m:ItemIds>'
        is_seen = not meeting.gone and self.model.sees(meeting, who)
        assert self.perform(who, f"<m:GetItem >{shape}{ids}").code == ("NoError" if is_seen else "ErrorItemNotFound")
        assert self._listed(who, meeting.principal, shape) == {
            each.item_id
            for each in self.model.meetings
            if each.principal == meeting.principal and not each.gone and self.model.sees(each, who)
        }

    def _listed(self, who: str, principal: str, shape: str) -> set[str]:
        place = f"<m:ParentFolderIds>{folder_id('calendar', of=principal)}</m:ParentFolderIds>"
        found = self.perform(who, f'<m:FindItem Traversal="Shallow">{shape}{place}')
        return {each[0].get("Id") for each in found.items}

    def _write(self, operation: str, principal: str, content: str, *, tag: str = "DelegateUsers") -> str:
        mailbox = f"<m:Mailbox><t:EmailAddress>{address(principal)}</t:EmailAddress></m:Mailbox>"
        reply = self.perform(principal, f"<m:{operation} >{mailbox}<m:{tag}>{content}</m:{tag}>")
        return reply.code

    def _meeting(self, index: int) -> Meeting | None:
        return self.model.meetings[index] if index < len(self.model.meetings) else None

    def _code(self, meeting: Meeting, who: str, *, allowed: bool) -> str:
        if meeting.gone:
            return "ErrorItemNotFound"
        return "NoError" if allowed else "ErrorAccessDenied"

    def _mailed(self, kind: str, principal: str, who: str, *, mode: str) -> None:
        if mode != "SendToNone":
            self.model.mails.append((kind, address(principal), address(who)))


@pytest.mark.parametrize("seed", range(12))
def test_everybody_may_what_the_levels_say(seed: int):
    """Each answer and list is as the model has it, and each mail is from the principal by whoever wrote."""
    house, chance = House(), Random(seed)
    for _ in range(STEPS):
        name, *given = step(chance, len(house.model.meetings))
        getattr(house, name)(*given)
    assert [(mail.kind, mail.sender_mailbox, mail.sender) for mail in house.world.mails] == house.model.mails
    assert [mail for mail, _ in house.world.received_by(GUEST)] == house.world.mails
    for name in NAMES:
        mine = [each for each in house.model.meetings if each.principal == name and not each.gone]
        assert {each.id for each in house.world.items(address(name), "calendar")} == {each.item_id for each in mine}
