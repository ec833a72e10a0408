"""Alembic's entry: migrates over the connection it is given, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from daemon.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # also SQLite's, as long as it is us who begin the transaction
    render_as_batch=True,  # SQLite alters little in place
)
with context.begin_transaction():
    context.run_migrations()
