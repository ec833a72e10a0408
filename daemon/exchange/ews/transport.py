"""One HTTP call to EWS, on exchangelib's sessions; blocking, for a thread of its own.

exchangelib gives authentication, impersonation and the SOAP head. What is ours: exactly one call, no retry, no walk
through API versions, no sleeping, a bound on time and size, and nothing of a request in any log. Sessions are kept by
us: its pool blocks for ever once a session is lost.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, LifoQueue
from time import monotonic
from typing import Any

import requests
import urllib3
from exchangelib.account import Identity
from exchangelib.configuration import Configuration
from exchangelib.credentials import IMPERSONATION, Credentials, OAuth2Credentials
from exchangelib.protocol import BaseProtocol
from exchangelib.services.common import EWSAccountService, EWSService
from exchangelib.transport import AUTH_TYPE_MAP, BASIC, GSSAPI, NTLM, OAUTH2
from exchangelib.version import EXCHANGE_2013_SP1, Version
from oauthlib.oauth2 import OAuth2Error, TokenExpiredError  # type: ignore[import-untyped]  # ships no types

from daemon.exchange import port
from daemon.exchange.ews import envelopes
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.ews.envelopes import Element, Undecodable
from daemon.exchange.ews.failures import Failure
from daemon.exchange.ews.zones import UTC_ID

VERSION = Version(build=EXCHANGE_2013_SP1, api_version="Exchange2013_SP1")
"""Understood by every server we support, and never negotiated."""

AUTH_TYPES = {"basic": BASIC, "ntlm": NTLM, "gssapi": GSSAPI, "oauth2": OAUTH2}
LONGEST_CONNECT = timedelta(seconds=10)
CHUNK = 1 << 16
GENERIC_ERROR_PAGE = "/ews/genericerrorpage.htm"
"""Where Exchange redirects to when it fails for the moment."""


class Transport:
    """The connections to one endpoint. Thread-safe; at most one session per calling thread."""

    def __init__(self, config: EwsConfig) -> None:
        self._protocol = _Protocol(_configuration(config), config)
        self._timeout = config.timeout
        self._idle: LifoQueue[requests.Session] = LifoQueue()

    def post(self, payload: Element, *, mailbox: str | None, zone_id: str = UTC_ID) -> bytes:
        """The answer's bytes, asked for as `mailbox` (None: as the service account itself), by somebody in that zone.

        Raises Failure, and Undecodable for an answer beyond all bounds.
        """
        if mailbox is None:
            service = EWSService(protocol=self._protocol)
        else:
            service = EWSAccountService(account=_Account(self._protocol, mailbox, _Zone(zone_id)))
        body = service.wrap(payload, api_version=VERSION.api_version)
        headers = service._extra_headers()  # noqa: SLF001  its way to route a call to the mailbox's server
        with _failures():
            session = self._session()
            try:
                answer = self._answer(session, body, headers)
            except BaseException:
                self._protocol.close_session(session)  # which also forgets an access token
                raise
            self._idle.put(session)
        return answer.content()

    def close(self) -> None:
        """Close what is idle; sessions in use are closed by their own calls' end or error."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _session(self) -> requests.Session:
        try:
            return self._idle.get_nowait()
        except Empty:
            session: requests.Session = self._protocol.create_session()
            return session

    def _answer(self, session: requests.Session, body: bytes, headers: dict[str, str]) -> _Answer:
        deadline = monotonic() + self._timeout.total_seconds()
        connect = min(self._timeout, LONGEST_CONNECT).total_seconds()
        session.cookies.clear()  # affinity cookies of one mailbox must not ride along with another's calls
        response = session.post(
            self._protocol.service_endpoint,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=(connect, self._timeout.total_seconds()),
            stream=True,
            verify=session.verify,  # stated here, or the environment's bundle would win over the configured file
        )
        with response:
            return _Answer(response.status_code, response.headers, _read(response, deadline))


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Any
    body: bytes

    def content(self) -> bytes:
        """The body of an EWS answer, which a fault sends with status 500; Failure for anything else."""
        kind = self.headers.get("content-type", "").lower()
        is_answer = self.status == 200 or (self.status == 500 and "xml" in kind)
        if is_answer and "html" in kind:
            raise Failure("NotAnExchangeAnswer")
        if is_answer:
            return self.body
        if self.status in (301, 302) and GENERIC_ERROR_PAGE in self.headers.get("location", "").lower():
            raise Failure("HttpGenericErrorPage")
        raise Failure(f"Http{self.status}", _retry_after(self.headers.get("retry-after", "")))


def _read(response: requests.Response, deadline: float) -> bytes:
    """The decoded body, bounded in size and time."""
    parts: list[bytes] = []
    size = 0
    while part := response.raw.read1(CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > envelopes.LARGEST_ANSWER:
            raise Undecodable(envelopes.TOO_LARGE)
        if monotonic() > deadline:
            raise Failure("TimedOut")
    return b"".join(parts)


def _retry_after(value: str) -> timedelta | None:
    return timedelta(seconds=int(value)) if value.isascii() and value.isdigit() and len(value) < 7 else None


@contextmanager
def _failures() -> Iterator[None]:
    """What requests and urllib3 raise, as Failures. Their texts, which may quote the request, are left behind."""
    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise Failure("TimedOut") from None
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
        raise Failure("CertificateNotTrusted" if _is_about_trust(error) else "ConnectionFailed") from None
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
        raise Failure("EndpointNotUsable") from None
    except UnicodeEncodeError:  # basic authentication has no spelling for this user name or password
        raise Failure("CredentialsNotSendable") from None
    except TokenExpiredError:
        raise Failure("TokenExpired") from None
    except OAuth2Error:
        raise Failure("SignInFailed") from None
    except (urllib3.exceptions.HTTPError, OSError):  # requests' own errors are OSErrors
        raise Failure("ConnectionFailed") from None


def _is_about_trust(error: BaseException) -> bool:
    seen: list[Any] = [error]
    while seen:
        one = seen.pop()
        if isinstance(one, ssl.SSLCertVerificationError):
            return True
        if isinstance(one, BaseException):
            seen += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return False


class _Protocol(BaseProtocol):  # type: ignore[misc]  # exchangelib ships no types
    """Sessions for one configuration; not exchangelib's `Protocol`, which shares instances process-wide."""

    USERAGENT = "exsyncd"

    def __init__(self, configuration: Configuration, config: EwsConfig) -> None:
        super().__init__(configuration)
        self.TIMEOUT = config.timeout.total_seconds()  # of the call for an access token
        self._ca_file = config.ca_file

    @property
    def version(self) -> Version:
        return VERSION

    def get_auth_type(self) -> str:
        raise NotImplementedError("the way to sign in is configured, never probed")

    def raw_session(self, *args: Any, **kwargs: Any) -> requests.Session:
        session: requests.Session = super().raw_session(*args, **kwargs)
        session.verify = self._ca_file or True
        return session


@dataclass(frozen=True, slots=True)
class _Zone:
    """What exchangelib's services ask of a time zone: the name that the request's head gives it."""

    ms_id: str


class _Account:
    """What exchangelib's services ask of an Account; its own one shares protocols and guesses the machine's zone."""

    access_type = IMPERSONATION
    version = VERSION

    def __init__(self, protocol: _Protocol, mailbox: str, zone: _Zone) -> None:
        self.protocol = protocol
        self.default_timezone = zone
        self.primary_smtp_address = mailbox
        self.identity = Identity(primary_smtp_address=mailbox)


def _configuration(config: EwsConfig) -> Configuration:
    auth_type = AUTH_TYPES.get(config.auth)
    if auth_type not in AUTH_TYPE_MAP:  # gssapi needs a package that not every platform has
        raise port.Misconfigured(None, "AuthenticationNotInstalled")
    if config.ca_file is not None:
        _check_authorities(config.ca_file)
    return Configuration(
        service_endpoint=config.endpoint,
        credentials=_credentials(config),
        auth_type=auth_type,
        version=VERSION,
    )


def _check_authorities(ca_file: str) -> None:
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise port.Misconfigured(None, "CaFileNotUsable") from None


def _credentials(config: EwsConfig) -> Credentials | OAuth2Credentials | None:
    if config.auth == "gssapi":
        return None
    if config.auth == "oauth2":
        return OAuth2Credentials(
            client_id=config.client_id,
            client_secret=config.client_secret,
            tenant_id=config.tenant_id,
        )
    return Credentials(config.username, config.password)
