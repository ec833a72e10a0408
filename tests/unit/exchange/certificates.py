"""A certificate authority of the tests' own."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"


def authority(
    folder: Path, *, made_for: str = LOOPBACK, until: timedelta = timedelta(days=365)
) -> tuple[Path, ssl.SSLContext]:
    """The CA's file, and a server context, for loopback unless told otherwise, that only this CA vouches for."""
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = _name("the tests' authority")
    ca = _builder(ca_name, ca_name, ca_key).add_extension(x509.BasicConstraints(True, None), True)
    ca = ca.add_extension(_usage(signs=True), True)
    ca = ca.add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), False)
    server = _builder(_name(made_for), ca_name, server_key, until=until).add_extension(_names(made_for), False)
    server = server.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(_pem(ca.sign(ca_key, hashes.SHA256())))
    return ca_file, _serving(folder, server.sign(ca_key, hashes.SHA256()), server_key)


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for loopback that nobody vouches for, as Exchange makes one at its installation; its file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(LOOPBACK)
    certificate = _builder(name, name, key).add_extension(_names(LOOPBACK), False).sign(key, hashes.SHA256())
    file = folder / "self-signed.pem"
    file.write_bytes(_pem(certificate))
    return file, _serving(folder, certificate, key)


def _serving(folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    file = folder / "server.pem"
    file.write_bytes(_pem(certificate) + _key_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _names(made_for: str) -> x509.SubjectAlternativeName:
    is_address = made_for[0].isdigit()
    return x509.SubjectAlternativeName([x509.IPAddress(ip_address(made_for)) if is_address else x509.DNSName(made_for)])


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    until: timedelta = timedelta(days=365),
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + until)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
