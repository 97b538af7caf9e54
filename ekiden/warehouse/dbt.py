"""Calling dbt as a process of its own, with the deployment's connection and settings in its environment.

dbt's state is global to a process, so it is never run inside ours.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ekiden.database.connection import dbt_environment as connection_environment
from ekiden.settings import PROJECT_ROOT, Settings

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
SOURCE_PATTERNS = ("*.sql", "*.yml", "*.yaml", "*.md")
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
"""They try the models on made-up rows: a matter of development (`make test`), not of a shop's morning."""

GIT_TIMEOUT = 10
"""Seconds; a repository that does not answer by then is as good as none."""


class BuildFailed(RuntimeError):
    """dbt ended with an error; its own output says where."""


def dbt_executable() -> Path:
    """Return the `dbt` of this Python's environment."""
    return Path(sys.executable).with_name("dbt")


def target_path(settings: Settings) -> Path:
    """Return where dbt's artefacts of this deployment lie."""
    return settings.dbt_target / "target"


def manifest_path(settings: Settings) -> Path:
    """Return where the manifest lies, made or not."""
    return target_path(settings) / "manifest.json"


def settings_environment(settings: Settings) -> dict[str, str]:
    """Return what the models read from the environment, without a connection: enough to parse."""
    return {
        "EKIDEN_TIME_ZONE": settings.time_zone,
        "EKIDEN_RAW_SCHEMA": settings.raw_schema,
        "EKIDEN_DESIRED_DELIVERY_ADDED_DAYS": str(settings.desired_delivery_added_days),
        "EKIDEN_GIT_REVISION": git_revision() or "",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Return everything dbt needs from the environment; starts the embedded server where one is used."""
    return {**settings_environment(settings), **connection_environment(settings)}


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


def build(settings: Settings, select: Sequence[str] = (), *, full_refresh: bool = False) -> None:
    """Build and test the models (`dbt build`), output to the terminal; raises `BuildFailed`."""
    arguments = ["build", *WITHOUT_UNIT_TESTS]
    if select:
        arguments += ["--select", *select]
    if full_refresh:
        arguments.append("--full-refresh")
    if _run(arguments, settings, dbt_environment(settings)) != 0:
        raise BuildFailed("dbt build failed; its output above names the model or test")


def parse(settings: Settings) -> Path:
    """Return the manifest's path, made anew if its files or settings changed; needs no database."""
    manifest = manifest_path(settings)
    parsed = manifest.with_name("manifest.parsed")
    environment = settings_environment(settings)
    inputs = _inputs(environment)
    if not manifest.exists() or not parsed.exists() or parsed.read_text(encoding="utf-8") != inputs:
        if _run(["--quiet", "parse"], settings, {**environment, "EKIDEN_DBT_HOST": "not-connected.invalid"}) != 0:
            raise BuildFailed("dbt parse failed; its output above names the file")
        parsed.write_text(inputs, encoding="utf-8")
    return manifest


def _inputs(environment: dict[str, str]) -> str:
    """Return a digest of what a manifest is made of: the files that are there, as they are, and the settings."""
    files = [PROJECT_DIR / "dbt_project.yml", PROJECT_DIR / "profiles.yml"]
    for folder in ("models", "macros", "tests"):
        for pattern in SOURCE_PATTERNS:
            files += (PROJECT_DIR / folder).rglob(pattern)
    seen = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(files)]
    settings = sorted((name, value) for name, value in environment.items() if name != "EKIDEN_GIT_REVISION")
    return hashlib.sha256(repr((seen, settings)).encode()).hexdigest()


def _run(arguments: Sequence[str], settings: Settings, environment: dict[str, str]) -> int:
    command = [
        str(dbt_executable()),
        *arguments,
        "--project-dir",
        str(PROJECT_DIR),
        "--profiles-dir",
        str(PROJECT_DIR),
        "--target-path",
        str(target_path(settings)),
        "--log-path",
        str(settings.dbt_target / "logs"),
    ]
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
