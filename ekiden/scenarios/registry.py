"""From the registry that dbt fills to the ledger's scenarios, versions and steps.

Belongs here: keeping `outreach.scenarios` and its versions in step with what was last built. Does not belong here:
what a definition may say (`ekiden.scenarios.definition`).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from ekiden.scenarios.definition import FAULTS_KEY, DefinitionFault, ScenarioDefinition, check

OPERATING_SETTINGS = ("name", "status", "disable_mode", "priority", "hold_expires_after_days")
"""Settings that switch, label, rank or tidy a scenario without changing what its rows mean: no new version for them."""


@dataclass(frozen=True)
class BrokenScenario:
    """A model whose definition has faults: it is left out, the others go on."""

    model_name: str
    faults: tuple[DefinitionFault, ...]

    def __str__(self) -> str:
        listed = "; ".join(f"{fault.place}: {fault.message}" for fault in self.faults)
        return f"{self.model_name}: {listed}"


@dataclass(frozen=True)
class BuiltScenario:
    """One row of dbt's registry: the definition a table was built from."""

    model_name: str
    relation_name: str
    definition: dict[str, Any]
    live_function: str | None
    git_revision: str | None


def synchronise(
    connection: Connection[Any], *, now: datetime, options: Collection[str] = ()
) -> tuple[BrokenScenario, ...]:
    """Bring the ledger's scenarios in step with the last dbt build, within the caller's transaction.

    `options` are the deployment's (`Settings.options`): a definition that needs another one has a fault.

    An edited definition becomes a new version; a model that left the project is archived, unless a new model has its
    code: then it was only renamed, and nobody may run through the scenario a second time for that. Returns the models
    whose definitions have faults; their scenarios stay as they were.
    """
    # one synchronisation at a time: two planners that start together must not both make version 2
    connection.execute("select pg_advisory_xact_lock(hashtext('ekiden.scenarios'))")
    built = read_registry(connection)
    checked = {scenario.model_name: _check(scenario.definition, options) for scenario in built}
    wanted = {model: definition.code for model, (definition, _) in checked.items() if definition is not None}
    known = dict(connection.execute("select model_name, scenario_code from outreach.scenarios").fetchall())
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
            elif holder := holders.get(model) or former:
                message = f"the code {definition.code!r} is also that of model {holder}; choose another"
                definition, faults = None, (DefinitionFault("duplicate_code", "code", message),)
        if definition is None:
            broken.append(BrokenScenario(model, faults))
            continue
        _synchronise_one(connection, scenario, definition, now)
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


def version_identity(definition: dict[str, Any]) -> str:
    """Return what makes a version: the definition without what only switches or labels it."""
    identity = {key: value for key, value in definition.items() if key not in OPERATING_SETTINGS}
    identity["steps"] = [
        {key: value for key, value in step.items() if key != "state"} for step in definition.get("steps", [])
    ]
    return json.dumps(identity, sort_keys=True)


def _synchronise_one(
    connection: Connection[Any], built: BuiltScenario, definition: ScenarioDefinition, now: datetime
) -> None:
    values = {
        "model": built.model_name,
        "code": definition.code,
        "name": definition.name,
        "status": definition.status,
        "disable_mode": definition.disable_mode,
        "priority": definition.priority,
        "hold_expires_after_days": definition.hold_expires_after_days,
        "relation": built.relation_name,
        "now": now,
    }
    connection.execute(
        """
        insert into outreach.scenarios (
            model_name, scenario_code, scenario_name, status, disable_mode, priority, hold_expires_after_days,
            relation_name, updated_at
        )
        values (
            %(model)s, %(code)s, %(name)s, %(status)s, %(disable_mode)s, %(priority)s, %(hold_expires_after_days)s,
            %(relation)s, %(now)s
        )
        on conflict (model_name) do nothing
        """,
        values,
    )
    # not by `on conflict do update`: it locks the key even where nothing changes, and every sender whose next row
    # refers to this scenario would wait until the plan has ended
    connection.execute(
        """
        update outreach.scenarios set
            scenario_code = %(code)s, scenario_name = %(name)s, status = %(status)s, disable_mode = %(disable_mode)s,
            priority = %(priority)s, hold_expires_after_days = %(hold_expires_after_days)s,
            relation_name = %(relation)s, updated_at = %(now)s
        where
            model_name = %(model)s
            and (
                scenario_code, scenario_name, status, disable_mode, priority, hold_expires_after_days, relation_name
            ) is distinct from (
                %(code)s, %(name)s, %(status)s, %(disable_mode)s, %(priority)s::integer,
                %(hold_expires_after_days)s::integer, %(relation)s
            )
        """,
        values,
    )
    row = connection.execute(
        "select scenario_id, current_version_id from outreach.scenarios where model_name = %s", (built.model_name,)
    ).fetchone()
    assert row is not None
    scenario_id, current_version_id = row
    if not _is_current(connection, current_version_id, built):
        _add_version(connection, scenario_id, built, definition, now)
    running = definition.running_steps()
    connection.cursor().executemany(
        """
        insert into outreach.scenario_steps (scenario_id, step_no, state) values (%s, %s, %s)
        on conflict (scenario_id, step_no) do update set state = excluded.state
        """,
        [
            (scenario_id, number, "enabled" if number <= running else "force_stopped")
            for number in range(1, len(definition.steps) + 1)
        ],
    )


def _is_current(connection: Connection[Any], version_id: int | None, built: BuiltScenario) -> bool:
    if version_id is None:
        return False
    row = connection.execute(
        "select definition, live_function from outreach.scenario_versions where scenario_version_id = %s",
        (version_id,),
    ).fetchone()
    return (
        row is not None
        and version_identity(row[0]) == version_identity(built.definition)
        and row[1] == built.live_function
    )


def _add_version(
    connection: Connection[Any],
    scenario_id: int,
    built: BuiltScenario,
    definition: ScenarioDefinition,
    now: datetime,
) -> None:
    row = connection.execute(
        """
        insert into outreach.scenario_versions (
            scenario_id, version_no, definition, live_function, git_revision, created_at,
            reentry, enrol_at, zero_day, offset_basis, past_date_policy, past_time_today, consent_recheck, on_skip,
            look_back_days, period_from, period_to, send_window_from, send_window_to,
            on_retrigger, multi_delivery, reevaluate_on_update, backfill_as_of
        )
        select
            %(scenario_id)s, coalesce(max(version_no), 0) + 1, %(definition)s, %(live_function)s, %(git_revision)s,
            %(now)s, %(reentry)s, %(enrol_at)s, %(zero_day)s, %(offset_basis)s, %(past_date_policy)s,
            %(past_time_today)s, %(consent_recheck)s, %(on_skip)s, %(look_back_days)s, %(period_from)s, %(period_to)s,
            %(send_window_from)s, %(send_window_to)s, %(on_retrigger)s, %(multi_delivery)s, %(reevaluate_on_update)s,
            %(backfill_as_of)s
        from outreach.scenario_versions
        where scenario_id = %(scenario_id)s
        returning scenario_version_id
        """,
        {
            "scenario_id": scenario_id,
            "definition": Jsonb(built.definition),
            "live_function": built.live_function,
            "git_revision": built.git_revision,
            "now": now,
            "reentry": definition.reentry,
            "enrol_at": definition.enrols_at,
            "zero_day": definition.zero_means,
            "offset_basis": definition.offset_basis,
            "past_date_policy": definition.past_date_policy,
            "past_time_today": definition.past_time_today,
            "consent_recheck": definition.rechecks_consent,
            "on_skip": definition.on_skip,
            "look_back_days": definition.look_back_days,
            "period_from": definition.period.first if definition.period else None,
            "period_to": definition.period.last if definition.period else None,
            "send_window_from": definition.send_window.first if definition.send_window else None,
            "send_window_to": definition.send_window.last if definition.send_window else None,
            "on_retrigger": definition.on_retrigger,
            "multi_delivery": definition.multi_delivery,
            "reevaluate_on_update": definition.reevaluate_on_update,
            "backfill_as_of": definition.backfill_as_of,
        },
    ).fetchone()
    assert row is not None
    version_id = row[0]
    connection.cursor().executemany(
        """
        insert into outreach.scenario_version_steps
            (scenario_version_id, step_no, channel, offset_days, send_time, auto_send_time, content)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        [
            (
                version_id,
                number,
                step.channel,
                step.offset_days,
                step.send_time,
                step.auto_send_time,
                step.content or "",
            )
            for number, step in enumerate(definition.steps, start=1)
        ],
    )
    connection.execute(
        "update outreach.scenarios set current_version_id = %s where scenario_id = %s", (version_id, scenario_id)
    )


def _rename(connection: Connection[Any], former: str, model: str) -> None:
    connection.execute("update outreach.scenarios set model_name = %s where model_name = %s", (model, former))


def _archive_all_but(connection: Connection[Any], models: Sequence[str], now: datetime) -> None:
    connection.execute(
        """
        update outreach.scenarios set status = 'archived', updated_at = %s
        where model_name <> all(%s) and status <> 'archived'
        """,
        (now, list(models)),
    )
