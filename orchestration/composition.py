"""The composition root: everything Dagster shows and runs.

Belongs here: what is put together with what. Does not belong here: work at import, which is `definitions`, for
Dagster alone.
"""

import warnings
from collections.abc import Mapping
from typing import Any

from dagster import BetaWarning, Definitions, in_process_executor

from assets.definition_checks import definition_check_keys, definition_checks
from assets.deliveries import deliveries_asset
from assets.exports import exported_lists_spec
from assets.ledger_checks import ledger_checks
from assets.planned_days import KEY as PLANNED_DAYS
from assets.planned_days import every_day_planned_check
from assets.raw import raw_check_keys, raw_checks, raw_specs, raw_tables
from assets.schedule import step_schedule_asset
from assets.steps.partitions import due_dates
from assets.unknown import unknown_settled_check
from assets.warehouse import eligibility_keys, ledger_specs, warehouse_assets
from ekiden.settings import Settings
from ekiden.warehouse.manifest import read_manifest
from ekiden.warehouse.parsing import parse
from orchestration.executors import sending_executor
from orchestration.jobs.consent import CONSENT_JOBS
from orchestration.jobs.delivery_events import DELIVERY_EVENT_JOBS
from orchestration.jobs.lists import LIST_JOBS
from orchestration.jobs.looking import LOOKING_JOBS
from orchestration.jobs.planning import OP_JOBS, asset_jobs
from orchestration.jobs.sending import send_now_job
from orchestration.resources import build_resources
from orchestration.schedules import build_schedules, suppression_schedule
from sensors.delivery_events import delivery_events_sensor
from sensors.due_rows import due_rows_sensor
from sensors.list_files import list_files_sensor
from sensors.missed_days import missed_days_sensor


def build_defs(*, settings: Settings | None = None, resource_overrides: Mapping[str, Any] | None = None) -> Definitions:
    """Return the definitions of a deployment; `resource_overrides` replaces resources by name.

    Makes the dbt manifest if it is missing or older than the dbt project, the last one staying where dbt cannot read
    that; opens no database.
    """
    with warnings.catch_warnings():
        # single-run backfills and owners have been "beta" for years; said at every load, it would bury real warnings
        warnings.simplefilter("ignore", BetaWarning)
        return _build_defs(settings or Settings(), resource_overrides or {})


def _build_defs(settings: Settings, resource_overrides: Mapping[str, Any]) -> Definitions:
    manifest = read_manifest(parse(settings))
    days = due_dates(settings)
    tables = raw_tables(manifest)
    models = warehouse_assets(manifest)
    scenarios = eligibility_keys(manifest)
    source_checks = [*raw_check_keys(tables), *definition_check_keys(scenarios)]
    sending = sending_executor(settings)
    jobs = [
        *asset_jobs(days, models[0], source_checks, sending),
        send_now_job(settings.send_workers, sending),
        *OP_JOBS,
        *LIST_JOBS,
        *LOOKING_JOBS,
        *CONSENT_JOBS,
        *DELIVERY_EVENT_JOBS,
    ]
    return Definitions(
        assets=[
            *raw_specs(tables),
            *ledger_specs(manifest),
            *models,
            step_schedule_asset(days, list(scenarios.values())),
            deliveries_asset(days, settings.send_workers),
            exported_lists_spec(),
        ],
        asset_checks=[
            raw_checks(tables),
            definition_checks(scenarios),
            *ledger_checks(),
            every_day_planned_check(),
            unknown_settled_check(),
        ],
        jobs=jobs,
        schedules=[*build_schedules(settings), suppression_schedule(settings)],
        sensors=[
            due_rows_sensor(settings, days, jobs),
            missed_days_sensor(settings, jobs, PLANNED_DAYS),
            list_files_sensor(settings, jobs),
            delivery_events_sensor(settings, jobs),
        ],
        resources={**build_resources(settings), **resource_overrides},
        # steps follow each other and each is one statement or one subprocess: a process of its own for every step
        # would add 1.6 s to each
        executor=in_process_executor,
    )
