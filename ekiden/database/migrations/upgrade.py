"""Runs Alembic: imported only where there is something to bring up to date, because it takes half a second.

Belongs here: how migrations are run. Not here: what they do (`versions/`), and whether they are needed (`migrate`).
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import Error
from psycopg.errors import (
    DuplicateSchema,
    DuplicateTable,
    InsufficientPrivilege,
    OperationalError,
    ReadOnlySqlTransaction,
)
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ekiden.database.connection import connect, connection_parts, database_url
from ekiden.database.errors import DatabaseUnavailable
from ekiden.database.migrations import CONNECTION, VERSION_SCHEMA, VERSION_TABLE
from ekiden.settings import Settings

LOCK = 0x656B6964656E  # "ekiden" in ASCII: one number for one purpose, unlikely to be anybody else's

OLDEST_SERVER = 16
"""Loads ask `pg_input_is_valid` for the place of a fault, which is new in it."""


def upgrade(settings: Settings) -> None:
    """Bring the schema to the newest version, wholly or not at all; raises `DatabaseUnavailable`."""
    try:
        _upgrade(settings)
    except (DBAPIError, Error) as error:
        # a migration's own statements go straight to the driver
        refused = error.orig if isinstance(error, DBAPIError) else error
        parts = connection_parts(database_url(settings))
        match refused:
            case InsufficientPrivilege():
                way_out = (
                    ". Have somebody who may make it the owner, of Dagster's database as well: "
                    f'alter database "{parts.database}" owner to "{parts.user}"'
                )
            case DuplicateTable() | DuplicateSchema():
                way_out = (
                    ", and it is none of Ekiden's: raw, outreach, changed and the schemas of the dbt models are. Give "
                    "Ekiden a database of its own, or rename the schema that was there before"
                )
            case ReadOnlySqlTransaction() | OperationalError():
                way_out = ""
            case _:
                raise
        raise DatabaseUnavailable(
            f'The tables in the database "{parts.database}" on {parts.host} cannot be brought up to date by '
            f'"{parts.user}": {refused.diag.message_primary or refused}{way_out}'
        ) from error


def _upgrade(settings: Settings) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(settings), poolclass=NullPool)
    configuration = _configuration()
    versions = ScriptDirectory.from_config(configuration)
    with engine.begin() as connection:
        refuse_older_server(int(connection.exec_driver_sql("show server_version_num").scalar_one()))
        present = _present(connection)
        if present == set(versions.get_heads()):
            return
        if not present <= {version.revision for version in versions.walk_revisions()}:
            raise DatabaseUnavailable(
                f"The database's schema is at version {', '.join(sorted(present))}, which this Ekiden does "
                "not know: a newer one has been here. Install that one, or restore a backup from before."
            )
        # held to the end of the transaction: the second of two callers finds the work done
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        connection.execute(text(f"create schema if not exists {VERSION_SCHEMA}"))
        configuration.attributes[CONNECTION] = connection
        command.upgrade(configuration, "head")


def refuse_older_server(number: int) -> None:
    """Raise `DatabaseUnavailable` for a server's `server_version_num`, like 150006, that is too old."""
    major = number // 10_000
    if major < OLDEST_SERVER:
        raise DatabaseUnavailable(
            f"The server is PostgreSQL {major}; Ekiden needs {OLDEST_SERVER} or newer. Upgrade it, or leave "
            "EKIDEN_DATABASE_URL empty for the embedded server."
        )


def _present(connection: Connection) -> set[str]:
    """Return the versions the database is at; empty for a new one."""
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE, "version_table_schema": VERSION_SCHEMA}
    )
    return set(context.get_current_heads())


def _configuration() -> Config:
    """Return Alembic's configuration; there is no `alembic.ini`, because nothing in it would be a choice."""
    configuration = Config()
    folder = str(Path(__file__).parent)
    configuration.set_main_option("script_location", folder.replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    return configuration
