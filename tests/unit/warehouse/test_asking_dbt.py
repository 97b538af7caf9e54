"""What dbt is asked beside a build: past scenarios that it refuses, with definitions long and odd."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ekiden.scenarios.source import COLUMNS
from ekiden.settings import Settings
from ekiden.warehouse import dbt
from ekiden.warehouse.parsing import readable_project
from ekiden.warehouse.questions import eligibility_queries

DBT = """#!{python} -SIE
import json, os, pathlib, sys
project = pathlib.Path(sys.argv[sys.argv.index("--project-dir") + 1])
call = {{"arguments": sys.argv[1:], "broken": json.loads(os.environ["EKIDEN_BROKEN_SCENARIOS"])}}
with open({calls!r}, "a") as calls:
    print(json.dumps(call), file=calls)
if "no_such_model" in (project / "models" / "eligibility" / "by_hand.sql").read_text():
    sys.exit("Compilation Error: Model 'model.ekiden.by_hand' depends on a node named 'no_such_model'")
if "dayy" in (project / "models" / "eligibility" / "by_hand.yml").read_text():
    sys.exit("Invalid enum value")
print(json.dumps({{"queries": ["select 1"]}}))
"""
"""In the place of dbt: it writes down what it is called with, and refuses what dbt alone finds wrong."""

Calls = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path / "home")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Return what dbt was called with."""
    told, script = tmp_path / "calls", tmp_path / "dbt"
    script.write_text(DBT.format(python=sys.executable, calls=str(told)))
    script.chmod(0o755)
    monkeypatch.setattr(dbt, "dbt_executable", lambda: script)
    monkeypatch.setattr(dbt, "connection_environment", lambda _: {})
    return lambda: [json.loads(line) for line in told.read_text().splitlines()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a scenario whose SQL was written by hand."""
    folder = tmp_path / "shop" / "dbt_project"
    models = folder / "models" / "eligibility"
    models.mkdir(parents=True)
    definition = {
        **{"code": "by_hand", "name": "A scenario", "anchor": "ordered"},
        "steps": [{"offset_days": 3, "send_time": "12:00"}],
    }
    columns = [{"name": column, "data_type": kind} for column, kind in COLUMNS.items()]
    model = {"name": "by_hand", "config": {"meta": {"scenario": definition}}, "columns": columns}
    (models / "by_hand.yml").write_text(yaml.safe_dump({"models": [model]}))
    (models / "by_hand.sql").write_text("select 1")
    return folder


def write_manifest(settings: Settings) -> None:
    manifest = dbt.manifest_path(settings)
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")


def test_a_scenario_that_dbt_refuses_is_replaced_and_dbt_asked_again(settings: Settings, project: Path, calls: Calls):
    (project / "models" / "eligibility" / "by_hand.sql").write_text("select * from {{ ref('no_such_model') }}")
    assert eligibility_queries(settings, [{"sql": "select 1"}], project=project) == ["select 1"]
    first, second = calls()
    assert str(project) in first["arguments"]
    assert str(project) not in second["arguments"]
    assert "--no-partial-parse" in second["arguments"]
    assert "no_such_model" in second["broken"]["by_hand"][0]


def test_whom_the_last_parse_refused_is_not_tried_again(
    settings: Settings, project: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dbt, "PROJECT_DIR", project)
    (project / "models" / "eligibility" / "by_hand.sql").write_text("select * from {{ ref('no_such_model') }}")
    write_manifest(settings)
    readable_project(settings)
    before = len(calls())
    eligibility_queries(settings, [{"sql": "select 1"}], project=project)
    assert len(calls()) == before + 1


def test_whom_dbt_does_not_name_a_parse_finds_out(
    settings: Settings, project: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dbt, "PROJECT_DIR", project)
    write_manifest(settings)
    file = project / "models" / "eligibility" / "by_hand.yml"
    file.write_text(file.read_text().replace("name: customer_id", "name: customer_id\n    granularity: dayy"))
    assert eligibility_queries(settings, [{"sql": "select 1"}], project=project) == ["select 1"]
    assert [next(word for word in call["arguments"] if word[0] != "-") for call in calls()] == [
        *("run-operation", "parse", "parse", "run-operation")
    ]
    (reason,) = calls()[-1]["broken"]["by_hand"]
    assert reason.endswith("dbt reads nothing of the project: Invalid enum value")


def test_what_no_parse_finds_out_is_told_as_dbt_says_it(
    settings: Settings, project: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dbt, "PROJECT_DIR", project)
    write_manifest(settings)
    script = dbt.dbt_executable()
    refusal = 'if "parse" not in sys.argv:\n    sys.exit("no such column")\n'
    script.write_text(script.read_text().replace("print(json.dumps({", f"{refusal}print(json.dumps({{"))
    with pytest.raises(dbt.BuildFailed, match="dbt cannot compile the definition: no such column"):
        eligibility_queries(settings, [{"sql": "select 1"}], project=project)
    assert len(calls()) == 2


def test_a_file_that_dbt_cannot_read_is_kept_from_it(settings: Settings, project: Path, calls: Calls):
    (project / "models" / "eligibility" / "other.yml").write_text("models: [")
    eligibility_queries(settings, [{"sql": "select 1"}], project=project)
    (call,) = calls()
    folder = Path(call["arguments"][call["arguments"].index("--project-dir") + 1])
    assert not (folder / "models" / "eligibility" / "other.yml").exists()


def test_every_character_reaches_dbt_in_few_bytes(settings: Settings, project: Path, calls: Calls):
    characters = "".join(map(chr, (*range(0x3100), *range(0xFE00, 0x10000), 0x1F382)))
    source = {"definition": {"name": f" {characters}\n ", "places": ["みやこ町"] * 4000}}
    eligibility_queries(settings, [source], project=project)
    (call,) = calls()
    argument = call["arguments"][call["arguments"].index("--args") + 1]
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        assert yaml.load(argument, Loader=loader) == {"sources": [source]}


def test_what_is_too_long_for_one_argument_says_the_way_out(settings: Settings, project: Path, calls: Calls):
    source = {"definition": {"places": ["みやこ町"] * 10_000}}
    with pytest.raises(dbt.BuildFailed, match="put a long list of values into a segment"):
        eligibility_queries(settings, [source], project=project)
