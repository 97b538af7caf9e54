"""Which revision a build names."""

import subprocess
from pathlib import Path

import pytest

from ekiden.warehouse.revision import git_revision

AS_SOMEBODY = ("-c", "user.name=Hanako", "-c", "user.email=hanako@shop.example")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one scenario, in a repository of its own."""
    (tmp_path / "dbt_project").mkdir()
    (tmp_path / "dbt_project" / "old.sql").write_text("select 1")
    for command in (["init", "-q"], ["add", "."], [*AS_SOMEBODY, "commit", "-q", "-m", "one scenario"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_a_project_as_it_was_committed_is_its_revision(project: Path):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True)
    assert git_revision(project) == head.stdout.strip()


def test_a_file_of_another_text_or_of_no_revision_at_all_is_told(project: Path):
    clean = git_revision(project)
    new = project / "dbt_project" / "new.sql"
    new.write_text("select 2")
    assert git_revision(project) == f"{clean}-dirty"
    new.unlink()
    (project / "notes.txt").write_text("nothing is built from this")
    assert git_revision(project) == clean
    (project / "dbt_project" / "old.sql").write_text("select 2")
    assert git_revision(project) == f"{clean}-dirty"


def test_outside_a_repository_there_is_none(tmp_path: Path):
    assert git_revision(tmp_path) is None
