"""Every setting of the daemon, with its default and what it does.

The one place a setting is named: environment names, TOML paths, `exsyncd.example.toml` and the errors follow from
these models. A field marked `later` is part of the contract but has no effect in this version.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from daemon.settings import blacklists
from daemon.settings.values import Bind, BindAddress, Domain, Duration, Span, parse_bind
from schemas.options import OPTIONS

Count = Annotated[int, Field(ge=1)]
Secret = SecretStr
MIB = 1024 * 1024
PREFIX = "EXSYNCD_"
UNSET = SecretStr("")


class Group(BaseModel):
    """A table of settings. An unknown name is refused: a mistyped setting must not be silently the default."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)


def _described(text: str, **marks: Any) -> Any:
    """A setting's description; marks are `example`, `later`, `secret`."""
    return Field(description=text, json_schema_extra=marks)


def _servers(value: str) -> str:
    servers = [server.strip() for server in value.split(",") if server.strip()]
    if any(not _is_host_and_port(server) for server in servers):
        raise ValueError("must be HOST:PORT, several separated by commas")
    return ",".join(servers)


def _is_host_and_port(server: str) -> bool:
    host, _, port = server.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65536


class Kafka(Group):
    """The bus."""

    bootstrap_servers: Annotated[
        str,
        AfterValidator(_servers),
        _described("Brokers to start from, HOST:PORT, separated by commas. Required.", example="127.0.0.1:9092"),
    ] = ""
    group_id: Annotated[str, Field(min_length=1), _described("Consumer group; also names us in ce_source.")] = "exsyncd"
    group_instance_id: Annotated[
        str | None,
        _described(
            "Static member name, one per process and the same after a restart (a pod's name): a restart then costs no "
            "rebalance.",
            example="exsyncd-0",
        ),
    ] = None
    client_id: Annotated[str, Field(min_length=1), _described("How we appear in the brokers' logs and quotas.")] = (
        "exsyncd"
    )
    topic_prefix: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9._-]*$", max_length=200),
        _described("Put before every topic name.", example="test."),
    ] = ""
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], _described("How to talk to the brokers.")
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"],
        _described("How to log in, with a SASL_ protocol."),
    ] = "SCRAM-SHA-512"
    sasl_username: Annotated[str, _described("User of PLAIN and SCRAM.", example="exsyncd")] = ""
    sasl_password: Annotated[Secret, _described("Password of PLAIN and SCRAM.", example="...")] = UNSET
    ssl_cafile: Annotated[
        str | None,
        _described("CA certificates (PEM) the brokers are checked against.", example="/etc/exsyncd/kafka-ca.pem"),
    ] = None
    ssl_certfile: Annotated[
        str | None, _described("Our certificate (PEM), for mutual TLS.", example="/etc/exsyncd/kafka.pem")
    ] = None
    ssl_keyfile: Annotated[str | None, _described("Its key (PEM).", example="/etc/exsyncd/kafka-key.pem")] = None
    ssl_keypassword: Annotated[Secret, _described("The key's password.", example="...")] = UNSET
    ssl_check_hostname: Annotated[bool, _described("Whether a broker's certificate must name its host.")] = True
    session_timeout: Annotated[
        Duration, _described("A member silent for this long is taken for dead; longer than a restart takes.")
    ] = timedelta(seconds=45)
    rebalance_timeout: Annotated[
        Duration,
        _described(
            "How long the group waits for us to let go of partitions. Six tenths of it are for work in progress to "
            "finish, also when the daemon stops: the supervisor's stop time-out must be longer."
        ),
    ] = timedelta(seconds=30)
    request_timeout: Annotated[Duration, _described("An unanswered request to a broker fails after this.")] = timedelta(
        seconds=40
    )
    send_timeout: Annotated[Duration, _described("A record not acknowledged within this is sent anew.")] = timedelta(
        seconds=30
    )
    fetch_wait: Annotated[Duration, _described("How long a broker may wait for records before it answers a fetch.")] = (
        timedelta(milliseconds=100)
    )
    metadata_max_age: Annotated[Duration, _described("How often topics are looked up anew.")] = timedelta(seconds=30)


def _store_url(value: str) -> str:
    url = value.strip()
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and parts.path not in ("", "/"):
        return url
    if parts.scheme == "postgresql" and parts.hostname:
        return url
    raise ValueError("must be sqlite:///PATH (four slashes for an absolute path) or postgresql://USER@HOST/DATABASE")


class Store(Group):
    """What the daemon remembers."""

    url: Annotated[
        str,
        Field(repr=False),
        AfterValidator(_store_url),
        _described(
            "The database: sqlite:///PATH for one daemon, postgresql://USER:PASSWORD@HOST/DATABASE for one or more "
            "(they share it, and need the same settings; PostgreSQL's driver comes with the extra `postgres`).",
            secret=True,
        ),
    ] = "sqlite:////var/lib/exsyncd/exsyncd.sqlite"


def _endpoint(value: str) -> str:
    url = value.strip()
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("must be a URL, for example https://mail.example/EWS/Exchange.asmx")
    if parts.username or parts.password:
        raise ValueError("must not carry a user or password: use exchange.username and exchange.password")
    return url


class Exchange(Group):
    """The Exchange (EWS)."""

    endpoint: Annotated[
        str,
        AfterValidator(_endpoint),
        _described("EWS URL; use https. Required.", example="https://mail.example/EWS/Exchange.asmx"),
    ] = ""
    auth: Annotated[
        Literal["basic", "ntlm", "gssapi", "oauth2"],
        _described("How to log in. Only basic is tested; the others are handed to exchangelib as they are."),
    ] = "basic"
    username: Annotated[
        str,
        _described("The service account, which may impersonate. Required (basic, ntlm).", example="sync@mail.example"),
    ] = ""
    password: Annotated[Secret, _described("Its password. Required (basic, ntlm).", example="...")] = UNSET
    tenant_id: Annotated[str, _described("Directory (tenant) id, for oauth2.", example="...")] = ""
    client_id: Annotated[str, _described("Application (client) id, for oauth2.", example="...")] = ""
    client_secret: Annotated[Secret, _described("Its secret, for oauth2.", example="...")] = UNSET
    ca_file: Annotated[
        str | None,
        _described("CA certificates (PEM) the endpoint is checked against.", example="/etc/exsyncd/exchange-ca.pem"),
    ] = None
    timeout: Annotated[Duration, _described("A call without an answer fails after this.")] = timedelta(seconds=25)
    threads: Annotated[Count, _described("Calls at once, over all mailboxes.")] = 24
    slow_threads: Annotated[
        Count, _described("Calls at once to mailboxes whose last call took longer than slow_after; beyond `threads`.")
    ] = 8
    slow_after: Annotated[Duration, _described("From when on a mailbox counts as slow.")] = timedelta(seconds=2)
    calls_per_mailbox: Annotated[Count, _described("Calls at once to one mailbox; reads are one at a time.")] = 4
    items_per_call: Annotated[int, Field(ge=1, le=100), _described("Items fetched by one call.")] = 10
    back_off_first: Annotated[
        Duration, _described("First pause of a mailbox that answered 'busy' without saying for how long; it doubles.")
    ] = timedelta(seconds=1)
    back_off_longest: Annotated[Duration, _described("Longest such pause.")] = timedelta(minutes=5)


class Http(Group):
    """Health and metrics: /livez, /readyz, /metrics."""

    bind: Annotated[BindAddress, _described("HOST:PORT to listen on.")] = "127.0.0.1:8080"

    @property
    def address(self) -> Bind:
        """`bind` in its parts."""
        return parse_bind(self.bind)


class Logs(Group):
    """What is logged, to standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], _described("The least that is logged.")] = "info"
    format: Annotated[
        Literal["auto", "json", "readable"], _described("auto: readable on a terminal, JSON elsewhere.")
    ] = "auto"


class Engine(Group):
    """Limits of the engine."""

    in_flight: Annotated[Count, _described("Deliveries processed at once.")] = 64
    partition_in_flight: Annotated[Count, _described("Of these, of one partition, so that none can take them all.")] = (
        32
    )
    window: Annotated[
        Count, _described("Records of one partition held behind its oldest unfinished one; then it is paused.")
    ] = 4000
    window_bytes: Annotated[Count, _described("The same in bytes.")] = 32 * MIB
    poll_records: Annotated[Count, _described("At most so many records are taken at a time.")] = 500
    poll_wait: Annotated[Duration, _described("Longest silence of the intake loop, hence also of a stop.")] = timedelta(
        milliseconds=500
    )
    commit_interval: Annotated[Duration, _described("How often finished offsets are committed to Kafka.")] = timedelta(
        seconds=1
    )
    commit_deadline: Annotated[
        Duration, _described("Kept back for the last commit when partitions are given up; less than the time for that.")
    ] = timedelta(seconds=5)
    retry_for: Annotated[
        Duration, _described("How long a transient failure is retried while its own item waits; then it is parked.")
    ] = timedelta(seconds=30)
    retry_wait: Annotated[Duration, _described("Longest single wait between these attempts.")] = timedelta(seconds=8)
    park_for: Annotated[Duration, _described("How long it is parked then.")] = timedelta(minutes=5)
    unexpected_attempts: Annotated[
        Count, _described("Attempts at a record that fails in a way nobody foresaw; then it is a dead letter.")
    ] = 3
    stuck_after: Annotated[
        Duration, _described("Without progress for this long the daemon counts as stuck and is restarted.")
    ] = timedelta(seconds=60)


def _patterns(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) > blacklists.MOST_PATTERNS:
        raise ValueError(f"must hold at most {blacklists.MOST_PATTERNS} patterns")
    return values


class Blacklist(Group):
    """Addresses that are never linked to contacts (BLK-1..3)."""

    patterns: Annotated[
        tuple[Annotated[str, AfterValidator(blacklists.check)], ...],
        AfterValidator(_patterns),
        _described(
            "Regular expressions (RE2), searched for anywhere in an address, whatever the case.",
            example=(r"@spam\.example$",),
        ),
    ] = ()
    applies_to: Annotated[
        Literal["contacts", "all"], _described("contacts: users are matched first and are not affected.")
    ] = "contacts"

    def blocks(self, address: str) -> bool:
        """Whether the address is blacklisted; which matches that forbids is `applies_to`."""
        return blacklists.search(self.patterns, address)


class ForContacts(Group):
    """For-contact matching (FOR-7)."""

    max_assigned_users: Annotated[
        Annotated[int, Field(ge=1)] | None,
        _described(
            "With the security check on, more users in Assign To than this make every contact external.", example=20
        ),
    ] = None


class Addresses(Group):
    """How addresses compare (PART-3)."""

    domain_aliases: Annotated[
        dict[Domain, Domain],
        _described("Former domain = its present name.", example={"old-bank.example": "bank.example"}),
    ] = Field(default_factory=dict)
    plus_tag_domains: Annotated[
        tuple[Domain, ...],
        _described("Domains where anna+tag@ is anna@.", example=("bank.example",)),
    ] = ()


class Alarms(Group):
    """Meeting alarms (ALM-3)."""

    series: Annotated[Literal["always", "on_create"], _described("When a series' alarm synchronizes.")] = "always"


class RelatedNotes(Group):
    """Related info notes (NOTE-6)."""

    with_external_guests: Annotated[
        Literal["skip", "include"],
        _described("Whether the organizer's body, which is mailed, carries the block in a meeting with guests."),
    ] = "skip"


class Invitations(Group):
    """Messages that Exchange sends because the CRM asks for it (INV-4)."""

    most_recipients: Annotated[
        Count, _described("A change that more people than this would be mailed of is written silently.")
    ] = 250


Policy = Literal["crm_wins", "exchange_wins", "latest_wins"]


class Conflicts(Group):
    """Who wins a field that both sides changed differently (CON-2); a group that is not set follows `default`."""

    default: Annotated[Policy, _described("For every field group without a policy of its own.")] = "crm_wins"
    subject: Annotated[Policy | None, _described("Subject.", example="crm_wins")] = None
    notes: Annotated[Policy | None, _described("Notes.", example="latest_wins")] = None
    location: Annotated[Policy | None, _described("Location.", example="exchange_wins")] = None
    times: Annotated[Policy | None, _described("Start, end, zone, all day.", example="exchange_wins")] = None
    priority: Annotated[Policy | None, _described("Priority.", example="crm_wins")] = None
    privacy: Annotated[Policy | None, _described("Restricted or private.", example="crm_wins")] = None
    participants: Annotated[
        Policy | None,
        _described("A participant added on one side and removed on the other.", later=True, example="crm_wins"),
    ] = None
    recurrence: Annotated[Policy | None, _described("The pattern and its exceptions.", example="crm_wins")] = None
    alarms: Annotated[Policy | None, _described("Alarms.", example="exchange_wins")] = None


class HoldAbove(Group):
    """From which size on the deletes of one read are held for confirmation: when they pass both numbers (DEL-4)."""

    items: Annotated[Annotated[int, Field(ge=0)], _described("Deleted items.", later=True)] = 10
    share: Annotated[Annotated[float, Field(ge=0, le=1)], _described("Their share of the folder.", later=True)] = 0.2


class Deletes(Group):
    """Deletes that are not taken at their word (DEL-2, DEL-4)."""

    keep_items_days: Annotated[
        Annotated[int, Field(ge=0)],
        _described("The delete of an item that ended more days ago than this is archival: the CRM keeps it."),
    ] = 30
    hold_above: HoldAbove = HoldAbove()


class Restrictions(Group):
    """Beyond a limit an item is skipped in both directions, with a reason; unset: no limit (OPS-4)."""

    participants: Annotated[Count | None, _described("Participants of an item.", example=500)] = None
    customized_occurrences: Annotated[Count | None, _described("Customized occurrences of a series.", example=100)] = (
        None
    )
    occurrences: Annotated[
        Count | None, _described("Occurrences of a series; one without an end has too many.", example=1000)
    ] = None


class Hints(Group):
    """Notifications from Exchange."""

    settle: Annotated[
        Span, _described("How long hints of one item are gathered into one read: latency against calls.")
    ] = timedelta(seconds=1)


def _flat(value: object) -> object:
    """Option keys contain dots, which TOML reads as tables unless quoted: both spellings are meant."""
    if not isinstance(value, dict):
        return value
    flat: dict[str, object] = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            flat |= {f"{key}.{rest}": leaf for rest, leaf in inner.items()}
        else:
            flat[key] = inner
    return flat


def _known_options(values: dict[str, bool]) -> dict[str, bool]:
    unknown = sorted(set(values) - set(OPTIONS))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is no option; there are {', '.join(OPTIONS)}")
    return values


class Settings(BaseSettings):
    """All settings. Frozen: a reload makes new ones (`daemon.settings.reload`)."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True, env_prefix=PREFIX
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given: where values stand is `sources`' business, which `loading` puts in here."""
        return (init_settings,)

    security_model: Annotated[
        Literal["ham", "cam", "gsm"], _described("Which predicate says who can see a contact (VIS-1).")
    ] = "ham"
    options: Annotated[
        dict[str, bool],
        BeforeValidator(_flat),
        AfterValidator(_known_options),
        _described(
            "Options at system level, by key; an event on crm.options wins over them (OPT-2).",
            example={"for_contacts.security_check": True},
        ),
    ] = Field(default_factory=dict)
    kafka: Kafka = Kafka()
    store: Store = Store()
    exchange: Exchange = Exchange()
    http: Http = Http()
    logs: Logs = Logs()
    blacklist: Blacklist = Blacklist()
    for_contacts: ForContacts = ForContacts()
    addresses: Addresses = Addresses()
    alarms: Alarms = Alarms()
    related_notes: RelatedNotes = RelatedNotes()
    invitations: Invitations = Invitations()
    conflicts: Conflicts = Conflicts()
    deletes: Deletes = Deletes()
    restrictions: Restrictions = Restrictions()
    hints: Hints = Hints()
    engine: Engine = Engine()
