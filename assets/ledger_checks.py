"""The ledger's invariants as asset checks: what may never be true of schedule and deliveries.

Each is a query in `sql/` that returns the offenders; the database and the code prevent them, these checks would
notice if they did not. Does not belong here: anything that repairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    ResourceParam,
    multi_asset_check,
)
from psycopg import Connection

from assets import deliveries, schedule
from assets.tables import markdown_table
from ekiden.database.connection import connect
from ekiden.settings import Settings

QUERIES = Path(__file__).parent / "sql"
OFFENDERS_SHOWN = 20


@dataclass(frozen=True)
class Invariant:
    """One thing that always holds; `name` is also the name of its query."""

    name: str
    asset: AssetKey
    description: str
    blocking: bool = False
    """True: what comes after in the same run does not start if it is violated."""

    @property
    def query(self) -> str:
        return (QUERIES / f"{self.name}.sql").read_text(encoding="utf-8")


INVARIANTS = (
    Invariant(
        "one_row_per_step",
        schedule.KEY,
        "At most one row per enrolment and step that is not deleted, and at most one open row per enrolment.",
        blocking=True,
    ),
    Invariant(
        "next_step_only_after_sent",
        schedule.KEY,
        "A later step has a row only if the step before it was sent.",
        blocking=True,
    ),
    Invariant(
        "planning_changes_no_row",
        schedule.KEY,
        "Planning creates rows and stops them; it never changes one otherwise.",
        blocking=True,
    ),
    Invariant(
        "one_message_per_sent_row",
        deliveries.KEY,
        "Every sent row has exactly one message with its lineage.",
    ),
    Invariant(
        "past_rows_sent_only_after_release",
        deliveries.KEY,
        "A row that was born held was sent only if a person released it.",
    ),
    Invariant("sent_is_final", deliveries.KEY, "No row ever leaves the state sent."),
)


def ledger_checks() -> list[AssetChecksDefinition]:
    """Return the checks, one step for each of the two assets."""
    return [_checks_of(schedule.KEY, "check_schedule"), _checks_of(deliveries.KEY, "check_deliveries")]


def offenders(connection: Connection[Any], invariant: Invariant) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and rows of what violates an invariant; no rows: it holds."""
    cursor = connection.execute(invariant.query)
    return [column.name for column in cursor.description or ()], cursor.fetchall()


def _checks_of(asset: AssetKey, name: str) -> AssetChecksDefinition:
    invariants = {invariant.name: invariant for invariant in INVARIANTS if invariant.asset == asset}

    @multi_asset_check(
        name=name,
        specs=[
            AssetCheckSpec(invariant.name, asset=asset, description=invariant.description, blocking=invariant.blocking)
            for invariant in invariants.values()
        ],
        can_subset=True,
    )
    def check_ledger(
        context: AssetCheckExecutionContext, settings: ResourceParam[Settings]
    ) -> Iterator[AssetCheckResult]:
        with connect(settings, autocommit=True) as connection:
            for selected in sorted(context.selected_asset_check_keys):
                columns, rows = offenders(connection, invariants[selected.name])
                yield AssetCheckResult(
                    asset_key=asset,
                    check_name=selected.name,
                    passed=not rows,
                    metadata={
                        "offenders": MetadataValue.int(len(rows)),
                        "first_offenders": MetadataValue.md(markdown_table(columns, rows[:OFFENDERS_SHOWN])),
                    },
                )

    return check_ledger
