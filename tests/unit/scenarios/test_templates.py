"""dbt reads Jinja in a scenario's file, the definition knows none: what would become something else is a fault."""

import json
from pathlib import Path

import pytest
import yaml

from ekiden.scenarios.scaffold import ScaffoldRefused, new_scenario
from ekiden.scenarios.source import COLUMNS
from ekiden.scenarios.validate import validate
from ekiden.settings import Settings
from ekiden.warehouse.project import prepare_project
from ekiden.warehouse.refused import refused_model

RULE = "template_in_definition"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "dbt_project"
    (folder / "models" / "eligibility").mkdir(parents=True)
    return folder


def model(name: str, /, **changes) -> dict:
    steps = [{"offset_days": 3, "send_time": "12:00"}]
    definition = {"code": name, "name": "A scenario", "anchor": "ordered", "steps": steps} | changes
    columns = [{"name": column, "data_type": kind} for column, kind in COLUMNS.items()]
    return {"name": name, "config": {"meta": {"scenario": definition}}, "columns": columns}


def put(project: Path, stem: str, *models: dict) -> None:
    folder = project / "models" / "eligibility"
    (folder / f"{stem}.yml").write_text(yaml.safe_dump({"models": list(models)}, sort_keys=False, width=999))
    for each in models:
        (folder / f"{each['name']}.sql").write_text("{{ eligibility() }}")


def prepared(project: Path, folder: Path) -> Path:
    """Return where dbt finds the scenarios."""
    place = prepare_project(Settings(_env_file=None, dbt_target=folder / "target"), project, {}).folder
    return place / "models" / "eligibility"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "it's {{ 1 }}"},
        {"name": "{# gone #}"},
        {"name": "{% x %}"},
        {"target": {"frames": [{"type": "product", "codes": ["{{ 5 }}"]}]}},
        {"target": {"frames": [{"type": "member", "member": {"custom": {"{{ 1 }}": "x"}}}]}},
    ],
)
def test_jinja_in_a_definition_is_a_fault_with_its_line(project, changes):
    put(project, "good", model("good", **changes))
    (finding,) = validate(project).findings
    assert finding.rule == RULE
    written = (project / "models" / "eligibility" / "good.yml").read_text().splitlines()
    assert any(mark in written[finding.line - 1][finding.column - 1 :] for mark in ("{{", "{%", "{#"))


@pytest.mark.parametrize("where", ["description", "the version"])
def test_jinja_beside_the_definition_is_a_fault_as_well(project, where):
    put(project, "good", {**model("good"), where: "says {{ doc('x') }}"})
    assert [each.rule for each in validate(project).findings] == [RULE]


def test_comments_and_lone_braces_are_none(project):
    put(project, "good", model("good", name="{ 1 } }} %} # { %"))
    file = project / "models" / "eligibility" / "good.yml"
    file.write_text("# {{ not_read }}\n" + file.read_text())
    assert validate(project).findings == ()


def test_dbt_gets_a_stub_in_its_place_and_the_others_whole(project, tmp_path):
    put(project, "both", model("broken", name="{% x %}"), model("good"))
    put(project, "other", model("other"))
    report = validate(project)
    assert set(report.broken()) == {"broken"}
    place = prepared(project, tmp_path)
    read = {each["name"]: each for each in yaml.safe_load((place / "both.yml").read_text())["models"]}
    assert "{%" not in json.dumps(read)
    assert read["good"] == model("good")
    assert yaml.safe_load((place / "other.yml").read_text())["models"] == [model("other")]


def test_jinja_that_a_fault_tells_of_is_none_in_the_stub(project, tmp_path):
    put(project, "broken", model("broken", anchor="{{ x }}", status="{% y %}", site="{# z #}", **{"{{{{ k": 1}))
    text = (prepared(project, tmp_path) / "broken.yml").read_text()
    assert not any(mark in text for mark in ("{{", "{%", "{#"))
    assert "x }}" in text


def test_jinja_in_a_model_described_twice_stops_nothing(project, tmp_path):
    put(project, "twice", model("twice", name="{% x %}"), model("twice"))
    text = (prepared(project, tmp_path) / "twice.yml").read_text()
    assert "{%" not in text
    assert len(yaml.safe_load(text)["models"]) == 1


@pytest.mark.parametrize("given", [{"name": "{{ 1 }}"}, {"anchor": "event={% x %}"}])
def test_a_scaffold_writes_none(project, tmp_path, given):
    given = {"name": None, "anchor": "ordered", **given}
    with pytest.raises(ScaffoldRefused, match="dbt"):
        new_scenario("good", project=project, contents=tmp_path, **given)


def test_of_two_models_that_dbt_names_the_next_one_is_blamed_once_the_first_is_left_out(project):
    put(project, "first", model("first"))
    put(project, "second", model("second"))
    said = 'the same relation "eligibility"."first": model.ekiden.first and model.ekiden.second'
    report = validate(project)
    assert [refused_model(said, report, known) for known in ((), {"first"}, {"first", "second"})] == [
        "first",
        "second",
        None,
    ]


def test_another_fault_of_the_same_files_makes_another_copy(project, tmp_path):
    put(project, "good", model("good"))
    settings = Settings(_env_file=None, dbt_target=tmp_path / "target")
    places = {prepare_project(settings, project, {"good": words}).folder for words in ("one", "another")}
    assert len(places) == 2


def test_an_edited_file_makes_another_copy_wherever_the_project_lies(tmp_path):
    project = tmp_path / "target" / "dbt_project"
    (project / "models" / "eligibility").mkdir(parents=True)
    put(project, "broken", model("broken", name="{{ 1 }}"))
    put(project, "good", model("good"))
    before = prepared(project, tmp_path)
    put(project, "good", model("good", name="Another name"))
    after = prepared(project, tmp_path)
    assert after != before
    assert "Another name" in (after / "good.yml").read_text(encoding="utf-8")
