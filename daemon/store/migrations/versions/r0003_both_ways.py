"""What a replica must remember once it is written to, too. Copies of before were never written by us."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("replicas") as replicas:
        replicas.add_column(sa.Column("direct", sa.Boolean, nullable=False, server_default=sa.false()))
        replicas.add_column(sa.Column("reminder", sa.BigInteger))
        replicas.add_column(sa.Column("block", sa.Text, nullable=False, server_default=""))
        replicas.add_column(sa.Column("sensitivity", sa.Text, nullable=False, server_default="Normal"))
        replicas.add_column(sa.Column("holds", sa.Text))
        replicas.add_column(sa.Column("ours", sa.Text))
