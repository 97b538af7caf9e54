"""A scenario as its files say, in the working tree, in another file or at a git revision. No database is here."""

import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ekiden.counting import counted
from ekiden.errors import SaysEnough
from ekiden.scenarios.definition import FAULTS_KEY, OPTIONS, check
from ekiden.scenarios.document import Document, document_of, read_document
from ekiden.scenarios.faults import Location
from ekiden.scenarios.model_sql import compiled_here
from ekiden.scenarios.source import ELIGIBILITY, SUFFIXES, found_files, is_read
from ekiden.schedule.errors import UnknownScenario
from ekiden.schedule.scenario_codes import unknown_scenario
from ekiden.warehouse.revision import GIT_TIMEOUT


class SourceUnusable(SaysEnough, RuntimeError):
    """A scenario cannot be read from where it was looked for; the message says what is wrong there."""


@dataclass(frozen=True)
class ComparedScenario:
    """A scenario's definition and, where its author wrote it by hand, its SQL."""

    model_name: str
    definition: Mapping[str, Any]
    sql: str | None
    origin: str
    """Where it was read, for people."""


def working_source(project: Path, code: str) -> ComparedScenario:
    """Return the scenario as the working tree has it; raises `UnknownScenario` or `SourceUnusable`.

    Other files may be broken; a broken file that is named like the scenario, or mentions it, is taken for its own.
    """
    codes = []
    broken: list[str] = []
    for file in found_files(project / ELIGIBILITY, SUFFIXES):
        document = read_document(file)
        for model_name, definition, place in _scenarios(document):
            codes.append(str(definition.get("code")))
            if definition.get("code") == code:
                _refuse_faults(document, place, str(file))
                queries = found_files(project / ELIGIBILITY, (".sql",))
                # the file of a model is known by its name, in whichever folder it stands
                query = next((path for path in queries if path.stem == model_name), None)
                sql = _sql_in(query) if query else None
                return _checked(ComparedScenario(model_name, definition, sql, "working tree"))
        if document.root is None and (file.stem == code or _mentions(file, code)):
            broken += _faults(document, (), str(file))
    if broken:
        raise SourceUnusable("; ".join(broken))
    raise UnknownScenario(unknown_scenario(code, sorted(set(codes))))


def file_source(file: Path, code: str) -> ComparedScenario:
    """Return the scenario of a code from another file, or the only one in it; raises `SourceUnusable`."""
    document = read_document(file)
    found = list(_scenarios(document))
    matching = [each for each in found if each[1].get("code") == code] or found
    if not found:
        _refuse_faults(document, (), str(file))
    if len(matching) != 1:
        raise SourceUnusable(f"{file} holds {counted(len(found), 'scenario')} and none with the code {code!r}")
    model_name, definition, place = matching[0]
    _refuse_faults(document, place, str(file))
    return _checked(ComparedScenario(model_name, definition, _sql_in(file.with_name(f"{model_name}.sql")), str(file)))


def revision_source(project: Path, revision: str, working: ComparedScenario) -> ComparedScenario:
    """Return the scenario as a git revision had it, by its code or its model's name; raises `SourceUnusable`."""
    _git(project, "rev-parse", "--is-inside-work-tree", refusal=f"{project} is in no git repository: use --file")
    commit = _git(
        project,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
        refusal=f"git knows no revision {revision!r}",
    ).strip()
    code = str(working.definition["code"])
    folder = ELIGIBILITY.as_posix()
    listed = _git(project, "ls-tree", "-r", "-z", "--name-only", commit, "--", folder, refusal="git ls-tree failed")
    files = sorted(PurePosixPath(name) for name in listed.split("\0") if name)
    by_name: tuple[PurePosixPath, Document, _Found] | None = None
    broken: list[str] = []
    for name in files:
        if not is_read(name, SUFFIXES):
            continue
        raw = _show(project, commit, name)
        # reading hundreds of files as YAML takes seconds
        if code.encode() not in raw and working.model_name.encode() not in raw:
            continue
        document = document_of(raw)
        if document.root is None:
            broken += _faults(document, (), f"{name} at {revision}")
        for found in _scenarios(document):
            if found[1].get("code") == code:
                return _at_revision(project, commit, files, revision, (name, document, found))
            if found[0] == working.model_name:
                by_name = (name, document, found)
    if by_name is not None:
        return _at_revision(project, commit, files, revision, by_name)
    if broken:
        raise SourceUnusable("; ".join(broken))
    raise SourceUnusable(f"there was no scenario {code!r} at {revision}: it is new since")


def _at_revision(
    project: Path,
    commit: str,
    files: Collection[PurePosixPath],
    revision: str,
    found: tuple[PurePosixPath, Document, "_Found"],
) -> ComparedScenario:
    name, document, (model_name, definition, place) = found
    _refuse_faults(document, place, f"{name} at {revision}")
    query = next((file for file in files if is_read(file, (".sql",)) and file.stem == model_name), None)
    sql = by_hand(_decoded(_show(project, commit, query), f"{query} at {revision}")) if query else None
    return _checked(ComparedScenario(model_name, definition, sql, revision))


def by_hand(sql: str) -> str | None:
    """Return a model's SQL if its author wrote it; None where dbt compiles it from the definition."""
    return None if compiled_here(sql) else sql


def _sql_in(file: Path) -> str | None:
    try:
        return by_hand(_decoded(file.read_bytes(), str(file))) if file.exists() else None
    except OSError as error:
        raise SourceUnusable(f"{file} cannot be read: {error}") from error


def _decoded(raw: bytes, place: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceUnusable(f"{place} is not UTF-8 text; save it as UTF-8") from error


def _mentions(file: Path, code: str) -> bool:
    try:
        return code.encode() in file.read_bytes()
    except OSError:
        return False


_Found = tuple[str, Mapping[str, Any], Location]
"""A scenario's model, its definition and the model's place in the file."""


def _scenarios(document: Document) -> Iterator[_Found]:
    """Yield the scenarios that a file describes, as far as it could be read."""
    models = document.value.get("models") if isinstance(document.value, Mapping) else None
    for index, model in enumerate(models if isinstance(models, list) else ()):
        scenario: Any = model
        for key in ("config", "meta", "scenario"):
            scenario = scenario.get(key) if isinstance(scenario, Mapping) else None
        if isinstance(scenario, Mapping):
            yield str(model.get("name")), scenario, ("models", index)


def _faults(document: Document, place: Location, origin: str) -> list[str]:
    """Return what keeps the file from being read at a place or below it, as people and editors read it."""
    return [
        f"{origin}:{fault.position.line}:{fault.position.column}: {fault.message}"
        for fault in document.faults
        if fault.location[: len(place)] == place
    ]


def _refuse_faults(document: Document, place: Location, origin: str) -> None:
    if faults := _faults(document, place, origin):
        raise SourceUnusable("; ".join(faults))


def _checked(source: ComparedScenario) -> ComparedScenario:
    if FAULTS_KEY in source.definition:
        raise SourceUnusable(f"{FAULTS_KEY} is no setting of a scenario")
    checked = check(source.definition, options=OPTIONS)
    if checked.scenario is None:
        listed = "; ".join(f"{fault.place}: {fault.message}" for fault in checked.faults)
        raise SourceUnusable(f"the definition of {source.model_name} ({source.origin}) has faults: {listed}")
    return source


def _show(project: Path, commit: str, name: PurePosixPath) -> bytes:
    return _git_bytes(project, "show", f"{commit}:./{name}", refusal=f"git cannot show {name} at {commit}")


def _git(project: Path, *arguments: str, refusal: str) -> str:
    try:
        return _git_bytes(project, *arguments, refusal=refusal).decode()
    except UnicodeDecodeError as error:
        raise SourceUnusable(refusal) from error


def _git_bytes(project: Path, *arguments: str, refusal: str) -> bytes:
    try:
        answer = subprocess.run(["git", *arguments], cwd=project, capture_output=True, timeout=GIT_TIMEOUT, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise SourceUnusable(refusal) from error
    return answer.stdout
