"""The evening: an organizer from outside, a record nobody can read, a cancellation, and everything once more."""

from __future__ import annotations

import json

from daemon.demo import cast
from daemon.demo.day import Day, Scene
from daemon.demo.evidence import expect
from daemon.demo.outlook import outside_invitation
from daemon.demo.telling import Told
from schemas import catalogue

_POISON = json.dumps({"mailbox": cast.address("anna"), "folder": "attic", "item_id": "AAMk"}).encode()
_OF_ITEMS = (catalogue.SCHEDULE_ITEMS, catalogue.TASKS)
_WRITING = frozenset(
    {
        "CreateItem",
        "UpdateItem",
        "DeleteItem",
        "MoveItem",
        "SendItem",
        "AddDelegate",
        "UpdateDelegate",
        "RemoveDelegate",
    }
)


async def _from_outside(day: Day) -> Told:
    """Nobody's copy counts until somebody accepts (ID-4)."""
    invited = [cast.mailbox(cast.address(who)) for who in ("anna", "cleo")]
    invitation = outside_invitation(cast.mailbox(cast.PETRA), invited, subject="Joint venture", start=day.at(15))
    uid = await day.stage.invite_from_outside(invitation)
    outcome = await day.outcome(uid, result="skipped", reason="awaiting_acceptance")
    await day.is_absent(uid)
    item = await day.outlook("cleo").item(uid)
    day.meetings["outside"] = uid
    return Told(
        f'{item.organizer}, of another company, invites {cast.listed(item.guests)} to "{item.subject}".',
        ("The CRM does not have it yet: nobody accepted.",),
        outcome,
    )


async def _accepted(day: Day) -> Told:
    """Who accepts first becomes the master; the organizer being no user, the item is read-only (ID-4, ID-6)."""
    uid = day.meetings["outside"]
    accepted = await day.outlook("cleo").accepts(uid)
    outcome = await day.outcome(uid, result="applied")
    command, item = await day.command(uid), await day.item(uid)
    expect("whether the item is read-only", seen=item["item"]["read_only"], wanted=True)
    expect("owner of the item", seen=item["item"]["owner"], wanted=None)
    expect("organizer of the item", seen=item["item"]["organizer"]["email"], wanted=cast.PETRA)
    expect("master of the meeting", seen=command.data["master"], wanted="u-cleo")
    return Told(
        f'Cleo Curie accepts "{accepted.subject}".',
        (
            f"{item['id']} is in the CRM, read-only, organized by {item['item']['organizer']['name']}, assigned to "
            f"{cast.listed(item['item']['assign_to'])}.",
            f"{cast.named(command.data['master'])} is the master: changes are read from her copy.",
        ),
        outcome,
    )


async def _not_the_crms(day: Day) -> Told:
    """What is an outsider's is not the CRM's to change: refused field by field, and put back (ID-6)."""
    uid = day.meetings["outside"]
    before = await day.item(uid)
    await day.crm("gina").changes(before["id"], location="Room 1", status="completed")
    outcome = await day.outcome(uid, result="applied", reason="partly")
    command, after = await day.command(uid), await day.item(uid)
    hers = await day.outlook("cleo").item(uid)
    expect("fields that the command puts back", seen=command.data["changed"], wanted=["location"])
    expect("the place in the CRM", seen=after["item"]["location"], wanted=before["item"]["location"])
    expect("the place in u-cleo's calendar", seen=hers.location, wanted=before["item"]["location"])
    expect("status of the item in the CRM", seen=after["item"]["status"], wanted="completed")
    expect("writes", seen=outcome.data["writes"], wanted=[])
    return Told(
        f'Gina Gold, in the CRM, says that "{hers.subject}" is in Room 1, and marks it completed.',
        (
            f"The place is {hers.organizer}'s to say: the CRM is told to put it back, and Exchange is left alone.",
            f"The status is the CRM's own: it is {after['item']['status']}.",
        ),
        outcome,
    )


async def _poison(day: Day) -> Told:
    """What cannot be read is put aside with its bytes as they were, and stops nothing."""
    headers = (
        ("ce_id", b"poison-1"),
        ("ce_source", b"demo"),
        ("ce_type", b"exchange.item.modified.v1"),
        ("ce_specversion", b"1.0"),
        ("content-type", b"application/json"),
    )
    key = cast.address("anna").encode()
    await day.stage.producer.send(catalogue.NOTIFICATIONS, key=key, value=_POISON, headers=headers)
    letter = await day.dead_letter()
    await day.stage.quiet()
    expect("bytes of the dead letter", seen=letter.record.value, wanted=_POISON)
    return Told(
        "A broken listener puts a record on exchange.notifications that makes no sense.",
        (
            "It is in the dead letters, byte for byte.",
            f"Its headers say why: {letter.header('x-dlq-reason')}, {letter.header('x-dlq-exception-message')}.",
        ),
    )


async def _called_off(day: Day) -> Told:
    """A cancelled meeting is deleted in the CRM (DEL-1, DEL-6); the poison has stopped nothing."""
    uid = day.meetings["pension"]
    cancelled = await day.outlook("anna").cancels(uid)
    outcome = await day.outcome(uid, result="applied")
    command = await day.command(uid)
    await day.is_absent(uid)
    gone = await day.items(uid, deleted=True)
    expect("deleted items of the meeting in the CRM", seen=len(gone), wanted=1)
    return Told(
        f'{cancelled.organizer} cancels "{cancelled.subject}".',
        (
            f"{gone[0]['id']} is deleted in the CRM: {command.data['reason']}, revision {command.data['revision']}.",
            "The record that nobody can read holds up none that came after it.",
        ),
        outcome,
    )


async def _once_more(day: Day) -> Told:
    """An echo does nothing: no record, and no further write (CON-3)."""
    before, written, mailed = await day.stage.items(), await _writes(day), await day.mails()
    said = [seen.record for topic in _OF_ITEMS for seen in day.stage.witness.of(topic)]
    again = await day.stage.post.send_all_again()
    for record in said:
        await day.stage.producer.send(record.topic, key=record.key, value=record.value, headers=record.headers)
    await day.stage.quiet()
    expect("records put out", seen=day.counts().put_out, wanted=0)
    expect("whether the CRM changed", seen=await day.stage.items() != before, wanted=False)
    further = await _writes(day) - written
    expect("further writes to Exchange", seen=further, wanted=0)
    mails = len(await day.mails()) - len(mailed)
    expect("further mails", seen=mails, wanted=0)
    return Told(
        f"All {again} hints of the day are delivered once more, and all {len(said)} events of the CRM's items.",
        (
            f"0 commands, 0 outcomes, 0 dead letters; the CRM is as it was. Further writes to Exchange: {further}, "
            f"further mails: {mails}.",
        ),
    )


async def _writes(day: Day) -> int:
    """How often the daemon has asked Exchange to change something."""
    requests = await day.stage.fetch(f"{day.stage.urls.exchange}/sandbox/requests")
    ours = [each for each in requests if each["account"] == cast.SERVICE[0]]
    return sum(each["count"] for each in ours if each["operation"] in _WRITING)


SCENES = (
    Scene("An invitation from outside", _from_outside),
    Scene("The invitation is accepted", _accepted),
    Scene("Not the CRM's to change", _not_the_crms),
    Scene("A record that nobody can read", _poison),
    Scene("Called off", _called_off),
    Scene("Everything once more", _once_more),
)
