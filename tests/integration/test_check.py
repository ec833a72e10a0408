"""`exsyncd check` says on one screen what is wrong and what to do, and changes nothing (a real Kafka, a sandbox
Exchange).
"""

from __future__ import annotations

import asyncio
import io
import json
import socket
import ssl
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, web
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from rich.console import Console
from sqlalchemy import text

from daemon.bus.kafka import KafkaAdmin, KafkaConsumer, KafkaSettings
from daemon.bus.port import TopicPartition
from daemon.commands import checking
from daemon.sandbox.exchange import PATH, ExchangeSandbox, People
from daemon.store.store import Store
from schemas import catalogue
from tests.support.kafka import PASSWORD, USER, Cluster
from tests.unit.exchange import certificates

SECRET = "not-for-screens"
SYNC = "sync@bank.example"
ANNA, BOB = "anna@bank.example", "bob@bank.example"
LONG = timedelta(seconds=30)


@dataclass
class Place:
    """What `exsyncd check` looks at: as it must be, until a test takes something away."""

    env: dict[str, str]
    folder: Path
    prefix: str
    screens: list[str] = field(default_factory=list)

    async def check(self, *mailboxes: str, width: int = 80, patience: timedelta = LONG, **env: str) -> int:
        """The exit code; what a person would have seen is in `screen`."""
        console = Console(file=io.StringIO(), width=width)
        status = await checking.check(
            None, {**self.env, **env}, mailboxes=mailboxes, console=console, patience=patience
        )
        self.screens.append(console.file.getvalue())
        print(self.screen)  # noqa: T201  # for whoever looks at the screens: pytest -rP
        return status

    async def as_json(self, *mailboxes: str, **env: str) -> tuple[int, Any]:
        console = Console(file=io.StringIO(), width=80)
        status = await checking.check_for_script(None, {**self.env, **env}, mailboxes=mailboxes, console=console)
        return status, json.loads(console.file.getvalue())

    async def shows(self, words: str, **env: str) -> None:
        """Looks until the screen says so; the test's own time-out ends it."""
        await self.check(**env)
        while words not in self.said:
            await asyncio.sleep(0.1)
            await self.check(**env)

    @property
    def screen(self) -> str:
        return self.screens[-1]

    @property
    def said(self) -> str:
        """The screen as one line of words, wherever lines were broken."""
        return " ".join(self.screen.split())


@pytest.fixture
async def place(kafka: Cluster, kafka_prefix: str, tmp_path: Path) -> AsyncIterator[Place]:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=kafka_prefix)
    await create(settings)
    sandbox = ExchangeSandbox(people())
    url = await sandbox.start()
    yield Place(
        {
            "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
            "EXSYNCD_KAFKA__TOPIC_PREFIX": kafka_prefix,
            "EXSYNCD_KAFKA__GROUP_ID": f"{kafka_prefix}group",
            "EXSYNCD_STORE__URL": f"sqlite:///{tmp_path}/store.sqlite",
            "EXSYNCD_EXCHANGE__ENDPOINT": url + PATH,
            "EXSYNCD_EXCHANGE__USERNAME": SYNC,
            "EXSYNCD_EXCHANGE__PASSWORD": SECRET,
            "EXSYNCD_HTTP__BIND": "127.0.0.1:0",
        },
        tmp_path,
        kafka_prefix,
    )
    await sandbox.stop()


def people() -> People:
    """Anna may be impersonated, Bob may not."""
    return People.read(
        {
            "people": [
                {"name": "Anna", "email": ANNA, "password": "anna"},
                {"name": "Bob", "email": BOB, "password": "bob"},
            ],
            "services": [{"username": SYNC, "password": SECRET, "impersonates": [ANNA]}],
        }
    )


async def create(settings: KafkaSettings, *, without: str = "") -> None:
    admin = KafkaAdmin(settings)
    await admin.start()
    wanted = [topic for topic in catalogue.TOPICS.values() if topic.name != without]
    await admin.create(wanted)
    while len(await admin.topics()) < len(wanted):  # noqa: ASYNC110  # a broker hears late of what it has made
        await asyncio.sleep(0.05)
    await admin.stop()


async def test_when_all_is_well_it_says_so_and_leaves_no_trace(place: Place) -> None:
    assert await place.check(ANNA) == 0
    assert "Everything the daemon needs is there." in place.screen
    partitions = sum(topic.partitions for topic in catalogue.TOPICS.values())
    assert f"ok      topics       all 12, with {partitions} partitions" in place.screen
    assert f"ok      mailbox      {ANNA}: may be read and written as its owner" in place.screen
    assert list(place.folder.iterdir()) == [], "a check makes no store"


async def test_on_a_running_house_it_notes_who_has_the_store(place: Place) -> None:
    store = await Store.open(place.env["EXSYNCD_STORE__URL"])
    before = {file.name for file in place.folder.iterdir()}
    assert await place.check() == 0
    assert "note    in use       by a running daemon (process " in place.screen
    await store.close()
    assert await place.check() == 0
    assert "in use" not in place.screen
    assert {file.name for file in place.folder.iterdir()} <= before


class Nobody:
    """Is told of rebalances, and does nothing."""

    async def revoked(self, partitions: Collection[TopicPartition]) -> None: ...

    async def assigned(self, partitions: Collection[TopicPartition]) -> None: ...


async def test_beside_a_daemon_that_reads_it_counts_the_group_and_does_not_join(place: Place, kafka: Cluster) -> None:
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=place.prefix, group_id=place.env["EXSYNCD_KAFKA__GROUP_ID"]
    )
    consumer = KafkaConsumer(settings)
    await consumer.start([catalogue.USERS], Nobody())
    while not consumer.assignment():  # the client tells of an assignment only when asked for records
        await consumer.getmany(wait=timedelta(milliseconds=50), max_records=1)
    assigned = consumer.assignment()
    assert await place.check() == 0
    assert "group: 1 reading now" in place.said
    await consumer.getmany(wait=timedelta(milliseconds=50), max_records=1)
    assert consumer.assignment() == assigned
    await consumer.stop()


async def test_settings_are_told_with_where_they_come_from_and_secrets_never(place: Place) -> None:
    credentials = place.folder / "credentials"
    credentials.mkdir()
    (credentials / "exchange.password").write_text(SECRET)
    env = {"EXSYNCD_EXCHANGE__PASSWORD": "", "CREDENTIALS_DIRECTORY": str(credentials)}
    assert await place.check(**env) == 0
    assert "credential: exchange.password (hidden)" in place.said
    assert f"exchange.username {SYNC}" in place.said.partition("environment:")[2].partition("credential:")[0]
    assert "security_model" not in place.screen
    assert SECRET not in place.screen


async def test_nothing_running(place: Place) -> None:
    """All are told at once, in seconds."""
    nowhere = {
        "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "EXSYNCD_EXCHANGE__ENDPOINT": "https://127.0.0.1:2/EWS/Exchange.asmx",
        "EXSYNCD_STORE__URL": f"sqlite:///{place.folder}/missing/store.sqlite",
    }
    assert await place.check(**nowhere) == 1
    assert "FAILED  reached      no broker answers at 127.0.0.1:1" in place.screen
    assert "FAILED  reached      nothing listens at 127.0.0.1:2" in place.screen
    assert f"{place.folder}/missing is no folder that is there" in place.said
    assert "ok      address" in place.screen
    assert "Not ready: Kafka (1), Store (1), Exchange (1)." in place.screen
    assert len(place.screen.splitlines()) <= 36


async def test_servers_that_take_connections_and_never_answer(place: Place) -> None:
    """Bounded by our patience, not by theirs."""
    with silent() as address:
        stuck = {
            "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": address,
            "EXSYNCD_EXCHANGE__ENDPOINT": f"https://{address}/EWS/Exchange.asmx",
        }
        assert await place.check(patience=timedelta(milliseconds=300), **stuck) == 1
    assert f"no broker at {address} speaks PLAINTEXT with us" in place.said
    assert f"{address} does not answer in time" in place.said


async def test_a_wrong_password_at_exchange(place: Place) -> None:
    assert await place.check(ANNA, EXSYNCD_EXCHANGE__PASSWORD="wrong-one") == 1
    assert "FAILED  sign-in      user name or password refused" in place.screen
    assert "Check exchange.username and exchange.password" in place.said
    assert f"-       mailbox      {ANNA}: not tried without a sign-in" in place.screen
    assert "wrong-one" not in place.screen
    assert "Not ready: Exchange (1)." in place.screen


async def test_a_wrong_password_is_tried_once(place: Place) -> None:
    """Directories lock accounts."""
    tries = []

    async def refuse(request: web.Request) -> web.Response:
        tries.append(request.headers.get("Authorization"))
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    async with serving(refuse) as url:
        assert await place.check(ANNA, BOB, EXSYNCD_EXCHANGE__ENDPOINT=url) == 1
    assert len([each for each in tries if each]) == 1


async def test_a_way_to_sign_in_that_the_server_does_not_offer(place: Place) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": "Negotiate, NTLM"})

    async with serving(refuse) as url:
        assert await place.check(EXSYNCD_EXCHANGE__ENDPOINT=url) == 1
    assert "the server does not offer basic, but negotiate, ntlm" in place.said
    assert "Set exchange.auth" in place.said


async def test_a_server_whose_clock_is_wrong(place: Place) -> None:
    async def old(_request: web.Request) -> web.Response:
        return web.Response(status=404, headers={"Date": "Tue, 01 Jan 2019 00:00:00 GMT"})

    async with serving(old) as url:
        assert await place.check(EXSYNCD_EXCHANGE__ENDPOINT=url) == 1
    assert "note    clock        the server's is " in place.screen
    assert " behind ours" in place.said
    assert "FAILED  sign-in      what answers there is no Exchange" in place.screen


async def test_a_missing_impersonation_right(place: Place) -> None:
    """The one mailbox is told from the other."""
    assert await place.check(ANNA, BOB) == 1
    assert f"ok      mailbox      {ANNA}: may be read and written as its owner" in place.screen
    assert f"FAILED mailbox {BOB}: {SYNC} may not impersonate its owner" in place.said
    assert f"-Role ApplicationImpersonation -User {SYNC}" in place.said


async def test_a_mailbox_that_does_not_exist(place: Place) -> None:
    assert await place.check("nobody@bank.example") == 1
    assert "nobody@bank.example: there is no such mailbox" in place.said


async def test_a_self_signed_certificate_and_its_remedy_which_works(place: Place) -> None:
    """What the screen says to do is done, and then all is well."""
    file, context = certificates.self_signed(place.folder)
    fingerprint = x509.load_pem_x509_certificate(file.read_bytes()).fingerprint(hashes.SHA256()).hex(":").upper()
    async with tls_front(place.env["EXSYNCD_EXCHANGE__ENDPOINT"], context) as url:
        assert await place.check(ANNA, EXSYNCD_EXCHANGE__ENDPOINT=url) == 1
        assert "FAILED  certificate  self-signed: no authority vouches for it" in place.screen
        assert fingerprint in place.screen, "in one piece, to be compared"
        assert "-       sign-in      not tried" in place.screen
        trusting = {"EXSYNCD_EXCHANGE__ENDPOINT": url, "EXSYNCD_EXCHANGE__CA_FILE": str(file)}
        assert await place.check(ANNA, **trusting) == 0
        assert "ok      certificate  valid until" in place.screen


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"until": -timedelta(days=1)}, "FAILED certificate expired on 20"),
        ({"until": timedelta(days=3)}, "note certificate valid until 20"),
        (
            {"made_for": "mail.bank.example"},
            "FAILED certificate made for mail.bank.example, not for 127.0.0.1 -> Set exchange.endpoint",
        ),
    ],
)
async def test_certificates_of_ones_own_authority_are_told_apart(place: Place, made: Any, told: str) -> None:
    authority, context = certificates.authority(place.folder, **made)
    async with tls_front(place.env["EXSYNCD_EXCHANGE__ENDPOINT"], context) as url:
        trusting = {"EXSYNCD_EXCHANGE__ENDPOINT": url, "EXSYNCD_EXCHANGE__CA_FILE": str(authority)}
        assert await place.check(**trusting) == ("FAILED" in told)
    assert told in place.said


async def test_an_authority_that_is_not_the_configured_one(place: Place) -> None:
    (place.folder / "other").mkdir()
    other, _ = certificates.authority(place.folder / "other")
    authority, context = certificates.authority(place.folder)
    async with tls_front(place.env["EXSYNCD_EXCHANGE__ENDPOINT"], context) as url:
        here = {"EXSYNCD_EXCHANGE__ENDPOINT": url}
        assert await place.check(**here) == 1
        assert "made by CN=the tests' authority, which is not trusted here -> Get that authority's" in place.said
        assert await place.check(**here, EXSYNCD_EXCHANGE__CA_FILE=str(other)) == 1
        assert "made by CN=the tests' authority, which is not in exchange.ca_file" in place.said
        assert await place.check(**here, EXSYNCD_EXCHANGE__CA_FILE=str(authority)) == 0


async def test_a_proxy_that_is_not_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls go by the environment's proxy, so that is what is looked at."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    assert await place.check(EXSYNCD_EXCHANGE__ENDPOINT="https://mail.bank.example/EWS/Exchange.asmx") == 1
    assert "FAILED reached the proxy on the way does not let us through" in place.said


async def test_a_file_of_authorities_that_holds_none(place: Place) -> None:
    _, context = certificates.authority(place.folder)
    (place.folder / "none.pem").write_text("no certificate")
    async with tls_front(place.env["EXSYNCD_EXCHANGE__ENDPOINT"], context) as url:
        wrong = {"EXSYNCD_EXCHANGE__ENDPOINT": url, "EXSYNCD_EXCHANGE__CA_FILE": str(place.folder / "none.pem")}
        assert await place.check(**wrong) == 1
    assert "exchange.ca_file holds no certificate" in place.said


async def test_https_to_a_server_without(place: Place) -> None:
    url = place.env["EXSYNCD_EXCHANGE__ENDPOINT"].replace("http://", "https://")
    assert await place.check(EXSYNCD_EXCHANGE__ENDPOINT=url) == 1
    assert "the server speaks no TLS on this port" in place.said


async def test_missing_topics(place: Place, kafka: Cluster) -> None:
    """Named as they are at the broker; and none is made on the way."""
    prefix = f"{place.prefix}other."
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=prefix)
    assert await place.check(EXSYNCD_KAFKA__TOPIC_PREFIX=prefix) == 1
    assert f"none of the 12 is there (their names begin with {prefix})" in place.said
    await create(settings, without="sync.outcomes")
    assert await place.check(EXSYNCD_KAFKA__TOPIC_PREFIX=prefix) == 1
    assert f"FAILED  topics       missing: {prefix}sync.outcomes" in place.screen
    assert "-> `exsyncd topics --create` makes what is missing" in place.said
    assert await place.check(EXSYNCD_KAFKA__TOPIC_PREFIX=prefix) == 1, "looking again finds it missing still"


async def test_a_store_of_a_newer_version(place: Place) -> None:
    await marked(place, "9999")
    before = (place.folder / "store.sqlite").read_bytes()
    assert await place.check() == 1
    assert "FAILED  version      the store was written by a newer version (its tables are" in place.screen
    assert "Run that version, or restore a backup" in place.said
    assert (place.folder / "store.sqlite").read_bytes() == before


async def test_a_store_that_is_another_programs(place: Place) -> None:
    (place.folder / "store.sqlite").write_text("no database at all, but long enough to be looked at" * 20)
    assert await place.check() == 1
    assert "cannot be used as a store: file is not a database" in place.said


async def test_a_wrong_password_at_kafka(place: Place, kafka: Cluster) -> None:
    assert await place.check(**signing_in(kafka, password="wrong-one")) == 1
    assert f"FAILED  sign-in      {USER}: refused (SASL_PLAINTEXT, PLAIN)" in place.screen
    assert "Check kafka.sasl_username and kafka.sasl_password" in place.said
    assert "wrong-one" not in place.screen


async def test_tls_to_brokers_that_speak_none(place: Place) -> None:
    assert await place.check(EXSYNCD_KAFKA__SECURITY_PROTOCOL="SSL", patience=timedelta(seconds=3)) == 1
    assert f"no broker at {place.env['EXSYNCD_KAFKA__BOOTSTRAP_SERVERS']} speaks SSL with us" in place.said
    assert "Check that kafka.security_protocol belongs to that port." in place.said


async def test_brokers_whose_certificate_is_not_trusted(place: Place) -> None:
    """Told from one that does not answer; who answers behind the certificate does not come into it."""
    _, context = certificates.authority(place.folder)
    async with tls_front(place.env["EXSYNCD_EXCHANGE__ENDPOINT"], context) as url:
        brokers = {"EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": urlsplit(url).netloc, "EXSYNCD_KAFKA__SECURITY_PROTOCOL": "SSL"}
        assert await place.check(**brokers) == 1
    assert "FAILED reached no TLS comes about: a certificate is not trusted" in place.said
    assert "kafka.ssl_cafile" in place.said


async def test_missing_rights_at_kafka(place: Place, kafka: Cluster) -> None:
    """Nothing may be seen; then the topics, but not their settings; then all but the group; then all.

    A broker hears late of what was allowed, so we look until it has.
    """
    signed_in = signing_in(kafka)
    assert await place.check(**signed_in) == 1
    assert f"by SASL_PLAINTEXT, signed in as {USER} (PLAIN)" in place.said
    assert "none of the 12 is there" in place.said
    assert "the right to DESCRIBE them may be missing" in place.said
    allow(kafka, ResourceType.TOPIC, place.prefix, AclOperation.DESCRIBE)
    await place.shows("FAILED topics the right DESCRIBE_CONFIGS is missing", **signed_in)
    allow(kafka, ResourceType.TOPIC, place.prefix, AclOperation.DESCRIBE_CONFIGS)
    await place.shows("ok topics all 12", **signed_in)
    assert f"{place.prefix}group: the right to read with it is missing" in place.said
    allow(kafka, ResourceType.GROUP, place.prefix, AclOperation.READ)
    await place.shows("Everything the daemon needs is there.", **signed_in)


async def test_an_address_for_health_that_is_taken(place: Place) -> None:
    address = urlsplit(place.env["EXSYNCD_EXCHANGE__ENDPOINT"]).netloc
    assert await place.check(EXSYNCD_HTTP__BIND=address) == 1
    assert f"FAILED address {address} cannot be listened on: Address already in use" in place.said


async def test_for_scripts_it_is_json(place: Place) -> None:
    status, told = await place.as_json(ANNA, BOB)
    assert (status, told["ok"]) == (1, False)
    assert [check["area"] for check in told["checks"] if check["status"] == "failed"] == ["Exchange"]
    by_name = {row["name"]: row for row in told["settings"]}
    assert by_name["exchange.password"]["value"] == "(hidden)"
    assert by_name["security_model"] == {"name": "security_model", "value": "ham", "source": "default"}
    status, told = await place.as_json(EXSYNCD_SECURITY_MODEL="spam")
    assert (status, told["problems"][0]["path"]) == (2, "security_model")


def signing_in(kafka: Cluster, *, password: str = PASSWORD) -> dict[str, str]:
    if kafka.guarded is None:
        pytest.skip("the external cluster has no listener that wants a sign-in")
    return {
        "EXSYNCD_KAFKA__BOOTSTRAP_SERVERS": kafka.guarded,
        "EXSYNCD_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "EXSYNCD_KAFKA__SASL_MECHANISM": "PLAIN",
        "EXSYNCD_KAFKA__SASL_USERNAME": USER,
        "EXSYNCD_KAFKA__SASL_PASSWORD": password,
    }


def allow(kafka: Cluster, resource: ResourceType, prefix: str, operation: AclOperation) -> None:
    """The user may do this with everything whose name begins so."""
    rule = (resource, prefix, ResourcePatternType.PREFIXED, f"User:{USER}", "*", operation, AclPermissionType.ALLOW)
    client = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for answer in client.create_acls([AclBinding(*rule)]).values():
        answer.result()


async def marked(place: Place, version: str) -> None:
    """A store that says it is of this version."""
    store = await Store.open(place.env["EXSYNCD_STORE__URL"])
    await store.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version}))
    await store.close()


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        yield f"{host}:{port}"


@asynccontextmanager
async def serving(handler: Any, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post(PATH, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    host, port = runner.addresses[0]
    try:
        yield f"{'https' if context else 'http'}://{host}:{port}{PATH}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def tls_front(behind: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """A server that ends TLS and hands on to another."""
    async with ClientSession() as session:

        async def hand_on(request: web.Request) -> web.Response:
            head: Mapping[str, str] = {**request.headers, "Host": urlsplit(behind).netloc}
            async with session.post(behind, data=await request.read(), headers=head) as answer:
                kept = {
                    name: value
                    for name, value in answer.headers.items()
                    if name in ("Content-Type", "WWW-Authenticate")
                }
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)

        async with serving(hand_on, context) as url:
            yield url
