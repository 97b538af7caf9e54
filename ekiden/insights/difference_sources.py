"""A scenario as its files say, in the working tree, in another file or at a git revision. No database is here."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from ekiden.insights.built import unknown_scenario
from ekiden.scenarios.definition import FAULTS_KEY, OPTIONS, check
from ekiden.schedule.plan import UnknownScenario
from ekiden.warehouse.dbt import GIT_TIMEOUT

MODELS = PurePosixPath("models/eligibility")
"""Where scenarios stand in dbt's project."""

YAML_ENDINGS = (".yml", ".yaml")


class SourceUnusable(RuntimeError):
    """A scenario cannot be read from where it was looked for; the message says what is wrong there."""


@dataclass(frozen=True)
class ScenarioSource:
    """A scenario's definition and, where its author wrote it by hand, its SQL."""

    model_name: str
    definition: Mapping[str, Any]
    sql: str | None
    origin: str
    """Where it was read, for people."""


def working_source(project: Path, code: str) -> ScenarioSource:
    """Return the scenario as the working tree has it; raises `UnknownScenario` or `SourceUnusable`."""
    codes = []
    for file in sorted((project / MODELS).rglob("*")):
        if file.suffix not in YAML_ENDINGS:
            continue
        for model_name, definition in _scenarios(file.read_text(encoding="utf-8"), str(file)):
            codes.append(str(definition.get("code")))
            if definition.get("code") == code:
                return _checked(
                    ScenarioSource(model_name, definition, _sql_in(file.parent, model_name), "working tree")
                )
    raise UnknownScenario(unknown_scenario(code, sorted(set(codes))))


def file_source(file: Path, code: str) -> ScenarioSource:
    """Return the scenario of a code from another file, or the only one in it; raises `SourceUnusable`."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceUnusable(f"{file} cannot be read: {error}") from error
    found = list(_scenarios(text, str(file)))
    matching = [each for each in found if each[1].get("code") == code] or found
    if len(matching) != 1:
        raise SourceUnusable(f"{file} holds {len(found)} scenarios and none with the code {code!r}")
    model_name, definition = matching[0]
    return _checked(ScenarioSource(model_name, definition, _sql_in(file.parent, model_name), str(file)))


def revision_source(project: Path, revision: str, working: ScenarioSource) -> ScenarioSource:
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
    listed = _git(
        project, "ls-tree", "-r", "-z", "--name-only", commit, "--", str(MODELS), refusal="git ls-tree failed"
    )
    files = [name for name in listed.split("\0") if name]
    by_name: ScenarioSource | None = None
    for name in files:
        if not name.endswith(YAML_ENDINGS):
            continue
        text = _show(project, commit, name)
        # reading hundreds of files as YAML takes seconds
        if code not in text and working.model_name not in text:
            continue
        for model_name, definition in _scenarios(text, f"{name} at {revision}"):
            sql_name = str(PurePosixPath(name).parent / f"{model_name}.sql")
            sql = by_hand(_show(project, commit, sql_name)) if sql_name in files else None
            source = ScenarioSource(model_name, definition, sql, revision)
            if definition.get("code") == code:
                return _checked(source)
            if model_name == working.model_name:
                by_name = source
    if by_name is None:
        raise SourceUnusable(f"there was no scenario {code!r} at {revision}: it is new since")
    return _checked(by_name)


def by_hand(sql: str) -> str | None:
    """Return a model's SQL if its author wrote it; None where dbt compiles it from the definition."""
    return None if "eligibility(" in sql else sql


def _sql_in(folder: Path, model_name: str) -> str | None:
    file = folder / f"{model_name}.sql"
    return by_hand(file.read_text(encoding="utf-8")) if file.exists() else None


def _scenarios(text: str, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SourceUnusable(f"{place} is no YAML: {error}") from error
    models = document.get("models") if isinstance(document, Mapping) else None
    for model in models if isinstance(models, list) else ():
        scenario: Any = model
        for key in ("config", "meta", "scenario"):
            scenario = scenario.get(key) if isinstance(scenario, Mapping) else None
        if isinstance(scenario, Mapping):
            yield str(model.get("name")), scenario


def _checked(source: ScenarioSource) -> ScenarioSource:
    if FAULTS_KEY in source.definition:
        raise SourceUnusable(f"{FAULTS_KEY} is no setting of a scenario")
    checked = check(source.definition, options=OPTIONS)
    if checked.scenario is None:
        listed = "; ".join(f"{fault.place}: {fault.message}" for fault in checked.faults)
        raise SourceUnusable(f"the definition of {source.model_name} ({source.origin}) has faults: {listed}")
    return source


def _show(project: Path, commit: str, name: str) -> str:
    return _git(project, "show", f"{commit}:./{name}", refusal=f"git cannot show {name} at {commit}")


def _git(project: Path, *arguments: str, refusal: str) -> str:
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=project, capture_output=True, text=True, timeout=GIT_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        raise SourceUnusable(refusal) from error
    return answer.stdout
