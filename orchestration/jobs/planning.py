"""The jobs that materialise assets or plan missed days, whoever starts them: a person, a schedule or a sensor.

Belongs here: which assets or domain calls make a job, and what it logs. Does not belong here: what they do, and the
operators' actions (`operating`).
"""

from collections.abc import Sequence
from datetime import date, timedelta

from dagster import (
    AssetCheckKey,
    AssetMaterialization,
    AssetsDefinition,
    AssetSelection,
    DailyPartitionsDefinition,
    ExecutorDefinition,
    JobDefinition,
    OpExecutionContext,
    ResourceParam,
    define_asset_job,
    job,
    op,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets import deliveries, planned_days, schedule
from assets.schedule import content_metadata, day_metadata, plan_metadata
from assets.steps.acting import ledger, run_context
from assets.steps.refusals import refusing
from assets.warehouse import HISTORY_SCHEMA
from ekiden.clock import Clock
from ekiden.errors import SaysEnough
from ekiden.schedule.planning.missed import find_missed_days, span
from ekiden.schedule.planning.plan import plan
from ekiden.settings import Settings
from orchestration.jobs.forms import BackfillDays
from orchestration.jobs.names import BACKFILL_JOB, BACKFILL_OP, HISTORY_JOB, PLANNING_JOB
from orchestration.jobs.operating import OPERATOR_JOBS
from orchestration.jobs.showing import show
from sensors.due_rows import SENDING_JOB, SENDING_TAGS
from sensors.missed_days import CHECKING_JOB


def asset_jobs(
    due_dates: DailyPartitionsDefinition,
    built: AssetsDefinition,
    source_checks: Sequence[AssetCheckKey],
    sending: ExecutorDefinition,
) -> list[UnresolvedAssetJobDefinition]:
    """Return the jobs that materialise assets.

    `built` are the models planning reads, `source_checks` those of raw tables and definitions, `sending` is where send
    workers run.
    """
    delivered = AssetSelection.assets(deliveries.KEY)
    return [
        define_asset_job(
            PLANNING_JOB,
            selection=AssetSelection.checks(*source_checks)
            | AssetSelection.assets(built)
            | AssetSelection.assets(schedule.KEY),
            partitions_def=due_dates,
            description="Look at the raw tables and scenarios, build the warehouse, plan a local day. Sends nothing.",
        ),
        define_asset_job(
            SENDING_JOB,
            # the ledger's checks read all of it: once a day, not with every run
            selection=delivered.without_checks(),
            partitions_def=due_dates,
            executor_def=sending,
            tags=SENDING_TAGS,
            description="Send what is ready and due now, of one local due date. The sensor starts it.",
        ),
        define_asset_job(
            HISTORY_JOB,
            selection=AssetSelection.groups(HISTORY_SCHEMA)
            | AssetSelection.checks_for_assets(schedule.KEY, deliveries.KEY),
            description="Build what looks back at the ledger, and check what was planned and delivered.",
        ),
        define_asset_job(
            CHECKING_JOB,
            selection=AssetSelection.checks(planned_days.KEY),
            description="Look whether every local day has been planned. The sensor starts it when that changed.",
        ),
    ]


@op(
    name=BACKFILL_OP,
    description=f"Plan missed days in one run. Nothing is sent by it; {schedule.PAST_DATES}.",
    tags={"kind": "ledger"},
)
def plan_missed_days(
    context: OpExecutionContext,
    config: BackfillDays,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Plan the days of the config, as materialisations of `step_schedule`."""
    now = clock()
    today = settings.local_date(now)
    with refusing():
        asked, acting = config.days(), run_context(context, actor=config.actor or None)
    with ledger(settings) as connection, refusing(SaysEnough):
        days = asked or span(find_missed_days(connection, now=now, settings=settings))
        if days is None:
            context.log.info("no day was missed: there is nothing to plan")
            return
        if days[1] > today:
            context.log.warning("days after today are left for their own planning")
        report = plan(
            connection,
            *days,
            now=now,
            settings=settings,
            context=acting,
            scenarios=config.scenarios or None,
            dry_run=config.dry_run,
        )
        for scenario in report.left_out:
            context.log.error(f"left out: {scenario}")
        for version in report.unanswered:
            context.log.error(f"not stopped: {version}")
        if config.dry_run:
            context.log.info("dry run: nothing was planned; set dry_run to false to plan these days")
        planned = [] if config.dry_run else _days_between(days[0], min(days[1], today))
        told = plan_metadata(report, today=today) | content_metadata(connection, settings)
        for day in planned:
            metadata = {**told, **day_metadata(connection, day)}
            context.log_event(AssetMaterialization(schedule.KEY, partition=day.isoformat(), metadata=metadata))
    show(context, told)


@job(name=BACKFILL_JOB, description=f"Plan missed days in one run: sends nothing; {schedule.PAST_DATES}.")
def backfill_days() -> None:
    """Plan the days from one date to another."""
    plan_missed_days()


OP_JOBS: tuple[JobDefinition, ...] = (backfill_days, *OPERATOR_JOBS)


def _days_between(first_day: date, last_day: date) -> list[date]:
    return [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
