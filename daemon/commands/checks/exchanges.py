"""Whether Exchange is reached and trusted, lets us in, and lets us act for the mailboxes that were asked about.

One sign-in is tried, and no second one where it is refused: directories lock accounts. Mailboxes are only read.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from daemon import wiring
from daemon.commands.checks import certificates
from daemon.commands.checks.certificates import Place, Verdict
from daemon.commands.checks.findings import Finding, failed, note, ok, skipped
from daemon.exchange.ews.backend import EwsExchange
from daemon.exchange.port import Busy, Denied, ExchangeError
from daemon.settings.models import Exchange, Settings

REACHED, CERTIFICATE, CLOCK, SIGN_IN, MAILBOX = "reached", "certificate", "clock", "sign-in", "mailbox"

_NOBODYS = "exsyncd-check"
"""A UID that no meeting has."""
_CLOCKS_MAY_DIFFER = timedelta(minutes=1)
_SCHEMES = {"basic": "basic", "ntlm": "ntlm", "gssapi": "negotiate", "oauth2": "bearer"}

_ENDPOINT = "Check exchange.endpoint: it usually ends in /EWS/Exchange.asmx."
_ACCOUNT = "Check exchange.username and exchange.password; above is where they come from."
_LOCKED = "Look whether the account is locked or its password has expired, before trying again."
_NOT_EXCHANGE = ("what answers there is no Exchange", (_ENDPOINT,))
_MOVED = ("it redirects to another address", ("Set exchange.endpoint to where it leads, with the whole path.",))
_SAID: dict[str, tuple[str, tuple[str, ...]]] = {
    "AuthenticationNotInstalled": (
        "gssapi is not installed",
        ("Install it: pip install 'exsyncd[gssapi]', or choose another exchange.auth.",),
    ),
    "CaFileNotUsable": ("exchange.ca_file holds no certificate", ("It must be PEM: -----BEGIN CERTIFICATE-----.",)),
    "CredentialsNotSendable": (
        "basic authentication cannot carry this user name or password",
        ("Give the account a password of plain letters, digits and signs (Latin-1).",),
    ),
    **dict.fromkeys(("Http301", "Http302", "Http307", "Http308"), _MOVED),
    "Http400": _NOT_EXCHANGE,
    "Http401": ("user name or password refused", (_ACCOUNT, _LOCKED)),
    "Http403": ("the account may not use EWS", ("Allow it: Set-CASMailbox ACCOUNT -EwsEnabled $true.",)),
    "Http404": _NOT_EXCHANGE,
    "Http405": _NOT_EXCHANGE,
    "Http407": ("the proxy on the way wants a sign-in", ("Set NO_PROXY for this host, or the proxy's sign-in.",)),
    "Http456": ("the account is locked", (_LOCKED,)),
    "NotAnExchangeAnswer": _NOT_EXCHANGE,
    "SignInFailed": (
        "no access token was given",
        ("Check exchange.tenant_id, exchange.client_id and exchange.client_secret.",),
    ),
}
_IMPERSONATE = (
    "New-ManagementRoleAssignment -Name exsyncd -Role ApplicationImpersonation -User {account}",
    "Where there is one already, its -CustomRecipientWriteScope leaves this mailbox out. Right after a change it can "
    "take minutes to be in force.",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server tells anybody: the time, and the ways to sign in that it offers (lower case)."""

    at: datetime | None
    offers: frozenset[str]


async def check(settings: Settings, patience: timedelta, *, mailboxes: Sequence[str]) -> list[Finding]:
    """From the connection to each mailbox; what a failure makes senseless is skipped."""
    endpoint = settings.exchange.endpoint
    verdict = await _certificate(settings.exchange, within=patience)
    if isinstance(verdict, Finding):
        return [verdict]
    findings = [] if verdict is None else [_trusted(verdict)]
    if verdict is not None and not verdict.is_trusted:
        return [*findings, skipped(SIGN_IN, "not tried: nothing is sent to a server that is not trusted")]
    try:
        answer = await asyncio.to_thread(_ask, settings.exchange, patience)
    except requests.RequestException as error:
        return [*findings, _unreached(settings.exchange, error)]
    findings += [_reached(endpoint), *_clock(answer)]
    return [*findings, *await _signed_in(settings, patience, answer=answer, mailboxes=mailboxes)]


async def _certificate(exchange: Exchange, *, within: timedelta) -> Verdict | Finding | None:
    """None: there is no TLS, a proxy on the way, or something else that only the call itself can tell."""
    parts = urlsplit(exchange.endpoint)
    if parts.scheme != "https" or requests.utils.get_environ_proxies(exchange.endpoint):
        return None
    place = Place(parts.hostname or "", parts.port or 443, exchange.ca_file)
    try:
        return await asyncio.to_thread(certificates.look, place, within=within)
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return failed(CERTIFICATE, "the server speaks no TLS on this port", _ENDPOINT)
        if exchange.ca_file and error.reason in ("NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB", None):
            return failed(CERTIFICATE, *_said("CaFileNotUsable"))
        return None
    except OSError:
        return None


def _trusted(verdict: Verdict) -> Finding:
    if not verdict.is_trusted:
        return failed(CERTIFICATE, verdict.text, *verdict.remedies)
    if verdict.remedies:
        return note(CERTIFICATE, verdict.text, *verdict.remedies)
    return ok(CERTIFICATE, verdict.text)


def _ask(exchange: Exchange, patience: timedelta) -> Answer:
    """What it answers to nobody in particular. Blocking. A POST, as the daemon's calls are: for GET it may differ."""
    seconds = patience.total_seconds()
    with requests.post(
        exchange.endpoint,
        auth=lambda request: request,  # nobody: not even who stands in ~/.netrc
        allow_redirects=False,
        timeout=(seconds, seconds),
        verify=exchange.ca_file or True,
        stream=True,
    ) as response:
        offers = response.headers.get("WWW-Authenticate", "").split(",")
        return Answer(_time(response.headers.get("Date", "")), frozenset(_scheme(each) for each in offers if each))


def _scheme(challenge: str) -> str:
    return challenge.strip().partition(" ")[0].lower()


def _time(date: str) -> datetime | None:
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except ValueError:
        return None


def _reached(endpoint: str) -> Finding:
    if urlsplit(endpoint).scheme == "http":
        return note(REACHED, "over http: passwords and calendars can be read on the way", "Use https:// if it has it.")
    return ok(REACHED, "it answers")


def _unreached(exchange: Exchange, error: requests.RequestException) -> Finding:
    host = urlsplit(exchange.endpoint).netloc
    if isinstance(error, requests.exceptions.ProxyError):
        return failed(
            REACHED, "the proxy on the way does not let us through", "Check HTTPS_PROXY, HTTP_PROXY, NO_PROXY."
        )
    if isinstance(error, requests.exceptions.SSLError):
        return failed(CERTIFICATE, "not trusted", "Name the file of the authority that made it: exchange.ca_file.")
    if isinstance(error, requests.Timeout):
        return failed(REACHED, f"{host} does not answer in time", _ENDPOINT, "Is a firewall on the way?")
    if "NameResolution" in repr(error):
        return failed(REACHED, f"{host} has no address: no such name", _ENDPOINT)
    if "refused" in repr(error):
        return failed(REACHED, f"nothing listens at {host}", _ENDPOINT, "Does the server run?")
    return failed(REACHED, f"{host} cannot be reached ({type(error).__name__})", _ENDPOINT)


def _clock(answer: Answer) -> list[Finding]:
    if answer.at is None:
        return []
    ahead = answer.at - datetime.now(UTC)
    if abs(ahead) < _CLOCKS_MAY_DIFFER:
        return []
    text = f"the server's is {_span(abs(ahead))} {'ahead of' if ahead > timedelta() else 'behind'} ours"
    return [note(CLOCK, text, "Let both follow a time server: sign-ins, certificates and conflicts depend on it.")]


def _span(span: timedelta) -> str:
    minutes = round(span / timedelta(minutes=1))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


async def _signed_in(
    settings: Settings, patience: timedelta, *, answer: Answer, mailboxes: Sequence[str]
) -> list[Finding]:
    config = wiring.ews_config(settings)
    try:
        exchange = EwsExchange(replace(config, timeout=min(config.timeout, patience)))
    except ExchangeError as error:
        return [failed(SIGN_IN, *_said(error.code))]
    try:
        await exchange.probe()
    except ExchangeError as error:
        return [_not_signed_in(error, settings.exchange, answer), *(_untried(mailbox) for mailbox in mailboxes)]
    else:
        account = settings.exchange.username or settings.exchange.client_id or "us"
        return [ok(SIGN_IN, f"{account}, by {settings.exchange.auth}"), *await _all(exchange, mailboxes, account)]
    finally:
        await exchange.close()


def _not_signed_in(error: ExchangeError, exchange: Exchange, answer: Answer) -> Finding:
    wanted = _SCHEMES[exchange.auth]
    if error.code == "Http401" and answer.offers and wanted not in answer.offers:
        offered = ", ".join(sorted(answer.offers))
        remedy = f"Set exchange.auth (EXSYNCD_EXCHANGE__AUTH) to what it offers, or have {exchange.auth} allowed there."
        return failed(SIGN_IN, f"the server does not offer {exchange.auth}, but {offered}", remedy)
    if isinstance(error, Busy):
        return note(SIGN_IN, "the server is busy just now: not known", "Ask again in a while.")
    return failed(SIGN_IN, *_said(error.code))


def _said(code: str) -> tuple[str, ...]:
    """A text and its remedies."""
    unknown = f"Exchange answered {code}", (_ENDPOINT, "Look for that code in its logs.")
    text, remedies = _SAID.get(code, unknown)
    return text, *remedies


def _untried(mailbox: str) -> Finding:
    return skipped(MAILBOX, f"{mailbox}: not tried without a sign-in")


async def _all(exchange: EwsExchange, mailboxes: Sequence[str], account: str) -> list[Finding]:
    if not mailboxes:
        return [skipped(MAILBOX, "the right to impersonate: not tried, name one with --mailbox ADDRESS")]
    return list(await asyncio.gather(*(_mailbox(exchange, mailbox, account) for mailbox in mailboxes)))


async def _mailbox(exchange: EwsExchange, mailbox: str, account: str) -> Finding:
    """Looks for a meeting that cannot be there. Impersonation is one right: who may read so may write, too."""
    try:
        await exchange.find_by_uid(mailbox, _NOBODYS)
    except Denied as error:
        return _denied(error, mailbox, account)
    except Busy:
        return _busy(mailbox)
    except ExchangeError as error:
        return _unread(error, mailbox)
    return await _delegates(exchange, mailbox)


async def _delegates(exchange: EwsExchange, mailbox: str) -> Finding:
    """Whether the delegates of a mailbox that may be read are told, too: every grant begins with that."""
    try:
        await exchange.delegates(mailbox)
    except Busy:
        return _busy(mailbox)
    except ExchangeError as error:
        text = f"{mailbox}: may be read and written as its owner, but its delegates are not told ({error.code})"
        return note(MAILBOX, text, "Its owner can have no delegates until they are: option meeting_invitations.")
    return ok(MAILBOX, f"{mailbox}: may be read and written as its owner")


def _busy(mailbox: str) -> Finding:
    return note(MAILBOX, f"{mailbox}: busy just now: not known", "Ask again in a while.")


def _denied(error: Denied, mailbox: str, account: str) -> Finding:
    if error.code.startswith("ErrorImpersonat"):
        grant, wait = _IMPERSONATE
        text = f"{mailbox}: {account} may not impersonate its owner"
        return failed(MAILBOX, text, f"Grant the right: `{grant.format(account=account)}`.", wait)
    text = f"{mailbox}: access refused ({error.code})"
    return failed(MAILBOX, text, "Look whether the mailbox or its account is disabled, or barred from EWS.")


def _unread(error: ExchangeError, mailbox: str) -> Finding:
    if error.code == "ErrorNonExistentMailbox":
        text = f"{mailbox}: there is no such mailbox"
        return failed(MAILBOX, text, "Check the address; it must be on this Exchange, not a contact or a list.")
    if error.code == "ErrorNonPrimarySmtpAddress":
        return failed(MAILBOX, f"{mailbox}: is an alias", "Give the mailbox's primary address.")
    return failed(MAILBOX, f"{mailbox}: Exchange answered {error.code}", "Look for that code in its logs.")
