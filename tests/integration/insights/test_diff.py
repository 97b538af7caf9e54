"""What an edit of a scenario adds and removes, over today's facts."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml

from ekiden.insights.difference import Difference, difference
from ekiden.insights.difference_sources import SourceUnusable, file_source, revision_source, working_source
from ekiden.insights.moments import moment
from ekiden.schedule.errors import UnknownScenario
from tests.integration.insights.conftest import NOW, ZONE, BuiltShop, git
from tests.integration.insights.scenarios import SCENARIOS, A, B, scenario


@pytest.fixture
def edited(built_shop: BuiltShop) -> Iterator[BuiltShop]:
    """The shop, whose working tree a test may edit."""
    yield built_shop
    git(built_shop.project, "checkout", "--quiet", "--force", "main")
    git(built_shop.project, "clean", "--quiet", "--force", "models")


def compare(shop: BuiltShop, code: str, other: Path | str = "HEAD", sample: int = 3) -> Difference:
    working = working_source(shop.project, code)
    against = file_source(other, code) if isinstance(other, Path) else revision_source(shop.project, other, working)
    return difference(
        shop.connection,
        shop.settings,
        working=working,
        other=against,
        moment=moment("2026-03-08T09:00", now=NOW, zone=ZONE),
        sample=sample,
        project=shop.project,
    )


def test_an_edit_is_counted_sampled_and_named(edited: BuiltShop):
    edited.rewrite("bought_a", scenario({**A, "count": {"op": "gte", "n": 2}}, stop={"frames": [B]}, name="改め 'A'"))
    found = compare(edited, "bought_a")
    assert set(found.changed_settings) == {"name", "target", "stop"}
    assert found.after.customers == found.before.customers + found.added.customers - found.removed.customers
    assert found.added.anchors == 0
    assert found.newly_stopped > 0
    assert found.no_longer_stopped == 0
    assert {sample.change for sample in found.sample} == {"removed"}
    assert len(found.sample) == 3
    entered = {member.customer_id for member in found.sample}
    assert "thrice" not in entered


def test_a_file_is_compared_with_as_well_and_nothing_changed_is_nothing(edited: BuiltShop, tmp_path: Path):
    file = tmp_path / "もう一つ.yml"
    # a date in quotes and one without are the same
    edited.rewrite("a_not_b", {**SCENARIOS["a_not_b"], "start": "2026-01-01"})
    start = date(2026, 1, 1)
    other = {"code": "anything", "name": "x", **SCENARIOS["a_not_b"], "target": {"frames": [A]}, "start": start}
    file.write_text(
        yaml.safe_dump({"models": [{"name": "anything", "config": {"meta": {"scenario": other}}}]}), encoding="utf-8"
    )
    found = compare(edited, "a_not_b", file)
    assert set(found.changed_settings) == {"code", "name", "target"}
    assert found.removed.customers > 0
    assert found.added.customers == 0
    same = compare(edited, "by_hand")
    assert same.changed_settings == ()
    assert same.before == same.after
    assert (same.added.anchors, same.removed.anchors, same.sample) == (0, 0, ())


def test_scenarios_that_dbt_cannot_read_keep_none_of_the_others_from_being_compared(edited: BuiltShop):
    models = edited.project / "models" / "eligibility"
    (models / "twice.yml").write_text("models: [", encoding="utf-8")
    # only dbt itself sees that there is nothing of this name
    (models / "by_hand.sql").write_text("select * from {{ ref('no_such_model') }}", encoding="utf-8")
    edited.rewrite("bought_a", scenario({**A, "count": {"op": "gte", "n": 2}}))
    assert compare(edited, "bought_a").removed.customers > 0


def test_long_lists_and_every_character_reach_dbt(edited: BuiltShop):
    places = [f"福岡県京都郡みやこ町大字豊津{number}番地" for number in range(1741)]
    there = {"type": "member", "member": {"custom": {"place": {"in": places}}}}
    edited.rewrite("bought_a", scenario(A, {**there, "relation": "and"}, name="誕生日🎂\u2028 \x7f\x85"))
    found = compare(edited, "bought_a")
    assert (found.after.customers, found.removed) == (0, found.before)


def test_what_cannot_be_compared_says_why(edited: BuiltShop, tmp_path: Path):
    project = edited.project
    working = working_source(project, "bought_a")
    with pytest.raises(SourceUnusable, match="git knows no revision 'nowhere'"):
        revision_source(project, "nowhere", working)
    with pytest.raises(SourceUnusable, match="git knows no revision '--all'"):
        revision_source(project, "--all", working)
    with pytest.raises(SourceUnusable, match="in no git repository: use --file"):
        revision_source(tmp_path, "HEAD", working)
    with pytest.raises(UnknownScenario, match="perhaps bought_a"):
        working_source(project, "bought_b")
    with pytest.raises(SourceUnusable, match="has faults"):
        working_source(project, "broken")
    edited.rewrite("new_one", scenario(A))
    with pytest.raises(SourceUnusable, match="no scenario 'new_one' at HEAD: it is new since"):
        revision_source(project, "HEAD", working_source(project, "new_one"))
    edited.rewrite("broken", scenario(A))
    with pytest.raises(SourceUnusable, match="of broken \\(HEAD\\) has faults: steps"):
        revision_source(project, "HEAD", working_source(project, "broken"))


def test_a_scenario_whose_code_was_edited_is_found_by_its_model(edited: BuiltShop):
    edited.rewrite("bought_a", {**scenario(A), "code": "購入A"})
    found = revision_source(edited.project, "HEAD", working_source(edited.project, "購入A"))
    assert found.definition["code"] == "bought_a"


@pytest.mark.parametrize("text", ["models: [", "models:\n- name: x\n", "[]", ""])
def test_a_file_without_the_scenario_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "other.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SourceUnusable, match=r"other\.yml"):
        file_source(file, "bought_a")
    with pytest.raises(SourceUnusable, match="cannot be read"):
        file_source(tmp_path / "absent.yml", "bought_a")


def test_an_anchor_that_one_definition_alone_has_is_no_matter_of_stopping(edited: BuiltShop):
    edited.rewrite("paid", scenario(A, stop={"frames": [B]}))
    found = compare(edited, "paid")
    assert found.added.anchors == found.after.anchors > 0
    assert (found.newly_stopped, found.no_longer_stopped) == (0, 0)


def test_a_sample_is_of_the_latest_anchors(edited: BuiltShop):
    edited.rewrite("bought_a", scenario({**A, "count": {"op": "gte", "n": 2}}))
    everybody = compare(edited, "bought_a", sample=1000).sample
    assert len({member.anchor_date for member in everybody}) > 1
    (shown,) = compare(edited, "bought_a", sample=1).sample
    assert shown.anchor_date == max(member.anchor_date for member in everybody)
