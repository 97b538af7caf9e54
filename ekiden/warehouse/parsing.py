"""The project as dbt reads it, with its manifest, which is made anew where files or settings have changed.

Belongs here: when dbt has to read the project again, and what is known of when it last did. Does not belong here: whom
it refuses (`refused`), what takes their place (`project`), and reading a manifest that there is (`manifest`).
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ekiden.scenarios.report import Report
from ekiden.scenarios.source import ELIGIBILITY, SUFFIXES, found_files
from ekiden.settings import Settings
from ekiden.warehouse import dbt
from ekiden.warehouse.dbt import BuildFailed, manifest_path, one_at_a_time, settings_environment, target_path
from ekiden.warehouse.project import PreparedProject, prepare_project
from ekiden.warehouse.refused import Unreadable, read_without_the_refused

SOURCE_FOLDERS = ("models", "macros", "tests", "seeds", "snapshots")
SOURCE_SUFFIXES = (".sql", ".yml", ".yaml", ".md", ".csv")
"""In any case, as dbt reads them."""

NO_CONNECTION = {"EKIDEN_DBT_HOST": "not-connected.invalid"}
"""Parsing opens none; should it ever, it must not find another deployment's database."""


def parse(settings: Settings) -> Path:
    """Return the manifest's path, made anew if its files or settings changed; needs no database.

    Where dbt cannot read the project, it is the manifest of when it last could: builds and plans fail until the file is
    mended, but Dagster loads, and what is due goes out. Raises `BuildFailed` where there is none.
    """
    path = manifest_path(settings)
    try:
        readable_project(settings)
    except BuildFailed as error:
        if not path.exists():
            raise
        sys.stderr.write(f"{error}\nUntil that is mended, Dagster plans nothing; what is due goes out.\n")
    return path


def readable_project(settings: Settings, connection: Mapping[str, str] | None = None) -> PreparedProject:
    """Return the project that dbt can read, with a manifest of it, made anew if its files or settings changed.

    A scenario with which dbt reads nothing at all is replaced by a stub, one after the other. Needs no database; with
    its `connection`, a build that follows need not parse again: dbt does so whenever the connection is another one.
    Raises `BuildFailed` where it is no scenario that dbt cannot read.
    """
    environment = _parse_environment(settings)
    inputs = _inputs(environment)
    if (refused := _refused_by_last_parse(settings, inputs)) is not None:
        return prepare_project(settings, dbt.PROJECT_DIR, refused)
    with one_at_a_time(settings, "parse"):
        # another process may have done it meanwhile
        if (refused := _refused_by_last_parse(settings, inputs)) is not None:
            return prepare_project(settings, dbt.PROJECT_DIR, refused)
        return _read(settings, inputs, {**NO_CONNECTION, **environment, **(connection or {})})


def refused_last(settings: Settings) -> dict[str, str]:
    """Return whom dbt refused when it last read the project, with its words; empty where that has changed since."""
    return _refused_by_last_parse(settings, _inputs(_parse_environment(settings))) or {}


def _parse_environment(settings: Settings) -> dict[str, str]:
    """Return what a manifest is made with."""
    return {**settings_environment(settings), "EKIDEN_OPTIONS": ",".join(sorted(settings.options))}


def _read(settings: Settings, inputs: str, environment: Mapping[str, str]) -> PreparedProject:
    # before they are read: what is saved meanwhile has changed since
    files = _digests(found_files(dbt.PROJECT_DIR / ELIGIBILITY, (".sql", *SUFFIXES)))
    known = _last_parse(settings).get("files", {})
    # what is tried below makes manifests of less than there is, and we may be killed before the last one
    _note_parse(settings, files=known)
    tried = set()

    def parse(left_out: Mapping[str, str]) -> tuple[PreparedProject, str | None]:
        project = prepare_project(settings, dbt.PROJECT_DIR, left_out)
        tried.add(project.folder)
        return project, _parse_once(settings, project, environment)

    def suspects(report: Report) -> Mapping[str, Sequence[str]]:
        return dict(_changed(known, files, report))

    def files_of_none(report: Report) -> Mapping[str, Sequence[str]]:
        return {name: [name] for name in _of_no_scenario(files, report) if files[name] != known.get(name)}

    try:
        project = read_without_the_refused(parse, suspects, files_of_none)
    except Unreadable as error:
        raise BuildFailed(f"dbt cannot read the project: {error}") from None
    for folder in tried - {dbt.PROJECT_DIR, project.folder}:
        shutil.rmtree(folder, ignore_errors=True)
    # of a stub's files dbt has read nothing
    stubs = {
        _in_project(file)
        for each in project.report.scenarios
        if each.stops_dbt or each.source.model_name in project.refused_by_dbt
        for file in each.source.files
    }
    read = {file: state for file, state in files.items() if file not in stubs and file not in project.refused_files}
    _note_parse(settings, inputs=inputs, refused=project.refused, files=read)
    return project


def _changed(known: Mapping[str, str], files: Mapping[str, str], report: Report) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the models of which dbt has not read the files as they are now, with these as people name them."""
    for each in report.scenarios:
        names = map(_in_project, each.source.files)
        changed = [name for name in names if files.get(name) != known.get(name)]
        if changed and not each.stops_dbt:
            yield each.source.model_name, changed


def _of_no_scenario(files: Iterable[str], report: Report) -> list[str]:
    """Return the YAML files that dbt reads there and that describe no scenario, like one of sources alone."""
    described = {_in_project(file) for each in report.scenarios for file in each.source.files}
    return [name for name in files if name not in described and Path(name).suffix.lower() in SUFFIXES]


def _parse_once(settings: Settings, project: PreparedProject, environment: Mapping[str, str]) -> str | None:
    """Parse the project; return what dbt said if it could not."""
    arguments = ["--quiet", "--no-use-colors", "parse"]
    if project.folder != dbt.PROJECT_DIR:
        # what another folder's parse left behind is no start for this one's
        arguments.insert(0, "--no-partial-parse")
    command = dbt.command(arguments, project.folder, target_path(settings), settings)
    variables = {**os.environ, **environment, **project.environment()}
    answer = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
    if answer.returncode < 0:
        # by whoever, like a system short of memory: it says nothing of the project
        raise BuildFailed(f"dbt was ended by signal {-answer.returncode} while it read the project; run it again")
    return None if answer.returncode == 0 else answer.stdout + answer.stderr


def _stamp_path(settings: Settings) -> Path:
    return manifest_path(settings).with_name("manifest.parsed")


def _refused_by_last_parse(settings: Settings, inputs: str) -> dict[str, str] | None:
    """Return whom dbt refused in the manifest that there is; None where it was made of something else, or is torn."""
    known = _last_parse(settings)
    if not manifest_path(settings).exists() or known.get("inputs") != inputs:
        return None
    refused: dict[str, str] | None = known.get("refused")
    return refused


def _last_parse(settings: Settings) -> Mapping[str, Any]:
    """Return what was noted of the last parse that succeeded; empty where there was none, or the note is torn."""
    try:
        known = json.loads(_stamp_path(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _note_parse(settings: Settings, **known: object) -> None:
    path = _stamp_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known), encoding="utf-8")


def _inputs(environment: dict[str, str]) -> str:
    """Return a digest of what a manifest is made of: the files that are there, as they are, and the settings."""
    files = [dbt.PROJECT_DIR / "dbt_project.yml", dbt.PROJECT_DIR / "profiles.yml"]
    for folder in SOURCE_FOLDERS:
        files += found_files(dbt.PROJECT_DIR / folder, SOURCE_SUFFIXES)
    # a link may lead nowhere
    stood = [(file, file.stat()) for file in sorted(files) if file.exists()]
    seen = [(str(file), stat.st_mtime_ns, stat.st_size) for file, stat in stood]
    settings = sorted((name, value) for name, value in environment.items() if name != "EKIDEN_GIT_REVISION")
    return hashlib.sha256(repr((seen, settings)).encode()).hexdigest()


def _digests(files: Iterable[Path]) -> dict[str, str]:
    """Return a digest of each file that can be read: a checkout gives files other times, not other contents."""
    digests = {}
    for file in files:
        with suppress(OSError):
            digests[_in_project(file)] = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return digests


def _in_project(file: Path) -> str:
    return file.relative_to(dbt.PROJECT_DIR).as_posix()
