"""Why a requirement of Microsoft's is not modelled by the sandbox Exchange.

A reason names the requirements it covers: by id where a topic is spread over many sections, by a pattern over the
requirement's text where a whole type or operation is meant. A requirement that a test proves needs no reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause for many requirements."""

    why: str
    pattern: str = ""
    ids: frozenset[str] = frozenset()

    def covers(self, requirement_id: str, text: str) -> bool:
        return requirement_id in self.ids or bool(self.pattern and re.search(self.pattern, text))


def _mtgs(*numbers: int) -> frozenset[str]:
    return frozenset(f"MS-OXWSMTGS_R{number}" for number in numbers)


def _core(*numbers: int) -> frozenset[str]:
    return frozenset(f"MS-OXWSCORE_R{number}" for number in numbers)


def _cdata(*numbers: int) -> frozenset[str]:
    return frozenset(f"MS-OXWSCDATA_R{number}" for number in numbers)


RANGES = "ranges of occurrences are not offered: one occurrence is named at a time"
PERMISSIONS = "a folder's list of permissions is not offered: whom it is open to, its delegates' levels say"
REMINDERS = "reminders by e-mail are not offered"
OLDER = "an older Exchange's behaviour: the sandbox is a 2019 one, as its version header says"
ONLINE = "online meetings and conferences are not offered"
PROPOSALS = "proposals of another time are not offered"
ENTITIES = "the extraction of entities from mail is not offered"
MAIL = "mail that is no meeting's (sending, replies, flags, junk, headers) is not offered"
MIME = "MIME content is not offered: a request for it is refused"
ATTACHMENTS = "attachments are not offered"
CONTACTS = "contacts, lists, posts and persons as items are not offered: the address book is the people file"
HIERARCHY = "SyncFolderHierarchy is not offered: folders do not change"
OPAQUE = "item ids are opaque: clients compare them byte for byte and must not look inside"
WEB = "what serves Outlook on the web (links, icons, blocked and inline images) is not kept"
HIDDEN = "associated (hidden) items are not kept"
FEW = "the limits of a synchronization by age or number are not offered: a request for one is refused"
MEETING_MESSAGE = "each meeting message is of a more special kind, never of the general one"
NO_BODIES = "synchronized items have no bodies that could be filtered"
RETENTION = "retention, rights management and the mailbox assistant's guesses are not kept"

REASONS: dict[str, tuple[Reason, ...]] = {
    "MS-OXWSMTGS": (
        Reason(PERMISSIONS, r"^\[In t:CalendarPermission\w* (Complex|Simple) Type\]"),
        Reason(PERMISSIONS, ids=_mtgs(143, 144, 1046, 146, 147, 1338)),
        Reason(REMINDERS, r"^\[In t:(InboxReminder|EmailReminder)"),
        Reason(REMINDERS, ids=_mtgs(2004001, 2177)),
        Reason(OLDER, r"MeetingTimeZone|^\[In t:Time(Zone|Change)Type Complex Type\]"),
        Reason(OLDER, r"support TimeZone element if the meeting is not associated"),
        Reason(OLDER, r"ConferenceType"),
        Reason(ONLINE, ids=_mtgs(231, 746, 359, 766)),
        Reason(PROPOSALS, r"ProposeNewTime|ProposedStart|ProposedEnd"),
    ),
    "MS-OXWSCORE": (
        Reason(MAIL, r"^\[In t:FlagType Complex Type\]|\bFlagType\b|element \"Flag\""),
        Reason(MAIL, r"SendItem|MarkAsJunk|MarkAllItemsAsRead|InternetMessageHeader|InternetHeader"),
        Reason(MAIL, r"\"?(ReplyToItem|ForwardItem|ReplyAllToItem|SuppressReadReceipt)\"?( is t:|\"\] Specifies)"),
        Reason(MAIL, ids=_core(83, 86, 514) | _cdata(1588, 1041)),
        Reason(MIME, r"[Mm]imeContent|MIME (content|stream)|UnsupportedMimeConversion"),
        Reason(ATTACHMENTS, r"Attachments|at least one attachment|FileAttachment|ItemAttachment"),
        Reason(ENTITIES, r"Entit(y|ies)|Suggestion|ArrayOfExtracted"),
        Reason(ENTITIES, r"ArrayOf(Addresses|Contacts|Urls|Phones|EmailUsers)Type"),
        Reason(ENTITIES, r"^\[In t:(ContactType|PhoneType|EmailUserType|EmailPositionType) (Complex|Simple) Type\]"),
        Reason(
            ENTITIES, r"support (PhoneType|EmailUserType|the PhoneType)|Location element which represents the location"
        ),
        Reason(RANGES, r"^\[In t:OccurrencesRangeType Complex Type\]"),
        Reason(CONTACTS, ids=_core(2018, 2020, 2022)),
        Reason(HIDDEN, ids=_core(106, 1618)),
        Reason(PROPOSALS, r"ProposeNewTime"),
        Reason(WEB, r"WebClient(Read|Edit)FormQueryString|IconIndex|BlockStatus|HasBlockedImages"),
        Reason(WEB, r"InlineImageUrlTemplate|BlockExternalImages|AddBlankTargetToLinks"),
        Reason(WEB, "ConvertHtmlCodePageToUTF8 is\\] false"),
        Reason(RETENTION, r"RightsManagementLicenseData|GroupingAction|RetentionDate|SortKey"),
        Reason(OLDER, ids=_core(20451)),
        Reason(OPAQUE, r"^\[In (Compression Type|Id (Compression|Decompression) Algorithm|Id Storage Type)"),
    ),
    "MS-OXWSSYNC": (
        Reason(HIERARCHY, r"SyncFolderHierarchy"),
        Reason(CONTACTS, r"\b(Contact|DistributionList|PostItem|Person|RoleMember|Network)\b"),
        Reason(MEETING_MESSAGE, r"\bMeetingMessage\b|The type of Item is t:ItemType"),
        Reason(NO_BODIES, r"FilterHtmlContent"),
        Reason(WEB, r"InlineImageUrlTemplate"),
        Reason(FEW, r"NumberOfDays|MaximumCount|MinimumCount"),
        Reason(HIDDEN, r"NormalAndAssociatedItems"),
    ),
    "MS-OXWSTASK": (Reason(OLDER, r"Exchange 2007 do not include"),),
}


def reason_for(document: str, requirement_id: str, text: str) -> str | None:
    """Why it is not modelled, None if nothing says so."""
    return next((each.why for each in REASONS.get(document, ()) if each.covers(requirement_id, text)), None)
