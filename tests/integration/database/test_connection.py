"""Databases made on first use, on the embedded server and on anybody's, and errors that show the way out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import psycopg2
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from ekiden.database.connection import (
    connect,
    connection_parts,
    dagster_database_url,
    database_url,
    dbt_environment,
    embedded_server,
)
from ekiden.database.errors import DatabaseUnavailable
from ekiden.database.migrations import migrate
from ekiden.settings import Settings
from tests.conftest import database_in, drop_database


def settings_for(url: str, home: Path) -> Settings:
    return Settings(home=home, database_url=SecretStr(url))


def current_database(url: str) -> str:
    with psycopg.connect(url) as connection:
        return connection.execute("select current_database()").fetchone()[0]


def test_without_a_url_everything_is_on_the_embedded_server(server_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("EKIDEN_DATABASE_URL", raising=False)
    settings = Settings(home=server_home.parent, database_url=None)

    try:
        migrate(settings)

        assert current_database(database_url(settings)) == "ekiden"
        assert current_database(dagster_database_url(settings)) == "ekiden_dagster"
        with connect(settings) as connection:
            assert connection.execute("select count(*) from outreach.schema_version").fetchone() == (1,)
    finally:
        embedded_server(settings).stop()


def test_databases_that_are_absent_are_made_by_whoever_comes_first(settings: Settings, server_url: str):
    name = "駅伝 made on first use"
    absent = settings_for(database_in(server_url, name.replace(" ", "%20")), settings.home)
    try:
        with ThreadPoolExecutor() as threads:
            urls = set(threads.map(lambda _: database_url(absent), range(4)))

        assert [current_database(url) for url in urls] == [name]
        assert current_database(dagster_database_url(absent)) == f"{name}_dagster"
        # which is what Dagster connects by
        assert make_url(dagster_database_url(absent)).query["dbname"] == f"{name}_dagster"
    finally:
        drop_database(server_url, name)
        drop_database(server_url, f"{name}_dagster")


def test_sessions_are_in_utc_under_our_name_and_ready_for_a_transaction(settings: Settings):
    with connect(settings) as connection:
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        row = connection.execute("select current_setting('timezone'), current_setting('application_name')")
        assert row.fetchone() == ("UTC", "ekiden")
    with connect(settings, autocommit=True) as connection:
        assert connection.autocommit


@pytest.mark.parametrize("autocommit", [True, False])
def test_sessions_are_alike_whatever_the_database_was_told(settings: Settings, server_url: str, autocommit: bool):
    name = urlsplit(settings.database_url.get_secret_value()).path[1:]
    with psycopg.connect(server_url, autocommit=True) as server:
        for setting, value in (
            ("timezone", "Asia/Tokyo"),
            ("datestyle", "German, DMY"),
            ("intervalstyle", "sql_standard"),
            ("client_encoding", "SJIS"),
            ("default_transaction_isolation", "serializable"),
        ):
            server.execute(f"alter database {name} set {setting} = '{value}'")
    at, wait = datetime(2024, 3, 9, 12, tzinfo=UTC), timedelta(days=1, hours=2)
    with connect(settings, autocommit=autocommit) as connection:
        row = connection.execute(
            "select %s::timestamptz, %s::interval, %s, current_setting('transaction_isolation')", (at, wait, "髙橋 é")
        ).fetchone()
    assert row == (at, wait, "髙橋 é", "read committed")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_other_tools_spellings_of_the_url_are_understood(settings: Settings, scheme: str):
    url = settings.database_url.get_secret_value()
    spelled = url.replace("postgresql://", f"{scheme}://")

    assert database_url(settings_for(spelled, settings.home)) == url


def test_a_line_end_of_a_secret_s_file_is_not_part_of_the_address(settings: Settings):
    url = settings.database_url.get_secret_value()

    assert database_url(settings_for(f" {url}\n", settings.home)) == url


def test_a_socket_is_an_address(tmp_path: Path):
    with pytest.raises(DatabaseUnavailable, match=f'database "relay" on {tmp_path} port 5432'):
        database_url(settings_for(f"postgresql:///relay?host={tmp_path}", tmp_path))


def test_a_server_that_cannot_be_reached_is_named_without_the_password(tmp_path: Path):
    nowhere = settings_for("postgresql://courier:s3cret@127.0.0.1:1/relay", tmp_path)

    with pytest.raises(DatabaseUnavailable) as raised:
        database_url(nowhere)

    message = str(raised.value)
    assert "127.0.0.1" in message
    assert '"relay"' in message
    assert "EKIDEN_DATABASE_URL" in message
    assert "s3cret" not in message


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:s3cret@h/d",
        "host=h password=s3cret",
        "postgresql://u:s3cret%zz@h/d",
        # cut by libpq or by us at a sign that should have been encoded
        "postgresql://u:s3cret#x@h/d",
        "postgresql://u:1#s3cret@h/d",
        "postgresql://u:1/s3cret@h/d",
        "postgresql://u:s3cret/x@h/d",
        "postgresql://u:x@s3cret@h/d",
        "postgresql://u:p@h:54a2/d",
        "postgresql:///d",
        "postgresql://u:s3cret@%2Fvar%2Frun/d",
        "postgresql://u:s3cret[@h/d",
        "postgresql://u:s3cret@h/d?no_such_option=s3cret",
        "postgresql://u:s3cret@one,two/d",
    ],
)
def test_a_url_that_is_wrong_is_refused_without_repeating_it(url: str, tmp_path: Path):
    with pytest.raises(DatabaseUnavailable, match="EKIDEN_DATABASE_URL") as raised:
        database_url(settings_for(url, tmp_path))

    assert "s3cret" not in str(raised.value)


def test_a_role_that_may_not_create_the_database_is_told_what_to_ask_for(settings: Settings, server_url: str):
    parts = urlsplit(database_in(server_url, "not_there"))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("create role modest login password 's3cret'")
        try:
            location = f"modest:s3cret@{parts.hostname}:{parts.port}"
            with pytest.raises(DatabaseUnavailable, match='create database "not_there" owner "modest" '):
                database_url(settings_for(urlunsplit(parts._replace(netloc=location)), settings.home))
        finally:
            connection.execute("drop role modest")


def test_a_role_that_may_not_make_dagsters_tables_is_told_what_to_ask_for(settings: Settings, server_url: str):
    parts = urlsplit(database_in(server_url, "closed"))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("create role bystander login password 's3cret'")
        connection.execute("create database closed_dagster")
        try:
            location = f"bystander:s3cret@{parts.hostname}:{parts.port}"
            with pytest.raises(DatabaseUnavailable, match='alter database "closed_dagster" owner to "bystander"'):
                dagster_database_url(settings_for(urlunsplit(parts._replace(netloc=location)), settings.home))
        finally:
            drop_database(server_url, "closed_dagster")
            connection.execute("drop role bystander")


def test_dagsters_database_on_a_server_that_takes_no_changes_is_told_as_such(settings: Settings, server_url: str):
    url = settings.database_url.get_secret_value()
    name = urlsplit(dagster_database_url(settings)).path[1:]
    try:
        read_only = settings_for(url + "?options=-c%20default_transaction_read_only%3Don", settings.home)
        with pytest.raises(
            DatabaseUnavailable, match=r"takes no changes from .*: the server is a standby, or default_"
        ):
            dagster_database_url(read_only)
    finally:
        drop_database(server_url, name)


def test_dbt_is_told_the_same_address(settings: Settings):
    url = settings.database_url.get_secret_value()
    parts = connection_parts(url)

    environment = dbt_environment(settings_for(url + "?sslmode=prefer", settings.home))

    assert environment == {
        "EKIDEN_DBT_HOST": parts.host,
        "EKIDEN_DBT_PORT": str(parts.port),
        "EKIDEN_DBT_USER": parts.user,
        "DBT_ENV_SECRET_EKIDEN_PASSWORD": parts.password,
        "EKIDEN_DBT_DATABASE": parts.database,
        "PGTZ": "UTC",
        "PGSSLMODE": "prefer",
    }
    assert parts.password not in repr(parts)


def test_dbt_and_ekiden_read_the_date_of_an_instant_alike(
    settings: Settings, server_url: str, monkeypatch: pytest.MonkeyPatch
):
    url = settings.database_url.get_secret_value()
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"alter database {urlsplit(url).path[1:]} set timezone = 'Asia/Tokyo'")
    # as psql does, and as a URL may ask for itself
    told = settings_for(f"{url}?options=-c%20timezone%3DAsia/Seoul", settings.home)

    for name, value in dbt_environment(told).items():
        monkeypatch.setenv(name, value)

    # a morning in Tokyo
    shipped_on = "select ('2026-11-22 08:00+09'::timestamptz)::date"
    with psycopg2.connect(url) as dbt, dbt.cursor() as cursor, connect(told) as ours:
        cursor.execute(shipped_on)
        assert cursor.fetchone() == ours.execute(shipped_on).fetchone() == (date(2026, 11, 21),)


def test_dbt_reads_what_is_committed_whatever_the_database_was_told(settings: Settings, server_url: str):
    url = settings.database_url.get_secret_value()
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"alter database {urlsplit(url).path[1:]} set default_transaction_isolation = 'serializable'")

    options = dbt_environment(settings_for(f"{url}?options=-c%20work_mem%3D1MB", settings.home))["PGOPTIONS"]

    with psycopg.connect(url, options=options) as connection:
        row = connection.execute("select current_setting('transaction_isolation'), current_setting('work_mem')")
        assert row.fetchone() == ("read committed", "1MB")
