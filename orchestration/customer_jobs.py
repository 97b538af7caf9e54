"""The job that looks at one customer, for people who work in the launchpad.

Belongs here: its form and what its run shows. Does not belong here: what is shown (`ekiden.insights.timeline`).
"""

from dagster import Config, JobDefinition, MetadataValue, OpExecutionContext, ResourceParam, job, op
from pydantic import Field

from assets.acting import ledger
from assets.tables import LONGEST_TABLE, markdown_table
from ekiden.insights.timeline import TimelineEntry, TimelineFilter, timeline
from ekiden.settings import Settings
from orchestration.job_config import read_days
from orchestration.operator_jobs import show
from orchestration.refusals import refusing


class ShowTimeline(Config):
    """Whose timeline, and which part of it. Addresses stay masked: a run's page is kept, and many read it."""

    customer: str = Field(description="Customer id.")
    first_day: str | None = Field(default=None, description="First local day, like 2026-12-01. Empty: the beginning.")
    last_day: str | None = Field(default=None, description="Last local day. Empty: now.")
    scenario: str | None = Field(default=None, description="Of the scenarios' entries only this one's. Empty: all.")
    oldest_first: bool = Field(default=False, description="True: from the beginning on.")
    limit: int = Field(
        default=LONGEST_TABLE, ge=1, le=LONGEST_TABLE, description="Most entries; `ekiden timeline` shows any number."
    )


@op(name="read_timeline", description="Read what happened to one customer, and why.", tags={"kind": "ledger"})
@refusing()
def timeline_op(context: OpExecutionContext, config: ShowTimeline, settings: ResourceParam[Settings]) -> None:
    """Show a timeline as the run's metadata; an unknown customer fails the run."""
    chosen = TimelineFilter(*read_days(config.first_day, config.last_day), config.scenario or None)
    with ledger(settings) as connection:
        found = timeline(
            connection,
            config.customer,
            zone=settings.zone,
            chosen=chosen,
            limit=config.limit,
            oldest_first=config.oldest_first,
        )
    table = markdown_table(
        ("when", "scenario", "what", "why", "by"), (_cells(entry, settings) for entry in found.entries)
    )
    show(
        context,
        {
            "timeline": MetadataValue.md(table),
            "entries_shown": MetadataValue.int(len(found.entries)),
            "entries_in_all": MetadataValue.int(found.total),
            "in_shop": MetadataValue.bool(found.in_shop),
        },
    )


def _cells(entry: TimelineEntry, settings: Settings) -> tuple[str, ...]:
    at = f"{entry.at.astimezone(settings.zone):%Y-%m-%d %H:%M:%S}"
    return at, entry.scenario_code or "", entry.what, entry.why or "", entry.by or ""


@job(description="Show one customer: orders, entries, plans, decisions, holds, sends and events, with the reasons.")
def show_timeline() -> None:
    """Show a customer's timeline."""
    timeline_op()


CUSTOMER_JOBS: tuple[JobDefinition, ...] = (show_timeline,)
