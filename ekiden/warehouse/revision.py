"""The project's git revision: kept with whatever is built, planned or sent."""

import subprocess
from pathlib import Path

from ekiden.settings import PROJECT_ROOT

DIRTY = "-dirty"
GIT_TIMEOUT = 10
"""Seconds; a repository that does not answer by then is as good as none."""


WHAT_IS_BUILT = ("dbt_project", "content")
"""What a build and a message are made of, within the project."""


def git_revision(project: Path = PROJECT_ROOT) -> str | None:
    """Return the project's revision; None outside a repository.

    "-dirty" is appended where files differ from it, or where a file that a build or a message may be made of is not in
    it at all: a scenario that is as new as that is in no revision.
    """
    revision = _git(project, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    if not revision or revision.endswith(DIRTY):
        return revision
    is_new = _git(project, "ls-files", "--others", "--exclude-standard", "--", *WHAT_IS_BUILT)
    return revision + DIRTY if is_new else revision


def _git(project: Path, *arguments: str) -> str | None:
    """Return what git says, None where it says nothing, or cannot."""
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=project, capture_output=True, text=True, timeout=GIT_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
