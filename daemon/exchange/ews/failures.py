"""What an EWS answer's failure means to us, by name: the one table.

Codes come from response messages, SOAP faults and HTTP. A code nobody listed is taken for a passing failure: waiting
and asking again is the only reading that can neither lose nor delete anything (S02c).
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto

from daemon.exchange import port


class Meaning(Enum):
    """What to do about a code."""

    FINE = auto()
    GONE = auto()
    UNREADABLE = auto()
    OTHER_KIND = auto()
    DENIED = auto()
    BUSY = auto()
    PASSING = auto()
    SIGN_IN = auto()
    PERMANENT = auto()
    CHANGED = auto()
    REJECTED = auto()


GONE = frozenset(
    {
        "ErrorItemNotFound",
        "ErrorObjectNotFound",
        "ErrorCalendarCannotUseIdForRecurringMasterId",
        "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
        "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
        "ErrorRecurrenceHasNoOccurrence",
    }
)
NO_ID = frozenset(
    {
        "ErrorInvalidId",
        "ErrorInvalidIdEmpty",
        "ErrorInvalidIdMalformed",
        "ErrorInvalidIdMonikerTooLong",
        "ErrorInvalidIdNotAnItemAttachmentId",
        "ErrorInvalidIdReturnedByResolveNames",
        "ErrorInvalidIdStoreObjectIdTooLong",
        "ErrorInvalidIdTooManyAttachmentLevels",
        "ErrorInvalidIdXml",
    }
)
UNREADABLE = NO_ID | frozenset(
    {
        "ErrorCorruptData",
        "ErrorItemCorrupt",
        "ErrorContentConversionFailed",
        "ErrorMessageSizeExceeded",
        "ErrorMimeContentConversionFailed",
        "ErrorUnsupportedTypeForConversion",
    }
)
OTHER_KIND = frozenset({"ErrorInvalidPropertyRequest"})
"""Asked for a property that items of its kind do not have: it is no calendar item, or we ask wrongly."""
DENIED = frozenset(
    {
        "ErrorAccessDenied",
        "ErrorAccountDisabled",
        "ErrorCreateItemAccessDenied",
        "ErrorImpersonateUserDenied",
        "ErrorImpersonationDenied",
        "ErrorPermissionNotAllowedByPolicy",
        "ErrorSendAsDenied",
        "Http403",
    }
)
BUSY = frozenset(
    {
        "ErrorExceededConnectionCount",
        "ErrorExceededFindCountLimit",
        "ErrorServerBusy",
        "ErrorTooManyObjectsOpened",
        "Http429",
        "Http503",
    }
)
SIGN_IN = frozenset({"Http401", "Http456", "SignInFailed"})
"""The service account itself was refused. To try again and again would lock it out of the directory."""
PERMANENT = frozenset(
    {
        "CertificateNotTrusted",
        "CredentialsNotSendable",
        "ErrorIncorrectSchemaVersion",
        "ErrorInvalidExtendedProperty",
        "ErrorInvalidOperation",
        "ErrorInvalidRequest",
        "ErrorInvalidSchemaVersionForMailboxVersion",
        "ErrorInvalidServerVersion",
        "ErrorMissingEmailAddress",
        "ErrorNonExistentMailbox",
        "ErrorNonPrimarySmtpAddress",
        "ErrorSchemaValidation",
        "ErrorUnsupportedMailboxType",
        "ErrorWrongServerVersionDelegate",
        "EndpointNotUsable",
        "Http301",
        "Http302",
        "Http307",
        "Http308",
        "Http400",
        "Http404",
        "Http405",
        "Http407",
        "Http410",
        "NotAnExchangeAnswer",
    }
)

CHANGED = frozenset(
    {
        "ErrorChangeKeyRequired",
        "ErrorChangeKeyRequiredForWriteOperations",
        "ErrorDelegateAlreadyExists",
        "ErrorInvalidChangeKey",
        "ErrorIrresolvableConflict",
        "ErrorStaleObject",
    }
)
REJECTED = frozenset(
    {
        "ErrorCalendarCannotMoveOrCopyOccurrence",
        "ErrorCalendarDurationIsTooLong",
        "ErrorCalendarEndDateIsEarlierThanStartDate",
        "ErrorCalendarInvalidAttributeValue",
        "ErrorCalendarInvalidDayForWeeklyRecurrence",
        "ErrorCalendarInvalidPropertyState",
        "ErrorCalendarInvalidPropertyValue",
        "ErrorCalendarInvalidRecurrence",
        "ErrorCalendarInvalidTimeZone",
        "ErrorCalendarIsNotOrganizer",
        "ErrorCalendarOutOfRange",
        "ErrorCannotDeleteObject",
        "ErrorCannotDeleteTaskOccurrence",
        "ErrorDataSizeLimitExceeded",
        "ErrorDelegateCannotAddOwner",
        "ErrorDelegateMissingConfiguration",
        "ErrorDelegateNoUser",
        "ErrorDelegateValidationFailed",
        "ErrorIncorrectUpdatePropertyCount",
        "ErrorInvalidArgument",
        "ErrorInvalidCompleteDate",
        "ErrorInvalidDelegatePermission",
        "ErrorInvalidDelegateUserId",
        "ErrorInvalidExtendedPropertyValue",
        "ErrorInvalidPercentCompleteValue",
        "ErrorInvalidPropertyAppend",
        "ErrorInvalidPropertyDelete",
        "ErrorInvalidPropertyForOperation",
        "ErrorInvalidPropertySet",
        "ErrorInvalidPropertyUpdateSentMessage",
        "ErrorInvalidRecipients",
        "ErrorInvalidRoutingType",
        "ErrorInvalidSmtpAddress",
        "ErrorInvalidValueForProperty",
        "ErrorItemSavePropertyError",
        "ErrorObjectTypeChanged",
        "ErrorOccurrenceCrossingBoundary",
        "ErrorOccurrenceTimeSpanTooBig",
        "ErrorPropertyUpdate",
        "ErrorPropertyValidationFailure",
        "ErrorRecurrenceEndDateTooBig",
        "ErrorRequiredPropertyMissing",
        "ErrorTimeZone",
        "ErrorUnsupportedRecurrence",
        "ErrorUpdatePropertyMismatch",
        "Http413",
    }
)
"""What is to be written is refused. Asking again, with the same, would be refused again."""
REJECTED_AS_WRITE = frozenset({"ErrorInvalidRequest", "ErrorRecurrenceHasNoOccurrence", "ErrorSchemaValidation"})
"""In an answer to a read these say that we ask wrongly, or what is not there; here they are about what somebody wants
written."""
NOT_LIVE = frozenset({"ErrorCalendarCannotUpdateDeletedItem"})
NO_DELEGATE = frozenset({"ErrorNotDelegate"})
NO_MAILBOX = frozenset({"ErrorNonExistentMailbox"})
NOT_ALLOWED = frozenset(
    {"ErrorAccessDenied", "ErrorCreateItemAccessDenied", "ErrorFolderNotFound", "ErrorSendAsDenied"}
)
"""In an answer to a delegate: he may not do this in the owner's mailbox, or not even see where."""
HIDDEN_OR_GONE = frozenset({"ErrorItemNotFound", "ErrorObjectNotFound"})
"""In an answer to a delegate these do not say which: private items are hidden from him."""

_MEANINGS = {
    "NoError": Meaning.FINE,
    **dict.fromkeys(GONE, Meaning.GONE),
    **dict.fromkeys(UNREADABLE, Meaning.UNREADABLE),
    **dict.fromkeys(OTHER_KIND, Meaning.OTHER_KIND),
    **dict.fromkeys(DENIED, Meaning.DENIED),
    **dict.fromkeys(BUSY, Meaning.BUSY),
    **dict.fromkeys(SIGN_IN, Meaning.SIGN_IN),
    **dict.fromkeys(PERMANENT, Meaning.PERMANENT),
    **dict.fromkeys(CHANGED, Meaning.CHANGED),
    **dict.fromkeys(REJECTED, Meaning.REJECTED),
    **dict.fromkeys(NOT_LIVE, Meaning.GONE),
    **dict.fromkeys(NO_DELEGATE, Meaning.GONE),
}


class Failure(Exception):
    """A call that was not answered, in the server's terms. `back_off`: how long the server asks to be left alone."""

    def __init__(self, code: str, back_off: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.back_off = back_off


def meaning(code: str) -> Meaning:
    """What a code means; unknown ones are passing."""
    return _MEANINGS.get(code, Meaning.PASSING)


def of_call(mailbox: str | None, code: str, *, back_off: timedelta) -> port.ExchangeError:
    """The port's error for a whole call that ended with this code."""
    if code in NO_MAILBOX:
        return port.NoMailbox(mailbox, code)
    match meaning(code):
        case Meaning.DENIED:
            return port.Denied(mailbox, code)
        case Meaning.BUSY:
            return port.Busy(mailbox, code, back_off=back_off)
        case Meaning.SIGN_IN | Meaning.PERMANENT:
            return port.Misconfigured(mailbox, code)
        case _:
            return port.Unavailable(mailbox, code)


def of_write(mailbox: str | None, code: str, *, back_off: timedelta, acting: str = "") -> port.ExchangeError:
    """The port's error for a write that ended with this code; made by a delegate, if `acting` names his mailbox."""
    if code in NO_ID:
        return port.Missing(mailbox, code)
    if code in REJECTED_AS_WRITE:
        return port.Rejected(mailbox, code)
    if acting and code in NOT_ALLOWED:
        return port.NotAllowed(mailbox, code)
    match meaning(code):
        case Meaning.CHANGED:
            return port.Changed(mailbox, code)
        case Meaning.GONE:
            return port.Missing(mailbox, code)
        case Meaning.REJECTED | Meaning.UNREADABLE | Meaning.OTHER_KIND:
            return port.Rejected(mailbox, code)
        case Meaning.DENIED | Meaning.PERMANENT:  # whom we may act as is said before anything else
            return of_call(acting or mailbox, code, back_off=back_off)
        case _:
            return of_call(mailbox, code, back_off=back_off)


def of_item(item_id: str, code: str) -> port.Gone | port.Unreadable | port.Unknown:
    """The port's answer for one item of a call that was answered."""
    match meaning(code):
        case Meaning.GONE:
            return port.Gone(item_id)
        case Meaning.UNREADABLE:
            return port.Unreadable(item_id, code)
        case _:
            return port.Unknown(item_id, code)
