"""Migrations: run once however often and by however many they are asked for, wholly or not at all."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import SecretStr

from ekiden.database.connection import connect, database_url
from ekiden.database.errors import DatabaseUnavailable
from ekiden.database.migrations import migrate
from ekiden.database.migrations.upgrade import LOCK, refuse_older_server
from ekiden.scenarios.changes import changes_of
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


def test_an_opt_out_of_old_with_a_time_that_nobody_can_read_can_be_read_and_withdrawn_again(settings: Settings):
    with connect(settings, autocommit=True) as connection:
        # as it was before these migrations
        connection.execute("delete from outreach.decision_rules where rule = 'row_outside_period'")
        connection.execute("alter table outreach.opt_outs drop constraint opted_out_at_is_readable")
        connection.execute("alter table outreach.sweeps drop column batch_time")
        connection.execute("alter table changed.followed_tables drop column turns_before")
        connection.execute("drop function changed.turns_within")
        connection.execute("drop index outreach.withdrawn_opt_outs")
        connection.execute("drop table changed.views_to_fill")
        connection.execute("alter table outreach.enrolments drop column left_at")
        connection.execute("alter table outreach.scenarios drop column max_lateness_minutes cascade")
        connection.execute("alter table outreach.scenario_version_steps drop column due_after_days")
        _forget_scenario_changes(connection)
        connection.execute(
            "alter table outreach.schedule_rows add constraint schedule_rows_enrolment_id_fkey"
            " foreign key (enrolment_id) references outreach.enrolments"
        )
        connection.execute("update outreach.schema_version set version_num = '0028'")
        connection.execute(
            "insert into outreach.opt_outs (customer_id, source, opted_out_at)"
            " values ('C1', 'by hand', '-infinity'), ('C2', 'page', '2026-01-01 00:00+00')"
        )
        connection.execute(
            "alter table outreach.opt_outs add constraint opted_out_at_is_readable"
            " check (opted_out_at between '0001-01-02 00:00+00' and '9999-12-30 00:00+00') not valid"
        )

        migrate(settings)

        times = connection.execute("select opted_out_at from outreach.opt_outs order by customer_id").fetchall()
        assert times == [(datetime(1, 1, 2, tzinfo=UTC),), (datetime(2026, 1, 1, tzinfo=UTC),)]
        connection.execute(
            "update outreach.opt_outs set withdrawn_at = now(), withdrawn_by = 'hanako', withdraw_reason = 'asked'"
        )
        with pytest.raises(psycopg.errors.CheckViolation, match="only ever withdrawn"):
            connection.execute("update outreach.opt_outs set opted_out_at = now()")


def test_versions_of_old_are_what_is_known_of_a_scenario_s_changes(settings: Settings):
    with connect(settings, autocommit=True) as connection:
        _forget_scenario_changes(connection)
        connection.execute("update outreach.schema_version set version_num = '0038'")
        connection.execute(
            "insert into outreach.scenarios"
            " (model_name, scenario_code, scenario_name, status, relation_name, updated_at)"
            " values ('tea', 'tea', 'Tea', 'enabled', 'eligibility.tea', now())"
        )
        connection.execute(
            "insert into outreach.scenario_versions (scenario_id, version_no, definition, git_revision, created_at,"
            " reentry, enrol_at, zero_day, offset_basis, past_date_policy, past_time_today, consent_recheck, on_skip,"
            " on_retrigger, multi_delivery, reevaluate_on_update)"
            " select scenario_id, number, '{}', 'abc' || number, '2026-01-01 00:00+00', '', '', '', '', '', '', true,"
            " '', 'ignore', true, false from outreach.scenarios cross join generate_series(1, 2) as number"
        )

        migrate(settings)

        known = [
            (each.setting, each.value_before, each.value_after, each.changed_at, each.git_revision, each.actor)
            for each in changes_of(connection, "tea")
        ]
        then = datetime(2026, 1, 1, tzinfo=UTC)
        assert known == [
            ("version", None, "1", then, "abc1", None),
            ("version", "1", "2", then, "abc2", None),
        ]


def test_a_database_that_is_newer_than_this_ekiden_is_left_alone(settings: Settings):
    with connect(settings) as connection:
        connection.execute("update outreach.schema_version set version_num = '9999'")

    with pytest.raises(DatabaseUnavailable, match="9999"):
        migrate(settings)


def test_an_older_server_is_told_as_such():
    with pytest.raises(DatabaseUnavailable, match="PostgreSQL 15; Ekiden needs 16 or newer"):
        refuse_older_server(150013)
    refuse_older_server(160000)


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


def test_a_database_with_somebody_else_s_tables_of_our_names_is_left_as_it_is(empty: Settings):
    with psycopg.connect(database_url(empty)) as connection:
        connection.execute("create schema raw create table orders (mine text)")

    with pytest.raises(DatabaseUnavailable, match=r'"orders" already exists, and it is none of Ekiden\'s'):
        migrate(empty)

    with connect(empty) as connection:
        assert connection.execute(TABLES).fetchall() == [("raw.orders",)]


def test_a_database_that_may_not_be_written_to_is_told_as_such(empty: Settings, server_url: str):
    name = urlsplit(database_url(empty)).path[1:]
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"alter database {name} set default_transaction_read_only = on")

    with pytest.raises(DatabaseUnavailable, match=r"cannot be brought up to date by .* in a read-only transaction"):
        migrate(empty)


def test_a_limit_of_time_that_the_database_sets_is_told_as_such(empty: Settings, server_url: str):
    url = database_url(empty)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"alter database {urlsplit(url).path[1:]} set lock_timeout = '10ms'")

    with psycopg.connect(url) as another:
        another.execute("select pg_advisory_lock(%s)", (LOCK,))
        with pytest.raises(DatabaseUnavailable, match=r"cannot be brought up to date by .* lock timeout"):
            migrate(empty)


def test_two_at_once_do_not_meet_where_transactions_are_isolated_from_each_other(empty: Settings, server_url: str):
    name = urlsplit(database_url(empty)).path[1:]
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"alter database {name} set default_transaction_isolation = 'repeatable read'")

    with ThreadPoolExecutor() as threads:
        list(threads.map(migrate, [empty] * 2))


def _forget_scenario_changes(connection: psycopg.Connection) -> None:
    """Take back what records the changes of scenarios, as it was before."""
    connection.execute("drop table outreach.scenario_changes")
    for function in ("record_changed_settings", "record_new_version", "record_step_state"):
        connection.execute(f"drop function outreach.{function} cascade".encode())
    connection.execute("drop function outreach.record_scenario_change")
    connection.execute("drop function outreach.refuse_forged_scenario_changes")
