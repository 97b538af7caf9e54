"""One shop for all tests of this folder, built by the real dbt project, whose facts the tests change.

Belongs here: building it, and comparing what is built with what a build from nothing would be. Does not belong here:
facts (`history`), definitions (`scenarios`).
"""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
import yaml
from pydantic import SecretStr

from ekiden.database.connection import connect
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR, dbt_environment, dbt_executable
from tests.conftest import database_in, drop_database
from tests.integration.warehouse_changes import history, scenarios


@dataclass
class Shop:
    """A shop, and its warehouse."""

    settings: Settings
    connection: psycopg.Connection
    project: Path
    target: Path
    compiled: dict[str, str] = field(default_factory=dict)
    """The query of everybody's rows, by table, as last built; marts first."""
    manifest: Any = None
    """What dbt made of the project's files as they are now."""
    written_models: set[Path] = field(default_factory=set)
    """Those of single tests, which take them away again."""

    def build(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        fails: bool = False,
    ) -> str:
        """Run dbt, on the tables unless the arguments say otherwise, and return its output."""
        # only here: the import takes seconds, and whoever collects the tests would wait for it
        from dbt.cli.main import dbtRunner  # noqa: PLC0415

        places = ["--project-dir", self.project, "--profiles-dir", self.project, "--target-path", self.target]
        quietly = ["--log-path", self.target, "--log-level", "none", "--log-level-file", "none", "--no-print"]
        # nobody reads its files here, and writing them is a tenth of a build
        common = [*map(str, places), *quietly, "--no-write-json"]
        if "--select" not in arguments:
            arguments += ("--select", "marts", "eligibility")
        kept = dict(os.environ)
        os.environ.update(dbt_environment(self.settings) | (environment or {}))
        # a thread's stack is a short one: dbt looks at the source of every function on it, again and again
        with ThreadPoolExecutor(1) as thread:
            try:
                manifest = self.manifest
                if manifest is None or environment:
                    manifest = thread.submit(dbtRunner().invoke, ["parse", *common]).result().result
                if not environment:
                    self.manifest = manifest
                result = thread.submit(dbtRunner(manifest=manifest).invoke, ["run", *common, *arguments]).result()
            finally:
                os.environ.clear()
                os.environ.update(kept)
        said = "\n".join(str(node.message) for node in result.result or ()) + str(result.exception or "")
        assert result.success is not fails, said
        for node in result.result:
            if node.node.config.materialized == "table" and node.status == "success":
                self.compiled[f"{node.node.schema}.{node.node.name}"] = node.node.compiled_code
        return said

    @contextmanager
    def build_elsewhere(self) -> Iterator[subprocess.Popen[bytes]]:
        """Build in a process of its own meanwhile; waits for its end."""
        environment = os.environ | dbt_environment(self.settings)
        target = self.target.with_name("target_elsewhere")
        target.mkdir(exist_ok=True)
        shutil.copy(self.target / "partial_parse.msgpack", target)
        command = [dbt_executable(), "run", "--project-dir", self.project, "--profiles-dir", self.project]
        with subprocess.Popen(
            [*command, "--target-path", target, "--log-path", target], env=environment, stdout=subprocess.DEVNULL
        ) as process:
            yield process

    def differences(self) -> dict[str, Any]:
        """Return the tables that are not what a build from nothing would make of the facts, and in which rows."""
        found = {}
        for table, query in self.compiled.items():
            rows = self.connection.execute(
                f"(select 'too much', built_row::text from {table} as built_row except all"  # noqa: S608
                f" select 'too much', fresh_row::text from ({query}) as fresh_row) union all"
                f" (select 'missing', fresh_row::text from ({query}) as fresh_row except all"
                f" select 'missing', built_row::text from {table} as built_row)".encode()
            ).fetchall()
            if rows:
                found[table] = rows
        return found

    def rebuilt(self) -> dict[str, int | None]:
        """Return how many customers each table's last build was about; None: everybody."""
        return dict(
            self.connection.execute("select relation_name, customers_rebuilt from changed.built_tables").fetchall()
        )

    def versions(self) -> dict[str, list[Any]]:
        """Return where each row of the followed tables lies and which transaction wrote it."""
        return {
            table: self.connection.execute(f"select ctid::text, xmin::text from {table} order by 1").fetchall()  # noqa: S608
            for table in scenarios.FOLLOWED
        }

    def write_segment(self, name: str, query: str) -> None:
        """Write a segment's model."""
        self.write_model(f"segments/{name}", query)

    def write_model(self, path: str, query: str, **properties: Any) -> None:
        """Write a model of the shop's own at a path below models/, with what its yml says of it."""
        file = self.project / "models" / f"{path}.sql"
        file.parent.mkdir(exist_ok=True)
        file.write_text(query, encoding="utf-8")
        self.written_models.add(file)
        if properties:
            described = {"version": 2, "models": [{"name": file.stem, **properties}]}
            file.with_suffix(".yml").write_text(json.dumps(described), encoding="utf-8")
            self.written_models.add(file.with_suffix(".yml"))
        self.manifest = None

    def forget(self, scenario: str = "") -> None:
        """Take away a single test's scenario and models."""
        self.compiled.pop(f"eligibility.{scenario}", None)
        for file in self.written_models:
            self.compiled.pop(f"marts.{file.stem}", None)
            file.unlink()
        self.written_models.clear()
        self.write_scenarios(DEFINITIONS)

    def write_scenarios(
        self, definitions: dict[str, dict[str, Any]], segments: Mapping[str, list[str]] = scenarios.SEGMENTS_READ
    ) -> None:
        """Write the scenarios' models in place of the project's own, with the segments that they name."""
        folder = self.project / "models" / "eligibility"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.manifest = None
        columns = yaml.safe_load((PROJECT_DIR / "models/eligibility/cross_sell.yml").read_text(encoding="utf-8"))[
            "models"
        ][0]["columns"]
        models = []
        for name, definition in definitions.items():
            body = scenarios.BY_HAND.get(name) or f"{{{{ eligibility(segments={segments.get(name, [])}) }}}}"
            (folder / f"{name}.sql").write_text(body, encoding="utf-8")
            scenario = {"code": name, "name": name, **definition}
            models.append({"name": name, "config": {"meta": {"scenario": scenario}}, "columns": columns})
        (folder / "scenarios.yml").write_text(json.dumps({"version": 2, "models": models}), encoding="utf-8")


DEFINITIONS: dict[str, dict[str, Any]] = {
    **scenarios.SCENARIOS,
    "spent_most": {"anchor": {"entered": scenarios.COMPARING}},
    **{name: {"anchor": "ordered"} for name in scenarios.BY_HAND},
}


@pytest.fixture(scope="module")
def shop(server_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with a history, built once."""
    name = f"ekiden_changes_{secrets.token_hex(4)}"
    folder = tmp_path_factory.mktemp("changes")
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}" template "{template_database}"')
        # as on servers that came a long way: a backslash in a plain literal escapes
        server.execute(f'alter database "{name}" set standard_conforming_strings = off')
    settings = Settings(home=folder / "home", database_url=SecretStr(database_in(server_url, name)))
    project = folder / "dbt_project"
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs", "exposures.yml"))
    shutil.rmtree(project / "models" / "history")
    segments = project / "models" / "segments"
    (segments / f"{scenarios.COMPARING}.sql").write_text(scenarios.COMPARING_SQL)
    meta = {"name": scenarios.COMPARING, "config": {"meta": {"compares_customers": True}}}
    (segments / f"{scenarios.COMPARING}.yml").write_text(json.dumps({"version": 2, "models": [meta]}))
    try:
        with connect(settings, autocommit=True) as connection:
            connection.execute("set jit = off")
            shop = Shop(settings, connection, project, folder / "target")
            shop.write_scenarios(DEFINITIONS)
            history.fill(connection, Random(1))
            shop.build("--select", "*")
            yield shop
    finally:
        drop_database(server_url, name)


def rows(connection: psycopg.Connection, table: str) -> list[tuple[str]]:
    return connection.execute(f"select t::text from {table} as t order by 1").fetchall()  # noqa: S608
