"""Scenario files as people leave them behind: every fault is told with its place, and nothing raises."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.artifacts.resources.v1.model import ModelConfig
from dbt.contracts.graph.unparsed import UnparsedModelUpdate
from dbt_common.contracts.constraints import ConstraintType
from dbt_common.dataclass_schema import ValidationError

from ekiden.scenarios.of_dbt import ACCESS, CONSTRAINTS
from ekiden.scenarios.report import Report
from ekiden.scenarios.source import COLUMNS
from ekiden.scenarios.validate import validate

SCENARIO = """\
version: 2
models:
  - name: {name}
    config:
      meta:
        scenario:
          code: {name}
          name: A scenario
          anchor: ordered
          steps:
            - {{offset_days: 3, send_time: "12:00"}}
    columns:
{columns}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("eligibility", "segments", "marts"):
        (tmp_path / "dbt_project" / "models" / folder).mkdir(parents=True)
    (tmp_path / "dbt_project" / "models" / "segments" / "lapsed.sql").write_text("select 1")
    (tmp_path / "dbt_project" / "models" / "marts" / "orders.sql").write_text("select 1")
    return tmp_path / "dbt_project"


def text(name: str = "good") -> str:
    columns = "\n".join(f"      - {{name: {column}, data_type: {kind}}}" for column, kind in COLUMNS.items())
    return SCENARIO.format(name=name, columns=columns)


def by_hand() -> str:
    return text().replace("    columns:", "    data_tests: [eligibility_contract]\n    columns:", 1)


def put(project: Path, name: str, content: str | bytes, query: str | None = "{{ eligibility() }}") -> None:
    folder = project / "models" / "eligibility"
    raw = content.encode() if isinstance(content, str) else content
    (folder / f"{name}.yml").write_bytes(raw)
    if query is not None:
        (folder / f"{name}.sql").write_text(query, encoding="utf-8")


def found(project: Path, **given) -> list[tuple[str, str, int]]:
    """Return rule, file and line of every finding."""
    return [(each.rule, Path(each.file).name, each.line) for each in validate(project, **given).findings]


def test_a_good_file_has_no_fault(project):
    put(project, "good", text())
    report = validate(project)
    assert report.findings == ()
    assert report.scenarios[0].scenario.code == "good"
    assert not report.broken()


def test_a_project_without_scenarios_has_no_fault(tmp_path):
    assert validate(tmp_path / "nowhere") == Report((), ())


@pytest.mark.parametrize(
    ("change", "rule", "line", "column"),
    [
        (("anchor: ordered", "anchor: orderd"), "unknown_anchor", 9, 19),
        (("anchor: ordered", "anchr: ordered"), "unknown_key", 9, 11),
        (("anchor: ordered", "start: 2026-02-30\n          anchor: paid"), "no_such_date", 9, 18),
        (("offset_days: 3", "offset_days: -3"), "negative_offset", 11, 29),
        (('send_time: "12:00"', "send_time: 12:00"), "time_not_quoted", 11, 43),
        (("name: A scenario", "name:"), "wrong_type", 8, 11),
        (("          code: good\n", ""), "required", 7, 11),
        (("name: A scenario", "name: A\n          name: B"), "duplicate_key", 9, 11),
        (("    config:", "\tconfig:"), "not_yaml", 4, 1),
        (("config:", "config: ["), "not_yaml", 6, 17),
        (("version: 2", "--- {}\n---"), "several_documents", 3, 1),
        (("name: A scenario", "name: !!python/object:os.system A"), "unreadable_value", 8, 17),
        (("name: A scenario", 'name: "\\0"'), "unreadable_text", 8, 17),
        (("anchor: ordered", "start: ２０２６-０１-０１\n          anchor: paid"), "not_a_date", 9, 18),
        (("offset_days: 3", "offset_days: 010"), "not_decimal", 11, 29),
        (("offset_days: 3", "offset_days: 1:30"), "not_decimal", 11, 29),
        # Python writes no integer of so many digits
        (("offset_days: 3", f"offset_days: 0{'7' * 6_000}"), "out_of_range", 11, 29),
        (("name: good", "name: Good Model"), "model_name", 3, 11),
        (("name: good", "name: orders"), "duplicate_model", 3, 11),
        (("- {name: anchor_at, data_type: timestamptz}", "- {name: anchor_at}"), "columns_missing", 13, 7),
        (("- {name: anchor_at,", "- {name: surprise,"), "columns_missing", 13, 7),
        (("        scenario:", "        scenari:"), "definition_missing", 6, 9),
        (("      meta:", "      meta: 3\n      other:"), "not_a_mapping", 5, 13),
    ],
)
def test_a_fault_is_told_with_its_line_and_column(project, change, rule, line, column):
    put(project, "good", text().replace(*change), query=None)
    name = "orders" if "name: orders" in change else "good"
    (project / "models" / "eligibility" / f"{name}.sql").write_text("{{ eligibility() }}")
    finding = next(each for each in validate(project).findings if each.rule == rule)
    assert (finding.file, finding.line, finding.column) == ("dbt_project/models/eligibility/good.yml", line, column)
    assert finding.message


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (("anchor: ordered", "start: 2026-02-30\n          anchor: paid"), ["no_such_date"]),
        (('send_time: "12:00"', "send_time: 12:00"), ["time_not_quoted"]),
    ],
)
def test_a_value_that_is_written_wrong_is_told_of_once_by_what_it_should_be(project, change, rules):
    put(project, "good", text().replace(*change))
    assert [finding.rule for finding in validate(project).findings] == rules


TAGGED = "target: {frames: [{type: product, codes: !list [A, A]}]}"


@pytest.mark.parametrize(
    ("setting", "rules"),
    [
        (TAGGED, ["code_repeated", "unreadable_value"]),
        ("priority: 010", ["setting_without_effect", "not_decimal"]),
    ],
)
def test_a_warning_at_the_place_of_a_fault_hides_it_from_nobody(project, setting, rules):
    put(project, "good", text().replace("anchor: ordered", f"anchor: ordered\n          {setting}"))
    report = validate(project)
    assert sorted(finding.rule for finding in report.findings) == sorted(rules)
    assert len(report.broken()["good"]) == 1


TAKEN_BY_DBT = [
    *(("alias", value) for value in (None, "welcome")),
    *(("schema", value) for value in (None, "letters")),
    *(("enabled", value) for value in (True, False)),
    *(("full_refresh", value) for value in (None, True)),
    *(("tags", value) for value in ("a", [], ["a", "b"])),
    *(("unique_key", value) for value in (None, "a", ["a", "b"])),
    *(("contract", value) for value in ({}, {"enforced": True})),
    ("materialized", "table"),
    ("packages", ["a"]),
    ("docs", {"show": False}),
    ("grants", {"select": ["a"]}),
]
REFUSED_BY_DBT = [
    *(("alias", value) for value in (5, True, ["a"], date(2026, 1, 1))),
    *((key, 5) for key in ("schema", "database", "group", "static_analysis")),
    *((key, ["a"]) for key in ("incremental_strategy", "on_schema_change")),
    *(("enabled", value) for value in (None, "maybe", "true", 1)),
    *(("full_refresh", value) for value in ("maybe", 1)),
    *(("materialized", value) for value in (None, 5)),
    *(("tags", value) for value in (None, 5, {"a": "b"}, [5], [None])),
    *(("unique_key", value) for value in (5, [5])),
    *(("packages", value) for value in (5, [5])),
    *(("contract", value) for value in (None, True, {"enforced": "maybe"}, {"enforced": None})),
    *(("docs", value) for value in (5, {"show": 5})),
    *((key, None) for key in ("grants", "quoting", "persist_docs", "column_types")),
]
"""What stops dbt at all of the project, without a word about the file."""


def configured(key: str, value: object) -> str:
    document = yaml.safe_load(text())
    document["models"][0]["config"][key] = value
    return yaml.safe_dump(document)


@pytest.mark.parametrize(("key", "value"), TAKEN_BY_DBT)
def test_what_dbt_takes_in_its_own_settings_is_no_fault(project, key, value):
    ModelConfig.validate({key: [value] if key == "tags" and isinstance(value, str) else value})
    put(project, "good", configured(key, value))
    assert found(project) == []


@pytest.mark.parametrize(("key", "value"), REFUSED_BY_DBT)
def test_what_dbt_does_not_take_in_its_own_settings_is_a_fault_of_its_scenario_alone(project, key, value):
    with pytest.raises(ValidationError):
        ModelConfig.validate({key: [value] if key in ("tags", "packages") and value != [5] else value})
    put(project, "good", configured(key, value))
    report = validate(project)
    assert [finding.rule for finding in report.findings] == ["wrong_type"]
    assert report.findings[0].place.startswith(f"models[0].config.{key}")
    assert report.scenarios[0].stops_dbt


def test_a_setting_of_dbts_is_told_with_its_line_and_what_it_takes(project):
    put(project, "good", text().replace("    config:\n", "    config:\n      contract:\n        enforced: maybe\n", 1))
    (finding,) = validate(project).findings
    assert (finding.rule, finding.line, finding.column) == ("wrong_type", 6, 19)
    assert (finding.place, "takes true or false" in finding.message) == ("models[0].config.contract.enforced", True)


WRONG_IN_AN_ENTRY = [
    *({"description": value} for value in (None, 5, ["a"])),
    *({"data_tests": value} for value in (None, "eligibility_contract", {"unique": {}}, [None], [5])),
    {"data_tests": ["eligibility_contract"], "tests": ["eligibility_contract"]},
    *({"constraints": value} for value in (None, "not_null", {"type": "not_null"}, ["not_null"])),
]
"""What dbt takes of neither a model nor a column, nor anything else of the file."""


def entry(keys: dict[str, Any], column: dict[str, Any] | str | None = None) -> dict[str, Any]:
    """Return a file with more keys in its model, or in the first column."""
    document: dict[str, Any] = yaml.safe_load(text())
    (model,) = document["models"]
    model.update(keys)
    if isinstance(column, dict):
        model["columns"][0].update(column)
    elif column:
        model["columns"].append(column)
    return document


def is_taken_by_dbt(document: dict[str, Any]) -> bool:
    of_dbt = {"original_file_path": "good.yml", "yaml_key": "models", "package_name": "shop"}
    model = {**document["models"][0], **of_dbt}
    for holder in (model, *model["columns"]):
        if isinstance(holder, dict) and "data_tests" in holder and "tests" in holder:
            return False
    try:
        UnparsedModelUpdate.validate(model)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("document", "place"),
    [
        *((entry(keys), f"models[0].{list(keys)[-1]}") for keys in WRONG_IN_AN_ENTRY),
        *((entry({}, keys), f"models[0].columns[0].{list(keys)[-1]}") for keys in WRONG_IN_AN_ENTRY),
        (entry({}, "customer_id"), "models[0].columns[7]"),
        (entry({"access": 5}), "models[0].access"),
    ],
)
def test_what_dbt_takes_of_no_models_entry_is_a_fault_of_its_scenario_alone(project, document, place):
    assert not is_taken_by_dbt(document)
    put(project, "good", yaml.safe_dump(document))
    put(project, "other", text("other"))
    report = validate(project)
    (finding,) = report.findings
    assert (finding.severity, finding.place.startswith(place)) == ("error", True), finding
    assert finding.rule == ("unknown_value" if "access" in place else finding.rule)
    assert [each.source.model_name for each in report.scenarios if each.stops_dbt] == ["good"]


@pytest.mark.parametrize(
    "keys",
    [
        *({"description": value} for value in ("", "A text.")),
        *({key: value} for key in ("data_tests", "tests") for value in ([], ["unique"], [{"unique": {}}])),
        *({"constraints": value} for value in ([], *([{"type": kind}] for kind in CONSTRAINTS))),
        *({"access": value} for value in (None, *ACCESS)),
    ],
)
def test_what_dbt_takes_of_an_entry_is_no_fault(project, keys):
    document = entry(keys) if "access" in keys else entry(keys, keys)
    assert is_taken_by_dbt(document)
    put(project, "good", yaml.safe_dump(document))
    assert found(project) == []


def test_a_constraint_that_dbt_does_not_know_is_told_where_it_stands(project):
    assert set(CONSTRAINTS) == {kind.value for kind in ConstraintType}
    wrong = "data_type: text, constraints: [{type: notnull}, {}]"
    at_model = "    constraints: [{type: unqiue}]\n    columns:"
    put(project, "good", text().replace("data_type: text", wrong, 1).replace("    columns:", at_model))
    put(project, "other", text("other"))
    report = validate(project)
    assert [(each.rule, each.line, each.place, each.message.split(";")[0]) for each in report.findings] == [
        ("unknown_value", 12, "models[0].constraints[0].type", "dbt knows no constraint unqiue, perhaps unique"),
        (
            *("unknown_value", 14, "models[0].columns[0].constraints[0].type"),
            "dbt knows no constraint notnull, perhaps not_null",
        ),
        ("unknown_value", 14, "models[0].columns[0].constraints[1].type", "dbt knows no constraint nothing"),
    ]
    assert [each.source.model_name for each in report.scenarios if each.stops_dbt] == ["good"]


@pytest.mark.parametrize("key", ["materialized: ephemeral", "access: nobody"])
def test_what_no_scenarios_model_can_be_is_a_fault(project, key):
    put(project, "good", text().replace("    config:\n", f"    config:\n      {key}\n", 1))
    assert found(project) == [("unknown_value", "good.yml", 5)]


@pytest.mark.parametrize(
    "written",
    [
        "{{ config(materialized='ephemeral') }}",
        "{{ config({'tags': ['x'], 'materialized': \"ephemeral\"}) }}",
        "{%- do config(tags=['x'], materialized='ephemeral') -%}",
        # dbt runs what stands in a comment of SQL
        "-- {{ config(materialized='ephemeral') }}",
    ],
)
def test_what_no_scenarios_model_can_be_is_a_fault_in_its_sql_too(project, written):
    put(project, "good", by_hand(), query=f"-- ours\n{written}\nselect 1")
    put(project, "other", text("other"))
    report = validate(project)
    (finding,) = report.findings
    assert str(finding) == (
        "dbt_project/models/eligibility/good.sql:2:1: a scenario is a table or a view, and an ephemeral model is "
        "neither; leave `materialized` out of `config(…)` (unknown_value)"
    )
    assert set(report.broken()) == {"good"}
    assert [each.source.model_name for each in report.scenarios if each.stops_dbt] == ["good"]


@pytest.mark.parametrize(
    "written",
    [
        "{{ config(materialized='view', tags='ephemeral') }}",
        "{# {{ config(materialized='ephemeral') }} #}",
        "{{ var('config(materialized=ephemeral)', '') }}",
    ],
)
def test_a_model_by_hand_may_say_what_else_it_becomes(project, written):
    put(project, "good", by_hand(), query=f"{written} select 1")
    assert found(project) == []


def test_suffixes_are_read_in_any_case_as_dbt_does(project):
    folder = project / "models" / "eligibility"
    put(project, "tea", text("tea"))
    (folder / "tea.yml").rename(folder / "tea.YML")
    (folder / "tea.sql").rename(folder / "tea.SQL")
    assert found(project) == []
    assert [each.source.model_name for each in validate(project).scenarios] == ["tea"]
    put(project, "tea", text("tea"), query=None)
    assert found(project) == [("duplicate_model", "tea.yml", 3)]
    (folder / "tea.sql").write_text("{{ eligibility() }}")
    assert found(project) == [("duplicate_model", "tea.sql", 1), ("duplicate_model", "tea.yml", 3)]


@pytest.mark.parametrize(("name", "rule"), [("good.yml", "unreadable_file"), ("good.sql", "not_jinja")])
def test_a_link_that_leads_into_itself_is_a_file_that_cannot_be_read(project, name, rule):
    put(project, "good", text())
    put(project, "other", text("other"))
    file = project / "models" / "eligibility" / name
    file.unlink()
    file.symlink_to(file)
    report = validate(project)
    (finding,) = report.findings
    assert (finding.rule, finding.file) == (rule, f"dbt_project/models/eligibility/{name}")
    assert set(report.broken()) == {"good"}


@pytest.mark.parametrize("written", ["anchor： ordered", "anchor:\u3000ordered", "anchor:\u00a0ordered"])
def test_a_character_that_only_looks_like_yamls_is_pointed_at(project, written):
    put(project, "good", text().replace("anchor: ordered", written))
    (finding,) = (each for each in validate(project).findings if each.rule == "not_yaml")
    assert f"of line 9 is meant to be {':' if '：' in written else ' '!r}" in finding.message


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", "definition_missing"),
        ("3", "wrong_type"),
        ("[]", "wrong_type"),
        ("models: {}", "wrong_type"),
        ("models: [3]", "wrong_type"),
        ("models: [{nme: good}]", "wrong_type"),
        ("models: [{name: good}]", "definition_missing"),
        ("modles: []", "unknown_key"),
        ("version: 2\nmodels:", "wrong_type"),
        ("models: []", "definition_missing"),
        ("a: &a [*a]", "too_large"),
        ("x: &x {y: *x}\nmodels: [{name: good, config: *x}]", "too_large"),
        ("[" * 300_000, "too_deep"),
        (f"models: [{'a,' * 300_000}]", "too_large"),
        ("\x07", "not_yaml"),
        ("名前: 駅伝".encode("shift_jis"), "not_utf8"),
        ("models: []".encode("utf-16"), "not_utf8"),
        (b"\xef\xbb\xbf" + text().replace("ordered", "orderd").encode(), "unknown_anchor"),
        (
            "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" if n else "a0: &a0 [1]" for n in range(9)),
            "too_large",
        ),
    ],
)
def test_a_file_that_is_no_scenario_says_so(project, content, rule):
    put(project, "good", content)
    report = validate(project)
    assert rule in {finding.rule for finding in report.findings}
    assert any(finding.severity == "error" for finding in report.findings)
    assert "good" in report.broken()
    assert report.scenarios[0].stops_dbt or rule == "unknown_anchor"


def test_a_file_that_ends_with_its_first_line_is_told_what_belongs_there(project):
    put(project, "good", "version: 2\n\nmodels:\n")
    (finding,) = validate(project).findings
    assert (finding.rule, finding.line, finding.place) == ("wrong_type", 3, "models")
    assert finding.message == "nothing stands below 'models'; write '- name: ...' there"


def test_aliases_that_lead_on_and_on_are_cut_short(project):
    lines = ["l0: &l0 {x: 1}"] + [f"l{n}: &l{n} {{<<: *l{n - 1}}}" for n in range(1, 2_000)]
    put(project, "good", "\n".join(lines))
    assert "too_large" in {rule for rule, _, _ in found(project)}


def test_a_billion_laughs_are_cut_short(project):
    lines = ["l0: &l0 laugh"] + [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 20)]
    put(project, "good", "\n".join(lines))
    assert ("too_large", "good.yml", 6) not in found(project)[1:]
    assert "too_large" in {rule for rule, _, _ in found(project)}


def test_a_definition_without_sql_and_sql_without_a_definition_are_faults(project):
    put(project, "good", text(), query=None)
    (project / "models" / "eligibility" / "lonely.sql").write_text("{{ eligibility() }}")
    assert found(project) == [("model_missing", "good.yml", 3), ("definition_missing", "lonely.sql", 1)]


def test_two_models_in_one_file_are_two_scenarios(project):
    both = yaml.safe_load(text("good"))
    both["models"] += yaml.safe_load(text("second").replace("ordered", "orderd"))["models"]
    put(project, "good", yaml.safe_dump(both, sort_keys=False))
    (project / "models" / "eligibility" / "second.sql").write_text("{{ eligibility() }}")
    assert set(validate(project).broken()) == {"second"}


def test_a_model_described_in_two_files_is_a_fault_of_the_second(project):
    put(project, "good", text())
    put(project, "later", text("good"), query=None)
    assert found(project) == [("duplicate_model", "later.yml", 3)]


def test_a_query_that_no_model_can_be_called_after_says_so(project):
    # what a file manager calls a copy; dbt refuses the whole project for it
    put(project, "good", text())
    (project / "models" / "eligibility" / "good copy.sql").write_text("{{ eligibility() }}")
    assert "model_name" in {rule for rule, file, _ in found(project) if file == "good copy.sql"}
    assert set(validate(project).broken()) == {"good copy"}


def test_no_table_takes_the_place_of_what_the_build_keeps_beside_them(project):
    put(project, "scenario_registry", text("scenario_registry"))
    put(project, "good", text().replace("    config:\n", "    config:\n      alias: scenario_registry\n", 1))
    assert {(rule, file) for rule, file, _ in found(project)} == {
        ("model_name", "scenario_registry.yml"),
        ("alias_taken", "good.yml"),
    }


def test_what_editors_and_systems_lay_beside_a_file_is_nobodys_scenario(project):
    put(project, "good", text())
    folder = project / "models" / "eligibility"
    (folder / "._good.yml").write_bytes(b"\x00\x05\x16\x07Mac OS X")
    (folder / ".#good.sql").symlink_to("hanako@workstation.1234")
    (folder / "#good.yml#.yml").write_text("models: [")
    assert found(project) == []


def test_two_queries_of_one_model_are_a_fault_of_the_second(project):
    put(project, "good", text())
    again = project / "models" / "eligibility" / "spring" / "good.sql"
    again.parent.mkdir()
    again.write_text("{{ eligibility() }}")
    assert found(project) == [("duplicate_model", "good.sql", 1)]
    assert validate(project).broken() == {}


def test_two_scenarios_share_a_name_but_no_code_and_both_are_told_of_it(project):
    put(project, "first", text("first"))
    put(project, "second", text("second"))
    assert found(project) == []
    put(project, "second", text("second").replace("code: second", "code: first"))
    # the files do not say which of them runs already
    assert found(project) == [("duplicate_code", "first.yml", 7), ("duplicate_code", "second.yml", 7)]


def test_a_scenario_with_faults_may_be_named_by_another(project):
    named = "anchor: ordered\n          stop: {frames: [{type: scenario, codes: [second]}]}"
    put(project, "first", text("first").replace("anchor: ordered", named))
    put(project, "second", text("second").replace("anchor: ordered", "anchor: orderd"))
    assert [rule for rule, file, _ in found(project) if file == "first.yml"] == []
    put(project, "second", text("second").replace("code: second", "code: other"))
    assert [rule for rule, file, _ in found(project) if file == "first.yml"] == ["unknown_scenario"]


WARNINGS = ("segment_not_used", "contract_test_missing")


@pytest.mark.parametrize(
    ("anchor", "query", "rules"),
    [
        ("{entered: lapsed}", "{{ eligibility(segments=['lapsed']) }}", []),
        ("{entered: lapsed}", "{{ eligibility(['lapsed']) }}", []),
        ("{entered: lapsed}", "select 1 as written_by_hand", ["contract_test_missing"]),
        ("{entered: lapsed}", "{{ eligibility() }}", ["segment_not_named"]),
        ("{entered: lapsd}", "{{ eligibility() }}", ["unknown_segment"]),
        ("ordered", "{{ eligibility(segments=['lapsed']) }}", ["segment_not_used"]),
        ("ordered", "{{ eligibility(segments=['lapsd']) }}", ["unknown_segment_in_model"]),
        ("ordered", "{{ eligibility( }}", ["not_jinja"]),
        # dbt would refuse them
        ("{entered: lapsed}", "{{ eligibility(segment=['lapsed']) }}", ["not_jinja"]),
        ("{entered: lapsed}", "{{ eligibility(['lapsed'], 3) }}", ["not_jinja"]),
        ("{entered: lapsed}", "{{ eligibility(['lapsed'], segments=['lapsed']) }}", ["not_jinja"]),
        ("{entered: lapsed}", "{{ eligibility(*[['lapsed']]) }}", ["not_jinja"]),
        ("ordered", "{% for x in y %}", ["not_jinja"]),
        ("ordered", "{{ eligibilty() }}", ["not_jinja"]),
        ("ordered", "{{ eligibility_query({}, 'everyone') }}", ["contract_test_missing"]),
        ("ordered", " ", ["not_jinja"]),
    ],
)
def test_segments_exist_and_are_named_in_the_model(project, anchor, query, rules):
    put(project, "good", text().replace("anchor: ordered", f"anchor: {anchor}"), query)
    report = validate(project)
    assert [finding.rule for finding in report.findings] == rules
    assert bool(report.broken()) == any(finding.severity == "error" for finding in report.findings)
    assert all(finding.severity == "warning" for finding in report.findings if finding.rule in WARNINGS)


def test_a_guess_is_made_for_a_segment(project):
    put(project, "good", text().replace("anchor: ordered", "anchor: {entered: lapsd}"))
    (finding,) = validate(project).findings
    assert "lapsd is no model under models/segments, perhaps lapsed" in finding.message


def test_a_scenario_frame_names_scenarios_that_exist(project):
    stop = "stop: {frames: [{type: scenario, codes: [frist]}]}"
    put(project, "first", text("first"))
    put(project, "second", text("second").replace("anchor: ordered", f"anchor: ordered\n          {stop}"))
    (finding,) = validate(project).findings
    assert finding.rule == "unknown_scenario"
    assert "perhaps first" in finding.message


def test_contents_must_exist_where_the_step_is_sent(project, tmp_path):
    step = '{offset_days: 3, send_time: "12:00"'
    put(project, "good", text().replace(step, f"{step}, content: good/step_1"))
    put(project, "by_post", text("by_post").replace(step, f"{step}, channel: dm, content: leaflet"))
    assert found(project, contents=tmp_path) == [("content_broken", "good.yml", 11)]


def test_an_enabled_scenario_whose_period_is_over_is_a_warning(project):
    ended = "anchor: ordered\n          status: enabled\n          period: {to: 2026-01-31}"
    step = '{offset_days: 3, send_time: "12:00"'
    put(project, "good", text().replace("anchor: ordered", ended).replace(step, f"{step}, content: good/step_1"))
    assert found(project, today=date(2026, 1, 31)) == []
    assert found(project, today=date(2026, 2, 1)) == [("period_over", "good.yml", 11)]
