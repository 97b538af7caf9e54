"""dbt as a Dagster resource: one `dbt build` of the models a step selects, told to Dagster as it goes.

Belongs here: how dbt is called from a Dagster step. Does not belong here: what its models are (`assets.warehouse`)
or how it is called without Dagster (`ekiden.warehouse.build`).
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetObservation,
    MaterializeResult,
    MetadataValue,
    Output,
)
from dagster_dbt import DbtCliInvocation, DbtCliResource
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from packaging.version import Version

from assets.steps.acting import ledger
from ekiden.scenarios.left_out import UnbuiltScenario, leave_out
from ekiden.settings import Settings
from ekiden.warehouse.build import WITHOUT_UNIT_TESTS
from ekiden.warehouse.dbt import dbt_environment, dbt_executable, target_path
from ekiden.warehouse.outlived import ended_with_us
from ekiden.warehouse.parsing import readable_project
from ekiden.warehouse.unbuilt import UnbuiltModel, unbuilt_scenarios

BUILD = ("build", *WITHOUT_UNIT_TESTS)

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
        """Build and test the selected models; yields Dagster's events.

        Scenarios whose files have faults are built empty, so that the others go on; the check `definition` tells of
        them. Those that dbt could not build are left out of the plan, their checks fail, and the others go on as well,
        as they do where a model fails that none of them reads; raises if none was built, or if what failed concerns
        everybody. Files may come and go after the run began: dbt builds what there is, as Dagster is told of what it
        knows. dbt's artefacts of this run stay in `settings.dbt_target` if something failed, and are removed otherwise.
        """
        project = readable_project(self._settings)
        for finding in project.report.loose:
            context.log.error(str(finding))
        with environment({**self._environment(), **project.environment()}):
            invocation = InstalledDbt(
                project_dir=os.fspath(project.folder),
                profiles_dir=os.fspath(project.folder),
                dbt_executable=os.fspath(dbt_executable()),
            ).cli(BUILD, context=context)
        told: set[AssetKey | AssetCheckKey] = set()
        try:
            with ended_with_us(invocation.process):
                for event in _events(context, invocation):
                    told.add(_subject(context, event))
                    yield event
        except DagsterDbtCliRuntimeError:
            unbuilt = unbuilt_scenarios(invocation.target_path)
            if unbuilt is None:
                raise
            with ledger(self._settings) as connection:
                leave_out(connection, unbuilt.scenarios)
            if not unbuilt.others:
                raise
            yield from _left_out(context, unbuilt.scenarios, told)
            yield from _not_built(context, unbuilt.models, told)
            yield from _gone(context, invocation)
            return
        yield from _gone(context, invocation)
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


def _events(context: AssetExecutionContext, invocation: DbtCliInvocation) -> Iterator[Any]:
    """Yield Dagster's events of dbt's build, but of models and tests whose files came after this run began.

    Those are built like the others, and are no assets before the next run: dagster-dbt would end dbt at them.
    """
    known = invocation.manifest["nodes"]
    for message in invocation.stream_raw_events():
        unique_id = message.raw_event["data"].get("node_info", {}).get("unique_id")
        if message.is_result_event and unique_id not in known:
            context.log.info(f"{unique_id} is newer than this run: no asset yet")
            continue
        yield from message.to_default_asset_events(
            manifest=invocation.manifest,
            dagster_dbt_translator=invocation.dagster_dbt_translator,
            context=invocation.context,
            target_path=invocation.target_path,
            project=invocation.project,
        )


def _gone(context: AssetExecutionContext, invocation: DbtCliInvocation) -> Iterator[Any]:
    """Yield what stands for models whose files went after the run began: without it Dagster would plan nobody."""
    there = invocation.get_artifact("manifest.json")["nodes"]
    for key in sorted(context.selected_asset_keys):
        unique_id = context.assets_def.specs_by_key[key].metadata[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY]
        if unique_id not in there:
            context.log.warning(f"{unique_id} went after this run began: not built")
            yield MaterializeResult(asset_key=key, metadata={"gone": MetadataValue.text("it went after the run began")})


def _left_out(
    context: AssetExecutionContext, scenarios: Sequence[UnbuiltScenario], told: Set[AssetKey | AssetCheckKey]
) -> Iterator[Any]:
    """Yield what stands in the place of models that were not built: without it Dagster would not plan the others."""
    by_name = {key.path[-1]: key for key in context.selected_asset_keys}
    for scenario in scenarios:
        context.log.error(f"left out: {scenario}")
        key = by_name.get(scenario.model_name)
        yield from _failed_checks(context, key, told, f"left out: {scenario.reason}")
        if key is not None and key not in told:
            yield MaterializeResult(asset_key=key, metadata={"left_out": MetadataValue.text(scenario.reason)})


def _not_built(
    context: AssetExecutionContext, models: Sequence[UnbuiltModel], told: Set[AssetKey | AssetCheckKey]
) -> Iterator[Any]:
    """Yield what shows of models that are no scenarios and failed: what is there is an earlier build's."""
    by_name = {key.path[-1]: key for key in context.selected_asset_keys}
    for model in models:
        context.log.error(f"not built: {model}")
        if (key := by_name.get(model.name)) is None:
            continue
        yield from _failed_checks(context, key, told, f"not built: {model.reason}")
        yield AssetObservation(key, metadata={"not_built": MetadataValue.text(model.reason)})


def _failed_checks(
    context: AssetExecutionContext, key: AssetKey | None, told: Set[AssetKey | AssetCheckKey], why: str
) -> Iterator[AssetCheckResult]:
    """Yield the checks of an asset that dbt told nothing of."""
    for check in context.selected_asset_check_keys - told:
        if check.asset_key == key:
            yield AssetCheckResult(asset_key=key, check_name=check.name, passed=False, description=why)


def _subject(context: AssetExecutionContext, event: Any) -> AssetKey | AssetCheckKey:
    """Return what an event of dbt's is about."""
    if isinstance(event, AssetCheckResult):
        return AssetCheckKey(event.asset_key, event.check_name)
    return context.asset_key_for_output(event.output_name) if isinstance(event, Output) else event.asset_key


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
