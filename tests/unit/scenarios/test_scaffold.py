"""A scaffold is what its code says, also where YAML has a meaning of its own for the word."""

import pytest
import yaml

from ekiden.scenarios.scaffold import Scaffold, ScaffoldRefused, new_scenario, read_anchor, write


@pytest.mark.parametrize("code", ["null", "true", "yes", "no", "on", "off", "select"])
def test_a_code_that_is_a_word_of_yamls_stays_a_word(tmp_path, code):
    project, contents = tmp_path / "dbt_project", tmp_path / "content"
    files = new_scenario(code, name=None, anchor="ordered", project=project, contents=contents).files
    (model,) = yaml.safe_load(files[project / "models" / "eligibility" / f"{code}.yml"])["models"]
    scenario = model["config"]["meta"]["scenario"]
    assert (model["name"], scenario["code"], scenario["name"]) == (code, code, code)
    assert scenario["steps"][0]["content"] == f"{code}/step_1"


@pytest.mark.parametrize("anchor", ["event=駅伝", "{event: 駅伝}", "駅伝"])
def test_an_anchor_in_another_encoding_is_refused(anchor):
    # as Python hands on what a terminal set to Shift_JIS sends
    given = anchor.encode("shift_jis").decode("utf-8", "surrogateescape")
    with pytest.raises(ScaffoldRefused, match="is not UTF-8 text"):
        read_anchor(given)


@pytest.mark.parametrize("anchor", ["{nth_purchase: {n: 010, products: [A]}}", "{on: A}"])
def test_an_anchor_that_yaml_reads_as_another_than_it_is_written_is_refused(anchor):
    with pytest.raises(ScaffoldRefused, match=r"YAML reads (010 as 8|on as true)"):
        read_anchor(anchor)


def test_what_cannot_be_written_whole_is_not_written_at_all(tmp_path):
    kept = tmp_path / "eligibility"
    kept.mkdir()
    files = {kept / "odd.sql": "{{ eligibility() }}", tmp_path / "content" / "odd" / "step_1.txt": "\udc83"}
    with pytest.raises(ScaffoldRefused, match="nothing was written") as refused:
        write(Scaffold(files))
    assert "eligibility()" not in str(refused.value)
    assert list(tmp_path.rglob("*")) == [kept]
