"""What is asked of dbt's files before dbt is: by several processes at once, and while somebody edits them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ekiden.settings import Settings
from ekiden.warehouse import dbt


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
        return dbt.prepare(settings).folder

    monkeypatch.setattr(dbt, "_parse_once", parse_once)
    with ThreadPoolExecutor(2) as threads:
        prepared = list(threads.map(lambda _: prepare(), range(2)))
    assert prepared == [dbt.PROJECT_DIR] * 2
    assert len(parses) == 1
