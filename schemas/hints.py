"""What Exchange is said to have done: hints on `exchange.notifications`, which say where to look and no more."""

from __future__ import annotations

from schemas.copies import Folder
from schemas.fields import Id, Model


class ItemHint(Model):
    """Something happened to this item of this mailbox. `folder`: where it is now; the mailbox may be an alias."""

    mailbox: Id
    folder: Folder
    item_id: Id
    change_key: Id | None = None
    old_item_id: Id | None = None


class FolderMissed(Model):
    """Hints of this folder may have been missed: it is to be compared in full (OPS-5)."""

    mailbox: Id
    folder: Folder
