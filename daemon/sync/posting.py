"""Mails in the ledger: who may be mailed by an effect, what is known of it after, and what the outcome says (INV-4).

An event mails everybody at most once about the same thing, however often it is tried. What it has mailed, or may have,
stands in the ledger from before the first call on; whoever finds it there writes silently, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from daemon.store import intents, mails
from daemon.store.mails import Mail, State
from daemon.sync.intending import End, Intended
from handlers.effects import Effect
from handlers.links import Link
from handlers.plans import Explanation, Report
from schemas.outcomes import Decision, Direction
from schemas.sending import Sending

MAILED_BEFORE = "mailed before"
PERHAPS_BEFORE = "may have been mailed before: nobody knows whether the call was carried out"
STOOD = "it was so already"
FORESTALLED = "somebody else was faster"


def admitted(
    tx: Connection, effects: Sequence[Effect], *, link: Link, by: Direction, at: datetime
) -> tuple[Intended, ...]:
    """The effects as they may be carried out because of the event that `link` has heard of, in the ledger with what
    they mail.
    """
    intended = (
        Intended(effect=effect, by=by, event=link.crm_version, waiting=_is_waiting(effect, effects[:number]))
        for number, effect in enumerate(effects)
    )
    return tuple(_admitted(tx, each, link=link, at=at) for each in intended)


def _admitted(tx: Connection, intended: Intended, *, link: Link, at: datetime) -> Intended:
    effect = intended.effect
    if not effect.sending.mails:
        return intended
    mail = Mail(
        link.id,
        link.crm_version,
        operation=effect.operation.value,
        occurrence=effect.occurrence.isoformat() if effect.occurrence is not None else "",
        mode=effect.sending.to.value,
        recipients=effect.recipients,
    )
    before = [each for each in mails.of_event(tx, link.id, link.crm_version) if each.reaches(mail)]
    if not before:
        mails.enter(tx, mail, at=at)
        return replace(intended, mail=mail.key)
    is_known = all(each.state is State.SENT for each in before)
    return replace(_silent(intended, MAILED_BEFORE if is_known else PERHAPS_BEFORE), waiting=False)


def _is_waiting(effect: Effect, others: Iterable[Effect]) -> bool:
    """Whether what it changes is not known yet: another effect comes first, or it is an occurrence, which has no change
    key of its own.
    """
    is_second = any(each.mailbox == effect.mailbox for each in others)
    return effect.sending.mails and (is_second or effect.occurrence is not None)


def stood(intended: Intended) -> Intended:
    """There was nothing to write."""
    silent = _silent(intended, STOOD) if intended.effect.sending.mails else replace(intended, unmailed="")
    return replace(silent, end=End.STOOD)


def forestalled(intended: Intended) -> Intended:
    """It is done, and not by us."""
    silent = _silent(intended, FORESTALLED) if intended.effect.sending.mails else intended
    return replace(silent, end=End.MADE)


def unknown(intended: Intended) -> Intended:
    """It mails somebody, or has, and nobody will ever know which."""
    return replace(intended, end=End.UNKNOWN, unmailed=PERHAPS_BEFORE)


def _silent(intended: Intended, why: str) -> Intended:
    sending = Sending(acting=intended.effect.sending.acting)
    return replace(intended, effect=replace(intended.effect, sending=sending), unmailed=why)


def record(tx: Connection, looked_at: Sequence[Intended]) -> None:
    """What is known of their mails by now; those of which nothing was carried out may be sent by the next try."""
    mails.end(tx, (each.mail for each in looked_at if each.mail and each.has_mailed), State.SENT)
    mails.end(tx, (each.mail for each in looked_at if each.mail and each.end is End.UNKNOWN), State.DOUBTFUL)
    mails.forget(tx, (each.mail for each in looked_at if each.mail and _is_unsent(each)))


def _is_unsent(intended: Intended) -> bool:
    return not intended.has_mailed and intended.end not in (End.UNKNOWN, End.DOUBTFUL)


def close(tx: Connection, made: Sequence[Intended]) -> None:
    """All of it is said."""
    intents.settle(tx, (each.id for each in made))
    record(tx, made)


def told(report: Report, made: Iterable[Intended], *, link_id: str, notify: str | None) -> Report:
    """The report with what became of the mails that were asked for, by this try of an event or one before: what the
    last found no reason to mail any more may have been mailed, then. `notify`: what was asked for, in its words.
    """
    asked = [each for each in made if each.is_to_mail]
    if not asked:
        return report
    decided = (each for each in report.explain if (each.about, each.decision) != (link_id, Decision.SILENT))
    return replace(report, explain=(*decided, *dict.fromkeys(_explained(asked, link_id, notify=notify))))


def _explained(made: Iterable[Intended], link_id: str, *, notify: str | None) -> Iterator[Explanation]:
    for each in made:
        if each.has_mailed:
            because = f"notify {notify or each.effect.sending.to}"
            yield from (Explanation("INV-3", who, Decision.MAILED, because) for who in each.effect.recipients)
        if each.unmailed:
            yield Explanation("INV-4", link_id, Decision.SILENT, each.unmailed)
