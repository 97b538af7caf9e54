"""One warehouse for all tests of this folder: the real dbt project, with the tests' own scenarios, built once.

Belongs here: making the project's copy and building it. Does not belong here: facts (`facts`), definitions
(`scenarios`).
"""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import yaml
from psycopg import sql
from pydantic import SecretStr

from ekiden.database.connection import connect
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR, dbt_environment, dbt_executable
from tests.integration.warehouse import facts
from tests.integration.warehouse.scenarios import BROKEN, BY_HAND, BY_HAND_SQL, SCENARIOS, SEGMENT_MODELS, SEGMENTS


@dataclass(frozen=True)
class Warehouse:
    """What the build left."""

    connection: psycopg.Connection
    manifest: Mapping[str, Any]
    outcomes: Mapping[str, str]
    """Status of every model and test, by unique id."""
    messages: Mapping[str, str]
    """What dbt says of each, by unique id."""
    output: str
    build: Callable[..., str]
    """Builds the given dbt selection again and returns dbt's output."""

    def entries(self, scenario: str, customer: str) -> dict[str, list[tuple[Any, Any]]]:
        """Return the spans in which this customer may come in, by anchor; anchors without any are left out."""
        return self._spans(scenario, customer, "entry_during")

    def stops(self, scenario: str, customer: str) -> dict[str, list[tuple[Any, Any]]]:
        """Return the spans in which a stop holds, by anchor; anchors without any are left out."""
        return self._spans(scenario, customer, "stop_during")

    def _spans(self, scenario: str, customer: str, column: str) -> dict[str, list[tuple[Any, Any]]]:
        query = sql.SQL("select anchor_key, {} from eligibility.{} where customer_id = %s order by anchor_at").format(
            sql.Identifier(column), sql.Identifier(scenario)
        )
        return {
            key: [(span.lower, span.upper) for span in spans]
            for key, spans in self.connection.execute(query, [customer])
            if spans
        }


@pytest.fixture(scope="session")
def warehouse(server_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The tests' shop, built by `dbt build` with every test of the project."""
    name = f"ekiden_dbt_{secrets.token_hex(4)}"
    folder = tmp_path_factory.mktemp("dbt")
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    settings = Settings(home=folder / "home", database_url=SecretStr(url))
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}" template "{template_database}"')
        try:
            # autocommit: a test that fails leaves no broken transaction to the next
            with connect(settings, autocommit=True) as connection:
                facts.load(connection)
                project = _copy_project(folder)
                output = _build(project, folder / "target", settings)
                yield Warehouse(
                    connection,
                    json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8")),
                    _results(folder / "target" / "run_results.json", output, "status"),
                    _results(folder / "target" / "run_results.json", output, "message"),
                    output,
                    partial(_build, project, folder / "target", settings),
                )
        finally:
            server.execute(f'drop database if exists "{name}" with (force)')


def _copy_project(folder: Path) -> Path:
    """Copy dbt's project; the tests' scenarios stand beside its own."""
    project = folder / "dbt_project"
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    models = project / "models" / "eligibility"
    columns = yaml.safe_load((models / "cross_sell.yml").read_text(encoding="utf-8"))["models"][0]["columns"]
    properties = []
    for segment, query in SEGMENT_MODELS.items():
        (project / "models" / "segments" / f"{segment}.sql").write_text(query)
        columns_of_segment = [
            {"name": name, "description": "As its name says."} for name in ("customer_id", "valid") if name in query
        ]
        described = {"name": segment, "description": "Grain - one row per customer.", "columns": columns_of_segment}
        properties.append(described)
    broken = {name: definition for name, (definition, _) in BROKEN.items()}
    for name, definition in {**SCENARIOS, **broken, BY_HAND: {"anchor": "ordered"}}.items():
        body = f"{{{{ eligibility(segments={SEGMENTS.get(name, [])!r}) }}}}"
        (models / f"{name}.sql").write_text(BY_HAND_SQL if name == BY_HAND else body)
        properties.append(
            {
                "name": name,
                "description": "A scenario of the tests. Grain - one row per customer and anchor.",
                "config": {"meta": {"scenario": {"code": name, "name": name, **definition}}},
                "data_tests": ["eligibility_contract"],
                "columns": columns,
            }
        )
    document = {"version": 2, "models": properties}
    (models / "scenarios_of_the_tests.yml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return project


def _build(project: Path, target: Path, settings: Settings, *selection: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EKIDEN_")}
    command = [dbt_executable(), "--no-use-colors", "build", "--project-dir", project, "--profiles-dir", project]
    if selection:
        command += ["--select", *selection]
    result = subprocess.run(
        [*command, "--target-path", target, "--log-path", target, "--log-level-file", "none"],
        env={**kept, **dbt_environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


def _results(run_results: Path, output: str, what: str) -> dict[str, str]:
    assert run_results.exists(), output
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    return {result["unique_id"]: result[what] for result in results}
