"""dbt as a Dagster resource: one `dbt build` of the models a step selects, told to Dagster as it goes.

Belongs here: how dbt is called from a Dagster step. Does not belong here: what its models are (`assets.warehouse`)
or how it is called without Dagster (`ekiden.warehouse.dbt`).
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext
from dagster_dbt import DbtCliResource
from packaging.version import Version

from ekiden.settings import Settings
from ekiden.warehouse.dbt import dbt_environment, dbt_executable, prepare, target_path

# unit tests say something of the project's code and nothing of the day's data: they belong to `make test`
BUILD = ("build", "--exclude-resource-type", "unit_test")

PARTIAL_PARSE = "partial_parse.msgpack"


class InstalledDbt(DbtCliResource):
    """The dbt of this environment, whose version is looked up rather than asked for.

    Asking starts a whole `dbt --version`, which costs 2 seconds in every run.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))


class DbtWarehouse:
    """Builds a deployment's warehouse with dbt."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def build(self, context: AssetExecutionContext) -> Iterator[Any]:
        """Build and test the selected models; yields Dagster's events, raises if a model or test fails.

        Scenarios whose files have faults are built empty, so that the others go on; the check `definition` tells of
        them. dbt's artefacts of this run stay in `settings.dbt_target` if it fails, and are removed otherwise.
        """
        project = prepare(self._settings)
        with environment({**self._environment(), **project.environment()}):
            invocation = InstalledDbt(
                project_dir=os.fspath(project.folder),
                profiles_dir=os.fspath(project.folder),
                dbt_executable=os.fspath(dbt_executable()),
            ).cli(BUILD, context=context)
        yield from invocation.stream()
        self._keep_parse(invocation.target_path)
        shutil.rmtree(invocation.target_path, ignore_errors=True)

    def _keep_parse(self, run_target: Path) -> None:
        """Let the next run start from what this one parsed: a whole parse costs 4 seconds and more."""
        parsed = run_target / PARTIAL_PARSE
        if parsed.exists():
            parsed.replace(target_path(self._settings) / PARTIAL_PARSE)

    def _environment(self) -> dict[str, str]:
        # dagster-dbt makes a folder for each run below the target, and starts from its partial parse
        return {**dbt_environment(self._settings), "DBT_TARGET_PATH": os.fspath(target_path(self._settings))}


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while: dagster-dbt passes on this process's, and takes no others."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
