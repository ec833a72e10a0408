"""Who may act for whom in Exchange, what he could do there before, and what is still to be answered about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "delegates",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("delegate", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("prior", sa.Text()),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("principal", "delegate", name="pk_delegates"),
    )
    op.create_index("ix_delegates_delegate", "delegates", ["delegate"])
    op.create_index("ix_delegates_due", "delegates", ["due"])
    op.create_table(
        "delegate_causes",
        sa.Column("id", number, nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("delegate", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary()),
        sa.Column("stood", sa.Boolean(), nullable=False),
        sa.Column("replayed", sa.Boolean(), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delegate_causes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delegate_causes_principal_delegate", "delegate_causes", ["principal", "delegate"])
    op.create_index("ix_delegate_causes_fresh", "delegate_causes", ["fresh"])
    op.create_index("ix_delegations_delegate", "delegations", ["delegate"])
