"""What is rendered here is what dbt compiles, word for word: models that scenarios read, and definitions."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from ekiden.settings import Settings
from ekiden.warehouse.dbt import dbt_environment, dbt_executable
from tests.conftest import database_in
from tests.properties.macros import MODEL_LAYERS, PROJECT, MacroFault, RenderedProject

DEFINITIONS: Mapping[str, Mapping[str, Any]] = {
    "frames_of_every_type": {
        "code": "frames_of_every_type",
        "name": "every type",
        "anchor": {"nth_purchase": {"n": 2, "products": ["A", "O'Brien's %"]}},
        "site": "https://a.example",
        "start": "2024-01-01",
        "orders": {"kind": "one_off", "period": {"from": "2024-01-01"}, "categories": ["K"]},
        "recheck_order_status": True,
        "target": {
            "active_subscriber": "exclude",
            "frames": [
                {"type": "product", "codes": ["A", "B"], "count": {"op": "lte", "n": 4}, "relation": "not"},
                {"type": "category", "codes": ["K"], "within_days": 3, "relation": "or"},
                {"type": "product", "other_than": ["A"], "relation": "and"},
                {"type": "segment", "codes": ["lapsed_90_days"], "relation": "not"},
            ],
        },
        "exclusion": {
            "frames": [
                {"type": "list", "codes": ["駅伝"]},
                {"type": "scenario", "relation": "or"},
                {"type": "subscription_cancelled", "reasons": ["too dear"], "relation": "or"},
            ]
        },
        "count_excludes_status": ["returned"],
        "stop": {
            "and_scope": "same_order",
            "frames": [
                {"type": "product", "other_than": ["A"]},
                {"type": "category", "codes": ["K"], "relation": "and"},
                {"type": "event", "relation": "or", "codes": ["viewed"], "products": ["A"], "since": "anchor"},
                {"type": "order", "count": {"op": "gte", "n": 2}, "relation": "or"},
                {"type": "event", "codes": ["carted"], "within_days": 0, "relation": "or"},
            ],
        },
    },
    "members_in_a_segment": {
        "code": "members_in_a_segment",
        "name": "every attribute",
        "anchor": {"entered": "lapsed_90_days"},
        "target": {
            "frames": [
                {
                    "type": "member",
                    "member": {
                        "address": {"contains": "50%"},
                        "gender": "female",
                        "newsletter": ["pc", "both"],
                        "registered_on": {"to": "2024-01-01"},
                        "rank": ["gold"],
                        "last_ordered_on": {"from": "2024-01-01"},
                        "first_ordered_on": {"to": "2024-01-01"},
                        "last_ordered_days_ago": {"from": 30, "to": 60},
                        "birth_month": [2, 3],
                        "age": {"from": 30, "to": 39},
                        "birthday": {"days_before": 1},
                        "last_login_days_ago": {"to": 3},
                        "tag": ["会員"],
                        "custom": {"size": {"from": 1, "to": 3}, "colour": "red"},
                    },
                }
            ]
        },
    },
}
READS = {"frames_of_every_type": ["lapsed_90_days"], "members_in_a_segment": ["lapsed_90_days"]}
OTHER_READING = "-- the other reading"


@pytest.fixture(scope="module")
def compiled(
    server_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Any]]:
    """What `dbt compile` made of a copy of the project with these definitions."""
    folder = tmp_path_factory.mktemp("dbt")
    settings = Settings(home=folder / "home", database_url=SecretStr(database_in(server_url, template_database)))
    project = _copy_project(folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EKIDEN_")}
    paths = {"--project-dir": project, "--profiles-dir": project, "--target-path": folder / "target"}
    arguments = [argument for name, path in paths.items() for argument in (name, str(path))]
    result = subprocess.run(
        [str(dbt_executable()), "compile", "--quiet", *arguments, "--log-path", str(folder / "target")],
        env=environment | dbt_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    below = folder / "target" / "compiled" / "ekiden" / "models"
    yield {path.stem: path.read_text(encoding="utf-8") for path in below.rglob("*.sql")}


def _copy_project(folder: Path) -> Path:
    project = folder / "dbt_project"
    left_out = shutil.ignore_patterns("target", "logs", "history", "exposures*", "eligibility.yml")
    shutil.copytree(PROJECT, project, ignore=left_out)
    models = project / "models" / "eligibility"
    shutil.rmtree(models)
    models.mkdir()
    for name in DEFINITIONS:
        body = f"{{{{ eligibility(segments={READS[name]!r}) }}}}"
        # the other reading behind the first; in the real project it becomes a function
        other = "{{ eligibility_query(model.config.meta.scenario, reading='given') if execute }}"
        (models / f"{name}.sql").write_text(f"{body}\n{OTHER_READING}\n{other}\n")
    properties = [
        {"name": name, "config": {"meta": {"scenario": dict(definition)}, "contract": {"enforced": False}}}
        for name, definition in DEFINITIONS.items()
    ]
    document = {"version": 2, "models": properties}
    (models / "definitions.yml").write_text(
        yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    return project


@pytest.fixture(scope="module")
def rendered(template_database: str) -> RenderedProject:
    return RenderedProject(template_database, scenarios=DEFINITIONS)


@pytest.mark.parametrize("reading", ["everyone", "given"])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_is_rendered_as_dbt_compiles_it(
    name: str, reading: str, compiled: Mapping[str, Any], rendered: RenderedProject
) -> None:
    everyone, given = compiled[name].split(OTHER_READING)
    of_dbt = everyone if reading == "everyone" else given
    assert rendered.eligibility(DEFINITIONS[name], reading).strip() == of_dbt.strip()


def test_order_filters_that_filter_nothing_may_stand_beside_any_anchor(rendered: RenderedProject) -> None:
    members = {"code": "members", "name": "Members", "anchor": "member_registered"}
    of_all_orders = members | {"orders": {"kind": "all"}}
    assert rendered.eligibility(of_all_orders, "everyone") == rendered.eligibility(members, "everyone")
    with pytest.raises(MacroFault, match="'orders' filters"):
        rendered.eligibility(members | {"orders": {"kind": "all", "continuation_no": 1}}, "everyone")


def test_every_model_that_scenarios_read_is_rendered_as_dbt_compiles_it(
    compiled: Mapping[str, Any], rendered: RenderedProject
) -> None:
    models = {name: query.strip() for name, (_, query) in rendered.models().items()}
    assert models.keys() == {path.stem for layer in MODEL_LAYERS for path in (PROJECT / "models" / layer).glob("*.sql")}
    assert models == {name: compiled[name].strip() for name in models}


def test_another_meaning_has_another_function_and_what_nobody_says_changes_no_name(rendered: RenderedProject) -> None:
    plain: dict[str, Any] = {
        "code": "mine",
        "anchor": "ordered",
        "target": {"frames": [{"type": "product", "codes": ["A"]}]},
    }
    meanings = [
        plain,
        plain | {"count_excludes_status": []},
        plain | {"count_excludes_status": ["returned"]},
        plain | {"target": plain["target"] | {"and_scope": "same_order"}},
    ]
    names = [rendered.call("live_function_name", "mine", meaning) for meaning in meanings]
    assert len(set(names)) == len(names)
    # enrolments of versions from before there was such a setting find their function by this
    assert rendered.call("live_function_name", "mine", plain | {"count_excludes_status": None}) == names[0]
