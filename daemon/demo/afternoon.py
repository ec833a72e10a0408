"""The afternoon: the CRM's users act too, and what one side changes is on the other, with not one mail."""

from __future__ import annotations

import re
from collections.abc import Iterable

from daemon.demo import cast
from daemon.demo.day import Day, Scene
from daemon.demo.evidence import NotSo, expect
from daemon.demo.telling import Told
from schemas import ids, options
from schemas.outcomes import Direction

_SUBJECT, _NOTES, _ADDED = "Portfolio review", "Bring the file", "<p>And the figures</p>"
_TASK = "Send the contract"
_BLOCK = re.compile(r'<div id="(?P<id>[^"]+)"[^>]*>(?:<div>.*?</div>)+</div>', re.DOTALL)
"""The note in a body, by the markup that the daemon gives it."""
_LINE, _TAG = re.compile(r"<div>(.*?)</div>"), re.compile(r"<[^>]+>")


async def _alarm_in(day: Day) -> Told:
    """Everybody's alarm is his own, and read from his own copy (ALM-1, ALM-2)."""
    uid = day.meetings["pension two"]
    await day.switches(options.MEETING_ALARMS, value=True, who="bob")
    bobs = await day.outlook("bob").is_reminded(uid, minutes=30)
    outcome = await day.outcome(uid, result="applied")
    command, item = await day.command(uid), await day.item(uid)
    expect("fields that the command changes", seen=command.data["changed"], wanted=["alarms"])
    expect("alarms in the CRM", seen=item["item"]["alarms"], wanted={"u-bob": [30]})
    day.records["pension two"] = item["id"]
    return Told(
        f"{options.MEETING_ALARMS} is switched on for Bob Braun. He has his Outlook remind him of "
        f'"{bobs.subject}" {bobs.reminder} minutes before.',
        (f"{item['id']} has his alarm, {_minutes(item['item']['alarms']['u-bob'])}, and nobody else's.",),
        outcome,
    )


async def _alarm_out(day: Day) -> Told:
    """A user's alarm goes to his own copy, and nothing else is written (ALM-2, ALM-5)."""
    uid, record = day.meetings["pension two"], day.records["pension two"]
    annas = await day.outlook("anna").item(uid)
    await day.crm("bob").changes(record, alarms={"u-bob": [5]})
    outcome = await day.outcome(uid, result="applied")
    await day.stage.quiet()
    bobs, still = await day.outlook("bob").item(uid), await day.outlook("anna").item(uid)
    expect("the reminder in u-bob's calendar", seen=bobs.reminder, wanted=5)
    expect("the reminder in u-anna's calendar", seen=still.reminder, wanted=annas.reminder)
    return Told(
        f"In the CRM, Bob Braun sets his alarm of {record} to 5 minutes.",
        (f"His Outlook reminds him {bobs.reminder} minutes before; Anna Adler's {still.reminder}, as it did.",),
        outcome,
    )


async def _made_in_the_crm(day: Day) -> Told:
    """It is in the owner's calendar with her guests, in the others' as copies of their own; nobody is mailed (INV-4,
    INV-6). What the CRM holds beside it stands at the end of the bodies (NOTE-1).
    """
    await day.switches(options.RELATED_NOTES, value=True)
    made = await day.crm("cleo").meets(
        _SUBJECT, start=day.at(16), users=["u-cleo", "u-dora"], notes=_NOTES, related=[_opportunity("offer sent")]
    )
    outcome = await day.outcome_of(ids.link_of_crm(made["id"]), result="applied")
    await day.stage.quiet()
    cleos = await day.outlook("cleo").item(ids.uid_of_crm(made["id"]))
    doras = await day.outlook("dora").item(ids.uid_of_direct_copy(made["id"], "u-dora"))
    expect("guests in u-cleo's calendar", seen=list(cleos.guests), wanted=["Dora Diaz"])
    expect("guests in u-dora's copy", seen=list(doras.guests), wanted=[])
    expect("the note in u-dora's copy", seen=_note(doras.body), wanted=_note(cleos.body))
    day.meetings["portfolio"], day.records["portfolio"] = cleos.uid, made["id"]
    return Told(
        f"{options.RELATED_NOTES} is switched on, for everybody. Cleo Curie, in the CRM, makes "
        f'"{made["item"]["subject"]}" with Dora Diaz and ties an opportunity to it.',
        (
            f"It is a meeting of {cleos.organizer}'s in her calendar, with {cast.listed(cleos.guests)}, who has a copy "
            f"of her own. Mails sent: {len(await day.mails_of_daemon())}.",
            f"Both bodies end with a note: {_quoted(_note(cleos.body))}.",
        ),
        outcome,
    )


async def _note_survives(day: Day) -> Told:
    """What people write around the note is theirs; it is replaced in place, and what they wrote into it is gone
    (NOTE-2, NOTE-3).
    """
    uid, crm_id = day.meetings["portfolio"], day.records["portfolio"]
    old = await day.outlook("cleo").item(uid)
    scribbled = _block(old.body).replace("offer sent", "offer lost")
    edited = await day.outlook("cleo").changes(
        uid, Body=old.body.replace(_block(old.body), _ADDED + scribbled), tells=False
    )
    expect("the note as she left it", seen=_note(edited.body)[-1], wanted="State: offer lost")
    await day.outcome_of(ids.link_of_crm(crm_id), result="applied", direction=Direction.INBOUND)
    notes = (await day.record(crm_id))["item"]["notes"].split("\n\n")
    expect("notes in the CRM", seen=notes, wanted=[_NOTES, "And the figures"])
    await day.crm("gina").changes(crm_id, related=[_opportunity("offer accepted")])
    outcome = await day.outcome_of(ids.link_of_crm(crm_id), result="applied", direction=Direction.OUTBOUND)
    await day.stage.quiet()
    new = await day.outlook("cleo").item(uid)
    kept = edited.body.replace(scribbled, "")
    expect("the body around the note", seen=new.body.replace(_block(new.body), ""), wanted=kept)
    return Told(
        "Cleo Curie, in Outlook, adds a line above the note and scribbles into the note. Then her assistant Gina Gold "
        "changes the opportunity in the CRM.",
        (
            f"The CRM's notes of {crm_id} are what people wrote: {_quoted(notes)}.",
            f"The body has one note, renewed: {_quoted(_note(new.body))}. Around it not a byte has changed.",
        ),
        outcome,
        only=(),
    )


async def _both_at_once(day: Day) -> Told:
    """Changed on both sides, one field is decided by the policy; one that only she changed is hers (CON-1, CON-2)."""
    uid, crm_id = day.meetings["portfolio"], day.records["portfolio"]
    day.stage.post.keep_back(cast.address("cleo"))
    hers = await day.outlook("cleo").changes(uid, Subject="Portfolio, final", Location="Room 9", tells=False)
    subject = "Portfolio, with figures"
    await day.crm("gina").changes(crm_id, subject=subject)
    outcome = await day.outcome_of(ids.link_of_crm(crm_id), result="applied", direction=Direction.OUTBOUND)
    await day.stage.post.let_go()
    item = (await day.record(crm_id))["item"]
    copies = [await day.outlook("cleo").item(uid), await day.outlook("dora").item(_doras(crm_id))]
    subjects = [item["subject"], *(copy.subject for copy in copies)]
    places = [item["location"], *(copy.location for copy in copies)]
    expect("the subject in the CRM, u-cleo's and u-dora's copy", seen=subjects, wanted=[subject] * len(subjects))
    expect("the place in the CRM, u-cleo's and u-dora's copy", seen=places, wanted=[hers.location] * len(places))
    expect("conflicts", seen=outcome.data["conflicts"], wanted=[{"field": "subject", "winner": "crm"}])
    return Told(
        f'Cleo Curie renames it "{hers.subject}" in Outlook and moves it to {hers.location}; before anybody hears of '
        f'that, Gina Gold renames it "{subject}" in the CRM.',
        (
            f'Both sides changed the subject: "{item["subject"]}" stands, in the CRM and in both calendars.',
            f"Only she changed the place: it is {item['location']} in the CRM and in both calendars.",
        ),
        outcome,
        only=(),
    )


async def _task_alarm(day: Day) -> Told:
    """A task's alarm goes to the list of whoever has the option on, and to no other (ALM-6, OPT-4)."""
    await day.switches(options.TASK_ALARMS, value=True, who="anna")
    alarm = day.at(8)
    users = ["u-anna", "u-bob"]
    made = await day.crm("anna").assigns(
        _TASK, due=day.at(17), users=users, alarms=dict.fromkeys(users, alarm.isoformat())
    )
    outcome = await day.outcome_of(ids.link_of_crm(made["id"]), result="applied", direction=Direction.OUTBOUND)
    await day.stage.quiet()
    annas, bobs = await day.outlook("anna").task(_TASK), await day.outlook("bob").task(_TASK)
    expect("the reminder in u-anna's list", seen=annas.reminder, wanted=alarm)
    expect("the reminder in u-bob's list", seen=bobs.reminder, wanted=None)
    day.records["task"] = made["id"]
    task = made["item"]
    return Told(
        f"{options.TASK_ALARMS} is switched on for Anna Adler alone. In the CRM she makes the task "
        f'"{task["subject"]}" for {cast.listed(task["assign_to"])}, with an alarm for '
        f"{'each of them' if list(task['alarms']) == task['assign_to'] else cast.listed(task['alarms'])}.",
        (
            f"It is in both lists. Hers reminds her when the CRM says, on the day at {annas.reminder:%H:%M} UTC; his "
            f"{'does not remind him' if bobs.reminder is None else 'reminds him, too'}.",
        ),
        outcome,
        only=(options.TASK_ALARMS,),
    )


async def _task_for_two(day: Day) -> Told:
    """One task in two lists: ticked off in one of them, it is completed in the CRM and in the other (MAP)."""
    crm_id = day.records["task"]
    annas = await day.outlook("anna").task(_TASK)
    bobs = await day.outlook("bob").completes(_TASK)
    outcome = await day.outcome_of(ids.link_of_crm(crm_id), result="applied", direction=Direction.INBOUND)
    task = (await day.record(crm_id))["item"]
    expect("status of the task in the CRM", seen=task["status"], wanted="completed")
    then = await day.outlook("anna").task(_TASK)
    expect("the task in u-anna's list before", seen=annas.status, wanted="NotStarted")
    expect("the task in u-anna's list now", seen=then.status, wanted=bobs.status)
    return Told(
        f'Bob Braun ticks "{bobs.subject}" off in his list.',
        (
            f"{crm_id} is {task['status']} in the CRM.",
            f"In Anna Adler's list it was {annas.status}, and is {then.status} now.",
        ),
        outcome,
        only=(),
    )


def _opportunity(state: str) -> dict[str, str]:
    url = "https://crm.example/o-7"
    return {"kind": "opportunity", "id": "o-7", "title": "Pension plan", "url": url, "text": f"State: {state}"}


def _quoted(lines: Iterable[str]) -> str:
    return ", ".join(f'"{line}"' for line in lines)


def _doras(crm_id: str) -> str:
    return ids.uid_of_direct_copy(crm_id, "u-dora")


def _minutes(alarms: list[int]) -> str:
    return f"{cast.listed(map(str, alarms))} minutes"


def _note(body: str) -> list[str]:
    """The lines of the note in a body, between the one that begins it and the one that ends it."""
    lines = _LINE.findall(_block(body))
    return [_TAG.sub("", line) for line in lines[1:-1]]


def _block(body: str) -> str:
    """The one note in a body. Raises `NotSo`."""
    found = [each.group() for each in _BLOCK.finditer(body)]
    if len(found) != 1:
        raise NotSo("one related note in the body", str(len(found)))
    return found[0]


SCENES = (
    Scene("An alarm out of Outlook", _alarm_in),
    Scene("An alarm out of the CRM", _alarm_out),
    Scene("A meeting made in the CRM", _made_in_the_crm),
    Scene("The note survives an edit in Outlook", _note_survives),
    Scene("Both sides change it at once", _both_at_once),
    Scene("A task for two, and an alarm", _task_alarm),
    Scene("Ticked off by one of them", _task_for_two),
)
