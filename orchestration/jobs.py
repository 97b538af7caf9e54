"""The jobs a person or a schedule starts.

Belongs here: which assets or domain calls make a job, and what it logs. Does not belong here: what they do.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetMaterialization,
    AssetsDefinition,
    AssetSelection,
    DailyPartitionsDefinition,
    JobDefinition,
    MetadataValue,
    OpExecutionContext,
    ResourceParam,
    define_asset_job,
    job,
    op,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets import deliveries, schedule
from assets.acting import run_context
from assets.deliveries import send_metadata, sent_by_due_date
from assets.sample import SampleKeeper
from assets.schedule import day_metadata, plan_metadata
from assets.tables import count_table, markdown_table
from assets.warehouse import HISTORY_ROOM
from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Channel
from ekiden.delivery.send import send_due
from ekiden.schedule.operators import release
from ekiden.schedule.plan import plan
from ekiden.schedule.rows import ScheduleRow, search, summary
from ekiden.settings import Settings
from orchestration.job_config import BackfillDays, ReleaseHeldRows, SendNow

SAMPLE_ROWS = 20
"""Rows shown of those that a release would touch."""


def asset_jobs(
    due_dates: DailyPartitionsDefinition, built: AssetsDefinition, looks: Sequence[AssetCheckKey]
) -> list[UnresolvedAssetJobDefinition]:
    """Return the jobs that materialise assets; `built` are the models planning reads, `looks` the checks of sources."""
    delivered = AssetSelection.assets(deliveries.KEY)
    return [
        define_asset_job(
            "plan_day",
            selection=AssetSelection.checks(*looks)
            | AssetSelection.assets(built)
            | AssetSelection.assets(schedule.KEY),
            partitions_def=due_dates,
            description="Look at the raw tables and scenarios, build the warehouse, plan a local day. Sends nothing.",
        ),
        define_asset_job(
            "send_due_rows",
            # the ledger's checks read all of it: once a day, not with every run
            selection=delivered.without_checks(),
            partitions_def=due_dates,
            description="Send what is ready and due now, of one local due date. The sensor starts it.",
        ),
        define_asset_job(
            "refresh_history",
            selection=AssetSelection.groups(HISTORY_ROOM) | (delivered - delivered.without_checks()),
            description="Build what looks back at the ledger, and check what was delivered.",
        ),
    ]


@op(
    description="Plan missed days in one run. Rows due before today are held; nothing is sent.",
    tags={"kind": "ledger"},
)
def plan_missed_days(
    context: OpExecutionContext,
    config: BackfillDays,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Callable[[], datetime]],
) -> None:
    """Plan the days of the config, as materialisations of `step_schedule`."""
    first_day, last_day = config.days()
    with connect(settings, autocommit=True) as connection:
        report = plan(
            connection,
            first_day,
            last_day,
            now=clock(),
            settings=settings,
            context=run_context(context),
            scenarios=config.scenarios or None,
        )
        for scenario in report.broken:
            context.log.error(f"left out, its definition has faults: {scenario}")
        for day in _days_between(first_day, last_day):
            metadata = {**plan_metadata(report), **day_metadata(connection, day)}
            context.log_event(AssetMaterialization(schedule.KEY, partition=day.isoformat(), metadata=metadata))
    _show(context, plan_metadata(report))


@op(description="Let held rows be sent: on their step's time today if that is still ahead, else now.")
def release_rows(
    context: OpExecutionContext,
    config: ReleaseHeldRows,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Callable[[], datetime]],
) -> None:
    """Release the rows of the config, or show which they are."""
    row_filter = config.row_filter()
    with connect(settings, autocommit=True) as connection:
        counts = summary(connection, row_filter)
        sample = search(connection, row_filter, limit=SAMPLE_ROWS)
        metadata = {
            "matching": MetadataValue.md(count_table(counts)),
            "first_rows": MetadataValue.md(row_table(sample)),
            "rows_matching": MetadataValue.int(sum(count.rows for count in counts)),
            "rows_released": MetadataValue.int(0),
        }
        if config.dry_run:
            context.log.info("dry run: nothing was released; set dry_run to false to release these rows")
        else:
            report = release(
                connection,
                row_filter,
                now=clock(),
                settings=settings,
                context=run_context(context, actor=config.actor),
                limit=config.limit,
            )
            metadata["rows_released"] = MetadataValue.int(report.changed)
            metadata["ledger_run_id"] = MetadataValue.text(str(report.run_id))
    _show(context, metadata)


@op(description="Send everything that is ready and due now, until nothing is.")
def send_due_now(
    context: OpExecutionContext,
    config: SendNow,
    settings: ResourceParam[Settings],
    channel: ResourceParam[Channel],
    clock: ResourceParam[Callable[[], datetime]],
) -> None:
    """Send what is due, as materialisations of `deliveries` for the due dates the messages belong to."""
    day = config.day()
    keeper = SampleKeeper(channel)
    with connect(settings, autocommit=True) as connection:
        report = send_due(
            connection,
            channel=keeper,
            settings=settings,
            clock=clock,
            context=run_context(context),
            due_date=day,
        )
        sent_days = sent_by_due_date(connection, report.run_id)
    metadata = send_metadata([(day, report)], keeper)
    for sent_day, messages in sent_days:
        context.log_event(
            AssetMaterialization(
                deliveries.KEY,
                partition=sent_day.isoformat(),
                metadata={**metadata, "sent_of_this_due_date": MetadataValue.int(messages)},
            )
        )
    _show(context, metadata)


@job(description="Plan missed days in one run: creates held rows for days gone by, sends nothing.")
def backfill_days() -> None:
    """Plan the days from one date to another."""
    plan_missed_days()


@job(description="Let held rows be sent. A dry run first shows which; only a person may do this.")
def release_held_rows() -> None:
    """Release held rows by filter."""
    release_rows()


@job(description="Send what is ready and due, at once, without waiting for the sensor.")
def send_now() -> None:
    """Send what is due."""
    send_due_now()


OP_JOBS: tuple[JobDefinition, ...] = (backfill_days, release_held_rows, send_now)


def row_table(rows: Iterable[ScheduleRow]) -> str:
    """Return rows as a Markdown table for an operator."""
    return markdown_table(
        ("scenario", "customer", "step", "due", "state", "reason"),
        ((row.scenario_code, row.customer_id, row.step_no, row.due_date, row.state_ja, row.reason) for row in rows),
    )


def _days_between(first_day: date, last_day: date) -> list[date]:
    return [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]


def _show(context: OpExecutionContext, metadata: Mapping[str, Any]) -> None:
    """Put a job's metadata where its run shows it: on the op's output, and the counts in the log."""
    context.add_output_metadata(dict(metadata))
    counts = {name: value.value for name, value in metadata.items() if isinstance(value.value, int)}
    context.log.info(", ".join(f"{name}: {value:,}" for name, value in counts.items()))
