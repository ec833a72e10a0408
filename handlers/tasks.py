"""Decisions about tasks, in both directions (ID-7, MAP, CON, DEL, PRIV-6, INV-7, REC-5).

Every copy counts: what somebody changes in his own goes to the CRM and to the other copies, and so does what a CRM user
changes to all of them. A decision takes over what its cause changed; what is to be told and written then follows from
the link alone, as the difference between what is agreed on and what each side holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from handlers import conflicts, registry, task_plans, task_series
from handlers.blocks import Block, block_of
from handlers.bodies import holds, notes_of
from handlers.conflicts import Moments, Side
from handlers.crm_changes import Kind
from handlers.effects import Operation
from handlers.facts import User
from handlers.inbound import Surroundings
from handlers.links import State
from handlers.merging import Conflict, merge_users
from handlers.options import Consulted, OptionValues
from handlers.plans import Explanation, Report
from handlers.privacy import is_private
from handlers.task_drafts import TaskDraft
from handlers.task_effects import CONTENT, PRIORITIES, STATUSES, TaskEffect, unsaid
from handlers.task_links import SHARED, TaskContent, TaskLink, TaskReplica, content_of, with_content
from handlers.task_merging import Wins, is_same, merge
from handlers.task_plans import TaskPlan
from schemas import ids
from schemas.copies import Folder, TaskCopy
from schemas.edits import UNSET, Unset
from schemas.items import wire_name
from schemas.outcomes import Decision, Direction, Reason, Result
from schemas.tasks import Alarms, Task, differing_tasks

_OF_STATUS = {word: status for status, word in STATUSES.items()}
_OF_IMPORTANCE = {word: priority for priority, word in PRIORITIES.items()}
_LIFTED = frozenset({"Normal", "Private"})
"""What may become Normal when the CRM lifts its restriction (PRIV-6)."""

_CRM_ONLY = ("owner", "for_", "external", "external_shown_to", "related")


@dataclass(frozen=True, slots=True)
class TaskSighting:
    """What lies in the mailbox a hint came through; `copy` None: it is not there any more."""

    mailbox: str
    user: User
    copy: TaskCopy | None


@dataclass(frozen=True, slots=True)
class TaskChange:
    """One CRM event about a task; as `crm_changes.CrmChange`. `at`: when the broker took it."""

    id: str
    version: int
    kind: Kind = Kind.CHANGED
    ours: bool = False
    revision: int = 0
    before: Task | None = None
    after: Task | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a cause did to the link, and what is worth saying of it. `is_archival`: only that it was cleared away."""

    link: TaskLink
    is_archival: bool = False
    taken: tuple[str, ...] = ()
    refused: tuple[Explanation, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    consulted: tuple[Consulted, ...] = ()
    explain: tuple[Explanation, ...] = ()


def is_live(copy: TaskCopy | None) -> bool:
    """Whether there is a copy outside Deleted Items."""
    return copy is not None and copy.folder is not Folder.DELETED_ITEMS


def is_torn_out(link: TaskLink, copy: TaskCopy) -> bool:
    """Whether an item besides the copies of a recurring task was an occurrence of it. It is a task of its own."""
    return link.agreed is not None and link.agreed.recurrence is not None and not copy.is_recurring


def was_occurrence(link: TaskLink, copy: TaskCopy) -> bool:
    """Whether such an item is a completed occurrence. What went on without it tells what is to be told."""
    return is_torn_out(link, copy) and is_over(copy)


def is_over(copy: TaskCopy) -> bool:
    """Whether a copy is completed for good: nothing follows it."""
    return copy.status == STATUSES["completed"] and not copy.is_recurring


def unreadable(copy: TaskCopy) -> str | None:
    """Why the CRM cannot hold a copy, if it cannot: nothing is guessed."""
    if copy.status not in _OF_STATUS:
        return "status_nobody_knows"
    if copy.start_day and copy.due_day and copy.due_day < copy.start_day:
        return "due_before_start"
    return None


def translated(copy: TaskCopy) -> TaskContent:
    """What a copy shows, in the CRM's terms. Percent and completion date follow from the status (MAP)."""
    return TaskContent(
        subject=copy.subject,
        notes=notes_of(copy.body, html=copy.html),
        start=copy.start_day,
        due=copy.due_day,
        priority=_OF_IMPORTANCE.get(copy.importance, "B"),
        status=_OF_STATUS[copy.status],
        restricted=is_private(copy.sensitivity),
        recurrence=task_series.counted(copy),
        alarm=(copy.remind_at,),
    )


# Exchange to CRM


def decide(link: TaskLink, sighting: TaskSighting, *, around: Surroundings) -> TaskPlan:
    """What lies in a mailbox, or no longer does, means for the CRM and the other copies."""
    if link.state is State.OUT_OF_SCOPE:
        return _skip(link, Reason.OUT_OF_SCOPE)
    replica = link.replica_of(sighting.user.id)
    if sighting.copy is None or not is_live(sighting.copy):
        return _ended(link, replica, around=around)
    if link.deleted_by_crm or (replica is not None and replica.removed):
        return _gone_for_good(link, sighting.copy, around=around)
    unheld = task_series.unheld_copy(sighting.copy)
    if unheld is not None:
        return _skip(link, Reason.PATTERN, because=unheld)
    turn = _seen(link, sighting, around=around)
    return _plan(turn, was=link, direction=Direction.INBOUND, around=around)


def decide_again(link: TaskLink, sighting: TaskSighting, *, was: TaskLink, around: Surroundings) -> TaskPlan:
    """As `decide`, after something was written since `was`: of a copy that was read once more meanwhile, and is in the
    link as it is now, what was seen before says nothing any more.
    """
    then, now = was.replica_of(sighting.user.id), link.replica_of(sighting.user.id)
    if sighting.copy is None or now is None:
        return decide(link, sighting, around=around)
    if now.change_key in (sighting.copy.change_key, then.change_key if then else ""):
        return decide(link, sighting, around=around)
    return _plan(_Turn(link), was=link, direction=Direction.INBOUND, around=around)


def refreshed(link: TaskLink, sighting: TaskSighting, *, around: Surroundings) -> TaskLink:
    """The link with what a copy shows now, before something is decided anew that found it changed or gone."""
    replica = link.replica_of(sighting.user.id)
    if is_live(sighting.copy):
        return _seen(link, sighting, around=around).link
    return link if replica is None else _without_copy(link, replica, around=around).link


def _seen(link: TaskLink, sighting: TaskSighting, *, around: Surroundings) -> _Turn:
    copy, user = sighting.copy, sighting.user
    if copy is None:
        raise ValueError("there is no copy to be seen")
    values = OptionValues(events=around.facts.options, config=around.policy.options)
    draft = TaskDraft(link, around.facts, around.now, holder=user, content=_shown_by(copy, link.agreed))
    draft, consulted = registry.run(draft, direction=Direction.INBOUND, values=values)
    agreed = link.agreed or _born(link, draft.content, user)
    known = link.replica_of(user.id) or TaskReplica(sighting.mailbox, user.id)
    merged, replica = _read(known, copy, content=draft.content, agreed=agreed, around=around)
    content = replace(content_of(agreed, user.id), **merged.taken)
    task = with_content(agreed, content, user.id)
    if user.id not in task.assign_to and (link.agreed is None or not known.live):
        task = replace(task, assign_to=tuple(sorted({*task.assign_to, user.id})))
    ended = link.state in (State.DELETED, State.OUTSIDE)
    turned = replace(link, state=State.ACTIVE, agreed=task, told=None if ended else link.told)
    is_mended = ended or link.reported == Reason.PATTERN
    turned = replace(turned.with_replica(replica), reported=None if is_mended else link.reported)
    return _Turn(turned, taken=tuple(merged.taken), conflicts=merged.conflicts, consulted=consulted)


def is_behind(copy: TaskCopy, wanted: TaskContent) -> bool:
    """Whether a copy shows an occurrence before the wanted one, and can be moved on to it."""
    shown = translated(copy)
    return is_live(copy) and task_series.are_one(shown, wanted) and task_series.days_ahead(shown, wanted) < 0


def _shown_by(copy: TaskCopy, agreed: Task | None) -> TaskContent:
    """What a copy shows. Exchange gives every occurrence a start: of a task that has none, it is none."""
    content = translated(copy)
    if content.recurrence is None or agreed is None or agreed.start is not None or content.start != content.due:
        return content
    return replace(content, start=None)


def _read(
    known: TaskReplica, copy: TaskCopy, *, content: TaskContent, agreed: Task, around: Surroundings
) -> tuple[Any, TaskReplica]:
    """What a copy changed since it was last read, and the copy as it is now known.

    What our own write left, as the server keeps it, is no change: all that stands under the change key it left, and
    later what is equal but for the server's habits (CON-3, CON-4).
    """
    own = content_of(agreed, known.user)
    accord = (known.attempt if known.item_id is None and known.live else known.held) or own
    shown = known.shown or accord
    attempted = known.attempt or accord
    echoes = copy.change_key == known.ours
    is_tolerant = known.ours is not None or known.shown is None
    before, held, ours = shown, accord, list[str]()
    for name in CONTENT:
        now = getattr(content, name)
        if name == "alarm" and not accord.alarm and not attempted.alarm:
            continue  # nobody wrote it: it is the server's own, or his (ALM-8)
        if echoes or (is_tolerant and is_same(now, getattr(accord, name))):
            before = replace(before, **{name: now})
        elif known.attempt and is_same(now, getattr(attempted, name)):
            before, held = replace(before, **{name: now}), replace(held, **{name: getattr(attempted, name)})
            ours.extend([name] if now != getattr(shown, name) else [])
    if accord.status != attempted.status and _was_completed(attempted, content):
        ours.append("status")
    merged = merge(own, accord=held, before=before, now=content, side=Side.EXCHANGE, wins=_wins(around, copy=copy))
    changed = {name: getattr(content, name) for name in CONTENT if getattr(before, name) != getattr(content, name)}
    if task_series.are_one(content, held) and task_series.days_ahead(content, held):
        changed |= {name: getattr(content, name) for name in task_series.OCCURRENCE}
    replica = replace(
        known,
        mailbox=copy.mailbox,
        item_id=copy.item_id,
        change_key=copy.change_key,
        search_key=copy.search_key or known.search_key,
        live=True,
        removed=False,
        shown=content,
        held=replace(held, **changed),
        attempt=None,
        until=None,
        sensitivity=copy.sensitivity,
        ours=known.ours if echoes else None,
        block="" if holds(copy.body, html=copy.html, block=None) else known.block,  # overwritten: put back (NOTE-6)
    )
    return merged, unsaid(replica, Operation.UPDATE, ours) if ours else replica


def _was_completed(attempted: TaskContent, content: TaskContent) -> bool:
    """Whether a write nobody heard the end of completed an occurrence: the copy has gone on from there."""
    is_completion = attempted.status == "completed" and task_series.are_one(attempted, content)
    return is_completion and task_series.days_ahead(content, attempted) > 0


def _born(link: TaskLink, content: TaskContent, user: User) -> Task:
    """A task that somebody made in Outlook: it is his, and nobody else's yet. Or one that was being made for several
    when whoever made it was lost: it is theirs."""
    begun = {replica.user for replica in link.replicas if replica.live}
    return with_content(Task(owner=user.id, assign_to=tuple(sorted({user.id, *begun}))), content, user.id)


def _ended(link: TaskLink, replica: TaskReplica | None, *, around: Surroundings) -> TaskPlan:
    """A copy is gone: its user is assigned no more, and the task ends with the last of them (DEL-1, DEL-2)."""
    turn = _Turn(link) if replica is None else _without_copy(link, replica, around=around)
    if replica is not None and turn.link.state is State.DELETED and link.state is State.ACTIVE:
        told, command = task_plans.delete(turn.link, generation=around.generation)
        return TaskPlan(told, command, Report(Direction.INBOUND, Result.APPLIED))
    if turn.is_archival:
        return _skip(turn.link, Reason.ARCHIVAL)
    return _plan(turn, was=link, direction=Direction.INBOUND, around=around)


def _without_copy(link: TaskLink, replica: TaskReplica, *, around: Surroundings) -> _Turn:
    if not replica.live or replica.item_id is None:
        return _Turn(link)
    gone = link.with_replica(replace(replica, live=False, attempt=None, until=None, ours=None))
    agreed = gone.agreed
    if agreed is None or link.state is not State.ACTIVE or replica.user not in agreed.assign_to:
        return _Turn(gone)
    if _is_archival(agreed, around):
        is_last = not any(each.live for each in gone.replicas)
        return _Turn(replace(gone, state=State.ARCHIVED if is_last else gone.state), is_archival=True)
    others = tuple(user for user in agreed.assign_to if user != replica.user)
    if not others:
        return _Turn(replace(gone, state=State.DELETED, reported=None))
    said = Explanation("DEL-1", replica.user, Decision.KEPT, "his copy is gone, others are assigned")
    return _Turn(replace(gone, agreed=replace(agreed, assign_to=others)), explain=(said,))


def _gone_for_good(link: TaskLink, copy: TaskCopy, *, around: Surroundings) -> TaskPlan:
    """The CRM took it away: a copy that is still there, or there again, brings nothing back (DEL-5)."""
    replica = next((each for each in link.replicas if each.mailbox == copy.mailbox), None)
    if replica is not None and replica.live:
        return _plan(_Turn(link), was=link, direction=Direction.INBOUND, around=around)  # it is still to be deleted
    return _skip(link, Reason.TOMBSTONED)


def _is_archival(task: Task, around: Surroundings) -> bool:
    if task.due is None or task.recurrence is not None:
        return False
    over = datetime.combine(task.due + timedelta(days=1), time(), tzinfo=UTC)
    return over < around.now - around.policy.keep_items


def _skip(link: TaskLink, reason: Reason, *, because: str = "") -> TaskPlan:
    """Nothing for the CRM, and said so once for the same state."""
    if link.reported == reason.value:
        return TaskPlan(link)
    rule, decision, known = _SKIPS[reason]
    said = Explanation(rule, link.id, decision, f"{known}: {because}" if because else known)
    report = Report(Direction.INBOUND, Result.SKIPPED, reason, explain=(said,))
    return TaskPlan(replace(link, reported=reason.value), report=report)


_SKIPS = {
    Reason.OUT_OF_SCOPE: ("INV-7", Decision.REFUSED, "the CRM keeps this task out of scope"),
    Reason.TOMBSTONED: ("DEL-5", Decision.REFUSED, "the CRM took this task away"),
    Reason.ARCHIVAL: ("DEL-2", Decision.KEPT, "the task was due long before its copy was deleted"),
    Reason.PATTERN: ("REC-5", Decision.REFUSED, "the pattern"),
}


# CRM to Exchange


def decide_change(link: TaskLink, change: TaskChange, *, around: Surroundings) -> TaskPlan:
    """What a CRM event means for the copies. One that says nothing new leaves what is still to be done."""
    if link.crm_version and change.version <= link.crm_version:
        effects = outstanding(link, around)
        report = Report(Direction.OUTBOUND, Result.APPLIED) if effects else None
        return TaskPlan(link, report=report, effects=effects)
    heard = replace(
        link,
        crm_id=change.id,
        crm_version=change.version,
        crm_revision=max(link.crm_revision, change.revision),
        revision=max(link.revision, change.revision),
    )
    if change.ours:
        return _confirmed(heard, change, was=link, around=around)
    if change.kind is Kind.DELETED:
        return _deleted(heard, around=around)
    if change.kind is Kind.OUT_OF_SCOPE:
        ended = link.state in (State.DELETED, State.ARCHIVED)
        state = link.state if ended else State.OUT_OF_SCOPE
        return TaskPlan(replace(heard, state=state), report=Report(Direction.OUTBOUND, Result.APPLIED))
    if change.after is None:
        return TaskPlan(heard)
    return _edited(heard, change, after=change.after, around=around)


def _confirmed(link: TaskLink, change: TaskChange, *, was: TaskLink, around: Surroundings) -> TaskPlan:
    """The CRM holds what a command asked for. A store that forgot the link learns it again (ID-8)."""
    if change.kind is not Kind.CHANGED or change.after is None:
        return TaskPlan(replace(link, crm=None))
    after = change.after
    if link.agreed is None:
        known = replace(link, state=State.ACTIVE, agreed=after, crm=after, told=task_plans.as_shown(after))
        return TaskPlan(_remembered(known, after.assign_to, around=around))
    if change.revision <= was.revision:
        return TaskPlan(replace(link, crm=after))
    if was.crm is not None:
        turn = _folded(link, change, after=after, was=was.crm, around=around)
    else:
        shared = {name: getattr(link.agreed, name) for name in SHARED}
        alarms = _joined(after.alarms, link.agreed.alarms)
        turn = _Turn(replace(link, agreed=replace(after, **shared, alarms=alarms)))
    known = replace(turn.link, crm=after, told=task_plans.as_shown(after))
    return _plan(replace(turn, link=known), was=was, direction=Direction.OUTBOUND, around=around)


def _deleted(link: TaskLink, *, around: Surroundings) -> TaskPlan:
    if link.state is State.DELETED:
        return TaskPlan(replace(link, crm=None))
    gone = replace(link, state=State.DELETED, deleted_by_crm=True, crm=None, told=None, reported=None)
    effects = outstanding(gone, around)
    return TaskPlan(_pruned(gone), report=Report(Direction.OUTBOUND, Result.APPLIED), effects=effects)


def _edited(link: TaskLink, change: TaskChange, *, after: Task, around: Surroundings) -> TaskPlan:
    was = link.crm or change.before
    told = replace(link, crm=after, told=task_plans.as_shown(after))
    if link.state is State.DELETED and not link.deleted_by_crm:
        lost = differing_tasks(was or Task(), after)
        return _edited_after_delete(replace(link, crm=after), lost=lost, around=around)
    if link.state is State.ARCHIVED:
        return TaskPlan(told, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.ARCHIVAL))
    if link.agreed is None and task_series.unheld(after) is not None:
        said = _unheld("recurrence", task_series.unheld(after))
        return TaskPlan(link, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.PATTERN, explain=(said,)))
    turn = _folded(told, change, after=after, was=was, around=around)
    opened = replace(turn.link, state=State.ACTIVE, deleted_by_crm=False)
    added = _added(link, change, after=after, was=was)
    known = _remembered(opened, after.assign_to, around=around) if link.agreed is None else opened
    placed = _placed(known, added=added, around=around)
    draft, consulted = _gated(placed, around)
    turn = replace(turn, link=draft.link, consulted=consulted, explain=draft.explain)
    return _plan(turn, was=link, direction=Direction.OUTBOUND, around=around)


def _edited_after_delete(link: TaskLink, *, lost: Iterable[str], around: Surroundings) -> TaskPlan:
    """The task is gone from Exchange: the delete wins (CON-5); the CRM is told, unless it took that before (CON-6)."""
    explain = tuple(Explanation("CON-5", wire_name(name), Decision.REFUSED, "deleted in Exchange") for name in lost)
    report = Report(Direction.OUTBOUND, Result.REFUSED, Reason.TOMBSTONED, explain=explain)
    if link.told is None and link.crm_revision >= link.revision:
        return TaskPlan(link, report=report)
    told, command = task_plans.delete(link, generation=around.generation)
    return TaskPlan(told, command, report)


def _folded(link: TaskLink, change: TaskChange, *, after: Task, was: Task | None, around: Surroundings) -> _Turn:
    """The agreed task after the CRM went from `was` to `after`."""
    agreed = link.agreed
    if agreed is None or was is None:
        return _Turn(replace(link, agreed=after), taken=differing_tasks(after, Task()))
    wins = _wins(around, crm_at=change.at)
    after, refused = (after, ()) if change.ours else _in_series(after, was=was)
    merged = merge(agreed, accord=was, before=was, now=after, side=Side.CRM, wins=wins)
    taken = dict(merged.taken)
    if taken.get("restricted") is False and _is_kept_private(link):
        del taken["restricted"]
        refused = (*refused, _KEPT_PRIVATE)
    taken |= {name: getattr(after, name) for name in _CRM_ONLY if getattr(after, name) != getattr(was, name)}
    alarms, clashes = _folded_alarms(agreed.alarms, was=was.alarms, after=after.alarms, wins=wins)
    if alarms != agreed.alarms:
        taken["alarms"] = alarms
    assigned = merge_users(agreed.assign_to, before=was.assign_to, now=after.assign_to)
    if assigned != agreed.assign_to:
        taken["assign_to"] = assigned
    said = (*merged.conflicts, *clashes)
    return _Turn(replace(link, agreed=replace(agreed, **taken)), taken=tuple(taken), refused=refused, conflicts=said)


def _in_series(after: Task, *, was: Task) -> tuple[Task, tuple[Explanation, ...]]:
    """What the CRM may say of when a task is due. A recurring one goes on to a later date of its pattern, or gets
    another pattern; other days would tear an occurrence out of its series. What is refused is as it was."""
    days = {name: getattr(after, name) for name in _DAYS if getattr(after, name) != getattr(was, name)}
    if not days:
        return after, ()
    is_other = was.recurrence is None or after.recurrence != was.recurrence
    if is_other and task_series.unheld(after) is None:
        return after, ()
    later = None if is_other or after.due is None else task_series.moved_to(was, after.due)
    if later is not None and after.start in (was.start, later.start):
        return replace(after, **{name: getattr(later, name) for name in _DAYS}), ()
    because = task_series.unheld(after) or task_series.OFF_PATTERN
    old = {name: getattr(was, name) for name in days}
    return replace(after, **old), tuple(_unheld(name, because) for name in days)


_DAYS = ("start", "due", "recurrence")


def _unheld(name: str, because: str | None) -> Explanation:
    return Explanation("REC-5", name, Decision.REFUSED, f"the pattern: {because}")


def _is_kept_private(link: TaskLink) -> bool:
    """Whether a copy is marked with a word for private that is Exchange's own, and not the CRM's to lift (PRIV-6)."""
    return any(each.sensitivity not in _LIFTED for each in link.replicas if each.live)


_KEPT_PRIVATE = Explanation("PRIV-6", "restricted", Decision.REFUSED, "personal or confidential in Exchange: put back")


def _folded_alarms(agreed: Alarms, *, was: Alarms, after: Alarms, wins: Wins) -> tuple[Alarms, tuple[Conflict, ...]]:
    """Each user's alarm by itself; one that the CRM no longer states is as it was."""
    old, new, held = dict(was), dict(after), dict(agreed)
    clashes = []
    for user in sorted(new):
        if new[user] == old.get(user, _UNKNOWN) or new[user] == held.get(user, _UNKNOWN):
            continue
        if user in held and held[user] != old.get(user, held[user]):
            winner = wins("alarms")
            clashes.append(Conflict("alarms", winner))
            if winner is not Side.CRM:
                continue
        held[user] = new[user]
    return _sorted(held.items()), tuple(clashes)


_UNKNOWN = object()


def _joined(one: Alarms, other: Alarms) -> Alarms:
    return _sorted((dict(one) | dict(other)).items())


def _sorted(alarms: Iterable[tuple[str, datetime | None]]) -> Alarms:
    return tuple(sorted(alarms))  # nobody has two


def _added(link: TaskLink, change: TaskChange, *, after: Task, was: Task | None) -> frozenset[str]:
    """Whom the CRM put in: everybody, of a task that is new or comes back.

    Of one that was born in Exchange and is unknown (the store was lost) nobody says where it lies: who was assigned
    before may have his copy, so only who is put in now gets one (ID-8).
    """
    if link.deleted_by_crm or (link.crm is None and link.id == ids.link_of_crm(change.id)):
        return frozenset(after.assign_to)
    return frozenset(after.assign_to) - frozenset(was.assign_to) if was else frozenset()


def _placed(link: TaskLink, *, added: frozenset[str], around: Surroundings) -> TaskLink:
    """With a copy to be made for every synchronized user who was put in and has none. Who deleted his own has one again
    only if the CRM puts him in anew (DEL-3)."""
    for user_id in sorted(added.intersection(link.agreed.assign_to if link.agreed else ())):
        user, replica = around.facts.by_id.get(user_id), link.replica_of(user_id)
        if user is None or not user.synchronized or user.mailbox is None or (replica and replica.live):
            continue
        link = link.with_replica(TaskReplica(user.mailbox, user_id, held=TaskContent()))
    return link


def _remembered(link: TaskLink, users: Iterable[str], *, around: Surroundings) -> TaskLink:
    """With a copy for each of these users that may lie somewhere, in a store that has forgotten where: it is taken to
    stand where the CRM does, and what it changed since shows at its next hint."""
    for user_id in users:
        user = around.facts.by_id.get(user_id)
        if link.agreed is None or user is None or user.mailbox is None or link.replica_of(user_id):
            continue
        held = content_of(link.agreed, user_id)
        link = link.with_replica(TaskReplica(user.mailbox, user_id, live=False, held=held))
    return link


def _gated(link: TaskLink, around: Surroundings) -> tuple[TaskDraft, tuple[Consulted, ...]]:
    owner = around.facts.by_id.get(link.agreed.owner or "") if link.agreed else None
    values = OptionValues(events=around.facts.options, config=around.policy.options)
    draft = TaskDraft(link, around.facts, around.now, owner=owner)
    return registry.run(draft, direction=Direction.OUTBOUND, values=values)


# What is still to be done


def outstanding(link: TaskLink, around: Surroundings) -> tuple[TaskEffect, ...]:
    """What is to be done to the copies, so that each holds what is agreed on."""
    if link.state not in (State.ACTIVE, State.DELETED) or link.agreed is None or link.crm_id is None:
        return ()
    block = block_of(link.agreed.related) if link.noted else None
    found = (_outstanding(link, replica, block=block) for replica in link.replicas if _is_reachable(replica, around))
    return tuple(effect for effect in found if effect is not None)


def _is_reachable(replica: TaskReplica, around: Surroundings) -> bool:
    user = around.facts.by_id.get(replica.user)
    return replica.live and user is not None and user.synchronized and user.mailbox == replica.mailbox


def _outstanding(link: TaskLink, replica: TaskReplica, *, block: Block | None) -> TaskEffect | None:
    agreed = link.agreed
    if agreed is None:
        return None
    head: dict[str, Any] = {
        "mailbox": replica.mailbox,
        "user": replica.user,
        "marker": link.crm_id or "",
        "item_id": replica.item_id,
        "change_key": replica.change_key,
    }
    if link.state is State.DELETED or replica.user not in agreed.assign_to:
        is_nowhere = replica.item_id is None and replica.attempt is None
        return None if is_nowhere else TaskEffect(operation=Operation.DELETE, **head)
    wanted, held = content_of(agreed, replica.user), replica.held or TaskContent()
    if replica.item_id is not None and task_series.are_one(wanted, held) and task_series.days_ahead(wanted, held) > 0:
        return TaskEffect(operation=Operation.UPDATE, content=wanted, fields=("due",), skips=True, **head)
    fields = _to_be_written(wanted, held)
    rewritten = block if (block.fingerprint if block else "") != replica.block else UNSET
    if replica.item_id is not None and not fields and rewritten is UNSET:
        return None
    return TaskEffect(
        operation=Operation.CREATE if replica.item_id is None else Operation.UPDATE,
        content=replace(wanted, alarm=wanted.alarm or held.alarm),
        fields=fields,
        sensitivity=_sensitivity(wanted, replica) if "restricted" in fields else UNSET,
        block=rewritten,
        **head,
    )


def _to_be_written(wanted: TaskContent, held: TaskContent) -> tuple[str, ...]:
    """The fields in which a copy is to change. A pattern is counted from the days that are written with it, and an
    occurrence whose days alone were written would leave its series."""
    fields = {name for name in CONTENT if _is_to_be_written(name, wanted, held)}
    recurs = wanted.recurrence is not None or held.recurrence is not None
    if recurs and fields.intersection(_DAYS):
        is_there = task_series.are_one(wanted, held) and not task_series.days_ahead(wanted, held)
        fields = fields.difference(_DAYS) if is_there else fields.union(_DAYS)
    return tuple(name for name in CONTENT if name in fields)


def _is_to_be_written(name: str, wanted: TaskContent, held: TaskContent) -> bool:
    value = getattr(wanted, name)
    return value != getattr(held, name) and not (name == "alarm" and value == ())


def _sensitivity(wanted: TaskContent, replica: TaskReplica) -> str | Unset:
    """Private and Normal follow the CRM; words that only Exchange has are never overwritten (PRIV-6)."""
    if replica.sensitivity not in _LIFTED:
        return UNSET
    return "Private" if wanted.restricted else "Normal"


def _reconciled(link: TaskLink) -> TaskLink:
    """With nothing left to write where a copy shows it already, or where nobody knows what a copy stood for."""
    for replica in link.replicas:
        if link.agreed is None or replica.item_id is None or not replica.live:
            continue
        wanted = content_of(link.agreed, replica.user)
        held = replica.held or wanted
        same = (name for name in CONTENT if replica.shown and getattr(replica.shown, name) == getattr(wanted, name))
        held = replace(held, **{name: getattr(wanted, name) for name in same})
        link = link.with_replica(replace(replica, held=held))
    return link


def _pruned(link: TaskLink) -> TaskLink:
    """Without the copies that need not be made any more, and were never begun."""
    agreed = link.agreed
    wanted = agreed.assign_to if agreed and link.state is not State.DELETED else ()
    kept = (each for each in link.replicas if each.item_id or each.attempt or not each.live or each.user in wanted)
    return replace(link, replicas=tuple(kept))


def _plan(turn: _Turn, *, was: TaskLink, direction: Direction, around: Surroundings) -> TaskPlan:
    link = _reconciled(_pruned(turn.link))
    effects = outstanding(link, around)
    told, command = task_plans.upsert(link, generation=around.generation)
    has_news = turn.taken or turn.refused or turn.conflicts or turn.explain
    if command is None and not effects and not has_news:
        return TaskPlan(told)
    result, reason = Result.APPLIED, None
    if turn.refused:
        result, reason = (Result.APPLIED, Reason.PARTLY) if turn.taken else (Result.REFUSED, _reason(turn.refused))
    explain = (*_newcomers(told, was), *turn.refused, *turn.explain)
    report = Report(direction, result, reason, turn.consulted, explain, turn.conflicts)
    return TaskPlan(told, command, report, effects)


def _reason(refused: Iterable[Explanation]) -> Reason:
    is_pattern = any(each.rule == "REC-5" for each in refused)
    return Reason.PATTERN if is_pattern else Reason.NOT_AUTHORITATIVE


def _newcomers(link: TaskLink, was: TaskLink) -> tuple[Explanation, ...]:
    """Whom a copy in his task list made one of the assigned."""
    is_old = was.agreed is not None and was.state is State.ACTIVE
    if link.agreed is None or link.state is not State.ACTIVE or is_old:
        return ()
    holders = (each.user for each in link.replicas if each.live and each.item_id and each.user in link.agreed.assign_to)
    return tuple(Explanation("PART-1", user, Decision.ASSIGN_TO, "the task lies in his list") for user in holders)


def _wins(around: Surroundings, *, copy: TaskCopy | None = None, crm_at: datetime | None = None) -> Wins:
    moments = Moments(crm=crm_at, exchange=copy.modified_at if copy else None)
    return lambda field: conflicts.winner(field, policy=around.policy, moments=moments)
