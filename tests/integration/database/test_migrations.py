"""Migrations: run once however often and by however many they are asked for, wholly or not at all."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import SecretStr

from ekiden.database.connection import connect, database_url
from ekiden.database.errors import DatabaseUnavailable
from ekiden.database.migrations import migrate
from ekiden.settings import Settings
from tests.conftest import database_in, drop_database

VERSION = "select version_num from outreach.schema_version"
TABLES = """
    select table_schema || '.' || table_name
    from information_schema.tables
    where table_schema in ('raw', 'outreach')
    order by 1
"""


@pytest.fixture
def empty(server_url: str, settings: Settings):
    """Settings of a database that is not there yet."""
    name = f"ekiden_test_{secrets.token_hex(4)}"
    yield Settings(home=settings.home, database_url=SecretStr(database_in(server_url, name)))
    drop_database(server_url, name)


def test_a_migrated_database_holds_both_schemas_and_migrating_it_again_changes_nothing(settings: Settings):
    with connect(settings, autocommit=True) as connection:
        tables = connection.execute(TABLES).fetchall()
        version = connection.execute(VERSION).fetchall()

        migrate(settings)

        assert {"outreach.schema_version", "raw.orders"} <= {name for (name,) in tables}
        assert connection.execute(TABLES).fetchall() == tables
        assert connection.execute(VERSION).fetchall() == version


def test_four_at_once_on_an_empty_database_migrate_it_once(empty: Settings, settings: Settings):
    with ThreadPoolExecutor() as threads:
        list(threads.map(migrate, [empty] * 4))

    with connect(empty) as migrated, connect(settings) as expected:
        assert migrated.execute(VERSION).fetchall() == expected.execute(VERSION).fetchall()
        assert migrated.execute(TABLES).fetchall() == expected.execute(TABLES).fetchall()


def test_a_migration_that_fails_leaves_nothing_behind(
    empty: Settings, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    read_text = Path.read_text

    def broken(path: Path, *arguments: object, **options: object) -> str:
        text = read_text(path, *arguments, **options)
        return text + "; select 1/0" if path.name == "0002_ledger.sql" else text

    monkeypatch.setattr(Path, "read_text", broken)
    with pytest.raises(Exception, match="division by zero"):
        migrate(empty)

    with connect(empty) as connection:
        assert connection.execute(TABLES).fetchall() == []


def test_a_database_that_is_newer_than_this_ekiden_is_left_alone(settings: Settings):
    with connect(settings) as connection:
        connection.execute("update outreach.schema_version set version_num = '9999'")

    with pytest.raises(DatabaseUnavailable, match="9999"):
        migrate(settings)


def test_a_role_that_may_not_make_tables_is_told_what_to_ask_for(empty: Settings, server_url: str):
    parts = urlsplit(database_url(empty))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("create role guest login password 's3cret'")
        try:
            url = parts._replace(netloc=f"guest:s3cret@{parts.hostname}:{parts.port}").geturl()
            with pytest.raises(DatabaseUnavailable, match=f'alter database "{parts.path[1:]}" owner to "guest"'):
                migrate(Settings(home=empty.home, database_url=SecretStr(url)))
        finally:
            connection.execute("drop role guest")
