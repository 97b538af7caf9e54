"""The SQL of the real dbt project, with the scripts' scenarios in the place of its own.

Belongs here: making such a copy of the project and compiling it once. Does not belong here: running what came
out (`stage`).
"""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from ekiden.settings import PROJECT_ROOT
from tests.acceptance.cast import SegmentModel, Version
from tests.acceptance.facts import SEGMENT_MEMBERS

Part = Version | SegmentModel
# everything a scenario reads; history reads the ledger, and the project's own scenarios are no script's
LAYERS = ("staging", "segments", "marts")
SCENARIOS = "acceptance"
REGISTRY = "acceptance_registry"
REGISTRATION_FOLLOWS = "-- the registration follows"

SEGMENT = """
select customer_id, valid from raw.MEMBERS where segment = {{ text_literal(SEGMENT_NAME) }}
"""
CONDITION_SEGMENT = """
READ
{%- set scenario = DEFINITION -%}
with
{{ import_facts('everyone') }}
{%- if execute %}
anchors as (select customer_id, customer_id as anchor_key, registered_at as anchor_at from customers),
{{ occurrence_ctes(scenario, 'everyone') }}
{{ frame_ctes(scenario, 'target') }}
answers as (
    select anchors.customer_id, VALID as valid
    from anchors
    {{ frame_joins(scenario, 'target') }}
    union all
    NAMED
)

select customer_id, range_agg(valid) as valid from answers group by customer_id
{%- endif %}
"""
VALID = """{{ fold_frames(scenario, 'target', "'{}'::tstzmultirange") }}"""
# whoever was in it when the list was saved is in it from then on
SAVED = f"case when {VALID} @> SAVED_AT then tstzmultirange(tstzrange(SAVED_AT, null)) end"


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
    segments: Mapping[str, Relation]
    """The scripts' own segments by model name, in that order as well."""
    create_registry: str
    builds: Mapping[str, ScenarioBuild]
    """By `Version.build_name`."""
    faults: Mapping[str, str]
    """Why a version or a segment did not compile, by `build_name`."""


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
    parts = [*segments, *versions]
    faults: dict[str, str] = {}

    def compiled(chosen: Sequence[Part]) -> Any:
        _write_models(project / "models", chosen)
        return _compile(project, folder / "target", environment)

    while not (result := compiled([part for part in parts if part.build_name not in faults])).success:
        # dbt stops at the first model it cannot compile: leave that one out and go on with the others
        message = str(result.exception or result.result)
        left = [part for part in parts if part.build_name not in faults]
        broken = _named_in(message, left) or broken_alone(left, lambda chosen: bool(compiled(chosen).success))
        if not broken:
            raise RuntimeError(f"the dbt project does not compile: {message}")
        faults |= dict.fromkeys(broken, message)
        # who reads a segment that is left out is left out as well
        while readers := [
            part.build_name
            for part in left
            if part.build_name not in faults and not faults.keys().isdisjoint(part.segments)
        ]:
            faults |= dict.fromkeys(readers, message)
    return _collect(result.result, segments, versions, faults)


def _named_in(message: str, parts: Sequence[Part]) -> list[str]:
    """Return the first of these models that dbt's message names."""
    known = {part.build_name for part in parts}
    return [name for name in re.findall(r"\w+", message) if name in known][:1]


def broken_alone(parts: Sequence[Part], compiles: Callable[[Sequence[Part]], bool]) -> list[str]:
    """Return the models of all scripts that do not compile by themselves, found by halves."""
    by_script: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        by_script[part.model_name.rpartition("__")[0]].append(part)

    def broken(scripts: Sequence[str]) -> list[str]:
        if compiles([part for script in scripts for part in by_script[script]]):
            return []
        if len(scripts) == 1:
            return [part.build_name for part in by_script[scripts[0]]]
        half = len(scripts) // 2
        return [*broken(scripts[:half]), *broken(scripts[half:])]

    return broken(list(by_script)) if compiles([]) else []


def _write_models(folder: Path, parts: Sequence[Part]) -> None:
    scenarios = folder / SCENARIOS
    segments = folder / "segments" / SCENARIOS
    for written in (scenarios, segments):
        shutil.rmtree(written, ignore_errors=True)
        written.mkdir(parents=True)
    (scenarios / f"{REGISTRY}.sql").write_text("{{ create_scenario_registry() }}\n")
    for part in parts:
        properties: dict[str, Any] = {"name": part.build_name}
        if isinstance(part, SegmentModel):
            place, model = segments, _segment(part)
            properties["columns"] = [{"name": "customer_id"}, {"name": "valid"}]
        else:
            place, model = scenarios, _model(part)
            properties["config"] = {"meta": {"scenario": dict(part.definition)}}
        (place / f"{part.build_name}.sql").write_text(model, encoding="utf-8")
        # a file for each: dbt's faults name the file alone
        (place / f"{part.build_name}.yml").write_text(
            yaml.safe_dump({"version": 2, "models": [properties]}, allow_unicode=True, sort_keys=False),
            encoding="utf-8",
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


def _segment(segment: SegmentModel) -> str:
    """Return the model of a script's own segment: those named and those whom its conditions hold for."""
    named = SEGMENT.replace("SEGMENT_NAME", repr(segment.segment)).replace("MEMBERS", SEGMENT_MEMBERS)
    if not segment.target:
        return named
    saved_at = f"'{segment.saved_at}'::timestamptz"
    read = "".join(f"{{%- do ref({name!r}) -%}}" for name in segment.segments)
    valid = VALID if segment.saved_at is None else SAVED.replace("SAVED_AT", saved_at)
    model = CONDITION_SEGMENT.replace("READ", read).replace("VALID", valid).replace("NAMED", named)
    return model.replace("DEFINITION", repr({"code": segment.segment, "target": dict(segment.target)}))


def _compile(project: Path, target: Path, environment: Mapping[str, str]) -> Any:
    # only here: the import takes seconds, and whoever collects the tests would wait for it
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    arguments = ["compile", "--project-dir", project, "--profiles-dir", project, "--target-path", target]
    quietly = ["--log-path", target, "--log-level", "none", "--log-level-file", "none", "--no-print"]
    with patch.dict(os.environ, environment):
        return dbtRunner().invoke([*map(str, arguments), *quietly])


def _collect(
    results: Any, segments: Sequence[SegmentModel], versions: Sequence[Version], faults: Mapping[str, str]
) -> CompiledProject:
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
    in_order = [relations[unique_id] for unique_id in order.static_order() if unique_id in relations]
    of_scripts = {segment.model_name for segment in segments}
    return CompiledProject(
        tuple(relation for relation in in_order if relation.name not in of_scripts),
        {relation.name: relation for relation in in_order if relation.name in of_scripts},
        compiled[REGISTRY].compiled_code,
        builds,
        faults,
    )
