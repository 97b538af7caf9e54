"""The project's git revision: kept with whatever is built, planned or sent."""

import subprocess

from ekiden.settings import PROJECT_ROOT

GIT_TIMEOUT = 10
"""Seconds; a repository that does not answer by then is as good as none."""


def git_revision() -> str | None:
    """Return the project's revision, "-dirty" appended where files differ from it; None outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(
            command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=GIT_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
