"""Who is mailed what of a weekly series that the CRM made, and who has which copy of it (INV-1..7, REC-3, REC-4).

What the series shows is `series`; this is whom the CRM's users tell of it, as a whole or of one occurrence. Of one
occurrence everybody is told who takes part in the series, by a message about that one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tests.oracle.mails import Leave, Post, Wish
from tests.oracle.series import Series
from tests.oracle.sides import Bank


@dataclass
class ToldSeries:
    """A series, and who knows of it. `invited` and `direct` are users whose calendars show it, beside the owner's."""

    bank: Bank
    held: Series
    owner: str
    attendees: set[str]
    lasts_until: datetime
    invited: set[str] = field(default_factory=set)
    direct: set[str] = field(default_factory=set)
    post: Post = field(default_factory=Post)
    deleted: bool = False
    refused: bool = False

    @property
    def is_over(self) -> bool:
        return self.deleted or self.refused

    @property
    def shown_to(self) -> set[str]:
        """Whose calendars show it."""
        return set() if self.is_over else {self.owner, *self.invited, *self.direct}

    @property
    def all_invited(self) -> bool:
        """Whether a message about one occurrence finds the series in everybody's calendar."""
        return self.attendees <= self.post.told and self.attendees & self.bank.synchronized <= self.invited

    def leave(self, wish: Wish) -> Leave | None:
        return self.bank.delegations.leave(wish, self.owner)

    def made(self, wish: Wish, now: datetime) -> None:
        leave = self.bank.delegations.leave(wish, self.owner, creates=True)
        if leave is None:
            self.refused = True
        elif self.attendees and self._asks(wish, leave, now) != "none":
            self._tell_all(leave)
        else:
            self.direct = self.attendees & self.bank.synchronized

    def changed(self, wish: Wish, now: datetime) -> bool:
        """What guests see of the whole of it changed. False: that was refused."""
        leave = self.leave(wish)
        if leave is not None and self._asks(wish, leave, now) == "all" and self.attendees:
            self._tell_all(leave)
        return leave is not None

    def one_changed(self, wish: Wish, now: datetime) -> bool:
        """One occurrence changed; nobody is new of whom one could tell alone."""
        leave = self.leave(wish)
        if leave is not None and self._asks(wish, leave, now) == "all":
            self.post.tell_all(self.owner, leave, self.attendees)
        return leave is not None

    def one_deleted(self, wish: Wish, now: datetime) -> bool:
        leave = self.leave(wish)
        if leave is not None and self._asks(wish, leave, now) == "all":
            self.post.tell_the_end(self.owner, leave, self.attendees)
        return leave is not None

    def people_changed(
        self, wish: Wish, now: datetime, *, added: Iterable[str] = (), removed: Iterable[str] = ()
    ) -> bool:
        """People come and go, for the whole of it."""
        leave = self.leave(wish)
        if leave is None:
            return False
        whom, out, new = self._asks(wish, leave, now), set(removed), set(added) - self.attendees
        self.attendees = (self.attendees - out) | new
        self.invited -= out
        self.direct -= out
        if whom == "all":
            self._tell_all(leave, out=out)
        elif whom == "added" and new:
            self.post.tell_added(self.owner, leave, new)
            self.invited |= new & self.bank.synchronized
        else:
            self.direct |= new & self.bank.synchronized
        return True

    def ended(self, wish: Wish, now: datetime) -> None:
        leave = self.leave(wish)
        if leave is None:
            return
        if self._asks(wish, leave, now) == "all":
            self.post.tell_the_end(self.owner, leave, self.attendees)
        self.deleted = True

    def told_in_outlook(self) -> None:
        """The owner tells everybody from his Outlook, which is none of the CRM's mails."""
        self.post.told |= self.attendees

    def _asks(self, wish: Wish, leave: Leave, now: datetime) -> str:
        return wish.notify if leave.mails and now <= self.lasts_until else "none"

    def _tell_all(self, leave: Leave, *, out: Iterable[str] = ()) -> None:
        self.post.tell_all(self.owner, leave, self.attendees, out=out)
        self.invited |= self.attendees & self.bank.synchronized
        self.direct -= self.invited
