"""The morning: contacts are found by address, an answer comes, and the security check is switched on."""

from __future__ import annotations

from daemon.demo import cast
from daemon.demo.day import Day, Scene, contacts_in_for
from daemon.demo.evidence import expect
from daemon.demo.outlook import CalendarItem
from daemon.demo.telling import Told
from schemas import options

_GUESTS = (cast.address("bob"), cast.FAMILY, cast.OTTO)


def invites(item: CalendarItem, *, kind: str = "") -> str:
    """The deed of somebody who made a meeting, as his calendar shows it."""
    return f'{item.organizer} invites {cast.listed(item.guests)} to "{item.subject}"{kind}.'


async def _one_address_two_contacts(day: Day) -> Told:
    """All contacts of an address are in For (FOR-2), whatever other guests may see of them (FOR-6)."""
    made = await day.outlook("anna").meets("Pension review", _GUESTS, start=day.at(9))
    outcome = await day.outcome(made.uid, result="applied")
    item = await day.item(made.uid)
    expect("contacts in For", seen=contacts_in_for(item), wanted=["c-karl", "c-klara", "c-otto"])
    expect("users in Assign To", seen=item["item"]["assign_to"], wanted=["u-anna", "u-bob"])
    day.meetings["pension"] = made.uid
    found = f"The CRM's {item['id']} is for {cast.listed(contacts_in_for(item))}, assigned to "
    return Told(
        invites(made),
        (
            f"{found}{cast.listed(item['item']['assign_to'])}.",
            f"{cast.FAMILY} is the address of two contacts: both are there.",
        ),
        outcome,
    )


async def _an_answer(day: Day) -> Told:
    """An attendee's own answer is read from his own copy and followed (PART-7)."""
    uid = day.meetings["pension"]
    accepted = await day.outlook("bob").accepts(uid)
    outcome = await day.outcome(uid, result="applied")
    command, item = await day.command(uid), await day.item(uid)
    expect("the answer of u-bob in the CRM", seen=item["item"]["responses"].get("u-bob"), wanted="accepted")
    expect("fields that the command changes", seen=command.data["changed"], wanted=["responses"])
    day.items_before["pension"] = item["version"]
    return Told(
        f'Bob Braun accepts "{accepted.subject}".',
        (f"{item['id']} says that he {item['item']['responses']['u-bob']}; the command changes nothing else.",),
        outcome,
        only=(),
    )


async def _check_on(day: Day) -> Told:
    """An option is in force as soon as it is answered, without a restart, and rewrites nothing by itself (OPT-3)."""
    answer = await day.switches(options.FOR_CONTACTS_SECURITY_CHECK, value=True)
    await day.stage.quiet()
    expect("commands because of the option", seen=day.counts().commands, wanted=0)
    assigned = await day.stage.metric("exsyncd_rebalances_total")
    expect("how often the daemon took up its partitions", seen=assigned, wanted=1.0)
    return Told(
        f"The CRM's administrator switches {options.FOR_CONTACTS_SECURITY_CHECK} on, for everybody.",
        (
            f"The daemon answers {answer.data['result']}. It was not restarted, and no item was touched.",
            "From now on only contacts that every CRM user in the meeting may see stay in For.",
        ),
        answer,
    )


async def _the_same_guests_again(day: Day) -> Told:
    """The next meeting is decided by the check (FOR-5); the one before stays as it was."""
    made = await day.outlook("anna").meets("Pension review, part two", _GUESTS, start=day.at(11))
    outcome = await day.outcome(made.uid, result="applied")
    item, first = await day.item(made.uid), await day.item(day.meetings["pension"])
    expect("contacts in For", seen=contacts_in_for(item), wanted=["c-klara"])
    expect("whether the CRM shows external contacts", seen="external" in item["item"], wanted=False)
    expect("contacts in For of the first meeting", seen=len(contacts_in_for(first)), wanted=3)
    expect("version of the first meeting", seen=first["version"], wanted=day.items_before["pension"])
    day.meetings["pension two"] = made.uid
    gone = [each["about"] for each in outcome.data["explain"] if each["rule"] == "FOR-5"]
    expect("contacts that the check took out", seen=sorted(gone), wanted=["c-karl", "c-otto"])
    return Told(
        invites(made),
        (
            f"{item['id']} is for {cast.listed(contacts_in_for(item))} alone; the check took out {cast.listed(gone)}.",
            f"The first meeting, {first['id']}, is untouched: for {cast.listed(contacts_in_for(first))}.",
        ),
        outcome,
    )


SCENES = (
    Scene("One address, two contacts", _one_address_two_contacts),
    Scene("An answer comes back", _an_answer),
    Scene("The security check is switched on", _check_on),
    Scene("The same guests again", _the_same_guests_again),
)
