"""What the sandbox CRM holds, and the CRM's side of the contract (CON-6, DEL-5).

Every change is worked out first, as the record to hold and the event to emit, and held only when the caller says so:
an event that could not be sent has then changed nothing. An item is kept as it came on the wire, so that what a command
leaves out stays exactly what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from daemon.sandbox.crm.edits import Edit
from daemon.sandbox.crm.happenings import Happening
from schemas import catalogue
from schemas.activities import ItemOnWire, TaskOnWire
from schemas.commands import ScheduleItemDelete, ScheduleItemUpsert, TaskDelete, TaskUpsert
from schemas.fields import Model
from schemas.problems import Malformed, MalformedKind, problems_of

Command = ScheduleItemUpsert | ScheduleItemDelete | TaskUpsert | TaskDelete


class Kind(StrEnum):
    """What a record is."""

    SCHEDULE_ITEM = "schedule_item"
    TASK = "task"


class Untaken(StrEnum):
    """Why a command was ignored."""

    LATE = "late"  # its revision, or a higher one, is applied already
    EDITED = "edited"  # a user has edited the item since the version it was decided on


class NoSuchItem(Exception):
    """The CRM holds no item of this id."""


class ItemDeleted(Exception):
    """The item is deleted; only a command brings it back."""


@dataclass(frozen=True, slots=True)
class Record:
    """One item. `edited`: the version that a user made last, 0 for none; `item`: as on the wire."""

    id: str
    kind: Kind
    link: str | None = None
    uid: str | None = None
    revision: int = 0
    version: int = 0
    edited: int = 0
    deleted: bool = False
    item: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What `GET /items` says of it."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "link": self.link,
            "uid": self.uid,
            "revision": self.revision,
            "version": self.version,
            "deleted": self.deleted,
            "item": deepcopy(dict(self.item)),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A record as it will be, and the event that says so."""

    record: Record
    happening: Happening


@dataclass(frozen=True, slots=True)
class _Words:
    """How a kind of record is called."""

    ids: str
    topic: str
    types: str
    model: type[Model]


_WORDS = MappingProxyType(
    {
        Kind.SCHEDULE_ITEM: _Words("si", catalogue.SCHEDULE_ITEMS, "crm.schedule-item", ItemOnWire),
        Kind.TASK: _Words("task", catalogue.TASKS, "crm.task", TaskOnWire),
    }
)


class Records:
    """All items, by id and by link. Ids are counted, so that equal histories give equal ids."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._ids_by_link: dict[str, str] = {}

    def all(self) -> list[Record]:
        """Every item, deleted ones too, in the order in which they were made."""
        return list(self._records.values())

    def keep(self, change: Change) -> None:
        """Holds from now on what was worked out."""
        record = change.record
        self._records[record.id] = record
        if record.link is not None:
            self._ids_by_link[record.link] = record.id

    def apply(self, command: Command, item: Mapping[str, Any]) -> Change | Untaken:
        """What a command does; `item`: its item as it came. Raises `Malformed` where nothing whole would result."""
        present = self._meant_by(command)
        if present is not None and command.revision <= present.revision:
            return Untaken.LATE
        if present is not None and present.edited > command.seen:
            return Untaken.EDITED
        before = present or self._blank(_kind_of(command))
        after = replace(
            before,
            link=command.link,
            uid=command.uid or before.uid,
            revision=command.revision,
            version=before.version + 1,
        )
        if isinstance(command, ScheduleItemDelete | TaskDelete):
            return _answer("deleted", replace(after, deleted=True))
        changed = _whole(before.kind, _with_changed(before.item, command.changed, item))
        return _answer("created" if present is None else "updated", replace(after, deleted=False, item=changed))

    def create(self, edit: Edit, *, kind: Kind) -> Change:
        """A user makes an item. Raises `Malformed`."""
        blank = self._blank(kind)
        after = replace(_edited(blank), item=_whole(kind, edit.stated_item()))
        return _emit("created", edit, before=blank, after=after)

    def edit(self, item_id: str, edit: Edit) -> Change:
        """A user changes the fields he states. Raises `NoSuchItem`, `ItemDeleted`, `Malformed`."""
        before = self._present(item_id)
        after = replace(_edited(before), item=_whole(before.kind, {**before.item, **edit.stated_item()}))
        return _emit("updated", edit, before=before, after=after)

    def delete(self, item_id: str, edit: Edit) -> Change:
        """A user deletes an item. Raises `NoSuchItem`, `ItemDeleted`."""
        before = self._present(item_id)
        return _emit("deleted", edit, before=before, after=replace(_edited(before), deleted=True))

    def take_out_of_scope(self, item_id: str, edit: Edit) -> Change:
        """The item is none of the daemon's business any more, but still there. Raises `NoSuchItem`, `ItemDeleted`."""
        before = self._present(item_id)
        return _emit("out-of-scope", edit, before=before, after=_edited(before))

    def _meant_by(self, command: Command) -> Record | None:
        """By link; what was born here has none until the first command, so that one finds it by id."""
        known = self._ids_by_link.get(command.link)
        if known is not None:
            return self._records[known]
        unlinked = self._records.get(command.id or "")
        return unlinked if unlinked is not None and unlinked.link is None else None

    def _present(self, item_id: str) -> Record:
        record = self._records.get(item_id)
        if record is None:
            raise NoSuchItem(item_id)
        if record.deleted:
            raise ItemDeleted(item_id)
        return record

    def _blank(self, kind: Kind) -> Record:
        made = sum(record.kind is kind for record in self._records.values())
        return Record(id=f"{_WORDS[kind].ids}-{made + 1}", kind=kind)


def _kind_of(command: Command) -> Kind:
    return Kind.TASK if isinstance(command, TaskUpsert | TaskDelete) else Kind.SCHEDULE_ITEM


def _with_changed(present: Mapping[str, Any], changed: tuple[str, ...], item: Mapping[str, Any]) -> dict[str, Any]:
    """Exactly the fields in `changed` are set; one that the item leaves out is not known any more (MAP-4)."""
    kept = {name: value for name, value in present.items() if name not in changed}
    return {**kept, **{name: item[name] for name in changed if name in item}}


def _whole(kind: Kind, item: dict[str, Any]) -> dict[str, Any]:
    try:
        _WORDS[kind].model.model_validate(item)
    except ValidationError as error:
        raise Malformed(MalformedKind.INVALID, problems_of(error, at="item")) from None
    return item


def _edited(record: Record) -> Record:
    return replace(record, version=record.version + 1, edited=record.version + 1)


def _answer(verb: str, record: Record) -> Change:
    """The answer to a command. It needs no `before`: the daemon has seen the item, it sent the command."""
    said = {"origin": "sync", "actor": None, "notify": "none", "before": None}
    return Change(record, _happening(verb, record, said))


def _emit(verb: str, edit: Edit, *, before: Record, after: Record) -> Change:
    actor = None if edit.actor is None else edit.actor.model_dump(mode="json")
    said = {"origin": "user", "actor": actor, "notify": edit.notify, "before": before.item or None}
    return Change(after, _happening(verb, after, said))


def _happening(verb: str, record: Record, said: Mapping[str, Any]) -> Happening:
    words = _WORDS[record.kind]
    head = {"id": record.id, "version": record.version, "link": record.link, "revision": record.revision}
    data = {**head, **said, "after": None if record.deleted else record.item}
    return Happening(words.topic, record.id, f"{words.types}.{verb}.v1", data)
