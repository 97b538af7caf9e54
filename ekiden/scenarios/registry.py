"""From the registry that dbt fills to the ledger's scenarios, versions and steps.

Belongs here: keeping `outreach.scenarios` and its versions in step with what was last built. Does not belong here:
what a definition may say (`ekiden.scenarios.definition`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.scenarios.definition import FAULTS_KEY, DefinitionFault, ScenarioDefinition, check
from ekiden.scenarios.versions import BuiltScenario, known_scenarios, write_scenario


@dataclass(frozen=True)
class BrokenScenario:
    """A model whose definition, or whose table, has faults: it is left out, the others go on."""

    model_name: str
    faults: tuple[DefinitionFault, ...]

    def __str__(self) -> str:
        listed = "; ".join(f"{fault.place}: {fault.message}" for fault in self.faults)
        return f"{self.model_name}: {listed}"


def synchronise(
    connection: Connection[Any], *, now: datetime, options: Collection[str] = (), actor: str = ""
) -> tuple[BrokenScenario, ...]:
    """Bring the ledger's scenarios in step with the last dbt build, within the caller's transaction.

    `options` are the deployment's (`Settings.options`): a definition that needs another one has a fault.

    An edited definition becomes a new version; a model that left the project is archived, unless a new model has its
    code: then it was only renamed, and nobody may run through the scenario a second time for that. Returns the models
    whose definitions have faults; their scenarios stay as they were.

    What changes is recorded as the change of whoever acts on the ledger in this transaction; `actor` is who builds,
    where nobody does.
    """
    if actor:
        connection.execute(statement(__file__, "act_as_builder"), {"actor": actor, "now": now.isoformat()})
    # one synchronisation at a time: two planners that start together must not both make version 2
    connection.execute("select pg_advisory_xact_lock(hashtext('ekiden.scenarios'))")
    built = read_registry(connection)
    checked = {scenario.model_name: _check(scenario.definition, options) for scenario in built}
    wanted = {model: definition.code for model, (definition, _) in checked.items() if definition is not None}
    scenarios = known_scenarios(connection)
    known = {model: scenario.settings["scenario_code"] for model, scenario in scenarios.items()}
    holders = duplicate_codes(wanted, {model: code for model, code in known.items() if model in checked})
    gone = {code: model for model, code in known.items() if model not in checked}
    broken = []
    for scenario in built:
        model = scenario.model_name
        definition, faults = checked[model]
        if definition is not None:
            former = gone.get(definition.code)
            if former is not None and model not in known and model not in holders:
                _rename(connection, former, model)
                scenarios[model] = scenarios.pop(former)
            elif holder := holders.get(model) or former:
                message = f"the code {definition.code!r} is also that of model {holder}; choose another"
                definition, faults = None, (DefinitionFault("duplicate_code", "code", message),)
        if definition is None:
            broken.append(BrokenScenario(model, faults))
            continue
        write_scenario(connection, scenario, definition, scenarios.get(model), now)
    _archive_all_but(connection, list(checked), now)
    return tuple(broken)


def _check(
    definition: Mapping[str, Any], options: Collection[str]
) -> tuple[ScenarioDefinition | None, tuple[DefinitionFault, ...]]:
    if known := definition.get(FAULTS_KEY):
        return None, tuple(DefinitionFault("left_out", "scenario", str(message)) for message in known)
    checked = check(definition, options=frozenset(options))
    return checked.scenario, checked.faults


def duplicate_codes(wanted: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Return the models that cannot have the code they want, each with the model that has it.

    `wanted` and `known` (the ledger's) are codes by model. Who has a code already keeps it; a model that is left out
    keeps the one it has in the ledger, so that leaving out one can leave out another.
    """
    left_out: dict[str, str] = {}
    while True:
        holders = {code: model for model, code in known.items() if model not in wanted or model in left_out}
        more = {}
        for model in sorted(wanted, key=lambda model: (known.get(model) != wanted[model], model)):
            if model not in left_out and (holder := holders.setdefault(wanted[model], model)) != model:
                more[model] = holder
        if not more:
            return left_out
        left_out |= more


def is_built(connection: Connection[Any]) -> bool:
    """Return whether dbt has ever built here."""
    row = connection.execute("select to_regclass('eligibility.scenario_registry') is not null").fetchone()
    return bool(row and row[0])


def read_registry(connection: Connection[Any]) -> list[BuiltScenario]:
    """Return what dbt built last, by model name; nothing before the first build."""
    if not is_built(connection):
        return []
    rows = connection.execute(
        "select model_name, relation_name, definition, live_function, git_revision"
        " from eligibility.scenario_registry order by model_name"
    ).fetchall()
    return [BuiltScenario(*row) for row in rows]


def _rename(connection: Connection[Any], former: str, model: str) -> None:
    connection.execute("update outreach.scenarios set model_name = %s where model_name = %s", (model, former))


def _archive_all_but(connection: Connection[Any], models: Sequence[str], now: datetime) -> None:
    connection.execute(statement(__file__, "archive_all_but"), {"models": list(models), "now": now})
