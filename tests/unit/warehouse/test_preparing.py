"""What is asked of dbt's files before dbt is: by several processes at once, and while somebody edits them."""

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ekiden.settings import PROJECT_ROOT, Settings
from ekiden.warehouse import dbt, parsing
from ekiden.warehouse.parsing import readable_project
from ekiden.warehouse.project import KEPT, PreparedProject, prepare_project


def test_a_macro_that_is_open_in_an_editor_is_no_macro_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = Settings(_env_file=None, home=tmp_path / "home")
    (tmp_path / "macros").mkdir()
    (tmp_path / "macros" / "x.sql").write_text("select 1")
    monkeypatch.setattr(dbt, "PROJECT_DIR", tmp_path)
    before = dbt.settings_environment(settings)
    (tmp_path / "macros" / ".#x.sql").symlink_to("hanako@workstation.1234")
    assert dbt.settings_environment(settings) == before


def test_of_two_that_need_the_manifest_one_parses_and_the_other_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = Settings(home=tmp_path)
    parses = []
    both = threading.Barrier(2)

    def parse_once(*_arguments: object) -> None:
        parses.append(time.monotonic())
        time.sleep(0.2)  # time enough for the other to begin as well, did it not wait
        manifest = dbt.manifest_path(settings)
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text("{}")

    def prepare() -> Path:
        both.wait()
        return readable_project(settings).folder

    monkeypatch.setattr(parsing, "_parse_once", parse_once)
    with ThreadPoolExecutor(2) as threads:
        prepared = list(threads.map(lambda _: prepare(), range(2)))
    assert prepared == [dbt.PROJECT_DIR] * 2
    assert len(parses) == 1


def test_a_file_counts_whatever_the_case_of_its_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dbt, "PROJECT_DIR", tmp_path)
    seen = {parsing._inputs({})}
    for name in ("models/eligibility/tea.YML", "models/eligibility/tea.Sql", "seeds/codes.CSV"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
        seen.add(parsing._inputs({}))
    assert len(seen) == 4


def test_who_has_not_changed_since_dbt_read_it_is_not_suspected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = Settings(_env_file=None, home=tmp_path / "home")
    project = tmp_path / "shop" / "dbt_project"
    shutil.copytree(PROJECT_ROOT / "dbt_project" / "models", project / "models")
    monkeypatch.setattr(dbt, "PROJECT_DIR", project)
    parsed: list[set[str]] = []

    def parse_once(_settings: Settings, prepared: PreparedProject, _environment: object) -> str | None:
        parsed.append(set(prepared.refused_by_dbt))
        manifest = dbt.manifest_path(settings)
        manifest.parent.mkdir(parents=True, exist_ok=True)
        files = [path.read_text(encoding="utf-8") for path in prepared.folder.rglob("*.yml")]
        if any("granularity: dayy" in text for text in files):
            return "Invalid enum value"
        manifest.write_text("{}")
        return None

    def edit(name: str, before: str, after: str) -> None:
        file = project / "models" / "eligibility" / f"{name}.yml"
        file.write_text(file.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")

    monkeypatch.setattr(parsing, "_parse_once", parse_once)
    assert readable_project(settings).folder == project
    assert parsed == [set()]

    edit("welcome", "{name: anchor_date, ", "{name: anchor_date, granularity: dayy, ")
    refused = readable_project(settings).refused_by_dbt
    reason = "with models/eligibility/welcome.yml dbt reads nothing of the project: Invalid enum value"
    assert refused == {"welcome": reason}
    assert parsed[1:] == [set(), {"welcome"}]
    assert readable_project(settings).refused_by_dbt == refused
    assert len(parsed) == 3

    # it is suspected again for as long as it may be the one
    (project / "models" / "eligibility" / "cross_sell.sql").write_text("{{ eligibility() }} \n")
    assert set(readable_project(settings).refused_by_dbt) == {"welcome"}
    assert parsed[4] == {"cross_sell", "welcome"}

    edit("welcome", "granularity: dayy, ", "")
    assert readable_project(settings).folder == project

    # nor was a stub read: what stands in its file comes to light with what was missing
    edit("welcome", "{name: anchor_date, ", "{name: anchor_date, granularity: dayy, ")
    (project / "models" / "eligibility" / "welcome.sql").write_text("{{ eligibility(segments=['late']) }}")
    prepared = readable_project(settings)
    assert (set(prepared.broken), prepared.refused_by_dbt) == ({"welcome"}, {})
    (project / "models" / "segments" / "late.sql").write_text("select customer_id from {{ ref('customers') }}")
    assert set(readable_project(settings).refused_by_dbt) == {"welcome"}


def test_a_copy_that_nobody_asks_for_any_more_is_removed_and_one_in_use_stays(tmp_path: Path):
    settings = Settings(_env_file=None, home=tmp_path / "home")
    project = tmp_path / "shop" / "dbt_project"
    shutil.copytree(PROJECT_ROOT / "dbt_project" / "models", project / "models")
    definition = project / "models" / "eligibility" / "welcome.yml"
    months_ago = time.time() - 2 * KEPT.total_seconds()

    def copy_of(text: str) -> Path:
        definition.write_text(text, encoding="utf-8")
        # as in a checkout of long ago
        for path in (definition, project):
            os.utime(path, (months_ago, months_ago))
        return prepare_project(settings, project, {}).folder

    first, second = copy_of("models: ["), copy_of("models: [[")
    assert first.exists()
    for folder in (first, second):
        os.utime(folder, (months_ago, months_ago))
    assert copy_of("models: [") == first
    third = copy_of("models: [[[")
    assert (first.exists(), second.exists(), third.exists()) == (True, False, True)
    assert sorted(third.parent.iterdir()) == sorted((first, third))
