"""Whose copies of a meeting are still to come, because Exchange was asked to invite them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("links") as links:
        links.add_column(sa.Column("awaited", sa.Text(), nullable=False, server_default="[]"))
