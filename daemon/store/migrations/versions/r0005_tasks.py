"""Tasks, and what is known of each of their copies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "task_links",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("crm_id", sa.Text()),
        sa.Column("crm_version", sa.BigInteger(), nullable=False),
        sa.Column("crm_revision", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("deleted_by_crm", sa.Boolean(), nullable=False),
        sa.Column("reported", sa.Text()),
        sa.Column("noted", sa.Boolean(), nullable=False),
        sa.Column("agreed", sa.Text()),
        sa.Column("crm", sa.Text()),
        sa.Column("told", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_task_links"),
        sa.UniqueConstraint("crm_id", name="uq_task_links_crm_id"),
    )
    op.create_table(
        "task_replicas",
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text()),
        sa.Column("change_key", sa.Text(), nullable=False),
        sa.Column("search_key", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.Text()),
        sa.Column("held", sa.Text()),
        sa.Column("attempt", sa.Text()),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("sensitivity", sa.Text(), nullable=False),
        sa.Column("block", sa.Text(), nullable=False),
        sa.Column("ours", sa.Text()),
        sa.Column("unsaid", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["task_links.id"], name="fk_task_replicas_link_id"),
        sa.PrimaryKeyConstraint("link_id", "user", name="pk_task_replicas"),
        sa.UniqueConstraint("mailbox", "item_id", name="uq_task_replicas_mailbox_item_id"),
    )
    op.create_index("ix_task_replicas_mailbox_search_key", "task_replicas", ["mailbox", "search_key"])
