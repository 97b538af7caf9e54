"""One shop for all tests of this folder: the real dbt project with the tests' scenarios, built once, in a repository.

Belongs here: making it, and how a test asks. Does not belong here: definitions (`scenarios`) and expectations.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
import yaml
from psycopg import sql
from pydantic import SecretStr

from ekiden.database.connection import connect
from ekiden.insights.explanation.explain import Explanation
from ekiden.insights.moments import moment
from ekiden.insights.why import why
from ekiden.scenarios.registry import synchronise
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR, dbt_environment, dbt_executable
from tests.conftest import database_in
from tests.integration.insights.scenarios import BY_HAND, BY_HAND_SQL, SCENARIOS, SEGMENTS, STEP
from tests.integration.warehouse import facts

ZONE = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 3, 8, 0, 0, tzinfo=UTC)
"""Sunday the 8th, 09:00 in Tokyo; the story began on the 1st."""

FURTHER_FACTS = """
insert into raw.customers (customer_id, registered_at, duplicate_status)
values ('駅田 伝子''s [bold]', '2026-03-01 12:00+09', 'confirmed');
insert into raw.orders (order_id, customer_id, ordered_at, status, kind)
values ('注文''1 [red]', '駅田 伝子''s [bold]', '2026-03-02 12:00+09', 'new', 'one_off');
insert into raw.order_lines (order_id, line_no, product_id, quantity) values ('注文''1 [red]', 1, 'A', 1);
insert into raw.customer_events (event_id, customer_id, event_type, event_at)
values ('looked', 'once', 'viewed', '2026-03-03 12:00+09');
"""
AWKWARD_CUSTOMER = "駅田 伝子's [bold]"


@dataclass(frozen=True)
class BuiltShop:
    """The built shop, and how a test asks about it."""

    settings: Settings
    connection: psycopg.Connection[Any]
    project: Path

    def why(self, scenario: str, customer: str, on: str | None = None) -> Explanation:
        when = moment(on, now=NOW, zone=ZONE)
        return why(self.connection, scenario, customer, when, settings=self.settings)

    def rewrite(self, code: str, definition: dict[str, Any]) -> None:
        """Write a scenario of the working tree anew."""
        write_scenario(self.project, code, definition)


@pytest.fixture(scope="session")
def built_shop(
    server_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BuiltShop]:
    """The tests' shop, built by `dbt run`."""
    name = f"ekiden_insights_{secrets.token_hex(4)}"
    folder = tmp_path_factory.mktemp("insights")
    settings = Settings(home=folder / "home", database_url=SecretStr(database_in(server_url, name)))
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(
            sql.SQL("create database {} template {}").format(*map(sql.Identifier, (name, template_database)))
        )
        try:
            with connect(settings, autocommit=True) as connection:
                facts.load(connection)
                connection.execute(FURTHER_FACTS)
                project = make_project(folder)
                run_dbt(project, folder / "target", settings)
                with connection.transaction():
                    synchronise(connection, now=NOW)
                # so that plans are those of a database that lives
                connection.execute("analyze")
                yield BuiltShop(settings, connection, project)
        finally:
            server.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def make_project(folder: Path) -> Path:
    """Return a copy of dbt's project with the tests' scenarios alone, committed into a repository of its own."""
    project = folder / "dbt_project"
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    models = project / "models" / "eligibility"
    columns = yaml.safe_load((models / "cross_sell.yml").read_text(encoding="utf-8"))["models"][0].get("columns", [])
    shutil.rmtree(models)
    models.mkdir()
    (project / "columns.yml").write_text(yaml.safe_dump(columns), encoding="utf-8")
    for code, definition in {**SCENARIOS, BY_HAND: {"anchor": "ordered", "status": "enabled", "steps": [STEP]}}.items():
        write_scenario(project, code, definition)
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "first"]):
        git(project, *arguments)
    return project


def write_scenario(project: Path, code: str, definition: dict[str, Any]) -> None:
    models = project / "models" / "eligibility"
    body = f"{{{{ eligibility(segments={SEGMENTS.get(code, [])!r}) }}}}"
    (models / f"{code}.sql").write_text(BY_HAND_SQL if code == BY_HAND else body, encoding="utf-8")
    model = {
        "name": code,
        "description": "A scenario of the tests. Grain - one row per customer and anchor.",
        "config": {"meta": {"scenario": {"code": code, "name": code, **definition}}},
    }
    if columns := yaml.safe_load((project / "columns.yml").read_text(encoding="utf-8")):
        model["columns"] = columns
    document = yaml.safe_dump({"version": 2, "models": [model]}, allow_unicode=True)
    (models / f"{code}.yml").write_text(document, encoding="utf-8")


def git(project: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Tests", "-c", "user.email=tests@shop.invalid", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)


def run_dbt(project: Path, target: Path, settings: Settings) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EKIDEN_")}
    command = [dbt_executable(), "--no-use-colors", "run", "--project-dir", project, "--profiles-dir", project]
    result = subprocess.run(
        [*command, "--target-path", target, "--log-path", target, "--log-level-file", "none"],
        env={**kept, **dbt_environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
