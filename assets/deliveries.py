"""`deliveries`: the messages sent for a local due date.

Belongs here: the asset, and what a sending run tells. Does not belong here: claims, checks and providers
(`ekiden.delivery`), and the work itself (`steps.sending`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetIn,
    AssetKey,
    AssetsDefinition,
    BackfillPolicy,
    DailyPartitionsDefinition,
    In,
    MetadataValue,
    Nothing,
    Out,
    Output,
    ResourceParam,
    graph_asset,
    op,
)
from psycopg import Connection

from assets import schedule
from assets.schedule import day_metadata
from assets.shown.sample import listing
from assets.shown.tables import markdown_table
from assets.steps.acting import ledger
from assets.steps.partitions import days_of
from assets.steps.sending import (
    WorkerReport,
    broken_contents,
    fail_for_broken_contents,
    reports_of,
    runs_of,
    total,
    work,
)
from ekiden.clock import Clock
from ekiden.database.statements import statement
from ekiden.delivery.channels.base import Carrier
from ekiden.delivery.latency import Latency, latency_of
from ekiden.delivery.sending.send import SendCounts
from ekiden.settings import Settings

KEY = AssetKey("deliveries")


@op(
    name="send_worker",
    description="Send what is due of the run's due dates, together with the other workers, until nothing is.",
    ins={"planned": In(Nothing)},
    out=Out(Nothing),
)
def send_worker(
    context: AssetExecutionContext,
    settings: ResourceParam[Settings],
    carriers: ResourceParam[Sequence[Carrier]],
    clock: ResourceParam[Clock],
) -> None:
    """Be one of the workers of the run."""
    work(context, settings=settings, carriers=carriers, clock=clock, due_dates=days_of(context))


@op(
    name="gather_deliveries",
    description="Say what the workers sent.",
    ins={"sent": In(Nothing)},
    out=Out(Nothing),
)
def gather_deliveries(context: AssetExecutionContext, settings: ResourceParam[Settings]) -> Iterator[Output[None]]:
    """Put what the workers did on the materialisation of each due date."""
    run_ids = runs_of(context)
    reports = reports_of(context, run_ids)
    with ledger(settings) as connection:
        for day in days_of(context):
            context.add_asset_metadata(day_metadata(connection, day), asset_key=KEY, partition_key=day.isoformat())
        metadata = send_metadata(reports, latency_of_reports(connection, reports), run_ids)
    yield Output(None, metadata=metadata)
    fail_for_broken_contents(reports)


def deliveries_asset(due_dates: DailyPartitionsDefinition, workers: int) -> AssetsDefinition:
    """Return the asset of the sent days, downstream of their planning; so many workers send each of its runs."""

    @graph_asset(
        key=KEY,
        description=(
            "The messages sent for a local due date: whatever of it is ready and due now is claimed, checked "
            "against live facts, sent and recorded. Held rows are never sent; running again sends nothing twice."
        ),
        ins={"planned": AssetIn(key=schedule.KEY, dagster_type=Nothing)},
        partitions_def=due_dates,
        backfill_policy=BackfillPolicy.single_run(),
        group_name=schedule.GROUP,
        owners=["team:marketing"],
        kinds={"postgres", "table"},
        metadata={"dagster/table_name": "outreach.messages"},
    )
    def deliveries(planned: Any) -> Any:
        return gather_deliveries([send_worker.alias(worker_name(n))(planned) for n in range(1, workers + 1)])

    return deliveries


def worker_name(number: int) -> str:
    """Return the name of a worker's step."""
    return f"send_worker_{number}"


def latency_of_reports(connection: Connection, reports: Sequence[WorkerReport]) -> Latency | None:
    """Return how long the messages took that the reports tell of."""
    return latency_of(connection, [run.run_id for report in reports for run in report.ledger_runs])


def send_metadata(
    reports: Sequence[WorkerReport], latency: Latency | None, dagster_run_ids: Sequence[str]
) -> dict[str, MetadataValue]:
    """Return what the workers of a run did, and of those that it takes up, for the metadata of its materialisations."""
    runs = [run for report in reports for run in report.ledger_runs]
    counts = vars(total(reports))
    samples = [report.sample for report in reports if report.sample]
    pauses = _distinct(pause for run in runs for pause in run.pauses)
    quoted = ", ".join(f"'{run_id}'" for run_id in dagster_run_ids)
    return {
        **{name: MetadataValue.int(count) for name, count in counts.items()},
        **latency_metadata(latency),
        "workers": MetadataValue.int(len(reports)),
        "by_due_date": MetadataValue.md(markdown_table(("due date", *counts), _by_due_date(reports))),
        "found_sent_of_vanished_senders": MetadataValue.int(sum(run.found_sent for run in runs)),
        "paused": MetadataValue.text("; ".join(pauses) or "nothing"),
        "broken_contents": MetadataValue.text("\n".join(broken_contents(reports)) or "none"),
        # a worker that waits for the next minute looks more often than it finds something
        "ledger_run_ids": MetadataValue.text(
            ", ".join(str(run.run_id) for run in runs if run.counts != SendCounts())
            or ", ".join(str(run.run_id) for run in runs[:1])
        ),
        "channel": MetadataValue.text(", ".join(_distinct(run.channel for run in runs))),
        "message_ids": MetadataValue.md(listing([id_ for report in reports for id_ in report.message_ids])),
        "sample_message": MetadataValue.md(samples[0] if samples else "nothing was sent"),
        "messages_in_sql": MetadataValue.md(
            "```sql\nselect * from outreach.messages where send_run_id in (\n"  # noqa: S608 - shown, not run
            f"    select run_id from outreach.runs where dagster_run_id in ({quoted})\n)\n```"
        ),
    }


def latency_metadata(latency: Latency | None) -> dict[str, MetadataValue]:
    """Return how long messages took from their due time to the provider's acceptance, in seconds."""
    if latency is None:
        return {}
    return {
        "latency_p50_seconds": MetadataValue.float(latency.p50.total_seconds()),
        "latency_p95_seconds": MetadataValue.float(latency.p95.total_seconds()),
        "latency_longest_seconds": MetadataValue.float(latency.longest.total_seconds()),
    }


def sent_by_due_date(connection: Connection, reports: Sequence[WorkerReport]) -> list[tuple[date, int]]:
    """Return how many messages the workers sent for each due date, in order."""
    run_ids = [run.run_id for report in reports for run in report.ledger_runs if run.counts.sent]
    return connection.execute(statement(__file__, "sent_by_due_date"), {"runs": run_ids}).fetchall()


def _by_due_date(reports: Sequence[WorkerReport]) -> list[tuple[object, ...]]:
    by_date: dict[date | None, SendCounts] = {}
    for report in reports:
        for run in report.ledger_runs:
            by_date[run.due_date] = by_date.get(run.due_date, SendCounts()) + run.counts
    # a backfill looks at hundreds of days of which few have anything due
    told = {day: counts for day, counts in by_date.items() if counts != SendCounts()}
    return [(day or "all", *vars(counts).values()) for day, counts in told.items()]


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted(set(values))
