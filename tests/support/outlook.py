"""People in Outlook: what a person does to his own calendar, or to one he is a delegate of, by a stock EWS client.

Blocking, as people are: call it through `asyncio.to_thread` where a loop runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
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
    HTMLBody,
    Mailbox,
    Task,
    Version,
)
from exchangelib.folders import Calendar, SingleFolderQuerySet
from exchangelib.items import (
    ALL_OCCURRENCES,
    SAVE_ONLY,
    SEND_ONLY_TO_ALL,
    SEND_TO_NONE,
    SPECIFIED_OCCURRENCE_ONLY,
    AcceptItem,
    MeetingCancellation,
    MeetingRequest,
    MeetingResponse,
)
from exchangelib.items.calendar_item import BaseMeetingItem
from exchangelib.properties import (
    DelegatePermissions,
    DelegateUser,
    DistinguishedFolderId,
    DLMailbox,
    ItemId,
    ReferenceItemId,
    UserId,
)
from exchangelib.recurrence import Recurrence, TaskRecurrence, WeeklyPattern
from exchangelib.services import CreateItem
from exchangelib.services.common import EWSAccountService
from exchangelib.util import MNS, TNS, add_xml_child, create_element, set_xml_value

EWS_PATH = "/EWS/Exchange.asmx"
BERLIN = EWSTimeZone("Europe/Berlin")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass
class Outlook:
    """One person's Outlook. `url` is the server's, without the EWS path.

    With a `principal`, an address, the calendar he opened is that person's: what he does to meetings he does there.
    """

    url: str
    address: str
    password: str
    zone: str = "Europe/Berlin"
    principal: str | None = None
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

    @property
    def calendar(self) -> Calendar:
        """The calendar he has open. Raises ErrorAccessDenied if it is another's and closed to him."""
        if self.principal is None:
            return self.account.calendar
        named = DistinguishedFolderId(
            id=Calendar.DISTINGUISHED_FOLDER_ID, mailbox=Mailbox(email_address=self.principal)
        )
        shared = Calendar(root=self.account.root, _distinguished_id=named)
        found = SingleFolderQuerySet(account=self.account, folder=shared).resolve()
        if isinstance(found, Exception):
            raise found
        found._distinguished_id = None  # or the client would take it for his own
        return found

    def as_delegate_of(self, principal: str) -> Outlook:
        """The same person with somebody's calendar open, whose delegate he is."""
        return replace(self, principal=principal)

    def add_delegate(
        self, delegate: str, *, deliver: str | None = None, private: bool = False, copies: bool = False, **levels: str
    ) -> None:
        """Lets somebody act for him: Editor of his calendar, unless `levels` say otherwise (`calendar="Author"`)."""
        user = DelegateUser(
            user_id=UserId(primary_smtp_address=delegate),
            delegate_permissions=_permissions(**{"calendar": "Editor", **levels}),
            receive_copies_of_meeting_messages=copies,
            view_private_items=private,
        )
        _AddDelegate(account=self.account).call(user, deliver)

    def remove_delegate(self, delegate: str) -> None:
        """Lets somebody act for him no more."""
        _RemoveDelegate(account=self.account).call(UserId(primary_smtp_address=delegate))

    def delegates(self) -> dict[str, DelegateUser]:
        """Who may act for him, by address."""
        return {each.user_id.primary_smtp_address: each for each in self.account.delegates}

    def received(self) -> list[Letter]:
        """The meeting messages he got, oldest first; where he put those he has done with does not matter."""
        kept = [*self.account.inbox.all(), *self.account.trash.all()]
        messages = [each for each in kept if isinstance(each, BaseMeetingItem)]
        return [_letter(each) for each in sorted(messages, key=lambda each: each.datetime_received)]

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
            folder=self.calendar,
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

    def meet_weekly(
        self,
        subject: str = "Jour fixe",
        *,
        start: datetime | date,
        count: int | None = 10,
        until: date | None = None,
        every: int = 1,
        weekdays: Iterable[str] = (),
        **more: object,
    ) -> str:
        """Makes a weekly series on its first day's weekday, or on those given; its UID.

        It has `count` occurrences, or those until a day, or no end if both are None. `more` is as for `meet`.
        """
        day = start.date() if isinstance(start, datetime) else start
        pattern = WeeklyPattern(interval=every, weekdays=list(weekdays) or [WEEKDAYS[day.weekday()]])
        extent = {"end": EWSDate.from_date(until)} if until else {"number": count} if count else {}
        recurrence = Recurrence(pattern=pattern, start=EWSDate.from_date(day), **extent)
        return self.meet(subject, start=start, recurrence=recurrence, **more)

    def occurrence(self, uid: str, index: int) -> CalendarItem:
        """The nth occurrence of his copy of a series, counted from 1; deleted ones count."""
        found = self.copy(uid).occurrence(index)
        found.refresh()
        return found

    def edit_occurrence(self, uid: str, index: int, *, silent: bool = False, **changes: object) -> None:
        """Changes fields of one occurrence; an organizer's guests are told unless he is silent."""
        self._save(self.occurrence(uid, index), changes, silent=silent)

    def move_occurrence(self, uid: str, index: int, start: datetime, *, silent: bool = False) -> None:
        """Moves one occurrence, which stays as long as it is."""
        item = self.occurrence(uid, index)
        self._save(item, {"start": start, "end": start + (item.end - item.start)}, silent=silent)

    def delete_occurrence(self, uid: str, index: int, *, silent: bool = True) -> None:
        """Deletes one occurrence of his own copy; if not silent an organizer cancels it, an attendee declines it."""
        mode = SEND_TO_NONE if silent else SEND_ONLY_TO_ALL
        self.occurrence(uid, index).delete(send_meeting_cancellations=mode)

    def end_series(self, uid: str, last: date, *, silent: bool = False) -> None:
        """Lets a series end with a day."""
        before = self.copy(uid).recurrence
        ended = Recurrence(
            pattern=before.pattern, start=before.boundary.start, end=EWSDate(last.year, last.month, last.day)
        )
        self.edit(uid, silent=silent, recurrence=ended)

    def split(self, uid: str, index: int, **changes: object) -> str:
        """Changes the nth occurrence of a series and all that follow: ends it before and goes on anew; the new UID.

        `changes` are what the new series has otherwise; a `start` has the new day and hour.
        """
        master, first = self.copy(uid), self.occurrence(uid, index)
        zone = ZoneInfo(self.zone)
        day = first.original_start.astimezone(zone).date()
        boundary = master.recurrence.boundary
        extent = {"number": boundary.number - index + 1} if hasattr(boundary, "number") else {}
        extent |= {"end": boundary.end} if hasattr(boundary, "end") else {}
        given: dict[str, object] = {
            "subject": master.subject,
            "location": master.location,
            "start": datetime.combine(day, master.start.astimezone(zone).time()),
            "required": [each.mailbox.email_address for each in master.required_attendees or ()],
            **changes,
        }
        start = given["start"]
        assert isinstance(start, datetime), "only series with hours are split here"
        begins = EWSDate(start.year, start.month, start.day)
        self.end_series(uid, day - timedelta(days=1))
        return self.meet(
            **given,
            end=start + (master.end - master.start),
            recurrence=Recurrence(pattern=master.recurrence.pattern, start=begins, **extent),
        )

    def view(self, start: datetime, end: datetime) -> list[CalendarItem]:
        """What his calendar shows between two moments: single items, and series in their occurrences."""
        return list(self.calendar.view(start=self._moment(start), end=self._moment(end)))

    def copy(self, uid: str, *, folder: str = "calendar") -> CalendarItem:
        """This person's copy of a meeting. Raises AssertionError if he has none there."""
        place = self.calendar if folder == "calendar" else getattr(self.account, folder)
        found = [item for item in place.all() if getattr(item, "uid", None) == uid]
        assert found, f"{self.principal or self.address} has no copy of the meeting in {folder}"
        return found[0]

    def has_copy(self, uid: str) -> bool:
        return any(item.uid == uid for item in self.calendar.all())

    def edit(self, uid: str, *, silent: bool = False, **changes: object) -> None:
        """Changes fields of his own copy; an organizer's guests are told unless he is silent."""
        self._save(self.copy(uid), changes, silent=silent)

    def _save(self, item: CalendarItem, changes: Mapping[str, object], *, silent: bool) -> None:
        for name, value in changes.items():
            setattr(item, name, self._value(value))
        guests = item.is_meeting and item.organizer and item.organizer.email_address == (self.principal or self.address)
        mode = SEND_ONLY_TO_ALL if guests and not silent else SEND_TO_NONE
        item.save(update_fields=list(changes), send_meeting_invitations=mode)

    def edit_item(self, item_id: str, **changes: object) -> None:
        """Changes fields of one of his items, found by its id, telling nobody."""
        item = self.calendar.get(id=item_id)
        for name, value in changes.items():
            setattr(item, name, self._value(value))
        item.save(update_fields=list(changes), send_meeting_invitations=SEND_TO_NONE)

    def edit_html_body(self, uid: str, change: Callable[[str], str]) -> None:
        """Changes the markup of his own copy's body, telling nobody; a text body becomes HTML."""
        self.edit(uid, silent=True, body=HTMLBody(change(str(self.copy(uid).body or ""))))

    def set_reminder(self, uid: str, minutes: int | None) -> None:
        """Sets the reminder of his own copy so many minutes before the start; None switches it off."""
        if minutes is None:
            self.edit(uid, silent=True, reminder_is_set=False)
        else:
            self.edit(uid, silent=True, reminder_is_set=True, reminder_minutes_before_start=minutes)

    def reminder(self, uid: str) -> int | None:
        """The minutes before the start at which he is reminded; None if he is not."""
        item = self.copy(uid)
        return int(item.reminder_minutes_before_start) if item.reminder_is_set else None

    def dismiss(self, item: CalendarItem | Task) -> None:
        """Dismisses the reminder that rang for an item."""
        self._act_on_reminder(item, "Dismiss")

    def snooze(self, item: CalendarItem | Task, until: datetime) -> None:
        """Lets the reminder of an item ring again later."""
        self._act_on_reminder(item, "Snooze", until=until)

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
        self.copy(uid, folder="trash").move(self.calendar)

    def make_task(
        self,
        subject: str = "Call",
        *,
        start: date | None = None,
        due: date | None = None,
        reminder: datetime | None = None,
        private: bool = False,
        **more: object,
    ) -> str:
        """Makes a task; its item id, which it keeps until it is moved."""
        task = Task(
            account=self.account,
            folder=self.account.tasks,
            subject=subject,
            start_date=None if start is None else EWSDate.from_date(start),
            due_date=None if due is None else EWSDate.from_date(due),
            reminder_is_set=reminder is not None,
            reminder_due_by=None if reminder is None else self._moment(reminder),
            sensitivity="Private" if private else "Normal",
            **more,
        )
        task.save()
        return str(task.id)

    def task(self, task_id: str) -> Task:
        """One of his tasks."""
        return self.account.tasks.get(id=task_id)

    def tasks(self, subject: str | None = None) -> list[Task]:
        """His tasks; of one subject if it is given."""
        return [task for task in self.account.tasks.all() if subject in (None, task.subject)]

    def edit_task(self, task_id: str, **changes: object) -> None:
        task = self.task(task_id)
        for name, value in changes.items():
            setattr(task, name, self._value(value))
        task.save(update_fields=list(changes))

    def complete_task(self, task_id: str) -> None:
        """Ticks the task off."""
        self.edit_task(task_id, status=Task.COMPLETED)

    def make_weekly_task(self, subject: str = "Report", *, due: date, count: int | None = 10, **more: object) -> str:
        """Makes a task that recurs on its due day's weekday; its item id, which it keeps from one to the next."""
        pattern = WeeklyPattern(interval=1, weekdays=[WEEKDAYS[due.weekday()]])
        extent = {"number": count} if count else {}
        recurrence = TaskRecurrence(pattern=pattern, start=EWSDate.from_date(due), **extent)
        return self.make_task(subject, due=due, recurrence=recurrence, **more)

    def skip_task(self, task_id: str) -> None:
        """Deletes the current occurrence of a recurring task."""
        self.task(task_id).delete(affected_task_occurrences=SPECIFIED_OCCURRENCE_ONLY)

    def set_task_reminder(self, task_id: str, moment: datetime | None) -> None:
        """Sets the moment at which he is reminded of a task; None switches the reminder off."""
        if moment is None:
            self.edit_task(task_id, reminder_is_set=False)
        else:
            self.edit_task(task_id, reminder_due_by=moment, reminder_is_set=True)

    def delete_task(self, task_id: str, *, for_good: bool = False) -> None:
        task = self.task(task_id)
        if for_good:
            task.delete(affected_task_occurrences=ALL_OCCURRENCES)
        else:
            task.move_to_trash(affected_task_occurrences=ALL_OCCURRENCES)

    def _act_on_reminder(self, item: CalendarItem | Task, action: str, *, until: datetime | None = None) -> None:
        _PerformReminderAction(account=self.account).call(item, action, until)

    def _moment(self, moment: datetime | date) -> EWSDateTime | EWSDate:
        if not isinstance(moment, datetime):
            return EWSDate.from_date(moment)
        zone = EWSTimeZone(self.zone)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.zone))
        return EWSDateTime.from_datetime(aware.astimezone(ZoneInfo(self.zone)).replace(tzinfo=zone))

    def _value(self, value: object) -> object:
        return self._moment(value) if isinstance(value, date) else value


@dataclass(frozen=True)
class Letter:
    """A meeting message as its reader sees it: from whom, and who sent it for him; of a copy, whom it is for."""

    kind: str
    subject: str
    author: str
    sender: str
    start: datetime | None
    is_delegated: bool = False


_KINDS = {MeetingRequest: "invitation", MeetingCancellation: "cancellation", MeetingResponse: "response"}
_UPDATES = ("FullUpdate", "InformationalUpdate")


def _letter(message: BaseMeetingItem) -> Letter:
    is_update = getattr(message, "meeting_request_type", None) in _UPDATES
    return Letter(
        kind="update" if is_update else _KINDS[type(message)],
        subject=message.subject,
        author=message.author.email_address,
        sender=message.sender.email_address,
        start=getattr(message, "start", None),
        is_delegated=bool(message.is_delegated),
    )


def _permissions(**levels: str) -> DelegatePermissions:
    return DelegatePermissions(**{f"{folder}_folder_permission_level": level for folder, level in levels.items()})


class _OnDelegates(EWSAccountService):
    """The operations by which Outlook changes delegates; the client library only reads them."""

    returns_elements = False

    @classmethod
    def _response_message_tag(cls) -> str:
        return f"{{{MNS}}}DelegateUserResponseMessageType"

    def send(self, *content: object) -> None:
        payload = create_element(f"m:{self.SERVICE_NAME}")
        mailbox = DLMailbox(email_address=self.account.primary_smtp_address)
        set_xml_value(payload, mailbox, version=self.account.version)
        payload.extend(content)
        list(self._get_elements(payload=payload))


class _AddDelegate(_OnDelegates):
    SERVICE_NAME = "AddDelegate"

    def call(self, user: DelegateUser, deliver: str | None) -> None:
        users = create_element("m:DelegateUsers")
        users.append(_in_types(user.to_xml(version=self.account.version)))
        delivery = create_element("m:DeliverMeetingRequests")
        delivery.text = deliver
        self.send(users, *([delivery] if deliver else []))


class _RemoveDelegate(_OnDelegates):
    SERVICE_NAME = "RemoveDelegate"

    def call(self, user_id: UserId) -> None:
        listed = create_element("m:UserIds")
        set_xml_value(listed, user_id, version=self.account.version)
        self.send(listed)


def _in_types(element: Any) -> Any:
    """In the namespace that requests have it in; the client library knows it from answers."""
    element.tag = element.tag.replace(MNS, TNS)
    return element


class _PerformReminderAction(EWSAccountService):
    """The operation by which Outlook's reminder window speaks; the client library has none."""

    SERVICE_NAME = "PerformReminderAction"
    element_container_name = f"{{{MNS}}}UpdatedItemIds"

    def call(self, item: CalendarItem | Task, action: str, until: datetime | None) -> None:
        list(self._get_elements(payload=self.get_payload(item, action, until)))

    def get_payload(self, item: CalendarItem | Task, action: str, until: datetime | None) -> object:
        payload = create_element(f"m:{self.SERVICE_NAME}")
        actions = create_element("m:ReminderItemActions")
        one = create_element("t:ReminderItemAction")
        add_xml_child(one, "t:ActionType", action)
        set_xml_value(one, ItemId(item.id, item.changekey), version=self.account.version)
        if until is not None:
            add_xml_child(one, "t:NewReminderTime", until.isoformat())
        actions.append(one)
        payload.append(actions)
        return payload


def _attendees(addresses: Iterable[str]) -> Sequence[Attendee] | None:
    found = [Attendee(mailbox=Mailbox(email_address=address)) for address in addresses]
    return found or None


def _an_hour_after(start: datetime | date) -> datetime | date:
    """An hour later, or the end of the day: the client counts a last day in."""
    return start + timedelta(hours=1) if isinstance(start, datetime) else start
