"""Late in the afternoon: an assistant acts for an advisor, and every mail is one that somebody asked for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from daemon.demo import cast
from daemon.demo.day import Day, Mail, Scene
from daemon.demo.desk import Desk, times
from daemon.demo.evidence import expect
from daemon.demo.telling import Told
from daemon.demo.witness import Seen
from schemas import ids, options
from schemas.outcomes import Direction

_GUESTS = ("bob", "dora")


async def _not_in_force(day: Day) -> Told:
    """A grant counts only with the principal's option on; until then nobody is a delegate in Exchange (INV-1)."""
    await day.stage.announce(cast.delegation("granted", principal="anna", delegate="emil"))
    outcome = await day.of_delegation(result="refused", reason="option_off")
    day.records["right"] = outcome.record.key.decode() if outcome.record.key else ""
    names = await _delegates(day)
    expect("delegates of u-anna in Exchange", seen=names, wanted=[])
    return Told(
        f"In the CRM, Anna Adler lets her assistant Emil Eder act for her; {options.MEETING_INVITATIONS} is off.",
        (f"The daemon answers {_answered(outcome)}. In Exchange {cast.listed(names)} may act for her.",),
        outcome,
    )


async def _in_force(day: Day) -> Told:
    """The option applies the grants that stand (INV-1): his calendar rights and no more."""
    await day.switches(options.MEETING_INVITATIONS, value=True, who="anna")
    outcome = await day.of_delegation(result="applied")
    found = await day.outlook("anna").delegates()
    expect("delegates of u-anna in Exchange", seen=[each.name for each in found], wanted=["Emil Eder"])
    [emil] = found
    expect("his level in her calendar", seen=emil.calendar, wanted="Editor")
    expect("his levels in her other folders", seen=sorted(emil.elsewhere), wanted=["None"])
    expect("whether he sees private items", seen=emil.sees_private, wanted=False)
    return Told(
        f"{options.MEETING_INVITATIONS} is switched on for Anna Adler; what she granted stands.",
        (
            f"{emil.name} is her delegate in Exchange: {emil.calendar} in the calendar, {cast.listed(emil.elsewhere)} "
            f"elsewhere; private items are {'shown to' if emil.sees_private else 'hidden from'} him.",
        ),
        outcome,
    )


async def _invited(day: Day) -> Told:
    """He makes it for her and has all told: it is hers, and the mails say who acted for whom (INV-2, INV-3)."""
    made = await _emil(day).meets("Year's end", start=day.at(18), users=_users("anna", *_GUESTS), notify="all")
    crm_id, uid = made["id"], ids.uid_of_crm(made["id"])
    outcome = await day.outcome_of(ids.link_of_crm(crm_id), result="applied", direction=Direction.OUTBOUND)
    await day.stage.quiet()
    annas = await day.outlook("anna").item(uid)
    got = await _received(day, uid)
    expect("organizer of the meeting", seen=annas.organizer, wanted="Anna Adler")
    expect("who got how many mails about it", seen=_numbers(got), wanted={"bob": 1, "dora": 1})
    expect("mails of the daemon about it", seen=await _sent(day, uid), wanted=2)
    day.records["year's end"] = crm_id
    return Told(
        f'Emil Eder, in the CRM, makes "{made["item"]["subject"]}" for {cast.named(made["item"]["owner"])}, with '
        f"{cast.listed(annas.guests)}, and asks for all to be told.",
        (
            f"It is {annas.organizer}'s, in her calendar.",
            f"{_each_has(got)}: {_kind(got)}, {_by(got)}.",
        ),
        outcome,
    )


async def _nothing_to_tell(day: Day) -> Told:
    """What guests do not see is told to nobody, even if asked; else nobody is told unasked (INV-4, INV-5)."""
    crm_id, uid = _year_end(day)
    before = await _received(day, uid)
    await _emil(day).changes(crm_id, notify="all", **{"for": [{"contact": "c-otto", "source": "crm"}]})
    outcome = await day.outcome_of(ids.link_of_crm(crm_id), result="applied", direction=Direction.OUTBOUND)
    silent = [each["because"] for each in outcome.data["explain"] if each["decision"] == "silent"]
    expect("reasons why nobody is told", seen=len(silent), wanted=1)
    expect("writes", seen=outcome.data["writes"], wanted=[])
    later = day.at(19)
    await _emil(day).changes(crm_id, **times(later))
    await day.stage.quiet()
    starts = await _starts(day, uid)
    expect("the start in the three calendars", seen=starts, wanted=[later] * 3)
    expect("mails since", seen=_further(before, await _received(day, uid)), wanted=0)
    return Told(
        "Emil Eder notes in the CRM that it is about Otto Ohm, and asks for all to be told. Then he moves it by an "
        "hour, and asks for nobody to be.",
        (
            f"Of the first there is nothing to tell: {silent[0]}.",
            f"The second is in {len(starts)} calendars, where it is at {_clock(starts[0])} now. "
            f"Mails sent: {_further(before, await _received(day, uid))}.",
        ),
        outcome,
    )


async def _one_more(day: Day) -> Told:
    """Only who is new is mailed, if only they are to be told (INV-3)."""
    crm_id, uid = _year_end(day)
    before = await _received(day, uid)
    await _emil(day).changes(crm_id, notify="added", assign_to=_users("anna", *_GUESTS, "cleo"))
    outcome = await day.outcome_of(ids.link_of_crm(crm_id), result="applied", direction=Direction.OUTBOUND)
    await day.stage.quiet()
    hers, others = {"cleo": await day.received("cleo", uid)}, await _received(day, uid)
    expect("mails to u-cleo about it", seen=_numbers(hers), wanted={"cleo": 1})
    expect("further mails to the others", seen=_further(before, others), wanted=0)
    shown = await day.outlook("cleo").item(uid)
    return Told(
        f"Emil Eder adds {cast.named(cast.address('cleo'))}, and asks for those to be told who are new.",
        (
            f'She has {shown.organizer}\'s "{shown.subject}" in her calendar.',
            f"{_each_has(hers)}: {_kind(hers)}, {_by(hers)}. Further mails to the others: {_further(before, others)}.",
        ),
        outcome,
    )


async def _taken_back(day: Day) -> Told:
    """A revoked delegate is none in Exchange, and what he still tries is refused and put back (INV-1, INV-2)."""
    crm_id, uid = _year_end(day)
    before, sent = (await day.record(crm_id))["item"], await _sent(day, uid)
    await day.stage.announce(cast.delegation("revoked", principal="anna", delegate="emil"))
    revoked = await day.of_delegation(result="applied")
    names = await _delegates(day)
    expect("delegates of u-anna in Exchange", seen=names, wanted=[])
    await _emil(day).changes(crm_id, notify="all", **times(day.at(20)))
    outcome = await day.outcome_of(ids.link_of_crm(crm_id), result="refused", reason="no_grant")
    after = (await day.record(crm_id))["item"]
    expect("the start in the CRM", seen=_start(after), wanted=_start(before))
    expect("the start in the three calendars", seen=await _starts(day, uid), wanted=[_start(before)] * 3)
    further = await _sent(day, uid) - sent
    expect("mails of the daemon about it", seen=further, wanted=0)
    return Told(
        "Anna Adler takes the right back. Emil Eder moves the meeting once more, and asks for all to be told.",
        (
            f"The daemon answers {_answered(revoked)}. In Exchange {cast.listed(names)} may act for her.",
            f"What he tries is {_answered(outcome)}: the CRM is told to put it back, and the meeting is at "
            f"{_clock(_start(after))} as before. Mails sent: {further}.",
        ),
        outcome,
    )


def _emil(day: Day) -> Desk:
    return day.crm("emil").on_behalf_of(cast.user("anna"))


def _users(*who: str) -> list[str]:
    return [cast.user(each) for each in who]


def _year_end(day: Day) -> tuple[str, str]:
    """The CRM's id and the UID of the meeting that all of this is about."""
    crm_id = day.records["year's end"]
    return crm_id, ids.uid_of_crm(crm_id)


async def _delegates(day: Day) -> list[str]:
    """Who may act for Anna Adler, as Exchange tells her."""
    return [each.name for each in await day.outlook("anna").delegates()]


async def _received(day: Day, uid: str) -> dict[str, list[Mail]]:
    return {who: await day.received(who, uid) for who in _GUESTS}


async def _sent(day: Day, uid: str) -> int:
    """How many the daemon has had mailed about it."""
    return sum(mail.uid == uid for mail in await day.mails_of_daemon())


async def _starts(day: Day, uid: str) -> list[datetime]:
    items = await asyncio.gather(*(day.outlook(who).item(uid) for who in ("anna", *_GUESTS)))
    return [item.start for item in items]


def _start(item: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(item["start"])


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M} UTC"


def _answered(outcome: Seen) -> str:
    reason = outcome.data["reason"]
    return f"{outcome.data['result']}, {reason}" if reason else str(outcome.data["result"])


def _numbers(got: dict[str, list[Mail]]) -> dict[str, int]:
    return {who: len(mails) for who, mails in got.items()}


def _further(before: dict[str, list[Mail]], after: dict[str, list[Mail]]) -> int:
    return sum(_numbers(after).values()) - sum(_numbers(before).values())


def _each_has(got: dict[str, list[Mail]]) -> str:
    numbers = {len(mails) for mails in got.values()}
    said = "one mail" if numbers == {1} else f"{cast.listed(map(str, sorted(numbers)))} mails"
    return f"{cast.listed(cast.address(who) for who in got)} {'has' if len(got) == 1 else 'each have'} {said}"


def _kind(got: dict[str, list[Mail]]) -> str:
    return cast.listed(sorted({f"an {mail.kind}" for mails in got.values() for mail in mails}))


def _by(got: dict[str, list[Mail]]) -> str:
    return cast.listed(sorted({in_whose_name(mail.sender, mail.from_) for mails in got.values() for mail in mails}))


def in_whose_name(sender: str | None, from_: str) -> str:
    """Who is told to have sent a mail, by ids or addresses."""
    if sender in (None, from_):
        return cast.named(from_)
    return f"{cast.named(str(sender))} on behalf of {cast.named(from_)}"


SCENES = (
    Scene("A right that is not in force", _not_in_force),
    Scene("The right is in force", _in_force),
    Scene("Invited on behalf of another", _invited),
    Scene("Changes of which nobody is told", _nothing_to_tell),
    Scene("One more guest", _one_more),
    Scene("The right is taken back", _taken_back),
)
