"""Whether a model is compiled from its definition: Python and dbt's macro give one answer."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment

from ekiden.scenarios.model_sql import compiled_here, read_model_sql
from ekiden.scenarios.validate import validate

MACROS = Path(__file__).parents[3] / "dbt_project" / "macros" / "eligibility" / "registry.sql"

MODELS = {
    "{{ eligibility() }}": True,
    "{{ eligibility () }}\n": True,
    "{{- eligibility(segments=['big']) -}}": True,
    "-- a note\n{# another #}\n/* a third */ {{ eligibility() }} -- end": True,
    "-- the macro eligibility() could not say this\nselect 1": False,
    "-- {{ eligibility() }}\nselect 1": False,
    "{# a #} select 1 {# b #} {{ eligibility() }}": False,
    "with base as ({{ eligibility() }}) select * from base": False,
}


@pytest.mark.parametrize(("sql", "expected"), MODELS.items())
def test_python_and_the_macro_agree(sql: str, expected: bool) -> None:
    body = re.search(r"{% macro is_compiled_here.*?{%- endmacro %}", MACROS.read_text(), re.DOTALL)
    assert body is not None
    answers: list[bool] = []
    template = Environment(extensions=["jinja2.ext.do"], autoescape=False).from_string(
        body.group() + "{{ is_compiled_here(sql) }}"
    )
    template.render(sql=sql, modules=SimpleNamespace(re=re), **{"return": answers.append})
    assert [compiled_here(sql), *answers] == [expected, expected]


def test_sql_around_the_call_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "wrapped.sql"
    file.write_text("with base as (\n{{ eligibility() }}\n) select * from base")
    fault = read_model_sql(file).fault
    assert fault is not None
    assert fault[0] == 2


def test_what_sql_by_hand_leaves_idle_is_warned_of(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "eligibility"
    folder.mkdir(parents=True)
    (folder / "tea.sql").write_text("-- eligibility() could not say this\nselect 1")
    (folder / "tea.yml").write_text(
        "models: [{name: tea, config: {meta: {scenario: {code: tea, name: Tea, anchor: ordered, site: x, "
        "stop: {frames: [{type: order}]}, steps: [{offset_days: 1, send_time: '10:00', content: a/b}]}}}}]"
    )
    (scenario,) = validate(tmp_path).scenarios
    rules = [each.rule for each in scenario.findings]
    assert rules.count("setting_without_effect") == 2
    assert "contract_test_missing" in rules
