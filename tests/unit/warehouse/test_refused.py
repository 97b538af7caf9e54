"""Whom dbt refuses without a word about the file is found out by trying, and nobody else is left out."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ekiden.scenarios.report import Report
from ekiden.scenarios.source import ELIGIBILITY
from ekiden.scenarios.validate import validate
from ekiden.warehouse import refused
from ekiden.warehouse.project import PreparedProject
from ekiden.warehouse.refused import Unreadable, read_without_the_refused, told

MODELS = tuple(f"m{number}" for number in range(1, 9))
Says = Callable[[Collection[str]], str | None]
"""Returns what dbt says to a project of these models; None where it reads it."""


@dataclass
class Dbt:
    """A dbt that refuses what a test says."""

    report: Report
    says: Says
    files: tuple[str, ...] = ()
    """Files that describe no model."""
    parses: list[Collection[str]] = field(default_factory=list)

    def parse(self, left_out: Mapping[str, str]) -> tuple[PreparedProject, str | None]:
        self.parses.append(sorted(left_out))
        within = {*(each.source.model_name for each in self.report.scenarios), *self.files} - left_out.keys()
        return PreparedProject(Path(), self.report, dict(left_out)), self.says(within)

    def refused(self, suspects: Sequence[str] = MODELS) -> Mapping[str, str]:
        project = read_without_the_refused(
            self.parse,
            lambda _: {model: [f"{model}.yml"] for model in suspects},
            lambda _: {file: [file] for file in self.files},
        )
        assert self.says({*MODELS, *self.files} - project.refused_by_dbt.keys()) is None
        return project.refused_by_dbt


@pytest.fixture
def report(tmp_path: Path) -> Report:
    folder = tmp_path / "dbt_project" / ELIGIBILITY
    folder.mkdir(parents=True)
    for model in MODELS:
        (folder / f"{model}.yml").write_text(f"models: [{{name: {model}}}]")
        (folder / f"{model}.sql").write_text("{{ eligibility() }}")
    return validate(folder.parent.parent)


@pytest.fixture(autouse=True)
def time_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused, "MOST_PARSES", 100)


def without_a_name(*guilty: str) -> Says:
    return lambda within: f"5 is no {min(set(guilty) & set(within))[-1]}" if set(guilty) & set(within) else None


@pytest.mark.parametrize("guilty", [("m1",), ("m8",), ("m4", "m5"), ("m2", "m3", "m7"), MODELS, ()])
def test_those_alone_with_whom_dbt_stops_are_left_out(report, guilty):
    dbt = Dbt(report, without_a_name(*guilty))
    refused = dbt.refused()
    assert sorted(refused) == sorted(guilty)
    for model, reason in refused.items():
        assert reason == f"with {model}.yml dbt reads nothing of the project: 5 is no {model[-1]}"


@pytest.mark.parametrize("guilty", [("a.yml",), ("b.yml",), ("a.yml", "b.yml"), ("b.yml", "m3"), ("a.yml", "m1", "m8")])
@pytest.mark.parametrize("suspects", [MODELS, ("m1", "m3", "m8")])
def test_so_are_files_of_no_model_alone_and_beside_models(report, guilty, suspects):
    dbt = Dbt(report, without_a_name(*guilty), ("a.yml", "b.yml"))
    refused = dbt.refused(suspects)
    assert sorted(refused) == sorted(guilty)
    assert all(reason.startswith(f"with {file} dbt") for file, reason in refused.items() if file.endswith(".yml"))


def test_where_no_model_may_be_it_a_file_may_be(report):
    assert list(Dbt(report, without_a_name("a.yml"), ("a.yml",)).refused([])) == ["a.yml"]


def test_who_reads_what_a_file_describes_is_not_left_out_with_another_file(report: Report) -> None:
    def says(within: Collection[str]) -> str | None:
        if "bad.yml" in within:
            return "5 is no mapping"
        reads_nothing = "m1" in within and "wanted.yml" not in within
        return "model 'm1' depends on a source which was not found" if reads_nothing else None

    dbt = Dbt(report, says, files=("bad.yml", "wanted.yml"))
    assert dbt.refused(suspects=()).keys() == {"bad.yml"}


def test_no_file_of_no_model_is_left_out_for_a_moment_where_a_model_is_it(report):
    dbt = Dbt(report, without_a_name("m2", "m7"), ("a.yml",))
    assert sorted(dbt.refused()) == ["m2", "m7"]
    assert not any("a.yml" in left_out for left_out in dbt.parses)


def test_the_last_parse_is_of_what_is_returned(report):
    for guilty in [("m1",), ("m8",), ("m4", "m5")]:
        dbt = Dbt(report, without_a_name(*guilty))
        dbt.refused()
        read = [left_out for left_out in dbt.parses if without_a_name(*guilty)(set(MODELS) - set(left_out)) is None]
        assert read[-1] == list(guilty)


def test_where_one_file_has_changed_it_takes_one_more_parse(report):
    dbt = Dbt(report, without_a_name("m3"))
    assert list(dbt.refused(["m3"])) == ["m3"]
    assert dbt.parses == [[], ["m3"]]


def test_where_there_is_no_time_to_try_all_those_that_may_be_it_are_left_out(report, monkeypatch):
    monkeypatch.setattr(refused, "MOST_PARSES", 8)
    dbt = Dbt(report, without_a_name("m1", "m8"))
    left_out = dbt.refused()
    assert set(left_out) == {"m1", "m5", "m6", "m7", "m8"}
    assert len(dbt.parses) == 9
    assert left_out["m8"].endswith("dbt reads nothing of the project: 5 is no 1 (or with one of 3 others that changed)")


def test_what_dbt_could_not_read_for_a_moment_is_no_scenarios_doing(report):
    answers = iter(["no space left on device"])
    assert Dbt(report, lambda _: next(answers, None)).refused() == {}


def test_whom_dbt_names_is_left_out_on_the_way(report):
    def says(within: Collection[str]) -> str | None:
        return without_a_name("m2")(within) or ("in model 'm6': no such node" if "m6" in within else None)

    refused = Dbt(report, says).refused()
    assert set(refused) == {"m2", "m6"}
    assert refused["m6"] == "in model 'm6': no such node"


def test_of_two_that_get_in_each_others_way_one_stays(report):
    dbt = Dbt(report, lambda within: "twice" if {"m2", "m7"} <= set(within) else None)
    assert len(dbt.refused()) == 1


@pytest.mark.parametrize("suspects", [[], ["m1", "m2"], MODELS])
def test_what_is_no_scenarios_doing_is_told_as_dbt_says_it(report, suspects):
    dbt = Dbt(report, lambda _: "a segment is no text\n")
    with pytest.raises(Unreadable, match=r"^a segment is no text$"):
        dbt.refused(suspects)
    assert len(dbt.parses) == 1 + bool(suspects)


def test_dbts_words_are_told_without_the_way_there():
    said = (
        "18:09:08  Encountered an error:\nthe JSON object must be str, not int\n"
        '18:09:08  Traceback (most recent call last):\n  File "x.py", line 1, in y\nTypeError: the JSON object\n'
    )
    assert told(said) == "the JSON object must be str, not int"
    said = "Invalid models config given in models/eligibility/a.yml @ models: {'b': {'c': 5}} - at path ['b']: no"
    assert told(said) == "Invalid models config given in models/eligibility/a.yml at path ['b']: no"
    assert told("Traceback (most recent call last):\n  x") == "Traceback (most recent call last): x"
