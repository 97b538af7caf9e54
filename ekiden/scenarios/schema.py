"""The JSON Schema of a scenario's file, for editors: completion, descriptions and faults while writing.

Belongs here: the shape of the file around the definition. Does not belong here: the definition itself (`scenario`,
whose pydantic models the schema is made from), and rules that no schema can say (`rules`).
"""

import json
import re
from typing import Any

from ekiden.scenarios.member import CustomMatch
from ekiden.scenarios.rules import WITHOUT_NULLS
from ekiden.scenarios.scenario import ScenarioDefinition
from ekiden.scenarios.source import COLUMNS

DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors' YAML extensions know best."""

DEFINITION = "#/$defs/ScenarioDefinition"
NULL = {"type": "null"}
OR_ONE = "x-or-one"
"""Marks a list that may be written as its single item."""

_OURS = re.compile(r" \((?:[RCQ]-\d+[a-z]?(?:, | to | and )?)+\)")
"""Ids of requirements, which say nothing to whoever writes a scenario."""


def scenario_file_schema() -> dict[str, Any]:
    """Return the JSON Schema of `models/eligibility/<name>.yml`; what is dbt's own stays open."""
    definition = ScenarioDefinition.model_json_schema(by_alias=True)
    parts = definition.pop("$defs")
    parts["ScenarioDefinition"] = definition
    _count_items(parts)
    _leave_out_ids(parts)
    _allow_single_items(parts)
    _refuse_nulls(parts)
    return {
        "$schema": DRAFT,
        "title": "A scenario of Ekiden",
        "description": "dbt_project/models/eligibility/<name>.yml; made by `ekiden scenario schema`.",
        "type": "object",
        "required": ["models"],
        "properties": {
            "version": {"const": 2},
            "models": {"type": "array", "minItems": 1, "items": _model()},
        },
        "$defs": parts,
    }


def scenario_file_schema_text() -> str:
    """Return the schema as the file that is shipped."""
    return json.dumps(scenario_file_schema(), ensure_ascii=False, indent=2) + "\n"


def _model() -> dict[str, Any]:
    column = {
        "type": "object",
        "required": ["name", "data_type"],
        "properties": {
            "name": {"type": "string", "description": f"{', '.join(COLUMNS)}; a query by hand may have more."},
            "data_type": {"type": "string"},
        },
    }
    return {
        "type": "object",
        "required": ["name", "config", "columns"],
        "properties": {
            "name": {
                "type": "string",
                "description": "The stem of the model's .sql file.",
                "pattern": "^[a-z_][a-z0-9_]*$",
            },
            "description": {"type": "string", "description": "For people; shown in dbt's docs and in Dagster."},
            "config": _nested("config", _nested("meta", {"$ref": DEFINITION}, "scenario"), "meta"),
            "columns": {"type": "array", "minItems": len(COLUMNS), "items": column},
        },
    }


def _nested(title: str, inner: dict[str, Any], key: str) -> dict[str, Any]:
    return {"title": title, "type": "object", "required": [key], "properties": {key: inner}}


def _count_items(value: Any) -> None:
    """Say `minItems` of lists where pydantic says `minLength`."""
    if isinstance(value, dict):
        if value.get("type") == "array" and "minLength" in value:
            value["minItems"] = value.pop("minLength")
        for inner in value.values():
            _count_items(inner)
    elif isinstance(value, list):
        for inner in value:
            _count_items(inner)


def _leave_out_ids(value: Any) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("description"), str):
            value["description"] = _OURS.sub("", value["description"])
        for inner in value.values():
            _leave_out_ids(inner)
    elif isinstance(value, list):
        for inner in value:
            _leave_out_ids(inner)


def _allow_single_items(parts: dict[str, Any]) -> None:
    for part in parts.values():
        for setting in part.get("properties", {}).values():
            if setting.pop(OR_ONE, False):
                lists = [choice for choice in setting["anyOf"] if choice.get("type") == "array"]
                setting["anyOf"] += [choice["items"] for choice in lists]


def _refuse_nulls(parts: dict[str, Any]) -> None:
    """Take null out wherever the rule `nothing_is_written_as_null` takes none."""
    for title, part in parts.items():
        for key, setting in part.get("properties", {}).items():
            if title == ScenarioDefinition.__name__:
                is_taken = key not in WITHOUT_NULLS
            else:
                is_taken = key in ("from", "to") and title != CustomMatch.__name__
            if not is_taken and NULL in setting.get("anyOf", ()):
                setting["anyOf"] = [choice for choice in setting["anyOf"] if choice != NULL]
                setting.pop("default", None)
