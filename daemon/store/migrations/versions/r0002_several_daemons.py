"""Several daemons on one store: whoever decides on a link asks first whether another still has to speak of it."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("ix_outbox_key", "outbox", ["key"])
