"""What the launchpad tells of held rows before somebody releases them.

Belongs here: ages and eligibility as metadata. Does not belong here: how they are asked (`ekiden.schedule.held`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dagster import MetadataValue
from psycopg import Connection

from assets.shown.tables import eligibility_table, markdown_table
from ekiden.schedule.held import HeldRow, held_counts, held_rows
from ekiden.schedule.rows import RowFilter
from ekiden.settings import Settings


def held_metadata(
    connection: Connection[Any], row_filter: RowFilter, *, now: datetime, settings: Settings, sample: int
) -> dict[str, MetadataValue]:
    """Return how long the filter's held rows wait, why, and how many of their people would still be eligible."""
    counted = held_count_metadata(connection, row_filter, now=now, settings=settings)
    first = held_rows(connection, row_filter, now=now, settings=settings, limit=sample)
    return {"held": counted.pop("held"), "first_held_rows": MetadataValue.md(held_table(first)), **counted}


def held_count_metadata(
    connection: Connection[Any], row_filter: RowFilter, *, now: datetime, settings: Settings
) -> dict[str, MetadataValue]:
    """Return the filter's held rows counted, and how many of their people would still be eligible."""
    counts = held_counts(connection, row_filter, now=now, settings=settings)
    return {
        "held": MetadataValue.md(eligibility_table(counts)),
        "people_still_eligible": MetadataValue.int(sum(count.still_eligible for count in counts)),
        "people_no_longer_eligible": MetadataValue.int(sum(count.no_longer_eligible for count in counts)),
    }


def held_table(rows: Iterable[HeldRow]) -> str:
    """Return held rows as a Markdown table: for how long, why, and how their people stand."""
    return markdown_table(
        ("scenario", "customer", "step", "due", "days held", "hold reason", "reason", "still eligible", "because"),
        (
            (
                row.scenario_code,
                row.customer_id,
                row.step_no,
                row.due_date,
                row.days_held,
                row.hold_reason,
                row.reason,
                {True: "yes", False: "no", None: ""}[row.still_eligible],
                row.because,
            )
            for row in rows
        ),
    )
