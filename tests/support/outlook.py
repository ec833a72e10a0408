"""People in Outlook: what a person does to his own calendar, through a stock EWS client.

Blocking, as people are: call it through `asyncio.to_thread` where a loop runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from exchangelib import (
    DELEGATE,
    Account,
    Attendee,
    Build,
    CalendarItem,
    Configuration,
    Credentials,
    EWSDate,
    EWSDateTime,
    EWSTimeZone,
    Mailbox,
    Version,
)
from exchangelib.items import SAVE_ONLY, SEND_ONLY_TO_ALL, SEND_TO_NONE, AcceptItem
from exchangelib.properties import ReferenceItemId
from exchangelib.services import CreateItem

EWS_PATH = "/EWS/Exchange.asmx"
BERLIN = EWSTimeZone("Europe/Berlin")


@dataclass
class Outlook:
    """One person's Outlook. `url` is the server's, without the EWS path."""

    url: str
    address: str
    password: str
    zone: str = "Europe/Berlin"
    account: Account = field(init=False)

    def __post_init__(self) -> None:
        self.account = Account(
            self.address,
            config=Configuration(
                service_endpoint=self.url + EWS_PATH,
                credentials=Credentials(self.address, self.password),
                auth_type="basic",
                version=Version(Build(15, 2, 1118, 7)),
            ),
            autodiscover=False,
            access_type=DELEGATE,
            default_timezone=EWSTimeZone(self.zone),
        )

    def meet(
        self,
        subject: str = "Review",
        *,
        start: datetime | date,
        end: datetime | date | None = None,
        required: Iterable[str] = (),
        optional: Iterable[str] = (),
        resources: Iterable[str] = (),
        private: bool = False,
        silent: bool = False,
        **more: object,
    ) -> str:
        """Makes a meeting (an appointment without attendees); its UID."""
        item = CalendarItem(
            account=self.account,
            folder=self.account.calendar,
            subject=subject,
            start=self._moment(start),
            end=self._moment(end or _an_hour_after(start)),
            is_all_day=not isinstance(start, datetime),
            required_attendees=_attendees(required),
            optional_attendees=_attendees(optional),
            resources=_attendees(resources),
            sensitivity="Private" if private else "Normal",
            **more,
        )
        invited = [*required, *optional, *resources]
        item.save(send_meeting_invitations=SEND_ONLY_TO_ALL if invited and not silent else SEND_TO_NONE)
        item.refresh()
        return str(item.uid)

    def copy(self, uid: str, *, folder: str = "calendar") -> CalendarItem:
        """This person's copy of a meeting. Raises AssertionError if he has none there."""
        found = [item for item in getattr(self.account, folder).all() if getattr(item, "uid", None) == uid]
        assert found, f"{self.address} has no copy of the meeting in {folder}"
        return found[0]

    def has_copy(self, uid: str) -> bool:
        return any(item.uid == uid for item in self.account.calendar.all())

    def edit(self, uid: str, *, silent: bool = False, **changes: object) -> None:
        """Changes fields of his own copy; an organizer's guests are told unless he is silent."""
        item = self.copy(uid)
        for name, value in changes.items():
            setattr(item, name, self._value(value))
        guests = item.is_meeting and item.organizer and item.organizer.email_address == self.address
        mode = SEND_ONLY_TO_ALL if guests and not silent else SEND_TO_NONE
        item.save(update_fields=list(changes), send_meeting_invitations=mode)

    def invite(self, uid: str, *addresses: str) -> None:
        """Adds people to a meeting he organizes."""
        present = self.copy(uid).required_attendees or []
        self.edit(uid, required_attendees=[*present, *_attendees(addresses)])

    def uninvite(self, uid: str, *addresses: str) -> None:
        """Takes people out of a meeting he organizes."""
        present = self.copy(uid).required_attendees or []
        self.edit(uid, required_attendees=[a for a in present if a.mailbox.email_address not in addresses])

    def accept(self, uid: str, *, silent: bool = False) -> None:
        """Accepts, and lets the organizer know unless he is silent."""
        copy = self.copy(uid)
        if not silent:
            copy.accept()
            return
        answer = AcceptItem(account=self.account, reference_item_id=ReferenceItemId(copy.id, copy.changekey))
        saving = {"folder": self.account.drafts, "message_disposition": SAVE_ONLY}
        list(CreateItem(account=self.account).call(items=[answer], send_meeting_invitations=SEND_TO_NONE, **saving))

    def tentatively_accept(self, uid: str) -> None:
        self.copy(uid).tentatively_accept()

    def decline(self, uid: str) -> None:
        self.copy(uid).decline()

    def cancel(self, uid: str) -> None:
        """Cancels a meeting he organizes: everybody is told."""
        self.copy(uid).cancel()

    def delete(self, uid: str, *, for_good: bool = False) -> None:
        """Deletes his own copy, telling nobody: into Deleted Items, or for good."""
        item = self.copy(uid)
        if for_good:
            item.delete(send_meeting_cancellations=SEND_TO_NONE)
        else:
            item.move_to_trash(send_meeting_cancellations=SEND_TO_NONE)

    def restore(self, uid: str) -> None:
        """Moves a deleted copy back into the calendar."""
        self.copy(uid, folder="trash").move(self.account.calendar)

    def _moment(self, moment: datetime | date) -> EWSDateTime | EWSDate:
        if not isinstance(moment, datetime):
            return EWSDate.from_date(moment)
        zone = EWSTimeZone(self.zone)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.zone))
        return EWSDateTime.from_datetime(aware.astimezone(ZoneInfo(self.zone)).replace(tzinfo=zone))

    def _value(self, value: object) -> object:
        return self._moment(value) if isinstance(value, date) else value


def _attendees(addresses: Iterable[str]) -> Sequence[Attendee] | None:
    found = [Attendee(mailbox=Mailbox(email_address=address)) for address in addresses]
    return found or None


def _an_hour_after(start: datetime | date) -> datetime | date:
    """An hour later, or the end of the day: the client counts a last day in."""
    return start + timedelta(hours=1) if isinstance(start, datetime) else start
