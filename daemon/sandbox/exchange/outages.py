"""What a client gets to see of a fault: the answer that comes instead of the work, or instead of the work's own."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.sandbox.exchange.calls import answer, is_single, refusal
from daemon.sandbox.exchange.errors import EwsError, SoapFault
from daemon.sandbox.exchange.faults import Fault
from daemon.sandbox.exchange.markup import Element, child

_BACK_OFF_MS = 5000
_BUSY = "The server cannot service this request right now. Try again later."
_FAILED = "An internal server error occurred. Try again later."
_CONNECTIONS = "You have exceeded the available concurrent connections for your account. Try again later."


def answer_instead(operation: str, faults: Iterable[Fault]) -> Element | None:
    """The answer to a request that a fault keeps from being carried out; None if none does.

    Raises:
        SoapFault: the fault fails the request as a whole.
    """
    for fault in faults:
        if fault.name == "server_busy":
            back_off = {"BackOffMilliseconds": str(fault.settings.get("back_off_ms", _BACK_OFF_MS))}
            raise SoapFault("ErrorServerBusy", _BUSY, back_off)
        if fault.name == "exceeded_connections":
            raise SoapFault("ErrorExceededConnectionCount", _CONNECTIONS)
        if fault.name == "server_busy_inner":
            inner = {"InnerErrorMessageText": _BUSY, "InnerErrorResponseCode": "ErrorServerBusy"}
            error = EwsError("ErrorInternalServerError", _FAILED)
            return answer(operation, [refusal(operation, error, **inner)])
        if fault.name == "access_denied":
            error = EwsError("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
            return answer(operation, [refusal(operation, error)])
        if fault.name == "bad_sync_state":
            error = EwsError("ErrorInvalidSyncStateData", "The synchronization state data is corrupt or invalid.")
            return answer(operation, [refusal(operation, error)])
    return None


def answer_afterwards(operation: str, done: Element, fault: Fault) -> Element:
    """The answer of a server that did the work and then failed: an error in the place of each message."""
    error = EwsError(fault.code, _FAILED)
    listed = None if is_single(operation) else child(done, "ResponseMessages")
    messages = [done] if listed is None else list(listed)
    return answer(operation, [refusal(operation, error) for _ in messages])
