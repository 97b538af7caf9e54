"""`step_schedule`: the planning of a local day, or of missed days in one run.

Belongs here: what a planning run tells. Does not belong here: who is planned and how (`ekiden.schedule`).
"""

from collections.abc import Sequence
from datetime import date

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    DailyPartitionsDefinition,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
)
from psycopg import Connection
from pydantic import Field

from assets.shown.tables import count_table, decision_table, eligibility_table, rows_in
from assets.steps.acting import ledger, run_context
from assets.steps.partitions import days_of
from assets.steps.refusals import refusing
from ekiden.clock import Clock
from ekiden.delivery.sending.contents import faults_in_use
from ekiden.errors import SaysEnough
from ekiden.schedule.planning.plan import PlanReport, plan
from ekiden.schedule.rows import RowFilter, summary
from ekiden.settings import Settings

KEY = AssetKey("step_schedule")
GROUP = "outreach"

PAST_DATES = (
    "rows due before today are held, unless their scenario's past_date_policy says skip (no row) or send_now (the next "
    "send sends them)"
)
"""Said wherever days can be planned."""


class PlanConfig(Config):
    """What to plan."""

    scenarios: list[str] = Field(
        default=[],
        description="Codes of the scenarios to plan, like cross_sell. Empty: every enabled one.",
    )


def step_schedule_asset(due_dates: DailyPartitionsDefinition, eligibility: Sequence[AssetKey]) -> AssetsDefinition:
    """Return the asset of the planned days, downstream of every scenario's model."""

    @asset(
        key=KEY,
        description=(
            f"The schedule rows that planning a local due date created. Whichever day is planned, {PAST_DATES}. "
            "What is held waits for a person; planning a day again changes no row."
        ),
        partitions_def=due_dates,
        backfill_policy=BackfillPolicy.single_run(),
        deps=list(eligibility),
        group_name=GROUP,
        owners=["team:marketing"],
        kinds={"postgres", "table"},
        metadata={"dagster/table_name": "outreach.schedule_rows"},
    )
    def step_schedule(
        context: AssetExecutionContext,
        config: PlanConfig,
        settings: ResourceParam[Settings],
        clock: ResourceParam[Clock],
    ) -> MaterializeResult:
        days, now = days_of(context), clock()
        with ledger(settings) as connection:
            with refusing(SaysEnough):
                report = plan(
                    connection,
                    days[0],
                    days[-1],
                    now=now,
                    settings=settings,
                    context=run_context(context),
                    scenarios=config.scenarios or None,
                )
            for scenario in report.left_out:
                context.log.error(f"left out: {scenario}")
            for version in report.unanswered:
                context.log.error(f"not stopped: {version}")
            told = plan_metadata(report, today=settings.local_date(now)) | content_metadata(connection, settings)
            for day in days:
                context.add_asset_metadata(day_metadata(connection, day), partition_key=day.isoformat())
        return MaterializeResult(metadata=told)

    return step_schedule


def plan_metadata(report: PlanReport, *, today: date) -> dict[str, MetadataValue]:
    """Return what a planning run did on `today`, for the metadata of its materialisations."""
    # days after today are left for their own planning
    last_day = min(report.last_day, today)
    days = {day.isoformat() for day in (report.first_day, last_day) if report.first_day <= last_day}
    return {
        "planned_days": MetadataValue.text(" to ".join(sorted(days)) or "none"),
        "created": MetadataValue.md(count_table(report.created)),
        "rows_created": MetadataValue.int(rows_in(report.created)),
        "rows_held": MetadataValue.int(report.held),
        "rows_ready": MetadataValue.int(report.ready),
        "enrolled": MetadataValue.int(report.enrolled),
        "cancelled_by_stops": MetadataValue.int(report.cancelled),
        "holds_expired": MetadataValue.int(report.expired),
        "superseded": MetadataValue.int(report.superseded),
        "turned_away": MetadataValue.int(sum(decision.customers for decision in report.turned_away)),
        "decisions": MetadataValue.md(decision_table(report.decisions)),
        "scenarios_left_out": MetadataValue.int(len(report.left_out)),
        "versions_unanswered": MetadataValue.int(len(report.unanswered)),
        **_meaning(report),
        # a dry run has left nothing that one could look up
        **({} if report.is_dry_run else _in_the_ledger(report)),
    }


def _meaning(report: PlanReport) -> dict[str, MetadataValue]:
    if report.meaning is None:
        return {}
    return {
        "meaning": MetadataValue.md(eligibility_table(report.meaning)),
        "people_still_eligible": MetadataValue.int(sum(count.still_eligible for count in report.meaning)),
        "people_no_longer_eligible": MetadataValue.int(sum(count.no_longer_eligible for count in report.meaning)),
    }


def _in_the_ledger(report: PlanReport) -> dict[str, MetadataValue]:
    return {
        "ledger_run_id": MetadataValue.text(str(report.run_id)),
        "rows_in_sql": MetadataValue.md(
            f"```sql\nselect * from outreach.schedule_rows where run_id = '{report.run_id}'\n```"
        ),
    }


def content_metadata(connection: Connection, settings: Settings) -> dict[str, MetadataValue]:
    """Return why rows of enabled scenarios would not go out, whose contents cannot be sent; empty if all can be."""
    if not (faults := faults_in_use(connection, settings)):
        return {}
    return {
        "contents_broken": MetadataValue.int(len(faults)),
        "cannot_be_sent": MetadataValue.text("\n".join(map(str, faults.values()))),
    }


def day_metadata(connection: Connection, day: date) -> dict[str, MetadataValue]:
    """Return how the rows of one due date stand now, whichever run created them."""
    counts = summary(connection, RowFilter(due_from=day, due_to=day))
    return {
        "due_date": MetadataValue.text(day.isoformat()),
        "rows_due": MetadataValue.int(rows_in(counts)),
        "rows_due_by_state": MetadataValue.md(count_table(counts)),
        "rows_command": MetadataValue.md(f"`ekiden rows --due-from {day} --due-to {day}`"),
    }
