"""Midday: strangers and who is shown them, a private meeting, and hints that come in the wrong order."""

from __future__ import annotations

import asyncio

from daemon.demo import cast
from daemon.demo.day import OUT, Day, Scene, contacts_in_for
from daemon.demo.evidence import NotSo, expect
from daemon.demo.morning import invites
from daemon.demo.telling import Told
from schemas import options

_SECRETS = ("Chrysalis", "Wintergarden", "Obsidian")
"""Words of the private meeting's subject, place and text. Found anywhere they would be a leak."""


async def _a_stranger(day: Day) -> Told:
    """External contacts are shown to those who have the display on (OPT-4)."""
    await day.switches(options.EXTERNAL_CONTACTS_DISPLAY, value=True, who="cleo")
    made = await day.outlook("cleo").meets("Site visit", (cast.address("bob"), cast.XAVER), start=day.at(12))
    outcome = await day.outcome(made.uid, result="applied")
    item = (await day.item(made.uid))["item"]
    strangers = [each["name"] for each in item.get("external", ())]
    expect("external contacts", seen=strangers, wanted=["Xaver Xenos"])
    expect("who is shown them", seen=item["external_shown_to"], wanted=["u-cleo"])
    hidden = [user for user in item["assign_to"] if user not in item["external_shown_to"]]
    return Told(
        f"The display of external contacts is switched on for Cleo Curie alone. {invites(made)}",
        (
            f"{cast.listed(strangers)} is in no directory: an external contact.",
            f"He is shown to {cast.listed(item['external_shown_to'])}, not to {cast.listed(hidden)}.",
        ),
        outcome,
    )


async def _a_private_meeting(day: Day) -> Told:
    """A private meeting with several participants stays out, and nothing of it goes anywhere (PRIV-2, PRIV-5)."""
    subject, place, text = _SECRETS
    made = await day.outlook("dora").meets(
        subject, (cast.address("anna"),), start=day.at(13), private=True, location=place, body=text
    )
    expect("whether the meeting is private", seen=made.private, wanted=True)
    outcome = await day.outcome(made.uid, result="skipped", reason="private_meeting")
    await day.is_absent(made.uid)
    searched = await _nothing_leaked(day)
    day.meetings["private"] = made.uid
    return Told(
        f"{made.organizer} makes a private meeting with {cast.listed(made.guests)}.",
        (
            "It does not come into the CRM.",
            f"Looked for words of its subject, place and text in {searched}: found none.",
        ),
        outcome,
    )


async def _let_in(day: Day) -> Told:
    """The organizer's option lets it in, restricted, when it changes next (OPT-3, PRIV-3)."""
    uid = day.meetings["private"]
    await day.switches(options.PRIVATE_MEETINGS_INBOUND, value=True, who="dora")
    await day.stage.quiet()
    expect("commands because of the option", seen=day.counts().commands, wanted=0)
    changed = await day.outlook("dora").changes(uid, Location="Room 4")
    outcome = await day.outcome(uid, result="applied")
    item = await day.item(uid)
    expect("whether the item is restricted", seen=item["item"]["restricted"], wanted=True)
    expect("users in Assign To", seen=item["item"]["assign_to"], wanted=["u-anna", "u-dora"])
    return Told(
        "Dora Diaz may let private meetings in: the option is switched on for her, and that alone changes nothing. "
        f"Then she moves the meeting to {changed.location}.",
        (f"{item['id']} is in the CRM now, restricted to {cast.listed(item['item']['assign_to'])}.",),
        outcome,
    )


async def _overtaken(day: Day) -> Told:
    """Whoever's hint comes first, the organizer's copy and the organizer's options decide (ID-3, OPT-4)."""
    day.stage.post.keep_back(cast.address("anna"))
    made = await day.outlook("anna").meets("Trade fair", (cast.address("cleo"), cast.OTTO), start=day.at(14))
    outcome = await day.outcome(made.uid, result="applied")
    item = await day.item(made.uid)
    cause = day.cause(outcome)
    mailbox = cause.data.get("mailbox") if cause else None
    expect("the mailbox of the hint that was decided on", seen=mailbox, wanted=cast.address("cleo"))
    expect("owner of the item", seen=item["item"]["owner"], wanted="u-anna")
    expect("contacts in For", seen=contacts_in_for(item), wanted=["c-otto"])
    before = day.counts().put_out
    late = await day.stage.post.let_go()
    await day.stage.quiet()
    expect("records because of the organizer's hints", seen=day.counts().put_out - before, wanted=0)
    return Told(
        f"{invites(made)} The hints of her own mailbox are late; the first ones come from {mailbox}.",
        (
            f"{item['id']} is owned by {cast.named(item['item']['owner'])} and for "
            f"{cast.listed(contacts_in_for(item))}: decided on her copy and by her options all the same.",
            f"Her {late} hints came afterwards: 0 commands, 0 outcomes.",
        ),
        outcome,
    )


async def _nothing_leaked(day: Day) -> str:
    """Where the words were looked for. Raises `NotSo` if one was found."""
    records = [seen.record for topic in OUT for seen in day.stage.witness.of(topic)]
    log = await asyncio.to_thread(day.stage.log_file.read_bytes)
    shown = [
        await day.stage.read(f"{day.stage.urls.crm}/items"),
        await day.stage.read(f"{day.stage.urls.health}/metrics"),
    ]
    told = [*(_everything(record.key, record.value, record.headers) for record in records), log, *shown]
    leaks = sum(word.casefold().encode() in text.lower() for word in _SECRETS for text in told)
    if leaks:
        raise NotSo("no word of a private meeting anywhere", f"{leaks} places that hold one")
    return f"{len(records)} records put out so far, {len(log.splitlines())} lines of the log, the metrics and the CRM"


def _everything(key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...]) -> bytes:
    return b"\n".join((key or b"", value or b"", *(text or b"" for _, text in headers)))


SCENES = (
    Scene("A stranger, and who is shown him", _a_stranger),
    Scene("A private meeting", _a_private_meeting),
    Scene("The private meeting is let in", _let_in),
    Scene("A hint overtakes the organizer's", _overtaken),
)
