"""CPU per calendar item: ours, stock exchangelib, and lxml's parser alone.

One GetItem answer of ten meetings with five attendees and a full time zone block. Rounds of the three take turns, so
that a busy machine slows all of them; what counts is each one's best round.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from exchangelib.services import GetItem
from exchangelib.version import EXCHANGE_2013_SP1, Version

from daemon.exchange.ews import answers, envelopes, uids
from daemon.exchange.ews.decoder import Reading
from schemas.copies import Copy, Folder
from tests.bench.rows import Row, ratio_at_most
from tests.unit.exchange import canned

MAILBOX = "anna@bank.example"
ITEMS = 10
ROUNDS = 300
MISSED = (
    "taking from lxml's tree the tags and texts that are read, and making nothing of them, takes 0.9 times the parse "
    "(half of it for people, six in 36 elements), and making the copies 1.1, in many small values. Other ways to the "
    "texts, parse included, where this one takes 1.9 times the parse: one XSLT for the whole answer, its output "
    "split, 2.4; expat with three handlers that only take down 2.7; the standard library's ElementTree 1.9 before any "
    "text is taken, and with this decoder on top no less than now; a regular expression, beside the parse that has to "
    "check the answer, 1.8 with entities and prefixes still to be read"
)
MISSED_STOCK = (
    "as above: the parse is more than half of what the goal allows, and taking the texts, with nothing made of them, "
    "all of the rest"
)


def rows(quick: bool) -> list[Row]:
    """Beside the parse alone, and beside exchangelib."""
    raw = answer(ITEMS)
    item_ids = [f"AAMk{number}" for number in range(ITEMS)]
    contenders = {
        "parse": lambda: bare(raw),
        "ours": lambda: ours(raw, item_ids),
        "exchangelib": lambda: stock(raw),
    }
    took = {name: seconds / ITEMS * 1e6 for name, seconds in best(contenders, ROUNDS // (10 if quick else 1)).items()}
    unit = "us CPU/item"
    return [
        Row("decoding / bare lxml parse", took["ours"], took["parse"], unit, (ratio_at_most(1.5),), MISSED),
        Row(
            "decoding / stock exchangelib",
            took["ours"],
            took["exchangelib"],
            unit,
            (ratio_at_most(1 / 15),),
            MISSED_STOCK,
        ),
    ]


def answer(items: int) -> bytes:
    """A GetItem answer as Exchange writes it."""
    return canned.answer("GetItem", *(canned.items(meeting(number)) for number in range(items)))


def ours(raw: bytes, item_ids: list[str]) -> None:
    """From bytes to paired canonical copies, as the backend does."""
    reading = Reading(MAILBOX, {canned.CALENDAR_ID: Folder.CALENDAR})
    found = answers.paired(answers.checked(envelopes.messages(raw)), item_ids, reading)
    if not all(isinstance(copy, Copy) for copy in found):
        raise SystemExit("the decoder did not read its own benchmark")


def stock(raw: bytes) -> None:
    """From bytes to exchangelib's items."""
    version = Version(build=EXCHANGE_2013_SP1)
    account = SimpleNamespace(
        protocol=SimpleNamespace(version=version), version=version, default_timezone=None, fullname=None
    )
    for item in GetItem(account=account).parse(raw):
        if isinstance(item, Exception):
            raise item


def bare(raw: bytes) -> None:
    """lxml's parse, with the decoder's settings, and nothing else."""
    envelopes.parse(raw)


def best(contenders: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Seconds of CPU of each one's best round."""
    seconds = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, contender in contenders.items():
            started = time.process_time()
            contender()
            seconds[name] = min(seconds[name], time.process_time() - started)
    return seconds


def identity(number: int) -> bytes:
    """A meeting's global object id."""
    return uids.HEAD + bytes(8) + number.to_bytes(16, "big")


def meeting(number: int, *, item_id: str = "", mailbox: str = MAILBOX) -> str:
    """One calendar item of this mailbox, whose owner invited five others."""
    people = "".join(
        canned.attendee(f"Person {one}", f"person{one}@client.example", "Accept").replace(
            "</t:Attendee>", "<t:LastResponseTime>2026-11-01T10:00:00Z</t:LastResponseTime></t:Attendee>"
        )
        for one in range(5)
    )
    organizer = canned.person("Anna Adler", mailbox)
    fields: dict[str, Any] = {
        "Subject": f"Review {number}",
        "Sensitivity": "Normal",
        "Importance": "Normal",
        "ReminderIsSet": "true",
        "ReminderMinutesBeforeStart": "15",
        "LastModifiedTime": "2026-11-01T10:00:00Z",
        "IsAllDayEvent": "false",
        "Location": "Room 4",
        "IsMeeting": "true",
        "IsCancelled": "false",
        "CalendarItemType": "Single",
        "MyResponseType": "Organizer",
        "AppointmentState": "1",
        "UID": identity(number).hex().upper(),
    }
    return canned.meeting(
        item_id or f"AAMk{number}",
        f'<t:Body BodyType="Text">{"Some notes about the plan. " * 50}</t:Body>',
        f"<t:Organizer>{organizer}</t:Organizer><t:RequiredAttendees>{people}</t:RequiredAttendees>",
        '<t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="35" '
        f'PropertyType="Binary"/><t:Value>{b64encode(identity(number)).decode()}</t:Value>'
        "</t:ExtendedProperty>",
        _zone(),
        **fields,
    )


def _zone() -> str:
    period = "trule:Microsoft/Registry/W. Europe Standard Time/2006"
    periods = "".join(
        f'<t:Period Bias="-PT{hours}H" Name="{name}" Id="{period}-{name}"/>'
        for hours, name in ((1, "Standard"), (2, "Daylight"))
    )
    rules = "".join(
        f'<t:RecurringDayTransition><t:To Kind="Period">{period}-{name}</t:To><t:TimeOffset>PT2H</t:TimeOffset>'
        f"<t:Month>{month}</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>-1</t:Occurrence>"
        "</t:RecurringDayTransition>"
        for month, name in ((3, "Daylight"), (10, "Standard"))
    )
    return (
        '<t:StartTimeZone Id="W. Europe Standard Time" Name="(UTC+01:00) Amsterdam, Berlin, Bern, Rome">'
        f'<t:Periods>{periods}</t:Periods><t:TransitionsGroups><t:TransitionsGroup Id="0">{rules}'
        '</t:TransitionsGroup></t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind="Group">0</t:To>'
        "</t:Transition></t:Transitions></t:StartTimeZone>"
    )
