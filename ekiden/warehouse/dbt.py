"""Calling dbt as a process of its own: where it and its things lie, its environment, its arguments.

dbt's state is global to a process, so it is never run inside ours. Belongs here: what every call has in common. Does
not belong here: builds (`build`), reading the project (`parsing`), and what is only asked (`questions`).
"""

import fcntl
import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from ekiden.database.connection import dbt_environment as connection_environment
from ekiden.errors import SaysEnough
from ekiden.scenarios.source import found_files
from ekiden.settings import PROJECT_ROOT, Settings
from ekiden.warehouse.revision import git_revision

PROJECT_DIR = PROJECT_ROOT / "dbt_project"


class BuildFailed(SaysEnough, RuntimeError):
    """dbt ended with an error; the message or its own output says where."""


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
        "EKIDEN_MACROS_DIGEST": _macros_digest(settings),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Return everything dbt needs from the environment; starts the embedded server where one is used."""
    return {**settings_environment(settings), **connection_environment(settings)}


def command(arguments: Sequence[str], project: Path, target: Path, settings: Settings) -> list[str]:
    """Return how dbt is called with these arguments, on a project, to put its artefacts into `target`."""
    return [
        str(dbt_executable()),
        *arguments,
        "--project-dir",
        str(project),
        "--profiles-dir",
        str(project),
        "--target-path",
        str(target),
        "--log-path",
        str(settings.dbt_target / "logs"),
    ]


@contextmanager
def one_at_a_time(settings: Settings, what: str) -> Iterator[int]:
    """Wait for other processes of this home that do the same: dbt's artefacts have one place; yields its file."""
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    with (settings.dbt_target / f"{what}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"waiting for another dbt {what} of {settings.home}\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _macros_digest(settings: Settings) -> str:
    """Return a digest of what compiles conditions: the macros' text, dbt's version and the settings they read."""
    digest = hashlib.sha256(
        repr(
            (version("dbt-core"), settings.time_zone, settings.raw_schema, settings.desired_delivery_added_days)
        ).encode()
    )
    for file in found_files(PROJECT_DIR / "macros", (".sql",)):
        # a link may lead nowhere
        if file.exists():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
