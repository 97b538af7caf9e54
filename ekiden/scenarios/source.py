"""Scenarios as they stand in the project's files: `models/eligibility/<name>.yml` and `.sql`, with the place of all.

Belongs here: finding a scenario's files, and what must be right about them before the definition can be looked at.
Does not belong here: what a definition may say (`definition`), and rules between scenarios (`validate`).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from ekiden.scenarios.document import Document, read_document
from ekiden.scenarios.faults import Location, meant
from ekiden.scenarios.model_sql import CONFIG, ModelSql, read_model_sql
from ekiden.scenarios.of_dbt import MATERIALIZED, NO_RELATION, entry_faults
from ekiden.scenarios.yaml_complaints import START, DocumentFault, Position
from ekiden.scenarios.yaml_reader import TEMPLATE

ELIGIBILITY = Path("models") / "eligibility"
SEGMENTS = Path("models") / "segments"
SUFFIXES = (".yml", ".yaml")

COLUMNS: Mapping[str, str] = {
    "customer_id": "text",
    "anchor_kind": "text",
    "anchor_key": "text",
    "anchor_at": "timestamptz",
    "anchor_date": "date",
    "entry_during": "tstzmultirange",
    "stop_during": "tstzmultirange",
}
"""The contract of an eligibility model; dbt builds none whose file does not name them with their types."""

MODEL_NAME = re.compile(r"[a-z_][a-z0-9_]*")
"""What dbt, PostgreSQL and Dagster all take as a name without quotes."""

MAX_MODEL_NAME = 45
"""PostgreSQL cuts names at 63 bytes; a live function appends 12 characters and a suffix of its own."""

REGISTRY = "scenario_registry"
"""The table beside the models' own in which dbt keeps what it built; a model of that name would replace it."""

NAME_RULE = f"a model's name is made of a-z, 0-9 and _, at most {MAX_MODEL_NAME} characters, and not {REGISTRY}"


def can_name_a_model(name: str) -> bool:
    """Return whether a scenario's model, and with it its table, can be called so."""
    return MODEL_NAME.fullmatch(name) is not None and len(name) <= MAX_MODEL_NAME and name != REGISTRY


@dataclass(frozen=True)
class SourceFault:
    """What is wrong with a scenario's files, apart from the definition."""

    rule: str
    file: Path
    position: Position
    message: str
    place: Location = ()
    stops_dbt: bool = True
    """Whether dbt could not go on with the other models."""


@dataclass(frozen=True)
class ScenarioSource:
    """One scenario's files."""

    model_name: str
    file: Path | None
    """The YAML file; None where there is only SQL."""
    sql: ModelSql | None
    definition: Any = None
    """What stands under `config.meta.scenario`; None where nothing readable does."""
    root: Location = ()
    """The place of the definition within the file."""
    faults: tuple[SourceFault, ...] = ()
    document: Document | None = field(default=None, repr=False)

    def position(self, location: Location, *, of_key: bool = False) -> Position:
        """Return where a place of the definition stands in the file."""
        if self.document is None:
            return START
        return self.document.position((*self.root, *location), of_key=of_key)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that there are."""
        return tuple(file for file in (self.file, self.sql.file if self.sql else None) if file is not None)

    @property
    def stops_dbt(self) -> bool:
        return any(fault.stops_dbt for fault in self.faults)


@dataclass(frozen=True)
class ProjectSources:
    """Every scenario of a dbt project, and faults of files that are nobody's."""

    scenarios: tuple[ScenarioSource, ...]
    faults: tuple[SourceFault, ...]
    segments: frozenset[str]
    """Names of the models under models/segments."""


def read_project(project: Path, extra: Iterable[Path] = ()) -> ProjectSources:
    """Return the scenarios of a dbt project and of `extra` YAML files elsewhere; never raises for what is in them."""
    folder = project / ELIGIBILITY
    files = [*found_files(folder, SUFFIXES), *(path for path in extra if path.suffix.lower() in SUFFIXES)]
    queries = [*found_files(folder, (".sql",)), *(path for path in extra if path.suffix.lower() == ".sql")]
    others = {path.stem for path in found_files(project / "models", (".sql",)) if folder not in path.parents}
    queries += [path.with_suffix(".sql") for path in extra if path.with_suffix(".sql").is_file()]
    by_name = {path.stem: path for path in reversed(queries)}
    segments = frozenset(path.stem for path in found_files(project / SEGMENTS, (".sql",)))
    loose = list(_repeated(found_files(folder, (".sql",))))
    scenarios: list[ScenarioSource] = []
    for file in dict.fromkeys(files):
        scenarios += _scenarios_in(file, by_name, loose, taken={each.model_name for each in scenarios}, others=others)
    described = {scenario.model_name for scenario in scenarios}
    for name, path in sorted(by_name.items()):
        if name not in described:
            scenarios.append(_without_definition(name, path))
    return ProjectSources(tuple(scenarios), tuple(loose), segments)


def is_read(path: PurePath, suffixes: Collection[str]) -> bool:
    """Return whether a file is one of a scenario by its name."""
    # what editors and systems lay beside a file; dbt reads none of it either, and suffixes in any case
    return path.suffix.lower() in suffixes and not path.name.startswith((".", "#", "~"))


def found_files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files below a folder that are read, in the order in which they are."""
    return sorted(path for path in folder.rglob("*") if is_read(path, suffixes) and not path.is_dir())


def _repeated(queries: Iterable[Path]) -> Iterator[SourceFault]:
    """Yield a fault for each SQL file of a model that another one is of already: dbt would read none of the project."""
    first: dict[str, Path] = {}
    for path in queries:
        if (other := first.setdefault(path.stem, path)) != path:
            message = (
                f"{other.name} in {other.parent.name} is the model {path.stem} already; rename or delete this file"
            )
            yield SourceFault("duplicate_model", path, START, message)


def _without_definition(name: str, path: Path) -> ScenarioSource:
    message = f"there is no definition: no YAML file here describes a model {name}; see `ekiden scenario new`"
    faults = [SourceFault("definition_missing", path, START, message)]
    if not can_name_a_model(name):
        faults.append(SourceFault("model_name", path, START, NAME_RULE))
    return ScenarioSource(name, None, read_model_sql(path), faults=tuple(faults))


def _scenarios_in(
    file: Path,
    queries: Mapping[str, Path],
    loose: list[SourceFault],
    *,
    taken: Collection[str],
    others: Collection[str],
) -> Iterator[ScenarioSource]:
    """Yield the scenarios of one file; faults that belong to none of them go to `loose`."""
    document = read_document(file)
    faults = [_of_document(file, fault) for fault in document.faults]
    models = _models(file, document, faults)
    if not models:
        if faults and file.stem in queries:
            yield ScenarioSource(
                file.stem, file, read_model_sql(queries[file.stem]), faults=tuple(faults), document=document
            )
        else:
            loose += faults
        return
    seen = set(taken)
    described = {("models", index) for index, _ in models}
    for index, model in models:
        root: Location = ("models", index)
        name = model["name"]
        own = [fault for fault in faults if len(models) == 1 or _concerns(fault, root, described)]
        own += _name_faults(file, document, root, name, seen, others)
        seen.add(name)
        sql = read_model_sql(queries[name]) if name in queries else None
        if sql is None:
            message = f"there is no {name}.sql; its one line is {{{{ eligibility() }}}}"
            position = document.position((*root, "name"))
            own.append(SourceFault("model_missing", file, position, message, (*root, "name"), stops_dbt=False))
        elif sql.ephemeral_line is not None:
            message = f"{NO_RELATION}; leave `{MATERIALIZED}` out of `{CONFIG}(…)`"
            own.append(SourceFault("unknown_value", sql.file, Position(sql.ephemeral_line, 1), message))
        definition, place = _definition(file, document, root, model, own)
        own += _entry_faults(file, document, root, model)
        own += _column_faults(file, document, root, model, compiled_here=sql is not None and sql.compiled_here)
        yield ScenarioSource(name, file, sql, definition, place, tuple(own), document)


def _concerns(fault: SourceFault, root: Location, described: Collection[Location]) -> bool:
    """Return whether a fault of a file is one of the model at `root`, beside other models that are described there."""
    place = fault.place[:2]
    # Jinja is read value by value, so that another model's does no harm once that model is a stub
    return place == root or (fault.stops_dbt and not (fault.rule == TEMPLATE and place in described))


def _of_document(file: Path, fault: DocumentFault) -> SourceFault:
    return SourceFault(fault.rule, file, fault.position, fault.message, fault.location, fault.stops_dbt)


def _models(file: Path, document: Document, faults: list[SourceFault]) -> list[tuple[int, dict[str, Any]]]:
    """Return the file's models that have a name, each with its index; what else it says adds to `faults`."""
    if document.root is None:
        return []

    def wrong(location: Location, message: str) -> None:
        faults.append(SourceFault("wrong_type", file, document.position(location), message, location))

    if not isinstance(document.value, dict):
        wrong((), "the file is a mapping that begins with 'models:'")
        return []
    models = document.value.get("models")
    if models is None and "models" in document.value:
        wrong(("models",), "nothing stands below 'models'; write '- name: ...' there")
        return []
    if models is None:
        for key in document.value:
            if guess := meant(key, ["models"]):
                message = f"there is no such key{guess}"
                position = document.position((key,), of_key=True)
                faults.append(SourceFault("unknown_key", file, position, message, (key,)))
        return []
    if not isinstance(models, list):
        wrong(("models",), "'models' is a list; write '- name: ...' below it")
        return []
    named = []
    for index, model in enumerate(models):
        if not isinstance(model, dict):
            wrong(("models", index), "a model is a mapping that begins with 'name:'")
        elif not isinstance(model.get("name"), str) or not model["name"]:
            wrong(("models", index, "name"), "a model needs a name: the stem of its .sql file")
        else:
            named.append((index, model))
    return named


def _name_faults(
    file: Path, document: Document, root: Location, name: str, seen: Collection[str], others: Collection[str]
) -> Iterator[SourceFault]:
    place = (*root, "name")
    position = document.position(place)
    if name in seen:
        yield SourceFault("duplicate_model", file, position, f"the model {name} is described twice", place)
    elif name in others:
        message = f"another model of the project is called {name}; choose another name"
        yield SourceFault("duplicate_model", file, position, message, place)
    elif not can_name_a_model(name):
        yield SourceFault("model_name", file, position, NAME_RULE, place)


def _definition(
    file: Path, document: Document, root: Location, model: Mapping[str, Any], faults: list[SourceFault]
) -> tuple[Any, Location]:
    """Return what stands under `config.meta.scenario`, and its place."""
    value: Any = model
    place = root
    for key in ("config", "meta", "scenario"):
        place = (*place, key)
        value = value.get(key)
        if value is None:
            message = "the scenario is missing; it stands under config, meta, scenario"
            faults.append(SourceFault("definition_missing", file, document.position(place), message, place))
            return None, place
        if not isinstance(value, dict):
            message = f"'{key}' is a mapping" + ("" if key == "scenario" else "; the scenario stands below it")
            faults.append(SourceFault("not_a_mapping", file, document.position(place), message, place))
            return None, place
    return value, place


def _entry_faults(file: Path, document: Document, root: Location, model: Mapping[str, Any]) -> Iterator[SourceFault]:
    for fault in entry_faults(model):
        place = (*root, *fault.place)
        yield SourceFault(fault.rule, file, document.position(place), fault.message, place)


def _column_faults(
    file: Path, document: Document, root: Location, model: Mapping[str, Any], *, compiled_here: bool
) -> Iterator[SourceFault]:
    """The contract is dbt's: without every column and its type it builds nothing."""
    columns = model.get("columns")
    place = (*root, "columns")
    if not isinstance(columns, list):
        message = "the columns of the contract are missing; copy them from another scenario's file"
        yield SourceFault("columns_missing", file, document.position(place), message, place)
        return
    types = {
        column["name"]: str(column.get("data_type")).lower()
        for column in columns
        if isinstance(column, dict) and isinstance(column.get("name"), str)
    }
    missing = ", ".join(f"{name} ({kind})" for name, kind in COLUMNS.items() if types.get(name) != kind)
    # a model written by hand may yield more than the contract asks for
    extra = ", ".join(name for name in types if name not in COLUMNS) if compiled_here else ""
    if missing:
        message = f"columns of the contract are missing or of another data_type: {missing}"
        yield SourceFault("columns_missing", file, document.position(place), message, place)
    if extra:
        message = f"columns that the contract does not know: {extra}"
        yield SourceFault("columns_unknown", file, document.position(place), message, place)
