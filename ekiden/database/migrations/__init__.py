"""Brings the database's schema to the newest version.

Belongs here: whether there is anything to do. Not here: what the migrations do (`versions/`, each with its `.sql` file
beside it), and Alembic (`upgrade`), which every command would otherwise wait for. A migration hands its file to the
driver itself, because SQLAlchemy would take colons for its own parameters.
"""

from pathlib import Path

from psycopg import errors, sql

from ekiden.database.connection import connect
from ekiden.settings import Settings

VERSION_SCHEMA = "outreach"
VERSION_TABLE = "schema_version"
CONNECTION = "connection"
"""Under this name `env.py` finds the connection to work on."""


def migrate(settings: Settings) -> None:
    """Bring the schema to the newest version, wholly or not at all; does nothing if it is there.

    Any number of processes may call it at the same time. Raises `DatabaseUnavailable`.
    """
    if _present(settings) != newest_version():
        from ekiden.database.migrations.upgrade import upgrade  # noqa: PLC0415 - see the module's docstring

        upgrade(settings)


def newest_version() -> str:
    """Return the newest version, which the files' names begin with."""
    return max(file.name for file in (Path(__file__).parent / "versions").glob("[0-9]*.py")).partition("_")[0]


def _present(settings: Settings) -> str | None:
    table = sql.Identifier(VERSION_SCHEMA, VERSION_TABLE)
    with connect(settings, autocommit=True) as connection:
        try:
            row = connection.execute(sql.SQL("select version_num from {table}").format(table=table)).fetchone()
        except (errors.UndefinedTable, errors.InvalidSchemaName):
            return None
    return row[0] if row else None
