"""How settings become a connection: TLS where it is asked for, and no secret where it may be read."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import pytest

from daemon.bus.kafka import KafkaSettings, _connection

PLAIN = {"bootstrap_servers": "kafka.example:9092"}


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
def test_without_tls_there_is_no_context(protocol: str):
    """Else the client would refuse the combination."""
    assert _connection(KafkaSettings(**PLAIN, security_protocol=protocol))["ssl_context"] is None


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
@pytest.mark.parametrize("check_hostname", [True, False])
def test_with_tls_the_brokers_are_checked(protocol: str, check_hostname: bool):
    """Against our CA; the host's name too, unless it is switched off. The certificate always."""
    settings = KafkaSettings(
        **PLAIN, security_protocol=protocol, ssl_cafile=certifi.where(), ssl_check_hostname=check_hostname
    )
    context = _connection(settings)["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is check_hostname
    assert context.get_ca_certs()


def test_a_wrong_ca_file_is_said_at_once(tmp_path: Path):
    """Not at the first broker that cannot be trusted."""
    empty = tmp_path / "ca.pem"
    empty.write_text("not a certificate")
    with pytest.raises(ssl.SSLError):
        _connection(KafkaSettings(**PLAIN, security_protocol="SSL", ssl_cafile=str(empty)))


def test_login_is_passed_on():
    """User and password only where there are any."""
    connection = _connection(
        KafkaSettings(**PLAIN, security_protocol="SASL_PLAINTEXT", sasl_username="exsyncd", sasl_password="secret")
    )
    assert (connection["sasl_plain_username"], connection["sasl_plain_password"]) == ("exsyncd", "secret")
    assert _connection(KafkaSettings(**PLAIN))["sasl_plain_username"] is None


def test_secrets_are_not_shown():
    """Neither in logs nor in tracebacks."""
    assert "secret" not in repr(KafkaSettings(**PLAIN, sasl_password="secret", ssl_keypassword="secret"))
