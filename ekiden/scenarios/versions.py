"""One scenario as it was built, written into the ledger: its settings, its immutable versions and its steps' states.

Belongs here: what makes a new version, and writing only what is another. Does not belong here: which scenarios are
written (`registry`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from ekiden.database.statements import statement
from ekiden.scenarios.definition import ScenarioDefinition

OPERATING_SETTINGS = ("name", "status", "disable_mode", "priority", "hold_expires_after_days", "max_lateness")
"""Settings that switch, label, rank or tidy a scenario without changing what its rows mean: no new version for them."""


@dataclass(frozen=True)
class BuiltScenario:
    """One row of dbt's registry: the definition a table was built from."""

    model_name: str
    relation_name: str
    definition: dict[str, Any]
    live_function: str | None
    git_revision: str | None


@dataclass(frozen=True)
class KnownScenario:
    """What the ledger has of a model's scenario."""

    scenario_id: int
    settings: dict[str, Any]
    """The columns of `outreach.scenarios` that a build may change."""
    definition: dict[str, Any] | None
    live_function: str | None
    """Both of the current version; neither exists before there is one."""
    step_states: dict[int, str]


def known_scenarios(connection: Connection[Any]) -> dict[str, KnownScenario]:
    """Return the ledger's scenarios by model, archived ones too."""
    rows = connection.execute(statement(__file__, "known_scenarios")).fetchall()
    return {
        model: KnownScenario(
            scenario_id, settings, definition, live_function, {int(number): state for number, state in step_states}
        )
        for model, scenario_id, settings, definition, live_function, step_states in rows
    }


def write_scenario(
    connection: Connection[Any],
    built: BuiltScenario,
    definition: ScenarioDefinition,
    known: KnownScenario | None,
    now: datetime,
) -> None:
    """Write what is not as the build has it: a morning like every other writes nothing, and keeps no sender waiting."""
    settings = {
        "scenario_code": definition.code,
        "scenario_name": definition.name,
        "status": definition.status,
        "disable_mode": definition.disable_mode,
        "priority": definition.priority,
        "hold_expires_after_days": definition.hold_expires_after_days,
        "max_lateness_minutes": definition.max_lateness_minutes,
        "relation_name": built.relation_name,
    }
    scenario_id = known.scenario_id if known else _add_scenario(connection, built.model_name, settings, now)
    if known and {name: known.settings[name] for name in settings} != settings:
        connection.execute(statement(__file__, "set_scenario"), {**settings, "scenario_id": scenario_id, "now": now})
    if not known or not _is_current(known, built):
        _add_version(connection, scenario_id, built, definition, now)
    running, steps = definition.running_steps(), len(definition.steps)
    states = {number: "enabled" if number <= running else "force_stopped" for number in range(1, steps + 1)}
    if known and running < steps:
        # rows of an earlier version may wait for steps that are none any more, and those are below the stop as well
        states |= {number: "force_stopped" for number in known.step_states if number > steps}
    changed = states.items() - (known.step_states.items() if known else set())
    if changed:
        connection.cursor().executemany(
            statement(__file__, "set_step_state"),
            [{"scenario_id": scenario_id, "step_no": number, "state": state} for number, state in sorted(changed)],
        )


def _add_scenario(connection: Connection[Any], model: str, settings: Mapping[str, Any], now: datetime) -> int:
    row = connection.execute(statement(__file__, "add_scenario"), {**settings, "model": model, "now": now}).fetchone()
    assert row is not None
    return int(row[0])


def _is_current(known: KnownScenario, built: BuiltScenario) -> bool:
    return (
        known.definition is not None
        and _identity(known.definition) == _identity(built.definition)
        and known.live_function == built.live_function
    )


def _add_version(
    connection: Connection[Any],
    scenario_id: int,
    built: BuiltScenario,
    definition: ScenarioDefinition,
    now: datetime,
) -> None:
    row = connection.execute(
        statement(__file__, "add_version"),
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
        statement(__file__, "add_version_step"),
        [
            {
                "scenario_version_id": version_id,
                "step_no": number,
                "channel": step.channel,
                "offset_days": step.offset_days,
                "due_after_days": definition.due_after_days(step),
                "send_time": step.send_time,
                "auto_send_time": step.auto_send_time,
                "content": step.content or "",
            }
            for number, step in enumerate(definition.steps, start=1)
        ],
    )
    connection.execute(
        statement(__file__, "set_current_version"), {"scenario_version_id": version_id, "scenario_id": scenario_id}
    )


def _identity(definition: dict[str, Any]) -> str:
    """Return what makes a version: the definition without what only switches or labels it."""
    identity = {key: value for key, value in definition.items() if key not in OPERATING_SETTINGS}
    identity["steps"] = [
        {key: value for key, value in step.items() if key != "state"} for step in definition.get("steps", [])
    ]
    return json.dumps(identity, sort_keys=True)
