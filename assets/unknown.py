"""Messages of unknown outcome in the UI: a check that shows those a person has to settle, and their evidence.

Belongs here: what is told of them. Does not belong here: which are unknown (`ekiden.delivery.unknown`), and
settling them (`orchestration.jobs.operating`).
"""

from datetime import datetime

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    MetadataValue,
    ResourceParam,
    asset_check,
)
from psycopg import Connection

from assets import deliveries
from assets.shown.tables import LONGEST_TABLE, markdown_table
from assets.steps.acting import ledger
from ekiden.clock import Clock
from ekiden.delivery.unknown.rows import UnknownFilter, unknown_counts, unknown_rows
from ekiden.local_time import to_the_minute
from ekiden.settings import Settings

WHAT_TO_DO = (
    "`ekiden unknown list` and `ekiden unknown settle`, or the job settle_unknown: nothing repeats them by itself."
)


def unknown_settled_check() -> AssetChecksDefinition:
    """Return the check of the deliveries; it warns and stops nothing."""

    @asset_check(
        asset=deliveries.KEY,
        name="unknown_settled",
        description=(
            "No message is of unknown outcome for longer than EKIDEN_UNKNOWN_AFTER: by then the provider's events have "
            "had their time, and a person has to say what became of it."
        ),
    )
    def unknown_settled(settings: ResourceParam[Settings], clock: ResourceParam[Clock]) -> AssetCheckResult:
        now = clock()
        with ledger(settings) as connection:
            # those that are past it by now
            late = UnknownFilter(posted_until=now - settings.unknown_after)
            metadata = unknown_metadata(connection, late, now=now, settings=settings, sample=LONGEST_TABLE)
            counts = unknown_counts(connection, late, now=now, unknown_after=settings.unknown_after)
        past_limit = sum(count.past_limit for count in counts)
        if past_limit:
            metadata["what_to_do"] = MetadataValue.md(WHAT_TO_DO)
        return AssetCheckResult(
            passed=not past_limit,
            severity=AssetCheckSeverity.WARN,
            metadata={"rows_to_settle": MetadataValue.int(past_limit), **metadata},
        )

    return unknown_settled


def unknown_metadata(
    connection: Connection, chosen: UnknownFilter, *, now: datetime, settings: Settings, sample: int
) -> dict[str, MetadataValue]:
    """Return how the rows on their way stand that the filter admits, and what is known of the first unknown ones."""
    counts = unknown_counts(connection, chosen, now=now, unknown_after=settings.unknown_after)
    first = unknown_rows(connection, chosen, now=now, unknown_after=settings.unknown_after, limit=sample)
    return {
        "on_their_way": MetadataValue.md(
            markdown_table(
                ("scenario", "step", "goes by", "standing", "past the limit", "rows"),
                (
                    (
                        count.scenario_code,
                        count.step_no,
                        count.channel_name,
                        count.standing,
                        count.past_limit,
                        count.rows,
                    )
                    for count in counts
                ),
            )
        ),
        "first_unknown": MetadataValue.md(
            markdown_table(
                (
                    "scenario",
                    "customer",
                    "step",
                    "to",
                    "posted",
                    "hours",
                    "answer",
                    "events",
                    "sender",
                    "run",
                    "message",
                ),
                (
                    (
                        row.scenario_code,
                        row.customer_id,
                        row.step_no,
                        row.to_address,
                        to_the_minute(row.posted_at, settings.zone) if row.posted_at else "",
                        f"{row.hours:.0f}",
                        row.answer or "none: its sender vanished",
                        row.events,
                        row.sender,
                        row.dagster_run_id or row.run_id,
                        row.message_id,
                    )
                    for row in first
                ),
            )
        ),
    }
