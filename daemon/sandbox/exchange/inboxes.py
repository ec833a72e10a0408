"""Meeting messages as they lie in people's mailboxes: received, copied to delegates, overtaken, and put away.

A mailbox's delegates get copies of what it receives if its delivery says so and they asked for copies; its own is then
for information, or in Deleted Items from the start. A copy knows for whom it was received, and shares the fate of the
principal's own: it is overtaken by updates, and put away once either of the two has answered.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from daemon.sandbox.exchange.delegates import NO_FORWARD
from daemon.sandbox.exchange.items import Draft, Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.world import World
from daemon.sandbox.people import Person, PersonKind

# Not a property of EWS: whose message a delegate's copy is.
RECEIVED_FOR = "ReceivedFor"


def principal_of(message: Item) -> str:
    """Whose message it is: the mailbox's own, or somebody's whose delegate its owner is."""
    return str(message.get(RECEIVED_FOR, message.mailbox))


class Inboxes:
    """The meeting messages of all mailboxes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def receive(self, person: Person, draft: Draft) -> None:
        """Puts a message into a person's inbox, and copies into his delegates'; rooms keep none."""
        if person.kind is PersonKind.ROOM:
            return
        delegates, how = self.delegates_of(person), self._world.delegates.delivery(person.email)
        for delegate in delegates:
            self._put(delegate, draft, {RECEIVED_FOR: person.email})
        for_information = delegates and how == "DelegatesAndSendInformationToMe" and draft.kind is ItemKind.REQUEST
        own = self._put(person, draft, {"MeetingRequestType": "PrincipalWantsCopy"} if for_information else {})
        if delegates and how == "DelegatesOnly":
            self._world.move(own, self._world.folder(person.email, "deleteditems"))

    def delegates_of(self, person: Person) -> list[Person]:
        """Who gets copies of a person's meeting messages."""
        held = self._world.delegates
        if person.kind is PersonKind.ROOM or held.delivery(person.email) == NO_FORWARD:
            return []
        return [self._world.owner(name) for name, rights in held.of(person.email).items() if rights.receives_copies]

    def about(self, mailbox: str, uid: str, recurrence_id: datetime | None) -> list[Item]:
        """A person's messages about a meeting and his delegates' copies; of one occurrence alone, or of all of it."""
        holders = (mailbox, *self._world.delegates.of(mailbox))
        held = (each for holder in holders for each in self._world.items(holder))
        return [
            each
            for each in held
            if each.uid == uid
            and each.kind is not ItemKind.CALENDAR_ITEM
            and principal_of(each) == mailbox
            and recurrence_id in (None, each.recurrence_id)
        ]

    def outdate_requests(self, person: Person, uid: str, recurrence_id: datetime | None) -> None:
        for each in self.about(person.email, uid, recurrence_id):
            if each.kind is ItemKind.REQUEST:
                self._world.modify(each, {"IsOutOfDate": True}, by=person.name)

    def put_requests_away(self, copy: Item) -> None:
        """What asked for an answer goes to Deleted Items once there is one."""
        for each in self.about(copy.mailbox, copy.uid, copy.recurrence_id):
            deleted = self._world.folder(each.mailbox, "deleteditems")
            if each.kind is ItemKind.REQUEST and each.folder != deleted.id:
                done = self._world.modify(each, {"HasBeenProcessed": True, "IsRead": True}, by=copy.modified_by)
                self._world.move(done, deleted)

    def _put(self, person: Person, draft: Draft, more: dict[str, Any]) -> Item:
        moment = self._world.now()
        values = {**draft.values, **more, "DateTimeReceived": moment, "DateTimeSent": moment}
        inbox = self._world.folder(person.email, "inbox")
        return self._world.create(inbox, replace(draft, values=values), by=person.name)
