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

from ekiden.scenarios.definition import ScenarioDefinition

OPERATING_SETTINGS = ("name", "status", "disable_mode", "priority", "hold_expires_after_days")
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
    rows = connection.execute(
        """
        select
            scenarios.model_name, scenarios.scenario_id,
            to_jsonb(scenarios) - array['scenario_id', 'model_name', 'current_version_id', 'updated_at'] as settings,
            versions.definition, versions.live_function,
            array(
                select array[steps.step_no::text, steps.state]
                from outreach.scenario_steps as steps
                where steps.scenario_id = scenarios.scenario_id
            ) as step_states
        from outreach.scenarios
        left join outreach.scenario_versions as versions
            on scenarios.current_version_id = versions.scenario_version_id
        """
    ).fetchall()
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
        "relation_name": built.relation_name,
    }
    scenario_id = known.scenario_id if known else _add_scenario(connection, built.model_name, settings, now)
    if known and {name: known.settings[name] for name in settings} != settings:
        connection.execute(
            """
            update outreach.scenarios set
                scenario_code = %(scenario_code)s, scenario_name = %(scenario_name)s, status = %(status)s,
                disable_mode = %(disable_mode)s, priority = %(priority)s,
                hold_expires_after_days = %(hold_expires_after_days)s, relation_name = %(relation_name)s,
                updated_at = %(now)s
            where scenario_id = %(scenario_id)s
            """,
            {**settings, "scenario_id": scenario_id, "now": now},
        )
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
            """
            insert into outreach.scenario_steps (scenario_id, step_no, state) values (%s, %s, %s)
            on conflict (scenario_id, step_no) do update set state = excluded.state
            """,
            [(scenario_id, *change) for change in sorted(changed)],
        )


def _add_scenario(connection: Connection[Any], model: str, settings: Mapping[str, Any], now: datetime) -> int:
    row = connection.execute(
        """
        insert into outreach.scenarios (
            model_name, scenario_code, scenario_name, status, disable_mode, priority, hold_expires_after_days,
            relation_name, updated_at
        )
        values (
            %(model)s, %(scenario_code)s, %(scenario_name)s, %(status)s, %(disable_mode)s, %(priority)s,
            %(hold_expires_after_days)s, %(relation_name)s, %(now)s
        )
        returning scenario_id
        """,
        {**settings, "model": model, "now": now},
    ).fetchone()
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


def _identity(definition: dict[str, Any]) -> str:
    """Return what makes a version: the definition without what only switches or labels it."""
    identity = {key: value for key, value in definition.items() if key not in OPERATING_SETTINGS}
    identity["steps"] = [
        {key: value for key, value in step.items() if key != "state"} for step in definition.get("steps", [])
    ]
    return json.dumps(identity, sort_keys=True)
