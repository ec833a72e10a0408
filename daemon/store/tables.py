"""The tables. What they hold is told by the module that owns each; how they came to be, by `migrations`.

A migration goes with every change here; a test compares both.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from daemon.store.columns import SERIAL, Content, DelegateRights, Flags, Headers, Instant, Item, OneTask, Texts

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

links = Table(
    "links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("uid", Text, unique=True),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("crm_id", Text, unique=True),
    Column("crm_version", BigInteger, nullable=False),
    Column("crm_revision", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("master", Text),
    Column("private_from_crm", Boolean, nullable=False),
    Column("deleted_by_crm", Boolean, nullable=False),
    Column("content", Text),
    Column("reported", Text),
    Column("agreed", Item),
    Column("exchange", Item),
    Column("crm", Item),
    Column("changed_at", Instant),
    Column("awaited", Texts, nullable=False, server_default="[]"),
)

replicas = Table(
    "replicas",
    metadata,
    Column("link_id", Text, ForeignKey("links.id"), primary_key=True),
    Column("mailbox", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("user", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("change_key", Text, nullable=False),
    Column("response", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("reported", Text),
    Column("direct", Boolean, nullable=False),
    Column("reminder", BigInteger),
    Column("block", Text, nullable=False),
    Column("sensitivity", Text, nullable=False),
    Column("holds", Text),
    Column("ours", Text),
    UniqueConstraint("mailbox", "item_id"),
)

task_links = Table(
    "task_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("crm_id", Text, unique=True),
    Column("crm_version", BigInteger, nullable=False),
    Column("crm_revision", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("deleted_by_crm", Boolean, nullable=False),
    Column("reported", Text),
    Column("noted", Boolean, nullable=False),
    Column("agreed", OneTask),
    Column("crm", OneTask),
    Column("told", OneTask),
)

task_replicas = Table(
    "task_replicas",
    metadata,
    Column("link_id", Text, ForeignKey("task_links.id"), primary_key=True),
    Column("user", Text, primary_key=True),
    Column("mailbox", Text, nullable=False),
    Column("item_id", Text),
    Column("change_key", Text, nullable=False),
    Column("search_key", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("removed", Boolean, nullable=False),
    Column("shown", Content),
    Column("held", Content),
    Column("attempt", Content),
    Column("until", Instant),
    Column("sensitivity", Text, nullable=False),
    Column("block", Text, nullable=False),
    Column("ours", Text),
    Column("unsaid", Texts, nullable=False),
    UniqueConstraint("mailbox", "item_id"),
    Index(None, "mailbox", "search_key"),
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("emails", Texts, nullable=False),
    Column("addresses", Texts, nullable=False),
    Column("stated_mailbox", Text),
    Column("mailbox", Text),
    Column("active", Boolean, nullable=False),
    Column("sync_enabled", Boolean, nullable=False),
    Column("user_type", Text),
    Column("node_ids", Texts, nullable=False),
    Column("groups", Texts, nullable=False),
)

user_addresses = Table(
    "user_addresses",
    metadata,
    Column("address", Text, primary_key=True),
    Column("user_id", Text, primary_key=True, index=True),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("parent", Text, index=True),
    Column("path", Texts),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("emails", Texts, nullable=False),
    Column("addresses", Texts, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("user", Text),
    Column("node", Text),
    Column("coverage_users", Texts, nullable=False),
    Column("coverage_groups", Texts, nullable=False),
    Column("view", Text, nullable=False),
    Column("view_groups", Texts, nullable=False),
    Column("created_by", Text),
    Column("merged_into", Text),
)

contact_addresses = Table(
    "contact_addresses",
    metadata,
    Column("address", Text, primary_key=True),
    Column("contact_id", Text, primary_key=True, index=True),
)

options = Table(
    "options",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("options", Flags, nullable=False),
)

delegations = Table(
    "delegations",
    metadata,
    Column("principal", Text, primary_key=True),
    Column("delegate", Text, primary_key=True, index=True),
)

delegates = Table(
    "delegates",
    metadata,
    Column("principal", Text, primary_key=True),
    Column("delegate", Text, primary_key=True, index=True),
    Column("state", Text, nullable=False),
    Column("mailbox", Text),
    Column("address", Text),
    Column("prior", DelegateRights),
    Column("event", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("due", Instant, index=True),
    Column("reason", Text, nullable=False),
    Column("tries", Integer, nullable=False),
)

delegate_causes = Table(
    "delegate_causes",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("principal", Text, nullable=False),
    Column("delegate", Text, nullable=False),
    Column("record", LargeBinary),
    Column("stood", Boolean, nullable=False),
    Column("replayed", Boolean, nullable=False),
    Column("held", Text, nullable=False),
    Column("fresh", Boolean, nullable=False, index=True),
    Index(None, "principal", "delegate"),
    sqlite_autoincrement=True,
)

heads = Table(
    "heads",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("reading", Integer, nullable=False),
    Index(None, "topic", "reading"),
)

readings = Table(
    "readings",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("reading", Integer, nullable=False),
)

read_offsets = Table(
    "read_offsets",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary),
    Column("headers", Headers, nullable=False),
    Column("parked", Text),
    Index(None, "owner", "id"),
    Index(None, "key"),
    sqlite_autoincrement=True,  # a number given once is never given again, even when its row is gone
)

parked = Table(
    "parked",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("due", Instant, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("waits_for", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("asked", Texts, nullable=False),
    Column("joined", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Index(None, "reason", "waits_for"),
)

pauses = Table(
    "pauses",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("requested_by", Text, nullable=False),
)

letters = Table(
    "letters",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("fate", Text, nullable=False),
    Column("marked_at", Instant, nullable=False),
)

positions = Table(
    "positions",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("offset", BigInteger),
    Column("moved", Boolean, nullable=False),
)

intents = Table(
    "intents",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("link_id", Text, ForeignKey("links.id"), nullable=False, index=True),
    Column("version", BigInteger, nullable=False),
    Column("mailbox", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    Column("mail", Text, nullable=False),
    Column("deadline", Instant, nullable=False),
    sqlite_autoincrement=True,
)

mails = Table(
    "mails",
    metadata,
    Column("key", Text, primary_key=True),
    Column("link_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("operation", Text, nullable=False),
    Column("occurrence", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("recipients", Texts, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Index(None, "link_id", "version"),
)

history = Table(
    "history",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("link_id", Text, nullable=False),
    Column("crm_id", Text, index=True),
    Column("uid", Text, index=True),
    Column("at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Index(None, "link_id", "id"),
    sqlite_autoincrement=True,
)

reports = Table(
    "reports",
    metadata,
    Column("key", Text, primary_key=True),
    Column("state", Text, nullable=False),
)
