"""A deployment of its own with a few customers, planned by Dagster on a real PostgreSQL.

Belongs here: what the tests of the orchestration share. The warehouse is built once, which takes seconds.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import psycopg
import pytest
from dagster import DagsterInstance, Definitions, ExecuteInProcessResult
from pydantic import SecretStr

from ekiden.database.connection import DAGSTER_SUFFIX, connect
from ekiden.delivery.channels.base import Carrier
from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.settings import Settings
from ekiden.warehouse.dbt import dbt_environment
from ekiden.warehouse.parsing import readable_project
from orchestration.composition import build_defs
from orchestration.instance import open_instance
from tests.conftest import database_in, drop_database

CUSTOMERS = 6
DAYS_UNTIL_REACTIVATION = 90


@dataclass(frozen=True)
class Deployment:
    settings: Settings
    instance: DagsterInstance
    now: datetime
    """The moment at which it was made: its day does not end in the middle of the tests."""
    definitions: Definitions

    def day(self, days_ago: int) -> str:
        return (self.settings.local_date(self.now) - timedelta(days=days_ago)).isoformat()

    def with_clock_ahead(self, ahead: timedelta) -> Self:
        return replace(self, definitions=definitions_at(self.settings, self.now + ahead))

    def run(
        self, job: str, *, partition: str | None = None, only: list[str] | None = None, **ops: dict[str, object]
    ) -> ExecuteInProcessResult:
        config = {op: {"config": fields} for op, fields in ops.items()}
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=partition,
            op_selection=only,
            run_config={"ops": config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    def states(self) -> dict[str, int]:
        with connect(self.settings, autocommit=True) as connection:
            return dict(
                connection.execute("select state, count(*) from outreach.schedule_rows group by state").fetchall()
            )


@pytest.fixture(scope="session")
def deployment_url(server_url: str, template_database: str) -> str:
    """Where the deployments' database is, one after the other."""
    return database_in(server_url, f"{template_database}_deployment")


@pytest.fixture(scope="session")
def parsed_home(deployment_url: str, tmp_path_factory) -> Path:
    """A home whose dbt project is parsed already, to be copied: parsing costs some seconds.

    With the deployments' connection: a build with another one would parse it again.
    """
    home = tmp_path_factory.mktemp("parsed")
    readable_project(Settings(home=home), dbt_environment(Settings(home=home, database_url=SecretStr(deployment_url))))
    return home


@pytest.fixture(scope="module")
def deployment(
    server_url: str, template_database: str, deployment_url: str, parsed_home: Path, tmp_path_factory
) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("deployment") / "home"
    shutil.copytree(parsed_home, home)
    before = dict(os.environ)
    for variable in [name for name in os.environ if name.startswith("EKIDEN_")]:
        del os.environ[variable]
    name = urlsplit(deployment_url).path[1:]
    # whoever asks how to connect makes it, empty
    drop_database(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}" template "{template_database}"')
    try:
        settings = Settings(home=home, database_url=SecretStr(deployment_url))
        now = datetime.now(UTC)
        with connect(settings, autocommit=True) as connection:
            customers_who_lapsed_this_week(connection, now)
        with open_instance(settings) as instance:
            yield Deployment(settings, instance, now, definitions_at(settings, now))
    finally:
        os.environ.clear()
        os.environ.update(before)
        drop_database(server_url, name)
        drop_database(server_url, name + DAGSTER_SUFFIX)


def definitions_at(settings: Settings, now: datetime) -> Definitions:
    """A deployment whose clock stands still, with the outbox for mail, whatever else there is."""

    def clock() -> datetime:
        return now

    carriers = (Carrier(OutboxChannel(settings.outbox, clock), MAIL_CHANNELS),)
    return build_defs(settings=settings, resource_overrides={"carriers": carriers, "clock": clock})


def customers_who_lapsed_this_week(connection: psycopg.Connection, now: datetime) -> None:
    """One customer for each of the last days, on which the 90th day without an order was."""
    connection.execute("insert into raw.products (product_id, product_name) values ('P', '駅弁')")
    for days_ago in range(1, CUSTOMERS + 1):
        ordered_at = now - timedelta(days=DAYS_UNTIL_REACTIVATION + days_ago)
        connection.execute(
            "insert into raw.customers (customer_id, registered_at, family_name, given_name, email)"
            " values (%s, %s, '駅', '伝', %s)",
            # long ago: the scenarios that count from the registration leave them alone
            (f"C{days_ago}", ordered_at - timedelta(days=365), f"c{days_ago}@shop.example"),
        )
        connection.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at) values (%s, %s, %s)",
            (f"O{days_ago}", f"C{days_ago}", ordered_at),
        )
        connection.execute(
            "insert into raw.order_lines (order_id, line_no, product_id, quantity) values (%s, 1, 'P', 1)",
            (f"O{days_ago}",),
        )
