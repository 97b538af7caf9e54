"""The JSON Schema for editors: up to date, and of one mind with the validation as far as a schema can be."""

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from ekiden.scenarios.definition import check
from ekiden.scenarios.frames import NEEDS_CODES
from ekiden.scenarios.schema import scenario_file_schema, scenario_file_schema_text
from ekiden.settings import PROJECT_ROOT

SHIPPED = PROJECT_ROOT / "docs" / "scenario.schema.json"
FILES = sorted((PROJECT_ROOT / "dbt_project" / "models" / "eligibility").glob("*.yml"))


def test_the_shipped_schema_is_up_to_date():
    assert SHIPPED.read_text(encoding="utf-8") == scenario_file_schema_text(), (
        "run `ekiden scenario schema --output docs/scenario.schema.json`"
    )


def test_every_reference_leads_somewhere():
    schema = scenario_file_schema()
    references = _references(schema)
    assert "#/$defs/ScenarioDefinition" in references
    assert {reference.removeprefix("#/$defs/") for reference in references} <= set(schema["$defs"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_key_of_the_shipped_scenarios_is_known_to_the_schema(path):
    schema = scenario_file_schema()
    model = yaml.safe_load(path.read_text(encoding="utf-8"))["models"][0]
    scenario = schema["$defs"]["ScenarioDefinition"]
    assert set(model["config"]["meta"]["scenario"]) <= set(scenario["properties"])
    assert scenario["additionalProperties"] is False


def test_what_may_be_one_or_many_may_be_both():
    member = scenario_file_schema()["$defs"]["MemberConditions"]["properties"]
    kinds = {choice.get("type") for choice in member["birth_month"]["anyOf"]}
    assert kinds >= {"array", "integer"}
    assert "x-or-one" not in json.dumps(scenario_file_schema())


def test_a_query_by_hand_may_have_more_columns():
    columns = scenario_file_schema()["properties"]["models"]["items"]["properties"]["columns"]
    name = columns["items"]["properties"]["name"]
    assert name["type"] == "string"
    assert "enum" not in name


def test_an_anchor_is_exactly_one():
    choice = scenario_file_schema()["$defs"]["AnchorChoice"]
    assert (choice["minProperties"], choice["maxProperties"]) == (1, 1)


def test_descriptions_name_no_requirement_by_its_id():
    assert not re.findall(r"\b[RCQ]-\d+", scenario_file_schema_text())
    subscriptions = scenario_file_schema()["$defs"]["AnchorChoice"]["properties"]["subscription_cancelled"]
    assert subscriptions["description"].startswith("A subscription was cancelled")


def test_the_aliases_of_ranges_are_what_one_writes():
    assert set(scenario_file_schema()["$defs"]["Period"]["properties"]) == {"from", "to"}


STEPS = [{"offset_days": 1}]
MATCH = {"type": "member", "member": {"address": {"contains": "東京"}}}
NULLS = [
    {"target": None},
    {"target": {"frames": [{"type": "product", "codes": ["A"], "other_than": None}]}},
    {"stop": {"frames": [{"type": "order", "within_days": None}]}},
    {"stop": {"frames": [{"type": "order", "since": None}]}},
    {"exclusion": {"frames": [{"type": "member", "member": {"gender": None, "rank": ["A"]}}]}},
    {"exclusion": {"frames": [{"type": "member", "member": {"custom": {"size": {"from": 1, "to": None}}}}]}},
    {"orders": {"continuation_no": None}},
    {"period": None},
    {"anchor": {"subscription_cancelled": {"products": None}}},
    {"steps": [{"offset_days": 1, "content": None}]},
]
TAKEN_NULLS = [
    {"send_window": None},
    {"source": None},
    {"period": {"from": "2026-01-01", "to": None}},
    {"target": {"frames": [{"type": "member", "member": {"age": {"from": 20, "to": None}}}]}},
]


@pytest.mark.parametrize(
    ("changes", "is_valid"),
    [
        ({}, True),
        ({"status": "enabled"}, False),
        ({"status": "enabled", "steps": [{"offset_days": 1, "content": "tea/step_1"}]}, True),
        ({"period": {}}, False),
        ({"period": {"from": "2026-01-01"}}, True),
        ({"target": {"frames": [{"type": "product"}]}}, False),
        ({"target": {"frames": [{"type": "product", "other_than": ["A"]}]}}, True),
        ({"target": {"frames": [{"type": "product", "codes": ["A"], "other_than": ["B"]}]}}, False),
        *(({"target": {"frames": [{"type": kind}]}}, False) for kind in NEEDS_CODES),
        *(({"target": {"frames": [{"type": kind, "codes": ["A"]}]}}, True) for kind in NEEDS_CODES),
        ({"target": {"frames": [{"type": "order"}]}}, True),
        ({"target": {"frames": [{"type": "member", "member": {}}]}}, False),
        ({"target": {"frames": [MATCH]}}, True),
        ({"target": {"frames": [{"type": "member", "member": {"address": {}}}]}}, False),
        ({"target": {"frames": [{"type": "member", "member": {"address": {"contains": "a", "equals": "b"}}}]}}, False),
        ({"target": {"frames": [{"type": "member", "member": {"custom": {"size": {}}}}]}}, False),
        *((changes, False) for changes in NULLS),
        *((changes, True) for changes in TAKEN_NULLS),
    ],
)
def test_the_schema_and_the_validation_say_the_same(changes, is_valid):
    schema = scenario_file_schema()
    definition = {"code": "tea", "name": "Tea", "anchor": "ordered", "steps": STEPS, **changes}
    validator = Draft7Validator({**schema["$defs"]["ScenarioDefinition"], "$defs": schema["$defs"]})
    assert validator.is_valid(definition) == (check(definition).scenario is not None) == is_valid


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()
