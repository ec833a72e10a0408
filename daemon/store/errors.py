"""What can go wrong with the store. No text here carries content of items: ids and file names at most (PRIV-5)."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot do this."""


class StoreInUse(StoreError):
    """Another process works on this file; two daemons on one SQLite file would undo each other's work."""


class StoreTooNew(StoreError):
    """The file was written by a newer program, whose tables this one does not know."""


class StoreUnusable(StoreError):
    """The file is missing, unreadable, not a database, or of a kind this version cannot use."""


class StoreClosed(StoreError):
    """The store is closed, or closing."""


class CommitFailed(StoreError):
    """The transaction of this unit of work and its neighbours was undone, or the database cannot be reached: nothing of
    it is stored. Worth repeating.
    """


class Conflict(StoreError):
    """Somebody else was there first: read again, decide again."""


class Stale(Conflict):
    """The link was changed, or created, since it was read."""


class Taken(Conflict):
    """Another link already holds this UID, CRM id or copy (ID-2)."""


class Fenced(StoreError):
    """The partition has another owner by now: nothing this one still settles may be stored."""
