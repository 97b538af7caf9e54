"""Calling dbt as a process of its own, with the deployment's connection and settings in its environment.

dbt's state is global to a process, so it is never run inside ours.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ekiden.database.connection import dbt_environment as connection_environment
from ekiden.scenarios.report import Report
from ekiden.scenarios.source import ELIGIBILITY, SUFFIXES, found_files
from ekiden.settings import PROJECT_ROOT, Settings
from ekiden.warehouse.outlived import ended_with_us
from ekiden.warehouse.project import PreparedProject, prepare_project
from ekiden.warehouse.refused import Unreadable, read_without_the_refused, refused_model, told
from ekiden.warehouse.revision import git_revision
from ekiden.warehouse.unbuilt import RESULTS, Unbuilt, unbuilt_scenarios

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
SOURCE_FOLDERS = ("models", "macros", "tests", "seeds", "snapshots")
SOURCE_SUFFIXES = (".sql", ".yml", ".yaml", ".md", ".csv")
"""In any case, as dbt reads them."""

WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
"""They try the models on made-up rows: a matter of development (`make test`), not of a shop's morning."""

NO_CONNECTION = {"EKIDEN_DBT_HOST": "not-connected.invalid"}
"""Parsing opens none; should it ever, it must not find another deployment's database."""

_NOT_IN_YAML = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
"""Of the characters that JSON may leave as they are: those that YAML refuses, or reads as white space."""


class BuildFailed(RuntimeError):
    """dbt ended with an error; the message or its own output says where."""


class ScenariosUnbuilt(BuildFailed):
    """Nothing that concerns every scenario was not built; the other scenarios were, if there are others."""

    def __init__(self, unbuilt: Unbuilt) -> None:
        super().__init__("dbt build failed; its output above names the model or test")
        self.unbuilt = unbuilt


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


def build(
    settings: Settings,
    project: PreparedProject,
    environment: Mapping[str, str],
    select: Sequence[str] = (),
    *,
    full_refresh: bool = False,
) -> None:
    """Build and test the models (`dbt build`), output to the terminal.

    Raises `ScenariosUnbuilt` if some were not built and everything else was, `BuildFailed` otherwise.

    `project` is what `prepare` returned: scenarios whose files have faults are built empty and leave the others alone.
    """
    arguments = ["build", *WITHOUT_UNIT_TESTS]
    if select:
        arguments += ["--select", *select]
    if full_refresh:
        arguments.append("--full-refresh")
    command = _command(arguments, project.folder, target_path(settings), settings)
    with _one_at_a_time(settings, "build") as lock:
        # dbt writes its results at the end: those of an earlier build would be taken for this one's
        (target_path(settings) / RESULTS).unlink(missing_ok=True)
        variables = {**os.environ, **environment, **project.environment()}
        # the lock is dbt's as well: where we are killed, the next one waits until it has ended
        with subprocess.Popen(command, env=variables, pass_fds=[lock]) as dbt, ended_with_us(dbt):
            has_failed = dbt.wait() != 0
        unbuilt = unbuilt_scenarios(target_path(settings)) if has_failed else None
    if unbuilt:
        raise ScenariosUnbuilt(unbuilt)
    if has_failed:
        raise BuildFailed("dbt build failed; its output above names the model or test")


def parse(settings: Settings) -> Path:
    """Return the manifest's path, made anew if its files or settings changed; needs no database.

    Where dbt cannot read the project, it is the manifest of when it last could: builds and plans fail until the file is
    mended, but Dagster loads, and what is due goes out. Raises `BuildFailed` where there is none.
    """
    path = manifest_path(settings)
    try:
        prepare(settings)
    except BuildFailed as error:
        if not path.exists():
            raise
        sys.stderr.write(f"{error}\nUntil that is mended, Dagster plans nothing; what is due goes out.\n")
    return path


def prepare(settings: Settings, connection: Mapping[str, str] | None = None) -> PreparedProject:
    """Return the project that dbt can read, with a manifest of it, made anew if its files or settings changed.

    A scenario with which dbt reads nothing at all is replaced by a stub, one after the other. Needs no database; with
    its `connection`, a build that follows need not parse again: dbt does so whenever the connection is another one.
    """
    environment = _parse_environment(settings)
    inputs = _inputs(environment)
    if (refused := _refused_by_last_parse(settings, inputs)) is not None:
        return prepare_project(settings, PROJECT_DIR, refused)
    with _one_at_a_time(settings, "parse"):
        # another process may have done it meanwhile
        if (refused := _refused_by_last_parse(settings, inputs)) is not None:
            return prepare_project(settings, PROJECT_DIR, refused)
        return _prepare(settings, inputs, {**NO_CONNECTION, **environment, **(connection or {})})


def _parse_environment(settings: Settings) -> dict[str, str]:
    """Return what a manifest is made with."""
    return {**settings_environment(settings), "EKIDEN_OPTIONS": ",".join(sorted(settings.options))}


def _prepare(settings: Settings, inputs: str, environment: Mapping[str, str]) -> PreparedProject:
    # before they are read: what is saved meanwhile has changed since
    files = _digests(found_files(PROJECT_DIR / ELIGIBILITY, (".sql", *SUFFIXES)))
    known = _last_parse(settings).get("files", {})
    # what is tried below makes manifests of less than there is, and we may be killed before the last one
    _note_parse(settings, files=known)
    tried = set()

    def parse(left_out: Mapping[str, str]) -> tuple[PreparedProject, str | None]:
        project = prepare_project(settings, PROJECT_DIR, left_out)
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
    for folder in tried - {PROJECT_DIR, project.folder}:
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
    if project.folder != PROJECT_DIR:
        # what another folder's parse left behind is no start for this one's
        arguments.insert(0, "--no-partial-parse")
    command = _command(arguments, project.folder, target_path(settings), settings)
    variables = {**os.environ, **environment, **project.environment()}
    answer = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
    if answer.returncode < 0:
        # by whoever, like a system short of memory: it says nothing of the project
        raise BuildFailed(f"dbt was ended by signal {-answer.returncode} while it read the project; run it again")
    return None if answer.returncode == 0 else answer.stdout + answer.stderr


def _stamp_path(settings: Settings) -> Path:
    return manifest_path(settings).with_name("manifest.parsed")


@contextmanager
def _one_at_a_time(settings: Settings, what: str) -> Iterator[int]:
    """Wait for other processes of this home that do the same: dbt's artefacts have one place; yields its file."""
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    with (settings.dbt_target / f"{what}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"waiting for another dbt {what} of {settings.home}\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


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


def eligibility_queries(
    settings: Settings, sources: Sequence[Mapping[str, Any]], *, project: Path = PROJECT_DIR
) -> list[str]:
    """Return the SQL that today's macros make of each source: a `definition`, or the `sql` of a model written by hand.

    Scenarios that dbt cannot read are left out of the way. Nothing is built, and the artefacts of builds stay as they
    are. Raises `BuildFailed` with dbt's own words.
    """
    operation = ["run-operation", "print_eligibility_queries", "--args", _as_argument({"sources": sources})]
    try:
        answer = _ask(settings, project, operation)
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        raise BuildFailed(
            "the two definitions are too long to be given to dbt at once; put a long list of values into a segment"
        ) from error
    printed = [line for line in answer.stdout.splitlines() if line.startswith('{"queries"')]
    if answer.returncode != 0 or not printed:
        raise BuildFailed(f"dbt cannot compile the definition: {_said(answer)}")
    queries: list[str] = json.loads(printed[-1])["queries"]
    return queries


def compiled_model(settings: Settings, name: str, *, project: Path | None = None) -> str:
    """Return the SQL of a model as its file stands; scenarios that dbt cannot read are left out of the way.

    Nothing is built, and the artefacts of builds stay as they are. Raises `BuildFailed` with dbt's own words.
    """
    answer = _ask(settings, project or PROJECT_DIR, ["compile", "--select", name])
    compiled = sorted((_queries_path(settings) / "compiled").rglob(f"{name}.sql")) if answer.returncode == 0 else []
    if not compiled:
        raise BuildFailed(f"dbt cannot compile {name}: {_said(answer)}")
    return max(compiled, key=lambda file: file.stat().st_mtime_ns).read_text(encoding="utf-8")


def _ask(settings: Settings, project: Path, question: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Ask dbt about a project; each scenario with which it reads nothing at all is replaced by a stub, as in builds."""
    environment = {**os.environ, **dbt_environment(settings)}
    refused: dict[str, str] = {}
    if project == PROJECT_DIR:
        # no need to hear again what the last parse did
        refused |= _refused_by_last_parse(settings, _inputs(_parse_environment(settings))) or {}
    is_parsed = False
    while True:
        prepared = prepare_project(settings, project, refused)
        arguments = ["--quiet", "--no-use-colors", *question]
        if prepared.folder != project:
            # what another folder's parse left behind is no start for this one's
            arguments.insert(0, "--no-partial-parse")
        command = _command(arguments, prepared.folder, _queries_path(settings), settings)
        variables = {**environment, **prepared.environment()}
        answer = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
        if answer.returncode == 0:
            return answer
        if blamed := refused_model(_said(answer), prepared.report, refused):
            refused[blamed] = told(_said(answer))
        elif project == PROJECT_DIR and not is_parsed:
            # a parse finds out whom dbt does not name
            is_parsed = True
            found_out = prepare(settings).refused
            if found_out.keys() <= refused.keys():
                return answer
            refused |= found_out
        else:
            return answer


def _queries_path(settings: Settings) -> Path:
    """Return where dbt's artefacts of what is only asked lie."""
    return settings.dbt_target / "queries"


def _said(answer: subprocess.CompletedProcess[str]) -> str:
    return (answer.stdout + answer.stderr).strip()


def _as_argument(value: Mapping[str, Any]) -> str:
    """Return a value as dbt reads it from its command line, as YAML, and in few bytes: Linux takes 131,072.

    YAML has every character of JSON but some that do not print; and it refuses the two escapes that make an emoji.
    """
    plain = json.dumps(value, ensure_ascii=False, default=str)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)


def _inputs(environment: dict[str, str]) -> str:
    """Return a digest of what a manifest is made of: the files that are there, as they are, and the settings."""
    files = [PROJECT_DIR / "dbt_project.yml", PROJECT_DIR / "profiles.yml"]
    for folder in SOURCE_FOLDERS:
        files += found_files(PROJECT_DIR / folder, SOURCE_SUFFIXES)
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
    return file.relative_to(PROJECT_DIR).as_posix()


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


def _command(arguments: Sequence[str], project: Path, target: Path, settings: Settings) -> list[str]:
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
