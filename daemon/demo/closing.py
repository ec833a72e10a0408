"""The figures the day closes with: what was read, decided, written and mailed, and what each option did.

They are counted from the bus. Of mails they say who asked for each, and Exchange must have sent exactly those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from daemon.demo import cast
from daemon.demo.day import OUT, Day, Mail
from daemon.demo.evidence import NotSo, expect
from daemon.demo.invitations import in_whose_name
from daemon.demo.telling import Storyteller, what_it_did
from daemon.demo.witness import Seen
from schemas import catalogue, options


@dataclass(frozen=True, slots=True)
class Mailed:
    """Mails that an outcome names. `scene`: the number of the scene in which somebody asked for them."""

    scene: int
    mail: Mapping[str, Any]
    recipients: tuple[str, ...]

    def each(self) -> Iterator[tuple[str, str, str]]:
        """Of every mail by whom it was sent, in whose name, and to whom."""
        from_, sender = self.mail["from"], self.mail["sender"]
        for recipient in self.recipients:
            yield cast.named(sender or from_), cast.named(from_), cast.named(recipient)


async def sum_up(day: Day, tell: Storyteller, *, scenes: int, took: timedelta) -> None:
    """Raises `NotSo` if an option was never at work, or the mails are not exactly those that were asked for."""
    witness = day.stage.witness
    mails, sent = await day.mails(), await day.mails_of_daemon()
    commands, outcomes, letters = (witness.of(topic) for topic in OUT)
    hints = witness.of(catalogue.NOTIFICATIONS)
    by_type = Counter(each.type.split(".")[-2] for each in commands)
    written = Counter(write["operation"] for each in outcomes for write in each.data["writes"])
    by_result = Counter(_result(each) for each in outcomes)
    mailed = _mailed(day)
    tell.sums_up(
        f"The day in numbers ({took.total_seconds():.0f} s)",
        [
            ("hints from Exchange", len(hints), "each delivered twice, and the broken one"),
            ("events of the CRM", _events_of_crm(witness.seen), "directory, options, edits, answers to commands"),
            ("commands for the CRM", len(commands), _counted(by_type)),
            ("outcomes", len(outcomes), _counted(by_result)),
            ("dead letters", len(letters), _counted(Counter(each.header("x-dlq-reason") for each in letters))),
            ("writes to Exchange", sum(written.values()), _counted(written)),
            ("mails between people", len(mails) - len(sent), "invitations, answers, cancellations"),
            ("mails of the daemon", len(sent), _counted(Counter(mail.kind for mail in sent))),
        ],
    )
    asked_for = Counter(each for outcome in mailed for each in outcome.each())
    expect("mails of the daemon", seen=_listed(map(_names, sent)), wanted=_listed(asked_for.elements()))
    expect("mails that the outcomes count", seen=sum(each.mail["recipients"] for each in mailed), wanted=len(sent))
    tell.sums_up("Mails of the daemon, and why each was sent", [_why(each) for each in mailed])
    tell.sums_up("What each option did: how often, and an example", _at_work(day))
    tell.succeeds(
        f"All {scenes} scenes happened as they are told. Mails sent by the daemon: {len(sent)}, each asked for in the "
        "CRM."
    )


def _mailed(day: Day) -> list[Mailed]:
    """What the outcomes say was mailed. Raises `NotSo` where no event of the CRM has asked for it."""
    found = []
    for scene, outcome in day.scenes_of(catalogue.OUTCOMES):
        for mail in outcome.data["mails"]:
            cause = day.cause(outcome)
            asked = cause.data.get("notify") if cause else None
            expect("who is to be notified by the event that caused a mail", seen=asked, wanted=mail["mode"])
            found.append(Mailed(scene, mail, _recipients(outcome)))
    return found


def _recipients(outcome: Seen) -> tuple[str, ...]:
    return tuple(each["about"] for each in outcome.data["explain"] if each["decision"] == "mailed")


def _names(mail: Mail) -> tuple[str, str, str]:
    return cast.named(mail.sender), cast.named(mail.from_), cast.named(mail.to)


def _listed(mails: Iterable[tuple[str, str, str]]) -> list[str]:
    return sorted(f"{sender} for {from_} to {to}" for sender, from_, to in mails)


def _why(mailed: Mailed) -> tuple[str, int, str]:
    mail = mailed.mail
    by = in_whose_name(mail["sender"], mail["from"])
    asked = f"the CRM's event asks for it, notify {mail['mode']} ({mail['why']})"
    return f"scene {mailed.scene}", mail["recipients"], f"{by}, to {cast.listed(mailed.recipients)}: {asked}"


def _at_work(day: Day) -> list[tuple[str, int, str]]:
    """Each of the options. Raises `NotSo` if one made no difference all day."""
    did: dict[str, list[tuple[int, Mapping[str, Any]]]] = {key: [] for key in sorted(options.OPTIONS)}
    for scene, outcome in day.scenes_of(catalogue.OUTCOMES):
        for used in outcome.data["options"]:
            if used["effect"]:
                did[used["key"]].append((scene, used))
    idle = [key for key, found in did.items() if not found]
    if idle:
        raise NotSo("every option made a difference", f"none made by {', '.join(idle)}")
    return [_example(key, found) for key, found in did.items()]


def _example(key: str, found: list[tuple[int, Mapping[str, Any]]]) -> tuple[str, int, str]:
    """How often, and the first time; rather one where it was not as it is by default."""
    default = options.OPTIONS[key].default
    scene, used = next((each for each in found if each[1]["value"] is not default), found[0])
    return key, len(found), f"scene {scene}, {what_it_did(used)}"


def _events_of_crm(seen: Iterable[Seen]) -> int:
    return sum(each.record.topic.startswith("crm.") for each in seen)


def _result(outcome: Seen) -> str:
    reason = outcome.data["reason"]
    return f"{outcome.data['result']} ({reason})" if reason else str(outcome.data["result"])


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
