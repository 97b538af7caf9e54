"""Files as nobody would write them: whatever stands in them, there is a report or a definition, never an exception."""

from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from ekiden.scenarios.frames import FRAME_TYPES
from ekiden.scenarios.member import MemberConditions
from ekiden.scenarios.report import Report
from ekiden.scenarios.scenario import ScenarioDefinition, Step
from ekiden.scenarios.source import COLUMNS
from ekiden.scenarios.validate import validate
from ekiden.settings import PROJECT_ROOT

SHIPPED = sorted((PROJECT_ROOT / "dbt_project" / "models" / "eligibility").glob("*.yml"))
TEXTS = [path.read_text(encoding="utf-8") for path in SHIPPED]

WORDS = st.sampled_from(
    [
        *ScenarioDefinition.model_fields,
        *Step.model_fields,
        *MemberConditions.model_fields,
        *FRAME_TYPES,
        *("type", "frames", "codes", "count", "op", "n", "from", "to", "in", "relation", "since", "member", "custom"),
        *("and_scope", "same_order", "cancelled", "returned"),
        *("ordered", "enabled", "eq", "not", "anchor", "12:00", "2026-02-30", "2026-01-31", "駅伝", "", "'", '"'),
        *("{{ 1 }}", "{% x %}", "{# gone #}"),
    ]
)
# made when drawn: hypothesis writes out what it picks from, and Python writes no integer of 6,000 digits
LARGE = st.sampled_from([(10, 18), (-10, 19), (10, 400), (2, 20_000)]).map(lambda parts: parts[0] ** parts[1])
SCALARS = st.none() | st.booleans() | st.integers() | LARGE | st.floats() | WORDS | st.text(max_size=10) | st.dates()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)
PIECES = st.sampled_from(
    [
        "\t",
        "\n",
        "  ",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "#",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "!x ",
        "|",
        ">",
        "---\n",
        "%",
        "\\",
        "'",
        '"',
        "\0",
        "\x07",
        "\ufeff",
        "\u2028",
        "\ud7ff",
        "12:00",
        "2026-02-30",
        "null",
        "~",
        "yes",
        ".nan",
        "0x",
        "1e999",
        "{{ 1 }}",
        "{% x %}",
        "{#",
        "9" * 400,
        "0" + "7" * 6_000,
        "010",
        f"{1 << 20_000:#x}",
    ]
)

FUZZ = settings(
    phases=(Phase.explicit, Phase.generate),
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)


class Dumper(yaml.SafeDumper):
    """Writes integers that Python writes in no decimal form."""


Dumper.add_representer(int, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:int", f"{value:#x}"))


def dumped(value: Any) -> bytes:
    return yaml.dump(value, Dumper=Dumper, allow_unicode=True, sort_keys=False).encode()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project" / "models" / "eligibility").mkdir(parents=True)
    return tmp_path / "dbt_project"


def reported(project: Path, content: bytes, query: bytes = b"{{ eligibility() }}") -> Report:
    folder = project / "models" / "eligibility"
    (folder / "fuzzed.yml").write_bytes(content)
    (folder / "fuzzed.sql").write_bytes(query)
    report = validate(project, batch_time=time(9), today=date(2026, 1, 1), contents=project)
    lines = content.count(b"\n") + content.count(b"\r") + 2
    for finding in report.findings:
        assert finding.rule and finding.message and finding.file
        assert finding.column >= 1
        # YAML 1.1 counts some other characters as line ends as well
        assert (
            1 <= finding.line <= lines + content.decode("utf-8", "ignore").count("\u2028") + content.count(b"\x85") + 1
        )
    for each in report.scenarios:
        assert (each.scenario is not None) or any(finding.severity == "error" for finding in report.findings)
    return report


@FUZZ
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(content=b"models: [{name: fuzzed, config: {meta: {scenario: {steps: 2026-02-30}}}}]")
@example(content=b"? [a, b]\n: c\nmodels: [{name: fuzzed, ? {x: y} : z}]")
@example(content=b"<<: 3\nmodels: []")
@example(content=b"- !!binary '*'\n- !!timestamp 9")
def test_any_bytes_are_read_or_reported(project: Path, content: bytes) -> None:
    reported(project, content)


@FUZZ
@given(scenario=ANYTHING, columns=ANYTHING)
def test_any_structure_in_the_place_of_a_definition_is_read_or_reported(
    project: Path, scenario: Any, columns: Any
) -> None:
    model = {"name": "fuzzed", "config": {"meta": {"scenario": scenario}}, "columns": columns}
    reported(project, dumped({"models": [model]}))


@FUZZ
@given(data=st.data(), text=st.sampled_from(TEXTS))
def test_a_scenario_with_some_values_replaced_is_read_or_reported(
    project: Path, data: st.DataObject, text: str
) -> None:
    document = yaml.safe_load(text)
    places = list(_places(document["models"][0], ()))
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=4)):
        _replace(document["models"][0], place, data.draw(ANYTHING))
    reported(project, dumped(document))


@FUZZ
@given(data=st.data(), text=st.sampled_from(TEXTS))
def test_a_scenario_with_some_characters_replaced_is_read_or_reported(
    project: Path, data: st.DataObject, text: str
) -> None:
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(PIECES) + text[at + data.draw(st.integers(0, 5)) :]
    reported(project, text.encode("utf-8", "surrogatepass"))


@FUZZ
@given(
    query=st.text(max_size=80)
    | st.lists(st.sampled_from(["{{", "}}", "{%", "eligibility(", "segments=", "[", "'a'", ")"])).map("".join)
)
def test_any_sql_is_read_or_reported(project: Path, query: str) -> None:
    columns = [{"name": name, "data_type": kind} for name, kind in COLUMNS.items()]
    model = {"name": "fuzzed", "config": {"meta": {"scenario": {"code": "a"}}}, "columns": columns}
    reported(project, yaml.safe_dump({"models": [model]}).encode(), query.encode("utf-8", "surrogatepass"))


def _places(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*place, key)
        yield from _places(inner, (*place, key))


def _replace(root: Any, place: tuple[Any, ...], value: Any) -> None:
    """Put a value at a place, unless a replacement above has taken the place away."""
    for key in place[:-1]:
        if not (isinstance(root, dict) and key in root) and not (isinstance(root, list) and key in range(len(root))):
            return
        root = root[key]
    if isinstance(root, dict) or (isinstance(root, list) and place[-1] in range(len(root))):
        root[place[-1]] = value
