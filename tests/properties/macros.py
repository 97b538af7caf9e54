"""The dbt project's SQL without a run of dbt: its macros and models rendered in this process, in milliseconds.

Belongs here: dbt's own Jinja environment with every macro of the project, and the few names that dbt would give them.
Does not belong here: what the SQL should say. `test_macros` holds what is rendered here against `dbt compile`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from dbt_common.clients.jinja import get_environment
from dbt_common.exceptions.macros import MacroReturn

from ekiden.settings import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "dbt_project"
MODEL_LAYERS = ("staging", "marts", "segments")
"""What a scenario reads; a layer's name is its schema's."""
MACRO_PREFIX = "dbt_macro__"
"""What dbt's parser puts before the names of macros."""


class MacroFault(Exception):
    """What `exceptions.raise_compiler_error` of a macro says."""


@dataclass(frozen=True)
class Relation:
    """A relation's name as dbt renders it."""

    database: str | None
    schema: str
    identifier: str

    def __str__(self) -> str:
        parts = (self.database, self.schema, self.identifier)
        return ".".join(f'"{part}"' for part in parts if part is not None)

    def include(self, database: bool = True) -> "Relation":
        """Return the name with or without its database."""
        return self if database else Relation(None, self.schema, self.identifier)


class Exceptions:
    """What macros know as `exceptions`."""

    @staticmethod
    def raise_compiler_error(message: str) -> None:
        raise MacroFault(message)

    @staticmethod
    def warn(message: str) -> str:
        return ""


class Adapter:
    """What macros know as `adapter`."""

    @staticmethod
    def quote(identifier: str) -> str:
        return f'"{identifier}"'

    @staticmethod
    def get_columns_in_relation(relation: Relation) -> list[Any]:
        """Return nothing, as dbt does before anything is built: then what the yml says of a model counts."""
        return []


class RelationApi:
    """What macros know as `api.Relation`."""

    @staticmethod
    def create(database: str, schema: str, identifier: str) -> Relation:
        return Relation(database, schema, identifier)


class RenderedProject:
    """The project's macros, bound to a database's name and to settings.

    `segments` are the columns of tables that count as segments beside the project's own, `scenarios` the definitions
    of its models.
    """

    def __init__(
        self,
        database: str,
        environment: Mapping[str, str] | None = None,
        segments: Mapping[str, Sequence[str]] | None = None,
        scenarios: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._database = database
        self._scenarios = scenarios or {}
        self._variables = dict(environment or {})
        self._jinja = get_environment(None)
        self._read: set[str] = set()
        self._models = {
            path.stem: Relation(database, layer, path.stem)
            for layer in MODEL_LAYERS
            for path in sorted((PROJECT / "models" / layer).rglob("*.sql"))
        }
        self._models |= {name: Relation(database, "segments", name) for name in segments or {}}
        self._columns = _described_columns() | dict(segments or {})
        self._context: dict[str, Any] = self._names()
        for path in sorted((PROJECT / "macros").rglob("*.sql")):
            self._load_macros(path)

    def eligibility(self, scenario: Mapping[str, Any], reading: str) -> str:
        """Return the query of a definition in one of the readings."""
        return str(self.call("eligibility_query", dict(scenario), reading=reading))

    def call(self, macro: str, *arguments: Any, **named: Any) -> Any:
        """Return what a macro yields; MacroFault with its words where it refuses."""
        return self._context[macro](*arguments, **named)

    def model(self, name: str) -> str:
        """Return the SQL of one of the project's models."""
        relation = self._models[name]
        path = next((PROJECT / "models" / relation.schema).rglob(f"{name}.sql"))
        return str(self._jinja.from_string(path.read_text(encoding="utf-8")).render(self._context))

    def models(self) -> dict[str, tuple[Relation, str]]:
        """Return each model that scenarios read, with its SQL, in an order in which they can be created."""
        queries: dict[str, str] = {}
        reads: dict[str, set[str]] = {}
        for name, relation in self._models.items():
            if any((PROJECT / "models" / relation.schema).rglob(f"{name}.sql")):
                self._read = set()
                queries[name] = self.model(name)
                reads[name] = self._read & self._models.keys()
        order = TopologicalSorter(reads).static_order()
        return {name: (self._models[name], queries[name]) for name in order if name in queries}

    def _load_macros(self, path: Path) -> None:
        template = self._jinja.from_string(path.read_text(encoding="utf-8"))
        module = template.make_module(self._context)
        for name, macro in vars(module).items():
            if name.startswith(MACRO_PREFIX):
                self._context[name.removeprefix(MACRO_PREFIX)] = _returning(macro)

    def _names(self) -> dict[str, Any]:
        """Return what dbt gives a template at compile time, as far as the project uses it."""

        def ref(name: str) -> Relation:
            self._read.add(name)
            return self._models[name]

        def give_back(value: Any = None) -> None:
            raise MacroReturn(value)

        nodes = {
            f"model.ekiden.{name}": {
                "resource_type": "model",
                "name": name,
                "fqn": ["ekiden", relation.schema, name],
                "relation_name": str(relation),
                "unique_id": f"model.ekiden.{name}",
                "schema": relation.schema,
                "database": relation.database,
                "alias": name,
                "columns": {column: {"name": column} for column in self._columns.get(name, ())},
            }
            for name, relation in self._models.items()
        }
        for name, definition in self._scenarios.items():
            nodes[f"model.ekiden.{name}"] = {
                "resource_type": "model",
                "name": name,
                "fqn": ["ekiden", "eligibility", name],
                "config": {"meta": {"scenario": definition}},
            }
        sources = yaml.safe_load((PROJECT / "models" / "staging" / "sources.yml").read_text(encoding="utf-8"))
        schemas = {"raw": "raw", **{s["name"]: s["schema"] for s in sources["sources"] if s["name"] != "raw"}}
        return {
            "ref": ref,
            "source": lambda name, table: Relation(self._database, schemas[name], table),
            "env_var": lambda name, default=None: self._variables.get(name, default),
            "var": lambda name, default=None: default,
            "return": give_back,
            "exceptions": Exceptions(),
            "adapter": Adapter(),
            "api": {"Relation": RelationApi()},
            "graph": {"nodes": nodes},
            "execute": True,
            # no model is at hand: everyone's reading
            "model": {},
            "config": lambda *arguments, **settings: "",
            "is_incremental": lambda: False,
            "tojson": lambda value, default=None, sort_keys=False: json.dumps(value, sort_keys=sort_keys),
            "local_md5": lambda text: hashlib.md5(text.encode()).hexdigest(),
            "invocation_id": "",
            "target": {"schema": "public", "database": self._database},
        }


def _described_columns() -> dict[str, Sequence[str]]:
    """Return the columns of each model that its yml describes."""
    documents = [
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for layer in MODEL_LAYERS
        for path in sorted((PROJECT / "models" / layer).rglob("*.yml"))
    ]
    models = [model for document in documents for model in document.get("models", [])]
    return {model["name"]: [column["name"] for column in model.get("columns", [])] for model in models}


def _returning(macro: Callable[..., Any]) -> Callable[..., Any]:
    """Return the macro with dbt's `return`: a value instead of text."""

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return macro(*arguments, **named)
        except MacroReturn as returned:
            return returned.value

    return call
