"""Bringing a store's tables up to what this version knows, in one transaction."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from daemon.store import turns
from daemon.store.errors import StoreTooNew, StoreUnusable


def upgrade(connection: Connection) -> None:
    """Makes or mends the tables. Raises StoreTooNew, with nothing touched, if a later version made them."""
    config = _config()
    turns.wait(connection, "migrations")
    _refuse_newer(connection, config)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def verify(connection: Connection) -> None:
    """Raises unless the tables are just what this version knows; for those who may not change them."""
    if not is_current(connection):
        raise StoreUnusable("the store was written by an older version: start the daemon once to bring it up to date")


def is_current(connection: Connection) -> bool:
    """Whether the tables are just what this version knows. Raises StoreTooNew."""
    config = _config()
    _refuse_newer(connection, config)
    return _revision(connection) == ScriptDirectory.from_config(config).get_current_head()


def is_ours(connection: Connection) -> bool:
    """Whether a version of this program, whichever, made tables here."""
    return _revision(connection) is not None


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "daemon.store:migrations")
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(connection: Connection, config: Config) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revision = _revision(connection)
    if revision is not None and revision not in known:
        raise StoreTooNew(
            f"the store was written by a newer version (its tables are at {revision}). Run that version,"
            " or restore a backup that this one made."
        )
