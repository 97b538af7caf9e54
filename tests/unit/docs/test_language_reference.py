"""The reference of the scenario language says what the code does: examples, names, defaults.

Belongs here: docs/scenarios.md and docs/scenarios/*.md against the pydantic model. Does not belong here: compiling the
examples (`tests/integration/docs`).
"""

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ekiden.scenarios.anchor import AnchorChoice, PlainAnchor
from ekiden.scenarios.definition import OPTIONS, ScenarioDefinition, Step, check
from ekiden.scenarios.frames import FRAME_TYPES, Target
from ekiden.scenarios.member import Birthday, CustomMatch, MemberConditions
from ekiden.scenarios.scenario import OrderFilter
from ekiden.settings import PROJECT_ROOT
from tests.language_examples import Example, definitions, page, pages

SETTINGS = "scenarios.md"
ANCHORS = "scenarios/anchors.md"
CONDITIONS = "scenarios/conditions.md"
MEMBERS = "scenarios/members.md"
STEPS = "scenarios/settings.md"

DERIVED = {
    "source": "comes_from",
    "enrol_at": "enrols_at",
    "zero_day": "zero_means",
    "consent_recheck": "rechecks_consent",
}
"""Settings whose default follows from the anchor or the source, and the property that says how."""

ON_OTHER_PAGES = {
    *("anchor", "orders", "site", "start", "recheck_order_status", "excluded_order_statuses", "count_excludes_status"),
    *("target", "exclusion", "stop"),
}
"""Settings with examples on the pages of anchors and conditions."""

IN_WORDS = {
    "orders": "all orders",
    "target": "everybody",
    "exclusion": "nobody",
    "stop": "never",
    "address_policy": "both, the first one first",
}
"""Defaults that a sentence says better than an empty mapping."""


@pytest.mark.parametrize("example", definitions(), ids=str)
def test_every_example_validates(example: Example) -> None:
    checked = check(example.definition, options=OPTIONS)
    assert [f"{fault.place}: {fault.message}" for fault in checked.faults] == []
    assert checked.warnings == ()


@pytest.mark.parametrize(
    ("name", "heading", "model"),
    [
        (SETTINGS, "setting", ScenarioDefinition),
        (ANCHORS, "filter", OrderFilter),
        (STEPS, "setting", Step),
        (CONDITIONS, "setting", Target),
        (MEMBERS, "setting", Birthday),
        (MEMBERS, "setting", CustomMatch),
    ],
)
def test_a_table_of_settings_lists_exactly_those_of_the_code_with_their_defaults(
    name: str, heading: str, model: type[BaseModel]
) -> None:
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    found = [table for table in tables(name) if table.heading == heading and set(table.rows) == set(fields)]
    assert found, f"no table of {name} lists exactly {', '.join(fields)}"
    for setting, row in found[0].rows.items():
        assert row[1] == documented_default(model, setting, fields[setting]), setting


def test_the_settings_of_frames_are_those_of_all_frame_types() -> None:
    known = {field.alias or key for frame in FRAME_TYPES.values() for key, field in frame.model_fields.items()}
    assert known in [set(table.rows) for table in tables(CONDITIONS)]


@pytest.mark.parametrize(
    ("name", "heading", "known"),
    [
        (ANCHORS, "anchor", {*get_args(PlainAnchor), *AnchorChoice.model_fields}),
        (CONDITIONS, "frame", set(FRAME_TYPES)),
        (MEMBERS, "attribute", set(MemberConditions.model_fields)),
        (SETTINGS, "option", set(OPTIONS)),
    ],
)
def test_a_table_lists_everything_there_is_and_nothing_else(name: str, heading: str, known: set[str]) -> None:
    (table,) = (table for table in tables(name) if table.heading == heading)
    assert set(table.rows) == known


@pytest.mark.parametrize(("name", "model"), [(SETTINGS, ScenarioDefinition), (STEPS, Step)])
def test_a_setting_of_words_lists_all_of_them(name: str, model: type[BaseModel]) -> None:
    rows = {setting: row for table in tables(name) if len(table.columns) > 3 for setting, row in table.rows.items()}
    for setting, field in model.model_fields.items():
        if words := choices(field.annotation):
            assert set(re.findall(r"\w+", rows[setting][2])) == words, setting


@pytest.mark.parametrize(
    ("section", "known"),
    [
        (ANCHORS, {*get_args(PlainAnchor), *AnchorChoice.model_fields}),
        (CONDITIONS, {*FRAME_TYPES, "count", "count_excludes_status", "within_days", "since", "and_scope"}),
        (MEMBERS, set(MemberConditions.model_fields)),
        (STEPS, set(ScenarioDefinition.model_fields) - ON_OTHER_PAGES),
    ],
)
def test_every_construct_has_an_example_under_its_own_heading(section: str, known: set[str]) -> None:
    explained: set[str] = set()
    for heading, text in sections(section):
        if "```yaml" in text:
            explained |= set(re.findall(r"\w+", heading)) & known
    assert explained >= known


def test_every_setting_is_used_by_some_example() -> None:
    used = set().union(*(example.definition for example in definitions()))
    assert set(ScenarioDefinition.model_fields) <= used


class Table:
    """A table of a page: its first column's words, in backticks, and the other cells."""

    def __init__(self, lines: list[str]) -> None:
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
        self.columns = rows[0]
        self.heading = rows[0][0]
        self.rows = {row[0].strip("`"): row for row in rows[2:]}


def tables(name: str) -> Iterator[Table]:
    lines: list[str] = []
    for line in [*page(name).splitlines(), ""]:
        if line.startswith("|"):
            lines.append(line)
        elif lines:
            yield Table(lines)
            lines = []


def sections(name: str) -> Iterator[tuple[str, str]]:
    parts = re.split(r"^#+ (.+)$", page(name), flags=re.MULTILINE)
    yield from zip(parts[1::2], parts[2::2], strict=True)


def documented_default(model: type[BaseModel], setting: str, field: FieldInfo) -> str:
    """Return how a table writes the default of a setting."""
    if field.is_required():
        return "required"
    if setting in IN_WORDS and model is ScenarioDefinition:
        return IN_WORDS[setting]
    if setting in DERIVED and model is ScenarioDefinition:
        plain = ScenarioDefinition.model_validate(
            {"code": "c", "name": "n", "anchor": "ordered", "steps": [{"offset_days": 1}]}
        )
        return in_backticks(getattr(plain, DERIVED[setting]))
    default = field.get_default()
    assert default is not PydanticUndefined
    return "none" if default is None or default == () else in_backticks(default)


def in_backticks(value: Any) -> str:
    if isinstance(value, BaseModel):
        ends = value.model_dump(by_alias=True)
        return "`{" + ", ".join(f'{end}: "{time:%H:%M}"' for end, time in ends.items()) + "}`"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return f"`{json.dumps(value)}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    if hasattr(value, "hour"):
        return f'`"{value:%H:%M}"`'
    return f"`{value}`"


def choices(annotation: Any) -> set[str]:
    """Return the words a setting may have, empty where it is no choice of words."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {member.value for member in annotation}
    words = annotation if get_origin(annotation) is Literal else None
    for argument in get_args(annotation):
        if get_origin(argument) is Literal:
            words = argument
    found = get_args(words) if words is not None else ()
    return {word for word in found if isinstance(word, str)}


def test_no_link_between_the_pages_is_broken() -> None:
    for name in pages():
        for target in re.findall(r"\]\(([^)#\s]+\.md)?(#[\w-]+)?\)", page(name)):
            path, anchor = target
            folder = name.rpartition("/")[0]
            other = normalised(f"{folder}/{path}") if path else name
            headings = {slug(heading) for heading, _ in sections(other)}
            assert not anchor or anchor[1:] in headings, f"{name}: {path}{anchor}"


def test_every_relative_link_leads_somewhere() -> None:
    documents = [PROJECT_ROOT / "README.md", *(PROJECT_ROOT / "docs").rglob("*.md")]
    for document in documents:
        # what code has in brackets and parentheses is no link
        text = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`(?!\])", "", document.read_text(encoding="utf-8"))
        for target, heading in re.findall(r"\]\(([^)#\s:]*)(?:#([^)\s]+))?\)", text):
            other = document.parent / target if target else document
            assert other.exists(), f"{document.name}: {target}"
            if heading:
                titles = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), flags=re.MULTILINE)
                assert heading in map(slug, titles), f"{document.name}: {target}#{heading}"


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def normalised(path: str) -> str:
    parts: list[str] = []
    for part in path.strip("/").split("/"):
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def test_the_blocks_are_yaml_that_reads_as_it_stands() -> None:
    for name in pages():
        for block in re.findall(r"```yaml\n(.*?)```", page(name), flags=re.DOTALL):
            assert isinstance(yaml.safe_load(block), dict), name


def test_the_page_of_examples_lists_the_scenarios_that_come_along_with_their_status() -> None:
    shipped = {}
    for path in (PROJECT_ROOT / "dbt_project" / "models" / "eligibility").glob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            shipped[model["name"]] = model["config"]["meta"]["scenario"].get("status", "draft")
    (table,) = (table for table in tables("scenarios/examples.md") if table.heading == "scenario")
    assert {name: row[1] for name, row in table.rows.items()} == shipped
