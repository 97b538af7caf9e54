"""The SQL of the real dbt project, with the scripts' scenarios in the place of its own.

Belongs here: making such a copy of the project and compiling it once. Does not belong here: running what came
out (`stage`).
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from ekiden.settings import PROJECT_ROOT
from tests.acceptance.cast import SegmentModel, Version
from tests.acceptance.facts import SEGMENT_MEMBERS

# everything a scenario reads; history reads the ledger, and the project's own scenarios are no script's
LAYERS = ("staging", "segments", "marts")
SCENARIOS = "acceptance"
REGISTRY = "acceptance_registry"
REGISTRATION_FOLLOWS = "-- the registration follows"

SEGMENT = """
select customer_id, valid from raw.MEMBERS where segment = {{ text_literal(SEGMENT_NAME) }}
"""
CONDITION_SEGMENT = """
{%- set scenario = DEFINITION -%}
with
{{ import_facts('everyone') }}
anchors as (select customer_id, customer_id as anchor_key, registered_at as anchor_at from customers),
{{ occurrence_ctes(scenario, 'everyone') }}
{{ frame_ctes(scenario, 'target') }}
answers as (
    select anchors.customer_id, {{ fold_frames(scenario, 'target', "'{}'::tstzmultirange") }} as valid
    from anchors
    {{ frame_joins(scenario, 'target') }}
    union all
    NAMED
)

select customer_id, range_agg(valid) as valid from answers group by customer_id
"""


@dataclass(frozen=True)
class Relation:
    """A view or table that scenarios read, with its query."""

    schema: str
    name: str
    is_view: bool
    query: str


@dataclass(frozen=True)
class ScenarioBuild:
    """What a build of one scenario's version runs: the query of its table, and its registration."""

    model_name: str
    query: str
    registration: str


@dataclass(frozen=True)
class CompiledProject:
    """The compiled SQL of one session."""

    relations: tuple[Relation, ...]
    """In the order in which they can be created."""
    create_registry: str
    builds: Mapping[str, ScenarioBuild]
    """By `Version.build_name`."""
    faults: Mapping[str, str]
    """Why a version did not compile, by `Version.build_name`."""


def compile_project(
    folder: Path, versions: Sequence[Version], segments: Sequence[SegmentModel], environment: Mapping[str, str]
) -> CompiledProject:
    """Compile dbt's project with these scenarios in a new folder; `environment` leads dbt to the database."""
    project = folder / "dbt_project"
    shutil.copytree(
        PROJECT_ROOT / "dbt_project",
        project,
        ignore=shutil.ignore_patterns("target", "logs", "eligibility.yml", "history", "exposures*"),
    )
    own_models = project / "models" / "eligibility"
    shutil.rmtree(own_models)
    _write_segments(project / "models" / "segments", segments)
    _write_models(project / "models" / SCENARIOS, versions)
    faults: dict[str, str] = {}
    known = {version.build_name for version in versions}
    while True:
        result = _compile(project, folder / "target", environment)
        if result.success:
            break
        # dbt stops at the first model it cannot compile: leave that one out and go on with the others
        message = str(result.exception or result.result)
        broken = next((name for name in re.findall(r"\w+", message) if name in known), None)
        if broken is None or broken in faults:
            raise RuntimeError(f"the dbt project does not compile: {message}")
        faults[broken] = message
        _write_models(project / "models" / SCENARIOS, [v for v in versions if v.build_name not in faults])
    return _collect(result.result, versions, faults)


def _write_models(folder: Path, versions: Sequence[Version]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / f"{REGISTRY}.sql").write_text("{{ create_scenario_registry() }}\n")
    for version in versions:
        (folder / f"{version.build_name}.sql").write_text(_model(version))
    properties = {
        "version": 2,
        "models": [
            {"name": version.build_name, "config": {"meta": {"scenario": dict(version.definition)}}}
            for version in versions
        ],
    }
    (folder / "scenarios.yml").write_text(
        yaml.safe_dump(properties, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )


def _model(version: Version) -> str:
    """Return the model of a version: the one line of every scenario, and its registration."""
    relation = f'"eligibility"."{version.model_name}"'
    arguments = f"{version.model_name!r}, {relation!r}, model.config.meta.scenario, true"
    return (
        f"{{{{ eligibility(segments={list(version.segments)!r}) }}}}\n"
        f"{REGISTRATION_FOLLOWS}\n"
        f"{{%- if execute %}}\n"
        f"{{{{ scenario_registration({arguments}) }}}}\n"
        f"{{%- endif %}}\n"
    )


def _write_segments(folder: Path, segments: Sequence[SegmentModel]) -> None:
    for segment in segments:
        (folder / f"{segment.model_name}.sql").write_text(_segment(segment), encoding="utf-8")
    columns = [{"name": "customer_id"}, {"name": "valid"}]
    properties = {
        "version": 2,
        "models": [{"name": segment.model_name, "columns": columns} for segment in segments],
    }
    (folder / "acceptance.yml").write_text(yaml.safe_dump(properties, sort_keys=False), encoding="utf-8")


def _segment(segment: SegmentModel) -> str:
    """Return the model of a script's own segment: those named and those whom its conditions hold for."""
    named = SEGMENT.replace("SEGMENT_NAME", repr(segment.segment)).replace("MEMBERS", SEGMENT_MEMBERS)
    if not segment.frames:
        return named
    scenario = {"code": segment.segment, "target": {"frames": [dict(frame) for frame in segment.frames]}}
    return CONDITION_SEGMENT.replace("DEFINITION", repr(scenario)).replace("NAMED", named)


def _compile(project: Path, target: Path, environment: Mapping[str, str]) -> Any:
    # only here: the import takes seconds, and whoever collects the tests would wait for it
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    arguments = ["compile", "--project-dir", project, "--profiles-dir", project, "--target-path", target]
    quietly = ["--log-path", target, "--log-level", "none", "--log-level-file", "none", "--no-print"]
    with patch.dict(os.environ, environment):
        return dbtRunner().invoke([*map(str, arguments), *quietly])


def _collect(results: Any, versions: Sequence[Version], faults: Mapping[str, str]) -> CompiledProject:
    compiled = {result.node.name: result.node for result in results}
    relations = {
        node.unique_id: Relation(
            node.schema, node.name, node.config.materialized == "view", node.compiled_code.strip().rstrip(";")
        )
        for node in compiled.values()
        if node.fqn[1] in LAYERS
    }
    order = TopologicalSorter(
        {node.unique_id: node.depends_on.nodes for node in compiled.values() if node.unique_id in relations}
    )
    builds = {}
    for version in versions:
        if version.build_name not in faults:
            query, registration = compiled[version.build_name].compiled_code.split(REGISTRATION_FOLLOWS)
            builds[version.build_name] = ScenarioBuild(version.model_name, query, registration)
    return CompiledProject(
        tuple(relations[unique_id] for unique_id in order.static_order() if unique_id in relations),
        compiled[REGISTRY].compiled_code,
        builds,
        faults,
    )
