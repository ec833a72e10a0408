"""Events as a producer would send them: one good example of every type, to be spoiled by a test."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

ITEM: Mapping[str, Any] = {
    "subject": "Review",
    "notes": "plain text",
    "location": "Room 4",
    "start": "2026-12-01T10:00:00+01:00",
    "end": "2026-12-01T11:00:00+01:00",
    "zone": "Europe/Berlin",
    "all_day": False,
    "priority": "B",
    "status": "open",
    "restricted": False,
    "owner": "u-anna",
    "assign_to": ["u-anna", "u-bob"],
    "for": [{"contact": "c-7", "source": "exchange", "response": "accepted"}],
    "external": [{"name": "Xaver", "email": "x@else.example", "reason": "no_match", "response": "none"}],
    "external_shown_to": ["u-anna"],
    "read_only": False,
    "redacted": False,
    "organizer": {"user": "u-anna", "name": "Anna Adler", "email": "anna@bank.example"},
    "responses": {"u-bob": "accepted"},
    "alarms": {"u-anna": [15], "u-bob": []},
    "related": [
        {"kind": "opportunity", "id": "o-1", "title": "Pension plan", "url": "https://crm.example/o/1", "text": "..."}
    ],
    "recurrence": {
        "frequency": "weekly",
        "interval": 1,
        "weekdays": ["TU"],
        "day_of_month": None,
        "week_of_month": None,
        "month": None,
        "end": "after",
        "count": 10,
        "until": None,
    },
    "exceptions": [
        {"original_start": "2026-12-08T10:00:00+01:00", "deleted": False, "changes": {"location": "Room 5"}}
    ],
    "split_from": None,
}

TASK: Mapping[str, Any] = {
    "subject": "Call back",
    "notes": "",
    "start": "2026-12-01",
    "due": None,
    "priority": "A",
    "status": "outstanding",
    "restricted": False,
    "owner": "u-anna",
    "assign_to": ["u-anna"],
    "for": [],
    "related": [],
    "recurrence": None,
    "alarms": {"u-anna": "2026-12-01T09:00:00Z", "u-bob": None},
}

_ACTIVITY = {
    "id": "si-1",
    "version": 5,
    "link": None,
    "revision": 0,
    "origin": "user",
    "actor": {"user": "u-ben", "on_behalf_of": "u-anna"},
    "notify": "none",
    "before": None,
}
_HINT = {
    "mailbox": "anna@bank.example",
    "folder": "calendar",
    "item_id": "AAMkAD",
    "change_key": None,
    "old_item_id": None,
}
_HEAD = {"scope": {"level": "user", "id": "u-anna"}, "requested_by": "u-admin", "dry_run": True}
_COMMAND = {"link": "9f0c", "revision": 7, "id": "si-1", "seen": 5, "uid": "040000008200E0"}
_GRANT = {"principal": "u-anna", "delegate": "u-ben", "version": 1}

GOOD: Mapping[str, Mapping[str, Any]] = {
    "crm.user.changed.v1": {
        "id": "u-anna",
        "version": 3,
        "name": "Anna Adler",
        "emails": ["anna@bank.example", "a.adler@bank.example"],
        "mailbox": "anna@bank.example",
        "active": True,
        "sync_enabled": True,
        "user_type": "advisor",
        "nodes": ["branch-12"],
        "groups": ["desk-3"],
    },
    "crm.node.changed.v1": {"id": "branch-12", "version": 1, "parent": "division-2"},
    "crm.contact.changed.v1": {
        "id": "c-7",
        "version": 9,
        "name": "Carla Client",
        "emails": ["carla@client.example"],
        "active": True,
        "user": None,
        "access": {
            "node": "branch-12",
            "coverage_users": ["u-anna"],
            "coverage_groups": [],
            "view": "public",
            "view_groups": [],
            "created_by": "u-anna",
        },
        "merged_into": None,
    },
    "crm.options.changed.v1": {
        "scope": {"level": "user", "id": "u-anna"},
        "version": 2,
        "options": {"meeting_alarms": True, "related_notes": False},
    },
    "crm.delegation.granted.v1": _GRANT,
    "crm.delegation.revoked.v1": _GRANT,
    "crm.schedule-item.created.v1": {**_ACTIVITY, "after": ITEM},
    "crm.schedule-item.updated.v1": {**_ACTIVITY, "after": ITEM},
    "crm.schedule-item.deleted.v1": {**_ACTIVITY, "after": None},
    "crm.schedule-item.out-of-scope.v1": {**_ACTIVITY, "after": None},
    "crm.task.created.v1": {**_ACTIVITY, "after": TASK},
    "crm.task.updated.v1": {**_ACTIVITY, "after": TASK},
    "crm.task.deleted.v1": {**_ACTIVITY, "after": None},
    "crm.task.out-of-scope.v1": {**_ACTIVITY, "after": None},
    "exchange.item.created.v1": _HINT,
    "exchange.item.modified.v1": _HINT,
    "exchange.item.deleted.v1": _HINT,
    "exchange.item.moved.v1": {**_HINT, "old_item_id": "AAMkAC"},
    "exchange.folder.missed.v1": {"mailbox": "anna@bank.example", "folder": "calendar"},
    "sync.pause.requested.v1": {"scope": {"level": "system"}, "requested_by": "u-admin"},
    "sync.resume.requested.v1": _HEAD,
    "sync.release.requested.v1": _HEAD,
    "sync.rematch.requested.v1": {**_HEAD, "contact": "c-7"},
    "sync.snapshot.requested.v1": {
        **_HEAD,
        "mode": "get",
        "range": {"on": "start", "from": "2026-01-01T00:00:00Z", "to": None},
        "items": "both",
    },
    "sync.schedule-item.upsert.v1": {
        **_COMMAND,
        "changed": ["start", "end", "for"],
        "item": ITEM,
        "master": "u-anna",
    },
    "sync.schedule-item.delete.v1": {**_COMMAND, "reason": "deleted"},
    "sync.task.upsert.v1": {**_COMMAND, "uid": None, "changed": ["due"], "item": TASK, "master": None},
    "sync.task.delete.v1": {**_COMMAND, "uid": None, "reason": "deleted"},
    "sync.outcome.v1": {
        "link": "9f0c",
        "direction": "inbound",
        "result": "applied",
        "reason": None,
        "cause": {
            "id": "e-1",
            "type": "exchange.item.modified.v1",
            "topic": "exchange.notifications",
            "partition": 3,
            "offset": 1042,
            "also": [1040],
        },
        "actor": {"user": "u-ben", "on_behalf_of": "u-anna"},
        "writes": [{"mailbox": "bob@bank.example", "operation": "update", "fields": ["alarm"]}],
        "mails": [{"mode": "all", "from": "u-anna", "sender": "u-ben", "recipients": 3, "why": "INV-3"}],
        "options": [
            {
                "key": "for_contacts.security_check",
                "user": "u-anna",
                "value": True,
                "level": "system",
                "effect": ["for:c-7"],
            }
        ],
        "explain": [
            {"rule": "FOR-5", "about": "c-7", "decision": "external", "because": "not visible to u-bob"},
        ],
        "conflicts": [{"field": "notes", "winner": "crm"}],
        "directory_as_of": {"crm.contacts": [120, 98, 101]},
    },
}


def good(event_type: str) -> dict[str, Any]:
    """A good example, free to be changed."""
    return copy.deepcopy(dict(GOOD[event_type]))


def spoiled(event_type: str, path: str | Sequence[str | int], value: Any) -> dict[str, Any]:
    """A good example with one value put in, by dotted path or step by step."""
    data = good(event_type)
    place, last = _place(data, path)
    place[last] = value
    return data


def without(event_type: str, path: str) -> dict[str, Any]:
    """A good example with one field taken out."""
    data = good(event_type)
    place, last = _place(data, path)
    del place[last]
    return data


def _place(data: Any, path: str | Sequence[str | int]) -> tuple[Any, Any]:
    *parents, last = path.split(".") if isinstance(path, str) else path
    for step in parents:
        data = data[int(step)] if isinstance(data, list) else data[step]
    return data, int(last) if isinstance(data, list) else last
