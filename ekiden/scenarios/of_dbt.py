"""What dbt takes in a model's entry of a yml file, apart from the scenario: its own settings, the columns, the tests.

Belongs here: what people get wrong there, as dbt would read none of the project, or not the scenario. Does not belong
here: what Ekiden asks of the entry (`source`). The list is not whole: what else dbt refuses, a build finds out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any

from ekiden.scenarios.faults import Location, meant, shown

MATERIALIZED = "materialized"
EPHEMERAL = "ephemeral"

SETTINGS: Mapping[str, tuple[type, ...]] = {
    "enabled": (bool,),
    "full_refresh": (bool, NoneType),
    MATERIALIZED: (str,),
    **dict.fromkeys(("alias", "schema", "database", "group"), (str, NoneType)),
    **dict.fromkeys(("incremental_strategy", "on_schema_change", "static_analysis"), (str, NoneType)),
    **dict.fromkeys(("tags", "packages"), (str, list)),
    "unique_key": (str, list, NoneType),
    **dict.fromkeys(("contract", "docs", "grants", "quoting", "persist_docs", "column_types"), (dict,)),
    **dict.fromkeys(("contract.enforced", "docs.show"), (bool,)),
}
"""What dbt takes in its own settings, under `config`."""

KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    dict: "a mapping, like {key: value}",
    list: "a list of texts",
}

CONSTRAINTS = ("check", "not_null", "unique", "primary_key", "foreign_key", "custom")
ACCESS = ("private", "protected", "public")

NO_RELATION = "a scenario is a table or a view, and an ephemeral model is neither"
"""Of a model that dbt writes into those that read it: a plan has nothing to read."""


@dataclass(frozen=True)
class EntryFault:
    """What is wrong with a model's entry, with the place from the entry down."""

    rule: str
    place: Location
    message: str


def entry_faults(model: Mapping[str, Any]) -> Iterator[EntryFault]:
    """Yield what dbt does not take in a model's entry."""
    config = model.get("config")
    config = config if isinstance(config, dict) else {}
    yield from _setting_faults(config)
    if config.get(MATERIALIZED) == EPHEMERAL:
        yield EntryFault("unknown_value", ("config", MATERIALIZED), f"{NO_RELATION}; leave the key out")
    if model.get("access") is not None:
        yield from _unknown(model["access"], ACCESS, "access", ("access",))
    if "access" in config:
        yield from _unknown(config["access"], ACCESS, "access", ("config", "access"))
    yield from _described_faults(model, ())
    columns = model.get("columns")
    for index, column in enumerate(columns if isinstance(columns, list) else ()):
        place = ("columns", index)
        if isinstance(column, dict):
            yield from _described_faults(column, place)
        else:
            yield EntryFault("wrong_type", place, "a column is a mapping, like {name: customer_id, data_type: text}")


def _setting_faults(config: Mapping[str, Any]) -> Iterator[EntryFault]:
    for name, kinds in SETTINGS.items():
        *outer, key = name.split(".")
        holder: Any = config
        for part in outer:
            holder = holder.get(part) if isinstance(holder, dict) else None
        if not isinstance(holder, dict) or key not in holder:
            continue
        value = holder[key]
        items = value if isinstance(value, list) else ()
        if isinstance(value, kinds) and all(isinstance(item, str) for item in items):
            continue
        taken = " or ".join(KINDS[kind] for kind in kinds if kind in KINDS)
        message = f"this is a setting of dbt's, which takes {taken} here; or leave the key out"
        yield EntryFault("wrong_type", ("config", *outer, key), message)


def _described_faults(holder: Mapping[str, Any], place: Location) -> Iterator[EntryFault]:
    """Yield what is wrong with the keys that a model and a column have in common."""
    if "description" in holder and not isinstance(holder["description"], str):
        message = "a description is a text; write one, in quotes if it looks like a number, or leave the key out"
        yield EntryFault("wrong_type", (*place, "description"), message)
    for key in ("data_tests", "tests"):
        if key in holder:
            yield from _test_faults(holder[key], (*place, key))
    if "data_tests" in holder and "tests" in holder:
        message = "`tests` is the former name of `data_tests`, and dbt takes no two; write all of them under data_tests"
        yield EntryFault("unknown_key", (*place, "tests"), message)
    if "constraints" in holder:
        yield from _constraint_faults(holder["constraints"], (*place, "constraints"))


def _test_faults(tests: Any, place: Location) -> Iterator[EntryFault]:
    if not isinstance(tests, list):
        yield EntryFault("wrong_type", place, "tests are a list, like [eligibility_contract]; or leave the key out")
        return
    for index, test in enumerate(tests):
        if not isinstance(test, str | dict):
            message = "a test is a name, like eligibility_contract, or a mapping, like {accepted_values: …}"
            yield EntryFault("wrong_type", (*place, index), message)


def _constraint_faults(constraints: Any, place: Location) -> Iterator[EntryFault]:
    if not isinstance(constraints, list):
        message = "constraints are a list, like [{type: not_null}]; or leave the key out"
        yield EntryFault("wrong_type", place, message)
        return
    for index, constraint in enumerate(constraints):
        if isinstance(constraint, dict):
            yield from _unknown(constraint.get("type"), CONSTRAINTS, "constraint", (*place, index, "type"))
        else:
            yield EntryFault("wrong_type", (*place, index), "a constraint is a mapping, like {type: not_null}")


def _unknown(value: Any, known: tuple[str, ...], what: str, place: Location) -> Iterator[EntryFault]:
    if value not in known:
        said = shown(value) or "nothing"
        message = f"dbt knows no {what} {said}{meant(value, list(known))}; there are: {', '.join(known)}"
        yield EntryFault("unknown_value", place, message)
