"""Why a server's certificate is not trusted: what is wrong with it, and how to come by an authority to trust.

Looks past the check that failed, without sending anything, to name what the server showed.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from requests.utils import DEFAULT_CA_BUNDLE_PATH

_EXPIRED, _NOT_YET = 10, 9
_SELF_SIGNED = frozenset({18, 19})
_OTHER_NAME = frozenset({62, 64})
_SOON = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is, and the file of authorities it is checked against, if not the usual ones."""

    host: str
    port: int
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """On a certificate. `is_trusted` False: no call would be made; `remedies` say what to do about `text`."""

    is_trusted: bool
    text: str
    remedies: tuple[str, ...] = ()


def look(place: Place, *, within: timedelta) -> Verdict:
    """Blocking. Raises OSError where no TLS comes about, for a reason other than trust."""
    trusting = ssl.create_default_context(cafile=place.ca_file or DEFAULT_CA_BUNDLE_PATH)
    try:
        certificate = _shown(place, trusting, within=within)
    except ssl.SSLCertVerificationError as error:
        return _explained(error, _shown(place, _credulous(), within=within), place)
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    text = f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}"
    if left < _SOON:
        return Verdict(True, f"{text}, which is soon", ("Have it renewed: on that day the daemon stops trusting it.",))
    return Verdict(True, text)


def _shown(place: Place, context: ssl.SSLContext, *, within: timedelta) -> x509.Certificate:
    seconds = within.total_seconds()
    with (
        socket.create_connection((place.host, place.port), timeout=seconds) as plain,
        context.wrap_socket(plain, server_hostname=place.host) as secured,
    ):
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")


def _credulous() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # to read what was refused; nothing is sent over it
    return context


def _explained(error: ssl.SSLCertVerificationError, certificate: x509.Certificate, place: Place) -> Verdict:
    if error.verify_code == _EXPIRED:
        ended = f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        return Verdict(False, ended, ("Have it renewed on the Exchange server.", "Check this machine's clock."))
    if error.verify_code == _NOT_YET:
        begins = f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return Verdict(False, begins, ("Check the clocks of this machine and of the server.",))
    if error.verify_code in _OTHER_NAME:
        names = ", ".join(_names(certificate)) or "nobody"
        remedy = f"Set exchange.endpoint to one of its names, or have a certificate made for {place.host}."
        return Verdict(False, f"made for {names}, not for {place.host}", (remedy,))
    if error.verify_code in _SELF_SIGNED and certificate.issuer == certificate.subject:
        return Verdict(False, "self-signed: no authority vouches for it", _own_authority(certificate, place))
    issuer = certificate.issuer.rfc4514_string()
    if place.ca_file:
        remedies = (f"Put the certificate of that authority into {place.ca_file} (exchange.ca_file).",)
        return Verdict(False, f"made by {issuer}, which is not in exchange.ca_file", remedies)
    remedy = "Get that authority's certificate (PEM) and name its file: exchange.ca_file (EXSYNCD_EXCHANGE__CA_FILE)."
    return Verdict(False, f"made by {issuer}, which is not trusted here", (remedy,))


def _own_authority(certificate: x509.Certificate, place: Place) -> tuple[str, ...]:
    fetch = f"openssl s_client -connect {place.host}:{place.port} </dev/null | openssl x509 > exchange-ca.pem"
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return (
        "Best: have one made by your own authority, and name that authority's file: exchange.ca_file "
        "(EXSYNCD_EXCHANGE__CA_FILE).",
        f"Or trust just this one: save it with `{fetch}`, name that file as exchange.ca_file, and compare its "
        f"SHA-256 with what the server's administrator reads: {fingerprint}",
    )


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]
