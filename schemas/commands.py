"""What the CRM is asked to hold: commands on `sync.crm-commands`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.activities import ItemOnWire, TaskOnWire
from schemas.fields import Id, Model, Version

_Names = Annotated[tuple[Id, ...], Field(max_length=100)]


class _Command(Model):
    """`seen`: the CRM version this was decided on, 0 for none; `id`: a help, the CRM finds the item by link."""

    link: Id
    revision: Version
    id: Id | None = None
    seen: Version
    uid: Id | None = None


class ScheduleItemUpsert(_Command):
    """Set the fields named in `changed`; `item` is the whole, for information beyond them."""

    changed: _Names
    item: ItemOnWire
    master: Id | None = None


class TaskUpsert(_Command):
    """The same for a task, which has no uid (ID-7)."""

    changed: _Names
    item: TaskOnWire
    master: Id | None = None


class _Delete(_Command):
    reason: Literal["deleted", "cancelled"]


class ScheduleItemDelete(_Delete):
    """The meeting is gone; an upsert with a higher revision brings the record back (DEL-5)."""


class TaskDelete(_Delete):
    """The task is gone."""
