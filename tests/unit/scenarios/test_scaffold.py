"""A scaffold is what its code says, also where YAML has a meaning of its own for the word."""

import pytest
import yaml

from ekiden.scenarios.scaffold import new_scenario


@pytest.mark.parametrize("code", ["null", "true", "yes", "no", "on", "off", "select"])
def test_a_code_that_is_a_word_of_yamls_stays_a_word(tmp_path, code):
    project, contents = tmp_path / "dbt_project", tmp_path / "content"
    files = new_scenario(code, name=None, anchor="ordered", project=project, contents=contents).files
    (model,) = yaml.safe_load(files[project / "models" / "eligibility" / f"{code}.yml"])["models"]
    scenario = model["config"]["meta"]["scenario"]
    assert (model["name"], scenario["code"], scenario["name"]) == (code, code, code)
    assert scenario["steps"][0]["content"] == f"{code}/step_1"
