"""The eight options that users, user types and the system may set (OPT-1, OPT-2).

The only place that knows an option's default and what it is for; what each one gates is its file in `handlers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Level(StrEnum):
    """Where a value was set. An event at a level wins over configuration, a nearer level over a farther one."""

    USER = "user"
    TYPE = "type"
    SYSTEM = "system"
    CONFIG = "config"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its key on the wire and in settings, its value where nobody set it, and what it does."""

    key: str
    default: bool
    description: str


EXTERNAL_CONTACTS_DISPLAY = "external_contacts.display"
FOR_CONTACTS_INBOUND = "for_contacts.inbound"
FOR_CONTACTS_SECURITY_CHECK = "for_contacts.security_check"
PRIVATE_MEETINGS_INBOUND = "private_meetings.inbound"
MEETING_ALARMS = "meeting_alarms"
TASK_ALARMS = "task_alarms"
RELATED_NOTES = "related_notes"
MEETING_INVITATIONS = "meeting_invitations"

_ALL = (
    Option(EXTERNAL_CONTACTS_DISPLAY, False, "Shows participants without a CRM record to this viewer."),
    Option(FOR_CONTACTS_INBOUND, True, "Finds the contacts an Exchange meeting is about and puts them into For."),
    Option(FOR_CONTACTS_SECURITY_CHECK, False, "Keeps in For only contacts that every attending user may see."),
    Option(PRIVATE_MEETINGS_INBOUND, False, "Lets private meetings with several participants into the CRM (HAM)."),
    Option(MEETING_ALARMS, False, "Carries meeting alarms both ways."),
    Option(TASK_ALARMS, False, "Carries task alarms both ways."),
    Option(RELATED_NOTES, False, "Adds the CRM's related information to the Outlook item as a note."),
    Option(MEETING_INVITATIONS, False, "Lets delegates create meetings and send invitations on this user's behalf."),
)

OPTIONS: Mapping[str, Option] = MappingProxyType({option.key: option for option in _ALL})
