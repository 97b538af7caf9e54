"""`deliveries`: the messages sent for a local due date.

Belongs here: what a sending run tells. Does not belong here: claims, checks and providers (`ekiden.delivery`).
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from uuid import UUID

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    BackfillPolicy,
    DailyPartitionsDefinition,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
)
from psycopg import Connection

from assets import schedule
from assets.acting import run_context
from assets.partitions import days_of
from assets.sample import SampleKeeper
from assets.schedule import day_metadata
from assets.tables import markdown_table
from ekiden.database.connection import connect
from ekiden.delivery.channels.base import Channel
from ekiden.delivery.send import SendCounts, SendReport, send_due
from ekiden.settings import Settings

KEY = AssetKey("deliveries")


def deliveries_asset(due_dates: DailyPartitionsDefinition) -> AssetsDefinition:
    """Return the asset of the sent days, downstream of their planning."""

    @asset(
        key=KEY,
        description=(
            "The messages sent for a local due date: whatever of it is ready and due now is claimed, checked "
            "against live facts, sent and recorded. Held rows are never sent; running again sends nothing twice."
        ),
        partitions_def=due_dates,
        backfill_policy=BackfillPolicy.single_run(),
        deps=[schedule.KEY],
        group_name=schedule.GROUP,
        owners=["team:marketing"],
        kinds={"postgres", "table"},
        metadata={"dagster/table_name": "outreach.messages"},
    )
    def deliveries(
        context: AssetExecutionContext,
        settings: ResourceParam[Settings],
        channel: ResourceParam[Channel],
        clock: ResourceParam[Callable[[], datetime]],
    ) -> MaterializeResult:
        keeper = SampleKeeper(channel)
        with connect(settings, autocommit=True) as connection:
            reports = []
            for day in days_of(context):
                report = send_due(
                    connection,
                    channel=keeper,
                    settings=settings,
                    clock=clock,
                    context=run_context(context),
                    due_date=day,
                )
                reports.append((day, report))
                context.add_asset_metadata(day_metadata(connection, day), partition_key=day.isoformat())
        return MaterializeResult(metadata=send_metadata(reports, keeper))

    return deliveries


def send_metadata(reports: Iterable[tuple[date | None, SendReport]], keeper: SampleKeeper) -> dict[str, MetadataValue]:
    """Return what sending runs did, for the metadata of their materialisations."""
    reports = list(reports)
    totals = vars(sum((report.counts for _, report in reports), SendCounts()))
    lines = [(day or "all", *vars(report.counts).values()) for day, report in reports]
    pauses = {str(pause) for _, report in reports for pause in report.pauses}
    run_ids = [str(report.run_id) for _, report in reports]
    return {
        **{name: MetadataValue.int(total) for name, total in totals.items()},
        "by_due_date": MetadataValue.md(markdown_table(("due date", *totals), lines)),
        "found_sent_of_vanished_senders": MetadataValue.int(sum(report.reconciled.sent for _, report in reports)),
        "paused": MetadataValue.text("; ".join(sorted(pauses)) or "nothing"),
        "ledger_run_ids": MetadataValue.text(", ".join(run_ids)),
        "channel": MetadataValue.text(keeper.name),
        "message_ids": MetadataValue.md(keeper.listing()),
        "sample_message": MetadataValue.md(keeper.sample()),
        "messages_in_sql": MetadataValue.md(
            f"```sql\nselect * from outreach.messages where send_run_id in ({_quoted(run_ids)})\n```"
        ),
    }


def sent_by_due_date(connection: Connection, run_id: UUID) -> list[tuple[date, int]]:
    """Return how many messages a ledger run sent for each due date, in order."""
    return connection.execute(
        "select due_date, count(*) from outreach.messages where send_run_id = %s group by due_date order by due_date",
        (run_id,),
    ).fetchall()


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
