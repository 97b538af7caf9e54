"""Where a scenario is read for a comparison: somebody else's broken file is no hindrance, one's own is named."""

import subprocess
from pathlib import Path

import pytest

from ekiden.insights.difference_sources import SourceUnusable, file_source, revision_source, working_source
from ekiden.schedule.errors import UnknownScenario

DEFINITION = "{code: CODE, name: A, anchor: ordered, steps: [{offset_days: 3, send_time: '12:00'}]}"
GOOD = "models:\n- name: CODE\n  config: {meta: {scenario: " + DEFINITION + "}}\n"
BROKEN = {
    "no YAML": b"# good\nmodels: [",
    "two documents": GOOD.replace("CODE", "broken").encode() + b"---\n{}",
    "no such date": GOOD.replace("CODE", "broken").replace("anchor:", "start: 2026-02-30, anchor:").encode(),
    "not UTF-8": "models: # 駅伝\n".encode("shift_jis"),
    "Jinja": GOOD.replace("CODE", "broken").replace("name: A,", "name: '{% x %}',").encode(),
}


@pytest.fixture(params=BROKEN.values(), ids=BROKEN.keys())
def project(request, tmp_path: Path) -> Path:
    """A project with the scenario `good` and one broken file before and after it."""
    folder = tmp_path / "models" / "eligibility"
    folder.mkdir(parents=True)
    (folder / "good.yml").write_text(GOOD.replace("CODE", "good"))
    (folder / "good.sql").write_text("select 1")
    for name in ("broken", "z_other"):
        (folder / f"{name}.yml").write_bytes(request.param)
    (folder / "broken.sql").write_bytes(b"select '\x93'")
    return tmp_path


def git(project: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t.example"]
    subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)


def commit_all(project: Path) -> None:
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "all"]):
        git(project, *arguments)


def test_another_broken_file_is_passed_over(project: Path):
    assert working_source(project, "good").sql == "select 1"
    commit_all(project)
    assert revision_source(project, "HEAD", working_source(project, "good")).sql == "select 1"


def test_the_wanted_one_is_named_with_its_line(project: Path):
    with pytest.raises(SourceUnusable, match=r"broken\.yml:\d+:\d+: "):
        working_source(project, "broken")
    with pytest.raises(SourceUnusable, match=r"broken\.yml:\d+:\d+: "):
        file_source(project / "models" / "eligibility" / "broken.yml", "broken")


def test_an_unknown_scenario_stays_one(project: Path):
    with pytest.raises(UnknownScenario, match=r"known: .*good"):
        working_source(project, "nowhere")


def test_a_revision_at_which_the_wanted_one_was_broken_says_so(tmp_path: Path):
    folder = tmp_path / "models" / "eligibility"
    folder.mkdir(parents=True)
    (folder / "good.yml").write_text("# good\nmodels: [")
    commit_all(tmp_path)
    (folder / "good.yml").write_text(GOOD.replace("CODE", "good"))
    with pytest.raises(SourceUnusable, match=r"good\.yml at HEAD:\d+:\d+: "):
        revision_source(tmp_path, "HEAD", working_source(tmp_path, "good"))


def test_sql_that_cannot_be_read_is_named(tmp_path: Path):
    folder = tmp_path / "models" / "eligibility"
    folder.mkdir(parents=True)
    (folder / "good.yml").write_text(GOOD.replace("CODE", "good"))
    (folder / "good.sql").write_bytes(b"select '\x93'")
    with pytest.raises(SourceUnusable, match=r"good\.sql"):
        working_source(tmp_path, "good")


def test_what_an_editor_or_a_person_put_aside_is_no_scenario(tmp_path: Path):
    folder = tmp_path / "models" / "eligibility"
    folder.mkdir(parents=True)
    for name, offset in (("good.yml", "3"), (".good.yml", "4"), ("#good.yml", "5"), ("~good.yaml", "6")):
        text = GOOD.replace("CODE", "good").replace("offset_days: 3", f"offset_days: {offset}")
        (folder / name).write_text(text)
    (folder / "good.sql").write_text("select 1")
    (folder / ".good.sql").write_text("select 2")
    commit_all(tmp_path)
    working = working_source(tmp_path, "good")
    for found in (working, revision_source(tmp_path, "HEAD", working)):
        assert (found.definition["steps"][0]["offset_days"], found.sql) == (3, "select 1")


def test_sql_is_found_by_the_models_name_in_any_folder(tmp_path: Path):
    folder = tmp_path / "models" / "eligibility"
    (folder / "by_hand").mkdir(parents=True)
    (folder / "good.yml").write_text(GOOD.replace("CODE", "good"))
    (folder / "by_hand" / "good.sql").write_text("select 1")
    commit_all(tmp_path)
    working = working_source(tmp_path, "good")
    assert (working.sql, revision_source(tmp_path, "HEAD", working).sql) == ("select 1", "select 1")


@pytest.mark.parametrize("written", ["offset_days: 010", "offset_days: 3, offset_days: 4"])
def test_what_the_build_leaves_out_is_not_compared(tmp_path: Path, written: str):
    folder = tmp_path / "models" / "eligibility"
    folder.mkdir(parents=True)
    (folder / "good.yml").write_text(GOOD.replace("CODE", "good"))
    working = working_source(tmp_path, "good")
    (folder / "good.yml").write_text(GOOD.replace("CODE", "good").replace("offset_days: 3", written))
    commit_all(tmp_path)
    with pytest.raises(SourceUnusable, match=r"good\.yml:3:\d+: "):
        working_source(tmp_path, "good")
    with pytest.raises(SourceUnusable, match=r"good\.yml:3:\d+: "):
        file_source(folder / "good.yml", "good")
    with pytest.raises(SourceUnusable, match=r"good\.yml at HEAD:3:\d+: "):
        revision_source(tmp_path, "HEAD", working)
