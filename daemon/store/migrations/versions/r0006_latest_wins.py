"""When Exchange noted the last change of a meeting, for the conflict policy that asks who was later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("links") as links:
        links.add_column(sa.Column("changed_at", sa.DateTime(timezone=True)))
